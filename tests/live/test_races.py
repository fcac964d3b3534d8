"""Calls cancelled while they connect: no socket and no task is left, whatever the moment."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest

from fasthttp import AsyncClient
from tests.live.support import echo
from tests.shell.deaf import deaf_port
from tests.shell.server import Peer, serve


def resolve(host: str, port: int) -> list[str]:
    """A black hole first, then this machine."""
    return ["127.0.0.2", "127.0.0.1"]


async def resolve_here(host: str, port: int) -> list[str]:
    return ["127.0.0.1", "127.0.0.3"]


async def test_cancelled_in_the_race() -> None:
    """Two addresses that answer nothing are being tried: cancelling the call ends both at once."""
    with deaf_port("127.0.0.2") as port, deaf_port("127.0.0.1", port):
        async with AsyncClient(resolver=resolve) as client:
            before = len(asyncio.all_tasks())
            for seconds in (0.05, 0.3):
                call = asyncio.ensure_future(client.get(f"http://origin.test:{port}/"))
                await asyncio.sleep(seconds)
                assert len(asyncio.all_tasks()) > before
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                assert len(asyncio.all_tasks()) == before
                assert client.pool_stats().open == 0


async def test_cancelled_at_every_moment_of_connecting() -> None:
    """Calls cancelled after 0, 1, 2… turns of the loop drop no socket unclosed, with the winner in hand or without."""
    with serve(echo) as server, warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        async with AsyncClient(resolver=resolve_here) as client:
            before = len(asyncio.all_tasks())
            for turns in range(40):
                call = asyncio.ensure_future(client.get(f"http://origin.test:{server.port}/", headers={"Connection": "close"}))
                for _ in range(turns):
                    await asyncio.sleep(0)
                call.cancel()
                await asyncio.wait([call])
                del call
                gc.collect()
            await asyncio.sleep(0.01)
            assert len(asyncio.all_tasks()) == before
            assert client.pool_stats().in_use == 0
        await asyncio.to_thread(server.wait_until_closed)


async def test_cancelled_at_the_proxy() -> None:
    """A call that waits for a proxy's answer leaves no socket and no place behind when it is cancelled."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.wait()

    with serve(handler) as proxy:
        async with AsyncClient(proxy=f"http://127.0.0.1:{proxy.port}") as client:
            calls = [asyncio.ensure_future(client.get("https://origin.test/")) for _ in range(20)]
            await asyncio.sleep(0.05)
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
            assert client.pool_stats().open == 0
            await asyncio.to_thread(proxy.wait_until_closed)
