"""Forms that are models, and the one field that stands for the whole body in the schema."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy, deepcopy
from functools import partial
from typing import Annotated, Any, Union, cast, get_args, get_origin

from pydantic import AliasChoices, BeforeValidator, GetPydanticSchema, Tag
from starlette.datastructures import FormData

from FasterAPI import params
from FasterAPI._fields import Undefined, models_of_union
from FasterAPI._pydantic import ModelField, create_body_model, fields_of, make_field
from FasterAPI.dependencies.values import form_models, given

__all__ = ["add_union_validators", "body_field"]


def add_union_validators(annotation: Any) -> Any:
    """A union of models, each of which reads a form by its own names; anything else as it is."""
    if not models_of_union(annotation):
        return annotation
    choices: list[Any] = []
    for choice in get_args(annotation):
        if choice is type(None):
            choices.append(choice)
            continue
        model, *metadata = get_args(choice) if get_origin(choice) is Annotated else (choice,)
        tag = next((item for item in reversed(metadata) if isinstance(item, Tag)), Tag(model.__name__))
        choices.append(Annotated[choice, BeforeValidator(partial(_by_own_names, model=model)), tag])
    return Union[tuple(choices)]


def _by_own_names(value: Any, *, model: Any) -> Any:
    if not isinstance(value, dict):
        return value
    entries = [(key, item) for key, items in value.items() for item in (items if isinstance(items, list) else [items])]
    form = FormData(entries)
    found: dict[str, Any] = {}
    taken: set[str] = set()
    for field in fields_of(model):
        for alias, _ in field.names:
            taken.add(alias)
            item = given(field, form, alias)
            if item is not None and item is not Undefined:
                found[alias] = item
                break
    return {**found, **{key: item for key, item in value.items() if key not in taken or item is None or item == []}}


def body_field(fields: Sequence[ModelField], unique_id: str, embedded: bool) -> ModelField | None:
    """The field that stands for the body: the only one, or a model made of all."""
    if not fields:
        return None
    first = fields[0]
    optional_form = any(form_models(field) and type(None) in get_args(field.field_info.annotation) for field in fields)
    if not embedded and not optional_form:
        return first
    config: Any = None
    parts = list(fields)
    if any(form_models(field) for field in fields):
        parts = [_numbered(index, field) for index, field in enumerate(fields)]
        config = {"json_schema_extra": partial(_form_schema, fields)}
    model = create_body_model(f"Body_{unique_id}", parts, config)
    if not embedded:
        info = copy(first.field_info)
        info.annotation, info.metadata, info.discriminator = model, [], None
        return ModelField(first.name, info)
    options: dict[str, Any] = {"annotation": model, "alias": "body"}
    if not any(field.required for field in fields):
        options["default"] = None
    kinds = {field.kind for field in fields}
    marker: type[params.Body] = params.File if "file" in kinds else params.Form if "form" in kinds else params.Body
    if marker is not params.File:
        media = [field.field_info.media_type for field in fields if isinstance(field.field_info, marker)]
        if marker is params.Form and "multipart/form-data" in media:
            options["media_type"] = "multipart/form-data"
        elif len(set(media)) == 1:
            options["media_type"] = media[0]
    made: ModelField = make_field("body", marker(**options))
    return made


def _numbered(index: int, field: ModelField) -> ModelField:
    """A field under a name that cannot meet another's; `_form_schema` puts the right names back."""
    info = copy(field.field_info)
    models = form_models(field)
    if len(models) == 1:
        model: Any = Annotated[models[0], GetPydanticSchema(get_pydantic_json_schema=partial(_model_schema, models[0]))]
        info.annotation = cast("Any", model if info.annotation is models[0] else model | None)
    name = info.alias = info.validation_alias = info.serialization_alias = f"field_{index}"
    info.title = info.title or field.name.replace("_", " ").title()
    return ModelField(name, info)


def _model_schema(model: Any, core_schema: Any, handler: Any) -> dict[str, Any]:
    """The schema of a model of a form, its properties by the names that the form has."""
    schema: dict[str, Any] = handler(core_schema)
    resolved = handler.resolve_ref_schema(schema)
    properties, required = resolved.get("properties", {}), resolved.get("required", [])
    renamed: dict[str, list[str]] = {}
    for field in fields_of(model):
        validation = field.field_info.validation_alias
        known = validation.choices[0] if isinstance(validation, AliasChoices) else field.given_as
        names = [alias for alias, _ in field.names]
        if isinstance(known, str) and known in properties and (names[0] != known or (len(names) > 1 and known in required)):
            renamed[known] = names
    if not renamed:
        return schema
    changed: dict[str, Any] = deepcopy(resolved)
    changed["properties"] = {renamed.get(name, [name])[0]: value for name, value in changed["properties"].items()}
    changed["required"] = []
    for name in required:
        names = renamed.get(name, [name])
        if len(names) == 1:
            changed["required"].append(names[0])
        else:
            changed.setdefault("allOf", []).append({"anyOf": [{"required": [other]} for other in names]})
    return changed


def _form_schema(fields: Sequence[ModelField], schema: dict[str, Any]) -> None:
    """Join the schemas of several forms that are read from the same body."""
    found = schema.pop("properties")
    schema.pop("required", None)
    properties: dict[str, Any] = {}
    required: list[str] = []
    conditions: list[dict[str, Any]] = []
    for index, field in enumerate(fields):
        part = found[f"field_{index}"]
        models = form_models(field)
        if models:
            conditions += _form_conditions(field, models, part)
            continue
        alias = field.names[0][0]
        if alias in properties:
            conditions.append({"properties": {alias: part}})
        else:
            properties[alias] = part
        if field.required and alias not in required:
            required.append(alias)
    # The target never leaves `conditions` out, even where it could be empty.
    schema.update({key: value for key, value in (("properties", properties), ("required", required)) if value}, allOf=conditions)


def _form_conditions(field: ModelField, models: list[Any], part: dict[str, Any]) -> list[dict[str, Any]]:
    part.pop("default", None)
    if type(None) not in get_args(field.field_info.annotation):
        return [part]
    part["anyOf"] = [choice for choice in part["anyOf"] if choice.get("type") != "null"]
    if any(model.model_config.get("extra") in ("allow", "forbid") for model in models):
        absent: dict[str, Any] = {"maxProperties": 0}
    else:
        names = sorted({alias for model in models for item in fields_of(model) for alias, _ in item.names})
        absent = {"not": {"anyOf": [{"required": [name]} for name in names]}} if names else {}
    if field.required:
        return [{"not": absent}, part]
    return [{"anyOf": [absent, part]}]
