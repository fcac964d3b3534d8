"""Bodies of requests: their types, JSON and other content types, limits, clients that go away."""

from __future__ import annotations

import dataclasses
import json
import logging
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
import pydantic
import pytest
from starlette.requests import ClientDisconnect
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from FasterAPI import Body, Depends, Faster, Request, TestClient
from tests.contract.raw_asgi import body_of, exchange, status_of

T = TypeVar("T")
JSON = [(b"content-type", b"application/json")]


class Model(pydantic.BaseModel):
    name: str
    count: int = 1


class Struct(msgspec.Struct):
    name: str
    count: int = 1


@dataclasses.dataclass
class Data:
    name: str
    count: int = 1


class Typed(TypedDict):
    name: str
    count: int


class Box(pydantic.BaseModel, Generic[T]):
    item: T


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


class Line(msgspec.Struct, forbid_unknown_fields=True):
    sku: str
    qty: Annotated[int, msgspec.Meta(ge=1)]


class Order(msgspec.Struct, rename="camel"):
    lines: list[Line]
    ship_to: Literal["home", "work"] = "home"


class Numbers(pydantic.RootModel[list[int]]):
    pass


def post(annotation: Any, **request: Any) -> Any:
    """What an operation with one body of this type returns, or the types and places of the faults."""

    async def operation(v: Any) -> Any:
        return [type(v).__name__, v]

    operation.__annotations__["v"] = annotation
    app = Faster()
    app.post("/x", response_model=None)(operation)
    with TestClient(app) as client:
        response = client.post("/x", **request)
    if response.status_code == 422:
        return [(fault["type"], *fault["loc"]) for fault in response.json()["detail"]]
    return response.json() if response.status_code == 200 else response.status_code


THING = {"name": "n", "count": 2}


@pytest.mark.parametrize(("annotation", "sent", "received"), [
    (Model, THING, ["Model", THING]), (Struct, THING, ["Struct", THING]), (Data, THING, ["Data", THING]), (Typed, THING, ["dict", THING]),
    (list[Model], [THING], ["list", [THING]]), (list[Struct], [THING], ["list", [THING]]),
    (dict[str, Data], {"a": THING}, ["dict", {"a": THING}]),
    (dict[int, float], {"1": 2}, ["dict", {"1": 2.0}]), (set[str], ["a", "a"], ["set", ["a"]]), (Numbers, [1, 2], ["Numbers", [1, 2]]),
    (Box[int], {"item": 1}, ["Box[int]", {"item": 1}]), (Cat | Dog, {"kind": "dog", "tricks": []}, ["Dog", {"kind": "dog", "tricks": []}]),
    (Annotated[Cat | Dog, Body(discriminator="kind")], {"kind": "cat", "lives": 9}, ["Cat", {"kind": "cat", "lives": 9}]),
    (Annotated[int, Body()], 5, ["int", 5]), (Annotated[Any, Body()], [1, {"a": None}], ["list", [1, {"a": None}]]),
    (dict, {"a": 1}, ["dict", {"a": 1}]),
    (Model | None, None, ["NoneType", None]), (list[int], [], ["list", []]),
])  # fmt: skip
def test_a_body_becomes_a_value_of_its_type(annotation: Any, sent: Any, received: Any) -> None:
    """Models, structs, dataclasses, typed dictionaries and containers of them."""
    assert post(annotation, content=json.dumps(sent), headers={"content-type": "application/json"}) == received


@pytest.mark.parametrize(("annotation", "sent", "fault"), [
    (Model, {"name": "n", "count": "x"}, ("int_parsing", "body", "count")),
    (Struct, {"name": "n", "count": "1"}, ("int_type", "body", "count")),
    (Data, {"count": 1}, ("missing", "body", "name")), (list[Model], [THING, {}], ("missing", "body", 1, "name")),
    (dict[str, int], {"a": "x"}, ("int_parsing", "body", "a")), (Box[int], {"item": "x"}, ("int_parsing", "body", "item")),
    (Annotated[Cat | Dog, Body(discriminator="kind")], {"kind": "cow"}, ("union_tag_invalid", "body")),
    (Annotated[int, Body(ge=3)], 2, ("greater_than_equal", "body")), (Model | None, {}, ("missing", "body", "name")),
])  # fmt: skip
def test_what_does_not_fit_is_told_by_its_place(annotation: Any, sent: Any, fault: Any) -> None:
    """Down to the item or field; a default is no help against a body that is there."""
    assert post(annotation, json=sent) == [fault]


def test_models_are_lenient_and_structs_are_strict() -> None:
    """A model takes digits in a text for a number, a struct does not."""
    assert post(Model, json={"name": "n", "count": "2"}) == ["Model", THING]
    assert post(Struct, json={"name": "n", "count": "2"}) == [("int_type", "body", "count")]


