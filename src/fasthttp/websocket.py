"""The WebSocket client. Not implemented yet; its errors are final."""

from fasthttp._pure.later import later
from fasthttp.errors import (
    WebSocketClosed,
    WebSocketConnectionError,
    WebSocketDecodeError,
    WebSocketError,
    WebSocketHandshakeError,
    WebSocketMessageTypeError,
    WebSocketProtocolError,
)

WebSocket = later("WebSocket", "WebSocket", __name__)
WebSocketMessage = later("WebSocketMessage", "WebSocket", __name__)
TextMessage = later("TextMessage", "WebSocket", __name__)
BinaryMessage = later("BinaryMessage", "WebSocket", __name__)

__all__ = [
    "BinaryMessage",
    "TextMessage",
    "WebSocket",
    "WebSocketClosed",
    "WebSocketConnectionError",
    "WebSocketDecodeError",
    "WebSocketError",
    "WebSocketHandshakeError",
    "WebSocketMessage",
    "WebSocketMessageTypeError",
    "WebSocketProtocolError",
]
