"""The steps of the pool that need no lock, and what another thread may do in the middle of those that have it."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from typing import Any

from fasthttp._pure.pool import OPEN, Ticket
from fasthttp.errors import PoolError
from tests.pure.test_pool import Link, connect, give_back, make, moments, queue


def test_a_connection_comes_and_goes_without_the_lock() -> None:
    """`take` and `put` do all there is to do as long as nobody waits and nothing is over."""
    pool = make()
    link = connect(pool, "a")
    assert pool.take("a", 1.0) is None
    assert not pool.put(link, 1.0, 10.0)  # the first time it has to be ranked
    pool.settle(link)
    for now in (2.0, 3.0):
        assert pool.take("a", now) is link
        assert pool.take("a", now) is None
        assert pool.put(link, now, 10.0 + now)
    assert pool.take("b", 3.0) is None
    assert (pool.stats().reused, pool.stats().idle) == (2, 1)


def test_what_has_to_be_seen_to_is_left_to_those_who_hold_the_lock() -> None:
    """A sweep that is due, a connection that is over, waiters, and an expiry before all others."""
    pool = make(None, 2)
    first, second = connect(pool, "a"), connect(pool, "a")
    give_back(pool, first, 10.0)
    give_back(pool, second, 5.0)
    assert pool.take("a", 5.0) is None
    assert pool.sweep(5.0) == 10.0
    assert pool.take("a", 6.0) is None
    assert pool.acquire("a", 6.0) is first
    assert pool.put(first, 6.0, 10.0)
    assert pool.take("a", 6.5) is first
    assert not pool.put(first, 7.0, 8.0)
    pool.settle(first)
    assert pool.take("a", 8.0) is None
    assert pool.sweep(8.0) is None
    pool.settle(first)  # it is gone
    assert pool.put(first, 8.0, 9.0)
    assert pool.stats().open == 0


def test_the_oldest_is_the_one_that_has_rested_longest_whoever_came_first() -> None:
    """The order is mended when somebody asks: what was used since is younger, what is in use is not idle."""
    pool = make(3, None)
    links = [connect(pool, key, key) for key in "abc"]
    for link in links:
        give_back(pool, link, 100.0)
    assert pool.take("a", 2.0) is links[0]
    assert pool.put(links[0], 50.0, 100.0)
    assert pool.take("b", 2.0) is links[1]
    assert pool.acquire("d", 60.0) is OPEN
    assert pool.doomed == [links[2]]
    assert pool.acquire("e", 60.0) is OPEN
    assert pool.doomed == [links[2], links[0]]
    assert isinstance(pool.acquire("f", 60.0), Ticket)
    assert not pool.put(links[1], 61.0, 100.0)
    pool.settle(links[1])
    assert pool.doomed[-1] is links[1]


class Meanwhile(OrderedDict[Any, Any]):
    """A dict of the pool's in which another thread comes in between, once."""

    def __init__(self, before: Any, step: Any) -> None:
        super().__init__(before)
        self.step = step

    def happen(self) -> None:
        step, self.step = self.step, None
        if step is not None:
            step()


class WhenStored(Meanwhile):
    def __setitem__(self, key: Any, value: Any) -> None:
        if getattr(self, "step", None) is not None:
            self.happen()
        super().__setitem__(key, value)


class WhenAsked(Meanwhile):
    def __contains__(self, key: object) -> bool:
        found = super().__contains__(key)
        self.happen()
        return found


class WhenTaken(Meanwhile):
    def pop(self, key: Any, default: Any = None) -> Any:
        self.happen()
        return super().pop(key, default)


class WhenEmpty(Meanwhile):
    def popitem(self, last: bool = True) -> Any:
        if not self:
            self.happen()
            raise KeyError
        return super().popitem(last)


def test_a_connection_that_comes_back_just_after_nothing_was_idle_may_be_evicted() -> None:
    """Its host is known all the same, with the place that was kept in exchange."""
    pool = make(1, None)
    link = connect(pool, "a")
    give_back(pool, link, 10.0)
    assert pool.take("a", 1.0) is link
    host = pool._hosts["a"]
    host.idle = WhenEmpty({}, lambda: pool.put(link, 2.0, 10.0))
    assert pool.acquire("a", 2.0) is OPEN
    assert (pool.doomed, pool.stats().open) == ([link], 1)
    pool.opened("a", Link("another"))
    assert pool.stats().open == 1


def test_a_connection_that_is_taken_while_the_pool_ends_is_in_use() -> None:
    """It is ended as one, so that its exchange is told why; the rest is closed."""
    pool = make()
    taken, left = connect(pool, "a"), connect(pool, "a")
    for link in (left, taken):
        give_back(pool, link, 10.0)
    host, got = pool._hosts["a"], list[Any]()

    class WhenPopped(Meanwhile):
        def popitem(self, last: bool = True) -> Any:
            self.happen()
            return super().popitem(last)

    host.idle = WhenPopped(host.idle, lambda: got.append(pool.take("a", 1.0)))
    assert pool.close(PoolError("over")) == ([left], [taken])
    assert got == [taken]
    assert pool.take("a", 1.0) is None


