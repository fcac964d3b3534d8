"""From a host name to the addresses that may be connected to. Shared by both runtimes; looks nothing up itself."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterable
from typing import Any

from fasthttp.errors import ConnectError, DNSError

__all__ = ["CheckAddress", "checked", "connect_error", "dns_error", "literal", "normalise"]

Address = tuple[int, tuple[Any, ...]]
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
    """What a resolver returned (addresses, or (family, address) pairs) as socket addresses, duplicates removed."""
    addresses: dict[Address, None] = {}
    for item in found:
        address = item if isinstance(item, str) else item[1]
        text = address if isinstance(address, str) else str(address[0])
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
    return addresses


def dns_error(host: str, exc: OSError) -> DNSError:
    text = exc.strerror or str(exc)
    return DNSError(f"{host}: name not resolved: {text}")


def connect_error(host: str, port: int, failures: list[tuple[Address, OSError]]) -> ConnectError:
    """One error for all addresses that were tried."""
    parts = [f"{address[0]}:{address[1]} ({_reason(exc)})" for (_, address), exc in failures]
    return ConnectError(f"cannot connect to {host}:{port}: " + ", ".join(parts))


def _reason(exc: OSError) -> str:
    if exc.errno is not None and exc.errno in errno.errorcode:
        return os.strerror(exc.errno)
    return str(exc) or type(exc).__name__
