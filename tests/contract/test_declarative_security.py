"""Security of the declarative layer, as it is wired: guard, limits, breaker, redirects, signing."""

from __future__ import annotations

import zlib
from typing import Any

import pytest

from fasthttp.app import FastHTTP
from fasthttp.auth import OAuth2ClientCredentials
from fasthttp.errors import (
    CircuitOpenError,
    ConnectError,
    DecodeError,
    FastHTTPRequestError,
    InvalidHeader,
    TooManyRedirects,
    UnsupportedScheme,
)
from fasthttp.models import Request
from fasthttp.security import RedirectBlockedError, ResponseTooLargeError, SecurityError, SecurityPolicy, SSRFBlockedError, verify_request
from fasthttp.session import AsyncSession
from fasthttp.transports import HTTPTransport, MockTransport
from fasthttp.transports.mock import MockResponse
from tests.shell.server import Peer, answering, chunked, response, serve

KEY = b"0123456789abcdef0123456789abcdef"


def leads(location: str) -> MockResponse:
    return MockResponse(302, headers={"Location": location})


def outcome(app: FastHTTP, url: str, **options: Any) -> Any:
    app.add_route("GET", url, lambda resp: resp.text, name="it", **options)
    return app.run()["it"]


# --- the address guard


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://0x7f.1:{port}/", "http://[::ffff:10.0.0.1]:{port}/", "http://printer.local/",
    "http://2130706433:{port}/",
])  # fmt: skip
@pytest.mark.parametrize("kind", ["get", "graphql", "sse"])
def test_forbidden_addresses_are_refused_before_a_byte_is_sent(url: str, kind: str) -> None:
    """Routes of every kind; with the address and what to do about it."""
    with serve(answering(response(b"{}"))) as place:
        app = FastHTTP(log="off")
        getattr(app, kind)(url.format(port=place.port))(lambda resp: "{ q }")
        result = app.run()[0]
        assert (place.connections, place.requests) == (0, [])
    assert isinstance(result.error, SSRFBlockedError)
    assert str(result.error).startswith("SSRF blocked: SSRF protection blocked request to: http://")
    assert "allow it with SecurityPolicy(allow_hosts=[...]) or FASTHTTP_ALLOW_HOSTS" in str(result.error)
    assert (result.attempts, result.stage, result.ok) == (0, "security", False)


