"""Telemetry: what OpenTelemetry is told of requests, connections, their steps and their faults.

Spans, metrics and logs are read with the exporters of its SDK; where that is not installed, all of this is skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.websockets import WebSocketDisconnect

from FasterAPI import (
    BackgroundTasks,
    Faster,
    HTTPException,
    Request,
    TestClient,
    routing,
)
from FasterAPI.telemetry import get_telemetry_data
from tests.contract.raw_asgi import exchange, status_of
from tests.contract.telemetry_told import Told, needs_sdk, shop

pytestmark = needs_sdk


@pytest.fixture
def told() -> Iterator[Told]:
    found = Told()
    yield found
    found.close()


JSON = [(b"content-type", b"application/json"), (b"host", b"shop.test")]
REQUESTS: list[Any] = [
    ("GET", "/v1/items/3", b"", b""),
    ("GET", "/v1/items/x", b"", b""),
    ("GET", "/v1/items/13", b"", b""),
    ("GET", "/v1/items/500", b"", b""),
    ("GET", "/v1/items/3/", b"q=1", b""),
    ("GET", "/v1/wrong", b"", b""),
    ("POST", "/v1/items", b"", b'{"a": 1}'),
    ("POST", "/v1/items", b"", b'{"a": "x"}'),
    ("POST", "/v1/items", b"", b"{"),
    ("POST", "/v1/items", b"", b""),
    ("PUT", "/v1/items", b"", b""),
    ("HEAD", "/v1/items/3", b"", b""),
    ("GET", "/raw", b"", b""),
    ("GET", "/lines", b"", b""),
    ("GET", "/stream", b"", b""),
    ("GET", "/nowhere", b"", b""),
    ("GET", "/docs", b"", b""),
]


@pytest.mark.parametrize(("method", "path", "query", "body"), REQUESTS)
def test_watched_requests_are_answered_as_others(told: Told, method: str, path: str, query: bytes, body: bytes) -> None:
    """Message by message, whatever the answer is; and there is one span of each, and one duration."""
    answers = []
    for app in (shop(), shop(telemetry=told.settings)):
        sent: list[Any] = []
        error: Any = None
        try:
            sent = exchange(app, method, path, query=query, headers=JSON, messages=[{"type": "http.request", "body": body}])
        except Exception as exc:
            error = (type(exc), str(exc))
        for message in sent:  # the short way has the fields in another order
            message["headers"] = sorted(message.get("headers", ()))
        answers.append((sent, error))
    assert answers[0] == answers[1]
    assert sum(point.count for point in told.points()) == 1
    assert len([span for span in told.spans() if span.kind.name == "SERVER"]) == 1


def test_the_span_of_a_request(told: Told) -> None:
    """Its name is the method and the template of the path; its parent the caller's; signatures in the query are masked."""
    child = shop()
    middle, app = Faster(), Faster(telemetry=told.settings)
    middle.mount("/shop", child)
    app.mount("/tenants/{tenant}", middle)
    parent = "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    headers = {"traceparent": parent, "authorization": "Bearer hush", "host": "shop.test:8443"}
    answer = TestClient(app).get("/tenants/acme/shop/v1/items/3?sig=hush&page=2", headers=headers)
    assert answer.json() == {"number": 3, "unit": "kg"}
    span = told.span("GET /tenants/{tenant}/shop/v1/items/{number}")
    assert (f"{span.context.trace_id:x}", f"{span.parent.span_id:x}") == ("1" * 32, "2" * 16)
    assert dict(span.attributes) == {
        "http.request.method": "GET",
        "http.route": "/tenants/{tenant}/shop/v1/items/{number}",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
        "server.address": "shop.test",
        "server.port": 8443,
        "url.path": "/tenants/acme/shop/v1/items/3",
        "url.query": "sig=REDACTED&page=2",
        "url.scheme": "http",
    }
    steps = [other for other in told.spans() if other is not span]
    assert [step.name for step in steps] == ["fastapi.dependencies", "fastapi.endpoint", "fastapi.serialization"]
    assert {step.parent.span_id for step in steps} == {span.context.span_id}
    assert all(step.attributes["code.function.name"].endswith("shop.<locals>.item") for step in steps)
    [point] = told.points()
    assert dict(point.attributes) == {
        "http.request.method": "GET",
        "http.route": "/tenants/{tenant}/shop/v1/items/{number}",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
        "url.scheme": "http",
    }
    assert told.points("http.server.active_requests")[0].value == 0


