#!/bin/sh
# Make the virtual environment in $1 from the lock files: with uv where it is, else with venv and pip.
set -eu
venv=$1

python=
for candidate in python3.14 python3.13 python3.12 python3.11 python3 python \
    "$HOME"/.pyenv/versions/3.14*/bin/python3 "$HOME"/.pyenv/versions/3.13*/bin/python3 \
    "$HOME"/.pyenv/versions/3.12*/bin/python3 "$HOME"/.pyenv/versions/3.11*/bin/python3; do
    found=$("$candidate" -c 'import sys; print("%d%03d" % sys.version_info[:2] if sys.version_info[:2] <= (3, 14) else 0)' 2>/dev/null) || continue
    if [ "$found" -ge 3011 ] && [ "$found" -gt "${best:-0}" ]; then
        best=$found
        python=$candidate
    fi
done
if [ -z "$python" ]; then
    echo "No Python 3.11 to 3.14 was found. Install one (Debian: apt-get install python3 python3-venv) and try again." >&2
    exit 1
fi
# The interpreter itself, not the name it was found under: that may be a shim, or belong to another environment.
python=$("$python" -c 'import sys; print(getattr(sys, "_base_executable", sys.executable))')

rm -rf "$venv"
if command -v uv >/dev/null 2>&1; then
    export UV_PYTHON_DOWNLOADS=never
    uv venv --quiet --python "$python" "$venv"
    VIRTUAL_ENV=$(cd "$venv" && pwd) UV_PROJECT_ENVIRONMENT=$(cd "$venv" && pwd) uv sync --quiet --locked --extra dev
    exit 0
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python has no ensurepip, so it cannot make a virtual environment with pip." >&2
    echo "Install it (Debian: apt-get install python3-venv) or install uv, and try again." >&2
    exit 1
fi
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --editable .
