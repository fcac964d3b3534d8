"""Lists of hosts, as settings name them: how an entry is read and what it matches. Knows not what the lists are for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from httpwire.errors import InvalidURL
from httpwire.url import encode_host

__all__ = ["Address", "Host", "HostList", "read_host"]

Address: TypeAlias = IPv4Address | IPv6Address
Host: TypeAlias = Address | str  # a name is in lower-case ASCII, without a trailing dot

_PORT = r"(?::([0-9]{1,5}))?"
_ENTRY = re.compile(rf"\[([0-9A-Fa-f:./]+)\]{_PORT}|([^\[\]:]+){_PORT}|([0-9A-Fa-f:./]+)")  # IPv6, anything else, bare IPv6
_NETWORK = re.compile(r"[0-9A-Fa-f:.]+/[0-9]{1,3}")  # masks are written as a length, or not at all
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")


def read_host(text: str) -> Host:
    """A host of a URL, or of a resolver, as the address that it is in any spelling, or as a name. Raises `ValueError`."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        host = encode_host(f"[{bare}]" if ":" in bare else text)
    except InvalidURL as exc:
        raise ValueError(f"{text!r} is not a host: {exc}") from None
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return host.rstrip(".")


class HostList:
    """Hosts by name, `*.suffix`, address or network, each at one port or at all.

    An entry `localhost` is the name, everything below it, and the loopback addresses 127.0.0.0/8 and ::1.

    Args:
        setting: what the entries are called in messages.
        entries: IPv6 stands in brackets when a port follows.

    Raises:
        ValueError: an entry is malformed; the message shows it.
        TypeError: an entry, or the whole, is of a wrong type.
    """

    def __init__(self, setting: str, entries: Iterable[str] = ()) -> None:
        self._names: set[tuple[str, int | None]] = set()
        self._suffixes: list[tuple[str, int | None]] = []
        self._networks: list[tuple[IPv4Network | IPv6Network, int | None]] = []
        self.extend(setting, entries)

    def extend(self, setting: str, entries: Iterable[str]) -> None:
        """Add entries."""
        if isinstance(entries, (str, bytes)):
            raise TypeError(f"{setting} takes several entries, not one text; write [{entries!r}]")
        for entry in entries:
            if not isinstance(entry, str):
                raise TypeError(f"{setting} takes texts, got {type(entry).__name__}")
            try:
                self._add(entry)
            except ValueError as exc:
                raise ValueError(
                    f"{setting}: {entry!r} is malformed ({exc}); an entry is a hostname, '*.suffix', an address or a network"
                    " such as '10.1.0.0/16', with ':port' or without, IPv6 in brackets when with a port"
                ) from None

    def _add(self, entry: str) -> None:
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise ValueError("not a host and port")
        bracketed, six_port, plain, plain_port, bare = match.groups()
        if bracketed and ":" not in bracketed:
            raise ValueError("only IPv6 stands in brackets")
        digits = six_port or plain_port
        port = int(digits) if digits else None
        if port is not None and not 0 < port < 65536:
            raise ValueError(f"port {port} is outside 1-65535")
        text = bracketed or plain or bare
        if "/" in text:
            if _NETWORK.fullmatch(text) is None:
                raise ValueError("not a network")
            self._networks.append((ip_network(text), port))
            return
        wild = text.startswith("*.")
        host = read_host(text[2:] if wild else text)
        if isinstance(host, str):
            if _NAME.fullmatch(host) is None:
                raise ValueError("not a hostname")
            if wild:
                self._suffixes.append((f".{host}", port))
                return
            self._names.add((host, port))
            if host == "localhost":
                self._suffixes.append((".localhost", port))
                self._networks += [(ip_network("127.0.0.0/8"), port), (ip_network("::1"), port)]
        elif wild:
            raise ValueError("'*.' goes before a name")
        else:
            self._networks.append((ip_network(host), port))

    def has(self, host: Host, port: int) -> bool:
        """Whether an entry names this host at this port."""
        if isinstance(host, str):
            if (host, None) in self._names or (host, port) in self._names:
                return True
            return any(at in (None, port) and host.endswith(suffix) for suffix, at in self._suffixes)
        return any(at in (None, port) and host in network for network, at in self._networks)
