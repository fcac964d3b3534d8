"""Retries and the circuit breaker of one call, step by step."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from fasthttp._pure.breaker import Permit
from fasthttp._pure.config import ClientConfig
from fasthttp.errors import (
    BodyNotReplayable,
    CertificateError,
    CircuitOpenError,
    ConnectError,
    ConnectTimeout,
    DecodeError,
    FastHTTPError,
    IncompleteRead,
    PoolTimeout,
    ReadError,
    ReadTimeout,
    RemoteDisconnected,
    RemoteProtocolError,
    ResponseTooLarge,
    TotalTimeout,
    WriteError,
)
from fasthttp.retry import CircuitBreaker, RetryPolicy
from tests.pure.exchange_driver import Breaker, Play, answer, live, policy

POST = RetryPolicy(3, jitter=0, methods=["POST"])


def pieces() -> Any:
    """A body that can be read once."""
    yield b"one"
    yield b"two"


# --- how often and when


def test_a_call_without_a_policy_is_sent_once() -> None:
    """Whatever comes of it."""
    play = Play()
    assert play(answer(503)).attempts == 1
    with pytest.raises(ReadError) as caught:
        Play()(ReadError("gone"))
    assert caught.value.attempts == 1
    assert not hasattr(caught.value, "__notes__")


def test_the_last_answer_is_returned() -> None:
    """After as many attempts as the policy allows; the others were discarded."""
    play = Play(retry=policy(3))
    last = live(503)
    assert play(live(503), live(503), last) is last
    assert last.attempts == 3
    assert play.steps == ["send", "discard", "pause", "send", "discard", "pause", "send", "read"]
    assert last.history == []


def test_delays_without_chance_are_exact() -> None:
    """They double from the factor to the maximum, whatever number comes up."""
    play = Play(retry=policy(6, backoff_max=1), chance=1.0)
    play(*[answer(503)] * 6)
    assert play.pauses == [0.2, 0.4, 0.8, 1.0, 1.0]


@pytest.mark.parametrize(
    ("jitter", "chance", "delay"), [(1, 0.0, [1.0]), (1, 1.0, [0.0]), (1, 0.75, [0.25]), (0.5, 1.0, [0.5]), (0.5, 0.5, [0.75])]
)
def test_jitter_is_the_share_left_to_chance(jitter: float, chance: float, delay: list[float]) -> None:
    """From all of the delay to all but the jitter; a wait may take no time."""
    play = Play(retry=policy(2, backoff_factor=1, jitter=jitter), chance=chance)
    play(answer(503), answer(200))
    assert play.pauses == delay


def test_errors_are_retried_and_leave_notes() -> None:
    """Success has none of them; a failure in the end names each earlier one, by its kind."""
    play = Play(retry=policy(3))
    assert play(ReadError("one"), answer(503), answer(200)).attempts == 3
    assert play.pauses == [0.2, 0.4]
    with pytest.raises(ConnectError, match="three") as caught:
        Play(retry=policy(3))(ReadTimeout("one"), WriteError("two"), ConnectError("three"))
    assert caught.value.attempts == 3
    assert caught.value.__notes__ == [
        "an earlier attempt failed: ReadTimeout: one: GET http://a.test/x",
        "an earlier attempt failed: WriteError: two: GET http://a.test/x",
    ]


def test_a_body_that_breaks_is_an_attempt_that_failed() -> None:
    """The response has arrived only with its last byte."""
    play = Play(retry=policy(2))
    assert play(live(200, IncompleteRead(3, 10)), live(200)).content == b"read"
    assert play.steps == ["send", "read", "pause", "send", "read"]


def test_a_stream_is_not_read() -> None:
    """What breaks it later is the reader's."""
    play = Play(retry=policy(2), stream=True)
    play(live(503), live(200))
    assert play.steps == ["send", "discard", "pause", "send"]


@pytest.mark.parametrize("status", [200, 301, 404, 418, 501, 505])
def test_other_statuses_are_taken_as_they_are(status: int) -> None:
    """Only those of the policy are retried."""
    assert Play(retry=policy(3))(answer(status)).attempts == 1


def test_errors_that_are_not_listed_end_the_call() -> None:
    """By the lists of the policy, or because they never are."""
    for error, retry in (
        (ReadError("x"), policy(3, retry_exceptions=ConnectError)),
        (CertificateError("x"), policy(3, retry_exceptions=[FastHTTPError])),
        (TotalTimeout("x"), policy(3, retry_exceptions=[FastHTTPError])),
    ):
        with pytest.raises(type(error)) as caught:
            Play(retry=retry)(error)
        assert caught.value.attempts == 1


