"""`APIRouter`: path operations under a prefix, with what they share; routers within routers."""

from __future__ import annotations

import inspect
import os
import sys
import warnings
import weakref
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from copy import copy
from enum import Enum
from typing import Any, Literal, NamedTuple, Unpack

from starlette import routing
from starlette._utils import is_async_callable
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Host, Mount, WebSocketRoute, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from FasterAPI._body_limit import check_form_limits, check_max_body_size, with_body_limit
from FasterAPI._depends import Depends
from FasterAPI._frontend import Fallback, Frontend
from FasterAPI._index import RouteIndex
from FasterAPI._layers import Layer, put_around
from FasterAPI._options import AnyRoute, check_options
from FasterAPI._raises import check_raises, given
from FasterAPI._verbs import Verbs
from FasterAPI.datastructures import Default
from FasterAPI.logger import logger
from FasterAPI.responses import JSONResponse
from FasterAPI.routing import FORM_LIMITS, APIRoute, APIWebSocketRoute
from FasterAPI.types import DecoratedCallable
from FasterAPI.utils import generate_unique_id, get_value_or_default

__all__ = ["APIRouter", "FasterRouter"]


class RouteList(list[Any]):
    """The routes of a router; whoever includes it learns of what is added later."""

    def __init__(self, owner: APIRouter, routes: Iterable[BaseRoute] = ()) -> None:
        super().__init__(routes)
        self._owner = weakref.ref(owner)

    def _added(self, route: BaseRoute) -> None:
        owner = self._owner()
        if owner is not None:
            owner._route_added(route)

    def append(self, route: BaseRoute) -> None:
        super().append(route)
        self._added(route)

    def insert(self, index: Any, route: BaseRoute) -> None:
        super().insert(index, route)
        self._added(route)

    def extend(self, routes: Iterable[BaseRoute]) -> None:
        for route in routes:
            self.append(route)

    def __iadd__(self, routes: Iterable[BaseRoute]) -> RouteList:  # type: ignore[override,misc]
        self.extend(routes)
        return self

    def _reordered(self) -> None:
        owner = self._owner()
        if owner is not None:
            owner._index = None

    def __setitem__(self, index: Any, route: Any) -> None:
        super().__setitem__(index, route)
        self._reordered()

    def reverse(self) -> None:
        super().reverse()
        self._reordered()

    def sort(self, **options: Any) -> None:
        super().sort(**options)
        self._reordered()


class Inclusion(NamedTuple):
    """A router within another: what the including one said, and the routes that came of it, by the order of the list."""

    router: APIRouter
    prefix: str
    tags: list[str | Enum]
    dependencies: list[Depends]
    default_response_class: Any
    responses: dict[int | str, dict[str, Any]]
    callbacks: list[BaseRoute]
    deprecated: bool | None
    include_in_schema: bool
    generate_unique_id_function: Any
    max_body_size: int | None
    form_limits: Mapping[str, Any]
    raises: list[type[Exception]]
    made: list[BaseRoute]


