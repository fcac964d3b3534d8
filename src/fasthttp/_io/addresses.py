"""From a host name to the addresses that may be connected to. Shared by both runtimes; looks nothing up itself."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from collections.abc import Callable, Iterable
from itertools import zip_longest
from typing import Any

from fasthttp._pure.route import Route
from fasthttp.errors import ConnectError, DNSError, ProxyError

__all__ = [
    "STAGGER",
    "Address",
    "checked",
    "connect_error",
    "dns_error",
    "from_getaddrinfo",
    "literal",
    "make_socket",
    "normalise",
    "show",
    "unix",
    "whither",
]

Address = tuple[int, Any]  # family, and what sockets of that family connect to
STAGGER = 0.25  # seconds that an address has before the next one is tried beside it (RFC 8305 §8)
CheckAddress = Callable[[str, str, int], None]


def literal(host: str, port: int) -> list[Address] | None:
    """The address, when `host` is one already."""
    if ":" in host:
        return [(socket.AF_INET6, (host, port, 0, 0))]
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return None
    return [(socket.AF_INET, (host, port))]


def normalise(found: Iterable[Any], port: int) -> list[Address]:
    """What a resolver returned (addresses, or (family, address) pairs) as socket addresses, duplicates removed.

    Raises `OSError` for a name: connecting would look that up, after everything was checked.
    """
    addresses: dict[Address, None] = {}
    for item in found:
        address = item if isinstance(item, str) else item[1]
        text = address if isinstance(address, str) else str(address[0])
        try:
            ipaddress.ip_address(text)
        except ValueError:
            raise OSError(f"the resolver gave {text!r}, which is no address") from None
        if isinstance(item, str) or not isinstance(address, tuple):
            family = socket.AF_INET6 if ":" in text else socket.AF_INET
            address = (text, port, 0, 0) if family == socket.AF_INET6 else (text, port)
        else:
            family = item[0]
        addresses[(int(family), tuple(address))] = None
    return list(addresses)


def from_getaddrinfo(infos: Iterable[Any]) -> list[Address]:
    return list(dict.fromkeys((int(info[0]), info[4]) for info in infos))


def checked(host: str, port: int, addresses: list[Address], check: CheckAddress | None) -> list[Address]:
    """The addresses, after every one of them has passed `check`; whatever it raises ends the call."""
    if not addresses:
        raise DNSError(f"{host}: the name has no address")
    if check is not None:
        for _, address in addresses:
            check(host, address[0], port)
    return interleave(addresses)


def dns_error(host: str, exc: OSError) -> DNSError:
    text = exc.strerror or str(exc)
    return DNSError(f"{host}: name not resolved: {text}")


def connect_error(route: Route, failures: list[tuple[Address, OSError]]) -> ConnectError:
    """One error for all addresses that were tried."""
    parts = [f"{show(address)} ({_reason(exc)})" for address, exc in failures]
    if route.proxy is not None:
        return ProxyError(f"cannot connect to the proxy {route.proxy.host}:{route.proxy.port}: " + ", ".join(parts))
    return ConnectError(f"cannot connect to {route.hostname}:{route.port}: " + ", ".join(parts))


def _reason(exc: OSError) -> str:
    if exc.errno is not None and exc.errno in errno.errorcode:
        return os.strerror(exc.errno)
    return str(exc) or type(exc).__name__


def show(address: Address) -> str:
    """An address for people."""
    place = address[1]
    return place if isinstance(place, str) else f"{place[0]}:{place[1]}"


def whither(route: Route, trying: list[str]) -> str:
    """Where a connection was meant to lead, and which addresses were tried."""
    where = f"{route.hostname}:{route.port}"
    return f"{where} ({', '.join(trying)})" if trying else where


def unix(path: str | None) -> list[Address]:
    """The address of a unix socket. Raises `ConnectError` where there are none."""
    if not hasattr(socket, "AF_UNIX"):
        raise ConnectError(f"unix sockets are not supported on this platform: {path}")
    return [(socket.AF_UNIX, path)]


def make_socket(address: Address, local_address: str | None) -> socket.socket:
    """A socket, not blocking, that can be connected to `address`. Raises `OSError`."""
    sock = socket.socket(address[0], socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if isinstance(address[1], tuple):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if local_address is not None:
                sock.bind((local_address, 0))
    except BaseException:
        sock.close()
        raise
    return sock


def interleave(found: list[Address]) -> list[Address]:
    """Addresses of both families in turn, the first as the resolver put it (RFC 8305 §4)."""
    families: dict[int, list[Address]] = {}
    for address in found:
        families.setdefault(address[0], []).append(address)
    mixed = [address for row in zip_longest(*families.values()) for address in row if address is not None]
    return mixed
