"""Progress: what on_upload and on_download are told, how often, and what an exception from them does."""

from __future__ import annotations

import gzip
import io
from itertools import pairwise
from typing import Any

import pytest

from fasthttp import AsyncClient, RetryPolicy
from tests.shell.asyncio import run_blocking
from tests.shell.hooks import Count
from tests.shell.server import HELLO, Peer, answering, chunked, response, serve

STEP = 65536
Told = list[tuple[int, int | None]]


class Stop(Exception):
    """What the functions of these tests raise."""


class Noted:
    """A function that notes what it is told, and raises when enough was done."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.told: Told = []
        self._stop_at = stop_at

    def __call__(self, done: int, total: int | None) -> None:
        self.told.append((done, total))
        if self._stop_at is not None and done >= self._stop_at:
            raise Stop(f"at {done}")


def pieces(count: int, size: int = 1000) -> Any:
    for _ in range(count):
        yield b"x" * size


def assert_progress(told: Told, done: int, total: int | None) -> None:
    """Counts rise by at least 64 KiB, all with the same total, and the end is told once."""
    assert told[-1] == (done, total)
    counts = [count for count, _ in told]
    assert {other for _, other in told} == {total}
    assert all(later - earlier >= STEP for earlier, later in pairwise(counts[:-1]))
    assert counts == sorted(counts)
    if total is not None:
        assert counts.count(total) == 1


@pytest.mark.parametrize("make", [Noted, Count])
async def test_uploads(make: Any) -> None:
    """Sync and async functions; known lengths give the total, others None; framing does not count."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            for content, size in ((b"", 0), (b"x", 1), (b"x" * STEP, STEP), (b"x" * 1_000_000, 1_000_000)):
                noted = make()
                await client.post(server.url, content=content, on_upload=noted)
                assert_progress(noted.told, size, size)
            noted = make()
            await client.post(server.url, content=pieces(300), on_upload=noted)
            assert_progress(noted.told, 300_000, None)
            assert len(noted.told) == 5
            noted = make()
            await client.post(server.url, content=io.BytesIO(b"x" * 300_000), on_upload=noted)
            assert_progress(noted.told, 300_000, 300_000)
            assert len(noted.told) >= 4
            noted = make()
            await client.get(server.url, on_upload=noted)
            assert noted.told == []
    assert [len(request.body) for request in server.requests] == [0, 1, STEP, 1_000_000, 300_000, 300_000, 0]
    assert server.connections == 1


async def test_files() -> None:
    """The bytes of a form count with its boundaries."""
    noted = Noted()
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            await client.post(server.url, files={"f": ("n", b"x" * 200_000)}, data={"a": "b"}, on_upload=noted)
    size = len(server.requests[0].body)
    assert size > 200_000
    assert_progress(noted.told, size, size)


@pytest.mark.parametrize("make", [Noted, Count])
@pytest.mark.parametrize("stream", [False, True])
async def test_downloads(make: Any, stream: bool) -> None:
    """Counted after the transfer coding and before the content is decoded; chunked bodies have no total."""
    body = gzip.compress(bytes(range(256)) * 2000, 0)
    answers = {
        "/plain": (response(b"x" * 500_000), 500_000, 500_000),
        "/empty": (response(b""), 0, 0),
        "/small": (response(b"tiny"), 4, 4),
        "/chunked": (chunked(*[b"x" * 30_000] * 10), 300_000, None),
        "/gzip": (response(body, "Content-Encoding: gzip"), len(body), len(body)),
        "/close": (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000, 100_000, None),
    }

    def handler(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            peer.send(answers[request.target][0])
            if request.target == "/close":
                return

    with serve(handler) as server:
        async with AsyncClient() as client:
            for target, (_, done, total) in answers.items():
                noted = make()
                r = await client.get(server.url + target, on_download=noted, stream=stream)
                if stream:
                    size = 0
                    async for piece in r.aiter_bytes():
                        size += len(piece)
                    assert size == (512_000 if target == "/gzip" else done)
                assert_progress(noted.told, done, total)
                if target == "/plain":
                    assert len(noted.told) > 1
            noted = make()
            await client.head(f"{server.url}/empty", on_download=noted)
            assert noted.told == [(0, None)]


async def test_raw_iteration_counts_too() -> None:
    """The same for iter_raw, in chunks of any size."""
    noted = Noted()
    with serve(answering(response(b"x" * 200_000))) as server:
        async with AsyncClient() as client, client.stream("GET", server.url, on_download=noted) as r:
            assert [len(piece) async for piece in r.aiter_raw(150_000)] == [150_000, 50_000]
    assert_progress(noted.told, 200_000, 200_000)


async def test_only_the_last_answer_is_told_of() -> None:
    """Bodies of redirects and of answers that are tried again are nobody's download."""
    answers = (
        response(b"moved " * 100, "Location: /b", status="302 Found"),
        response(b"busy " * 100, status="503 Service Unavailable"),
        response(b"x" * 1000),
    )
    noted = Noted()
    with serve(answering(*answers)) as server:
        async with AsyncClient(retry=RetryPolicy(max_attempts=2, backoff_factor=0)) as client:
            await client.get(server.url, on_download=noted)
    assert noted.told == [(1000, 1000)]
    assert server.connections == 1


async def test_each_time_a_body_is_sent_is_told() -> None:
    """A redirect that keeps the body begins again at its first byte."""
    answers = (response(b"", "Location: /b", status="307 Temporary Redirect"), HELLO)
    noted = Noted()
    with serve(answering(*answers)) as server:
        async with AsyncClient() as client:
            await client.post(server.url, content=b"x" * 10, on_upload=noted)
    assert noted.told == [(10, 10), (10, 10)]


@pytest.mark.parametrize("stop_at", [1, 250_000])
async def test_an_exception_ends_an_upload(stop_at: int) -> None:
    """It reaches the caller as it is, and the connection is closed; the server sees no end of the body."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            for content in (pieces(300), b"x" * 300_000, io.BytesIO(b"x" * 300_000)):
                with pytest.raises(Stop):
                    await client.post(server.url, content=content, on_upload=Noted(stop_at))
                assert client.pool_stats().open == 0
            assert (await client.get(server.url)).status_code == 200
        await run_blocking(server.wait_until_closed)
    assert server.connections == 4


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("stop_at", [1, 300_000])
async def test_an_exception_ends_a_download(stream: bool, stop_at: int) -> None:
    """The same on the way down, at the first report and at the last."""
    with serve(answering(response(b"x" * 300_000))) as server:
        async with AsyncClient() as client:
            with pytest.raises(Stop):
                r = await client.get(server.url, on_download=Noted(stop_at), stream=stream)
                await r.aread()
            assert client.pool_stats().open == 0
            assert len((await client.get(server.url)).content) == 300_000
    assert server.connections == 2
