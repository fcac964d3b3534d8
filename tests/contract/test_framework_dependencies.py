"""Dependencies: kinds, order, caches, exits, overrides, limits, what they share with the response."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Annotated, Any

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from FasterAPI import BackgroundTasks, Depends, Faster, HTTPException, Security, SecurityScopes, TestClient, WebSocket
from FasterAPI.exceptions import DependencyScopeError, FastAPIError
from tests.contract.raw_asgi import exchange


def get(app: Any, path: str = "/x", **options: Any) -> Any:
    with TestClient(app) as client:
        return client.get(path, **options)


class ByClass:
    def __init__(self, q: int = 1) -> None:
        self.q = q


def test_everything_that_can_be_called_can_be_depended_on() -> None:
    """Functions of all kinds, classes, instances, partials, bound methods; each has parameters of its own."""

    def plain(q: int) -> str:
        return f"plain {q} {threading.current_thread() is threading.main_thread()}"

    async def coroutine(q: int) -> str:
        return f"coroutine {q}"

    def generator(q: int) -> Iterator[str]:
        yield f"generator {q}"

    async def async_generator(q: int) -> AsyncIterator[str]:
        yield f"async generator {q}"

    class Instance:
        async def __call__(self, q: int) -> str:
            return f"instance {q}"

        def method(self, q: int) -> str:
            return f"method {q}"

    async def two(q: int, other: str) -> str:
        return f"partial {q} {other}"

    instance = Instance()
    dependencies: list[Any] = [plain, coroutine, generator, async_generator, instance, instance.method, functools.partial(two, other="o")]
    app = Faster()
    for number, dependency in enumerate(dependencies):

        async def operation(value: Any) -> Any:
            return value

        operation.__annotations__["value"] = Annotated[str, Depends(dependency)]
        app.get(f"/{number}")(operation)

    @app.get("/class")
    async def by_class(value: Annotated[ByClass, Depends()]) -> int:
        return value.q

    with TestClient(app) as client:
        found = [client.get(f"/{number}?q=3").json() for number in range(len(dependencies))]
        assert found == ["plain 3 False", "coroutine 3", "generator 3", "async generator 3", "instance 3", "method 3", "partial 3 o"]
        assert client.get("/class?q=9").json() == 9
        assert client.get("/0?q=x").json()["detail"][0]["loc"] == ["query", "q"]


def test_each_is_called_once_for_a_request() -> None:
    """Depth first, from left to right, unless it asks for a call of its own."""
    calls: list[str] = []

    def base() -> int:
        calls.append("base")
        return len(calls)

    def left(b: Annotated[int, Depends(base)]) -> None:
        calls.append("left")

    def right(b: Annotated[int, Depends(base)], again: Annotated[int, Depends(base, use_cache=False)]) -> None:
        calls.append("right")

    app = Faster()

    @app.get("/x")
    async def operation(first: Annotated[None, Depends(left)], second: Annotated[None, Depends(right)]) -> None:
        calls.append("operation")

    get(app)
    assert calls == ["base", "left", "base", "right", "operation"]
    get(app)
    assert len(calls) == 10


def test_exits_run_backwards_at_the_end_of_their_scope() -> None:
    """Those of the function before the response, those of the request after its background tasks."""
    events: list[str] = []

    def step(name: str) -> Any:
        async def run() -> AsyncIterator[None]:
            events.append(f"+{name}")
            yield
            events.append(f"-{name}")

        return run

    def blocking() -> Iterator[None]:
        events.append("+blocking")
        yield
        events.append("-blocking")

    app = Faster()

    async def body() -> AsyncIterator[bytes]:
        events.append("body")
        yield b"x"

    @app.get("/x")
    async def operation(
        tasks: BackgroundTasks,
        a: Annotated[None, Depends(step("request"))],
        b: Annotated[None, Depends(step("function"), scope="function")],
        c: Annotated[None, Depends(blocking)],
    ) -> Any:
        tasks.add_task(events.append, "task")
        return StreamingResponse(body())

    assert get(app).text == "x"
    assert events == ["+request", "+function", "+blocking", "-function", "body", "task", "-blocking", "-request"]


def test_an_exception_of_the_operation_reaches_the_dependency() -> None:
    """Which may raise another instead; the other exits run all the same; code after `yield` does not."""
    events: list[Any] = []

    async def outer() -> AsyncIterator[None]:
        try:
            yield
        finally:
            events.append("outer exit")
        events.append("never")

    async def converting(o: Annotated[None, Depends(outer)]) -> AsyncIterator[None]:
        try:
            yield
        except KeyError as exc:
            events.append(repr(exc))
            raise HTTPException(418, "converted") from exc

    app = Faster()

    @app.get("/x")
    async def operation(c: Annotated[None, Depends(converting)]) -> None:
        raise KeyError("k")

    response = get(app)
    assert (response.status_code, response.json()) == (418, {"detail": "converted"})
    assert events == ["KeyError('k')", "outer exit"]


def test_an_exception_must_not_be_swallowed() -> None:
    """There would be no answer."""

    def swallowing() -> Iterator[None]:
        try:
            yield
        except ValueError:
            pass

    app = Faster()

    @app.get("/x")
    async def operation(s: Annotated[None, Depends(swallowing)]) -> None:
        raise ValueError

    with pytest.raises(FastAPIError, match="Response not awaited"):
        get(app)


def test_a_scope_cannot_outlive_what_it_depends_on() -> None:
    """Told at registration, as are other things that cannot work: cycles with their chain, what cannot be called."""

    async def short() -> AsyncIterator[int]:
        yield 1

    async def long(s: Annotated[int, Depends(short, scope="function")]) -> AsyncIterator[int]:
        yield s

    async def operation(v: Annotated[int, Depends(long)]) -> None: ...

    with pytest.raises(DependencyScopeError, match='"long" has a scope of "request"'):
        Faster().get("/x")(operation)

    def circle(value: Any = None) -> None: ...

    circle.__annotations__["value"] = Annotated[Any, Depends(circle)]
    with pytest.raises(RecursionError, match="circle -> circle"):
        Faster().get("/x")(circle)

    async def uncallable(value: Annotated[int, Depends(5)]) -> None: ...

    with pytest.raises(AssertionError, match="called"):
        Faster().get("/x")(uncallable)
    for wrong in (0, -1, True):
        with pytest.raises(ValueError, match="max_concurrency"):
            Depends(short, max_concurrency=wrong)
    with pytest.raises(ValueError, match="scope"):
        Depends(short, scope="forever")  # type: ignore[arg-type]


def test_overrides_replace_at_any_depth() -> None:
    """With parameters of their own, and also those of decorators, routers and WebSockets; taking them away restores."""
    app = Faster()
    checked: list[str] = []

    def token() -> str:
        return "real"

    def check() -> None:
        checked.append("real")

    def user(t: Annotated[str, Depends(token)]) -> str:
        return f"user {t}"

    @app.get("/x", dependencies=[Depends(check)])
    async def operation(u: Annotated[str, Depends(user)]) -> str:
        return u

    @app.websocket("/ws")
    async def talk(websocket: WebSocket, u: Annotated[str, Depends(user)]) -> None:
        await websocket.accept()
        await websocket.send_text(u)
        await websocket.close()

    assert get(app).json() == "user real"
    app.dependency_overrides[token] = lambda q: f"fake {q}"
    app.dependency_overrides[check] = lambda: checked.append("fake")
    assert get(app, "/x?q=1").json() == "user fake 1"
    with TestClient(app) as client, client.websocket_connect("/ws?q=2") as session:
        assert session.receive_text() == "user fake 2"
    assert get(app).json()["detail"][0]["loc"] == ["query", "q"]
    app.dependency_overrides.clear()
    assert get(app).json() == "user real"
    assert checked == ["real", "fake", "fake", "real"]


def test_a_limit_bounds_how_many_are_alive() -> None:
    """From before the entry to after the exit."""
    alive: list[int] = []
    most: list[int] = []

    async def resource() -> AsyncIterator[None]:
        alive.append(1)
        most.append(len(alive))
        await asyncio.sleep(0)
        yield
        await asyncio.sleep(0)
        alive.pop()

    app = Faster()

    @app.get("/x")
    async def operation(r: Annotated[None, Depends(resource, max_concurrency=2)]) -> str:
        await asyncio.sleep(0)
        return "ok"

    async def run() -> None:
        async def one() -> None:
            sent = []

            async def send(message: Any) -> None:
                sent.append(message)

            async def receive() -> Any:
                return {"type": "http.request"}

            scope = {"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": []}
            await app(scope, receive, send)
            assert sent[0]["status"] == 200

        await asyncio.gather(*(one() for _ in range(8)))

    asyncio.run(run())
    assert (max(most), len(most), alive) == (2, 8, [])


def test_the_injected_response_leaves_its_mark() -> None:
    """Headers, cookies and status of operation and dependencies are on the answer, which is another object."""
    app = Faster()

    def dependency(response: Response) -> None:
        response.headers["x-dependency"] = "1"
        response.set_cookie("a", "1")

    @app.get("/x", status_code=201)
    async def operation(response: Response, d: Annotated[None, Depends(dependency)], teapot: bool = False) -> str:
        response.headers.append("x-operation", "2")
        response.set_cookie("b", "2")
        if teapot:
            response.status_code = 418
        return "x"

    response = get(app)
    assert (response.status_code, response.json()) == (201, "x")
    assert (response.headers["x-dependency"], response.headers["x-operation"]) == ("1", "2")
    assert dict(response.cookies) == {"a": "1", "b": "2"}
    assert get(app, "/x?teapot=1").status_code == 418


def test_scopes_add_up_along_the_chain() -> None:
    """Each dependency learns what those above it ask for, in order, each once."""
    seen: list[Any] = []

    def check(scopes: SecurityScopes) -> None:
        seen.append((scopes.scopes, scopes.scope_str))

    def user(c: Annotated[None, Security(check, scopes=["me"])]) -> None: ...

    app = Faster()

    @app.get("/x", dependencies=[Security(check, scopes=["decorator"])])
    async def operation(u: Annotated[None, Security(user, scopes=["items", "me"])]) -> None: ...

    get(app)
    assert seen == [(["decorator"], "decorator"), (["items", "me"], "items me")]


def test_context_variables_are_seen_further_on() -> None:
    """Set in one async dependency, in later ones, the operation and exits; one request never sees another's."""
    variable: ContextVar[str] = ContextVar("variable", default="unset")
    seen: list[str] = []

    async def sets(q: str) -> AsyncIterator[None]:
        seen.append(variable.get())
        variable.set(q)
        yield
        seen.append(variable.get())

    def sees() -> str:
        return variable.get()

    app = Faster()

    @app.get("/x")
    async def operation(a: Annotated[None, Depends(sets)], b: Annotated[str, Depends(sees)]) -> list[str]:
        return [b, variable.get()]

    with TestClient(app) as client:
        assert client.get("/x?q=1").json() == ["1", "1"]
        assert client.get("/x?q=2").json() == ["2", "2"]
    assert seen == ["unset", "1", "unset", "2"]


