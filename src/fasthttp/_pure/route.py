"""Where a connection leads and what it may do: a value that two requests share when they may share a connection."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from fasthttp._pure.proxies import ConnectHandshake, Proxy, ProxyChoice
from httpwire.h1 import Limits as WireLimits
from httpwire.url import URL

__all__ = ["ConnectionInfo", "NetworkOptions", "Route"]


class NetworkOptions(NamedTuple):
    """Settings of a client that concern connecting."""

    resolver: Callable[..., Any] | None = None
    check_address: Callable[[str, str, int], None] | None = None
    local_address: str | None = None
    uds: str | None = None
    proxies: ProxyChoice | None = None
    wire: WireLimits = WireLimits()
    logger: logging.Logger = logging.getLogger("fasthttp.client")


class Route:
    """One way to a server. `key` is equal for requests that may share connections.

    `hostname` and `port` are the server's; `place` is the host and port that is connected to, the proxy's where there
    is one, None for a unix socket.
    """

    __slots__ = ("forwards", "host", "hostname", "key", "place", "port", "proxy", "scheme", "tls", "uds")

    def __init__(self, url: URL, tls: Any, local_address: str | None, proxy: Proxy | None = None, uds: str | None = None) -> None:
        self.scheme = {"ws": "http", "wss": "https"}.get(url.scheme, url.scheme)
        self.host = url.host
        self.hostname = url.hostname
        self.port = url.port
        self.tls = tls
        self.uds = uds
        self.proxy = None if uds is not None else proxy
        self.forwards = self.proxy is not None and url.scheme == "http"  # requests in absolute form; all else is tunnelled
        self.place: tuple[str, int] | None = None
        if uds is None:
            self.place = (url.hostname, url.port) if self.proxy is None else (self.proxy.host, self.proxy.port)
        # A string: its hash is kept, and the pool looks it up on every request.
        key = f"{self.scheme}://{url.host}:{url.port} from {local_address}"
        if self.proxy is not None:
            key += f" through {self.proxy.scheme}://{self.proxy.authorization}@{self.proxy.host}:{self.proxy.port}"
        if uds is not None:
            key += f" at {uds}"
        self.key = key + (f" {tls.token}" if self.scheme == "https" else "")

    def tunnel(self) -> ConnectHandshake | None:
        """What has to be agreed with a proxy before the connection leads to the server; None for nothing."""
        if self.proxy is None or self.forwards:
            return None
        return ConnectHandshake(self.hostname, self.port, self.proxy)


class ConnectionInfo(NamedTuple):
    """What a response may tell of its connection."""

    peer: Any = None
    local: Any = None
    tls_version: str | None = None
    alpn: str | None = None
    cipher: str | None = None
    reused: bool = False
