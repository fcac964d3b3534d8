"""The exception tree of both layers. Knows how a failure is told and masked; not when it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from httpwire.masking import mask_text, mask_url
from httpwire.status import reason_phrase

if TYPE_CHECKING:
    from fasthttp.models import Request
    from fasthttp.response import Response

_MAX_BODY = 65536  # characters of a body that an error keeps


class FastHTTPError(Exception):
    """Base of every failure of a call.

    Attributes: `message`, `url` (without user info, secrets masked), `method`, `status_code`, `details`, `request`,
    `response` (None where there is none), `attempts` (1, and one more for each retry of the call).
    """

    attempts = 1
    sent_attempts = 0  # those of which anything went out, as far as the call came
    maybe_sent = True  # whether the server may have acted on the request

    def __init__(
        self,
        message: str = "",
        *,
        url: str | None = None,
        method: str | None = None,
        status_code: int | None = None,
        details: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.url = url if url is None else mask_url(str(url))
        self.method = method
        self.status_code = status_code
        self.details = details
        self.request: Request | None = None
        self.response: Response | None = None

    def __str__(self) -> str:
        text = mask_text(self.message)
        if self.url is None or self.url in text:
            return text
        return f"{text}: {self.method or ''} {self.url}".replace(":  ", ": ")

    def __repr__(self) -> str:
        return mask_text(super().__repr__())

    def __reduce__(self) -> tuple[Any, ...]:
        # Neither requests nor responses are pickled: both may hold sockets, and both may hold secrets.
        state = {key: value for key, value in self.__dict__.items() if key not in ("request", "response")}
        return (_rebuild, (type(self), self.args, state))


def _rebuild(cls: type[FastHTTPError], args: tuple[Any, ...], state: dict[str, Any]) -> FastHTTPError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state, request=None, response=None)
    return error


class RequestError(FastHTTPError):
    """The request could not be made, sent, or answered."""


class InvalidURL(RequestError, ValueError):
    """A URL that cannot be parsed or must not be sent."""


class UnsupportedScheme(InvalidURL):
    """A scheme other than http and https."""


class InvalidHeader(RequestError, ValueError):
    """A header name or value that must not be put on the wire, or that contradicts the framing."""


class BodyNotReplayable(RequestError):
    """The body would have to be sent again, but its source is spent. `response` is the answer that asked for it."""


class BodyLengthError(RequestError):
    """A body source gave fewer or more bytes than announced."""


class HTTP2NotAvailable(RequestError):
    """The HTTP/2 engine is not installed."""


class PrerequisiteFailed(RequestError):
    """A route that this one waits for did not succeed."""


class ResponseError(FastHTTPError):
    """The response is there, but not what it should be."""


class PoolError(FastHTTPError):
    """The pool has no connection to give."""


class FastHTTPConnectionError(RequestError, ConnectionError):
    """The connection failed."""


class ConnectError(FastHTTPConnectionError):
    """No connection could be made."""

    maybe_sent = False


class DNSError(ConnectError):
    """The host name does not resolve."""


class TLSError(ConnectError):
    """The TLS handshake failed."""


class CertificateError(TLSError):
    """The server's certificate is not trusted, expired, or for another host."""


class ProxyError(ConnectError):
    """The proxy refused or failed. `status_code` and `reason` are its answer, where it gave one."""

    def __init__(self, message: str = "", *, reason: str | None = None, **keywords: Any) -> None:
        super().__init__(message, **keywords)
        self.reason = reason


class WriteError(FastHTTPConnectionError):
    """The connection broke while the request was sent."""


class ReadError(FastHTTPConnectionError, ResponseError):
    """The connection broke while the response was read."""


class RemoteDisconnected(ReadError):
    """The server closed the connection without a response."""


