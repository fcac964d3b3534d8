"""The schema of an application out of its routes (OpenAPI 3.1)."""

from __future__ import annotations

import copy
import http.client
import inspect
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from FasterAPI._annotations import is_kind
from FasterAPI.datastructures import DefaultPlaceholder, _Unset
from FasterAPI.dependencies.models import Dependant
from FasterAPI.dependencies.values import fields_of, parameter_model
from FasterAPI.encoders import jsonable_encoder
from FasterAPI.openapi.constants import METHODS_WITH_BODY, REF_PREFIX
from FasterAPI.openapi.schemas import Schemas
from FasterAPI.utils import deep_dict_update, is_body_allowed_for_status_code

if TYPE_CHECKING:
    from FasterAPI._pydantic import ModelField

__all__ = ["get_openapi", "get_openapi_path", "validation_error_definition", "validation_error_response_definition"]

_PLACES = ("path", "query", "header", "cookie")
_RANGES = {
    "1XX": "Information",
    "2XX": "Success",
    "3XX": "Redirection",
    "4XX": "Client Error",
    "5XX": "Server Error",
    "DEFAULT": "Default Response",
}
validation_error_definition: dict[str, Any] = {
    "title": "ValidationError",
    "type": "object",
    "properties": {
        "loc": {"title": "Location", "type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
        "msg": {"title": "Message", "type": "string"},
        "type": {"title": "Error Type", "type": "string"},
        "input": {"title": "Input"},
        "ctx": {"title": "Context", "type": "object"},
    },
    "required": ["loc", "msg", "type"],
}
validation_error_response_definition: dict[str, Any] = {
    "title": "HTTPValidationError",
    "type": "object",
    "properties": {"detail": {"title": "Detail", "type": "array", "items": {"$ref": REF_PREFIX + "ValidationError"}}},
}
_EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "data": {"type": "string"},
        "event": {"type": "string"},
        "id": {"type": "string"},
        "retry": {"type": "integer", "minimum": 0},
    },
}


def _operations(routes: Sequence[Any]) -> Iterator[Any]:
    from FasterAPI.routing import APIRoute, iter_route_contexts

    return (found.route for found in iter_route_contexts(routes) if isinstance(found.route, APIRoute))


def _flat(fields: Sequence[ModelField]) -> list[ModelField]:
    """Fields, with those of a model in the place of the parameter that is one."""
    found: list[ModelField] = []
    for field in fields:
        model = parameter_model(field)
        found += [field] if model is None else fields_of(model)
    return found


def _fields(routes: Sequence[Any]) -> list[ModelField]:
    """Everything in the routes that has a schema: callbacks first, then bodies, results, parameters."""
    bodies: list[ModelField] = []
    results: list[ModelField] = []
    parameters: list[ModelField] = []
    callbacks: list[ModelField] = []
    for route in _operations(routes):
        if not route.include_in_schema:
            continue
        if route.body_field:
            bodies.append(route.body_field)
        results += [field for field in (route.response_field, *route.response_fields.values(), route.stream_item_field) if field]
        callbacks += _fields(route.callbacks or [])
        below = list(route.dependant.walk_once())
        for place in _PLACES:
            parameters += [field for dependant in below for field in _flat(getattr(dependant, f"{place}_params"))]
    return callbacks + bodies + results + parameters


