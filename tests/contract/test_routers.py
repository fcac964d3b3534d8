"""Handlers of every shape, and routers: prefixes, bases, tags, names, hooks."""

from __future__ import annotations

import contextvars
import threading
from typing import Any

import pytest

from fasthttp.app import FastHTTP
from fasthttp.dependencies import Depends
from fasthttp.response import Response
from fasthttp.results import RouteResult
from fasthttp.routing import Route, Router
from fasthttp.transports import MockTransport

BASE = "http://api.test/v1"


def make(mock: MockTransport | None = None, base: str | None = BASE, **keywords: Any) -> FastHTTP:
    keywords.setdefault("log", "off")
    return FastHTTP(base, transport=mock or MockTransport(lambda request: {"path": request.target}), **keywords)


def path(resp: Response) -> Any:
    return resp.json()["path"]


# --- handlers


def test_handlers_of_every_shape_run() -> None:
    """Bound methods, callable objects, classes of them, defaults that are not the response, any number of arguments."""

    class Thing:
        def method(self, resp: Response) -> Any:
            return path(resp)

        async def __call__(self, resp: Response) -> Any:
            return path(resp)

    app = make()
    handlers: dict[str, Any] = {
        "method": Thing().method, "object": Thing(), "default": lambda resp=None: path(resp), "closure": lambda item=5: item,
        "any": lambda *responses: path(responses[0]), "none": lambda: None, "exactly": lambda resp, extra=3: extra,
    }  # fmt: skip
    for name, handler in handlers.items():
        app.add_route("GET", "/x", handler, name=name)
    result = app.run()
    assert result.ok
    assert [each.value for each in result.values()] == ["/v1/x", "/v1/x", "/v1/x", 5, "/v1/x", None, 3]


@pytest.mark.parametrize(("handler", "message"), [
    (lambda a, b: None, "Handler '<lambda>' must accept one argument (the response); it requires 2: a, b"),
    (lambda a, *, b: None, "Handler '<lambda>' must accept one argument (the response); it requires 2: a, b"),
    (lambda *, b: None, "Handler '<lambda>' must accept one argument (the response); it requires 1: b"),
    (5, "a handler must be callable, not int"),
])  # fmt: skip
def test_what_is_no_handler_is_refused(handler: Any, message: str) -> None:
    """With the words of the documentation."""
    with pytest.raises(TypeError) as caught:
        make().get("/x")(handler)
    assert str(caught.value) == message


def test_strict_apps_want_annotations() -> None:
    """Parameters first; also of routers that are included, and of strict routers; the route is not registered."""

    def bare(resp): ...  # type: ignore[no-untyped-def]

    def half(resp: Response): ...  # type: ignore[no-untyped-def]

    def full(resp: Response) -> None: ...

    messages = {bare: "Parameter 'resp' in function 'bare' must have a type annotation"}
    messages[half] = "Function 'half' must explicitly define return type annotation"
    for target in (make(strict=True), Router(strict=True)):
        for handler, message in messages.items():
            with pytest.raises(TypeError) as caught:
                target.get("/x")(handler)
            assert str(caught.value) == message
        assert target.routes == []
        target.get("/x")(full)
    router = Router()
    router.get("/y")(half)
    app = make(strict=True)
    with pytest.raises(TypeError, match="'half' must explicitly"):
        app.include_router(router)
    assert app.routes == []
    app = make()
    for handler in (bare, half, full):
        app.get("/x")(handler)
    assert app.run().ok


