"""Middleware, events, cookies and retries of the declarative layer."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest

from fasthttp.app import FastHTTP, guarded
from fasthttp.auth import BasicAuth
from fasthttp.cookies import CookieJar
from fasthttp.errors import ConnectError
from fasthttp.middleware import BaseMiddleware, MiddlewareChain, RetryMiddleware, RouteRequest, SessionMiddleware
from fasthttp.models import Request
from fasthttp.response import Response
from fasthttp.transports import MockTransport
from fasthttp.transports.mock import MockResponse

BASE = "http://api.test"


def make(answer: Any = 200, **keywords: Any) -> tuple[FastHTTP, MockTransport]:
    mock = MockTransport(answer if callable(answer) else lambda request: answer)
    mock.fast = True
    return FastHTTP(BASE, transport=mock, log="off", **keywords), mock


class Trail(BaseMiddleware):
    """Notes when it is passed."""

    def __init__(self, name: str, trail: list[str], priority: int = 0) -> None:
        self.name, self.trail, self.__priority__ = name, trail, priority

    def request(self, method: str, url: str, kwargs: dict[str, Any]) -> None:
        self.trail.append(f"{self.name} in")

    async def response(self, response: Response) -> None:
        self.trail.append(f"{self.name} out")


def test_priorities_order_the_way_in_and_out_and_a_jar_works_beside_a_chain() -> None:
    """Low ones first on the way in; those of one priority as given."""
    trail: list[str] = []
    app, mock = make(MockResponse(200, headers={"Set-Cookie": "a=1"}), cookie_jar=CookieJar(), middleware=(
        Trail("five", trail, 5) | Trail("one", trail, 1) | Trail("two", trail, 1)
    ))  # fmt: skip
    app.get("/x")(lambda resp: None)
    assert app.run().ok
    assert trail == ["one in", "two in", "five in", "five out", "two out", "one out"]
    app.run()
    assert mock.calls[1].headers["cookie"] == "a=1"
    trail.clear()
    app.middleware_manager.add(Trail("late", trail, 1))
    app.run()
    assert trail[:4] == ["one in", "two in", "late in", "five in"]
    assert len(MiddlewareChain([Trail("x", trail)]) | Trail("y", trail)) == 2
    with pytest.raises(TypeError, match=r"write RetryMiddleware\(\) instead of RetryMiddleware"):
        FastHTTP(middleware=RetryMiddleware)
    with pytest.raises(TypeError, match="instances of BaseMiddleware, not str"):
        FastHTTP(middleware=["x"])


def test_a_middleware_may_answer_itself_or_ask_twice() -> None:
    """No request then, and two; `attempts` says so."""

    class Answers(BaseMiddleware):
        async def handle(self, request: RouteRequest, call_next: Any) -> Response:
            return Response(200, text="mine")

    class Twice(BaseMiddleware):
        async def handle(self, request: RouteRequest, call_next: Any) -> Response:
            await call_next(request)
            request.headers["X-Time"] = "2"
            return await call_next(request)  # type: ignore[no-any-return]

    for middleware, count, value in ((Answers(), 0, "mine"), (Twice(), 2, "theirs")):
        app, mock = make("theirs", middleware=middleware)
        app.get("/x")(lambda resp: resp.text)
        result = app.run()[0]
        assert (result.value, result.attempts, len(mock.calls)) == (value, count, count)
    assert mock.calls[1].headers["x-time"] == "2"


def test_what_is_edited_is_sent() -> None:
    """The config, in place or by another dict, and the copy of the route; unknown keys are nobody's business."""

    class Edits(BaseMiddleware):
        __methods__ = ("post",)

        def before_request(self, route: Any, config: dict[str, Any]) -> None:
            route.params = {"page": 2}
            route.headers = {"X-Route": "r"}

        def request(self, method: str, url: str, kwargs: dict[str, Any]) -> dict[str, Any]:
            kwargs["headers"]["X-Config"] = "c"
            return {**kwargs, "json": {"b": 2}, "retry": "mine", "jar": "mine"}

        def after_response(self, response: Response, route: Any, config: dict[str, Any]) -> Response:
            assert (config["retry"], config["jar"]) == ("mine", "mine")
            return Response(203, text="changed", request=response.request)

    app, mock = make(middleware=[Edits()])
    app.add_route("POST", "/x", lambda resp: resp.text, json={"a": 1}, name="post")
    app.add_route("GET", "/x", lambda resp: resp.text, name="get")
    result = app.run()
    assert (result["post"].value, result["post"].status) == ("changed", 203)
    assert result["get"].status == 200
    call = next(call for call in mock.calls if call.method == "POST")
    assert (call.url, call.json(), call.headers["x-config"], call.headers["x-route"]) == (f"{BASE}/x?page=2", {"b": 2}, "c", "r")


