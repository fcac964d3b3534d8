"""Server-sent events, read and written (WHATWG HTML §9.2). Knows no connections and no waiting: bytes and events only."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from httpwire.errors import ProtocolError

__all__ = ["MAX_EVENT_SIZE", "EventParser", "SSEEvent", "format_event"]

MAX_EVENT_SIZE = 16 << 20  # bytes; pictures come as one line of base64, so a line may be as long as a WebSocket message
_MAX_RETRY = 10**12 - 1  # milliseconds, thirty years: what more digits say fits no clock
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile("\r\n|\r|\n")
_NOT_IN_A_LINE = re.compile("[\r\n]")


class SSEEvent(NamedTuple):
    """One event of a stream.

    Attributes:
        event: its type.
        data: its text, lines joined by LF.
        id: the last id that the stream named up to here, this event included; None where there was none.
        retry: milliseconds to wait before reconnecting, where this event named them.
    """

    event: str = "message"
    data: str = ""
    id: str | None = None
    retry: int | None = None


class EventParser:
    """Events out of the bytes of one stream, however they are cut.

    Args:
        last_event_id: the one to begin with, after a reconnection.
        max_size: bytes that one line, and the data of one event, may have.

    Attributes: `last_event_id` and `retry` (milliseconds, None until the stream names some), as of the event that was
    taken last.
    """

    def __init__(self, last_event_id: str | None = None, *, max_size: int = MAX_EVENT_SIZE) -> None:
        self.last_event_id = last_event_id
        self.retry: int | None = None
        self._max_size = max_size
        self._start: bytes | None = b""  # until it is known whether the stream begins with a BOM
        self._after_cr = False
        self._partial = bytearray()  # of a line that has not ended
        self._id = last_event_id
        self._event = ""
        self._data: list[bytes] = []
        self._size = 0
        self._event_retry: int | None = None

    def feed(self, data: bytes) -> Iterator[SSEEvent]:
        """The events that these bytes complete, parsed as they are taken: take all before the next bytes.

        What an unfinished event holds when the stream ends is lost, as the specification wants it.

        Raises:
            ProtocolError: a line or an event is larger than `max_size`.
        """
        if self._start is not None:
            data = self._start + data
            if len(data) < len(_BOM) and _BOM.startswith(data):
                self._start = data
                return
            self._start = None
            data = data.removeprefix(_BOM)
        if self._after_cr and data:
            # The CR before has ended its line; an LF right behind it belongs to that end.
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if not data:
            return
        self._after_cr = data.endswith(b"\r")
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        rest = lines.pop()
        if lines and self._partial:
            lines[0] = bytes(self._partial + lines[0])
            self._partial.clear()
        for line in lines:
            if len(line) > self._max_size:
                raise self._too_large("a line")
            if not line:
                event = self._dispatch()
                if event is not None:
                    yield event
            else:
                self._take(line)
        self._partial += rest
        if len(self._partial) > self._max_size:
            raise self._too_large("a line")

    def _take(self, line: bytes) -> None:
        """One field; a comment is one without a name."""
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            if self._size + len(value) > self._max_size:
                raise self._too_large("the data of an event")
            self._size += len(value) + 1
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():
            digits = value.lstrip(b"0")[:13] or b"0"
            self.retry = self._event_retry = min(int(digits), _MAX_RETRY)

    def _dispatch(self) -> SSEEvent | None:
        """The event that an empty line ends; None for one without data, of which only the id counts."""
        self.last_event_id = self._id
        event, data, retry = self._event, self._data, self._event_retry
        self._event, self._data, self._size, self._event_retry = "", [], 0, None
        if not data:
            return None
        return SSEEvent(event or "message", b"\n".join(data).decode("utf-8", "replace"), self._id, retry)

    def _too_large(self, what: str) -> ProtocolError:
        return ProtocolError(f"event stream: {what} is larger than {self._max_size} bytes")


def format_event(
    data: str | None = None, *, event: str | None = None, id: str | None = None, retry: int | None = None, comment: str | None = None
) -> bytes:
    """The bytes of one event, its empty line included; what is None is left out.

    Without `data` readers take notice of `id` and `retry` but dispatch no event; a `comment` alone keeps a connection
    alive. In `data` and `comment`, CR, LF and CRLF all end lines, and come out as LF.

    Args:
        retry: milliseconds.

    Raises:
        ValueError: a line end in `event` or `id`, NUL in `id`, a negative `retry`, a lone surrogate.
        TypeError: `retry` is not an integer.
    """
    lines: list[str] = []
    if comment is not None:
        lines += [f": {line}" for line in _LINE_END.split(comment)]
    if event is not None:
        lines.append(f"event: {_one_line('event', event)}")
    if data is not None:
        lines += [f"data: {line}" for line in _LINE_END.split(data)]
    if id is not None:
        if "\0" in id:
            raise ValueError("id of an event: NUL is not allowed, readers would ignore the id")
        lines.append(f"id: {_one_line('id', id)}")
    if retry is not None:
        if isinstance(retry, bool) or not isinstance(retry, int):
            raise TypeError(f"retry of an event takes an integer of milliseconds, not {type(retry).__name__}")
        if retry < 0:
            raise ValueError(f"retry={retry} of an event must not be negative")
        lines.append(f"retry: {retry}")
    return "\n".join([*lines, "", ""]).encode()


def _one_line(name: str, value: str) -> str:
    if _NOT_IN_A_LINE.search(value):
        raise ValueError(f"{name} of an event: line ends are not allowed")
    return value
