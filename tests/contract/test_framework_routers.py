"""Routers: inclusion, nesting, what levels share and which wins, options, custom routes, names."""

from __future__ import annotations

import functools
import http
from typing import Any

import pytest
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.websockets import WebSocket

from FasterAPI import APIRouter, Depends, FastAPI, Faster, FasterRouter, HTTPException, JSONResponse, TestClient
from FasterAPI.exceptions import FastAPIError
from FasterAPI.routing import APIRoute
from tests.contract.raw_asgi import exchange, headers_of, status_of


def get(app: Any, path: str, **options: Any) -> Any:
    with TestClient(app) as client:
        return client.get(path, **options)


async def ok() -> str:
    return "ok"


def test_routers_nest_to_any_depth_and_may_be_included_twice() -> None:
    """Prefixes join from the outside in."""
    inner, middle, app = APIRouter(prefix="/inner"), APIRouter(prefix="/middle"), Faster()
    inner.get("/x")(ok)
    middle.include_router(inner, prefix="/in")
    app.include_router(middle, prefix="/one")
    app.include_router(middle, prefix="/two")
    for path in ("/one/middle/in/inner/x", "/two/middle/in/inner/x"):
        assert get(app, path).json() == "ok"
    assert get(app, "/inner/x").status_code == 404


def test_a_route_that_is_added_after_inclusion_is_served() -> None:
    """Also below several routers, after the first request, for WebSockets, and for routers that are included later."""
    inner, outer, app = APIRouter(), APIRouter(), Faster()
    outer.include_router(inner, prefix="/in")
    app.include_router(outer, prefix="/out")
    with TestClient(app) as client:
        assert client.get("/out/in/late").status_code == 404
        assert "/out/in/late" not in client.get("/openapi.json").json()["paths"]
        inner.get("/late")(ok)
        assert client.get("/out/in/late").json() == "ok"
        assert "/out/in/late" in client.get("/openapi.json").json()["paths"]
        later = APIRouter()
        later.get("/x")(ok)
        inner.include_router(later, prefix="/more")
        assert client.get("/out/in/more/x").json() == "ok"

        @inner.websocket("/ws")
        async def talk(websocket: WebSocket) -> None:
            await websocket.accept()
            await websocket.send_text("hi")
            await websocket.close()

        with client.websocket_connect("/out/in/ws") as session:
            assert session.receive_text() == "hi"


def test_late_routes_keep_the_place_of_their_inclusion() -> None:
    """A route of a later router stays behind them."""
    first, second, app = APIRouter(), APIRouter(), Faster()
    app.include_router(first)
    first.get("/a")(ok)

    @second.get("/{x}")
    async def second_operation(x: str) -> str:
        return "second"

    app.include_router(second)
    first.get("/b")(ok)
    assert [get(app, path).json() for path in ("/a", "/b", "/c")] == ["ok", "ok", "second"]


def test_what_levels_share_is_joined_in_order() -> None:
    """Tags by inclusion, router and route; dependencies from the application inwards; answers by the nearest level."""
    order: list[str] = []

    def step(name: str) -> Any:
        def run() -> None:
            order.append(name)

        return Depends(run)

    def told(*names: str) -> dict[int | str, dict[str, Any]]:
        return {404 + place: {"description": name} for place, name in enumerate(names)}

    app = Faster(dependencies=[step("app")], responses=told("app", "app", "app", "app"))
    router = APIRouter(tags=["router"], dependencies=[step("router")], responses=told("router", "router"))

    @router.get("/x", tags=["route"], dependencies=[step("route")], responses=told("route"))
    async def operation(own: None = step("own")) -> None: ...

    app.include_router(router, tags=["include"], dependencies=[step("include")], responses=told("include", "include", "include"))
    assert get(app, "/x").json() is None
    assert order == ["app", "include", "router", "route", "own"]
    described = app.openapi()["paths"]["/x"]["get"]
    assert described["tags"] == ["include", "router", "route"]
    found = [described["responses"][status]["description"] for status in ("404", "405", "406", "407")]
    assert found == ["route", "router", "include", "app"]


@pytest.mark.parametrize("level", ["app", "include", "router", "route"])
def test_any_level_can_deprecate_and_hide(level: str) -> None:
    """Whatever the others say."""

    def options(name: str, **given: Any) -> dict[str, Any]:
        return given if name == level else {}

    for given in ({"deprecated": True}, {"include_in_schema": False}):
        app = Faster(**options("app", **given))
        router = APIRouter(**options("router", **given))
        router.get("/x", **options("route", **given))(ok)
        app.include_router(router, **options("include", **given))
        paths = app.openapi()["paths"]
        if "deprecated" in given:
            assert paths["/x"]["get"]["deprecated"] is True
        else:
            assert paths == {}
        assert get(app, "/x").status_code == 200


