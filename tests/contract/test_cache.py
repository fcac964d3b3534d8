"""Answers that are kept: for whom, for how long, and how many."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fasthttp.app import FastHTTP
from fasthttp.auth import AuthBase
from fasthttp.cookies import CookieJar
from fasthttp.errors import ConnectError
from fasthttp.middleware import CacheMiddleware
from fasthttp.models import Request
from fasthttp.session import AsyncSession
from fasthttp.transports import MockTransport
from fasthttp.transports.mock import MockResponse


class Server(MockTransport):
    """Answers with a number that goes up, and the identity of the client."""

    def __init__(self, status: int = 200, **headers: str) -> None:
        super().__init__(self.answer)
        self.status, self.headers = status, {name.replace("_", "-"): value for name, value in headers.items()}

    async def answer(self, request: Request) -> Any:
        number = len(self.calls)
        await asyncio.sleep(0)
        return MockResponse(self.status, json={"n": number, "as": request.headers.get("authorization")}, headers=self.headers)


def session(server: MockTransport, cache: CacheMiddleware, **keywords: Any) -> AsyncSession:
    return AsyncSession("http://api.test", transport=server, middleware=cache, **keywords)


async def numbers(http: AsyncSession, *calls: Any, **options: Any) -> list[int]:
    """The numbers of the answers."""
    found = []
    for url in calls:
        response = await http.get(url, **options)
        assert response is not None
        found.append(response.json()["n"])
    return found


async def test_answers_are_kept_by_url_and_time(caplog: Any) -> None:
    """Params count; copies are the reader's own; an entry ends with its time."""
    server, cache = Server(), CacheMiddleware(ttl=10)
    now = 0.0
    cache._clock = lambda: now
    async with session(server, cache) as http:
        assert await numbers(http, "/a", "/a", "/b", "/a?x=1") == [1, 1, 2, 3]
        assert await numbers(http, "/a", params={"x": 1}) == [3]
        kept = await http.get("/a")
        assert kept is not None
        assert kept.from_cache
        kept.json()["n"] = 99
        kept.headers["x"] = "1"
        again = await http.attempt("GET", "/a")
        assert again.response is not None
        assert (again.response.json()["n"], "x" in again.response.headers, again.attempts) == (1, False, 0)
        now = 10.0
        assert await numbers(http, "/a") == [4]
        assert (await http.post("/a")).json()["n"] == 5  # type: ignore[union-attr]
    assert (cache.hits, cache.misses) == (4, 4)
    assert cache.get_stats() == {"size": 3, "max_size": 100, "ttl": 10, "methods": ["GET"]}
    cache.clear()
    assert cache.get_stats()["size"] == 0


class Own(AuthBase):
    """Credentials that only the object knows."""

    def __init__(self, name: str) -> None:
        self.name = name

    def on_request(self, request: Any) -> None:
        request.headers["Authorization"] = self.name


@pytest.mark.parametrize("options", [
    [{"headers": {"Authorization": "a"}}, {"headers": {"authorization": "b"}}, {}],
    [{"headers": {"Cookie": "a=1"}}, {"headers": {"Cookie": "a=2"}}, {}],
    [{"headers": {"X-Api-Key": "a"}}, {"headers": {"X-Api-Key": "b"}}, {}],
    [{"auth": ("a", "x")}, {"auth": ("b", "x")}, {"auth": Own("c")}, {"auth": Own("d")}],
])  # fmt: skip
async def test_two_identities_never_share(options: list[dict[str, Any]]) -> None:
    """By header, by `auth=`, by key; each finds its own again."""
    server, cache = Server(), CacheMiddleware()
    async with session(server, cache) as http:
        first = [await numbers(http, "/a", **one) for one in options]
        assert first == [await numbers(http, "/a", **one) for one in options]
    assert len({one[0] for one in first}) == len(options)


async def test_identities_of_sessions_urls_and_jars_count_too() -> None:
    """Credentials of the session, of the URL, and what is in the jar."""
    server, cache = Server(), CacheMiddleware()
    seen = []
    for keywords in (
        {},
        {"auth": ("a", "x")},
        {"auth": ("b", "x")},
        {"headers": {"Authorization": "h"}},
        {"cookie_jar": CookieJar({"s": "1"})},
    ):
        async with session(server, cache, **keywords) as http:
            seen += await numbers(http, "/a")
    async with session(server, cache) as http:
        seen += await numbers(http, "http://one:x@api.test/a", "http://two:x@api.test/a")
    assert seen == [1, 2, 3, 4, 5, 6, 7]


