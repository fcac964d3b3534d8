"""Telemetry: by whom it is asked for, that it costs nobody else, and the exporters that the environment asks for.

What needs OpenTelemetry's SDK is skipped where that is not installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Iterator
from types import ModuleType
from typing import Any

import pytest
from starlette.middleware import Middleware

from FasterAPI import (
    Faster,
    TestClient,
    _telemetry,
)
from FasterAPI.middleware.errors import ServerErrorMiddleware
from tests.contract.telemetry_told import Told, needs_exporter, needs_sdk, shop


@pytest.fixture
def told() -> Iterator[Told]:
    found = Told()
    yield found
    found.close()


def run(script: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(script)], check=True, timeout=30)


# --- who has telemetry


def test_without_opentelemetry_it_is_off_and_cannot_be_asked_for() -> None:
    """An application serves; settings are an error that names what to install; there is no data of a request."""
    run("""
        import sys

        class Blocker:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] == "opentelemetry":
                    raise ModuleNotFoundError(name)

        sys.meta_path.insert(0, Blocker())
        from FasterAPI import Faster, TestClient
        from FasterAPI.telemetry import TelemetryConfig, TelemetryData, get_telemetry_data

        app = Faster()
        app.get("/")(lambda: get_telemetry_data() is None)
        with TestClient(app) as client:
            assert client.get("/").json() is True
        for settings in ({}, {"tracing": False}):
            try:
                Faster(telemetry=settings)
            except ImportError as exc:
                assert "fasthttp[otel]" in str(exc)
            else:
                raise AssertionError("it was taken")
        assert TelemetryData().body is None
    """)


def test_nobody_who_does_not_use_it_imports_it() -> None:
    """Serving requests loads nothing of OpenTelemetry, installed or not."""
    run("""
        import sys
        from FasterAPI import Faster, TestClient

        app = Faster()
        app.get("/")(lambda: 1)
        with TestClient(app) as client:
            assert client.get("/").json() == client.get("/").json() == 1
        assert not [name for name in sys.modules if name.startswith("opentelemetry.")]
        assert "FasterAPI.telemetry._asgi" not in sys.modules
    """)


def test_settings_are_checked() -> None:
    """What is no mapping, and a name that is no setting, is refused with the name that was probably meant."""
    for wrong, hint in (({"traceing": True}, "'tracing'"), ({"zzz": 1}, "tracer_provider"), (True, "bool"), ([], "list")):
        with pytest.raises(TypeError, match=hint):
            Faster(telemetry=wrong)  # type: ignore[arg-type]


def calls_of_second_request(app: Faster) -> list[str]:
    seen: list[str] = []

    def note(frame: Any, event: str, argument: Any) -> None:
        if event == "call":
            seen.append(frame.f_code.co_qualname)

    async def request() -> None:
        scope = {"type": "http", "method": "GET", "path": "/7", "query_string": b"", "headers": []}

        async def receive() -> Any:
            return {"type": "http.request"}

        async def send(message: Any) -> None: ...

        await app(scope, receive, send)

    async def both() -> None:
        await request()
        sys.setprofile(note)
        try:
            await request()
        finally:
            sys.setprofile(None)

    asyncio.run(both())
    return seen


@pytest.mark.parametrize("middleware", [False, True])
def test_where_nobody_listens_a_request_makes_the_same_calls(monkeypatch: pytest.MonkeyPatch, middleware: bool) -> None:
    """Whether or not OpenTelemetry is installed: after the first request nothing is left of what might have watched."""

    class Through:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(scope, receive, send)

    for api in ("trace", "metrics", "_logs"):  # another test may have loaded it
        monkeypatch.delitem(sys.modules, f"opentelemetry.{api}", raising=False)
    found = []
    for installed in (False, True):
        monkeypatch.setattr(_telemetry, "_is_installed", lambda installed=installed: installed)
        app = Faster(middleware=[Middleware(Through)] if middleware else None)

        @app.get("/{number}")
        async def read(number: int) -> int:
            return number

        found.append(calls_of_second_request(app))
        assert app.middleware_stack is None or type(app.middleware_stack) is ServerErrorMiddleware
    assert found[0] == found[1]
    assert any(name.endswith("read") for name in found[0])


@needs_sdk
def test_global_providers_are_followed_if_they_are_there_when_requests_begin(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also such as are set while the application starts; later ones only by an application that has asked for telemetry."""
    from opentelemetry import trace

    there: list[Any] = []
    real = trace.get_tracer_provider
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: there[-1] if there else real())

    @contextlib.asynccontextmanager
    async def starts(app: Any) -> AsyncIterator[None]:
        there.append(told.tracer)
        yield

    with TestClient(Faster(lifespan=starts)) as client:
        client.get("/a")
    assert told.names() == ["GET"]
    there.clear()
    stand_in: Any = {"tracer_provider": trace.ProxyTracerProvider()}  # what there was before it was set
    for app, count in ((Faster(), 0), (Faster(telemetry={}), 1), (Faster(telemetry=stand_in), 1)):
        before = len(told.spans())
        client = TestClient(app)
        client.get("/b")
        there.append(told.tracer)
        client.get("/c")
        there.clear()
        assert len(told.spans()) - before == count


