"""The verbs and the client, always blocking, also inside a running event loop."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from fasthttp._pure.later import not_yet
from fasthttp._sync import oneshot
from fasthttp.client import SyncClient
from fasthttp.client import SyncClient as Client
from fasthttp.response import ClientResponse

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


def download(url: str, path: Any, **keywords: Any) -> Any:
    """Later: download to a file."""
    not_yet("fasthttp.sync.download()")
