"""`Range` and `Content-Range` of byte ranges, parsed and written (RFC 9110 §14). Knows no files and no responses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = ["ContentRange", "format_content_range", "format_range", "parse_content_range", "parse_range", "resolve_ranges"]

RangeSpec = tuple[int | None, int | None]

_SPEC = re.compile(r"([0-9]{0,18})-([0-9]{0,18})")  # 18 digits are below 2^63; more are no position in any file
_SPEC_SIZE = 40  # characters of the longest one, with its comma and some space
_CONTENT_RANGE = re.compile(r"bytes[ \t]+(?:([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)|\*/([0-9]{1,18}))", re.IGNORECASE)


class ContentRange(NamedTuple):
    """Positions of the first and the last byte, and the size of the whole; None where it is not said.

    Without `first` and `last` it is the answer to a range that cannot be satisfied.
    """

    first: int | None
    last: int | None
    size: int | None


def parse_range(value: str, *, max_ranges: int = 16) -> list[RangeSpec] | None:
    """The ranges of a `Range` field, as asked for: (first, last), (first, None) to the end, (None, n) the last n bytes.

    None when the field is to be ignored (RFC 9110 §14.2): another unit, bad syntax, or more ranges than `max_ranges`.
    """
    unit, mark, rest = value.partition("=")
    if unit.strip().lower() != "bytes" or not mark or len(rest) > max_ranges * _SPEC_SIZE:
        return None
    specs: list[RangeSpec] = []
    for text in rest.split(","):
        if not (text := text.strip(" \t")):
            continue  # a list may have empty elements (§5.6.1)
        match = _SPEC.fullmatch(text)
        if match is None or text == "-":
            return None
        first, last = (int(digits) if digits else None for digits in match.groups())
        if first is not None and last is not None and first > last:
            return None
        specs.append((first, last))
    return specs if 0 < len(specs) <= max_ranges else None


def resolve_ranges(specs: Iterable[RangeSpec], size: int) -> list[tuple[int, int]]:
    """First and last positions within `size` bytes, in the order asked for; empty when none can be satisfied (416).

    Ranges that overlap or touch are merged and sorted, so that no byte is sent twice (§15.3.7.2).
    """
    found: list[tuple[int, int]] = []
    for first, last in specs:
        if first is None:
            first, last = max(0, size - (last or 0)), size - 1
        elif last is None or last >= size:
            last = size - 1
        if first <= last:
            found.append((first, last))
    merged: list[tuple[int, int]] = []
    for first, last in sorted(found):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return found if len(merged) == len(found) else merged


def format_range(specs: Sequence[RangeSpec]) -> str:
    """A `Range` field that asks for these ranges."""
    return "bytes=" + ",".join(f"{'' if first is None else first}-{'' if last is None else last}" for first, last in specs)


def parse_content_range(value: str) -> ContentRange | None:
    """The `Content-Range` field, None when it is malformed, impossible, or of another unit."""
    match = _CONTENT_RANGE.fullmatch(value.strip(" \t"))
    if match is None:
        return None
    if match[4] is not None:
        return ContentRange(None, None, int(match[4]))
    first, last, size = int(match[1]), int(match[2]), None if match[3] == "*" else int(match[3])
    if first > last or (size is not None and last >= size):
        return None
    return ContentRange(first, last, size)


def format_content_range(first: int | None, last: int | None, size: int | None) -> str:
    """A `Content-Range` field; without `first` and `last` the one that goes with 416."""
    return f"bytes {'*' if first is None else f'{first}-{last}'}/{'*' if size is None else size}"
