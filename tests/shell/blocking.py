"""What the blocking tests need in a form of their own; `asyncio.py` has the other."""

from __future__ import annotations

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import sleep
from typing import Any, NoReturn


def run_blocking(function: Callable[[], None]) -> None:
    """Call it."""
    function()


def pause(seconds: float) -> None:
    """Let time pass."""
    sleep(seconds)


def run_together(*calls: Callable[[], Any]) -> list[Any]:
    """Make these calls at the same time, each in a thread; what each returned or raised."""
    with ThreadPoolExecutor(len(calls)) as threads:
        futures = [threads.submit(call) for call in calls]
    return [future.exception() or future.result() for future in futures]


def interrupt(call: Callable[[], Any], seconds: float) -> bool:
    """Whether a call was stopped in the middle, after so many seconds, as by Ctrl-C."""

    def ring(number: int, frame: Any) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return False
