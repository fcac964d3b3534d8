"""A run from beginning to end: its plans, its jobs in order, its results as they come."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec

from fasthttp.app.pipeline import Pipeline
from fasthttp.app.plan import Job, Plan
from fasthttp.app.report import RunLog
from fasthttp.app.retain import Retainer
from fasthttp.app.runner import Order, Runner, each_of
from fasthttp.results import RouteResult, describe

__all__ = ["Run"]

_AHEAD = 1000  # jobs that a stream without a limit of its own has under way


class Run:
    """One run.

    Args:
        pipeline: makes a result of a job.
        plans: the routes, in the order of registration.
        concurrency, per_host: jobs under way at once.
    """

    def __init__(
        self, pipeline: Pipeline, plans: Sequence[Plan], log: RunLog, retain: str, *, concurrency: int | None, per_host: int | None
    ) -> None:
        self._pipeline = pipeline
        self._plans = plans
        self._log = log
        self._retainer = Retainer(retain)
        self._order = Order(plans)
        self._concurrency = concurrency
        self._runner = Runner(pipeline, self._ended, concurrency=concurrency, per_host=per_host)
        self._unfinished: dict[int, Job] = {}
        self._sources: deque[AsyncGenerator[Job, None]] = deque()  # of jobs that are made as they are needed
        self._index = 0
        self._streams = False
        self.results: deque[RouteResult] = deque()

    def _ended(self, job: Job, result: RouteResult) -> None:
        self._unfinished.pop(job.index, None)
        self._retainer.take(result)
        self._log.route(result)
        self.results.append(result)
        self._order.ended(job.plan, result)
        if self._streams:
            self._runner.held = len(self.results)
            self._release_sources()
        else:
            self._release()

    # --- all at once

    async def all(self) -> None:
        """Run everything; the results are in `results`."""
        self._jobs: dict[str, list[Job]] = {}
        for plan in self._plans:
            jobs = self._jobs[plan.route.name] = list(plan.jobs(self._index))
            self._index += len(jobs)
            self._unfinished.update((job.index, job) for job in jobs)
        self._log.begin(self._index, sum(plan.route.kind == "sse" for plan in self._plans))
        for plan in self._plans:
            self._order.counts(plan, len(self._jobs[plan.route.name]))
        self._release()
        try:
            await self._runner.drain()
        except BaseException:
            await self._runner.cancel()
            raise

    def _release(self) -> None:
        for plan in self._order.released():
            results = self._order.results_for(plan)
            for job in self._jobs[plan.route.name]:
                job.results = results
                self._runner.add(job)

    # --- as they come

    async def stream(self, more: Any = None) -> AsyncGenerator[RouteResult, None]:
        """Results as they come, read by the consumer; jobs are made no faster than they are needed.

        A result that nobody has read keeps the place of its request, so that there are never more than `concurrency`.
        """
        self._streams = True
        self._release_sources()
        if more is not None:
            self._sources.append(self._jobs_of_all(more))
        maker = asyncio.ensure_future(self._make_jobs())
        try:
            while True:
                if self.results:
                    result = self.results.popleft()
                    self._runner.held -= 1
                    self._retainer.give_back(result)
                    self._runner.pump()
                    if self._sources:
                        self._runner.wake()
                    yield result
                    del result
                elif maker.done():
                    maker.result()  # raises what the source of the routes has raised
                    return
                else:
                    await self._runner.changed()
        finally:
            maker.cancel()
            await asyncio.gather(maker, return_exceptions=True)
            await self._runner.cancel()
            for source in self._sources:
                await source.aclose()

    async def _make_jobs(self) -> None:
        """Make jobs while there is use for them, until everything has ended. A task of its own: a source may be slow."""
        runner, ahead = self._runner, self._concurrency or _AHEAD
        try:
            while self._sources or not runner.is_idle:
                if self._sources and runner.waiting < ahead and (self._concurrency is not None or runner.under_way < ahead):
                    job = await anext(self._sources[0], None)
                    if job is None:
                        self._sources.popleft()
                    else:
                        runner.add(job)
                else:
                    await runner.changed()
        finally:
            runner.wake()

    def _release_sources(self) -> None:
        for plan in self._order.released():
            self._sources.append(self._jobs_of(plan))

    async def _jobs_of_all(self, more: Any) -> AsyncGenerator[Job, None]:
        async for plan in each_of(more):
            if plan.route.after:
                raise ValueError(f"route {plan.route.name!r} has after=, which routes that are made one by one cannot have")
            async for job in self._jobs_of(plan):
                yield job

    async def _jobs_of(self, plan: Plan) -> AsyncGenerator[Job, None]:
        results = self._order.results_for(plan)
        count = 0
        for job in plan.jobs(self._index):
            self._index = job.index + 1
            count += 1
            job.results = results
            yield job
        self._order.counts(plan, count)
        self._release_sources()

    # --- at the end

    async def close(self, results: Sequence[RouteResult]) -> list[RouteResult]:
        """Finish the dependencies of the run. The results, with the failures of those whose dependency could not be finished."""
        given = list(results)
        for depends, error in (await self._pipeline.scope.close()).items():
            self._log.traceback(error)
            self._log.line(logging.ERROR, f"the dependency {depends.name!r} failed at the end of the run: {describe(error)}")
            users = {plan.route.name for plan in self._plans if any(one.func == depends.func for one in plan.dependencies)}
            for at, one in enumerate(given):
                if one.ok and one.name.partition("[")[0] in users:
                    given[at] = msgspec.structs.replace(one, error=error, stage="dependency", value=None)
        return given

    def unfinished(self) -> list[RouteResult]:
        """What an interrupted run has not brought to an end."""
        return [job.so_far or job.cancelled(self._log.masks) for job in self._unfinished.values()]
