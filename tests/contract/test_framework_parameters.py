"""Parameters of path, query, headers and cookies: conversion, constraints, names, defaults, faults."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal, NewType

import annotated_types
import pydantic
import pytest

from FasterAPI import Body, Cookie, Depends, Faster, Form, Header, Path, Query, Request, TestClient
from tests.contract.raw_asgi import body_of, exchange, status_of


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


UserId = NewType("UserId", int)


def ask(operation: Any, query: str = "", *, path: str = "/x", headers: Any = None, template: str = "/x") -> Any:
    """The value that an operation returns, or the types and places of the faults."""
    app = Faster()
    app.get(template)(operation)
    with TestClient(app) as client:
        response = client.get(path + ("?" + query if query else ""), headers=headers)
    if response.status_code == 422:
        return [(fault["type"], *fault["loc"]) for fault in response.json()["detail"]]
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(("annotation", "text", "value"), [
    (str, "5", "5"), (int, "-5", -5), (int, "%205%20", 5), (float, "1e3", 1000.0), (bytes, "ab", "ab"), (Decimal, "1.50", "1.50"),
    (dt.date, "2026-02-28", "2026-02-28"), (dt.datetime, "2026-02-28T10:00:00Z", "2026-02-28T10:00:00Z"), (dt.time, "10:30", "10:30:00"),
    (dt.timedelta, "PT90S", "PT1M30S"), (uuid.UUID, "8d5a0d9e3f0f4d3e9d5e1c1f3a1a0b11", "8d5a0d9e-3f0f-4d3e-9d5e-1c1f3a1a0b11"),
    (Colour, "red", "red"), (Literal["a", "b"], "b", "b"), (int | str, "5", "5"), (int | str, "x", "x"), (UserId, "7", 7),
    (list[int], "1&v=2", [1, 2]), (list[int], "1", [1]), (set[int], "1&v=1", [1]), (tuple[int, str], "1&v=x", [1, "x"]),
    (frozenset[str], "q", ["q"]), (int | None, "3", 3), (Annotated[int, annotated_types.Gt(3)], "4", 4),
])  # fmt: skip
def test_text_becomes_a_value_of_the_type(annotation: Any, text: str, value: Any) -> None:
    """In the query, in headers and in cookies alike; several values make a sequence, but a cookie has one."""

    def operation_of(marker: Any) -> Any:
        async def operation(v: Any) -> Any:
            return v if not isinstance(v, (Decimal, dt.timedelta)) else pydantic.TypeAdapter(Any).dump_python(v, mode="json")

        operation.__annotations__["v"] = Annotated[annotation, marker()]
        return operation

    values = text.replace("%20", " ").split("&v=")
    assert ask(operation_of(Query), f"v={text}") == value
    assert ask(operation_of(Header), headers=[("v", part) for part in values]) == value
    if not isinstance(value, list) and not text.startswith("%20"):
        assert ask(operation_of(Cookie), headers={"cookie": f"v={text}"}) == value


@pytest.mark.parametrize(("text", "value"), [(text.upper() if upper else text, value) for upper in (False, True) for text, value in (
    ("true", True), ("1", True), ("on", True), ("yes", True), ("t", True), ("y", True),
    ("false", False), ("0", False), ("off", False), ("no", False), ("f", False), ("n", False),
)])  # fmt: skip
def test_words_for_truth(text: str, value: bool) -> None:
    """In any case."""

    async def operation(v: bool) -> bool:
        return v

    assert ask(operation, f"v={text}") is value
    assert ask(operation, "v=maybe") == [("bool_parsing", "query", "v")]


@pytest.mark.parametrize(("annotation", "text", "kind"), [
    (int, "x", "int_parsing"), (float, "x", "float_parsing"), (dt.date, "2026-02-30", "date_from_datetime_parsing"),
    (uuid.UUID, "x", "uuid_parsing"),
    (Colour, "green", "enum"), (Literal["a"], "b", "literal_error"), (Annotated[int, Query(ge=3)], "2", "greater_than_equal"),
    (Annotated[int, Query(lt=3)], "3", "less_than"), (Annotated[int, Query(multiple_of=3)], "4", "multiple_of"),
    (Annotated[str, Query(min_length=2)], "a", "string_too_short"), (Annotated[str, Query(max_length=2)], "abc", "string_too_long"),
    (Annotated[str, Query(pattern="^a+$")], "b", "string_pattern_mismatch"),
    (Annotated[Decimal, Query(max_digits=2)], "1.23", "decimal_max_digits"),
    (Annotated[int, annotated_types.Gt(3)], "3", "greater_than"),
    (Annotated[int, pydantic.Field(le=3)], "4", "less_than_equal"), (Annotated[float, Query(allow_inf_nan=False)], "inf", "finite_number"),
])  # fmt: skip
def test_what_does_not_fit_is_a_fault(annotation: Any, text: str, kind: str) -> None:
    """Also where the parameter has a default: that is for absent ones only."""

    async def operation(v: Any = None) -> None: ...

    operation.__annotations__["v"] = annotation
    [(found, *place)] = ask(operation, f"v={text}")
    assert (found, place) == (kind, ["query", "v"])


def test_one_bad_item_is_told_by_its_position() -> None:
    """Of a sequence."""

    async def operation(v: Annotated[list[int], Query()]) -> None: ...

    assert ask(operation, "v=1&v=x&v=3&v=y") == [("int_parsing", "query", "v", 1), ("int_parsing", "query", "v", 3)]


def test_required_and_optional() -> None:
    """No default, or `...`, is required; an empty text is a value; a scalar takes the last of several."""

    async def operation(
        a: str, b: Annotated[str, Query()], c: str = Query(...), d: str = Query(), e: str | None = Query(None), f: int = Query(10)
    ) -> Any:
        return [a, b, c, d, e, f]

    missing = [("missing", "query", name) for name in "abcd"]
    assert ask(operation) == missing
    assert ask(operation, "a=&b=2&c=3&d=4&a=5") == ["5", "2", "3", "4", None, 10]
    assert ask(operation, "a=1&b=&c=&d=&e=&f=0") == ["1", "", "", "", "", 0]


def test_a_factory_makes_the_default_of_each_request() -> None:
    """And a default that is a list is not shared."""
    made = iter(range(10))

    async def operation(v: int = Query(default_factory=lambda: next(made)), tags: Annotated[list[str], Query()] = []) -> Any:  # noqa: B006
        tags.append("x")
        return [v, tags]

    app = Faster()
    app.get("/x")(operation)
    with TestClient(app) as client:
        assert [client.get("/x").json() for _ in range(2)] == [[0, ["x"]], [1, ["x"]]]


def test_an_alias_is_the_name_in_the_request() -> None:
    """And in the places of faults."""

    async def operation(item: Annotated[int, Query(alias="item-id")], other: Annotated[int, Query(validation_alias="o")] = 0) -> Any:
        return [item, other]

    assert ask(operation, "item-id=3&o=4") == [3, 4]
    assert ask(operation, "item=3") == [("missing", "query", "item-id")]


def test_headers_are_named_with_hyphens() -> None:
    """Unless that is switched off; upper and lower case are one; repeated ones make a list, and a scalar takes the first."""

    async def operation(
        x_token: Annotated[str, Header()], x_many: Annotated[list[str], Header()],
        under_score: Annotated[str, Header(convert_underscores=False)] = "",
        named: Annotated[str | None, Header(alias="X-Named")] = None,
    ) -> Any:  # fmt: skip
        return [x_token, x_many, under_score, named]

    fields = [("X-TOKEN", "t"), ("x-token", "u"), ("X-Many", "1"), ("x-many", "2"), ("under_score", "_"), ("x-named", "n")]
    assert ask(operation, headers=fields) == ["t", ["1", "2"], "_", "n"]
    assert ask(operation) == [("missing", "header", "x-token"), ("missing", "header", "x-many")]


def test_odd_cookies_do_not_hide_their_neighbours() -> None:
    """They are skipped or taken alone; the last of a name wins; quotes are taken off."""

    async def operation(a: Annotated[str, Cookie()], b: Annotated[int, Cookie()] = 0) -> Any:
        return [a, b]

    assert ask(operation, headers={"cookie": 'x y=1; =; a="q"; b=1; b=2; [z]={'}) == ["q", 2]
    assert ask(operation, headers={"cookie": "b=1"}) == [("missing", "cookie", "a")]


def test_a_model_gathers_parameters() -> None:
    """Of the query, headers or cookies, with names that it does not know refused where it says so."""

    class Filters(pydantic.BaseModel):
        model_config = {"extra": "forbid"}
        limit: int = pydantic.Field(10, le=100)
        tags: list[str] = []

    class Fields(pydantic.BaseModel):
        x_tag: list[str] = []

    class Jar(pydantic.BaseModel):
        session: str

    async def operation(f: Annotated[Filters, Query()], h: Annotated[Fields, Header()], c: Annotated[Jar, Cookie()]) -> Any:
        return [f.limit, f.tags, h.x_tag, c.session]

    headers = [("x-tag", "1"), ("x-tag", "2"), ("cookie", "session=s")]
    assert ask(operation, "limit=5&tags=a&tags=b", headers=headers) == [5, ["a", "b"], ["1", "2"], "s"]
    assert ask(operation, "limit=500&more=1") == [
        ("less_than_equal", "query", "limit"), ("extra_forbidden", "query", "more"), ("missing", "cookie", "session"),
    ]  # fmt: skip


def test_faults_come_in_the_order_of_places() -> None:
    """Path, query, header, cookie, body, however the parameters are ordered; those of dependencies first."""

    def dependency(d: int) -> int:
        return d

    async def operation(
        body: Annotated[int, Body()],
        c: Annotated[int, Cookie()], h: Annotated[int, Header()], q: int, p: int,
        d: Annotated[int, Depends(dependency)],
    ) -> None: ...  # fmt: skip

    app = Faster()
    app.post("/x/{p}")(operation)
    with TestClient(app) as client:
        response = client.post("/x/a?q=a", headers={"h": "a", "cookie": "c=a"}, json="a")
        places = [fault["loc"] for fault in response.json()["detail"]]
    assert places == [["query", "d"], ["path", "p"], ["query", "q"], ["header", "h"], ["cookie", "c"], ["body"]]


def test_path_parameters_have_constraints() -> None:
    """And no defaults."""

    async def operation(number: Annotated[int, Path(gt=0, le=9)]) -> int:
        return number

    assert ask(operation, path="/7", template="/{number}") == 7
    assert ask(operation, path="/10", template="/{number}") == [("less_than_equal", "path", "number")]
    with pytest.raises(AssertionError, match="Path parameters cannot have a default value"):
        Path(3)


def test_queries_are_decoded_as_forms_are() -> None:
    """A plus is a blank, a broken escape stays, a key without a value is empty, and only `&` separates."""

    async def operation(request: Request) -> Any:
        return [list(pair) for pair in request.query_params.multi_items()]

    app = Faster()
    app.get("/x")(operation)
    sent = exchange(app, path="/x", query=b"a=1+2&b=%zz&c&d=1;e=2&f=%C3%A9&a=%2B")
    assert body_of(sent).decode() == '[["a","1 2"],["b","%zz"],["c",""],["d","1;e=2"],["f","é"],["a","+"]]'

    async def typed(a: str, b: str, c: str, d: str, f: str) -> Any:
        return [a, b, c, d, f]

    assert ask(typed, "a=1+2&b=%zz&c&d=1;e=2&f=%C3%A9&a=%2B") == ["+", "%zz", "", "1;e=2", "é"]


def test_the_last_marker_of_an_alias_wins() -> None:
    """Markers may be nested in aliases of types."""
    Plain = Annotated[int, Query(ge=0)]

    async def operation(v: Annotated[Plain, Query(ge=5)], w: Annotated[int, Header(), Query()] = 1) -> Any:
        return [v, w]

    assert ask(operation, "v=5&w=2") == [5, 2]
    assert ask(operation, "v=4") == [("greater_than_equal", "query", "v")]


def refused(operation: Any, template: str = "/x", error: Any = AssertionError, match: str = "") -> None:
    app = Faster(openapi_url=None)
    with pytest.raises(error, match=match):
        app.post(template)(operation)
    assert status_of(exchange(app, "POST", "/x")) == 404


def test_impossible_declarations_are_refused_at_registration() -> None:
    """And leave no route behind."""

    async def default_in_annotated(v: Annotated[int, Query(3)]) -> None: ...

    async def two_markers(v: Annotated[int, Query()] = Query(3)) -> None: ...

    async def query_in_path(x: Annotated[int, Query()]) -> None: ...

    async def model_in_path(x: Annotated[dict[str, int], Path()]) -> None: ...

    async def dict_in_query(v: Annotated[dict[str, int], Query()]) -> None: ...

    async def marked_request(v: Annotated[Request, Query()]) -> None: ...

    async def nobody(v: Nobody) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    async def form_and_json(a: Annotated[int, Form()], b: Annotated[int, Body()]) -> None: ...

    refused(default_in_annotated, match="default value cannot be set in `Annotated`")
    refused(two_markers, match="default value together")
    refused(query_in_path, "/{x}", match="Cannot use `Query` for path param")
    refused(model_in_path, "/{x}", match="Path params")
    refused(dict_in_query, match="must be one of the supported types")
    refused(marked_request, match="Cannot specify")
    refused(nobody, error=Exception, match="Nobody")


def test_markers_are_shown_with_their_defaults() -> None:
    """By their class."""
    assert [repr(marker) for marker in (Query(10), Path(), Header(None))] == ["Query(10)", "Path(PydanticUndefined)", "Header(None)"]


def test_unknown_keywords_of_markers_are_refused() -> None:
    """By Python or with a warning that is an error here; `regex` works as `pattern` for now, and warns."""
    with pytest.warns(Warning, match="regex"):
        marker = Query(regex="^a$")

    async def operation(v: Any = marker) -> Any:
        return v

    operation.__annotations__["v"] = str
    assert ask(operation, "v=a") == "a"
    assert ask(operation, "v=b") == [("string_pattern_mismatch", "query", "v")]
