"""Absolute http, https, ws and wss URLs, as the WHATWG URL Standard reads them. Knows no requests.

`parse_url` is the standard to the letter. `strict=True` is what a client wants for text that it will act on: what the
standard repairs in silence (control characters, back slashes in the authority, missing slashes) is refused instead.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from httpwire.errors import InvalidURL, UnsupportedScheme

__all__ = ["DEFAULT_PORTS", "URL", "encode_host", "parse_url"]

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
# The bulk of real URLs: nothing to decode, repair or encode. Anything else takes the long way.
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_PLAIN = re.compile(
    rf"(https?|wss?)://([a-z][a-z0-9-]*+(?:\.[a-z][a-z0-9-]*+)*+|(?:{_OCTET}\.){{3}}{_OCTET})(?::([1-9][0-9]{{0,4}}))?"
    r"(/[A-Za-z0-9_~!$&()*+,;=:@%/-]*+(?:\.[A-Za-z0-9_~!$&()*+,;=:@%-][A-Za-z0-9_~!$&()*+,;=:@%./-]*+)?)?"
    r"(?:\?([A-Za-z0-9_~!$&()*+,;=:@%/?.-]*+))?"
)
_DOTTED = re.compile(r"/(?:\.|%2e)", re.IGNORECASE)
_C0_AND_SPACE = "".join(map(chr, range(0x21)))
_TAB_OR_NEWLINE = re.compile(r"[\t\n\r]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_FORBIDDEN_DOMAIN = re.compile(r"[\x00-\x20#%/:<>?@\[\\\]^|\x7f]")
_NUMBER = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)")
_DOT_SEGMENTS = {".": 1, "%2e": 1, "..": 2, ".%2e": 2, "%2e.": 2, "%2e%2e": 2}
_LITERAL_DOT_SEGMENTS = {".": 1, "..": 2}


def _outside(keep: str) -> re.Pattern[str]:
    """Matches runs of what has to be percent-encoded: everything but printable ASCII less `keep`'s complement."""
    printable = "".join(chr(code) for code in range(0x21, 0x7F))
    allowed = "".join(char for char in printable if char not in keep)
    return re.compile("[^" + re.escape(allowed) + "]+")


# https://url.spec.whatwg.org/#percent-encoded-bytes
_PATH_SET = _outside('"#<>?`{}^')
_QUERY_SET = _outside("\"#<>'")
_FRAGMENT_SET = _outside('"<>`')
_USERINFO_SET = _outside('"#<>?`{}/:;=@[\\]^|')


def _percent_encode(text: str, outside: re.Pattern[str]) -> str:
    return outside.sub(_percent_encode_match, text)


def _percent_encode_match(match: re.Match[str]) -> str:
    # A lone surrogate is no scalar value: the standard's input never holds one, and decoding would give U+FFFD.
    return "".join(f"%{byte:02X}" for byte in _SURROGATE.sub("\ufffd", match[0]).encode())


