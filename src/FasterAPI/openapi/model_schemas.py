"""JSON Schemas of the fields that pydantic validates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema

from FasterAPI._annotations import is_kind
from FasterAPI._pydantic import ModelField, fields_of
from FasterAPI.openapi.constants import REF_TEMPLATE

__all__ = ["described", "has_computed"]


class _Generator(GenerateJsonSchema):
    def bytes_schema(self, schema: CoreSchema) -> JsonSchemaValue:
        found: dict[str, Any] = {"type": "string", "contentMediaType": "application/octet-stream"}
        config = self._config
        if (config.ser_json_bytes if self.mode == "serialization" else config.val_json_bytes) == "base64":
            found["contentEncoding"] = "base64"
        self.update_with_validations(found, schema, self.ValidationsMapping.bytes)
        return found


def described(fields: Sequence[ModelField], mode_of: Callable[[ModelField], Any]) -> tuple[dict[Any, Any], dict[str, dict[str, Any]]]:
    """(the schemas of fields, by field and mode; those of the models that they share, by name)."""
    asked = {field.field_info.annotation for field in fields if _is_hashable(field.field_info.annotation)}
    all_fields = list(fields)
    for mode in ("validation", "serialization"):
        models: dict[Any, None] = {}
        for field in fields:
            if field.mode == mode:
                _collect(field.field_info.annotation, models)
        all_fields += [ModelField(model.__name__, FieldInfo(annotation=model), mode) for model in models if model not in asked]
    inputs = [(field, mode_of(field), field.schema_source()) for field in all_fields]
    found, definitions = _Generator(ref_template=REF_TEMPLATE).generate_definitions(inputs)
    return found, definitions  # type: ignore[return-value]


def _is_hashable(annotation: Any) -> bool:
    try:
        hash(annotation)
    except TypeError:
        return False
    return True


def _collect(annotation: Any, found: dict[Any, None]) -> None:
    """The models and enumerations in an annotation, and in the fields of its models."""
    if is_kind(annotation, (BaseModel, Enum)):
        if annotation in found:
            return
        found[annotation] = None
        if issubclass(annotation, BaseModel):
            for field in fields_of(annotation):
                _collect(field.field_info.annotation, found)
    elif get_origin(annotation) is not None:
        for item in get_args(annotation):
            _collect(item, found)


def has_computed(field: ModelField) -> bool:
    """Whether what is written has attributes that are not read."""
    source = field.schema_source()
    if source.get("schema", {}).get("computed_fields"):
        return True
    models: dict[Any, None] = {}
    _collect(field.field_info.annotation, models)
    return any(is_kind(model, BaseModel) and model.model_computed_fields for model in models)
