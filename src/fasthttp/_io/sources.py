"""The pieces of a body source, of any kind, in both colours, and how far they have been read. Knows no connections and no
framing."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

from fasthttp._pure.body import Body, reads_async
from fasthttp._pure.tracing import Progress
from fasthttp.formdata import FormBody

if TYPE_CHECKING:
    from fasthttp.models import Request

__all__ = ["ReportingBody", "aiterate", "iterate", "reporting"]

_PIECE = 65536
_END: Any = object()


def iterate(source: Any, size: int = _PIECE) -> Generator[bytes]:
    """Pieces of at most `size` bytes where the source can be cut; what is async runs on the shared loop thread."""
    if isinstance(source, bytes):
        for at in range(0, len(source), size):
            yield source[at : at + size]
    elif isinstance(source, FormBody):
        yield from _form(source)
    elif isinstance(source, _Reported):
        yield from source.iterate(size)
    elif isinstance(source, os.PathLike):
        with open(source, "rb") as file:
            yield from _read(file, size)
    elif reads_async(source):
        from fasthttp._io.bridge import run_coroutine

        while piece := run_coroutine(source.read(size)):
            yield _as_bytes(piece)
    elif hasattr(source, "read"):
        yield from _read(source, size)
    else:
        if hasattr(source, "__aiter__"):
            from fasthttp._io import bridge

            source = bridge.iterate(source)
        for piece in source:
            if piece:
                yield _as_bytes(piece)


def _read(file: Any, size: int) -> Generator[bytes]:
    while piece := file.read(size):
        yield _as_bytes(piece)


def _form(form: FormBody) -> Generator[bytes]:
    for segment in form.segments:
        if isinstance(segment, bytes):
            yield from iterate(segment, form.chunk_size)
            continue
        given = 0
        with closing(iterate(segment.body.start(), form.chunk_size)) as pieces:
            for piece in pieces:
                given += len(piece)
                segment.check(given)
                yield piece
        segment.check(given, ended=True)


async def aiterate(source: Any, size: int = _PIECE) -> AsyncGenerator[bytes]:
    """As `iterate`; files and sync iterators are read in a worker thread."""
    if isinstance(source, bytes):
        for at in range(0, len(source), size):
            yield source[at : at + size]
    elif isinstance(source, (FormBody, _Reported)):
        async with aclosing(_aform(source) if isinstance(source, FormBody) else source.aiterate(size)) as pieces:
            async for piece in pieces:
                yield piece
    elif reads_async(source):
        while piece := await source.read(size):
            yield _as_bytes(piece)
    elif hasattr(source, "__aiter__"):
        async for piece in source:
            if piece:
                yield _as_bytes(piece)
    else:
        async with aclosing(_threaded(source, size)) as pieces:
            async for piece in pieces:
                yield piece


async def _threaded(source: Any, size: int) -> AsyncGenerator[bytes]:
    import asyncio  # a blocking client does without

    pieces = iterate(source, size)
    try:
        while (piece := await asyncio.to_thread(next, pieces, _END)) is not _END:
            yield piece
    finally:
        try:
            pieces.close()
        except ValueError:
            pass  # a worker thread is still in it; it ends with that thread


async def _aform(form: FormBody) -> AsyncGenerator[bytes]:
    for segment in form.segments:
        if isinstance(segment, bytes):
            for piece in iterate(segment, form.chunk_size):
                yield piece
            continue
        given = 0
        async with aclosing(aiterate(segment.body.start(), form.chunk_size)) as pieces:
            async for piece in pieces:
                given += len(piece)
                segment.check(given)
                yield piece
        segment.check(given, ended=True)


def _as_bytes(piece: Any) -> bytes:
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, (bytearray, memoryview)):
        return bytes(piece)
    raise TypeError(f"a body source gave {type(piece).__name__}, not bytes or text")


class ReportingBody(Body):
    """The body of a request, telling a function of the user's how far it has been read."""

    __slots__ = ("_body", "_report", "_total")

    def __init__(self, body: Body, report: Any, total: int | None) -> None:
        super().__init__(body.content, length=body.length, content_type=body.content_type)
        self._body = body
        self._report = report
        self._total = total

    @property
    def is_replayable(self) -> bool:
        return self._body.is_replayable

    def start(self, asked_by: Any = None) -> Any:
        return _Reported(self._body.start(asked_by), Progress(self._report, self._total))


class _Reported:
    """A source that was started, in either colour."""

    def __init__(self, source: Any, progress: Progress) -> None:
        self._source = source
        self._progress = progress

    def iterate(self, size: int) -> Generator[bytes]:
        from fasthttp._io.blocking import settle

        with closing(iterate(self._source, size)) as pieces:
            for piece in pieces:
                yield piece
                settle(self._progress.add(len(piece)))
        settle(self._progress.finish())

    async def aiterate(self, size: int) -> AsyncGenerator[bytes]:
        from fasthttp._io.asyncio import settle

        async with aclosing(aiterate(self._source, size)) as pieces:
            async for piece in pieces:
                yield piece
                await settle(self._progress.add(len(piece)))
        await settle(self._progress.finish())


def reporting(request: Request, report: Any) -> Request:
    """The same request, whose body tells `report` of the bytes read and the bytes in all (None where not known)."""
    assert request.body is not None
    watched = request.derive(headers=request.headers, body=ReportingBody(request.body, report, request.announced))
    watched._head, watched.announced, watched.auth_round = request._head, request.announced, request.auth_round
    return watched
