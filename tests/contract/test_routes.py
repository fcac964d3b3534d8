"""Declaring routes: their options on the wire, their names, their URLs, `each=`, `after=`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from fasthttp.app import FastHTTP
from fasthttp.errors import BodyNotReplayable, InvalidURL, PrerequisiteFailed, UnsupportedScheme
from fasthttp.middleware import BaseMiddleware
from fasthttp.models import Request
from fasthttp.response import Response
from fasthttp.routing import Route, Router
from fasthttp.timeouts import Timeout
from fasthttp.transports import MockTransport

BASE = "http://api.test/v1"


def make(mock: MockTransport | None = None, base: str | None = BASE, **keywords: Any) -> FastHTTP:
    keywords.setdefault("log", "off")
    return FastHTTP(base, transport=mock or MockTransport(lambda request: {"path": request.target}), **keywords)


def path(resp: Response) -> Any:
    return resp.json()["path"]


def sent_by(app: FastHTTP, mock: MockTransport) -> Any:
    """The one request of a run."""
    mock.calls.clear()
    result = app.run()
    assert result[0].error is None
    (call,) = mock.calls
    return call


# --- what is sent


@pytest.mark.parametrize("verb", ["get", "head", "options", "post", "put", "patch", "delete", "query"])
def test_every_verb_takes_every_option_and_it_reaches_the_wire(verb: str) -> None:
    """Path, params, headers, credentials, body; the decorator takes the URL by keyword too."""
    mock = MockTransport(lambda request: 200)
    app = make(mock, headers={"X-App": "a"})

    def handler(resp: Response) -> str:
        return "done"

    declared = getattr(app, verb)(
        url="/items/{id}", path_params={"id": "a/b"}, params={"x": [1, 2]}, headers={"X-Own": "o", "X-App": None}, json={"k": 1},
        timeout=3, auth=("kim", "secret"), allow_redirects=True, tags=["t"], name="one", raise_for_status=True,
        responses={404: {"description": "gone"}}, response_model=None, request_model=None, dependencies=[], after=[],
        get_request={"headers": {"X-Get": "g"}}, post_request={"headers": {"X-Post": "p"}, "params": {"y": 3}},
    )(handler)  # fmt: skip
    assert declared is handler
    call = sent_by(app, mock)
    assert (call.method, call.url) == (verb.upper(), "http://api.test/v1/items/a%2Fb?y=3&x=1&x=2")
    assert [call.headers.get(name) for name in ("x-own", "x-app", "x-get", "x-post", "authorization", "content-type")] == [
        "o", None, "g", "p", "Basic a2ltOnNlY3JldA==", "application/json",
    ]  # fmt: skip
    assert call.body == b'{"k":1}'
    assert call.request.url == call.url


@pytest.mark.parametrize("value", [{}, [], 0, False, "", "x", 1.5, [1], True])
def test_every_json_value_is_sent(value: Any) -> None:
    """The falsy ones as well; only None means that there is no body."""
    mock = MockTransport(lambda request: 200)
    app = make(mock)
    app.add_route("POST", "/x", lambda: 1, json=value)
    call = sent_by(app, mock)
    assert (json.loads(call.body), call.headers["content-type"]) == (value, "application/json")


def test_bodies_of_other_kinds_are_sent() -> None:
    """Forms, bytes, text, iterables; a literal null is bytes with a content type."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    for data, headers, body, kind in (
        ({"a": 1, "b": [2, 3], "c": None}, None, b"a=1&b=2&b=3", "application/x-www-form-urlencoded"),
        (b"null", {"Content-Type": "application/json"}, b"null", "application/json"),
        ("text", None, b"text", None), (iter([b"x", b"y"]), None, b"xy", None), (pieces(), None, b"ab", None),
    ):  # fmt: skip
        mock = MockTransport(lambda request: 200)
        app = make(mock)
        app.add_route("POST", "/x", lambda: 1, data=data, headers=headers)
        call = sent_by(app, mock)
        assert call.body == body
        if kind is not None:
            assert call.headers["content-type"] == kind


