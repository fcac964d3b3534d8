"""`Route`: one declared request with the function that takes its response. Sends nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fasthttp._pure.later import later, not_yet
from fasthttp.timeouts import UNSET, Timeout

__all__ = ["Route", "Router"]

Router = later("Router", "routers", __name__)

_OPTIONS = frozenset(("params", "headers", "json", "data", "timeout", "allow_redirects"))
_LATER = frozenset("files auth response_model request_model dependencies raise_for_status path_params each after".split())


class Route:
    """A declared request.

    Attributes: `name`, `method`, `url` (full), `handler`, `tags`, `responses` (statuses that are expected beside
    those below 400), and what is sent: `params`, `headers`, `json`, `data`, `timeout`.
    """

    kind = "http"

    def __init__(
        self,
        method: str,
        url: str,
        handler: Callable[..., Any],
        *,
        name: str,
        tags: Sequence[str] | None = None,
        responses: Mapping[int, Any] | None = None,
        **options: Any,
    ) -> None:
        for key, value in options.items():
            if key in _LATER or key.endswith("_request"):
                if value not in (None, False):
                    not_yet(f"{key}= of a route")
            elif key not in _OPTIONS:
                raise TypeError(f"{method.lower()}() got an unexpected keyword argument {key!r}")
        if isinstance(tags, str):
            raise TypeError("tags= takes a sequence of strings, not a string")
        if options.get("json") is not None and options.get("data") is not None:
            raise ValueError("json= and data= exclude each other: a request has one body")
        self.takes_response = _takes_response(handler)
        self.is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004
        self.method = method
        self.url = url
        self.handler = handler
        self.name = name
        self.tags = tuple(tags or ())
        self.responses = dict(responses or {})
        self.params = options.get("params")
        self.headers = options.get("headers")
        self.json = options.get("json")
        self.data = options.get("data")
        self.timeout: Any = options.get("timeout", UNSET)
        if self.timeout is not UNSET:
            Timeout.from_value(self.timeout)
        self.allow_redirects = options.get("allow_redirects")

    def call_options(self) -> dict[str, Any]:
        """Keywords of the client's call."""
        options: dict[str, Any] = {}
        for name in ("params", "headers", "json", "data"):
            value = getattr(self, name)
            if value is not None:
                options[name] = value
        if self.timeout is not UNSET:
            options["timeout"] = self.timeout
        if self.allow_redirects is not None:
            options["follow_redirects"] = self.allow_redirects
        return options

    def __repr__(self) -> str:
        return f"<Route {self.name}: {self.method} {self.url}>"


def _takes_response(handler: Any) -> bool:
    """Whether a handler wants the response. Raises `TypeError` for one that wants more."""
    if not callable(handler):
        raise TypeError(f"a handler must be callable, not {type(handler).__name__}")
    parameters = inspect.signature(handler).parameters.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p.name for p in positional if p.default is p.empty]
    required += [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if len(required) > 1:
        name = getattr(handler, "__name__", repr(handler))
        raise TypeError(f"Handler {name!r} must accept one argument (the response); it requires {len(required)}: {', '.join(required)}")
    return bool(positional) or any(p.kind is p.VAR_POSITIONAL for p in parameters)
