"""ASGI applications for the tests of both colours; not generated, since applications are always async."""

from __future__ import annotations

import gzip
import json
from typing import Any


class Echo:
    """Tells what it was sent; knows a few paths that do something else."""

    def __init__(self) -> None:
        self.events: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.lifespan(receive, send)
            return
        path = scope["path"]
        if path == "/mirror":
            await self.mirror(receive, send)
        elif path == "/endless":
            await self.endless(receive, send)
        elif path == "/redirect":
            await answer(send, 302, b"", [(b"location", b"/landed")])
        elif path == "/gzip":
            await answer(send, 200, gzip.compress(b"zipped " * 1000), [(b"content-encoding", b"gzip")])
        else:
            await self.tell(scope, receive, send)

    async def lifespan(self, receive: Any, send: Any) -> None:
        for event in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{event}"
            self.events.append(event)
            await send({"type": f"lifespan.{event}.complete"})

    async def tell(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        seen = {
            "method": scope["method"],
            "path": scope["path"],
            "query": scope["query_string"].decode(),
            "headers": {name.decode(): value.decode() for name, value in scope["headers"]},
            "body": body.decode(),
        }
        await answer(send, 200, json.dumps(seen).encode(), [(b"content-type", b"application/json"), (b"x-app", b"echo")])

    async def mirror(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            await send({"type": "http.response.body", "body": message["body"], "more_body": more})

    async def endless(self, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b"again", "more_body": True})
        except OSError:
            self.events.append("oserror")
            raise


async def failing(scope: Any, receive: Any, send: Any) -> None:
    """Knows no lifespan, and fails at every request."""
    raise KeyError("mine")


async def answer(send: Any, status: int, body: bytes, headers: Any) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def breaking(scope: Any, receive: Any, send: Any) -> None:
    """Raises inside its response."""
    if scope["type"] == "lifespan":
        raise RuntimeError("no lifespan")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x", "more_body": True})
    raise KeyError("mine")
