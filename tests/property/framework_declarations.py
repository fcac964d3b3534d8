"""What generated applications are made of: types and functions as source, values that fit them, values that hardly do."""

from __future__ import annotations

from typing import Any

PRELUDE = """
import datetime, ipaddress, pathlib
from dataclasses import dataclass, field
from decimal import Decimal
from datetime import date, time, timedelta
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar, Union
from uuid import UUID
from typing_extensions import NotRequired, TypedDict
from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, Json, RootModel
from pydantic.alias_generators import to_camel
from @ import APIRouter, Body, Cookie, Depends, FastAPI, File, Form, Header, HTTPException, Path, Query, Request, Response
from @ import UploadFile
from @.exceptions import RequestValidationError
from @.responses import JSONResponse, PlainTextResponse

class Colour(str, Enum):
    red = "red"
    blue = "blue"

class Size(IntEnum):
    small = 1
    large = 10

class Mood(Enum):
    good = "good"
    two = 2

class Odd(str, Enum):
    def __new__(cls, text, value):
        found = str.__new__(cls, text)
        found._value_ = value
        return found
    first = ("text", "value")

@dataclass
class Record(dict):
    x: int = 1

class Item(BaseModel):
    name: str
    price: float = Field(gt=0)
    tags: list[str] = []
    colour: Colour | None = None

class Aliased(BaseModel):
    item_id: int = Field(alias="itemId")
    note: str | None = Field(None, validation_alias="n", serialization_alias="remark")
    either: int = Field(0, validation_alias=AliasChoices("one", "other"))

class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    first_name: str = Field("x", alias="firstName", max_length=4)
    count: Annotated[int, Field(ge=0, multiple_of=2)] = 2

class Node(BaseModel):
    value: int
    children: list["Node"] = []
    extra: dict[str, Any] | None = None

class Money(BaseModel):
    amount: Decimal
    at: datetime.datetime | None = None
    id: UUID | None = None
    wait: timedelta | None = None
    raw: bytes = b""

class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9

class Dog(BaseModel):
    kind: Literal["dog"]
    good: bool = True

class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: Any = None
    b: int | str | None = None
    c: set[int] = set()

class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    n: int
    f: float = 1.0
    s: str | None = None

T = TypeVar("T")

class Page(BaseModel, Generic[T]):
    items: list[T]
    total: int = 0

class Numbers(RootModel[list[int]]):
    pass

@dataclass
class Point:
    x: int
    y: float = 0.5
    names: list[str] = field(default_factory=list)

class Film(TypedDict):
    title: str
    year: NotRequired[int]

class Filters(BaseModel):
    limit: int = Field(10, gt=0, le=100)
    order_by: Literal["a", "b"] = "a"
    tags: list[str] = []
    x_token: str | None = None

def odd(value: int) -> int:
    if value % 2 == 0:
        raise ValueError("even")
    return value

def told(value):
    if isinstance(value, UploadFile):
        return ["file", value.filename, value.size, value.content_type]
    if isinstance(value, (set, frozenset)):
        return [type(value).__name__, sorted(map(repr, value))]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, [told(item) for item in value]]
    return [type(value).__name__, ascii(value)]

def seen(**values):
    return {name: told(value) for name, value in values.items()}
"""

# --- values as text, by type: what fits, for parameters; the rest of the pool is tried on all of them

