"""`AsyncSession`: requests one by one, guarded like those of an app, without exceptions unless they are asked for."""

from __future__ import annotations

import contextvars
import itertools
import warnings
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from fasthttp._pure.later import not_yet
from fasthttp._pure.numbers import at_least
from fasthttp._pure.routes import RelativeURL
from fasthttp.app.application import DEFAULT_TIMEOUT
from fasthttp.app.gate import Gate
from fasthttp.app.guarded import Security, guarded_client, guarded_engine
from fasthttp.app.pipeline import Pipeline
from fasthttp.app.plan import Job, Plan
from fasthttp.app.report import RunLog
from fasthttp.app.runner import origin_of
from fasthttp.client import AsyncClient
from fasthttp.cookies import CookieJar
from fasthttp.errors import BodyNotReplayable, ClientClosedError, InvalidURL, SecurityError
from fasthttp.events import EventHooks, Hookable
from fasthttp.middleware.base import MiddlewareManager
from fasthttp.response import Response
from fasthttp.results import RouteResult
from fasthttp.routing import Placed, Route
from fasthttp.testing import UnmatchedRequestError
from fasthttp.timeouts import Timeout

if TYPE_CHECKING:
    from typing import Self

    from fasthttp.security.policy import SecurityPolicy
    from fasthttp.transports.base import BaseTransport

__all__ = ["AsyncSession"]

_serials = itertools.count()
_last_error: contextvars.ContextVar[dict[int, BaseException]] = contextvars.ContextVar("fasthttp_last_error")


