"""The settings of a client, and the request and rules that one call makes of them."""

from __future__ import annotations

import inspect
import logging
from typing import Any

import pytest

from fasthttp._pure import keywords
from fasthttp._pure.call import hook_table
from fasthttp._pure.config import ClientConfig, base_target, default_headers, merge_headers
from fasthttp.auth import BasicAuth
from fasthttp.client import Client
from fasthttp.errors import InvalidHeader, InvalidURL, UnsupportedScheme
from fasthttp.headers import Headers
from fasthttp.models import Request
from fasthttp.retry import RetryPolicy
from fasthttp.timeouts import Timeout
from fasthttp.types import RequestOptions
from fasthttp.version import __version__
from httpwire.coding import available_codings


def config(**keywords: Any) -> ClientConfig:
    return ClientConfig(**keywords)


def url_of(base: str | None, url: str, **keywords: Any) -> str:
    return config(base_url=base).request("GET", url, keywords).url


# --- base URL


@pytest.mark.parametrize(("base", "url", "expected"), [
    ("https://h/v1", "users", "https://h/v1/users"),
    ("https://h/v1", "/users", "https://h/v1/users"),
    ("https://h/v1/", "users", "https://h/v1/users"),
    ("https://h/v1/", "/users/", "https://h/v1/users/"),
    ("https://h", "", "https://h/"),
    ("https://h/v1", "", "https://h/v1"),
    ("https://h/v1", "?a=1", "https://h/v1?a=1"),
    ("https://h/v1", "x?a=1#f", "https://h/v1/x?a=1#f"),
    ("https://h:8443/v1", "x", "https://h:8443/v1/x"),
    ("http://h:443", "x", "http://h:443/x"),
    ("http://[::1]:81/", "x", "http://[::1]:81/x"),
    ("https://h/a%20b", "c d", "https://h/a%20b/c%20d"),
    ("https://h/v1", "../x", "https://h/x"),
    ("https://h/v1", "x:y", "https://h/v1/x:y"),
    ("https://h/v1", "mailto:a@b", "https://h/v1/mailto:a@b"),
    (None, "https://h/x", "https://h/x"),
    ("https://h/v1", "http://other/x", "http://other/x"),
    ("https://h/v1", "HTTP://other/x", "http://other/x"),
])  # fmt: skip
def test_the_base_url_is_a_prefix(base: str | None, url: str, expected: str) -> None:
    """With or without slashes at the seam; only text that begins with a scheme and two slashes is absolute."""
    assert url_of(base, url) == expected


@pytest.mark.parametrize("url", ["//evil", "//evil/x", "///evil", "/\\evil", "\\\\evil", "/%2F/evil", "//user@evil/", "/.//evil"])
def test_no_relative_url_leaves_the_host_of_the_base(url: str) -> None:
    """What begins with two slashes is a path."""
    assert config(base_url="https://h").resolve(url).host == "h"


def test_two_slashes_are_a_path() -> None:
    """As it is written in the contract."""
    assert url_of("https://h/v1", "//evil/x") == "https://h/v1/evil/x"


@pytest.mark.parametrize(
    ("base", "expected"), [("ws://h/c", "http://h/c/x"), ("wss://h/c", "https://h/c/x"), ("wss://h:444", "https://h:444/x")]
)
def test_a_base_for_websockets_serves_http_at_the_same_level(base: str, expected: str) -> None:
    """ws becomes http and wss https, and the port stays."""
    assert url_of(base, "x") == expected


@pytest.mark.parametrize("base", ["/v1", "h/v1", "", "https:/h", "https://h/?a=1", "https://h/#f", "https://h/?", "https://"])
def test_a_base_that_cannot_be_a_prefix_is_refused(base: str) -> None:
    """Relative ones, and those with query or fragment; at construction and at assignment."""
    with pytest.raises(InvalidURL, match=r"^Invalid URL: "):
        config(base_url=base)
    settings = config()
    with pytest.raises(InvalidURL):
        settings.base_url = base
    assert settings.base_url is None


def test_a_base_of_another_scheme_is_refused() -> None:
    """The scheme is named."""
    with pytest.raises(UnsupportedScheme, match="ftp"):
        base_target("ftp://h/")


