"""The framework's thin slice: through its test client, through raw ASGI messages, and over a real server."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import Any

import msgspec
import pytest
import uvicorn
from starlette.responses import StreamingResponse

from FasterAPI import FastAPI, Faster, HTTPException, JSONResponse, PlainTextResponse, TestClient


class Item(msgspec.Struct):
    name: str
    price: float
    tags: list[str] = []


def make(**keywords: Any) -> Faster:
    app = Faster(**keywords)

    @app.get("/items/{item_id}")
    async def read(item_id: int, q: str | None = None, limit: int = 10, exact: bool = False) -> dict[str, Any]:
        return {"id": item_id, "q": q, "limit": limit, "exact": exact}

    @app.post("/items/{item_id}", status_code=201)
    async def write(item_id: int, item: Item, dry: bool) -> Any:
        return {"id": item_id, "item": item, "dry": dry}

    @app.get("/sync/{name}")
    def in_thread(name: str) -> dict[str, Any]:
        return {"name": name, "in_main_thread": threading.current_thread() is threading.main_thread()}

    @app.get("/error/{code}")
    async def error(code: int, detail: str | None = None) -> None:
        raise HTTPException(code, {"why": detail} if detail else None, headers={"X-Reason": "test"})

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError("not handled")

    return app


# --- through the test client


def test_path_and_query_parameters_are_converted() -> None:
    """With their defaults, from text to the annotated types."""
    with TestClient(make()) as client:
        response = client.get("/items/7")
        assert (response.status_code, response.json()) == (200, {"id": 7, "q": None, "limit": 10, "exact": False})
        assert response.headers["content-type"] == "application/json"
        answer = client.get("/items/-3?q=a%20b%2Bc&limit=5&exact=yes&unknown=1").json()
        assert answer == {"id": -3, "q": "a b+c", "limit": 5, "exact": True}
        assert client.get("/items/1?limit=1&limit=2").json()["limit"] == 2
        assert client.get("/items/1?q=").json()["q"] == ""


def test_a_body_is_built_as_its_type() -> None:
    """And the answer, a struct inside it, is JSON again, under the declared status."""
    with TestClient(make()) as client:
        response = client.post("/items/1?dry=false", json={"name": "café", "price": 2})
        assert (response.status_code, response.json()) == (201, {"id": 1, "item": {"name": "café", "price": 2.0, "tags": []}, "dry": False})
        assert response.headers["content-length"] == str(len(response.content))


def test_sync_operations_run_in_a_thread() -> None:
    """They hold up nobody."""
    with TestClient(make()) as client:
        assert client.get("/sync/ann").json() == {"name": "ann", "in_main_thread": False}


def faults(response: Any) -> list[tuple[str, list[Any]]]:
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/json"
    return [(fault["type"], fault["loc"]) for fault in response.json()["detail"]]


def test_all_faults_of_a_request_are_told_at_once() -> None:
    """Path, query and body together, each with type, place, message and input."""
    with TestClient(make()) as client:
        response = client.post("/items/x", json={"name": "n", "price": "dear"})
        assert faults(response) == [("int_parsing", ["path", "item_id"]), ("missing", ["query", "dry"]), ("float_type", ["body", "price"])]
        first = response.json()["detail"][0]
        assert (first["msg"], first["input"]) == ("Input should be a valid integer, unable to parse string as an integer", "x")
        assert faults(client.get("/items/1.5?limit=ten&exact=maybe")) == [
            ("int_parsing", ["path", "item_id"]), ("int_parsing", ["query", "limit"]), ("bool_parsing", ["query", "exact"]),
        ]  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "loc"), [
    (b"", "missing", ["body"]),
    (b"{", "json_invalid", ["body", 1]),
    (b"nope", "json_invalid", ["body", 0]),
    (b"[]", "model_attributes_type", ["body"]),
    (b'{"name": "n"}', "missing", ["body", "price"]),
    (b'{"name": "n", "price": 1, "tags": ["a", 2]}', "string_type", ["body", "tags", 1]),
    (b'{"name": "n", "price": "5"}', "float_type", ["body", "price"]),
])  # fmt: skip
def test_a_body_that_does_not_fit_is_the_client_s_fault(body: bytes, kind: str, loc: list[Any]) -> None:
    """Never a 500, however malformed it is."""
    with TestClient(make()) as client:
        assert faults(client.post("/items/1?dry=1", content=body, headers={"content-type": "application/json"})) == [(kind, loc)]


@pytest.mark.parametrize("body", [b'{"name": "\xff"}', b'{"name": "n", "price": 1, "extra": ' + b"[" * 100_000])
def test_a_body_that_cannot_be_parsed_is_the_client_s_fault(body: bytes) -> None:
    """Undecodable bytes, and JSON nested deeper than anything can follow: 400."""
    with TestClient(make()) as client:
        response = client.post("/items/1?dry=1", content=body, headers={"content-type": "application/json"})
        assert (response.status_code, response.json()) == (400, {"detail": "There was an error parsing the body"})


@pytest.mark.parametrize("value", ["0x10", "1e3", "", "9" * 5000, "+-1", "1.5", "1,000"])
def test_what_is_no_integer_is_refused(value: str) -> None:
    """Whatever Python's `int` would take."""
    with TestClient(make()) as client:
        [(kind, loc)] = faults(client.get("/items/1", params={"limit": value}))
        assert (kind.partition("_")[0], loc) == ("int", ["query", "limit"])


