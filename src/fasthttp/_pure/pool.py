"""Which connection serves which request. Values in, values out: never opens, closes, waits, locks or reads a clock.

Every step is O(1), however many requests wait: hosts own a stack of idle connections (most recent first) and a queue
of waiters; one global order of hosts whose waiters are held back by the total limit alone keeps any host from starving.
The oldest idle connection is found by a heap whose keys are lower bounds, mended when somebody looks: O(log n), and
nothing at all for a connection that comes and goes.

`take` and `put` need no lock, since each moves a connection by one step of a dict, which no two threads can both do;
the rest is for one thread at a time. What the two cannot see, because it happens beside them, is looked at once more by
whoever made it happen: a waiter looks for idle connections when it stands in the queue, as `put` looks for waiters when
the connection lies on the stack.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final, Protocol

from fasthttp.limits import Limits

__all__ = ["EXPIRED", "FULL", "OPEN", "PoolState", "PoolStats", "Poolable", "Ticket"]


class Poolable(Protocol):
    """What the pool keeps at a connection; times are on the caller's clock."""

    expires_at: float  # until when it may be reused
    idle_since: float
    reuses: int  # how often it was taken again
    ranked: bool  # whether it stands in the order of the oldest


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
        self.expired = self.stale = self.created = 0
        self._reused = 0  # of connections that are gone
        self._hosts: dict[Hashable, _Host] = {}
        self._owner: dict[Any, _Host] = {}  # every open connection
        self._oldest: list[tuple[float, int, Any]] = []  # a heap: idle since then or later, or in use
        self._ranks = 0
        self._pending: OrderedDict[_Host, None] = OrderedDict()  # hosts held back by max_connections alone
        self._sweep_at = float("inf")  # no idle connection expires before this
        self._total = 0
        self._waiting = 0
        self._tickets = 0
        self._max_total = float("inf") if limits.max_connections is None else limits.max_connections
        self._max_host = float("inf") if limits.max_per_host is None else limits.max_per_host
        self._max_waiting = float("inf") if limits.max_waiting is None else limits.max_waiting

    def take(self, key: Hashable, now: float) -> Any:
        """An idle connection, where there is nothing else to see to; None: ask `acquire`. Needs no lock."""
        host = self._hosts.get(key)
        if host is None or host.waiters or now >= self._sweep_at:
            return None
        try:
            connection, _ = host.idle.popitem()
        except KeyError:
            return None
        if connection.expires_at <= now:
            host.idle[connection] = None
            return None
        connection.reuses += 1
        return connection

    def put(self, connection: Any, now: float, expires_at: float) -> bool:
        """Give a connection back that may be reused; False: `settle` has to be asked. Needs no lock.

        Harmless for a connection that is not open here.
        """
        host = self._owner.get(connection)
        if host is None:
            return True
        connection.idle_since = now
        connection.expires_at = expires_at
        host.idle[connection] = None
        return connection.ranked and not host.waiters and not self._pending and expires_at >= self._sweep_at

    def acquire(self, key: Hashable, now: float) -> Any:
        """An idle connection, OPEN, FULL, or a `Ticket` to wait with."""
        if now >= self._sweep_at:
            self.sweep(now)
        host = self._hosts.get(key)
        if host is None:
            host = _Host(key)
        while (connection := _pop(host)) is not None:
            if connection.expires_at > now:
                connection.reuses += 1
                return connection
            self.expired += 1
            self._drop(connection)
        has_room = not host.waiters and host.open < self._max_host and (self._total < self._max_total or self._evict())
        self._hosts[key] = host  # a host is forgotten with the last that it had
        if has_room:
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
        while host.waiters and (connection := _pop(host)) is not None:  # given back before `put` could see the ticket
            self._hand_over(host, connection)
        return ticket  # connections of other hosts were struck off the order by `_evict`: they come back through `settle`

    def opened(self, key: Hashable, connection: Any) -> None:
        """The connection for a reserved place exists."""
        self._owner[connection] = self._hosts[key]
        self.created += 1

    def abandon(self, key: Hashable) -> None:
        """A reserved place will not be used."""
        host = self._hosts.get(key)
        if host is not None:
            self._free(host)

    def settle(self, connection: Any) -> None:
        """See to what a connection that was put back makes possible."""
        host = self._owner.get(connection)
        if host is None:
            return
        if host.waiters:
            first = next(iter(host.waiters))
            is_next = not self._pending or self._total < self._max_total or first.number <= self._eldest_pending()
            if is_next and host.idle.pop(connection, host) is None:
                self._hand_over(host, connection)
                return
        if not connection.ranked:
            self._rank(connection)
        if connection.expires_at < self._sweep_at:
            self._sweep_at = connection.expires_at
        if self._pending and self._evict():
            self._fill()

    def discard(self, connection: Any, *, stale: bool = False) -> None:
        """A connection is broken, stale, or closed by its peer, idle or not. Harmless when it is not open here."""
        host = self._owner.get(connection)
        if host is None:
            return
        host.idle.pop(connection, None)
        self.stale += stale
        self._drop(connection)

    def cancel(self, ticket: Ticket) -> None:
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
            connection = ticket.granted
            if not self.put(connection, connection.idle_since, connection.expires_at):
                self.settle(connection)

    def sweep(self, now: float) -> float | None:
        """Doom the idle connections whose time is over; returns when that of the oldest will be, None without one."""
        while (connection := self._find_oldest()) is not None:
            if connection.expires_at > now:
                self._sweep_at = connection.expires_at
                return self._sweep_at
            self.expired += 1
            self.discard(connection)
        self._sweep_at = float("inf")
        return None

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

    def close(self, reason: BaseException) -> tuple[list[Any], list[Any]]:
        """End the pool: every waiter is granted `reason`. Returns (those that nobody uses, those in use), to be ended by the caller.

        Whoever takes one meanwhile has it: idle ones are taken here as well, one by one.
        """
        self.closed = True
        unused, self.doomed = self.doomed, []
        for host in self._hosts.values():
            while (connection := _pop(host)) is not None:
                unused.append(connection)
        known = set(unused)
        used = [connection for connection in self._owner if connection not in known]
        tickets = [ticket for host in self._hosts.values() for ticket in host.waiters]
        self._reused += sum(connection.reuses for connection in self._owner)
        self._hosts.clear()
        self._owner.clear()
        self._oldest.clear()
        self._sweep_at = float("inf")
        self._pending.clear()
        self._total = self._waiting = 0
        for ticket in tickets:
            ticket.host.waiters.clear()
            ticket.grant(reason)
        return unused, used

    def idle_connections(self) -> set[Any]:
        return {connection for connection, host in self._owner.items() if connection in host.idle}

    def reset_counts(self) -> None:
        """Start counting events anew."""
        self.expired = self.stale = self.created = self._reused = 0
        for connection in self._owner:
            connection.reuses = 0

    def stats(self) -> PoolStats:
        idle = len(self.idle_connections())
        return PoolStats(
            open=self._total,
            idle=idle,
            in_use=self._total - idle,
            waiting=self._waiting,
            created=self.created,
            reused=self._reused + sum(connection.reuses for connection in self._owner),
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

    def _hand_over(self, host: _Host, connection: Any) -> None:
        connection.reuses += 1
        self._take_ticket(host).grant(connection)

    def _rank(self, connection: Any) -> None:
        self._ranks += 1
        connection.ranked = True
        heapq.heappush(self._oldest, (connection.idle_since, self._ranks, connection))

    def _find_oldest(self) -> Any:
        """The connection that is idle for the longest time, None without one."""
        heap = self._oldest
        while heap:
            since, _, connection = heap[0]
            host = self._owner.get(connection)
            if host is None:
                heapq.heappop(heap)
            elif connection not in host.idle:
                heapq.heappop(heap)
                connection.ranked = False
                if connection in host.idle:  # put back meanwhile, by one who may have seen the mark
                    self._rank(connection)
            elif connection.idle_since > since:
                heapq.heappop(heap)
                self._rank(connection)
            else:
                return connection
        return None

    def _evict(self) -> bool:
        """Doom the oldest idle connection, whichever host it is of, so that its place can be used."""
        while (connection := self._find_oldest()) is not None:
            host = self._owner[connection]
            if host.idle.pop(connection, host) is None:
                self._disown(connection)
                host.open -= 1
                self._total -= 1
                self._settle(host)
                self._forget(host)
                return True
        return False

    def _disown(self, connection: Any) -> _Host:
        """Doom a connection; it is no longer known here."""
        self.doomed.append(connection)
        self._reused += connection.reuses
        if len(self._oldest) > 2 * len(self._owner) + 16:  # most of it is of connections that are gone
            self._oldest = [entry for entry in self._oldest if entry[2] in self._owner]
            heapq.heapify(self._oldest)
        return self._owner.pop(connection)

    def _drop(self, connection: Any) -> None:
        self._free(self._disown(connection))

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


def _pop(host: _Host) -> Any:
    """The connection of a host that was used last, None without one."""
    try:
        return host.idle.popitem()[0]
    except KeyError:
        return None
