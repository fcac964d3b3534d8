"""Everything that must hold, in one go: what `make test` runs. Stops at nothing, and says at the end what failed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable

CHECKS: list[tuple[str, list[str]]] = [
    ("lint", ["ruff", "check", "."]),
    ("generated twins", [PYTHON, "scripts/unasync.py", "--check"]),
    ("layout", [PYTHON, "scripts/check_layout.py"]),
    ("layers", ["lint-imports", "--no-cache"]),
    ("types", ["mypy"]),
    ("tests", [PYTHON, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]),
    ("coverage of the pure parts", [PYTHON, "scripts/check_coverage.py"]),
]


def main() -> int:
    failed = []
    for name, command in CHECKS:
        started = time.monotonic()
        print(f"== {name}", flush=True)
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        print(f"   {'ok' if code == 0 else 'FAILED'} in {time.monotonic() - started:.1f}s", flush=True)
        if code:
            failed.append(name)
    print(f"{len(CHECKS) - len(failed)} passed, {len(failed)} failed" + (f": {', '.join(failed)}" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