async def test_simultaneous_misses_make_one_request() -> None:
    """Twenty ask, one goes; unless the answer is for nobody else, or there is none."""
    server, cache = Server(), CacheMiddleware()
    async with session(server, cache) as http:
        found = await asyncio.gather(*[numbers(http, "/a") for _ in range(20)])
        assert found == [[1]] * 20
        assert (cache.hits, cache.misses, len(server.calls)) == (19, 1, 1)
    for status, count in ((500, 5), (404, 5)):
        server = Server(status)
        async with session(server, CacheMiddleware()) as http:
            await asyncio.gather(*[http.get("/a") for _ in range(5)])
        assert len(server.calls) == count
    failing = MockTransport(lambda request: ConnectError("refused"))
    async with session(failing, CacheMiddleware()) as http:
        assert await asyncio.gather(*[http.get("/a") for _ in range(3)]) == [None] * 3
    assert len(failing.calls) == 3


@pytest.mark.parametrize(("status", "headers", "kept"), [
    (200, {}, True), (204, {}, True), (301, {}, True), (308, {}, True), (302, {}, False), (404, {}, False), (206, {}, False),
    (200, {"cache_control": "private, No-Store"}, False), (200, {"vary": "Accept-Encoding"}, True), (200, {"vary": "Accept"}, False),
    (200, {"vary": "*"}, False),
])  # fmt: skip
async def test_what_is_kept(status: int, headers: dict[str, str], kept: bool) -> None:
    """By status, `Cache-Control` and `Vary`."""
    server, cache = Server(status, **headers), CacheMiddleware()
    async with session(server, cache) as http:
        for _ in range(2):
            await http.attempt("GET", "/a")
        assert len(server.calls) == (1 if kept else 2)
        await http.attempt("GET", "/a", headers={"Cache-Control": "no-store"})
        assert len(server.calls) == (2 if kept else 3)


async def test_the_least_recently_used_go_first_by_number_and_by_bytes() -> None:
    """An answer larger than all the room is not kept at all."""
    server, cache = Server(), CacheMiddleware(max_size=2)
    async with session(server, cache) as http:
        assert await numbers(http, "/a", "/b", "/a", "/c", "/a", "/b") == [1, 2, 1, 3, 1, 4]
    cache = CacheMiddleware(max_bytes=45)
    async with session(Server(), cache) as http:
        assert await numbers(http, "/a", "/b", "/c", "/c", "/a") == [1, 2, 3, 3, 4]
        assert cache.get_stats()["size"] == 2
    cache = CacheMiddleware(max_bytes=5)
    async with session(Server(), cache) as http:
        assert await numbers(http, "/a", "/a") == [1, 2]


async def test_bodies_tell_requests_apart() -> None:
    """Where other methods are looked up: JSON and forms by content; streams and files are not looked up."""
    server, cache = Server(), CacheMiddleware(cache_methods=("post", "get"))
    async with session(server, cache) as http:
        bodies: list[dict[str, Any]] = [{"json": {"q": 1}}, {"json": {"q": 2}}, {"json": {"q": 1}}]
        bodies += [{"data": {"q": 1}}, {"data": "q"}, {"data": {"q": 1}}]
        results = [await http.attempt("POST", "/a", **options) for options in bodies]
        assert [result.response.json()["n"] for result in results if result.response is not None] == [1, 2, 1, 3, 4, 3]
        bodies = [{"content": iter([b"x"])}, {"content": iter([b"x"])}, {"files": {"f": b"x"}}, {"files": {"f": b"x"}}]
        for options in bodies:
            await http.post("/a", **options)
    assert len(server.calls) == 8


def test_a_cache_is_kept_between_runs_and_a_released_body_is_still_there() -> None:
    """Runs have loops of their own; what a result gives up the entry still has."""
    server, cache = Server(), CacheMiddleware()
    app = FastHTTP("http://api.test", transport=server, middleware=cache, log="off", retain="none")
    app.get("/a")(lambda resp: resp.json()["n"])
    assert [app.run()[0].value, app.run()[0].value] == [1, 1]
    assert app.run()[0].attempts == 0
