"""Starlette's `SessionMiddleware`, whose signing is a library of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["SessionMiddleware"]

if TYPE_CHECKING:
    from starlette.middleware.sessions import SessionMiddleware
else:
    try:
        from starlette.middleware.sessions import SessionMiddleware
    except ImportError as _missing:
        _reason = _missing

        class SessionMiddleware:
            """Stands for the middleware where its library is missing."""

            def __init__(self, *arguments: Any, **options: Any) -> None:
                raise ImportError("SessionMiddleware signs its cookies with itsdangerous: pip install 'fasthttp[sessions]'") from _reason
