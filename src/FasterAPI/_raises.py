"""`raises=[...]`: exceptions that stand in the schema as the answers that they are."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["check_raises", "documented", "given"]


class _Documented(dict[str, Any]):
    """An answer that comes of an exception; one that was given for the same status wins over it."""


def check_raises(raises: Sequence[type[Exception]] | None) -> list[type[Exception]]:
    """The classes. Raises `TypeError` for one that does not say with which status it is answered."""
    for kind in raises or ():
        if not isinstance(getattr(kind, "status_code", None), int):
            raise TypeError(f"raises=[{getattr(kind, '__name__', kind)!s}]: the class has no status_code")
    return list(raises or ())


def documented(raises: Iterable[type[Exception]], responses: Mapping[int | str, Any]) -> dict[int | str, Any]:
    """The answers of an operation: those of exceptions by the first line of their docstrings, and the given ones."""
    found: dict[int | str, Any] = {}
    for kind in dict.fromkeys(raises):
        status = int(kind.status_code)  # type: ignore[attr-defined]
        text = inspect.cleandoc(kind.__doc__ or kind.__name__).partition("\n")[0]
        known = found.get(status)
        found[status] = _Documented(description=f"{known['description']} / {text}" if known else text)
    as_given = {str(status) for status in responses}
    return {**{status: answer for status, answer in found.items() if str(status) not in as_given}, **responses}


def given(responses: Mapping[int | str, Any]) -> dict[int | str, Any]:
    """Without those that come of exceptions."""
    return {status: answer for status, answer in responses.items() if not isinstance(answer, _Documented)}
