"""Connections on blocking sockets. Knows no pools, no redirects, no retries, and no event loop."""

from __future__ import annotations

import inspect
import os
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Any, TypeVar

from fasthttp._io.readiness import asker, limit_call, receive_now, send_now, wait_readable, wait_writable
from fasthttp._io.sources import iterate as iterate_source
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
    TLSError,
    TotalTimeout,
    WriteError,
    WriteTimeout,
)
from fasthttp.timeouts import Timeout
from httpwire.errors import IncompleteMessage, ProtocolError
from httpwire.h1 import ResponseParser

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
_RECEIVE = 65536
_SHORT = 0.1  # seconds that the system is told exactly


class Connection:
    """One HTTP/1.1 connection on a blocking socket; same use as its asyncio sibling, without the waiting."""

    __slots__ = (
        "__weakref__",
        "_ask",
        "_fileno",
        "_receive_limit",
        "_send_limit",
        "_timeout",
        "_total_at",
        "_was_cut",
        "asked_at",
        "closed",
        "expires_at",
        "head_at",
        "host",
        "idle_since",
        "info",
        "on_lost",
        "opening",
        "parser",
        "ranked",
        "reuses",
        "sent_at",
        "socket",
        "tls",
        "unsent",
        "waited",
        "wrote",
    )

    def __init__(self, sock: socket.socket, options: NetworkOptions) -> None:
        self.on_lost: Callable[[Connection], None] | None = None  # a blocking socket tells nothing by itself
        self.socket = sock
        self.tls: TLS | None = None
        self.parser = ResponseParser(options.wire)
        self.info = ConnectionInfo()
        self.host = ""
        self.expires_at = 0.0
        self.idle_since = 0.0
        self.asked_at = self.waited = self.sent_at = self.head_at = 0.0  # see `tracing.timings`
        self.opening: Mapping[str, float] | None = None
        self.closed = False
        self.reuses = 0
        self.ranked = False
        self.wrote = False
        self.unsent = False  # whether the response came before all of the request went out
        self._was_cut = False
        self._timeout = Timeout()
        self._total_at: float | None = None
        self._fileno = sock.fileno()
        self._ask = asker(self._fileno)
        # The system's own time limits: with those of Python, each call would be two.
        sock.settimeout(None)
        self._receive_limit: float | None = None
        self._send_limit: float | None = None

    def begin(self, method: str, timeout: Timeout, total_at: float | None, data: bytes) -> None:
        """Start an exchange under these limits, with its first bytes; `total_at` is on the monotonic clock."""
        self.parser.expect(method)
        self._timeout = timeout
        self._total_at = total_at
        self.wrote = self.unsent = False
        self.sent_at = self.head_at = 0.0
        seconds = self._call_limit(timeout.write, "write", self._send_limit)
        if seconds != self._send_limit:
            self._send_limit = seconds
            limit_call(self.socket, socket.SO_SNDTIMEO, seconds)
        if self.tls is not None:
            data = self.tls.seal(data)
        try:
            sent = self.socket.send(data)
        except BlockingIOError as exc:
            if seconds == timeout.write:
                self._expired("write", exc)
            sent = 0
        except OSError as exc:
            self._after_broken_send(exc)
            return
        self.wrote = sent > 0
        if sent < len(data):
            self._send(data[sent:])

    @property
    def answered(self) -> bool:
        """Whether the final response has begun, or none can come."""
        return self.parser.status != 0 or self.closed

    def send(self, data: bytes) -> None:
        """Send bytes; returns early, with the rest unsent, once the final response has begun."""
        self._send(data if self.tls is None else self.tls.seal(data))

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view and not self.answered:
                # A server may answer, and stop reading, in the middle of a long body: listen while sending.
                readable, writable = wait_writable(self._fileno, self._seconds(self._timeout.write, "write"))
                if readable:
                    self._feed_what_is_there()
                elif not writable:
                    self._expired("write")
                if writable and not self.answered:
                    sent = send_now(self.socket, view[:_PIECE])
                    self.wrote = self.wrote or sent > 0
                    view = view[sent:]
            if view:
                self.unsent = True
                self.parser.keep_alive = False  # what is missing of this request would be taken from the next one
        except OSError as exc:
            if isinstance(exc, FastHTTPError):
                raise
            self._after_broken_send(exc)

    def _after_broken_send(self, exc: OSError) -> None:
        """The server has stopped reading; it may have said why before."""
        if self._was_cut:
            raise _cut_error() from exc
        while not self.answered:
            try:
                if not self._ask():
                    break
                self._feed_what_is_there()
            except TLSError:
                raise  # what the server's last words are about
            except (FastHTTPError, OSError):
                break
        if not self.parser.status:
            raise WriteError(f"connection broke while the request was sent: {exc.strerror or exc}") from exc

    def drain(self) -> None:
        """Everything is sent already."""

    def await_interim(self, seconds: float) -> None:
        """Wait for leave to send the body (RFC 9110 §10.1.1), but not for ever: not every server knows the question."""
        until = monotonic() + seconds
        while not self.answered and not self.parser.continues:
            left = self._seconds(until - monotonic(), "read")
            if left is None or left <= 0 or not wait_readable(self._fileno, left):
                return
            self._feed_what_is_there()

    def receive(self, wake_at: int) -> None:
        """Read until the response is complete, or its head and more than `wake_at` body bytes are here."""
        parser = self.parser
        limit = self._timeout.read
        if not parser.status:
            self.sent_at = monotonic()
        while not (parser.complete or (parser.status and parser.buffered > wake_at)):
            seconds = self._call_limit(limit, "read", self._receive_limit)
            if seconds != self._receive_limit:
                self._receive_limit = seconds
                limit_call(self.socket, socket.SO_RCVTIMEO, seconds)
            try:
                self._feed()
            except BlockingIOError as exc:
                if seconds == limit:
                    self._expired("read", exc)

    def _feed_what_is_there(self) -> None:
        """Take in what has arrived, which may be TLS's own business and no bytes for the parser."""
        try:
            self._feed(now=True)
        except BlockingIOError:
            pass

    def _feed(self, *, now: bool = False) -> None:
        try:
            if self.tls is not None:
                data = self.tls.receive(now)
            else:
                data = receive_now(self.socket, _RECEIVE) if now else self.socket.recv(_RECEIVE)
        except BlockingIOError:
            raise
        except OSError as exc:
            if self._was_cut:
                raise _cut_error() from exc
            if isinstance(exc, ssl.SSLError):  # in TLS 1.3 a server refuses a client's certificate after the handshake
                raise late_tls_error(self.host, exc) from exc
            raise ReadError(f"connection broke while the response was read: {exc.strerror or exc}") from exc
        try:
            if data:
                self.parser.feed(data)
                if not self.head_at and self.parser.status:
                    self.head_at = monotonic()
                return
            if data is None:
                return
            self.closed = True
            if self._was_cut:
                raise _cut_error()
            self.parser.feed_eof()
        except IncompleteMessage as exc:
            raise IncompleteRead(exc.received, exc.expected) from exc
        except ProtocolError as exc:
            raise RemoteProtocolError(str(exc)) from exc
        if not self.parser.complete:
            raise RemoteDisconnected("server closed the connection without a response")

    def _seconds(self, limit: float | None, phase: str) -> float | None:
        """How long the next system call may take."""
        if self._total_at is None:
            return limit
        left = self._total_at - monotonic()
        if left <= 0:
            self._expired(phase)
        return left if limit is None or left < limit else limit

    def _call_limit(self, limit: float | None, phase: str, kept: float | None) -> float | None:
        """The time limit of the next system call, `kept` being that of the last.

        What is left of a total limit is another number each time, and telling the system costs a call of its own. So
        the system gets less than is left, once, and whoever is woken too early asks again.
        """
        if self._total_at is None:
            return limit
        left = self._total_at - monotonic()
        if left <= 0:
            self._expired(phase)
        if limit is not None and limit <= left:
            return limit
        if kept is not None and left / 2 <= kept <= left:
            return kept
        return left if left < _SHORT else left * 0.75

    def _expired(self, phase: str, cause: BaseException | None = None) -> None:
        if self._total_at is not None and monotonic() >= self._total_at - 0.0005:
            total = self._timeout.total
            raise TotalTimeout(f"total timeout after {total:g} s", phase="total", limit=total) from cause
        if phase == "write":
            limit = self._timeout.write
            raise WriteTimeout(f"write timeout after {limit:g} s", phase=phase, limit=limit) from cause
        limit = self._timeout.read
        raise ReadTimeout(f"read timeout after {limit:g} s", phase=phase, limit=limit) from cause

    def is_stale(self, idle: float) -> bool:
        """Whether the peer has closed it or sent something unasked, after `idle` seconds in the pool: one poll."""
        return self.closed or (bool(self._ask()) and (self.tls is None or not self.tls.is_quiet()))

    def close(self) -> None:
        """Close an idle connection."""
        self.closed = True
        self.socket.close()

    abort = close

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
        """The client is closed: whoever is using this connection gets `ClientClosedError`, and closes the socket."""
        self._was_cut = True
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def disown(self) -> None:
        """In a forked child: let go of the parent's socket without a word on the wire."""
        self.closed = True
        try:
            os.close(self.socket.detach())
        except OSError:
            pass


