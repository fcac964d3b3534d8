"""The short way through an operation differs from the long one in nothing but speed; and what goes it loads nothing it does not need."""

from __future__ import annotations

import asyncio
import functools
import json
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import msgspec
import pytest
from pydantic import BaseModel, Field

from FasterAPI import Body, Depends, FastAPI, HTTPException, JSONResponse, Path, Query, StreamingResponse, routing
from FasterAPI._index import RouteIndex


class Item(BaseModel):
    name: str
    price: float = Field(gt=0)
    tags: list[str] = []


class Line(msgspec.Struct):
    sku: str
    count: int = 1


counted: list[str] = []


def count(note: str = "note") -> str:
    counted.append(note)
    return note


async def session() -> AsyncIterator[str]:
    counted.append("open")
    try:
        yield "session"
    except LookupError:
        counted.append("rolled back")
        raise
    finally:
        counted.append("closed")


def cursor(inside: Annotated[str, Depends(session)]) -> Iterator[str]:
    counted.append("cursor")
    yield f"cursor of {inside}"
    counted.append("cursor closed")


def breaking() -> Iterator[bytes]:
    yield b"a"
    raise LookupError("in the middle")


def make() -> FastAPI:
    """An application whose operations can all go the short way."""
    app = FastAPI()

    @app.get("/items/{item_id}")
    async def read(item_id: int, q: str | None = None, limit: int = 10, exact: bool = False) -> Any:
        return {"id": item_id, "q": q, "limit": limit, "exact": exact}

    @app.get("/bounded/{n}")
    async def bounded(n: Annotated[int, Path(ge=1, le=9)], f: Annotated[float, Query(alias="F")] = 0.5) -> dict[str, float]:
        return {"n": n, "f": f}

    @app.post("/models", status_code=201)
    async def model(item: Item, dry: bool = False) -> Item:
        return item

    @app.post("/structs")
    async def struct(lines: list[Line]) -> list[Line]:
        return lines

    @app.put("/any")
    def anything(value: Annotated[Any, Body()]) -> Any:
        return value

    @app.get("/counted/{n}")
    async def with_dependency(n: int, note: Annotated[str, Depends(count)]) -> Any:
        return {"n": n, "note": note}

    @app.get("/fails/{how}")
    async def fails(how: str) -> Any:
        if how == "http":
            raise HTTPException(418, "teapot", {"X-Reason": "tea"})
        if how == "response":
            return JSONResponse({"own": True}, 202, {"X-Own": "1"})
        if how == "unwritable":
            return {"set": {1}, "_sa_state": 1}
        raise LookupError(how)

    @app.get("/kept/{how}")
    async def kept(how: str, inside: Annotated[str, Depends(session)], at: Annotated[str, Depends(cursor)], n: int = 0) -> Any:
        counted.append("called")
        if how == "stream":
            return StreamingResponse(iter([b"a", b"b"]))
        if how == "breaks":
            return StreamingResponse(breaking())
        return await fails(how) if how != "fine" else {"inside": inside, "at": at, "n": n}

    @app.get("/wrong")
    async def wrong() -> Item:
        return {"name": "n"}  # type: ignore[return-value]

    @app.exception_handler(LookupError)
    async def lost(request: Any, exc: LookupError) -> JSONResponse:
        return JSONResponse({"lost": str(exc), "path": request.url.path}, 404)

    return app


JSON = [(b"content-type", b"application/json")]


async def ask(app: Any, method: str, target: str, body: bytes = b"", headers: Any = JSON) -> list[Any]:
    """The messages of an answer, or the exception that escaped."""
    path, _, query = target.partition("?")
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)] or [b""]
    waiting = [{"type": "http.request", "body": piece, "more_body": piece is not pieces[-1]} for piece in pieces]
    sent: list[Any] = []

    async def receive() -> Any:
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": sorted(message["headers"])}
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": list(headers), "root_path": ""}
    try:
        await app({**scope, "http_version": "1.1", "scheme": "http", "server": ("x", 80), "client": ("c", 1)}, receive, send)
    except Exception as exc:
        sent.append(f"{type(exc).__name__}: {exc}"[:200])
    return sent


