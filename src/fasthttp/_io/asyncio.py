"""Connections on asyncio, any loop: a `Protocol` that feeds the parser. Knows no pools, no redirects, no retries."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, TypeVar

from fasthttp._io.readiness import is_readable
from fasthttp._io.sources import aiterate as iterate_source
from fasthttp._io.tls import late_tls_error
from fasthttp._pure.route import ConnectionInfo, NetworkOptions
from fasthttp.errors import (
    ClientClosedError,
    FastHTTPError,
    IncompleteRead,
    ReadError,
    ReadTimeout,
    RemoteDisconnected,
    RemoteProtocolError,
    TotalTimeout,
    WriteError,
    WriteTimeout,
)
from fasthttp.timeouts import Timeout
from httpwire.errors import IncompleteMessage, ProtocolError
from httpwire.h1 import ResponseParser

E = TypeVar("E", bound=FastHTTPError)
T = TypeVar("T")

__all__ = [
    "Connection",
    "Waiter",
    "current_loop",
    "iterate_source",
    "pause",
    "run_blocking",
    "running_loop",
    "schedule",
    "settle",
]

_PIECE = 65536
_LOOKED = 0.005  # seconds within which a busy loop is trusted to have seen what arrived
_HIGH_WATER = 1 << 18  # body bytes that may wait for a slow reader before the socket is left alone


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection.

    An exchange is `begin`, `send` (and `drain` between pieces of a long body), then `receive` until what is needed
    is there. Time limits need one loop timer for the connection, which is moved only when it has to be earlier.
    """

    __slots__ = (
        "__weakref__",
        "_can_write",
        "_draining",
        "_ended",
        "_error",
        "_interim",
        "_reading",
        "_since",
        "_timeout",
        "_timer",
        "_timer_at",
        "_total_at",
        "_unsent",
        "_waiter",
        "_wake_at",
        "asked_at",
        "closed",
        "expires_at",
        "head_at",
        "host",
        "idle_since",
        "info",
        "loop",
        "on_lost",
        "opening",
        "parser",
        "ranked",
        "reuses",
        "sent_at",
        "transport",
        "waited",
        "wrote",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, options: NetworkOptions) -> None:
        self.loop = loop
        self.parser = ResponseParser(options.wire)
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.info = ConnectionInfo()
        self.host = ""
        self.expires_at = 0.0
        self.idle_since = 0.0
        self.asked_at = self.waited = self.sent_at = self.head_at = 0.0  # see `tracing.timings`
        self.opening: Mapping[str, float] | None = None
        self.closed = False
        self._ended = False  # by the peer, or out of step: not to be used again
        self.reuses = 0
        self.ranked = False
        self.wrote = False
        self.on_lost: Callable[[Connection], None] | None = None
        self._error: FastHTTPError | None = None
        self._timeout = Timeout()
        self._total_at: float | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._draining = False
        self._interim = False
        self._wake_at = 0
        self._since = 0.0
        self._unsent = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._can_write = True
        self._reading = True

    # --- called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        parser = self.parser
        try:
            parser.feed(data)
        except ProtocolError as exc:
            self._fail(_caused(RemoteProtocolError(str(exc)), exc))
            self.transport.abort()
            return
        if parser.status and not self.head_at:
            self.head_at = monotonic()
        waiter = self._waiter
        if waiter is None:
            if parser.complete and parser.leftover:
                # Nobody asked for this: the connection is out of step and must not be used again.
                self._ended = True
                self.transport.abort()
            elif parser.buffered > _HIGH_WATER and self._reading:
                self._reading = False
                self.transport.pause_reading()
        elif parser.complete or (parser.status and (self._draining or parser.buffered > self._wake_at)):
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)
        elif self._interim and (parser.status or parser.informational):
            self._wake()
        else:
            self._since = monotonic()

    def eof_received(self) -> None:
        self._ended = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if isinstance(exc, OSError):
            self._rescue()
        if not self.parser.complete:
            self._fail(self._end(exc))
        elif self._waiter is not None:
            self._wake()
        if self.on_lost is not None:
            self.on_lost(self)

    def pause_writing(self) -> None:
        self._can_write = False

    def resume_writing(self) -> None:
        self._can_write = True
        if self._draining:
            self._wake()

    def _end(self, exc: Exception | None) -> FastHTTPError | None:
        """What the end of the connection means for the response that is being read."""
        parser = self.parser
        if exc is None:
            try:
                parser.feed_eof()
            except IncompleteMessage as fault:
                return _caused(IncompleteRead(fault.received, fault.expected), fault)
            except ProtocolError as fault:
                return _caused(RemoteProtocolError(str(fault)), fault)
            if parser.complete:
                return None
            return RemoteDisconnected("server closed the connection without a response")
        if isinstance(exc, ssl.SSLError):  # in TLS 1.3 a server refuses a client's certificate after the handshake
            return _caused(late_tls_error(self.host, exc), exc)
        reason = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
        if self._draining:
            return _caused(WriteError(f"connection broke while the request was sent: {reason}"), exc)
        return _caused(ReadError(f"connection broke while the response was read: {reason}"), exc)

    def _rescue(self) -> None:
        """Read what the server said before it stopped listening: a pipe that breaks does not unsay it."""
        if self.info.tls_version is not None or self.parser.complete:
            return
        try:
            with socket.socket(fileno=os.dup(self.transport.get_extra_info("socket").fileno())) as sock:
                sock.setblocking(False)
                while not self.parser.complete and (data := sock.recv(_PIECE)):
                    self.parser.feed(data)
        except (OSError, ProtocolError):
            pass
        if self.parser.status and not self.head_at:
            self.head_at = monotonic()

    def _fail(self, error: FastHTTPError | None) -> None:
        if self._error is None:
            self._error = error
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # --- called by the exchange

    def begin(self, method: str, timeout: Timeout, total_at: float | None, data: bytes) -> None:
        """Start an exchange under these limits, with its first bytes; `total_at` is on the monotonic clock."""
        self.parser.expect(method)
        self._timeout = timeout
        self._total_at = total_at
        self.wrote = True
        self.sent_at = self.head_at = 0.0
        self.transport.write(data)

    def send(self, data: bytes) -> None:
        """Hand bytes to the transport."""
        self.wrote = True
        self.transport.write(data)

    @property
    def answered(self) -> bool:
        """Whether the final response has begun, or none can come."""
        return self.parser.status != 0 or self.closed

    @property
    def unsent(self) -> bool:
        """Whether some of what was handed over has not gone out yet."""
        return self.closed or self.transport.get_write_buffer_size() > 0

    async def drain(self) -> None:
        """Wait until more can be sent, or the response has begun."""
        while not self._can_write and not self.answered:
            self._draining = True
            self._unsent = self.transport.get_write_buffer_size()
            self._waiter = waiter = self.loop.create_future()
            self._watch(self._timeout.write)
            try:
                await waiter
            finally:
                self._waiter = None
                self._draining = False
        if self._error is not None and not self.parser.status:
            raise self._error

    async def await_interim(self, seconds: float) -> None:
        """Wait for leave to send the body (RFC 9110 §10.1.1), but not for ever: not every server knows the question."""
        until = monotonic() + seconds
        if self._total_at is not None:
            until = min(until, self._total_at)
        while not self.answered and not self.parser.continues and (left := until - monotonic()) > 0:
            self._interim = True
            self._waiter = waiter = self.loop.create_future()
            timer = self.loop.call_later(left, self._wake)
            try:
                await waiter
            finally:
                timer.cancel()
                self._waiter = None
                self._interim = False
        if not self.answered and self._total_at is not None and monotonic() >= self._total_at - 0.0005:
            self._expire_total()
        if self._error is not None and not self.parser.status:
            raise self._error

    async def receive(self, wake_at: int) -> None:
        """Wait until the response is complete, or its head and more than `wake_at` body bytes are here."""
        parser = self.parser
        self._wake_at = wake_at
        while not (parser.complete or (parser.status and parser.buffered > wake_at)):
            if self._error is not None:
                raise self._error
            if self.closed:
                raise RemoteDisconnected("server closed the connection without a response")
            if not self._reading:
                self._reading = True
                self.transport.resume_reading()
            self._waiter = waiter = self.loop.create_future()
            self._watch(self._timeout.read)
            try:
                await waiter
            finally:
                self._waiter = None

    def _watch(self, limit: float | None) -> None:
        """See to it that the timer fires when this wait is over its limits, at the latest."""
        self._since = due = monotonic()
        if not self.sent_at and not self._draining:
            self.sent_at = due
        total_at = self._total_at
        if limit is not None:
            due += limit
            if total_at is not None and total_at < due:
                due = total_at
        elif total_at is not None:
            due = total_at
        else:
            return
        if self._timer is None or due < self._timer_at:
            self._arm(self._since, due)

    # --- time

    def _arm(self, now: float, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = due
        self._timer = self.loop.call_later(due - now, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._waiter is None or self._interim:  # a wait for 100 (Continue) has a limit of its own, and a timer for it
            return
        now = monotonic()
        limit = self._timeout.write if self._draining else self._timeout.read
        if self._draining:
            unsent = self.transport.get_write_buffer_size()
            if unsent < self._unsent:
                self._unsent = unsent
                self._since = now
        if self._total_at is not None and now >= self._total_at - 0.0005:
            self._expire_total()
        elif limit is not None and now >= self._since + limit - 0.0005:
            if self._draining:
                self._expire(WriteTimeout(f"write timeout after {limit:g} s", phase="write", limit=limit))
            else:
                self._expire(ReadTimeout(f"read timeout after {limit:g} s", phase="read", limit=limit))
        else:
            due = [at for at in (self._total_at, None if limit is None else self._since + limit) if at is not None]
            if due:
                self._arm(now, min(due))

    def _expire_total(self) -> None:
        total = self._timeout.total
        self._expire(TotalTimeout(f"total timeout after {total:g} s", phase="total", limit=total))

    def _expire(self, error: FastHTTPError) -> None:
        self._fail(error)
        self.transport.abort()

    # --- the end

    def is_stale(self, idle: float) -> bool:
        """Whether the peer has closed it or sent something unasked, after `idle` seconds in the pool.

        The loop has told already, unless it had no time to look since; then one poll asks.
        """
        return self.closed or self._ended or (idle > _LOOKED and is_readable(self.transport.get_extra_info("socket").fileno()))

    def close(self) -> None:
        """Close an idle connection."""
        self.closed = True
        self._on_loop(self.transport.close)

    def abort(self) -> None:
        """Drop the connection with whatever is in flight."""
        self.closed = True
        self._on_loop(self.transport.abort)

    def _on_loop(self, end: Callable[[], None]) -> None:
        """End the transport where it lives: the collector may come here in any thread, and after the loop."""
        if asyncio._get_running_loop() is self.loop:
            end()
        elif self.loop.is_running():
            self.loop.call_soon_threadsafe(end)
        elif not self.loop.is_closed():
            end()
        # else the transport closes its socket when it is collected itself

    def limit_total(self, seconds: float | None) -> None:
        """Let the rest of the exchange take no longer than this; None: as long as it likes."""
        if seconds is None:
            self._total_at = None
            return
        total_at = monotonic() + seconds
        if self._total_at is None or total_at < self._total_at:
            self._timeout = self._timeout.with_total(seconds)
            self._total_at = total_at

    def cut(self) -> None:
        """The client is closed: whoever uses this connection gets `ClientClosedError`."""
        self._fail(ClientClosedError("the client was closed while the request was in flight"))
        self.abort()

    def disown(self) -> None:
        """In a forked child: let go of the parent's socket without a word on the wire or to the shared selector."""
        fileno = self.transport.get_extra_info("socket").fileno()
        if fileno >= 0:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, fileno, inheritable=False)
            os.close(null)
        self.closed = True


def _caused(error: E, cause: BaseException) -> E:
    error.__cause__ = cause
    return error


running_loop = asyncio._get_running_loop  # None without one; `current_loop` says so in words


async def run_blocking(function: Callable[..., T], *arguments: Any) -> T:
    """Call it in a worker thread. What has begun is finished before anybody goes on, also when the call is cancelled."""
    running = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait((running,))
        raise


def current_loop() -> asyncio.AbstractEventLoop:
    """The running loop. Raises `RuntimeError` that says what is missing."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError("the async client needs a running asyncio event loop; other async libraries are not supported") from None


def schedule(seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
    """Call back later, on the running loop."""
    return asyncio.get_running_loop().call_later(seconds, callback)


class Waiter:
    """One wake-up for one waiting call."""

    __slots__ = ("_future",)

    def __init__(self) -> None:
        self._future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        if not self._future.done():
            self._future.set_result(True)

    def wait(self, seconds: float) -> asyncio.Future[bool]:
        """Resolves when it is woken; whoever hands out waiters wakes them in time too, with one timer for all."""
        return self._future


async def pause(seconds: float) -> None:
    """Let time pass, no less than this: a server that says when to come back means it, and some loops wake early."""
    until = monotonic() + seconds
    while (left := until - monotonic()) > 0:  # noqa: ASYNC110 -- it is time that is waited for
        await asyncio.sleep(left)


async def settle(value: Any, seconds: float | None = None) -> Any:
    """A value that may have to be awaited, as the functions of users give it. Raises builtin `TimeoutError`."""
    if not inspect.isawaitable(value):
        return value
    if seconds is None:
        return await value
    async with asyncio.timeout(seconds):
        return await value


async def transported(transport: Any, request: Any) -> Any:
    """The answer of a user's transport, whichever half of it exists."""
    from fasthttp.transports.base import halves

    if "ahandle" in halves(transport):
        return await transport.ahandle(request)
    handling = asyncio.ensure_future(asyncio.to_thread(transport.handle, request))
    try:
        response = await asyncio.shield(handling)
    except asyncio.CancelledError:
        handling.add_done_callback(_abandon_late)
        raise
    if getattr(response, "_source", None) is not None:
        response._source = _ThreadedSource(response._source)
    return response


def _abandon_late(handling: asyncio.Task[Any]) -> None:
    """The answer of a worker thread to a call that is gone: let go of its body."""
    if not handling.cancelled() and handling.exception() is None:
        source = getattr(handling.result(), "_source", None)
        if source is not None:
            source.abandon()


async def transport_closed(transport: Any) -> None:
    """Close a user's transport, whichever half of it exists."""
    from fasthttp.transports.base import BaseTransport

    if type(transport).aclose is not BaseTransport.aclose:
        await transport.aclose()
    else:
        transport.close()


class _ThreadedSource:
    """A blocking body source, each step of it taken in a worker thread."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.content_length = source.content_length

    @property
    def trailers(self) -> Any:
        return self._source.trailers

    async def next(self) -> bytes:
        data: bytes = await asyncio.to_thread(self._source.next)
        return data

    async def aclose(self) -> None:
        await asyncio.to_thread(self._source.close)

    def release(self) -> None:
        self._source.release()

    def abandon(self) -> None:
        self._source.abandon()
