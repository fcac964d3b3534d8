"""Event streams against a server that drops, stalls, refuses and lies: what is asked for again, and what is raised."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from typing import Any

import pytest

from fasthttp import (
    AsyncClient,
    ConnectError,
    HTTPStatusError,
    IncompleteRead,
    InvalidHeader,
    MockTransport,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    SSEEvent,
    Timeout,
)
from fasthttp._async.sse import AsyncEventStream
from fasthttp.retry import RetryPolicy
from fasthttp.testing import MockResponse
from tests.shell.asyncio import run_blocking
from tests.shell.server import HELLO, Peer, answering, chunked, response, serve

TYPE = "Content-Type: text/event-stream"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


def stream(body: bytes, *fields: str) -> bytes:
    """An answer that ends with its connection."""
    return "\r\n".join(["HTTP/1.1 200 OK", *(fields or (TYPE,)), "Connection: close", "", ""]).encode() + body


def dropped(body: bytes) -> bytes:
    """An answer whose chunks end inside."""
    return f"HTTP/1.1 200 OK\r\n{TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + b"%x\r\n%b\r\n5\r\nda" % (len(body), body)


def closing(*answers: bytes) -> Callable[[Peer], None]:
    """Each connection gets the next answer and is closed; the last one for ever."""
    return answering(*answers, close=True)


def ids(requests: list[Any]) -> list[str | None]:
    return [request.headers.get("last-event-id") for request in requests]


async def collect(events: AsyncEventStream, got: list[SSEEvent]) -> None:
    """Append what comes, so that it is there when an error follows."""
    async for event in events:
        got.append(event)  # noqa: PERF401


async def test_events_one_by_one() -> None:
    """Each is there before the next is sent; `with` connects, and the iterator has the response and the last id."""
    go: list[int] = []

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(stream(b"event: add\nid: 1\ndata: a\ndata: b\n\n"))
        while not go and not peer.server.stopping.wait(0.005):
            pass
        peer.send(b"data: c\r\n\r\n")

    with serve(handler) as server:
        async with AsyncClient() as client, client.sse(server.url, headers={"X-A": "1"}) as events:
            assert events.response.status_code == 200
            assert events.last_event_id is None
            async for event in events:
                assert event == SSEEvent("add", "a\nb", "1")
                break
            assert events.last_event_id == "1"
            go.append(1)
            assert [event async for event in events] == [SSEEvent(data="c", id="1")]
            assert [event async for event in events] == []
    (request,) = server.requests
    assert (request.method, request.headers["x-a"]) == ("GET", "1")
    assert (request.headers["accept"], request.headers["cache-control"]) == ("text/event-stream", "no-store")
    assert ids(server.requests) == [None]


async def test_a_drop_is_taken_up_behind_the_last_event() -> None:
    """After a break behind id 7 the next request says so, and the loop goes on; an unfinished event is not counted."""
    with serve(closing(dropped(b"id: 6\ndata: a\n\nid: 7\ndata: b\n\nid: 8\ndata: c\n"), stream(b"data: d\n\n"), NO_CONTENT)) as server:
        async with AsyncClient() as client, client.sse(server.url, reconnect=True, max_retries=1, backoff=0) as events:
            first = events.response
            assert [event async for event in events] == [SSEEvent(data=data, id=id) for data, id in (("a", "6"), ("b", "7"), ("d", "7"))]
            assert events.response is not first
            assert (events.response.status_code, events.last_event_id) == (204, "7")
    assert ids(server.requests) == [None, "7", "7"]


async def test_the_last_id_is_of_the_events_given_out() -> None:
    """Not of those that have been received behind them."""
    with serve(answering(chunked(b"id: 1\ndata\n\nid: 2\ndata\n\n", fields=(TYPE,)))) as server:
        async with AsyncClient() as client, client.sse(server.url) as events:
            async for _ in events:
                break
            assert events.last_event_id == "1"


async def test_without_reconnect_the_end_ends() -> None:
    """The end of a body, counted, chunked or closed, ends the loop; a break inside it is the error that it is."""
    body = b": hello\n\ndata: a\n\n"
    ends = (stream(body), chunked(body[:3], body[3:], fields=(TYPE,)), response(body, TYPE))
    with serve(closing(*ends, dropped(body))) as server:
        async with AsyncClient() as client:
            for _ in ends:
                async with client.sse(server.url) as events:
                    assert [event.data async for event in events] == ["a"]
            async with client.sse(server.url) as events:
                with pytest.raises(IncompleteRead):
                    _ = [event async for event in events]
                assert [event async for event in events] == []
            assert client.pool_stats().in_use == 0
    assert len(server.requests) == 4


async def test_the_servers_wait() -> None:
    """`retry` is the next wait, in milliseconds, in place of a longer one of ours, and is told by its event."""
    with serve(closing(stream(b"retry: 60\ndata: a\n\n"), stream(b"retry: 40\n\n"), NO_CONTENT)) as server:
        started = time.monotonic()
        async with AsyncClient() as client, client.sse(server.url, reconnect=True, max_retries=-1, backoff=100) as events:
            assert [event async for event in events] == [SSEEvent(data="a", retry=60)]
    assert 0.1 <= time.monotonic() - started < 1
    assert len(server.requests) == 3


async def test_an_event_gives_all_tries_back() -> None:
    """Streams that bring something may end any number of times; a last one without ends it with its error."""
    with serve(closing(*(stream(b"id: %d\ndata\n\n" % number) for number in range(5)), stream(b": nothing\n\n"))) as server:
        async with AsyncClient() as client, client.sse(server.url, reconnect=True, max_retries=2, backoff=0) as events:
            got: list[SSEEvent] = []
            with pytest.raises(ReadError, match="the event stream ended: GET http"):
                await collect(events, got)
            assert [event.id for event in got] == ["0", "1", "2", "3", "4"]
            assert [event async for event in events] == []
    assert ids(server.requests) == [None, "0", "1", "2", "3", "4", "4"]


async def test_tries_are_used_up() -> None:
    """Nobody listens: the last error is raised, by entering or by the loop."""
    with serve(closing(stream(b"data\n\n"))) as server:
        url = server.url
    async with AsyncClient() as client:
        with pytest.raises(ConnectError):
            async with client.sse(url, reconnect=True, max_retries=3, backoff=0):
                pass
        with pytest.raises(ConnectError):
            _ = [event async for event in client.sse(url, reconnect=True, backoff=100)]


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "404 Not Found", "500 Internal Server Error", "503 Busy"])
async def test_statuses_that_are_final(status: str) -> None:
    """From 400 on they are errors that tell what the body says, whatever tries are left; the connection is kept."""
    answer = response(b'{"detail": "no such stream"}', "Content-Type: application/json", status=status)
    with serve(answering(answer, HELLO)) as server:
        async with AsyncClient() as client:
            with pytest.raises(HTTPStatusError) as caught:
                async with client.sse(server.url, reconnect=True, max_retries=-1, backoff=0):
                    pass
            assert caught.value.status_code == int(status[:3])
            assert caught.value.detail == "no such stream"
            await client.get(server.url)
    assert (len(server.requests), server.connections) == (2, 1)


async def test_statuses_that_pass() -> None:
    """408 and 429 say nothing about the next try; without one they are errors as well."""
    busy = [response(status=status) for status in ("429 Too Many Requests", "408 Request Timeout")]
    with serve(answering(*busy, chunked(b"data: a\n\n", fields=(TYPE,)), *busy)) as server:
        async with AsyncClient() as client:
            async with client.sse(server.url, reconnect=True, max_retries=2, backoff=0) as events:
                got: list[SSEEvent] = []
                with pytest.raises(HTTPStatusError, match="408"):
                    await collect(events, got)
                assert got == [SSEEvent(data="a")]
            with pytest.raises(HTTPStatusError, match="408"):
                async with client.sse(server.url):
                    pass
    assert len(server.requests) == 6


async def test_no_content_is_no_stream() -> None:
    """204 at once: entering works, and there is nothing in it, with `reconnect` or without."""
    with serve(answering(NO_CONTENT)) as server:
        async with AsyncClient() as client:
            for reconnect in (False, True):
                async with client.sse(server.url, reconnect=reconnect, max_retries=-1) as events:
                    assert events.response.status_code == 204
                    assert [event async for event in events] == []
    assert len(server.requests) == 2


async def test_another_content_type_is_final() -> None:
    """It is an error that says what came instead."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            with pytest.raises(RemoteProtocolError, match="status 200 with content type 'application/json': GET http"):
                async with client.sse(server.url, reconnect=True, max_retries=-1, backoff=0):
                    pass
            assert client.pool_stats().in_use == 0
    assert len(server.requests) == 1


