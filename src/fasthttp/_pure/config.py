"""The settings of a client, and what one call makes of them: a request and the rules for it. Sends nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from fasthttp._pure.body import Body, make_body, set_content_type
from fasthttp._pure.call import HOOK_EVENTS, SAFE, Call, check_retry, check_trace, expect_seconds, hook_table
from fasthttp._pure.context import RequestContext, join_cookies, names_authorization
from fasthttp._pure.keywords import unknown_keyword
from fasthttp._pure.later import not_yet
from fasthttp._pure.numbers import at_least
from fasthttp.errors import InvalidHeader, InvalidURL
from fasthttp.models import Request, add_params, check_method, http_target, is_absolute, make_headers, refuse_controls, to_url
from fasthttp.response import Response
from fasthttp.timeouts import UNSET, Timeout
from fasthttp.version import __version__
from httpwire.coding import available_codings
from httpwire.headers import Headers, check_name
from httpwire.masking import mask_url
from httpwire.url import URL

if TYPE_CHECKING:
    from fasthttp.auth import AuthBase, NetrcTable
    from fasthttp.cookies import CookieJar
    from fasthttp.retry import CircuitBreaker, RetryPolicy

__all__ = ["ClientConfig", "Watch"]

# What a call may be given, apart from what describes the request itself.
_RULES = frozenset(
    "timeout verify cert ssl_context stream follow_redirects max_redirects hooks max_response_size"
    " proxy http2 retry expect_continue on_upload on_download trace".split()
)
_SENT = frozenset(("auth", "cookies"))  # what a request that was built before can still be given
_KNOWN = _RULES | _SENT | frozenset(("headers", "content", "json", "data", "files", "params"))
_METHODS = {name: name.encode() for name in ("GET", "HEAD", "OPTIONS", "DELETE", "TRACE", "QUERY", "POST", "PUT", "PATCH")}
_BODY_METHODS = frozenset(("POST", "PUT", "PATCH"))  # whose missing body is announced as an empty one
_SETTLED = frozenset(("host", "content-type", "content-length", "transfer-encoding", "proxy-authorization"))
_HTTP = {"ws": "http", "wss": "https"}


class Watch(Protocol):
    """Looks at every request before it goes out, redirects included."""

    max_buffered: int  # bytes of a body that is read to be signed

    def check(self, request: Request) -> None: ...

    def check_hop(self, current: URL, following: URL) -> None: ...

    def wants_body(self, request: Request) -> bool: ...

    def sign(self, request: Request) -> Request: ...


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
        cookies: Any = None,
        auth: Any = None,
        netrc: NetrcTable | None = None,
        retry: Any = None,
        expect_continue: bool | float = False,
        trace: Any = None,
    ) -> None:
        self.closed = False
        self.logger = logging.getLogger("fasthttp.client") if logger is None else logger
        self.default_encoding = default_encoding
        self.sensitive = frozenset(name.lower() for name in sensitive_headers)
        self._breaker: CircuitBreaker | None = None
        self.own_breaker: CircuitBreaker | None = None  # of the layer above, whatever a policy says
        self._breaker_differs = False  # whether a policy that asks for another one was told of
        self.defaults = Call()
        self.defaults.follow_redirects = follow_redirects
        self.defaults.max_redirects = at_least(0, "max_redirects", max_redirects)
        self.defaults.max_response_size = at_least(0, "max_response_size", max_response_size, optional=True)
        self.defaults.max_ratio = max_decompress_ratio
        self.defaults.hooks = hook_table(hooks)
        self.defaults.expect = expect_seconds(expect_continue)
        self.defaults.trace_hook = check_trace(trace)
        self._apply_retry(self.defaults, retry)
        self.defaults.settle()
        self.timeout = timeout
        self.base_url = base_url
        self.params = params
        self.jar: CookieJar | None = None  # made when the first cookie comes
        if cookies is not None:
            self.cookies = cookies
        self.keeps_cookies = True  # beyond a chain of redirects
        self.total_per_attempt = False  # whether the total limit begins anew with each attempt, waits in between left out
        self.watch: Watch | None = None
        self.inner: frozenset[str] = frozenset()  # keywords of the layer above
        self._netrc = netrc
        self._context: RequestContext | None = None  # of a call that says nothing of its own
        self.auth = auth
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
        self._base_host = None if value is None else base_target(value)[0].host
        self._base_url = value

    @property
    def params(self) -> Any:
        return self._params

    @params.setter
    def params(self, value: Any) -> None:
        if value is not None and not isinstance(value, (str, bytes, Mapping, list, tuple)):
            raise TypeError(f"params takes a mapping, pairs or text, not {type(value).__name__}")
        self._params = dict(value) if isinstance(value, Mapping) else value

    @property
    def cookies(self) -> CookieJar:
        if self.jar is None:
            from fasthttp.cookies import CookieJar

            # One step, so that threads that come here together get one jar between them.
            self.jar = self.__dict__.setdefault("_made_jar", CookieJar())
        return self.jar

    @cookies.setter
    def cookies(self, value: Any) -> None:
        from fasthttp.cookies import make_jar

        self.jar = make_jar(value)

    @property
    def auth(self) -> AuthBase | None:
        return self._auth

    @auth.setter
    def auth(self, value: Any) -> None:
        self._auth = _auth(value)
        self._context = None if self._auth is None else RequestContext(self._auth)

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker of this client, made by the policy of the client or else of the first call that has one."""
        return self._breaker or self._make_breaker(self.defaults.retry)

    def _make_breaker(self, policy: RetryPolicy | None) -> CircuitBreaker:
        from fasthttp.retry import CircuitBreaker

        breaker = CircuitBreaker() if policy is None else CircuitBreaker.from_policy(policy)
        # One step, so that threads that come here together get one breaker between them.
        self._breaker = self.__dict__.setdefault("_made_breaker", breaker)
        return self._breaker

    def _apply_retry(self, call: Call, value: Any) -> None:
        call.retry = policy = check_retry(value)
        call.breaker = self.own_breaker
        if policy is not None and policy.circuit_breaker and self.own_breaker is None:
            call.breaker = breaker = self._breaker or self._make_breaker(policy)
            if breaker.settings != policy.breaker_settings and not self._breaker_differs:
                self._breaker_differs = True
                words = "the circuit breaker of this client (threshold, recovery, probes) stays %s; a policy of a call asks for %s"
                self.logger.warning(words, breaker.settings, policy.breaker_settings)

    # --- one call

    def resolve(self, url: str) -> URL:
        """The URL that a caller means, base URL included."""
        return _resolve(self._base_url, url)[0]

    def plain_request(self, method: str, url: str) -> Request:
        """The request of a call that gives nothing but method and URL."""
        if self._params is not None:
            return self.request(method, url, {})
        target, context = _resolve(self._base_url, url)
        if context is not None or self._context is not None or self._netrc is not None:
            context = self._settle_context(target, context, {}, None)
        return self._make(method, target, None, None, context)

    def request(self, method: str, url: str, options: Mapping[str, Any]) -> Request:
        """The request that the keywords of a call describe, with this client's defaults merged in."""
        get = options.get
        target, context = _resolve(self._base_url, url)
        params = get("params")
        if params is not None or self._params is not None:
            target = add_params(target, self._params, params)
        body = make_body(content=get("content"), json=get("json"), data=get("data"), files=get("files"))
        headers = get("headers")
        if headers is not None and isinstance(headers, Iterator):
            headers = list(headers)
        if context is not None or self._context is not None or self._netrc is not None or not _SENT.isdisjoint(options) or self.inner:
            context = self._settle_context(target, context, options, headers)
        return self._make(method, target, body, headers, context)

    def _settle_context(self, url: URL, context: RequestContext | None, options: Mapping[str, Any], headers: Any) -> RequestContext | None:
        """What goes along with a request: the nearest credentials, the cookies of the call."""
        cookies = options.get("cookies", UNSET)
        auth = options.get("auth", UNSET)
        if cookies is UNSET and auth is UNSET and context is None and self._auth is not None and headers is None:
            return self._context
        context = context or RequestContext()
        if cookies is not UNSET and cookies is not None:
            from fasthttp.cookies import make_jar

            context = context._replace(cookies=make_jar(cookies))
        if self.inner and options.get("jar") is not None:
            context = context._replace(jar=options["jar"])
        if auth is UNSET and context.auth is not None:
            auth = context.auth
        context = context._replace(auth=self._nearest_auth(url, context, auth, headers))
        return None if context == RequestContext() else context

    def _nearest_auth(self, url: URL, context: RequestContext, auth: Any, headers: Any) -> AuthBase | None:
        """The credentials of the nearest level that has any; `auth` and `headers` are those of the call."""
        if auth is not UNSET and auth is not None:
            return _auth(auth)
        if names_authorization(headers):
            return None
        if auth is UNSET and self._auth is not None:
            return self._auth
        if "authorization" in self._headers:
            return None
        if context.credentials is not None or auth is None or self._netrc is None:
            return context.credentials
        return self._netrc.get(url.hostname)

    def context_after_leaving(self, url: URL, request: Request) -> RequestContext:
        """What still goes along once a redirect has led to another origin: no credentials but those that `url` has in netrc."""
        auth = None if self._netrc is None else self._netrc.get(url.hostname)
        crossed = request.context is not None and request.context.cross_site
        if not crossed:
            from fasthttp.cookies import same_site

            crossed = not same_site(request.parsed_url.host, url.host)
        return RequestContext(auth=auth, unbound=False, cross_site=crossed, jar=None if request.context is None else request.context.jar)

    def dress(self, request: Request, chain_jar: CookieJar | None = None) -> Request:
        """The request as it goes out: with the cookies for its URL, and credentials that are always the same."""
        context = request.context
        url = request.parsed_url
        unbound = (context is None or context.unbound) and (self._base_host is None or self._base_host == url.host)
        crossed = context is not None and context.cross_site
        cookies = authorization = None
        jar = chain_jar or self.jar if context is None or context.jar is None else context.jar
        if jar is not None and jar._cookies:
            cookies = jar.header_for(url, unbound=unbound, cross_site=crossed, safe=request.method in SAFE)
        if context is not None:
            if context.cookies is not None:
                own = context.cookies.header_for(url, unbound=context.unbound, cross_site=crossed, safe=request.method in SAFE)
                cookies = join_cookies(own, cookies)
            if context.auth is not None:
                authorization = context.auth.fixed_authorization
        if cookies is None and authorization is None:
            return request
        if request._headers is None and request._head is not None:
            head = request._head.lower()
            if b"\ncookie:" not in head and b"\nauthorization:" not in head:
                lines = b"" if cookies is None else b"Cookie: %b\r\n" % cookies.encode()
                return request.with_lines(lines if authorization is None else b"%bAuthorization: %b\r\n" % (lines, authorization.encode()))
        headers = request.headers.copy()
        if cookies is not None:
            headers["Cookie"] = join_cookies(headers.get("cookie"), cookies) or ""
        if authorization is not None:
            headers["Authorization"] = authorization
        dressed = request.derive(headers=headers)
        dressed.auth_round = request.auth_round
        return dressed

    def keep_cookies(self, response: Response, request: Request, chain_jar: CookieJar | None = None) -> None:
        """Store what a response sets."""
        jar = None if request.context is None else request.context.jar
        (jar if jar is not None else self.cookies if chain_jar is None else chain_jar).store(
            response.headers.get_list("set-cookie"), request.parsed_url
        )

    def _make(self, method: str, url: URL, body: Body | None, headers: Any, context: RequestContext | None) -> Request:
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
            return Request.bare(method, url, head, body, self, context)
        merged = merge_headers(own, headers)
        set_content_type(merged, body)
        request = Request.bare(check_method(method), url, None, body, self, context)
        request._headers = merged
        return request

    def adopt(self, request: Request, options: Mapping[str, Any] = {}) -> Request:
        """A private copy of a caller's request, with this client's defaults merged in unless they are already."""
        if request.built_for is self and _SENT.isdisjoint(options):
            return request.copy()
        if request.built_for is self:
            adopted = request.copy()
            # Settled before: what it has no more since a redirect must not come back.
            options = {"auth": None if request.context is None else request.context.auth, **options}
        else:
            target, context = (request._url, request.context) if request._url is not None else _resolve(self._base_url, request._reference)
            if request.context is not None and context is not request.context:
                context = (context or request.context)._replace(cookies=request.context.cookies)
            adopted = request.derive(url=add_params(target, self._params), headers=merge_headers(self._headers, request.headers))
            adopted.context = context
            adopted.built_for = self
        adopted.context = self._settle_context(adopted.parsed_url, adopted.context, options, request.headers)
        return adopted

    def call(self, options: Mapping[str, Any], request: Request | None = None) -> Call:
        """The rules that the keywords of a call give.

        Raises:
            TypeError: an unknown keyword.
            NotImplementedError: one whose feature is not built yet.
        """
        known = _KNOWN if request is None else _RULES | _SENT
        if not known.issuperset(options):
            unknown = [name for name in options if name not in known and name not in self.inner]
            if unknown:
                raise unknown_keyword(unknown[0], known)
        if _RULES.isdisjoint(options) and (request is None or request.timeout is UNSET):
            return self.defaults
        get = options.get
        if get("http2"):
            not_yet("http2=")
        call = self.defaults.copy()
        timeout = get("timeout", UNSET)
        if timeout is UNSET and request is not None:
            timeout = request.timeout
        if timeout is not UNSET:
            call.timeout = Timeout.from_value(timeout)
        for name in ("stream", "follow_redirects", "max_redirects", "max_response_size", "on_upload", "on_download"):
            value = get(name, UNSET)
            if value is not UNSET:
                if name.startswith("on_") and value is not None and not callable(value):
                    raise TypeError(f"{name}= takes a function of (done, total), not {type(value).__name__}")
                setattr(call, name, value)
        if get("trace", UNSET) is not UNSET:
            call.trace_hook = check_trace(options["trace"])
        if get("expect_continue", UNSET) is not UNSET:
            call.expect = expect_seconds(options["expect_continue"])
        if get("retry", UNSET) is not UNSET:
            self._apply_retry(call, options["retry"])
        overrides = {name: options[name] for name in ("verify", "cert", "ssl_context", "proxy") if get(name, UNSET) is not UNSET}
        call.overrides = overrides or None
        own = hook_table(get("hooks"))
        if own is not None:
            call.hooks = {event: [*(call.hooks or {}).get(event, ()), *own.get(event, ())] for event in HOOK_EVENTS}
        call.settle()
        return call


