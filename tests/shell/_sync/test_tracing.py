# Generated from tests/shell/_async/test_tracing.py by scripts/unasync.py; change that file instead.
"""Tracing: which events come in which order, and that the timings of a response add up."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from fasthttp import (
    SyncClient,
    CertificateError,
    ConnectError,
    DNSError,
    Limits,
    PoolError,
    PoolTimeout,
    ProxyError,
    RemoteProtocolError,
    RetryPolicy,
    Timeout,
)
from tests.shell.proxy import proxying
from tests.shell.server import HELLO, Peer, answering, chunked, response, serve

EXCHANGE = ["request.headers", "response.headers", "response.body"]


class Log:
    """A trace hook that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.infos: list[Mapping[str, Any]] = []

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        self.events.append(event)
        self.infos.append(info)

    def take(self) -> list[str]:
        """The events so far, which are then forgotten; phases that begin and end well by their name alone."""
        events, self.events = self.events, []
        times = [info["time"] for info in self.infos]
        assert times == sorted(times)
        self.infos = []
        short: list[str] = []
        while events:
            event = events.pop(0)
            phase, _, step = event.rpartition(".")
            if step == "start":
                assert events, f"{phase} never ended"
                end = events.pop(0)
                assert end in (f"{phase}.end", f"{phase}.error"), (event, end)
                short.append(phase if end.endswith(".end") else end)
            else:
                short.append(event)
        return short


def here(host: str, port: int) -> list[str]:
    return ["127.0.0.1"]


def test_order_of_events(server_context: ssl.SSLContext, ca_file: Path) -> None:
    """A fresh connection, one that is reused, a body, TLS, and TLS through a proxy."""
    log = Log()
    with serve(answering(HELLO)) as server, serve(answering(HELLO), server_context) as secure, serve(proxying()) as proxy:
        with SyncClient(verify=ca_file, trace=log, resolver=here) as client:
            client.get(f"http://origin.test:{server.port}/")
            assert log.take() == ["pool.wait", "dns", "connect", *EXCHANGE]
            client.get(f"http://origin.test:{server.port}/")
            assert log.take() == ["pool.wait", "reuse", *EXCHANGE]
            client.get(server.url)
            assert log.take() == ["pool.wait", "connect", *EXCHANGE]
            client.post(server.url, content=b"x" * 100_000)
            assert log.take() == ["pool.wait", "reuse", "request.headers", "request.body", *EXCHANGE[1:]]
            client.get(secure.url)
            assert log.take() == ["pool.wait", "connect", "tls", *EXCHANGE]
            client.get(f"https://origin.test:{secure.port}/", proxy=f"http://127.0.0.1:{proxy.port}")
            assert log.take() == ["pool.wait", "connect", "proxy", "tls", *EXCHANGE]


def test_what_an_event_tells() -> None:
    """Monotonic time, a number for the call, the attempt, the origin; and what belongs to the event."""
    log = Log()
    answers = (response(b"", status="503 Busy"), response(b"", "Location: /b", status="302 Found"), HELLO)
    with serve(answering(*answers)) as server:
        with SyncClient(trace=log, retry=RetryPolicy(max_attempts=2, backoff_factor=0)) as client:
            before = monotonic()
            client.get(server.url)
            after = monotonic()
            first = list(log.infos)
            by_event = dict(zip(log.events, log.infos, strict=True))
            assert log.take() == [
                *("pool.wait", "connect", *EXCHANGE, "retry"),
                *("pool.wait", "reuse", *EXCHANGE, "redirect"),
                *("pool.wait", "reuse", *EXCHANGE),
            ]
            client.get(server.url)
            second = list(log.infos)
    assert before <= first[0]["time"] <= first[-1]["time"] <= after
    assert {info["origin"] for info in first} == {server.url}
    assert [info["attempt"] for info in first] == sorted(info["attempt"] for info in first)
    assert (first[0]["attempt"], first[-1]["attempt"]) == (1, 2)
    assert len({info["call"] for info in first}) == len({info["call"] for info in second}) == 1
    assert first[0]["call"] != second[0]["call"]
    assert (by_event["retry"]["reason"], by_event["retry"]["delay"]) == ("503", 0)
    assert (by_event["redirect"]["status"], by_event["redirect"]["url"]) == (302, f"{server.url}/b")


