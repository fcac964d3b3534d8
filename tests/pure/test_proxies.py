"""Which proxy a URL goes through, what is said to it, and what its answers mean."""

from __future__ import annotations

from typing import Any

import pytest

from fasthttp._pure.proxies import ConnectHandshake, Proxy, choose_proxies, forward_head, parse_proxy
from fasthttp._pure.route import Route
from fasthttp.errors import ProxyError
from httpwire.url import parse_url


def selected(url: str, *arguments: Any) -> str | None:
    choice = choose_proxies(*arguments)
    proxy = None if choice is None else choice.select(parse_url(url))
    return None if proxy is None else f"{proxy.host}:{proxy.port}"


# --- the URL of a proxy


@pytest.mark.parametrize(("text", "proxy"), [
    ("http://p:3128", Proxy("http", "p", 3128)), ("HTTP://P/", Proxy("http", "p", 80)), ("http://[::1]:8080", Proxy("http", "::1", 8080)),
    ("http://u:p@p:1", Proxy("http", "p", 1, "Basic dTpw")), ("http://u@p:1", Proxy("http", "p", 1, "Basic dTo=")),
    ("http://:p@p:1", Proxy("http", "p", 1, "Basic OnA=")), ("http://%C3%A9:%40@p:1", Proxy("http", "p", 1, "Basic w6k6QA==")),
])  # fmt: skip
def test_a_proxy_by_its_url(text: str, proxy: Proxy) -> None:
    """With credentials, percent-decoded, or without."""
    assert parse_proxy(text) == proxy


@pytest.mark.parametrize(("text", "message"), [
    ("p:3128", "has no scheme; write http://host:port"), ("", "no scheme"), ("ftp://p", "has ftp://"), ("socks4://p", "has socks4://"),
    ("http://", "proxy URL is not valid"), ("http://p:99999", "proxy URL is not valid"), ("http://a b", "proxy URL is not valid"),
])  # fmt: skip
def test_what_is_no_proxy(text: str, message: str) -> None:
    """The message says what was found in place of a scheme."""
    with pytest.raises(ValueError, match=message):
        parse_proxy(text)


@pytest.mark.parametrize("text", ["https://p", "socks5://p", "SOCKS5H://p"])
def test_proxies_that_are_not_built_yet(text: str) -> None:
    """They say so."""
    with pytest.raises(NotImplementedError, match="proxies"):
        parse_proxy(text)


def test_a_proxy_is_text() -> None:
    """Other kinds are named; the password is not shown."""
    with pytest.raises(TypeError, match="not as int"):
        parse_proxy(1)  # type: ignore[arg-type]
    assert repr(parse_proxy("http://u:secret@p:1")) == "<Proxy http://p:1>"


# --- the choice


def test_one_proxy_for_everything() -> None:
    """Loopback included, as it was asked for; empty text is none."""
    assert selected("http://a.test/", "http://p:1", None, {"http_proxy": "http://q:1"}) == "p:1"
    assert selected("https://127.0.0.1/", "http://p:1", None, None) == "p:1"
    assert choose_proxies("", None, {"http_proxy": "http://q:1"}) is None
    assert choose_proxies(None, None, None) is None
    with pytest.raises(ValueError, match="exclude each other"):
        choose_proxies("http://p:1", {}, None)


def test_the_most_specific_rule_wins() -> None:
    """Host and port, host, the same for all schemes, the scheme, everything; None is direct."""
    rules = {
        "http": "http://scheme:1", "all": "http://all:1", "HTTPS://A.test": "http://host:1", "https://a.test:8443/": "http://port:1",
        "all://b.test": "http://any:1", "all://b.test:81": "http://any:81", "http://direct.test": None, "all://c.test": "",
    }  # fmt: skip
    for url, proxy in (
        ("http://x.test/", "scheme:1"), ("https://x.test/", "all:1"), ("https://a.test/", "host:1"), ("https://a.test:8443/", "port:1"),
        ("http://a.test/", "scheme:1"), ("http://b.test/", "any:1"), ("https://b.test/", "any:1"), ("http://b.test:81/", "any:81"),
        ("http://direct.test/", None), ("https://direct.test/", "all:1"), ("http://c.test/", None),
    ):  # fmt: skip
        assert selected(url, None, rules, None) == proxy, url
    assert selected("https://x.test/", None, {"http": "http://p:1"}, None) is None
    with pytest.raises(ValueError, match="the key 'ftp'"):
        choose_proxies(None, {"ftp": "http://p:1"}, None)


