"""Dependencies: what they are called with, what they give, in which order they begin and end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from fasthttp.app import FastHTTP
from fasthttp.dependencies import Depends
from fasthttp.errors import FastHTTPBadStatusError
from fasthttp.middleware import BaseMiddleware, RetryMiddleware
from fasthttp.models import Request
from fasthttp.response import Response
from fasthttp.routing import Route
from fasthttp.transports import MockTransport

BASE = "http://api.test"


def make(mock: MockTransport | None = None, **keywords: Any) -> FastHTTP:
    keywords.setdefault("log", "off")
    return FastHTTP(BASE, transport=mock or MockTransport(lambda request: 200), **keywords)


class Number(msgspec.Struct):
    a: int


def done(resp: Response) -> str:
    return "done"


def test_functions_of_every_kind_reach_the_wire_in_order() -> None:
    """Sync and async, plain and generators, with none, one or both arguments; callable objects and bound methods."""
    mock = MockTransport(lambda request: 200)
    app = make(mock)
    order: list[str] = []

    def add(config: dict[str, Any], name: str) -> None:
        order.append(name)
        config["params"] = {**(config["params"] or {}), name: len(order)}

    def nothing() -> dict[str, Any]:
        order.append("nothing")
        return {"headers": {"X-Nothing": "1"}}

    def of_config(config: dict[str, Any]) -> None:
        add(config, "config")

    def by_another_name(whatever: dict[str, Any]) -> dict[str, Any]:
        add(whatever, "other")
        return whatever

    def of_route(route: Route) -> dict[str, Any]:
        order.append("route")
        return {"params": {"route": route.name}}

    async def both(route: Route, config: dict[str, Any]) -> dict[str, Any]:
        add(config, "both")
        return {**config, "timeout": 7}

    def generator(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
        order.append("generator")
        yield {"headers": {"X-Gen": "g"}}

    async def agenerator(route: Route, config: dict[str, Any]) -> AsyncIterator[None]:
        add(config, "agen")
        yield

    class Thing:
        async def __call__(self, config: dict[str, Any], optional: int = 0) -> None:
            add(config, "object")

        def method(self) -> Iterator[None]:
            order.append("method")
            yield

    listed = [nothing, of_config, by_another_name, of_route, both, generator, agenerator, Thing(), Thing().method]
    app.get("/x", dependencies=listed)(done)
    result = app.run()[0]
    assert result.error is None
    assert order == ["nothing", "config", "other", "route", "both", "generator", "agen", "object", "method"]
    (call,) = mock.calls
    assert call.url == f"{BASE}/x?config=2&other=3&route=done&both=5&agen=7&object=8"
    assert (call.headers["x-nothing"], call.headers["x-gen"]) == ("1", "g")


def test_what_can_be_no_dependency_is_refused_at_decoration() -> None:
    """Three required arguments, the route for a whole run, no function, an unknown scope."""
    for wrong, message in (
        (lambda a, b, c: None, "requires 3 arguments"), (5, "takes a function, not int"),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=message):
            make().get("/x", dependencies=[wrong])(done)
    with pytest.raises(TypeError, match="serves many routes"):
        Depends(lambda route: None, scope="run")
    with pytest.raises(ValueError, match="scope='session'"):
        Depends(lambda: None, scope="session")  # type: ignore[arg-type]
    assert repr(Depends(done)) == "Depends(done)"


@pytest.mark.parametrize("wrong", [5, "x", [("headers", {})], True])
def test_another_type_than_a_mapping_is_an_error_of_the_route(wrong: Any) -> None:
    """It names the function; nothing is sent, and later dependencies are not asked."""
    mock = MockTransport(lambda request: 200)
    app = make(mock)
    later: list[int] = []

    def gives() -> Any:
        return wrong

    app.get("/x", dependencies=[gives, lambda: later.append(1)])(done)
    result = app.run()[0]
    assert isinstance(result.error, TypeError)
    assert str(result.error) == f"dependency 'gives' gave {type(wrong).__name__}; it must give a mapping or None"
    assert (result.stage, result.attempts, mock.calls, later) == ("dependency", 0, [], [])


def test_a_dependency_that_raises_keeps_the_request_back() -> None:
    """With that very exception; those before it are ended, those after it never begun."""
    mock = MockTransport(lambda request: 200)
    app = make(mock)
    events: list[Any] = []
    fault = LookupError("no key")

    def first() -> Iterator[None]:
        try:
            yield
        except LookupError as exc:
            events.append(exc)
            raise

    def second() -> None:
        raise fault

    app.get("/x", dependencies=[first, second, lambda: events.append("third")])(done)
    app.add_route("GET", "/y", done, name="other")
    result = app.run()
    assert result["done"].error is fault
    assert (result["done"].stage, result["other"].ok, events) == ("dependency", True, [fault])
    assert [call.url for call in mock.calls] == [f"{BASE}/y"]


def test_a_dependency_is_evaluated_once_per_request() -> None:
    """However often it is listed, unless it says otherwise; and kept across attempts."""
    counts = {"cached": 0, "fresh": 0}

    def cached() -> None:
        counts["cached"] += 1

    def fresh() -> None:
        counts["fresh"] += 1

    answers = iter([503, 503, 200])
    mock = MockTransport(lambda request: next(answers))
    mock.fast = True
    app = make(mock, middleware=RetryMiddleware(backoff_factor=0.001))
    app.get("/x", dependencies=[cached, Depends(cached), Depends(fresh, use_cache=False), Depends(fresh, use_cache=False)])(done)
    result = app.run()[0]
    assert (result.ok, result.attempts, counts) == (True, 3, {"cached": 1, "fresh": 2})


# --- the end of generators


def events_of(status: int = 200, *, fail: str | None = None, handler_fails: bool = False) -> tuple[list[str], Any]:
    """The order of everything around one request, and its result."""
    events: list[str] = []

    def dependency(name: str) -> Any:
        def generator() -> Iterator[None]:
            events.append(f"{name} begins")
            try:
                yield
            except Exception as exc:
                events.append(f"{name} sees {type(exc).__name__}")
                raise
            else:
                events.append(f"{name} ends")
            if fail == name:
                raise OSError(name)

        return generator

    def answer(request: Request) -> int:
        events.append("sent")
        return status

    mock = MockTransport(answer)
    app = make(mock)
    app.on_response(lambda response: events.append("on_response"))
    app.on_error(lambda error, route: events.append(f"on_error {type(error).__name__}"))

    def handler(resp: Response) -> str:
        events.append("handler")
        if handler_fails:
            raise LookupError
        return "done"

    listed = [
        Depends(dependency("r1"), scope="request"),
        Depends(dependency("f1")),
        Depends(dependency("r2"), scope="request"),
        Depends(dependency("f2")),
    ]
    app.get("/x", dependencies=listed, raise_for_status=status == 500)(handler)
    return events, app.run()[0]


BEGIN = ["r1 begins", "f1 begins", "r2 begins", "f2 begins", "sent"]


def test_generators_end_in_the_order_of_their_scopes() -> None:
    """ "function" before the handler, "request" after everything; the last one first."""
    events, result = events_of()
    assert events == [*BEGIN, "f2 ends", "f1 ends", "on_response", "handler", "r2 ends", "r1 ends"]
    assert result.ok


def test_an_error_is_thrown_in_where_the_generator_waits() -> None:
    """Those with scope "request" see what the handler raised, and an error status, after the error hooks."""
    events, result = events_of(handler_fails=True)
    assert events == [
        *BEGIN, "f2 ends", "f1 ends", "on_response", "handler", "on_error LookupError", "r2 sees LookupError", "r1 sees LookupError",
    ]  # fmt: skip
    assert (type(result.error), result.stage) == (LookupError, "handler")
    events, result = events_of(404)
    assert events == [*BEGIN, "f2 ends", "f1 ends", "on_response", "handler", "r2 sees HTTPStatusError", "r1 sees HTTPStatusError"]
    assert (type(result.error), result.stage, result.value) == (FastHTTPBadStatusError, "status", "done")
    events, result = events_of(500)
    assert events[-4:] == ["on_response", "on_error HTTPStatusError", "r2 sees HTTPStatusError", "r1 sees HTTPStatusError"]
    assert (result.stage, result.value) == ("status", None)


def test_the_teardown_that_raises_fails_a_route_that_was_ok() -> None:
    """Before the handler and after it; it never takes the place of an earlier error."""
    events, result = events_of(fail="f2")
    assert "handler" not in events
    assert events[-3:] == ["on_error OSError", "r2 sees OSError", "r1 sees OSError"]
    assert (str(result.error), result.stage, result.value) == ("f2", "dependency", None)
    events, result = events_of(fail="r2")
    assert events[-3:] == ["r2 ends", "r1 ends", "on_error OSError"]
    assert (str(result.error), result.stage, result.value) == ("r2", "dependency", None)
    app = make()

    def replaces() -> Iterator[None]:
        try:
            yield
        except LookupError:
            raise OSError from None

    def swallows() -> Iterator[None]:
        try:
            yield
        except LookupError:
            pass

    def failing(resp: Response) -> None:
        raise LookupError("the first")

    app.get("/x", dependencies=[Depends(replaces, scope="request"), Depends(swallows, scope="request")])(failing)
    result = app.run()[0]
    assert (type(result.error), result.stage) == (LookupError, "handler")


def test_a_generator_that_yields_twice_is_wrong() -> None:
    """It is named."""

    async def twice() -> AsyncIterator[None]:
        yield
        yield

    app = make()
    app.get("/x", dependencies=[twice])(done)
    error = app.run()[0].error
    assert isinstance(error, RuntimeError)
    assert str(error) == "dependency 'twice' yielded more than once"


# --- once per run


def test_a_dependency_of_the_run_is_evaluated_once_for_all_routes() -> None:
    """Twenty routes with one token, and twenty ids of their own; the next run begins anew."""
    mock = MockTransport(lambda request: 200)
    app = make(mock)
    tokens: list[int] = []
    ids: list[int] = []
    ended: list[int] = []

    async def token() -> AsyncIterator[dict[str, Any]]:
        tokens.append(len(tokens))
        await asyncio.sleep(0.01)
        yield {"headers": {"Authorization": f"Bearer {tokens[-1]}"}}
        ended.append(len(mock.calls))

    def trace() -> dict[str, Any]:
        ids.append(len(ids))
        return {"headers": {"X-Id": str(ids[-1])}}

    for index in range(20):
        app.add_route("GET", f"/{index}", done, dependencies=[Depends(token, scope="run"), trace])
    assert app.run().ok
    assert {call.headers["authorization"] for call in mock.calls} == {"Bearer 0"}
    assert len({call.headers["x-id"] for call in mock.calls}) == 20
    assert (tokens, ended) == ([0], [20])
    assert app.run().ok
    assert (tokens, ended) == ([0, 1], [20, 40])


def test_the_failure_of_a_dependency_of_the_run_is_that_of_those_who_wait() -> None:
    """The next one tries again."""
    app = make(concurrency=3)
    tries: list[int] = []

    async def token(config: dict[str, Any]) -> None:
        tries.append(1)
        await asyncio.sleep(0)
        if len(tries) == 1:
            raise LookupError("no token")
        config["headers"]["X-Token"] = "t"

    for index in range(6):
        app.add_route("GET", f"/{index}", done, name=f"r{index}", dependencies=[Depends(token, scope="run")])
    result = app.run()
    assert [one.name for one in result.failed] == ["r0", "r1", "r2"]
    assert len({id(one.error) for one in result.failed}) == 1
    assert {one.stage for one in result.failed} == {"dependency"}
    assert len(tries) == 2


def test_the_teardown_of_a_run_that_raises_fails_the_routes_that_were_ok() -> None:
    """Those that named it; the others, and the run, are as they were."""
    app = make()

    def pool() -> Iterator[None]:
        yield
        raise OSError("cannot close")

    app.add_route("GET", "/a", done, name="a", dependencies=[Depends(pool, scope="run")])
    app.add_route("GET", "/{id}", done, name="e", each=[1, 2], dependencies=[Depends(pool, scope="run")])
    app.add_route("GET", "/b", done, name="b")
    result = app.run()
    assert [one.name for one in result.failed] == ["a", "e[0]", "e[1]"]
    assert (result["a"].stage, str(result["a"].error), result["b"].value) == ("dependency", "cannot close", "done")

    async def stream() -> list[str]:
        return [one.name async for one in app.stream()]

    assert sorted(asyncio.run(stream())) == ["a", "b", "e[0]", "e[1]"]


def test_each_place_that_fails_has_its_stage_and_the_rest_goes_on() -> None:
    """Dependency, hooks, middleware, validation, security, sending, status, handler."""

    class Broken(BaseMiddleware):
        async def request(self, method: str, url: str, kwargs: dict[str, Any]) -> Any:
            if url.endswith("/in"):
                raise LookupError("in")
            return 5 if url.endswith("/type") else None

        async def response(self, response: Response) -> Any:
            if response.url.endswith("/out"):
                raise LookupError("out")

    def raising() -> None:
        raise LookupError

    mock = MockTransport({"*/status": 500, "*/odd": OSError("odd"), "*": 200})
    app = make(mock, middleware=Broken())

    @app.on_request
    def on_request(route: Route, config: dict[str, Any]) -> None:
        if route.name == "hook":
            raise LookupError

    @app.on_response
    async def on_response(response: Response) -> None:
        if response.url.endswith("/hooked"):
            raise LookupError

    def handler(resp: Response) -> None:
        raise LookupError

    app.add_route("GET", "/dependency", done, name="dependency", dependencies=[raising])
    app.add_route("GET", "/x", done, name="hook")
    app.add_route("GET", "/hooked", done, name="hook-out")
    for name in ("in", "type", "out"):
        app.add_route("GET", f"/{name}", done, name=f"middleware-{name}")
    app.add_route("POST", "/x", done, name="validation", json={"a": "x"}, request_model=Number)
    app.add_route("GET", "/odd", done, name="request")
    app.add_route("GET", "/status", done, name="status", raise_for_status=True)
    app.add_route("GET", "/x", handler, name="handler")
    app.add_route("GET", "/x", done, name="fine")
    result = app.run()
    assert {name: each.stage for name, each in result.items()} == {
        name: (None if name == "fine" else name.partition("-")[0]) for name in result
    }  # fmt: skip
    assert {name for name, each in result.items() if each.attempts == 0} == {
        "dependency", "hook", "middleware-in", "middleware-type", "validation", "request",
    }  # fmt: skip
