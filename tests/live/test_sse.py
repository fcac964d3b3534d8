"""Event streams and what happens around them: waits that are cancelled, closes from elsewhere, clients of no colour."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fasthttp import AsyncClient, Client, ClientClosedError, SSEEvent, StreamClosed, SyncClient
from fasthttp.sse import StopStream
from tests.shell.server import Peer, serve

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def one_each(peer: Peer) -> None:
    """One event on each connection, with its number as id, and then silence."""
    peer.read()
    peer.send(HEAD + b"id: %d\ndata\n\n" % peer.number)
    peer.wait()


async def test_a_cancelled_wait_with_reconnect() -> None:
    """The next event is asked for on a new connection, behind the last one; the old one is closed."""
    with serve(one_each) as server:
        async with AsyncClient() as client, client.sse(server.url, reconnect=True) as events:
            for number in (b"1", b"2", b"3"):
                assert (await anext(events)).id == number.decode()
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(anext(events), 0.05)
                assert client.pool_stats().in_use == 0
    assert [request.headers.get("last-event-id") for request in server.requests] == [None, "1", "2"]


async def test_a_cancelled_wait_without() -> None:
    """It closed the stream: that is an error, and not the end of a stream that has not ended."""
    with serve(one_each) as server:
        async with AsyncClient() as client, client.sse(server.url) as events:
            await anext(events)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(events), 0.05)
            for _ in range(2):
                with pytest.raises(StreamClosed, match="broken off"):
                    await anext(events)
            assert client.pool_stats().open == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize("reconnect", [False, True])
async def test_closed_by_another_task(reconnect: bool) -> None:
    """A loop that waits for the next event ends, quietly, and asks for nothing more."""
    with serve(one_each) as server:
        async with AsyncClient() as client:
            events = client.sse(server.url, reconnect=reconnect, max_retries=-1, backoff=0)

            async def close() -> None:
                await asyncio.sleep(0.05)
                await events.aclose()

            closing = asyncio.ensure_future(close())
            assert [event.id async for event in events] == ["1"]
            await closing
            assert client.pool_stats().open == 0
    assert len(server.requests) == 1


@pytest.mark.parametrize("reconnect", [False, True])
async def test_closed_with_its_client(reconnect: bool) -> None:
    """A client that is closed takes its streams with it; no try is made again."""
    with serve(one_each) as server:
        client = AsyncClient()
        async with client, client.sse(server.url, reconnect=reconnect, max_retries=-1, backoff=0) as events:
            await anext(events)
            asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(client.aclose()))
            with pytest.raises(ClientClosedError):
                await anext(events)
    assert len(server.requests) == 1


def test_closed_by_another_thread() -> None:
    """A blocking client that is closed elsewhere ends a loop of its own kind with the same error."""
    with serve(one_each) as server, SyncClient() as client, client.sse(server.url, reconnect=True, max_retries=-1) as events:
        next(events)
        timer = threading.Timer(0.05, client.close)
        timer.start()
        with pytest.raises(ClientClosedError):
            next(events)
        timer.join()


def test_a_client_of_no_colour() -> None:
    """Before it is entered, a client goes by its surroundings."""
    with serve(one_each) as server:
        client = Client()
        with client.sse(server.url, last_event_id="5") as events:
            assert next(events) == SSEEvent(id="1")
        client.close()

        async def run() -> None:
            client = Client()
            async with client.sse(server.url) as events:
                assert await anext(events) == SSEEvent(id="2")
            await client.aclose()

        asyncio.run(run())
    assert server.requests[0].headers["last-event-id"] == "5"


async def test_stopping_a_handler_is_an_exception() -> None:
    """It leaves a block as any other does, and the stream is closed."""
    with serve(one_each) as server:
        async with AsyncClient() as client:
            with pytest.raises(StopStream):
                async with client.sse(server.url) as events:
                    async for _ in events:
                        raise StopStream
            assert client.pool_stats().open == 0
