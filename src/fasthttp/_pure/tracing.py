"""How far a request has come, and how long each phase took. The clock is an argument."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["Phases", "Progress", "Timings", "Tracer", "timings"]

_STEP = 65536  # bytes between reports of progress
_numbers = itertools.count(1)


class Tracer:
    """Tells a trace hook of the phases of one call.

    Args:
        hook: called with the event and a mapping: `time` (monotonic, seconds), `call` (a number), `attempt`, `origin`,
            and what the event adds.
        now: the clock.
    """

    def __init__(self, hook: Callable[[str, Mapping[str, Any]], Any], now: Callable[[], float]) -> None:
        self._hook = hook
        self._now = now
        self._call = next(_numbers)
        self._phase = ""
        self.attempt = 1
        self.origin = ""

    def begin(self, connection: Any) -> None:
        """The request begins to go out, over a connection that is new or was used before."""
        self.end()
        if connection.reuses:
            self.tell("reuse")
        self.start("request.headers")

    def tell(self, event: str, **info: Any) -> None:
        """Something happened."""
        self._hook(event, {"time": self._now(), "call": self._call, "attempt": self.attempt, "origin": self.origin, **info})

    def start(self, phase: str) -> None:
        """A phase begins, and with that the one before it ends."""
        self.end()
        self._phase = phase
        self.tell(f"{phase}.start")

    def end(self, **info: Any) -> None:
        """The phase has ended well."""
        phase, self._phase = self._phase, ""
        if phase:
            self.tell(f"{phase}.end", **info)

    def fail(self, error: BaseException) -> None:
        """The phase has ended with an error."""
        phase, self._phase = self._phase, ""
        if phase:
            self.tell(f"{phase}.error", error=error)


class Phases:
    """Measures what opening a connection consists of: `with phases("dns"): ...`. `seconds` by phase."""

    def __init__(self, now: Callable[[], float], tracer: Tracer | None) -> None:
        self._now = now
        self._tracer = tracer
        self._phase = ""
        self._since = 0.0
        self.seconds: dict[str, float] = {}

    def __call__(self, phase: str) -> Phases:
        self._phase = phase
        return self

    def __enter__(self) -> None:
        self._since = self._now()
        if self._tracer is not None:
            self._tracer.start(self._phase)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self.seconds[self._phase] = self.seconds.get(self._phase, 0.0) + self._now() - self._since
        if self._tracer is None:
            return
        if error is None:
            self._tracer.end()
        else:
            self._tracer.fail(error)


class Timings(NamedTuple):
    """Seconds that the phases of the last attempt took; None for one that did not happen, or has not ended.

    `connect` includes what a proxy takes to make a tunnel.
    """

    pool: float | None = None
    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    send: float | None = None
    wait: float | None = None
    receive: float | None = None
    total: float | None = None


def timings(moments: Sequence[Any]) -> Timings:
    """What the moments of an exchange amount to.

    Args:
        moments: when the connection was asked for; how long it took to get it; seconds by phase of opening it, None for
            one that was there; when the request was out, the response began and ended (0.0: not yet).
    """
    asked, waited, opening, sent, answered, ended = moments
    opening = opening or {}
    sent = sent or answered
    connecting = [opening[phase] for phase in ("connect", "proxy") if phase in opening]
    return Timings(
        pool=waited - sum(opening.values()),
        dns=opening.get("dns"),
        connect=sum(connecting) if connecting else None,
        tls=opening.get("tls"),
        send=sent - asked - waited,
        wait=answered - sent,
        receive=ended - answered if ended else None,
        total=ended - asked if ended else None,
    )


class Progress:
    """Reports bytes done to a function of the user's: at most every 64 KiB, and at the end.

    What the function returned is handed on, as it may have to be awaited.
    """

    def __init__(self, report: Callable[[int, int | None], Any], total: int | None) -> None:
        self._report = report
        self._total = total
        self._told = 0
        self.done = 0

    def add(self, count: int) -> Any:
        """So many bytes more."""
        self.done += count
        if self.done - self._told < _STEP or self.done == self._total:
            return None  # what is said at the end is said once
        self._told = self.done
        return self._report(self.done, self._total)

    def finish(self) -> Any:
        """There are no more."""
        return self._report(self.done, self._total)