class _Document:
    """A document being written: what its operations share."""

    def __init__(self, fields: Sequence[ModelField], separate: bool) -> None:
        self.schemas = Schemas(fields, separate=separate)
        self.definitions = self.schemas.definitions
        self.security_schemes: dict[str, Any] = {}
        self.operation_ids: set[str] = set()

    def paths(self, routes: Sequence[Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for route in _operations(routes):
            path = self.path(route)
            if path:
                found.setdefault(route.path_format, {}).update(path)
        return found

    def path(self, route: Any) -> dict[str, Any]:
        """The operations of a route, by method."""
        if not route.include_in_schema:
            return {}
        return {method.lower(): self._operation(route, method) for method in route.methods}

    def _operation(self, route: Any, method: str) -> dict[str, Any]:
        operation: dict[str, Any] = {}
        if route.tags:
            operation["tags"] = route.tags
        operation["summary"] = route.summary or route.name.replace("_", " ").title()
        if route.description:
            operation["description"] = route.description
        operation["operationId"] = self._operation_id(route)
        if route.deprecated:
            operation["deprecated"] = route.deprecated
        security = self._security(route.dependant)
        if security:
            operation["security"] = security
        parameters = list(self._parameters(route.dependant))
        if parameters:
            by_name = {(item["in"], item["name"]): item for item in parameters}
            by_name.update({(item["in"], item["name"]): item for item in parameters if item.get("required")})
            operation["parameters"] = list(by_name.values())
        if method in METHODS_WITH_BODY and route.body_field:
            operation["requestBody"] = self._request_body(route.body_field)
        if route.callbacks:
            operation["callbacks"] = {found.name: {found.path: self.path(found)} for found in _operations(route.callbacks)}
        self._responses(route, operation)
        takes_input = any(getattr(dependant, f"{place}_params") for dependant in route.dependant.walk_once() for place in _PLACES)
        if (takes_input or route.body_field) and not {"422", "4XX", "default"} & operation["responses"].keys():
            schema = {"$ref": REF_PREFIX + "HTTPValidationError"}
            operation["responses"]["422"] = {"description": "Validation Error", "content": {"application/json": {"schema": schema}}}
            if "ValidationError" not in self.definitions or "HTTPValidationError" not in self.definitions:
                own = {"ValidationError": validation_error_definition, "HTTPValidationError": validation_error_response_definition}
                if "ValidationError" not in self.definitions:
                    self.definitions.update(own)
        if route.openapi_extra:
            deep_dict_update(operation, route.openapi_extra)
        return operation

    def _operation_id(self, route: Any) -> str:
        found: str = route.operation_id or route.unique_id
        if found in self.operation_ids:
            message = f"Duplicate Operation ID {found} for function {getattr(route.endpoint, '__name__', '<unnamed_endpoint>')}"
            file = getattr(route.endpoint, "__globals__", {}).get("__file__")
            warnings.warn(f"{message} at {file}" if file else message, stacklevel=1)
        self.operation_ids.add(found)
        return found

    def _security(self, dependant: Dependant) -> list[dict[str, list[str]]]:
        """The schemes that an operation asks for, each with its scopes."""
        asked: dict[str, list[str]] = {}
        seen: set[Any] = set()
        waiting: list[tuple[Dependant, list[str], bool]] = [(dependant, [], True)]
        while waiting:
            found, inherited, is_root = waiting.pop()
            if found.cache_key in seen:
                continue
            seen.add(found.cache_key)
            scopes = list(dict.fromkeys([*inherited, *found.oauth_scopes]))
            scheme = None if is_root else found.security_scheme
            if scheme is not None:
                self.security_schemes[scheme.scheme_name] = jsonable_encoder(scheme.model, by_alias=True, exclude_none=True)
                known = asked.setdefault(scheme.scheme_name, [])
                known += [scope for scope in scopes if scope not in known]
            waiting.extend((below, scopes, False) for below in reversed(found.dependencies))
        return [{name: scopes} for name, scopes in asked.items()]

    def _parameters(self, dependant: Dependant) -> Iterator[dict[str, Any]]:
        below = list(dependant.walk_once())
        for place in _PLACES:
            for parent in (field for found in below for field in getattr(found, f"{place}_params")):
                if not getattr(parent.field_info, "include_in_schema", True):
                    continue
                model = parameter_model(parent)
                optional = model is not None and parent.field_info.annotation is not model and not parent.required
                for field in _flat([parent]):
                    yield self._parameter(field, parent, place, optional)

    def _parameter(self, field: ModelField, parent: ModelField, place: str, optional: bool) -> dict[str, Any]:
        info: Any = field.field_info
        inherited = getattr(parent.field_info, "convert_underscores", True)
        alias, name = field.aliases(hyphens=place == "header" and getattr(info, "convert_underscores", inherited))[0]
        found = {"name": name, "in": place, "required": field.required and not optional, "schema": self.schemas.of(field, alias)}
        if info.description:
            found["description"] = info.description
        _add_examples(info, found)
        if getattr(info, "deprecated", None):
            found["deprecated"] = True
        return found

    def _request_body(self, field: ModelField) -> dict[str, Any]:
        info: Any = field.field_info
        content: dict[str, Any] = {"schema": self.schemas.of(field)}
        _add_examples(info, content)
        found: dict[str, Any] = {"required": True} if field.required else {}
        return {**found, "content": {info.media_type: content}}

    def _responses(self, route: Any, operation: dict[str, Any]) -> None:
        response_class: Any = route.response_class
        if isinstance(response_class, DefaultPlaceholder):
            response_class = response_class.value
        media_type = response_class.media_type
        status = route.status_code
        if status is None:
            parameter = inspect.signature(response_class.__init__).parameters.get("status_code")
            status = parameter.default if parameter is not None and isinstance(parameter.default, int) else 200
        main = operation.setdefault("responses", {}).setdefault(str(int(status)), {})
        main["description"] = route.response_description
        if is_body_allowed_for_status_code(route.status_code):
            content = self._content(route, response_class, media_type)
            if content:
                main.setdefault("content", {}).update(content)
        for key, given in route.responses.items():
            self._more_response(route, operation["responses"], key, given, media_type)

    def _content(self, route: Any, response_class: Any, media_type: str | None) -> dict[str, Any]:
        item = self.schemas.of(route.stream_item_field) if route.stream_item_field else None
        if route.is_json_stream:
            return {"application/jsonl": {"itemSchema": item or {}}}
        if route.is_sse_stream:
            event = copy.deepcopy(_EVENT)
            if item is not None:
                event["required"] = ["data"]
                event["properties"]["data"] = {"type": "string", "contentMediaType": "application/json", "contentSchema": item}
            return {"text/event-stream": {"itemSchema": event}}
        if not media_type:
            return {}
        schema: dict[str, Any] = {"type": "string"}
        if is_kind(response_class, JSONResponse):
            schema = self.schemas.of(route.response_field) if route.response_field else {}
        return {media_type: {"schema": schema}}

    def _more_response(self, route: Any, found: dict[str, Any], key: Any, given: dict[str, Any], media_type: str | None) -> None:
        given = copy.deepcopy(given)
        given.pop("model", None)
        name = str(key).upper()
        response = found.setdefault("default" if name == "DEFAULT" else name, {})
        field = route.response_fields.get(key)
        if field:
            content = given.setdefault("content", {}).setdefault(media_type or "application/json", {})
            deep_dict_update(content.setdefault("schema", {}), self.schemas.of(field))
        text = _RANGES.get(name) or http.client.responses.get(int(key))
        description = given.get("description") or response.get("description") or text or "Additional Response"
        deep_dict_update(response, given)
        response["description"] = description


def _add_examples(info: Any, target: dict[str, Any]) -> None:
    several, one = getattr(info, "openapi_examples", None), getattr(info, "example", _Unset)
    if several:
        target["examples"] = jsonable_encoder(several)
    elif one is not _Unset:
        target["example"] = jsonable_encoder(one)


def get_openapi_path(*, route: Any, separate_input_output_schemas: bool = True) -> dict[str, Any]:
    """The operations of one route, by method."""
    return _Document(_fields([route]), separate_input_output_schemas).path(route)


def get_openapi(
    *,
    title: str,
    version: str,
    openapi_version: str = "3.1.0",
    summary: str | None = None,
    description: str | None = None,
    routes: Sequence[Any],
    webhooks: Sequence[Any] | None = None,
    tags: list[dict[str, Any]] | None = None,
    servers: list[dict[str, Any]] | None = None,
    terms_of_service: str | None = None,
    contact: dict[str, Any] | None = None,
    license_info: dict[str, Any] | None = None,
    separate_input_output_schemas: bool = True,
    external_docs: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The document of an application."""
    info = {"title": title, "version": version, "summary": summary, "description": description}
    info |= {"termsOfService": terms_of_service, "contact": contact, "license": license_info}  # type: ignore[dict-item]
    output: dict[str, Any] = {"openapi": openapi_version, "info": {name: value for name, value in info.items() if value}}
    output["info"].setdefault("title", title)
    if servers:
        output["servers"] = servers
    document = _Document(_fields([*routes, *(webhooks or [])]), separate_input_output_schemas)
    paths, hooks = document.paths(routes), document.paths(webhooks or [])
    components: dict[str, Any] = {}
    if document.definitions:
        components["schemas"] = {name: document.definitions[name] for name in sorted(document.definitions)}
    if document.security_schemes:
        components["securitySchemes"] = document.security_schemes
    if components:
        output["components"] = components
    output["paths"] = paths
    rest = {"webhooks": hooks, "tags": tags, "externalDocs": external_docs}
    output |= {name: value for name, value in rest.items() if value}
    if "pydantic" not in sys.modules:  # then the descriptions are all that has come from outside of the framework
        return jsonable_encoder(output, exclude_none=True)  # type: ignore[no-any-return]
    from FasterAPI.openapi.models import OpenAPI

    return jsonable_encoder(OpenAPI(**output), by_alias=True, exclude_none=True)  # type: ignore[no-any-return]
