"""Runs: streams of results, interruption, attempts, bodies that are kept, what an app keeps between runs."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import uuid
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from fasthttp.app import FastHTTP
from fasthttp.cookies import CookieJar
from fasthttp.errors import ConnectError, FastHTTPConnectionError, FastHTTPError, SSRFBlockedError
from fasthttp.middleware import RetryMiddleware
from fasthttp.models import Request
from fasthttp.response import ClientResponse, Response
from fasthttp.results import RouteResult
from fasthttp.routing import Route
from fasthttp.security import SecurityPolicy
from fasthttp.testing import UnmatchedRequestError
from fasthttp.transports import MockTransport

BASE = "http://api.test"


def make(mock: MockTransport | None = None, **keywords: Any) -> FastHTTP:
    keywords.setdefault("log", "off")
    return FastHTTP(BASE, transport=mock or MockTransport(lambda request: {"path": request.target}), **keywords)


def path(resp: Response) -> Any:
    return resp.json()["path"]


# --- streams


def test_a_stream_yields_results_as_they_come() -> None:
    """In the order of completion, also while the source of further routes is slow."""

    async def answer(request: Request) -> Any:
        await asyncio.sleep(0.1 if request.target == "/slow" else 0)
        return {"path": request.target}

    app = make(MockTransport(answer))
    for name in ("slow", "fast"):
        app.add_route("GET", f"/{name}", path, name=name)

    async def main() -> None:
        assert [one.name async for one in app.stream()] == ["fast", "slow"]
        seen: list[str] = []
        go_on = asyncio.Event()

        async def routes() -> AsyncIterator[Route]:
            yield Route("GET", "/1", path, name="first")
            await go_on.wait()  # until the consumer has had the first result
            yield Route("GET", "/2", name="second")

        async for one in app.stream(routes=routes()):
            seen.append(one.name)
            go_on.set()
        assert seen == ["first", "second"]
        assert [one.name async for one in app.stream(routes=[Route("GET", "/3")])] == ["/3"]

    asyncio.run(main())


def test_a_stream_holds_no_more_than_it_may() -> None:
    """Never more than `concurrency` under way or unread, whatever the consumer does; what was yielded is let go."""
    under_way, peak, made = 0, 0, 0

    async def answer(request: Request) -> int:
        nonlocal under_way, peak
        under_way += 1
        peak = max(peak, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        return 200

    def routes() -> Iterator[Route]:
        nonlocal made
        for index in range(500):
            made += 1
            yield Route("GET", f"/{index}", lambda: None, name=str(index))

    app = make(MockTransport(answer), concurrency=4)

    async def main() -> None:
        count = 0
        last: weakref.ref[RouteResult] | None = None
        async with aclosing(app.stream(routes=routes())) as results:
            async for one in results:
                count += 1
                if count % 50 == 0:
                    await asyncio.sleep(0.005)
                assert made <= count + 3 * 4
                assert last is None or last() is None
                last = weakref.ref(one)
        assert count == 500

    asyncio.run(main())
    assert peak == 4


def test_a_stream_that_is_left_cancels_the_rest() -> None:
    """After three results: requests under way are cancelled, and the lifespan shuts down."""
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastHTTP) -> AsyncIterator[None]:
        yield
        events.append("shutdown")

    async def answer(request: Request) -> int:
        if int(request.target[1:]) > 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                events.append("cancelled")
                raise
        return 200

    app = make(MockTransport(answer), lifespan=lifespan, concurrency=5)
    app.add_route("GET", "/{id}", lambda: None, name="x", each=range(100))

    async def main() -> None:
        seen = []
        async with aclosing(app.stream()) as results:
            async for one in results:
                seen.append(one.name)
                if len(seen) == 3:
                    break
        assert sorted(seen) == ["x[0]", "x[1]", "x[2]"]
        assert set(events[:-1]) == {"cancelled"}
        assert events[-1] == "shutdown"

    asyncio.run(main())


def test_what_a_source_of_routes_raises_reaches_the_consumer() -> None:
    """As do routes that say `after=`, and URLs without a base."""

    def broken() -> Iterator[Route]:
        yield Route("GET", "/1", lambda: 1, name="one")
        raise LookupError("no more")

    async def consume(app: FastHTTP, routes: Any) -> list[str]:
        return [one.name async for one in app.stream(routes=routes)]

    with pytest.raises(LookupError, match="no more"):
        asyncio.run(consume(make(), broken()))
    with pytest.raises(ValueError, match="after="):
        asyncio.run(consume(make(), [Route("GET", "/1", lambda: 1, after=["x"])]))
    with pytest.raises(ValueError, match="Relative URL requires base_url: '/1'"):
        asyncio.run(consume(FastHTTP(log="off"), [Route("GET", "/1", lambda: 1)]))


# --- mistakes of tests


def test_a_request_that_no_mock_answers_leaves_the_run() -> None:
    """It is a mistake of the test, and no result hides it; a stream raises it too."""
    app = make(MockTransport({"/known": 200}))
    app.add_route("GET", "/unknown", lambda: 1, name="x")
    with pytest.raises(UnmatchedRequestError, match="/unknown"):
        app.run()

    async def stream() -> None:
        async for _ in app.stream():
            pass

    with pytest.raises(UnmatchedRequestError):
        asyncio.run(stream())


# --- lifespan


def test_the_lifespan_shuts_down_when_nothing_is_sent() -> None:
    """With no routes selected, and after a relative URL without a base; app attributes reach the handlers."""
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastHTTP) -> AsyncIterator[None]:
        events.append("startup")
        app.token = "t"  # type: ignore[attr-defined]
        yield
        events.append("shutdown")

    app = FastHTTP(log="off", lifespan=lifespan, transport=MockTransport(lambda request: 200))
    assert app.run(tags=[]).ok
    assert len(app.run()) == 0
    app.add_route("GET", "http://a.test/", lambda: app.token, name="token")  # type: ignore[attr-defined]
    assert app.run()["token"].value == "t"
    app.add_route("GET", "/relative", lambda: 1)
    with pytest.raises(ValueError, match="Relative URL"):
        app.run()
    assert events == ["startup", "shutdown"] * 4


def test_errors_are_raised_after_the_lifespan() -> None:
    """With the result at the exception; a group for several."""
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastHTTP) -> AsyncIterator[None]:
        yield
        events.append("shutdown")

    app = make(MockTransport(lambda request: 404), lifespan=lifespan)
    for index in range(2):
        app.add_route("GET", f"/{index}", lambda: 1)
    with pytest.raises(ExceptionGroup, match="2 of 2 routes failed") as caught:
        asyncio.run(app.arun(raise_errors=True))
    assert len(caught.value.run_result) == 2  # type: ignore[attr-defined]
    assert events == ["shutdown"]


# --- what is kept


@pytest.mark.parametrize(("retain", "kept"), [("all", [True] * 4), ("none", [False] * 4), ("auto", [True, False, False, False])])
def test_bodies_are_kept_as_far_as_that_is_wanted(retain: Any, kept: list[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """A dropped one keeps status, headers and URL, and says what to do; a response that was returned is a value."""
    monkeypatch.setattr("fasthttp.app.retain._BUDGET", 10)
    app = make(MockTransport(lambda request: b"x" * (1 if request.target == "/3" else 6)), retain=retain, concurrency=1)
    for index in range(4):
        app.add_route("GET", f"/{index}", lambda resp: len(resp.content), name=f"r{index}")
    app.add_route("GET", "/value", lambda resp: resp, name="value")
    result = app.run()
    assert [each.value for each in result.values()][:4] == [6, 6, 6, 1]
    for each, stays in zip(list(result.values())[:4], kept, strict=True):
        assert each.response is not None
        assert (each.response.status, each.response.url) == (200, each.url)
        if stays:
            assert each.response.content
        else:
            with pytest.raises(FastHTTPError) as caught:
                _ = each.response.content
            assert str(caught.value) == f"body of {each.name!r} was released; use retain='all' or read it in the handler"
    assert result["value"].value.content == b"x" * 6


def test_a_stream_counts_only_the_bodies_that_nobody_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was yielded is the consumer's."""
    monkeypatch.setattr("fasthttp.app.retain._BUDGET", 10)
    app = make(MockTransport(lambda request: b"x" * 6), concurrency=1)
    app.add_route("GET", "/{id}", lambda: 1, name="x", each=range(10))

    async def main() -> None:
        async for one in app.stream():
            assert one.response is not None
            assert one.response.content == b"x" * 6

    asyncio.run(main())


