"""Connections on blocking sockets. Knows no pools, no redirects, no retries, and no event loop."""

from __future__ import annotations

import inspect
import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any, TypeVar

from fasthttp._io import addresses
from fasthttp._io.readiness import asker, limit_call, receive_now, wait_writable
from fasthttp._io.tls import tls_error
from fasthttp._pure.route import ConnectionInfo, NetworkOptions, Route
from fasthttp.errors import (
    ClientClosedError,
    ConnectTimeout,
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
    "open_connection",
    "pause",
    "run_blocking",
    "running_loop",
    "schedule",
    "settle",
]

_PIECE = 65536
_RECEIVE = 65536


class Connection:
    """One HTTP/1.1 connection on a blocking socket; same use as its asyncio sibling, without the waiting."""

    on_lost: Callable[[Connection], None] | None = None  # a blocking socket tells nothing by itself

    def __init__(self, sock: socket.socket, options: NetworkOptions) -> None:
        self.socket = sock
        self.stream: _Plain | _TLS = _Plain(sock)
        self.parser = ResponseParser(options.wire)
        self.info = ConnectionInfo()
        self.host = ""
        self.expires_at = 0.0
        self.idle_since = 0.0
        self.closed = False
        self.uses = 0
        self.wrote = False
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
        self.uses += 1
        self.wrote = False
        seconds = timeout.write if total_at is None else self._seconds(timeout.write, "write")
        if seconds != self._send_limit:
            self._send_limit = seconds
            limit_call(self.socket, socket.SO_SNDTIMEO, seconds)
        if not self.stream.is_plain:
            data = self.stream.seal(data)
        try:
            sent = self.socket.send(data)
        except BlockingIOError as exc:
            self._expired("write", exc)
        except OSError as exc:
            self._after_broken_send(exc)
        else:
            self.wrote = True
            if sent < len(data):
                self._send(data[sent:])

    @property
    def answered(self) -> bool:
        """Whether the final response has begun, or none can come."""
        return self.parser.status != 0 or self.closed

    def send(self, data: bytes) -> None:
        """Send bytes; returns early, with the rest unsent, once the final response has begun."""
        self._send(self.stream.seal(data))

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
                    view = view[self.socket.send(view[:_PIECE]) :]
            if view:
                self.parser.keep_alive = False  # what is missing of this request would be taken from the next one
        except BlockingIOError as exc:
            self._expired("write", exc)
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

    def receive(self, wake_at: int) -> None:
        """Read until the response is complete, or its head and more than `wake_at` body bytes are here."""
        parser = self.parser
        limit = self._timeout.read
        while not (parser.complete or (parser.status and parser.buffered > wake_at)):
            seconds = limit if self._total_at is None else self._seconds(limit, "read")
            if seconds != self._receive_limit:
                self._receive_limit = seconds
                limit_call(self.socket, socket.SO_RCVTIMEO, seconds)
            try:
                self._feed()
            except BlockingIOError as exc:
                self._expired("read", exc)

    def _feed_what_is_there(self) -> None:
        """Take in what has arrived, which may be TLS's own business and no bytes for the parser."""
        try:
            self._feed(now=True)
        except BlockingIOError:
            pass

    def _feed(self, *, now: bool = False) -> None:
        try:
            data = self.stream.receive(now)
        except BlockingIOError:
            raise
        except OSError as exc:
            if self._was_cut:
                raise _cut_error() from exc
            if isinstance(exc, ssl.SSLError):  # in TLS 1.3 a server refuses a client's certificate after the handshake
                raise tls_error(self.host, exc) from exc
            raise ReadError(f"connection broke while the response was read: {exc.strerror or exc}") from exc
        try:
            if data:
                self.parser.feed(data)
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
        return self.closed or (bool(self._ask()) and not self.stream.is_quiet())

    def close(self) -> None:
        """Close an idle connection."""
        self.closed = True
        self.socket.close()

    abort = close

    def limit_total(self, seconds: float) -> None:
        """Let the rest of the exchange take no longer than this."""
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


class _Plain:
    """Bytes as they are."""

    __slots__ = ("_socket",)
    is_plain = True

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def seal(self, data: bytes) -> bytes:
        return data

    def receive(self, now: bool) -> bytes:
        return receive_now(self._socket, _RECEIVE) if now else self._socket.recv(_RECEIVE)

    def is_quiet(self) -> bool:
        return False


class _TLS:
    """TLS between the parser and the socket, through memory, so that the socket's time limits go on holding."""

    __slots__ = ("_incoming", "_object", "_outgoing", "_socket")
    is_plain = False

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

    def receive(self, now: bool) -> bytes:
        while True:
            try:
                return self._object.read(_RECEIVE)
            except ssl.SSLWantReadError:
                if self._outgoing.pending:
                    self._socket.sendall(self._outgoing.read())
                self._fill(receive_now(self._socket, _RECEIVE) if now else self._socket.recv(_RECEIVE))
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


class _Deadline:
    """The connect limit, or what is left of the total, for a series of system calls."""

    def __init__(self, route: Route, timeout: Timeout, total_at: float | None) -> None:
        self._route = route
        self._timeout = timeout
        self._at = None if timeout.connect is None else monotonic() + timeout.connect
        self._by_total = total_at is not None and (self._at is None or total_at < self._at)
        if self._by_total:
            self._at = total_at
        self.trying = ""

    def left(self) -> float | None:
        if self._at is None:
            return None
        left = self._at - monotonic()
        if left <= 0:
            self.expired(None)
        return left

    def expired(self, cause: BaseException | None) -> None:
        if self._by_total:
            total = self._timeout.total
            raise TotalTimeout(f"total timeout after {total:g} s", phase="total", limit=total) from cause
        limit = self._timeout.connect
        where = f" ({self.trying})" if self.trying else ""
        raise ConnectTimeout(
            f"connect timeout after {limit:g} s to {self._route.hostname}:{self._route.port}{where}", phase="connect", limit=limit
        ) from cause


