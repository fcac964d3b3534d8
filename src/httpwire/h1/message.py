"""What both roles share: finding the end of the head, and the body behind it."""

from __future__ import annotations

import re
from collections.abc import Collection

from httpwire.buffer import ReceiveBuffer, head_end
from httpwire.errors import IncompleteMessage, ProtocolError
from httpwire.h1.body import ChunkedBody
from httpwire.h1.syntax import _OTHER, DEFAULT_LIMITS, MAX_LENGTH, NOTHING, Field, Limits, _classify, _spellings

_READ_AHEAD = 16  # bytes that show whether a peer speaks HTTP at all
# What to do with the next byte.
HEAD, LENGTH, CHUNKED, UNTIL_EOF, COMPLETE = range(5)


class MessageParser:
    """What both roles share: finding the end of the head, and the body behind it.

    Attributes: `chunks` holds body pieces not taken yet and `buffered` their size; `complete` says that the message
    has ended; `leftover` is what followed it; `trailers` are the fields after a chunked body, once that is complete.
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
        "trailers",
        "version",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._pending: ReceiveBuffer | None = None
        self._reset()

    def _reset(self) -> None:
        self._state = HEAD
        self._announced: int | None = None
        self._chunked: ChunkedBody | None = None
        self._received = 0
        self.trailers: list[Field] = []
        self.raw_fields: Collection[Field] = ()
        self.control: dict[bytes, bytes] = NOTHING
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
        if state == HEAD:
            self._feed_head(data)
        elif state == COMPLETE:
            self.leftover += data
        elif state == LENGTH:
            self._feed_counted(data)
        elif state == CHUNKED:
            self._feed_chunked(data)
        else:
            self._keep(data)

    def feed_eof(self) -> None:
        """The peer has ended its side. Completes a body that runs to the end, raises for any other open message."""
        if self._state == UNTIL_EOF:
            self._finish(b"")
        elif self._state == HEAD:
            if self.started:
                raise ProtocolError("connection closed inside the message head")
        elif self._state != COMPLETE:
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
            self._chunked = ChunkedBody(self.limits, pattern)
            self.trailers = self._chunked.trailers
            self._state = CHUNKED
        elif length is not None:
            announced = int(length)
            if announced > MAX_LENGTH:
                raise ProtocolError("Content-Length is larger than 2**63-1")
            self._announced = announced
            self._state = LENGTH
            if not announced:
                self._finish(b"")
        elif closes_alone:
            self._state = UNTIL_EOF
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
        self._state = COMPLETE
        self.complete = True
        self.leftover = leftover


def persists(version: str, connection: bytes | None) -> bool:
    """Whether the connection stays open by default or by option (RFC 9112 §9.3)."""
    if connection == b"keep-alive":
        return True
    if connection is None:
        return version == "1.1"
    options = [option.strip(b" \t") for option in connection.lower().split(b",")]
    if b"close" in options:
        return False
    return version == "1.1" or b"keep-alive" in options
