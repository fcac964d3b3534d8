"""What an operation came to that was called the short way: a response to send, an exception to answer."""

from __future__ import annotations

from typing import Any

from starlette._exception_handler import wrap_app_handling_exceptions
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

__all__ = ["BODY", "ENDS", "GAVE_UP", "OUTCOME", "Result", "answer", "answer_inside", "outcome_app", "raise_after_start", "replaying"]

BODY = "FasterAPI.body"  # in the scope: what the short way has read before it gave up
ENDS = "FasterAPI.ends"  # in the scope: that nothing comes after the last message of the answer
GAVE_UP = "FasterAPI.gave_up"  # in the scope: that the short way was tried already; or what watches the request, which then has none
OUTCOME = "FasterAPI.outcome"  # in the scope: a response or an exception, for the middleware around the router


class Result:
    """What an operation has returned, and the short way could not write; `errors`: what is wrong with it, if it is known."""

    def __init__(self, value: Any, errors: list[Any] | None = None) -> None:
        self.value = value
        self.errors = errors


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
    await answer(scope.pop(OUTCOME), scope, receive, send)


async def answer_inside(outcome: Any, scope: Scope, receive: Receive, send: Send) -> bool:
    """Send a response, or answer an exception, inside of the middleware; True. Handlers find the body that was read."""
    body = scope.pop(BODY, None)
    scope.pop(ENDS, None)
    request = Request(scope, receive, send)
    if body is not None:
        request._body = body
        receive = replaying(body, receive)
    scope[OUTCOME] = outcome
    await wrap_app_handling_exceptions(outcome_app, request)(scope, receive, send)
    return True


async def answer(outcome: Any, scope: Scope, receive: Receive, send: Send) -> bool:
    """Send a response, or raise an exception to whoever handles it; True."""
    if isinstance(outcome, BaseException):
        raise outcome
    if isinstance(outcome, Result):
        route, value, errors = scope["route"], outcome.value, outcome.errors

        async def handler(request: Request) -> Any:
            return await route.operation.respond_with(request, value, errors)

        from FasterAPI import routing

        outcome = routing.request_response(handler)
    await outcome(scope, receive, send)
    return True


def raise_after_start(exc: Exception, scope: Scope) -> None:
    """Raise an exception for which it is too late to be answered."""
    handlers = getattr(scope.get("app"), "exception_handlers", {})
    if any(isinstance(kind, type) and kind is not Exception and isinstance(exc, kind) for kind in handlers):
        raise RuntimeError("Caught handled exception, but response already started.") from exc
    raise exc
