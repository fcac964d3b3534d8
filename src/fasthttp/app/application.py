"""`FastHTTP`: the declarations of an app and the ways to run them. What a run does is the runner's."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from time import monotonic
from typing import Any, Literal, TypeVar

from fasthttp._pure.later import not_yet
from fasthttp.app.report import Bar, RunLog
from fasthttp.app.runner import Runner
from fasthttp.client import AsyncClient
from fasthttp.limits import Limits
from fasthttp.response import Response
from fasthttp.results import RouteResult, RunResult
from fasthttp.routing import Route
from fasthttp.timeouts import Timeout
from fasthttp.transports.base import BaseTransport

__all__ = ["FastHTTP"]

Handler = TypeVar("Handler", bound=Callable[..., Any])

_LATER_DEFAULTS: dict[str, Any] = {
    "auth": None, "get_request": None, "query_request": None, "post_request": None, "put_request": None,
    "patch_request": None, "delete_request": None, "head_request": None, "options_request": None, "middleware": None,
    "cookie_jar": None, "security": None, "secret_key": None, "raise_for_status": False, "proxy": None, "http2": False,
    "strict": False, "retain": "auto", "generate_startup_uuid": False, "startup_uuid_version": "v4",
    "docs_base_url": "", "title": "FastHTTP API", "version": "1.0.0", "description": "",
}  # fmt: skip


class FastHTTP:
    """Requests declared as functions, run all at once.

    Args:
        base_url: prefix of relative URLs; read when a run starts.
        headers: sent with every request.
        timeout: seconds or `Timeout` of each request.
        lifespan: an async context manager around each run, given the app.
        trust_env: let environment variables have their say.
        concurrency: requests under way at once; None for any number.
        per_host: of those, how many to one origin; None for any number.
        debug: log tracebacks.
        progress: show a bar (True, on a terminal), never (False), or when a run takes long (None).
        log: "routes" (a line for each), "failures", "summary" (only start and end), "off".
        default_encoding: of text whose response names none.
        transport: what to send through instead of the network.

    Raises:
        NotImplementedError: an argument whose feature is not built yet.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeout | None = 30.0,
        lifespan: Callable[[FastHTTP], AbstractAsyncContextManager[None]] | None = None,
        trust_env: bool = True,
        concurrency: int | None = 100,
        per_host: int | None = 50,
        debug: bool = False,
        progress: bool | None = None,
        log: Literal["routes", "failures", "summary", "off"] = "routes",
        default_encoding: str | Callable[[bytes], str] = "utf-8",
        transport: BaseTransport | None = None,
        **later: Any,
    ) -> None:
        for name, value in later.items():
            if name not in _LATER_DEFAULTS:
                raise TypeError(f"FastHTTP() got an unexpected keyword argument {name!r}{_closest(name)}")
            if value != _LATER_DEFAULTS[name]:
                not_yet(f"FastHTTP({name}=...)")
        if log not in ("routes", "failures", "summary", "off"):
            raise ValueError(f"log={log!r}; there are 'routes', 'failures', 'summary' and 'off'")
        self.base_url = base_url
        self.headers = headers
        self.timeout = Timeout.from_value(timeout)
        self.lifespan = lifespan
        self.trust_env = trust_env
        self.concurrency = _positive("concurrency", concurrency)
        self.per_host = _positive("per_host", per_host)
        self.debug = debug
        self.progress = progress
        self.log = log
        self.default_encoding = default_encoding
        self.transport = transport
        self.logger = logging.getLogger("fasthttp")
        self.routes: list[Route] = []
        self._names: Counter[str] = Counter()
        self._taken: set[str] = set()

    # --- declaring

    def add_route(self, method: str, url: str, handler: Callable[..., Any], *, name: str | None = None, **options: Any) -> Route:
        """Register a route without a decorator; `options` as for the decorators."""
        if name in self._taken:
            raise ValueError(f"a route named {name!r} exists already")
        route = Route(method.upper(), url, handler, name=name or self._automatic_name(handler), **options)
        self._taken.add(route.name)
        self.routes.append(route)
        return route

    def _automatic_name(self, handler: Callable[..., Any]) -> str:
        base = getattr(handler, "__name__", type(handler).__name__)
        self._names[base] += 1
        name = base if self._names[base] == 1 else f"{base}#{self._names[base]}"
        return self._automatic_name(handler) if name in self._taken else name

    def _declare(self, method: str, url: str, options: dict[str, Any]) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.add_route(method, url, handler, **options)
            return handler

        return register

    def get(self, url: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a GET request; the function takes its response.

        Args:
            url: absolute, or relative to `base_url`.
            options: `params`, `headers`, `json`, `data`, `timeout`, `allow_redirects`; `name`, `tags`, `responses`
                (statuses from 400 on that are expected).
        """
        return self._declare("GET", url, options)

    def post(self, url: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a POST request; see `get`."""
        return self._declare("POST", url, options)

    # --- running

    def run(self, tags: Sequence[str] | str | None = None, *, raise_errors: bool = False) -> RunResult:
        """Run the routes on an event loop of their own and return their results.

        Args:
            tags: only routes that have one of these.
            raise_errors: raise what failed, after everything has ended.

        Raises:
            RuntimeError: inside a running event loop; use `arun` there.
            ValueError: a tag that no route has.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise RuntimeError("app.run() cannot be used inside a running event loop; use 'await app.arun()'")
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(self._run(tags, raise_errors, own_loop=True))

    async def arun(self, tags: Sequence[str] | str | None = None, *, raise_errors: bool = False) -> RunResult:
        """The same as `run`, inside a running event loop."""
        return await self._run(tags, raise_errors, own_loop=False)

    async def _run(self, tags: Sequence[str] | str | None, raise_errors: bool, *, own_loop: bool) -> RunResult:
        routes = self._select(tags)
        log = RunLog(self.log, self.debug)
        lifespan: AbstractAsyncContextManager[Any] = nullcontext() if self.lifespan is None else self.lifespan(self)
        async with lifespan:
            log.started(len(routes))
            started = monotonic()
            results, interrupted = await self._run_routes(routes, log, own_loop)
            elapsed = monotonic() - started
            result = RunResult(results, elapsed=elapsed, interrupted=interrupted)
            if interrupted:
                log.line(logging.WARNING, "Interrupted by user")
            failed = len(result.failed)
            log.done(elapsed, len(results) - failed, failed)
        if raise_errors:
            try:
                result.raise_for_errors()
            except BaseException as exc:
                exc.run_result = result  # type: ignore[attr-defined]
                raise
        return result

    async def _run_routes(self, routes: list[Route], log: RunLog, own_loop: bool) -> tuple[list[RouteResult], bool]:
        limits = Limits(max_connections=self.concurrency, max_per_host=self.per_host)
        network: dict[str, Any] = {"limits": limits} if self.transport is None else {"transport": self.transport}
        client = AsyncClient(
            self.base_url,
            timeout=self.timeout,
            headers=self.headers,
            trust_env=self.trust_env,
            default_encoding=self.default_encoding,
            **network,
        )
        client._core.config.defaults.response_class = Response
        if Bar.wanted(self.progress, len(routes)):
            log.bar = Bar(len(routes), forced=self.progress is True)
        try:
            async with client:
                runner = Runner(client._running(), log, concurrency=self.concurrency, per_host=self.per_host)
                interrupted = await _until_interrupted(runner.run(routes), own_loop)
        finally:
            if log.bar is not None:
                log.bar.close()
        results = runner.results
        if interrupted:
            done = {result.index for result in results}
            results += [
                RouteResult(name=r.name, method=r.method, url=r.url, index=i, tags=r.tags, error=asyncio.CancelledError(), stage="request")
                for i, r in enumerate(routes)
                if i not in done
            ]
        return results, interrupted

    def _select(self, tags: Sequence[str] | str | None) -> list[Route]:
        if tags is None:
            return list(self.routes)
        wanted = {tags} if isinstance(tags, str) else set(tags)
        known = {tag for route in self.routes for tag in route.tags}
        unknown = sorted(wanted - known)
        if unknown:
            raise ValueError(f"no route has the tag {unknown[0]!r}; there are {', '.join(sorted(known)) or 'none'}")
        return [route for route in self.routes if wanted & set(route.tags)]


async def _until_interrupted(running: Any, own_loop: bool) -> bool:
    """Await it; on an own loop the first Ctrl+C ends it in order (True), the second one at once."""
    task = asyncio.ensure_future(running)
    loop = asyncio.get_running_loop()
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        interrupted = True
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        task.cancel()

    installed = False
    if own_loop:
        try:
            loop.add_signal_handler(signal.SIGINT, interrupt)
            installed = True
        except (NotImplementedError, ValueError, RuntimeError):  # not the main thread, or Windows
            pass
    try:
        await task
    except asyncio.CancelledError:
        if not interrupted:
            raise
    finally:
        if installed and not interrupted:
            loop.remove_signal_handler(signal.SIGINT)
    return interrupted


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _positive(name: str, value: int | None) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"{name}={value!r} must be a positive integer, or None for no limit")
    return value


def _closest(name: str) -> str:
    import difflib
    import inspect

    known = [*inspect.signature(FastHTTP).parameters, *_LATER_DEFAULTS]
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
