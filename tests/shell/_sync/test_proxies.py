# Generated from tests/shell/_async/test_proxies.py by scripts/unasync.py; change that file instead.
"""Proxies: which one is asked, what it is told, what its refusals become, and what it never learns."""

from __future__ import annotations

import ssl
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from fasthttp import SyncClient, BasicAuth, ConnectError, ConnectTimeout, HTTPTransport, ProxyError, RetryPolicy, Timeout
from tests.shell.proxy import ESTABLISHED, proxying, tunnel
from tests.shell.server import HELLO, Peer, answering, response, serve

SECRET = "hunter2"
VARIABLES = [f"{name}_proxy" for name in ("http", "https", "all", "no")]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxies but those of the test."""
    forget(monkeypatch)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUEST_METHOD", *VARIABLES, *(name.upper() for name in VARIABLES)):
        monkeypatch.delenv(name, raising=False)


def basic(username: str, password: str) -> str:
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode()


def here(host: str, port: int) -> list[str]:
    """A resolver to which every name is this machine."""
    return ["127.0.0.1"]


def assert_silent(error: BaseException) -> None:
    """Nothing that can be printed of an error shows a secret."""
    seen: BaseException | None = error
    while seen is not None:
        text = f"{seen} {seen!r} {seen.args} {vars(seen)} {getattr(seen, '__notes__', '')}"
        assert SECRET not in text
        assert b64encode(f"user:{SECRET}".encode()).decode() not in text
        seen = seen.__cause__ or seen.__context__


# --- what a proxy is told


def test_http_is_asked_for_in_absolute_form() -> None:
    """The target is the whole URL, Host the origin's; connections are kept, one for each origin, and no name is resolved."""
    with serve(proxying(HELLO)) as proxy:
        with SyncClient(proxy=f"http://127.0.0.1:{proxy.port}", resolver=_never) as client:
            assert (client.get("http://origin.test/a?b=1#c")).json() == {"hello": "world"}
            r = client.post("http://origin.test", content=b"body")
            client.get("http://origin.test:8080/x")
            client.get("http://[::1]:81/y")
    assert [(request.line, request.headers["host"]) for request in proxy.requests] == [
        ("GET http://origin.test/a?b=1 HTTP/1.1", "origin.test"),
        ("POST http://origin.test/ HTTP/1.1", "origin.test"),
        ("GET http://origin.test:8080/x HTTP/1.1", "origin.test:8080"),
        ("GET http://[::1]:81/y HTTP/1.1", "[::1]:81"),
    ]
    assert proxy.requests[1].body == b"body"
    assert proxy.connections == 3
    assert r.connection.reused
    assert not any("proxy-authorization" in request.headers for request in proxy.requests)


def _never(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} was looked up")


def test_credentials_go_with_every_request() -> None:
    """User info of the proxy's URL is percent-decoded and sent as Basic each time, and the request does not remember it."""
    authorization = basic("us@er", "p:ä")
    with serve(proxying(HELLO, authorization=authorization)) as proxy:
        with SyncClient(proxy=f"http://us%40er:p%3A%C3%A4@127.0.0.1:{proxy.port}", auth=BasicAuth("a", "b")) as client:
            for _ in range(2):
                r = client.get("http://origin.test/")
                assert "proxy-authorization" not in r.request.headers
    assert [request.headers["proxy-authorization"] for request in proxy.requests] == [authorization] * 2
    assert [request.headers["authorization"] for request in proxy.requests] == [basic("a", "b")] * 2


def test_https_goes_through_a_tunnel(server_context: ssl.SSLContext, ca_file: Path) -> None:
    """One CONNECT with the credentials, then TLS with the origin, which sees nothing of them; the tunnel is kept."""
    authorization = basic("user", SECRET)
    with serve(answering(HELLO), server_context) as origin, serve(proxying(authorization=authorization)) as proxy:
        with SyncClient(proxy=f"http://user:{SECRET}@127.0.0.1:{proxy.port}", verify=ca_file, resolver=_never) as client:
            r = client.get(f"https://origin.test:{origin.port}/a")
            assert r.json() == {"hello": "world"}
            assert r.connection.tls_version is not None
            assert (client.post(f"https://origin.test:{origin.port}/b", content=b"x" * 100_000)).connection.reused
    (connect,) = proxy.requests
    place = f"origin.test:{origin.port}"
    assert connect.line == f"CONNECT {place} HTTP/1.1"
    assert connect.headers == {"host": place, "proxy-authorization": authorization}
    assert [request.line for request in origin.requests] == ["GET /a HTTP/1.1", "POST /b HTTP/1.1"]
    assert [request.headers["host"] for request in origin.requests] == [place] * 2
    assert origin.requests[1].body == b"x" * 100_000
    assert not any("proxy" in name for request in origin.requests for name in request.headers)