def test_errors_end_their_phase(server_context: ssl.SSLContext) -> None:
    """The phase that failed has `.error` with the exception, and nothing follows."""
    with serve(answering(HELLO)) as gone:
        refused = gone.url

    def rubbish(peer: Peer) -> None:
        peer.read()
        peer.send(b"rubbish\r\n\r\n")

    def short(peer: Peer) -> None:
        peer.read()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc")

    def fail(host: str, port: int) -> list[str]:
        raise OSError("no")

    log = Log()
    no = proxying(authorization="x")
    with serve(rubbish) as bad, serve(answering(HELLO), server_context) as secure, serve(no) as proxy, serve(short) as cut:
        with SyncClient(trace=log, resolver=fail) as client:
            for url, options, kind, events in (
                (refused, {}, ConnectError, ["pool.wait", "connect.error"]),
                ("http://origin.test/", {}, DNSError, ["pool.wait", "dns.error"]),
                (secure.url, {}, CertificateError, ["pool.wait", "connect", "tls.error"]),
                (
                    "https://origin.test/",
                    {"proxy": f"http://127.0.0.1:{proxy.port}"},
                    ProxyError,
                    ["pool.wait", "connect", "proxy.error"],
                ),
                (bad.url, {}, RemoteProtocolError, ["pool.wait", "connect", "request.headers", "response.headers.error"]),
                (
                    cut.url,
                    {"stream": True},
                    RemoteProtocolError,
                    ["pool.wait", "connect", "request.headers", "response.headers", "response.body.error"],
                ),
            ):
                settings: dict[str, Any] = dict(options)
                with pytest.raises(kind) as caught:
                    (client.get(url, **settings)).read()
                assert log.infos[-1]["error"] is caught.value
                assert log.take() == events


def test_errors_of_a_retried_call() -> None:
    """Each attempt has its events, numbered."""
    with serve(answering(HELLO)) as gone:
        refused = gone.url
    log = Log()
    with SyncClient(trace=log, retry=RetryPolicy(max_attempts=3, backoff_factor=0)) as client:
        with pytest.raises(ConnectError):
            client.get(refused)
    assert [info["attempt"] for info in log.infos] == [1] * 4 + [2] * 5 + [3] * 5
    assert log.take() == ["pool.wait", "connect.error", "retry", "pool.wait", "connect.error", "retry", "pool.wait", "connect.error"]


def test_errors_of_the_pool() -> None:
    """No place, and none in time: the wait has an error."""
    log = Log()
    with serve(answering(response(b"x" * 1_000_000))) as server:
        for limits, kind in ((Limits(max_per_host=1, max_waiting=0), PoolError), (Limits(max_per_host=1), PoolTimeout)):
            with SyncClient(limits=limits, timeout=Timeout(pool=0.05)) as client, client.stream("GET", server.url):
                with pytest.raises(kind) as caught:
                    client.get(server.url, trace=log)
            assert log.infos[-1]["error"] is caught.value
            assert log.take() == ["pool.wait.error"]


def test_of_one_call() -> None:
    """trace= of a call replaces the client's; None switches it off; a coroutine function is refused."""
    log, other = Log(), Log()
    with serve(answering(HELLO)) as server:
        with SyncClient(trace=log) as client:
            client.get(server.url, trace=other)
            assert log.events == []
            assert other.events
            client.get(server.url, trace=None)
            assert log.events == []
    wrong: Any = "print"
    with pytest.raises(TypeError, match="trace= takes a plain function"):
        SyncClient(trace=wrong)


PHASES = ["pool.wait", "dns", "connect", "proxy", "tls", "request.headers", "request.body", "response.headers", "response.body"]


