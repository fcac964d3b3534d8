"""What a client reads: heads, bodies, interim responses and ends of messages."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from httpwire.errors import IncompleteMessage, ProtocolError
from httpwire.h1 import Field, ResponseParser

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class Outcome(NamedTuple):
    """Everything a user of the parser can see of one response."""

    status: int
    version: str
    reason: bytes
    fields: list[Field]
    body: bytes
    complete: bool
    leftover: bytes
    keep_alive: bool
    upgraded: bool
    content_length: int | None
    trailers: list[Field]
    informational: list[tuple[int, list[Field]]]


def read(*pieces: bytes, method: str = "GET", upgrade: bool = False, eof: bool = False) -> Outcome:
    parser = ResponseParser()
    parser.expect(method, upgrade=upgrade)
    body = b""
    for piece in pieces:
        parser.feed(piece)
        assert parser.buffered == sum(map(len, parser.chunks))
        body += parser.take()
    if eof:
        parser.feed_eof()
    return Outcome(
        parser.status,
        parser.version,
        bytes(parser.reason),
        list(parser.fields),
        body + parser.take(),
        parser.complete,
        parser.leftover,
        parser.keep_alive,
        parser.upgraded,
        parser.content_length,
        list(parser.trailers),
        list(parser.informational),
    )


# name: (bytes, method, whether the request asked for an upgrade, whether the connection ends)
MESSAGES: dict[str, tuple[bytes, str, bool, bool]] = {
    "length": (OK + b"Content-Length: 5\r\nX: a\r\nX: b\r\n\r\nhello", "GET", False, False),
    "empty length": (OK + b"Content-Length: 0\r\n\r\n", "GET", False, False),
    "chunked": (CHUNKED + b"5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n", "GET", False, False),
    "chunked with trailers": (CHUNKED + b"A\r\n0123456789\r\n0\r\nT: v \r\nU:\tw\r\n\r\n", "GET", False, False),
    "padded sizes": (CHUNKED + b"5  \r\nhello\r\n0 \r\n\r\n", "GET", False, False),
    "until the end": (OK + b"X: a\r\n\r\nhello world", "GET", False, True),
    "head": (OK + b"Content-Length: 5\r\n\r\n", "HEAD", False, False),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "GET", False, False),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "GET", False, False),
    "interim": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\nhi",
        "GET",
        False,
        False,
    ),
    "upgrade": (b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x81\x02hi", "GET", True, False),
    "tunnel": (b"HTTP/1.1 200 Connected\r\nContent-Length: 5\r\n\r\n\x16\x03\x01", "CONNECT", False, False),
    "leftover": (OK + b"Content-Length: 2\r\n\r\nhiHTTP/1.1 500 Evil\r\n\r\n", "GET", False, False),
    "leftover after chunks": (CHUNKED + b"2\r\nhi\r\n0\r\n\r\nHTTP/1.1 500 Evil\r\n\r\n", "GET", False, False),
    "bare line feeds": (b"HTTP/1.1 200 OK\nX: a \nContent-Length: 2\n\nhi", "GET", False, False),
    "folded": (OK + b"X: a\r\n \tb\r\nContent-Length: 2\r\n\r\nhi", "GET", False, False),
    "equal lengths": (OK + b"Content-Length: 2\r\ncontent-length: 2\r\n\r\nhi", "GET", False, False),
    "length beside chunked": (OK + b"Content-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", "GET", False, False),
    "old": (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi", "GET", False, False),
    "no reason": (b"HTTP/1.1 599\r\nContent-Length: 2\r\n\r\nhi", "GET", False, False),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_cuts_do_not_matter(name: str) -> None:
    """A response gives the same result fed whole, byte by byte, and cut in two at every place."""
    data, method, upgrade, eof = MESSAGES[name]
    whole = read(data, method=method, upgrade=upgrade, eof=eof)
    assert whole.complete
    assert read(*[bytes([byte]) for byte in data], method=method, upgrade=upgrade, eof=eof) == whole
    for cut in range(len(data) + 1):
        assert read(data[:cut], data[cut:], method=method, upgrade=upgrade, eof=eof) == whole


def test_a_whole_response() -> None:
    """Status, version, reason, fields in order and case, body and framing are all visible."""
    outcome = read(b"HTTP/1.1 201 Made it\r\nX-A: 1\r\nx-a:  2 \t\r\nEmpty:\r\nContent-Length: 3\r\n\r\nabc")
    assert outcome[:5] == (
        201,
        "1.1",
        b"Made it",
        [(b"X-A", b"1"), (b"x-a", b"2"), (b"Empty", b""), (b"Content-Length", b"3")],
        b"abc",
    )
    assert (outcome.complete, outcome.keep_alive, outcome.content_length, outcome.leftover) == (True, True, 3, b"")


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_statuses_without_a_body(status: int, framing: bytes) -> None:
    """204 and 304 end with their head, whatever their fields announce; what follows is left over."""
    outcome = read(b"HTTP/1.1 %d X\r\n%b\r\nafter" % (status, framing))
    assert (outcome.complete, outcome.body, outcome.leftover) == (True, b"", b"after")


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_answers_to_head(framing: bytes) -> None:
    """The answer to HEAD ends with its head."""
    outcome = read(OK + framing + b"\r\nafter", method="HEAD")
    assert (outcome.complete, outcome.body, outcome.leftover) == (True, b"", b"after")


def test_connect() -> None:
    """A 2xx to CONNECT opens the tunnel without a body; another status is an ordinary response."""
    opened = read(OK + b"Transfer-Encoding: chunked\r\n\r\n\x00\x01", method="CONNECT")
    assert (opened.upgraded, opened.complete, opened.leftover) == (True, True, b"\x00\x01")
    refused = read(b"HTTP/1.1 407 Who\r\nContent-Length: 2\r\n\r\nno", method="CONNECT")
    assert (refused.upgraded, refused.complete, refused.body) == (False, True, b"no")


def test_upgrade() -> None:
    """101 hands the following bytes to the new protocol if the request asked for it, and is an error if not."""
    data = b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nnew"
    outcome = read(data, upgrade=True)
    assert (outcome.status, outcome.upgraded, outcome.leftover) == (101, True, b"new")
    with pytest.raises(ProtocolError, match="unexpected upgrade"):
        read(data)


def test_upgrade_fields_without_101_change_nothing() -> None:
    """A server that only offers another protocol still sends a body."""
    outcome = read(OK + b"Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nhi")
    assert (outcome.upgraded, outcome.body, outcome.complete) == (False, b"hi", True)


def test_interim_responses_are_kept() -> None:
    """Up to sixteen interim responses are collected with status and fields, and say nothing of the body."""
    data = b"".join(b"HTTP/1.1 %d X\r\nN: %d\r\nContent-Length: 7\r\n\r\n" % (102 + n % 2, n) for n in range(16))
    outcome = read(data + OK + b"Content-Length: 0\r\n\r\n")
    assert [status for status, _ in outcome.informational] == [102, 103] * 8
    assert outcome.informational[3][1] == [(b"N", b"3"), (b"Content-Length", b"7")]
    assert (outcome.status, outcome.fields, outcome.complete) == (200, [(b"Content-Length", b"0")], True)


def test_leave_to_send_the_body() -> None:
    """Only 100 is leave to go on; other interim responses tell something else, and `expect` forgets it."""
    parser = ResponseParser()
    parser.feed(b"HTTP/1.1 103 Early Hints\r\n\r\n")
    assert not parser.continues
    parser.feed(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert parser.continues
    parser.expect("POST")
    assert not parser.continues


def test_too_many_interim_responses() -> None:
    """The seventeenth interim response is an error: a server could send them without end."""
    with pytest.raises(ProtocolError, match="more than 16"):
        read(b"HTTP/1.1 100 Continue\r\n\r\n" * 17)


def test_only_interim_responses() -> None:
    """A connection that ends after an interim response ended inside the message."""
    with pytest.raises(ProtocolError, match="inside the message head"):
        read(b"HTTP/1.1 100 Continue\r\n\r\n", eof=True)


def test_bytes_after_the_end_are_never_a_message() -> None:
    """What follows a complete response stays in `leftover`, also when more arrives, until `expect` clears it."""
    parser = ResponseParser()
    parser.feed(OK + b"Content-Length: 0\r\n\r\nHTTP/1.1 500 ")
    parser.feed(b"Evil\r\n\r\n")
    assert (parser.status, parser.leftover) == (200, b"HTTP/1.1 500 Evil\r\n\r\n")
    parser.feed_eof()
    parser.expect("GET")
    assert (parser.status, parser.leftover, parser.complete, parser.started) == (0, b"", False, False)


def test_parser_is_used_again() -> None:
    """After `expect` nothing of the response before is left, not even of one cut off in its head."""
    parser = ResponseParser()
    parser.feed(CHUNKED + b"1\r\na\r\n0\r\nT: v\r\n\r\n")
    assert (parser.take(), parser.trailers) == (b"a", [(b"T", b"v")])
    parser.expect("GET")
    parser.feed(b"HTTP/1.1 200 O")
    parser.expect("GET")
    parser.feed(b"HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx")
    assert (parser.status, parser.take(), parser.trailers) == (404, b"x", [])
    assert not parser.informational


def test_the_same_response_again() -> None:
    """Equal responses on one connection are read alike, however often, and with whatever body."""
    parser = ResponseParser()
    for number in range(5):
        parser.expect("GET")
        parser.feed(OK + b"X: a \r\nContent-Length: 2\r\n\r\n%02d" % number)
        assert (parser.status, parser.complete, parser.take()) == (200, True, b"%02d" % number)
        assert parser.fields == [(b"X", b"a"), (b"Content-Length", b"2")]
        parser.expect("HEAD")
        parser.feed(OK + b"X: a \r\nContent-Length: 2\r\n\r\n")
        assert (parser.complete, parser.take(), parser.leftover) == (True, b"", b"")


def test_body_until_the_end_of_the_connection() -> None:
    """Without framing the body runs until the connection ends, and the connection is not kept."""
    outcome = read(OK + b"Connection: keep-alive\r\n\r\n", b"a", b"b", eof=True)
    assert (outcome.body, outcome.complete, outcome.keep_alive, outcome.content_length) == (b"ab", True, False, None)
    assert not read(OK + b"\r\n", b"a").complete


def test_empty_body_until_the_end_of_the_connection() -> None:
    """A body that runs to the end may be empty."""
    assert read(OK + b"\r\n", eof=True)[4:6] == (b"", True)


@pytest.mark.parametrize(("sent", "received"), [(b"", 0), (b"abc", 3)])
def test_end_inside_a_counted_body(sent: bytes, received: int) -> None:
    """A connection that ends inside a counted body says how much came and how much was announced."""
    with pytest.raises(IncompleteMessage) as caught:
        read(OK + b"Content-Length: 5\r\n\r\n" + sent, eof=True)
    assert (caught.value.received, caught.value.expected) == (received, 5)
    assert f"received {received} bytes, expected 5 bytes" in str(caught.value)


@pytest.mark.parametrize("sent", [b"", b"5", b"5\r\nabc", b"5\r\nabcde\r\n", b"5\r\nabcde\r\n0\r\n", b"0\r\nT: v\r\n"])
def test_end_inside_chunks(sent: bytes) -> None:
    """A connection that ends before the last chunk and its trailers has an unknown number of bytes to come."""
    with pytest.raises(IncompleteMessage, match="more chunks") as caught:
        read(CHUNKED + sent, eof=True)
    assert (caught.value.received, caught.value.expected) == (sum(sent.count(char) for char in b"abcde"), None)


@pytest.mark.parametrize("sent", [b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: a\r\n", b"\x00"])
def test_end_inside_the_head(sent: bytes) -> None:
    """A connection that ends inside the head is a protocol error, and no incomplete body."""
    with pytest.raises(ProtocolError, match="inside the message head") as caught:
        read(sent, eof=True)
    assert not isinstance(caught.value, IncompleteMessage)


def test_end_before_anything() -> None:
    """A connection that ends before the first byte is no fault of the message: `started` tells it apart."""
    parser = ResponseParser()
    parser.feed(b"")
    parser.feed_eof()
    assert (parser.started, parser.complete, parser.take()) == (False, False, b"")
    parser.feed(b"H")
    assert parser.started


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close\r\n", False),
        (b"1.1", b"Connection: foo, Close\r\n", False),
        (b"1.1", b"Connection: foo\r\nConnection: close\r\n", False),
        (b"1.1", b"Connection: closed\r\n", True),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
        (b"1.0", b"Connection: keep-alive, close\r\n", False),
    ],
)
def test_persistence(version: bytes, connection: bytes, kept: bool) -> None:
    """HTTP/1.1 connections stay open unless told otherwise, HTTP/1.0 ones only if told; close always wins."""
    outcome = read(b"HTTP/" + version + b" 200 OK\r\n" + connection + b"Content-Length: 0\r\n\r\n")
    assert (outcome.version, outcome.keep_alive) == (version.decode(), kept)


def test_names_without_end() -> None:
    """Peers that never use a name twice are read like others."""
    parser = ResponseParser()
    for turn in range(20):
        lines = [(b"X-%d-%d" % (turn, number), b"v") for number in range(250)]
        parser.expect("GET")
        parser.feed(OK + b"".join(b"%b: %b\r\n" % line for line in lines) + b"cOnTeNt-LeNgTh: 1\r\n\r\nx")
        assert (parser.fields[:-1], parser.take(), parser.control) == (lines, b"x", {b"content-length": b"1"})


@pytest.mark.parametrize("size", [0, 1, 5])
def test_a_head_again_with_another_cut(size: int) -> None:
    """A head that came before is understood again with any part of its body, and with bytes behind it."""
    head = OK + b"X: a\r\nContent-Length: %d\r\n\r\n" % size
    body = b"hello"[:size]
    parser = ResponseParser()
    for pieces in ([head + body], [head, body], [head + body[:2], body[2:]], [head + body + b"!"], [head, body + b"!"], [head + body]):
        parser.expect("GET")
        for piece in pieces:
            parser.feed(piece)
        rest = b"!" if pieces[-1].endswith(b"!") else b""
        assert (parser.complete, parser.take(), parser.leftover, parser.content_length) == (True, body, rest, size)
        assert (parser.status, parser.reason, parser.started, parser.keep_alive) == (200, b"OK", True, True)
    parser.expect("GET")
    parser.feed(head + body[:-1])
    assert parser.complete is (size == 0)


def test_a_head_again_for_another_method() -> None:
    """The same head means something else for another method, and after an interim response the same."""
    head = OK + b"Content-Length: 2\r\n\r\n"
    parser = ResponseParser()
    for method, body in (("GET", b"hi"), ("HEAD", b""), ("GET", b"hi"), ("CONNECT", b""), ("HEAD", b""), ("GET", b"hi")):
        parser.expect(method)
        parser.feed(head + b"hi")
        assert (parser.complete, parser.take(), parser.leftover) == (True, body, b"hi"[len(body) :])
        assert parser.upgraded is (method == "CONNECT")
    parser.expect("GET")
    parser.feed(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + head + b"hi")
    assert (parser.informational, parser.take()) == ([(103, [(b"Link", b"x")])], b"hi")


def test_upgrade_with_bare_line_feeds() -> None:
    """A switch of protocols may come in a head that needs repair."""
    outcome = read(b"HTTP/1.1 101 Go\nUpgrade: x\nConnection: upgrade\n\nnew", upgrade=True)
    assert (outcome.upgraded, outcome.leftover) == (True, b"new")


@pytest.mark.parametrize("fold", [b"\r\n ", b"\r\n\t", b" \r\n   ", b"\t \r\n \t", b"\n "])
def test_folded_lines(fold: bytes) -> None:
    """A line that continues on the next is read as one, with one space in the place of the fold."""
    outcome = read(OK + b"X: a" + fold + b"b" + fold + b"c\r\nContent-Length: 0\r\n\r\n")
    assert outcome.fields == [(b"X", b"a b c"), (b"Content-Length", b"0")]


def test_folds_with_nothing_on_one_side() -> None:
    """A fold before the first or after the last character of a value leaves no space."""
    outcome = read(OK + b"X:\r\n a\r\nY: b\r\n  \r\nContent-Length:\r\n 0\r\n\r\n")
    assert outcome.fields == [(b"X", b"a"), (b"Y", b"b"), (b"Content-Length", b"0")]


@pytest.mark.parametrize("ends", [(b"\n", b"\r\n", b"\n", b"\r\n"), (b"\r\n", b"\n", b"\r\n", b"\n"), (b"\n",) * 4])
def test_bare_line_feeds(ends: tuple[bytes, bytes, bytes, bytes]) -> None:
    """Each line of the head may end in a line feed alone; the body is not touched."""
    first, second, third, last = ends
    outcome = read(b"HTTP/1.1 200 Fine" + first + b"X: a\t" + second + b"Content-Length: 4" + third + last + b"\n\n\r\nHTTP/1.1")
    assert outcome.reason == b"Fine"
    assert outcome.fields == [(b"X", b"a"), (b"Content-Length", b"4")]
    assert (outcome.body, outcome.leftover) == (b"\n\n\r\n", b"HTTP/1.1")


@pytest.mark.parametrize("second", [b"Content-Length: 5", b"content-length:5 ", b"CONTENT-LENGTH:\t5\t", b"X: y\r\nContent-Length: 5"])
def test_equal_lengths_are_one(second: bytes) -> None:
    """A length that is repeated with the same digits counts once."""
    outcome = read(OK + b"Content-Length: 5\r\n" + second + b"\r\nZ: z\r\n\r\nhello")
    assert (outcome.body, outcome.complete, outcome.content_length, outcome.keep_alive) == (b"hello", True, 5, True)
    assert [name.lower() for name, _ in outcome.fields].count(b"content-length") == 1


@pytest.mark.parametrize("length", [b"5", b"0", b"99", b"2\r\nContent-Length: 2"])
@pytest.mark.parametrize("first", [True, False])
def test_chunked_wins_over_a_length(length: bytes, first: bool) -> None:
    """Of chunked and a length only chunked counts, and the connection is not used again."""
    lines = [b"Transfer-Encoding: Chunked", b"Content-Length: " + length]
    outcome = read(OK + b"\r\n".join(lines if first else lines[::-1]) + b"\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
    assert (outcome.body, outcome.complete, outcome.keep_alive, outcome.content_length) == (b"hi", True, False, None)


def test_chunked_on_an_old_version() -> None:
    """Chunked in an HTTP/1.0 response is undone, but the connection is not used again."""
    outcome = read(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
    assert (outcome.body, outcome.complete, outcome.keep_alive) == (b"hi", True, False)


@pytest.mark.parametrize("size", [b"5", b"05", b"0000000000000005", b"5 ", b"5 \t", b"5;x", b'5 ; x="y"', b"5;x=\xff"])
def test_chunk_sizes(size: bytes) -> None:
    """Sizes may have leading zeros, padding and extensions, which are passed over."""
    assert read(CHUNKED + size + b"\r\nhello\r\n0\r\n\r\n").body == b"hello"


def test_chunk_sizes_are_hexadecimal() -> None:
    """Sizes are hexadecimal, in either case."""
    assert len(read(CHUNKED + b"1a\r\n" + b"x" * 26 + b"\r\n1A\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n").body) == 52


def test_take_gives_what_has_come() -> None:
    """`take` empties what has arrived so far, and `buffered` counts it."""
    parser = ResponseParser()
    parser.feed(CHUNKED + b"3\r\nabc\r\n3\r\nd")
    assert (parser.buffered, parser.take(), parser.buffered, parser.take()) == (4, b"abcd", 0, b"")
    parser.feed(b"ef\r\n0\r\n\r\n")
    assert (parser.chunks, parser.take(), parser.complete) == ([b"ef"], b"ef", True)


def test_control_fields_are_joined() -> None:
    """The fields that decide framing and reuse are at hand by lower-case name, repeats joined."""
    parser = ResponseParser()
    parser.feed(OK + b"Content-Encoding: br \r\ncontent-encoding: gzip\r\nX: y\r\nContent-Length: 0\r\n\r\n")
    assert parser.control == {b"content-encoding": b"br, gzip", b"content-length": b"0"}


def test_values_keep_their_bytes() -> None:
    """Values and reasons may hold tabs and any byte above ASCII."""
    outcome = read(b"HTTP/1.1 200 caf\xe9\tbar\r\nX: \xff\tb\x80\r\nContent-Length: 0\r\n\r\n")
    assert (outcome.reason, outcome.fields[0]) == (b"caf\xe9\tbar", (b"X", b"\xff\tb\x80"))
