"""Errors as RFC 9457 has them: `application/problem+json`, in place of the default answers, and in the schema."""

from __future__ import annotations

import http
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from FasterAPI.encoders import jsonable_encoder
from FasterAPI.exceptions import RequestValidationError
from FasterAPI.responses import JSONResponse
from FasterAPI.utils import is_body_allowed_for_status_code

__all__ = ["PROBLEM_HANDLERS", "describe_problems"]

_MEDIA_TYPE = "application/problem+json"
_OLD = "#/components/schemas/HTTPValidationError"
_SCHEMA = {
    "title": "ProblemDetails",
    "type": "object",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "default": "about:blank"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ValidationError"}},
    },
    "required": ["type", "title", "status"],
}


def _problem(exc: Exception, status: int, detail: Any, headers: Any = None, **members: Any) -> Response:
    if not is_body_allowed_for_status_code(status):
        return Response(status_code=status, headers=headers)
    try:
        title = http.HTTPStatus(status).phrase
    except ValueError:  # a status that has no name
        title = "Error"
    content = {"type": getattr(exc, "type", "about:blank"), "title": title, "status": status, "detail": detail, **members}
    return JSONResponse(content, status, headers, media_type=_MEDIA_TYPE)


async def _of_http(request: Request, exc: HTTPException) -> Response:
    return _problem(exc, exc.status_code, exc.detail, exc.headers)


async def _of_validation(request: Request, exc: RequestValidationError) -> Response:
    return _problem(exc, 422, "The request does not fit the operation.", errors=jsonable_encoder(exc.errors()))


PROBLEM_HANDLERS: dict[Any, Any] = {HTTPException: _of_http, RequestValidationError: _of_validation}


def describe_problems(schema: dict[str, Any]) -> None:
    """Put the answers of `PROBLEM_HANDLERS` where the schema has the default ones."""
    found = False
    content = {_MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    for path in schema.get("paths", {}).values():
        for operation in path.values():
            answer = operation.get("responses", {}).get("422", {}) if isinstance(operation, dict) else {}
            if answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref") == _OLD:
                answer["content"] = content
                found = True
    if found:
        schemas = schema["components"]["schemas"]
        schemas.pop("HTTPValidationError", None)
        schemas["ProblemDetails"] = _SCHEMA
