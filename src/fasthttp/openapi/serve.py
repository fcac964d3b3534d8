"""Serving the docs page, until interrupted: a socket of our own, so that what is wrong with it can be said, and uvicorn on it."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from copy import deepcopy
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from fasthttp.app.report import RunLog
from fasthttp.openapi.site import docs_app, path_prefix

if TYPE_CHECKING:
    from fasthttp.app.application import FastHTTP

__all__ = ["REACHABLE", "is_loopback", "listen", "serve", "url_of", "web_run"]

REACHABLE = "other machines can reach the docs page at {}; it is meant for this one"
_LOCAL = ("localhost", "*.localhost", "127.0.0.1", "[::1]")


def web_run(app: FastHTTP, host: str, port: int, base_url: str) -> None:
    """Serve the docs page of an app; see `FastHTTP.web_run`."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise RuntimeError("app.web_run() cannot be used inside a running event loop; serve app.docs_app() there")
    site = docs_app(app, base_url)
    log = RunLog(app.log, app.debug, app.security.masks)
    with listen(host, port) as listener:
        url = url_of(listener)
        if not is_loopback(listener):
            log.line(logging.WARNING, REACHABLE.format(url))
        log.line(logging.INFO, f"Docs page: {url}{path_prefix(base_url)}/docs")
        try:
            serve(site, listener, host)
        except KeyboardInterrupt:
            pass


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections. Raises `OSError` that names the address."""
    if not 0 <= port <= 65535:
        raise ValueError(f"port={port}; ports go from 0, any free one, to 65535")
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=128)
    except OSError as exc:
        reason = "the port is in use; choose another" if exc.errno == errno.EADDRINUSE else exc.strerror or str(exc)
        raise OSError(exc.errno, f"the docs page cannot be served on {place}: {reason}") from exc


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine can reach it."""
    return ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def url_of(listener: socket.socket) -> str:
    """Where a browser on this machine finds it."""
    host, port = listener.getsockname()[:2]
    if ip_address(host.partition("%")[0]).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(site: Any, listener: socket.socket, host: str, *, debug: bool = False) -> None:
    """Serve an application on a socket until the process is told to stop. Raises `KeyboardInterrupt` when that was Ctrl+C.

    Where only this machine is meant, requests for other host names are refused: a web page whose name was made to lead
    here (DNS rebinding) would read the page as its own otherwise.
    """
    import uvicorn
    from uvicorn.config import LOGGING_CONFIG

    from FasterAPI.middleware.trustedhost import TrustedHostMiddleware

    if is_loopback(listener):
        site = TrustedHostMiddleware(site, [*_LOCAL, f"[{host}]" if ":" in host else host], www_redirect=False)
    said = deepcopy(LOGGING_CONFIG)
    said["handlers"]["access"]["stream"] = "ext://sys.stderr"
    config = uvicorn.Config(
        site,
        log_config=said if debug else None,
        log_level="info" if debug else "warning",
        access_log=debug,
        ws="none",
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[listener])