class AsyncSession(Hookable):
    """Requests that share headers, cookies, connections and checks.

    A call gives a response for a status below 400 and None for everything else: what went wrong is in `last_error`.
    With `raise_for_status=True`, here or at the call, it is raised. What the caller does wrong raises in any case.

    Args:
        base_url, headers, timeout, proxy, security, middleware, cookie_jar, debug, secret_key, auth, raise_for_status,
            trust_env, concurrency, per_host, transport: as for `FastHTTP`; without `cookie_jar` it has one of its own.
        allow_redirects: follow redirects.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeout | None = DEFAULT_TIMEOUT,
        http2: bool = False,
        proxy: str | None = None,
        security: bool | SecurityPolicy = True,
        middleware: Any = None,
        cookie_jar: CookieJar | None = None,
        debug: bool = False,
        secret_key: bytes | None = None,
        auth: Any = None,
        raise_for_status: bool = False,
        allow_redirects: bool = True,
        trust_env: bool = True,
        concurrency: int | None = 100,
        per_host: int | None = 50,
        transport: BaseTransport | None = None,
    ) -> None:
        if http2:
            not_yet("AsyncSession(http2=...)")
        self.base_url = base_url
        self.headers = headers
        self.timeout = Timeout.from_value(timeout)
        self.proxy = proxy
        self.security = Security(security, secret_key)
        self.middleware_manager = MiddlewareManager(middleware)
        self.cookies = CookieJar() if cookie_jar is None else cookie_jar
        self.debug = debug
        self.auth = auth
        self.raise_for_status = raise_for_status
        self.allow_redirects = allow_redirects
        self.trust_env = trust_env
        self.concurrency = at_least(1, "concurrency", concurrency, optional=True, wrong=ValueError)
        self.per_host = at_least(1, "per_host", per_host, optional=True, wrong=ValueError)
        self.transport = transport
        self.event_hooks = EventHooks()
        self._client: AsyncClient | None = None
        self._serial = next(_serials)
        self._log = RunLog("routes", debug, self.security.masks)

    # --- opening and closing

    @property
    def is_open(self) -> bool:
        return self._client is not None

    async def open(self) -> None:
        """Make ready for calls. Harmless when it is open."""
        if self._client is not None:
            return
        client = guarded_client(
            None, self.security, headers=self.headers, timeout=self.timeout, jar=self.cookies, transport=self.transport,
            proxy=self.proxy, trust_env=self.trust_env, concurrency=self.concurrency, per_host=self.per_host,
        )  # fmt: skip
        await client.__aenter__()
        self._client = client
        self._gate = Gate(self.concurrency, self.per_host)
        self._pipeline = Pipeline(
            guarded_engine(client, self._log), self._log, headers=self.headers, timeout=self.timeout, jar=self.cookies, auth=self.auth,
            raise_for_status=False, middleware=self.middleware_manager,
        )  # fmt: skip

    async def close(self) -> None:
        """Close the connections. Harmless when it is closed; it can be opened again."""
        client, self._client = self._client, None
        if client is not None:
            await self._pipeline.scope.close()
            await client.aclose()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __del__(self) -> None:
        if getattr(self, "_client", None) is not None:
            warnings.warn(f"unclosed session {self!r}", ResourceWarning, source=self, stacklevel=2)

    # --- calls

    @property
    def last_error(self) -> BaseException | None:
        """What went wrong in the latest call of this task; None after a success."""
        return _last_error.get({}).get(self._serial)

    def _remember(self, error: BaseException | None) -> None:
        others = {key: value for key, value in _last_error.get({}).items() if key != self._serial}
        _last_error.set(others if error is None else {**others, self._serial: error})

    def _plan(self, method: str, url: str, options: dict[str, Any]) -> Plan:
        if self._client is None:
            raise RuntimeError("AsyncSession is not open: use 'async with' or await session.open()")
        content = options.pop("content", None)
        if content is not None:
            if options.get("data") is not None:
                raise ValueError("content= and data= exclude each other: a request has one body")
            options["data"] = content
        options = {name: value for name, value in options.items() if value is not None or name == "timeout"}
        options.setdefault("allow_redirects", self.allow_redirects)
        route = Route(method.upper(), url, **options)
        route.is_content = content is not None
        try:
            return Plan(Placed(route), base_url=self.base_url, defaults={}, app_hooks=self.event_hooks, middleware=self.middleware_manager)
        except RelativeURL as exc:
            raise InvalidURL(f"Invalid URL: {exc}") from None

    async def attempt(self, method: str, url: str, **options: Any) -> RouteResult:
        """The outcome of a call, whatever it is; options as for `get`."""
        _refuse_unknown("attempt", options)
        plan = self._plan(method, url, options)
        async with self._gate.slot(origin_of(plan.url)):
            if self._client is None:
                raise ClientClosedError("the session was closed while the call waited")
            result = await self._pipeline.run(Job(plan, f"{method.upper()} {url}", 0, None))
        if result.error is not None and _is_mistake(result):
            raise result.error
        self._remember(result.error)
        self._log.route(result)
        return result

    async def request(self, method: str, url: str, *, raise_for_status: bool | None = None, **options: Any) -> Response | None:
        """Send a request with any method; options as for `get`."""
        result = await self.attempt(method, url, **options)
        if result.error is None:
            return result.response
        if self.raise_for_status if raise_for_status is None else raise_for_status:
            raise result.error
        return None

    async def get(self, url: str, **options: Any) -> Response | None:
        """Send a GET request.

        Args:
            url: absolute, or relative to `base_url`.
            options: `params`, `json`, `data`, `content` (bytes or an iterator), `files`, `headers`, `timeout`, `auth`,
                `allow_redirects`, `response_model`, `raise_for_status`.

        Returns:
            The response for a status below 400, None otherwise.

        Raises:
            TypeError: an unknown option.
            ValueError: two bodies, or a URL that cannot be.
            RuntimeError: the session is not open.
        """
        return await self.request("GET", url, **options)

    async def head(self, url: str, **options: Any) -> Response | None:
        """Send a HEAD request; see `get`."""
        return await self.request("HEAD", url, **options)

    async def options(self, url: str, **options: Any) -> Response | None:
        """Send an OPTIONS request; see `get`."""
        return await self.request("OPTIONS", url, **options)

    async def post(self, url: str, **options: Any) -> Response | None:
        """Send a POST request; see `get`."""
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Any) -> Response | None:
        """Send a PUT request; see `get`."""
        return await self.request("PUT", url, **options)

    async def patch(self, url: str, **options: Any) -> Response | None:
        """Send a PATCH request; see `get`."""
        return await self.request("PATCH", url, **options)

    async def delete(self, url: str, **options: Any) -> Response | None:
        """Send a DELETE request; see `get`."""
        return await self.request("DELETE", url, **options)

    async def query(self, url: str, **options: Any) -> Response | None:
        """Send a QUERY request; see `get`."""
        return await self.request("QUERY", url, **options)

    @asynccontextmanager
    async def stream(self, method: str, url: str, *, raise_for_status: bool | None = None, **options: Any) -> AsyncIterator[Response]:
        """A response after its head, closed at the end of the block. Failures are raised; a status is not judged."""
        _refuse_unknown("stream", options)
        plan = self._plan(method, url, options)
        job = Job(plan, f"{method.upper()} {url}", 0, None)
        raises = self.raise_for_status if raise_for_status is None else raise_for_status
        async with self._gate.slot(origin_of(plan.url)), AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(self._pipeline.streaming(job))
                if raises:
                    response.raise_for_status()
            except Exception as exc:
                self._remember(exc)
                raise
            self._remember(None)
            yield response

    def __repr__(self) -> str:
        return f"<AsyncSession {self.base_url or ''}{'' if self.is_open else ' closed'}>"


_KNOWN = frozenset("params json data content files headers timeout auth allow_redirects response_model request_model".split())


def _refuse_unknown(name: str, options: Mapping[str, Any]) -> None:
    import difflib

    for key in options:
        if key not in _KNOWN:
            close = difflib.get_close_matches(key, [*_KNOWN, "raise_for_status"], n=1)
            raise TypeError(f"{name}() got an unexpected keyword argument {key!r}" + (f"; did you mean {close[0]!r}?" if close else ""))


def _is_mistake(result: RouteResult) -> bool:
    """Whether a call failed by what its caller wrote, or by a mock that does not know it: no failure of the network's."""
    error = result.error
    if isinstance(error, UnmatchedRequestError):
        return True
    if result.stage != "request" or result.attempts or isinstance(error, (BodyNotReplayable, SecurityError)):
        return False
    return isinstance(error, (TypeError, ValueError))