def test_user_info_in_a_url_becomes_credentials() -> None:
    """Of the URL itself or of the base, percent-decoded; it is no part of the URL any more."""
    for settings, url in ((config(), "http://u%20v:p%3A@h/"), (config(base_url="http://u%20v:p%3A@h/"), "x")):
        request = settings.plain_request("GET", url)
        assert request.context is not None
        assert isinstance(request.context.auth, BasicAuth)
        assert (request.context.auth.username, request.context.auth.password) == ("u v", "p:")
        assert "@" not in request.url


def test_a_relative_url_without_a_base_is_refused_without_its_query() -> None:
    """A query may hold secrets."""
    with pytest.raises(InvalidURL, match=r"'/x' is relative, and there is no base URL$"):
        config().resolve("/x?token=1")


@pytest.mark.parametrize("char", ["\r", "\n", "\0", "\x7f", "\t"])
def test_control_characters_are_refused_wherever_they_are(char: str) -> None:
    """The code point is named."""
    for settings, url in ((config(), f"http://h/{char}"), (config(base_url="http://h"), f"/a{char}")):
        with pytest.raises(InvalidURL, match=f"U\\+{ord(char):04X}"):
            settings.resolve(url)


@pytest.mark.parametrize("url", ["ws://h/", "wss://h/"])
def test_http_verbs_do_not_take_websocket_urls(url: str) -> None:
    """An absolute one is not mapped."""
    with pytest.raises(UnsupportedScheme, match="not for HTTP requests"):
        config().resolve(url)


# --- headers


def test_default_headers_say_what_can_be_decoded() -> None:
    """And who asks."""
    headers = config().request("GET", "http://h/", {}).headers
    codings = ", ".join(available_codings())
    assert dict(headers) == {"host": "h", "user-agent": f"fasthttp/{__version__}", "accept": "*/*", "accept-encoding": codings}
    assert default_headers("me")[0] == ("User-Agent", "me")
    assert config(user_agent="me").headers["user-agent"] == "me"


def test_headers_of_the_call_win_by_name_and_none_removes() -> None:
    """Whatever the case, and neither the client's headers nor the caller's mapping change."""
    settings = config(headers={"X-A": "1", "Accept": None, "x-b": "2"})
    given: dict[str, str | None] = {"x-a": "3", "X-B": None, "user-agent": None, "X-New": "4", "absent": None}
    headers = settings.request("GET", "http://h/", {"headers": given}).headers
    assert {name: headers[name] for name in headers if name != "accept-encoding"} == {"x-a": "3", "x-new": "4"}
    assert dict(settings.headers)["x-a"] == "1"
    assert given["X-B"] is None


def test_headers_may_be_pairs_and_repeat() -> None:
    """All lines of a name replace those of the client."""
    settings = config(headers=[("X", "0")])
    merged = settings.request("GET", "http://h/", {"headers": [("X", "1"), ("x", "2")]}).headers
    assert merged.get_list("x") == ["1", "2"]
    assert merge_headers(Headers({"a": "1"}), Headers({"b": "2"})) == {"a": "1", "b": "2"}
    assert merge_headers(Headers({"a": "1"}), None) == {"a": "1"}


@pytest.mark.parametrize("headers", [{"a b": "x"}, {"a": "x\r\ny: z"}, {"a\n": None}, {"": "x"}, {"a": "\0"}])
def test_headers_that_must_not_be_sent_are_refused(headers: dict[str, Any]) -> None:
    """With the error of this package, at construction, at the call, and for a name that is to be removed."""
    with pytest.raises(InvalidHeader):
        config(headers=headers)
    with pytest.raises(InvalidHeader):
        config().request("GET", "http://h/", {"headers": headers})


def test_assigned_headers_replace_all_and_are_checked() -> None:
    """A `Headers` is kept as it is, so that the caller can go on editing it."""
    settings, own = config(), Headers({"a": "1"})
    settings.headers = own
    assert settings.headers is own
    settings.headers = {"B": "2"}
    assert dict(settings.request("GET", "http://h/", {}).headers) == {"host": "h", "b": "2"}
    with pytest.raises(InvalidHeader):
        settings.headers = {"b": "\n"}


def test_the_type_of_a_body_yields_to_one_that_was_given() -> None:
    """By the call or by the client."""
    build = config().request
    assert build("POST", "http://h/", {"json": 1}).headers["content-type"] == "application/json"
    assert build("POST", "http://h/", {"json": 1, "headers": {"A": "1"}}).headers["content-type"] == "application/json"
    assert build("POST", "http://h/", {"json": 1, "headers": {"Content-Type": "x/y"}}).headers["content-type"] == "x/y"
    assert "content-type" not in build("POST", "http://h/", {"content": b"1"}).headers


