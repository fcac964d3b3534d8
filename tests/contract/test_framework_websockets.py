"""WebSockets: routes, parameters, dependencies, refusals, closes, and the test client's sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from starlette.websockets import WebSocketDisconnect

from FasterAPI import APIRouter, Depends, Faster, Header, HTTPException, PlainTextResponse, Query, TestClient, WebSocket, WebSocketException
from FasterAPI.testclient import WebSocketDenialResponse
from FasterAPI.websockets import WebSocketMessageError


def exchange(app: Any, path: str, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """What an application sends to one WebSocket."""
    waiting: list[dict[str, Any]] = [{"type": "websocket.connect"}, *messages]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0) if waiting else {"type": "websocket.disconnect", "code": 1001}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": path, "query_string": b"", "headers": [], "subprotocols": []}
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 10))
    return sent


def serving(operation: Any, path: str = "/ws", **options: Any) -> Faster:
    app = Faster(openapi_url=None)
    app.websocket(path, **options)(operation)
    return app


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text.upper())


def test_messages_go_both_ways() -> None:
    """Text, bytes and JSON, which is compact; the first message is the client's own."""

    async def all_kinds(websocket: WebSocket) -> None:
        await websocket.accept("chat", headers=[(b"x-a", b"1")])
        await websocket.send_text(await websocket.receive_text() + "!")
        await websocket.send_bytes(await websocket.receive_bytes() + b"!")
        await websocket.send_json({"got": await websocket.receive_json()})
        await websocket.send_json(await websocket.receive_json(mode="binary"), mode="binary")
        await websocket.close(4000, "done")

    with TestClient(serving(all_kinds)) as client, client.websocket_connect("/ws", subprotocols=["x", "chat"]) as session:
        assert (session.accepted_subprotocol, session.extra_headers) == ("chat", [(b"x-a", b"1")])
        session.send_text("a")
        session.send_bytes(b"b")
        session.send_json({"c": 1})
        session.send_json([2], mode="binary")
        assert session.receive_text() == "a!"
        assert session.receive_bytes() == b"b!"
        assert session.receive()["text"] == '{"got":{"c":1}}'
        assert session.receive_json(mode="binary") == [2]
        with pytest.raises(WebSocketDisconnect) as caught:
            session.receive_text()
        assert (caught.value.code, caught.value.reason) == (4000, "done")


def test_an_iterator_ends_with_the_connection() -> None:
    """Without an error."""
    sent = exchange(serving(echo), "/ws", {"type": "websocket.receive", "text": "a"})
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send"]
    assert sent[1]["text"] == "A"


def test_parameters_and_dependencies_are_those_of_operations() -> None:
    """Of path, query and headers; exits come when the connection has ended; levels above add their own."""
    events: list[str] = []

    async def resource(q: Annotated[int, Query()]) -> AsyncIterator[int]:
        events.append("+resource")
        yield q
        events.append("-resource")

    app = Faster(dependencies=[Depends(lambda: events.append("app"))])
    router = APIRouter(prefix="/rooms", dependencies=[Depends(lambda: events.append("router"))])

    @router.websocket("/{room:int}", name="room", dependencies=[Depends(lambda: events.append("route"))])
    async def room(
        websocket: WebSocket, room: int, r: Annotated[int, Depends(resource)], x_a: Annotated[str, Header()], since: int = 3
    ) -> None:
        await websocket.accept()
        await websocket.send_json([room, r, x_a, since])
        events.append("sent")

    app.include_router(router, dependencies=[Depends(lambda: events.append("include"))])
    with TestClient(app) as client, client.websocket_connect("/rooms/7?q=5", headers={"x-a": "h"}, params={"since": 9}) as session:
        assert session.receive_json() == [7, 5, "h", 9]
    assert events == ["app", "include", "router", "route", "+resource", "sent", "-resource"]
    assert app.url_path_for("room", room=1) == "/rooms/1"


def test_an_unknown_path_is_refused() -> None:
    """Also one that only HTTP has, and one that misses by its last slash."""
    app = serving(echo)
    app.get("/http")(lambda: 1)
    for path in ("/nowhere", "/http", "/ws/"):
        assert [message["type"] for message in exchange(app, path)] == ["websocket.close"]


