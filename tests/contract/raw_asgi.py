"""Requests to an application as the server protocol has them, for what a client library would hide."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["body_of", "exchange", "headers_of", "status_of"]


async def _exchange(app: Any, scope: dict[str, Any], messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if not messages:
            await asyncio.Event().wait()  # a client that stays and says no more
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def exchange(
    app: Any,
    method: str = "GET",
    path: str = "/",
    *,
    query: bytes = b"",
    headers: Iterable[tuple[bytes, bytes]] = (),
    messages: Iterable[Mapping[str, Any]] = ({"type": "http.request"},),
    **more: Any,
) -> list[dict[str, Any]]:
    """The messages that an application sends for one request."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(errors="surrogatepass"),
        "query_string": query,
        "headers": list(headers),
        "server": ("shop.test", 80),
        **more,
    }
    return asyncio.run(asyncio.wait_for(_exchange(app, scope, [dict(message) for message in messages]), 10))


def status_of(sent: list[dict[str, Any]]) -> int:
    """The status of the one response."""
    [start] = [message for message in sent if message["type"] == "http.response.start"]
    return int(start["status"])


def headers_of(sent: list[dict[str, Any]]) -> dict[bytes, bytes]:
    """The fields of the one response, which repeats none."""
    [start] = [message for message in sent if message["type"] == "http.response.start"]
    pairs = list(start["headers"])
    assert len(pairs) == len(dict(pairs))
    return dict(pairs)


def body_of(sent: list[dict[str, Any]]) -> bytes:
    """All bytes of the body."""
    return b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