# --- what may be repeated


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PUT", "DELETE"])
def test_methods_that_may_be_repeated(method: str) -> None:
    """Those that are idempotent."""
    assert Play(method, retry=policy(2))(answer(503), answer(200)).attempts == 2
    assert Play(method, retry=policy(2))(ReadError("x"), answer(200)).attempts == 2


@pytest.mark.parametrize("method", ["POST", "PATCH", "ODD"])
def test_methods_that_may_not(method: str) -> None:
    """Neither after an answer nor after an error; the answer is read at once, as it is the last."""
    play = Play(method, retry=policy(3))
    assert play(live(503, Retry_After="1")).attempts == 1
    assert play.steps == ["send", "read"]
    with pytest.raises(ReadError):
        Play(method, retry=policy(3))(ReadError("x"))
    listed = policy(2, methods=[method])
    assert Play(method, retry=listed)(answer(503), answer(200)).attempts == 2


def test_an_idempotency_key_makes_any_request_repeatable() -> None:
    """Its server sees to it that it acts once."""
    play = Play("POST", retry=policy(2), headers={"Idempotency-Key": "1"}, content=b"x")
    assert play(ReadError("x"), answer(200)).attempts == 2


@pytest.mark.parametrize("error", [ConnectError("x"), ConnectTimeout("x")])
def test_what_was_never_sent_may_be_repeated(error: FastHTTPError) -> None:
    """A POST too, and a body that can be read only once, as nobody has begun to."""
    play = Play("POST", retry=policy(2), content=pieces())
    assert play(error, answer(200)).attempts == 2


# --- Retry-After


@pytest.mark.parametrize(("value", "pause"), [
    ("1", 1.0), ("30", 30.0), (" 2 ", 2.0), ("0", 0.2), ("00", 0.2), ("-1", 0.2), ("+1", 0.2), ("1.5", 0.2), ("soon", 0.2), ("", 0.2),
    ("1, 2", 0.2), ("²", 0.2), ("Sun, 06 Nov 1994 08:49:42 GMT", 5.0), ("Sunday, 06-Nov-94 08:49:42 GMT", 5.0),
    ("Sun Nov  6 08:49:42 1994", 5.0), ("Sun, 06 Nov 1994 08:49:00 GMT", 0.2), ("Sun, 99 Nov 1994 08:49:00 GMT", 0.2),
])  # fmt: skip
def test_retry_after_raises_the_delay(value: str, pause: float) -> None:
    """Seconds or a date in any of the three forms; what is neither, or over already, changes nothing."""
    play = Play(retry=policy(2), chance=1.0)
    play(answer(503, Retry_After=value), answer(200))
    assert play.pauses == [pause]


