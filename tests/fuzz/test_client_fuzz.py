"""Whatever a server sends, a call ends in a response or in an error of ours, in time, and the pool stays whole."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fasthttp import AsyncClient, FastHTTPError, Limits, Response, SyncClient, Timeout
from tests.shell.server import Peer, Server, chunked, response, serve

CASES = 400
DEADLINE = 5.0  # seconds; far more than the limits of a call allow
LIMITS = Timeout(total=0.1, connect=2)

VALID = [
    response(b'{"hello":"world"}', "Content-Type: application/json"),
    response(b"", "Set-Cookie: a=b", "Set-Cookie: c=d"),
    response(b"gone", status="404 Not Found"),
    response(b"moved", "Location: /elsewhere", status="302 Found"),
    response(b"x" * 300, "Content-Encoding: gzip"),
    response(b"kept", "Keep-Alive: timeout=5, max=10", "Connection: keep-alive"),
    chunked(b"hello", b"world", b"", fields=("Content-Type: text/plain",)),
    chunked(b"a" * 100, b"b" * 1000, trailers=("X-Sum: 1",)),
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response(b"after"),
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end",
    b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 10\r\n\r\n',
]
NUMBERS = [b"0", b"-1", b"+5", b"0x10", b"99999999999999999999999", b"18446744073709551616", b"4294967296", b"1e9", b"", b"5, 6"]


def mutate(chance: random.Random, data: bytes) -> bytes:
    """A valid response with one to four faults."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(7)
        if kind == 0 and data:
            at %= len(data)
            data = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
        elif kind == 1:
            data = data[:at]
        elif kind == 2:
            data = data[:at] + chance.randbytes(chance.randint(1, 20)) + data[at:]
        elif kind == 3:
            lines = data.split(b"\r\n")
            line = chance.randrange(len(lines))
            data = b"\r\n".join([*lines[: line + 1], *lines[line:]])
        elif kind == 4:
            digits = [place for place, byte in enumerate(data) if 48 <= byte <= 57]
            if digits:
                place = chance.choice(digits)
                data = data[:place] + chance.choice(NUMBERS) + data[place + 1 :]
        elif kind == 5:
            data = data.replace(b"\r\n", chance.choice([b"\n", b"\r", b"\r\r\n", b"\n\n", b"\r\n "]), chance.randint(1, 3))
        else:
            data = data[:at] + data[max(0, at - chance.randrange(50)) :]
    return data


def case(seed: int) -> list[bytes]:
    """What the server sends for one request, in pieces."""
    chance = random.Random(seed)
    data = chance.randbytes(chance.randrange(200)) if chance.random() < 0.1 else mutate(chance, chance.choice(VALID))
    cuts = sorted(chance.randrange(len(data) + 1) for _ in range(chance.randrange(3)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def hostile(peer: Peer) -> None:
    """Answer each request with the case that its target names; half of the connections then end, the others stay open."""
    while (head := peer.read_head()) is not None:
        seed = head.split(b" ", 2)[1].strip(b"/")
        if not seed.isdigit():  # a redirect, its target perhaps damaged too
            peer.send(response(b"here"))
            continue
        for piece in case(int(seed)):
            peer.send(piece)
        if int(seed) % 2:
            return


def check(outcome: object, seed: int, seconds: float) -> None:
    """An outcome as it must be."""
    assert isinstance(outcome, (Response, FastHTTPError)), (seed, outcome)
    assert seconds < DEADLINE, (seed, seconds)
    if isinstance(outcome, FastHTTPError):
        assert outcome.url, seed
        assert str(outcome), seed
    else:
        assert 200 <= outcome.status_code <= 999, seed


@contextmanager
def hostile_server() -> Iterator[Server]:
    with serve(hostile) as server:
        yield server


def fuzz_blocking(seeds: range) -> int:
    """Blocking calls, one after the other; returns how many succeeded."""
    succeeded = 0
    with hostile_server() as server, SyncClient(timeout=LIMITS, limits=Limits(max_per_host=4)) as client:
        for seed in seeds:
            started = time.monotonic()
            outcome: object
            try:
                with client.get(f"{server.url}/{seed}", stream=seed % 3 == 0) as answer:
                    answer.read()
                outcome = answer
                succeeded += 1
            except Exception as exc:
                outcome = exc
            check(outcome, seed, time.monotonic() - started)
            assert client.pool_stats().in_use == 0, seed
    return succeeded


async def fuzz_async(seeds: range) -> int:
    """Async calls, twenty at once; returns how many succeeded."""
    succeeded = 0
    with hostile_server() as server:
        async with AsyncClient(timeout=LIMITS, limits=Limits(max_per_host=20)) as client:

            async def call(seed: int) -> None:
                nonlocal succeeded
                started = time.monotonic()
                outcome: object
                try:
                    async with await client.get(f"{server.url}/{seed}", stream=seed % 3 == 0) as answer:
                        await answer.aread()
                    outcome = answer
                    succeeded += 1
                except Exception as exc:
                    outcome = exc
                check(outcome, seed, time.monotonic() - started)

            for start in range(seeds.start, seeds.stop, 20):
                await asyncio.gather(*(call(seed) for seed in range(start, min(start + 20, seeds.stop))))
                stats = client.pool_stats()
                assert (stats.in_use, stats.waiting) == (0, 0), start
    return succeeded


def test_damaged_responses_to_a_blocking_client() -> None:
    """400 damaged responses: each call ends in a response or in an error of ours, and nothing stays in use."""
    succeeded = fuzz_blocking(range(CASES))
    assert 20 < succeeded < CASES - 20


async def test_damaged_responses_to_an_async_client() -> None:
    """The same with an async client, twenty calls at once."""
    succeeded = await fuzz_async(range(CASES))
    assert 20 < succeeded < CASES - 20
