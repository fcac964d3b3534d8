"""WebSockets: Starlette's, strict about kinds of messages, and about what a close may say."""

from __future__ import annotations

import json
from typing import Any

from starlette.websockets import WebSocket as StarletteWebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

__all__ = ["WebSocket", "WebSocketDisconnect", "WebSocketMessageError", "WebSocketState"]

_LONGEST_REASON = 123  # bytes, so that it fits a control frame with its code (RFC 6455 §5.5)


class WebSocketMessageError(KeyError):
    """A message is binary where text was wanted, or the other way round. The connection can be used."""

    def __str__(self) -> str:
        return str(self.args[0])


def _is_sendable(code: int) -> bool:
    """Whether an endpoint may close with this code (RFC 6455 §7.4): 1005, 1006 and 1015 only say that there was none."""
    return (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) or 3000 <= code <= 4999


class WebSocket(StarletteWebSocket):
    """A WebSocket connection, from before it is accepted."""

    @property
    def path(self) -> str:
        """The decoded path of the handshake."""
        path: str = self.scope["path"]
        return path

    def origin_allowed(self, *origins: str) -> bool:
        """Whether the handshake comes from a page of one of these origins, such as `https://shop.test`; "*" is any but "null".

        A browser says of every handshake which page asked for it, and lets any page ask, with the cookies of the user. So an
        application that trusts cookies has to look. Without an `Origin`, which clients other than browsers do not send, it is False.
        """
        origin = self.headers.get("origin", "").lower()
        return origin in {allowed.lower() for allowed in origins} - {""} or ("*" in origins and origin not in ("", "null"))

    async def _payload(self, kind: str) -> Any:
        if self.application_state != WebSocketState.CONNECTED:
            raise RuntimeError('WebSocket is not connected. Need to call "accept" first.')
        message = await self.receive()
        self._raise_on_disconnect(message)
        payload = message.get(kind)
        if payload is None:
            raise WebSocketMessageError(f"expected a message of {kind}, got {'bytes' if kind == 'text' else 'text'}")
        return payload

    async def receive_text(self) -> str:
        """The next message. Raises `WebSocketMessageError` for a binary one, `WebSocketDisconnect` at the end."""
        text: str = await self._payload("text")
        return text

    async def receive_bytes(self) -> bytes:
        """The next message. Raises `WebSocketMessageError` for one of text, `WebSocketDisconnect` at the end."""
        data: bytes = await self._payload("bytes")
        return data

    async def receive_json(self, mode: str = "text") -> Any:
        """The value of the next message, which is text, or binary with that mode. Raises `ValueError` for what is no JSON."""
        if mode not in ("text", "binary"):
            raise RuntimeError('The "mode" argument should be "text" or "binary".')
        return json.loads(await self._payload("text" if mode == "text" else "bytes"))

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Close, or refuse a handshake that was not accepted. Nothing happens when either side has closed already.

        Raises:
            ValueError: the code cannot be sent, or the reason is longer than 123 bytes.
        """
        if self.application_state == WebSocketState.CONNECTED:  # before that nothing of it is sent: the client gets 403
            if not _is_sendable(code):
                raise ValueError(f"{code} cannot be sent as a close code (RFC 6455 §7.4)")
            if len((reason or "").encode()) > _LONGEST_REASON:
                raise ValueError(f"the reason of a close must not be longer than {_LONGEST_REASON} bytes")
        if WebSocketState.DISCONNECTED in (self.application_state, self.client_state):
            return
        await super().close(code, reason)
