"""WebSockets, under the native name of their module."""

from __future__ import annotations

from FasterAPI.websockets import WebSocket, WebSocketDisconnect, WebSocketState

__all__ = ["WebSocket", "WebSocketDisconnect", "WebSocketState"]
