"""One run of an app: jobs through the pipeline, at most so many at once. Declares nothing and prints nothing itself."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Any

from fasthttp.app.gate import Seat, seat
from fasthttp.app.pipeline import Pipeline
from fasthttp.app.plan import Job, Plan
from fasthttp.app.schedule import Schedule
from fasthttp.models import http_target
from fasthttp.results import RouteResult

__all__ = ["Runner"]

_ORIGIN = re.compile(r"https?://[^/?#\\\s]+(?=[/?#])", re.IGNORECASE)


class Runner:
    """Runs jobs and hands out their results.

    Args:
        pipeline: makes a result of a job.
        emit: called with each job and its result as it is there.
        concurrency, per_host: jobs under way at once, in all and to one origin; None for any number.

    Attributes: `held` counts results that nobody has taken yet, where each of them keeps the place of its job.
    """

    def __init__(
        self, pipeline: Pipeline, emit: Callable[[Job, RouteResult], Any], *, concurrency: int | None, per_host: int | None
    ) -> None:
        self._pipeline = pipeline
        self._emit = emit
        self._free = float("inf") if concurrency is None else concurrency
        self.held = 0
        self._last: Plan | None = None
        self._origin = ""
        self._schedule: Schedule[Job | asyncio.Future[None]] = Schedule(per_host)  # futures: of jobs that have begun
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self.waiting = 0  # jobs that were added and have not begun

    def add(self, job: Job) -> None:
        """Queue a job; it begins as soon as there is room."""
        if job.plan.route.kind == "sse":  # a stream may last as long as it likes: it takes nobody's place
            self._begin(self._watch(job))
            return
        self.waiting += 1
        if job.plan is not self._last:  # a route with `each=` adds many
            self._last, self._origin = job.plan, origin_of(job.plan.url)
        self._schedule.add(self._origin, job)
        self.pump()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def _watch(self, job: Job) -> None:
        seat.set(None)
        self._emit(job, await self._pipeline.run(job))
        self._changed.set()

    def pump(self) -> None:
        """Begin what there is room for."""
        while self._free > self.held and (taken := self._take()) is not None:
            self._free -= 1
            self._begin(self._work(*taken))

    def _take(self) -> tuple[str, Job] | None:
        """The next job that may begin. Those that have begun and want their place again go before it."""
        while self._free > 0 and (taken := self._schedule.take()) is not None:
            origin, item = taken
            if isinstance(item, Job):
                self.waiting -= 1
                return origin, item
            if item.cancelled():
                self._schedule.done(origin)
            else:
                self._free -= 1
                item.set_result(None)
        return None

    def give_back(self, origin: str) -> None:
        """A job leaves its place for a while."""
        self._free += 1
        self._schedule.done(origin)
        self.pump()

    def ask_again(self, origin: str, turn: asyncio.Future[None]) -> None:
        """A job that has left its place wants one again."""
        self._schedule.add_first(origin, turn)
        self.pump()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()
        self._changed.set()

    _failure: BaseException | None = None

    async def _work(self, origin: str, job: Job) -> None:
        """One job after another, as long as there are any that may go."""
        while True:
            place = Seat(self, origin)
            seat.set(place)
            try:
                result = await self._pipeline.run(job)
            except BaseException:
                if place.held:
                    self._schedule.done(origin)
                    self._free += 1
                raise
            self._schedule.done(origin)
            self._emit(job, result)
            del result  # or it would be kept until the next one is there
            self._changed.set()
            self._free += 1
            taken = self._take() if self._free > self.held else None
            if taken is None:
                self.pump()  # room to one origin may be room for another's job
                return
            self._free -= 1
            origin, job = taken

    def wake(self) -> None:
        """Something else has changed that somebody may wait for."""
        self._changed.set()

    async def changed(self) -> None:
        """Wait until a job has ended. Raises what no result can hold: `KeyboardInterrupt`, `SystemExit`."""
        self._changed.clear()
        if self._failure is None:
            await self._changed.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def under_way(self) -> int:
        return len(self._tasks)

    @property
    def is_idle(self) -> bool:
        return not self._tasks and not self.waiting

    async def drain(self) -> None:
        """Wait until everything that was added has ended."""
        while not self.is_idle:
            await self.changed()

    async def cancel(self) -> None:
        """Cancel what is under way, and forget the rest."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Order:
    """Which jobs wait for which: a route's begin when all of the routes in its `after=` have ended.

    Args:
        plans: of the selected routes; those that they need are among them.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = {plan.route.name: plan for plan in plans}
        self._needed = needed_by(plans)
        self._missing = {name: set(names) for name, names in self._needed.items() if names}
        self._waiting_for: dict[str, list[str]] = {}
        for name, names in self._missing.items():
            for other in names:
                self._waiting_for.setdefault(other, []).append(name)
        self._left: Counter[str] = Counter()
        self._results: dict[str, list[RouteResult]] = {}
        self.ready = [plan for plan in plans if plan.route.name not in self._missing]

    def counts(self, plan: Plan, jobs: int) -> None:
        """So many jobs are all of this route's."""
        self._settle(plan.route.name, jobs)

    def ended(self, plan: Plan, result: RouteResult) -> None:
        """One of its jobs has ended."""
        if plan.route.name in self._waiting_for:
            self._results.setdefault(plan.route.name, []).append(result)
            self._settle(plan.route.name, -1)

    def _settle(self, name: str, change: int) -> None:
        if name not in self._waiting_for:
            return
        self._left[name] += change  # below zero as long as the last of them has not been made
        if self._left[name]:
            return
        for other in self._waiting_for[name]:
            self._missing[other].discard(name)
            if not self._missing[other]:
                self.ready.append(self._plans[other])

    def released(self) -> Iterator[Plan]:
        """Routes that may begin, each of them once."""
        while self.ready:
            yield self.ready.pop(0)

    def results_for(self, plan: Plan) -> dict[str, Any]:
        """The results that a route waited for, by name; a list for one with `each=`."""
        found: dict[str, Any] = {}
        for name in self._needed.get(plan.route.name, ()):
            results = sorted(self._results.get(name, ()), key=lambda result: result.index)
            found[name] = results if self._plans[name].route.each is not None else results[0]
        return found


