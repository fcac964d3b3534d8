"""The options of path operations, written once for all decorators, and merged level by level."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, TypedDict

from starlette.routing import BaseRoute

from FasterAPI._depends import Depends
from FasterAPI.types import IncEx

__all__ = ["AnyRoute", "ManyMethods", "RouteOptions", "check_options"]


class RouteOptions(TypedDict, total=False):
    """What every decorator of a path operation takes beside the path; see `APIRoute`."""

    response_model: Any
    status_code: int | None
    tags: list[str | Enum] | None
    dependencies: Sequence[Depends] | None
    summary: str | None
    description: str | None
    response_description: str
    responses: dict[int | str, dict[str, Any]] | None
    deprecated: bool | None
    operation_id: str | None
    response_model_include: IncEx | None
    response_model_exclude: IncEx | None
    response_model_by_alias: bool
    response_model_exclude_unset: bool
    response_model_exclude_defaults: bool
    response_model_exclude_none: bool
    include_in_schema: bool
    response_class: Any
    name: str | None
    callbacks: list[BaseRoute] | None
    openapi_extra: dict[str, Any] | None
    generate_unique_id_function: Any
    max_body_size: int | None
    form_limits: Mapping[str, Any] | None
    raises: Sequence[type[Exception]] | None


class ManyMethods(RouteOptions, total=False):
    """`RouteOptions` for `api_route`, which says for which methods."""

    methods: Sequence[str] | set[str] | None


class AnyRoute(ManyMethods, total=False):
    """`RouteOptions` for `add_api_route`."""

    route_class_override: Any
    strict_content_type: Any


def check_options(options: Mapping[str, Any], known: type[Any], where: str) -> None:
    """Raise `TypeError` for a name that is no option, with the closest one that is."""
    names = [name for base in known.__mro__ for name in getattr(base, "__annotations__", {})] or list(known.__annotations__)
    for name in options:
        if name not in names:
            close = difflib.get_close_matches(name, names, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"{where} got an unexpected keyword argument {name!r}{hint}")
