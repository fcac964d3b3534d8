"""What a call does between its request and its response: cookies, authentication, retries, redirects.

One generator decides; it yields steps, and is told how each ended. It sends nothing, waits for nothing and reads no
clock: the engines of both colours take the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, NamedTuple

from fasthttp._pure.context import RequestContext
from fasthttp._pure.faults import annotate
from fasthttp._pure.redirects import REDIRECT_STATUSES, leaves_origin, next_request
from fasthttp.errors import (
    ClientClosedError,
    DecodeError,
    FastHTTPConnectionError,
    FastHTTPError,
    PoolError,
    RemoteProtocolError,
    RequestTimeout,
    SecurityError,
    TooManyRedirects,
)
from fasthttp.models import Request
from fasthttp.retry import origin_of

if TYPE_CHECKING:
    from fasthttp._pure.call import Call
    from fasthttp._pure.config import ClientConfig
    from fasthttp.response import ClientResponse, Response

__all__ = ["BufferBody", "Discard", "Exchange", "Pause", "Read", "Run", "Send", "Steps"]

_MAX_ROUNDS = 5  # of authentication
_MAX_APART = 1 << 20  # bytes of an answer that is an authentication's own


class Send(NamedTuple):
    """Send a request by the rules of `call`; gives the response after its head."""

    request: Request
    call: Call


class Read(NamedTuple):
    """Read the rest of a response and keep it."""

    response: Response


class Discard(NamedTuple):
    """Done with a response: read a short rest for the sake of its connection, close it otherwise."""

    response: Response


class Pause(NamedTuple):
    """Wait."""

    seconds: float


class Run(NamedTuple):
    """Call a function of the user's, which may be async; gives its result."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class BufferBody(NamedTuple):
    """Read the body of a request into memory."""

    request: Request


Step = Send | Read | Discard | Pause | Run | BufferBody
Steps = Generator[Step, Any, Any]


