"""The decorators `get`, `post` and the rest, which applications and routers share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from FasterAPI._options import AnyRoute, ManyMethods, RouteOptions, check_options
from FasterAPI.types import DecoratedCallable

__all__ = ["Verbs"]


class Verbs:
    """The decorators of path operations, for whoever has `add_api_route`."""

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Unpack[AnyRoute]) -> None:
        """Register a function for a path."""
        raise NotImplementedError

    def api_route(self, path: str, **options: Unpack[ManyMethods]) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function for a path, for GET or the given methods."""
        check_options(options, ManyMethods, "api_route()")

        def register(endpoint: DecoratedCallable) -> DecoratedCallable:
            self.add_api_route(path, endpoint, **options)
            return endpoint

        return register

    def _verb(self, method: str, path: str, options: Any) -> Callable[[DecoratedCallable], DecoratedCallable]:
        check_options(options, RouteOptions, f"{method.lower()}()")
        return self.api_route(path, **options, methods=[method])

    def get(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function for GET on a path."""
        return self._verb("GET", path, options)

    def put(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function for PUT on a path."""
        return self._verb("PUT", path, options)

    def post(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function for POST on a path."""
        return self._verb("POST", path, options)

    def delete(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function for DELETE on a path."""
        return self._verb("DELETE", path, options)

    def options(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function for OPTIONS on a path."""
        return self._verb("OPTIONS", path, options)

    def head(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function for HEAD on a path."""
        return self._verb("HEAD", path, options)

    def patch(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function for PATCH on a path."""
        return self._verb("PATCH", path, options)

    def trace(self, path: str, **options: Unpack[RouteOptions]) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function for TRACE on a path."""
        return self._verb("TRACE", path, options)
