"""The rules of one call, checked: what its keywords and the client's settings come to. Knows no request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fasthttp._pure.redirects import REDIRECT_STATUSES
from fasthttp.response import ClientResponse, Response
from fasthttp.timeouts import Timeout

if TYPE_CHECKING:
    from fasthttp._pure.tracing import Tracer
    from fasthttp.retry import CircuitBreaker, RetryPolicy
    from fasthttp.types import TraceHook

__all__ = ["HOOK_EVENTS", "IDEMPOTENT", "SAFE", "Call", "HookTable", "check_retry", "check_trace"]
__all__ += ["expect_seconds", "hook_table", "refuse_overrides"]

HOOK_EVENTS = ("request", "response", "error")
SAFE = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "QUERY"))  # RFC 9110 §9.2.1
IDEMPOTENT = SAFE | {"PUT", "DELETE"}  # RFC 9110 §9.2.2
HookTable = dict[str, list[Callable[..., Any]]]


class Call:
    """The rules of one call. Shared by all calls that say nothing of their own, so never changed."""

    __slots__ = (
        "attends_upload",
        "breaker",
        "expect",
        "follow_redirects",
        "head_first",
        "hooks",
        "is_plain",
        "max_ratio",
        "max_redirects",
        "max_response_size",
        "on_download",
        "on_upload",
        "overrides",
        "response_class",
        "retry",
        "stream",
        "timeout",
        "trace",
        "trace_hook",
        "turns",
        "watches_body",
    )

    def __init__(self) -> None:
        self.response_class: type[Response] = ClientResponse
        self.timeout = Timeout()
        self.stream = False
        self.follow_redirects = True
        self.max_redirects = 5
        self.hooks: HookTable | None = None
        self.max_response_size: int | None = None
        self.max_ratio: float | None = 100.0
        self.overrides: dict[str, Any] | None = None  # verify, cert, ssl_context, proxy of this call
        self.retry: RetryPolicy | None = None
        self.breaker: CircuitBreaker | None = None
        self.expect: float | None = None  # seconds to wait for 100 (Continue)
        self.on_upload: Callable[[int, int | None], Any] | None = None
        self.on_download: Callable[[int, int | None], Any] | None = None
        self.trace_hook: TraceHook | None = None
        self.trace: Tracer | None = None  # of this very call
        self.settle()

    def copy(self) -> Call:
        new = Call.__new__(Call)
        for name in Call.__slots__:
            setattr(new, name, getattr(self, name))
        return new

    def takes_whole(self, size: int) -> bool:
        """Whether a body of this size, that is all there and not coded, needs no watching on its way."""
        return not self.stream and self.on_download is None and (self.max_response_size is None or size <= self.max_response_size)

    def settle(self) -> None:
        """Work out what follows from the rules, once they are complete."""
        self.attends_upload = self.expect is not None or self.on_upload is not None
        self.watches_body = self.stream or self.max_response_size is not None or self.on_download is not None
        # Whether the head is looked at before the body has come: an answer that is to be retried may be slow with it.
        self.head_first = self.watches_body or self.retry is not None
        # Whether a request is sent as it is, and its answer taken as it comes.
        self.is_plain = self.expect is None and self.retry is None and self.breaker is None and not self.watches_body
        turns = set(REDIRECT_STATUSES)
        if self.retry is not None:
            turns |= self.retry.status_codes
        if self.expect is not None:
            turns.add(417)
        # Statuses that are perhaps not the end of the call.
        self.turns = REDIRECT_STATUSES if turns == REDIRECT_STATUSES else frozenset(turns)


def check_retry(value: Any) -> RetryPolicy | None:
    """The value of `retry=`. Raises `TypeError`."""
    if value is None:
        return None
    from fasthttp.retry import RetryPolicy

    if not isinstance(value, RetryPolicy):
        raise TypeError(f"retry= takes a RetryPolicy or None, not {type(value).__name__}")
    return value


def expect_seconds(value: bool | float | None) -> float | None:
    """Seconds to wait for 100 (Continue), None for not asking (RFC 9110 §10.1.1). Raises `ValueError`."""
    if value is None or value is False:
        return None
    if value is True:
        return 1.0
    if not value > 0:
        raise ValueError(f"expect_continue={value!r} takes True, False or seconds above 0")
    return float(value)


def refuse_overrides(overrides: Mapping[str, Any], transport: object) -> None:
    """Raise `ValueError` where a call says how to connect, over a transport that does not ask."""
    for name, value in overrides.items():
        if value is not None and not (name == "proxy" and value == "") and not (name == "verify" and value is True):
            raise ValueError(f"{name}= of a call does nothing over {type(transport).__name__}: give network options to the transport")


def check_trace(value: Any) -> TraceHook | None:
    """The value of `trace=`. Raises `TypeError`: it is called inside the transport, where nothing can be awaited."""
    import inspect

    if value is not None and (not callable(value) or inspect.iscoroutinefunction(value)):
        raise TypeError("trace= takes a plain function of (event, info)")
    hook: TraceHook | None = value
    return hook


def hook_table(hooks: Mapping[str, Any] | None) -> HookTable | None:
    """Hooks by event, each a list. Raises `ValueError` for an unknown event, `TypeError` for what cannot be called."""
    if not hooks:
        return None
    table: HookTable = {}
    for event, value in hooks.items():
        if event not in HOOK_EVENTS:
            raise ValueError(f"unknown hook event {event!r}; there are {', '.join(HOOK_EVENTS)}")
        functions = [value] if callable(value) else list(value)
        for function in functions:
            if not callable(function):
                raise TypeError(f"hooks[{event!r}]: {function!r} is not callable")
        table[event] = functions
    return table