@pytest.mark.parametrize("bad", [f"{phase}.{step}" for phase in PHASES for step in ("start", "end")])
def test_a_hook_that_raises(bad: str, server_context: ssl.SSLContext, ca_file: Path) -> None:
    """Its exception reaches the caller, whatever the moment; no place in the pool is lost and no socket left open."""

    def hook(event: str, info: Mapping[str, Any]) -> None:
        if event == bad:
            raise KeyError(event)

    body = response(b"x" * 400_000)
    with serve(answering(body), server_context) as server, serve(proxying()) as proxy:
        address = f"http://proxy.test:{proxy.port}"
        with SyncClient(verify=ca_file, proxy=address, resolver=here) as client:
            for stream in (True, False):
                with pytest.raises(KeyError):
                    (client.post(server.url, content=b"y" * 100_000, trace=hook, stream=stream)).read()
                assert client.pool_stats().in_use == 0
            assert len((client.get(server.url)).content) == 400_000


# --- timings


def assert_adds_up(timings: Any) -> None:
    parts = [seconds for seconds in timings[:-1] if seconds is not None]
    assert all(seconds >= 0 for seconds in parts), timings
    assert abs(sum(parts) - timings.total) < 0.002, timings


@pytest.mark.parametrize("stream", [False, True])
def test_timings(stream: bool) -> None:
    """What each phase took, by what the server did; what did not happen is None; the sum is the total."""

    def handler(peer: Peer) -> None:
        while peer.read() is not None:
            peer.server.stopping.wait(0.1)
            peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            peer.server.stopping.wait(0.05)
            peer.send(chunked(b"x" * 300_000).partition(b"\r\n\r\n")[2])

    def slow(host: str, port: int) -> list[str]:
        from time import sleep

        sleep(0.03)
        return ["127.0.0.1"]

    with serve(handler) as server:
        with SyncClient(resolver=slow) as client:
            for fresh in (True, False):
                started = monotonic()
                r = client.get(f"http://origin.test:{server.port}/", stream=stream)
                if stream:
                    assert (r.timings.receive, r.timings.total) == (None, None)
                    for _ in r.iter_bytes():
                        pass
                took = monotonic() - started
                seen = r.timings
                assert_adds_up(seen)
                assert seen.total is not None
                assert seen.wait is not None
                assert seen.receive is not None
                assert seen.send is not None
                assert seen.pool is not None
                assert took - 0.05 < seen.total <= took
                assert 0.09 < seen.wait < 0.3
                assert 0.04 < seen.receive < 0.3
                assert seen.send < 0.05
                assert seen.pool < 0.05
                assert (seen.dns is not None) == (seen.connect is not None) == fresh
                assert seen.dns is None or seen.dns > 0.025
                assert seen.tls is None


def test_timings_with_tls_and_a_proxy(server_context: ssl.SSLContext, ca_file: Path) -> None:
    """The time of a tunnel counts as connecting."""

    def handler(peer: Peer) -> None:
        peer.server.stopping.wait(0.1)
        proxying()(peer)

    with serve(answering(HELLO), server_context) as origin, serve(handler) as proxy:
        with SyncClient(proxy=f"http://127.0.0.1:{proxy.port}", verify=ca_file) as client:
            r = client.get(origin.url)
            assert_adds_up(r.timings)
            assert r.timings.connect is not None
            assert r.timings.connect > 0.09
            assert r.timings.tls is not None
            assert r.timings.dns is None
            again = client.post(origin.url, content=b"x" * 500_000)
            assert_adds_up(again.timings)
            assert again.timings.connect is again.timings.tls is None


def test_timings_are_of_the_last_attempt() -> None:
    """What came before, and what a total limit spans, is not in them."""
    answers = (response(b"", "Retry-After: 0", status="503 Busy"), HELLO)

    def handler(peer: Peer) -> None:
        while peer.read() is not None:
            if len(peer.server.requests) == 1:
                peer.server.stopping.wait(0.2)
            peer.send(answers[min(len(peer.server.requests), 2) - 1])

    with serve(handler) as server:
        with SyncClient(retry=RetryPolicy(max_attempts=2, backoff_factor=0), timeout=Timeout(total=5)) as client:
            r = client.get(server.url)
    assert_adds_up(r.timings)
    assert r.timings.total is not None
    assert r.timings.total < 0.15
    assert r.elapsed.total_seconds() > 0.19
