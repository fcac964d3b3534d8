"""HTTP for Python, the server's end: an ASGI framework. Every name here loads its module when it is first used."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from FasterAPI.applications import Faster
    from FasterAPI.exceptions import HTTPException
    from FasterAPI.responses import JSONResponse, PlainTextResponse, Response
    from FasterAPI.testclient import TestClient

__version__ = "0.1.0"

_HOME_OF = {
    "Faster": "applications",
    "HTTPException": "exceptions",
    "JSONResponse": "responses",
    "PlainTextResponse": "responses",
    "Response": "responses",
    "TestClient": "testclient",
}

# Written out: type checkers do not follow a computed one.
__all__ = ["Faster", "HTTPException", "JSONResponse", "PlainTextResponse", "Response", "TestClient", "__version__"]

logging.getLogger("FasterAPI").addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'FasterAPI' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"FasterAPI.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
