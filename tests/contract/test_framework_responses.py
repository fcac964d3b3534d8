"""Answers: their bytes and headers, what results become, response models, streams, events, files, background tasks."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import decimal
import enum
import math
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Annotated, Any

import msgspec
import pydantic
import pytest
from starlette.requests import Request

from FasterAPI import (
    BackgroundTask,
    BackgroundTasks,
    EventSourceResponse,
    Faster,
    FileResponse,
    HTMLResponse,
    JSONResponse,
    ORJSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    ServerSentEvent,
    StreamingResponse,
    TestClient,
    UJSONResponse,
)
from FasterAPI.encoders import jsonable_encoder
from FasterAPI.exceptions import ResponseValidationError
from FasterAPI.sse import format_sse_event
from tests.contract.raw_asgi import body_of, exchange, headers_of, status_of


class Colour(enum.Enum):
    RED = "red"


class Account(pydantic.BaseModel):
    login: str
    note: str | None = None


class Row(msgspec.Struct):
    login: str
    password: str = "secret"
    note: str | None = None


@dataclasses.dataclass
class Data:
    login: str
    password: str = "secret"


class Full(Account):
    password: str = "secret"


def giving(result: Any, **options: Any) -> Faster:
    """An application whose /x returns this."""
    app = Faster(openapi_url=None)

    async def operation() -> Any:
        return result() if isinstance(result, FunctionType) else result

    operation.__annotations__.clear()  # no model
    app.get("/x", **options)(operation)
    return app


def get(app: Any, path: str = "/x", **options: Any) -> Any:
    with TestClient(app) as client:
        return client.get(path, **options)


@pytest.mark.parametrize(("result", "written"), [
    ("hi", b'"hi"'), (b"raw", b'"raw"'), (None, b"null"), (1.5, b"1.5"), ([1, "a"], b'[1,"a"]'), ({"a": {"b": 1}}, b'{"a":{"b":1}}'),
    ("\u00e9", '"\u00e9"'.encode()), ({1: 2}, b'{"1":2}'), (Colour.RED, b'"red"'), ({1}, b"[1]"), ((1, 2), b"[1,2]"),
    (Path("a/b"), b'"a/b"'),
    (dt.datetime(2026, 2, 28, 1, 2, 3), b'"2026-02-28T01:02:03"'), (dt.timedelta(seconds=90), b"90.0"), (decimal.Decimal("1.5"), b"1.5"),
    (decimal.Decimal("2"), b"2"), (Row("a"), b'{"login":"a","password":"secret","note":null}'),
    (Data("a"), b'{"login":"a","password":"secret"}'),
    ([Account(login="a")], b'[{"login":"a","note":null}]'), ({"row": Row("a")}, b'{"row":{"login":"a","password":"secret","note":null}}'),
])  # fmt: skip
def test_results_are_json(result: Any, written: bytes) -> None:
    """In one start and one body message, with type and length."""
    sent = exchange(giving(result), path="/x")
    fields = {b"content-type": b"application/json", b"content-length": str(len(written)).encode()}
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert (status_of(sent), headers_of(sent), body_of(sent)) == (200, fields, written)


@pytest.mark.parametrize("result", [object(), {"a": object()}, math.nan, [math.inf], {"a": 1j}])
def test_what_cannot_be_json_is_an_error_before_the_answer(result: Any) -> None:
    """One 500, no half answer."""
    app = giving(result)
    with pytest.raises((ValueError, TypeError)):
        get(app)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert (client.get("/x").status_code, client.get("/x").text) == (500, "Internal Server Error")


@pytest.mark.parametrize("status", [101, 204, 205, 304])
def test_statuses_without_content_have_none(status: int) -> None:
    """Neither a body nor its headers."""
    sent = exchange(giving({"a": 1}, status_code=status, response_model=None), path="/x")
    assert (status_of(sent), body_of(sent)) == (status, b"")
    assert not {b"content-type", b"content-length"} & set(headers_of(sent))


@pytest.mark.parametrize(("response", "content_type", "body"), [
    (Response(b"\0"), None, b"\0"), (Response("x", media_type="text/x"), "text/x; charset=utf-8", b"x"),
    (PlainTextResponse("é"), "text/plain; charset=utf-8", "é".encode()), (HTMLResponse("<p>"), "text/html; charset=utf-8", b"<p>"),
    (JSONResponse({"a": Row("x")}), "application/json", b'{"a":{"login":"x","password":"secret","note":null}}'),
    (JSONResponse(b'{"ready": 1}'), "application/json", b'{"ready": 1}'), (ORJSONResponse([1]), "application/json", b"[1]"),
    (UJSONResponse([1]), "application/json", b"[1]"),
    (PlainTextResponse("x", headers={"content-type": "text/own; charset=ascii"}), "text/own; charset=ascii", b"x"),
])  # fmt: skip
def test_a_ready_response_is_sent_as_it_is(response: Response, content_type: str | None, body: bytes) -> None:
    """As often as it is returned; with one charset at most."""
    app = giving(response)
    for _ in range(2):
        found = get(app)
        assert (found.headers.get("content-type"), found.content) == (content_type, body)


def test_a_redirect_cannot_split_headers() -> None:
    """What is no character of an address is quoted."""
    sent = exchange(giving(RedirectResponse("/\u043f?a=b c\r\nx: y")), path="/x")
    assert (status_of(sent), headers_of(sent)[b"location"]) == (307, b"/%D0%BF?a=b%20c%0D%0Ax:%20y")


def test_cookies_are_set_and_deleted() -> None:
    """Any number of them, each with its attributes."""
    response = Response()
    response.set_cookie("a", "1 2", max_age=60, path="/p", domain="shop.test", secure=True, httponly=True, samesite="strict")
    response.set_cookie("b", "x", expires=dt.datetime(2026, 2, 28, tzinfo=dt.UTC), samesite=None)
    response.delete_cookie("c", path="/p")
    sent = exchange(giving(response), path="/x")
    cookies = [value.decode() for name, value in sent[0]["headers"] if name == b"set-cookie"]
    assert cookies[0] == 'a="1 2"; Domain=shop.test; HttpOnly; Max-Age=60; Path=/p; SameSite=strict; Secure'
    assert cookies[1] == "b=x; expires=Sat, 28 Feb 2026 00:00:00 GMT; Path=/"
    assert "Max-Age=0" in cookies[2]
    assert "Path=/p" in cookies[2]


def test_files_are_sent_with_validators_and_ranges(tmp_path: Path) -> None:
    """Length, time and tag; a part of it on request; a name that cannot break out of its quotes."""
    path = tmp_path / "data.txt"
    path.write_bytes(b"0123456789")
    app = giving(lambda: FileResponse(path, filename='Отчёт "1".txt'))
    with TestClient(app) as client:
        whole = client.get("/x")
        assert (whole.content, whole.headers["content-length"], whole.headers["accept-ranges"]) == (b"0123456789", "10", "bytes")
        assert whole.headers["content-disposition"].startswith('attachment; filename="_____ ')
        assert whole.headers["etag"]
        assert whole.headers["last-modified"]
        part = client.get("/x", headers={"range": "bytes=2-4"})
        assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
        beyond = client.get("/x", headers={"range": "bytes=99-"})
        assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */10")
        stale = client.get("/x", headers={"range": "bytes=2-4", "if-range": '"other"'})
        assert (stale.status_code, stale.content) == (200, b"0123456789")
    with pytest.raises(RuntimeError, match="does not exist"):
        get(giving(lambda: FileResponse(tmp_path / "missing")))


# --- response models


@pytest.mark.parametrize("result", [
    {"login": "a", "password": "secret"}, Full(login="a"), Row("a"), Data("a"),
])  # fmt: skip
def test_a_field_outside_the_model_never_leaves(result: Any) -> None:
    """Whatever was returned, alone, in a list, in a dict, and below another model."""

    class Page(pydantic.BaseModel):
        owner: Account

    account = {"login": "a", "note": None}
    everywhere: list[tuple[Any, Any, Any]] = [
        (Account, result, account),
        (list[Account], [result], [account]),
        (dict[str, Account], {"k": result}, {"k": account}),
        (Page, {"owner": result}, {"owner": account}),
    ]
    for model, value, expected in everywhere:
        response = get(giving(value, response_model=model))
        assert (response.json(), "secret" in response.text) == (expected, False)


def test_the_annotation_is_the_model() -> None:
    """Unless the decorator has one, or None."""
    app = Faster(openapi_url=None)

    @app.get("/annotated")
    async def annotated() -> Account:
        return Full(login="a")

    @app.get("/decorated", response_model=Account)
    async def decorated() -> dict[str, Any]:
        return {"login": "a", "password": "secret"}

    @app.get("/off", response_model=None)
    async def off() -> Account:
        return Full(login="a")

    @app.get("/response")
    async def response() -> JSONResponse:
        return JSONResponse({"password": "shown"})

    assert get(app, "/annotated").json() == get(app, "/decorated").json() == {"login": "a", "note": None}
    assert get(app, "/off").json()["password"] == "secret"
    assert get(app, "/response").json() == {"password": "shown"}
    with pytest.raises(Exception, match="Invalid args for response field"):

        @app.get("/invalid")
        async def invalid() -> object | Request: ...


@pytest.mark.parametrize(("options", "expected"), [
    ({"response_model_include": {"a"}}, {"a": 1}), ({"response_model_exclude": {"a", "inner"}}, {"b": None, "c": 5}),
    ({"response_model_exclude": {"inner": {"x"}}}, {"a": 1, "b": None, "c": 5, "inner": {"y": 2}}),
    ({"response_model_exclude_unset": True}, {"a": 1, "inner": {"x": 1}}),
    ({"response_model_exclude_defaults": True}, {"a": 1, "inner": {"x": 1}}),
    ({"response_model_exclude_none": True}, {"a": 1, "c": 5, "inner": {"x": 1, "y": 2}}),
])  # fmt: skip
def test_fields_of_models_can_be_chosen(options: dict[str, Any], expected: Any) -> None:
    """By name and by value."""

    class Inner(pydantic.BaseModel):
        x: int
        y: int = 2

    class Model(pydantic.BaseModel):
        a: int
        b: int | None = None
        c: int = 5
        inner: Inner

    assert get(giving(lambda: Model(a=1, inner=Inner(x=1)), response_model=Model, **options)).json() == expected


def test_aliases_are_used_unless_that_is_off() -> None:
    """Of models; structs have the names of the wire."""

    class Model(pydantic.BaseModel):
        first_name: str = pydantic.Field(alias="firstName")

    class Struct(msgspec.Struct, rename="camel"):
        first_name: str

    value = {"firstName": "a"}
    assert get(giving(value, response_model=Model)).json() == {"firstName": "a"}
    assert get(giving(value, response_model=Model, response_model_by_alias=False)).json() == {"first_name": "a"}
    assert get(giving(Struct("a"), response_model=Struct)).json() == {"firstName": "a"}


def test_a_result_that_does_not_fit_is_the_server_s_fault() -> None:
    """The error says where the operation is, and the client sees nothing of it."""
    app = giving({"nologin": "secret"}, response_model=Account)
    with pytest.raises(ResponseValidationError, match=r"login") as caught:
        get(app)
    assert "test_framework_responses.py" in str(caught.value)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert (client.get("/x").status_code, client.get("/x").text) == (500, "Internal Server Error")


def test_encoder_options() -> None:
    """What to leave out, and how to write classes of one's own."""

    class Own:
        pass

    full = Full(login="a")
    assert jsonable_encoder(full, exclude={"password"}) == {"login": "a", "note": None}
    assert jsonable_encoder(full, include={"login"}) == {"login": "a"}
    assert jsonable_encoder(full, exclude_unset=True) == {"login": "a"}
    assert jsonable_encoder({"a": None, "b": 1}, exclude_none=True) == {"b": 1}
    assert jsonable_encoder({"_sa_instance_state": 1, "b": 1}) == {"b": 1}
    assert jsonable_encoder({"_sa_x": 1}, sqlalchemy_safe=False) == {"_sa_x": 1}
    assert jsonable_encoder([Own()], custom_encoder={Own: lambda value: "own"}) == ["own"]