async def test_leaving_closes() -> None:
    """Out of the loop, or closed without `with`: the server notices, and iteration is over."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(stream(b"data: a\n\ndata: b\n\n"))
        peer.wait()

    with serve(handler) as server:
        async with AsyncClient() as client:
            async with client.sse(server.url) as events:
                async for event in events:
                    assert event.data == "a"
                    break
            await run_blocking(server.wait_until_closed)
            assert [event async for event in events] == []
            assert client.pool_stats().open == 0
            events = client.sse(server.url)
            with pytest.raises(RuntimeError, match="no response yet"):
                _ = events.response
            async for _ in events:
                break
            await events.aclose()
            await events.aclose()
            await run_blocking(server.wait_until_closed)
            assert [event async for event in events] == []
            unused = client.sse(server.url)
            await unused.aclose()
            assert [event async for event in unused] == []
    assert len(server.requests) == 2


async def test_silence_and_time() -> None:
    """A stream may last longer than any total limit, comments keep it alive, and silence is a timeout: of the call or the client."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(stream(b""))
        for _ in range(4):
            peer.server.stopping.wait(0.05)
            peer.send(b": alive\n\n")
        peer.send(b"data: a\n\n")
        peer.wait()

    limit = Timeout(total=0.1, read=0.2)
    with serve(handler) as server:
        for client, options in ((AsyncClient(), {"timeout": limit}), (AsyncClient(timeout=limit), {}), (AsyncClient(), {"timeout": 0.2})):
            async with client, client.sse(server.url, **options) as events:
                async for event in events:
                    assert event.data == "a"
                    break
                with pytest.raises(ReadTimeout):
                    _ = [event async for event in events]
                assert events.response.request.timeout is not limit


