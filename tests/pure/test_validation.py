"""Data against models: what passes, what it becomes, and what is said of the rest, for every kind of model alike."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import functools
import subprocess
import sys
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypedDict, TypeVar, Union

import msgspec
import pydantic
import pytest

from fasthttp._pure.validation import (
    check_model,
    convert_result,
    is_validation_error,
    response_error,
    result_model,
    validate_request,
    validated_json,
    validated_model,
)
from fasthttp.errors import FastHTTPValidationError
from httpwire import jsonio


class PydanticUser(pydantic.BaseModel):
    name: str
    age: int = 0
    password: str = ""


class StructUser(msgspec.Struct):
    name: str
    age: int = 0
    password: str = ""


@dataclasses.dataclass
class DataUser:
    name: str
    age: int = 0
    password: str = ""


class _Named(TypedDict):
    name: str


class DictUser(_Named, total=False):
    age: int
    password: str


USERS = [PydanticUser, StructUser, DataUser, DictUser]
every_kind = pytest.mark.parametrize("User", USERS)


def read(model: Any, data: Any, how: Callable[..., Any] = validated_json) -> Any:
    content = jsonio.encode(data)
    return how(model, content, jsonio.decode(content))


def refused(call: Callable[[], Any]) -> FastHTTPValidationError:
    with pytest.raises(FastHTTPValidationError) as caught:
        call()
    assert is_validation_error(caught.value.__cause__ or caught.value)
    return caught.value


def everything(error: BaseException | None) -> str:
    """All texts of an error and its causes."""
    text = ""
    while error is not None:
        text += f"{error} {error!r} {getattr(error, 'details', '')} {getattr(error, 'errors', list)()}"
        error = error.__cause__
    return text


# --- what is a model


@every_kind
def test_models_and_containers_of_them(User: Any) -> None:
    """Each kind of model is one, and so is a container of it at any depth."""
    for type_ in (User, list[User], dict[str, User], tuple[User, ...], User | None, list[User | None], Annotated[list[User], "x"]):
        check_model(type_)


class Other(msgspec.Struct):
    other: int


class Later(msgspec.Struct):
    next: Undefined  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("type_", "says"),
    [
        (5, "an object of int cannot be a model; use a pydantic model"),
        ("User", "an object of str cannot be"),
        (PydanticUser(name="x"), "an object of PydanticUser cannot be"),
        (int, "int cannot be"),
        (dict, "dict cannot be"),
        (object, "object cannot be"),
        (list[int], r"list\[int\] cannot be"),
        (None, "an object of NoneType cannot be"),
        (StructUser | Other, "cannot be a model: "),
    ],
)
def test_no_models(type_: Any, says: str) -> None:
    """What is no model, or a combination that its library cannot tell apart, is refused with what to use instead."""
    with pytest.raises(TypeError, match=says):
        check_model(type_)


def test_a_name_still_to_come() -> None:
    """A model with a forward reference is accepted: the name may be defined before it is needed."""
    check_model(Later)


def test_pydantic_is_loaded_for_its_own_types_only() -> None:
    """A program whose models are msgspec's never loads pydantic, not even to tell whose error it caught."""
    code = """
import sys, msgspec, dataclasses
from fasthttp._pure import validation as v
class User(msgspec.Struct):
    name: str
@dataclasses.dataclass
class Town:
    name: str
for model in (User, Town, list[User], dict[str, Town]):
    v.check_model(model)
try:
    v.validate_request(User, {})
except Exception as exc:
    print(exc)
assert v.validated_json(User, b'{"name": "x"}', {"name": "x"}) == {"name": "x"}
assert v.convert_result(User, {"name": "x"}) == User("x")
assert not v.is_validation_error(ValueError())
assert "pydantic" not in sys.modules and "pydantic_core" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert (done.returncode, done.stdout) == (0, "Request validation failed: name: Field required\n"), done.stderr


# --- requests


@every_kind
def test_requests(User: Any) -> None:
    """What fits passes; what does not names the field and the reason, with details of one form for all libraries."""
    validate_request(User, {"name": "Ann", "age": 3})
    validate_request(list[User], [{"name": "Ann"}])
    error = refused(lambda: validate_request(User, {"age": 3}))
    assert str(error) == "Request validation failed: name: Field required"
    assert error.details == [{"loc": ("name",), "msg": "Field required", "type": "missing"}]
    wrong = refused(lambda: validate_request(list[User], [{"name": "Ann"}, {"name": "Bob", "age": "x"}]))
    assert str(wrong).startswith("Request validation failed: [1].age: ")
    assert wrong.details[0]["loc"] == (1, "age")
    assert wrong.details[0].keys() == {"loc", "msg", "type"}


@every_kind
def test_empty_and_missing_bodies(User: Any) -> None:
    """An empty body lacks its fields, no body at all is null, which only an optional model accepts."""
    assert "name: Field required" in str(refused(lambda: validate_request(User, {})))
    assert str(refused(lambda: validate_request(User, None))).startswith("Request validation failed: (root): ")
    validate_request(User | None, None)


@every_kind
def test_typed_bodies(User: Any) -> None:
    """An object of a model as the body is checked as the JSON that it becomes."""
    validate_request(User, User(name="Ann", age=1))
    validate_request(list[User], (User(name="Ann"),))
    with pytest.raises(TypeError, match=r"\$\.name"):
        validate_request(User, {"name": object()})


@every_kind
def test_forms(User: Any) -> None:
    """In a form text may stand for a number, and None for a field that is not sent; the JSON of msgspec's models is strict."""
    validate_request(User, {"name": "Ann", "age": "3", "password": None}, form=True)
    assert "age" in str(refused(lambda: validate_request(User, {"name": "Ann", "age": "x"}, form=True)))
    assert "name" in str(refused(lambda: validate_request(User, {"name": None}, form=True)))
    assert "(root)" in str(refused(lambda: validate_request(User, None, form=True)))


