"""`python -m FasterAPI.compat check`: what files use that is not here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from FasterAPI._compat_check import missing_in
from FasterAPI.compat import main


@pytest.mark.parametrize(("source", "missing"), [
    ("import fastapi, fastapi.routing as r, starlette.responses\nfastapi.FastAPI; r.APIRoute; starlette.responses.Response", []),
    ("from fastapi import FastAPI, Depends as D, status\nstatus.HTTP_200_OK\nfrom fastapi.responses import *", []),
    ("from fastapi.middleware.cors import CORSMiddleware\nfrom fastapi import routing\nrouting.APIRoute.handle", []),
    ("import os, fastapi_users\nfrom .fastapi import x\nfrom . import y\nos.nothing; fastapi_users.z", []),
    ("def f(app):\n    app.nothing.more()\n    return f(1).fastapi", []),
    ("import fastapi\n\nfastapi.Nothing()", ["f.py:3: fastapi.Nothing"]),
    ("import fastapi.nothing", ["f.py:1: fastapi.nothing"]),
    ("import fastapi.nothing.more as m", ["f.py:1: fastapi.nothing.more"]),
    ("from fastapi.nothing import x", ["f.py:1: fastapi.nothing"]),
    ("from fastapi import (\n    FastAPI,\n    Nothing,\n)", ["f.py:1: fastapi.Nothing"]),
    ("import fastapi.routing as r\nr.nothing.more", ["f.py:2: fastapi.routing.nothing"]),
    ("import fastapi as fa\nfa.routing.nothing\nfa.routing.APIRoute", ["f.py:2: fastapi.routing.nothing"]),
    ("from fastapi import routing as r\nr.nothing(r.other)", ["f.py:2: fastapi.routing.nothing", "f.py:2: fastapi.routing.other"]),
    ("import starlette.applications\nstarlette.applications.Nothing", ["f.py:2: starlette.applications.Nothing"]),
    ("from starlette.nothing import x", ["f.py:1: starlette.nothing"]),
])  # fmt: skip
def test_names_without_a_counterpart_are_found(source: str, missing: list[str]) -> None:
    """Imports of every form, and attributes of modules under the names they were given; nothing else."""
    assert [str(found) for found in missing_in(source, "f.py")] == missing


def test_the_command_reads_folders_and_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each, status 1 where there is any, and a file that is no Python is told."""
    fine, wrong, broken = tmp_path / "a.py", tmp_path / "sub" / "b.py", tmp_path / "sub" / "c.py"
    wrong.parent.mkdir()
    fine.write_text("import fastapi\nraise SystemExit(9)\n")
    assert main(["check", str(fine)]) == 0
    assert capsys.readouterr().out == ""
    wrong.write_text("# -*- coding: latin-1 -*-\nfrom fastapi import Nothing, FastAPI\n")
    broken.write_text("def (")
    assert main(["check", str(tmp_path), str(tmp_path / "gone.py")]) == 1
    first, second, third = capsys.readouterr().out.splitlines()
    assert first == f"{wrong}:2: fastapi.Nothing"
    assert second.startswith(f"{broken}:1: cannot be read: ")
    assert third.startswith(f"{tmp_path / 'gone.py'}:0: cannot be read: ")
    done = subprocess.run([sys.executable, "-m", "FasterAPI.compat", "check", str(fine)], check=False, timeout=60)
    assert done.returncode == 0
