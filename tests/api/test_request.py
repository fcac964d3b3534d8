"""`Request` as users make it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from fasthttp.client import Client
from fasthttp.errors import BodyNotReplayable, InvalidHeader, InvalidURL, UnsupportedScheme
from fasthttp.models import Request
from fasthttp.timeouts import UNSET, Timeout
from fasthttp.transports import MockTransport

EXACT = (
    b"PUT /a?v=2 HTTP/1.1\r\nHost: files.test\r\nX-Team: blue\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\n"
)


def test_the_documented_request_has_exactly_these_bytes() -> None:
    """Params go into the URL, a form into the body."""
    request = Request("PUT", "https://files.test/a", headers={"X-Team": "blue"}, params={"v": 2}, data={"note": "hi"})
    assert request.encode_head() == EXACT
    assert request.content == b"note=hi"


def test_every_argument_works_by_keyword_and_a_get_keeps_its_body() -> None:
    """A body on GET is unusual, and the caller's decision."""
    request = Request(method="GET", url="http://a.test/x?a=1", headers={"X": "1"}, params={"b": [2, 3]}, data={"c": "d"})
    assert (request.method, request.url, request.content) == ("GET", "http://a.test/x?a=1&b=2&b=3", b"c=d")
    assert b"Content-Length: 3\r\n" in request.encode_head()


def test_attributes_describe_the_final_url() -> None:
    """In its parts, the target as in the request line."""
    request = Request("GET", "HTTPS://BÜCHER.test:8443/ä b?q=ü#frag")
    assert request.url == "https://xn--bcher-kva.test:8443/%C3%A4%20b?q=%C3%BC#frag"
    assert (request.scheme, request.host, request.port) == ("https", "xn--bcher-kva.test", 8443)
    assert request.target == "/%C3%A4%20b?q=%C3%BC"
    assert (Request("GET", "http://[::1]/").host, Request("GET", "http://a.test").port) == ("::1", 80)


def test_headers_are_mutable_and_have_no_regard_to_case() -> None:
    """What is edited before sending is sent."""
    request = Request("GET", "http://a.test/", [("X", "1"), ("x", "2")])
    assert request.headers["X"] == "1, 2"
    request.headers["Y"] = "3"
    assert b"Y: 3\r\n" in request.encode_head()
    request.headers = {"Z": "4"}
    assert dict(request.headers) == {"z": "4"}


def test_a_caller_s_mapping_is_not_kept() -> None:
    """A later change of it changes nothing."""
    given = {"X": "1"}
    request = Request("POST", "http://a.test/", given, json={"a": 1})
    request.headers["Y"] = "2"
    assert given == {"X": "1"}


def _generator() -> Iterator[bytes]:
    yield b"a"


async def _async_generator() -> AsyncIterator[bytes]:
    yield b"a"


@pytest.mark.parametrize(("content", "expected", "length"), [
    (None, None, 0), (b"", b"", 0), (b"abc", b"abc", 3), ("é", "é".encode(), 2), (bytearray(b"x"), b"x", 1),
    (io.BytesIO(b"12345"), None, 5), (_generator(), None, None), (_async_generator(), None, None),
])  # fmt: skip
def test_content_and_body_length(content: Any, expected: bytes | None, length: int | None) -> None:
    """Bytes, or None for a stream; the length where it is known."""
    request = Request("POST", "http://a.test/", content=content)
    assert (request.content, request.body_length, request.is_replayable) == (expected, length, True)


def test_the_timeout_is_inherited_unless_it_is_given() -> None:
    """None is a value: no limits."""
    assert Request("GET", "http://a.test/").timeout is UNSET
    assert Request("GET", "http://a.test/", timeout=2).timeout == Timeout.from_value(2)
    assert Request("GET", "http://a.test/", None, None, None).timeout == Timeout()


@pytest.mark.parametrize("source", [b"abc", "abc", io.BytesIO(b"abc"), [b"a", b"bc"]])
def test_the_body_can_be_iterated_in_both_colours(source: Any) -> None:
    """With the same pieces in all."""
    assert b"".join(Request("POST", "http://a.test/", content=source).iter_body()) == b"abc"
    if isinstance(source, io.BytesIO):
        source.seek(0)

    async def collect() -> bytes:
        return b"".join([piece async for piece in Request("POST", "http://a.test/", content=source).iter_body()])

    assert asyncio.run(collect()) == b"abc"


def test_a_request_without_a_body_has_no_pieces() -> None:
    """In neither colour."""
    request = Request("GET", "http://a.test/")
    assert list(request.iter_body()) == []

    async def collect() -> list[bytes]:
        return [piece async for piece in request.iter_body()]

    assert b"".join(asyncio.run(collect())) == b""


def test_a_path_is_read_when_it_is_sent(tmp_path: Path) -> None:
    """Twice, if need be."""
    path = tmp_path / "f"
    path.write_bytes(b"abc")
    request = Request("PUT", "http://a.test/", content=path)
    assert request.body_length == 3
    assert [b"".join(request.iter_body()) for _ in range(2)] == [b"abc", b"abc"]


