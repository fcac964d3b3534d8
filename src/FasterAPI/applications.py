"""`Faster`: an ASGI application of path operations. Finding a route and calling it are other modules' work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import msgspec
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response as StarletteResponse

from FasterAPI.exceptions import RequestValidationError
from FasterAPI.routing import APIRoute, Router
from httpwire.status import reason_phrase

__all__ = ["Faster"]

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_log = logging.getLogger("FasterAPI")
_JSON = (b"content-type", b"application/json")
_encode = msgspec.json.Encoder().encode


class Faster:
    """An ASGI application.

    Args:
        title, version: what it calls itself.
        lifespan: an async context manager around the application's life, given the application.
    """

    def __init__(
        self,
        *,
        title: str = "FasterAPI",
        version: str | None = None,
        lifespan: Callable[[Any], AbstractAsyncContextManager[Any]] | None = None,
    ) -> None:
        from FasterAPI import __version__

        self.title = title
        self.version = __version__ if version is None else version
        self.lifespan = lifespan
        self.router = Router()

    @property
    def routes(self) -> list[APIRoute]:
        """The operations in the order of registration."""
        return self.router.routes

    def get(self, path: str, *, status_code: int = 200) -> Callable[[Endpoint], Endpoint]:
        """Register the operation for GET on `path`."""
        return self._register("GET", path, status_code)

    def post(self, path: str, *, status_code: int = 200) -> Callable[[Endpoint], Endpoint]:
        """Register the operation for POST on `path`."""
        return self._register("POST", path, status_code)

    def _register(self, method: str, path: str, status_code: int) -> Callable[[Endpoint], Endpoint]:
        def register(endpoint: Endpoint) -> Endpoint:
            self.router.add(APIRoute(path, endpoint, method=method, status_code=status_code))
            return endpoint

        return register

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            raise RuntimeError(f"scope type {scope['type']!r} is not supported")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        route, params, allowed = self.router.resolve(scope["method"], scope["path"])
        if route is None:
            status = 405 if allowed else 404
            extra = [(b"allow", ", ".join(allowed).encode())] if allowed else []
            await _send_json(send, status, {"detail": reason_phrase(status)}, extra)
            return
        try:
            plan = route.plan
            body = await _read_body(receive) if plan.body is not None else b""
            arguments = plan.arguments(params, scope["query_string"], body)
            if plan.is_async:
                result = await plan.endpoint(**arguments)
            else:
                result = await asyncio.to_thread(plan.endpoint, **arguments)
            content = None if isinstance(result, StarletteResponse) else _encode(result)
        except RequestValidationError as exc:
            await _send_json(send, 422, {"detail": exc.errors})
        except StarletteHTTPException as exc:
            headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (exc.headers or {}).items()]
            await _send_json(send, exc.status_code, {"detail": exc.detail}, headers)
        except ClientDisconnect:
            _log.debug("client disconnected before the end of its request")
        except Exception:
            # The server is told as well: it logs, and knows whether the connection can go on.
            await _send(send, 500, b"Internal Server Error", [(b"content-type", b"text/plain; charset=utf-8")])
            raise
        else:
            if content is None:  # beyond the handlers above: what fails from here on may have begun to answer
                await result(scope, receive, send)
            else:
                await _send(send, route.status_code, content, [_JSON])

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        stage = "startup"
        try:
            async with self.lifespan(self) if self.lifespan is not None else contextlib.nullcontext():
                await send({"type": "lifespan.startup.complete"})
                stage = "running"
                await receive()
                stage = "shutdown"
        except BaseException:
            await send({"type": f"lifespan.{'startup' if stage == 'startup' else 'shutdown'}.failed", "message": traceback.format_exc()})
            raise
        await send({"type": "lifespan.shutdown.complete"})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} routes={len(self.routes)}>"


async def _read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _send_json(send: Send, status: int, value: Any, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    await _send(send, status, _encode(value), [_JSON, *(headers or ())])


async def _send(send: Send, status: int, content: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", b"%d" % len(content))]})
    await send({"type": "http.response.body", "body": content})
