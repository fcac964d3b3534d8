# Generated from tests/shell/_async/test_cookies.py by scripts/unasync.py; change that file instead.
"""Cookies of a client: which answers set them, which requests carry them, and which never do."""

from __future__ import annotations

import http.cookiejar
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from requests.cookies import RequestsCookieJar

from fasthttp import SyncClient, CookieJar, DigestAuth, Request
from tests.shell.scripts import leads, loopback, on_port, script, sent, sets
from tests.shell.server import answering, response, serve

SHOP = "https://shop.example.com"


def test_each_line_is_a_cookie() -> None:
    """Three Set-Cookie lines are three cookies; a date with a comma does not split one. All go back in order."""
    lines = ("a=1", "b=2; Expires=Wed, 09 Jun 2100 10:18:14 GMT", "c=3; HttpOnly; Path=/")
    with serve(answering(response(b"", *(f"Set-Cookie: {line}" for line in lines)), response())) as server:
        with SyncClient() as client:
            r = client.get(server.url)
            client.get(server.url)
            assert client.cookies.items() == [("a", "1"), ("b", "2"), ("c", "3")]
    assert r.cookies.items() == [("a", "1"), ("b", "2"), ("c", "3")]
    assert "cookie" not in server.requests[0].headers
    assert server.requests[1].headers["cookie"] == "a=1; b=2; c=3"


def test_beyond_ascii() -> None:
    """The bytes of a value come back as they were, whether or not the call has headers of its own."""
    with serve(answering("HTTP/1.1 200 OK\r\nSet-Cookie: a=grün\r\nContent-Length: 0\r\n\r\n".encode(), response())) as server:
        with SyncClient() as client:
            client.get(server.url)
            client.get(server.url)
            client.get(server.url, headers={"X": "1"})
    for request in server.requests[1:]:
        assert "\r\nCookie: a=grün\r\n".encode() in request.head


def test_redirects_set_cookies() -> None:
    """A cookie that a redirect sets is kept, and goes with the very next request of the chain."""
    with serve(answering(response(b"", "Location: /b", "Set-Cookie: a=1", status="302 Found"), response())) as server:
        with SyncClient() as client:
            r = client.get(f"{server.url}/a")
    assert server.requests[1].headers["cookie"] == "a=1"
    assert r.cookies.items() == []
    assert r.history[0].cookies["a"] == "1"


def test_rounds_of_authentication_set_cookies() -> None:
    """A cookie that a 401 sets goes along with the answer to its challenge."""
    challenge = response(
        b"", 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"', "Set-Cookie: gate=1; Path=/", status="401 Unauthorized"
    )
    with serve(answering(challenge, response())) as server:
        with SyncClient() as client:
            assert (client.get(server.url, auth=DigestAuth("ann", "pw"))).status_code == 200
            assert client.cookies["gate"] == "1"
    assert server.requests[1].headers["cookie"] == "gate=1"


def test_the_answer_after_a_refused_expectation_sets_cookies() -> None:
    """A 417 makes the request go again without Expect; cookies of either answer are kept."""
    with serve(answering(response(b"", "Set-Cookie: a=1", status="417 No"), response(b"", "Set-Cookie: b=2"))) as server:
        with SyncClient() as client:
            client.post(server.url, content=b"x", expect_continue=True)
            assert client.cookies.items() == [("a", "1"), ("b", "2")]


def test_interim_answers_set_none() -> None:
    """A Set-Cookie of a 103 is not kept."""
    with serve(answering(b"HTTP/1.1 103 Early Hints\r\nSet-Cookie: early=1\r\n\r\n" + response(b"", "Set-Cookie: late=1"))) as server:
        with SyncClient() as client:
            client.get(server.url)
            assert client.cookies.items() == [("late", "1")]


def test_streams_set_cookies() -> None:
    """A streamed response has set its cookies before its body is read."""
    with serve(answering(response(b"x" * 1000, "Set-Cookie: a=1"))) as server:
        with SyncClient() as client, client.stream("GET", server.url):
            assert client.cookies["a"] == "1"


