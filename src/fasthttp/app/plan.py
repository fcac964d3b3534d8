"""What a route comes to in one run: levels merged, user code listed, one job for each request. Sends nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fasthttp._pure.masks import Masks
from fasthttp._pure.routes import complete_url, fill_path, merge_headers, merge_params, merge_settings, template_names
from fasthttp.dependencies import Depends
from fasthttp.events import EventHooks
from fasthttp.results import RouteResult
from fasthttp.routing import Placed, Route
from fasthttp.timeouts import UNSET

if TYPE_CHECKING:
    from fasthttp.middleware.base import MiddlewareManager

__all__ = ["Job", "Plan"]

_ITEM_KEYS = frozenset(("path_params", "params", "json", "headers"))


class Plan:
    """One route in one run.

    Attributes: `defaults` (of the app and the route, by verb), `settings` (these with the route's own), `is_plain` (whether
    no code of the user's wants to see the request before it is sent).
    """

    __slots__ = ("defaults", "dependencies", "hooks", "is_plain", "route", "settings", "tags", "url")

    def __init__(
        self,
        placed: Placed,
        *,
        base_url: str | None,
        defaults: Mapping[str, Mapping[str, Any]],
        app_hooks: EventHooks,
        middleware: MiddlewareManager,
    ) -> None:
        route = placed.route
        self.route = route
        self.tags = placed.tags
        self.url = complete_url(placed.url, placed.base_url or base_url)
        own = {"headers": route.headers, "params": route.params, "allow_redirects": route.allow_redirects}
        given = {name: value for name, value in own.items() if value is not None and not callable(value)}
        if route.timeout is not UNSET:
            given["timeout"] = route.timeout
        self.defaults = merge_settings(defaults.get(route.method.lower(), {}), route.defaults)
        self.settings = merge_settings(self.defaults, given)
        self.dependencies: tuple[Depends, ...] = placed.dependencies
        self.hooks = (*placed.hooks, app_hooks)
        self.is_plain = not (
            self.dependencies
            or len(middleware)
            or any(hooks.request for hooks in self.hooks)
            or route.request_model is not None
            or route.after
            or any(callable(getattr(route, name)) for name in ("path_params", "json", "params", "headers"))
        )

    def jobs(self, index: int) -> Iterator[Job]:
        """The requests of this route, numbered from `index`; read from `each=` as they are asked for."""
        route = self.route
        if route.each is None:
            yield Job(self, route.name, index, None)
            return
        for number, item in enumerate(route.each):
            yield Job(self, f"{route.name}[{number}]", index + number, item)

    def hooks_of(self, event: str) -> Iterator[Callable[..., Any]]:
        """The hooks for an event, those of the nearest router first."""
        for hooks in self.hooks:
            yield from getattr(hooks, event)

    def handler_for(self, error: BaseException) -> Callable[..., Any] | None:
        """The exception handler of the most specific class, the nearest router's first."""
        for cls in type(error).__mro__:
            for hooks in self.hooks:
                if cls in hooks.handlers:
                    return hooks.handlers[cls]
        return None


class Job:
    """One request to be made."""

    __slots__ = ("index", "item", "name", "plan", "results", "so_far")

    def __init__(self, plan: Plan, name: str, index: int, item: Any) -> None:
        self.plan = plan
        self.name = name
        self.index = index
        self.item = item  # of `each=`
        self.results: Mapping[str, Any] = {}  # of the routes that had to be done before
        self.so_far: RouteResult | None = None  # of a stream that was connected when the run was interrupted

    def overrides(self) -> Mapping[str, Any]:
        """What the item of `each=` says. Raises `ValueError` for one that fits no request."""
        item = self.item
        if item is None and self.plan.route.each is None:
            return {}
        if isinstance(item, Mapping) and item.keys() <= _ITEM_KEYS:
            return item
        own = self.plan.route.path_params
        names = [name for name in template_names(self.plan.url) if not isinstance(own, Mapping) or name not in own]
        if len(names) != 1:
            keys = ", ".join(sorted(_ITEM_KEYS))
            raise ValueError(f"each= of {self.plan.route.name!r} gives {item!r}; it takes mappings with {keys}, or values of one {{name}}")
        return {"path_params": {names[0]: item}}

    def cancelled(self, masks: Masks) -> RouteResult:
        """The result of a job that an interrupted run has not brought to an end."""
        route = self.plan.route
        return RouteResult(
            name=self.name,
            kind=route.kind,  # type: ignore[arg-type]
            method=route.method,
            url=self.plan.url,
            index=self.index,
            tags=self.plan.tags,
            error=asyncio.CancelledError(),
            stage="request",
            _masks=masks,
        )

    def url(self) -> str:
        """The URL with its template filled."""
        return self._fill(self.plan.route.path_params, self.overrides().get("path_params"))

    def _fill(self, own: Any, item: Any) -> str:
        url = self.plan.url
        return fill_path(url, {**(own or {}), **(item or {})}) if own or item or "{" in url else url

    def view(self) -> Route:
        """The copy of the route that user code is given, callables answered and the item of `each=` merged in."""
        view = self.plan.route.copy(name=self.name, tags=self.plan.tags, dependencies=self.plan.dependencies)
        view.results = self.results
        overrides = self.overrides()
        for name in ("params", "headers", "json", "path_params"):
            value = getattr(view, name)
            if callable(value):
                setattr(view, name, value(view))
        if overrides.get("path_params"):
            view.path_params = {**(view.path_params or {}), **overrides["path_params"]}
        view._url = self._fill(view.path_params, None)
        view.params = merge_params(view.params, overrides.get("params"))
        if overrides.get("headers") is not None:
            view.headers = merge_headers(view.headers, overrides["headers"])
        view.json = own_copy(merge_json(view.json, overrides))
        view.data = own_copy(view.data)
        return view

    def config(self, view: Route, headers: Mapping[str, Any] | None, timeout: Any, auth: Any = None) -> dict[str, Any]:
        """The settings of the request, every one of them present: what user code may edit."""
        settings, defaults = self.plan.settings, self.plan.defaults
        config: dict[str, Any] = {
            "headers": merge_headers(headers, defaults.get("headers"), view.headers),
            "timeout": settings.get("timeout", timeout),
            "allow_redirects": settings.get("allow_redirects", True),
            "params": merge_params(defaults.get("params"), view.params),
            "json": view.json,
            "data": view.data,
            "files": view.files,
            "auth": auth if view.auth is None else view.auth,
        }
        return config

    def options(self) -> dict[str, Any]:
        """Keywords of the call, where no code of the user's wants to see them before."""
        route, settings = self.plan.route, self.plan.settings
        options: dict[str, Any] = {}
        for name in ("headers", "params", "timeout"):
            if name in settings:
                options[name] = settings[name]
        if "allow_redirects" in settings:
            options["follow_redirects"] = settings["allow_redirects"]
        for name in ("json", "data", "files", "auth"):
            value = getattr(route, name)
            if value is not None:
                options[name] = value
        overrides = self.overrides()
        if overrides.get("params") is not None:
            options["params"] = merge_params(options.get("params"), overrides["params"])
        if overrides.get("headers") is not None:
            options["headers"] = merge_headers(options.get("headers"), overrides["headers"])
        if "json" in overrides:
            options["json"] = merge_json(route.json, overrides)
        return options


def merge_json(own: Any, item: Mapping[str, Any]) -> Any:
    """The body of a route with that of an item of `each=` over it."""
    if "json" not in item:
        return own
    both = isinstance(own, Mapping) and isinstance(item["json"], Mapping)
    return {**own, **item["json"]} if both else item["json"]


def own_copy(value: Any) -> Any:
    """A copy of what user code may edit in place: dicts and lists at every depth."""
    if type(value) is dict:
        return {key: own_copy(item) for key, item in value.items()}
    return [own_copy(item) for item in value] if type(value) is list else value
