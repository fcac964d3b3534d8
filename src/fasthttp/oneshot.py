"""The module-level verbs: each call has a client of its own. Blocking, or awaitable inside a running event loop."""

from __future__ import annotations

from typing import Any

from fasthttp.client import _in_loop

__all__ = ["delete", "download", "get", "head", "options", "patch", "post", "put", "query", "request", "stream", "trace"]


def request(method: str, url: str, **keywords: Any) -> Any:
    """Send one request.

    Args:
        method: any token but CONNECT.
        url: absolute.
        keywords: those of `Client.request` and those of `Client` whose names do not collide.

    Returns:
        The response, or in a running event loop an awaitable of it.
    """
    if _in_loop():
        from fasthttp._async import oneshot

        return oneshot.request(method, url, keywords)
    from fasthttp.sync import request as blocking

    return blocking(method, url, **keywords)


def get(url: str, **keywords: Any) -> Any:
    """Send one GET request; see `request`."""
    return request("GET", url, **keywords)


def head(url: str, **keywords: Any) -> Any:
    """Send one HEAD request; see `request`."""
    return request("HEAD", url, **keywords)


def options(url: str, **keywords: Any) -> Any:
    """Send one OPTIONS request; see `request`."""
    return request("OPTIONS", url, **keywords)


def delete(url: str, **keywords: Any) -> Any:
    """Send one DELETE request; see `request`."""
    return request("DELETE", url, **keywords)


def trace(url: str, **keywords: Any) -> Any:
    """Send one TRACE request; see `request`."""
    return request("TRACE", url, **keywords)


def post(url: str, content: Any = None, json: Any = None, data: Any = None, files: Any = None, **keywords: Any) -> Any:
    """Send one POST request; see `request`."""
    return request("POST", url, content=content, json=json, data=data, files=files, **keywords)


def put(url: str, content: Any = None, json: Any = None, data: Any = None, files: Any = None, **keywords: Any) -> Any:
    """Send one PUT request; see `request`."""
    return request("PUT", url, content=content, json=json, data=data, files=files, **keywords)


def patch(url: str, content: Any = None, json: Any = None, data: Any = None, files: Any = None, **keywords: Any) -> Any:
    """Send one PATCH request; see `request`."""
    return request("PATCH", url, content=content, json=json, data=data, files=files, **keywords)


def query(url: str, content: Any = None, json: Any = None, data: Any = None, files: Any = None, **keywords: Any) -> Any:
    """Send one QUERY request; see `request`."""
    return request("QUERY", url, content=content, json=json, data=data, files=files, **keywords)


def stream(method: str, url: str, **keywords: Any) -> Any:
    """A context manager that gives the response after its head; `async with` inside a running event loop."""
    if _in_loop():
        from fasthttp._async import oneshot

        return oneshot.stream(method, url, keywords)
    from fasthttp.sync import stream as blocking

    return blocking(method, url, **keywords)


def download(url: str, path: Any, **keywords: Any) -> Any:
    """Download to a file; see `Client.download`.

    Returns:
        A `DownloadResult`, or in a running event loop an awaitable of it.
    """
    if _in_loop():
        from fasthttp._async import oneshot

        return oneshot.download(url, path, keywords)
    from fasthttp.sync import download as blocking

    return blocking(url, path, **keywords)
