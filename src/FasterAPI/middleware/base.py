"""Starlette's `BaseHTTPMiddleware`."""

from __future__ import annotations

from starlette.middleware.base import BaseHTTPMiddleware

__all__ = ["BaseHTTPMiddleware"]
