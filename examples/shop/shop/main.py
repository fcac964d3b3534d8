"""The application. Run it: `fastapi run shop/main.py`, or `python -m FasterAPI.compat run shop.main:app`."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

from . import database
from .notices import Notices
from .routers import items, live, orders, users
from .security import WRITE, hash_password
from .settings import get_settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Folders, tables, the keeper's account."""
    settings = get_settings()
    for folder in (settings.outbox, settings.pictures):
        folder.mkdir(parents=True, exist_ok=True)
    database.create(settings.database)
    if settings.keeper_password is not None:
        row = ("keeper", "keeper@example.com", hash_password(settings.keeper_password), WRITE)
        db = database.connect(settings.database)
        with db:
            db.execute(
                "INSERT INTO users (name, email, password, scopes) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET password = excluded.password, scopes = excluded.scopes",
                row,
            )
        db.close()
    app.state.notices = Notices()
    yield


async def number_requests(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Give each answer the number that its request came with, or a fresh one."""
    response = await call_next(request)
    response.headers["X-Request-ID"] = request.headers.get("x-request-id") or uuid.uuid4().hex
    return response


async def out_of_stock(request: Request, exc: orders.OutOfStock) -> JSONResponse:
    return JSONResponse({"detail": f"Of item {exc.item} there are {exc.left} left"}, status_code=409)


def create_app() -> FastAPI:
    app = FastAPI(title="Shop", version="1.0", lifespan=lifespan)
    app.add_middleware(CORSMiddleware, allow_origins=["https://shop.example.com"], allow_methods=["*"], allow_headers=["Authorization"])
    app.middleware("http")(number_requests)
    app.exception_handler(orders.OutOfStock)(out_of_stock)
    for part in (users, items, orders, live):
        app.include_router(part.router)
    return app


app = create_app()
