"""Libraries that people run beside FastAPI, under this framework: each does what it is for.

The scripts in `libraries/` are written as for FastAPI, and hold there too (`<environment>/bin/python <script>`). Each runs
in an environment of its own in `.libraries/`, made when it is missing and kept. Run by `make soak`, which sets
FASTHTTP_SOAK=1; skipped otherwise, and where the package index cannot be reached.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if os.environ.get("FASTHTTP_SOAK") != "1":
    pytest.skip("long campaigns; set FASTHTTP_SOAK=1, as `make soak` does", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / ".libraries"
SCRIPTS = Path(__file__).with_name("libraries")
RUN = """
import FasterAPI.compat, runpy, sys
FasterAPI.compat.install()
runpy.run_path(sys.argv[1], run_name="__main__")
import fastapi.applications
assert fastapi.applications.__name__ == "FasterAPI.applications"
"""
ALWAYS = ("fastapi", "httpx", "httpx2")  # the real one too: the finder of ours comes first
LIBRARIES = {
    "spans": "opentelemetry-sdk opentelemetry-instrumentation-fastapi",
    "errors": "sentry-sdk",
    "counters": "prometheus-fastapi-instrumentator",
    "rates": "slowapi",
    "users": "fastapi-users[sqlalchemy] aiosqlite",
    "admin": "sqladmin sqlalchemy[asyncio] itsdangerous",
    "queries": "strawberry-graphql[fastapi]",
    "pages": "fastapi-pagination",
    "offline": "fastapi-offline",
}


def environment(name: str) -> Path:
    """The Python of an environment with a library and with this tree; made anew when what it needs has changed."""
    needed = [*ALWAYS, *LIBRARIES[name].split()]
    stamp = hashlib.sha256(" ".join([sys.version, str(ROOT), *needed]).encode()).hexdigest()
    folder = PLACE / name
    python = folder / "bin" / "python"
    made = folder / "made"
    if made.exists() and made.read_text() == stamp:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "install", "--quiet", "-e", f"{ROOT}[pydantic]", *needed], capture_output=True, text=True, check=False)
    if done.returncode:
        reached = subprocess.run([*pip, "download", "--quiet", "--no-deps", "-d", str(folder), "idna"], capture_output=True, check=False)
        if reached.returncode:
            pytest.skip("the package index cannot be reached")
        pytest.fail(f"{name} could not be installed: {done.stderr}")
    made.write_text(stamp)
    return python


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_does_what_it_is_for(name: str, tmp_path: Path) -> None:
    """Its script, with `import fastapi` meaning this framework, finds what it asks for."""
    command = [str(environment(name)), "-c", RUN, str(SCRIPTS / f"{name}.py")]
    settings = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_script_is_run() -> None:
    """None lies about that nothing runs."""
    assert {path.stem for path in SCRIPTS.glob("*.py")} == set(LIBRARIES)
