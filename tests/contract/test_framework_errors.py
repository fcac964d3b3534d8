"""Errors and their handlers, middleware around it all, and the life of an application."""

from __future__ import annotations

import threading
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware import Middleware
from starlette.requests import Request

from FasterAPI import (
    APIRouter,
    BaseHTTPMiddleware,
    CORSMiddleware,
    Faster,
    FasterRouter,
    GZipMiddleware,
    HTTPException,
    JSONResponse,
    PlainTextResponse,
    RequestValidationError,
    Response,
    TestClient,
    TrustedHostMiddleware,
)
from FasterAPI.exception_handlers import http_exception_handler, request_validation_exception_handler
from tests.contract.raw_asgi import body_of, exchange, headers_of, status_of


class Base(Exception):
    pass


class Derived(Base):
    pass


def raising(error: BaseException, **options: Any) -> Faster:
    app = Faster(openapi_url=None, **options)

    @app.get("/x")
    async def operation() -> None:
        raise error

    return app


def telling(name: str) -> Any:
    async def handler(request: Request, exc: Exception) -> Response:
        return PlainTextResponse(f"{name} {type(exc).__name__}", 400)

    return handler


def text(app: Any, path: str = "/x") -> str:
    with TestClient(app, raise_server_exceptions=False) as client:
        return client.get(path).text


def test_http_exceptions_show_themselves() -> None:
    """Their text is status and detail; the detail is the phrase of the status by default; header values may be numbers."""
    error = HTTPException(429, headers={"Retry-After": 5})
    assert (str(HTTPException(404)), error.detail) == ("404: Not Found", "Too Many Requests")
    assert isinstance(error, StarletteHTTPException)
    sent = exchange(raising(error), path="/x")
    assert (status_of(sent), headers_of(sent)[b"retry-after"], body_of(sent)) == (429, b"5", b'{"detail":"Too Many Requests"}')
    bodyless = exchange(raising(HTTPException(304)), path="/x")
    assert (status_of(bodyless), body_of(bodyless)) == (304, b"")
    assert not {b"content-type", b"content-length"} & set(headers_of(bodyless))


def test_a_status_comes_before_a_class_and_a_class_before_its_base() -> None:
    """However the handlers were registered; they may block."""
    handlers = {Base: telling("base"), HTTPException: telling("http"), 404: telling("404")}
    assert text(raising(Derived(), exception_handlers=handlers)) == "base Derived"
    assert text(raising(Derived(), exception_handlers={**handlers, Derived: telling("derived")})) == "derived Derived"
    assert text(raising(HTTPException(404), exception_handlers=handlers)) == "404 HTTPException"
    assert text(raising(HTTPException(403), exception_handlers=handlers)) == "http HTTPException"
    app = raising(Base())

    @app.exception_handler(Base)
    def blocking(request: Request, exc: Base) -> Response:
        return PlainTextResponse(str(threading.current_thread() is threading.main_thread()))

    assert text(app) == "False"


def test_the_router_s_own_answers_go_through_handlers() -> None:
    """Unknown paths and wrong methods."""
    app = raising(Base())
    app.add_exception_handler(404, telling("lost"))
    app.add_exception_handler(405, telling("method"))
    assert text(app, "/nowhere") == "lost HTTPException"
    assert body_of(exchange(app, "POST", "/x")) == b"method HTTPException"


def test_handlers_can_be_added_between_requests() -> None:
    """And replaced: the next request finds them."""
    app = raising(Base())
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/x").status_code == 500
        app.exception_handlers[Base] = telling("late")
        app.middleware_stack = None
        assert client.get("/x").text == "late Base"


def test_a_last_resort_answers_and_the_server_is_still_told() -> None:
    """By a handler for `Exception` or for 500, with the exception raised afterwards."""
    for key in (Exception, 500):
        app = raising(Base("x"), exception_handlers={key: telling("last")})
        assert text(app) == "last Base"
        with TestClient(app) as client, pytest.raises(Base):
            client.get("/x")


