"""The OpenAPI document of an app: what is in it, where it stands, and that no secret does."""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel, create_model

from FasterAPI.openapi.models import OpenAPI
from fasthttp import BasicAuth, BearerAuth, FastHTTP, OAuth2ClientCredentials, SecurityPolicy
from fasthttp.auth import AuthBase
from tests.contract.docs_pages import SECRET, Order, Part, shop

MASK = "*****"
EMPTY = {"type": "object", "properties": {}}
BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}


def paths(app: FastHTTP) -> dict[str, Any]:
    found: dict[str, Any] = app.openapi()["paths"]
    return found


def only(app: FastHTTP) -> dict[str, Any]:
    """The operation of an app with one route."""
    [item] = paths(app).values()
    [operation] = item.values()
    return operation  # type: ignore[no-any-return]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for key, item in document["paths"].items():
        for field, found in item.items():
            for operation in found if isinstance(found, list) else [found]:
                yield key, field, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


# --- the whole


def test_the_document_is_one_of_openapi() -> None:
    """JSON of version 3.1.0, as the specification wants it: references lead somewhere, templates have parameters, names are unique."""
    document = shop().openapi()
    assert json.loads(json.dumps(document)) == document
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {"title": "Shop <b>1</b>", "version": "2.3", "description": "All of it.\n\nIn `shop.py`."}
    assert [tag["name"] for tag in document["tags"]] == ["account", "catalogue", "one", "stock", "graphql", "sse"]
    OpenAPI.model_validate(document)
    found = list(operations(document))
    names = [operation["operationId"] for _, _, operation in found]
    assert len(names) == len(set(names)) == len(shop().routes)
    for key, _, operation in found:
        placed = [(one["name"], one["in"]) for one in operation.get("parameters", ())]
        assert len(placed) == len(set(placed))
        assert {f"{{{name}}}" for name, where in placed if where == "path"} == {part for part in key.split("/") if part[:1] == "{"}
    schemas = document["components"]["schemas"]
    assert {reference.rpartition("/")[2] for reference in references(document)} == schemas.keys() == {"Line", "Order", "Part", "Problem"}


def test_the_document_is_valid_by_the_official_schema() -> None:
    """Judged by a validator that other people wrote, where it is installed."""
    validator = pytest.importorskip("openapi_spec_validator").OpenAPIV31SpecValidator
    assert list(validator(shop().openapi()).iter_errors()) == []


def test_no_secret_is_in_the_document() -> None:
    """Not of headers, parameters, bodies, URLs, credentials, defaults and examples of models, nor of a docstring's URLs."""
    assert SECRET not in json.dumps(shop().openapi())
    extra = FastHTTP("https://h.example", security=SecurityPolicy(mask_names=["pin"]))
    extra.post("/", json={"pin": SECRET, "list": [{"pin": SECRET}]}, headers={"Pin": SECRET}, params={"pin": [SECRET]})(print)
    assert SECRET not in json.dumps(extra.openapi())


def test_what_a_policy_without_masking_shows() -> None:
    """Everything but headers and the user info of URLs."""
    app = FastHTTP("https://kim:hunter2@h.example", security=SecurityPolicy(mask_secrets=False))
    app.get("/", headers={"Authorization-Token": SECRET}, params={"token": "shown"})(print)
    operation = only(app)
    assert SECRET not in json.dumps(operation)
    assert operation["parameters"][0]["schema"] == {"type": "string", "default": "shown"}


def test_nothing_is_run_for_it() -> None:
    """No handler, no callable option, no iterator, no lifespan; a document is as the routes are when it is asked for."""

    def refuse(*_: Any) -> Any:
        raise AssertionError("was called")

    def items() -> Iterator[int]:
        yield refuse()

    app = FastHTTP("https://h.example", lifespan=refuse)
    app.get("/{id}", each=items(), headers=refuse, params=refuse, dependencies=[lambda: refuse()])(refuse)
    app.post("/x", json=refuse, path_params=lambda route: {})(lambda resp: None)
    app.post("/y", data=items())(lambda resp: None)
    found = paths(app)
    assert found["/h.example/{id}"]["get"]["x-computed"] == ["params", "headers"]
    assert found["/h.example/{id}"]["get"]["x-each"] is True
    assert found["/h.example/x"]["post"]["requestBody"] == {"content": {"application/json": {"schema": {}}}, "required": True}
    assert list(found["/h.example/y"]["post"]["requestBody"]["content"]) == ["application/octet-stream"]
    app.get("/late")(print)
    assert len(paths(app)) == 4


