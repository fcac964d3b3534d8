"""Cookies as text: what a user agent reads and writes, and what a server does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from httpwire.cookies import (
    MAX_AGE,
    CookieRefused,
    SetCookie,
    canonical_domain,
    check_cookie,
    check_same_site,
    default_path,
    domain_match,
    is_ip,
    is_loopback,
    parse_cookie,
    parse_cookie_date,
    parse_set_cookie,
    path_match,
    write_cookie,
    write_date,
    write_set_cookie,
)

NOW = 1_000_000.0
DATES: list[dict[str, str | None]] = json.loads((Path(__file__).parents[1] / "data" / "cookie_dates.json").read_text())["cases"]


def read(line: str) -> SetCookie:
    return parse_set_cookie(line, NOW)


@pytest.mark.parametrize("case", DATES, ids=lambda case: case["test"])
def test_dates_of_the_working_group(case: dict[str, str | None]) -> None:
    """The dates of the IETF's http-state tests come out as they say, or are no dates where they say so."""
    seconds = parse_cookie_date(case["test"] or "")
    assert (None if seconds is None else write_date(seconds)) == case["expected"]


def test_there_are_as_many_dates_as_the_working_group_has() -> None:
    """Seventy."""
    assert len(DATES) == 70


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Thursday, 01-Jan-70 00:00:01 GMT", 1),
        ("Thu Jan  1 00:00:02 1970", 2),
        ("1 jan 1970 0:0:3", 3),
        ("1970 january 01 00:00:04", 4),  # 1970 is no day: a day has two digits
        ("01 january 1970 00:00:05", 5),
        ("1 jan 69 00:00:00", 3124224000),
        ("1 jan 70 00:00:00", 0),
        ("1 jan 99 00:00:00", 915148800),
        ("1 jan 1601 00:00:00", -11644473600),
        ("1 jan 1600 00:00:00", None),
        ("1 jan 100 00:00:00", None),
        ("31 dec 9999 23:59:59", 253402300799),
        ("31 dec 10000 23:59:59", None),
        ("29 feb 2000 00:00:00", 951782400),
        ("29 feb 1900 00:00:00", None),
        ("31 apr 2000 00:00:00", None),
        ("0 apr 2000 00:00:00", None),
        ("32 jan 2000 00:00:00", None),
        ("1 jan 2000 24:00:00", None),
        ("1 jan 2000 00:60:00", None),
        ("1 jan 2000 00:00:60", None),
        ("1 jan 2000 00:00", None),
        ("1 jan 2000 00:00:000", None),
        ("1 jan 2000 00:00:00x9", 946684800),
        ("1st jan 2000AD 00:00:00", 946684800),
        ("1 2 jan 2000 00:00:00", 946684800),  # 2 is no year: a year has two digits at least
        ("jan 2000 00:00:00", None),
        ("1 2000 00:00:00", None),
        ("1 jan 00:00:00", None),
        ("1 jan 2000 00:00:00 5 feb 2001 01:01:01", 946684800),
        ("\u0661 jan 2000 00:00:00", None),
        ("", None),
    ],
)
def test_dates(text: str, expected: int | None) -> None:
    """Each part counts where it first stands, in its own form; impossible days and times are no dates."""
    assert parse_cookie_date(text) == expected


def test_dates_that_cannot_be_written() -> None:
    """A year of five digits has no form."""
    assert write_date(-62135596800) == "Mon, 01 Jan 0001 00:00:00 GMT"
    for seconds in (253402300800, -62135596801, 1e30):
        with pytest.raises(ValueError, match="outside"):
            write_date(seconds)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=b", ("a", "b")),
        (" a\t= b c\t;x", ("a", "b c")),
        ("a=b=c", ("a", "b=c")),
        ("a=", ("a", "")),
        ("=b", ("", "b")),
        ("b", ("", "b")),
        ("=a=b", ("", "a=b")),
        ('a="b;c"', ("a", '"b')),
        ("a\t=\tb", ("a", "b")),
        ("é=ü", ("é", "ü")),
    ],
)
def test_name_and_value(line: str, expected: tuple[str, str]) -> None:
    """The first equals sign separates; without one there is no name. Quotes mean nothing to a user agent."""
    assert read(line) == (*expected, "", "", None, False, False, None)