# --- params


@pytest.mark.parametrize(("client", "url", "call", "expected"), [
    (None, "http://h/x?a=1&a=2", None, "a=1&a=2"),
    ({"c": 1}, "http://h/x?a=1", {"d": [1, 2], "e": None, "f": True, "g": False}, "a=1&c=1&d=1&d=2&f=true&g=false"),
    ([("c", "a b")], "http://h/x", "raw=%41&x", "c=a+b&raw=%41&x"),
    ("c=1", "http://h/x#frag", b"d=2", "c=1&d=2"),
    (None, "http://h/x?a=%20%2B", {"b": "é"}, "a=%20%2B&b=%C3%A9"),
    (None, "http://h/x?", {"b": 1}, "b=1"),
    (None, "http://h/x?a&", {"b": 1}, "a&b=1"),
    ({"a": 1}, "http://h/x", {"a": 2}, "a=1&a=2"),
    ({}, "http://h/x", {}, None),
])  # fmt: skip
def test_params_are_added_behind_the_query_of_the_url(client: Any, url: str, call: Any, expected: str | None) -> None:
    """First the client's, then the call's, all kept; nothing is encoded twice, and a fragment stays last."""
    request = config(params=client).request("GET", url, {"params": call})
    assert request.parsed_url.query == expected
    assert request.parsed_url.fragment == ("frag" if "#" in url else None)
    assert (config(params=client).plain_request("GET", url).parsed_url.query == expected) or call is not None


def test_params_of_a_wrong_type_are_refused_and_mappings_copied() -> None:
    """So that a later change of the caller's dict changes nothing."""
    with pytest.raises(TypeError, match="params takes a mapping, pairs or text, not int"):
        config(params=5)
    given = {"a": "1"}
    settings = config(params=given)
    given["b"] = "2"
    assert settings.params == {"a": "1"}


# --- a plain request


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY", "x-own"])
@pytest.mark.parametrize("headers", [None, {"X": "1"}, {"Host": "virtual"}])
def test_the_short_way_makes_the_same_bytes(method: str, headers: Any) -> None:
    """A call without keywords is encoded at once, exactly as the long way would."""
    settings = config(base_url="http://h:8080/v1", headers=headers)
    short, long = settings.plain_request(method, "x?y=é"), settings.request(method, "x?y=é", {})
    assert short.encode_head() == long.encode_head()
    assert (short.url, short.method, short.headers, short.announced) == (long.url, long.method, long.headers, long.announced)
    assert short.built_for is long.built_for is settings


def test_a_plain_request_is_encoded_byte_for_byte() -> None:
    """Written out by hand."""
    settings = config(user_agent="me", headers={"Accept-Encoding": None})
    assert settings.plain_request("GET", "http://h/a b?c#d").encode_head() == (
        b"GET /a%20b?c HTTP/1.1\r\nHost: h\r\nUser-Agent: me\r\nAccept: */*\r\n\r\n"
    )
    assert settings.request("POST", "http://h/", {"json": [1]}).encode_head() == (
        b"POST / HTTP/1.1\r\nHost: h\r\nUser-Agent: me\r\nAccept: */*\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n"
    )
    assert settings.plain_request("POST", "http://h/").encode_head().endswith(b"Accept: */*\r\nContent-Length: 0\r\n\r\n")


# --- a request that the caller built


def test_an_adopted_request_is_a_private_copy_with_the_defaults_of_the_client() -> None:
    """Its own headers win; the caller's object stays as it was."""
    settings = config(base_url="http://h/v1", headers={"X": "client", "Y": "client"}, params={"p": 1})
    own = Request("GET", "users?q=1", {"x": "own"})
    adopted = settings.adopt(own)
    assert adopted.url == "http://h/v1/users?q=1&p=1"
    assert (adopted.headers["x"], adopted.headers["y"]) == ("own", "client")
    assert (own.url, dict(own.headers)) == ("users?q=1", {"x": "own"})
    assert settings.adopt(Request("GET", "https://other/")).url == "https://other/?p=1"


def test_a_request_built_by_the_client_is_not_merged_again() -> None:
    """Defaults that were removed from it stay removed, and it is copied all the same."""
    settings = config(params={"p": 1})
    built = settings.request("GET", "http://h/", {})
    del built.headers["accept"]
    adopted = settings.adopt(built)
    assert adopted is not built
    assert "accept" not in adopted.headers
    assert adopted.url == "http://h/?p=1"
    assert "accept" in config().adopt(built).headers


