"""Traces, timings and progress, with a clock that counts the looks at it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from fasthttp._pure.tracing import Phases, Progress, Timings, Tracer, timings


class Connection:
    uses = 0


def tracer() -> tuple[Tracer, list[tuple[str, dict[str, Any]]]]:
    told: list[tuple[str, dict[str, Any]]] = []
    clock = itertools.count(1)
    return Tracer(lambda event, info: told.append((event, dict(info))), lambda: float(next(clock))), told


def test_a_phase_begins_and_ends() -> None:
    """The next one ends it, with the time, the number of the call, the attempt and the origin."""
    trace, told = tracer()
    other, _ = tracer()
    trace.origin = "http://a.test"
    trace.start("pool.wait")
    trace.attempt = 2
    trace.start("dns")
    trace.end(addresses=3)
    trace.end()
    assert [event for event, _ in told] == ["pool.wait.start", "pool.wait.end", "dns.start", "dns.end"]
    assert [info["time"] for _, info in told] == [1.0, 2.0, 3.0, 4.0]
    assert [info["attempt"] for _, info in told] == [1, 2, 2, 2]
    assert told[3][1]["addresses"] == 3
    assert {info["origin"] for _, info in told} == {"http://a.test"}
    assert {info["call"] for _, info in told} == {trace._call} != {other._call}


def test_a_phase_fails_once() -> None:
    """With the error; outside of a phase there is nothing to tell."""
    trace, told = tracer()
    error = ValueError("x")
    trace.fail(error)
    trace.start("tls")
    trace.fail(error)
    trace.fail(error)
    assert [event for event, _ in told] == ["tls.start", "tls.error"]
    assert told[1][1]["error"] is error


@pytest.mark.parametrize(("uses", "events"), [(0, ["request.headers.start"]), (1, ["reuse", "request.headers.start"])])
def test_a_connection_that_was_used_before_is_told(uses: int, events: list[str]) -> None:
    """Before the request goes out."""
    trace, told = tracer()
    connection = Connection()
    connection.uses = uses
    trace.begin(connection)
    assert [event for event, _ in told] == events


def test_phases_of_opening_a_connection_are_measured() -> None:
    """Those that happen twice are added up, and those that fail count; with a tracer they are told too."""
    clock = itertools.count(0)
    trace, told = tracer()
    for tracing in (None, trace):
        phases = Phases(lambda: float(next(clock)), tracing)
        with phases("dns"):
            pass
        with phases("connect"):
            pass
        with pytest.raises(ValueError, match="x"), phases("connect"):
            raise ValueError("x")
        assert phases.seconds == {"dns": 1.0, "connect": 2.0}
    assert [event for event, _ in told] == ["dns.start", "dns.end", "connect.start", "connect.end", "connect.start", "connect.error"]


@pytest.mark.parametrize(("moments", "expected"), [
    ([10.0, 0.0, None, 11.0, 14.0, 20.0], Timings(0.0, None, None, None, 1.0, 3.0, 6.0, 10.0)),
    ([10.0, 0.0, None, 11.0, 14.0, 0.0], Timings(0.0, None, None, None, 1.0, 3.0, None, None)),
    ([10.0, 0.0, None, 0.0, 14.0, 0.0], Timings(0.0, None, None, None, 4.0, 0.0, None, None)),
    ([10.0, 9.0, {"dns": 1.0, "connect": 2.0, "tls": 3.0}, 20.0, 21.0, 0.0], Timings(3.0, 1.0, 2.0, 3.0, 1.0, 1.0, None, None)),
    ([10.0, 9.0, {"connect": 2.0, "proxy": 3.0}, 20.0, 21.0, 0.0], Timings(4.0, None, 5.0, None, 1.0, 1.0, None, None)),
])  # fmt: skip
def test_timings(moments: list[Any], expected: Timings) -> None:
    """What is left of getting a connection is the wait for it; an answer before the whole request ends its sending."""
    assert timings(moments) == expected


def report(sizes: list[int], total: int | None) -> list[tuple[int, int | None]]:
    told: list[tuple[int, int | None]] = []
    progress = Progress(lambda done, total: told.append((done, total)), total)
    for size in sizes:
        progress.add(size)
    progress.finish()
    return told


@pytest.mark.parametrize(("sizes", "total", "told"), [
    ([], 0, [0]), ([10], None, [10]), ([65536], 65536, [65536]), ([65536], None, [65536, 65536]), ([65535, 1, 10], None, [65536, 65546]),
    ([200_000, 1], 200_001, [200_000, 200_001]), ([1] * 100, 100, [100]), ([40_000] * 4, 160_000, [80_000, 160_000]),
])  # fmt: skip
def test_progress_is_reported_now_and_then(sizes: list[int], total: int | None, told: list[int]) -> None:
    """Every 64 KiB at most, and at the end; an end that was announced is told once."""
    assert report(sizes, total) == [(done, total) for done in told]


def test_what_a_report_returns_is_handed_on() -> None:
    """It may have to be awaited."""
    progress = Progress(lambda done, total: "mine", None)
    assert progress.add(1) is None
    assert progress.add(65536) == "mine"
    assert progress.finish() == "mine"
