"""Middleware and exception handlers of routers: their order, and what they see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from FasterAPI import APIRouter, BaseHTTPMiddleware, Faster, FasterRouter, HTTPException, PlainTextResponse, TestClient, WebSocket


class Base(Exception):
    pass


class Derived(Base):
    pass


class Noting:
    """Middleware that notes each request under a name; `made` counts its instances."""

    made = 0

    def __init__(self, app: Any, name: str, seen: list[str]) -> None:
        self.app, self.name, self.seen = app, name, seen
        type(self).made += 1

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(self.name)
        await self.app(scope, receive, send)


def noting(name: str, seen: list[str]) -> Middleware:
    return Middleware(Noting, name=name, seen=seen)


def telling(name: str) -> Any:
    async def handler(request: Request, exc: Exception) -> Response:
        return PlainTextResponse(f"{name} {type(exc).__name__}", 400)

    return handler


def routers(outer: dict[str, Any], inner: dict[str, Any], app: dict[str, Any]) -> Faster:
    made, including, included = Faster(openapi_url=None, **app), APIRouter(prefix="/outer", **outer), FasterRouter("/inner", **inner)

    @included.get("/{kind}")
    async def operation(kind: str) -> str:
        if kind.isdigit():
            raise HTTPException(int(kind))
        if kind in ("base", "derived"):
            raise Base if kind == "base" else Derived
        return kind

    @including.get("/own")
    async def own() -> str:
        return "own"

    @made.get("/app")
    async def of_app() -> str:
        return "app"

    including.include_router(included)
    made.include_router(including)
    return made


def test_middleware_of_routers_is_inside_the_application_s() -> None:
    """The including router's before the included one's, for their own routes only, one instance for each router."""
    seen: list[str] = []
    Noting.made = 0
    app = routers(
        {"middleware": [noting("outer", seen)]},
        {"middleware": [noting("inner 1", seen), noting("inner 2", seen)]},
        {"middleware": [noting("app", seen)]},
    )
    found = {}
    with TestClient(app) as client:
        for path in ("/outer/inner/x", "/outer/own", "/app", "/outer/nowhere/at/all"):
            seen.clear()
            status = client.get(path).status_code
            found[path] = (status, list(seen))
        assert Noting.made == 3 + 1
        seen.clear()
        assert (client.post("/outer/inner/x").status_code, seen) == (405, ["app"])
    assert found == {
        "/outer/inner/x": (200, ["app", "outer", "inner 1", "inner 2"]), "/outer/own": (200, ["app", "outer"]), "/app": (200, ["app"]),
        "/outer/nowhere/at/all": (404, ["app"]),
    }  # fmt: skip


def test_the_nearest_handler_that_matches_wins() -> None:
    """Also a general one before a more special one further out; what none handles goes on outwards."""
    app = routers(
        {"exception_handlers": {404: telling("outer"), Derived: telling("outer")}}, {"exception_handlers": {Base: telling("inner")}},
        {"exception_handlers": {404: telling("app"), 403: telling("app"), Derived: telling("app")}},
    )  # fmt: skip
    with TestClient(app) as client:
        texts = [client.get(f"/outer/inner/{kind}").text for kind in ("derived", "404", "403")]
        assert texts == ["inner Derived", "outer HTTPException", "app HTTPException"]
        assert client.get("/outer/inner/418").json() == {"detail": "I'm a Teapot"}
        assert client.get("/nowhere").text == "app HTTPException"
    bare = routers({}, {"exception_handlers": {Derived: telling("inner")}}, {})
    with TestClient(bare) as client, pytest.raises(Base):
        client.get("/outer/inner/base")


def test_middleware_of_routers_sees_the_answers_of_handlers() -> None:
    """Of the router's own and of the application's."""
    statuses: list[int] = []

    async def watch(request: Request, call_next: Any) -> Any:
        response = await call_next(request)
        statuses.append(response.status_code)
        return response

    inner = {"middleware": [Middleware(BaseHTTPMiddleware, dispatch=watch)], "exception_handlers": {Base: telling("inner")}}
    with TestClient(routers({}, inner, {})) as client:
        assert [client.get(f"/outer/inner/{kind}").status_code for kind in ("base", "403", "fine")] == [400, 403, 200]
    assert statuses == [400, 403, 200]


def test_everything_of_a_router_is_inside_its_layer(tmp_path: Path) -> None:
    """Routes that come late, WebSockets, plain routes, mounts and front ends, each once."""
    (tmp_path / "a.txt").write_text("a")
    seen: list[str] = []
    router, between, app = APIRouter(middleware=[noting("router", seen)]), APIRouter(), Faster()
    between.include_router(router, prefix="/in")
    app.include_router(between)

    async def page(request: Request) -> Response:
        return PlainTextResponse("page")

    @router.websocket("/ws")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    router.get("/late")(lambda: 1)
    router.add_route("/plain", page)
    router.mount("/mount", Faster(routes=list(router.routes[-1:])))
    router.frontend("/files", directory=tmp_path)
    with TestClient(app) as client:
        with client.websocket_connect("/in/ws"):
            pass
        assert seen == ["router"]
        for path in ("/in/late", "/in/plain", "/in/files/a.txt"):
            seen.clear()
            assert (path, client.get(path).status_code, seen) == (path, 200, ["router"])
        seen.clear()
        assert (client.get("/in/mount/nothing").status_code, seen) == (404, ["router"])
