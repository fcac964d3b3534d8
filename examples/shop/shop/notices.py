"""Who listens: the open WebSockets of each user."""

from collections import defaultdict
from contextlib import suppress
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect


class Notices:
    def __init__(self) -> None:
        self.listeners: defaultdict[int, set[WebSocket]] = defaultdict(set)

    def join(self, user: int, websocket: WebSocket) -> None:
        self.listeners[user].add(websocket)

    def leave(self, user: int, websocket: WebSocket) -> None:
        self.listeners[user].discard(websocket)
        if not self.listeners[user]:
            del self.listeners[user]

    async def publish(self, user: int, notice: dict[str, Any]) -> None:
        """Tell a user, wherever they listen; one who has just gone is no error."""
        for websocket in list(self.listeners.get(user, ())):
            with suppress(RuntimeError, WebSocketDisconnect):
                await websocket.send_json(notice)
