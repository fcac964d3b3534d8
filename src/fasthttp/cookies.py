"""`Cookie` and `CookieJar`: which cookies are kept, and which go with a request (RFC 6265bis §5.7 and §5.8).

How cookies are written is known to `httpwire.cookies`; requests, redirects and connections are known to neither.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from httpwire.cookies import (
    CookieRefused,
    SetCookie,
    canonical_domain,
    check_cookie,
    check_same_site,
    default_path,
    domain_match,
    is_ip,
    is_loopback,
    parse_set_cookie,
    path_match,
    write_cookie,
)
from httpwire.masking import MASK
from httpwire.url import URL, parse_url

if TYPE_CHECKING:
    from fasthttp.types import CookieTypes

__all__ = ["Cookie", "CookieJar", "DummyCookieJar", "make_jar", "same_site"]

_MAX_PER_DOMAIN = 180
_MAX_COOKIES = 3000
_MAX_HEADERS = 256  # remembered `Cookie` fields
_SECURE_SCHEMES = ("https", "wss")

_log = logging.getLogger("fasthttp.client")

_Key = tuple[str, bool, str, str]
_Ask = tuple[str, str, str, bool, bool, bool]


class Cookie:
    """One cookie. Immutable and comparable; its repr does not show the value.

    Args:
        name: may be empty, the cookie is then sent as its value alone.
        value: text without control characters and `;`.
        domain: the domain that gets the cookie, with all below it. None: not bound to any.
        path: the path below which it is sent.
        expires: unix seconds; None keeps it as long as the jar lives.
        secure: never send it over an unencrypted connection.
        httponly: hidden from scripts; kept for those who ask, without effect here.
        samesite: "Strict", "Lax", "None" in any case, or None.
        host_only: `domain` is the one host that gets the cookie.

    Raises:
        ValueError: for characters that cannot be sent, a bad domain, a path without a leading slash. No message holds
            the value.
    """

    __slots__ = ("creation", "domain", "expires", "host_only", "httponly", "name", "path", "samesite", "secure", "value")

    name: str
    value: str
    domain: str | None
    path: str
    expires: float | None
    secure: bool
    httponly: bool
    samesite: str | None
    host_only: bool
    creation: int  # the jar's count of cookies when this one came; an update takes over the number

    def __init__(
        self,
        name: str,
        value: str,
        domain: str | None = None,
        path: str = "/",
        expires: float | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        *,
        host_only: bool = False,
    ) -> None:
        check_cookie(name, value)
        if path[:1] != "/":
            raise ValueError(f"path {path!r} of cookie {name!r} does not begin with a slash")
        if expires is not None and (isinstance(expires, bool) or not isinstance(expires, (int, float))):
            raise TypeError(f"expires of cookie {name!r} must be unix seconds or None, got {type(expires).__name__}")
        if expires is not None and not math.isfinite(expires):
            raise ValueError(f"expires={expires} of cookie {name!r} is no time; use None for a cookie that does not expire")
        bound = canonical_domain(domain) if domain else None
        self._fill((name, value, bound, path, expires, bool(secure), bool(httponly), check_same_site(samesite), host_only))

    def _fill(self, values: tuple[Any, ...], creation: int = 0) -> None:
        put = object.__setattr__
        for slot, value in zip(_FIELDS, values, strict=True):
            put(self, slot, value)
        put(self, "creation", creation)

    @classmethod
    def _checked(cls, values: tuple[Any, ...], creation: int = 0) -> Cookie:
        """A cookie of values that have been checked."""
        cookie = cls.__new__(cls)
        cookie._fill(values, creation)
        return cookie

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Cookie is immutable; use CookieJar.set() to replace it")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Cookie is immutable; use CookieJar.remove()")

    def __reduce__(self) -> tuple[Any, ...]:
        return (Cookie._checked, (_values(self), self.creation))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cookie) and _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash(_values(self))

    def __repr__(self) -> str:
        shown = [f"name={self.name!r}, value={MASK!r}"]
        shown += [f"{slot}={value!r}" for slot, value in list(zip(_FIELDS, _values(self), strict=True))[2:] if value not in (None, False)]
        return f"Cookie({', '.join(shown)})"

    def is_expired(self, now: float | None = None) -> bool:
        """Whether its time is over at `now`, in unix seconds (None: at present)."""
        return self.expires is not None and self.expires <= (time.time() if now is None else now)

    def matches_domain(self, host: str) -> bool:
        """Whether it may go to this host; one that is not bound to a domain may go to any."""
        if self.domain is None:
            return True
        host = canonical_domain(host)
        return host == self.domain if self.host_only else domain_match(host, self.domain)

    def matches_path(self, path: str) -> bool:
        """Whether it goes with a request for this path."""
        return path_match(path, self.path)

    def matches(self, host: str, path: str, secure: bool = False) -> bool:
        """Whether it goes with a request to this host and path; `secure`: the connection is encrypted."""
        return (secure or not self.secure) and self.matches_path(path) and self.matches_domain(host)


_FIELDS = ("name", "value", "domain", "path", "expires", "secure", "httponly", "samesite", "host_only")
_values: Callable[[Cookie], tuple[Any, ...]] = attrgetter(*_FIELDS)


class CookieJar:
    """Cookies, kept by the rules of browsers. May be shared by threads, event loops and clients.

    `len`, `in`, `jar[name]` and iteration speak of names, in the order in which the cookies came; a name stands there
    once for each domain and path that has it, and a look-up by name alone gives the one that came last.

    Args:
        cookies: a mapping of names to values, bound to no domain; or a jar, whose cookies are copied, also one of
            `http.cookiejar`, requests or httpx.
        unsafe: let a host that is an IP address name itself as `Domain`.

    Raises:
        ValueError: for a name or value that cannot be sent. TypeError: for anything else than the above.
    """

    def __init__(self, cookies: CookieTypes | None = None, *, unsafe: bool = False) -> None:
        self.unsafe = unsafe
        self._clock: Callable[[], float] = time.time
        self._lock = threading.RLock()
        self._cookies: dict[_Key, Cookie] = {}  # all, oldest first
        self._domains: dict[str, dict[_Key, Cookie]] = {}  # the same by domain, those without one under ""
        self._headers: dict[_Ask, tuple[str | None, float]] = {}  # fields made, and when the first of their cookies expires
        self._count = 0
        self._next_expiry = math.inf  # nothing expires before
        for cookie in _cookies_of(cookies):
            self._put(cookie, self._clock())

    # --- what callers do

    def set(
        self,
        name: str,
        value: str,
        domain: str | None = None,
        path: str = "/",
        expires: float | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        *,
        max_age: float | None = None,
    ) -> None:
        """Put a cookie in, in place of the one with the same name, domain and path.

        The arguments are those of `Cookie`. `max_age`, in seconds, goes before `expires`; a lifetime that is over
        removes the cookie. Raises `ValueError` as `Cookie` does.
        """
        now = self._clock()
        if max_age is not None:
            if isinstance(max_age, bool) or not isinstance(max_age, (int, float)):
                raise TypeError(f"max_age of cookie {name!r} must be seconds or None, got {type(max_age).__name__}")
            expires = now + max_age if max_age > 0 else 0
        self._put(Cookie(name, value, domain, path, expires, secure, httponly, samesite), now)

    def get(self, name: str, default: Any = None, domain: str | None = None, path: str | None = None) -> Any:
        """The value of the cookie that came last, of those with this name and, if given, this very domain and path."""
        found = self._named(name, domain, path)
        return found[-1].value if found else default

    def remove(self, name: str, domain: str | None = None, path: str | None = None) -> None:
        """Remove every cookie with this name and, if given, this very domain and path; none need be there."""
        with self._lock:
            for cookie in self._named(name, domain, path):
                self._drop(_key(cookie))

    def clear(self) -> None:
        """Remove all."""
        with self._lock:
            self._cookies.clear()
            self._domains.clear()
            self._headers.clear()
            self._next_expiry = math.inf

    def update(self, cookies: CookieTypes) -> None:
        """Put in the cookies of a mapping or of another jar, of any kind that the jar itself can be made of."""
        found, now = list(_cookies_of(cookies)), self._clock()
        with self._lock:
            for cookie in found:
                self._put(cookie, now)

    def keys(self) -> list[str]:
        """The name of each cookie, oldest first; `dict(jar)` has each name once, with the value that came last."""
        return [cookie.name for cookie in self.cookies()]

    def values(self) -> list[str]:
        """The value of each cookie, oldest first."""
        return [cookie.value for cookie in self.cookies()]

    def items(self) -> list[tuple[str, str]]:
        """Name and value of each cookie, oldest first."""
        return [(cookie.name, cookie.value) for cookie in self.cookies()]

    def cookies(self) -> list[Cookie]:
        """The cookies that have not expired, oldest first."""
        with self._lock:
            self._purge(self._clock())
            return list(self._cookies.values())

    def get_stats(self) -> dict[str, int]:
        """How many `cookies` there are, of how many `domains`, and how many are `persistent`, for the `session`, `secure`."""
        cookies = self.cookies()
        persistent = sum(cookie.expires is not None for cookie in cookies)
        return {
            "cookies": len(cookies),
            "domains": len({cookie.domain for cookie in cookies if cookie.domain is not None}),
            "persistent": persistent,
            "session": len(cookies) - persistent,
            "secure": sum(cookie.secure for cookie in cookies),
        }

    def __len__(self) -> int:
        if self._cookies:
            with self._lock:
                self._purge(self._clock())
        return len(self._cookies)

    def __contains__(self, name: object) -> bool:
        return any(cookie.name == name for cookie in self.cookies())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __getitem__(self, name: str) -> str:
        found = self._named(name, None, None)
        if not found:
            raise KeyError(name)
        return found[-1].value

    def __setitem__(self, name: str, value: str) -> None:
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        with self._lock:
            if name not in self:
                raise KeyError(name)
            self.remove(name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self)} cookies>"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all cookies, those of the session included, to a JSON file that only its owner may read.

        The file is replaced as a whole: a reader finds the old one or the new one. Raises `OSError`.
        """
        import json
        import tempfile

        records = [dict(zip(_FIELDS, _values(cookie), strict=True)) for cookie in self.cookies()]
        target = os.fspath(path)
        number, draft = tempfile.mkstemp(prefix=".cookies-", dir=os.path.dirname(target) or ".")  # made with mode 0600
        try:
            with open(number, "w", encoding="utf-8") as file:
                json.dump({"version": 1, "cookies": records}, file, indent=1)
                file.flush()
                os.fsync(number)
            os.replace(draft, target)
        except BaseException:
            os.unlink(draft)
            raise

    def load(self, path: str | os.PathLike[str]) -> None:
        """Add the cookies of a file that `save` wrote; those that have expired since are left out.

        Raises:
            ValueError: the file is not one of these; it is named, and nothing has been added.
            OSError: it cannot be read.
        """
        import json

        with open(path, "rb") as file:
            data = file.read()
        try:
            content = json.loads(data)
            if content["version"] != 1:
                raise ValueError("another version")
            cookies = [_of_record(record) for record in content["cookies"]]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
            raise ValueError(f"{os.fspath(path)}: not a file of cookies ({type(exc).__name__})") from None
        now = self._clock()
        with self._lock:
            for cookie in cookies:
                self._put(cookie, now)

    # --- what goes out

    def get_cookie_header(self, url: str | URL) -> str | None:
        """The `Cookie` field of a request for this URL, None without any. Raises `InvalidURL`."""
        return self.header_for(parse_url(url, strict=True) if isinstance(url, str) else url)

    def header_for(self, url: URL, *, unbound: bool = True, cross_site: bool = False, safe: bool = True) -> str | None:
        """The `Cookie` field of a request, None without any.

        Args:
            url: what is asked for.
            unbound: whether cookies without a domain go along.
            cross_site: a redirect from another site led here: `SameSite=Strict` stays behind, and `Lax` unless `safe`.
            safe: the method changes nothing at the server (RFC 9110 §9.2.1).
        """
        if not self._cookies:
            return None
        ask = (url.host, url.path, url.scheme, unbound, cross_site, safe)
        known = self._headers.get(ask)
        if known is not None and self._clock() < known[1]:
            return known[0]
        return self._make_header(ask)

    def _make_header(self, ask: _Ask) -> str | None:
        host, path, scheme, unbound, cross_site, safe = ask
        secure = scheme in _SECURE_SCHEMES or is_loopback(host)
        withheld = () if not cross_site else ("Strict",) if safe else ("Strict", "Lax")

        def goes(cookie: Cookie) -> bool:
            return (secure or not cookie.secure) and cookie.samesite not in withheld and path_match(path, cookie.path)

        # Under the lock to the end, so that no change of the jar falls between the look and the memory of it.
        with self._lock:
            self._purge(self._clock())
            found = [
                cookie
                for domain in _domains_above(host)
                for cookie in self._domains.get(domain, {}).values()
                if (domain == host or not cookie.host_only) and goes(cookie)
            ]
            if unbound and "" in self._domains:
                own = {cookie.name for cookie in found}  # what the server has set goes before what was set for any
                found += [cookie for cookie in self._domains[""].values() if cookie.name not in own and goes(cookie)]
            found.sort(key=_sending_order)
            header = write_cookie([(cookie.name, cookie.value) for cookie in found]) if found else None
            if len(self._headers) >= _MAX_HEADERS:
                self._headers.clear()
            expiries = [cookie.expires for cookie in found if cookie.expires is not None]
            self._headers[ask] = (header, min(expiries, default=math.inf))
        return header

    # --- what comes in

    def add_from_response(self, response: Any) -> None:
        """Take the cookies of a response, by its `url` and its `Set-Cookie` lines."""
        self.store(response.headers.get_list("set-cookie"), parse_url(str(response.url)))

    def store(self, lines: Iterable[str], url: URL) -> None:
        """Take the `Set-Cookie` lines of an answer from this URL; why one is refused goes to the log, its value does not."""
        now = self._clock()
        for line in lines:
            name = ""
            try:
                parsed = parse_set_cookie(line, now)
                name = parsed.name
                self._put(*self._admit(parsed, url, now))
            except CookieRefused as reason:
                _log.debug("cookie %r of %s refused: %s", name, url.host, reason)

    def _admit(self, parsed: SetCookie, url: URL, now: float) -> tuple[Cookie, float, bool]:
        """The cookie that a host may set, for `_put`. Raises `CookieRefused`."""
        host = url.host
        secure = url.scheme in _SECURE_SCHEMES or is_loopback(host)
        if parsed.secure and not secure:
            raise CookieRefused("Secure, over an unencrypted connection")
        domain = parsed.domain
        if domain:
            if not domain_match(host, domain):
                raise CookieRefused(f"Domain {domain!r} does not cover the host")
            if is_ip(host):
                if not self.unsafe:
                    raise CookieRefused("Domain for an IP address")
            elif _is_public_suffix(domain):
                if domain != host:
                    raise CookieRefused(f"Domain {domain!r} is a public suffix")
                domain = ""
        if domain and parsed.name[:7].lower() == "__host-":
            raise CookieRefused("__Host- with a Domain")
        path = parsed.path or default_path(url.path)
        values = (parsed.name, parsed.value, domain or host, path, *parsed[4:], not domain)
        return Cookie._checked(values), now, secure

    def _put(self, cookie: Cookie, now: float, may_replace_secure: bool = True) -> None:
        """Keep a cookie that no one else holds, or delete what it replaces if its time is over."""
        key = _key(cookie)
        with self._lock:
            if not may_replace_secure and any(_shadows(cookie, other) for other in self._cookies.values()):
                raise CookieRefused("would hide a Secure cookie, over an unencrypted connection")
            if cookie.expires is not None:
                if cookie.expires <= now:
                    self._drop(key)
                    return
                self._next_expiry = min(self._next_expiry, cookie.expires)
            earlier = self._cookies.get(key)
            if earlier == cookie:
                return  # many servers send the same cookie with every answer
            self._count += earlier is None
            object.__setattr__(cookie, "creation", self._count if earlier is None else earlier.creation)
            self._cookies[key] = cookie
            bucket = self._domains.setdefault(key[0], {})
            bucket[key] = cookie
            self._headers.clear()
            if (key[0] and len(bucket) > _MAX_PER_DOMAIN) or len(self._cookies) > _MAX_COOKIES:
                self._make_room(key[0], now)

    def _make_room(self, domain: str, now: float) -> None:
        """Back under the bounds: what has expired goes first, then the oldest."""
        self._purge(now)
        bucket = self._domains[domain]
        if domain and len(bucket) > _MAX_PER_DOMAIN:
            self._drop(next(iter(bucket)))
        if len(self._cookies) > _MAX_COOKIES:
            self._drop(next(iter(self._cookies)))

    def _drop(self, key: _Key) -> None:
        if self._cookies.pop(key, None) is not None:
            bucket = self._domains[key[0]]
            del bucket[key]
            if not bucket:
                del self._domains[key[0]]
            self._headers.clear()

    def _purge(self, now: float) -> None:
        """Remove what has expired. Looks only when something has."""
        if now < self._next_expiry:
            return
        for cookie in [cookie for cookie in self._cookies.values() if cookie.is_expired(now)]:
            self._drop(_key(cookie))
        self._next_expiry = min((cookie.expires for cookie in self._cookies.values() if cookie.expires is not None), default=math.inf)

    def _named(self, name: str, domain: str | None, path: str | None) -> list[Cookie]:
        wanted = None if domain is None else canonical_domain(domain)
        return [
            cookie for cookie in self.cookies() if cookie.name == name and wanted in (None, cookie.domain) and path in (None, cookie.path)
        ]


