"""The rules of routes: URLs completed and refused, templates filled, levels of settings merged."""

from __future__ import annotations

from typing import Any

import pytest

from fasthttp._pure.routes import (
    RelativeURL,
    check_url,
    complete_url,
    fill_path,
    join_prefix,
    merge_headers,
    merge_params,
    merge_settings,
    template_names,
)
from fasthttp.errors import InvalidURL, UnsupportedScheme


@pytest.mark.parametrize(("url", "base", "complete"), [
    ("https://a.test/x", None, "https://a.test/x"),
    ("HTTP://a.test/x", "http://b.test", "HTTP://a.test/x"),
    ("/x", "http://b.test", "http://b.test/x"),
    ("/x", "http://b.test/", "http://b.test/x"),
    ("/x", "http://b.test/v1/", "http://b.test/v1/x"),
    ("x/y", "http://b.test/v1", "http://b.test/v1/x/y"),
    ("//x", "http://b.test/v1//", "http://b.test/v1/x"),
    ("?q=1", "http://b.test/v1/", "http://b.test/v1?q=1"),
    ("", "http://b.test/v1/", "http://b.test/v1"),
    ("/x", "b.test/v1", "https://b.test/v1/x"),
    ("/x", "localhost:8000", "http://localhost:8000/x"),
    ("/x", "127.0.0.1", "http://127.0.0.1/x"),
    ("a.test/x", "http://b.test", "http://b.test/a.test/x"),
    ("a.test/x", None, "https://a.test/x"),
    ("a.test", None, "https://a.test"),
    ("a.test:8080?x", None, "https://a.test:8080?x"),
    ("intranet:8080/x", None, "https://intranet:8080/x"),
    ("intranet:8080", None, "https://intranet:8080"),
    ("localhost/x", None, "http://localhost/x"),
    ("LOCALHOST:1#f", None, "http://LOCALHOST:1#f"),
    ("app.localhost", None, "http://app.localhost"),
    ("127.0.0.1:80/x", None, "http://127.0.0.1:80/x"),
    ("[::1]:80/x", None, "http://[::1]:80/x"),
    ("[2001:db8::1]:80/x", None, "https://[2001:db8::1]:80/x"),
    ("localhost.evil.test/x", None, "https://localhost.evil.test/x"),
])  # fmt: skip
def test_a_url_is_completed(url: str, base: str | None, complete: str) -> None:
    """Absolute ones stay, relative ones go behind the base, hosts get a scheme: http for loopback."""
    assert complete_url(url, base) == complete


@pytest.mark.parametrize("url", ["/x", "x", "x/y.z", "?q", "", "./x.y", "../a.b", "//a.test/x", "host:name"])
def test_a_relative_url_without_a_base_is_refused(url: str) -> None:
    """The URL is named."""
    with pytest.raises(RelativeURL) as caught:
        complete_url(url, None)
    assert str(caught.value) == f"Relative URL requires base_url: {url!r}"


@pytest.mark.parametrize("url", ["/x", "x", "https://a.test/{id}", "http://a.test:80", "intranet:8080/x", "a.b:x", "?a=b:c", "/a:b", "{x}"])
def test_urls_that_may_be_sent_pass(url: str) -> None:
    """What a base may make whole is not refused when it is declared."""
    check_url(url)


@pytest.mark.parametrize(("url", "error"), [
    ("ftp://a.test/x", UnsupportedScheme), ("ws://a.test", UnsupportedScheme), ("mailto:kim@a.test", UnsupportedScheme),
    ("javascript:alert(1)", UnsupportedScheme), ("http://a.test:99999/", InvalidURL), ("http://a.test:x/", InvalidURL),
    ("http:///x", InvalidURL), ("/a\nb", InvalidURL), (b"/x", TypeError), (None, TypeError),
])  # fmt: skip
def test_urls_that_can_never_be_sent_are_refused(url: Any, error: type[Exception]) -> None:
    """Other schemes, bad ports, control characters, what is no text."""
    with pytest.raises(error):
        check_url(url)


def test_other_kinds_of_routes_have_other_schemes() -> None:
    """The schemes are an argument; those of WebSockets are checked by the same rules."""
    check_url("wss://a.test/x", ("ws", "wss"))
    with pytest.raises(UnsupportedScheme, match="scheme 'http' is not for this kind of route; use ws or wss"):
        check_url("http://a.test/x", ("ws", "wss"))
    assert complete_url("localhost/x", None, secure="wss", plain="ws") == "ws://localhost/x"
    assert complete_url("a.test/x", None, secure="wss", plain="ws") == "wss://a.test/x"