def test_a_second_send_of_a_spent_body_is_refused_before_anything_is_sent() -> None:
    """While a body at hand can be sent any number of times."""
    mock = MockTransport(lambda request: 200)
    once, often = Request("POST", "http://a.test/", content=_generator()), Request("POST", "http://a.test/", content=b"x")
    with Client(transport=mock) as client:
        client.send(once)
        with pytest.raises(BodyNotReplayable, match="generator"):
            client.send(once)
        for _ in range(3):
            client.send(often)
    assert [call.body for call in mock.calls] == [b"a", b"x", b"x", b"x"]
    assert not once.is_replayable
    with pytest.raises(BodyNotReplayable):
        iter(once.iter_body())


def test_a_relative_url_is_completed_by_the_client_that_sends_it() -> None:
    """With its headers and params; the request itself stays as it was."""
    mock = MockTransport(lambda request: 200)
    request = Request("GET", "users?a=1", params={"b": 2})
    assert request.url == "users?a=1&b=2"
    with pytest.raises(InvalidURL, match="relative, and there is no base URL"):
        request.host
    with Client("http://a.test/v1", transport=mock, params={"c": 3}, headers={"X": "1"}) as client:
        client.send(request)
    assert mock.calls[0].url == "http://a.test/v1/users?a=1&b=2&c=3"
    assert mock.calls[0].headers["x"] == "1"
    assert (request.url, dict(request.headers)) == ("users?a=1&b=2", {})


@pytest.mark.parametrize("url", [
    "http://", "http:///x", "http://a.test:0/", "http://a.test:65536/", "http://a.test:x/", "http://a b/", "http://a\\b/", "http://[::1/",
    "http://xn--zzzzzz-.test/", "http://256.1.1.1/", "http://a.test/\n", "http://a\x00b/",
])  # fmt: skip
def test_a_malformed_url_is_refused(url: str) -> None:
    """The error is a `ValueError` too, and says what it is about."""
    with pytest.raises(InvalidURL, match=r"^Invalid URL: ") as caught:
        Request("GET", url)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("url", ["ftp://a.test/", "gopher://a.test/", "ws://a.test/", "file:///etc/passwd"])
def test_another_scheme_is_refused_by_name(url: str) -> None:
    """Nothing falls back to plain HTTP."""
    with pytest.raises(UnsupportedScheme, match=url.partition(":")[0]):
        Request("GET", url)


@pytest.mark.parametrize(("place", "value"), [
    ("method", "GE\rT"), ("method", "G T"), ("method", ""), ("method", "GÉT"), ("name", "a\n"), ("name", "a:"), ("name", ""),
    ("value", "x\r\nInjected: 1"), ("value", "x\0"), ("value", "\x7f"), ("value", b"a\nb"),
])  # fmt: skip
def test_characters_that_would_break_the_head_are_refused(place: str, value: Any) -> None:
    """The message has the code point and never the whole value."""
    method = value if place == "method" else "GET"
    headers = {value: "secret-rest"} if place == "name" else {"X": value} if place == "value" else {}
    with pytest.raises(InvalidHeader) as caught:
        Request(method, "http://a.test/", headers)
    assert "Injected" not in str(caught.value)
    assert "U+" in str(caught.value) or "empty" in str(caught.value)


def test_methods_are_sent_as_given_but_for_connect() -> None:
    """Any token in its own case; tunnels are not for callers."""
    assert Request("pUrGe", "http://a.test/").encode_head().startswith(b"pUrGe / HTTP/1.1\r\n")
    with pytest.raises(ValueError, match="CONNECT"):
        Request("CONNECT", "http://a.test/")
    with pytest.raises(TypeError, match="method must be str"):
        Request(b"GET", "http://a.test/")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Request("GET", 5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("method", "content", "framing"), [
    ("GET", None, b""), ("HEAD", None, b""), ("DELETE", None, b""), ("OPTIONS", None, b""), ("TRACE", None, b""),
    ("POST", None, b"Content-Length: 0\r\n"), ("PUT", None, b"Content-Length: 0\r\n"), ("PATCH", None, b"Content-Length: 0\r\n"),
    ("POST", b"", b"Content-Length: 0\r\n"), ("GET", b"ab", b"Content-Length: 2\r\n"), ("DELETE", b"ab", b"Content-Length: 2\r\n"),
    ("POST", iter([b"a"]), b"Transfer-Encoding: chunked\r\n"), ("GET", iter([b"a"]), b"Transfer-Encoding: chunked\r\n"),
])  # fmt: skip
def test_framing_is_chosen_by_method_and_body(method: str, content: Any, framing: bytes) -> None:
    """A known length is announced, an unknown one chunked, and no length sent where none is expected."""
    expected = method.encode() + b" / HTTP/1.1\r\nHost: a.test\r\n" + framing + b"\r\n"
    assert Request(method, "http://a.test/", content=content).encode_head() == expected


