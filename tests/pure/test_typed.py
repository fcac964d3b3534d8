"""JSON as typed values: msgspec where it knows the type, pydantic where only that does."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from ipaddress import IPv6Address
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pydantic
import pytest

from fasthttp._pure.typed import build


class Point(msgspec.Struct):
    x: int
    y: int = 0


@dataclasses.dataclass
class City:
    name: str
    at: Point | None = None


class Row(TypedDict):
    id: int


class User(pydantic.BaseModel):
    name: str
    age: int = 0


@pydantic.dataclasses.dataclass
class Pet:
    name: str


class Car(msgspec.Struct):
    owner: User
    ip: IPv6Address | None = None


@dataclasses.dataclass
class House:
    owner: User


@dataclasses.dataclass
class Flat:
    number: int


def of(text: str, type_: Any, encoding: str = "utf-8") -> Any:
    content = text.encode(encoding)
    return build(content, msgspec.json.decode(text), type_)


@pytest.mark.parametrize(("text", "type_", "expected"), [
    ('{"x": 1}', Point, Point(1)),
    ('[{"x": 1}, {"x": 2, "y": 3}]', list[Point], [Point(1), Point(2, 3)]),
    ('{"name": "Rome", "at": {"x": 1}}', City, City("Rome", Point(1))),
    ('[{"name": "Rome"}]', list[City], [City("Rome")]),
    ('{"id": 7}', Row, {"id": 7}),
    ('[{"id": 7}]', list[Row], [{"id": 7}]),
    ('{"a": [1, 2]}', dict[str, list[int]], {"a": [1, 2]}),
    ("null", Point | None, None),
    ("5", int, 5),
    ("5", Any, 5),
    ('{"name": "Ann"}', User, User(name="Ann")),
    ('[{"name": "Ann", "age": "3"}]', list[User], [User(name="Ann", age=3)]),
    ('{"a": {"name": "Ann"}}', dict[str, User], {"a": User(name="Ann")}),
    ('{"name": "Rex"}', Pet, Pet("Rex")),
    ("null", User | None, None),
    ("2.5", complex, 2.5 + 0j),
    ('["::1"]', list[IPv6Address], [IPv6Address("::1")]),
    ('{"owner": {"name": "Ann"}, "ip": "::1"}', Car, Car(User(name="Ann"), IPv6Address("::1"))),
    ('{"owner": {"name": "Ann"}}', House, House(User(name="Ann"))),
    ('{"owner": {"name": "Ann"}}', Flat | House, House(User(name="Ann"))),
    ('"b"', Literal["a", "b"], "b"),
    ('{"name": "Ann"}', User | int, User(name="Ann")),
    ("{}", object, {}),
])  # fmt: skip
def test_json_is_built_as_the_type_asked_for(text: str, type_: Any, expected: Any) -> None:
    """Structs, dataclasses, TypedDicts, models, and containers of them."""
    value = of(text, type_)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(("text", "type_"), [
    ('{"x": "1"}', Point), ("[]", City), ('[{"id": "a"}]', list[Row]), ('{"owner": {}}', Car), ('{"owner": {}}', House),
])  # fmt: skip
def test_a_mismatch_of_a_msgspec_type_is_its_error(text: str, type_: Any) -> None:
    """It says which field it is about."""
    with pytest.raises(msgspec.ValidationError):
        of(text, type_)


@pytest.mark.parametrize(("text", "type_"), [("{}", User), ('[{"name": 1}]', list[User]), ('"x"', IPv6Address)])
def test_a_mismatch_of_a_model_is_an_error_of_pydantic(text: str, type_: Any) -> None:
    """Users of models know its errors."""
    with pytest.raises(pydantic.ValidationError):
        of(text, type_)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_unicode_encodings_are_built_from_the_plain_value(encoding: str) -> None:
    """msgspec reads UTF-8 only; the result is the same."""
    assert of('{"x": 1}', Point, encoding) == Point(1)
    assert of('{"name": "Ann"}', User, encoding) == User(name="Ann")


def test_a_type_that_cannot_be_hashed_works_too() -> None:
    """It is only not remembered."""
    unhashable: Any = Annotated[int, []]
    with pytest.raises(TypeError):
        hash(unhashable)
    assert of("5", unhashable) == 5
    assert of('{"name": "Ann"}', Annotated[User, []]) == User(name="Ann")


def test_pydantic_is_not_loaded_for_types_of_msgspec() -> None:
    """It is imported when a type needs it, and not before."""
    program = (
        "import sys, msgspec, dataclasses\n"
        "from fasthttp._pure.typed import build\n"
        "@dataclasses.dataclass\n"
        "class D:\n    a: int\n"
        "class S(msgspec.Struct):\n    a: int\n"
        "for t in (D, S, list[S], dict[str, D]):\n"
        "    text = {D: b'{\"a\":1}', S: b'{\"a\":1}', list[S]: b'[]'}.get(t, b'{}')\n"
        "    build(text, msgspec.json.decode(text), t)\n"
        "assert 'pydantic' not in sys.modules\n"
        "build(b'1', 1, complex)\n"
        "assert 'pydantic' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=30)
