"""`RetryMiddleware`: failures met with another attempt. The rules, and the work, are the retry policy's."""

from __future__ import annotations

from collections.abc import Iterable, Set

from fasthttp.errors import FastHTTPError
from fasthttp.middleware.base import BaseMiddleware, CallNext, RouteRequest
from fasthttp.response import Response
from fasthttp.retry import RETRY_EXCEPTIONS, RetryPolicy
from fasthttp.timeouts import UNSET

__all__ = ["RetryMiddleware"]


class RetryMiddleware(BaseMiddleware):
    """Tries again.

    Args:
        max_retries: attempts after the first one.
        retry_on: statuses that are retried.
        backoff_factor: seconds before the first retry, doubled before each further one.
        max_delay: seconds that is waited at most, also where the server asks for more.
        retry_exceptions: of the failures that can be retried, those that are.
        jitter: leave half of each delay to chance.
        retry_methods: methods that may be repeated; the idempotent ones by default.
    """

    __priority__ = 100

    def __init__(
        self,
        max_retries: int = 3,
        retry_on: Set[int] = frozenset((429, 500, 502, 503, 504)),
        backoff_factor: float = 0.5,
        max_delay: float = 30.0,
        retry_exceptions: tuple[type[BaseException], ...] = (Exception,),
        *,
        jitter: bool = True,
        retry_methods: Iterable[str] | None = None,
    ) -> None:
        if isinstance(max_retries, bool) or not isinstance(max_retries, int) or max_retries < 0:
            raise ValueError(f"max_retries={max_retries!r} must be an integer of at least 0")
        self.policy = RetryPolicy(
            max_retries + 1,
            backoff_factor,
            max_delay,
            retry_on,
            _narrow(retry_exceptions),
            jitter=0.5 if jitter else 0.0,
            retry_after_max=max_delay,
            methods=UNSET if retry_methods is None else retry_methods,
        )

    async def handle(self, request: RouteRequest, call_next: CallNext) -> Response:
        request.retry = self.policy
        return await call_next(request)


def _narrow(given: tuple[type[BaseException], ...]) -> tuple[type[BaseException], ...]:
    """Those of the policy's own exceptions that are also of the given classes."""
    chosen: list[type[BaseException]] = []
    for cls in given:
        chosen += [own for own in RETRY_EXCEPTIONS if issubclass(own, cls)]
        if issubclass(cls, FastHTTPError) and issubclass(cls, RETRY_EXCEPTIONS):
            chosen.append(cls)
    return tuple(dict.fromkeys(chosen))