def test_the_order_of_the_oldest_does_not_grow_with_those_that_are_gone() -> None:
    """It is cleared of them now and then."""
    pool = make()
    kept = connect(pool, "kept")
    give_back(pool, kept, 1000.0)
    for number in range(500):
        link = connect(pool, f"h{number}")
        give_back(pool, link, 1000.0)
        assert pool.take(f"h{number}", 1.0) is link
        pool.discard(link)
    assert len(pool._oldest) < 25
    assert pool.acquire("kept", 2.0) is kept


def test_a_granted_connection_that_nobody_else_wants_goes_back_without_more_ado() -> None:
    """A waiter that gave up leaves it idle."""
    pool = make(None, 1)
    link = connect(pool, "a")
    give_back(pool, link, 10.0)
    assert pool.take("a", 1.0) is link
    (ticket,) = queue(pool, "a", 1)
    give_back(pool, link, 10.0)
    pool.cancel(ticket)
    assert pool.idle_connections() == {link}


def test_a_connection_that_comes_back_just_before_its_waiter_stands_in_the_queue_is_not_left() -> None:
    """Who put it back saw no waiter; the waiter sees the connection."""
    pool = make(None, 1)
    link = connect(pool, "a")
    give_back(pool, link, 10.0)
    assert pool.take("a", 1.0) is link
    host = pool._hosts["a"]
    seen: list[bool] = []
    host.waiters = WhenStored({}, lambda: seen.append(pool.put(link, 2.0, 10.0)))
    ticket = pool.acquire("a", 2.0)
    assert seen == [True]
    assert isinstance(ticket, Ticket)
    assert ticket.granted is link
    assert (pool.stats().waiting, pool.stats().idle, pool.stats().reused) == (0, 0, 2)


def test_the_same_for_a_waiter_of_another_host() -> None:
    """Who puts it back then is told that there is something to see to, whether the waiter stands in the queue yet or not."""
    pool = make(1, None)
    link = connect(pool, "a")
    give_back(pool, link, 10.0)
    assert pool.take("a", 1.0) is link
    assert pool.acquire("b", 2.0) is not OPEN
    (ticket,) = pool._hosts["b"].waiters
    pool.cancel(ticket)
    assert not pool.put(link, 2.0, 10.0)
    again = pool.acquire("b", 2.0)
    assert isinstance(again, Ticket)
    pool.settle(link)
    assert (again.granted, pool.doomed) == (OPEN, [link])


def test_a_connection_that_is_taken_while_it_is_handed_over_is_whose_hand_was_first() -> None:
    """The waiter goes on waiting, and is served when it comes back."""
    pool = make(None, 1)
    link = connect(pool, "a")
    (ticket,) = queue(pool, "a", 1)
    host = pool._hosts["a"]
    host.idle = WhenTaken({}, lambda: host.idle.clear())
    give_back(pool, link, 10.0)
    assert (ticket.granted, pool.stats().idle) == (None, 0)
    give_back(pool, link, 10.0)
    assert ticket.granted is link


def test_a_connection_that_is_taken_while_it_is_evicted_stays() -> None:
    """The next oldest goes in its place, if there is one."""
    pool = make(1, None)
    link = connect(pool, "a")
    give_back(pool, link, 10.0)
    host = pool._hosts["a"]
    host.idle = WhenTaken(host.idle, lambda: host.idle.clear())
    assert isinstance(pool.acquire("b", 1.0), Ticket)
    assert pool.doomed == []


def test_a_connection_that_comes_back_while_it_is_struck_off_the_order_is_in_it() -> None:
    """It was ranked when it was put back; so it is ranked again."""
    pool = make(1, None)
    link = connect(pool, "a")
    give_back(pool, link, 10.0)
    assert pool.take("a", 1.0) is link
    host = pool._hosts["a"]
    seen: list[bool] = []
    host.idle = WhenAsked({}, lambda: seen.append(pool.put(link, 2.0, 10.0)))
    assert pool.acquire("b", 2.0) is OPEN
    assert (seen, pool.doomed) == ([True], [link])


def test_threads_that_take_and_put_without_the_lock_leave_nobody_waiting() -> None:
    """Twelve threads, two hosts, three places: every exchange comes to its end, and the counts are right."""
    pool, lock = make(3, 2), threading.Lock()
    done: list[int] = []
    shared: list[Link] = []

    def get(key: str) -> Any:
        got = pool.take(key, 1.0)
        if got is None:
            with lock:
                got = pool.acquire(key, 1.0)
                if isinstance(got, Ticket) and got.granted is None:
                    event = threading.Event()
                    got.wake = event.set
                else:
                    event = None
            if event is not None:
                assert event.wait(20), "nobody gave anything to this waiter"
            if isinstance(got, Ticket):
                got = got.granted
        if got is OPEN:
            got = Link(key)
            with lock:
                pool.opened(key, got)
        return got

    def work(number: int) -> None:
        count = 0
        for turn in range(1500):
            key = "ab"[(number + turn // 7) % 2]
            link = get(key)
            assert link.name == key
            assert link not in shared
            shared.append(link)
            shared.remove(link)
            count += 1
            if not pool.put(link, next(moments), 1e9):
                with lock:
                    pool.settle(link)
        done.append(count)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(interval)
    assert done == [1500] * 12
    stats = pool.stats()
    assert (stats.waiting, stats.in_use) == (0, 0)
    assert stats.open <= 3
    assert stats.created + stats.reused == 12 * 1500
