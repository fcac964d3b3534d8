"""The bytes and the decisions are covered, every branch, by their own tests."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAIRS = (("src/httpwire", ["tests/wire", "tests/property"]), ("src/fasthttp/_pure", ["tests/pure"]))


def main() -> int:
    code = 0
    for source, tests in PAIRS:
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "COVERAGE_FILE": str(Path(folder) / "data")}
            run = [sys.executable, "-m", "coverage"]
            code |= subprocess.run(
                [*run, "run", "--branch", f"--source={source}", "-m", "pytest", "-q", *tests], cwd=ROOT, env=environment, check=False
            ).returncode
            code |= subprocess.run(
                [*run, "report", "--skip-covered", "--show-missing", "--fail-under=100"], cwd=ROOT, env=environment, check=False
            ).returncode
    return code


if __name__ == "__main__":
    raise SystemExit(main())