def needed_by(plans: Iterable[Plan]) -> dict[str, list[str]]:
    """For each route the names in its `after=`. Raises `ValueError` for an unknown one, and for a circle."""
    by_name = {plan.route.name: plan for plan in plans}
    by_function: dict[Any, str] = {}
    for plan in by_name.values():
        by_function.setdefault(plan.route.handler, plan.route.name)
    needed: dict[str, list[str]] = {}
    for name, plan in by_name.items():
        names = []
        for one in plan.route.after:
            found = one if isinstance(one, str) and one in by_name else by_function.get(one)
            if found is None:
                raise ValueError(
                    f"route {name!r} comes after {one if isinstance(one, str) else getattr(one, '__name__', one)!r}, which is no route"
                )
            names.append(found)
        needed[name] = names
    _refuse_circles(needed)
    return needed


def _refuse_circles(needed: Mapping[str, list[str]]) -> None:
    done: set[str] = set()
    for start in needed:
        path: list[str] = []
        stack: list[tuple[str, int]] = [(start, 0)]
        while stack:
            name, at = stack.pop()
            if at == 0:
                if name in done:
                    continue
                if name in path:
                    raise ValueError(f"routes wait for one another in a circle: {' → '.join([*path[path.index(name) :], name])}")
                path.append(name)
            if at < len(needed[name]):
                stack += [(name, at + 1), (needed[name][at], 0)]
            else:
                path.pop()
                done.add(name)


def origin_of(url: str) -> str:
    """What the per-host limit counts by; a URL that will be refused counts by itself."""
    found = _ORIGIN.match(url)  # the same for many routes: parsed once, and remembered
    try:
        target = http_target(url if found is None else found[0])[0]
    except ValueError:
        return url
    return f"{target.scheme}://{target.host}:{target.port}"


async def each_of(routes: Any) -> AsyncIterator[Any]:
    """The items of a sync or async iterable, one at a time."""
    if hasattr(routes, "__aiter__"):
        async for item in routes:
            yield item
    else:
        for item in routes:
            yield item
