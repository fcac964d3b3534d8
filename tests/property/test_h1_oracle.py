"""Both roles against h11, on messages that are valid and on messages that were damaged.

Where both accept, they must agree on everything that a user can see. Where only one accepts there is nothing to compare;
the classes of these differences, all on purpose:

* only ours: nothing in requests; in responses a bad transfer coding on a status that never has a body.
* only h11, requests: bare line feeds, folded lines, repeated equal lengths, a length list such as `5, 5`, a length beside
  chunked, chunked in HTTP/1.0, versions such as 1.7, targets that are no URL or hold a fragment, odd or empty Host values,
  padded chunk sizes. Each can be read differently by two implementations in a row, and that is how requests are smuggled.
* only h11, responses: a length list such as `5, 5`, versions such as 1.7, the character DEL in values and reasons, bare
  line feeds in trailers, a first field line that continues nothing, more than sixteen interim responses.

What both read is compared in one spelling: h11 gives names and transfer codings in lower case, and leaves white space
around a fold where ours has one space. Answers to CONNECT and to upgrades are not generated, as h11 reads them as part of
a longer conversation.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from httpwire.errors import ProtocolError
from httpwire.h1 import Field, RequestParser, ResponseParser


class Seen(NamedTuple):
    """What there is to see of a message, in a spelling that both libraries share."""

    start: tuple[Any, ...]
    fields: list[Field]
    body: bytes
    trailers: list[Field]
    interim: list[int]
    leftover: bytes


def spelled(fields: Any) -> list[Field]:
    pairs = [(bytes(name).lower(), re.sub(rb"[ \t]+", b" ", bytes(value))) for name, value in fields]
    return [(name, value.lower() if name == b"transfer-encoding" else value) for name, value in pairs]


def our_response(data: bytes, method: str) -> Seen | None:
    parser = ResponseParser()
    parser.expect(method)
    try:
        parser.feed(data)
        parser.feed_eof()
    except ProtocolError:
        return None
    if not parser.complete:
        return None
    return Seen(
        (parser.status, bytes(parser.reason), parser.version),
        spelled(parser.fields),
        parser.take(),
        spelled(parser.trailers),
        [status for status, _ in parser.informational],
        parser.leftover,
    )


def our_request(data: bytes) -> Seen | None:
    parser = RequestParser()
    try:
        parser.feed(data)
        parser.feed_eof()
    except ProtocolError:
        return None
    if not parser.complete:
        return None
    start = (parser.method.encode(), parser.target, parser.version)
    return Seen(start, spelled(parser.fields), parser.take(), spelled(parser.trailers), [], parser.leftover)


def their_message(connection: h11.Connection, data: bytes) -> Seen | None:
    start: tuple[Any, ...] = ()
    fields: list[Field] = []
    body = b""
    interim: list[int] = []
    try:
        connection.receive_data(data)
        connection.receive_data(b"")
        while True:
            event = connection.next_event()
            if isinstance(event, h11.InformationalResponse):
                interim.append(event.status_code)
            elif isinstance(event, h11.Response):
                start, fields = (event.status_code, bytes(event.reason), event.http_version.decode()), spelled(event.headers)
            elif isinstance(event, h11.Request):
                start, fields = (bytes(event.method), bytes(event.target), event.http_version.decode()), spelled(event.headers)
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                leftover = connection.trailing_data[0]
                return Seen(start, fields, body, spelled(event.headers), interim, leftover)
            else:
                return None
    except h11.RemoteProtocolError:
        return None


def their_response(data: bytes, method: str) -> Seen | None:
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    return their_message(connection, data)


def their_request(data: bytes) -> Seen | None:
    return their_message(h11.Connection(h11.SERVER), data)


tokens = st.sampled_from([b"X", b"Accept", b"x-Y", b"Connection", b"Upgrade", b"Expect", b"Set-Cookie"])
values = st.sampled_from([b"", b"a", b"a b", b" a\t", b"close", b"keep-alive, x", b"caf\xe9", b"1,2", b"h2c", b"100-continue"])
lines = st.lists(st.builds(lambda name, value: name + b":" + value + b"\r\n", tokens, values), max_size=4).map(b"".join)
framings = st.sampled_from(
    [
        (b"Content-Length: 5\r\n", b"hello"),
        (b"Content-Length: 0\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"2;a=b\r\nhe\r\nA\r\nllo wonder\r\n0\r\nT: v\r\nu:w\r\n\r\n"),
        (b"Transfer-Encoding: Chunked\r\nContent-Length: 5\r\n", b"1\r\nx\r\n0\r\n\r\n"),
        (b"Content-Length: 5\r\nContent-Length: 5\r\n", b"hello"),
        (b"", b""),
        (b"", b"until the end"),
    ]
)
after = st.sampled_from([b"", b"X", b"HTTP/1.1 200 OK\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
responses = st.builds(
    lambda interim, status, first, framing, last, rest: interim + status + first + framing[0] + last + b"\r\n" + framing[1] + rest,
    st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n"]),
    st.sampled_from(
        [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404 Not Found\r\n", b"HTTP/1.1 204 \r\n", b"HTTP/1.1 304 X\r\n", b"HTTP/1.1 599\r\n"]
    ),
    lines,
    framings,
    lines,
    after,
)
requests = st.builds(
    lambda line, first, framing, last, rest: line + b"Host: a\r\n" + first + framing[0] + last + b"\r\n" + framing[1] + rest,
    st.sampled_from([b"GET / HTTP/1.1\r\n", b"POST /a?b HTTP/1.1\r\n", b"PURGE http://a/ HTTP/1.0\r\n", b"OPTIONS * HTTP/1.1\r\n"]),
    lines,
    framings,
    lines,
    after,
)
pieces = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"\r\n ",
        b" ",
        b"\t",
        b":",
        b",",
        b";",
        b"0",
        b"5",
        b"\x00",
        b"\x7f",
        b"\xff",
        b"+",
        b"-",
        b"\r\n\r\n",
        b"chunked",
        b"X: y\r\n",
    ]
)
damages = st.lists(st.tuples(st.sampled_from(["insert", "delete", "replace", "double"]), st.integers(0, 300), pieces), max_size=3)


def damaged(data: bytes, damage: list[tuple[str, int, bytes]]) -> bytes:
    for kind, place, piece in damage:
        at = place % (len(data) + 1)
        if kind == "insert":
            data = data[:at] + piece + data[at:]
        elif kind == "delete":
            data = data[:at] + data[at + 1 :]
        elif kind == "replace":
            data = data[:at] + piece + data[at + len(piece) :]
        else:
            start, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at) + 1
            data = data[:end] + data[start:end] + data[end:] if end else data
    return data


@settings(max_examples=400)
@given(responses, damages, st.sampled_from(["GET", "HEAD"]))
def test_responses(message: bytes, damage: list[tuple[str, int, bytes]], method: str) -> None:
    """A response that both read means the same to both."""
    data = damaged(message, damage)
    ours, theirs = our_response(data, method), their_response(data, method)
    if ours is not None and theirs is not None:
        assert ours == theirs


@settings(max_examples=400)
@given(requests, damages)
def test_requests(message: bytes, damage: list[tuple[str, int, bytes]]) -> None:
    """A request that both read means the same to both."""
    data = damaged(message, damage)
    ours, theirs = our_request(data), their_request(data)
    if ours is not None and theirs is not None:
        assert ours == theirs


@given(requests)
def test_requests_that_are_valid(message: bytes) -> None:
    """A request without damage is read by both, unless its framing is given twice or stands in an old version."""
    ambiguous = message.count(b"Content-Length") + message.count(b"Transfer-Encoding") > 1
    if not ambiguous and not (b"HTTP/1.0" in message and b"Transfer-Encoding" in message) and b"until" not in message:
        assert our_request(message) == their_request(message)
        assert our_request(message) is not None


@given(responses, st.sampled_from(["GET", "HEAD"]))
def test_responses_that_are_valid(message: bytes, method: str) -> None:
    """A response without damage is read by both."""
    assert our_response(message, method) is not None
    assert our_response(message, method) == their_response(message, method)
