# Generated from src/fasthttp/_async/body.py by scripts/unasync.py; change that file instead.
"""The body of a streamed response: received, decoded, bounded, handed out. Knows no connections, only a source."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Callable
from typing import Any, TypeVar

from fasthttp._io.blocking import settle
from fasthttp._pure.decoding import Pipeline
from fasthttp._pure.faults import annotate
from fasthttp._pure.streams import Transform
from fasthttp._pure.tracing import Progress
from fasthttp.errors import FastHTTPError
from fasthttp.models import Request
from fasthttp.response import Response

T = TypeVar("T")

__all__ = ["AsyncBody", "close_response", "read_response", "replay"]


class SyncBody:
    """A body that is read once, by whoever asks first."""

    colour = "sync"
    owner: Any = None  # what has to live as long as this body

    def __init__(
        self, source: Any, pipeline: Pipeline, request: Request | None, on_download: Callable[[int, int | None], Any] | None = None
    ) -> None:
        self._source = source
        self._pipeline = pipeline
        self._request = request
        self.progress = None if on_download is None else Progress(on_download, source.content_length)  # None: tells nobody
        self.closed = False

    @property
    def trailers(self) -> Any:
        return self._source.trailers

    def pieces(self, raw: bool = False) -> Iterator[bytes]:
        """Bytes as they become available: decoded, or as received."""
        source, pipeline = self._source, self._pipeline
        plain = raw or pipeline.is_plain
        try:
            while data := source.next():
                if self.progress is not None:
                    settle(self.progress.add(len(data)))
                if plain:
                    yield data
                else:
                    for piece in pipeline.feed(data):
                        yield piece
            if not raw:
                pipeline.flush()
            if self.progress is not None:
                settle(self.progress.finish())
            source.release()
            self.closed = True
        except GeneratorExit:
            raise  # the reader stopped; the rest is for whoever closes the response
        except BaseException as exc:
            self.abandon()
            if self._request is not None and isinstance(exc, FastHTTPError):
                annotate(exc, self._request)
            raise

    def iterate(self, transform: Transform[T], raw: bool) -> Iterator[T]:
        """The items that `transform` makes of the body."""
        if transform.is_identity:
            return self.pieces(raw)  # type: ignore[return-value]
        return self._transformed(transform, raw)

    def _transformed(self, transform: Transform[T], raw: bool) -> Iterator[T]:
        for piece in self.pieces(raw):
            for item in transform.feed(piece):
                yield item
        for item in transform.flush():
            yield item

    def read(self) -> bytes:
        """All of it, decoded."""
        return b"".join([piece for piece in self.pieces()])

    def limit_total(self, seconds: float | None) -> None:
        """Let the rest take no longer than this, where it comes over a connection; None: as long as it likes."""
        limit = getattr(self._source, "limit_total", None)
        if limit is not None:
            limit(seconds)

    def close(self) -> None:
        """Let go of the rest."""
        if not self.closed:
            self.closed = True
            self._source.close()

    def abandon(self) -> None:
        """Let go of the rest at once."""
        if not self.closed:
            self.closed = True
            self._source.abandon()

    def __del__(self) -> None:
        if not self.closed:
            warnings.warn(f"unclosed streamed response to {self._request!r}", ResourceWarning, source=self, stacklevel=2)
            self.abandon()


def read_response(response: Response) -> bytes:
    """Read what is left of a response's body and keep it."""
    if response._content is None:
        body = response._live("sync", "the other of read() and aread()")
        response._content = body.read()
        response._state = "buffered"
    return response._content


def close_response(response: Response) -> None:
    """Release the connection of a response, once."""
    if response._state in ("live", "consumed") and response._content is None:
        body: Any = response._body
        if body.colour != "sync":
            raise RuntimeError("this response belongs to a client of the other kind: use the other of close() and aclose()")
        if not body.closed or response._state == "live":
            response._state = "closed"
        body.close()


def replay(items: list[T]) -> Iterator[T]:
    """Items that are here already, for `async for`."""
    for item in items:
        yield item
