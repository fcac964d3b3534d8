"""Where a response begins and ends, what is refused, and what a server may send that is not the answer."""

from __future__ import annotations

import logging

import pytest

from fasthttp import AsyncClient, IncompleteRead, ReadError, RemoteDisconnected, RemoteProtocolError
from tests.shell.server import HELLO, Peer, answering, chunked, response, serve


async def test_interim_responses_are_never_the_answer() -> None:
    """100, 102 and 103 are kept as informational; the answer is the final one, and the next call gets its own."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
    with serve(answering(interim + response(b"first"), response(b"second"))) as server:
        async with AsyncClient() as client:
            first = await client.get(server.url)
            second = await client.get(server.url)
    assert (first.status_code, first.content) == (200, b"first")
    assert [(status, dict(headers)) for status, headers in first.informational] == [(103, {"link": "</a.css>"}), (102, {})]
    assert (second.content, second.informational) == (b"second", [])
    assert server.connections == 1


async def test_interim_response_in_pieces() -> None:
    """A 103 that comes long before the answer does not end the wait."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.drip(b"HTTP/1.1 103 Early Hints\r\n\r\n" + HELLO, 0.0005)

    with serve(handler) as server:
        async with AsyncClient() as client:
            r = await client.get(server.url)
    assert r.json() == {"hello": "world"}


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\n", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"],
)
async def test_statuses_without_a_body(head: bytes) -> None:
    """204 and 304 have no body whatever their fields say, and the connection goes on."""
    with serve(answering(head, HELLO)) as server:
        async with AsyncClient() as client:
            r = await client.get(server.url)
            assert r.content == b""
            assert (await client.get(server.url)).json() == {"hello": "world"}
    assert server.connections == 1


async def test_head_has_no_body() -> None:
    """A HEAD answer with Content-Length ends with its head, also when a GET had the same head before."""
    head = HELLO[: HELLO.index(b"{")]
    with serve(answering(HELLO, head, HELLO)) as server:
        async with AsyncClient() as client:
            await client.get(server.url)
            r = await client.head(server.url)
            assert (r.content, r.headers["content-length"]) == (b"", "17")
            assert (await client.get(server.url)).json() == {"hello": "world"}
    assert server.connections == 1


async def test_chunked_body_with_trailers() -> None:
    """Chunks are joined, trailers kept, and those that must not be there dropped."""
    answer = chunked(b"abc", b"d" * 70000, trailers=("X-Sum: 1", "Content-Length: 5", "Set-Cookie: a=b"))
    with serve(answering(answer)) as server:
        async with AsyncClient() as client:
            r = await client.get(server.url)
    assert r.content == b"abc" + b"d" * 70000
    assert dict(r.trailers) == {"x-sum": "1"}


async def test_close_delimited_body() -> None:
    """Without length or chunks the body runs to the end of the connection, and that is success."""
    with serve(answering(b"HTTP/1.1 200 OK\r\n\r\nall of it", close=True)) as server:
        async with AsyncClient() as client:
            assert (await client.get(server.url)).content == b"all of it"
            assert (await client.get(server.url)).content == b"all of it"
    assert server.connections == 2


