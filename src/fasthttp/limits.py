"""`Limits`: how many connections a pool may hold. A value."""

from __future__ import annotations

from typing import Any

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
        put(self, "max_connections", _at_least("max_connections", max_connections, 1))
        put(self, "max_per_host", _at_least("max_per_host", max_per_host, 1))
        put(self, "keepalive_expiry", _at_least("keepalive_expiry", keepalive_expiry, 0))
        put(self, "max_waiting", _at_least("max_waiting", max_waiting, 0))

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


def _at_least(name: str, value: Any, least: int) -> Any:
    if value is None:
        return None
    kinds: Any = (int, float) if name == "keepalive_expiry" else int
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise TypeError(f"{name} must be {'a number' if kinds is not int else 'an integer'} or None, got {type(value).__name__}")
    if not value >= least:
        raise ValueError(f"{name}={value} must be at least {least}, or None for no limit")
    return value


def _rebuild(connections: Any, per_host: Any, expiry: Any, waiting: Any) -> Limits:
    return Limits(connections, per_host, expiry, max_waiting=waiting)
