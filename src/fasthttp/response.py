"""`Response`: what came back. Knows its head, its body or the stream that gives it; not how bytes are received."""

from __future__ import annotations

import codecs
import json as stdlib_json
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from fasthttp._pure.links import parse_links
from fasthttp._pure.streams import LineSplitter, Rechunker, TextDecoder
from fasthttp._pure.tracing import Timings, timings
from fasthttp.bodystream import BodyStream
from fasthttp.errors import FastHTTPError, HTTPStatusError, ResponseJSONError, StreamClosed, StreamConsumed, StreamNotRead
from httpwire import jsonio, mime
from httpwire.headers import Headers, HeaderTypes
from httpwire.masking import mask_url
from httpwire.query import parse_query
from httpwire.status import reason_phrase

if TYPE_CHECKING:
    from typing import Self

    from fasthttp._async.body import AsyncBody
    from fasthttp._sync.body import SyncBody
    from fasthttp.cookies import CookieJar
    from fasthttp.graphql import GraphQLResponse
    from fasthttp.models import Request

__all__ = ["ClientResponse", "Response"]

T = TypeVar("T")
Bytes = bytes  # inside the class that name is a method

_DETAIL_KEYS = ("detail", "message", "error", "error_description", "description", "title")
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Trailer fields that would change what has been acted on already (RFC 9110 §6.5.1).
_NO_TRAILERS = frozenset(
    b"transfer-encoding content-length content-encoding content-type content-range host connection trailer te authorization"
    b" proxy-authorization proxy-authenticate www-authenticate set-cookie cache-control expect max-forwards location".split()
)


