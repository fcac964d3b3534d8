"""`Cookie` and `CookieJar`: what is kept, what is refused, what is sent, and what callers see."""

from __future__ import annotations

import copy
import logging
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from fasthttp.cookies import Cookie, CookieJar, same_site
from fasthttp.response import Response
from httpwire.url import parse_url


class Clock:
    """Time that passes when it is told to."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def jar_of(*lines: str, url: str = "https://www.shop.test/a/b", unsafe: bool = False) -> CookieJar:
    """A jar with a clock of its own that has received lines from a URL."""
    jar = CookieJar(unsafe=unsafe)
    jar._clock = Clock()
    jar.store(lines, parse_url(url))
    return jar


def sent(jar: CookieJar, *urls: str) -> list[str | None]:
    return [jar.get_cookie_header(url) for url in urls]


# --- Cookie


def test_a_cookie_is_a_value_that_hides_its_value() -> None:
    """Immutable, comparable, hashable, copied and pickled; neither repr has the value."""
    cookie = Cookie("sid", "secret", ".Shop.Test", "/a", 5, True, True, "lax")
    assert (cookie.domain, cookie.samesite, cookie.host_only) == ("shop.test", "Lax", False)
    assert repr(cookie) == (
        "Cookie(name='sid', value='*****', domain='shop.test', path='/a', expires=5, secure=True, httponly=True, samesite='Lax')"
    )
    assert repr(Cookie("a", "b")) == "Cookie(name='a', value='*****', path='/')"
    assert "secret" not in repr(CookieJar({"sid": "secret"})) + str(CookieJar({"sid": "secret"}))
    assert copy.deepcopy(cookie) == pickle.loads(pickle.dumps(cookie)) == cookie != Cookie("sid", "secret")
    assert len({cookie, copy.copy(cookie)}) == 1
    assert cookie != ("sid", "secret")
    with pytest.raises(AttributeError, match="immutable"):
        cookie.value = "x"
    with pytest.raises(AttributeError, match="immutable"):
        del cookie.value


def test_a_cookie_knows_when_and_where_it_goes() -> None:
    """Time, domain, path and encryption, each alone and together."""
    cookie = Cookie("a", "b", "shop.test", "/x", expires=10, secure=True)
    assert [cookie.is_expired(now) for now in (9.9, 10, 11)] == [False, True, True]
    assert (cookie.is_expired(), Cookie("a", "b").is_expired()) == (True, False)
    assert [cookie.matches_domain(host) for host in ("SHOP.test", "www.shop.test", "xshop.test")] == [True, True, False]
    assert [cookie.matches_path(path) for path in ("/x", "/x/y", "/xy")] == [True, True, False]
    assert cookie.matches("shop.test", "/x", secure=True)
    assert not cookie.matches("shop.test", "/x")
    assert not cookie.matches("shop.test", "/", True)
    assert not cookie.matches("other.test", "/x", True)
    assert Cookie("a", "b").matches("any.test", "/x")
    alone = Cookie("a", "b", "shop.test", host_only=True)
    assert [alone.matches_domain(host) for host in ("shop.test", "www.shop.test")] == [True, False]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"value": "secret\r\n"}, ValueError, r"U\+000D at offset 6"),
        ({"value": "secret;x"}, ValueError, r"U\+003B at offset 6"),
        ({"value": "secret\0"}, ValueError, r"U\+0000 at offset 6"),
        ({"name": "a=b"}, ValueError, "name of a cookie"),
        ({"value": 5}, TypeError, "cookie value must be str, got int"),
        ({"path": "x"}, ValueError, "slash"),
        ({"domain": "a b"}, ValueError, "host"),
        ({"expires": "soon"}, TypeError, "unix seconds"),
        ({"expires": True}, TypeError, "unix seconds"),
        ({"expires": float("nan")}, ValueError, "no time"),
        ({"samesite": "never"}, ValueError, "samesite"),
    ],
)
def test_what_callers_may_not_set(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """As a cookie and into a jar; the message does not hold the value, and the jar keeps nothing."""
    jar = CookieJar()
    for make in (Cookie, jar.set):
        with pytest.raises(error, match=message) as caught:
            make(**{"name": "sid", "value": "secret", **arguments})
        assert "secret" not in str(caught.value)
    assert len(jar) == 0


# --- what a response may set


def test_without_domain_only_the_host_gets_it() -> None:
    """Neither what lies above nor what lies below, and the default path is the folder of the URL."""
    jar = jar_of("sid=1")
    assert sent(jar, "https://www.shop.test/a", "https://www.shop.test/a/c", "http://www.shop.test:81/a/") == ["sid=1"] * 3
    assert (
        sent(jar, "https://shop.test/a/b", "https://x.www.shop.test/a/b", "https://www.shop.test/", "https://www.shop.test/ab")
        == [None] * 4
    )


def test_with_domain_all_below_it_get_it() -> None:
    """Itself included, whatever the case and a leading dot."""
    jar = jar_of("sid=1; Domain=.SHOP.test; Path=/")
    assert sent(jar, "https://shop.test/", "https://www.shop.test/x", "https://a.b.shop.test/") == ["sid=1"] * 3
    assert sent(jar, "https://xshop.test/", "https://test/", "https://shop.test.org/") == [None] * 3


@pytest.mark.parametrize(
    ("line", "url", "reason"),
    [
        ("sid=secret; Domain=other.test", "https://www.shop.test/", "Domain 'other.test' does not cover the host"),
        ("sid=secret; Domain=a.www.shop.test", "https://www.shop.test/", "does not cover"),
        ("sid=secret; Domain=co.uk", "https://www.shop.co.uk/", "public suffix"),
        ("sid=secret; Domain=github.io", "https://me.github.io/", "public suffix"),
        ("sid=secret; Domain=test", "https://www.shop.test/", "public suffix"),
        ("sid=secret; Domain=xn--55qx5d.cn", "https://a.xn--55qx5d.cn/", "public suffix"),
        ("sid=secret; Domain=127.0.0.1", "https://127.0.0.1/", "IP address"),
        ("sid=secret; Domain=[::1]", "https://[::1]/", "IP address"),
        ("sid=secret; Domain=0.0.1", "https://127.0.0.1/", "does not cover"),
        ("sid=secret; Secure", "http://www.shop.test/", "Secure, over an unencrypted connection"),
        ("sid=secret; SameSite=None", "https://www.shop.test/", "SameSite=None without Secure"),
        ("sid=secret\x01", "https://www.shop.test/", "control character"),
        ("sid=secret" + "x" * 4096, "https://www.shop.test/", "4096"),
        ("__Secure-sid=secret", "https://www.shop.test/", "without Secure"),
        ("__Host-sid=secret; Secure; Path=/; Domain=www.shop.test", "https://www.shop.test/", "__Host- with a Domain"),
        ("__Host-sid=secret; Secure", "https://www.shop.test/", "without Path=/"),
    ],
)
def test_what_a_response_may_not_set(line: str, url: str, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is dropped, the log says why at debug level and without the value, and the next line is read."""
    with caplog.at_level(logging.DEBUG, logger="fasthttp.client"):
        jar = jar_of(line, "next=1", url=url)
    assert list(jar) == ["next"]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("fasthttp.client", logging.DEBUG)
    assert reason in record.getMessage()
    assert "secret" not in record.getMessage()