# --- streams


def test_streams_hand_on_each_item_at_once() -> None:
    """Text, bytes, from blocking and from async iterators."""

    async def several() -> AsyncIterator[Any]:
        yield "a"
        yield b"b"

    contents: list[Any] = [several(), iter(["a", b"b"])]
    for content in contents:
        sent = exchange(giving(StreamingResponse(content, media_type="text/x")), path="/x")
        assert [message.get("body") for message in sent[1:]] == [b"a", b"b", b""]
        assert b"content-length" not in headers_of(sent)


@pytest.mark.parametrize("kind", [StreamingResponse, EventSourceResponse])
def test_a_stream_is_sent_once_and_a_whole_answer_as_often_as_one_likes(kind: type[StreamingResponse]) -> None:
    """The second time is an error before anything was sent, not an empty answer."""
    app, stream, whole = Faster(), kind(iter(["a", "b"])), JSONResponse({"a": 1})
    app.get("/stream")(lambda: stream)
    app.get("/whole")(lambda: whole)
    client = TestClient(app)
    assert client.get("/stream").text in ("ab", "data: a\n\ndata: b\n\n")
    with pytest.raises(RuntimeError, match="a stream can be sent once"):
        client.get("/stream")
    assert TestClient(app, raise_server_exceptions=False).get("/stream").status_code == 500
    assert [client.get("/whole").json() for _ in range(3)] == [{"a": 1}] * 3


