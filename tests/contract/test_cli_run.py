"""`fasthttp run`: which app of a file is run, what is printed where, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.test_cli import Commands
from tests.shell.server import Peer, response, serve

APP = """
from __future__ import annotations

import sys
from dataclasses import dataclass

from fasthttp import FastHTTP

import helper

@dataclass
class Part:
    name: str

app = FastHTTP(base_url="{URL}", headers={"X-Helper": helper.VALUE})

@app.get("/good", tags=["good", "all"])
def good(resp):
    print("printed by a handler")
    return Part("nut")

@app.get("/404", tags=["bad", "all"])
def bad(resp):
    return None

print("loaded as", __name__ == "__main__")
assert len(app.run()) == 0
assert app.web_run() is None

if __name__ == "__main__":
    raise SystemExit("the main block ran")
"""


def answer(peer: Peer) -> None:
    while (request := peer.read()) is not None:
        peer.send(response(b"x", status="404 Not Found" if request.target == "/404" else "200 OK"))


@pytest.fixture
def fasthttp(tmp_path: Path) -> Iterator[Commands]:
    """The command, beside a file with an app."""
    with serve(answer) as server:
        commands = Commands(server.url, tmp_path, apart=True)
        commands.server = server  # type: ignore[attr-defined]
        (tmp_path / "apps").mkdir()
        (tmp_path / "apps" / "helper.py").write_text("VALUE = 'beside'")
        (tmp_path / "apps" / "shop.py").write_text(APP.replace("{URL}", server.url))
        yield commands


def test_routes_are_run_and_logged(fasthttp: Commands) -> None:
    """Those of the tags, or all; what the file itself would run on loading does not run, its main block neither."""
    code, out, said = fasthttp("run", "apps/shop.py")
    assert (code, said) == (1, "")
    assert out.splitlines()[0] == "loaded as False"
    assert "GET" in out
    assert [word for word in ("FastHTTP started", "Sending 2 requests", "Done in") if word not in out] == []
    server = fasthttp.server  # type: ignore[attr-defined]
    assert sorted(request.target for request in server.requests) == ["/404", "/good"]
    assert server.requests[0].headers["x-helper"] == "beside"
    for options, expected in ((["-t", "good"], 0), (["-t", "bad,good"], 1), (["--tags", "bad", "-t", "good"], 1), (["--exit-zero"], 0)):
        assert fasthttp("run", "apps/shop.py", *options)[0] == expected


def test_reports_are_alone_on_stdout(fasthttp: Commands) -> None:
    """JSON, or a table; log lines, and what handlers and the file print, are on stderr."""
    code, out, said = fasthttp("run", "apps/shop.py", "--json")
    report = json.loads(out)
    assert (code, report["ok"], report["total"], report["failed"]) == (1, False, 2, 1)
    assert report["routes"][0]["value"] == {"name": "nut"}
    for text in ("printed by a handler", "Done in", "loaded as False"):
        assert text in said
    code, out, said = fasthttp("run", "apps/shop.py", "--summary", "-t", "good")
    assert code == 0
    assert out.splitlines()[-1].startswith("1 routes, 1 ok, 0 failed")
    assert "Done in" in said
    assert "→ GET" in fasthttp("run", "apps/shop.py", "-d", "--json")[2]


def refused(fasthttp: Commands, *arguments: str) -> str:
    code, out, said = fasthttp("run", *arguments)
    assert (code, out, said.count("\n"), said[:9]) == (2, "", 1, "✖ Error: ")
    return said


def test_which_app(fasthttp: Commands) -> None:
    """The named one, `app`, or the only one; else the candidates are listed."""
    head = "from fasthttp import FastHTTP\nlog = {'log': 'off'}\n"
    for name, text in {
        "one": "other = same = FastHTTP(**log)",
        "two": "a = FastHTTP(**log)\nb = FastHTTP(**log)",
        "three": "a = FastHTTP(**log)\napp = FastHTTP(**log)",
        "four": "app = None\nx = FastHTTP(**log)",
        "none": "",
    }.items():
        (fasthttp.folder / f"{name}.py").write_text(head + text)
    for target in ("one.py", "two.py:b", "three.py", "three.py:a", "four.py"):
        assert fasthttp("run", target)[0] == 0, target
    assert "there are a, b; name one as two.py:NAME" in refused(fasthttp, "two.py")
    assert "no app 'c'; there are a, b" in refused(fasthttp, "two.py:c")
    assert "no FastHTTP in it" in refused(fasthttp, "none.py")


def test_what_cannot_be_run(fasthttp: Commands) -> None:
    """One line with the place in the file, or what was misspelt; a traceback only for who asks for it."""
    code, out, said = fasthttp("run", "apps/shop.py", "-t", "god")
    assert (code, out, said) == (2, "loaded as False\n", "✖ Error: no route has the tag 'god'; there are all, bad, good\n")
    assert "there is no file missing.py" in refused(fasthttp, "missing.py:app")
    for text, where in (
        ("x = 1\nimport nothing_like_it", "broken.py:2: ModuleNotFoundError: No module"),
        ("x = (", "broken.py: SyntaxError"),
        ("raise SystemExit('out')", "broken.py:1: SystemExit: out"),
    ):
        (fasthttp.folder / "broken.py").write_text(text)
        assert where in refused(fasthttp, "broken.py")
    assert "exclude each other" in refused(fasthttp, "apps/shop.py", "--json", "--summary")


def test_a_run_that_cannot_begin_fails(fasthttp: Commands) -> None:
    """A relative URL without a base: code 1, one line."""
    (fasthttp.folder / "relative.py").write_text("from fasthttp import FastHTTP\napp = FastHTTP()\napp.get('/me')(print)")
    code, _, said = fasthttp("run", "relative.py")
    assert (code, said) == (1, "✖ Error: Relative URL requires base_url: '/me' (route 'print')\n")
