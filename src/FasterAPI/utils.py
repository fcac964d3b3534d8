"""Small things that several modules need."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from FasterAPI.datastructures import DefaultPlaceholder

if TYPE_CHECKING:
    from FasterAPI.routing import APIRoute

__all__ = [
    "deep_dict_update",
    "generate_unique_id",
    "get_path_param_names",
    "get_value_or_default",
    "is_body_allowed_for_status_code",
]


def is_body_allowed_for_status_code(status_code: int | str | None) -> bool:
    """Whether an answer with this status, or range of them (`"4XX"`), may have a body (RFC 9110 §6.4.1)."""
    if status_code is None or not str(status_code).isdigit():
        return True
    return int(status_code) >= 200 and int(status_code) not in (204, 205, 304)


def get_path_param_names(path: str) -> set[str]:
    """The names in the braces of a path."""
    return set(re.findall("{(.*?)}", path))


def generate_unique_id(route: APIRoute) -> str:
    """The operation id of a route: its name, path and first method, as one identifier."""
    text = re.sub(r"\W", "_", f"{route.name}{route.path_format}")
    return f"{text}_{next(iter(route.methods or ())).lower()}"


def deep_dict_update(target: dict[Any, Any], more: dict[Any, Any]) -> None:
    """Merge `more` into `target`: dicts go into each other, lists are joined, everything else is replaced."""
    for key, value in more.items():
        old = target.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            deep_dict_update(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            target[key] = old + value
        else:
            target[key] = value


def get_value_or_default(*levels: Any) -> Any:
    """The value of the nearest level that was set, or the first default where none was."""
    for value in levels:
        if not isinstance(value, DefaultPlaceholder):
            return value
    return levels[0]