def test_files_and_json_make_parts_of_both(tmp_path: Path) -> None:
    """Texts as they are, the rest as JSON, the files last; a missing file is the route's error, and nothing is sent."""
    (tmp_path / "f.txt").write_text("content")
    mock = MockTransport(lambda request: 200)
    app = make(mock)
    app.add_route("POST", "/x", lambda: 1, files={"f": tmp_path / "f.txt"}, json={"t": "x", "n": [1]})
    for _ in range(2):
        parts = sent_by(app, mock).body.split(b"--")
        fields = [part for part in parts if b"form-data" in part]
        assert [part.partition(b'name="')[2][:1] for part in fields] == [b"t", b"n", b"f"]
        assert b"Content-Type" not in fields[0]
        assert fields[0].strip().endswith(b"\r\n\r\nx")
        assert b"application/json" in fields[1]
        assert fields[1].strip().endswith(b"[1]")
        assert b"text/plain" in fields[2]
        assert fields[2].strip().endswith(b"content")
    missing = make(mock)
    missing.add_route("POST", "/x", lambda: 1, files={"f": tmp_path / "none.txt"})
    mock.calls.clear()
    result = missing.run()[0]
    assert (type(result.error), result.stage, result.attempts, mock.calls) == (FileNotFoundError, "request", 0, [])


def test_file_objects_are_rewound_and_what_cannot_be_is_an_error(tmp_path: Path) -> None:
    """The second run sends the same bytes; an iterator that was read once is `BodyNotReplayable`."""
    (tmp_path / "f.bin").write_bytes(b"12345")
    mock = MockTransport(lambda request: 200)
    with (tmp_path / "f.bin").open("rb") as file:
        app = make(mock)
        app.add_route("POST", "/x", lambda: 1, files={"f": file})
        assert b"12345" in sent_by(app, mock).body
        assert b"12345" in sent_by(app, mock).body
    app = make(mock)
    app.add_route("POST", "/x", lambda: 1, data=iter([b"once"]))
    assert sent_by(app, mock).body == b"once"
    assert isinstance(app.run()[0].error, BodyNotReplayable)


@pytest.mark.parametrize(("options", "error", "message"), [
    ({"json": 1, "data": b"x"}, ValueError, "exclude each other"),
    ({"json": [1], "files": {"f": b"x"}}, ValueError, "must be a mapping"),
    ({"json": {"a": [object()]}}, TypeError, r"\$\.a\[0\]"),
    ({"tmeout": 3}, TypeError, "unexpected keyword argument 'tmeout'; did you mean 'timeout'"),
    ({"get_reqest": {}}, TypeError, "did you mean 'get_request'"),
    ({"get_request": {"header": {}}}, TypeError, "unknown key 'header'"),
    ({"get_request": 5}, TypeError, "takes a mapping"),
    ({"timeout": -1}, ValueError, "timeout"),
    ({"path_params": {"x": 1}}, ValueError, "'x'"),
    ({"path_params": 5}, TypeError, "path_params= takes"),
    ({"each": 5}, TypeError, "each= takes an iterable"),
    ({"after": "name"}, TypeError, "after= takes a sequence"),
    ({"responses": {"404": None}}, ValueError, "'404'"),
    ({"dependencies": lambda: None}, TypeError, "dependencies= takes a sequence"),
])  # fmt: skip
def test_wrong_options_are_refused_at_decoration(options: dict[str, Any], error: type[Exception], message: str) -> None:
    """On apps and routers alike; the route is not registered."""
    for target in (make(), Router()):
        with pytest.raises(error, match=message):
            target.post("/x", **options)(path)
        assert target.routes == []


def test_unknown_keywords_are_named_with_the_closest_known_one() -> None:
    """Of the app, of routers, of GraphQL operations and event streams."""
    with pytest.raises(TypeError, match=r"FastHTTP\(\) got an unexpected keyword argument 'base_ur'; did you mean 'base_url'"):
        FastHTTP(base_ur="x")
    with pytest.raises(TypeError, match=r"Router\(\) got an unexpected keyword argument 'prefx'; did you mean 'prefix'"):
        Router(prefx="/x")
    with pytest.raises(TypeError, match="did you mean 'headers'"):
        make().graphql("/x", header={})
    with pytest.raises(TypeError, match="did you mean 'reconnect'"):
        make().sse("/x", reconect=True)
    with pytest.raises(TypeError):
        FastHTTP("http://a.test", {})  # type: ignore[call-arg]