@needs_sdk
def test_another_instrumentation_does_all_of_it(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where OpenTelemetry's middleware for ASGI stands among the layers, nothing is told twice."""

    class OpenTelemetryMiddleware:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(scope, receive, send)

    module = ModuleType("opentelemetry.instrumentation.asgi")
    vars(module)["OpenTelemetryMiddleware"] = OpenTelemetryMiddleware
    monkeypatch.setitem(sys.modules, module.__name__, module)
    app = Faster(telemetry=told.settings)
    assert TestClient(app).get("/").status_code == 404
    assert len(told.spans()) == 1
    app.middleware_stack = ServerErrorMiddleware(OpenTelemetryMiddleware(app.build_middleware_stack()))
    assert TestClient(app).get("/").status_code == 404
    assert len(told.spans()) == 1


# --- exporters of the environment


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Any:
    import os

    from FasterAPI.telemetry import _runtime

    for name in list(os.environ):
        if name.startswith(("OTEL_", "FASTAPI_OTEL_")):
            monkeypatch.delenv(name)
    monkeypatch.setattr(_runtime, "_owned", [])
    monkeypatch.setattr(_runtime, "_configured", [])
    return _runtime


def test_where_the_environment_sends_signals(runtime: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base for all, or an endpoint of one; only OTLP over HTTP; an empty variable is none."""
    assert runtime._export_endpoint("TRACES") is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.test:4318/base/")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "https://logs.test/in/")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "")
    assert runtime._export_endpoint("TRACES") == "http://collector.test:4318/base/v1/traces"
    assert runtime._export_endpoint("LOGS") == "https://logs.test/in/"
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    assert runtime._export_endpoint("LOGS") is None
    for name, value in (
        ("OTEL_TRACES_EXPORTER", "console"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector.test:4318"),
    ):
        with monkeypatch.context() as changed:
            changed.setenv(name, value)
            with pytest.raises(RuntimeError, match=r"otlp or none|http/protobuf|absolute HTTP URL"):
                runtime._export_endpoint("TRACES")


def test_what_was_added_is_flushed_when_an_application_ends(runtime: Any, caplog: pytest.LogCaptureFixture) -> None:
    """In a thread, before the server hears of the end; shut down once with the process; what fails there is logged only."""
    done: list[Any] = []

    class Pipeline:
        def force_flush(self) -> None:
            done.append(("flush", threading.current_thread() in loops))

        def shutdown(self) -> None:
            done.append("shutdown")
            raise RuntimeError("no")

    @contextlib.asynccontextmanager
    async def starts(app: Any) -> AsyncIterator[None]:
        loops.append(threading.current_thread())
        yield

    loops: list[Any] = []
    runtime._owned.append(Pipeline())
    with TestClient(Faster(lifespan=starts)):
        assert done == []
    assert done == [("flush", False)]
    runtime._shutdown()
    runtime._shutdown()
    assert done[1:] == ["shutdown"]
    assert len(caplog.records) == 1


@needs_sdk
def test_exporters_that_cannot_be_made_stop_nothing(runtime: Any, told: Told, monkeypatch: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The application starts and is watched by its providers; one warning says why there is no more."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere")
    settings: Any = {**told.settings, "auto_configure": True}
    with TestClient(Faster(telemetry=settings)) as client:
        client.get("/")
    assert len(told.spans()) == 1
    [warning] = caplog.messages
    assert "'nowhere/v1/traces'" in warning
    assert runtime._owned == []


@needs_exporter
def test_exporters_are_added_to_providers_once(runtime: Any, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the application get what the environment asks for, the first time that it starts; it sends when it ends."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    posted: list[str] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            posted.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
        app = shop(telemetry={**told.settings, "auto_configure": True})
        for _ in range(2):
            with TestClient(app, raise_server_exceptions=False) as client:
                client.get("/v1/items/500")
        assert [signal for signal, _ in runtime._configured] == ["TRACES", "LOGS"]
        assert sorted(posted) == ["/v1/logs", "/v1/logs", "/v1/traces", "/v1/traces"]
        assert len(told.logs()) == 2
    finally:
        runtime._shutdown()
        server.shutdown()
        thread.join()
        server.server_close()
