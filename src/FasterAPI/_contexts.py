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

    @property
    def app(self) -> Any:
        """The application of this route; who puts another there is asked from the next request on."""
        return self.__dict__["app"]

    @app.setter
    def app(self, app: Any) -> None:
        self.__dict__["app"] = app
        forget = self.__dict__.get("forget")
        if forget is not None:
            forget()

    @property
    def _embed_body_fields(self) -> bool:  # what libraries call it that analyse a route anew
        embedded: bool = self.embedded  # type: ignore[attr-defined]
        return embedded

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, child_scope = super().matches(scope)
        if match != Match.NONE:
            child_scope["route"] = self
        return match, child_scope


class _IncludedRouter(BaseRoute):
    """What stands for an included router among the target's routes, and libraries look for. Here there are its routes: none is one."""

    original_router: Any


class RouteContext:
    """A route as the routers that include it serve it. Here each of those has made a route of its own."""

    def __init__(self, route: BaseRoute) -> None:
        self.route = self.original_route = route

    def __getattr__(self, name: str) -> Any:
        return getattr(self.route, name)


def iter_route_contexts(routes: Sequence[Any]) -> Iterator[RouteContext]:
    """A context for each route."""
    return (route if isinstance(route, RouteContext) else RouteContext(route) for route in routes)