# --- precedence


def test_the_nearest_level_wins() -> None:
    """App, app by verb, route by verb, route, dependency, hook, middleware: each takes over one more name."""

    def of(level: str, *names: str) -> dict[str, str]:
        return dict.fromkeys(names, level)

    order = ["app", "verb", "route-verb", "route", "dependency", "hook", "middleware"]
    names = [f"x-{index}" for index in range(7)]

    class Last(BaseMiddleware):
        async def request(self, method: str, url: str, kwargs: dict[str, Any]) -> dict[str, Any]:
            kwargs["headers"].update(of("middleware", names[6]))
            kwargs["params"].update(of("middleware", *names[6:]))
            return kwargs

    mock = MockTransport(lambda request: 200)
    app = make(
        mock,
        headers=of("app", *names),
        get_request={"headers": of("verb", *names[1:]), "params": of("verb", *names[1:])},
        post_request={"headers": of("wrong", *names)},
        middleware=Last(),
    )

    def depend(route: Route, config: dict[str, Any]) -> dict[str, Any]:
        return {"headers": of("dependency", *names[4:]), "params": of("dependency", *names[4:])}

    @app.on_request
    def hook(route: Route, config: dict[str, Any]) -> None:
        config["headers"].update(of("hook", *names[5:]))
        config["params"].update(of("hook", *names[5:]))

    app.get(
        "/x", get_request={"headers": of("route-verb", *names[2:]), "params": of("route-verb", *names[2:])},
        headers={name.upper(): "route" for name in names[3:]}, params=of("route", *names[3:]), dependencies=[depend],
    )(lambda: 1)  # fmt: skip
    call = sent_by(app, mock)
    assert [call.headers[name] for name in names] == order
    assert call.url.partition("?")[2] == "&".join(f"{name}={level}" for name, level in list(zip(names, order, strict=True))[1:])


@pytest.mark.parametrize(("app_options", "options", "limit"), [
    ({}, {}, Timeout(30, connect=10)),
    ({"timeout": 5}, {}, Timeout.from_value(5)),
    ({"timeout": 5, "get_request": {"timeout": 4}}, {}, Timeout.from_value(4)),
    ({"timeout": 5, "post_request": {"timeout": 4}}, {}, Timeout.from_value(5)),
    ({"get_request": {"timeout": 4}}, {"post_request": {"timeout": 3}}, Timeout.from_value(3)),
    ({"get_request": {"timeout": 4}}, {"get_request": {"timeout": 3}, "timeout": 2}, Timeout.from_value(2)),
    ({"timeout": 5}, {"timeout": None}, Timeout.from_value(None)),
])  # fmt: skip
@pytest.mark.parametrize("watched", [False, True])
def test_the_timeout_of_the_nearest_level_applies(app_options: Any, options: Any, limit: Timeout, watched: bool) -> None:
    """Whether or not somebody's code looks at the request before."""
    app = make(MockTransport(lambda request: 200), **app_options)
    configs: list[Any] = []
    if watched:
        app.on_request(lambda route, config: configs.append(config["timeout"]))
    app.get("/x", **options)(lambda: 1)
    assert app.run().ok
    if watched:
        assert Timeout.from_value(configs[0]) == limit
    else:
        plan = app._plan(app._placed()[0])
        assert Timeout.from_value(plan.settings.get("timeout", app.timeout)) == limit


