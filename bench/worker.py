"""Measures one library in one scenario: `worker.py LIBRARY SCENARIO --url ... `. Prints one JSON line.

`{"requests", "seconds", "cpu_us", "rps", "rss_kib", "gc", "gc_per_10k", "wrong", "version"}`, or `{"error": ...}`. CPU is that of
the whole process, all threads, between the end of the warm-up and the last answer, per request.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import libraries, scenarios, servers

Check = Callable[[int, Any], bool]


class Run:
    """One measurement under way: counts requests, knows when to stop, and reads the clocks around the measured part."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self.seconds = seconds
        self.done = 0
        self.wrong = 0
        self.deadline = float("inf")

    def start(self) -> None:
        gc.collect()
        self.collections = _collections()
        self.done = self.wrong = 0
        self.begun = time.perf_counter()
        self.deadline = self.begun + self.seconds
        self.cpu = time.process_time()

    def stop(self) -> None:
        self.cpu = time.process_time() - self.cpu
        self.elapsed = time.perf_counter() - self.begun
        self.collections = _collections() - self.collections

    def result(self) -> dict[str, Any]:
        done = max(self.done, 1)
        return {
            "requests": self.done,
            "seconds": round(self.elapsed, 4),
            "cpu_us": round(self.cpu / done * 1e6, 3),
            "rps": round(self.done / self.elapsed, 1),
            "rss_kib": max_rss(),
            "gc": self.collections,
            "gc_per_10k": round(self.collections / done * 1e4, 2),
            "wrong": self.wrong,
        }


def reason(exc: BaseException) -> str:
    """An exception in one line; of a group, the first."""
    while isinstance(exc, BaseExceptionGroup):
        exc = exc.exceptions[0]
    return " ".join(f"{type(exc).__name__}: {exc}".split())[:300]


def _collections() -> int:
    return sum(int(generation["collections"]) for generation in gc.get_stats())


def max_rss() -> int:
    """The most memory this process has had, in KiB; 0 where the system does not say."""
    try:  # not getrusage: on Linux its figure begins with that of the parent at the fork
        return next(int(line.split()[1]) for line in Path("/proc/self/status").read_text("ascii").splitlines() if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:
        return 0
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used // 1024 if sys.platform == "darwin" else used


class Streamed:
    """Compares a streamed body with the expected one, piece by piece."""

    __slots__ = ("at", "expected", "same")

    def __init__(self, expected: bytes) -> None:
        self.expected = expected
        self.at = 0
        self.same = True

    def feed(self, piece: bytes) -> None:
        if not self.expected.startswith(piece, self.at):
            self.same = False
        self.at += len(piece)

    def right(self) -> bool:
        return self.same and self.at == len(self.expected)


def _call(adapter: Any, scenario: scenarios.Scenario, url: str) -> Callable[[], Any]:
    """The call that a lane repeats; awaitable for an async adapter. Its result is (status, body)."""
    if scenario.action == "json":
        return lambda: adapter.json(url)
    if scenario.action == "body":
        return lambda: adapter.body(url)
    if scenario.action == "post":
        return lambda: adapter.post(url, scenarios.PAYLOAD)
    content = scenarios.expected(scenario)

    async def stream() -> tuple[int, Any]:
        streamed = Streamed(content)
        status = await adapter.stream(url, streamed.feed)
        return status, content if streamed.right() else None

    return stream


async def _lane(run: Run, call: Callable[[], Awaitable[tuple[int, Any]]], expected: Any) -> None:
    clock = time.perf_counter
    while True:  # each lane asks once at least, so that a warm-up opens every connection
        run.done += 1
        status, body = await call()
        if status != 200 or body != expected:
            run.wrong += 1
        if run.done >= run.limit or clock() >= run.deadline:
            return


async def _lanes(run: Run, concurrency: int, call: Callable[[], Awaitable[tuple[int, Any]]], expected: Any) -> None:
    if concurrency == 1:
        await _lane(run, call, expected)
        return
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(_lane(run, call, expected))


async def measure_async(adapter: Any, scenario: scenarios.Scenario, url: str, run: Run, warmup: int) -> None:
    """Warm up, then measure, with as many tasks as the scenario has connections."""
    await adapter.open()
    try:
        call, expected = _call(adapter, scenario, url), scenarios.expected(scenario)
        warm = Run(warmup, run.seconds)
        warm.deadline = time.perf_counter() + run.seconds
        await _lanes(warm, scenario.concurrency, call, expected)
        if warm.wrong:
            raise RuntimeError(f"{warm.wrong} of {warm.done} answers in the warm-up were wrong")
        run.start()
        await _lanes(run, scenario.concurrency, call, expected)
        run.stop()
    finally:
        await adapter.close()


def _thread(run: Run, call: Callable[[], tuple[int, Any]], expected: Any, share: int) -> tuple[int, int]:
    clock = time.perf_counter
    done = wrong = 0
    while done < share and clock() < run.deadline:
        done += 1
        status, body = call()
        if status != 200 or body != expected:
            wrong += 1
    return done, wrong


def measure_blocking(adapter: Any, scenario: scenarios.Scenario, url: str, run: Run, warmup: int) -> None:
    """Warm up, then measure, with as many threads as the scenario has connections; one is this thread."""
    adapter.open()
    try:
        call, expected = _call(adapter, scenario, url), scenarios.expected(scenario)
        count = scenario.concurrency
        counts: list[tuple[int, int]] = []
        failures: list[BaseException] = []
        barrier = Barrier(count, action=run.start)

        def work() -> None:
            try:
                warm = _thread(run, call, expected, max(warmup // count, 5))
                if warm[1]:
                    raise RuntimeError(f"{warm[1]} of {warm[0]} answers in the warm-up were wrong")
                barrier.wait(60)
                counts.append(_thread(run, call, expected, run.limit // count))
            except BaseException as exc:
                failures.append(exc)
                barrier.abort()

        threads = [Thread(target=work, daemon=True) for _ in range(count - 1)]
        for thread in threads:
            thread.start()
        work()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        run.done, run.wrong = (sum(part) for part in zip(*counts, strict=True))
        run.stop()
    finally:
        adapter.close()


def run_loop(main: Any, loop: str) -> None:
    """Run a coroutine on the named event loop."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", choices=list(libraries.LIBRARIES))
    parser.add_argument("scenario", choices=[scenario.name for scenario in scenarios.SCENARIOS])
    parser.add_argument("--url", required=True, help="of the server, without a path")
    parser.add_argument("--ca", default="", help="the CA file of its certificate")
    parser.add_argument("--seconds", type=float, default=1.2, help="of the measured part, at most")
    parser.add_argument("--warmup", type=int, default=0, help="requests; 0: as many as the concurrency asks for")
    parser.add_argument("--core", type=int, help="to be pinned to")
    options = parser.parse_args()
    servers.pin(options.core)
    scenario = next(found for found in scenarios.SCENARIOS if found.name == options.scenario)
    run = Run(scenario.requests, options.seconds)
    warmup = options.warmup or max(200, 4 * scenario.concurrency)
    settings = libraries.Settings(scenario.concurrency, 10.0, options.ca or True)
    url = options.url + scenario.path
    try:
        adapter = libraries.LIBRARIES[options.library].adapter(scenario.colour)(settings)
        if scenario.colour == "async":
            run_loop(measure_async(adapter, scenario, url, run, warmup), scenario.loop)
        else:
            measure_blocking(adapter, scenario, url, run, warmup)
        result = run.result() | {"version": libraries.version(options.library)}
    except BaseException as exc:
        result = {"error": reason(exc)}
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