def test_client_certificates_pass_a_tunnel(server_context: ssl.SSLContext, ca_file: Path, client_cert: tuple[Path, Path]) -> None:
    """Mutual TLS is between client and origin, whatever carries it."""
    with serve(answering(HELLO), server_context) as origin, serve(proxying()) as proxy:
        with SyncClient(proxy=f"http://127.0.0.1:{proxy.port}", verify=ca_file, cert=client_cert) as client:
            assert (client.get(origin.url)).status_code == 200
    assert len(proxy.requests) == 1


@pytest.mark.parametrize("level", ["client", "call"])
def test_a_callers_own_header_is_for_the_proxy_only(server_context: ssl.SSLContext, ca_file: Path, level: str) -> None:
    """It reaches a proxy that forwards, in place of the URL's, but no tunnel, no direct request and no redirect."""
    own: dict[str, Any] = {"headers": {"Proxy-Authorization": "Basic own"}}
    options, settings = (own, {}) if level == "call" else ({}, own)
    moved = response(b"", "Location: /next", status="302 Found")
    with (
        serve(answering(HELLO)) as plain,
        serve(answering(HELLO), server_context) as origin,
        serve(proxying(HELLO, moved, HELLO)) as proxy,
    ):
        address = f"http://user:{SECRET}@127.0.0.1:{proxy.port}"
        with SyncClient(verify=ca_file, **settings) as client:
            client.get("http://origin.test/", proxy=address, **options)
            client.get("http://origin.test/moved", proxy=address, **options)
            client.get(origin.url, proxy=address, **options)
            client.get(plain.url, **options)
            client.get(plain.url, proxy="", **options)
    theirs = basic("user", SECRET)
    assert [request.headers["proxy-authorization"] for request in proxy.requests] == ["Basic own", "Basic own", theirs, theirs]
    assert proxy.requests[3].method == "CONNECT"
    assert not any("proxy-authorization" in request.headers for request in plain.requests + origin.requests)


def test_a_redirect_from_a_proxied_host_to_a_direct_one() -> None:
    """Each hop goes its own way; the direct host sees the origin form and no credentials."""
    with serve(answering(HELLO)) as direct:
        moved = response(b"", f"Location: http://direct.test:{direct.port}/b", status="307 Temporary Redirect")
        with serve(proxying(moved)) as proxy:
            proxies = {"http://far.test": f"http://user:{SECRET}@127.0.0.1:{proxy.port}"}
            with SyncClient(proxies=proxies, resolver=here) as client:
                r = client.post("http://far.test/a", content=b"x", headers={"Proxy-Authorization": "Basic own"})
    assert [request.line for request in proxy.requests] == ["POST http://far.test/a HTTP/1.1"]
    assert [(request.line, request.body) for request in direct.requests] == [("POST /b HTTP/1.1", b"x")]
    assert "proxy-authorization" not in direct.requests[0].headers
    assert r.url == f"http://direct.test:{direct.port}/b"


# --- refusals


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ("403 Forbidden by rule 7", r"refused the tunnel: 403 Forbidden by rule 7"),
        ("407 Authentication Required", r"requires authentication \(407 Authentication Required\)"),
        ("502 Bad Gateway", r"refused the tunnel: 502 Bad Gateway"),
        ("302 Found", r"refused the tunnel: 302 Found"),
    ],
)
def test_a_refused_tunnel(status: str, message: str) -> None:
    """ProxyError with status and reason; the proxy's page is never the origin's, its redirect not followed, its socket closed."""
    page = response(b"the proxy's page", "Location: http://evil.test/", "Set-Cookie: a=b", status=status)
    with serve(answering(page)) as proxy:
        with SyncClient(proxy=f"http://user:{SECRET}@127.0.0.1:{proxy.port}") as client:
            with pytest.raises(ProxyError, match=rf"^proxy 127\.0\.0\.1:{proxy.port} {message}: GET https://origin\.test/") as caught:
                client.get("https://origin.test/")
            assert client.pool_stats().open == 0
            assert len(client.cookies) == 0
            proxy.wait_until_closed()
    number, _, reason = status.partition(" ")
    assert (caught.value.status_code, caught.value.reason) == (int(number), reason)
    assert caught.value.response is None
    assert isinstance(caught.value, ConnectError)
    assert_silent(caught.value)


