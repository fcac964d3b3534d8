"""Exceptions that operations declare: in the schema, and as answers."""

from __future__ import annotations

import http
from typing import Any

import pytest

from FasterAPI import APIRouter, Faster, HTTPException, JSONResponse, Request, TestClient


class OutOfStock(HTTPException):
    """Nothing is left.

    More is said here.
    """

    status_code = 409


class Gone(Exception):
    """It was there once."""

    status_code = http.HTTPStatus.GONE


class Busy(Exception):
    status_code = 503


class AlsoBusy(Exception):
    """Come back later."""

    status_code = 503


def test_declared_exceptions_join_over_all_levels() -> None:
    """Each under its status, with the first line of its docstring; two of a status share it; none is told twice."""
    app, router = Faster(raises=[OutOfStock]), APIRouter(raises=[Busy])
    router.get("/x", raises=[AlsoBusy, OutOfStock])(lambda: 1)
    app.get("/own")(lambda: 1)
    app.include_router(router, raises=[Gone])
    paths = app.openapi()["paths"]
    assert {status: answer["description"] for status, answer in paths["/x"]["get"]["responses"].items()} == {
        "200": "Successful Response", "409": "Nothing is left.", "410": "It was there once.", "503": "Busy / Come back later.",
    }  # fmt: skip
    assert sorted(paths["/own"]["get"]["responses"]) == ["200", "409"]


@pytest.mark.parametrize("level", ["app", "include", "router", "route"])
def test_an_answer_that_was_given_wins(level: str) -> None:
    """On whatever level, whether its status is a number or a text."""

    def given(name: str) -> Any:
        return {409 if level in ("app", "route") else "409": {"description": "given"}} if name == level else None

    app, router = Faster(responses=given("app")), APIRouter(responses=given("router"))
    router.get("/x", raises=[OutOfStock], responses=given("route"))(lambda: 1)
    app.include_router(router, responses=given("include"))
    assert app.openapi()["paths"]["/x"]["get"]["responses"]["409"]["description"] == "given"


def test_a_class_without_a_status_is_refused() -> None:
    """At registration, on every level."""
    for wrong in (ValueError, HTTPException):
        with pytest.raises(TypeError, match=f"{wrong.__name__}.*status_code"):
            Faster(raises=[wrong])
        with pytest.raises(TypeError, match="status_code"):
            APIRouter(raises=[wrong])
        with pytest.raises(TypeError, match="status_code"):
            Faster().get("/x", raises=[wrong])(lambda: 1)
        with pytest.raises(TypeError, match="status_code"):
            Faster().include_router(APIRouter(), raises=[wrong])


def test_declared_exceptions_are_answered_as_documented() -> None:
    """By their own status, unless another is given; or by the handler of the application."""
    app = Faster()

    @app.exception_handler(Gone)
    async def handler(request: Request, exc: Gone) -> JSONResponse:
        return JSONResponse("gone", exc.status_code)

    @app.get("/{kind}", raises=[OutOfStock, Gone])
    async def operation(kind: str) -> None:
        raise {"stock": OutOfStock(), "other": OutOfStock(418, "own"), "gone": Gone()}[kind]

    with TestClient(app) as client:
        found = {kind: (client.get(f"/{kind}").status_code, client.get(f"/{kind}").json()) for kind in ("stock", "other", "gone")}
    assert found == {"stock": (409, {"detail": "Conflict"}), "other": (418, {"detail": "own"}), "gone": (410, "gone")}