def test_errors_of_rendering_and_dependencies_are_handled() -> None:
    """Like those of operations."""
    from FasterAPI import Depends

    class Odd(Exception):
        pass

    class Failing(JSONResponse):
        def render(self, content: Any) -> bytes:
            raise Odd

    def failing() -> None:
        raise Odd

    app = Faster(exception_handlers={Odd: telling("odd")})

    @app.get("/rendering", response_class=Failing)
    async def rendering() -> int:
        return 1

    @app.get("/dependency", dependencies=[Depends(failing)])
    async def dependency() -> None: ...

    assert [text(app, path) for path in ("/rendering", "/dependency")] == ["odd Odd", "odd Odd"]


def test_an_error_inside_a_handler_has_both_in_its_chain() -> None:
    """And is a 500."""

    async def handler(request: Request, exc: Exception) -> Response:
        raise LookupError("in the handler")

    app = raising(Base("first"), exception_handlers={Base: handler})
    with TestClient(app) as client, pytest.raises(LookupError) as caught:
        client.get("/x")
    assert isinstance(caught.value.__context__, Base)
    assert text(app) == "Internal Server Error"


def test_the_default_handlers_can_be_called() -> None:
    """By handlers of the application's."""
    app = raising(HTTPException(418))
    seen: list[str] = []

    @app.exception_handler(StarletteHTTPException)
    async def http(request: Request, exc: Any) -> Any:
        seen.append("http")
        return await http_exception_handler(request, exc)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, exc: Any) -> Any:
        seen.append("validation")
        return await request_validation_exception_handler(request, exc)

    @app.get("/typed")
    async def typed(n: int) -> None: ...

    with TestClient(app) as client:
        assert (client.get("/x").status_code, client.get("/typed").json()["detail"][0]["type"]) == (418, "missing")
    assert seen == ["http", "validation"]


def test_debugging_shows_the_source() -> None:
    """As HTML or text, by what the client takes, escaped; never unless asked for."""
    for debug in (True, False):
        app = raising(Base("<script>"), debug=debug)
        with TestClient(app, raise_server_exceptions=False) as client:
            page = client.get("/x", headers={"accept": "text/html"})
            plain = client.get("/x", headers={"accept": "text/plain"})
        assert (page.status_code, "Base" in page.text, "<script>" in page.text) == (500, debug, False)
        assert ("Traceback" in plain.text) is debug


# --- middleware


def test_the_last_added_middleware_is_outermost() -> None:
    """A list given at construction is outermost first; functions and plain wrappers mix."""
    order: list[str] = []

    class Wrapper:
        def __init__(self, app: Any, name: str) -> None:
            self.app, self.name = app, name

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                order.append(self.name)
            await self.app(scope, receive, send)

    app = Faster(middleware=[Middleware(Wrapper, name="first"), Middleware(Wrapper, name="second")])
    app.add_middleware(Wrapper, name="added")

    @app.middleware("http")
    async def function(request: Request, call_next: Any) -> Any:
        order.append("function")
        response = await call_next(request)
        response.headers["x-seen"] = "1"
        return response

    @app.get("/x")
    async def operation() -> str:
        order.append("operation")
        return "x"

    with TestClient(app) as client:
        assert client.get("/x").headers["x-seen"] == "1"
        assert order == ["function", "added", "first", "second", "operation"]
        with pytest.raises(RuntimeError, match="started"):
            app.add_middleware(Wrapper, name="late")
    assert [entry["kwargs"].get("name") for entry in app.middleware] == [None, "added", "first", "second"]
    assert app.middleware[0]["class"] is BaseHTTPMiddleware


def test_middleware_may_answer_itself() -> None:
    """Or read the body first, or see the exception of the application."""
    app = raising(Base())

    @app.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    @app.middleware("http")
    async def guard(request: Request, call_next: Any) -> Any:
        if request.url.path == "/stop":
            return PlainTextResponse("stopped", 403)
        await request.body()
        try:
            return await call_next(request)
        except Base:
            return PlainTextResponse("seen", 503)

    with TestClient(app) as client:
        assert (client.get("/stop").status_code, client.post("/echo", content=b"four").json(), client.get("/x").text) == (403, 4, "seen")


