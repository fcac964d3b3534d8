"""Pieces of one size, text, and lines, made of a stream of bytes however it is cut."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from fasthttp._pure.streams import LineSplitter, Rechunker, TextDecoder, Transform

T = TypeVar("T")


def run(transform: Transform[T], pieces: Iterable[bytes]) -> list[T]:
    out = [item for piece in pieces for item in transform.feed(piece)]
    return out + transform.flush()


def splits(data: bytes) -> list[list[bytes]]:
    """Every cut in two, in three, and byte by byte."""
    two = [[data[:i], data[i:]] for i in range(len(data) + 1)]
    three = [[data[:i], data[i:j], data[j:]] for i in range(len(data) + 1) for j in range(i, len(data) + 1)]
    return [*two, *three, [data[i : i + 1] for i in range(len(data))]]


@pytest.mark.parametrize(("size", "expected"), [
    (1, [b"a", b"b", b"c", b"d", b"e"]), (2, [b"ab", b"cd", b"e"]), (5, [b"abcde"]), (6, [b"abcde"]),
])  # fmt: skip
def test_pieces_have_the_size_asked_for_but_the_last(size: int, expected: list[bytes]) -> None:
    """However the bytes arrive, and with nothing left over."""
    for pieces in splits(b"abcde"):
        assert run(Rechunker(size), pieces) == expected


def test_without_a_size_pieces_pass_as_they_come() -> None:
    """Empty ones are left out."""
    assert run(Rechunker(None), [b"ab", b"", b"c"]) == [b"ab", b"c"]


def test_nothing_in_nothing_out() -> None:
    """An empty body has no pieces, no text and no lines."""
    assert run(Rechunker(3), []) == run(Rechunker(3), [b""]) == []
    assert run(TextDecoder("utf-8"), [b""]) == run(TextDecoder("utf-8", 2), [b""]) == []
    assert run(LineSplitter("utf-8"), [b""]) == []


@pytest.mark.parametrize("size", [0, -1])
def test_a_size_below_one_is_refused(size: int) -> None:
    """It would never end."""
    with pytest.raises(ValueError, match="must be at least 1, or None"):
        Rechunker(size)
    with pytest.raises(ValueError, match="must be at least 1, or None"):
        TextDecoder("utf-8", size)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32-be", "shift_jis", "gb18030"])
def test_characters_split_across_pieces_are_whole(encoding: str) -> None:
    """Text comes out right for every cut, whatever the encoding."""
    text = "aあ終" if encoding == "shift_jis" else "aé終😀"
    for pieces in splits(text.encode(encoding)):
        assert "".join(run(TextDecoder(encoding), pieces)) == text


def test_text_has_pieces_of_one_size_in_characters() -> None:
    """Characters are counted, not bytes."""
    for pieces in splits("aé終😀x".encode()):
        assert run(TextDecoder("utf-8", 2), pieces) == ["aé", "終😀", "x"]


@pytest.mark.parametrize(("data", "text"), [(b"a\xffb", "a\ufffdb"), (b"a\xe7\xb5", "a\ufffd"), (b"\xc3", "\ufffd")])
def test_undecodable_bytes_become_replacement_characters(data: bytes, text: str) -> None:
    """In the middle, and for a character that the end cuts off."""
    for pieces in splits(data):
        assert "".join(run(TextDecoder("utf-8"), pieces)) == text


LINES = [
    (b"a\nb\n", ["a", "b"]),
    (b"a\r\nb\r\n", ["a", "b"]),
    (b"a\rb\r", ["a", "b"]),
    (b"a\n\nb", ["a", "", "b"]),
    (b"\r\n\r\na", ["", "", "a"]),
    (b"a\r\r\nb", ["a", "", "b"]),
    (b"a\n\rb", ["a", "", "b"]),
    (b"\n", [""]),
    (b"\r", [""]),
    (b"\r\n", [""]),
    (b"a", ["a"]),
    (b"\n\r\r\n\n\r", ["", "", "", "", ""]),
    ("é\r\n終\n".encode(), ["é", "終"]),
    ("a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029b\n".encode(), ["a\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029b"]),
]


@pytest.mark.parametrize(("data", "lines"), LINES)
def test_lines_end_with_lf_crlf_or_cr_and_nothing_else(data: bytes, lines: list[str]) -> None:
    """Blank lines stay, ends go, and no cut makes a difference."""
    for pieces in splits(data):
        assert run(LineSplitter("utf-8"), pieces) == lines


def test_a_line_is_given_as_soon_as_its_end_is_there() -> None:
    """A CR is an end by itself; the LF behind it that arrives later adds nothing."""
    splitter = LineSplitter("utf-8")
    assert splitter.feed(b"one\r") == ["one"]
    assert splitter.feed(b"") == []
    assert splitter.feed(b"\n") == []
    assert splitter.feed(b"two\nthr") == ["two"]
    assert splitter.feed(b"ee") == []
    assert splitter.flush() == ["three"]
    assert splitter.flush() == []


def test_an_unfinished_character_at_the_end_belongs_to_the_last_line() -> None:
    """It becomes U+FFFD."""
    assert run(LineSplitter("utf-8"), [b"a\nb\xe7"]) == ["a", "b\ufffd"]


@settings(max_examples=100, deadline=None, database=None)
@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", "é".encode()[:1], "é".encode()[1:], b""]), max_size=12))
def test_lines_do_not_depend_on_the_cuts(pieces: list[bytes]) -> None:
    """Any pieces give the same lines as all of them at once."""
    assert run(LineSplitter("utf-8"), pieces) == run(LineSplitter("utf-8"), [b"".join(pieces)])