def test_faults_of_the_handshake_close_it() -> None:
    """With the code for a policy that was violated, before anything was accepted."""

    async def typed(websocket: WebSocket, number: int) -> None:
        await websocket.accept()

    app = serving(typed, "/ws/{number}")
    [message] = exchange(app, "/ws/x")
    assert (message["type"], message["code"]) == ("websocket.close", 1008)
    with TestClient(app) as client, pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/ws/x"):
        pass
    assert caught.value.code == 1008


def test_exceptions_close_with_their_code() -> None:
    """Or with an answer to the handshake; handlers may do otherwise; others reach the server."""

    class Own(Exception):
        pass

    async def failing(websocket: WebSocket, kind: str) -> None:
        if kind == "code":
            raise WebSocketException(4001, "no")
        if kind == "http":
            raise HTTPException(401, "who?", headers={"x-a": "1"})
        raise Own if kind == "own" else LookupError(kind)

    app = serving(failing, "/ws/{kind}")

    @app.exception_handler(Own)
    async def handler(websocket: WebSocket, exc: Own) -> None:
        await websocket.close(4002, "handled")

    [message] = exchange(app, "/ws/code")
    assert (message["type"], message["code"], message["reason"]) == ("websocket.close", 4001, "no")
    assert exchange(app, "/ws/own")[0]["code"] == 4002
    with TestClient(app) as client:
        with pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/ws/http"):
            pass
        denial: Any = caught.value
        assert (denial.status_code, denial.headers["x-a"], denial.json()) == (401, "1", {"detail": "who?"})
        with pytest.raises(LookupError, match="odd"), client.websocket_connect("/ws/odd"):
            pass


def test_a_denial_is_a_response() -> None:
    """That the operation may send instead of accepting."""

    async def denying(websocket: WebSocket) -> None:
        await websocket.send_denial_response(PlainTextResponse("busy", 503))

    with TestClient(serving(denying)) as client, pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/ws"):
        pass
    assert isinstance(caught.value, WebSocketDenialResponse) or type(caught.value).__name__ == "WebSocketDenialResponse"
    denial: Any = caught.value
    assert (denial.status_code, denial.content) == (503, b"busy")


def test_wrong_order_is_an_error() -> None:
    """Sending before accepting, accepting twice, sending after closing, receiving after the end."""

    async def misusing(websocket: WebSocket) -> None:
        with pytest.raises(RuntimeError):
            await websocket.send_text("early")
        await websocket.accept()
        with pytest.raises(RuntimeError):
            await websocket.accept()
        with pytest.raises(WebSocketDisconnect) as caught:
            await websocket.receive_text()
        assert caught.value.code == 1001
        with pytest.raises(RuntimeError):
            await websocket.receive_text()

    exchange(serving(misusing), "/ws")


