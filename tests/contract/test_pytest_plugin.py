"""The pytest plugin as its users have it: found by its entry point in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITE = """
import asyncio, sys
import pytest
import fasthttp, fasthttp.sync
from fasthttp import AsyncSession, Client, FastHTTP, MockTransport
from fasthttp.transports import HTTPTransport

URL = "http://localhost:1/x"
early = FastHTTP(log="off")
early.get(URL, name="x")(lambda resp: resp.json())
MARKER

def test_everything_made_here(fasthttp_mock):
    fasthttp_mock.get(URL, json=[1])
    assert early.run()["x"].value == [1]
    with Client() as client:
        assert client.get(URL).json() == [1]
    with Client(transport=HTTPTransport()) as client:
        assert client.get(URL).json() == [1]
    assert fasthttp.get(URL).json() == fasthttp.sync.get(URL).json() == [1]

    async def run():
        async with AsyncSession() as session, Client() as client:
            assert (await session.get(URL)).json() == (await client.get(URL)).json() == (await fasthttp.get(URL)).json() == [1]

    asyncio.run(run())
    fasthttp_mock.assert_called("GET", URL, times=8)

def test_a_transport_of_the_test_stays(fasthttp_mock):
    with Client(transport=MockTransport({"/x": 204})) as client:
        assert client.get(URL).status_code == 204

def test_nothing_is_left_behind():
    with Client() as client:
        with pytest.raises(fasthttp.ConnectError):
            client.get(URL)
    with pytest.raises(fasthttp.SSRFBlockedError):
        early.run(raise_errors=True)

def test_unused(fasthttp_mock):
    fasthttp_mock.get("/never")

def test_unused_on_purpose(fasthttp_mock):
    fasthttp_mock.get("/never")
    fasthttp_mock.allow_unused = True

def test_no_answer(fasthttp_mock):
    fasthttp_mock.get("/other")
    early.run()

def test_swallowed(fasthttp_mock):
    with Client() as client:
        try:
            client.get(URL)
        except BaseException:
            pass
"""


def run_pytest(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of pytest over a suite, with the distribution's entry point in reach."""
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    facts = folder / "fasthttp_plugin-0.dist-info"
    facts.mkdir(exist_ok=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: fasthttp-plugin\nVersion: 0\n")
    (facts / "entry_points.txt").write_text("[pytest11]\n" + "".join(f"{name} = {value}\n" for name, value in entry.items()))
    packages = ["fasthttp", "httpwire"]  # as installed: pytest rewrites the assertions of what a plugin's distribution holds
    for package in packages:
        (folder / package).symlink_to(ROOT / "src" / package)
    (facts / "RECORD").write_text("".join(f"{package}/__init__.py,,\n" for package in packages))
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("FASTHTTP_ALLOW_HOSTS", None)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-rA", "--tb=short", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_the_fixture_answers_for_everything(tmp_path: Path) -> None:
    """Apps, sessions, clients and one-shot calls; and its checks fail the test that earned it, at its end."""
    (tmp_path / "test_it.py").write_text(SUITE.replace("MARKER", ""))
    code, said = run_pytest(tmp_path)
    assert code == 1, said
    ended = dict(re.findall(r"^(?:PASSED|FAILED|ERROR) test_it\.py::(\w+)()", said, re.MULTILINE))
    failed = set(re.findall(r"^(?:FAILED|ERROR) test_it\.py::(\w+)", said, re.MULTILINE))
    assert len(ended) == 7, said
    assert failed == {"test_unused", "test_no_answer", "test_swallowed"}, said
    assert "declared and never asked for: GET /never; fasthttp_mock.allow_unused = True permits it" in said
    assert "the tested code has swallowed: no answer for GET http://localhost:1/x; registered: nothing" in said
    assert said.count("no answer for GET http://localhost:1/x; registered: GET /other") > 0
    assert "never asked for: GET /other" not in said  # the test had failed by itself


@pytest.mark.parametrize("arguments", [(), ("-p", "no:fasthttp")])
def test_pytest_pays_nothing_for_it(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Where no test asks for the fixture, the plugin has loaded none of the library; it can be switched off."""
    suite = """
import sys

def test_it(request):
    print(sorted(name for name in sys.modules if name.startswith(("fasthttp.", "httpwire"))))
    print(request.config.pluginmanager.hasplugin("fasthttp"))
"""
    (tmp_path / "test_it.py").write_text(suite)
    code, said = run_pytest(tmp_path, *arguments)
    assert code == 0, said
    loaded = "['fasthttp.pytest_plugin', 'fasthttp.version']\nTrue" if not arguments else "[]\nFalse"
    assert loaded in said
