"""Server-sent events: what one is, and how a handler ends its stream. `Client.sse` follows a stream."""

from __future__ import annotations

from httpwire.sse import SSEEvent

__all__ = ["SSEEvent", "StopStream"]


class StopStream(Exception):
    """Raised by the handler of a stream: its route ends here, successfully."""
