"""Which operation a path means: order, convertors, redirects, methods, mounts, hosts."""

from __future__ import annotations

import random
import time
import uuid
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Host, Mount, NoMatchFound, Route

from FasterAPI import APIRouter, FastAPI, Faster, TestClient
from tests.contract.raw_asgi import body_of, exchange, headers_of, status_of


def naming(name: str) -> Any:
    """An operation that tells its name and the parameters of the path."""

    async def operation(request: Request) -> Any:
        return {"route": name, **{key: str(value) for key, value in request.path_params.items()}}

    return operation


def serving(*paths: str, cls: type[Faster] = Faster, **options: Any) -> Faster:
    app = cls(openapi_url=None, **options)
    for path in paths:
        app.get(path)(naming(path))
    return app


def answer(app: Any, path: str, method: str = "GET") -> Any:
    with TestClient(app) as client:
        response = client.request(method, path, follow_redirects=False)
        return response.json() if response.status_code == 200 else response.status_code


def test_a_parameter_before_a_literal_hides_it_and_after_it_does_not() -> None:
    """The order of registration decides, whatever is more specific."""
    assert answer(serving("/u/{id}", "/u/me"), "/u/me") == {"route": "/u/{id}", "id": "me"}
    assert answer(serving("/u/me", "/u/{id}"), "/u/me") == {"route": "/u/me"}


def test_the_first_of_two_equal_routes_is_kept() -> None:
    """The second is never reached."""
    app = Faster()
    app.get("/x")(naming("first"))
    app.get("/x")(naming("second"))
    assert answer(app, "/x") == {"route": "first"}


def test_a_literal_that_leads_nowhere_is_left_for_a_parameter() -> None:
    """A longer path that begins with a literal's text still reaches the route whose parameter takes it."""
    app = serving("/users/me", "/users/{id}/posts")
    assert answer(app, "/users/me/posts") == {"route": "/users/{id}/posts", "id": "me"}


def test_parameter_names_belong_to_their_route() -> None:
    """Two routes may call the same place by different names, and signs of the template language in a request are text."""
    app = serving("/u/{id}/a", "/u/{user_id}/b", "/i/{id}")
    assert answer(app, "/u/1/a") == {"route": "/u/{id}/a", "id": "1"}
    assert answer(app, "/u/1/b") == {"route": "/u/{user_id}/b", "user_id": "1"}
    for text in ("*", "{id}", ":", "{", "}"):
        sent = exchange(app, path=f"/i/{text}")
        assert (status_of(sent), body_of(sent).decode()) == (200, f'{{"route":"/i/{{id}}","id":"{text}"}}')


@pytest.mark.parametrize(("template", "path", "found"), [
    ("/{x:int}", "/12", "12"), ("/{x:int}", "/-1", 404), ("/{x:int}", "/1.0", 404), ("/{x:int}", "/a", 404),
    ("/{x:float}", "/1.5", "1.5"), ("/{x:float}", "/2", "2.0"), ("/{x:float}", "/a", 404),
    ("/{x:uuid}", "/8d5a0d9e-3f0f-4d3e-9d5e-1c1f3a1a0b11", "8d5a0d9e-3f0f-4d3e-9d5e-1c1f3a1a0b11"), ("/{x:uuid}", "/8d5a", 404),
    ("/{x:path}", "/a/b//c", "a/b//c"), ("/{x:path}", "/", ""), ("/{x}", "/a/b", 404), ("/{x:str}", "/a", "a"),
    ("/img/{x}.png", "/img/cat.png", "cat"), ("/img/{x}.png", "/img/cat.jpg", 404),
])  # fmt: skip
def test_a_convertor_decides_what_fits(template: str, path: str, found: Any) -> None:
    """What does not is no match, not an invalid value."""
    result = answer(serving(template, redirect_slashes=False), path)
    assert (result["x"] if isinstance(result, dict) else result) == found


def test_a_value_outside_a_convertor_is_left_for_the_next_route() -> None:
    """While a type annotation that does not fit is a fault of the request."""
    app = serving("/{x:int}", "/{y}")
    assert [answer(app, path) for path in ("/5", "/a")] == [{"route": "/{x:int}", "x": "5"}, {"route": "/{y}", "y": "a"}]

    typed = Faster()

    @typed.get("/{number}")
    async def typed_operation(number: int) -> int:
        return number

    typed.get("/{text:str}")(naming("never"))
    assert answer(typed, "/a") == 422


