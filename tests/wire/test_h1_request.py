"""What a server reads: requests, their bodies, and several on one connection."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from httpwire.errors import IncompleteMessage, ProtocolError
from httpwire.h1 import Field, RequestParser

GET = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


class Outcome(NamedTuple):
    """Everything a user of the parser can see of one request."""

    method: str
    target: bytes
    version: str
    fields: list[Field]
    body: bytes
    complete: bool
    leftover: bytes
    keep_alive: bool
    upgrade: bool
    content_length: int | None
    trailers: list[Field]


def seen(parser: RequestParser, body: bytes = b"") -> Outcome:
    return Outcome(
        parser.method,
        parser.target,
        parser.version,
        list(parser.fields),
        body + parser.take(),
        parser.complete,
        parser.leftover,
        parser.keep_alive,
        parser.upgrade,
        parser.content_length,
        list(parser.trailers),
    )


def read(*pieces: bytes) -> Outcome:
    parser = RequestParser()
    body = b""
    for piece in pieces:
        parser.feed(piece)
        body += parser.take()
    return seen(parser, body)


MESSAGES: dict[str, bytes] = {
    "get": GET + b"X: a\r\nx: b \r\n\r\n",
    "length": POST + b"Content-Length: 5\r\n\r\nhello",
    "empty length": POST + b"Content-Length: 0\r\n\r\n",
    "chunked": CHUNKED + b"5\r\nhello\r\n1 ;x=y\r\n!\r\n0\r\n\r\n",
    "trailers": CHUNKED + b"A\r\n0123456789\r\n0\r\nT: v \r\nU:\tw\r\n\r\n",
    "empty lines": b"\r\n\r\n" + GET + b"\r\n",
    "pipelined": POST + b"Content-Length: 2\r\n\r\nhi" + GET + b"\r\n",
    "pipelined after chunks": CHUNKED + b"2\r\nhi\r\n0\r\n\r\n" + GET + b"\r\n",
    "connect": b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n\x16\x03\x01",
    "upgrade": GET + b"Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n\x81\x02hi",
    "old": b"GET /old HTTP/1.0\r\n\r\n",
    "absolute": b"GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "unknown method": b"m-search /x HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("name", MESSAGES)
def test_cuts_do_not_matter(name: str) -> None:
    """A request gives the same result fed whole, byte by byte, and cut in two at every place."""
    data = MESSAGES[name]
    whole = read(data)
    assert whole.complete
    assert read(*[bytes([byte]) for byte in data]) == whole
    for cut in range(len(data) + 1):
        assert read(data[:cut], data[cut:]) == whole


def test_a_whole_request() -> None:
    """Method, target, version, fields in order and case, body and framing are all visible."""
    outcome = read(b"PATCH /a?b=c HTTP/1.1\r\nhost: example.com:8080\r\nX-A:  1 \t\r\nX-A:\r\nContent-Length: 3\r\n\r\nabc")
    assert outcome[:3] == ("PATCH", b"/a?b=c", "1.1")
    assert outcome.fields == [(b"host", b"example.com:8080"), (b"X-A", b"1"), (b"X-A", b""), (b"Content-Length", b"3")]
    assert outcome[4:] == (b"abc", True, b"", True, False, 3, [])


@pytest.mark.parametrize("method", ["GET", "PURGE", "QUERY", "m-search", "get", "connect-not", "X", "!#$%&'*+-.^_`|~0aZ", "SOURCE", "PRI"])
def test_methods(method: str) -> None:
    """Any token is a method, kept as it is written; letters in lower case are another method, not the same."""
    outcome = read(method.encode() + b" /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
    assert (outcome.method, outcome.target, outcome.body) == (method, b"/x", b"x")


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", b"/"),
        ("GET", b"//a/../b;c=d?e?f=%zz&"),
        ("GET", b'/|"<>\\^`{}'),
        ("GET", b"http://example.com"),
        ("GET", b"HTTPS://example.com:8443/a?b"),
        ("GET", b"http://[::1]/"),
        ("GET", b"http://a?b"),
        ("OPTIONS", b"*"),
        ("OPTIONS", b"/x"),
        ("CONNECT", b"example.com:443"),
        ("CONNECT", b"[2001:db8::1]:443"),
        ("CONNECT", b"127.0.0.1:1"),
    ],
)
def test_targets(method: str, target: bytes) -> None:
    """A path, an absolute URL, an asterisk with OPTIONS, and host and port with CONNECT are targets, kept as they are."""
    outcome = read(method.encode() + b" " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (outcome.method, outcome.target, outcome.complete) == (method, target, True)


@pytest.mark.parametrize(
    "host", [b"a", b"example.com", b"EXAMPLE.com:80", b"a:", b"127.0.0.1:8080", b"[::1]", b"[::1]:8080", b"xn--a_b~!$&"]
)
def test_hosts(host: bytes) -> None:
    """A Host is a name or an address, with or without a port."""
    assert read(b"GET / HTTP/1.1\r\nHOST: " + host + b" \r\n\r\n").complete


def test_old_version_needs_no_host() -> None:
    """HTTP/1.0 requests may come without Host, and do not keep the connection unless they say so."""
    assert read(b"GET / HTTP/1.0\r\n\r\n")[2:8] == ("1.0", [], b"", True, b"", False)
    assert read(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keep_alive
    assert not read(GET + b"Connection: close\r\n\r\n").keep_alive


@pytest.mark.parametrize("count", [1, 2, 7])
def test_empty_lines_before_a_request(count: int) -> None:
    """Empty lines before a request are passed over, also between two requests."""
    parser = RequestParser()
    parser.feed(b"\r\n" * count)
    assert not parser.started
    parser.feed(GET + b"\r\n" + b"\r\n" * count + GET + b"X: y\r\n\r\n")
    parser.next_message()
    assert (parser.complete, parser.fields[-1]) == (True, (b"X", b"y"))


def test_pipelined_requests() -> None:
    """Bytes after a request are the next one, read when `next_message` says so, however many there are."""
    parser = RequestParser()
    parser.feed(POST + b"Content-Length: 2\r\n\r\nhi" + GET + b"\r\n" + CHUNKED + b"1\r\nx\r\n0\r\n\r\n" + b"DELETE /d HT")
    assert (parser.method, parser.take(), parser.complete) == ("POST", b"hi", True)
    parser.next_message()
    assert seen(parser)[:6] == ("GET", b"/", "1.1", [(b"Host", b"a")], b"", True)
    parser.next_message()
    assert (parser.method, parser.take(), parser.leftover) == ("POST", b"x", b"DELETE /d HT")
    parser.next_message()
    assert (parser.method, parser.complete, parser.started) == ("", False, True)
    parser.feed(b"TP/1.1\r\nHost: a\r\n\r\n")
    assert (parser.method, parser.target, parser.leftover) == ("DELETE", b"/d", b"")
    parser.next_message()
    assert (parser.method, parser.started, parser.keep_alive, parser.fields) == ("", False, False, [])


def test_next_message_waits_for_the_end() -> None:
    """`next_message` inside a message is a fault of the program."""
    parser = RequestParser()
    parser.feed(POST + b"Content-Length: 2\r\n\r\nh")
    with pytest.raises(RuntimeError, match="not ended"):
        parser.next_message()


def test_a_bad_request_behind_a_good_one() -> None:
    """The fault of a pipelined request shows when its turn has come."""
    parser = RequestParser()
    parser.feed(GET + b"\r\n" + b"GET / HTTP/1.1\r\n\r\n")
    assert parser.complete
    with pytest.raises(ProtocolError, match="missing Host"):
        parser.next_message()


@pytest.mark.parametrize(
    ("fields", "upgrade"),
    [
        (b"Upgrade: websocket\r\nConnection: Upgrade\r\n", True),
        (b"Upgrade: websocket\r\nConnection: keep-alive , UPGRADE\r\n", True),
        (b"Upgrade: websocket\r\n", False),
        (b"Connection: Upgrade\r\n", False),
        (b"Upgrade: websocket\r\nConnection: no-upgrade\r\n", False),
    ],
)
def test_upgrade(fields: bytes, upgrade: bool) -> None:
    """A request asks for another protocol with both fields, and the option named as a whole."""
    outcome = read(GET + fields + b"\r\n")
    assert (outcome.upgrade, outcome.complete) == (upgrade, True)


def test_upgrade_with_a_body() -> None:
    """The body of a request that asks for another protocol ends before it."""
    outcome = read(POST + b"Upgrade: x\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\nhinew")
    assert (outcome.upgrade, outcome.body, outcome.leftover) == (True, b"hi", b"new")


def test_connect() -> None:
    """CONNECT has no body: what follows belongs to the tunnel."""
    outcome = read(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 0\r\n\r\n\x00")
    assert (outcome.upgrade, outcome.complete, outcome.body, outcome.leftover) == (True, True, b"", b"\x00")


@pytest.mark.parametrize(
    ("version", "expect", "expected"), [("1.1", b"100-Continue ", True), ("1.0", b"100-continue", False), ("1.1", b"other", False)]
)
def test_expect(version: str, expect: bytes, expected: bool) -> None:
    """A client of HTTP/1.1 may wait for the interim response before its body."""
    parser = RequestParser()
    parser.feed(b"POST / HTTP/%b\r\nHost: a\r\nExpect: %b\r\nContent-Length: 1\r\n\r\n" % (version.encode(), expect))
    assert parser.expects_continue is expected
    assert not parser.complete


def test_end_of_the_connection() -> None:
    """An end between messages is fine; inside a head it is a protocol error, inside a body an incomplete message."""
    parser = RequestParser()
    parser.feed_eof()
    parser.feed(b"\r\n\r")
    parser.feed_eof()
    parser.feed(b"")
    parser.feed(b"\n" + GET)
    with pytest.raises(ProtocolError, match="inside the message head"):
        parser.feed_eof()
    parser.feed(b"\r\n")
    parser.feed_eof()
    assert parser.complete


@pytest.mark.parametrize(
    ("data", "received", "expected"), [(POST + b"Content-Length: 5\r\n\r\nab", 2, 5), (CHUNKED + b"5\r\nabc", 3, None)]
)
def test_end_inside_a_body(data: bytes, received: int, expected: int | None) -> None:
    """A body cut short says how much came and how much was announced."""
    parser = RequestParser()
    parser.feed(data)
    with pytest.raises(IncompleteMessage) as caught:
        parser.feed_eof()
    assert (caught.value.received, caught.value.expected, caught.value.status) == (received, expected, 400)


@pytest.mark.parametrize("name", [b"Transfer-Encoding", b"TRANSFER-ENCODING", b"transfer-encoding"])
@pytest.mark.parametrize("value", [b"chunked", b"Chunked", b"\tchunked  "])
def test_chunked(name: bytes, value: bytes) -> None:
    """The name of the transfer coding and of its field are read without regard to case and white space."""
    assert read(POST + name + b":" + value + b"\r\n\r\n1\r\nx\r\n0\r\n\r\n").body == b"x"


def test_body_is_not_parsed() -> None:
    """A body that looks like a request is a body."""
    evil = b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"
    assert read(POST + b"Content-Length: %d\r\n\r\n" % len(evil) + evil)[4:7] == (evil, True, b"")
    assert read(CHUNKED + b"%x\r\n" % len(evil) + evil + b"\r\n0\r\n\r\n")[4:7] == (evil, True, b"")
