"""Blocking functions: threads, their number, their contexts, and what happens to those that nobody waits for any more."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import anyio.from_thread
import anyio.to_thread
import pytest

from FasterAPI import Depends, Faster, StreamingResponse, TestClient, run_in_threadpool
from FasterAPI.concurrency import contextmanager_in_threadpool, iterate_in_threadpool
from tests.contract.test_framework_short_way import ask

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def workers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("FasterAPI-worker-")}


def all_end(threads: set[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(20)
    return not any(thread.is_alive() for thread in threads)


def test_two_blocking_operations_wait_for_each_other() -> None:
    """They run at the same time; in threads that have a name, and do not keep the process alive."""
    app, barrier = Faster(), threading.Barrier(2, timeout=20)

    @app.get("/")
    def meet() -> Any:
        barrier.wait()
        thread = threading.current_thread()
        return [thread.name.rpartition("-")[0], thread.daemon]

    async def run() -> Any:
        return await asyncio.gather(ask(app, "GET", "/"), ask(app, "GET", "/"))

    assert [answer[1]["body"] for answer in asyncio.run(run())] == [b'["FasterAPI-worker",true]'] * 2


def test_threads_end_with_their_loop() -> None:
    """None is left after `asyncio.run`."""
    before = workers()

    async def run() -> set[threading.Thread]:
        await run_in_threadpool(time.sleep, 0)
        return workers() - before

    mine = asyncio.run(run())
    assert mine
    assert all_end(mine)


def test_a_loop_that_was_closed_without_notice_takes_its_threads_along() -> None:
    """When the next one begins."""
    before, loop = workers(), asyncio.new_event_loop()
    loop.run_until_complete(run_in_threadpool(time.sleep, 0))
    mine = workers() - before
    loop.close()
    assert mine
    asyncio.run(run_in_threadpool(time.sleep, 0))
    assert all_end(mine)


# --- contexts


def set_by_sync() -> str:
    variable.set("dependency")
    return variable.get()


def staying() -> Iterator[list[str]]:
    seen = [variable.get()]
    variable.set("entered")
    yield seen
    seen.append(variable.get())


@pytest.mark.parametrize("kind", ["short", "long"])
def test_what_a_blocking_function_sets_is_seen_after_it(kind: str) -> None:
    """By dependencies, operations of either kind, and exits; and not by the next request."""
    app, seen = Faster(), list[Any]()

    async def watching() -> AsyncIterator[None]:
        seen.append(["before", variable.get()])
        yield
        seen.append(["exit", variable.get()])

    @app.get("/async")
    async def asynchronous(_: Annotated[None, Depends(watching)], set_: Annotated[str, Depends(set_by_sync)]) -> Any:
        return [set_, variable.get()]

    @app.get("/sync")
    def blocking(_: Annotated[None, Depends(watching)], stayed: Annotated[list[str], Depends(staying)]) -> Any:
        seen.append(stayed)
        found = variable.get()
        variable.set("operation")
        return found

    if kind == "long":
        app.dependency_overrides[int] = str

    async def run() -> Any:
        return [await asyncio.create_task(ask(app, "GET", path)) for path in ("/async", "/sync", "/async")]

    answers = [answer[1]["body"] for answer in asyncio.run(run())]
    assert answers == [b'["dependency","dependency"]', b'"entered"', b'["dependency","dependency"]']
    assert seen == [
        ["before", "unset"], ["exit", "dependency"],
        ["before", "unset"], ["unset", "operation"], ["exit", "operation"],
        ["before", "unset"], ["exit", "dependency"],
    ]  # fmt: skip


def test_a_failed_call_gives_back_what_it_had_set() -> None:
    """The exception keeps its type and its place."""

    def fail() -> None:
        variable.set("failed")
        raise LookupError("here")

    async def run() -> None:
        with pytest.raises(LookupError) as caught:
            await run_in_threadpool(fail)
        assert caught.traceback[-1].name == "fail"
        assert variable.get() == "failed"

    asyncio.run(run())


# --- how many


@pytest.mark.parametrize("how", ["option", "limiter"])
def test_no_more_calls_than_allowed_are_under_way(how: str) -> None:
    """Others wait, first come first served; also where an application sets the limit as it is used to."""
    app = Faster(thread_limit=2 if how == "option" else 40)
    running, most, order = list[int](), list[int](), list[int]()

    @app.get("/{n}")
    def read(n: int) -> int:
        running.append(n)
        order.append(n)
        most.append(len(running))
        time.sleep(0.02)
        running.remove(n)
        return n

    async def run() -> None:
        if how == "limiter":
            anyio.to_thread.current_default_thread_limiter().total_tokens = 2
        await asyncio.gather(*(ask(app, "GET", f"/{n}") for n in range(12)))

    asyncio.run(run())
    assert max(most) == 2
    assert sorted(order[:2]) == [0, 1]
    assert [number // 2 for number in order] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_exits_never_wait_for_a_free_thread() -> None:
    """Each request holds what the next one needs to go on; with one thread they all come to their end."""
    app, held = Faster(thread_limit=1), threading.Semaphore(2)

    def connection() -> Iterator[None]:
        assert held.acquire(timeout=20)
        try:
            yield
        finally:
            held.release()

    @app.get("/")
    async def read(_: Annotated[None, Depends(connection)]) -> int:
        await asyncio.sleep(0.01)
        return 1

    async def run() -> list[Any]:
        return await asyncio.wait_for(asyncio.gather(*(ask(app, "GET", "/") for _ in range(20))), 30)

    assert [answer[1]["body"] for answer in asyncio.run(run())] == [b"1"] * 20


# --- cancelled


def test_a_call_that_is_cancelled_while_it_waits_is_never_made() -> None:
    """One that runs already is waited for, however often it is cancelled, and its result goes nowhere."""
    started, go_on, made = threading.Event(), threading.Event(), list[str]()

    def first() -> str:
        started.set()
        assert go_on.wait(20)
        made.append("first")
        return "first"

    async def run() -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = 1
        running = asyncio.create_task(run_in_threadpool(first))
        await happened(started)
        waiting = asyncio.create_task(run_in_threadpool(made.append, "second"))
        third = asyncio.create_task(run_in_threadpool(made.append, "third"))
        await asyncio.sleep(0.01)
        waiting.cancel()
        for _ in range(3):
            running.cancel()
            await asyncio.sleep(0.01)
        assert not running.done()
        assert waiting.cancelled()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await running
        await third

    asyncio.run(run())
    assert made == ["first", "third"]


async def happened(event: threading.Event) -> None:
    assert await asyncio.get_running_loop().run_in_executor(None, event.wait, 20)


def test_what_was_entered_is_left_when_the_request_is_gone() -> None:
    """Also where it was cancelled in the middle of being entered."""
    started, go_on, left = threading.Event(), threading.Event(), list[type[BaseException] | None]()

    class Manager:
        def __enter__(self) -> None:
            started.set()
            assert go_on.wait(20)

        def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
            left.append(kind)

    async def use() -> None:
        async with contextmanager_in_threadpool(Manager()):
            raise AssertionError("it was cancelled")

    async def run() -> None:
        task = asyncio.create_task(use())
        await happened(started)
        task.cancel()
        await asyncio.sleep(0.01)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert left == [asyncio.CancelledError]


# --- the rest


def test_a_thread_can_call_the_loop() -> None:
    """By anyio's own means, as applications do."""
    app = Faster()

    async def inside(value: int) -> str:
        return f"{value} {asyncio.current_task() is not None}"

    @app.get("/")
    def read() -> str:
        return anyio.from_thread.run(inside, 7)

    assert TestClient(app).get("/").json() == "7 True"


