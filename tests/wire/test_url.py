"""URLs as values: parts, strict reading, resolving and replacing."""

from __future__ import annotations

import copy
import pickle
from time import process_time

import pytest

from httpwire.errors import InvalidURL, UnsupportedScheme, WireError
from httpwire.url import _PLAIN, DEFAULT_PORTS, URL, _parse, encode_host, parse_url

FULL = "https://us%20er:p%40ss@Example.COM:8443/a/b;c?d=e&f#g"


def test_parts() -> None:
    """Every part of a URL is at hand, the host in lower case."""
    url = parse_url(FULL)
    assert (url.scheme, url.username, url.password, url.host, url.port) == ("https", "us%20er", "p%40ss", "example.com", 8443)
    assert (url.path, url.query, url.fragment) == ("/a/b;c", "d=e&f", "g")
    assert (url.target, url.host_header, url.origin) == (b"/a/b;c?d=e&f", b"example.com:8443", ("https", "example.com", 8443))
    assert str(url) == url.href == "https://us%20er:p%40ss@example.com:8443/a/b;c?d=e&f#g"


@pytest.mark.parametrize(("scheme", "port"), DEFAULT_PORTS.items())
def test_default_ports(scheme: str, port: int) -> None:
    """The port of the scheme is known and not written; another one is written."""
    for text in (f"{scheme}://h", f"{scheme}://h:{port}/", f"{scheme.upper()}://H:/", f"{scheme}://h:00{port}"):
        assert (parse_url(text).href, parse_url(text).port, parse_url(text).host_header) == (f"{scheme}://h/", port, b"h")
    other = parse_url(f"{scheme}://h:8080")
    assert (other.href, other.port, other.host_header) == (f"{scheme}://h:8080/", 8080, b"h:8080")


def test_absent_and_empty_parts_differ() -> None:
    """An empty query or fragment is not an absent one."""
    assert (parse_url("http://h/").query, parse_url("http://h/?").query) == (None, "")
    assert (parse_url("http://h/").fragment, parse_url("http://h/#").fragment) == (None, "")
    assert parse_url("http://h?#").href == "http://h/?#"
    assert (parse_url("http://h?").target, parse_url("http://h#").target) == (b"/?", b"/")


def test_hostname() -> None:
    """A resolver gets an IPv6 address without brackets."""
    assert parse_url("http://[2001:DB8:0:0::1]:80/").hostname == "2001:db8::1"
    assert parse_url("http://[2001:db8::1]").host == "[2001:db8::1]"
    assert parse_url("http://h").hostname == "h"


@pytest.mark.parametrize(
    ("credentials", "username", "password"),
    [("u@", "u", ""), ("u:@", "u", ""), (":p@", "", "p"), (":@", "", ""), ("a@b:c@d@", "a%40b", "c%40d"), ("u:a:b@", "u", "a%3Ab")],
)
def test_user_info(credentials: str, username: str, password: str) -> None:
    """User info ends at the last at sign, its name at the first colon; what is reserved in it is encoded."""
    url = parse_url(f"http://{credentials}h/")
    assert (url.username, url.password, url.host) == (username, password, "h")
    assert parse_url(url.href) == url


def test_repr_hides_user_info() -> None:
    """Neither the name nor the password is shown by `repr`."""
    assert repr(parse_url("https://alice:s3cret@h/a")) == "URL('https://*****@h/a')"
    assert repr(parse_url("https://:s3cret@h/a")) == "URL('https://*****@h/a')"
    assert repr(parse_url("https://h/a")) == "URL('https://h/a')"


def test_immutable() -> None:
    """A URL can neither be changed nor lose a part."""
    url = parse_url(FULL)
    for name in ("host", "href", "other"):
        with pytest.raises(AttributeError):
            setattr(url, name, "x")
        with pytest.raises(AttributeError):
            delattr(url, name)
    assert url.href == parse_url(FULL).href


def test_equality() -> None:
    """URLs are equal, and hash alike, when their text is the same in the end."""
    same = {parse_url("http://H:80/a/../b"), parse_url("http://h/b"), URL("http", "h", 80, "/b")}
    assert len(same) == 1
    assert parse_url("http://h/") != parse_url("https://h/")
    assert parse_url("http://h/") != "http://h/"


@pytest.mark.parametrize("text", [FULL, "http://h", "ws://[::1]:9/?", "https://:p@h:80/#"])
def test_copies(text: str) -> None:
    """Pickled and copied URLs are equal in every part."""
    url = parse_url(text)
    for again in (pickle.loads(pickle.dumps(url)), copy.copy(url), copy.deepcopy(url)):
        assert [getattr(again, name) for name in URL.__slots__] == [getattr(url, name) for name in URL.__slots__]


