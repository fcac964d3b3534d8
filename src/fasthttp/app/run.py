"""A run from beginning to end: its plans, its jobs in order, its results as they come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from typing import Any

from fasthttp.app.pipeline import Pipeline
from fasthttp.app.plan import Job, Plan
from fasthttp.app.report import RunLog
from fasthttp.app.retain import Retainer
from fasthttp.app.runner import Order, Runner, each_of, needed_by
from fasthttp.results import RouteResult

__all__ = ["Run"]


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
        self._order = Order(plans, needed_by(plans))
        self._concurrency = concurrency
        self._runner = Runner(pipeline, self._ended, concurrency=concurrency, per_host=per_host)
        self._unfinished: dict[int, Job] = {}
        self._index = 0
        self._places: dict[str, int] = {}  # the first index of each route, where all jobs are known from the start
        self._sources: deque[AsyncGenerator[Job, None]] = deque()  # of jobs that are made as they are needed
        self.results: list[RouteResult] = []

    def _ended(self, result: RouteResult) -> None:
        job = self._unfinished.pop(result.index)
        self._retainer.take(result)
        self._log.route(result)
        self.results.append(result)
        self._order.ended(job.plan, result)
        for plan in self._order.released():
            if plan.route.name in self._places:
                self._add(plan.jobs(self._places[plan.route.name]), plan)
            else:
                self._sources.append(self._jobs_of(plan))

    def _add(self, jobs: Iterable[Job], plan: Plan) -> None:
        results = self._order.results_for(plan)
        for job in jobs:
            job.results = results
            self._unfinished[job.index] = job
            self._runner.add(job)

    async def all(self) -> None:
        """Run everything; the results are in `results`."""
        counted: list[tuple[Plan, list[Job]]] = []
        for plan in self._plans:
            self._places[plan.route.name] = self._index
            jobs = list(plan.jobs(self._index))
            self._index += len(jobs)
            counted.append((plan, jobs))
        self._log.begin(self._index, sum(plan.route.kind == "sse" for plan in self._plans))
        for plan, jobs in counted:
            self._order.counts(plan, len(jobs))
        for plan, jobs in counted:
            if self._order.is_free(plan):
                self._add(jobs, plan)
        try:
            await self._runner.drain()
        except BaseException:
            await self._runner.cancel()
            raise

    async def stream(self, more: Any = None) -> AsyncIterator[RouteResult]:
        """Results as they come, read by the consumer; jobs are made no faster than they are needed."""
        ahead = self._concurrency or 1000
        self._sources.append(self._jobs(more))
        try:
            while True:
                while self._sources and self._runner.waiting < ahead and len(self.results) < ahead:
                    job = await anext(self._sources[0], None)
                    if job is None:
                        self._sources.popleft()
                    else:
                        self._add([job], job.plan)
                if self.results:
                    results, self.results = self.results, []
                    for result in results:
                        yield result
                elif not self._sources and self._runner.is_idle:
                    return
                else:
                    await self._runner.changed()
        finally:
            for source in self._sources:
                await source.aclose()
            await self._runner.cancel()

    async def _jobs(self, more: Any) -> AsyncGenerator[Job, None]:
        """The jobs that may begin at once, made as they are asked for."""
        for plan in self._plans:
            if self._order.is_free(plan):
                async for job in self._jobs_of(plan):
                    yield job
        if more is not None:
            async for plan in each_of(more):
                async for job in self._jobs_of(plan):
                    yield job

    async def _jobs_of(self, plan: Plan) -> AsyncGenerator[Job, None]:
        count = 0
        for job in plan.jobs(self._index):
            self._index = job.index + 1
            count += 1
            yield job
        self._order.counts(plan, count)

    def unfinished(self) -> list[RouteResult]:
        """What an interrupted run has not brought to an end."""
        cancelled = asyncio.CancelledError
        return [
            RouteResult(
                name=job.name, method=job.plan.route.method, url=job.plan.url, index=job.index, tags=job.plan.tags,
                error=cancelled(), stage="request", _masks=self._log.masks,
            )
            for job in self._unfinished.values()
        ]  # fmt: skip
