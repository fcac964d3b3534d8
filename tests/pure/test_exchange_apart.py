"""Requests that an authentication makes of its own: how they differ from the call that they are made for."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from fasthttp import AuthBase, ConnectError, Request
from fasthttp._pure.config import ClientConfig
from fasthttp._pure.exchange import Exchange, Run, Send
from fasthttp.response import ClientResponse


class Fetching(AuthBase):
    """Asks for something before each request."""

    fetches = True
    got: Any = None

    def _prepare(self, request: Request, send: Any) -> Generator[Any, Any, None]:
        self.got = yield from send(Request("POST", "http://id.test/token", content=b"x"))


def begin(options: dict[str, Any], **settings: Any) -> tuple[Generator[Any, Any, Any], Send, Fetching]:
    auth = Fetching()
    config = ClientConfig(auth=auth, **settings)
    call, request = config.call(options), config.request("GET", "http://api.test/", {})
    steps = Exchange(config, call, request, None, now=lambda: 0.0, wall=lambda: 0.0, chance=lambda: 0.0).steps()
    first = next(steps)
    assert isinstance(first, Send)
    return steps, first, auth


def test_rules_of_a_request_apart() -> None:
    """It is neither streamed, redirected, repeated nor reported, and its answer is bounded; other rules are the call's."""
    options = {"stream": True, "timeout": 7.0, "on_download": print, "on_upload": print}
    steps, first, auth = begin(options, headers={"X-API-Key": "k", "User-Agent": "me"}, expect_continue=True)
    rules = first.call
    assert (rules.stream, rules.follow_redirects, rules.retry, rules.expect) == (False, False, None, None)
    assert (rules.on_upload, rules.on_download, rules.max_response_size) == (None, None, 1 << 20)
    assert rules.timeout.read == 7.0
    assert (first.request.headers["user-agent"], "x-api-key" in first.request.headers) == ("me", False)
    answer = ClientResponse(302, {"Location": "http://other.test/"}, b"{}", request=first.request)
    following = steps.send(answer)
    assert isinstance(following, Run)
    assert auth.got is answer
    steps.close()


def test_limits_and_headers_that_are_smaller() -> None:
    """A lower limit of the call holds; header fields that the client does not have are not made up."""
    _, first, _ = begin({"max_response_size": 10}, headers={"User-Agent": None})
    assert first.call.max_response_size == 10
    assert "user-agent" not in first.request.headers


def test_failures_of_a_request_apart() -> None:
    """The error tells of the request apart, and that the one of the call was not sent."""
    steps, first, _ = begin({})
    with pytest.raises(ConnectError) as caught:
        steps.throw(ConnectError("refused"))
    assert caught.value.request is first.request
    assert (caught.value.url, caught.value.method, caught.value.maybe_sent) == ("http://id.test/token", "POST", False)
