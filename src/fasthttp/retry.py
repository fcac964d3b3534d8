"""`RetryPolicy` and `CircuitBreaker`: what is sent again, when, and when not at all. Sends and waits for nothing."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from fasthttp._pure.breaker import BreakerState, Permit
from fasthttp._pure.call import IDEMPOTENT
from fasthttp._pure.numbers import at_least
from fasthttp.errors import (
    BodyLengthError,
    BodyNotReplayable,
    CertificateError,
    CircuitOpenError,
    ClientClosedError,
    ConnectError,
    ConnectTimeout,
    DecodeError,
    HTTP2NotAvailable,
    InvalidHeader,
    InvalidURL,
    PoolError,
    ReadError,
    ReadTimeout,
    RemoteProtocolError,
    SecurityError,
    TotalTimeout,
    WriteError,
    WriteTimeout,
)
from fasthttp.timeouts import UNSET
from httpwire.url import URL, parse_url

if TYPE_CHECKING:
    from fasthttp.models import Request

__all__ = ["IDEMPOTENT", "RETRY_EXCEPTIONS", "CircuitBreaker", "RetryPolicy"]

RETRY_EXCEPTIONS: Final = (ConnectError, ReadError, WriteError, ConnectTimeout, ReadTimeout, WriteTimeout, RemoteProtocolError)
_BAD_INPUT = (InvalidURL, InvalidHeader, BodyLengthError, BodyNotReplayable, HTTP2NotAvailable, ClientClosedError)
_NEVER = (*_BAD_INPUT, CertificateError, TotalTimeout, PoolError, SecurityError, DecodeError)


class RetryPolicy:
    """Which failures are met with another attempt. Immutable; any number of clients and calls may share one.

    Methods that are not idempotent are repeated only where they are listed, or where the request was certainly never
    sent. All attempts and the waits between them are one call: `timeout=5` limits the whole of it, not each attempt, so
    that a first attempt that takes it all leaves nothing for a second. `Timeout(read=5)` limits the phases of each.

    Args:
        max_attempts: requests in all, the first included.
        backoff_factor: seconds before the second attempt; doubled before each further one.
        backoff_max: seconds that it grows to at most.
        status_codes: answers that are retried; `retry_on_status` is another name for it.
        retry_exceptions: errors that are retried. Bad input, certificate errors, the total timeout, pool errors,
            refusals by our own checks, decode errors and spent bodies never are.
        circuit_breaker: leave an origin alone after `cb_failure_threshold` failures in a row, for
            `cb_recovery_seconds`; then `cb_half_open_max` probes at once. A client has one breaker, made by its own
            policy or else by the first of a call; one that asks for another goes to the log, once.
        methods: those that may be repeated, in upper case. Beside them, any request with an `Idempotency-Key`.
        jitter: the share of a delay that is left to chance, 0 to 1.
        respect_retry_after: wait as long as `Retry-After` says.
        retry_after_max: seconds beyond which that is too long, and the answer is returned.

    Raises:
        ValueError: a number is out of range.
        TypeError: both `status_codes` and `retry_on_status`, or a value of the wrong kind.
    """

    __slots__ = (
        "backoff_factor",
        "backoff_max",
        "cb_failure_threshold",
        "cb_half_open_max",
        "cb_recovery_seconds",
        "circuit_breaker",
        "jitter",
        "max_attempts",
        "methods",
        "respect_retry_after",
        "retry_after_max",
        "retry_exceptions",
        "status_codes",
    )

    max_attempts: int
    backoff_factor: float
    backoff_max: float
    status_codes: frozenset[int]
    retry_exceptions: tuple[type[BaseException], ...]
    circuit_breaker: bool
    cb_failure_threshold: int
    cb_recovery_seconds: float
    methods: frozenset[str]
    jitter: float
    respect_retry_after: bool
    retry_after_max: float
    cb_half_open_max: int

    def __init__(
        self,
        max_attempts: int = 1,
        backoff_factor: float = 0.2,
        backoff_max: float = 2.0,
        status_codes: Iterable[int] = UNSET,
        retry_exceptions: Iterable[type[BaseException]] | type[BaseException] = UNSET,
        circuit_breaker: bool = False,
        cb_failure_threshold: int = 5,
        cb_recovery_seconds: float = 60.0,
        *,
        retry_on_status: Iterable[int] = UNSET,
        methods: Iterable[str] = UNSET,
        jitter: float = 0.5,
        respect_retry_after: bool = True,
        retry_after_max: float = 30.0,
        cb_half_open_max: int = 1,
    ) -> None:
        if status_codes is not UNSET and retry_on_status is not UNSET:
            raise TypeError("status_codes= and retry_on_status= are the same thing: give one of them")
        statuses = _statuses(retry_on_status if status_codes is UNSET else status_codes)
        errors: Any = RETRY_EXCEPTIONS if retry_exceptions is UNSET else retry_exceptions
        errors = tuple(errors) if isinstance(errors, Iterable) and not isinstance(errors, type) else (errors,)
        if not all(isinstance(error, type) and issubclass(error, BaseException) for error in errors):
            raise TypeError("retry_exceptions= takes classes of exceptions")
        if isinstance(methods, str):
            raise TypeError("methods= takes several methods, not one text")
        if not 0 <= jitter <= 1:
            raise ValueError(f"jitter={jitter} must be between 0 and 1")
        values = {
            "max_attempts": at_least(1, "max_attempts", max_attempts),
            "backoff_factor": at_least(0, "backoff_factor", backoff_factor, whole=False),
            "backoff_max": at_least(0, "backoff_max", backoff_max, whole=False),
            "status_codes": statuses,
            "retry_exceptions": errors,
            "circuit_breaker": bool(circuit_breaker),
            "cb_failure_threshold": at_least(1, "cb_failure_threshold", cb_failure_threshold),
            "cb_recovery_seconds": at_least(0, "cb_recovery_seconds", cb_recovery_seconds, whole=False),
            "methods": IDEMPOTENT if methods is UNSET else frozenset(method.upper() for method in methods),
            "jitter": jitter,
            "respect_retry_after": bool(respect_retry_after),
            "retry_after_max": at_least(0, "retry_after_max", retry_after_max, whole=False),
            "cb_half_open_max": at_least(1, "cb_half_open_max", cb_half_open_max),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a RetryPolicy is immutable; make another one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a RetryPolicy is immutable")

    @property
    def retry_on_status(self) -> frozenset[int]:
        """The same as `status_codes`."""
        return self.status_codes

    @property
    def breaker_settings(self) -> tuple[int, float, int]:
        """What the breaker of a client is made with: `threshold`, `recovery` and `half_open_max`."""
        return (self.cb_failure_threshold, self.cb_recovery_seconds, self.cb_half_open_max)

    def should_retry_status(self, status: int) -> bool:
        """Whether an answer with this status is one to retry."""
        return status in self.status_codes

    def should_retry_error(self, error: BaseException) -> bool:
        """Whether this failure is one to retry."""
        return isinstance(error, self.retry_exceptions) and not isinstance(error, _NEVER)

    def may_repeat(self, request: Request) -> bool:
        """Whether a request that the server may have acted on can be sent again without harm."""
        return request.method in self.methods or "idempotency-key" in request.headers

    def delay(self, attempt: int) -> float:
        """Seconds to wait after this attempt, counted from 1, before chance takes its share."""
        try:
            return float(min(math.ldexp(self.backoff_factor, attempt - 1), self.backoff_max))
        except OverflowError:
            return float(self.backoff_max)

    def iter_delays(self) -> Iterator[float]:
        """The nominal delays in seconds: one for each attempt after the first."""
        return (self.delay(attempt) for attempt in range(1, self.max_attempts))

    def _values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in RetryPolicy.__slots__}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RetryPolicy) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(tuple(self._values().values()))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (self._values(),))

    def __repr__(self) -> str:
        given = {name: value for name, value in self._values().items() if value != getattr(_DEFAULT, name)}
        if "status_codes" in given:
            given["status_codes"] = sorted(self.status_codes)
        return f"RetryPolicy({', '.join(f'{name}={value!r}' for name, value in given.items())})"


def _rebuild(values: dict[str, Any]) -> RetryPolicy:
    return RetryPolicy(**values)


def _statuses(value: Any) -> frozenset[int]:
    if value is UNSET:
        return frozenset((408, 429, 500, 502, 503, 504))
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise TypeError(f"status_codes= takes several statuses, as (429, 503), not {value!r}")
    statuses = tuple(value)
    for status in statuses:
        if isinstance(status, bool) or not isinstance(status, int):
            raise TypeError(f"status_codes= takes integers, not {status!r}")
    return frozenset(map(int, statuses))


_DEFAULT = RetryPolicy()


class CircuitBreaker:
    """Leaves an origin alone that failed several times in a row, and tries it again later. Thread-safe.

    Args:
        threshold: failures in a row that open the circuit of an origin.
        recovery: seconds that it stays open before probes are let through.
        half_open_max: probes at once.
        successes: good probes that close it.

    `settings` are the first three.
    """

    def __init__(self, threshold: int = 5, recovery: float = 60.0, half_open_max: int = 1, successes: int = 1) -> None:
        self.settings = (threshold, recovery, half_open_max)
        self._state = BreakerState(
            at_least(1, "threshold", threshold),
            at_least(0, "recovery", recovery, whole=False),
            at_least(1, "half_open_max", half_open_max),
            at_least(1, "successes", successes),
        )
        self._lock = threading.Lock()

    @classmethod
    def from_policy(cls, policy: RetryPolicy) -> CircuitBreaker:
        """The breaker that a policy describes."""
        return cls(*policy.breaker_settings)

    def enter(self, origin: str) -> Permit:
        """Leave to send one request. Raises `CircuitOpenError` with `origin` and `retry_after` in seconds."""
        with self._lock:
            got = self._state.enter(origin, monotonic())
        if isinstance(got, Permit):
            return got
        raise CircuitOpenError(f"Circuit open for {origin}", origin=origin, retry_after=got)

    def leave(self, permit: Permit, succeeded: bool | None) -> None:
        """Give the permit back; None: the request says nothing about the origin."""
        with self._lock:
            self._state.leave(permit, succeeded, monotonic())

    def state(self, origin: str) -> str:
        """ "closed", "open" or "half-open". `origin` may be any URL of it."""
        with self._lock:
            return self._state.state(origin_of(origin), monotonic())

    def reset(self, origin: str | None = None) -> None:
        """Forget the failures of an origin, or of all."""
        with self._lock:
            self._state.reset(None if origin is None else origin_of(origin))


def origin_of(url: str | URL) -> str:
    """`scheme://host:port` of a URL, the port left out where it is the scheme's own."""
    if isinstance(url, str):
        url = parse_url(url)
    return f"{url.scheme}://{url.host_header.decode('ascii')}"
