"""Fields validated by pydantic: parameters, bodies, results. Loaded for the first of them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from copy import copy
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PydanticSchemaGenerationError, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic.types import Json
from pydantic.warnings import PydanticDeprecatedSince20
from pydantic_core import PydanticSerializationError, PydanticUndefined

from FasterAPI._annotations import is_kind, is_old_model, is_sequence, is_union
from FasterAPI._fields import Undefined
from FasterAPI.exceptions import FastAPIError, PydanticV1NotSupportedError

__all__ = [
    "ModelField",
    "copy_info",
    "create_body_model",
    "faults_of",
    "fields_of",
    "foreign",
    "inferred_marker",
    "make_field",
    "response_field",
]

Mode = Literal["validation", "serialization"]
_NONE: Any = PydanticUndefined  # pydantic's word for no default

# What of a field goes beside its annotation and the constraints in its metadata.
_ATTRIBUTES = (
    "default",
    "default_factory",
    "alias",
    "alias_priority",
    "validation_alias",
    "serialization_alias",
    "title",
    "field_title_generator",
    "description",
    "examples",
    "exclude",
    "exclude_if",
    "discriminator",
    "deprecated",
    "json_schema_extra",
    "frozen",
    "validate_default",
    "repr",
    "init",
    "init_var",
    "kw_only",
)


class ModelField:
    """A value of a name and a type: how it is validated, and how it is written.

    Args:
        name: of the parameter or attribute.
        field_info: annotation, default, constraints.
        mode: whether it is read or written; schemas of the two may differ.
        config: of the model that it belongs to.
    """

    def __init__(self, name: str, field_info: FieldInfo, mode: Mode = "validation", config: ConfigDict | None = None) -> None:
        self.name = name
        self.field_info = field_info
        self.mode: Mode = mode
        self.config = config
        values = {key: value for key in _ATTRIBUTES if (value := getattr(field_info, key, _NONE)) is not _NONE}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UserWarning, module="pydantic")
            warnings.filterwarnings("ignore", category=PydanticDeprecatedSince20)
            typed: Any = Annotated[(_constrained(field_info.annotation), *map(_as_constraint, field_info.metadata), Field(**values))]
            self._type_adapter: TypeAdapter[Any] = TypeAdapter(typed, config=config)
        # Looked up for each request, so worked out once.
        self.kind: str = getattr(field_info, "kind", "")
        self.is_json = any(type(item) is Json for item in field_info.metadata)
        self.is_sequence = is_sequence(field_info.annotation)
        self.required = field_info.is_required()
        self.names = self.aliases()

    @property
    def alias(self) -> str:
        return self.name if self.field_info.alias is None else self.field_info.alias

    @property
    def validation_alias(self) -> str | None:
        alias = self.field_info.validation_alias
        return alias if isinstance(alias, str) and alias else None

    @property
    def serialization_alias(self) -> str | None:
        return self.field_info.serialization_alias or None

    @property
    def given_as(self) -> str:
        """The name in a request."""
        return self.validation_alias or self.alias

    def aliases(self, *, hyphens: bool = False) -> list[tuple[str, str]]:
        """The names that a value may have, each as validation and as the request call it. `hyphens`: for underscores."""
        alias = self.given_as
        requested = alias.replace("_", "-") if hyphens and alias == self.name else alias
        validation = self.field_info.validation_alias
        names = [(alias, requested)]
        if self.kind == "path" or not (validation is None or isinstance(validation, (str, AliasChoices))):
            return names
        if isinstance(validation, AliasChoices):
            if not all(isinstance(choice, str) for choice in validation.choices):
                return names
            names = [(str(choice), str(choice)) for choice in validation.choices]
        config = self.config or {}
        by_alias = config.get("validate_by_alias")
        if by_alias is False or config.get("validate_by_name", config.get("populate_by_name", False)):
            own = (self.name, self.name.replace("_", "-") if hyphens else self.name)
            if by_alias is False:
                return [own]
            if self.name not in [name for name, _ in names]:
                names.append(own)
        return names

    @property
    def default(self) -> Any:
        return Undefined if self.required else self.field_info.get_default(call_default_factory=True)

    def validate(self, value: Any, values: Any = None, *, loc: tuple[int | str, ...] = ()) -> tuple[Any, list[dict[str, Any]]]:
        """(the value, no errors), or (None, the errors), each with `loc` before its own place."""
        try:
            return self._type_adapter.validate_python(value, from_attributes=True), []
        except ValidationError as exc:
            return None, faults_of(exc, loc)

    def serialize(self, value: Any, **options: Any) -> Any:
        """As values that JSON has."""
        return self._type_adapter.dump_python(value, mode=options.pop("mode", "json"), fallback=foreign, **options)

    def serialize_json(self, value: Any, **options: Any) -> bytes:
        """As the bytes of JSON."""
        return self._type_adapter.dump_json(value, fallback=foreign, **options)

    def schema_source(self) -> Any:
        return self._type_adapter.core_schema

    def __repr__(self) -> str:
        return f"ModelField(name={self.name!r}, annotation={self.field_info.annotation!r}, mode={self.mode!r})"


def faults_of(exc: ValidationError, loc: tuple[int | str, ...]) -> list[dict[str, Any]]:
    """What is wrong, each with `loc` before its own place."""
    return [{**error, "loc": loc + tuple(error.get("loc", ()))} for error in exc.errors(include_url=False)]


def foreign(value: Any) -> Any:
    """What pydantic does not know, where the declared type is no more than `Any`: structs, as themselves."""
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    raise PydanticSerializationError(f"Unable to serialize unknown type: {type(value)}")


def make_field(name: str, field_info: FieldInfo, mode: Mode = "validation") -> Any:
    """A field. Raises `FastAPIError` for an annotation that cannot be validated."""
    annotation: Any = field_info.annotation
    if is_old_model(annotation):
        text = f"pydantic.v1 models are no longer supported by FastAPI. Please update the response model {annotation!r}."
        raise PydanticV1NotSupportedError(text)
    try:
        return ModelField(name, field_info, mode)
    except PydanticSchemaGenerationError:
        raise FastAPIError(
            f"Invalid args for response field! Hint: check that {annotation} is a valid Pydantic field type. If you are using"
            " a return type annotation that is not a valid Pydantic field (e.g. Union[Response, dict, None]) you can disable"
            " generating the response model from the type annotation with the path operation decorator parameter"
            " response_model=None. Read more: https://fastapi.tiangolo.com/tutorial/response-model/"
        ) from None


def response_field(name: str, annotation: Any) -> Any:
    """A field for what an operation returns."""
    return make_field(name, FieldInfo(annotation=annotation), "serialization")


def inferred_marker(kind: str, annotation: Any, default: Any) -> FieldInfo:
    """The marker of a parameter that has none."""
    from FasterAPI import params

    if kind == "path":
        return params.Path(annotation=annotation)
    marker: Any = {"query": params.Query, "body": params.Body, "file": params.File}[kind]
    found: FieldInfo = marker(_NONE if default is Undefined else default, annotation=annotation)
    return found


def _as_constraint(item: Any) -> Any:
    """What `msgspec.Meta` demands, in pydantic's terms; everything else is what it is."""
    if not isinstance(item, msgspec.Meta):
        return item
    names = ("gt", "ge", "lt", "le", "multiple_of", "pattern", "min_length", "max_length", "title", "description", "examples")
    given = {name: value for name in names if (value := getattr(item, name)) is not None}
    return Field(**given, json_schema_extra=item.extra_json_schema)


