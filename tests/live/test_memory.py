"""Memory: bombs, long streams in both directions, and the bound of a response's size. Each in a process of its own."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from fasthttp import AsyncClient, ResponseTooLarge, SyncClient
from tests.live.support import run_script
from tests.shell.server import Peer, answering, chunked, response, serve

MIB = 1 << 20
BOMB = 300 * MIB

_MEASURE = """
    import asyncio, sys, threading
    import fasthttp
    url, path = sys.argv[1], sys.argv[2]

    def resident():
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) * 1024

    def peak():
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024

    def forget_peak():
        try:
            with open("/proc/self/clear_refs", "w") as refs:
                refs.write("5")
        except OSError:
            pass  # then the peak before counts too, which can only be too strict

    def pieces():
        piece = bytes(65536)
        for _ in range(4096):
            yield piece

    def bomb(client):
        try:
            client.get(url + "/bomb")
        except fasthttp.DecodeError:
            return
        raise AssertionError("decoded")

    async def abomb(client):
        try:
            await client.get(url + "/bomb")
        except fasthttp.DecodeError:
            return
        raise AssertionError("decoded")

    def down(client):
        with client.stream("GET", url + "/big") as r:
            assert sum(len(piece) for piece in r.iter_bytes()) == 256 << 20

    async def adown(client):
        async with client.stream("GET", url + "/big") as r:
            size = 0
            async for piece in r.iter_bytes():
                size += len(piece)
            assert size == 256 << 20

    def up(client):
        assert client.post(url + "/up", content=pieces()).text == str(256 << 20)

    async def aup(client):
        assert (await client.post(url + "/up", content=pieces())).text == str(256 << 20)

    def file(client):
        with open(path, "rb") as source:
            assert client.post(url + "/up", content=source).text == str(256 << 20)

    async def afile(client):
        with open(path, "rb") as source:
            assert (await client.post(url + "/up", content=source)).text == str(256 << 20)

    async def asession(client):
        from fasthttp import AsyncSession, SecurityPolicy

        policy = SecurityPolicy(allow_hosts=["localhost"], max_response_size=1 << 30)
        async with AsyncSession(url, security=policy) as session:
            async with session.stream("GET", "/big") as r:
                size = 0
                async for piece in r.iter_bytes():
                    size += len(piece)
                assert size == 256 << 20
            async with session.stream("POST", "/up", content=pieces()) as r:
                assert await r.aread() == str(256 << 20).encode()

    def blocking(work):
        with fasthttp.Client() as client:
            client.get(url + "/warm")
            before = resident()
            forget_peak()
            work(client)
            return peak() - before

    async def waiting(work):
        async with fasthttp.AsyncClient() as client:
            await client.get(url + "/warm")
            before = resident()
            forget_peak()
            await work(client)
            return peak() - before

    name = sys.argv[3]
    print(asyncio.run(waiting(globals()[name])) if name.startswith("a") else blocking(globals()[name]))
