"""Drives an authentication as the client does, without a client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fasthttp._io import asyncio as async_side
from fasthttp._io import blocking as sync_side
from fasthttp.auth import make_auth
from fasthttp.models import Request
from fasthttp.response import Response

URL = "http://a.test/x?q=1"
Server = Callable[[Request], Response]


def get(url: str = URL, method: str = "GET", **keywords: Any) -> Request:
    return Request(method, url, **keywords)


def drive(auth: Any, server: Server, request: Request, settle: Callable[[Any], Any] = sync_side.settle) -> list[Response]:
    """Every response of one exchange."""
    auth = make_auth(auth)
    responses = []
    for number in range(6):
        sent = request.copy()
        sent.auth_round = number
        if auth.fixed_authorization is not None:
            sent.headers["Authorization"] = auth.fixed_authorization
            return [server(sent)]
        settle(auth.on_request(sent))
        responses.append(server(sent))
        answer = settle(auth.on_response(sent, responses[-1]))
        if answer is None:
            break
        request = answer
    return responses


def settle_async(value: Any) -> Any:
    return asyncio.run(async_side.settle(value))


def sent_with(auth: Any, request: Request | None = None, settle: Callable[[Any], Any] = sync_side.settle) -> str | None:
    """The `Authorization` of a request that is answered with 200."""
    seen: list[str | None] = []

    def server(request: Request) -> Response:
        seen.append(request.headers.get("authorization"))
        return Response(200)

    drive(auth, server, request or get(), settle)
    (value,) = seen
    return value


def answering(*responses: Response) -> Server:
    """A server that gives these, one after the other."""
    left = iter(responses)
    return lambda request: next(left)


def statuses(responses: list[Response]) -> list[int]:
    return [response.status_code for response in responses]