# --- the rules of a call


@pytest.mark.parametrize("name", ["typo", "follow_redirect", "header", "method", "url", "uds"])
def test_an_unknown_keyword_is_a_type_error(name: str) -> None:
    """Whatever its value."""
    for value in (None, 1):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
            config().call({name: value})


@pytest.mark.parametrize(("name", "meant"), [
    ("allow_redirects", "; did you mean 'follow_redirects'?"), ("proxies", "; did you mean 'proxy'?"),
    ("body", "; did you mean 'content'?"), ("jsn", "; did you mean 'json'?"), ("header", "; did you mean 'headers'?"),
    ("event_hooks", "; did you mean 'hooks'?"), ("max_retries", "; did you mean 'retry'?"), ("transport", "; it is one of the client's"),
    ("xyzzy", ""), ("app", ""),
])  # fmt: skip
def test_an_unknown_keyword_says_what_was_meant(name: str, meant: str) -> None:
    """By the names of other libraries, then by spelling; nothing is made up where neither helps."""
    with pytest.raises(TypeError) as caught:
        config().call({name: 1})
    assert str(caught.value) == f"unexpected keyword argument {name!r}{meant}"


def test_what_is_meant_can_be_given() -> None:
    """The names that other libraries' names lead to are all there, of a call or a client."""
    known = set(inspect.signature(Client).parameters) | RequestOptions.__optional_keys__
    assert set(keywords._HERE.values()) <= known
    assert not keywords._HERE.keys() & (RequestOptions.__optional_keys__ | {"xyzzy"})


@pytest.mark.parametrize("name", ["headers", "content", "json", "data", "files", "params"])
def test_what_describes_the_request_is_not_for_one_that_is_built(name: str) -> None:
    """`send(request, json=...)` would be ignored, so it is refused."""
    config().call({name: None})
    with pytest.raises(TypeError, match=name):
        config().call({name: None}, Request("GET", "http://h/"))


@pytest.mark.parametrize("name", ["on_upload", "on_download"])
def test_progress_is_told_to_a_function(name: str) -> None:
    """Anything else is refused with the call, not at the first byte; None is none."""
    assert getattr(config().call({name: None}), name) is None
    assert getattr(config().call({name: print}), name) is print
    with pytest.raises(TypeError, match=f"{name}= takes a function"):
        config().call({name: 5})


def test_what_is_not_built_yet_names_itself() -> None:
    """Values that switch it off are no use of it."""
    config().call({"http2": False})
    with pytest.raises(NotImplementedError, match=r"^http2=: not implemented"):
        config().call({"http2": True})


def test_a_call_that_says_nothing_has_the_rules_of_the_client() -> None:
    """They are the client's own: nothing is copied for it."""
    settings = config(timeout=3, follow_redirects=False, max_redirects=2, max_response_size=9, max_decompress_ratio=None)
    call = settings.call({})
    assert (call.timeout, call.follow_redirects, call.max_redirects) == (Timeout.from_value(3), False, 2)
    assert (call.max_response_size, call.max_ratio, call.stream, call.overrides, call.hooks) == (9, None, False, None, None)
    assert call is settings.defaults
    assert settings.call({"timeout": 3}) is not settings.defaults


def test_a_call_replaces_what_it_names() -> None:
    """One rule at a time, with None as a value of its own."""
    settings = config(timeout=Timeout(read=1), max_response_size=9)
    options = {"stream": True, "follow_redirects": False, "max_redirects": 0, "max_response_size": None}
    call = settings.call({"timeout": Timeout(connect=2), **options})
    assert call.timeout == Timeout(connect=2), "a timeout replaces the client's as a whole"
    assert (call.stream, call.follow_redirects, call.max_redirects, call.max_response_size) == (True, False, 0, None)
    assert settings.call({"timeout": None}).timeout == Timeout()
    assert settings.call({"verify": False, "cert": "c"}).overrides == {"verify": False, "cert": "c"}


def test_a_built_request_brings_its_own_timeout() -> None:
    """The call's wins over it, the client's does not."""
    settings = config(timeout=1)
    own = Request("GET", "http://h/", timeout=5)
    assert settings.call({}, own).timeout == Timeout.from_value(5)
    assert settings.call({"timeout": 7}, own).timeout == Timeout.from_value(7)
    assert settings.call({}, Request("GET", "http://h/")).timeout == Timeout.from_value(1)