def test_many_complaints() -> None:
    """The message stops after ten, the details do not."""
    error = refused(lambda: validate_request(list[PydanticUser], [{}] * 25))
    assert str(error).count("Field required") == 10
    assert str(error).endswith("; and 15 more")
    assert len(error.details) == 25


class Strict(pydantic.BaseModel, strict=True):
    at: datetime.date
    ids: set[int]


def test_strict_models_see_json() -> None:
    """A strict model of pydantic takes from JSON what JSON has no other form for."""
    data = {"at": "2024-05-06", "ids": [1, 2]}
    validate_request(Strict, data)
    assert read(Strict, data) == {"at": datetime.date(2024, 5, 6), "ids": [1, 2]}


# --- responses


class Colour(enum.Enum):
    RED = "red"


class PydanticThing(pydantic.BaseModel):
    id: uuid.UUID
    at: datetime.datetime
    colour: Colour = Colour.RED
    sizes: set[int] = set()
    owner: PydanticUser | None = None


class StructThing(msgspec.Struct):
    id: uuid.UUID
    at: datetime.datetime
    colour: Colour = Colour.RED
    sizes: set[int] = set()
    owner: StructUser | None = None


@dataclasses.dataclass
class DataThing:
    id: uuid.UUID
    at: datetime.datetime
    colour: Colour = Colour.RED
    sizes: set[int] = dataclasses.field(default_factory=set)
    owner: DataUser | None = None


class DictThing(TypedDict):
    id: uuid.UUID
    at: datetime.datetime
    colour: Colour
    sizes: set[int]
    owner: DictUser


@pytest.mark.parametrize("Thing", [PydanticThing, StructThing, DataThing, DictThing])
def test_json_of_a_response(Thing: Any) -> None:
    """The plain data has dicts and lists as containers, and in them what the model made of each value."""
    id_ = uuid.UUID(int=7)
    sent = {"id": str(id_), "at": "2024-05-06T07:08:09Z", "colour": "red", "sizes": [3], "owner": {"name": "Ann", "age": 1}, "new": 1}
    got = read(list[Thing], [sent])
    assert type(got) is list
    assert got[0].pop("owner").items() >= {"name": "Ann", "age": 1}.items()
    at = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
    assert got == [{"id": id_, "at": at, "colour": Colour.RED, "sizes": [3]}]
    assert read(dict[str, Thing], {"a": sent})["a"]["id"] == id_
    assert convert_result(list[Thing], read(list[Thing], [sent])) == read(list[Thing], [sent], validated_model)


@every_kind
def test_model_of_a_response(User: Any) -> None:
    """The typed object is of the model; with dict and null too where the type says so."""
    made = read(User, {"name": "Ann"}, validated_model)
    assert isinstance(made, dict if User is DictUser else User)
    assert read(User | None, None) is None
    assert read(Union[list[User], User], {"name": "Ann"})["name"] == "Ann"


