"""JSON Schemas of fields, and the models that they share, in one pass over a whole application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from FasterAPI._structs import StructField
from FasterAPI.openapi.constants import REF_PREFIX

__all__ = ["Schemas"]

Mode = Literal["validation", "serialization"]


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
        self._found: dict[Any, Any] = {}
        self.definitions: dict[str, dict[str, Any]] = {}
        if fields:
            from FasterAPI.openapi.model_schemas import described

            self._found, self.definitions = described(fields, self._mode)
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
        if self._separate or found == "validation":
            return found
        from FasterAPI.openapi.model_schemas import has_computed

        return found if has_computed(field) else "validation"

    def of(self, field: Any, name: str | None = None) -> dict[str, Any]:
        """The schema of one of the fields; `name`: what its title is made of where it has none."""
        schema = dict(self._found[field, self._mode(field)])
        if name is None:
            name = field.given_as if field.mode == "validation" else field.serialization_alias or field.alias
        if "$ref" not in schema:
            schema["title"] = field.field_info.title or name.title().replace("_", " ")
        if isinstance(field, StructField) and field.mode == "validation" and not field.required and field.default is not None:
            schema["default"] = msgspec.to_builtins(field.default)
        return schema
