"""What the blocking tests need in a form of their own; `asyncio.py` has the other."""

from __future__ import annotations

from collections.abc import Callable


def run_blocking(function: Callable[[], None]) -> None:
    """Call it."""
    function()