async def test_silence_is_a_reason_to_reconnect() -> None:
    """The read timeout of one connection is the beginning of the next."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(stream(b"data: %d\n\n" % peer.number))
        peer.wait()

    with serve(handler) as server:
        options: dict[str, Any] = {"timeout": 0.05, "reconnect": True, "max_retries": 1, "backoff": 0}
        async with AsyncClient() as client, client.sse(server.url, **options) as events:
            got = []
            async for event in events:
                got.append(event.data)
                if len(got) == 3:
                    break
    assert got == ["1", "2", "3"]


async def test_an_endless_line() -> None:
    """It is refused at the limit, which is named; what came before is given out, and no try is made again."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(stream(b"data: a\n\ndata: "))
        for _ in range(100):
            peer.send(b"x" * 65536)
        peer.wait()

    with serve(handler) as server:
        async with AsyncClient() as client:
            options: dict[str, Any] = {"reconnect": True, "max_retries": -1, "backoff": 0, "max_event_size": 100_000}
            async with AsyncEventStream(client._running(), "GET", server.url, {}, **options) as events:
                got: list[SSEEvent] = []
                with pytest.raises(RemoteProtocolError, match="a line is larger than 100000 bytes: GET http"):
                    await collect(events, got)
                assert got == [SSEEvent(data="a")]
            assert client.pool_stats().open == 0
    assert len(server.requests) == 1


async def test_where_to_begin() -> None:
    """`last_event_id` is sent with the first request, and so is a field of the caller's, until there is a later one."""
    with serve(closing(stream(b"data: a\n\nid: 9\ndata: b\n\n"), NO_CONTENT)) as server:
        async with AsyncClient() as client:
            async with client.sse(server.url, last_event_id="é 1", reconnect=True, max_retries=1, backoff=0) as events:
                assert [event.id async for event in events] == ["é 1", "9"]
            assert server.requests[0].headers["last-event-id"].encode("latin-1").decode() == "é 1"
            async with client.sse(server.url, headers={"last-event-id": "5", "Accept": "x/y", "Cache-Control": None}):
                pass
    assert ids(server.requests)[1:] == ["9", "5"]
    assert server.requests[2].headers["accept"] == "x/y"
    assert "cache-control" not in server.requests[2].headers


