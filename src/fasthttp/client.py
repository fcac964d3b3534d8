"""`Client` and its two colours. Holds settings and engines; what a call does is the engine's."""

from __future__ import annotations

import inspect
import logging
import os
import ssl
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Never, Self, Unpack

from fasthttp._async.verbs import AsyncVerbs
from fasthttp._pure.config import ClientConfig
from fasthttp._pure.keywords import unknown_keyword
from fasthttp._pure.later import not_yet
from fasthttp._pure.pool import PoolStats
from fasthttp._sync.verbs import SyncVerbs
from fasthttp.errors import ClientClosedError
from fasthttp.limits import Limits
from fasthttp.models import Request
from fasthttp.pool import ConnectionPool
from fasthttp.response import ClientResponse as Response
from fasthttp.timeouts import DEFAULT_TIMEOUT, Timeout
from fasthttp.transports.http import HTTPTransport
from httpwire.headers import Headers
from httpwire.masking import mask_url

if TYPE_CHECKING:
    from fasthttp._async.engine import AsyncEngine
    from fasthttp._sync.engine import SyncEngine
    from fasthttp.auth import AuthBase, NetrcTable
    from fasthttp.cookies import CookieJar
    from fasthttp.retry import CircuitBreaker, RetryPolicy
    from fasthttp.transports.base import BaseTransport
    from fasthttp.types import (
        AuthTypes,
        BodyTypes,
        CertTypes,
        CookieTypes,
        DataTypes,
        FileTypes,
        HeaderTypes,
        Hook,
        ParamTypes,
        PostOptions,
        RequestOptions,
        Resolver,
        TraceHook,
    )

__all__ = ["AsyncClient", "Client", "Response", "SyncClient"]


class _Core:
    """What a client and the object that entering it gives have in common."""

    def __init__(self, config: ClientConfig, transport: BaseTransport) -> None:
        self.config = config
        self.transport = transport
        self.entered = False
        # The network has ways of its own to both engines; anything else is a transport of the user's.
        self.network = transport if isinstance(transport, HTTPTransport) and transport.is_plain else None
        self._sync: SyncEngine | None = None

    def check_open(self) -> None:
        if self.config.closed:
            raise ClientClosedError("the client is closed; create a new one")

    def sync_engine(self) -> SyncEngine:
        if self._sync is None:
            from fasthttp._sync.engine import SyncEngine
            from fasthttp._sync.transport import SyncTransportSender

            self.check_open()
            sender = SyncTransportSender(self.transport) if self.network is None else self.network.sync_sender()
            self._sync = SyncEngine(self.config, sender)
        return self._sync

    def async_engine(self) -> AsyncEngine:
        from fasthttp._async.engine import AsyncEngine
        from fasthttp._async.transport import AsyncTransportSender

        self.check_open()
        if self.network is None:
            return AsyncEngine(self.config, AsyncTransportSender(self.transport))
        engines = self.network.pool.for_loop().engines
        engine: AsyncEngine | None = engines.get(self)
        if engine is None:
            engine = engines[self] = AsyncEngine(self.config, self.network.async_sender())
        return engine

    def shut(self) -> BaseTransport | None:
        """Take no more calls; returns the transport that is to be closed, once."""
        if self.config.closed:
            return None
        self.config.closed = True
        return self.transport


