"""The same five operations in each framework. A framework is imported when its application is made."""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import msgspec

__all__ = ["APPS", "ITEM"]

ITEM = b'{"name":"apple","price":1.5,"tags":["x","y"]}'


class StructItem(msgspec.Struct):
    """The body of an operation, as a struct."""

    name: str
    price: float
    tags: list[str] = []


def _like_fastapi(module_name: str) -> Any:
    """An application of FastAPI's, or of ours under its names."""
    module = importlib.import_module(module_name)
    depends = module.Depends
    from pydantic import BaseModel

    class Item(BaseModel):
        name: str
        price: float
        tags: list[str] = []

    def operations(app: Any) -> Any:
        async def hello() -> Any:
            return {"hello": "world"}

        async def read(item_id: int, q: str | None = None, limit: int = 10) -> Any:
            return {"id": item_id, "q": q, "limit": limit}

        app.get("/hello")(hello)
        app.get("/items/{item_id}", response_model=None)(read)

        async def model(item: Item) -> Any:
            return item

        model.__annotations__ = {"item": Item, "return": Item}
        app.post("/models")(model)

        async def one() -> int:
            return 1

        async def two(a: Annotated[int, depends(one)]) -> int:
            return a + 1

        async def three(a: Annotated[int, depends(one)], b: Annotated[int, depends(two)]) -> int:
            return a + b

        async def four() -> AsyncIterator[int]:
            yield 4

        async def five(a: Annotated[int, depends(three)], b: Annotated[int, depends(four)]) -> int:
            return a + b

        for function in (two, three, five):
            # Written out here: the names are local, and no framework has to find them.
            names = {"Annotated": Annotated, "depends": depends, "int": int, "one": one, "two": two, "three": three, "four": four}
            function.__annotations__ = {key: eval(text, names) for key, text in function.__annotations__.items()}

        async def dependent(value: Any) -> Any:
            return {"value": value}

        dependent.__annotations__ = {"value": Annotated[int, depends(five)]}
        app.get("/dependencies")(dependent)

        def sync() -> Any:
            return {"hello": "world"}

        app.get("/sync")(sync)
        return app

    app = operations(module.FastAPI())

    async def struct(item: StructItem) -> Any:
        return item

    if module_name == "FasterAPI":
        struct.__annotations__ = {"item": StructItem, "return": StructItem}
        app.post("/structs")(struct)
    else:  # has no structs: its users write a model
        app.post("/structs")(app.routes[[getattr(route, "path", "") for route in app.routes].index("/models")].endpoint)
    wrapped = operations(module.FastAPI(openapi_url=None))

    async def pass_on(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    wrapped.middleware("http")(pass_on)
    app.mount("/wrapped", wrapped)
    return app


def _ours() -> Any:
    return _like_fastapi("FasterAPI")


def _fastapi() -> Any:
    return _like_fastapi("fastapi")


def _bare() -> Any:
    """A function that knows what it will be asked."""
    answers = {"/hello": b'{"hello":"world"}', "/items/5": b'{"id":5,"q":"abc","limit":3}'}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = answers.get(scope["path"])
        if body is None:
            body = (await receive())["body"] or b'{"hello":"world"}'
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def _starlette() -> Any:
    """Starlette, with the conversions written by hand and no validation."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def hello(request: Any) -> Any:
        return JSONResponse({"hello": "world"})

    async def read(request: Any) -> Any:
        query = request.query_params
        return JSONResponse({"id": int(request.path_params["item_id"]), "q": query.get("q"), "limit": int(query.get("limit", 10))})

    async def echo(request: Any) -> Any:
        return JSONResponse(json.loads(await request.body()))

    def sync(request: Any) -> Any:
        return JSONResponse({"hello": "world"})

    routes = [Route("/hello", hello), Route("/items/{item_id}", read), Route("/sync", sync)]
    return Starlette(routes=[*routes, *(Route(path, echo, methods=["POST"]) for path in ("/structs", "/models"))])


def _litestar() -> Any:
    """Litestar."""
    litestar = importlib.import_module("litestar")

    async def hello() -> dict[str, str]:
        return {"hello": "world"}

    async def read(item_id: int, q: str | None = None, limit: int = 10) -> dict[str, Any]:
        return {"id": item_id, "q": q, "limit": limit}

    async def struct(data: Any) -> Any:
        return data

    struct.__annotations__ = {"data": StructItem, "return": StructItem}
    handlers = [litestar.get("/hello")(hello), litestar.get("/items/{item_id:int}")(read)]
    return litestar.Litestar([*handlers, litestar.post("/structs", status_code=200)(struct)], openapi_config=None, logging_config=None)


APPS: dict[str, Callable[[], Any]] = {"bare": _bare, "ours": _ours, "fastapi": _fastapi, "starlette": _starlette, "litestar": _litestar}