@pytest.mark.parametrize(("headers", "content"), [
    ({"Content-Length": "5"}, b"abc"), ({"Content-Length": "0"}, b"abc"), ({"Content-Length": "3"}, None),
    ({"Content-Length": "+3"}, b"abc"),
    ({"Content-Length": "3, 3"}, b"abc"), ({"Content-Length": "03"}, b"abc"), ({"Transfer-Encoding": "chunked"}, b"abc"),
    ({"Transfer-Encoding": "gzip, chunked"}, [b"abc"]), ({"Transfer-Encoding": "identity"}, [b"abc"]), ({"Content-Length": "x"}, [b"abc"]),
    ({"Content-Length": "3", "Transfer-Encoding": "chunked"}, [b"abc"]), ({"Transfer-Encoding": "chunked"}, None),
])  # fmt: skip
def test_framing_by_hand_that_disagrees_is_refused(headers: dict[str, str], content: Any) -> None:
    """Two lengths in one message are how requests are smuggled."""
    with pytest.raises(InvalidHeader, match=r"Content-Length|Transfer-Encoding"):
        Request("POST", "http://a.test/", headers, content).encode_head()


@pytest.mark.parametrize(("headers", "content", "announced"), [
    ({"Content-Length": "3"}, b"abc", 3), ({"content-length": "0"}, None, 0), ({"Transfer-Encoding": "Chunked"}, [b"abc"], None),
    ({"Content-Length": "3"}, [b"abc"], 3),
])  # fmt: skip
def test_framing_by_hand_that_agrees_is_kept(headers: dict[str, str], content: Any, announced: int | None) -> None:
    """Also a length that only the caller knows; each field is sent once."""
    request = Request("POST", "http://a.test/", headers, content)
    head = request.encode_head().lower()
    assert request.announced == announced
    assert head.count(b"content-length") + head.count(b"transfer-encoding") == 1


@pytest.mark.parametrize(("url", "host"), [
    ("http://a.test/", "a.test"), ("http://a.test:80/", "a.test"), ("https://a.test:443/", "a.test"), ("http://a.test:443/", "a.test:443"),
    ("https://a.test:80/", "a.test:80"), ("http://[::1]:80/", "[::1]"), ("http://[::1]:8080/", "[::1]:8080"), ("http://A.TEST/", "a.test"),
])  # fmt: skip
def test_the_default_port_is_left_out_for_its_own_scheme_only(url: str, host: str) -> None:
    """And IPv6 literals stay in brackets."""
    assert f"\r\nHost: {host}\r\n".encode() in Request("GET", url).encode_head()


@pytest.mark.parametrize(("url", "target"), [
    ("http://a.test", "/"), ("http://a.test?x=1", "/?x=1"), ("http://a.test/a/../b/./c", "/b/c"), ("http://a.test/%2e%2e/x", "/%2e%2e/x"),
    ("http://a.test/a%2Fb?c=%26", "/a%2Fb?c=%26"), ("http://a.test/x#frag", "/x"), ("http://a.test/100%", "/100%"),
])  # fmt: skip
def test_the_target_is_normalised_and_never_decoded(url: str, target: str) -> None:
    """Dot segments go, escapes stay, a fragment is never sent."""
    assert Request("GET", url).target == target


def test_requests_are_hashable_by_identity_and_hide_secrets() -> None:
    """Two alike are two."""
    one, two = Request("GET", "http://a.test/?api_key=hidden"), Request("GET", "http://a.test/?api_key=hidden")
    assert len({one, two, one}) == 2
    assert one != two
    assert repr(one) == "<Request GET http://a.test/?api_key=*****>"
    assert "hidden" not in repr(Request("GET", "/x?token=hidden"))


def test_a_copy_shares_the_body_and_nothing_else() -> None:
    """So that hooks can edit headers of their own."""
    request = Request("POST", "http://a.test/", {"X": "1"}, b"x", 3)
    copied = request.copy()
    copied.headers["X"] = "2"
    assert request.headers["x"] == "1"
    assert copied.body is request.body
    assert (copied.timeout, copied.url, copied.method) == (request.timeout, request.url, request.method)


def test_the_url_can_be_assigned_and_takes_a_derived_host_along() -> None:
    """A Host that was made from the old URL is renewed, one that the caller set stays."""
    request = Request("GET", "http://a.test/")
    request.encode_head()
    request.url = "http://b.test:81/x"
    assert (request.url, request.headers["host"]) == ("http://b.test:81/x", "b.test:81")
    own = Request("GET", "http://a.test/", {"Host": "virtual"})
    own.url = "http://b.test/"
    assert own.headers["host"] == "virtual"
    with pytest.raises(InvalidURL):
        own.url = "http://"


def test_an_edit_after_the_head_was_made_is_sent() -> None:
    """Sending a request twice sends what it says each time."""
    mock = MockTransport(lambda request: 200)
    request = Request("GET", "http://a.test/", {"X": "1"})
    with Client(transport=mock) as client:
        client.send(request)
        request.headers["X"] = "2"
        client.send(request)
    assert [call.headers["x"] for call in mock.calls] == ["1", "2"]