def test_an_empty_app_has_an_empty_document() -> None:
    """With the defaults of title and version, and nothing that would be empty."""
    assert FastHTTP().openapi() == {"openapi": "3.1.0", "info": {"title": "FastHTTP API", "version": "1.0.0"}, "paths": {}}


def test_the_document_costs_no_import_that_it_does_not_need() -> None:
    """Neither the framework nor a server, and pydantic only where a model is of it."""
    program = "import sys; from fasthttp import FastHTTP; app = FastHTTP('https://h.example'); app.get('/')(print); app.openapi()\n"
    program += "print([name for name in ('FasterAPI', 'starlette', 'uvicorn', 'pydantic', 'typer') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


# --- where an operation stands


@pytest.mark.parametrize(
    ("url", "base", "key", "original"),
    [
        ("/me", "https://h.example", "/h.example/me", "https://h.example/me"),
        ("/me", "https://h.example:8443/v1/", "/h.example:8443/v1/me", "https://h.example:8443/v1/me"),
        ("http://[::1]:80/", None, "/[::1]:80/", "http://[::1]:80/"),
        ("https://h.example", None, "/h.example/", "https://h.example"),
        ("https://u:p@h.example/x?a=1&token=2#f", None, "/h.example/x", "https://h.example/x?a=1&token=*****#f"),
        ("localhost:9/x", None, "/localhost:9/x", "http://localhost:9/x"),
        ("/me", None, "/me", "/me"),  # a lifespan may set the base
    ],
)
def test_the_path_of_an_operation_is_host_and_path(url: str, base: str | None, key: str, original: str) -> None:
    """With the whole URL beside it, as it may be shown."""
    app = FastHTTP(base)
    app.get(url)(print)
    assert list(paths(app)) == [key]
    assert only(app)["x-original-url"] == original


def test_every_route_has_an_operation() -> None:
    """Also with a method that OpenAPI does not know, the same method and URL as another, or no answer but a stream."""
    found = paths(shop())
    assert found["/shop.example/v1/search"].keys() == {"x-query"}
    assert found["/ticker.example/prices"].keys() == {"x-streams"}
    [stream] = found["/ticker.example/prices"]["x-streams"]
    assert (stream["x-kind"], stream["x-method"], stream["operationId"]) == ("sse", "GET", "price")
    assert stream["responses"]["200"]["content"].keys() == {"text/event-stream"}
    assert found["/shop.example/v1/parts"]["get"]["operationId"] == "parts"
    assert found["/shop.example/v1/parts#again and again"]["get"]["operationId"] == "again and again"
    assert found["/stock.example:8443/api/warehouse/levels"]["patch"]["tags"] == ["stock"]
    app = FastHTTP("https://h.example")
    app.add_route("PROPFIND", "/", print)
    assert paths(app)["/h.example/"].keys() == {"x-propfind"}


def test_texts_of_an_operation() -> None:
    """The first line of the docstring is the summary, the rest the description; of partial functions and objects too."""
    operation = paths(shop())["/shop.example/v1/session"]["post"]
    assert operation["summary"] == "Open a session."
    assert operation["description"] == "Its answer is what `order` is asked with; see https://wiki.example/?token=***** for more."
    assert operation["tags"] == ["account"]

    class Handler:
        """An object."""

        def __call__(self, resp: Any) -> None: ...

    def function(resp: Any, more: int) -> None:
        """A function."""

    def bare(resp: Any) -> None: ...

    for handler, summary in ((Handler(), "An object."), (functools.partial(function, more=1), "A function."), (bare, None)):
        app = FastHTTP()
        app.get("https://h.example/")(handler)
        assert only(app).get("summary") == summary


# --- what is sent


def test_parameters_are_those_of_every_level() -> None:
    """Of the URL, of the app's and the route's defaults and of the route, with types; and headers."""
    found = paths(shop())
    query = [one for one in found["/shop.example/v1/parts"]["get"]["parameters"] if one["in"] == "query"]
    assert {one["name"]: one["schema"] for one in query} == {
        "view": {"type": "string", "default": "short"},
        "size": {"type": "integer", "default": 50},
        "page": {"type": "integer", "default": 1},
        "exact": {"type": "boolean", "default": True},
        "sort": {"type": "array", "items": {"type": "string"}, "default": ["name", "id"]},
        "token": {"type": "string", "default": MASK},
    }
    headers = [one for one in found["/shop.example/v1/orders"]["post"]["parameters"] if one["in"] == "header"]
    assert [(one["name"], one["schema"]["default"]) for one in headers] == [("X-Api-Key", MASK), ("X-Signature", MASK)]
    [identifier] = [one for one in found["/shop.example/v1/parts/{id}"]["get"]["parameters"] if one["in"] == "path"]
    assert identifier == {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}, "example": 1}


