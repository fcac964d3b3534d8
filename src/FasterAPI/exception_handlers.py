"""How the errors that the framework knows are answered, unless the application has handlers of its own."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from FasterAPI.encoders import jsonable_encoder
from FasterAPI.exceptions import RequestValidationError, WebSocketRequestValidationError
from FasterAPI.logger import logger
from FasterAPI.responses import JSONResponse
from FasterAPI.utils import is_body_allowed_for_status_code

__all__ = [
    "client_disconnect_handler",
    "http_exception_handler",
    "request_validation_exception_handler",
    "websocket_request_validation_exception_handler",
]


async def http_exception_handler(request: Request, exc: HTTPException) -> Response:
    """Status and headers of the exception, its detail as JSON."""
    headers = getattr(exc, "headers", None)
    if not is_body_allowed_for_status_code(exc.status_code):
        return Response(status_code=exc.status_code, headers=headers)
    return JSONResponse({"detail": exc.detail}, status_code=exc.status_code, headers=headers)


async def client_disconnect_handler(request: Request, exc: ClientDisconnect) -> ASGIApp:
    """No answer: whoever asked is gone."""
    logger.debug("client disconnected before the end of its request: %s %s", request.method, request.url.path)
    return _silence


async def _silence(scope: Scope, receive: Receive, send: Send) -> None:
    pass


async def request_validation_exception_handler(request: Request, exc: RequestValidationError) -> JSONResponse:
    """422 with every fault."""
    errors = exc.errors()
    try:
        return JSONResponse({"detail": jsonable_encoder(errors)}, status_code=422)
    except RecursionError:  # what was sent is nested too deep to be shown
        return JSONResponse({"detail": jsonable_encoder([{**error, "input": None} for error in errors])}, status_code=422)


async def websocket_request_validation_exception_handler(websocket: WebSocket, exc: WebSocketRequestValidationError) -> None:
    """Close with 1008 (policy violation)."""
    reason: Any = jsonable_encoder(exc.errors())
    await websocket.close(code=1008, reason=reason)
