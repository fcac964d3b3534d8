"""The OpenAPI 3.1 document of an app: one operation for each route, no secret in it. Sends nothing and runs no user code."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fasthttp._pure.masks import Masks
from fasthttp._pure.routes import VERBS, RelativeURL, complete_url, merge_headers, merge_settings, split_url
from fasthttp.openapi.schemas import Schemas, object_of
from fasthttp.openapi.schemes import Schemes
from fasthttp.openapi.sent import body_of, parameters_of
from fasthttp.routing import Placed, Route
from httpwire.status import reason_phrase

if TYPE_CHECKING:
    from fasthttp.app.application import FastHTTP

__all__ = ["describe"]

_METHODS = frozenset(("get", "put", "post", "delete", "options", "head", "patch", "trace"))  # that OpenAPI 3.1 has fields for
_STREAMS = frozenset(("sse", "ws"))
_ASKED = ("path_params", "params", "headers", "json")  # what a function may give for each request


def describe(app: FastHTTP) -> dict[str, Any]:
    """The document, ready to be written as JSON.

    A path is `/` with the host and the path of the URL; a second route with the same method and URL has its name behind a
    `#`. A method for which OpenAPI has no field stands under `x-` and its name, streams as a list under `x-streams`.
    """
    placed = app._placed()
    masks = app.security.masks
    info = {"title": masks.text(app.title), "version": app.version}
    if app.description:
        info["description"] = masks.text(app.description)
    writer = _Writer(app, placed, masks)
    paths: dict[str, dict[str, Any]] = {}
    for one in placed:
        writer.add(one, paths)
    document: dict[str, Any] = {"openapi": "3.1.0", "info": info}
    tags = dict.fromkeys(tag for one in placed for tag in one.tags)
    if tags:
        document["tags"] = [{"name": tag} for tag in tags]
    document["paths"] = paths
    components = {"schemas": writer.schemas.components, "securitySchemes": writer.schemes.components}
    if any(components.values()):
        document["components"] = {name: dict(sorted(found.items())) for name, found in components.items() if found}
    return document


class _Writer:
    """Writes the operations of one document."""

    def __init__(self, app: FastHTTP, placed: Sequence[Placed], masks: Masks) -> None:
        self._app = app
        self._masks = masks
        self._defaults = {verb: getattr(app, f"{verb}_request") or {} for verb in VERBS}
        self._names = {one.route.handler: one.route.name for one in reversed(placed)}
        self.schemes = Schemes(masks)
        self.schemas = Schemas((model for one in placed for model in _models(one.route)), masks)

    def add(self, placed: Placed, paths: dict[str, dict[str, Any]]) -> None:
        """Put the operation of a route in its place."""
        route = placed.route
        url = self._url(placed)
        operation = self._operation(placed, url)
        before, path, _ = split_url(operation["x-original-url"])
        host = before.partition("://")[2]
        key = f"/{host}{path or '/'}" if host else "/" + path.lstrip("/")
        method = route.method.lower()
        if route.kind in _STREAMS:
            paths.setdefault(key, {}).setdefault("x-streams", []).append(operation)
            return
        field = method if method in _METHODS else f"x-{method}"
        if field in paths.get(key, ()):
            key = f"{key}#{route.name}"
        paths.setdefault(key, {})[field] = operation

    def _url(self, placed: Placed) -> str:
        try:
            return complete_url(placed.url, placed.base_url or self._app.base_url)
        except RelativeURL:  # a lifespan may set the base
            return placed.url

    def _operation(self, placed: Placed, url: str) -> dict[str, Any]:
        route, app = placed.route, self._app
        own = {name: value for name in ("headers", "params") if (value := getattr(route, name)) is not None and not callable(value)}
        settings = merge_settings({"headers": app._headers()}, self._defaults.get(route.method.lower(), {}), route.defaults, own)
        headers = {name: value for name, value in merge_headers(settings.get("headers")).items() if value is not None}
        operation: dict[str, Any] = {"operationId": route.name, **self._texts(route.handler)}
        if placed.tags:
            operation["tags"] = list(placed.tags)
        parameters = parameters_of(route, url, settings.get("params"), headers, self._masks)
        if parameters:
            operation["parameters"] = parameters
        body = body_of(route, headers, self.schemas, self._masks)
        if body is not None:
            operation["requestBody"] = body
        operation["responses"] = self._responses(route)
        auth = app.auth if route.auth is None else route.auth
        if auth is not None:
            operation.update(self.schemes.of(auth))
        operation["x-original-url"] = self._masks.url(url)
        operation.update(self._extensions(route))
        return operation

    def _texts(self, handler: Any) -> dict[str, str]:
        while isinstance(handler, partial):
            handler = handler.func
        text = inspect.getdoc(handler if inspect.isroutine(handler) else type(handler)) or ""
        summary, _, description = self._masks.text(text).partition("\n")
        found = {"summary": summary, "description": description.strip()}
        return {name: text for name, text in found.items() if text}

    def _extensions(self, route: Route) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if route.kind != "http":
            found["x-kind"] = route.kind
        if route.kind in _STREAMS:
            found["x-method"] = route.method
        if route.each is not None:
            found["x-each"] = True
        if route.after:
            names = (one if isinstance(one, str) else self._names.get(one, getattr(one, "__name__", "?")) for one in route.after)
            found["x-after"] = list(names)
        computed = [name for name in _ASKED if callable(getattr(route, name))]
        if computed:
            found["x-computed"] = computed
        return found

    def _responses(self, route: Route) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for status, described in sorted(route.responses.items()):
            given = described if isinstance(described, Mapping) else {}
            text = given.get("description") or reason_phrase(status) or f"Status {status}"
            found[str(status)] = {"description": self._masks.text(str(text)), **self._content(given.get("model"))}
        if "200" not in found and (route.response_model is not None or not any(status[0] == "2" for status in found)):
            found["200"] = {"description": "OK", **self._success(route)}
        return dict(sorted(found.items()))

    def _success(self, route: Route) -> dict[str, Any]:
        if route.kind == "sse":
            return {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
        if route.kind == "graphql":
            data = {} if route.response_model is None else self.schemas.of(route.response_model)
            schema = object_of({"data": data, "errors": {"type": "array", "items": {"type": "object"}}})
            return {"content": {"application/json": {"schema": schema}}}
        return self._content(route.response_model)

    def _content(self, model: Any) -> dict[str, Any]:
        return {} if model is None else {"content": {"application/json": {"schema": self.schemas.of(model)}}}


def _models(route: Route) -> list[Any]:
    """The models that a route names."""
    answers = [described.get("model") for described in route.responses.values() if isinstance(described, Mapping)]
    return [model for model in (route.request_model, route.response_model, *answers) if model is not None]
