"""`BaseTransport`: what stands between a client and whatever answers."""

from __future__ import annotations

from fasthttp.models import Request
from fasthttp.response import Response

__all__ = ["BaseTransport", "halves"]


class BaseTransport:
    """Answers requests. Override `handle` or `ahandle`, or both; the missing one is bridged by the client.

    Where a class has both and one derived from it overrides only one of them, that one serves clients of both kinds.

    A blocking transport in an async client runs in a worker thread, an async one in a blocking client on the shared
    loop thread.
    """

    def handle(self, request: Request) -> Response:
        """Answer a request, blocking."""
        raise TypeError(f"{type(self).__name__} overrides neither handle() nor ahandle()")

    async def ahandle(self, request: Request) -> Response:
        """Answer a request."""
        return self.handle(request)

    def close(self) -> None:
        """Release what the transport holds."""

    async def aclose(self) -> None:
        """Release what the transport holds."""


def halves(transport: object) -> set[str]:
    """Which of `handle` and `ahandle` the most derived class has that has any: what it says holds for both colours."""
    for cls in type(transport).__mro__:
        found = {"handle", "ahandle"} & vars(cls).keys()
        if found:
            return found
    return {"handle", "ahandle"}
