"""Responses: Starlette's, with JSON encoded in one call where that gives the same."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.responses import JSONResponse as StarletteJSONResponse

from FasterAPI._conditional import conditional
from FasterAPI._files import FileResponse
from FasterAPI._streaming import StreamingResponse
from FasterAPI.sse import EventSourceResponse

__all__ = [
    "EventSourceResponse",
    "FileResponse",
    "HTMLResponse",
    "JSONResponse",
    "ORJSONResponse",
    "PlainTextResponse",
    "RedirectResponse",
    "Response",
    "StreamingResponse",
    "UJSONResponse",
    "conditional",
]


class JSONResponse(StarletteJSONResponse):
    """JSON; structs and dataclasses included. `bytes` are sent as they are, being JSON already."""

    def render(self, content: Any) -> bytes:
        if isinstance(content, bytes):
            return content
        try:
            return super().render(content)
        except TypeError:
            return msgspec.json.encode(content)


PLAIN = (str, bytes, type(None))


def plain_response(content: str | bytes | None, **options: Any) -> Response:
    """Text as text, bytes as they are, and nothing for None; `options` are those of a response."""
    media_types: dict[type, str | None] = {str: "text/plain", bytes: "application/octet-stream"}
    return Response(content, media_type=media_types.get(type(content)), **options)


class ORJSONResponse(JSONResponse):
    """A name that applications use; no library is needed."""


class UJSONResponse(JSONResponse):
    """A name that applications use; no library is needed."""
