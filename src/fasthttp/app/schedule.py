"""Who may go next: at most so many at once, at most so many to one origin. Values in, values out; O(1) a step."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

__all__ = ["Schedule"]

T = TypeVar("T")


class Schedule(Generic[T]):
    """A queue by origin. An origin at its limit never holds up another; origins take turns.

    Args:
        per_host: items of one origin that may be out at once; None for any number.
    """

    def __init__(self, per_host: int | None) -> None:
        self._limit = float("inf") if per_host is None else per_host
        self._waiting: dict[str, deque[T]] = {}
        self._out: dict[str, int] = {}
        self._ready: OrderedDict[str, None] = OrderedDict()  # origins that have items and room

    def add(self, origin: str, item: T) -> None:
        """Queue an item."""
        self._waiting.setdefault(origin, deque()).append(item)
        if self._out.get(origin, 0) < self._limit:
            self._ready.setdefault(origin)

    def add_first(self, origin: str, item: T) -> None:
        """Queue an item before all others: it has been out already."""
        self._waiting.setdefault(origin, deque()).appendleft(item)
        if self._out.get(origin, 0) < self._limit:
            self._ready.setdefault(origin)
            self._ready.move_to_end(origin, last=False)

    def take(self) -> tuple[str, T] | None:
        """The next item that may go, with its origin; None when there is none now."""
        if not self._ready:
            return None
        origin = next(iter(self._ready))
        items = self._waiting[origin]
        item = items.popleft()
        self._out[origin] = self._out.get(origin, 0) + 1
        if not items:
            del self._waiting[origin]
            del self._ready[origin]
        elif self._out[origin] >= self._limit:
            del self._ready[origin]
        else:
            self._ready.move_to_end(origin)
        return origin, item

    def done(self, origin: str) -> None:
        """An item of this origin is back."""
        self._out[origin] -= 1
        if origin in self._waiting:
            self._ready.setdefault(origin)
        elif not self._out[origin]:
            del self._out[origin]
