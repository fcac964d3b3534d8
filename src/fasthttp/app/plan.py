"""What a route comes to in one run: levels merged, user code listed, one job for each request. Sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fasthttp._pure.routes import complete_url, fill_path, merge_headers, merge_params, merge_settings, template_names
from fasthttp.dependencies import Depends
from fasthttp.events import EventHooks
from fasthttp.routing import Placed, Route
from fasthttp.timeouts import UNSET

if TYPE_CHECKING:
    from fasthttp.middleware.base import MiddlewareManager

__all__ = ["Job", "Plan"]

_ITEM_KEYS = frozenset(("path_params", "params", "json", "headers"))


class Plan:
    """One route in one run.

    Attributes: `settings` (what its levels come to, ready for a call), `is_watched` (whether code of the user's wants to
    see the request before it is sent).
    """

    __slots__ = ("dependencies", "hooks", "is_plain", "route", "settings", "tags", "url")

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
        if placed.base_url is not None and base_url is not None:
            self.url = complete_url(placed.url, complete_url(placed.base_url, base_url))
        own = {"headers": route.headers, "params": route.params, "allow_redirects": route.allow_redirects}
        given = {name: value for name, value in own.items() if value is not None and not callable(value)}
        if route.timeout is not UNSET:
            given["timeout"] = route.timeout
        self.settings = merge_settings(defaults.get(route.method.lower(), {}), route.defaults, given)
        self.dependencies: tuple[Depends, ...] = placed.dependencies
        self.hooks = (*placed.hooks, app_hooks)
        self.is_plain = not (
            self.dependencies
            or len(middleware)
            or any(hooks.request for hooks in self.hooks)
            or route.request_model is not None
            or route.after
            or callable(route.path_params)
            or callable(route.json)
            or callable(route.params)
            or callable(route.headers)
            or (route.files is not None and route.json is not None)
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

    __slots__ = ("index", "item", "name", "plan", "results")

    def __init__(self, plan: Plan, name: str, index: int, item: Any) -> None:
        self.plan = plan
        self.name = name
        self.index = index
        self.item = item  # of `each=`
        self.results: Mapping[str, Any] = {}  # of the routes that had to be done before

    def overrides(self) -> Mapping[str, Any]:
        """What the item of `each=` says. Raises `ValueError` for one that fits no request."""
        item = self.item
        if item is None and self.plan.route.each is None:
            return {}
        if isinstance(item, Mapping) and item.keys() <= _ITEM_KEYS:
            return item
        names = template_names(self.plan.url)
        if len(names) != 1:
            keys = ", ".join(sorted(_ITEM_KEYS))
            raise ValueError(f"each= of {self.plan.route.name!r} gives {item!r}; it takes mappings with {keys}, or values of one {{name}}")
        return {"path_params": {names[0]: item}}

    def url(self) -> str:
        """The URL with its template filled, as far as that can be said without asking the user's code."""
        route = self.plan.route
        values = self.overrides().get("path_params")
        own = route.path_params if isinstance(route.path_params, Mapping) else None
        if callable(route.path_params):
            return self.plan.url
        return self.plan.url if own is None and values is None else fill_path(self.plan.url, {**(own or {}), **(values or {})})

    def view(self) -> Route:
        """The copy of the route that user code is given, callables answered and the item of `each=` merged in."""
        route = self.plan.route
        view = route.copy(url=self.plan.url, name=self.name, tags=self.plan.tags, dependencies=self.plan.dependencies)
        view.results = self.results
        overrides = self.overrides()
        for name in ("params", "headers", "json", "path_params"):
            value = getattr(view, name)
            if callable(value):
                setattr(view, name, value(view))
        if "path_params" in overrides or view.path_params is not None:
            view.path_params = {**(view.path_params or {}), **overrides.get("path_params", {})}
            view = view.copy(url=fill_path(self.plan.url, view.path_params))
        if "params" in overrides:
            view.params = merge_params(view.params, overrides["params"])
        if "headers" in overrides:
            view.headers = merge_headers(view.headers, overrides["headers"])
        if "json" in overrides:
            both = isinstance(view.json, Mapping) and isinstance(overrides["json"], Mapping)
            view.json = {**view.json, **overrides["json"]} if both else overrides["json"]
        return view

    def config(self, view: Route, headers: Mapping[str, Any] | None, timeout: Any) -> dict[str, Any]:
        """The settings of the request, every one of them present: what user code may edit."""
        settings = self.plan.settings
        config: dict[str, Any] = {
            "headers": merge_headers(headers, settings.get("headers"), view.headers),
            "timeout": settings.get("timeout", timeout),
            "allow_redirects": settings.get("allow_redirects", True),
            "params": settings.get("params"),
            "json": view.json,
            "data": view.data,
            "files": view.files,
            "auth": view.auth,
        }
        if view.params != self.plan.route.params:  # answered by a function, or with the item of `each=`
            config["params"] = merge_params(config["params"], view.params)
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
            both = isinstance(route.json, Mapping) and isinstance(overrides["json"], Mapping)
            options["json"] = {**route.json, **overrides["json"]} if both else overrides["json"]
        return options


def all_jobs(plans: Iterable[Plan]) -> Iterator[Job]:
    """The requests of several routes, numbered in order."""
    index = 0
    for plan in plans:
        for job in plan.jobs(index):
            yield job
            index = job.index + 1
