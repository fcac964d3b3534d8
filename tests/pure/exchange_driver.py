"""Takes the steps of a call by hand: with answers from a list, and clocks that go only where they are told to."""

from __future__ import annotations

from typing import Any

from fasthttp._pure.body import Body
from fasthttp._pure.config import ClientConfig
from fasthttp._pure.exchange import BufferBody, Discard, Exchange, Pause, Read, Run, Send
from fasthttp._pure.tracing import Tracer
from fasthttp.errors import FastHTTPError
from fasthttp.models import Request
from fasthttp.response import ClientResponse
from fasthttp.retry import RetryPolicy

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


class LiveBody:
    """A body that has not been read; reading it gives `error` where there is one."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.abandoned = False

    def abandon(self) -> None:
        self.abandoned = True


class Breaker:
    """Lets everything through, and notes the outcomes."""

    def __init__(self) -> None:
        self.entered: list[str] = []
        self.outcomes: list[bool | None] = []

    def enter(self, origin: str) -> object:
        self.entered.append(origin)
        return object()

    def leave(self, permit: object, succeeded: bool | None) -> None:
        self.outcomes.append(succeeded)


def answer(status: int, **headers: str) -> ClientResponse:
    """A response that is here as a whole. Underscores in names are hyphens."""
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    response = ClientResponse(status, fields)
    response._sets_cookies = "set-cookie" in response.headers
    return response


def live(status: int, error: BaseException | None = None, **headers: str) -> Any:
    """A response whose body is still to be read."""
    response = answer(status, **headers)
    response._content = None
    response._body = LiveBody(error)  # type: ignore[assignment]
    response._state = "live"
    return response


def policy(attempts: int = 3, **keywords: Any) -> RetryPolicy:
    """A policy whose delays are exact: 0.2, 0.4, 0.8 and so on."""
    return RetryPolicy(attempts, jitter=keywords.pop("jitter", 0), **keywords)


class Play:
    """A call. `steps` notes what it did, `sent` the requests, `pauses` the seconds between them."""

    def __init__(
        self,
        method: str = "GET",
        url: str = "http://a.test/x",
        *,
        config: ClientConfig | None = None,
        total: float | None = None,
        chance: float = 0.0,
        breaker: Any = None,
        trace: Any = None,
        request: Request | None = None,
        **options: Any,
    ) -> None:
        self.config = ClientConfig() if config is None else config
        call = self.config.call(options).copy()
        call.breaker = breaker
        self.clock = 100.0
        if trace is not None:
            call.trace = Tracer(trace, lambda: self.clock)
        self.request = self.config.request(method, url, options) if request is None else request
        if call.expect is not None:
            self.request.headers["Expect"] = "100-continue"
        self.steps: list[str] = []
        self.sent: list[Request] = []
        self.pauses: list[float] = []
        self.exchange = Exchange(
            self.config,
            call,
            self.request,
            None if total is None else self.clock + total,
            now=lambda: self.clock,
            wall=lambda: NOW,
            chance=lambda: chance,
        )

    def __call__(self, *answers: Any) -> ClientResponse:
        """Run to the end, each request answered by the next of these; exceptions are raised."""
        left = list(answers)
        generator = self.exchange.steps()
        value: Any = None
        while True:
            try:
                step = generator.throw(value) if isinstance(value, BaseException) else generator.send(value)
            except StopIteration as end:
                assert not left, "not all answers were asked for"
                response: ClientResponse = end.value
                return response
            try:
                value = self._take(step, left)
            except BaseException as exc:
                value = exc

    def _take(self, step: Any, left: list[Any]) -> Any:
        self.steps.append(type(step).__name__.lower())
        if isinstance(step, Send):
            self.sent.append(step.request)
            given = left.pop(0)
            if step.request.body is not None and not (isinstance(given, FastHTTPError) and not given.maybe_sent):
                step.request.body.start()
            if isinstance(given, BaseException):
                raise given
            if given._request is None:
                given._request = step.request
            return given
        if isinstance(step, Read):
            body: Any = step.response._body
            if body is not None and body.error is not None:
                raise body.error
            step.response._content = b"read"
        elif isinstance(step, Discard):
            step.response._content = b""
        elif isinstance(step, Pause):
            self.pauses.append(step.seconds)
            self.clock += step.seconds
        elif isinstance(step, Run):
            return step.function(*step.arguments)
        else:
            assert isinstance(step, BufferBody)
            assert step.request.body is not None
            step.request.body = Body(b"".join(step.request.body.start()))
        return True
