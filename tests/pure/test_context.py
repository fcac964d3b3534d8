"""What goes along with a request, and who decides on its credentials."""

from __future__ import annotations

from typing import Any

import pytest

from fasthttp._pure.config import ClientConfig
from fasthttp._pure.context import RequestContext, credentials_of, join_cookies, names_authorization
from fasthttp.auth import AuthBase, BasicAuth, BearerAuth, NetrcTable
from fasthttp.models import Request
from httpwire.headers import Headers
from httpwire.url import parse_url


@pytest.mark.parametrize(("sources", "joined"), [
    ((), None), ((None,), None), (("",), None), ((None, "a=1"), "a=1"), (("a=1", None), "a=1"), (("a=1", "b=2"), "a=1; b=2"),
    (("a=1; b=2", "b=3; c=4"), "a=1; b=2; c=4"), (("a=1; a=2", "a=3"), "a=1; a=2"), (("a=1", None, "a=2; b=1", "b=2"), "a=1; b=1"),
    (("a=x=y", "a=z"), "a=x=y"), (("flag", "flag; b=1"), "flag; b=1"),
])  # fmt: skip
def test_cookies_of_several_sources(sources: tuple[str | None, ...], joined: str | None) -> None:
    """Where a name comes twice, the earlier source has it; one source may repeat a name."""
    assert join_cookies(*sources) == joined


@pytest.mark.parametrize(("headers", "found"), [
    (None, False), ({}, False), ({"AUTHORIZATION": "x"}, True), ({b"authorization": b"x"}, True), ([("X", "1")], False),
    ([("X", "1"), ("Authorization", "x")], True), (Headers({"Authorization": "x"}), True), ({"Authorization": None}, True),
])  # fmt: skip
def test_headers_with_credentials_of_the_callers_own(headers: Any, found: bool) -> None:
    """In whatever shape they are given; None says that there are to be none."""
    assert names_authorization(headers) == found


@pytest.mark.parametrize(("url", "pair"), [
    ("http://u:p@h/", ("u", "p")), ("http://u@h/", ("u", "")), ("http://:p@h/", ("", "p")), ("http://%40:%3A@h/", ("@", ":")),
])  # fmt: skip
def test_user_info_is_basic_authentication(url: str, pair: tuple[str, str]) -> None:
    """Percent-decoded."""
    auth = credentials_of(parse_url(url))
    assert isinstance(auth, BasicAuth)
    assert (auth.username, auth.password) == pair
    assert credentials_of(parse_url("http://h/")) is None


def chosen(url: str = "http://h/", client: dict[str, Any] | None = None, **options: Any) -> AuthBase | None:
    config = ClientConfig(**(client or {}))
    context = config.request("GET", url, options).context
    if not options:
        short = config.plain_request("GET", url).context
        assert (short or RequestContext()).auth is (context or RequestContext()).auth or "@" in url
    return None if context is None else context.auth


CALL, CLIENT, ENTRY = BearerAuth("call"), BearerAuth("client"), BasicAuth("n", "n")
NETRC = NetrcTable({"h": ENTRY})


def test_the_nearest_credentials_win() -> None:
    """The call's, a header of the call, the client's, a header of the client, the URL's, those in netrc."""
    own = {"headers": {"Authorization": "own"}}
    everything = {"auth": CLIENT, "netrc": NETRC, "headers": {"Authorization": "client"}}
    assert chosen("http://u:p@h/", everything, auth=CALL, **own) is CALL
    assert chosen("http://u:p@h/", everything, **own) is None
    assert chosen("http://u:p@h/", everything) is CLIENT
    assert chosen("http://u:p@h/", {**everything, "auth": None}) is None
    assert isinstance(chosen("http://u:p@h/", {"netrc": NETRC}), BasicAuth)
    assert chosen("http://u:p@h/", {"netrc": NETRC}) is not ENTRY
    assert chosen("http://h/", {"netrc": NETRC}) is ENTRY
    assert chosen("http://other/", {"netrc": NETRC}) is None
    assert chosen() is None
    assert chosen(headers={"X": "1"}, client={"auth": CLIENT}) is CLIENT


def test_credentials_that_are_assigned_hold_from_then_on() -> None:
    """None takes them away; what cannot be credentials changes nothing."""
    config = ClientConfig()
    config.auth = ("u", "p")
    assert isinstance(config.auth, BasicAuth)
    assert dressed(config)["authorization"] == "Basic dTpw"
    with pytest.raises(TypeError):
        config.auth = 5
    assert config.auth is not None
    config.auth = None
    assert "authorization" not in dressed(config)


def test_none_switches_credentials_off() -> None:
    """All but those in the URL itself."""
    assert chosen("http://h/", {"auth": CLIENT, "netrc": NETRC}, auth=None) is None
    assert isinstance(chosen("http://u:p@h/", {"auth": CLIENT}, auth=None), BasicAuth)


