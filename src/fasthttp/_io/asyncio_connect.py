"""From a route to a connection on asyncio: resolve, check, race, tunnel, shake hands. Knows no pools and no requests."""

from __future__ import annotations

import asyncio
import inspect
import socket
import ssl
from collections.abc import Callable
from time import monotonic
from typing import Any

from fasthttp._io import addresses
from fasthttp._io.asyncio import Connection, current_loop, settle
from fasthttp._io.tls import tls_error
from fasthttp._pure.proxies import ConnectHandshake
from fasthttp._pure.route import ConnectionInfo, NetworkOptions, Route
from fasthttp._pure.tracing import Phases
from fasthttp.errors import ConnectTimeout, FastHTTPError, ProxyError, TotalTimeout
from fasthttp.timeouts import Timeout

__all__ = ["open_connection"]


async def open_connection(route: Route, options: NetworkOptions, timeout: Timeout, total_at: float | None, phases: Phases) -> Connection:
    """A connection that is ready for requests, within the connect limit."""
    loop = current_loop()
    limit = timeout.connect
    by_total = total_at is not None and (limit is None or total_at - monotonic() < limit)
    seconds = total_at - monotonic() if by_total and total_at is not None else limit
    trying: list[str] = []
    try:
        async with asyncio.timeout(seconds) as scope:
            sock = await _reach(loop, route, options, phases, trying)
            return await _wrap(loop, sock, route, options, phases)
    except TimeoutError as exc:
        if isinstance(exc, FastHTTPError) or not scope.expired():
            raise
        if by_total:
            raise TotalTimeout(f"total timeout after {timeout.total:g} s", phase="total", limit=timeout.total) from exc
        raise ConnectTimeout(
            f"connect timeout after {limit:g} s to {addresses.whither(route, trying)}", phase="connect", limit=limit
        ) from exc


async def _reach(
    loop: asyncio.AbstractEventLoop, route: Route, options: NetworkOptions, phases: Phases, trying: list[str]
) -> socket.socket:
    """A socket that leads to the server, through its proxy if need be."""
    found = await _resolve(loop, route, options, phases)
    sock: socket.socket | None = None
    try:
        with phases("connect"):
            sock = await _race(loop, route, options, found, trying)
        handshake = route.tunnel()
        if handshake is not None:
            with phases("proxy"):
                await _agree(loop, sock, handshake)
        return sock
    except BaseException:
        if sock is not None:
            sock.close()
        raise


async def _race(
    loop: asyncio.AbstractEventLoop, route: Route, options: NetworkOptions, found: list[addresses.Address], trying: list[str]
) -> socket.socket:
    """The first socket to connect, of addresses that are tried each a stagger after the one before (RFC 8305 §5)."""
    waiting = list(found)
    failures: list[tuple[addresses.Address, OSError]] = []
    tasks: dict[asyncio.Task[socket.socket], addresses.Address] = {}
    winner: socket.socket | None = None
    try:
        while waiting or tasks:
            if waiting:
                address = waiting.pop(0)
                trying.append(addresses.show(address))
                tasks[loop.create_task(_dial(loop, address, options))] = address
            done, _ = await asyncio.wait(tasks, timeout=addresses.STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if error is None:
                    del tasks[task]
                    winner = task.result()
                    return winner
                if not isinstance(error, OSError):
                    raise error
                failures.append((tasks.pop(task), error))
    finally:
        for task in tasks:
            task.add_done_callback(_close_loser)
            task.cancel()
        if tasks and winner is None:  # else whoever cancels the call during the wait would lose the winner
            await asyncio.wait(tasks)
    raise addresses.connect_error(route, failures) from failures[-1][1]


def _close_loser(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()  # second in a photo finish


async def _dial(loop: asyncio.AbstractEventLoop, address: addresses.Address, options: NetworkOptions) -> socket.socket:
    sock = addresses.make_socket(address, options.local_address)
    try:
        await loop.sock_connect(sock, address[1])
    except BaseException:
        sock.close()
        raise
    return sock


async def _agree(loop: asyncio.AbstractEventLoop, sock: socket.socket, handshake: ConnectHandshake) -> None:
    """Come to terms with a proxy."""
    try:
        await loop.sock_sendall(sock, handshake.hello)
        while not handshake.done:
            handshake.feed(await loop.sock_recv(sock, 65536))
    except OSError as exc:
        if isinstance(exc, FastHTTPError):
            raise
        raise ProxyError(f"connection to the proxy broke: {exc.strerror or exc}") from exc


async def _wrap(loop: asyncio.AbstractEventLoop, sock: socket.socket, route: Route, options: NetworkOptions, phases: Phases) -> Connection:
    connection: Connection | None = None
    try:
        if route.scheme == "https":
            with phases("tls"):
                connection = await _secured(loop, sock, route, options)
            return connection
        transport, connection = await loop.create_connection(lambda: Connection(loop, options), sock=sock)
    except BaseException:
        if connection is None:
            sock.close()
        else:
            connection.abort()  # the socket is its own by now; a trace hook has raised
        raise
    connection.host = route.hostname
    connection.info = ConnectionInfo(peer=transport.get_extra_info("peername"), local=transport.get_extra_info("sockname"))
    return connection


async def _secured(loop: asyncio.AbstractEventLoop, sock: socket.socket, route: Route, options: NetworkOptions) -> Connection:
    try:
        transport, connection = await loop.create_connection(
            lambda: Connection(loop, options), sock=sock, ssl=route.tls.context(), server_hostname=route.hostname
        )
    except (ssl.SSLError, OSError, EOFError) as exc:
        if isinstance(exc, FastHTTPError):
            raise
        raise tls_error(route.hostname, exc) from exc
    get = transport.get_extra_info
    tls_object = get("ssl_object")
    connection.host = route.hostname
    connection.info = ConnectionInfo(
        peer=get("peername"),
        local=get("sockname"),
        tls_version=tls_object.version(),
        alpn=tls_object.selected_alpn_protocol(),
        cipher=tls_object.cipher()[0],
    )
    return connection


async def _resolve(loop: asyncio.AbstractEventLoop, route: Route, options: NetworkOptions, phases: Phases) -> list[addresses.Address]:
    if route.place is None:
        return addresses.unix(route.uds)
    host, port = route.place
    found = addresses.literal(host, port)
    if found is None:
        with phases("dns"):
            try:
                if options.resolver is not None:
                    answer = await _ask(options.resolver, host, port)
                    found = addresses.normalise(answer, port)
                else:
                    found = addresses.from_getaddrinfo(await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM))
            except FastHTTPError:
                raise
            except (OSError, UnicodeError) as exc:
                raise addresses.dns_error(host, exc if isinstance(exc, OSError) else OSError(str(exc))) from exc
    return addresses.checked(host, port, found, options.check_address)


async def _ask(resolver: Callable[..., Any], host: str, port: int) -> Any:
    """What a user's resolver says; one that blocks does so in a worker thread."""
    if inspect.iscoroutinefunction(resolver) or inspect.iscoroutinefunction(type(resolver).__call__):
        return await resolver(host, port)
    return await settle(await asyncio.to_thread(resolver, host, port))
