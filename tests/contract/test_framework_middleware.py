"""Middleware of functions: what is called when, with what, and what becomes of answers, errors and clients that leave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from FasterAPI import BackgroundTasks, BaseHTTPMiddleware, FastAPI, JSONResponse, PlainTextResponse, Request, StreamingResponse, TestClient

Next = Callable[[Request], Awaitable[Any]]
wish: ContextVar[str] = ContextVar("wish", default="none")


def make(dispatch: Any, events: list[str]) -> FastAPI:
    app = FastAPI()

    @app.get("/plain")
    async def plain() -> Any:
        events.append("plain")
        return {"wish": wish.get()}

    @app.post("/echo")
    async def echo(request: Request) -> Any:
        return PlainTextResponse((await request.body()).decode())

    @app.get("/stream")
    async def stream() -> Any:
        async def items() -> AsyncIterator[bytes]:
            for number in range(3):
                events.append(f"made {number}")
                yield b"%d" % number

        return StreamingResponse(items())

    @app.get("/later")
    async def later(tasks: BackgroundTasks) -> Any:
        tasks.add_task(events.append, "background")
        return {}

    @app.get("/bug")
    async def bug() -> Any:
        raise LookupError("a bug")

    @app.get("/broken")
    async def broken() -> Any:
        async def items() -> AsyncIterator[bytes]:
            yield b"a"
            raise LookupError("in the middle")

        return StreamingResponse(items())

    if dispatch is not None:
        app.middleware("http")(dispatch)
    return app


def test_it_stands_around_the_operation() -> None:
    """It sees the request before, and may change the answer; context variables set before are seen inside."""
    events: list[str] = []

    async def around(request: Request, call_next: Next) -> Any:
        events.append(f"before {request.url.path}")
        wish.set("peace")
        response = await call_next(request)
        events.append(f"after {response.status_code}")
        response.headers["X-Around"] = "1"
        return response

    with TestClient(make(around, events)) as client:
        response = client.get("/plain")
        assert (response.json(), response.headers["x-around"], response.headers["content-length"]) == ({"wish": "peace"}, "1", "16")
        assert client.get("/nowhere").headers["x-around"] == "1"
    assert events == ["before /plain", "plain", "after 200", "before /nowhere", "after 404"]


def test_it_may_answer_itself() -> None:
    """Without asking what comes next, which is then not called at all."""
    events: list[str] = []

    async def refuse(request: Request, call_next: Next) -> Any:
        return JSONResponse({"no": True}, 403)

    with TestClient(make(refuse, events)) as client:
        assert (client.get("/plain").status_code, events) == (403, [])


def test_another_answer_may_take_the_place_of_the_first() -> None:
    """What the operation answered is dropped, whole or in the middle of its stream."""
    events: list[str] = []

    async def replace(request: Request, call_next: Next) -> Any:
        response = await call_next(request)
        return PlainTextResponse(f"instead of {response.status_code}")

    with TestClient(make(replace, events)) as client:
        assert client.get("/plain").text == "instead of 200"
        assert client.get("/stream").text == "instead of 200"


def test_calling_next_twice_is_an_error() -> None:
    """A request goes through once."""

    async def twice(request: Request, call_next: Next) -> Any:
        await call_next(request)
        return await call_next(request)

    with TestClient(make(twice, [])) as client, pytest.raises(RuntimeError, match="call_next was called already"):
        client.get("/plain")


def test_a_body_that_was_read_is_there_for_the_operation() -> None:
    """However large, and in as many pieces as it came."""
    seen: list[int] = []

    async def reading(request: Request, call_next: Next) -> Any:
        seen.append(len(await request.body()))
        return await call_next(request)

    with TestClient(make(reading, [])) as client:
        for body in ("", "hello", "x" * 300_000):
            assert client.post("/echo", content=iter([body[:7].encode(), body[7:].encode()])).text == body
    assert seen == [0, 5, 300_000]


def test_a_stream_flows_item_by_item() -> None:
    """The next item is made when the one before was passed on."""
    events: list[str] = []

    async def noting(request: Request, call_next: Next) -> Any:
        response = await call_next(request)
        inner = response.body_iterator

        async def items() -> AsyncIterator[bytes]:
            async for item in inner:
                events.append(f"passed {item.decode()}")
                yield item

        response.body_iterator = items()
        return response

    with TestClient(make(noting, events)) as client:
        assert client.get("/stream").text == "012"
    assert [events.index(f"passed {n}") < events.index(f"made {n + 2}") for n in range(1)] == [True]
    assert [event for event in events if event.startswith("passed")] == ["passed 0", "passed 1", "passed 2"]


def test_background_tasks_run_after_the_answer() -> None:
    """Which was sent by then, through any number of layers."""
    events: list[str] = []

    async def first(request: Request, call_next: Next) -> Any:
        response = await call_next(request)
        events.append("answered")
        return response

    app = make(first, events)
    app.middleware("http")(first)
    with TestClient(app) as client:
        assert client.get("/later").status_code == 200
    assert events == ["answered", "answered", "background"]


def test_an_error_of_the_operation_is_raised_where_it_was_called() -> None:
    """The middleware may turn it into an answer; one that does not hands it on."""

    async def catching(request: Request, call_next: Next) -> Any:
        try:
            return await call_next(request)
        except LookupError as exc:
            return JSONResponse({"caught": str(exc)}, 500)

    async def passing(request: Request, call_next: Next) -> Any:
        return await call_next(request)

    with TestClient(make(catching, [])) as client:
        assert client.get("/bug").json() == {"caught": "a bug"}
    with TestClient(make(passing, [])) as client:
        with pytest.raises(LookupError, match="a bug"):
            client.get("/bug")
        with pytest.raises(LookupError, match="in the middle"):
            client.get("/broken")


def test_an_error_of_the_middleware_ends_the_operation() -> None:
    """Nothing goes on behind it."""
    events: list[str] = []

    async def failing(request: Request, call_next: Next) -> Any:
        await call_next(request)
        raise ValueError("mine")

    with TestClient(make(failing, events)) as client, pytest.raises(ValueError, match="mine"):
        client.get("/stream")
    assert len(events) <= 2


def test_the_last_one_added_is_outermost() -> None:
    """Functions, classes of a request and classes of ASGI's three alike."""
    order: list[str] = []

    class Native(BaseHTTPMiddleware):
        async def dispatch(self, scope: Any, receive: Any, send: Any) -> None:  # type: ignore[override]
            order.append("native")
            await super().dispatch(scope, receive, send)

    class Modern(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Next) -> Any:
            order.append("modern")
            return await call_next(request)

    async def function(request: Request, call_next: Next) -> Any:
        order.append("function")
        return await call_next(request)

    app = make(None, [])
    app.add_middleware(Native)
    app.add_middleware(Modern)
    app.middleware("http")(function)
    with TestClient(app) as client:
        assert client.get("/plain").status_code == 200
    assert order == ["function", "modern", "native"]
    assert [entry["class"].__name__ for entry in app.middleware] == ["BaseHTTPMiddleware", "Modern", "Native"]


