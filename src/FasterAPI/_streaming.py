"""`StreamingResponse`, whose iterator is closed when the response ends, however it ends."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse as StarletteStreamingResponse
from starlette.types import Message, Receive, Scope, Send

from FasterAPI._threads import iterate_in_threadpool, run_without_limit
from FasterAPI.logger import logger

__all__ = ["StreamingResponse", "closing"]


@asynccontextmanager
async def closing(items: Any) -> AsyncIterator[None]:
    """Close a generator of either kind at the end of the block, also where the request is cancelled."""
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            if inspect.isasyncgen(items):
                await items.aclose()
            elif inspect.isgenerator(items):
                await run_without_limit(items.close)


class StreamingResponse(StarletteStreamingResponse):
    """A body in pieces: text, bytes or memoryviews of an iterator. Generators are closed at the end, or when the client is gone."""

    def __init__(self, content: Any, *args: Any, **options: Any) -> None:
        super().__init__(content if isinstance(content, AsyncIterable) else iterate_in_threadpool(content), *args, **options)
        self._content = content
        self._is_sent = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_sent:
            raise RuntimeError("a stream can be sent once; make another response")
        self._is_sent = True
        await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        async def sending(message: Message) -> None:
            try:
                await send(message)
            except OSError as exc:  # how servers from version 2.4 of the protocol on say it
                raise ClientDisconnect from exc

        try:
            async with closing(self._content), closing(self.body_iterator):
                await super().stream_response(sending)
        except ClientDisconnect:  # nobody is left to answer; background tasks run all the same
            logger.debug("client disconnected before the end of its response")
