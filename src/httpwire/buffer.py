"""Bytes that wait for their delimiter. Knows no HTTP; every search goes over each byte a bounded number of times."""

from __future__ import annotations

__all__ = ["ReceiveBuffer"]


class ReceiveBuffer:
    """Collects what arrives until a delimiter is complete, in time linear in the input, however it is cut."""

    __slots__ = ("_data", "_searched")

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0

    def __len__(self) -> int:
        return len(self._data)

    def __iadd__(self, data: bytes) -> ReceiveBuffer:
        self._data += data
        return self

    def peek(self, count: int) -> bytes:
        """The first `count` bytes, left in place."""
        return bytes(self._data[:count])

    def take(self, count: int) -> bytes:
        """Remove and return the first `count` bytes."""
        taken = bytes(self._data[:count])
        del self._data[:count]
        self._searched = 0
        return taken

    def take_all(self) -> bytes:
        """Remove and return everything."""
        return self.take(len(self._data))

    def find_head_end(self) -> int:
        """Offset just past the empty line that ends a message head, or -1 (see `head_end`)."""
        end = head_end(self._data, max(0, self._searched - 3))
        if end < 0:
            self._searched = len(self._data)
        return end


def head_end(data: bytes | bytearray, start: int = 0) -> int:
    """Offset just past the first empty line of `data`, or -1.

    Both CRLF and a bare LF end a line here; whether the bare one is acceptable is for the parser of the head to say.
    """
    crlf = data.find(b"\n\r\n", start)
    bare = data.find(b"\n\n", start, crlf + 2 if crlf >= 0 else len(data))
    if bare >= 0:
        return bare + 2
    return crlf + 3 if crlf >= 0 else -1
