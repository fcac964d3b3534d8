"""`SecurityPolicy`: what an app refuses to do. A value, and the checks that need nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from fasthttp._pure.numbers import at_least
from fasthttp.errors import RedirectBlockedError, SecurityError
from fasthttp.security.hostlist import HostList
from httpwire.masking import mask_url
from httpwire.url import URL

__all__ = ["SecurityPolicy"]

_AT_LEAST_ONE = "max_url_length max_response_size max_header_size max_decompression_ratio failure_threshold half_open_max_calls"
_LEAST = {**dict.fromkeys(f"{_AT_LEAST_ONE} success_threshold".split(), 1), "max_redirects": 0}
_SWITCHES = ("ssrf", "allow_http_downgrade", "circuit_breaker", "mask_secrets")


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class SecurityPolicy:
    """What an app, a session or a command refuses to do. Immutable and comparable.

    Args:
        ssrf: refuse addresses that are not public, and names that are local by their ending.
        allow_hosts: hosts that are permitted all the same: a hostname (whatever it resolves to), `*.suffix` (everything
            below that name), an address or a network (any name that resolves into it), each with `:port` or without,
            IPv6 in brackets when with a port. `localhost` is also `*.localhost`, 127.0.0.0/8 and ::1.
        deny_hosts: hosts that are refused whatever else is said, `ssrf=False` included.
        max_url_length: characters of a URL as it is sent.
        max_response_size: bytes of a decoded body.
        max_header_size: bytes of a response head.
        max_decompression_ratio: decoded bytes to received ones.
        max_redirects: redirects that one request follows.
        allow_http_downgrade: follow redirects from https to http.
        circuit_breaker: leave an origin alone after `failure_threshold` failures in a row, for `recovery_time` seconds;
            then `half_open_max_calls` probes at once, and `success_threshold` good ones until all is as before.
        mask_secrets: hide secrets in what is logged and reported; False leaves that to headers and user info of URLs.
        mask_names: names of headers and fields that hold secrets, beside the built-in ones.
        sign_hosts: hosts whose requests are signed, written as for `allow_hosts`. None: all.

    Raises:
        ValueError: a number is out of range, or an entry is malformed; the message shows it.
        TypeError: a value of a wrong type.
    """

    ssrf: bool = True
    allow_hosts: Iterable[str] = ()
    deny_hosts: Iterable[str] = ()
    max_url_length: int = 8192
    max_response_size: int = 100 * 2**20
    max_header_size: int = 65536
    max_decompression_ratio: int = 1000
    max_redirects: int = 10
    allow_http_downgrade: bool = False
    circuit_breaker: bool = True
    failure_threshold: int = 5
    recovery_time: float = 30.0
    half_open_max_calls: int = 3
    success_threshold: int = 2
    mask_secrets: bool = True
    mask_names: Iterable[str] = ()
    sign_hosts: Iterable[str] | None = None

    def __post_init__(self) -> None:
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, got {type(getattr(self, name)).__name__}")
        for name, least in _LEAST.items():
            at_least(least, name, getattr(self, name))
        recovery: Any = self.recovery_time
        if isinstance(recovery, bool) or not isinstance(recovery, (int, float)):
            raise TypeError(f"recovery_time must be a number of seconds, got {type(recovery).__name__}")
        if not 0 <= recovery < math.inf:
            raise ValueError(f"recovery_time={recovery} must be a finite number of seconds, 0 or more")
        for name in ("allow_hosts", "deny_hosts", "mask_names", "sign_hosts"):
            value = getattr(self, name)
            if value is not None or name != "sign_hosts":
                object.__setattr__(self, name, _names(value) if name == "mask_names" else _hosts(name, value))

    def __repr__(self) -> str:
        given = ((field.name, getattr(self, field.name), field.default) for field in fields(self))
        return f"SecurityPolicy({', '.join(f'{name}={value!r}' for name, value, default in given if value != default)})"

    def check_length(self, url: URL) -> None:
        """Raise `SecurityError` for a URL that is longer, as it is sent, than `max_url_length`."""
        length = len(url.scheme) + 3 + len(url.host_header) + len(url.target)
        if length > self.max_url_length:
            # The URL would be appended to the message; it is the one thing about it that is known to be unreadable.
            origin = f"{url.scheme}://{url.host_header.decode('ascii')}/..."
            raise SecurityError(f"URL of {length} characters is longer than max_url_length={self.max_url_length}", url=origin)

    def check_hop(self, current: URL, following: URL) -> None:
        """Raise `RedirectBlockedError` for a redirect that gives up TLS, unless `allow_http_downgrade`."""
        if not self.allow_http_downgrade and current.scheme in ("https", "wss") and following.scheme in ("http", "ws"):
            start, end = (mask_url(url.href, tuple(self.mask_names)) for url in (current, following))
            hint = "follow it with SecurityPolicy(allow_http_downgrade=True)"
            raise RedirectBlockedError(f"redirect from {start} to {end} gives up TLS; {hint}")


def _hosts(name: str, value: Iterable[str]) -> tuple[str, ...]:
    entries = value if isinstance(value, (str, bytes)) else tuple(value)
    HostList(name, entries)  # refuses a single text, and entries that are malformed
    return tuple(entries)


def _names(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, (str, bytes)):
        raise TypeError(f"mask_names takes several names, not one text; write [{value!r}]")
    names = tuple(value)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"mask_names takes texts, got {type(name).__name__}")
        if not name.strip():
            raise ValueError(f"mask_names: {name!r} is not a name")
    return tuple(name.lower() for name in names)