def test_all_faults_of_a_struct_are_told() -> None:
    """With place, input and what was wrong, also deep inside, as for models."""

    sent = {"lines": [{"sku": "a", "qty": 1}, {"sku": 5, "qty": 0}, {"qty": 1, "more": 1}], "shipTo": "moon"}
    found = post(Order, json=sent)
    assert sorted(found, key=str) == sorted([
        ("string_type", "body", "lines", 1, "sku"), ("greater_than_equal", "body", "lines", 1, "qty"),
        ("missing", "body", "lines", 2, "sku"),
        ("extra_forbidden", "body", "lines", 2, "more"), ("literal_error", "body", "shipTo"),
    ], key=str)  # fmt: skip


def test_several_bodies_are_members_of_one_object() -> None:
    """By name, together with those of dependencies; `embed` does so for one."""

    def dependency(extra: Annotated[int, Body()]) -> int:
        return extra

    app = Faster()

    @app.post("/many")
    async def many(model: Model, data: Data, number: Annotated[int, Body()] = 7, d: Annotated[int, Depends(dependency)] = 0) -> Any:
        return [model.name, data.name, number, d]

    @app.post("/embedded")
    async def embedded(model: Annotated[Model, Body(embed=True)]) -> str:
        return model.name

    with TestClient(app) as client:
        assert client.post("/many", json={"model": {"name": "m"}, "data": {"name": "s"}, "extra": 3}).json() == ["m", "s", 7, 3]
        faults = client.post("/many", json={"model": {}, "data": {"name": 1}}).json()["detail"]
        assert sorted((fault["loc"] for fault in faults), key=str) == sorted(
            [["body", "extra"], ["body", "model", "name"], ["body", "data", "name"]], key=str
        )
        assert client.post("/embedded", json={"model": {"name": "m"}}).json() == "m"
        assert client.post("/embedded", json={"name": "m"}).json()["detail"][0]["loc"] == ["body", "model"]


def test_an_absent_body_is_the_default() -> None:
    """Or missing, where there is none."""
    app = Faster()

    @app.post("/optional")
    async def optional(model: Model | None = None) -> str:
        return "none" if model is None else model.name

    @app.post("/required")
    async def required(model: Model) -> str:
        return model.name

    with TestClient(app) as client:
        assert client.post("/optional").json() == "none"
        assert client.post("/optional", json=None).json() == "none"
        assert client.post("/optional", content=b"null", headers={"content-type": "application/json"}).json() == "none"
        assert client.post("/optional", json={}).status_code == 422
        [fault] = client.post("/required").json()["detail"]
        assert (fault["type"], fault["loc"], fault["input"]) == ("missing", ["body"], None)


@pytest.mark.parametrize(("content_type", "taken"), [
    ("application/json", True), ("Application/JSON; charset=utf-8", True), ("application/vnd.api+json", True),
    ("application/geo+json;x=1", True),
    ("text/plain", False), ("application/octet-stream", False), ("text/json", False), ("application/x-json", False), (None, False),
])  # fmt: skip
def test_only_json_is_taken_for_json(content_type: str | None, taken: bool) -> None:
    """By its content type; without one it is taken where the application says so."""
    for strict in (True, False):
        app = Faster(strict_content_type=strict)

        @app.post("/x")
        async def operation(model: Model) -> str:
            return model.name

        headers = [] if content_type is None else [(b"content-type", content_type.encode())]
        sent = exchange(app, "POST", "/x", headers=headers, messages=[{"type": "http.request", "body": b'{"name": "n"}'}])
        assert status_of(sent) == (200 if taken or (content_type is None and not strict) else 422)


@pytest.mark.parametrize("text", ["{", "[1,]", '{"a": tru}', "{} x", "'a'"])
def test_malformed_json_is_told_with_its_position(text: str) -> None:
    """And the reason that the standard library gives."""
    app = Faster()

    @app.post("/x")
    async def operation(value: Annotated[Any, Body()]) -> Any: ...

    with TestClient(app) as client:
        [fault] = client.post("/x", content=text, headers={"content-type": "application/json"}).json()["detail"]
    with pytest.raises(json.JSONDecodeError) as caught:
        json.loads(text)
    error = {"type": "json_invalid", "loc": ["body", caught.value.pos], "msg": "JSON decode error", "input": {}}
    assert fault == {**error, "ctx": {"error": caught.value.msg}}


def test_what_only_the_standard_library_reads_is_read() -> None:
    """NaN, and other encodings of Unicode."""

    async def operation(value: Annotated[Any, Body()]) -> str:
        return repr(value)

    app = Faster()
    app.post("/x")(operation)
    with TestClient(app) as client:
        for text, value in ((b"[NaN]", "[nan]"), ('["é"]'.encode("utf-16"), "['é']"), (b'"\\ud800"', "'\\ud800'")):
            assert client.post("/x", content=text, headers={"content-type": "application/json"}).json() == value


