"""The framework beside its peers: CPU of the server process per request, all on uvicorn, one core each for server and load.

Every application is the same five operations. Rounds alternate between the frameworks; figures are medians. `--in-process` calls
the applications with ready ASGI messages instead, no server and no socket. A framework that is not installed is named and skipped.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import servers
from bench.framework_apps import APPS, ITEM

CONNECTIONS = 64
SCENARIOS: dict[str, tuple[str, str, bytes]] = {
    "hello": ("GET", "/hello", b""),
    "path and query": ("GET", "/items/5?q=abc&limit=3", b""),
    "struct body": ("POST", "/structs", ITEM),
    "pydantic body": ("POST", "/models", ITEM),
    "five dependencies": ("GET", "/dependencies", b""),
    "sync": ("GET", "/sync", b""),
    "http middleware": ("GET", "/wrapped/hello", b""),
}
# Figure, scenario, framework that it is measured against, bound.
TARGETS = (
    ("hello", "bare", 1.15),
    ("path and query", "bare", 1.40),
    ("struct body", "bare", 1.60),
    ("hello", "fastapi", 0.40),
    ("path and query", "fastapi", 0.40),
    ("struct body", "fastapi", 0.40),
    ("pydantic body", "fastapi", 0.40),
    ("five dependencies", "fastapi", 0.30),
    ("http middleware", "fastapi", 0.15),
    ("sync", "fastapi", 0.40),
)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check(port: int, method: str, path: str, body: bytes) -> bytes:
    """One answer; raises where it is not a success."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body or None, {"Content-Type": "application/json"} if body else {})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    if response.status >= 300:
        raise RuntimeError(f"{method} {path}: {response.status} {content[:200]!r}")
    return content


def load(wrk: str, core: int | None, port: int, method: str, path: str, body: bytes, seconds: float) -> int:
    """Put load on a server; returns the number of answers. Raises where any was an error."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        text = body.decode().replace('"', '\\"')
        script.write(f'wrk.method = "{method}"\n')
        if body:
            script.write(f'wrk.body = "{text}"\nwrk.headers["Content-Type"] = "application/json"\n')
        script.flush()
        command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", script.name, f"http://127.0.0.1:{port}{path}"]
        process = servers.start(command, core, stdout=subprocess.PIPE, text=True)
        output, _ = process.communicate(timeout=60 + seconds)
    if "Non-2xx" in output or (found := re.search(r"(\d+) requests in", output)) is None:
        raise RuntimeError(f"wrk against {path}: {output.splitlines()[0]}")
    return int(found[1])


def measure(name: str, scenario: str, wrk: str, seconds: float) -> float:
    """Microseconds of CPU per request, of the server."""
    core, other = servers.cores()
    method, path, body = SCENARIOS[scenario]
    port = servers.free_port()
    command = [sys.executable, str(Path(__file__).resolve()), "--serve", name, "--port", str(port)]
    process = servers.start(command, core, env=servers.plain_environment())
    try:
        servers.wait_for(port, process)
        check(port, method, path, body)
        load(wrk, other, port, method, path, body, seconds / 4)
        before = cpu_seconds(process.pid)
        count = load(wrk, other, port, method, path, body, seconds)
        return (cpu_seconds(process.pid) - before) / count * 1e6
    finally:
        servers.stop(process)


async def in_process(app: Any, scenario: str, count: int) -> float:
    """Microseconds of CPU per call of the application, best of seven."""
    method, target, body = SCENARIOS[scenario]
    path, _, query = target.partition("?")
    headers = [(b"host", b"x"), (b"content-type", b"application/json")] if body else [(b"host", b"x")]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None: ...

    def scope() -> dict[str, Any]:
        fixed = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path, "state": {}}
        return {**fixed, "query_string": query.encode(), "root_path": "", "scheme": "http", "headers": headers, "raw_path": path.encode()}

    figures = []
    for _ in range(7):
        begun = time.process_time()
        for _ in range(count):
            await app(scope(), receive, send)
        figures.append((time.process_time() - begun) / count * 1e6)
    return min(figures)


def serve(name: str, port: int) -> None:
    """Be the server."""
    import uvicorn

    uvicorn.run(APPS[name](), host="127.0.0.1", port=port, log_level="critical", access_log=False, lifespan="off", ws="none")


def report(figures: dict[str, dict[str, float]]) -> None:
    """Print figures as ratios of ours, and the targets."""
    for scenario, row in figures.items():
        ours = row.get("ours")
        if ours is None:
            continue
        cells = "  ".join(f"{name} {value:7.1f} us ({ours / value:.2f} x)" for name, value in row.items())
        print(f"{scenario:18} {cells}")
    for scenario, peer, bound in TARGETS:
        row = figures.get(scenario, {})
        if "ours" in row and peer in row:
            ratio = row["ours"] / row[peer]
            print(f"{'met   ' if ratio <= bound else 'missed'} {scenario} against {peer}: {ratio:.3f} (at most {bound})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", choices=list(APPS), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--in-process", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--scenarios", nargs="*", default=list(SCENARIOS))
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.port)
        return
    wrk = shutil.which("wrk")
    if wrk is None and not options.in_process:
        raise SystemExit("the load comes from wrk: install it, or use --in-process")
    found: dict[str, dict[str, list[float]]] = {scenario: {} for scenario in options.scenarios}
    for _ in range(1 if options.in_process else options.rounds):
        for scenario in options.scenarios:
            for name, make in APPS.items():
                try:
                    if options.in_process:
                        figure = asyncio.run(in_process(make(), scenario, 2000 if scenario != "sync" else 300))
                    else:
                        figure = measure(name, scenario, str(wrk), options.seconds)
                except (ImportError, RuntimeError) as exc:
                    print(f"{name}, {scenario}: {exc}", file=sys.stderr)
                    continue
                found[scenario].setdefault(name, []).append(figure)
    figures = {scenario: {name: statistics.median(values) for name, values in row.items()} for scenario, row in found.items()}
    report(figures)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