def test_a_header_that_was_taken_out_of_the_config_is_not_sent() -> None:
    """Also one of the app's; and what a dependency edits in a body is that request's only."""
    mock = MockTransport(lambda request: 200)
    app = make(mock, headers={"X-App": "a", "X-Kept": "k"})
    body: dict[str, Any] = {"list": [1], "inner": {}}

    def edit(config: dict[str, Any]) -> None:
        del config["headers"]["X-App"]
        config["json"]["list"].append(2)
        config["json"]["inner"]["x"] = 1

    app.post("/x", json=body, dependencies=[edit])(lambda: 1)
    for _ in range(2):
        call = sent_by(app, mock)
        assert ("x-app" in call.headers, call.headers["x-kept"]) == (False, "k")
        assert call.json() == {"list": [1, 2], "inner": {"x": 1}}
    assert body == {"list": [1], "inner": {}}


def test_what_is_assigned_to_the_copy_of_a_route_is_sent_and_changes_nothing_else() -> None:
    """Params, headers, body, timeout, credentials; method and URL cannot be assigned."""
    mock = MockTransport(lambda request: 200)
    app = make(mock)

    def assign(route: Route, config: dict[str, Any]) -> None:
        assert (route.name, route.method, route.url, route.kind, route.path_params) == ("x", "POST", f"{BASE}/u/5", "http", {"id": 5})
        assert (route.tags, route.skip_request, route.results) == (("t",), False, {})
        route.params["b"] = 2
        del route.params["gone"]
        route.headers = {"X-New": "n"}
        route.json = {"new": True}
        route.auth = ("a", "b")
        for name in ("method", "url"):
            with pytest.raises(AttributeError):
                setattr(route, name, "x")

    app.post(
        "/u/{id}", path_params={"id": 5}, params={"a": 1, "gone": 1}, headers={"X-Old": "o"}, json={"old": 1}, name="x", tags=["t"],
        dependencies=[assign],
    )(lambda: 1)  # fmt: skip
    for _ in range(2):
        call = sent_by(app, mock)
        assert (call.url, call.json(), call.headers["x-new"]) == (f"{BASE}/u/5?a=1&b=2", {"new": True}, "n")
        assert "x-old" not in call.headers
        assert call.headers["authorization"].startswith("Basic ")
    assert (app.routes[0].params, app.routes[0].json) == ({"a": 1, "gone": 1}, {"old": 1})


# --- URLs


def test_relative_urls_without_a_base_are_listed_in_one_error() -> None:
    """Routers' included; nothing is sent, and a base that a lifespan sets comes in time."""
    mock = MockTransport(lambda request: 200)
    app = make(mock, base=None)
    app.add_route("GET", "/me", path, name="get_me")
    app.add_route("GET", "http://a.test/fine", path, name="fine")
    router = Router(prefix="/r")
    router.add_route("GET", "x", path, name="inner")
    app.include_router(router)
    with pytest.raises(ValueError) as caught:
        app.run()
    assert str(caught.value).splitlines() == [
        "Relative URL requires base_url: '/me' (route 'get_me')",
        "Relative URL requires base_url: '/r/x' (route 'inner')",
    ]
    assert mock.calls == []
    app.base_url = "b.test"
    assert [each.url for each in app.run().values()] == ["https://b.test/me", "http://a.test/fine", "https://b.test/r/x"]


@pytest.mark.parametrize(("url", "error"), [
    ("ftp://a.test/x", UnsupportedScheme), ("mailto:x", UnsupportedScheme), ("/a\r\nb", InvalidURL), ("http://a.test:99999", InvalidURL),
])  # fmt: skip
def test_urls_that_can_never_be_sent_are_refused_at_decoration(url: str, error: type[Exception]) -> None:
    """All of these errors are `ValueError`s."""
    assert issubclass(error, ValueError)
    with pytest.raises(error):
        make().get(url)(path)


# --- templates, each


def test_templates_are_checked_at_decoration() -> None:
    """Missing and surplus names; a router's own prefix is looked at as well."""
    for url, values in (("/u/{id}", None), ("/u/{id}", {"x": 1}), ("/u/{id}", {"id": 1, "x": 2}), ("/u", {"id": 1})):
        with pytest.raises(ValueError, match="path_params"):
            make().get(url, path_params=values)(path)
    router = Router(prefix="/orgs/{org}")
    with pytest.raises(ValueError, match="'org'"):
        router.get("/x")(path)
    router.get("/u/{id}", path_params={"org": "a b", "id": 1})(path)
    app = make()
    app.include_router(router)
    assert app.run()[0].value == "/v1/orgs/a%20b/u/1"


