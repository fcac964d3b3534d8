"""`RetryPolicy` and `CircuitBreaker` as values that users make, share and ask."""

from __future__ import annotations

import copy
import math
import pickle
import threading
from time import monotonic
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fasthttp import (
    BodyLengthError,
    BodyNotReplayable,
    CertificateError,
    CircuitBreaker,
    CircuitOpenError,
    ClientClosedError,
    ConnectError,
    ConnectTimeout,
    DecodeError,
    DNSError,
    FastHTTPError,
    InvalidHeader,
    InvalidURL,
    PoolError,
    PoolTimeout,
    ReadError,
    ReadTimeout,
    RemoteDisconnected,
    RemoteProtocolError,
    Request,
    ResponseTooLarge,
    RetryPolicy,
    SecurityError,
    SSRFBlockedError,
    TooManyRedirects,
    TotalTimeout,
    UnsupportedScheme,
    WriteError,
    WriteTimeout,
)

DEFAULTS = {
    "max_attempts": 1,
    "backoff_factor": 0.2,
    "backoff_max": 2.0,
    "status_codes": frozenset((408, 429, 500, 502, 503, 504)),
    "retry_exceptions": (ConnectError, ReadError, WriteError, ConnectTimeout, ReadTimeout, WriteTimeout, RemoteProtocolError),
    "circuit_breaker": False,
    "cb_failure_threshold": 5,
    "cb_recovery_seconds": 60.0,
    "methods": frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY")),
    "jitter": 0.5,
    "respect_retry_after": True,
    "retry_after_max": 30.0,
    "cb_half_open_max": 1,
}
OTHERS: dict[str, Any] = {
    "max_attempts": 4,
    "backoff_factor": 1,
    "backoff_max": 9.5,
    "status_codes": frozenset((503,)),
    "retry_exceptions": (ReadError,),
    "circuit_breaker": True,
    "cb_failure_threshold": 3,
    "cb_recovery_seconds": 0,
    "methods": frozenset(("POST",)),
    "jitter": 0,
    "respect_retry_after": False,
    "retry_after_max": 1,
    "cb_half_open_max": 2,
}

# --- the policy as a value


def test_defaults() -> None:
    """One attempt: a policy retries only what it is told to."""
    policy = RetryPolicy()
    assert {name: getattr(policy, name) for name in DEFAULTS} == DEFAULTS
    assert repr(policy) == "RetryPolicy()"


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_setting_is_kept(name: str) -> None:
    """And tells policies apart, in a comparison, a set and a text."""
    policy = RetryPolicy(**{name: OTHERS[name]})
    assert getattr(policy, name) == OTHERS[name]
    assert {key: getattr(policy, key) for key in DEFAULTS if key != name} == {key: DEFAULTS[key] for key in DEFAULTS if key != name}
    assert policy != RetryPolicy()
    assert len({policy, RetryPolicy(**{name: OTHERS[name]}), RetryPolicy()}) == 2
    assert repr(policy).startswith(f"RetryPolicy({name}=")


def test_a_policy_does_not_change() -> None:
    """Nor can an attribute be added or deleted."""
    policy = RetryPolicy(3)
    for name in ("max_attempts", "retry_on_status", "new"):
        with pytest.raises(AttributeError, match="immutable"):
            setattr(policy, name, 1)
    with pytest.raises(AttributeError, match="immutable"):
        del policy.max_attempts
    assert policy.max_attempts == 3
    assert policy != 3


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda policy: pickle.loads(pickle.dumps(policy))])
def test_a_policy_is_copied_and_pickled(again: Any) -> None:
    """As an equal one."""
    policy = RetryPolicy(**OTHERS)
    assert again(policy) == policy
    assert hash(again(policy)) == hash(policy)


def test_a_policy_shows_what_was_given() -> None:
    """By name, statuses sorted."""
    assert repr(RetryPolicy(4, status_codes=[503, 429], jitter=0)) == "RetryPolicy(jitter=0, max_attempts=4, status_codes=[429, 503])"


@pytest.mark.parametrize("codes", [[429, 503], (429, 503), {429, 503}, range(429, 504, 74), iter([429, 503]), {429: 1, 503: 2}])
def test_statuses_are_any_iterable(codes: Any) -> None:
    """Under either name, as an argument and as an attribute."""
    policy = RetryPolicy(2, status_codes=codes)
    assert policy.status_codes == policy.retry_on_status == {429, 503}
    assert RetryPolicy(2, retry_on_status=[429, 503]) == policy
    assert [status for status in (200, 429, 500, 503) if policy.should_retry_status(status)] == [429, 503]


