"""Blocking and async use of one API: which colour a call has, what the wrong one says, and what each starts."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import IO, Any

import pytest

import fasthttp
from fasthttp import AsyncClient, Client, HTTPTransport, Request, Response, SyncClient
from tests.live.support import echo, echo_server, open_descriptors, run_script, until
from tests.shell.server import Peer, response, serve


def post_echo(peer: Peer) -> None:
    """Answer with method, target and body."""
    while (request := peer.read()) is not None:
        if request.method == "HEAD":
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
            continue
        peer.send(response(f"{request.method} {request.target} ".encode() + request.body))


async def test_with_inside_a_loop_blocks() -> None:
    """`with Client()` inside a running loop gives finished responses; what it is is a SyncClient and a Client."""
    with serve(echo) as server, Client() as client:
        assert type(client) is SyncClient
        assert isinstance(client, Client)
        assert client.get(f"{server.url}/a").text == "/a"
        with client.stream("GET", f"{server.url}/b") as r:
            assert r.read() == b"/b"


async def test_async_with_gives_an_async_client() -> None:
    """`async with Client()` gives an AsyncClient, which is a Client."""
    async with echo_server() as server, Client() as client:
        assert type(client) is AsyncClient
        assert isinstance(client, Client)
        assert (await client.get(f"{server.url}/a")).text == "/a"


def test_client_that_was_not_entered_goes_by_its_surroundings() -> None:
    """The same Client blocks outside a loop and is awaited inside one."""
    with serve(echo) as server:
        client = Client(base_url=server.url)
        assert client.get("/a").text == "/a"

        async def inside() -> None:
            assert (await client.get("/b")).text == "/b"
            async with client.stream("GET", "/c") as r:
                assert await r.aread() == b"/c"
            await client.aclose()

        asyncio.run(inside())
        server.wait_until_closed()


def test_entered_object_shares_the_state_of_the_outer_variable() -> None:
    """Headers, params, timeout, base URL and closing are one for `client` and for `c` in `with client as c`."""
    with serve(echo) as server:
        outer = Client()
        with outer as inner:
            outer.headers["X-Shared"] = "1"
            inner.params = {"q": "2"}
            outer.timeout = 7
            inner.base_url = server.url
            assert inner.headers["x-shared"] == "1"
            assert outer.params == {"q": "2"}
            assert inner.timeout.read == 7
            assert inner.get("/a").text == outer.get("/a").text == "/a?q=2"
            assert server.requests[0].headers["x-shared"] == "1"
            assert outer.pool_stats().open == inner.pool_stats().open == 1
            with pytest.raises(RuntimeError, match="already open"):
                outer.__enter__()
        for closed in (outer, inner):
            with pytest.raises(fasthttp.ClientClosedError):
                closed.get("/a")


async def test_wrong_kind_of_with_names_the_right_class() -> None:
    """Entering or closing a client in the wrong colour is a TypeError that says what to use."""
    with pytest.raises(TypeError, match=r"SyncClient with 'with'"), AsyncClient():
        pass
    with pytest.raises(TypeError, match="AsyncClient with 'async with'"):
        async with SyncClient():
            pass
    with pytest.raises(TypeError, match=r"use close\(\)"):
        _ = SyncClient().aclose()
    with pytest.raises(TypeError, match=r"await client\.aclose\(\)"):
        AsyncClient().close()


def test_async_client_on_another_loop() -> None:
    """An AsyncClient on a loop that is not its own raises a RuntimeError that names both."""
    with serve(echo) as server:
        client = AsyncClient()
        first = asyncio.new_event_loop()
        second = asyncio.new_event_loop()
        try:
            first.run_until_complete(client.get(f"{server.url}/a"))
            with pytest.raises(RuntimeError) as caught:
                second.run_until_complete(client.get(f"{server.url}/b"))
            assert repr(first).replace("running=False", "")[:20] in str(caught.value)
            assert str(caught.value).count("EventLoop") == 2
            assert first.run_until_complete(client.get(f"{server.url}/c")).text == "/c"
            first.run_until_complete(client.aclose())
        finally:
            first.close()
            second.close()


@pytest.mark.parametrize("used", [False, True])
def test_no_running_asyncio_loop(used: bool) -> None:
    """Driving an async call without asyncio is a RuntimeError that says what is missing, also after earlier use."""
    with serve(echo) as server:
        client = AsyncClient()
        loop = asyncio.new_event_loop()
        try:
            if used:
                loop.run_until_complete(client.get(server.url))
            with pytest.raises(RuntimeError, match="running asyncio event loop"):
                client.get(server.url).send(None)
            if used:
                loop.run_until_complete(client.aclose())
        finally:
            loop.close()


def test_one_client_over_many_loops() -> None:
    """A Client that was not entered works in one `asyncio.run` after another, without warnings or lost descriptors."""
    with serve(echo) as server:
        client = Client(base_url=server.url)

        async def use(number: int) -> None:
            assert (await client.get(f"/{number}")).text == f"/{number}"

        asyncio.run(use(0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
        server.wait_until_closed()
        before = open_descriptors()
        for number in range(20):
            asyncio.run(use(number))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ResourceWarning)
                gc.collect()
        server.wait_until_closed()
        assert open_descriptors() <= before
        client.close()


VERBS = ["get", "options", "delete", "trace", "post", "put", "patch", "query"]


@pytest.mark.parametrize("verb", VERBS)
def test_module_level_verbs_block_outside_a_loop(verb: str) -> None:
    """The functions of the package return a response, and leave no connection."""
    with serve(post_echo) as server:
        assert getattr(fasthttp, verb)(f"{server.url}/a").text == f"{verb.upper()} /a "
        assert fasthttp.request(verb.upper(), f"{server.url}/b").text == f"{verb.upper()} /b "
        assert fasthttp.head(server.url).content == b""
        server.wait_until_closed()


@pytest.mark.parametrize("verb", VERBS)
async def test_module_level_verbs_are_awaited_inside_a_loop(verb: str) -> None:
    """The same functions are awaitable in a loop; those of `fasthttp.sync` block there too."""
    with serve(post_echo) as server:
        assert (await getattr(fasthttp, verb)(f"{server.url}/a")).text == f"{verb.upper()} /a "
        assert (await fasthttp.request(verb.upper(), f"{server.url}/b")).text == f"{verb.upper()} /b "
        assert (await fasthttp.head(server.url)).content == b""
        assert getattr(fasthttp.sync, verb)(f"{server.url}/c").text == f"{verb.upper()} /c "
        await until(lambda: server.open_now == 0)


def test_streamed_one_shots() -> None:
    """`stream=True` and `stream()` of the package give a live response whose connection ends with it."""
    with serve(echo) as server:
        r = fasthttp.get(f"{server.url}/a", stream=True)
        assert not r.is_buffered
        assert b"".join(r.iter_bytes()) == b"/a"
        server.wait_until_closed()
        with fasthttp.get(f"{server.url}/b", stream=True):
            pass
        server.wait_until_closed()
        with fasthttp.stream("GET", f"{server.url}/c") as r:
            assert r.read() == b"/c"
        server.wait_until_closed()


async def test_streamed_async_one_shots() -> None:
    """The same inside a loop."""
    with serve(echo) as server:
        r = await fasthttp.get(f"{server.url}/a", stream=True)
        assert not r.is_buffered
        assert b"".join([piece async for piece in r.iter_bytes()]) == b"/a"
        await until(lambda: server.open_now == 0)
        async with await fasthttp.get(f"{server.url}/b", stream=True):
            pass
        await until(lambda: server.open_now == 0)
        async with fasthttp.stream("GET", f"{server.url}/c") as r:
            assert await r.aread() == b"/c"
        await until(lambda: server.open_now == 0)


_PLAIN = """
    import sys, threading
    import fasthttp
    url = sys.argv[1]
    with fasthttp.Client() as client:
        assert client.get(url + "/a").text == "/a"
        assert client.post(url + "/b", content=iter([b"x", b"y"])).text == "/b"
        with client.stream("GET", url + "/c") as r:
            assert r.read() == b"/c"
    assert [thread.name for thread in threading.enumerate()] == ["MainThread"], threading.enumerate()
    asyncio = sys.modules.get("asyncio")
    if asyncio is not None:
        assert asyncio.events._event_loop_policy is None
        assert getattr(asyncio.events._running_loop, "loop_pid", (None, None))[0] is None
    bridge = sys.modules.get("fasthttp._io.bridge")
    assert bridge is None or bridge._loop is None

    async def pieces():
        yield b"p"

    with fasthttp.Client() as client:
        assert client.post(url + "/d", content=pieces()).text == "/d"
    assert sorted(thread.name for thread in threading.enumerate()) == ["MainThread", "fasthttp-loop"]
