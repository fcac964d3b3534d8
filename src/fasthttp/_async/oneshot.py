"""One call with a client of its own: nothing survives it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from os import PathLike
from typing import TYPE_CHECKING, Any

from fasthttp._pure.keywords import split_keywords
from fasthttp.client import AsyncClient
from fasthttp.limits import Limits
from fasthttp.response import ClientResponse

if TYPE_CHECKING:
    from fasthttp.downloads import DownloadResult

__all__ = ["download", "request", "stream"]


async def request(method: str, url: str, keywords: dict[str, Any]) -> ClientResponse:
    """The response of a single request; with `stream=True` its connection lives until the response is done."""
    settings, options = split_keywords(keywords)
    if options.get("stream"):
        if not {"limits", "pool", "transport"} & settings.keys():
            settings["limits"] = Limits(keepalive_expiry=0)
        client = AsyncClient(**settings)
        response = await client.request(method, url, **options)
        if response._body is not None:
            response._body.owner = client  # or it would close its connections when it is dropped here
        return response
    async with AsyncClient(**settings) as client:
        return await client.request(method, url, **options)


@asynccontextmanager
async def stream(method: str, url: str, keywords: dict[str, Any]) -> AsyncIterator[ClientResponse]:
    """The response of a single request after its head, closed at the end of the block."""
    settings, options = split_keywords(keywords)
    async with AsyncClient(**settings) as client, client.stream(method, url, **options) as response:
        yield response


async def download(url: str, path: str | PathLike[str], keywords: dict[str, Any]) -> DownloadResult:
    """The file of a single request."""
    settings, options = split_keywords(keywords)
    async with AsyncClient(**settings) as client:
        return await client.download(url, path, **options)
