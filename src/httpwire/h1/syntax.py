"""The head of a message: what llhttp reads, the limits it is read under, and the alphabets it is made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import httptools

Field = tuple[bytes, bytes]

MAX_LENGTH = 2**63 - 1
# Fields that decide framing, reuse and decoding, and the one that a client keeps. Only these are looked at while a head is read.
_CONTROL_FIELDS = frozenset(
    b"connection content-length transfer-encoding content-encoding upgrade host expect keep-alive set-cookie".split()
)
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
NOTHING: dict[bytes, bytes] = {}


class Limits(NamedTuple):
    """How much a peer may send before the body, in bytes unless said otherwise."""

    head: int = 65536  # start line plus fields; the trailer section has the same allowance
    line: int = 65536  # a single line of the head
    count: int = 256  # type: ignore[assignment]  # number of fields; hides the method of tuple
    chunk_line: int = 4096  # chunk size with extensions


DEFAULT_LIMITS = Limits()


class Callbacks:
    """What llhttp calls; `on_header` is any callable of name and value."""

    __slots__ = ("on_header",)

    on_header: Callable[[bytes, bytes], object]


_OTHER = b"-"  # stands for every name that is no control field
_MAX_SPELLINGS = 4096
_spellings: dict[bytes, bytes] = {}


def _classify(name: bytes) -> bytes:
    """The control field that a name means, or `_OTHER`; remembered by spelling, since peers do not vary theirs."""
    lower = name.lower()
    key = lower if lower in _CONTROL_FIELDS else _OTHER
    if len(_spellings) < _MAX_SPELLINGS:
        _spellings[name] = key
    return key


def parse_head(parser_class: Any, head: bytes, *, lenient: bool = False) -> tuple[Any, Collection[Field]]:
    """The llhttp parser after it has read a head, and the fields. Raises `HttpParserError`."""
    callbacks = Callbacks()
    # A dict's own method as callback keeps Python out of the loop; that names repeat shows in the number of lines.
    unique: dict[bytes, bytes] = {}
    callbacks.on_header = unique.setdefault
    if not lenient:
        parser = parser_class(callbacks)
        try:
            parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            pass
        if len(unique) == head.count(b"\n") - 2:
            return parser, unique.items()
    fields: list[Field] = []
    callbacks.on_header = lambda name, value: fields.append((name, value))
    parser = parser_class(callbacks)
    if lenient:
        parser.set_dangerous_leniencies(lenient_chunked_length=True)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass
    return parser, fields
