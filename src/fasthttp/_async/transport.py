"""Sending through a transport of the user's in place of the network."""

from __future__ import annotations

from time import monotonic
from typing import Any

from fasthttp._io.asyncio import pause, settle, transport_closed, transported
from fasthttp._io.sources import reporting
from fasthttp._pure.call import Call, refuse_overrides
from fasthttp._pure.tracing import Tracer
from fasthttp.errors import FastHTTPError, ReadTimeout, TotalTimeout
from fasthttp.models import Request
from fasthttp.response import Response

__all__ = ["AsyncTransportSender", "close_transport"]


class AsyncTransportSender:
    """Gives requests to a transport, under the time limits of the call."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    async def send(self, request: Request, call: Call, total_at: float | None) -> Any:
        """The response of the transport, as the caller's kind of response."""
        if call.overrides is not None:
            refuse_overrides(call.overrides, self.transport)
        request.encode_head()
        request.timeout = call.timeout
        given = request if call.on_upload is None or request.body is None else reporting(request, call.on_upload)
        trace = call.trace
        if trace is not None:
            url = request.parsed_url
            trace.origin = f"{url.scheme}://{url.host_header.decode('ascii')}"
            trace.start("request.headers")
            trace.start("response.headers")  # when the transport has sent all, only it could tell
        asked = monotonic()
        try:
            response = _adopt(await self._answer(given, call, total_at), call)
        except BaseException as exc:
            if trace is not None:
                trace.fail(exc)
            raise
        if response._request is None or response._request is given:
            response._request = request
        if trace is not None:
            trace.start("response.body")
        _measure(response, asked, trace)
        content = response._content
        if content is not None and call.on_download is not None:
            await settle(call.on_download(len(content), len(content)))
        return response

    async def _answer(self, request: Request, call: Call, total_at: float | None) -> Response:
        limit = call.timeout.read
        left = None if total_at is None else max(0.0, total_at - monotonic())
        by_total = left is not None and (limit is None or left < limit)
        seconds = left if by_total else limit
        try:
            response = await settle(transported(self.transport, request), seconds)
        except TimeoutError as exc:
            if isinstance(exc, FastHTTPError):
                raise
            if by_total:
                total = call.timeout.total
                raise TotalTimeout(f"total timeout after {total:g} s", phase="total", limit=total) from exc
            raise ReadTimeout(f"read timeout after {limit:g} s", phase="read", limit=limit) from exc
        if not isinstance(response, Response):
            raise TypeError(f"{type(self.transport).__name__} returned {type(response).__name__}; a transport must return a Response")
        return response

    async def pause(self, seconds: float) -> None:
        """Wait between two attempts; not at all where the transport is one for tests that need no waits."""
        if not getattr(self.transport, "fast", False):
            await pause(seconds)


def _adopt(response: Response, call: Call) -> Any:
    """A copy of what the transport returned, as the caller's kind of response: the same one may be returned again."""
    adopted = call.response_class.__new__(call.response_class)
    adopted.__dict__.update(response.__dict__)
    adopted._sets_cookies = "set-cookie" in adopted.headers
    return adopted


def _measure(response: Response, asked: float, trace: Tracer | None) -> None:
    """Note when a response began and ended, unless it came from the network and has noted that itself."""
    fresh = response._moments is None
    if fresh:
        response._moments = [asked, 0.0, None, asked, monotonic(), 0.0]
    moments: Any = response._moments
    if response._content is not None:
        moments[5] = moments[5] or monotonic()
        if trace is not None:
            trace.end()
    elif response._source is not None and (fresh or trace is not None):
        response._source = _MeasuredSource(response._source, moments, trace)


class _MeasuredSource:
    """A body source of a transport, and the note of its end."""

    def __init__(self, source: Any, moments: list[Any], trace: Tracer | None) -> None:
        self._source = source
        self._moments = moments
        self._trace = trace
        self.content_length = source.content_length
        self.aclose = source.aclose
        self.abandon = source.abandon
        self.limit_total = getattr(source, "limit_total", None)

    @property
    def trailers(self) -> Any:
        return self._source.trailers

    async def next(self) -> bytes:
        try:
            data: bytes = await self._source.next()
        except BaseException as exc:
            if self._trace is not None:
                self._trace.fail(exc)
            raise
        return data

    def release(self) -> None:
        self._moments[5] = monotonic()
        if self._trace is not None:
            self._trace.end()
        self._source.release()


async def close_transport(transport: Any) -> None:
    """Close a client's transport, if it has one, whichever half of it exists."""
    if transport is not None:
        await transport_closed(transport)
