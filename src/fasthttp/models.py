"""`Request`: what is to be sent. Knows nothing of connections; the client that sends it adds its own defaults."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from fasthttp._pure.body import Body, make_body, set_content_type
from fasthttp._pure.context import RequestContext, credentials_of
from fasthttp.errors import InvalidHeader, InvalidURL, UnsupportedScheme
from fasthttp.timeouts import UNSET, Timeout
from httpwire import errors as wire
from httpwire.headers import Headers, HeaderTypes
from httpwire.masking import mask_url
from httpwire.query import encode_pairs, flatten
from httpwire.url import URL, parse_url

if TYPE_CHECKING:
    from fasthttp.types import BodyTypes, ParamTypes

__all__ = ["Request"]

_BODY_METHODS = frozenset(("POST", "PUT", "PATCH"))
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Request:
    """A request.

    Args:
        method: any token; sent as given. `CONNECT` is refused.
        url: absolute, or relative to the base URL of the client that will send it.
        headers: mapping or pairs.
        content: bytes, text (UTF-8), a file, a path, or a sync or async iterable of bytes or text.
        timeout: seconds or `Timeout` for this request; the client's where not given.
        params: added to the query of `url`.
        data: a form (mapping or pairs), or text or bytes sent as one.
        json: anything that has a JSON form.
        files: parts of a multipart form; `data` are its other fields.
        cookies: mapping or jar, for this request only.

    Raises:
        InvalidURL: the URL cannot be parsed or must not be sent; also a `ValueError`.
        InvalidHeader: a header name or value, or the method, holds a forbidden character.
        ValueError: two body sources.

    Attributes: `method`, `headers` (mutable), `timeout`; `url`, `scheme`, `host`, `port`, `target` of the final URL.
    """

    __slots__ = (
        "__weakref__",
        "_head",
        "_headers",
        "_reference",
        "_url",
        "announced",
        "auth_round",
        "body",
        "built_for",
        "context",
        "method",
        "timeout",
    )

    def __init__(
        self,
        method: str,
        url: str,
        headers: HeaderTypes | None = None,
        content: BodyTypes | None = None,
        timeout: float | Timeout | None = UNSET,
        *,
        params: ParamTypes | None = None,
        data: Any = None,
        json: Any = None,
        files: Any = None,
        cookies: Any = None,
    ) -> None:
        self.method = check_method(method)
        self.timeout = timeout if timeout is UNSET else Timeout.from_value(timeout)
        self._head: bytes | None = None
        self._headers: Headers | None = make_headers(headers)
        self._url: URL | None = None
        self._reference = ""
        self.announced: int | None = 0  # bytes of the body in its framing; None: chunked
        self.built_for: object = None  # the client whose defaults are in here already
        self.context: RequestContext | None = None
        self.auth_round = 0  # how many answers an authentication has reacted to before
        if is_absolute(url):
            self._url, self.context = http_target(url)
            self._url = add_params(self._url, params)
        else:
            refuse_controls(url)
            self._reference = url if params is None else join_query(url, params)
        self.body: Body | None = make_body(content=content, json=json, data=data, files=files)
        set_content_type(self.headers, self.body)
        if cookies is not None:
            from fasthttp.cookies import make_jar

            self.context = (self.context or RequestContext())._replace(cookies=make_jar(cookies))

    @property
    def headers(self) -> Headers:
        """The header fields. Those that the client adds appear on the request of the response."""
        if self._headers is None:
            assert self._head is not None
            lines = self._head.split(b"\r\n")[1:-2]
            self._headers = Headers.from_wire([(name, value) for name, _, value in (line.partition(b": ") for line in lines)])
        return self._headers

    @headers.setter
    def headers(self, value: HeaderTypes) -> None:
        self._headers = make_headers(value)

    @property
    def url(self) -> str:
        """The URL as text, without user info; a relative one as given."""
        return self._reference if self._url is None else self._url.href

    @url.setter
    def url(self, value: str) -> None:
        new, context = http_target(value)
        if context is not None or self.context is not None:
            context, earlier = context or RequestContext(), self.context or RequestContext()
            # Credentials of the URL go with it.
            of_url = earlier.auth is not None and earlier.auth is earlier.credentials
            auth = context.credentials if of_url else earlier.auth
            self.context = earlier._replace(auth=auth, credentials=context.credentials, uds=context.uds)
        if self._url is not None and self.headers.get("host") == self._url.host_header.decode("ascii"):
            self.headers["Host"] = new.host_header.decode("ascii")
        self._url = new

    @property
    def parsed_url(self) -> URL:
        """The URL in its parts. Raises `InvalidURL` for a relative one."""
        if self._url is None:
            raise InvalidURL(f"Invalid URL: {mask_url(self._reference)!r} is relative, and there is no base URL")
        return self._url

    @property
    def scheme(self) -> str:
        return self.parsed_url.scheme

    @property
    def host(self) -> str:
        return self.parsed_url.hostname

    @property
    def port(self) -> int:
        return self.parsed_url.port

    @property
    def target(self) -> str:
        """Path and query, as in the request line."""
        return self.parsed_url.target.decode("ascii")

    @property
    def content(self) -> bytes | None:
        """The body, None when there is none or it is a stream."""
        return self.body.content if self.body is not None else None

    @property
    def is_replayable(self) -> bool:
        """Whether the body can be sent (again)."""
        return self.body is None or self.body.is_replayable

    @property
    def body_length(self) -> int | None:
        """Bytes of the body; None when they are not known before it is read."""
        return 0 if self.body is None else self.body.length

    def iter_body(self) -> BodyIterator:
        """The body in pieces, for `for` and `async for`. A source that is spent raises `BodyNotReplayable`."""
        return BodyIterator(self.body)

    def copy(self) -> Request:
        """A copy with headers of its own and the same body."""
        return self.derive(headers=self.headers.copy())

    def derive(self, *, method: str | None = None, url: URL | None = None, headers: Headers, body: Any = UNSET) -> Request:
        """A request made from this one."""
        new = Request.__new__(Request)
        new.method = self.method if method is None else method
        new.timeout = self.timeout
        new.body = self.body if body is UNSET else body
        new.built_for = self.built_for
        new._url = self._url if url is None else url
        new._reference = self._reference
        new._headers = headers
        new._head = None
        new.announced = 0
        new.context = self.context
        new.auth_round = 0
        return new

    @classmethod
    def bare(
        cls, method: str, url: URL, head: bytes | None, body: Body | None, built_for: object, context: RequestContext | None = None
    ) -> Request:
        """A request whose head is encoded already; its headers are read from that when asked for."""
        new = cls.__new__(cls)
        new.method = method
        new.timeout = UNSET
        new.body = body
        new.built_for = built_for
        new._url = url
        new._reference = ""
        new._headers = None
        new._head = head
        new.announced = 0 if body is None else body.length
        new.context = context
        new.auth_round = 0
        return new

    def with_lines(self, lines: bytes) -> Request:
        """The same request with more lines in its head, which must be encoded already."""
        assert self._head is not None
        return Request.bare(self.method, self.parsed_url, self._head[:-2] + lines + b"\r\n", self.body, self.built_for, self.context)

    def encode_head(self) -> bytes:
        """The head as it goes on the wire, with Host and framing. Raises `InvalidHeader` for framing that disagrees."""
        if self._head is None:
            url, headers = self.parsed_url, self.headers
            if "proxy-authorization" in headers:
                self.context = (self.context or RequestContext())._replace(proxy_authorization=headers.pop("proxy-authorization"))
            if "host" not in headers:
                headers.prepend("Host", url.host_header.decode("ascii"))
            self.announced = choose_framing(self.method, self.body, headers)
            self._head = b"%b %b HTTP/1.1\r\n%b\r\n" % (self.method.encode("ascii"), url.target, headers.encode())
        return self._head

    def __repr__(self) -> str:
        return f"<Request {self.method} {mask_url(self.url)}>"


class BodyIterator:
    """The pieces of a request body, in whichever colour they are asked for."""

    __slots__ = ("_body",)

    def __init__(self, body: Body | None) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        from fasthttp._io.blocking import iterate_source

        return iterate_source(self._body.start()) if self._body is not None else iter(())

    def __aiter__(self) -> AsyncIterator[bytes]:
        from fasthttp._io.asyncio import iterate_source

        return iterate_source(self._body.start() if self._body is not None else b"")


def choose_framing(method: str, body: Body | None, headers: Headers) -> int | None:
    """Set the field that frames the body (RFC 9112 §6) and return the length, None for chunked.

    Raises:
        InvalidHeader: the caller set a framing field that says something else.
    """
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if body is None:
        expected: int | None = 0
    elif body.length is None and length is not None and coding is None and length.isascii() and length.isdigit():
        return int(length)  # the caller knows how much its source will give
    else:
        expected = body.length
    if coding is not None and (expected is not None or coding.lower() != "chunked"):
        raise InvalidHeader(f"Transfer-Encoding {coding!r} does not agree with the body; leave it to the client")
    if length is not None and (expected is None or length != str(expected)):
        raise InvalidHeader(
            f"Content-Length {length!r} does not agree with the body, which has {'no known length' if expected is None else expected}"
        )
    if expected is None:
        headers["Transfer-Encoding"] = "chunked"
    elif length is None and (body is not None or method in _BODY_METHODS):
        headers["Content-Length"] = str(expected)
    return expected


def check_method(method: str) -> str:
    """The method, if it can be sent (RFC 9110 §9.1)."""
    if not isinstance(method, str):
        raise TypeError(f"method must be str, got {type(method).__name__}")
    for at, char in enumerate(method):
        if char not in _TOKEN:
            raise InvalidHeader(f"method: character U+{ord(char):04X} at offset {at} is not allowed")
    if not method:
        raise InvalidHeader("method is empty")
    if method == "CONNECT":
        raise ValueError("CONNECT cannot be sent as a request; proxies are set with proxy=")
    return method


def make_headers(source: Any) -> Headers:
    """Headers of a caller, checked, as this package's errors."""
    try:
        return Headers(source)
    except wire.InvalidHeader as exc:
        raise InvalidHeader(str(exc)) from None


