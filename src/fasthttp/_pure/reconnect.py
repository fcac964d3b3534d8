"""When a stream that broke is asked for again. Values in, values out: no clock, no connection, no chance of its own."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Reconnect"]

_MAX_FACTOR = 30
_MAX_DOUBLINGS = 5  # more than the factor allows
_JITTER = 0.1


class Reconnect:
    """The tries of one stream.

    Args:
        backoff: seconds before the first try; doubled before each further one, up to thirty times as long.
        max_retries: tries in a row without success; -1 for any number.
        chance: a function that gives a number from 0 to 1, which makes a wait up to a tenth shorter.

    Raises:
        ValueError: a number is out of range.
        TypeError: `max_retries` is not an integer.
    """

    def __init__(self, backoff: float, max_retries: int, chance: Callable[[], float]) -> None:
        if isinstance(max_retries, bool) or not isinstance(max_retries, int):
            raise TypeError(f"max_retries must be an integer, got {type(max_retries).__name__}")
        if max_retries < -1:
            raise ValueError(f"max_retries={max_retries} must be -1 (any number), 0 or more")
        if not 0 <= backoff < float("inf"):
            raise ValueError(f"backoff={backoff} must be a number of seconds, 0 or more")
        self._backoff = backoff
        self._max_retries = max_retries
        self._chance = chance
        self._failures = 0
        self._advice = 0.0  # seconds that the server asked for
        self._advised = False
        self._follow = False  # whether the next wait is exactly that

    def failed(self) -> float | None:
        """The stream broke, or could not be opened: the seconds to wait before the next try, None to give up."""
        count = self._failures
        if 0 <= self._max_retries <= count:
            return None
        self._failures += 1
        exact = self._advised and (self._follow or not count)
        self._follow = False
        if exact:
            return self._advice
        seconds = self._backoff * min(_MAX_FACTOR, 1 << min(count, _MAX_DOUBLINGS)) * (1 - _JITTER * self._chance())
        return max(self._advice, seconds)

    def arrived(self) -> None:
        """Something came over the stream: what failed before does not count any more."""
        self._failures = 0

    def advise(self, milliseconds: int) -> None:
        """The server said how long to wait: so long is the first wait after this; none is shorter from here on."""
        self._advice = milliseconds / 1000
        self._advised = self._follow = True
