"""Names whose feature is not built yet: they exist, and say so when they are used."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import fasthttp as _fasthttp
from fasthttp.app import FastHTTP
from fasthttp.client import AsyncClient, Client, SyncClient
from fasthttp.models import Request
from fasthttp.transports import MockTransport

fasthttp: Any = _fasthttp
VALUES: dict[str, Any] = {"http2": True, "proxy": "socks5://proxy.test:1080"}
CLIENT = [*VALUES.items(), ("http2", "prior-knowledge"), ("proxies", {"http": "https://proxy.test"}), ("proxy", "socks5h://proxy.test")]


def answer(request: Request) -> int:
    return 200


@pytest.mark.parametrize("cls", [Client, SyncClient, AsyncClient])
@pytest.mark.parametrize(("name", "value"), CLIENT)
def test_arguments_of_a_client_that_come_later_name_themselves(cls: Any, name: str, value: Any) -> None:
    """None of them is ignored."""
    with pytest.raises(NotImplementedError, match=r"http2=|socks5|https://"):
        cls(**{name: value})


def test_http2_is_said_of_calls_too() -> None:
    """In both colours, for verbs, `request`, `stream` and `build_request`, and nothing is sent."""
    mock = MockTransport(answer)
    with Client(transport=mock) as client:
        for call in (client.get, client.post, client.build_request, client.request):
            arguments = ("http://a.test/",) if call in (client.get, client.post) else ("GET", "http://a.test/")
            with pytest.raises(NotImplementedError, match="http2="):
                call(*arguments, http2=True)
        with pytest.raises(NotImplementedError, match="http2="), client.stream("GET", "http://a.test/", http2=True):
            pass

    async def run() -> None:
        async with Client(transport=mock) as client:
            with pytest.raises(NotImplementedError, match="http2="):
                await client.get("http://a.test/", http2=True)

    asyncio.run(run())
    assert mock.calls == []


def test_methods_that_come_later_name_themselves() -> None:
    """websocket."""
    with Client() as client, pytest.raises(NotImplementedError, match=r"client\.websocket\(\)"):
        client.websocket("ws://a.test/")


CLASSES = ["WebSocket", "WebSocketMessage"]


@pytest.mark.parametrize("name", CLASSES)
def test_classes_that_come_later_can_be_imported_and_name_themselves(name: str) -> None:
    """They raise when they are made, whatever they are given."""
    cls = getattr(fasthttp, name)
    assert isinstance(cls, type)
    for arguments in ((), ("a", "b")):
        with pytest.raises(NotImplementedError, match=name):
            cls(*arguments)


def test_arguments_of_the_declarative_client_that_come_later_name_themselves() -> None:
    """Beside the ones that are there, a typo is a type error with the closest name."""
    with pytest.raises(NotImplementedError, match=r"FastHTTP\(http2=\.\.\.\)"):
        FastHTTP(http2=True)
    with pytest.raises(TypeError, match="unexpected keyword argument 'concurency'; did you mean 'concurrency'"):
        FastHTTP(concurency=1)
    app = FastHTTP()
    with pytest.raises(NotImplementedError):
        app.ws("ws://a.test/")
    with pytest.raises(TypeError, match="unexpected keyword argument 'typo'"):
        app.get("http://a.test/", typo=1)(print)
    assert app.routes == []


@pytest.mark.parametrize(("name", "meant"), [
    ("allow_redirects", "; did you mean 'follow_redirects'?"), ("mounts", "; did you mean 'proxies'?"),
    ("app", "; did you mean 'transport'?"), ("time_out", "; did you mean 'timeout'?"), ("unknow", ""),
])  # fmt: skip
@pytest.mark.parametrize("kind", [Client, SyncClient, AsyncClient])
def test_an_unknown_argument_of_a_client(kind: Any, name: str, meant: str) -> None:
    """Names the client and what was probably meant."""
    with pytest.raises(TypeError) as caught:
        kind(**{name: 1})
    assert str(caught.value) == f"{kind.__name__}() got an unexpected keyword argument {name!r}{meant}"