REQUESTS: list[tuple[Any, ...]] = [
    *(("GET", f"/items/{text}") for text in ("5", "-5", "+5", "05", "5.0", "5.5", "1_0", "x", "9" * 30, "%35", "٣", "1e3", " 5")),
    *(("GET", f"/items/1?{query}") for query in (
        "q=", "q=a%20b", "q=a+b", "q=a&q=b", "q", "limit=", "limit=3", "limit=%33", "limit=x", "limit=1&limit=x",
        "limit=x&limit=1", "exact=true", "exact=TRUE", "exact=yes", "exact=maybe", "exact=1", "exact=2", "exact=off",
        "&&", "=", "limit=1;exact=1", "unknown=1",
    )),
    *(("GET", f"/bounded/{n}") for n in ("1?F=2", "0?F=2", "10?F=x", "3?F=1e5", "3?F=nan", "3?F=inf", "3?F=1_0")),
    *(("POST", "/models?dry=1", body) for body in (
        b'{"name":"a","price":1}', b'{"name":"a","price":"1.5"}', b'{"name":"a","price":0}', b'{"name":1}',
        b"[]", b"null", b"", b"{", b"nope",
        b'{"name":"a","price":NaN}', b'{"name":"a","price":Infinity}', b'{"name":"a","price":1e400}', b'{"name":"\xff","price":1}',
        b'{"name":"\\ud800","price":1}', b'{"name":"a","name":"b","price":1}', b'{"name":"a","price":1,"more":[1]}', b"\xef\xbb\xbf{}",
        b'{"name":"a","price":' + b"1" * 400 + b"}", b"[" * 5000, '{"name":"é","price":1}'.encode("utf-16"),
    )),
    ("POST", "/models", b'{"name":"a","price":1}', []),
    ("POST", "/models", b'{"name":"a","price":1}', [(b"content-type", b"text/plain")]),
    ("POST", "/models", b'{"name":"a","price":1}', [(b"content-type", b"application/vnd.x+json; charset=utf-8")]),
    *(("POST", "/structs", body) for body in (
        b'[{"sku":"a"}]', b'[{"sku":"a","count":"2"}]', b'[{"count":2.5}]', b"{}", b"7", b'[{"sku":"a","x":1}]',
    )),
    *(("PUT", "/any", body) for body in (b"1", b'"a"', b"null", b"[1,2.50,1e3,-0.0]", b"123456789012345678901234567890", b"{}")),
    *(("GET", f"/fails/{how}") for how in ("http", "response", "unwritable", "else")),
    *(("GET", f"/kept/{how}") for how in ("http", "response", "unwritable", "else", "fine", "fine?n=2", "fine?n=x", "stream", "breaks")),
    ("GET", "/wrong"), ("GET", "/items/"), ("GET", "/items/1/"), ("DELETE", "/items/1"), ("HEAD", "/items/1"), ("GET", "/nowhere"),
]  # fmt: skip


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda value: f"{value[0]} {value[1]} {value[2:3]}"[:60])
def test_both_ways_give_the_same(request_: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Status, fields, body, exceptions, and what dependencies saw, are those of the long way, whatever a request holds."""
    counted.clear()
    short = asyncio.run(ask(make(), *request_)), counted.copy()
    monkeypatch.setattr(RouteIndex, "short_way", lambda *_: (None, None))
    counted.clear()
    assert short == (asyncio.run(ask(make(), *request_)), counted)


def test_it_is_the_short_way_that_plain_requests_go() -> None:
    """The comparison above would be true of a framework that has only one."""
    app = make()
    index = app.router.index()
    for request in ("GET /items/5", "GET /bounded/5", "POST /models", "POST /structs", "PUT /any", "GET /counted/1", "GET /kept/fine"):
        method, path = request.split()
        route, plan = index.short_way(method, path, path.split("/"))
        assert plan is not None, path
        assert path.startswith(route.path.partition("{")[0])


@pytest.mark.parametrize(("target", "calls"), [("/counted/1", 1), ("/counted/x", 1), ("/counted/1?note=n", 1)])
def test_a_dependency_is_called_once(target: str, calls: int) -> None:
    """Also for a request that is not canonical, and goes the long way after all."""
    counted.clear()
    asyncio.run(ask(make(), "GET", target))
    assert len(counted) == calls


def test_an_override_counts_at_once() -> None:
    """A dependency that is replaced after the first request is replaced."""
    app = make()
    assert b"note" in asyncio.run(ask(app, "GET", "/counted/1"))[1]["body"]
    app.dependency_overrides[count] = lambda: "other"
    assert asyncio.run(ask(app, "GET", "/counted/1"))[1]["body"] == b'{"n":1,"note":"other"}'


def noting(original: Any, notes: list[str]) -> Any:
    """A step that notes its calls, as monitoring libraries put in the place of the original."""

    @functools.wraps(original)
    def step(*arguments: Any, **options: Any) -> Any:
        notes.append(original.__name__)
        return original(*arguments, **options)

    return step


@pytest.mark.parametrize("name", ["run_endpoint_function", "serialize_response", "solve_dependencies", "get_request_handler"])
def test_a_step_that_somebody_has_replaced_is_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether that was before the routes were registered or after; and by one that says it is the original."""
    notes: list[str] = []
    early = make()
    monkeypatch.setattr(routing, name, noting(getattr(routing, name), notes))
    late = make()
    notes.clear()
    assert asyncio.run(ask(early, "GET", "/items/5"))[0]["status"] == 200
    assert notes == ([] if name == "get_request_handler" else [name])
    asyncio.run(ask(late, "GET", "/items/5"))
    assert notes == ([] if name == "get_request_handler" else [name] * 2)


def test_a_handler_that_was_wrapped_while_routes_were_registered_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library may put the original back when it has seen what it wanted."""
    notes, original = list[str](), routing.get_request_handler

    def wrapping(*arguments: Any, **options: Any) -> Any:
        handler = original(*arguments, **options)

        @functools.wraps(handler)
        async def handle(request: Any) -> Any:
            notes.append(request.url.path)
            return await handler(request)

        return handle

    monkeypatch.setattr(routing, "get_request_handler", wrapping)
    app = make()
    monkeypatch.undo()
    assert asyncio.run(ask(app, "GET", "/items/5"))[0]["status"] == 200
    assert notes == ["/items/5"]


@pytest.mark.parametrize("name", ["handle", "matches"])
def test_methods_of_routes_that_are_replaced_are_called(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a subclass, and by a library, for all routes."""
    notes: list[str] = []
    step = noting(getattr(routing.APIRoute, name), notes)
    app = FastAPI()
    app.router.route_class = type("Noting", (routing.APIRoute,), {name: step})
    app.get("/own")(lambda: 1)
    assert asyncio.run(ask(app, "GET", "/own"))[1]["body"] == b"1"
    assert notes == [name]
    app = make()
    monkeypatch.setattr(routing.APIRoute, name, step)
    asyncio.run(ask(app, "GET", "/items/5"))
    assert len(notes) > 1


def test_the_application_of_a_route_may_be_put_into_another() -> None:
    """As is done to give one route a middleware."""
    app = make()
    route: Any = next(route for route in app.routes if getattr(route, "path", "") == "/items/{item_id}")

    async def refused(scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse("no", 403)(scope, receive, send)

    route.app = refused
    assert asyncio.run(ask(app, "GET", "/items/5"))[0]["status"] == 403


def test_middleware_that_is_put_around_one_application_sees_every_request() -> None:
    """By replacing `build_middleware_stack` or `middleware_stack` of the instance, as monitoring libraries do."""
    notes: list[str] = []

    def around(inner: Any) -> Any:
        async def outer(scope: Any, receive: Any, send: Any) -> None:
            notes.append(scope["path"])
            await inner(scope, receive, send)

        return outer

    app: Any = make()
    asyncio.run(ask(app, "GET", "/items/1"))
    build = app.build_middleware_stack
    app.build_middleware_stack = lambda: around(build())
    app.middleware_stack = app.build_middleware_stack()
    asyncio.run(ask(app, "GET", "/items/2"))
    del app.build_middleware_stack
    asyncio.run(ask(app, "GET", "/items/3"))
    app.middleware_stack = None
    asyncio.run(ask(app, "GET", "/items/4"))
    assert notes == ["/items/2", "/items/3"]


def test_handlers_of_exceptions_count_from_when_they_are_registered() -> None:
    """Also after the first request, and when one takes the place of another."""
    app = make()
    for answer in ("first", "second"):
        asyncio.run(ask(app, "GET", "/fails/http"))

        async def handle(request: Any, exc: Exception, answer: str = answer) -> JSONResponse:
            return JSONResponse(answer, 418)

        app.add_exception_handler(HTTPException, handle)
        assert asyncio.run(ask(app, "GET", "/fails/http"))[1]["body"] == f'"{answer}"'.encode()


def test_routes_that_change_places_are_asked_in_their_new_order() -> None:
    """Whatever was done to the list: the first that fits is the one."""
    app = FastAPI(openapi_url=None)
    app.get("/{name}")(lambda name: "any")
    app.get("/me")(lambda: "me")

    def body() -> bytes:
        found: bytes = asyncio.run(ask(app, "GET", "/me"))[1]["body"]
        return found

    assert body() == b'"any"'
    app.routes.reverse()
    assert body() == b'"me"'
    app.routes.sort(key=lambda route: getattr(route, "path", ""), reverse=True)
    assert body() == b'"any"'
    app.routes[0], app.routes[1] = app.routes[1], app.routes[0]
    assert body() == b'"me"'
    app.router.routes = app.routes[::-1]
    assert body() == b'"any"'
    del app.routes[0]
    assert body() == b'"me"'


def test_a_request_that_is_not_canonical_is_tried_the_short_way_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The router does not repeat what the application has tried."""
    app = make()
    tried: list[str] = []
    original = RouteIndex.short_way

    def noting(index: RouteIndex, method: str, path: str, segments: list[str]) -> Any:
        tried.append(path)
        return original(index, method, path, segments)

    monkeypatch.setattr(RouteIndex, "short_way", noting)
    assert asyncio.run(ask(app, "GET", "/items/x"))[0]["status"] == 422
    assert tried == ["/items/x"]


# Pydantic is loaded already, not loaded ("absent"), or as if it were not installed.
PYDANTIC = """
    import importlib.util, sys

    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in ("pydantic", "pydantic_core"):
                raise ModuleNotFoundError(name)

    if sys.argv[1] == "loaded":
        import pydantic
    elif sys.argv[1] == "missing":
        find_spec = importlib.util.find_spec
        importlib.util.find_spec = lambda name, package=None: None if name == "pydantic" else find_spec(name, package)
        sys.meta_path.insert(0, Missing())
"""


def fresh(script: str, how: str) -> str:
    """What a script prints in an interpreter of its own, where pydantic is as told."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(PYDANTIC) + textwrap.dedent(script), how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_structs_and_plain_parameters_need_no_pydantic() -> None:
    """Neither where it is installed, when it is not loaded, nor where it is missing, when everything is decoded by msgspec."""
    script = """
        import msgspec
        from FasterAPI import Faster, TestClient

        class Line(msgspec.Struct):
            sku: str
            count: int

        app = Faster()

        @app.get("/{n}")
        async def read(n: int, q: str | None = None, f: float = 1.5, b: bool = False):
            return {"n": n, "q": q, "f": f, "b": b}

        @app.post("/")
        async def echo(line: Line, dry: bool = False) -> Line:
            return line

        with TestClient(app) as client:
            assert client.get("/3?q=a&f=2&b=yes").json() == {"n": 3, "q": "a", "f": 2.0, "b": True}
            faults = client.get("/x?f=y&b=z").json()["detail"]
            assert [(f["type"], f["loc"], f["input"]) for f in faults] == [
                ("int_parsing", ["path", "n"], "x"), ("float_parsing", ["query", "f"], "y"), ("bool_parsing", ["query", "b"], "z"),
            ]
            assert client.post("/", json={"sku": "a", "count": 2}).json() == {"sku": "a", "count": 2}
            assert client.post("/", json={"sku": "a"}).json()["detail"][0]["type"] == "missing"
            broken = client.post("/", content=b"{", headers={"content-type": "application/json"})
            assert broken.json()["detail"][0]["type"] == "json_invalid"

            from FasterAPI._index import RouteIndex

            assert all(app.router.index().short_way(method, "/3"[:size], ["", "3"][:size])[1] for method, size in (("GET", 2),))
            texts = ["5", "-5", "+5", "05", "5.0", "5.5", "1_0", "x", "9" * 30, "%35", "%20 5", "1e3", "true", "TRUE", "yes", "", "5%20"]
            targets = [*(f"/{text}" for text in texts), *(f"/1?{name}={text}" for text in texts for name in "qfb"), "/1?f=1&f=x", "/1?b"]
            short = [client.get(target) for target in targets]
            RouteIndex.short_way = lambda *_: (None, None)
            for target, answer in zip(targets, short):
                other = client.get(target)
                assert (answer.status_code, answer.text) == (other.status_code, other.text), target
        assert "pydantic" not in sys.modules
    """
    for how in ("absent", "missing"):
        fresh(script, how)


def test_the_document_of_structs_and_plain_parameters_needs_no_pydantic() -> None:
    """It is the same with pydantic loaded, not loaded, and missing."""
    script = """
        import json
        from typing import Annotated

        import msgspec
        from FasterAPI import Faster, TestClient

        class Line(msgspec.Struct):
            sku: str
            count: Annotated[int, msgspec.Meta(ge=1)] = 1

        app = Faster(title="Shelf", description="of lines", openapi_tags=[{"name": "a"}], contact={"name": "n"})

        @app.get("/{n}", tags=["a"])
        async def read(n: Annotated[int, msgspec.Meta(le=9)], f: float = 1.5, s: str | None = None, b: bool = False):
            "What it does."

        @app.post("/lines", responses={404: {"description": "none"}}, deprecated=True)
        async def echo(line: Line, dry: bool = False) -> list[Line]:
            return [line]

        with TestClient(app) as client:
            print(json.dumps(client.get("/openapi.json").json(), sort_keys=True))
            assert client.get("/docs").status_code == 200
        assert ("pydantic" in sys.modules) == (sys.argv[1] == "loaded")
    """
    loaded, absent, missing = (json.loads(fresh(script, how)) for how in ("loaded", "absent", "missing"))
    assert loaded == absent == missing
    first, second = loaded["paths"]["/{n}"]["get"]["parameters"][:2]
    assert first["schema"] == {"type": "integer", "maximum": 9, "title": "N"}
    assert second["schema"] == {"type": "number", "default": 1.5, "title": "F"}


@pytest.mark.parametrize("how", ["loaded", "absent"])
def test_what_meta_demands_is_demanded(how: str) -> None:
    """Of parameters too, in unions and lists as well, in the words of pydantic, and in the document."""
    script = """
        from typing import Annotated
        from msgspec import Meta
        from FasterAPI import Faster, TestClient

        app = Faster()
        Short = Annotated[str, Meta(max_length=3, pattern="^a", description="begins with a")]

        @app.get("/{n}")
        async def read(n: Annotated[int, Meta(ge=1, le=9)], f: Annotated[float, Meta(multiple_of=0.5)] = 1.0, s: Short = "a") -> list:
            return [n, f, s]

        if sys.argv[1] == "loaded":
            from FasterAPI import Query

            @app.get("/")
            async def more(
                o: Short | None = None,
                many: Annotated[list[Annotated[int, Meta(gt=0)]], Query()] = [],
                q: Annotated[str, Query(), Meta(min_length=2)] = "ab",
            ):
                return [o, many, q]

        client = TestClient(app)
        assert client.get("/5?f=1.5&s=abc").json() == [5, 1.5, "abc"]
        wrong = {"/0": "greater_than_equal", "/10": "less_than_equal", "/5?f=0.7": "multiple_of", "/5?s=abcd": "string_too_long",
                 "/5?s=b": "string_pattern_mismatch", "/x": "int_parsing"}
        if sys.argv[1] == "loaded":
            assert client.get("/?o=abc&many=1&many=2&q=xy").json() == ["abc", [1, 2], "xy"]
            wrong |= {"/?o=b": "string_pattern_mismatch", "/?many=0": "greater_than", "/?q=x": "string_too_short"}
        for target, kind in wrong.items():
            (fault,) = client.get(target).json()["detail"]
            assert fault["type"] == kind, (target, fault)
            assert fault["input"] in target
        parameters = {item["name"]: item["schema"] for item in app.openapi()["paths"]["/{n}"]["get"]["parameters"]}
        assert parameters["n"] == {"type": "integer", "minimum": 1, "maximum": 9, "title": "N"}
        assert parameters["f"] == {"type": "number", "multipleOf": 0.5, "default": 1.0, "title": "F"}
    """
    fresh(script, how)
