"""Names and addresses: what is looked up, what is checked, what is connected to, and what failures say."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from fasthttp import AsyncClient, Client, ConnectError, ConnectTimeout, DNSError, HTTPTransport, SyncClient, Timeout
from tests.live.support import echo
from tests.shell.server import serve


class Refused(Exception):
    """What the checks of these tests raise."""


class Book:
    """A resolver that knows one name, and counts; its check refuses some addresses and remembers all it was asked."""

    def __init__(self, addresses: list[str], refused: tuple[str, ...] = ()) -> None:
        self.addresses = addresses
        self.refused = refused
        self.lookups: list[tuple[str, int]] = []
        self.checked: list[tuple[str, str, int]] = []

    def resolve(self, host: str, port: int) -> list[str]:
        self.lookups.append((host, port))
        return self.addresses

    async def aresolve(self, host: str, port: int) -> list[str]:
        await asyncio.sleep(0)
        return self.resolve(host, port)

    def check(self, host: str, address: str, port: int) -> None:
        self.checked.append((host, address, port))
        if address in self.refused:
            raise Refused(address)

    def transport(self, resolver: Callable[[str, int], Any] | None = None) -> HTTPTransport:
        return HTTPTransport(resolver=resolver or self.resolve, check_address=self.check)


async def get(client: Client, url: str, colour: str, **options: Any) -> Any:
    """One GET in either colour; the blocking one in a thread of its own."""
    if colour == "async":
        return await client.get(url, **options)
    return await asyncio.to_thread(SyncClient.get, client, url, **options)  # type: ignore[arg-type]


def make(colour: str, **settings: Any) -> Client:
    return AsyncClient(**settings) if colour == "async" else SyncClient(**settings)


async def close(client: Client) -> None:
    await client.aclose() if isinstance(client, AsyncClient) else client.close()


COLOURS = pytest.mark.parametrize("colour", ["async", "sync"])


@COLOURS
@pytest.mark.parametrize("kind", ["resolve", "aresolve"])
async def test_every_address_is_checked_before_any_is_tried(colour: str, kind: str) -> None:
    """The check sees each address of a name; the connection goes to one of them, without a second lookup."""
    book = Book(["127.0.0.1", "127.0.0.2"])
    with serve(echo) as server:
        client = make(colour, transport=book.transport(getattr(book, kind)))
        r = await get(client, f"http://name.test:{server.port}/a", colour)
        assert r.text == "/a"
        assert r.connection.peer[:2] == ("127.0.0.1", server.port)
        assert server.requests[0].headers["host"] == f"name.test:{server.port}"
        assert (await get(client, f"http://name.test:{server.port}/b", colour)).text == "/b"
        await close(client)
    assert book.lookups == [("name.test", server.port)]
    assert book.checked == [("name.test", "127.0.0.1", server.port), ("name.test", "127.0.0.2", server.port)]
    assert server.connections == 1


@COLOURS
async def test_one_refused_address_refuses_the_name(colour: str) -> None:
    """When the check refuses one of two addresses, nothing is connected to, and the check's own exception is raised."""
    book = Book(["127.0.0.1", "127.0.0.2"], refused=("127.0.0.2",))
    with serve(echo) as server:
        client = make(colour, transport=book.transport())
        with pytest.raises(Refused, match=r"127\.0\.0\.2"):
            await get(client, f"http://name.test:{server.port}/", colour)
        stats = client.pool_stats()
        assert (stats.open, stats.in_use, stats.created) == (0, 0, 0)
        await close(client)
    assert server.connections == 0


@COLOURS
async def test_addresses_in_urls_are_checked_too(colour: str) -> None:
    """A URL with an address in place of a name passes the check as well, and no resolver is asked."""
    book = Book([], refused=("127.0.0.1",))
    with serve(echo) as server:
        client = make(colour, transport=book.transport())
        with pytest.raises(Refused):
            await get(client, server.url, colour)
        await close(client)
    assert (book.lookups, server.connections) == ([], 0)


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@COLOURS
async def test_refused_connection_lists_each_address(colour: str) -> None:
    """When no address can be connected to, the error names each with the system's reason."""
    port = closed_port()
    client = make(colour, transport=Book(["127.0.0.1", "127.0.0.2"]).transport())
    with pytest.raises(ConnectError) as caught:
        await get(client, f"http://name.test:{port}/", colour)
    await close(client)
    reason = os.strerror(errno.ECONNREFUSED)
    for address in ("127.0.0.1", "127.0.0.2"):
        assert f"{address}:{port} ({reason})" in str(caught.value)
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
    assert not isinstance(caught.value, DNSError)


@COLOURS
async def test_next_address_is_tried(colour: str) -> None:
    """An address that refuses is passed over for the next one."""
    with serve(echo) as server:
        book = Book(["127.0.0.2", "127.0.0.1"])  # nobody listens on the first
        client = make(colour, transport=book.transport())
        assert (await get(client, f"http://name.test:{server.port}/a", colour)).text == "/a"
        await close(client)


@COLOURS
@pytest.mark.parametrize("async_resolver", [False, True])
async def test_resolver_that_finds_nothing(colour: str, async_resolver: bool) -> None:
    """A resolver's gaierror is a DNSError that names the host; so is an empty answer."""

    def failing(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def afailing(host: str, port: int) -> list[str]:
        return failing(host, port)

    client = make(colour, resolver=afailing if async_resolver else failing)
    with pytest.raises(DNSError, match=r"name\.test: name not resolved: Name or service not known"):
        await get(client, "http://name.test/", colour)
    await close(client)
    client = make(colour, resolver=lambda host, port: [])
    with pytest.raises(DNSError, match=r"name\.test"):
        await get(client, "http://name.test/", colour)
    assert client.pool_stats().open == 0
    await close(client)


@COLOURS
async def test_name_that_does_not_exist(colour: str) -> None:
    """The system's resolver not knowing a name is a DNSError."""
    client = make(colour)
    with pytest.raises(DNSError, match=r"nonexistent\.invalid"):
        await get(client, "http://nonexistent.invalid/", colour, timeout=Timeout(connect=20))
    await close(client)


@COLOURS
async def test_hanging_resolver_is_limited(colour: str) -> None:
    """A blocking resolver that hangs ends in ConnectTimeout after timeout.connect, and holds up no loop."""
    release = threading.Event()

    def hanging(host: str, port: int) -> list[str]:
        release.wait(10)
        return ["127.0.0.1"]

    client = make(colour, resolver=hanging)
    started = time.monotonic()
    task = asyncio.ensure_future(get(client, "http://name.test/", colour, timeout=Timeout(connect=0.2)))
    await asyncio.sleep(0)
    try:
        with pytest.raises(ConnectTimeout, match=r"name\.test"):
            await asyncio.wait_for(task, 5)
        assert 0.15 < time.monotonic() - started < 1.0
        assert client.pool_stats().in_use == 0
    finally:
        release.set()
        await close(client)


@COLOURS
async def test_hanging_async_resolver_is_limited(colour: str) -> None:
    """The same with an async resolver."""

    async def hanging(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    client = make(colour, resolver=hanging)
    started = time.monotonic()
    with pytest.raises(ConnectTimeout):
        await get(client, "http://name.test/", colour, timeout=Timeout(connect=0.2))
    assert 0.15 < time.monotonic() - started < 1.0
    await close(client)
