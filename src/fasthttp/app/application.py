"""`FastHTTP`: the declarations of an app and the ways to run them. What a run does is the runner's."""

from __future__ import annotations

import asyncio
import inspect
import logging
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from fasthttp._pure.later import not_yet
from fasthttp._pure.numbers import at_least
from fasthttp._pure.routes import VERBS, RelativeURL, merge_headers
from fasthttp.app.guarded import Security, guarded_client, guarded_engine
from fasthttp.app.interrupt import loop_factory, until_interrupted
from fasthttp.app.loading import is_loading
from fasthttp.app.pipeline import Pipeline
from fasthttp.app.plan import Plan
from fasthttp.app.report import RunLog
from fasthttp.app.retain import Retainer
from fasthttp.app.run import Run
from fasthttp.events import EventHooks
from fasthttp.middleware.base import MiddlewareManager
from fasthttp.results import RouteResult, RunResult
from fasthttp.routing import Declarations, Names, Placed, Route, check_defaults, flatten, refuse_unknown
from fasthttp.testing import UnmatchedRequestError
from fasthttp.timeouts import Timeout

if TYPE_CHECKING:
    from fasthttp.auth import AuthBase
    from fasthttp.cookies import CookieJar
    from fasthttp.security.policy import SecurityPolicy
    from fasthttp.transports.asgi import ASGIApp
    from fasthttp.transports.base import BaseTransport

__all__ = ["FastHTTP"]

DEFAULT_TIMEOUT = Timeout(30, connect=10)


