"""What a client refuses to read, however the bytes are cut."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from httpwire.errors import IncompleteMessage, ProtocolError
from httpwire.h1 import ResponseParser

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def fault(pieces: Iterable[bytes]) -> str:
    """The message with which a response is refused before the connection ends."""
    parser = ResponseParser()
    with pytest.raises(ProtocolError) as caught:
        for piece in pieces:
            parser.feed(piece)
    assert not isinstance(caught.value, IncompleteMessage)
    return str(caught.value)


def refused(data: bytes) -> str:
    """The message of a refusal that comes fed whole, byte by byte and cut in two."""
    fault(bytes([byte]) for byte in data)
    for cut in range(1, len(data), 7):
        fault((data[:cut], data[cut:]))
    return fault([data])


@pytest.mark.parametrize("second", [b"6", b"05", b"5, 6"])
@pytest.mark.parametrize("other", [b"", b"X: a\r\n b\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_unequal_lengths(second: bytes, other: bytes) -> None:
    """Two lengths that are not written alike are refused, also beside other repairable faults and chunked."""
    refused(OK + other + b"Content-Length: 5\r\nContent-Length: " + second + b"\r\n\r\n")


@pytest.mark.parametrize(
    "length",
    [b"", b" ", b"+5", b"-5", b"0x5", b"5a", b"a", b"5 5", b"5_5", b"5.0", b"5,5", b"5, 5", b"\xb2", b"9223372036854775808", b"9" * 30],
)
@pytest.mark.parametrize("other", [b"", b"X: a\r\n b\r\n"])
def test_bad_lengths(length: bytes, other: bytes) -> None:
    """A length is digits only, and at most 2**63-1."""
    refused(OK + other + b"Content-Length: " + length + b"\r\n\r\n")


def test_the_largest_length() -> None:
    """2**63-1 is still a length."""
    parser = ResponseParser()
    parser.feed(OK + b"Content-Length: 9223372036854775807\r\n\r\n")
    assert parser.content_length == 2**63 - 1


def test_folded_length() -> None:
    """A length that continues on another line is not glued together, nor is its copy taken for an equal one."""
    refused(OK + b"Content-Length: 5\r\n 6\r\n\r\n")
    refused(OK + b"Content-Length: 5\r\nContent-Length: 5\r\n 6\r\n\r\n")


@pytest.mark.parametrize(
    "coding",
    [
        b"",
        b"gzip",
        b"identity",
        b"chunked, gzip",
        b"chunked, chunked",
        b"gzip, chunked",
        b"chunked,",
        b"xchunked",
        b"chunked;q=1",
        b"chunked\r\nTransfer-Encoding: chunked",
        b"chunked\r\nTransfer-Encoding: gzip",
        b"gzip,\r\n chunked",
        b"\x0bchunked",
        b'"chunked"',
    ],
)
def test_transfer_codings(coding: bytes) -> None:
    """The one transfer coding is chunked, named once and last."""
    refused(OK + b"Transfer-Encoding: " + coding + b"\r\n\r\n")


@pytest.mark.parametrize(
    "line",
    [
        b"X : a",
        b"X\t: a",
        b"Content-Length : 5",
        b": a",
        b"X",
        b"X Y: a",
        b"X\x00: a",
        b"X\xe9: a",
        b"X(: a",
        b"X\r: a",
        b"X: a\rb",
        b"X: a\r\rb",
        b"X: a\x00b",
        b"X: a\x01b",
        b"X: a\x0bb",
        b"X: \x1b[2J",
        b"X: a\x7fb",
    ],
)
@pytest.mark.parametrize("other", [b"", b"Y: a\r\n b\r\n", b"Y: a\n", b"Content-Length: 5\r\nContent-Length: 5\r\n"])
def test_bad_field_lines(line: bytes, other: bytes) -> None:
    """White space before the colon, bad names, bare CR and controls are refused, also in a head that needs repair."""
    refused(OK + other + line + b"\r\n\r\n")
    refused(OK + line + b"\r\n" + other + b"\r\n")


@pytest.mark.parametrize("control", [0x00, 0x01, 0x08, 0x0B, 0x0C, 0x1F, 0x7F])
def test_controls_in_every_place(control: int) -> None:
    """Control characters are refused in values, in continuations, after bare line feeds and in the reason."""
    char = bytes([control])
    for data in (
        OK + b"X: a" + char + b"\r\n\r\n",
        OK + b"X: a\r\n b" + char + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\nX: a" + char + b"\n\n",
        b"HTTP/1.1 200 O" + char + b"\r\n\r\n",
        b"HTTP/1.1 200 O" + char + b"\n\n",
        CHUNKED + b"1;a=" + char + b"\r\nx\r\n0\r\n\r\n",
        CHUNKED + b"0\r\nT: " + char + b"\r\n\r\n",
    ):
        refused(data)


def test_leading_continuation() -> None:
    """The first field line cannot continue the status line."""
    refused(OK + b" X: a\r\n\r\n")
    refused(b"HTTP/1.1 200 OK\n X: a\n\n")


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/2.0 200 OK",
        b"HTTP/0.9 200 OK",
        b"HTTP/1.2 200 OK",
        b"HTTP/1.10 200 OK",
        b"HTTP/11.1 200 OK",
        b"HTTP/1 200 OK",
        b"HTTP/1.1\t200 OK",
        b"HTTP/1.1  200 OK",
        b"http/1.1 200 OK",
        b"RTSP/1.0 200 OK",
        b"ICY 200 OK",
        b" HTTP/1.1 200 OK",
        b"\r\nHTTP/1.1 200 OK",
        b"<html>",
        b"GET / HTTP/1.1",
    ],
)
def test_bad_starts(start: bytes) -> None:
    """An answer begins with HTTP/1.1 or HTTP/1.0, exactly."""
    refused(start + b"\r\n\r\n")
    refused(start + b"\n\n")


@pytest.mark.parametrize("status", [b"", b"20", b"2", b"2000", b"2x0", b"-20", b"+20", b"099", b"000", b"0x1", b"200OK", b"\xb2\xb2\xb2"])
def test_bad_statuses(status: bytes) -> None:
    """A status is three digits and at least 100."""
    refused(b"HTTP/1.1 " + status + b" OK\r\n\r\n")
    refused(b"HTTP/1.1 " + status + b"\n\n")


@pytest.mark.parametrize(
    "chunks",
    [
        b"\r\n",
        b";x\r\n",
        b" 5\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"5_5\r\n",
        b"g\r\n",
        b"5 5\r\n",
        b"5\nhello\r\n",
        b"5\r\r\nhello\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"00000000000000005\r\nhello\r\n",
        b"fffffffffffffffff\r\n",
        b"8000000000000000\r\n",
        b"ffffffffffffffff\r\n",
        b"5\r\nhelloXX",
        b"5\r\nhello\n",
        b"5\r\nhello\rX",
        b"5\r\nhello0\r\n\r\n",
        b"\xff\r\n",
    ],
)
def test_bad_chunks(chunks: bytes) -> None:
    """A size is one to sixteen hexadecimal digits below 2**63, and CRLF follows the line and the data."""
    refused(CHUNKED + chunks)


@pytest.mark.parametrize("line", [b"T", b"T : v", b" T: v", b": v", b"T: v\n", b"T: \rv", b"T: v\x00", b"\n", b"T: v\r\n w"])
def test_bad_trailers(line: bytes) -> None:
    """Trailers are well-formed field lines, without folds and repairs."""
    refused(CHUNKED + b"0\r\n" + line + b"\r\n\r\n")


@pytest.mark.parametrize("data", [b"\x15\x03\x01\x00\x02\x02\x46", b"\x16\x03\x03\x00\x7a\x02"])
def test_tls_instead_of_an_answer(data: bytes) -> None:
    """A TLS record as answer gives a hint that the port speaks TLS."""
    assert "TLS" in refused(data)
    assert "TLS" in fault([data[:1]])


def test_http2_instead_of_an_answer() -> None:
    """An HTTP/2 SETTINGS frame as answer gives a hint that the server speaks HTTP/2, however it is cut."""
    settings = b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00\x03\x00\x00\x00\x80" * 3
    assert "HTTP/2" in refused(settings)
    for cut in range(1, 9):
        assert "HTTP/2" in fault((settings[:cut], settings[cut:]))
    assert "HTTP/2" not in fault([b"\x00\x00\x00\x00"])


def test_the_second_line_tells_too() -> None:
    """What is wrong shows as soon as the first bytes are there; no end of a head is awaited."""
    assert "HTTP/2.0" in fault([b"HTTP/2.0 200"])
    assert "220" in fault([b"220 smtp.example.com ESMTP"])