def test_each_item_is_a_route_of_its_own() -> None:
    """Values of the one field, or mappings merged over the route's own options."""
    mock = MockTransport(lambda request: {"path": request.target})
    app = make(mock)
    app.get("/users/{id}", each=range(2000))(path)
    result = app.run()
    assert len(result) == 2000
    assert list(result)[:2] == ["path[0]", "path[1]"]
    assert [each.value for each in result.group("path")] == [f"/v1/users/{index}" for index in range(2000)]
    assert result.group("nothing") == []
    items = [
        {"path_params": {"id": "a/b"}, "params": {"y": 2}, "headers": {"X-A": None, "X-B": "2"}, "json": {"k": 2}},
        {"path_params": {"id": 2}},
    ]
    for dependencies in ([], [lambda: None]):
        mock.calls.clear()
        app = make(mock)
        app.add_route(
            "POST", "/{org}/{id}", path, name="x", path_params={"org": "o"}, params=[("x", 1)], headers={"X-A": "1"}, json={"j": 1},
            each=items, dependencies=dependencies,
        )  # fmt: skip
        assert app.run().ok
        first, second = mock.calls
        assert (first.url, first.json()) == (f"{BASE}/o/a%2Fb?x=1&y=2", {"j": 1, "k": 2})
        assert ("x-a" in first.headers, first.headers["x-b"], second.headers["x-a"]) == (False, "2", "1")
        assert (second.url, second.json()) == (f"{BASE}/o/2?x=1", {"j": 1})


def test_items_that_fit_no_request_are_errors_of_their_own() -> None:
    """The others go on; a value may stand for the only field that has none yet."""
    mock = MockTransport(lambda request: {"path": request.target})
    app = make(mock)
    app.add_route("GET", "/u/{id}", path, name="a", each=["x", "", {"params": {}}, {"other": 1}])
    app.add_route("GET", "/plain", path, name="b", each=[1])
    app.add_route("GET", "/{org}/{id}", path, name="c", path_params={"org": "o"}, each=[7])
    app.add_route("GET", "/{id}", path, name="d", path_params=lambda route: {"wrong": 1})
    result = app.run()
    assert [name for name, each in result.items() if each.ok] == ["a[0]", "c[0]"]
    assert result["c[0]"].value == "/v1/o/7"
    assert {type(each.error) for each in result.failed} == {ValueError}
    assert len(mock.calls) == 2


def test_a_stream_reads_each_lazily() -> None:
    """Never far ahead of what is under way; `run` reads it when it starts."""
    read: list[int] = []

    def numbers() -> Iterator[int]:
        for index in range(100_000):
            read.append(index)
            yield index

    app = make(concurrency=5)
    app.get("/{id}", each=numbers())(path)

    async def main() -> None:
        count = 0
        async with aclosing(app.stream()) as results:
            async for _ in results:
                count += 1
                assert len(read) <= count + 3 * 5
                if count == 50:
                    break

    asyncio.run(main())


# --- after