def test_sync_handlers_run_in_threads_and_hold_up_nobody() -> None:
    """With the context variables of the run; nine fast routes finish before a slow one."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    finished: list[str] = []
    release = threading.Event()
    app = make()
    token = variable.set("mine")

    @app.get("/slow")
    def slow(resp: Response) -> Any:
        assert release.wait(10)
        finished.append("slow")
        return threading.current_thread() is threading.main_thread(), variable.get()

    async def fast(resp: Response) -> None:
        finished.append("fast")
        if len(finished) == 9:
            release.set()

    for index in range(9):
        app.add_route("GET", f"/{index}", fast)
    assert app.run()["slow"].value == (False, "mine")
    assert finished == ["fast"] * 9 + ["slow"]
    variable.reset(token)


@pytest.mark.parametrize("exception", [StopIteration(), StopAsyncIteration(), LookupError("x")])
def test_whatever_a_sync_handler_raises_ends_its_route_only(exception: Any) -> None:
    """Also what a future cannot hold."""

    def handler(resp: Response) -> None:
        raise exception

    app = make()
    app.add_route("GET", "/x", handler, name="x")
    app.add_route("GET", "/y", path, name="y")
    result = app.run()
    assert (result["x"].stage, result["y"].ok) == ("handler", True)
    if not isinstance(exception, StopIteration):
        assert result["x"].error is exception


@pytest.mark.parametrize("exception", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("is_async", [False, True])
def test_what_ends_the_program_is_not_kept_in_a_result(exception: type[BaseException], is_async: bool) -> None:
    """It leaves `run`."""

    def handler(resp: Response) -> None:
        raise exception

    async def async_handler(resp: Response) -> None:
        raise exception

    app = make()
    app.get("/x")(async_handler if is_async else handler)
    with pytest.raises(exception):
        app.run()


# --- routers


def test_routers_nest_and_the_nearest_base_wins() -> None:
    """Prefixes, tags and dependencies from the outside in; routes that come later are part of the next run."""
    seen: list[str] = []

    def note(name: str) -> Any:
        return lambda: seen.append(name)

    outer = Router(prefix="/outer/", tags=["o", "x"], dependencies=[note("outer")])
    middle = Router(prefix="middle", tags=["m", "x"], base_url="https://middle.test/api/", dependencies=[note("middle")])
    inner = Router(prefix="/inner", dependencies=[note("inner")])
    inner.get("/r", name="deep", tags=["r", "o"], dependencies=[note("route")])(path)
    middle.include_router(inner, tags=["i"], dependencies=[note("include")])
    outer.include_router(middle)
    app = make(MockTransport(lambda request: {"path": request.url}))
    app.include_router(outer, prefix="/app", tags=["a"])
    result = app.run()["deep"]
    assert (result.value, result.url) == ("https://middle.test/api/app/outer/middle/inner/r",) * 2
    assert result.tags == ("a", "o", "x", "m", "i", "r")
    assert seen == ["outer", "middle", "include", "inner", "route"]
    assert [(route.url, route.tags) for route in app.routes] == [(result.url, result.tags)]
    inner.get("/later")(path)
    assert [one.name for one in app.run("m").values()] == ["deep", "path"]


@pytest.mark.parametrize(("router", "include", "url"), [
    ({}, {}, "http://api.test/v1/x"), ({"prefix": "/p/"}, {}, "http://api.test/v1/p/x"),
    ({"base_url": "http://r.test/b"}, {}, "http://r.test/b/x"), ({"base_url": "r.test/b"}, {}, "https://r.test/b/x"),
    ({"base_url": "http://r.test"}, {"base_url": "http://i.test"}, "http://i.test/x"),
    ({"prefix": "https://p.test/p"}, {}, "https://p.test/p/x"),
    ({"prefix": "https://p.test/p"}, {"base_url": "http://i.test"}, "http://i.test/x"),
    ({"prefix": "/r"}, {"prefix": "https://p.test/p/"}, "https://p.test/p/r/x"),
    ({"prefix": "/r"}, {"prefix": "/i"}, "http://api.test/v1/i/r/x"),
])  # fmt: skip
def test_the_base_of_a_router(router: dict[str, Any], include: dict[str, Any], url: str) -> None:
    """Of the inclusion, of the router, of the app; a prefix with a scheme is a base."""
    app = make(MockTransport(lambda request: 200))
    one = Router(**router)
    one.get("/x")(lambda: 1)
    app.include_router(one, **include)
    assert app.run()[0].url == url


def test_a_router_may_be_included_twice_but_not_in_itself() -> None:
    """Automatic names are numbered; explicit ones would be repeated, and are refused without a trace."""
    router = Router()
    router.get("/x")(path)
    app = make()
    app.include_router(router, prefix="/a")
    app.include_router(router, prefix="/b")
    app.get("/own")(path)
    assert [(one.name, one.value) for one in app.run().values()] == [
        ("path", "/v1/a/x"), ("path#2", "/v1/b/x"), ("path#3", "/v1/own"),
    ]  # fmt: skip
    assert [route.name for route in app.routes] == ["path", "path#2", "path#3"]
    with pytest.raises(ValueError, match="in itself"):
        router.include_router(router)
    child = Router()
    router.include_router(child)
    with pytest.raises(ValueError, match="in itself"):
        child.include_router(router)
    named = Router()
    named.add_route("GET", "/1", path, name="free")
    named.add_route("GET", "/2", path, name="taken")
    other = make()
    other.add_route("GET", "/3", path, name="taken")
    for _ in range(2):
        with pytest.raises(ValueError, match="a route named 'taken' exists already"):
            other.include_router(named)
    other.add_route("GET", "/4", path, name="free")
    assert [route.name for route in other.routes] == ["taken", "free"]
    with pytest.raises(TypeError, match="include_router takes a Router"):
        other.include_router(FastHTTP())  # type: ignore[arg-type]


def test_hooks_of_a_router_concern_its_routes_and_come_first() -> None:
    """Those of the nearest router first, then its parents', then the app's; exception handlers likewise."""
    seen: list[str] = []
    app, outer, inner = make(), Router(), Router()
    for name, target in (("app", app), ("outer", outer), ("inner", inner)):
        target.on_request(lambda route, config, name=name: seen.append(f"{name} request {route.name}"))
        target.on_response(lambda response, name=name: seen.append(f"{name} response"))
        target.on_error(lambda error, route, name=name: seen.append(f"{name} error"))

    @outer.exception_handler(ValueError)
    def recover(route: Route, error: Exception) -> str:
        return f"recovered {route.name}"

    def failing(resp: Response) -> None:
        raise ValueError

    inner.get("/deep", name="deep")(failing)
    app.get("/top", name="top")(failing)
    outer.include_router(inner)
    app.include_router(outer)
    deep = app.run()
    assert [deep["deep"].value, deep["deep"].ok, deep["top"].ok] == ["recovered deep", True, False]
    assert [line for line in seen if line.endswith("deep")] == ["inner request deep", "outer request deep", "app request deep"]
    assert [line for line in seen if "request" not in line and "app" not in line] == [
        "inner response", "outer response", "inner error", "outer error",
    ]  # fmt: skip
    assert "app request top" in seen
    assert "inner request top" not in seen


def test_an_own_attribute_may_be_set_on_an_app() -> None:
    """The library claims no names but the documented ones."""
    app = make(generate_startup_uuid=True)
    for name in ("config", "token", "stats", "redis", "items", "names", "session"):
        assert not hasattr(app, name)
        setattr(app, name, 1)
    documented = {
        "base_url", "headers", "timeout", "auth", "middleware_manager", "cookie_jar", "security", "raise_for_status", "lifespan", "proxy",
        "trust_env", "http2", "concurrency", "per_host", "strict", "debug", "progress", "log", "retain", "generate_startup_uuid",
        "startup_uuid_version", "startup_uuid", "default_encoding", "docs_base_url", "title", "version", "description", "transport",
        "logger", "event_hooks",
    }  # fmt: skip
    public = {name for name in vars(make()) if not name.startswith("_") and not name.endswith("_request")}
    assert public == documented


def test_depends_and_results_are_what_they_say() -> None:
    """The classes that user code imports are those that it is given."""
    app = make()
    kinds: list[type] = []
    app.get("/x", dependencies=[Depends(lambda route, config: kinds.append(type(route)))])(path)
    assert isinstance(app.run()[0], RouteResult)
    assert kinds == [Route]
