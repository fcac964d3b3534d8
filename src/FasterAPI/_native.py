"""Parameters of plain types, without a validation library: what pydantic would take, and its words for what it would not."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Literal

from FasterAPI._annotations import members
from FasterAPI._fields import Undefined
from FasterAPI._structs import StructField

__all__ = ["CONVERTERS", "NativeField", "NativeInfo"]

_TRUE = frozenset(("1", "true", "t", "on", "yes", "y"))
_FALSE = frozenset(("0", "false", "f", "off", "no", "n"))
_INTEGER = re.compile(r"[+-]?[0-9]+(?:_[0-9]+)*(?:\.0*)?", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?(?:[0-9]+(?:_[0-9]+)*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf(?:inity)?|nan)", re.ASCII | re.IGNORECASE
)
_LONGEST = 4300  # digits of an integer, as Python's own limit


def _to_int(text: str) -> int:
    text = text.strip()
    if len(text) > _LONGEST or _INTEGER.fullmatch(text) is None:
        raise ValueError(text)
    return int(text.partition(".")[0])


def _to_float(text: str) -> float:
    text = text.strip()
    if _FLOAT.fullmatch(text) is None:
        raise ValueError(text)
    return float(text)


def _to_bool(text: str) -> bool:
    lower = text.lower()
    if lower in _TRUE or lower in _FALSE:
        return lower in _TRUE
    raise ValueError(text)


# By type: the conversion, and the type and words of pydantic's error.
CONVERTERS: dict[Any, tuple[Callable[[str], Any], str, str]] = {
    str: (str, "string_type", "Input should be a valid string"),
    int: (_to_int, "int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
    float: (_to_float, "float_parsing", "Input should be a valid number, unable to parse string as a number"),
    bool: (_to_bool, "bool_parsing", "Input should be a valid boolean, unable to interpret input"),
}


class NativeInfo:
    """The marker of a parameter that has none: what of pydantic's fields the rest of the framework asks for."""

    metadata: tuple[Any, ...] = ()
    default_factory = validate_default = validation_alias = serialization_alias = None
    title = description = deprecated = openapi_examples = embed = None
    include_in_schema = True
    media_type = "application/json"

    def __init__(self, kind: str, annotation: Any, default: Any) -> None:
        self.kind = kind
        self.annotation = annotation
        self.default = default
        self.alias: str | None = None
        self.in_ = SimpleNamespace(value=kind)
        self.convert_underscores = kind == "header"

    def is_required(self) -> bool:
        return self.default is Undefined

    def get_default(self, *, call_default_factory: bool = False) -> Any:
        return self.default


class NativeField(StructField):
    """A parameter that is one text, converted by ours; a body of another type is msgspec's."""

    def __init__(self, name: str, field_info: NativeInfo, mode: Literal["validation", "serialization"] = "validation") -> None:
        super().__init__(name, field_info, mode)
        bare = next(item for item in members(field_info.annotation) if item is not type(None))
        self.convert = CONVERTERS.get(bare)
        self.is_constrained = bare in CONVERTERS and "Meta(" in repr(field_info.annotation)

    def validate(self, value: Any, values: Any = None, *, loc: tuple[int | str, ...] = ()) -> tuple[Any, list[dict[str, Any]]]:
        if self.convert is None or not isinstance(value, str):
            return super().validate(value, values, loc=loc)
        convert, kind, message = self.convert
        try:
            converted = convert(value)
        except ValueError:
            if kind == "int_parsing" and _FLOAT.fullmatch(value.strip()) is not None and "." in value:
                kind, message = "int_from_float", "Input should be a valid integer, got a number with a fractional part"
            return None, [{"type": kind, "loc": loc, "msg": message, "input": value}]
        if not self.is_constrained:
            return converted, []
        checked, errors = super().validate(converted, values, loc=loc)
        return checked, [{**error, "input": value} for error in errors]
