"""One run of an app: routes through a client, at most so many at once. Declares nothing and prints nothing itself."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Sequence
from time import monotonic
from typing import Any

from fasthttp._async.engine import AsyncEngine
from fasthttp.app.report import RunLog
from fasthttp.app.schedule import Schedule
from fasthttp.errors import ConnectError, FastHTTPBadStatusError, PoolError, RequestError, SecurityError
from fasthttp.response import Response
from fasthttp.results import RouteResult
from fasthttp.routing import Route

__all__ = ["Runner"]

_REFUSALS = (ValueError, TypeError, NotImplementedError, ConnectError, PoolError)  # nothing was put on the wire


class Runner:
    """Runs routes and collects their results.

    Args:
        engine: sends the requests.
        concurrency, per_host: routes under way at once, in all and to one origin; None for any number.
    """

    def __init__(self, engine: AsyncEngine, log: RunLog, *, concurrency: int | None, per_host: int | None) -> None:
        self._engine = engine
        self._log = log
        self._concurrency = concurrency
        self._schedule: Schedule[tuple[int, Route]] = Schedule(per_host)
        self.results: list[RouteResult] = []

    async def run(self, routes: Sequence[Route]) -> None:
        """Run all routes to their end. Cancelling it cancels what is under way."""
        for index, route in enumerate(routes):
            self._schedule.add(_origin(self._engine, route), (index, route))
        count = len(routes) if self._concurrency is None else min(self._concurrency, len(routes))
        workers = [asyncio.ensure_future(self._work()) for _ in range(count)]
        try:
            for worker in workers:
                await worker
        except BaseException:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            raise

    async def _work(self) -> None:
        """Take routes until none may go. A worker that ends is not missed: whoever gives room goes on itself."""
        while (taken := self._schedule.take()) is not None:
            origin, (index, route) = taken
            try:
                result = await self._run_route(index, route)
            finally:
                self._schedule.done(origin)
            self.results.append(result)
            self._log.route(result)
            if self._log.bar is not None:
                self._log.bar.advance(result.ok)

    async def _run_route(self, index: int, route: Route) -> RouteResult:
        started = monotonic()
        response: Response | None = None
        value: Any = None
        error: BaseException | None = None
        stage: str | None = None
        url = _full_url(self._engine, route)
        try:
            stage = "request"
            response = await self._engine.request(route.method, route.url, route.call_options())
            stage = "handler"
            value = await _handle(route, response)
            stage = None
        except Exception as exc:
            error = exc
            if stage == "request":
                response = getattr(exc, "response", None)
                stage = _stage(exc)
            self._log.line(logging.DEBUG, "".join(traceback.format_exception(exc)))
        if error is None and response is not None and response.status_code >= 400 and response.status_code not in route.responses:
            error, stage = _status_error(response), "status"
        return RouteResult(
            name=route.name,
            method=route.method,
            url=url,
            index=index,
            kind="http",
            tags=route.tags,
            status=None if response is None else response.status_code,
            value=value,
            response=response,
            error=error,
            stage=stage,
            elapsed=monotonic() - started,
            attempts=0 if response is None and isinstance(error, _REFUSALS) else 1,
        )


async def _handle(route: Route, response: Response) -> Any:
    arguments = (response,) if route.takes_response else ()
    if route.is_async:
        return await route.handler(*arguments)
    return await asyncio.to_thread(route.handler, *arguments)


def _stage(error: BaseException) -> str:
    if isinstance(error, SecurityError):
        return "security"
    if isinstance(error, RequestError):
        return "request"
    return "response" if getattr(error, "response", None) is not None else "request"


def _status_error(response: Response) -> BaseException:
    try:
        response.raise_for_status()
    except FastHTTPBadStatusError as exc:
        return exc
    raise AssertionError("a status below 400 is no error")


def _full_url(engine: AsyncEngine, route: Route) -> str:
    """The route's URL with the base URL of the run; as it was given where that cannot be."""
    try:
        return engine.config.resolve(route.url).href
    except (ValueError, NotImplementedError):
        return route.url


def _origin(engine: AsyncEngine, route: Route) -> str:
    """What the per-host limit counts by; a URL that will be refused counts by itself."""
    try:
        url = engine.config.resolve(route.url)
    except (ValueError, NotImplementedError):
        return route.url
    return f"{url.scheme}://{url.host}:{url.port}"
