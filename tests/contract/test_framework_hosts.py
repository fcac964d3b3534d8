"""Which hosts are served, and how requests are sent to HTTPS."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware as StarletteHTTPSRedirectMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware as StarletteTrustedHostMiddleware

from FasterAPI import FastAPI, HTTPSRedirectMiddleware, TestClient, TrustedHostMiddleware, WebSocket
from FasterAPI.testclient import WebSocketDenialResponse
from tests.contract.raw_asgi import body_of, exchange, headers_of, status_of


async def fine(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"fine"})


def status(middleware: Any, *hosts: bytes, **scope: Any) -> int:
    return status_of(exchange(middleware, headers=[(b"host", host) for host in hosts], **scope))


def redirect(middleware: Any, host: bytes | None = b"shop.test", **scope: Any) -> str:
    sent = exchange(middleware, headers=[] if host is None else [(b"host", host)], **scope)
    assert status_of(sent) == 307
    return headers_of(sent)[b"location"].decode()


def handshake(app: Any, extensions: Any, **scope: Any) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    base = {
        "type": "websocket",
        "scheme": "ws",
        "path": "/ws",
        "raw_path": b"/ws",
        "query_string": b"a=1",
        "headers": [(b"host", b"evil.test")],
    }
    asyncio.run(app({**base, **({} if extensions is None else {"extensions": extensions}), **scope}, None, send))
    return sent


ALLOWED = ["example.com", "*.Example.org", "[::1]", "192.0.2.7", "bücher.test", "with.port:8000", "2001:DB8:0:0::1"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        (b"example.com", 200),
        (b"Example.COM:8000", 200),
        (b"example.com:", 200),
        (b"a.example.org", 200),
        (b"A.b.EXAMPLE.org:1", 200),
        (b"[::1]", 200),
        (b"[::1]:8000", 200),
        (b"[0:0::1]:80", 200),
        (b"[2001:db8::1]", 200),
        (b"192.0.2.7:80", 200),
        (b"xn--bcher-kva.test", 200),
        (b"with.port:9", 200),
        (b"example.org", 400),
        (b".example.org", 400),
        (b"evilexample.org", 400),
        (b"a.example.org.evil.test", 400),
        (b"a.example.com", 400),
        (b"example.com.evil.test", 400),
        (b"example.com@evil.test", 400),
        (b"evil.test/example.com", 400),
        (b"evil.test#.example.org", 400),
        (b"evil.test\\.example.org", 400),
        (b"example.com:port", 400),
        (b"example.com:99999", 400),
        (b"[::2]", 400),
        (b"::1", 400),
        (b"[::1", 400),
        (b"[::g]", 400),
        (b"[1]", 400),
        (b"ex\xe4mple.com", 400),
        (b" example.com", 400),
        (b"", 400),
    ],
)
def test_trusted_hosts(host: bytes, expected: int) -> None:
    """Names, subdomains, addresses, whatever their case and port; what is malformed is no host of ours."""
    middleware = TrustedHostMiddleware(fine, ALLOWED)
    sent = exchange(middleware, headers=[(b"host", host)])
    assert status_of(sent) == expected
    assert body_of(sent) == (b"fine" if expected == 200 else b"Invalid host header")


def test_one_host_is_asked_for() -> None:
    """None at all, and two, are refused: who stands in between may have looked at the other one."""
    middleware = TrustedHostMiddleware(fine, ["example.com"])
    assert status(middleware) == 400
    assert status(middleware, b"example.com", b"example.com") == 400
    assert status(middleware, b"example.com", b"evil.test") == 400


def test_all_hosts() -> None:
    """Are trusted by default, and by `*`, even if there is none; one text is one pattern."""
    for allowed in (None, ["*"], ["a.test", "*"], "*"):
        assert status(TrustedHostMiddleware(fine, allowed)) == 200
    assert status(TrustedHostMiddleware(fine, "example.com"), b"example.com") == 200


@pytest.mark.parametrize(
    "pattern",
    ["a.*.com", "*example.com", "*.", "**", "*.*.com", "example.*", "", "https://example.com", "a/b", "*.[::1]", "[::g]", "a b", "a:b"],
)
def test_a_bad_pattern_is_refused(pattern: str) -> None:
    """When it is made, by name: it would never match, or more than was meant."""
    with pytest.raises(ValueError, match=r"allowed_hosts: .*is neither a host, nor like"):
        TrustedHostMiddleware(fine, ["example.com", pattern])


def test_www_redirect() -> None:
    """Where only the name with www is served, the other one leads there, port, path and query as they were sent."""
    middleware = TrustedHostMiddleware(fine, ["www.shop.test"])
    scope: dict[str, Any] = {"path": "/a b", "raw_path": b"/a%20b", "query": b"q=%2F"}
    assert redirect(middleware, b"Shop.test:81", **scope) == "http://www.shop.test:81/a%20b?q=%2F"
    assert redirect(middleware, scheme="https") == "https://www.shop.test/"
    assert status(middleware, b"www.shop.test") == 200
    assert status(middleware, b"other.test") == 400
    assert status(TrustedHostMiddleware(fine, ["www.shop.test"], www_redirect=False), b"shop.test") == 400
    assert status(TrustedHostMiddleware(fine, ["www.shop.test", "shop.test"]), b"shop.test") == 200


def test_websockets_for_other_hosts_are_denied() -> None:
    """With 400 where the server can say it, else by closing, which is a 403."""
    middleware = TrustedHostMiddleware(fine, ["shop.test"])
    sent = handshake(middleware, {"websocket.http.response": {}})
    assert [message["type"] for message in sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert (sent[0]["status"], sent[1]["body"]) == (400, b"Invalid host header")
    assert [message["type"] for message in handshake(middleware, None)] == ["websocket.close"]
    assert [message["type"] for message in handshake(middleware, {})] == ["websocket.close"]


def test_websockets_in_an_application() -> None:
    """Those for our hosts go through, the others never reach their route."""
    app = FastAPI()
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["testserver"])

    @app.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("hello")
        await websocket.close()

    with TestClient(app) as client, client.websocket_connect("/ws") as session:
        assert session.receive_text() == "hello"
    with TestClient(app, base_url="http://evil.test") as client, pytest.raises(WebSocketDenialResponse) as caught:
        client.websocket_connect("/ws").__enter__()
    assert caught.value.status_code == 400


def test_trusted_hosts_as_starlette_has_them() -> None:
    """For what is well-formed on both sides."""
    allowed = ["example.com", "*.example.org", "www.shop.test", "[::1]"]
    own, original = TrustedHostMiddleware(fine, allowed), StarletteTrustedHostMiddleware(fine, allowed)
    hosts = [
        b"example.com",
        b"EXAMPLE.com:80",
        b"a.example.org",
        b"example.org",
        b"shop.test",
        b"shop.test:81",
        b"[::1]:8000",
        b"a b",
        b"[x]",
    ]
    for host in hosts:
        for path in ("/", "/a", "/a/b"):
            found, expected = (exchange(cls, path=path, query=b"a=1", headers=[(b"host", host)]) for cls in (own, original))
            assert found == expected, host
    with pytest.raises(ValueError, match=r"a\.\*\.com"):
        TrustedHostMiddleware(fine, ["a.*.com"])
    assert issubclass(TrustedHostMiddleware, StarletteTrustedHostMiddleware)


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        (b"shop.test", "shop.test"),
        (b"shop.test:80", "shop.test"),
        (b"shop.test:443", "shop.test"),
        (b"Shop.test:0080", "shop.test"),
        (b"shop.test:8080", "shop.test:8080"),
        (b"[::1]:80", "[::1]"),
        (b"[::1]:8000", "[::1]:8000"),
        (None, "server.test"),
    ],
)
def test_https_redirect(host: bytes | None, authority: str) -> None:
    """To the host that was asked for, or to the server's own; default ports are dropped."""
    middleware = HTTPSRedirectMiddleware(fine)
    assert redirect(middleware, host, path="/a", query=b"b=1", server=("server.test", 80)) == f"https://{authority}/a?b=1"


