"""Requests, responses and results of handlers against models, and what is said when they do not fit.

A model is a pydantic model, a msgspec Struct, a dataclass, a TypedDict, or a container of them. Knows two libraries and
shows one kind of complaint; pydantic is imported for types of its own only. Sends nothing and reads no response.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec

from fasthttp._pure.typed import build, check_type, convert
from fasthttp.errors import FastHTTPValidationError
from httpwire import jsonio
from httpwire.masking import MASK, is_secret

__all__ = ["check_model", "convert_result", "is_validation_error", "response_error", "result_model"]
__all__ += ["validate_request", "validated_json", "validated_model"]

_CONTAINERS = (list, tuple, set, frozenset, dict, Union, UnionType)
_SCALARS = frozenset((NoneType, bool, int, float, str))
_PLAIN = (*_SCALARS, list, tuple, dict)  # what JSON gives, and what may stand beside a model
_MAX_SHOWN = 10  # complaints in one message; `details` has all of them


# --- what is a model


def check_model(type_: Any) -> None:
    """Refuse what cannot be a model. Names that are still to be defined are looked up on first use.

    Raises:
        TypeError: it is none, or its library can make nothing of it.
    """
    if not any(map(_is_model, _leaves(type_))):
        shown = type_.__name__ if isinstance(type_, type) else repr(type_) if get_origin(type_) else f"an object of {type(type_).__name__}"
        raise TypeError(f"{shown} cannot be a model; use a pydantic model, msgspec Struct, dataclass, TypedDict or a container of them")
    try:
        check_type(type_)
    except NameError:
        pass
    except (TypeError, RuntimeError, ImportError) as exc:  # the second is pydantic's base for types that it does not know
        raise TypeError(f"{type_!r} cannot be a model: {exc}") from exc


def result_model(handler: Any, *known: Any) -> Any:
    """The return annotation of a handler where it is one to be enforced: models, alone or in containers. Otherwise None.

    An annotation whose names cannot be found counts as none. `known` are models that may be named though the handler's
    module does not have them: those of the route, when they were declared inside of a function.
    """
    while isinstance(handler, functools.partial):
        handler = handler.func
    handler = inspect.unwrap(handler)
    names = {leaf.__name__: leaf for type_ in known for leaf in _leaves(type_) if _is_model(leaf)}
    try:
        function = handler if hasattr(handler, "__globals__") else type(handler).__call__
        given = {"return": inspect.get_annotations(function)["return"]}
        names.update(inspect.getclosurevars(function).nonlocals)
        holder: Any = SimpleNamespace(__annotations__=given)
        found = typing.get_type_hints(holder, getattr(function, "__globals__", {}), names, include_extras=True)["return"]
    except Exception:  # evaluating a user's text may fail in any way
        return None
    return found if _is_enforced(found) else None


def _is_model(type_: Any) -> bool:
    base = get_origin(type_) or type_
    if not isinstance(base, type):
        return False
    if issubclass(base, msgspec.Struct) or dataclasses.is_dataclass(base) or hasattr(base, "__pydantic_validator__"):
        return True
    return issubclass(base, dict) and hasattr(base, "__total__")  # a TypedDict, of whichever module


def _leaves(type_: Any) -> Iterator[Any]:
    """The types that a container is of; a type that is none by itself."""
    origin = get_origin(type_)
    if origin is Annotated:
        yield from _leaves(get_args(type_)[0])
    elif origin in _CONTAINERS:
        for argument in get_args(type_):
            if argument is not Ellipsis:
                yield from _leaves(argument)
    else:
        yield type_


def _is_enforced(annotation: Any) -> bool:
    leaves = list(_leaves(annotation))
    return any(map(_is_model, leaves)) and all(_is_model(leaf) or leaf in _PLAIN or leaf is Any for leaf in leaves)


# --- the four checks


def validate_request(model: Any, data: Any, *, form: bool = False, sensitive: Collection[str] = ()) -> None:
    """Check what a request is about to send. None, no body at all, is checked as JSON's null.

    Args:
        data: the value for `json=`, checked as the JSON that it becomes, models in it included; or a form's mapping.
        form: whether it is the latter. Its texts may stand for numbers, and its fields that are None are not sent.
        sensitive: more names of secret fields, in lower case.

    Raises:
        FastHTTPValidationError: it does not fit.
        TypeError, ValueError: it cannot be encoded.
    """
    if form and isinstance(data, Mapping):
        data = {name: value for name, value in data.items() if value is not None}
    content = jsonio.encode(data)
    plain = jsonio.decode(content)
    step = functools.partial(convert, plain, model, strict=False) if form else functools.partial(build, content, plain, model)
    _checked("Request", step, plain, sensitive)


def validated_json(model: Any, content: bytes, value: Any, *, sensitive: Collection[str] = ()) -> Any:
    """The JSON `content`, plain `value`, after validation: objects are dicts, arrays are lists, a scalar is what the model makes of it.

    So a number that came as text is a number, a date is a `datetime`, a field that did not come has its default, and a
    field that the model does not know is gone. A key is what the server called the field: the alias (pydantic) or the
    renamed field (msgspec), and of several validation aliases the one that came. Fields with an `AliasPath` alone, which
    have no key of their own, go by their name in the model.

    Raises:
        msgspec.ValidationError, pydantic.ValidationError: it does not fit. Values of secret fields are not shown.
    """
    return _plain(validated_model(model, content, value, sensitive=sensitive), value)


def validated_model(model: Any, content: bytes, value: Any, *, sensitive: Collection[str] = ()) -> Any:
    """The JSON `content`, plain `value`, as `model`. Raises as `validated_json` does."""
    try:
        return build(content, value, model)
    except Exception as exc:
        shown = _without_secrets(exc, value, sensitive) if is_validation_error(exc) else exc
        if shown is exc:
            raise
        raise shown from shown.__cause__


def response_error(exc: BaseException, value: Any = None, *, sensitive: Collection[str] = ()) -> FastHTTPValidationError:
    """The error of a response that does not fit, made of the library's.

    Args:
        value: the plain JSON of the response. Without it secret values are known only as far as `exc` holds them.
    """
    return _failed("Response", exc, value, sensitive)


def convert_result(annotation: Any, value: Any, *, sensitive: Collection[str] = ()) -> Any:
    """What a handler returned, as its annotation says: plain data under an annotation of models; anything else as it is.

    Raises:
        FastHTTPValidationError: it does not fit.
    """
    if type(value) not in _PLAIN or not _is_enforced(annotation):
        return value
    return _checked("Handler result", functools.partial(convert, value, annotation), value, sensitive)


def is_validation_error(exc: BaseException) -> bool:
    """Whether it is the `ValidationError` of msgspec or of pydantic."""
    return isinstance(exc, msgspec.ValidationError) or _is_pydantic(exc)


def _is_pydantic(exc: BaseException | None) -> bool:
    core = sys.modules.get("pydantic_core")
    return core is not None and isinstance(exc, core.ValidationError)


# --- plain data of typed objects


def _plain(typed: Any, sent: Any) -> Any:
    """An object of a model as dicts and lists; `sent` is the JSON that it was made of."""
    if type(typed) in _SCALARS:
        return typed
    if hasattr(type(typed), "__pydantic_root_model__") and type(typed).__pydantic_root_model__:
        return _plain(typed.root, sent)
    if isinstance(typed, msgspec.Struct) and typed.__struct_config__.array_like:
        tag = typed.__struct_config__.tag
        typed = [*(() if tag is None else (tag,)), *(getattr(typed, name) for name in typed.__struct_fields__)]
    pairs = _pairs(typed, sent)
    if pairs is not None:
        of = sent if isinstance(sent, dict) else {}
        return {name: _plain(value, of.get(name if isinstance(name, str) else str(name))) for name, value in pairs}
    if isinstance(typed, (list, tuple)):
        known = isinstance(sent, list) and len(sent) == len(typed)
        return [_plain(value, sent[at] if known else None) for at, value in enumerate(typed)]
    if isinstance(typed, (set, frozenset)):
        return [_plain(value, None) for value in typed]
    return typed


def _pairs(typed: Any, sent: Any) -> list[tuple[Any, Any]] | None:
    """The fields of an object by the server's names; None for what has no fields."""
    kind = type(typed)
    if isinstance(typed, dict):
        return list(typed.items())
    if isinstance(typed, msgspec.Struct):
        config = typed.__struct_config__
        pairs: list[tuple[Any, Any]] = [] if config.tag is None else [(config.tag_field, config.tag)]
        pairs += zip(typed.__struct_encode_fields__, [getattr(typed, field) for field in typed.__struct_fields__], strict=True)
        return [(name, value) for name, value in pairs if value is not msgspec.UNSET]
    infos = getattr(kind, "__pydantic_fields__", None)
    if infos is not None:
        named = [(_sent_name(field, info, sent), getattr(typed, field)) for field, info in infos.items()]
        return [*named, *(getattr(typed, "__pydantic_extra__", None) or {}).items()]
    if dataclasses.is_dataclass(kind):
        return [(field.name, getattr(typed, field.name)) for field in dataclasses.fields(kind)]
    return None


