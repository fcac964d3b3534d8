"""`Response` as users make and read it: head, body, text, JSON, errors, links, iteration."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import AsyncIterable, Iterable
from datetime import timedelta
from typing import Any

import msgspec
import pydantic
import pytest

from fasthttp.errors import HTTPStatusError, ResponseError, ResponseJSONError
from fasthttp.models import Request
from fasthttp.response import ClientResponse, Response

BOTH = pytest.mark.parametrize("cls", [Response, ClientResponse])
REQUEST = Request("GET", "https://a.test/x?api_key=hidden")


# --- construction


@BOTH
def test_the_second_argument_is_headers_or_text(cls: type[Response]) -> None:
    """A mapping, pairs or None are headers; a string is the text, with headers third."""
    for headers in ({"X": "1"}, [("X", "1")]):
        response = cls(200, headers, b"body")
        assert (response.headers["x"], response.content) == ("1", b"body")
    assert (cls(200, None, b"body").content, dict(cls(200).headers), cls(200).content) == (b"body", {}, b"")
    response = cls(201, "text", {"X": "1"})
    assert (response.status_code, str(response.text), response.headers["x"]) == (201, "text", "1")
    assert cls(200, "text").content == b"text"
    assert cls(200, {"Content-Type": "text/plain; charset=latin-1"}, "é").content == b"\xe9"


@BOTH
def test_every_keyword_works_by_itself(cls: type[Response]) -> None:
    """And `status` is the same value as `status_code`."""
    response = cls(status_code=404, headers={"X": "1"}, content=b"c", reason="Nope", request=REQUEST)
    assert (response.status_code, response.status, response.reason, response.reason_phrase) == (404, 404, "Nope", "Nope")
    assert response.request is REQUEST
    more: dict[str, Any] = {"history": [cls(301)], "elapsed": timedelta(seconds=2), "extensions": {"a": 1}}
    response = cls(200, text="é", url="http://b.test/", method="PUT", http_version="HTTP/2", **more)
    assert (response.content, response.url, response.method, response.http_version) == ("é".encode(), "http://b.test/", "PUT", "HTTP/2")
    assert (response.elapsed, response.extensions, [each.status for each in response.history]) == (timedelta(seconds=2), {"a": 1}, [301])


@BOTH
@pytest.mark.parametrize("status", [99, 1000, -1, True, "200", 200.0, None])
def test_a_status_is_an_integer_of_three_digits(cls: type[Response], status: Any) -> None:
    """Anything else is refused when the response is made."""
    with pytest.raises(ValueError, match="status_code must be an integer from 100 to 999"):
        cls(status)


@BOTH
def test_a_response_has_one_body(cls: type[Response]) -> None:
    """Text and content exclude each other, and other types are no body."""
    with pytest.raises(ValueError, match="content= and text="):
        cls(200, None, b"x", text="y")
    for content in (bytearray(b"x"), memoryview(b"x")):
        assert cls(200, None, content).content == b"x"  # type: ignore[arg-type]
        assert type(cls(200, None, content).content) is bytes  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="content= takes bytes or text, not int"):
        cls(200, None, 5)  # type: ignore[arg-type]


def test_given_content_is_taken_as_decoded() -> None:
    """Whatever the headers say of codings."""
    assert Response(200, {"Content-Encoding": "gzip"}, b"plain").text == "plain"


def test_what_the_request_tells_is_the_default() -> None:
    """Without a request there is no URL, no method, and asking for it is an error."""
    response = Response(200, request=REQUEST)
    assert (response.url, response.method, response.requested_url) == (REQUEST.url, "GET", REQUEST.url)
    assert response.req_headers is REQUEST.headers
    bare = Response(200)
    assert (bare.url, bare.method, bare.elapsed, dict(bare.req_headers)) == ("", "", timedelta(0), {})
    assert (bare.http_version, bare.history, bare.next_request) == ("HTTP/1.1", [], None)
    assert (bare.from_cache, dict(bare.path_params)) == (False, {})
    with pytest.raises(RuntimeError, match="without a request"):
        bare.request


def test_the_url_that_was_asked_for_is_that_of_the_first_response() -> None:
    """And the history cannot be changed through what it gives."""
    response = Response(200, url="http://c.test/", history=[Response(301, url="http://a.test/"), Response(302, url="http://b.test/")])
    assert response.requested_url == "http://a.test/"
    response.history.clear()
    assert len(response.history) == 2


# --- the head


@pytest.mark.parametrize(("status", "true"), [
    (100, "ok is_informational"), (200, "ok is_success"), (204, "ok is_success"), (299, "ok is_success"), (304, "ok"), (300, "ok"),
    (301, "ok is_redirect is_permanent_redirect"), (308, "ok is_redirect is_permanent_redirect"), (302, "ok is_redirect"),
    (303, "ok is_redirect"), (307, "ok is_redirect"), (399, "ok"), (400, "is_client_error is_error"), (499, "is_client_error is_error"),
    (500, "is_server_error is_error"), (599, "is_server_error is_error"), (600, "is_error"), (999, "is_error"),
])  # fmt: skip
def test_the_class_of_a_status(status: int, true: str) -> None:
    """Each question has one answer; without a Location nothing is a redirect."""
    names = "ok is_redirect is_permanent_redirect is_informational is_success is_client_error is_server_error is_error".split()
    response = Response(status, {"Location": "/x"})
    assert {name for name in names if getattr(response, name)} == set(true.split())
    assert not Response(status).is_redirect
    assert not Response(status).is_permanent_redirect


@BOTH
def test_a_response_is_true_hashable_by_identity_and_short_in_repr(cls: type[Response]) -> None:
    """Whatever its status; ask `ok`."""
    one, two = cls(404), cls(404)
    assert one
    assert bool(cls(500)) is True
    assert len({one, two, one}) == 2
    assert one != two
    assert [repr(each) for each in (one, cls(799), cls(200, reason="Fine"))] == [
        "<Response [404 Not Found]>",
        "<Response [799]>",
        "<Response [200 Fine]>",
    ]


def test_content_type_is_the_field() -> None:
    """None without one."""
    assert Response(200, {"Content-Type": "text/html; charset=x"}).content_type == "text/html; charset=x"
    assert Response(200).content_type is None


@pytest.mark.parametrize(("value", "links"), [
    ('<https://a.test/?page=2>; rel="next", </9>; rel=last', {"next": "https://a.test/?page=2", "last": "/9"}),
    ('</x,y;z>; rel="next"; title="a, b; c"', {"next": "/x,y;z"}),
    ("</one>; rel=\"first prev\"", {"first": "/one", "prev": "/one"}),
    ("</plain>", {"/plain": "/plain"}),
    ("</a>;REL=next", {"next": "/a"}),
    ("</a>; rel=next; rel=last", {"next": "/a"}),
    ("</a>; rel=next, </b>; rel=next", {"next": "/a"}),
    ("garbage", {}),
    ("<unclosed; rel=next", {}),
    ("", {}),
])  # fmt: skip
def test_links_are_by_relation_or_target(value: str, links: dict[str, str]) -> None:
    """RFC 8288, with commas and semicolons inside targets and quotes."""
    found = Response(200, {"Link": value}).links
    assert {key: link["url"] for key, link in found.items()} == links


def test_parameters_of_links_are_kept() -> None:
    """Names in lower case, quotes undone; several field lines count."""
    response = Response(200, [("Link", '</a>; rel="next"; Title="a, b"'), ("Link", "</b>; rel=prev; crossorigin")])
    assert response.links == {
        "next": {"url": "/a", "rel": "next", "title": "a, b"},
        "prev": {"url": "/b", "rel": "prev", "crossorigin": ""},
    }
    assert Response(200, [("Link", r'</a>; rel=x; title="say \"hi\""')]).links["x"]["title"] == 'say "hi"'


def test_a_hostile_link_field_costs_no_time() -> None:
    """Tens of thousands of half links are read in linear time; a quadratic one would take minutes."""
    for piece in ("<a>; ", '<a>;x="', "<", '";"', "<a>;x=", ";\t;"):
        Response(200, {"Link": piece * 20_000}).links


# --- text


@pytest.mark.parametrize(("content_type", "content", "text", "encoding"), [
    (None, "é".encode(), "é", "utf-8"),
    ("text/plain", "é".encode(), "é", "utf-8"),
    ("text/plain; charset=ISO-8859-1", b"\xe9", "é", "iso-8859-1"),
    ('text/plain; Charset="Windows-1252"', b"\x80", "€", "windows-1252"),
    ("text/plain; charset='ascii'", b"abc", "abc", "ascii"),
    ("text/plain; charset=nonsense", "é".encode(), "é", "utf-8"),
    ("text/plain; charset=hex", b"6162", "6162", "utf-8"),
    ("text/plain; charset=rot13", b"abc", "abc", "utf-8"),
    ("text/plain; charset=utf-8\x00", b"abc", "abc", "utf-8"),
    ("text/plain; charset=", b"abc", "abc", "utf-8"),
    (None, b"\xef\xbb\xbfabc", "abc", "utf-8-sig"),
    (None, "é".encode("utf-16"), "é", "utf-16"),
    (None, b"\xfe\xff" + "é".encode("utf-16-be"), "é", "utf-16"),
    (None, "é".encode("utf-32"), "é", "utf-32"),
    ("text/html; charset=latin-1", b"\xef\xbb\xbf", "ï»¿", "latin-1"),
    (None, b"a\xff\xfeb", "a\ufffd\ufffdb", "utf-8"),
    ("text/plain; charset=ascii", b"a\xffb", "a\ufffdb", "ascii"),
    ("text/html", b'<meta charset="latin-1">\xe9', '<meta charset="latin-1">\ufffd', "utf-8"),
    ("text/xml", b'<?xml version="1.0" encoding="latin-1"?>\xe9', '<?xml version="1.0" encoding="latin-1"?>\ufffd', "utf-8"),
])  # fmt: skip
def test_text_is_decoded_by_charset_then_bom_then_default(content_type: str | None, content: bytes, text: str, encoding: str) -> None:
    """Unknown names fall back to the default, undecodable bytes become U+FFFD, documents are not sniffed."""
    response = ClientResponse(200, None, content)
    if content_type is not None:
        response.headers._lines.append(("Content-Type", content_type))
        dict.__setitem__(response.headers, "content-type", content_type)
    assert (response.encoding, str(response.text)) == (encoding, text)


def test_the_default_encoding_may_be_a_function_of_the_body() -> None:
    """It is asked when neither charset nor BOM tell."""
    response = Response(200, None, b"\xe9")
    response._default_encoding = lambda content: "latin-1" if content == b"\xe9" else "utf-8"
    assert response.text == "é"


def test_the_encoding_can_be_set_before_the_first_use_of_the_text() -> None:
    """An unknown name is refused, and so is a change that would come too late."""
    response = Response(200, None, b"\xe9")
    for name in ("nonsense", "hex"):
        with pytest.raises(LookupError):
            response.encoding = name
    response.encoding = "latin-1"
    assert (response.text, response.encoding) == ("é", "latin-1")
    with pytest.raises(ValueError, match="decoded already"):
        response.encoding = "utf-8"


def test_text_of_the_base_class_is_an_exact_string() -> None:
    """It is decoded once."""
    response = Response(200, "abc")
    assert type(response.text) is str
    assert response.text is response.text


def test_text_of_the_client_s_class_can_be_called_too() -> None:
    """`r.text`, `r.text()` and `r.text(encoding)`; as a string it behaves as any other."""
    response = ClientResponse(200, None, b"\xe9")
    assert isinstance(response.text, str)
    assert response.text == response.text() == "\ufffd"
    assert response.text("latin-1") == "é"
    assert (type(str(response.text)), type(response.text()), type(response.text("latin-1"))) == (str, str, str)
    again = ClientResponse(200, "abc")
    assert (again.text.upper(), again.text + "d", f"{again.text}", again.text[1:], len(again.text)) == ("ABC", "abcd", "abc", "bc", 3)
    assert hash(again.text) == hash("abc")
    assert json.dumps(again.text) == '"abc"'
    assert pickle.loads(pickle.dumps(again.text)) == "abc"


def test_content_has_two_spellings() -> None:
    """The attribute and `bytes()`."""
    response = Response(200, None, b"abc")
    assert response.content == response.bytes() == b"abc"
    assert response.is_buffered


# --- JSON


class Point(msgspec.Struct):
    x: int


class User(pydantic.BaseModel):
    name: str


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_json_is_read_in_every_unicode_encoding(encoding: str) -> None:
    """From the bytes, whatever the charset says, and parsed once."""
    response = Response(200, {"Content-Type": "application/json; charset=latin-1"}, '{"a": ["é", 1.5, null]}'.encode(encoding))
    assert response.json() == {"a": ["é", 1.5, None]}
    assert response.json() is response.json()


@BOTH
def test_json_can_be_built_as_a_type(cls: type[Response]) -> None:
    """By msgspec or pydantic, whose errors say what does not fit."""
    assert cls(200, None, b'[{"x": 1}]').json(type=list[Point]) == [Point(1)]
    assert cls(200, None, b'{"name": "Ann"}').json(User) == User(name="Ann")
    with pytest.raises(msgspec.ValidationError):
        cls(200, None, b'{"x": "a"}').json(type=Point)
    with pytest.raises(pydantic.ValidationError):
        cls(200, None, b"{}").json(type=User)
    with pytest.raises(ResponseJSONError):
        cls(200, None, b"{").json(type=Point)


def test_json_keywords_are_those_of_the_standard_library() -> None:
    """They are passed on."""
    assert Response(200, None, b"[1.5]").json(parse_float=str) == ["1.5"]
    with pytest.raises(ResponseJSONError):
        Response(200, None, b"[1.5").json(parse_float=str)


@pytest.mark.parametrize(("content", "position"), [
    (b'{"a": }', 6), (b"[1, 2", 5), (b"nope", 0), (b"{'a': 1}", 1), (b'{"a": 1} trailing', 9),
])  # fmt: skip
def test_malformed_json_is_an_error_that_says_where(content: bytes, position: int) -> None:
    """With URL (masked), content type, position and an excerpt; the parser's error is the cause."""
    response = Response(200, {"Content-Type": "application/json"}, content, request=REQUEST)
    with pytest.raises(ResponseJSONError) as caught:
        response.json()
    error = caught.value
    assert isinstance(error, ResponseError)
    assert isinstance(error, ValueError)
    assert f"at position {position}" in str(error)
    assert "application/json" in str(error)
    assert "GET https://a.test/x?api_key=*****" in str(error)
    assert (error.response, error.request) == (response, REQUEST)
    assert error.__cause__ is not None


