# Generated from src/fasthttp/_async/network.py by scripts/unasync.py; change that file instead.
"""One request over one connection of the pool: get it, send, read the head, give it back. Follows and repeats nothing,
but for the one re-send that a reused connection's silent end calls for."""

from __future__ import annotations

from time import monotonic
from typing import Any

from fasthttp._io.blocking import iterate_source, open_connection
from fasthttp._sync.pool import SyncPool
from fasthttp._pure.config import Call
from fasthttp._pure.pool import OPEN, Ticket
from fasthttp._pure.route import NetworkOptions, Route
from fasthttp.errors import BodyLengthError, ClientClosedError, FastHTTPConnectionError, FastHTTPError, RequestTimeout
from fasthttp.models import Request
from fasthttp.response import ClientResponse, from_wire
from httpwire.h1 import LAST_CHUNK, encode_chunk
from httpwire.url import URL

__all__ = ["AsyncNetwork"]

_IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"))
_INLINE = 65536  # a body up to this size goes out in one piece with its head
_HEAD_ONLY = -1
_BUFFER = 1 << 18  # body bytes to gather before a buffered read looks at them
_DRAIN_SIZE = 65536
_DRAIN_SECONDS = 0.1
_MAX_ROUTES = 4096


class SyncNetwork:
    """Sends requests over pooled connections."""

    def __init__(self, pool: SyncPool, options: NetworkOptions, tls: Any) -> None:
        self.pool = pool
        self._options = options
        self._tls = tls
        self._routes: dict[tuple[str, str, int], Route] = {}

    def _route(self, url: URL) -> Route:
        route = self._routes.get(url.origin)
        if route is None:
            if len(self._routes) >= _MAX_ROUTES:
                self._routes.clear()
            route = self._routes[url.origin] = Route(url, self._tls, self._options.local_address)
        return route

    def send(self, request: Request, call: Call, total_at: float | None) -> ClientResponse:
        """The response, its body complete or to be read from `_source`. The connection of an error is gone."""
        url = request.parsed_url
        route = self._route(url) if call.tls is None else Route(url, self._tls.override(call.tls), self._options.local_address)
        head = request.encode_head()
        connection = self._connect(route, call, total_at, fresh=False)
        try:
            return self._exchange(connection, request, head, call, total_at)
        except FastHTTPConnectionError as exc:
            if connection.uses == 1 or connection.parser.started or isinstance(exc, (RequestTimeout, ClientClosedError)):
                raise
            if connection.wrote and not _repeatable(request):
                raise
            # An idle connection that the server closed while the request was on its way (RFC 9112 §9.3.1).
        connection = self._connect(route, call, total_at, fresh=True)
        return self._exchange(connection, request, head, call, total_at)

    def _connect(self, route: Route, call: Call, total_at: float | None, *, fresh: bool) -> Any:
        pool = self.pool
        got = pool.checkout(route.key, fresh=fresh)
        if got.__class__ is not Ticket and got is not OPEN:
            return got
        while got.__class__ is Ticket:
            got = pool.wait(got, call.timeout, total_at)
            if got is not OPEN:
                if not fresh and not got.is_stale():
                    return got
                pool.discard(got, stale=True)
                got = pool.checkout(route.key, fresh=fresh)
                if got.__class__ is not Ticket and got is not OPEN:
                    return got
        try:
            connection = open_connection(route, self._options, call.timeout, total_at)
        except BaseException:
            pool.abandon(route.key)
            raise
        pool.opened(route.key, connection)
        return connection

    def _exchange(self, connection: Any, request: Request, head: bytes, call: Call, total_at: float | None) -> ClientResponse:
        body = request.body
        try:
            connection.begin(request.method, call.timeout, total_at)
            complete = True
            if body is None:
                connection.send(head)
            elif body.content is not None and len(body.content) <= _INLINE:
                connection.send(head + body.start())
            else:
                complete = self._send_body(connection, request, head)
            connection.receive(_HEAD_ONLY if call.stream or call.max_response_size is not None else _BUFFER)
            return self._response(connection, request, call, complete)
        except BaseException:
            self._drop(connection)
            raise

    def _send_body(self, connection: Any, request: Request, head: bytes) -> bool:
        """Send head and body in pieces; False when the response came before the body was sent."""
        announced = request.announced
        sent = 0
        connection.send(head)
        pieces = iterate_source(request.body.start())  # type: ignore[union-attr]
        try:
            for piece in pieces:
                connection.drain()
                if connection.answered:
                    return False
                sent += len(piece)
                if announced is None:
                    connection.send(encode_chunk(piece))
                elif sent > announced:
                    raise BodyLengthError(f"body source gave more than the announced {announced} bytes: {sent} so far")
                else:
                    connection.send(piece)
            if announced is None:
                connection.send(LAST_CHUNK)
            elif sent < announced:
                raise BodyLengthError(f"body source gave {sent} bytes, fewer than the announced {announced}")
            connection.drain()
            return not connection.answered
        finally:
            pieces.close()  # type: ignore[attr-defined]

    def _response(self, connection: Any, request: Request, call: Call, request_complete: bool) -> ClientResponse:
        parser = connection.parser
        response = from_wire(call.response_class, parser.status, parser.fields, parser.reason, request)
        if parser.version != "1.1":
            response.http_version = "HTTP/1.0"
        if parser.informational:
            response._informational = parser.informational
        info = connection.info
        response.connection = info
        if not info.reused:
            connection.info = info._replace(reused=True)
        response._coding = parser.control.get(b"content-encoding")
        if parser.complete:
            response._content = parser.take()
            response._trailer_fields = parser.trailers
            if request_complete:
                self._release(connection)
            else:
                self._drop(connection)
        else:
            response._source = SyncConnectionSource(self, connection, request_complete, stream=call.stream)
        return response

    def _release(self, connection: Any) -> None:
        """Back to the pool, if the exchange left the connection fit for another."""
        parser = connection.parser
        if not parser.keep_alive or parser.leftover or parser.upgraded or connection.closed:
            self._drop(connection)
            return
        keep_alive = parser.control.get(b"keep-alive")
        self.pool.checkin(connection, None if keep_alive is None else _keep_alive_seconds(keep_alive))

    def _drop(self, connection: Any) -> None:
        connection.abort()
        self.pool.discard(connection)


