"""The short way through an operation: one function for a route, made once, for requests that need no explanation.

It takes what is canonical (digits for an int, `true` for a bool, a body that fits) and gives up on everything else,
before anything was sent; the long way then finds out what is wrong, or that nothing is. So the two differ in speed only.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, get_args
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from FasterAPI._body_memory import MAX_PARAMETERS, is_too_deep, too_large
from FasterAPI._outcome import BODY, ENDS, Result, raise_after_start
from FasterAPI._safe_fields import check_fields
from FasterAPI.concurrency import run_in_threadpool
from FasterAPI.datastructures import DefaultPlaceholder
from FasterAPI.dependencies.solving import REQUEST_STACK, entered
from FasterAPI.exceptions import NOT_AWAITED, FastAPIError
from FasterAPI.utils import is_body_allowed_for_status_code

__all__ = ["Plan", "make_plan"]

Finish = Callable[[Any, Scope, Receive, Send], Awaitable[bool]]
Plan = Callable[[Scope, Receive, Send, list[str], Finish], Awaitable[bool]]

_BOOLS = {"true": True, "false": False, "1": True, "0": False}
_CONSTANTS = (type(None), bool, int, float, str)
_JSON = (b"content-type", b"application/json")
# Without the check for cycles, which recursion ends as well: then the long way says so.
_encode_chunks: Any = json.encoder.c_make_encoder and json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, json.JSONEncoder().default, json.encoder.encode_basestring, None, ":", ",", False, False, False
)


class _GaveUp(Exception):
    """The request is not canonical."""


class _Unfit(Exception):
    """The result breaks its model. It must not be validated again: iterators in it are used up."""

    def __init__(self, errors: list[Any]) -> None:
        self.errors = errors


def _query(text: bytes) -> dict[str, str]:
    """The last value of each name."""
    if len(text) > MAX_PARAMETERS and text.count(b"&") >= MAX_PARAMETERS:
        raise _GaveUp
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
    if not hasattr(field, "_type_adapter"):

        def check_native(value: Any) -> Any:
            checked, errors = field.validate(value)
            if errors:
                raise _GaveUp
            return checked

        return check_native
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

    if parameter_model(field) is not None:
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
    size, limit = 0, getattr(scope.get("app"), "max_buffered_body", None)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        size += len(chunk)
        if limit is not None and size > limit:
            raise too_large()
        chunks.append(chunk)
        if not message.get("more_body", False):
            break
    body = scope[BODY] = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    return body


def _body_reader(field: Any, depth: int | None) -> Callable[[bytes], Any]:
    from FasterAPI._structs import StructField

    decode: Any = field.decode if isinstance(field, StructField) else msgspec.json.decode
    check = None if isinstance(field, StructField) else _validated(field)

    def read(body: bytes) -> Any:
        if depth is not None and is_too_deep(body, depth):
            raise _GaveUp
        try:
            value = decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise _GaveUp from None
        return value if check is None else check(value)

    return read


def _writer(route: Any) -> Callable[[Any], bytes] | None:
    """From result to the bytes of JSON; raises `_GaveUp` for a result that wants the long way, `_Unfit` for a wrong one."""
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
    from pydantic_core import ValidationError

    from FasterAPI._pydantic import faults_of, foreign

    validate, write = field._type_adapter.validator.validate_python, field._type_adapter.serializer.to_json

    def write_model(value: Any) -> bytes:
        try:
            checked = validate(value, from_attributes=True)
        except ValidationError as exc:
            raise _Unfit(faults_of(exc, ("response",))) from None
        return write(checked, by_alias=True, fallback=foreign)  # type: ignore[no-any-return]

    return write_model


def _encode(value: Any) -> bytes:
    """What has no model and is JSON already; objects with rules of their own go the long way."""
    try:
        marshal.dumps(value)  # refuses, in one call, all but the built-in types themselves: an Enum may be a str, a dataclass a dict
        text = "".join(_encode_chunks(value, 0))
    except (TypeError, ValueError, RecursionError):
        raise _GaveUp from None
    if '"_sa' in text:
        raise _GaveUp
    return text.encode()


_BEGINNING = """\
async def plan(scope, receive, send, segments, finish):
    try:
{arguments}
    except GaveUp:
        return False
    except Exception as exc:
        return await finish(exc, scope, receive, send)
