"""`ServerErrorMiddleware`: the outermost layer, which answers what nobody has handled."""

from __future__ import annotations

from typing import Any

from starlette._utils import is_async_callable
from starlette.concurrency import run_in_threadpool
from starlette.middleware.errors import ServerErrorMiddleware as StarletteServerErrorMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["THROUGH", "ServerErrorMiddleware"]

THROUGH = "FasterAPI.through"  # in the scope: an exception has passed who sends (message, send=...) for answers made further out


class ServerErrorMiddleware(StarletteServerErrorMiddleware):
    """Answers an exception with 500, by the handler if there is one, and raises it again for the server to log.

    Middleware that an exception has passed on its way here may have left its mark: it then sees the start of the answer too.

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
                if THROUGH in scope:
                    await scope[THROUGH](message, send=send)
                    return
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as exc:
            response = await self._respond(Request(scope), exc)
            if not started:
                await response(scope, receive, watched)
            raise

    async def _respond(self, request: Request, exc: Exception) -> ASGIApp:
        if self.debug:
            return await run_in_threadpool(self.debug_response, request, exc)
        if self.handler is None:
            return self.error_response(request, exc)
        made: Any = self.handler(request, exc) if is_async_callable(self.handler) else run_in_threadpool(self.handler, request, exc)
        return await made  # type: ignore[no-any-return]
