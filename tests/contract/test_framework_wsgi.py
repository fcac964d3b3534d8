"""Applications of WSGI's inside of ours: their environment, and that both bodies are streams."""

from __future__ import annotations

import asyncio
import sys
import threading
import warnings
from typing import Any
from wsgiref.validate import validator

import pytest

from FasterAPI import Faster, TestClient
from FasterAPI.middleware.wsgi import WSGIMiddleware
from tests.contract.raw_asgi import body_of, exchange, headers_of, status_of

SHOWN = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL", "REMOTE_ADDR")


def echo(environ: Any, start_response: Any) -> Any:
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("201 Made", [("Content-Type", "text/plain"), ("X-Body", body.decode("latin-1"))])
    return [repr([environ.get(name) for name in SHOWN]).encode(), b"", b"!"]


def test_mounted() -> None:
    """It sees its own part of the path, and the rest of the request; the standard library's checks find nothing wrong."""
    app = Faster()
    app.mount("/legacy", WSGIMiddleware(validator(echo)))
    with TestClient(app) as client:
        answer = client.post("/legacy/a%20ä?b=%20", content=b"hello")
    assert (answer.status_code, answer.headers["x-body"], answer.headers["content-type"]) == (201, "hello", "text/plain")
    path = "/a ä".encode().decode("latin-1")
    assert answer.text == f"{['POST', '/legacy', path, 'b=%20', 'testserver', '80', 'HTTP/1.1', 'testclient']!r}!"


def test_header_fields() -> None:
    """Are upper-case names; lines of one name are joined."""

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return [repr([environ[name] for name in ("CONTENT_TYPE", "HTTP_X_A", "HTTP_COOKIE")]).encode()]

    lines = [(b"content-type", b"a/b"), (b"x-a", b"1"), (b"cookie", b"a=1"), (b"x-a", b"2"), (b"cookie", b"b=2")]
    assert body_of(exchange(WSGIMiddleware(app), headers=lines)) == b"['a/b', '1,2', 'a=1; b=2']"


def test_items_are_sent_before_the_next_is_made() -> None:
    """From a thread, which waits for the client to take them; in the end the iterator is closed."""
    order: list[str] = []

    class Items:
        def __iter__(self) -> Any:
            for number in range(3):
                order.append(f"made {number}")
                assert threading.current_thread() is not threading.main_thread()
                yield b"%d" % number

        def close(self) -> None:
            order.append("closed")

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])(b"written")
        return Items()

    async def send(message: Any) -> None:
        await asyncio.sleep(0.01)
        order.append(f"sent {message.get('body', b'').decode()}")

    scope = {"type": "http", "method": "GET", "path": "/", "http_version": "1.1", "headers": []}
    asyncio.run(WSGIMiddleware(app)(scope, send, send))  # type: ignore[arg-type]
    assert order == ["sent ", "sent written", *(f"{what} {n}" for n in range(3) for what in ("made", "sent")), "sent ", "closed"]


def test_input_is_received_as_it_is_read() -> None:
    """By lines too; what comes later is not waited for."""

    def app(environ: Any, start_response: Any) -> Any:
        source = environ["wsgi.input"]
        start_response("200 OK", [("x-line", source.readline().decode().strip()), ("x-two", source.read(2).decode())])
        return [source.read(), b"|", source.read()]

    pieces = [b"first", b" line\nse", b"", b"cond", b" rest"]
    messages: list[Any] = [{"type": "http.request", "body": piece, "more_body": piece != b" rest"} for piece in pieces]
    sent = exchange(WSGIMiddleware(app), "POST", messages=messages)
    assert (headers_of(sent), body_of(sent)) == ({b"x-line": b"first line", b"x-two": b"se"}, b"cond rest|")

    def reading_one(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return [environ["wsgi.input"].read1(5)]

    assert (
        body_of(exchange(WSGIMiddleware(reading_one), "POST", messages=[{"type": "http.request", "body": b"early", "more_body": True}]))
        == b"early"
    )


def test_a_client_that_leaves_is_not_the_end_of_a_body() -> None:
    """The application's reading fails."""
    messages: list[Any] = [{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}]

    def app(environ: Any, start_response: Any) -> Any:
        return [environ["wsgi.input"].read()]

    with pytest.raises(ConnectionResetError, match="before the end of its body"):
        exchange(WSGIMiddleware(app), "POST", messages=messages)


def test_errors() -> None:
    """Are raised to whoever answers them; one that the application handles itself takes the place of its answer."""

    def broken(environ: Any, start_response: Any) -> Any:
        raise LookupError("a bug")

    def sorry(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("x-a", "1")])
        try:
            raise LookupError("a bug")
        except LookupError:
            start_response("500 Sorry", [("x-b", "2")], sys.exc_info())
        return [b"sorry"]

    def late(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"begun"
        try:
            raise LookupError("too late")
        except LookupError:
            start_response("500 Sorry", [], sys.exc_info())

    def twice(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        start_response("200 OK", [])

    with pytest.raises(LookupError, match="a bug"):
        exchange(WSGIMiddleware(broken))
    sent = exchange(WSGIMiddleware(sorry))
    assert (status_of(sent), headers_of(sent), body_of(sent)) == (500, {b"x-b": b"2"}, b"sorry")
    with pytest.raises(LookupError, match="too late"):
        exchange(WSGIMiddleware(late))
    with pytest.raises(RuntimeError, match="start_response was called twice"):
        exchange(WSGIMiddleware(twice))
    with pytest.raises(RuntimeError, match="has not called start_response"):
        exchange(WSGIMiddleware(lambda environ, start_response: [b"x"]))
    with pytest.raises(RuntimeError, match="speak HTTP only"):
        exchange(WSGIMiddleware(broken), type="websocket")


def test_it_answers_as_starlette_s_does() -> None:
    """The same status, fields and text for the same requests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from starlette.middleware.wsgi import WSGIMiddleware as StarletteWSGIMiddleware

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("X-A", "1"), ("Set-Cookie", "a=1"), ("x-path", environ["PATH_INFO"])])
        yield environ["wsgi.input"].read()
        yield environ["QUERY_STRING"].encode()

    for path, root in (("/", ""), ("/a/b", "/a"), ("/a", "/a"), ("/ab", "/a")):
        sents = [
            exchange(cls(app), "POST", path, root_path=root, query=b"q=1", messages=[{"type": "http.request", "body": b"body"}])
            for cls in (WSGIMiddleware, StarletteWSGIMiddleware)
        ]
        own, original = ((status_of(sent), headers_of(sent), body_of(sent)) for sent in sents)
        assert own == original
