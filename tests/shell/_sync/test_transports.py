# Generated from tests/shell/_async/test_transports.py by scripts/unasync.py; change that file instead.
"""Transports: applications and scripts in place of the network, with everything above the wire unchanged."""

from __future__ import annotations

import gzip
import ssl
from typing import Any

import pytest

from fasthttp import ASGITransport, SyncClient, BodyNotReplayable, HTTPTransport, MockTransport, ReadTimeout, Response, RetryPolicy
from fasthttp.testing import MockResponse, UnmatchedRequestError
from fasthttp.testing import MockTransport as SameMock
from tests.shell.apps import Echo, breaking, failing
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


def test_a_subclass_that_overrides_nothing_is_the_network() -> None:
    """It goes the short way, and its pool is seen."""

    class Named(HTTPTransport):
        pass

    with serve(answering(HELLO)) as server:
        with SyncClient(transport=Named()) as client:
            assert (client.get(server.url, proxy="")).json() == {"hello": "world"}
            assert client.pool_stats().idle == 1


def test_transport_excludes_network_options() -> None:
    """Network options beside a transport are refused."""
    with pytest.raises(ValueError, match="transport= and verify="):
        SyncClient(transport=MockTransport(), verify=False)
    with pytest.raises(ValueError, match="transport= and limits="):
        from fasthttp import Limits

        SyncClient(transport=MockTransport(), limits=Limits())
    with pytest.raises(ValueError, match="transport= and max_header_bytes="):
        SyncClient(transport=MockTransport(), max_header_bytes=10)
    with pytest.raises(ValueError, match="transport= and max_header_count="):
        SyncClient(transport=MockTransport(), max_header_count=10)


def test_a_network_transport_serves_one_client_after_another() -> None:
    """Closing a client closes the connections of its transport, not the transport."""
    transport = HTTPTransport()
    with serve(answering(HELLO)) as server:
        for _ in range(2):
            with SyncClient(transport=transport) as client:
                assert (client.get(server.url)).json() == {"hello": "world"}
    assert server.connections == 2


SIZE = 150_000
STEPS = [(65536, SIZE), (131072, SIZE), (SIZE, SIZE)]


def transports(url: str) -> list[tuple[str, Any]]:
    """One transport of each kind, and the origin that it answers for."""

    class Passing(HTTPTransport):
        def handle(self, request: Any) -> Any:
            return super().handle(request)

    return [
        ("http://app.test", ASGITransport(Echo())),
        ("http://mock.test", MockTransport(lambda request: Response(200, content=request.content))),
        (url, Passing()),
    ]


def test_progress_is_told_over_any_transport() -> None:
    """Of a body of known length and of an iterable, by a function of either kind, as over the network."""
    seen: list[tuple[int, int | None]] = []

    def note(done: int, total: int | None) -> None:
        seen.append((done, total))

    with serve(answering(HELLO)) as server:
        for url, transport in transports(server.url):
            with SyncClient(url, transport=transport) as client:
                client.post("/", content=b"x" * SIZE, on_upload=lambda done, total: seen.append((done, total)))
                assert seen == STEPS, transport
                seen.clear()
                client.post("/", content=iter([b"x" * 65536] * 2), on_upload=note)
                assert seen == [(65536, None), (131072, None), (131072, None)], transport
                seen.clear()
                client.post("/", content=b"small", on_upload=note)
                client.get("/", on_upload=note)
                assert seen == [(5, 5)], transport
                seen.clear()
                r = client.post("/", content=b"x" * SIZE, on_download=note)
                assert seen[-1] == (len(r.content), None if isinstance(transport, ASGITransport) else len(r.content))
                seen.clear()
        assert [len(request.body) for request in server.requests[:2]] == [SIZE, 131072]


