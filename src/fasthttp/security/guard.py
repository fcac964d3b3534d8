"""The address guard: which hosts and addresses may be talked to. Decides; resolves and connects to nothing.

Names and literal addresses are judged before anything is sent, and every address a name resolves to before it is
connected to. What a name has resolved to once and will resolve to later does not count.
"""

from __future__ import annotations

from copy import copy
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network

from fasthttp.errors import SSRFBlockedError
from fasthttp.security.hostlist import Address, Host, HostList, read_host
from fasthttp.security.policy import SecurityPolicy
from httpwire.masking import mask_url
from httpwire.url import URL

__all__ = ["FORBIDDEN", "LOCAL_SUFFIXES", "AddressGuard", "stands_for"]

# The special-purpose registries of IANA (RFC 6890), and multicast; written out, since the tables of `ipaddress` differ
# between versions of Python.
FORBIDDEN: tuple[IPv4Network | IPv6Network, ...] = tuple(
    map(
        ip_network,
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24"
        " 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4"
        " ::/128 ::1/128 fc00::/7 fe80::/10 fec0::/10 ff00::/8 100::/64 2001:db8::/32 64:ff9b:1::/48".split(),
    )
)
LOCAL_SUFFIXES = (".localhost", ".local", ".localdomain", ".intranet", ".internal", ".private", ".home.arpa")

_PREFIXES_OF_96 = (0, 0xFFFF, 0x64FF9B << 64)  # IPv4-compatible, IPv4-mapped, NAT64
_MAX_REMEMBERED = 4096
_REFUSAL = "SSRF blocked: SSRF protection blocked request to"
_HINT = "allow it with SecurityPolicy(allow_hosts=[...]) or FASTHTTP_ALLOW_HOSTS"


def stands_for(address: Address) -> tuple[Address, ...]:
    """The addresses that traffic to this one ends at: itself, or the IPv4 ones that are written inside it."""
    if isinstance(address, IPv4Address):
        return (address,)
    value = int(address)
    if value >> 32 in _PREFIXES_OF_96:
        return (IPv4Address(value & 0xFFFFFFFF),)
    if value >> 112 == 0x2002:  # 6to4, RFC 3056 §2
        return (IPv4Address(value >> 80 & 0xFFFFFFFF),)
    if value >> 96 == 0x20010000:  # Teredo, RFC 4380 §4: the server, and the client with its bits inverted
        return (IPv4Address(value >> 64 & 0xFFFFFFFF), IPv4Address(~value & 0xFFFFFFFF))
    return (address,)


class AddressGuard:
    """Refuses hosts that are not public, unless they are allowed, and those that are denied in any case.

    Without `policy.ssrf` only `deny_hosts` counts.

    Args:
        policy: its `ssrf`, `allow_hosts`, `deny_hosts` and `mask_names` count here.
        extra_allowed: more entries for `allow_hosts`, separated by commas; what FASTHTTP_ALLOW_HOSTS holds.

    Raises:
        ValueError: an entry is malformed; the message shows it.
    """

    def __init__(self, policy: SecurityPolicy, extra_allowed: str = "") -> None:
        self._ssrf = policy.ssrf
        self._mask_names = tuple(policy.mask_names)
        self._allowed = HostList("allow_hosts", policy.allow_hosts)
        self._allowed.extend("FASTHTTP_ALLOW_HOSTS", filter(None, map(str.strip, extra_allowed.split(","))))
        self._denied = HostList("deny_hosts", policy.deny_hosts)
        self._exempt: set[tuple[str, int]] = set()
        self._passed: set[tuple[str, int]] = set()

    def allow(self, *hosts: str) -> None:
        """Add to the allowed hosts. Raises `ValueError` for a malformed entry."""
        HostList("allow()", hosts)  # all of them or none
        self._allowed.extend("allow()", hosts)

    def twin(self) -> AddressGuard:
        """Another guard with the same lists, also with what is allowed later; what it exempts is its own."""
        other = copy(self)
        other._exempt = set()
        other._passed = set()
        return other

    def exempt(self, host: str, port: int) -> None:
        """Let connections to this place pass, whatever it resolves to: it is a proxy's own, set by the user."""
        self._exempt.add((host, port))

    def check_url(self, url: URL) -> None:
        """Judge the host of a URL by its name, or by its address where it is one. Looks nothing up.

        Raises:
            SSRFBlockedError: the name is a local one, the address is not public, or either is denied. A local name
                passes by an entry for the name only: its address is not known here.
        """
        place = (url.host, url.port)
        if place in self._passed:
            return
        try:
            host = read_host(url.host)
            fault = self._fault(host, host, url.port)
        except ValueError:
            fault = "is not a host"
        if fault is not None:
            shown = mask_url(url.href, self._mask_names)
            raise SSRFBlockedError(f"{_REFUSAL}: {shown} ({url.hostname} {fault})", address=url.hostname, url=shown)
        if len(self._passed) >= _MAX_REMEMBERED:
            self._passed.clear()
        self._passed.add(place)

    def check_address(self, host: str, ip: str, port: int) -> None:
        """Judge an address that `host` resolved to, before it is connected to. Raises `SSRFBlockedError`."""
        if (host, port) in self._exempt:
            return
        try:
            fault = self._fault(read_host(host), ip_address(ip), port)
        except ValueError:
            fault = "is not an address"
        if fault is not None:
            where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            raise SSRFBlockedError(f"{_REFUSAL}: {where} ({ip} {fault})", address=ip, where=where)

    def _fault(self, host: Host, target: Host, port: int) -> str | None:
        """What is wrong with talking to `target`, a name or an address, that was asked for as `host`."""
        ends: tuple[Host, ...] = (target,) if isinstance(target, str) else stands_for(target)
        if any(self._denied.has(what, port) for what in (host, target, *ends)):
            return "is in deny_hosts, which wins over allow_hosts"
        if not self._ssrf or self._allowed.has(host, port) or self._allowed.has(target, port):
            return None
        for end in ends:
            if isinstance(end, str):
                if end == "localhost" or end.endswith(LOCAL_SUFFIXES):
                    return f"is a local name; {_HINT}"
            elif any(end in network for network in FORBIDDEN) and not self._allowed.has(end, port):
                return f"is not a public address; {_HINT}"
        return None
