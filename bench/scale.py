"""Scale of the declarative layer: does a route cost the same among ten thousand as among five hundred, and how much is that?

* 10,000 routes to one host, declared by one `each=` and as 10,000 routes: CPU and memory per route, against 500 of them.
* The same requests by aiohttp, with a semaphore and a line for each: CPU of the whole run against that.
* A generator of routes through `stream()`: by how much memory grows between a tenth of them and all.

`scale.py [--routes N] [--json FILE]`. The server is that of `pool_scale.py`. Every run writes a line per request, to
/dev/null; settings are the defaults, but for the permission to talk to this machine. Runs take turns, each in a process of its own.
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
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import servers
from bench.pool_scale import rss_now
from bench.worker import max_rss, reason

MANY = 10_000
FEW = 500
LIMIT = 50  # connections to one host, the default of an app
STREAMED = 100_000
VARIANTS = ("each", "separate", "aiohttp")


def _app(**options: Any) -> Any:
    from fasthttp import FastHTTP, SecurityPolicy

    return FastHTTP(security=SecurityPolicy(allow_hosts=["localhost"]), **options)


async def _length(resp: Any) -> int:
    return len(resp.content)


def declared(kind: str, base: str, count: int, **options: Any) -> Any:
    """An app with so many routes."""
    app = _app(**options)
    if kind == "each":
        app.get(base + "{n}", each=range(count))(_length)
    else:
        for number in range(count):
            app.add_route("GET", f"{base}{number}", _length)
    return app


def _run_app(app: Any, count: int) -> Any:
    result = app.run()
    good = sum(one.value == 2 for one in result.values())
    if not result.ok or len(result) != count or good != count:
        raise RuntimeError(f"{len(result.failed)} of {len(result)} routes failed, {good} values are right")
    return result


async def _run_aiohttp(base: str, count: int) -> int:
    """What one would write by hand: a task for each, a semaphore, and a line when it is done."""
    import aiohttp

    semaphore = asyncio.Semaphore(LIMIT)
    right = 0
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=LIMIT)) as session:

        async def one(number: int) -> None:
            nonlocal right
            url = f"{base}{number}"
            async with semaphore:
                begun = time.perf_counter()
                async with session.get(url) as response:
                    body = await response.read()
                    status = response.status
            print(f"GET {url} {status} {(time.perf_counter() - begun) * 1000:.2f}ms", flush=True)
            right += status == 200 and len(body) == 2

        await asyncio.gather(*[one(number) for number in range(count)])
    if right != count:
        raise RuntimeError(f"{count - right} of {count} answers were wrong")
    return right


def _run(kind: str, base: str, count: int, app: Any) -> Any:
    if app is not None:
        return _run_app(app, count)
    factory = None
    with suppress(ImportError):  # the loop that an app takes, too
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_run_aiohttp(base, count))


def _cost(kind: str, base: str, count: int, repeat: int) -> float:
    """CPU microseconds per route of runs of so many, from the start to the last result."""
    app = None if kind == "aiohttp" else declared(kind, base, count)
    gc.collect()
    cpu = time.process_time()
    for _ in range(repeat):
        _run(kind, base, count, app)
    return (time.process_time() - cpu) / (count * repeat) * 1e6


def _compare(kind: str, base: str) -> dict[str, float]:
    _cost(kind, base, FEW, 1)
    few = _cost(kind, base, FEW, MANY // FEW)
    cpu = time.process_time()
    if kind != "aiohttp":
        declared(kind, base, MANY)
    cpu = time.process_time() - cpu
    return {"few_us": few, "many_us": _cost(kind, base, MANY, 2), "declare_us": cpu / MANY * 1e6}


def _memory(kind: str, base: str) -> dict[str, float]:
    """Bytes per route at the peak of a run and after it, its results held, beyond those of a short run."""
    held = _run_app(declared(kind, base, FEW, retain="none"), FEW)
    del held
    gc.collect()
    before, peak = rss_now(), max_rss()
    held = _run_app(declared(kind, base, MANY, retain="none"), MANY)
    after = rss_now() - before
    return {"peak_kib": max(after, max_rss() - peak) / MANY, "held_kib": after / MANY, "routes": len(held)}


def _stream(base: str, count: int) -> dict[str, Any]:
    """Memory on the way through a generator of routes."""
    from fasthttp.routing import Route

    def source() -> Iterator[Route]:
        for number in range(count):
            yield Route("GET", f"{base}{number}", _length)

    marks = [count // 10 * tenth for tenth in range(1, 11)]
    seen: list[int] = []

    async def main() -> int:
        done = right = 0
        async for result in _app().stream(routes=source()):
            done += 1
            right += result.value == 2
            if len(seen) < len(marks) and done == marks[len(seen)]:
                seen.append(rss_now())
        return right

    begun, cpu = time.perf_counter(), time.process_time()
    right = asyncio.run(main())
    if right != count:
        raise RuntimeError(f"{count - right} of {count} routes failed")
    return {
        "routes": count,
        "seconds": round(time.perf_counter() - begun, 1),
        "cpu_us": round((time.process_time() - cpu) / count * 1e6, 1),
        "rss_kib_at_each_tenth": seen,
        "rss_growth_kib": max(seen) - seen[0],
    }


def _client(what: str, kind: str, base: str, count: int) -> dict[str, Any]:
    try:
        with open(os.devnull, "w", encoding="utf-8") as nothing, redirect_stdout(nothing):
            if what == "stream":
                return _stream(base, count)
            return _memory(kind, base) if what == "memory" else _compare(kind, base)
    except BaseException as exc:
        return {"error": reason(exc)}


def _ask(port: int, core: int | None, what: str, kind: str, count: int) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).resolve()), "--connect", str(port), "--what", what, "--kind", kind]
    command += ["--routes", str(count), *([] if core is None else ["--core", str(core)])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=1800, env=servers.plain_environment())
    result: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"error": f"ended with code {done.returncode}"}
    if "error" in result:
        raise RuntimeError(f"{what} {kind}: {result['error']}")
    return result


def measure(core: int | None, server_core: int | None, *, rounds: int, routes: int = STREAMED) -> dict[str, Any]:
    """All of it, against a server of our own."""
    port = servers.free_port()
    command = [sys.executable, str(Path(__file__).resolve().with_name("pool_scale.py")), "--serve", str(port)]
    server = servers.start(command, server_core)
    try:
        servers.wait_for(port, server)
        found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in VARIANTS}
        for number in range(rounds):
            turn = number % len(VARIANTS)
            for kind in VARIANTS[turn:] + VARIANTS[:turn]:
                found[kind].append(_ask(port, core, "cpu", kind, MANY))
        result: dict[str, Any] = {"routes": MANY, "few": FEW, "cpu": _judge(found)}
        result["memory"] = {kind: _ask(port, core, "memory", kind, MANY) for kind in ("each", "separate")}
        result["stream"] = _ask(port, core, "stream", "each", routes) if routes else None
        return result
    except RuntimeError as exc:
        return {"error": str(exc)}
    finally:
        servers.stop(server)


def _judge(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians, and ratios round by round: what disturbs a round disturbs all of it."""
    result: dict[str, Any] = {}
    for kind, runs in found.items():
        result[kind] = {name: round(statistics.median(run[name] for run in runs), 1) for name in runs[0]}
        result[kind]["many_to_few"] = round(statistics.median(run["many_us"] / run["few_us"] for run in runs), 3)
        pairs = zip(runs, found["aiohttp"], strict=True)
        result[kind]["to_aiohttp"] = round(statistics.median(own["many_us"] / other["many_us"] for own, other in pairs), 3)
    return result


def main() -> None:
    """Measure and print; or be one of the processes that this takes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--routes", type=int, default=1_000_000, help="through stream(); 0 for none")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--connect", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--what", default="cpu", help=argparse.SUPPRESS)
    parser.add_argument("--kind", default="each", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.connect:
        servers.pin(options.core)
        base = f"http://127.0.0.1:{options.connect}/"
        print(json.dumps(_client(options.what, options.kind, base, options.routes)))
        return
    text = json.dumps(measure(*servers.cores(), rounds=options.rounds, routes=options.routes), indent=1)
    if options.json is not None:
        options.json.write_text(text + "\n", "utf-8")
    print(text)


if __name__ == "__main__":
    main()
