"""Which proxy a URL goes through, and what is said to it and understood of it, without a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from fasthttp import ProxyError
from fasthttp._pure.proxies import ConnectHandshake, ProxyChoice, bypass_for, choose_proxies, forward_head, parse_proxy
from fasthttp._pure.route import Route
from httpwire.url import parse_url


class TLS:
    """Settings that are equal to themselves."""

    token = "tls1"


@pytest.mark.parametrize(("text", "host", "port", "direct"), [
    ("", "a.test", 80, False),
    ("*", "a.test", 80, True),
    ("*", "8.8.8.8", 80, True),
    ("*:81", "a.test", 80, False),
    ("*:80", "8.8.8.8", 80, True),
    ("a.test", "a.test", 80, True),
    ("a.test", "A.test.", 80, False),  # hosts of URLs are lower case
    ("a.test", "a.test.", 80, True),
    ("A.TEST", "a.test", 80, True),
    ("a.test", "x.a.test", 80, True),
    (".a.test", "x.a.test", 80, True),
    (".a.test", "a.test", 80, True),
    ("*.a.test", "x.a.test", 80, True),
    ("a.test", "xa.test", 80, False),
    ("a.test", "a.test.evil", 80, False),
    ("a.test:8080", "a.test", 8080, True),
    ("a.test:8080", "a.test", 80, False),
    ("b.test, a.test", "a.test", 80, True),
    ("b.test a.test", "a.test", 80, True),
    (",, ,", "a.test", 80, False),
    (".", "a.test", 80, False),
    ("10.0.0.1", "10.0.0.1", 80, True),
    ("10.0.0.1", "10.0.0.2", 80, False),
    ("10.0.0.0/8", "10.200.0.1", 80, True),
    ("10.1.2.3/8", "10.200.0.1", 80, True),
    ("10.0.0.0/8", "11.0.0.1", 80, False),
    ("10.0.0.0/8:81", "10.0.0.1", 80, False),
    ("10.0.0.0/8:81", "10.0.0.1", 81, True),
    ("10.0.0.0/8", "10.evil.test", 80, False),
    ("fd00::/8", "fd12::1", 80, True),
    ("fd00::/8", "10.0.0.1", 80, False),
    ("fd12::1", "fd12::1", 80, True),
    ("[fd12::1]:443", "fd12::1", 443, True),
    ("[fd12::1]:443", "fd12::1", 80, False),
    ("[fd12::1]", "fd12::1", 80, True),
    ("", "localhost", 80, True),
    ("", "x.localhost", 80, True),
    ("", "127.0.0.1", 80, True),
    ("", "127.9.9.9", 80, True),
    ("", "::1", 80, True),
    ("", "localhost.evil.test", 80, False),
])  # fmt: skip
def test_no_proxy(text: str, host: str, port: int, direct: bool) -> None:
    """Names with their subdomains, addresses, blocks, ports, `*`; loopback always."""
    assert bypass_for(text)(host, port) is direct


@pytest.mark.parametrize(("environ", "url", "expected"), [
    ({}, "http://a.test", None),
    ({"HTTP_PROXY": "http://p:1"}, "http://a.test", "p"),
    ({"HTTP_PROXY": "http://p:1"}, "https://a.test", None),
    ({"HTTP_PROXY": "http://p:1", "http_proxy": "http://q:1"}, "http://a.test", "q"),
    ({"HTTP_PROXY": "http://p:1", "http_proxy": ""}, "http://a.test", None),
    ({"HTTP_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, "http://a.test", None),
    ({"http_proxy": "http://p:1", "REQUEST_METHOD": "GET"}, "http://a.test", "p"),
    ({"HTTPS_PROXY": "http://p:1", "REQUEST_METHOD": "GET"}, "https://a.test", "p"),
    ({"HTTPS_PROXY": "p:1"}, "https://a.test", "p"),
    ({"ALL_PROXY": "http://p:1"}, "https://a.test", "p"),
    ({"ALL_PROXY": "http://p:1", "HTTPS_PROXY": "http://q:1"}, "https://a.test", "q"),
    ({"ALL_PROXY": "http://p:1", "NO_PROXY": "a.test"}, "https://a.test", None),
    ({"ALL_PROXY": "http://p:1", "NO_PROXY": "a.test", "no_proxy": ""}, "https://a.test", "p"),
    ({"ALL_PROXY": "http://p:1"}, "http://localhost", None),
])  # fmt: skip
def test_environment(environ: Mapping[str, str], url: str, expected: str | None) -> None:
    """Lower case first; a CGI script's HTTP_PROXY is a header of its caller's."""
    choice = choose_proxies(None, None, environ)
    proxy = None if choice is None else choice.select(parse_url(url))
    assert (proxy and proxy.host) == expected


@pytest.mark.parametrize("value", ["socks5://u:hunter2@p:1", "SOCKS5H://p", "socks://p:1/", "socks4://p", "socks4a://p", "https://p:1"])
@pytest.mark.parametrize("name", ["all_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_that_cannot_be_used_yet(value: str, name: str) -> None:
    """Only for the URLs that would go through it is that an error, which names the variable and tells no secret."""
    choice = choose_proxies(None, None, {name: value, "http_proxy": "http://q:2", "no_proxy": "a.test"})
    assert choice is not None
    assert choice.all() == [parse_proxy("http://q:2")]
    assert choice.select(parse_url("https://a.test")) is None
    assert choice.select(parse_url("http://b.test")) == parse_proxy("http://q:2")
    scheme = value.partition(":")[0].lower()
    with pytest.raises(NotImplementedError, match=f"^{scheme}:// proxies, as in {name}: not implemented yet"):
        choice.select(parse_url("https://b.test"))


def test_arguments_before_the_environment() -> None:
    """What a client is given replaces the environment as a whole; "" is none at all."""
    environ = {"ALL_PROXY": "http://p:1", "NO_PROXY": "*"}
    url = parse_url("http://localhost/")
    given = choose_proxies("http://q:2", None, environ)
    assert given is not None
    assert given.select(url) == parse_proxy("http://q:2")
    assert choose_proxies("", None, environ) is None
    mapped = choose_proxies(None, {"https": "http://q:2"}, environ)
    assert mapped is not None
    assert mapped.select(url) is None
    assert choose_proxies(None, None, None) is None


def test_most_specific_first() -> None:
    """Host and port, host, then scheme; a rule of the scheme before one of `all`."""
    names = ("http://a.test:80", "http://a.test", "all://a.test:80", "all://a.test", "http", "all")
    rules = {name: parse_proxy(f"http://p{number}:1") for number, name in enumerate(names)}
    for number in range(len(names)):
        proxy = ProxyChoice({name: rules[name] for name in names[number:]}).select(parse_url("http://A.test/x"))
        assert proxy is not None
        assert proxy.host == f"p{number}"
    assert ProxyChoice({}).select(parse_url("http://a.test")) is None


def test_a_proxy_hides_its_password() -> None:
    """Its repr shows scheme, host and port."""
    proxy = parse_proxy("HTTP://user:hunter2@P.test")
    assert repr(proxy) == "<Proxy http://p.test:80>"
    assert proxy.authorization == "Basic dXNlcjpodW50ZXIy"
    with pytest.raises(NotImplementedError, match="socks5"):
        parse_proxy("socks5://p.test")


def test_absolute_form() -> None:
    """The target becomes the whole URL, the credentials come first, the rest stays as it was."""
    url = parse_url("http://A.test:8080/x%20y?z#f")
    head = b"GET /x%20y?z HTTP/1.1\r\nHost: a.test:8080\r\nA: b\r\n\r\n"
    expected = b"GET http://a.test:8080/x%20y?z HTTP/1.1\r\nHost: a.test:8080\r\nA: b\r\n\r\n"
    assert forward_head(head, url, None) == expected
    assert forward_head(head, url, "Basic x") == expected.replace(b"Host", b"Proxy-Authorization: Basic x\r\nHost")


def handshake(url: str = "http://user:hunter2@p.test:3128", host: str = "a.test") -> ConnectHandshake:
    return ConnectHandshake(host, 443, parse_proxy(url))


def test_hello() -> None:
    """CONNECT names the place twice, addresses in brackets, and the credentials where there are any."""
    assert handshake("http://p.test").hello == b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"
    assert handshake(host="::1").hello.startswith(b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nProxy-Authorization: Basic ")


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_agreed(size: int) -> None:
    """Any 2xx will do, in pieces of any size, after interim responses."""
    answer = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 204 Fine\r\nX: y\r\n\r\n"
    shake = handshake()
    for at in range(0, len(answer), size):
        assert not shake.done
        shake.feed(answer[at : at + size])
    assert shake.done


@pytest.mark.parametrize(("pieces", "message", "status"), [
    ([b""], r"p\.test:3128 closed the connection without an answer", None),
    ([b"HTTP/1.1 20", b""], r"p\.test:3128: ", None),
    ([b"rubbish rubbish rubbish"], "does not begin with HTTP", None),
    ([b"HTTP/1.1 407 Who\r\n\r\n"], r"requires authentication \(407 Who\)", 407),
    ([b"HTTP/1.1 500\r\n\r\n"], "refused the tunnel: 500$", 500),
    ([b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], "refused the tunnel: 403 No", 403),
    ([b"HTTP/1.1 200 OK\r\n\r\nearly"], "sent 5 bytes before the server could", None),
])  # fmt: skip
def test_refused(pieces: list[bytes], message: str, status: int | None) -> None:
    """A ProxyError that names the proxy, and its answer where it gave one."""
    shake = handshake()
    with pytest.raises(ProxyError, match=message) as caught:
        for piece in pieces:
            shake.feed(piece)
    assert caught.value.status_code == status
    assert not shake.done


def test_routes() -> None:
    """Who may share a connection: the key differs by origin, proxy, credentials, socket, local address and TLS."""
    made: list[tuple[Any, ...]] = [
        ("http://a.test", None, None, None),
        ("http://a.test:81", None, None, None),
        ("https://a.test", None, None, None),
        ("http://a.test", "127.0.0.1", None, None),
        ("http://a.test", None, "http://p.test", None),
        ("http://a.test", None, "http://u:v@p.test", None),
        ("http://a.test", None, "http://u:w@p.test", None),
        ("http://a.test", None, "http://p.test:81", None),
        ("http://a.test", None, None, "/run/a"),
        ("http://a.test", None, None, "/run/b"),
    ]
    routes = [Route(parse_url(url), TLS, local, proxy and parse_proxy(proxy), uds) for url, local, proxy, uds in made]
    assert len({route.key for route in routes}) == len(routes)
    again = [Route(parse_url(url), TLS, local, proxy and parse_proxy(proxy), uds) for url, local, proxy, uds in made]
    assert [route.key for route in again] == [route.key for route in routes]
    assert [route.place for route in routes[3:6]] == [("a.test", 80), ("p.test", 80), ("p.test", 80)]
    assert [route.forwards for route in routes] == [False] * 4 + [True] * 4 + [False] * 2
    assert all(route.tunnel() is None for route in routes)
    tunnelled = Route(parse_url("wss://a.test"), TLS, None, parse_proxy("http://p.test"))
    assert (tunnelled.scheme, tunnelled.forwards, tunnelled.tunnel() is None) == ("https", False, False)
    on_socket = Route(parse_url("http://a.test"), TLS, None, parse_proxy("http://p.test"), "/run/a")
    assert (on_socket.proxy, on_socket.place) == (None, None)


def test_what_is_no_proxy() -> None:
    """Errors name the fault, and no user info."""
    listed: Any = "http://p:3128"
    with pytest.raises(TypeError, match="proxies= takes a mapping, not str; for one proxy use proxy="):
        choose_proxies(None, listed, None)
    wrong: Any = 3128
    with pytest.raises(TypeError, match="not as int"):
        parse_proxy(wrong)
    for text, message in (
        ("ftp://user:hunter2@p.test", "has ftp://;"),
        ("user:hunter2@p.test", "has no scheme;"),
        ("user:hunter2@p://x", "has no scheme;"),
        ("http://user:hunter2@p.test:0x50", "is not valid"),
        ("http://us%3Aer:hunter2@p.test", "user name must not hold a colon"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            parse_proxy(text)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(ValueError, match="exclude each other"):
        choose_proxies("", {}, None)
    with pytest.raises(ValueError, match="has the key 'ftp'"):
        choose_proxies(None, {"ftp": None}, None)
