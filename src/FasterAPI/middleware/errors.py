"""Starlette's `ServerErrorMiddleware`."""

from __future__ import annotations

from starlette.middleware.errors import ServerErrorMiddleware

__all__ = ["ServerErrorMiddleware"]