def _sent_name(field: str, info: Any, sent: Any) -> str:
    """What the server calls a field of a pydantic model: of its names the one that came, or else the first."""
    alias = info.validation_alias
    names = [name for name in getattr(alias, "choices", (alias,)) if isinstance(name, str)]
    return next((name for name in (*names, field) if isinstance(sent, dict) and name in sent), names[0] if names else field)


# --- complaints


class _Fault(NamedTuple):
    """One complaint of either library; `input` is what it is about, where that is told."""

    loc: tuple[str | int, ...]
    msg: str
    type: str
    input: Any = None


def _checked(what: str, step: Callable[[], Any], data: Any, sensitive: Collection[str]) -> Any:
    try:
        return step()
    except Exception as exc:
        if not is_validation_error(exc):
            raise
        error = _failed(what, exc, data, sensitive)
        raise error from error.__cause__


def _failed(what: str, exc: BaseException, data: Any, sensitive: Collection[str]) -> FastHTTPValidationError:
    cause = _without_secrets(exc, data, sensitive)
    faults = _faults(cause)
    said = [f"{_where(fault.loc)}: {fault.msg}" for fault in faults[:_MAX_SHOWN]]
    if len(faults) > _MAX_SHOWN:
        said.append(f"and {len(faults) - _MAX_SHOWN} more")
    details = [{"loc": fault.loc, "msg": fault.msg, "type": fault.type} for fault in faults]
    error = FastHTTPValidationError(f"{what} validation failed: {'; '.join(said)}", details=details)
    error.__cause__ = cause
    return error


