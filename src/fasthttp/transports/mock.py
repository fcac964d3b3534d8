"""`MockTransport`: answers by a function or by declared routes, for tests. Nothing of it reaches a network."""

from __future__ import annotations

import asyncio
import fnmatch
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from fasthttp.models import Request
from fasthttp.response import ClientResponse, Response
from fasthttp.transports.base import BaseTransport
from httpwire import jsonio
from httpwire.headers import Headers

__all__ = ["MockCall", "MockResponse", "MockTransport", "UnmatchedRequestError"]


class UnmatchedRequestError(AssertionError):
    """A request for which no answer was declared."""


class MockResponse:
    """An answer to be given. Bodies: one of `json`, `text`, `content`.

    Args:
        status: status code.
        headers: response headers.
        delay: seconds before the answer.
    """

    def __init__(
        self,
        status: int = 200,
        *,
        json: Any = None,
        text: str | None = None,
        content: bytes | None = None,
        headers: Any = None,
        delay: float = 0.0,
    ) -> None:
        given = [name for name, value in (("json", json), ("text", text), ("content", content)) if value is not None]
        if len(given) > 1:
            raise ValueError(f"{given[0]}= and {given[1]}= exclude each other: a response has one body")
        self.status = status
        self.headers = Headers(headers)
        self.delay = delay
        if json is not None:
            self.content = jsonio.encode(json)
            self.headers.setdefault("Content-Type", "application/json")
        elif text is not None:
            self.content = text.encode()
            self.headers.setdefault("Content-Type", "text/plain; charset=utf-8")
        else:
            self.content = content or b""

    def build(self, request: Request) -> Response:
        return ClientResponse(self.status, self.headers.copy(), self.content, request=request)


class MockCall:
    """A request that the transport was given: `method`, `url`, `headers`, `body`."""

    __slots__ = ("body", "headers", "method", "request", "url")

    def __init__(self, request: Request, body: bytes) -> None:
        self.request = request
        self.method = request.method
        self.url = request.url
        self.headers = request.headers.copy()
        self.body = body

    def json(self) -> Any:
        """The body as JSON."""
        return jsonio.decode(self.body)

    def __repr__(self) -> str:
        return f"<MockCall {self.request!r}>"


class _Rule:
    def __init__(self, method: str, pattern: Any, answer: Any, times: int | None) -> None:
        self.method = method
        self.pattern = pattern
        self.answer = answer
        self.left = times
        self.used = False
        self.text = pattern.pattern if isinstance(pattern, re.Pattern) else str(pattern)

    def matches(self, request: Request) -> bool:
        if self.left == 0 or self.method not in ("*", request.method):
            return False
        return matches_url(self.pattern, request)


def matches_url(pattern: Any, request: Request) -> bool:
    """Whether a pattern (text, glob, compiled) fits the URL of a request, with or without its origin and its query."""
    url = request.parsed_url
    path = url.path
    whole = url.href.partition("#")[0]
    candidates = (whole, whole.partition("?")[0], request.target, path)
    if isinstance(pattern, re.Pattern):
        return any(pattern.fullmatch(candidate) for candidate in candidates) or pattern.search(whole) is not None
    if any(char in pattern for char in "*?[") and not any(candidate == pattern for candidate in candidates):
        return any(fnmatch.fnmatchcase(candidate, pattern) for candidate in candidates)
    return pattern in candidates


