"""How much either role takes before it gives up, and that the time it takes is in proportion to the input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import process_time

import pytest

from httpwire.errors import ProtocolError
from httpwire.h1 import Limits, RequestParser, ResponseParser

OK = b"HTTP/1.1 200 OK\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
ROLES: list[tuple[type[ResponseParser] | type[RequestParser], bytes]] = [(ResponseParser, OK), (RequestParser, GET)]
BODIES: list[tuple[type[ResponseParser] | type[RequestParser], bytes]] = [(ResponseParser, CHUNKED), (RequestParser, POST)]


def split(data: bytes) -> Iterable[bytes]:
    return (bytes([byte]) for byte in data)


def fault(parser: ResponseParser | RequestParser, pieces: Iterable[bytes]) -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        for piece in pieces:
            parser.feed(piece)
    return caught.value


@pytest.mark.parametrize(("role", "start"), ROLES)
@pytest.mark.parametrize("cut", [split, lambda data: [data], lambda data: [data[:-9], data[-9:]]])
def test_size_of_the_head(role: type[ResponseParser] | type[RequestParser], start: bytes, cut: Callable[[bytes], Iterable[bytes]]) -> None:
    """A head of exactly the limit passes, one byte more is refused with 431, whole or in pieces."""
    limits = Limits(head=200)
    padding = 200 - len(start) - len(b"X: \r\n\r\n")
    parser = role(limits)
    for piece in cut(start + b"X: " + b"x" * padding + b"\r\n\r\n"):
        parser.feed(piece)
    assert len(dict(parser.fields)[b"X"]) == padding
    assert fault(role(limits), cut(start + b"X: x" + b"x" * padding + b"\r\n\r\n")).status == 431


@pytest.mark.parametrize(("role", "start"), ROLES)
def test_head_without_end(role: type[ResponseParser] | type[RequestParser], start: bytes) -> None:
    """A head that never ends is refused as soon as it is larger than the limit."""
    parser = role(Limits(head=100))
    parser.feed(start + b"X: " + b"x" * (97 - len(start)))
    with pytest.raises(ProtocolError, match="larger than 100") as caught:
        parser.feed(b"x")
    assert caught.value.status == 431


@pytest.mark.parametrize(("role", "start"), ROLES)
def test_body_does_not_count(role: type[ResponseParser] | type[RequestParser], start: bytes) -> None:
    """What follows the head in the same piece does not count for the limit of the head."""
    parser = role(Limits(head=100))
    parser.feed(start + b"Content-Length: 500\r\n\r\n" + b"x" * 500)
    assert (parser.complete, parser.take()) == (True, b"x" * 500)


@pytest.mark.parametrize(("role", "start"), ROLES)
def test_number_of_fields(role: type[ResponseParser] | type[RequestParser], start: bytes) -> None:
    """As many fields as the limit pass, one more is refused with 431."""
    count = 10 - start.count(b":")
    parser = role(Limits(count=10))
    parser.feed(start + b"X: a\r\n" * count + b"\r\n")
    assert len(parser.fields) == 10
    assert fault(role(Limits(count=10)), [start + b"X: a\r\n" * (count + 1) + b"\r\n"]).status == 431


@pytest.mark.parametrize(("role", "start"), ROLES)
def test_length_of_a_line(role: type[ResponseParser] | type[RequestParser], start: bytes) -> None:
    """A single field line above its own limit is refused with 431."""
    parser = role(Limits(line=50))
    parser.feed(start + b"X: " + b"x" * 40 + b"\r\nY: " + b"y" * 40 + b"\r\n\r\n")
    assert len(parser.fields[-1][1]) == 40
    assert fault(role(Limits(line=50)), [start + b"X: " + b"x" * 60 + b"\r\n\r\n"]).status == 431


@pytest.mark.parametrize("cut", [split, lambda data: [data]])
@pytest.mark.parametrize("limits", [Limits(line=100), Limits(head=100, line=100), Limits(head=500, line=100)])
def test_length_of_the_request_line(cut: Callable[[bytes], Iterable[bytes]], limits: Limits) -> None:
    """A request line above the limit is refused with 414, whole or in pieces, also where the head is too large with it."""
    for excess in (1, 2, 3, 1000):
        line = b"GET /" + b"x" * (84 + excess) + b" HTTP/1.1\r\n"
        assert len(line) == 100 + excess
        assert fault(RequestParser(limits), cut(line + b"Host: a\r\n\r\n")).status == 414
    parser = RequestParser(Limits(line=100))
    for piece in cut(b"GET /" + b"x" * 84 + b" HTTP/1.1\r\nHost: a\r\n\r\n"):
        parser.feed(piece)
    assert parser.complete


def test_defaults() -> None:
    """Unless told otherwise a head may have 64 KiB and 256 fields, a chunk size line 4 KiB."""
    assert Limits() == (65536, 65536, 256, 4096)
    assert fault(ResponseParser(), [OK + b"X: a\r\n" * 257 + b"\r\n"]).status == 431
    assert fault(RequestParser(), [b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n"]).status == 414
    assert fault(RequestParser(), [b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"]).status == 414


@pytest.mark.parametrize(("role", "start"), BODIES)
@pytest.mark.parametrize("cut", [split, lambda data: [data]])
def test_length_of_a_chunk_size_line(
    role: type[ResponseParser] | type[RequestParser], start: bytes, cut: Callable[[bytes], Iterable[bytes]]
) -> None:
    """A chunk size with its extensions may have 4 KiB, line end included, and no byte more."""
    parser = role()
    for piece in cut(start + b"1;" + b"x" * 4092 + b"\r\na\r\n0\r\n\r\n"):
        parser.feed(piece)
    assert (parser.complete, parser.take()) == (True, b"a")
    assert "4096" in str(fault(role(), cut(start + b"1;" + b"x" * 4093 + b"\r\na\r\n0\r\n\r\n")))
    assert "4096" in str(fault(role(), cut(start + b"1;" + b"x" * 4095)))


@pytest.mark.parametrize(("role", "start"), BODIES)
@pytest.mark.parametrize("cut", [split, lambda data: [data]])
@pytest.mark.parametrize(
    "trailers", [b"T: v\r\n" * 6, b"T: " + b"v" * 300 + b"\r\n", b"T: " + b"v" * 300, (b"T: " + b"v" * 90 + b"\r\n") * 3]
)
def test_trailers(
    role: type[ResponseParser] | type[RequestParser], start: bytes, cut: Callable[[bytes], Iterable[bytes]], trailers: bytes
) -> None:
    """Trailers have the allowance of the head in number, length and sum, and are refused with 431 above it."""
    limits = Limits(head=200, count=5)
    assert fault(role(limits), cut(start + b"0\r\n" + trailers)).status == 431


def test_trailers_within_the_limits() -> None:
    """Trailers up to the limits are kept."""
    parser = ResponseParser(Limits(head=100, count=5))
    parser.feed(CHUNKED + b"0\r\n" + b"T: v\r\n" * 5 + b"\r\n")
    assert parser.trailers == [(b"T", b"v")] * 5


def _seconds(make: Callable[[], ResponseParser | RequestParser], prefix: bytes, filler: bytes, size: int) -> float:
    parser = make()
    parser.feed(prefix)
    start = process_time()
    for at in range(size):
        parser.feed(filler[at % len(filler) :][:1])
    return process_time() - start


@pytest.mark.parametrize(
    ("make", "prefix", "filler"),
    [
        (ResponseParser, OK + b"X: ", b"x"),
        (ResponseParser, OK + b"X: a\r\n", b"Y: b\r\n"),
        (ResponseParser, CHUNKED + b"0\r\nT: ", b"x"),
        (RequestParser, b"GET /", b"x"),
        (lambda: RequestParser(Limits(line=8192)), GET + b"X: ", b"x"),
        (RequestParser, POST + b"0\r\nT: ", b"x"),
    ],
)
def test_time_is_linear(make: Callable[[], ResponseParser | RequestParser], prefix: bytes, filler: bytes) -> None:
    """64000 bytes fed one at a time cost about eight times as much as 8000 do, not sixty-four times."""
    short = min(_seconds(make, prefix, filler, 8000) for _ in range(2))
    long = _seconds(make, prefix, filler, 64000)
    assert long < 30 * short


def test_many_empty_lines_cost_little() -> None:
    """A megabyte of empty lines before a request is passed over in one go."""
    parser = RequestParser()
    start = process_time()
    parser.feed(b"\r\n" * 500_000 + GET + b"\r\n")
    assert (parser.complete, process_time() - start < 1) == (True, True)
