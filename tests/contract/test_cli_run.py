"""`fasthttp run`: which app of a file is run, what is printed where, and the exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

from fasthttp.cli.terminal import reported
from tests.contract.test_cli import COMMAND, Commands
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


@pytest.mark.parametrize("debug", [False, True])
def test_a_failure_is_one_line_and_its_traceback_is_for_who_asks(fasthttp: Commands, debug: bool) -> None:
    """Of a route, of a file that does not load, and of a run that cannot begin; secrets are in neither."""
    head = "from fasthttp import FastHTTP\n"
    route = f"{head}app = FastHTTP({fasthttp.url!r})\n@app.get('/good')\ndef good(resp):\n    "
    raising = 'raise LookupError("two\\nlines of http://h.test/?token=hunter2")'
    for name, text, code, line in (
        ("route", route + raising, 1, "ms LookupError: two lines of http://h.test/?token=*****"),
        ("loading", raising, 2, "✖ Error: loading.py:1: LookupError: two lines of http://h.test/?token=*****"),
        ("relative", f"{head}app = FastHTTP()\napp.get('/me')(print)", 1, "✖ Error: Relative URL requires base_url: '/me' (route 'print')"),
    ):
        (fasthttp.folder / f"{name}.py").write_text(text)
        found = fasthttp("run", f"{name}.py", *(["--debug"] if debug else []), traceback=debug)
        lines = [one for stream in found[1:] for one in stream.splitlines() if one[:7] in ("ERROR  ", "✖ Error")]
        assert (found[0], len(lines)) == (code, 1), found
        assert lines[0].endswith(line)
        assert ("raise LookupError" in found[1] + found[2]) is (debug and name != "relative")
        assert "hunter2" not in found[1] + found[2]


# --- Ctrl+C


SLOW = """
import asyncio
import threading
import time
from contextlib import asynccontextmanager

from fasthttp import FastHTTP

@asynccontextmanager
async def lifespan(app):
    yield
    print("shut down", flush=True)

app = FastHTTP("{URL}", lifespan=lifespan)

@app.get("/good")
def good(resp):
    return 1

@app.get("/slow", after=[good], tags=["slow"])
async def slow(resp):
    return 2

@app.get("/stubborn", tags=["stubborn"])
async def stubborn(resp):
    try:
        print("begun", flush=True)
        await asyncio.sleep(60)
    finally:
        print("again", flush=True)
        await asyncio.sleep(60)

@app.get("/thread", tags=["thread"])
def thread(resp):
    print("begun", flush=True)
    while not any("_do_shutdown" in one.name for one in threading.enumerate()):  # which waits for this thread
        time.sleep(0.01)
    print("again", flush=True)
    time.sleep(60)
"""


class Interrupted:
    """Runs the file `slow.py` in a process of its own, and presses Ctrl+C."""

    def __init__(self, fasthttp: Commands, *options: str) -> None:
        command = [*COMMAND, "run", "slow.py", *options]
        environment = {**os.environ, **fasthttp.environment}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=fasthttp.folder, env=environment, stdout=pipe, stderr=pipe, encoding="utf-8")
        self.seen = ""

    def press(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def await_line(self, ending: str) -> None:
        """Return when it has printed a line that ends so."""
        assert self.process.stdout is not None
        while not self.seen.endswith(f"{ending}\n"):
            line = self.process.stdout.readline()
            assert line, self.process.communicate()
            self.seen += line

    def end(self) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        with self.process:
            out, said = self.process.communicate(timeout=30)
        out = self.seen + out
        assert "Traceback" not in out + said
        return self.process.returncode, out, said


@pytest.fixture
def interrupted(tmp_path: Path) -> Iterator[Callable[..., Interrupted]]:
    """Begins a run; one whose `/slow` is asked for is interrupted then, before an answer comes."""
    begun: list[Interrupted] = []

    def slowly(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            if request.target == "/slow":
                begun[-1].press()
                peer.wait()
            peer.send(response(b"x"))

    with serve(slowly) as server:
        commands = Commands(server.url, tmp_path, apart=True)

        def begin(*options: str, text: str = SLOW) -> Interrupted:
            (tmp_path / "slow.py").write_text(text.replace("{URL}", server.url))
            begun.append(Interrupted(commands, *options))
            return begun[-1]

        yield begin
        for one in begun:
            one.process.kill()
            one.process.wait()


@pytest.mark.parametrize("option", [[], ["--exit-zero"], ["--debug"]])
def test_ctrl_c_in_a_run(interrupted: Callable[..., Interrupted], option: list[str]) -> None:
    """The lifespan shuts down, one line tells of the interruption, and the exit code does, whatever else was asked for."""
    code, out, said = interrupted("-t", "slow", *option).end()
    assert (code, said) == (130, "")
    assert [line for line in out.splitlines() if "nterrupted" in line] == ["WARNING │ fasthttp    │ ⚠ Interrupted by user"]
    assert out.splitlines().count("shut down") == 1
    assert "Done in" in out


def test_ctrl_c_in_a_run_with_a_report(interrupted: Callable[..., Interrupted]) -> None:
    """The report has what was done and what was not, alone on stdout."""
    code, out, said = interrupted("-t", "slow", "--json").end()
    report = json.loads(out)
    assert (code, report["interrupted"], report["ok"]) == (130, True, False)
    assert [(route["name"], route["ok"], (route["error"] or {}).get("type")) for route in report["routes"]] == [
        ("good", True, None), ("slow", False, "CancelledError"),
    ]  # fmt: skip
    assert said.count("Interrupted by user") == said.count("shut down") == 1


@pytest.mark.parametrize("tag", ["stubborn", "thread"])
def test_the_second_ctrl_c_ends_a_run_at_once(interrupted: Callable[..., Interrupted], tag: str) -> None:
    """Also where a handler cannot be stopped, because it does not want to or sits in a thread."""
    run = interrupted("-t", tag)
    run.await_line("begun")
    run.press()
    run.await_line("again")
    run.press()
    code, _, said = run.end()
    assert (code, said) == (130, "✖ Error: interrupted\n")


def test_what_ctrl_c_breaks_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """An event loop that was broken off may complain in place of the interruption."""
    with pytest.raises(typer.Exit) as ended, reported(1, debug=True):
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("Cannot close a running event loop")
    assert ended.value.exit_code == 130
    assert capsys.readouterr() == ("", "✖ Error: interrupted\n")


def test_ctrl_c_while_the_file_loads(interrupted: Callable[..., Interrupted]) -> None:
    """One line, as there is no run yet that could tell of it."""
    run = interrupted(text="import time\nprint('loading', flush=True)\ntime.sleep(60)")
    run.await_line("loading")
    run.press()
    assert run.end() == (130, "loading\n", "✖ Error: interrupted\n")
