"""The pieces of a body source, of any kind, in both colours. Knows no connections and no framing."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing
from typing import Any

from fasthttp._pure.body import reads_async
from fasthttp.formdata import FormBody

__all__ = ["aiterate", "iterate"]

_PIECE = 65536
_END: Any = object()


def iterate(source: Any, size: int = _PIECE) -> Generator[bytes]:
    """Pieces of at most `size` bytes where the source can be cut; what is async runs on the shared loop thread."""
    if isinstance(source, bytes):
        for at in range(0, len(source), size):
            yield source[at : at + size]
    elif isinstance(source, FormBody):
        yield from _form(source)
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
    elif isinstance(source, FormBody):
        async with aclosing(_aform(source)) as pieces:
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
