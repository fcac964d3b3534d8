"""Following an event stream: ask, read, wait, ask again. What is decided on the way is `_pure`'s."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from random import random
from typing import TYPE_CHECKING, Any, Self

from fasthttp._pure.eventstream import ask, caller_fields, check_repeatable, is_transient, wrong_type
from fasthttp._pure.faults import annotate
from fasthttp._pure.reconnect import Reconnect
from fasthttp.errors import FastHTTPError, HTTPStatusError, ReadError, RemoteProtocolError, StreamClosed
from fasthttp.response import ClientResponse
from httpwire.errors import ProtocolError
from httpwire.sse import MAX_EVENT_SIZE, EventParser, SSEEvent

if TYPE_CHECKING:
    from fasthttp._async.engine import AsyncEngine

__all__ = ["AsyncEventStream"]


class AsyncEventStream:
    """The events of a URL, one by one; see `Client.sse`. Entering it connects, leaving it closes the connection.

    Without `with` it connects when the first event is asked for, and `close` ends it.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        method: str,
        url: str,
        options: Mapping[str, Any],
        *,
        reconnect: bool = False,
        max_retries: int = 0,
        backoff: float = 1.0,
        last_event_id: str | None = None,
        max_event_size: int = MAX_EVENT_SIZE,
    ) -> None:
        if "stream" in options:
            raise TypeError("unexpected keyword argument 'stream': an event stream is always streamed")
        engine.config.call(options)  # keywords that are wrong are so now, not at the first event
        if reconnect:
            check_repeatable(options)
        self._fields, given = caller_fields(options.get("headers"))
        self._engine = engine
        self._method = method
        self._url = url
        self._options = options
        self._reconnect = reconnect
        self._tries = Reconnect(backoff, max_retries, random)
        self._max_event_size = max_event_size
        self._parser = EventParser(last_event_id if given is None else given)
        self._events: Iterator[SSEEvent] = iter(())  # of the bytes that came last
        self._pieces: AsyncIterator[bytes] | None = None
        self._response: ClientResponse | None = None
        self._ended = False

    @property
    def response(self) -> ClientResponse:
        """The response that the events come from; after a reconnection another one."""
        if self._response is None:
            raise RuntimeError("the event stream has had no response yet: enter it, or ask for an event")
        return self._response

    @property
    def last_event_id(self) -> str | None:
        """The id of the last event that was given out, what a later stream can go on from; None where there was none."""
        return self._parser.last_event_id

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SSEEvent:
        while True:
            try:
                event = next(self._events, None)
            except ProtocolError as exc:
                await self.aclose()
                raise self._about(RemoteProtocolError(str(exc))) from exc
            if event is not None:
                self._tries.arrived()
                return event
            if self._pieces is None:
                await self._open()
            if self._pieces is None:
                raise StopAsyncIteration
            await self._receive(self._pieces)

    async def aclose(self) -> None:
        """Let go of the connection; iteration ends. Harmless when it is done already."""
        self._ended = True
        self._events = iter(())
        self._pieces = None
        if self._response is not None:
            await self._response.aclose()

    async def _open(self) -> None:
        """Ask until there is a stream, or the end of it."""
        if self._response is not None and not self._reconnect and not self._ended:
            raise StreamClosed("the event stream was broken off inside a wait for the next event", url=self._url, method=self._method)
        while self._pieces is None and not self._ended:
            config = self._engine.config
            changed: dict[str, Any] = {"stream": True, "headers": ask(self._fields, self.last_event_id)}
            changed["timeout"] = config.call(self._options).timeout.with_total(None)
            try:
                response = await self._engine.request(self._method, self._url, {**self._options, **changed})
            except FastHTTPError as exc:
                await self._failed(exc)
            else:
                await self._begin(response)

    async def _begin(self, response: ClientResponse) -> None:
        """Read the head of a response."""
        self._response = response
        if response.status_code == 204 or self._ended:
            await self.aclose()
        elif response.status_code >= 400:
            await self._engine._drain(response)  # what went wrong may be said in it
            try:
                response.raise_for_status()
            except HTTPStatusError as exc:
                await self._failed(exc)
        elif (error := wrong_type(response)) is not None:
            await self.aclose()
            raise self._about(error)
        else:
            self._parser = EventParser(self.last_event_id, max_size=self._max_event_size)
            self._pieces = response.aiter_bytes().__aiter__()

    async def _receive(self, pieces: AsyncIterator[bytes]) -> None:
        """Take the next bytes, or notice that there are none."""
        try:
            piece = await anext(pieces, None)
        except FastHTTPError as exc:
            await self._failed(exc)
        except BaseException:
            self._pieces = None  # the body has given up its connection
            raise
        else:
            if piece is not None:
                self._events = self._parser.feed(piece)
            elif self._reconnect:
                await self._failed(self._about(ReadError("the event stream ended")))
            else:
                await self.aclose()

    async def _failed(self, error: FastHTTPError) -> None:
        """Wait for the next try; raise the error if there is none."""
        self._pieces = None
        if self._response is not None:
            await self._response.aclose()
        if self._ended:
            return  # closed by somebody else, who knows
        if self._parser.retry is not None:
            self._tries.advise(self._parser.retry)
            self._parser.retry = None
        seconds = self._tries.failed() if self._reconnect and is_transient(error) else None
        if seconds is None:
            self._ended = True
            raise error
        await self._engine.pause(seconds)

    def _about(self, error: FastHTTPError) -> FastHTTPError:
        annotate(error, self.response.request, sensitive=self._engine.config.sensitive)
        return error
