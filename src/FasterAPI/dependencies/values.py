"""The values of fields out of a request: path, query, headers, cookies, body."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, get_args, get_origin

from starlette.datastructures import FormData, Headers, ImmutableMultiDict, UploadFile

from FasterAPI._annotations import SEQUENCES, is_kind, is_sequence, members
from FasterAPI._fields import Undefined, missing_error, model_of, models_of_union

if TYPE_CHECKING:
    from FasterAPI._pydantic import ModelField


def fields_of(model: Any) -> list[Any]:
    """The fields of a model of pydantic's."""
    from FasterAPI import _pydantic

    return _pydantic.fields_of(model)


__all__ = ["body_values", "form_models", "is_embedded", "parameter_values"]

Values = dict[str, Any]
Errors = list[Any]
Location = tuple[int | str, ...]
_LISTS = (list, tuple, set, frozenset)


def validated(field: Any, value: Any, loc: Location) -> tuple[Any, Errors]:
    """The value of a field, its default where there is none, or what is wrong with it."""
    if value is Undefined:
        if field.required:
            return None, [missing_error(loc)]
        value = deepcopy(field.default)
        if not field.field_info.validate_default:
            return value, []
    checked: tuple[Any, Errors] = field.validate(value, loc=loc)
    return checked


def _is_empty_file(value: Any) -> bool:
    return isinstance(value, UploadFile) and value.filename == "" and value.size == 0


def given(field: ModelField, values: Mapping[str, Any], name: str) -> Any:
    """What a request has under this name; `Undefined` for nothing. An empty field of a form is nothing."""
    is_form = isinstance(values, FormData)
    if field.is_sequence and not field.is_json and isinstance(values, (ImmutableMultiDict, Headers)):
        value: Any = values.getlist(name)
        if is_form:
            value = [item for item in value if not _is_empty_file(item)]
    else:
        value = values.get(name)
    if value is None or (field.is_sequence and not len(value)):
        return Undefined
    return Undefined if is_form and (value == "" or _is_empty_file(value)) else value


def extras(values: Mapping[str, Any], taken: set[str]) -> Iterator[tuple[str, Any]]:
    """What a request has under names that no field has, one value or a list of them."""
    if not isinstance(values, (ImmutableMultiDict, Headers)):
        yield from ((name, value) for name, value in values.items() if name not in taken)
        return
    found: dict[str, list[Any]] = {}
    for name, value in values.multi_items() if isinstance(values, ImmutableMultiDict) else values.items():
        if name not in taken:
            found.setdefault(name, []).append(value)
    for name, several in found.items():
        yield name, several[0] if len(several) == 1 else several


# --- path, query, headers, cookies


def parameter_values(fields: Sequence[ModelField], received: Mapping[str, Any]) -> tuple[Values, Errors]:
    """The values of parameters of one place, by their names, and all that is wrong with them."""
    values: Values = {}
    errors: Errors = []
    for field in fields:
        model = parameter_model(field)
        if model is not None:
            value, faults = _model_value(field, model, received)
        else:
            names = field.names
            alias = names[0][1] if len(names) == 1 else next((name for _, name in names if name in received), names[0][1])
            value, faults = validated(field, given(field, received, alias), (field.field_info.in_.value, alias))  # type: ignore[attr-defined]
        if faults:
            errors.extend(faults)
        else:
            values[field.name] = value
    return values, errors


def parameter_model(field: ModelField) -> Any:
    """The model of a parameter that is one: its fields are parameters of their own."""
    return None if field.is_json or field.kind == "path" else model_of(field.field_info.annotation)


def _model_value(field: ModelField, model: Any, received: Mapping[str, Any]) -> tuple[Any, Errors]:
    in_headers = isinstance(received, Headers)
    hyphens = getattr(field.field_info, "convert_underscores", True)
    values: Values = {}
    renamed: dict[str, str] = {}
    taken: set[str] = set()
    own: set[str] = set()
    for item in fields_of(model):
        names = item.aliases(hyphens=in_headers and getattr(item.field_info, "convert_underscores", hyphens))
        own.update(name.lower() if in_headers else name for _, name in names)
        alias, name = next((pair for pair in names if pair[1] in received), names[0])
        value = given(item, received, name)
        if value is not Undefined:
            values[alias] = value
        taken.add(name.lower() if in_headers else name)
        if in_headers:
            taken.update(validation.lower() for validation, request in names if validation != request)
            if alias != name:
                renamed[item.name] = name
    values.update(extras(received, taken))
    value = values
    if field.field_info.annotation is not model:  # optional: is there anything of it at all?
        accepts_more = model.model_config.get("extra") in ("allow", "forbid") and values
        if not own.intersection(received) and not accepts_more:
            value = Undefined
    result, errors = validated(field, value, (field.field_info.in_.value,))  # type: ignore[attr-defined]
    if renamed and model.model_config.get("loc_by_alias", True):
        for error in errors:
            loc = error["loc"]
            if len(loc) > 1 and loc[1] in renamed:
                error["loc"] = (loc[0], renamed[loc[1]], *loc[2:])
    return result, errors


