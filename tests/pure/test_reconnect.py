"""When a stream is asked for again, and what is asked: waits, counts, fields, final answers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from fasthttp import errors
from fasthttp._pure.eventstream import ask, caller_fields, check_repeatable, is_transient, wrong_type
from fasthttp._pure.reconnect import Reconnect
from fasthttp.errors import FastHTTPError
from fasthttp.response import Response
from httpwire.headers import Headers


def never() -> float:
    return 0.0


def test_waits_double_up_to_thirty_times() -> None:
    """The factor is 1, 2, 4, 8, 16 and then 30, for ever where the number of tries is not limited."""
    tries = Reconnect(0.5, -1, never)
    assert [tries.failed() for _ in range(8)] == [0.5, 1, 2, 4, 8, 15, 15, 15]
    for _ in range(5000):
        assert tries.failed() == 15


def test_chance_makes_waits_a_tenth_shorter_at_most() -> None:
    """Never longer."""
    assert Reconnect(1, -1, lambda: 1.0).failed() == pytest.approx(0.9)
    assert Reconnect(1, -1, lambda: 0.5).failed() == pytest.approx(0.95)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_tries_in_a_row_are_limited(most: int) -> None:
    """So many waits, then none; something that arrives gives all of them back, and the first wait too."""
    tries = Reconnect(1, most, never)
    for _ in range(2):
        assert [tries.failed() for _ in range(most + 2)] == [*[2**count for count in range(most)], None, None]
        tries.arrived()


def test_a_server_says_how_long() -> None:
    """Exactly so long is the next wait, and the first after each success; others grow as ever, and are no shorter."""
    tries = Reconnect(1, -1, lambda: 1.0)
    tries.advise(3000)
    assert [tries.failed() for _ in range(3)] == [3, 3, pytest.approx(3.6)]
    tries.advise(50)
    assert [tries.failed(), tries.failed()] == [0.05, pytest.approx(14.4)]
    tries.arrived()
    assert [tries.failed(), tries.failed()] == [0.05, pytest.approx(1.8)]
    tries.advise(0)
    assert tries.failed() == 0


@pytest.mark.parametrize(("backoff", "most"), [(1, -2), (-1, 0), (math.nan, 0), (math.inf, 0)])
def test_numbers_out_of_range(backoff: float, most: int) -> None:
    """They are refused, with the name of the argument."""
    with pytest.raises(ValueError, match="max_retries=-2" if most else "backoff="):
        Reconnect(backoff, most, never)


@pytest.mark.parametrize("value", [True, 1.0, "3", None])
def test_a_number_of_tries_is_an_integer(value: Any) -> None:
    """Anything else is a type error that names the argument."""
    with pytest.raises(TypeError, match="max_retries"):
        Reconnect(1, value, never)


OURS = [("Accept", "text/event-stream"), ("Cache-Control", "no-store")]


def test_fields() -> None:
    """Ours, but for those that the caller gives, whatever the shape; None of the caller's removes one."""
    assert caller_fields(None) == (OURS, None)
    assert caller_fields({"X-A": "1"}) == ([*OURS, ("X-A", "1")], None)
    assert caller_fields([(b"accept", b"a/b"), ("CACHE-CONTROL", None)]) == ([(b"accept", b"a/b"), ("CACHE-CONTROL", None)], None)
    assert caller_fields(Headers({"Accept": "a/b"})) == ([OURS[1], ("accept", "a/b")], None)


def test_the_last_id_of_a_caller() -> None:
    """It is what a stream begins with, so that later ids take its place; None of it is none."""
    assert caller_fields({"Last-Event-ID": "7"}) == (OURS, "7")
    assert caller_fields([(b"last-event-id", "é".encode())]) == (OURS, "é")
    assert caller_fields({"Last-Event-ID": None}) == (OURS, None)
    assert ask(OURS, "7") == [*OURS, ("Last-Event-ID", "7")]
    assert ask(OURS, "") == ask(OURS, None) == OURS


def test_bodies_that_can_be_sent_again(tmp_path: Path) -> None:
    """Whatever is in memory or at a path; not what is read once."""
    good: list[dict[str, Any]] = [{}, {"content": b"x"}, {"content": "x"}, {"content": tmp_path}, {"json": {}}, {"data": {"a": "b"}}]
    good.append({"files": {"f": b"x"}})
    for options in good:
        check_repeatable(options)
    bad: list[dict[str, Any]] = [{"content": iter([b"x"])}, {"files": {"f": iter([b"x"])}}]
    for options in bad:
        with pytest.raises(ValueError, match="reconnect="):
            check_repeatable(options)


TRANSIENT = "ConnectError DNSError TLSError ProxyError ReadError WriteError RemoteDisconnected ConnectTimeout ReadTimeout WriteTimeout"
TRANSIENT += " PoolTimeout RemoteProtocolError IncompleteRead CircuitOpenError"
FINAL = "CertificateError InvalidURL SecurityError SSRFBlockedError TooManyRedirects ResponseTooLarge DecodeError ClientClosedError"


def test_which_failures_are_worth_another_try() -> None:
    """Those of the transport; not bad input, refusals of ours, or a certificate that will not get better."""
    for name in TRANSIENT.split():
        assert is_transient(getattr(errors, name)("x")), name
    for name in FINAL.split():
        assert not is_transient(getattr(errors, name)("x")), name
    assert not is_transient(FastHTTPError("x"))


def test_which_statuses_are_worth_another_try() -> None:
    """408 and 429 only."""
    assert [code for code in range(400, 600) if is_transient(errors.HTTPStatusError(code))] == [408, 429]


def test_what_an_event_stream_is() -> None:
    """Its media type says so, in any case and with any parameters; the error tells what came instead."""
    for given in ("text/event-stream", "Text/Event-Stream; charset=utf-8", "text/event-stream;x"):
        assert wrong_type(Response(200, {"Content-Type": given})) is None
    error = wrong_type(Response(200, {"Content-Type": "text/html"}))
    assert str(error) == "expected text/event-stream, got status 200 with content type 'text/html'"
    assert str(wrong_type(Response(302))) == "expected text/event-stream, got status 302 with no content type"
