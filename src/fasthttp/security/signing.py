"""Requests signed with a key that both sides hold: what the bytes are, who signs them, and whether they are good.

The signature is HMAC-SHA256 (RFC 2104) over `METHOD LF URL LF TIMESTAMP LF NONCE LF` and the body as sent. The nonce
makes each of them unique, so that a server that remembers them takes none twice.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from typing import Any, Protocol, TypeAlias

from fasthttp.security.hostlist import HostList, read_host
from httpwire.errors import InvalidURL
from httpwire.url import URL, parse_url

__all__ = ["MAX_SIGNED_STREAM", "SIGNATURE_HEADERS", "NonceMemory", "NonceStore", "Signer", "check_key", "sign_request", "verify_request"]

MAX_SIGNED_STREAM = 10 * 2**20  # bytes of a streamed body that are held back in order to be signed
SIGNATURE_HEADERS = ("X-Timestamp", "X-Nonce", "X-Signature")

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_TIMESTAMP = re.compile(r"[0-9]{1,15}")
_NONCE = re.compile(r"[0-9A-Fa-f]{32}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")

Body: TypeAlias = bytes | bytearray | memoryview
HeaderFields: TypeAlias = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]


class NonceStore(Protocol):
    """Where a server remembers the nonces it has seen."""

    def add(self, nonce: str, expires: int) -> bool:
        """Remember a nonce up to the Unix second `expires`, that one included. False: it was there already."""


class NonceMemory:
    """Nonces in the memory of one process; thread-safe.

    Args:
        limit: nonces that are remembered at once. When all of them still count, new ones are taken for old: a replay
            never passes.
        clock: Unix seconds.
    """

    def __init__(self, limit: int = 100_000, clock: Callable[[], float] = time.time) -> None:
        self._limit = limit
        self._clock = clock
        self._seen: set[str] = set()
        self._by_time: list[tuple[int, str]] = []
        self._lock = threading.Lock()

    def add(self, nonce: str, expires: int) -> bool:
        with self._lock:
            while self._by_time and self._by_time[0][0] < self._clock():
                self._seen.discard(heappop(self._by_time)[1])
            if nonce in self._seen or len(self._seen) >= self._limit:
                return False
            self._seen.add(nonce)
            heappush(self._by_time, (expires, nonce))
            return True


class Signer:
    """Signs the requests of a client.

    Args:
        secret_key: at least 16 bytes.
        hosts: whose requests are signed, written as for `SecurityPolicy(allow_hosts=)`. None: all.

    Raises:
        ValueError: the key is too short, or an entry malformed.
    """

    def __init__(self, secret_key: bytes, hosts: Iterable[str] | None = None) -> None:
        self._key = check_key(secret_key)
        self._hosts = None if hosts is None else HostList("sign_hosts", hosts)

    def wants(self, url: URL) -> bool:
        """Whether requests to this URL are signed."""
        return self._hosts is None or self._hosts.has(read_host(url.host), url.port)

    def headers(self, method: str, url: URL, body: Body, *, timestamp: float, nonce: str) -> dict[str, str]:
        """The three header fields of a signed request; a nonce is 32 hex digits and used once."""
        seconds = str(int(timestamp))
        values = (seconds, nonce, _signature(self._key, method, url, seconds, nonce, body))
        return dict(zip(SIGNATURE_HEADERS, values, strict=True))


def check_key(secret_key: bytes) -> bytes:
    """The key, if it can be one. Raises `ValueError` for fewer than 16 bytes; no message shows a key."""
    if not isinstance(secret_key, (bytes, bytearray, memoryview)):
        raise TypeError(f"secret_key must be bytes, got {type(secret_key).__name__}")
    key = bytes(secret_key)
    if len(key) < 16:
        raise ValueError(f"secret_key has {len(key)} bytes; it needs at least 16, for instance secrets.token_bytes(32)")
    return key


def sign_request(
    method: str, url: str, body: Body, secret_key: bytes, *, timestamp: float | None = None, nonce: str | None = None
) -> dict[str, str]:
    """The header fields `X-Timestamp`, `X-Nonce` and `X-Signature` of a request.

    Args:
        method: in any case; it is signed in upper case.
        url: absolute; user info, fragment and a default port are left out.
        body: the bytes as they are sent, empty for none.
        secret_key: at least 16 bytes.
        timestamp: Unix seconds; now, when not given.
        nonce: 32 hex digits, never used before; random, when not given.

    Raises:
        ValueError: the key is too short, or an argument not what is said above.
        TypeError: an argument is of a wrong type.
    """
    signer = Signer(secret_key)
    _check_types(method, url, body)
    if _METHOD.fullmatch(method) is None:
        raise ValueError(f"{method!r} is not a method")
    try:
        parsed = parse_url(url, True)
    except InvalidURL as exc:
        raise ValueError(f"the URL cannot be signed: {exc}") from None
    when = time.time() if timestamp is None else _number("timestamp", timestamp)
    if _TIMESTAMP.fullmatch(str(int(when))) is None:
        raise ValueError(f"timestamp={when} is not a time in Unix seconds")
    if nonce is None:
        nonce = secrets.token_hex(16)
    elif not isinstance(nonce, str):
        raise TypeError(f"nonce must be text, got {type(nonce).__name__}")
    elif _NONCE.fullmatch(nonce) is None:
        raise ValueError(f"nonce={nonce!r} is not 32 hex digits")
    return signer.headers(method, parsed, body, timestamp=when, nonce=nonce)


def verify_request(
    method: str,
    url: str,
    headers: HeaderFields,
    body: Body,
    secret_key: bytes,
    *,
    max_age: float = 300,
    nonce_store: NonceStore | None = None,
    now: float | None = None,
) -> bool:
    """Whether a request was signed with this key, lately, and not seen before.

    Args:
        method, url, body: as received; the URL absolute, with scheme and host as the client used them.
        headers: a mapping, or pairs, in any case; ASGI's pairs of bytes too.
        secret_key: at least 16 bytes.
        max_age: seconds that the timestamp may differ from `now`, in either direction.
        nonce_store: remembers nonces; without one, replays within `max_age` pass. It is asked last, and only about
            requests whose signature is good.
        now: Unix seconds; the present, when not given.

    Raises:
        ValueError: the key is too short, or `max_age` negative.
        TypeError: an argument is of a wrong type, or the store's `add` a coroutine function.
    """
    key = check_key(secret_key)
    _check_types(method, url, body)
    if not _number("max_age", max_age) >= 0:
        raise ValueError(f"max_age={max_age} must be 0 or more seconds")
    moment = time.time() if now is None else _number("now", now)
    timestamp, nonce, signature = _signature_fields(headers)
    if not (_TIMESTAMP.fullmatch(timestamp) and _NONCE.fullmatch(nonce) and _SIGNATURE.fullmatch(signature) and _METHOD.fullmatch(method)):
        return False
    if abs(moment - int(timestamp)) > max_age:
        return False
    try:
        expected = _signature(key, method, parse_url(url, True), timestamp, nonce, body)
    except InvalidURL:
        return False
    if not hmac.compare_digest(expected, signature):
        return False
    if nonce_store is None:
        return True
    added: Any = nonce_store.add(nonce, int(timestamp) + math.ceil(max_age))
    if hasattr(added, "__await__"):  # would be true, whatever it comes to
        raise TypeError("nonce_store.add() must not be a coroutine function")
    return bool(added)


def _signature(key: bytes, method: str, url: URL, timestamp: str, nonce: str, body: Body) -> str:
    place = f"{url.scheme}://{url.host_header.decode('ascii')}{url.target.decode('ascii')}"
    mac = hmac.new(key, f"{method.upper()}\n{place}\n{timestamp}\n{nonce}\n".encode("ascii"), hashlib.sha256)
    mac.update(body)
    return mac.hexdigest()


def _signature_fields(headers: HeaderFields) -> list[str]:
    """The values of the three header fields; empty for one that is missing, not text, or there more than once."""
    items = getattr(headers, "items", None)
    pairs: Iterable[Any] = headers if items is None else items()
    found: dict[str, list[str]] = {name.lower(): [] for name in SIGNATURE_HEADERS}
    try:
        for name, value in pairs:
            found.get(_text(name).lower(), []).append(_text(value))
    except (TypeError, ValueError):
        raise TypeError(f"headers must be a mapping or pairs, got {type(headers).__name__}") from None
    return [values[0] if len(values) == 1 else "" for values in found.values()]


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


def _check_types(method: object, url: object, body: object) -> None:
    for name, value in (("method", method), ("url", url)):
        if not isinstance(value, str):
            raise TypeError(f"{name} must be text, got {type(value).__name__}")
    if not isinstance(body, (bytes, bytearray, memoryview)):
        raise TypeError(f"body must be bytes, got {type(body).__name__}")


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, got {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError(f"{name}={value} must be a finite number of seconds")
    return value