class SyncConnectionSource:
    """The rest of a body that is still on its way. `content_length` in bytes or None."""

    def __init__(self, network: SyncNetwork, connection: Any, request_complete: bool, *, stream: bool) -> None:
        self._network = network
        self._connection = connection
        self._parser = connection.parser
        self._request_complete = request_complete
        self._wake_at = 0 if stream else _BUFFER
        self._received = 0
        self.content_length: int | None = connection.parser.content_length

    @property
    def trailers(self) -> Any:
        return self._parser.trailers

    def next(self) -> bytes:
        """The next bytes as they came, empty at the end; the connection is released then."""
        parser = self._parser
        while not parser.chunks:
            if parser.complete:
                self._finish()
                return b""
            try:
                self._connection.receive(self._wake_at)
            except BaseException:
                self.abandon()
                raise
        data: bytes = parser.take()
        self._received += len(data)
        return data

    def _finish(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._request_complete:
                self._network._release(connection)
            else:
                self._network._drop(connection)
            # The parser goes on with the next exchange: what this body still has to tell is kept apart.
            self._parser = _Remains(self._parser.trailers)

    def close(self) -> None:
        """Let go before the end: a short rest is read, so that the connection can be used again."""
        connection = self._connection
        if connection is None:
            return
        rest = None if self.content_length is None else self.content_length - self._received
        if not self._parser.complete and (rest is None or rest > _DRAIN_SIZE or not self._parser.keep_alive):
            self.abandon()
            return
        connection.limit_total(monotonic() + _DRAIN_SECONDS)
        self._wake_at = _BUFFER
        try:
            while self.next():
                pass
        except FastHTTPError:
            self.abandon()

    def abandon(self) -> None:
        """Let go at once; the connection is closed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._network._drop(connection)
            self._parser = _Remains([])


class _Remains:
    """What is left of a parser once its connection serves others."""

    chunks: list[bytes] = []
    complete = True

    def __init__(self, trailers: Any) -> None:
        self.trailers = trailers


def _repeatable(request: Request) -> bool:
    return (request.method in _IDEMPOTENT or "idempotency-key" in request.headers) and request.is_replayable


def _keep_alive_seconds(value: bytes) -> float | None:
    """The `timeout` that a server names in `Keep-Alive`, a second off so that a request does not cross its close."""
    for item in value.split(b","):
        name, _, seconds = item.strip().partition(b"=")
        if name.strip().lower() == b"timeout" and seconds.strip().isdigit():
            return max(0.0, float(seconds) - 1.0)
    return None