def test_replace() -> None:
    """`replace` changes what is named and keeps the rest; None removes a query or a fragment."""
    url = parse_url(FULL)
    assert url.replace() == url
    assert url.replace(path="/x", query=None, fragment=None).href == "https://us%20er:p%40ss@example.com:8443/x"
    assert url.replace(query="", fragment="z").href.endswith("/a/b;c?#z")
    assert url.replace(username="", password="").href == "https://example.com:8443/a/b;c?d=e&f#g"
    assert url.replace(scheme="http").href.startswith("http://us%20er:p%40ss@example.com:8443/")


def test_replacing_the_scheme_moves_a_default_port() -> None:
    """A port that was the scheme's own becomes that of the new scheme."""
    assert parse_url("http://h/").replace(scheme="wss").port == 443
    assert parse_url("http://h:81/").replace(scheme="wss").port == 81
    assert parse_url("https://h:80/").replace(scheme="http").href == "http://h/"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("", "http://u@h:81/a/b/c?q"),
        ("#x", "http://u@h:81/a/b/c?q#x"),
        ("?x", "http://u@h:81/a/b/c?x"),
        ("x", "http://u@h:81/a/b/x"),
        ("./x/", "http://u@h:81/a/b/x/"),
        ("../x?y#z", "http://u@h:81/a/x?y#z"),
        ("../../../..", "http://u@h:81/"),
        ("/x", "http://u@h:81/x"),
        ("//other:82/x", "http://other:82/x"),
        ("\\\\other\\x", "http://other/x"),
        ("https://s/x", "https://s/x"),
        ("http:x", "http://u@h:81/a/b/x"),
        ("https:x", "https://x/"),
        ("x y\u00e9", "http://u@h:81/a/b/x%20y%C3%A9"),
        (" x\n", "http://u@h:81/a/b/x"),
        ("x:y", None),
        ("ftp://h/", None),
        ("//", None),
        ("//a b/", None),
    ],
)
def test_join(reference: str, expected: str | None) -> None:
    """A reference is resolved as a browser does; user info and port of the base stay with its host."""
    base = parse_url("http://u@h:81/a/b/c?q#f")
    if expected is None:
        with pytest.raises(InvalidURL):
            base.join(reference)
    else:
        assert base.join(reference).href == expected


@pytest.mark.parametrize(
    ("text", "char", "offset"),
    [
        ("http://h/\x00", "0000", 9),
        ("http://h\n/", "000A", 8),
        ("\thttp://h", "0009", 0),
        ("http://h/\r", "000D", 9),
        ("http://h/?\x7f", "007F", 10),
    ],
)
def test_strict_names_controls(text: str, char: str, offset: int) -> None:
    """Strict reading refuses control characters and says which and where, but not the text around them."""
    with pytest.raises(InvalidURL) as caught:
        parse_url(text, strict=True)
    assert f"U+{char} at offset {offset}" in str(caught.value)
    assert "h/" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h",
        "/a",
        "//h/a",
        " http://h/",
        "http:h",
        "http:/h",
        "http:\\\\h",
        "http:/\\h",
        "http://",
        "http:///",
        "http:///h",
        "http://?",
        "http://h\\a",
        "http://u\\@h/",
        "http://h /",
        "http://h\u00a0/",
        "http://h\u3000",
        "http://u :p@h/",
        "http://h:0/",
        "http://h:00",
        "http://h:65536/",
        "http://h:99999999999",
        "http://h:+80/",
        "http://h:8a/",
        "http://h:\u0661/",
        "http://:80/",
        "http://u@/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[v1.a]/",
        "http://h%00/",
        "http://a<b/",
    ],
)
def test_strict_refuses(text: str) -> None:
    """Strict reading refuses what the standard repairs: white space, back slashes, missing slashes, ports out of range."""
    with pytest.raises(InvalidURL) as caught:
        parse_url(text, strict=True)
    assert not isinstance(caught.value, UnsupportedScheme)


@pytest.mark.parametrize("text", ["ftp://h/", "mailto:a@b", "file:///a", "HTTPX://h", "javascript:1", "httpss://h", "data:,", "h:80"])
@pytest.mark.parametrize("strict", [True, False])
def test_other_schemes(text: str, strict: bool) -> None:
    """Another scheme has an error of its own, which is also that of a bad URL and a ValueError."""
    with pytest.raises(UnsupportedScheme) as caught:
        parse_url(text, strict=strict)
    assert isinstance(caught.value, InvalidURL)
    assert isinstance(caught.value, (WireError, ValueError))


@pytest.mark.parametrize(
    ("text", "strict", "repaired"),
    [
        ("http://h/a/%2e%2E/b", "http://h/a/%2e%2E/b", "http://h/b"),
        ("http://h/a/.%2e", "http://h/a/.%2e", "http://h/"),
        ("http://h/%2e", "http://h/%2e", "http://h/"),
        ("http://h/a/../b/./c", "http://h/b/c", "http://h/b/c"),
        ("http://h/a b?c d#e f", "http://h/a%20b?c%20d#e%20f", "http://h/a%20b?c%20d#e%20f"),
        ("http://h/a\\b", "http://h/a/b", "http://h/a/b"),
        ("http://b\u00fccher.de/", "http://xn--bcher-kva.de/", "http://xn--bcher-kva.de/"),
        ("HTTP://H:65535", "http://h:65535/", "http://h:65535/"),
    ],
)
def test_strict_leaves_escaped_dots(text: str, strict: str, repaired: str) -> None:
    """Strict reading resolves dot segments but leaves escaped ones alone; all else is encoded alike."""
    assert parse_url(text, strict=True).href == strict
    assert parse_url(text).href == repaired


