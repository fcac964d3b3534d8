# Generated from tests/shell/_async/test_transports.py by scripts/unasync.py; change that file instead.
"""Transports: applications and scripts in place of the network, with everything above the wire unchanged."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from fasthttp import ASGITransport, SyncClient, HTTPTransport, MockTransport, ReadTimeout, Response
from fasthttp.testing import MockResponse, UnmatchedRequestError
from fasthttp.testing import MockTransport as SameMock
from tests.shell.apps import Echo, failing
from tests.shell.server import HELLO, answering, serve


def test_asgi_verbs_and_bodies() -> None:
    """An application sees method, path, query, headers and body, and its answer comes back whole."""
    app = Echo()
    with SyncClient("http://app.test", transport=ASGITransport(app)) as client:
        r = client.post("/a%20b?x=1", json={"k": "v"}, headers={"X-A": "1"})
        seen = r.json()
        assert (seen["method"], seen["path"], seen["query"], seen["body"]) == ("POST", "/a b", "x=1", '{"k":"v"}')
        assert seen["headers"]["x-a"] == "1"
        assert seen["headers"]["host"] == "app.test"
        assert (client.head("/")).content == b""
        assert r.headers["x-app"] == "echo"
        assert app.events == ["startup"]
    assert app.events == ["startup", "shutdown"]


def test_asgi_streams_both_ways() -> None:
    """Pieces of a body reach the application as they come, and its pieces the client."""
    client = SyncClient("http://app.test", transport=ASGITransport(Echo()))
    with client, client.stream("POST", "/mirror", content=iter([b"one", b"two", b"three"])) as r:
        assert [piece for piece in r.iter_bytes()] == [b"one", b"two", b"three"]


def test_asgi_redirects_and_decoding() -> None:
    """Redirects are followed and codings undone over an application too."""
    with SyncClient("http://app.test", transport=ASGITransport(Echo())) as client:
        r = client.get("/redirect")
        assert (r.url, len(r.history)) == ("http://app.test/landed", 1)
        assert (client.get("/gzip")).content == b"zipped " * 1000


def test_asgi_disconnect() -> None:
    """A reader that leaves is a disconnect for the application."""
    app = Echo()
    with SyncClient("http://app.test", transport=ASGITransport(app)) as client, client.stream("GET", "/endless") as r:
        for _ in r.iter_bytes():
            break
    assert "disconnect" in app.events or "oserror" in app.events


def test_asgi_exceptions() -> None:
    """An exception of the application reaches the caller, or is a 500 where that is asked for."""
    with SyncClient("http://app.test", transport=ASGITransport(failing)) as client:
        with pytest.raises(KeyError, match="mine"):
            client.get("/")
    with SyncClient("http://app.test", transport=ASGITransport(failing, raise_app_exceptions=False)) as client:
        assert (client.get("/")).status_code == 500


def test_mock_by_function() -> None:
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
    with SyncClient("http://mock.test", transport=mock) as client:
        got = [client.get(f"/{number}") for number in range(7)]
        with pytest.raises(ValueError, match="x"):
            client.get("/7")
    assert [r.status_code for r in got] == [201, 200, 200, 200, 204, 404, 200]
    assert [r.content for r in got] == [b"made", b'{"a":1}', b"text", b"bytes", b"", b'{"no":1}', b"[1]"]
    assert len(mock.calls) == 8


def test_mock_by_routes() -> None:
    """Declared routes answer in order of declaration, so many times; what is not declared is an assertion."""
    mock = SameMock()
    mock.get("/users/1", json={"id": 1}, headers={"X-M": "1"}).get("/users/*", status=404).post("/users", status=201, times=1)
    assert MockTransport is SameMock
    with SyncClient("http://mock.test", transport=mock) as client:
        first = client.get("/users/1")
        assert (first.json(), first.headers["x-m"]) == ({"id": 1}, "1")
        assert (client.get("/users/2")).status_code == 404
        assert (client.post("/users", json={"n": 1})).status_code == 201
        with pytest.raises(UnmatchedRequestError, match=r"no answer for POST http://mock\.test/users; registered: GET /users/1"):
            client.post("/users")
    mock.assert_called("GET", "/users/1", times=1)
    mock.assert_called("POST", "/users", times=2)
    assert mock.calls[2].json() == {"n": 1}
    with pytest.raises(AssertionError, match="was not called"):
        mock.assert_called("DELETE", "/users")


def test_mock_delay_obeys_the_timeouts() -> None:
    """Time limits hold over a transport."""
    with SyncClient("http://mock.test", transport=MockTransport({"/": MockResponse(delay=5)}), timeout=0.1) as client:
        with pytest.raises((ReadTimeout, TimeoutError)):
            client.get("/")


def test_the_network_can_be_wrapped() -> None:
    """A transport that derives from HTTPTransport sees every request and response of the network."""
    seen: list[str] = []

    class Noting(HTTPTransport):
        def handle(self, request: Any) -> Any:
            response = super().handle(request)
            seen.append(f"{request.method} {response.status_code}")
            return response

    body = gzip.compress(b"x" * 100_000)
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with serve(answering(HELLO, answer)) as server:
        with SyncClient(transport=Noting()) as client:
            assert (client.get(server.url)).json() == {"hello": "world"}
            assert (client.get(server.url)).content == b"x" * 100_000
    assert seen == ["GET 200", "GET 200"]
    assert server.connections == 1


def test_transport_excludes_network_options() -> None:
    """Network options beside a transport are refused."""
    with pytest.raises(ValueError, match="transport= and verify="):
        SyncClient(transport=MockTransport(), verify=False)
    with pytest.raises(ValueError, match="transport= and limits="):
        from fasthttp import Limits

        SyncClient(transport=MockTransport(), limits=Limits())


def test_a_network_transport_serves_one_client_after_another() -> None:
    """Closing a client closes the connections of its transport, not the transport."""
    transport = HTTPTransport()
    with serve(answering(HELLO)) as server:
        for _ in range(2):
            with SyncClient(transport=transport) as client:
                assert (client.get(server.url)).json() == {"hello": "world"}
    assert server.connections == 2
