# Generated from tests/shell/_async/test_reuse.py by scripts/unasync.py; change that file instead.
"""When a connection serves again, when a request is sent again, and when neither."""

from __future__ import annotations

import pytest

from fasthttp import SyncClient, Limits, PoolError, PoolTimeout, RemoteDisconnected, Timeout
from tests.shell.server import HELLO, Peer, answering, response, serve


def hang_up_on_second(peer: Peer) -> None:
    """The first connection answers once and drops the second request after reading it; others answer."""
    while peer.read() is not None:
        if peer.number == 1 and len(peer.server.requests) == 2:
            return
        peer.send(HELLO)


def test_get_on_a_connection_that_dies_is_sent_once_more() -> None:
    """A GET whose reused connection ends before the first byte succeeds on a fresh one."""
    with serve(hang_up_on_second) as server:
        with SyncClient() as client:
            client.get(server.url)
            assert (client.get(server.url)).json() == {"hello": "world"}
    assert (len(server.requests), server.connections) == (3, 2)


def test_post_that_was_written_is_never_sent_twice() -> None:
    """A POST whose reused connection ends is an error, and the server has seen it once."""
    with serve(hang_up_on_second) as server:
        with SyncClient() as client:
            client.get(server.url)
            with pytest.raises(RemoteDisconnected):
                client.post(server.url, content=b"pay")
    assert [request.method for request in server.requests] == ["GET", "POST"]


def test_post_with_an_idempotency_key_is_sent_once_more() -> None:
    """A POST that carries an Idempotency-Key may be sent again."""
    with serve(hang_up_on_second) as server:
        with SyncClient() as client:
            client.get(server.url)
            r = client.post(server.url, content=b"pay", headers={"Idempotency-Key": "1"})
    assert r.status_code == 200
    assert [request.body for request in server.requests] == [b"", b"pay", b"pay"]


def test_resending_happens_at_most_once() -> None:
    """When the fresh connection dies as well, the error is raised."""

    def handler(peer: Peer) -> None:
        while peer.read() is not None:
            if len(peer.server.requests) > 1:
                return
            peer.send(HELLO)

    with serve(handler) as server:
        with SyncClient() as client:
            client.get(server.url)
            with pytest.raises(RemoteDisconnected):
                client.get(server.url)
    assert len(server.requests) == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_idle_connections_that_the_server_closed_are_not_used(method: str) -> None:
    """A server that closes idle connections costs nothing but a new connection, also for POST."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(HELLO)

    with serve(handler) as server:
        with SyncClient() as client:
            for _ in range(5):
                assert (client.request(method, server.url)).status_code == 200
                server.wait_until_closed()
    assert len(server.requests) == 5


def test_bytes_on_an_idle_connection_close_it() -> None:
    """A byte before the request was sent marks the connection as out of step."""

    def handler(peer: Peer) -> None:
        while peer.read() is not None:
            peer.send(HELLO)
            if peer.number == 1:
                peer.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
                return

    with serve(handler) as server:
        with SyncClient() as client:
            client.get(server.url)
            server.wait_until_closed()
            r = client.post(server.url)
    assert r.status_code == 200
    assert server.connections == 2


def test_connection_close_is_obeyed() -> None:
    """Neither side's 'close' leaves a connection in the pool."""
    with serve(answering(response(b"a", "Connection: close"), close=True)) as server:
        with SyncClient() as client:
            for _ in range(20):
                client.get(server.url)
            assert client.pool_stats().open == 0
    assert server.connections == 20


def test_the_servers_shorter_keep_alive_is_obeyed() -> None:
    """A server that keeps connections for a second gets no request on one that may just be closing."""
    with serve(answering(response(b"a", "Keep-Alive: timeout=1"))) as server:
        with SyncClient() as client:
            client.get(server.url)
            client.get(server.url)
    assert server.connections == 2


def test_keepalive_expiry_zero_keeps_nothing() -> None:
    """With an expiry of zero every request has a connection of its own."""
    with serve(answering(HELLO)) as server:
        with SyncClient(limits=Limits(keepalive_expiry=0)) as client:
            client.get(server.url)
            client.get(server.url)
            assert client.pool_stats().open == 0
    assert server.connections == 2


def test_a_full_pool_times_out() -> None:
    """With the one connection in use, waiting longer than timeout.pool is a PoolTimeout, which is a PoolError."""
    with serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")) as server:
        with SyncClient(limits=Limits(max_per_host=1), timeout=Timeout(pool=0.1)) as client, client.stream("GET", server.url):
            with pytest.raises(PoolTimeout, match="1 in use") as caught:
                client.get(server.url)
            assert client.pool_stats().waiting == 0
    assert isinstance(caught.value, PoolError)
    assert caught.value.limit == 0.1


def test_too_many_waiting() -> None:
    """With max_waiting=0 a full pool is an error at once."""
    with serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")) as server:
        with SyncClient(limits=Limits(max_per_host=1, max_waiting=0)) as client, client.stream("GET", server.url):
            with pytest.raises(PoolError, match="0 waiting, 1 in use"):
                client.get(server.url)


def test_an_idle_connection_makes_room_for_another_origin() -> None:
    """At max_connections the oldest idle connection of another origin is closed."""
    with serve(answering(HELLO)) as one, serve(answering(HELLO)) as two:
        with SyncClient(limits=Limits(max_connections=1)) as client:
            for url in (one.url, two.url, one.url):
                assert (client.get(url)).status_code == 200
            assert client.pool_stats().open == 1
    assert (one.connections, two.connections) == (2, 1)


def test_many_closed_connections_leave_nothing() -> None:
    """Hundreds of responses that close leave no tracked connection."""
    with serve(answering(response(b"x", "Connection: close"), close=True)) as server:
        with SyncClient() as client:
            for _ in range(300):
                client.get(server.url)
            stats = client.pool_stats()
    assert (stats.open, stats.idle, stats.created) == (0, 0, 300)