class RequestTimeout(RequestError, TimeoutError):
    """A time limit was reached. `phase`, `limit` (also `timeout`) and `elapsed` in seconds."""

    def __init__(
        self, message: str = "", *, phase: str = "", limit: float | None = None, elapsed: float | None = None, **keywords: Any
    ) -> None:
        super().__init__(message, **keywords)
        self.phase = phase
        self.limit = limit
        self.elapsed = elapsed

    @property
    def timeout(self) -> float | None:
        return self.limit


class ConnectTimeout(RequestTimeout, ConnectError):
    """Name resolution, connecting and the TLS handshake took too long."""


class ReadTimeout(RequestTimeout, ReadError):
    """The server was silent for too long."""


class WriteTimeout(RequestTimeout, WriteError):
    """The server did not take the request for too long."""


class PoolTimeout(RequestTimeout, PoolError):
    """No connection became free in time."""


class TotalTimeout(RequestTimeout):
    """The whole call took too long."""


class RemoteProtocolError(RequestError, ResponseError):
    """The server broke the protocol."""


class IncompleteRead(RemoteProtocolError):
    """The connection ended inside the body. `received` and `expected` in bytes; `expected` is None for chunks."""

    def __init__(self, received: int | str = "", expected: int | None = None, **keywords: Any) -> None:
        if isinstance(received, str):
            super().__init__(received, **keywords)
            self.received: int | None = None
        else:
            wanted = "more chunks" if expected is None else f"{expected} bytes"
            super().__init__(f"incomplete body: received {received} bytes, expected {wanted}", **keywords)
            self.received = received
        self.expected = expected


class StreamReset(RemoteProtocolError):
    """The server reset an HTTP/2 stream."""


class SecurityError(RequestError):
    """A check of ours refused the request or its response."""


class SSRFBlockedError(SecurityError):
    """The address is not one that this client may talk to; nothing was sent to it. `address` is that address or name."""

    attempts = 0
    maybe_sent = False

    def __init__(self, message: str = "", *, address: str | None = None, where: str | None = None, **keywords: Any) -> None:
        super().__init__(message, **keywords)
        self.address = address
        self.where = where

    def __str__(self) -> str:
        # Where addresses are seen, the URL is not: the message has `where` in its place until the request is known.
        if self.where is None or self.url is None:
            return super().__str__()
        return mask_text(self.message.replace(self.where, self.url, 1))


class CircuitOpenError(SecurityError):
    """The origin failed too often and is left alone. `origin`, and `retry_after` in seconds until it is tried again."""

    def __init__(self, message: str = "", *, origin: str | None = None, retry_after: float | None = None, **keywords: Any) -> None:
        super().__init__(message, **keywords)
        self.origin = origin
        self.retry_after = retry_after


class RedirectBlockedError(SecurityError):
    """A redirect leads where it must not."""


class TooManyRedirects(RedirectBlockedError, ResponseError):
    """More redirects than allowed. `history` holds the responses, oldest first."""

    history: tuple[Response, ...] = ()


class ResponseTooLarge(SecurityError, ResponseError):
    """The body is larger than `max_response_size`."""


class HTTPStatusError(ResponseError):
    """A status of 400 or above, raised by `raise_for_status`.

    Takes the status and the message, or the message first and `status_code=` by keyword.

    Attributes: `status_code`, `reason`, `response`, `detail` (what the body says went wrong), `response_body` (at
    most 64 Ki characters; None on a stream that has not been read).
    """

    def __init__(
        self,
        status_or_message: int | str = 0,
        /,
        message: str | None = None,
        response: Response | None = None,
        *,
        status_code: int | None = None,
        reason: str | None = None,
        detail: str | None = None,
        **keywords: Any,
    ) -> None:
        if isinstance(status_or_message, str):
            message = status_or_message
        elif status_code is None:
            status_code = status_or_message
        status_code = status_code or 0
        super().__init__(message or f"HTTP {status_code} {reason_phrase(status_code)}".rstrip(), status_code=status_code, **keywords)
        self.status_code: int = status_code
        self.reason = reason if reason is not None else reason_phrase(status_code)
        self.detail = detail
        self.response = response
        self.response_body: str | None = None
        if response is not None:
            self.request = response._request
            if response.is_buffered:
                self.response_body = str(response.text)[:_MAX_BODY]