class Colour(enum.Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ("a=1&a=2", {"a": ["1", "2"]}),
        ([("a", 1), ("b", None), ("a", 2)], {"a": [1, 2]}),
        ({"a": Colour.RED, "b": date(2026, 1, 2), "c": b"x", "d": 1.5}, {"a": "red", "b": "2026-01-02", "c": "x", "d": 1.5}),
        ({"a": [], "b": [1], "c": (1, 2)}, {"b": [1], "c": [1, 2]}),
    ],
)
def test_parameters_of_every_form(params: Any, expected: dict[str, Any]) -> None:
    """Text, pairs and mappings; values that JSON does not have are shown as they are sent."""
    app = FastHTTP()
    app.get("https://h.example/", params=params)(print)
    assert {one["name"]: one["schema"]["default"] for one in only(app).get("parameters", ())} == expected


def test_path_parameters_of_mappings() -> None:
    """Their examples come from `path_params` and the first item, where that can be had without reading an iterator."""
    app = FastHTTP()
    app.get("https://h.example/{a}/{b}/{token}", path_params={"a": "x"}, each=[{"path_params": {"b": 2, "token": SECRET}}])(print)
    assert [one.get("example") for one in only(app)["parameters"]] == ["x", 2, MASK]


@pytest.mark.parametrize(
    ("options", "kind", "schema", "example"),
    [
        ({"json": {"a": [1, None], "b": {}}}, "application/json",
         {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}, "b": EMPTY}},
         {"a": [1, None], "b": {}}),
        ({"json": False}, "application/json", {"type": "boolean"}, False),
        ({"json": []}, "application/json", {"type": "array", "items": {}}, []),
        ({"data": {"a": 1, "password": SECRET}}, "application/x-www-form-urlencoded",
         {"type": "object", "properties": {"a": {"type": "integer"}, "password": {"type": "string"}}}, {"a": 1, "password": MASK}),
        ({"data": "a=1&password=x"}, "application/x-www-form-urlencoded", {"type": "string"}, f"a=1&password={MASK}"),
        ({"data": b"<x/>", "headers": {"content-type": "text/xml"}}, "text/xml", {"type": "string"}, "<x/>"),
        ({"data": b"\xff"}, "application/x-www-form-urlencoded",
         BINARY, None),
        ({"files": [("f", b"x")], "json": {"a": 1}}, "multipart/form-data",
         {"type": "object", "properties": {"a": {"type": "integer"}, "f": BINARY}},
         {"a": 1}),
        ({"request_model": Order}, "application/json", {"$ref": "#/components/schemas/Order"}, None),
        ({"json": "x" * 20000}, "application/json", {}, None),
    ],
)  # fmt: skip
def test_bodies_are_described(options: dict[str, Any], kind: str, schema: Any, example: Any) -> None:
    """By their model, or else by the value; with the value as an example that has no secrets and is not long."""
    app = FastHTTP()
    app.post("https://h.example/", **options)(print)
    body = only(app)["requestBody"]
    expected = {"schema": schema} if example is None else {"schema": schema, "example": example}
    assert body == {"content": {kind: expected}, "required": True}


def test_a_deep_body_is_described_without_an_example() -> None:
    """Whatever is nested, a document comes of it."""
    value: Any = 1
    for _ in range(200):
        value = [value]
    app = FastHTTP()
    app.post("https://h.example/", json=value)(print)
    json.dumps(only(app))
    assert only(app)["requestBody"]["content"]["application/json"] == {"schema": {}}


# --- what comes back


