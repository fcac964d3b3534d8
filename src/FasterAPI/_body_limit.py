"""How large the body of a request may be, on each level: Starlette's middleware, put where the limits are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict, cast

from starlette.exceptions import HTTPException
from starlette.middleware import body_limit
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY, RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from FasterAPI.middleware._fields import through

__all__ = ["AppBodyLimitMiddleware", "FormLimits", "check_form_limits", "check_max_body_size", "limit_error", "with_body_limit"]


class FormLimits(TypedDict, total=False):
    """How much a form may hold: fields, files, and bytes of one part that is no file."""

    max_fields: int
    max_files: int
    max_part_size: int


_SENT: Any = getattr(body_limit, "_RequestBodyLimitResponseSent", ())
_ERRORS: tuple[Any, ...] = tuple(kind for kind in (getattr(body_limit, "_RequestBodyTooLarge", None), _SENT) if kind)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def check_max_body_size(value: int | None) -> int | None:
    """A number of bytes, or None for no limit. Raises `ValueError`."""
    if value is not None and not _is_count(value):
        raise ValueError("max_body_size must be a non-negative integer or None")
    return value


def check_form_limits(limits: Mapping[str, Any] | None) -> FormLimits:
    """Limits of forms. Raises `ValueError` for a name that is no limit, and for what is no count."""
    for name, value in (limits or {}).items():
        if name not in FormLimits.__annotations__:
            raise ValueError(f"form_limits has no {name!r}; there are {', '.join(FormLimits.__annotations__)}")
        if not _is_count(value):
            raise ValueError(f"form_limits[{name!r}] must be a non-negative integer, got {value!r}")
    return cast("FormLimits", dict(limits or {}))


def limit_error(exc: BaseException) -> Exception | None:
    """The fault of a body that is too large, also out of an exception group that holds nothing else."""
    if isinstance(exc, BaseExceptionGroup):
        _, other = exc.split(_ERRORS)
        if other is not None:
            return None
        exc = exc.subgroup(_SENT) or exc
        while isinstance(exc, BaseExceptionGroup):
            exc = exc.exceptions[0]
    return exc if isinstance(exc, _ERRORS) else None


def with_body_limit(app: ASGIApp, max_body_size: int | None) -> ASGIApp:
    """An application behind a limit, if there is one."""
    return app if max_body_size is None else RequestBodyLimitMiddleware(_Unpacked(app), max_body_size=max_body_size)


class _Unpacked:
    """Takes the fault of a body that is too large out of the groups that task groups make."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except ExceptionGroup as exc:
            error = limit_error(exc) if scope["type"] == "http" else None
            if error is None:
                raise
            raise error from exc


class AppBodyLimitMiddleware:
    """The limit of an application, around its middleware: what is refused there is answered here."""

    def __init__(self, app: ASGIApp, max_body_size: int | None) -> None:
        self.app = with_body_limit(app, max_body_size)
        self._is_limited = max_body_size is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_limited and MAX_BODY_SIZE_SCOPE_KEY not in scope:
            await self.app(scope, receive, send)
            return
        from FasterAPI.exception_handlers import http_exception_handler

        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                await through(scope, send)(message)  # Starlette's class may have put another in place of the application's
            else:
                await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as exc:
            error = limit_error(exc)
            if started or not isinstance(error, HTTPException):
                raise
            response = await http_exception_handler(Request(scope, receive), error)
            await response(scope, receive, through(scope, send))