class URL:
    """A parsed URL. Immutable, hashable, equal by its text.

    `host` is lower-case ASCII (an IPv6 literal in brackets), `port` the effective port, `path` begins with a slash,
    `query` and `fragment` are None when absent. `href` is the whole without nothing left out.
    """

    __slots__ = ("fragment", "host", "host_header", "href", "origin", "password", "path", "port", "query", "scheme", "target", "username")

    scheme: str
    username: str
    password: str
    host: str
    port: int
    path: str
    query: str | None
    fragment: str | None
    href: str
    target: bytes
    host_header: bytes
    origin: tuple[str, str, int]

    def __init__(
        self,
        scheme: str,
        host: str,
        port: int | None = None,
        path: str = "/",
        query: str | None = None,
        fragment: str | None = None,
        username: str = "",
        password: str = "",
    ) -> None:
        put = object.__setattr__
        default = DEFAULT_PORTS[scheme]
        explicit = port is not None and port != default
        authority = f"{host}:{port}" if explicit else host
        target = path if query is None else f"{path}?{query}"
        put(self, "scheme", scheme)
        put(self, "host", host)
        put(self, "port", port if port is not None else default)
        put(self, "path", path)
        put(self, "query", query)
        put(self, "fragment", fragment)
        put(self, "username", username)
        put(self, "password", password)
        put(self, "host_header", authority.encode("ascii"))
        put(self, "target", target.encode("ascii"))
        put(self, "origin", (scheme, host, self.port))
        credentials = username + (f":{password}" if password else "") + "@" if username or password else ""
        tail = "" if fragment is None else f"#{fragment}"
        put(self, "href", f"{scheme}://{credentials}{authority}{target}{tail}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a URL cannot be changed; use replace()")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a URL cannot be changed; use replace()")

    def __reduce__(self) -> tuple[object, ...]:
        parts = (self.scheme, self.host, self.port, self.path, self.query, self.fragment, self.username, self.password)
        return (URL, parts)

    def __str__(self) -> str:
        return self.href

    def __repr__(self) -> str:
        shown = self.replace(username="*****", password="") if self.username or self.password else self
        return f"URL({shown.href!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, URL) and self.href == other.href

    def __hash__(self) -> int:
        return hash(self.href)

    @property
    def hostname(self) -> str:
        """The host as a resolver or a socket wants it: an IPv6 literal without its brackets."""
        return self.host[1:-1] if self.host[:1] == "[" else self.host

    def replace(
        self,
        *,
        scheme: str | None = None,
        path: str | None = None,
        query: str | Literal[False] | None = False,
        fragment: str | Literal[False] | None = False,
        username: str | None = None,
        password: str | None = None,
    ) -> URL:
        """A copy with some parts changed; the values are taken as already encoded. None removes query or fragment."""
        return URL(
            self.scheme if scheme is None else scheme,
            self.host,
            None if scheme is not None and self.port == DEFAULT_PORTS[self.scheme] else self.port,
            self.path if path is None else path,
            self.query if query is False else query,
            self.fragment if fragment is False else fragment,
            self.username if username is None else username,
            self.password if password is None else password,
        )

    def join(self, reference: str) -> URL:
        """Resolve a reference, as found in `Location`, against this URL. Raises `InvalidURL`."""
        return _parse(reference, False, self)


@lru_cache(maxsize=1024)
def parse_url(text: str, strict: bool = False) -> URL:
    """Parse an absolute URL.

    Args:
        text: the URL.
        strict: refuse, rather than repair, control characters, white space and back slashes in the authority, text
            that does not begin with `scheme://`, and port 0; leave `%2e` alone.

    Raises:
        UnsupportedScheme: for a scheme other than http, https, ws and wss.
        InvalidURL: for anything else. Messages name the fault, and a code point by its position, not the whole text.
    """
    match = _PLAIN.fullmatch(text)
    if match is not None:
        scheme, host, port, path, query = match.groups()
        if (path is None or _DOTTED.search(path) is None) and (port is None or int(port) < 65536) and "xn--" not in host:
            return URL(scheme, host, int(port) if port else None, path or "/", query)
    if strict:
        _refuse(text)
    return _parse(text, strict, None)


def _refuse(text: str) -> None:
    control = _CONTROL.search(text)
    if control is not None:
        raise InvalidURL(f"control character U+{ord(control[0]):04X} at offset {control.start()}")
    scheme = _SCHEME.match(text)
    if scheme is None:
        raise InvalidURL("no scheme: the URL is not absolute")
    if scheme[1].lower() not in DEFAULT_PORTS:
        raise UnsupportedScheme(f"scheme {scheme[1].lower()!r} is not supported")
    if not text.startswith("//", scheme.end()):
        raise InvalidURL("no '//' after the scheme")
    authority = re.split(r"[/?#]", text[scheme.end() + 2 :], maxsplit=1)[0]
    if not authority:
        raise InvalidURL("empty host")
    bad = re.search(r"[\\\s]", authority)
    if bad is not None:
        raise InvalidURL(f"back slash or white space in the authority: U+{ord(bad[0]):04X}")


