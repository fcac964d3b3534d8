"""`Dependant`: a function of the user's, and where each of its arguments comes from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Literal

from FasterAPI.concurrency import DependencyLimit
from FasterAPI.security.base import SecurityBase

__all__ = ["CallKind", "Dependant", "call_kind"]

CallKind = Literal["plain", "coroutine", "generator", "async generator"]
CacheKey = tuple[Callable[..., Any] | None, tuple[str, ...], str]

_TESTS: tuple[tuple[CallKind, Callable[[Any], bool]], ...] = (
    ("async generator", inspect.isasyncgenfunction),
    ("generator", inspect.isgeneratorfunction),
    ("coroutine", inspect.iscoroutinefunction),
)


def _without_partial(call: Any) -> Any:
    while isinstance(call, partial):
        call = call.func
    return call


def _unwrapped(call: Any) -> Any:
    return inspect.unwrap(_without_partial(call))


def call_kind(call: Any) -> CallKind:
    """What calling gives. Partials, decorators that use `functools.wraps`, and instances with `__call__` are looked through."""
    candidates = [_without_partial(call), _unwrapped(call)]
    if not inspect.isclass(candidates[1]):
        for item in list(candidates):
            method = getattr(item, "__call__", None)  # noqa: B004 - the method itself is wanted
            candidates += [_without_partial(method), _unwrapped(method)] if method is not None else []
    for kind, test in _TESTS:
        if any(test(candidate) for candidate in candidates):
            return kind
    return "plain"


@dataclass(eq=False)
class Dependant:
    """A callable with the fields of its parameters by their place, and the dependants whose values it takes."""

    path_params: list[Any] = field(default_factory=list)
    query_params: list[Any] = field(default_factory=list)
    header_params: list[Any] = field(default_factory=list)
    cookie_params: list[Any] = field(default_factory=list)
    body_params: list[Any] = field(default_factory=list)
    dependencies: list[Dependant] = field(default_factory=list)
    name: str | None = None
    call: Callable[..., Any] | None = None
    request_param_name: str | None = None
    websocket_param_name: str | None = None
    http_connection_param_name: str | None = None
    response_param_name: str | None = None
    background_tasks_param_name: str | None = None
    security_scopes_param_name: str | None = None
    own_oauth_scopes: list[str] = field(default_factory=list)
    parent_oauth_scopes: list[str] = field(default_factory=list)
    use_cache: bool = True
    path: str = ""
    scope: Literal["function", "request", "lifespan"] | None = None
    limit: DependencyLimit | None = None
    replaced: dict[Any, Dependant] = field(default_factory=dict)  # by what overrides it

    @cached_property
    def kind(self) -> CallKind:
        return "plain" if self.call is None else call_kind(self.call)

    @property
    def is_generator(self) -> bool:
        return self.kind in ("generator", "async generator")

    @cached_property
    def manager(self) -> Callable[..., Any]:
        """What makes a context manager of a generator."""
        call: Any = self.call
        return asynccontextmanager(call) if self.kind == "async generator" else contextmanager(call)

    @property
    def lifetime(self) -> str | None:
        """When a generator is left; None for anything else that says nothing."""
        return self.scope or ("request" if self.is_generator else None)

    @cached_property
    def oauth_scopes(self) -> list[str]:
        """Its own after those of whoever depends on it, each once."""
        return list(dict.fromkeys([*self.parent_oauth_scopes, *self.own_oauth_scopes]))

    @cached_property
    def security_scheme(self) -> SecurityBase | None:
        found = None if self.call is None else _unwrapped(self.call)
        return found if isinstance(found, SecurityBase) else None

    @cached_property
    def uses_scopes(self) -> bool:
        """Whether the value may differ by the scopes that are asked for."""
        if self.own_oauth_scopes or self.security_scopes_param_name is not None or self.security_scheme is not None:
            return True
        return any(dependant.uses_scopes for dependant in self.dependencies)

    @cached_property
    def cache_key(self) -> CacheKey:
        scopes = tuple(sorted(set(self.oauth_scopes))) if self.uses_scopes else ()
        return (self.call, scopes, self.lifetime or "")

    def walk(self) -> Iterator[Dependant]:
        """This one and all below it, depth first, in the order of declaration."""
        yield self
        for dependant in self.dependencies:
            yield from dependant.walk()

    def walk_once(self) -> Iterator[Dependant]:
        """As `walk`, but nothing below a dependant that was met before."""
        seen: set[CacheKey] = set()
        waiting = [self]
        while waiting:
            dependant = waiting.pop()
            if dependant.cache_key not in seen:
                seen.add(dependant.cache_key)
                yield dependant
                waiting.extend(reversed(dependant.dependencies))
