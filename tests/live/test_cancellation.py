"""Calls that are cancelled, interrupted or too late: their places in the pool come back, and no answer goes astray."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from types import FrameType
from typing import Any

import pytest

from fasthttp import AsyncClient, Limits, PoolTimeout, Request, Response, SyncClient, Timeout
from tests.live.support import echo, echo_server, until
from tests.shell.server import Peer, response, serve


async def assert_sound(client: AsyncClient, url: str, tasks_before: int) -> None:
    """Nothing is in use or waiting, no task is left, and thirty more requests get their own answers."""
    stats = client.pool_stats()
    assert (stats.in_use, stats.waiting) == (0, 0)
    answers = await asyncio.gather(*(client.get(f"{url}/after/{number}") for number in range(30)))
    assert [answer.text for answer in answers] == [f"/after/{number}" for number in range(30)]
    stats = client.pool_stats()
    assert (stats.in_use, stats.waiting) == (0, 0)
    assert len([task for task in asyncio.all_tasks() if "EchoServer" not in repr(task)]) == tasks_before


async def cancel_at_random(count: int, seed: int) -> None:
    """Cancel `count` GETs at random moments of a busy pool."""
    chance = random.Random(seed)
    async with echo_server(longest=0.01, seed=seed) as server, AsyncClient(limits=Limits(max_per_host=10)) as client:

        async def one(number: int) -> str:
            answer = await client.get(f"{server.url}/{number}")
            assert answer.text == f"/{number}"
            return "answered"

        outcomes: list[Any] = []
        for start in range(0, count, 100):
            tasks = [asyncio.ensure_future(one(number)) for number in range(start, start + 100)]
            for task in chance.sample(tasks, len(tasks)):
                if chance.random() < 0.5:
                    await asyncio.sleep(chance.random() * 0.002)
                task.cancel()
            outcomes += await asyncio.gather(*tasks, return_exceptions=True)
        assert all(outcome == "answered" or isinstance(outcome, asyncio.CancelledError) for outcome in outcomes), outcomes
        assert sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes) > count / 4
        await assert_sound(client, server.url, 1)
        assert server.most_open <= 10 + sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)


async def test_a_thousand_cancelled_gets() -> None:
    """After a thousand GETs cancelled at random moments nothing is in use, nobody waits, and answers match requests."""
    await cancel_at_random(1000, 11)


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("queued", [False, True])
async def test_cancelled_after_any_number_of_steps(warm: bool, queued: bool) -> None:
    """Whichever step of the loop a call is cancelled at, cold or warm, first or in the queue, its place comes back."""
    async with echo_server() as server:
        for steps in range(41):
            async with AsyncClient(limits=Limits(max_per_host=1)) as client:
                if warm:
                    await client.get(f"{server.url}/warm")
                tasks = [asyncio.ensure_future(client.get(f"{server.url}/{number}")) for number in range(2 if queued else 1)]
                for _ in range(steps):
                    await asyncio.sleep(0)
                tasks[-1].cancel()
                outcomes = await asyncio.gather(*tasks, return_exceptions=True)
                if queued:
                    assert isinstance(outcomes[0], Response)
                    assert outcomes[0].text == "/0"
                assert isinstance(outcomes[-1], (Response, asyncio.CancelledError))
                stats = client.pool_stats()
                assert (stats.in_use, stats.waiting) == (0, 0)
                assert (await client.get(f"{server.url}/after")).text == "/after"


async def test_cancelled_in_a_body_that_is_being_read() -> None:
    """Cancelling a call in the middle of a long body, buffered or streamed, closes its connection without a warning."""
    sent: list[int] = []

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + bytes(600_000))
        sent.append(1)
        peer.wait()

    with serve(handler) as server:
        async with AsyncClient() as client:
            for stream in (False, True):

                async def call(stream: bool = stream) -> None:
                    answer = await client.get(server.url, stream=stream)
                    await answer.aread()

                task = asyncio.ensure_future(call())
                await until(lambda: bool(sent))
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                sent.clear()
                stats = client.pool_stats()
                assert (stats.open, stats.in_use) == (0, 0)
        server.wait_until_closed()


async def test_cancelled_while_the_request_body_is_sent() -> None:
    """Cancelling an upload, whether its source is async or read in a worker thread, frees the place of the call."""
    release = threading.Event()
    begun: list[int] = []

    def blocking() -> Iterator[bytes]:
        yield b"a"
        begun.append(1)
        release.wait(5)
        yield b"b"

    async def waiting() -> AsyncIterator[bytes]:
        yield b"a"
        begun.append(1)
        await asyncio.sleep(30)

    kinds: list[Any] = []
    with serve(echo) as server:
        async with AsyncClient() as client:
            for source in (blocking, waiting):
                task = asyncio.ensure_future(client.post(server.url, content=source()))
                await until(lambda: len(begun) > len(kinds))
                kinds.append(source)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert client.pool_stats().open == 0
                release.set()


class Interrupt(BaseException):
    """As KeyboardInterrupt: no error of a call, and not to be caught."""


@pytest.mark.parametrize("event", ["request", "response"])
def test_interrupt_in_a_hook_of_a_blocking_call(event: str) -> None:
    """An exception that is no Exception, raised by a hook, passes and leaves the pool whole."""

    def hook(_: Request | Response) -> None:
        raise Interrupt

    with serve(echo) as server, SyncClient(limits=Limits(max_per_host=1)) as client:
        for stream in (False, True):
            with pytest.raises(Interrupt):
                client.get(f"{server.url}/a", hooks={event: hook}, stream=stream)
            assert client.pool_stats().in_use == 0
            assert client.get(f"{server.url}/b", timeout=Timeout(pool=2)).text == "/b"


@pytest.fixture
def alarm() -> Iterator[None]:
    """SIGALRM raises `Interrupt` in the main thread."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Interrupt

    before = signal.signal(signal.SIGALRM, ring)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_signal_in_a_blocking_read(alarm: None) -> None:
    """A signal whose handler raises ends a blocking call at once, and its place comes back."""

    def handler(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            if request.target == "/silent":
                peer.wait()
                return
            peer.send(response(request.target.encode()))

    with serve(handler) as server, SyncClient(limits=Limits(max_per_host=1)) as client:
        for _ in range(3):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Interrupt):
                client.get(f"{server.url}/silent")
            assert client.pool_stats().in_use == 0
            assert client.get(f"{server.url}/ok", timeout=Timeout(pool=2)).text == "/ok"