@pytest.mark.parametrize("version", ["v4", "v7"])
def test_an_app_may_have_an_id_that_all_its_requests_carry(version: Any) -> None:
    """Fixed when it is made; a route's own header stays, and hooks see it."""
    mock = MockTransport(lambda request: 200)
    app = make(mock, generate_startup_uuid=True, startup_uuid_version=version)
    assert isinstance(app.startup_uuid, str)
    parsed = uuid.UUID(app.startup_uuid)
    assert (parsed.version, parsed.variant) == (int(version[1]), uuid.RFC_4122)
    if version == "v7":
        assert abs((parsed.int >> 80) / 1000 - time.time()) < 60
    app.get("/1")(lambda: 1)
    app.get("/2", headers={"x-request-id": "own"})(lambda: 1)
    app.get("/3", dependencies=[lambda: None])(lambda: 1)
    app.get("/4", headers={"x-request-id": "own"}, dependencies=[lambda: None])(lambda: 1)
    app.get("/5", headers={"x-request-id": None})(lambda: 1)
    app.run()
    ids = {call.url[-1]: call.headers.get("x-request-id") for call in mock.calls}
    assert ids == {"1": app.startup_uuid, "2": "own", "3": app.startup_uuid, "4": "own", "5": None}
    assert make().startup_uuid is None
    with pytest.raises(ValueError, match="v5"):
        make(generate_startup_uuid=True, startup_uuid_version="v5")