def test_a_segment_may_have_several_parameters() -> None:
    """With text between them."""
    assert answer(serving("/v{major}.{minor}"), "/v1.2") == {"route": "/v{major}.{minor}", "major": "1", "minor": "2"}


def test_convertors_can_be_added() -> None:
    """Those registered with Starlette serve both ways: in paths of requests and in paths that are built."""

    class Hex(Convertor[int]):
        regex = "[0-9a-f]+"

        def convert(self, value: str) -> int:
            return int(value, 16)

        def to_string(self, value: int) -> str:
            return f"{value:x}"

    register_url_convertor("hex", Hex())
    app = Faster()

    @app.get("/c/{colour:hex}", name="colour")
    async def colour(colour: int) -> int:
        return colour

    assert (answer(app, "/c/ff"), answer(app, "/c/xyz")) == (255, 404)
    assert app.url_path_for("colour", colour=255) == "/c/ff"


def test_typed_values_of_convertors_reach_the_operation() -> None:
    """A parameter that the function does not take is still among the path parameters of the request."""
    app = Faster()

    @app.get("/{day:int}/{key:uuid}/{rest:path}")
    async def read(key: uuid.UUID, request: Request) -> Any:
        return [type(request.path_params["day"]).__name__, key.version, request.path_params["rest"]]

    assert answer(app, "/3/8d5a0d9e-3f0f-4d3e-9d5e-1c1f3a1a0b11/a/b") == ["int", 4, "a/b"]


def test_paths_are_not_normalised() -> None:
    """Empty segments and dots are text like any other."""
    app = serving("/admin/x", "/a/{name}", redirect_slashes=False)
    for path in ("//admin///x/", "/admin//x", "//admin/x", "/admin/./x", "/b/../admin/x", "/admin/x/"):
        assert (path, status_of(exchange(app, path=path))) == (path, 404)
    assert b'"name":".."' in body_of(exchange(app, path="/a/.."))


def test_an_encoded_slash_separates_segments() -> None:
    """The server has decoded it before anything is compared."""
    app = serving("/{a}", "/{a}/{b}")
    assert answer(app, "/x%2Fy") == {"route": "/{a}/{b}", "a": "x", "b": "y"}
    assert answer(app, "/%C3%A9") == {"route": "/{a}", "a": "é"}


def test_random_paths_find_what_starlette_finds() -> None:
    """Route, parameters and status, over templates that overlap in every way."""
    templates = [
        "/", "/a", "/a/", "/a/{x}", "/{x}/a", "/a/b", "/{x}/{y}", "/a/{x}/c", "/{x:int}/b", "/a/{x:path}", "/b{x}", "/b/{x}.txt",
        "/{x}/b/{y:int}", "/c/{x:path}/end", "/{x}/", "/a/b/c/{z}", "/{x:float}", "//a", "/{x}{y:int}",
    ]  # fmt: skip
    chance = random.Random(7)

    def telling(path: str) -> Any:
        async def endpoint(request: Request) -> JSONResponse:
            return JSONResponse({"route": path, **{key: str(value) for key, value in request.path_params.items()}})

        return endpoint

    segments = ["", "a", "b", "c", "1", "2.5", "bc", "b.txt", "end", ".", "é", "x"]
    for _ in range(6):
        chosen = chance.sample(templates, 12)
        theirs = Starlette(routes=[Route(path, telling(path)) for path in chosen])
        ours = serving(*chosen, cls=FastAPI)
        for _ in range(150):
            path = "/" + "/".join(chance.choices(segments, k=chance.randint(0, 4)))
            if path.startswith("//"):  # these are never redirected here
                continue
            results = []
            for app in (ours, theirs):
                sent = exchange(app, path=path)
                found = body_of(sent) if status_of(sent) == 200 else headers_of(sent).get(b"location")
                results.append((status_of(sent), found))
            assert results[0] == results[1], (chosen, path)


# --- slashes