def test_signal_in_the_queue_of_a_blocking_client(alarm: None) -> None:
    """A signal that ends the wait for a connection takes the call out of the queue."""
    with serve(echo) as server, SyncClient(limits=Limits(max_per_host=1)) as client:
        with client.stream("GET", f"{server.url}/held") as held:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Interrupt):
                client.get(f"{server.url}/queued")
            stats = client.pool_stats()
            assert (stats.in_use, stats.waiting) == (1, 0)
            assert held.read() == b"/held"
        assert client.get(f"{server.url}/ok").text == "/ok"


async def test_pool_timeouts_lose_no_place() -> None:
    """Calls that wait too long for one of two connections fail with PoolTimeout; both places stay usable."""
    async with echo_server(longest=0.02, seed=5) as server, AsyncClient(limits=Limits(max_per_host=2)) as client:
        calls = [client.get(f"{server.url}/{number}", timeout=Timeout(pool=0.03)) for number in range(100)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        late = [outcome for outcome in outcomes if isinstance(outcome, PoolTimeout)]
        assert late
        assert "waiting" in str(late[0])
        for number, outcome in enumerate(outcomes):
            assert isinstance(outcome, PoolTimeout) or (isinstance(outcome, Response) and outcome.text == f"/{number}")
        await assert_sound(client, server.url, 1)


def test_pool_timeouts_of_threads_lose_no_place() -> None:
    """The same with threads."""
    pause = threading.Event()

    def handler(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            pause.wait(0.02)
            peer.send(response(request.target.encode()))

    outcomes: list[str] = []
    with serve(handler) as server, SyncClient(limits=Limits(max_per_host=2)) as client:

        def work(number: int) -> None:
            for turn in range(10):
                target = f"/{number}/{turn}"
                try:
                    outcomes.append("ok" if client.get(server.url + target, timeout=Timeout(pool=0.03)).text == target else "mixed up")
                except PoolTimeout:
                    outcomes.append("late")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(outcomes) == 120
        assert set(outcomes) == {"ok", "late"}
        stats = client.pool_stats()
        assert (stats.in_use, stats.waiting) == (0, 0)
        assert server.most_open <= 2
        for number in range(30):
            assert client.get(f"{server.url}/{number}").text == f"/{number}"
