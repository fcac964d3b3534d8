"""Routes as the routers that include them serve them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from starlette.routing import BaseRoute

__all__ = ["RouteContext", "iter_route_contexts"]


class RouteContext:
    """A route as the routers that include it serve it. Here each of those has made a route of its own."""

    def __init__(self, route: BaseRoute) -> None:
        self.route = self.original_route = route

    def __getattr__(self, name: str) -> Any:
        return getattr(self.route, name)


def iter_route_contexts(routes: Sequence[Any]) -> Iterator[RouteContext]:
    """A context for each route."""
    return (route if isinstance(route, RouteContext) else RouteContext(route) for route in routes)
