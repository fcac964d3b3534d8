"""`AsyncSession`: calls without exceptions, what is remembered of failures, streams."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import msgspec
import pytest

from fasthttp.errors import ConnectError, FastHTTPBadStatusError, FastHTTPValidationError, InvalidHeader, InvalidURL, TotalTimeout
from fasthttp.middleware import BaseMiddleware, RetryMiddleware
from fasthttp.models import Request
from fasthttp.response import Response
from fasthttp.security import ResponseTooLargeError, SecurityPolicy, SSRFBlockedError
from fasthttp.session import AsyncSession
from fasthttp.testing import UnmatchedRequestError
from fasthttp.timeouts import Timeout
from fasthttp.transports import MockTransport
from fasthttp.transports.mock import MockResponse
from tests.shell.server import Peer, chunked, response, serve

LOCAL = SecurityPolicy(allow_hosts=["localhost"])


def answer(request: Request) -> Any:
    answers = {
        "/ok": {"path": "ok"},
        "/invalid": (422, {"field": "age"}),
        "/down": ConnectError("refused"),
        "/login": MockResponse(200, json={"token": "t"}, headers={"Set-Cookie": "s=1"}),
        "/moved": MockResponse(302, headers={"Location": "/ok"}),
        "/file": MockResponse(302, headers={"Location": "file:///etc/passwd"}),
    }
    return answers[request.target.partition("?")[0]]


def make(**keywords: Any) -> AsyncSession:
    keywords.setdefault("transport", MockTransport(answer))
    session = AsyncSession("http://api.test", **keywords)
    session._log._mode = "off"
    return session


class User(msgspec.Struct):
    name: str


async def test_failures_are_none_and_remembered() -> None:
    """The body of a refused call stays readable; the next success forgets."""
    async with make() as http:
        assert await http.get("/invalid") is None
        error = http.last_error
        assert isinstance(error, FastHTTPBadStatusError)
        assert error.response.json() == {"field": "age"}  # type: ignore[union-attr]
        assert (await http.get("/ok")).json() == {"path": "ok"}  # type: ignore[union-attr]
        assert http.last_error is None
        assert await http.get("/down") is None
        assert isinstance(http.last_error, ConnectError)
        assert await http.get("/ok", response_model=User) is None
        assert isinstance(http.last_error, FastHTTPValidationError)
        assert await http.post("/ok", json={"nick": "x"}, request_model=User) is None
        assert "Request validation failed" in str(http.last_error)
        assert await http.get("/file") is None
        assert "file" in str(http.last_error)


async def test_failures_can_be_raised_instead() -> None:
    """By the session or the call, either way; `attempt` gives a result whatever happens."""
    async with make(raise_for_status=True) as http:
        with pytest.raises(FastHTTPBadStatusError, match="422"):
            await http.get("/invalid")
        with pytest.raises(ConnectError):
            await http.get("/down")
        assert await http.get("/invalid", raise_for_status=False) is None
        result = await http.attempt("GET", "/invalid")
        assert (result.ok, result.status, result.stage) == (False, 422, "status")
        assert result.response is not None
    async with make() as http:
        with pytest.raises(FastHTTPBadStatusError):
            await http.get("/invalid", raise_for_status=True)


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"parms": {}}, TypeError, "unexpected keyword argument 'parms'; did you mean 'params'"),
    ({"json": 1, "data": "x"}, ValueError, "exclude each other"),
    ({"content": b"x", "data": "x"}, ValueError, "exclude each other"),
    ({"json": object()}, TypeError, "json|JSON|encode"),
    ({"headers": {"X-A": "1\r\nX-B: 2"}}, InvalidHeader, "X-A"),
    ({"url": "ftp://h.test/"}, InvalidURL, "URL"),
    ({"url": "http://h.test:99999/"}, InvalidURL, "URL"),
    ({"timeout": 0}, ValueError, "timeout"),
])  # fmt: skip
async def test_mistakes_of_the_caller_raise(options: dict[str, Any], error: type[Exception], message: str) -> None:
    """Nothing is sent, and nothing remembered."""
    async with make() as http:
        with pytest.raises(error, match=message):
            await http.post(**{"url": "/ok", **options})
        assert http.last_error is None
        assert http.transport.calls == []  # type: ignore[union-attr]


async def test_a_mock_that_knows_no_answer_is_not_swallowed() -> None:
    """It is a mistake of the test, not a failure of the network."""
    async with make(transport=MockTransport()) as http:
        with pytest.raises(UnmatchedRequestError, match="no answer for GET"):
            await http.get("/x")


async def test_opening_and_closing() -> None:
    """Both are harmless when done twice; a closed session can be opened again; one left open warns."""
    http = make()
    with pytest.raises(RuntimeError, match=r"AsyncSession is not open: use 'async with' or await session.open\(\)"):
        await http.get("/ok")
    for _ in range(2):
        await http.open()
        await http.open()
        assert http.is_open
        assert await http.get("/ok")
        await http.close()
        await http.close()
        assert not http.is_open
    with pytest.raises(InvalidURL, match=r"relative|Relative"):
        async with AsyncSession(transport=MockTransport(answer)) as bare:
            await bare.get("/ok")
    lost = make()
    await lost.open()
    client = lost._client
    with pytest.warns(ResourceWarning, match="unclosed session"):  # noqa: PT031
        del lost
        gc.collect()
    assert client is not None
    await client.aclose()


async def test_a_login_and_what_follows() -> None:
    """Session headers, own headers and cookies on the second request, and its own time limit; the session's stay as they are."""
    limits: list[Any] = []

    def note(request: Request) -> Any:
        limits.append(request.timeout.total if hasattr(request.timeout, "total") else request.timeout)
        return answer(request)

    headers = {"X-Session": "s", "Accept": "text/plain"}
    mock = MockTransport(note)
    async with make(transport=mock, headers=headers, timeout=9) as http:
        login = await http.post("/login", json={"user": "kim"})
        assert login is not None
        token = login.json()["token"]
        await http.get("/ok", headers={"Authorization": f"Bearer {token}", "accept": "application/json"}, timeout=3, params={"a": 1})
        await http.get("/ok", headers={"X-Session": None})
        assert http.cookies.get("s") == "1"
    sent = mock.calls[1]
    names = ("x-session", "accept", "authorization", "cookie")
    assert [sent.headers[name] for name in names] == ["s", "application/json", "Bearer t", "s=1"]
    assert sent.url == "http://api.test/ok?a=1"
    assert limits == [9, 3, 9]
    assert "x-session" not in mock.calls[2].headers
    assert headers == {"X-Session": "s", "Accept": "text/plain"}


