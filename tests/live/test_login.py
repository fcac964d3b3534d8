"""Cookies and credentials with servers that are not ours: aiohttp's cookies, its reading of Basic, and Digest on it."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator

import pytest
from aiohttp import BasicAuth, web

from fasthttp import AsyncClient, DigestAuth, SyncClient
from tests.live.test_peers import free_port, loop_in_thread


async def login(request: web.Request) -> web.StreamResponse:
    """Set three cookies and lead on."""
    answer = web.HTTPFound("/who")
    answer.set_cookie("sid", "x y;z", httponly=True, samesite="Lax")
    answer.set_cookie("theme", "dark", max_age=3600)
    answer.set_cookie("deep", "1", path="/deep")
    raise answer


async def logout(request: web.Request) -> web.StreamResponse:
    answer = web.Response()
    answer.del_cookie("sid")
    return answer


async def who(request: web.Request) -> web.StreamResponse:
    """The cookies that came, read by aiohttp."""
    return web.json_response(dict(request.cookies))


async def basic(request: web.Request) -> web.StreamResponse:
    """User name and password, read by aiohttp."""
    value = request.headers.get("Authorization")
    if value is None:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x", charset="UTF-8"'})
    given = BasicAuth.decode(value, encoding="utf-8")
    return web.json_response([given.login, given.password])


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


async def digest(request: web.Request) -> web.StreamResponse:
    """Let Ann in, by the arithmetic of RFC 7616, and set a cookie either way."""
    given = dict(re.findall(r'(\w+)="?([^",]+)"?', request.headers.get("Authorization", "")))
    if given:
        second = md5(f"{request.method}:{request.raw_path}")
        wanted = md5(":".join([md5("ann:vault:pw"), "n0", given["nc"], given["cnonce"], "auth", second]))
        if given["response"] == wanted:
            return web.json_response({"body": (await request.read()).decode(), "cookies": dict(request.cookies)})
    answer = web.Response(status=401, headers={"WWW-Authenticate": 'Digest realm="vault", nonce="n0", qop="auth"'})
    answer.set_cookie("challenged", "1")
    return answer


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    port = free_port()

    async def main(stop: asyncio.Event) -> None:
        application = web.Application()
        for handler in (login, logout, who, basic, digest):
            application.router.add_route("*", f"/{handler.__name__}", handler)
        application.router.add_get("/deep/who", who)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await stop.wait()
        await runner.cleanup()

    with loop_in_thread(main, port) as url:
        yield url


def test_a_session(site: str) -> None:
    """A login sets cookies by way of a redirect, what was quoted is read as it was set, and a logout takes one away."""
    with SyncClient(site) as client:
        assert client.get("/login").json() == {"sid": "x y;z", "theme": "dark"}
        assert client.get("/deep/who").json() == {"sid": "x y;z", "theme": "dark", "deep": "1"}
        assert client.get("/who", cookies={"theme": "light"}).json() == {"sid": "x y;z", "theme": "light"}
        client.get("/logout")
        assert client.get("/who").json() == {"theme": "dark"}


async def test_a_session_on_a_loop(site: str) -> None:
    """The same with an async client."""
    async with AsyncClient(site) as client:
        assert (await client.get("/login")).json() == {"sid": "x y;z", "theme": "dark"}
        await client.get("/logout")
        assert (await client.get("/who")).json() == {"theme": "dark"}


async def test_basic_and_digest(site: str) -> None:
    """Both colours are let in, with a body and with the cookie that the challenge set."""
    host = site.removeprefix("http://")
    expected = {"body": "a=1", "cookies": {"challenged": "1"}}
    async with AsyncClient(site) as client:
        assert (await client.get("/basic")).status_code == 401
        assert (await client.get("/basic", auth=("änn", "пароль:"))).json() == ["änn", "пароль:"]
        assert (await client.get(f"http://ann:p%40w@{host}/basic")).json() == ["ann", "p@w"]
        assert (await client.post("/digest?q=%20x", data={"a": 1}, auth=DigestAuth("ann", "pw"))).json() == expected
        assert (await client.post("/digest", data={"a": 1}, auth=DigestAuth("ann", "no"))).status_code == 401
    with SyncClient(site, auth=DigestAuth("ann", "pw")) as blocking:
        for _ in range(3):
            assert blocking.post("/digest", data={"a": 1}).json() == expected
