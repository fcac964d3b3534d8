"""Transports: applications and scripts in place of the network, with everything above the wire unchanged."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from fasthttp import ASGITransport, AsyncClient, HTTPTransport, MockTransport, ReadTimeout, Response
from fasthttp.testing import MockResponse, UnmatchedRequestError
from fasthttp.testing import MockTransport as SameMock
from tests.shell.apps import Echo, failing
from tests.shell.server import HELLO, answering, serve


async def test_asgi_verbs_and_bodies() -> None:
    """An application sees method, path, query, headers and body, and its answer comes back whole."""
    app = Echo()
    async with AsyncClient("http://app.test", transport=ASGITransport(app)) as client:
        r = await client.post("/a%20b?x=1", json={"k": "v"}, headers={"X-A": "1"})
        seen = r.json()
        assert (seen["method"], seen["path"], seen["query"], seen["body"]) == ("POST", "/a b", "x=1", '{"k":"v"}')
        assert seen["headers"]["x-a"] == "1"
        assert seen["headers"]["host"] == "app.test"
        assert (await client.head("/")).content == b""
        assert r.headers["x-app"] == "echo"
        assert app.events == ["startup"]
    assert app.events == ["startup", "shutdown"]


async def test_asgi_streams_both_ways() -> None:
    """Pieces of a body reach the application as they come, and its pieces the client."""
    client = AsyncClient("http://app.test", transport=ASGITransport(Echo()))
    async with client, client.stream("POST", "/mirror", content=iter([b"one", b"two", b"three"])) as r:
        assert [piece async for piece in r.aiter_bytes()] == [b"one", b"two", b"three"]


async def test_asgi_redirects_and_decoding() -> None:
    """Redirects are followed and codings undone over an application too."""
    async with AsyncClient("http://app.test", transport=ASGITransport(Echo())) as client:
        r = await client.get("/redirect")
        assert (r.url, len(r.history)) == ("http://app.test/landed", 1)
        assert (await client.get("/gzip")).content == b"zipped " * 1000


async def test_asgi_disconnect() -> None:
    """A reader that leaves is a disconnect for the application."""
    app = Echo()
    async with AsyncClient("http://app.test", transport=ASGITransport(app)) as client, client.stream("GET", "/endless") as r:
        async for _ in r.aiter_bytes():
            break
    assert "disconnect" in app.events or "oserror" in app.events


async def test_asgi_exceptions() -> None:
    """An exception of the application reaches the caller, or is a 500 where that is asked for."""
    async with AsyncClient("http://app.test", transport=ASGITransport(failing)) as client:
        with pytest.raises(KeyError, match="mine"):
            await client.get("/")
    async with AsyncClient("http://app.test", transport=ASGITransport(failing, raise_app_exceptions=False)) as client:
        assert (await client.get("/")).status_code == 500


async def test_mock_by_function() -> None:
    """A function of the request answers with a response, JSON, text, bytes, a status, a pair, or raises."""
    answers: list[Any] = [
        Response(201, text="made"),
        {"a": 1},
        "text",
        b"bytes",
        204,
        (404, {"no": 1}),
        MockResponse(json=[1]),
        ValueError("x"),
    ]
    mock = MockTransport(lambda request: answers[int(request.target[1:])])
    async with AsyncClient("http://mock.test", transport=mock) as client:
        got = [await client.get(f"/{number}") for number in range(7)]
        with pytest.raises(ValueError, match="x"):
            await client.get("/7")
    assert [r.status_code for r in got] == [201, 200, 200, 200, 204, 404, 200]
    assert [r.content for r in got] == [b"made", b'{"a":1}', b"text", b"bytes", b"", b'{"no":1}', b"[1]"]
    assert len(mock.calls) == 8


async def test_mock_by_routes() -> None:
    """Declared routes answer in order of declaration, so many times; what is not declared is an assertion."""
    mock = SameMock()
    mock.get("/users/1", json={"id": 1}, headers={"X-M": "1"}).get("/users/*", status=404).post("/users", status=201, times=1)
    assert MockTransport is SameMock
    async with AsyncClient("http://mock.test", transport=mock) as client:
        first = await client.get("/users/1")
        assert (first.json(), first.headers["x-m"]) == ({"id": 1}, "1")
        assert (await client.get("/users/2")).status_code == 404
        assert (await client.post("/users", json={"n": 1})).status_code == 201
        with pytest.raises(UnmatchedRequestError, match=r"no answer for POST http://mock\.test/users; registered: GET /users/1"):
            await client.post("/users")
    mock.assert_called("GET", "/users/1", times=1)
    mock.assert_called("POST", "/users", times=2)
    assert mock.calls[2].json() == {"n": 1}
    with pytest.raises(AssertionError, match="was not called"):
        mock.assert_called("DELETE", "/users")


async def test_mock_delay_obeys_the_timeouts() -> None:
    """Time limits hold over a transport."""
    async with AsyncClient("http://mock.test", transport=MockTransport({"/": MockResponse(delay=5)}), timeout=0.1) as client:
        with pytest.raises((ReadTimeout, TimeoutError)):
            await client.get("/")


async def test_the_network_can_be_wrapped() -> None:
    """A transport that derives from HTTPTransport sees every request and response of the network."""
    seen: list[str] = []

    class Noting(HTTPTransport):
        async def ahandle(self, request: Any) -> Any:
            response = await super().ahandle(request)
            seen.append(f"{request.method} {response.status_code}")
            return response

    body = gzip.compress(b"x" * 100_000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with serve(answering(HELLO, answer)) as server:
        async with AsyncClient(transport=Noting()) as client:
            assert (await client.get(server.url)).json() == {"hello": "world"}
            assert (await client.get(server.url)).content == b"x" * 100_000
    assert seen == ["GET 200", "GET 200"]
    assert server.connections == 1


async def test_transport_excludes_network_options() -> None:
    """Network options beside a transport are refused."""
    with pytest.raises(ValueError, match="transport= and verify="):
        AsyncClient(transport=MockTransport(), verify=False)
    with pytest.raises(ValueError, match="transport= and limits="):
        from fasthttp import Limits

        AsyncClient(transport=MockTransport(), limits=Limits())


async def test_a_network_transport_serves_one_client_after_another() -> None:
    """Closing a client closes the connections of its transport, not the transport."""
    transport = HTTPTransport()
    with serve(answering(HELLO)) as server:
        for _ in range(2):
            async with AsyncClient(transport=transport) as client:
                assert (await client.get(server.url)).json() == {"hello": "world"}
    assert server.connections == 2
