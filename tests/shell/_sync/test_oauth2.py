# Generated from tests/shell/_async/test_oauth2.py by scripts/unasync.py; change that file instead.
"""Tokens fetched with client credentials: when, how, by whom they are sent, and what happens when there is none."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qs

import pytest

from fasthttp import (
    SyncClient,
    ConnectError,
    FastHTTPRequestError,
    MockTransport,
    OAuth2ClientCredentials,
    Request,
    ResponseTooLarge,
    RetryPolicy,
)
from fasthttp.testing import MockResponse
from tests.shell.server import Peer, response, serve

TOKEN_URL = "https://id.test/token?tenant=a"
SECRET = "s3cr:et &"


class Service:
    """An identity server and an API in one. `answers` are those of the token endpoint, the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers) or [{"access_token": "t", "token_type": "bearer", "expires_in": 3600}]
        self.asked: list[Request] = []  # for tokens
        self.called: list[Request] = []  # of the API
        self.refused: set[str] = set()
        self.transport = MockTransport(self.answer)
        self.time = 1000.0

    def answer(self, request: Request) -> Any:
        if request.host == "id.test":
            self.asked.append(request)
            answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
            if isinstance(answer, dict) and answer.get("access_token") == "t":
                answer = {**answer, "access_token": f"t{len(self.asked)}"}
            return answer
        self.called.append(request)
        return (401, "no") if self.token_of(request) in self.refused else {"ok": True}

    @staticmethod
    def token_of(request: Request) -> str:
        return str(request.headers.get("authorization", "")).removeprefix("Bearer ")

    @property
    def tokens(self) -> list[str]:
        return [self.token_of(request) for request in self.called]

    def auth(self, *arguments: Any, **keywords: Any) -> OAuth2ClientCredentials:
        auth = OAuth2ClientCredentials(TOKEN_URL, "me", SECRET, *arguments, **keywords)
        auth._now = lambda: self.time
        return auth


def form(request: Request) -> dict[str, list[str]]:
    assert request.content is not None
    return parse_qs(request.content.decode(), keep_blank_values=True)


def test_a_token_is_fetched_once() -> None:
    """The first request fetches a token and carries it, the others carry it too, in every client that shares the object."""
    service = Service()
    auth = service.auth(["read", "write"], {"audience": "api", "none": None})
    with SyncClient("http://api.test", auth=auth, transport=service.transport, headers={"X-API-Key": "k"}) as client:
        for _ in range(3):
            assert (client.get("/")).json() == {"ok": True}
    with SyncClient("http://api.test", auth=auth, transport=service.transport) as client:
        client.post("/", json=[1])
    assert service.tokens == ["t1"] * 4
    (asked,) = service.asked
    assert (asked.method, asked.url) == ("POST", TOKEN_URL)
    assert form(asked) == {
        "grant_type": ["client_credentials"],
        "scope": ["read write"],
        "audience": ["api"],
        "client_id": ["me"],
        "client_secret": [SECRET],
    }
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.headers["accept"] == "application/json"
    assert "user-agent" in asked.headers


def test_credentials_in_a_header() -> None:
    """With `auth_method="basic"` they are form-encoded in `Authorization`, and not in the body."""
    service = Service()
    with SyncClient("http://api.test", auth=service.auth("read", auth_method="basic"), transport=service.transport) as client:
        client.get("/")
    (asked,) = service.asked
    assert form(asked) == {"grant_type": ["client_credentials"], "scope": ["read"]}
    assert b64decode(asked.headers["authorization"].removeprefix("Basic ")) == b"me:s3cr%3Aet+%26"


def test_nothing_of_the_client_goes_to_the_token_endpoint() -> None:
    """Headers, parameters, hooks and cookies of the API are not for it; what it sets is kept for it."""
    service = Service()
    seen: list[Request] = []
    hooks = {"request": seen.append}
    keywords: Any = {"headers": {"X-API-Key": "k", "Authorization": "mine"}, "params": {"p": "1"}, "cookies": {"c": "1"}, "hooks": hooks}
    with SyncClient(None, transport=service.transport, **keywords) as client:
        client.get("http://api.test/", auth=service.auth())
    (asked,) = service.asked
    assert asked.url == TOKEN_URL
    assert {"x-api-key", "authorization", "cookie"}.isdisjoint(asked.headers)
    assert service.called[0].headers["cookie"] == "c=1"
    assert len(seen) == 1


def test_tokens_are_renewed_before_they_expire() -> None:
    """60 s before `expires_in` runs out the next request fetches another one; without `expires_in` none does."""
    service = Service({"access_token": "t", "expires_in": "120"}, {"access_token": "t"})
    with SyncClient("http://api.test", auth=service.auth(), transport=service.transport) as client:
        for time in (1000, 1059.9, 1060, 99999):
            service.time = time
            client.get("/")
    assert service.tokens == ["t1", "t1", "t2", "t2"]


@pytest.mark.parametrize("seconds", [0, -5, 30, 60])
def test_tokens_that_expire_at_once(seconds: int) -> None:
    """A token with no time left before its renewal serves the request that fetched it."""
    service = Service({"access_token": "t", "expires_in": seconds})
    with SyncClient("http://api.test", auth=service.auth(), transport=service.transport) as client:
        client.get("/")
        client.get("/")
    assert service.tokens == ["t1", "t2"]