def test_a_stream_is_closed_when_its_client_goes() -> None:
    """Its `finally` runs, and so do the exits of dependencies."""
    closed: list[str] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x"
                await asyncio.sleep(0)
        finally:
            closed.append("stream")

    app = giving(lambda: StreamingResponse(endless()))
    with TestClient(app) as client, client.stream("GET", "/x") as response:
        assert next(iter(response.iter_bytes()))[:1] == b"x"
    assert closed == ["stream"]


def test_operations_that_yield_are_lines_of_json() -> None:
    """Each item validated and filtered by the type of the items; a class of responses takes them as they are."""
    app = Faster()

    @app.get("/lines")
    async def lines() -> AsyncIterable[Account]:
        yield Full(login="a")
        yield {"login": "b"}  # type: ignore[misc]

    @app.get("/blocking")
    def blocking() -> Iterable[int]:
        yield 1
        yield 2

    @app.get("/raw", response_class=StreamingResponse)
    def raw() -> Iterator[str]:
        yield "a"
        yield "b"

    response = get(app, "/lines")
    assert response.headers["content-type"] == "application/jsonl"
    assert response.text == '{"login":"a","note":null}\n{"login":"b","note":null}\n'
    assert (get(app, "/blocking").text, get(app, "/raw").text) == ("1\n2\n", "ab")


