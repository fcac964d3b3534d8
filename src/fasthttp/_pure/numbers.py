"""Numbers that settings take, checked. Knows no setting."""

from __future__ import annotations

from typing import Any

__all__ = ["at_least"]


def at_least(least: int, name: str, value: Any, *, whole: bool = True, optional: bool = False, wrong: type[Exception] = TypeError) -> Any:
    """A number that is `least` or more.

    Args:
        name: what the messages call it.
        whole: it has to be an integer.
        optional: or None, for no limit.
        wrong: the class of the error for what is no such number; True and False are none.

    Raises:
        ValueError: it is less, or NaN.
    """
    if value is None and optional:
        return None
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        kind = "an integer" if whole else "a number"
        raise wrong(f"{name} must be {kind}{' or None' if optional else ''}, got {value!r}")
    if not value >= least:
        raise ValueError(f"{name}={value} must be at least {least}{', or None for no limit' if optional else ''}")
    return value