# --- the body


def form_models(field: ModelField) -> list[Any]:
    """The models that a form is read as a whole for this field; none for a field that is one entry of it."""
    if field.kind not in ("form", "file") or field.field_info.embed or field.is_json:  # type: ignore[attr-defined]
        return []
    model = model_of(field.field_info.annotation)
    return [model] if model is not None else models_of_union(field.field_info.annotation)


def is_embedded(fields: Sequence[ModelField]) -> bool:
    """Whether the fields of the body are members of one object, rather than one field the body itself."""
    if not fields:
        return False
    if len({field.name for field in fields}) > 1:
        return True
    first = fields[0]
    models = form_models(first)
    if models and any(not form_models(other) or other.field_info.annotation is not first.field_info.annotation for other in fields[1:]):
        return True
    if getattr(first.field_info, "embed", None):
        return True
    return first.kind in ("form", "file") and not models and model_of(first.field_info.annotation) is None


async def _file_bytes(file: UploadFile) -> bytes:
    position = file.file.tell()
    try:
        return await file.read()
    finally:
        await file.seek(position)


def _wants_bytes(annotation: Any) -> bool:
    return any(is_kind(item, bytes) for item in members(annotation))


def _wants_bytes_list(annotation: Any) -> bool:
    return any(is_sequence(item) and all(_wants_bytes(part) for part in get_args(item)) for item in members(annotation))


def _sequence_class(annotation: Any) -> Any:
    first = next(item for item in members(annotation) if item is not type(None))
    return SEQUENCES[get_origin(first) or first]


async def _form_items(fields: Sequence[ModelField], form: FormData) -> AsyncIterator[tuple[str, Any, ModelField | None]]:
    """The entries of a form: (name, value, field). Files are read where the field wants their bytes."""
    names: set[str] = set()
    for field in fields:
        for alias, _ in field.names:
            names.add(alias)
            value = given(field, form, alias)
            if value is Undefined:
                continue
            if field.kind == "file":
                annotation = field.field_info.annotation
                if _wants_bytes(annotation) and isinstance(value, UploadFile):
                    value = await _file_bytes(value)
                elif _wants_bytes_list(annotation) and isinstance(value, _LISTS):
                    read = [await _file_bytes(item) if isinstance(item, UploadFile) else item for item in value]
                    value = _sequence_class(annotation)(read)
            yield alias, value, field
            break
    for name, value in extras(form, names):
        yield name, value, None


async def _model_of_form(field: ModelField, models: list[Any], form: FormData) -> Any:
    if type(None) in get_args(field.field_info.annotation) and not any(_is_supplied(model, form) for model in models):
        return Undefined
    fields = fields_of(models[0]) if len(models) == 1 else []
    return {alias: value async for alias, value, _ in _form_items(fields, form)}


def _is_supplied(model: Any, form: FormData) -> bool:
    names = {alias for field in fields_of(model) for alias, _ in field.names}
    return bool(names.intersection(form) or (model.model_config.get("extra") in ("allow", "forbid") and form))


async def body_values(fields: Sequence[ModelField], received: Any, embedded: bool) -> tuple[Values, Errors]:
    """The values of body fields from what was received: a parsed value, a form, bytes, or `Undefined` for no body."""
    form = received if isinstance(received, FormData) else None
    entries: Values = {}
    by_field: dict[str, tuple[str, Any]] = {}
    if form is not None:
        single = [field for field in fields if not form_models(field)]
        if single:
            async for alias, value, owner in _form_items(single, form):
                entries[alias] = value
                if owner is not None:
                    by_field[owner.name] = (alias, value)
    first = fields[0]
    if len(fields) == 1 and not embedded and not is_embedded(fields) and not form_models(first):
        value, errors = validated(first, entries if form is not None else received, ("body",))
        return {first.name: value}, errors
    values: Values = {}
    errors = []
    for field in fields:
        names = [alias for alias, _ in field.names]
        loc: Location = ("body", names[0])
        value = Undefined
        if form is not None:
            models = form_models(field)
            if models:
                loc, value = ("body",), await _model_of_form(field, models, form)
            else:
                alias, value = by_field.get(field.name, (names[0], Undefined))
                loc = ("body", alias)
        elif received is not Undefined and not isinstance(received, bytes):
            if not hasattr(received, "get"):
                errors.append(missing_error(loc))
                continue
            found = next((name for name in names if received.get(name, Undefined) is not Undefined), None)
            if found is not None:
                loc, value = ("body", found), received[found]
        value, faults = validated(field, value, loc)
        if faults:
            errors.extend(faults)
        else:
            values[field.name] = value
    return values, errors
