"""Starlette's `RequestBodyLimitMiddleware`."""

from __future__ import annotations

from starlette.middleware.body_limit import RequestBodyLimitMiddleware

__all__ = ["RequestBodyLimitMiddleware"]
