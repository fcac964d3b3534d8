"""JSON Schemas of fields, and the models that they share: made by pydantic, in one pass over a whole application."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema

from FasterAPI._annotations import is_kind
from FasterAPI._pydantic import ModelField, fields_of
from FasterAPI._structs import StructField
from FasterAPI.openapi.constants import REF_PREFIX, REF_TEMPLATE

__all__ = ["Schemas"]

Mode = Literal["validation", "serialization"]


class _Generator(GenerateJsonSchema):
    def bytes_schema(self, schema: CoreSchema) -> JsonSchemaValue:
        found: dict[str, Any] = {"type": "string", "contentMediaType": "application/octet-stream"}
        config = self._config
        if (config.ser_json_bytes if self.mode == "serialization" else config.val_json_bytes) == "base64":
            found["contentEncoding"] = "base64"
        self.update_with_validations(found, schema, self.ValidationsMapping.bytes)
        return found


class Schemas:
    """The schemas of fields.

    Args:
        fields: all of them.
        separate: whether a model that is both read and written may have two.
    """

    def __init__(self, fields: Sequence[Any], *, separate: bool) -> None:
        self._separate = separate
        structs = [field for field in fields if isinstance(field, StructField)]
        fields = [field for field in fields if not isinstance(field, StructField)]
        asked = {field.field_info.annotation for field in fields if _is_hashable(field.field_info.annotation)}
        all_fields = list(fields)
        for mode in ("validation", "serialization"):
            models: dict[Any, None] = {}
            for field in fields:
                if field.mode == mode:
                    _collect(field.field_info.annotation, models)
            all_fields += [ModelField(model.__name__, FieldInfo(annotation=model), mode) for model in models if model not in asked]
        inputs = [(field, self._mode(field), field.schema_source()) for field in all_fields]
        self._found: Any
        self._found, definitions = _Generator(ref_template=REF_TEMPLATE).generate_definitions(inputs)
        self.definitions: dict[str, dict[str, Any]] = definitions  # type: ignore[assignment]
        if structs:
            found, components = msgspec.json.schema_components([field.type for field in structs], ref_template=REF_PREFIX + "{name}")
            self._found.update(((field, field.mode), schema) for field, schema in zip(structs, found, strict=True))
            self.definitions.update(components)
        for definition in self.definitions.values():
            if "description" in definition:
                definition["description"] = definition["description"].split("\f")[0]

    def _mode(self, field: Any) -> Mode:
        if isinstance(field, StructField):
            return field.mode
        found: Mode = field.mode
        return found if self._separate or _has_computed(field) else "validation"

    def of(self, field: Any, name: str | None = None) -> dict[str, Any]:
        """The schema of one of the fields; `name`: what its title is made of where it has none."""
        schema = dict(self._found[field, self._mode(field)])
        if name is None:
            name = field.given_as if field.mode == "validation" else field.serialization_alias or field.alias
        if "$ref" not in schema:
            schema["title"] = field.field_info.title or name.title().replace("_", " ")
        return schema


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


def _has_computed(field: ModelField) -> bool:
    source = field.schema_source()
    if source.get("schema", {}).get("computed_fields"):
        return True
    models: dict[Any, None] = {}
    _collect(field.field_info.annotation, models)
    return any(is_kind(model, BaseModel) and model.model_computed_fields for model in models)
