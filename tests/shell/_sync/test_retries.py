# Generated from tests/shell/_async/test_retries.py by scripts/unasync.py; change that file instead.
"""Retries and the circuit breaker over real connections: what reaches the server, and when."""

from __future__ import annotations

import gc
import socket
import threading
import weakref
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest

from fasthttp import (
    SyncClient,
    BodyNotReplayable,
    CircuitOpenError,
    ConnectError,
    Limits,
    MockTransport,
    ReadError,
    Request,
    Response,
    RetryPolicy,
    Timeout,
)
from fasthttp._sync import engine
from fasthttp.errors import IncompleteRead
from fasthttp.transports import BaseTransport
from tests.shell.blocking import interrupt, pause, run_together
from tests.shell.server import HELLO, Peer, answering, response, serve

BUSY = response(b"busy", status="503 Service Unavailable")
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"


def policy(attempts: int = 3, **keywords: Any) -> RetryPolicy:
    """A policy that does not wait for long."""
    return RetryPolicy(attempts, backoff_factor=0.001, **keywords)


def breaking(**keywords: Any) -> RetryPolicy:
    """A policy with a breaker that opens after three failures."""
    return RetryPolicy(circuit_breaker=True, cb_failure_threshold=3, **keywords)


def busy_for(seconds: str) -> bytes:
    return response(b"", f"Retry-After: {seconds}", status="503 Service Unavailable")


def free_port() -> Iterator[int]:
    """A port at which connections are refused."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


refused = pytest.fixture(free_port)


def pieces() -> Iterator[bytes]:
    """A body that can be read once."""
    yield b"one"
    yield b"two"


def test_a_busy_server_is_asked_again_over_the_same_connection() -> None:
    """The body of the answer that was not wanted is read, as it is short."""
    with serve(answering(BUSY, BUSY, HELLO)) as server:
        with SyncClient(retry=policy()) as client:
            r = client.get(server.url)
            assert client.pool_stats().idle == 1
    assert (r.status_code, r.attempts, r.history) == (200, 3, [])
    assert (len(server.requests), server.connections) == (3, 1)


def test_a_dripping_answer_does_not_delay_the_next_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The body of an answer that is not wanted may take a second and no more; then its connection goes."""
    monkeypatch.setattr(engine, "_DRAIN_SECONDS", 0.05)

    def handler(peer: Peer) -> None:
        while peer.read() is not None:
            if peer.number > 1:
                peer.send(HELLO)
                continue
            peer.send(b"HTTP/1.1 503 Busy\r\nContent-Length: 1000\r\n\r\n")
            peer.drip(b"x" * 1000, 0.02)

    with serve(handler) as server:
        with SyncClient(retry=policy()) as client:
            started = monotonic()
            r = client.get(server.url)
    assert (r.status_code, r.attempts, server.connections) == (200, 2, 2)
    assert monotonic() - started < 2


def test_failures_are_not_kept_alive_by_themselves() -> None:
    """No failure of an attempt is in a cycle of references: with the call it is gone, without the collector."""
    failures: list[Any] = []

    class Noted(ReadError):
        def __init__(self, message: str) -> None:
            super().__init__(message)
            failures.append(weakref.ref(self))

    class Failing(BaseTransport):
        def handle(self, request: Request) -> Response:
            if request.target == "/ok" and len(failures) == 2:
                return Response(200)
            raise Noted("broken")

    gc.disable()
    try:
        with SyncClient("http://mock.test", transport=Failing(), retry=policy(), hooks={"error": lambda *seen: None}) as client:
            assert (client.get("/ok")).attempts == 3
            try:
                client.get("/")
            except Noted:
                pass
            assert [failure() for failure in failures] == [None] * 5
    finally:
        gc.enable()


def test_the_last_answer_is_returned() -> None:
    """With its body, as any other."""
    with serve(answering(BUSY)) as server:
        with SyncClient(retry=policy(2)) as client:
            r = client.get(server.url)
    assert (r.status_code, r.content, r.attempts, len(server.requests)) == (503, b"busy", 2, 2)


def test_a_long_answer_that_is_not_wanted_costs_its_connection() -> None:
    """What has not arrived yet is not read for nothing, and nothing stays in use."""
    long = response(b"x" * 1_000_000, status="503 Service Unavailable")
    with serve(answering(long, HELLO)) as server:
        with SyncClient(retry=policy()) as client:
            assert (client.get(server.url)).status_code == 200
            assert (client.pool_stats().in_use, client.pool_stats().open) == (0, 1)
    assert server.connections == 2


def test_a_call_may_do_without() -> None:
    """`retry=None` switches the client's policy off, and one of its own on."""
    with serve(answering(BUSY)) as server:
        with SyncClient(retry=policy(3)) as client:
            client.get(server.url, retry=None)
            assert len(server.requests) == 1
        with SyncClient() as client:
            client.get(server.url, retry=policy(2))
    assert len(server.requests) == 3


