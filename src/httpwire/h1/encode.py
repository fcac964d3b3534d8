"""Messages written, for both roles. Nothing that is not well formed gets out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from httpwire.errors import InvalidHeader
from httpwire.h1.syntax import CONTROL, Field
from httpwire.status import reason_phrase

_FIELD_BLOCK = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n)*+")
_REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++ [\x21\x22\x24-\x7e]++ HTTP/1\.1\r\n")


LAST_CHUNK = b"0\r\n\r\n"


def encode_fields(fields: Sequence[Field]) -> bytes:
    """Field lines, each ended by CRLF. Raises `InvalidHeader` before a byte of a bad field can get out."""
    block = b"".join([b"%b: %b\r\n" % field for field in fields])
    # The counts catch what would pass the pattern as another field: a value with a line, a name with a colon.
    if _FIELD_BLOCK.fullmatch(block) is None or block.count(b"\n") != len(fields) or [1 for name, _ in fields if b":" in name]:
        raise InvalidHeader("invalid field name or control character in a field")
    return block


def encode_request_head(method: str, target: bytes, fields: Sequence[Field]) -> bytes:
    """The head of a request, up to and with the empty line."""
    line = b"%b %b HTTP/1.1\r\n" % (method.encode("ascii", "replace"), target)
    # A character outside ASCII has become "?", which no method holds.
    if _REQUEST_LINE.fullmatch(line) is None:
        raise InvalidHeader("invalid method or request target")
    return line + encode_fields(fields) + b"\r\n"


def encode_response_head(status: int, fields: Sequence[Field], reason: str | None = None) -> bytes:
    """The head of a response, up to and with the empty line; `reason` defaults to the registered phrase."""
    try:
        phrase = (reason_phrase(status) if reason is None else reason).encode("latin-1")
    except UnicodeEncodeError as exc:
        raise InvalidHeader("reason phrase is not Latin-1") from exc
    if not 100 <= status <= 999 or CONTROL.search(phrase):
        raise InvalidHeader("invalid status code or reason phrase")
    return b"HTTP/1.1 %d %b\r\n" % (status, phrase) + encode_fields(fields) + b"\r\n"


def encode_chunk(data: bytes) -> bytes:
    """One chunk; an empty one would end the body, so it becomes nothing."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def encode_last_chunk(trailers: Sequence[Field] = ()) -> bytes:
    """The end of a chunked body."""
    return b"0\r\n" + encode_fields(trailers) + b"\r\n"
