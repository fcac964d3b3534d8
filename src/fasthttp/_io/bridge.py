"""Async pieces of a user's in a blocking client: one daemon thread with an event loop, for the whole process.

Started on first need and shared, so a coroutine that waits for the very call it is part of would wait for ever.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import os
import threading
from collections.abc import AsyncIterable, Awaitable, Iterator
from typing import Any, TypeVar

__all__ = ["iterate", "loop_thread", "run_coroutine"]

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def loop_thread() -> asyncio.AbstractEventLoop:
    """The loop of the shared thread, started if need be."""
    global _loop
    with _lock:
        if _loop is None:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="fasthttp-loop", daemon=True).start()
            _loop = loop
        return _loop


def _forget_loop() -> None:
    global _loop, _lock
    _lock = threading.Lock()
    _loop = None  # the thread stayed with the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_loop)


def run_coroutine(awaitable: Awaitable[T], seconds: float | None = None) -> T:
    """Run it on the shared loop, with the caller's context variables, and wait for the result.

    Raises builtin `TimeoutError` after `seconds`; the coroutine is then cancelled.
    """
    loop = loop_thread()
    if threading.current_thread().name == "fasthttp-loop":
        raise RuntimeError("an async piece of a blocking client must not call back into a blocking client on the shared loop")
    done: concurrent.futures.Future[T] = concurrent.futures.Future()
    context = contextvars.copy_context()
    tasks: list[asyncio.Task[None]] = []

    async def run() -> None:
        try:
            done.set_result(await awaitable)
        except asyncio.CancelledError:
            done.cancel()
        except BaseException as exc:  # also SystemExit: it is meant for the caller's thread, not for this loop
            done.set_exception(exc)

    def start() -> None:
        tasks.append(loop.create_task(run(), context=context))

    loop.call_soon_threadsafe(start)
    try:
        return done.result(seconds)
    except BaseException:
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
        raise


def iterate(source: AsyncIterable[Any]) -> Iterator[Any]:
    """The items of an async iterable, each fetched on the shared loop."""
    iterator = source.__aiter__()

    async def following() -> Any:
        return await anext(iterator, _END)

    try:
        while (item := run_coroutine(following())) is not _END:
            yield item
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            run_coroutine(close())


_END: Any = object()


class BridgedSource:
    """An async body source for a blocking client, each step of it taken on the shared loop."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.content_length = source.content_length

    @property
    def trailers(self) -> Any:
        return self._source.trailers

    def next(self) -> bytes:
        data: bytes = run_coroutine(self._source.next())
        return data

    def close(self) -> None:
        run_coroutine(self._source.aclose())

    def release(self) -> None:
        loop_thread().call_soon_threadsafe(self._source.release)

    def abandon(self) -> None:
        loop_thread().call_soon_threadsafe(self._source.abandon)


async def bridged(transport: Any, request: Any) -> Any:
    """The answer of an async transport, its body to be read by a blocking client."""
    response = await transport.ahandle(request)
    if getattr(response, "_source", None) is not None:
        response._source = BridgedSource(response._source)
    return response
