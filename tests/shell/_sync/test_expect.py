# Generated from tests/shell/_async/test_expect.py by scripts/unasync.py; change that file instead.
"""Expect: 100-continue: when the body is sent, when it is not, and what happens to servers that do not know the question."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

import pytest

from fasthttp import SyncClient, BodyNotReplayable, ReadTimeout, RemoteDisconnected, RetryPolicy, Timeout, TotalTimeout
from tests.shell.server import HELLO, Peer, answering, response, serve

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODY = b"x" * 200_000


def body_of(peer: Peer, head: bytes, seconds: float = 5) -> bytes:
    """The bytes that follow a head, until as many came as were announced, or none for a while."""
    size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    peer.sock.settimeout(seconds)
    while len(peer._buffer) < size and peer.receive():
        pass
    body, peer._buffer = peer._buffer[:size], peer._buffer[size:]
    return body


class Asked:
    """A server that answers heads, and notes what came after them."""

    def __init__(self, *interim: bytes, final: bytes = HELLO, delay: float = 0.0) -> None:
        self.interim = interim
        self.final = final
        self.delay = delay
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.early: list[bytes] = []

    def __call__(self, peer: Peer) -> None:
        while (head := peer.read_head()) is not None:
            self.heads.append(head.decode().lower())
            peer.server.stopping.wait(self.delay)
            self.early.append(peer._buffer)
            for piece in self.interim:
                peer.send(piece)
            self.bodies.append(body_of(peer, head))
            peer.send(self.final)


def pieces(count: int, taken: list[int] | None = None) -> Any:
    """A source that can be read once, and notes how far it was."""
    for number in range(count):
        if taken is not None:
            taken.append(number)
        yield b"y" * 1000


def test_the_body_follows_100() -> None:
    """The head goes alone; with 100 comes the body; the interim response is told of; the connection is kept."""
    asked = Asked(CONTINUE, delay=0.1)
    with serve(asked) as server:
        with SyncClient(expect_continue=30) as client:
            started = monotonic()
            r = client.post(server.url, content=BODY)
            client.post(server.url, content=b"small")
            assert monotonic() - started < 3
    assert r.status_code == 200
    assert [status for status, _ in r.informational] == [100]
    assert asked.early == [b"", b""]
    assert asked.bodies == [BODY, b"small"]
    assert all(head.count("expect: 100-continue\r\n") == 1 for head in asked.heads)
    assert server.connections == 1


def test_other_interim_responses_are_no_leave() -> None:
    """After a 103 it goes on waiting for 100."""
    taken: list[int] = []

    def handler(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        peer.server.stopping.wait(0.1)
        peer.send(response(b"no", status="403 Forbidden"))
        peer.wait()

    with serve(handler) as server:
        with SyncClient(expect_continue=5) as client:
            r = client.post(server.url, content=pieces(3, taken))
    assert (r.status_code, taken) == (403, [])


def test_without_100_the_body_is_sent_anyway() -> None:
    """After the seconds given, for the client or the call; False for the call asks nothing."""
    asked = Asked()
    with serve(asked) as server:
        with SyncClient(expect_continue=0.1) as client:
            started = monotonic()
            assert (client.put(server.url, content=BODY)).status_code == 200
            assert 0.08 < monotonic() - started < 1
            started = monotonic()
            client.put(server.url, content=BODY, expect_continue=0.2)
            assert 0.18 < monotonic() - started < 1.2
            started = monotonic()
            client.put(server.url, content=BODY, expect_continue=False)
            client.put(server.url)
            assert monotonic() - started < 0.1
        with SyncClient() as client:
            client.put(server.url, content=BODY)
    assert asked.bodies == [BODY, BODY, BODY, b"", BODY]
    assert ["expect" in head for head in asked.heads] == [True, True, False, False, False]


@pytest.mark.parametrize("status", ["401 Unauthorized", "413 Content Too Large", "200 OK"])
@pytest.mark.parametrize("kind", [bytes, "generator"])
def test_a_final_answer_first(status: str, kind: Any) -> None:
    """No byte of the body was sent, nor read from its source; the connection is closed, and the next request is fine."""
    rest: list[bytes] = []

    def handler(peer: Peer) -> None:
        if peer.number > 1:
            answering(HELLO)(peer)
            return
        peer.read_head()
        peer.send(response(b"why not", status=status))
        rest.append(peer.sock.recv(100))

    taken: list[int] = []
    with serve(handler) as server:
        with SyncClient(expect_continue=5) as client:
            r = client.post(server.url, content=BODY if kind is bytes else pieces(3, taken))
            assert (r.status_code, r.content) == (int(status[:3]), b"why not")
            assert client.pool_stats().open == 0
            assert (client.get(server.url)).json() == {"hello": "world"}
    assert rest == [b""]
    assert taken == []
    assert server.connections == 2


def test_417_is_asked_again_without_the_question() -> None:
    """One resend, without the header, on another connection, the body whole; cookies of both answers are kept."""
    refusal = response(b"", "Set-Cookie: a=1", status="417 Expectation Failed")

    def handler(peer: Peer) -> None:
        if peer.number == 1:
            heads.append(peer.read_head() or b"")
            peer.send(refusal)
            peer.wait()
        else:
            answering(response(b"ok", "Set-Cookie: b=2"))(peer)

    heads: list[bytes] = []
    with serve(handler) as server:
        with SyncClient(expect_continue=5) as client:
            r = client.post(server.url, content=pieces(3))
            assert sorted(client.cookies) == ["a", "b"]
    assert r.content == b"ok"
    assert b"Expect: 100-continue" in heads[0]
    (again,) = server.requests
    assert "expect" not in again.headers
    assert again.body == b"y" * 3000


def test_417_to_the_end() -> None:
    """A server that says 417 to anything is asked twice, and the answer returned."""
    refusal = response(b"no", status="417 Expectation Failed")
    with serve(answering(refusal)) as server:
        with SyncClient(expect_continue=0.02) as client:
            assert (client.post(server.url, content=b"x")).status_code == 417
    assert ["expect" in request.headers for request in server.requests] == [True, False]


def test_417_after_the_body_went_out() -> None:
    """A source that is spent by then is not sent in part: BodyNotReplayable with the 417."""
    with serve(answering(response(b"no", status="417 Expectation Failed"))) as server:
        with SyncClient(expect_continue=0.02) as client:
            with pytest.raises(BodyNotReplayable) as caught:
                client.post(server.url, content=pieces(3))
            assert client.pool_stats().in_use == 0
    assert caught.value.response is not None
    assert caught.value.response.status_code == 417
    assert len(server.requests) == 1


def test_with_redirects_and_retries() -> None:
    """A 307 before the body was asked for takes the untouched source along, and so does a retry."""
    for first in (
        response(b"", "Location: /b", status="307 Temporary Redirect"),
        response(b"", status="503 Service Unavailable"),
    ):
        asked = Asked(CONTINUE)
        with serve(_first(first, asked)) as server:
            with SyncClient(expect_continue=5, retry=RetryPolicy(max_attempts=2, backoff_factor=0)) as client:
                assert (client.put(server.url, content=pieces(2), headers={"Content-Length": "2000"})).status_code == 200
        assert asked.bodies == [b"y" * 2000]
        assert asked.early == [b""]
        assert "expect: 100-continue" in asked.heads[0]


def _first(answer: bytes, then: Callable[[Peer], None]) -> Callable[[Peer], None]:
    def handler(peer: Peer) -> None:
        if peer.number == 1:
            peer.read_head()
            peer.send(answer)
            peer.wait()
        else:
            then(peer)

    return handler


def test_a_server_that_goes_instead_of_answering() -> None:
    """The end of the connection during the wait is told as such, and the body was not touched."""
    taken: list[int] = []

    def handler(peer: Peer) -> None:
        peer.read_head()

    with serve(handler) as server:
        with SyncClient(expect_continue=5) as client:
            with pytest.raises(RemoteDisconnected):
                client.post(server.url, content=pieces(3, taken))
            assert client.pool_stats().open == 0
    assert taken == []


def test_limits_during_the_wait() -> None:
    """The total limit ends the wait; a read limit begins when the body is out, also on a connection used before."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(HELLO)
        peer.read_head()
        peer.server.stopping.wait(0.25)
        peer.send(CONTINUE)
        peer.wait()

    with serve(handler) as server:
        with SyncClient(timeout=Timeout(read=0.3)) as client:
            client.get(server.url)
            sleep(0.1)
            started = monotonic()
            with pytest.raises(ReadTimeout):
                client.post(server.url, content=b"x", expect_continue=5)
            assert 0.5 < monotonic() - started < 1.5  # until 100, and then the limit
            started = monotonic()
            with pytest.raises(TotalTimeout):
                client.post(server.url, content=b"x", expect_continue=5, timeout=Timeout(total=0.2))
            assert monotonic() - started < 1


def test_413_in_the_middle_of_an_upload() -> None:
    """Without asking first: a server that answers and closes while the body comes is heard, not the broken pipe."""

    def handler(peer: Peer) -> None:
        peer.read_head()
        peer.receive()
        peer.send(response(b"too much", "Connection: close", status="413 Content Too Large"))

    with serve(handler) as server:
        with SyncClient() as client:
            for content in (b"z" * 3_000_000, pieces(3000)):
                r = client.post(server.url, content=content)
                assert (r.status_code, r.content) == (413, b"too much")
                assert all(value is None or value >= 0 for value in r.timings)
            assert client.pool_stats().open == 0


@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_bad_values(value: float) -> None:
    """Seconds above 0, or a bool."""
    with pytest.raises(ValueError, match="expect_continue="):
        SyncClient(expect_continue=value)
