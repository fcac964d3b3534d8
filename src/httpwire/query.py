"""Query strings and urlencoded forms, written and read. Knows no URLs and no requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any
from urllib.parse import quote_plus, unquote_plus

__all__ = ["encode_pairs", "flatten", "parse_query"]

_SEQUENCES = (list, tuple, set, frozenset, range)


def flatten(values: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> list[tuple[str, str | bytes]]:
    """Name and value pairs as they go out: sequences repeat the name, None is dropped, booleans become true/false.

    Raises:
        TypeError: for a value that has no textual form in a query (a mapping), or items that are not pairs.
    """
    items = values.items() if isinstance(values, Mapping) else values
    pairs: list[tuple[str, str | bytes]] = []
    for item in items:
        if isinstance(item, (str, bytes)) or len(item) != 2:
            raise TypeError(f"expected (name, value) pairs, got {type(item).__name__}")
        name, value = item
        singles = value if isinstance(value, _SEQUENCES) else (value,)
        pairs.extend((_name(name), _as_text(name, single)) for single in singles if single is not None)
    return pairs


def _name(name: Any) -> str:
    if isinstance(name, str) and not isinstance(name, Enum):
        return name
    text = _as_text(name, name)
    return text if isinstance(text, str) else text.decode()


def _as_text(name: Any, value: Any) -> str | bytes:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Mapping, *_SEQUENCES)):
        raise TypeError(f"value of {name!r} is a nested {type(value).__name__}; encode it first")
    return str(value)


def encode_pairs(pairs: Iterable[tuple[str, str | bytes]]) -> str:
    """`application/x-www-form-urlencoded` text: a space becomes `+`, everything reserved is percent-encoded."""
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)


def parse_query(text: str, *, max_pairs: int | None = None) -> list[tuple[str, str]]:
    """Pairs in order. `+` is a space, a broken escape stays as text, a key without `=` has an empty value.

    Only `&` separates. Raises `ValueError` when there are more than `max_pairs`.
    """
    if not text:
        return []
    pieces = text.split("&")
    if max_pairs is not None and len(pieces) > max_pairs:
        raise ValueError(f"more than {max_pairs} pairs in a query")
    pairs = []
    for piece in pieces:
        if piece:
            name, _, value = piece.partition("=")
            pairs.append((unquote_plus(name), unquote_plus(value)))
    return pairs
