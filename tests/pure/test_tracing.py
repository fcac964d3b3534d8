"""Phases, progress and timings, with a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from fasthttp._pure.tracing import Phases, Progress, Tracer, timings


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


class Connection:
    def __init__(self, reuses: int) -> None:
        self.reuses = reuses


def test_a_phase_ends_with_the_next() -> None:
    """Each start ends the phase before; an end or a failure without a phase says nothing."""
    told: list[tuple[str, Mapping[str, Any]]] = []
    tracer = Tracer(lambda event, info: told.append((event, info)), Clock())
    tracer.end()
    tracer.fail(ValueError())
    tracer.start("a")
    tracer.start("b")
    tracer.begin(Connection(0))
    tracer.begin(Connection(1))
    error = ValueError()
    tracer.fail(error)
    assert [event for event, _ in told] == [
        *("a.start", "a.end", "b.start", "b.end", "request.headers.start", "request.headers.end"),
        *("reuse", "request.headers.start", "request.headers.error"),
    ]
    assert told[-1][1]["error"] is error


def test_phases_are_measured() -> None:
    """Seconds add up where a phase comes twice; an error is told, and measured too; without a tracer nothing is told."""
    clock = Clock()
    told: list[str] = []
    for tracer in (None, Tracer(lambda event, info: told.append(event), clock)):
        phases = Phases(clock, tracer)
        for _ in range(2):
            with phases("dns"):
                clock.time += 1
        with pytest.raises(ValueError, match="x"), phases("connect"):
            clock.time += 0.5
            raise ValueError("x")
        assert phases.seconds == {"dns": 2.0, "connect": 0.5}
    assert told == ["dns.start", "dns.end"] * 2 + ["connect.start", "connect.error"]


def test_timings() -> None:
    """The parts are differences of moments; what did not happen, or has not ended, is None."""
    opening = {"dns": 0.1, "connect": 0.2, "proxy": 0.3, "tls": 0.4}
    full = timings([10.0, 1.5, opening, 12.0, 13.0, 15.0])
    assert full == pytest.approx((0.5, 0.1, 0.5, 0.4, 0.5, 1.0, 2.0, 5.0))
    assert timings([10.0, 0.0, None, 10.0, 11.0, 0.0]) == (0.0, None, None, None, 0.0, 1.0, None, None)
    early = timings([10.0, 0.0, None, 0.0, 11.0, 12.0])  # the response came before all was sent
    assert (early.send, early.wait, early.total) == (1.0, 0.0, 2.0)


@pytest.mark.parametrize(("total", "pieces", "expected"), [
    (0, [], [0]),
    (10, [4, 6], [10]),
    (None, [4, 6], [10]),
    (65536, [65536], [65536]),
    (200_000, [50_000] * 4, [100_000, 200_000]),
    (200_000, [131_072, 68_928], [131_072, 200_000]),
    (None, [1000] * 100, [66_000, 100_000]),
])  # fmt: skip
def test_progress(total: int | None, pieces: list[int], expected: list[int]) -> None:
    """At most every 64 KiB, and the end once; what the function returns is handed on."""
    told: list[tuple[int, int | None]] = []

    def report(done: int, total: int | None) -> str:
        told.append((done, total))
        return "returned"

    progress = Progress(report, total)
    assert {progress.add(piece) for piece in pieces} <= {None, "returned"}
    assert progress.finish() == "returned"
    assert told == [(done, total) for done in expected]
