"""What the routes of operations have in common, and how they look from the routers that include them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

__all__ = ["OperationRoute", "RouteContext", "iter_route_contexts"]


class OperationRoute(BaseRoute):
    """What operations of both kinds have: `route["path"]`, native; and the scope says which of them it is."""

    _items = ("path", "tags", "summary", "status_code")

    def __getitem__(self, key: str) -> Any:
        if key == "handler":
            return self.endpoint  # type: ignore[attr-defined]
        if key == "method":
            return next(iter(sorted(self.methods)))  # type: ignore[attr-defined]
        if key in self._items:
            return getattr(self, key, None)
        raise KeyError(key)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        if match != Match.NONE:
            child_scope["route"] = self
        return match, child_scope


class RouteContext:
    """A route as the routers that include it serve it. Here each of those has made a route of its own."""

    def __init__(self, route: BaseRoute) -> None:
        self.route = self.original_route = route

    def __getattr__(self, name: str) -> Any:
        return getattr(self.route, name)


def iter_route_contexts(routes: Sequence[Any]) -> Iterator[RouteContext]:
    """A context for each route."""
    return (route if isinstance(route, RouteContext) else RouteContext(route) for route in routes)
