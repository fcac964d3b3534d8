"""Dependencies of the lifespan: called once for an application, left when it shuts down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

from FasterAPI.concurrency import contextmanager_in_threadpool, run_in_threadpool
from FasterAPI.dependencies.models import Dependant

__all__ = ["lifespan_value", "lifespan_values"]

_ATTRIBUTE = "lifespan_values"  # of the application


class _Values:
    """The values of one application, by callable."""

    def __init__(self) -> None:
        self.stack = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._found: dict[Any, Any] = {}

    async def get(self, dependant: Dependant, effective: Callable[[Dependant], Dependant]) -> Any:
        """A value; whoever comes while it is being made waits for it."""
        if effective(dependant).call in self._found:
            return self._found[effective(dependant).call]
        async with self._lock:
            return await self._made(effective(dependant), effective)

    async def _made(self, dependant: Dependant, effective: Callable[[Dependant], Dependant]) -> Any:
        call: Any = dependant.call
        if call not in self._found:
            arguments = {str(below.name): await self._made(effective(below), effective) for below in dependant.dependencies}
            if dependant.kind == "async generator":
                value = await self.stack.enter_async_context(asynccontextmanager(call)(**arguments))
            elif dependant.kind == "generator":
                value = await self.stack.enter_async_context(contextmanager_in_threadpool(contextmanager(call)(**arguments)))
            else:
                value = await call(**arguments) if dependant.kind == "coroutine" else await run_in_threadpool(call, **arguments)
            self._found[call] = value
        return self._found[call]


async def lifespan_value(app: Any, dependant: Dependant, effective: Callable[[Dependant], Dependant]) -> Any:
    """The value of a dependency in an application, which need not have been started. `effective`: what overrides it."""
    if app is None:
        raise RuntimeError("a dependency of the lifespan needs an application")
    values = vars(app).get(_ATTRIBUTE)
    if values is None:
        values = _Values()
        setattr(app, _ATTRIBUTE, values)
    return await values.get(dependant, effective)


@asynccontextmanager
async def lifespan_values(app: Any, dependants: Iterable[Dependant]) -> AsyncIterator[None]:
    """Makes all values at the start, and leaves them at the end."""
    from FasterAPI.dependencies.solving import overridden

    overrides = getattr(app, "dependency_overrides", {})
    values = _Values()
    setattr(app, _ATTRIBUTE, values)
    try:
        async with values.stack:
            for dependant in dependants:
                await values.get(dependant, lambda found: overridden(found, overrides))
            yield
    finally:
        setattr(app, _ATTRIBUTE, None)