@pytest.mark.parametrize(
    ("raw", "path", "query", "target"),
    [
        (b"/a%2Fb%0d%0aX:%20y", "/a/b\r\nX: y", b"", "/a%2Fb%0d%0aX:%20y"),
        (b"/%E4%F6", "/\ufffd\ufffd", b"q=%00", "/%E4%F6?q=%00"),
        (b'/\xe4 "<>\\^`{|}#', "/x", b"\xe4=\r\n#", "/%E4%20%22%3C%3E%5C%5E%60%7B%7C%7D%23?%E4=%0D%0A%23"),
        (b"//evil.test/..", "//evil.test/..", b"", "//evil.test/.."),
        (b"*", "*", b"", "/*"),
        (b"/a?b", "/a", b"b", "/a?b"),
        (None, "/ä %/?#", b"a=[1]", "/%C3%A4%20%25/%3F%23?a=%5B1%5D"),
    ],
)
def test_locations_are_made_of_the_path_as_it_was_sent(raw: bytes | None, path: str, query: bytes, target: str) -> None:
    """No byte that was encoded is decoded, and what may not stand in a URL is encoded."""
    found = redirect(HTTPSRedirectMiddleware(fine), path=path, query=query, raw_path=raw)
    assert found == f"https://shop.test{target}"


