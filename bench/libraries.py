"""One adapter per library and colour, all with the same few calls, so that every benchmark asks each library the same.

An adapter is made with `Settings`, opened, called, closed. Bodies come back as `bytes`, answers parsed with the library's
own JSON. Nothing here imports a rival before its adapter is opened.
"""

from __future__ import annotations

import abc
import http.client
import importlib
import importlib.metadata
import importlib.util
import json
import platform
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__all__ = ["LIBRARIES", "AsyncAdapter", "BlockingAdapter", "Library", "Settings", "find_module", "missing", "version"]

Feed = Callable[[bytes], object]
Fields = Mapping[str, str]


@dataclass(frozen=True)
class Settings:
    """What every library is told alike: connections per pool, seconds per request, CA file (or False to check nothing)."""

    connections: int = 1
    timeout: float = 10.0
    verify: bool | str = True

    def context(self) -> ssl.SSLContext:
        """The TLS settings for libraries that take a context."""
        context = ssl.create_default_context(cafile=self.verify if isinstance(self.verify, str) else None)
        if self.verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def pem(self) -> str | None:
        """The CA file's text, for libraries that take that."""
        return Path(self.verify).read_text("ascii") if isinstance(self.verify, str) else None


class AsyncAdapter(abc.ABC):
    """The calls of an async library."""

    client: Any

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abc.abstractmethod
    async def open(self) -> None:
        """Import the library and make its client."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Close the client."""

    @abc.abstractmethod
    async def json(self, url: str) -> tuple[int, Any]:
        """GET, parsed."""

    @abc.abstractmethod
    async def body(self, url: str) -> tuple[int, bytes]:
        """GET, buffered."""

    @abc.abstractmethod
    async def stream(self, url: str, feed: Feed) -> int:
        """GET, each piece handed to `feed` as it comes."""

    @abc.abstractmethod
    async def post(self, url: str, value: Any) -> tuple[int, bytes]:
        """POST of a value as JSON."""

    @abc.abstractmethod
    async def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        """Any request."""


class BlockingAdapter(abc.ABC):
    """The calls of a blocking library; any number of threads may make them."""

    client: Any

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @abc.abstractmethod
    def open(self) -> None:
        """Import the library and make its client."""

    @abc.abstractmethod
    def close(self) -> None:
        """Close the client."""

    @abc.abstractmethod
    def json(self, url: str) -> tuple[int, Any]:
        """GET, parsed."""

    @abc.abstractmethod
    def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        """Any request."""


def _given(headers: Fields, body: bytes | None, name: str) -> dict[str, Any]:
    """The keywords of a call: only what there is, so that no library takes a longer way than its users' plain calls do."""
    options: dict[str, Any] = {}
    if headers:
        options["headers"] = headers
    if body is not None:
        options[name] = body
    return options


# --- fasthttp


def _fasthttp(settings: Settings) -> Any:
    fasthttp = importlib.import_module("fasthttp")
    limits = fasthttp.Limits(max_connections=settings.connections, max_per_host=settings.connections)
    return fasthttp.Client(limits=limits, timeout=settings.timeout, verify=settings.verify)


class FastHTTPAsync(AsyncAdapter):
    """fasthttp, async."""

    async def open(self) -> None:
        self.client = await _fasthttp(self.settings).__aenter__()

    async def close(self) -> None:
        await self.client.__aexit__(None, None, None)

    async def json(self, url: str) -> tuple[int, Any]:
        response = await self.client.get(url)
        return response.status_code, response.json()

    async def body(self, url: str) -> tuple[int, bytes]:
        response = await self.client.get(url)
        return response.status_code, response.content

    async def stream(self, url: str, feed: Feed) -> int:
        async with self.client.stream("GET", url) as response:
            async for piece in response.aiter_bytes():
                feed(piece)
            return int(response.status_code)

    async def post(self, url: str, value: Any) -> tuple[int, bytes]:
        response = await self.client.post(url, json=value)
        return response.status_code, response.content

    async def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        response = await self.client.request(method, url, **_given(headers, body, "content"))
        return response.status_code, response.content


class FastHTTPBlocking(BlockingAdapter):
    """fasthttp, blocking."""

    def open(self) -> None:
        self.client = _fasthttp(self.settings).__enter__()

    def close(self) -> None:
        self.client.__exit__(None, None, None)

    def json(self, url: str) -> tuple[int, Any]:
        response = self.client.get(url)
        return response.status_code, response.json()

    def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        response = self.client.request(method, url, **_given(headers, body, "content"))
        return response.status_code, response.content


# --- aiohttp