class Exchange:
    """One call under way.

    Args:
        config: the settings of the client.
        call: the rules of the call.
        request: what to send, without cookies and credentials.
        total_at: when the call has to be over, on the clock of `now`; None: never.
        now: the monotonic clock.
        wall: the clock of the calendar, in seconds since 1970.
        chance: a function that gives a number from 0 to 1.
    """

    def __init__(
        self,
        config: ClientConfig,
        call: Call,
        request: Request,
        total_at: float | None,
        *,
        now: Callable[[], float],
        wall: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._config = config
        self._call = call
        self._request = request
        self._total_at = total_at
        self._now = now
        self._wall = wall
        self._chance = chance
        self._attempt = 1
        self._failures: list[FastHTTPError] = []
        self._history: list[Response] = []

    def steps(self) -> Generator[Step, Any, ClientResponse]:
        """The call, step by step; returns the response."""
        redirects = 0
        while True:
            response = yield from self._answer()
            following = self._following(response)
            if following is None:
                response.attempts = self._attempt
                response._history = tuple(self._history)
                return response
            yield Discard(response)
            redirects += 1
            self._history.append(response)
            if redirects > self._call.max_redirects:
                raise self._too_many(response, following)
            self._tell("redirect", status=response.status_code, url=following.url)
            self._request = following

    # --- redirects

    def _following(self, response: ClientResponse) -> Request | None:
        """The next request of the chain, or None when `response` is the one to return."""
        if response.status_code not in REDIRECT_STATUSES:
            return None
        try:
            following = next_request(self._request, response, self._config.sensitive)
            if following is not None and leaves_origin(self._request.parsed_url, following.parsed_url):
                following.context = self._config.context_after_leaving(following.parsed_url, self._request)
        except FastHTTPError as exc:
            if not self._call.follow_redirects:
                return None  # the caller asked for the response as it is
            if exc.response is None:
                exc.response = response
            if response._body is not None:
                response._body.abandon()
            raise
        if self._call.follow_redirects:
            return following
        response._next_request = following
        return None

    def _too_many(self, response: Response, following: Request) -> TooManyRedirects:
        error = TooManyRedirects(f"more than {self._call.max_redirects} redirects, the last one to {following.url}")
        error.response = response
        error.history = tuple(self._history)
        return error

    # --- retries

    def _answer(self) -> Generator[Step, Any, ClientResponse]:
        """The answer to the request, after whatever attempts it takes."""
        while True:
            try:
                response = yield from self._authenticated()
            except FastHTTPError as exc:
                delay = self._delay_after_error(exc)
                if delay is None:
                    exc.attempts = self._attempt
                    for failure in self._failures:
                        exc.add_note(f"an earlier attempt failed: {type(failure).__name__}: {failure}")
                    raise
                self._failures.append(exc)
                reason = type(exc).__name__
            else:
                delay = self._delay_after(response)
                if delay is None:
                    return response
                yield Discard(response)
                reason = str(response.status_code)
            self._attempt += 1
            self._tell("retry", delay=delay, reason=reason)
            if delay > 0:
                yield Pause(delay)

    def _delay_after_error(self, error: FastHTTPError) -> float | None:
        """Seconds until the next attempt; None when there is none."""
        policy = self._call.retry
        if policy is None or self._attempt >= policy.max_attempts or not policy.should_retry_error(error):
            return None
        request = self._request
        if error.maybe_sent and not policy.may_repeat(request):
            return None
        delay = self._backoff(policy)
        if self._total_at is not None and self._now() + delay >= self._total_at:
            return None
        if request.body is not None and not request.is_replayable:
            request.body.start(asked_by=error)  # raises
        return delay

    def _delay_after(self, response: ClientResponse) -> float | None:
        """Seconds until the next attempt; None when `response` is to be taken as it is."""
        policy = self._call.retry
        if policy is None or self._attempt >= policy.max_attempts or response.status_code not in policy.status_codes:
            return None
        request = self._request
        if not policy.may_repeat(request):
            return None
        delay = self._backoff(policy)
        if policy.respect_retry_after:
            asked = _retry_after(response, self._wall)
            if asked is not None:
                if asked > policy.retry_after_max:
                    return None
                delay = max(delay, asked)
        if self._total_at is not None and self._now() + delay >= self._total_at:
            return None
        if request.body is not None and not request.is_replayable:
            if response._body is not None:
                response._body.abandon()
            request.body.start(asked_by=response)  # raises
        return delay

    def _backoff(self, policy: Any) -> float:
        return float(policy.delay(self._attempt) * (1 - policy.jitter * self._chance()))

    # --- authentication

    def _authenticated(self) -> Generator[Step, Any, ClientResponse]:
        """The answer of one attempt, after as many rounds as its authentication asks for."""
        request = self._request
        context = request.context
        auth = None if context is None else context.auth
        if auth is None or auth.fixed_authorization is not None:
            return (yield from self._sent(self._config.dress(request)))
        rounds = 0
        while True:
            own = request.copy()  # what a method does to it must not last
            own.auth_round = rounds
            if auth.requires_request_body and own.body is not None and own.body.content is None:
                yield BufferBody(own)
                request.body = own.body
            if auth.fetches:
                yield from auth._prepare(own, self._apart)
            result = yield Run(auth.on_request, (own,))
            if isinstance(result, Request):
                own = result
            elif result is not None:
                raise TypeError(f"{type(auth).__name__} returned {type(result).__name__} for a request; it must return None or a Request")
            wire = self._config.dress(own)
            response = yield from self._sent(wire)
            if auth.requires_response_body:
                yield Read(response)
            following = yield Run(auth.on_response, (own, response))
            if following is None or rounds == _MAX_ROUNDS:
                return response
            if not isinstance(following, Request):
                kind = type(following).__name__
                raise TypeError(f"{type(auth).__name__} returned {kind} for a response; it must return None or a Request")
            if not following.is_replayable:
                if response._body is not None:
                    response._body.abandon()
                following.body.start(asked_by=response)  # type: ignore[union-attr]
            yield Discard(response)
            self._history.append(response)
            rounds += 1
            request = following

    def _apart(self, request: Request) -> Generator[Step, Any, ClientResponse]:
        """The answer to a request of an authentication's own, for instance for a token: sent by the same client and limits.

        It gets neither credentials nor headers of the call or client, and is neither redirected nor repeated.
        """
        for name in ("User-Agent", "Accept-Encoding"):
            if name in self._config.headers:
                request.headers.setdefault(name, self._config.headers[name])
        request.context = (request.context or RequestContext())._replace(unbound=False)
        call = self._call.copy()
        call.stream = call.follow_redirects = False
        call.retry = call.expect = call.on_upload = call.on_download = None
        call.max_response_size = min(_MAX_APART, _MAX_APART if call.max_response_size is None else call.max_response_size)
        call.settle()
        steps = Exchange(self._config, call, request, self._total_at, now=self._now, wall=self._wall, chance=self._chance).steps()
        try:
            return (yield from steps)
        except FastHTTPError as exc:
            annotate(exc, request, sensitive=self._config.sensitive)
            exc.maybe_sent = False  # the request of the call was not
            raise

    # --- one request on the wire

    def _sent(self, wire: Request) -> Generator[Step, Any, ClientResponse]:
        """The response to one request, its body too where it will be the caller's."""
        breaker = self._call.breaker
        permit = None if breaker is None else breaker.enter(origin_of(wire.parsed_url))
        succeeded: bool | None = None
        try:
            response = yield Send(wire, self._call)
            if response._sets_cookies:
                self._config.keep_cookies(response, wire)
            if response.status_code == 417 and "expect" in wire.headers:
                yield Discard(response)
                response = yield Send(self._unexpectant(wire), self._call)
            if response._content is None and not self._call.stream and self._is_final(response):
                yield Read(response)
            succeeded = response.status_code < 500 or response.status_code == 501
            return response  # type: ignore[no-any-return]
        except FastHTTPError as exc:
            succeeded = False if _blames_origin(exc) else None
            raise
        finally:
            if permit is not None and breaker is not None:
                breaker.leave(permit, succeeded)

    def _unexpectant(self, wire: Request) -> Request:
        headers = wire.headers.copy()
        del headers["expect"]
        return wire.derive(headers=headers)

    def _is_final(self, response: ClientResponse) -> bool:
        """Whether the body of this response is wanted, as far as can be told before anybody was asked."""
        status = response.status_code
        if status in REDIRECT_STATUSES and self._call.follow_redirects and "location" in response.headers:
            return False
        policy = self._call.retry
        return policy is None or self._attempt >= policy.max_attempts or status not in policy.status_codes

    def _tell(self, event: str, **info: Any) -> None:
        if self._call.trace is not None:
            self._call.trace.attempt = self._attempt
            self._call.trace.tell(event, **info)


def _blames_origin(error: FastHTTPError) -> bool:
    """Whether a failure counts against the origin: the transport broke, was too slow, or spoke nonsense."""
    if isinstance(error, (PoolError, SecurityError, DecodeError, ClientClosedError)):
        return False
    return isinstance(error, (FastHTTPConnectionError, RequestTimeout, RemoteProtocolError))


def _retry_after(response: Response, wall: Callable[[], float]) -> float | None:
    """Seconds that the server asks for (RFC 9110 §10.2.3); a date counts from the server's own `Date`, if it gives one."""
    text = (response.headers.get("retry-after") or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    at = _timestamp(text)
    if at is None:
        return None
    since = _timestamp(response.headers.get("date") or "")
    return max(0.0, at - (wall() if since is None else since))


def _timestamp(text: str) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
