"""One client, many threads or tasks: bounds hold, bodies are the right ones, order is first come first served."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable

import pytest

from fasthttp import AsyncClient, Client, ClientClosedError, ConnectionPool, Limits, PoolError, SyncClient
from fasthttp.errors import FastHTTPError
from tests.live.support import echo, echo_server, until_blocking
from tests.shell.server import Peer, response, serve


def run_threads(count: int, work: Callable[[int], None]) -> None:
    """Run `work` in threads that start at the same moment."""
    barrier = threading.Barrier(count)
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            barrier.wait(10)
            work(number)
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert not failures, failures


@pytest.mark.parametrize("kind", [SyncClient, Client])
def test_sixteen_threads_on_eight_sockets(kind: type[Client]) -> None:
    """480 requests of 16 threads, all started at once on a new client, use at most 8 sockets and get their own bodies."""
    bodies: list[bool] = []
    with serve(echo) as server:
        client = kind(limits=Limits(max_per_host=8))

        def work(number: int) -> None:
            for turn in range(30):
                target = f"/{number}/{turn}"
                bodies.append(client.get(server.url + target).text == target)

        run_threads(16, work)
        stats = client.pool_stats()
        assert (stats.in_use, stats.waiting) == (0, 0)
        assert stats.open <= 8
        client.close()
        assert server.most_open <= 8
        assert server.connections <= 8
    assert bodies == [True] * 480


def test_threads_that_come_first_share_one_pool() -> None:
    """However many threads ask a new pool at once, there is one set of connections for them."""
    for _ in range(50):
        pool = ConnectionPool()
        got: list[object] = []
        run_threads(8, lambda _, pool=pool, got=got: got.append(pool.for_threads()))  # type: ignore[misc]
        assert len({id(one) for one in got}) == 1
        pool.close()


def test_closing_from_another_thread() -> None:
    """Closing a client ends the calls in flight with ClientClosedError and those that wait with PoolError, all at once."""
    reached = threading.Semaphore(0)

    def handler(peer: Peer) -> None:
        if peer.read() is not None:
            reached.release()
            peer.wait()

    outcomes: list[tuple[type[BaseException], str]] = []
    with serve(handler) as server:
        client = SyncClient(limits=Limits(max_per_host=3))

        def call(number: int) -> None:
            try:
                client.get(f"{server.url}/{number}")
            except FastHTTPError as exc:
                outcomes.append((type(exc), str(exc.url)))

        threads = [threading.Thread(target=call, args=(number,), daemon=True) for number in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            assert reached.acquire(timeout=5)
        until_blocking(lambda: client.pool_stats().waiting == 5)
        client.close()
        for thread in threads:
            thread.join(5)
        assert not any(thread.is_alive() for thread in threads)
        server.wait_until_closed()
    assert sorted(kind.__name__ for kind, _ in outcomes) == ["ClientClosedError"] * 3 + ["PoolError"] * 5
    assert sorted(url for _, url in outcomes) == sorted(f"{server.url}/{number}" for number in range(8))
    with pytest.raises(ClientClosedError):
        client.get(server.url)
    assert PoolError.__mro__[1] is FastHTTPError


def test_closing_while_threads_are_busy_leaves_no_socket() -> None:
    """A client closed in the middle of traffic: each call ends in its answer or in an error of ours, each socket is closed."""
    for _ in range(5):
        with serve(echo) as server:
            client = SyncClient(limits=Limits(max_per_host=4))
            started = threading.Semaphore(0)

            def work(client: SyncClient = client, url: str = server.url, started: threading.Semaphore = started) -> None:
                try:
                    for turn in range(1000):
                        assert client.get(f"{url}/{turn}").text == f"/{turn}"
                        if turn == 5:
                            started.release()
                except (ClientClosedError, PoolError):
                    pass

            threads = [threading.Thread(target=work, daemon=True) for _ in range(6)]
            for thread in threads:
                thread.start()
            for _ in threads:
                assert started.acquire(timeout=10)
            client.close()
            for thread in threads:
                thread.join(10)
            assert not any(thread.is_alive() for thread in threads)
            server.wait_until_closed()
        gc.collect()


async def test_two_hundred_tasks_on_five_sockets() -> None:
    """200 concurrent calls with five connections: never more sockets than that, and they start in the order of asking."""
    async with echo_server(longest=0.002, seed=3) as server, AsyncClient(limits=Limits(max_per_host=5)) as client:
        await asyncio.gather(*(client.get(f"{server.url}/warm/{number}") for number in range(5)))
        server.targets.clear()
        answers = await asyncio.gather(*(client.get(f"{server.url}/{number}") for number in range(200)))
        assert [answer.text for answer in answers] == [f"/{number}" for number in range(200)]
        assert server.most_open <= 5
        assert server.connections <= 5
    started = [int(target[1:]) for target in server.targets]
    assert all(abs(place - number) < 10 for place, number in enumerate(started)), started


def test_waiting_threads_are_served_in_order() -> None:
    """Threads that wait for the only connection get it in the order in which they asked."""
    gate = threading.Event()

    def handler(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            gate.wait(10)
            peer.send(response(request.target.encode()))

    with serve(handler) as server, SyncClient(limits=Limits(max_per_host=1)) as client:
        threads = []
        for number in range(10):
            thread = threading.Thread(target=client.get, args=(f"{server.url}/{number}",), daemon=True)
            threads.append(thread)
            thread.start()
            until_blocking(lambda: client.pool_stats().in_use + client.pool_stats().waiting == len(threads))
        gate.set()
        for thread in threads:
            thread.join(10)
        assert [request.target for request in server.requests] == [f"/{number}" for number in range(10)]


def test_a_collection_may_come_at_any_moment() -> None:
    """Responses that were forgotten unread, in cycles, are collected in the middle of other calls without a deadlock."""

    def handler(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            if request.target == "/long":
                peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nsome")
            else:
                peer.send(response(request.target.encode()))

    thresholds = gc.get_threshold()
    with serve(handler) as server, SyncClient(limits=Limits(max_per_host=8)) as client:
        gc.set_threshold(1)  # at nearly every step
        try:

            def work(number: int) -> None:
                for turn in range(15):
                    cycle: list[object] = [client.get(f"{server.url}/long", stream=True)]
                    cycle[0]._body.closed = True  # type: ignore[attr-defined]  # the warning is not the subject here
                    source = cycle[0]._body._source  # type: ignore[attr-defined]
                    cycle.append(Abandoning(source, cycle))
                    del cycle, source
                    assert client.get(f"{server.url}/{number}/{turn}").text == f"/{number}/{turn}"

            run_threads(4, work)
        finally:
            gc.set_threshold(*thresholds)
        gc.collect()
        assert client.pool_stats().in_use == 0


class Abandoning:
    """Lets go of a body when it is collected, as a body does that nobody closed."""

    def __init__(self, source: object, cycle: list[object]) -> None:
        self._source = source
        self._cycle = cycle

    def __del__(self) -> None:
        self._source.abandon()  # type: ignore[attr-defined]
