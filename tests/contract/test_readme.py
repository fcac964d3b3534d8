"""The examples of the README run as they are written, but for the port."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fasthttp import Client, FastHTTPError

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)


@pytest.fixture
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The server example, served as its first line says."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "shelf.py").write_text(BLOCKS[2])
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "shelf:app", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command, cwd=folder)
    try:
        with Client() as client:
            for _ in range(400):
                try:
                    client.get(f"http://127.0.0.1:{port}/")
                    break
                except FastHTTPError:
                    try:
                        process.wait(0.05)
                    except subprocess.TimeoutExpired:
                        continue
                    raise
        yield port
    finally:
        process.terminate()
        process.wait(10)


def run(code: str, port: int, folder: Path = ROOT) -> str:
    environment = {**os.environ, "PYTHONWARNINGS": "error", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-c", code.replace(":8000", f":{port}")],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_declarative_examples(port: int) -> None:
    """The declared requests run and the last line shows their values; a session gives what it says."""
    lines = run(BLOCKS[0], port).splitlines()
    assert lines[-1] == "2 ['The Wire', 'Second', 'no such book'] True"
    assert lines[0].endswith("FastHTTP started")
    lines = run(BLOCKS[1], port).splitlines()
    assert [line for line in lines if "│" not in line] == ["The Wire", "no such book"]


def test_the_client_example(port: int) -> None:
    """Blocking and async calls against the server example print what they say."""
    assert run(BLOCKS[3], port).splitlines() == ["{'number': 2}", "The Wire", "[200, 200, 404]"]


def test_the_example_with_files(port: int, tmp_path: Path) -> None:
    """A file is sent with credentials, and another is fetched."""
    assert run(BLOCKS[4], port, tmp_path).splitlines() == ["201 after 1 attempt", "32 bytes"]
    assert (tmp_path / "first.json").read_text() == '{"title":"The Wire","pages":240}'


def test_the_test_client_example() -> None:
    """The application is tested without a server."""
    run(BLOCKS[5], 0)


def test_every_block_has_a_test() -> None:
    """A block that is added needs a test of its own."""
    assert len(BLOCKS) == 6


def test_the_two_commands_are_there() -> None:
    """The README opens with the two commands, and the Makefile has them."""
    readme = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    assert readme.index("make demo") < readme.index("make test") < 900
    assert "\ndemo:" in makefile
    assert "\ntest:" in makefile
