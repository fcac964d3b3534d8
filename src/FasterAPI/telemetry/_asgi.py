"""Watching requests and connections from outside: one span and the metrics of each, by the semantic conventions for HTTP."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl, urlencode

from opentelemetry import _logs, metrics, propagate, trace
from opentelemetry import context as otel_context
from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from FasterAPI import __version__
from FasterAPI._outcome import GAVE_UP
from FasterAPI._telemetry import EXCLUDED, TELEMETRY
from FasterAPI.telemetry._watched import KEY, Watched, is_goodbye, type_of

__all__ = ["NativeTelemetry", "stands_for_another"]

# Processors of spans and logs know the instrumentation by the name that the target gives it.
_NAME = "fastapi"
_SCHEMA = "https://opentelemetry.io/schemas/1.44.0"
_METHODS = frozenset("CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT QUERY TRACE".split())
_METHODS_VARIABLE = "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"
_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)  # seconds
_SECRET = frozenset("X-Amz-Signature X-Amz-Credential X-Amz-Security-Token X-Goog-Signature sig".split())
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([\w.~!$&'()*+,;=%-]+))(?::([0-9]{1,5}))?", re.ASCII)
_APIS = tuple(module.__name__ for module in (trace, metrics, _logs))

Headers = dict[str, list[str]]


class _Getter:
    """How propagators read a request."""

    def get(self, carrier: Headers, key: str) -> list[str] | None:
        return carrier.get(key.lower())

    def keys(self, carrier: Headers) -> list[str]:
        return list(carrier)


_GETTER: Any = _Getter()


class _Made:
    """What is made of a provider: once, and anew when another has taken its place."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make
        self._last: tuple[Any, Any] = (None, None)

    def of(self, provider: Any) -> Any:
        known, made = self._last
        if known is not provider:
            made = self._make(provider)
            self._last = (provider, made)
        return made


def _instruments(provider: Any) -> tuple[Any, Any]:
    meter = provider.get_meter(_NAME, __version__, schema_url=_SCHEMA)
    duration = meter.create_histogram(
        "http.server.request.duration",
        unit="s",
        description="Duration of HTTP server requests.",
        explicit_bucket_boundaries_advisory=_BOUNDS,
    )
    active = meter.create_up_down_counter(
        "http.server.active_requests", unit="{request}", description="Number of active HTTP server requests."
    )
    return duration, active


def _is_of_api(provider: Any) -> bool:
    """Whether a provider is one of the API's own: those record nothing, or stand for one that is to come."""
    module = type(provider).__module__
    return any(module == api or module.startswith(api + ".") for api in _APIS)


def stands_for_another(provider: Any) -> bool:
    """Whether a provider is what there is before the global one was set."""
    return _is_of_api(provider) and "Proxy" in type(provider).__name__


def _effective(given: Any, get: Callable[[], Any]) -> Any:
    """The provider that records, or None."""
    if given is None or stands_for_another(given):
        given = get()
    return None if _is_of_api(given) else given


def _headers(scope: Scope) -> Headers:
    found: Headers = {}
    for name, value in scope.get("headers", ()):
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    if "baggage" in found:  # of which propagators read the first only
        found["baggage"] = [",".join(found["baggage"])]
    return found


def _server(scope: Scope, headers: Headers) -> dict[str, Any]:
    """Where the client has sent its request to; nothing for what is no host (RFC 9110 §7.2)."""
    if "host" in headers:
        host = _HOST.fullmatch(headers["host"][0])
        if host is None or int(host[3] or 0) > 65535:
            return {}
        address, port = (host[1] or host[2]).lower(), int(host[3]) if host[3] else _PORTS.get(scope.get("scheme", "http"))
    else:
        address, port = scope.get("server") or (None, None)
    found = {"server.address": address, "server.port": port}
    return {name: value for name, value in found.items() if value is not None}


def _query(scope: Scope) -> str:
    pairs = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    return urlencode([(name, "REDACTED" if name in _SECRET else value) for name, value in pairs])


def _is_instrumented(stack: Any) -> bool:
    """Whether OpenTelemetry's own instrumentation stands around an application; then that does all of it."""
    module = sys.modules.get("opentelemetry.instrumentation.asgi")
    while stack is not None and module is not None:
        if isinstance(stack, module.OpenTelemetryMiddleware):
            return True
        stack = getattr(stack, "app", None)
    return False