@pytest.mark.parametrize("value", ["31", "9" * 400, "Sun, 06 Nov 1994 08:50:08 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_server_that_asks_for_too_long_is_not_asked_again(value: str) -> None:
    """Its answer is returned."""
    play = Play(retry=policy(3))
    assert play(live(503, Retry_After=value)).content == b"read"
    assert play.steps == ["send", "read"]


def test_a_date_counts_from_the_clock_of_the_server() -> None:
    """Where it says what that is."""
    play = Play(retry=policy(2))
    play(answer(503, Retry_After="Mon, 01 Jan 2024 00:00:07 GMT", Date="Mon, 01 Jan 2024 00:00:00 GMT"), answer(200))
    assert play.pauses == [7.0]
    play = Play(retry=policy(2))
    play(answer(503, Retry_After="Sun, 06 Nov 1994 08:49:39 GMT", Date="today"), answer(200))
    assert play.pauses == [2.0]


def test_retry_after_can_be_ignored() -> None:
    """Also where it asks for too long; and a longer delay of our own stays."""
    play = Play(retry=policy(2, respect_retry_after=False))
    play(answer(503, Retry_After="3600"), answer(200))
    assert play.pauses == [0.2]
    play = Play(retry=policy(2, backoff_factor=2))
    play(answer(503, Retry_After="1"), answer(200))
    assert play.pauses == [2.0]


def test_no_wait_beyond_the_deadline() -> None:
    """The answer is returned at once, and an error raised; what ends just before it is waited for."""
    play = Play(retry=policy(2), total=5)
    assert play(answer(503, Retry_After="5")).status_code == 503
    assert play.pauses == []
    play = Play(retry=policy(2), total=5)
    assert play(answer(503, Retry_After="4"), answer(200)).status_code == 200
    with pytest.raises(ReadError) as caught:
        Play(retry=policy(2), total=0.2)(ReadError("x"))
    assert caught.value.attempts == 1
    assert Play(retry=policy(2), total=0.3)(ReadError("x"), answer(200)).attempts == 2


# --- bodies


def test_a_spent_body_is_not_sent_again_after_an_answer() -> None:
    """The error has the answer that asked, whose connection is let go."""
    asked = live(503)
    play = Play("POST", retry=POST, content=pieces())
    with pytest.raises(BodyNotReplayable, match="a generator") as caught:
        play(asked)
    assert asked._body.abandoned
    assert caught.value.response is asked
    assert caught.value.attempts == 1
    assert len(play.sent) == 1


def test_a_spent_body_is_not_sent_again_after_an_error() -> None:
    """Which is its cause; earlier ones are notes."""
    play = Play("POST", retry=POST, content=pieces())
    error = ReadError("gone")
    with pytest.raises(BodyNotReplayable) as caught:
        play(ConnectError("refused"), error)
    assert caught.value.__cause__ is error
    assert caught.value.attempts == 2
    assert caught.value.__notes__ == ["an earlier attempt failed: ConnectError: refused: POST http://a.test/x"]


def test_a_body_in_memory_is_sent_as_often_as_needed() -> None:
    """The same bytes each time."""
    play = Play("POST", retry=POST, json={"a": 1})
    play(answer(503), ReadError("x"), answer(200))
    assert [request.content for request in play.sent] == [b'{"a":1}'] * 3


def test_a_spent_body_does_not_matter_to_the_last_answer() -> None:
    """Nor to one that asks for too long."""
    assert Play("POST", retry=policy(1, methods=["POST"]), content=pieces())(answer(503)).status_code == 503
    assert Play("POST", retry=POST, content=pieces())(answer(503, Retry_After="99")).status_code == 503


# --- redirects and retries


def test_a_redirect_in_the_middle_keeps_count() -> None:
    """Attempts are those of the whole call; each is at the place that the chain has reached."""
    play = Play(retry=policy(4))
    response = play(answer(503), live(302, Location="/y"), ReadError("x"), answer(429), answer(200))
    assert [request.url[13:] for request in play.sent] == ["/x", "/x", "/y", "/y", "/y"]
    assert (response.attempts, len(response.history)) == (4, 1)
    assert play.pauses == [0.2, 0.4, 0.8]


def test_cookies_of_a_discarded_answer_go_along() -> None:
    """A server that sets one with its 503 gets it with the next attempt."""
    play = Play(retry=policy(2))
    play(answer(503, Set_Cookie="a=1"), answer(200))
    assert [request.headers.get("cookie") for request in play.sent] == [None, "a=1"]


def test_the_trace_tells_of_retries() -> None:
    """With the delay and the reason, under the number of the attempt that follows."""
    told: list[tuple[str, Any]] = []
    play = Play(retry=policy(3), trace=lambda event, info: told.append((event, dict(info))))
    play(ReadError("x"), answer(503), answer(200))
    assert [(event, info["attempt"], info["delay"], info["reason"]) for event, info in told] == [
        ("retry", 2, 0.2, "ReadError"),
        ("retry", 3, 0.4, "503"),
    ]


# --- the circuit breaker


def test_a_total_timeout_says_why_it_is_not_retried() -> None:
    """Where attempts were left; the limit is that of the call."""
    for attempts, answers, notes in (
        (3, [TotalTimeout("x")], ["not retried: the total limit of 5 s was reached"]),
        (2, [ReadError("y"), TotalTimeout("x")], ["an earlier attempt failed: ReadError: y: GET http://a.test/x"]),
    ):
        with pytest.raises(TotalTimeout) as caught:
            Play(retry=policy(attempts), timeout=5)(*answers)
        assert caught.value.__notes__ == notes
    for options in ({"timeout": 5}, {"retry": policy(3), "timeout": None}):
        with pytest.raises(TotalTimeout) as caught:
            Play(**options)(TotalTimeout("x"))
        assert not hasattr(caught.value, "__notes__")


def too_late_in_the_queue() -> TotalTimeout:
    error = TotalTimeout("total timeout")
    error.__cause__ = PoolTimeout("1 in use")
    return error


@pytest.mark.parametrize(("given", "outcome"), [
    (answer(200), True), (answer(301), True), (answer(404), True), (answer(499), True), (answer(501), True), (live(200), True),
    (answer(500), False), (answer(502), False), (answer(503), False), (answer(599), False), (live(500), False),
    (ConnectError("x"), False), (ReadError("x"), False), (WriteError("x"), False), (ReadTimeout("x"), False),
    (RemoteDisconnected("x"), False), (RemoteProtocolError("x"), False), (TotalTimeout("x"), False), (CertificateError("x"), False),
    (live(200, IncompleteRead(1, 2)), False), (live(200, ReadTimeout("x")), False),
    (PoolTimeout("x"), None), (too_late_in_the_queue(), None), (live(200, DecodeError("x")), None), (ResponseTooLarge("x"), None),
    (ValueError("x"), None), (KeyboardInterrupt(), None), (live(200, KeyboardInterrupt()), None),
])  # fmt: skip
def test_what_counts_against_an_origin(given: Any, outcome: bool | None) -> None:
    """A broken transport, a timeout, nonsense, a server's failure; not what never reached it, and not our own refusals."""
    breaker = Breaker()
    with suppress(FastHTTPError, ValueError, KeyboardInterrupt):
        Play(breaker=breaker)(given)
    assert breaker.outcomes == [outcome]
    assert breaker.entered == ["http://a.test"]


def test_leave_that_was_given_before_is_given_back() -> None:
    """A first request that went out before the steps began brings its own permit; the one after a redirect asks."""
    breaker = Breaker()
    play = Play(breaker=breaker)
    play.exchange.permit = Permit("http://before.test", 0)
    breaker.entered.append("http://before.test")
    play(answer(302, Location="http://a.test:81/"), answer(500))
    assert breaker.entered == ["http://before.test", "http://a.test:81"]
    assert breaker.outcomes == [True, False]


def test_every_request_counts_for_its_own_origin() -> None:
    """Retries and redirects one by one, ports apart."""
    breaker = Breaker()
    play = Play(breaker=breaker, retry=policy(2))
    play(ReadError("x"), answer(302, Location="http://a.test:81/"), answer(500))
    assert breaker.entered == ["http://a.test", "http://a.test", "http://a.test:81"]
    assert breaker.outcomes == [False, True, False]


def test_a_call_that_is_let_go_gives_its_place_back() -> None:
    """Whether it was cancelled, or its steps are simply not taken any more."""
    breaker = Breaker()
    steps = Play(breaker=breaker).exchange.steps()
    next(steps)
    with pytest.raises(KeyboardInterrupt):
        steps.throw(KeyboardInterrupt())
    steps = Play(breaker=breaker).exchange.steps()
    next(steps)
    steps.close()
    assert breaker.outcomes == [None, None]


def test_cancellation_during_a_wait_holds_nothing() -> None:
    """The attempt before it is over and counted."""
    breaker = Breaker()
    steps = Play(breaker=breaker, retry=policy(2)).exchange.steps()
    next(steps)
    steps.throw(ReadError("x"))
    with pytest.raises(KeyboardInterrupt):
        steps.throw(KeyboardInterrupt())
    assert breaker.outcomes == [False]


def test_an_open_circuit_ends_the_call_before_it_is_sent() -> None:
    """Even between two attempts; that is no error to retry."""
    breaker = CircuitBreaker(2, 60)
    play = Play(breaker=breaker, retry=policy(9, retry_exceptions=[FastHTTPError]))
    with pytest.raises(CircuitOpenError, match=r"^Circuit open for http://a\.test") as caught:
        play(ReadError("one"), ReadError("two"))
    assert (str(caught.value), caught.value.origin) == ("Circuit open for http://a.test", "http://a.test")
    assert caught.value.attempts == 3
    assert caught.value.__notes__ == [
        "an earlier attempt failed: ReadError: one: GET http://a.test/x",
        "an earlier attempt failed: ReadError: two: GET http://a.test/x",
    ]
    assert len(play.sent) == 2
    assert Play(url="http://a.test:81/", breaker=breaker)(answer(200)).status_code == 200


def test_a_cancelled_probe_frees_its_place() -> None:
    """The next one may try."""
    breaker = CircuitBreaker(1, 0)
    with pytest.raises(ReadError):
        Play(breaker=breaker)(ReadError("x"))
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            Play(breaker=breaker)(KeyboardInterrupt())
    assert breaker.state("http://a.test/") == "half-open"
    Play(breaker=breaker)(answer(200))
    assert breaker.state("http://a.test/") == "closed"


def test_a_breaker_of_the_client_is_shared_by_its_calls() -> None:
    """Also by those with another policy; a call without one, or with one that says nothing of it, goes past it."""
    config = ClientConfig(retry=RetryPolicy(circuit_breaker=True, cb_failure_threshold=1))
    assert config.defaults.breaker is config.breaker
    assert config.call({"retry": RetryPolicy(circuit_breaker=True)}).breaker is config.breaker
    assert config.call({"retry": RetryPolicy(2)}).breaker is None
    assert config.call({"retry": None}).breaker is None
    late = ClientConfig()
    made = late.call({"retry": RetryPolicy(circuit_breaker=True, cb_failure_threshold=1)}).breaker
    assert made is late.breaker
    assert ClientConfig().breaker is not late.breaker
