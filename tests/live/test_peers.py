"""Servers that are not ours, on loopback: each method and framing, then 200 requests at twenty at once."""

from __future__ import annotations

import asyncio
import gzip
import http.server
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from fasthttp import AsyncClient, SyncClient
from tests.live.support import until_blocking

PAGE = b"<p>hello</p>" * 100


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def listening(port: int) -> bool:
    """Whether someone accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


async def app(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI application: `/` a page, `/chunks` a stream, `/gzip` a packed page; a body is sent back as it came."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers: list[tuple[bytes, bytes]] = []
    parts = [body or PAGE]
    if scope["path"] == "/chunks":
        parts = [PAGE] * 10
    elif scope["path"] == "/gzip":
        parts = [gzip.compress(PAGE)]
        headers.append((b"content-encoding", b"gzip"))
    if scope["path"] != "/chunks":
        headers.append((b"content-length", str(sum(map(len, parts))).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for part in parts:
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@contextmanager
def loop_in_thread(main: Callable[[asyncio.Event], Any], port: int) -> Iterator[str]:
    """Run a coroutine function in a thread until the block ends; it serves at `port` and returns when its event is set."""
    ready: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        stop = asyncio.Event()
        ready.append((asyncio.get_running_loop(), stop))
        await main(stop)

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    try:
        until_blocking(lambda: listening(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        loop, stop = ready[0]
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)


def uvicorn_server() -> AbstractContextManager[str]:
    import uvicorn

    port = free_port()

    async def main(stop: asyncio.Event) -> None:
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", ws="none", lifespan="off"))
        serving = asyncio.ensure_future(server._serve())
        await stop.wait()
        server.should_exit = True
        await serving

    return loop_in_thread(main, port)


def hypercorn_server() -> AbstractContextManager[str]:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    port = free_port()
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.graceful_timeout = 0.1
    config.loglevel = "CRITICAL"
    config.accesslog = config.errorlog = None

    async def main(stop: asyncio.Event) -> None:
        await serve(app, config, shutdown_trigger=stop.wait)

    return loop_in_thread(main, port)


def aiohttp_server() -> AbstractContextManager[str]:
    from aiohttp import web

    port = free_port()

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/chunks":
            stream = web.StreamResponse()
            await stream.prepare(request)
            for _ in range(10):
                await stream.write(PAGE)
            await stream.write_eof()
            return stream
        if request.path == "/gzip":
            return web.Response(body=gzip.compress(PAGE), headers={"Content-Encoding": "gzip"})
        return web.Response(body=await request.read() or PAGE)

    async def main(stop: asyncio.Event) -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await stop.wait()
        await runner.cleanup()

    return loop_in_thread(main, port)


class _Handler(http.server.BaseHTTPRequestHandler):
    """The same site with the server of the standard library."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self._body() or PAGE
        self.send_response(200)
        if self.path == "/chunks":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for _ in range(10):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(PAGE), PAGE))
            self.wfile.write(b"0\r\n\r\n")
            return
        if self.path == "/gzip":
            body = gzip.compress(PAGE)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = do_HEAD = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _StdlibServer(http.server.ThreadingHTTPServer):
    request_queue_size = 128


@contextmanager
def stdlib_server() -> Iterator[str]:
    with _StdlibServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


NGINX = """
daemon off; master_process off; pid {root}/pid; error_log {root}/error.log crit;
events {{ worker_connections 512; }}
http {{
    access_log off; client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi; keepalive_requests {keepalive};
    gzip on; gzip_min_length 1; gzip_types text/plain; default_type text/html;
    server {{ listen 127.0.0.1:{port}; root {root}; location /post {{ return 200 "posted"; }} }}
}}
"""


