"""`Timeout`: how long each phase of a call may take. A value; it keeps no time itself."""

from __future__ import annotations

import math
from typing import Any, Final

__all__ = ["DEFAULT_TIMEOUT", "UNSET", "Timeout", "UnsetType"]


class UnsetType:
    """The type of `UNSET`, which means: inherit the value of the next level up."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


UNSET: Final[Any] = UnsetType()

_PHASES = ("total", "connect", "read", "write", "pool")


class Timeout:
    """Time limits in seconds; None, or infinity, is no limit. Immutable and comparable.

    Args:
        total: from the call to the last byte of the body, redirects and hooks included.
        connect: name resolution, TCP and TLS of one attempt.
        read: the longest silence of the server.
        write: the longest time without progress in sending.
        pool: the wait for a connection.

    Raises:
        ValueError: for zero, a negative number, or NaN.
    """

    __slots__ = _PHASES

    total: float | None
    connect: float | None
    read: float | None
    write: float | None
    pool: float | None

    def __init__(
        self,
        total: float | None = None,
        connect: float | None = None,
        read: float | None = None,
        write: float | None = None,
        pool: float | None = None,
    ) -> None:
        for name, value in zip(_PHASES, (total, connect, read, write, pool), strict=True):
            object.__setattr__(self, name, _checked(name, value))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("Timeout is immutable; use with_total() or merge()")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("Timeout is immutable")

    @classmethod
    def from_value(cls, value: float | Timeout | None) -> Timeout:
        """None: no limits. A number: that limit for every phase and the total. A `Timeout`: itself."""
        if value is None:
            return cls()
        if isinstance(value, Timeout):
            return value
        return cls(value, value, value, value, value)

    def merge(self, default: Timeout) -> Timeout:
        """A copy in which None fields are filled from `default`."""
        pairs = zip(self._values(), default._values(), strict=True)
        return Timeout(*(theirs if mine is None else mine for mine, theirs in pairs))

    def with_total(self, total: float | None) -> Timeout:
        """A copy with another total."""
        return Timeout(total, *self._values()[1:])

    def _values(self) -> tuple[float | None, ...]:
        return (self.total, self.connect, self.read, self.write, self.pool)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeout) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value:g}" for name, value in zip(_PHASES, self._values(), strict=True) if value is not None)
        return f"Timeout({given})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Timeout, self._values())


def _checked(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"timeout {name}= must be a number of seconds or None, got {type(value).__name__}")
    if value == math.inf:
        return None
    if math.isnan(value) or value <= 0:
        raise ValueError(f"timeout {name}={value} must be positive; use None for no limit")
    return value


DEFAULT_TIMEOUT = Timeout(connect=10, read=60, write=60, pool=60)