def test_what_comes_after_another_gets_its_results() -> None:
    """Values go into headers, params, path and body; the order holds, and a list stands for `each=`."""
    order: list[str] = []

    def answer(request: Request) -> Any:
        order.append(request.target)
        return {"path": request.target}

    mock = MockTransport(answer)
    app = make(mock)

    @app.get(
        "/{id}", each=range(3), after=["login", "many"], headers=lambda route: {"X-T": route.results["login"].value},
        params=lambda route: {"n": len(route.results["many"])},
    )  # fmt: skip
    def user(resp: Response) -> Any:
        return path(resp)

    @app.post("/login")
    def login(resp: Response) -> str:
        return "token"

    app.add_route("GET", "/m/{id}", lambda resp: 1, name="many", each=range(2), after=[login])
    app.add_route(
        "POST", "/b/{x}", lambda resp: 1, name="body", after=[user], json=lambda route: [one.value for one in route.results["user"]],
        path_params=lambda route: {"x": "p"},
    )  # fmt: skip
    result = app.run()
    assert result.ok
    assert order[0] == "/v1/login"
    assert sorted(order[1:3]) == ["/v1/m/0", "/v1/m/1"]
    assert sorted(order[3:6]) == ["/v1/0?n=2", "/v1/1?n=2", "/v1/2?n=2"]
    assert [call.headers["x-t"] for call in mock.calls[3:6]] == ["token"] * 3
    assert mock.calls[6].json() == ["/v1/0?n=2", "/v1/1?n=2", "/v1/2?n=2"]
    assert list(result) == ["user[0]", "user[1]", "user[2]", "login", "many[0]", "many[1]", "body"]

    async def stream() -> list[str]:
        return [one.name async for one in app.stream()]

    order.clear()
    names = asyncio.run(stream())
    assert sorted(names) == sorted(result)
    assert (order[0], order[-1]) == ("/v1/login", "/v1/b/p")


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_nothing_to_wait_for_is_waited_for(streamed: bool, first: bool) -> None:
    """An empty `each=` lets the next begin, and each route begins once, wherever it stands among many others."""
    app = make(concurrency=2)
    if first:
        app.add_route("GET", "/after", path, name="after", after=["none", "fast"])
    app.add_route("GET", "/fast", path, name="fast")
    app.add_route("GET", "/{id}", path, name="none", each=[])
    for index in range(20):
        app.add_route("GET", f"/{index}", path, name=f"r{index}")
    if not first:
        app.add_route("GET", "/after", path, name="after", after=["none", "fast"])

    async def stream() -> list[str]:
        return [one.name async for one in app.stream()]

    names = asyncio.run(stream()) if streamed else list(app.run())
    assert sorted(names) == sorted(["after", "fast", *(f"r{index}" for index in range(20))])


def test_a_prerequisite_that_failed_keeps_the_route_from_being_sent() -> None:
    """And those that come after that one; the cause is attached."""
    mock = MockTransport({"*/login": 401, "*": 200})
    app = make(mock)
    app.add_route("GET", "/login", lambda: 1, name="login", each=None)
    app.add_route("GET", "/user", lambda: 1, name="user", after=["login"])
    app.add_route("GET", "/third", lambda: 1, name="third", after=["user"])
    app.add_route("GET", "/other", lambda: 1, name="other")
    result = app.run()
    assert [call.url for call in mock.calls] == [f"{BASE}/login", f"{BASE}/other"]
    user = result["user"]
    assert isinstance(user.error, PrerequisiteFailed)
    assert "'login'" in str(user.error)
    assert "401" in str(user.error)
    assert user.error.__cause__ is result["login"].error
    assert (user.stage, user.attempts, user.status, user.value) == ("prerequisite", 0, None, None)
    assert (result["third"].stage, result["other"].ok) == ("prerequisite", True)


def test_tags_select_prerequisites_too_and_faults_in_the_order_are_refused() -> None:
    """Unknown names and circles, before anything is sent."""
    mock = MockTransport(lambda request: 200)
    app = make(mock)
    app.add_route("GET", "/a", lambda: 1, name="a")
    app.add_route("GET", "/b", lambda: 1, name="b", after=["a"])
    app.add_route("GET", "/c", lambda: 1, name="c", after=["b"], tags=["t"])
    app.add_route("GET", "/d", lambda: 1, name="d")
    assert list(app.run("t")) == ["a", "b", "c"]
    mock.calls.clear()
    for url, name, after in (("/e", "e", ["nobody"]), ("/f", "f", [path])):
        other = make(mock)
        other.add_route("GET", url, lambda: 1, name=name, after=after)
        with pytest.raises(ValueError, match=f"'{name}' comes after .* no route"):
            other.run()
    circle = make(mock)
    for name, needed in (("x", "y"), ("y", "z"), ("z", "x")):
        circle.add_route("GET", f"/{name}", lambda: 1, name=name, after=[needed])
    with pytest.raises(ValueError, match="circle: x → y → z → x"):
        circle.run()
    assert mock.calls == []
