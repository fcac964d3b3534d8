"""Where a connection leads and what it may do: a value that two requests share when they may share a connection."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from httpwire.h1 import Limits as WireLimits
from httpwire.url import URL

__all__ = ["ConnectionInfo", "NetworkOptions", "Route"]


class NetworkOptions(NamedTuple):
    """Settings of a client that concern connecting."""

    resolver: Callable[..., Any] | None = None
    check_address: Callable[[str, str, int], None] | None = None
    local_address: str | None = None
    wire: WireLimits = WireLimits()
    logger: logging.Logger = logging.getLogger("fasthttp.client")


class Route:
    """One way to a server. `key` is equal for requests that may share connections."""

    __slots__ = ("host", "hostname", "key", "port", "scheme", "tls")

    def __init__(self, url: URL, tls: Any, local_address: str | None) -> None:
        self.scheme = {"ws": "http", "wss": "https"}.get(url.scheme, url.scheme)
        self.host = url.host
        self.hostname = url.hostname
        self.port = url.port
        self.tls = tls
        # A string: its hash is kept, and the pool looks it up on every request.
        self.key = f"{self.scheme}://{url.host}:{url.port} from {local_address}" + (f" {tls.token}" if self.scheme == "https" else "")


class ConnectionInfo(NamedTuple):
    """What a response may tell of its connection."""

    peer: Any = None
    local: Any = None
    tls_version: str | None = None
    alpn: str | None = None
    cipher: str | None = None
    reused: bool = False
