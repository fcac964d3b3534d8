"""The main job on real input: serve the Unicode database with `Faster`, ask it thousands of questions with `FastHTTP`.

Every answer is checked against `unicodedata`. The exit code is that of the check, not of the run: some of the
questions are deliberately about characters that do not exist.
"""

import argparse
import asyncio
import importlib.util
import os
import random
import socket
import statistics
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from fasthttp import Client, FastHTTP, FastHTTPError, SecurityPolicy

HERE = Path(__file__).resolve().parent
console = Console()


def expected(code: int) -> dict[str, Any]:
    """What the API has to say about a character, from Python's own database."""
    char = chr(code)
    return {
        "code": code,
        "name": unicodedata.name(char),
        "category": unicodedata.category(char),
        "bidirectional": unicodedata.bidirectional(char),
        "numeric": unicodedata.numeric(char, None),
        "decomposition": unicodedata.decomposition(char),
    }


def batch(base_url: str, count: int, *, log: Any = "failures") -> tuple[FastHTTP, list[str]]:
    """An app with `count` look-ups and some more, and the list to which each wrong answer is added."""
    app = FastHTTP(base_url, log=log, progress=True, security=SecurityPolicy(allow_hosts=["localhost"]))
    wrong: list[str] = []
    rng = random.Random(2026)
    named = [code for code in range(0x110000) if unicodedata.name(chr(code), "")]

    def expecting(want: Any, pick: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """A handler that compares what it picks from the response with what it should be."""

        async def handler(resp: Any) -> Any:
            got = pick(resp)
            if got != want:
                wrong.append(f"{resp.method} {resp.url}: got {got!r}, expected {want!r}")
            return got

        return handler


    @app.get("/characters/{code}", each=rng.sample(named, count))
    async def character(resp: Any) -> Any:
        got = resp.json()
        want = expected(int(resp.url.rpartition("/")[2]))
        if got != want:
            wrong.append(f"{resp.method} {resp.url}: got {got!r}, expected {want!r}")
        return got

    for prefix in ("LATIN SMALL LETTER A", "GREEK", "SNOWMAN", "ROMAN NUMERAL"):
        total = sum(unicodedata.name(chr(code)).startswith(prefix) for code in named)
        query = {"prefix": prefix, "limit": 5}
        app.add_route("GET", "/search", expecting(total, lambda resp: resp.json()["total"]), params=query)
    for code in rng.sample(named, 20):
        note = {"code": code, "text": f"seen: {chr(code)}"}
        app.add_route("POST", "/notes", expecting(note["text"], lambda resp: resp.json()["text"]), json=note)
    for code in (0xE000, 0xFFFF, 0x10FFFF):
        app.add_route("GET", f"/characters/{code}", expecting(404, lambda resp: resp.status), name=f"missing U+{code:04X}")
    return app, wrong


@contextmanager
def serving(factory: str) -> Iterator[str]:
    """An application on uvicorn in a process of its own; gives its base URL."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", factory, "--port", str(port), "--log-level", "critical", "--no-access-log"]
    process = subprocess.Popen(
        command, cwd=HERE, env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def wait_for(url: str, process: Any) -> None:
    """Return once the server answers."""
    with Client(timeout=2) as client:
        for _ in range(200):
            if process.poll() is not None:
                raise SystemExit(f"the server ended with exit code {process.returncode}")
            try:
                client.get(f"{url}/characters/65")
                return
            except FastHTTPError:
                time.sleep(0.05)
    raise SystemExit("the server did not start within 10 s")


def show(result: Any, wrong: list[str]) -> None:
    """The table at the end."""
    times = sorted(route.elapsed * 1000 for route in result.values())
    cuts = statistics.quantiles(times, n=100)
    table = Table(title="Unicode database: FastHTTP asks Faster", title_style="bold", min_width=60, show_header=False)
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row("requests", f"{len(result):,}")
    table.add_row("failures (3 deliberate)", str(len(result.failed)))
    table.add_row("wrong answers", f"[{'red' if wrong else 'green'}]{len(wrong)}[/]")
    table.add_row("requests per second", f"{len(result) / result.elapsed:,.0f}")
    table.add_row("latency p50 / p95 / p99", f"{cuts[49]:.1f} / {cuts[94]:.1f} / {cuts[98]:.1f} ms")
    table.add_section()
    for route in sorted(result.values(), key=lambda route: route.elapsed, reverse=True)[:5]:
        table.add_row(f"slowest: {route.method} {route.url}", f"{route.elapsed * 1000:.1f} ms")
    console.print(table)


async def with_aiohttp(base_url: str, app: FastHTTP) -> float:
    """Seconds that the same requests take through aiohttp, as many at once."""
    import aiohttp

    gate = asyncio.Semaphore(50)

    async def one(session: aiohttp.ClientSession, method: str, path: str, route: Any) -> None:
        async with gate, session.request(method, base_url + path, params=route.params, json=route.json) as response:
            await response.json()

    requests = [(route.method, route.url.format(code=code), route) for route in app.routes for code in route.each or [None]]
    async with aiohttp.ClientSession() as session:
        started = time.perf_counter()
        await asyncio.gather(*(one(session, *request) for request in requests))
        return time.perf_counter() - started


def compare(base_url: str, count: int, ours: float) -> None:
    """One line for each rival that is installed."""
    app, _ = batch(base_url, count, log="off")
    if importlib.util.find_spec("aiohttp"):
        seconds = asyncio.run(with_aiohttp(base_url, app))
        console.print(f"the same batch through aiohttp:      {seconds:6.2f} s, {seconds / ours:.1f} × FastHTTP's {ours:.2f} s")
    else:
        console.print("aiohttp is not installed: no comparison")
    if importlib.util.find_spec("fastapi"):
        with serving("rival:app") as rival:
            seconds = batch(rival, count, log="off")[0].run().elapsed
        console.print(f"the same batch to FastAPI on uvicorn: {seconds:5.2f} s, {seconds / ours:.1f} × Faster's {ours:.2f} s")
    else:
        console.print("FastAPI is not installed: no comparison")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="look-ups to make (default: 10,000)")
    parser.add_argument("--tamper", action="store_true", help="falsify the database first, to see the check fail")
    arguments = parser.parse_args()

    sys.path.insert(0, str(HERE))
    import server

    started = time.perf_counter()
    count = server.build(server.DATABASE)
    console.print(
        f"{count:,} named characters of Unicode {unicodedata.unidata_version} written to SQLite in {time.perf_counter() - started:.1f} s"
    )
    if arguments.tamper:
        with server.sqlite3.connect(server.DATABASE) as db:
            db.execute("UPDATE characters SET name = name || ' (falsified)'")
    with serving("server:app") as url:
        app, wrong = batch(url, arguments.requests)
        result = app.run()
        show(result, wrong)
        for line in wrong[:5]:
            console.print(f"[red]wrong answer[/] {line}", highlight=False)
        compare(url, arguments.requests, result.elapsed)
    missing = [route for route in result.failed if not route.name.startswith("missing ")]
    for route in missing[:5]:
        console.print(f"[red]failed[/] {route.name}: {route.error}")
    return 1 if wrong or missing or len(result.failed) != 3 else 0


if __name__ == "__main__":
    raise SystemExit(main())
