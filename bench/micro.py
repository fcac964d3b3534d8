"""The micro benchmark: nanoseconds of the pure parts of one request, in this process, no socket. `micro.py [--json FILE]`.

Each figure is the median of five, of as many repetitions as take about a twentieth of a second, the call of the measured
function (some 30 ns) included, garbage collection off.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import logging
import statistics
import sys
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import servers
from fasthttp._pure.config import ClientConfig
from fasthttp._pure.decoding import Pipeline
from fasthttp._pure.pool import OPEN, PoolState
from fasthttp.limits import Limits
from httpwire.h1 import ResponseParser
from httpwire.headers import Headers
from httpwire.url import parse_url

__all__ = ["cases", "measure"]

URL = "http://api.example.com:8080/v1/users/12345/orders?limit=50&sort=created&after=abc%20def"
FIELDS = [
    (b"Server", b"nginx/1.22.1"),
    (b"Date", b"Sat, 01 Nov 2025 12:00:00 GMT"),
    (b"Content-Type", b"application/json"),
    (b"Content-Length", b"17"),
    (b"Connection", b"keep-alive"),
    (b"Cache-Control", b"no-cache"),
]
_ANSWER = b"HTTP/1.1 200 OK\r\n" + b"".join(b"%b: %b\r\n" % pair for pair in FIELDS) + b"%b\r\n" + servers.SMALL


class _Connection:
    """What the pool has to know of a connection."""

    expires_at = idle_since = 0.0
    reuses = 0
    ranked = False


def _parse(answers: list[bytes]) -> Callable[[], Any]:
    parser = ResponseParser()
    following = itertools.cycle(answers)

    def parse() -> bytes:
        parser.expect("GET")
        parser.feed(next(following))
        return parser.take()

    if parse() != servers.SMALL:
        raise RuntimeError("the parser did not give the body")
    return parse


def _pool_cycle() -> Callable[[], Any]:
    pool = PoolState(Limits(max_connections=64, max_per_host=64))
    key = "http://api.example.com:8080"
    if pool.acquire(key, 0.0) is not OPEN:
        raise RuntimeError("an empty pool did not say OPEN")
    first = _Connection()
    pool.opened(key, first)
    pool.put(first, 0.0, 1e9)
    pool.settle(first)

    def cycle() -> None:
        pool.put(pool.take(key, 1.0), 1.0, 1e9)

    return cycle


def _gunzip() -> Callable[[], Any]:
    content = json.dumps([{"id": number, "name": f"name {number * 7919 % 1000}"} for number in range(400)]).encode()[:10_240]
    coded, logger = gzip.compress(content), logging.getLogger("bench")

    def decode() -> bytes:
        return Pipeline(b"gzip", None, 100.0, logger).decode(coded)

    if decode() != content:
        raise RuntimeError("the decoder did not give the content")
    return decode


def _encode_head(config: ClientConfig) -> Callable[[], Any]:
    request = config.request("POST", URL, {"json": {"hello": "world"}})

    def encode() -> bytes:
        request._head = None  # or it would be the same again
        return request.encode_head()

    return encode


def cases() -> dict[str, Callable[[], Any]]:
    """What is measured, by name."""
    config = ClientConfig()
    same = [_ANSWER % b""]
    others = [_ANSWER % (b"X-Request-Id: %032x\r\n" % number) for number in range(1000)]
    cold: Callable[[str], Any] = parse_url.__wrapped__
    posted = {"json": {"hello": "world"}}
    parse_url(URL)
    return {
        "parse_url, cold": lambda: cold(URL),
        "parse_url, hot": lambda: parse_url(URL),
        "ResponseParser, every head another": _parse(others),
        "ResponseParser, the same head again": _parse(same),
        "Headers.from_wire, 6 fields": lambda: Headers.from_wire(FIELDS),
        "plain_request, GET": lambda: config.plain_request("GET", URL),
        "request, POST of JSON": lambda: config.request("POST", URL, posted),
        "Request.encode_head": _encode_head(config),
        "pool, acquire and release": _pool_cycle(),
        "gzip, 10 KiB decoded": _gunzip(),
    }


def measure(case: Callable[[], Any], seconds: float = 0.05, rounds: int = 5) -> dict[str, float]:
    """Nanoseconds per call: the median of the rounds, the least, the most."""
    timer = timeit.Timer(case)
    once = max(timer.timeit(100) / 100, 1e-8)
    count = max(int(seconds / once), 1)
    found = [timer.timeit(count) / count * 1e9 for _ in range(rounds)]
    return {"ns": round(statistics.median(found), 1), "least": round(min(found), 1), "most": round(max(found), 1)}


def main() -> None:
    """Measure all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--seconds", type=float, default=0.05, help="of one repetition (0.05)")
    options = parser.parse_args()
    servers.pin(servers.cores()[0])
    results = {}
    print(f"{'':38}{'ns/op':>12}{'least':>12}{'most':>12}")
    for name, case in cases().items():
        results[name] = found = measure(case, options.seconds)
        print(f"{name:38}{found['ns']:12,.0f}{found['least']:12,.0f}{found['most']:12,.0f}", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