def test_a_host_that_is_a_public_suffix_keeps_cookies_to_itself() -> None:
    """Its own name as Domain is read as none."""
    jar = jar_of("a=1; Domain=github.io; Path=/", url="https://github.io/")
    assert sent(jar, "https://github.io/", "https://me.github.io/") == ["a=1", None]
    assert jar_of("a=1; Domain=localhost", url="http://localhost/").cookies()[0].host_only


def test_an_unsafe_jar_lets_an_address_name_itself() -> None:
    """And nothing else."""
    jar = jar_of("a=1; Domain=127.0.0.1", "b=1; Domain=0.0.1", "c=1; Domain=1", url="http://127.0.0.1/", unsafe=True)
    assert sent(jar, "http://127.0.0.1/", "http://1.127.0.0.1.test/") == ["a=1", None]
    assert list(jar) == ["a"]


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "[::1]"])
def test_this_machine_counts_as_secure(host: str) -> None:
    """A Secure cookie can be set and comes back over http."""
    jar = jar_of("a=1; Secure", url=f"http://{host}:8000/")
    assert sent(jar, f"http://{host}:8000/") == ["a=1"]


def test_secure_cookies_stay_off_unencrypted_connections() -> None:
    """Those of a response and those of a caller; wss counts as https."""
    jar = jar_of("a=1; Secure; Path=/")
    jar.set("b", "2", domain="shop.test", secure=True)
    assert (
        sent(jar, "https://www.shop.test/", "wss://www.shop.test/", "http://www.shop.test/", "ws://www.shop.test/")
        == ["a=1; b=2"] * 2 + [None] * 2
    )