def test_operations_that_yield_can_be_events() -> None:
    """Of whole items or with name, id and comment; proxies are told not to hold them back."""
    app = Faster()

    @app.api_route("/events", methods=["GET", "POST"], response_class=EventSourceResponse)
    async def events() -> AsyncIterator[Any]:
        yield {"a": 1}
        yield Account(login="a")
        yield ServerSentEvent(data={"b": 2}, event="tick", id="7", retry=10)
        yield ServerSentEvent(raw_data="two\nlines", comment="note")

    with TestClient(app) as client:
        for response in (client.get("/events"), client.post("/events")):
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert (response.headers["cache-control"], response.headers["x-accel-buffering"]) == ("no-cache", "no")
            first, second, third, fourth = response.text.removesuffix("\n\n").split("\n\n")
            assert first in ('data: {"a":1}', 'data: {"a": 1}')
            assert second.replace(" ", "") == 'data:{"login":"a","note":null}'
            assert third.replace(" ", "").split("\n") == ["event:tick", 'data:{"b":2}', "id:7", "retry:10"]
            assert fourth.split("\n") == [": note", "data: two", "data: lines"]


@pytest.mark.parametrize("path", ["/events", "/lines", "/stream"])
@pytest.mark.parametrize("version", ["2.3", "2.4"])
def test_a_client_that_leaves_a_busy_stream_is_no_error(path: str, version: str) -> None:
    """More waits to be sent when it goes: the generator is closed, tasks run, nothing is raised. From 2.4 on `send` raises OSError."""
    app = Faster()
    done: list[str] = []

    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            done.append("closed")

    app.get("/events", response_class=EventSourceResponse)(endless)
    app.get("/lines")(endless)

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse((str(item) async for item in endless()), background=BackgroundTask(done.append, "task"))

    async def main() -> None:
        bodies = 0
        left = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal bodies
            bodies += message["type"] == "http.response.body"
            if bodies == 3:
                left.set()
                if version == "2.4":
                    raise OSError("the client is gone")
            await asyncio.sleep(0.01)  # meanwhile the next events queue up

        scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": version}, "method": "GET", "path": path}
        await app({**scope, "raw_path": path.encode(), "query_string": b"", "headers": []}, receive, send)

    asyncio.run(asyncio.wait_for(main(), 10))
    assert sorted(done) == (["closed", "task"] if path == "/stream" else ["closed"])