def test_paths() -> None:
    """A path holds for itself and what lies below it; without one it is the folder of the URL; the longest goes first."""
    transport = script(sets("wide=1; Path=/", "deep=2; Path=/shop/cart", "own=3"), sets())
    with SyncClient(SHOP, transport=transport) as client:
        for path in ("/shop/list", "/shop/cart/1", "/shop/cart", "/shop/cartoon", "/shop", "/"):
            client.get(path)
    assert sent(transport) == [None, "deep=2; own=3; wide=1", "deep=2; own=3; wide=1", "own=3; wide=1", "own=3; wide=1", "wide=1"]


def test_lifetimes() -> None:
    """Max-Age=5 is five seconds and goes before Expires; zero, or a date in the past, removes the cookie at once."""
    transport = script(
        sets("a=1; Max-Age=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "b=2; Expires=Wed, 09 Jun 2100 10:18:14 GMT", "c=3"),
        sets(),
        sets("b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "c=; Max-Age=0"),
        sets(),
    )
    jar = CookieJar()
    with SyncClient(SHOP, cookies=jar, transport=transport) as client:
        for _ in range(4):
            client.get("/")
        clock = jar._clock
        jar._clock = lambda: clock() + 4
        client.get("/")
        jar._clock = lambda: clock() + 6
        client.get("/")
    assert sent(transport) == [None, "a=1; b=2; c=3", "a=1; b=2; c=3", "a=1", "a=1", None]
    assert len(jar) == 0


def test_secure_cookies_stay_off_plain_connections() -> None:
    """A Secure cookie, set by the server or the caller, goes to https alone; plain http can neither set nor replace one."""
    transport = script(sets("s=1; Secure; Path=/"), sets(), sets("s=stolen; Path=/", "t=2; Secure"), sets())
    jar = CookieJar()
    jar.set("mine", "x", domain="example.com", secure=True)
    with SyncClient(cookies=jar, transport=transport) as client:
        client.get("https://example.com/")
        client.get("http://example.com/")
        client.get("http://example.com/")
        client.get("https://example.com/")
    assert sent(transport) == ["mine=x", None, None, "mine=x; s=1"]


def test_the_loopback_counts_as_secure() -> None:
    """What is sent to this machine cannot be overheard: there plain http may set a Secure cookie, and gets it."""
    with serve(answering(response(b"", "Set-Cookie: s=1; Secure"))) as server:
        with SyncClient(resolver=loopback) as client:
            for host in ("127.0.0.1", "localhost", "app.localhost"):
                client.get(f"http://{host}:{server.port}/")
                client.get(f"http://{host}:{server.port}/")
    assert [request.headers.get("cookie") for request in server.requests] == [None, "s=1"] * 3


def test_loopback_is_a_matter_of_the_name() -> None:
    """A name that resolves to this machine is not it: a Secure cookie is neither taken nor sent over plain http."""
    with serve(answering(response(b"", "Set-Cookie: s=1; Secure"))) as server:
        with SyncClient(resolver=loopback, cookies=CookieJar()) as client:
            client.cookies.set("mine", "x", domain="far.example.com", secure=True)
            client.get(f"http://far.example.com:{server.port}/")
            assert client.cookies.items() == [("mine", "x")]
    assert "cookie" not in server.requests[0].headers


REFUSED = {
    "public suffix": "a=1; Domain=com",
    "public suffix of two labels": "a=1; Domain=co.uk",
    "another site": "a=1; Domain=bank.test",
    "a sibling": "a=1; Domain=news.example.com",
    "a subdomain": "a=1; Domain=deep.shop.example.com",
    "half a label": "a=1; Domain=hop.example.com",
    "__Host- with Domain": "__Host-a=1; Secure; Path=/; Domain=shop.example.com",
    "__Host- without Path": "__Host-a=1; Secure",
    "__Host- without Secure": "__Host-a=1; Path=/",
    "__Secure- without Secure": "__Secure-a=1",
    "SameSite=None without Secure": "a=1; SameSite=None",
    "too long": f"a={'x' * 4096}",
}


@pytest.mark.parametrize("line", REFUSED.values(), ids=REFUSED)
def test_refused(line: str, caplog: pytest.LogCaptureFixture) -> None:
    """What a host may not set is not kept, and said in a debug line without the value; the response is as any other."""
    caplog.set_level(logging.DEBUG, "fasthttp.client")
    secret = line.replace("a=1", "a=hush", 1)
    transport = script(sets(secret, "good=1; Path=/"), sets())
    with SyncClient(transport=transport) as client:
        assert (client.get(f"{SHOP}/a/b")).status_code == 200
        client.get(f"{SHOP}/a/b")
        assert client.cookies.items() == [("good", "1")]
    assert sent(transport) == [None, "good=1"]
    assert "refused" in caplog.text
    assert "hush" not in caplog.text
    assert {record.levelname for record in caplog.records} == {"DEBUG"}


def test_prefixes_that_keep_their_word() -> None:
    """__Host- and __Secure- cookies that hold what they promise are kept."""
    transport = script(sets("__Host-a=1; Secure; Path=/", "__Secure-b=2; Secure; Domain=example.com"), sets())
    with SyncClient(transport=transport) as client:
        client.get(f"{SHOP}/")
        client.get(f"{SHOP}/")
        client.get("https://www.example.com/")
    assert sent(transport) == [None, "__Host-a=1; __Secure-b=2", "__Secure-b=2"]


def test_domains() -> None:
    """Without Domain a cookie is its host's alone, with it that of the domain and all below; on the wire, with ports."""
    lines = ("Set-Cookie: own=1; Path=/", "Set-Cookie: all=2; Domain=example.com; Path=/")
    with serve(answering(response(b"", *lines), response())) as server:
        with SyncClient(resolver=loopback) as client:
            for host in ("shop.example.com", "shop.example.com", "example.com", "deep.shop.example.com", "badexample.com", "127.0.0.1"):
                client.get(on_port(f"http://{host}/", server.port))
    assert [request.headers.get("cookie") for request in server.requests] == [None, "own=1; all=2", "all=2", "all=2", None, None]


def test_cookies_of_a_call() -> None:
    """Cookies of a call win over the jar by name, go once, and are kept nowhere."""
    mine = {"a": "call", "x": "call"}
    transport = script(sets("a=jar; Path=/", "b=jar; Path=/"), sets())
    with SyncClient(transport=transport) as client:
        client.get(f"{SHOP}/")
        client.get(f"{SHOP}/", cookies=mine)
        client.get(f"{SHOP}/", cookies=None)
        client.get(f"{SHOP}/", cookies={})
        assert client.cookies.items() == [("a", "jar"), ("b", "jar")]
    assert sent(transport) == [None, "a=call; x=call; b=jar", "a=jar; b=jar", "a=jar; b=jar"]
    assert mine == {"a": "call", "x": "call"}


def test_a_jar_of_a_call_is_not_filled() -> None:
    """A jar given to a call is read by its own rules and stays as it was; what the server sets goes to the client's."""
    own = CookieJar({"a": "1"})
    own.set("b", "2", domain="example.com", path="/deep")
    transport = script(sets("c=3; Path=/"), sets())
    with SyncClient(transport=transport) as client:
        client.get(f"{SHOP}/deep", cookies=own)
        client.get(f"{SHOP}/", cookies=own)
        assert client.cookies.items() == [("c", "3")]
    assert sent(transport) == ["b=2; a=1", "a=1; c=3"]
    assert own.items() == [("a", "1"), ("b", "2")]


def test_the_callers_header() -> None:
    """A Cookie header of the caller is joined with those of the call and of the jar; the nearer one wins by name."""
    transport = script(sets("a=jar; Path=/", "b=jar; Path=/", "c=jar; Path=/"), sets())
    headers = {"Cookie": "a=head;z=head"}
    with SyncClient(transport=transport) as client:
        client.get(f"{SHOP}/")
        client.get(f"{SHOP}/", headers=headers)
        client.get(f"{SHOP}/", headers=headers, cookies={"b": "call", "a": "call", "z": "call"})
        client.headers["Cookie"] = "c=client"
        client.get(f"{SHOP}/")
    assert sent(transport)[1:] == ["a=head; z=head; b=jar; c=jar", "a=head; z=head; b=call; c=jar", "c=client; a=jar; b=jar"]
    assert headers == {"Cookie": "a=head;z=head"}


def test_cookies_of_no_domain_belong_to_the_base() -> None:
    """With a base URL, cookies that name no domain go to its host alone, whatever the scheme, the port, the path."""
    transport = script(sets())
    with SyncClient("https://shop.example.com/v1", cookies={"a": "1"}, transport=transport) as client:
        for url in ("/x", "http://shop.example.com:8080/", "https://www.shop.example.com/", "https://other.test/"):
            client.get(url)
        client.base_url = "https://other.test"
        client.get("/")
    assert sent(transport) == ["a=1", "a=1", None, None, "a=1"]


def test_cookies_of_no_domain_go_where_the_caller_points() -> None:
    """Without a base URL they go to every host that a caller names, and with no redirect to another origin, nor back."""
    chain = (leads("/same"), leads("https://b.test/"), leads("https://a.test/back"), sets())
    transport = script(*chain, sets())
    with SyncClient(cookies={"a": "1"}, transport=transport) as client:
        client.get("https://a.test/", cookies={"call": "2"})
        client.get("https://b.test/")
    both = "call=2; a=1"
    assert sent(transport) == [both, both, None, None, "a=1"]


def test_from_http_to_https() -> None:
    """From http to https of one host on the default ports is no change of origin; on others it is."""
    transport = script(leads("https://a.test/"), sets(), leads("https://a.test:8443/"), sets())
    with SyncClient(cookies={"a": "1"}, transport=transport) as client:
        client.get("http://a.test/", cookies={"b": "2"})
        client.get("http://a.test/", cookies={"b": "2"})
    assert sent(transport) == ["b=2; a=1", "b=2; a=1", "b=2; a=1", None]


def test_bound_cookies_follow_their_own_rules() -> None:
    """After a redirect to another origin the jar sends what it has for that one, as always."""
    transport = script(sets("b=2"), leads("https://b.test/"), sets())
    with SyncClient(transport=transport) as client:
        client.get("https://b.test/")
        client.get("https://a.test/")
    assert sent(transport) == [None, None, "b=2"]


def test_another_site_does_not_get_strict_cookies_sent() -> None:
    """After a redirect from another site Strict cookies stay behind, and Lax ones unless the method is safe."""
    lines = sets("strict=1; SameSite=Strict", "lax=2; SameSite=Lax", "none=3; SameSite=None; Secure", "plain=4")
    transport = script(lines, leads("https://b.test/"), sets(), leads("https://b.test/", 307), sets(), sets())
    with SyncClient(transport=transport) as client:
        client.get("https://b.test/")
        client.get("https://a.test/")
        client.post("https://a.test/", content=b"x")
        client.get("https://b.test/")
    everything = "strict=1; lax=2; none=3; plain=4"
    assert sent(transport) == [None, None, "lax=2; none=3; plain=4", None, "none=3; plain=4", everything]


def test_one_site_with_many_hosts() -> None:
    """A redirect between two hosts of one registrable domain takes Strict cookies along."""
    transport = script(sets("s=1; SameSite=Strict; Domain=example.com"), leads("https://www.example.com/"), sets())
    with SyncClient(transport=transport) as client:
        client.get("https://shop.example.com/")
        client.get("https://shop.example.com/")
    assert sent(transport) == [None, "s=1", "s=1"]


def filled(jar: http.cookiejar.CookieJar) -> http.cookiejar.CookieJar:
    """A jar of the standard library with one cookie of a domain and one of another."""
    for name, domain in (("here", ".example.com"), ("there", "other.test")):
        jar.set_cookie(
            http.cookiejar.Cookie(
                0, name, "1", None, False, domain, domain[0] == ".", domain[0] == ".", "/", True, False, None, False, None, None, {}
            )
        )
    return jar


def httpx_cookies() -> httpx.Cookies:
    cookies = httpx.Cookies()
    filled(cookies.jar)
    return cookies


SOURCES: dict[str, Callable[[], Any]] = {
    "stdlib": lambda: filled(http.cookiejar.CookieJar()),
    "mozilla": lambda: filled(http.cookiejar.MozillaCookieJar()),
    "requests": lambda: filled(RequestsCookieJar()),
    "httpx": httpx_cookies,
    "ours": lambda: CookieJar(filled(http.cookiejar.CookieJar())),
}


@pytest.mark.parametrize("name", SOURCES)
def test_other_jars(name: str) -> None:
    """The cookies of any jar go to their own domains, given to a client or to a call; a foreign jar is never changed."""
    transport = script(sets("new=1"))
    given = SOURCES[name]()
    with SyncClient(cookies=given, transport=transport) as client:
        client.get(f"{SHOP}/")
        assert "new" in client.cookies
        assert ("new" in list(given)) is (name == "ours")
        client.cookies = CookieJar()
        for host in ("shop.example.com", "other.test", "www.other.test"):
            client.get(f"https://{host}/", cookies=SOURCES[name]())
    assert sent(transport) == ["here=1", "here=1", "there=1", None]


def test_an_empty_jar_is_taken() -> None:
    """An empty jar is the one that is used and filled, by two clients that share it; other jars are not made of it."""
    jar = CookieJar()
    transport = script(sets("a=1"), sets())
    with SyncClient(cookies=jar, transport=transport) as one, SyncClient(cookies=jar, transport=transport) as two:
        assert one.cookies is jar
        one.get(f"{SHOP}/")
        two.get(f"{SHOP}/")
    assert jar.items() == [("a", "1")]
    assert sent(transport) == [None, "a=1"]


def test_cookies_can_be_assigned() -> None:
    """`client.cookies` can be read, filled and assigned between calls; what is no jar is refused as in the constructor."""
    transport = script(sets())
    with SyncClient(transport=transport) as client:
        client.cookies["a"] = "1"
        client.get(f"{SHOP}/")
        client.cookies = {"b": "2"}
        client.get(f"{SHOP}/")
        del client.cookies["b"]
        client.get(f"{SHOP}/")
        with pytest.raises(TypeError, match="cookies must be"):
            client.cookies = 7
        with pytest.raises(ValueError, match="not allowed"):
            client.cookies = {"a": "hush\r\nX: 1"}
        with pytest.raises(ValueError, match="not allowed") as caught:
            client.get(f"{SHOP}/", cookies={"a": "hush;b"})
    assert "hush" not in str(caught.value)
    assert sent(transport) == ["a=1", "b=2", None]


def test_cookies_of_a_request() -> None:
    """A Request brings its own cookies; those that `send` is given replace them; the request can be sent again."""
    transport = script(sets())
    request = Request("GET", "/x", cookies={"a": "1"})
    with SyncClient(SHOP, cookies={"jar": "0"}, transport=transport) as client:
        client.send(request)
        client.send(request, cookies={"b": "2"})
        built = client.build_request("GET", "/y", cookies={"c": "3"})
        client.send(built)
        client.send(built)
        assert client.cookies.items() == [("jar", "0")]
    assert sent(transport) == ["a=1; jar=0", "b=2; jar=0", "c=3; jar=0", "c=3; jar=0"]
    assert "cookie" not in request.headers
    assert "cookie" not in built.headers


def test_a_prepared_redirect_keeps_the_rules() -> None:
    """The next request of a redirect that was not followed leaves the same behind as one that is."""
    transport = script(leads("https://b.test/"), sets())
    with SyncClient(cookies={"jar": "0"}, auth=("ann", "pw"), transport=transport) as client:
        r = client.get("https://a.test/", cookies={"call": "1"}, follow_redirects=False)
        assert r.next_request is not None
        client.send(r.next_request)
        client.send(r.next_request, cookies={"b": "2"})
    assert sent(transport) == ["call=1; jar=0", None, None]
    assert sent(transport, "Authorization")[1:] == [None, None]


def test_values_are_not_shown() -> None:
    """No repr of a client, a jar, a response or a request shows the value of a cookie."""
    transport = script(sets("a=hush"))
    with SyncClient(cookies={"b": "hush"}, transport=transport) as client:
        r = client.get(f"{SHOP}/", cookies={"c": "hush"})
        shown = [client, client.cookies, *client.cookies.cookies(), r, r.request, r.request.headers, r.headers, r.cookies]
    assert "hush" not in repr(shown)
