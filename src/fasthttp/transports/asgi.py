"""`ASGITransport`: an ASGI application in this process, with no socket between (ASGI 3.0, HTTP and lifespan)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Literal
from urllib.parse import unquote

from fasthttp.errors import RemoteDisconnected, RemoteProtocolError
from fasthttp.models import Request
from fasthttp.response import ClientResponse, Response, from_wire
from fasthttp.transports.base import BaseTransport
from httpwire.status import has_no_body, reason_phrase

__all__ = ["ASGITransport"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_FAREWELL = 1.0  # seconds that an application has to end after its clients left
_QUEUE = 16  # messages that an application may be ahead of its reader


class ASGITransport(BaseTransport):
    """Answers requests with an application.

    Bodies are streamed in both directions at once, and a reader that goes away is a disconnect. A blocking client
    runs the application on the shared loop thread.

    Args:
        app: an ASGI 3 application.
        root_path: where it is mounted.
        client: address and port that it sees.
        raise_app_exceptions: let its exceptions reach the caller; else they are a 500, or a broken body.
        lifespan: "auto" (run it; an application that does not know it goes without), "on", "manual" (by `start`
            only), "off".
        wait_for_return: let a body end when the application has returned, background tasks included.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        root_path: str = "",
        client: tuple[str, int] = ("127.0.0.1", 12345),
        raise_app_exceptions: bool = True,
        lifespan: Literal["auto", "on", "manual", "off"] = "auto",
        wait_for_return: bool = False,
    ) -> None:
        if lifespan not in ("auto", "on", "manual", "off"):
            raise ValueError(f"lifespan={lifespan!r}; there are 'auto', 'on', 'manual' and 'off'")
        self.app = app
        self._root_path = root_path
        self._client = client
        self._raise = raise_app_exceptions
        self._lifespan: _Lifespan | None = _Lifespan(app, required=lifespan == "on") if lifespan != "off" else None
        self._waits_for_start = lifespan != "manual"
        self._wait_for_return = wait_for_return
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> dict[str, Any]:
        """What the application's lifespan has given."""
        return {} if self._lifespan is None else self._lifespan.state

    async def start(self) -> None:
        """Run the application's start-up, once; the first request does it by itself."""
        if self._lifespan is not None:
            await self._lifespan.start()

    async def ahandle(self, request: Request) -> Response:
        if self._lifespan is not None and self._waits_for_start and not self._lifespan.started:
            await self._lifespan.start()
        exchange = _Exchange(request, self._wait_for_return)
        task = asyncio.ensure_future(self._run(self._scope(request), exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await exchange.started.wait()
        except BaseException:
            exchange.disconnect()
            task.cancel()
            raise
        if exchange.status == 0:
            raise exchange.failure or RemoteDisconnected("the application returned without a response")
        response = from_wire(ClientResponse, exchange.status, exchange.fields, reason_phrase(exchange.status).encode(), request)
        for name, value in exchange.fields:
            if name == b"content-encoding":
                response._coding = value
        response._source = exchange
        return response

    def _scope(self, request: Request) -> dict[str, Any]:
        url = request.parsed_url
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": unquote(url.path),
            "raw_path": url.path.encode("ascii"),
            "query_string": (url.query or "").encode("ascii"),
            "root_path": self._root_path,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "client": self._client,
            "server": (url.hostname, url.port),
            "state": dict(self.state),
            "extensions": {},
        }

    async def _run(self, scope: dict[str, Any], exchange: _Exchange) -> None:
        try:
            await self.app(scope, exchange.receive, exchange.send)
            exchange.finish(None)
        except Exception as exc:
            if self._raise:
                exchange.finish(exc)
            elif exchange.ended:
                exchange.finish(None)
            elif exchange.status == 0:
                exchange.fail_with_500()
            else:
                exchange.ended = True
                exchange.finish(self._broken())

    def _broken(self) -> Exception | None:
        """What a reader of a body gets in which the application failed."""
        return RemoteProtocolError("the application failed inside its response")

    async def aclose(self) -> None:
        if self._tasks:
            # Its clients are gone: an application that listens for that ends by itself.
            await asyncio.wait(self._tasks, timeout=_FAREWELL)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._lifespan is not None:
            await self._lifespan.stop()


class _Exchange:
    """One request and its response: the two callables of the application, and the body source of the client."""

    trailers: Iterable[tuple[bytes, bytes]] = ()

    def __init__(self, request: Request, wait_for_return: bool) -> None:
        self._request = request
        self._wait_for_return = wait_for_return
        self._returned = asyncio.Event()
        self._pieces = request.iter_body().__aiter__()
        self._request_done = False
        self._gone = asyncio.Event()
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUE)
        self._bodyless = request.method == "HEAD"
        self.ended = False
        self._pending: Message | None = None
        self.started = asyncio.Event()
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.failure: Exception | None = None
        self.content_length: int | None = None

    # --- the application's side

    async def receive(self) -> Message:
        if not self._request_done:
            piece = await anext(self._pieces, None)
            if piece is not None:
                return {"type": "http.request", "body": piece, "more_body": True}
            self._request_done = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if self._gone.is_set() and not self.ended:
            raise OSError("the client has disconnected")
        if kind == "http.response.start":
            if self.status or self._pending is not None:
                raise RuntimeError("http.response.start was sent already")
            self.status = int(message["status"])
            self.fields = [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())]
            self._bodyless = self._bodyless or has_no_body(self.status)
            self.started.set()
        elif kind == "http.response.body":
            if not self.status:
                raise RuntimeError("http.response.body was sent before http.response.start")
            if self.ended:
                raise RuntimeError("http.response.body was sent after the end of the body")
            body = message.get("body", b"")
            if body and not self._bodyless:
                await self._put(bytes(body))
            if not message.get("more_body", False):
                self.ended = True
                await self._put(None)
        else:
            raise RuntimeError(f"unknown message type {kind!r}")

    async def _put(self, item: bytes | None) -> None:
        putting = asyncio.ensure_future(self._queue.put(item))
        leaving = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait((putting, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stored = putting.done()
            putting.cancel()
            leaving.cancel()
        if not stored:
            raise OSError("the client has disconnected")

    def finish(self, failure: Exception | None) -> None:
        """The application has returned or raised."""
        if failure is None and self.status and not self.ended:
            failure = RemoteProtocolError("the application returned before the end of its response")
        self.failure = failure
        self._returned.set()
        self.started.set()
        self._gone.set()

    def fail_with_500(self) -> None:
        self.status = 500
        self.fields = [(b"content-type", b"text/plain; charset=utf-8")]
        self.ended = True
        self._queue.put_nowait(b"Internal Server Error")
        self.finish(None)

    # --- the client's side

    async def next(self) -> bytes:
        if self._queue.empty() and not (self.ended and self._gone.is_set()):
            getting = asyncio.ensure_future(self._queue.get())
            leaving = asyncio.ensure_future(self._gone.wait())
            try:
                await asyncio.wait((getting, leaving), return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    return await self._taken(getting.result())
            finally:
                getting.cancel()
                leaving.cancel()
        if not self._queue.empty():
            return await self._taken(self._queue.get_nowait())
        return await self._taken(None)

    async def _taken(self, item: bytes | None) -> bytes:
        if item is not None:
            return item
        self._gone.set()
        if self._wait_for_return:
            await self._returned.wait()
        if self.failure is not None:
            raise self.failure
        return b""

    async def aclose(self) -> None:
        self.disconnect()

    def release(self) -> None:
        """Nothing is shared that could be given back."""

    def abandon(self) -> None:
        self.disconnect()

    def disconnect(self) -> None:
        """The client is no longer there: `receive` says so."""
        self._gone.set()


class _Lifespan:
    """Start-up and shutdown of an application, as one task that lives between them."""

    def __init__(self, app: ASGIApp, *, required: bool) -> None:
        self._app = app
        self._required = required
        self._task: asyncio.Task[None] | None = None
        self._lock: asyncio.Lock | None = None
        self._started = self._stopping = self._stopped = asyncio.Event()
        self._failure: str | None = None
        self._error: Exception | None = None
        self._supported = False
        self.started = False
        self.state: dict[str, Any] = {}

    async def start(self) -> None:
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:
            if self.started:
                return
            self._started, self._stopping, self._stopped = asyncio.Event(), asyncio.Event(), asyncio.Event()
            self._supported, self._failure, self._error = False, None, None
            self._task = asyncio.ensure_future(self._run())
            await self._started.wait()
            if self._failure is not None:
                text = f"the application's start-up failed: {self._failure}"
                raise RuntimeError(text) if self._error is None else self._error
            self.started = True

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is None:
            return
        self.started = False
        self._lock = None
        self._stopping.set()
        await asyncio.wait((task,))
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
        if self._failure is not None:
            raise RuntimeError(f"the application's shutdown failed: {self._failure}")

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._app(scope, self._receive, self._send)
        except Exception as exc:
            if self._supported:
                raise
            if self._required or self._failure is not None:
                self._error = exc
                self._failure = self._failure or f"{type(exc).__name__}: {exc}"
        finally:
            self._started.set()

    async def _receive(self) -> Message:
        if not self._supported and not self._started.is_set():
            return {"type": "lifespan.startup"}
        await self._stopping.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "lifespan.startup.complete":
            self._supported = True
            self._started.set()
        elif kind in ("lifespan.startup.failed", "lifespan.shutdown.failed"):
            self._failure = message.get("message") or "no reason given"
            self._started.set()
