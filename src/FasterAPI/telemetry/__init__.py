"""OpenTelemetry: the settings of an application's telemetry, and what is known of the request that is being served."""

from __future__ import annotations

import sys
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider
    from starlette.requests import Request
    from starlette.websockets import WebSocket

__all__ = ["TelemetryConfig", "TelemetryData", "get_telemetry_data"]


class TelemetryConfig(TypedDict, total=False):
    """The settings of `telemetry=`. All are optional.

    Attributes:
        tracer_provider, meter_provider, logger_provider: instead of the global ones. They are never shut down.
        tracing: spans of requests and WebSocket connections; on by default.
        metrics: the duration of requests in seconds, and how many are active; on by default.
        logs: records of invalid requests, and of exceptions that nobody answered, with their tracebacks; on by default.
        operation_spans: also spans of dependencies, operations, serialization and background tasks; on by default.
        auto_configure: add exporters (OTLP over HTTP) that the environment asks for when the application starts. Off, unless
            `FASTAPI_OTEL_AUTO_CONFIGURE` is "true".
        exclude: a function of the ASGI scope; requests and connections for which it is true are left alone.
    """

    tracer_provider: TracerProvider | None
    meter_provider: MeterProvider | None
    logger_provider: LoggerProvider | None
    tracing: bool
    metrics: bool
    logs: bool
    operation_spans: bool
    auto_configure: bool
    exclude: Callable[[MutableMapping[str, Any]], bool] | None


@dataclass(kw_only=True)
class TelemetryData:
    """What is known so far of a request or connection, for processors of spans and logs. It is to be read, not changed.

    Nothing of it is exported by itself: it holds what users have sent.

    Attributes:
        request: or None before its operation was found.
        websocket: likewise.
        body: as it was read, before it was validated.
        values: the arguments of the operation, once its dependencies were called.
        errors: what is wrong with the request.
    """

    request: Request | None = None
    websocket: WebSocket | None = None
    body: Any = None
    values: dict[str, Any] | None = None
    errors: Sequence[Any] | None = None


def get_telemetry_data(context: Context | None = None) -> TelemetryData | None:
    """The data of the request that is being served; None outside of one, after its end, and where it is not watched.

    Args:
        context: of OpenTelemetry, as records of logs have it; the current one by default.
    """
    watching = sys.modules.get("FasterAPI.telemetry._watched")
    found = None if watching is None else watching.current(context)
    return None if found is None else found.data
