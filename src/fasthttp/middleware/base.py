"""`BaseMiddleware`: what stands around a request; and the order of several. Sends nothing itself."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fasthttp._pure.routes import merge_params
from fasthttp.models import add_params, http_target
from fasthttp.response import Response

if TYPE_CHECKING:
    from fasthttp.cookies import CookieJar
    from fasthttp.retry import RetryPolicy
    from fasthttp.routing import Route

__all__ = ["BaseMiddleware", "CallNext", "MiddlewareChain", "MiddlewareManager", "RouteRequest", "settled"]


class RouteRequest:
    """A request on its way through the middleware: what is in `config` is what will be sent.

    Attributes: `method`, `route` (the copy for this request), `config` (a dict that always has `headers`, `timeout`,
    `allow_redirects`, `params`, `json`, `data`, `files` and `auth`), `jar` (of its cookies), `retry` (its policy).
    """

    __slots__ = ("config", "jar", "method", "retry", "route")

    def __init__(self, method: str, route: Route, config: dict[str, Any], *, jar: CookieJar | None = None) -> None:
        self.method = method
        self.route = route
        self.config = config
        self.jar = jar
        self.retry: RetryPolicy | None = None

    @property
    def headers(self) -> dict[str, Any]:
        """The headers of `config`."""
        headers: dict[str, Any] = self.config["headers"]
        return headers

    @property
    def url(self) -> str:
        """The URL, parameters included."""
        return add_params(http_target(self.route.url)[0], merge_params(self.config["params"])).href

    def __repr__(self) -> str:
        return f"<RouteRequest {self.method} {self.route.url}>"


CallNext = Callable[[RouteRequest], Awaitable[Response]]


class BaseMiddleware:
    """Something around requests. Override `handle`, or the shorthand methods; each may be sync or async.

    Class attributes: `__priority__` (low runs first on the way in, last on the way out), `__methods__` (only requests
    with these), `__enabled__` (read for each request).
    """

    __return_type__: type | None = None
    __priority__: int = 0
    __methods__: Sequence[str] | None = None
    __enabled__: bool = True

    async def handle(self, request: RouteRequest, call_next: CallNext) -> Response:
        """Answer a request: by `await call_next(request)`, as it is or changed, once or several times or not at all."""
        route, config = request.route, request.config
        before = getattr(self, "before_request", None)
        after = getattr(self, "after_response", None)
        try:
            if before is not None:
                _edit(self, "before_request", await settled(before(route, config)), config)
            _edit(self, "request", await settled(self.request(request.method, route.url, config)), config)
            response = await call_next(request)
            response = _kept(self, "response", await settled(self.response(response)), response)
            if after is not None:
                response = _kept(self, "after_response", await settled(after(response, route, config)), response)
            return response
        except Exception as exc:
            await settled(self.on_error(exc, route, config))
            raise

    def request(self, method: str, url: str, kwargs: dict[str, Any]) -> Any:
        """Before the request; `kwargs` is its config. Returns it, or another dict, or None for the same one."""
        return kwargs

    def response(self, response: Response) -> Any:
        """After the response. Returns it, or another one, or None for the same one."""
        return response

    def on_error(self, error: Exception, route: Route, config: dict[str, Any]) -> Any:
        """After a failure, which goes on to the caller."""

    def applies(self, method: str) -> bool:
        """Whether requests with this method pass through."""
        if not self.__enabled__:
            return False
        return self.__methods__ is None or method.upper() in {name.upper() for name in self.__methods__}

    def __or__(self, other: BaseMiddleware | MiddlewareChain) -> MiddlewareChain:
        return MiddlewareChain([self, *chain_of(other)])


def _edit(middleware: BaseMiddleware, name: str, result: Any, config: dict[str, Any]) -> None:
    if result is None or result is config:
        return
    if not isinstance(result, dict):
        raise TypeError(f"{type(middleware).__name__}.{name} returned {type(result).__name__}; it must return a dict or None")
    config.update(result)


def _kept(middleware: BaseMiddleware, name: str, result: Any, response: Response) -> Response:
    if result is None:
        return response
    if not isinstance(result, Response):
        raise TypeError(f"{type(middleware).__name__}.{name} returned {type(result).__name__}; it must return a Response or None")
    return result


async def settled(value: Any) -> Any:
    """A value that may have to be awaited."""
    return await value if inspect.isawaitable(value) else value


class MiddlewareChain:
    """Several middleware, joined by `|`."""

    def __init__(self, middleware: Iterable[BaseMiddleware] = ()) -> None:
        self._items = list(middleware)

    def __iter__(self) -> Iterator[BaseMiddleware]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __or__(self, other: BaseMiddleware | MiddlewareChain) -> MiddlewareChain:
        return MiddlewareChain([*self._items, *chain_of(other)])


def chain_of(given: Any) -> list[BaseMiddleware]:
    """`middleware=` in any of its shapes as a list. Raises `TypeError`."""
    if given is None:
        return []
    items: list[Any] = [given] if isinstance(given, (BaseMiddleware, type)) else list(given)
    for item in items:
        if isinstance(item, type):
            raise TypeError(f"middleware= takes instances: write {item.__name__}() instead of {item.__name__}")
        if not isinstance(item, BaseMiddleware):
            raise TypeError(f"middleware= takes instances of BaseMiddleware, not {type(item).__name__}")
    return items


class MiddlewareManager:
    """The middleware of an app or a session, in their order."""

    def __init__(self, middleware: Any = None) -> None:
        self._items: list[BaseMiddleware] = []
        self.add(middleware)

    def add(self, middleware: Any) -> None:
        """Add one or several more, each after those of its own `__priority__`."""
        self._items = sorted([*self._items, *chain_of(middleware)], key=lambda item: item.__priority__)

    def __iter__(self) -> Iterator[BaseMiddleware]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    async def run(self, request: RouteRequest, send: CallNext) -> Response:
        """The response to a request that passes through those that apply to it."""
        chain = [item for item in self if item.applies(request.method)]

        def step(index: int) -> CallNext:
            if index == len(chain):
                return send

            async def call(request: RouteRequest) -> Response:
                response = await settled(chain[index].handle(request, step(index + 1)))
                if not isinstance(response, Response):
                    kind = type(response).__name__
                    raise TypeError(f"{type(chain[index]).__name__}.handle returned {kind}; it must return a Response")
                return response

            return call

        return await step(0)(request)
