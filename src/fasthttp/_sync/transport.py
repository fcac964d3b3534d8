# Generated from src/fasthttp/_async/transport.py by scripts/unasync.py; change that file instead.
"""Sending through a transport of the user's in place of the network."""

from __future__ import annotations

from time import monotonic
from typing import Any

from fasthttp._io.blocking import pause, settle, transport_closed, transported
from fasthttp._pure.call import Call
from fasthttp.errors import FastHTTPError, ReadTimeout, TotalTimeout
from fasthttp.models import Request
from fasthttp.response import Response

__all__ = ["AsyncTransportSender", "close_transport"]


class SyncTransportSender:
    """Gives requests to a transport, under the time limits of the call."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    def send(self, request: Request, call: Call, total_at: float | None) -> Any:
        request.encode_head()
        request.timeout = call.timeout
        limit = call.timeout.read
        left = None if total_at is None else max(0.0, total_at - monotonic())
        by_total = left is not None and (limit is None or left < limit)
        seconds = left if by_total else limit
        try:
            response = settle(transported(self.transport, request), seconds)
        except TimeoutError as exc:
            if isinstance(exc, FastHTTPError):
                raise
            if by_total:
                total = call.timeout.total
                raise TotalTimeout(f"total timeout after {total:g} s", phase="total", limit=total) from exc
            raise ReadTimeout(f"read timeout after {limit:g} s", phase="read", limit=limit) from exc
        if not isinstance(response, Response):
            raise TypeError(f"{type(self.transport).__name__} returned {type(response).__name__}; a transport must return a Response")
        return _adopt(response, request, call)

    def pause(self, seconds: float) -> None:
        """Wait between two attempts; not at all where the transport is one for tests that need no waits."""
        if not getattr(self.transport, "fast", False):
            pause(seconds)


def _adopt(response: Response, request: Request, call: Call) -> Any:
    """A copy of what the transport returned, as the caller's kind of response: the same one may be returned again."""
    adopted = call.response_class.__new__(call.response_class)
    adopted.__dict__.update(response.__dict__)
    if adopted._request is None:
        adopted._request = request
    adopted._sets_cookies = "set-cookie" in adopted.headers
    return adopted


def close_transport(transport: Any) -> None:
    """Close a client's transport, if it has one, whichever half of it exists."""
    if transport is not None:
        transport_closed(transport)
