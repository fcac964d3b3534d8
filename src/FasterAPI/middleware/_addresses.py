"""The host that a request names, where to send it instead, and how to turn it away."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import quote

from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

__all__ = ["asked_host", "bad_host", "location", "refuse", "split_host"]

# RFC 3986 §3.2.2 and §3.2.3: a registered name or an IPv4 address, or an IPv6 address in brackets; then perhaps a port.
_HOST = re.compile(r"([a-z0-9._~%!$&'()*+,;=-]+|\[[0-9a-f:.]+\])(?::([0-9]*))?")
_PATH = "/%:@!$&'()*+,;=~"
_QUERY = _PATH + "?"


def split_host(text: str) -> tuple[str, str] | None:
    """Host, in lower case and the shortest form of an IPv6 address, and port, which may be empty. None: it is malformed."""
    match = _HOST.fullmatch(text.lower())
    if match is None:
        return None
    host, port = match[1], match[2] or ""
    if host[0] == "[":
        try:
            host = f"[{IPv6Address(host[1:-1]).compressed}]"
        except ValueError:
            return None
    if len(port) > 5 or int(port or 0) > 65535:
        return None
    return host, port


def asked_host(scope: Scope) -> tuple[str, str] | None:
    """Host and port of the `Host` field, both empty without one. None: malformed, or there are several (RFC 9112 §3.2)."""
    found: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"host":
            if found is not None:
                return None
            found = value
    return ("", "") if found is None else split_host(found.decode("latin-1"))


def location(scope: Scope, scheme: str, authority: str) -> str:
    """The URL of a request elsewhere, from its path as it was sent: what was encoded stays so."""
    raw: bytes | None = scope.get("raw_path")
    path = quote(scope["path"], safe="/:@!$&'()*+,;=~") if raw is None else quote(raw.partition(b"?")[0], safe=_PATH)
    query = quote(scope.get("query_string", b""), safe=_QUERY)
    return f"{scheme}://{authority}{'' if path[:1] == '/' else '/'}{path}{'?' if query else ''}{query}"


def bad_host() -> Response:
    """The answer to a request whose host is not served, or is none."""
    return PlainTextResponse("Invalid host header", status_code=400)


async def refuse(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in place of the application; a WebSocket's handshake too, with 403 by servers that can do no better."""
    if scope["type"] == "websocket" and "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
    else:
        await response(scope, receive, send)
