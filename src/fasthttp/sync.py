"""The verbs and the client, always blocking, also inside a running event loop."""

from __future__ import annotations

from contextlib import AbstractContextManager
from os import PathLike
from typing import TYPE_CHECKING, Any

from fasthttp._sync import oneshot
from fasthttp.client import SyncClient
from fasthttp.client import SyncClient as Client
from fasthttp.response import ClientResponse

if TYPE_CHECKING:
    from fasthttp.downloads import DownloadResult

__all__ = [
    "Client",
    "SyncClient",
    "delete",
    "download",
    "get",
    "head",
    "options",
    "patch",
    "post",
    "put",
    "query",
    "request",
    "stream",
    "trace",
]


def request(method: str, url: str, **keywords: Any) -> ClientResponse:
    """Send one request; keywords as for `fasthttp.request`."""
    return oneshot.request(method, url, keywords)


def get(url: str, **keywords: Any) -> ClientResponse:
    """Send one GET request."""
    return oneshot.request("GET", url, keywords)


def head(url: str, **keywords: Any) -> ClientResponse:
    """Send one HEAD request."""
    return oneshot.request("HEAD", url, keywords)


def options(url: str, **keywords: Any) -> ClientResponse:
    """Send one OPTIONS request."""
    return oneshot.request("OPTIONS", url, keywords)


def delete(url: str, **keywords: Any) -> ClientResponse:
    """Send one DELETE request."""
    return oneshot.request("DELETE", url, keywords)


def trace(url: str, **keywords: Any) -> ClientResponse:
    """Send one TRACE request."""
    return oneshot.request("TRACE", url, keywords)


def post(url: str, content: Any = None, json: Any = None, data: Any = None, files: Any = None, **keywords: Any) -> ClientResponse:
    """Send one POST request."""
    return oneshot.request("POST", url, {"content": content, "json": json, "data": data, "files": files, **keywords})


def put(url: str, content: Any = None, json: Any = None, data: Any = None, files: Any = None, **keywords: Any) -> ClientResponse:
    """Send one PUT request."""
    return oneshot.request("PUT", url, {"content": content, "json": json, "data": data, "files": files, **keywords})


def patch(url: str, content: Any = None, json: Any = None, data: Any = None, files: Any = None, **keywords: Any) -> ClientResponse:
    """Send one PATCH request."""
    return oneshot.request("PATCH", url, {"content": content, "json": json, "data": data, "files": files, **keywords})


def query(url: str, content: Any = None, json: Any = None, data: Any = None, files: Any = None, **keywords: Any) -> ClientResponse:
    """Send one QUERY request."""
    return oneshot.request("QUERY", url, {"content": content, "json": json, "data": data, "files": files, **keywords})


def stream(method: str, url: str, **keywords: Any) -> AbstractContextManager[ClientResponse]:
    """A context manager that gives the response after its head."""
    return oneshot.stream(method, url, keywords)


def download(url: str, path: str | PathLike[str], **keywords: Any) -> DownloadResult:
    """Download to a file; see `Client.download`."""
    return oneshot.download(url, path, keywords)
