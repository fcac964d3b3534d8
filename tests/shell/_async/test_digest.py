"""Digest on the wire, against a server with its own arithmetic."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from fasthttp import AsyncClient, BodyNotReplayable, DigestAuth
from tests.shell.credentials import HASHES, DigestGate, counts
from tests.shell.server import HELLO, Peer, answering, response, serve

ANN = ("ann", "pw")


@pytest.mark.parametrize("qop", ["auth", "auth-int"])
@pytest.mark.parametrize("algorithm", [*HASHES, *(f"{name}-sess" for name in HASHES)])
async def test_the_right_password(algorithm: str, qop: str) -> None:
    """Every algorithm opens, with the body in the digest too; later requests carry credentials at once, and count."""
    gate = DigestGate(algorithm, qop)
    with serve(gate) as server:
        async with AsyncClient(auth=DigestAuth(*ANN)) as client:
            r = await client.post(f"{server.url}/safe?x=1&y=%20", content=b"body")
            assert (r.status_code, [step.status_code for step in r.history]) == (200, [401])
            assert (await client.get(f"{server.url}/other")).status_code == 200
            assert (await client.post(server.url, json={"a": 1})).status_code == 200
    assert counts(gate) == [None, "00000001", "00000002", "00000003"]
    assert server.connections == 1


async def test_bodies_that_have_to_be_read_first() -> None:
    """Once the body is part of the digest, a generator is read into memory and sent with its length."""
    gate = DigestGate("SHA-256", "auth-int")
    with serve(gate) as server:
        async with AsyncClient(auth=DigestAuth(*ANN)) as client:
            await client.get(server.url)
            r = await client.post(server.url, content=(piece for piece in (b"one", b"two")))
            assert r.status_code == 200
            built = client.build_request("PUT", server.url, content=(piece for piece in (b"one", b"two")))
            assert (await client.send(built)).status_code == 200
    assert [request.body for request in server.requests[2:]] == [b"onetwo"] * 2
    assert [request.headers["content-length"] for request in server.requests[2:]] == ["6", "6"]
    assert "transfer-encoding" not in server.requests[3].headers


async def test_text_files_are_sent_counted_the_second_time() -> None:
    """A body without a length goes in chunks, and when the digest wants it, counted."""
    gate = DigestGate("MD5", "auth-int")
    with serve(gate) as server:
        async with AsyncClient(auth=DigestAuth(*ANN)) as client:
            assert (await client.post(server.url, content=io.StringIO("text"))).status_code == 200
    assert [request.body for request in server.requests] == [b"text", b"text"]
    assert "transfer-encoding" in server.requests[0].headers
    assert server.requests[1].headers["content-length"] == "4"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_wrong_password(stream: bool) -> None:
    """It ends with the 401 after exactly two requests, though each 401 has a fresh nonce; and so again."""
    gate = DigestGate("SHA-256", password="other")
    with serve(gate) as server:
        async with AsyncClient(auth=DigestAuth(*ANN)) as client:
            for total in (2, 4):
                r = await client.get(server.url, stream=stream)
                assert r.status_code == 401
                assert await r.aread() == b"no"
                assert len(server.requests) == total
            assert client.pool_stats().in_use == 0
    assert counts(gate) == [None, "00000001"] * 2


async def test_stale() -> None:
    """A nonce that has grown stale is exchanged for a new one, whose count begins at one."""
    gate = DigestGate(uses=2)
    with serve(gate) as server:
        async with AsyncClient(auth=DigestAuth(*ANN)) as client:
            for _ in range(4):
                assert (await client.get(server.url)).status_code == 200
    assert counts(gate) == [None, "00000001", "00000002", "00000003", "00000001", "00000002"]


async def test_a_round_that_closes() -> None:
    """A 401 that ends its connection is answered on another."""
    gate = DigestGate(close=True)
    with serve(gate) as server:
        async with AsyncClient(auth=DigestAuth(*ANN)) as client:
            assert (await client.post(server.url, content=b"x")).status_code == 200
    assert server.connections == 2
    assert [request.body for request in server.requests] == [b"x", b"x"]


async def test_through_a_redirect() -> None:
    """A redirect within the origin is asked for with credentials at once, for its own target."""
    gate = DigestGate(a=response(b"", "Location: /b", status="302 Found"))
    with serve(gate) as server:
        async with AsyncClient() as client:
            r = await client.get(f"{server.url}/a", auth=DigestAuth(*ANN))
    assert (r.status_code, [step.status_code for step in r.history]) == (200, [401, 302])
    assert [given.get("uri") for given in gate.seen] == [None, "/a", "/b"]
    assert counts(gate) == [None, "00000001", "00000002"]


async def test_no_answer_to_another_origin() -> None:
    """A challenge of the origin that a redirect leads to is not answered, and its 401 is the response."""
    gate = DigestGate()
    with serve(gate) as server, serve(answering(response(b"", f"Location: {server.url}/", status="307 There"))) as first:
        async with AsyncClient(auth=DigestAuth(*ANN)) as client:
            r = await client.get(first.url)
            assert (r.status_code, r.url) == (401, f"{server.url}/")
            assert (await client.get(server.url)).status_code == 200
            assert (await client.get(first.url)).status_code == 401
    assert counts(gate) == [None, None, "00000001", None]


async def test_streams() -> None:
    """A streamed call streams the answer that was let in, and the body of the 401 costs no connection."""
    gate = DigestGate()
    with serve(gate) as server:
        async with AsyncClient(auth=DigestAuth(*ANN)) as client, client.stream("GET", server.url) as r:
            assert (r.status_code, r.is_buffered) == (200, False)
            assert b"".join([piece async for piece in r.aiter_bytes()]) == b'{"hello":"world"}'
    assert server.connections == 1


async def test_a_body_that_is_spent() -> None:
    """A generator cannot answer a challenge: BodyNotReplayable, with the 401."""
    gate = DigestGate()
    with serve(gate) as server:
        async with AsyncClient(auth=DigestAuth(*ANN)) as client:
            for stream in (False, True):
                with pytest.raises(BodyNotReplayable, match="generator") as caught:
                    await client.post(server.url, content=(piece for piece in (b"a", b"b")), auth=DigestAuth(*ANN), stream=stream)
                assert caught.value.response is not None
                assert caught.value.response.status_code == 401
            assert client.pool_stats().in_use == 0
    assert len(server.requests) == 2


async def test_a_file_is_sent_again(tmp_path: Path) -> None:
    """A file is read again from where it stood."""
    path = tmp_path / "upload"
    path.write_bytes(b"skipped:kept")
    gate = DigestGate()
    with serve(gate) as server, path.open("rb") as file:
        file.seek(8)
        async with AsyncClient() as client:
            assert (await client.post(server.url, content=file, auth=DigestAuth(*ANN))).status_code == 200
    assert [request.body for request in server.requests] == [b"kept", b"kept"]


async def test_an_expectation_saves_the_body() -> None:
    """With Expect the 401 comes before the body, of which no byte is sent then; it goes over the wire once."""
    bodies: list[bytes] = []

    def handler(peer: Peer) -> None:
        assert b"Expect: 100-continue\r\n" in (peer.read_head() or b"")
        if peer.number == 1:
            challenge = 'WWW-Authenticate: Digest realm="vault", nonce="n", qop="auth"'
            peer.send(response(b"", challenge, "Connection: close", status="401 Unauthorized"))
            peer.receive()
        else:
            peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            peer.receive()
            peer.send(HELLO)
        bodies.append(peer._buffer)

    with serve(handler) as server:
        async with AsyncClient(auth=DigestAuth(*ANN)) as client:
            assert (await client.post(server.url, content=b"body", expect_continue=5)).status_code == 200
        server.wait_until_closed()
    assert sorted(bodies) == [b"", b"body"]


async def test_other_challenges(caplog: pytest.LogCaptureFixture) -> None:
    """A 401 that offers no Digest, or none that can be computed, is the answer; the latter is said in the log."""
    basic = response(b"", 'WWW-Authenticate: Basic realm="x"', status="401 Unauthorized")
    new = response(b"", 'WWW-Authenticate: Digest realm="x", nonce="n", algorithm=SHA-1024', status="401 Unauthorized")
    answers = {"/basic": basic, "/new": new}

    def handler(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            peer.send(answers[request.target.partition("?")[0]])

    with caplog.at_level(logging.DEBUG, "fasthttp"), serve(handler) as server:
        async with AsyncClient(auth=DigestAuth("ann", "hush")) as client:
            for path in ("/basic", "/new?token=hush"):
                assert (await client.get(server.url + path)).status_code == 401
    assert len(server.requests) == 2
    assert "SHA-1024" in caplog.text
    assert "hush" not in caplog.text


async def test_one_object_for_two_clients() -> None:
    """An object goes on counting in another client, and knows nothing of other origins."""
    gate, other = DigestGate(), DigestGate()
    auth = DigestAuth(*ANN)
    with serve(gate) as server, serve(other) as second:
        async with AsyncClient(auth=auth) as client:
            await client.get(server.url)
        async with AsyncClient(auth=auth) as client:
            await client.get(server.url)
            await client.get(second.url)
    assert counts(gate) == [None, "00000001", "00000002"]
    assert counts(other) == [None, "00000001"]
