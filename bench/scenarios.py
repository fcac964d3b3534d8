"""What is measured: the scenarios of the macro benchmark, as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.servers import FILES, SMALL

__all__ = ["PAYLOAD", "SCENARIOS", "Scenario", "expected"]

# 1 KiB as JSON, of the kinds of values that requests carry.
PAYLOAD: dict[str, Any] = {
    "id": 1234567,
    "name": "a name of usual length",
    "active": True,
    "score": 12.5,
    "tags": ["alpha", "beta", "gamma", "delta"],
    "address": {"street": "1 High Street", "city": "Springfield", "postcode": "12345"},
    "items": [{"sku": f"SKU-{number:05d}", "quantity": number, "price": number * 1.25, "note": None} for number in range(12)],
    "comment": "x" * 88,
}


@dataclass(frozen=True)
class Scenario:
    """One thing to measure.

    Args:
        name: for files and `--only`.
        title: for people.
        action: `json` (GET, parsed), `body` (GET, buffered), `stream`, `post`.
        path: of the URL.
        colour: `async` or `blocking`.
        loop: `uvloop` or `asyncio`; empty for blocking.
        concurrency: tasks or threads, and connections in each library's pool.
        headline: measured by `--quick` too, and in more rounds.
        requests: at most so many in a round.
        tls: whether over TLS.
    """

    name: str
    title: str
    action: str
    path: str
    colour: str
    loop: str
    concurrency: int
    headline: bool = False
    requests: int = 100_000
    tls: bool = False


def _small(loop: str, concurrency: int, *, varied: bool = False) -> Scenario:
    headline = varied or (loop, concurrency) in {("uvloop", 1), ("uvloop", 32), ("uvloop", 64), ("uvloop", 512), ("asyncio", 64)}
    kind, mark, path = ("varied", ", every head another", "/varied") if varied else ("get", "", "/json")
    tail = "1 connection" if concurrency == 1 else f"{concurrency} connections"
    title = f"GET small JSON{mark}, {loop}, {tail}"
    return Scenario(f"{kind}-{loop}-{concurrency}", title, "json", path, "async", loop, concurrency, headline)


SCENARIOS = (
    *(_small(loop, concurrency) for loop in ("uvloop", "asyncio") for concurrency in (1, 16, 32, 64, 512)),
    _small("uvloop", 64, varied=True),
    _small("asyncio", 64, varied=True),
    Scenario("body-1k", "GET 1 KiB, buffered, uvloop, 64 connections", "body", "/1k", "async", "uvloop", 64),
    Scenario("body-100k", "GET 100 KiB, buffered, uvloop, 64 connections", "body", "/100k", "async", "uvloop", 64, requests=20_000),
    Scenario("stream-100k", "GET 100 KiB, streamed, uvloop, 64 connections", "stream", "/100k", "async", "uvloop", 64, requests=20_000),
    Scenario("post-1k", "POST 1 KiB of JSON, uvloop, 64 connections", "post", "/post", "async", "uvloop", 64),
    Scenario("tls-64", "GET small JSON over TLS, uvloop, 64 connections", "json", "/json", "async", "uvloop", 64, tls=True),
    Scenario("blocking-1", "GET small JSON, blocking, one after another", "json", "/json", "blocking", "", 1, True),
    Scenario("blocking-varied-1", "GET small JSON, every head another, blocking", "json", "/varied", "blocking", "", 1, True),
    Scenario("blocking-16", "GET small JSON, blocking, 16 threads", "json", "/json", "blocking", "", 16),
)


def expected(scenario: Scenario) -> Any:
    """What a right answer's body is: bytes, or for `json` the value."""
    if scenario.action == "json":
        return {"hello": "world"}
    return FILES.get(scenario.path[1:], SMALL)
