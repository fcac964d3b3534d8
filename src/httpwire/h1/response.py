"""The client role: responses, read as browsers and curl read them."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import httptools

from httpwire.errors import ProtocolError
from httpwire.h1.message import COMPLETE, HEAD, LENGTH, MessageParser, persists
from httpwire.h1.syntax import CONTROL, DEFAULT_LIMITS, NOTHING, Field, Limits, parse_head
from httpwire.status import has_no_body

_MAX_INFORMATIONAL = 16
_PADDED_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*+(?:;[^\x00-\x08\x0a-\x1f\x7f]*+)?\r\n")
_LENGTH_LINE = re.compile(rb"^content-length:[ \t]*+([0-9]++)[ \t]*+\r\n", re.IGNORECASE | re.MULTILINE)
_BARE_LF = re.compile(rb"(?<!\r)\n")
_FOLD = re.compile(rb"\r\n[ \t]++")
_STARTS = (b"HTTP/1.1 ", b"HTTP/1.0 ")


class ResponseParser(MessageParser):
    """Reads the answers of a server, one for each `expect`.

    Beside the attributes of every message: `status` (0 until the head is known), `reason`, `informational` (status
    and fields of each interim 1xx), `upgraded` (a 101 or a 2xx to CONNECT: `leftover` belongs to the new protocol).
    Accepts what browsers and curl accept from real servers (folded lines, bare LF in the head, equal lengths
    repeated, length beside chunked) and refuses every other fault.
    """

    __slots__ = ("_last_head", "_last_meaning", "_last_method", "_method", "_upgrade", "informational", "reason", "status", "upgraded")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        # A head with a counted body that was understood, and all that followed from it.
        self._last_head = b""
        self._last_method = ""
        self._last_meaning: tuple[int, str, bytes, Collection[Field], dict[bytes, bytes], bool, int] = (0, "", b"", (), NOTHING, False, 0)
        self.expect("GET")

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection. Raises `ProtocolError`; the connection is then beyond use."""
        if self._state == HEAD and self._pending is None:
            if self._last_head and data.startswith(self._last_head) and self._method == self._last_method:
                self._repeat(data)
                return
            if data.startswith(_STARTS):
                # The way of nearly every response: a whole head arrives at once and is well formed.
                end = data.find(b"\r\n\r\n") + 4
                if 3 < end <= self.limits.head:
                    head = data[:end]
                    try:
                        parser, fields = parse_head(httptools.HttpResponseParser, head)
                    except httptools.HttpParserError:
                        pass  # perhaps it ended before, after a bare LF; the long way finds out
                    else:
                        self.started = True
                        self._on_head(head, parser, fields)
                        data = data[end:]
                        if not data:
                            return
        super().feed(data)

    def _repeat(self, data: bytes) -> None:
        """Take over what the same bytes meant the last time: within a second, servers repeat their heads exactly."""
        self.status, self.version, self.reason, self.raw_fields, self.control, self.keep_alive, announced = self._last_meaning
        self.started = True
        self._announced = announced
        self._state = LENGTH
        size = len(data) - len(self._last_head)
        if size == announced:
            self.chunks = [data[-size:]]
            self.buffered = self._received = size
            self._state = COMPLETE
            self.complete = True
        elif size:
            self._feed_counted(data[-size:])

    def expect(self, method: str, *, upgrade: bool = False) -> None:
        """Prepare for the answer to a request with `method`; `upgrade`: whether it asked for another protocol."""
        self._reset()
        self._pending = None
        self._method = method
        self._upgrade = upgrade
        self.status = 0
        self.reason = b""
        self.informational: Sequence[tuple[int, list[Field]]] = ()
        self.upgraded = False

    @property
    def continues(self) -> bool:
        """Whether the server has said 100 (Continue)."""
        return any(status == 100 for status, _ in self.informational)

    def _check_start(self, data: bytes) -> None:
        self.started = True
        if data.startswith(_STARTS) or (len(data) < 9 and any(start.startswith(data) for start in _STARTS)):
            return
        if data[:1] == b"\x00" and len(data) < 4:
            return  # may become the type of an HTTP/2 frame, which is worth the wait
        if data[:1] in (b"\x15", b"\x16"):
            raise ProtocolError("answer is not HTTP/1.1: the server may expect TLS (https://)")
        if data[3:4] == b"\x04" and data[:1] == b"\x00":
            raise ProtocolError("answer is not HTTP/1.1: the server may expect HTTP/2")
        if data.startswith(b"HTTP/"):
            raise ProtocolError(f"unsupported HTTP version in {data[:12]!r}")
        raise ProtocolError(f"answer does not begin with HTTP/1.x: {data[:20]!r}")

    def _take_head(self, head: bytes) -> None:
        try:
            parser, fields = parse_head(httptools.HttpResponseParser, head)
        except httptools.HttpParserError:
            head = self._repair(head)
            parser, fields = self._reparse(head)
        self._on_head(head, parser, fields)

    def _on_head(self, head: bytes, parser: Any, fields: Collection[Field]) -> None:
        status: int = parser.get_status_code()
        if not 100 <= status <= 999:
            raise ProtocolError(f"invalid status code {status:03d}")
        reason = head[13 : head.find(b"\n")].rstrip(b"\r")
        if reason != b"OK" and CONTROL.search(reason):
            raise ProtocolError("control character in the reason phrase")
        self._read_fields(fields, head)
        if status < 200 and status != 101:
            self._on_informational(status)
            return
        self.status = status
        self.version = "1.1" if head[7:8] == b"1" else "1.0"
        self.reason = reason
        self._choose_body()
        if self._announced and not self.informational:
            self._last_head = head
            self._last_method = self._method
            self._last_meaning = (status, self.version, reason, fields, self.control, self.keep_alive, self._announced)

    def _on_informational(self, status: int) -> None:
        self.informational = [*self.informational, (status, self.fields)]
        if len(self.informational) > _MAX_INFORMATIONAL:
            raise ProtocolError(f"more than {_MAX_INFORMATIONAL} interim responses")
        self.raw_fields = ()
        self.control = NOTHING

    def _choose_body(self) -> None:
        control = self.control
        status = self.status
        self.keep_alive = persists(self.version, control[b"connection"]) if b"connection" in control else self.version == "1.1"
        if status == 101:
            if not self._upgrade:
                raise ProtocolError("unexpected upgrade: 101 without a request for it")
            self.upgraded = True
        elif self._method == "CONNECT" and status < 300:
            self.upgraded = True
        if self.upgraded or self._method == "HEAD" or has_no_body(status):
            self._finish(b"")
            return
        if b"transfer-encoding" in control and (b"content-length" in control or self.version == "1.0"):
            # RFC 9112 §6.3: chunked wins, and a connection on which the two disagree is not to be trusted again.
            self.keep_alive = False
        self._read_framing(closes_alone=True, pattern=_PADDED_CHUNK_LINE)

    @staticmethod
    def _repair(head: bytes) -> bytes:
        """The head as browsers would read it: a bare LF is a line end, a fold one space, equal lengths are one."""
        head = _BARE_LF.sub(b"\r\n", head)
        start = head.find(b"\n") + 1  # what follows the status line cannot continue it
        lines = _FOLD.split(head[start:])
        head = head[:start] + b" ".join([line.rstrip(b" \t") for line in lines[:-1]] + lines[-1:])
        lengths = _LENGTH_LINE.findall(head)
        if len(lengths) > 1 and len(set(lengths)) == 1:
            first = _LENGTH_LINE.search(head)
            assert first is not None
            head = head[: first.end()] + _LENGTH_LINE.sub(b"", head[first.end() :])
        return head

    @staticmethod
    def _reparse(head: bytes) -> tuple[Any, Collection[Field]]:
        """Read a repaired head, as strictly as before but for a length beside chunked."""
        try:
            return parse_head(httptools.HttpResponseParser, head, lenient=True)
        except httptools.HttpParserError as exc:
            raise ProtocolError(f"invalid response head: {exc}") from exc
