"""What a route sends, as parameters and a body of OpenAPI. Reads no file and uses up no iterator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any

from fasthttp._pure.masks import Masks
from fasthttp._pure.routes import split_url, template_names
from fasthttp.openapi.schemas import Schemas, object_of, schema_of
from fasthttp.routing import Route
from httpwire import jsonio
from httpwire.masking import MASK
from httpwire.query import parse_query

__all__ = ["body_of", "parameters_of"]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}
_OWN = frozenset(("accept", "content-type", "authorization"))  # headers that OpenAPI describes elsewhere
_SEQUENCES = (list, tuple, set, frozenset, range)
_MAX_EXAMPLE = 16384  # bytes of a body that is shown


def parameters_of(route: Route, url: str, params: Any, headers: Mapping[str, Any], masks: Masks) -> list[dict[str, Any]]:
    """The fields of the URL's path, its query and the headers.

    Args:
        url: the whole one.
        params: of the route and its defaults.
        headers: likewise; without those that are not sent.
    """
    found = []
    values = _path_values(route, url)
    for name in template_names(url):
        schema, default = _shown_value(name, values.get(name), masks)
        example = {} if default is None else {"example": default}
        found.append({"name": name, "in": "path", "required": True, "schema": schema or {"type": "string"}, **example})
    query: dict[str, list[Any]] = {}
    written = split_url(url)[2].partition("#")[0].removeprefix("?")
    for name, value in (*parse_query(written), *_pairs(params)):
        query.setdefault(str(name), []).append(value)
    for name, given in query.items():
        items = [item for value in given for item in (value if isinstance(value, _SEQUENCES) else [value]) if item is not None]
        if items:
            single = len(given) == 1 and not isinstance(given[0], _SEQUENCES)
            schema, default = _shown_value(name, items[0] if single else items, masks)
            found.append({"name": name, "in": "query", "schema": {**schema, "default": default}})
    for name, value in headers.items():
        if name.lower() not in _OWN and not callable(value):
            shown = masks.fields([(name, value.decode("latin-1") if isinstance(value, bytes) else str(value))])[0][1]
            found.append({"name": name, "in": "header", "schema": {"type": "string", "default": shown}})
    return found


def _shown_value(name: str, value: Any, masks: Masks) -> tuple[dict[str, Any], Any]:
    """The schema of a parameter, and its value as it may be shown; None for none."""
    if value is None:
        return {}, None
    plain: Any = MASK if masks.hides(name) else [_plain(item) for item in value] if isinstance(value, list) else _plain(value)
    return schema_of(plain), masks.value(plain)


def _plain(value: Any) -> Any:
    """A value of a parameter as JSON data."""
    value = value.value if isinstance(value, Enum) else value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if type(value) in (bool, int, float, str) else str(value)


def _path_values(route: Route, url: str) -> Mapping[str, Any]:
    """The values of the template's fields, as far as they are known without asking or reading anything."""
    values = dict(route.path_params) if isinstance(route.path_params, Mapping) else {}
    first = route.each[0] if isinstance(route.each, (list, tuple, range)) and route.each else None
    if isinstance(first, Mapping):
        values |= first.get("path_params") or {}
    elif first is not None:
        left = [name for name in template_names(url) if name not in values]
        values |= dict.fromkeys(left[:1], first)
    return values


def _pairs(params: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(params, (str, bytes)):
        yield from parse_query(params if isinstance(params, str) else params.decode("utf-8", "replace"))
    elif isinstance(params, Mapping):
        yield from params.items()
    elif isinstance(params, (list, tuple)):
        yield from params


def body_of(route: Route, headers: Mapping[str, Any], schemas: Schemas, masks: Masks) -> dict[str, Any] | None:
    """The body, None without one: what it is checked against, or else what the declared value looks like."""
    if route.kind == "graphql":
        members = {"query": {"type": "string"}, "variables": {"type": "object"}, "operationName": {"type": "string"}}
        return {"content": {JSON: {"schema": object_of(members, ["query"])}}, "required": True}
    kind, value = _content(route)
    if kind is None:
        return None
    given = next((text for name, text in headers.items() if name.lower() == "content-type"), None)
    if given is not None and kind != "multipart/form-data":
        kind = str(given)
    media: dict[str, Any] = {}
    plain = _example(value)
    if plain is not None:
        media = {"schema": schema_of(plain), "example": masks.body(plain) if isinstance(plain, str) else masks.value(plain)}
    if route.files is not None:
        members = {**media.get("schema", {}).get("properties", {}), **dict.fromkeys(_file_names(route.files), _BINARY)}
        media["schema"] = object_of(members)
    elif route.request_model is not None:
        media["schema"] = schemas.of(route.request_model)
    elif not media:
        media["schema"] = {} if callable(route.json) or route.json is not None else _BINARY
    return {"content": {kind: media}, "required": True}


def _content(route: Route) -> tuple[str | None, Any]:
    """The media type that the kind of body implies, and the value where it is at hand."""
    data = dict(route.data) if isinstance(route.data, (list, tuple)) and _are_pairs(route.data) else route.data
    if route.files is not None:
        fields = route.json if data is None else data
        return "multipart/form-data", fields if isinstance(fields, Mapping) else None
    if data is None:
        return (None if route.json is None and route.request_model is None else JSON), None if callable(route.json) else route.json
    if isinstance(data, (bytes, bytearray, memoryview)):
        try:
            return FORM, bytes(data).decode()
        except UnicodeDecodeError:
            return FORM, None
    return (FORM, data) if isinstance(data, (str, Mapping)) else ("application/octet-stream", None)


def _example(value: Any) -> Any:
    """A body as plain data; None where there is none to be shown, because it is long, deep or no JSON."""
    if value is None:
        return None
    try:
        content = jsonio.encode(value)
        plain = jsonio.decode(content) if len(content) <= _MAX_EXAMPLE else None
    except (TypeError, ValueError, RecursionError):
        return None
    return plain if _is_shallow(plain) else None


def _is_shallow(value: Any, levels: int = 50) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels > 0 and all(_is_shallow(item, levels - 1) for item in items)


def _are_pairs(data: Iterable[Any]) -> bool:
    return all(isinstance(item, (list, tuple)) and len(item) == 2 and isinstance(item[0], str) for item in data)


def _file_names(files: Any) -> list[str]:
    if isinstance(files, Mapping):
        return [str(name) for name in files]
    return [str(item[0]) for item in files] if isinstance(files, (list, tuple)) else []
