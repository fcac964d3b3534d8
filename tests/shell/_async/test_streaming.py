"""Bodies that are read as they come: iterators, early ends, wrong colours, and what happens to the connection."""

from __future__ import annotations

import gc
import warnings
from typing import Any

import pytest

from fasthttp import AsyncClient, IncompleteRead, StreamClosed, StreamConsumed, StreamNotRead
from tests.shell.asyncio import run_blocking
from tests.shell.server import HELLO, Peer, answering, chunked, response, serve


async def test_stream_returns_after_the_head() -> None:
    """A streamed response is there before its body; reading gives all of it, and then it is buffered."""
    go: list[int] = []

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        while not go and not peer.server.stopping.wait(0.005):
            pass
        peer.send(b"67890")
        peer.wait()

    with serve(handler) as server:
        async with AsyncClient() as client:
            r = await client.get(server.url, stream=True)
            assert not r.is_buffered
            with pytest.raises(StreamNotRead, match="read\\(\\)"):
                _ = r.content
            go.append(1)
            assert await r.aread() == b"1234567890"
            assert r.content == r.bytes() == b"1234567890"
            assert client.pool_stats().idle == 1


async def test_iterators_agree() -> None:
    """Bytes, raw bytes, text and lines of a live stream are the pieces of one body."""
    body = "a\r\nbé\n\nc\rd".encode()
    with serve(answering(chunked(body[:4], body[4:5], body[5:], fields=("Content-Type: text/plain; charset=utf-8",)))) as server:
        async with AsyncClient() as client:

            async def collect(name: str, **arguments: Any) -> list[Any]:
                async with client.stream("GET", server.url) as r:
                    return [item async for item in getattr(r, name)(**arguments)]

            assert b"".join(await collect("aiter_bytes")) == body
            assert await collect("aiter_bytes", chunk_size=4) == [body[0:4], body[4:8], body[8:12]][: len(body) // 4 + 1]
            assert b"".join(await collect("aiter_raw")) == body
            assert "".join(await collect("aiter_text")) == body.decode()
            assert await collect("aiter_lines") == ["a", "bé", "", "c", "d"]
            assert all(type(piece) is bytes for piece in await collect("aiter_bytes"))
    assert server.connections == 1


async def test_text_never_splits_a_character() -> None:
    """Chunk borders inside characters give no replacement character."""
    text = "é€😀" * 5
    data = text.encode()
    with serve(answering(chunked(*(data[at : at + 1] for at in range(len(data)))))) as server:
        async with AsyncClient() as client, client.stream("GET", server.url) as r:
            pieces = [piece async for piece in r.aiter_text()]
    assert "".join(pieces) == text
    assert "\ufffd" not in "".join(pieces)


async def test_blank_lines_of_an_event_stream_are_kept() -> None:
    """Lines come one by one, blank ones included."""
    with serve(answering(chunked(b"data: 1\n", b"\ndata: 2\n\n"))) as server:
        async with AsyncClient() as client, client.stream("GET", server.url) as r:
            assert [line async for line in r.aiter_lines()] == ["data: 1", "", "data: 2", ""]


async def test_a_short_rest_is_drained_on_close() -> None:
    """Leaving a loop early with little of a known body left gives the connection back; the next answer is right."""
    with serve(answering(response(b"x" * 3000), HELLO)) as server:
        async with AsyncClient() as client:
            async with client.stream("GET", server.url) as r:
                async for _ in r.aiter_bytes(chunk_size=10):
                    break
            assert client.pool_stats().idle == 1
            assert (await client.get(server.url)).json() == {"hello": "world"}
    assert server.connections == 1


async def test_a_long_rest_closes_the_connection() -> None:
    """Leaving early with much of the body left closes the connection; the next answer comes on another."""
    with serve(answering(response(b"x" * 3_000_000), HELLO)) as server:
        async with AsyncClient() as client:
            async with client.stream("GET", server.url) as r:
                async for _ in r.aiter_bytes(chunk_size=10):
                    break
            assert client.pool_stats().open == 0
            assert (await client.get(server.url)).json() == {"hello": "world"}


async def test_a_rest_that_does_not_come_is_not_waited_for() -> None:
    """A server that stalls inside a short rest costs a tenth of a second, then the connection."""
    with serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")) as server:
        async with AsyncClient() as client:
            async with client.stream("GET", server.url):
                pass
            assert client.pool_stats().open == 0


async def test_states_of_a_stream() -> None:
    """Twice is StreamConsumed, after close StreamClosed; closing twice is harmless."""
    with serve(answering(response(b"x" * 100))) as server:
        async with AsyncClient() as client:
            r = await client.get(server.url, stream=True)
            assert b"".join([piece async for piece in r.aiter_bytes()]) == b"x" * 100
            with pytest.raises(StreamConsumed):
                _ = [piece async for piece in r.aiter_bytes()]
            with pytest.raises(StreamConsumed):
                _ = r.content
            await r.aclose()
            closed = await client.get(server.url, stream=True)
            await closed.aclose()
            await closed.aclose()
            with pytest.raises(StreamClosed):
                await closed.aread()
            assert client.pool_stats().in_use == 0


async def test_an_error_inside_a_stream() -> None:
    """A body cut short raises inside the iteration, and the connection is gone."""
    with serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour", close=True)) as server:
        async with AsyncClient() as client, client.stream("GET", server.url) as r:
            with pytest.raises(IncompleteRead, match="GET http"):
                _ = [piece async for piece in r.aiter_bytes()]
            assert client.pool_stats().open == 0


async def test_full_read_releases_once() -> None:
    """A stream read to its end and closed again in any order gives one connection back, which serves the next calls."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            async with client.stream("GET", server.url) as r:
                await r.aread()
                await r.aclose()
            for _ in range(20):
                assert (await client.get(server.url)).json() == {"hello": "world"}
            assert (client.pool_stats().open, client.pool_stats().in_use) == (1, 0)


async def test_an_unclosed_stream_warns_and_closes() -> None:
    """A response that is collected unread emits ResourceWarning and gives up its connection."""
    with serve(answering(response(b"x" * 3_000_000))) as server:
        async with AsyncClient() as client:
            r = await client.get(server.url, stream=True)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                del r
                gc.collect()
            assert [warning.category for warning in caught] == [ResourceWarning]
            assert client.pool_stats().in_use == 0


async def test_buffered_bodies_iterate_repeatedly() -> None:
    """All iterators work on a buffered response, any number of times."""
    with serve(answering(response(b"a\nb"))) as server:
        async with AsyncClient() as client:
            r = await client.get(server.url)
    for _ in range(2):
        assert [line async for line in r.aiter_lines()] == ["a", "b"]
        assert b"".join([piece async for piece in r.aiter_bytes(chunk_size=1)]) == b"a\nb"


async def test_slow_readers_hold_the_server_back() -> None:
    """While nobody reads, no more than a bounded part of a body is taken in."""
    sent = 0

    def handler(peer: Peer) -> None:
        nonlocal sent
        peer.read()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        peer.sock.settimeout(0.3)
        try:
            for _ in range(1500):
                peer.sock.sendall(b"x" * 65536)
                sent += 65536
        except OSError:
            pass

    with serve(handler) as server:
        async with AsyncClient() as client, client.stream("GET", server.url) as r:
            async for _ in r.aiter_bytes():
                break
            await run_blocking(server.wait_until_closed)
    assert sent < 50_000_000
