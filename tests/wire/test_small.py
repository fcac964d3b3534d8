"""Query strings, media types, status codes, secrets, buffers and errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum, StrEnum
from typing import Any

import pytest

from httpwire.buffer import ReceiveBuffer, head_end
from httpwire.errors import CodingError, IncompleteMessage, InvalidHeader, InvalidURL, ProtocolError, UnsupportedScheme, WireError
from httpwire.masking import MASK, is_secret, mask_body, mask_fields, mask_text, mask_url
from httpwire.mime import charset, is_json, parse_content_type
from httpwire.query import encode_pairs, flatten, parse_query
from httpwire.status import PHRASES, has_no_body, reason_phrase


class Colour(Enum):
    RED = "red"
    TEN = 10


class Word(StrEnum):
    WORD = "w"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, []),
        ({"a": "b"}, [("a", "b")]),
        ({"a": 1, "b": 1.5, "c": True, "d": False}, [("a", "1"), ("b", "1.5"), ("c", "true"), ("d", "false")]),
        ({"a": None, "b": [None, "x"]}, [("b", "x")]),
        ({"a": [1, 2], "b": ("x",), "c": [], "d": range(2)}, [("a", "1"), ("a", "2"), ("b", "x"), ("d", "0"), ("d", "1")]),
        ([("a", "1"), ("a", b"\xff")], [("a", "1"), ("a", b"\xff")]),
        ([["a", {1}], ("b", frozenset([2]))], [("a", "1"), ("b", "2")]),
        (
            {"a": Colour.RED, "b": Colour.TEN, "c": Word.WORD, "d": [True, Colour.RED]},
            [("a", "red"), ("b", "10"), ("c", "w"), ("d", "true"), ("d", "red")],
        ),
        ({1: "a", b"b": "c", Colour.RED: "d", Word.WORD: "e"}, [("1", "a"), ("b", "c"), ("red", "d"), ("w", "e")]),
    ],
)
def test_flatten(values: Any, expected: list[tuple[str, str | bytes]]) -> None:
    """Sequences repeat the name, None is dropped, booleans are words, enums their values."""
    assert flatten(values) == expected


@pytest.mark.parametrize("values", [{"a": {"b": 1}}, {"a": [[1]]}, {"a": [{"b": 1}]}, {"a": [range(3)]}, ["ab"], [b"ab"], [("a",)], [5], 5])
def test_flatten_faults(values: Any) -> None:
    """Nested values and items that are no pairs are TypeErrors."""
    with pytest.raises(TypeError):
        flatten(values)


def test_nested_values_are_named() -> None:
    """The fault of a nested value names its field and type."""
    with pytest.raises(TypeError, match=r"'a' is a nested dict"):
        flatten({"a": {"b": 1}})


def test_encode_pairs() -> None:
    """A space becomes a plus, everything reserved is escaped, bytes as they are."""
    assert encode_pairs([("a b", "c+d&e=f"), ("é", b"\xff"), ("-._~", "")]) == "a+b=c%2Bd%26e%3Df&%C3%A9=%FF&-._~="
    assert encode_pairs([]) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a=b&c=d", [("a", "b"), ("c", "d")]),
        ("a=1&a=2", [("a", "1"), ("a", "2")]),
        ("a", [("a", "")]),
        ("a=", [("a", "")]),
        ("=a", [("", "a")]),
        ("&&a=b&", [("a", "b")]),
        ("a=b=c", [("a", "b=c")]),
        ("a+b=c%20d%2B", [("a b", "c d+")]),
        ("a=%&b=%4&c=%zz", [("a", "%"), ("b", "%4"), ("c", "%zz")]),
        ("a=%C3%A9%ff", [("a", "é\ufffd")]),
        ("a=b;c=d", [("a", "b;c=d")]),
    ],
)
def test_parse_query(text: str, expected: list[tuple[str, str]]) -> None:
    """Only the ampersand separates, a plus is a space, and what is broken stays as text."""
    assert parse_query(text) == expected


def test_number_of_pairs() -> None:
    """More pairs than allowed are a ValueError, before any of them is read."""
    assert len(parse_query("&".join("a" * 10), max_pairs=10)) == 10
    with pytest.raises(ValueError, match="more than 9"):
        parse_query("&".join("a" * 10), max_pairs=9)


@pytest.mark.parametrize(
    ("value", "media_type", "parameters"),
    [
        ("text/html", "text/html", {}),
        (" Text/HTML ; Charset=UTF-8", "text/html", {"charset": "UTF-8"}),
        ('a/b; x="1;2"; y="\\"q\\\\"; z=', "a/b", {"x": "1;2", "y": '"q\\', "z": ""}),
        ("a/b; x=1; X=2", "a/b", {"x": "1"}),
        ('a/b; bad; =1; x = "2" ;y=3', "a/b", {"x": "2", "y": "3"}),
        ('a/b; x="y; charset=z', "a/b", {"x": "", "charset": "z"}),
        ("", "", {}),
    ],
)
def test_content_types(value: str, media_type: str, parameters: Mapping[str, str]) -> None:
    """Media type and parameter names come in lower case, quotes undone; what is malformed is passed over."""
    assert parse_content_type(value) == (media_type, parameters)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("text/html", None),
        ("text/html; charset=UTF-8", "utf-8"),
        ("text/html; charset=\"'Latin1'\"", "latin1"),
        ("text/html; charset=", None),
        ('multipart/x; boundary="; charset=no"; charset=yes', "yes"),
    ],
)
def test_charset(value: str | None, expected: str | None) -> None:
    """The charset in lower case, None where there is none."""
    assert charset(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, False),
        ("", False),
        ("application/json", True),
        ("Application/Problem+JSON; a=b", True),
        ("text/json", False),
        ("a/jsonx", False),
    ],
)
def test_is_json(value: str | None, expected: bool) -> None:
    """`application/json` and every type that ends in `+json` are JSON."""
    assert is_json(value) is expected


def test_phrases() -> None:
    """Registered codes have their phrase, others an empty one."""
    assert (reason_phrase(200), reason_phrase(418), reason_phrase(599)) == ("OK", "I'm a Teapot", "")
    assert all(100 <= code <= 599 and re.fullmatch(r"[A-Za-z' -]+", phrase) for code, phrase in PHRASES.items())


def test_statuses_without_a_body() -> None:
    """1xx, 204 and 304 never have a body."""
    assert [code for code in range(100, 600) if has_no_body(code)] == [*range(100, 200), 204, 304]


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "PROXY-authorization",
        "cookie",
        "Set-Cookie",
        "x-api-key",
        "access_token",
        "userPassword",
        "API-KEY",
        "sig",
        "passwd",
    ],
)
def test_secret_names(name: str) -> None:
    """Names that carry secrets are known in any case."""
    assert is_secret(name)


@pytest.mark.parametrize("name", ["accept", "content-type", "key", "design", "sessions", ""])
def test_plain_names(name: str) -> None:
    """Other names are not, unless they are given."""
    assert not is_secret(name)
    assert is_secret(name, {name})


def test_mask_fields() -> None:
    """Values of secret names are replaced, all else is as it was."""
    assert mask_fields([("A", "b"), ("Cookie", "c"), ("D", "e")], {"d"}) == [("A", "b"), ("Cookie", MASK), ("D", MASK)]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://h/a?b=c", "http://h/a?b=c"),
        ("http://u:p@h/a@b", "http://h/a@b"),
        ("http://u:p@x@h", "http://h"),
        ("http://h/?a=b&token=s&api%5Fkey=s#f", f"http://h/?a=b&token={MASK}&api%5Fkey={MASK}#f"),
        ("http://h/?next=http://u:p@i/", "http://h/?next=http://i/"),
        ("/a?sig=s", f"/a?sig={MASK}"),
        ("http://h/?token", "http://h/?token"),
    ],
)
def test_mask_url(url: str, expected: str) -> None:
    """A URL is shown without user info, and without the values of secret names in its query."""
    assert mask_url(url) == expected


def test_mask_text() -> None:
    """Every URL inside a text is masked, the rest is kept."""
    text = "GET 'https://u:p@h/?token=s' failed, see WSS://u:p@h/x and token=kept"
    assert mask_text(text) == f"GET 'https://h/?token={MASK}' failed, see WSS://h/x and token=kept"
    assert mask_text("no url: u:p@h") == "no url: u:p@h"
    assert mask_text("http://h/?mine=1", {"mine"}) == f"http://h/?mine={MASK}"


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"", -1),
        (b"a\r\nb\r\n", -1),
        (b"a\r\n\r\nb", 5),
        (b"a\n\nb", 3),
        (b"a\r\n\nb", 4),
        (b"a\n\r\nb", 4),
        (b"a\r\n\r\nb\n\n", 5),
        (b"a\n\nb\r\n\r\n", 3),
        (b"\r\n\r\n", 4),
        (b"\n\n", 2),
        (b"\r\n", -1),
    ],
)
def test_head_end(data: bytes, end: int) -> None:
    """A head ends after its first empty line, whichever line ends it has, and however it arrives."""
    assert head_end(data) == end
    buffer = ReceiveBuffer()
    found = -1
    for at in range(len(data)):
        buffer += data[at : at + 1]
        if found < 0:
            found = buffer.find_head_end()
            assert found in (-1, at + 1)
    assert found == end


def test_buffer() -> None:
    """Bytes are collected, looked at and taken from the front; after that a search begins anew."""
    buffer = ReceiveBuffer()
    buffer += b"ab\r\nc"
    assert (len(buffer), buffer.peek(2), buffer.find_head_end()) == (5, b"ab", -1)
    buffer += b"\r\n\r\nd"
    assert (buffer.find_head_end(), buffer.take(9), buffer.find_head_end()) == (9, b"ab\r\nc\r\n\r\n", -1)
    buffer += b"\n\n"
    assert (buffer.find_head_end(), buffer.take_all(), len(buffer), buffer.peek(1)) == (3, b"d\n\n", 0, b"")


def test_errors() -> None:
    """All errors of the package have one base; those about values are ValueErrors; a protocol error has a status."""
    assert all(issubclass(error, WireError) for error in (ProtocolError, CodingError, InvalidURL, InvalidHeader))
    assert issubclass(InvalidURL, ValueError)
    assert issubclass(InvalidHeader, ValueError)
    assert issubclass(UnsupportedScheme, InvalidURL)
    assert issubclass(IncompleteMessage, ProtocolError)
    assert (ProtocolError("x").status, ProtocolError("x", status=431).status) == (400, 431)
    assert (CodingError("x").coding, CodingError("x", coding="br").coding) == ("", "br")


@pytest.mark.parametrize(("text", "shown"), [
    ('{"user": "kim", "password": "p\\"w", "n": 1}', '{"user": "kim", "password": "*****", "n": 1}'),
    ('{"token":12345,"list":[{"api_key": null}]}', '{"token":"*****","list":[{"api_key": "*****"}]}'),
    ("user=kim&pass%77ord=x+y&own=z", "user=kim&pass%77ord=*****&own=*****"),
    ("plain text, token or not", "plain text, token or not"),
    ("", ""),
])  # fmt: skip
def test_secrets_in_bodies_are_masked(text: str, shown: str) -> None:
    """By the names of their fields, in JSON and in forms; names of one's own count too."""
    assert mask_body(text, ("own",)) == shown