def test_exits_do_not_wait_for_a_free_thread() -> None:
    """More dependencies than there are threads, each held by a request, are all left."""
    left: list[int] = []

    def blocking() -> Iterator[None]:
        yield
        left.append(1)

    app = Faster()

    @app.get("/x")
    def operation(b: Annotated[None, Depends(blocking)]) -> None: ...

    async def run() -> None:
        async def one() -> None:
            async def send(message: Any) -> None: ...

            async def receive() -> Any:
                return {"type": "http.request"}

            await app({"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": []}, receive, send)

        await asyncio.wait_for(asyncio.gather(*(one() for _ in range(60))), 10)

    asyncio.run(run())
    assert len(left) == 60


def test_exits_run_for_a_client_that_is_gone() -> None:
    """A cancelled request leaves its dependencies to the end."""
    events: list[str] = []
    started = asyncio.Event()

    async def resource() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.sleep(0)
            events.append("left")

    app = Faster()

    @app.get("/x")
    async def operation(r: Annotated[None, Depends(resource)]) -> None:
        started.set()
        await asyncio.Event().wait()

    async def run() -> None:
        async def never(*_: Any) -> Any:
            await asyncio.Event().wait()

        scope = {"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": []}
        task = asyncio.ensure_future(app(scope, never, never))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert events == ["left"]


