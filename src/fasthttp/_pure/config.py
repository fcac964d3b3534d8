"""The settings of a client, and what one call makes of them: a request and the rules for it. Sends nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from fasthttp._pure.body import Body, make_body, set_content_type
from fasthttp._pure.later import not_yet
from fasthttp.errors import InvalidHeader, InvalidURL
from fasthttp.models import Request, add_params, check_method, http_url, is_absolute, make_headers, refuse_controls, to_url
from fasthttp.response import ClientResponse, Response
from fasthttp.timeouts import UNSET, Timeout
from fasthttp.version import __version__
from httpwire.coding import available_codings
from httpwire.headers import Headers, check_name
from httpwire.url import URL

__all__ = ["Call", "ClientConfig", "HookTable"]

HOOK_EVENTS = ("request", "response", "error")

# What a call may be given, apart from what describes the request itself.
_RULES = frozenset(
    "timeout verify cert ssl_context stream follow_redirects max_redirects hooks max_response_size"
    " cookies proxy auth http2 retry expect_continue on_upload on_download trace".split()
)
_REQUEST = frozenset(("headers", "content", "json", "data", "files", "params"))
_KNOWN = _RULES | _REQUEST
_LATER = frozenset("cookies proxy auth http2 retry expect_continue on_upload on_download trace".split())
_METHODS = {name: name.encode() for name in ("GET", "HEAD", "OPTIONS", "DELETE", "TRACE", "QUERY", "POST", "PUT", "PATCH")}
_BODY_METHODS = frozenset(("POST", "PUT", "PATCH"))  # whose missing body is announced as an empty one
_SETTLED = frozenset(("host", "content-type", "content-length", "transfer-encoding"))

HookTable = dict[str, list[Callable[..., Any]]]


class Call:
    """The rules of one call. Shared by all calls that say nothing of their own, so never changed."""

    __slots__ = (
        "follow_redirects",
        "hooks",
        "max_ratio",
        "max_redirects",
        "max_response_size",
        "response_class",
        "stream",
        "timeout",
        "tls",
    )

    def __init__(self) -> None:
        self.response_class: type[Response] = ClientResponse
        self.timeout = Timeout()
        self.stream = False
        self.follow_redirects = True
        self.max_redirects = 5
        self.hooks: HookTable | None = None
        self.max_response_size: int | None = None
        self.max_ratio: float | None = 100.0
        self.tls: dict[str, Any] | None = None  # verify, cert, ssl_context of this call

    def copy(self) -> Call:
        new = Call.__new__(Call)
        for name in Call.__slots__:
            setattr(new, name, getattr(self, name))
        return new


class ClientConfig:
    """What a client was told, checked. The two colours of a client share one."""

    def __init__(
        self,
        *,
        base_url: str | None = None,
        headers: Any = None,
        params: Any = None,
        timeout: Any = None,
        hooks: Mapping[str, Any] | None = None,
        user_agent: str | None = None,
        follow_redirects: bool = True,
        max_redirects: int = 5,
        default_encoding: Any = "utf-8",
        max_response_size: int | None = None,
        max_decompress_ratio: float | None = 100.0,
        sensitive_headers: Iterable[str] = (),
        logger: logging.Logger | None = None,
    ) -> None:
        self.closed = False
        self.logger = logging.getLogger("fasthttp.client") if logger is None else logger
        self.default_encoding = default_encoding
        self.sensitive = frozenset(name.lower() for name in sensitive_headers)
        self.defaults = Call()
        self.defaults.follow_redirects = follow_redirects
        self.defaults.max_redirects = _count("max_redirects", max_redirects)
        self.defaults.max_response_size = None if max_response_size is None else _count("max_response_size", max_response_size)
        self.defaults.max_ratio = max_decompress_ratio
        self.defaults.hooks = hook_table(hooks)
        self.timeout = timeout
        self.base_url = base_url
        self.params = params
        self._headers = Headers(default_headers(user_agent))
        self._lines = b""  # the headers as they were encoded last, and whether a body's own may be put behind them
        self._extensible = False
        if headers is not None:
            self._headers = merge_headers(self._headers, headers)

    # --- the state that users read and assign between calls

    @property
    def headers(self) -> Headers:
        return self._headers

    @headers.setter
    def headers(self, value: Any) -> None:
        self._headers = value if isinstance(value, Headers) else make_headers(value)

    @property
    def timeout(self) -> Timeout:
        return self.defaults.timeout

    @timeout.setter
    def timeout(self, value: Any) -> None:
        defaults = self.defaults.copy()  # calls in flight keep theirs
        defaults.timeout = Timeout.from_value(value)
        self.defaults = defaults

    @property
    def base_url(self) -> str | None:
        return self._base_url

    @base_url.setter
    def base_url(self, value: str | None) -> None:
        if value is not None:
            check_base(value)
        self._base_url = value

    @property
    def params(self) -> Any:
        return self._params

    @params.setter
    def params(self, value: Any) -> None:
        if value is not None and not isinstance(value, (str, bytes, Mapping, list, tuple)):
            raise TypeError(f"params takes a mapping, pairs or text, not {type(value).__name__}")
        self._params = dict(value) if isinstance(value, Mapping) else value

    # --- one call

    def resolve(self, url: str) -> URL:
        """The URL that a caller means, base URL included."""
        return _resolve(self._base_url, url)

    def plain_request(self, method: str, url: str) -> Request:
        """The request of a call that gives nothing but method and URL."""
        if self._params is not None:
            return self.request(method, url, {})
        return self._make(method, _resolve(self._base_url, url), None, None)

    def request(self, method: str, url: str, options: Mapping[str, Any]) -> Request:
        """The request that the keywords of a call describe, with this client's defaults merged in."""
        get = options.get
        target = _resolve(self._base_url, url)
        params = get("params")
        if params is not None or self._params is not None:
            target = add_params(target, self._params, params)
        body = make_body(content=get("content"), json=get("json"), data=get("data"), files=get("files"))
        return self._make(method, target, body, get("headers"))

    def _make(self, method: str, url: URL, body: Body | None, headers: Any) -> Request:
        own = self._headers
        lines = own._block or own.encode()
        if lines is not self._lines:
            self._lines = lines
            self._extensible = not _SETTLED & own.keys()
        length = 0 if body is None else body.length
        if headers is None and length is not None and self._extensible:
            # Nothing to merge: the client's header lines, encoded before, and those that the body adds.
            name = _METHODS.get(method) or check_method(method).encode("ascii")
            if body is not None:
                if body.content_type is not None:
                    lines += b"Content-Type: %b\r\n" % body.content_type.encode("ascii")
                lines += b"Content-Length: %d\r\n" % length
            elif method in _BODY_METHODS:
                lines += b"Content-Length: 0\r\n"
            head = b"%b %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (name, url.target, url.host_header, lines)
            return Request.bare(method, url, head, body, self)
        merged = merge_headers(own, headers)
        set_content_type(merged, body)
        return Request.merged(check_method(method), url, merged, body, self)

    def adopt(self, request: Request) -> Request:
        """A private copy of a caller's request, with this client's defaults merged in unless they are already."""
        if request.built_for is self:
            return request.copy()
        absolute = request._url
        url = add_params(absolute if absolute is not None else self.resolve(request._reference), self._params)
        adopted = request.derive(url=url, headers=merge_headers(self._headers, request.headers))
        adopted.built_for = self
        return adopted

    def call(self, options: Mapping[str, Any], request: Request | None = None) -> Call:
        """The rules that the keywords of a call give.

        Raises:
            TypeError: an unknown keyword.
            NotImplementedError: one whose feature is not built yet.
        """
        known = _RULES if request is not None else _KNOWN
        for name, value in options.items():
            if name not in known:
                raise TypeError(f"unexpected keyword argument {name!r}")
            if name in _LATER and value is not UNSET and value not in (None, False, ""):
                not_yet(f"{name}=")
        if request is None and _RULES.isdisjoint(options):
            return self.defaults
        call = self.defaults.copy()
        timeout = options.get("timeout", UNSET)
        if timeout is UNSET and request is not None:
            timeout = request.timeout
        if timeout is not UNSET:
            call.timeout = Timeout.from_value(timeout)
        for name in ("stream", "follow_redirects", "max_redirects", "max_response_size"):
            value = options.get(name, UNSET)
            if value is not UNSET:
                setattr(call, name, value)
        tls = {name: options[name] for name in ("verify", "cert", "ssl_context") if options.get(name, UNSET) is not UNSET}
        call.tls = tls or None
        own = hook_table(options.get("hooks"))
        if own is not None:
            call.hooks = {event: [*(call.hooks or {}).get(event, ()), *own.get(event, ())] for event in HOOK_EVENTS}
        return call


