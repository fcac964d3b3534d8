"""GraphQL routes: what is asked, what comes back, and what counts as a failure."""

from __future__ import annotations

from typing import Any

import msgspec
import pydantic
import pytest

from fasthttp.app import FastHTTP
from fasthttp.errors import FastHTTPBadStatusError, FastHTTPValidationError, GraphQLError
from fasthttp.graphql import GraphQLResponse
from fasthttp.transports import MockTransport
from fasthttp.transports.mock import MockResponse


class User(msgspec.Struct):
    name: str


class Page(pydantic.BaseModel):
    user: dict[str, str]


def ask(answer: Any, asked: Any = "{ user }", **options: Any) -> tuple[Any, MockTransport, list[Any]]:
    """The result of one operation, what was sent, and what the handler was given."""
    mock = MockTransport(lambda request: answer)
    app = FastHTTP("http://api.test/v1", transport=mock, log="off")
    given: list[Any] = []

    @app.graphql("/graphql", name="op", **options)
    async def op(resp: Any) -> Any:
        given.append(resp.status)
        return asked

    app.add_route("GET", "/other", None, name="other")  # type: ignore[arg-type]
    return app.run(tags=["graphql"])[0], mock, given


@pytest.mark.parametrize(("asked", "sent"), [
    ("{ user }", {"query": "{ user }"}),
    ({"query": "q", "variables": {"id": 1}, "operation_name": "Op"}, {"query": "q", "variables": {"id": 1}, "operationName": "Op"}),
])  # fmt: skip
def test_a_query_is_posted_and_its_data_is_the_value(asked: Any, sent: Any) -> None:
    """To the URL with its base, with what dependencies add; the handler comes first, with a response that has no status."""
    result, mock, given = ask({"data": {"user": 1}}, asked, dependencies=[lambda: {"headers": {"X-Dep": "1"}}])
    assert (result.value, result.ok, result.kind, result.status) == ({"user": 1}, True, "graphql", 200)
    assert given == [0]
    call = mock.calls[0]
    assert (call.method, call.url, call.json(), call.headers["x-dep"]) == ("POST", "http://api.test/v1/graphql", sent, "1")
    assert len(mock.calls) == 1


@pytest.mark.parametrize("asked", [None, 5, {}, {"query": 1}, ["q"]])
def test_what_is_no_query_is_not_sent(asked: Any) -> None:
    """A `TypeError` that names the handler."""
    result, mock, _ = ask({"data": 1}, asked)
    assert str(result.error) == "GraphQL handler 'op' must return a query string or a mapping with 'query'"
    assert (type(result.error), mock.calls) == (TypeError, [])


@pytest.mark.parametrize("status", [200, 400])
def test_errors_fail_the_route_and_partial_data_stays(status: int) -> None:
    """Whatever the status; the message is the first one, and how many more there are."""
    answer = (status, {"data": {"user": None}, "errors": [{"message": "no such user"}, {"message": "else"}], "extensions": {"t": 1}})
    result, _, _ = ask(answer, raise_for_status=True)
    error = result.error
    assert isinstance(error, GraphQLError)
    assert str(error).startswith("GraphQL: no such user (and 1 more)")
    assert (error.errors[1]["message"], error.data, error.response.status) == ("else", {"user": None}, status)  # type: ignore[union-attr]
    assert (result.value, result.ok) == ({"user": None}, False)
    assert result.response.graphql().extensions == {"t": 1}


@pytest.mark.parametrize("raises", [False, True])
def test_refusals_without_a_graphql_body_are_those_of_their_status(raises: bool) -> None:
    """With the policy of the route."""
    result, _, _ = ask((503, "busy"), raise_for_status=raises)
    assert (type(result.error).__mro__.__contains__(FastHTTPBadStatusError), result.stage) == (True, "status")


@pytest.mark.parametrize("answer", ["<html>", MockResponse(200, text=""), [1], {"hello": 1}, {"errors": "x"}])
def test_what_is_no_graphql_answer_is_a_failure_of_validation(answer: Any) -> None:
    """Not JSON, or JSON of another kind."""
    result, _, _ = ask(answer)
    assert isinstance(result.error, FastHTTPValidationError)
    assert (result.stage, result.value) == ("response", None)


@pytest.mark.parametrize(("model", "value"), [
    (User, User("kim")), (Page, Page(user={"name": "kim"})),
])  # fmt: skip
def test_data_as_a_model(model: Any, value: Any) -> None:
    """Of all the data where the model has that field, else of the only field."""
    result, _, _ = ask({"data": {"user": {"name": "kim"}}}, response_model=model)
    assert result.value == value
    result, _, _ = ask({"data": {"user": {"name": 5}}}, response_model=model)
    assert isinstance(result.error, FastHTTPValidationError)
    assert "Response validation failed" in str(result.error)


def test_a_response_by_itself() -> None:
    """`ok` and `has_errors`."""
    assert GraphQLResponse({"a": 1}).ok
    assert GraphQLResponse(None, [{"message": "x"}]).has_errors
    assert repr(GraphQLResponse(errors=[1, 2])) == "<GraphQLResponse 2 errors>"
    with pytest.raises(ValueError, match="operation_type='subscription'"):
        FastHTTP().graphql("/x", operation_type="subscription")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unexpected keyword argument 'params'"):
        FastHTTP().graphql("/x", params={})
