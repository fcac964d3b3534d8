"""Names that libraries take from the target's module of this name, though it is not public."""

from __future__ import annotations

from pydantic.version import VERSION

from FasterAPI._annotations import is_kind as lenient_issubclass
from FasterAPI._annotations import is_scalar as field_annotation_is_scalar
from FasterAPI._annotations import is_sequence as field_annotation_is_sequence
from FasterAPI._pydantic import _NONE as Undefined
from FasterAPI._pydantic import ModelField
from FasterAPI._pydantic import fields_of as get_cached_model_fields

__all__ = [
    "PYDANTIC_V2",
    "PYDANTIC_VERSION_MINOR_TUPLE",
    "ModelField",
    "Undefined",
    "field_annotation_is_scalar",
    "field_annotation_is_sequence",
    "get_cached_model_fields",
    "lenient_issubclass",
]

PYDANTIC_V2 = True
PYDANTIC_VERSION_MINOR_TUPLE = tuple(int(part) for part in VERSION.split(".")[:2])
