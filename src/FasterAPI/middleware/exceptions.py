"""Starlette's `ExceptionMiddleware`."""

from __future__ import annotations

from starlette.middleware.exceptions import ExceptionMiddleware

__all__ = ["ExceptionMiddleware"]