@pytest.mark.parametrize("with_jar", [False, True])
def test_cookies_last_for_one_chain_of_redirects_unless_there_is_a_jar(with_jar: bool) -> None:
    """With a jar they are there for later requests and runs."""

    def answer(request: Request) -> Any:
        if request.target == "/login":
            return ClientResponse(302, [("Location", "/home"), ("Set-Cookie", "a=1")], request=request)
        return {"path": request.headers.get("cookie", "none")}

    mock = MockTransport(answer)
    app = make(mock, cookie_jar=CookieJar() if with_jar else None)
    app.add_route("GET", "/login", path, name="login")
    app.add_route("GET", "/other", path, name="other", after=["login"])
    for _ in range(2):
        result = app.run()
        assert result["login"].value == "a=1"
        assert result["other"].value == ("a=1" if with_jar else "none")


# --- attempts, on a wire


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fails = 0
    closed_port = 0

    def do_GET(self) -> None:
        self.send_response(302 if self.path in ("/away", "/here") else 503 if self.path == "/down" else 200)
        location = {"/away": f"http://127.0.0.1:{self.closed_port}/", "/here": "/fine"}.get(self.path)
        if location is not None:
            self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None: ...


@contextmanager
def serving() -> Iterator[str]:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        Handler.closed_port = unused.getsockname()[1]
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def test_attempts_count_what_was_put_on_the_wire() -> None:
    """Nothing for a refusal, none for a connection that failed, one for a chain of redirects wherever it ends."""
    with serving() as base:
        policy = SecurityPolicy(allow_hosts=["localhost"])
        app = FastHTTP(base, log="off", security=policy)
        for name in ("fine", "here", "away"):
            app.add_route("GET", f"/{name}", lambda: 1, name=name)
        app.add_route("GET", f"http://127.0.0.1:{Handler.closed_port}/", lambda: 1, name="closed")
        app.add_route("GET", "http://10.0.0.1/", lambda: 1, name="blocked")
        result = app.run()
        assert {name: each.attempts for name, each in result.items()} == {"fine": 1, "here": 1, "away": 1, "closed": 0, "blocked": 0}
        assert isinstance(result["closed"].error, FastHTTPConnectionError)
        assert ConnectError is type(result["away"].error)
        assert isinstance(result["blocked"].error, SSRFBlockedError)
        assert [result[name].stage for name in ("closed", "away", "blocked")] == ["request", "request", "security"]
        app = FastHTTP(base, log="off", security=policy, middleware=RetryMiddleware(2, backoff_factor=0.001))
        app.add_route("GET", "/down", lambda: 1, name="down")
        down = app.run()["down"]
        assert (down.attempts, down.status) == (3, 503)


