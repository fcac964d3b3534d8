"""What one role writes the other reads back, and nothing else can be written."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from httpwire.errors import InvalidHeader
from httpwire.h1 import (
    Field,
    RequestParser,
    ResponseParser,
    encode_chunk,
    encode_fields,
    encode_last_chunk,
    encode_request_head,
    encode_response_head,
)

TOKEN = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
names = st.text(TOKEN, min_size=1, max_size=12).map(str.encode).map(lambda name: b"X" + name)
value_bytes = st.sampled_from([9, *range(0x20, 0x7F), *range(0x80, 0x100)])
values = st.lists(value_bytes, max_size=30).map(bytes).map(lambda value: value.strip(b" \t"))
fields = st.lists(st.tuples(names, values), max_size=6)
targets = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=20).map(
    lambda text: b"/" + text.encode()
)
methods = st.text(TOKEN, min_size=1, max_size=10).filter(lambda method: method != "CONNECT")
bodies = st.lists(st.binary(max_size=50), max_size=5)
cuts = st.lists(st.integers(0, 400), max_size=6)
# Characters that mean something on the wire, so that attempts at injection are not left to chance.
hostile = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b":", b": ", b" ", b"\t", b"\x00", b"\x7f", b"A", b"b", b"\xe9", b"Host: x"]), max_size=6
)


def cut_up(data: bytes, at: list[int]) -> list[bytes]:
    places = [0, *sorted(min(place, len(data)) for place in at), len(data)]
    return [data[left:right] for left, right in pairwise(places)]


def feed(parser: RequestParser | ResponseParser, pieces: list[bytes]) -> bytes:
    body = b""
    for piece in pieces:
        parser.feed(piece)
        body += parser.take()
    return body


@given(methods, targets, fields, bodies, fields, cuts, st.booleans())
def test_requests(
    method: str, target: bytes, sent: list[Field], body: list[bytes], trailers: list[Field], at: list[int], chunked: bool
) -> None:
    """A request that was written is read back in every part, counted or chunked, however it is cut."""
    framing = (b"Transfer-Encoding", b"chunked") if chunked else (b"Content-Length", b"%d" % sum(map(len, body)))
    lines = [(b"Host", b"example.com"), framing, *sent]
    payload = b"".join(map(encode_chunk, body)) + encode_last_chunk(trailers) if chunked else b"".join(body)
    parser = RequestParser()
    got = feed(parser, cut_up(encode_request_head(method, target, lines) + payload + b"NEXT", at))
    assert (parser.method, parser.target, parser.version, parser.fields) == (method, target, "1.1", lines)
    assert (got, parser.trailers, parser.complete, parser.leftover) == (b"".join(body), trailers if chunked else [], True, b"NEXT")


statuses = st.integers(200, 999).filter(lambda status: status not in (204, 304))
reasons = st.none() | st.lists(value_bytes, max_size=20).map(bytes).map(lambda reason: reason.decode("latin-1"))


@given(statuses, reasons, fields, bodies, fields, cuts, st.sampled_from(["length", "chunked", "end"]))
def test_responses(
    status: int, reason: str | None, sent: list[Field], body: list[bytes], trailers: list[Field], at: list[int], framing: str
) -> None:
    """A response that was written is read back in every part, whatever ends its body, however it is cut."""
    whole = b"".join(body)
    lines = {"length": [(b"Content-Length", b"%d" % len(whole))], "chunked": [(b"Transfer-Encoding", b"chunked")], "end": []}[
        framing
    ] + sent
    payload = b"".join(map(encode_chunk, body)) + encode_last_chunk(trailers) if framing == "chunked" else whole
    after = b"" if framing == "end" else b"NEXT"
    parser = ResponseParser()
    for _ in range(2):
        parser.expect("GET")
        got = feed(parser, cut_up(encode_response_head(status, lines, reason) + payload + after, at))
        parser.feed_eof()
        assert (parser.status, parser.version, parser.fields) == (status, "1.1", lines)
        assert reason is None or bytes(parser.reason) == reason.encode("latin-1")
        assert (got + parser.take(), parser.complete, parser.leftover) == (whole, True, after)
        assert parser.trailers == (trailers if framing == "chunked" else [])


@given(st.lists(st.tuples(hostile.map(b"".join), hostile.map(b"".join)), min_size=1, max_size=3))
def test_fields_cannot_be_injected(attempt: list[Field]) -> None:
    """Whatever name and value are, either nothing is written or exactly these fields are read back by both roles."""
    try:
        block = encode_fields(attempt)
    except InvalidHeader:
        assert any(
            not re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(rb"[\x00-\x08\n-\x1f\x7f]", value)
            for name, value in attempt
        )
        return
    expected = [(name, value.strip(b" \t")) for name, value in attempt]
    response = ResponseParser()
    response.feed(b"HTTP/1.1 204 X\r\n" + block + b"\r\nrest")
    assert (response.fields, response.leftover) == (expected, b"rest")
    response.expect("GET")
    response.feed(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n" + encode_last_chunk(attempt) + b"rest")
    assert (response.trailers, response.leftover) == (expected, b"rest")
    if not any(name.lower() == b"host" for name, _ in attempt):
        request = RequestParser()
        request.feed(encode_request_head("GET", b"/", [(b"Host", b"a"), *attempt]) + b"rest")
        assert (request.fields, request.leftover) == ([(b"Host", b"a"), *expected], b"rest")


@given(hostile.map(lambda parts: b"".join(parts).decode("latin-1")), hostile.map(lambda parts: b"/" + b"".join(parts)))
def test_request_lines_cannot_be_injected(method: str, target: bytes) -> None:
    """Whatever method and target are, either nothing is written or exactly these two are read back."""
    try:
        head = encode_request_head(method, target, [(b"Host", b"a")])
    except InvalidHeader:
        return
    parser = RequestParser()
    parser.feed(head + b"rest")
    assert (parser.method, parser.target, parser.fields, parser.leftover) == (method, target, [(b"Host", b"a")], b"rest")


@given(st.integers(-5, 1200), hostile.map(lambda parts: b"".join(parts).decode("latin-1")))
def test_status_lines_cannot_be_injected(status: int, reason: str) -> None:
    """Whatever status and reason are, either nothing is written or exactly these two are read back."""
    try:
        head = encode_response_head(status, [], reason)
    except InvalidHeader:
        return
    parser = ResponseParser()
    parser.expect("GET", upgrade=True)
    parser.feed(head)
    seen = parser.status or parser.informational[0][0]
    assert (seen, parser.fields, parser.leftover) == (status, [], b"")
    assert not parser.status or bytes(parser.reason) == reason.encode("latin-1")