@pytest.mark.parametrize(("template", "path", "location"), [
    ("/x", "/x/", b"http://shop.test/x?q=1%20"), ("/x/", "/x", b"http://shop.test/x/?q=1%20"),
    ("/{name}/", "/caf\u00e9 x", b"http://shop.test/caf%C3%A9%20x/?q=1%20"), ("/x/{rest}", "/x/y/", b"http://shop.test/x/y?q=1%20"),
])  # fmt: skip
def test_a_path_that_misses_by_its_last_slash_is_redirected(template: str, path: str, location: bytes) -> None:
    """To an absolute address with the path quoted again and the query as it was; the method stays."""
    sent = exchange(serving(template), path=path, query=b"q=1%20", headers=[(b"host", b"shop.test")])
    assert (status_of(sent), headers_of(sent)[b"location"]) == (307, location)


def test_slashes_can_be_left_alone() -> None:
    """Then such a path is unknown."""
    assert answer(serving("/x", redirect_slashes=False), "/x/") == 404


def test_no_redirect_leads_to_another_host() -> None:
    """A path that begins with two slashes would, as an address; it is not redirected at all."""
    app = serving("/{a}/{b}", "/{rest:path}/end")
    for path in ("//evil.test/x/", "//evil.test/", "//evil.test/a/end/"):
        sent = exchange(app, path=path, headers=[(b"host", b"shop.test")])
        assert b"location" not in headers_of(sent), path
    assert answer(serving("/x"), "/") == 404


# --- methods


def test_allow_names_every_method_of_a_path() -> None:
    """Of all its routes, sorted; the subclass with the target's name tells those of the first route that fits."""
    for cls, allow in ((Faster, "DELETE, GET, POST"), (FastAPI, "GET")):
        app = cls()
        app.get("/x/{a}")(naming("a"))
        app.api_route("/x/{b}", methods=["POST", "DELETE"])(naming("b"))
        with TestClient(app) as client:
            response = client.put("/x/1")
            assert (response.status_code, response.headers["allow"], response.json()) == (405, allow, {"detail": "Method Not Allowed"})
            assert client.options("/x/1").status_code == 405


def test_head_has_the_headers_of_get_and_no_body() -> None:
    """A route of its own for HEAD comes first."""
    app = Faster()

    @app.get("/x")
    async def read() -> Any:
        return PlainTextResponse("hello", headers={"x-a": "1"})

    @app.head("/y")
    async def own() -> Any:
        return PlainTextResponse("", headers={"x-own": "1"})

    @app.get("/y")
    async def get_y() -> str:
        return "y"

    sent = exchange(app, "HEAD", "/x")
    assert (status_of(sent), headers_of(sent)[b"content-length"], headers_of(sent)[b"x-a"], body_of(sent)) == (200, b"5", b"1", b"")
    assert headers_of(exchange(app, "HEAD", "/y"))[b"x-own"] == b"1"
    assert headers_of(exchange(app, "GET", "/y")).get(b"x-own") is None


def test_any_token_is_a_method() -> None:
    """And methods are compared exactly."""
    app = Faster()
    app.api_route("/x", methods=["PURGE", "report"])(naming("x"))
    assert [status_of(exchange(app, method, "/x")) for method in ("PURGE", "REPORT", "purge", "GET")] == [200, 200, 405, 405]


@pytest.mark.parametrize("verb", ["get", "put", "post", "delete", "options", "head", "patch", "trace"])
def test_there_is_a_decorator_for_each_verb(verb: str) -> None:
    """On applications and routers; it gives the function back, and answers its own method only."""
    app, router = Faster(auto_head=False), APIRouter()
    operation = naming(verb)
    assert getattr(app, verb)("/a")(operation) is operation
    assert getattr(router, verb)("/b")(operation) is operation
    app.include_router(router)
    for path in ("/a", "/b"):
        assert status_of(exchange(app, verb.upper(), path)) == 200
        assert status_of(exchange(app, "PURGE", path)) == 405


# --- mounts, hosts, names


