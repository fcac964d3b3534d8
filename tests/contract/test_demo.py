"""The demo checks its answers, and fails when one is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--tamper"], 1)])
def test_the_exit_code_is_that_of_the_check(arguments: list[str], code: int, tmp_path: Path) -> None:
    """Right answers exit 0 although three requests fail on purpose; a falsified database exits 1."""
    for name in ("demo.py", "server.py", "rival.py"):
        (tmp_path / name).write_text((ROOT / "examples/unicode_api" / name).read_text())
    command = [sys.executable, str(tmp_path / "demo.py"), "--requests", "200", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"}, check=False, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    assert "failures (3 deliberate)" in done.stdout
    assert "requests per second" in done.stdout
    assert ("wrong answer" in done.stdout.replace("wrong answers", "")) == bool(code)
