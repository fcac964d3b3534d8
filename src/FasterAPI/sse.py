"""Server-sent events (HTML standard, §9.2): an event, its bytes, and the response that carries them."""

from __future__ import annotations

from typing import Any

from FasterAPI._streaming import StreamingResponse

__all__ = ["KEEPALIVE_COMMENT", "EventSourceResponse", "format_sse_event"]

KEEPALIVE_COMMENT = b": ping\n\n"


class EventSourceResponse(StreamingResponse):
    """A stream of events. As `response_class` of a generator operation, each item it yields is one."""

    media_type = "text/event-stream"


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
