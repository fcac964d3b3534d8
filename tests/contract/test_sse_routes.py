"""Streams of events as routes."""

from __future__ import annotations

from typing import Any

import pytest

from fasthttp.app import FastHTTP
from fasthttp.errors import HTTPStatusError, RemoteProtocolError
from fasthttp.middleware import BaseMiddleware
from fasthttp.models import Request
from fasthttp.sse import SSEEvent, StopStream
from fasthttp.transports import MockTransport
from fasthttp.transports.mock import MockResponse

TYPE = {"Content-Type": "text/event-stream"}


def events(text: str) -> MockResponse:
    return MockResponse(200, content=text.encode(), headers=TYPE)


def make(*answers: Any, **keywords: Any) -> tuple[FastHTTP, MockTransport]:
    left = iter(answers)
    mock = MockTransport(lambda request: next(left))
    mock.fast = True
    return FastHTTP("http://api.test", transport=mock, log="off", **keywords), mock


def test_events_are_handled_in_order_and_counted() -> None:
    """Lines of data are joined; the stream's end is the route's."""
    app, mock = make(events("id: 1\ndata: a\ndata: b\n\nevent: x\ndata: c\n\n"))
    seen: list[Any] = []

    @app.sse("/s", params={"q": 1})
    async def handle(event: SSEEvent) -> None:
        seen.append((event.id, event.event, event.data))

    result = app.run(tags="sse")[0]
    assert (result.value, result.ok, result.kind, result.status, result.attempts) == (2, True, "sse", 200, 1)
    assert seen == [("1", "message", "a\nb"), ("1", "x", "c")]
    sent = mock.calls[0]
    assert (sent.url, sent.headers["accept"], sent.headers["cache-control"]) == ("http://api.test/s?q=1", "text/event-stream", "no-store")


def test_a_dropped_stream_goes_on_after_its_last_event() -> None:
    """With its id, and the wait that the server asked for; `StopStream` ends it well."""
    app, mock = make(events("id: 7\nretry: 20\ndata: a\n\n"), events("data: stop\n\n"))

    @app.sse("/s", reconnect=True, max_retries=2, auth=("u", "p"))
    def handle(event: SSEEvent) -> None:
        if event.data == "stop":
            raise StopStream

    result = app.run()[0]
    assert (result.value, result.ok, result.attempts) == (2, True, 2)
    assert [call.headers.get("last-event-id") for call in mock.calls] == [None, "7"]
    assert all(call.headers["authorization"].startswith("Basic ") for call in mock.calls)


@pytest.mark.parametrize(("answer", "error", "status"), [(404, HTTPStatusError, 404), ({"a": 1}, RemoteProtocolError, 200)])
def test_answers_that_are_no_streams(answer: Any, error: type[Exception], status: int) -> None:
    """A status or another type is final, also with `reconnect`; 204 ends the route well."""
    app, mock = make(answer)
    app.sse("/s", reconnect=True, max_retries=3)(lambda event: None)
    result = app.run()[0]
    assert isinstance(result.error, error)
    assert (result.status, len(mock.calls)) == (status, 1)
    app, mock = make(204)
    app.sse("/s", reconnect=True, max_retries=3)(lambda event: None)
    assert (app.run()[0].value, app.run is not None) == (0, True)


def test_each_connection_passes_dependencies_hooks_and_middleware() -> None:
    """What they add is sent; the credentials and headers of the app too."""
    told: list[str] = []

    class Notes(BaseMiddleware):
        def request(self, method: str, url: str, kwargs: dict[str, Any]) -> None:
            kwargs["headers"]["X-Middleware"] = "1"

        def response(self, response: Any) -> None:
            told.append("middleware")

    app, mock = make(events("id: 1\ndata: a\n\n"), events("data: b\n\n"), middleware=Notes(), auth=("u", "p"), headers={"X-App": "1"})
    app.on_request(lambda route, config: told.append("request"))
    app.on_response(lambda response: told.append(f"response {response.status}"))

    @app.sse("/s", dependencies=[lambda: {"headers": {"X-Dep": "1"}}], reconnect=True, max_retries=1, headers={"X-Own": "1"})
    def handle(event: SSEEvent) -> None:
        if event.data == "b":
            raise StopStream

    assert app.run()[0].ok
    for call in mock.calls:
        assert all(call.headers[name] == "1" for name in ("x-middleware", "x-app", "x-dep", "x-own"))
        assert "authorization" in call.headers
    assert told == ["request", "middleware", "response 200", "middleware", "response 200"]


def test_a_handler_that_fails_ends_the_route() -> None:
    """With its own error and stage; what was handled before is not the value of a failure."""
    app, _ = make(events("data: a\n\n"))

    @app.sse("/s")
    def handle(event: SSEEvent) -> None:
        raise KeyError("mine")

    result = app.run()[0]
    assert (type(result.error), result.stage, result.value) == (KeyError, "handler", None)
    with pytest.warns(UserWarning, match="reconnect=True does nothing"):
        app.sse("/t", reconnect=True)(lambda event: None)


def test_a_silent_stream_ends_only_by_its_own_limit() -> None:
    """The limit of the app's requests is none of a stream's; one given for it is."""
    limits: list[Any] = []

    def note(request: Request) -> Any:
        limits.append((request.timeout.total, request.timeout.connect, request.timeout.read))
        return events("")

    app = FastHTTP("http://api.test", transport=MockTransport(note), log="off", concurrency=1)
    app.sse("/a")(lambda event: None)
    app.sse("/b", timeout=7)(lambda event: None)
    app.run()
    assert sorted(limits, key=str) == [(None, 10, None), (None, 7, 7)]