@pytest.mark.parametrize(("prefix", "url", "joined"), [
    ("", "/x", "/x"), ("/", "/x", "/x"), ("/p", "/x", "/p/x"), ("/p/", "/x", "/p/x"), ("/p", "x", "/p/x"), ("p", "x", "/p/x"),
    ("/p", "", "/p"), ("/p/", "?q", "/p?q"), ("/p", "/", "/p/"), ("/p", "https://a.test/x", "https://a.test/x"),
])  # fmt: skip
def test_a_prefix_is_joined_with_one_slash(prefix: str, url: str, joined: str) -> None:
    """An absolute URL stays as it is."""
    assert join_prefix(prefix, url) == joined


@pytest.mark.parametrize(("url", "values", "filled"), [
    ("/u/{id}", {"id": 7}, "/u/7"),
    ("/u/{id}", {"id": "a/b c?d#e%"}, "/u/a%2Fb%20c%3Fd%23e%25"),
    ("/u/{id}", {"id": "é"}, "/u/%C3%A9"),
    ("/u/{id}", {"id": True}, "/u/true"),
    ("/u/{id}", {"id": False}, "/u/false"),
    ("/u/{id}", {"id": 1.5}, "/u/1.5"),
    ("http://a.test/{a}/{b}/{a}?x={c}#{d}", {"a": 1, "b": 2}, "http://a.test/1/2/1?x={c}#{d}"),
    ("http://a.test?x={c}", {}, "http://a.test?x={c}"),
    ("http://a.test", {}, "http://a.test"),
    ("/plain", {}, "/plain"),
])  # fmt: skip
def test_a_template_is_filled(url: str, values: dict[str, Any], filled: str) -> None:
    """In the path only; a value is one segment, whatever is in it."""
    assert fill_path(url, values) == filled


@pytest.mark.parametrize(("values", "message"), [
    ({}, "path_params lacks 'id', which '/u/{id}' needs"), ({"id": 1, "x": 2}, "path_params has 'x', which '/u/{id}' does not name"),
    ({"id": None}, "takes text or a number"), ({"id": [1]}, "takes text or a number"), ({"id": {}}, "takes text or a number"),
    ({"id": ""}, "cannot be a segment"), ({"id": "."}, "cannot be a segment"), ({"id": ".."}, "cannot be a segment"),
])  # fmt: skip
def test_what_does_not_fill_a_template_is_refused(values: dict[str, Any], message: str) -> None:
    """Missing and surplus names; values that would make another path of it."""
    with pytest.raises(ValueError) as caught:
        fill_path("/u/{id}", values)
    assert message in str(caught.value)


def test_the_names_of_a_template_are_listed_once_in_order() -> None:
    """Those in the path; elsewhere braces are text."""
    assert template_names("http://a.test/{b}/{a}/{b}?{q}#{f}") == ("b", "a")


def test_headers_merge_by_name_whatever_the_case() -> None:
    """The later level wins, also with None."""
    assert merge_headers({"A": "1", "B": "1"}, None, {"a": "2", "C": None}) == {"a": "2", "B": "1", "C": None}


@pytest.mark.parametrize(("levels", "merged"), [
    ((None, None), None),
    (({"a": 1}, None, {"b": 2}), {"a": 1, "b": 2}),
    (({"a": 1}, {"a": 2}), {"a": 2}),
    (([("a", 1)],), [("a", 1)]),
    (({"a": 1}, [("a", 2)]), [("a", "1"), ("a", "2")]),
    (("a=1&b=2", {"c": 3}), [("a", "1"), ("b", "2"), ("c", "3")]),
    ((b"a=1", b"b=2"), [("a", "1"), ("b", "2")]),
])  # fmt: skip
def test_params_merge_by_name_or_stand_one_behind_the_other(levels: tuple[Any, ...], merged: Any) -> None:
    """Mappings merge; where one of them is a sequence or text nothing is lost."""
    assert merge_params(*levels) == merged


def test_settings_merge_headers_and_params_and_replace_the_rest() -> None:
    """The later level wins; what it does not name stays."""
    weak = {"headers": {"A": "1"}, "params": {"a": 1}, "timeout": 1, "allow_redirects": False}
    strong = {"headers": {"a": "2"}, "params": {"b": 2}, "timeout": None}
    assert merge_settings(weak, strong) == {
        "headers": {"a": "2"}, "params": {"a": 1, "b": 2}, "timeout": None, "allow_redirects": False,
    }  # fmt: skip
