"""`fasthttp dev`: what it says, what it serves, and that it follows changes of the file and of what that imports."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.docs_pages import SECRET, Page
from tests.contract.test_cli import COMMAND, Commands

APP = """
import helper
from fasthttp import FastHTTP

print("printed by the file")
app = FastHTTP("https://h.example", title="Shop", docs_base_url="/own", headers={"X-Api-Key": "hunter2"})

@app.get(helper.PATH)
def parts(resp):
    "List parts."

app.run()
app.web_run()
if __name__ == "__main__":
    raise SystemExit("the main block ran")
"""


class Dev:
    """The command in a process of its own, beside a file `shop.py` and a module `helper.py`."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        pipe = subprocess.PIPE
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
        command = [*COMMAND, "dev", "shop.py", "--port", "0", *options]
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, encoding="utf-8")
        assert self.process.stdout is not None
        self.banner = ""
        while "Ctrl+C" not in self.banner:
            line = self.process.stdout.readline()
            assert line, self.process.communicate()
            self.banner += line
        self.said = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = int(re.findall(r"Server +http://127\.0\.0\.1:(\d+)", self.banner)[0])

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said += line

    def get(self, path: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("GET", path)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        assert answer.status == 200, text
        return text

    def revision(self, prefix: str = "/own") -> int:
        number: int = json.loads(self.get(f"{prefix}/docs/revision"))["revision"]
        return number

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def until(self, holds: Callable[[], Any]) -> None:
        end = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < end, self.said
            time.sleep(0.05)

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        try:
            code = self.process.wait(30)
        finally:
            self.process.kill()
            self.process.wait()
            self._reader.join()
            for stream in (self.process.stdout, self.process.stderr):
                assert stream is not None
                stream.close()
        assert "Traceback" not in self.said
        return code


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Callable[..., Dev]]:
    begun: list[Dev] = []

    def begin(*options: str) -> Dev:
        (tmp_path / "helper.py").write_text("PATH = '/parts'\n")
        (tmp_path / "shop.py").write_text(APP)
        begun.append(Dev(tmp_path, *options))
        return begun[-1]

    yield begin
    for one in begun:
        if one.process.poll() is None:
            one.end(signal.SIGKILL)


def test_the_banner_leads_to_the_pages(dev: Callable[..., Dev]) -> None:
    """Nothing else is on stdout; what the file prints is on stderr, and what it would run or serve is not. Ctrl+C ends it with 130."""
    server = dev()
    base = f"http://127.0.0.1:{server.port}/own"
    assert [line.split() for line in server.banner.splitlines() if "http" in line and "→" in line] == [
        ["→", "Server", base], ["→", "Docs", f"{base}/docs"], ["→", "Reading", f"{base}/redoc"], ["→", "OpenAPI", f"{base}/openapi.json"],
    ]  # fmt: skip
    found = Page(server.get("/own/docs"))
    assert "List parts." in found.text
    assert [one["data-revision"] for one in found.elements["div"] if "data-revision" in one] == ["1"]
    assert json.loads(server.get("/own/openapi.json"))["paths"].keys() == {"/h.example/parts"}
    assert SECRET not in server.get("/own/docs") + server.get("/own/openapi.json") + server.get("/own/redoc")
    assert server.end() == 130
    assert server.said == "printed by the file\n"


def test_changes_are_followed(dev: Callable[..., Dev]) -> None:
    """Of the file and of a module that it imports; the page tells by a number that it has changed."""
    server = dev("--base-url", "/given")
    server.write("helper.py", "PATH = '/other/parts'\n")
    server.until(lambda: server.revision("/given") == 2)
    assert "/h.example/other/parts" in server.get("/given/openapi.json")
    server.write("shop.py", APP + "\n@app.post('/more')\ndef more(resp): ...\n")
    server.until(lambda: server.revision("/given") == 3)
    assert "/h.example/more" in server.get("/given/openapi.json")
    time.sleep(1)
    assert server.revision("/given") == 3  # nothing has changed since
    assert server.end() == 130
    assert [line for line in server.said.splitlines() if "reloaded" in line] == ["✔ reloaded: 1 route", "✔ reloaded: 2 routes"]