def test_a_watched_upload_is_the_same_request() -> None:
    """The transport sees the body at hand and its framing, the caller the request that was made; it can be sent again."""
    mock = MockTransport(lambda request: Response(503, content=request.content))
    seen: list[int] = []
    with SyncClient("http://mock.test", transport=mock, retry=RetryPolicy(2, backoff_factor=0)) as client:
        r = client.put("/", json=[1, 2], on_upload=lambda done, total: seen.append(done))
        with pytest.raises(BodyNotReplayable):
            client.put("/", content=iter([b"x"]), on_upload=lambda done, total: None)
    assert (r.content, r.request.content, r.attempts, seen) == (b"[1,2]", b"[1,2]", 2, [5, 5])
    assert mock.calls[0].headers["content-length"] == "5"
    assert mock.calls[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize(("name", "value"), [
    ("proxy", "http://p.test:3128"), ("verify", False), ("verify", "ca.pem"), ("cert", "c.pem"),
    ("ssl_context", ssl.create_default_context()),
])  # fmt: skip
def test_a_call_cannot_say_how_a_transport_connects(name: str, value: Any) -> None:
    """What would do nothing is refused by its name; what asks for nothing is not."""
    mock = MockTransport({"/": "here"})
    with SyncClient("http://mock.test", transport=mock) as client:
        with pytest.raises(ValueError, match=f"{name}= of a call does nothing over MockTransport"):
            client.get("/", **{name: value})
        assert mock.calls == []
        for proxy in ("", None):
            assert (client.get("/", proxy=proxy, verify=True, cert=None, ssl_context=None)).text == "here"


def test_leave_to_send_is_not_waited_for() -> None:
    """A transport sees `Expect`, and the body at once."""
    mock = MockTransport(lambda request: request.headers["expect"])
    with SyncClient("http://mock.test", transport=mock, expect_continue=60) as client:
        assert (client.post("/", content=b"x")).text == "100-continue"
    assert mock.calls[0].body == b"x"


def test_a_trace_over_a_transport() -> None:
    """Sending, waiting and reading are told of; there are no connections to tell of."""
    told: list[tuple[str, str]] = []

    def trace(event: str, info: Any) -> None:
        told.append((event, info["origin"]))

    phases = ["request.headers.start", "request.headers.end", "response.headers.start", "response.headers.end"]
    phases += ["response.body.start", "response.body.end"]
    with SyncClient("http://app.test", transport=ASGITransport(Echo()), trace=trace) as client:
        client.get("/")
        assert told == [(phase, "http://app.test") for phase in phases]
        told.clear()
        with client.stream("POST", "/mirror", content=iter([b"a", b"b"])) as r:
            assert [event for event, _ in told] == phases[:5]
            r.read()
        assert told[5:] == [("response.body.end", "http://app.test")]
    told.clear()
    with SyncClient("http://app.test", transport=MockTransport({"/": "x", "/no": ReadTimeout("slow")}), trace=trace) as client:
        client.get("/")
        assert [event for event, _ in told] == phases
        told.clear()
        with pytest.raises(ReadTimeout):
            client.get("/no")
    assert [event for event, _ in told] == [*phases[:3], "response.headers.error"]


def test_a_body_that_breaks_is_traced() -> None:
    """As the error of its phase."""
    told: list[str] = []
    with SyncClient("http://app.test", transport=ASGITransport(breaking), trace=lambda event, info: told.append(event)) as client:
        with pytest.raises(KeyError, match="mine"):
            client.get("/")
    assert told[-2:] == ["response.body.start", "response.body.error"]


def test_timings_over_a_transport() -> None:
    """Waiting, receiving and their sum; of a stream the end comes with its end."""
    with SyncClient("http://app.test", transport=ASGITransport(Echo())) as client:
        with client.stream("GET", "/") as r:
            assert r.timings.wait is not None
            assert r.timings.total is None
            r.read()
        whole = r.timings
        assert (whole.connect, whole.tls, whole.dns) == (None, None, None)
        assert whole.total == pytest.approx(whole.wait + whole.receive)  # type: ignore[operator]
    answer = Response(200)
    with SyncClient("http://mock.test", transport=MockTransport(lambda request: answer)) as client:
        first, second = (client.get("/")).timings, (client.get("/")).timings
    assert first.total is not None
    assert first != second
    assert answer._moments is None
