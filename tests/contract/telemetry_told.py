"""An application with one of everything, and providers of OpenTelemetry's SDK that keep what they are told."""

from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import Annotated, Any

import pytest

from FasterAPI import (
    APIRouter,
    BackgroundTasks,
    Depends,
    Faster,
    HTTPException,
    JSONResponse,
    Response,
    StreamingResponse,
    WebSocket,
)


def is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ImportError:
        return False


needs_sdk = pytest.mark.skipif(not is_installed("opentelemetry.sdk"), reason="opentelemetry-sdk is not installed")
needs_exporter = pytest.mark.skipif(
    not is_installed("opentelemetry.exporter.otlp.proto.http"), reason="opentelemetry-exporter-otlp-proto-http is not installed"
)


class Told:
    """Providers, and what they were told."""

    def __init__(self) -> None:
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        records: Any = InMemoryLogRecordExporter  # its constructor has no annotations
        self._spans, self._records, self._reader = InMemorySpanExporter(), records(), InMemoryMetricReader()
        self.tracer = TracerProvider(shutdown_on_exit=False)
        self.tracer.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter = MeterProvider(metric_readers=[self._reader], shutdown_on_exit=False)
        self.logger = LoggerProvider(shutdown_on_exit=False)
        self.logger.add_log_record_processor(SimpleLogRecordProcessor(self._records))
        self.settings: Any = {"tracer_provider": self.tracer, "meter_provider": self.meter, "logger_provider": self.logger}

    def spans(self) -> list[Any]:
        return list(self._spans.get_finished_spans())

    def span(self, name: str) -> Any:
        [found] = [span for span in self.spans() if span.name == name]
        return found

    def names(self) -> list[str]:
        return [span.name for span in self.spans()]

    def logs(self) -> list[Any]:
        return [data.log_record for data in self._records.get_finished_logs()]

    def points(self, name: str = "http.server.request.duration") -> list[Any]:
        data = self._reader.get_metrics_data()
        scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics] if data else []
        return [point for scope in scopes for metric in scope.metrics if metric.name == name for point in metric.data.data_points]

    def close(self) -> None:
        for provider in (self.tracer, self.meter, self.logger):
            provider.shutdown()


def shop(**options: Any) -> Faster:
    """An application with one of everything."""
    app = Faster(**options)
    router = APIRouter(prefix="/v1")

    async def unit() -> str:
        return "kg"

    async def opened() -> AsyncIterator[int]:
        yield 1

    @router.get("/items/{number}")
    async def item(number: int, unit: Annotated[str, Depends(unit)]) -> dict[str, Any]:
        if number == 13:
            raise HTTPException(418, "no such number")
        if number == 500:
            raise ValueError("secret reason")
        return {"number": number, "unit": unit}

    @router.get("/wrong")
    def wrong() -> int:
        return "x"  # type: ignore[return-value]

    @router.post("/items")
    def add(body: dict[str, int], response: Response, tasks: BackgroundTasks, key: Annotated[int, Depends(opened)]) -> dict[str, int]:
        response.headers["x-key"] = str(key)
        response.status_code = 201
        tasks.add_task(list, [1])
        return body

    @app.get("/raw")
    async def raw(tasks: BackgroundTasks) -> Response:
        tasks.add_task(list, [2])
        return JSONResponse({"raw": True}, headers={"x-raw": "1"})

    @app.get("/lines")
    async def lines() -> AsyncIterator[int]:
        yield 1
        yield 2

    @app.get("/stream")
    def stream() -> StreamingResponse:
        return StreamingResponse(iter(["a", "b"]))

    @app.websocket("/echo/{times}")
    async def echo(websocket: WebSocket, times: int, unit: Annotated[str, Depends(unit)]) -> None:
        await websocket.accept()
        for _ in range(times):
            await websocket.send_text(await websocket.receive_text() + unit)
        await websocket.close()

    app.include_router(router)
    return app
