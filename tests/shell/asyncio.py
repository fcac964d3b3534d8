"""What the async tests need in a form of their own; `blocking.py` has the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


async def run_blocking(function: Callable[[], None]) -> None:
    """Call it without holding up the loop, which may have to act for it to return."""
    await asyncio.to_thread(function)


async def pause(seconds: float) -> None:
    """Let time pass."""
    await asyncio.sleep(seconds)


async def run_together(*calls: Callable[[], Any]) -> list[Any]:
    """Make these calls at the same time; what each returned or raised."""
    return await asyncio.gather(*[call() for call in calls], return_exceptions=True)


async def interrupt(call: Callable[[], Any], seconds: float) -> bool:
    """Whether a call was stopped in the middle, after so many seconds, by cancelling it."""
    task = asyncio.ensure_future(call())
    await asyncio.sleep(seconds)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False
