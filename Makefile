# `make demo` and `make test` each make the environment (.venv) and do their work. Needed: Python >= 3.11, make, a package index.
.DEFAULT_GOAL := help
.PHONY: help demo test lock soak oracle bench micro docs clean
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made
RUN := $(BIN)/python

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(STAMP): pyproject.toml uv.lock requirements.lock scripts/make_env.sh
	@sh scripts/make_env.sh $(VENV)
	@touch $@

demo: $(STAMP) ## the main job on real input: serve the Unicode database, ask it 10,000 questions, check the answers
	@$(RUN) examples/unicode_api/demo.py

test: $(STAMP) ## everything that must hold
	@PATH="$(abspath $(BIN)):$$PATH" $(RUN) scripts/check.py

lock: ## renew uv.lock and requirements.lock (needs uv)
	uv lock
	uv export --quiet --format requirements-txt --extra dev --no-emit-project --no-header -o requirements.lock

soak: $(STAMP) ## longer campaigns: fuzzing, cancellation, leaks, libraries beside the framework, pages in a browser
	@FASTHTTP_SOAK=1 $(RUN) -m pytest tests/soak -q

oracle: $(STAMP) ## the suite of FastAPI against our framework, and its list of expected failures
	@$(RUN) scripts/oracle.py

bench: $(STAMP) ## the figures of bench/RESULTS.md, in an environment of their own (.venv-bench)
	@test -x .venv-bench/bin/python || $(RUN) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev,bench]'
	@# niquests brings a fork that takes urllib3's place; requests and urllib3 are measured with the genuine one
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .venv-bench/urllib3 urllib3
	@.venv-bench/bin/python bench/run.py --urllib3 .venv-bench/urllib3

micro: $(STAMP) ## the micro benchmark of the pure parts
	@$(RUN) bench/micro.py

clean: ## remove what was made
	rm -rf $(VENV) .venv-bench .oracle .libraries build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