class Response:
    """A response.

    Args:
        status_code: 100 to 999.
        headers: mapping or pairs; a `str` here is the text of the body.
        content: the body, taken as already decoded; headers when the second argument was text.
        reason: phrase of the status line; the registered one by default.
        request: the request that it answers.
        text: the body as text, encoded by the charset of `headers`.
        url: the final URL; that of `request` by default.
        method, http_version, history, elapsed, extensions: as the attributes of these names.

    `bool(response)` is True whatever the status; ask `ok`. `attempts` is 1 and one more for each retry by the policy, over
    the whole call; redirects and rounds of authentication are in `history` and count for nothing here.
    """

    # Class-level defaults: a response that came over the wire sets only what it has.
    _request: Request | None = None
    _headers: Headers | None = None
    _fields: Iterable[tuple[bytes, bytes]] = ()
    _content: bytes | None = None
    _body: AsyncBody | SyncBody | None = None
    _source: Any = None  # undecoded bytes still to come, until an engine makes a body of them
    _moments: list[Any] | None = None  # of the exchange, see `timings`
    _sets_cookies = False
    _coding: bytes | None = None  # the Content-Encoding that is still to be undone
    _reason: bytes | str = b""
    _encoding: str | None = None
    _text: str | None = None
    _url: str | None = None
    _method: str | None = None
    _history: tuple[Response, ...] = ()
    _trailer_fields: Iterable[tuple[bytes, bytes]] = ()
    _informational: Iterable[tuple[int, Iterable[tuple[bytes, bytes]]]] = ()
    _default_encoding: str | Callable[[bytes], str] = "utf-8"
    _elapsed: float | timedelta | None = None
    _json: Any = msgspec.UNSET
    _next_request: Request | None = None
    _model: Any = None  # what the body has to be, of a route
    _is_checked = False  # against that
    _sensitive: Collection[str] = ()  # names of fields whose values must not be shown
    _released: str | None = None  # the name of the route that gave the body up
    _handler_result: Any = None  # the typed object of a declared status
    _state = "buffered"  # buffered, live, consumed, closed
    status_code: int
    http_version = "HTTP/1.1"
    attempts = 1
    sent_attempts = 1
    connection: Any = None
    path_params: Mapping[str, Any] = {}
    from_cache = False

    def __init__(
        self,
        status_code: int,
        headers: HeaderTypes | str | None = None,
        content: bytes | str | HeaderTypes | None = None,
        reason: str | None = None,
        request: Request | None = None,
        *,
        text: str | None = None,
        url: str | None = None,
        method: str | None = None,
        http_version: str = "HTTP/1.1",
        history: Iterable[Response] = (),
        elapsed: timedelta | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(status_code, bool) or not isinstance(status_code, int) or not 100 <= status_code <= 999:
            raise ValueError(f"status_code must be an integer from 100 to 999, got {status_code!r}")
        if isinstance(headers, str):
            text, headers, content = headers, content, None  # type: ignore[assignment]
        if text is not None and content is not None:
            raise ValueError("content= and text= exclude each other: a response has one body")
        self.status_code = status_code
        self._headers = Headers(headers)  # type: ignore[arg-type]
        self._reason = reason_phrase(status_code) if reason is None else reason
        self._request = request
        self._url = url
        self._method = method
        self.http_version = http_version
        self._history = tuple(history)
        self._elapsed = elapsed
        self.extensions = dict(extensions or {})
        if text is None and isinstance(content, str):
            text = content
        if text is not None:
            self._content = text.encode(self.encoding)
        elif content is None:
            self._content = b""
        elif isinstance(content, (bytes, bytearray, memoryview)):
            self._content = bytes(content)
        else:
            raise TypeError(f"content= takes bytes or text, not {type(content).__name__}")

    # --- the head

    @property
    def status(self) -> int:
        return self.status_code

    @property
    def headers(self) -> Headers:
        """The header fields."""
        if self._headers is None:
            self._headers = Headers.from_wire(self._fields)
        return self._headers

    @property
    def reason(self) -> str:
        """The reason phrase as received."""
        return self._reason if isinstance(self._reason, str) else self._reason.decode("latin-1")

    reason_phrase = reason

    @property
    def request(self) -> Request:
        """The request that this answers, as it was sent."""
        if self._request is None:
            raise RuntimeError("this response was made without a request")
        return self._request

    @property
    def url(self) -> str:
        """The URL that answered, after redirects."""
        if self._url is not None:
            return self._url
        return self._request.url if self._request is not None else ""

    @property
    def requested_url(self) -> str:
        """The URL that was asked for, before redirects."""
        return self._history[0].url if self._history else self.url

    @property
    def method(self) -> str:
        if self._method is not None:
            return self._method
        return self._request.method if self._request is not None else ""

    @property
    def history(self) -> list[Response]:
        """The responses that led to this one, oldest first: redirects that were followed, and answers such as 401 that an
        authentication met with another request. Those that were retried are not among them."""
        return list(self._history)

    @property
    def next_request(self) -> Request | None:
        """The prepared request that would follow this redirect; None otherwise."""
        return self._next_request

    @property
    def elapsed(self) -> timedelta:
        """From the start of the request to the end of the head, or of the body when it was buffered."""
        if isinstance(self._elapsed, timedelta):
            return self._elapsed
        return timedelta(seconds=self._elapsed or 0.0)

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    @property
    def is_informational(self) -> bool:
        return self.status_code < 200

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    @property
    def is_redirect(self) -> bool:
        """Whether this points elsewhere: a redirect status with a `Location`."""
        return self.status_code in _REDIRECTS and "location" in self.headers

    @property
    def is_permanent_redirect(self) -> bool:
        return self.status_code in (301, 308) and "location" in self.headers

    @property
    def is_client_error(self) -> bool:
        return 400 <= self.status_code < 500

    @property
    def is_server_error(self) -> bool:
        return 500 <= self.status_code < 600

    @property
    def is_error(self) -> bool:
        return self.status_code >= 400

    @property
    def content_type(self) -> str | None:
        """The `Content-Type` field."""
        value: str | None = self.headers.get("content-type")
        return value

    @property
    def links(self) -> dict[str, dict[str, str]]:
        """The `Link` fields by their relation, or by their target where they have none (RFC 8288)."""
        return parse_links(", ".join(self.headers.get_list("link")))

    @property
    def informational(self) -> list[tuple[int, Headers]]:
        """Status and headers of each interim 1xx response that came before."""
        return [(status, Headers.from_wire(fields)) for status, fields in self._informational]

    @property
    def trailers(self) -> Headers:
        """The fields after a chunked body, once it has been read; those that must not be there are left out."""
        body = self._body
        fields = self._trailer_fields if body is None else body.trailers
        return Headers.from_wire([field for field in fields if field[0].lower() not in _NO_TRAILERS])

    @property
    def cookies(self) -> CookieJar:
        """The cookies that this response sets, in a jar of their own; empty when it does not know its URL."""
        from fasthttp.cookies import CookieJar

        jar = CookieJar()
        if self.url:
            jar.add_from_response(self)
        return jar

    @property
    def timings(self) -> Timings:
        """Seconds of each phase of the last attempt."""
        return Timings() if self._moments is None else timings(self._moments)

    # --- the body, buffered

    @property
    def is_buffered(self) -> bool:
        """Whether the whole body is here."""
        return self._content is not None

    @property
    def content(self) -> bytes:
        """The body, content codings undone. On a stream: `StreamNotRead` until it has been read."""
        if self._content is None:
            if self._released is not None:
                raise FastHTTPError(f"body of {self._released!r} was released; use retain='all' or read it in the handler")
            if self._state == "closed":
                raise StreamClosed("the response was closed before its body was read", url=self.url, method=self.method)
            if self._state == "consumed":
                raise StreamConsumed("the body was iterated and not kept", url=self.url, method=self.method)
            raise StreamNotRead("the body has not been read; call read() or await aread() first", url=self.url, method=self.method)
        return self._content

    def bytes(self) -> bytes:
        """The same as `content`."""
        return self.content

    @property
    def encoding(self) -> str:
        """The character encoding of the text: the charset parameter, else a BOM, else the client's default."""
        if self._encoding is None:
            self._encoding = self._find_encoding()
        return self._encoding

    @encoding.setter
    def encoding(self, name: str) -> None:
        if self._text is not None:
            raise ValueError("the text was decoded already; set the encoding before its first use")
        _check_encoding(name)
        self._encoding = name

    def _find_encoding(self) -> str:
        named = mime.charset(self.headers.get("content-type"))
        if named is not None:
            try:
                _check_encoding(named)
                return named
            except (LookupError, ValueError):
                pass
        if self._content:
            for bom, name in _BOMS:
                if self._content.startswith(bom):
                    return name
        default = self._default_encoding
        return default if isinstance(default, str) else default(self._content or b"")

    def _decoded(self, encoding: str | None = None) -> str:
        if encoding is not None:
            return self.content.decode(encoding, "replace")
        if self._text is None:
            content = self.content
            self._text = content.decode(self.encoding, "replace")
        return self._text

    @property
    def text(self) -> str:
        """The body as text; undecodable bytes become U+FFFD."""
        return self._decoded()

    def json(self, type: Any = None, **keywords: Any) -> Any:
        """The body as JSON.

        Args:
            type: a msgspec Struct, dataclass, TypedDict, pydantic model, or a container of them: the value is
                validated and built as that type.
            keywords: passed to `json.loads` of the standard library when given.

        Raises:
            ResponseJSONError: the body is empty or not JSON; says where.
            msgspec.ValidationError or pydantic.ValidationError: it does not fit `type`.
        """
        if keywords:
            return self._loads(lambda data: stdlib_json.loads(data, **keywords))
        if self._json is msgspec.UNSET:
            self._json = self._loads(jsonio.decode)
        if type is None:
            if self._model is None:
                return self._json
            from fasthttp._pure.validation import validated_json

            self._is_checked = True
            return validated_json(self._model, self.content, self._json, sensitive=self._sensitive)
        from fasthttp._pure.typed import build

        return build(self.content, self._json, type)

    def _loads(self, loads: Callable[[Bytes], Any]) -> Any:
        content = self.content
        try:
            return loads(content)
        except (ValueError, RecursionError) as exc:
            raise self._json_error(content, exc) from exc

    def _json_error(self, content: Bytes, cause: Exception) -> ResponseJSONError:
        kind = self.content_type or "no content type"
        if not content.strip():
            return self._about(ResponseJSONError(f"empty body is not JSON ({kind})", url=self.url, method=self.method))
        at = 0
        try:
            stdlib_json.loads(content)
        except stdlib_json.JSONDecodeError as exc:
            at = exc.pos
        except (ValueError, RecursionError):
            pass
        excerpt = content[max(0, at - 20) : at + 60].decode("utf-8", "replace")[:80]
        return self._about(
            ResponseJSONError(f"body is not JSON ({kind}): {cause} at position {at}: {excerpt!r}", url=self.url, method=self.method)
        )

    def _about(self, error: ResponseJSONError) -> ResponseJSONError:
        error.response = self
        error.request = self._request
        return error

    def raise_for_status(self) -> Self:
        """Return self below 400, raise `HTTPStatusError` otherwise."""
        if self.status_code < 400:
            return self
        url = mask_url(self.url)
        reason = self.reason
        words = " ".join(part for part in (str(self.status_code), reason) if part)
        raise HTTPStatusError(
            self.status_code,
            f"HTTP {words} for {self.method} {url}".rstrip(),
            self,
            reason=reason,
            detail=self._detail(),
            url=url,
            method=self.method,
        )

    def _detail(self) -> str | None:
        if self._content is None:
            return None
        if mime.is_json(self.content_type):
            try:
                body = jsonio.decode(self._content)
            except ValueError:
                body = None
            if isinstance(body, dict):
                for key in _DETAIL_KEYS:
                    if body.get(key):
                        return body[key] if isinstance(body[key], str) else jsonio.encode(body[key]).decode()
        return str(self.text)[:200] or None

    # --- the body, streamed

    def iter_bytes(self, chunk_size: int | None = None) -> BodyStream[Bytes]:
        """The decoded body in pieces, for `for` and `async for`."""
        return BodyStream(self, lambda: Rechunker(chunk_size))

    def iter_raw(self, chunk_size: int | None = None) -> BodyStream[Bytes]:
        """The body as it came over the wire, transfer coding undone, content codings left."""
        return BodyStream(self, lambda: Rechunker(chunk_size), raw=True)

    def iter_text(self, encoding: str | None = None, chunk_size: int | None = None) -> BodyStream[str]:
        """The body as text, whole characters only."""
        return BodyStream(self, lambda: TextDecoder(encoding or self.encoding, chunk_size))

    def iter_lines(self, chunk_size: int = 8192) -> BodyStream[str]:
        """The lines of the body without their ends (LF, CRLF or CR). A live stream gives each line as it arrives."""
        if chunk_size < 1:
            raise ValueError(f"chunk_size={chunk_size} must be at least 1")
        return BodyStream(self, lambda: LineSplitter(self.encoding))

    aiter_bytes = iter_bytes
    aiter_raw = iter_raw
    aiter_text = iter_text
    aiter_lines = iter_lines

    def read(self) -> Bytes:
        """Read the rest of a stream and keep it; returns `content`."""
        from fasthttp._sync.body import read_response

        return read_response(self)

    def aread(self) -> Coroutine[Any, Any, Bytes]:
        """Read the rest of a stream and keep it; awaits to `content`."""
        from fasthttp._async.body import read_response

        return read_response(self)

    def _live(self, colour: str, instead: str) -> Any:
        """The body as a stream of `colour`; from here on it counts as consumed. Raises when it is not to be had."""
        if self._state == "closed":
            raise StreamClosed("the response is closed", url=self.url, method=self.method)
        if self._state == "consumed":
            raise StreamConsumed("the body was read already", url=self.url, method=self.method)
        if self._body is None or self._body.colour != colour:
            raise RuntimeError(f"this response was received by {'an async' if colour == 'sync' else 'a blocking'} client: use {instead}")
        self._state = "consumed"
        return self._body

    def close(self) -> None:
        """Release the connection. Harmless when it was released already."""
        from fasthttp._sync.body import close_response

        close_response(self)

    def aclose(self) -> Coroutine[Any, Any, None]:
        """Release the connection. Harmless when it was released already."""
        from fasthttp._async.body import close_response

        return close_response(self)

    def _inherit(self, original: Response) -> None:
        """Stand in for `original`, which a hook replaced: what was not given is its."""
        for name in ("_elapsed", "_url", "_request", "_method"):
            if getattr(self, name) is None:
                setattr(self, name, getattr(original, name))
        if not self._history:
            self._history = original._history
        if self._moments is None:
            self._moments = original._moments
        if self.http_version == Response.http_version:
            self.http_version = original.http_version

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    def __aexit__(self, *exc_info: object) -> Coroutine[Any, Any, None]:
        return self.aclose()

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<Response [{self.status_code}{' ' + self.reason if self.reason else ''}]>"

    # --- what the declarative layer shows; empty where it does not apply

    @property
    def req_headers(self) -> Headers:
        """The headers of the request."""
        return self._request.headers if self._request is not None else Headers()

    @property
    def query(self) -> dict[str, Any]:
        """The query that was sent, by name; repeated names as a list."""
        if self._request is None:
            return {}
        found: dict[str, Any] = {}
        for name, value in parse_query(self._request.parsed_url.query or ""):
            if name in found:
                found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
            else:
                found[name] = value
        return found

    def req_text(self) -> str | None:
        """The body that was sent as text; None without one, and for one that was streamed."""
        content = None if self._request is None else self._request.content
        return None if content is None else content.decode("utf-8", "replace")

    def req_json(self) -> Any:
        """The body that was sent as JSON; None without one."""
        content = None if self._request is None else self._request.content
        return None if content is None else jsonio.decode(content)

    def graphql(self) -> GraphQLResponse:
        """The body as a GraphQL response. Raises `FastHTTPValidationError` for one that is none."""
        from fasthttp.graphql import read_graphql

        return read_graphql(self)

    def model(self) -> Any:
        """The body as the model of its route, a typed object; as plain data where there is none."""
        if self._model is None:
            return self.json()
        if self._json is msgspec.UNSET:
            self._json = self._loads(jsonio.decode)
        from fasthttp._pure.validation import validated_model

        self._is_checked = True
        return validated_model(self._model, self.content, self._json, sensitive=self._sensitive)

    def _describe(self, model: Any, responses: Mapping[int, Any], sensitive: Collection[str]) -> None:
        """Take note of what a route says of its responses; `sensitive` names more secret fields."""
        self._sensitive = sensitive
        declared = responses.get(self.status_code)
        if isinstance(declared, Mapping) and declared.get("model") is not None:
            self._model = declared["model"]
        elif model is not None and self.status_code < 300:
            self._model = model

    def _check_declared(self) -> None:
        """Hold a declared status against its model, before the handler. Raises `FastHTTPValidationError`."""
        if self._model is not None:
            self._handler_result = self._check()

    def _check_model(self) -> None:
        """Hold the body against its model, unless the handler has done so."""
        if self._model is not None and not self._is_checked and self.is_success:
            self._check()

    def _check(self) -> Any:
        from fasthttp._pure.validation import is_validation_error, response_error

        try:
            return self.model()
        except Exception as exc:
            if is_validation_error(exc) or isinstance(exc, ResponseJSONError):
                raise response_error(exc, self._json if self._json is not msgspec.UNSET else None, sensitive=self._sensitive) from exc
            raise

    def _release(self, name: str) -> None:
        """Give the body up."""
        self._content = self._text = None
        self._json = msgspec.UNSET
        self._released = name
        self._state = "consumed"


def _check_encoding(name: str) -> None:
    """Raise `LookupError` or `ValueError` for a name that text cannot be decoded by (hex and rot13 are codecs too)."""
    b"a".decode(name, "replace")  # an empty text is not even looked at


class CallableText(str):
    """Text that can also be called, so that `r.text`, `r.text()` and `r.text(encoding)` all work."""

    __slots__ = ("_decode",)
    _decode: Callable[[str | None], str]

    def __call__(self, encoding: str | None = None) -> str:
        return self._decode(encoding)

    def __str__(self) -> str:
        return str.__str__(self) if type(self) is str else "".join(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return (str, (str(self),))


class ClientResponse(Response):
    """The response of the low-level client: its `text` can also be called."""

    @property
    def text(self) -> CallableText:
        """The body as text; `text()` and `text(encoding)` work too. `str(r.text)` is an exact `str`."""
        text = CallableText(self._decoded())
        text._decode = self._decoded
        return text


def from_wire(cls: type[Response], status_code: int, fields: Any, reason: bytes, request: Request) -> Response:
    """A response whose head came over the wire, already checked by its parser."""
    response = cls.__new__(cls)
    response.status_code = status_code
    response._fields = fields
    response._reason = reason
    response._request = request
    return response
