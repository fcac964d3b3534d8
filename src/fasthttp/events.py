"""Event hooks: functions that are told of requests, responses and errors. Calls none of them itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["EventHooks"]

Function = TypeVar("Function", bound=Callable[..., Any])


class EventHooks:
    """The hooks of an app, a router or a session, in the order of registration; each sync or async.

    `request(route, config)`, `response(response)`, `error(error, route)`, and handlers by class of exception.
    """

    def __init__(self) -> None:
        self.request: list[Callable[..., Any]] = []
        self.response: list[Callable[..., Any]] = []
        self.error: list[Callable[..., Any]] = []
        self.handlers: dict[type[BaseException], Callable[..., Any]] = {}

    def __bool__(self) -> bool:
        return bool(self.request or self.response or self.error or self.handlers)


class Hookable:
    """The decorators that fill `event_hooks`."""

    event_hooks: EventHooks

    def on_request(self, function: Function) -> Function:
        """Call `function(route, config)` before each request."""
        return _add(self.event_hooks.request, function)

    def on_response(self, function: Function) -> Function:
        """Call `function(response)` for each response."""
        return _add(self.event_hooks.response, function)

    def on_error(self, function: Function) -> Function:
        """Call `function(error, route)` for each failure."""
        return _add(self.event_hooks.error, function)

    def exception_handler(self, exception: type[BaseException]) -> Callable[[Function], Function]:
        """Let `function(route, exc)` turn failures of this class into values: what it returns is the route's value."""
        if not (isinstance(exception, type) and issubclass(exception, BaseException)):
            raise TypeError(f"exception_handler takes a class of exceptions, not {exception!r}")

        def register(function: Function) -> Function:
            self.event_hooks.handlers[exception] = function
            return function

        return register


def _add(hooks: list[Callable[..., Any]], function: Function) -> Function:
    if not callable(function):
        raise TypeError(f"a hook must be callable, not {type(function).__name__}")
    hooks.append(function)
    return function