def test_ready_middleware_works() -> None:
    """Cross-origin rules also on errors; compression where it is taken; only known hosts."""
    app = raising(Base())

    @app.get("/long")
    async def long() -> str:
        return "x" * 1000

    app.add_middleware(GZipMiddleware, minimum_size=100)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["testserver", "*.shop.test"])
    app.add_middleware(CORSMiddleware, allow_origins=["https://a.test"], allow_methods=["PUT"], allow_headers=["x-a"])
    with TestClient(app, raise_server_exceptions=False) as client:
        response = client.get("/long", headers={"origin": "https://a.test", "accept-encoding": "gzip"})
        assert (response.headers["access-control-allow-origin"], response.headers["content-encoding"]) == ("https://a.test", "gzip")
        assert response.json() == "x" * 1000
        assert "access-control-allow-origin" not in client.get("/long", headers={"origin": "https://b.test"}).headers
        asked = {"origin": "https://a.test", "access-control-request-method": "PUT", "access-control-request-headers": "x-a"}
        assert client.options("/long", headers=asked).status_code == 200
        assert client.options("/long", headers={**asked, "access-control-request-method": "DELETE"}).status_code == 400
        assert client.get("/nowhere", headers={"origin": "https://a.test"}).headers["access-control-allow-origin"] == "https://a.test"
        refused = client.get("/long", headers={"host": "evil.test"})
        assert (refused.status_code, refused.text) == (400, "Invalid host header")
        assert client.get("/long", headers={"host": "eu.shop.test:8000"}).status_code == 200


# --- the life of an application


def test_lifespans_of_routers_nest_inside() -> None:
    """Outer first; what they yield is the state of requests, copied for each."""
    events: list[str] = []

    def life(name: str) -> Any:
        @asynccontextmanager
        async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
            events.append(f"+{name}")
            yield {name: [name]}
            events.append(f"-{name}")

        return lifespan

    app, router = Faster(lifespan=life("app")), APIRouter(lifespan=life("router"))

    @router.get("/x")
    async def operation(request: Request) -> Any:
        request.state.more = 1
        return [request.state.app, request.state.router]

    app.include_router(router)
    with TestClient(app) as client:
        assert events == ["+app", "+router"]
        assert client.get("/x").json() == [["app"], ["router"]]
        assert set(client.app_state) == {"app", "router"}
    assert events == ["+app", "+router", "-router", "-app"]


def test_generators_are_lifespans_too() -> None:
    """Async ones, and, for old applications, blocking ones."""
    events: list[str] = []

    async def generator(app: Any) -> AsyncIterator[None]:
        events.append("+")
        yield
        events.append("-")

    def blocking(app: Any) -> Iterator[dict[str, int]]:
        events.append("+")
        yield {"a": 1}
        events.append("-")

    for lifespan in (generator, blocking):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            app = Faster(lifespan=lifespan)
        with TestClient(app):
            pass
    assert events == ["+", "-", "+", "-"]


def test_events_run_in_order() -> None:
    """Of both kinds, however they were registered, also those of routers."""
    events: list[str] = []

    async def coroutine() -> None:
        events.append("coroutine")

    app = Faster(on_startup=[coroutine, lambda: events.append("given")], on_shutdown=[lambda: events.append("down")])
    app.add_event_handler("startup", lambda: events.append("added"))
    with pytest.warns(DeprecationWarning, match="on_event is deprecated"):
        decorator = app.on_event("shutdown")

    @decorator
    async def last() -> None:
        events.append("last")

    router = APIRouter(on_startup=[lambda: events.append("router")])
    app.include_router(router)
    app.include_router(router, prefix="/again")
    with TestClient(app):
        assert events == ["coroutine", "given", "added", "router"]
    assert events[4:] == ["down", "last"]


