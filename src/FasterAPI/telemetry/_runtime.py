"""Exporters that the environment asks for: added to the providers when an application starts, emptied when it ends.

They belong to the process. Providers and exporters of others are never closed here.
"""

from __future__ import annotations

import atexit
import importlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from anyio import to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from FasterAPI.exceptions import FastAPIError
from FasterAPI.logger import logger

__all__ = ["lifespan"]

_lock = threading.RLock()
_owned: list[Any] = []  # what was added to providers: flushed and shut down here, since providers forget what they got later
_configured: list[tuple[str, Any]] = []  # signals and providers that have it
_NEEDS = "automatic telemetry needs opentelemetry-sdk and opentelemetry-exporter-otlp-proto-http"
_OTHERWISE = "configure it yourself and say auto_configure=False in telemetry="


@dataclass(frozen=True)
class _Signal:
    """One of the three, and what things are called for it. `noun`: as in `tracer_provider`."""

    name: str
    setting: str
    noun: str
    api: str
    sdk: str
    add: str
    pipeline: str
    exporter: str

    def current(self) -> Any:
        """The global provider."""
        return getattr(importlib.import_module(self.api), f"get_{self.noun}_provider")()

    def put(self, provider: Any) -> None:
        """Make a provider the global one, unless there is one."""
        getattr(importlib.import_module(self.api), f"set_{self.noun}_provider")(provider)

    def new_provider(self) -> Any:
        """One that holds nothing which would have to be shut down."""
        return getattr(importlib.import_module(self.sdk), f"{self.noun.capitalize()}Provider")(shutdown_on_exit=False)

    def new_pipeline(self, endpoint: str) -> Any:
        """What sends to an endpoint, from a thread of its own."""
        module, _, kind = self.exporter.partition(".")
        exporter = getattr(importlib.import_module(f"opentelemetry.exporter.otlp.proto.http.{module}"), kind)
        return getattr(importlib.import_module(f"{self.sdk}.export"), self.pipeline)(exporter(endpoint=endpoint))


_SIGNALS = (
    _Signal(
        *("TRACES", "tracing", "tracer", "opentelemetry.trace", "opentelemetry.sdk.trace"),
        *("add_span_processor", "BatchSpanProcessor", "trace_exporter.OTLPSpanExporter"),
    ),
    _Signal(
        *("METRICS", "metrics", "meter", "opentelemetry.metrics", "opentelemetry.sdk.metrics"),
        *("add_metric_reader", "PeriodicExportingMetricReader", "metric_exporter.OTLPMetricExporter"),
    ),
    _Signal(
        *("LOGS", "logs", "logger", "opentelemetry._logs", "opentelemetry.sdk._logs"),
        *("add_log_record_processor", "BatchLogRecordProcessor", "_log_exporter.OTLPLogExporter"),
    ),
)


def _clean(action: str) -> None:
    for component in tuple(_owned):
        try:
            getattr(component, action)()
        except Exception:
            logger.exception("FastAPI telemetry cleanup failed")


def _flush() -> None:
    _clean("force_flush")


def _shutdown() -> None:
    with _lock:
        _clean("shutdown")
        _owned.clear()


atexit.register(_shutdown)


def _variable(name: str, signal: str) -> str:
    """A variable of OTLP: that of one signal, or of all. One that is empty is none."""
    return os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_{name}") or os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") or ""


def _export_endpoint(signal: str) -> str | None:
    """Where a signal is to be sent to, None for nowhere.

    Raises:
        FastAPIError: for what is not OTLP over HTTP.
    """
    exporter = (os.environ.get(f"OTEL_{signal}_EXPORTER") or "otlp").strip().lower()
    endpoint = _variable("ENDPOINT", signal)
    if not endpoint or exporter == "none":
        return None
    if not os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"):  # the one of all is a base
        endpoint = f"{endpoint.removesuffix('/')}/v1/{signal.lower()}"
    if exporter != "otlp":
        raise FastAPIError(f"OTEL_{signal}_EXPORTER={exporter}: automatic telemetry has otlp or none; {_OTHERWISE}")
    protocol = _variable("PROTOCOL", signal) or "http/protobuf"
    if protocol != "http/protobuf":
        raise FastAPIError(f"OTLP over {protocol} for {signal.lower()}: automatic telemetry has http/protobuf; {_OTHERWISE}")
    url = urlsplit(endpoint)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise FastAPIError(f"the OTLP endpoint of {signal.lower()}, {endpoint!r}, is no absolute HTTP URL")
    return endpoint


def _registration_provider(provider: Any, add: str = "add_metric_reader") -> Any:
    """Where a pipeline can be added: a provider, or the one inside of a wrapper that cannot do it itself."""
    return provider if hasattr(provider, add) else getattr(provider, "provider", provider)


def _configure_from_environment(config: Mapping[str, Any]) -> None:
    """Add the exporters that the environment asks for, once to each provider.

    Raises:
        FastAPIError: the environment asks for what is not there, or a provider takes no exporters.
    """
    if not config["auto_configure"] or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return
    asked = [(signal, _export_endpoint(signal.name)) for signal in _SIGNALS if config[signal.setting]]
    wanted = [(signal, endpoint) for signal, endpoint in asked if endpoint is not None]
    if not wanted:
        return
    try:
        for signal, _ in wanted:
            importlib.import_module(signal.sdk)
        importlib.import_module("opentelemetry.exporter.otlp.proto.http")
    except ImportError as exc:
        raise FastAPIError(f"{_NEEDS}: install them, or {_OTHERWISE}") from exc
    with _lock:
        for signal, endpoint in wanted:
            _configure(signal, endpoint, config[f"{signal.noun}_provider"])


def _configure(signal: _Signal, endpoint: str, given: Any) -> None:
    from FasterAPI.telemetry._asgi import stands_for_another

    provider = _registration_provider(signal.current() if given is None else given, signal.add)
    if any(name == signal.name and known is provider for name, known in _configured):
        return
    pipeline = signal.new_pipeline(endpoint)
    try:
        if given is None and stands_for_another(provider):
            provider = _registration_provider(_become_global(signal), signal.add)
        add = getattr(provider, signal.add, None)
        if not callable(add):
            raise FastAPIError(f"the {signal.noun}_provider does not support adding an OTLP exporter; {_OTHERWISE}")
        add(pipeline)
    except Exception:
        pipeline.shutdown()
        raise
    _configured.append((signal.name, provider))
    _owned.append(pipeline)


def _become_global(signal: _Signal) -> Any:
    """Put a new provider where there is none, and return the one that is there then: somebody may have been faster."""
    own = signal.new_provider()
    signal.put(own)
    current = signal.current()
    if current is not own:
        own.shutdown()
    return current


async def lifespan(*, config: Mapping[str, Any], app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """The lifespan of an application, with exporters of the environment. What goes wrong with them is told, and stops nothing."""

    async def configuring() -> Message:
        message = await receive()
        if message["type"] == "lifespan.startup":
            try:
                _configure_from_environment(config)
            except Exception as exc:
                logger.warning("no automatic telemetry: %s", exc)
        return message

    async def flushing(message: Message) -> None:
        if message["type"] != "lifespan.startup.complete" and _owned:
            await to_thread.run_sync(_flush)
        await send(message)

    await app(scope, configuring, flushing)
