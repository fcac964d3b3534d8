"""What every call does: URL, headers, body, response, and the state of the client between calls."""

from __future__ import annotations

import json

import pytest

from fasthttp import AsyncClient, ClientClosedError, Headers, InvalidHeader, InvalidURL, Request, Timeout, UnsupportedScheme
from tests.shell.server import HELLO, Peer, answering, response, serve


async def test_get_gives_a_finished_response() -> None:
    """A GET returns status, reason, headers, body, JSON, URL, method, version and how long it took."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            r = await client.get(f"{server.url}/a?b=1")
    assert (r.status_code, r.status, r.reason, r.http_version) == (200, 200, "OK", "HTTP/1.1")
    assert r.json() == {"hello": "world"}
    assert r.headers["CONTENT-TYPE"] == "application/json"
    assert (r.url, r.method, r.history) == (f"{server.url}/a?b=1", "GET", [])
    assert 0 < r.elapsed.total_seconds() < 5
    assert r.text() == r.text == '{"hello":"world"}'
    assert type(str(r.text)) is str


async def test_default_headers() -> None:
    """Host, User-Agent, Accept and the codings that can be decoded are sent, and nothing else."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            r = await client.get(server.url)
    names = [name for name, _ in server.requests[0].fields]
    assert names == ["Host", "User-Agent", "Accept", "Accept-Encoding"]
    assert server.requests[0].headers["host"] == f"127.0.0.1:{server.port}"
    assert server.requests[0].headers["user-agent"].startswith("fasthttp/")
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate, br, zstd"
    assert r.request.headers["host"] == f"127.0.0.1:{server.port}"


async def test_headers_of_client_and_call_merge() -> None:
    """The call's headers win whatever their case, None removes one, and repeated lines stay repeated."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient(headers={"X-A": "client", "X-B": "client", "Accept": None}) as client:
            await client.get(server.url, headers={"x-a": "call", "X-b": None, "User-Agent": "me"})
            await client.get(server.url, headers=[("X-R", "1"), ("X-R", "2")])
    first, second = server.requests
    assert first.headers["x-a"] == "call"
    assert first.headers["user-agent"] == "me"
    assert "x-b" not in first.headers
    assert "accept" not in first.headers
    assert [value for name, value in second.fields if name == "X-R"] == ["1", "2"]


async def test_alternating_user_agents_all_reach_the_wire() -> None:
    """One headers dict, changed between 300 calls, is sent as it stands each time and never changed."""
    agents = {"User-Agent": ""}
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            for number in range(300):
                agents["User-Agent"] = f"agent/{number % 3}"
                await client.get(server.url, headers=agents)
    assert [request.headers["user-agent"] for request in server.requests] == [f"agent/{n % 3}" for n in range(300)]
    assert agents == {"User-Agent": f"agent/{299 % 3}"}


async def test_params_follow_the_query_of_the_url() -> None:
    """The URL's own query is kept, repeats included; sequences repeat the key, None is dropped, booleans are words."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient(params={"c": "client"}) as client:
            await client.get(f"{server.url}/?x=1&x=2&y=%41", params={"a": [1, 2], "b": None, "t": True, "s": "p q&r"})
    assert server.requests[0].target == "/?x=1&x=2&y=%41&c=client&a=1&a=2&t=true&s=p+q%26r"


@pytest.mark.parametrize("url", ["users", "/users", "//users"])
async def test_base_url_is_a_prefix(url: str) -> None:
    """A relative URL is put behind the base with one slash; '//' begins a path, never another host."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient(f"{server.url}/v1") as client:
            r = await client.get(url)
    assert server.requests[0].target == "/v1/users"
    assert r.url == f"{server.url}/v1/users"


async def test_json_and_forms() -> None:
    """json= is compact UTF-8, data= a form; a content type of the caller's wins."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            await client.post(server.url, json={"a": ["é", None]})
            await client.post(server.url, data={"a": [1, 2], "b": None, "c": "x y"})
            await client.post(server.url, data=b"raw=1")
            await client.post(server.url, json=[1], headers={"Content-Type": "application/x-my+json"})
            await client.post(server.url, content=b"null")
    first, second, third, fourth, fifth = server.requests
    assert (first.headers["content-type"], first.body) == ("application/json", '{"a":["é",null]}'.encode())
    assert (second.headers["content-type"], second.body) == ("application/x-www-form-urlencoded", b"a=1&a=2&c=x+y")
    assert (third.headers["content-type"], third.body) == ("application/x-www-form-urlencoded", b"raw=1")
    assert fourth.headers["content-type"] == "application/x-my+json"
    assert fifth.body == b"null"
    assert "content-type" not in fifth.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "TRACE", "POST", "PUT", "PATCH", "QUERY"])
