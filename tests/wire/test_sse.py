"""Event streams: the specification's examples and rules, however the bytes are cut; what is written is read again."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpwire.errors import ProtocolError
from httpwire.sse import EventParser, SSEEvent, format_event

E = SSEEvent


def parse(*pieces: bytes, **arguments: Any) -> list[SSEEvent]:
    parser = EventParser(**arguments)
    return [event for piece in pieces for event in parser.feed(piece)]


def cut(data: bytes) -> list[list[bytes]]:
    """Whole, at every point, byte by byte, and with empty pieces between."""
    single = [data[at : at + 1] for at in range(len(data))]
    return [[data], *([data[:at], data[at:]] for at in range(len(data))), single, [part for byte in single for part in (byte, b"")]]


# The first six are the examples of the specification (9.2.6); the others, its rules one by one.
CASES: list[tuple[str, bytes, list[SSEEvent]]] = [
    (
        "messages",
        b"data: This is the first message.\n\ndata: This is the second message, it\ndata: has two lines.\n\n"
        b"data: This is the third message.\n\n",
        [
            E(data="This is the first message."),
            E(data="This is the second message, it\nhas two lines."),
            E(data="This is the third message."),
        ],
    ),
    (
        "types",
        b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n",
        [E("add", "73857293"), E("remove", "2153"), E("add", "113411")],
    ),
    ("stocks", b"data: YHOO\ndata: +2\ndata: 10\n\n", [E(data="YHOO\n+2\n10")]),
    (
        "ids and a comment",
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        [E(data="first event", id="1"), E(data="second event", id=""), E(data=" third event", id="")],
    ),
    ("empty data", b"data\n\ndata\ndata\n\ndata:\n", [E(data=""), E(data="\n")]),
    ("one space", b"data:test\n\ndata: test\n\n", [E(data="test"), E(data="test")]),
    ("all line ends", b"data: a\rdata: b\r\ndata: c\n\r\ndata: d\r\rdata: e\r\n\r\n", [E(data="a\nb\nc"), E(data="d"), E(data="e")]),
    ("a BOM", b"\xef\xbb\xbfdata: a\n\n", [E(data="a")]),
    ("one BOM only, at the start only", b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: \xef\xbb\xbfb\n\n", [E(data="\ufeffb")]),
    ("half a BOM", b"\xef\xbbdata: a\n\ndata: b\n\n", [E(data="b")]),
    ("text that is no UTF-8", b"data: \xff\xc3\ndata: \xe2\x82\xac\n\n", [E(data="\ufffd\ufffd\n€")]),
    ("other line ends of Unicode are text", "data: a\x0b\x0c\x1c\x85\u2028b\n\n".encode(), [E(data="a\x0b\x0c\x1c\x85\u2028b")]),
    ("no data, no event; its type is forgotten, its id is not", b"event: x\nid: 5\n\ndata: a\n\n", [E(data="a", id="5")]),
    ("an empty type", b"event: x\nevent\ndata: a\n\n", [E(data="a")]),
    ("NUL in an id", b"id: 1\n\nid: 2\x003\ndata: a\n\n", [E(data="a", id="1")]),
    ("the last id and type count", b"id: 1\nid: 2\nevent: x\nevent: y\ndata: a\n\n", [E("y", "a", "2")]),
    ("fields are known by their exact names", b"Data: a\n data: b\ndata : c\nfoo: d\ndata: e\n\n", [E(data="e")]),
    ("colons belong to values", b"data: a: b\ndata::\n\n", [E(data="a: b\n:")]),
    ("retry", b"retry: 0100\ndata: a\n\ndata: b\n\n", [E(data="a", retry=100), E(data="b")]),
    ("what is no retry", b"retry: -1\nretry: 1.5\nretry\nretry: 1 \nretry: \xd9\xa1\ndata: a\n\n", [E(data="a")]),
    ("zero", b"retry: 000\ndata: a\n\n", [E(data="a", retry=0)]),
    ("an unfinished event is lost", b"data: a\n\ndata: b\nid: 9\n", [E(data="a")]),
    ("nothing", b"", []),
    ("empty lines", b"\n\r\n\r\n\n", []),
]


@pytest.mark.parametrize(("stream", "events"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rules(stream: bytes, events: list[SSEEvent]) -> None:
    """The events are these, wherever the bytes are cut."""
    for pieces in cut(stream):
        assert parse(*pieces) == events


def test_what_the_parser_remembers() -> None:
    """The id and the retry as of the event taken last, not of those that wait; an id counts when its block has ended."""
    parser = EventParser("0")
    assert (parser.last_event_id, parser.retry) == ("0", None)
    events = parser.feed(b"data: a\n\nid: 1\nretry: 5\ndata: b\n\nid: 2\nretry: 6\n\nid: 3\n")
    assert next(events) == E(data="a", id="0")
    assert (parser.last_event_id, parser.retry) == ("0", None)
    assert next(events) == E(data="b", id="1", retry=5)
    assert (parser.last_event_id, parser.retry) == ("1", 5)
    assert list(events) == []
    assert (parser.last_event_id, parser.retry) == ("2", 6)
    assert list(parser.feed(b"\n")) == []
    assert parser.last_event_id == "3"


def test_a_retry_of_any_number_of_digits() -> None:
    """More than any clock has is the most there is; none of it takes long."""
    (event,) = parse(b"retry: " + b"9" * 1_000_000 + b"\ndata\n\n")
    assert event.retry == 10**12 - 1
    (event,) = parse(b"retry: " + b"0" * 100_000 + b"7\ndata\n\n")
    assert event.retry == 7


def test_limits() -> None:
    """A line, finished or not, and the data of an event may be just so long; what was complete before is given out."""
    line = b"data: 12345"
    for pieces in cut(line + b"\n\n"):
        assert parse(*pieces, max_size=11) == [E(data="12345")]
        with pytest.raises(ProtocolError, match="event stream: a line is larger than 10 bytes"):
            parse(*pieces, max_size=10)
    for pieces in cut(b":1234567890"):
        with pytest.raises(ProtocolError, match="a line"):
            parse(*pieces, max_size=10)
    for pieces in cut(b"data:12345\ndata:6789\n\n"):
        assert parse(*pieces, max_size=10) == [E(data="12345\n6789")]
    for pieces in cut(b"data\n" * 11 + b"\ndata:x\n\n"):
        assert parse(*pieces, max_size=10) == [E(data="\n" * 10), E(data="x")]
    for pieces in cut(b"data\n" * 12):
        with pytest.raises(ProtocolError, match="the data of an event is larger than 10 bytes"):
            parse(*pieces, max_size=10)
    events = EventParser(max_size=10).feed(b"data: a\n\n" + b"x" * 11)
    assert next(events) == E(data="a")
    with pytest.raises(ProtocolError):
        next(events)


def test_comments_are_without_end() -> None:
    """Keep-alive comments are not held against anything, however many there are."""
    parser = EventParser(max_size=100)
    for _ in range(1000):
        assert list(parser.feed(b": ping\n")) == []
    assert list(parser.feed(b"data: a\n\n")) == [E(data="a")]


def test_time_is_linear() -> None:
    """A long line byte by byte, and many short lines at once, take time in proportion to their length."""

    def seconds(count: int) -> float:
        started = time.perf_counter()
        parser = EventParser()
        for _ in range(count):
            list(parser.feed(b"x"))
        list(EventParser().feed(b"data: x\r\n" * count))
        return time.perf_counter() - started

    small = min(seconds(20_000) for _ in range(3))
    assert min(seconds(80_000) for _ in range(3)) < 12 * small + 0.05


def test_writing() -> None:
    """The order and form of the fields; None leaves one out."""
    assert format_event("a\nb", event="x", id="1", retry=5, comment="hi\rthere") == (
        b": hi\n: there\nevent: x\ndata: a\ndata: b\nid: 1\nretry: 5\n\n"
    )
    assert format_event(comment="ping") == b": ping\n\n"
    assert format_event("") == b"data: \n\n"
    assert format_event("é") == "data: é\n\n".encode()


@pytest.mark.parametrize(
    "bad",
    [{"event": "a\nb"}, {"event": "a\r"}, {"id": "\n"}, {"id": "a\rb"}, {"id": "a\0"}, {"retry": -1}, {"data": "\ud800"}],
)
def test_what_cannot_be_written(bad: Any) -> None:
    """Anything that would be read as something else is refused."""
    with pytest.raises(ValueError, match=r"event|surrogates"):
        format_event(**bad)


@pytest.mark.parametrize("retry", [True, 1.5, "5"])
def test_retry_is_an_integer(retry: Any) -> None:
    """Nothing else has digits only."""
    with pytest.raises(TypeError, match="integer of milliseconds"):
        format_event(retry=retry)


TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n\0\ufeff: "))
LINE = TEXT.map(lambda text: re.sub("[\r\n]", "", text))
FIELDS = st.fixed_dictionaries(
    {"data": TEXT},
    optional={"event": LINE, "id": LINE.map(lambda text: text.replace("\0", "")), "retry": st.integers(0, 10**12 - 1), "comment": TEXT},
)


@given(st.lists(FIELDS, max_size=5), st.data())
def test_round_trip(written: list[Any], data: Any) -> None:
    """What is written is read, cut anywhere; only line ends in data become LF."""
    expected = []
    last = None
    for fields in written:
        last = fields.get("id", last)
        expected.append(E(fields.get("event") or "message", re.sub("\r\n?", "\n", fields["data"]), last, fields.get("retry")))
    stream = b"".join(format_event(**fields) for fields in written)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert parse(*pieces) == expected


def reference(stream: bytes) -> list[SSEEvent]:
    """The specification's own words, one after another, on decoded text."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    events = []
    data = kind = ""
    last: str | None = None
    retry: int | None = None
    for line in re.split("\r\n|\n|\r", text)[:-1]:
        if line == "":
            if data:
                events.append(E(kind or "message", data.removesuffix("\n"), last, retry))
            data, kind, retry = "", "", None
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data += value + "\n"
        elif name == "event":
            kind = value
        elif name == "id" and "\0" not in value:
            last = value
        elif name == "retry" and re.fullmatch("[0-9]+", value):
            retry = int(value)
    return events


ALPHABET = st.sampled_from(
    [
        b"data",
        b"id",
        b"event",
        b"retry",
        b":",
        b" ",
        b"\r",
        b"\n",
        b"\n\n",
        b"\r\n",
        b"12",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xef",
        b"\xc3",
        b"\xa9",
        b"x",
    ]
)


@given(st.lists(ALPHABET, max_size=60))
def test_against_the_specification(parts: list[bytes]) -> None:
    """Cut anywhere, a stream of anything gives the events that the text of the specification gives."""
    expected = reference(b"".join(parts))
    assert parse(*parts) == expected
    assert parse(b"".join(parts)) == expected


@given(st.lists(st.binary(max_size=20)))
def test_any_bytes(parts: list[bytes]) -> None:
    """Nothing else than a limit stops the parser."""
    assert parse(*parts) == reference(b"".join(parts))
