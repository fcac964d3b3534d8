"""Routes and the path to them. What a route's function takes is the plan's business."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from FasterAPI._plan import compile_plan
from FasterAPI._radix import Tree, parse_path

__all__ = ["APIRoute", "Router"]


class APIRoute:
    """A path operation."""

    def __init__(self, path: str, endpoint: Callable[..., Any], *, method: str, status_code: int = 200) -> None:
        self.path = path
        self.endpoint = endpoint
        self.method = method
        self.status_code = status_code
        self.name = getattr(endpoint, "__name__", type(endpoint).__name__)
        self.plan: Any = None


class Router:
    """Finds the route of a request."""

    def __init__(self) -> None:
        self.routes: list[APIRoute] = []
        self._tree = Tree()

    def add(self, route: APIRoute) -> None:
        """Register a route and compile its plan; faults in its signature are raised here."""
        _, names = parse_path(route.path)
        route.plan = compile_plan(route.endpoint, frozenset(names))
        self._tree.add(route.path, route)
        self.routes.append(route)

    def resolve(self, method: str, path: str) -> tuple[APIRoute | None, dict[str, str], list[str]]:
        """(route, path parameters, []), or (None, {}, methods that the path does allow)."""
        allowed: set[str] = set()
        for match in self._tree.find(path):
            if match.route.method == method:
                return match.route, match.params, []
            allowed.add(match.route.method)
        return None, {}, sorted(allowed)
