"""Room for calls: at most so many at once, at most so many to one origin, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Protocol

from fasthttp.app.schedule import Schedule

__all__ = ["Gate", "Seat", "seat"]


class Places(Protocol):
    """Where places are had from."""

    def give_back(self, origin: str) -> None: ...

    def ask_again(self, origin: str, turn: asyncio.Future[None]) -> None: ...


class Seat:
    """The place of a call, which is free for others while the call waits for its next attempt."""

    __slots__ = ("_origin", "_places", "held")

    def __init__(self, places: Places, origin: str) -> None:
        self._places = places
        self._origin = origin
        self.held = True

    @asynccontextmanager
    async def left(self) -> AsyncIterator[None]:
        """Leave the place for the length of a block; then take one again, before those who have had none yet."""
        self.held = False
        self._places.give_back(self._origin)
        yield
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._places.ask_again(self._origin, turn)
        try:
            await turn
        finally:
            self.held = turn.done() and not turn.cancelled()


seat: ContextVar[Seat | None] = ContextVar("fasthttp_seat", default=None)  # of the call that this task makes


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
        place = Seat(self, origin)
        before = seat.set(place)
        try:
            await turn
            yield
        finally:
            seat.reset(before)
            if place.held and turn.done() and not turn.cancelled():
                self.give_back(origin)

    def give_back(self, origin: str) -> None:
        """A place to this origin is free again."""
        self._free += 1
        self._schedule.done(origin)
        self._pump()

    def ask_again(self, origin: str, turn: asyncio.Future[None]) -> None:
        """Queue a call that has had a place before."""
        self._schedule.add_first(origin, turn)
        self._pump()

    def _pump(self) -> None:
        while self._free > 0 and (taken := self._schedule.take()) is not None:
            origin, turn = taken
            if turn.cancelled():
                self._schedule.done(origin)
                continue
            self._free -= 1
            turn.set_result(None)
