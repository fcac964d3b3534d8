"""The shop, an application written for FastAPI: its own tests and its schema under either framework, and served as it stands.

And the dashboard: its events over sockets, read by our own client, without gap or repetition when the connection breaks.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from fasthttp import ConnectError, SyncClient

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "examples" / "shop"
DASHBOARD = ROOT / "examples" / "dashboard"
INSTALL = "import FasterAPI.compat; FasterAPI.compat.install()\n"
TESTS = "import pytest\nraise SystemExit(pytest.main(['-q', '-rA']))\n"
SCHEMA = "import json, shop.main\nprint(json.dumps(shop.main.app.openapi()))\n"
SCHEMA_IS_OURS = INSTALL + "import shop.main\nassert type(shop.main.app).__module__ == 'FasterAPI.applications'\n" + SCHEMA


def fastapi_python() -> str | None:
    """A Python that has the real framework: this one, or that of the benchmarks."""
    if importlib.util.find_spec("fastapi"):
        return sys.executable
    bench = ROOT / ".venv-bench" / "bin" / "python"
    return str(bench) if bench.exists() else None


def run(code: str, python: str = sys.executable) -> str:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [python, "-c", code]
    done = subprocess.run(command, cwd=SHOP, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def passed(report: str) -> set[str]:
    return {line.removeprefix("PASSED ") for line in report.splitlines() if line.startswith("PASSED ")}


def test_no_line_of_the_shop_knows_us() -> None:
    """It is an application of the target's: it imports that and nothing of ours."""
    text = "".join(path.read_text("utf-8") for path in SHOP.rglob("*.py"))
    assert "from fastapi import" in text
    for name in ("import FasterAPI", "from FasterAPI", "fasthttp", "httpwire"):
        assert name not in text


def test_the_shop_passes_its_tests() -> None:
    """All of them, with `import fastapi` meaning this framework."""
    assert len(passed(run(INSTALL + TESTS))) == 36


def test_the_shop_is_the_same_under_the_real_framework() -> None:
    """The same tests pass there, and both describe the same API."""
    python = fastapi_python()
    if python is None:
        pytest.skip("FastAPI is not installed")
    assert passed(run(TESTS, python)) == passed(run(INSTALL + TESTS))
    assert json.loads(run(SCHEMA, python)) == json.loads(run(SCHEMA_IS_OURS))


