"""Where the short way of an operation meets the long one: answers through the middleware, and what rules it out."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from FasterAPI import routing

__all__ = ["Result", "is_original", "outcome_app", "replaying"]

# What libraries replace to see or change what happens; one that is replaced rules the short way out.
_STEPS = ("get_request_handler", "serialize_response", "run_endpoint_function", "request_response", "solve_dependencies")
_ORIGINALS = {name: getattr(routing, name) for name in _STEPS}


class Result:
    """What an operation has returned, and the short way could not write."""

    def __init__(self, value: Any) -> None:
        self.value = value


def is_original(route: Any) -> bool:
    """Whether nobody has put anything between a route and its function."""
    cls = type(route)
    if cls.get_route_handler is not routing.APIRoute.get_route_handler or cls.handle is not routing.APIRoute.handle:
        return False
    return all(getattr(routing, name) is step for name, step in _ORIGINALS.items())


def replaying(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body again, which was read already."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def outcome_app(scope: Scope, receive: Receive, send: Send) -> None:
    """The innermost application for an operation that has run: sends its response, or raises its exception."""
    from FasterAPI._plan import OUTCOME

    outcome = scope.pop(OUTCOME)
    if isinstance(outcome, BaseException):
        raise outcome
    if isinstance(outcome, Result):
        route: Any = scope["route"]

        async def handler(request: Request) -> Any:
            return await route.operation.respond_with(request, outcome.value)

        await routing.request_response(handler)(scope, receive, send)
        return
    await outcome(scope, receive, send)
