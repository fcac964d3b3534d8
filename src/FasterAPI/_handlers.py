"""Handlers of exceptions: what they may return, and that what they return is an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette._utils import is_async_callable
from starlette.requests import Request
from starlette.responses import Response

from FasterAPI.concurrency import run_in_threadpool

__all__ = ["answering"]


def answering(handler: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """A handler whose result is a response: its own, or made of the native (status, body, fields).

    Raises, when it is called:
        TypeError: it has returned something else. A handler for a WebSocket need not return anything.
    """

    async def handle(connection: Any, exc: Exception) -> Any:
        result = await (handler(connection, exc) if is_async_callable(handler) else run_in_threadpool(handler, connection, exc))
        if callable(result) or (result is None and not isinstance(connection, Request)):
            return result
        if isinstance(result, tuple) and len(result) == 3:
            status, body, fields = result
            response = Response(body, status)
            for name, value in fields:
                response.headers.append(name, value)
            return response
        name = getattr(handler, "__qualname__", repr(handler))
        raise TypeError(f"exception handler {name} returned {type(result).__name__}; it must return a response, or (status, body, fields)")

    return handle
