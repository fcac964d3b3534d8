"""What an operation may raise to be answered with a status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException as StarletteHTTPException

__all__ = ["HTTPException", "RequestValidationError"]


class HTTPException(StarletteHTTPException):
    """Answer with this status and `{"detail": detail}`; the detail is any JSON value, by default the reason phrase."""

    def __init__(self, status_code: int, detail: Any = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status_code, detail=detail, headers=headers)


class RequestValidationError(ValueError):
    """The input of an operation does not fit its signature. `errors`: one item for each fault."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__(f"{len(errors)} validation errors")
        self.errors = errors