def _auth(value: Any) -> AuthBase | None:
    if value is None:
        return None
    from fasthttp.auth import make_auth

    return make_auth(value)


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


@lru_cache(maxsize=64)
def base_target(text: str) -> tuple[URL, RequestContext | None]:
    """The base URL, parsed. Raises `InvalidURL` for one that cannot be a prefix."""
    if not is_absolute(text):
        raise InvalidURL(f"Invalid URL: base URL {mask_url(text)[:200]!r} is not absolute")
    scheme, _, rest = text.partition("://")
    target = http_target(f"{_HTTP.get(scheme.lower(), scheme)}://{rest}")
    if target[0].query is not None or target[0].fragment is not None:
        raise InvalidURL("Invalid URL: a base URL has no query and no fragment")
    return target


@lru_cache(maxsize=1024)
def _resolve(base: str | None, url: str) -> tuple[URL, RequestContext | None]:
    if is_absolute(url):
        return http_target(url)
    refuse_controls(url)
    if base is None:
        raise InvalidURL(f"Invalid URL: {mask_url(url).partition('?')[0][:200]!r} is relative, and there is no base URL")
    prefix, context = base_target(base)
    reference = url if not url or url.startswith("?") else "/" + url.lstrip("/")
    return (to_url(f"{prefix.scheme}://{prefix.host_header.decode('ascii')}{prefix.path.rstrip('/')}{reference}"), context)
