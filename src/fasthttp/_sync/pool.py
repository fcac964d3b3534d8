# Generated from src/fasthttp/_async/pool.py by scripts/unasync.py; change that file instead.
"""A pool of one runtime: the state machine of `_pure.pool` with a lock, wake-ups and closing around it."""

from __future__ import annotations

import math
import threading
import weakref
from collections import deque
from time import monotonic
from typing import Any

from fasthttp._io.blocking import Waiter, current_loop, schedule
from fasthttp._pure.fork import forget_in_child
from fasthttp._pure.pool import EXPIRED, FULL, OPEN, PoolState, PoolStats, Ticket
from fasthttp.errors import ClientClosedError, PoolError, PoolTimeout, TotalTimeout
from fasthttp.limits import Limits
from fasthttp.timeouts import Timeout

__all__ = ["AsyncPool"]

_TICK = 0.01  # seconds between looks at waiters, at the least
_HEARTBEAT = 3600.0  # seconds between looks at a pool whose connections never expire


class SyncPool:
    """Connections of one client (or of several that share it) on one runtime.

    While connections are idle the event loop owns the pool, through the timer that expires them: with the loop go the
    pool and its sockets, also when the client lives on.
    """

    def __init__(self, limits: Limits) -> None:
        self.loop = current_loop()
        self._state = PoolState(limits)
        self._lock = threading.Lock()
        self._lost: deque[tuple[Any, bool]] = deque()  # to be discarded by whoever holds the lock
        self._timer: Any = None
        self._waiters_timer: Any = None
        self._waiters_at = math.inf  # when the waiters are looked at next
        self._expiry = math.inf if limits.keepalive_expiry is None else limits.keepalive_expiry
        # What clients keep here lives as long as this pool: an engine is bound to the pool's runtime.
        self.engines: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
        forget_in_child(self)

    @property
    def closed(self) -> bool:
        return self._state.closed

    def checkout(self, key: str, fresh: bool = False, careful: bool = False) -> Any:
        """A live idle connection, OPEN, or a ticket for `wait`.

        Args:
            fresh: never a connection that was used before.
            careful: ask the system whether an idle connection still lives, however short it was idle.
        """
        now = monotonic()
        while True:
            got = self._state.take(key, now)
            if got is None:
                got = self._acquire(key, now)
                if got is OPEN or got.__class__ is Ticket:
                    return got
            if not fresh and not got.is_stale(math.inf if careful else now - got.idle_since):
                got.asked_at = now
                return got
            self.discard(got, stale=not fresh)

    def _acquire(self, key: str, now: float) -> Any:
        with self._lock:
            if self._state.closed:
                raise PoolError("pool is closed")
            got = self._state.acquire(key, now)
        self._tidy()
        if got is FULL:
            stats = self.stats()
            raise PoolError(f"too many calls wait for a connection: {stats.waiting} waiting, {stats.in_use} in use")
        return got

    def wait(self, ticket: Ticket, timeout: Timeout, total_at: float | None) -> Any:
        """A connection or OPEN, when it is this ticket's turn. Raises `PoolTimeout`, `TotalTimeout` or `PoolError`."""
        waiter = Waiter()
        now = monotonic()
        limit = timeout.pool
        deadline = math.inf if limit is None else now + limit
        by_total = total_at is not None and total_at < deadline
        if by_total and total_at is not None:
            deadline = total_at
        with self._lock:
            ticket.deadline = deadline
            ticket.wake = waiter.wake
            granted = ticket.granted
        if deadline < self._waiters_at:
            self._watch_waiters(now, deadline)
        try:
            if granted is None and (not waiter.wait(deadline - now) or ticket.granted is EXPIRED):
                stats = self.stats()
                counts = f"{stats.in_use} in use, {stats.waiting} waiting"
                if by_total:
                    message = f"total timeout after {timeout.total:g} s, waiting for a connection: {counts}"
                    raise TotalTimeout(message, phase="total", limit=timeout.total) from PoolTimeout(counts, phase="pool", limit=limit)
                raise PoolTimeout(f"pool timeout after {limit:g} s: {counts}", phase="pool", limit=limit)
        except BaseException:
            with self._lock:
                self._state.cancel(ticket)
                if self._state.closed and hasattr(ticket.granted, "abort"):
                    self._state.doomed.append(ticket.granted)  # a closed pool no longer knows it
            self._tidy()
            raise
        if isinstance(ticket.granted, BaseException):
            raise PoolError(str(ticket.granted))  # one for each: every call writes its own URL into it
        return ticket.granted

    def _watch_waiters(self, now: float, deadline: float) -> None:
        """Have a look at the waiters by then. One timer serves all of them: most share a limit, and few ever reach it."""
        if self._waiters_timer is not None:
            self._waiters_timer.cancel()
        self._waiters_at = deadline
        self._waiters_timer = schedule(deadline - now, self._expire_waiters)

    def _expire_waiters(self) -> None:
        now = monotonic()
        self._waiters_timer = None
        self._waiters_at = math.inf
        with self._lock:
            deadline = self._state.expire_waiters(now + _TICK / 2)
        if deadline < math.inf:
            self._watch_waiters(now, max(deadline, now + _TICK))

    def opened(self, key: str, connection: Any) -> None:
        """Enter a connection that was opened for a reserved place."""
        with self._lock:
            if not self._state.closed:
                connection.on_lost = self.discard
                self._state.opened(key, connection)
                connection = None
        self._tidy()
        if connection is None:
            return
        connection.abort()
        raise ClientClosedError("the client was closed while a connection was being made")

    def abandon(self, key: str) -> None:
        """Give a reserved place back unused."""
        with self._lock:
            self._state.abandon(key)
        self._tidy()

    def checkin(self, connection: Any, now: float, keep_for: float | None = None) -> None:
        """Give a connection back; reusable from `now` for `keep_for` seconds at most, or as long as the limits say."""
        expiry = self._expiry
        if keep_for is not None and keep_for < expiry:
            expiry = keep_for
        if not expiry:
            self.discard(connection)
        elif not self._state.put(connection, now, now + expiry):
            with self._lock:
                self._state.settle(connection)
            self._tidy()
            if self._timer is None:
                self._tick()
        if self._state.closed:
            connection.abort()  # the pool was closed while this one was in use

    def discard(self, connection: Any, *, stale: bool = False) -> None:
        """Drop a connection, wherever it is.

        Never waits for the lock: the garbage collector may come here in the middle of any other step of this thread.
        """
        self._lost.append((connection, stale))
        self._tidy()

    def cleanup_expired(self) -> float | None:
        """Close the idle connections whose time is over; returns when that of the oldest will be, None without one."""
        with self._lock:
            expires_at = self._state.sweep(monotonic())
        self._tidy()
        return expires_at

    def _tick(self) -> None:
        self._timer = None
        expires_at = self.cleanup_expired()
        if expires_at is not None:
            self._timer = schedule(min(_HEARTBEAT, max(0.01, expires_at - monotonic())), self._tick)

    def _tidy(self) -> None:
        """Discard and close what is to go. Whoever gave the lock back comes here; while it is held, its holder will."""
        state = self._state
        while (self._lost or state.doomed) and self._lock.acquire(blocking=False):
            try:
                while self._lost:
                    connection, stale = self._lost.popleft()
                    state.discard(connection, stale=stale)
                    if state.closed:
                        state.doomed.append(connection)  # no longer known here, but still open
                doomed, state.doomed = state.doomed, []
            finally:
                self._lock.release()
            for connection in doomed:
                if not connection.closed:
                    connection.close()

    def stats(self) -> PoolStats:
        with self._lock:
            stats = self._state.stats()
        self._tidy()
        return stats

    def reset_stats(self) -> None:
        with self._lock:
            self._state.reset_counts()
        self._tidy()

    def close(self) -> None:
        """Close idle connections, fail waiters, and cut the exchanges that are in flight."""
        with self._lock:
            unused, used = self._state.close(PoolError("pool is closed"))
        for timer in (self._timer, self._waiters_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._waiters_timer = None
        for connection in unused:
            connection.on_lost = None
            connection.close()
        for connection in used:
            connection.on_lost = None
            connection.cut()

    def disown(self) -> None:
        """In a forked child: let go of the parent's connections."""
        self._lock = threading.Lock()
        unused, used = self._state.close(PoolError("pool belongs to the parent process"))
        for connection in (*unused, *used):
            connection.on_lost = None
            connection.disown()
        self._timer = self._waiters_timer = None
        self._state = PoolState(self._state.limits)
