# Generated from src/fasthttp/_async/network.py by scripts/unasync.py; change that file instead.
"""One request over one connection of the pool: get it, send, read the head, give it back. Follows and repeats nothing,
but for the one re-send that a reused connection's silent end calls for."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Any

from fasthttp._sync.pool import SyncPool
from fasthttp._io.blocking import iterate_source, pause, settle
from fasthttp._io.blocking_connect import open_connection
from fasthttp._pure.call import IDEMPOTENT, Call
from fasthttp._pure.pool import OPEN, Ticket
from fasthttp._pure.proxies import check_proxy_status, forward_head, parse_proxy
from fasthttp._pure.route import NetworkOptions, Route
from fasthttp._pure.tracing import Phases, Progress
from fasthttp.errors import BodyLengthError, FastHTTPConnectionError, FastHTTPError, PoolError, ProxyError, RequestTimeout
from fasthttp.models import Request
from fasthttp.response import Response, from_wire
from httpwire.h1 import LAST_CHUNK, encode_chunk

__all__ = ["AsyncNetwork"]

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

    def _route(self, request: Request, call: Call) -> Route:
        url = request.parsed_url
        options = self._options
        uds = options.uds if request.context is None or request.context.uds is None else request.context.uds
        overrides = call.overrides or {}
        proxy = None
        if "proxy" in overrides:
            proxy = parse_proxy(overrides["proxy"]) if overrides["proxy"] else None
        elif options.proxies is not None and uds is None:
            proxy = options.proxies.select(url)
        given = {name: value for name, value in overrides.items() if name != "proxy"}
        if overrides or uds != options.uds:
            return Route(url, self._tls.override(given) if given else self._tls, options.local_address, proxy, uds)
        if len(self._routes) >= _MAX_ROUTES:
            self._routes.clear()
        route = self._routes[url.origin] = Route(url, self._tls, options.local_address, proxy, uds)
        return route

    def send(self, request: Request, call: Call, total_at: float | None) -> Response:
        """The response, its body complete or to be read from `_source`. The connection of an error is gone."""
        url = request._url or request.parsed_url
        route = self._routes.get(url.origin)
        if route is None or call.overrides is not None or (request.context is not None and request.context.uds is not None):
            route = self._route(request, call)
        data = request._head or request.encode_head()
        if route.forwards:
            data = forward_head(data, url, _for_proxy(request, route))
        body = request.body
        inline = body is None or (body.content is not None and len(body.content) <= _INLINE and not call.attends_upload)
        if inline and body is not None:
            data += body.start()
        careful = request.method not in IDEMPOTENT
        trace = call.trace
        fresh = False
        while True:
            if trace is not None:
                trace.origin = f"{url.scheme}://{url.host_header.decode('ascii')}"
                trace.start("pool.wait")
            try:
                connection = self.pool.checkout(route.key, fresh, careful)
            except PoolError as exc:
                if trace is not None:
                    trace.fail(exc)
                raise
            if connection is OPEN or connection.__class__ is Ticket:
                connection = self._connect(connection, route, call, total_at, fresh=fresh)
            try:
                if trace is not None:
                    trace.begin(connection)
                connection.begin(request.method, call.timeout, total_at, data)
                complete = inline or self._send_body(connection, request, call)
                if trace is not None:
                    trace.start("response.headers")
                connection.receive(_HEAD_ONLY if call.head_first else _BUFFER)
                if connection.parser.status == 407 and route.forwards:
                    check_proxy_status(407, connection.parser.reason, f"{route.proxy.host}:{route.proxy.port}")  # type: ignore[union-attr]
                return self._response(connection, request, call, complete)
            except FastHTTPConnectionError as exc:
                self._drop(connection)
                if trace is not None:
                    trace.fail(exc)
                # A reused connection that the server closed while the request was on its way (RFC 9112 §9.3.1).
                if fresh or not connection.reuses or connection.parser.started or isinstance(exc, (RequestTimeout, ProxyError)):
                    raise
                if connection.wrote and not _repeatable(request):
                    raise
                fresh = True
            except BaseException as exc:
                self._drop(connection)
                if trace is not None:
                    trace.fail(exc)
                raise

    def pause(self, seconds: float) -> None:
        """Wait between two attempts."""
        pause(seconds)

    def _connect(self, got: Any, route: Route, call: Call, total_at: float | None, *, fresh: bool) -> Any:
        """A connection for what the pool gave in place of one: OPEN, or a ticket to wait with."""
        pool = self.pool
        asked = monotonic()
        try:
            while got is not OPEN:
                if got.__class__ is not Ticket:
                    got.waited = monotonic() - asked
                    got.asked_at = asked
                    return got
                got = pool.wait(got, call.timeout, total_at)
                if got is not OPEN and (fresh or got.is_stale(0.0)):
                    pool.discard(got, stale=not fresh)
                    got = pool.checkout(route.key, fresh)
        except BaseException as exc:
            if call.trace is not None:
                call.trace.fail(exc)
            raise
        phases = Phases(monotonic, call.trace)
        try:
            connection = open_connection(route, self._options, call.timeout, total_at, phases)
        except BaseException:
            pool.abandon(route.key)
            raise
        connection.asked_at = asked
        connection.waited = monotonic() - asked
        connection.opening = phases.seconds
        pool.opened(route.key, connection)
        return connection

    def _send_body(self, connection: Any, request: Request, call: Call) -> bool:
        """Send the body in pieces; False when the response came before all was sent."""
        if call.trace is not None:
            call.trace.start("request.body")
        announced = request.announced
        if call.expect is not None and "expect" in request.headers:
            connection.await_interim(call.expect)
            if connection.answered:
                return False
        progress = None if call.on_upload is None else Progress(call.on_upload, announced)
        sent = 0
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
                if progress is not None:
                    settle(progress.add(len(piece)))
            if announced is None:
                connection.send(LAST_CHUNK)
            elif sent < announced:
                raise BodyLengthError(f"body source gave {sent} bytes, fewer than the announced {announced}")
            connection.drain()
            if connection.answered and connection.unsent:
                return False
            if progress is not None:
                settle(progress.finish())
            return True
        finally:
            pieces.close()

    def _response(self, connection: Any, request: Request, call: Call, request_complete: bool) -> Response:
        parser = connection.parser
        response = from_wire(call.response_class, parser.status, parser.raw_fields, parser.reason, request)
        if parser.version != "1.1":
            response.http_version = "HTTP/1.0"
        if parser.informational:
            response._informational = parser.informational
        info = connection.info
        response.connection = info
        if not info.reused:
            connection.info = info._replace(reused=True)
        coding = parser.control.get(b"content-encoding")
        if coding is not None:
            response._coding = coding
        if b"set-cookie" in parser.control:
            response._sets_cookies = True
        moments = [connection.asked_at, connection.waited, connection.opening, connection.sent_at, connection.head_at, 0.0]
        response._moments = moments
        if connection.waited:
            connection.waited = 0.0
            connection.opening = None
        if call.trace is not None:
            call.trace.start("response.body")
        # What is still to be checked keeps its connection until it has been: one that failed a check is not used again.
        if not parser.complete or coding is not None or (call.watches_body and not call.takes_whole(parser.buffered)):
            response._source = SyncConnectionSource(self, connection, request_complete, call, moments)
            return response
        response._content = parser.take()
        response._trailer_fields = parser.trailers
        moments[5] = now = monotonic()
        if call.trace is not None:
            call.trace.end()
        if request_complete:
            self._release(connection, now)
        else:
            self._drop(connection)
        return response

    def _release(self, connection: Any, now: float) -> None:
        """Back to the pool, if the exchange left the connection fit for another."""
        parser = connection.parser
        if not parser.keep_alive or parser.leftover or parser.upgraded or connection.closed:
            if parser.leftover and not parser.upgraded:
                self._options.logger.warning("%d bytes behind a complete response: its connection is closed", len(parser.leftover))
            self._drop(connection)
            return
        keep_alive = parser.control.get(b"keep-alive")
        if keep_alive is None:
            self.pool.checkin(connection, now)
        else:
            self.pool.checkin(connection, now, _keep_alive_seconds(keep_alive))

    def _drop(self, connection: Any) -> None:
        connection.abort()
        self.pool.discard(connection)


class SyncConnectionSource:
    """The rest of a body that is still on its way. `content_length` in bytes or None."""

    def __init__(self, network: SyncNetwork, connection: Any, request_complete: bool, call: Call, moments: list[Any]) -> None:
        self._network = network
        self._connection = connection
        self._parser = connection.parser
        self._request_complete = request_complete
        self._wake_at = 0 if call.stream or call.on_download is not None else _BUFFER
        self._trace = call.trace
        self._moments = moments
        self._received = 0
        self.content_length: int | None = connection.parser.content_length

    @property
    def trailers(self) -> Any:
        return self._parser.trailers

    def next(self) -> bytes:
        """The next bytes as they came, empty at the end."""
        parser = self._parser
        while not parser.chunks:
            if parser.complete:
                return b""
            try:
                self._connection.receive(self._wake_at)
            except BaseException as exc:
                self.abandon()
                if self._trace is not None:
                    self._trace.fail(exc)
                raise
        data: bytes = parser.take()
        self._received += len(data)
        return data

    def release(self) -> None:
        """The body is complete and accepted: the connection may serve others."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._moments[5] = now = monotonic()
            if self._request_complete:
                self._network._release(connection, now)
            else:
                self._network._drop(connection)
            # The parser goes on with the next exchange: what this body still has to tell is kept apart.
            self._parser = _Remains(self._parser.trailers)
            if self._trace is not None:
                self._trace.end()  # last: what the hook raises must not keep the connection

    def limit_total(self, seconds: float | None) -> None:
        """Let the rest take no longer than this; None: as long as it likes."""
        if self._connection is not None:
            self._connection.limit_total(seconds)

    def close(self) -> None:
        """Let go before the end: a short rest is read, so that the connection can be used again."""
        connection = self._connection
        if connection is None:
            return
        rest = None if self.content_length is None else self.content_length - self._received
        if not self._parser.complete and (rest is None or rest > _DRAIN_SIZE or not self._parser.keep_alive):
            self.abandon()
            return
        connection.limit_total(_DRAIN_SECONDS)
        self._wake_at = _BUFFER
        try:
            while self.next():
                pass
            self.release()
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

    chunks: Sequence[bytes] = ()
    complete = True

    def __init__(self, trailers: Any) -> None:
        self.trailers = trailers


def _for_proxy(request: Request, route: Route) -> str | None:
    """The credentials that go to a proxy: those that the caller put on the request, or those of the proxy's URL."""
    own = None if request.context is None else request.context.proxy_authorization
    return own or route.proxy.authorization  # type: ignore[union-attr]


def _repeatable(request: Request) -> bool:
    return (request.method in IDEMPOTENT or "idempotency-key" in request.headers) and request.is_replayable


def _keep_alive_seconds(value: bytes) -> float | None:
    """The `timeout` that a server names in `Keep-Alive`, a second off so that a request does not cross its close."""
    for item in value.split(b","):
        name, _, seconds = item.strip().partition(b"=")
        if name.strip().lower() == b"timeout" and seconds.strip().isdigit():
            return max(0.0, float(seconds) - 1.0)
    return None
