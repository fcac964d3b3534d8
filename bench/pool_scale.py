"""Scale of the pool and of streams: is a request as cheap in a long queue as in a short one, and is memory flat?

* CPU per request with 10,000 and with 100 requests waiting for one of 50 connections to one host.
* Memory after each of several rounds of the long queue.
* 1 GiB streamed down and 1 GiB streamed up, and how much memory that takes.

`pool_scale.py [--json FILE]`. The server is a raw asyncio program in a process of its own (`--serve PORT`).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import servers
from bench.worker import max_rss, reason, run_loop

LIMIT = 50
PIECE = 65536
GIB = 1 << 30


# --- the server


class _Raw(asyncio.Protocol):
    """Answers `GET /` at once, `GET /down?N` with N bytes, and `POST` when the announced body has come."""

    _PIECE = b"\0" * PIECE

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.head = b""
        self.expected = 0
        self.left = 0

    def data_received(self, data: bytes) -> None:
        if self.expected:
            self._count(len(data))
            return
        self.head += data
        while (end := self.head.find(b"\r\n\r\n")) >= 0:
            head, self.head = self.head[:end], self.head[end + 4 :]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        lines = head.split(b"\r\n")
        target = lines[0].split(b" ")[1]
        if b"?" in target:
            self.left = int(target.partition(b"?")[2])
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.left)
            self._more()
        elif head.startswith(b"POST"):
            self.expected = next(int(line[15:]) for line in lines if line.lower().startswith(b"content-length:"))
            early, self.head = len(self.head), b""
            self._count(early)
        else:
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def _count(self, received: int) -> None:
        self.expected -= received
        if not self.expected:
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    paused = False

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self._more()

    def _more(self) -> None:
        while self.left and not self.paused:
            piece = self._PIECE[: self.left]
            self.left -= len(piece)
            self.transport.write(piece)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Raw, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


# --- the client


def rss_now() -> int:
    """The memory of this process now, in KiB; where the system does not tell, the most it has had."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return max_rss()
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


async def _batch(client: Any, url: str, count: int) -> int:
    """Start `count` requests at once; returns how many were answered well."""
    responses = await asyncio.gather(*[client.get(url) for _ in range(count)])
    return sum(response.status_code == 200 and response.content == b"ok" for response in responses)


async def _queued(client: Any, url: str, waiting: int, total: int) -> float:
    """CPU microseconds per request with so many waiting behind the busy connections."""
    size = waiting + LIMIT
    rounds = max(total // size, 1)
    gc.collect()
    cpu = time.process_time()
    right = 0
    for _ in range(rounds):
        right += await _batch(client, url, size)
    cpu = time.process_time() - cpu
    if right != rounds * size:
        raise RuntimeError(f"{rounds * size - right} of {rounds * size} answers were wrong")
    return cpu / (rounds * size) * 1e6


async def measure_queue(base: str, rounds: int, long: int = 10_000, short: int = 100) -> dict[str, Any]:
    """CPU per request in a long and in a short queue, alternated, and memory after each round."""
    from fasthttp.client import Client
    from fasthttp.limits import Limits

    figures: dict[int, list[float]] = {long: [], short: []}
    memory = []
    async with Client(limits=Limits(max_connections=LIMIT, max_per_host=LIMIT), timeout=60) as client:
        for waiting in (short, long):
            await _queued(client, base, waiting, waiting)
        for number in range(rounds):
            for waiting in (long, short) if number % 2 else (short, long):
                figures[waiting].append(await _queued(client, base, waiting, long))
            memory.append(rss_now())
        stats = client.pool_stats()
    middle = {waiting: statistics.median(values) for waiting, values in figures.items()}
    return {
        "limit": LIMIT,
        "connections_opened": stats.created,
        "cpu_us": {str(waiting): round(value, 2) for waiting, value in middle.items()},
        "ratio": round(middle[long] / middle[short], 3),
        "rss_kib_after_each_round": memory,
        "rss_growth_kib": memory[-1] - memory[0],
    }


async def measure_streams(base: str, size: int) -> dict[str, Any]:
    """Stream so many bytes each way; seconds, CPU, and by how much memory grew at most."""
    from fasthttp.client import Client

    async def source() -> AsyncIterator[bytes]:
        piece = b"\0" * PIECE
        for _ in range(size // PIECE):
            yield piece

    async with Client(timeout=120) as client:

        async def down(amount: int) -> int:
            received = highest = 0
            async with client.stream("GET", f"{base}/down?{amount}") as response:
                async for piece in response.aiter_bytes():
                    received += len(piece)
                    if not received & 0xFFFFFF:
                        highest = max(highest, rss_now())
            if received != amount:
                raise RuntimeError(f"{received} of {amount} bytes arrived")
            return highest

        async def up() -> int:
            response = await client.post(base, content=source(), headers={"Content-Length": str(size)})
            if response.content != b"ok":
                raise RuntimeError("the upload was not answered well")
            return 0

        await down(1 << 20)
        result = {}
        for name in ("down", "up"):
            before, peak = rss_now(), max_rss()
            cpu, begun = time.process_time(), time.perf_counter()
            highest = await (down(size) if name == "down" else up())
            seconds = time.perf_counter() - begun
            grown = max(highest, rss_now()) - before
            result[name] = {
                "bytes": size,
                "seconds": round(seconds, 3),
                "cpu_seconds": round(time.process_time() - cpu, 3),
                "mb_per_s": round(size / seconds / 1e6, 1),
                "rss_growth_kib": max(grown, max_rss() - peak, 0),
            }
    return result


def measure(core: int | None, server_core: int | None, *, rounds: int, size: int) -> dict[str, Any]:
    """All of it, against a server of our own."""
    port = servers.free_port()
    server = servers.start([sys.executable, str(Path(__file__).resolve()), "--serve", str(port)], server_core)
    try:
        servers.wait_for(port, server)
        command = [sys.executable, str(Path(__file__).resolve()), "--connect", str(port)]
        command += ["--rounds", str(rounds), "--mib", str(size >> 20), *([] if core is None else ["--core", str(core)])]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600)
        result: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"error": f"ended with code {done.returncode}"}
        return result
    finally:
        servers.stop(server)


def _client(port: int, rounds: int, size: int) -> dict[str, Any]:
    base = f"http://127.0.0.1:{port}/"
    result: dict[str, Any] = {}

    async def streams() -> None:
        result["streams"] = await measure_streams(base, size)

    async def queue() -> None:
        result["queue"] = await measure_queue(base, rounds)

    try:
        run_loop(streams(), "asyncio")  # first, so that no peak of memory hides its own
        run_loop(queue(), "asyncio")
    except BaseException as exc:
        result["error"] = reason(exc)
    return result


def main() -> None:
    """Measure and print; or be one of the two processes that this takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=1024, help="to be streamed each way")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--connect", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve(options.serve))
    elif options.connect:
        servers.pin(options.core)
        print(json.dumps(_client(options.connect, options.rounds, options.mib << 20)))
    else:
        result = measure(*servers.cores(), rounds=options.rounds, size=options.mib << 20)
        text = json.dumps(result, indent=1)
        if options.json is not None:
            options.json.write_text(text + "\n", "utf-8")
        print(text)


if __name__ == "__main__":
    main()
