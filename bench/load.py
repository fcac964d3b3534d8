"""Puts load on a URL with one library for a while, and measures. The worker of `benchmark.py`.

Reads its orders as JSON from stdin, prints one JSON line. Never imports a library but the one it is told to.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier, Lock, Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import libraries, servers
from bench.worker import max_rss, reason, run_loop

__all__ = ["Order", "Reservoir", "percentile"]


@dataclass
class Order:
    """What to do.

    Args:
        library, colour: which adapter.
        loop: `uvloop` or `asyncio`.
        method, url, headers, body_size: the request; the body is that many bytes, none for 0.
        status, body_file: the answer that is right.
        duration, concurrency, timeout, warmup: seconds; tasks or threads; seconds per request; requests of each before.
        verify: of certificates.
        samples, seed: size of the reservoir of latencies, and of its randomness.
        rate: requests started per second, 0 for as many as go.
        core: to be pinned to.
    """

    library: str
    colour: str
    loop: str
    method: str
    url: str
    status: int
    body_file: str
    headers: dict[str, str] = field(default_factory=dict)
    body_size: int = 0
    duration: float = 10.0
    concurrency: int = 32
    timeout: float = 10.0
    warmup: int = 5
    verify: bool = True
    samples: int = 50_000
    seed: int = 42
    rate: float = 0.0
    core: int | None = None

    def content(self) -> bytes | None:
        """The body to be sent."""
        return b"x" * self.body_size if self.body_size else None


class Reservoir:
    """A fair sample, of bounded size, of any number of values (Vitter's algorithm R)."""

    def __init__(self, size: int, seed: int) -> None:
        self.size = max(size, 1)
        self.seen = 0
        self.total = 0.0
        self.kept: list[float] = []
        self._random = random.Random(seed).random

    def add(self, value: float) -> None:
        self.seen += 1
        self.total += value
        if len(self.kept) < self.size:
            self.kept.append(value)
            return
        place = int(self._random() * self.seen)
        if place < self.size:
            self.kept[place] = value


def percentile(groups: list[tuple[int, list[float]]], part: float) -> float:
    """The value below which `part` of all lie; each group is a sample that stands for so many values. 0.0 without any."""
    weighted = sorted((value, seen / len(kept)) for seen, kept in groups if kept for value in kept)
    wanted = part * sum(weight for _, weight in weighted)
    reached = 0.0
    for value, weight in weighted:
        reached += weight
        if reached >= wanted:
            return value
    return weighted[-1][0] if weighted else 0.0


class Lane:
    """What one task or thread saw."""

    def __init__(self, samples: int, seed: int) -> None:
        self.latencies = Reservoir(samples, seed)
        self.right = 0
        self.received = 0
        self.error = ""

    def note(self, latency: float, status: int, body: bytes, order: Order, expected: bytes) -> None:
        self.latencies.add(latency)
        self.received += len(body)
        if status == order.status and body == expected:
            self.right += 1
        elif not self.error:
            self.error = f"status {status}, a body of {len(body)} bytes that is not the first answer's {len(expected)}"

    def failed(self, latency: float, exc: Exception) -> None:
        self.latencies.add(latency)
        self.error = self.error or reason(exc)


class Clock:
    """When a measurement begins and ends, and when each request of an open loop is due."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._lock = Lock()

    def start(self) -> None:
        self._numbers: Iterator[int] = itertools.count()
        self.begun = time.perf_counter()
        self.deadline = self.begun + self.order.duration
        self.cpu = time.process_time()

    def stop(self) -> None:
        self.cpu = time.process_time() - self.cpu
        self.elapsed = time.perf_counter() - self.begun

    def due(self) -> float | None:
        """When the next request is to start; None when the time is over. It counts from then, however late it starts."""
        if self.order.rate:
            with self._lock:
                at = self.begun + next(self._numbers) / self.order.rate
        else:
            at = time.perf_counter()
        return at if at < self.deadline else None


async def _task(order: Order, clock: Clock, lane: Lane, adapter: Any, expected: bytes) -> None:
    content, headers, method, url = order.content(), order.headers, order.method, order.url
    now = time.perf_counter
    while (due := clock.due()) is not None:
        if (early := due - now()) > 0:
            await asyncio.sleep(early)
        try:
            status, body = await adapter.send(method, url, headers, content)
        except Exception as exc:
            lane.failed(now() - due, exc)
            await asyncio.sleep(0)  # a failure at once must not hold up the others
        else:
            lane.note(now() - due, status, body, order, expected)


async def _load_async(order: Order, clock: Clock, lanes: list[Lane], adapter: Any, expected: bytes) -> None:
    await adapter.open()
    try:
        lanes.append(Lane(order.samples, order.seed))

        async def warm() -> None:
            for _ in range(order.warmup):
                await adapter.send(order.method, order.url, order.headers, order.content())

        await asyncio.gather(*[warm() for _ in range(order.concurrency)], return_exceptions=True)
        clock.start()
        async with asyncio.TaskGroup() as group:
            for _ in range(order.concurrency):
                group.create_task(_task(order, clock, lanes[0], adapter, expected))
        clock.stop()
    finally:
        await adapter.close()


def _thread(order: Order, clock: Clock, lane: Lane, adapter: Any, expected: bytes, barrier: Barrier) -> None:
    content, headers, method, url = order.content(), order.headers, order.method, order.url
    now = time.perf_counter
    for _ in range(order.warmup):
        try:
            adapter.send(method, url, headers, content)
        except Exception:
            break  # it will fail again where it is counted
    barrier.wait()
    while (due := clock.due()) is not None:
        if (early := due - now()) > 0:
            time.sleep(early)
        try:
            status, body = adapter.send(method, url, headers, content)
        except Exception as exc:
            lane.failed(now() - due, exc)
        else:
            lane.note(now() - due, status, body, order, expected)


def _load_blocking(order: Order, clock: Clock, lanes: list[Lane], adapter: Any, expected: bytes) -> None:
    adapter.open()
    try:
        count = order.concurrency
        barrier = Barrier(count, action=clock.start)
        lanes.extend(Lane(max(order.samples // count, 1), order.seed + number) for number in range(count))
        threads = [Thread(target=_thread, args=(order, clock, lane, adapter, expected, barrier)) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        clock.stop()
    finally:
        adapter.close()


def load(order: Order) -> dict[str, Any]:
    """Carry out an order."""
    servers.pin(order.core)
    expected = Path(order.body_file).read_bytes()
    settings = libraries.Settings(order.concurrency, order.timeout, order.verify)
    adapter = libraries.LIBRARIES[order.library].adapter(order.colour)(settings)
    clock = Clock(order)
    lanes: list[Lane] = []
    run: Callable[..., Any] = _load_async if order.colour == "async" else _load_blocking
    work = run(order, clock, lanes, adapter, expected)
    if order.colour == "async":
        run_loop(work, order.loop)
    return {
        "requests": sum(lane.latencies.seen for lane in lanes),
        "right": sum(lane.right for lane in lanes),
        "received": sum(lane.received for lane in lanes),
        "seconds": clock.elapsed,
        "cpu": clock.cpu,
        "latency_total": sum(lane.latencies.total for lane in lanes),
        "latencies": [[lane.latencies.seen, [round(value, 7) for value in lane.latencies.kept]] for lane in lanes],
        "rss_kib": max_rss(),
        "version": libraries.version(order.library),
        "error": next((lane.error for lane in lanes if lane.error), ""),
    }


def main() -> None:
    """Read the order, carry it out, print what came of it."""
    order = Order(**json.load(sys.stdin))
    try:
        result = load(order)
    except Exception as exc:
        result = {"failed": reason(exc)}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
