"""Compare HTTP clients on a URL: the same requests with each library, in processes of their own, every answer checked.

Without --url a local server is started (nginx where it is installed, otherwise uvicorn). A library's name alone means its
async client where it has one; with `-sync` after it, its blocking one, which runs in threads. A library that is not
installed is named and skipped.
"""

from __future__ import annotations

import argparse
import http.client
import json
import platform
import ssl
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import libraries, servers
from bench.load import Order, percentile

ROOT = Path(__file__).resolve().parent

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]
COLUMNS = ["Library", "Requests", "Success", "Req/s", "Avg Lat (ms)", "P95", "P99", "Mbps", "CPU s/10k"]


class Refused(Exception):
    """The benchmark cannot be run as asked."""


def _positive(kind: type[Any]) -> Any:
    def convert(text: str) -> Any:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    return convert


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def _field(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return name, value


def parser() -> argparse.ArgumentParser:
    """The command line."""
    every = [name for name in libraries.LIBRARIES if name != "floor"]
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    where = made.add_mutually_exclusive_group()
    where.add_argument("--url", help="what to ask for; default: a local server")
    where.add_argument("--serve", action="store_true", help="start a local server; the default when --url is absent")
    made.add_argument("--method", choices=METHODS, default="GET")
    made.add_argument("--duration", type=_positive(float), default=10.0, metavar="S", help="seconds for each library and round (10.0)")
    made.add_argument("--concurrency", type=_positive(int), default=32, metavar="N", help="tasks or threads, and pool size (32)")
    made.add_argument("--timeout", type=_positive(float), default=10.0, metavar="S", help="seconds for a request (10.0)")
    made.add_argument("--body-size", type=_count, default=0, metavar="BYTES", help="send a body of so many bytes, with any method (0)")
    made.add_argument("--libraries", nargs="+", default=every, metavar="NAME", help=f"of {', '.join(libraries.LIBRARIES)}")
    made.add_argument("--header", action="append", type=_field, default=[], metavar="KEY=VALUE", help="send this field; repeatable")
    made.add_argument("--warmup", type=_count, default=5, metavar="N", help="requests of each task or thread before measuring (5)")
    made.add_argument("--insecure", action="store_true", help="do not check certificates")
    made.add_argument("--latency-samples", type=_positive(int), default=50_000, metavar="N", help="latencies kept, a fair sample (50000)")
    made.add_argument("--latency-seed", type=int, default=42, metavar="N", help="of that sample (42)")
    made.add_argument(
        "--open-loop",
        type=_positive(float),
        default=0.0,
        metavar="RATE",
        help="start RATE requests a second, however fast the answers come; latency counts from when a request was due",
    )
    made.add_argument("--rounds", type=_positive(int), default=1, metavar="N", help="rounds; each begins with another library (1)")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return made


def reference(url: str, options: argparse.Namespace) -> tuple[int, bytes]:
    """The answer that all others are compared with, from the standard library. Raises `Refused` if it is no good answer."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(f"{url!r} is not an http:// or https:// URL")
    if parts.scheme == "https":
        context = ssl.create_default_context()
        if options.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=options.timeout, context=context
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=options.timeout)
    body = b"x" * options.body_size if options.body_size else None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(options.method, target, body, dict(options.header))
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as exc:
        raise Refused(f"{url} cannot be reached: {type(exc).__name__}: {exc}") from exc
    finally:
        connection.close()
    if response.status >= 400:
        raise Refused(f"{url} answers {response.status} {response.reason}")
    if 300 <= response.status < 400:
        raise Refused(f"{url} answers {response.status} and leads to {response.getheader('location')}: give that URL")
    return response.status, content


def split(name: str) -> tuple[str, str]:
    """Library and colour that a name on the command line means."""
    bare = name.removesuffix("-sync")
    library = libraries.LIBRARIES.get(bare)
    asynchronous = library is not None and library.has("async") and bare == name
    return bare, "async" if asynchronous else "blocking"


def usable(names: list[str]) -> tuple[list[str], dict[str, str]]:
    """The libraries that are there, and why each of the others is not used."""
    skipped: dict[str, str] = {}
    for name in dict.fromkeys(names):
        bare, colour = split(name)
        why = libraries.missing(bare)
        if why is None and not libraries.LIBRARIES[bare].has(colour):
            why = f"has no {colour} client"
        if why is not None:
            skipped[name] = why
    return [name for name in dict.fromkeys(names) if name not in skipped], skipped


def run_worker(order: Order) -> dict[str, Any]:
    """One library for one round, in a process of its own."""
    command = [sys.executable, str(ROOT / "bench" / "load.py")]
    limit = order.duration + order.timeout * (order.warmup + 2) + 60
    try:
        done = subprocess.run(
            command,
            input=json.dumps(asdict(order)),
            stdout=subprocess.PIPE,
            text=True,
            timeout=limit,
            env=servers.plain_environment(),
        )
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"failed": f"did not end within {limit:.0f} s"}
    except (IndexError, ValueError):
        return {"failed": f"the worker ended with code {done.returncode}"}
    return result


def row(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of one library over all its rounds."""
    failed = next((run["failed"] for run in runs if "failed" in run), None)
    if failed is not None:
        return {"library": name, "failed": failed}
    requests, seconds = sum(run["requests"] for run in runs), sum(run["seconds"] for run in runs)
    groups = [(seen, kept) for run in runs for seen, kept in run["latencies"]]
    some = max(requests, 1)
    return {
        "library": name,
        "version": runs[0]["version"],
        "requests": requests,
        "success": round(sum(run["right"] for run in runs) / some * 100, 4),
        "requests_per_second": round(requests / seconds, 2),
        "latency_ms": {
            "average": round(sum(run["latency_total"] for run in runs) / some * 1e3, 4),
            "p50": round(percentile(groups, 0.50) * 1e3, 4),
            "p95": round(percentile(groups, 0.95) * 1e3, 4),
            "p99": round(percentile(groups, 0.99) * 1e3, 4),
        },
        "mbps": round(sum(run["received"] for run in runs) * 8 / seconds / 1e6, 3),
        "cpu_seconds_per_10k": round(sum(run["cpu"] for run in runs) / some * 1e4, 5),
        "rss_kib": max(run["rss_kib"] for run in runs),
        "error": next((run["error"] for run in runs if run["error"]), ""),
    }


def percent(value: float) -> str:
    """A share in per cent; 100 is written for all alone, never for nearly all."""
    return "100%" if value == 100 else f"{min(value, 99.99):.2f}%"


def table(rows: list[dict[str, Any]]) -> str:
    """The table that is printed."""
    lines = [COLUMNS]
    for found in rows:
        if "failed" in found:
            lines.append([found["library"], "failed", *[""] * (len(COLUMNS) - 2)])
            continue
        latency = found["latency_ms"]
        cells = [found["library"], f"{found['requests']:,}", percent(found["success"]), f"{found['requests_per_second']:,.1f}"]
        cells += [f"{latency[name]:.2f}" for name in ("average", "p95", "p99")]
        lines.append([*cells, f"{found['mbps']:.1f}", f"{found['cpu_seconds_per_10k']:.3f}"])
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    text = [
        " | ".join(
            cell.rjust(width) if number else cell.ljust(width) for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    return "\n".join([text[0], "-+-".join("-" * width for width in widths), *text[1:]])


def configuration(
    options: argparse.Namespace, url: str, server: str, names: list[str], loop: str, answer: tuple[int, bytes]
) -> dict[str, Any]:
    """What this run does, for the block at its head and for --json."""
    return {
        "URL": url,
        "Server": server,
        "Method": options.method,
        "Headers": ", ".join(f"{name}: {value}" for name, value in options.header) or "none of its own",
        "Request body": f"{options.body_size} bytes",
        "Right answer": f"status {answer[0]}, {len(answer[1])} bytes",
        "Libraries": ", ".join(names),
        "Concurrency": f"{options.concurrency} (tasks or threads, and connections in each pool)",
        "Load": f"open loop, {options.open_loop:g} requests/s" if options.open_loop else "closed loop",
        "Duration": f"{options.duration:g} s for each of {len(names)} libraries, {options.rounds} round(s)",
        "Timeout": f"{options.timeout:g} s",
        "Warm-up": f"{options.warmup} requests of each task or thread",
        "Certificates": "not checked" if options.insecure else "checked",
        "Latency sample": f"{options.latency_samples} values, seed {options.latency_seed}",
        "Event loop": loop,
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def compare(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Run everything and print it; returns the rows."""
    names, skipped = usable(options.libraries)
    for name, why in skipped.items():
        print(f"{name} is skipped: {why}")
    if not names:
        raise Refused("none of the libraries can be used")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-")))
        url, server, core = options.url, "as given", None
        if url is None:
            core, server_core = servers.cores()
            local = stack.enter_context(servers.serve(server_core, tls=False))
            plain = options.method in ("GET", "HEAD") and not options.body_size
            url, server = local.url + ("/json" if plain else "/post"), f"local, {local.name}"
        answer = reference(url, options)
        (folder / "body").write_bytes(answer[1])
        loop = "asyncio" if libraries.find_module("uvloop") is None else "uvloop"
        facts = configuration(options, url, server, names, loop, answer)
        print("Configuration")
        for name, value in facts.items():
            print(f"  {name:<14}  {value}")
        print(flush=True)
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for number in range(options.rounds):
            turn = number % len(names)
            for name in names[turn:] + names[:turn]:
                bare, colour = split(name)
                order = Order(bare, colour, loop, options.method, url, answer[0], str(folder / "body"), core=core)
                order.headers, order.body_size, order.verify = dict(options.header), options.body_size, not options.insecure
                order.duration, order.concurrency, order.timeout = options.duration, options.concurrency, options.timeout
                order.warmup, order.rate = options.warmup, options.open_loop
                order.samples, order.seed = options.latency_samples, options.latency_seed + number
                runs[name].append(run_worker(order))
    rows = [row(name, runs[name]) for name in names]
    print(table(rows))
    for found in rows:
        if found.get("failed") or found.get("error"):
            print(f"{found['library']}: {found.get('failed') or found['error']}")
    if options.json is not None:
        document = {"configuration": facts, "skipped": skipped, "rows": rows}
        options.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return rows


def main() -> int:
    """The command. Its code: 0, 1 if a library could not be run at all, 2 if nothing could."""
    options = parser().parse_args()
    try:
        rows = compare(options)
    except (Refused, RuntimeError) as exc:
        print(f"benchmark.py: {exc}", file=sys.stderr)
        return 2
    return int(any("failed" in found for found in rows))


if __name__ == "__main__":
    sys.exit(main())