async def test_length_of_requests_without_a_body(method: str) -> None:
    """POST, PUT and PATCH announce an empty body, the others announce none."""
    with serve(answering(b"HTTP/1.1 204 No Content\r\n\r\n")) as server:
        async with AsyncClient() as client:
            await client.request(method, server.url)
    expected = "0" if method in ("POST", "PUT", "PATCH") else None
    assert server.requests[0].method == method
    assert server.requests[0].headers.get("content-length") == expected


async def test_a_request_object_can_be_sent_again() -> None:
    """A Request carries method, URL, params and form; the client adds its defaults to a copy, and it can be sent twice."""
    request = Request("GET", "/x", headers={"X-Team": "blue"}, params={"v": 2}, data={"note": "hi"})
    with serve(answering(HELLO)) as server:
        async with AsyncClient(server.url, headers={"X-Client": "1"}) as client:
            await client.send(request)
            await client.send(request)
            built = client.build_request("PUT", "/y", content=b"1")
            await client.send(built)
    first, second, third = server.requests
    assert (first.target, first.body, first.headers["x-team"], first.headers["x-client"]) == ("/x?v=2", b"note=hi", "blue", "1")
    assert second.head == first.head
    assert (third.method, third.target, third.headers["x-client"]) == ("PUT", "/y", "1")
    assert "x-client" not in request.headers
    assert request.url == "/x?v=2"


async def test_state_can_be_assigned_between_calls() -> None:
    """Headers, params, timeout and base URL are read, edited and assigned; the next call uses them."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            client.base_url = f"{server.url}/v1"
            client.headers["Authorization"] = "Bearer t0k"
            client.params = {"page": 2}
            client.timeout = 5
            await client.get("users")
            client.headers = Headers({"X-Only": "1"})
            client.params = None
            await client.get("users")
            assert client.timeout == Timeout.from_value(5)
            with pytest.raises(InvalidURL):
                client.base_url = "no-scheme"
            with pytest.raises(ValueError, match="positive"):
                client.timeout = -1
    first, second = server.requests
    assert (first.target, first.headers["authorization"]) == ("/v1/users?page=2", "Bearer t0k")
    assert second.target == "/v1/users"
    assert [name for name, _ in second.fields] == ["Host", "X-Only"]


async def test_a_plain_request_follows_edits_of_the_headers() -> None:
    """Every way of changing client.headers in place reaches the very next request."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient(server.url) as client:
            await client.get("/")
            client.headers["X-A"] = "1"
            await client.get("/")
            del client.headers["x-a"]
            client.headers.update({"X-B": "2"})
            await client.get("/")
            client.headers.add("X-B", "3")
            await client.get("/")
    values = [[value for name, value in request.fields if name.startswith("X-")] for request in server.requests]
    assert values == [[], ["1"], ["2"], ["2", "3"]]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"url": "http://h.test/a\nb"}, InvalidURL, "U\\+000A at offset 15"),
        ({"url": "http://h.test/", "headers": {"X": "1\r\nY: 2"}}, InvalidHeader, "'X': control character U\\+000D at offset 1"),
        ({"url": "http://h.test/", "headers": {"X Y": "1"}}, InvalidHeader, "U\\+0020 at offset 1"),
        ({"method": "GE T", "url": "http://h.test/"}, InvalidHeader, "method: character U\\+0020"),
        ({"url": "ftp://h.test/"}, UnsupportedScheme, "ftp"),
        ({"url": "/relative"}, InvalidURL, "relative"),
        ({"url": "http://h.test:99999/"}, InvalidURL, "port"),
        ({"url": "http://h\\x.test/"}, InvalidURL, "back slash"),
        ({"url": "http:///x"}, InvalidURL, "empty host"),
        ({"method": "CONNECT", "url": "http://h.test/"}, ValueError, "CONNECT"),
        ({"url": "http://h.test/", "json": 1, "data": {}}, ValueError, "json= and data="),
        ({"url": "http://h.test/", "json": float("nan")}, ValueError, "nan"),
        ({"url": "http://h.test/", "json": {"a": object()}}, TypeError, "\\$.a"),
        ({"url": "http://h.test/", "content": b"x", "headers": {"Content-Length": "5"}}, InvalidHeader, "Content-Length"),
        ({"url": "http://h.test/", "content": b"x", "headers": {"Transfer-Encoding": "chunked"}}, InvalidHeader, "Transfer-Encoding"),
        ({"url": "http://h.test/", "jsn": 1}, TypeError, "jsn"),
    ],
)
async def test_wrong_arguments_are_refused_before_any_connection(arguments: dict[str, object], error: type[Exception], text: str) -> None:
    """Bad URLs, methods, headers, bodies and keywords raise at once, naming what was wrong."""

    def resolver(host: str, port: int) -> list[str]:
        raise AssertionError("a connection was tried")

    async with AsyncClient(resolver=resolver) as client:
        with pytest.raises(error, match=text):
            await client.request(**{"method": "POST", **arguments})  # type: ignore[arg-type]


