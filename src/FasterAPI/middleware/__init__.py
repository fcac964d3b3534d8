"""Middleware: plain wrappers of an ASGI application. Each is loaded from its module when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware

if TYPE_CHECKING:
    from FasterAPI.middleware.base import BaseHTTPMiddleware
    from FasterAPI.middleware.cors import CORSMiddleware
    from FasterAPI.middleware.gzip import GZipMiddleware
    from FasterAPI.middleware.httpsredirect import HTTPSRedirectMiddleware
    from FasterAPI.middleware.trustedhost import TrustedHostMiddleware

_HOME_OF = {
    "BaseHTTPMiddleware": "base",
    "CORSMiddleware": "cors",
    "GZipMiddleware": "gzip",
    "HTTPSRedirectMiddleware": "httpsredirect",
    "TrustedHostMiddleware": "trustedhost",
}

__all__ = [
    "BaseHTTPMiddleware",
    "CORSMiddleware",
    "GZipMiddleware",
    "HTTPSRedirectMiddleware",
    "Middleware",
    "TrustedHostMiddleware",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"FasterAPI.middleware.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value
