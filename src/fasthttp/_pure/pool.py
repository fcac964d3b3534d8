"""Which connection serves which request. Values in, values out: never opens, closes, waits, locks or reads a clock.

Every step is O(1), however many requests wait: hosts own a stack of idle connections (most recent first) and a queue
of waiters; one global order of idle connections finds the oldest; one global order of hosts whose waiters are held
back by the total limit alone keeps any host from starving.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol

from fasthttp.limits import Limits

__all__ = ["EXPIRED", "FULL", "OPEN", "PoolState", "PoolStats", "Poolable", "Ticket"]


class Poolable(Protocol):
    """What the pool has to know of a connection: until when it may be reused, on the caller's clock."""

    expires_at: float


class _Decision:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


OPEN: Final = _Decision("OPEN")  # open a connection; its place is reserved
FULL: Final = _Decision("FULL")  # too many wait already
EXPIRED: Final = _Decision("EXPIRED")  # what a ticket is granted whose deadline has passed


class PoolStats:
    """A snapshot of a pool: counts of connections and waiters now, and of events so far."""

    __slots__ = ("created", "expired", "idle", "in_use", "open", "reused", "stale", "waiting")

    def __init__(self, **counts: int) -> None:
        for name in self.__slots__:
            setattr(self, name, counts.get(name, 0))

    open: int
    idle: int
    in_use: int
    waiting: int
    created: int
    reused: int
    expired: int
    stale: int

    def __add__(self, other: PoolStats) -> PoolStats:
        return PoolStats(**{name: getattr(self, name) + getattr(other, name) for name in self.__slots__})

    def __repr__(self) -> str:
        return "PoolStats(" + ", ".join(f"{name}={getattr(self, name)}" for name in self.__slots__) + ")"


class _Host:
    __slots__ = ("idle", "key", "open", "waiters")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.open = 0  # connections and reserved places
        self.idle: dict[Any, None] = {}  # a stack: popitem() takes the most recent
        self.waiters: OrderedDict[Ticket, None] = OrderedDict()


class Ticket:
    """A place in the queue, until `deadline`. `granted` becomes a connection, OPEN, EXPIRED, or the end of the pool."""

    __slots__ = ("deadline", "granted", "host", "number", "wake")

    def __init__(self, host: _Host, number: int) -> None:
        self.host = host
        self.number = number
        self.deadline = float("inf")
        self.granted: Any = None
        self.wake: Callable[[], None] | None = None

    def grant(self, what: Any) -> None:
        self.granted = what
        if self.wake is not None:
            self.wake()


