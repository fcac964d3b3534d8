# Generated from tests/shell/_async/test_redirects.py by scripts/unasync.py; change that file instead.
"""Redirects: which are followed, with what, and where they end."""

from __future__ import annotations

import pytest

from fasthttp import (
    SyncClient,
    BodyNotReplayable,
    RedirectBlockedError,
    RemoteProtocolError,
    Request,
    TooManyRedirects,
    UnsupportedScheme,
)
from tests.shell.server import HELLO, Peer, answering, response, serve


def redirect(location: str, status: int = 302, body: bytes = b"") -> bytes:
    return response(body, f"Location: {location}", status=f"{status} Redirect")


@pytest.mark.parametrize(
    ("status", "method", "expected"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (301, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "PATCH", "PATCH"),
    ],
)
def test_methods(status: int, method: str, expected: str) -> None:
    """Each status keeps or changes the method as the standard says; a dropped body takes its headers along."""
    content = None if method == "HEAD" else b"body"
    with serve(answering(redirect("/next", status), response())) as server:
        with SyncClient() as client:
            r = client.request(method, f"{server.url}/a", content=content, headers={"Content-Type": "text/x"} if content else None)
    first, second = server.requests
    assert (first.method, second.method, second.target) == (method, expected, "/next")
    kept = content is not None and expected == method
    assert second.body == (content if kept else b"")
    assert ("content-type" in second.headers) == kept
    assert [step.status_code for step in r.history] == [status]
    assert r.url == f"{server.url}/next"
    assert server.connections == 1


def test_secrets_stay_behind() -> None:
    """To another origin go no Authorization, Cookie, API key or sensitive header, and Host is the new one."""
    secrets = {"Authorization": "Bearer x", "Cookie": "a=b", "X-API-Key": "k", "X-Mine": "m", "X-Plain": "p"}
    with serve(answering(HELLO)) as other, serve(answering(redirect(f"{other.url}/b"))) as server:
        with SyncClient(sensitive_headers=["x-mine"]) as client:
            client.get(f"{server.url}/a", headers=secrets)
    assert server.requests[0].headers["authorization"] == "Bearer x"
    received = other.requests[0].headers
    assert not {"authorization", "cookie", "x-api-key", "x-mine"} & received.keys()
    assert (received["x-plain"], received["host"]) == ("p", f"127.0.0.1:{other.port}")


def test_secrets_do_not_come_back() -> None:
    """A chain that returns to the first origin does not get its secrets back."""

    def handler(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            peer.send(redirect(f"{other.url}/b") if request.target == "/a" else HELLO)

    with serve(handler) as server, serve(answering(b"")) as other:
        other._handler = answering(redirect(f"{server.url}/c"))
        with SyncClient() as client:
            r = client.get(f"{server.url}/a", headers={"Authorization": "Bearer x"})
    assert [request.target for request in server.requests] == ["/a", "/c"]
    assert "authorization" not in server.requests[1].headers
    assert len(r.history) == 2


def test_same_origin_keeps_them() -> None:
    """A redirect within the origin keeps Authorization."""
    with serve(answering(redirect("/b"), HELLO)) as server:
        with SyncClient() as client:
            client.get(f"{server.url}/a", headers={"Authorization": "Bearer x"})
    assert server.requests[1].headers["authorization"] == "Bearer x"


def test_not_followed() -> None:
    """follow_redirects=False gives the 3xx with the next request prepared; sending that goes on."""
    with serve(answering(redirect("/next", 307), HELLO)) as server:
        with SyncClient() as client:
            r = client.post(f"{server.url}/a", content=b"x", follow_redirects=False)
            assert (r.status_code, r.is_redirect) == (307, True)
            assert r.next_request is not None
            assert (r.next_request.method, r.next_request.url) == ("POST", f"{server.url}/next")
            assert (client.send(r.next_request)).json() == {"hello": "world"}
    assert [request.body for request in server.requests] == [b"x", b"x"]


def test_a_loop_ends() -> None:
    """One redirect more than allowed is TooManyRedirects with the last response and the history; connection kept."""
    with serve(answering(redirect("/again", body=b"moved"))) as server:
        with SyncClient(max_redirects=3) as client:
            with pytest.raises(TooManyRedirects, match="more than 3") as caught:
                client.get(server.url)
            assert client.pool_stats().idle == 1
    assert len(server.requests) == 4
    assert len(caught.value.history) == 4
    assert isinstance(caught.value, RedirectBlockedError)
    assert caught.value.response is not None
    assert caught.value.response.status_code == 302


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("ftp://h.test/", UnsupportedScheme),
        ("javascript:alert(1)", UnsupportedScheme),
        ("http://h.test:99999/", RemoteProtocolError),
        ("http://", RemoteProtocolError),
    ],
)
def test_bad_locations(location: str, error: type[Exception]) -> None:
    """A Location that cannot be followed is an error, and nothing is sent there."""
    with serve(answering(redirect(location))) as server:
        with SyncClient() as client:
            with pytest.raises(error):
                client.get(server.url)
            assert (client.get(server.url, follow_redirects=False)).status_code == 302
    assert len(server.requests) == 2