def test_the_request_itself_can_be_asked_for() -> None:
    """Anywhere below an operation, and it is the same one."""
    app = Faster()

    def dependency(request: Request) -> Request:
        return request

    @app.get("/x")
    async def operation(request: Request, same: Annotated[Any, Depends(dependency)]) -> bool:
        return request is same

    assert exchange(app, path="/x")[-1]["body"] == b"true"


def test_a_dependency_of_the_lifespan_is_called_once() -> None:
    """At start-up, shared by all requests, left at shutdown in reverse order; overrides are honoured."""
    events: list[str] = []

    async def pool() -> AsyncIterator[str]:
        events.append("+pool")
        yield "pool"
        events.append("-pool")

    def store(p: Annotated[str, Depends(pool, scope="lifespan")]) -> Iterator[str]:
        events.append("+store")
        yield f"store of {p}"
        events.append("-store")

    async def fake() -> str:
        return "fake"

    app = Faster()

    @app.get("/x")
    async def operation(s: Annotated[str, Depends(store, scope="lifespan")]) -> str:
        return s

    with TestClient(app) as client:
        assert events == ["+pool", "+store"]
        assert [client.get("/x").json() for _ in range(3)] == ["store of pool"] * 3
        assert events == ["+pool", "+store"]
    assert events == ["+pool", "+store", "-store", "-pool"]
    app.dependency_overrides[pool] = fake
    assert get(app).json() == "store of fake"


