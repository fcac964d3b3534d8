"""Operations that are generators: their items as events, as lines of JSON, or as they are."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel

from FasterAPI import sse
from FasterAPI._streaming import closing
from FasterAPI._threads import iterate_in_threadpool
from FasterAPI.encoders import jsonable_encoder

__all__ = ["encoded_event", "encoded_json", "events", "json_lines", "raw", "with_pings"]


def encoded_json(value: Any) -> bytes:
    """An item as JSON; what is not a finite number is null."""
    return json.dumps(_finite(jsonable_encoder(value))).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


def encoded_event(item: Any, encode: Callable[[Any], bytes]) -> bytes:
    """An item as an event."""
    from FasterAPI._events import ServerSentEvent

    if not isinstance(item, ServerSentEvent):
        return sse.format_sse_event(data_str=encode(item).decode())
    if item.raw_data is not None or item.data is None:
        text = item.raw_data
    elif hasattr(item.data, "model_dump_json"):
        text = item.data.model_dump_json()
    else:
        text = encoded_json(item.data).decode()
    return sse.format_sse_event(data_str=text, event=item.event, id=item.id, retry=item.retry, comment=item.comment)


async def raw(items: AsyncIterator[Any]) -> AsyncIterator[Any]:
    """The items, with a chance to be cancelled after each: a generator that never waits gives none."""
    async with closing(items):
        async for item in items:
            yield item
            await anyio.lowlevel.checkpoint()


def json_lines(items: Any, encode: Callable[[Any], bytes]) -> AsyncIterator[bytes] | Iterator[bytes]:
    """Each item as a line of JSON."""
    if not hasattr(items, "__aiter__"):

        def blocking() -> Iterator[bytes]:
            try:
                for item in items:
                    yield encode(item) + b"\n"
            finally:
                if hasattr(items, "close"):
                    items.close()

        return blocking()

    async def lines() -> AsyncIterator[bytes]:
        async with closing(items):
            async for item in raw(items):
                yield encode(item) + b"\n"

    return lines()


async def events(items: Any, encode: Callable[[Any], bytes], stack: AsyncExitStack, ping: float) -> AsyncIterator[bytes]:
    """Each item as an event, and a comment after `ping` seconds without one. `stack`: of the request, whose end ends it."""
    stream = await stack.enter_async_context(with_pings(items, partial(encoded_event, encode=encode), ping))
    stack.push_async_callback(stream.aclose)
    return raw(stream)


@asynccontextmanager
async def with_pings(items: Any, written: Callable[[Any], bytes], ping: float) -> AsyncIterator[Any]:
    """Each item as an event, `written` when the one before was sent, and a comment after `ping` seconds of waiting for one."""
    source = items if hasattr(items, "__aiter__") else iterate_in_threadpool(items)
    # A task of its own: waiting for an item must not be cancelled when it is time for a comment.
    sending, receiving = anyio.create_memory_object_stream[bytes](1)
    wanted = anyio.Semaphore(0)

    async def produce() -> None:
        async with sending, closing(items), closing(source):
            await wanted.acquire()
            async for item in source:
                await sending.send(written(item))
                await wanted.acquire()

    async def out() -> AsyncIterator[bytes]:
        wanted.release()
        while True:
            data = None
            with anyio.move_on_after(ping):
                try:
                    data = await receiving.receive()
                except anyio.EndOfStream:
                    return
            yield sse.KEEPALIVE_COMMENT if data is None else data
            if data is not None:
                wanted.release()

    # The reader's end is closed after the task is over: to one that still has something to send it would be an error.
    async with receiving, anyio.create_task_group() as group:
        group.start_soon(produce)
        yield out()
        group.cancel_scope.cancel()