@contextmanager
def nginx_server(root: Path, keepalive: int = 1000) -> Iterator[str]:
    """nginx with a directory of its own; skips where there is none."""
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("nginx is not installed")
    port = free_port()
    (root / "index.html").write_bytes(PAGE)
    (root / "nginx.conf").write_text(NGINX.format(root=root, port=port, keepalive=keepalive))
    process = subprocess.Popen([nginx, "-p", str(root), "-c", str(root / "nginx.conf")], stderr=subprocess.DEVNULL)
    try:
        until_blocking(lambda: listening(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


SERVERS = {"uvicorn": uvicorn_server, "hypercorn": hypercorn_server, "aiohttp": aiohttp_server, "stdlib": stdlib_server}


def pieces() -> Iterator[bytes]:
    """A body of unknown length."""
    yield from (b"one", b"two", b"three")


@pytest.mark.parametrize("name", SERVERS)
def test_blocking_client_with_other_servers(name: str) -> None:
    """GET, POST, HEAD, chunked bodies both ways, streams and gzip work with servers that are not ours."""
    with SERVERS[name]() as url, SyncClient(base_url=url) as client:
        for _ in range(3):
            assert client.get("/").content == PAGE
            assert client.post("/", content=b"sent").content == b"sent"
            assert client.post("/", content=pieces()).content == b"onetwothree"
            assert client.post("/", content=b"x" * 300_000).content == b"x" * 300_000
            head = client.head("/")
            assert (head.status_code, head.content) == (200, b"")
            assert client.get("/chunks").content == PAGE * 10
            assert client.get("/gzip").content == PAGE
            with client.stream("GET", "/chunks") as r:
                assert b"".join(r.iter_bytes(1000)) == PAGE * 10
        assert client.pool_stats().in_use == 0


@pytest.mark.parametrize("name", SERVERS)
async def test_async_client_with_other_servers(name: str) -> None:
    """200 mixed requests at twenty at once, without a failure."""
    with SERVERS[name]() as url:
        async with AsyncClient(base_url=url) as client:
            free = asyncio.Semaphore(20)

            async def call(number: int) -> None:
                async with free:
                    kind = number % 5
                    if kind == 0:
                        assert (await client.get("/")).content == PAGE
                    elif kind == 1:
                        assert (await client.post("/", content=b"sent %d" % number)).content == b"sent %d" % number
                    elif kind == 2:
                        assert (await client.get("/gzip")).content == PAGE
                    elif kind == 3:
                        assert (await client.post("/", content=pieces())).content == b"onetwothree"
                    else:
                        async with client.stream("GET", "/chunks") as r:
                            assert b"".join([piece async for piece in r.iter_bytes()]) == PAGE * 10

            await asyncio.gather(*(call(number) for number in range(200)))
            assert (await client.head("/")).content == b""
            assert client.pool_stats().in_use == 0


def test_blocking_client_with_nginx(tmp_path: Path) -> None:
    """Files, packed and not, HEAD, 404 and POST of nginx."""
    with nginx_server(tmp_path) as url, SyncClient(base_url=url) as client:
        assert client.get("/").content == PAGE
        assert client.get("/", headers={"Accept-Encoding": "identity"}).headers["content-length"] == str(len(PAGE))
        assert client.head("/").content == b""
        assert client.get("/nothing").status_code == 404
        assert client.post("/post", content=b"x" * 1000).content == b"posted"
        with client.stream("GET", "/") as r:
            assert b"".join(r.iter_bytes()) == PAGE
        assert client.pool_stats().created == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_nginx_that_closes_after_ten_requests(method: str, tmp_path: Path) -> None:
    """500 requests, twenty at once, to an nginx that closes each connection after ten: none fails, also of POSTs."""
    with nginx_server(tmp_path, keepalive=10) as url:
        async with AsyncClient(base_url=url) as client:
            free = asyncio.Semaphore(20)

            async def call() -> int:
                async with free:
                    r = await client.post("/post", content=b"x") if method == "POST" else await client.get("/")
                    return r.status_code

            assert await asyncio.gather(*(call() for _ in range(500))) == [200] * 500
            assert client.pool_stats().in_use == 0
