"""Whether a socket can be read or written now: one system call, no selector kept."""

from __future__ import annotations

import select

__all__ = ["is_readable", "wait_writable"]

if hasattr(select, "poll"):

    def is_readable(fileno: int) -> bool:
        """Whether bytes, an end or an error wait to be read."""
        poll = select.poll()
        poll.register(fileno, select.POLLIN)
        return bool(poll.poll(0))

    def wait_writable(fileno: int, seconds: float | None) -> tuple[bool, bool]:
        """Wait until it can be written or there is something to read: (readable, writable)."""
        poll = select.poll()
        poll.register(fileno, select.POLLIN | select.POLLOUT)
        events = poll.poll(None if seconds is None else seconds * 1000)
        mask = events[0][1] if events else 0
        return bool(mask & ~select.POLLOUT), bool(mask & select.POLLOUT)

else:

    def is_readable(fileno: int) -> bool:
        """Whether bytes, an end or an error wait to be read."""
        return bool(select.select([fileno], [], [], 0)[0])

    def wait_writable(fileno: int, seconds: float | None) -> tuple[bool, bool]:
        """Wait until it can be written or there is something to read: (readable, writable)."""
        readable, writable, _ = select.select([fileno], [fileno], [], seconds)
        return bool(readable), bool(writable)
