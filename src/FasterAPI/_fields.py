"""Fields: what every kind of them shares, and which kind a type gets. Loads a validation library only for a type that needs it."""

from __future__ import annotations

import importlib.util
import sys
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from FasterAPI._annotations import is_model, is_struct, members

__all__ = ["Undefined", "inferred", "make_field", "missing_error", "model_of", "models_of_union", "result_field"]

Mode = Literal["validation", "serialization"]


class _Undefined:
    """No value, where None is one."""

    def __repr__(self) -> str:
        return "Undefined"

    def __bool__(self) -> bool:
        return False


Undefined: Final[Any] = _Undefined()


def missing_error(loc: tuple[int | str, ...]) -> dict[str, Any]:
    """The error for a value that is required and was not given."""
    return {"type": "missing", "loc": loc, "msg": "Field required", "input": None}


def model_of(annotation: Any) -> Any:
    """The model class of pydantic's in `M` or `M | None`; None for anything else."""
    if "pydantic" not in sys.modules or get_origin(annotation) is Annotated:
        return None
    found = [item for item in members(annotation) if item is not type(None)]
    return found[0] if len(found) == 1 and is_model(found[0]) else None


def models_of_union(annotation: Any) -> list[Any]:
    """The model classes of a union of two or more; none where anything else is among them."""
    if "pydantic" not in sys.modules:
        return []
    found = []
    for item in members(annotation):
        bare = get_args(item)[0] if get_origin(item) is Annotated else item
        if bare is not type(None):
            if not is_model(bare):
                return []
            found.append(bare)
    return found if len(found) > 1 else []


def _is_native(annotation: Any) -> bool:
    """Whether a type does without pydantic: structs always, plain scalars as long as nobody has loaded it."""
    if is_struct(annotation):
        return True
    if "pydantic" in sys.modules:
        return False
    from FasterAPI._native import CONVERTERS

    scalars = [item for item in members(annotation) if item is not type(None)]
    return (len(scalars) == 1 and scalars[0] in CONVERTERS) or importlib.util.find_spec("pydantic") is None


def inferred(kind: str, annotation: Any, default: Any) -> Any:
    """The marker of a parameter that has none; `default`: `Undefined` where it is required."""
    if _is_native(annotation):
        from FasterAPI._native import NativeInfo

        return NativeInfo(kind, annotation, default)
    from FasterAPI._pydantic import inferred_marker

    return inferred_marker(kind, annotation, default)


def make_field(name: str, field_info: Any, mode: Mode = "validation") -> Any:
    """A field for a marker. Raises `FastAPIError` for an annotation that cannot be validated."""
    annotation = field_info.annotation
    if is_struct(annotation):
        from FasterAPI._structs import StructField

        return StructField(name, field_info, mode)
    from FasterAPI._native import NativeField, NativeInfo

    if isinstance(field_info, NativeInfo):
        return NativeField(name, field_info, mode)
    from FasterAPI import _pydantic

    return _pydantic.make_field(name, field_info, mode)


def result_field(name: str, annotation: Any) -> Any:
    """A field for what an operation returns."""
    if is_struct(annotation) or importlib.util.find_spec("pydantic") is None:
        from FasterAPI._native import NativeInfo
        from FasterAPI._structs import StructField

        return StructField(name, NativeInfo("", annotation, Undefined), "serialization")
    from FasterAPI._pydantic import response_field

    return response_field(name, annotation)
