"""The application as a whole: options, schema and its pages, front ends, the target's name, the test client."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import pydantic
import pytest
from starlette.applications import Starlette

import FasterAPI
from FasterAPI import (
    APIRouter,
    Depends,
    FastAPI,
    Faster,
    HTTPException,
    PlainTextResponse,
    Request,
    StaticFiles,
    StreamingResponse,
    TestClient,
)
from FasterAPI.openapi.utils import get_openapi


def python(text: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(text)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_loads_nothing() -> None:
    """The root knows its names and loads their modules when they are used; all names of its list exist."""
    loaded = python("""
        import sys, FasterAPI
        print([name for name in ("msgspec", "starlette", "pydantic", "ssl", "asyncio", "fasthttp") if name in sys.modules])
    """)
    assert loaded == "[]"
    for name in FasterAPI.__all__:
        assert getattr(FasterAPI, name) is getattr(FasterAPI, name)
    assert set(FasterAPI.__all__) <= set(dir(FasterAPI))


def test_names_of_two_places_are_one_object() -> None:
    """Root and home; there is no module of another case."""
    from FasterAPI import applications, background, params, responses, routing

    assert FasterAPI.FastAPI is applications.FastAPI
    assert FasterAPI.JSONResponse is responses.JSONResponse
    assert FasterAPI.Query is params.Query
    assert FasterAPI.APIRouter is routing.APIRouter
    assert FasterAPI.BackgroundTasks is background.BackgroundTasks
    assert "fasterapi" not in {path.name for path in Path(FasterAPI.__file__).parent.parent.iterdir()}


def test_what_cannot_be_is_told() -> None:
    """Arguments by position, and scopes that are none."""
    with pytest.raises(TypeError, match="positional"):
        Faster("title")  # type: ignore
    with pytest.raises(RuntimeError, match="scope type 'gopher'"):
        asyncio.run(Faster()({"type": "gopher"}, None, None))  # type: ignore[arg-type]


def test_the_schema_describes_the_application() -> None:
    """Its title, version, servers and tags, names of one's own; the subclass has the target's defaults."""
    app = Faster(
        title="Shelf", version="2", summary="s", description="d", terms_of_service="https://t.test", contact={"name": "n"},
        license_info={"name": "MIT"}, servers=[{"url": "https://shelf.test"}], openapi_tags=[{"name": "books"}],
        openapi_external_docs={"url": "https://d.test/"}, x_logo="l",
    )  # fmt: skip
    schema = app.openapi()
    assert schema["openapi"] == "3.1.0"
    assert schema["info"] == {
        "title": "Shelf", "version": "2", "summary": "s", "description": "d", "termsOfService": "https://t.test", "contact": {"name": "n"},
        "license": {"name": "MIT"}, "x-logo": "l",
    }  # fmt: skip
    assert (schema["servers"], schema["tags"]) == ([{"url": "https://shelf.test"}], [{"name": "books"}])
    assert schema["externalDocs"] == {"url": "https://d.test/"}
    assert app.extra == {"x_logo": "l"}
    assert [(cls().title, cls().version) for cls in (Faster, FastAPI)] == [("FasterAPI", FasterAPI.__version__), ("FastAPI", "0.1.0")]


def test_pages_of_the_schema_can_be_moved_and_switched_off() -> None:
    """Together or one by one; they do not describe themselves; the pages point to the schema."""
    with TestClient(Faster(docs_url="/d", redoc_url=None, openapi_url="/o.json", swagger_ui_parameters={"tryItOut": True})) as client:
        assert [client.get(path).status_code for path in ("/d", "/docs", "/redoc", "/openapi.json", "/o.json")] == [200, 404, 404, 404, 200]
        page = client.get("/d")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "/o.json" in page.text
        assert "tryItOut" in page.text
        assert client.get("/docs/oauth2-redirect").status_code == 200
        assert client.get("/o.json").json()["paths"] == {}
    with TestClient(Faster(openapi_url=None)) as client:
        assert [client.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")] == [404, 404, 404]
    with TestClient(Faster(title="<script>alert(1)</script>")) as client:
        assert "<script>alert" not in client.get("/docs").text + client.get("/redoc").text


def test_the_schema_is_kept_until_routes_change() -> None:
    """It may be replaced as a whole."""
    app = Faster()
    app.get("/a")(lambda: 1)
    first = app.openapi()
    assert app.openapi() is first
    app.get("/b")(lambda: 1)
    assert list(app.openapi()["paths"]) == ["/a", "/b"]
    app.openapi = lambda: {"own": True}  # type: ignore[method-assign]
    with TestClient(app) as client:
        assert client.get("/openapi.json").json() == {"own": True}


def test_extras_merge_and_webhooks_and_callbacks_are_described() -> None:
    """They are in the schema only."""
    app, callbacks = Faster(), APIRouter()

    @callbacks.post("{$url}/done", name="done")
    def done(n: int) -> None: ...

    @app.webhooks.post("new-book")
    def new_book(title: str) -> None: ...

    @app.post("/x", openapi_extra={"x-own": {"a": 1}}, callbacks=callbacks.routes)
    async def operation() -> None: ...

    schema = get_openapi(title="t", version="1", routes=app.routes, webhooks=app.webhooks.routes)
    described = schema["paths"]["/x"]["post"]
    assert described["x-own"] == {"a": 1}
    assert list(described["callbacks"]["done"]) == ["{$url}/done"]
    assert list(schema["webhooks"]) == ["new-book"]


def test_an_operation_id_that_is_taken_twice_is_told() -> None:
    """With a warning, when the schema is made."""
    app = Faster()
    app.get("/a", operation_id="same")(lambda: 1)
    app.get("/b", operation_id="same")(lambda: 1)
    with pytest.warns(UserWarning, match="same"):
        app.openapi()


def test_the_schema_says_where_a_proxy_serves_it() -> None:
    """By the root path of the request, unless that is switched off."""
    for switched, servers in ((True, [{"url": "/api"}]), (False, None)):
        with TestClient(Faster(root_path_in_servers=switched), root_path="/api") as client:
            assert client.get("/openapi.json").json().get("servers") == servers


def test_an_application_serves_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the options of the server that there is; others are told, and nothing starts."""
    import uvicorn

    original, calls = uvicorn.run, []

    @functools.wraps(original)
    def run(app: Any, **options: Any) -> None:
        calls.append((app, options))

    monkeypatch.setattr(uvicorn, "run", run)
    app = Faster()
    app.run(port=9000, log_level="warning")
    assert calls == [(app, {"host": "127.0.0.1", "port": 9000, "workers": 1, "reload": False, "log_level": "warning"})]
    for error, options in (
        (TypeError, {"log_levl": "x"}), (TypeError, {"app": 1}), (NotImplementedError, {"fast_lane": True}),
        (NotImplementedError, {"reload": True}), (NotImplementedError, {"workers": 2}),
    ):  # fmt: skip
        with pytest.raises(error, match=next(iter(options))):
            app.run(**options)
    assert len(calls) == 1


