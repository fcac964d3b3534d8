"""Multipart bodies on generated input: written and read back, cut anywhere, and hostile."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpwire.errors import ProtocolError
from httpwire.multipart import MultipartDecoder, PartBegin, PartData, closing_line, opening_line, part_head

# A backslash is sent as it is, and before another or a quote it is an escape to those who read: left out of what must be identical.
names = st.text(st.characters(exclude_characters='\0"\\\r\n', exclude_categories=["Cs"]), max_size=20)
pieces = st.sampled_from([b"\r\n", b"\r", b"\n", b"--", b"-", b"--B", b"\r\n--B", b"\r\n--B-", b"B", b"x", b" ", b"\0"])
contents = st.lists(pieces | st.binary(max_size=8), max_size=12).map(b"".join).filter(lambda data: b"\r\n--B" not in b"\r\n" + data)
forms = st.lists(st.tuples(names, st.none() | names, contents), max_size=5)


def write(form: list[tuple[str, str | None, bytes]]) -> bytes:
    body = b"".join(opening_line(b"B") + part_head(name, filename) + content + b"\r\n" for name, filename, content in form)
    return body + closing_line(b"B")


def read(body: bytes, cuts: list[int] | None = None) -> list[tuple[str, str | None, bytes]]:
    """The parts of a body that is fed in pieces between `cuts`."""
    decoder = MultipartDecoder(b"B")
    at = 0
    found: list[Any] = []
    for cut in [*sorted(cuts or []), len(body)]:
        for event in decoder.feed(body[at:cut]):
            if isinstance(event, PartBegin):
                found.append((event.name, event.filename, b""))
            elif isinstance(event, PartData):
                name, filename, data = found[-1]
                found[-1] = (name, filename, data + event.data)
        at = max(at, cut)
    decoder.finish()
    return found


@given(forms, st.data())
def test_what_is_written_is_read_back(form: list[tuple[str, str | None, bytes]], data: st.DataObject) -> None:
    """Names, file names and contents are identical, wherever the body is cut."""
    body = write(form)
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=6))
    assert read(body, cuts) == form


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_no_name_leaves_its_quotes(name: str) -> None:
    """Whatever the names are, there is one line, one part, and its content."""
    head = part_head(name, name)
    assert head.count(b"\r\n") == 2
    assert head.count(b'"') == 4


soup = st.lists(
    st.sampled_from([
        b"--B\r\n", b"\r\n--B\r\n", b"\r\n--B--", b"--B--\r\n", b"--B", b" \t", b"\r\n", b"\r", b"\n", b"-", b": ", b";", b'"', b"\\", b"=",
        b'Content-Disposition: form-data; name="a"\r\n', b'Content-Disposition: form-data; name="f"; filename="x"\r\n\r\n', b"X: y\r\n",
        b"name", b"filename*=utf-8''%ff", b"\xff", b"\0", b"x" * 50,
    ]) | st.binary(max_size=6),
    max_size=14,
).map(b"".join)  # fmt: skip


@given(soup, st.data())
def test_anything_is_read_or_refused_and_the_cut_does_not_matter(body: bytes, data: st.DataObject) -> None:
    """The outcome at once, byte by byte and cut at random is the same: the same parts, or a ProtocolError."""

    def outcome(cuts: list[int]) -> Any:
        try:
            return read(body, cuts)
        except ProtocolError as exc:
            return exc.status

    whole = outcome([])
    assert outcome(list(range(len(body)))) == whole
    assert outcome(data.draw(st.lists(st.integers(0, len(body)), max_size=6))) == whole


def seconds(filler: bytes, size: int) -> float:
    """The best of three runs over a file of so many bytes, in pieces of 4096."""
    body = opening_line(b"B") + part_head("f", "x") + filler * (size // len(filler))
    best = 9.0
    for _ in range(3):
        decoder = MultipartDecoder(b"B")
        start = time.perf_counter()
        for at in range(0, len(body), 4096):
            decoder.feed(body[at : at + 4096])
        best = min(best, time.perf_counter() - start)
    return best


@pytest.mark.parametrize("filler", [b"\r", b"\r\n--", b"\r\n--B-", b"-", b"\r\n--B\r", b"\r\n"])
def test_hostile_bodies_take_linear_time(filler: bytes) -> None:
    """Four times the input takes nowhere near sixteen times as long."""
    assert seconds(filler, 160_000) < 10 * seconds(filler, 40_000) + 0.02
