"""Starlette's `SessionMiddleware`, which needs itsdangerous."""

from __future__ import annotations

from typing import Any

__all__ = ["SessionMiddleware"]

try:
    from starlette.middleware.sessions import SessionMiddleware
except ImportError:

    class SessionMiddleware:  # type: ignore[no-redef]
        """Stands in where itsdangerous is missing, and says so when it is made."""

        def __init__(self, *args: Any, **options: Any) -> None:
            raise ImportError("SessionMiddleware needs itsdangerous: pip install 'fasthttp[sessions]'")
