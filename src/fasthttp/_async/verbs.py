"""The verbs of a client, with exact types. Each is one call of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from fasthttp.response import ClientResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from fasthttp._async.engine import AsyncEngine
    from fasthttp._async.sse import AsyncEventStream
    from fasthttp.downloads import DownloadResult
    from fasthttp.models import Request
    from fasthttp.types import BodyTypes, DataTypes, FileTypes, PostOptions, RequestOptions

__all__ = ["AsyncStream", "AsyncVerbs"]


class AsyncVerbs:
    """What a client can be asked for. Keywords: see `Client.request`."""

    _engine: AsyncEngine | None = None

    def _running(self) -> AsyncEngine:
        """The engine, made when it is first needed."""
        raise TypeError("not a client")

    async def request(self, method: str, url: str, **options: Unpack[RequestOptions]) -> ClientResponse:
        """Send a request with any method; see `Client.request`."""
        return await (self._engine or self._running()).request(method, url, options)

    async def get(self, url: str, **options: Unpack[RequestOptions]) -> ClientResponse:
        """Send a GET request."""
        return await (self._engine or self._running()).request("GET", url, options)

    async def head(self, url: str, **options: Unpack[RequestOptions]) -> ClientResponse:
        """Send a HEAD request."""
        return await (self._engine or self._running()).request("HEAD", url, options)

    async def options(self, url: str, **options: Unpack[RequestOptions]) -> ClientResponse:
        """Send an OPTIONS request."""
        return await (self._engine or self._running()).request("OPTIONS", url, options)

    async def delete(self, url: str, **options: Unpack[RequestOptions]) -> ClientResponse:
        """Send a DELETE request."""
        return await (self._engine or self._running()).request("DELETE", url, options)

    async def trace(self, url: str, **options: Unpack[RequestOptions]) -> ClientResponse:
        """Send a TRACE request."""
        return await (self._engine or self._running()).request("TRACE", url, options)

    async def post(
        self,
        url: str,
        content: BodyTypes | None = None,
        json: Any = None,
        data: DataTypes | None = None,
        files: FileTypes | None = None,
        **options: Unpack[PostOptions],
    ) -> ClientResponse:
        """Send a POST request."""
        return await (self._engine or self._running()).request(
            "POST", url, {"content": content, "json": json, "data": data, "files": files, **options}
        )

    async def put(
        self,
        url: str,
        content: BodyTypes | None = None,
        json: Any = None,
        data: DataTypes | None = None,
        files: FileTypes | None = None,
        **options: Unpack[PostOptions],
    ) -> ClientResponse:
        """Send a PUT request."""
        return await (self._engine or self._running()).request(
            "PUT", url, {"content": content, "json": json, "data": data, "files": files, **options}
        )

    async def patch(
        self,
        url: str,
        content: BodyTypes | None = None,
        json: Any = None,
        data: DataTypes | None = None,
        files: FileTypes | None = None,
        **options: Unpack[PostOptions],
    ) -> ClientResponse:
        """Send a PATCH request."""
        return await (self._engine or self._running()).request(
            "PATCH", url, {"content": content, "json": json, "data": data, "files": files, **options}
        )

    async def query(
        self,
        url: str,
        content: BodyTypes | None = None,
        json: Any = None,
        data: DataTypes | None = None,
        files: FileTypes | None = None,
        **options: Unpack[PostOptions],
    ) -> ClientResponse:
        """Send a QUERY request: safe and repeatable as GET, with a body."""
        return await (self._engine or self._running()).request(
            "QUERY", url, {"content": content, "json": json, "data": data, "files": files, **options}
        )

    async def send(self, request: Request, **options: Unpack[PostOptions]) -> ClientResponse:
        """Send a request that was built before; this client's defaults are merged into a copy of it."""
        return await (self._engine or self._running()).send(request, options)

    def stream(self, method: str, url: str, **options: Unpack[RequestOptions]) -> AsyncStream:
        """A context manager that gives the response after its head and closes it at the end."""
        return AsyncStream(self._engine or self._running(), method, url, options)

    async def download(
        self,
        url: str,
        path: str | PathLike[str],
        *,
        resume: bool = True,
        progress: Callable[[int, int | None], Any] | None = None,
        checksum: str | None = None,
        overwrite: bool = True,
        chunk_size: int = 1 << 20,
        **options: Unpack[PostOptions],
    ) -> DownloadResult:
        """Download to a file; see `Client.download`."""
        from fasthttp._async.download import download

        return await download(
            self._engine or self._running(),
            url,
            path,
            options,
            resume=resume,
            progress=progress,
            checksum=checksum,
            overwrite=overwrite,
            chunk_size=chunk_size,
        )

    def sse(
        self,
        url: str,
        *,
        method: str = "GET",
        reconnect: bool = False,
        max_retries: int = 0,
        backoff: float = 1.0,
        last_event_id: str | None = None,
        **options: Unpack[RequestOptions],
    ) -> AsyncEventStream:
        """Follow server-sent events; see `Client.sse`."""
        from fasthttp._async.sse import AsyncEventStream

        return AsyncEventStream(
            self._engine or self._running(),
            method,
            url,
            options,
            reconnect=reconnect,
            max_retries=max_retries,
            backoff=backoff,
            last_event_id=last_event_id,
        )


class AsyncStream:
    """Holds a streamed response for the length of a `with` block."""

    def __init__(self, engine: AsyncEngine, method: str, url: str, options: Any) -> None:
        self._engine = engine
        self._arguments = (method, url, {**options, "stream": True})
        self._response: Response | None = None

    async def __aenter__(self) -> ClientResponse:
        response = await self._engine.request(*self._arguments)
        self._response = response
        return response

    async def __aexit__(self, *exc_info: object) -> None:
        if self._response is not None:
            await self._response.aclose()