def to_url(text: str) -> URL:
    """Parse a URL that a caller gave. Raises `InvalidURL` or `UnsupportedScheme` with text for people."""
    try:
        url = parse_url(text, True)
    except wire.UnsupportedScheme as exc:
        raise UnsupportedScheme(f"Invalid URL: {exc}; use http:// or https://") from None
    except wire.InvalidURL as exc:
        raise InvalidURL(f"Invalid URL: {exc}") from None
    except TypeError:
        raise TypeError(f"url must be str, got {type(text).__name__}") from None
    return url


def is_absolute(text: str) -> bool:
    """Whether the text begins with `scheme://`; anything else is a reference to a base URL."""
    return _ABSOLUTE.match(text) is not None


_UNIX = re.compile(r"http\+unix://([^/?#]*)", re.IGNORECASE)


def http_target(text: str) -> tuple[URL, RequestContext | None]:
    """A URL that HTTP requests can go to, its user info and unix socket apart.

    `http+unix://` names a socket by its percent-encoded path in the place of the host; its requests say `Host: localhost`.
    """
    unix = _UNIX.match(text)
    if unix is not None:
        refuse_controls(text)
        path = unquote(unix[1])
        if not path or "\0" in path:
            raise InvalidURL("Invalid URL: http+unix:// takes the percent-encoded path of a socket as its host")
        return to_url("http://localhost" + text[unix.end() :]), RequestContext(uds=path)
    url = to_url(text)
    if url.scheme not in ("http", "https"):
        raise UnsupportedScheme(f"Invalid URL: scheme {url.scheme!r} is not for HTTP requests; use http:// or https://")
    credentials = credentials_of(url)
    if credentials is None:
        return url, None
    return url.replace(username="", password=""), RequestContext(credentials=credentials)


def refuse_controls(reference: str) -> None:
    """Raise `InvalidURL` for a relative reference with a control character."""
    for at, char in enumerate(reference):
        if char < " " or char == "\x7f":
            raise InvalidURL(f"Invalid URL: control character U+{ord(char):04X} at offset {at}")


def query_text(params: Any) -> str:
    """Query text of `params=`: text as given, anything else encoded."""
    if isinstance(params, bytes):
        return params.decode("latin-1")
    if isinstance(params, str):
        return params
    return encode_pairs(flatten(params))


def join_query(url: str, params: Any) -> str:
    """`url` with `params` behind the query that it has."""
    extra = query_text(params)
    if not extra:
        return url
    head, mark, fragment = url.partition("#")
    separator = "" if head.endswith(("?", "&")) else "&" if "?" in head else "?"
    return head + separator + extra + mark + fragment


def add_params(url: URL, *params: Any) -> URL:
    """`url` with each of `params` behind the query that it has."""
    text = url.href
    for values in params:
        if values is not None:
            text = join_query(text, values)
    return url if text == url.href else to_url(text)