@pytest.mark.parametrize(
    ("attributes", "changes"),
    [
        ("SECURE; HttpOnly=whatever", {"secure": True, "httponly": True}),
        (" path = /x ", {"path": "/x"}),
        ("Path=/x; Path=/y", {"path": "/y"}),
        ("Path=/x; Path=y", {}),
        ("Path=/x; Path", {}),
        ("Domain=.Example.COM", {"domain": "example.com"}),
        ("Domain=a.test; Domain=", {}),
        ("Domain=..a.test", {"domain": ".a.test"}),
        ("Max-Age=5", {"expires": NOW + 5}),
        ("Max-Age=5; Expires=Thu, 01 Jan 2070 00:00:00 GMT", {"expires": NOW + 5}),
        ("Expires=Mon, 12 Jan 1970 13:46:41 GMT", {"expires": NOW + 1}),
        ("Expires=Thu, 01 Jan 2070 00:00:00 GMT", {"expires": NOW + MAX_AGE}),
        ("Expires=Thu, 01 Jan 1970 00:00:09 GMT", {"expires": 9}),
        ("Expires=soon", {}),
        ("Expires=Thu, 01 Jan 1970 00:00:09 GMT; Expires=soon", {"expires": 9}),
        ("Max-Age=0", {"expires": 0}),
        ("Max-Age=-1", {"expires": 0}),
        ("Max-Age=" + "9" * 1024, {"expires": NOW + MAX_AGE}),
        ("Max-Age=5; Max-Age=six", {"expires": NOW + 5}),
        ("Max-Age=", {}),
        ("Max-Age=-", {}),
        ("Max-Age=+5", {}),
        ("Max-Age=5.5", {}),
        ("Max-Age=\u0665", {}),
        ("SameSite=strict", {"samesite": "Strict"}),
        ("SameSite=LAX", {"samesite": "Lax"}),
        ("SameSite=none; Secure", {"samesite": "None", "secure": True}),
        ("SameSite=Lax; SameSite=sometimes", {}),
        ("Path=/" + "x" * 1023, {"path": "/" + "x" * 1023}),
        ("Path=/y; Path=/" + "x" * 1024, {"path": "/y"}),
        ("Path=/y; Path=/" + "é" * 512, {"path": "/y"}),
        ("Partitioned; Priority=High; ;;=", {}),
    ],
)
def test_attributes(attributes: str, changes: dict[str, Any]) -> None:
    """The last valid one of a name counts; what is too long, void or unknown changes nothing. No lifetime exceeds 400 days."""
    assert read(f"a=b; {attributes}") == read("a=b")._replace(**changes)


@pytest.mark.parametrize("code", [*range(0x20), 0x7F, 0xD800])
@pytest.mark.parametrize("line", ["a{}=b", "a=b{}c", "a=b; Path=/{}"])
def test_control_characters_refuse_the_line(code: int, line: str) -> None:
    """Wherever they stand; a tab is white space. The message has the place, not the value."""
    line = line.format(chr(code))
    if code == 9:
        assert read(line)
        return
    with pytest.raises(CookieRefused, match=rf"^control character U\+{code:04X} at offset {line.index(chr(code))}$"):
        read(line)


@pytest.mark.parametrize("line", ["", " ", "=", " = ", ";", "; Path=/", "\t"])
def test_lines_without_name_and_value_are_refused(line: str) -> None:
    """There is nothing to send."""
    with pytest.raises(CookieRefused, match="neither name nor value"):
        read(line)


def test_name_and_value_have_4096_octets_together() -> None:
    """White space and attributes do not count; characters beyond ASCII count as they are sent."""
    assert read("n" * 96 + "= " + "v" * 4000 + " ; Comment=" + "x" * 5000)
    assert read("é" * 2048)
    for line in ("n" * 97 + "=" + "v" * 4000, "n" * 4097, "=" + "v" * 4097, "é" * 2049):
        with pytest.raises(CookieRefused, match="more than 4096 octets"):
            read(line)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a=b; Domain=münchen.test", "beyond ASCII"),
        ("a=b; SameSite=None", "without Secure"),
        ("__Secure-a=b", "prefix without Secure"),
        ("__sEcUrE-a=b; Path=/", "prefix without Secure"),
        ("__Host-a=b; Path=/", "prefix without Secure"),
        ("__Host-a=b; Secure", "without Path=/"),
        ("__host-a=b; Secure; Path=/x", "without Path=/"),
        ("__host-a=b; Secure; Path=x", "without Path=/"),
        ("=__Host-a=b; Secure; Path=/", "without a name"),
        ("__Secure-a; Secure", "without a name"),
    ],
)
def test_promises_that_are_not_kept_refuse_the_line(line: str, reason: str) -> None:
    """Prefixes count in any case, and also where a missing name would make the server see one."""
    with pytest.raises(CookieRefused, match=reason):
        read(line)