"""


def test_blocking_calls_start_no_loop_and_no_thread() -> None:
    """Plain HTTP in a blocking client creates no event loop, no policy and no thread; an async body starts the one shared thread."""
    with serve(echo) as server:
        run_script(_PLAIN, server.url)


def test_async_pieces_in_a_blocking_client() -> None:
    """A blocking client takes async body iterators and async hooks; all run on one shared loop thread."""
    threads: set[str] = set()

    async def pieces() -> AsyncIterator[bytes]:
        for number in range(3):
            await asyncio.sleep(0)
            threads.add(threading.current_thread().name)
            yield b"%d" % number

    async def hook(request: fasthttp.Request) -> None:
        await asyncio.sleep(0)
        threads.add(threading.current_thread().name)
        request.headers["X-Hook"] = "async"

    with serve(post_echo) as server, SyncClient() as client:
        assert client.post(f"{server.url}/a", content=pieces(), hooks={"request": hook}).text == "POST /a 012"
        assert server.requests[0].headers["x-hook"] == "async"
    assert threads == {"fasthttp-loop"}


def test_async_hook_that_exits_ends_the_call() -> None:
    """An async hook that raises SystemExit in a blocking client ends that call, not the shared loop."""

    async def hook(request: fasthttp.Request) -> None:
        raise SystemExit(3)

    async def harmless(request: fasthttp.Request) -> None:
        await asyncio.sleep(0)

    with serve(echo) as server, SyncClient() as client:
        with pytest.raises(SystemExit):
            client.get(server.url, hooks={"request": hook})
        assert client.get(f"{server.url}/a", hooks={"request": harmless}).text == "/a"


class SlowFile:
    """A file whose every read blocks for a moment, and that knows which thread read it."""

    def __init__(self, pause: threading.Event) -> None:
        self._pause = pause
        self._left = 5
        self.threads: set[str] = set()

    def read(self, size: int = -1) -> bytes:
        self._pause.wait(0.02)
        self.threads.add(threading.current_thread().name)
        self._left -= 1
        return b"x" if self._left >= 0 else b""


async def longest_pause(until_done: asyncio.Task[Any]) -> float:
    """The longest time the loop did not come round while a task ran."""
    longest = 0.0
    while not until_done.done():
        before = time.monotonic()
        await asyncio.sleep(0)
        longest = max(longest, time.monotonic() - before)
    return longest


async def test_blocking_sources_in_an_async_client_do_not_hold_up_the_loop() -> None:
    """Sync iterators and files as bodies of an async client are read in a worker thread while the loop goes on."""
    pause = threading.Event()
    main = threading.current_thread().name
    used: set[str] = set()

    def pieces() -> Iterator[bytes]:
        for _ in range(3):
            pause.wait(0.3)
            used.add(threading.current_thread().name)
            yield b"y"

    file = SlowFile(pause)
    body: IO[bytes] = file  # type: ignore[assignment]
    with serve(post_echo) as server:
        async with AsyncClient() as client:
            for content, expected in ((pieces(), "yyy"), (body, "xxxxx")):
                task = asyncio.ensure_future(client.post(f"{server.url}/a", content=content))
                assert await longest_pause(task) < 0.3
                assert (await task).text == f"POST /a {expected}"
    assert main not in used | file.threads


async def test_wrong_loop_over_a_stream_leaves_it_usable() -> None:
    """`for` over an async response and `async for` over a blocking one say so; the right one still works afterwards."""
    with serve(echo) as server:
        async with AsyncClient() as client, client.stream("GET", f"{server.url}/a") as r:
            with pytest.raises(RuntimeError, match="use async for"):
                iter(r.iter_bytes())
            with pytest.raises(RuntimeError, match="aread"):
                r.read()
            with pytest.raises(RuntimeError, match="aclose"):
                r.close()
            assert b"".join([piece async for piece in r.iter_bytes()]) == b"/a"
        with SyncClient() as blocking, blocking.stream("GET", f"{server.url}/b") as r:
            with pytest.raises(RuntimeError, match="use for"):
                aiter(r.iter_bytes())
            with pytest.raises(RuntimeError, match="read"):
                await r.aread()
            with pytest.raises(RuntimeError, match="close"):
                await r.aclose()
            assert b"".join(r.iter_bytes()) == b"/b"


class BlockingHalf(HTTPTransport):
    """Counts what goes through the half that it overrides."""

    count = 0

    def handle(self, request: Request) -> Response:
        self.count += 1
        return super().handle(request)


class AsyncHalf(HTTPTransport):
    """The same for the other half."""

    count = 0

    async def ahandle(self, request: Request) -> Response:
        self.count += 1
        return await super().ahandle(request)


@pytest.mark.parametrize("kind", [BlockingHalf, AsyncHalf])
def test_the_half_that_is_overridden_serves_both_colours(kind: type[Any]) -> None:
    """A transport over the network is passed by in neither colour, whichever half is its own; streams work too."""
    with serve(echo) as server:
        transport = kind()
        with SyncClient(server.url, transport=transport) as client:
            assert client.get("/a").text == "/a"
            with client.stream("GET", "/b") as r:
                assert r.read() == b"/b"

        async def run() -> None:
            async with AsyncClient(server.url, transport=transport) as client:
                assert (await client.get("/c")).text == "/c"
                async with client.stream("GET", "/d") as r:
                    assert await r.aread() == b"/d"

        asyncio.run(run())
        assert transport.count == 4
        server.wait_until_closed()


def test_the_half_of_a_later_class_goes_before() -> None:
    """Of two classes that override a half each, the most derived one is asked."""

    class Both(AsyncHalf):
        def handle(self, request: Request) -> Response:
            return Response(299)

    assert SyncClient(transport=Both()).get("http://a.test/").status_code == 299

    async def run() -> int:
        async with AsyncClient(transport=Both()) as client:
            return (await client.get("http://a.test/")).status_code

    assert asyncio.run(run()) == 299