@pytest.mark.parametrize(
    ("line", "url", "kept"),
    [
        ("sid=evil; Path=/", "http://www.shop.test/", ["1"]),
        ("sid=evil; Path=/; Domain=shop.test", "http://www.shop.test/", ["1"]),
        ("sid=evil; Max-Age=0; Path=/; Domain=shop.test", "http://shop.test/", ["1"]),
        ("sid=evil; Path=/x", "http://shop.test/", ["1"]),
        ("sid=evil; Path=/", "http://other.test/", ["1", "evil"]),
        ("name=evil; Path=/", "http://www.shop.test/", ["1", "evil"]),
        ("sid=2; Secure; Path=/; Domain=shop.test", "https://shop.test/", ["2"]),
        ("sid=2; Path=/; Domain=shop.test", "https://shop.test/", ["2"]),
    ],
)
def test_what_came_unencrypted_hides_no_secure_cookie(line: str, url: str, kept: list[str]) -> None:
    """By neither the same nor a neighbouring domain or path; an encrypted answer may replace it."""
    jar = jar_of("sid=1; Secure; Path=/; Domain=shop.test", url="https://shop.test/")
    jar.store([line], parse_url(url))
    assert [cookie.value for cookie in jar.cookies()] == kept


def test_what_came_unencrypted_may_set_a_longer_sibling_path() -> None:
    """The path of a Secure cookie protects what lies below it, not what lies beside or above."""
    jar = jar_of("sid=1; Secure; Path=/admin", url="https://shop.test/")
    jar.set("free", "1", secure=True)
    jar.store(["sid=2; Path=/", "sid=3; Path=/admin/x", "free=2"], parse_url("http://shop.test/"))
    assert [cookie.value for cookie in jar.cookies()] == ["1", "1", "2", "2"]


# --- lifetimes


def test_cookies_end_with_their_time() -> None:
    """Nothing expired is sent or shown, also from what is remembered; Max-Age goes before Expires."""
    jar = jar_of(
        "a=1; Max-Age=5; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "b=2; Max-Age=9", "c=3", "d=4; Expires=Mon, 12 Jan 1970 13:46:47 GMT"
    )
    clock = jar._clock
    assert isinstance(clock, Clock)
    url = "https://www.shop.test/a/"
    for later, header in ((4.9, "a=1; b=2; c=3; d=4"), (5, "b=2; c=3; d=4"), (7, "b=2; c=3"), (9, "c=3"), (1e9, "c=3")):
        clock.now = Clock.now + later
        assert sent(jar, url, url) == [header] * 2
        assert len(jar) == len(list(jar)) == header.count("=")
    assert [cookie.name for cookie in jar._cookies.values()] == ["c"]


def test_deleting_is_setting_with_a_time_that_is_over() -> None:
    """By age or date, only with the same name, domain, path; of nothing it is nothing."""
    for end in ("Max-Age=0", "Max-Age=-1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT"):
        jar = jar_of("a=1; Path=/", "b=2; Path=/")
        jar.store(
            [f"a=; {end}", f"b=; {end}; Path=/x", f"a=; {end}; Path=/; Domain=www.shop.test", f"z=; {end}"],
            parse_url("https://www.shop.test/x/y"),
        )
        assert list(jar) == ["a", "b"]
        jar.store([f"a=; {end}; Path=/"], parse_url("https://www.shop.test/"))
        assert sent(jar, "https://www.shop.test/") == ["b=2"]
    jar.set("b", "2", "www.shop.test", max_age=-1)
    assert list(jar) == ["b"]  # that one is the host's alone, not the domain's


