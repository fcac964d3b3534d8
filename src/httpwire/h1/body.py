"""The chunked transfer coding, undone (RFC 9112 §7.1)."""

from __future__ import annotations

import re

from httpwire.errors import ProtocolError
from httpwire.h1.syntax import MAX_LENGTH, Field, Limits

_FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*+([^\x00-\x08\x0a-\x1f\x7f]*+)")


class ChunkedBody:
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
        if self._remaining > MAX_LENGTH:
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
