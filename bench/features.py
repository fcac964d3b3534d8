"""What features cost: those that are there and not used, and those that are.

* CPU per request with hooks, a retry policy, an empty jar or a proxy for other hosts, less that of a plain client.
* CPU per request with ten cookies of a jar and Basic authentication, against that of a plain client.
* Memory while 1 GiB goes up as a file of a form, and comes down into a file.
* The time that a first address costs which never answers.

`features.py [--json FILE]`. The clients take turns within each round; figures are medians of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import servers
from bench.pool_scale import rss_now
from bench.worker import max_rss, reason, run_loop

LANES = 64
BATCH = 4096


def _clients() -> dict[str, dict[str, Any]]:
    """The settings of each client that is compared."""
    from fasthttp import BasicAuth, CookieJar, RetryPolicy

    jar = CookieJar()
    for number in range(10):
        jar.set(f"name{number}", f"a-value-of-usual-length-{number}", domain="127.0.0.1")
    return {
        "plain": {},
        "hooks for another event": {"hooks": {"error": lambda exc, request: None}},
        "a retry policy": {"retry": RetryPolicy(max_attempts=3)},
        "an empty jar": {"cookies": CookieJar()},
        "a proxy for another host": {"proxies": {"https://elsewhere.test": "http://proxy.test:3128"}},
        "ten cookies and Basic": {"cookies": jar, "auth": BasicAuth("user", "password")},
    }


async def measure_costs(url: str, rounds: int) -> dict[str, Any]:
    """CPU microseconds per request of each client, and the difference from the plain one, round by round."""
    from fasthttp.client import Client

    async def batch(client: Any) -> float:
        async def lane() -> None:
            for _ in range(BATCH // LANES):
                if (await client.get(url)).json() != {"hello": "world"}:
                    raise RuntimeError("a wrong answer")

        cpu = time.process_time()
        await asyncio.gather(*[lane() for _ in range(LANES)])
        return (time.process_time() - cpu) / BATCH * 1e6

    async with AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(Client(**settings)) for name, settings in _clients().items()}
        for client in clients.values():
            await batch(client)
        found: dict[str, list[float]] = {name: [] for name in clients}
        names = list(clients)
        for number in range(rounds):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                found[name].append(await batch(clients[name]))
    plain = found["plain"]
    return {
        name: {
            "cpu_us": round(statistics.median(values), 2),
            "more_us": round(statistics.median(value - base for value, base in zip(values, plain, strict=True)), 2),
            "ratio": round(statistics.median(value / base for value, base in zip(values, plain, strict=True)), 3),
        }
        for name, values in found.items()
    }


def _file_of(folder: str, size: int) -> Path:
    path = Path(folder, "upload")
    path.touch()
    os.truncate(path, size)
    return path


async def measure_files(base: str, size: int) -> dict[str, Any]:
    """Memory while a file of this size goes up in a form, and comes down."""
    from fasthttp.client import Client

    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = _file_of(folder, size)
        async with Client(timeout=300) as client:
            for name in ("files", "download"):
                before, peak, begun = rss_now(), max_rss(), time.perf_counter()
                if name == "files":
                    response = await client.post(base, files={"file": path})
                    if response.content != b"ok":
                        raise RuntimeError("the upload was not answered well")
                else:
                    fetched = await client.download(f"{base}down?{size}", Path(folder, "download"))
                    if fetched.size != size:
                        raise RuntimeError(f"{fetched.size} bytes arrived")
                seconds = time.perf_counter() - begun
                grown = max(rss_now() - before, max_rss() - peak, 0)
                result[name] = {"bytes": size, "mb_per_s": round(size / seconds / 1e6, 1), "rss_growth_kib": grown}
    return result


def _answer(addresses: list[str], host: str, port: int) -> list[str]:
    return addresses


async def measure_dead_route(port: int, rounds: int) -> dict[str, Any]:
    """Milliseconds that a connection takes whose first address swallows every attempt."""
    from fasthttp.client import Client

    dead = socket.create_server(("127.0.0.2", port), backlog=0)
    stuffing = [socket.socket() for _ in range(4)]
    for sock in stuffing:  # a full queue, so that the system drops what comes after
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.2", port))
    await asyncio.sleep(0.1)
    times: dict[str, list[float]] = {"dead first": [], "alone": []}
    try:
        for _ in range(rounds):
            for name, addresses in (("dead first", ["127.0.0.2", "127.0.0.1"]), ("alone", ["127.0.0.1"])):
                async with Client(resolver=functools.partial(_answer, addresses)) as client:
                    begun = time.perf_counter()
                    await client.get(f"http://name.test:{port}/")
                    times[name].append((time.perf_counter() - begun) * 1e3)
    finally:
        for sock in (dead, *stuffing):
            sock.close()
    middle = {name: statistics.median(values) for name, values in times.items()}
    return {"cost_ms": round(middle["dead first"] - middle["alone"], 1)}


def measure(core: int | None, server_core: int | None, *, url: str, rounds: int, size: int) -> dict[str, Any]:
    """All of it, in a process of its own; `url` answers with the small JSON."""
    port = servers.free_port()
    command = [sys.executable, str(Path(__file__).resolve().with_name("pool_scale.py")), "--serve", str(port)]
    server = servers.start(command, server_core)
    try:
        servers.wait_for(port, server)
        command = [sys.executable, str(Path(__file__).resolve()), "--connect", str(port), "--url", url]
        command += ["--rounds", str(rounds), "--mib", str(size >> 20), *([] if core is None else ["--core", str(core)])]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=900, env=servers.plain_environment())
        result: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"error": f"ended with code {done.returncode}"}
        return result
    finally:
        servers.stop(server)


def _client(port: int, url: str, rounds: int, size: int) -> dict[str, Any]:
    result: dict[str, Any] = {}

    async def everything() -> None:
        result["files"] = await measure_files(f"http://127.0.0.1:{port}/", size)  # first: memory has no other peak yet
        result["dead_route"] = await measure_dead_route(port, rounds)

    async def costs() -> None:
        result["costs"] = await measure_costs(url, rounds)

    try:
        run_loop(everything(), "asyncio")
        run_loop(costs(), "uvloop")
    except BaseException as exc:
        result["error"] = reason(exc)
    return result


def main() -> None:
    """Measure and print; or be the process that this takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--mib", type=int, default=1024, help="to be sent as a file, and downloaded")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--connect", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.connect:
        servers.pin(options.core)
        print(json.dumps(_client(options.connect, options.url, options.rounds, options.mib << 20)))
        return
    core, server_core = servers.cores()
    with servers.serve(server_core) as server:
        result = measure(core, server_core, url=f"{server.url}/json", rounds=options.rounds, size=options.mib << 20)
    text = json.dumps(result, indent=1)
    if options.json is not None:
        options.json.write_text(text + "\n", "utf-8")
    print(text)


if __name__ == "__main__":
    main()