def test_raw_routes_and_stray_endings() -> None:
    """A function of a WebSocket without parameters, on applications and routers; the native order of arguments."""
    app = Faster()

    @app.websocket_route("/raw")
    async def raw(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json([websocket.url.path, dict(websocket.query_params), websocket.headers.get("x-a")])
        await websocket.close()

    app.add_websocket_route("/added", raw)
    app.add_api_websocket_route("/operation", raw)
    with TestClient(app) as client:
        for path in ("/raw", "/added", "/operation"):
            with client.websocket_connect(path, {"x-a": "1"}, "q=2") as session:
                assert session.receive_json() == [path, {"q": "2"}, "1"]
                with pytest.raises(WebSocketDisconnect):
                    session.receive_text()


def test_a_session_sends_the_cookies_of_the_client() -> None:
    """And its own."""

    async def jar(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_json(websocket.cookies)

    with TestClient(serving(jar), cookies={"a": "1"}) as client, client.websocket_connect("/ws", cookies={"b": "2"}) as session:
        assert session.receive_json() == {"a": "1", "b": "2"}


# --- kinds, closes, origins


def received(operation: Any, *messages: dict[str, Any]) -> Any:
    """What an operation made of one message, and what the application sent."""
    found: list[Any] = []

    async def serve(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            found.append(await operation(websocket))
        except Exception as exc:
            found.append(exc)
        found.append(await websocket.receive_text())

    sent = exchange(serving(serve), "/ws", *messages, {"type": "websocket.receive", "text": "after"})
    assert found[1] == "after", "the connection could be used"
    assert sent[-1]["type"] == "websocket.close"
    return found[0]


@pytest.mark.parametrize("missing", [{}, {"text": None}, {"bytes": None}])
def test_a_message_of_the_other_kind_is_an_error(missing: dict[str, None]) -> None:
    """Never the text "None"; servers leave the other member out, or set it to None."""
    binary = {"type": "websocket.receive", "bytes": b"x", **({} if "bytes" in missing else missing)}
    text = {"type": "websocket.receive", "text": "x", **({} if "text" in missing else missing)}
    for operation, message, words in (
        (WebSocket.receive_text, binary, "expected a message of text, got bytes"),
        (WebSocket.receive_json, binary, "expected a message of text, got bytes"),
        (WebSocket.receive_bytes, text, "expected a message of bytes, got text"),
    ):
        error = received(operation, message)
        assert isinstance(error, WebSocketMessageError)
        assert isinstance(error, KeyError)
        assert str(error) == words
    assert received(WebSocket.receive_bytes, binary) == b"x"
    assert received(WebSocket.receive_text, text) == "x"


def test_json_comes_as_text_or_binary() -> None:
    """What is no JSON is a `ValueError`, and another mode a `RuntimeError`."""
    assert received(WebSocket.receive_json, {"type": "websocket.receive", "text": "[1]"}) == [1]
    assert received(lambda ws: ws.receive_json(mode="binary"), {"type": "websocket.receive", "bytes": b"[1]"}) == [1]
    assert isinstance(received(WebSocket.receive_json, {"type": "websocket.receive", "text": "["}), ValueError)
    assert isinstance(received(lambda ws: ws.receive_json(mode="odd")), RuntimeError)


def test_an_operation_that_returns_ends_the_connection() -> None:
    """1000 where it was accepted; a handshake that nobody accepted is refused. Closing twice is once."""

    async def silent(websocket: WebSocket) -> None:
        pass

    async def accepting(websocket: WebSocket) -> None:
        await websocket.accept()

    async def closing(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close(3000, "done")
        await websocket.close()

    assert [message["type"] for message in exchange(serving(silent), "/ws")] == ["websocket.close"]
    assert exchange(serving(accepting), "/ws")[1:] == [{"type": "websocket.close", "code": 1000, "reason": ""}]
    assert exchange(serving(closing), "/ws")[1:] == [{"type": "websocket.close", "code": 3000, "reason": "done"}]


@pytest.mark.parametrize(
    ("code", "reason"), [(999, None), (1004, None), (1005, None), (1006, None), (1015, None), (2999, None), (5000, None), (1000, "é" * 62)]
)
def test_a_close_that_cannot_be_sent_is_an_error(code: int, reason: str | None) -> None:
    """By its code, or by a reason that no control frame can hold; nothing has been sent then."""

    async def closing(websocket: WebSocket) -> None:
        await websocket.accept()
        with pytest.raises(ValueError, match=r"cannot be sent as a close code|must not be longer than 123 bytes"):
            await websocket.close(code, reason)
        await websocket.close(4999, "é" * 61)

    assert exchange(serving(closing), "/ws")[1:] == [{"type": "websocket.close", "code": 4999, "reason": "é" * 61}]


def test_the_origin_of_a_handshake_can_be_judged() -> None:
    """Without regard to case; any by a star, but for "null"; a client that names none is not a page that is known."""

    async def judging(websocket: WebSocket, allowed: Annotated[list[str], Query()] = []) -> None:  # noqa: B006
        await websocket.accept()
        await websocket.send_json([websocket.origin_allowed(*allowed), websocket.path])

    app = serving(judging)
    cases: list[tuple[str | None, list[str], bool]] = [
        ("https://Shop.test", ["https://shop.TEST"], True), ("https://shop.test:444", ["https://shop.test"], False),
        ("http://shop.test", ["https://shop.test"], False), ("https://a.test", ["*"], True), ("null", ["*"], False),
        ("null", ["null"], True), (None, ["*"], False), (None, [""], False), ("https://a.test", [], False),
    ]  # fmt: skip
    with TestClient(app) as client:
        for origin, allowed, expected in cases:
            query = "&".join(f"allowed={name}" for name in allowed)
            headers = {} if origin is None else {"origin": origin}
            with client.websocket_connect(f"/ws?{query}", headers=headers) as session:
                assert session.receive_json() == [expected, "/ws"], (origin, allowed)