@pytest.mark.parametrize("turns", range(12))
def test_a_client_that_leaves_just_before_an_event_is_no_error(turns: int) -> None:
    """The event comes so many turns of the loop after it went, and is not sent; the generator is closed, and nothing is raised."""
    app = Faster()
    left = asyncio.Event()
    closed: list[bool] = []

    @app.get("/events", response_class=EventSourceResponse)
    async def events() -> AsyncIterator[int]:
        try:
            yield 1
            await left.wait()
            for _ in range(turns):
                await asyncio.sleep(0)
            yield 2
            await asyncio.sleep(10)
        finally:
            closed.append(True)

    async def main() -> None:
        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body":
                asyncio.get_running_loop().call_later(0.01, left.set)

        scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "method": "GET", "path": "/events"}
        await app({**scope, "raw_path": b"/events", "query_string": b"", "headers": []}, receive, send)

    asyncio.run(asyncio.wait_for(main(), 5))
    assert closed == [True]


@pytest.mark.parametrize("wrong", [
    {"data": 1, "raw_data": "x"}, {"event": "a\nb"}, {"id": "a\rb"}, {"id": "a\0"}, {"retry": -1},
])  # fmt: skip
def test_an_event_that_would_break_the_stream_is_refused(wrong: dict[str, Any]) -> None:
    """When it is made."""
    with pytest.raises(ValueError):
        ServerSentEvent(**wrong)


def test_an_event_is_fields_and_a_blank_line() -> None:
    """Text of several lines becomes several fields."""
    written = format_sse_event(data_str="a\r\nb\rc", event="e", id="1", retry=5, comment="x\ny")
    assert written == b": x\n: y\nevent: e\ndata: a\ndata: b\ndata: c\nid: 1\nretry: 5\n\n"


# --- background tasks


def test_tasks_run_after_the_answer() -> None:
    """Those of dependencies and operation are one collection, those of the response its own; functions of both kinds."""
    events: list[str] = []
    app = Faster()

    def add(tasks: BackgroundTasks) -> None:
        tasks.add_task(events.append, "dependency")

    async def later(name: str, *, mark: str) -> None:
        events.append(name + mark)

    from FasterAPI import Depends

    @app.get("/x", dependencies=[Depends(add)])
    async def operation(tasks: BackgroundTasks) -> str:
        tasks.add_task(later, "operation", mark="!")
        return "ok"

    @app.get("/own")
    async def own() -> Any:
        return JSONResponse(1, background=BackgroundTask(events.append, "own"))

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def noting(message: Any) -> None:
            await send(message)
            if message["type"] == "http.response.body":
                events.append("sent")

        await app(scope, receive, noting)

    exchange(watched, path="/x")
    assert events == ["sent", "dependency", "operation!"]
    events.clear()
    exchange(watched, path="/own")
    assert events == ["sent", "own"]


def test_a_failing_task_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """Each failure is logged; the server is told the first; the answer is what it was."""
    events: list[str] = []
    app = Faster(openapi_url=None)

    def fail(text: str) -> None:
        raise LookupError(text)

    @app.get("/x")
    async def operation(tasks: BackgroundTasks) -> str:
        tasks.add_task(fail, "first")
        tasks.add_task(events.append, "between")
        tasks.add_task(fail, "second")
        tasks.add_task(events.append, "last")
        return "ok"

    with pytest.raises(LookupError, match="first"):
        get(app)
    assert events == ["between", "last"]
    records = [record for record in caplog.records if record.name == "FasterAPI"]
    assert [str(record.exc_info and record.exc_info[1]) for record in records] == ["first", "second"]
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.get("/x").json() == "ok"
    tasks = BackgroundTasks([BackgroundTask(events.append, "called")])
    asyncio.run(tasks.run())
    assert events[-1] == "called"


def test_a_response_s_own_tasks_come_first() -> None:
    """Those that were injected follow; one response that is returned again and again gathers none."""
    events: list[str] = []
    app = Faster(openapi_url=None)
    ready = PlainTextResponse("x", background=BackgroundTask(events.append, "own"))

    @app.get("/x")
    async def operation(tasks: BackgroundTasks) -> Any:
        tasks.add_task(events.append, "injected")
        return ready

    for _ in range(2):
        events.clear()
        assert get(app).text == "x"
        assert events == ["own", "injected"]


def test_annotated_items_are_not_needed_for_lines() -> None:
    """A generator that says nothing about its items gives them all the same."""
    app = Faster()

    @app.get("/x")
    async def lines(n: Annotated[int, "how many"] = 2):  # type: ignore[no-untyped-def]
        for number in range(n):
            yield {"n": number}

    assert [line.replace(" ", "") for line in get(app).text.splitlines()] == ['{"n":0}', '{"n":1}']
