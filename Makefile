# `make demo` and `make test` each make the environment (.venv) and do their work. Needed: Python >= 3.11, make, a package index.
.DEFAULT_GOAL := help
.PHONY: help demo test lock soak bench micro docs clean
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

soak: $(STAMP) ## longer campaigns: fuzzing, cancellation, leaks
	@$(RUN) -m pytest tests/soak -q

bench: $(STAMP) ## the figures of bench/RESULTS.md
	@$(BIN)/pip install --quiet -e '.[bench]' 2>/dev/null || uv pip install --quiet --python $(RUN) -e '.[bench]'
	@$(RUN) bench/run.py

micro: $(STAMP) ## the micro benchmark of the pure parts
	@$(RUN) bench/micro.py

clean: ## remove what was made
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