def test_events_run_inside_a_lifespan() -> None:
    """Start-up after its entry, shutdown before its exit; none is dropped."""
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        events.append("+life")
        yield
        events.append("-life")

    app = Faster(lifespan=lifespan, on_startup=[lambda: events.append("up")], on_shutdown=[lambda: events.append("down")])
    app.add_event_handler("startup", lambda: events.append("added"))
    with TestClient(app):
        pass
    assert events == ["+life", "up", "added", "down", "-life"]


def test_the_native_decorators_register_events() -> None:
    """And give the function back; the lists of handlers can be read."""
    events: list[str] = []
    app = Faster()

    @app.on_startup
    def up() -> None:
        events.append("up")

    @app.on_shutdown
    async def down() -> None:
        events.append("down")

    assert (app.startup_handlers, app.shutdown_handlers) == ([up], [down])
    with TestClient(app):
        assert events == ["up"]
    assert events == ["up", "down"]


def test_a_failing_shutdown_does_not_stop_the_others() -> None:
    """The rest run, and then the error is told."""
    events: list[str] = []

    def failing() -> None:
        raise LookupError("first")

    app = Faster(on_shutdown=[failing, lambda: events.append("second")])
    with pytest.raises(Exception, match="first"), TestClient(app):
        pass
    assert events == ["second"]


def test_mounted_applications_have_their_own_handlers_and_schema() -> None:
    """And know where they are mounted."""
    inner = raising(Base(), exception_handlers={Base: telling("inner")})
    documented = Faster(title="Inner")
    documented.get("/y")(lambda: 1)
    app = Faster(exception_handlers={Base: telling("outer")})
    app.mount("/inner", inner)
    app.mount("/documented", documented)
    assert text(app, "/inner/x") == "inner Base"
    with TestClient(app) as client:
        schema = client.get("/documented/openapi.json").json()
        assert (schema["info"]["title"], schema["servers"], list(schema["paths"])) == ("Inner", [{"url": "/documented"}], ["/y"])
        assert "/documented/openapi.json" in client.get("/documented/docs").text
        assert client.get("/openapi.json").json()["paths"] == {}


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_handler_may_return_status_body_and_fields(kind: str) -> None:
    """The native way to answer; fields may repeat, and the length is stated."""

    def sync(request: Any, exc: Exception) -> Any:
        return 418, str(exc), [("x-a", "1"), ("x-a", "2"), ("content-type", "text/plain")]

    async def asynchronous(request: Any, exc: Exception) -> Any:
        return sync(request, exc)

    handler = sync if kind == "sync" else asynchronous
    router = FasterRouter("/inner", exception_handlers={ValueError: handler})
    app = Faster(exception_handlers={LookupError: handler, 404: handler})

    @router.get("/")
    def fail_inside() -> None:
        raise ValueError("inside")

    @app.get("/")
    async def fail() -> None:
        raise LookupError("here")

    app.include_router(router)
    client = TestClient(app)
    for path, text in (("/", "here"), ("/inner/", "inside"), ("/nowhere", "404: Not Found")):
        answer = client.get(path)
        assert (answer.status_code, answer.text, answer.headers.get_list("x-a")) == (418, text, ["1", "2"])
        assert answer.headers["content-length"] == str(len(text))


@pytest.mark.parametrize("result", [None, "text", (1, 2), {"a": 1}])
def test_a_handler_that_returns_no_answer_is_an_error(result: Any) -> None:
    """500, and a `TypeError` with its name for the server."""
    app = Faster()

    @app.exception_handler(LookupError)
    def forgetful(request: Any, exc: Exception) -> Any:
        return result

    @app.get("/")
    def fail() -> None:
        raise LookupError

    assert TestClient(app, raise_server_exceptions=False).get("/").status_code == 500
    with pytest.raises(TypeError, match=f"exception handler .*forgetful returned {type(result).__name__}"):
        TestClient(app).get("/")
