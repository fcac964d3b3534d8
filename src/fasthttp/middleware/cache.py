"""`CacheMiddleware`: answers kept for a while. One request for many who ask at once; nobody sees another's answer."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any

from fasthttp.middleware.base import BaseMiddleware, CallNext, RouteRequest
from fasthttp.models import http_target
from fasthttp.response import Response
from httpwire import jsonio
from httpwire.masking import is_secret

__all__ = ["CacheMiddleware"]

_LASTING = (301, 308)


class CacheMiddleware(BaseMiddleware):
    """Keeps answers.

    Kept are those with status 2xx, 301 and 308, unless either side says `no-store`, the answer is partial, or varies
    by more than `Accept-Encoding`. Requests with credentials have entries of their own.

    Args:
        ttl: seconds that an answer is kept.
        max_size: answers that are kept at most, `max_bytes` of bodies in all; those least recently used go first.
        cache_methods: requests that are looked up.

    Attributes: `hits`, `misses`.
    """

    __priority__ = 90

    def __init__(
        self, ttl: float = 3600, max_size: int = 100, cache_methods: Sequence[str] = ("GET",), *, max_bytes: int = 64 * 2**20
    ) -> None:
        self.ttl = ttl
        self.max_size = max_size
        self.max_bytes = max_bytes
        self.cache_methods = tuple(method.upper() for method in cache_methods)
        self.hits = self.misses = 0
        self._entries: OrderedDict[str, tuple[float, Response, Any]] = OrderedDict()
        self._size = 0
        self._under_way: dict[str, asyncio.Future[Response | None]] = {}
        self._clock: Callable[[], float] = monotonic

    async def handle(self, request: RouteRequest, call_next: CallNext) -> Response:
        if request.method.upper() not in self.cache_methods or "no-store" in _directives(_field(request, "cache-control")):
            return await call_next(request)
        key = _key(request)
        if key is None:
            return await call_next(request)
        kept = self._find(key)
        if kept is not None:
            self.hits += 1
            return _copy(kept)
        waiting = self._under_way.get(key)
        if waiting is not None and waiting.get_loop() is asyncio.get_running_loop():
            shared = await asyncio.shield(waiting)
            if shared is not None:
                self.hits += 1
                return _copy(shared)
            self.misses += 1
            return await call_next(request)
        self.misses += 1
        return await self._fetch(key, request, call_next)

    async def _fetch(self, key: str, request: RouteRequest, call_next: CallNext) -> Response:
        """Ask, and tell those who wait for the same; None where the answer is not for them."""
        future = self._under_way[key] = asyncio.get_running_loop().create_future()
        stored: Response | None = None
        try:
            response = await call_next(request)
            if _storable(response):
                stored = response
                self._store(key, response, request.config.get("auth"))
            return _copy(response, from_cache=False) if stored is not None else response
        finally:
            if self._under_way.get(key) is future:  # not that of another loop
                del self._under_way[key]
            future.set_result(stored)

    def _find(self, key: str) -> Response | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[0] <= self._clock():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry[1]

    def _store(self, key: str, response: Response, auth: Any) -> None:
        self._drop(key)
        if len(response.content) > self.max_bytes:
            return
        # Kept with the credentials: what a key may know of them is only which object they are.
        self._entries[key] = (self._clock() + self.ttl, response, auth)
        self._size += len(response.content)
        while len(self._entries) > self.max_size or self._size > self.max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._size -= len(entry[1].content)

    def clear(self) -> None:
        """Forget all answers."""
        self._entries.clear()
        self._size = 0

    def get_stats(self) -> dict[str, Any]:
        """How many answers are kept, and by which rules."""
        return {"size": len(self._entries), "max_size": self.max_size, "ttl": self.ttl, "methods": list(self.cache_methods)}


def _field(request: RouteRequest, name: str) -> str:
    return next((str(value) for key, value in request.headers.items() if key.lower() == name and value is not None), "")


def _directives(text: str) -> set[str]:
    return {item.partition("=")[0].strip().lower() for item in text.split(",")}


def _key(request: RouteRequest) -> str | None:
    """Method and URL, and a digest of what is sent and of what says who asks; None where that cannot be told."""
    config = request.config
    context = http_target(request.route.url)[1]
    parts = [f"{name.lower()}: {value}" for name, value in request.headers.items() if value is not None and is_secret(name)]
    if request.jar is not None and request.jar._cookies:
        parts.append(f"jar {request.jar.get_cookie_header(request.url)}")
    auth = config.get("auth") or (None if context is None else context.credentials)
    if auth is not None:
        parts.append(f"{type(auth).__name__} {_identity(auth)}")
    json, data = config.get("json"), config.get("data")
    if json is not None:
        parts.append(f"json {jsonio.encode(json)!r}")
    if data is not None:
        if not isinstance(data, (str, bytes, Mapping)):
            return None
        parts.append(f"data {data!r}")
    if config.get("files") is not None:
        return None
    key = f"{request.method} {request.url}"
    return f"{key} {hashlib.sha256(repr(parts).encode()).hexdigest()}" if parts else key


def _identity(auth: Any) -> str:
    """What tells one authentication from another: equal credentials, or else the very object."""
    if isinstance(auth, tuple):
        return repr(auth)
    fixed = getattr(auth, "fixed_authorization", None)
    return fixed if fixed is not None else str(id(auth))


def _storable(response: Response) -> bool:
    status = response.status_code
    if not (200 <= status < 300 and status != 206) and status not in _LASTING:
        return False
    if not response.is_buffered or "no-store" in _directives(response.headers.get("cache-control", "")):
        return False
    return _directives(response.headers.get("vary", "")) <= {"", "accept-encoding"}


def _copy(response: Response, *, from_cache: bool = True) -> Response:
    """A response of the reader's own: what is done to it changes no entry."""
    new = response.__class__.__new__(response.__class__)
    new.__dict__.update(response.__dict__)
    new._headers = response.headers.copy()
    new._json = Response._json
    new.extensions = dict(response.extensions) if hasattr(response, "extensions") else {}
    new.from_cache = from_cache
    return new
