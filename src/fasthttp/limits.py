"""`Limits`: how many connections a pool may hold. A value."""

from __future__ import annotations

from typing import Any

from fasthttp._pure.numbers import at_least

__all__ = ["Limits"]


class Limits:
    """Bounds of a connection pool. Immutable and comparable.

    Args:
        max_connections: open connections in all, idle and busy. None: no limit.
        max_per_host: open connections to one origin. None: no limit.
        keepalive_expiry: seconds an idle connection is kept. None: until the server closes it.
        max_waiting: calls that may wait for a connection. None: no limit.

    Raises:
        ValueError: for numbers below 1 (`max_waiting`, `keepalive_expiry`: below 0).
    """

    __slots__ = ("keepalive_expiry", "max_connections", "max_per_host", "max_waiting")

    max_connections: int | None
    max_per_host: int | None
    keepalive_expiry: float | None
    max_waiting: int | None

    def __init__(
        self,
        max_connections: int | None = 1000,
        max_per_host: int | None = 100,
        keepalive_expiry: float | None = 30.0,
        *,
        max_waiting: int | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "max_connections", at_least(1, "max_connections", max_connections, optional=True))
        put(self, "max_per_host", at_least(1, "max_per_host", max_per_host, optional=True))
        put(self, "keepalive_expiry", at_least(0, "keepalive_expiry", keepalive_expiry, whole=False, optional=True))
        put(self, "max_waiting", at_least(0, "max_waiting", max_waiting, optional=True))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("Limits are immutable")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("Limits are immutable")

    def _values(self) -> tuple[Any, ...]:
        return (self.max_connections, self.max_per_host, self.keepalive_expiry, self.max_waiting)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, self._values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Limits) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        connections, per_host, expiry, waiting = self._values()
        tail = "" if waiting is None else f", max_waiting={waiting}"
        return f"Limits(max_connections={connections}, max_per_host={per_host}, keepalive_expiry={expiry}{tail})"


def _rebuild(connections: Any, per_host: Any, expiry: Any, waiting: Any) -> Limits:
    return Limits(connections, per_host, expiry, max_waiting=waiting)