def test_both_names_at_once_are_refused() -> None:
    """Also where both say the same, or nothing."""
    with pytest.raises(TypeError, match="status_codes= and retry_on_status="):
        RetryPolicy(2, status_codes=[503], retry_on_status=[503])
    assert RetryPolicy(2, status_codes=()).status_codes == frozenset()


@pytest.mark.parametrize(("keywords", "error"), [
    ({"max_attempts": 0}, ValueError), ({"max_attempts": -1}, ValueError), ({"max_attempts": 2.0}, TypeError),
    ({"max_attempts": True}, TypeError), ({"max_attempts": None}, TypeError), ({"max_attempts": "3"}, TypeError),
    ({"backoff_factor": -0.1}, ValueError), ({"backoff_factor": math.nan}, ValueError), ({"backoff_factor": "1"}, TypeError),
    ({"backoff_max": -1}, ValueError), ({"jitter": -0.1}, ValueError), ({"jitter": 1.1}, ValueError), ({"jitter": math.nan}, ValueError),
    ({"cb_failure_threshold": 0}, ValueError), ({"cb_recovery_seconds": -1}, ValueError), ({"cb_half_open_max": 0}, ValueError),
    ({"retry_after_max": -1}, ValueError), ({"status_codes": 503}, TypeError), ({"status_codes": ["many"]}, TypeError),
    ({"status_codes": "503"}, TypeError), ({"status_codes": ["503"]}, TypeError), ({"status_codes": [True]}, TypeError),
    ({"retry_exceptions": [503]}, TypeError), ({"retry_exceptions": [int]}, TypeError), ({"retry_exceptions": ReadError("x")}, TypeError),
    ({"methods": "GET"}, TypeError),
])  # fmt: skip
def test_what_cannot_be_meant_is_refused(keywords: dict[str, Any], error: type[Exception]) -> None:
    """When the policy is made; the message names the argument."""
    with pytest.raises(error, match=next(iter(keywords))):
        RetryPolicy(**keywords)


# --- what it decides


@pytest.mark.parametrize("error", [
    ConnectError, DNSError, ReadError, RemoteDisconnected, WriteError, ConnectTimeout, ReadTimeout, WriteTimeout, RemoteProtocolError,
])  # fmt: skip
def test_errors_that_are_retried(error: type[FastHTTPError]) -> None:
    """Those listed, and all that derive from them."""
    assert RetryPolicy(2).should_retry_error(error("x"))
    assert RetryPolicy(2, retry_exceptions=error).should_retry_error(error("x"))
    assert not RetryPolicy(2, retry_exceptions=()).should_retry_error(error("x"))


@pytest.mark.parametrize("error", [
    InvalidURL, UnsupportedScheme, InvalidHeader, BodyLengthError, CertificateError, TotalTimeout, PoolError, PoolTimeout, SecurityError,
    SSRFBlockedError, CircuitOpenError, TooManyRedirects, ResponseTooLarge, DecodeError, BodyNotReplayable, ClientClosedError,
])  # fmt: skip
def test_errors_that_never_are(error: type[FastHTTPError]) -> None:
    """Whatever is configured."""
    for kind in (error, FastHTTPError, Exception, BaseException):
        assert not RetryPolicy(2, retry_exceptions=kind).should_retry_error(error("x"))


@pytest.mark.parametrize(("method", "headers", "expected"), [
    ("GET", {}, True), ("QUERY", {}, True), ("POST", {}, False), ("PATCH", {}, False), ("PATCH", {"idempotency-key": "k"}, True),
])  # fmt: skip
def test_requests_that_may_be_repeated(method: str, headers: dict[str, str], expected: bool) -> None:
    """By their method, or by a key that makes them idempotent."""
    request = Request(method, "http://h/", headers)
    assert RetryPolicy().may_repeat(request) == expected
    assert RetryPolicy(methods=[method.lower()]).may_repeat(request)


def test_delays() -> None:
    """One for each attempt after the first."""
    assert list(RetryPolicy(6).iter_delays()) == [0.2, 0.4, 0.8, 1.6, 2.0]
    assert list(RetryPolicy().iter_delays()) == []
    assert list(RetryPolicy(3, 5, 2).iter_delays()) == [2.0, 2.0]
    assert RetryPolicy(9, 0.2, math.inf).delay(8) == 25.6


