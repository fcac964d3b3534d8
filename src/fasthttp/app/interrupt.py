"""The loop of a blocking run, and Ctrl+C while it runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any

__all__ = ["loop_factory", "until_interrupted"]


async def until_interrupted(running: Any, own_loop: bool) -> bool:
    """Await it; on an own loop the first Ctrl+C ends it in order (True), the second one at once."""
    task = asyncio.ensure_future(running)
    loop = asyncio.get_running_loop()
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        task.cancel()

    installed = False
    before = signal.getsignal(signal.SIGINT)
    if own_loop:
        try:
            loop.add_signal_handler(signal.SIGINT, interrupt)
            installed = True
        except (NotImplementedError, ValueError, RuntimeError):  # not the main thread, or Windows
            pass
    try:
        await task
    except asyncio.CancelledError:
        if not interrupted:
            raise
    finally:
        if installed and not interrupted:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)
    return interrupted


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the loop of a blocking run: uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
