"""What a router puts around its routes: middleware, and handlers of exceptions that come before those further out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette._exception_handler import wrap_app_handling_exceptions
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from FasterAPI._handlers import answering

__all__ = ["Layer", "put_around"]

_HANDLERS = "starlette.exception_handlers"  # in the scope: those that the nearest `wrap_app_handling_exceptions` asks
_LEVELS = "FasterAPI.exception_handlers"  # all of them, the nearest first
_TARGETS = "FasterAPI.layers"  # by layer, what is inside of it for this request


class Layer:
    """Middleware, outermost first, and handlers inside of it. One stack serves all routes of a router."""

    def __init__(self, middleware: Sequence[Middleware], exception_handlers: Mapping[Any, Callable[..., Any]]) -> None:
        by_status = {key: answering(handler) for key, handler in exception_handlers.items() if isinstance(key, int)}
        by_class = {key: answering(handler) for key, handler in exception_handlers.items() if not isinstance(key, int)}
        self._own = (by_class, by_status)
        stack: ASGIApp = self._innermost
        for cls, args, kwargs in reversed(middleware):
            stack = cls(stack, *args, **kwargs)
        self._stack = stack

    def around(self, app: ASGIApp) -> ASGIApp:
        """An application inside this layer."""

        async def layered(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault(_TARGETS, {})[self] = app
            await self._stack(scope, receive, send)

        return layered

    async def _innermost(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: ASGIApp = scope[_TARGETS][self]
        if any(self._own):
            outer = scope.get(_LEVELS) or [scope.get(_HANDLERS, ({}, {}))]
            connection = Request(scope, receive, send) if scope["type"] == "http" else WebSocket(scope, receive, send)
            for level in outer:  # whoever is asked first must be innermost
                scope[_HANDLERS] = level
                app = wrap_app_handling_exceptions(app, connection)
            scope[_HANDLERS] = self._own
            scope[_LEVELS] = [self._own, *outer]
        await app(scope, receive, send)


def put_around(route: Any, layers: Sequence[Layer]) -> Any:
    """Put layers, outermost first, around a route and those that it has already."""
    for layer in reversed(layers):
        route.app = layer.around(route.app)
    route.layers = (*layers, *getattr(route, "layers", ()))
    return route