def test_407_to_an_absolute_form() -> None:
    """It is the proxy's, so it is a ProxyError as well; a 403 may be the origin's and is returned."""
    with serve(proxying(response(b"no", status="403 Forbidden"), authorization=basic("user", SECRET))) as proxy:
        with SyncClient(proxy=f"http://127.0.0.1:{proxy.port}") as client:
            with pytest.raises(ProxyError, match=r"requires authentication \(407") as caught:
                client.get("http://origin.test/")
            assert client.pool_stats().open == 0
            assert (client.get("http://origin.test/", proxy=f"http://user:{SECRET}@127.0.0.1:{proxy.port}")).status_code == 403
    assert (caught.value.status_code, caught.value.reason) == (407, "Authentication Required")


def test_407_of_an_origin_is_a_response() -> None:
    """Without a proxy between, it is an answer like any other."""
    with serve(answering(response(b"odd", status="407 Odd"))) as server:
        with SyncClient() as client:
            assert (client.get(server.url)).status_code == 407


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "closed the connection without an answer to CONNECT"),
        (b"HTTP/1.1 200 Conn", "proxy 127.0.0.1"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "does not begin with HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000, "proxy 127.0.0.1"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000, "proxy 127.0.0.1"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, "interim responses"),
        (ESTABLISHED + b"220 smtp.test", "sent 13 bytes before the server could"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "sent 5 bytes before the server could"),
        (b"HTTP/1.1 407 " + b"z" * 60_000 + b"\r\n\r\n", "requires authentication"),
        (b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "refused the tunnel: 403 No"),
    ],
)
def test_a_broken_proxy(answer: bytes, message: str) -> None:
    """Whatever it answers to CONNECT, the call ends with a short ProxyError, and the socket is closed."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(answer)

    with serve(handler) as proxy:
        with SyncClient(proxy=f"http://user:{SECRET}@127.0.0.1:{proxy.port}") as client:
            with pytest.raises(ProxyError, match=message) as caught:
                client.get("https://origin.test/")
            assert client.pool_stats().open == 0
    assert len(str(caught.value)) < 400
    assert_silent(caught.value)


def test_a_proxy_that_resets() -> None:
    """A connection that breaks under the handshake is a ProxyError too."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.reset()

    with serve(handler) as proxy:
        with SyncClient(proxy=f"http://127.0.0.1:{proxy.port}") as client:
            with pytest.raises(ProxyError, match="connection to the proxy broke"):
                client.get("https://origin.test/")


