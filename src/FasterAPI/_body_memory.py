"""What an application holds in memory of a request: bytes of a body, levels of its JSON, parameters of a query."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import Request as StarletteRequest

__all__ = ["MAX_PARAMETERS", "Request", "check_limits", "is_too_deep", "too_large"]

MAX_PARAMETERS = 10_000  # of a query
_NESTING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)


def check_limits(given: Mapping[str, Any]) -> None:
    """Raise `ValueError` for a number of bytes, levels or threads that is none."""
    for name, least in (("max_buffered_body", 0), ("json_depth_limit", 1), ("thread_limit", 1)):
        value = given[name]
        if value is None and name == "max_buffered_body":
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name} must be an integer of at least {least}, not {value!r}")


def too_large() -> HTTPException:
    """The answer to a body that may not be held in memory."""
    return HTTPException(413, "Content Too Large")


def is_too_deep(body: bytes, limit: int) -> bool:
    """Whether the arrays and objects of a JSON text are nested deeper than this. Linear, and nearly free for short bodies."""
    if len(body) <= limit or body.count(b"[") + body.count(b"{") <= limit:
        return False
    depth = 0
    for found in _NESTING.finditer(body):
        first = found[0][:1]
        if first in b"[{":
            depth += 1
            if depth > limit:
                return True
        elif first in b"]}":
            depth -= 1
    return False


class Request(StarletteRequest):
    """A request that holds no more of its body in memory than its application allows. Streams are not bounded."""

    @property
    def query_params(self) -> QueryParams:
        if self.scope["query_string"].count(b"&") >= MAX_PARAMETERS:
            raise HTTPException(400, "Too many query parameters")
        return super().query_params

    async def body(self) -> bytes:
        limit = getattr(self.scope.get("app"), "max_buffered_body", None)
        if limit is None or hasattr(self, "_body"):
            return await super().body()
        chunks, size = list[bytes](), 0
        async for chunk in self.stream():
            size += len(chunk)
            if size > limit:
                raise too_large()
            chunks.append(chunk)
        self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        limit = getattr(self.scope.get("app"), "json_depth_limit", None)
        if limit is not None and is_too_deep(await self.body(), limit):
            raise HTTPException(400, "There was an error parsing the body")
        return await super().json()