@pytest.mark.parametrize(
    ("method", "path", "name", "status"),
    [
        ("GET", "/nowhere", "GET", 404),
        ("DELETE", "/v1/items", "DELETE /v1/items", 405),
        ("BREW", "/v1/items", "HTTP /v1/items", 405),
        ("GET", "/v1/items/3/", "GET /v1/items/{number}", 307),
        ("GET", "/docs", "GET /docs", 200),
    ],
)
def test_names_are_bounded(told: Told, method: str, path: str, name: str, status: int) -> None:
    """What strangers send does not make new names: methods that are none are one, paths without a route have none."""
    sent = exchange(shop(telemetry=told.settings), method, path, headers=[(b"host", b"shop.test")])
    assert status_of(sent) == status
    [span] = [span for span in told.spans() if span.kind.name == "SERVER"]
    assert span.name == name
    assert span.attributes["http.request.method"] == ("_OTHER" if method == "BREW" else method)
    assert span.attributes.get("http.request.method_original") == ("BREW" if method == "BREW" else None)


@pytest.mark.parametrize("host", [b"", b"a b", b"u:p@h", b"h/path", b"[::1", b"h:99999", b"h:x", b"\xff", b"h\x00"])
def test_a_host_that_is_none_is_left_out(told: Told, host: bytes) -> None:
    """Malformed authorities neither break requests nor get into spans."""
    sent = exchange(shop(telemetry=told.settings), "GET", "/raw", headers=[(b"host", host)])
    assert status_of(sent) == 200
    assert not any(name.startswith("server.") for name in told.span("GET /raw").attributes)


def test_steps_tell_what_failed(told: Told) -> None:
    """An answer that was meant (an HTTP exception) is no fault of a step; another exception is one, of its step and the request."""
    client = TestClient(shop(telemetry=told.settings), raise_server_exceptions=False)
    assert client.get("/v1/items/13").status_code == 418
    assert all(span.status.is_unset for span in told.spans())
    assert client.get("/v1/items/500").status_code == 500
    assert client.get("/v1/wrong").status_code == 500
    failed = [(span.name, span.attributes["error.type"]) for span in told.spans() if not span.status.is_ok]
    invalid = "FasterAPI.exceptions.ResponseValidationError"
    assert failed == [
        *(("fastapi.endpoint", "ValueError"), ("GET /v1/items/{number}", "ValueError")),
        *(("fastapi.serialization", invalid), ("GET /v1/wrong", invalid)),
    ]
    assert not any(span.events for span in told.spans())


def test_faults_are_logged_once(told: Told) -> None:
    """An exception that nobody answered, with its traceback, in the trace of its request; an invalid request as a warning
    without what was sent; an answer that was meant not at all."""
    client = TestClient(shop(telemetry=told.settings), raise_server_exceptions=False)
    for path in ("/v1/items/13", "/v1/items/hush", "/v1/items/500", "/nowhere"):
        client.get(path)
    invalid, fault = told.logs()
    assert (invalid.event_name, invalid.severity_text) == ("fastapi.validation.failed", "WARN")
    assert dict(invalid.attributes) == {"http.route": "/v1/items/{number}", "fastapi.validation.error_count": 1}
    assert "hush" not in repr(invalid)
    assert (fault.event_name, fault.severity_text) == ("http.server.request.exception", "ERROR")
    assert isinstance(fault.exception, ValueError)
    assert "secret reason" in fault.attributes["exception.stacktrace"]
    [span] = [span for span in told.spans() if span.attributes.get("http.response.status_code") == 500]
    assert (fault.trace_id, fault.span_id) == (span.context.trace_id, span.context.span_id)


@pytest.mark.parametrize("signal", ["tracing", "metrics", "logs"])
def test_signals_are_independent(told: Told, signal: str) -> None:
    """One alone tells what it tells among the others."""
    off: Any = {name: name == signal for name in ("tracing", "metrics", "logs")}
    client = TestClient(shop(telemetry={**told.settings, **off}), raise_server_exceptions=False)
    client.get("/v1/items/500")
    assert {"tracing": len(told.spans()), "metrics": len(told.points()), "logs": len(told.logs())} == {
        "tracing": 3 if signal == "tracing" else 0,
        "metrics": int(signal == "metrics"),
        "logs": int(signal == "logs"),
    }


