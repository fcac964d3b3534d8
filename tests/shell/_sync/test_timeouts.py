# Generated from tests/shell/_async/test_timeouts.py by scripts/unasync.py; change that file instead.
"""Time limits: each phase has its error, and the total holds against a server that trickles."""

from __future__ import annotations

import ssl
from pathlib import Path
from time import monotonic

import pytest

from fasthttp import SyncClient, ConnectError, ConnectTimeout, ReadTimeout, RequestTimeout, Timeout, TotalTimeout
from tests.shell.deaf import deaf_port
from tests.shell.server import HELLO, Peer, serve


def silent(peer: Peer) -> None:
    peer.read()
    peer.wait()


def trickling(peer: Peer) -> None:
    peer.read()
    peer.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000, 0.05)


def test_read_timeout() -> None:
    """A server that says nothing: ReadTimeout with phase, limit and elapsed, also a TimeoutError; connection closed."""
    with serve(silent) as server:
        with SyncClient() as client:
            with pytest.raises(ReadTimeout, match=r"read timeout after 0.1 s: GET http://127.0.0.1:\d+/") as caught:
                client.get(server.url, timeout=Timeout(read=0.1))
            assert client.pool_stats().open == 0
    error = caught.value
    assert isinstance(error, (TimeoutError, RequestTimeout))
    assert (error.phase, error.limit, error.timeout) == ("read", 0.1, 0.1)
    assert error.elapsed is not None
    assert 0.09 < error.elapsed < 0.6


@pytest.mark.parametrize("stream", [False, True])
def test_total_against_a_trickle(stream: bool) -> None:
    """A byte every 50 ms never silences the server, and still the call ends at its total."""
    with serve(trickling) as server:
        with SyncClient() as client:
            started = monotonic()
            with pytest.raises(TotalTimeout, match=r"total timeout after 0\.3 s"):
                with client.stream("GET", server.url, timeout=Timeout(total=0.3)) as r:
                    r.read()
            assert 0.25 < monotonic() - started < 1.5
            with pytest.raises(TotalTimeout):
                client.get(server.url, timeout=0.2, stream=stream)
            assert client.pool_stats().open == 0


def test_total_within_a_tls_record(server_context: ssl.SSLContext, ca_file: Path) -> None:
    """A TLS record that comes a byte at a time is no answer for a while, and the call ends at its total none the less."""

    def handler(peer: Peer) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = server_context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                peer.send(outgoing.read())
                incoming.write(peer.receive())
        peer.send(outgoing.read())
        tls.write(HELLO)
        peer.drip(outgoing.read(), 0.05)

    with serve(handler) as server:
        with SyncClient(verify=str(ca_file)) as client:
            started = monotonic()
            with pytest.raises(TotalTimeout, match=r"total timeout after 0\.4 s"):
                client.get(f"https://localhost:{server.port}", timeout=Timeout(total=0.4))
            assert 0.35 < monotonic() - started < 1.5


def test_reads_longer_than_the_system_was_told() -> None:
    """Under a total limit silence is no fault before the total is over: an answer in its last tenth is taken."""

    def handler(peer: Peer) -> None:
        while peer.read() is not None:
            peer.server.stopping.wait(0.9)
            peer.send(HELLO)

    with serve(handler) as server:
        with SyncClient(timeout=Timeout(total=1.0)) as client:
            assert (client.get(server.url)).status_code == 200


def test_a_call_can_switch_limits_off() -> None:
    """timeout=None or Timeout() at the call disables the client's limits."""

    def slow(peer: Peer) -> None:
        while peer.read() is not None:
            peer.server.stopping.wait(0.3)
            peer.send(HELLO)

    with serve(slow) as server:
        with SyncClient(timeout=0.1) as client:
            assert (client.get(server.url, timeout=None)).status_code == 200
            assert (client.get(server.url, timeout=Timeout())).status_code == 200
            with pytest.raises(RequestTimeout):
                client.get(server.url)


def test_read_timeout_is_silence_not_length() -> None:
    """A body that takes longer than the read limit, but never pauses as long, is read."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", 0.01)

    with serve(handler) as server:
        with SyncClient() as client:
            assert (client.get(server.url, timeout=Timeout(read=0.25))).content == b"0123456789"


def test_a_later_shorter_limit_holds() -> None:
    """A short limit holds on a connection whose earlier calls had long ones."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(HELLO)
        silent(peer)

    with serve(handler) as server:
        with SyncClient(timeout=60) as client:
            client.get(server.url)
            started = monotonic()
            with pytest.raises(ReadTimeout):
                client.post(server.url, timeout=Timeout(read=0.1))
            assert monotonic() - started < 0.6


def test_connect_timeout() -> None:
    """A host that does not answer the SYN: ConnectTimeout that names limit and address."""
    with deaf_port() as port:
        with SyncClient() as client:
            with pytest.raises(ConnectTimeout, match=rf"connect timeout after 0.2 s to 127.0.0.1:{port}") as caught:
                client.get(f"http://127.0.0.1:{port}/", timeout=Timeout(connect=0.2))
            assert client.pool_stats().open == 0
    assert isinstance(caught.value, ConnectError)


def test_total_covers_hooks() -> None:
    """Time spent in an async hook counts against the total."""
    from tests.shell.hooks import never_ending

    with SyncClient() as client:
        started = monotonic()
        with pytest.raises(TotalTimeout, match="request hook"):
            client.get("http://127.0.0.1:1/", hooks={"request": never_ending}, timeout=Timeout(total=0.2))
        assert monotonic() - started < 1


def test_a_request_carries_its_own_timeout() -> None:
    """A timeout given to a Request is used when the call gives none."""
    from fasthttp import Request

    with serve(silent) as server:
        with SyncClient() as client:
            with pytest.raises(ReadTimeout, match=r"0\.1 s"):
                client.send(Request("GET", server.url, timeout=Timeout(read=0.1)))
