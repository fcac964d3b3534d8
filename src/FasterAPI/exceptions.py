"""What operations raise, and what is raised about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.exceptions import WebSocketException as StarletteWebSocketException

__all__ = [
    "DependencyScopeError",
    "EndpointContext",
    "FastAPIDeprecationWarning",
    "FastAPIError",
    "HTTPException",
    "InsecureCORSWarning",
    "PydanticV1NotSupportedError",
    "RequestValidationError",
    "ResponseValidationError",
    "ValidationException",
    "WebSocketException",
    "WebSocketRequestValidationError",
]


NOT_AWAITED = (
    "Response not awaited. There's a high chance that the application code is raising an exception and a dependency with yield"
    " has a block with a bare except, or a block with except Exception, and is not raising the exception again. Read more about"
    " it in the docs: https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-with-yield/#dependencies-with-yield-and-except"
)


class EndpointContext(TypedDict, total=False):
    """Where an operation is written, and under which path it was called."""

    function: str
    path: str
    file: str
    line: int


class HTTPException(StarletteHTTPException):
    """Answer with this status and `{"detail": detail}`.

    Args:
        status_code: of the answer.
        detail: any JSON value; the phrase of the status by default.
        headers: more header fields.

    A subclass with a `status_code` of its own has that one by default.
    """

    def __init__(self, status_code: int = 500, detail: Any = None, headers: Mapping[str, Any] | None = None) -> None:
        texts = None if headers is None else {name: str(value) for name, value in headers.items()}
        own = getattr(type(self), "status_code", None)
        super().__init__(status_code=own if status_code == 500 and isinstance(own, int) else status_code, detail=detail, headers=texts)


class WebSocketException(StarletteWebSocketException):
    """Close the WebSocket with this code (RFC 6455 §7.4) and reason."""

    def __init__(self, code: int, reason: str | None = None) -> None:
        super().__init__(code=code, reason=reason)


class FastAPIError(RuntimeError):
    """An application that is put together wrongly."""


class DependencyScopeError(FastAPIError):
    """A dependency that outlives what it depends on."""


class PydanticV1NotSupportedError(FastAPIError):
    """A model of `pydantic.v1`."""


class FastAPIDeprecationWarning(UserWarning):
    """A feature that will go."""


class InsecureCORSWarning(UserWarning):
    """A setting of `CORSMiddleware` that trusts every site with the credentials of users."""


class Errors(list[Any]):
    """A list of errors that can also be called, as the target's `errors()` is."""

    def __call__(self) -> Errors:
        return self


class ValidationException(Exception):
    """Values that do not fit. `errors`: a dict for each fault."""

    errors: Any

    def __init__(self, errors: Sequence[Any], *, endpoint_ctx: EndpointContext | None = None) -> None:
        self._errors = errors
        if "errors" not in type(self).__dict__:  # a subclass may have a method of that name
            self.errors = Errors(errors)
        self.endpoint_ctx = endpoint_ctx
        context = endpoint_ctx or {}
        self.endpoint_function = context.get("function")
        self.endpoint_path = context.get("path")
        self.endpoint_file = context.get("file")
        self.endpoint_line = context.get("line")

    def __str__(self) -> str:
        count = len(self._errors)
        lines = [f"{count} validation error{'' if count == 1 else 's'}:", *(f"  {error}" for error in self._errors)]
        if self.endpoint_file and self.endpoint_line and self.endpoint_function:
            lines.append(f'\n  File "{self.endpoint_file}", line {self.endpoint_line}, in {self.endpoint_function}')
            if self.endpoint_path:
                lines.append(f"    {self.endpoint_path}")
        elif self.endpoint_path:
            lines.append(f"\n  Endpoint: {self.endpoint_path}")
        return "\n".join(lines).replace("\n\n", "\n").rstrip()


class RequestValidationError(ValidationException):
    """The request does not fit the operation; answered with 422. `body`: what was received."""

    def __init__(self, errors: Sequence[Any], *, body: Any = None, endpoint_ctx: EndpointContext | None = None) -> None:
        super().__init__(errors, endpoint_ctx=endpoint_ctx)
        self.body = body


class WebSocketRequestValidationError(ValidationException):
    """The handshake does not fit the operation; the WebSocket is closed with 1008."""


class ResponseValidationError(ValidationException):
    """What the operation returned does not fit its response model. `body`: what it returned."""

    def __init__(self, errors: Sequence[Any], *, body: Any = None, endpoint_ctx: EndpointContext | None = None) -> None:
        super().__init__(errors, endpoint_ctx=endpoint_ctx)
        self.body = body


def __getattr__(name: str) -> Any:
    if name in ("RequestErrorModel", "WebSocketErrorModel"):
        from pydantic import create_model

        model = globals()[name] = create_model(name.removesuffix("ErrorModel"))
        return model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
