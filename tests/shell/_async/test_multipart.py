"""Multipart forms on the wire: framing, large files, names that try to break out, files that change."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fasthttp import AsyncClient, BodyLengthError, BodyNotReplayable, MultipartEncoder
from httpwire.multipart import MultipartDecoder, PartBegin, PartData, parse_boundary
from tests.shell.asyncio import run_blocking
from tests.shell.server import HELLO, Peer, Received, answering, response, serve


def parse(request: Received) -> list[tuple[str, str | None, str | None, bytes]]:
    """Name, file name, type and content of each part that arrived."""
    decoder = MultipartDecoder(parse_boundary(request.headers["content-type"]))
    found: list[tuple[str, str | None, str | None, bytearray]] = []
    for event in decoder.feed(request.body):
        if isinstance(event, PartBegin):
            found.append((event.name, event.filename, event.content_type, bytearray()))
        elif isinstance(event, PartData):
            found[-1][3].extend(event.data)
    decoder.finish()
    return [(name, filename, kind, bytes(data)) for name, filename, kind, data in found]


async def agen(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_a_form_with_its_length(tmp_path: Path) -> None:
    """Fields first, then a path, a file and bytes; `files=` and an encoder's bytes are framed alike."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"path" * 50_000)
    file = io.BytesIO(b"file")
    files: dict[str, Any] = {"p": path, "q": ("b.bin", file), "r": b"bytes"}
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            await client.post(server.url, data={"n": [1, 2]}, files=files)
            file.seek(0)
            await client.put(server.url, content=MultipartEncoder({"n": [1, 2]}, files).iter_bytes())
    for request in server.requests:
        assert request.headers["content-length"] == str(len(request.body))
        assert "transfer-encoding" not in request.headers
        assert parse(request) == [
            ("n", None, None, b"1"),
            ("n", None, None, b"2"),
            ("p", "a.txt", "text/plain", path.read_bytes()),
            ("q", "b.bin", "application/octet-stream", b"file"),
            ("r", "r", "application/octet-stream", b"bytes"),
        ]


async def test_twenty_million_bytes(tmp_path: Path) -> None:
    """The Content-Length is exact, and every byte of the file arrives."""
    data = bytes(range(251)) * 79_682  # 20,000,182, of which two hundred are cut
    data = data[:20_000_000]
    path = tmp_path / "large.bin"
    path.write_bytes(data)
    received = bytearray()
    heads: list[Received] = []

    def handler(peer: Peer) -> None:
        head = peer.read_head()
        assert head is not None
        heads.append(Received(head, b""))
        received.extend(peer._buffer)
        while len(received) < int(heads[0].headers["content-length"]):
            peer._buffer = b""
            piece = peer.receive()
            if not piece:
                return
            received.extend(piece)
        peer.send(HELLO)

    with serve(handler) as server:
        async with AsyncClient() as client:
            r = await client.post(server.url, files={"f": path})
            assert r.status_code == 200
    assert len(received) == int(heads[0].headers["content-length"])
    head, _, rest = bytes(received).partition(b"\r\n\r\n")
    assert head.count(b"\r\n") == 2
    assert rest[:20_000_000] == data
    assert rest[20_000_000:] == b"\r\n" + head.partition(b"\r\n")[0] + b"--\r\n"


async def test_a_name_that_tries_to_break_out() -> None:
    """A file name with a quote and line ends: one part, and no header that was not there."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            await client.post(server.url, files={"f": ('x"\r\nX-Evil: 1\r\n\r\nbody', b"content")})
    assert parse(server.requests[0]) == [("f", "x%22%0D%0AX-Evil: 1%0D%0A%0D%0Abody", "application/octet-stream", b"content")]
    assert b"\r\nX-Evil" not in server.requests[0].body


async def test_a_part_without_a_length_is_sent_in_chunks() -> None:
    """The whole form is chunked then, and arrives whole."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            await client.post(server.url, data={"a": 1}, files={"f": ("x.txt", agen(b"one ", b"", b"two")), "g": b"g"})
    assert server.requests[0].headers["transfer-encoding"] == "chunked"
    assert parse(server.requests[0]) == [
        ("a", None, None, b"1"),
        ("f", "x.txt", "text/plain", b"one two"),
        ("g", "g", "application/octet-stream", b"g"),
    ]


class Shrinking(io.BytesIO):
    """A file that loses its second half when the first is read."""

    def read(self, size: int | None = -1, /) -> bytes:
        self.truncate(100_000)
        return super().read(size)


@pytest.mark.parametrize("counted", [True, False])
async def test_a_file_that_shrinks(counted: bool) -> None:
    """The error names the field and both numbers; what the server got is no complete request and no complete form."""
    seen = bytearray()

    def handler(peer: Peer) -> None:
        peer.read_head()
        seen.extend(peer._buffer)
        while data := peer.receive():
            seen.extend(data)

    files: dict[str, Any] = {"f": Shrinking(b"x" * 200_000), "g": b"rest" if counted else agen(b"rest")}
    with serve(handler) as server:
        async with AsyncClient() as client:
            with pytest.raises(BodyLengthError, match="part 'f' of the form gave 100000 bytes, announced were 200000"):
                await client.post(server.url, files=files)
            assert client.pool_stats().open == 0
        await run_blocking(server.wait_until_closed)
    assert server.requests == []
    assert b"rest" not in seen
    assert not seen.endswith((b"--\r\n", b"0\r\n\r\n"))


async def test_an_upload_that_is_redirected(tmp_path: Path) -> None:
    """A 307 sends the same form again; one with a spent part raises, with the response that asked for it."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"a" * 100_000)
    redirect = response(b"", "Location: /next", status="307 Temporary Redirect")
    with serve(answering(redirect, HELLO)) as server:
        async with AsyncClient() as client:
            await client.post(server.url, files={"f": path})
    assert server.requests[0].body == server.requests[1].body
    assert server.requests[0].headers["content-type"] == server.requests[1].headers["content-type"]
    with serve(answering(redirect)) as server:
        async with AsyncClient() as client:
            with pytest.raises(BodyNotReplayable, match="part 'f' of the form") as caught:
                await client.post(server.url, files={"f": agen(b"once")})
    assert caught.value.response is not None
    assert caught.value.response.status_code == 307
    assert len(server.requests) == 1


async def test_the_callers_handle_stays_open(tmp_path: Path) -> None:
    """A file that was given is read from where it stands and left open, after success and after failure."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"0123456789" * 20_000)
    with serve(answering(HELLO)) as server, path.open("rb") as file:
        file.seek(10)
        async with AsyncClient() as client:
            for _ in range(2):
                await client.post(server.url, files={"f": file})
                file.seek(10)
        assert not file.closed
    assert [len(parse(request)[0][3]) for request in server.requests] == [199_990, 199_990]
