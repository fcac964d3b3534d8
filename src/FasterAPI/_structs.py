"""Fields made of msgspec's structs: decoded in one call, and explained, where they do not fit, in pydantic's words."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import inspect as shapes

__all__ = ["StructField", "explain"]

Location = tuple[int | str, ...]


class StructField:
    """A value whose type is a struct, or is made of structs; the same use as a field of pydantic's.

    Args:
        name: of the parameter.
        field_info: the marker: annotation, default, media type.
        mode: whether it is read or written.
    """

    is_json = False
    is_sequence = False
    config = None
    validation_alias = serialization_alias = None

    def __init__(self, name: str, field_info: Any, mode: Literal["validation", "serialization"] = "validation") -> None:
        self.name = name
        self.field_info = field_info
        self.mode = mode
        self.kind: str = getattr(field_info, "kind", "")
        self.type: Any = field_info.annotation
        self.required: bool = field_info.is_required()
        self.shape = shapes.type_info(self.type)  # raises TypeError for what cannot be decoded
        self.names = self.aliases()
        self.decode = msgspec.json.Decoder(self.type).decode

    @property
    def alias(self) -> str:
        return self.field_info.alias or self.name

    given_as = alias

    def aliases(self, *, hyphens: bool = False) -> list[tuple[str, str]]:
        return [(self.alias, self.alias)]

    @property
    def default(self) -> Any:
        return self.field_info.get_default(call_default_factory=True)

    def validate(self, value: Any, values: Any = None, *, loc: Location = ()) -> tuple[Any, list[dict[str, Any]]]:
        """(the value, no errors), or (None, every fault of it)."""
        if isinstance(value, bytes):  # a body that did not say that it is JSON
            value = value.decode("utf-8", "replace")
        try:
            if self.mode == "serialization":
                if type(value) is self.type:
                    return value, []
                value = _plain(value)
            return msgspec.convert(value, self.type, from_attributes=self.mode == "serialization"), []
        except (msgspec.ValidationError, RecursionError) as exc:
            errors = [fault.told(loc) for fault in explain(self.shape, value)]
            return None, errors or [_Fault("value_error", (), str(exc), value).told(loc)]

    def serialize(self, value: Any, **options: Any) -> Any:
        """As values that JSON has."""
        return _filtered(msgspec.to_builtins(value), options)

    def serialize_json(self, value: Any, **options: Any) -> bytes:
        """As the bytes of JSON."""
        if any(options.get(name) for name in ("include", "exclude", "exclude_defaults", "exclude_none", "exclude_unset")):
            return msgspec.json.encode(self.serialize(value, **options))
        return msgspec.json.encode(value)

    def __repr__(self) -> str:
        return f"StructField(name={self.name!r}, type={self.type!r}, mode={self.mode!r})"


def _plain(value: Any) -> Any:
    """What is no struct itself as dicts and lists, so that members that the declared type does not have stay behind."""
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and isinstance(value, pydantic.BaseModel):
        return value.model_dump()
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _filtered(value: Any, options: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_filtered(item, options) for item in value]
    if not isinstance(value, dict):
        return value
    include, exclude = options.get("include"), options.get("exclude")
    return {
        key: item
        for key, item in value.items()
        if (include is None or key in include)
        and (exclude is None or key not in exclude)
        and not (options.get("exclude_none") and item is None)
    }


# --- what is wrong


class _Fault(NamedTuple):
    kind: str
    loc: Location
    message: str
    input: Any
    context: dict[str, Any] | None = None

    def told(self, prefix: Location) -> dict[str, Any]:
        error = {"type": self.kind, "loc": prefix + self.loc, "msg": self.message, "input": self.input}
        return error if self.context is None else {**error, "ctx": self.context}


_SCALARS: dict[Any, tuple[Any, str, str]] = {
    shapes.IntType: (int, "int_type", "Input should be a valid integer"),
    shapes.FloatType: ((int, float), "float_type", "Input should be a valid number"),
    shapes.StrType: (str, "string_type", "Input should be a valid string"),
    shapes.BoolType: (bool, "bool_type", "Input should be a valid boolean"),
    shapes.NoneType: (type(None), "none_required", "Input should be None"),
}
_BOUNDS = (
    ("gt", "greater_than", "greater than", lambda value, bound: value > bound),
    ("ge", "greater_than_equal", "greater than or equal to", lambda value, bound: value >= bound),
    ("lt", "less_than", "less than", lambda value, bound: value < bound),
    ("le", "less_than_equal", "less than or equal to", lambda value, bound: value <= bound),
)


def explain(shape: Any, value: Any, loc: Location = ()) -> Iterator[_Fault]:
    """Every fault of a value that msgspec has refused."""
    if isinstance(shape, shapes.Metadata):
        shape = shape.type
    found = _SCALARS.get(type(shape))
    if found is not None:
        yield from _explain_scalar(shape, value, loc, *found)
    elif isinstance(shape, (shapes.StructType, shapes.DataclassType, shapes.TypedDictType)):
        yield from _explain_object(shape, value, loc)
    elif isinstance(shape, (shapes.ListType, shapes.SetType, shapes.FrozenSetType, shapes.VarTupleType)):
        if not isinstance(value, (list, tuple)):
            yield _Fault("list_type", loc, "Input should be a valid list", value)
        else:
            yield from _explain_length(shape, value, loc, "List", "items")
            for index, item in enumerate(value):
                yield from explain(shape.item_type, item, (*loc, index))
    elif isinstance(shape, shapes.DictType):
        if not isinstance(value, dict):
            yield _Fault("dict_type", loc, "Input should be a valid dictionary", value)
        else:
            for key, item in value.items():
                yield from explain(shape.value_type, item, (*loc, key))
    elif isinstance(shape, shapes.UnionType):
        yield from _explain_union(shape, value, loc)
    elif isinstance(shape, (shapes.LiteralType, shapes.EnumType)):
        yield from _explain_choice(shape, value, loc)
    elif not isinstance(shape, shapes.AnyType):
        yield from _by_message(shape, value, loc)


def _explain_scalar(shape: Any, value: Any, loc: Location, kinds: Any, kind: str, message: str) -> Iterator[_Fault]:
    if not isinstance(value, kinds) or (isinstance(value, bool) and not isinstance(shape, shapes.BoolType)):
        yield _Fault(kind, loc, message, value)
        return
    bounds: Any = _BOUNDS
    for name, fault, words, holds in bounds:
        bound = getattr(shape, name, None)
        if bound is not None and not holds(value, bound):
            yield _Fault(fault, loc, f"Input should be {words} {bound}", value, {name: bound})
    multiple = getattr(shape, "multiple_of", None)
    if multiple is not None and value % multiple:
        yield _Fault("multiple_of", loc, f"Input should be a multiple of {multiple}", value, {"multiple_of": multiple})
    if isinstance(value, str):
        yield from _explain_text(shape, value, loc)


def _explain_text(shape: Any, value: str, loc: Location) -> Iterator[_Fault]:
    least, most = getattr(shape, "min_length", None), getattr(shape, "max_length", None)
    if least is not None and len(value) < least:
        text = f"String should have at least {least} character{'' if least == 1 else 's'}"
        yield _Fault("string_too_short", loc, text, value, {"min_length": least})
    if most is not None and len(value) > most:
        text = f"String should have at most {most} character{'' if most == 1 else 's'}"
        yield _Fault("string_too_long", loc, text, value, {"max_length": most})
    pattern = getattr(shape, "pattern", None)
    if pattern is not None and re.search(pattern, value) is None:
        yield _Fault("string_pattern_mismatch", loc, f"String should match pattern '{pattern}'", value, {"pattern": pattern})


def _explain_length(shape: Any, value: Any, loc: Location, what: str, unit: str) -> Iterator[_Fault]:
    least, most = getattr(shape, "min_length", None), getattr(shape, "max_length", None)
    size = len(value)
    context = {"field_type": what, "actual_length": size}
    if least is not None and size < least:
        text = f"{what} should have at least {least} {unit} after validation, not {size}"
        yield _Fault("too_short", loc, text, value, {**context, "min_length": least})
    if most is not None and size > most:
        text = f"{what} should have at most {most} {unit} after validation, not {size}"
        yield _Fault("too_long", loc, text, value, {**context, "max_length": most})


def _explain_object(shape: Any, value: Any, loc: Location) -> Iterator[_Fault]:
    if not isinstance(value, dict):
        yield _Fault("model_attributes_type", loc, "Input should be a valid dictionary or object to extract fields from", value)
        return
    names = set()
    for field in shape.fields:
        name = field.encode_name
        names.add(name)
        if name in value:
            yield from explain(field.type, value[name], (*loc, name))
        elif field.required:
            yield _Fault("missing", (*loc, name), "Field required", value)
    if getattr(shape, "forbid_unknown_fields", False):
        tag = getattr(shape, "tag_field", None)
        for name in value:
            if name not in names and name != tag:
                yield _Fault("extra_forbidden", (*loc, name), "Extra inputs are not permitted", value[name])
    tag = getattr(shape, "tag", None)
    if tag is not None and value.get(shape.tag_field, tag) != tag:
        text = f"Input should be {tag!r}"
        yield _Fault("literal_error", (*loc, shape.tag_field), text, value.get(shape.tag_field), {"expected": repr(tag)})


def _explain_union(shape: Any, value: Any, loc: Location) -> Iterator[_Fault]:
    choices = [choice for choice in shape.types if value is None or not isinstance(choice, shapes.NoneType)]
    tagged = [choice for choice in choices if getattr(choice, "tag", None) is not None]
    if tagged and isinstance(value, dict):
        name = tagged[0].tag_field
        chosen = [choice for choice in tagged if choice.tag == value.get(name)]
        if not chosen:
            tags = ", ".join(repr(choice.tag) for choice in tagged)
            fault = "union_tag_not_found" if name not in value else "union_tag_invalid"
            yield _Fault(fault, loc, f"Input should have a {name!r} of {tags}", value, {"discriminator": name, "expected_tags": tags})
            return
        choices = chosen
    every = [list(explain(choice, value, loc)) for choice in choices]
    if all(every):
        yield from (fault for faults in every for fault in faults)


def _explain_choice(shape: Any, value: Any, loc: Location) -> Iterator[_Fault]:
    is_enum = isinstance(shape, shapes.EnumType)
    values = [item.value for item in shape.cls] if is_enum else list(shape.values)
    if value in values or (isinstance(value, Enum) and value.value in values):
        return
    words = [repr(item) for item in values]
    expected = words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    yield _Fault("enum" if is_enum else "literal_error", loc, f"Input should be {expected}", value, {"expected": expected})


def _by_message(shape: Any, value: Any, loc: Location) -> Iterator[_Fault]:
    """For types that have texts of their own (dates, UUIDs, decimals): what msgspec says of them."""
    kind = type(shape).__name__.removesuffix("Type").lower()
    types = {"datetime": "datetime.datetime", "date": "datetime.date", "time": "datetime.time", "uuid": "uuid.UUID"}
    import importlib

    module, _, name = types.get(kind, "").rpartition(".")
    if not module:
        return
    try:
        msgspec.convert(value, getattr(importlib.import_module(module), name))
    except msgspec.ValidationError as exc:
        yield _Fault(f"{kind}_parsing", loc, str(exc).partition(" - at")[0], value)