def test_retry_after_is_waited_for() -> None:
    """No less than the server said; a POST is not repeated, whatever it says."""
    times: list[float] = []

    def handler(peer: Peer) -> None:
        while peer.read() is not None:
            times.append(monotonic())
            peer.send(busy_for("1") if len(times) < 2 else HELLO)

    with serve(handler) as server:
        with SyncClient(retry=policy(status_codes=[503])) as client:
            assert (client.get(server.url)).attempts == 2
    assert 1.0 <= times[1] - times[0] < 1.5
    with serve(answering(busy_for("1"))) as server:
        with SyncClient(retry=policy(status_codes=[503])) as client:
            assert (client.post(server.url, content=b"x")).status_code == 503
    assert len(server.requests) == 1


@pytest.mark.parametrize("seconds", ["5", "31"])
def test_retry_after_beyond_the_time_that_is_left(seconds: str) -> None:
    """The answer is returned at once, with its body."""
    began = monotonic()
    with serve(answering(busy_for(seconds))) as server:
        with SyncClient(retry=policy(), timeout=Timeout(total=3 if seconds == "5" else None)) as client:
            r = client.get(server.url)
    assert (r.status_code, r.attempts, r.content) == (503, 1, b"")
    assert monotonic() - began < 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_body_that_breaks_off(stream: bool) -> None:
    """It is asked for again, over a new connection; a stream that the caller has already is not."""

    def handler(peer: Peer) -> None:
        if peer.read() is not None:
            peer.send(CUT if peer.number == 1 else HELLO)

    with serve(handler) as server:
        with SyncClient(retry=policy()) as client:
            if stream:
                with pytest.raises(IncompleteRead):
                    with client.stream("GET", server.url) as r:
                        r.read()
            else:
                assert (client.get(server.url)).json() == {"hello": "world"}
            assert client.pool_stats().in_use == 0
    assert server.connections == (1 if stream else 2)


def test_a_connection_that_failed_is_not_used_again() -> None:
    """Not one that was reused before, and not one that the server only keeps silent on."""

    def handler(peer: Peer) -> None:
        while peer.read() is not None:
            number = len(peer.server.requests)
            if number == 2:
                peer.send(CUT)
                return
            if number == 4:
                peer.wait()
                return
            peer.send(HELLO)

    with serve(handler) as server:
        with SyncClient(retry=policy(), timeout=Timeout(read=0.1)) as client:
            attempts = [(client.get(server.url)).attempts for _ in range(3)]
            assert client.pool_stats().open == 1
    assert attempts == [1, 2, 2]
    assert (len(server.requests), server.connections) == (5, 3)


def test_a_post_that_was_never_sent_is_sent_again() -> None:
    """Its connection was refused; the server is there at the second attempt, and gets the body whole."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    got: list[bytes] = []

    def serve_one() -> None:
        sock, _ = listener.accept()
        with sock:
            while not got or not got[-1].endswith(b"0\r\n\r\n"):
                got.append(sock.recv(65536))
            sock.sendall(HELLO)

    thread = threading.Thread(target=serve_one, daemon=True)

    def trace(event: str, info: Any) -> None:
        if event == "retry":
            listener.listen()
            thread.start()

    with listener:
        with SyncClient(retry=policy(), trace=trace) as client:
            r = client.post(f"http://127.0.0.1:{listener.getsockname()[1]}/", content=pieces())
        thread.join(5)
    assert (r.status_code, r.attempts) == (200, 2)
    assert b"".join(got).endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_a_post_that_was_sent_is_not() -> None:
    """The server may have acted on it before it went away."""

    def handler(peer: Peer) -> None:
        peer.read()

    with serve(handler) as server:
        with SyncClient(retry=policy()) as client:
            with pytest.raises(ReadError) as caught:
                client.post(server.url, content=b"pay")
            assert caught.value.attempts == 1
            with pytest.raises(ReadError) as caught:
                client.post(server.url, content=b"pay", headers={"Idempotency-Key": "k"})
            assert caught.value.attempts == 3
    assert len(server.requests) == 4


def test_a_spent_body_is_not_sent_half() -> None:
    """With POST listed: one request on the wire, and the answer that asked for another is with the error."""
    with serve(answering(BUSY)) as server:
        with SyncClient(retry=policy(methods=["POST"])) as client:
            with pytest.raises(BodyNotReplayable, match="a generator") as caught:
                client.post(server.url, content=pieces())
            assert client.pool_stats().in_use == 0
    assert [request.body for request in server.requests] == [b"onetwo"]
    assert caught.value.response is not None
    assert caught.value.response.status_code == 503


def test_error_hooks_see_what_is_left_after_the_retries(refused: int) -> None:
    """Once, with the number of attempts and a note of each earlier one; an answer of theirs is the call's."""
    seen: list[Any] = []

    def fallback(error: Any, request: Request) -> Response:
        seen.append((type(error), error.attempts, len(error.__notes__)))
        return Response(200, text="cached")

    with SyncClient(retry=policy(3), hooks={"error": fallback}) as client:
        assert (client.get(f"http://127.0.0.1:{refused}/")).text == "cached"
    assert seen == [(ConnectError, 3, 2)]