FITTING: dict[str, list[str]] = {
    "int": ["1", "0", "-5", "42", "007", "9223372036854775808", "1.0", "+3"],
    "float": ["1.5", "1", "-0.0", "1e3", "nan", "inf", ".5", "5."],
    "bool": ["true", "false", "1", "0", "yes", "off", "T", "on"],
    "str": ["abc", "", "é", "a b", "日本"],
    "Decimal": ["1.10", "1", "1E+3", "NaN", "-0.00"],
    "date": ["2024-02-29", "2023-01-01", "0", "86400"],
    "datetime.datetime": ["2024-02-29T10:00:00Z", "2024-01-01 00:00", "1700000000", "2024-01-01T00:00:00+05:30", "2024-01-01"],
    "time": ["10:00", "10:00:01.5Z", "3600"],
    "timedelta": ["P1DT2H", "10", "1.5", "01:00:00"],
    "UUID": ["12345678-1234-5678-1234-567812345678", "{12345678-1234-5678-1234-567812345678}", "12345678123456781234567812345678"],
    "Colour": ["red", "blue", "Red"],
    "Size": ["1", "10", "2", "1.0"],
    "Mood": ["good", "2"],
    'Literal["a", "b"]': ["a", "b", "A"],
    "Literal[1, 2]": ["1", "2", "3"],
    "Annotated[int, Field(ge=1, le=100)]": ["1", "100", "0", "101"],
    'Annotated[str, Field(min_length=2, max_length=5, pattern="^[a-z]+$")]': ["ab", "abcde", "a", "abcdef", "AB", "ab\n"],
    "Annotated[int, AfterValidator(odd)]": ["1", "2"],
    "Annotated[float, Field(gt=0, allow_inf_nan=False)]": ["1", "0", "inf"],
    "Annotated[Decimal, Field(max_digits=4, decimal_places=2)]": ["1.25", "1.255", "12345"],
    "Annotated[int, Field(strict=True)]": ["1"],
    "Annotated[str, Field(strict=True)]": ["1"],
    "int | str": ["1", "x"],
    "int | float": ["1", "1.5"],
    "bool | int": ["1", "true", "2"],
    "bytes": ["abc", "é"],
    "Any": ["abc", "1"],
    "ipaddress.IPv4Address": ["127.0.0.1", "1"],
    "pathlib.Path": ["a", "b"],
    "Json[list[int]]": ["[1, 2]", "[]", "{", "null"],
}
HOSTILE = [
    "",
    " ",
    "1",
    "+1",
    " 1 ",
    "1_000",
    "1.0",
    "true",
    "TRUE",
    "yes",
    "null",
    "None",
    "0x1",
    "1e5",
    "٣",
    "²",
    "１",
    "-",
    "--1",
    "1" * 30,
    "9" * 19,
    "-9223372036854775809",
    "9" * 5000,
    "00",
    "-0",
    "-00",
    "1\n",
    "\t1",
    "1\x00",
    "é",
    "😀",
    "a,b",
    "[1]",
    "NaN",
    "Infinity",
    "1e400",
    "'",
    '"',
    "a;b",
    "2024-13-01",
    "x" * 300,
    "\u2028",
    "a=b",
    "a&b",
    "%",
    "+",
    "\xa01",
    "n",
    "t",
    "On",
    "nO",
]
RAW_VALUES = [
    "%ff",
    "%C3%28",
    "%zz",
    "%",
    "a%00",
    "%2B1",
    "+1",
    "1+",
    "%201",
    "%EF%BC%91",
    "é",
    "%D9%A3",
    "1;2",
    "%26",
    "1%0A",
    "a%2Fb",
    "%ED%A0%80",
]
DEFAULTS = {
    "int": "7",
    "float": "1.5",
    "bool": "True",
    "str": '"d"',
    "Decimal": 'Decimal("1.50")',
    "Colour": "Colour.red",
    "Size": "Size.large",
}
LISTS = [
    "list[int]",
    "list[str]",
    "set[int]",
    "tuple[int, ...]",
    "list[Colour]",
    "list[bool] | None",
    "frozenset[str]",
    "list",
    "tuple[int, str]",
]

# --- values as JSON, by type

