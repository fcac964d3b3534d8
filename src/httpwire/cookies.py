"""Cookies as text, for both ends of the wire: RFC 6265bis. Knows no jar and no clock; `now` is an argument.

A user agent reads `Set-Cookie` and writes `Cookie`, a server the other way round. What a user agent must not accept
raises `CookieRefused`, what a caller must not write raises `ValueError`; neither message holds a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from httpwire.errors import WireError
from httpwire.url import encode_host

__all__ = [
    "MAX_AGE",
    "CookieRefused",
    "SetCookie",
    "canonical_domain",
    "check_cookie",
    "check_same_site",
    "default_path",
    "domain_match",
    "is_ip",
    "is_loopback",
    "parse_cookie",
    "parse_cookie_date",
    "parse_set_cookie",
    "path_match",
    "write_cookie",
    "write_date",
    "write_set_cookie",
]

MAX_AGE = 400 * 86400  # seconds; no server decides for longer (§5.5)
_MAX_PAIR = 4096  # octets of name and value (§5.6)
_MAX_ATTRIBUTE = 1024  # octets of an attribute's value

_WHITE = " \t"
_SAME_SITE = {"strict": "Strict", "lax": "Lax", "none": "None"}
_INTEGER = re.compile(r"-?[0-9]+")
# Control characters but the tab, and lone surrogates, which have no UTF-8 form.
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_CONTROL_OR_TAB = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_BAD_NAME = re.compile(r"[\x00-\x08\x0a-\x1f\x7f;=\ud800-\udfff]")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f;\ud800-\udfff]")
_BAD_ATTRIBUTE = re.compile(r"[^\x20-\x3a\x3c-\x7e]")
_NOT_TOKEN = re.compile(r"[^!#$%&'*+\-.^_`|~0-9A-Za-z]")

# §5.1.1: what separates the tokens of a date, and the tokens; digits may be followed by anything but a digit.
_DATE_TOKEN = re.compile(r"[^\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_DAY = re.compile(r"[0-9]{1,2}(?![0-9])")
_YEAR = re.compile(r"[0-9]{2,4}(?![0-9])")
_MONTH_NAMES = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_MONTHS = {name.lower(): number for number, name in enumerate(_MONTH_NAMES, 1)}
_DAY_NAMES = "Mon Tue Wed Thu Fri Sat Sun".split()
_EPOCH = date(1970, 1, 1).toordinal()

# The quoting that servers in Python have always used: a quoted string with octal escapes.
_UNQUOTED = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z:]*")
_TO_ESCAPE = re.compile(r'["\\,;\x7f-\xff]')
_ESCAPE = re.compile(r"\\(?:([0-3][0-7][0-7])|(.))")


class CookieRefused(WireError):
    """A `Set-Cookie` line that a user agent ignores. The message is the reason."""


class SetCookie(NamedTuple):
    """A `Set-Cookie` line, read.

    `domain` is lower-case without a leading dot, `path` begins with a slash; both are empty where the attribute is
    missing or void. `expires` is in unix seconds: 0 where the age is used up, None for a session.
    """

    name: str
    value: str
    domain: str
    path: str
    expires: float | None
    secure: bool
    httponly: bool
    samesite: str | None


def parse_set_cookie(line: str, now: float) -> SetCookie:
    """Read a `Set-Cookie` field as a user agent does (§5.6), and check what needs no knowledge of the request.

    Args:
        line: the field value.
        now: unix seconds; a lifetime ends 400 days from there at the latest.

    Raises:
        CookieRefused: for control characters, name plus value beyond 4096 octets, a cookie without both, a domain that
            is not ASCII, `SameSite=None` without `Secure`, and names that promise what the attributes do not keep.
    """
    control = _CONTROL.search(line)
    if control is not None:
        raise CookieRefused(f"control character U+{ord(control[0]):04X} at offset {control.start()}")
    pair, _, rest = line.partition(";")
    name, equals, value = pair.partition("=")
    if not equals:
        name, value = "", name
    name, value = name.strip(_WHITE), value.strip(_WHITE)
    if not name and not value:
        raise CookieRefused("neither name nor value")
    if _octets(name) + _octets(value) > _MAX_PAIR:
        raise CookieRefused(f"name and value have more than {_MAX_PAIR} octets")
    cookie = _read_attributes(name, value, rest, now)
    if not cookie.domain.isascii():
        raise CookieRefused("Domain has characters beyond ASCII")
    if cookie.samesite == "None" and not cookie.secure:
        raise CookieRefused("SameSite=None without Secure")
    _check_prefix(cookie)
    return cookie


def _octets(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _read_attributes(name: str, value: str, rest: str, now: float) -> SetCookie:
    """The last of several attributes with one name wins; one that is too long or cannot be read is passed over."""
    domain = path = ""
    expires: float | None = None
    age: int | None = None
    samesite: str | None = None
    secure = httponly = False
    for attribute in rest.split(";"):
        key, _, text = attribute.partition("=")
        text = text.strip(_WHITE)
        if len(text) > _MAX_ATTRIBUTE or _octets(text) > _MAX_ATTRIBUTE:
            continue
        key = key.strip(_WHITE).lower()
        if key == "path":
            path = text if text[:1] == "/" else ""
        elif key == "domain":
            domain = text.removeprefix(".").lower()
        elif key == "expires":
            instant = parse_cookie_date(text)
            expires = expires if instant is None else min(instant, now + MAX_AGE)
        elif key == "max-age":
            age = int(text) if _INTEGER.fullmatch(text) else age
        elif key == "secure":
            secure = True
        elif key == "httponly":
            httponly = True
        elif key == "samesite":
            samesite = _SAME_SITE.get(text.lower())
    if age is not None:
        expires = now + min(age, MAX_AGE) if age > 0 else 0
    return SetCookie(name, value, domain, path, expires, secure, httponly, samesite)


def _check_prefix(cookie: SetCookie) -> None:
    """§4.1.3 and §5.7: `__Secure-` and `__Host-`, in any case. That a `__Host-` cookie is host-only shows when it is stored."""
    promise = (cookie.name or cookie.value)[:9].lower()
    host = promise.startswith("__host-")
    if not host and promise != "__secure-":
        return
    if not cookie.name:
        raise CookieRefused("the value of a cookie without a name begins like a name with a prefix")
    if not cookie.secure:
        raise CookieRefused("name with a prefix without Secure")
    if host and cookie.path != "/":
        raise CookieRefused("__Host- without Path=/")


def parse_cookie_date(text: str) -> int | None:
    """Unix seconds of a date in any of the forms that servers have ever written (§5.1.1), None where it is none."""
    time: tuple[int, ...] | None = None
    day = month = year = None
    for token in _DATE_TOKEN.findall(text):
        if time is None and (match := _TIME.match(token)):
            time = (int(match[1]), int(match[2]), int(match[3]))
        elif day is None and (match := _DAY.match(token)):
            day = int(match[0])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS[token[:3].lower()]
        elif year is None and (match := _YEAR.match(token)):
            year = int(match[0])
    if time is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 2000 if year < 70 else 1900
    hour, minute, second = time
    if year < 1601 or hour > 23 or minute > 59 or second > 59:
        return None
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:  # no such day in that month
        return None
    return days * 86400 + hour * 3600 + minute * 60 + second


def write_date(seconds: float) -> str:
    """Unix seconds as an IMF-fixdate (RFC 9110 §5.6.7). Raises `ValueError` outside the years 1 to 9999."""
    try:
        days, rest = divmod(int(seconds), 86400)
        day = date.fromordinal(_EPOCH + days)
    except (ValueError, OverflowError) as exc:
        raise ValueError("date is outside the years 1 to 9999") from exc
    clock = f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{_DAY_NAMES[day.weekday()]}, {day.day:02} {_MONTH_NAMES[day.month - 1]} {day.year:04} {clock} GMT"


def is_ip(host: str) -> bool:
    """Whether a canonical host is an address: the last label of a name is never a number (URL Standard, host parsing)."""
    return ":" in host or host.removesuffix(".").rpartition(".")[2].isdigit()


def is_loopback(host: str) -> bool:
    """Whether a canonical host is this machine; what is sent to it cannot be overheard, so it counts as secure."""
    return host == "localhost" or host.endswith(".localhost") or host == "[::1]" or (host.startswith("127.") and is_ip(host))


def canonical_domain(text: str) -> str:
    """A domain or host as people write it, in the form in which hosts are compared (§5.1.2). Raises `ValueError`."""
    text = text.removeprefix(".")
    return encode_host(f"[{text}]" if text.count(":") > 1 and text[0] != "[" else text)


def domain_match(host: str, domain: str) -> bool:
    """Whether a host is a domain or lies below it; both canonical (§5.1.3)."""
    return host == domain or (host.endswith("." + domain) and not is_ip(host))


def path_match(path: str, cookie_path: str) -> bool:
    """Whether a request's path is a cookie's path or lies below it, on the border of a segment (§5.1.4)."""
    if not path.startswith(cookie_path):
        return False
    return len(path) == len(cookie_path) or cookie_path[-1:] == "/" or path[len(cookie_path)] == "/"


def default_path(path: str) -> str:
    """The path of a cookie that names none: the folder of the request's path (§5.1.4)."""
    return path[: path.rfind("/")] or "/"