def test_an_answer_in_pieces(server_context: ssl.SSLContext, ca_file: Path) -> None:
    """Interim answers and an answer byte by byte are understood."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.drip(b"HTTP/1.1 103 Early\r\nA: b\r\n\r\n" + b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0.0005)
        tunnel(peer, origin.port, b"")

    with serve(answering(HELLO), server_context) as origin, serve(handler) as proxy:
        with SyncClient(proxy=f"http://127.0.0.1:{proxy.port}", verify=ca_file) as client:
            assert (client.get("https://origin.test/")).json() == {"hello": "world"}


@pytest.mark.parametrize("drips", [False, True])
def test_a_slow_proxy(drips: bool) -> None:
    """The connect limit covers what a proxy takes, and the error names who was meant and who was asked."""

    def handler(peer: Peer) -> None:
        peer.read()
        if drips:
            peer.drip(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000, 0.02)
        else:
            peer.wait()

    with serve(handler) as proxy:
        with SyncClient(proxy=f"http://127.0.0.1:{proxy.port}", timeout=Timeout(connect=0.2)) as client:
            with pytest.raises(ConnectTimeout, match=rf"after 0\.2 s to origin\.test:443 \(127\.0\.0\.1:{proxy.port}\)"):
                client.get("https://origin.test/")
            assert client.pool_stats().open == 0
        proxy.wait_until_closed()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there(scheme: str) -> None:
    """A refused connection names the proxy; a policy repeats it, as nothing was sent, also for POST."""
    with serve(answering(HELLO)) as gone:
        port = gone.port
    events: list[str] = []
    with SyncClient(
        proxy=f"http://user:{SECRET}@127.0.0.1:{port}",
        retry=RetryPolicy(max_attempts=2, backoff_factor=0),
        trace=lambda event, info: events.append(event),
    ) as client:
        with pytest.raises(ProxyError, match=rf"cannot connect to the proxy 127\.0\.0\.1:{port}: 127\.0\.0\.1:{port} \(") as caught:
            client.post(f"{scheme}://origin.test/", content=b"x")
    assert caught.value.status_code is None
    assert caught.value.attempts == 2
    assert events.count("retry") == 1
    assert_silent(caught.value)


# --- which one


class Ways:
    """Tells of a request whether it went through the proxy, by what came back."""

    def __init__(self, port: int) -> None:
        self._port = port

    def of(self, client: Any, host: str, **options: Any) -> str:
        return str((client.get(f"http://{host}:{self._port}/", **options)).content.decode())


DIRECT, PROXIED, SECOND = response(b"direct"), response(b"proxied"), response(b"second")


def test_proxies_by_scheme_and_host() -> None:
    """The most specific rule decides: host with port, host, scheme, all; None is direct; hosts in any case."""
    with serve(answering(DIRECT)) as server, serve(proxying(PROXIED)) as proxy, serve(proxying(SECOND)) as second:
        ways = Ways(server.port)
        first_url, second_url = (f"http://127.0.0.1:{one.port}" for one in (proxy, second))
        rules = {
            "all": first_url,
            "http://Two.test": second_url,
            f"http://two.test:{server.port}": None,
            "http://three.test": second_url,
            "all://four.test": None,
            "http://[::1]": second_url,
        }
        with SyncClient(proxies=rules, resolver=here) as client:
            assert ways.of(client, "one.test") == "proxied"
            assert ways.of(client, "two.test") == "direct"
            assert ways.of(client, "THREE.test") == "second"
            assert ways.of(client, "four.test") == "direct"
            assert ways.of(client, "[::1]") == "second"
        with SyncClient(proxies={"https": first_url}, resolver=here) as client:
            assert ways.of(client, "one.test") == "direct"
        with SyncClient(proxies={"http": "", "all": first_url}, resolver=here) as client:
            assert ways.of(client, "one.test") == "direct"


def test_of_one_call() -> None:
    """proxy= of a call replaces the client's, None and "" are direct, and the next call is as before."""
    with serve(answering(DIRECT)) as server, serve(proxying(PROXIED)) as proxy, serve(proxying(SECOND)) as second:
        ways = Ways(server.port)
        with SyncClient(proxy=f"http://127.0.0.1:{proxy.port}", resolver=here) as client:
            for _ in range(2):
                assert ways.of(client, "a.test", proxy=f"http://127.0.0.1:{second.port}") == "second"
                assert ways.of(client, "a.test", proxy=None) == "direct"
                assert ways.of(client, "a.test", proxy="") == "direct"
                assert ways.of(client, "a.test") == "proxied"
            with pytest.raises(ValueError, match="proxy URL has"):
                client.get("http://a.test/", proxy="ftp://x")
    assert [server.connections, proxy.connections, second.connections] == [1, 1, 1]


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and ALL_PROXY count in both cases, lower first; NO_PROXY and loopback are direct, unless told explicitly."""
    with serve(answering(DIRECT)) as server, serve(proxying(PROXIED)) as proxy, serve(proxying(SECOND)) as second:
        ways = Ways(server.port)
        first_url, second_url = (f"http://127.0.0.1:{one.port}" for one in (proxy, second))

        def way(host: str = "a.test", **settings: Any) -> str:
            with SyncClient(resolver=here, **settings) as client:
                return ways.of(client, host)

        forget(monkeypatch)
        assert way() == "direct"
        monkeypatch.setenv("ALL_PROXY", first_url)
        assert way() == "proxied"
        monkeypatch.setenv("HTTP_PROXY", second_url)
        assert way() == "second"
        monkeypatch.setenv("REQUEST_METHOD", "GET")
        assert way() == "proxied", "a CGI script gets the header Proxy under that name"
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{second.port}")
        assert way() == "second"
        assert way("127.0.0.1") == way("localhost") == way("[::ffff:127.0.0.1]", proxy="") == "direct"
        assert way("localhost", proxy=first_url) == "proxied"
        assert way(trust_env=False) == way(proxy="") == way(proxies={}) == "direct"
        monkeypatch.setenv("NO_PROXY", "a.test")
        assert way() == "direct"
        assert way(proxy=first_url) == "proxied"
        monkeypatch.setenv("no_proxy", "b.test")
        assert way() == "second"
        assert way("x.b.test") == "direct"


def test_socks_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not built yet, which is told to the requests that would go through it, and stands in the way of no others."""
    forget(monkeypatch)
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy.test:1080")
    monkeypatch.setenv("NO_PROXY", "direct.test")
    with serve(answering(DIRECT)) as server, serve(proxying(PROXIED)) as proxy:
        ways = Ways(server.port)
        with SyncClient(resolver=here) as client:
            for host in ("direct.test", "localhost", "127.0.0.1"):
                assert ways.of(client, host) == "direct"
            for _ in range(2):
                with pytest.raises(NotImplementedError, match="socks5:// proxies, as in ALL_PROXY"):
                    ways.of(client, "a.test")
            assert ways.of(client, "a.test", proxy="") == "direct"
            assert ways.of(client, "a.test", proxy=f"http://127.0.0.1:{proxy.port}") == "proxied"
            assert client.pool_stats().in_use == 0
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        with SyncClient(resolver=here) as client:
            assert ways.of(client, "a.test") == "proxied"
            with pytest.raises(NotImplementedError, match="socks5://"):
                client.get("https://a.test/")