class Aiohttp(AsyncAdapter):
    """aiohttp."""

    async def open(self) -> None:
        aiohttp = importlib.import_module("aiohttp")
        bound = self.settings.connections
        connector = aiohttp.TCPConnector(limit=bound, limit_per_host=bound, ssl=self.settings.context())
        timeout = aiohttp.ClientTimeout(total=self.settings.timeout)
        self.client = aiohttp.ClientSession(connector=connector, timeout=timeout)

    async def close(self) -> None:
        await self.client.close()

    async def json(self, url: str) -> tuple[int, Any]:
        async with self.client.get(url) as response:
            return response.status, await response.json()

    async def body(self, url: str) -> tuple[int, bytes]:
        async with self.client.get(url) as response:
            return response.status, await response.read()

    async def stream(self, url: str, feed: Feed) -> int:
        async with self.client.get(url) as response:
            async for piece in response.content.iter_any():
                feed(piece)
            return int(response.status)

    async def post(self, url: str, value: Any) -> tuple[int, bytes]:
        async with self.client.post(url, json=value) as response:
            return response.status, await response.read()

    async def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        async with self.client.request(method, url, **_given(headers, body, "data")) as response:
            return response.status, await response.read()


# --- httpx and httpx2


def _httpx_options(module: Any, settings: Settings) -> dict[str, Any]:
    bound = settings.connections
    limits = module.Limits(max_connections=bound, max_keepalive_connections=bound)
    return {"limits": limits, "timeout": settings.timeout, "verify": settings.context()}


class HttpxAsync(AsyncAdapter):
    """httpx, async."""

    module = "httpx"

    async def open(self) -> None:
        module = importlib.import_module(self.module)
        self.client = await module.AsyncClient(**_httpx_options(module, self.settings)).__aenter__()

    async def close(self) -> None:
        await self.client.aclose()

    async def json(self, url: str) -> tuple[int, Any]:
        response = await self.client.get(url)
        return response.status_code, response.json()

    async def body(self, url: str) -> tuple[int, bytes]:
        response = await self.client.get(url)
        return response.status_code, response.content

    async def stream(self, url: str, feed: Feed) -> int:
        async with self.client.stream("GET", url) as response:
            async for piece in response.aiter_bytes():
                feed(piece)
            return int(response.status_code)

    async def post(self, url: str, value: Any) -> tuple[int, bytes]:
        response = await self.client.post(url, json=value)
        return response.status_code, response.content

    async def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        response = await self.client.request(method, url, **_given(headers, body, "content"))
        return response.status_code, response.content


class Httpx2Async(HttpxAsync):
    """httpx2, async: the same calls."""

    module = "httpx2"


class HttpxBlocking(BlockingAdapter):
    """httpx, blocking."""

    module = "httpx"

    def open(self) -> None:
        module = importlib.import_module(self.module)
        self.client = module.Client(**_httpx_options(module, self.settings))

    def close(self) -> None:
        self.client.close()

    def json(self, url: str) -> tuple[int, Any]:
        response = self.client.get(url)
        return response.status_code, response.json()

    def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        response = self.client.request(method, url, **_given(headers, body, "content"))
        return response.status_code, response.content


class Httpx2Blocking(HttpxBlocking):
    """httpx2, blocking: the same calls."""

    module = "httpx2"


# --- pyreqwest


def _pyreqwest(builder: Any, settings: Settings) -> Any:
    bound = settings.connections
    builder = builder.max_connections(bound).pool_max_idle_per_host(bound).timeout(timedelta(seconds=settings.timeout)).http1_only()
    pem = settings.pem()
    if pem is not None:
        builder = builder.add_root_certificate_pem(pem.encode())
    return builder.danger_accept_invalid_certs(settings.verify is False).build()


class PyreqwestAsync(AsyncAdapter):
    """pyreqwest, async."""

    async def open(self) -> None:
        self.client = _pyreqwest(importlib.import_module("pyreqwest.client").ClientBuilder(), self.settings)

    async def close(self) -> None:
        await self.client.close()

    async def json(self, url: str) -> tuple[int, Any]:
        response = await self.client.get(url).build().send()
        return response.status, await response.json()

    async def body(self, url: str) -> tuple[int, bytes]:
        response = await self.client.get(url).build().send()
        return response.status, (await response.bytes()).to_bytes()

    async def stream(self, url: str, feed: Feed) -> int:
        async with self.client.get(url).build_streamed() as response:
            read = response.body_reader.read_chunk
            while (piece := await read()) is not None:
                feed(piece.to_bytes())
            return int(response.status)

    async def post(self, url: str, value: Any) -> tuple[int, bytes]:
        response = await self.client.post(url).body_json(value).build().send()
        return response.status, (await response.bytes()).to_bytes()

    async def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        request = self.client.request(method, url)
        if headers:
            request = request.headers(headers)
        response = await (request if body is None else request.body_bytes(body)).build().send()
        return response.status, (await response.bytes()).to_bytes()


