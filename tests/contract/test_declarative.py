"""The declarative client: routes, runs, results. Answers come from a mock, and once from a server of the standard library."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from fasthttp.app import FastHTTP
from fasthttp.errors import ConnectError, FastHTTPBadStatusError, HTTPStatusError, ReadTimeout
from fasthttp.models import Request
from fasthttp.response import ClientResponse, Response
from fasthttp.results import RouteResult, RunResult
from fasthttp.routing import Route
from fasthttp.security import SecurityPolicy
from fasthttp.transports import MockTransport

BASE = "http://api.test/v1"


def make(mock: MockTransport | None = None, **keywords: Any) -> FastHTTP:
    keywords.setdefault("log", "off")
    return FastHTTP(BASE, transport=mock or MockTransport(lambda request: {"path": request.target}), **keywords)


def path(resp: Response) -> Any:
    return resp.json()["path"]


# --- declaring


def test_routes_are_listed_in_the_order_of_registration() -> None:
    """Decorators and `add_route` alike; a decorator gives its function back."""
    app = make()

    @app.get("/one", tags=["a", "b"])
    def one(resp: Response) -> None: ...

    @app.post("/two", json={"x": 1})
    async def two(resp: Response) -> None: ...

    route = app.add_route("put", "/three", one, name="three", params={"p": 1})
    assert callable(one)
    assert asyncio.iscoroutinefunction(two)
    assert [(r.method, r.url, r.name) for r in app.routes] == [
        ("GET", "/one", "one"),
        ("POST", "/two", "two"),
        ("PUT", "/three", "three"),
    ]
    assert app.routes[2] is route
    assert isinstance(route, Route)
    assert (app.routes[0].tags, app.routes[1].json, route.params, route.handler) == (("a", "b"), {"x": 1}, {"p": 1}, one)


def test_repeated_automatic_names_are_numbered_and_explicit_ones_refused() -> None:
    """`#2`, `#3` in registration order; a number never takes a name that was given explicitly."""
    app = make()
    app.add_route("GET", "/x", path, name="path#2")
    for _ in range(3):
        app.get("/x")(path)
    assert [route.name for route in app.routes] == ["path#2", "path", "path#3", "path#4"]
    for taken in ("path", "path#2"):
        with pytest.raises(ValueError, match=f"a route named '{taken}' exists already"):
            app.get("/x", name=taken)(path)
    assert len(app.routes) == 4


@pytest.mark.parametrize("handler", [lambda a, b: None, lambda a, *, b: None, 5])
def test_a_handler_takes_the_response_or_nothing(handler: Any) -> None:
    """More required parameters, and what cannot be called, are refused at decoration."""
    app = make()
    with pytest.raises(TypeError, match=r"must accept one argument \(the response\)|must be callable"):
        app.get("/x")(handler)
    assert app.routes == []


def test_options_that_contradict_each_other_are_refused_at_decoration() -> None:
    """Two bodies, tags that are a string, a timeout that is none."""
    app = make()
    for error, options in ((ValueError, {"json": 1, "data": "x"}), (TypeError, {"tags": "a"}), (ValueError, {"timeout": 0})):
        with pytest.raises(error):
            app.post("/x", **options)(path)
    for value in (0, -1, True, 1.5):
        with pytest.raises(ValueError, match="concurrency"):
            make(concurrency=value)
    assert app.routes == []


# --- running


def test_a_run_gives_the_values_of_all_handlers() -> None:
    """Sync and async, with and without the response; the responses are those of the declarative layer."""
    app = make()
    kinds = []

    @app.get("/plain")
    def plain(resp: Response) -> Any:
        kinds.append(type(resp))
        return path(resp)

    @app.get("/coroutine")
    async def coroutine(resp: Response) -> Any:
        return path(resp)

    @app.get("/nothing")
    def nothing() -> str:
        return "no response wanted"

    result = app.run()
    assert {name: each.value for name, each in result.items()} == {
        "plain": "/v1/plain",
        "coroutine": "/v1/coroutine",
        "nothing": "no response wanted",
    }
    assert result.ok
    assert kinds == [Response]
    assert type(result["plain"].response) is Response


def test_what_a_route_declares_is_sent() -> None:
    """Params, headers, bodies and the app's own headers reach the wire; the route's headers win."""
    mock = MockTransport(lambda request: 200)
    app = make(mock, headers={"X-App": "app", "X-Both": "app"})
    app.add_route("POST", "/a?x=1", path, name="json", params={"y": [2, 3]}, headers={"X-Both": "route"}, json={"k": "v"})
    app.add_route("POST", "https://other.test/b", path, name="form", data={"k": "v w"})
    app.run()
    first, second = sorted(mock.calls, key=lambda call: call.url)
    assert (first.method, first.url, first.body) == ("POST", "http://api.test/v1/a?x=1&y=2&y=3", b'{"k":"v"}')
    assert (first.headers["x-app"], first.headers["x-both"], first.headers["content-type"]) == ("app", "route", "application/json")
    assert (second.url, second.body) == ("https://other.test/b", b"k=v+w")


def test_runs_can_be_repeated_and_share_no_results() -> None:
    """The same app, a new result each time."""
    app = make()
    app.get("/x")(path)
    first, second = app.run(), app.run()
    assert first is not second
    assert first["path"] is not second["path"]
    assert first["path"].value == second["path"].value == "/v1/x"


def test_run_inside_a_running_loop_is_refused_and_arun_works_there() -> None:
    """The message is the documented one, and no coroutine is left un-awaited (that would be a warning, and so an error)."""
    app = make()
    app.get("/x")(path)

    async def inside() -> RunResult:
        with pytest.raises(RuntimeError) as caught:
            app.run()
        assert str(caught.value) == "app.run() cannot be used inside a running event loop; use 'await app.arun()'"
        return await app.arun()

    assert asyncio.run(inside())["path"].value == "/v1/x"


@pytest.mark.parametrize(("tags", "names"), [
    (None, ["one", "two", "three"]), ("a", ["one", "two"]), (["b"], ["two", "three"]), (["a", "b"], ["one", "two", "three"]), ([], []),
    (("b", "b"), ["two", "three"]),
])  # fmt: skip
def test_tags_select_routes_that_have_one_of_them(tags: Any, names: list[str]) -> None:
    """A string is one tag, and an empty list selects nothing, which is all right."""
    app = make()
    for name, own in (("one", ["a"]), ("two", ["a", "b"]), ("three", ["b"])):
        app.add_route("GET", f"/{name}", path, name=name, tags=own)
    result = app.run(tags)
    assert list(result) == names
    assert result.ok


def test_an_unknown_tag_is_refused_before_the_lifespan() -> None:
    """The tag and the known ones are named."""
    entered = []

    @asynccontextmanager
    async def lifespan(app: FastHTTP) -> AsyncIterator[None]:
        entered.append(app)
        yield

    app = make(lifespan=lifespan)
    app.get("/x", tags=["b", "a"])(path)
    with pytest.raises(ValueError, match="no route has the tag 'nope'; there are a, b"):
        app.run(["a", "nope"])
    assert entered == []


def test_no_failure_of_a_route_touches_another() -> None:
    """Handler, transport, refusal and timeout each stay where they are, with their stage and their count of attempts."""

    def answer(request: Request) -> Any:
        target = request.target.removeprefix("/v1")
        errors = {"/refused": ConnectError("connection refused"), "/slow": ReadTimeout("read timeout after 1 s"), "/odd": OSError("broken")}
        return errors.get(target, {"path": target})

    def raising(resp: Response) -> None:
        raise KeyError("missing")

    app = make(MockTransport(answer))
    for name, url, handler in (
        ("fine", "/fine", path), ("handler", "/x", raising), ("refused", "/refused", path), ("slow", "/slow", path), ("odd", "/odd", path),
        ("also_fine", "/also", path),
    ):  # fmt: skip
        app.add_route("GET", url, handler, name=name)
    result = app.run()
    assert [name for name, each in result.items() if each.ok] == ["fine", "also_fine"]
    assert {name: each.stage for name, each in result.items() if not each.ok} == {
        "handler": "handler", "refused": "request", "slow": "request", "odd": "request",
    }  # fmt: skip
    assert {name: type(each.error) for name, each in result.items() if not each.ok} == {
        "handler": KeyError, "refused": ConnectError, "slow": ReadTimeout, "odd": OSError,
    }  # fmt: skip
    assert [result[name].attempts for name in ("fine", "handler", "slow")] == [1, 1, 1]
    assert (result["handler"].status, result["handler"].value, result["refused"].status) == (200, None, None)


def test_a_lifespan_surrounds_the_run_and_its_log() -> None:
    """Startup before the start line, shutdown after the done line, also after failures; it may set the base URL."""
    events: list[str] = []

    @asynccontextmanager
    async def lifespan(app: FastHTTP) -> AsyncIterator[None]:
        app.base_url = "http://late.test"
        events.append("startup")
        yield
        events.append("shutdown")

    def answer(request: Request) -> Any:
        events.append(request.url)
        return OSError("broken")

    app = FastHTTP(lifespan=lifespan, transport=MockTransport(answer))
    app.get("/x")(path)
    with listening(events):
        assert not app.run().ok
    assert events[:-3] == ["startup", "FastHTTP started", "Sending 1 requests", "http://late.test/x"]
    assert events[-3].startswith("✖ GET http://late.test/x ERR ")
    assert events[-2].startswith("Done in ")
    assert events[-1] == "shutdown"


def test_a_lifespan_that_fails_to_start_aborts_the_run() -> None:
    """Its exception reaches the caller, and nothing is sent."""

    @asynccontextmanager
    async def lifespan(app: FastHTTP) -> AsyncIterator[None]:
        raise LookupError("no database")
        yield

    mock = MockTransport(lambda request: 200)
    app = make(mock, lifespan=lifespan)
    app.get("/x")(path)
    with pytest.raises(LookupError, match="no database"):
        app.run()
    assert mock.calls == []


@pytest.mark.parametrize(("concurrency", "per_host", "most", "most_of_one"), [(4, None, 4, 4), (None, 2, 6, 2), (3, 1, 3, 1), (1, 1, 1, 1)])
def test_no_more_routes_are_under_way_than_allowed(concurrency: int | None, per_host: int | None, most: int, most_of_one: int) -> None:
    """In all and to one origin; origins at their limit hold up no other, so the limits are reached."""
    under_way: dict[str, int] = dict.fromkeys("abc", 0)
    peaks: dict[str, int] = {"all": 0, "one": 0}

    async def answer(request: Request) -> int:
        host = request.host[0]
        under_way[host] += 1
        peaks["all"] = max(peaks["all"], sum(under_way.values()))
        peaks["one"] = max(peaks["one"], *under_way.values())
        for _ in range(5):
            await asyncio.sleep(0)
        under_way[host] -= 1
        return 200

    app = make(MockTransport(answer), concurrency=concurrency, per_host=per_host)
    for index in range(24):
        app.add_route("GET", f"http://{'aaab'[index % 4] if index < 16 else 'c'}.test/{index}", lambda: None)
    result = app.run()
    assert result.ok
    assert len(result) == 24
    assert peaks["all"] == most
    assert peaks["one"] <= most_of_one
    assert peaks["one"] == most_of_one or per_host is None


def test_an_origin_at_its_limit_does_not_block_others() -> None:
    """All routes of another host finish while the first host keeps its one slot busy."""
    finished: list[str] = []
    release = asyncio.Event()

    async def answer(request: Request) -> int:
        if request.host == "slow.test":
            await release.wait()
        finished.append(request.url)
        if sum("fast" in url for url in finished) == 10:
            release.set()
        return 200

    app = make(MockTransport(answer), per_host=1, concurrency=2)
    for index in range(10):
        app.add_route("GET", f"http://slow.test/{index}", lambda: None)
    for index in range(10):
        app.add_route("GET", f"http://fast.test/{index}", lambda: None)
    assert app.run().ok
    assert all("fast" in url for url in finished[:10])


# --- results


def failing(index: int) -> Any:
    def handler(resp: Response) -> None:
        raise ValueError(f"fault {index}")

    return handler


def run_with_failures(count: int, failures: set[int], **keywords: Any) -> RunResult:
    app = make()
    for index in range(count):
        app.add_route("GET", f"/{index}", failing(index) if index in failures else path, name=f"route{index}")
    return app.run(**keywords)


def test_a_result_is_a_mapping_by_name_and_an_index() -> None:
    """In registration order; an unknown name lists close ones."""
    result = run_with_failures(3, {1})
    assert list(result) == ["route0", "route1", "route2"]
    assert [each.name for each in result.values()] == [name for name, _ in result.items()] == list(result)
    assert result["route1"] is result[1]
    assert result[-1] is result["route2"]
    assert len(result) == 3
    assert "route1" in result
    assert "nope" not in result
    with pytest.raises(KeyError, match=r"no route named 'rout1'; did you mean route1"):
        result["rout1"]
    with pytest.raises(IndexError):
        result[3]
    assert not result.ok
    assert ([each.name for each in result.failed], [each.name for each in result.succeeded]) == (["route1"], ["route0", "route2"])
    assert (result.exit_code, run_with_failures(1, set()).exit_code) == (1, 0)
    assert not result.interrupted


def test_a_route_result_is_frozen_and_ok_means_no_error() -> None:
    """With method, full URL, index, tags and time."""
    app = make()
    app.get("/x?a=1", tags=["t"], params={"b": 2})(path)
    each = app.run()[0]
    assert isinstance(each, RouteResult)
    assert (each.name, each.kind, each.method, each.url, each.index, each.tags) == ("path", "http", "GET", f"{BASE}/x?a=1", 0, ("t",))
    assert (each.ok, each.error, each.stage, each.status, each.attempts) == (True, None, None, 200, 1)
    assert 0 < each.elapsed < 5
    with pytest.raises(AttributeError):
        each.value = 5  # type: ignore[misc]


def test_errors_are_raised_one_by_itself_several_as_a_group() -> None:
    """In the order of registration; when all is well the result itself comes back."""
    fine = run_with_failures(2, set())
    assert fine.raise_for_errors() is fine
    with pytest.raises(ValueError, match=r"^fault 1$"):
        run_with_failures(3, {1}).raise_for_errors()
    with pytest.raises(ExceptionGroup) as caught:
        run_with_failures(10, {7, 2, 5}).raise_for_errors()
    assert caught.value.message == "3 of 10 routes failed"
    assert [str(error) for error in caught.value.exceptions] == ["fault 2", "fault 5", "fault 7"]


def test_a_run_can_raise_its_errors_itself() -> None:
    """The exception carries the result."""
    with pytest.raises(ValueError, match="fault 0") as caught:
        run_with_failures(2, {0}, raise_errors=True)
    assert [each.ok for each in caught.value.run_result.values()] == [False, True]  # type: ignore[attr-defined]


class Item(msgspec.Struct):
    id: int


def giving(value: Any) -> Any:
    return lambda: value


def test_a_result_as_json_has_exactly_the_documented_shape() -> None:
    """Models dumped, bytes as base64, a response as status and body, anything else as its repr; secrets masked."""
    app = make(MockTransport(lambda request: {"a": 1}))
    values: dict[str, Any] = {"model": Item(5), "bytes": b"\x00\xff", "none": None, "list": [Item(1), "é"], "odd": {1, 2}.__iter__}
    for name, value in values.items():
        app.add_route("GET", "/x", giving(value), name=name)
    app.add_route("GET", "/x?api_key=hidden", lambda resp: resp, name="response", tags=["t"])
    app.add_route("GET", "/bad", failing(1), name="bad")
    result = app.run()
    data = json.loads(result.to_json())
    assert list(data) == ["ok", "elapsed", "interrupted", "total", "failed", "routes"]
    assert (data["ok"], data["interrupted"], data["total"], data["failed"]) == (False, False, 7, 1)
    routes = {route["name"]: route for route in data["routes"]}
    assert [list(route) for route in data["routes"]] == [
        ["name", "kind", "method", "url", "tags", "ok", "status", "elapsed_ms", "attempts", "value", "error"]
    ] * 7
    assert [routes[name]["value"] for name in ("model", "bytes", "none", "list")] == [{"id": 5}, "AP8=", None, [{"id": 1}, "é"]]
    assert list(routes["odd"]["value"]) == ["repr"]
    assert routes["response"]["value"] == {"status": 200, "body": {"a": 1}}
    assert (routes["response"]["url"], routes["response"]["tags"]) == (f"{BASE}/x?api_key=*****", ["t"])
    assert routes["bad"]["error"] == {"type": "ValueError", "message": "fault 1", "stage": "handler"}
    assert (routes["model"]["error"], routes["model"]["status"], routes["model"]["ok"]) == (None, 200, True)
    assert "hidden" not in result.to_json(bodies=True)
    assert json.loads(result.to_json(indent=2, bodies=True))["routes"][0]["body"] == {"a": 1}


def test_a_summary_is_a_table_without_colour() -> None:
    """A line for each route, cut to the width of the terminal, and a row of totals."""

    def long(resp: Response) -> None:
        raise RuntimeError("x" * 500)

    app = make(MockTransport({"*/gone": 404, "*": 200}))
    app.add_route("GET", "/fine", lambda resp: 1, name="fine")
    app.add_route("POST", "/gone", lambda resp: 1, name="gone")
    app.add_route("GET", "/fine", long, name="long")
    result = app.run()
    lines = result.summary().splitlines()
    assert lines[0].split() == ["name", "method", "status", "ms", "tries", "error"]
    assert lines[1].split()[:4] == ["✔", "fine", "GET", "200"]
    assert lines[2].split()[:4] == ["✖", "gone", "POST", "404"]
    assert "HTTP 404 Not Found for POST http://api.test/v1/gone" in lines[2] or lines[2].endswith("…")
    assert lines[3].endswith("…")
    assert lines[4].startswith("3 routes, 1 ok, 2 failed, 0.")
    assert "\x1b" not in result.summary()
    assert str(result) == result.summary()
    assert repr(result) == "<RunResult 3 routes, 2 failed>"
    assert "<td>gone</td>" in result._repr_html_()
    assert result.__rich__().row_count == 3


# --- status policy


def test_an_error_status_reaches_the_handler_and_is_a_failure_nevertheless() -> None:
    """Its value is kept; listing the status in `responses=` makes it an expected one."""
    app = make(MockTransport(lambda request: (404, {"detail": "gone"})))
    app.add_route("GET", "/x", lambda resp: resp.status, name="surprising")
    app.add_route("GET", "/x", lambda resp: resp.status, name="expected", responses={404: None})
    app.add_route("GET", "/x", lambda resp: resp.status, name="other", responses={410: None})
    result = app.run()
    assert [each.value for each in result.values()] == [404, 404, 404]
    assert [each.ok for each in result.values()] == [False, True, False]
    error = result["surprising"].error
    assert isinstance(error, FastHTTPBadStatusError)
    assert FastHTTPBadStatusError is HTTPStatusError
    assert (error.status_code, error.detail, error.url, error.method) == (404, "gone", f"{BASE}/x", "GET")
    assert error.response is result["surprising"].response
    assert (result["surprising"].stage, result["expected"].stage) == ("status", None)


def test_a_redirect_that_is_not_followed_is_a_response_like_any_other() -> None:
    """The handler gets it, and it is ok."""
    app = make(MockTransport(lambda request: ClientResponse(302, {"Location": "/y"}, request=request)))
    app.get("/x", allow_redirects=False)(lambda resp: resp.headers["location"])
    each = app.run()[0]
    assert (each.ok, each.status, each.value) == (True, 302, "/y")


# --- over a real connection


class Handler(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"line": self.requestline, "body": body.decode(), "host": self.headers["Host"]}).encode()
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *arguments: Any) -> None: ...


@contextmanager
def serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_run_over_a_server_that_is_not_ours() -> None:
    """Many routes over few connections, on a loop that the run starts and ends itself."""
    with serving() as authority:
        app = FastHTTP(f"http://{authority}", log="off", per_host=3, security=SecurityPolicy(allow_hosts=["localhost"]))
        for index in range(40):
            app.add_route("POST", f"/{index}", lambda resp: resp.json(), json={"index": index})
        app.add_route("POST", "/missing", lambda resp: resp.status, name="missing", data="x")
        result = app.run()
    assert [name for name, each in result.items() if not each.ok] == ["missing"]
    assert [each.value for each in result.values()] == [
        *({"line": f"POST /{index} HTTP/1.1", "body": f'{{"index":{index}}}', "host": authority} for index in range(40)),
        404,
    ]


# --- a listener for the tests above


@contextmanager
def listening(lines: list[str]) -> Iterator[None]:
    """Adds the messages that a handler of the user's on `fasthttp` receives to `lines`."""

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    logger, collector = logging.getLogger("fasthttp"), Collector()
    level = logger.level
    logger.addHandler(collector)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(collector)


@pytest.mark.parametrize("breaker", [True, False])
def test_a_request_that_failed_on_the_wire_was_an_attempt(breaker: bool) -> None:
    """With a circuit breaker or without; one that never found a server was none."""

    class Hangup(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hangup)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    try:
        app = FastHTTP(security=SecurityPolicy(allow_hosts=["localhost"], circuit_breaker=breaker))
        app.get(f"http://127.0.0.1:{server.server_address[1]}/", name="hung up")(path)
        app.get("http://127.0.0.1:1/", name="nobody")(path)
        result = app.run()
    finally:
        server.shutdown()
        server.server_close()
    assert (result["hung up"].attempts, result["hung up"].stage) == (1, "request")
    assert (result["nobody"].attempts, result["nobody"].stage) == (0, "request")