def test_user_info_in_a_location_is_ignored() -> None:
    """Credentials in a Location are neither used nor shown."""
    with serve(answering(b"")) as server:
        server._handler = answering(redirect(f"http://ann:pw@127.0.0.1:{server.port}/b"), HELLO)
        with SyncClient() as client:
            r = client.get(server.url)
    assert r.url == f"{server.url}/b"
    assert "authorization" not in server.requests[1].headers


def test_fragments_carry_over() -> None:
    """The fragment asked for stays unless the target has its own, and is never sent."""
    with serve(answering(redirect("/b"), HELLO, redirect("/c#theirs"), HELLO)) as server:
        with SyncClient() as client:
            assert (client.get(f"{server.url}/a#mine")).url.endswith("/b#mine")
            assert (client.get(f"{server.url}/a#mine")).url.endswith("/c#theirs")
    assert [request.target for request in server.requests] == ["/a", "/b", "/a", "/c"]


def test_a_spent_body_is_not_sent_empty() -> None:
    """A 307 for a generator body is BodyNotReplayable with the response that asked for it."""
    with serve(answering(redirect("/b", 307))) as server:
        with SyncClient() as client:
            with pytest.raises(BodyNotReplayable) as caught:
                client.post(server.url, content=(piece for piece in (b"a", b"b")))
            assert client.pool_stats().idle == 1
    assert caught.value.response is not None
    assert caught.value.response.status_code == 307
    assert len(server.requests) == 1


def test_streams_follow_too() -> None:
    """A streamed call follows redirects and streams only the last response."""
    with serve(answering(redirect("/b", body=b"moved here"), HELLO)) as server:
        with SyncClient() as client, client.stream("GET", server.url) as r:
            assert not r.is_buffered
            assert b"".join([piece for piece in r.iter_bytes()]) == b'{"hello":"world"}'
            assert [step.content for step in r.history] == [b"moved here"]
    assert server.connections == 1


def test_a_long_redirect_body_costs_its_connection() -> None:
    """A redirect with an endless body is followed on another connection."""
    with serve(answering(redirect("/b", body=b"x" * 1_000_000), HELLO)) as server:
        with SyncClient() as client:
            assert (client.get(server.url)).json() == {"hello": "world"}
    assert server.connections == 2


def test_the_callers_request_is_not_changed() -> None:
    """A Request that was redirected is as it was."""
    with serve(answering(redirect("/b", 303), HELLO)) as server:
        with SyncClient() as client:
            request = Request("POST", f"{server.url}/a", content=b"x", headers={"X": "1"})
            client.send(request)
    assert (request.method, request.url, dict(request.headers)) == ("POST", f"{server.url}/a", {"x": "1"})
