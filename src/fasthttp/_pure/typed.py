"""JSON as typed values: msgspec where it knows the type, pydantic where only that does. pydantic loads on first need."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

__all__ = ["build", "builder_of", "check_type", "convert"]


def _make_builder(type_: Any) -> tuple[Any, Any]:
    """(msgspec decoder, None), or (None, pydantic adapter) for a type that only pydantic can validate."""
    if not _is_foreign(type_):
        try:
            return msgspec.json.Decoder(type_, dec_hook=_by_pydantic), None
        except TypeError:  # a union that msgspec cannot tell apart, for instance
            pass
    from pydantic import TypeAdapter

    return None, TypeAdapter(type_)


_builder = lru_cache(maxsize=256)(_make_builder)


def _is_foreign(type_: Any) -> bool:
    """Whether msgspec does not know a type, or one of the types that a container of it holds."""
    if hasattr(type_, "__pydantic_core_schema__") or hasattr(type_, "__pydantic_validator__"):
        return True
    arguments = getattr(type_, "__args__", ())
    if arguments or not isinstance(type_, type) or type_ is object:
        return any(map(_is_foreign, arguments))
    from msgspec.inspect import CustomType, type_info

    return isinstance(type_info(type_), CustomType)


def _by_pydantic(type_: Any, value: Any) -> Any:
    """A field of a struct or dataclass whose type msgspec does not know."""
    from pydantic import TypeAdapter

    return TypeAdapter(type_).validate_python(value)


def check_type(type_: Any) -> None:
    """Raise, as msgspec or pydantic does, for a type that neither can build. `NameError`: it names one still to come."""
    builder_of(type_)


def build(content: bytes, value: Any, type_: Any) -> Any:
    """The JSON text `content`, whose plain value is `value`, as an instance of `type_`.

    Raises:
        msgspec.ValidationError, pydantic.ValidationError: it does not fit.
    """
    if b"\0" in content[:4] or content[:2] in (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb"):
        return convert(value, type_)
    decoder, adapter = builder_of(type_)
    return adapter.validate_json(content) if decoder is None else decoder.decode(content)


def convert(value: Any, type_: Any, *, strict: bool = True) -> Any:
    """Plain data as an instance of `type_`. Not `strict`: texts may stand for numbers and booleans, as they do in forms.

    Raises:
        msgspec.ValidationError, pydantic.ValidationError: it does not fit.
    """
    decoder, adapter = builder_of(type_)
    if decoder is None:
        return adapter.validate_python(value)
    return msgspec.convert(value, type_, strict=strict, str_keys=True, dec_hook=_by_pydantic)


def builder_of(type_: Any) -> tuple[Any, Any]:
    """What makes values of a type: (msgspec decoder, None), or (None, pydantic adapter). Raises as `check_type` does."""
    try:
        hash(type_)
    except TypeError:  # cannot be remembered
        return _make_builder(type_)
    return _builder(type_)
