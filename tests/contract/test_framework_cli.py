"""The command `fasterapi`: what is served, shown and written, and what is said where there is nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from FasterAPI.cli import rewritten

APPLICATION = """
from FasterAPI import Faster

app = Faster(title="Shelf")


@app.get("/books/{number}")
async def book(number: int) -> int:
    return number
"""


def fasterapi(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "FasterAPI", *arguments]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("file", "target"), [
    ("main.py", []), ("app.py", []), ("app/main.py", []), ("other.py", ["other.py"]), ("other.py", ["other:app"]),
    ("deep/api.py", ["deep"]),
])  # fmt: skip
def test_an_application_is_found(file: str, target: list[str], tmp_path: Path) -> None:
    """By module and variable, by file, by folder, or where nothing is named in the usual places."""
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(APPLICATION, "utf-8")
    done = fasterapi("routes", *target, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "/books/{number}" in done.stdout
    assert "GET" in done.stdout


def test_the_project_file_may_name_it(tmp_path: Path) -> None:
    """Under the tool's own name or under that of the framework that people come from."""
    (tmp_path / "web.py").write_text(APPLICATION.replace("app =", "site =").replace("@app", "@site"), "utf-8")
    (tmp_path / "pyproject.toml").write_text('[tool.fastapi]\nentrypoint = "web:site"\n', "utf-8")
    assert "/books/{number}" in fasterapi("routes", folder=tmp_path).stdout


@pytest.mark.parametrize(("target", "words"), [([], "main.py"), (["nothing:app"], "nothing"), (["empty.py"], "no application")])
def test_a_wrong_target_says_what_was_tried(target: list[str], words: str, tmp_path: Path) -> None:
    """In one line, with code 2."""
    (tmp_path / "empty.py").write_text("", "utf-8")
    done = fasterapi("routes", *target, folder=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_the_schema_is_written(tmp_path: Path) -> None:
    """To the standard output, or into a file."""
    (tmp_path / "main.py").write_text(APPLICATION, "utf-8")
    assert json.loads(fasterapi("openapi", folder=tmp_path).stdout)["info"]["title"] == "Shelf"
    assert fasterapi("openapi", "-o", "schema.json", folder=tmp_path).stdout == ""
    assert "/books/{number}" in json.loads((tmp_path / "schema.json").read_text("utf-8"))["paths"]


def test_a_new_project_passes_its_own_tests(tmp_path: Path) -> None:
    """And is not made where something is already."""
    assert fasterapi("new", "shop", folder=tmp_path).returncode == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path / "shop", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert fasterapi("new", "shop", folder=tmp_path).returncode == 2


def test_imports_are_changed_and_nothing_else() -> None:
    """Comments, strings and formatting stay, and a second time changes nothing."""
    before = (
        "import fastapi, os  # fastapi\nimport fastapi.security as s\nfrom fastapi import (\n    FastAPI,\n)\n"
        "from fastapi.responses import  JSONResponse\nfrom .fastapi import x\ntext = 'import fastapi'\napp = fastapi.FastAPI()\n"
    )
    after = rewritten(before)
    assert after == (
        "import FasterAPI as fastapi, os  # fastapi\nimport FasterAPI.security as s\nfrom FasterAPI import (\n    FastAPI,\n)\n"
        "from FasterAPI.responses import  JSONResponse\nfrom .fastapi import x\ntext = 'import fastapi'\napp = fastapi.FastAPI()\n"
    )
    assert rewritten(after) == after


def test_a_dry_run_shows_and_does_nothing(tmp_path: Path) -> None:
    """The difference, as programs that merge read it."""
    (tmp_path / "a.py").write_text("from fastapi import FastAPI\n", "utf-8")
    done = fasterapi("migrate-from-fastapi", "--dry-run", ".", folder=tmp_path)
    assert "-from fastapi import FastAPI\n+from FasterAPI import FastAPI\n" in done.stdout
    assert (tmp_path / "a.py").read_text("utf-8") == "from fastapi import FastAPI\n"
    assert fasterapi("migrate-from-fastapi", ".", folder=tmp_path).returncode == 0
    assert (tmp_path / "a.py").read_text("utf-8") == "from FasterAPI import FastAPI\n"


def test_our_own_server_is_not_there_yet(tmp_path: Path) -> None:
    """Whoever asks for it is told, and nothing is served."""
    (tmp_path / "main.py").write_text(APPLICATION, "utf-8")
    done = fasterapi("run", "--server", "fasterapi", folder=tmp_path)
    assert done.returncode == 2
    assert "not there yet" in done.stderr
