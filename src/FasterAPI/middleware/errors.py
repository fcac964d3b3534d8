"""`ServerErrorMiddleware`: the outermost layer, which answers what nobody has handled."""

from __future__ import annotations

from typing import Any

from starlette._utils import is_async_callable
from starlette.concurrency import run_in_threadpool
from starlette.middleware.errors import ServerErrorMiddleware as StarletteServerErrorMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from FasterAPI.middleware._fields import through

__all__ = ["ServerErrorMiddleware"]


class ServerErrorMiddleware(StarletteServerErrorMiddleware):
    """Answers an exception with 500, by the handler if there is one, and raises it again for the server to log.

    The answer has the fields that `CORSMiddleware` would have given it: a page is to know what has happened to its request.

    Args:
        app: what comes next.
        handler: a function of (request, exception) that returns a response.
        debug: show the traceback instead.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as exc:
            response = await self._respond(Request(scope), exc)
            if not started:
                await response(scope, receive, through(scope, send))
            raise

    async def _respond(self, request: Request, exc: Exception) -> ASGIApp:
        handler: Any = self.handler
        if self.debug:
            return await run_in_threadpool(self.debug_response, request, exc)
        if handler is None:
            return self.error_response(request, exc)
        response: ASGIApp = await (handler(request, exc) if is_async_callable(handler) else run_in_threadpool(handler, request, exc))
        return response
