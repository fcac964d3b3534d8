"""Middleware of the declarative layer. Not implemented yet."""

from fasthttp._pure.later import later

BaseMiddleware = later("BaseMiddleware", "middleware", __name__)
MiddlewareChain = later("MiddlewareChain", "middleware", __name__)
MiddlewareManager = later("MiddlewareManager", "middleware", __name__)
CacheMiddleware = later("CacheMiddleware", "middleware", __name__)
RetryMiddleware = later("RetryMiddleware", "middleware", __name__)
SessionMiddleware = later("SessionMiddleware", "middleware", __name__)

__all__ = ["BaseMiddleware", "CacheMiddleware", "MiddlewareChain", "MiddlewareManager", "RetryMiddleware", "SessionMiddleware"]