class MockTransport(BaseTransport):
    """Answers from a script.

    Args:
        handler_or_routes: a function of the request, sync or async, or a mapping of URL patterns (optionally
            `"POST /path"`) to answers. An answer is a `Response`, `MockResponse`, dict or list (JSON), str, bytes, int
            (status), (status, body), or an exception to be raised.

    Attributes: `calls` records what was asked, `unmatched` the errors of requests that had no answer; `fast` makes waits
    between retries take no time; `allow_unused` is for the pytest plugin.
    """

    def __init__(self, handler_or_routes: Callable[[Request], Any] | Mapping[str, Any] | None = None) -> None:
        self.calls: list[MockCall] = []
        self.unmatched: list[UnmatchedRequestError] = []
        self.fast = False
        self.allow_unused = False
        if handler_or_routes is not None and not callable(handler_or_routes) and not isinstance(handler_or_routes, Mapping):
            raise TypeError(f"MockTransport takes a function of the request or a mapping of routes, not {type(handler_or_routes).__name__}")
        self._handler = handler_or_routes if callable(handler_or_routes) else None
        self._rules: list[_Rule] = []
        if isinstance(handler_or_routes, Mapping):
            for pattern, answer in handler_or_routes.items():
                method, _, rest = pattern.rpartition(" ")
                self._rules.append(_Rule(method or "*", rest, answer, None))

    def route(
        self,
        method: str,
        url: str | re.Pattern[str],
        answer: Any = None,
        *,
        status: int = 200,
        json: Any = None,
        text: str | None = None,
        content: bytes | None = None,
        headers: Any = None,
        delay: float = 0.0,
        times: int | None = None,
    ) -> MockTransport:
        """Declare an answer; the first declared one that fits is given, `times` times at most."""
        if answer is None:
            answer = MockResponse(status, json=json, text=text, content=content, headers=headers, delay=delay)
        self._rules.append(_Rule(method.upper(), url, answer, times))
        return self

    def get(self, url: str | re.Pattern[str], answer: Any = None, **options: Any) -> MockTransport:
        """Declare an answer to GET."""
        return self.route("GET", url, answer, **options)

    def post(self, url: str | re.Pattern[str], answer: Any = None, **options: Any) -> MockTransport:
        """Declare an answer to POST."""
        return self.route("POST", url, answer, **options)

    def put(self, url: str | re.Pattern[str], answer: Any = None, **options: Any) -> MockTransport:
        """Declare an answer to PUT."""
        return self.route("PUT", url, answer, **options)

    def patch(self, url: str | re.Pattern[str], answer: Any = None, **options: Any) -> MockTransport:
        """Declare an answer to PATCH."""
        return self.route("PATCH", url, answer, **options)

    def delete(self, url: str | re.Pattern[str], answer: Any = None, **options: Any) -> MockTransport:
        """Declare an answer to DELETE."""
        return self.route("DELETE", url, answer, **options)

    def head(self, url: str | re.Pattern[str], answer: Any = None, **options: Any) -> MockTransport:
        """Declare an answer to HEAD."""
        return self.route("HEAD", url, answer, **options)

    def options(self, url: str | re.Pattern[str], answer: Any = None, **options: Any) -> MockTransport:
        """Declare an answer to OPTIONS."""
        return self.route("OPTIONS", url, answer, **options)

    def query(self, url: str | re.Pattern[str], answer: Any = None, **options: Any) -> MockTransport:
        """Declare an answer to QUERY."""
        return self.route("QUERY", url, answer, **options)

    async def ahandle(self, request: Request) -> Response:
        body = b"".join([piece async for piece in request.iter_body()])
        self.calls.append(MockCall(request, body))
        answer = self._answer(request)
        if callable(answer) and not isinstance(answer, BaseException):
            answer = answer(request)
        if inspect.isawaitable(answer):
            answer = await answer
        if isinstance(answer, MockResponse) and answer.delay:
            await asyncio.sleep(answer.delay)
        return _to_response(answer, request)

    def _answer(self, request: Request) -> Any:
        if self._handler is not None:
            return self._handler
        for rule in self._rules:
            if rule.matches(request):
                rule.used = True
                if rule.left is not None:
                    rule.left -= 1
                return rule.answer
        known = ", ".join(f"{rule.method} {rule.text}" for rule in self._rules) or "nothing"
        error = UnmatchedRequestError(f"no answer for {request.method} {request.url}; registered: {known}")
        self.unmatched.append(error)
        raise error

    @property
    def unused(self) -> list[str]:
        """The declared routes that nobody has asked for, as "METHOD URL"."""
        return [f"{rule.method} {rule.text}" for rule in self._rules if not rule.used]

    def assert_called(self, method: str, url: str | re.Pattern[str], times: int | None = None) -> None:
        """Fail unless such a request was made (`times` times)."""
        count = sum(1 for call in self.calls if call.method == method.upper() and matches_url(url, call.request))
        made = ", ".join(f"{call.method} {call.url}" for call in self.calls) or "nothing"
        if times is None:
            assert count, f"{method.upper()} {url} was not called; called: {made}"
        else:
            assert count == times, f"{method.upper()} {url} was called {count} times, not {times}; called: {made}"


def _to_response(answer: Any, request: Request) -> Response:
    if isinstance(answer, BaseException):
        raise answer
    if isinstance(answer, type) and issubclass(answer, BaseException):
        raise answer()
    if isinstance(answer, Response):
        return answer
    if isinstance(answer, MockResponse):
        return answer.build(request)
    if isinstance(answer, bool) or answer is None:
        raise TypeError(f"a mock answer cannot be {answer!r}")
    if isinstance(answer, int):
        return MockResponse(answer).build(request)
    if isinstance(answer, tuple):
        status, body = answer
        built = _to_response(body, request)
        built.status_code = status
        built._reason = ClientResponse(status).reason
        return built
    if isinstance(answer, str):
        return MockResponse(text=answer).build(request)
    if isinstance(answer, (bytes, bytearray)):
        return MockResponse(content=bytes(answer)).build(request)
    return MockResponse(json=answer).build(request)
