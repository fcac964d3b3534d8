"""`Depends`: what has to be done before a request, and what it adds to it. Runs nothing itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

__all__ = ["Depends", "as_dependencies"]


class Depends:
    """A function that prepares requests.

    Args:
        func: sync or async, plain or a generator; called with as many of `(route, config)` as it requires. What it
            returns, or yields, replaces the config (None: it was edited in place; a smaller mapping: is merged into it).
        use_cache: evaluate once per request, however often it is listed.
        scope: when code after `yield` runs: "function" as soon as the response is there, "request" after handler and
            hooks; "run": evaluate once per run, and finish when the run ends.

    Raises:
        TypeError: it requires more than two arguments, or cannot be called.
    """

    __slots__ = ("func", "is_async", "is_generator", "scope", "use_cache", "wants")

    def __init__(
        self, func: Callable[..., Any], *, use_cache: bool = True, scope: Literal["function", "request", "run"] = "function"
    ) -> None:
        if scope not in ("function", "request", "run"):
            raise ValueError(f"scope={scope!r}; there are 'function', 'request' and 'run'")
        if not callable(func):
            raise TypeError(f"Depends takes a function, not {type(func).__name__}")
        self.func = func
        self.use_cache = use_cache
        self.scope = scope
        self.wants = _wants(func, scope)
        target = func if inspect.isroutine(func) or inspect.isclass(func) else type(func).__call__
        self.is_generator = inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target)
        self.is_async = inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target)

    @property
    def name(self) -> str:
        return getattr(self.func, "__name__", type(self.func).__name__)

    def __repr__(self) -> str:
        return f"Depends({self.name})"


def _wants(func: Callable[..., Any], scope: str) -> tuple[str, ...]:
    """The arguments to call it with, by name."""
    parameters = [
        parameter
        for parameter in inspect.signature(func).parameters.values()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD) and parameter.default is parameter.empty
    ]
    name = getattr(func, "__name__", repr(func))
    if len(parameters) > 2:
        raise TypeError(f"Dependency {name!r} must accept (route, config) at most; it requires {len(parameters)} arguments")
    if len(parameters) == 2:
        wants: tuple[str, ...] = ("route", "config")
    elif parameters:
        wants = ("route",) if parameters[0].name == "route" else ("config",)
    else:
        wants = ()
    if scope == "run" and "route" in wants:
        raise TypeError(f"Dependency {name!r} with scope='run' serves many routes; it takes (config) or nothing")
    return wants


def as_dependencies(given: Sequence[Depends | Callable[..., Any]] | None) -> tuple[Depends, ...]:
    """A list of dependencies, bare functions included. Raises `TypeError` for anything else."""
    if given is None:
        return ()
    if isinstance(given, (Depends, Mapping, str)) or callable(given):
        raise TypeError("dependencies= takes a sequence of functions or Depends(...)")
    return tuple(item if isinstance(item, Depends) else Depends(item) for item in given)
