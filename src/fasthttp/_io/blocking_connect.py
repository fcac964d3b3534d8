"""From a route to a connection on blocking sockets: resolve, check, race, tunnel, shake hands."""

from __future__ import annotations

import errno
import inspect
import os
import selectors
import socket
import ssl
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar

from fasthttp._io import addresses
from fasthttp._io.blocking import TLS, Connection, settle
from fasthttp._io.tls import tls_error
from fasthttp._pure.proxies import ConnectHandshake
from fasthttp._pure.route import ConnectionInfo, NetworkOptions, Route
from fasthttp._pure.tracing import Phases
from fasthttp.errors import ConnectTimeout, FastHTTPError, ProxyError, TotalTimeout
from fasthttp.timeouts import Timeout

T = TypeVar("T")

__all__ = ["open_connection"]

_UNDER_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)


class _Deadline:
    """The connect limit, or what is left of the total, for a series of system calls."""

    def __init__(self, route: Route, timeout: Timeout, total_at: float | None) -> None:
        self._route = route
        self._timeout = timeout
        self._at = None if timeout.connect is None else monotonic() + timeout.connect
        self._by_total = total_at is not None and (self._at is None or total_at < self._at)
        if self._by_total:
            self._at = total_at
        self.trying: list[str] = []

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
        where = addresses.whither(self._route, self.trying)
        raise ConnectTimeout(f"connect timeout after {limit:g} s to {where}", phase="connect", limit=limit) from cause


def open_connection(route: Route, options: NetworkOptions, timeout: Timeout, total_at: float | None, phases: Phases) -> Connection:
    """A connection that is ready for requests, within the connect limit."""
    deadline = _Deadline(route, timeout, total_at)
    found = _resolve(route, options, deadline, phases)
    sock: socket.socket | None = None
    try:
        with phases("connect"):
            sock, peer = _race(route, options, found, deadline)
        handshake = route.tunnel()
        if handshake is not None:
            with phases("proxy"):
                _agree(sock, handshake, deadline)
        return _wrap(sock, peer, route, options, deadline, phases)
    except BaseException:
        if sock is not None:
            sock.close()
        raise


def _race(route: Route, options: NetworkOptions, found: list[addresses.Address], deadline: _Deadline) -> tuple[socket.socket, Any]:
    """The first socket to connect and where to, of addresses that are tried each a stagger after the one before (RFC 8305 §5)."""
    waiting = list(found)
    failures: list[tuple[addresses.Address, OSError]] = []
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or selector.get_map():
                left = deadline.left()
                if waiting:
                    address = waiting.pop(0)
                    deadline.trying.append(addresses.show(address))
                    fault = _dial(selector, address, options)
                    if fault is not None:
                        failures.append((address, fault))
                        continue
                if waiting and (left is None or left > addresses.STAGGER):
                    left = addresses.STAGGER
                for key, _ in selector.select(left):
                    sock: Any = key.fileobj
                    selector.unregister(sock)
                    code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if code == 0:
                        return sock, key.data[1]
                    sock.close()
                    failures.append((key.data, OSError(code, os.strerror(code))))
        finally:
            for key in list(selector.get_map().values()):
                key.fileobj.close()  # type: ignore[union-attr]
    raise addresses.connect_error(route, failures) from failures[-1][1]


def _dial(selector: selectors.BaseSelector, address: addresses.Address, options: NetworkOptions) -> OSError | None:
    """Begin to connect; returns what speaks against it at once."""
    try:
        sock = addresses.make_socket(address, options.local_address)
    except OSError as exc:
        return exc
    try:
        code = sock.connect_ex(address[1])
        if code in _UNDER_WAY:
            selector.register(sock, selectors.EVENT_WRITE, address)
            return None
    except OSError as exc:
        sock.close()
        return exc
    except BaseException:
        sock.close()
        raise
    sock.close()
    return OSError(code, os.strerror(code))


def _agree(sock: socket.socket, handshake: ConnectHandshake, deadline: _Deadline) -> None:
    """Come to terms with a proxy."""
    try:
        sock.settimeout(deadline.left())
        sock.sendall(handshake.hello)
        while not handshake.done:
            sock.settimeout(deadline.left())
            handshake.feed(sock.recv(65536))
    except FastHTTPError:
        raise
    except TimeoutError as exc:
        deadline.expired(exc)
    except OSError as exc:
        raise ProxyError(f"connection to the proxy broke: {exc.strerror or exc}") from exc


def _wrap(sock: socket.socket, peer: Any, route: Route, options: NetworkOptions, deadline: _Deadline, phases: Phases) -> Connection:
    stream: TLS | None = None
    if route.scheme == "https":
        with phases("tls"):
            stream = TLS(sock, route.tls.context(), route.hostname)
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
    connection.info = ConnectionInfo(peer=peer, local=sock.getsockname())
    if stream is not None:
        connection.tls = stream
        cipher = stream.object.cipher()
        connection.info = connection.info._replace(
            tls_version=stream.object.version(),
            alpn=stream.object.selected_alpn_protocol(),
            cipher=cipher[0] if cipher is not None else None,
        )
    return connection


def _resolve(route: Route, options: NetworkOptions, deadline: _Deadline, phases: Phases) -> list[addresses.Address]:
    if route.place is None:
        return addresses.unix(route.uds)
    host, port = route.place
    found = addresses.literal(host, port)
    if found is None:
        with phases("dns"):
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
