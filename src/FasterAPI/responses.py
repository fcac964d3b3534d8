"""Responses. Headers are encoded beforehand; nothing is inspected while one is sent."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse as StarletteJSONResponse
from starlette.responses import PlainTextResponse, Response

from httpwire import jsonio

__all__ = ["JSONResponse", "PlainTextResponse", "Response"]


class JSONResponse(StarletteJSONResponse):
    """JSON by msgspec: structs, dataclasses, dates, UUIDs and enumerations included."""

    def render(self, content: Any) -> bytes:
        return jsonio.encode(content)
