"""The pool's state machine against a naive model of it, in random order."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from fasthttp._pure.pool import FULL, OPEN, PoolState, Ticket
from fasthttp.limits import Limits

KEYS = st.sampled_from("abc")
SMALL = st.one_of(st.none(), st.integers(1, 4))


class Link:
    """A connection: its key is known to the model only."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.expires_at = self.idle_since = 0.0
        self.reuses = 0
        self.ranked = False


class PoolMachine(RuleBasedStateMachine):
    """Lists and loops, with no thought for speed; the pool has to agree with them after every step."""

    @initialize(total=SMALL, host=SMALL, waiting=st.one_of(st.none(), st.integers(0, 3)))
    def start(self, total: int | None, host: int | None, waiting: int | None) -> None:
        self.pool = PoolState(Limits(total, host, 30.0, max_waiting=waiting))
        self.total, self.host, self.waiting = total, host, waiting
        self.now = 0.0
        self.turn = 0
        self.reserved: list[str] = []
        self.busy: list[Link] = []
        self.idle: list[Link] = []  # oldest release first
        self.queue: list[tuple[str, Ticket]] = []  # longest wait first
        self.granted: list[Ticket] = []

    # --- the model

    def open_places(self, key: str | None = None) -> int:
        links = [link.key for link in (*self.busy, *self.idle)] + self.reserved
        return sum(1 for each in links if key in (None, each))

    def has_room(self, key: str) -> bool:
        if self.host is not None and self.open_places(key) >= self.host:
            return False
        return self.total is None or self.open_places() < self.total or bool(self.idle)

    def settle(self) -> None:
        """Take note of what waiters were granted and which connections were doomed."""
        for link in self.pool.doomed:
            for kept in (self.busy, self.idle):
                if link in kept:
                    kept.remove(link)
        self.pool.doomed.clear()
        passed_over: set[str] = set()
        for key, ticket in list(self.queue):
            if ticket.granted is None:
                passed_over.add(key)
                continue
            assert key not in passed_over, "a waiter was overtaken by a later one of its key"
            self.queue.remove((key, ticket))
            if ticket.granted is OPEN:
                self.reserved.append(key)
                self.granted.append(ticket)
            else:
                assert ticket.granted.key == key
                assert ticket.granted in self.busy

    # --- the steps

    @rule(key=KEYS)
    def acquire(self, key: str) -> None:
        for link in [link for link in self.idle if link.expires_at <= self.now]:
            if self.idle[0] is link:
                self.idle.remove(link)
        same = [link for link in self.idle if link.key == key]
        while same and same[-1].expires_at <= self.now:
            self.idle.remove(same.pop())
        is_queued = any(waiter == key for waiter, _ in self.queue)
        room = self.has_room(key)
        got: Any = self.pool.take(key, self.now)
        if got is None:
            got = self.pool.acquire(key, self.now)
        if same:
            assert got is same[-1]
            self.idle.remove(got)
            self.busy.append(got)
        elif room and not is_queued:
            assert got is OPEN
            self.reserved.append(key)
        elif self.waiting is not None and len(self.queue) >= self.waiting:
            assert got is FULL
        else:
            assert isinstance(got, Ticket)
            self.queue.append((key, got))
        self.settle()

    @precondition(lambda self: self.reserved)
    @rule(data=st.data())
    def connect(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.reserved)))
        self.reserved.remove(key)
        self.granted = [ticket for ticket in self.granted if ticket.host.key != key]
        link = Link(key)
        self.busy.append(link)
        self.pool.opened(key, link)

    @precondition(lambda self: self.reserved)
    @rule(data=st.data())
    def fail_to_connect(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.reserved)))
        self.reserved.remove(key)
        self.granted = [ticket for ticket in self.granted if ticket.host.key != key]
        self.pool.abandon(key)
        self.settle()

    @precondition(lambda self: self.busy)
    @rule(data=st.data(), life=st.one_of(st.none(), st.integers(1, 9)))
    def release(self, data: st.DataObject, life: int | None) -> None:
        link = data.draw(st.sampled_from(self.busy))
        self.busy.remove(link)
        if life is not None:
            self.idle.append(link)
        before = [ticket for _, ticket in self.queue]
        self.turn += 1  # no two at the same moment
        if life is None:
            self.pool.discard(link)
        elif not self.pool.put(link, self.now + self.turn * 1e-6, self.now + life):
            self.pool.settle(link)
        if any(ticket.granted is link for ticket in before):
            self.idle.remove(link)
            self.busy.append(link)
        self.settle()

    @precondition(lambda self: self.busy or self.idle)
    @rule(data=st.data(), stale=st.booleans())
    def discard(self, data: st.DataObject, stale: bool) -> None:
        link = data.draw(st.sampled_from([*self.busy, *self.idle]))
        self.pool.discard(link, stale=stale)
        assert link in self.pool.doomed
        self.settle()

    @precondition(lambda self: self.queue)
    @rule(data=st.data())
    def cancel_waiting(self, data: st.DataObject) -> None:
        entry = data.draw(st.sampled_from(self.queue))
        self.queue.remove(entry)
        self.pool.cancel(entry[1])
        self.settle()

    @precondition(lambda self: self.granted)
    @rule(data=st.data())
    def cancel_granted(self, data: st.DataObject) -> None:
        ticket = data.draw(st.sampled_from(self.granted))
        self.granted.remove(ticket)
        self.reserved.remove(str(ticket.host.key))
        self.pool.cancel(ticket)
        self.settle()

    @rule(seconds=st.integers(1, 5))
    def wait(self, seconds: int) -> None:
        self.now += seconds
        following = self.pool.sweep(self.now)
        assert following is None or following > self.now
        self.settle()

    # --- what always holds

    @invariant()
    def counts_agree(self) -> None:
        stats = self.pool.stats()
        assert stats.open == self.open_places()
        assert (stats.idle, stats.waiting) == (len(self.idle), len(self.queue))
        assert stats.in_use == len(self.busy) + len(self.reserved)
        assert self.pool.idle_connections() == set(self.idle)
        assert sum(host.open for host in self.pool._hosts.values()) == stats.open

    @invariant()
    def limits_hold(self) -> None:
        assert self.total is None or self.open_places() <= self.total
        assert self.host is None or all(self.open_places(key) <= self.host for key in "abc")
        assert self.waiting is None or len(self.queue) <= self.waiting

    @invariant()
    def nobody_waits_while_there_is_room(self) -> None:
        for key, _ in self.queue:
            assert not self.has_room(key)

    @invariant()
    def nothing_is_kept_for_nobody(self) -> None:
        wanted = {key for key in "abc" if self.open_places(key) or any(waiter == key for waiter, _ in self.queue)}
        assert set(self.pool._hosts) == wanted


def test_in_any_order_of_steps_the_pool_does_what_lists_and_loops_would_do() -> None:
    """Limits hold, waiters are served in order, nobody waits while there is room, and all counts agree."""
    run_state_machine_as_test(PoolMachine, settings=settings(max_examples=100, stateful_step_count=40, deadline=None, database=None))