def test_https_redirect_of_nothing() -> None:
    """A host that is none, two of them, or none at all on a unix socket, lead nowhere."""
    middleware = HTTPSRedirectMiddleware(fine)
    assert status(middleware, b"evil.test/path") == 400
    assert status(middleware, b"a.test", b"b.test") == 400
    assert status(middleware, server=("/run/shop.sock", None)) == 400
    assert status(middleware, server=None) == 400


def test_what_is_secure_passes() -> None:
    """As it is; a scope without a scheme is not."""
    middleware = HTTPSRedirectMiddleware(fine)
    assert status(middleware, b"shop.test", scheme="https") == 200
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    assert handshake(HTTPSRedirectMiddleware(app), None, scheme="wss") == []
    asyncio.run(HTTPSRedirectMiddleware(app)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["websocket", "lifespan"]


def test_websockets_are_sent_to_tls() -> None:
    """By a denial with 307, as far as the server can."""
    middleware = HTTPSRedirectMiddleware(fine)
    sent = handshake(middleware, {"websocket.http.response": {}})
    assert (sent[0]["status"], dict(sent[0]["headers"])[b"location"]) == (307, b"wss://evil.test/ws?a=1")
    assert [message["type"] for message in handshake(middleware, {})] == ["websocket.close"]
    app = FastAPI()
    app.add_middleware(HTTPSRedirectMiddleware)
    with TestClient(app) as client, pytest.raises(WebSocketDenialResponse) as caught:
        client.websocket_connect("/ws?a=1").__enter__()
    assert (caught.value.status_code, caught.value.headers["location"]) == (307, "wss://testserver/ws?a=1")


def test_https_redirect_as_starlette_has_it() -> None:
    """For plain paths and names; an IPv6 address keeps its brackets here."""
    own, original = HTTPSRedirectMiddleware(fine), StarletteHTTPSRedirectMiddleware(fine)
    for host in (b"shop.test", b"shop.test:80", b"shop.test:443", b"shop.test:8080", b"[::1]:81"):
        for path in ("/", "/a", "/a/b:c"):
            for scheme in ("http", "https"):
                found, expected = (
                    exchange(cls, "POST", path, query=b"a=1&b=%20", headers=[(b"host", host)], scheme=scheme) for cls in (own, original)
                )
                assert found == expected
    assert issubclass(HTTPSRedirectMiddleware, StarletteHTTPSRedirectMiddleware)
