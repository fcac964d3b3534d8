"""What both roles write."""

from __future__ import annotations

import pytest

from httpwire.errors import InvalidHeader
from httpwire.h1 import LAST_CHUNK, encode_chunk, encode_fields, encode_last_chunk, encode_request_head, encode_response_head


def test_request_head() -> None:
    """A request head is the request line, the fields in order and case, and an empty line."""
    head = encode_request_head("PURGE", b"/a?b", [(b"Host", b"a"), (b"X-y", b"caf\xe9\tz"), (b"E", b"")])
    assert head == b"PURGE /a?b HTTP/1.1\r\nHost: a\r\nX-y: caf\xe9\tz\r\nE: \r\n\r\n"
    assert encode_request_head("GET", b"/", []) == b"GET / HTTP/1.1\r\n\r\n"


def test_response_head() -> None:
    """A response head has the registered phrase, none for unknown codes, or the one that is given."""
    assert encode_response_head(404, [(b"A", b"b")]) == b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n"
    assert encode_response_head(599, []) == b"HTTP/1.1 599 \r\n\r\n"
    assert encode_response_head(200, [], "Très bien") == b"HTTP/1.1 200 Tr\xe8s bien\r\n\r\n"


def test_chunks() -> None:
    """A chunk has its size in hexadecimal; an empty one is nothing, because it would end the body."""
    assert encode_chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert encode_chunk(b"") == b""
    assert encode_last_chunk() == LAST_CHUNK == b"0\r\n\r\n"
    assert encode_last_chunk([(b"T", b"v")]) == b"0\r\nT: v\r\n\r\n"


@pytest.mark.parametrize("method", ["", "G T", "GET ", "GET\r\n", "GET\t", "GÉT", "G:T", "G/T", "GET\x00", "✓"])
def test_bad_methods(method: str) -> None:
    """Only a token is written as a method."""
    with pytest.raises(InvalidHeader):
        encode_request_head(method, b"/", [])


@pytest.mark.parametrize(
    "target", [b"", b" ", b"/a b", b"/\r\nX: y", b"/\n", b"/\t", b"/\x00", b"/\x7f", b"/\xc3\xa9", b"/#a", b"/ HTTP/1.1"]
)
def test_bad_targets(target: bytes) -> None:
    """Only visible ASCII without a fragment is written as a target."""
    with pytest.raises(InvalidHeader):
        encode_request_head("GET", target, [])


FIELDS = [
    (b"", b"v"),
    (b"A b", b"v"),
    (b"A:", b"v"),
    (b"A: b", b"v"),
    (b"A\r\nB", b"v"),
    (b"A\n", b"v"),
    (b" A", b"v"),
    (b"A ", b"v"),
    (b"A\xe9", b"v"),
    (b"A\x00", b"v"),
    (b"A", b"v\r\nB: w"),
    (b"A", b"v\nB: w"),
    (b"A", b"v\r"),
    (b"A", b"\rv"),
    (b"A", b"v\x00"),
    (b"A", b"v\x7f"),
    (b"A", b"v\r\n w"),
    (b"A: x\r\nB", b"v"),
]


@pytest.mark.parametrize("field", FIELDS)
def test_bad_fields(field: tuple[bytes, bytes]) -> None:
    """No function that writes fields writes one with a bad name or a control character, wherever it stands."""
    for fields in ([field], [(b"Host", b"a"), field], [field, (b"Host", b"a")]):
        with pytest.raises(InvalidHeader):
            encode_fields(fields)
        with pytest.raises(InvalidHeader):
            encode_request_head("GET", b"/", fields)
        with pytest.raises(InvalidHeader):
            encode_response_head(200, fields)
        with pytest.raises(InvalidHeader):
            encode_last_chunk(fields)


def test_faults_never_show_the_value() -> None:
    """What is wrong with a field is said without its value, which may be a secret."""
    with pytest.raises(InvalidHeader) as caught:
        encode_fields([(b"Authorization", b"s3cret\r\n")])
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("status", "reason"), [(99, None), (1000, None), (-1, None), (200, "a\r\nX: y"), (200, "a\x00"), (200, "✓")])
def test_bad_status_lines(status: int, reason: str | None) -> None:
    """A status has three digits, a reason is text that fits on one line."""
    with pytest.raises(InvalidHeader):
        encode_response_head(status, [], reason)
