"""`Depends` and `Security`: what a parameter says when a function of the user's is to provide its value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from FasterAPI.concurrency import DependencyLimit

__all__ = ["Depends", "Security"]


@dataclass(frozen=True)
class Depends:
    """The value of a parameter is what `dependency` returns or yields.

    Args:
        dependency: any callable; by default the class that the parameter is annotated with.
        use_cache: call it once for each request, however many ask for it.
        scope: when a generator is left: "request", after the response was sent, "function", before. "lifespan": called once for
            an application, and left when it shuts down.
        max_concurrency: how many may be in use at a time, on one event loop.
    """

    dependency: Callable[..., Any] | None = None
    use_cache: bool = True
    scope: Literal["function", "request", "lifespan"] | None = None
    max_concurrency: int | None = field(default=None, kw_only=True)
    _concurrency: DependencyLimit | None = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        count = self.max_concurrency
        scope: Any = self.scope
        if scope not in (None, "function", "request", "lifespan"):
            raise ValueError(f"scope={scope!r}; there are 'function', 'request' and 'lifespan'")
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
            raise ValueError("max_concurrency must be a positive integer or None")
        limit = self._concurrency
        if count is None:
            limit = None
        elif limit is None or limit.count != count:
            limit = DependencyLimit(count)
        object.__setattr__(self, "_concurrency", limit)


@dataclass(frozen=True)
class Security(Depends):
    """As `Depends`, with OAuth2 scopes, which dependencies below learn by a parameter of type `SecurityScopes`."""

    scopes: Sequence[str] | None = None