# --- Ctrl+C


SCRIPT = """
    import asyncio, json, signal, sys
    from contextlib import asynccontextmanager
    from fasthttp import FastHTTP
    from fasthttp.transports import MockTransport

    async def answer(request):
        if request.target == "/fine":
            return 200
        print("asked", flush=True)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if "stubborn" in sys.argv:
                print("again", flush=True)
                await asyncio.sleep(60)
            raise

    @asynccontextmanager
    async def lifespan(app):
        yield
        await asyncio.sleep(0)
        print("shutdown", flush=True)

    app = FastHTTP("http://a.test", transport=MockTransport(answer), lifespan=lifespan, concurrency=2)
    app.add_route("GET", "/fine", lambda: 1, name="fine")
    for index in range(5):
        app.add_route("GET", f"/{index}", lambda: 1, name=f"r{index}")
    app.add_route("GET", "/later", lambda: 1, name="later", after=["r0"])
    result = app.run()
    print(json.dumps([result.interrupted, result.exit_code, result.ok, [type(one.error).__name__ for one in result.values()]]))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""


def interrupt(*arguments: str, times: int) -> tuple[list[str], str, int]:
    """What the script prints, logs and returns when it is interrupted."""
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = []
        for count in range(times):
            expected = "again" if count else "asked"
            while True:
                lines.append(process.stdout.readline().strip())
                assert lines[-1], process.stderr.read()
                if lines[-1] == expected:
                    break
            lines.append(process.stdout.readline().strip())  # of the second request
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        return lines + out.splitlines(), err, process.returncode


def test_ctrl_c_ends_a_run_in_order() -> None:
    """Pending routes are cancelled, also those that waited for others; the lifespan shuts down and the result comes back."""
    lines, log, code = interrupt(times=1)
    assert lines[-2:] == ["shutdown", '[true, 130, false, ["NoneType"' + ', "CancelledError"' * 6 + "]]"]
    (line,) = [line for line in [*lines, *log.splitlines()] if "Interrupted" in line]
    assert line.endswith("Interrupted by user")
    assert "Traceback" not in log
    assert code == 0


def test_the_second_ctrl_c_ends_it_at_once() -> None:
    """With `KeyboardInterrupt`."""
    lines, log, code = interrupt("stubborn", times=2)
    assert lines[-1] != "shutdown" or "KeyboardInterrupt" in log
    assert log.rstrip().endswith("KeyboardInterrupt")
    assert code == -signal.SIGINT


STREAM = """
    import os, signal, socket, sys, threading
    from fasthttp import FastHTTP
    from fasthttp.security import SecurityPolicy

    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        peer, _ = server.accept()
        peer.recv(65536)
        peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\n\\r\\ndata: 1\\n\\n")
        peer.recv(1)

    threading.Thread(target=serve, daemon=True).start()
    app = FastHTTP(f"http://127.0.0.1:{server.getsockname()[1]}", log="off", security=SecurityPolicy(allow_hosts=["localhost"]))

    @app.sse("/events", tags=["t"])
    def events(event):
        os.kill(os.getpid(), signal.SIGINT)

    one = app.run()["events"]
    print(one.ok, one.kind, one.status, one.tags, one.error)
"""


def test_a_stream_that_was_connected_when_the_run_was_interrupted_is_ok() -> None:
    """Its status is kept, and its tags tell what kind of route it is."""
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(STREAM)], capture_output=True, text=True, timeout=20, check=False)
    assert run.stderr == ""
    assert run.stdout == "True sse 200 ('t', 'sse') None\n"
