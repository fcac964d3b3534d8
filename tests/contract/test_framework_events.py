"""Server-sent events out of responses and operations: their bytes, their order, comments in silence, and the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from FasterAPI import EventSourceResponse, Faster, ServerSentEvent, TestClient
from FasterAPI.sse import format_sse_event

SCOPE: dict[str, Any] = {
    "type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], "root_path": "", "http_version": "1.1",
    "scheme": "http", "server": ("x", 80), "client": ("c", 1),
}  # fmt: skip


def app_of(operation: Any, **options: Any) -> Faster:
    app = Faster(openapi_url=None)
    app.get("/", **options)(operation)
    return app


def test_a_response_takes_events_values_text_and_bytes() -> None:
    """Of iterators of either kind; values are JSON, text is data, bytes are on the wire already."""

    async def asynchronous() -> AsyncIterator[Any]:
        yield ServerSentEvent(data={"a": 1}, event="tick", id="7", retry=500)
        yield {"b": 2}
        yield "two\nlines"
        yield format_sse_event(comment="as it is")

    def blocking() -> Iterator[Any]:
        yield from [ServerSentEvent(raw_data="x"), [1]]

    with TestClient(app_of(lambda: EventSourceResponse(asynchronous(), 201, {"x-a": "1"}))) as client:
        answer = client.get("/")
    assert answer.text == 'event: tick\ndata: {"a": 1}\nid: 7\nretry: 500\n\ndata: {"b": 2}\n\ndata: two\ndata: lines\n\n: as it is\n\n'
    headers = [answer.headers[name] for name in ("content-type", "cache-control", "x-accel-buffering", "x-a")]
    assert (answer.status_code, headers) == (201, ["text/event-stream; charset=utf-8", "no-cache", "no", "1"])
    assert TestClient(app_of(lambda: EventSourceResponse(blocking()))).get("/").text == "data: x\n\ndata: [1]\n\n"


@pytest.mark.parametrize("method", ["get", "post", "put"])
def test_any_method_may_answer_with_events(method: str) -> None:
    """Queries come with bodies."""
    app = Faster(openapi_url=None)
    app.api_route("/", methods=[method.upper()])(lambda: EventSourceResponse(iter(["x"])))
    assert getattr(TestClient(app), method)("/").text == "data: x\n\n"


def test_silence_is_filled_with_comments() -> None:
    """Each interval has one, until the next event, which is not lost by it; None is never."""

    async def slow() -> AsyncIterator[str]:
        yield "first"
        await asyncio.sleep(0.35)
        yield "second"

    text = TestClient(app_of(lambda: EventSourceResponse(slow(), ping_interval=0.1))).get("/").text
    first, *pings, second, end = text.split("\n\n")
    assert (first, second, end) == ("data: first", "data: second", "")
    assert 1 <= len(pings) <= 3
    assert set(pings) == {": ping"}
    assert TestClient(app_of(lambda: EventSourceResponse(slow(), ping_interval=None))).get("/").text == "data: first\n\ndata: second\n\n"
    for wrong in (0, -1.0):
        with pytest.raises(ValueError, match="ping_interval must be a number of seconds above 0"):
            EventSourceResponse(slow(), ping_interval=wrong)


@pytest.mark.parametrize("kind", ["response", "operation", "blocking response", "blocking operation"])
def test_an_event_is_sent_before_the_next_one_is_made(kind: str) -> None:
    """Whatever `send` does: no item waits in a queue."""
    order: list[str] = []

    async def ticks() -> AsyncIterator[str]:
        for number in range(4):
            order.append(f"made {number}")
            yield str(number)

    def blocking() -> Iterator[str]:
        for number in range(4):
            order.append(f"made {number}")
            yield str(number)

    source = blocking if kind.startswith("blocking") else ticks
    if kind.endswith("operation"):
        app = app_of(source, response_class=EventSourceResponse)
    else:
        app = app_of(lambda: EventSourceResponse(source()))

    async def run() -> None:
        gone = asyncio.Event()

        async def receive() -> Any:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            body = message.get("body", b"").strip()
            if body:
                order.append(f"sent {body.strip(b'data: ').decode().strip(chr(34))}")
            if message["type"] == "http.response.body" and not message.get("more_body"):
                gone.set()

        await app({**SCOPE}, receive, send)

    asyncio.run(run())
    assert order == [f"{what} {number}" for number in range(4) for what in ("made", "sent")]


def test_a_generator_is_closed_when_the_client_is_gone() -> None:
    """Its `finally` runs, though it waits for something that never comes."""
    closed: list[str] = []

    async def endless() -> AsyncIterator[str]:
        try:
            yield "x"
            await asyncio.sleep(3600)
        finally:
            closed.append("closed")

    async def run() -> None:
        begun = asyncio.Event()

        async def receive() -> Any:
            await begun.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message.get("body"):
                begun.set()

        await app_of(lambda: EventSourceResponse(endless()))({**SCOPE}, receive, send)

    asyncio.run(asyncio.wait_for(run(), 20))
    assert closed == ["closed"]


def test_an_exception_in_the_middle_ends_the_stream() -> None:
    """Nothing is appended, and the server is told."""

    async def failing() -> AsyncIterator[str]:
        yield "x"
        raise LookupError("in the middle")

    async def run() -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            await asyncio.sleep(3600)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], "root_path": "", "http_version": "1.1"}
        with pytest.raises(BaseException) as caught:
            await app_of(lambda: EventSourceResponse(failing()))(
                {**scope, "scheme": "http", "server": ("x", 80), "client": ("c", 1), "asgi": {"spec_version": "2.4"}}, receive, send
            )
        assert "in the middle" in repr(caught.value)
        return sent

    bodies = [message["body"] for message in asyncio.run(asyncio.wait_for(run(), 20)) if message["type"] == "http.response.body"]
    assert b"".join(bodies) == b"data: x\n\n"