@pytest.mark.parametrize(("environ", "http", "https"), [
    ({}, None, None),
    ({"NO_PROXY": "x"}, None, None),
    ({"http_proxy": ""}, None, None),
    ({"http_proxy": "http://p:1"}, "p:1", None),
    ({"HTTPS_PROXY": "p:2"}, None, "p:2"),
    ({"all_proxy": "http://p:3"}, "p:3", "p:3"),
    ({"HTTP_PROXY": "http://P:1", "http_proxy": "http://q:1"}, "q:1", None),
    ({"HTTP_PROXY": "http://p:1", "http_proxy": ""}, None, None),
    ({"HTTP_PROXY": "http://evil:1", "REQUEST_METHOD": "GET"}, None, None),
    ({"http_proxy": "http://p:1", "REQUEST_METHOD": "GET"}, "p:1", None),
    ({"HTTPS_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, None, "p:1"),
])  # fmt: skip
def test_proxies_of_the_environment(environ: dict[str, str], http: str | None, https: str | None) -> None:
    """Small letters first; a script of a web server does not believe HTTP_PROXY, which its client can set."""
    assert selected("http://a.test/", None, None, environ) == http
    assert selected("https://a.test/", None, None, environ) == https


@pytest.mark.parametrize(("text", "direct", "proxied"), [
    ("", ["http://localhost", "http://x.localhost", "http://127.0.0.2", "http://[::1]", "http://localhost./"], ["http://a.test"]),
    ("*", ["http://a.test", "https://10.0.0.1", "http://[fe80::1]"], []),
    ("b.test,*", ["http://a.test"], []),
    ("a.test", ["http://a.test", "https://x.a.test", "http://A.TEST.", "http://a.test:81"], ["http://ba.test", "http://a.test.b", "http://test"]),
    (".a.test", ["http://a.test", "http://x.a.test"], ["http://ba.test"]),
    ("*.a.test", ["http://a.test", "http://x.a.test"], ["http://ba.test"]),
    ("A.test.  b.test,,c.test", ["http://a.test", "http://b.test", "http://c.test"], ["http://d.test"]),
    ("a.test:81", ["http://a.test:81", "http://x.a.test:81"], ["http://a.test", "https://a.test"]),
    ("a.test:443", ["https://a.test"], ["http://a.test"]),
    ("a.test:x", [], ["http://a.test"]),
    (".", [], ["http://a.test"]),
    ("*:81", [], ["http://a.test", "http://a.test:81"]),
    ("10.1.2.3", ["http://10.1.2.3", "http://10.1.2.3:81"], ["http://10.1.2.4", "http://a.10.1.2.3.test"]),
    ("10.0.0.0/8", ["http://10.1.2.3"], ["http://11.0.0.1", "http://10.test"]),
    ("10.1.2.3/8", ["http://10.9.9.9"], ["http://11.0.0.1"]),
    ("10.1.2.3:81", ["http://10.1.2.3:81"], ["http://10.1.2.3"]),
    ("fe80::/10", ["http://[fe80::1]"], ["http://[fd00::1]", "http://10.0.0.1"]),
    ("[fd00::1]", ["http://[fd00::1]", "http://[fd00::1]:81"], ["http://[fd00::2]"]),
    ("[fd00::1]:81", ["http://[fd00::1]:81"], ["http://[fd00::1]"]),
    ("[fd00::1]:x", ["http://[fd00::1]"], []),
])  # fmt: skip
def test_who_is_asked_directly(text: str, direct: list[str], proxied: list[str]) -> None:
    """Names with what is below them, addresses and blocks, with a port or for all; and loopback always."""
    environ = {"all_proxy": "http://p:1", "no_proxy": text}
    assert [url for url in direct if selected(url, None, None, environ)] == []
    assert [url for url in proxied if not selected(url, None, None, environ)] == []


def test_no_proxy_in_capitals_counts_where_the_other_is_missing() -> None:
    """An empty one in small letters is there."""
    environ = {"all_proxy": "http://p:1", "NO_PROXY": "a.test"}
    assert selected("http://a.test/", None, None, environ) is None
    assert selected("http://a.test/", None, None, {**environ, "no_proxy": ""}) == "p:1"


# --- what is said


@pytest.mark.parametrize(("authorization", "line"), [(None, b""), ("Basic dTpw", b"Proxy-Authorization: Basic dTpw\r\n")])
def test_a_forwarded_request_names_its_whole_url(authorization: str | None, line: bytes) -> None:
    """Without user info and fragment; everything else is as it was."""
    head = b"GET /x?q=1 HTTP/1.1\r\nHost: a.test:81\r\nX: 1\r\n\r\n"
    expected = b"GET http://a.test:81/x?q=1 HTTP/1.1\r\n" + line + b"Host: a.test:81\r\nX: 1\r\n\r\n"
    assert forward_head(head, parse_url("http://a.test:81/x?q=1#f"), authorization) == expected


def handshake(proxy: str = "http://p:1", host: str = "a.test") -> ConnectHandshake:
    return ConnectHandshake(host, 443, parse_proxy(proxy))


def test_a_tunnel_is_asked_for() -> None:
    """By host and port, in brackets where that is needed, with the credentials of the proxy."""
    assert handshake().hello == b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"
    assert handshake("http://u:p@p", "::1").hello == (
        b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic dTpw\r\n\r\n"
    )


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 200 Connection established\r\n\r\n", b"HTTP/1.0 200\r\nVia: x\r\n\r\n", b"HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
])  # fmt: skip
def test_a_tunnel_is_there_after_any_2xx(answer: bytes) -> None:
    """In one piece or byte by byte, never earlier; framing means nothing in it."""
    whole = handshake()
    whole.feed(answer)
    assert whole.done
    pieces = handshake()
    for at in range(len(answer)):
        assert not pieces.done
        pieces.feed(answer[at : at + 1])
    assert pieces.done


