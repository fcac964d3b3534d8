"""How long things live: forks, loops that end, clients that are dropped, descriptors and memory after use."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
import warnings
from contextlib import suppress

import pytest

from fasthttp import AsyncClient, Client, SyncClient
from tests.live.support import echo, echo_server, open_descriptors, run_script, until
from tests.shell.server import Peer, response, serve

_FORK = """
    import os, sys
    import fasthttp
    url = sys.argv[1]
    client = fasthttp.Client()
    assert client.get(url + "/parent/1").text == "/parent/1"
    held = client.get(url + "/parent/held", stream=True)
    read, write = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            assert client.pool_stats().open == 0, client.pool_stats()
            for number in range(3):
                assert client.get(f"{url}/child/{number}").text == f"/child/{number}"
            client.close()
            code = 0
        finally:
            os.write(write, b"x")
            os._exit(code)
    os.read(read, 1)  # the child has made its requests; now the parent goes on with its own connections
    assert held.read() == b"/parent/held"
    for number in range(3):
        assert client.get(f"{url}/parent/{number}").text == f"/parent/{number}"
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert client.pool_stats().created == 1
    client.close()
"""

_FORK_ASYNC = """
    import asyncio, os, sys
    import fasthttp
    url = sys.argv[1]

    async def parent(client):
        assert (await client.get(url + "/parent/1")).text == "/parent/1"
        read, write = os.pipe()
        child = os.fork()
        if not child:
            code = 1
            try:
                for number in range(3):
                    assert fasthttp.sync.get(f"{url}/child/{number}").text == f"/child/{number}"
                code = 0
            finally:
                os.write(write, b"x")
                os._exit(code)
        os.read(read, 1)
        for number in range(3):
            assert (await client.get(f"{url}/parent/{number}")).text == f"/parent/{number}"
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert client.pool_stats().created == 1

    async def main():
        async with fasthttp.AsyncClient() as client:
            await parent(client)

    asyncio.run(main())