def test_a_mount_takes_what_is_below_its_prefix() -> None:
    """The application in it sees where it stands; what is not below goes on to later routes."""

    async def show(scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse({"root": scope["root_path"], "path": scope["path"]})(scope, receive, send)

    app = Faster(openapi_url=None)
    app.mount("/static", show, name="static")
    app.get("/staticfiles")(naming("after"))
    app.get("/static/x")(naming("hidden"))
    assert answer(app, "/static/x") == {"root": "/static", "path": "/static/x"}
    assert answer(app, "/staticfiles") == {"route": "after"}


def test_a_mount_at_the_root_takes_the_rest() -> None:
    """Only what nothing before it took."""
    for prefix in ("", "/"):
        below = serving("/{x}")
        app = Faster(openapi_url=None)
        app.get("/own")(naming("own"))
        app.mount(prefix, below)
        assert [answer(app, path) for path in ("/own", "/other")] == [{"route": "own"}, {"route": "/{x}", "x": "other"}]


def test_hosts_are_matched_without_port_and_case() -> None:
    """A part of the name may be a parameter."""
    app = Faster(openapi_url=None, routes=[Host("api.shop.test", serving("/x")), Host("{sub}.shop.test", serving("/y"))])
    for host, path, status in (("api.shop.test", "/x", 200), ("API.shop.test:8080", "/x", 200), ("api.shop.test", "/y", 404),
                               ("eu.shop.test", "/y", 200), ("shop.test", "/x", 404)):  # fmt: skip
        assert (host, path, status_of(exchange(app, path=path, headers=[(b"host", host.encode())]))) == (host, path, status)


def test_addresses_are_built_by_name() -> None:
    """Through mounts and convertors; a name or parameter that there is not is told."""
    app = Faster()

    @app.get("/books/{title}")
    async def book(title: str, request: Request) -> str:
        return str(request.url_for("book", title="ab"))

    app.get("/named/{x:int}", name="other")(naming("x"))
    inner = Faster()
    inner.get("/pages/{page}", name="page")(naming("page"))
    app.mount("/inner", inner, name="inner")
    assert app.url_path_for("book", title="x") == "/books/x"
    assert app.url_path_for("other", x=3) == "/named/3"
    assert app.url_path_for("inner:page", page="7") == "/inner/pages/7"
    assert answer(app, "/books/x") == "http://testserver/books/ab"
    for name, parameters in (("nobody", {}), ("book", {}), ("book", {"title": "x", "more": "y"})):
        with pytest.raises(NoMatchFound, match=name):
            app.url_path_for(name, **parameters)


def test_ready_routes_of_starlette_are_served() -> None:
    """Functions, mounts and endpoint classes beside operations, in their order."""

    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse("page")

    app = Faster(routes=[Route("/page", page, methods=["GET", "POST"]), Mount("/sub", routes=[Route("/x", page)])])
    app.add_route("/added", page)

    @app.route("/decorated")
    async def decorated(request: Request) -> PlainTextResponse:
        return PlainTextResponse("decorated")

    with TestClient(app) as client:
        assert [client.get(path).text for path in ("/page", "/sub/x", "/added", "/decorated")] == ["page", "page", "page", "decorated"]
        assert client.post("/page").text == "page"
        assert client.delete("/page").status_code == 405


def test_the_scope_tells_what_was_found() -> None:
    """Application, router, route, endpoint and parameters, on the short way and on the long one."""
    app = Faster()
    seen: list[Any] = []

    class Watch:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            await self.app(scope, receive, send)
            seen.append(scope)

    @app.get("/x/{a}")
    async def operation(a: str, request: Request) -> None: ...

    app.add_middleware(Watch)
    exchange(app, path="/x/1")
    [scope] = seen
    assert (scope["app"], scope["router"], scope["endpoint"], scope["path_params"]) == (app, app.router, operation, {"a": "1"})
    assert scope["route"].path == "/x/{a}"


def test_looking_up_a_route_costs_the_same_among_thousands() -> None:
    """The last of them answers in no more than five times what the only one takes."""

    def cost(count: int) -> float:
        app = Faster(openapi_url=None)
        for number in range(count):
            app.router.add_route(f"/r{number}/{{x}}/end", naming("x"))
        index, path = app.router.index(), f"/r{count - 1}/5/end"
        best = 1.0
        for _ in range(5):
            start = time.perf_counter()
            for _ in range(200):
                assert len(list(index.candidates(path))) == 1
            best = min(best, time.perf_counter() - start)
        return best

    assert cost(2_000) < 5 * cost(1)


def test_many_overlapping_parameters_do_not_explode() -> None:
    """Two hundred routes whose segments may each be literal or parameter, and a path that fits none of them."""
    app = Faster(openapi_url=None)
    for number in range(200):
        parts = [f"{{p{place}}}" if (number >> place % 8) & 1 else "a" for place in range(24)]
        app.get("/" + "/".join(parts) + f"/end{number}")(naming("x"))
    start = time.perf_counter()
    assert status_of(exchange(app, path="/" + "/".join(["a"] * 24) + "/nowhere")) == 404
    assert time.perf_counter() - start < 2
