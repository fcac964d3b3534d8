"""Server-sent events (HTML standard, §9.2): an event, its bytes, and the response that carries them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from starlette.background import BackgroundTask
from starlette.types import Send

from FasterAPI._streaming import StreamingResponse

__all__ = ["KEEPALIVE_COMMENT", "EventSourceResponse", "format_sse_event"]

KEEPALIVE_COMMENT = b": ping\n\n"


class EventSourceResponse(StreamingResponse):
    """A stream of events. As `response_class` of a generator operation, each item it yields is one.

    Args:
        content: an iterator of either kind, of `ServerSentEvent`, of text (the data of an event), of bytes (an event as it goes on
            the wire, see `format_sse_event`), or of other values (sent as JSON).
        status_code, headers, media_type, background: as of other responses.
        ping_interval: seconds of silence after which a comment shows that the stream lives; None: never.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        content: Any,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        *,
        ping_interval: float | None = 15.0,
    ) -> None:
        super().__init__(content, status_code, headers, media_type, background)
        self.headers.setdefault("Cache-Control", "no-cache")
        self.headers.setdefault("X-Accel-Buffering", "no")
        if ping_interval is not None and not ping_interval > 0:
            raise ValueError(f"ping_interval must be a number of seconds above 0, or None, not {ping_interval!r}")
        self._ping_interval = math.inf if ping_interval is None else ping_interval

    async def stream_response(self, send: Send) -> None:
        from FasterAPI._streams import with_pings

        items, self._content = self._content, ()  # which is closed here
        async with with_pings(items, _written, self._ping_interval) as events:
            self.body_iterator = events
            await super().stream_response(send)


def _written(item: Any) -> bytes:
    from FasterAPI._streams import encoded_event, encoded_json

    if isinstance(item, bytes):
        return item
    return format_sse_event(data_str=item) if isinstance(item, str) else encoded_event(item, encoded_json)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def format_sse_event(
    *,
    data_str: str | None = None,
    event: str | None = None,
    id: str | None = None,
    retry: int | None = None,
    comment: str | None = None,
) -> bytes:
    """An event as it goes on the wire; text of several lines becomes several fields."""
    lines = [] if comment is None else [f": {line}" for line in _lines(comment)]
    if event is not None:
        lines.append(f"event: {event}")
    if data_str is not None:
        lines += [f"data: {line}" for line in _lines(data_str)]
    if id is not None:
        lines.append(f"id: {id}")
    if retry is not None:
        lines.append(f"retry: {retry}")
    return ("\n".join(lines) + "\n\n").encode()


def __getattr__(name: str) -> Any:
    if name == "ServerSentEvent":
        from FasterAPI._events import ServerSentEvent

        globals()[name] = ServerSentEvent
        return ServerSentEvent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