def test_some_requests_can_be_left_alone(told: Told) -> None:
    """Those that `exclude` is true for, also where a mounted application would watch them; and spans of steps for all."""
    child = shop(telemetry=told.settings)
    scopes: list[Any] = []
    child.get("/scope")(lambda request: scopes.append(dict(request.scope)))
    settings: Any = {**told.settings, "operation_spans": False, "exclude": lambda scope: scope["path"] == "/shop/raw"}
    app = Faster(telemetry=settings)
    app.mount("/shop", child)
    client = TestClient(app)
    assert client.get("/shop/raw").json() == {"raw": True}
    assert (told.spans(), told.points()) == ([], [])
    assert client.get("/shop/v1/items/3").status_code == 200
    assert told.names() == ["GET /shop/v1/items/{number}"]


def test_a_blocking_operation_has_its_span_in_its_thread(told: Told) -> None:
    """Spans that it makes are children of its own."""
    from opentelemetry import trace

    app = Faster(telemetry=told.settings)
    found: list[Any] = []

    @app.get("/")
    def read() -> None:
        found.append((threading.current_thread(), trace.get_current_span().get_span_context().span_id))

    TestClient(app).get("/")
    [(thread, span)] = found
    assert thread is not threading.main_thread()
    assert told.span("fastapi.endpoint").context.span_id == span


