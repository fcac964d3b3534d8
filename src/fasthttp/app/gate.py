"""Room for calls: at most so many at once, at most so many to one origin, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fasthttp.app.schedule import Schedule

__all__ = ["Gate"]


class Gate:
    """Lets calls through.

    Args:
        concurrency, per_host: calls at once, in all and to one origin; None for any number.
    """

    def __init__(self, concurrency: int | None, per_host: int | None) -> None:
        self._free = float("inf") if concurrency is None else concurrency
        self._schedule: Schedule[asyncio.Future[None]] = Schedule(per_host)

    @asynccontextmanager
    async def slot(self, origin: str) -> AsyncIterator[None]:
        """A place, for the length of a block."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._schedule.add(origin, turn)
        self._pump()
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                self._free += 1
                self._schedule.done(origin)
                self._pump()

    def _pump(self) -> None:
        while self._free > 0 and (taken := self._schedule.take()) is not None:
            origin, turn = taken
            if turn.cancelled():
                self._schedule.done(origin)
                continue
            self._free -= 1
            turn.set_result(None)
