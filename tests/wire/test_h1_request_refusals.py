"""What a server refuses to read: whatever two implementations could read differently."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from httpwire.errors import IncompleteMessage, ProtocolError
from httpwire.h1 import RequestParser

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def status(pieces: Iterable[bytes]) -> int:
    parser = RequestParser()
    with pytest.raises(ProtocolError) as caught:
        for piece in pieces:
            parser.feed(piece)
    assert not isinstance(caught.value, IncompleteMessage)
    return caught.value.status


def refused(data: bytes) -> int:
    """The status to answer with, the same whole, byte by byte and cut in two."""
    answer = status([data])
    assert status(bytes([byte]) for byte in data) == answer
    for cut in range(1, len(data), 5):
        assert status((data[:cut], data[cut:])) == answer
    return answer


@pytest.mark.parametrize(
    "head",
    [
        GET + b"X: a\r\n b\r\n\r\n",
        GET + b"X: a\r\n\tb\r\n\r\n",
        GET + b"X:\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n",
        b"GET /\r\n HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_folded_lines(head: bytes) -> None:
    """Lines that continue on the next are refused."""
    assert refused(head) == 400


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        b"GET / HTTP/1.0\n\n",
        b"GET / HTTP/1.0\r\n\n",
        b"\n" + GET + b"\r\n",
        b"\r\n\n" + GET + b"\r\n",
        b"\r\r\n" + GET + b"\r\n",
        b"\r" + GET + b"\r\n",
    ],
)
def test_line_ends(head: bytes) -> None:
    """Every line of the head ends in CRLF, also the empty ones before it."""
    assert refused(head) == 400


@pytest.mark.parametrize(
    "length",
    [
        b"5\r\nContent-Length: 5",
        b"5\r\nContent-Length: 6",
        b"5\r\ncontent-length: 5",
        b"5, 5",
        b"",
        b"+5",
        b"-5",
        b"0x5",
        b"5a",
        b"5 5",
        b"5_5",
        b"\xb2",
        b"9223372036854775808",
        b"99999999999999999999999",
    ],
)
def test_lengths(length: bytes) -> None:
    """A length is given once, in digits only, and at most 2**63-1."""
    assert refused(POST + b"Content-Length: " + length + b"\r\n\r\n") == 400


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: gzip\r\n", 400),
        (b"Transfer-Encoding: identity\r\n", 400),
        (b"Transfer-Encoding: chunked, gzip\r\n", 400),
        (b"Transfer-Encoding: chunked, identity\r\n", 400),
        (b"Transfer-Encoding: chunked, chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400),
        (b"Transfer-Encoding:\r\n", 400),
        (b"Transfer-Encoding: chunked,\r\n", 400),
        (b"Transfer-Encoding: xchunked\r\n", 400),
        (b"Transfer-Encoding: chunkedx\r\n", 400),
        (b"Transfer-Encoding: \x0bchunked\r\n", 400),
        (b'Transfer-Encoding: "chunked"\r\n', 400),
        (b"Transfer-Encoding: chunked;q=1\r\n", 400),
        (b"Transfer-Encoding : chunked\r\n", 400),
        (b"Transfer-Encoding: gzip, chunked\r\n", 501),
        (b"Transfer-Encoding: identity, chunked\r\n", 501),
        (b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 501),
    ],
)
def test_transfer_codings(fields: bytes, answer: int) -> None:
    """Chunked stands alone, once and without a length; another coding before it is not implemented."""
    assert refused(POST + fields + b"\r\n") == answer


def test_transfer_coding_in_an_old_version() -> None:
    """A transfer coding in HTTP/1.0 is refused: what stands between may not know it."""
    assert refused(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400


@pytest.mark.parametrize("fields", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_connect_with_a_body(fields: bytes) -> None:
    """CONNECT with a body is refused: its bytes could be read as another request."""
    assert refused(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n" + fields + b"\r\n") == 400


@pytest.mark.parametrize(
    "line",
    [
        b"X : a",
        b"X\t: a",
        b": a",
        b"X",
        b"X Y: a",
        b"X\x00: a",
        b"X\xe9: a",
        b"X[: a",
        b"X: a\rb",
        b"X: a\r",
        b"X: a\x00",
        b"X: \x01",
        b"X: a\x0b",
        b"X: a\x1f",
        b"X: \x7f",
        b"\rX: a",
    ],
)
def test_field_lines(line: bytes) -> None:
    """White space before the colon, bad names, bare CR and control characters are refused."""
    assert refused(GET + line + b"\r\n\r\n") == 400
    assert refused(b"GET / HTTP/1.1\r\n" + line + b"\r\nHost: a\r\n\r\n") == 400


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"Host: a\r\nHost: a\r\n",
        b"Host: a\r\nhost: b\r\n",
        b"Host:\r\n",
        b"Host: a b\r\n",
        b"Host: a/b\r\n",
        b"Host: u@a\r\n",
        b"Host: a:b\r\n",
        b"Host: a:1:2\r\n",
        b"Host: a:123456\r\n",
        b"Host: [::1\r\n",
        b"Host: ::1\r\n",
        b"Host: http://a\r\n",
        b"Host: a?b\r\n",
        b"Host: a#b\r\n",
        b"Host: a\\b\r\n",
        b"Host: \xc3\xa9\r\n",
        b"Host: :80\r\n",
    ],
)
def test_hosts(host: bytes) -> None:
    """HTTP/1.1 needs exactly one Host, which is a host with or without a port."""
    assert refused(b"GET / HTTP/1.1\r\n" + host + b"\r\n") == 400


def test_hosts_of_old_versions() -> None:
    """A Host in HTTP/1.0 may be missing but not be wrong or repeated."""
    assert refused(b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n") == 400
    assert refused(b"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n") == 400


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"GET", b""),
        (b"GET", b"a"),
        (b"GET", b"?a"),
        (b"GET", b"*"),
        (b"GET", b"a:1"),
        (b"GET", b"/a b"),
        (b"GET", b" /"),
        (b"GET", b"/ "),
        (b"GET", b"/a\tb"),
        (b"GET", b"/a#b"),
        (b"GET", b"/\x00"),
        (b"GET", b"/\x7f"),
        (b"GET", b"/\xc3\xa9"),
        (b"GET", b"/a\rb"),
        (b"GET", b"ftp://a/"),
        (b"GET", b"http:/a"),
        (b"GET", b"http://"),
        (b"GET", b"http:///a"),
        (b"GET", b"http://u:p@a/"),
        (b"GET", b"http://a:b/"),
        (b"GET", b"http://a\\b/"),
        (b"options", b"*"),
        (b"OPTIONS", b"**"),
        (b"CONNECT", b"/"),
        (b"CONNECT", b"a"),
        (b"CONNECT", b"a:"),
        (b"CONNECT", b":1"),
        (b"CONNECT", b"[::1]"),
        (b"CONNECT", b"a:1/"),
        (b"CONNECT", b"http://a:1"),
        (b"connect", b"a:1"),
    ],
)
def test_targets(method: bytes, target: bytes) -> None:
    """A target that does not fit its method, is empty, or holds what cannot be in a URL is refused."""
    assert refused(method + b" " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n") == 400


@pytest.mark.parametrize(
    "line",
    [
        b"GET\t/ HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET / HTTP/1.1\t",
        b"GET /\tHTTP/1.1",
        b"GET /",
        b"GET",
        b"G@T / HTTP/1.1",
        b"G\x00T / HTTP/1.1",
        b"\xc3\xa9 / HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET / http/1.1",
        b"GET / HTTP/1",
        b"GET / HTTP/1.",
        b"GET / HTTP/1.11",
        b"GET / HTTP/11.1",
        b"GET / HTTP/1,1",
        b"GET / HTTP/-1.1",
        b"GET / RTSP/1.0",
        b"SOURCE / ICE/1.0",
        b"GET / XHTTP/1.1",
        b"GET / HTTP/1.1\r",
        b"\x16\x03\x01\x00\xc8 /",
    ],
)
def test_request_lines(line: bytes) -> None:
    """A request line is a method, a target and an HTTP version with one space between them."""
    assert refused(line + b"\r\nHost: a\r\n\r\n") == 400


@pytest.mark.parametrize("version", [b"0.9", b"1.2", b"1.9", b"2.0", b"3.0"])
def test_versions(version: bytes) -> None:
    """Versions other than 1.0 and 1.1 are answered with 505."""
    assert refused(b"GET / HTTP/" + version + b"\r\nHost: a\r\n\r\n") == 505


def test_http2_preface() -> None:
    """A client that begins with HTTP/2 is answered with 505."""
    assert refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00") == 505


@pytest.mark.parametrize(
    "chunks",
    [
        b"\r\n",
        b";x\r\n",
        b" 5\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b"5\t\r\nhello\r\n",
        b"+5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"5_\r\nhello\r\n",
        b"5\nhello\r\n",
        b"5;a\nhello\r\n",
        b"5;a\r\x0b\nhello\r\n",
        b"00000000000000005\r\nhello\r\n",
        b"8000000000000000\r\n",
        b"5\r\nhelloX\n",
        b"5\r\nhello\n",
        b"5\r\nhello\rX",
        b"5;a=\x00\r\nhello\r\n",
        b"0\r\nT : v\r\n\r\n",
        b"0\r\nT: v\n\r\n",
        b"0\r\n T: v\r\n\r\n",
        b"0\r\nGET / HTTP/1.1\r\n\r\n",
        b"0\r\n\n",
    ],
)
def test_chunks(chunks: bytes) -> None:
    """Sizes come without sign, prefix and padding; every line ends in CRLF, and so does the data."""
    assert refused(CHUNKED + chunks) == 400