def test_no_server_decides_for_more_than_400_days() -> None:
    """A caller may."""
    jar = jar_of("a=1; Max-Age=99999999999", "b=1; Expires=Thu, 01 Jan 2099 00:00:00 GMT")
    jar.set("c", "1", max_age=99999999999)
    limit = Clock.now + 400 * 86400
    assert [cookie.expires for cookie in jar.cookies()] == [limit, limit, Clock.now + 99999999999]


# --- order, identity, bounds


def test_longest_path_first_then_oldest() -> None:
    """An update keeps its place, also among cookies of several domains; one that comes back has lost it."""
    jar = jar_of("a=1; Path=/", "b=1; Path=/a", "c=1; Path=/; Domain=shop.test", "d=1; Path=/a/b", "a=2; Path=/")
    url = "https://www.shop.test/a/b"
    assert sent(jar, url) == ["d=1; b=1; a=2; c=1"]
    jar.store(["a=; Path=/; Max-Age=0", "a=3; Path=/"], parse_url(url))
    assert sent(jar, url) == ["d=1; b=1; c=1; a=3"]


def test_a_cookie_is_one_by_name_domain_and_path() -> None:
    """Host-only and not are two."""
    jar = jar_of("a=1; Path=/", "a=2; Path=/; Domain=www.shop.test", "a=3; Path=/a", "a=4; Path=/")
    assert [cookie.value for cookie in jar.cookies()] == ["4", "2", "3"]
    assert sent(jar, "https://www.shop.test/a") == ["a=3; a=4; a=2"]


def test_a_cookie_without_a_name_is_sent_as_its_value() -> None:
    """There can be one for each path."""
    assert sent(jar_of("one", "two", "=three", "n="), "https://www.shop.test/a/") == ["three; n="]


def test_a_domain_has_180_cookies() -> None:
    """The oldest goes, but what has expired goes first."""
    jar = jar_of(*(f"n{number}=1" for number in range(181)))
    assert list(jar) == [f"n{number}" for number in range(1, 181)]
    jar = jar_of("keep=1", "short=1; Max-Age=5", *(f"n{number}=1" for number in range(178)))
    assert isinstance(jar._clock, Clock)
    jar._clock.now += 6
    jar.store(["last=1"], parse_url("https://www.shop.test/a/b"))
    assert list(jar) == ["keep", *(f"n{number}" for number in range(178)), "last"]


def test_a_jar_has_3000_cookies() -> None:
    """The oldest of all goes, whatever its domain, and a domain that has lost its last is forgotten."""
    jar = CookieJar()
    for number in range(3002):
        jar.store([f"n{number}=1"], parse_url(f"https://h{number // 100}.test/"))
    assert (len(jar), next(iter(jar)), "n3001" in jar) == (3000, "n2", True)
    for number in range(98):
        jar.store([f"m{number}=1"], parse_url("https://m.test/"))
    assert "h0.test" not in jar._domains
    assert sum(map(len, jar._domains.values())) == len(jar) == 3000


def test_callers_may_set_more_for_all_hosts_than_a_domain_may() -> None:
    """What is bound to no domain has no share of its own."""
    assert len(CookieJar({f"n{number}": "1" for number in range(500)})) == 500


# --- what is sent


def test_cookies_without_domain_go_to_any_host_unless_told_otherwise() -> None:
    """Those of their path and encryption; what the server has set under the same name goes instead."""
    jar = CookieJar({"a": "1", "b": "2"})
    jar.set("s", "3", secure=True)
    jar.set("p", "4", path="/p")
    assert sent(jar, "http://x.test/", "https://y.test/", "http://x.test/p/") == ["a=1; b=2", "a=1; b=2; s=3", "p=4; a=1; b=2"]
    assert jar.header_for(parse_url("http://x.test/"), unbound=False) is None
    jar.store(["a=5; Path=/"], parse_url("http://x.test/"))
    assert sent(jar, "http://x.test/", "http://y.test/") == ["b=2; a=5", "a=1; b=2"]
    assert jar.header_for(parse_url("http://x.test/"), unbound=False) == "a=5"


