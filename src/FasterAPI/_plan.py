"""The short way through an operation: one function for a route, made once, for requests that need no explanation.

It takes what is canonical (digits for an int, `true` for a bool, a body that fits) and gives up on everything else,
before anything was sent; the long way then finds out what is wrong, or that nothing is. So the two differ in speed only.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, get_args
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from FasterAPI.concurrency import run_in_threadpool
from FasterAPI.datastructures import DefaultPlaceholder
from FasterAPI.utils import is_body_allowed_for_status_code

__all__ = ["BODY", "OUTCOME", "Plan", "make_plan"]

Plan = Callable[[Scope, Receive, Send, list[str]], Awaitable[bool]]

BODY = "FasterAPI.body"  # in the scope: what the short way has read before it gave up
OUTCOME = "FasterAPI.outcome"  # in the scope: a response or an exception, for the middleware around the router

_BOOLS = {"true": True, "false": False, "1": True, "0": False}
_CONSTANTS = (type(None), bool, int, float, str)
_JSON = (b"content-type", b"application/json")
# Without the check for cycles, which recursion ends as well: then the long way says so.
_encode_chunks: Any = json.encoder.c_make_encoder and json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, json.JSONEncoder().default, json.encoder.encode_basestring, None, ":", ",", False, False, False
)


class _GaveUp(Exception):
    """The request is not canonical."""


def _query(text: bytes) -> dict[str, str]:
    """The last value of each name."""
    if b"%" not in text and b"+" not in text and b";" not in text:
        found = {}
        for pair in text.decode("latin-1").split("&"):
            name, _, value = pair.partition("=")
            if pair:
                found[name] = value
        return found
    return dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True))


def _number(text: str) -> int:
    if text.isdecimal() and text.isascii() and len(text) < 19:
        return int(text)
    raise _GaveUp


def _truth(text: str) -> bool:
    value = _BOOLS.get(text)
    if value is None:
        raise _GaveUp
    return value


def _validated(field: Any) -> Callable[[Any], Any]:
    """The field's own check, for values that it accepts."""
    from pydantic_core import ValidationError

    validate = field._type_adapter.validator.validate_python

    def check(value: Any) -> Any:
        try:
            return validate(value, from_attributes=True)
        except ValidationError:
            raise _GaveUp from None

    return check


def _converter(field: Any) -> Callable[[str], Any] | None:
    """From text to value; None for text as it is."""
    info = field.field_info
    annotation = info.annotation
    choices = [item for item in get_args(annotation) if item is not type(None)]
    if len(choices) == 1 and type(None) in get_args(annotation):
        annotation = choices[0]
    if not info.metadata and annotation in (str, int, bool):
        return {str: None, int: _number, bool: _truth}[annotation]
    return _validated(field)


def _takes_plain(field: Any) -> bool:
    """Whether a parameter is one text under one name, with a default that can be handed out again and again."""
    if field.is_sequence or field.is_json or len(field.names) != 1 or field.field_info.validate_default:
        return False
    from FasterAPI.dependencies.values import parameter_model

    if parameter_model(field) is not None or not hasattr(field, "_type_adapter"):
        return False
    return field.required or (field.field_info.default_factory is None and type(field.default) in _CONSTANTS)


async def _read(receive: Receive, scope: Scope) -> bytes:
    """The body, where it says that it is JSON."""
    for name, value in scope["headers"]:
        if name == b"content-type":
            if value == b"application/json":
                break
            raise _GaveUp
    else:
        raise _GaveUp
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            break
    body = scope[BODY] = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    return body


def _body_reader(field: Any) -> Callable[[bytes], Any]:
    from FasterAPI._structs import StructField

    decode: Any = field.decode if isinstance(field, StructField) else msgspec.json.decode
    check = None if isinstance(field, StructField) else _validated(field)

    def read(body: bytes) -> Any:
        try:
            value = decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise _GaveUp from None
        return value if check is None else check(value)

    return read


def _writer(route: Any) -> Callable[[Any], bytes] | None:
    """From result to the bytes of JSON; raises `_GaveUp` for a result that wants the long way."""
    field = route.response_field
    if field is None:
        return _encode
    from FasterAPI._structs import StructField

    options = (
        route.response_model_include,
        route.response_model_exclude,
        route.response_model_exclude_unset,
        route.response_model_exclude_defaults,
        route.response_model_exclude_none,
    )
    if any(options) or not route.response_model_by_alias:
        return None
    if isinstance(field, StructField):
        kind, encode = field.type, msgspec.json.Encoder().encode

        def write_struct(value: Any) -> bytes:
            if type(value) is not kind:
                raise _GaveUp
            return encode(value)

        return write_struct
    check, write = _validated(field), field._type_adapter.serializer.to_json
    from pydantic_core import PydanticSerializationError

    def write_model(value: Any) -> bytes:
        try:
            return write(check(value), by_alias=True)  # type: ignore[no-any-return]
        except PydanticSerializationError:
            raise _GaveUp from None

    return write_model


