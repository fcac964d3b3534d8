"""`FileResponse`: a file, a part of it, several parts, or the news that the client has it already."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import update_wrapper
from mimetypes import guess_type
from secrets import token_hex
from typing import Any, overload

from starlette.background import BackgroundTask
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import FileResponse as StarletteFileResponse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from FasterAPI._conditional import is_not_modified, not_modified, ranges_apply
from FasterAPI._streaming import StreamingResponse
from FasterAPI.concurrency import run_in_threadpool
from httpwire.disposition import format_disposition
from httpwire.ranges import format_content_range, parse_range, resolve_ranges

__all__ = ["FileResponse"]

Part = tuple[bytes, int, int]  # what stands before a part of the file, and its first position and the one behind its last


class FileResponse(StarletteFileResponse):
    """The content of a file, read 64 KiB at a time in threads, never more than was announced.

    It has `Content-Length`, `Last-Modified`, `Accept-Ranges` and a strong `ETag`, all of the moment when the file is opened.
    A client that has it already gets a 304, one that asks for parts of it (RFC 9110 §14) these: 206, or 416 where no part
    is within the file. A `Range` that is malformed or greedy is ignored, as the RFC has it.

    Args:
        path: of a regular file.
        status_code: with any but 200 there are neither conditions nor ranges.
        headers: more fields; one of the above takes the place of the one made here.
        media_type: of the content; None: by the ending of the file name, else of the path.
        background: a task to run when the response was sent, whatever it came to.
        filename: what to save it as. Only with it there is a `Content-Disposition`.
        stat_result: the status of the file, where it is known.
        content_disposition_type: `attachment` or `inline`.

    With a text in the second place the order is `path, filename, media_type, headers, status_code`.

    Raises:
        RuntimeError: when it is sent: there is no such file, or it is none, or it has become shorter meanwhile. The last
            ends the connection, since the length was announced.
        ValueError: the disposition type is no token.
    """

    max_ranges = 100  # that may be asked for
    max_parts = 16  # that may be left of them when those that overlap or touch were merged

    @overload
    def __init__(
        self,
        path: str | os.PathLike[str],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        filename: str | None = None,
        stat_result: os.stat_result | None = None,
        content_disposition_type: str = "attachment",
    ) -> None: ...

    @overload
    def __init__(
        self,
        path: str | os.PathLike[str],
        filename: str,
        media_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        status_code: int = 200,
        *,
        background: BackgroundTask | None = None,
        stat_result: os.stat_result | None = None,
        content_disposition_type: str = "attachment",
    ) -> None: ...

    def __init__(self, path: str | os.PathLike[str], *args: Any, **options: Any) -> None:
        by_name = bool(args) and isinstance(args[0], str)
        (self._set_up_by_name if by_name else self._set_up)(path, *args, **options)

    def _set_up_by_name(
        self,
        path: str | os.PathLike[str],
        filename: str,
        media_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        status_code: int = 200,
        **options: Any,
    ) -> None:
        self._set_up(path, status_code, headers, media_type, filename=filename, **options)

    def _set_up(
        self,
        path: str | os.PathLike[str],
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        background: BackgroundTask | None = None,
        filename: str | None = None,
        stat_result: os.stat_result | None = None,
        content_disposition_type: str = "attachment",
    ) -> None:
        if media_type is None:
            media_type = guess_type(filename or path)[0]
        super().__init__(path, status_code, headers, media_type or "application/octet-stream", background, None, stat_result)
        given = {name.lower() for name in headers or ()}
        self._own = [name for name in ("content-length", "last-modified", "etag") if name not in given]
        self.filename = filename
        if filename is not None:
            disposition = format_disposition(content_disposition_type, filename, encode_controls=True)
            self.headers.setdefault("content-disposition", disposition)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await super().__call__(scope, receive, send)
        # Opened before the first byte, so that what cannot be is still an exception with a status.
        file, found = await run_in_threadpool(self._open)
        with file:
            await self._answer(scope, file, self._headers_of(found))(scope, receive, send)
        if self.background is not None:
            await self.background()

    def _open(self) -> tuple[io.FileIO, os.stat_result]:
        try:
            regular = stat.S_ISREG(os.stat(self.path).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            raise RuntimeError(f"File at path {self.path} does not exist.") from None
        if not regular:  # seen before it is opened: a pipe would wait for its other end
            raise RuntimeError(f"File at path {self.path} is not a file.")
        file = io.FileIO(self.path)
        return file, os.fstat(file.fileno())

    def _headers_of(self, found: os.stat_result) -> MutableHeaders:
        """The fields for the file as it is now, without a trace in those for the next time that this is sent."""
        before = list(self.raw_headers)
        known = self.stat_result
        if known is None or (known.st_size, known.st_mtime_ns) != (found.st_size, found.st_mtime_ns):
            if known is not None:  # another file has taken its place
                for name in self._own:
                    del self.headers[name]
            self.set_stat_headers(found)
        headers = MutableHeaders(raw=list(self.raw_headers))
        headers["content-length"] = str(found.st_size)
        self.raw_headers[:] = before
        return headers

    def _answer(self, scope: Scope, file: io.FileIO, headers: MutableHeaders) -> Any:
        """The response that it comes to."""
        request = Headers(scope=scope)
        size = int(headers["content-length"])
        parts: list[Part] = [(b"", 0, size)]
        status = self.status_code
        ranges: Sequence[tuple[int, int]] | None = None
        if status == 200 and scope["method"] in ("GET", "HEAD"):
            if self.is_not_modified(headers, request):
                return not_modified(headers)
            ranges = self._ranges(request, headers, size)
        if ranges is not None and not ranges:
            return Response(status_code=416, headers={"content-range": format_content_range(None, None, size)})
        if ranges is not None:
            status, parts = 206, self._parts(ranges, headers, size)
        elif "http.response.pathsend" in scope.get("extensions", {}) and scope["method"] != "HEAD":
            return _PathResponse(self.path, status, headers)
        response = Response(status_code=status) if scope["method"] == "HEAD" else StreamingResponse(self._read(file, parts), status)
        response.raw_headers = headers.raw
        return response

    def is_not_modified(self, response_headers: Headers, request_headers: Headers) -> bool:
        """Whether to answer 304, asked for a GET or HEAD that would get a 200."""
        return is_not_modified(request_headers, response_headers)

    def _ranges(self, request: Headers, headers: Headers, size: int) -> Sequence[tuple[int, int]] | None:
        """The parts that are asked for, by their first and last positions; None: the whole."""
        given = request.getlist("range")
        asked = parse_range(given[0], max_ranges=self.max_ranges) if len(given) == 1 else None
        if asked is None or not ranges_apply(request, headers):
            return None
        ranges = resolve_ranges(asked, size)
        return ranges if len(ranges) <= self.max_parts else None

    def _parts(self, ranges: Sequence[tuple[int, int]], headers: MutableHeaders, size: int) -> list[Part]:
        """What to send for ranges. The fields become those of a 206 (RFC 9110 §15.3.7)."""
        if len(ranges) == 1:
            [(first, last)] = ranges
            headers["content-range"] = format_content_range(first, last, size)
            headers["content-length"] = str(last - first + 1)
            return [(b"", first, last + 1)]
        boundary = token_hex(13)
        spans = [(first, last + 1) for first, last in ranges]
        length, head = self.generate_multipart(spans, boundary, size, headers["content-type"])
        headers["content-type"] = f"multipart/byteranges; boundary={boundary}"
        headers["content-length"] = str(length)
        parts = [(b"\r\n" * (number > 0) + head(*span), *span) for number, span in enumerate(spans)]
        return [*parts, (f"\r\n--{boundary}--".encode(), 0, 0)]

    async def _read(self, file: io.FileIO, parts: Sequence[Part]) -> AsyncIterator[bytes]:
        for head, position, end in parts:
            if head:
                yield head
            while position < end:
                chunk = await run_in_threadpool(_read_at, file, position, min(self.chunk_size, end - position))
                if not chunk:
                    raise RuntimeError(f"File at path {self.path} became shorter while it was sent: {end - position} bytes are missing.")
                position += len(chunk)
                yield chunk


update_wrapper(FileResponse.__init__, StarletteFileResponse.__init__, assigned=())  # the signature to be shown


def _read_at(file: io.FileIO, position: int, size: int) -> bytes:
    try:
        file.seek(position)
        return file.read(size)
    except OSError as exc:  # which, of a response, would mean that the client is gone
        raise RuntimeError(f"File at path {file.name!r} cannot be read: {exc}") from exc


class _PathResponse:
    """Leaves the reading to the server (the ASGI extension of path send)."""

    def __init__(self, path: str | os.PathLike[str], status: int, headers: MutableHeaders) -> None:
        self._start = {"type": "http.response.start", "status": status, "headers": headers.raw}
        self._path = os.path.abspath(path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(self._start)
        await send({"type": "http.response.pathsend", "path": self._path})
