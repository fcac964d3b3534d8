"""`HTTPTransport`: the network, as an object that can be wrapped."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Coroutine, Mapping
from os import PathLike, environ, fspath
from typing import TYPE_CHECKING, Any

from fasthttp._pure.call import Call
from fasthttp._pure.proxies import Proxy, choose_proxies
from fasthttp._pure.route import NetworkOptions
from fasthttp.limits import Limits
from fasthttp.models import Request
from fasthttp.pool import ConnectionPool
from fasthttp.response import ClientResponse
from fasthttp.timeouts import UNSET, Timeout
from fasthttp.transports.base import BaseTransport
from httpwire.h1 import Limits as WireLimits

if TYPE_CHECKING:
    from fasthttp.types import CertTypes, Resolver

__all__ = ["HTTPTransport"]


class HTTPTransport(BaseTransport):
    """Sends over the network; what a client without `transport=` does.

    Args:
        pool, limits, verify, cert, ssl_context, trust_env, local_address, resolver, proxy, proxies, uds,
            max_header_bytes, max_header_count, logger: as for `Client`.
        check_address: called with (host, ip, port) for every address a name resolves to, before any is tried; what
            it raises ends the call.
    """

    def __init__(
        self,
        *,
        pool: ConnectionPool | None = None,
        limits: Limits | None = None,
        verify: bool | str | PathLike[str] | ssl.SSLContext = True,
        cert: CertTypes | None = None,
        ssl_context: ssl.SSLContext | None = None,
        trust_env: bool = True,
        local_address: str | None = None,
        resolver: Resolver | None = None,
        proxy: str | None = None,
        proxies: Mapping[str, str | None] | None = None,
        uds: str | PathLike[str] | None = None,
        check_address: Callable[[str, str, int], None] | None = None,
        max_header_bytes: int = 65536,
        max_header_count: int = 256,
        logger: logging.Logger | None = None,
    ) -> None:
        from fasthttp._io.tls import TLSConfig

        if pool is not None and limits is not None:
            raise ValueError("pool= and limits= exclude each other: a pool has its own limits")
        self.pool = ConnectionPool(limits) if pool is None else pool
        self._owns_pool = pool is None
        self._tls = TLSConfig(verify, cert, ssl_context, trust_env=trust_env)
        wire = WireLimits(head=max_header_bytes, line=max_header_bytes, count=max_header_count)
        options = NetworkOptions(
            resolver=resolver,
            check_address=check_address,
            local_address=local_address,
            uds=None if uds is None else fspath(uds),
            proxies=choose_proxies(proxy, proxies, environ if trust_env else None),
            wire=wire,
        )
        self._options = self._own_options = options if logger is None else options._replace(logger=logger)
        self._sync: Any = None

    def guard(self, check: Callable[[str, str, int], None]) -> None:
        """From now on, judge each address by this too, beside the `check_address` that the transport was made with."""
        own = self._own_options.check_address

        def both(host: str, ip: str, port: int) -> None:
            check(host, ip, port)
            if own is not None:
                own(host, ip, port)

        self._options = self._own_options._replace(check_address=check if own is None else both)

    def proxies(self) -> list[Proxy]:
        """The proxies that requests may go through."""
        return [] if self._options.proxies is None else self._options.proxies.all()

    def sync_sender(self) -> Any:
        """What a blocking engine sends with."""
        from fasthttp._sync.network import SyncNetwork

        if self._sync is None:
            self._sync = SyncNetwork(self.pool.for_threads(), self._options, self._tls)
        return self._sync

    def async_sender(self) -> Any:
        """What an engine of the running loop sends with."""
        from fasthttp._async.network import AsyncNetwork

        pool = self.pool.for_loop()
        network = pool.engines.get(self)
        if network is None:
            network = pool.engines[self] = AsyncNetwork(pool, self._options, self._tls)
        return network

    @property
    def is_plain(self) -> bool:
        """Whether requests can go to the network by the short way, as no subclass wants to see them."""
        cls = type(self)
        return cls.handle is HTTPTransport.handle and cls.ahandle is HTTPTransport.ahandle

    def handle(self, request: Request) -> ClientResponse:
        response: ClientResponse = self.sync_sender().send(request, _call(request), None)
        return response

    def ahandle(self, request: Request) -> Coroutine[Any, Any, ClientResponse]:
        sending: Coroutine[Any, Any, ClientResponse] = self.async_sender().send(request, _call(request), None)
        return sending

    def close(self) -> None:
        """Close its connections, unless the pool is somebody else's. Used again, it makes new ones."""
        if self._owns_pool:
            self.pool.close()
            self.pool = ConnectionPool(self.pool.limits)
            self._sync = None

    async def aclose(self) -> None:
        self.close()


def _call(request: Request) -> Call:
    from fasthttp._io.sources import ReportingBody

    call = Call()
    call.stream = True
    if request.timeout is not UNSET:
        call.timeout = Timeout.from_value(request.timeout)
    call.settle()
    call.attends_upload = isinstance(request.body, ReportingBody)  # nothing that is reported goes out in one piece
    return call