# --- files and front ends


def test_a_front_end_comes_after_all_routes(tmp_path: Path) -> None:
    """Files by their path, the index for navigation only, the more specific directory first, dependencies before."""
    for name, text in (("index.html", "index"), ("app.js", "script"), ("admin/index.html", "admin")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    app = Faster()
    app.frontend("/", directory=tmp_path)
    app.get("/api")(lambda: "api")
    html = {"accept": "text/html"}
    with TestClient(app) as client:
        assert [client.get(path).text for path in ("/", "/app.js", "/admin/")] == ["index", "script", "admin"]
        assert client.get("/api").json() == "api"
        assert (client.get("/deep/link", headers=html).text, client.get("/deep/link").status_code) == ("index", 404)
        assert client.get("/admin", follow_redirects=False).headers["location"].endswith("/admin/")
        assert client.post("/app.js").status_code == 405
        assert client.get("/../secret").status_code == 404
        assert client.head("/app.js").headers["content-length"] == "6"

    def closed() -> None:
        raise HTTPException(401)

    router = APIRouter(prefix="/in", dependencies=[Depends(closed)])
    router.frontend("/", directory=tmp_path)
    app.include_router(router)
    with TestClient(app) as client:
        assert (client.get("/in/app.js").status_code, client.get("/app.js").status_code) == (401, 200)
    with pytest.raises(RuntimeError, match="does not exist"):
        app.frontend("/x", directory=tmp_path / "missing")
    for wrong in ("", "x"):
        with pytest.raises(AssertionError, match="path"):
            app.frontend(wrong, directory=tmp_path)


def test_static_files_are_mounted(tmp_path: Path) -> None:
    """For GET and HEAD, with validators, and nothing outside of their directory."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("a")
    (tmp_path / "secret").write_text("s")
    app = Faster()
    app.mount("/static", StaticFiles(directory=tmp_path / "in"), name="static")
    with TestClient(app) as client:
        found = client.get("/static/a.txt")
        assert (found.text, client.get("/static/a.txt", headers={"if-none-match": found.headers["etag"]}).status_code) == ("a", 304)
        assert [client.get(f"/static/{path}").status_code for path in ("..%2fsecret", "b.txt", "a%00")] == [404, 404, 404]
        assert client.post("/static/a.txt").status_code == 405
    assert app.url_path_for("static", path="a.txt") == "/static/a.txt"


def test_optional_parts_say_which_extra_is_missing() -> None:
    """When they are used, not when they are imported."""
    printed = python("""
        import sys
        sys.modules["jinja2"] = sys.modules["itsdangerous"] = None
        from FasterAPI import Jinja2Templates, SessionMiddleware
        for made in (lambda: Jinja2Templates("templates"), lambda: SessionMiddleware(None, secret_key="x")):
            try:
                made()
            except ImportError as exc:
                print(str(exc).partition("fasthttp")[2])
    """)
    assert printed.splitlines() == ["[jinja2]'", "[sessions]'"]


# --- under the target's name


def test_the_target_s_name_can_mean_this_framework() -> None:
    """The very same modules; what there is not is missing there too; taken back, it means nothing again."""
    printed = python("""
        import sys
        from FasterAPI import compat
        compat.install(); compat.install()
        import fastapi, fastapi.routing, FasterAPI.routing
        from fastapi import FastAPI, Depends
        from fastapi.middleware.cors import CORSMiddleware
        print(fastapi.routing is FasterAPI.routing, FastAPI is FasterAPI.FastAPI, fastapi.__version__, compat.installed())
        try:
            import fastapi.nothing
        except ModuleNotFoundError as exc:
            print(exc.name)
        compat.uninstall()
        print(compat.installed(), any(name.startswith("fastapi") for name in sys.modules))
    """)
    assert printed.splitlines() == ["True True 0.165.0 True", "fastapi.nothing", "False False"]


def test_libraries_can_give_a_route_one_more_dependency() -> None:
    """With the names of the target's that such libraries use, before or after the first request; a body that it wants is in the schema."""
    from FasterAPI.dependencies.utils import (
        _get_body_field,
        _get_flat_body_params,
        get_parameterless_sub_dependant,
        lenient_issubclass,
    )
    from FasterAPI.routing import APIRoute, _IncludedRouter, request_response  # type: ignore[attr-defined]

    class Note(pydantic.BaseModel):
        text: str

    seen: list[str] = []
    app = FastAPI()
    router = APIRouter(prefix="/shop")
    app.include_router(router)

    @router.post("/lamps")
    async def lamps() -> list[int]:
        return [1]

    async def take(note: Note) -> None:
        seen.append(note.text)

    with TestClient(app) as client:
        assert client.post("/shop/lamps").json() == [1]
        assert not any(isinstance(route, _IncludedRouter) for route in app.routes)
        [route] = [route for route in app.routes if isinstance(route, APIRoute)]
        assert lenient_issubclass(Note, pydantic.BaseModel)
        assert not lenient_issubclass(list[int], pydantic.BaseModel)
        depends = Depends(take)
        route.dependencies.append(depends)
        route.dependant.dependencies.append(get_parameterless_sub_dependant(depends=depends, path=route.path_format))
        fields = _get_flat_body_params(route.dependant)
        route.body_field = _get_body_field(body_params=fields, name=route.unique_id, embed_body_fields=route._embed_body_fields)
        route.app = request_response(route.get_route_handler())
        assert client.post("/shop/lamps", json={"text": "more light"}).json() == [1]
        assert seen == ["more light"]
        assert client.post("/shop/lamps").status_code == 422
        body = app.openapi()["paths"]["/shop/lamps"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Note"}


def test_a_framework_that_is_loaded_already_is_not_replaced_unasked() -> None:
    """The error names who has it; asked to, it is, and comes back afterwards."""
    printed = python("""
        import sys, types
        real, user = types.ModuleType("fastapi"), types.ModuleType("user_of_it")
        user.fastapi = real
        sys.modules.update(fastapi=real, user_of_it=user)
        from FasterAPI import compat
        try:
            compat.install()
        except RuntimeError as exc:
            print("user_of_it" in str(exc), "install()" in str(exc))
        compat.install(force=True)
        import fastapi
        print(fastapi is real)
        compat.uninstall()
        print(sys.modules["fastapi"] is real)
    """)
    assert printed.splitlines() == ["True True", "False", "True"]


# --- the test client


def test_the_client_shares_one_loop_between_requests() -> None:
    """With and without its block; the lifespan runs in the block only."""
    events: list[str] = []
    loops: list[Any] = []
    app = Faster(on_startup=[lambda: events.append("up")])

    @app.get("/x")
    async def operation(request: Request) -> Any:
        loops.append(asyncio.get_running_loop())
        return [request.client and request.client.host, str(request.base_url)]

    client = TestClient(app)
    assert client.get("/x").json() == ["testclient", "http://testserver/"]
    assert events == []
    with TestClient(app, "https://shop.test", client=("9.9.9.9", 1)) as other:
        assert other.get("/x").json() == ["9.9.9.9", "https://shop.test/"]
        other.get("/x")
    assert (events, len(set(loops))) == (["up"], 1)
    with pytest.raises(ValueError, match="trio"):
        TestClient(app, backend="trio")  # type: ignore[arg-type]


def test_the_client_can_be_used_inside_a_running_loop() -> None:
    """Its requests run on a thread of their own."""
    app = Faster()
    app.get("/x")(lambda: 1)

    async def run() -> Any:
        with TestClient(app) as client:
            return client.get("/x").json()

    assert asyncio.run(run()) == 1


def test_an_endless_stream_can_be_left() -> None:
    """What comes is there at once, and nobody waits for the rest."""
    left = threading.Event()
    app = Faster()

    @app.get("/x")
    async def endless() -> Any:
        async def numbers() -> Any:
            try:
                number = 0
                while True:
                    yield f"{number}\n"
                    number += 1
                    await asyncio.sleep(0)
            finally:
                left.set()

        return StreamingResponse(numbers())

    with TestClient(app) as client, client.stream("GET", "/x") as response:
        lines = iter(response.iter_lines())
        assert [next(lines), next(lines)] == ["0", "1"]
    assert left.wait(5)


def test_the_client_follows_redirects_and_keeps_cookies() -> None:
    """Unless told not to."""
    app = Faster()

    @app.get("/set")
    async def set_cookie() -> Any:
        return PlainTextResponse("", 307, {"location": "/get", "set-cookie": "a=1"})

    @app.get("/get")
    async def get(request: Request) -> Any:
        return request.cookies

    with TestClient(app) as client:
        assert client.get("/set", follow_redirects=False).status_code == 307
        response = client.get("/set")
        assert (response.json(), str(response.url), len(response.history)) == ({"a": "1"}, "http://testserver/get", 1)
    with TestClient(app, follow_redirects=False) as client:
        assert client.get("/set").status_code == 307


@pytest.mark.parametrize("runs", [False, True])
def test_the_life_of_a_mounted_application_is_run_where_it_is_asked_for(runs: bool) -> None:
    """Inside that of the parent, once, with its lifespan dependencies and its state; otherwise not at all."""
    events: list[str] = []

    def life(name: str) -> Any:
        @asynccontextmanager
        async def around(app: Any) -> AsyncIterator[dict[str, str]]:
            events.append(f"{name} begins")
            yield {name: name}
            events.append(f"{name} ends")

        return around

    def pool() -> Iterator[str]:
        events.append("pool opens")
        yield "pool"
        events.append("pool closes")

    child, parent = Faster(lifespan=life("child")), Faster(lifespan=life("parent"))

    @child.get("/")
    def read(request: Request, value: Annotated[str, Depends(pool, scope="lifespan")]) -> Any:
        return [value, sorted(request.state._state)]

    parent.mount("/child", child, lifespan=runs)
    with TestClient(parent) as client:
        if runs:
            assert client.get("/child/").json() == ["pool", ["child", "parent"]]
    inside = ["child begins", "pool opens", "pool closes", "child ends"] if runs else []
    assert events == ["parent begins", *inside, "parent ends"]


def test_a_life_that_is_not_known_cannot_be_run() -> None:
    """A bare ASGI application says nothing of its own; Starlette's do."""

    async def bare(scope: Any, receive: Any, send: Any) -> None: ...

    with pytest.raises(TypeError, match="lifespan=True needs an application whose lifespan is known, not function"):
        Faster().mount("/x", bare, lifespan=True)
    begun: list[str] = []

    @asynccontextmanager
    async def around(app: Any) -> AsyncIterator[None]:
        begun.append("starlette")
        yield

    app = FastAPI()
    app.mount("/x", Starlette(lifespan=around), "x", lifespan=True)
    with TestClient(app):
        assert begun == ["starlette"]
