"""Which proxy a URL goes through, and what is said to it. Opens nothing, and reads the environment only when handed it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from fasthttp._pure.later import not_yet
from fasthttp.errors import ProxyError
from httpwire import errors as wire
from httpwire.auth import encode_basic
from httpwire.h1 import ResponseParser
from httpwire.url import URL, parse_url

__all__ = ["ConnectHandshake", "Proxy", "ProxyChoice", "choose_proxies", "forward_head", "parse_proxy"]

_LATER = ("https", "socks5", "socks5h")


class Proxy(NamedTuple):
    """A proxy. `authorization` is the value of `Proxy-Authorization`, None without credentials."""

    scheme: str
    host: str
    port: int
    authorization: str | None = None

    def __repr__(self) -> str:
        return f"<Proxy {self.scheme}://{self.host}:{self.port}>"


class Unbuilt(NamedTuple):
    """A proxy of the environment whose kind is not built yet: an error for the requests that would go through it, for no others."""

    feature: str


def parse_proxy(text: str) -> Proxy:
    """A proxy from its URL, `scheme://[user:password@]host:port`. Raises `ValueError`."""
    if not isinstance(text, str):
        raise TypeError(f"a proxy is given as a URL, not as {type(text).__name__}")
    scheme, mark, rest = text.partition("://")
    scheme = scheme.lower()
    if mark and scheme in _LATER:
        not_yet(f"{scheme}:// proxies")
    if not mark or scheme != "http":
        given = scheme + mark if mark and scheme.isalnum() else "no scheme"  # user info may stand in its place
        raise ValueError(f"proxy URL has {given}; write http://host:port (socks5://, socks5h:// and https:// are to come)")
    try:
        url = parse_url(f"http://{rest}", True)
    except wire.InvalidURL as exc:
        raise ValueError(f"proxy URL is not valid: {exc}") from None
    authorization = None
    if url.username or url.password:
        authorization = encode_basic(unquote(url.username), unquote(url.password))
    return Proxy(scheme, url.hostname, url.port, authorization)


class ProxyChoice:
    """The proxies of a client.

    Args:
        rules: proxies (None: direct) by `http`, `https`, `all`, each alone or with `://host[:port]`.
        bypass: whether a host and port are asked directly, whatever the rules say.
    """

    def __init__(self, rules: Mapping[str, Proxy | Unbuilt | None], bypass: Callable[[str, int], bool] | None = None) -> None:
        self._rules = dict(rules)
        self._bypass = bypass

    def all(self) -> list[Proxy]:
        """Every proxy that can be gone through."""
        return [proxy for proxy in self._rules.values() if isinstance(proxy, Proxy)]

    def select(self, url: URL) -> Proxy | None:
        """The proxy for a URL by the most specific rule; None: direct. Raises `NotImplementedError` for one that cannot be used yet."""
        if self._bypass is not None and self._bypass(url.hostname, url.port):
            return None
        proxy = self._rule_for(url)
        if isinstance(proxy, Unbuilt):
            not_yet(proxy.feature)
        return proxy

    def _rule_for(self, url: URL) -> Proxy | Unbuilt | None:
        for scheme in (url.scheme, "all"):
            for key in (f"{scheme}://{url.host}:{url.port}", f"{scheme}://{url.host}"):
                if key in self._rules:
                    return self._rules[key]
        return self._rules.get(url.scheme, self._rules.get("all"))


def choose_proxies(proxy: str | None, proxies: Mapping[str, str | None] | None, environ: Mapping[str, str] | None) -> ProxyChoice | None:
    """The proxies that the arguments of a client come to; None: always direct.

    Args:
        proxy: one for everything; "" for none.
        proxies: by scheme, or scheme and host.
        environ: environment variables, which count where neither is given.

    Raises:
        ValueError: both are given, or one is no proxy.
    """
    if proxy is not None and proxies is not None:
        raise ValueError("proxy= and proxies= exclude each other")
    if proxy is not None:
        return ProxyChoice({"all": parse_proxy(proxy)}) if proxy else None
    if proxies is not None:
        if not isinstance(proxies, Mapping):
            raise TypeError(f"proxies= takes a mapping, not {type(proxies).__name__}; for one proxy use proxy=")
        return ProxyChoice({_rule(key): parse_proxy(value) if value else None for key, value in proxies.items()})
    return None if environ is None else _from_environment(environ)


def _rule(key: str) -> str:
    scheme, mark, host = key.partition("://")
    scheme = scheme.lower()
    if scheme not in ("http", "https", "ws", "wss", "all"):
        raise ValueError(f"proxies= has the key {key!r}; keys are 'http', 'https', 'all', or one of them with '://host'")
    host = host.rstrip("/").lower()
    return f"{scheme}{mark}{host}" if host else scheme


def _from_environment(environ: Mapping[str, str]) -> ProxyChoice | None:
    rules: dict[str, Proxy | Unbuilt | None] = {}
    for scheme in ("http", "https", "all"):
        name = f"{scheme}_proxy"
        # A CGI script gets the request header "Proxy" as HTTP_PROXY.
        if name not in environ and not (scheme == "http" and "REQUEST_METHOD" in environ):
            name = name.upper()
        value = environ.get(name)
        if value:
            kind, mark, _ = value.lower().partition("://")
            if mark and (kind in _LATER or kind in ("socks", "socks4", "socks4a")):
                rules[scheme] = Unbuilt(f"{kind}:// proxies, as in {name}")
            else:
                rules[scheme] = parse_proxy(value if mark else f"http://{value}")
    if not rules:
        return None
    value = environ.get("no_proxy")
    return ProxyChoice(rules, bypass_for(environ.get("NO_PROXY", "") if value is None else value))


def bypass_for(text: str) -> Callable[[str, int], bool]:
    """What `NO_PROXY` says: names and their subdomains, addresses, CIDR blocks, each with a port or without; `*` for all.

    Loopback is never asked through a proxy of the environment.
    """
    networks: list[tuple[Any, int | None]] = []
    names: list[tuple[str, int | None]] = []
    for entry in text.replace(",", " ").lower().split():
        name, port = _split_port(entry)
        try:
            networks.append((ipaddress.ip_network(name, strict=False), port))
        except ValueError:
            names.append((name if name == "*" else name.removeprefix("*").strip("."), port))

    def bypassed(host: str, port: int) -> bool:
        host = host.rstrip(".")
        if any(name == "*" and at in (None, port) for name, at in names):
            return True
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            if host == "localhost" or host.endswith(".localhost"):
                return True
            return any(at in (None, port) and (host == name or host.endswith("." + name)) for name, at in names)
        return address.is_loopback or any(at in (None, port) and address in network for network, at in networks)

    return bypassed


def _split_port(entry: str) -> tuple[str, int | None]:
    """A name or address, and its port where it has one."""
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, int(rest[1:]) if rest[1:].isdigit() else None
    name, mark, port = entry.rpartition(":")
    if mark and ":" not in name and port.isdigit():
        return name, int(port)
    return entry, None


def forward_head(head: bytes, url: URL, authorization: str | None) -> bytes:
    """A head whose target is the whole URL (RFC 9112 §3.2.2), with the credentials for the proxy."""
    line, _, rest = head.partition(b"\r\n")
    method, _, tail = line.partition(b" ")
    target = b"%b://%b%b" % (url.scheme.encode("ascii"), url.host_header, url.target)
    version = tail.rpartition(b" ")[2]
    credentials = b"" if authorization is None else b"Proxy-Authorization: %b\r\n" % authorization.encode()
    return b"%b %b %b\r\n%b%b" % (method, target, version, credentials, rest)


class ConnectHandshake:
    """Asks an HTTP proxy for a tunnel (RFC 9110 §9.3.6). `hello` is what to send; `feed` what comes back, until `done`."""

    def __init__(self, host: str, port: int, proxy: Proxy) -> None:
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        credentials = "" if proxy.authorization is None else f"Proxy-Authorization: {proxy.authorization}\r\n"
        self.hello = f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{credentials}\r\n".encode()
        self.done = False
        self._name = f"{proxy.host}:{proxy.port}"
        self._parser = ResponseParser()
        self._parser.expect("CONNECT")

    def feed(self, data: bytes) -> None:
        """Take bytes of the proxy, empty at its end. Raises `ProxyError`."""
        parser = self._parser
        try:
            if data:
                parser.feed(data)
            else:
                parser.feed_eof()
        except wire.ProtocolError as exc:
            if not parser.status:
                raise ProxyError(f"proxy {self._name}: {exc}") from exc
        if not parser.status:
            if not data:
                raise ProxyError(f"proxy {self._name} closed the connection without an answer to CONNECT")
            return
        check_proxy_status(parser.status, parser.reason, self._name)
        if parser.leftover:
            raise ProxyError(f"proxy {self._name} sent {len(parser.leftover)} bytes before the server could")
        self.done = True


def check_proxy_status(status: int, reason: bytes, name: str) -> None:
    """Raise `ProxyError` for an answer in which a proxy refuses."""
    if 200 <= status < 300:
        return
    words = f"{status} {reason[:200].decode('latin-1')}".rstrip()
    what = f"requires authentication ({words})" if status == 407 else f"refused the tunnel: {words}"
    raise ProxyError(f"proxy {name} {what}", status_code=status, reason=reason.decode("latin-1"))