"""


def _zstd(size: int) -> bytes:
    zstd: Any = pytest.importorskip("backports.zstd", reason="zstd is an extra")
    packer = zstd.ZstdCompressor()
    return b"".join([packer.compress(bytes(MIB)) for _ in range(size // MIB)] + [packer.flush()])


def _brotli(size: int) -> bytes:
    brotli: Any = pytest.importorskip("brotli", reason="br is an extra")
    packer = brotli.Compressor(quality=4)
    return b"".join([packer.process(bytes(MIB)) for _ in range(size // MIB)] + [packer.finish()])


def _gzip(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([packer.compress(bytes(MIB)) for _ in range(size // MIB)] + [packer.flush()])


def serving(bomb: bytes = b"", coding: str = "gzip") -> Callable[[Peer], None]:
    """A handler with a bomb, 256 MiB to fetch, and a place to send to that counts."""

    def handler(peer: Peer) -> None:
        while (head := peer.read_head()) is not None:
            if b" /bomb " in head:
                peer.send(response(bomb, f"Content-Encoding: {coding}"))
            elif b" /big " in head:
                peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {256 * MIB}\r\n\r\n".encode())
                for _ in range(256):
                    peer.send(bytes(MIB))
            elif b" /up " in head:
                peer.send(response(str(count_body(peer, head)).encode(), "Connection: close"))
                return
            else:
                peer.send(response(b"warm"))

    return handler


def count_body(peer: Peer, head: bytes) -> int:
    """The size of a body of zeros, counted as it comes: counted by a field, or chunked in pieces of 64 KiB."""
    size = len(peer._buffer)
    if b"chunked" not in head.lower():
        while size < 256 * MIB:
            size += len(peer.sock.recv(MIB))
        return size
    wire = 4096 * (len(b"10000\r\n") + 65536 + 2) + len(b"0\r\n\r\n")
    while size < wire:
        size += len(peer.sock.recv(MIB))
    return size - (wire - 256 * MIB)


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="memory is read from /proc")


@needs_proc
@pytest.mark.parametrize("colour", ["bomb", "abomb"])
@pytest.mark.parametrize(("coding", "make"), [("gzip", _gzip), ("br", _brotli), ("zstd", _zstd)])
def test_bombs_are_refused_in_little_memory(colour: str, coding: str, make: Callable[[int], bytes]) -> None:
    """A small body that unpacks to 300 MB is a DecodeError, and costs less than 32 MiB to find out."""
    bomb = make(BOMB)
    with serve(serving(bomb, coding)) as server:
        extra = int(run_script(_MEASURE, server.url, "", colour))
    assert len(bomb) < MIB
    assert extra < 32 * MIB


@needs_proc
@pytest.mark.parametrize("way", ["down", "adown", "up", "aup", "asession"])
def test_long_streams_need_little_memory(way: str) -> None:
    """256 MiB streamed down, or up from a generator, need less than 40 MiB; a session with a limit above that goes both ways."""
    with serve(serving()) as server:
        extra = int(run_script(_MEASURE, server.url, "", way).splitlines()[-1])  # a session has log lines before it
    assert extra < 40 * MIB


@needs_proc
@pytest.mark.parametrize("way", ["file", "afile"])
def test_long_files_need_little_memory(way: str, tmp_path: Any) -> None:
    """A file of 256 MiB that is sent needs less than 40 MiB."""
    path = tmp_path / "zeros"
    with path.open("wb") as file:
        file.truncate(256 * MIB)
    with serve(serving()) as server:
        extra = int(run_script(_MEASURE, server.url, str(path), way))
    assert extra < 40 * MIB


BODIES = [
    response(bytes(1001)),
    chunked(bytes(600), bytes(401)),
    response(gzip.compress(bytes(1001), mtime=0), "Content-Encoding: gzip"),
]


@pytest.mark.parametrize("body", BODIES, ids=["counted", "chunked", "packed"])
def test_size_of_a_response_is_bounded(body: bytes) -> None:
    """One byte more than max_response_size is ResponseTooLarge, buffered and streamed; exactly as many pass."""
    with serve(answering(body)) as server, SyncClient(max_response_size=1000, max_decompress_ratio=None) as client:
        with pytest.raises(ResponseTooLarge):
            client.get(server.url)
        with pytest.raises(ResponseTooLarge), client.stream("GET", server.url) as r:
            for _ in r.iter_bytes():
                pass
        assert len(client.get(server.url, max_response_size=1001).content) == 1001
        assert client.pool_stats().in_use == 0


@pytest.mark.parametrize("body", BODIES, ids=["counted", "chunked", "packed"])
async def test_size_of_an_async_response_is_bounded(body: bytes) -> None:
    """The same with an async client."""
    with serve(answering(body)) as server:
        async with AsyncClient(max_response_size=1000, max_decompress_ratio=None) as client:
            with pytest.raises(ResponseTooLarge):
                await client.get(server.url)
            with pytest.raises(ResponseTooLarge):
                async with client.stream("GET", server.url) as r:
                    async for _ in r.iter_bytes():
                        pass
            assert len((await client.get(server.url, max_response_size=1001)).content) == 1001
            assert client.pool_stats().in_use == 0