@pytest.mark.parametrize("how", ["policy", "environment", "allow", "off"])
def test_local_servers_can_be_allowed(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By policy, by the environment, later on, or with security off; other private addresses are not."""
    if how == "environment":
        monkeypatch.setenv("FASTHTTP_ALLOW_HOSTS", "localhost")
    policy: Any = {"policy": SecurityPolicy(allow_hosts=["localhost"]), "off": False}.get(how, True)
    app = FastHTTP(log="off", security=policy)
    if how == "allow":
        app.security.allow("localhost")
    with serve(answering(response(b"hello"))) as place:
        assert outcome(app, place.url).value == "hello"
    if how != "off":
        app.add_route("GET", "http://10.0.0.1:9/", lambda resp: None, name="private")
        assert isinstance(app.run()["private"].error, SSRFBlockedError)


def test_denied_hosts_are_refused_without_the_guard_too() -> None:
    """`ssrf=False` opens private addresses, and leaves `deny_hosts` shut."""
    with serve(answering(response(b"x"))) as place:
        policy = SecurityPolicy(ssrf=False, deny_hosts=["denied.test", "127.0.0.1"])
        assert outcome(FastHTTP(log="off", security=SecurityPolicy(ssrf=False)), place.url).value == "x"
        for url in ("http://denied.test/", place.url):
            refused = outcome(FastHTTP(log="off", security=policy), url)
            assert isinstance(refused.error, SSRFBlockedError)
            assert "is in deny_hosts" in str(refused.error)
        assert place.connections == 1


def test_what_is_allowed_during_a_run_counts_in_it() -> None:
    """A handler that learns of a host can have the routes after it go there."""
    with serve(answering(response(b"hello"))) as place:
        app = FastHTTP(log="off", security=SecurityPolicy(allow_hosts=[f"127.0.0.1:{place.port}"]))
        app.add_route("GET", place.url, lambda resp: app.security.allow(f"localhost:{place.port}"), name="first")
        app.add_route("GET", f"http://localhost:{place.port}/", lambda resp: resp.text, name="second", after=["first"])
        app.add_route("GET", "http://10.0.0.1:9/", lambda resp: None, name="private")
        result = app.run()
    assert result["second"].value == "hello"
    assert isinstance(result["private"].error, SSRFBlockedError)


@pytest.mark.parametrize("wrong", ["10.0.0.0/33", "a.test,b.test", ""])
def test_what_cannot_be_allowed(wrong: str) -> None:
    """A malformed host is named in the error, and those beside it are not allowed either."""
    app = FastHTTP(log="off")
    with pytest.raises(ValueError, match=r"allow\(\): .* is malformed"):
        app.security.allow("localhost", wrong)
    with serve(answering(response(b"hello"))) as place:
        assert isinstance(outcome(app, place.url).error, SSRFBlockedError)


def test_a_name_with_one_private_address_is_refused() -> None:
    """Also where a transport of the network was given, and by the answer of the name service alone."""

    def resolve(host: str, port: int, *rest: Any) -> Any:
        return ["93.184.216.34", "10.0.0.1"]

    app = FastHTTP(log="off", transport=HTTPTransport(resolver=resolve, trust_env=False))
    error = outcome(app, "http://public.example/").error
    assert isinstance(error, SSRFBlockedError), error
    assert "10.0.0.1" in str(error)


def test_redirects_and_token_requests_are_guarded() -> None:
    """The hop is not asked for; nor is the token, and then not the route either."""
    with serve(answering(b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n")) as place:
        app = FastHTTP(log="off", security=SecurityPolicy(allow_hosts=["localhost"]))
        result = outcome(app, place.url)
        assert isinstance(result.error, SSRFBlockedError)
        assert result.attempts == 1
        app = FastHTTP(log="off", security=SecurityPolicy(allow_hosts=["localhost"]))
        auth = OAuth2ClientCredentials("http://169.254.169.254/token", "id", "secret")
        result = outcome(app, place.url, auth=auth)
        assert isinstance(result.error, SSRFBlockedError)
        assert len(place.requests) == 1


# --- limits


def test_sizes_are_limited_on_the_wire() -> None:
    """Too long, announced or not; a bomb; what is never refused: ordinary headers and bodies."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = squeeze.compress(bytes(32 * 2**20)) + squeeze.flush()
    script = {
        "/announced": b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n",
        "/chunked": chunked(*[b"x" * 1000] * 30),
        "/bomb": response(bomb, "Content-Encoding: gzip"),
        "/fine": response(
            b'{"x": "<script>"}',
            "Content-Security-Policy: default-src 'none'",
            "X-RateLimit-Remaining: 0",
            "Refresh: 5",
            "X-Accel-Redirect: /y",
        ),
    }  # fmt: skip

    def handler(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            peer.send(script[request.target])

    with serve(handler) as place:
        small = FastHTTP(place.url, log="off", security=SecurityPolicy(allow_hosts=["localhost"], max_response_size=20_000))
        ratio = FastHTTP(place.url, log="off", security=SecurityPolicy(allow_hosts=["localhost"], max_decompression_ratio=100))
        for path in ("/announced", "/chunked", "/fine"):
            small.add_route("GET", path, lambda resp: resp.text, name=path)
        result = small.run()
        assert [type(one.error) for one in result.values()] == [ResponseTooLargeError, ResponseTooLargeError, type(None)]
        assert result["/fine"].value == '{"x": "<script>"}'
        assert "decompression ratio" in str(outcome(ratio, "/bomb").error)
        assert isinstance(ratio.run()["it"].error, DecodeError)


def test_urls_and_headers_that_are_refused() -> None:
    """A URL that is too long, a header with a line in it; nothing is sent, and no value is shown."""
    mock = MockTransport(lambda request: 200)
    app = FastHTTP("http://api.test", log="off", transport=mock, security=SecurityPolicy(max_url_length=50))
    app.add_route("GET", "/" + "x" * 100, None, name="long")  # type: ignore[arg-type]
    app.add_route("GET", "/x", None, name="split", headers={"X-A": "a\r\nX-B: hidden"})  # type: ignore[arg-type]
    result = app.run()
    assert isinstance(result["long"].error, SecurityError)
    assert isinstance(result["split"].error, InvalidHeader)
    assert "hidden" not in str(result["split"].error)
    assert [one.attempts for one in result.values()] == [0, 0]
    assert mock.calls == []


# --- redirects


def test_redirects_that_are_not_followed() -> None:
    """From https to http, too many, and to other schemes; the hop is not asked for."""
    for location, error, count in (
        ("http://api.test/", RedirectBlockedError, 1),
        ("/again", TooManyRedirects, 11),
        ("file:///etc/passwd", UnsupportedScheme, 1),
    ):
        answer = leads(location)
        mock = MockTransport({"*": answer})
        result = outcome(FastHTTP("https://api.test", log="off", transport=mock), "/x")
        assert (type(result.error), len(mock.calls), result.attempts) == (error, count, 1)
    mock = MockTransport(lambda request: leads("http://api.test/") if request.url.startswith("https") else 200)
    policy = SecurityPolicy(allow_http_downgrade=True)
    assert outcome(FastHTTP("https://api.test", log="off", transport=mock, security=policy), "/x").ok


def test_another_host_gets_no_credentials() -> None:
    """Neither authorization, cookies, keys, signatures, nor what the policy names."""
    mock = MockTransport(lambda request: leads("http://b.test/") if "a.test" in request.url else 200)
    app = FastHTTP(
        "http://a.test", log="off", transport=mock, secret_key=KEY, security=SecurityPolicy(mask_names=["X-Tenant"], sign_hosts=["a.test"])
    )
    headers = {"Authorization": "x", "Cookie": "a=1", "X-Api-Key": "k", "X-Tenant": "t", "X-Other": "o"}
    assert outcome(app, "/x", headers=headers).ok
    first, second = ({name.lower() for name in call.headers} for call in mock.calls)
    secret = {"authorization", "cookie", "x-api-key", "x-tenant", "x-signature", "x-nonce", "x-timestamp"}
    assert secret <= first
    assert not secret & second
    assert "x-other" in second


# --- the breaker


def test_five_failures_open_the_circuit_of_one_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sixth is not sent; after a time probes close it; another port is not concerned; it lasts from run to run."""
    import fasthttp.retry as retry_module

    now = [100.0]
    monkeypatch.setattr(retry_module, "monotonic", lambda: now[0])
    healthy = [False]
    mock = MockTransport(lambda request: 200 if healthy[0] or ":81" in request.url else ConnectError("refused"))
    app = FastHTTP(log="off", transport=mock, concurrency=1)
    for index in range(7):
        app.add_route("GET", "http://api.test/", lambda resp: 1, name=f"r{index}")
    app.add_route("GET", "http://api.test:81/", lambda resp: 1, name="other")
    result = app.run()
    assert [type(result[f"r{index}"].error) for index in range(7)] == [ConnectError] * 5 + [CircuitOpenError] * 2
    assert (result["r5"].attempts, result["r5"].stage in ("request", "security"), result["other"].ok) == (0, True, True)
    assert 0 < result["r5"].error.retry_after <= 30  # type: ignore[union-attr]
    assert app.security.breaker_state("http://api.test/") == "open"
    healthy[0] = True
    assert not app.run()["r0"].ok
    now[0] += 31
    assert app.run().ok
    assert app.security.breaker_state("http://api.test/") == "closed"


async def test_failures_leave_no_place_taken() -> None:
    """A thousand of them, and then one that works, with room for two."""
    mock = MockTransport(lambda request: 200 if "good" in request.url else ConnectError("refused"))
    app = FastHTTP(log="off", transport=mock, concurrency=2, per_host=1)
    for index in range(1000):
        app.add_route("GET", f"http://bad{index % 3}.test/", None, name=f"r{index}")  # type: ignore[arg-type]
    app.add_route("GET", "http://good.test/", None, name="good")  # type: ignore[arg-type]
    result = await app.arun()
    assert result["good"].ok
    assert len(result.failed) == 1000


# --- signing


def test_what_arrives_can_be_verified() -> None:
    """The bytes on the wire, query and body; not another body, URL, nonce, age, nor the same twice."""
    with serve(answering(response(b"{}"))) as place:
        app = FastHTTP(place.url, log="off", secret_key=KEY, security=SecurityPolicy(allow_hosts=["localhost"]))
        app.add_route("POST", "/x?b=2", None, params={"a": "ü 1"}, json={"k": "v"}, name="json")  # type: ignore[arg-type]

        async def pieces() -> Any:
            yield b"one"
            yield b"two"

        app.add_route("POST", "/stream", None, data=pieces(), name="stream")  # type: ignore[arg-type]
        result = app.run()
        assert result.ok, result.summary()
        for request in place.requests:
            url, headers, body = place.url + request.target, request.headers, request.body
            at = float(headers["x-timestamp"])
            assert verify_request("POST", url, headers, body, KEY, now=at)
            assert not verify_request("POST", url, headers, body + b" ", KEY, now=at)
            assert not verify_request("POST", url + "&c=1", headers, body, KEY, now=at)
            assert not verify_request("POST", url, {**headers, "x-nonce": "0" * 32}, body, KEY, now=at)
            assert not verify_request("POST", url, headers, body, KEY, now=at + 301)
        assert {request.body for request in place.requests} == {b'{"k":"v"}', b"onetwo"}
        assert "transfer-encoding" not in next(one for one in place.requests if one.target == "/stream").headers


def test_signing_is_off_unless_it_is_asked_for() -> None:
    """By a key, or by a switch; with security off a key signs all the same. Each attempt has a nonce of its own."""
    for keywords, switch, signed in (
        ({}, None, False),
        ({}, True, True),
        ({"secret_key": KEY}, None, True),
        ({"secret_key": KEY}, False, False),
        ({"secret_key": KEY, "security": False}, None, True),
    ):
        mock = MockTransport(lambda request: 200)
        app = FastHTTP("http://api.test", log="off", transport=mock, **keywords)
        assert len(app.security.secret_key) >= 32
        if switch is not None:
            app.security.enable_signing(switch)
        app.add_route("GET", "/x", None)  # type: ignore[arg-type]
        app.run()
        app.run()
        assert ["x-signature" in call.headers for call in mock.calls] == [signed] * 2
        assert len({call.headers.get("x-nonce") for call in mock.calls}) == (2 if signed else 1)
    with pytest.raises(ValueError, match="16"):
        FastHTTP(secret_key=b"short")


# --- tokens


def oauth(fail: bool = False, expires: int = 3600) -> tuple[FastHTTP, MockTransport, list[str]]:
    tokens: list[str] = []

    def answer(request: Request) -> Any:
        if request.target == "/token":
            if fail:
                return (401, {"error": "invalid_client"})
            tokens.append(f"t{len(tokens)}")
            return {"access_token": tokens[-1], "token_type": "bearer", "expires_in": expires}
        return 401 if request.headers["authorization"] == "Bearer t0" and request.target == "/strict" else 200

    mock = MockTransport(answer)
    auth = OAuth2ClientCredentials("https://id.test/token", "id", "the-secret", scopes=["a", "b"])
    return FastHTTP("https://api.test", transport=mock, auth=auth, log="off"), mock, tokens


def test_one_token_for_all_routes_and_a_new_one_after_a_refusal() -> None:
    """Fetched once; a refused one is thrown away, and the request made once more."""
    app, mock, tokens = oauth()
    for index in range(5):
        app.add_route("GET", f"/{index}", None)  # type: ignore[arg-type]
    assert app.run().ok
    assert tokens == ["t0"]
    form = next(call for call in mock.calls if call.url.endswith("/token"))
    assert b"grant_type=client_credentials" in form.body
    assert b"scope=a+b" in form.body
    app.add_route("GET", "/strict", None, name="strict")  # type: ignore[arg-type]
    assert app.run()["strict"].ok
    assert tokens == ["t0", "t1"]


def test_a_token_that_is_refused_fails_the_route() -> None:
    """The request is not sent; the next route tries again."""
    app, mock, _ = oauth(fail=True)
    app.concurrency = 1
    for index in range(2):
        app.add_route("GET", f"/{index}", None)  # type: ignore[arg-type]
    result = app.run()
    for one in result.values():
        assert isinstance(one.error, FastHTTPRequestError)
        assert "OAuth2 token request failed: 401 invalid_client" in str(one.error)
        assert "the-secret" not in str(one.error)
    assert [call.request.target for call in mock.calls] == ["/token", "/token"]


async def test_sessions_are_guarded_too() -> None:
    """Calls give None and the reason."""
    async with AsyncSession(transport=None) as http:
        http._log._mode = "off"
        assert await http.get("http://127.0.0.1:9/") is None
        assert isinstance(http.last_error, SSRFBlockedError)


async def test_an_open_session_takes_notice_of_what_is_allowed_and_signed_later() -> None:
    """From the next call on, without being opened again."""
    with serve(answering(response(b"hello"))) as place:
        async with AsyncSession(place.url) as http:
            http._log._mode = "off"
            assert await http.get("/") is None
            http.security.allow("localhost")
            assert (await http.get("/")).text == "hello"  # type: ignore[union-attr]
            http.security.enable_signing()
            assert await http.get("/signed")
            http.security.enable_signing(False)
            assert await http.get("/")
    assert [(request.target, "x-signature" in request.headers) for request in place.requests] == [
        ("/", False), ("/signed", True), ("/", False),
    ]  # fmt: skip
