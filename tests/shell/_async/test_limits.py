"""What a server may send before its body, and around it: beyond the limits the call ends, whatever else would come."""

from __future__ import annotations

import tracemalloc
from itertools import repeat

import pytest

from fasthttp import AsyncClient, HTTPTransport, RemoteProtocolError, Timeout
from tests.shell.server import Peer, answering, chunked, response, serve

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MOST = 64 << 20  # bytes that an endless server sends at the most

ENDLESS = {
    "fields": (OK, b"X-Filler: " + b"y" * 90 + b"\r\n", "head|field"),
    "one field": (OK + b"X: ", b"y" * 4096, "head|line"),
    "reason": (b"HTTP/1.1 200 ", b"y" * 4096, "head|line"),
    "small fields": (OK, b"a:b\r\n" * 100, "field|head"),
    "interim": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", "more than 16 interim"),
    "interim with fields": (b"", b"HTTP/1.1 103 Early Hints\r\n" + b"Link: </x>\r\n" * 50 + b"\r\n", "more than 16 interim"),
    "chunk size": (CHUNKED, b"0" * 4096, "chunk"),
    "chunk extension": (CHUNKED + b"5;a=", b"b" * 4096, "chunk"),
    "trailers": (CHUNKED + b"0\r\n", b"X-Filler: " + b"y" * 90 + b"\r\n", "trailer|head|field"),
    "one trailer": (CHUNKED + b"0\r\nX: ", b"y" * 4096, "trailer|head|line"),
    "empty lines": (b"", b"\r\n" * 1000, "HTTP"),
}


@pytest.mark.parametrize("name", list(ENDLESS))
async def test_endless(name: str) -> None:
    """RemoteProtocolError that names the limit, soon, with the connection closed and little memory used."""
    start, filler, message = ENDLESS[name]

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(start)
        for piece in repeat(filler * max(1, 16384 // len(filler)), MOST // 16384):
            try:
                peer.sock.sendall(piece)
            except OSError:
                return

    with serve(handler) as server:
        async with AsyncClient(timeout=Timeout(total=20)) as client:
            tracemalloc.start()
            try:
                with pytest.raises(RemoteProtocolError, match=message) as caught:
                    await client.get(server.url)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
            assert client.pool_stats().open == 0
    assert peak < 4 << 20, peak
    assert len(str(caught.value)) < 300


async def test_streamed() -> None:
    """What is wrong behind the head ends a streamed response too."""
    answer = CHUNKED + b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 300 + b"\r\n"
    with serve(answering(answer)) as server:
        async with AsyncClient() as client:
            with pytest.raises(RemoteProtocolError, match="256"):
                async with client.stream("GET", server.url) as r:
                    async for _ in r.aiter_bytes():
                        pass
            assert client.pool_stats().open == 0


async def test_size_of_the_head() -> None:
    """max_header_bytes counts status line and fields: that many pass, one more does not."""
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: "
    fits = start + b"y" * (1000 - len(start) - 4) + b"\r\n\r\n"
    assert len(fits) == 1000
    for transport in (False, True):
        with serve(answering(fits, fits.replace(b"X: ", b"X: y"))) as server:
            own = HTTPTransport(max_header_bytes=1000) if transport else None
            settings = {"transport": own} if own is not None else {"max_header_bytes": 1000}
            async with AsyncClient(**settings) as client:
                assert (await client.get(server.url)).status_code == 200
                with pytest.raises(RemoteProtocolError, match="1000"):
                    await client.get(server.url)
                assert client.pool_stats().open == 0
            if own is not None:
                await own.aclose()


async def test_number_of_fields() -> None:
    """max_header_count fields pass, one more does not; the same for trailers."""
    fields = tuple(f"X-{number}: y" for number in range(10))
    answers = (
        response(b"", *fields[:9]),
        chunked(b"a", trailers=fields),
        response(b"", *fields),
        chunked(b"a", trailers=(*fields, "X: y")),
    )
    with serve(answering(*answers)) as server:
        async with AsyncClient(max_header_count=10) as client:
            assert len((await client.get(server.url)).headers) == 10
            assert len((await client.get(server.url)).trailers) == 10
            for _ in range(2):
                with pytest.raises(RemoteProtocolError, match="10"):
                    await client.get(server.url)
            assert client.pool_stats().open == 0


async def test_sixteen_interim_responses() -> None:
    """As many pass, and are told of; chunk lines of 4 KiB and 64 KiB of head do too."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + b"".join(b"X-%d: %b\r\n" % (n, b"z" * 250) for n in range(250))
    answer = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 16 + head + b"\r\n5;e=" + b"f" * 4090 + b"\r\nhello\r\n0\r\n\r\n"
    with serve(answering(answer)) as server:
        async with AsyncClient() as client:
            r = await client.get(server.url)
    assert (r.content, len(r.informational), len(r.headers)) == (b"hello", 16, 251)