async def test_a_closed_client_takes_no_calls() -> None:
    """After the block, calls and entering again raise ClientClosedError; closing again is harmless."""
    client = AsyncClient()
    with serve(answering(HELLO)) as server:
        async with client as entered:
            await entered.get(server.url)
        with pytest.raises(ClientClosedError, match="create a new one"):
            await client.get(server.url)
        with pytest.raises(ClientClosedError):
            async with client:
                pass
    await client.aclose()


async def test_entering_twice_is_an_error() -> None:
    """An open client cannot be entered again."""
    async with AsyncClient() as client:
        with pytest.raises(RuntimeError, match="already open"):
            async with client:
                pass


async def test_ipv6_literals_and_default_ports() -> None:
    """Host brackets an IPv6 literal and leaves out only the port of its own scheme."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient(resolver=lambda host, port: ["127.0.0.1"]) as client:
            await client.get(f"http://example.test:{server.port}/")
    assert server.requests[0].headers["host"] == f"example.test:{server.port}"
    assert client.build_request("GET", "http://[::1]:80/").parsed_url.host_header == b"[::1]"
    assert client.build_request("GET", "http://h.test:443/").parsed_url.host_header == b"h.test:443"


async def test_typed_json() -> None:
    """json(type=T) builds the type and raises its library's error for what does not fit."""
    import msgspec
    import pydantic

    class Struct(msgspec.Struct):
        hello: str

    class Model(pydantic.BaseModel):
        hello: str

    class Wrong(pydantic.BaseModel):
        hello: int

    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            r = await client.get(server.url)
    assert r.json(type=Struct) == Struct("world")
    assert r.json(type=Model) == Model(hello="world")
    with pytest.raises(pydantic.ValidationError):
        r.json(type=Wrong)
    with pytest.raises(msgspec.ValidationError):
        r.json(type=dict[str, int])
    assert json.loads(r.content) == r.json()


async def test_connection_facts() -> None:
    """A response tells its peer and whether its connection was used before."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            first = await client.get(server.url)
            second = await client.get(server.url)
            stats = client.pool_stats()
    assert first.connection.peer == ("127.0.0.1", server.port)
    assert (first.connection.reused, second.connection.reused) == (False, True)
    assert (stats.open, stats.idle, stats.in_use, stats.created, stats.reused) == (1, 1, 0, 1, 1)


async def test_one_connection_answers_differently_each_time() -> None:
    """Answers that differ in head, length or status on one connection are never taken for each other."""
    answers = [
        response(b"one", "X-N: 1"),
        response(b"one", "X-N: 1"),
        response(b"three", "X-N: 3"),
        response(b"", "X-N: 4", status="404 Not Found"),
        response(b"one", "X-N: 1"),
    ]

    def handler(peer: Peer) -> None:
        for answer in answers:
            peer.read()
            peer.send(answer)
        peer.wait()

    with serve(handler) as server:
        async with AsyncClient() as client:
            got = [await client.get(server.url) for _ in answers]
    assert [(r.status_code, r.headers["x-n"], r.content) for r in got] == [
        (200, "1", b"one"),
        (200, "1", b"one"),
        (200, "3", b"three"),
        (404, "4", b""),
        (200, "1", b"one"),
    ]
    assert server.connections == 1
