"""`Route` and `Router`: requests declared with the functions that take their responses. Sends nothing."""

from __future__ import annotations

import copy
import difflib
import inspect
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from weakref import WeakKeyDictionary

from fasthttp._pure.later import not_yet
from fasthttp._pure.replay import Replay
from fasthttp._pure.routes import VERBS, check_url, complete_url, fill_path, join_prefix, merge_settings
from fasthttp._pure.validation import check_model, result_model
from fasthttp.dependencies import Depends, as_dependencies
from fasthttp.events import EventHooks, Hookable
from fasthttp.timeouts import UNSET, Timeout
from httpwire import jsonio

if TYPE_CHECKING:
    from typing import Self

__all__ = ["Route", "Router"]

Handler = TypeVar("Handler", bound=Callable[..., Any])

_OPTIONS = frozenset(
    "params headers json data files timeout auth allow_redirects response_model request_model responses tags dependencies"
    " raise_for_status name path_params each after".split()
)
_GRAPHQL_OPTIONS = frozenset("headers timeout tags response_model dependencies auth raise_for_status name after".split())
_SSE_OPTIONS = frozenset("headers reconnect max_retries tags params json auth timeout dependencies backoff name".split())
_DEFAULTS = {f"{verb}_request": verb for verb in VERBS}
_ALL_OPTIONS = _OPTIONS | frozenset(_DEFAULTS)
_DEFAULT_KEYS = frozenset(("headers", "timeout", "allow_redirects", "params"))


class Route:
    """A declared request.

    Attributes: `name`, `method`, `url` (full), `handler`, `tags`, `dependencies`, `kind`; what is sent: `path_params`,
    `params`, `headers`, `json`, `data`, `files`, `auth`, `timeout`; what is checked: `request_model`, `response_model`,
    `responses`. The object that dependencies, hooks and middleware are given is a copy for one request: what they assign
    to it is what is sent. `results` holds those of the routes in `after`. `skip_request` is False: every route is sent.
    """

    kind = "http"
    is_content = False  # whether `data` goes out as it is, with no type of its own
    skip_request = False
    results: Mapping[str, Any] = {}

    def __init__(
        self,
        method: str,
        url: str,
        handler: Callable[..., Any] | None = None,
        *,
        name: str | None = None,
        tags: Sequence[str] | None = None,
        dependencies: Sequence[Depends | Callable[..., Any]] | None = None,
        responses: Mapping[int, Mapping[str, Any]] | None = None,
        response_model: Any = None,
        request_model: Any = None,
        raise_for_status: bool = False,
        path_params: Any = None,
        each: Iterable[Any] | None = None,
        after: Sequence[Callable[..., Any] | str] | None = None,
        timeout: Any = UNSET,
        auth: Any = None,
        allow_redirects: bool | None = None,
        params: Any = None,
        headers: Any = None,
        json: Any = None,
        data: Any = None,
        files: Any = None,
        **defaults: Any,
    ) -> None:
        self._method = method
        self._url = url
        check_url(url, self._schemes())
        self.handler = handler
        self.takes_response, self.is_async = _read_handler(handler)
        self.explicit_name = name
        self.name = name or (url if handler is None else _name_of(handler))
        self.tags = tuple(_texts("tags", tags))
        self.dependencies = as_dependencies(dependencies)
        self.responses = _check_responses(responses)
        for model in (response_model, request_model):
            if model is not None:
                check_model(model)
        self.response_model = response_model
        self.request_model = request_model
        self.result_model = None if handler is None else result_model(handler, response_model)
        self.raise_for_status = raise_for_status
        self.path_params = path_params
        self.each = each
        self.after = _texts_or_functions(after)
        self.timeout = timeout
        if timeout is not UNSET:
            Timeout.from_value(timeout)
        self.auth = auth
        self.allow_redirects = allow_redirects
        self.params = params
        self.headers = headers
        self.json = json
        self.data = data
        self.files = files
        self.replay = Replay(data, files)
        self.defaults = _merge_defaults(method, defaults)
        self._check_body()
        if each is not None and not isinstance(each, Iterable):
            raise TypeError(f"each= takes an iterable, not {type(each).__name__}")
        if path_params is not None and not callable(path_params) and not isinstance(path_params, Mapping):
            raise TypeError(f"path_params= takes a mapping or a function of the route, not {type(path_params).__name__}")

    @staticmethod
    def _schemes() -> Sequence[str]:
        return ("http", "https")

    @property
    def method(self) -> str:
        """The method; it cannot be changed."""
        return self._method

    @property
    def url(self) -> str:
        """The full URL; it cannot be changed."""
        return self._url

    def _check_body(self) -> None:
        if self.json is not None and self.data is not None:
            raise ValueError("json= and data= exclude each other: a request has one body")
        if self.json is None or callable(self.json):
            return
        if self.files is not None and not isinstance(self.json, Mapping):
            raise ValueError(f"json= beside files= must be a mapping, whose members become parts; got {type(self.json).__name__}")
        jsonio.encode(self.json)  # raises, naming the place

    def check_template(self, prefix: str) -> None:
        """Raise `ValueError` unless `path_params` names the fields of the URL behind this prefix, all of them."""
        if self.kind == "http" and self.each is None and not callable(self.path_params):
            fill_path(join_prefix(prefix, self._url), self.path_params or {})

    def check_strict(self) -> None:
        """Raise `TypeError` unless the handler is annotated."""
        signature = inspect.signature(self.handler)  # type: ignore[arg-type]
        name = _name_of(self.handler)
        for parameter in signature.parameters.values():
            if parameter.annotation is parameter.empty:
                raise TypeError(f"Parameter {parameter.name!r} in function {name!r} must have a type annotation")
        if signature.return_annotation is signature.empty:
            raise TypeError(f"Function {name!r} must explicitly define return type annotation")

    def copy(self, **changes: Any) -> Self:
        """A copy with its own params and headers; `changes` may name `url` and `name` too."""
        new = copy.copy(self)
        for name in ("params", "headers"):
            value = getattr(new, name)
            if isinstance(value, (dict, list)):
                setattr(new, name, value.copy())
        for name, value in changes.items():
            setattr(new, "_url" if name == "url" else name, value)
        return new

    def __repr__(self) -> str:
        return f"<Route {self.name}: {self.method} {self.url}>"