async def test_hooks_and_middleware_of_a_session() -> None:
    """They run for calls and streams alike; what they raise is a failure like any other."""
    told: list[str] = []

    class Notes(BaseMiddleware):
        def request(self, method: str, url: str, kwargs: dict[str, Any]) -> None:
            kwargs["headers"]["X-Notes"] = "1"

    http = make(middleware=Notes())
    http.on_request(lambda route, config: told.append(f"request {route.method}"))
    http.on_response(lambda response: told.append(f"response {response.status}"))

    @http.on_error
    async def on_error(error: Exception, route: Any) -> None:
        told.append(type(error).__name__)

    async with http:
        await http.get("/ok")
        async with http.stream("GET", "/ok") as response:
            assert await response.aread() == b'{"path":"ok"}'
        await http.get("/down")
        with pytest.raises(ConnectError):
            async with http.stream("GET", "/down"):
                pass
        assert isinstance(http.last_error, ConnectError)
        assert [call.headers["x-notes"] for call in http.transport.calls] == ["1"] * 4  # type: ignore[union-attr]
    assert told == ["request GET", "response 200"] * 2 + ["request GET", "ConnectError"] * 2


async def test_tasks_have_errors_of_their_own_and_calls_wait_their_turn() -> None:
    """What fails in one task is not seen in another; past the limit calls wait, and no time limit counts that."""
    under_way = [0, 0]

    async def slow(request: Request) -> Any:
        under_way[0] += 1
        under_way[1] = max(under_way)
        await asyncio.sleep(0.01)
        under_way[0] -= 1
        return 200 if request.target < "/5" else 404

    async def one(index: int) -> bool:
        response = await http.get(f"/{index}")
        return (response is None) == (http.last_error is not None) == (index >= 5)

    async with make(transport=MockTransport(slow), concurrency=2, timeout=0.04) as http:
        assert all(await asyncio.gather(*[one(index) for index in range(10)]))
        assert http.last_error is None
    assert under_way[1] == 2


async def test_a_wait_for_another_attempt_leaves_the_place_to_others() -> None:
    """A session with room for one call answers a second while the first waits."""
    order: list[str] = []

    def once(request: Request) -> Any:
        order.append(request.target)
        return 503 if order == ["/a"] else 200

    async with make(transport=MockTransport(once), concurrency=1, middleware=RetryMiddleware(1, backoff_factor=0.03, jitter=False)) as http:
        await asyncio.gather(http.get("/a"), http.get("/b"))
    assert order == ["/a", "/b", "/a"]


# --- streams, on the wire


