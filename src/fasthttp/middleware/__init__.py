"""Middleware of the declarative layer: code around requests, for apps and sessions alike."""

from fasthttp.middleware.base import BaseMiddleware, MiddlewareChain, MiddlewareManager, RouteRequest
from fasthttp.middleware.cache import CacheMiddleware
from fasthttp.middleware.retry import RetryMiddleware
from fasthttp.middleware.session import SessionMiddleware

__all__ = [
    "BaseMiddleware",
    "CacheMiddleware",
    "MiddlewareChain",
    "MiddlewareManager",
    "RetryMiddleware",
    "RouteRequest",
    "SessionMiddleware",
]
