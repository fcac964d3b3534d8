"""Errors as problem details, where the application asks for them."""

from __future__ import annotations

from typing import Any

from FasterAPI import Faster, HTTPException, JSONResponse, Request, TestClient


class Unpaid(HTTPException):
    status_code = 402
    type = "https://shop.test/problems/unpaid"


def make(**options: Any) -> Faster:
    app = Faster(**options)

    @app.get("/{kind}")
    async def operation(kind: str, n: int) -> None:
        if kind == "unpaid":
            raise Unpaid(detail={"owed": 5}, headers={"x-a": "1"})
        raise HTTPException(int(kind), headers={"x-a": "1"})

    return app


def test_errors_are_problem_details() -> None:
    """With type, title, status and detail; header fields stay; a class may have a type of its own."""
    with TestClient(make(problem_details=True)) as client:
        response = client.get("/404?n=1")
        assert (response.headers["content-type"], response.headers["x-a"]) == ("application/problem+json", "1")
        assert response.json() == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "Not Found"}
        expected = {"type": Unpaid.type, "title": "Payment Required", "status": 402, "detail": {"owed": 5}}
        assert (client.get("/unpaid?n=1").status_code, client.get("/unpaid?n=1").json()) == (402, expected)
        assert client.post("/404").json()["title"] == "Method Not Allowed"
        assert client.get("/304?n=1").content == b""


def test_faults_of_a_request_are_a_member_of_their_problem() -> None:
    """In the list that is otherwise the detail."""
    with TestClient(make(problem_details=True)) as client, TestClient(make()) as plain:
        problem = client.get("/x?n=x").json()
        assert (problem["status"], problem["errors"]) == (422, plain.get("/x?n=x").json()["detail"])
        assert client.get("/x?n=x").headers["content-type"] == "application/problem+json"
        assert plain.get("/404?n=1").json() == {"detail": "Not Found"}


def test_own_handlers_are_not_touched() -> None:
    """They answer as they like."""

    async def own(request: Request, exc: HTTPException) -> JSONResponse:
        return JSONResponse("own", 404)

    with TestClient(make(problem_details=True, exception_handlers={404: own})) as client:
        assert client.get("/404?n=1").json() == "own"


def test_the_schema_describes_problems() -> None:
    """In place of the answer that it has without."""
    schema = make(problem_details=True).openapi()
    content = schema["paths"]["/{kind}"]["get"]["responses"]["422"]["content"]
    assert content == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    assert sorted(schema["components"]["schemas"]) == ["ProblemDetails", "ValidationError"]
    assert "HTTPValidationError" in make().openapi()["components"]["schemas"]