class FastHTTP(Declarations):
    """Requests declared as functions, run all at once.

    Args:
        base_url: prefix of relative URLs; read when a run starts.
        headers: sent with every request.
        timeout: seconds or `Timeout` of each attempt.
        auth: credentials of every request.
        get_request, query_request, post_request, put_request, patch_request, delete_request, head_request,
            options_request: defaults of the routes with that verb: `headers`, `timeout`, `params`, `allow_redirects`.
        middleware: one, several, or a chain.
        cookie_jar: keeps cookies between requests and runs; without one they last for one chain of redirects.
        security: True, False, or a policy.
        secret_key: sign every request with it.
        raise_for_status: a status from 400 on is a failure before the handler.
        lifespan: an async context manager around each run, given the app.
        proxy, trust_env, default_encoding, transport: as for `Client`.
        concurrency: requests under way at once; None for any number.
        per_host: of those, how many to one origin; None for any number.
        strict: refuse handlers that are not annotated.
        debug: log what is sent and received, and tracebacks.
        progress: show a bar (True, on a terminal), never (False), or when a run takes long (None).
        log: "routes" (a line for each), "failures", "summary" (with counts at the end), "off".
        retain: which bodies the results keep: "all", "none", or "auto", up to 64 MiB.
        generate_startup_uuid, startup_uuid_version: send `X-Request-ID`, the same for the whole life of the app.
        docs_base_url, title, version, description: of the docs page.

    Raises:
        TypeError: an unknown argument; the closest known one is named.
        ValueError: a value that cannot be.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | Timeout | None = DEFAULT_TIMEOUT,
        auth: AuthBase | tuple[str, str] | None = None,
        middleware: Any = None,
        cookie_jar: CookieJar | None = None,
        security: bool | SecurityPolicy = True,
        secret_key: bytes | None = None,
        raise_for_status: bool = False,
        lifespan: Callable[[FastHTTP], AbstractAsyncContextManager[None]] | None = None,
        proxy: str | None = None,
        trust_env: bool = True,
        http2: bool = False,
        concurrency: int | None = 100,
        per_host: int | None = 50,
        strict: bool = False,
        debug: bool = False,
        progress: bool | None = None,
        log: Literal["routes", "failures", "summary", "off"] = "routes",
        retain: Literal["auto", "all", "none"] = "auto",
        generate_startup_uuid: bool = False,
        startup_uuid_version: Literal["v4", "v7"] = "v4",
        default_encoding: str | Callable[[bytes], str] = "utf-8",
        docs_base_url: str = "",
        title: str = "FastHTTP API",
        version: str = "1.0.0",
        description: str = "",
        transport: BaseTransport | None = None,
        **verb_defaults: Any,
    ) -> None:
        _check_keywords(verb_defaults)
        if http2:
            not_yet("FastHTTP(http2=...)")
        if log not in ("routes", "failures", "summary", "off"):
            raise ValueError(f"log={log!r}; there are 'routes', 'failures', 'summary' and 'off'")
        Retainer(retain)
        self.base_url = base_url
        self.headers = headers
        self.timeout = Timeout.from_value(timeout)
        self.auth = auth
        self.middleware_manager = MiddlewareManager(middleware)
        self.cookie_jar = cookie_jar
        self.security = Security(security, secret_key)
        self.raise_for_status = raise_for_status
        self.lifespan = lifespan
        self.proxy = proxy
        self.trust_env = trust_env
        self.http2 = http2
        self.concurrency = at_least(1, "concurrency", concurrency, optional=True, wrong=ValueError)
        self.per_host = at_least(1, "per_host", per_host, optional=True, wrong=ValueError)
        self.strict = strict
        self.debug = debug
        self.progress = progress
        self.log = log
        self.retain = retain
        self.generate_startup_uuid = generate_startup_uuid
        self.startup_uuid_version = startup_uuid_version
        self.startup_uuid = _startup_uuid(startup_uuid_version) if generate_startup_uuid else None
        self.default_encoding = default_encoding
        self.docs_base_url = docs_base_url
        self.title, self.version, self.description = title, version, description
        self.transport = transport
        self.logger = logging.getLogger("fasthttp")
        self.event_hooks = EventHooks()
        self._declared = []
        self._names = Names()
        for verb in VERBS:
            setattr(self, f"{verb}_request", verb_defaults.get(f"{verb}_request"))

    # --- declaring

    @property
    def routes(self) -> list[Route]:
        """The routes in the order of registration, those of routers in their places."""
        return [placed.seen() for placed in self._placed()]

    def _claim(self, route: Route) -> None:
        route.name = self._names.claim(route)

    def _claim_inclusion(self, inclusion: Any) -> None:
        routes = [placed.route for placed in inclusion.flatten() if placed.route.explicit_name is not None]
        names = self._names.copy()
        for route in routes:
            names.claim(route)
        self._names = names

    def _placed(self) -> list[Placed]:
        """The routes in their places, with their names: those of included ones numbered as if they were registered here."""
        placed = list(flatten(self._declared))
        names = Names()
        for one in sorted(placed, key=lambda one: one.route.explicit_name is None):
            name = names.claim(one.route)
            if name != one.route.name:
                one.route = one.route.copy(name=name)
        return placed

    # --- running

    def run(self, tags: Sequence[str] | str | None = None, *, raise_errors: bool = False) -> RunResult:
        """Run the routes on an event loop of their own and return their results.

        Args:
            tags: only routes that have one of these, and those that they come after.
            raise_errors: raise what failed, after everything has ended.

        Raises:
            RuntimeError: inside a running event loop; use `arun` there.
            ValueError: a tag that no route has; a relative URL without a base; routes that wait for one another.
        """
        if is_loading():
            return RunResult([], elapsed=0.0)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise RuntimeError("app.run() cannot be used inside a running event loop; use 'await app.arun()'")
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(self._run(tags, raise_errors, own_loop=True))

    async def arun(self, tags: Sequence[str] | str | None = None, *, raise_errors: bool = False) -> RunResult:
        """The same as `run`, inside a running event loop."""
        return await self._run(tags, raise_errors, own_loop=False)

    async def stream(
        self, tags: Sequence[str] | str | None = None, *, routes: Iterable[Route] | AsyncIterable[Route] | None = None
    ) -> AsyncGenerator[RouteResult, None]:
        """Run the routes and yield each result as it is there, for runs that would not fit in memory.

        Args:
            tags: only routes that have one of these; with `routes`, none of the app's own unless tags are given.
            routes: more of them, made as they are needed.
        """
        placed = self._select(tags) if tags is not None or routes is None else []
        log = RunLog(self.log, self.debug, self.security.masks)
        async with self._living():
            started = monotonic()
            counts = [0, 0]
            async with self._prepared(placed, log) as run:
                lazy = routes is not None or any(one.route.each is not None for one in placed)
                log.begin(None if lazy else len(placed))
                results = run.stream(None if routes is None else self._plans_of(routes))
                try:
                    async for result in results:
                        if isinstance(result.error, UnmatchedRequestError):
                            raise result.error
                        counts[not result.ok] += 1
                        if isinstance(result.error, UnmatchedRequestError):
                            raise result.error
                        yield result
                        del result
                finally:
                    await results.aclose()
            log.done(monotonic() - started, *counts)

    def web_run(self, *, host: str = "127.0.0.1", port: int = 8000, base_url: str | None = None) -> None:
        """Serve the docs page until interrupted: `/docs`, `/redoc` and `/openapi.json`. It shows the routes and sends nothing.

        Args:
            host: address to serve on; a warning is written for one that other machines reach.
            port: 0 for any free one.
            base_url: path before those of the pages, in place of `docs_base_url`.

        Raises:
            OSError: the port is in use, or the address cannot be had.
            RuntimeError: inside a running event loop; serve `docs_app()` there.
            ValueError: `base_url` is no path.
        """
        if is_loading():
            return
        from fasthttp.openapi.serve import web_run

        web_run(self, host, port, self.docs_base_url if base_url is None else base_url)

    def docs_app(self, base_url: str | None = None) -> ASGIApp:
        """The docs page as an ASGI application, for a server or an application of yours.

        Args:
            base_url: path before those of the pages, in place of `docs_base_url`.

        Raises:
            ValueError: `base_url` is no path.
        """
        from fasthttp.openapi.site import docs_app

        return docs_app(self, self.docs_base_url if base_url is None else base_url)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document of the routes, as they are declared at this moment; secrets are masked in it."""
        from fasthttp.openapi.document import describe

        return describe(self)

    async def _run(self, tags: Sequence[str] | str | None, raise_errors: bool, *, own_loop: bool) -> RunResult:
        placed = self._select(tags)
        log = RunLog(self.log, self.debug, self.security.masks)
        async with self._living():
            started = monotonic()
            async with self._prepared(placed, log) as run:
                interrupted = await until_interrupted(run.all(), own_loop)
                results = [*run.results, *(run.unfinished() if interrupted else ())]
                results = await run.close(results)
            elapsed = monotonic() - started
            result = RunResult(results, elapsed=elapsed, interrupted=interrupted)
            if interrupted:
                log.line(logging.WARNING, "Interrupted by user")
            log.done(elapsed, len(result.succeeded), len(result.failed))
        for one in result.failed:
            if isinstance(one.error, UnmatchedRequestError):  # a mistake of the test, whatever the run makes of failures
                raise one.error
        if raise_errors:
            try:
                result.raise_for_errors()
            except BaseException as exc:
                exc.run_result = result  # type: ignore[attr-defined]
                raise
        return result

    @asynccontextmanager
    async def _living(self) -> AsyncIterator[None]:
        """The lifespan around a run. What follows its `yield` is done whatever happened, `finally` or not."""
        failure: BaseException | None = None
        async with nullcontext() if self.lifespan is None else self.lifespan(self):
            try:
                yield
            except BaseException as exc:
                failure = exc
        if failure is not None:
            raise failure

    def _prepared(self, placed: Sequence[Placed], log: RunLog) -> _Prepared:
        return _Prepared(self, placed, log)

    async def _plans_of(self, routes: Any) -> AsyncIterator[Plan]:
        from fasthttp.app.runner import each_of

        async for route in each_of(routes):
            yield self._plan(Placed(route))

    def _plan(self, placed: Placed) -> Plan:
        defaults = {verb: getattr(self, f"{verb}_request") or {} for verb in VERBS}
        return Plan(placed, base_url=self.base_url, defaults=defaults, app_hooks=self.event_hooks, middleware=self.middleware_manager)

    def _plans(self, placed: Sequence[Placed]) -> list[Plan]:
        """The plans of a run. Raises `ValueError` that lists every route whose URL needs a base."""
        plans: list[Plan] = []
        faults: list[str] = []
        for one in placed:
            try:
                plans.append(self._plan(one))
            except RelativeURL as exc:
                faults.append(f"{exc} (route {one.route.name!r})")
        if faults:
            raise ValueError("\n".join(faults))
        return plans

    def _headers(self) -> dict[str, Any]:
        """The headers of every request."""
        return merge_headers({"X-Request-ID": self.startup_uuid} if self.startup_uuid is not None else None, self.headers)

    def _client(self) -> Any:
        return guarded_client(
            None,
            self.security,
            headers=self._headers(),
            timeout=self.timeout,
            jar=self.cookie_jar,
            transport=self.transport,
            proxy=self.proxy,
            trust_env=self.trust_env,
            concurrency=self.concurrency,
            per_host=self.per_host,
            default_encoding=self.default_encoding,
        )

    def _select(self, tags: Sequence[str] | str | None) -> list[Placed]:
        placed = self._placed()
        if tags is None:
            return placed
        wanted = {tags} if isinstance(tags, str) else set(tags)
        known = {tag for one in placed for tag in one.tags}
        unknown = sorted(wanted - known)
        if unknown:
            raise ValueError(f"no route has the tag {unknown[0]!r}; there are {', '.join(sorted(known)) or 'none'}")
        chosen = {id(one.route) for one in placed if wanted & set(one.tags)}
        by_name = {one.route.name: one for one in placed}
        by_function = {one.route.handler: one for one in reversed(placed)}
        queue = [one for one in placed if id(one.route) in chosen]
        while queue:
            for name in queue.pop().route.after:
                found = by_name.get(name) if isinstance(name, str) else by_function.get(name)
                if found is not None and id(found.route) not in chosen:
                    chosen.add(id(found.route))
                    queue.append(found)
        return [one for one in placed if id(one.route) in chosen]

    def __repr__(self) -> str:
        return f"<FastHTTP {len(self.routes)} routes>"


