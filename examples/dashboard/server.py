"""A live dashboard: figures of this process and its machine, sent to every open page as they are taken.

Run it: `python server.py [port]`, and open http://127.0.0.1:8000. A page that loses the connection comes back by itself and misses
nothing that is still kept: the browser names the last event it saw, and the stream goes on behind it.
"""

import asyncio
import os
import sys
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from FasterAPI import EventSourceResponse, Faster, Header
from FasterAPI.responses import HTMLResponse
from FasterAPI.sse import ServerSentEvent

PAGE = Path(__file__).with_name("page.html")
EVERY = float(os.environ.get("DASHBOARD_EVERY", "1"))  # seconds between two samples
KEPT = 300
# What the page may load, said to the browser: itself, and the events of this server.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:"


class History:
    """The latest samples, each with an id, for any number of readers.

    An id names this run of the server too: one of an earlier run says nothing of how far its reader has come.
    """

    def __init__(self, kept: int) -> None:
        self._samples: deque[dict[str, Any]] = deque(maxlen=kept)
        self._count = 0
        self._run = uuid.uuid4().hex[:8]
        self._fresh = asyncio.Event()

    def add(self, sample: dict[str, Any]) -> None:
        self._samples.append(sample)
        self._count += 1
        self._fresh.set()  # wakes who waits now; who comes later waits for the next one
        self._fresh = asyncio.Event()

    def position(self, event_id: str) -> int:
        """How many samples the reader has seen who names this id."""
        run, _, number = event_id.partition("-")
        return min(int(number), self._count) if run == self._run and number.isdecimal() else 0

    def since(self, position: int) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """What is kept behind `position`: the position after it, its id, the sample."""
        oldest = self._count - len(self._samples)
        for number, sample in enumerate(list(self._samples), oldest + 1):
            if number > position:
                yield number, f"{self._run}-{number}", sample

    async def more(self, position: int) -> None:
        """Return once there is something behind `position`."""
        while self._count <= position:
            await self._fresh.wait()


@dataclass
class Counts:
    """Of requests, since the start."""

    served: int = 0
    failed: int = 0
    open: int = 0


class Traffic:
    """Middleware that counts; outside everything else, so that it sees all of it."""

    def __init__(self, app: Any, counts: Counts) -> None:
        self.app = app
        self.counts = counts

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def counting(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.counts.served += 1
                self.counts.failed += message["status"] >= 500
            await send(message)

        self.counts.open += 1
        try:
            await self.app(scope, receive, counting)
        finally:
            self.counts.open -= 1


class Sampler:
    """Takes the figures; rates are those since the sample before."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._started = self._before = time.monotonic()
        self._served = counts.served
        self._used = time.process_time()

    def take(self) -> dict[str, Any]:
        now, used, served = time.monotonic(), time.process_time(), self._counts.served
        elapsed = max(now - self._before, 1e-6)
        sample = {
            "time": time.time(),
            "uptime": now - self._started,
            "load": os.getloadavg()[0],
            "cpu": 100 * (used - self._used) / elapsed,
            "served": served,
            "rate": (served - self._served) / elapsed,
            "failed": self._counts.failed,
            "open": self._counts.open,
            "tasks": len(asyncio.all_tasks()),
        }
        self._before, self._used, self._served = now, used, served
        return sample


async def sample_forever(history: History) -> None:
    sampler = Sampler(counts)
    while True:
        await asyncio.sleep(EVERY)
        history.add(sampler.take())


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    app.state.history = History(KEPT)
    sampling = asyncio.create_task(sample_forever(app.state.history))
    yield
    sampling.cancel()


counts = Counts()
app = Faster(title="Dashboard", lifespan=lifespan, scalar_url="/scalar")
app.add_middleware(Traffic, counts=counts)


@app.get("/", response_class=HTMLResponse)
async def page() -> HTMLResponse:
    """The page, which asks for the events."""
    return HTMLResponse(PAGE.read_text("utf-8"), headers={"Content-Security-Policy": POLICY})


@app.get("/events", response_class=EventSourceResponse)
async def events(last_event_id: Annotated[str, Header(max_length=40)] = "") -> AsyncIterator[ServerSentEvent]:
    """Every sample that is kept behind the last one that the caller saw, and then each as it is taken."""
    history: History = app.state.history
    position = history.position(last_event_id)
    yield ServerSentEvent(comment="dashboard", retry=1000)
    while True:
        for number, event_id, sample in history.since(position):
            yield ServerSentEvent(data=sample, event="sample", id=event_id)
            position = number
        await history.more(position)


@app.get("/work")
async def work(milliseconds: int = 1) -> dict[str, int]:
    """Something to be seen on the page: keeps the processor busy."""
    until = time.perf_counter() + min(milliseconds, 1000) / 1000
    rounds = 0
    while time.perf_counter() < until:
        rounds += 1
    return {"rounds": rounds}


if __name__ == "__main__":
    # Streams have no end of their own: at the end of the server they are cut after a second, and the pages come back to the next one.
    app.run(port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000, timeout_graceful_shutdown=1)