async def test_an_id_that_no_header_can_hold() -> None:
    """Going on would lose events without a word, so the attempt is an error."""
    with serve(closing(stream(b"id: a\x01b\ndata\n\n"))) as server:
        async with AsyncClient() as client, client.sse(server.url, reconnect=True, max_retries=-1, backoff=0) as events:
            with pytest.raises(InvalidHeader, match="Last-Event-ID"):
                _ = [event async for event in events]
    assert len(server.requests) == 1


async def test_everything_of_a_client_works() -> None:
    """Base URL, parameters, authentication, cookies, redirects, hooks, codings and bodies are those of any call."""
    zipped = gzip.compress(b"data: zipped\n\n")
    moved = b"HTTP/1.1 307 Moved\r\nLocation: /there\r\nSet-Cookie: sid=1\r\nContent-Length: 0\r\n\r\n"
    seen: list[int] = []

    def look(r: Any) -> None:
        seen.append(r.status_code)

    with serve(answering(moved, response(zipped, TYPE, "Content-Encoding: gzip"))) as server:
        client = AsyncClient(server.url, auth=("u", "p"), params={"p": "1"}, hooks={"response": look}, headers={"X-C": "1"})
        async with client, client.sse("/here", method="POST", json={"q": 1}, params={"q": "2"}) as events:
            assert [event.data async for event in events] == ["zipped"]
            assert len(events.response.history) == 1
    first, second = server.requests
    assert (first.line, first.body) == ("POST /here?p=1&q=2 HTTP/1.1", b'{"q":1}')
    assert (second.line, second.body, second.headers["cookie"]) == ("POST /there HTTP/1.1", b'{"q":1}', "sid=1")
    assert second.headers["authorization"].startswith("Basic ")
    assert second.headers["x-c"] == "1"
    assert seen == [200]


async def test_bodies_go_again() -> None:
    """A body is sent with each request; one that could not be is refused before the first."""
    with serve(closing(stream(b"data\n\n"), NO_CONTENT)) as server:
        async with AsyncClient() as client:
            options: dict[str, Any] = {"method": "POST", "reconnect": True, "max_retries": 1, "backoff": 0}
            async with client.sse(server.url, content=b"body", **options) as events:
                assert len([event async for event in events]) == 1
            with pytest.raises(ValueError, match="reconnect="):
                client.sse(server.url, content=iter([b"body"]), **options)
    assert [request.body for request in server.requests] == [b"body", b"body"]


async def test_wrong_arguments() -> None:
    """They are the caller's fault at once, before anything is sent."""
    async with AsyncClient() as client:
        types: list[dict[str, Any]] = [{"stream": True}, {"timout": 1}, {"max_retries": "3"}]
        for wrong in types:
            with pytest.raises(TypeError, match=next(iter(wrong))):
                client.sse("http://a.test/", **wrong)
        numbers: list[dict[str, Any]] = [{"max_retries": -2}, {"backoff": -1}, {"timeout": 0}]
        for out in numbers:
            with pytest.raises(ValueError, match=next(iter(out))):
                client.sse("http://a.test/", **out)


async def test_an_open_circuit_is_waited_out() -> None:
    """A breaker that refuses is a failure like the ones that opened it: counted, and tried again."""
    mock = MockTransport({"/": ConnectError("refused")})
    mock.fast = True
    policy = RetryPolicy(circuit_breaker=True, cb_failure_threshold=2)
    async with AsyncClient(transport=mock, retry=policy) as client:
        with pytest.raises(Exception, match="Circuit open"):
            async with client.sse("http://a.test/", reconnect=True, max_retries=3, backoff=100):
                pass
    assert len(mock.calls) == 2


async def test_a_mock_serves_events() -> None:
    """Declared answers are event streams, and waits take no time where the transport says so."""
    headers = {"Content-Type": "text/event-stream"}
    mock = MockTransport()
    mock.fast = True
    mock.get("/prices", content=b"retry: 100000\nid: 1\ndata: a\n\n", headers=headers, times=1)
    mock.get("/prices", MockResponse(429), times=1)
    mock.get("/prices", content=b"data: b\n\n", headers=headers, times=1)
    mock.get("/prices", status=204)
    client = AsyncClient("http://a.test", transport=mock)
    async with client, client.sse("/prices", reconnect=True, max_retries=2, backoff=100) as events:
        assert [event.data async for event in events] == ["a", "b"]
    assert [call.headers.get("last-event-id") for call in mock.calls] == [None, "1", "1", "1"]