def _cut_error() -> ClientClosedError:
    return ClientClosedError("the client was closed while the request was in flight")


class TLS:
    """TLS between the parser and the socket, through memory, so that the socket's time limits go on holding."""

    __slots__ = ("_incoming", "_object", "_outgoing", "_socket")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, hostname: str) -> None:
        self._socket = sock
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=hostname)

    @property
    def object(self) -> ssl.SSLObject:
        return self._object

    def handshake(self, before: Callable[[], None]) -> None:
        """Shake hands; `before` is called before each system call and keeps the time."""
        while True:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                self._flush(before)
                before()
                self._fill(self._socket.recv(_PIECE))
            except ssl.SSLError:
                self._flush(before)  # the alert that tells the server why
                raise
            else:
                self._flush(before)
                return

    def _flush(self, before: Callable[[], None]) -> None:
        if self._outgoing.pending:
            before()
            self._socket.sendall(self._outgoing.read())

    def _fill(self, data: bytes) -> None:
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def seal(self, data: bytes) -> bytes:
        view = memoryview(data)
        while view:
            view = view[self._object.write(view) :]
        return self._outgoing.read()

    def receive(self, now: bool) -> bytes | None:
        """What one system call brings, at most; None where that was not enough for a record."""
        data = self._read()
        if data is None:
            if self._outgoing.pending:
                self._socket.sendall(self._outgoing.read())
            self._fill(receive_now(self._socket, _RECEIVE) if now else self._socket.recv(_RECEIVE))
            data = self._read()
        return data

    def _read(self) -> bytes | None:
        try:
            return self._object.read(_RECEIVE)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""

    def is_quiet(self) -> bool:
        """Whether what has arrived is the business of TLS alone (session tickets come after the handshake)."""
        try:
            self._fill(receive_now(self._socket, _PIECE))
            self._object.read(1)
        except ssl.SSLWantReadError:
            return True
        except (OSError, ssl.SSLError):
            return False
        return False