def check_cookie(name: str, value: str) -> None:
    """Refuse what would be read as something else, or not be sent at all. Raises `ValueError` or `TypeError`."""
    for what, text, pattern in (("name", name, _BAD_NAME), ("value", value, _BAD_VALUE)):
        if not isinstance(text, str):
            raise TypeError(f"cookie {what} must be str, got {type(text).__name__}")
        bad = pattern.search(text)
        if bad is not None:
            shown = f"of cookie {name!r}" if what == "value" else "of a cookie"
            raise ValueError(f"{what} {shown}: character U+{ord(bad[0]):04X} at offset {bad.start()} is not allowed")
    if not name and not value:
        raise ValueError("a cookie needs a name or a value")


def check_same_site(value: str | None) -> str | None:
    """`Strict`, `Lax` or `None` from any case of it; None stays None. Raises `ValueError` for another word."""
    known = None if value is None else _SAME_SITE.get(value.lower())
    if value is not None and known is None:
        raise ValueError(f"samesite must be 'strict', 'lax', 'none' or None, got {value!r}")
    return known


def write_cookie(pairs: Iterable[tuple[str, str]]) -> str:
    """A `Cookie` field as a user agent writes it: a cookie without a name is its value alone (§5.8.3)."""
    return "; ".join([f"{name}={value}" if name else value for name, value in pairs])


