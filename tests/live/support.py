"""What the live tests share: a raw asyncio server that names each request's target, scripts in processes, descriptors."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.shell.server import Peer, response


class EchoServer:
    """Answers each request with its target as the body, after a pause that a seed decides."""

    def __init__(self, longest: float, seed: int) -> None:
        self._longest = longest
        self._random = random.Random(seed)
        self.targets: list[str] = []
        self.connections = 0
        self.open_now = 0
        self.most_open = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                target = head.split(b" ", 2)[1]
                self.targets.append(target.decode())
                await asyncio.sleep(self._random.random() * self._longest)
                writer.write(response(target))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open_now -= 1
            writer.close()


@asynccontextmanager
async def echo_server(longest: float = 0.0, seed: int = 1) -> AsyncIterator[EchoServer]:
    """An `EchoServer` on the running loop; `longest`: seconds that an answer may take."""
    echo = EchoServer(longest, seed)
    server = await asyncio.start_server(echo.handle, "127.0.0.1", 0, backlog=512)
    echo.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield echo
    finally:
        server.close()
        await until(lambda: echo.open_now == 0)


def echo(peer: Peer) -> None:
    """A handler of the scripted server: the body of each answer is the request's target."""
    while (request := peer.read()) is not None:
        peer.send(response(request.target.encode()))


def run_script(source: str, *arguments: str, seconds: float = 40) -> str:
    """What a Python script prints, run in a process of its own with warnings as errors; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(source), *arguments],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert not done.stderr, done.stderr[-3000:]
    return done.stdout


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until the condition holds, five seconds at most."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("did not come true within five seconds")


def until_blocking(condition: Callable[[], bool]) -> None:
    """Wait in this thread until the condition holds, five seconds at most."""
    never = threading.Event()
    for _ in range(1000):
        if condition():
            return
        never.wait(0.005)
    raise AssertionError("did not come true within five seconds")


def open_descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/dev/fd"))
