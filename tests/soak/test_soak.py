"""Longer campaigns of what the other tests do in short: ten times the cancellations, damaged responses and connections.

Run by `make soak`, which sets FASTHTTP_SOAK=1; skipped otherwise.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc

import pytest

from fasthttp import AsyncClient, SyncClient
from tests.fuzz.test_client_fuzz import CASES, fuzz_async, fuzz_blocking
from tests.live.support import echo, echo_server, open_descriptors, until
from tests.live.test_cancellation import cancel_at_random
from tests.shell.server import serve

if os.environ.get("FASTHTTP_SOAK") != "1":
    pytest.skip("long campaigns; set FASTHTTP_SOAK=1, as `make soak` does", allow_module_level=True)


@pytest.mark.parametrize("seed", range(10))
async def test_ten_thousand_cancelled_gets(seed: int) -> None:
    """Ten times a thousand GETs cancelled at random moments, each time from another seed."""
    await cancel_at_random(1000, 1000 + seed)


@pytest.mark.parametrize("campaign", range(1, 11))
def test_damaged_responses_to_a_blocking_client(campaign: int) -> None:
    """4,000 more damaged responses, none of those of the short test."""
    assert fuzz_blocking(range(campaign * CASES, (campaign + 1) * CASES)) > 0


@pytest.mark.parametrize("campaign", range(1, 11))
async def test_damaged_responses_to_an_async_client(campaign: int) -> None:
    """The same with an async client."""
    assert await fuzz_async(range(campaign * CASES, (campaign + 1) * CASES)) > 0


async def test_fifty_thousand_gets_grow_nothing() -> None:
    """Of 50,000 GETs of an async client the last 40,000 leave less than 256 KiB."""
    async with echo_server() as server, AsyncClient() as client:

        async def some(count: int) -> int:
            for _ in range(count // 50):
                await asyncio.gather(*(client.get(f"{server.url}/a") for _ in range(50)))
                server.targets.clear()
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        try:
            before = await some(10_000)
            grown = await some(40_000) - before
        finally:
            tracemalloc.stop()
    assert grown < 1 << 18, grown


def test_five_hundred_clients_leave_no_descriptor() -> None:
    """Five hundred blocking clients, opened, used and closed, leave no descriptor."""
    with serve(echo) as server:
        with SyncClient() as client:
            client.get(server.url)
        server.wait_until_closed()
        before = open_descriptors()
        for _ in range(500):
            with SyncClient() as client:
                assert client.get(f"{server.url}/a").text == "/a"
        server.wait_until_closed()
        assert open_descriptors() <= before


async def test_five_hundred_async_clients_leave_no_descriptor() -> None:
    """The same with async clients."""
    async with echo_server() as server:
        before = open_descriptors()
        for _ in range(500):
            async with AsyncClient() as client:
                assert (await client.get(f"{server.url}/a")).text == "/a"
        await until(lambda: server.open_now == 0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert open_descriptors() <= before
