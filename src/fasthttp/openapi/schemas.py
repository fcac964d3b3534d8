"""JSON Schemas: of models, by the library that validates them, and of values as they were declared. No secret is in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fasthttp._pure.masks import Masks
from fasthttp._pure.typed import builder_of
from httpwire.masking import MASK

__all__ = ["Schemas", "object_of", "schema_of"]

_PREFIX = "#/components/schemas/"
_NAMED = frozenset(("properties", "patternProperties", "dependentSchemas", "$defs"))  # whose members are schemas under any name
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}


class Schemas:
    """The schemas of the models of one document; what they share is in `components`.

    A model for which its library has no schema is described by its name alone.
    """

    def __init__(self, models: Iterable[Any], masks: Masks) -> None:
        self._masks = masks
        self.components: dict[str, Any] = {}
        self._found: dict[int, dict[str, Any]] = {}
        self._models = {id(model): model for model in models}  # kept, so that no other object gets one of these ids
        structs: list[tuple[Any, Any]] = []
        others: list[tuple[Any, Any]] = []
        for model in self._models.values():
            try:
                adapter = builder_of(model)[1]
                self._of_structs([model]) if adapter is None else adapter.json_schema()
            except Exception as exc:  # what a model of the user's can raise is not known
                self._found[id(model)] = {"title": _name(model), "description": f"No schema: {type(exc).__name__}."}
            else:
                (structs if adapter is None else others).append((model, adapter))
        self.components = {}
        for (model, _), schema in zip(structs, self._of_structs([model for model, _ in structs]), strict=True):
            self._found[id(model)] = schema
        self._add_adapters(others)
        self.components = {name: self._shown(schema) for name, schema in self.components.items()}

    def of(self, model: Any) -> dict[str, Any]:
        """The schema of one of the models."""
        found: dict[str, Any] = self._shown(self._found[id(model)])
        return found

    def _of_structs(self, models: list[Any]) -> tuple[dict[str, Any], ...]:
        """The schemas of types that msgspec builds; their components are added."""
        import msgspec

        found, components = msgspec.json.schema_components(models, schema_hook=self._of_foreign, ref_template=f"{_PREFIX}{{name}}")
        self.components.update(components)
        return found

    def _of_foreign(self, type_: Any) -> dict[str, Any]:
        """The schema of a model of pydantic inside of a struct."""
        from pydantic import TypeAdapter

        schema: dict[str, Any] = TypeAdapter(type_).json_schema(ref_template=f"{_PREFIX}{{model}}")
        self.components.update(schema.pop("$defs", {}))
        return schema

    def _add_adapters(self, pairs: list[tuple[Any, Any]]) -> None:
        """The schemas of types that pydantic builds. Where a struct has the name of a model, they go under a longer one."""
        if not pairs:
            return
        from pydantic import TypeAdapter

        inputs: list[Any] = [(id(model), "validation", adapter) for model, adapter in pairs]
        prefix = ""
        definitions = TypeAdapter.json_schemas(inputs)[1].get("$defs", {})
        if not self.components.keys().isdisjoint(definitions):
            prefix = "pydantic."
        found, shared = TypeAdapter.json_schemas(inputs, ref_template=f"{_PREFIX}{prefix}{{model}}")
        self._found.update({key: dict(schema) for (key, _), schema in found.items()})
        self.components.update({f"{prefix}{name}": schema for name, schema in shared.get("$defs", {}).items()})

    def _shown(self, schema: Any, secret: bool = False) -> Any:
        """A schema without the defaults and examples of fields that hold secrets."""
        if isinstance(schema, list):
            return [self._shown(item, secret) for item in schema]
        if not isinstance(schema, Mapping):
            return self._masks.text(schema) if isinstance(schema, str) else schema
        shown: dict[str, Any] = {}
        for key, value in schema.items():
            if key in ("default", "example", "examples"):
                hidden: Any = [MASK] if key == "examples" else MASK
                shown[key] = hidden if secret and value is not None else self._masks.value(value)
            elif key in _NAMED and isinstance(value, Mapping):
                shown[key] = {name: self._shown(item, secret or self._masks.hides(name)) for name, item in value.items()}
            else:
                shown[key] = self._shown(value, secret)
        return shown


def _name(model: Any) -> str:
    return str(getattr(model, "__name__", model))


def object_of(members: Mapping[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    """The schema of an object with these members."""
    schema: dict[str, Any] = {"type": "object", "properties": dict(members)}
    return {**schema, "required": list(required)} if required else schema


def schema_of(value: Any) -> dict[str, Any]:
    """The schema of plain data, such as a value that was declared: an array is what its first item is."""
    if isinstance(value, Mapping):
        return object_of({str(name): schema_of(item) for name, item in value.items()})
    if isinstance(value, list):
        return {"type": "array", "items": schema_of(value[0]) if value else {}}
    return {"type": _TYPES[type(value)]} if type(value) in _TYPES else {}