def _parse(text: str, strict: bool, base: URL | None) -> URL:
    """https://url.spec.whatwg.org/#concept-basic-url-parser, for the four special schemes only."""
    if not strict:
        text = _TAB_OR_NEWLINE.sub("", text.strip(_C0_AND_SPACE))
    text, has_fragment, raw_fragment = text.partition("#")
    fragment = _percent_encode(raw_fragment, _FRAGMENT_SET) if has_fragment else None
    match = _SCHEME.match(text)
    if match is not None:
        scheme = match[1].lower()
        if scheme not in DEFAULT_PORTS:
            raise UnsupportedScheme(f"scheme {scheme!r} is not supported")
        rest = text[match.end() :]
        if base is None or scheme != base.scheme or rest[:2].replace("\\", "/") == "//":
            return _parse_authority(scheme, rest.lstrip("/\\"), fragment, strict)
        text = rest  # "http:path" against a base of the same scheme is relative
    elif base is None:
        raise InvalidURL("no scheme: the URL is not absolute")
    return _parse_relative(base, text, fragment)


def _parse_relative(base: URL, text: str, fragment: str | None) -> URL:
    head, has_query, raw_query = text.partition("?")
    query = _percent_encode(raw_query, _QUERY_SET) if has_query else None
    slashed = head.replace("\\", "/")
    if slashed.startswith("//"):
        return _parse_authority(base.scheme, text.lstrip("/\\"), fragment, False)
    if not head:
        return base.replace(query=query if has_query else base.query, fragment=fragment)
    if not slashed.startswith("/"):
        slashed = base.path[: base.path.rfind("/") + 1] + slashed
    return base.replace(path=_parse_path(slashed, _DOT_SEGMENTS), query=query, fragment=fragment)


def _parse_authority(scheme: str, text: str, fragment: str | None, strict: bool) -> URL:
    end = min((at for at in (text.find(char) for char in "/\\?") if at >= 0), default=len(text))
    authority, rest = text[:end], text[end:]
    credentials, has_credentials, location = authority.rpartition("@")
    username = password = ""
    if has_credentials:
        raw_username, _, raw_password = credentials.partition(":")
        username = _percent_encode(raw_username, _USERINFO_SET)
        password = _percent_encode(raw_password, _USERINFO_SET)
    raw_host, port = _split_port(location, scheme)
    if not raw_host:
        raise InvalidURL("empty host")
    if strict and port == 0:
        raise InvalidURL("port 0 is outside 1-65535")
    raw_path, has_query, raw_query = rest.partition("?")
    query = _percent_encode(raw_query, _QUERY_SET) if has_query else None
    path = _parse_path(raw_path.replace("\\", "/"), _LITERAL_DOT_SEGMENTS if strict else _DOT_SEGMENTS)
    return URL(scheme, encode_host(raw_host), port, path, query, fragment, username, password)


def _split_port(location: str, scheme: str) -> tuple[str, int | None]:
    colon = location.find(":", location.rfind("]") + 1)
    if colon < 0:
        return location, None
    digits = location[colon + 1 :]
    if not digits:
        return location[:colon], None
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidURL("port is not a number")
    significant = digits.lstrip("0") or "0"
    if len(significant) > 5 or int(significant) > 65535:
        raise InvalidURL(f"port {significant[:8]} is outside 1-65535")
    port = int(significant)
    return location[:colon], None if port == DEFAULT_PORTS[scheme] else port


def _parse_path(path: str, dot_segments: dict[str, int]) -> str:
    segments: list[str] = []
    parts = (path[1:] if path.startswith("/") else path).split("/")
    last = len(parts) - 1
    for index, part in enumerate(parts):
        dots = dot_segments.get(part.lower(), 0)
        if dots == 2 and segments:
            segments.pop()
        if not dots:
            segments.append(_percent_encode(part, _PATH_SET))
        elif index == last:
            segments.append("")
    return "/" + "/".join(segments)