"""

_TEMPLATE = (
    _BEGINNING
    + """\
    try:
{calls}
        result = {call}
    except Exception as exc:
        return await finish(exc, scope, receive, send)
    if isinstance(result, Response):
        return await finish(result, scope, receive, send)
    try:
        content = write(result)
    except GaveUp:
        return await finish(Result(result), scope, receive, send)
    except Unfit as exc:
        return await finish(Result(result, exc.errors), scope, receive, send)
    except Exception as exc:
        return await finish(exc, scope, receive, send)
    await send({{"type": "http.response.start", "status": {status}, "headers": [JSON, (b"content-length", b"%d" % len(content))]}})
    await send({{"type": "http.response.body", "body": content}})
    return True
"""
)


# The same with dependencies that live until the answer was sent.
_TEMPLATE_WITH_EXITS = (
    _BEGINNING
    + """\
    started = sent = False
    scope.pop(ENDS, None)
    try:
        async with AsyncExitStack() as stack:
            scope[REQUEST_STACK] = stack
{calls}
            result = {call}
            if not isinstance(result, Response):
                try:
                    content = write(result)
                except (GaveUp, Unfit) as exc:
                    result = await respond_with(Request(scope, receive, send), result, getattr(exc, "errors", None))
            if isinstance(result, Response):
                async def watched(message):
                    nonlocal started
                    if message["type"] == "http.response.start":
                        check_fields(message["headers"])
                    started = True
                    await send(message)
                await result(scope, receive, watched)
            else:
                started = True
                headers = [JSON, (b"content-length", b"%d" % len(content))]
                await send({{"type": "http.response.start", "status": {status}, "headers": headers}})
                await send({{"type": "http.response.body", "body": content}})
            sent = True
        if not sent:
            raise FastAPIError(NOT_AWAITED)
    except Exception as exc:
        if started:
            raise_after_start(exc, scope)
        return await finish(exc, scope, receive, send)
    return True