@pytest.mark.parametrize(("method", "value"), [("request", "text"), ("response", 5), ("handle", None)])
def test_a_wrong_return_is_a_failure_of_the_middleware(method: str, value: Any) -> None:
    """A `TypeError` that names the method, with the stage that it belongs to."""

    class Wrong(BaseMiddleware): ...

    setattr(Wrong, method, lambda self, *arguments: value)
    app, _ = make(middleware=Wrong())
    app.get("/x")(lambda resp: None)
    result = app.run()[0]
    assert (type(result.error), result.stage) == (TypeError, "middleware")
    assert f"Wrong.{method} returned" in str(result.error)


def test_stages_tell_who_failed() -> None:
    """The request below, a middleware after it, or one that raises another error in its place."""

    class Raises(BaseMiddleware):
        def __init__(self, event: str) -> None:
            self.event = event

        def response(self, response: Response) -> None:
            if self.event == "after":
                raise KeyError("after")

        def on_error(self, error: Exception, route: Any, config: dict[str, Any]) -> None:
            if self.event == "instead":
                raise KeyError("instead")

    stages = []
    for event, answer in (("after", 200), ("instead", ConnectError("refused")), ("never", ConnectError("refused"))):
        app, _ = make(answer, middleware=Raises(event))
        app.get("/x")(lambda resp: None)
        result = app.run()[0]
        stages.append((type(result.error), result.stage))
    assert stages == [(KeyError, "middleware"), (KeyError, "middleware"), (ConnectError, "request")]


def test_context_variables_and_switches() -> None:
    """What `request` sets is seen by `response` and `on_error` of the same request; `__enabled__` is read each time."""
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="")
    seen = []

    class Marks(BaseMiddleware):
        async def request(self, method: str, url: str, kwargs: dict[str, Any]) -> None:
            name.set(url)
            await asyncio.sleep(0)

        def response(self, response: Response) -> None:
            seen.append(name.get() == f"{BASE}{response.request.target}")

        def on_error(self, error: Exception, route: Any, config: dict[str, Any]) -> None:
            seen.append(name.get() == route.url)

    marks = Marks()
    app, _ = make(lambda request: 200 if request.target < "/4" else ConnectError("x"), middleware=marks)
    for index in range(8):
        app.add_route("GET", f"/{index}", None)  # type: ignore[arg-type]
    app.run()
    assert seen == [True] * 8
    marks.__enabled__ = False
    app.run()
    assert len(seen) == 8


# --- events