@pytest.mark.parametrize("content", [b"", b"  \r\n"])
def test_an_empty_body_is_not_json(content: bytes) -> None:
    """The message says that it is empty."""
    with pytest.raises(ResponseJSONError, match="empty body is not JSON") as caught:
        Response(200, {"Content-Type": "text/html"}, content).json()
    assert "text/html" in str(caught.value)
    assert caught.value.__cause__ is not None


def test_the_excerpt_of_an_error_is_short() -> None:
    """At most 80 characters of the body, around the fault."""
    with pytest.raises(ResponseJSONError) as caught:
        Response(200, None, b'{"a": "' + b"x" * 500 + b'", oops' + b"y" * 500).json()
    assert str(caught.value).count("x") + str(caught.value).count("y") < 90
    assert "oops" in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xff", b'"\xff"', b"[" * 100_000, b"\xfe\xff\xd8\x00"])
def test_hostile_bytes_are_an_error_of_this_package(content: bytes) -> None:
    """Undecodable or too deep, nothing else escapes."""
    with pytest.raises(ResponseJSONError):
        Response(200, None, content).json()


# --- status errors


@pytest.mark.parametrize("status", [100, 200, 304, 399])
def test_raise_for_status_returns_the_response_below_400(status: int) -> None:
    """So that it can be chained."""
    response = Response(status)
    assert response.raise_for_status() is response


def test_raise_for_status_tells_what_went_wrong() -> None:
    """Status, reason, method and URL in the message; response, detail and body on the error."""
    response = Response(404, {"Content-Type": "application/problem+json"}, b'{"title": "t", "detail": "no such user"}', request=REQUEST)
    with pytest.raises(HTTPStatusError) as caught:
        response.raise_for_status()
    error = caught.value
    assert str(error) == "HTTP 404 Not Found for GET https://a.test/x?api_key=*****"
    assert (error.status_code, error.reason, error.response, error.request) == (404, "Not Found", response, REQUEST)
    assert (error.detail, error.method) == ("no such user", "GET")
    assert error.response_body == '{"title": "t", "detail": "no such user"}'


@pytest.mark.parametrize(("content_type", "content", "detail"), [
    ("application/json", '{"message": "m", "error": "e"}', "m"),
    ("application/json", '{"detail": "", "error": "e"}', "e"),
    ("application/json", '{"error": {"code": 5}}', '{"code":5}'),
    ("application/json", '{"detail": [{"loc": ["a"]}]}', '[{"loc":["a"]}]'),
    ("application/json", '{"error_description": "ed", "description": "d", "title": "t"}', "ed"),
    ("application/json", '{"description": "d", "title": "t"}', "d"),
    ("application/json", '{"title": "t"}', "t"),
    ("application/json", '{"other": "o"}', '{"other": "o"}'),
    ("application/json", '["list"]', '["list"]'),
    ("application/json", "broken {", "broken {"),
    ("text/plain", '{"detail": "d"}', '{"detail": "d"}'),
    ("text/plain", "x" * 300, "x" * 200),
    ("text/plain", "", None),
])  # fmt: skip
def test_the_detail_is_what_the_body_says(content_type: str, content: str, detail: str | None) -> None:
    """From JSON the first key that says something, else the first 200 characters."""
    with pytest.raises(HTTPStatusError) as caught:
        Response(500, {"Content-Type": content_type}, text=content).raise_for_status()
    assert caught.value.detail == detail


def test_a_body_that_nests_too_deeply_does_not_hide_the_status() -> None:
    """The status error is raised all the same."""
    with pytest.raises(HTTPStatusError):
        Response(500, {"Content-Type": "application/json"}, b"[" * 100_000).raise_for_status()


def test_an_unregistered_status_has_no_reason_in_the_message() -> None:
    """And no double space."""
    with pytest.raises(HTTPStatusError, match=r"^HTTP 799 for GET https://a\.test/$"):
        Response(799, request=Request("GET", "https://a.test/")).raise_for_status()


# --- iteration

CONTENT = "one\r\ntwo\n\nthrée\rfour".encode()
CASES: list[tuple[str, dict[str, Any], list[Any]]] = [
    ("iter_bytes", {}, [CONTENT]),
    ("iter_bytes", {"chunk_size": 8}, [CONTENT[:8], CONTENT[8:16], CONTENT[16:]]),
    ("iter_raw", {}, [CONTENT]),
    ("iter_raw", {"chunk_size": 15}, [CONTENT[:15], CONTENT[15:]]),
    ("iter_text", {}, [CONTENT.decode()]),
    ("iter_text", {"chunk_size": 16}, ["one\r\ntwo\n\nthrée\r", "four"]),
    ("iter_text", {"encoding": "ascii"}, ["one\r\ntwo\n\nthr\ufffd\ufffde\rfour"]),
    ("iter_lines", {}, ["one", "two", "", "thrée", "four"]),
    ("iter_lines", {"chunk_size": 1}, ["one", "two", "", "thrée", "four"]),
]


async def _collect(items: AsyncIterable[Any]) -> list[Any]:
    return [item async for item in items]


@BOTH
@pytest.mark.parametrize(("name", "keywords", "expected"), CASES)
def test_a_buffered_body_is_iterated_in_both_colours_and_repeatedly(
    cls: type[Response], name: str, keywords: dict[str, Any], expected: list[Any]
) -> None:
    """One object for `for` and `async for`, under both names, with exact bytes or strings as items."""
    response = cls(200, None, CONTENT)
    for method in (getattr(response, name), getattr(response, f"a{name}")):
        stream: Any = method(**keywords)
        both: Iterable[Any] = stream
        assert list(both) == list(both) == expected
        assert asyncio.run(_collect(stream)) == expected
        assert {type(item) for item in stream} <= {bytes, str}


@pytest.mark.parametrize("name", ["iter_bytes", "iter_raw", "iter_text", "iter_lines"])
def test_an_empty_body_has_no_items(name: str) -> None:
    """In either colour."""
    response = Response(204)
    assert list(getattr(response, name)()) == []
    assert asyncio.run(_collect(getattr(response, name)())) == []


@pytest.mark.parametrize("name", ["iter_bytes", "iter_raw", "iter_text", "iter_lines"])
@pytest.mark.parametrize("size", [0, -1])
def test_a_wrong_chunk_size_is_refused_at_the_call(name: str, size: int) -> None:
    """Not at the first item, which may be far from it."""
    with pytest.raises(ValueError, match="chunk_size"):
        getattr(Response(200, "abc"), name)(chunk_size=size)


def test_reading_and_closing_a_buffered_response_is_harmless() -> None:
    """In both colours, repeatedly, with and without a block."""
    response = Response(200, "abc")
    with response as same:
        assert same is response
    response.close()
    assert response.read() == b"abc"

    async def run() -> None:
        async with response as same:
            assert same is response
        await response.aclose()
        assert await response.aread() == b"abc"

    asyncio.run(run())
    assert (response.content, dict(response.trailers), response.informational) == (b"abc", {}, [])