def test_unknown_paths_and_methods_are_answered() -> None:
    """404, and 405 with every method that the path does allow, sorted; the target names those of the first route only."""
    with TestClient(make()) as client:
        for path in ("/", "/items", "/items/1/2", "/Items/1"):
            response = client.get(path)
            assert (path, response.status_code, response.json()) == (path, 404, {"detail": "Not Found"})
        response = client.delete("/items/1")
        assert (response.status_code, response.headers["allow"], response.json()) == (405, "GET, POST", {"detail": "Method Not Allowed"})


def test_head_is_answered_by_get() -> None:
    """With the same length and no body; `FastAPI` refuses it, as the target does."""
    with TestClient(make()) as client:
        response = client.head("/sync/x")
        assert (response.status_code, response.headers["content-length"], response.content) == (200, "35", b"")
    strict = FastAPI()
    strict.get("/x")(giving("x"))
    with TestClient(strict) as client:
        assert (client.head("/x").status_code, client.head("/x").headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("static_first", [True, False])
def test_the_route_registered_first_wins(static_first: bool) -> None:
    """A static path before a parameter, or after it, where it is never reached."""
    app = Faster()
    declarations = [("/users/me", "static"), ("/users/{user}", "parameter")]
    for path, name in declarations if static_first else reversed(declarations):
        app.get(path)(giving(name))
    with TestClient(app) as client:
        assert client.get("/users/me").json() == ("static" if static_first else "parameter")
        assert client.get("/users/you").json() == "parameter"


def giving(name: str) -> Any:
    async def operation(user: str = "") -> str:
        return name

    return operation


def test_routes_of_all_shapes_live_side_by_side() -> None:
    """Parameters anywhere, shared prefixes, and methods of one path in several routes."""
    app = Faster()
    for path in ("/a/{x}/c", "/a/b/{y}", "/{z}/b/c", "/a/{x}"):
        app.get(path)(echo(path))
    app.post("/a/b/c")(echo("post"))
    with TestClient(app) as client:
        assert client.get("/a/b/c").json() == {"route": "/a/{x}/c", "x": "b", "y": "", "z": ""}
        assert client.get("/a/b/d").json() == {"route": "/a/b/{y}", "x": "", "y": "d", "z": ""}
        assert client.get("/q/b/c").json() == {"route": "/{z}/b/c", "x": "", "y": "", "z": "q"}
        assert client.get("/a/%C3%A9%20").json()["x"] == "é "
        assert client.post("/a/b/c").json()["route"] == "post"
        assert client.put("/a/b/c").headers["allow"] == "GET, POST"
    assert [getattr(route, "path", "") for route in app.routes][-5:] == ["/a/{x}/c", "/a/b/{y}", "/{z}/b/c", "/a/{x}", "/a/b/c"]


def echo(route: str) -> Any:
    async def operation(x: str = "", y: str = "", z: str = "") -> dict[str, str]:
        return {"route": route, "x": x, "y": y, "z": z}

    return operation


@pytest.mark.parametrize("path", ["/{a}/{a}", "/{a:unknown}"])
def test_a_path_that_cannot_be_a_template_is_refused_at_registration(path: str) -> None:
    """And leaves no route behind."""
    app = Faster()
    before = len(app.routes)
    with pytest.raises((ValueError, AssertionError), match=r"path|convertor"):
        app.get(path)(giving("x"))
    assert len(app.routes) == before


def test_a_signature_that_cannot_come_from_a_request_is_refused_at_registration() -> None:
    """A type that nothing can validate, for instance; the route does not exist."""

    class Thing: ...

    async def takes(a: Thing) -> None: ...

    app = Faster()
    with pytest.raises(RuntimeError, match="Thing"):
        app.post("/x")(takes)
    with TestClient(app) as client:
        assert client.post("/x", content=b"{}").status_code == 404


def test_an_http_exception_is_the_answer() -> None:
    """With its detail, by default the reason phrase, and its headers."""
    with TestClient(make()) as client:
        response = client.get("/error/418?detail=teapot")
        assert (response.status_code, response.json(), response.headers["x-reason"]) == (418, {"detail": {"why": "teapot"}}, "test")
        assert client.get("/error/403").json() == {"detail": "Forbidden"}


def test_an_error_that_nobody_handles_is_a_500_and_reaches_the_server() -> None:
    """The test client raises it."""
    with TestClient(make()) as client, pytest.raises(RuntimeError, match="not handled"):
        client.get("/bug")


def test_the_test_client_can_show_what_a_client_would_see_of_an_error() -> None:
    """The 500 that the application sent before it raised."""
    with TestClient(make(), raise_server_exceptions=False) as client:
        response = client.get("/bug")
        assert (response.status_code, response.text) == (500, "Internal Server Error")


def test_responses_are_sent_as_they_are() -> None:
    """Ready ones and streamed ones, also from handlers that answer with what JSON cannot hold otherwise."""
    app = Faster()

    @app.get("/plain")
    async def plain() -> Any:
        return PlainTextResponse("hello", 202, {"X": "1"})

    @app.get("/json")
    async def as_json() -> Any:
        return JSONResponse({"item": Item("n", 1)})

    @app.get("/stream")
    async def stream() -> Any:
        return StreamingResponse(iter([b"a", b"b"]))

    @app.get("/none")
    async def none() -> None: ...

    with TestClient(app) as client:
        response = client.get("/plain")
        assert (response.status_code, response.text, response.headers["x"]) == (202, "hello", "1")
        assert client.get("/json").json() == {"item": {"name": "n", "price": 1.0, "tags": []}}
        assert client.get("/stream").content == b"ab"
        assert client.get("/none").json() is None


def test_a_lifespan_surrounds_the_life_of_the_application() -> None:
    """It is given the application; start-up is over before the first request, shutdown comes with the end of the block."""
    events: list[Any] = []

    @asynccontextmanager
    async def lifespan(app: Faster) -> AsyncIterator[None]:
        events.append(app)
        yield
        events.append("down")

    app = make(lifespan=lifespan)
    with TestClient(app) as client:
        assert events == [app]
        assert client.get("/items/1").status_code == 200
    assert events == [app, "down"]


def test_a_lifespan_that_fails_to_start_fails_the_block() -> None:
    """Its exception, or one that tells of it, reaches the test."""

    @asynccontextmanager
    async def lifespan(app: Faster) -> AsyncIterator[None]:
        raise LookupError("no database")
        yield

    with pytest.raises(Exception, match="no database"), TestClient(make(lifespan=lifespan)):
        pass


# --- through raw ASGI messages


JSON = [(b"content-type", b"application/json")]


async def call(
    app: Any, method: str, path: str, query: bytes = b"", messages: Iterable[dict[str, Any]] = ({"type": "http.request"},)
) -> list[dict[str, Any]]:
    """What an application sends for one request."""
    waiting, sent = list(messages), []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app({"type": "http", "method": method, "path": path, "query_string": query, "headers": JSON}, receive, send)
    return sent


def test_an_answer_is_exactly_these_messages() -> None:
    """One start with type and length, one body."""
    assert asyncio.run(call(make(), "GET", "/items/5", b"limit=2")) == [
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json"), (b"content-length", b"41")]},
        {"type": "http.response.body", "body": b'{"id":5,"q":null,"limit":2,"exact":false}'},
    ]


def test_a_body_in_pieces_is_put_together() -> None:
    """As many as the server likes."""
    whole = b'{"name": "n", "price": 1.5}'
    pieces = [{"type": "http.request", "body": whole[i : i + 5], "more_body": i + 5 < len(whole)} for i in range(0, len(whole), 5)]
    sent = asyncio.run(call(make(), "POST", "/items/1", b"dry=1", pieces))
    assert (sent[0]["status"], json.loads(sent[1]["body"])["item"]["price"]) == (201, 1.5)


def test_a_client_that_goes_away_is_answered_with_nothing() -> None:
    """And that is no error."""
    pieces: list[dict[str, Any]] = [{"type": "http.request", "body": b'{"na', "more_body": True}, {"type": "http.disconnect"}]
    assert asyncio.run(call(make(), "POST", "/items/1", b"dry=1", pieces)) == []


def test_an_unhandled_error_is_answered_and_raised() -> None:
    """The server logs it, and knows whether the connection can go on."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def run() -> None:
        app: Any = make()
        with pytest.raises(RuntimeError, match="not handled"):
            await app({"type": "http", "method": "GET", "path": "/bug", "query_string": b"", "headers": []}, receive, send)

    asyncio.run(run())
    assert [message.get("status") for message in sent] == [500, None]
    assert sent[1]["body"] == b"Internal Server Error"


def test_a_stream_that_breaks_is_not_answered_twice() -> None:
    """After the start of a response there is no second one."""
    app = Faster()

    @app.get("/stream")
    async def stream() -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"a"
            raise RuntimeError("in the middle")

        return StreamingResponse(pieces())

    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def run() -> None:
        with pytest.raises((RuntimeError, ExceptionGroup)):
            scope = {"type": "http", "method": "GET", "path": "/stream", "query_string": b"", "headers": []}
            await app(scope | {"asgi": {"spec_version": "2.4"}}, receive, send)

    asyncio.run(run())
    assert sent.count("http.response.start") == 1


def test_lifespan_messages_are_answered() -> None:
    """Startup and shutdown in turn; a failure is told and raised; another kind of scope is refused."""

    async def life(app: Any) -> list[str]:
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent = []

        async def receive() -> dict[str, str]:
            return messages.pop(0)

        async def send(message: dict[str, Any]) -> None:
            sent.append(message["type"])

        try:
            await app({"type": "lifespan"}, receive, send)
        except LookupError:
            sent.append("raised")
        return sent

    def failing(before: bool) -> Any:
        @asynccontextmanager
        async def lifespan(app: Faster) -> AsyncIterator[None]:
            if before:
                raise LookupError
            yield
            raise LookupError

        return lifespan

    assert asyncio.run(life(make())) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert asyncio.run(life(make(lifespan=failing(True)))) == ["lifespan.startup.failed", "raised"]
    assert asyncio.run(life(make(lifespan=failing(False)))) == ["lifespan.startup.complete", "lifespan.shutdown.failed", "raised"]
    with pytest.raises(RuntimeError, match="scope type 'gopher'"):
        asyncio.run(make()({"type": "gopher"}, None, None))  # type: ignore[arg-type]


def test_a_json_route_with_a_typed_parameter_costs_few_python_calls() -> None:
    """At most 35 from the application's call to its answer, counted by the interpreter."""
    app = Faster()

    @app.get("/items/{item_id}")
    async def read(item_id: int) -> dict[str, int]:
        return {"id": item_id}

    app.get("/static")(giving("static"))
    scope = {"type": "http", "method": "GET", "path": "/items/5", "query_string": b"", "headers": []}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    async def run() -> None:
        await app(scope, receive, send)
        sys.setprofile(count)
        try:
            await app(scope, receive, send)
        finally:
            sys.setprofile(None)

    asyncio.run(run())
    assert sent[-1]["body"] == b'{"id":5}'
    assert 3 < calls <= 35


# --- over a real server


@contextmanager
def serving(app: Any) -> Iterator[int]:
    """The port of a uvicorn that serves the application in a thread."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # connections wait here until the server takes them
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none", loop="asyncio", lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


def test_it_serves_over_a_real_server() -> None:
    """Several requests on one connection, read by the client of the standard library."""
    with serving(make()) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        answers = []
        for method, path, body in (
            ("GET", "/items/3?q=%C3%A9", None), ("POST", "/items/4?dry=1", b'{"name":"n","price":1}'), ("GET", "/nowhere", None),
            ("PUT", "/items/1", b"ignored"), ("HEAD", "/items/1", None), ("GET", "/sync/x", None), ("GET", "/bug", None),
        ):  # fmt: skip
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answers.append((response.status, response.getheader("Allow"), response.read()))
        connection.close()
    assert [answer[:2] for answer in answers] == [
        (200, None), (201, None), (404, None), (405, "GET, POST"), (200, None), (200, None), (500, None),
    ]  # fmt: skip
    assert json.loads(answers[0][2]) == {"id": 3, "q": "é", "limit": 10, "exact": False}
    assert json.loads(answers[1][2])["item"] == {"name": "n", "price": 1.0, "tags": []}
    assert [answer[2] for answer in answers[2:5]] == [b'{"detail":"Not Found"}', b'{"detail":"Method Not Allowed"}', b""]
    assert answers[6][2] == b"Internal Server Error"