def test_same_site_cookies_stay_behind_when_another_site_led_here() -> None:
    """Strict always, Lax with a method that changes things; None and cookies that say nothing go along."""
    jar = jar_of("s=1; SameSite=Strict", "l=1; SameSite=Lax", "n=1; SameSite=None; Secure", "d=1", url="https://shop.test/")
    url = parse_url("https://shop.test/")
    assert jar.header_for(url) == jar.header_for(url, safe=False) == "s=1; l=1; n=1; d=1"
    assert jar.header_for(url, cross_site=True) == "l=1; n=1; d=1"
    assert jar.header_for(url, cross_site=True, safe=False) == "n=1; d=1"


def test_what_is_remembered_is_never_old() -> None:
    """Each change of the jar shows in the next field, and the memory is bounded."""
    jar = CookieJar()
    url = parse_url("https://shop.test/")
    assert jar.header_for(url) is None
    changes: list[tuple[Callable[[], None], str | None]] = [
        (lambda: jar.set("a", "1"), "a=1"),
        (lambda: jar.store(["b=2"], url), "a=1; b=2"),
        (lambda: jar.store(["b=2"], url), "a=1; b=2"),
        (lambda: jar.store(["b=2; Secure"], url), "a=1; b=2"),
        (lambda: jar.store(["b=3"], url), "a=1; b=3"),
        (lambda: jar.__setitem__("a", "4"), "a=4; b=3"),
        (lambda: jar.remove("b"), "a=4"),
        (lambda: jar.store(["a=; Max-Age=0"], url), "a=4"),
        (jar.clear, None),
        (lambda: jar.set("c", ""), "c="),
    ]
    for change, header in changes:
        change()
        assert [jar.header_for(url), jar.header_for(url)] == [header] * 2
    for number in range(1000):
        jar.header_for(parse_url(f"https://shop.test/{number}"))
    assert len(jar._headers) <= 256


def test_a_host_of_many_labels_costs_no_more_than_its_length() -> None:
    """Beyond what DNS can hold only the host itself is looked up."""
    jar = jar_of("a=1; Domain=shop.test; Path=/")
    assert sent(jar, "https://" + "a." * 120 + "shop.test/", "https://" + "a." * 50_000 + "shop.test/") == ["a=1", None]


def test_a_bad_url_is_an_error() -> None:
    """The jar does not guess."""
    with pytest.raises(ValueError, match="scheme"):
        CookieJar({"a": "1"}).get_cookie_header("shop.test")


def test_responses_are_read_with_all_their_lines() -> None:
    """By the URL of the response."""
    response = Response(200, headers=[("Set-Cookie", "a=1; Path=/"), ("set-cookie", "b=2, c=3"), ("X", "d=4")], url="https://shop.test/x/y")
    jar = CookieJar()
    jar.add_from_response(response)
    assert jar.items() == [("a", "1"), ("b", "2, c=3")]
    assert jar.cookies()[1].path == "/x"


# --- what callers see


def test_a_jar_looks_like_a_mapping_of_names() -> None:
    """`len`, `in`, `[]`, iteration, and truth by length; among equal names the last one counts."""
    jar = CookieJar({"a": "1"})
    jar.set("a", "2", domain="shop.test", path="/x")
    jar["b"] = "3"
    assert (len(jar), list(jar), "a" in jar, "c" in jar, bool(jar), bool(CookieJar())) == (3, ["a", "a", "b"], True, False, True, False)
    assert jar.items() == [("a", "1"), ("a", "2"), ("b", "3")]
    assert (jar["a"], jar.get("a"), jar.get("c"), jar.get("c", "x")) == ("2", "2", None, "x")
    assert (jar.get("a", domain=".SHOP.test"), jar.get("a", path="/"), jar.get("a", domain="x.test")) == ("2", "1", None)
    with pytest.raises(KeyError, match="c"):
        jar["c"]
    assert repr(jar) == "<CookieJar: 3 cookies>"
    assert (jar.keys(), jar.values(), dict(jar)) == (["a", "a", "b"], ["1", "2", "3"], {"a": "2", "b": "3"})


