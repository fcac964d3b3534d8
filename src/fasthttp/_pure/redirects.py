"""Where a redirect leads and what goes along. Decides; sends nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from fasthttp.errors import RemoteProtocolError, UnsupportedScheme
from fasthttp.models import Request
from httpwire import errors as wire
from httpwire.masking import is_secret
from httpwire.url import URL

if TYPE_CHECKING:
    from fasthttp.response import Response

__all__ = ["REDIRECT_STATUSES", "leaves_origin", "next_request"]

REDIRECT_STATUSES = frozenset((301, 302, 303, 307, 308))


def next_request(request: Request, response: Response, sensitive: Collection[str] = ()) -> Request | None:
    """The request that follows `response`, or None where it does not redirect.

    Credentials, and every header whose name marks a secret, stay behind when the origin changes; the step from
    http to https of one host on the default ports is not a change. The caller's `Proxy-Authorization` always stays
    behind: the next request may take another way.

    Raises:
        RemoteProtocolError: the `Location` is not a URL.
        UnsupportedScheme: it leads away from http and https.
        BodyNotReplayable: the body has to be sent again and cannot be.
    """
    if response.status_code not in REDIRECT_STATUSES:
        return None
    locations = response.headers.get_list("location")
    if not locations:
        return None
    current = request.parsed_url
    url = _target(current, locations[0])
    method = _method(request.method, response.status_code)
    keeps_body = method == request.method and response.status_code != 303
    headers = request.headers.copy()
    headers.pop("proxy-authorization", None)
    body = request.body if keeps_body else None
    if not keeps_body:
        for name in [name for name in headers if name.startswith("content-") or name in ("transfer-encoding", "expect")]:
            del headers[name]
    if leaves_origin(current, url):
        for name in [name for name in headers if is_secret(name, sensitive)]:
            del headers[name]
    if "host" in headers:
        headers["Host"] = url.host_header.decode("ascii")
    if body is not None and not body.is_replayable:
        body.start(asked_by=response)
    following = request.derive(method=method, url=url, headers=headers, body=body)
    if following.context is not None:
        following.context = following.context._replace(proxy_authorization=None)
    return following


def _target(current: URL, location: str) -> URL:
    for at, char in enumerate(location):
        if char < " " or char == "\x7f":
            raise RemoteProtocolError(f"redirect: control character U+{ord(char):04X} at offset {at} of Location")
    try:
        url = current.join(location)
    except wire.UnsupportedScheme as exc:
        raise UnsupportedScheme(f"redirect: {exc}") from None
    except wire.InvalidURL as exc:
        raise RemoteProtocolError(f"redirect: Location is not a valid URL: {exc}") from exc
    if url.scheme not in ("http", "https"):
        raise UnsupportedScheme(f"redirect: scheme {url.scheme!r} is not supported")
    fragment = current.fragment if url.fragment is None else url.fragment
    return url.replace(username="", password="", fragment=fragment)


def _method(method: str, status: int) -> str:
    if status == 303 and method not in ("GET", "HEAD"):
        return "GET"
    if status in (301, 302) and method == "POST":
        return "GET"
    return method


def leaves_origin(current: URL, url: URL) -> bool:
    """Whether credentials stay behind on the way from one URL to another."""
    if url.origin == current.origin:
        return False
    upgraded = (current.scheme, current.port, url.scheme, url.port) == ("http", 80, "https", 443)
    return not (upgraded and url.host == current.host)