BODIES: dict[str, list[Any]] = {
    "Item": [{"name": "a", "price": 1}, {"name": "a", "price": 1.5, "tags": ["x"], "colour": "red"}, {"name": "a", "price": "2"}],
    "Aliased": [{"itemId": 1}, {"itemId": 1, "n": "x", "other": 3}, {"item_id": 1, "note": "y", "one": 1, "other": 2}],
    "Closed": [{}, {"firstName": "ab", "count": 4}, {"first_name": "ab", "count": 3}, {"z": 1}],
    "Node": [{"value": 1}, {"value": 1, "children": [{"value": 2, "children": []}]}, {"value": "1", "extra": {"k": [1, None]}}],
    "Money": [{"amount": "1.10"}, {"amount": 1.1, "at": "2024-01-01T00:00:00Z", "raw": "é", "wait": 5}, {"amount": 1, "wait": "PT1S"}],
    "Cat | Dog": [{"kind": "cat"}, {"kind": "dog", "good": "no"}, {"kind": "cow"}, {}],
    'Annotated[Cat | Dog, Field(discriminator="kind")]': [{"kind": "cat"}, {"kind": "dog", "good": "no"}, {"kind": "cow"}, {}],
    "Loose": [{}, {"a": {"x": [1]}, "b": "1", "c": [1, 1]}, {"z": 1.5}, {"b": 1.0}, {"b": True}],
    "Strict": [{"n": 1}, {"n": "1"}, {"n": 1.0}, {"n": 1, "f": 1, "s": None}],
    "Page[Item]": [{"items": []}, {"items": [{"name": "a", "price": 1}], "total": "3"}],
    "Numbers": [[1, 2], [], ["3"], [1.5]],
    "Point": [{"x": 1}, {"x": "2", "y": 3, "names": ["a"]}, {"y": 1}],
    "Film": [{"title": "t"}, {"title": "t", "year": 1}, {"year": 1}],
    "list[Item]": [[], [{"name": "a", "price": 1}], [{"name": 1, "price": 0}], {}],
    "dict[str, int]": [{}, {"a": 1}, {"a": "x"}],
    "dict[int, float]": [{"1": 2}, {"x": 1}],
    "list[int]": [[1], [], ["1", "x"], [True], [1.0]],
    "int": [1, "1", 1.0, True, 10**30],
    "float": [1, 1.5, "1.5", "nan"],
    "str": ["a", 1, "\u0000", "é"],
    "bool": [True, 1, "yes", 2],
    "Any": [1, {"a": [None]}, "x", [], 1e30],
    "dict": [{"a": 1}, {}, []],
    "bytes": ["abc", 1],
    "set[str]": [["a", "a"], "a"],
    "Decimal": [1, "1.10", 1.1, "NaN"],
    "datetime.datetime": ["2024-01-01T00:00:00", 1700000000, 1.5, "x"],
    "tuple[int, str]": [[1, "a"], [1], [1, "a", 2]],
    "Colour": ["red", "green", 1],
}
LEAVES: list[Any] = [
    None,
    0,
    -1,
    1.5,
    True,
    "",
    "1",
    " 1 ",
    "x",
    [],
    {},
    10**20,
    -(2**63) - 1,
    1e308,
    "😀",
    "\u0000",
    [[]],
    {"": None},
    "true",
    "1_0",
    1e16,
    0.1,
]
TEXTS = [
    b"",
    b" ",
    b"null",
    b"{",
    b"[",
    b"[]",
    b"{}",
    b"1",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b'"x"',
    b'"\\ud800"',
    b"\xff\xfe",
    b"\xef\xbb\xbf{}",
    b"{}{}",
    b'{"name":"a","name":"b","price":1}',
    b'{"name":"a","price":NaN}',
    b'{"name":"a","price":1e999}',
    b'{"n":1e400}',
    b'{"n":-0}',
    b"[1,]",
    b'{"name":"\xff","price":1}',
    b'{"name":"\\ud800","price":1}',
    b'{"name":"\x01","price":1}',
    b"9" * 5000,
    b"[" * 300 + b"]" * 300,
    b"[" * 100000,
    b'{"a":' * 500 + b"1" + b"}" * 500,
    b"1" * 25,
    b'{"amount":123456789012345678901234567890.123}',
    b'{"amount":0.1000}',
    b"[1e5]",
    b"[-0.0]",
    b'{"value":1,"children":[' * 60 + b"]}" * 60,
    '{"a":"é"}'.encode("utf-16"),
    '{"a":"é"}'.encode("latin-1"),
    b"'a'",
    b"undefined",
    b"\x00",
    b"name=a&price=1",
    b'{"a":1e400,"c":[1]}',
    b'{"b":18446744073709551616}',
    b'{"a":18446744073709551616.0}',
    b'{"amount":1e-400}',
    b"true",
    b"01",
    b"1.0",
    b"-0",
    b"1e2",
    b'"\\u0000"',
]
CONTENT_TYPES = [
    b"application/json; charset=utf-8",
    b"text/plain",
    b"",
    b"application/vnd.api+json",
    b"APPLICATION/JSON",
    b"application/x-www-form-urlencoded",
    b"multipart/form-data",
    b"application/json;",
    b" application/json",
    b"application/jsonx",
    b"image/json",
    b"application/geo+json-seq",
    b"json",
    b"\xff",
]