def test_a_jar_takes_over_the_cookies_of_another() -> None:
    """`update` takes what a jar can be made of; a domain comes along, and what was there under the same key is replaced."""
    jar, other = CookieJar({"a": "1", "b": "2"}), CookieJar({"b": "3"})
    other.set("c", "4", domain="shop.test")
    jar.update(other)
    jar.update({"d": "5"})
    assert jar.items() == [("a", "1"), ("b", "3"), ("c", "4"), ("d", "5")]
    assert jar.get("c", domain="shop.test") == "4"
    assert len(other) == 2
    with pytest.raises(TypeError, match="cookies must be a mapping"):
        jar.update(5)


@pytest.mark.parametrize("value", [None, 5, b"secret"])
def test_a_value_that_is_no_text_names_its_cookie(value: Any) -> None:
    """In a mapping, before anything is kept; the value is not shown."""
    jar = CookieJar()
    with pytest.raises(TypeError, match=f"cookie 'sid' must be str, got {type(value).__name__}"):
        jar.update({"a": "1", "sid": value})
    assert len(jar) == 0


def test_removing() -> None:
    """By name, domain, path; what is not there need not be removed, except by `del`."""
    jar = CookieJar({"a": "1", "b": "2"})
    jar.set("a", "3", domain="shop.test")
    jar.set("a", "4", domain="shop.test", path="/x")
    jar.remove("a", domain="shop.test", path="/")
    assert [cookie.value for cookie in jar.cookies()] == ["1", "2", "4"]
    jar.remove("a")
    jar.remove("a")
    assert list(jar) == ["b"]
    del jar["b"]
    with pytest.raises(KeyError):
        del jar["b"]
    assert (len(jar), jar._domains) == (0, {})


def test_statistics_count_kinds() -> None:
    """As a plain dict of numbers."""
    jar = jar_of("a=1; Max-Age=5", "b=2; Secure", "c=3; Domain=shop.test")
    jar["d"] = "4"
    assert jar.get_stats() == {"cookies": 4, "domains": 2, "persistent": 1, "session": 3, "secure": 1}


# --- sites, threads, imports


def test_sites_are_registrable_domains() -> None:
    """By the public suffix list; an address or a suffix is a site of its own."""
    assert same_site("a.shop.co.uk", "b.shop.co.uk")
    assert same_site("localhost", "localhost")
    assert same_site("127.0.0.1", "127.0.0.1")
    for pair in (
        ("a.co.uk", "b.co.uk"),
        ("a.github.io", "b.github.io"),
        ("co.uk", "a.co.uk"),
        ("1.0.0.1", "2.0.0.1"),
        ("a.test", "1.0.0.1"),
        ("com", "org"),
    ):
        assert not same_site(*pair)


def test_a_jar_is_shared_by_threads() -> None:
    """Writers, readers and expiry at once: no error, no lost cookie, and the indexes agree."""
    jar = CookieJar()
    errors: list[BaseException] = []

    def work(worker: int) -> None:
        try:
            url = parse_url(f"https://h{worker}.shop.test/")
            for number in range(100):
                jar.store([f"n{number}=1; Path=/", f"shared={worker}; Domain=shop.test; Path=/", "gone=1; Max-Age=0"], url)
                jar.set(f"own{worker}", str(number))
                assert f"n{number}=1" in (jar.header_for(url) or "")
                list(jar), jar.get_stats(), jar.get("shared")
                jar.remove(f"own{worker}")
        except BaseException as exc:
            errors.append(exc)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []
    assert len(jar) == 401
    assert sum(map(len, jar._domains.values())) == 401


def test_the_public_suffix_list_is_loaded_on_first_need() -> None:
    """Importing, setting, sending and host-only cookies do without it, and `http.cookiejar` is not imported for its sake."""
    code = """if True:
        import sys
        from fasthttp.cookies import CookieJar
        from httpwire.url import parse_url
        jar = CookieJar({"a": "b"})
        url = parse_url("https://shop.test/")
        jar.store(["c=d", "e=f; Domain=other.test"], url)
        assert jar.header_for(url) == "a=b; c=d"
        assert "publicsuffixlist" not in sys.modules and "http.cookiejar" not in sys.modules
        jar.store(["g=h; Domain=shop.test"], url)
        assert "publicsuffixlist" in sys.modules and "urllib.request" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True)
