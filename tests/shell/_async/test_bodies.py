"""What is sent: framing by kind of source, replay, and answers that come too soon."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from fasthttp import AsyncClient, BodyLengthError, BodyNotReplayable, Request, WriteTimeout
from tests.shell.asyncio import run_blocking
from tests.shell.server import HELLO, Peer, answering, response, serve


async def agen(*pieces: bytes | str) -> AsyncIterator[bytes | str]:
    for piece in pieces:
        yield piece


def gen(*pieces: bytes | str) -> Iterator[bytes | str]:
    yield from pieces


@pytest.mark.parametrize(
    "make",
    [lambda: agen(b"hello ", b"", "wörld"), lambda: gen(b"hello ", b"", "wörld"), lambda: [b"hello ", "wörld"]],
    ids=["async", "sync", "list"],
)
async def test_iterables_are_sent_in_chunks(make: Any) -> None:
    """An iterable of either kind arrives as exactly its bytes; an empty piece does not end it."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            await client.post(server.url, content=make())
    assert server.requests[0].headers["transfer-encoding"] == "chunked"
    assert "content-length" not in server.requests[0].headers
    assert server.requests[0].body == "hello wörld".encode()


@pytest.mark.parametrize("content", [b"bytes", bytearray(b"bytes"), memoryview(b"bytes"), "bytes", "file"])
async def test_known_lengths_are_announced(content: Any) -> None:
    """Bytes, text and seekable files have a Content-Length."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            await client.put(server.url, content=io.BytesIO(b"bytes") if content == "file" else content)
    assert (server.requests[0].headers["content-length"], server.requests[0].body) == ("5", b"bytes")


async def test_paths_and_large_bodies(tmp_path: Path) -> None:
    """A path is opened, streamed with its length, and can be sent again; megabytes arrive whole."""
    data = bytes(range(256)) * 8000
    path = tmp_path / "data.bin"
    path.write_bytes(data)
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            request = Request("POST", server.url, content=path)
            await client.send(request)
            await client.send(request)
            await client.post(server.url, content=data)
            with path.open("rb") as file:
                file.seek(1000)
                await client.post(server.url, content=file)
    assert [received.body == data for received in server.requests[:3]] == [True, True, True]
    assert server.requests[3].body == data[1000:]
    assert {received.headers["content-length"] for received in server.requests[:3]} == {str(len(data))}


@pytest.mark.parametrize(("pieces", "numbers"), [((b"abc",), ("3", "5")), ((b"abc", b"defgh"), ("5", "8"))])
async def test_a_source_that_gives_another_length(pieces: tuple[bytes, ...], numbers: tuple[str, str]) -> None:
    """Fewer or more bytes than announced: BodyLengthError with both numbers, and not a byte too many is sent."""
    seen = bytearray()

    def handler(peer: Peer) -> None:
        peer.read_head()
        seen.extend(peer._buffer)
        while data := peer.receive():
            seen.extend(data)

    with serve(handler) as server:
        async with AsyncClient() as client:
            with pytest.raises(BodyLengthError) as caught:
                await client.post(server.url, content=agen(*pieces), headers={"Content-Length": "5"})
            assert client.pool_stats().open == 0
        await run_blocking(server.wait_until_closed)
    assert all(number in str(caught.value) for number in numbers)
    assert len(seen) <= 5


async def test_an_exception_of_the_source_reaches_the_caller() -> None:
    """The caller gets its own exception, and the server never a well-formed end."""

    async def broken() -> AsyncIterator[bytes]:
        yield b"one"
        raise KeyError("mine")

    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            with pytest.raises(KeyError, match="mine"):
                await client.post(server.url, content=broken())
            assert client.pool_stats().open == 0
        await run_blocking(server.wait_until_closed)
    assert not any(request.body.endswith(b"0\r\n\r\n") for request in server.requests)


async def test_a_spent_iterator_is_never_sent_again() -> None:
    """A second send of a one-shot body raises before any I/O."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            request = Request("POST", server.url, content=gen(b"once"))
            assert request.is_replayable
            await client.send(request)
            assert not request.is_replayable
            with pytest.raises(BodyNotReplayable, match="generator"):
                await client.send(request)
    assert [received.body for received in server.requests] == [b"once"]


async def test_an_early_answer_stops_the_upload() -> None:
    """A 413 that comes while the body is being sent is returned, and the connection closed."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(2000):
            sent += 1
            yield b"x" * 65536

    def handler(peer: Peer) -> None:
        peer.read_head()
        peer.send(response(b"too large", status="413 Content Too Large"))
        peer.server.stopping.wait(0.3)

    with serve(handler) as server:
        async with AsyncClient() as client:
            r = await client.post(server.url, content=endless())
            assert (r.status_code, r.content) == (413, b"too large")
            assert client.pool_stats().open == 0
    assert sent < 2000


async def test_an_early_answer_and_a_closed_connection() -> None:
    """A server that answers 413 and closes without reading: the answer, not a broken pipe."""

    def handler(peer: Peer) -> None:
        peer.read_head()
        peer.send(response(b"no", "Connection: close", status="413 Content Too Large"))

    with serve(handler) as server:
        async with AsyncClient() as client:
            r = await client.post(server.url, content=b"x" * 300_000)
    assert r.status_code == 413


def never_reading(peer: Peer) -> None:
    peer.server.stopping.wait(5)


async def test_a_server_that_stops_reading() -> None:
    """No progress in sending for timeout.write is a WriteTimeout."""
    with serve(never_reading) as server:
        async with AsyncClient(timeout=None) as client:
            from fasthttp import Timeout

            with pytest.raises(WriteTimeout, match=r"write timeout after 0\.3 s"):
                await client.post(server.url, content=b"x" * 50_000_000, timeout=Timeout(write=0.3))
            assert client.pool_stats().open == 0


async def test_iter_body_in_this_colour() -> None:
    """The pieces of a request's body can be iterated."""
    request = Request("POST", "http://h.test/", content=b"abc")
    assert b"".join([piece async for piece in request.iter_body()]) == b"abc"
    assert [piece async for piece in Request("GET", "http://h.test/").iter_body()] == []
