"""HTTP/1.1 messages, read and written, for both roles (RFC 9112).

llhttp reads the head; what a head means for the body, and where a message ends, is decided here, because a parser
that sees one direction of a connection cannot know it (HEAD, CONNECT, upgrades, bytes after the end). Knows no
sockets and no time: `feed` takes bytes, attributes say what is known so far.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import httptools

from httpwire.buffer import ReceiveBuffer, head_end
from httpwire.errors import IncompleteMessage, InvalidHeader, ProtocolError
from httpwire.status import has_no_body, reason_phrase

__all__ = [
    "LAST_CHUNK",
    "Field",
    "Limits",
    "RequestParser",
    "ResponseParser",
    "encode_chunk",
    "encode_fields",
    "encode_last_chunk",
    "encode_request_head",
    "encode_response_head",
]

Field = tuple[bytes, bytes]

_MAX_LENGTH = 2**63 - 1
_MAX_INFORMATIONAL = 16
_READ_AHEAD = 16  # bytes that show whether a peer speaks HTTP at all

# Fields that decide framing, reuse and decoding. Only these are looked at while a head is read.
_CONTROL_FIELDS = frozenset(
    (b"connection", b"content-length", b"transfer-encoding", b"content-encoding", b"upgrade", b"host", b"expect", b"keep-alive")
)
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*+([^\x00-\x08\x0a-\x1f\x7f]*+)")
_FIELD_BLOCK = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n)*+")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*+;[^\x00-\x08\x0a-\x1f\x7f]*+)?\r\n")
_PADDED_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*+(?:;[^\x00-\x08\x0a-\x1f\x7f]*+)?\r\n")
_LENGTH_LINE = re.compile(rb"^content-length:[ \t]*+([0-9]++)[ \t]*+\r\n", re.IGNORECASE | re.MULTILINE)
_BARE_LF = re.compile(rb"(?<!\r)\n")
_FOLD = re.compile(rb"\r\n[ \t]++")
_EMPTY_LINES = re.compile(rb"(?:\r\n)++")
_HOST_NAME = rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)"
_HOST = re.compile(_HOST_NAME + rb"(?::[0-9]{0,5})?")
_AUTHORITY_FORM = re.compile(_HOST_NAME + rb":[0-9]{1,5}")
_ABSOLUTE_FORM = re.compile(rb"(?i:https?)://" + _HOST_NAME + rb"(?::[0-9]{0,5})?(?:[/?].*)?")
_TARGET = re.compile(rb"[\x21\x22\x24-\x7e]+")  # visible ASCII without "#": a fragment is never sent
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]\r?\n")
_REQUEST_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++ [\x21\x22\x24-\x7e]++ HTTP/1\.1\r\n")

_STARTS = (b"HTTP/1.1 ", b"HTTP/1.0 ")
_NOTHING: dict[bytes, bytes] = {}

# What to do with the next byte.
_HEAD, _LENGTH, _CHUNKED, _UNTIL_EOF, _COMPLETE = range(5)


class Limits(NamedTuple):
    """How much a peer may send before the body, in bytes unless said otherwise."""

    head: int = 65536  # start line plus fields; the trailer section has the same allowance
    line: int = 65536  # a single line of the head
    count: int = 256  # type: ignore[assignment]  # number of fields; hides the method of tuple
    chunk_line: int = 4096  # chunk size with extensions


DEFAULT_LIMITS = Limits()


class _Callbacks:
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


def _parse(parser_class: Any, head: bytes, *, lenient: bool = False) -> tuple[Any, Collection[Field]]:
    """The llhttp parser after it has read a head, and the fields. Raises `HttpParserError`."""
    callbacks = _Callbacks()
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


class _ChunkedBody:
    """Undoes the chunked transfer coding (RFC 9112 §7.1). `done` once the trailer section has ended."""

    __slots__ = ("_limits", "_line", "_pattern", "_remaining", "_trailer_size", "_want_crlf", "done", "in_trailers", "trailers")

    def __init__(self, limits: Limits, pattern: re.Pattern[bytes]) -> None:
        self._limits = limits
        self._pattern = pattern
        self._line = bytearray()  # a line that has not ended yet
        self._remaining = 0
        self._want_crlf = False
        self._trailer_size = 0
        self.in_trailers = False
        self.done = False
        self.trailers: list[Field] = []

    def feed(self, data: bytes, out: list[bytes]) -> bytes:
        """Append the payload in `data` to `out`; return what follows the end of the body."""
        if self._line:
            if not self._want_crlf and b"\n" not in data:
                # Joining and searching it again for every piece would make a long line cost its square.
                self._line += data
                self._check_line(len(self._line))
                return b""
            data = bytes(self._line) + data
            self._line.clear()
        at, size = 0, len(data)
        while at < size and not self.done:
            if self._remaining:
                piece = data[at : at + self._remaining]
                out.append(piece)
                at += len(piece)
                self._remaining -= len(piece)
                self._want_crlf = not self._remaining
            elif self._want_crlf:
                if size - at < 2 and data[at : at + 1] == b"\r":
                    break
                if data[at : at + 2] != b"\r\n":
                    raise ProtocolError("chunk data is not followed by CRLF")
                at += 2
                self._want_crlf = False
            else:
                end = data.find(b"\n", at) + 1
                self._check_line((end or size) - at)
                if not end:
                    break
                self._on_line(data[at:end])
                at = end
        rest = data[at:]
        if self.done:
            return rest
        self._line += rest
        return b""

    def _check_line(self, size: int) -> None:
        if self.in_trailers:
            if size > self._limits.head:
                raise ProtocolError(f"trailer line is longer than {self._limits.head} bytes", status=431)
        elif size > self._limits.chunk_line:
            raise ProtocolError(f"chunk size line is longer than {self._limits.chunk_line} bytes")

    def _on_line(self, line: bytes) -> None:
        if self.in_trailers:
            self._on_trailer(line)
            return
        match = self._pattern.fullmatch(line)
        if match is None:
            raise ProtocolError(f"invalid chunk size line {line[:40]!r}")
        self._remaining = int(match[1], 16)
        if self._remaining > _MAX_LENGTH:
            raise ProtocolError("chunk size is larger than 2**63-1")
        self.in_trailers = not self._remaining

    def _on_trailer(self, line: bytes) -> None:
        if line == b"\r\n":
            self.done = True
            return
        self._trailer_size += len(line)
        if self._trailer_size > self._limits.head:
            raise ProtocolError(f"trailers are larger than {self._limits.head} bytes", status=431)
        if len(self.trailers) >= self._limits.count:
            raise ProtocolError(f"more than {self._limits.count} trailer fields", status=431)
        match = _FIELD_LINE.fullmatch(line[:-2]) if line.endswith(b"\r\n") else None
        if match is None:
            raise ProtocolError("invalid trailer field line")
        self.trailers.append((match[1], match[2].rstrip(b" \t")))


class _MessageParser:
    """What both roles share: finding the end of the head, and the body behind it.

    Attributes: `chunks` holds body pieces not taken yet and `buffered` their size; `complete` says that the message
    has ended; `leftover` is what followed it.
    """

    __slots__ = (
        "_announced",
        "_chunked",
        "_pending",
        "_received",
        "_state",
        "buffered",
        "chunks",
        "complete",
        "control",
        "keep_alive",
        "leftover",
        "limits",
        "raw_fields",
        "started",
        "version",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._pending: ReceiveBuffer | None = None
        self._reset()

    def _reset(self) -> None:
        self._state = _HEAD
        self._announced: int | None = None
        self._chunked: _ChunkedBody | None = None
        self._received = 0
        self.raw_fields: Collection[Field] = ()
        self.control: dict[bytes, bytes] = _NOTHING
        self.version = ""
        self.chunks: list[bytes] = []
        self.buffered = 0
        self.complete = False
        self.keep_alive = False
        self.leftover = b""
        self.started = False

    @property
    def fields(self) -> list[Field]:
        """The header fields in order, names as received, values without white space around them."""
        return [(name, value.rstrip(b" \t")) for name, value in self.raw_fields]

    @property
    def content_length(self) -> int | None:
        """The announced body length in bytes, None where there is none."""
        return self._announced

    @property
    def trailers(self) -> list[Field]:
        """The fields after a chunked body, complete once `complete` is true."""
        return self._chunked.trailers if self._chunked is not None else []

    def take(self) -> bytes:
        """Remove and return the body bytes that have arrived."""
        chunks = self.chunks
        if not chunks:
            return b""
        data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self.chunks = []
        self.buffered = 0
        return data

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection. Raises `ProtocolError`; the connection is then beyond use."""
        state = self._state
        if state == _HEAD:
            self._feed_head(data)
        elif state == _COMPLETE:
            self.leftover += data
        elif state == _LENGTH:
            self._feed_counted(data)
        elif state == _CHUNKED:
            self._feed_chunked(data)
        else:
            self._keep(data)

    def feed_eof(self) -> None:
        """The peer has ended its side. Completes a body that runs to the end, raises for any other open message."""
        if self._state == _UNTIL_EOF:
            self._finish(b"")
        elif self._state == _HEAD:
            if self.started:
                raise ProtocolError("connection closed inside the message head")
        elif self._state != _COMPLETE:
            raise IncompleteMessage(self._received, self._announced)

    def _feed_head(self, data: bytes) -> None:
        if not data:
            return
        pending = self._pending
        if pending is None:
            self._check_start(data)
            end = head_end(data)
            if end < 0:
                self._pending = ReceiveBuffer()
                self._pending += data
                self._check_pending(self._pending, len(data))
                return
            self._split_head(data, end)
            return
        pending += data
        if len(pending) - len(data) < _READ_AHEAD:
            self._check_start(pending.peek(_READ_AHEAD))
        end = pending.find_head_end()
        if end < 0:
            self._check_pending(pending, len(data))
            return
        self._pending = None
        self._split_head(pending.take_all(), end)

    def _check_pending(self, pending: ReceiveBuffer, added: int) -> None:
        """Hold the limits on a head whose end is not in sight; its last `added` bytes are new."""
        if len(pending) > self.limits.head:
            raise self._too_large()

    def _too_large(self) -> ProtocolError:
        return ProtocolError(f"message head is larger than {self.limits.head} bytes", status=431)

    def _split_head(self, data: bytes, end: int) -> None:
        if end > self.limits.head:
            raise self._too_large()
        self.started = True
        rest = data[end:]
        self._take_head(data[:end] if rest else data)
        if rest:
            self.feed(rest)

    def _check_start(self, data: bytes) -> None:
        raise NotImplementedError  # pragma: no cover - each role has its own

    def _take_head(self, head: bytes) -> None:
        raise NotImplementedError  # pragma: no cover - each role has its own

    def _read_fields(self, fields: Collection[Field], head: bytes) -> None:
        """Keep what llhttp found, after the checks that it leaves to its user."""
        limits = self.limits
        if len(fields) > limits.count:
            raise ProtocolError(f"more than {limits.count} header fields", status=431)
        if limits.line < len(head) and max(map(len, head.split(b"\n"))) > limits.line:
            raise ProtocolError(f"a header line is longer than {limits.line} bytes", status=431)
        control: dict[bytes, bytes] = {}
        spelled = _spellings.get
        for name, value in fields:
            key = spelled(name) or _classify(name)
            if key is not _OTHER:
                value = value.rstrip(b" \t")
                control[key] = control[key] + b", " + value if key in control else value
        self.raw_fields = fields
        self.control = control

    def _read_framing(self, *, closes_alone: bool, pattern: re.Pattern[bytes]) -> None:
        """Choose how the body ends (RFC 9112 §6.3); `closes_alone`: a body without framing runs to the end."""
        control = self.control
        coding = control.get(b"transfer-encoding")
        length = control.get(b"content-length")
        if coding is not None:
            self._check_transfer_coding(coding)
            self._chunked = _ChunkedBody(self.limits, pattern)
            self._state = _CHUNKED
        elif length is not None:
            announced = int(length)
            if announced > _MAX_LENGTH:
                raise ProtocolError("Content-Length is larger than 2**63-1")
            self._announced = announced
            self._state = _LENGTH
            if not announced:
                self._finish(b"")
        elif closes_alone:
            self._state = _UNTIL_EOF
            self.keep_alive = False
        else:
            self._finish(b"")

    @staticmethod
    def _check_transfer_coding(value: bytes) -> None:
        codings = [item.strip(b" \t").lower() for item in value.split(b",")]
        if codings == [b"chunked"]:
            return
        if codings[-1] != b"chunked":
            raise ProtocolError("Transfer-Encoding does not end in chunked")
        if codings.count(b"chunked") > 1:
            raise ProtocolError("Transfer-Encoding names chunked more than once")
        raise ProtocolError("unsupported transfer coding", status=501)

    def _feed_counted(self, data: bytes) -> None:
        assert self._announced is not None
        missing = self._announced - self._received
        if len(data) < missing:
            self._keep(data)
        elif len(data) == missing:
            self._keep(data)
            self._finish(b"")
        else:
            self._keep(data[:missing])
            self._finish(data[missing:])

    def _feed_chunked(self, data: bytes) -> None:
        chunked = self._chunked
        assert chunked is not None
        before = len(self.chunks)
        leftover = chunked.feed(data, self.chunks)
        size = sum(map(len, self.chunks[before:]))
        self.buffered += size
        self._received += size
        if chunked.done:
            self._finish(leftover)

    def _keep(self, data: bytes) -> None:
        self.chunks.append(data)
        self.buffered += len(data)
        self._received += len(data)

    def _finish(self, leftover: bytes) -> None:
        self._state = _COMPLETE
        self.complete = True
        self.leftover = leftover