def test_an_exception_that_no_future_can_hold_is_wrapped() -> None:
    """`StopIteration` would end the coroutine that waits."""

    async def run() -> None:
        with pytest.raises(RuntimeError, match="raised StopIteration"):
            await run_in_threadpool(next, iter(()))

    asyncio.run(run())


def test_nothing_is_kept_of_a_call() -> None:
    """Neither arguments nor results, while the thread waits for the next one."""

    class Large:
        pass

    async def run() -> None:
        large = Large()
        seen = weakref.ref(large)
        assert await run_in_threadpool(lambda value: value, large) is large
        del large
        for _ in range(200):
            gc.collect()
            if seen() is None:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("it is kept")

    asyncio.run(run())


def test_a_blocking_iterable_is_stepped_in_threads() -> None:
    """Of a stream too: the loop is never blocked."""
    main = threading.get_ident()

    def pieces() -> Iterator[str]:
        for number in range(3):
            assert threading.get_ident() != main
            yield str(number)

    async def run() -> list[str]:
        return [piece async for piece in iterate_in_threadpool(pieces())]

    assert asyncio.run(run()) == ["0", "1", "2"]
    app = Faster()
    app.get("/")(lambda: StreamingResponse(pieces()))
    assert TestClient(app).get("/").text == "012"
