"""JSON out and in."""

from __future__ import annotations

import json
from collections import OrderedDict, UserDict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pydantic
import pytest

from httpwire import jsonio

NAN, INF = float("nan"), float("inf")


class Colour(Enum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


class Point(msgspec.Struct):
    x: Any
    y: Any = None


class Partial(msgspec.Struct):
    a: Any
    b: Any = msgspec.UNSET


class Renamed(msgspec.Struct, rename="camel"):
    first_name: str


class Pair(NamedTuple):
    a: Any
    b: Any


@dataclass
class Item:
    name: str
    tags: list[Any] = field(default_factory=list)


class Model(pydantic.BaseModel):
    when: Any
    child: Any = None


class Exact(pydantic.BaseModel, ser_json_inf_nan="constants"):
    value: Any


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, b"null"),
        ([1, 2.5, "é\n", True, None], '[1,2.5,"é\\n",true,null]'.encode()),
        ({"a": {"b": []}}, b'{"a":{"b":[]}}'),
        ((1, 2), b"[1,2]"),
        (frozenset([1]), b"[1]"),
        ({1: "a"}, b'{"1":"a"}'),
        (2**70, b"1180591620717411303424"),
        (b"ab", b'"YWI="'),
        (Point(1), b'{"x":1,"y":null}'),
        (Partial(1), b'{"a":1}'),
        (Partial(None), b'{"a":null}'),
        (Renamed("x"), b'{"firstName":"x"}'),
        (Pair(1, None), b"[1,null]"),
        (Item("a", [Item("b")]), b'{"name":"a","tags":[{"name":"b","tags":[]}]}'),
        (Item("a", [None]), b'{"name":"a","tags":[null]}'),
        (datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC), b'"2024-05-06T07:08:09Z"'),
        (date(2024, 5, 6), b'"2024-05-06"'),
        (UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
        (Decimal("1.10"), b'"1.10"'),
        (Colour.RED, b'"red"'),
        (Number.ONE, b"1"),
        (OrderedDict(a=1), b'{"a":1}'),
        (MappingProxyType({"a": 1}), b'{"a":1}'),
        (UserDict(a=[None]), b'{"a":[null]}'),
        (Model(when=date(2024, 5, 6), child=Model(when=None)), b'{"when":"2024-05-06","child":{"when":null,"child":null}}'),
        ([Model(when=UUID(int=1))], b'[{"when":"00000000-0000-0000-0000-000000000001","child":null}]'),
        (Model(when=NAN), b'{"when":null,"child":null}'),
        (msgspec.Raw(b'{"x":1}'), b'{"x":1}'),
    ],
)
def test_encode(value: Any, expected: bytes) -> None:
    """What people put into bodies comes out as compact UTF-8."""
    assert jsonio.encode(value) == expected


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (NAN, "$"),
        ([None, INF], "$[1]"),
        ({"a": [1.0, {"b": -INF}]}, "$.a[1].b"),
        (Point(None, NAN), "$.y"),
        (Point([Point(1, (0.5, NAN))]), "$.x[0].y[1]"),
        (Partial(NAN), "$.a"),
        (Pair(1, NAN), "$[1]"),
        (Item("a", [NAN]), "$.tags[0]"),
        ({"s": {NAN}}, "$.s[0]"),
        (MappingProxyType({"a": NAN}), "$.a"),
        ([Exact(value=[NAN])], "$[0].value[0]"),
        ({"a": Exact(value=INF)}, "$.a.value"),
    ],
)
def test_numbers_that_json_has_not(value: Any, path: str) -> None:
    """NaN and infinities are refused wherever they are, and the fault says where."""
    with pytest.raises(ValueError) as caught:
        jsonio.encode(value)
    assert f"at {path} " in str(caught.value)


@pytest.mark.parametrize(
    ("value", "path", "kind"),
    [
        (1j, "$", "complex"),
        (object, "$", "type"),
        ([1, [2, {"a": 1j}]], "$[1][1].a", "complex"),
        ({"p": PurePosixPath("/")}, "$.p", "PurePosixPath"),
        (Point(1, object()), "$.y", "object"),
        (Partial(1j), "$.a", "complex"),
        ([Partial(1), 1j], "$[1]", "complex"),
        (Item("a", [Item]), "$.tags[0]", "type"),
        (MappingProxyType({"a": 1j}), "$.a", "complex"),
    ],
)
def test_values_without_a_form(value: Any, path: str, kind: str) -> None:
    """A value that cannot be encoded is named with its type and the path to it."""
    with pytest.raises(TypeError) as caught:
        jsonio.encode(value)
    assert str(caught.value) == f"value at {path} cannot be encoded as JSON: {kind}"


def test_keys_without_a_form() -> None:
    """A key that cannot be encoded is a TypeError, too."""
    with pytest.raises(TypeError, match="tuple"):
        jsonio.encode({(1, 2): 3})


def test_lone_surrogates() -> None:
    """Text that has no UTF-8 form is a ValueError."""
    with pytest.raises(ValueError):
        jsonio.encode(["\ud800"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("value", [1, "é✓", [], {"a": [1.5, None, True]}, "\U0001f600"])
def test_decode(encoding: str, value: Any) -> None:
    """UTF-8, UTF-16 and UTF-32 are told apart, with and without a mark."""
    assert jsonio.decode(json.dumps(value, ensure_ascii=False).encode(encoding)) == value


def test_decode_text() -> None:
    """Text is read as it is."""
    assert jsonio.decode('{"a": "é"}') == {"a": "é"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b"[1,]",
        b"nul",
        b"NaN",
        b"Infinity",
        b"1 2",
        b'"\xff"',
        b"\xff\xfe",
        b"\xff\xfea",
        b"\x00",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf{",
        b"'a'",
        b'{"a":1',
        "\ufeff1",
        "",
        "{",
        '"\ud800"',
        b"[" * 100_000,
        "[" * 100_000,
        b'{"a":' * 100_000,
        ("[" * 100_000).encode("utf-16"),
    ],
    ids=lambda data: repr(data[:8]),
)
def test_decode_faults(data: bytes | str) -> None:
    """What is no JSON, or is nested too deeply to be read, is a ValueError and nothing else."""
    with pytest.raises(ValueError):
        jsonio.decode(data)


def test_nan_beside_an_unset_field() -> None:
    """A field that is unset is passed over in the search for the number that cannot be encoded."""

    class Partial(msgspec.Struct):
        first: int | msgspec.UnsetType = msgspec.UNSET
        second: float = NAN

    with pytest.raises(ValueError, match=r"nan at \$\.second"):
        jsonio.encode(Partial())
