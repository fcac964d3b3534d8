"""The pool's state machine, step by step; time is a plain number here."""

from __future__ import annotations

import itertools
import sys
from types import FrameType
from typing import Any

import pytest

from fasthttp._pure.pool import FULL, OPEN, PoolState, PoolStats, Ticket
from fasthttp.errors import PoolError
from fasthttp.limits import Limits

moments = itertools.count(1.0, 0.001)


class Link:
    """A connection, as much of it as the pool sees."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.expires_at = self.idle_since = 0.0
        self.reuses = 0
        self.ranked = False

    def __repr__(self) -> str:
        return f"<Link {self.name}>"


def make(total: int | None = None, host: int | None = None, waiting: int | None = None) -> PoolState:
    return PoolState(Limits(total, host, 30.0, max_waiting=waiting))


def connect(pool: PoolState, key: str, name: str = "", now: float = 0.0) -> Link:
    """Acquire a place and fill it."""
    assert pool.acquire(key, now) is OPEN
    link = Link(name or key)
    pool.opened(key, link)
    return link


def give_back(pool: PoolState, link: Link, expires_at: float | None) -> None:
    """Release a connection, later than any other before; None: it is not reusable."""
    if expires_at is None:
        pool.discard(link)
    elif not pool.put(link, next(moments), expires_at):
        pool.settle(link)


def next_expiry(pool: PoolState) -> float | None:
    return pool.sweep(0.0)


def queue(pool: PoolState, key: str, count: int) -> list[Ticket]:
    tickets = [pool.acquire(key, 0.0) for _ in range(count)]
    assert all(isinstance(ticket, Ticket) for ticket in tickets)
    return tickets


def test_a_place_is_reserved_and_counted_before_the_connection_exists() -> None:
    """OPEN takes a place at once, and `created` counts only what was really opened."""
    pool = make(2, 2)
    assert pool.acquire("a", 0.0) is OPEN
    assert (pool.stats().open, pool.stats().in_use, pool.stats().created) == (1, 1, 0)
    pool.opened("a", Link())
    assert (pool.stats().open, pool.stats().created) == (1, 1)


def test_the_most_recently_released_connection_is_reused_first() -> None:
    """Idle connections are a stack, so that the ones at the bottom can expire."""
    pool = make()
    first, second = connect(pool, "a", "1"), connect(pool, "a", "2")
    give_back(pool, first, 10.0)
    give_back(pool, second, 10.0)
    assert pool.acquire("a", 1.0) is second
    assert pool.acquire("a", 1.0) is first
    assert pool.acquire("a", 1.0) is OPEN
    assert pool.stats().reused == 2


def test_an_idle_connection_is_not_given_to_another_key() -> None:
    """Keys share limits, never connections."""
    pool = make()
    give_back(pool, connect(pool, "a"), 10.0)
    assert pool.acquire("b", 1.0) is OPEN


def test_waiters_of_one_key_are_served_in_order_by_hand_over() -> None:
    """A released connection goes straight to whoever waits longest."""
    pool = make(None, 1)
    link = connect(pool, "a")
    tickets = queue(pool, "a", 3)
    for ticket in tickets:
        assert ticket.granted is None
        give_back(pool, link, 10.0)
        assert ticket.granted is link
    assert pool.stats().reused == 3
    assert pool.stats().waiting == 0
    assert pool.idle_connections() == set()


def test_a_waiter_is_woken_when_it_is_granted_something() -> None:
    """`wake` is called once, after `granted` is set."""
    pool = make(None, 1)
    link = connect(pool, "a")
    (ticket,) = queue(pool, "a", 1)
    seen: list[object] = []
    ticket.wake = lambda: seen.append(ticket.granted)
    give_back(pool, link, 10.0)
    assert seen == [link]


def test_a_connection_that_cannot_be_reused_gives_its_place_to_the_next_waiter() -> None:
    """Releasing without an expiry closes the connection and grants OPEN."""
    pool = make(None, 1)
    link = connect(pool, "a")
    first, second = queue(pool, "a", 2)
    give_back(pool, link, None)
    assert first.granted is OPEN
    assert second.granted is None
    assert pool.doomed == [link]
    assert pool.stats().open == 1


def test_at_the_total_limit_an_idle_connection_of_another_origin_is_evicted_oldest_first() -> None:
    """Room is made by closing whatever has been idle longest."""
    pool = make(2, 2)
    a, b = connect(pool, "a"), connect(pool, "b")
    give_back(pool, a, 10.0)
    give_back(pool, b, 10.0)
    assert pool.acquire("c", 1.0) is OPEN
    assert pool.doomed == [a]
    assert pool.idle_connections() == {b}
    assert pool.stats().open == 2


def test_a_waiter_held_back_by_the_total_limit_gets_the_place_of_another_origin() -> None:
    """A connection released by one key is closed for the sake of a key that waits."""
    pool = make(1, 1)
    a = connect(pool, "a")
    (ticket,) = queue(pool, "b", 1)
    give_back(pool, a, 10.0)
    assert ticket.granted is OPEN
    assert pool.doomed == [a]


def test_no_origin_starves_while_another_is_always_busy() -> None:
    """The older waiter of another key comes before a younger one of the key that releases."""
    pool = make(1, 1)
    link = connect(pool, "a")
    (a1,) = queue(pool, "a", 1)
    (b1,) = queue(pool, "b", 1)
    (a2,) = queue(pool, "a", 1)
    give_back(pool, link, 10.0)
    assert a1.granted is link
    give_back(pool, link, 10.0)
    assert (b1.granted, a2.granted) == (OPEN, None)
    pool.abandon("b")
    assert a2.granted is OPEN


def test_places_are_dealt_out_to_waiting_origins_in_turn() -> None:
    """One origin with many waiters does not get several places while others wait for their first."""
    pool = make(3, 3)
    links = [connect(pool, "x", str(i)) for i in range(3)]
    many = queue(pool, "a", 3)
    b, c = queue(pool, "b", 1)[0], queue(pool, "c", 1)[0]
    for link in links:
        give_back(pool, link, None)
    assert [ticket.granted for ticket in (*many, b, c)] == [OPEN, None, None, OPEN, OPEN]


def test_an_origin_at_its_own_limit_does_not_hold_up_others() -> None:
    """A place in all goes to an origin that may use it."""
    pool = make(2, 1)
    a, _x = connect(pool, "a"), connect(pool, "x")
    (waits_for_a,) = queue(pool, "a", 1)
    (b,) = queue(pool, "b", 1)
    pool.discard(_x)
    assert b.granted is OPEN
    assert waits_for_a.granted is None
    give_back(pool, a, 9.0)
    assert waits_for_a.granted is a


def test_newcomers_do_not_overtake_waiters_of_their_key() -> None:
    """With waiters in the queue nobody gets a place directly."""
    pool = make(None, 1)
    link = connect(pool, "a")
    first, second = queue(pool, "a", 2)
    give_back(pool, link, 10.0)
    assert (first.granted, second.granted) == (link, None)
    assert isinstance(pool.acquire("a", 0.0), Ticket)


def test_too_many_waiters_are_refused_at_once_and_leave_nothing_behind() -> None:
    """Beyond `max_waiting` the answer is FULL; an unknown host is not remembered for it."""
    pool = make(1, 1, 1)
    connect(pool, "a")
    queue(pool, "a", 1)
    assert pool.acquire("a", 0.0) is FULL
    assert pool.acquire("b", 0.0) is FULL
    assert (pool.stats().waiting, len(pool._hosts)) == (1, 1)
    assert (repr(FULL), repr(OPEN)) == ("FULL", "OPEN")


def test_a_waiter_that_gives_up_neither_blocks_nor_takes_a_place() -> None:
    """The next in line is served as if it had never been there."""
    pool = make(None, 1)
    link = connect(pool, "a")
    first, second = queue(pool, "a", 2)
    pool.cancel(first)
    assert pool.stats().waiting == 1
    give_back(pool, link, 10.0)
    assert (first.granted, second.granted) == (None, link)


def test_cancelling_the_last_waiter_of_an_origin_forgets_the_origin() -> None:
    """A host that has neither connections nor waiters is not kept."""
    pool = make(1, 1)
    connect(pool, "a")
    (ticket,) = queue(pool, "b", 1)
    pool.cancel(ticket)
    assert set(pool._hosts) == {"a"}
    pool.cancel(ticket)
    assert pool.stats().waiting == 0


def test_cancelling_after_a_place_was_granted_passes_the_place_on() -> None:
    """A granted OPEN goes to the next waiter, and with none left the place is free."""
    pool = make(None, 1)
    link = connect(pool, "a")
    first, second = queue(pool, "a", 2)
    give_back(pool, link, None)
    assert first.granted is OPEN
    pool.cancel(first)
    assert second.granted is OPEN
    pool.cancel(second)
    assert pool.stats().open == 0
    assert not pool._hosts


def test_cancelling_after_a_connection_was_granted_passes_the_connection_on() -> None:
    """A granted connection is released with the expiry that it had."""
    pool = make(None, 1)
    link = connect(pool, "a")
    first, second = queue(pool, "a", 2)
    give_back(pool, link, 10.0)
    pool.cancel(first)
    assert second.granted is link
    pool.cancel(second)
    assert next_expiry(pool) == 10.0
    assert pool.idle_connections() == {link}


def test_cancelling_a_ticket_that_the_end_of_the_pool_answered_does_nothing() -> None:
    """An exception is not a connection to be given back."""
    pool = make(1, 1)
    connect(pool, "a")
    (ticket,) = queue(pool, "a", 1)
    pool.close(PoolError("pool is closed"))
    pool.cancel(ticket)
    assert pool.stats().open == 0


def test_closing_answers_every_waiter_and_returns_every_connection_once() -> None:
    """Idle, busy and doomed connections are all handed to the caller; late steps are harmless."""
    pool = make(3, 1)
    idle, busy, dead = connect(pool, "a"), connect(pool, "b"), connect(pool, "c")
    assert pool.acquire("d", 0.0) is not OPEN
    give_back(pool, idle, 10.0)  # evicted for the waiter of d
    pool.discard(dead)
    (ticket,) = queue(pool, "b", 1)
    reason = PoolError("pool is closed")
    unused, used = pool.close(reason)
    assert (set(unused), used) == ({idle, dead}, [busy])
    assert ticket.granted is reason
    assert pool.closed
    assert pool.doomed == []
    assert (pool.stats().open, pool.stats().waiting, pool.stats().idle) == (0, 0, 0)
    give_back(pool, busy, 10.0)
    pool.discard(busy)
    pool.abandon("d")
    assert pool.stats().open == 0


def test_a_place_reserved_before_the_end_is_given_up_without_a_trace() -> None:
    """A waiter that had been granted OPEN may cancel after the pool was closed."""
    pool = make(None, 1)
    link = connect(pool, "a")
    (ticket,) = queue(pool, "a", 1)
    give_back(pool, link, None)
    pool.close(PoolError("pool is closed"))
    pool.cancel(ticket)
    assert pool.stats().open == 0


def test_release_after_the_end_is_harmless() -> None:
    """Whoever has the connection ends it; the pool no longer knows it."""
    pool = make()
    link = connect(pool, "a")
    assert pool.close(PoolError("over")) == ([], [link])
    give_back(pool, link, 10.0)
    pool.settle(link)
    assert (pool.doomed, pool.stats().idle) == ([], 0)


def test_idle_connections_expire_oldest_first() -> None:
    """`sweep` dooms what is over, exactly at its time, and says when the next one will be."""
    pool = make()
    first, second = connect(pool, "a", "1"), connect(pool, "a", "2")
    assert next_expiry(pool) is None
    give_back(pool, first, 10.0)
    give_back(pool, second, 20.0)
    assert next_expiry(pool) == 10.0
    pool.sweep(9.999)
    assert pool.doomed == []
    pool.sweep(10.0)
    assert pool.doomed == [first]
    assert next_expiry(pool) == 20.0
    assert pool.stats().expired == 1


def test_acquiring_never_gives_an_expired_connection() -> None:
    """Also not one that a server made shorter-lived than those released before it."""
    pool = make()
    longer, shorter = connect(pool, "a", "long"), connect(pool, "a", "short")
    give_back(pool, longer, 30.0)
    give_back(pool, shorter, 5.0)
    assert pool.acquire("a", 6.0) is longer
    assert pool.doomed == [shorter]
    assert pool.stats().expired == 1


def test_when_the_only_connection_has_expired_a_new_one_is_opened() -> None:
    """The host is forgotten and found again within one step."""
    pool = make(1, 1)
    blocker = connect(make(), "z")
    link = connect(pool, "a")
    give_back(pool, link, 5.0)
    assert pool.acquire("a", 5.0) is OPEN
    assert pool.doomed == [link]
    assert pool.stats().open == 1
    give_back(pool, blocker, 9.0)  # of another pool
    assert pool.stats().idle == 0


def test_discarding_counts_staleness_and_frees_the_place() -> None:
    """Idle or busy, the place goes to a waiter; an unknown connection changes nothing."""
    pool = make(None, 2)
    idle, busy = connect(pool, "a", "idle"), connect(pool, "a", "busy")
    give_back(pool, idle, 10.0)
    pool.discard(idle, stale=True)
    assert (pool.stats().stale, pool.stats().open, pool.stats().idle) == (1, 1, 0)
    connect(pool, "a")
    (ticket,) = queue(pool, "a", 1)
    pool.discard(busy)
    assert ticket.granted is OPEN
    before = repr(pool.stats())
    pool.discard(busy, stale=True)
    pool.discard(Link(), stale=True)
    assert repr(pool.stats()) == before
    assert pool.doomed == [idle, busy]


def test_releasing_an_idle_connection_again_keeps_it_idle_once() -> None:
    """Release is harmless as long as nobody else got the connection."""
    pool = make()
    link = connect(pool, "a")
    give_back(pool, link, 10.0)
    give_back(pool, link, 99.0)
    assert next_expiry(pool) == 99.0
    assert pool.stats().idle == 1
    assert pool.acquire("a", 1.0) is link
    assert pool.acquire("a", 1.0) is OPEN


def test_abandoning_a_place_lets_the_next_waiter_have_it() -> None:
    """A failed connect frees its place; an unknown key is harmless."""
    pool = make(None, 1)
    assert pool.acquire("a", 0.0) is OPEN
    (ticket,) = queue(pool, "a", 1)
    pool.abandon("a")
    assert ticket.granted is OPEN
    pool.abandon("a")
    pool.abandon("nobody")
    assert pool.stats().open == 0
    assert not pool._hosts


def test_nothing_is_kept_of_origins_that_are_gone() -> None:
    """After 2,000 connections that were closed no object of theirs is left."""
    pool = make(10, 5)
    for i in range(2000):
        link = connect(pool, f"host{i}")
        give_back(pool, link, None)
        pool.doomed.clear()
    assert (len(pool._hosts), len(pool._owner), len(pool._oldest), len(pool._pending)) == (0, 0, 0, 0)


def test_statistics_can_be_added_reset_and_shown() -> None:
    """Two snapshots add field by field; only counts of events are reset."""
    pool = make()
    link = connect(pool, "a")
    give_back(pool, link, 10.0)
    total = pool.stats() + PoolStats(open=2, waiting=3)
    assert repr(total) == "PoolStats(created=1, expired=0, idle=1, in_use=0, open=3, reused=0, stale=0, waiting=3)"
    pool.reset_counts()
    assert (pool.stats().created, pool.stats().open) == (0, 1)


def operations(step: Any) -> int:
    """Python and C calls that a step makes."""
    count = 0

    def watch(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(watch)
    try:
        step()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("hosts", [1, 10])
def test_each_step_costs_the_same_with_a_hundred_and_with_ten_thousand_waiters(hosts: int) -> None:
    """Waiting, handing over, cancelling from the middle and freeing a place are O(1)."""
    costs: list[list[int]] = []
    for waiters in (100, 10_000):
        pool = make(hosts, 1)
        links = [connect(pool, f"h{i}") for i in range(hosts)]
        tickets = [pool.acquire(f"h{i % hosts}", 0.0) for i in range(waiters)]
        others = [pool.acquire(f"other{i % hosts}", 0.0) for i in range(waiters)]
        cost = [
            operations(lambda pool=pool: pool.acquire("h0", 0.0)),
            operations(lambda pool=pool, links=links: give_back(pool, links[0], 10.0)),
            operations(lambda pool=pool, tickets=tickets: pool.cancel(tickets[len(tickets) // 2])),
            operations(lambda pool=pool, others=others: pool.cancel(others[len(others) // 2])),
            operations(lambda pool=pool, links=links: give_back(pool, links[0], None)),
            operations(lambda pool=pool: pool.sweep(1.0)),
        ]
        costs.append(cost)
    assert costs[0] == costs[1]
    assert max(costs[0]) < 60


def test_waiters_expire_by_their_own_deadlines() -> None:
    """A look at the waiters ends those whose time is over, keeps the others in order, and says when to look again."""
    from fasthttp._pure.pool import EXPIRED

    state = PoolState(Limits(max_per_host=1))
    assert state.acquire("a", 0) is OPEN
    first, second, third = (state.acquire("a", 0) for _ in range(3))
    first.deadline, second.deadline = 5.0, 3.0
    assert state.expire_waiters(1.0) == 3.0
    assert state.expire_waiters(3.0) == 5.0
    assert (first.granted, second.granted, state.stats().waiting) == (None, EXPIRED, 2)
    state.cancel(second)
    assert state.stats().waiting == 2
    state.abandon("a")
    assert (first.granted, third.granted) == (OPEN, None)
    assert state.expire_waiters(100.0) == float("inf")