def test_events_and_handlers_of_exceptions() -> None:
    """Hooks in order, sync and async; the most specific handler makes a value of a failure; hooks that raise are failures."""
    app, _ = make(lambda request: ConnectError("refused") if request.target == "/down" else 200)
    told: list[str] = []

    @app.on_request
    async def first(route: Any, config: dict[str, Any]) -> None:
        told.append(f"request {route.name}")
        if route.name == "hooked":
            raise RuntimeError("hook")

    @app.on_response
    def second(response: Response) -> None:
        told.append(f"response {response.request.target}")

    @app.on_error
    def third(error: Exception, route: Any) -> None:
        told.append(f"error {route.name} {type(error).__name__}")
        raise OSError("only logged")

    app.exception_handler(Exception)(lambda route, exc: "general")
    app.exception_handler(ConnectError)(lambda route, exc: f"{route.name} is down")
    for path in ("up", "down", "hooked"):
        app.add_route("GET", f"/{path}", lambda resp: 1, name=path)
    result = app.run()
    assert {name: (one.value, one.ok) for name, one in result.items()} == {
        "up": (1, True), "down": ("down is down", True), "hooked": ("general", True),
    }  # fmt: skip
    assert sorted(told) == [
        "error down ConnectError", "error hooked RuntimeError", "request down", "request hooked", "request up", "response /up",
    ]  # fmt: skip
    with pytest.raises(TypeError, match="takes a class of exceptions"):
        app.exception_handler(5)  # type: ignore[arg-type]


def test_a_handler_of_exceptions_that_raises_replaces_the_error() -> None:
    """The route fails with the new one."""
    app, _ = make(ConnectError("refused"))

    @app.exception_handler(ConnectError)
    def again(route: Any, exc: Exception) -> None:
        raise KeyError("new")

    app.get("/x")(lambda resp: None)
    assert isinstance(app.run()[0].error, KeyError)


def test_user_code_can_keep_a_request_from_being_sent() -> None:
    """The handler is called all the same, with a response that has no status."""
    app, mock = make()

    @app.on_request
    def skip(route: Any, config: dict[str, Any]) -> None:
        route.skip_request = route.name == "skipped"

    app.add_route("GET", "/a", lambda resp: resp.status, name="skipped")
    app.add_route("GET", "/b", lambda resp: resp.status, name="sent")
    result = app.run()
    assert [(one.value, one.ok, one.status, one.attempts) for one in result.values()] == [(0, True, None, 0), (200, True, 200, 1)]
    assert len(mock.calls) == 1


# --- credentials and request ids


def test_credentials_of_the_app_give_way_to_nearer_ones() -> None:
    """To `auth=` of a route and to its `Authorization` header, with code of the user's in between and without."""
    for hook in (False, True):
        app, mock = make(auth=BasicAuth("app", "x"), headers={"Authorization": "of the app"})
        if hook:
            app.on_request(lambda route, config: None)
        app.add_route("GET", "/a", None)  # type: ignore[arg-type]
        app.add_route("GET", "/b", None, headers={"authorization": "mine"})  # type: ignore[arg-type]
        app.add_route("GET", "/c", None, auth=("route", "x"))  # type: ignore[arg-type]
        app.run()
        sent = {call.request.target: call.headers["authorization"] for call in mock.calls}
        assert sent == {"/a": "Basic YXBwOng=", "/b": "mine", "/c": "Basic cm91dGU6eA=="}


@pytest.mark.parametrize("version", ["v4", "v7"])
def test_request_ids(version: Any) -> None:
    """One for the life of an app, unless a route sets its own."""
    app, mock = make(generate_startup_uuid=True, startup_uuid_version=version)
    app.add_route("GET", "/a", None)  # type: ignore[arg-type]
    app.add_route("GET", "/b", None, headers={"x-request-id": "own"})  # type: ignore[arg-type]
    app.run()
    app.run()
    sent = sorted((call.request.target, call.headers["x-request-id"]) for call in mock.calls)
    assert sent == [("/a", app.startup_uuid)] * 2 + [("/b", "own")] * 2
    assert (app.startup_uuid or "")[14] == version[1]


# --- cookies


def test_cookies_without_a_jar_last_for_one_chain_of_redirects() -> None:
    """The next request of the same run knows nothing of them; a strict one stays home when the chain has left the site."""

    def answer(request: Request) -> Any:
        if request.url == "http://api.test/start":
            headers = {"Location": "http://other.test/", "Set-Cookie": "strict=1; SameSite=Strict"}
            return Response(302, [*headers.items(), ("Set-Cookie", "plain=1")])
        return MockResponse(302, headers={"Location": "http://api.test/end"}) if "other" in request.url else 200

    app, mock = make(answer)
    app.get("/start")(lambda resp: resp.url)
    for _ in range(2):
        assert app.run()[0].value == "http://api.test/end"
    assert [call.headers.get("cookie") for call in mock.calls] == [None, None, "plain=1"] * 2


