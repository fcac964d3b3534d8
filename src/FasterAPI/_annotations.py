"""What an annotation means for a request: one value, several, a file, or an object. Loads no validation library."""

from __future__ import annotations

import collections
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
from starlette.datastructures import UploadFile

__all__ = [
    "SEQUENCES",
    "is_kind",
    "is_model",
    "is_old_model",
    "is_scalar",
    "is_scalar_sequence",
    "is_sequence",
    "is_struct",
    "is_union",
    "members",
    "mentions",
]

# What a sequence annotation is built as.
SEQUENCES: dict[Any, Callable[..., Any]] = {
    Sequence: list,
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.deque: collections.deque,
}
_SEQUENCE_TYPES = tuple(SEQUENCES)


def is_kind(annotation: Any, classes: Any) -> bool:
    """Whether an annotation is a class below one of `classes`; anything that is no class is not."""
    try:
        return isinstance(annotation, type) and issubclass(annotation, classes)
    except TypeError:  # a parametrised class
        return False


def is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def members(annotation: Any) -> tuple[Any, ...]:
    """The choices of a union; of anything else, itself. `Annotated` is looked through."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return get_args(annotation) if is_union(annotation) else (annotation,)


def is_model(annotation: Any) -> bool:
    """Whether it is a model class of pydantic's, which somebody must have imported then."""
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and is_kind(annotation, pydantic.BaseModel)


def is_old_model(annotation: Any) -> bool:
    """Whether it is, or holds, a model of `pydantic.v1`."""
    old = sys.modules.get("pydantic.v1")
    if old is None:
        return False
    return is_kind(annotation, old.BaseModel) or any(is_old_model(item) for item in get_args(annotation))


def is_struct(annotation: Any) -> bool:
    """Whether it is a struct of msgspec's, or made of one."""
    return mentions(annotation, lambda item: is_kind(item, msgspec.Struct))


def mentions(annotation: Any, test: Callable[[Any], bool]) -> bool:
    """Whether `test` holds for an annotation or any part of it."""
    return test(annotation) or test(get_origin(annotation)) or any(mentions(item, test) for item in get_args(annotation))


def _is_sequence_class(annotation: Any) -> bool:
    return is_kind(annotation, _SEQUENCE_TYPES) and not is_kind(annotation, (str, bytes))


def is_sequence(annotation: Any) -> bool:
    """Whether a value may be several: `list[int]`, `set[str] | None`."""
    return any(_is_sequence_class(item) or _is_sequence_class(get_origin(item)) for item in _flat(annotation))


def _flat(annotation: Any) -> Iterator[Any]:
    for item in members(annotation):
        if is_union(item) or get_origin(item) is Annotated:
            yield from _flat(item)
        else:
            yield item


def _is_complex(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if annotation is Ellipsis:
        return False
    for item in (annotation, origin):
        if is_model(item) or is_kind(item, (Mapping, UploadFile, msgspec.Struct)) or _is_sequence_class(item) or is_dataclass(item):
            return True
        if isinstance(item, type) and hasattr(item, "__attrs_attrs__"):
            return True
    return hasattr(origin, "__pydantic_core_schema__") or hasattr(origin, "__get_pydantic_core_schema__")


def is_scalar(annotation: Any) -> bool:
    """Whether one text can be the value: what a path, query, header or cookie gives."""
    return not any(_is_complex(item) for item in _flat(annotation))


def is_scalar_sequence(annotation: Any) -> bool:
    """Whether several texts can be the value, each an item."""
    found = False
    for item in _flat(annotation):
        if is_sequence(item):
            if not all(is_scalar(part) for part in get_args(item)):
                return False
            found = True
        elif not is_scalar(item):
            return False
    return found