def _where(loc: tuple[str | int, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")
    return text.replace(".[...]", "[...]") or "(root)"


def _faults(exc: Any) -> list[_Fault]:
    """The complaints of an error of either library, in one form."""
    if _is_pydantic(exc):
        return [_Fault(fault["loc"], " ".join(fault["msg"].split()), fault["type"], fault["input"]) for fault in exc.errors()]
    text, loc = _split_path(str(exc))
    if _is_pydantic(exc.__cause__):  # a pydantic model in a field of a struct or dataclass
        return [fault._replace(loc=(*loc, *fault.loc)) for fault in _faults(exc.__cause__)]
    text = " ".join(text.split())
    field = text.rpartition(" `")[2].removesuffix("`")
    if text.startswith("Object missing required field `"):
        return [_Fault((*loc, field), "Field required", "missing")]
    if text.startswith("Object contains unknown field `"):
        return [_Fault((*loc, field), "Field not known", "extra_forbidden")]
    return [_Fault(loc, text, "type_error" if text.startswith("Expected `") else "value_error")]


def _split_path(text: str) -> tuple[str, tuple[str | int, ...]]:
    """The text of a msgspec error without its path, and the path: names, indices, `[...]` for any key of a mapping."""
    message, _, path = text.rpartition(" - at `")
    if not message:
        return text, ()
    loc: list[str | int] = []
    path = path.removesuffix("`")
    key, _, inside = path.rpartition("` in `")  # "key` in `$.a": the complaint is about a key
    for name in inside.split("."):
        name, *indices = name.replace("]", "").split("[")
        loc += [] if name == "$" else [name] if name else []
        loc += [int(index) if index.isdigit() else "[...]" for index in indices]
    return message, (*loc, "[key]") if key else tuple(loc)


# --- secrets in complaints


def _without_secrets(exc: Any, data: Any, sensitive: Collection[str]) -> Any:
    """The error itself where it can show no secret value of `data` or of its own inputs; else a copy without them.

    Errors of pydantic quote what they are about, and that may be the object around a secret field.
    """
    secrets = set(_secret_values(data, sensitive))
    for fault in _faults(exc):
        inside = any(isinstance(part, str) and is_secret(part, sensitive) for part in fault.loc)
        secrets.update(_secret_values(fault.input, sensitive, inside))
    if not secrets:
        return exc
    ordered = sorted(secrets, key=len, reverse=True)
    if _is_pydantic(exc):
        return _quoting_nothing(exc, ordered)
    cause = _quoting_nothing(exc.__cause__, ordered) if _is_pydantic(exc.__cause__) else None
    text, _ = _split_path(str(exc))
    path = str(exc)[len(text) :]
    said = _mask(text if cause is None else "; ".join(f"{_where(fault.loc)}: {fault.msg}" for fault in _faults(cause)), ordered)
    copy = msgspec.ValidationError(said + path)
    copy.__cause__ = cause
    return copy.with_traceback(exc.__traceback__)


def _quoting_nothing(exc: Any, secrets: list[str]) -> Any:
    """A copy of a pydantic error that shows no inputs, its messages masked."""
    core = sys.modules["pydantic_core"]
    lines = []
    for fault in exc.errors():
        said = core.PydanticCustomError(fault["type"], _mask(fault["msg"], secrets))
        lines.append({"type": said, "loc": fault["loc"], "input": None})
    return type(exc).from_exception_data(exc.title, lines, hide_input=True).with_traceback(exc.__traceback__)


def _secret_values(data: Any, sensitive: Collection[str], inside: bool = False) -> Iterator[str]:
    """The texts of all scalars under secret names."""
    stack = [(data, inside)]
    while stack:
        item, inside = stack.pop()
        if isinstance(item, Mapping):
            stack += [(value, inside or (isinstance(name, str) and is_secret(name, sensitive))) for name, value in item.items()]
        elif isinstance(item, (list, tuple, set, frozenset)):
            stack += [(value, inside) for value in item]
        elif inside and item is not None and not isinstance(item, bool) and str(item):
            yield str(item)


def _mask(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text
