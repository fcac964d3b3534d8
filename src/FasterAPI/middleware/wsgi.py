"""Starlette's `WSGIMiddleware`."""

from __future__ import annotations

from starlette.middleware.wsgi import WSGIMiddleware

__all__ = ["WSGIMiddleware"]
