"""The small decisions: keywords of one-shot calls, names that come later, failures told, routes, forks."""

from __future__ import annotations

import os
import runpy

import pytest

from fasthttp._pure import fork
from fasthttp._pure.faults import annotate
from fasthttp._pure.fork import forget_in_child
from fasthttp._pure.keywords import split_keywords
from fasthttp._pure.later import Later, later, not_yet
from fasthttp._pure.numbers import at_least
from fasthttp._pure.route import ConnectionInfo, NetworkOptions, Route
from fasthttp.errors import FastHTTPError, ReadTimeout
from fasthttp.models import Request
from httpwire.url import parse_url


class Identity:
    """What TLS settings look like to a route."""

    def __init__(self, token: str) -> None:
        self.token = token


def test_keywords_of_a_one_shot_call_are_split_between_client_and_call() -> None:
    """What only a client knows is the client's; every other name, also an unknown one, is the call's."""
    settings, options = split_keywords({"base_url": "u", "uds": None, "headers": 1, "timeout": 2, "verify": False, "typo": 3})
    assert settings == {"base_url": "u", "uds": None}
    assert options == {"headers": 1, "timeout": 2, "verify": False, "typo": 3}


def test_what_is_not_built_yet_says_so_by_name() -> None:
    """A function raises at once, a class when it is instantiated."""
    with pytest.raises(NotImplementedError, match=r"^proxy=: not implemented yet in this version of fasthttp$"):
        not_yet("proxy=")
    cls = later("Thing", "things", "some.module")
    assert (cls.__name__, cls.__module__, cls.__doc__) == ("Thing", "some.module", "Not implemented yet: things.")
    assert issubclass(cls, Later)
    with pytest.raises(NotImplementedError, match=r"Thing \(things\)"):
        cls(1, a=2)


def test_numbers_that_settings_take() -> None:
    """Not below the least; whole, or any but NaN; None where that is no limit. True is no number, and errors show what is wrong."""
    assert [at_least(0, "n", 0), at_least(1, "n", 2), at_least(0, "n", 0.5, whole=False)] == [0, 2, 0.5]
    assert at_least(1, "n", None, optional=True) is None
    for value in (True, 1.0, "1", None):
        with pytest.raises(TypeError, match=f"^n must be an integer, got {value!r}$"):
            at_least(0, "n", value)
    with pytest.raises(TypeError, match=r"^n must be a number or None, got '1'$"):
        at_least(0, "n", "1", whole=False, optional=True)
    with pytest.raises(ValueError, match=r"^n must be an integer or None, got True$"):
        at_least(0, "n", True, optional=True, wrong=ValueError)
    with pytest.raises(ValueError, match=r"^n=-1 must be at least 0$"):
        at_least(0, "n", -1)
    with pytest.raises(ValueError, match=r"^n=nan must be at least 0, or None for no limit$"):
        at_least(0, "n", float("nan"), whole=False, optional=True)


def test_an_error_learns_its_request_once() -> None:
    """The innermost one that knows it wins; the URL is masked."""
    request = Request("PUT", "https://a.test/x?api_key=hidden&b=1&mine=too")
    error = FastHTTPError("broken")
    annotate(error, request, 1.0, {"mine"})
    assert (error.request, error.method, error.url) == (request, "PUT", "https://a.test/x?api_key=*****&b=1&mine=*****")
    annotate(error, Request("GET", "https://b.test/"), 2.0)
    assert (error.request, error.method) == (request, "PUT")
    known = FastHTTPError("broken", url="https://c.test/", method="GET")
    annotate(known, request)
    assert (known.url, known.method, known.request) == ("https://c.test/", "GET", request)


def test_only_timeouts_learn_how_long_it_took() -> None:
    """And only if they do not know yet."""
    request = Request("GET", "https://a.test/")
    error, other = ReadTimeout("slow", phase="read", limit=1.0), ReadTimeout("slow", elapsed=0.5)
    annotate(error, request, 1.25)
    annotate(other, request, 1.25)
    assert (error.elapsed, other.elapsed) == (1.25, 0.5)


@pytest.mark.parametrize(("one", "two", "same"), [
    ("http://a.test/x", "http://A.test:80/y?z", True),
    ("http://a.test/", "ws://a.test/", True),
    ("https://a.test/", "wss://a.test/", True),
    ("http://a.test/", "https://a.test/", False),
    ("http://a.test:443/", "https://a.test/", False),
    ("http://a.test/", "http://b.test/", False),
    ("http://a.test/", "http://a.test:81/", False),
])  # fmt: skip
def test_connections_are_shared_within_an_origin(one: str, two: str, same: bool) -> None:
    """WebSockets use the same kind of connection as HTTP."""
    keys = [Route(parse_url(url, True), Identity("t"), None).key for url in (one, two)]
    assert (keys[0] == keys[1]) is same


def test_connections_are_not_shared_across_tls_settings_or_local_addresses() -> None:
    """What was connected without verification is never used with it; plain HTTP does not care."""
    https, http = parse_url("https://a.test/", True), parse_url("http://a.test/", True)
    strict, lax = Identity("1"), Identity("2")
    assert Route(https, strict, None).key != Route(https, lax, None).key
    assert Route(http, strict, None).key == Route(http, lax, None).key
    assert Route(http, strict, "127.0.0.1").key != Route(http, strict, None).key
    route = Route(https, strict, None)
    assert (route.scheme, route.host, route.hostname, route.port) == ("https", "a.test", "a.test", 443)


def test_settings_and_facts_of_connections_have_plain_defaults() -> None:
    """Nothing is set that nobody asked for."""
    assert NetworkOptions()[:3] == (None, None, None)
    assert ConnectionInfo() == (None, None, None, None, None, False)


class Pool:
    """Counts how often it was disowned."""

    def __init__(self) -> None:
        self.disowned = 0

    def disown(self) -> None:
        self.disowned += 1


def test_a_forked_child_disowns_every_pool_that_is_still_there() -> None:
    """Registered pools are told, those collected before are not kept for it."""
    pool, gone = Pool(), Pool()
    forget_in_child(pool)
    forget_in_child(gone)
    count = len(fork._pools)
    del gone
    assert len(fork._pools) == count - 1
    fork._pools.discard(pool)
    others = list(fork._pools)
    for other in others:  # pools of other tests are not ours to disown
        fork._pools.discard(other)
    try:
        fork._pools.add(pool)
        fork._after_fork()
        assert pool.disowned == 1
    finally:
        fork._pools.discard(pool)
        for other in others:
            fork._pools.add(other)


def test_a_platform_without_fork_needs_no_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module loads there all the same."""
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    assert "forget_in_child" in runpy.run_path(fork.__file__)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_only_the_child_of_a_fork_disowns() -> None:
    """The parent goes on with its connections."""
    pool = Pool()
    forget_in_child(pool)
    child = os.fork()
    if child == 0:
        os._exit(10 + pool.disowned)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 11
    assert pool.disowned == 0