def _count(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an integer, got {type(value).__name__}")
    if value < 0:
        raise ValueError(f"{name}={value} must not be negative")
    return value


@lru_cache(maxsize=8)
def default_headers(user_agent: str | None) -> tuple[tuple[str, str], ...]:
    """The fields that every request has unless its client or call says otherwise."""
    agent = f"fasthttp/{__version__}" if user_agent is None else user_agent
    return (("User-Agent", agent), ("Accept", "*/*"), ("Accept-Encoding", ", ".join(available_codings())))


def merge_headers(base: Headers, source: Any) -> Headers:
    """A copy of `base` with the fields of `source` in place of its own; None as a value removes a field."""
    merged = base.copy()
    if source is None:
        return merged
    if not isinstance(source, Headers):
        pairs = list(source.items() if isinstance(source, Mapping) else source)
        for name, value in pairs:
            if value is None:
                try:
                    merged.pop(check_name(name), None)
                except ValueError as exc:
                    raise InvalidHeader(str(exc)) from None
        source = make_headers([pair for pair in pairs if pair[1] is not None])
    merged.update(source)
    return merged


def hook_table(hooks: Mapping[str, Any] | None) -> HookTable | None:
    """Hooks by event, each a list. Raises `ValueError` for an unknown event, `TypeError` for what cannot be called."""
    if not hooks:
        return None
    table: HookTable = {}
    for event, value in hooks.items():
        if event not in HOOK_EVENTS:
            raise ValueError(f"unknown hook event {event!r}; there are {', '.join(HOOK_EVENTS)}")
        functions = [value] if callable(value) else list(value)
        for function in functions:
            if not callable(function):
                raise TypeError(f"hooks[{event!r}]: {function!r} is not callable")
        table[event] = functions
    return table


def check_base(text: str) -> URL:
    """The base URL, parsed. Raises `InvalidURL` for one that cannot be a prefix."""
    if not is_absolute(text):
        raise InvalidURL(f"Invalid URL: base URL {text[:200]!r} is not absolute")
    url = to_url(text)
    if url.query is not None or url.fragment is not None:
        raise InvalidURL("Invalid URL: a base URL has no query and no fragment")
    return url


@lru_cache(maxsize=1024)
def _resolve(base: str | None, url: str) -> URL:
    if is_absolute(url):
        return http_url(url)
    refuse_controls(url)
    if base is None:
        raise InvalidURL(f"Invalid URL: {url.partition('?')[0][:200]!r} is relative, and there is no base URL")
    prefix = check_base(base)
    path = prefix.path.rstrip("/")
    reference = url if not url or url.startswith("?") else "/" + url.lstrip("/")
    joined = to_url(f"{prefix.scheme}://{prefix.host_header.decode('ascii')}{path}{reference}")
    return joined.replace(scheme={"ws": "http", "wss": "https"}.get(joined.scheme, joined.scheme))
