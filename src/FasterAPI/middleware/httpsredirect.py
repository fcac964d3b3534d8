"""`HTTPSRedirectMiddleware`: to the same place over TLS."""

from __future__ import annotations

from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware as StarletteHTTPSRedirectMiddleware
from starlette.responses import RedirectResponse
from starlette.types import Receive, Scope, Send

from FasterAPI.middleware._addresses import asked_host, bad_host, location, refuse, split_host

__all__ = ["HTTPSRedirectMiddleware"]

_SECURE = {"http": "https", "ws": "wss"}


class HTTPSRedirectMiddleware(StarletteHTTPSRedirectMiddleware):
    """Sends requests for `http` to `https` and those for `ws` to `wss` (307). Default ports are dropped, others stay.

    The host is the one that the client has asked for: put `TrustedHostMiddleware` outside of this one.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        scheme = scope.get("scheme", "http" if kind == "http" else "ws")
        if kind not in ("http", "websocket") or scheme not in _SECURE:
            await self.app(scope, receive, send)
            return
        asked = asked_host(scope)
        if asked == ("", ""):
            asked = _served_host(scope)
        if asked is None:
            await refuse(bad_host(), scope, receive, send)
            return
        host, port = asked
        authority = host if int(port or 80) in (80, 443) else f"{host}:{int(port)}"
        response = RedirectResponse(location(scope, _SECURE[scheme], authority), status_code=307)
        await refuse(response, scope, receive, send)


def _served_host(scope: Scope) -> tuple[str, str] | None:
    """Host and port of this server, for requests that name none; a unix socket has none."""
    host, port = scope.get("server") or ("", None)
    return None if port is None else split_host(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
