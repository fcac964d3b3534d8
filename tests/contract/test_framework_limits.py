"""What a request may hold, and what an answer may not: memory, depth, parameters; line breaks in header fields."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from starlette.responses import Response as StarletteResponse

from FasterAPI import Body, Depends, FastAPI, Faster, HTTPException, JSONResponse, Request, Response, TestClient, WebSocket
from FasterAPI._body_memory import is_too_deep


def call(app: Any, method: str, target: str, **options: Any) -> Any:
    return TestClient(app, raise_server_exceptions=False).request(method, target, **options)


# --- header fields


async def staying() -> AsyncIterator[int]:
    yield 1


def splitting(how: str) -> Any:
    app = Faster()
    bad = {"name": {"bad name": "x"}, "value": {"x": "a\r\nset-cookie: b=1"}, "nul": {"x": "a\0"}, "colon": {"a:b": "x"}}[how]

    @app.get("/response")
    async def response() -> Any:
        return StarletteResponse("x", headers=bad)

    @app.get("/staying")
    async def stays(n: Annotated[int, Depends(staying)]) -> Any:
        return StarletteResponse("x", headers=bad)

    @app.get("/exception")
    def exception() -> Any:
        raise HTTPException(400, headers=bad)

    @app.get("/injected")
    async def injected(response: Response) -> Any:
        response.headers.update(bad)
        return {}

    @app.get("/raw")
    async def raw() -> Any:
        answer = JSONResponse({})
        answer.raw_headers += [(name.encode(), value.encode()) for name, value in bad.items()]
        return answer

    async def foreign(scope: Any, receive: Any, send: Any) -> None:
        await StarletteResponse("x", headers=bad)(scope, receive, send)

    app.mount("/foreign", foreign)
    return app


@pytest.mark.parametrize("how", ["name", "value", "nul", "colon"])
@pytest.mark.parametrize("path", ["response", "staying", "exception", "injected", "raw", "foreign"])
def test_a_header_field_that_would_split_the_answer_is_never_sent(how: str, path: str) -> None:
    """Wherever it comes from: the client gets 500, and nothing of it; the server a `ValueError` that shows it."""
    app = splitting(how)
    answer = call(app, "GET", f"/{path}")
    assert answer.status_code == 500
    assert not {"set-cookie", "x", "bad name", "a:b"} & set(answer.headers)
    with pytest.raises(ValueError, match=r"a header name must be a token|must not have a line break or NUL"):
        TestClient(app).get(f"/{path}")


def test_a_websocket_is_not_accepted_with_such_a_field() -> None:
    """The handshake is an answer too."""
    app = Faster()

    @app.websocket("/")
    async def serve(ws: WebSocket) -> None:
        await ws.accept(headers=[(b"x", b"a\r\nb: c")])

    with pytest.raises(ValueError, match="line break"), TestClient(app).websocket_connect("/"):
        pass


def test_other_bytes_are_left_alone() -> None:
    """Only what ends a field is refused."""
    app = Faster()
    value = bytes(range(0x80, 0x100)).decode("latin-1") + '\t;,="\\'

    @app.get("/")
    async def read() -> Any:
        return JSONResponse({}, headers={"X-Odd.Name!#": value})

    assert call(app, "GET", "/").headers["x-odd.name!#"] == value


# --- memory


def reading(**options: Any) -> Any:
    app = Faster(**options)

    @app.post("/short")
    async def short(value: Annotated[Any, Body()]) -> Any:
        return len(json.dumps(value))

    @app.post("/long")
    async def long(value: Annotated[Any, Body()], request: Request) -> Any:
        return len(await request.body())

    @app.post("/own")
    async def own(request: Request) -> Any:
        return len(await request.body())

    @app.post("/stream")
    async def stream(request: Request) -> Any:
        return sum([len(piece) async for piece in request.stream()])

    return app


def pieces(size: int) -> Any:
    yield b'"'
    for _ in range(size - 2):
        yield b"x"
    yield b'"'


@pytest.mark.parametrize("path", ["short", "long", "own"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_larger_than_may_be_held_is_refused(path: str, chunked: bool) -> None:
    """At the byte: the limit itself passes, whether its length was announced or not."""
    app = reading(max_buffered_body=100)
    for size, status in ((100, 200), (101, 413)):
        content = pieces(size) if chunked else b"".join(pieces(size))
        answer = call(app, "POST", f"/{path}", content=content, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()) == (status, 100 if status == 200 else {"detail": "Content Too Large"})


def test_what_is_streamed_is_not_held() -> None:
    """`stream()` has no such limit."""
    assert call(reading(max_buffered_body=100), "POST", "/stream", content=b"x" * 5000).json() == 5000


def test_the_limit_is_that_of_the_native_application() -> None:
    """32 MiB; the drop-in has none, and either can be told another."""
    assert (Faster().max_buffered_body, FastAPI().max_buffered_body) == (33_554_432, None)
    assert FastAPI(max_buffered_body=5).max_buffered_body == 5
    body = b'"' + b"x" * 33_554_431 + b'"'
    answer = call(reading(), "POST", "/short", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize("options", [
    {"max_buffered_body": -1}, {"max_buffered_body": True}, {"max_buffered_body": "1"}, {"json_depth_limit": 0}, {"json_depth_limit": None},
    {"thread_limit": 0}, {"thread_limit": 1.5},
])  # fmt: skip
def test_limits_that_are_none_are_refused(options: dict[str, Any]) -> None:
    """With the name and the value."""
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least [01], not {value!r}"):
        Faster(**options)


@pytest.mark.parametrize("path", ["short", "long"])
def test_json_that_is_nested_too_deep_is_refused(path: str) -> None:
    """At the level; what stands in strings does not count, nor what was closed again."""
    app = reading(json_depth_limit=5)
    headers = {"content-type": "application/json"}
    for body, status in (
        (b"[" * 5 + b"]" * 5, 200),
        (b"[" * 6 + b"]" * 6, 400),
        (b'{"a":' * 6 + b"1" + b"}" * 6, 400),
        (b'["[[[[[[[[\\"[[[[[["]', 200),
        (b"[" + b"[],{}," * 20 + b"0]", 200),
    ):
        answer = call(app, "POST", f"/{path}", content=body, headers=headers)
        assert answer.status_code == status, body
        if status == 400:
            assert answer.json() == {"detail": "There was an error parsing the body"}


@pytest.mark.parametrize("kind", [Faster, FastAPI])
def test_a_hundred_thousand_brackets_are_refused_without_a_traceback(kind: type[Faster]) -> None:
    """By default, on both."""
    app = kind()

    @app.post("/")
    async def read(value: Annotated[Any, Body()]) -> Any:
        return value

    answer = TestClient(app).post("/", content=b"[" * 100_000, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "There was an error parsing the body"})


@pytest.mark.parametrize("kind", [Faster, FastAPI])
@pytest.mark.parametrize("depth", [300, 700, 960, 999])
def test_what_is_nested_as_deep_as_allowed_is_explained(kind: type[Faster], depth: int) -> None:
    """The fault is told, with what was sent as far as that can be shown; there is no 500."""
    app = kind()

    @app.post("/")
    async def read(value: Annotated[int, Body()]) -> Any:
        return value

    for body in (b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth + b"]" * depth):
        answer = TestClient(app).post("/", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (400, 422)
        if answer.status_code == 422:
            assert b'"type":"int_type"' in answer.content
            assert body in answer.content or depth > 300


def test_depth_is_found_in_one_pass() -> None:
    """An unfinished string, and a bracket too many, are left to the parser."""
    assert is_too_deep(b"[[[[", 3)
    assert not is_too_deep(b"[[[", 3)
    assert not is_too_deep(b'"[[[[[[[[', 8)
    assert not is_too_deep(b"]]]]][[[[[" * 3, 20)


def test_a_flood_of_parameters_is_refused() -> None:
    """Ten thousand pass; one more does not, for an operation that declares one, and for one that looks for itself."""
    app = Faster()

    @app.get("/declared")
    async def declared(a: int = 1) -> int:
        return a

    @app.get("/own")
    async def own(request: Request) -> int:
        return len(request.query_params.getlist("b"))

    for path, fine in (("declared", 1), ("own", 10_000)):
        assert call(app, "GET", f"/{path}?{'b=1&' * 9_999}b=1").json() == fine
        answer = call(app, "GET", f"/{path}?{'b=1&' * 10_000}b=1")
        assert (answer.status_code, answer.json()) == (400, {"detail": "Too many query parameters"})


# --- answers of the native spelling


def test_plain_results_are_sent_as_they_are() -> None:
    """Text, bytes and nothing, with status and fields of the injected response; everything else stays JSON."""
    app = Faster(plain_returns=True)

    @app.get("/text", status_code=201)
    async def text(response: Response) -> str:
        response.headers["x-own"] = "1"
        return "hé"

    app.get("/bytes")(lambda: b"\xff\0")
    app.get("/none")(lambda: None)
    app.get("/number")(lambda: 5)
    app.get("/json", response_class=JSONResponse)(lambda: "text")
    answer = call(app, "GET", "/text")
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (201, "hé".encode(), "text/plain; charset=utf-8")
    assert answer.headers["x-own"] == "1"
    answer = call(app, "GET", "/bytes")
    assert (answer.content, answer.headers["content-type"]) == (b"\xff\0", "application/octet-stream")
    answer = call(app, "GET", "/none")
    assert (answer.status_code, answer.content, "content-type" in answer.headers) == (200, b"", False)
    assert call(app, "GET", "/number").json() == 5
    assert call(app, "GET", "/json").content == b'"text"'


def test_options_can_be_answered_for_every_path() -> None:
    """204 with the methods there are; 405 by default; a route of its own comes first."""
    for kind, options in ((Faster, {"auto_options": True}), (FastAPI, {"auto_options": True}), (Faster, {})):
        app = kind(**options)  # type: ignore[arg-type]
        app.get("/x")(lambda: 1)
        app.post("/x")(lambda: 1)
        app.options("/own")(lambda: 2)
        answer = call(app, "OPTIONS", "/x")
        assert (answer.status_code, answer.headers["allow"]) == (204 if options else 405, "GET, POST")
        assert call(app, "OPTIONS", "/own").json() == 2
        assert call(app, "OPTIONS", "/nowhere").status_code == 404
