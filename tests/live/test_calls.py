"""How many Python calls a request costs: a figure that only changes when the code on its way does."""

from __future__ import annotations

import asyncio
import sys
from types import FrameType
from typing import Any

from fasthttp import AsyncClient, SyncClient
from tests.live.support import run_script
from tests.shell.server import HELLO, answering, serve

ASYNC_BUDGET = 60
BLOCKING_BUDGET = 90
POST_BUDGET = 75


class Counter:
    """Counts the Python functions that are entered."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            self.names.append(frame.f_code.co_qualname)


def test_blocking_get_stays_in_its_budget() -> None:
    """A GET of a warm blocking client enters at most 90 Python functions."""
    with serve(answering(HELLO)) as server, SyncClient() as client:
        for _ in range(20):
            client.get(server.url)
        counter = Counter()
        sys.setprofile(counter)
        try:
            client.get(server.url)
        finally:
            sys.setprofile(None)
    assert 5 < len(counter.names) <= BLOCKING_BUDGET, counter.names


def test_a_total_limit_costs_no_system_call() -> None:
    """What is left of a total limit is another number for each request; the system is not told each time."""
    calls: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            calls.append(argument.__name__)

    with serve(answering(HELLO)) as server, SyncClient(timeout=30) as client:
        for _ in range(20):
            client.get(server.url)
        sys.setprofile(note)
        try:
            client.get(server.url)
        finally:
            sys.setprofile(None)
    assert [name for name in calls if name in ("poll", "setsockopt", "settimeout", "send", "recv")] == ["send", "recv"]


async def test_async_get_stays_in_its_budget() -> None:
    """A GET of a warm async client enters at most 60 Python functions, those of the event loop included."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            for _ in range(20):
                await client.get(server.url)
            counter = Counter()
            sys.setprofile(counter)
            try:
                await client.get(server.url)
            finally:
                sys.setprofile(None)
    assert 5 < len(counter.names) <= ASYNC_BUDGET, counter.names


async def test_async_post_stays_in_its_budget() -> None:
    """A POST of a short body on a warm async client enters at most 75 Python functions."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            for _ in range(20):
                await client.post(server.url, content=b"body")
            counter = Counter()
            sys.setprofile(counter)
            try:
                await client.post(server.url, content=b"body")
            finally:
                sys.setprofile(None)
    assert len(counter.names) <= POST_BUDGET, counter.names
    await asyncio.sleep(0)


def test_importing_the_package_loads_no_event_loop() -> None:
    """`import fasthttp` brings neither asyncio nor the framework along."""
    script = """
        import sys
        import fasthttp
        assert fasthttp.__version__
        assert "asyncio" not in sys.modules and "FasterAPI" not in sys.modules
    """
    run_script(script)
