"""What the system can be asked of one socket: whether it is ready, and to limit how long a call takes."""

from __future__ import annotations

import select
import socket
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

__all__ = ["Ask", "asker", "is_readable", "limit_call", "receive_now", "send_now", "wait_readable", "wait_writable"]

_WINDOWS = sys.platform == "win32"
Ask = Callable[[], Any]  # gives something true when there is something to read


def limit_call(sock: socket.socket, option: int, seconds: float | None) -> None:
    """Limit each receiving (SO_RCVTIMEO) or sending (SO_SNDTIMEO) call; None: no limit. Beyond it: `BlockingIOError`."""
    if _WINDOWS:
        value = struct.pack("@L", 0 if seconds is None else max(1, round(seconds * 1000)))
    else:
        micros = 0 if seconds is None else max(1, round(seconds * 1_000_000))
        value = struct.pack("@ll", *divmod(micros, 1_000_000))
    sock.setsockopt(socket.SOL_SOCKET, option, value)


def receive_now(sock: socket.socket, count: int) -> bytes:
    """What a blocking socket has already; `BlockingIOError` when that is nothing."""
    flag = getattr(socket, "MSG_DONTWAIT", 0)
    if flag:
        return sock.recv(count, flag)
    sock.setblocking(False)
    try:
        return sock.recv(count)
    finally:
        sock.setblocking(True)


def send_now(sock: socket.socket, data: bytes | memoryview) -> int:
    """Send as much as a blocking socket takes at once, in bytes; 0 where it takes nothing."""
    flag = getattr(socket, "MSG_DONTWAIT", 0)
    try:
        if flag:
            return sock.send(data, flag)
        sock.setblocking(False)
        try:
            return sock.send(data)
        finally:
            sock.setblocking(True)
    except BlockingIOError:
        return 0


if hasattr(select, "poll"):

    def asker(fileno: int) -> Ask:
        """A question that can be asked again and again, at the cost of one system call."""
        poll = select.poll()
        poll.register(fileno, select.POLLIN)
        return partial(poll.poll, 0)

    def is_readable(fileno: int) -> bool:
        """Whether bytes, an end or an error wait to be read."""
        poll = select.poll()
        poll.register(fileno, select.POLLIN)
        return bool(poll.poll(0))

    def wait_readable(fileno: int, seconds: float) -> bool:
        """Wait until there is something to read."""
        poll = select.poll()
        poll.register(fileno, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def wait_writable(fileno: int, seconds: float | None) -> tuple[bool, bool]:
        """Wait until it can be written or there is something to read: (readable, writable)."""
        poll = select.poll()
        poll.register(fileno, select.POLLIN | select.POLLOUT)
        events = poll.poll(None if seconds is None else seconds * 1000)
        mask = events[0][1] if events else 0
        return bool(mask & ~select.POLLOUT), bool(mask & select.POLLOUT)

else:

    def asker(fileno: int) -> Ask:
        """A question that can be asked again and again, at the cost of one system call."""
        return partial(is_readable, fileno)

    def is_readable(fileno: int) -> bool:
        """Whether bytes, an end or an error wait to be read."""
        return bool(select.select([fileno], [], [], 0)[0])

    def wait_readable(fileno: int, seconds: float) -> bool:
        """Wait until there is something to read."""
        return bool(select.select([fileno], [], [], seconds)[0])

    def wait_writable(fileno: int, seconds: float | None) -> tuple[bool, bool]:
        """Wait until it can be written or there is something to read: (readable, writable)."""
        readable, writable, _ = select.select([fileno], [fileno], [], seconds)
        return bool(readable), bool(writable)
