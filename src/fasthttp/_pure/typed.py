"""JSON as typed values: msgspec where it knows the type, pydantic where only that does. pydantic loads on first need."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

__all__ = ["build"]


@lru_cache(maxsize=256)
def _decoder(type_: Any) -> Any:
    """A msgspec decoder, or None for a type that only pydantic can validate."""
    if _names_pydantic(type_):
        return None
    try:
        return msgspec.json.Decoder(type_)
    except TypeError:
        return None


def _names_pydantic(type_: Any) -> bool:
    if hasattr(type_, "__pydantic_core_schema__") or hasattr(type_, "__pydantic_validator__"):
        return True
    return any(_names_pydantic(argument) for argument in getattr(type_, "__args__", ()))


@lru_cache(maxsize=256)
def _adapter(type_: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(type_)


def build(content: bytes, value: Any, type_: Any) -> Any:
    """The JSON text `content`, whose plain value is `value`, as an instance of `type_`.

    Raises:
        msgspec.ValidationError, pydantic.ValidationError: it does not fit.
    """
    try:
        decoder = _decoder(type_)
    except TypeError:  # a type that cannot be hashed
        decoder = None if _names_pydantic(type_) else msgspec.json.Decoder(type_)
    if decoder is not None:
        if b"\0" in content[:4] or content[:2] in (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb"):
            return msgspec.convert(value, type_)
        return decoder.decode(content)
    return _adapter(type_).validate_python(value)
