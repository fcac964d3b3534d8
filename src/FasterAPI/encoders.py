"""`jsonable_encoder`: any object as values that JSON has."""

from __future__ import annotations

import dataclasses
import datetime
import sys
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import PurePath
from re import Pattern
from types import GeneratorType
from typing import Any
from uuid import UUID

import msgspec

from FasterAPI.exceptions import PydanticV1NotSupportedError
from FasterAPI.types import IncEx

__all__ = ["ENCODERS_BY_TYPE", "decimal_encoder", "isoformat", "jsonable_encoder"]

Encoder = Callable[[Any], Any]


def isoformat(value: datetime.date | datetime.time) -> str:
    """A date or time as text (ISO 8601)."""
    return value.isoformat()


def decimal_encoder(value: Decimal) -> int | float:
    """A decimal as an integer where it has no places, otherwise as a float."""
    exponent = value.as_tuple().exponent
    return int(value) if isinstance(exponent, int) and exponent >= 0 else float(value)


ENCODERS_BY_TYPE: dict[type[Any], Encoder] = {
    bytes: lambda value: value.decode(),
    datetime.date: isoformat,
    datetime.datetime: isoformat,
    datetime.time: isoformat,
    datetime.timedelta: lambda value: value.total_seconds(),
    Decimal: decimal_encoder,
    Enum: lambda value: value.value,
    frozenset: list,
    deque: list,
    GeneratorType: list,
    IPv4Address: str,
    IPv4Interface: str,
    IPv4Network: str,
    IPv6Address: str,
    IPv6Interface: str,
    IPv6Network: str,
    PurePath: str,
    Pattern: lambda value: value.pattern,
    set: list,
    UUID: str,
}
# Types of libraries that are only looked for once they are loaded; all are written as text.
_TEXTS = {
    "pydantic_core": ("Url", "MultiHostUrl"),
    "pydantic.networks": ("AnyUrl", "NameEmail"),
    "pydantic.types": ("SecretStr", "SecretBytes"),
    "pydantic.color": ("Color",),
    "pydantic_extra_types.color": ("Color",),
}


def _encoder_of(value: Any) -> Encoder | None:
    exact = ENCODERS_BY_TYPE.get(type(value))
    if exact is not None:
        return exact
    for kind, encoder in list(ENCODERS_BY_TYPE.items()):
        if isinstance(value, kind):
            return encoder
    for module_name, names in _TEXTS.items():
        module = sys.modules.get(module_name)
        if module is not None and any(isinstance(value, found) for name in names if (found := getattr(module, name, None))):
            return str
    return None


class _Walk:
    """One call of `jsonable_encoder`: its options, and a method for each shape of object."""

    def __init__(
        self,
        by_alias: bool,
        exclude_unset: bool,
        exclude_defaults: bool,
        exclude_none: bool,
        custom: dict[Any, Encoder],
        sqlalchemy_safe: bool,
    ) -> None:
        self.dump = {
            "by_alias": by_alias,
            "exclude_unset": exclude_unset,
            "exclude_defaults": exclude_defaults,
            "exclude_none": exclude_none,
        }
        self.exclude_none = exclude_none
        self.custom = custom
        self.sqlalchemy_safe = sqlalchemy_safe

    def encode(self, value: Any, include: Any = None, exclude: Any = None) -> Any:
        if self.custom:
            encoder = self.custom.get(type(value)) or next((e for kind, e in self.custom.items() if isinstance(value, kind)), None)
            if encoder is not None:
                return encoder(value)
        pydantic = sys.modules.get("pydantic")
        if pydantic is not None:
            if isinstance(value, pydantic.BaseModel):
                # The model has looked after names and defaults; what is left is to make its values JSON's.
                inner = _Walk(True, False, self.dump["exclude_defaults"], self.exclude_none, {}, self.sqlalchemy_safe)
                return inner.encode(value.model_dump(mode="json", include=include, exclude=exclude, **self.dump))
            if value is sys.modules["pydantic_core"].PydanticUndefined:
                return None
        if isinstance(value, msgspec.Struct):
            return self.encode(msgspec.to_builtins(value), include, exclude)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self.encode(dataclasses.asdict(value), include, exclude)
        if isinstance(value, Enum):
            return value.value
        if isinstance(value, PurePath):
            return str(value)
        if value is None or isinstance(value, (str, int, float)):
            return value
        # Loops, here: what is nested needs one frame a level, of which a comprehension is another before Python 3.12.
        if isinstance(value, dict):
            allowed = self._allowed(value, include, exclude)
            members = {}
            for key, item in value.items():
                is_hidden = self.sqlalchemy_safe and isinstance(key, str) and key.startswith("_sa")
                if key in allowed and (item is not None or not self.exclude_none) and not is_hidden:
                    members[self.encode(key)] = self.encode(item)
            return members
        if isinstance(value, (list, set, frozenset, GeneratorType, tuple, deque)):
            items = []
            for item in value:
                items.append(self.encode(item, include, exclude))  # noqa: PERF401
            return items
        encoder = _encoder_of(value)
        return self._encode_object(value, include, exclude) if encoder is None else encoder(value)

    @staticmethod
    def _allowed(value: dict[Any, Any], include: Any, exclude: Any) -> set[Any]:
        allowed = set(value)
        if include is not None:
            allowed &= set(include)
        return allowed if exclude is None else allowed - set(exclude)

    def _encode_object(self, value: Any, include: Any, exclude: Any) -> Any:
        old = sys.modules.get("pydantic.v1")
        if old is not None and isinstance(value, old.BaseModel):
            raise PydanticV1NotSupportedError(f"pydantic.v1 models are no longer supported by FastAPI. Please update the model {value!r}.")
        try:
            data = dict(value)
        except Exception as first:
            try:
                data = vars(value)
            except Exception as second:
                raise ValueError([first, second]) from second
        return self.encode(data, include, exclude)


def jsonable_encoder(
    obj: Any,
    include: IncEx | None = None,
    exclude: IncEx | None = None,
    by_alias: bool = True,
    exclude_unset: bool = False,
    exclude_defaults: bool = False,
    exclude_none: bool = False,
    custom_encoder: dict[Any, Encoder] | None = None,
    sqlalchemy_safe: bool = True,
) -> Any:
    """An object as dicts, lists, strings, numbers, booleans and None.

    Args:
        obj: models, structs, dataclasses, containers, and whatever has a dict of attributes.
        include, exclude: names of members of the outermost objects.
        by_alias, exclude_unset, exclude_defaults: as pydantic's `model_dump`, for models.
        exclude_none: leave members out whose value is None.
        custom_encoder: functions by type, asked before everything else.
        sqlalchemy_safe: leave names out that begin with `_sa`.

    Raises:
        ValueError: for an object that has no attributes at all.
    """
    walk = _Walk(by_alias, exclude_unset, exclude_defaults, exclude_none, custom_encoder or {}, sqlalchemy_safe)
    return walk.encode(obj, _as_set(include), _as_set(exclude))


def _as_set(names: Any) -> Any:
    return names if names is None or isinstance(names, (set, dict)) else set(names)
