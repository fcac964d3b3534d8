"""Names for annotations."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

__all__ = ["DecoratedCallable", "IncEx", "UnionType"]

DecoratedCallable = TypeVar("DecoratedCallable", bound=Callable[..., Any])
UnionType = types.UnionType
IncEx = set[int] | set[str] | Mapping[int, Any] | Mapping[str, Any]