def test_the_nearest_response_class_and_id_function_win() -> None:
    """Route before router before inclusion before application."""

    class A(PlainTextResponse):
        media_type = "text/a"

    class B(PlainTextResponse):
        media_type = "text/b"

    class C(PlainTextResponse):
        media_type = "text/c"

    class D(PlainTextResponse):
        media_type = "text/d"

    app = Faster(default_response_class=A, generate_unique_id_function=lambda route: f"app_{route.name}")
    own = APIRouter(default_response_class=C, generate_unique_id_function=lambda route: f"router_{route.name}")
    plain = APIRouter()
    app.get("/a", name="a")(ok)
    plain.get("/b", name="b")(ok)
    own.get("/c", name="c")(ok)
    own.get("/d", name="d", response_class=D, generate_unique_id_function=lambda route: f"route_{route.name}")(ok)
    includes: dict[str, Any] = {"default_response_class": B, "generate_unique_id_function": lambda route: f"include_{route.name}"}
    app.include_router(plain, **includes)
    app.include_router(own, **includes)
    for letter, level in zip("abcd", ("app", "include", "router", "route"), strict=True):
        assert get(app, f"/{letter}").headers["content-type"].startswith(f"text/{letter}")
        assert app.openapi()["paths"][f"/{letter}"]["get"]["operationId"] == f"{level}_{letter}"


@pytest.mark.parametrize(("levels", "limit"), [
    ({"app": 10}, 10), ({"app": 10, "include": 20}, 20), ({"app": 10, "include": 20, "router": 30}, 30),
    ({"app": 10, "include": 20, "router": 30, "route": 40}, 40), ({"app": 40, "route": 10}, 10),
])  # fmt: skip
def test_the_nearest_limit_of_bodies_wins(levels: dict[str, int], limit: int) -> None:
    """A body of as many bytes is taken, one more is not, whether its length was announced or not."""

    def given(level: str) -> dict[str, Any]:
        return {"max_body_size": levels[level]} if level in levels else {}

    app = Faster(**given("app"))
    router = APIRouter(**given("router"))

    @router.post("/x", **given("route"))
    async def operation(request: Request) -> int:
        return len(await request.body())

    app.include_router(router, **given("include"))
    with TestClient(app) as client:
        assert client.post("/x", content=b"x" * limit).json() == limit
        assert client.post("/x", content=b"x" * (limit + 1)).status_code == 413
        response = client.post("/x", content=iter([b"x" * limit, b"x"]))
        assert (response.status_code, response.json()) == (413, {"detail": "Content Too Large"})


def test_prefixes_are_checked() -> None:
    """They begin with a slash and do not end with one; the native router strips the last slash; nothing at all is no path."""
    for prefix in ("x", "/x/"):
        with pytest.raises(AssertionError, match="prefix must"):
            APIRouter(prefix=prefix)
        with pytest.raises(AssertionError, match="prefix must"):
            Faster().include_router(APIRouter(), prefix=prefix)
    for router in (FasterRouter("/x/"), FasterRouter(prefix="/x/"), FasterRouter("/x", ["tag"])):
        assert router.prefix == "/x"
    empty = APIRouter()
    empty.get("")(ok)
    with pytest.raises(FastAPIError, match="Prefix and path cannot be both empty"):
        Faster().include_router(empty)
    app = Faster()
    app.include_router(empty, prefix="/p")
    assert get(app, "/p").json() == "ok"


def test_a_router_cannot_include_itself() -> None:
    """Neither directly nor through another."""
    one, two = APIRouter(), APIRouter()
    with pytest.raises(AssertionError, match="itself"):
        one.include_router(one)
    one.include_router(two)
    with pytest.raises(AssertionError, match="cycle"):
        two.include_router(one)


def test_a_misspelt_option_is_told_with_the_right_name() -> None:
    """At registration, on every decorator and constructor."""
    app, router = Faster(), APIRouter()
    for register in (app.get, router.post, app.api_route, router.api_route):
        with pytest.raises(TypeError, match=r"'statuscode'; did you mean 'status_code'"):
            register("/x", statuscode=201)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"'response_modell'; did you mean 'response_model'"):
        app.add_api_route("/x", ok, response_modell=int)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"'titel'; did you mean 'title'"):
        Faster(titel="x")
    with pytest.raises(TypeError, match="unexpected"):
        app.include_router(router, prefx="/x")  # type: ignore[call-arg]


def test_a_status_may_be_of_the_standard_library() -> None:
    """As a number or a member of its enumeration; without a body where the status has none."""
    app = Faster()
    app.get("/a", status_code=http.HTTPStatus.ACCEPTED)(ok)
    app.delete("/b", status_code=204)(lambda: None)
    assert get(app, "/a").status_code == 202
    sent = exchange(app, "DELETE", "/b")
    assert (status_of(sent), set(headers_of(sent)) & {b"content-type", b"content-length"}) == (204, set())


