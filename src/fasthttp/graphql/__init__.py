"""GraphQL over HTTP: what a handler asks for as a request, and what comes back. Sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fasthttp.errors import FastHTTPValidationError, GraphQLError, ResponseJSONError

if TYPE_CHECKING:
    from fasthttp.response import Response

__all__ = ["GraphQLResponse", "make_payload", "read_graphql"]


class GraphQLResponse:
    """`data`, `errors` and `extensions` of an answer; `ok` and `has_errors`."""

    __slots__ = ("data", "errors", "extensions")

    def __init__(self, data: Any = None, errors: Any = None, extensions: Any = None) -> None:
        self.data = data
        self.errors = errors
        self.extensions = extensions

    @property
    def has_errors(self) -> bool:
        return bool(self.errors)

    @property
    def ok(self) -> bool:
        """Whether there are no errors."""
        return not self.errors

    def __repr__(self) -> str:
        return f"<GraphQLResponse {'ok' if self.ok else f'{len(self.errors)} errors'}>"


def make_payload(name: str, asked: Any) -> dict[str, Any]:
    """The JSON of a request, of what the handler `name` returned. Raises `TypeError` for what is no query."""
    if isinstance(asked, str):
        return {"query": asked}
    if not isinstance(asked, Mapping) or not isinstance(asked.get("query"), str):
        raise TypeError(f"GraphQL handler {name!r} must return a query string or a mapping with 'query'")
    payload = {"query": asked["query"]}
    if asked.get("variables") is not None:
        payload["variables"] = asked["variables"]
    operation = asked.get("operation_name", asked.get("operationName"))
    if operation is not None:
        payload["operationName"] = operation
    return payload


def read_graphql(response: Response) -> GraphQLResponse:
    """The body of a response. Raises `FastHTTPValidationError` for one that is no GraphQL answer."""
    try:
        body = response.json()
    except ResponseJSONError as exc:
        raise FastHTTPValidationError(f"Response validation failed: not a GraphQL answer: {exc}") from exc
    if not isinstance(body, Mapping) or not ("data" in body or "errors" in body) or not isinstance(body.get("errors") or [], list):
        raise FastHTTPValidationError("Response validation failed: not a GraphQL answer: neither 'data' nor 'errors' in it")
    return GraphQLResponse(body.get("data"), body.get("errors"), body.get("extensions"))


def graphql_error(answer: GraphQLResponse, response: Response) -> GraphQLError:
    """The error of an answer that has some."""
    first = answer.errors[0]
    message = str(first.get("message", first)) if isinstance(first, Mapping) else str(first)
    more = f" (and {len(answer.errors) - 1} more)" if len(answer.errors) > 1 else ""
    error = GraphQLError(f"GraphQL: {message}{more}", url=response.url, method=response.method)
    error.errors, error.data = answer.errors, answer.data
    error.response, error.request = response, response._request
    return error


def typed_data(data: Any, model: Any) -> Any:
    """`data` as a model: tried on all of it where it has that field's name, else on the value of its only field."""
    from fasthttp._pure.validation import validated_model
    from httpwire import jsonio

    whole = data
    if isinstance(data, Mapping) and len(data) == 1:
        name, value = next(iter(data.items()))
        if name not in field_names(model):
            whole = value
    return validated_model(model, jsonio.encode(whole), whole)


def field_names(model: Any) -> set[str]:
    """The names of the fields of a model, the server's and its own."""
    names = set(getattr(model, "__annotations__", ()))
    names.update(getattr(model, "__struct_encode_fields__", ()))
    for name, info in getattr(model, "model_fields", {}).items():
        names.update(text for text in (name, getattr(info, "alias", None)) if text)
    return names