@pytest.mark.parametrize("seconds", ["soon", None, [], float("nan")])
def test_times_that_are_none(seconds: Any) -> None:
    """A server that gives no usable time is taken to say nothing."""
    service = Service((200, json.dumps({"access_token": "x", "expires_in": seconds}).replace("NaN", '"nan"')))
    with SyncClient("http://api.test", auth=service.auth(), transport=service.transport) as client:
        client.get("/")
        service.time = 1e9
        client.get("/")
    assert service.tokens == ["x", "x"]


def test_a_refused_token_is_replaced_once() -> None:
    """A 401 of the API discards the token, and the request is sent again with a new one; a second 401 is the answer."""
    service = Service()
    service.refused = {"t1"}
    with SyncClient("http://api.test", auth=service.auth(), transport=service.transport) as client:
        r = client.get("/")
        assert (r.status_code, [old.status_code for old in r.history]) == (200, [401])
        assert service.tokens == ["t1", "t2"]
        service.refused = {"t2", "t3"}
        assert (client.post("/", json={"a": 1})).status_code == 401
        assert service.tokens == ["t1", "t2", "t2", "t3"]
        assert service.called[-1].content == b'{"a":1}'
    assert len(service.asked) == 3


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((401, {"error": "invalid_client", "error_description": "x"}), "401 invalid_client"),
        ((400, {"error": "not a code: secret"}), "400"),
        ((400, ["invalid_client"]), "400"),
        ((400, {"error": 5}), "400 5"),
        ((503, "busy"), "503"),
        ((302, ""), "302"),
        ((200, "no json"), "200 without a bearer token"),
        ((200, {"token": "x"}), "200 without a bearer token"),
        ((200, {"access_token": "a\r\nb"}), "200 without a bearer token"),
        ((200, {"access_token": 7}), "200 without a bearer token"),
        ((200, {"access_token": "x", "token_type": "mac"}), "200 without a bearer token"),
    ],
)
def test_token_endpoints_that_refuse(answer: Any, says: str) -> None:
    """The error names status and code, nothing reaches the API, no secret is shown, and the next request tries again."""
    service = Service(answer, {"access_token": "t"})
    with SyncClient("http://api.test", auth=service.auth(), transport=service.transport, retry=RetryPolicy(3)) as client:
        with pytest.raises(FastHTTPRequestError) as caught:
            client.get("/")
        assert caught.value.message == f"OAuth2 token request failed: {says}"
        assert str(caught.value) == f"OAuth2 token request failed: {says}: POST https://id.test/token?tenant=a"
        assert SECRET not in f"{caught.value!r} {caught.value.__dict__}"
        assert service.called == []
        client.get("/")
    assert service.tokens == ["t2"]


def test_token_endpoints_that_cannot_be_reached() -> None:
    """A failure of the connection keeps its class and names the token request; a retry policy covers it, for any method."""
    service = Service(ConnectError("refused"), {"access_token": "t"}, ConnectError("refused"))
    auth = service.auth()
    with SyncClient("http://api.test", auth=auth, transport=service.transport) as client:
        with pytest.raises(ConnectError, match=r"OAuth2 token request failed: refused: POST https://id\.test"):
            client.get("/")
        assert service.called == []
    retry = RetryPolicy(2, backoff_factor=0)
    service.asked.clear()
    with SyncClient("http://api.test", auth=auth, transport=service.transport, retry=retry) as client:
        r = client.post("/", json=1)
    assert (r.attempts, service.tokens) == (2, ["t2"])


def test_limits_of_the_token_answer() -> None:
    """It is read though the call streams, in no more than a mebibyte, and without the call's progress reports."""
    service = Service({"access_token": "t"}, (200, "x" * ((1 << 20) + 1)))
    reports: list[int] = []
    auth = service.auth()
    with SyncClient("http://api.test", auth=auth, transport=service.transport) as client:
        r = client.get("/", stream=True, on_download=lambda size, total: reports.append(size))
        r.read()
        assert r.json() == {"ok": True}
        assert all(size <= len(r.content) for size in reports)
        auth._token = None
        with pytest.raises(ResponseTooLarge, match="OAuth2"):
            client.get("/")


def test_tokens_stay_at_the_origin() -> None:
    """A redirect to another origin carries no token and asks for none."""
    service = Service()

    def answer(request: Request) -> Any:
        if request.host == "api.test" and request.target == "/away":
            service.called.append(request)
            return away
        return service.answer(request)

    away = MockResponse(302, headers={"Location": "http://other.test/"})
    with SyncClient("http://api.test", auth=service.auth(), transport=MockTransport(answer)) as client:
        assert (client.get("/away")).status_code == 200
    assert [(request.host, service.token_of(request)) for request in service.called] == [("api.test", "t1"), ("other.test", "")]
    assert len(service.asked) == 1


def test_over_the_network() -> None:
    """The same over sockets: the token request, then the request with the token."""

    def handler(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            body = b'{"access_token": "abc", "expires_in": 3600}' if request.target == "/token" else b'{"ok": 1}'
            peer.send(response(body, "Content-Type: application/json"))

    with serve(handler) as server:
        auth = OAuth2ClientCredentials(f"{server.url}/token", "me", SECRET)
        with SyncClient(server.url, auth=auth) as client:
            assert (client.get("/a")).json() == {"ok": 1}
            client.get("/b")
        assert [(seen.method, seen.target) for seen in server.requests] == [("POST", "/token"), ("GET", "/a"), ("GET", "/b")]
        assert [seen.headers.get("authorization") for seen in server.requests] == [None, "Bearer abc", "Bearer abc"]