class NativeTelemetry:
    """The telemetry of one application.

    Args:
        config: all settings.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        known = {name.strip() for name in os.environ.get(_METHODS_VARIABLE, "").split(",")} - {""}
        self._methods = known or _METHODS
        self._tracer = _Made(lambda provider: provider.get_tracer(_NAME, __version__, schema_url=_SCHEMA))
        self._logger = _Made(lambda provider: provider.get_logger(_NAME, __version__, schema_url=_SCHEMA))
        self._instruments = _Made(_instruments)
        self._aside = _Made(_is_instrumented)

    def _providers(self) -> tuple[Any, Any, Any]:
        """Those of traces, metrics and logs that record."""
        config = self.config
        return (
            _effective(config["tracer_provider"], trace.get_tracer_provider) if config["tracing"] else None,
            _effective(config["meter_provider"], metrics.get_meter_provider) if config["metrics"] else None,
            _effective(config["logger_provider"], _logs.get_logger_provider) if config["logs"] else None,
        )

    def enabled(self) -> bool:
        """Whether anything records at the moment."""
        return any(provider is not None for provider in self._providers())

    async def __call__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or connection by an application, and watch it."""
        if self.config["exclude"] is not None and self.config["exclude"](scope):
            scope[EXCLUDED] = True
            await self._inside(otel_context.set_value(KEY, None), app, scope, receive, send)
            return
        traces, meters, logs = self._providers()
        if scope["type"] == "websocket":
            meters = None
        nobody = traces is None and meters is None and logs is None
        if nobody or self._aside.of(getattr(scope.get("app"), "middleware_stack", None)):
            await app(scope, receive, send)
            return
        exchange, context = self._begin(scope, traces, meters, logs)
        scope[TELEMETRY] = scope[GAVE_UP] = exchange.watched
        try:
            await self._inside(context, exchange.around(app), scope, receive, send)
        finally:
            exchange.watched.forget()

    async def _inside(self, context: Any, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        token = otel_context.attach(context)
        try:
            await app(scope, receive, send)
        finally:
            otel_context.detach(token)
            for key in (TELEMETRY, GAVE_UP, EXCLUDED):
                scope.pop(key, None)

    def _begin(self, scope: Scope, traces: Any, meters: Any, logs: Any) -> tuple[_Exchange, Any]:
        is_websocket = scope["type"] == "websocket"
        original = scope.get("method", "")
        method = original if original in self._methods else "_OTHER"
        attributes: dict[str, Any] = {"url.scheme": scope.get("scheme", "ws" if is_websocket else "http")}
        attributes |= {"network.protocol.name": "websocket"} if is_websocket else {"http.request.method": method}
        instruments = None if meters is None else self._instruments.of(meters)
        exchange = _Exchange(is_websocket, attributes, instruments)
        if not is_websocket and scope.get("http_version"):
            attributes["network.protocol.version"] = scope["http_version"]
        name = "WS" if is_websocket else "HTTP" if method == "_OTHER" else method
        context, span, tracer = None, None, None
        if traces is not None:
            headers = _headers(scope)
            more = _server(scope, headers)
            if not is_websocket:
                more["url.path"] = scope["path"]
                if query := _query(scope):
                    more["url.query"] = query
                if original != method:
                    more["http.request.method_original"] = original
            context = propagate.extract(headers, getter=_GETTER)
            tracer = self._tracer.of(traces)
            span = tracer.start_span(name, context=context, kind=SpanKind.SERVER, attributes={**attributes, **more})
            context = trace.set_span_in_context(span, context)
        exchange.span = span
        exchange.watched = Watched(
            is_websocket=is_websocket,
            span=span,
            method=name,
            tracer=tracer if self.config["operation_spans"] else None,
            logger=None if logs is None else self._logger.of(logs),
            prefix=scope.get("app_root_path", scope.get("root_path", "")).rstrip("/"),
        )
        return exchange, otel_context.set_value(KEY, exchange.watched, context)


class _Exchange:
    """A request until the end of its response, or a connection until its own."""

    watched: Watched
    span: Any

    def __init__(self, is_websocket: bool, attributes: dict[str, Any], instruments: tuple[Any, Any] | None) -> None:
        self._is_websocket = is_websocket
        self._attributes = attributes
        self._instruments = instruments
        self._of_active = dict(attributes)
        self._started = perf_counter()
        self._status: int | None = None
        self._has_trailers = self._has_ended = self._is_client_gone = False
        if instruments is not None:
            instruments[1].add(1, self._of_active)

    def around(self, app: ASGIApp) -> ASGIApp:
        """An application whose calls end the exchange."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if not self._is_websocket:
                receive, send = self._receiving(receive), self._sending(send)
            try:
                await app(scope, receive, send)
            except BaseException as exc:
                self.watched.fail(exc)
                self._end(None if self._is_websocket and is_goodbye(exc) else exc)
                raise
            if self._is_websocket:
                self._end(None)
            else:
                self._end(ConnectionError("the client is gone") if self._is_client_gone else RuntimeError("no whole response"))

        return watched

    def _receiving(self, receive: Receive) -> Receive:
        async def noticing() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                self._is_client_gone = True
            return message

        return noticing

    def _sending(self, send: Send) -> Send:
        async def noticing(message: Message) -> None:
            kind = message["type"]
            if kind == "http.response.start":
                self._status = message["status"]
                self._has_trailers = message.get("trailers", False)
            await send(message)
            if (
                (kind == "http.response.body" and not message.get("more_body", False) and not self._has_trailers)
                or (kind == "http.response.trailers" and not message.get("more_trailers", False))
                or kind == "http.response.pathsend"
            ):
                self._end(None)

        return noticing

    def _end(self, error: BaseException | None) -> None:
        """The first time, at the end. Background tasks run after it."""
        if self._has_ended:
            return
        self._has_ended = True
        attributes = self._attributes
        if self.watched.route is not None:
            attributes["http.route"] = self.watched.route
        if self._status is not None:
            attributes["http.response.status_code"] = self._status
        failures = self.watched.failures
        failure = error or (failures[-1] if failures else None)
        has_failed = error is not None or (not self._is_websocket and (self._status is None or self._status >= 500))
        if has_failed:
            attributes["error.type"] = str(self._status) if failure is None else type_of(failure)
        if self._instruments is not None:  # while the span is the current one, which exemplars name
            duration, active = self._instruments
            duration.record(max(0.0, perf_counter() - self._started), attributes)
            active.add(-1, self._of_active)
        if self.span is not None:
            self.span.set_attributes(attributes)
            if has_failed:
                self.span.set_status(StatusCode.ERROR)
            self.span.end()