# What an operation may return, as source.
RESULTS = [
    "None",
    "Odd.first",
    "[{'a': Odd.first}]",
    "{Odd.first: 1}",
    "Record(2)",
    "{'a': [Record(2)]}",
    "1",
    '"é\\u2028"',
    "[1, (2, 3), {4}]",
    '{"a": Decimal("1.10"), "b": Decimal("3")}',
    "Item(name='a', price=1)",
    "Aliased(itemId=1, n='x')",
    "{'itemId': 1, 'item_id': 2, 'secret': 3}",
    "Point(1)",
    "[Point(1, 2.0, ['a'])]",
    "Colour.red",
    "Size.large",
    "{Colour.red: Size.small}",
    "Mood.two",
    "{Mood.good: 1}",
    "float('nan')",
    "[float('inf')]",
    "{'a': float('nan')}",
    "b'abc'",
    "b'\\xff'",
    "{1: 2, None: 3, True: 4, 1.5: 5}",
    "{'_sa_x': 1, 'a': 2}",
    "{'a': '_sa'}",
    "datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)",
    "timedelta(seconds=1.5)",
    "UUID(int=1)",
    "object()",
    "Node(value=1, children=[Node(value=2)])",
    "{'value': 1, 'children': [{'value': 'x'}]}",
    "Money(amount='1.10', raw=b'x')",
    "Response('x', status_code=203)",
    "JSONResponse({'a': 1}, headers={'location': '/x'})",
    "Loose(a=1, z=2)",
    "{'x': 1, 'y': 2, 'z': 3}",
    "{'title': 't', 'year': 1, 'more': 2}",
    "Page[Item](items=[Item(name='a', price=1)])",
    "Numbers([1])",
    "{'items': [{'name': 'a', 'price': 1, 'secret': 2}], 'total': 1}",
    "(i for i in range(2))",
    "'\\ud800'",
    "{'a': '\\ud800'}",
    "10**30",
    "{(1, 2): 3}",
    "Closed()",
    "[Closed(), Item(name='a', price=2)]",
    "pathlib.PurePath('/a')",
    "True",
    "{'a': {'b': {'c': [None]}}}",
    "Cat(kind='cat')",
    "{'kind': 'dog', 'lives': 1}",
    "{'name': 'a', 'price': 0}",
    "1e16",
    "[0.1, 1e-7, 1e22, -0.0]",
]
MODELS = [
    "Item",
    "Aliased",
    "Node",
    "Money",
    "Loose",
    "Point",
    "Film",
    "Page[Item]",
    "Numbers",
    "list[Closed]",
    "dict[str, Any]",
    "Cat | Dog",
    "Any",
    "int",
    "str",
    "list[Point]",
    "float",
    "Optional[Item]",
    "Closed",
    "bytes",
    "Decimal",
    "dict",
    "list",
    "None",
    "Colour",
]

RESULT_OPTIONS = [
    "response_model_exclude_unset=True",
    "response_model_exclude_none=True",
    "response_model_exclude_defaults=True",
    "response_model_by_alias=False",
    "response_model_include={'name', 'x', 'item_id'}",
    "response_model_exclude={'price': True, 'note': True}",
]
RAISES = [
    "raise HTTPException(404, {'a': 1}, headers={'www-authenticate': 'x'})",
    "raise ValueError('x')",
    "raise HTTPException(204)",
    "raise KeyError(1)",
    "raise RuntimeError('r')",
]
ROUTE_OPTIONS = [
    "tags=['t']",
    "summary='s'",
    "deprecated=True",
    "responses={422: {'model': Item}}",
    "responses={'4XX': {'description': 'd', 'model': list[Node]}}",
    "response_class=PlainTextResponse",
    "include_in_schema=False",
    "name='n'",
    "openapi_extra={'x-a': 1}",
    "response_description='done'",
]
PARAMETER_OPTIONS = [
    "deprecated=True",
    "include_in_schema=False",
    "description='text'",
    "title='T'",
    "examples=[1]",
    "validate_default=True",
    "openapi_examples={'a': {'value': 1}}",
]
CONFIGS = [
    "extra='allow'",
    "extra='forbid'",
    "populate_by_name=True",
    "alias_generator=to_camel",
    "alias_generator=to_camel, populate_by_name=True, extra='forbid'",
    "validate_by_alias=False, validate_by_name=True",
    "str_strip_whitespace=True",
]
HANDLERS = """
@app.exception_handler(RuntimeError)
async def on_runtime(request, exc):
    return JSONResponse([str(exc), request.path_params, request.url.path, request.scope["endpoint"].__name__], 599)

@app.exception_handler(RequestValidationError)
def on_invalid(request, exc):
    return JSONResponse([str(exc.errors()), ascii(exc.body), dict(request.query_params)], 400)

@app.exception_handler(404)
async def on_missing(request, exc):
    return JSONResponse([exc.detail, request.method, (await request.body()).decode("latin-1")], 404)
"""
DEPENDENCIES = """
def plain(d_q: DECLARED):
    return told(d_q)

async def below(value=Depends(plain), h: str | None = Header(None)):
    try:
        yield [value, h]
    finally:
        pass

def closing(response: Response, value=Depends(below)):
    response.headers["location"] = "/there"
    response.set_cookie("c", "v", max_age=5)
    try:
        yield [value]
    except ValueError:
        raise HTTPException(418, "caught", headers={"www-authenticate": "Basic"})

class Pager:
    def __init__(self, page: int = 1, *, size: Annotated[int, Query(le=50)] = 10):
        self.page, self.size = page, size
    def __repr__(self):
        return f"Pager({self.page}, {self.size})"
"""
