"""HTTP for Python, the client's end. Every name here loads its module when it is first used."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from fasthttp.version import __version__

if TYPE_CHECKING:
    from fasthttp import status, sync
    from fasthttp.app import FastHTTP
    from fasthttp.auth import AuthBase, BasicAuth, BearerAuth, DigestAuth, NetrcAuth, OAuth2ClientCredentials
    from fasthttp.client import AsyncClient, Client, Response, SyncClient
    from fasthttp.cookies import Cookie, CookieJar, DummyCookieJar
    from fasthttp.dependencies import Depends
    from fasthttp.errors import (
        BodyLengthError,
        BodyNotReplayable,
        CertificateError,
        CircuitOpenError,
        ClientClosedError,
        ConnectError,
        ConnectTimeout,
        DecodeError,
        DNSError,
        FastHTTPBadStatusError,
        FastHTTPConnectionError,
        FastHTTPError,
        FastHTTPRequestError,
        FastHTTPTimeoutError,
        FastHTTPValidationError,
        GraphQLError,
        HTTP2NotAvailable,
        HTTPStatusError,
        IncompleteRead,
        InvalidHeader,
        InvalidURL,
        PoolError,
        PoolTimeout,
        PrerequisiteFailed,
        ProxyError,
        ReadError,
        ReadTimeout,
        RedirectBlockedError,
        RemoteDisconnected,
        RemoteProtocolError,
        RequestError,
        RequestTimeout,
        ResponseError,
        ResponseJSONError,
        ResponseTooLarge,
        ResponseTooLargeError,
        SecurityError,
        SSRFBlockedError,
        StreamClosed,
        StreamConsumed,
        StreamError,
        StreamNotRead,
        StreamReset,
        TLSError,
        TooManyRedirects,
        TotalTimeout,
        UnsupportedScheme,
        WebSocketClosed,
        WebSocketConnectionError,
        WebSocketDecodeError,
        WebSocketError,
        WebSocketHandshakeError,
        WebSocketMessageTypeError,
        WebSocketProtocolError,
        WriteError,
        WriteTimeout,
    )
    from fasthttp.events import EventHooks
    from fasthttp.formdata import MultipartEncoder
    from fasthttp.headers import Headers
    from fasthttp.limits import Limits
    from fasthttp.middleware import (
        BaseMiddleware,
        CacheMiddleware,
        MiddlewareChain,
        MiddlewareManager,
        RetryMiddleware,
        SessionMiddleware,
    )
    from fasthttp.models import Request
    from fasthttp.oneshot import delete, download, get, head, options, patch, post, put, query, request, stream, trace
    from fasthttp.pool import ConnectionPool
    from fasthttp.results import RouteResult, RunResult
    from fasthttp.retry import CircuitBreaker, RetryPolicy
    from fasthttp.routing import Router
    from fasthttp.security import SecurityPolicy
    from fasthttp.session import AsyncSession
    from fasthttp.sse import SSEEvent, StopStream
    from fasthttp.timeouts import Timeout
    from fasthttp.transports import ASGITransport, HTTPTransport, MockTransport, WSGITransport
    from fasthttp.websocket import WebSocket, WebSocketMessage

_HOMES = {
    "app": "FastHTTP",
    "auth": "AuthBase BasicAuth BearerAuth DigestAuth NetrcAuth OAuth2ClientCredentials",
    "client": "AsyncClient Client Response SyncClient",
    "cookies": "Cookie CookieJar DummyCookieJar",
    "dependencies": "Depends",
    "errors": "BodyLengthError BodyNotReplayable CertificateError CircuitOpenError ClientClosedError ConnectError"
    " ConnectTimeout DNSError DecodeError FastHTTPBadStatusError FastHTTPConnectionError FastHTTPError"
    " FastHTTPRequestError FastHTTPTimeoutError FastHTTPValidationError GraphQLError HTTP2NotAvailable HTTPStatusError"
    " IncompleteRead InvalidHeader InvalidURL PoolError PoolTimeout PrerequisiteFailed ProxyError ReadError ReadTimeout"
    " RedirectBlockedError RemoteDisconnected RemoteProtocolError RequestError RequestTimeout ResponseError"
    " ResponseJSONError ResponseTooLarge ResponseTooLargeError SSRFBlockedError SecurityError StreamClosed"
    " StreamConsumed StreamError StreamNotRead StreamReset TLSError TooManyRedirects TotalTimeout UnsupportedScheme"
    " WebSocketClosed WebSocketConnectionError WebSocketDecodeError WebSocketError WebSocketHandshakeError"
    " WebSocketMessageTypeError WebSocketProtocolError WriteError WriteTimeout",
    "events": "EventHooks",
    "formdata": "MultipartEncoder",
    "headers": "Headers",
    "limits": "Limits",
    "middleware": "BaseMiddleware CacheMiddleware MiddlewareChain MiddlewareManager RetryMiddleware SessionMiddleware",
    "models": "Request",
    "oneshot": "delete download get head options patch post put query request stream trace",
    "pool": "ConnectionPool",
    "results": "RouteResult RunResult",
    "retry": "CircuitBreaker RetryPolicy",
    "routing": "Router",
    "security": "SecurityPolicy",
    "session": "AsyncSession",
    "sse": "SSEEvent StopStream",
    "timeouts": "Timeout",
    "transports": "ASGITransport HTTPTransport MockTransport WSGITransport",
    "websocket": "WebSocket WebSocketMessage",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}
_MODULES = frozenset((*_HOMES, "downloads", "exceptions", "graphql", "response", "status", "sync", "telemetry", "testing", "types"))

__all__ = [
    "ASGITransport",
    "AsyncClient",
    "AsyncSession",
    "AuthBase",
    "BaseMiddleware",
    "BasicAuth",
    "BearerAuth",
    "BodyLengthError",
    "BodyNotReplayable",
    "CacheMiddleware",
    "CertificateError",
    "CircuitBreaker",
    "CircuitOpenError",
    "Client",
    "ClientClosedError",
    "ConnectError",
    "ConnectTimeout",
    "ConnectionPool",
    "Cookie",
    "CookieJar",
    "DNSError",
    "DecodeError",
    "Depends",
    "DigestAuth",
    "DummyCookieJar",
    "EventHooks",
    "FastHTTP",
    "FastHTTPBadStatusError",
    "FastHTTPConnectionError",
    "FastHTTPError",
    "FastHTTPRequestError",
    "FastHTTPTimeoutError",
    "FastHTTPValidationError",
    "GraphQLError",
    "HTTP2NotAvailable",
    "HTTPStatusError",
    "HTTPTransport",
    "Headers",
    "IncompleteRead",
    "InvalidHeader",
    "InvalidURL",
    "Limits",
    "MiddlewareChain",
    "MiddlewareManager",
    "MockTransport",
    "MultipartEncoder",
    "NetrcAuth",
    "OAuth2ClientCredentials",
    "PoolError",
    "PoolTimeout",
    "PrerequisiteFailed",
    "ProxyError",
    "ReadError",
    "ReadTimeout",
    "RedirectBlockedError",
    "RemoteDisconnected",
    "RemoteProtocolError",
    "Request",
    "RequestError",
    "RequestTimeout",
    "Response",
    "ResponseError",
    "ResponseJSONError",
    "ResponseTooLarge",
    "ResponseTooLargeError",
    "RetryMiddleware",
    "RetryPolicy",
    "RouteResult",
    "Router",
    "RunResult",
    "SSEEvent",
    "SSRFBlockedError",
    "SecurityError",
    "SecurityPolicy",
    "SessionMiddleware",
    "StopStream",
    "StreamClosed",
    "StreamConsumed",
    "StreamError",
    "StreamNotRead",
    "StreamReset",
    "SyncClient",
    "TLSError",
    "Timeout",
    "TooManyRedirects",
    "TotalTimeout",
    "UnsupportedScheme",
    "WSGITransport",
    "WebSocket",
    "WebSocketClosed",
    "WebSocketConnectionError",
    "WebSocketDecodeError",
    "WebSocketError",
    "WebSocketHandshakeError",
    "WebSocketMessage",
    "WebSocketMessageTypeError",
    "WebSocketProtocolError",
    "WriteError",
    "WriteTimeout",
    "__version__",
    "delete",
    "download",
    "get",
    "head",
    "options",
    "patch",
    "post",
    "put",
    "query",
    "request",
    "status",
    "stream",
    "sync",
    "trace",
]

logging.getLogger("fasthttp").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is not None:
        value = getattr(importlib.import_module(f"fasthttp.{home}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"fasthttp.{name}")
    else:
        raise AttributeError(f"module 'fasthttp' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