def test_promises_that_are_kept() -> None:
    """A prefix with its attributes; and names that only look like one."""
    for line in ("__Secure-a=b; Secure", "__Host-a=b; Secure; Path=/", "__Hosta=b", "__Secure=b", "a__Host-=b", "a=__Host-b"):
        assert read(line)


def test_lines_are_read_in_linear_time() -> None:
    """A long line of what might be repeated takes no longer than its length."""
    for piece in ("; Path=/x", ";", "; Expires=Thu, 01 Jan 2070 00:00:00 GMT", "; Max-Age=" + "9" * 1000):
        assert read("a=" + piece * (200_000 // len(piece)))
    with pytest.raises(CookieRefused, match="octets"):
        read("=" * 200_000)
    assert parse_cookie_date("1 " * 100_000) is None
    assert len(parse_cookie("a=b;" * 50_000)) == 50_000
    assert parse_cookie("=" * 200_000) == [("", "=" * 199_999)]
    assert parse_cookie('"' + "\\" * 200_000 + '"') == [("", "\\" * 100_000)]


@pytest.mark.parametrize(
    ("host", "domain", "expected"),
    [
        ("a.test", "a.test", True),
        ("x.a.test", "a.test", True),
        ("y.x.a.test", "a.test", True),
        ("xa.test", "a.test", False),
        ("a.test", "x.a.test", False),
        ("a.test.", "a.test", False),
        ("1.2.3.4", "1.2.3.4", True),
        ("1.2.3.4", "3.4", False),
        ("[::1]", "[::1]", True),
        ("x.[::1]", "[::1]", False),
    ],
)
def test_domain_match(host: str, domain: str, expected: bool) -> None:
    """The domain itself and what lies below it, on the border of a label; an address matches only itself."""
    assert domain_match(host, domain) is expected


@pytest.mark.parametrize(
    ("path", "cookie_path", "expected"),
    [
        ("/", "/", True),
        ("/foo", "/", True),
        ("/foo", "/foo", True),
        ("/foo/", "/foo", True),
        ("/foo/bar", "/foo", True),
        ("/foo/bar", "/foo/", True),
        ("/foo", "/foo/", False),
        ("/foobar", "/foo", False),
        ("/bar", "/foo", False),
        ("/FOO", "/foo", False),
    ],
)
def test_path_match(path: str, cookie_path: str, expected: bool) -> None:
    """The path itself and what lies below it, on the border of a segment."""
    assert path_match(path, cookie_path) is expected


def test_default_path_is_the_folder() -> None:
    """Without its last slash, but for the root."""
    paths = {"/": "/", "/a": "/", "/a/": "/a", "/a/b": "/a", "/a/b/": "/a/b", "": "/", "*": "/"}
    assert {path: default_path(path) for path in paths} == paths


def test_addresses_and_loopback() -> None:
    """Addresses by their form; this machine by name or address."""
    assert all(map(is_ip, ("1.2.3.4", "[::1]", "127.0.0.1.")))
    assert not any(map(is_ip, ("a.test", "1.a", "localhost", "1.2.3.x4")))
    assert all(map(is_loopback, ("localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]")))
    assert not any(map(is_loopback, ("localhost.test", "127.test", "128.0.0.1", "[::2]", "xlocalhost")))


def test_domains_become_canonical() -> None:
    """Case, a leading dot, letters beyond ASCII and the writing of addresses make no difference."""
    forms = {".Example.COM": "example.com", "bücher.test": "xn--bcher-kva.test", "::1": "[::1]", "[0:0::1]": "[::1]", "127.1": "127.0.0.1"}
    assert {text: canonical_domain(text) for text in forms} == forms
    for text in ("", ".", "a b", "a.test:80", "[::1", "1::2::3"):
        with pytest.raises(ValueError, match=r"host|address|bracket|IPv6"):
            canonical_domain(text)


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", ";", "\x7f", "\x1f", "\ud800"])
def test_what_callers_must_not_write(bad: str) -> None:
    """The message has the name, the character and its place, never the value."""
    with pytest.raises(ValueError, match=rf"^value of cookie 'sid': character U\+{ord(bad):04X} at offset 6 is not allowed$"):
        check_cookie("sid", f"secret{bad}")
    with pytest.raises(ValueError, match=r"^name of a cookie: character U\+"):
        check_cookie(f"s{bad}id", "secret")


def test_names_and_values_that_callers_may_write() -> None:
    """One of both is needed; an equals sign has its place in a value only."""
    check_cookie("a", "")
    check_cookie("", "b")
    check_cookie("ä b", 'x="1",\té')
    check_cookie("a\tb", "")
    with pytest.raises(ValueError, match="name of a cookie"):
        check_cookie("a=", "b")
    with pytest.raises(ValueError, match="needs a name or a value"):
        check_cookie("", "")
    wrong: Any = 5
    for pair in ((wrong, "b"), ("a", wrong), ("a", None)):
        with pytest.raises(TypeError, match="must be str"):
            check_cookie(*pair)


def test_same_site_words() -> None:
    """Any case, one spelling; another word is an error."""
    assert [check_same_site(word) for word in ("STRICT", "lax", "none", None)] == ["Strict", "Lax", "None", None]
    with pytest.raises(ValueError, match="'never'"):
        check_same_site("never")


def test_a_user_agent_writes_values_without_a_name_alone() -> None:
    """In the order given, joined by a semicolon and a space."""
    assert write_cookie([("a", "1"), ("", "x"), ("a", "")]) == "a=1; x; a="


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=b; c=d", [("a", "b"), ("c", "d")]),
        ("a=b;c=d;a=e", [("a", "b"), ("c", "d"), ("a", "e")]),
        (" a = b ;; ; =; c", [("a", "b"), ("", "c")]),
        ("a=b=c; d=", [("a", "b=c"), ("d", "")]),
        ("=x", [("", "x")]),
        ("", []),
        ('a="b c"', [("a", "b c")]),
        (r'a="q\"\\\054\073\351"', [("a", 'q"\\,;é')]),
        (r'a="\9\400\x"', [("a", "9400x")]),
        ('a="', [("a", '"')]),
        ('a="b', [("a", '"b')]),
        ('a=""', [("a", "")]),
    ],
)
def test_a_server_reads_pairs(text: str, expected: list[tuple[str, str]]) -> None:
    """In order, repeated names kept; what is quoted loses its quotes, what is odd stays as it is."""
    assert parse_cookie(text) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (lambda: write_set_cookie("a", "b"), "a=b; Path=/"),
        (lambda: write_set_cookie("a", path=None), "a="),
        (lambda: write_set_cookie("a", 'b c"\\,;é€', path=None), r'a="b c\"\\\054\073\351€"'),
        (lambda: write_set_cookie("a", "b", max_age=0, expires=0, secure=True, httponly=True, samesite="LAX",
                                  domain="a.test", partitioned=True),
         "a=b; Domain=a.test; expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Max-Age=0; Partitioned; Path=/; SameSite=lax; Secure"),
        (lambda: write_set_cookie("a", "b", expires="Thu, 01 Jan 1970 00:00:00 GMT", path="/x"),
         "a=b; expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/x"),
    ],
)  # fmt: skip
def test_a_server_writes_lines(line: Callable[[], str], expected: str) -> None:
    """Attributes in the order of their names, values quoted where they must be."""
    assert line() == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "not a token"),
        ({"name": "a b"}, "not a token"),
        ({"name": "a="}, "not a token"),
        ({"name": "é"}, "not a token"),
        ({"value": "secret\n"}, r"U\+000A at offset 6"),
        ({"value": "secret\t"}, r"U\+0009 at offset 6"),
        ({"value": "\ud800"}, r"U\+D800"),
        ({"path": "/;x"}, r"Path of cookie 'a': character U\+003B"),
        ({"domain": "é.test"}, r"Domain of cookie 'a': character U\+00E9"),
        ({"expires": "soon\r\n"}, r"expires of cookie 'a': character U\+000D"),
        ({"expires": 1e300}, "outside"),
        ({"samesite": "never"}, "samesite"),
    ],
)
def test_what_a_server_must_not_write(arguments: dict[str, Any], message: str) -> None:
    """The message names the part and the place, never the value."""
    with pytest.raises(ValueError, match=message) as caught:
        write_set_cookie(**{"name": "a", "value": "secret", **arguments})
    assert "secret" not in str(caught.value)