def current_loop() -> Any:
    """The blocking client is bound to no loop."""
    return None


running_loop: Callable[[], Any] = type(None)  # gives None, as fast as asyncio gives its loop
pause = sleep


def run_blocking(function: Callable[..., T], *arguments: Any) -> T:
    """Call it: here there is no loop that would stand still."""
    return function(*arguments)


class _Never:
    """A timer that never fires."""

    def cancel(self) -> None:
        pass


def schedule(seconds: float, callback: Callable[[], None]) -> _Never:
    """A blocking client has nobody to call it later; it looks after its pool when it is used."""
    return _Never()


class Waiter:
    """One wake-up for one waiting thread."""

    __slots__ = ("_lock", "wake")

    def __init__(self) -> None:
        # A bare lock: waking is one step, which the collector or a fork in the middle of waiting cannot block.
        self._lock = threading.Lock()
        self._lock.acquire()
        self.wake: Callable[[], None] = self._lock.release

    def wait(self, seconds: float | None) -> bool:
        """Whether it was woken within the time."""
        return self._lock.acquire(timeout=-1 if seconds is None else min(max(0.0, seconds), threading.TIMEOUT_MAX))


def settle(value: Any, seconds: float | None = None) -> Any:
    """A value that may have to be awaited: then it is, on the shared loop thread. Raises builtin `TimeoutError`.

    A limit holds for what is awaited only: a blocking function cannot be stopped from outside.
    """
    if not inspect.isawaitable(value):
        return value
    from fasthttp._io.bridge import run_coroutine

    return run_coroutine(value, seconds)


def transported(transport: Any, request: Any) -> Any:
    """The answer of a user's transport, whichever half of it exists."""
    from fasthttp.transports.base import halves

    if "handle" in halves(transport):
        return settle(transport.handle(request))
    from fasthttp._io.bridge import bridged

    return bridged(transport, request)


def transport_closed(transport: Any) -> None:
    """Close a user's transport, whichever half of it exists."""
    from fasthttp.transports.base import BaseTransport

    if type(transport).close is not BaseTransport.close:
        transport.close()
    else:
        settle(transport.aclose())
