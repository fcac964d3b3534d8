"""`SecurityPolicy`: its values, and the checks that need nothing else."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

import fasthttp
from fasthttp.errors import RedirectBlockedError, SecurityError
from fasthttp.security import SecurityPolicy
from httpwire.url import parse_url

SIGNATURE = """
    ssrf=True allow_hosts=() deny_hosts=() max_url_length=8192 max_response_size=104857600 max_header_size=65536
    max_decompression_ratio=1000 max_redirects=10 allow_http_downgrade=False circuit_breaker=True failure_threshold=5
    recovery_time=30.0 half_open_max_calls=3 success_threshold=2 mask_secrets=True mask_names=() sign_hosts=None
""".split()
SWITCHES = ["ssrf", "allow_http_downgrade", "circuit_breaker", "mask_secrets"]
FROM_ONE = "max_url_length max_response_size max_header_size max_decompression_ratio".split()
FROM_ONE += "failure_threshold half_open_max_calls success_threshold".split()
LISTS = ["allow_hosts", "deny_hosts", "sign_hosts", "mask_names"]


def policy(**values: Any) -> SecurityPolicy:
    return SecurityPolicy(**values)


def test_the_signature_is_the_documented_one() -> None:
    """Names, defaults and order; nothing is positional; the root has the same class."""
    parameters = inspect.signature(SecurityPolicy).parameters.values()
    assert [f"{p.name}={p.default}" for p in parameters] == SIGNATURE
    assert {p.kind for p in parameters} == {inspect.Parameter.KEYWORD_ONLY}
    assert fasthttp.SecurityPolicy is SecurityPolicy


def test_a_policy_is_a_value() -> None:
    """Equal by what it holds, hashable, copied and pickled; lists may come from any iterable."""
    given = policy(allow_hosts=iter(["localhost", "10.1.0.0/16"]), mask_names=["X-Thing"], max_redirects=3)
    same = policy(allow_hosts=("localhost", "10.1.0.0/16"), mask_names={"x-thing"}, max_redirects=3)
    assert given == same
    assert hash(given) == hash(same)
    assert given != policy()
    assert given != object()
    assert pickle.loads(pickle.dumps(given)) == copy.deepcopy(given) == copy.copy(given) == given


def test_a_policy_cannot_be_changed() -> None:
    """Neither by assignment nor through a list that it was made of."""
    hosts = ["a.test"]
    given: Any = policy(allow_hosts=hosts)
    hosts.append("b.test")
    assert given.allow_hosts == ("a.test",)
    with pytest.raises(AttributeError):
        given.ssrf = False
    with pytest.raises(AttributeError):
        del given.ssrf


def test_the_repr_shows_what_differs_from_the_defaults() -> None:
    """And can be evaluated."""
    assert repr(policy()) == "SecurityPolicy()"
    given = policy(ssrf=False, allow_hosts=["a.test"], recovery_time=1)
    assert repr(given) == "SecurityPolicy(ssrf=False, allow_hosts=('a.test',), recovery_time=1)"
    assert eval(repr(given)) == given


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("value", [0, 1, None, "no"])
def test_a_switch_is_true_or_false(name: str, value: Any) -> None:
    """Nothing else, so that no text switches a check off or on."""
    assert getattr(policy(**{name: False}), name) is False
    with pytest.raises(TypeError, match=rf"{name} must be True or False"):
        policy(**{name: value})


@pytest.mark.parametrize("name", [*FROM_ONE, "max_redirects"])
def test_numbers_have_a_least_value_and_a_type(name: str) -> None:
    """The message names the number and the least; a bool is no number."""
    least = 0 if name == "max_redirects" else 1
    assert getattr(policy(**{name: least}), name) == least
    with pytest.raises(ValueError, match=rf"{name}={least - 1} must be at least {least}"):
        policy(**{name: least - 1})
    for value in (True, 1.5, "1", None):
        with pytest.raises(TypeError, match=rf"{name} must be an integer"):
            policy(**{name: value})


def test_the_recovery_time_is_a_finite_number_of_seconds() -> None:
    """Zero is one."""
    assert policy(recovery_time=0).recovery_time == 0
    for value in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="recovery_time="):
            policy(recovery_time=value)
    wrong: Any
    for wrong in (True, "30", None):
        with pytest.raises(TypeError, match="recovery_time must be a number of seconds"):
            policy(recovery_time=wrong)


@pytest.mark.parametrize("name", LISTS)
def test_a_single_text_is_not_a_list(name: str) -> None:
    """It would be read as one entry for each letter."""
    for value in ("localhost", b"localhost"):
        with pytest.raises(TypeError, match=rf"{name} takes several .*, not one text"):
            policy(**{name: value})
    with pytest.raises(TypeError, match=rf"{name} takes texts, got int"):
        policy(**{name: [1]})


@pytest.mark.parametrize("name", LISTS[:3])
def test_a_malformed_entry_is_refused_when_the_policy_is_made(name: str) -> None:
    """The message names the setting and shows the entry."""
    with pytest.raises(ValueError, match=rf"{name}: '10\.0\.0\.0/33' is malformed"):
        policy(**{name: ["good.test", "10.0.0.0/33"]})


def test_names_to_mask_are_kept_in_lower_case() -> None:
    """As they are compared; an empty one would never match."""
    assert policy(mask_names=["X-Thing", "pin"]).mask_names == ("x-thing", "pin")
    for value in ("", " "):
        with pytest.raises(ValueError, match="mask_names"):
            policy(mask_names=[value])


def test_no_hosts_to_sign_differs_from_all() -> None:
    """None is all."""
    assert policy().sign_hosts is None
    assert policy(sign_hosts=()).sign_hosts == ()


def test_a_url_may_have_the_length_of_the_limit_and_no_more() -> None:
    """Counted as it is sent: without user info, fragment and default port."""
    given = policy(max_url_length=30)
    exact = "http://a.test/" + "x" * 16
    for url in (exact, exact.replace("//", "//user:password@") + "#fragment", exact.replace(".test", ".test:80")):
        given.check_length(parse_url(url))
    given.check_length(parse_url("http://a.test:8/" + "x" * 14))
    for url in (exact + "x", exact[:-1] + "?q", "http://a.test:8/" + "x" * 15):
        with pytest.raises(SecurityError, match=r"URL of 31 characters is longer than max_url_length=30"):
            given.check_length(parse_url(url))


def test_the_message_about_a_long_url_is_short() -> None:
    """It names the origin, and neither path nor user info."""
    with pytest.raises(SecurityError) as caught:
        policy().check_length(parse_url("http://user:hidden@a.test:81/?key=" + "x" * 9000))
    assert str(caught.value).endswith("max_url_length=8192: http://a.test:81/...")
    assert "hidden" not in repr(caught.value)


@pytest.mark.parametrize("secure", ["https", "wss"])
@pytest.mark.parametrize("plain", ["http", "ws"])
def test_a_redirect_from_tls_to_none_is_refused(secure: str, plain: str) -> None:
    """The message names the hop and how to allow it, and hides secrets, those of `mask_names` as well."""
    start, end = parse_url(f"{secure}://a.test/in?token=t0p"), parse_url(f"{plain}://u:pass@b.test/out?pin=1234")
    with pytest.raises(RedirectBlockedError) as caught:
        policy(mask_names=["PIN"]).check_hop(start, end)
    hop = f"redirect from {secure}://a.test/in?token=***** to {plain}://b.test/out?pin=*****"
    assert str(caught.value) == f"{hop} gives up TLS; follow it with SecurityPolicy(allow_http_downgrade=True)"
    policy(allow_http_downgrade=True).check_hop(start, end)


@pytest.mark.parametrize(("start", "end"), [("http", "http"), ("http", "https"), ("https", "https"), ("ws", "ws"), ("ws", "wss")])
def test_other_redirects_pass(start: str, end: str) -> None:
    """Also to another host: what is left behind on the way is not this check's matter."""
    policy().check_hop(parse_url(f"{start}://a.test/"), parse_url(f"{end}://b.test/"))