def test_answers_are_described() -> None:
    """By the models of the route and of its statuses, or by the reason phrase."""
    found = paths(shop())
    answers = found["/shop.example/v1/parts/{id}"]["get"]["responses"]
    said = [(status, answer["description"]) for status, answer in answers.items()]
    assert said == [("200", "OK"), ("404", "No such part."), ("410", "Gone")]
    assert answers["200"]["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/Part"}}}
    assert answers["404"]["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    listed = found["/shop.example/v1/parts"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert listed == {"type": "array", "items": {"$ref": "#/components/schemas/Part"}}
    asked = found["/gql.example/graphql"]["post"]
    assert (asked["x-kind"], list(asked["requestBody"]["content"])) == ("graphql", ["application/json"])
    assert asked["responses"]["200"]["content"]["application/json"]["schema"]["properties"]["data"] == {"$ref": "#/components/schemas/Part"}
    app = FastHTTP()
    app.post("https://h.example/", responses={201: {}})(print)
    assert only(app)["responses"] == {"201": {"description": "Created"}}


def test_order_and_repetition_are_told() -> None:
    """Which routes come before, by name whichever way they were given, and that there is one request for each item."""
    found = paths(shop())
    assert found["/shop.example/v1/orders"]["post"]["x-after"] == ["login"]
    assert found["/shop.example/v1/parts/{id}"]["get"]["x-each"] is True


# --- credentials


def test_security_schemes_are_those_in_use() -> None:
    """And operations name theirs; without credentials there is nothing of the kind."""
    document = shop().openapi()
    assert document["components"]["securitySchemes"] == {
        "basicAuth": {"type": "http", "scheme": "basic"},
        "bearerAuth": {"type": "http", "scheme": "bearer"},
        "digestAuth": {"type": "http", "scheme": "digest"},
        "oauth2ClientCredentials": {
            "type": "oauth2",
            "flows": {"clientCredentials": {"tokenUrl": "https://auth.example/token?secret=*****", "scopes": {"read": "", "write": ""}}},
        },
    }
    needed = {operation["operationId"]: operation["security"] for _, _, operation in operations(document) if "security" in operation}
    assert needed == {
        "order": [{"bearerAuth": []}], "picture": [{"digestAuth": []}], "search": [{"basicAuth": []}],
        "level": [{"oauth2ClientCredentials": ["read", "write"]}],
    }  # fmt: skip
    assert "components" not in FastHTTP().openapi()


def test_credentials_of_the_app_are_those_of_its_routes() -> None:
    """Where a route has none of its own; a class that OpenAPI knows no scheme for is named; two token addresses are two schemes."""

    class Own(AuthBase):
        """One of the user's."""

    app = FastHTTP("https://h.example", auth=BasicAuth("kim", SECRET))
    app.get("/1")(print)
    app.get("/2", auth=BearerAuth(SECRET))(print)
    app.get("/3", auth=Own())(print)
    for number in (4, 5, 6):
        app.get(f"/{number}", auth=OAuth2ClientCredentials(f"https://h.example/{number // 2}", "id", SECRET))(print)
    told = [operation.get("security", operation.get("x-auth")) for _, _, operation in operations(app.openapi())]
    first: list[Any] = [{"oauth2ClientCredentials": []}]
    second: list[Any] = [{"oauth2ClientCredentials2": []}]
    assert told == [[{"basicAuth": []}], [{"bearerAuth": []}], "Own", first, first, second]


# --- models


Other: Any = create_model("Part", other=(int, ...))


class Inner(BaseModel):
    deep: int


class Outer(msgspec.Struct):
    inner: Inner


@dataclasses.dataclass
class Plain:
    token: str = SECRET


class Odd(BaseModel):
    thing: Callable[[], int]


def test_models_of_every_library_and_the_same_name() -> None:
    """Two of one name, of different libraries, both have a schema; models of pydantic within structs too."""
    app = FastHTTP("https://h.example")
    for number, model in enumerate((Part, Other, Outer, Plain, dict[str, Part], list[Other])):
        app.get(f"/{number}", response_model=model)(print)
    document = app.openapi()
    schemas = document["components"]["schemas"]
    assert {reference.rpartition("/")[2] for reference in references(document)} == schemas.keys()
    shapes = {name: set(schema["properties"]) for name, schema in schemas.items()}
    assert shapes.pop("Part") == {"id", "name", "price", "api_key"}
    assert shapes.pop("pydantic.Part") == {"other"}
    assert sorted(map(sorted, shapes.values())) == [["inner"], ["token"]]
    assert schemas["Outer"]["properties"]["inner"]["properties"].keys() == {"deep"}
    assert SECRET not in json.dumps(document)


def test_a_model_without_a_schema_spoils_nothing() -> None:
    """It goes by its name, and the others have theirs."""
    app = FastHTTP("https://h.example")
    app.get("/1", response_model=Odd)(print)
    app.get("/2", response_model=Part)(print)
    document = app.openapi()
    [odd, fine] = [operation["responses"]["200"]["content"]["application/json"]["schema"] for _, _, operation in operations(document)]
    assert odd["title"] == "Odd"
    assert fine == {"$ref": "#/components/schemas/Part"}
