# Generated from tests/shell/_async/test_decoding.py by scripts/unasync.py; change that file instead.
"""Content codings undone, and bodies that are too large."""

from __future__ import annotations

import gzip
import logging
import sys
import zlib

import brotli
import pytest

from fasthttp import SyncClient, DecodeError, ResponseTooLarge
from fasthttp.errors import SecurityError
from tests.shell.server import HELLO, answering, chunked, response, serve

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = "grüße, " * 2000
DATA = TEXT.encode()
CODED = {
    "gzip": gzip.compress(DATA),
    "x-gzip": gzip.compress(DATA[:5000]) + gzip.compress(DATA[5000:]),
    "deflate": zlib.compress(DATA),
    "Deflate": zlib.compress(DATA, wbits=-15),
    "br": brotli.compress(DATA),
    "zstd": zstd.compress(DATA),
    "deflate, gzip": gzip.compress(zlib.compress(DATA)),
    "identity": DATA,
}


@pytest.mark.parametrize("coding", CODED)
def test_codings(coding: str) -> None:
    """Buffered, streamed, in chunks or counted: the same bytes; raw bytes are what came over the wire."""
    fields = ("Content-Type: text/plain; charset=utf-8", f"Content-Encoding: {coding}")
    body = CODED[coding]
    pieces = [body[at : at + 100] for at in range(0, len(body), 100)]
    with serve(answering(response(body, *fields), chunked(*pieces, fields=fields))) as server:
        with SyncClient() as client:
            counted = client.get(server.url)
            assert (counted.content, counted.text()) == (DATA, TEXT)
            assert (client.get(server.url)).content == DATA
            with client.stream("GET", server.url) as r:
                assert b"".join([piece for piece in r.iter_bytes()]) == DATA
            with client.stream("GET", server.url) as r:
                assert b"".join([piece for piece in r.iter_raw()]) == body
            with client.stream("GET", server.url) as r:
                assert "".join([piece for piece in r.iter_text()]) == TEXT
    assert server.connections == 1


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("stream", [False, True])
def test_cut_short(coding: str, stream: bool) -> None:
    """A coded body that is cut short is a DecodeError naming the coding, never a short text; connection closed."""
    with serve(answering(response(CODED[coding][:-5], f"Content-Encoding: {coding}"))) as server:
        with SyncClient() as client:
            with pytest.raises(DecodeError, match=f"{coding} data is cut short"):
                with client.stream("GET", server.url) as r:
                    r.read()
            with pytest.raises(DecodeError, match=coding) as caught:
                client.get(server.url)
            assert client.pool_stats().open == 0
    assert caught.value.request is not None


def test_corrupt() -> None:
    """Garbage under a coding's name is a DecodeError."""
    with serve(answering(response(b"this is no gzip", "Content-Encoding: gzip"))) as server:
        with SyncClient() as client:
            with pytest.raises(DecodeError, match="gzip data is corrupt"):
                client.get(server.url)


def test_unknown_coding_is_left(caplog: pytest.LogCaptureFixture) -> None:
    """A coding that is unknown here leaves the body as it is, with one log line."""
    with serve(answering(response(b"raw", "Content-Encoding: compress"))) as server, caplog.at_level(logging.WARNING, "fasthttp.client"):
        with SyncClient() as client:
            assert (client.get(server.url)).content == b"raw"
    assert [record.name for record in caplog.records if "compress" in record.message] == ["fasthttp.client"] * len(caplog.records)
    assert caplog.records


def test_empty_body_with_a_coding() -> None:
    """An empty body, and the answer to HEAD, may carry a Content-Encoding."""
    with serve(
        answering(response(b"", "Content-Encoding: gzip"), b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n")
    ) as server:
        with SyncClient() as client:
            assert (client.get(server.url)).content == b""
            assert (client.head(server.url)).content == b""


def test_a_bomb_is_defused() -> None:
    """What inflates a thousandfold is stopped once 8 MiB have come out."""
    bomb = gzip.compress(bytes(100_000_000))
    with serve(answering(response(bomb, "Content-Encoding: gzip"))) as server:
        with SyncClient() as client:
            with pytest.raises(DecodeError, match="decompression ratio"):
                client.get(server.url)


@pytest.mark.parametrize("stream", [False, True])
def test_max_response_size(stream: bool) -> None:
    """Announced or read, a body over the limit is ResponseTooLarge; one of just the limit is fine."""
    answers = (response(b"x" * 1001), chunked(b"x" * 600, b"x" * 600), response(gzip.compress(b"x" * 5000), "Content-Encoding: gzip"))
    with SyncClient(max_response_size=1000) as client:
        for answer in answers:
            with serve(answering(answer)) as server:
                with pytest.raises(ResponseTooLarge, match="1000 bytes") as caught:
                    r = client.get(server.url, stream=stream)
                    r.read()
                assert isinstance(caught.value, SecurityError)
        with serve(answering(response(b"x" * 1000))) as server:
            r = client.get(server.url, stream=stream)
            assert len(r.read()) == 1000
            assert (client.get(server.url, max_response_size=None)).content == b"x" * 1000
            assert client.pool_stats().in_use == 0


def test_a_body_that_failed_a_check_costs_its_connection() -> None:
    """Corrupt, cut short, too large, or under too many codings: the connection is closed, though its framing was right."""
    bodies = {"gzip": b"this is no gzip", "deflate": CODED["deflate"][:-2], "gzip, gzip, gzip, gzip, gzip": b"x"}
    with SyncClient(max_response_size=50_000) as client:
        for coding, body in bodies.items():
            with serve(answering(response(body, f"Content-Encoding: {coding}"))) as server:
                with pytest.raises(DecodeError):
                    client.get(server.url)
                assert client.pool_stats().open == 0
        with serve(answering(chunked(b"x" * 60_000))) as server:
            with pytest.raises(ResponseTooLarge):
                client.get(server.url)
            assert client.pool_stats().open == 0


def test_default_encoding() -> None:
    """Text without a charset uses the client's default encoding, a name or a function."""
    with serve(answering(response("é".encode("latin-1")))) as server:
        with SyncClient(default_encoding="latin-1") as client:
            assert (client.get(server.url)).text() == "é"
        with SyncClient(default_encoding=lambda body: "latin-1") as client:
            assert (client.get(server.url)).text == "é"
    with serve(answering(HELLO)) as server:
        with SyncClient(default_encoding="latin-1") as client:
            assert (client.get(server.url)).encoding == "latin-1"