class ResponseJSONError(ResponseError, ValueError):
    """The body is not JSON. The parser's error is the cause."""


class DecodeError(ResponseError):
    """The content coding of the body is corrupt, cut short, or a bomb."""


class StreamError(ResponseError):
    """A streamed body was used in the wrong state."""


class StreamNotRead(StreamError):
    """The body has not been read yet."""


class StreamConsumed(StreamError):
    """The body has been read already and was not kept."""


class StreamClosed(StreamError):
    """The response was closed before its body was read."""


class FastHTTPValidationError(FastHTTPError):
    """Data does not fit its model."""


class GraphQLError(FastHTTPError):
    """A GraphQL response carries errors: `errors`, and what there is of `data`."""

    errors: Any = None
    data: Any = None


class ClientClosedError(FastHTTPError, RuntimeError):
    """The client was closed; create a new one."""


class WebSocketError(FastHTTPError):
    """Base of WebSocket failures."""


class WebSocketConnectionError(WebSocketError):
    """The WebSocket connection failed."""


class WebSocketHandshakeError(WebSocketConnectionError):
    """The server refused the upgrade."""


class WebSocketClosed(WebSocketConnectionError):
    """The WebSocket is closed. `code` and `reason` are the peer's (RFC 6455 §7.4)."""

    def __init__(self, code: int = 1006, reason: str | None = None) -> None:
        super().__init__(f"WebSocket closed with code {code}" + (f": {reason}" if reason else ""))
        self.args = (code, reason)
        self.code = code
        self.reason = reason


class WebSocketProtocolError(WebSocketError):
    """The peer, or the caller, broke the WebSocket protocol."""


class WebSocketDecodeError(WebSocketError):
    """A message is not valid UTF-8 or JSON."""


class WebSocketMessageTypeError(WebSocketError, TypeError):
    """A message of the other kind arrived."""

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(f"expected a {expected} message, got {actual}")
        self.args = (expected, actual)
        self.expected = expected
        self.actual = actual


FastHTTPRequestError = RequestError
FastHTTPTimeoutError = RequestTimeout
FastHTTPBadStatusError = HTTPStatusError
ResponseTooLargeError = ResponseTooLarge

__all__ = [
    "BodyLengthError",
    "BodyNotReplayable",
    "CertificateError",
    "CircuitOpenError",
    "ClientClosedError",
    "ConnectError",
    "ConnectTimeout",
    "DNSError",
    "DecodeError",
    "FastHTTPBadStatusError",
    "FastHTTPConnectionError",
    "FastHTTPError",
    "FastHTTPRequestError",
    "FastHTTPTimeoutError",
    "FastHTTPValidationError",
    "GraphQLError",
    "HTTP2NotAvailable",
    "HTTPStatusError",
    "IncompleteRead",
    "InvalidHeader",
    "InvalidURL",
    "PoolError",
    "PoolTimeout",
    "PrerequisiteFailed",
    "ProxyError",
    "ReadError",
    "ReadTimeout",
    "RedirectBlockedError",
    "RemoteDisconnected",
    "RemoteProtocolError",
    "RequestError",
    "RequestTimeout",
    "ResponseError",
    "ResponseJSONError",
    "ResponseTooLarge",
    "ResponseTooLargeError",
    "SSRFBlockedError",
    "SecurityError",
    "StreamClosed",
    "StreamConsumed",
    "StreamError",
    "StreamNotRead",
    "StreamReset",
    "TLSError",
    "TooManyRedirects",
    "TotalTimeout",
    "UnsupportedScheme",
    "WebSocketClosed",
    "WebSocketConnectionError",
    "WebSocketDecodeError",
    "WebSocketError",
    "WebSocketHandshakeError",
    "WebSocketMessageTypeError",
    "WebSocketProtocolError",
    "WriteError",
    "WriteTimeout",
]
