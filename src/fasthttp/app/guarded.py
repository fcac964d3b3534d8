"""The client that apps and sessions send with: address guard, size limits, breaker, signing. Declares nothing."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from time import time
from typing import Any

from fasthttp._async.engine import AsyncEngine
from fasthttp._pure.call import Call
from fasthttp._pure.exchange import Discard
from fasthttp._pure.masks import Masks
from fasthttp.app.gate import seat
from fasthttp.app.report import RunLog
from fasthttp.client import AsyncClient, Client
from fasthttp.cookies import CookieJar
from fasthttp.limits import Limits
from fasthttp.models import Request
from fasthttp.response import Response
from fasthttp.retry import CircuitBreaker
from fasthttp.security.guard import AddressGuard
from fasthttp.security.policy import SecurityPolicy
from fasthttp.security.signing import Signer
from fasthttp.timeouts import Timeout
from fasthttp.transports.base import BaseTransport
from fasthttp.transports.http import HTTPTransport
from httpwire.url import URL

__all__ = ["GuardedEngine", "Security", "guarded_client", "guarded_engine"]

_MAX_SIGNED = 10 * 2**20  # bytes of a streamed body that are buffered to be signed
_OFF = SecurityPolicy(ssrf=False, circuit_breaker=False)


class Security:
    """What is checked, and what is signed. `app.security`.

    Attributes: `policy`, `enabled`.
    """

    def __init__(self, security: bool | SecurityPolicy, secret_key: bytes | None) -> None:
        if not isinstance(security, (bool, SecurityPolicy)):
            raise TypeError(f"security= takes True, False or a SecurityPolicy, not {type(security).__name__}")
        self.enabled = security is not False
        self.policy = security if isinstance(security, SecurityPolicy) else SecurityPolicy()
        self._signing = secret_key is not None
        self._secret_key: bytes | None = None
        self._signer: Signer | None = None
        self._guard: AddressGuard | None = None
        if secret_key is not None:
            Signer(secret_key)  # raises for a key that is too short
            self._secret_key = secret_key
        self.breaker: CircuitBreaker | None = None
        if self.enabled and self.policy.circuit_breaker:
            policy = self.policy
            self.breaker = CircuitBreaker(
                policy.failure_threshold, policy.recovery_time, policy.half_open_max_calls, policy.success_threshold
            )
        if self.enabled and (self.policy.ssrf or self.policy.deny_hosts):
            self._guard = AddressGuard(self.policy, os.environ.get("FASTHTTP_ALLOW_HOSTS", ""))

    @property
    def secret_key(self) -> bytes:
        """The key that requests are signed with; a random one where none was given."""
        if self._secret_key is None:
            self._secret_key = secrets.token_bytes(32)
        return self._secret_key

    def enable_signing(self, enabled: bool = True) -> None:
        """Sign requests from now on, or do not."""
        self._signing = enabled

    def allow(self, *hosts: str) -> None:
        """Let requests go to these hosts, addresses or networks as well, from now on. Raises `ValueError` for a malformed one."""
        if self._guard is not None:
            self._guard.allow(*hosts)

    def breaker_state(self, url: str) -> str:
        """ "closed", "open" or "half-open": of the origin of this URL."""
        return "closed" if self.breaker is None else self.breaker.state(url)

    @property
    def masks(self) -> Masks:
        """What is not shown of anything."""
        return Masks(self.policy.mask_names, everything=self.policy.mask_secrets)

    def guard(self) -> AddressGuard | None:
        """An address guard for one client, which knows what is allowed later, too; None where it is off."""
        return None if self._guard is None else self._guard.twin()

    def signer(self) -> Signer | None:
        """What signs at this moment, None where nothing is signed."""
        if not self._signing:
            return None
        if self._signer is None:
            self._signer = Signer(self.secret_key, self.policy.sign_hosts)
        return self._signer


class Watch:
    """What a client asks before each request goes out."""

    def __init__(self, security: Security, guard: AddressGuard | None) -> None:
        self._policy = security.policy if security.enabled else None
        self._always = security.policy
        self._guard = guard
        self._signer = security.signer
        self.max_buffered = _MAX_SIGNED

    def check(self, request: Request) -> None:
        """Raise `SecurityError` for a request that must not go out."""
        url = request.parsed_url
        if self._policy is not None:
            self._policy.check_length(url)
        if self._guard is not None:
            self._guard.check_url(url)

    def check_hop(self, current: URL, following: URL) -> None:
        """Raise `SecurityError` for a redirect that must not be followed."""
        self._always.check_hop(current, following)

    def wants_body(self, request: Request) -> bool:
        """Whether the body is needed as bytes, to be signed."""
        signer = self._signer()
        return signer is not None and signer.wants(request.parsed_url)

    def sign(self, request: Request) -> Request:
        """The request with the headers of its signature."""
        signer = self._signer()
        if signer is None or not signer.wants(request.parsed_url):
            return request
        fields = signer.headers(
            request.method, request.parsed_url, request.content or b"", timestamp=int(time()), nonce=secrets.token_hex(16)
        )
        headers = request.headers.copy()
        headers.update(fields)
        signed = request.derive(headers=headers)
        signed.auth_round = request.auth_round
        return signed


class GuardedEngine(AsyncEngine):
    """An engine whose calls leave their places to others while they wait for another attempt.

    Args:
        engine: does the same without.
        log: told of what goes over the wire, where somebody wants that.
    """

    def __init__(self, engine: AsyncEngine, log: RunLog) -> None:
        super().__init__(engine.config, engine.sender)
        self._log = log

    async def pause(self, seconds: float) -> None:
        self._log.pausing(seconds)
        place = seat.get()
        if place is None or seconds <= 0:
            await super().pause(seconds)
        else:
            async with place.left():
                await super().pause(seconds)


class TellingSender:
    """Tells of every request that goes out."""

    def __init__(self, sender: Any, log: RunLog) -> None:
        self._sender = sender
        self._log = log
        self.pause = sender.pause

    async def send(self, request: Request, call: Call, total_at: float | None) -> Response:
        self._log.sending(request)
        response: Response = await self._sender.send(request, call, total_at)
        return response


class TellingEngine(GuardedEngine):
    """One that tells of every request, and of the responses that are not the last."""

    def __init__(self, engine: AsyncEngine, log: RunLog) -> None:
        super().__init__(engine, log)
        self.sender = TellingSender(engine.sender, log)

    async def _step(self, step: Any, call: Call, total_at: float | None) -> Any:
        taken = await super()._step(step, call, total_at)
        if step.__class__ is Discard:
            self._log.received(step.response)
        return taken


def guarded_engine(client: AsyncClient, log: RunLog) -> GuardedEngine:
    """What sends the requests of a client that was made by `guarded_client`."""
    return (TellingEngine if log.debug else GuardedEngine)(client._running(), log)


def guarded_client(
    base_url: str | None,
    security: Security,
    *,
    headers: Mapping[str, Any] | None,
    timeout: Timeout,
    jar: CookieJar | None,
    transport: BaseTransport | None,
    proxy: str | None,
    trust_env: bool,
    concurrency: int | None,
    per_host: int | None,
    default_encoding: str | Callable[[bytes], str] = "utf-8",
    client_class: type[Client] = AsyncClient,
) -> Any:
    """A client whose every request passes the checks, and whose responses are those of the declarative layer.

    It is an `AsyncClient`, or of another class of clients.
    """
    policy = security.policy if security.enabled else _OFF
    if transport is None:
        transport = HTTPTransport(
            limits=Limits(max_connections=concurrency, max_per_host=per_host),
            proxy=proxy,
            trust_env=trust_env,
            max_header_bytes=policy.max_header_size,
        )
    # Other transports than those of the network, for tests and for applications in this process, connect to nobody.
    guard = security.guard() if isinstance(transport, HTTPTransport) else None
    if guard is not None and isinstance(transport, HTTPTransport):
        transport.guard(guard.check_address)
        for one in transport.proxies():
            guard.exempt(one.host, one.port)
    client = client_class(
        base_url,
        timeout=timeout,
        headers=headers,
        cookies=jar,
        transport=transport,
        trust_env=trust_env,
        default_encoding=default_encoding,
        max_redirects=security.policy.max_redirects,
        max_response_size=policy.max_response_size if security.enabled else None,
        max_decompress_ratio=float(policy.max_decompression_ratio) if security.enabled else None,
        sensitive_headers=(*security.policy.mask_names, "x-timestamp", "x-nonce"),
    )
    config = client._core.config
    config.defaults.response_class = Response
    config.defaults.breaker = config.own_breaker = security.breaker
    config.defaults.settle()
    config.watch = Watch(security, guard)
    config.keeps_cookies = jar is not None
    config.inner = frozenset(("jar",))
    config.total_per_attempt = True
    return client