@pytest.mark.parametrize(("answer", "message", "status"), [
    (b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\n", r"requires authentication \(407 Proxy Auth", 407),
    (b"HTTP/1.1 407\r\n\r\n", r"requires authentication \(407\)", 407),
    (b"HTTP/1.1 403 N\xf6\r\nContent-Length: 0\r\n\r\n", "refused the tunnel: 403 Nö", 403),
    (b"HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n\r\n", "refused the tunnel: 302", 302),
    (b"HTTP/1.1 502 Bad\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "refused the tunnel: 502", 502),
    (b"SSH-2.0-OpenSSH\r\n\r\n", "proxy p:1: ", None),
    (b"HTTP/1.1 200 OK\r\nA B: c\r\n\r\n", "proxy p:1: ", None),
    (b"HTTP/1.1 200 OK\r\n\r\n\x16\x03", "sent 2 bytes before the server could", None),
    (b"", "proxy p:1 closed the connection without an answer|proxy p:1: ", None),
    (b"HTTP/1.1 200 OK\r\n", "proxy p:1", None),
])  # fmt: skip
def test_a_proxy_that_gives_no_tunnel(answer: bytes, message: str, status: int | None) -> None:
    """It is named, with what it said."""
    shake = handshake()

    def listen() -> None:
        if answer:
            shake.feed(answer)
        shake.feed(b"")

    with pytest.raises(ProxyError, match=message) as caught:
        listen()
    assert caught.value.status_code == status


# --- the way to a server


class Tls:
    token = "tls1"


def test_ways_that_may_share_connections_are_equal() -> None:
    """By server, proxy with its credentials, local address, socket, and, on https only, what is checked."""
    http, https = parse_url("http://a.test/x"), parse_url("https://a.test/x")
    one, two = parse_proxy("http://u:p@p:1"), parse_proxy("http://p:1")
    ways = [
        Route(http, Tls(), None), Route(https, Tls(), None), Route(http, Tls(), "10.0.0.1"), Route(http, Tls(), None, one),
        Route(http, Tls(), None, two), Route(http, Tls(), None, None, "/run/x"), Route(https, Tls(), None, two),
    ]  # fmt: skip
    assert len({way.key for way in ways}) == len(ways)
    assert Route(parse_url("http://A.test:80/y"), None, None).key == ways[0].key
    assert Route(parse_url("ws://a.test/"), None, None).key == ways[0].key


def test_how_a_way_leads_to_its_server() -> None:
    """Directly, by forwarding, through a tunnel, or by a socket that needs no proxy."""
    http, https, proxy = parse_url("http://a.test/"), parse_url("https://a.test/"), parse_proxy("http://p:3128")
    direct, forwarded, tunnelled = Route(http, Tls(), None), Route(http, Tls(), None, proxy), Route(https, Tls(), None, proxy)
    assert [way.place for way in (direct, forwarded, tunnelled)] == [("a.test", 80), ("p", 3128), ("p", 3128)]
    assert [way.forwards for way in (direct, forwarded, tunnelled)] == [False, True, False]
    assert direct.tunnel() is forwarded.tunnel() is None
    tunnel = tunnelled.tunnel()
    assert tunnel is not None
    assert tunnel.hello.startswith(b"CONNECT a.test:443 ")
    local = Route(http, Tls(), None, proxy, "/run/x")
    assert (local.place, local.proxy, local.forwards, local.tunnel()) == (None, None, False, None)
    assert Route(parse_url("ws://a.test/"), Tls(), None, proxy).tunnel() is not None