async def test_http_1_0() -> None:
    """HTTP/1.0 is read, and its connection kept only if it says so."""
    kept = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na"
    with serve(answering(kept, b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nb", HELLO)) as server:
        async with AsyncClient() as client:
            assert (await client.get(server.url)).http_version == "HTTP/1.0"
            assert (await client.get(server.url)).content == b"b"
            assert server.connections == 1
            await client.get(server.url)
    assert server.connections == 2


async def test_announced_length_cut_short() -> None:
    """The end of the connection inside a body is an error with both numbers, never a short body."""
    with serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour", close=True)) as server:
        async with AsyncClient() as client:
            with pytest.raises(IncompleteRead, match="received 4 bytes, expected 10") as caught:
                await client.get(server.url)
            assert client.pool_stats().open == 0
    assert (caught.value.received, caught.value.expected) == (4, 10)
    assert caught.value.request is not None
    assert str(caught.value).endswith(f"GET {server.url}/")


async def test_chunked_cut_short() -> None:
    """A chunked body without its last chunk is incomplete."""
    with serve(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", close=True)) as server:
        async with AsyncClient() as client:
            with pytest.raises(IncompleteRead, match="more chunks"):
                await client.get(server.url)


async def test_end_before_any_byte() -> None:
    """A server that closes without a word on a fresh connection: RemoteDisconnected, after one request."""

    def handler(peer: Peer) -> None:
        peer.read()

    with serve(handler) as server:
        async with AsyncClient() as client:
            with pytest.raises(RemoteDisconnected, match="without a response"):
                await client.get(server.url)
    assert len(server.requests) == 1


async def test_reset_while_reading() -> None:
    """A RST is a ReadError that says what happened."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour")
        peer.reset()

    with serve(handler) as server:
        async with AsyncClient() as client:
            with pytest.raises((ReadError, IncompleteRead)):
                await client.get(server.url)
            assert client.pool_stats().open == 0


async def test_surplus_bytes_are_never_the_next_response(caplog: pytest.LogCaptureFixture) -> None:
    """With a log line, bytes after a complete response close its connection; the next request gets its own answer on another."""
    caplog.clear()
    with serve(answering(response(b"right") + b"X" * 100, HELLO)) as server, caplog.at_level(logging.WARNING, "mine"):
        async with AsyncClient(logger=logging.getLogger("mine")) as client:
            assert (await client.get(server.url)).content == b"right"
            assert [record.name for record in caplog.records] == ["mine"]
            assert (await client.get(server.url)).json() == {"hello": "world"}
    assert server.connections == 2


async def test_a_smuggled_second_response_is_dropped() -> None:
    """A second response that nobody asked for is not given to the next request."""
    with serve(answering(response(b"right") + response(b"poison"), HELLO)) as server:
        async with AsyncClient() as client:
            assert (await client.get(server.url)).content == b"right"
            assert (await client.get(server.url)).json() == {"hello": "world"}


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length : 3\r\n\r\nabc", "header"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", "chunk size"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "transfer coding"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", "unexpected upgrade"),
        (b"HTTP/2.0 200 OK\r\n\r\n", "version"),
        (b"\x15\x03\x01\x00\x02\x02F", "TLS"),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "HTTP/2"),
        (b"220 smtp.example.test ESMTP\r\n", "does not begin with HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", "control character|header"),
    ],
)
async def test_broken_framing_is_refused(answer: bytes, text: str) -> None:
    """What breaks the protocol is a RemoteProtocolError that names the rule, and the connection is closed."""
    with serve(answering(answer, close=True)) as server:
        async with AsyncClient() as client:
            with pytest.raises(RemoteProtocolError, match=text):
                await client.get(server.url)
            assert client.pool_stats().open == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ],
)
async def test_what_browsers_accept_is_accepted(answer: bytes) -> None:
    """Folded lines, equal lengths repeated, bare LF, and chunked beside a length all give the right body."""
    with serve(answering(answer)) as server:
        async with AsyncClient() as client:
            assert (await client.get(server.url)).content == b"hello"
            assert client.pool_stats().idle == (0 if b"chunked" in answer else 1)


async def test_endless_head_is_bounded() -> None:
    """A head that never ends is an error at max_header_bytes."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(b"HTTP/1.1 200 OK\r\n")
        for number in range(5000):
            peer.send(b"X-%d: %b\r\n" % (number, b"y" * 100))

    with serve(handler) as server:
        async with AsyncClient(max_header_bytes=20000) as client:
            with pytest.raises(RemoteProtocolError, match="20000 bytes"):
                await client.get(server.url)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40 + b"\r\n", "more than 32"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 20 + HELLO, "more than 16"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"e" * 5000 + b"\r\nhello\r\n0\r\n\r\n", "chunk size line"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 40 + b"\r\n", "trailer"),
    ],
)
async def test_counts_are_bounded(answer: bytes, text: str) -> None:
    """Too many fields, interim responses, chunk extensions and trailers are errors that name the limit."""
    with serve(answering(answer, close=True)) as server:
        async with AsyncClient(max_header_count=32) as client:
            with pytest.raises(RemoteProtocolError, match=text):
                await client.get(server.url)


async def test_an_answer_in_single_bytes() -> None:
    """An answer that arrives byte by byte is the same answer."""

    def handler(peer: Peer) -> None:
        while peer.read() is not None:
            peer.drip(chunked(b"hello ", b"world", trailers=("X-T: 1",)), 0.0002)

    with serve(handler) as server:
        async with AsyncClient() as client:
            for _ in range(2):
                r = await client.get(server.url)
                assert (r.content, dict(r.trailers)) == (b"hello world", {"x-t": "1"})
    assert server.connections == 1


@pytest.mark.parametrize("cut", range(0, len(HELLO), 7))
async def test_a_server_killed_at_any_byte(cut: int) -> None:
    """Wherever the server dies, the caller gets an error of this package and the pool is empty."""
    with serve(answering(HELLO[:cut], close=True)) as server:
        async with AsyncClient() as client:
            with pytest.raises((RemoteDisconnected, RemoteProtocolError)):
                await client.get(server.url)
            assert client.pool_stats().open == 0
