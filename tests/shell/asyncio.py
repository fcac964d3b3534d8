"""What the async tests need in a form of their own; `blocking.py` has the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def run_blocking(function: Callable[[], None]) -> None:
    """Call it without holding up the loop, which may have to act for it to return."""
    await asyncio.to_thread(function)
