"""What a client can send through: the network, an application in this process, or a script of answers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fasthttp.transports.asgi import ASGITransport
    from fasthttp.transports.base import BaseTransport
    from fasthttp.transports.http import HTTPTransport
    from fasthttp.transports.mock import MockResponse, MockTransport, UnmatchedRequestError
    from fasthttp.transports.wsgi import WSGITransport

# The client needs one of them, and the others load asyncio: each comes when it is asked for.
_HOME_OF = {
    "ASGITransport": "asgi",
    "BaseTransport": "base",
    "HTTPTransport": "http",
    "MockResponse": "mock",
    "MockTransport": "mock",
    "UnmatchedRequestError": "mock",
    "WSGITransport": "wsgi",
}

__all__ = ["ASGITransport", "BaseTransport", "HTTPTransport", "MockResponse", "MockTransport", "UnmatchedRequestError", "WSGITransport"]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