"""
)


def _is_simple(dependant: Any, *, may_stay: bool) -> bool:
    """Whether a callable only takes path, query and body; `may_stay`: it may be there until the answer was sent."""
    if dependant.scope == "lifespan" or (dependant.is_generator and not (may_stay and dependant.lifetime == "request")):
        return False
    injected = any(value for name, value in vars(dependant).items() if name.endswith("_param_name"))
    return not (dependant.limit or dependant.header_params or dependant.cookie_params or injected)


class _Source:
    """The lines of a short way, as they are written: for the dependencies of an operation first, then for itself."""

    def __init__(self, route: Any, places: dict[str, int]) -> None:
        self._route = route
        self._places = places
        found = ", ".join(f"{name!r}: segments[{at}]" for name, at in places.items())
        self.lines = [f'scope["path_params"] = {{{found}}}']
        self.calls = ["pass"]  # after the lines, none of which does anything that a user could see twice
        self.names: dict[str, Any] = {}
        self._solved: dict[Any, str] = {}
        if any(dependant.query_params for dependant in route.dependant.walk()):
            self.lines.append('query = parse(scope["query_string"]) if scope["query_string"] else {}')

    def _name(self, kind: str, value: Any) -> str:
        name = f"{kind}_{len(self.names)}"
        self.names[name] = value
        return name

    def call(self, dependant: Any) -> str:
        """The expression that calls something, after the lines that its arguments take. Raises `_GaveUp`."""
        keywords = [f"{below.name}={value}" for below in dependant.dependencies if (value := self._value(below)) and below.name]
        keywords += [f"{field.name}={self._path(field)}" for field in dependant.path_params]
        keywords += [f"{field.name}={self._query(field)}" for field in dependant.query_params]
        keywords += [f"{field.name}={self._body(field)}" for field in dependant.body_params]
        if dependant.is_generator:
            arguments = ", ".join(f"{name!r}: {value}" for name, _, value in (item.partition("=") for item in keywords))
            return f"await entered({self._name('dependency', dependant)}, scope, stack, {{{arguments}}})"
        function = self._name("call", dependant.call)
        if dependant.kind == "coroutine":
            return f"await {function}({', '.join(keywords)})"
        return f"await run_in_threadpool({', '.join([function, *keywords])})"

    def _value(self, dependant: Any) -> str:
        """The variable with the value of a dependency, which is called once for all that share it."""
        known = self._solved.get(dependant.cache_key) if dependant.use_cache else None
        if known is not None:
            return known
        expression = self.call(dependant)
        name = self._solved[dependant.cache_key] = f"value_{len(self.calls)}"
        self.calls.append(f"{name} = {expression}")
        return name

    def _line(self, kind: str, expression: str) -> str:
        """A line that works out a value; the variable that holds it."""
        name = f"{kind}_{len(self.lines)}"
        self.lines.append(f"{name} = {expression}")
        return name

    def _path(self, field: Any) -> str:
        place = self._places.get(field.names[0][1])
        if not _takes_plain(field) or place is None:
            raise _GaveUp
        converter = _converter(field)
        if converter is None:
            return f"segments[{place}]"
        return self._line("path", f"{self._name('convert', converter)}(segments[{place}])")

    def _query(self, field: Any) -> str:
        if not _takes_plain(field):
            raise _GaveUp
        name = self._line("query", f"query.get({field.names[0][1]!r})")
        self.lines.append(f"if {name} is None:")
        self.lines.append("    raise GaveUp" if field.required else f"    {name} = {self._name('default', field.default)}")
        converter = _converter(field)
        if converter is not None:
            self.lines += ["else:", f"    {name} = {self._name('convert', converter)}({name})"]
        return name

    def _body(self, field: Any) -> str:
        route = self._route
        several = sum(len(dependant.body_params) for dependant in route.dependant.walk())
        if several > 1 or route.embedded or field.kind != "body" or route.max_body_size is not None:
            raise _GaveUp
        self.names["read"] = _read
        reader = _body_reader(field, getattr(route.dependency_overrides_provider, "json_depth_limit", None))
        return self._line("body", f"{self._name('parse_body', reader)}(await read(receive, scope))")


def make_plan(route: Any, places: dict[str, int]) -> Plan | None:
    """The short way of a route, or None where it has none.

    It is called with scope, receive, send, the segments of the path, and what sends a response or answers an exception.

    Args:
        route: an `APIRoute`.
        places: of the parameters of its path, among its segments.
    """
    dependant = route.dependant
    if (
        not route.is_original()
        or not all(_is_simple(below, may_stay=below is not dependant) for below in dependant.walk())
        or not isinstance(route.response_class, DefaultPlaceholder)
        or not is_body_allowed_for_status_code(route.status_code)
        or _encode_chunks is None
    ):
        return None
    write = _writer(route)
    if write is None or getattr(route.dependency_overrides_provider, "plain_returns", False):
        return None
    source = _Source(route, places)
    try:
        expression = source.call(dependant)
    except _GaveUp:
        return None
    stays = any(below.is_generator for below in dependant.walk())
    arguments = "\n".join(" " * 8 + line for line in source.lines)
    calls = "\n".join(" " * (12 if stays else 8) + line for line in source.calls)
    template = _TEMPLATE_WITH_EXITS if stays else _TEMPLATE
    text = template.format(arguments=arguments, calls=calls, call=expression, status=route.status_code or 200)
    names = {**source.names, "parse": _query, "GaveUp": _GaveUp, "Unfit": _Unfit, "Response": Response, "Result": Result}
    names |= {"write": write, "JSON": _JSON, "run_in_threadpool": run_in_threadpool}
    if stays:
        names |= {"AsyncExitStack": AsyncExitStack, "REQUEST_STACK": REQUEST_STACK, "entered": entered, "Request": Request}
        names |= {"respond_with": route.operation.respond_with, "raise_after_start": raise_after_start}
        names |= {"FastAPIError": FastAPIError, "NOT_AWAITED": NOT_AWAITED, "ENDS": ENDS, "check_fields": check_fields}
    exec(compile(text, f"<plan of {route.path}>", "exec"), names)
    plan: Plan = names["plan"]
    return plan
