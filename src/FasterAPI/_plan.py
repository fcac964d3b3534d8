"""A signature made into a plan, once: where each argument comes from and how it is converted. Sends nothing."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import msgspec

from FasterAPI.exceptions import RequestValidationError

__all__ = ["Plan", "compile_plan"]

_SCALARS = (str, int, float, bool)
_TRUE = frozenset(("1", "true", "t", "on", "yes", "y"))
_FALSE = frozenset(("0", "false", "f", "off", "no", "n"))
_MISSING: Any = object()


class Parameter(NamedTuple):
    """One argument from the path or the query. `default` is `_MISSING` where the value is required."""

    name: str
    convert: Callable[[str], Any]
    kind: str  # what an error calls the type
    default: Any = _MISSING


class Plan(NamedTuple):
    """How an operation is called."""

    endpoint: Callable[..., Any]
    is_async: bool
    path: tuple[Parameter, ...]
    query: tuple[Parameter, ...]
    body: str | None
    decode: Callable[[bytes], Any] | None

    def arguments(self, path_params: Mapping[str, str], query_string: bytes, body: bytes) -> dict[str, Any]:
        """The keyword arguments of the call. Raises `RequestValidationError` with all faults at once."""
        values: dict[str, Any] = {}
        errors: list[dict[str, Any]] = []
        for parameter in self.path:
            _convert(parameter, path_params[parameter.name], "path", values, errors)
        if self.query:
            given = parse_qs(query_string.decode("latin-1"), keep_blank_values=True) if query_string else {}
            for parameter in self.query:
                found = given.get(parameter.name)
                if found is not None:
                    _convert(parameter, found[-1], "query", values, errors)
                elif parameter.default is _MISSING:
                    errors.append({"type": "missing", "loc": ["query", parameter.name], "msg": "Field required", "input": None})
                else:
                    values[parameter.name] = parameter.default
        if self.body is not None:
            self._read_body(body, values, errors)
        if errors:
            raise RequestValidationError(errors)
        return values

    def _read_body(self, body: bytes, values: dict[str, Any], errors: list[dict[str, Any]]) -> None:
        assert self.body is not None
        assert self.decode is not None
        if not body:
            errors.append({"type": "missing", "loc": ["body"], "msg": "Field required", "input": None})
            return
        try:
            values[self.body] = self.decode(body)
        except msgspec.ValidationError as exc:
            message, _, where = str(exc).partition(" - at `$")
            parts = where.rstrip("`").replace("[", ".").replace("]", "").split(".")
            loc = ["body", *(int(part) if part.isdigit() else part for part in parts if part)]
            errors.append({"type": "value_error", "loc": loc, "msg": message, "input": None})
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
            errors.append({"type": "json_invalid", "loc": ["body"], "msg": "JSON decode error", "input": {}, "ctx": {"error": str(exc)}})


def _convert(parameter: Parameter, text: str, place: str, values: dict[str, Any], errors: list[dict[str, Any]]) -> None:
    try:
        values[parameter.name] = parameter.convert(text)
    except ValueError:
        message = f"Input should be a valid {parameter.kind}"
        kind = {"integer": "int", "number": "float", "boolean": "bool"}[parameter.kind]
        errors.append({"type": f"{kind}_parsing", "loc": [place, parameter.name], "msg": message, "input": text})


def _to_bool(text: str) -> bool:
    lower = text.lower()
    if lower in _TRUE:
        return True
    if lower in _FALSE:
        return False
    raise ValueError(text)


def _to_int(text: str) -> int:
    stripped = text.strip()
    if not stripped.lstrip("+-").isascii() or "_" in stripped:
        raise ValueError(text)
    return int(stripped)


_CONVERTERS: dict[type, tuple[Callable[[str], Any], str]] = {
    str: (str, "string"),
    int: (_to_int, "integer"),
    float: (float, "number"),
    bool: (_to_bool, "boolean"),
}


def compile_plan(endpoint: Callable[..., Any], path_names: frozenset[str]) -> Plan:
    """The plan of an operation.

    Raises:
        TypeError: a parameter whose type cannot come from a request, or a second body.
    """
    hints = typing.get_type_hints(endpoint)
    path: list[Parameter] = []
    query: list[Parameter] = []
    body: str | None = None
    decode: Callable[[bytes], Any] | None = None
    for parameter in inspect.signature(endpoint).parameters.values():
        annotation = _without_none(hints.get(parameter.name, str))
        default = _MISSING if parameter.default is parameter.empty else parameter.default
        if annotation in _SCALARS:
            convert, kind = _CONVERTERS[annotation]
            item = Parameter(parameter.name, convert, kind, default)
            (path if parameter.name in path_names else query).append(item)
        elif body is None and parameter.name not in path_names:
            body = parameter.name
            decode = msgspec.json.Decoder(hints[parameter.name]).decode
        else:
            name = getattr(endpoint, "__name__", repr(endpoint))
            raise TypeError(f"parameter {parameter.name!r} of {name}: {annotation!r} cannot be taken from the request")
    return Plan(endpoint, inspect.iscoroutinefunction(endpoint), tuple(path), tuple(query), body, decode)


def _without_none(annotation: Any) -> Any:
    """`T` of `T | None`."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [item for item in typing.get_args(annotation) if item is not type(None)]
        if len(rest) == 1:
            return rest[0]
    return annotation