def _persists(version: str, connection: bytes | None) -> bool:
    """Whether the connection stays open by default or by option (RFC 9112 §9.3)."""
    if connection is None:
        return version == "1.1"
    options = [option.strip(b" \t") for option in connection.lower().split(b",")]
    if b"close" in options:
        return False
    return version == "1.1" or b"keep-alive" in options


class _Repeatable(NamedTuple):
    """A head that was understood, with all that follows from it for a response with a counted body."""

    head: bytes
    method: str
    status: int
    version: str
    reason: bytes
    fields: Collection[Field]
    control: dict[bytes, bytes]
    keep_alive: bool
    announced: int


class ResponseParser(_MessageParser):
    """Reads the answers of a server, one for each `expect`.

    Beside the attributes of every message: `status` (0 until the head is known), `reason`, `informational` (status
    and fields of each interim 1xx), `upgraded` (a 101 or a 2xx to CONNECT: `leftover` belongs to the new protocol).
    Accepts what browsers and curl accept from real servers (folded lines, bare LF in the head, equal lengths
    repeated, length beside chunked) and refuses every other fault.
    """

    __slots__ = ("_method", "_repeated", "_upgrade", "informational", "reason", "status", "upgraded")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self._repeated: _Repeatable | None = None
        self.expect("GET")

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection. Raises `ProtocolError`; the connection is then beyond use."""
        if self._state == _HEAD and self._pending is None:
            repeated = self._repeated
            if repeated is not None and data.startswith(repeated.head) and self._method == repeated.method:
                self._repeat(repeated, data)
                return
            if data.startswith(_STARTS):
                # The way of nearly every response: a whole head arrives at once and is well formed.
                end = data.find(b"\r\n\r\n") + 4
                if 3 < end <= self.limits.head:
                    head = data[:end]
                    try:
                        parser, fields = _parse(httptools.HttpResponseParser, head)
                    except httptools.HttpParserError:
                        pass  # perhaps it ended before, after a bare LF; the long way finds out
                    else:
                        self.started = True
                        self._on_head(head, parser, fields)
                        data = data[end:]
                        if not data:
                            return
        super().feed(data)

    def _repeat(self, before: _Repeatable, data: bytes) -> None:
        """Take over what the same bytes meant the last time: within a second, servers repeat their heads exactly."""
        self.started = True
        self.status = before.status
        self.version = before.version
        self.reason = before.reason
        self.raw_fields = before.fields
        self.control = before.control
        self.keep_alive = before.keep_alive
        self._announced = before.announced
        self._state = _LENGTH
        size = len(data) - len(before.head)
        if size == before.announced:
            self.chunks = [data[-size:]]
            self.buffered = self._received = size
            self._state = _COMPLETE
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
            parser, fields = _parse(httptools.HttpResponseParser, head)
        except httptools.HttpParserError:
            head = self._repair(head)
            parser, fields = self._reparse(head)
        self._on_head(head, parser, fields)

    def _on_head(self, head: bytes, parser: Any, fields: Collection[Field]) -> None:
        status: int = parser.get_status_code()
        if not 100 <= status <= 999:
            raise ProtocolError(f"invalid status code {status:03d}")
        reason = head[13 : head.find(b"\n")].rstrip(b"\r")
        if reason != b"OK" and _CONTROL.search(reason):
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
            self._repeated = _Repeatable(
                head, self._method, status, self.version, reason, fields, self.control, self.keep_alive, self._announced
            )

    def _on_informational(self, status: int) -> None:
        self.informational = [*self.informational, (status, self.fields)]
        if len(self.informational) > _MAX_INFORMATIONAL:
            raise ProtocolError(f"more than {_MAX_INFORMATIONAL} interim responses")
        self.raw_fields = ()
        self.control = _NOTHING

    def _choose_body(self) -> None:
        control = self.control
        status = self.status
        self.keep_alive = _persists(self.version, control[b"connection"]) if b"connection" in control else self.version == "1.1"
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
            return _parse(httptools.HttpResponseParser, head, lenient=True)
        except httptools.HttpParserError as exc:
            raise ProtocolError(f"invalid response head: {exc}") from exc


class RequestParser(_MessageParser):
    """Reads the requests of a client, strictly: whatever two implementations could read differently is refused.

    Beside the attributes of every message: `method`, `target`, `upgrade` (asks for another protocol). After a
    complete message call `next_message`; pipelined bytes are kept.
    """

    __slots__ = ("method", "target", "upgrade")

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        super().__init__(limits)
        self._clear()

    def _clear(self) -> None:
        self.method = ""
        self.target = b""
        self.upgrade = False

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1)."""
        return self.control.get(b"expect", b"").lower() == b"100-continue" and self.version == "1.1"

    def next_message(self) -> None:
        """Go on with the next request, whose first bytes may be here already."""
        if not self.complete:
            raise RuntimeError("the current request has not ended")
        leftover = self.leftover
        self._reset()
        self._clear()
        if leftover:
            self.feed(leftover)

    def _feed_head(self, data: bytes) -> None:
        if self._pending is None and not self.started:
            # RFC 9112 §2.2: a client may send an empty line after a body; nothing else is skipped.
            empty = _EMPTY_LINES.match(data)
            if empty is not None:
                data = data[empty.end() :]
            if data == b"\r":
                self._pending = ReceiveBuffer()
                self._pending += data
                return
        elif self._pending is not None and not self.started:
            data = self._pending.take_all() + data
            self._pending = None
            self._feed_head(data)
            return
        if data:
            super()._feed_head(data)

    def _check_start(self, data: bytes) -> None:
        self.started = True
        if data.startswith(b"PRI * HTTP/2"):
            raise ProtocolError("HTTP/2 is not spoken here", status=505)
        if not _TOKEN.match(data[:1]):
            raise ProtocolError("request does not begin with a method")

    def _check_pending(self, pending: ReceiveBuffer, added: int) -> None:
        # Only the piece that crosses the limit is worth the look.
        if len(pending) > self.limits.line >= len(pending) - added:
            self._check_line(pending.peek(self.limits.line))
        super()._check_pending(pending, added)

    def _split_head(self, data: bytes, end: int) -> None:
        if end > self.limits.line:
            self._check_line(data[: self.limits.line])
        super()._split_head(data, end)

    def _check_line(self, start: bytes) -> None:
        if b"\n" not in start:
            raise ProtocolError(f"request line is longer than {self.limits.line} bytes", status=414)

    def _take_head(self, head: bytes) -> None:
        line_end = head.find(b"\n") + 1
        method, _, rest = head.partition(b" ")
        if not _TOKEN.fullmatch(method):
            raise ProtocolError("invalid method")
        target, _, tail = rest[: line_end - len(method) - 1].rpartition(b" ")
        if tail != b"HTTP/1.1\r\n" and tail != b"HTTP/1.0\r\n":
            if _VERSION.fullmatch(tail) and tail[5:8] not in (b"1.0", b"1.1"):
                raise ProtocolError(f"unsupported HTTP version {tail[5:8].decode()}", status=505)
            raise ProtocolError("invalid request line")
        if not _TARGET.fullmatch(target):
            raise ProtocolError("invalid request target")
        try:
            # llhttp knows a fixed list of methods; any token is a method (RFC 9110 §9.1), so it reads a known one.
            parser, fields = _parse(httptools.HttpRequestParser, (b"CONNECT " if method == b"CONNECT" else b"POST ") + rest)
        except httptools.HttpParserError as exc:
            raise ProtocolError(f"invalid request head: {exc}") from exc
        self._read_fields(fields, head)
        self.method = method.decode("ascii")
        self.target = target
        self.version = parser.get_http_version()
        self._check_host(fields)
        self._check_target()
        self._choose_body()

    def _check_host(self, fields: Collection[Field]) -> None:
        hosts = [value for name, value in fields if name.lower() == b"host"]
        if len(hosts) > 1:
            raise ProtocolError("more than one Host field")
        if not hosts:
            if self.version == "1.1":
                raise ProtocolError("missing Host field")
        elif not _HOST.fullmatch(hosts[0].strip(b" \t")):
            raise ProtocolError("invalid Host field")

    def _check_target(self) -> None:
        target, method = self.target, self.method
        if method == "CONNECT":
            valid = _AUTHORITY_FORM.fullmatch(target) is not None
        elif target.startswith(b"/"):
            valid = True
        else:
            valid = _ABSOLUTE_FORM.fullmatch(target) is not None or (target == b"*" and method == "OPTIONS")
        if not valid:
            raise ProtocolError("invalid request target")

    def _choose_body(self) -> None:
        control = self.control
        self.keep_alive = _persists(self.version, control.get(b"connection"))
        self.upgrade = self.method == "CONNECT"
        if b"upgrade" in control:
            options = control.get(b"connection", b"").lower().split(b",")
            self.upgrade = self.upgrade or b"upgrade" in [option.strip(b" \t") for option in options]
        if b"transfer-encoding" in control:
            if b"content-length" in control:  # pragma: no cover - llhttp refuses it first, but too much hangs on it
                raise ProtocolError("both Transfer-Encoding and Content-Length")
            if self.version == "1.0":
                raise ProtocolError("Transfer-Encoding in an HTTP/1.0 request")
        if self.method == "CONNECT":
            if b"transfer-encoding" in control or int(control.get(b"content-length", b"0")):
                # Content for one reader, bytes of the tunnel or the next request for another.
                raise ProtocolError("body in a CONNECT request")
            self._finish(b"")
            return
        self._read_framing(closes_alone=False, pattern=_CHUNK_LINE)


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
    if not 100 <= status <= 999 or _CONTROL.search(phrase):
        raise InvalidHeader("invalid status code or reason phrase")
    return b"HTTP/1.1 %d %b\r\n" % (status, phrase) + encode_fields(fields) + b"\r\n"


def encode_chunk(data: bytes) -> bytes:
    """One chunk; an empty one would end the body, so it becomes nothing."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""


def encode_last_chunk(trailers: Sequence[Field] = ()) -> bytes:
    """The end of a chunked body."""
    return b"0\r\n" + encode_fields(trailers) + b"\r\n"
