"""Runs coroutine tests, on asyncio and again on uvloop where it is installed."""

from __future__ import annotations

import asyncio
import gc
import inspect
from collections.abc import Callable
from typing import Any

import pytest

try:
    import uvloop

    LOOPS: list[Callable[[], Any]] = [asyncio.new_event_loop, uvloop.new_event_loop]
except ImportError:
    LOOPS = [asyncio.new_event_loop]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    for number, factory in enumerate(LOOPS):
        if "tmp_path" in arguments:  # each run begins with an empty directory
            parent: Any = pyfuncitem.funcargs["tmp_path"]
            arguments["tmp_path"] = folder = parent / str(number)
            folder.mkdir()
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(pyfuncitem.obj(**arguments))
        gc.collect()
    return True
