"""Server-sent events. Not implemented yet."""

from fasthttp._pure.later import later

SSEEvent = later("SSEEvent", "server-sent events", __name__)
StopStream = later("StopStream", "server-sent events", __name__)

__all__ = ["SSEEvent", "StopStream"]
