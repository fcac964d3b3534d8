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
    FastHTTPConnectionError,
    FastHTTPError,
    PoolError,
    RemoteProtocolError,
    RequestTimeout,
    TooManyRedirects,
    TotalTimeout,
)
from fasthttp.models import Request
from fasthttp.retry import origin_of

if TYPE_CHECKING:
    from fasthttp._pure.breaker import Permit
    from fasthttp._pure.call import Call
    from fasthttp._pure.config import ClientConfig, Watch
    from fasthttp.auth import AuthBase
    from fasthttp.cookies import CookieJar
    from fasthttp.response import ClientResponse, Response
    from fasthttp.retry import RetryPolicy

__all__ = ["BufferBody", "Discard", "Exchange", "Pause", "Read", "Run", "Send"]

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
    """Wait, perhaps for no time; then comes another attempt."""

    seconds: float


class Run(NamedTuple):
    """Call a function of the user's, which may be async; gives its result."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class BufferBody(NamedTuple):
    """Read the body of a request into memory; `ValueError` beyond `limit` bytes."""

    request: Request
    limit: int | None = None


Step = Send | Read | Discard | Pause | Run | BufferBody


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
        self._on_wire = False  # whether anything of the present attempt went out
        self._is_hop = False  # whether the present attempt is the first one after a redirect
        self._sent_attempts = 0
        self._chain_jar: CookieJar | None = None  # of a client that keeps no cookies beyond a chain of redirects
        self.permit: Permit | None = None  # of the breaker, for a first request that was sent before this began
        self._asked = request  # what the latest response answers, without cookies: redirects lead on from there

    def steps(self) -> Generator[Step, Any, ClientResponse]:
        """The call, step by step; returns the response."""
        try:
            response = yield from self._followed()
            if response._content is None and not self._call.stream:
                yield Read(response)
        except FastHTTPError as exc:
            exc.attempts = self._attempt
            exc.sent_attempts = self._sent_attempts
            for note in [f"an earlier attempt failed: {type(failure).__name__}: {failure}" for failure in self._failures]:
                exc.add_note(note)
            policy, total = self._call.retry, self._call.timeout.total
            if isinstance(exc, TotalTimeout) and policy is not None and self._attempt < policy.max_attempts and total is not None:
                exc.add_note(f"not retried: the total limit of {total:g} s was reached")
            raise
        finally:
            self._failures.clear()  # their tracebacks hold this object
        response.attempts = self._attempt
        response.sent_attempts = self._sent_attempts
        response._history = tuple(self._history)
        return response

    # --- redirects

    def _followed(self) -> Generator[Step, Any, ClientResponse]:
        """The answer at the end of the redirects."""
        redirects = 0
        while True:
            response = yield from self._answer()
            following = self._following(response)
            if following is None:
                return response
            yield Discard(response)
            redirects += 1
            self._history.append(response)
            if redirects > self._call.max_redirects:
                raise self._too_many(response, following)
            self._tell("redirect", status=response.status_code, url=following.url)
            self._request = following
            self._is_hop = True

    def _following(self, response: ClientResponse) -> Request | None:
        """The next request of the chain, or None when `response` is the one to return."""
        if response.status_code not in REDIRECT_STATUSES:
            return None
        try:
            following = next_request(self._asked, response, self._config.sensitive)
            if following is not None and self._config.watch is not None and self._call.follow_redirects:
                self._config.watch.check_hop(self._asked.parsed_url, following.parsed_url)
            if following is not None and leaves_origin(self._asked.parsed_url, following.parsed_url):
                following.context = self._config.context_after_leaving(following.parsed_url, self._asked)
        except FastHTTPError as exc:
            if not self._call.follow_redirects:
                return None  # the caller asked for the response as it is
            if exc.response is None:
                exc.response = response
            _abandon(response)
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
                try:
                    response = yield from self._authenticated()
                finally:
                    self._sent_attempts += self._on_wire and not self._is_hop
                    self._on_wire = self._is_hop = False
            except FastHTTPError as exc:
                delay = self._delay_after_error(exc)
                if delay is None:
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
        _check_replayable(request, response)
        return delay

    def _backoff(self, policy: RetryPolicy) -> float:
        return policy.delay(self._attempt) * (1 - policy.jitter * self._chance())

    # --- authentication

    def _authenticated(self) -> Generator[Step, Any, ClientResponse]:
        """The answer of one attempt, after as many rounds as its authentication asks for."""
        request = self._asked = self._request
        context = request.context
        auth = None if context is None else context.auth
        if auth is None or auth.fixed_authorization is not None:
            return (yield from self._sent(self._config.dress(request, self._chain_jar)))
        rounds = 0
        while True:
            if auth.requires_request_body and request.body is not None and request.body.content is None:
                yield BufferBody(request)
                request.headers.pop("transfer-encoding", None)  # the length is known now
            own = request.copy()  # what a method does to it must not last
            own.auth_round = rounds
            if auth.fetches:
                yield from auth._prepare(own, self._apart)
            own = self._returned(auth, "request", (yield Run(auth.on_request, (own,)))) or own
            self._asked = self._request if own.url == self._request.url else own
            response = yield from self._sent(self._config.dress(own, self._chain_jar))
            following = yield from self._reaction(auth, own, response)
            if following is None or rounds == _MAX_ROUNDS:
                return response
            yield Discard(response)
            self._history.append(response)
            rounds += 1
            request = following

    def _reaction(self, auth: AuthBase, own: Request, response: ClientResponse) -> Generator[Step, Any, Request | None]:
        """The request that an authentication wants to be sent in place of returning the response."""
        try:
            if auth.requires_response_body:
                yield Read(response)
            following = self._returned(auth, "response", (yield Run(auth.on_response, (own, response))))
        except BaseException:
            _abandon(response)
            raise
        if following is not None:
            _check_replayable(following, response)
        return following

    def _returned(self, auth: AuthBase, event: str, result: Any) -> Request | None:
        """What a method of an authentication returned, with the defaults of the client."""
        if result is None:
            return None
        if not isinstance(result, Request):
            kind = type(result).__name__
            raise TypeError(f"{type(auth).__name__} returned {kind} for a {event}; it must return None or a Request")
        return result if result.built_for is self._config else self._config.adopt(result)

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
        watch = self._config.watch
        if watch is not None:
            wire = yield from self._watched(wire, watch)
        breaker = self._call.breaker
        permit, self.permit = self.permit, None
        if permit is None and breaker is not None:
            permit = breaker.enter(origin_of(wire.parsed_url))
        succeeded: bool | None = None
        try:
            response = yield from self._received(wire)
            if response.status_code == 417 and self._call.expect is not None and "expect" in wire.headers:
                _check_replayable(wire, response)
                yield Discard(response)
                response = yield from self._received(_without_expect(wire))
            if response._content is None and not self._call.stream and self._is_final(response):
                yield Read(response)
            succeeded = response.status_code < 500 or response.status_code == 501
            return response
        except FastHTTPError as exc:
            succeeded = False if _blames_origin(exc) else None
            self._on_wire = self._on_wire or exc.maybe_sent
            annotate(exc, wire, None, self._config.sensitive)
            raise
        finally:
            if permit is not None and breaker is not None:
                breaker.leave(permit, succeeded)

    def _watched(self, wire: Request, watch: Watch) -> Generator[Step, Any, Request]:
        """The request after the checks of whoever watches this client, signed where that is wanted."""
        watch.check(wire)
        if not watch.wants_body(wire):
            return wire
        if wire.body is not None and wire.body.content is None:
            yield BufferBody(wire, watch.max_buffered)
        return watch.sign(wire)

    def _received(self, wire: Request) -> Generator[Step, Any, ClientResponse]:
        response: ClientResponse = yield Send(wire, self._call)
        self._on_wire = True
        if response._sets_cookies:
            self._config.keep_cookies(response, wire, self._jar_of_chain())
        return response

    def _jar_of_chain(self) -> CookieJar | None:
        if self._chain_jar is None and not self._config.keeps_cookies:
            from fasthttp.cookies import CookieJar

            self._chain_jar = CookieJar()
        return self._chain_jar

    def _is_final(self, response: ClientResponse) -> bool:
        """Whether the body of this response is wanted, as far as can be told before anybody was asked."""
        status = response.status_code
        if status in REDIRECT_STATUSES and self._call.follow_redirects and "location" in response.headers:
            return False
        policy = self._call.retry
        if policy is None or self._attempt >= policy.max_attempts or status not in policy.status_codes:
            return True
        return not policy.may_repeat(self._request)

    def _tell(self, event: str, **info: Any) -> None:
        if self._call.trace is not None:
            self._call.trace.attempt = self._attempt
            self._call.trace.tell(event, **info)


def _abandon(response: Response) -> None:
    """Let go of a response that nobody will read."""
    if response._body is not None:
        response._body.abandon()


def _check_replayable(request: Request, response: Response) -> None:
    """Raise `BodyNotReplayable` where the request that `response` calls for cannot be sent any more."""
    if request.body is not None and not request.is_replayable:
        _abandon(response)
        request.body.start(asked_by=response)


def _without_expect(request: Request) -> Request:
    headers = request.headers.copy()
    del headers["expect"]
    return request.derive(headers=headers)


def _blames_origin(error: FastHTTPError) -> bool:
    """Whether a failure counts against the origin: the transport broke, was too slow, or spoke nonsense."""
    if isinstance(error, PoolError) or isinstance(error.__cause__, PoolError):
        return False  # it was never asked
    return isinstance(error, (FastHTTPConnectionError, RequestTimeout, RemoteProtocolError))


def _retry_after(response: Response, wall: Callable[[], float]) -> float | None:
    """Seconds that the server asks for (RFC 9110 §10.2.3); a date counts from the server's own `Date`, if it gives one."""
    text = (response.headers.get("retry-after") or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    # Cookies have the one parser of dates: it knows every form that RFC 9110 §5.6.7 has, and takes them all for UTC.
    from httpwire.cookies import parse_cookie_date

    at = parse_cookie_date(text)
    if at is None:
        return None
    since = parse_cookie_date(response.headers.get("date") or "")
    return max(0.0, at - (wall() if since is None else since))
