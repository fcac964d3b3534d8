"""Where a redirect leads, and what goes along."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from fasthttp._pure.redirects import next_request
from fasthttp.errors import BodyNotReplayable, RemoteProtocolError, UnsupportedScheme
from fasthttp.models import Request
from fasthttp.response import Response

SECRETS = {
    "Authorization": "Bearer t",
    "Proxy-Authorization": "Basic x",
    "Cookie": "a=b",
    "X-API-Key": "k",
    "X-Auth-Token": "t",
    "X-CSRF-Token": "c",
    "X-Signature": "s",
    "Session": "1",
    "My-Access-Token-Id": "m",
    "Client-Secret": "s",
    "Db-Password": "p",
    "My-Api_Key": "k",
}


def follow(request: Request, status: int, location: str | None, sensitive: Collection[str] = ()) -> Request | None:
    headers: Mapping[str, str] = {} if location is None else {"Location": location}
    return next_request(request, Response(status, headers, request=request), sensitive)


def follows(request: Request, status: int, location: str, sensitive: Collection[str] = ()) -> Request:
    following = follow(request, status, location, sensitive)
    assert following is not None
    return following


@pytest.mark.parametrize("status", [200, 201, 300, 304, 305, 306, 399, 404])
def test_other_statuses_do_not_redirect(status: int) -> None:
    """Only 301, 302, 303, 307 and 308 lead on."""
    assert follow(Request("GET", "http://a.test/"), status, "/b") is None


def test_a_redirect_without_location_does_not_lead_on() -> None:
    """Such a response is what the caller gets."""
    assert follow(Request("GET", "http://a.test/"), 302, None) is None


METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY", "custom"]
TABLE = [
    *[(303, method, method if method in ("GET", "HEAD") else "GET") for method in METHODS],
    *[(status, method, "GET" if method == "POST" else method) for status in (301, 302) for method in METHODS],
    *[(status, method, method) for status in (307, 308) for method in METHODS],
]


@pytest.mark.parametrize(("status", "method", "expected"), TABLE)
def test_which_method_follows(status: int, method: str, expected: str) -> None:
    """303 makes all but GET and HEAD a GET, 301 and 302 only POST; 307 and 308 change nothing."""
    assert follows(Request(method, "http://a.test/x"), status, "/y").method == expected


@pytest.mark.parametrize(("status", "method", "kept"), [
    (301, "POST", False), (302, "POST", False), (303, "POST", False), (303, "PUT", False), (303, "GET", False),
    (301, "PUT", True), (302, "PATCH", True), (301, "DELETE", True), (307, "POST", True), (308, "POST", True), (307, "GET", True),
])  # fmt: skip
def test_which_body_follows(status: int, method: str, kept: bool) -> None:
    """A dropped body takes every field along that described it; a kept one keeps them all."""
    headers = {"Content-Type": "text/x", "Content-Language": "en", "Expect": "100-continue", "X-Other": "1"}
    following = follows(Request(method, "http://a.test/x", headers, b"body"), status, "/y")
    assert following.content == (b"body" if kept else None)
    assert sorted(following.headers) == (["content-language", "content-type", "expect", "x-other"] if kept else ["x-other"])


def test_transfer_encoding_goes_with_a_dropped_body() -> None:
    """The framing that was set for the first request is not that of the next."""
    request = Request("POST", "http://a.test/x", {"Transfer-Encoding": "chunked"}, iter([b"a"]))
    assert dict(follows(request, 303, "/y").headers) == {}


@pytest.mark.parametrize(("start", "target", "kept"), [
    ("http://a.test/", "/b", True),
    ("http://a.test/", "http://A.TEST:80/b", True),
    ("http://a.test/", "https://a.test/b", True),
    ("http://a.test/", "https://a.test:443/b", True),
    ("http://a.test/", "http://b.test/", False),
    ("http://a.test/", "http://sub.a.test/", False),
    ("http://a.test/", "http://a.test:81/", False),
    ("https://a.test/", "http://a.test/", False),
    ("http://a.test:8080/", "https://a.test/", False),
    ("http://a.test/", "https://a.test:8443/", False),
    ("http://a.test/", "https://b.test/", False),
    ("http://a.test/", "//b.test/", False),
])  # fmt: skip
def test_secrets_stay_behind_when_the_origin_changes(start: str, target: str, kept: bool) -> None:
    """The one step that is no change is from http to https of one host, both on their default ports."""
    request = Request("GET", start, {**SECRETS, "X-Plain": "p", "X-Mine": "m"})
    following = follows(request, 302, target, {"x-mine"})
    expected = {name.lower() for name in SECRETS} - {"proxy-authorization"} | {"x-mine"} if kept else set()
    assert set(following.headers) == {"x-plain", *expected}
    assert "authorization" in request.headers, "the first request is not touched"


def test_secrets_left_behind_do_not_come_back() -> None:
    """On the way back to the first origin they are still missing."""
    there = follows(Request("GET", "http://a.test/", {"Authorization": "x"}), 302, "http://b.test/")
    assert "authorization" not in follows(there, 302, "http://a.test/").headers


def test_host_is_that_of_the_new_url() -> None:
    """Also where the caller had set it, and with a port that is not the default one."""
    request = Request("GET", "http://a.test/", {"Host": "virtual.test"})
    following = follows(request, 301, "http://b.test:8080/x")
    assert following.headers["host"] == "b.test:8080"
    assert following.encode_head() == b"GET /x HTTP/1.1\r\nHost: b.test:8080\r\n\r\n"


def test_user_info_in_location_is_ignored() -> None:
    """It is in no part of the next request."""
    following = follows(Request("GET", "http://a.test/"), 302, "http://user:pa55@b.test/x")
    assert following.url == "http://b.test/x"
    assert (following.parsed_url.username, following.parsed_url.password) == ("", "")
    assert b"pa55" not in following.encode_head()


@pytest.mark.parametrize(("location", "url"), [
    ("c", "http://a.test/d/c"), ("/c?x=1", "http://a.test/c?x=1"), ("../c", "http://a.test/c"), ("?q=2", "http://a.test/d/b?q=2"),
    ("//b.test/c", "http://b.test/c"), ("HTTP://B.test", "http://b.test/"), ("/é f", "http://a.test/%C3%A9%20f"), ("", "http://a.test/d/b"),
])  # fmt: skip
def test_location_may_be_relative(location: str, url: str) -> None:
    """It is resolved against the URL that answered."""
    assert follows(Request("GET", "http://a.test/d/b"), 302, location).url == url


@pytest.mark.parametrize(("start", "location", "fragment"), [
    ("http://a.test/#one", "/b", "one"), ("http://a.test/#one", "/b#two", "two"), ("http://a.test/", "/b", None),
    ("http://a.test/#one", "/b#", ""),
])  # fmt: skip
def test_a_fragment_is_carried_over_unless_the_target_has_one(start: str, location: str, fragment: str | None) -> None:
    """RFC 9110 section 10.2.2."""
    assert follows(Request("GET", start), 302, location).parsed_url.fragment == fragment


@pytest.mark.parametrize("char", ["\r", "\n", "\0", "\t", "\x1f", "\x7f"])
def test_a_control_character_in_location_is_refused(char: str) -> None:
    """The message names the code point and its place, and nothing is stripped."""
    with pytest.raises(RemoteProtocolError, match=rf"U\+{ord(char):04X} at offset 2 of Location"):
        next_request(Request("GET", "http://a.test/"), _answer(302, f"/b{char}c"))


def _answer(status: int, location: str) -> Response:
    """A response whose Location a header check of ours would not let through."""
    response = Response(status)
    response._headers = None
    response._fields = [(b"Location", location.encode("latin-1"))]
    return response


@pytest.mark.parametrize("location", ["http://", "http://a.test:99999/", "http://[::1/", "https://a b/", "http://xn--/"])
def test_a_location_that_is_no_url_is_a_fault_of_the_server(location: str) -> None:
    """The URL's own complaint is the cause."""
    with pytest.raises(RemoteProtocolError, match=r"^redirect: Location is not a valid URL: ") as caught:
        follow(Request("GET", "http://a.test/"), 302, location)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("location", [
    "ftp://a.test/", "gopher://a.test/", "file:///etc/passwd", "javascript:alert(1)", "data:text/html,x", "ws://a.test/", "wss://a.test/",
    "http+unix://%2Frun%2Fx.sock/", "mailto:a@b.test",
])  # fmt: skip
def test_a_redirect_never_leaves_http(location: str) -> None:
    """Another scheme is an error that names it."""
    with pytest.raises(UnsupportedScheme, match=location.partition(":")[0].replace("+", r"\+")):
        follow(Request("GET", "http://a.test/"), 302, location)