class Client:
    """An HTTP client, blocking or async, as it is used.

    `with Client() as c` gives a `SyncClient`, `async with Client() as c` an `AsyncClient`. Without either, each call
    goes by its surroundings: inside a running event loop it returns an awaitable, elsewhere it blocks.

    Args:
        base_url: prefix of relative URLs.
        pool: connections shared with other clients; excludes `limits`.
        timeout: seconds or `Timeout`; None for no limits.
        retry: which failures are met with another attempt; None for none.
        logger: where log records go instead of `fasthttp.client`.
        cookies: a jar, which is used and filled, or a mapping.
        user_agent: value of that header.
        auth: (user, password), one of `fasthttp.auth`, or a function of the request.
        hooks: functions by event: `request`, `response`, `error`; each sync or async.
        headers: default headers; None as a value removes one of the built-in ones.
        params: added to the query of every URL.
        limits: bounds of the connection pool.
        verify: True for the system's trust store, False, a CA file or directory, or a context.
        cert: client certificate: path, (cert, key) or (cert, key, password).
        ssl_context: used as it is; excludes `verify` and `cert`.
        proxy: `http://[user:password@]host:port` for every URL; "" for none, whatever the environment says.
        proxies: proxies by `http`, `https`, `all`, or `scheme://host[:port]`; None as a value is direct.
        trust_env: let the environment have its say: SSL_CERT_FILE, SSL_CERT_DIR, HTTP_PROXY, HTTPS_PROXY, ALL_PROXY,
            NO_PROXY, and ~/.netrc or NETRC.
        transport: what to send through instead of the network; excludes network options.
        uds: path of a unix socket that everything is sent through.
        local_address: address to connect from.
        resolver: `(host, port)` to addresses, sync or async.
        follow_redirects, max_redirects: redirects are followed by default, five at most.
        default_encoding: of text whose response names none; or a function of the body.
        max_response_size: bytes of a decoded body.
        max_decompress_ratio: decoded bytes to received ones, counted from 8 MiB on.
        max_header_bytes, max_header_count: bounds of a response head.
        expect_continue: ask before sending a body, and wait so many seconds (True: one) for leave.
        sensitive_headers: names to be masked, and left behind on redirects, beside the built-in ones.
        trace: `(event, info)`, called as each phase of a request begins and ends.

    Raises:
        TypeError: an unknown argument, with the one that was probably meant.
        ValueError: arguments exclude each other, or name a file that does not exist.
        NotImplementedError: `http2`; a proxy whose scheme is not `http`.
    """

    def __init__(
        self,
        base_url: str | None = None,
        pool: ConnectionPool | None = None,
        timeout: float | Timeout | None = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        logger: logging.Logger | None = None,
        cookies: CookieTypes | None = None,
        user_agent: str | None = None,
        auth: AuthTypes | None = None,
        hooks: Mapping[str, Hook | Iterable[Hook]] | None = None,
        http2: bool | Literal["prior-knowledge"] = False,
        *,
        headers: HeaderTypes | Mapping[str, str | None] | None = None,
        params: ParamTypes | None = None,
        limits: Limits | None = None,
        verify: bool | str | PathLike[str] | ssl.SSLContext = True,
        cert: CertTypes | None = None,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        proxies: Mapping[str, str | None] | None = None,
        trust_env: bool = True,
        transport: BaseTransport | None = None,
        uds: str | PathLike[str] | None = None,
        local_address: str | None = None,
        resolver: Resolver | None = None,
        follow_redirects: bool = True,
        max_redirects: int = 5,
        default_encoding: str | Callable[[bytes], str] = "utf-8",
        max_response_size: int | None = None,
        max_decompress_ratio: float | None = 100.0,
        max_header_bytes: int = 65536,
        max_header_count: int = 256,
        expect_continue: bool | float = False,
        sensitive_headers: Iterable[str] = (),
        trace: TraceHook | None = None,
        **unknown: Never,
    ) -> None:
        for name in unknown:
            raise unknown_keyword(name, [*inspect.signature(Client).parameters][:-1], f"{type(self).__name__}()")
        if http2:
            not_yet("Client(http2=...)")
        config = ClientConfig(
            base_url=base_url,
            headers=headers,
            params=params,
            timeout=timeout,
            hooks=hooks,
            user_agent=user_agent,
            follow_redirects=follow_redirects,
            max_redirects=max_redirects,
            default_encoding=default_encoding,
            max_response_size=max_response_size,
            max_decompress_ratio=max_decompress_ratio,
            sensitive_headers=sensitive_headers,
            logger=logger,
            cookies=cookies,
            auth=auth,
            netrc=_find_netrc() if trust_env else None,
            retry=retry,
            expect_continue=expect_continue,
            trace=trace,
        )
        network: dict[str, Any] = {"pool": pool, "limits": limits, "cert": cert, "ssl_context": ssl_context, "proxy": proxy}
        network |= {"proxies": proxies, "uds": uds, "local_address": local_address, "resolver": resolver}
        if transport is None:
            transport = HTTPTransport(
                verify=verify,
                trust_env=trust_env,
                max_header_bytes=max_header_bytes,
                max_header_count=max_header_count,
                logger=logger,
                **network,
            )
        else:
            others = {"verify": (verify, True), "max_header_bytes": (max_header_bytes, 65536), "max_header_count": (max_header_count, 256)}
            _refuse_beside_transport(network, others)
        self._core = _Core(config, transport)

    # --- opening and closing

    def __enter__(self) -> SyncClient:
        client: SyncClient = self._enter(SyncClient)
        return client

    def __exit__(self, *exc_info: object) -> None:
        _close_sync(self._core)

    async def __aenter__(self) -> AsyncClient:
        client: AsyncClient = self._enter(AsyncClient)
        client._open()
        return client

    def __aexit__(self, *exc_info: object) -> Coroutine[Any, Any, None]:
        return _close_async(self._core)

    def _enter(self, cls: type[Any]) -> Any:
        core = self._core
        core.check_open()
        if core.entered:
            raise RuntimeError("Client is already open")
        core.entered = True
        if isinstance(self, cls):
            return self
        client: Any = object.__new__(cls)
        client._core = core
        return client

    def close(self) -> None:
        """Close the connections of blocking calls."""
        _close_sync(self._core)

    def aclose(self) -> Coroutine[Any, Any, None]:
        """Close all connections."""
        return _close_async(self._core)

    # --- state that can be read and assigned between calls

    @property
    def headers(self) -> Headers:
        """Default headers; edit in place or assign."""
        return self._core.config.headers

    @headers.setter
    def headers(self, value: HeaderTypes) -> None:
        self._core.config.headers = value

    @property
    def params(self) -> Any:
        """Default query parameters."""
        return self._core.config.params

    @params.setter
    def params(self, value: ParamTypes | None) -> None:
        self._core.config.params = value

    @property
    def timeout(self) -> Timeout:
        """Default time limits."""
        return self._core.config.timeout

    @timeout.setter
    def timeout(self, value: float | Timeout | None) -> None:
        self._core.config.timeout = value

    @property
    def base_url(self) -> str | None:
        """Prefix of relative URLs."""
        return self._core.config.base_url

    @base_url.setter
    def base_url(self, value: str | None) -> None:
        self._core.config.base_url = value

    @property
    def cookies(self) -> CookieJar:
        """The cookie jar; fill it, or assign another jar or a mapping."""
        return self._core.config.cookies

    @cookies.setter
    def cookies(self, value: CookieTypes) -> None:
        self._core.config.cookies = value

    @property
    def auth(self) -> AuthBase | None:
        """Default authentication."""
        return self._core.config.auth

    @auth.setter
    def auth(self, value: AuthTypes | None) -> None:
        self._core.config.auth = value

    @property
    def breaker(self) -> CircuitBreaker:
        """The circuit breaker, which a policy with `circuit_breaker=True` switches on."""
        return self._core.config.breaker

    def pool_stats(self) -> PoolStats:
        """Counts of the pool."""
        network = self._core.network
        return PoolStats() if network is None else network.pool.get_stats()

    # --- calls

    def _running(self) -> Any:
        """The engine of the colour that the surroundings ask for."""
        if _in_loop():
            return self._core.async_engine()
        return self._core.sync_engine()

    def build_request(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Request:
        """A request with this client's defaults merged in, for `send`."""
        config = self._core.config
        timeout = config.call(options).timeout
        request = config.request(method, url, options)
        request.timeout = timeout
        request.encode_head()
        return request

    def request(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Any:
        """Send a request.

        Args:
            method: any token but CONNECT.
            url: absolute, or relative to `base_url`.
            options: `headers`, `params`, `cookies`, `auth`, one body of `content`, `json`, `data`, `files` (`data` with
                `files` is multipart); `timeout`, `verify`, `cert`, `ssl_context`, `proxy`, `stream` (return after the
                head), `follow_redirects`, `max_redirects`, `retry`, `hooks`, `trace`, `max_response_size`,
                `expect_continue`, and `on_upload`, `on_download`: functions, sync or async, of the bytes done and the
                total (None when it is not known). What is not given is the client's.

        Returns:
            The response, or in a running event loop an awaitable of it.
        """
        return self._running().request(method, url, options)

    def get(self, url: str, **options: Unpack[RequestOptions]) -> Any:
        """Send a GET request."""
        return self._running().request("GET", url, options)

    def head(self, url: str, **options: Unpack[RequestOptions]) -> Any:
        """Send a HEAD request."""
        return self._running().request("HEAD", url, options)

    def options(self, url: str, **options: Unpack[RequestOptions]) -> Any:
        """Send an OPTIONS request."""
        return self._running().request("OPTIONS", url, options)

    def delete(self, url: str, **options: Unpack[RequestOptions]) -> Any:
        """Send a DELETE request."""
        return self._running().request("DELETE", url, options)

    def trace(self, url: str, **options: Unpack[RequestOptions]) -> Any:
        """Send a TRACE request."""
        return self._running().request("TRACE", url, options)

    def _post(self, method: str, url: str, content: Any, json: Any, data: Any, files: Any, options: Any) -> Any:
        return self._running().request(method, url, {"content": content, "json": json, "data": data, "files": files, **options})

    def post(
        self,
        url: str,
        content: BodyTypes | None = None,
        json: Any = None,
        data: DataTypes | None = None,
        files: FileTypes | None = None,
        **options: Unpack[PostOptions],
    ) -> Any:
        """Send a POST request."""
        return self._post("POST", url, content, json, data, files, options)

    def put(
        self,
        url: str,
        content: BodyTypes | None = None,
        json: Any = None,
        data: DataTypes | None = None,
        files: FileTypes | None = None,
        **options: Unpack[PostOptions],
    ) -> Any:
        """Send a PUT request."""
        return self._post("PUT", url, content, json, data, files, options)

    def patch(
        self,
        url: str,
        content: BodyTypes | None = None,
        json: Any = None,
        data: DataTypes | None = None,
        files: FileTypes | None = None,
        **options: Unpack[PostOptions],
    ) -> Any:
        """Send a PATCH request."""
        return self._post("PATCH", url, content, json, data, files, options)

    def query(
        self,
        url: str,
        content: BodyTypes | None = None,
        json: Any = None,
        data: DataTypes | None = None,
        files: FileTypes | None = None,
        **options: Unpack[PostOptions],
    ) -> Any:
        """Send a QUERY request: safe and repeatable as GET, with a body."""
        return self._post("QUERY", url, content, json, data, files, options)

    def send(self, request: Request, **options: Unpack[PostOptions]) -> Any:
        """Send a request that was built before; this client's defaults are merged into a copy of it."""
        return self._running().send(request, options)

    def stream(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Any:
        """A context manager that gives the response after its head and closes it at the end."""
        if _in_loop():
            from fasthttp._async.verbs import AsyncStream

            return AsyncStream(self._core.async_engine(), method, url, options)
        from fasthttp._sync.verbs import SyncStream

        return SyncStream(self._core.sync_engine(), method, url, options)

    def download(
        self,
        url: str,
        path: str | PathLike[str],
        *,
        resume: bool = True,
        progress: Callable[[int, int | None], Any] | None = None,
        checksum: str | None = None,
        overwrite: bool = True,
        chunk_size: int = 1 << 20,
        **options: Unpack[PostOptions],
    ) -> Any:
        """Download to a file, which is in its place only when it is complete and checked.

        Until then the bytes are in `<path>.part`, with notes in `<path>.part.json`, and stay there after a failure. A
        connection that breaks inside the body is taken up again within the attempts of the retry policy.

        Args:
            url: as for `request`.
            path: of the file; for a directory the name is the server's or the URL's, made safe.
            resume: go on with the bytes of an earlier download, where the server can tell that they are still good;
                False asks for the whole, always.
            progress: called with the bytes here and the bytes in all (None if not known), sync or async, each 64 KiB
                at most, and at the end.
            checksum: `algorithm:hex` that the file must have, any algorithm of hashlib.
            overwrite: False refuses to replace a file.
            chunk_size: bytes to gather before they are written.
            options: as for `request`, without a body.

        Returns:
            A `DownloadResult`, or in a running event loop an awaitable of it.

        Raises:
            FileExistsError: the target is there with `overwrite=False`, or is not a regular file.
            HTTPStatusError: the status is 400 or above; nothing on disk has changed.
            RemoteProtocolError: the server sent another part than the one asked for.
            ResponseError: the checksum is another one; the bytes are deleted.
            RuntimeError: another download to this path is running in this process.
            ValueError: the checksum cannot be one, or a header is one that a download sets itself.
        """
        settings: dict[str, Any] = {"resume": resume, "progress": progress, "checksum": checksum}
        settings |= {"overwrite": overwrite, "chunk_size": chunk_size}
        if _in_loop():
            from fasthttp._async.download import download as download_async

            return download_async(self._core.async_engine(), url, path, options, **settings)
        from fasthttp._sync.download import download as download_sync

        return download_sync(self._core.sync_engine(), url, path, options, **settings)

    def websocket(self, url: str, **options: Any) -> Any:
        """Later: open a WebSocket."""
        not_yet("client.websocket()")

    def sse(
        self,
        url: str,
        *,
        method: str = "GET",
        reconnect: bool = False,
        max_retries: int = 0,
        backoff: float = 1.0,
        last_event_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> Any:
        """Follow server-sent events: a context manager that connects, and an iterator of `SSEEvent`.

        It has `response` (the present one), `last_event_id` (of the last event given out) and `close()` or `aclose()`.
        There is no total time limit: `timeout` bounds connecting and the silence between bytes. Status 204 ends the
        stream.

        Args:
            url: as for `request`.
            method: of the request.
            reconnect: go on after the connection broke or the stream ended, from the last event on.
            max_retries: tries in a row that may bring no event, -1 for any number; then the last error is raised.
            backoff: seconds before the first try, doubled before each further one up to 30 times as long, and up to a
                tenth shorter by chance. A `retry` of the server's is the first wait in its place, and the least later on.
            last_event_id: of an earlier stream, to go on behind it.
            options: as for `request`.

        Raises, as it connects or reads:
            HTTPStatusError: the status is 400 or above; final, but for 408 and 429.
            RemoteProtocolError: it is no event stream, or a line or an event is larger than 16 MiB; final.
            FastHTTPError: the connection failed, as for `request`, and is not tried again or was tried often enough.
            ValueError: a number is out of range, or a body with `reconnect=True` can be sent only once.
        """
        settings: dict[str, Any] = {"reconnect": reconnect, "max_retries": max_retries}
        settings |= {"backoff": backoff, "last_event_id": last_event_id}
        if _in_loop():
            from fasthttp._async.sse import AsyncEventStream

            return AsyncEventStream(self._core.async_engine(), method, url, options, **settings)
        from fasthttp._sync.sse import SyncEventStream

        return SyncEventStream(self._core.sync_engine(), method, url, options, **settings)

    def __repr__(self) -> str:
        base = "" if self.base_url is None else f" {mask_url(self.base_url)}"
        return f"<{type(self).__name__}{base}{' closed' if self._core.config.closed else ''}>"


class SyncClient(SyncVerbs, Client):
    """The blocking client: plain sockets, no event loop. Any number of threads may share one."""

    def _running(self) -> SyncEngine:
        self._engine = self._core.sync_engine()
        return self._engine

    def __enter__(self) -> Self:
        client: Self = self._enter(SyncClient)
        return client

    async def __aenter__(self) -> AsyncClient:
        raise TypeError("SyncClient is blocking: use 'with', or an AsyncClient with 'async with'")

    def aclose(self) -> Coroutine[Any, Any, None]:
        raise TypeError("SyncClient is blocking: use close()")


class AsyncClient(AsyncVerbs, Client):
    """The async client, bound to the event loop on which it is first used."""

    def _open(self) -> AsyncEngine:
        self._engine = self._core.async_engine()
        return self._engine

    def _running(self) -> AsyncEngine:
        return self._engine or self._open()

    async def __aenter__(self) -> Self:
        client: Self = self._enter(AsyncClient)
        client._open()
        return client

    def __enter__(self) -> SyncClient:
        raise TypeError("AsyncClient is async: use 'async with', or a SyncClient with 'with'")

    def close(self) -> None:
        raise TypeError("AsyncClient is async: use 'await client.aclose()'")


def _refuse_beside_transport(network: dict[str, Any], others: dict[str, tuple[Any, Any]]) -> None:
    """Raise `ValueError` for an option of the network that was given: not None, or of the `others` not the default."""
    given = [name for name, value in network.items() if value is not None]
    given += [name for name, (value, default) in others.items() if value != default]
    if given:
        raise ValueError(f"transport= and {given[0]}= exclude each other: give network options to the transport")


def _in_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    return asyncio._get_running_loop() is not None


def _find_netrc() -> NetrcTable | None:
    """The netrc file of the user, where there is one."""
    named = os.environ.get("NETRC")
    paths = [named] if named else ["~/.netrc", "~/_netrc"] if sys.platform == "win32" else ["~/.netrc"]
    if not any(os.path.exists(os.path.expanduser(path)) for path in paths):
        return None
    from fasthttp.auth import NetrcTable

    return NetrcTable.load_default()


def _close_sync(core: _Core) -> None:
    from fasthttp._sync.transport import close_transport

    close_transport(core.shut())


def _close_async(core: _Core) -> Coroutine[Any, Any, None]:
    from fasthttp._async.transport import close_transport

    return close_transport(core.shut())
