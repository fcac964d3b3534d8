"""Whether a file is being loaded for its app: what it says about running at its module level is then left to the loader."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["is_loading", "loading"]

_depth = 0


@contextmanager
def loading() -> Iterator[None]:
    """Inside, `app.run()` gives an empty result and `app.web_run()` returns at once."""
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1


def is_loading() -> bool:
    """Whether a file is being loaded."""
    return _depth > 0