"""


@pytest.mark.parametrize("script", [_FORK, _FORK_ASYNC])
def test_forked_child_leaves_the_parents_connections_alone(script: str) -> None:
    """After a fork parent and child both go on, on different connections; the child says nothing on the parent's."""
    seen: dict[int, set[str]] = {}

    def handler(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            seen.setdefault(peer.number, set()).add(request.target.split("/")[1])
            peer.send(response(request.target.encode()))

    with serve(handler) as server:
        run_script(script, server.url)
    assert all(len(who) == 1 for who in seen.values()), seen
    assert set().union(*seen.values()) == {"parent", "child"}


def test_sockets_of_a_closed_loop_are_closed() -> None:
    """A client that is used in one `asyncio.run` after another works in each, and keeps no descriptor of loops that ended."""
    with serve(echo) as server:
        client = Client()

        async def use(number: int) -> str:
            answers = await asyncio.gather(*(client.get(f"{server.url}/{number}") for _ in range(3)))
            return str(answers[0].text)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            assert asyncio.run(use(0)) == "/0"
            gc.collect()
            server.wait_until_closed()
            before = open_descriptors()
            for number in range(10):
                assert asyncio.run(use(number)) == f"/{number}"
            gc.collect()
            server.wait_until_closed()
            assert open_descriptors() <= before
            client.close()
        server.wait_until_closed()


def test_dropped_blocking_client_warns_and_closes() -> None:
    """A blocking client that is dropped open says so with a ResourceWarning and closes its sockets."""
    with serve(echo) as server:
        client = SyncClient()
        client.get(server.url)
        with pytest.warns(ResourceWarning, match="unclosed client: 1 connections"):
            del client
        server.wait_until_closed()


async def test_dropped_async_client_warns_and_closes() -> None:
    """An async client that is dropped open says so with a ResourceWarning and closes its sockets."""
    async with echo_server() as server:
        client = AsyncClient()
        await client.get(server.url)
        with pytest.warns(ResourceWarning, match="unclosed client: 1 connections"):
            del client
        await until(lambda: server.open_now == 0)


def test_dropped_unused_or_closed_clients_say_nothing() -> None:
    """A client without open connections may be dropped in silence."""
    with serve(echo) as server:
        client = SyncClient()
        client.get(server.url, headers={"Connection": "close"})
        client.close()
        del client
        SyncClient()
        gc.collect()


def close_each_time(peer: Peer) -> None:
    """One answer, then the end."""
    if (request := peer.read()) is not None:
        peer.send(response(request.target.encode(), "Connection: close"))


def tracked() -> int:
    """Objects that the collector knows of, garbage not counted."""
    gc.collect()
    return len(gc.get_objects())


def test_closed_connections_leave_no_objects() -> None:
    """2,000 answers with `Connection: close` to a blocking client leave nothing behind that the collector tracks."""
    with serve(close_each_time) as server, SyncClient() as client:
        url = server.url + "/a"
        for _ in range(50):
            client.get(url)
        server.wait_until_closed()
        server.requests.clear()
        before = tracked()
        for _ in range(2000):
            client.get(url)
        server.wait_until_closed()
        assert client.pool_stats().open == 0
        server.requests.clear()  # what the scripted server keeps is not the subject
        server._threads.clear()
        server._sockets.clear()
        assert tracked() - before < 200


async def test_closed_async_connections_leave_no_objects() -> None:
    """The same with an async client."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response(b"x", "Connection: close"))
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, backlog=512)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with AsyncClient() as client:
        for _ in range(50):
            await client.get(url)
        await asyncio.sleep(0)
        before = tracked()
        for _ in range(2000):
            await client.get(url)
        for _ in range(10):
            await asyncio.sleep(0)
        assert client.pool_stats().open == 0
        assert tracked() - before < 200
    server.close()


async def test_many_urls_and_values_cost_no_memory() -> None:
    """5,000 distinct URLs with distinct header values leave less than 1 MiB behind."""

    ended: list[asyncio.Event] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = asyncio.Event()
        ended.append(end)
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(response(b"x"))
        except (OSError, asyncio.IncompleteReadError):
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        end.set()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async with AsyncClient() as client:

        async def ask(number: int) -> None:
            await client.get(f"{url}/{number}?q={number}", headers={"X-Value": f"value {number}", "X-Trace": "t" * (number % 50)})

        tracemalloc.start()
        try:
            for number in range(1, 20):
                await ask(-number)
            gc.collect()
            before = tracemalloc.get_traced_memory()[0]
            for number in range(5000):
                await ask(number)
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
            server.close()
    for end in ended:
        await end.wait()
    assert grown < 1 << 20, grown


def test_unread_streams_are_closed_when_they_are_dropped() -> None:
    """A streamed response that is dropped unread warns and closes its connection, whose place is free again."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nsome")
        peer.wait()

    with serve(handler) as server, SyncClient() as client:
        for _ in range(20):
            answer = client.get(server.url, stream=True)
            with pytest.warns(ResourceWarning, match="unclosed streamed response"):
                del answer
        assert client.pool_stats().open == 0
        server.wait_until_closed()


async def test_unread_async_streams_are_closed_when_they_are_dropped() -> None:
    """The same with an async client."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\nsome")
        peer.wait()

    with serve(handler) as server:
        async with AsyncClient() as client:
            for _ in range(20):
                answer = await client.get(server.url, stream=True)
                with pytest.warns(ResourceWarning, match="unclosed streamed response"):
                    del answer
            assert client.pool_stats().open == 0
            await until(lambda: server.open_now == 0)


def test_fifty_clients_leave_no_descriptor() -> None:
    """Fifty blocking clients, opened, used and closed, leave as many descriptors as there were before."""
    with serve(echo) as server:
        with SyncClient() as client:
            client.get(server.url)
        server.wait_until_closed()
        before = open_descriptors()
        for _ in range(50):
            with SyncClient() as client:
                assert client.get(server.url + "/a").text == "/a"
                with client.stream("GET", server.url + "/b"):
                    pass
        server.wait_until_closed()
        assert open_descriptors() <= before


async def test_fifty_async_clients_leave_no_descriptor() -> None:
    """The same with async clients."""
    async with echo_server() as server:
        async with AsyncClient() as client:
            await client.get(server.url)
        await until(lambda: server.open_now == 0)
        before = open_descriptors()
        for _ in range(50):
            async with AsyncClient() as client:
                assert (await client.get(server.url + "/a")).text == "/a"
        await until(lambda: server.open_now == 0)
        for _ in range(10):
            await asyncio.sleep(0)
        assert open_descriptors() <= before
