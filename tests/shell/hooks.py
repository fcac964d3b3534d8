"""Async hooks for both colours: this file is not generated, so they stay async for the blocking client too."""

from __future__ import annotations

import asyncio
from typing import Any

from fasthttp import Request, Response


async def never_ending(request: Request) -> None:
    """A request hook that takes far longer than any test allows."""
    await asyncio.sleep(60)


async def stamp(request: Request) -> None:
    """A request hook that edits a header."""
    await asyncio.sleep(0)
    request.headers["X-Stamp"] = "stamped"


async def shout(response: Any) -> Response:
    """A response hook that replaces the body by its upper case."""
    await asyncio.sleep(0)
    return Response(response.status_code, response.headers, response.content.upper())


class Count:
    """An async function that notes what it is told of progress."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int | None]] = []

    async def __call__(self, done: int, total: int | None) -> None:
        await asyncio.sleep(0)
        self.told.append((done, total))