@every_kind
def test_refused_responses(User: Any) -> None:
    """A mismatch is the library's own error, which makes ours with the cause attached."""
    kind = pydantic.ValidationError if User is PydanticUser else msgspec.ValidationError
    for how in (validated_json, validated_model):
        with pytest.raises(kind) as caught:
            read(User, {"age": 1}, how)
        assert is_validation_error(caught.value)
        error = response_error(caught.value, {"age": 1})
        assert str(error) == "Response validation failed: name: Field required"
        assert error.__cause__ is caught.value
        assert error.details == [{"loc": ("name",), "msg": "Field required", "type": "missing"}]
    assert not is_validation_error(ValueError("x"))


def test_text_in_other_encodings() -> None:
    """JSON in UTF-16 is validated like any other."""
    content = '{"name": "Ann"}'.encode("utf-16")
    for User in USERS:
        assert validated_json(User, content, {"name": "Ann"})["name"] == "Ann"


class Aliased(pydantic.BaseModel, populate_by_name=True, extra="allow"):
    user_name: int = pydantic.Field(alias="userName")
    mail: str = pydantic.Field("", validation_alias=pydantic.AliasChoices("eMail", "e-mail", pydantic.AliasPath("mails", 0)))
    city: str = pydantic.Field("", validation_alias=pydantic.AliasPath("address", "city"))
    size: int = pydantic.Field(0, serialization_alias="SIZE")


class Renamed(msgspec.Struct, rename="camel"):
    user_name: int
    zip_code: str = "0"


@pydantic.dataclasses.dataclass
class AliasedPet:
    pet_name: str = pydantic.Field(alias="petName")


def test_server_names() -> None:
    """The keys are what the server called the fields: aliases, renamed fields, and of several names the one that came."""
    assert read(Aliased, {"userName": "5", "e-mail": "a@b", "more": {"x": 1}}) == {
        "userName": 5,
        "e-mail": "a@b",
        "city": "",
        "size": 0,
        "more": {"x": 1},
    }
    assert read(Aliased, {"user_name": 5, "address": {"city": "Rome"}}) == {
        "user_name": 5,
        "eMail": "",
        "city": "Rome",
        "size": 0,
    }
    assert read(list[Renamed], [{"userName": 5, "zipCode": "1"}]) == [{"userName": 5, "zipCode": "1"}]
    assert read(AliasedPet, {"petName": "Rex"}) == {"petName": "Rex"}


class Tagged(msgspec.Struct, tag="t"):
    x: int
    y: int | msgspec.UnsetType = msgspec.UNSET


class Row(msgspec.Struct, array_like=True, tag="row"):
    x: int


class Pair(msgspec.Struct, array_like=True):
    a: Tagged
    b: int


class Numbers(pydantic.RootModel[dict[int, PydanticUser]]):
    pass


class Frozen(msgspec.Struct, frozen=True):
    x: int


class Lead(pydantic.BaseModel):
    first: tuple[PydanticUser, int]
    moved: list[PydanticUser]

    @pydantic.model_validator(mode="before")
    @classmethod
    def unwrap(cls, data: Any) -> Any:
        return data[0]


def test_odd_shapes() -> None:
    """Tags, unset fields, arrays for objects, root models, sets of models, and data that a validator moved."""
    assert read(Tagged, {"type": "t", "x": 1}) == {"type": "t", "x": 1}
    assert read(Row, ["row", 1]) == ["row", 1]
    assert read(Pair, [{"type": "t", "x": 1}, 2]) == [{"type": "t", "x": 1}, 2]
    assert read(Numbers, {"7": {"name": "Ann"}}) == {7: {"name": "Ann", "age": 0, "password": ""}}
    assert read(set[Frozen], [{"x": 1}]) == [{"x": 1}]
    user = {"name": "Ann", "age": 0, "password": ""}
    assert read(Lead, [{"first": [user, 1], "moved": [user]}]) == {"first": [user, 1], "moved": [user]}


class Owned(msgspec.Struct):
    owner: PydanticUser


def test_pydantic_inside_of_msgspec() -> None:
    """A model of pydantic in a struct is validated, named and turned into plain data like the rest."""
    assert read(Owned, {"owner": {"name": "Ann"}}) == {"owner": {"name": "Ann", "age": 0, "password": ""}}
    with pytest.raises(msgspec.ValidationError) as caught:
        read(Owned, {"owner": {"age": "x"}})
    error = response_error(caught.value)
    assert [fault["loc"] for fault in error.details] == [("owner", "name"), ("owner", "age")]


