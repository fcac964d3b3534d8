"""WebSockets, under the native name of their module."""

from __future__ import annotations

from FasterAPI.websockets import WebSocket, WebSocketDisconnect, WebSocketMessageError, WebSocketState

__all__ = ["WebSocket", "WebSocketDisconnect", "WebSocketMessageError", "WebSocketState"]