@contextmanager
def serving(arguments: list[str], folder: Path, path: str, **environment: str) -> Iterator[str]:
    """A server in a process of its own, up when `path` is answered; gives its port's address."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    settings = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    command = [sys.executable, "-W", "error", "-m", *arguments, "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, cwd=folder, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            with SyncClient() as client:
                for _ in range(600):
                    assert process.poll() is None, process.stdout and process.stdout.read()
                    try:
                        client.get(f"http://127.0.0.1:{port}{path}")
                        break
                    except ConnectError:
                        time.sleep(0.05)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            output = process.communicate(timeout=30)[0]
    assert "Traceback" not in output, output


def bought(client: SyncClient, address: str) -> dict[str, Any]:
    """Register, log in, let the keeper add an item, buy it, and hear of it."""
    new = {"name": "ann", "email": "ann@example.com", "password": "s3cret-s3cret"}
    assert client.post("/users", json=new).status_code == 201
    form = {"username": "keeper", "password": "hunter2-hunter2", "scope": "items:write"}
    keeper = {"Authorization": f"Bearer {client.post('/token', data=form).json()['access_token']}"}
    token = client.post("/token", data={"username": "ann", "password": "s3cret-s3cret"}).json()["access_token"]
    item = client.post("/items", headers=keeper, json={"name": "Lamp", "kind": "lamp", "price": "9.95", "stock": 2}).json()
    picture = {"picture": ("lamp.jpg", b"\xff\xd8\xff" + bytes(100), "image/jpeg")}
    assert client.put(f"/items/{item['id']}/picture", headers=keeper, files=picture).status_code == 200
    assert client.get(f"/items/{item['id']}/picture").content == picture["picture"][1]
    with connect(f"ws://{address}/live?token={token}", proxy=None) as listener:
        assert json.loads(listener.recv(10)) == {"event": "ready", "user": "ann"}
        lines = [{"item": item["id"], "count": 2}]
        order = client.post("/orders", headers={"Authorization": f"Bearer {token}"}, json={"lines": lines})
        assert order.status_code == 201
        notice: dict[str, Any] = json.loads(listener.recv(10))
    return notice


def test_the_shop_is_served(tmp_path: Path) -> None:
    """By the command, unchanged, over sockets: forms, uploads, files, orders and notices."""
    shutil.copytree(SHOP / "shop", tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    settings = {"SHOP_DATA": str(tmp_path / "data"), "SHOP_KEEPER_PASSWORD": "hunter2-hunter2"}
    with (
        serving(["FasterAPI.compat", "run", "shop.main:app"], tmp_path, "/items", **settings) as address,
        SyncClient(f"http://{address}") as client,
    ):
        assert bought(client, address) == {"event": "order", "id": 1, "total": "19.90"}
    assert len(list((tmp_path / "data" / "outbox").glob("*.eml"))) == 2  # also the second, which follows the answer


# --- the dashboard


@pytest.fixture(scope="module")
def dashboard() -> Iterator[str]:
    """The address of one that takes a sample every 50 ms."""
    command = ["uvicorn", "server:app", "--timeout-graceful-shutdown", "1", "--log-level", "warning"]
    with serving(command, DASHBOARD, "/", DASHBOARD_EVERY="0.05") as address:
        yield f"http://{address}"


class Wire:
    """A relay to a server that can be cut."""

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = host, int(port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near = self._listening.accept()[0]
            except OSError:
                return
            far = socket.create_connection(self._target)
            self.connections += 1
            self._open += near, far
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._relay, args=pair, daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with source, sink:
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
            except OSError:
                pass

    def cut(self) -> None:
        """Break every connection."""
        for sock in self._open:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._open.clear()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()


def test_the_dashboard_shows_what_was_served(dashboard: str) -> None:
    """Each event is a sample of all figures, and one after ten requests counts ten more."""
    with SyncClient(dashboard) as client, client.sse("/events", timeout=20) as events:
        first = next(events)
        figures = json.loads(first.data)
        assert first.event == "sample"
        assert set(figures) == {"time", "uptime", "load", "cpu", "served", "rate", "failed", "open", "tasks"}
        for _ in range(10):
            client.get("/work")
        for event in events:
            later = json.loads(event.data)
            if later["served"] >= figures["served"] + 10:
                break
        assert later["open"] == 1  # this stream
        assert later["uptime"] > figures["uptime"]


def numbers(events: Any, count: int) -> list[tuple[str, int]]:
    """The ids of so many events: the run of the server, and the number in it."""
    ids = [next(events).id.split("-") for _ in range(count)]
    return [(run, int(number)) for run, number in ids]


def test_the_dashboard_goes_on_where_the_connection_broke(dashboard: str) -> None:
    """Cut three times, the client comes back by itself with the last id it saw: no sample is missing, none comes twice."""
    wire = Wire(dashboard)
    seen: list[tuple[str, int]] = []
    try:
        with SyncClient(wire.url) as client, client.sse("/events", reconnect=True, max_retries=5, backoff=0.01, timeout=20) as events:
            for connections in (1, 2, 3, 4):
                seen += numbers(events, 1)
                while wire.connections < connections:  # what had come before the cut is read first
                    seen += numbers(events, 1)
                wire.cut()
    finally:
        wire.close()
    assert wire.connections == 4
    assert len({run for run, _ in seen}) == 1
    first = seen[0][1]
    assert [number for _, number in seen] == list(range(first, first + len(seen)))


def test_the_dashboard_goes_on_later(dashboard: str) -> None:
    """With the id of an event, behind it; with one that is not of this run or no id at all, from the first that is kept."""
    with SyncClient(dashboard, timeout=20) as client:
        with client.sse("/events") as events:
            seen = numbers(events, 5)
        run, number = seen[-1]
        with client.sse("/events", last_event_id=events.last_event_id) as events:
            assert numbers(events, 2) == [(run, number + 1), (run, number + 2)]
        for stranger in (f"0{run}-{number}", "rubbish", f"{run}-x", f"{run}-"):
            with client.sse("/events", last_event_id=stranger) as events:
                assert numbers(events, 1)[0][1] < number  # 300 are kept, and no more than that have come since


def test_the_page_of_the_dashboard_stands_alone(dashboard: str) -> None:
    """It names no other place, and the browser is told to load from none."""
    with SyncClient(dashboard) as client:
        answer = client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert not re.search(r"https?:|//\w|<script src|url\(|@import", answer.text)
    assert 'new EventSource("/events")' in answer.text
