"""Threads for functions that block, and context managers that live in them; interpreters and processes for those that compute."""

from __future__ import annotations

import importlib
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakKeyDictionary

import anyio
from anyio.lowlevel import RunVar, checkpoint_if_cancelled
from starlette.concurrency import run_until_first_complete

from FasterAPI._threads import iterate_in_threadpool, run_in_threadpool, run_without_limit

if TYPE_CHECKING:
    from FasterAPI._parallel.errors import RemoteError, SubInterpreterImportError, WorkerDied
    from FasterAPI._parallel.pool import SubInterpreterPool, run_in_subinterpreter

__all__ = [
    "DependencyLimit",
    "RemoteError",
    "ShieldedExit",
    "SubInterpreterImportError",
    "SubInterpreterPool",
    "WorkerDied",
    "asynccontextmanager",
    "contextmanager_in_threadpool",
    "iterate_in_threadpool",
    "limited",
    "run_in_subinterpreter",
    "run_in_threadpool",
    "run_until_first_complete",
]

T = TypeVar("T")

# Loaded when first used: processes and interpreters are for few.
_HOME_OF = {
    **dict.fromkeys(("RemoteError", "SubInterpreterImportError", "WorkerDied"), "errors"),
    **dict.fromkeys(("SubInterpreterPool", "run_in_subinterpreter"), "pool"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"FasterAPI._parallel.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


@asynccontextmanager
async def contextmanager_in_threadpool(manager: AbstractContextManager[T]) -> AsyncGenerator[T, None]:
    """A blocking context manager, entered and left in a thread. Its exit never waits for a free one."""
    entered = False

    def enter() -> T:
        nonlocal entered
        value = manager.__enter__()
        entered = True
        return value

    try:
        yield await run_in_threadpool(enter)
    except BaseException as exc:
        if not entered:
            raise
        with anyio.CancelScope(shield=True):
            swallowed = await run_without_limit(manager.__exit__, type(exc), exc, exc.__traceback__)
        if not swallowed:
            raise
    else:
        with anyio.CancelScope(shield=True):
            await run_without_limit(manager.__exit__, None, None, None)


class ShieldedExit(Generic[T]):
    """A context manager whose exit is finished even where the request is cancelled; `scope` is around all of them."""

    __slots__ = ("_manager", "_scope")

    def __init__(self, manager: AbstractAsyncContextManager[T], scope: anyio.CancelScope) -> None:
        self._manager = manager
        self._scope = scope

    async def __aenter__(self) -> T:
        return await self._manager.__aenter__()

    async def __aexit__(self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None) -> bool | None:
        scope = self._scope
        before = scope.shield
        scope.shield = True
        try:
            swallowed = await self._manager.__aexit__(kind, exc, traceback)
        finally:
            scope.shield = before
        if exc is None or swallowed:
            await checkpoint_if_cancelled()
        return swallowed


class DependencyLimit:
    """How many uses of a dependency may be alive on one event loop. Waiting is first come, first served."""

    def __init__(self, count: int) -> None:
        self.count = count

    def get_semaphore(self) -> anyio.Semaphore:
        """The semaphore of the running loop."""
        known = _semaphores.get(None)
        if known is None:
            known = WeakKeyDictionary()
            _semaphores.set(known)
        found = known.get(self)
        if found is None:
            found = known[self] = anyio.Semaphore(self.count)
        return found


_semaphores: RunVar[WeakKeyDictionary[DependencyLimit, anyio.Semaphore] | None] = RunVar("FasterAPI_dependency_semaphores")


@asynccontextmanager
async def limited(manager: AbstractAsyncContextManager[T], semaphore: anyio.Semaphore) -> AsyncGenerator[T, None]:
    """A context manager that counts as one use from before its entry until after its exit."""
    async with semaphore, manager as value:
        yield value