def test_sizes_of_bodies_are_checked_at_registration() -> None:
    """A limit is a number of bytes, not negative, and not a truth value."""
    wrongs: list[Any] = [-1, True, 1.5, "1"]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="max_body_size"):
            Faster(max_body_size=wrong)
        with pytest.raises(ValueError, match="max_body_size"):
            Faster().post("/x", max_body_size=wrong)(lambda: None)


def test_a_body_that_is_announced_too_large_is_not_read() -> None:
    """One that grows too large on the way is refused there; zero means that there must be none."""
    app = Faster(max_body_size=4)

    @app.post("/x")
    async def operation(request: Request) -> int:
        return len(await request.body())

    def refused(headers: Any, *bodies: bytes) -> int:
        more = [{"type": "http.request", "body": body, "more_body": True} for body in bodies]
        return status_of(exchange(app, "POST", "/x", headers=headers, messages=more))

    assert refused([(b"content-length", b"5")]) == 413  # with no message to read, so it has read none
    assert refused([], b"123", b"45") == 413
    none = Faster(max_body_size=0)
    none.post("/x")(lambda: "ok")
    with TestClient(none) as client:
        assert client.post("/x").json() == "ok"
        assert client.post("/x", content=b"1").status_code == 413


@pytest.mark.parametrize("annotation", [Model, Struct, None])
def test_a_client_that_goes_away_never_gives_half_a_body(annotation: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The operation does not run with it, nothing is sent, and it is worth one line for debugging."""
    ran: list[Any] = []
    app = Faster()

    async def operation(v: Any) -> None:
        ran.append(v)

    async def reading(request: Request) -> None:
        with pytest.raises(ClientDisconnect):
            await request.body()
        raise ClientDisconnect

    operation.__annotations__["v"] = annotation
    app.post("/x")(reading if annotation is None else operation)
    pieces: list[dict[str, Any]] = [{"type": "http.request", "body": b'{"name": "n"}', "more_body": True}, {"type": "http.disconnect"}]
    with caplog.at_level(logging.DEBUG, "FasterAPI"):
        assert exchange(app, "POST", "/x", headers=JSON, messages=pieces) == []
    assert ran == []
    assert [record.levelname for record in caplog.records if record.name.startswith("FasterAPI")] == ["DEBUG"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD"])
def test_bodies_of_unusual_methods_are_read(method: str) -> None:
    """Where they are declared."""
    app = Faster()
    seen = []

    @app.api_route("/x", methods=[method])
    async def operation(model: Model) -> None:
        seen.append(model.name)

    sent = exchange(app, method, "/x", headers=JSON, messages=[{"type": "http.request", "body": b'{"name": "n"}'}])
    assert (status_of(sent), seen) == (200, ["n"])


def test_a_request_gives_its_body_in_pieces_or_whole() -> None:
    """Read whole it can be streamed again; streamed, it is gone; what middleware has read is still there."""
    app = Faster()

    @app.post("/whole")
    async def whole(request: Request) -> Any:
        first = await request.body()
        return [first.decode(), [part.decode() async for part in request.stream() if part], await request.json()]

    @app.post("/stream")
    async def stream(request: Request) -> Any:
        parts = [part.decode() async for part in request.stream() if part]
        with pytest.raises(RuntimeError, match="Stream consumed"):
            await request.body()
        return parts

    @app.middleware("http")
    async def peek(request: Request, call_next: Any) -> Any:
        if request.headers.get("x-peek"):
            await request.body()
        return await call_next(request)

    pieces: list[dict[str, Any]] = [{"type": "http.request", "body": b"[1,", "more_body": True}, {"type": "http.request", "body": b"2]"}]
    assert body_of(exchange(app, "POST", "/stream", messages=pieces)) == b'["[1,","2]"]'
    for headers in ([], [(b"x-peek", b"1")]):
        assert body_of(exchange(app, "POST", "/whole", messages=pieces, headers=headers)) == b'["[1,2]",["[1,2]"],[1,2]]'


def test_a_fault_tells_what_was_received() -> None:
    """To a handler of the application's, by `body`, and by `errors`, which is a list that can be called."""
    from FasterAPI import JSONResponse, RequestValidationError

    app = Faster()

    @app.exception_handler(RequestValidationError)
    async def handler(request: Request, exc: RequestValidationError) -> JSONResponse:
        return JSONResponse([exc.body, exc.errors() == exc.errors, [list(error["loc"]) for error in exc.errors()]], 400)

    @app.post("/x")
    async def operation(model: Model) -> None: ...

    with TestClient(app) as client:
        response = client.post("/x", json={"nome": "n"})
        assert (response.status_code, response.json()) == (400, [{"nome": "n"}, True, [["body", "name"]]])