class DummyCookieJar(CookieJar):
    """A jar that keeps nothing and so sends nothing. Arguments are checked as by any other."""

    def _put(self, cookie: Cookie, now: float, may_replace_secure: bool = True) -> None:
        pass


def make_jar(value: CookieTypes | None) -> CookieJar:
    """The jar for a `cookies=` argument: a jar of ours is taken as it is, anything else is copied into a new one."""
    return value if isinstance(value, CookieJar) else CookieJar(value)


def same_site(host: str, other: str) -> bool:
    """Whether two canonical hosts belong to one registrable domain, by the public suffix list."""
    if host == other:
        return True
    if is_ip(host) or is_ip(other):
        return False
    site = _suffixes().privatesuffix(host)
    return site is not None and site == _suffixes().privatesuffix(other)


@lru_cache(maxsize=1)
def _suffixes() -> Any:
    """The public suffix list that ships with its package. Loaded when the first question comes; it takes 50 ms."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@lru_cache(maxsize=1024)
def _is_public_suffix(domain: str) -> bool:
    return bool(_suffixes().is_public(domain))


def _key(cookie: Cookie) -> _Key:
    return (cookie.domain or "", cookie.host_only, cookie.path, cookie.name)


def _sending_order(cookie: Cookie) -> tuple[int, int]:
    return (-len(cookie.path), cookie.creation)


def _domains_above(host: str) -> list[str]:
    """The host and the domains it lies in. No name of the DNS has more than 253 characters; a longer one has no domains."""
    domains = [host]
    if len(host) <= 254 and not is_ip(host):
        dot = host.find(".") + 1
        while dot:
            domains.append(host[dot:])
            dot = host.find(".", dot) + 1
    return domains


def _shadows(cookie: Cookie, other: Cookie) -> bool:
    """Whether a cookie would be taken for a Secure one by the server (§5.7, on cookies that come unencrypted)."""
    if not other.secure or other.name != cookie.name or not path_match(cookie.path, other.path):
        return False
    domain, theirs = cookie.domain or "", other.domain
    return theirs is not None and (domain_match(domain, theirs) or domain_match(theirs, domain))


def _cookies_of(source: Any) -> Iterable[Cookie]:
    """New cookies from whatever `cookies=` may be."""
    if source is None:
        return []
    if isinstance(source, CookieJar):
        return [Cookie._checked(_values(cookie)) for cookie in source.cookies()]
    # Who holds a jar of the standard library has imported its module, which is too heavy to import for a question.
    stdlib = sys.modules.get("http.cookiejar")
    jar = getattr(source, "jar", source)  # httpx wraps one
    if stdlib is not None and isinstance(jar, stdlib.CookieJar):
        return [_of_stdlib(cookie) for cookie in jar]
    if isinstance(source, Mapping):
        for name, value in source.items():
            if not isinstance(value, str):
                raise TypeError(f"value of cookie {name!r} must be str, got {type(value).__name__}")
        return [Cookie(name, value) for name, value in source.items()]
    raise TypeError(f"cookies must be a mapping, a CookieJar or an http.cookiejar jar, got {type(source).__name__}")


def _of_stdlib(cookie: Any) -> Cookie:
    """A cookie of `http.cookiejar`. Without a value it has a name alone, which is our value without a name."""
    name, value = ("", cookie.name) if cookie.value is None else (cookie.name, cookie.value)
    domain = cookie.domain
    if domain == "localhost.local":  # how that module writes a host without a dot
        domain = "localhost"
    host_only = bool(domain) and not cookie.domain_specified and domain[0] != "."
    samesite = str(cookie.get_nonstandard_attr("SameSite", "")).lower()
    return Cookie(
        name,
        value,
        domain,
        cookie.path or "/",
        cookie.expires,
        cookie.secure,
        cookie.has_nonstandard_attr("HttpOnly"),
        samesite if samesite in ("strict", "lax", "none") else None,
        host_only=host_only,
    )


def _of_record(record: dict[str, Any]) -> Cookie:
    """A cookie of a file. What a file says is checked as what a caller says."""
    for field in ("secure", "httponly", "host_only"):
        if not isinstance(record[field], bool):
            raise TypeError(f"{field} must be true or false")
    if record["host_only"] and not record["domain"]:
        raise ValueError("host_only without a domain")
    return Cookie(**record)