async def test_a_stream_is_counted_and_guarded() -> None:
    """The limit of sizes holds while reading; a forbidden address is refused; a status is judged only where that is wanted."""

    def script(peer: Peer) -> None:
        while peer.read() is not None:
            peer.send(b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n")
            peer.send(b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n")

    with serve(script) as place:
        url = f"http://127.0.0.1:{place.port}/"
        async with AsyncSession(security=LOCAL) as http:
            async with http.stream("GET", url) as response:
                assert response.status == 404
                assert len(await response.aread()) == 2048
            with pytest.raises(FastHTTPBadStatusError):
                async with http.stream("GET", url, raise_for_status=True):
                    pass
        small = SecurityPolicy(allow_hosts=["localhost"], max_response_size=1500)
        async with AsyncSession(security=small) as http:
            read = 0
            with pytest.raises(ResponseTooLargeError):
                async with http.stream("GET", url) as response:
                    async for piece in response.iter_bytes():
                        read += len(piece)
            assert read <= 1500
            assert await http.get(url) is None
            assert isinstance(http.last_error, ResponseTooLargeError)
        async with AsyncSession() as http:
            with pytest.raises(SSRFBlockedError):
                async with http.stream("GET", url):
                    pass


async def test_the_total_limit_of_a_stream_ends_at_its_head() -> None:
    """A head that does not come in time is a failure; a body may take longer."""
    gate = threading.Event()

    def script(peer: Peer) -> None:
        request = peer.read()
        if request is None or request.target == "/never":
            peer.wait()
            return
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        gate.wait(5)
        peer.send(b"b")

    with serve(script) as place:
        async with AsyncSession(f"http://127.0.0.1:{place.port}", security=LOCAL, timeout=Timeout(0.2)) as http:
            with pytest.raises(TotalTimeout):
                async with http.stream("GET", "/never"):
                    pass
            async with http.stream("GET", "/slow") as response:
                asyncio.get_running_loop().call_later(0.25, gate.set)
                assert await response.aread() == b"ab"


async def test_each_attempt_of_a_stream_has_a_total_limit_of_its_own() -> None:
    """A wait between two attempts that is longer than the limit is no failure; a second head that does not come is one."""

    def script(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            if len(peer.server.requests) % 2:
                peer.send(response(status="503 Service Unavailable"))
            elif request.target == "/never":
                peer.wait()
            else:
                peer.send(response(b"here"))

    retry = RetryMiddleware(1, backoff_factor=0.3, jitter=False)
    with serve(script) as place:
        async with AsyncSession(place.url, security=LOCAL, middleware=retry, timeout=Timeout(0.2)) as http:
            async with http.stream("GET", "/late") as streamed:
                assert (streamed.status, await streamed.aread()) == (200, b"here")
            with pytest.raises(TotalTimeout) as caught:
                async with http.stream("GET", "/never"):
                    pass
    assert (caught.value.sent_attempts, caught.value.limit) == (2, 0.2)
    assert len(place.requests) == 4


async def test_a_stream_that_is_left_early_gives_its_place_back() -> None:
    """Its connection is closed, and the next call finds room."""

    def script(peer: Peer) -> None:
        while peer.read() is not None:
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"x" * 1000)

    with serve(script) as place:
        async with AsyncSession(f"http://127.0.0.1:{place.port}", security=LOCAL, concurrency=1) as http:
            for _ in range(3):
                async with http.stream("GET", "/") as response:
                    async for _piece in response.iter_bytes():
                        break
            await asyncio.to_thread(place.wait_until_closed)
    assert place.connections == 3
    assert isinstance(response, Response)


LARGE = random.Random(1).randbytes(5_000_000)  # more than the buffers of a socket, and the same nowhere in it


def in_pieces() -> Iterator[bytes]:
    for at in range(0, len(LARGE), 100_000):
        yield LARGE[at : at + 100_000]


async def in_async_pieces() -> AsyncIterator[bytes]:
    for piece in in_pieces():
        await asyncio.sleep(0)
        yield piece


@pytest.mark.parametrize("body", [lambda: LARGE, in_pieces, in_async_pieces], ids=["bytes", "pieces", "async pieces"])
@pytest.mark.parametrize("answer_of", [response, lambda body: chunked(body[:3_000_000], body[3_000_000:])], ids=["counted", "chunked"])
async def test_large_bodies_go_through_a_stream_both_ways(body: Callable[[], Any], answer_of: Callable[[bytes], bytes]) -> None:
    """Five megabytes up and the same down, bit by bit as they were; the connection serves the next call."""

    def script(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            peer.send(answer_of(request.body))

    with serve(script) as place:
        async with AsyncSession(place.url, security=LOCAL, timeout=20) as http:
            for _ in range(2):
                async with http.stream("POST", "/", content=body()) as streamed:
                    pieces = [piece async for piece in streamed.iter_bytes()]
                assert max(map(len, pieces)) < len(LARGE) / 2
                assert b"".join(pieces) == LARGE
            whole = await http.post("/", content=body())
            assert whole is not None
            assert whole.content == LARGE
    assert place.connections == 1