def test_session_middleware_shares_cookies_between_apps() -> None:
    """Live mapping, copy and clearing; a jar wins over cookies."""
    session = SessionMiddleware({"a": "1"})
    for value in ("a=1", "a=1; b=2"):
        app, mock = make(MockResponse(200, headers={"Set-Cookie": "b=2"}), middleware=session)
        app.get("/x")(lambda resp: None)
        app.run()
        assert mock.calls[0].headers["cookie"] == value
    assert session.get_cookies() == {"a": "1", "b": "2"} == dict(session.cookies.items())
    session.clear()
    assert session.get_cookies() == {}
    jar = CookieJar({"j": "1"})
    assert SessionMiddleware({"a": "1"}, jar=jar).get_cookies() == {"j": "1"}


# --- retries


def run_retry(answers: list[Any], method: str = "GET", **keywords: Any) -> tuple[Any, list[float]]:
    """The result of a route with retries, and the waits."""
    left = iter(answers)
    app, _ = make(lambda request: next(left), middleware=RetryMiddleware(jitter=False, **keywords))
    waits: list[float] = []

    app.add_route(method, "/x", lambda resp: resp.status, name="x")
    before = guarded.GuardedEngine.pause

    async def pause(self: Any, seconds: float) -> None:
        waits.append(seconds)
        await before(self, seconds)

    guarded.GuardedEngine.pause = pause  # type: ignore[method-assign]
    try:
        return app.run()[0], waits
    finally:
        guarded.GuardedEngine.pause = before  # type: ignore[method-assign]


def test_retries_wait_as_the_server_asks_and_spare_what_is_not_idempotent() -> None:
    """GET three times with two waits of a second; POST once, unless its method is listed."""
    busy = MockResponse(503, headers={"Retry-After": "1"})
    result, waits = run_retry([busy, busy, 200])
    assert (result.ok, result.attempts, waits) == (True, 3, [1.0, 1.0])
    result, waits = run_retry([busy, 200], "POST")
    assert (result.ok, result.status, result.attempts, waits) == (False, 503, 1, [])
    result, waits = run_retry([503, 200], "POST", retry_methods=["POST"])
    assert (result.ok, result.attempts, waits) == (True, 2, [0.5])


def test_retries_end_and_can_be_narrowed() -> None:
    """The last answer counts; of failures only those of the given classes are retried, and never those of the handler."""
    result, waits = run_retry([500] * 4)
    assert (result.status, result.attempts, waits) == (500, 4, [0.5, 1.0, 2.0])
    result, waits = run_retry([ConnectError("x"), 200], retry_exceptions=(TimeoutError,))
    assert isinstance(result.error, ConnectError)
    result, waits = run_retry([ConnectError("x"), 200], retry_exceptions=(OSError,))
    assert result.ok
    with pytest.raises(ValueError, match="max_retries=-1"):
        RetryMiddleware(-1)


def test_a_wait_leaves_its_place_to_others() -> None:
    """With room for one, the other routes are done while the first waits; its limit of time begins anew, and its turn comes first."""
    order: list[str] = []

    async def answer(request: Request) -> Any:
        order.append(request.target)
        return 503 if order.count(request.target) == 1 and request.target == "/0" else 200

    mock = MockTransport(answer)
    app = FastHTTP(
        BASE, transport=mock, log="off", concurrency=1, timeout=0.04, middleware=RetryMiddleware(1, backoff_factor=0.05, jitter=False)
    )
    for index in range(4):
        app.add_route("GET", f"/{index}", None)  # type: ignore[arg-type]
    result = app.run()
    assert result.ok
    assert order == ["/0", "/1", "/2", "/3", "/0"]
    assert result[0].attempts == 2
