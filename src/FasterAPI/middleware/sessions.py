"""Starlette's `SessionMiddleware`."""

from __future__ import annotations

from starlette.middleware.sessions import SessionMiddleware

__all__ = ["SessionMiddleware"]