def test_https_of_the_environment(server_context: ssl.SSLContext, ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY is for https, through a tunnel."""
    with serve(answering(HELLO), server_context) as origin, serve(proxying()) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", ".internal,10.0.0.0/8")
        with SyncClient(verify=ca_file, resolver=_never) as client:
            assert (client.get(f"https://origin.test:{origin.port}/")).status_code == 200
    assert len(proxy.requests) == 1


# --- what is shared, checked and said


def test_connections_are_not_shared_between_credentials() -> None:
    """Each user, each proxy and the direct way have connections of their own."""
    with serve(proxying(HELLO)) as proxy, serve(proxying(HELLO)) as other, serve(answering(HELLO)) as server:
        ways: list[Any] = [f"http://{user}127.0.0.1:{one.port}" for one in (proxy, other) for user in ("", "ann:x@", "ann:y@", "bob:x@")]
        with SyncClient(resolver=here) as client:
            for way in (*ways, None) * 2:
                client.get(f"http://origin.test:{server.port}/", proxy=way)
            assert client.pool_stats().open == 9
    assert (proxy.connections, other.connections, server.connections) == (4, 4, 1)
    for request in proxy.requests[:4]:
        assert (request.headers.get("proxy-authorization") or "").endswith("=") or "proxy-authorization" not in request.headers


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_address_that_is_checked_is_the_proxys(scheme: str) -> None:
    """check_address hears of the proxy, whose address is the one connected to; what it raises ends the call."""
    checked: list[tuple[str, str, int]] = []

    def check(host: str, address: str, port: int) -> None:
        checked.append((host, address, port))
        raise PermissionError("not there")

    with serve(proxying(HELLO)) as proxy:
        transport = HTTPTransport(proxy=f"http://proxy.test:{proxy.port}", resolver=here, check_address=check)
        with SyncClient(transport=transport) as client:
            with pytest.raises(PermissionError):
                client.get(f"{scheme}://origin.test/")
        transport.close()
    assert checked == [("proxy.test", "127.0.0.1", proxy.port)]
    assert proxy.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        f"user:{SECRET}@proxy.test:3128",
        f"ftp://user:{SECRET}@proxy.test",
        f"user:{SECRET}@x://proxy.test",
        f"http://user:{SECRET}@proxy.test:99999",
        f"http://user:{SECRET}@",
        f"http://user:{SECRET}@proxy test/",
        f"http://user:{SECRET}\n@proxy.test",
        "proxy.test",
        "://",
    ],
)
def test_bad_urls_of_proxies(url: str) -> None:
    """ValueError at construction, for proxy= and proxies=, that tells no password."""
    settings: list[dict[str, Any]] = [{"proxy": url}, {"proxies": {"all": url}}]
    for options in settings:
        with pytest.raises(ValueError, match=r"proxy URL|proxies=") as caught:
            SyncClient(**options)
        assert_silent(caught.value)


def test_arguments_that_exclude_each_other() -> None:
    """proxy= with proxies=, keys that are no scheme, values that are no text."""
    with pytest.raises(ValueError, match="proxy= and proxies= exclude each other"):
        SyncClient(proxy="http://a.test", proxies={})
    with pytest.raises(ValueError, match="proxies= has the key 'ftp'"):
        SyncClient(proxies={"ftp": "http://a.test"})
    bad: Any = 3128
    with pytest.raises(TypeError, match="not as int"):
        SyncClient(proxy=bad)