class APIRouter(Verbs, routing.Router):
    """Path operations that share a prefix and options, to be included in an application or another router.

    Args:
        prefix: of every path; begins with a slash and does not end with one.
        tags, dependencies, responses, callbacks: added to those of each route.
        default_response_class: what makes answers out of results.
        routes: ready ones.
        redirect_slashes: answer a path that fits but for its last slash with a redirect.
        default: the ASGI application for paths that nothing fits.
        dependency_overrides_provider: whose `dependency_overrides` replace dependencies.
        route_class: of the routes that are made here.
        on_startup, on_shutdown, lifespan: run with the application.
        deprecated, include_in_schema: for all routes.
        generate_unique_id_function: makes operation ids out of routes.
        strict_content_type: take no body for JSON that does not say that it is.
        max_body_size: of a request, in bytes.
        form_limits: `max_fields`, `max_files`, `max_part_size`.
        raises: classes of exceptions, to stand among the answers of each route in the schema.
        middleware: around the routes of this router and of those it includes, inside the application's; outermost first.
        exception_handlers: for these routes, before those of the application.
    """

    def __init__(
        self,
        *,
        prefix: str = "",
        tags: list[str | Enum] | None = None,
        dependencies: Sequence[Depends] | None = None,
        default_response_class: Any = Default(JSONResponse),
        responses: dict[int | str, dict[str, Any]] | None = None,
        callbacks: list[BaseRoute] | None = None,
        routes: list[BaseRoute] | None = None,
        redirect_slashes: bool = True,
        default: ASGIApp | None = None,
        dependency_overrides_provider: Any = None,
        route_class: type[APIRoute] = APIRoute,
        on_startup: Sequence[Callable[[], Any]] | None = None,
        on_shutdown: Sequence[Callable[[], Any]] | None = None,
        lifespan: Any = None,
        deprecated: bool | None = None,
        include_in_schema: bool = True,
        generate_unique_id_function: Any = Default(generate_unique_id),
        strict_content_type: Any = Default(True),
        max_body_size: int | None = None,
        form_limits: Mapping[str, Any] | None = None,
        raises: Sequence[type[Exception]] | None = None,
        middleware: Sequence[Middleware] | None = None,
        exception_handlers: Mapping[Any, Callable[..., Any]] | None = None,
    ) -> None:
        check_max_body_size(max_body_size)
        self._layers = (Layer(middleware or (), exception_handlers or {}),) if middleware or exception_handlers else ()
        self.on_startup: list[Callable[[], Any]] = list(on_startup or [])
        self.on_shutdown: list[Callable[[], Any]] = list(on_shutdown or [])
        self.lifespan_context = _lifespan_of(self, lifespan)
        self._included_in: list[tuple[weakref.ref[APIRouter], Inclusion]] = []
        self._inclusions: list[Inclusion] = []
        self.frontends: list[Frontend] = []
        self._index: RouteIndex | None = None
        self.routes_version = 0
        limit = [Middleware(with_body_limit, max_body_size=max_body_size)] if max_body_size is not None else None
        super().__init__(
            routes=routes, redirect_slashes=redirect_slashes, default=default, lifespan=self.lifespan_context, middleware=limit
        )
        self.routes = RouteList(self, (put_around(copy(route), self._layers) if self._layers else route for route in self.routes))
        if prefix:
            assert prefix.startswith("/"), "A path prefix must start with '/'"
            assert not prefix.endswith("/"), "A path prefix must not end with '/', as the routes will start with '/'"
        self.prefix = prefix
        self.tags: list[str | Enum] = tags or []
        self.dependencies = list(dependencies or [])
        self.deprecated = deprecated
        self.include_in_schema = include_in_schema
        self.responses = responses or {}
        self.callbacks = callbacks or []
        self.dependency_overrides_provider = dependency_overrides_provider
        self.route_class = route_class
        self.default_response_class = default_response_class
        self.generate_unique_id_function = generate_unique_id_function
        self.strict_content_type = strict_content_type
        self.max_body_size = max_body_size
        self.form_limits = check_form_limits(form_limits)
        self.raises = check_raises(raises)

    answers_options = False  # whether OPTIONS is answered where no route has it
    native_methods = False  # whether HEAD is answered by GET, and 405 names the methods of all routes

    # --- routes of its own

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Unpack[AnyRoute]) -> None:
        """Register a function for a path, with the options of this router and of the route."""
        check_options(options, AnyRoute, "add_api_route()")
        merged: dict[str, Any] = dict(options)
        route_class = merged.pop("route_class_override", None) or self.route_class
        merged["response_class"] = get_value_or_default(merged.get("response_class", Default(JSONResponse)), self.default_response_class)
        merged["tags"] = [*self.tags, *(merged.get("tags") or [])]
        merged["dependencies"] = [*self.dependencies, *(merged.get("dependencies") or [])]
        merged["callbacks"] = [*self.callbacks, *(merged.get("callbacks") or [])]
        merged["responses"] = {**self.responses, **(merged.get("responses") or {})}
        merged["raises"] = [*self.raises, *(merged.get("raises") or [])]
        merged["deprecated"] = merged.get("deprecated") or self.deprecated
        merged["include_in_schema"] = merged.get("include_in_schema", True) and self.include_in_schema
        own_id = merged.get("generate_unique_id_function", Default(generate_unique_id))
        merged["generate_unique_id_function"] = get_value_or_default(own_id, self.generate_unique_id_function)
        merged["strict_content_type"] = get_value_or_default(merged.get("strict_content_type", Default(True)), self.strict_content_type)
        route = route_class(self.prefix + path, endpoint, dependency_overrides_provider=self.dependency_overrides_provider, **merged)
        self.routes.append(route)

    def add_route(
        self,
        path: str,
        endpoint: Callable[..., Any],
        methods: Collection[str] | None = None,
        name: str | None = None,
        include_in_schema: bool = True,
    ) -> None:
        """Register a function of a request, or an endpoint class, without parameters, validation or schema."""
        self.routes.append(routing.Route(path, endpoint, methods=methods, name=name, include_in_schema=include_in_schema))

    def route(
        self, path: str, methods: Collection[str] | None = None, name: str | None = None, include_in_schema: bool = True
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """`add_route` as a decorator."""

        def register(func: DecoratedCallable) -> DecoratedCallable:
            self.add_route(path, func, methods=methods, name=name, include_in_schema=include_in_schema)
            return func

        return register

    def add_api_websocket_route(
        self, path: str, endpoint: Callable[..., Any], name: str | None = None, *, dependencies: Sequence[Depends] | None = None
    ) -> None:
        """Register a function for WebSockets to a path."""
        route = APIWebSocketRoute(
            self.prefix + path,
            endpoint,
            name=name,
            dependencies=[*self.dependencies, *(dependencies or [])],
            dependency_overrides_provider=self.dependency_overrides_provider,
        )
        self.routes.append(route)

    def websocket(
        self, path: str, name: str | None = None, *, dependencies: Sequence[Depends] | None = None
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function for WebSockets to a path."""

        def register(func: DecoratedCallable) -> DecoratedCallable:
            self.add_api_websocket_route(path, func, name=name, dependencies=dependencies)
            return func

        return register

    def add_websocket_route(self, path: str, endpoint: Callable[..., Any], name: str | None = None) -> None:
        """Register a function of a WebSocket, without parameters or dependencies."""
        self.routes.append(WebSocketRoute(path, endpoint, name=name))

    def websocket_route(self, path: str, name: str | None = None) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """`add_websocket_route` as a decorator."""

        def register(func: DecoratedCallable) -> DecoratedCallable:
            self.add_websocket_route(path, func, name=name)
            return func

        return register

    def frontend(
        self,
        path: str,
        *,
        directory: str | os.PathLike[str],
        fallback: Fallback = "auto",
        check_dir: bool | Literal["auto"] = "auto",
    ) -> None:
        """Serve the files of a web application where no route is; see `Frontend`."""
        whole = path if not self.prefix or not path.startswith("/") else self.prefix if path == "/" else self.prefix + path
        made = Frontend(
            whole,
            directory=directory,
            fallback=fallback,
            check_dir=check_dir,
            dependencies=self.dependencies,
            overrides_provider=self.dependency_overrides_provider,
        )
        self._frontend_added(made)

    def _frontend_added(self, made: Frontend) -> None:
        put_around(made, self._layers)
        self.frontends.append(made)
        for parent, inclusion in self._included_in:
            includer = parent()
            if includer is not None:
                includer._include_frontend(inclusion, made)

    def _include_frontend(self, inclusion: Inclusion, frontend: Frontend) -> None:
        dependencies = [*self.dependencies, *inclusion.dependencies]
        prefix = self.prefix + inclusion.prefix
        made = frontend.below(prefix, dependencies, self.dependency_overrides_provider, inclusion.max_body_size)
        self._frontend_added(put_around(made, frontend.layers))

    # --- routers within routers

    def include_router(
        self,
        router: APIRouter,
        *,
        prefix: str = "",
        tags: list[str | Enum] | None = None,
        dependencies: Sequence[Depends] | None = None,
        default_response_class: Any = Default(JSONResponse),
        responses: dict[int | str, dict[str, Any]] | None = None,
        callbacks: list[BaseRoute] | None = None,
        deprecated: bool | None = None,
        include_in_schema: bool = True,
        generate_unique_id_function: Any = Default(generate_unique_id),
        max_body_size: int | None = None,
        form_limits: Mapping[str, Any] | None = None,
        raises: Sequence[type[Exception]] | None = None,
    ) -> None:
        """Serve the routes of another router as well, also those that it gets later."""
        self._check_inclusion(router, prefix)
        check_max_body_size(max_body_size)
        inclusion = Inclusion(
            router,
            prefix,
            list(tags or []),
            list(dependencies or []),
            default_response_class,
            responses or {},
            callbacks or [],
            deprecated,
            include_in_schema,
            generate_unique_id_function,
            get_first(router.max_body_size, max_body_size),
            {**check_form_limits(form_limits), **router.form_limits},
            check_raises(raises),
            [],
        )
        first = not any(found.router is router for found in self._inclusions)
        self._inclusions.append(inclusion)
        router._included_in.append((weakref.ref(self), inclusion))
        for route in list(router.routes):
            self._include(inclusion, route)
        for frontend in list(router.frontends):
            self._include_frontend(inclusion, frontend)
        if first:  # it starts once, however often it is included
            self.lifespan_context = _merged(self.lifespan_context, router.lifespan_context)

    def _check_inclusion(self, router: APIRouter, prefix: str) -> None:
        assert router is not self, "Cannot include the same APIRouter instance into itself. Did you mean to include a different router?"
        assert not router._contains(self), (
            "Cannot include an APIRouter that already includes this router. This would create a cycle of included routers."
        )
        if prefix:
            assert prefix.startswith("/"), "A path prefix must start with '/'"
            assert not prefix.endswith("/"), "A path prefix must not end with '/', as the routes will start with '/'"
            return
        for route in router.routes:
            if getattr(route, "path", None) == "":
                name = getattr(route, "name", "unknown")
                from FasterAPI.exceptions import FastAPIError

                raise FastAPIError(f"Prefix and path cannot be both empty (path operation: {name})")

    def _contains(self, router: APIRouter) -> bool:
        return any(inclusion.router is router or inclusion.router._contains(router) for inclusion in self._inclusions)

    def _route_added(self, route: BaseRoute) -> None:
        self.routes_version += 1
        self._index = None
        if self._layers:
            put_around(route, self._layers)
        for parent, inclusion in self._included_in:
            includer = parent()
            if includer is not None:
                includer._include(inclusion, route)

    def _include(self, inclusion: Inclusion, route: BaseRoute) -> None:
        """Make a route of an included router one of this router's, behind those of the same inclusion."""
        made = self._included(inclusion, route)
        if made is None:
            return
        last = inclusion.made[-1] if inclusion.made else None
        at = next((index + 1 for index, found in enumerate(self.routes) if found is last), len(self.routes)) if last else len(self.routes)
        inclusion.made.append(made)
        if at == len(self.routes):
            self.routes.append(made)
        else:
            self.routes.insert(at, made)

    def _included(self, inclusion: Inclusion, route: BaseRoute) -> BaseRoute | None:
        prefix = self.prefix + inclusion.prefix
        if isinstance(route, APIRoute):
            return put_around(self._included_operation(inclusion, route, prefix), route.layers)  # type: ignore[no-any-return]
        made: BaseRoute | None = None
        if isinstance(route, APIWebSocketRoute):
            made = APIWebSocketRoute(
                prefix + route.path,
                route.endpoint,
                name=route.name,
                dependencies=[*self.dependencies, *inclusion.dependencies, *route.dependencies],
                dependency_overrides_provider=self.dependency_overrides_provider,
            )
        elif isinstance(route, routing.Route):
            made = routing.Route(
                prefix + route.path,
                route.endpoint,
                methods=list(route.methods or []),
                name=route.name,
                include_in_schema=route.include_in_schema,
            )
        elif isinstance(route, WebSocketRoute):
            made = WebSocketRoute(prefix + route.path, route.endpoint, name=route.name)
        elif isinstance(route, Mount):
            mount = copy(route)
            mount.path = (prefix + route.path).rstrip("/")
            mount.path_regex, mount.path_format, mount.param_convertors = compile_path(mount.path + "/{path:path}")
            made = mount
        elif isinstance(route, Host):
            app = routing.Router(routes=[Mount(prefix, app=route.app)]) if prefix else route.app
            made = Host(route.host, app=app, name=route.name)
        if isinstance(made, (WebSocketRoute, routing.Route)):  # the others have taken over their application, layers included
            put_around(made, getattr(route, "layers", ()))
        if made is not None and inclusion.max_body_size is not None and hasattr(made, "app"):
            made.app = with_body_limit(made.app, inclusion.max_body_size)
        return made

    def _included_operation(self, inclusion: Inclusion, route: APIRoute, prefix: str) -> BaseRoute:
        router = inclusion.router
        return type(route)(
            prefix + route.path,
            route.endpoint,
            response_model=route.response_model,
            status_code=route.status_code,
            tags=[*self.tags, *inclusion.tags, *route.tags],
            dependencies=[*self.dependencies, *inclusion.dependencies, *route.dependencies],
            summary=route.summary,
            description=route.description,
            response_description=route.response_description,
            responses={**self.responses, **inclusion.responses, **given(route.responses)},
            raises=[*self.raises, *inclusion.raises, *route.raises],
            deprecated=route.deprecated or inclusion.deprecated or self.deprecated,
            name=route.name,
            methods=route.methods,
            operation_id=route.operation_id,
            response_model_include=route.response_model_include,
            response_model_exclude=route.response_model_exclude,
            response_model_by_alias=route.response_model_by_alias,
            response_model_exclude_unset=route.response_model_exclude_unset,
            response_model_exclude_defaults=route.response_model_exclude_defaults,
            response_model_exclude_none=route.response_model_exclude_none,
            include_in_schema=route.include_in_schema and inclusion.include_in_schema and self.include_in_schema,
            response_class=get_value_or_default(
                route.response_class, router.default_response_class, inclusion.default_response_class, self.default_response_class
            ),
            dependency_overrides_provider=self.dependency_overrides_provider,
            callbacks=[*self.callbacks, *inclusion.callbacks, *(route.callbacks or [])],
            openapi_extra=route.openapi_extra,
            generate_unique_id_function=get_value_or_default(
                route.generate_unique_id_function,
                router.generate_unique_id_function,
                inclusion.generate_unique_id_function,
                self.generate_unique_id_function,
            ),
            strict_content_type=get_value_or_default(route.strict_content_type, router.strict_content_type, self.strict_content_type),
            stream_item_type=route.stream_item_type,
            max_body_size=get_first(route.max_body_size, inclusion.max_body_size),
            form_limits={**inclusion.form_limits, **route.form_limits},
        )

    # --- requests

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.form_limits:
            scope[FORM_LIMITS] = {**scope.get(FORM_LIMITS, {}), **self.form_limits}
        if scope["type"] == "lifespan" or self.routes.__class__ is not RouteList:
            await super().app(scope, receive, send)
            return
        if "router" not in scope:
            scope["router"] = self
        await self.index().dispatch(self, scope, receive, send)

    @property
    def overridden(self) -> bool:
        """Whether any dependency is replaced."""
        return bool(getattr(self.dependency_overrides_provider, "dependency_overrides", None))

    def index(self) -> RouteIndex:
        """The index of the routes as they are now."""
        if self._index is None or self._index.source is not self.routes or self._index.size != len(self.routes):
            self._index = RouteIndex(self.routes)
        return self._index

    # --- life

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = self.lifespan_context
        self.lifespan_context = self._whole_life()
        try:
            await super().lifespan(scope, receive, send)
        finally:
            self.lifespan_context = own
            parallel = sys.modules.get("FasterAPI._parallel.pool")
            if parallel is not None:
                parallel.close_shared_pool()

    def _whole_life(self) -> Any:
        """The lifespan, and inside it the dependencies that live as long."""
        found = (dependant for route in self.routes if hasattr(route, "dependant") for dependant in route.dependant.walk())
        dependants = [dependant for dependant in found if dependant.scope == "lifespan"]
        if not dependants:
            return self.lifespan_context
        from FasterAPI._lifespan_values import lifespan_values

        provider = self.dependency_overrides_provider or self
        return _merged(self.lifespan_context, lambda app: lifespan_values(provider, dependants))

    def mount(self, path: str, app: ASGIApp, name: str | None = None, *, lifespan: bool = False) -> None:
        """Serve another application under a path.

        Args:
            path: its prefix.
            app: any ASGI application.
            name: for `url_path_for`.
            lifespan: run its lifespan inside this one's; what that yields joins the state of requests.

        Raises:
            TypeError: for `lifespan=True`, where the application is none of this framework's or Starlette's.
        """
        super().mount(path, app, name)
        if not lifespan:
            return
        inner: Any = getattr(app, "router", app)
        if not isinstance(inner, routing.Router):
            raise TypeError(f"lifespan=True needs an application whose lifespan is known, not {type(app).__name__}")
        life = (lambda: inner._whole_life()) if isinstance(inner, APIRouter) else (lambda: inner.lifespan_context)
        self.lifespan_context = _merged(self.lifespan_context, lambda _: life()(app))

    async def _startup(self) -> None:
        for handler in self.on_startup:
            await _run_handler(handler)

    async def _shutdown(self) -> None:
        """Run all of them, also after one that fails; the first error is raised at the end."""
        failed: Exception | None = None
        for handler in self.on_shutdown:
            try:
                await _run_handler(handler)
            except Exception as exc:
                logger.exception("a shutdown handler has failed: %r", handler)
                failed = failed or exc
        if failed is not None:
            raise failed

    def add_event_handler(self, event_type: str, func: Callable[[], Any]) -> None:
        """Run a function at "startup" or "shutdown"."""
        assert event_type in ("startup", "shutdown")
        (self.on_startup if event_type == "startup" else self.on_shutdown).append(func)

    def on_event(self, event_type: str) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """`add_event_handler` as a decorator. Deprecated: use `lifespan`."""
        warnings.warn(ON_EVENT, DeprecationWarning, stacklevel=2)

        def register(func: DecoratedCallable) -> DecoratedCallable:
            self.add_event_handler(event_type, func)
            return func

        return register


ON_EVENT = "on_event is deprecated, use lifespan event handlers instead."


class FasterRouter(APIRouter):
    """`APIRouter`, whose prefix may end with a slash, and may be given first."""

    def __init__(self, prefix: str = "", tags: list[str | Enum] | None = None, **options: Any) -> None:
        super().__init__(prefix=prefix.rstrip("/"), tags=tags, **options)


def get_first(*values: Any) -> Any:
    """The first value that is not None."""
    return next((value for value in values if value is not None), None)


async def _run_handler(handler: Callable[[], Any]) -> None:
    result = handler()
    if is_async_callable(handler) or inspect.isawaitable(result):
        await result


def _lifespan_of(router: APIRouter, lifespan: Any) -> Any:
    """A context manager around the life of a router: the given one, and inside it the events."""
    events = _events_of(router)
    if lifespan is None:
        return events
    if inspect.isasyncgenfunction(lifespan):
        return _merged(asynccontextmanager(lifespan), events)
    if not inspect.isgeneratorfunction(lifespan):
        return _merged(lifespan, events)
    manager = contextmanager(lifespan)

    @asynccontextmanager
    async def lifted(app: Any) -> AsyncIterator[Any]:
        with manager(app) as state:
            yield state

    return _merged(lifted, events)


def _events_of(router: APIRouter) -> Callable[[Any], AbstractAsyncContextManager[Any]]:
    reference = weakref.ref(router)

    @asynccontextmanager
    async def events(app: Any) -> AsyncIterator[None]:
        owner = reference()
        if owner is not None:
            await owner._startup()
        try:
            yield
        finally:
            if owner is not None:
                await owner._shutdown()

    return events


def _merged(outer: Any, inner: Any) -> Any:
    @asynccontextmanager
    async def merged(app: Any) -> AsyncIterator[Mapping[str, Any] | None]:
        async with outer(app) as first, inner(app) as second:
            yield None if first is None and second is None else {**(second or {}), **(first or {})}

    return merged
