"""The floor: what a request costs when nothing is built, checked or understood. No client can be below it for long.

The first answer of each connection is looked at, so that the length of the others is known; from then on a constant is
sent and bytes are counted.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from typing import Any
from urllib.parse import urlsplit

from bench.libraries import AsyncAdapter, BlockingAdapter, Feed, Fields

__all__ = ["FloorAsync", "FloorBlocking"]


def _request(method: str, url: str, body: bytes | None, fields: Fields) -> tuple[str, int, bool, bytes]:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    lines = [f"{method} {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", *(f"{name}: {value}" for name, value in fields.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines) + "\r\n\r\n"
    return parts.hostname or "", parts.port or (443 if tls else 80), tls, head.encode("latin-1") + (body or b"")


class _Answer:
    """An answer as first seen: its status, body and length in all; asked for nothing once it is known."""

    def __init__(self) -> None:
        self.seen = b""
        self.total = 0
        self.status = 0
        self.body = b""
        self.parsed: Any = None

    def value(self) -> Any:
        """The body parsed, once."""
        if self.parsed is None:
            self.parsed = json.loads(self.body)
        return self.parsed

    def learn(self, data: bytes) -> bool:
        """Whether the first answer is complete."""
        self.seen += data
        head, found, body = self.seen.partition(b"\r\n\r\n")
        if not found:
            return False
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        if len(body) < length:
            return False
        self.status = int(head[9:12])
        self.body = body
        self.total = len(self.seen)
        return True


class _Connection(asyncio.Protocol):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.count = 0
        self.answer: _Answer | None = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def ask(self, data: bytes, answer: _Answer) -> asyncio.Future[None]:
        self.count = 0
        self.answer = answer
        self.waiter = self.loop.create_future()
        self.transport.write(data)
        return self.waiter

    def data_received(self, data: bytes) -> None:
        answer = self.answer
        if answer is None:
            return
        self.count += len(data)
        if self.count >= answer.total if answer.total else answer.learn(data):
            self.waiter.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answer is not None and not self.waiter.done():
            self.waiter.set_exception(exc or ConnectionResetError("closed by the server"))


class FloorAsync(AsyncAdapter):
    """A bare protocol on the loop."""

    async def open(self) -> None:
        self.idle: list[_Connection] = []
        self.known: dict[str, tuple[bytes, _Answer]] = {}
        self.places: dict[str, tuple[str, int, ssl.SSLContext | None]] = {}
        self.context = self.settings.context()

    async def close(self) -> None:
        for connection in self.idle:
            connection.transport.abort()

    async def _call(self, key: str, method: str, url: str, body: bytes | None, fields: Fields) -> _Answer:
        known = self.known.get(key)
        if known is None:
            return await self._first(key, method, url, body, fields)
        data, answer = known
        connection = self.idle.pop() if self.idle else await self._connect(key)
        await connection.ask(data, answer)
        self.idle.append(connection)
        return answer

    async def _first(self, key: str, method: str, url: str, body: bytes | None, fields: Fields) -> _Answer:
        host, port, tls, data = _request(method, url, body, fields)
        self.places[key] = host, port, self.context if tls else None
        connection = await self._connect(key)
        answer = _Answer()
        await connection.ask(data, answer)
        self.idle.append(connection)
        self.known[key] = data, answer
        return answer

    async def _connect(self, key: str) -> _Connection:
        host, port, context = self.places[key]
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(loop), host, port, ssl=context)
        return connection

    async def json(self, url: str) -> tuple[int, Any]:
        answer = await self._call(url, "GET", url, None, {})
        return answer.status, answer.value()

    async def body(self, url: str) -> tuple[int, bytes]:
        answer = await self._call(url, "GET", url, None, {})
        return answer.status, answer.body

    async def stream(self, url: str, feed: Feed) -> int:
        answer = await self._call(url, "GET", url, None, {})
        feed(answer.body)
        return answer.status

    async def post(self, url: str, value: Any) -> tuple[int, bytes]:
        known = self.known.get(url)
        data = None if known is not None else json.dumps(value).encode()
        answer = await self._call(url, "POST", url, data, {"Content-Type": "application/json"})
        return answer.status, answer.body

    async def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        if method == "HEAD":
            raise LookupError("the floor does not know where the answer to HEAD ends")
        answer = await self._call(url, method, url, body, headers)
        return answer.status, answer.body


class FloorBlocking(BlockingAdapter):
    """A bare socket for each thread."""

    def open(self) -> None:
        self.own = threading.local()
        self.sockets: list[socket.socket] = []
        self.context = self.settings.context()

    def close(self) -> None:
        for opened in self.sockets:
            opened.close()

    def json(self, url: str) -> tuple[int, Any]:
        status, _ = self.send("GET", url, {}, None)
        return status, self.own.answer.value()

    def send(self, method: str, url: str, headers: Fields, body: bytes | None) -> tuple[int, bytes]:
        if method == "HEAD":
            raise LookupError("the floor does not know where the answer to HEAD ends")
        if getattr(self.own, "data", None) is None:
            self._connect(method, url, headers, body)
        opened, answer = self.own.socket, self.own.answer
        opened.sendall(self.own.data)
        if answer.total:
            count = 0
            while count < answer.total:
                received = opened.recv(65536)
                if not received:
                    raise ConnectionResetError("closed by the server")
                count += len(received)
        else:
            while not answer.learn(received := opened.recv(65536)):
                if not received:
                    raise ConnectionResetError("closed by the server")
        return answer.status, answer.body

    def _connect(self, method: str, url: str, headers: Fields, body: bytes | None) -> None:
        host, port, tls, data = _request(method, url, body, headers)
        opened = socket.create_connection((host, port), self.settings.timeout)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            opened = self.context.wrap_socket(opened, server_hostname=host)
        self.sockets.append(opened)
        self.own.socket, self.own.answer, self.own.data = opened, _Answer(), data
