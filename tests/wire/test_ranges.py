"""Byte ranges and file names in header fields: what is read, what is written, what is passed over."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpwire.disposition import format_disposition, parse_disposition
from httpwire.ranges import ContentRange, format_content_range, format_range, parse_content_range, parse_range, resolve_ranges

POSITIONS = st.integers(0, 10**18 - 1)
SPECS = st.one_of(
    st.tuples(POSITIONS, POSITIONS).map(lambda pair: (min(pair), max(pair))),
    st.tuples(POSITIONS, st.none()),
    st.tuples(st.none(), POSITIONS),
)


@pytest.mark.parametrize(
    ("value", "specs"),
    [
        ("bytes=0-499", [(0, 499)]),
        ("bytes=500-", [(500, None)]),
        ("bytes=-500", [(None, 500)]),
        ("BYTES=0-0, -1", [(0, 0), (None, 1)]),
        ("bytes= 0-0 ,, 5-6\t,", [(0, 0), (5, 6)]),
        (" bytes =1-2", [(1, 2)]),
        ("bytes=000-001", [(0, 1)]),
        ("bytes=" + ",".join(["1-2"] * 16), [(1, 2)] * 16),
    ],
)
def test_ranges_that_are_asked_for(value: str, specs: object) -> None:
    """Closed, open and last ones, in lists with empty elements and space."""
    assert parse_range(value) == specs


@pytest.mark.parametrize(
    "value",
    [
        "", "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=1-2;", "bytes=1 - 2", "bytes=--1", "bytes=+1-2",
        "bytes=1-2-3", "bytes 1-2", "items=1-2", "bytes=\u0661-\u0662", "bytes=0-1,x", "bytes=" + ",".join(["1-2"] * 17),
        "bytes=" + "9" * 19 + "-", "bytes=" + "0-1," * 10_000, "bytes=" + " " * 10_000 + "0-1",
    ],
)  # fmt: skip
def test_ranges_that_are_ignored(value: str) -> None:
    """Another unit, bad syntax, an end before its beginning, too many."""
    assert parse_range(value) is None


@pytest.mark.parametrize(
    ("specs", "found"),
    [
        ([(0, 4)], [(0, 4)]),
        ([(0, None)], [(0, 9)]),
        ([(9, 99)], [(9, 9)]),
        ([(10, None)], []),
        ([(10, 11), (2, 3)], [(2, 3)]),
        ([(None, 3)], [(7, 9)]),
        ([(None, 30)], [(0, 9)]),
        ([(None, 0)], []),
        ([(8, 9), (0, 1)], [(8, 9), (0, 1)]),
        ([(5, 9), (0, 5)], [(0, 9)]),
        ([(0, 9), (2, 3), (5, None)], [(0, 9)]),
        ([(0, 1), (2, 3), (8, 8)], [(0, 3), (8, 8)]),
    ],
)
def test_ranges_within_ten_bytes(specs: list[tuple[int | None, int | None]], found: object) -> None:
    """Cut to the size, left out beyond it, kept in order unless they overlap."""
    assert resolve_ranges(specs, 10) == found
    assert resolve_ranges(specs, 0) == []


@given(st.lists(SPECS, min_size=1, max_size=16))
def test_a_range_field_says_what_was_written(specs: list[tuple[int | None, int | None]]) -> None:
    """Parsing undoes writing, and no byte is given twice."""
    assert parse_range(format_range(specs)) == specs
    found = resolve_ranges(specs, 1000)
    assert sum(last - first + 1 for first, last in found) <= 1000
    assert all(0 <= first <= last < 1000 for first, last in found)


@given(st.text(max_size=60))
def test_any_text_is_a_range_or_none(text: str) -> None:
    """Nothing raises, and what is accepted can be written again."""
    for value in (text, f"bytes={text}", f"bytes {text}"):
        specs = parse_range(value)
        assert specs is None or parse_range(format_range(specs)) == specs
        content = parse_content_range(value)
        assert content is None or parse_content_range(format_content_range(*content)) == content


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("bytes 0-499/1234", (0, 499, 1234)),
        ("bytes 42-1233/*", (42, 1233, None)),
        ("bytes */1234", (None, None, 1234)),
        ("Bytes  0-0/1 ", (0, 0, 1)),
        ("bytes 5-4/10", None),
        ("bytes 0-10/10", None),
        ("bytes */*", None),
        ("bytes 0-/10", None),
        ("bytes=0-1/10", None),
        ("items 0-1/10", None),
        ("bytes 0-1/10, 2-3/10", None),
        ("bytes 0-1", None),
        ("bytes " + "1" * 19 + "-2/3", None),
        ("", None),
    ],
)
def test_content_ranges(value: str, found: ContentRange | None) -> None:
    """Of a known and an unknown size, unsatisfied, and malformed or impossible ones."""
    assert parse_content_range(value) == found


@given(POSITIONS, POSITIONS, st.one_of(st.none(), POSITIONS))
def test_a_content_range_says_what_was_written(first: int, last: int, size: int | None) -> None:
    """Parsing undoes writing of everything that is possible."""
    first, last = min(first, last), max(first, last)
    written = parse_content_range(format_content_range(first, last, size))
    assert written == ((first, last, size) if size is None or last < size else None)
    if size is not None:
        assert parse_content_range(format_content_range(None, None, size)) == (None, None, size)


@pytest.mark.parametrize(
    ("value", "kind", "name"),
    [
        ("attachment", "attachment", None),
        ("INLINE; filename=a.txt", "inline", "a.txt"),
        ('attachment; filename="a \\"b\\".txt"', "attachment", 'a "b".txt'),
        ("attachment; filename=plain; filename*=UTF-8''%e2%82%ac%20rates", "attachment", "€ rates"),
        ("attachment; filename*=utf-8'en'%C3%A9; filename=plain", "attachment", "é"),
        ("attachment; filename*=iso-8859-1''%e9", "attachment", "é"),
        ("attachment; filename=plain; filename*=UTF-8''%ff", "attachment", "plain"),
        ("attachment; filename=plain; filename*=UTF-8''%f", "attachment", "plain"),
        ("attachment; filename=plain; filename*=koi8-r''%c1", "attachment", "plain"),
        ("attachment; filename=plain; filename*=%c1", "attachment", "plain"),
        ('attachment; filename=""', "attachment", ""),
        ("attachment; filename*=UTF-8''", "attachment", ""),
        ("attachment; filename", "attachment", None),
        ("", "", None),
    ],
)
def test_names_in_a_disposition(value: str, kind: str, name: str | None) -> None:
    """Quoted, plain, extended; the extended one wins where it can be decoded."""
    assert parse_disposition(value) == (kind, name)


@given(st.text(st.characters(codec="utf-8", exclude_characters="".join(map(chr, [*range(32), 127]))), max_size=50))
def test_a_disposition_says_what_was_written(name: str) -> None:
    """Parsing undoes writing, and the field is ASCII."""
    field = format_disposition("attachment", name)
    assert field.isascii()
    assert parse_disposition(field) == ("attachment", name)


@given(st.text(max_size=60))
def test_any_text_is_a_disposition(text: str) -> None:
    """Nothing raises."""
    for value in (text, f"attachment; {text}", f"attachment; filename*={text}", f"attachment; filename={text}"):
        parse_disposition(value)


def test_a_name_with_control_characters_is_not_written() -> None:
    """It would end the field; the place is named."""
    for name in ("a\r\nX: y", "\0", "\x7f", "\ud800"):
        with pytest.raises(ValueError, match="control character U"):
            format_disposition("attachment", name)


@given(st.text(max_size=50))
def test_a_name_with_control_characters_may_be_encoded(name: str) -> None:
    """Then the field is printable ASCII all the same, and parsing undoes writing, but for what is no character."""
    field = format_disposition("attachment", name, encode_controls=True)
    assert field.isascii()
    assert field.isprintable()
    assert parse_disposition(field) == ("attachment", name.encode(errors="replace").decode())
    with pytest.raises(ValueError, match="no token"):
        format_disposition("in line", name, encode_controls=True)
