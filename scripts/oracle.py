"""Runs the suite of FastAPI, as its source distribution carries it, against this framework, and compares with what is expected.

Downloads the pinned version and what its tests need into `.oracle/` (nothing of it is kept in this repository). Expected failures
stand in `tests/oracle.txt`, one a line, each with its reason; a failure that is not there, and a line whose test passes, are both
faults: the list only shrinks. `--update` writes the failures of this run that are known already, and drops the lines that pass.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / ".oracle"
EXPECTED = ROOT / "tests" / "oracle.txt"
VERSION = "0.165.0"
PINNED = ["starlette==1.10.0", "pydantic==2.14.3", "pytest<9.2"]
NEEDED = (
    "httpx httpx2 itsdangerous pyyaml email-validator pydantic-settings pydantic-extra-types jinja2 anyio[trio] dirty-equals flask"
    " inline-snapshot pwdlib[argon2] pyjwt sqlmodel strawberry-graphql a2wsgi pytest-xdist[psutil] pytest-timeout python-slugify orjson"
    " ujson opentelemetry-sdk opentelemetry-exporter-otlp-proto-http opentelemetry-instrumentation-fastapi logfire sentry-sdk"
).split()
PLUGIN = "import FasterAPI.compat\n\nFasterAPI.compat.install(force=True)\n"


def prepare() -> Path:
    """The Python of an environment with everything in it; made once."""
    python = PLACE / "venv" / "bin" / "python"
    if not (PLACE / "ready").exists():
        PLACE.mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", str(PLACE / "venv")], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-e", str(ROOT), *PINNED, *NEEDED], check=True)
        download = [str(python), "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "-d", str(PLACE)]
        subprocess.run([*download, f"fastapi=={VERSION}"], check=True)
        with tarfile.open(PLACE / f"fastapi-{VERSION}.tar.gz") as archive:
            archive.extractall(PLACE, filter="data")
        plugin = PLACE / "plugin"
        plugin.mkdir(exist_ok=True)
        (plugin / "oracle_plugin.py").write_text(PLUGIN, "utf-8")
        (PLACE / "ready").touch()
    return python


def run(python: Path, selection: list[str]) -> tuple[int, set[str]]:
    """(how many passed, which did not)."""
    report = PLACE / "report.xml"
    environment = {**os.environ, "PYTHONPATH": str(PLACE / "plugin")}
    command = [str(python), "-m", "pytest", "-q", "-n", "2", "-p", "oracle_plugin", "-p", "no:cacheprovider", "--timeout", "20"]
    command += ["-o", "junit_family=xunit1", f"--junit-xml={report}", *(selection or ["tests"])]
    subprocess.run(command, cwd=PLACE / f"fastapi-{VERSION}", env=environment, stdout=subprocess.DEVNULL, check=False)
    passed, failed = 0, set()
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('file') or case.get('classname')}::{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            failed.add(name)
        elif case.find("skipped") is None:
            passed += 1
    return passed, failed


def expected() -> dict[str, str]:
    """The failures that are known: name to reason."""
    lines = EXPECTED.read_text("utf-8").splitlines() if EXPECTED.exists() else []
    pairs = (line.partition("  # ") for line in lines if line and not line.startswith("#"))
    return {name.strip(): reason for name, _, reason in pairs}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="drop the lines of tests that pass now")
    parser.add_argument("selection", nargs="*", help="files or tests of the suite; all by default")
    options = parser.parse_args()
    passed, failed = run(prepare(), options.selection)
    known = expected()
    total = passed + len(failed)
    print(f"{passed} of {total} passed ({passed / max(total, 1):.1%}); {len(failed)} failed, {len(known)} of which may")
    fresh = sorted(failed - known.keys())
    gone = [] if options.selection else sorted(known.keys() - failed)
    for name in fresh:
        print(f"not expected to fail: {name}")
    for name in gone:
        print(f"passes now, take it off the list: {name}")
    if options.update:
        kept = [f"{name}  # {reason}" for name, reason in known.items() if name not in gone]
        EXPECTED.write_text("\n".join(kept) + "\n", "utf-8")
    return 1 if fresh or (gone and not options.update) else 0


if __name__ == "__main__":
    raise SystemExit(main())
