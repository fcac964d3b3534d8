"""The exception tree: its shape, its constructors, and what it does not tell."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

from fasthttp import errors
from fasthttp.errors import (
    FastHTTPError,
    HTTPStatusError,
    IncompleteRead,
    PoolTimeout,
    ReadTimeout,
    RequestTimeout,
    TooManyRedirects,
    WebSocketClosed,
    WebSocketMessageTypeError,
)
from fasthttp.models import Request
from fasthttp.response import Response

TREE = """
FastHTTPError: Exception
RequestError: FastHTTPError
InvalidURL: RequestError ValueError
UnsupportedScheme: InvalidURL
InvalidHeader: RequestError ValueError
BodyNotReplayable: RequestError
BodyLengthError: RequestError
HTTP2NotAvailable: RequestError
PrerequisiteFailed: RequestError
FastHTTPConnectionError: RequestError ConnectionError
ConnectError: FastHTTPConnectionError
DNSError: ConnectError
TLSError: ConnectError
CertificateError: TLSError
ProxyError: ConnectError
WriteError: FastHTTPConnectionError
ReadError: FastHTTPConnectionError ResponseError
RemoteDisconnected: ReadError
RequestTimeout: RequestError TimeoutError
ConnectTimeout: RequestTimeout ConnectError
ReadTimeout: RequestTimeout ReadError
WriteTimeout: RequestTimeout WriteError
PoolTimeout: RequestTimeout PoolError
TotalTimeout: RequestTimeout
RemoteProtocolError: RequestError ResponseError
IncompleteRead: RemoteProtocolError
StreamReset: RemoteProtocolError
SecurityError: RequestError
SSRFBlockedError: SecurityError
CircuitOpenError: SecurityError
RedirectBlockedError: SecurityError
TooManyRedirects: RedirectBlockedError ResponseError
ResponseTooLarge: SecurityError ResponseError
ResponseError: FastHTTPError
HTTPStatusError: ResponseError
ResponseJSONError: ResponseError ValueError
DecodeError: ResponseError
StreamError: ResponseError
StreamNotRead: StreamError
StreamConsumed: StreamError
StreamClosed: StreamError
FastHTTPValidationError: FastHTTPError
GraphQLError: FastHTTPError
PoolError: FastHTTPError
ClientClosedError: FastHTTPError RuntimeError
WebSocketError: FastHTTPError
WebSocketConnectionError: WebSocketError
WebSocketHandshakeError: WebSocketConnectionError
WebSocketClosed: WebSocketConnectionError
WebSocketProtocolError: WebSocketError
WebSocketDecodeError: WebSocketError
WebSocketMessageTypeError: WebSocketError TypeError
"""
BASES = {name.strip(): bases.split() for name, _, bases in (line.partition(":") for line in TREE.strip().splitlines())}
ALIASES = {
    "FastHTTPRequestError": "RequestError",
    "FastHTTPTimeoutError": "RequestTimeout",
    "FastHTTPBadStatusError": "HTTPStatusError",
    "ResponseTooLargeError": "ResponseTooLarge",
}
SPECIAL = {"HTTPStatusError", "WebSocketClosed", "WebSocketMessageTypeError", "IncompleteRead"}


def exception(name: str) -> Any:
    return getattr(errors, name)


@pytest.mark.parametrize("name", BASES)
def test_each_class_has_exactly_its_bases(name: str) -> None:
    """The tree is public: `except` clauses are written against it."""
    assert [base.__name__ for base in exception(name).__bases__] == BASES[name]


def test_there_are_no_other_classes() -> None:
    """What is exported is the tree and its second names, which are the same objects."""
    assert set(errors.__all__) == {*BASES, *ALIASES}
    for alias, name in ALIASES.items():
        assert exception(alias) is exception(name)


@pytest.mark.parametrize("name", [name for name in BASES if name not in SPECIAL])
def test_only_the_message_is_positional(name: str) -> None:
    """Everything else is by keyword, and all of it is kept."""
    cls = exception(name)
    error = cls("went wrong", url="https://u:p@a.test/x?token=t&a=1", method="GET", status_code=503, details={"a": 1})
    assert (error.message, error.method, error.status_code, error.details) == ("went wrong", "GET", 503, {"a": 1})
    assert error.url == "https://a.test/x?token=*****&a=1"
    assert (error.request, error.response) == (None, None)
    assert str(cls("went wrong")) == "went wrong"
    assert cls().message == ""
    with pytest.raises(TypeError):
        cls("went wrong", "https://a.test/")


def test_the_base_signature_is_the_documented_one() -> None:
    """By name and kind."""
    parameters = list(inspect.signature(FastHTTPError).parameters.values())
    assert [p.name for p in parameters] == ["message", "url", "method", "status_code", "details"]
    assert [p.kind.name for p in parameters] == ["POSITIONAL_OR_KEYWORD", *["KEYWORD_ONLY"] * 4]


def sample(name: str) -> Any:
    cls = exception(name)
    keywords = {"url": "https://a.test/x", "method": "PUT", "details": [1]}
    if name == "HTTPStatusError":
        return cls(404, "no such thing", Response(404, text="gone"), detail="gone", **keywords)
    if name == "WebSocketClosed":
        return cls(1001, "going away")
    if name == "WebSocketMessageTypeError":
        return cls("text", "binary")
    if name == "IncompleteRead":
        return cls(3, 10, **keywords)
    if issubclass(cls, RequestTimeout):
        return cls("slow", phase="read", limit=1.5, elapsed=2.0, **keywords)
    return cls("went wrong", **keywords)


@pytest.mark.parametrize("name", BASES)
@pytest.mark.parametrize("through", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_errors_survive_pickling_and_copying(name: str, through: Any) -> None:
    """With every attribute but request and response, which may hold sockets and secrets."""
    error = sample(name)
    error.request = Request("PUT", "https://a.test/x", {"Authorization": "secret"})
    again = through(error)
    assert type(again) is type(error)
    assert (str(again), again.args, repr(again)) == (str(error), error.args, repr(error))
    kept = {key: value for key, value in vars(error).items() if key not in ("request", "response")}
    assert {key: value for key, value in vars(again).items() if key not in ("request", "response")} == kept
    assert (again.request, again.response) == (None, None)


def test_a_message_has_one_line_with_method_and_url_once() -> None:
    """The URL is added only where the message lacks it."""
    assert str(FastHTTPError("refused", url="https://a.test/x", method="GET")) == "refused: GET https://a.test/x"
    assert str(FastHTTPError("refused", url="https://a.test/x")) == "refused: https://a.test/x"
    assert (
        str(FastHTTPError("HTTP 404 for GET https://a.test/x", url="https://a.test/x", method="GET")) == "HTTP 404 for GET https://a.test/x"
    )


@pytest.mark.parametrize(("url", "shown"), [
    ("https://ann:pa55@a.test/x", "https://a.test/x"),
    ("https://a.test/?api_key=hidden", "https://a.test/?api_key=*****"),
    ("https://a.test/?b=1&X-My-TOKEN=hidden&c=2", "https://a.test/?b=1&X-My-TOKEN=*****&c=2"),
    ("https://a.test/?client%5Fsecret=hidden", "https://a.test/?client%5Fsecret=*****"),
    ("wss://u:p@a.test/?password=hidden#f", "wss://a.test/?password=*****#f"),
])  # fmt: skip
def test_secrets_are_masked_in_the_url_and_in_urls_of_the_message(url: str, shown: str) -> None:
    """User info goes altogether, values of secret names become stars."""
    for error in (FastHTTPError("failed", url=url), FastHTTPError(f"failed at {url}"), FastHTTPError(f"failed: '{url}'")):
        assert shown in str(error)
        assert "hidden" not in str(error)
        assert "pa55" not in str(error)
    assert FastHTTPError("failed", url=url).url == shown


def test_secrets_are_not_in_the_repr_either() -> None:
    """`repr` is what logs and test reports show."""
    error = FastHTTPError("failed at https://a.test/?api_key=hidden")
    assert repr(error) == "FastHTTPError('failed at https://a.test/?api_key=*****')"


def test_a_status_error_takes_the_status_first_or_the_message_first() -> None:
    """Both spellings of the contract."""
    response = Response(404, {"Content-Type": "application/json"}, b'{"detail": "gone"}')
    first = HTTPStatusError(404, "not there", response, reason="Not Found", detail="gone")
    assert (first.status_code, first.message, first.response) == (404, "not there", response)
    assert (first.reason, first.detail) == ("Not Found", "gone")
    assert first.response_body == '{"detail": "gone"}'
    other = HTTPStatusError("not there", status_code=404, url="https://a.test/")
    assert (other.status_code, other.message, other.reason, other.response) == (404, "not there", "Not Found", None)
    assert (other.response_body, other.detail) == (None, None)
    assert str(HTTPStatusError(503)) == "HTTP 503 Service Unavailable"
    assert HTTPStatusError("x").status_code == 0
    assert vars(HTTPStatusError(status_code=404, message="x")) == vars(HTTPStatusError(404, "x"))


def test_the_body_that_a_status_error_keeps_is_bounded() -> None:
    """64 Ki characters, and the request of the response."""
    request = Request("GET", "https://a.test/")
    error = HTTPStatusError(500, "broken", Response(500, text="x" * 70_000, request=request))
    assert len(error.response_body or "") == 65536
    assert error.request is request


def test_timeouts_tell_phase_limit_and_time() -> None:
    """`timeout` is the second name of `limit`; they are what `except TimeoutError` catches."""
    error = ReadTimeout("slow", phase="read", limit=1.0, elapsed=1.1)
    assert (error.phase, error.limit, error.timeout, error.elapsed) == ("read", 1.0, 1.0, 1.1)
    assert isinstance(error, TimeoutError)
    assert isinstance(PoolTimeout(), errors.PoolError)


def test_an_incomplete_read_tells_both_numbers() -> None:
    """For chunks nobody knows the second one."""
    assert str(IncompleteRead(3, 10)) == "incomplete body: received 3 bytes, expected 10 bytes"
    assert str(IncompleteRead(3)) == "incomplete body: received 3 bytes, expected more chunks"
    assert (IncompleteRead(3, 10).received, IncompleteRead(3, 10).expected) == (3, 10)
    assert IncompleteRead("cut off").received is None


def test_websocket_errors_have_constructors_of_their_own() -> None:
    """Code and reason; expected and actual kind."""
    closed = WebSocketClosed(1001)
    assert (closed.code, closed.reason, str(closed)) == (1001, None, "WebSocket closed with code 1001")
    assert str(WebSocketClosed(1008, "policy")) == "WebSocket closed with code 1008: policy"
    wrong = WebSocketMessageTypeError("text", "binary")
    assert (wrong.expected, wrong.actual) == ("text", "binary")
    assert isinstance(wrong, TypeError)


def test_too_many_redirects_has_a_history_by_default() -> None:
    """Empty until an engine fills it."""
    assert TooManyRedirects("more than 5 redirects").history == ()
