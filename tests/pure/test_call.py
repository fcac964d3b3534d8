"""The rules of one call: how the values of its keywords are checked, and what follows from them."""

from __future__ import annotations

from typing import Any

import pytest

from fasthttp._pure.call import IDEMPOTENT, SAFE, Call, check_retry, check_trace, expect_seconds, refuse_overrides
from fasthttp._pure.config import ClientConfig
from fasthttp._pure.redirects import REDIRECT_STATUSES
from fasthttp.retry import RetryPolicy
from fasthttp.timeouts import Timeout


def test_methods_by_what_they_do() -> None:
    """RFC 9110 section 9.2, and QUERY."""
    assert {"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"} == SAFE
    assert {"PUT", "DELETE"} == IDEMPOTENT - SAFE


@pytest.mark.parametrize(("value", "seconds"), [(None, None), (False, None), (True, 1.0), (2, 2.0), (0.5, 0.5)])
def test_seconds_to_wait_for_leave(value: Any, seconds: float | None) -> None:
    """True is a second."""
    assert expect_seconds(value) == seconds


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_an_expectation_without_a_wait_is_refused(value: float) -> None:
    """Nothing, less than nothing, and what is no number."""
    with pytest.raises(ValueError, match="expect_continue="):
        expect_seconds(value)


async def _hook(event: str, info: Any) -> None:
    """Nobody could await this."""


@pytest.mark.parametrize("value", [1, "print", _hook])
def test_a_trace_is_a_plain_function(value: Any) -> None:
    """It is called inside the transport."""
    with pytest.raises(TypeError, match="trace= takes a plain function"):
        check_trace(value)
    assert check_trace(print) is print
    assert check_trace(None) is None


@pytest.mark.parametrize("value", [3, True, RetryPolicy, {"max_attempts": 3}])
def test_retry_takes_a_policy(value: Any) -> None:
    """Or None, and nothing that looks as if it were understood."""
    with pytest.raises(TypeError, match=f"retry= takes a RetryPolicy or None, not {type(value).__name__}"):
        check_retry(value)
    assert check_retry(None) is None
    policy = RetryPolicy()
    assert check_retry(policy) is policy


def test_statuses_that_are_perhaps_not_the_end() -> None:
    """Redirects always, those of the policy, and 417 where something is expected."""
    call = Call()
    assert call.turns is REDIRECT_STATUSES
    call.retry = RetryPolicy(status_codes=[503])
    call.expect = 1.0
    call.settle()
    assert call.turns == REDIRECT_STATUSES | {503, 417}
    assert call.attends_upload


def test_rules_of_a_call_in_place_of_the_clients() -> None:
    """One by one; None switches off; the client's own stay as they were."""
    policy, own = RetryPolicy(2), RetryPolicy(3)
    config = ClientConfig(retry=policy, expect_continue=2, trace=print)
    assert (config.defaults.retry, config.defaults.expect, config.defaults.trace_hook) == (policy, 2.0, print)
    call = config.call({"retry": own, "expect_continue": 3, "trace": repr, "on_upload": print, "on_download": repr})
    assert (call.retry, call.expect) == (own, 3.0)
    assert [call.trace_hook, call.on_upload, call.on_download] == [repr, print, repr]
    assert call.watches_body
    off = config.call({"retry": None, "expect_continue": False, "trace": None})
    assert (off.retry, off.breaker, off.expect, off.trace_hook) == (None, None, None, None)
    assert config.call({"timeout": 1}).retry is policy
    with pytest.raises(TypeError, match="retry="):
        config.call({"retry": 3})
    with pytest.raises(TypeError, match="retry="):
        ClientConfig(retry=3)


def test_a_timeout_that_is_assigned_holds_for_later_calls() -> None:
    """Those under way keep theirs."""
    config = ClientConfig(timeout=1)
    before = config.defaults
    config.timeout = 2
    assert (before.timeout, config.timeout) == (Timeout.from_value(1), Timeout.from_value(2))


@pytest.mark.parametrize(
    "overrides", [{"proxy": "http://p.test"}, {"verify": False}, {"verify": 1}, {"cert": "c.pem"}, {"proxy": "", "cert": ""}]
)
def test_what_only_the_network_asks_for_is_refused(overrides: dict[str, Any]) -> None:
    """By its name and that of the transport, which would not ask."""
    with pytest.raises(ValueError, match=f"{list(overrides)[-1]}= of a call does nothing over object"):
        refuse_overrides(overrides, object())


def test_what_asks_for_nothing_is_not_refused() -> None:
    """None, no proxy, and the check of certificates that there is anyway."""
    refuse_overrides({"proxy": "", "verify": True, "cert": None, "ssl_context": None}, object())
    refuse_overrides({"proxy": None}, object())


def test_a_body_that_is_all_there_needs_watching_only_for_its_size() -> None:
    """Streams and progress want it piece by piece; a limit refuses what is above it."""
    call = Call()
    assert call.takes_whole(10**9)
    call.max_response_size = 100
    assert call.takes_whole(100)
    assert not call.takes_whole(101)
    call.on_download = print
    assert not call.takes_whole(1)
    call.on_download, call.stream = None, True
    assert not call.takes_whole(1)
