"""Models of requests, responses and results."""

from __future__ import annotations

import dataclasses
from typing import Any, TypedDict

import msgspec
import pydantic
import pytest

from fasthttp.app import FastHTTP
from fasthttp.errors import FastHTTPValidationError
from fasthttp.response import Response
from fasthttp.security import SecurityPolicy
from fasthttp.transports import MockTransport


class Model(pydantic.BaseModel):
    id: int
    name: str


class Struct(msgspec.Struct):
    id: int
    name: str


@dataclasses.dataclass
class Data:
    id: int
    name: str


class Typed(TypedDict):
    id: int
    name: str


class Secret(msgspec.Struct):
    pin: int
    password: int


class Problem(msgspec.Struct):
    detail: str


GOOD: dict[str, Any] = {"id": 1, "name": "kim"}
MODELS = [Model, Struct, Data, Typed]


def run(answer: Any, handler: Any, method: str = "GET", **options: Any) -> Any:
    mock = MockTransport(lambda request: answer)
    app = FastHTTP("http://api.test", transport=mock, log="off", security=options.pop("security", True))
    app.add_route(method, "/x", handler, name="x", **options)
    result = app.run()["x"]
    return result, mock


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("options", [{"json": {"id": "x", "name": 5}}, {"data": {"name": "kim"}}, {"json": {}}, {}])
def test_a_request_that_does_not_fit_is_not_sent(model: Any, options: dict[str, Any]) -> None:
    """Nor is one that is empty or missing; one that fits is sent as it is."""
    result, mock = run(200, None, "POST", request_model=model, **options)
    assert isinstance(result.error, FastHTTPValidationError)
    assert str(result.error).startswith("Request validation failed: ")
    assert result.error.details
    assert (result.stage, result.attempts, mock.calls) == ("validation", 0, [])
    result, mock = run(200, None, "POST", request_model=model, json={**GOOD, "id": 7})
    assert mock.calls[0].json() == {**GOOD, "id": 7}


@pytest.mark.parametrize("model", MODELS)
def test_json_is_plain_and_model_is_typed(model: Any) -> None:
    """`json()` gives dicts and lists, `model()` the object."""
    result, _ = run(GOOD, lambda resp: (resp.json(), resp.model()), response_model=model)
    plain, typed = result.value
    assert plain == GOOD
    assert type(plain) is dict
    assert typed == (GOOD if model is Typed else model(**GOOD))


@pytest.mark.parametrize("model", MODELS)
def test_a_response_that_does_not_fit_is_a_failure(model: Any) -> None:
    """Whether the handler looks at it or not; unless it deals with the error itself."""
    for handler in (lambda resp: resp.json(), lambda resp: resp.status, None):
        result, _ = run({"id": "x", "name": "kim"}, handler, response_model=model)
        assert isinstance(result.error, FastHTTPValidationError)
        assert str(result.error).startswith("Response validation failed: id: ")
        assert (result.value, result.status) == (None, 200)
        assert isinstance(result.error.__cause__, (pydantic.ValidationError, msgspec.ValidationError))

    def careful(resp: Response) -> str:
        try:
            resp.json()
        except (pydantic.ValidationError, msgspec.ValidationError):
            return "dealt with"
        raise AssertionError("it does not fit")

    result, _ = run({"id": "x", "name": "kim"}, careful, response_model=model)
    assert (result.value, result.ok) == ("dealt with", True)


def test_models_of_other_statuses() -> None:
    """The handler gets validated data, and the route is ok; what does not fit fails before the handler."""
    seen = []

    def handler(resp: Response) -> Any:
        seen.append(resp._handler_result)
        return resp.json()["detail"]

    result, _ = run((404, {"detail": "gone"}), handler, responses={404: {"model": Problem}}, response_model=Struct, raise_for_status=True)
    assert (result.value, result.ok, result.status, seen) == ("gone", True, 404, [Problem("gone")])
    for answer in ({"x": 1}, "<html>", ""):
        result, _ = run((404, answer), handler, responses={404: {"model": Problem}})
        assert isinstance(result.error, FastHTTPValidationError)
        assert (result.stage, len(seen)) == ("response", 1)
    result, _ = run((404, "x"), lambda resp: resp.text, responses={404: {}}, raise_for_status=True)
    assert (result.value, result.ok) == ("x", True)
    for key in ("404", 99, 600, True):
        with pytest.raises(ValueError, match="keys are statuses from 100 to 599"):
            FastHTTP().get("http://h.test/", responses={key: {}})(lambda resp: None)


def test_what_a_handler_returns_is_made_what_it_promises() -> None:
    """Plain data under an annotation of models; other annotations are not enforced."""

    def one(resp: Response) -> Struct:
        return resp.json()  # type: ignore[no-any-return]

    def several(resp: Response) -> list[Model]:
        return [resp.json()]

    def loose(resp: Response) -> int:
        return "text"  # type: ignore[return-value]

    assert run(GOOD, one, response_model=Struct)[0].value == Struct(**GOOD)
    assert run(GOOD, several)[0].value == [Model(**GOOD)]
    assert run(GOOD, loose)[0].value == "text"
    result, _ = run({"id": "x"}, one)
    assert isinstance(result.error, FastHTTPValidationError)
    assert (str(result.error).startswith("Handler result validation failed: "), result.stage) == (True, "handler")


def test_secret_values_are_not_in_messages() -> None:
    """Of the usual names and of those that the policy adds; in requests, responses and declared statuses."""
    policy = SecurityPolicy(mask_names=["pin"])
    body = {"pin": "4711", "password": "hunter2"}
    results = [
        run(200, None, "POST", request_model=Secret, json=body, security=policy)[0],
        run(body, lambda resp: resp.json(), response_model=Secret, security=policy)[0],
        run(body, None, response_model=Secret, security=policy)[0],
        run((404, body), None, responses={404: {"model": Secret}}, security=policy)[0],
    ]
    for result in results:
        error: Any = result.error
        assert isinstance(error, FastHTTPValidationError)
        while error is not None:
            assert "4711" not in repr(error) + str(error)
            assert "hunter2" not in repr(error) + str(error)
            error = error.__cause__


def test_what_was_sent_can_be_read_from_the_response() -> None:
    """Query, headers and body."""

    def handler(resp: Response) -> Any:
        return (
            resp.query,
            resp.req_json(),
            resp.req_text(),
            resp.req_headers["x-a"],
            resp.requested_url,
            dict(resp.path_params),
            resp.from_cache,
        )

    result, _ = run(200, handler, "POST", params={"a": [1, 2], "b": "x"}, json={"k": 1}, headers={"X-A": "1"})
    assert result.value == ({"a": ["1", "2"], "b": "x"}, {"k": 1}, '{"k":1}', "1", "http://api.test/x?a=1&a=2&b=x", {}, False)
    result, _ = run(200, lambda resp: (resp.query, resp.req_json(), resp.req_text()))
    assert result.value == ({}, None, None)
