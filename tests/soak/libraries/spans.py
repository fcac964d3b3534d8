"""OpenTelemetry's instrumentation: a span for each request, named by the template of its route, and one for an application made later."""

import fastapi
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
reader = InMemoryMetricReader()
meters = MeterProvider([reader])


def declare(app):
    router = APIRouter(prefix="/shop")

    @router.get("/items/{number}")
    async def item(number: int):
        return {"trace": get_current_span().get_span_context().trace_id}

    @router.get("/broken")
    def broken():
        raise RuntimeError("no lamp")

    app.include_router(router)
    return app


def served(app, path, **options):
    """The answer, and the one server span of it."""
    exporter.clear()
    answer = TestClient(app, raise_server_exceptions=False).get(path, **options)
    [span] = [span for span in exporter.get_finished_spans() if span.kind is SpanKind.SERVER]
    return answer, span


app = declare(FastAPI())
FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, meter_provider=meters, excluded_urls="/docs")

parent = f"00-{7:032x}-{9:016x}-01"
answer, span = served(app, "/shop/items/7", headers={"traceparent": parent})
assert span.name == "GET /shop/items/{number}", span.name
assert span.attributes["http.route"] == "/shop/items/{number}"
assert answer.json() == {"trace": 7}, "the operation runs inside the span, and the span inside the caller's trace"
assert span.parent.span_id == 9

answer, span = served(app, "/shop/broken")
assert answer.status_code == 500
assert span.name == "GET /shop/broken"
assert span.status.status_code is StatusCode.ERROR
assert any(event.name == "exception" and event.attributes["exception.message"] == "no lamp" for event in span.events)

exporter.clear()
assert TestClient(app).get("/docs").status_code == 200
assert not exporter.get_finished_spans(), "excluded"

points = [
    point
    for resource in reader.get_metrics_data().resource_metrics
    for scope in resource.scope_metrics
    for metric in scope.metrics
    if "duration" in metric.name
    for point in metric.data.data_points
]
routes = {point.attributes.get("http.route") or point.attributes.get("http.target") for point in points}
assert "/shop/items/{number}" in routes, routes

FastAPIInstrumentor.uninstrument_app(app)
exporter.clear()
assert TestClient(app).get("/shop/items/7").status_code == 200
assert not exporter.get_finished_spans(), "no longer instrumented"

# Every application that is made from here on.
FastAPIInstrumentor().instrument(tracer_provider=provider)
answer, span = served(declare(fastapi.FastAPI()), "/shop/items/8")
assert span.name == "GET /shop/items/{number}"
assert answer.json()["trace"] == span.get_span_context().trace_id
FastAPIInstrumentor().uninstrument()