def parse_cookie(text: str) -> list[tuple[str, str]]:
    """Read a `Cookie` field as a server does: pairs in order, quoted values without their quotes and escapes.

    A piece without `=` is a value without a name; an empty one is passed over.
    """
    pairs = []
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        if not equals:
            name, value = "", name
        name, value = name.strip(_WHITE), value.strip(_WHITE)
        if name or value:
            pairs.append((name, _unquote(value)))
    return pairs


def write_set_cookie(
    name: str,
    value: str = "",
    *,
    max_age: int | None = None,
    expires: float | str | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    httponly: bool = False,
    samesite: str | None = None,
    partitioned: bool = False,
) -> str:
    """A `Set-Cookie` field as a server writes it; the value is quoted where it has to be.

    Args:
        name: a token.
        value: any text without control characters.
        max_age: seconds.
        expires: unix seconds, or a date as text.
        path: None leaves the attribute out, as do None for `domain` and `samesite`.
        domain: the domain that the cookie is sent to, with all below it.
        secure: send it over encrypted connections only.
        httponly: hide it from scripts.
        samesite: "strict", "lax" or "none", in any case.
        partitioned: keep it apart for each site that embeds this one.

    Raises:
        ValueError: for what cannot be written; the message never holds the value.
    """
    if not name or _NOT_TOKEN.search(name):
        raise ValueError(f"cookie name {name!r} is not a token")
    control = _CONTROL_OR_TAB.search(value)
    if control is not None:
        raise ValueError(f"value of cookie {name!r}: control character U+{ord(control[0]):04X} at offset {control.start()}")
    check_same_site(samesite)
    attributes: tuple[tuple[str, str | bool | None], ...] = (
        ("Domain", domain),
        ("expires", write_date(expires) if isinstance(expires, (int, float)) else expires),
        ("HttpOnly", httponly),
        ("Max-Age", None if max_age is None else str(int(max_age))),
        ("Partitioned", partitioned),
        ("Path", path),
        ("SameSite", None if samesite is None else samesite.lower()),
        ("Secure", secure),
    )
    parts = [f"{name}={_quote(value)}"]
    for key, given in attributes:
        if isinstance(given, str):
            bad = _BAD_ATTRIBUTE.search(given)
            if bad is not None:
                raise ValueError(f"{key} of cookie {name!r}: character U+{ord(bad[0]):04X} at offset {bad.start()} is not allowed")
            parts.append(f"{key}={given}")
        elif given:
            parts.append(key)
    return "; ".join(parts)


def _quote(value: str) -> str:
    if _UNQUOTED.fullmatch(value):
        return value
    return '"' + _TO_ESCAPE.sub(lambda match: "\\" + match[0] if match[0] in '"\\' else f"\\{ord(match[0]):03o}", value) + '"'


def _unquote(value: str) -> str:
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)) if match[1] else match[2], value[1:-1])