def test_a_file_that_does_not_load_takes_nothing_away(dev: Callable[..., Dev]) -> None:
    """The last version stays, under a line that says what is wrong; mending it, also in a module that never loaded, brings the next one."""
    server = dev()
    server.write("fresh.py", "x = (\n")
    server.write("shop.py", f"import fresh\n{APP}")
    server.until(lambda: server.revision() == 2)
    found = Page(server.get("/own/docs"))
    assert "This is not the newest version: shop.py:1: SyntaxError: '(' was never closed" in found.text
    assert "List parts." in found.text
    server.write("fresh.py", "x = 1\n")
    server.until(lambda: server.revision() == 3)
    assert "not the newest" not in server.get("/own/docs")
    (server.folder / "shop.py").unlink()
    server.until(lambda: server.revision() == 4)
    assert "there is no file shop.py" in server.get("/own/docs")
    server.write("shop.py", "import os\nos._exit(3)\n")
    server.until(lambda: server.revision() == 5)
    assert "the file ended the process that loaded it, with code 3" in server.get("/own/docs")
    server.write("shop.py", f"token = 1\nraise LookupError('https://h.test/?token={SECRET}')\n")
    server.until(lambda: server.revision() == 6)
    assert "shop.py:2: LookupError: https://h.test/?token=*****" in server.get("/own/docs")
    server.write("shop.py", APP)
    server.until(lambda: server.revision() == 7)
    assert server.end() == 130
    assert len(re.findall("✖ Error: ", server.said)) == 4
    assert SECRET not in server.said


def test_a_file_that_never_has_loaded_is_given_up_for_the_next_change(dev: Callable[..., Dev]) -> None:
    """And for the end of the command, which leaves no process behind."""
    server = dev()
    sleeping = f"import os, pathlib, time\npathlib.Path('child').write_text(str(os.getpid()))\ntime.sleep(600)\n{APP}"
    server.write("shop.py", sleeping)
    server.until((server.folder / "child").exists)
    server.until((server.folder / "child").read_text)
    first = int((server.folder / "child").read_text())
    server.write("shop.py", APP)
    server.until(lambda: server.revision() == 2)
    assert not is_alive(first)
    (server.folder / "child").unlink()
    server.write("shop.py", sleeping)
    server.until((server.folder / "child").exists)
    server.until((server.folder / "child").read_text)
    assert server.end() == 130
    assert not is_alive(int((server.folder / "child").read_text()))


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_modules_are_found_as_the_command_finds_them(tmp_path: Path) -> None:
    """The file may stand in another folder than the command."""
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps" / "helper.py").write_text("PATH = '/x'")
    (tmp_path / "apps" / "shop.py").write_text(APP)
    command = [sys.executable, "-W", "error", "-m", "fasthttp.cli.describe", "apps/shop.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    report = json.loads(done.stdout)
    assert report["base"] == "/own"
    assert {Path(file).name for file in report["files"]} >= {"shop.py", "helper.py"}
    assert not any("site-packages" in file for file in report["files"])
    assert done.stderr == "printed by the file\n"


@pytest.mark.parametrize(("options", "text", "said", "code"), [
    ((), "x = (", "shop.py: SyntaxError", 2),
    ((), None, "there is no file shop.py", 2),
    (("--base-url", "https://h.example"), "from fasthttp import FastHTTP\napp = FastHTTP()", "is no path for the docs page", 2),
    (("--port", "70000"), "from fasthttp import FastHTTP\napp = FastHTTP()", "'--port'", 2),
    (("--port", "{PORT}"), "from fasthttp import FastHTTP\napp = FastHTTP()", "the port is in use", 1),
])  # fmt: skip
def test_what_cannot_be_served(tmp_path: Path, options: tuple[str, ...], text: str | None, said: str, code: int) -> None:
    """One line, nothing on stdout, and the code of a wrong usage, or of a failure."""
    if text is not None:
        (tmp_path / "shop.py").write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        fasthttp = Commands("", tmp_path, apart=True)
        found = fasthttp("dev", "shop.py", *[option.replace("{PORT}", port) for option in options])
    assert (found[0], found[1], found[2].count("\n"), found[2][:9]) == (code, "", 1, "✖ Error: ")
    assert said in found[2]


def test_an_address_that_others_reach_is_warned_of(dev: Callable[..., Dev]) -> None:
    """On stderr; requests are shown there for who asks for it."""
    server = dev("--host", "0.0.0.0", "--debug")
    server.get("/own/docs")
    server.until(lambda: '"GET /own/docs HTTP/1.1" 200' in server.said)
    assert server.end() == 130
    assert "⚠ other machines can reach the docs page" in server.said
