"""Threads for functions that block: a pool for each event loop, bounded by anyio's default limiter, as applications know it.

A call costs two hand-overs and no more. Its context is the caller's, and what it changes there is the caller's too: a
variable that a blocking dependency sets is seen by the operation, as if both had run in one thread.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

import anyio
import anyio.lowlevel
import anyio.to_thread
from starlette import concurrency

try:  # so that `anyio.from_thread.run` knows where to go from these threads too
    from anyio._core._eventloop import threadlocals as _anyio_locals
except ImportError:
    _anyio_locals = threading.local()

__all__ = ["THREADS", "iterate_in_threadpool", "run_in_threadpool", "run_without_limit", "set_thread_limit"]

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 40  # at once, unless somebody sets another number
_IDLE = 60.0  # seconds after which a thread without work ends
_MISSING: Any = object()


class _Call(Generic[T]):
    """A call on its way through a thread."""

    __slots__ = ("arguments", "context", "ended", "function", "future", "keywords")

    def __init__(self, function: Callable[..., T], arguments: Any, keywords: Any) -> None:
        self.context = copy_context()
        self.function = function
        self.arguments = arguments
        self.keywords = keywords
        self.future: asyncio.Future[T]
        self.ended: asyncio.Event | None = None

    def run(self) -> tuple[Any, BaseException | None]:
        try:
            return self.context.run(self.function, *self.arguments, **self.keywords), None
        except StopIteration as exc:  # which no future can hold
            error = RuntimeError(f"{self.function!r} raised StopIteration")
            error.__cause__ = exc
            return None, error
        except BaseException as exc:
            return None, exc

    def finish(self, result: Any, error: BaseException | None) -> None:
        """In the loop: hand over what came of it."""
        if self.ended is not None:
            self.ended.set()
        if self.future.done():
            return
        if error is None:
            self.future.set_result(result)
        else:
            self.future.set_exception(error)

    async def outcome(self) -> T:
        """Wait for the end, also where this is cancelled: a thread cannot be stopped. What the function set is set here."""
        try:
            return await self.future
        except asyncio.CancelledError:
            if self.future.cancelled():
                self.ended = asyncio.Event()
                with anyio.CancelScope(shield=True):
                    while not self.ended.is_set():
                        with suppress(asyncio.CancelledError):
                            await self.ended.wait()
            raise
        finally:
            for variable, value in self.context.items():
                if variable.get(_MISSING) is not value:
                    variable.set(value)


class _Workers:
    """The threads of one loop, as many as there ever were calls at once. Only the loop counts those."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.limiter = anyio.to_thread.current_default_thread_limiter()
        self._token = anyio.lowlevel.current_token()
        self._calls: queue.SimpleQueue[_Call[Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._busy = 0
        self._threads = 0
        self._number = 0
        self._life = self._until_the_loop_ends()

    async def watch(self) -> None:
        """Have the threads end with the loop, which closes the asynchronous generators that were begun in it."""
        await anext(self._life)

    async def _until_the_loop_ends(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self.dismiss()

    def dismiss(self) -> None:
        """Let the threads end when they have nothing to do."""
        _pools.pop(self.loop, None)
        with self._lock:
            for _ in range(self._threads):
                self._calls.put(None)

    async def call(self, call: _Call[T]) -> T:
        call.future = self.loop.create_future()
        with self._lock:
            self._busy += 1
            self._calls.put(call)
            is_more = self._busy > self._threads
            self._threads += is_more
        if is_more:
            self._number += 1
            threading.Thread(target=self._serve, name=f"FasterAPI-worker-{self._number}", daemon=True).start()
        return await call.outcome()

    def _serve(self) -> None:
        _anyio_locals.current_token = self._token
        while True:
            try:
                call = self._calls.get(timeout=_IDLE)
            except queue.Empty:
                with self._lock:
                    if not self._calls.empty():
                        continue
                    self._threads -= 1
                return
            if call is None:
                return
            result, error = call.run()
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                self.loop.call_soon_threadsafe(self._finish, call, result, error)
            del call, result, error  # what they hold must not live until the next one comes

    def _finish(self, call: _Call[Any], result: Any, error: BaseException | None) -> None:
        self._busy -= 1
        call.finish(result, error)


_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, _Workers] = WeakKeyDictionary()


async def _hire(loop: asyncio.AbstractEventLoop) -> _Workers:
    for closed in [other for other in _pools if other.is_closed()]:  # without a word to its generators
        _pools[closed].dismiss()
    workers = _pools[loop] = _Workers(loop)
    await workers.watch()
    return workers


async def run_in_threadpool(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a thread, in the present context, when one may be had. Cancelled before that, it is never called."""
    loop = asyncio._get_running_loop()
    if loop is None:  # of trio, which has no other threads than anyio's
        return await concurrency.run_in_threadpool(func, *args, **kwargs)
    workers = _pools.get(loop) or await _hire(loop)
    call: _Call[T] = _Call(func, args, kwargs)
    limiter = workers.limiter
    try:
        limiter.acquire_on_behalf_of_nowait(call)
    except anyio.WouldBlock:
        await limiter.acquire_on_behalf_of(call)
    try:
        return await workers.call(call)
    finally:
        limiter.release_on_behalf_of(call)


async def run_without_limit(func: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same for what has to be done, and never waits for a free thread: those that have them may be waiting for it."""
    loop = asyncio._get_running_loop()
    if loop is None:
        return await anyio.to_thread.run_sync(lambda: func(*args, **kwargs), limiter=anyio.CapacityLimiter(1))
    workers = _pools.get(loop) or await _hire(loop)
    return await workers.call(_Call(func, args, kwargs))


def set_thread_limit(limit: int) -> None:
    """Let this many calls be under way at once in the running loop."""
    limiter = anyio.to_thread.current_default_thread_limiter()
    if limiter.total_tokens != limit:
        limiter.total_tokens = limit


async def iterate_in_threadpool(items: Iterable[T]) -> AsyncGenerator[T, None]:
    """The items of a blocking iterable, each fetched in a thread."""
    iterator = iter(items)
    while True:
        item = await run_in_threadpool(next, iterator, _MISSING)
        if item is _MISSING:
            return
        yield item