@given(st.floats(0, 1e308), st.floats(0, allow_nan=False), st.integers(1, 10**6))
def test_a_delay_never_overflows(factor: float, most: float, attempt: int) -> None:
    """It is at most the maximum, at any number of attempts, and nothing where the factor is."""
    delay = RetryPolicy(backoff_factor=factor, backoff_max=most).delay(attempt)
    assert 0 <= delay <= most
    assert delay == 0 or factor > 0
    assert delay in (most, factor * 2 ** min(attempt - 1, 900)) or attempt > 900


# --- the breaker


def test_a_breaker_is_asked_by_any_url_of_an_origin() -> None:
    """The port of the scheme is the same as none, and another port is another origin."""
    breaker = CircuitBreaker(threshold=1, recovery=60)
    breaker.leave(breaker.enter("http://h"), False)
    for url in ("http://h", "HTTP://H:80/path?q", "http://user@h/"):
        assert breaker.state(url) == "open"
    for url in ("http://h:81", "https://h"):
        assert breaker.state(url) == "closed"
    breaker.reset("http://h/anything")
    assert breaker.state("http://h") == "closed"
    for bad in ("h:81", "not a url"):
        with pytest.raises(ValueError, match=r"URL|scheme"):
            breaker.state(bad)


def test_an_open_circuit_says_when_to_come_back() -> None:
    """With the origin, and without a request."""
    breaker = CircuitBreaker(threshold=1, recovery=60)
    breaker.leave(breaker.enter("http://h:81"), False)
    with pytest.raises(CircuitOpenError, match=r"^Circuit open for http://h:81$") as caught:
        breaker.enter("http://h:81")
    assert caught.value.origin == "http://h:81"
    assert caught.value.retry_after is not None
    assert 59 < caught.value.retry_after <= 60
    breaker.reset()
    breaker.enter("http://h:81")


def test_a_breaker_by_its_policy() -> None:
    """With the numbers of that."""
    breaker = CircuitBreaker.from_policy(RetryPolicy(cb_failure_threshold=2, cb_recovery_seconds=0, cb_half_open_max=2))
    for _ in range(2):
        assert breaker.state("http://h") == "closed"
        breaker.leave(breaker.enter("http://h"), False)
    assert breaker.state("http://h") == "half-open"
    for _ in range(2):
        breaker.enter("http://h")
    with pytest.raises(CircuitOpenError) as caught:
        breaker.enter("http://h")
    assert caught.value.retry_after == 0.0


@pytest.mark.parametrize("keywords", [
    {"threshold": 0}, {"recovery": -1}, {"half_open_max": 0}, {"successes": 0}, {"recovery": math.nan},
])  # fmt: skip
def test_a_breaker_that_makes_no_sense(keywords: dict[str, Any]) -> None:
    """Is refused by the name of its argument."""
    with pytest.raises(ValueError, match=next(iter(keywords))):
        CircuitBreaker(**keywords)


def test_many_threads_share_a_breaker() -> None:
    """Of 16 threads that try a half-open circuit again and again, never more than two are through at once."""
    breaker = CircuitBreaker(threshold=1, recovery=0.0, half_open_max=2, successes=10**9)
    breaker.leave(breaker.enter("http://h"), False)
    lock = threading.Lock()
    inside = most = through = refused = 0
    start = threading.Barrier(16)

    def work() -> None:
        nonlocal inside, most, through, refused
        start.wait()
        until = monotonic() + 0.2
        for number in range(400):
            if monotonic() > until:
                return
            try:
                permit = breaker.enter("http://h")
            except CircuitOpenError:
                with lock:
                    refused += 1
                continue
            with lock:
                inside += 1
                through += 1
                most = max(most, inside)
            with lock:
                inside -= 1
            breaker.leave(permit, None if number % 2 else True)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert inside == 0
    assert through > 0
    assert most <= 2
    for _ in range(2):
        breaker.enter("http://h")  # every place was given back
    with pytest.raises(CircuitOpenError):
        breaker.enter("http://h")


def test_failures_of_many_threads_are_all_counted() -> None:
    """The circuit is open after exactly as many as its threshold."""
    breaker = CircuitBreaker(threshold=16 * 50, recovery=60)
    start = threading.Barrier(16)

    def work(times: int) -> None:
        start.wait()
        for _ in range(times):
            breaker.leave(breaker.enter("http://h"), False)

    threads = [threading.Thread(target=work, args=(50 if number else 49,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert breaker.state("http://h") == "closed"
    breaker.leave(breaker.enter("http://h"), False)
    assert breaker.state("http://h") == "open"
