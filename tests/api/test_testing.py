"""The tools for tests: everything that a mock serves, and that a request without an answer is swallowed nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from fasthttp import AsyncSession, FastHTTP, RetryMiddleware, SSEEvent
from fasthttp.client import Client, Response
from fasthttp.routing import Route
from fasthttp.testing import Cassette, MockResponse, MockTransport, UnmatchedRequestError

EVENTS = b"id: 1\ndata: one\n\nid: 2\ndata: two\n\n"


def declared() -> MockTransport:
    mock = MockTransport()
    mock.get("https://iot.test/lamp", json={"on": True})
    mock.post("https://iot.test/graphql", json={"data": {"lamp": 1}})
    mock.get("https://iot.test/events", content=EVENTS, headers={"Content-Type": "text/event-stream"})
    return mock


def test_a_mock_serves_routes_of_every_kind() -> None:
    """HTTP, GraphQL and events of one app, with no network and no guard, for local names too."""
    mock = declared()
    mock.get("http://localhost:9/x", text="local")
    app = FastHTTP(transport=mock, log="off")
    seen: list[str] = []

    @app.get("https://iot.test/lamp")
    def lamp(resp: Response) -> Any:
        return resp.json()["on"]

    @app.get("http://localhost:9/x")
    def local(resp: Response) -> Any:
        return str(resp.text)

    @app.graphql("https://iot.test/graphql")
    def ask() -> str:
        return "{ lamp }"

    @app.sse("https://iot.test/events")
    def events(event: SSEEvent) -> None:
        seen.append(event.data)

    result = app.run()
    assert [one.value for one in result.values()] == [True, "local", {"lamp": 1}, 2]
    assert seen == ["one", "two"]
    assert mock.unused == []
    assert mock.unmatched == []
    assert mock.calls[[call.method for call in mock.calls].index("POST")].json() == {"query": "{ lamp }"}
    mock.assert_called("GET", "/lamp", times=1)


def test_a_mock_serves_sessions_and_clients() -> None:
    """Calls, streams and events, in both colours."""
    mock = declared()
    with Client(transport=mock) as client:
        assert client.get("https://iot.test/lamp").json() == {"on": True}
        with client.sse("https://iot.test/events") as events:
            assert [event.id for event in events] == ["1", "2"]

    async def run() -> None:
        async with AsyncSession(transport=mock) as session, Client(transport=mock) as client:
            found = await session.get("https://iot.test/lamp")
            assert found is not None
            assert found.json() == {"on": True}
            async with session.stream("GET", "https://iot.test/lamp") as response:
                assert await response.aread() == b'{"on":true}'
            async with client.sse("https://iot.test/events") as events:
                assert [event.data async for event in events] == ["one", "two"]

    asyncio.run(run())
    mock.assert_called("GET", "/events", times=2)


def app_with(option: str) -> FastHTTP:
    app = FastHTTP(transport=MockTransport(), log="off", middleware=RetryMiddleware() if option == "retry" else None)
    if option == "sse":
        app.sse("https://a.test/x")(print)
    elif option == "graphql":
        app.graphql("https://a.test/x")(lambda: "{ a }")
    else:
        app.get("https://a.test/x", name="x")(print)
    if option == "handler":
        app.exception_handler(Exception)(lambda route, error: "put right")
    if option == "hook":
        app.on_error(lambda error, route: None)
    return app


@pytest.mark.parametrize("option", ["plain", "sse", "graphql", "retry", "handler", "hook"])
def test_a_run_raises_for_a_request_without_an_answer(option: str) -> None:
    """Whatever the kind of the route, and whoever would have made a value of the failure."""
    app = app_with(option)
    with pytest.raises(UnmatchedRequestError, match=r"no answer for (GET|POST) https://a\.test/x; registered: nothing"):
        app.run()
    assert isinstance(app.transport, MockTransport)
    assert len(app.transport.calls) == 1
    assert len(app.transport.unmatched) == 1


def test_a_stream_of_results_raises_too() -> None:
    """Instead of giving a result with the error in it."""

    async def run(app: FastHTTP, **options: Any) -> None:
        with pytest.raises(UnmatchedRequestError):
            async for _ in app.stream(**options):
                pass

    asyncio.run(run(app_with("plain")))
    asyncio.run(run(FastHTTP(transport=MockTransport(), log="off"), routes=[Route("GET", "https://a.test/x")]))


def test_sessions_and_clients_raise_too() -> None:
    """`None`, `last_error` and `attempt()` are for failures, not for mistakes of the test."""

    async def run() -> None:
        async with AsyncSession(transport=MockTransport()) as session, Client(transport=MockTransport()) as client:
            calls: list[Callable[..., Any]] = [session.get, client.get]
            for call in calls:
                with pytest.raises(UnmatchedRequestError):
                    await call("https://a.test/x")
            with pytest.raises(UnmatchedRequestError):
                await session.attempt("GET", "https://a.test/x")
            with pytest.raises(UnmatchedRequestError):
                async with session.stream("GET", "https://a.test/x"):
                    pass

    asyncio.run(run())
    with Client(transport=MockTransport()) as client, pytest.raises(UnmatchedRequestError):
        client.get("https://a.test/x")


def test_unused_routes_are_listed() -> None:
    """In the order of declaration, until they have answered once."""
    mock = MockTransport({"POST /a": 200, "/b": 200}).get("/c", MockResponse(204), times=2)
    assert mock.unused == ["POST /a", "* /b", "GET /c"]
    with Client(transport=mock, base_url="https://a.test") as client:
        client.get("/c")
    assert mock.unused == ["POST /a", "* /b"]


def test_cassettes_come_later() -> None:
    """The name is there, and says so."""
    with pytest.raises(NotImplementedError, match="Cassette"):
        Cassette("tape.json")