def dressed(config: ClientConfig, url: str = "http://h/", **options: Any) -> Headers:
    return config.dress(config.request("GET", url, options)).headers


def test_a_request_is_dressed_with_cookies_and_credentials() -> None:
    """Into the lines that are encoded already or into headers, with the same result; the request itself stays as it was."""
    config = ClientConfig(auth=("u", "p"), cookies={"jar": "1", "both": "jar"})
    for headers in (None, {"X": "1"}):
        request = config.request("GET", "http://h/", {"headers": headers, "cookies": {"own": "2", "both": "own"}})
        sent = config.dress(request)
        assert sent.headers["cookie"] == "own=2; both=own; jar=1"
        assert sent.headers["authorization"] == "Basic dTpw"
        assert sent.encode_head().endswith(b"\r\n\r\n")
        assert "cookie" not in request.headers
    plain = config.plain_request("GET", "http://h/")
    assert plain._head is not None
    assert config.dress(plain).encode_head() == plain._head[:-2] + b"Cookie: jar=1; both=jar\r\nAuthorization: Basic dTpw\r\n\r\n"


def test_cookies_and_credentials_in_the_clients_own_headers() -> None:
    """A cookie header comes first; the fixed credentials replace a header of the client."""
    config = ClientConfig(headers={"Cookie": "own=1", "Authorization": "client"}, cookies={"jar": "1", "own": "2"})
    assert dressed(config)["cookie"] == "own=1; jar=1"
    assert dressed(config)["authorization"] == "client"
    assert dressed(config, auth=BearerAuth("t"))["authorization"] == "Bearer t"
    assert dressed(ClientConfig(headers={"Cookie": "own=1"}), auth=BearerAuth("t"))["cookie"] == "own=1"


def test_one_of_the_two_alone() -> None:
    """Only cookies, only credentials, or neither: then it is the very same request."""
    assert "authorization" not in dressed(ClientConfig(cookies={"a": "1"}))
    assert "cookie" not in dressed(ClientConfig(auth=BearerAuth("t")))
    assert dressed(ClientConfig(), headers={"X": "1"}, cookies={"a": "1"})["cookie"] == "a=1"
    config = ClientConfig(cookies={})
    request = config.request("GET", "http://h/", {})
    assert config.dress(request) is request
    request = config.request("GET", "http://h/", {"auth": lambda request: None})
    assert config.dress(request) is request


def test_cookies_without_a_domain_stay_with_the_base_url() -> None:
    """They were meant for that host."""
    config = ClientConfig(base_url="http://h", cookies={"a": "1"})
    assert dressed(config, "/x")["cookie"] == "a=1"
    assert "cookie" not in dressed(config, "http://other/")


def test_sending_to_another_site_is_remembered() -> None:
    """Once crossed, a chain stays so."""
    config = ClientConfig()
    request = config.request("GET", "http://a.test/", {})
    assert config.context_after_leaving(parse_url("http://b.test/"), request) == RequestContext(unbound=False, cross_site=True)
    assert config.context_after_leaving(parse_url("http://b.test/"), request).cross_site
    assert not config.context_after_leaving(parse_url("http://a.test:81/"), request).cross_site
    request.context = RequestContext(cross_site=True)
    assert config.context_after_leaving(parse_url("http://a.test:81/"), request).cross_site


def test_a_request_that_was_built_can_still_be_given_credentials_and_cookies() -> None:
    """One that the client built, one of the caller's own, and one of another client."""
    config = ClientConfig(auth=CLIENT)
    built = config.request("GET", "http://h/", {})
    foreign = ClientConfig(base_url="http://h").request("GET", "/", {"cookies": {"a": "1"}})
    for request in (built, Request("GET", "http://h/"), foreign):
        adopted = config.adopt(request, {"auth": CALL, "cookies": {"b": "2"}})
        assert adopted.context is not None
        assert adopted.context.auth is CALL
        assert config.dress(adopted).headers["cookie"] == "b=2"
    plain = config.adopt(foreign)
    assert plain.context is not None
    assert plain.context.auth is CLIENT
    assert config.dress(plain).headers["cookie"] == "a=1"


def test_a_relative_request_brings_its_cookies_to_a_base_url() -> None:
    """Whether the base has credentials or not."""
    for base in ("http://h/v1", "http://u:p@h/v1"):
        config = ClientConfig(base_url=base)
        adopted = config.adopt(Request("GET", "x", cookies={"a": "1"}))
        assert adopted.url == "http://h/v1/x"
        sent = config.dress(adopted).headers
        assert sent["cookie"] == "a=1"
        assert ("authorization" in sent) == ("@" in base)


def test_a_url_that_names_a_socket() -> None:
    """The path goes along, the host is local."""
    request = ClientConfig().plain_request("GET", "http+unix://%2Frun%2Fx.sock/a")
    assert (request.url, request.context) == ("http://localhost/a", RequestContext(uds="/run/x.sock"))
