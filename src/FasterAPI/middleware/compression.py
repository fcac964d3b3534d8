"""`CompressionMiddleware`: answers in a content coding that the client takes (RFC 9110 §8.4, §12.5.3). GZip's mechanism too."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from FasterAPI.middleware._fields import amended
from httpwire.coding import Encoder, available_codings, choose_coding

__all__ = ["EXCLUDED_CONTENT_TYPES", "CompressionMiddleware"]

# Events are to arrive one by one, and the rest is compressed already.
EXCLUDED_CONTENT_TYPES = tuple(
    "application/grpc application/gzip application/vnd.rar application/x-7z-compressed application/x-brotli application/x-bzip2"
    " application/x-gzip application/x-xz application/zip application/zstd audio/* font/woff font/woff2 image/avif image/gif"
    " image/heic image/jp2 image/jpeg image/jxl image/png image/webp text/event-stream video/*".split()
)
_LONG = 256  # bytes of Accept-Encoding, beyond any that is honest: not worth remembering
_REPLACED = frozenset((b"accept-ranges", b"content-encoding", b"content-length", b"etag"))
_FILES = ("http.response.pathsend", "http.response.zerocopysend")  # the server itself reads the body

_threads: RunVar[anyio.CapacityLimiter] = RunVar("FasterAPI_compression_threads")


def _limiter() -> anyio.CapacityLimiter:
    """Threads of their own: operations that block all the others do not hold up answers."""
    try:
        return _threads.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(min(32, (os.cpu_count() or 1) + 4))
        _threads.set(limiter)
        return limiter


def _chosen(accepted: bytes, offers: tuple[str, ...]) -> str | None:
    return choose_coding(accepted.decode("latin-1"), offers)


_chosen_before = lru_cache(maxsize=256)(_chosen)


class CompressionMiddleware:
    """Compresses answers, streams item by item, in the coding that the client likes best.

    Left as they are: answers to HEAD, of status 1xx, 204, 206 and 304, that have a `Content-Encoding` already, that
    say `no-transform`, of excluded types, smaller than the minimum, and files that the server sends by itself.

    Args:
        app: what comes next.
        minimum_size: bytes below which a body is not worth it.
        encodings: of "zstd", "br", "gzip" and "deflate", the best first; those whose library is missing are not offered.
        levels: by coding, on the scale of its library.
        exclude_content_types: of answers that are left alone; `image/*` stands for all images.
        thread_minimum_size: bytes from which a piece is compressed in a thread.

    Raises:
        ValueError: for a coding that does not exist, or a level that it does not have.
    """

    def __init__(
        self,
        app: ASGIApp,
        minimum_size: int = 500,
        *,
        encodings: Sequence[str] = ("zstd", "br", "gzip"),
        levels: Mapping[str, int] | None = None,
        exclude_content_types: Sequence[str] = EXCLUDED_CONTENT_TYPES,
        thread_minimum_size: int = 128 * 1024,
    ) -> None:
        levels = levels or {}
        for name in (*encodings, *levels):
            if name not in ("zstd", "br", "gzip", "deflate"):
                raise ValueError(f"encodings and levels: there is no {name!r}, but zstd, br, gzip and deflate")
        self.app = app
        self.minimum_size = minimum_size
        self.thread_minimum_size = thread_minimum_size
        self.encodings = tuple(name for name in encodings if name in available_codings())
        self.levels = {name: levels.get(name) for name in self.encodings}
        self.exclude_content_types = tuple(kind.partition(";")[0].strip().lower() for kind in exclude_content_types)
        self._excluded = frozenset(kind.encode("latin-1") for kind in self.exclude_content_types)
        for name, level in self.levels.items():
            try:
                Encoder(name, level=level).flush()
            except Exception as exc:  # each library has an error class of its own
                raise ValueError(f"levels: {name} has no level {level!r}: {exc}") from exc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        accepted = b""
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                accepted += b"," + value if accepted else value
        choose = _chosen_before if len(accepted) <= _LONG else _chosen
        await self.app(scope, receive, _Answer(self, choose(accepted, self.encodings), scope["method"] == "HEAD", send).take)

    def takes(self, start: Message) -> bool:
        """Whether an answer that starts like this may be compressed."""
        status = start["status"]
        if status < 200 or status in (204, 206, 304):
            return False
        for name, value in start.get("headers") or ():
            name = name.lower()
            if name == b"content-encoding" or (name == b"cache-control" and b"no-transform" in value.lower()):
                return False
            if name == b"content-type":
                media = value.partition(b";")[0].strip().lower()
                family = b"application/grpc" if media.startswith(b"application/grpc+") else media.partition(b"/")[0] + b"/*"
                if media in self._excluded or family in self._excluded:
                    return False
        return True


class _Answer:
    """One answer on its way out."""

    __slots__ = ("_coding", "_encoder", "_is_head", "_send", "_settings", "_start")

    def __init__(self, settings: CompressionMiddleware, coding: str | None, is_head: bool, send: Send) -> None:
        self._settings = settings
        self._coding = coding
        self._is_head = is_head
        self._send = send
        self._start: Message | None = None  # held until the body has begun, and with it is known how it goes on
        self._encoder: Encoder | None = None

    async def take(self, message: Message) -> None:
        kind = message["type"]
        if kind == "http.response.start" and self._settings.takes(message):
            self._start = message
        elif kind == "http.response.body" and self._start is not None:
            start, self._start = self._start, None
            await self._begin(start, message)
        elif kind == "http.response.body" and self._encoder is not None:
            await self._send(await self._packed(self._encoder, message))
        else:
            if kind in _FILES and self._start is not None:
                start, self._start = self._start, None
                await self._send(start)
            await self._send(message)

    async def _begin(self, start: Message, message: Message) -> None:
        is_whole = not message.get("more_body", False)
        size = len(message.get("body", b"")) if is_whole and not self._is_head else _announced(start)
        if size is not None and size < max(self._settings.minimum_size, 1):
            await self._send(start)
        elif self._coding is None or self._is_head:
            await self._send({**start, "headers": amended(start.get("headers"), (), b"Accept-Encoding")})
        else:
            self._encoder = Encoder(self._coding, level=self._settings.levels[self._coding])
            message = await self._packed(self._encoder, message)
            fields = [(b"content-encoding", self._coding.encode())]
            fields += [(name, _weak(value)) for name, value in start.get("headers") or () if name.lower() == b"etag"]
            if is_whole and not start.get("trailers", False):
                fields.append((b"content-length", b"%d" % len(message["body"])))
            await self._send({**start, "headers": amended(start.get("headers"), fields, b"Accept-Encoding", _REPLACED)})
        await self._send(message)

    async def _packed(self, encoder: Encoder, message: Message) -> Message:
        body, more = message.get("body", b""), message.get("more_body", False)
        if len(body) >= self._settings.thread_minimum_size:
            packed = await anyio.to_thread.run_sync(_pack, encoder, body, more, limiter=_limiter())
        else:
            packed = _pack(encoder, body, more)
        return {**message, "body": packed}


def _pack(encoder: Encoder, body: Any, more: bool) -> bytes:
    """A piece of the coded body that can be decoded as soon as it is there."""
    if not more:
        return encoder.feed(bytes(body)) + encoder.flush()
    return encoder.feed(bytes(body)) + encoder.sync() if body else b""


def _announced(start: Message) -> int | None:
    """The length of a body that does not come in one piece, if it was announced."""
    for name, value in start.get("headers") or ():
        if name.lower() == b"content-length" and value.isdigit():
            return int(value)
    return None


def _weak(etag: bytes) -> bytes:
    """A validator of what is the same in meaning, not byte by byte (RFC 9110 §8.8.1)."""
    return b"W/" + etag if etag.startswith(b'"') else etag