class Wide(msgspec.Struct, forbid_unknown_fields=True):
    rows: dict[str, list[dict[str, Frozen]]] = {}
    keys: dict[int, int] = {}
    colour: Colour = Colour.RED


@pytest.mark.parametrize(
    ("data", "loc", "where", "kind"),
    [
        ({"rows": {"a": [{}, {"b": {"x": "1"}}]}}, ("rows", "[...]", 1, "[...]", "x"), "rows[...][1][...].x", "type_error"),
        ({"keys": {"a": 1}}, ("keys", "[key]"), "keys.[key]", "type_error"),
        ({"colour": "blue"}, ("colour",), "colour", "value_error"),
        ({"no": 1}, ("no",), "no", "extra_forbidden"),
        ([], (), "(root)", "type_error"),
    ],
)
def test_places_that_msgspec_names(data: Any, loc: Any, where: str, kind: str) -> None:
    """The paths of msgspec become the same tuples that pydantic gives."""
    error = refused(lambda: validate_request(Wide, data))
    assert error.details[0]["loc"] == loc
    assert error.details[0]["type"] == kind
    assert str(error).startswith(f"Request validation failed: {where}: ")


# --- results of handlers


@every_kind
def test_results(User: Any) -> None:
    """Plain data becomes the annotated type, what is typed already stays, and a mismatch is told."""
    made = convert_result(User, {"name": "Ann"})
    assert isinstance(made, dict if User is DictUser else User)
    assert convert_result(User | None, None) is None
    assert convert_result(list[User], ({"name": "Ann"},)) == [made]
    assert convert_result(dict[str, User], {"a": {"name": "Ann"}}) == {"a": made}
    assert convert_result(tuple[User, ...], [{"name": "Ann"}]) == (made,)
    assert convert_result(tuple[User, int], [{"name": "Ann"}, 1]) == (made, 1)
    assert convert_result(list[User], [made, {"name": "Ann"}]) == [made, made]
    error = refused(lambda: convert_result(User, {"name": 5}))
    assert str(error).startswith("Handler result validation failed: name: ")
    refused(lambda: convert_result(User, None))
    other = object()
    assert convert_result(User, other) is other
    if User is not DictUser:
        assert convert_result(User, made) is made


@pytest.mark.parametrize("annotation", [int, list[int], dict[str, Any], Any, None, str, PydanticUser | datetime.date])
def test_other_annotations(annotation: Any) -> None:
    """Annotations that are not of models alone, or with plain data beside them, change nothing."""
    value = {"name": 5}
    assert convert_result(annotation, value) is value


def handler_of_text(resp: Any) -> list[StructUser]: ...  # type: ignore[empty-body]
def handler_of_text_in_text(resp: Missing) -> list["PydanticUser"]: ...  # type: ignore  # noqa: F821, UP037
def handler_unknown(resp: Any) -> NoSuchName: ...  # type: ignore  # noqa: F821
def handler_bare(resp): ...  # type: ignore[no-untyped-def]
def handler_plain(resp: Any) -> int: ...  # type: ignore[empty-body]
def handler_mixed(resp: Any) -> StructUser | datetime.date: ...  # type: ignore[empty-body]


class Callable_:
    def __call__(self, resp: Any) -> DataUser: ...  # type: ignore[empty-body]
    def method(self, resp: Any) -> DictUser: ...  # type: ignore[empty-body]


@functools.wraps(handler_of_text)
def wrapped(*arguments: Any) -> Any: ...


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (handler_of_text, list[StructUser]),
        (handler_of_text_in_text, list[PydanticUser]),
        (handler_unknown, None),
        (handler_bare, None),
        (handler_plain, None),
        (handler_mixed, None),
        (Callable_(), DataUser),
        (Callable_().method, DictUser),
        (functools.partial(handler_of_text, 1), list[StructUser]),
        (wrapped, list[StructUser]),
        (len, None),
        (5, None),
    ],
)
def test_annotations_of_handlers(handler: Any, expected: Any) -> None:
    """The annotation is found through text, forward references, wrappers and callable objects; failing to is none."""
    assert result_model(handler) == expected


def test_annotations_of_local_models() -> None:
    """A model made inside of a function is found where the handler uses it, or where the route names it."""

    class Local(msgspec.Struct):
        x: int

    def using(resp: Any) -> Local:
        return Local(resp)

    def declaring(resp: Any) -> Local | None: ...

    assert result_model(using) is Local
    assert result_model(declaring) is None
    assert result_model(declaring, list[Local], None, int) == Local | None