class PyreqwestBlocking(BlockingAdapter):
    """pyreqwest, blocking."""

    def open(self) -> None:
        self.client = _pyreqwest(importlib.import_module("pyreqwest.client").SyncClientBuilder(), self.settings)

    def close(self) -> None:
        self.client.close()

    def json(self, url: str) -> tuple[int, Any]:
        response = self.client.get(url).build().send()
        return response.status, response.json()

    def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        request = self.client.request(method, url)
        if headers:
            request = request.headers(headers)
        response = (request if body is None else request.body_bytes(body)).build().send()
        return response.status, response.bytes().to_bytes()


# --- wreq


def _wreq_options(settings: Settings) -> dict[str, Any]:
    bound = settings.connections
    verify = Path(settings.verify) if isinstance(settings.verify, str) else settings.verify
    pool = {"pool_max_size": bound, "pool_max_idle_per_host": bound}
    return {**pool, "timeout": timedelta(seconds=settings.timeout), "http1_only": True, "tls_verify": verify}


class WreqAsync(AsyncAdapter):
    """wreq, async."""

    async def open(self) -> None:
        wreq = importlib.import_module("wreq")
        self.methods = wreq.Method
        self.client = wreq.Client(**_wreq_options(self.settings))

    async def close(self) -> None:
        self.client.close()

    async def json(self, url: str) -> tuple[int, Any]:
        response = await self.client.get(url)
        return response.status.as_int(), await response.json()

    async def body(self, url: str) -> tuple[int, bytes]:
        response = await self.client.get(url)
        return response.status.as_int(), bytes(await response.bytes())

    async def stream(self, url: str, feed: Feed) -> int:
        async with await self.client.get(url) as response:
            async with response.stream() as pieces:
                async for piece in pieces:
                    feed(bytes(piece))
            return int(response.status.as_int())

    async def post(self, url: str, value: Any) -> tuple[int, bytes]:
        response = await self.client.post(url, json=value)
        return response.status.as_int(), bytes(await response.bytes())

    async def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        response = await self.client.request(getattr(self.methods, method), url, **_given(headers, body, "body"))
        return response.status.as_int(), bytes(await response.bytes())


class WreqBlocking(BlockingAdapter):
    """wreq, blocking."""

    def open(self) -> None:
        self.methods = importlib.import_module("wreq").Method
        self.client = importlib.import_module("wreq.blocking").Client(**_wreq_options(self.settings))

    def close(self) -> None:
        self.client.close()

    def json(self, url: str) -> tuple[int, Any]:
        response = self.client.get(url)
        return response.status.as_int(), response.json()

    def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        response = self.client.request(getattr(self.methods, method), url, **_given(headers, body, "body"))
        return response.status.as_int(), bytes(response.bytes())


# --- niquests and requests


class NiquestsAsync(AsyncAdapter):
    """niquests, async."""

    async def open(self) -> None:
        niquests = importlib.import_module("niquests")
        self.client = niquests.AsyncSession(pool_connections=4, pool_maxsize=self.settings.connections, timeout=self.settings.timeout)
        self.client.verify = self.settings.verify

    async def close(self) -> None:
        await self.client.close()

    async def json(self, url: str) -> tuple[int, Any]:
        response = await self.client.get(url)
        return response.status_code, response.json()

    async def body(self, url: str) -> tuple[int, bytes]:
        response = await self.client.get(url)
        return response.status_code, response.content

    async def stream(self, url: str, feed: Feed) -> int:
        response = await self.client.get(url, stream=True)
        async for piece in await response.iter_content(65536):
            feed(piece)
        return int(response.status_code)

    async def post(self, url: str, value: Any) -> tuple[int, bytes]:
        response = await self.client.post(url, json=value)
        return response.status_code, response.content

    async def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        response = await self.client.request(method, url, **_given(headers, body, "data"))
        return response.status_code, response.content


class RequestsBlocking(BlockingAdapter):
    """requests."""

    module = "requests"

    def open(self) -> None:
        module = importlib.import_module(self.module)
        adapters = importlib.import_module(f"{self.module}.adapters")
        self.client = module.Session()
        self.client.verify = self.settings.verify
        for prefix in ("http://", "https://"):
            self.client.mount(prefix, adapters.HTTPAdapter(pool_connections=4, pool_maxsize=self.settings.connections))

    def close(self) -> None:
        self.client.close()

    def json(self, url: str) -> tuple[int, Any]:
        response = self.client.get(url, timeout=self.settings.timeout)
        return response.status_code, response.json()

    def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        response = self.client.request(method, url, timeout=self.settings.timeout, **_given(headers, body, "data"))
        return response.status_code, response.content


class NiquestsBlocking(RequestsBlocking):
    """niquests, blocking: the same calls as requests."""

    module = "niquests"


# --- urllib3 and http.client


