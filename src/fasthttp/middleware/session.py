"""`SessionMiddleware`: cookies that several apps or runs share."""

from __future__ import annotations

from collections.abc import Mapping

from fasthttp.cookies import CookieJar
from fasthttp.middleware.base import BaseMiddleware, CallNext, RouteRequest
from fasthttp.response import Response

__all__ = ["SessionMiddleware"]


class SessionMiddleware(BaseMiddleware):
    """Sends and keeps cookies.

    Args:
        cookies: name and value of the first ones.
        jar: used as it is; `cookies` are then not looked at.
    """

    __priority__ = -10

    def __init__(self, cookies: Mapping[str, str] | None = None, *, jar: CookieJar | None = None) -> None:
        self.jar = CookieJar(cookies) if jar is None else jar

    @property
    def cookies(self) -> CookieJar:
        """The cookies, live: a mapping of names to values."""
        return self.jar

    def get_cookies(self) -> dict[str, str]:
        """A copy of the names and values."""
        return dict(self.jar.items())

    def clear(self) -> None:
        """Forget all of them."""
        self.jar.clear()

    async def handle(self, request: RouteRequest, call_next: CallNext) -> Response:
        request.jar = self.jar
        return await super().handle(request, call_next)