class PoolState:
    """The state machine of one pool.

    `doomed` collects connections that the caller has to close; they no longer count.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.closed = False
        self.doomed: list[Any] = []
        self.expired = self.stale = self.created = self.reused = 0
        self._hosts: dict[Hashable, _Host] = {}
        self._owner: dict[Any, _Host] = {}  # every open connection
        self._idle: OrderedDict[Any, _Host] = OrderedDict()  # oldest release first
        self._pending: OrderedDict[_Host, None] = OrderedDict()  # hosts held back by max_connections alone
        self._sweep_at = float("inf")  # no idle connection expires before this
        self._total = 0
        self._waiting = 0
        self._tickets = 0
        self._max_total = float("inf") if limits.max_connections is None else limits.max_connections
        self._max_host = float("inf") if limits.max_per_host is None else limits.max_per_host
        self._max_waiting = float("inf") if limits.max_waiting is None else limits.max_waiting

    def acquire(self, key: Hashable, now: float) -> Any:
        """An idle connection, OPEN, FULL, or a `Ticket` to wait with."""
        if now >= self._sweep_at:
            self.sweep(now)
        host = self._hosts.get(key)
        if host is None:
            host = self._hosts[key] = _Host(key)
        elif host.idle:
            connection, _ = host.idle.popitem()
            del self._idle[connection]
            if connection.expires_at > now:
                self.reused += 1
                return connection
            self.expired += 1
            self._drop(connection)
            return self.acquire(key, now)
        if not host.waiters and host.open < self._max_host and (self._total < self._max_total or self._evict()):
            host.open += 1
            self._total += 1
            return OPEN
        if self._waiting >= self._max_waiting:
            self._forget(host)
            return FULL
        self._tickets += 1
        ticket = Ticket(host, self._tickets)
        host.waiters[ticket] = None
        self._waiting += 1
        self._settle(host)
        return ticket

    def opened(self, key: Hashable, connection: Any) -> None:
        """The connection for a reserved place exists."""
        self._owner[connection] = self._hosts[key]
        self.created += 1

    def abandon(self, key: Hashable) -> None:
        """A reserved place will not be used."""
        host = self._hosts.get(key)
        if host is not None:
            self._free(host)

    def release(self, connection: Any, expires_at: float | None) -> None:
        """Give a connection back; `expires_at` None: it is not reusable. Harmless for one that is not open here."""
        host = self._owner.get(connection)
        if host is None or connection in host.idle:
            return
        if expires_at is None or self.closed:
            self.discard(connection)
            return
        connection.expires_at = expires_at
        if host.waiters:
            first = next(iter(host.waiters))
            if not self._pending or self._total < self._max_total or first.number <= self._eldest_pending():
                self._take_ticket(host).grant(connection)
                self.reused += 1
                return
        host.idle[connection] = None
        self._idle[connection] = host
        if expires_at < self._sweep_at:
            self._sweep_at = expires_at
        if self._pending and self._evict():
            self._fill()

    def discard(self, connection: Any, *, stale: bool = False) -> None:
        """A connection is broken, stale, or closed by its peer, idle or not. Harmless when it is not open here."""
        host = self._owner.get(connection)
        if host is None:
            return
        if connection in host.idle:
            del host.idle[connection]
            del self._idle[connection]
        self.stale += stale
        self._drop(connection)

    def cancel(self, ticket: Ticket, expires_at: float | None = None) -> None:
        """A waiter gives up; what it may have been granted meanwhile goes on to the next."""
        if ticket.granted is OPEN:
            self._free(ticket.host)
        elif ticket.granted is None:
            if ticket in ticket.host.waiters:
                del ticket.host.waiters[ticket]
                self._waiting -= 1
                self._settle(ticket.host)
                self._forget(ticket.host)
        elif not isinstance(ticket.granted, (BaseException, _Decision)):
            self.release(ticket.granted, ticket.granted.expires_at if expires_at is None else expires_at)

    def sweep(self, now: float) -> None:
        """Doom the idle connections whose time is over."""
        while self._idle:
            connection = next(iter(self._idle))
            if connection.expires_at > now:
                self._sweep_at = connection.expires_at
                return
            self.expired += 1
            self.discard(connection)
        self._sweep_at = float("inf")

    def expire_waiters(self, now: float) -> float:
        """End the waits whose deadline has passed; returns the next deadline. Linear, but called by a timer only."""
        earliest = float("inf")
        for host in list(self._hosts.values()):
            for ticket in list(host.waiters):
                if ticket.deadline <= now:
                    del host.waiters[ticket]
                    self._waiting -= 1
                    ticket.grant(EXPIRED)
                elif ticket.deadline < earliest:
                    earliest = ticket.deadline
            self._settle(host)
            self._forget(host)
        return earliest

    def next_expiry(self) -> float | None:
        """When the oldest idle connection expires, None without one."""
        return next(iter(self._idle)).expires_at if self._idle else None

    def close(self, reason: BaseException) -> list[Any]:
        """End the pool: every waiter is granted `reason`; returns all connections, to be closed by the caller."""
        self.closed = True
        connections = [*self._owner, *self.doomed]
        tickets = [ticket for host in self._hosts.values() for ticket in host.waiters]
        self.doomed = []
        self._hosts.clear()
        self._owner.clear()
        self._idle.clear()
        self._pending.clear()
        self._total = self._waiting = 0
        for ticket in tickets:
            ticket.host.waiters.clear()
            ticket.grant(reason)
        return connections

    def idle_connections(self) -> set[Any]:
        return set(self._idle)

    def reset_counts(self) -> None:
        """Start counting events anew."""
        self.expired = self.stale = self.created = self.reused = 0

    def stats(self) -> PoolStats:
        idle = len(self._idle)
        return PoolStats(
            open=self._total,
            idle=idle,
            in_use=self._total - idle,
            waiting=self._waiting,
            created=self.created,
            reused=self.reused,
            expired=self.expired,
            stale=self.stale,
        )

    def _eldest_pending(self) -> int:
        return next(iter(next(iter(self._pending)).waiters)).number

    def _take_ticket(self, host: _Host) -> Ticket:
        ticket, _ = host.waiters.popitem(last=False)
        self._waiting -= 1
        self._settle(host)
        return ticket

    def _evict(self) -> bool:
        """Doom the oldest idle connection, whichever host it is of, so that its place can be used."""
        if not self._idle:
            return False
        connection, host = self._idle.popitem(last=False)
        del host.idle[connection]
        del self._owner[connection]
        self.doomed.append(connection)
        host.open -= 1
        self._total -= 1
        self._settle(host)
        self._forget(host)
        return True

    def _drop(self, connection: Any) -> None:
        host = self._owner.pop(connection)
        self.doomed.append(connection)
        self._free(host)

    def _free(self, host: _Host) -> None:
        """A place of `host` is free: it goes to the next waiter that may have it."""
        if self.closed:
            return
        host.open -= 1
        self._total -= 1
        self._settle(host)
        self._fill()
        self._forget(host)

    def _settle(self, host: _Host) -> None:
        """Keep `_pending` true for this host."""
        if host.waiters and host.open < self._max_host:
            self._pending.setdefault(host)
        else:
            self._pending.pop(host, None)

    def _fill(self) -> None:
        while self._pending and self._total < self._max_total:
            host = next(iter(self._pending))
            self._pending.move_to_end(host)
            host.open += 1
            self._total += 1
            self._take_ticket(host).grant(OPEN)

    def _forget(self, host: _Host) -> None:
        if not host.open and not host.waiters and self._hosts.get(host.key) is host:
            del self._hosts[host.key]
