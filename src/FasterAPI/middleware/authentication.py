"""Starlette's `AuthenticationMiddleware`."""

from __future__ import annotations

from starlette.middleware.authentication import AuthenticationMiddleware

__all__ = ["AuthenticationMiddleware"]