def test_port_zero_is_allowed_by_the_standard() -> None:
    """Port 0 is refused in strict reading only, 65536 always."""
    assert parse_url("http://h:0/").port == 0
    with pytest.raises(InvalidURL, match="65536"):
        parse_url("http://h:65536/")


def test_faults_do_not_repeat_the_url() -> None:
    """Messages about a URL never hold its user info or query."""
    for text in ("http://user:s3cret@h:x/", "http://user:s3cret@a b/?s3cret", "ftp://user:s3cret@h/", "s3cret", "http://s3cret@/"):
        for strict in (True, False):
            with pytest.raises(InvalidURL) as caught:
                parse_url(text, strict=strict)
            assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.1", "127.0.0.1"),
        ("0x7f.0.0.1", "127.0.0.1"),
        ("0177.0.0.0x1.", "127.0.0.1"),
        ("4294967295", "255.255.255.255"),
        ("0x", "0.0.0.0"),
        ("EXAMPLE.com.", "example.com."),
        ("ex%41mple", "example"),
        ("\uff11\uff12\uff17.1", "127.0.0.1"),
        ("[::]", "[::]"),
        ("[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]"),
        ("[1:0:0:2:0:0:0:3]", "[1:0:0:2::3]"),
        ("[::ffff:1.2.3.4]", "[::ffff:102:304]"),
        ("[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7:0]"),
        ("fa\u00df.de", "xn--fa-hia.de"),
        ("xn--fa-hia.de", "xn--fa-hia.de"),
        ("\u05d0.com", "xn--4db.com"),
        ("\u0628\u200c\u0628", "xn--ngba799q"),
        ("a_b", "a_b"),
    ],
)
def test_host_forms(text: str, expected: str) -> None:
    """Addresses and names have one form each."""
    assert encode_host(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\u00ad",
        "a b",
        "a%",
        "a%2fb",
        "a:b",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.256",
        "1.2.3.08",
        "1..2",
        "a.0x",
        "4294967296",
        "[]",
        "[1]",
        "[1::2::3]",
        "[:::1]",
        "[1:2:3:4:5:6:7:8:9]",
        "[1:2:3:4:5:6:7::8]",
        "[12345::]",
        "[g::]",
        "[::1.2.3]",
        "[::1.2.3.256]",
        "[::01.2.3.4]",
        "[1.2.3.4::]",
        "[fe80::1%25eth0]",
        "[::1",
        "xn--",
        "xn--a",
        "xn---7a",
        "xn--a-ec99999999999999999999p",
        "xn--\u00e9",
        "xn--zzzzzzzzzzzzzzz",
        "xn--a-0ga\u0301",
        "xn--A-.com",
        "\u0301a",
        "a\u200cb",
        "\u05d0a1\u0661",
        "\u2260\ud800",
        "\ud800",
    ],
)
def test_bad_hosts(text: str) -> None:
    """What is no address and no name is refused, with the one error for URLs."""
    with pytest.raises(InvalidURL):
        encode_host(text)


IDEOGRAPHS = "".join(chr(0x4E00 + at) for at in range(9000))


@pytest.mark.parametrize("host", [IDEOGRAPHS[:600], IDEOGRAPHS, "xn--" + "9a" * 30_000, "\u00e9." * 9000, "%C3%A9" * 9000])
def test_endless_hosts_cost_little(host: str) -> None:
    """An international host that no DNS could hold is refused before it is encoded, which would take its square in time."""
    start = process_time()
    with pytest.raises(InvalidURL):
        encode_host(host)
    assert process_time() - start < 1


@pytest.mark.parametrize("text", ["http://127.0.0.1:80/a?b", "http://1.2.3.4", "https://255.255.255.255:444/x.y", "ws://9.10.11.12:81/"])
def test_a_plain_ipv4_address_is_read_the_short_way(text: str) -> None:
    """And comes to what the long way makes of it."""
    short, long = parse_url(text, True), _parse(text, True, None)
    assert _PLAIN.fullmatch(text)
    assert [getattr(short, name) for name in URL.__slots__] == [getattr(long, name) for name in URL.__slots__]


@pytest.mark.parametrize("host", ["127.0.0.01", "256.1.1.1", "1.2.3", "1.2.3.4.5", "1.2.3.4.", "0x7f.1"])
def test_other_writings_of_addresses_take_the_long_way(host: str) -> None:
    """They are normalised, or refused."""
    assert not _PLAIN.fullmatch(f"http://{host}/")