def open_connection(route: Route, options: NetworkOptions, timeout: Timeout, total_at: float | None) -> Connection:
    """Resolve, check, connect and shake hands, within the connect limit."""
    deadline = _Deadline(route, timeout, total_at)
    failures: list[tuple[addresses.Address, OSError]] = []
    for family, address in _resolve(route, options, deadline):
        deadline.trying = f"{address[0]}:{address[1]}"
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if options.local_address is not None:
                sock.bind((options.local_address, 0))
            sock.settimeout(deadline.left())
            sock.connect(address)
            return _wrap(sock, address, route, options, deadline)
        except FastHTTPError:
            sock.close()
            raise
        except TimeoutError as exc:
            sock.close()
            if exc.errno is None:
                deadline.expired(exc)
            failures.append(((family, address), exc))  # ETIMEDOUT: the kernel gave this address up
        except OSError as exc:
            sock.close()
            failures.append(((family, address), exc))
        except BaseException:
            sock.close()
            raise
    raise addresses.connect_error(route.hostname, route.port, failures) from failures[-1][1]


def _wrap(sock: socket.socket, address: tuple[Any, ...], route: Route, options: NetworkOptions, deadline: _Deadline) -> Connection:
    stream: _TLS | None = None
    if route.scheme == "https":
        stream = _TLS(sock, route.tls.context(), route.hostname)
        try:
            stream.handshake(lambda: sock.settimeout(deadline.left()))
        except FastHTTPError:
            raise
        except TimeoutError as exc:
            deadline.expired(exc)
        except (ssl.SSLError, OSError) as exc:
            raise tls_error(route.hostname, exc) from exc
    connection = Connection(sock, options)
    connection.host = route.hostname
    connection.info = ConnectionInfo(peer=address, local=sock.getsockname())
    if stream is not None:
        connection.stream = stream
        cipher = stream.object.cipher()
        connection.info = connection.info._replace(
            tls_version=stream.object.version(),
            alpn=stream.object.selected_alpn_protocol(),
            cipher=cipher[0] if cipher is not None else None,
        )
    return connection


def _resolve(route: Route, options: NetworkOptions, deadline: _Deadline) -> list[addresses.Address]:
    host, port = route.hostname, route.port
    found = addresses.literal(host, port)
    if found is None:
        try:
            if options.resolver is not None:
                answer = _limited(deadline, options.resolver, host, port)
                if inspect.isawaitable(answer):
                    answer = _settled(deadline, answer)
                found = addresses.normalise(answer, port)
            else:
                infos = _limited(deadline, socket.getaddrinfo, host, port, 0, socket.SOCK_STREAM)
                found = addresses.from_getaddrinfo(infos)
        except FastHTTPError:
            raise
        except (OSError, UnicodeError) as exc:
            raise addresses.dns_error(host, exc if isinstance(exc, OSError) else OSError(str(exc))) from exc
    return addresses.checked(host, port, found, options.check_address)


def _settled(deadline: _Deadline, answer: Any) -> Any:
    try:
        return settle(answer, deadline.left())
    except TimeoutError as exc:
        deadline.left()  # raises what the limit calls for
        raise OSError("the resolver gave up: timed out") from exc


_resolvers = threading.BoundedSemaphore(16)


def _forget_resolvers() -> None:
    global _resolvers
    _resolvers = threading.BoundedSemaphore(16)  # the threads stayed with the parent


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_resolvers)


def _limited(deadline: _Deadline, function: Callable[..., T], *arguments: Any) -> T:
    """Call a function that takes no time limit, in a thread that may outlive the limit; at most 16 at once."""
    seconds = deadline.left()
    if seconds is None:
        return function(*arguments)
    slots = _resolvers
    if not slots.acquire(timeout=seconds):
        deadline.expired(None)
    outcome: list[Any] = []
    done = threading.Event()

    def run() -> None:
        try:
            outcome.extend((True, function(*arguments)))
        except BaseException as exc:  # handed to the waiting thread
            outcome.extend((False, exc))
        finally:
            slots.release()
            done.set()

    threading.Thread(target=run, name="fasthttp-resolver", daemon=True).start()
    if not done.wait(deadline.left()):
        deadline.expired(None)
    if not outcome[0]:
        raise outcome[1]
    result: T = outcome[1]
    return result


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


def iterate_source(source: Any) -> Iterator[bytes]:
    """The pieces of a body source; async ones are run on the shared loop thread."""
    if isinstance(source, bytes):
        for at in range(0, len(source), _PIECE):
            yield source[at : at + _PIECE]
    elif isinstance(source, os.PathLike):
        with open(source, "rb") as file:
            yield from _pieces(file)
    elif hasattr(source, "read"):
        yield from _pieces(source)
    elif hasattr(source, "__aiter__"):
        from fasthttp._io.bridge import iterate

        for piece in iterate(source):
            if piece:
                yield piece.encode() if isinstance(piece, str) else bytes(piece)
    else:
        for piece in source:
            if piece:
                yield piece.encode() if isinstance(piece, str) else bytes(piece)


def _pieces(file: Any) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece.encode() if isinstance(piece, str) else piece


def transported(transport: Any, request: Any) -> Any:
    """The answer of a user's transport, whichever half of it exists."""
    from fasthttp.transports.base import BaseTransport

    if type(transport).handle is not BaseTransport.handle:
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