@lru_cache(maxsize=1024)
def encode_host(text: str) -> str:
    """The ASCII form of a host: IPv4 and IPv6 in their canonical writing, names through UTS-46. Raises `InvalidURL`."""
    if text.startswith("["):
        if not text.endswith("]"):
            raise InvalidURL("IPv6 literal without a closing bracket")
        return f"[{_parse_ipv6(text[1:-1])}]"
    domain = _to_ascii(_percent_decode(text))
    forbidden = _FORBIDDEN_DOMAIN.search(domain)
    if forbidden is not None:
        raise InvalidURL(f"forbidden character U+{ord(forbidden[0]):04X} in the host")
    if not domain:
        raise InvalidURL("empty host")
    if _ends_in_number(domain):
        return _parse_ipv4(domain)
    return domain


def _percent_decode(text: str) -> str:
    if "%" not in text:
        return text
    raw = text.encode("utf-8", "surrogatepass")
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), raw).decode("utf-8", "replace")


def _to_ascii(domain: str) -> str:
    """https://url.spec.whatwg.org/#concept-domain-to-ascii with beStrict false (UTS-46 §4, non-transitional)."""
    if domain.isascii() and "xn--" not in domain.lower():
        return domain.lower()
    # Names beyond ASCII are rare, and their tables large: they are loaded when one comes.
    from httpwire.hosts import to_ascii

    return to_ascii(domain)


def _ends_in_number(domain: str) -> bool:
    last = domain.removesuffix(".").rpartition(".")[2]
    return last != "" and (last.isdigit() or (_NUMBER.fullmatch(last) is not None))


def _parse_ipv4(domain: str) -> str:
    parts = domain.removesuffix(".").split(".")
    if len(parts) > 4:
        raise InvalidURL("IPv4 address has more than four parts")
    numbers = []
    for part in parts:
        if not _NUMBER.fullmatch(part):
            raise InvalidURL("IPv4 address has a part that is not a number")
        base = 16 if part[:2] in ("0x", "0X") else 8 if part[0] == "0" and len(part) > 1 else 10
        try:
            numbers.append(int(part[2:] or "0", 16) if base == 16 else int(part, base))
        except ValueError as exc:
            raise InvalidURL("IPv4 address has a part that is not a number") from exc
    *heads, last = numbers
    if any(number > 255 for number in heads) or last >= 256 ** (4 - len(heads)):
        raise InvalidURL("IPv4 address is out of range")
    value = last + sum(number << (8 * (3 - index)) for index, number in enumerate(heads))
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))


def _parse_ipv6(text: str) -> str:
    pieces = _read_ipv6(text)
    # RFC 5952 §4.2: the first longest run of two or more zero pieces becomes "::".
    best_at, best_length, at = -1, 1, 0
    while at < 8:
        end = at
        while end < 8 and pieces[end] == 0:
            end += 1
        if end - at > best_length:
            best_at, best_length = at, end - at
        at = end + 1
    groups = [f"{piece:x}" for piece in pieces]
    if best_at < 0:
        return ":".join(groups)
    return ":".join(groups[:best_at]) + "::" + ":".join(groups[best_at + best_length :])


def _read_ipv6(text: str) -> list[int]:
    head, compressed, tail = text.partition("::")
    if tail.startswith(":") or "::" in tail:
        raise InvalidURL("invalid IPv6 address")
    left = _read_ipv6_groups(head, ends=not compressed)
    right = _read_ipv6_groups(tail, ends=True)
    missing = 8 - len(left) - len(right)
    if missing < (1 if compressed else 0) or (missing and not compressed):
        raise InvalidURL("invalid IPv6 address")
    return left + [0] * missing + right


def _read_ipv6_groups(text: str, ends: bool) -> list[int]:
    if not text:
        return []
    groups = text.split(":")
    pieces: list[int] = []
    for index, group in enumerate(groups):
        if "." in group and ends and index == len(groups) - 1:
            quad = group.split(".")
            if len(quad) != 4 or not all(re.fullmatch(r"0|[1-9][0-9]{0,2}", part) and int(part) < 256 for part in quad):
                raise InvalidURL("invalid IPv4 part of an IPv6 address")
            a, b, c, d = map(int, quad)
            pieces += [a << 8 | b, c << 8 | d]
        elif re.fullmatch(r"[0-9A-Fa-f]{1,4}", group):
            pieces.append(int(group, 16))
        else:
            raise InvalidURL("invalid IPv6 address")
    return pieces
