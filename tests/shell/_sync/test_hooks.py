# Generated from tests/shell/_async/test_hooks.py by scripts/unasync.py; change that file instead.
"""Hooks: in which order they run, what they may return, and what becomes of the connection."""

from __future__ import annotations

from typing import Any

import pytest

from fasthttp import SyncClient, ConnectError, HTTPStatusError, Request, Response
from tests.shell.hooks import shout, stamp
from tests.shell.server import HELLO, answering, response, serve


def test_hooks_run_in_order() -> None:
    """The client's hooks run before the call's, each seeing what the one before made."""
    order: list[str] = []

    def note(name: str) -> Any:
        def hook(request: Request) -> None:
            order.append(name)
            request.headers["X-Order"] = request.headers.get("x-order", "") + name

        return hook

    with serve(answering(HELLO)) as server:
        with SyncClient(hooks={"request": [note("a"), note("b")]}) as client:
            client.get(server.url, hooks={"request": note("c")})
            client.get(server.url)
    assert order == ["a", "b", "c", "a", "b"]
    assert [request.headers["x-order"] for request in server.requests] == ["abc", "ab"]


def test_async_hooks_work_in_either_colour() -> None:
    """An async request hook edits, an async response hook replaces; history and elapsed stay."""
    with serve(answering(response(b"", "Location: /b", status="302 Found"), response(b"loud"))) as server:
        with SyncClient(hooks={"request": stamp, "response": shout}) as client:
            r = client.get(f"{server.url}/a")
    assert r.content == b"LOUD"
    assert server.requests[0].headers["x-stamp"] == "stamped"
    assert [step.status_code for step in r.history] == [302]
    assert r.elapsed.total_seconds() > 0
    assert r.url == f"{server.url}/b"


def test_a_request_hook_may_replace_the_request() -> None:
    """A request that a hook returns is sent in place of the first, with the client's defaults."""
    with serve(answering(HELLO)) as server:
        with SyncClient(server.url) as client:
            client.get("/a", hooks={"request": lambda request: Request("POST", "/b", content=b"x")})
    assert (server.requests[0].method, server.requests[0].target, server.requests[0].body) == ("POST", "/b", b"x")
    assert "user-agent" in server.requests[0].headers


def test_response_hooks_see_the_final_response_once() -> None:
    """Response hooks run after reading, not for history; raise_for_status makes a good one."""
    seen: list[bytes] = []
    with serve(answering(response(b"", "Location: /b", status="302 Found"), response(b"end"), response(b"", status="500 Oops"))) as server:
        with SyncClient(hooks={"response": lambda r: seen.append(r.content)}) as client:
            client.get(server.url)
            with pytest.raises(HTTPStatusError, match="HTTP 500 Oops for GET"):
                client.get(server.url, hooks={"response": lambda r: r.raise_for_status() and None})
            assert client.pool_stats().idle == 1
    assert seen == [b"end", b""]


def test_error_hooks_recover_or_let_go() -> None:
    """An error hook that returns a response recovers, one that returns None lets the same error out."""
    seen: list[BaseException] = []

    def note(error: BaseException, request: Request) -> None:
        seen.append(error)

    def fallback(error: BaseException, request: Request) -> Response:
        return Response(503, {"X-From": "cache"}, b"{}", request=request)

    with SyncClient() as client:
        with pytest.raises(ConnectError) as caught:
            client.get("http://127.0.0.1:1/", hooks={"error": note})
        assert seen == [caught.value]
        r = client.get("http://127.0.0.1:1/", hooks={"error": [note, fallback]})
    assert (r.status_code, r.headers["x-from"], r.json()) == (503, "cache", {})


@pytest.mark.parametrize("event", ["request", "response"])
def test_wrong_returns_are_named(event: str) -> None:
    """A hook that returns something else is a TypeError naming hook and type."""

    def wrong(value: Any) -> int:
        return 1

    with serve(answering(HELLO)) as server:
        with SyncClient() as client:
            with pytest.raises(TypeError, match=f"{event} hook .*wrong returned int"):
                client.get(server.url, hooks={event: wrong})
            assert client.pool_stats().in_use == 0


def test_exceptions_of_hooks_pass_unchanged() -> None:
    """What a hook raises reaches the caller as it is, and a stream is closed."""

    def broken(value: Any) -> None:
        raise KeyError("mine")

    with serve(answering(response(b"x" * 100_000))) as server:
        with SyncClient() as client:
            for event in ("request", "response"):
                with pytest.raises(KeyError, match="mine"):
                    client.get(server.url, hooks={event: broken}, stream=True)
            assert client.pool_stats().in_use == 0


def test_unknown_events_are_refused() -> None:
    """A hook for an event that does not exist is a ValueError when it is given."""
    with pytest.raises(ValueError, match="'respons'"):
        SyncClient(hooks={"respons": print})
    with SyncClient() as client:
        with pytest.raises(ValueError, match="'errors'"):
            client.get("http://127.0.0.1:1/", hooks={"errors": print})