def test_an_assigned_timeout_leaves_calls_in_flight_alone() -> None:
    """They hold the rules that they began with."""
    settings = config(timeout=1)
    before = settings.defaults
    settings.timeout = 2
    assert before.timeout == Timeout.from_value(1)
    assert settings.timeout == Timeout.from_value(2)
    with pytest.raises(ValueError, match="positive"):
        settings.timeout = -1


# --- hooks and other values


def _one(*_: Any) -> None: ...
def _two(*_: Any) -> None: ...


def test_hooks_of_the_client_run_before_those_of_the_call() -> None:
    """One function or several, for each event."""
    settings = config(hooks={"request": _one, "response": [_one, _two]})
    call = settings.call({"hooks": {"request": [_two], "error": _two}})
    assert call.hooks == {"request": [_one, _two], "response": [_one, _two], "error": [_two]}
    assert settings.call({}).hooks == {"request": [_one], "response": [_one, _two]}
    assert config().call({"hooks": {"error": _one}}).hooks == {"request": [], "response": [], "error": [_one]}
    assert hook_table(None) is None
    assert hook_table({}) is None


def test_hooks_that_cannot_be_hooks_are_refused() -> None:
    """An unknown event by its name, anything that is not callable by its event."""
    with pytest.raises(ValueError, match="unknown hook event 'respones'; there are request, response, error"):
        config(hooks={"respones": _one})
    with pytest.raises(TypeError, match=r"hooks\['request'\]: 5 is not callable"):
        config(hooks={"request": [5]})


@pytest.mark.parametrize("name", ["max_redirects", "max_response_size"])
def test_counts_are_integers_and_not_negative(name: str) -> None:
    """The argument is named."""
    with pytest.raises(ValueError, match=f"{name}=-1 must be at least 0"):
        config(**{name: -1})
    for value in (True, 1.5, "1"):
        with pytest.raises(TypeError, match=f"{name} must be an integer"):
            config(**{name: value})


def test_logger_sensitive_names_and_encoding_are_kept() -> None:
    """Names in lower case, as they are compared."""
    logger = logging.getLogger("mine")
    settings = config(logger=logger, sensitive_headers=["X-Mine"], default_encoding="latin-1")
    assert (settings.logger, settings.sensitive, settings.default_encoding) == (logger, frozenset(["x-mine"]), "latin-1")
    assert config().logger.name == "fasthttp.client"


def test_headers_may_come_from_an_iterator() -> None:
    """They are read once, although they are looked at twice."""
    settings = config(auth=("u", "p"))
    request = settings.request("GET", "http://h/", {"headers": iter([("Authorization", "own"), ("X", "1")])})
    assert (request.headers["authorization"], request.headers["x"]) == ("own", "1")
    assert request.context is None or request.context.auth is None


def test_a_request_that_was_built_keeps_its_credentials() -> None:
    """Also when it is sent with options of its own."""
    settings = config(auth=("client", "p"))
    built = settings.request("GET", "http://h/", {"auth": ("built", "p")})
    adopted = settings.adopt(built, {"cookies": {"a": "1"}})
    assert adopted.context is not None
    assert isinstance(adopted.context.auth, BasicAuth)
    assert adopted.context.auth.username == "built"


def test_a_request_that_another_client_built_keeps_its_credentials() -> None:
    """They are part of what was built; the headers are those of both."""
    built = config(auth=("first", "p")).plain_request("GET", "http://h/")
    adopted = config(auth=("second", "p"), headers={"X": "2"}).adopt(built)
    assert adopted.context is not None
    assert isinstance(adopted.context.auth, BasicAuth)
    assert (adopted.context.auth.username, adopted.headers["x"]) == ("first", "2")


def test_a_policy_that_asks_for_another_breaker_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """The client has one; policies that agree with it, or have none, are not spoken of."""
    settings = config(retry=RetryPolicy(2, circuit_breaker=True))
    for policy in (RetryPolicy(9, circuit_breaker=True), RetryPolicy(2, cb_failure_threshold=1)):
        settings.call({"retry": policy})
    assert not caplog.records
    for threshold in (3, 4):
        call = settings.call({"retry": RetryPolicy(2, circuit_breaker=True, cb_failure_threshold=threshold)})
        assert call.breaker is settings.breaker
    assert [record.getMessage() for record in caplog.records] == [
        "the circuit breaker of this client (threshold, recovery, probes) stays (5, 60.0, 1); a policy of a call asks for (3, 60.0, 1)"
    ]