def test_without_a_lifespan_the_first_request_makes_the_values() -> None:
    """Others that come meanwhile wait for the one call."""
    calls: list[int] = []

    async def slow() -> int:
        calls.append(1)
        await asyncio.sleep(0)
        return len(calls)

    app = Faster()

    @app.get("/x")
    async def operation(n: Annotated[int, Depends(slow, scope="lifespan")]) -> int:
        return n

    async def run() -> list[bytes]:
        async def one() -> bytes:
            sent: list[Any] = []

            async def send(message: Any) -> None:
                sent.append(message)

            async def receive() -> Any:
                return {"type": "http.request"}

            await app({"type": "http", "method": "GET", "path": "/x", "query_string": b"", "headers": []}, receive, send)
            return bytes(sent[-1]["body"])

        return await asyncio.gather(*(one() for _ in range(5)))

    assert asyncio.run(run()) == [b"1"] * 5


def test_a_dependency_of_the_lifespan_knows_no_request() -> None:
    """Told at registration, also of parameters and narrower dependencies; one that fails is a failure of the start."""

    def narrow() -> int:
        return 1

    def by_request(request: Request) -> None: ...

    def by_parameter(q: int) -> None: ...

    def by_narrow(n: Annotated[int, Depends(narrow)]) -> None: ...

    def failing() -> None:
        raise LookupError("no database")

    for wrong in (by_request, by_parameter, by_narrow):
        with pytest.raises(DependencyScopeError, match=wrong.__name__):
            Faster().get("/x", dependencies=[Depends(wrong, scope="lifespan")])(lambda: 1)
    app = Faster()
    app.get("/x", dependencies=[Depends(failing, scope="lifespan")])(lambda: 1)
    with pytest.raises(Exception, match="no database"), TestClient(app):
        pass