def test_operations_are_all_kinds_of_callables() -> None:
    """Functions, coroutine functions, instances, partials, bound methods, decorated functions."""

    class Instance:
        def __call__(self, x: int) -> str:
            return f"instance {x}"

        async def method(self, x: int) -> str:
            return f"method {x}"

    class AsyncInstance:
        async def __call__(self, x: int) -> str:
            return f"async instance {x}"

    def plain(x: int, y: str = "") -> str:
        return f"plain {x}{y}"

    def decorate(function: Any) -> Any:
        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            return "decorated " + await function(*args, **kwargs)

        return wrapper

    @decorate
    async def wrapped(x: int) -> str:
        return f"wrapped {x}"

    app = Faster()
    endpoints = {
        "instance": Instance(), "method": Instance().method, "async": AsyncInstance(), "plain": plain, "wrapped": wrapped,
        "partial": functools.partial(plain, y="!"), "nested": functools.partial(functools.partial(plain)),
    }  # fmt: skip
    for name, endpoint in endpoints.items():
        app.get(f"/{name}/{{x}}", name=name)(endpoint)
    found = {name: get(app, f"/{name}/1").json() for name in endpoints}
    assert found == {
        "instance": "instance 1", "method": "method 1", "async": "async instance 1", "plain": "plain 1",
        "wrapped": "decorated wrapped 1", "partial": "plain 1!", "nested": "plain 1",
    }  # fmt: skip
    assert get(app, "/wrapped/x").status_code == 422


def test_one_function_can_carry_several_routes() -> None:
    """And is still the function."""
    app = Faster()

    @app.get("/a")
    @app.post("/b")
    def both() -> int:
        return 3

    assert both() == 3
    with TestClient(app) as client:
        assert (client.get("/a").json(), client.post("/b").json()) == (3, 3)


def test_a_route_class_may_put_its_own_handler_around() -> None:
    """It belongs to the routes of its router, also where those are included, and sees requests and responses."""

    class Timed(APIRoute):
        def get_route_handler(self) -> Any:
            original = super().get_route_handler()

            async def handler(request: Request) -> Response:
                response = await original(request)
                response.headers["x-handler"] = type(request).__name__
                return response

            return handler

    router, app = APIRouter(route_class=Timed), Faster()
    router.get("/timed/{x}")(lambda x: x)

    @app.get("/plain")
    async def plain() -> str:
        return "x"

    app.include_router(router)
    assert get(app, "/timed/5").headers["x-handler"] == "Request"
    assert get(app, "/timed/5").json() == "5"
    assert "x-handler" not in get(app, "/plain").headers


def test_a_custom_request_class_decides_what_the_body_is() -> None:
    """A handler may hand on a request whose `body()` is its own."""

    class Reversed(Request):
        async def body(self) -> bytes:
            if not hasattr(self, "_body"):
                self._body = (await super().body())[::-1]
            return self._body

    class Route(APIRoute):
        def get_route_handler(self) -> Any:
            original = super().get_route_handler()

            async def handler(request: Request) -> Response:
                return await original(Reversed(request.scope, request.receive))

            return handler

    app = Faster()
    app.router.route_class = Route

    @app.post("/x")
    async def operation(numbers: list[int]) -> list[int]:
        return numbers

    with TestClient(app) as client:
        assert client.post("/x", content=b"]2,1[", headers={"content-type": "application/json"}).json() == [1, 2]


def test_what_libraries_replace_is_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that somebody has replaced in the module of the routes is called for routes registered afterwards."""
    from FasterAPI import routing

    original = routing.run_endpoint_function
    calls = []

    async def counted(**keywords: Any) -> Any:
        calls.append(keywords["dependant"].call)
        return await original(**keywords)

    monkeypatch.setattr(routing, "run_endpoint_function", counted)
    app = Faster()
    app.get("/x")(ok)
    assert get(app, "/x").json() == "ok"
    assert calls == [ok]


def test_endpoint_classes_are_served() -> None:
    """With a method for each verb."""

    class Page(HTTPEndpoint):
        async def get(self, request: Request) -> Response:
            return HTMLResponse("page")

    app = Faster()
    app.add_route("/page", Page)
    assert get(app, "/page").text == "page"
    assert status_of(exchange(app, "POST", "/page")) == 405


def test_routes_tell_about_themselves() -> None:
    """By attribute, and by the native look-ups."""
    app = FastAPI(openapi_url=None)

    @app.post("/x/{a}", tags=["t"], status_code=201, summary="Short", response_model=dict)
    async def operation(a: str) -> Any: ...

    [route] = app.routes
    assert isinstance(route, APIRoute)
    assert (route.path, route.name, route.methods, route.endpoint, route.tags) == ("/x/{a}", "operation", {"POST"}, operation, ["t"])
    assert (route.response_model, route.dependant.path_params[0].name) == (dict, "a")
    found = [route[key] for key in ("path", "method", "handler", "tags", "summary", "status_code")]
    assert found == ["/x/{a}", "POST", operation, ["t"], "Short", 201]
    with pytest.raises(KeyError):
        route["nothing"]
    assert (repr(app), repr(Faster(openapi_url=None))) == ("<FastAPI routes=1>", "<Faster routes=0>")


def test_two_applications_share_nothing() -> None:
    """Routes, handlers, overrides and state belong to one."""
    one, two = Faster(), Faster()
    one.get("/x")(ok)
    one.state.value = 1

    @one.exception_handler(404)
    async def lost(request: Request, exc: HTTPException) -> Response:
        return JSONResponse("one", 404)

    assert get(two, "/x").json() == {"detail": "Not Found"}
    assert get(one, "/y").json() == "one"
    assert not hasattr(two.state, "value")