class Urllib3(BlockingAdapter):
    """urllib3."""

    def open(self) -> None:
        urllib3 = importlib.import_module("urllib3")
        self.client = urllib3.PoolManager(
            num_pools=4,
            maxsize=self.settings.connections,
            block=True,
            timeout=self.settings.timeout,
            ssl_context=self.settings.context(),
        )

    def close(self) -> None:
        self.client.clear()

    def json(self, url: str) -> tuple[int, Any]:
        response = self.client.request("GET", url)
        return response.status, response.json()

    def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        response = self.client.request(method, url, **_given(headers, body, "body"))
        return response.status, response.data


class HttpClient(BlockingAdapter):
    """The standard library; it has no pool, so each thread has a connection."""

    def open(self) -> None:
        self.own = threading.local()
        self.connections = ExitStack()
        self.context = self.settings.context()
        self.targets: dict[str, tuple[bool, str, int | None, str]] = {}

    def close(self) -> None:
        self.connections.close()

    def json(self, url: str) -> tuple[int, Any]:
        status, body = self.send("GET", url, {}, None)
        return status, json.loads(body)

    def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        target = self.targets.get(url) or self._split(url)
        connection = getattr(self.own, "connection", None) or self._connect(target)
        try:
            connection.request(method, target[3], body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise

    def _split(self, url: str) -> tuple[bool, str, int | None, str]:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self.targets[url] = parts.scheme == "https", parts.hostname or "", parts.port, path
        return self.targets[url]

    def _connect(self, target: tuple[bool, str, int | None, str]) -> Any:
        tls, host, port, _ = target
        timeout = self.settings.timeout
        if tls:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=timeout, context=self.context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
        self.own.connection = connection
        self.connections.callback(connection.close)
        return connection


# --- the table of them


@dataclass(frozen=True)
class Library:
    """A library by name: the module that has to be importable, its distribution, and its adapters as `module:class`."""

    name: str
    module: str
    distribution: str | None
    asynchronous: str | None = None
    blocking: str | None = None

    def has(self, colour: str) -> bool:
        """Whether the library has a client of that colour."""
        return (self.asynchronous if colour == "async" else self.blocking) is not None

    def adapter(self, colour: str) -> Any:
        """The adapter class of a colour, `async` or `blocking`."""
        place = self.asynchronous if colour == "async" else self.blocking
        if place is None:
            raise LookupError(f"{self.name} has no {colour} client")
        module, _, name = place.partition(":")
        return getattr(importlib.import_module(f"bench.{module}"), name)


def _library(name: str, asynchronous: str | None, blocking: str | None, *, module: str | None = None) -> Library:
    places = [None if place is None else f"libraries:{place}" for place in (asynchronous, blocking)]
    standard = module is not None and module.startswith("http.")
    return Library(name, module or name, None if standard else name, *places)


_ALL = (
    _library("fasthttp", "FastHTTPAsync", "FastHTTPBlocking"),
    _library("aiohttp", "Aiohttp", None),
    _library("httpx", "HttpxAsync", "HttpxBlocking"),
    _library("httpx2", "Httpx2Async", "Httpx2Blocking"),
    _library("pyreqwest", "PyreqwestAsync", "PyreqwestBlocking"),
    _library("wreq", "WreqAsync", "WreqBlocking"),
    _library("niquests", "NiquestsAsync", "NiquestsBlocking"),
    _library("requests", None, "RequestsBlocking"),
    _library("urllib3", None, "Urllib3"),
    _library("http.client", None, "HttpClient", module="http.client"),
    Library("floor", "asyncio", None, "floor:FloorAsync", "floor:FloorBlocking"),
)
LIBRARIES = {library.name: library for library in _ALL}


def find_module(name: str) -> Any:
    """The spec of a top-level module that can be imported, None without it. Imports nothing of it."""
    return importlib.util.find_spec(name.partition(".")[0])


def missing(name: str) -> str | None:
    """Why a library cannot be used, None if it can. Imports nothing of it."""
    library = LIBRARIES.get(name)
    if library is None:
        return "unknown; there are " + ", ".join(LIBRARIES)
    if find_module(library.module) is None:
        return "not installed"
    return None


def version(name: str) -> str:
    """The version of an installed library; says so where urllib3-future stands in the place of the urllib3 it uses."""
    library = LIBRARIES[name]
    if library.distribution is None:
        return platform.python_version()
    try:
        found = importlib.metadata.version(library.distribution)
    except importlib.metadata.PackageNotFoundError:
        found = str(getattr(importlib.import_module(library.module), "__version__", "unknown"))
    if name in ("requests", "urllib3"):
        actual, wanted = str(getattr(importlib.import_module("urllib3"), "__version__", "")), importlib.metadata.version("urllib3")
        if actual != wanted:
            return f"{found} (with urllib3-future {actual} in the place of urllib3 {wanted})"
    return found