# --- secrets

SECRET = "hunter2-very-secret"


class PydanticLogin(pydantic.BaseModel):
    age: int
    password: str

    @pydantic.field_validator("password")
    @classmethod
    def refuse(cls, value: str) -> str:
        raise ValueError(f"{value} is {{too}} weak")


class StructLogin(msgspec.Struct):
    age: int
    password: str

    def __post_init__(self) -> None:
        raise ValueError(f"{self.password} is {{too}} weak")


@dataclasses.dataclass
class DataLogin:
    age: int
    password: str

    def __post_init__(self) -> None:
        raise ValueError(f"{self.password} is {{too}} weak")


class HeldLogin(msgspec.Struct):
    login: PydanticLogin


class DictLogin(TypedDict):
    age: int
    password: PydanticLogin


BAD = [
    (PydanticLogin, {"age": "x", "password": SECRET}),
    (PydanticLogin, {"password": SECRET}),
    (PydanticLogin, {"age": 1, "password": SECRET}),
    (StructLogin, {"age": 1, "password": SECRET}),
    (DataLogin, {"age": 1, "password": SECRET}),
    (HeldLogin, {"login": {"age": 1, "password": SECRET}}),
    (HeldLogin, {"login": {"password": SECRET}}),
    (DictLogin, {"age": 1, "password": {"age": "x", "password": [SECRET, True, None, ""]}}),
    (list[StructLogin], [{"age": 1, "password": SECRET}]),
    (dict[str, PydanticLogin], {"a": {"age": 1, "password": SECRET}}),
]


@pytest.mark.parametrize(("model", "data"), BAD)
def test_secrets_of_known_names(model: Any, data: Any) -> None:
    """The value of a secret field is in no message, no detail and no cause, whoever raises."""
    with pytest.raises((msgspec.ValidationError, pydantic.ValidationError)) as caught:
        read(model, data)
    errors = [refused(lambda: validate_request(model, data)), response_error(caught.value, data), caught.value]
    if model is not DictLogin:
        errors.append(refused(lambda: convert_result(model, data)))
    for error in errors:
        assert SECRET not in everything(error)
        assert SECRET[:6] not in everything(error)
    assert "weak" not in str(errors[0]) or "***** is {too} weak" in str(errors[0])
    assert errors[1].details == errors[0].details  # type: ignore[attr-defined]


def test_secrets_of_more_names() -> None:
    """Names that were declared secret are treated the same; a value of any type is hidden, inputs are kept otherwise."""

    class Card(pydantic.BaseModel):
        pin: int

        @pydantic.field_validator("pin")
        @classmethod
        def refuse(cls, value: int) -> int:
            raise ValueError(f"{value} is bad")

    error = refused(lambda: validate_request(Card, {"pin": 4711}, sensitive={"pin"}))
    assert str(error) == "Request validation failed: pin: Value error, ***** is bad"
    with pytest.raises(pydantic.ValidationError) as caught:
        read(Card, {"pin": 4711})
    assert caught.value.errors()[0]["input"] == 4711
    assert "4711" not in everything(response_error(caught.value, sensitive={"pin"}))


def test_secrets_elsewhere() -> None:
    """A msgspec error that shows nothing secret stays the one that was raised."""
    with pytest.raises(msgspec.ValidationError) as caught:
        read(StructUser, {"name": 5, "password": SECRET})
    assert str(caught.value) == "Expected `str`, got `int` - at `$.name`"


def test_faults_of_validators() -> None:
    """What a validator raises that is no complaint goes through as it is."""

    class Broken(pydantic.BaseModel):
        x: int

        @pydantic.field_validator("x")
        @classmethod
        def fail(cls, value: int) -> int:
            raise KeyError("mine")

    for call in (lambda: validate_request(Broken, {"x": 1}), lambda: read(Broken, {"x": 1}), lambda: convert_result(Broken, {"x": 1})):
        with pytest.raises(KeyError, match="mine"):
            call()


T = TypeVar("T")


class Page(msgspec.Struct, Generic[T]):
    items: list[T]


class Sheet(pydantic.BaseModel, Generic[T]):
    items: list[T]


def test_generic_models() -> None:
    """A model with parameters is one."""
    data = {"items": [{"name": "Ann", "age": 1, "password": ""}]}
    for type_ in (Page[StructUser], Sheet[PydanticUser]):
        check_model(type_)
        assert read(type_, data) == data