def test_a_dispatch_that_takes_something_else_is_refused() -> None:
    """When the application is put together, with what it may take."""
    with pytest.raises(TypeError, match="this one has 1 parameters"):
        BaseHTTPMiddleware(make(None, []), dispatch=lambda request: request)


async def test_a_client_that_leaves_ends_a_stream() -> None:
    """The generator is closed, and the middleware is not left waiting."""
    closed = asyncio.Event()
    app = FastAPI()

    @app.get("/endless")
    async def endless() -> Any:
        async def items() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x"
                    await asyncio.sleep(0)
            finally:
                closed.set()

        return StreamingResponse(items())

    @app.middleware("http")
    async def passing(request: Request, call_next: Next) -> Any:
        return await call_next(request)

    sent = 0

    async def send(message: Any) -> None:
        nonlocal sent
        sent += 1
        if sent > 5:
            raise OSError("the client has left")

    async def receive() -> Any:
        await asyncio.Event().wait()

    scope = {"type": "http", "method": "GET", "path": "/endless", "query_string": b"", "headers": [], "asgi": {"spec_version": "2.4"}}
    with pytest.raises(Exception, match=r"^"):
        await asyncio.wait_for(app(scope, receive, send), 5)
    await asyncio.wait_for(closed.wait(), 1)
