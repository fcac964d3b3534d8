"""What is made of a stream of bytes: pieces of one size, text, lines. Transforms with `feed` and `flush`; no I/O."""

from __future__ import annotations

import codecs
from typing import Generic, Protocol, TypeVar

__all__ = ["LineSplitter", "Rechunker", "TextDecoder", "Transform"]

T = TypeVar("T")


class Transform(Protocol, Generic[T]):
    """Turns pieces of bytes into items; `is_identity`: the items are the pieces, as they come."""

    is_identity: bool

    def feed(self, data: bytes) -> list[T]: ...

    def flush(self) -> list[T]: ...


class Rechunker:
    """Pieces of exactly `size` bytes, the last one shorter; as they come when `size` is None."""

    def __init__(self, size: int | None) -> None:
        self._size = _checked(size)
        self.is_identity = size is None
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        size = self._size
        if size is None:
            return [data] if data else []
        data = self._rest + data if self._rest else data
        whole = len(data) - len(data) % size
        self._rest = data[whole:]
        return [data[at : at + size] for at in range(0, whole, size)]

    def flush(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


class TextDecoder:
    """Text of an encoding, whole characters only; undecodable bytes become U+FFFD."""

    is_identity = False

    def __init__(self, encoding: str, size: int | None = None) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._size = _checked(size)
        self._rest = ""

    def feed(self, data: bytes) -> list[str]:
        return self._cut(self._decoder.decode(data), final=False)

    def flush(self) -> list[str]:
        return self._cut(self._decoder.decode(b"", True), final=True)

    def _cut(self, text: str, *, final: bool) -> list[str]:
        size = self._size
        if size is None:
            return [text] if text else []
        text = self._rest + text
        whole = len(text) if final else len(text) - len(text) % size
        self._rest = text[whole:]
        return [text[at : at + size] for at in range(0, whole, size)]


def _checked(size: int | None) -> int | None:
    if size is not None and size < 1:
        raise ValueError(f"chunk_size={size} must be at least 1, or None")
    return size


class LineSplitter:
    """Lines ended by LF, CRLF or CR, without their ends; blank lines stay. Linear, however the text is cut."""

    is_identity = False

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._parts: list[str] = []  # of a line that has not ended
        self._after_cr = False

    def feed(self, data: bytes) -> list[str]:
        return self._split(self._decoder.decode(data))

    def flush(self) -> list[str]:
        lines = self._split(self._decoder.decode(b"", True))
        if self._parts:
            lines.append("".join(self._parts))
            self._parts = []
        return lines

    def _split(self, text: str) -> list[str]:
        if self._after_cr and text:
            # The CR before has ended its line; an LF right behind it belongs to that end.
            text = text.removeprefix("\n")
            self._after_cr = False
        if not text:
            return []
        self._after_cr = text.endswith("\r")
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._parts.append(lines[0])
        if len(lines) == 1:
            return []
        lines[0] = "".join(self._parts)
        rest = lines.pop()
        self._parts = [rest] if rest else []
        return lines
