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
VALUES: dict[str, Any] = {
    "auth": ("user", "pass"), "cookies": {"a": "b"}, "retry": object(), "proxy": "http://proxy.test:3128", "http2": True,
    "trace": print, "expect_continue": True,
}  # fmt: skip
CLIENT = VALUES | {"uds": "/run/x.sock", "proxies": {"http": "http://proxy.test"}, "cookies": {}, "http2": "prior-knowledge"}


def answer(request: Request) -> int:
    return 200


@pytest.mark.parametrize("cls", [Client, SyncClient, AsyncClient])
@pytest.mark.parametrize(("name", "value"), [*VALUES.items(), *CLIENT.items()])
def test_arguments_of_a_client_that_come_later_name_themselves(cls: Any, name: str, value: Any) -> None:
    """None of them is ignored, not even an empty jar."""
    with pytest.raises(NotImplementedError, match=f"{name}="):
        cls(**{name: value})


@pytest.mark.parametrize("name", [name for name in CLIENT if name not in ("uds", "proxies")])
def test_values_that_switch_a_feature_off_are_accepted(name: str) -> None:
    """None, and False where that is the default."""
    off: Any = False if name in ("http2", "expect_continue") else None
    Client(**{name: off}).close()


CALLS = [*VALUES.items(), ("on_upload", print), ("on_download", print), ("files", {"f": b"x"})]


@pytest.mark.parametrize(("name", "value"), CALLS)
def test_keywords_of_a_call_that_come_later_name_themselves(name: str, value: Any) -> None:
    """In both colours, for verbs, `request`, `stream` and `build_request`, and nothing is sent."""
    mock = MockTransport(answer)
    with Client(transport=mock) as client:
        for call in (client.get, client.post, client.build_request, client.request):
            arguments = ("http://a.test/",) if call in (client.get, client.post) else ("GET", "http://a.test/")
            with pytest.raises(NotImplementedError, match=name):
                call(*arguments, **{name: value})
        with pytest.raises(NotImplementedError, match=name), client.stream("GET", "http://a.test/", **{name: value}):
            pass

    async def run() -> None:
        async with Client(transport=mock) as client:
            with pytest.raises(NotImplementedError, match=name):
                await client.get("http://a.test/", **{name: value})

    asyncio.run(run())
    assert mock.calls == []


@pytest.mark.parametrize("url", ["http://user:pass@a.test/", "https://user@a.test/", "http+unix://%2Frun%2Fx.sock/"])
def test_urls_that_need_a_later_feature_say_so(url: str) -> None:
    """User info would have to become credentials, and a unix socket a connection; the password is not in the message."""
    mock = MockTransport(answer)
    with Client(transport=mock) as client, pytest.raises(NotImplementedError) as caught:
        client.get(url)
    assert "pass@" not in str(caught.value)
    with pytest.raises(NotImplementedError):
        Request("GET", url)
    assert mock.calls == []


def test_methods_that_come_later_name_themselves() -> None:
    """websocket and sse."""
    with Client() as client:
        for method, arguments in ((client.websocket, ("ws://a.test/",)), (client.sse, ("http://a.test/",))):
            with pytest.raises(NotImplementedError, match=rf"client\.{method.__name__}\(\)"):
                method(*arguments)
        for name in ("cookies", "auth", "breaker"):
            with pytest.raises(NotImplementedError, match=f"client.{name}"):
                getattr(client, name)
        for name in ("cookies", "auth"):
            with pytest.raises(NotImplementedError, match=f"client.{name}"):
                setattr(client, name, None)


def test_parts_of_a_response_that_come_later_name_themselves() -> None:
    """Cookies and timings, and what belongs to the declarative layer."""
    response = fasthttp.Response(200)
    for name in ("cookies", "timings"):
        with pytest.raises(NotImplementedError, match=f"response.{name}"):
            getattr(response, name)
    for method in (response.graphql, response.model):
        with pytest.raises(NotImplementedError, match=f"response.{method.__name__}"):
            method()
    with pytest.raises(NotImplementedError, match="cookies="):
        Request("GET", "http://a.test/", cookies={"a": "b"})


CLASSES = """
    AuthBase BasicAuth BearerAuth DigestAuth NetrcAuth Cookie CookieJar RetryPolicy CircuitBreaker MultipartEncoder WebSocket
    WebSocketMessage SSEEvent AsyncSession Router SecurityPolicy
""".split()


@pytest.mark.parametrize("name", CLASSES)
def test_classes_that_come_later_can_be_imported_and_name_themselves(name: str) -> None:
    """They raise when they are made, whatever they are given."""
    cls = getattr(fasthttp, name)
    assert isinstance(cls, type)
    for arguments in ((), ("a", "b")):
        with pytest.raises(NotImplementedError, match=name):
            cls(*arguments)


@pytest.mark.parametrize("name", ["auth", "middleware", "cookie_jar", "security", "proxy", "http2", "raise_for_status", "get_request"])
def test_arguments_of_the_declarative_client_that_come_later_name_themselves(name: str) -> None:
    """Beside the ones that are there, a typo is a type error with the closest name."""
    value: Any = True
    with pytest.raises(NotImplementedError, match=rf"FastHTTP\({name}=\.\.\.\)"):
        FastHTTP(**{name: value})
    with pytest.raises(TypeError, match="unexpected keyword argument 'concurency'; did you mean 'concurrency'"):
        FastHTTP(concurency=1)


@pytest.mark.parametrize("name", ["files", "auth", "response_model", "dependencies", "raise_for_status", "each", "after"])
def test_options_of_a_route_that_come_later_name_themselves(name: str) -> None:
    """At decoration, not when it runs."""
    app = FastHTTP()
    with pytest.raises(NotImplementedError, match=f"{name}= of a route"):
        app.get("http://a.test/", **{name: True})(print)
    with pytest.raises(TypeError, match="unexpected keyword argument 'typo'"):
        app.get("http://a.test/", typo=1)(print)
    assert app.routes == []
