"""Cookies on generated input: each side reads what the other one writes."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from httpwire.cookies import (
    MAX_AGE,
    CookieRefused,
    SetCookie,
    canonical_domain,
    check_cookie,
    domain_match,
    parse_cookie,
    parse_cookie_date,
    parse_set_cookie,
    path_match,
    write_cookie,
    write_date,
    write_set_cookie,
)

tokens = st.text("!#$%&'*+-.^_`|~0123456789abcXYZ", min_size=1, max_size=12).filter(lambda name: not name.lower().startswith("__"))
values = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[chr(code) for code in (*range(32), 127)]), max_size=20)
soup = st.lists(
    st.sampled_from(["=", ";", " ", "\t", '"', "\\", ",", "Path=/", "Domain=", "a.test", "Max-Age=", "5", "Expires=", "1 jan 2000 00:00:00",
                     "__Host-", "Secure", "SameSite=none", "\x00", "é"]) | st.text(max_size=4),
    max_size=14,
).map("".join)  # fmt: skip


@given(
    tokens,
    values,
    st.none() | st.integers(-5, MAX_AGE),
    st.none() | st.integers(0, MAX_AGE),
    st.sampled_from([None, "/", "/x y", "/é".encode().hex()]),
    st.sampled_from([None, "a.test"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, "Lax", "Strict"]),
)
def test_a_user_agent_reads_what_a_server_writes(
    name: str,
    value: str,
    max_age: int | None,
    expires: int | None,
    path: str | None,
    domain: str | None,
    secure: bool,
    httponly: bool,
    samesite: str | None,
) -> None:
    """Every attribute arrives, and the server gets back the value that it wrote."""
    line = write_set_cookie(
        name, value, max_age=max_age, expires=expires, path=path, domain=domain, secure=secure, httponly=httponly, samesite=samesite
    )
    read = parse_set_cookie(line, 0.0)
    ends = expires if max_age is None else max(max_age, 0)
    slashed = path if path is not None and path.startswith("/") else ""
    assert read == SetCookie(name, read.value, domain or "", slashed, ends, secure, httponly, samesite)
    assert parse_cookie(write_cookie([(read.name, read.value)])) == [(name, value)]


@given(st.lists(st.tuples(tokens, st.text(" !#$%&'()*+,-./:<=>?@[]^_`{|}~09azAZ").map(str.strip)), max_size=6))
def test_a_server_reads_what_a_user_agent_writes(pairs: list[tuple[str, str]]) -> None:
    """All pairs, in order, repeated names too."""
    assert parse_cookie(write_cookie(pairs)) == pairs


@given(soup)
@example("a=b; Path=/; Domain=x; Max-Age=-")
def test_any_line_is_read_or_refused(line: str) -> None:
    """What is read can be sent: it passes the check of callers, and reads the same again if it has a name."""
    try:
        cookie = parse_set_cookie(line, 0.0)
    except CookieRefused:
        return
    check_cookie(cookie.name, cookie.value)
    assert cookie.expires is None or cookie.expires <= MAX_AGE
    assert cookie.path[:1] in ("", "/")
    if cookie.name and not cookie.name.lower().startswith("__"):
        assert parse_set_cookie(write_cookie([(cookie.name, cookie.value)]), 0.0)[:2] == cookie[:2]


@given(soup)
def test_any_cookie_field_is_read(text: str) -> None:
    """There is no text that a server cannot read; no pair is empty."""
    assert all(name or value or '""' in text for name, value in parse_cookie(text))


@given(st.integers(-11644473600, 253402300799))
def test_dates_are_read_as_they_are_written(seconds: int) -> None:
    """From the first year that a cookie can have to the last that a date can."""
    assert parse_cookie_date(write_date(seconds)) == seconds


@given(soup)
def test_any_text_is_a_date_or_none(text: str) -> None:
    """Nothing else happens."""
    assert isinstance(parse_cookie_date(text), (int, type(None)))


@given(soup)
def test_canonical_domains_stay(text: str) -> None:
    """What has been made canonical once is not changed again, and matches itself."""
    try:
        domain = canonical_domain(text)
    except ValueError:
        return
    assert domain_match(domain, domain)
    assert domain.startswith(".") or canonical_domain(domain) == domain


@given(st.text("/ab", max_size=6), st.text("/ab", max_size=6))
def test_paths_match_on_segments(path: str, below: str) -> None:
    """A path matches each path that continues it after a slash, and no other."""
    path, below = "/" + path, "/" + below
    assert path_match(path + below, path)
    assert path_match(below, path) == (below == path or below.startswith(path if path.endswith("/") else path + "/"))
