"""`SubInterpreterPool`, and the one of the process behind `run_in_subinterpreter`."""

from __future__ import annotations

import asyncio
import inspect
import multiprocessing
import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from multiprocessing.context import BaseContext
from types import TracebackType
from typing import Any, Literal, NoReturn, TypeVar

from FasterAPI._cores import usable_cores
from FasterAPI._parallel.crew import Backend, Crew
from FasterAPI._parallel.remote import Outcome, pack, unpack
from FasterAPI._parallel.workers import have_interpreters

__all__ = ["SubInterpreterPool", "close_shared_pool", "run_in_subinterpreter"]

T = TypeVar("T")


class SubInterpreterPool:
    """Workers for functions that compute, so that the event loop goes on.

    Threads and workers are made when calls need them, and are kept. A pool may be used from any event loop.

    Args:
        max_workers: how many calls run at a time; None: one for each core that this process may use.
        backend: "interpreters": sub-interpreters with a lock of their own (PEP 684), from Python 3.13 on; "process": processes;
            "auto": the former where there are any, and processes for functions that cannot be imported there.
        mp_context: what makes processes, from `multiprocessing.get_context`; None: by "spawn".

    Raises:
        RuntimeError: `backend="interpreters"` where this Python has none.
        ValueError: for a number of workers below one, an unknown backend, or a context that would have no use.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        *,
        backend: Literal["auto", "interpreters", "process"] = "auto",
        mp_context: BaseContext | None = None,
        max_pending: int | None = None,
        initializer: Callable[[], object] | None = None,
    ) -> None:
        for name, value in (("max_pending", max_pending), ("initializer", initializer)):
            if value is not None:
                raise NotImplementedError(f"{name} of SubInterpreterPool is not there yet")
        if backend not in ("auto", "interpreters", "process"):
            raise ValueError(f"backend={backend!r}: it is 'auto', 'interpreters' or 'process'")
        if max_workers is not None and (type(max_workers) is not int or max_workers < 1):
            raise ValueError(f"max_workers={max_workers!r}: it is an integer of at least 1, or None")
        if backend == "interpreters" and mp_context is not None:
            raise ValueError("mp_context has no use with backend='interpreters', which makes no processes")
        if backend == "interpreters" and not have_interpreters():
            raise RuntimeError("this Python has no sub-interpreters with a lock of their own: 3.13 is the first; use backend='auto'")
        where: Backend = "process" if backend == "process" or not have_interpreters() else "interpreters"
        # Not "fork", the default of some versions: a process with threads must not be copied.
        context = mp_context or multiprocessing.get_context("spawn")
        self._crew = Crew(max_workers or usable_cores(), where, backend == "auto", context)
        weakref.finalize(self, self._crew.stop, cancel_pending=False).atexit = False

    @property
    def backend(self) -> Backend:
        """Where functions run, unless they have to be moved: "interpreters" or "process"."""
        return self._crew.backend

    async def run(self, func: Callable[..., T], *args: Any) -> T:
        """The result of a function, called in a worker.

        Calls begin in the order in which they came. One that is cancelled while it waits never begins; one that runs goes on
        without anybody to hear of it.

        Args:
            func: of a module, which the worker imports.
            args: those of `None`, `bool`, `int`, `float`, `str`, `bytes` are handed over as they are, others pickled; a
                `memoryview` shows a sub-interpreter the very memory, and cannot go to a process.

        Raises:
            pickle.PicklingError: at once, for a function or argument that cannot be sent; later, for such a result.
            RuntimeError: the pool was shut down.
            SubInterpreterImportError: with `backend="interpreters"`, for what cannot be imported there.
            RemoteError: for an exception of the function that cannot be pickled.
            WorkerDied: the process of the call has ended.
        """
        result: T = await self._outcome(self._submit(func, args))
        return result

    def _submit(self, func: Callable[..., Any], args: tuple[Any, ...]) -> Future[Outcome]:
        if inspect.iscoroutinefunction(func):
            raise TypeError(f"{func.__qualname__} is asynchronous: only functions that compute can run in a worker")
        return self._crew.submit(pack(func, args, shareable=self.backend == "interpreters"))

    async def _outcome(self, future: Future[Outcome]) -> Any:
        try:
            return unpack(await asyncio.wrap_future(future))
        finally:
            future.cancel()  # without effect on a call that has begun

    def shutdown(self, wait: bool = False, *, cancel_pending: bool = True) -> None:
        """Take no more calls, and end all workers when the calls that run have ended.

        Args:
            wait: block until then.
            cancel_pending: calls that have not begun fail with `RuntimeError`; False: they are made.
        """
        self._crew.stop(cancel_pending=cancel_pending)
        if wait:
            self._crew.join()

    def map(self, func: Callable[..., Any], iterable: Any) -> NoReturn:
        """Not there yet."""
        raise NotImplementedError("SubInterpreterPool.map is not there yet; use asyncio.gather over run()")

    @property
    def stats(self) -> NoReturn:
        """Not there yet."""
        raise NotImplementedError("SubInterpreterPool.stats is not there yet")

    async def __aenter__(self) -> SubInterpreterPool:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, where: TracebackType | None) -> None:
        self._crew.stop()
        await asyncio.to_thread(self._crew.join)

    def __repr__(self) -> str:
        return f"<SubInterpreterPool backend={self.backend!r} max_workers={self._crew.size}{' closed' if self._crew.closed else ''}>"


# --- the pool of the process

_lock = threading.Lock()
_shared: SubInterpreterPool | None = None


async def run_in_subinterpreter(func: Callable[..., T], *args: Any) -> T:
    """`SubInterpreterPool.run`, of one pool for the whole process.

    The pool is made by the first call, and closed when an application shuts down or the process ends.
    """
    global _shared
    with _lock:
        if _shared is None or _shared._crew.process_id != os.getpid():
            _shared = SubInterpreterPool()
        pool, future = _shared, _shared._submit(func, args)
    result: T = await pool._outcome(future)
    return result


def close_shared_pool() -> None:
    """End the workers of the process-wide pool when they have done what was asked of them; the next call makes another."""
    global _shared
    with _lock:
        pool, _shared = _shared, None
    if pool is not None:
        pool.shutdown(cancel_pending=False)