def test_a_call_that_is_stopped_during_a_wait_holds_nothing() -> None:
    """No place of the pool, though it has only one."""
    with serve(answering(BUSY, HELLO)) as server:
        with SyncClient(retry=RetryPolicy(2, 30, 30, jitter=0), limits=Limits(max_connections=1)) as client:
            assert interrupt(lambda: client.get(server.url), 0.1)
            stats = client.pool_stats()
            assert (stats.in_use, stats.waiting, stats.open) == (0, 0, 1)
            assert (client.get(server.url)).status_code == 200
    assert (len(server.requests), server.connections) == (2, 1)


def test_waits_take_no_time_over_a_fast_transport() -> None:
    """Retries do all the same what they do over the network."""
    answers = iter([503, ConnectionResetError(), 429, 200])
    mock = MockTransport(lambda request: next(answers))
    mock.fast = True
    began = monotonic()
    slow = RetryPolicy(5, 60, 60, jitter=0)
    with SyncClient("http://mock.test", transport=mock, retry=slow) as client:
        with pytest.raises(ConnectionResetError):
            client.get("/")  # an error that is none of ours is the transport's own matter
        r = client.get("/")
    assert (r.status_code, r.attempts, len(mock.calls)) == (200, 2, 4)
    assert monotonic() - began < 1


# --- the circuit breaker


def test_an_origin_that_refuses_is_left_alone(refused: int) -> None:
    """After three refusals the fourth call does not even connect; other ports are not concerned."""
    connects: list[str] = []

    def trace(event: str, info: Any) -> None:
        if event == "connect.start":
            connects.append(info["origin"])

    url = f"http://127.0.0.1:{refused}"
    with serve(answering(HELLO)) as server:
        with SyncClient(retry=breaking(), trace=trace) as client:
            for _ in range(3):
                with pytest.raises(ConnectError):
                    client.get(url)
            assert client.breaker.state(url) == "open"
            with pytest.raises(CircuitOpenError, match=f"^Circuit open for {url}") as caught:
                client.get(url)
            assert len(connects) == 3
            assert (client.get(server.url)).status_code == 200
            client.breaker.reset(url)
            with pytest.raises(ConnectError):
                client.get(url)
    assert caught.value.origin == url
    assert caught.value.retry_after is not None
    assert 55 < caught.value.retry_after <= 60


def test_one_probe_of_many_passes() -> None:
    """After the time of recovery one call reaches the server, the others fail at once; its success lets all through."""
    answered = threading.Event()

    def handler(peer: Peer) -> None:
        while peer.read() is not None:
            if len(peer.server.requests) <= 3:
                return
            answered.wait(5)
            peer.send(HELLO)

    refusals: list[Any] = []

    def count(error: Any, request: Request) -> None:
        refusals.append(error)
        if len(refusals) == 7:
            answered.set()

    with serve(handler) as server:
        with SyncClient(server.url, retry=breaking(cb_recovery_seconds=0.1)) as client:
            for _ in range(3):
                with pytest.raises(ReadError):
                    client.get("/")
            with pytest.raises(CircuitOpenError):
                client.get("/")
            pause(0.12)
            assert client.breaker.state(server.url) == "half-open"
            results = run_together(*[lambda: client.get("/", hooks={"error": count})] * 8)
            assert sorted(type(result).__name__ for result in results) == ["CircuitOpenError"] * 7 + ["ClientResponse"]
            assert len(server.requests) == server.connections == 4
            assert client.breaker.state(server.url) == "closed"
            again = run_together(*[lambda: client.get("/")] * 8)
    assert [r.status_code for r in again] == [200] * 8


def test_a_stopped_probe_frees_its_place() -> None:
    """The next call may try."""

    def handler(peer: Peer) -> None:
        while peer.read() is not None:
            if len(peer.server.requests) <= 3:
                return
            if len(peer.server.requests) == 4:
                peer.wait()
                return
            peer.send(HELLO)

    with serve(handler) as server:
        with SyncClient(server.url, retry=breaking(cb_recovery_seconds=0)) as client:
            for _ in range(3):
                with pytest.raises(ReadError):
                    client.get("/")
            assert interrupt(lambda: client.get("/"), 0.1)
            assert (client.get("/")).status_code == 200
            assert client.breaker.state(server.url) == "closed"


def test_waiting_for_a_connection_is_no_failure_of_the_origin() -> None:
    """Whichever limit ends the wait."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    with serve(answering(head)) as server:
        limits = Limits(max_per_host=1)
        with SyncClient(server.url, retry=breaking(), limits=limits) as client, client.stream("GET", "/"):
            for timeout in (Timeout(pool=0.02), Timeout(total=0.02)) * 2:
                with pytest.raises(TimeoutError):
                    client.get("/", timeout=timeout)
            assert client.breaker.state(server.url) == "closed"
    assert len(server.requests) == 1