def _constrained(annotation: Any) -> Any:
    """The same inside of a type: in a union, or among the items of a container."""
    if "msgspec.Meta(" not in repr(annotation):
        return annotation
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        return Annotated[(_constrained(inner), *map(_as_constraint, metadata))]
    items = [_constrained(item) for item in get_args(annotation)]
    return Union[tuple(items)] if is_union(annotation) else get_origin(annotation)[tuple(items)]


def copy_info(field_info: FieldInfo, annotation: Any) -> FieldInfo:
    """A marker together with whatever else its `Annotated` says."""
    merged = type(field_info).from_annotation(annotation)
    new = copy(field_info)
    for name in _ATTRIBUTES:
        value = getattr(merged, name, _NONE)
        if value is not _NONE:
            setattr(new, name, value)
    new._attributes_set = dict(merged._attributes_set)
    new.metadata = merged.metadata
    new.annotation = merged.annotation
    return new


def create_body_model(name: str, fields: Sequence[ModelField], config: ConfigDict | None = None) -> type[BaseModel]:
    """A model whose attributes are the body parameters of an operation."""
    attributes: Any = {field.name: (field.field_info.annotation, field.field_info) for field in fields}
    model: type[BaseModel] = create_model(name, __config__=config, **attributes)
    return model


@cache
def fields_of(model: type[BaseModel]) -> list[ModelField]:
    """The fields of a model class, each by itself."""
    found = []
    for name, info in model.model_fields.items():
        from dataclasses import is_dataclass

        own_config = is_kind(info.annotation, (BaseModel, dict)) or is_dataclass(info.annotation)
        found.append(ModelField(name, info, config=None if own_config else model.model_config))
    return found