class GraphQLRoute(Route):
    """A GraphQL operation: its handler returns the query; the value is what comes back."""

    kind = "graphql"
    operation_type = "query"


class SSERoute(Route):
    """A stream of events: its handler is called with each."""

    kind = "sse"

    def __init__(self, *arguments: Any, reconnect: bool = False, max_retries: int = 0, backoff: float = 1.0, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if reconnect and max_retries == 0:
            warnings.warn("reconnect=True does nothing with max_retries=0; use -1 for any number of tries", UserWarning, stacklevel=4)
        self.reconnect = reconnect
        self.max_retries = max_retries
        self.backoff = backoff


class Declarations(Hookable):
    """The decorators that apps and routers share."""

    _declared: list[Any]
    strict: bool

    def add_route(self, method: str, url: str, handler: Callable[..., Any], **options: Any) -> Route:
        """Register a route without a decorator; `options` as for the decorators."""
        refuse_unknown(method.lower(), options, _ALL_OPTIONS)
        route = Route(method.upper(), url, handler, **options)
        return self._register(route)

    def _register(self, route: Route) -> Route:
        route.check_template(getattr(self, "prefix", ""))
        if self.strict:
            route.check_strict()
        self._claim(route)
        self._declared.append(route)
        return route

    def _claim(self, route: Route) -> None:
        """Take note of a new route's name."""

    def _declare(self, method: str, url: str, options: dict[str, Any]) -> Callable[[Handler], Handler]:
        refuse_unknown(method.lower(), options, _ALL_OPTIONS)

        def register(handler: Handler) -> Handler:
            self.add_route(method, url, handler, **options)
            return handler

        return register

    def get(self, url: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a GET request; the function takes its response.

        Args:
            url: absolute, or relative to the base URL; `{name}` in its path is filled from `path_params` or `each`.
            options: what is sent: `params`, `headers` (None as a value removes one), `json`, `data`, `files`, `timeout`,
                `auth`, `allow_redirects`, `path_params`; what is checked: `request_model`, `response_model`, `responses`
                (statuses that are expected, each with a `model` or without), `raise_for_status`; `dependencies`, `tags`,
                `name`; `each` (one request for every item), `after` (routes that have to be done before); and
                `get_request`, `post_request` … with defaults of the four `headers`, `timeout`, `params`, `allow_redirects`.
        """
        return self._declare("GET", url, options)

    def head(self, url: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a HEAD request; see `get`."""
        return self._declare("HEAD", url, options)

    def options(self, url: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare an OPTIONS request; see `get`."""
        return self._declare("OPTIONS", url, options)

    def post(self, url: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a POST request; see `get`."""
        return self._declare("POST", url, options)

    def put(self, url: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a PUT request; see `get`."""
        return self._declare("PUT", url, options)

    def patch(self, url: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a PATCH request; see `get`."""
        return self._declare("PATCH", url, options)

    def delete(self, url: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a DELETE request; see `get`."""
        return self._declare("DELETE", url, options)

    def query(self, url: str, **options: Any) -> Callable[[Handler], Handler]:
        """Declare a QUERY request; see `get`."""
        return self._declare("QUERY", url, options)

    def graphql(self, url: str, *, operation_type: Literal["query", "mutation"] = "query", **options: Any) -> Callable[[Handler], Handler]:
        """Declare a GraphQL operation; the function returns the query, or a mapping with `query` and `variables`.

        Args:
            url: as for `get`.
            operation_type: "query", or "mutation", which is never repeated by itself.
            options: `headers`, `timeout`, `tags`, `response_model`, `dependencies`, `auth`, `raise_for_status`, `name`, `after`.
        """
        if operation_type not in ("query", "mutation"):
            raise ValueError(f"operation_type={operation_type!r}; there are 'query' and 'mutation'")
        refuse_unknown("graphql", options, _GRAPHQL_OPTIONS)

        def register(handler: Handler) -> Handler:
            route = GraphQLRoute("POST", url, handler, **options)
            route.operation_type = operation_type
            self._register(route)
            return handler

        return register

    def sse(self, url: str, *, method: str = "GET", **options: Any) -> Callable[[Handler], Handler]:
        """Declare a stream of server-sent events; the function is called with each event, one after another.

        Args:
            url: as for `get`.
            method: "GET", or "POST" with `json`.
            options: `headers`, `params`, `json`, `auth`, `timeout` (connecting, and silence between bytes), `tags`,
                `dependencies`, `name`; `reconnect`, `max_retries` (tries in a row, -1 for any number), `backoff` in seconds.
        """
        refuse_unknown("sse", options, _SSE_OPTIONS)

        def register(handler: Handler) -> Handler:
            self._register(SSERoute(method.upper(), url, handler, **options))
            return handler

        return register

    def ws(self, url: str, **options: Any) -> Callable[[Handler], Handler]:
        """Later: declare a WebSocket."""
        not_yet("WebSocket routes (ws)")

    def include_router(
        self,
        router: Router,
        *,
        prefix: str = "",
        tags: Sequence[str] | None = None,
        dependencies: Sequence[Depends | Callable[..., Any]] | None = None,
        base_url: str | None = None,
    ) -> None:
        """Take in the routes of a router, also those that it gets later.

        Args:
            prefix, tags, dependencies: stand before those of the router.
            base_url: instead of the router's.

        Raises:
            ValueError: the router would be in itself; or a name is taken.
        """
        if not isinstance(router, Router):
            raise TypeError(f"include_router takes a Router, not {type(router).__name__}")
        if router is self or router.contains(self):
            raise ValueError("a router cannot be included in itself")
        inclusion = _Inclusion(router, prefix, tuple(_texts("tags", tags)), as_dependencies(dependencies), base_url)
        if self.strict:
            for placed in inclusion.flatten():
                placed.route.check_strict()
        self._claim_inclusion(inclusion)
        self._declared.append(inclusion)

    def _claim_inclusion(self, inclusion: _Inclusion) -> None:
        """Take note of the names of an included router."""


class Placed:
    """A route in its place: with what the routers around it add."""

    __slots__ = ("base_url", "dependencies", "hooks", "route", "tags", "url")

    def __init__(self, route: Route) -> None:
        self.route = route
        self.url = route.url
        self.base_url: str | None = None
        self.tags = route.tags if route.kind == "http" else tuple(dict.fromkeys((*route.tags, route.kind)))
        self.dependencies: tuple[Depends, ...] = route.dependencies
        self.hooks: tuple[EventHooks, ...] = ()  # of the routers, the nearest first

    def within(self, inclusion: _Inclusion) -> Placed:
        """The same, seen from outside the inclusion."""
        router = inclusion.router
        bases = [inclusion.base_url, router.base_url]
        new = Placed(self.route)
        new.url = self.url
        for at, prefix in ((1, router.prefix), (0, inclusion.prefix)):
            if not prefix.lower().startswith(("http://", "https://")):
                new.url = join_prefix(prefix, new.url)
            elif bases[at] is None:
                bases[at] = prefix
        new.base_url = self.base_url or bases[0] or bases[1]
        new.tags = tuple(dict.fromkeys((*inclusion.tags, *router.tags, *self.tags)))
        new.dependencies = (*inclusion.dependencies, *router.dependencies, *self.dependencies)
        new.hooks = (*self.hooks, router.event_hooks) if router.event_hooks else self.hooks
        return new

    def seen(self) -> Route:
        """The route as its place makes it: the declared one where nothing stands around it."""
        url = self.url if self.base_url is None else complete_url(self.url, self.base_url)
        if (url, self.tags, self.dependencies) == (self.route.url, self.route.tags, self.route.dependencies):
            return self.route
        return self.route.copy(url=url, tags=self.tags, dependencies=self.dependencies)


class _Inclusion:
    """A router in another, or in an app."""

    def __init__(self, router: Router, prefix: str, tags: tuple[str, ...], dependencies: tuple[Depends, ...], base_url: str | None) -> None:
        self.router = router
        self.prefix = prefix
        self.tags = tags
        self.dependencies = dependencies
        self.base_url = base_url

    def flatten(self) -> Iterator[Placed]:
        """The routes in their places."""
        for placed in flatten(self.router._declared):
            yield placed.within(self)


def flatten(items: Iterable[Any]) -> Iterator[Placed]:
    """Routes, and those of included routers, in the order of registration."""
    for item in items:
        if isinstance(item, Route):
            yield Placed(item)
        else:
            yield from item.flatten()


class Router(Declarations):
    """Routes to be included in an app, or in another router.

    Args:
        base_url: prefix of its relative URLs; what includes it may name another.
        prefix: stands before the URL of each route; one that begins with http:// or https:// is a base URL.
        tags, dependencies: stand before those of each route.
        strict: refuse handlers that are not annotated.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        prefix: str = "",
        tags: Sequence[str] | None = None,
        dependencies: Sequence[Depends | Callable[..., Any]] | None = None,
        strict: bool = False,
        **unknown: Any,
    ) -> None:
        refuse_unknown("Router", unknown, (), ("base_url", "prefix", "tags", "dependencies", "strict"))
        self.base_url = base_url
        self.prefix = prefix
        self.tags = tuple(_texts("tags", tags))
        self.dependencies = as_dependencies(dependencies)
        self.strict = strict
        self.event_hooks = EventHooks()
        self._declared: list[Any] = []

    @property
    def routes(self) -> list[Route]:
        """The routes, those of included routers in their places."""
        return [placed.seen() for placed in flatten(self._declared)]

    def contains(self, other: Any) -> bool:
        """Whether `other` is included here, at whatever depth."""
        return any(item.router is other or item.router.contains(other) for item in self._declared if isinstance(item, _Inclusion))


class Names:
    """The names of the routes of an app: automatic ones are numbered, explicit ones must be free."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._taken: set[str] = set()

    def copy(self) -> Names:
        """The same names, to try out further ones."""
        new = Names()
        new._counts, new._taken = self._counts.copy(), self._taken.copy()
        return new

    def claim(self, route: Route) -> str:
        """The name that a route gets. Raises `ValueError` for an explicit one that is taken."""
        name = route.explicit_name
        if name is not None:
            if name in self._taken:
                raise ValueError(f"a route named {name!r} exists already")
        else:
            base = route.url if route.handler is None else _name_of(route.handler)
            while name is None or name in self._taken:
                self._counts[base] += 1
                name = base if self._counts[base] == 1 else f"{base}#{self._counts[base]}"
        self._taken.add(name)
        return name


def _name_of(handler: Any) -> str:
    return str(getattr(handler, "__name__", type(handler).__name__))


def refuse_unknown(called: str, given: Iterable[str], known: Iterable[str], close_to: Iterable[str] = ()) -> None:
    """Raise `TypeError` for a keyword that is not known, with the closest one that is."""
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, [*known, *close_to], n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"{called}() got an unexpected keyword argument {name!r}{hint}")


def _merge_defaults(method: str, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The `<verb>_request` options of one route, which apply whatever its verb, in the order of the signature."""
    refuse_unknown(method.lower(), defaults, _DEFAULTS, _OPTIONS)
    return merge_settings(*(check_defaults(name, defaults[name]) for name in _DEFAULTS if defaults.get(name)))


def check_defaults(name: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The value of a `<verb>_request=`. Raises `TypeError`."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name}= takes a mapping, not {type(value).__name__}")
    unknown = [key for key in value if key not in _DEFAULT_KEYS]
    if unknown:
        raise TypeError(f"{name}= has the unknown key {unknown[0]!r}; there are {', '.join(sorted(_DEFAULT_KEYS))}")
    if "timeout" in value:
        Timeout.from_value(value["timeout"])
    return value


def _texts(name: str, given: Sequence[str] | None) -> Sequence[str]:
    if isinstance(given, str):
        raise TypeError(f"{name}= takes a sequence of strings, not a string")
    return given or ()


def _texts_or_functions(after: Sequence[Callable[..., Any] | str] | None) -> tuple[Callable[..., Any] | str, ...]:
    if after is None:
        return ()
    if isinstance(after, str) or callable(after):
        raise TypeError("after= takes a sequence of routes, by function or by name")
    return tuple(after)


def _check_responses(responses: Mapping[int, Mapping[str, Any]] | None) -> dict[int, Any]:
    checked: dict[int, Any] = {}
    for status, described in (responses or {}).items():
        if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
            raise ValueError(f"responses= has the key {status!r}; keys are statuses from 100 to 599")
        model = described.get("model") if isinstance(described, Mapping) else None
        if model is not None:
            check_model(model)
        checked[status] = described
    return checked


_read: WeakKeyDictionary[Any, tuple[bool, bool]] = WeakKeyDictionary()  # one function may serve thousands of routes


def _read_handler(handler: Any) -> tuple[bool, bool]:
    """(whether it takes the response, whether it is async). Raises `TypeError` for one that wants more."""
    if handler is None:
        return False, False
    if handler.__class__ is FunctionType and handler in _read:
        return _read[handler]
    if not callable(handler):
        raise TypeError(f"a handler must be callable, not {type(handler).__name__}")
    parameters = inspect.signature(handler).parameters.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p.name for p in positional if p.default is p.empty]
    keywords = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if len(required) > 1 or keywords:
        count = f"{len(required) + len(keywords)}: {', '.join(required + keywords)}"
        raise TypeError(f"Handler {_name_of(handler)!r} must accept one argument (the response); it requires {count}")
    # A first parameter with a default is the response by its name only: in `lambda item=item: …` it is none.
    by_name = bool(positional) and positional[0].name in ("resp", "response")
    takes_response = bool(required) or by_name or any(p.kind is p.VAR_POSITIONAL for p in parameters)
    is_async = inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(getattr(handler, "__call__", None))  # noqa: B004
    if handler.__class__ is FunctionType:
        _read[handler] = takes_response, is_async
    return takes_response, is_async