def _encode(value: Any) -> bytes:
    """What has no model and is JSON already; objects with rules of their own go the long way."""
    try:
        text = "".join(_encode_chunks(value, 0))
    except (TypeError, ValueError, RecursionError):
        raise _GaveUp from None
    if '"_sa' in text:
        raise _GaveUp
    return text.encode()


_TEMPLATE = """\
async def plan(scope, receive, send, segments):
    try:
{arguments}
    except GaveUp:
        return False
    except Exception as exc:
        return await finish(exc, scope, receive, send)
    try:
        result = {call}
    except Exception as exc:
        return await finish(exc, scope, receive, send)
    if isinstance(result, Response):
        return await finish(result, scope, receive, send)
    try:
        content = write(result)
    except GaveUp:
        return await finish(Result(result), scope, receive, send)
    await send({{"type": "http.response.start", "status": {status}, "headers": [JSON, (b"content-length", b"%d" % len(content))]}})
    await send({{"type": "http.response.body", "body": content}})
    return True
"""


def _arguments(route: Any, names: dict[str, Any], places: dict[str, int]) -> list[str] | None:
    """The lines that work out the arguments; None for a parameter that they cannot."""
    dependant = route.dependant
    found = ", ".join(f"{name!r}: segments[{at}]" for name, at in places.items())
    lines = [f'scope["path_params"] = {{{found}}}']
    if dependant.query_params:
        lines.append('query = parse(scope["query_string"]) if scope["query_string"] else {}')
    for place, fields in (("path", dependant.path_params), ("query", dependant.query_params)):
        for number, field in enumerate(fields):
            if not _takes_plain(field) or (place == "path" and field.names[0][1] not in places):
                return None
            key = f"{place}_{number}"
            if place == "path":
                lines.append(f"{key} = segments[{places[field.names[0][1]]}]")
            else:
                lines.append(f"{key} = query.get({field.names[0][1]!r})")
                names[f"default_{key}"] = None if field.required else field.default
                lines.append(f"if {key} is None:")
                lines.append("    raise GaveUp" if field.required else f"    {key} = default_{key}")
            converter = _converter(field)
            if converter is not None:
                names[f"convert_{key}"] = converter
                line = f"{key} = convert_{key}({key})"
                lines += [line] if place == "path" else ["else:", f"    {line}"]
            names.setdefault("keywords", []).append(f"{field.name}={key}")
    if dependant.body_params:
        field = dependant.body_params[0]
        if len(dependant.body_params) > 1 or route.embedded or field.kind != "body" or route.max_body_size is not None:
            return None
        names["read_body"], names["read"] = _body_reader(field), _read
        lines.append("body = read_body(await read(receive, scope))")
        names.setdefault("keywords", []).append(f"{field.name}=body")
    return lines


def make_plan(route: Any, finish: Callable[..., Awaitable[bool]], places: dict[str, int]) -> Plan | None:
    """The short way of a route, or None where it has none.

    Args:
        route: an `APIRoute`.
        finish: sends a response, or answers an exception, through the middleware of the application.
        places: of the parameters of its path, among its segments.
    """
    from FasterAPI._long_way import Result, is_original

    dependant = route.dependant
    injected = (name for name in vars(dependant) if name.endswith("_param_name"))
    if (
        not is_original(route)
        or dependant.is_generator
        or dependant.dependencies
        or dependant.header_params
        or dependant.cookie_params
        or any(getattr(dependant, name) for name in injected)
        or not isinstance(route.response_class, DefaultPlaceholder)
        or not is_body_allowed_for_status_code(route.status_code)
        or _encode_chunks is None
    ):
        return None
    write = _writer(route)
    names: dict[str, Any] = {}
    lines = _arguments(route, names, places)
    if write is None or lines is None:
        return None
    keywords = names.pop("keywords", [])
    if dependant.kind == "coroutine":
        call = f"await endpoint({', '.join(keywords)})"
    else:
        call = f"await run_in_threadpool({', '.join(['endpoint', *keywords])})"
    body = "\n".join(" " * 8 + line for line in lines)
    source = _TEMPLATE.format(arguments=body, call=call, status=route.status_code or 200)
    names |= {"parse": _query, "GaveUp": _GaveUp, "finish": finish, "Response": Response, "Result": Result}
    names |= {"endpoint": dependant.call, "write": write, "JSON": _JSON, "run_in_threadpool": run_in_threadpool}
    exec(compile(source, f"<plan of {route.path}>", "exec"), names)
    plan: Plan = names["plan"]
    return plan