def test_a_spent_body_cannot_follow() -> None:
    """307 with a generator that was read: the error tells the kind of source and has the response that asked."""

    def source() -> Any:
        yield b"once"

    request = Request("POST", "http://a.test/", content=source())
    assert follows(request, 307, "/b").body is request.body
    assert request.body is not None
    request.body.start()
    response = Response(307, {"Location": "/b"})
    with pytest.raises(BodyNotReplayable, match="a generator, was read already") as caught:
        next_request(request, response)
    assert caught.value.response is response
    assert follows(request, 303, "/b").body is None


def test_of_several_locations_the_first_counts() -> None:
    """They are not joined into something that nobody meant."""
    response = Response(302, [("Location", "/a"), ("Location", "/b")])
    following = next_request(Request("GET", "http://a.test/"), response)
    assert following is not None
    assert following.url == "http://a.test/a"


def test_a_callers_proxy_authorization_stays_behind() -> None:
    """Also within the origin, before the head was made and after."""
    request = Request("GET", "http://a.test/", {"Proxy-Authorization": "Basic x", "X-Plain": "p"})
    assert dict(follows(request, 302, "/b").headers) == {"x-plain": "p"}
    assert b"Proxy" not in request.encode_head()
    assert request.context is not None
    assert request.context.proxy_authorization == "Basic x"
    following = follows(request, 302, "/b")
    assert following.context is not None
    assert following.context.proxy_authorization is None