def test_libraries_that_replace_a_step_still_see_it(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Solving dependencies, running the operation and serializing are asked for by name in the module, each time."""
    seen: list[str] = []

    def watched(name: str) -> Callable[..., Any]:
        real = getattr(routing, name)

        async def step(**arguments: Any) -> Any:
            seen.append(name)
            return await real(**arguments)

        return step

    for name in ("solve_dependencies", "run_endpoint_function", "serialize_response"):
        monkeypatch.setattr(routing, name, watched(name))
    assert TestClient(shop(telemetry=told.settings)).get("/v1/items/3").status_code == 200
    assert seen == ["solve_dependencies", "run_endpoint_function", "serialize_response"]


@pytest.mark.parametrize("end", ["whole", "cut", "gone", "cancelled", "broken"])
def test_every_request_ends(told: Told, end: str) -> None:
    """Also one without a whole response: then its span and its duration say so, and nothing stays active."""
    from FasterAPI.telemetry._asgi import NativeTelemetry

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if end == "cancelled":
            raise asyncio.CancelledError
        if end == "gone":
            assert (await receive())["type"] == "http.disconnect"
            return
        await send({"type": "http.response.start", "status": 200, "trailers": True})
        await send({"type": "http.response.body", "body": b"ok"})
        assert told.spans() == []
        if end == "whole":
            await send({"type": "http.response.trailers", "headers": []})
            assert len(told.spans()) == 1

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if end == "broken":
            raise OSError("closed")

    scope: Any = {"type": "http", "method": "GET", "path": "/", "headers": []}
    expected = {"cancelled": asyncio.CancelledError, "broken": OSError}.get(end)
    with pytest.raises(expected) if expected else contextlib.nullcontext():
        asyncio.run(NativeTelemetry(Faster(telemetry=told.settings)._telemetry)(app, scope, receive, send))
    span = told.span("GET")
    errors = {"cut": "RuntimeError", "gone": "ConnectionError", "cancelled": "asyncio.exceptions.CancelledError", "broken": "OSError"}
    assert span.attributes.get("error.type") == errors.get(end)
    assert [point.attributes.get("error.type") for point in told.points()] == [errors.get(end)]
    assert told.points("http.server.active_requests")[0].value == 0
    assert set(scope) == {"type", "method", "path", "headers"}


# --- background tasks


def test_background_tasks_have_spans_after_that_of_the_request(told: Told) -> None:
    """Each its own, of the same trace; one that fails is marked, and does not keep the others from running."""
    app = Faster(telemetry=told.settings)
    ran: list[str] = []

    def breaks() -> None:
        ran.append("breaks")
        raise HTTPException(503)

    @app.get("/")
    async def read(tasks: BackgroundTasks) -> dict[str, int]:
        def more() -> None:
            ran.append("more")
            tasks.add_task(ran.append, "late")

        tasks.add_task(breaks)
        tasks.add_task(more)
        return {}

    client = TestClient(app, raise_server_exceptions=False)
    assert client.get("/").status_code == 200
    assert ran == ["breaks", "more", "late"]
    server = told.span("GET /")
    tasks = [span for span in told.spans() if span.name == "fastapi.background_task"]
    assert [(span.attributes.get("error.type"), span.parent.span_id) for span in tasks] == [
        ("FasterAPI.exceptions.HTTPException", server.context.span_id),
        (None, server.context.span_id),
        (None, server.context.span_id),
    ]
    assert server.status.is_unset
    assert all(span.start_time >= server.end_time for span in tasks)
    assert len(told.logs()) == 1


def test_tasks_of_every_kind_of_response_have_spans(told: Told) -> None:
    """Of one that the operation made, and of one that was made of its result."""
    client = TestClient(shop(telemetry=told.settings))
    assert client.get("/raw").headers["x-raw"] == "1"
    assert client.post("/v1/items", json={"a": 1}).status_code == 201
    assert told.names().count("fastapi.background_task") == 2


# --- WebSockets


def test_a_connection_is_one_span(told: Told) -> None:
    """From its request to its end, without metrics, and without what was sent."""
    with TestClient(shop(telemetry=told.settings)).websocket_connect("/echo/1") as session:
        session.send_text("hush")
        assert session.receive_text() == "hushkg"
    assert told.names() == ["fastapi.dependencies", "fastapi.endpoint", "WS /echo/{times}"]
    span = told.span("WS /echo/{times}")
    assert (span.attributes["network.protocol.name"], span.attributes["url.scheme"]) == ("websocket", "ws")
    assert span.status.is_unset
    assert "hush" not in repr([dict(span.attributes) for span in told.spans()])
    assert told.points() == []


@pytest.mark.parametrize(("code", "fails"), [(1000, False), (1001, False), (1006, True)])
def test_a_client_that_leaves_as_it_may_is_no_fault(told: Told, code: int, fails: bool) -> None:
    """A normal closure is none; a connection that broke is one."""
    with pytest.raises(WebSocketDisconnect), TestClient(shop(telemetry=told.settings)).websocket_connect("/echo/1") as session:
        session.close(code=code)
    assert (not told.span("WS /echo/{times}").status.is_ok) == fails
    assert len(told.logs()) == fails


def test_a_connection_with_wrong_parameters_is_logged(told: Told) -> None:
    """As a warning of one fault, and refused as it always is."""
    with pytest.raises(WebSocketDisconnect) as caught, TestClient(shop(telemetry=told.settings)).websocket_connect("/echo/x"):
        pass
    assert caught.value.code == 1008
    [record] = told.logs()
    assert dict(record.attributes) == {"http.route": "/echo/{times}", "fastapi.validation.error_count": 1}


# --- the data of a request


def test_data_is_there_while_the_request_is_and_no_longer(told: Told) -> None:
    """Request, body, arguments and faults, for whoever asks inside; nothing afterwards, even in a context that was kept."""
    from opentelemetry import context

    app = Faster(telemetry=told.settings)
    kept: list[Any] = []

    @app.post("/{number}")
    async def add(number: int, body: dict[str, int], request: Request) -> None:
        data = get_telemetry_data()
        assert data is not None
        assert data.request is request
        assert (data.body, data.values, data.errors) == ({"a": 1}, {"number": 7, "body": {"a": 1}, "request": request}, [])
        kept.append(context.get_current())

    assert TestClient(app).post("/7", json={"a": 1}).status_code == 200
    assert get_telemetry_data() is None
    assert get_telemetry_data(kept[0]) is None


def test_processors_find_what_was_wrong(told: Told) -> None:
    """The faults and the body, when the record of an invalid request is written."""
    found: list[Any] = []

    def on_emit(record: Any) -> None:
        data = get_telemetry_data(record.log_record.context)
        assert data is not None
        found.append((data.errors and data.errors[0]["type"], data.body))

    processor: Any = SimpleNamespace(on_emit=on_emit, shutdown=lambda: None)
    told.logger.add_log_record_processor(processor)
    client = TestClient(shop(telemetry=told.settings))
    client.post("/v1/items", json={"a": "x"})
    client.post("/v1/items", content=b"{", headers={"content-type": "application/json"})
    assert found == [("int_parsing", {"a": "x"}), ("json_invalid", "{")]
