"""`BaseHTTPMiddleware`: a function of a request and of what comes next. Starlette's, but for how the next is run.

The application runs in one task, which starts at once where Python can do that, and hands its messages over as they come:
an answer that is complete costs neither task group nor streams.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

from starlette.middleware.base import BaseHTTPMiddleware as StarletteBaseHTTPMiddleware
from starlette.middleware.base import _CachedRequest, _StreamingResponse
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from FasterAPI._outcome import ENDS

__all__ = ["BaseHTTPMiddleware"]

_EAGER: dict[str, Any] = {"eager_start": True} if sys.version_info >= (3, 12) else {}
_GONE: Message = {"type": "http.disconnect"}


def _start(coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task that has taken its first step, on Pythons that can."""
    return asyncio.Task(coroutine, loop=asyncio.get_running_loop(), **_EAGER)


class BaseHTTPMiddleware(StarletteBaseHTTPMiddleware):
    """Middleware whose `dispatch(request, call_next)` answers a request, usually with what `call_next(request)` gives.

    A subclass whose `dispatch` takes (scope, receive, send) is called with these, and passes a request on by
    `await super().dispatch(scope, receive, send)`.

    Args:
        app: what comes next.
        dispatch: a function in place of the method.

    Raises:
        TypeError: for a `dispatch` with another number of parameters.
    """

    def __init__(self, app: ASGIApp, dispatch: Callable[..., Awaitable[Any]] | None = None) -> None:
        self.app = app
        self.dispatch_func: Any = self.dispatch if dispatch is None else dispatch
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = inspect.signature(self.dispatch_func).parameters.values()
        count = sum(parameter.kind in kinds and parameter.default is parameter.empty for parameter in parameters)
        variable = any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters)
        if count not in (2, 3) and not variable:
            raise TypeError(f"dispatch takes (request, call_next) or (scope, receive, send); this one has {count} parameters")
        self._is_native = count == 3
        # Whether what comes next is all ours: then it can be known that nothing comes after an answer.
        self._is_last = not self._is_native and (isinstance(app, ExceptionMiddleware) or getattr(app, "_is_last", False))

    async def dispatch(self, *arguments: Any) -> Any:
        if len(arguments) != 3:
            raise NotImplementedError(f"{type(self).__name__} has no dispatch")
        await self.app(*arguments)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif self._is_native:
            await self.dispatch_func(scope, receive, send)
        elif asyncio._get_running_loop() is None:  # another kind of loop, on which Starlette's way runs
            await super().__call__(scope, receive, send)
        else:
            passage = _Passage(self.app, scope, receive, send)
            passage.is_last = self._is_last
            await passage.run(self.dispatch_func)


class _Passage:
    """One request on its way through, and its answer on the way back."""

    is_last = False

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        self._app = app
        self._scope = scope
        self._send = send
        self._request = _CachedRequest(scope, receive, send)
        self._messages: deque[Message] = deque()
        self._waiting: asyncio.Future[None] | None = None  # for a message
        self._full: asyncio.Future[None] | None = None  # until the messages are taken
        self._sent: asyncio.Future[None] | None = None  # until the answer is on its way
        self._is_sent = False
        self._task: asyncio.Task[None] | None = None
        self._error: Exception | None = None
        self._told = False  # whether that error was raised where somebody waited for it

    async def run(self, dispatch: Callable[..., Awaitable[Response]]) -> None:
        try:
            response = await dispatch(self._request, self._call_next)
            if response.background is not None:
                self._scope.pop(ENDS, None)
            await response(self._scope, self._request.wrapped_receive, self._send)
        except BaseException:
            await self._stop()
            raise
        self._is_sent = True
        _wake(self._sent)
        _wake(self._full)
        if self._task is not None:
            try:
                await self._task
            except asyncio.CancelledError:
                await self._stop()
                raise
            if self._error is not None and not self._told:
                raise self._error

    async def _stop(self) -> None:
        # Let go of it: its frames hold the generators of a stream, which close when nobody does.
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait((task,))

    async def _call_next(self, request: Request) -> Response:
        if self._task is not None:
            raise RuntimeError("call_next was called already: a request goes through once")
        self._task = _start(self._run_app())
        info = None
        while True:
            message = await self._next()
            if message is None:
                self._told = True
                if self._error is not None:
                    raise self._error
                raise RuntimeError("No response returned.")
            if message["type"] == "http.response.debug":
                info = message["info"]
            elif message["type"] == "http.response.early_hint":
                await self._send(message)
            else:
                break
        assert message["type"] == "http.response.start"
        response = _StreamingResponse(status_code=message["status"], content=self._body(), info=info)
        response.raw_headers = message.get("headers", [])
        return response

    async def _body(self) -> AsyncIterator[Any]:
        while (message := await self._next()) is not None:
            if message["type"] == "http.response.pathsend":
                yield message
                return
            assert message["type"] == "http.response.body", f"Unexpected message: {message}"
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body", False):
                return

    async def _next(self) -> Message | None:
        """The next message of the application; None where it has ended without another."""
        while not self._messages:
            assert self._task is not None
            if self._task.done():
                return None
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        message = self._messages.popleft()
        _wake(self._full)
        return message

    # --- the application's side

    async def _run_app(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._take)
        except Exception as exc:
            self._error = exc
        finally:
            if self._waiting is not None:  # after this task is done, which the one that waits looks at
                asyncio.get_running_loop().call_soon(_wake, self._waiting)

    async def _receive(self) -> Message:
        if self._is_sent:
            return _GONE
        asking = _start(self._request.wrapped_receive())
        if not asking.done():
            if self._sent is None:
                self._sent = asyncio.get_running_loop().create_future()
            try:
                await asyncio.wait((asking, self._sent), return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not asking.done():
                    asking.cancel()
        message: Message = _GONE if self._is_sent else await asking
        return message

    async def _take(self, message: Message) -> None:
        if self._is_sent:
            return
        self._messages.append(message)
        _wake(self._waiting)
        kind = message["type"]
        if self.is_last and ENDS in self._scope:
            return
        loop = asyncio.get_running_loop()
        if kind == "http.response.pathsend" or (kind == "http.response.body" and not message.get("more_body", False)):
            # What comes after an answer, background tasks for instance, comes after it was sent.
            if self._sent is None or self._sent.done():
                self._sent = loop.create_future()
            await self._sent
        elif kind == "http.response.body":
            while self._messages and not self._is_sent:
                self._full = loop.create_future()
                await self._full


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
