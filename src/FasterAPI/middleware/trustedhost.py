"""`TrustedHostMiddleware`: requests for hosts that are ours, and no others."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.trustedhost import TrustedHostMiddleware as StarletteTrustedHostMiddleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from FasterAPI.middleware._addresses import asked_host, bad_host, location, refuse, split_host
from httpwire.errors import InvalidURL
from httpwire.hosts import to_ascii

__all__ = ["TrustedHostMiddleware"]


class TrustedHostMiddleware(StarletteTrustedHostMiddleware):
    """Answers 400 to requests and WebSockets whose `Host` is not in the list. Case and port do not count.

    Args:
        app: what comes next.
        allowed_hosts: names and addresses; `*.shop.example` for all names below that one, `*` for whatever comes (the default).
        www_redirect: whether `shop.example` is sent to `www.shop.example` (307) where only that is in the list.

    Raises:
        ValueError: for a pattern that is none of these.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str] | None = None, www_redirect: bool = True) -> None:
        if isinstance(allowed_hosts, str):
            allowed_hosts = (allowed_hosts,)
        self.app = app
        self.allowed_hosts = [_checked(pattern) for pattern in (("*",) if allowed_hosts is None else allowed_hosts)]
        self.allow_any = "*" in self.allowed_hosts
        self.www_redirect = www_redirect
        self._names = frozenset(pattern for pattern in self.allowed_hosts if pattern[0] != "*")
        self._suffixes = tuple(pattern[1:] for pattern in self.allowed_hosts if pattern[0] == "*")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.allow_any or scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        asked = asked_host(scope)
        host, port = asked or ("", "")
        if host in self._names or (host.endswith(self._suffixes) and host[0] != "."):
            await self.app(scope, receive, send)
        elif self.www_redirect and f"www.{host}" in self._names:
            authority = f"www.{host}:{port}" if port else f"www.{host}"
            scheme = scope.get("scheme", "http" if scope["type"] == "http" else "ws")
            await refuse(RedirectResponse(location(scope, scheme, authority)), scope, receive, send)
        else:
            await refuse(bad_host(), scope, receive, send)


def _checked(pattern: str) -> str:
    """A pattern as hosts are compared with it."""
    if pattern == "*":
        return pattern
    name = pattern.removeprefix("*.")
    try:
        split = split_host(f"[{name}]" if name.count(":") > 1 and name[0] != "[" else to_ascii(name) if not name.isascii() else name)
    except InvalidURL:
        split = None
    if split is None or "*" in name or (name != pattern and name[0] == "["):
        raise ValueError(f"allowed_hosts: {pattern!r} is neither a host, nor like '*.example.com', nor '*'")
    return split[0] if name == pattern else f"*.{split[0]}"