class _Prepared:
    """A run that is ready to begin: its client open, its dependencies to be closed at the end."""

    def __init__(self, app: FastHTTP, placed: Sequence[Placed], log: RunLog) -> None:
        self._app = app
        self._placed = placed
        self._log = log

    async def __aenter__(self) -> Run:
        app, log = self._app, self._log
        plans = app._plans(self._placed)
        self._client = app._client()
        await self._client.__aenter__()
        pipeline = Pipeline(
            guarded_engine(self._client, log),
            log,
            headers=app._headers(),
            timeout=app.timeout,
            jar=app.cookie_jar,
            auth=app.auth,
            raise_for_status=app.raise_for_status,
            middleware=app.middleware_manager,
        )
        self._run = Run(pipeline, plans, log, app.retain, concurrency=app.concurrency, per_host=app.per_host)
        log.progress = app.progress
        return self._run

    async def __aexit__(self, *exc_info: object) -> None:
        self._log.end()
        try:
            await self._run.close([])
        finally:
            await self._client.aclose()


def _startup_uuid(version: str) -> str:
    if version == "v4":
        return str(uuid.uuid4())
    if version != "v7":
        raise ValueError(f"startup_uuid_version={version!r}; there are 'v4' and 'v7'")
    import os
    import time

    # RFC 9562 §5.7: milliseconds, then chance; the standard library has it from 3.14 on only.
    value = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return str(uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62))


def _check_keywords(given: Mapping[str, Any]) -> None:
    """The `<verb>_request=` of the constructor; anything else is a `TypeError`."""
    verbs = [f"{verb}_request" for verb in VERBS]
    refuse_unknown("FastHTTP", given, verbs, [*inspect.signature(FastHTTP).parameters, *verbs])
    for name, value in given.items():
        if value is not None:
            check_defaults(name, value)
