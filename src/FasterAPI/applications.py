"""`Faster` and `FastAPI`: an ASGI application of path operations, its middleware, its errors, its schema."""

from __future__ import annotations

import difflib
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from typing import Any, Literal, Unpack

from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from FasterAPI import routing
from FasterAPI._body_limit import AppBodyLimitMiddleware
from FasterAPI._body_memory import check_limits
from FasterAPI._depends import Depends
from FasterAPI._frontend import Fallback
from FasterAPI._handlers import answering
from FasterAPI._options import AnyRoute
from FasterAPI._outcome import BODY, GAVE_UP, OUTCOME, outcome_app, replaying
from FasterAPI._problems import PROBLEM_HANDLERS, describe_problems
from FasterAPI._router import ON_EVENT
from FasterAPI._safe_fields import checked
from FasterAPI._telemetry import WatchedErrors, check_telemetry, is_possible
from FasterAPI._threads import THREADS, set_thread_limit
from FasterAPI._verbs import Verbs
from FasterAPI.datastructures import Default
from FasterAPI.exception_handlers import (
    client_disconnect_handler,
    http_exception_handler,
    request_validation_exception_handler,
    websocket_request_validation_exception_handler,
)
from FasterAPI.exceptions import FastAPIDeprecationWarning, RequestValidationError, WebSocketRequestValidationError
from FasterAPI.middleware.asyncexitstack import AsyncExitStackMiddleware
from FasterAPI.middleware.base import BaseHTTPMiddleware
from FasterAPI.middleware.errors import ServerErrorMiddleware
from FasterAPI.responses import JSONResponse as OwnJSONResponse
from FasterAPI.telemetry import TelemetryConfig
from FasterAPI.types import DecoratedCallable
from FasterAPI.utils import generate_unique_id

__all__ = ["FastAPI", "Faster"]

_NONE_YET = object()  # no stack of middleware is this
_EXPORTERS = "FasterAPI.telemetry._runtime"


class _Registered(list[Any]):
    """The middleware of an application, each entry with `["class"]` and `["kwargs"]`; called, a decorator that adds one."""

    def __init__(self, app: Faster) -> None:
        super().__init__({"class": entry.cls, "kwargs": entry.kwargs} for entry in app.user_middleware)
        self._app = app

    def __call__(self, middleware_type: str) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Add the decorated function of (request, call_next)."""
        assert middleware_type == "http", 'there is only @app.middleware("http")'

        def register(func: DecoratedCallable) -> DecoratedCallable:
            self._app.add_middleware(BaseHTTPMiddleware, dispatch=func)
            return func

        return register


class Faster(Verbs, Starlette):
    """An ASGI application of path operations.

    Args:
        debug: answer unhandled errors with a traceback.
        routes: ready ones, before all others.
        title, summary, description, version, terms_of_service, contact, license_info: the `info` of the schema.
        openapi_url: where the schema is served; None: nowhere, and no pages of it.
        openapi_tags, servers, openapi_external_docs, webhooks, callbacks: parts of the schema.
        docs_url, redoc_url, scalar_url: where Swagger UI, ReDoc and Scalar are served.
        offline_docs: these pages load nothing from elsewhere, but from below the first of them.
        dependencies, responses, default_response_class, tags of routers: shared by all operations.
        middleware: outermost first.
        exception_handlers: by exception class or status.
        lifespan: an async context manager around the life of the application, given it; what it yields is the state.
        on_startup, on_shutdown: functions to run then.
        root_path: where a proxy serves the application.
        strict_content_type: take no body for JSON that does not say that it is.
        max_body_size: of a request, in bytes.
        form_limits: `max_fields`, `max_files`, `max_part_size`.
        raises: classes of exceptions with a `status_code`, to stand among the answers of each operation in the schema.
        auto_head: answer HEAD by the operation for GET; the answer to a wrong method then names those of all routes.
        auto_options: answer OPTIONS with 204 and `Allow` where no route has it.
        plain_returns: operations answer `str` as text, `bytes` as they are and None with nothing, not as JSON.
        max_buffered_body: bytes of a body that `body()`, `json()` and body parameters hold in memory; above it: 413.
        json_depth_limit: levels of arrays and objects in a body; above it: 400.
        thread_limit: blocking functions that may be under way at once on one event loop.
        problem_details: the default handlers answer as `application/problem+json` (RFC 9457).
        telemetry: settings of OpenTelemetry (see `TelemetryConfig`); by default, global providers that are there when the first request
            comes are told of all requests.
        extra: names that begin with `x_` stand in the `info` of the schema, as `x-…`.
    """

    def __init__(
        self,
        *,
        debug: bool = False,
        routes: list[BaseRoute] | None = None,
        title: str = "FasterAPI",
        summary: str | None = None,
        description: str = "",
        version: str | None = None,
        openapi_url: str | None = "/openapi.json",
        openapi_tags: list[dict[str, Any]] | None = None,
        servers: list[dict[str, Any]] | None = None,
        dependencies: Sequence[Depends] | None = None,
        default_response_class: Any = Default(OwnJSONResponse),
        redirect_slashes: bool = True,
        docs_url: str | None = "/docs",
        redoc_url: str | None = "/redoc",
        scalar_url: str | None = None,
        offline_docs: bool = True,
        swagger_ui_oauth2_redirect_url: str | None = "/docs/oauth2-redirect",
        swagger_ui_init_oauth: dict[str, Any] | None = None,
        swagger_ui_parameters: dict[str, Any] | None = None,
        middleware: Sequence[Middleware] | None = None,
        exception_handlers: Mapping[Any, Callable[..., Any]] | None = None,
        on_startup: Sequence[Callable[[], Any]] | None = None,
        on_shutdown: Sequence[Callable[[], Any]] | None = None,
        lifespan: Any = None,
        terms_of_service: str | None = None,
        contact: dict[str, Any] | None = None,
        license_info: dict[str, Any] | None = None,
        root_path: str = "",
        root_path_in_servers: bool = True,
        responses: dict[int | str, dict[str, Any]] | None = None,
        callbacks: list[BaseRoute] | None = None,
        webhooks: routing.APIRouter | None = None,
        deprecated: bool | None = None,
        include_in_schema: bool = True,
        generate_unique_id_function: Any = Default(generate_unique_id),
        separate_input_output_schemas: bool = True,
        openapi_external_docs: dict[str, Any] | None = None,
        strict_content_type: bool = True,
        max_body_size: int | None = None,
        form_limits: Mapping[str, Any] | None = None,
        raises: Sequence[type[Exception]] | None = None,
        telemetry: TelemetryConfig | None = None,
        auto_head: bool = True,
        auto_options: bool = False,
        plain_returns: bool = False,
        max_buffered_body: int | None = 1 << 25,
        json_depth_limit: int = 1000,
        thread_limit: int = THREADS,
        problem_details: bool = False,
        **extra: Any,
    ) -> None:
        self.extra = _check_extra(type(self), extra)
        self._telemetry = check_telemetry(telemetry)
        self._has_asked_for_telemetry = telemetry is not None
        if version is None:
            from FasterAPI import __version__ as version
        given = dict(locals())
        for name in _DESCRIPTION:
            setattr(self, name, given[name])
        check_limits(given)
        self.servers = servers or []
        self.webhooks = webhooks or routing.APIRouter()
        problems = PROBLEM_HANDLERS if problem_details else {}
        self.exception_handlers: dict[Any, Any] = {**_HANDLERS, **problems, **(exception_handlers or {})}
        self.user_middleware: list[Middleware] = list(middleware or [])
        self._check_description()
        own = {name: given[name] for name in _OF_ROUTER}
        self.router: routing.APIRouter = routing.APIRouter(dependency_overrides_provider=self, **own)
        self.router.native_methods = given["auto_head"]
        self.router.answers_options = auto_options
        self.state = State()
        self.dependency_overrides: dict[Callable[..., Any], Callable[..., Any]] = {}
        self.openapi_schema: dict[str, Any] | None = None
        self._openapi_routes_version: Any = None
        self._forget_stacks()
        self.setup()

    def _check_description(self) -> None:
        if self.openapi_url:
            assert self.title, "A title must be provided for OpenAPI, e.g.: 'My API'"
            assert self.version, "A version must be provided for OpenAPI, e.g.: '2.1.0'"
        if self.root_path:
            warnings.warn(
                "The `root_path` parameter is deprecated. Configure the server's root path instead, for example with"
                " `fastapi run --root-path /api/v1`.",
                FastAPIDeprecationWarning,
                stacklevel=4 if isinstance(self, FastAPI) else 3,
            )

    title: str
    summary: str | None
    description: str
    version: str
    terms_of_service: str | None
    contact: dict[str, Any] | None
    license_info: dict[str, Any] | None
    openapi_url: str | None
    openapi_tags: list[dict[str, Any]] | None
    docs_url: str | None
    redoc_url: str | None
    scalar_url: str | None
    offline_docs: bool
    swagger_ui_oauth2_redirect_url: str | None
    swagger_ui_init_oauth: dict[str, Any] | None
    swagger_ui_parameters: dict[str, Any] | None
    separate_input_output_schemas: bool
    openapi_external_docs: dict[str, Any] | None
    root_path: str
    root_path_in_servers: bool
    problem_details: bool
    plain_returns: bool
    max_buffered_body: int | None
    json_depth_limit: int
    thread_limit: int
    openapi_version = "3.1.0"

    @property
    def middleware(self) -> _Registered:
        """The registered middleware; `@app.middleware("http")` adds a function."""
        return _Registered(self)

    # --- requests

    def _forget_stacks(self) -> None:
        self.middleware_stack: ASGIApp | None = None
        # `middleware_stack`, as long as nobody has put another in its place, and nobody has to watch requests.
        self._own_stack: Any = _NONE_YET if is_possible(self._telemetry) else None
        self._answers: ASGIApp | None = None  # the same middleware around what operations came to

    def build_middleware_stack(self) -> ASGIApp:
        """The router inside the middleware."""
        if not is_possible(self._telemetry):
            self._own_stack = self._wrap(self.router)
            return self._own_stack  # type: ignore[no-any-return]

        def nobody_watches() -> None:
            self._own_stack = stack

        asked_for = self._has_asked_for_telemetry
        stack = self._wrap(self.router, partial(WatchedErrors, settings=self._telemetry, asked_for=asked_for, off=nobody_watches))
        return stack

    def _wrap(self, app: ASGIApp, outermost: Any = ServerErrorMiddleware) -> ASGIApp:
        """An application inside the middleware: errors outermost, then the user's, then handlers of exceptions."""
        handlers: dict[Any, Any] = {}
        last_resort = None
        for key, handler in self.exception_handlers.items():
            if key in (500, Exception):
                last_resort = answering(handler)
            else:
                handlers[key] = answering(handler)
        stack = [
            Middleware(outermost, handler=last_resort, debug=self.debug),
            Middleware(AppBodyLimitMiddleware, max_body_size=self.max_body_size),
            *self.user_middleware,
            Middleware(ExceptionMiddleware, handlers=handlers, debug=self.debug),
            Middleware(AsyncExitStackMiddleware),
        ]
        for cls, args, kwargs in reversed(stack):
            app = cls(app, *args, **kwargs)
        return app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.thread_limit != THREADS:
            set_thread_limit(self.thread_limit)
        if scope["type"] not in ("http", "websocket"):
            await self._live(scope, receive, send)
            return
        if self.root_path:
            scope["root_path"] = self.root_path
        if scope["type"] == "http" and self._is_plain() and not scope.get("root_path"):
            path: str = scope["path"]
            segments = path.split("/")
            route, plan = self.router.index().short_way(scope["method"], path, segments)
            if plan is not None:
                scope["app"] = self
                scope["router"] = self.router
                scope["route"] = route
                scope["endpoint"] = route.endpoint
                if await plan(scope, receive, send, segments, self._finish):
                    return
            scope[GAVE_UP] = True  # before anything happened but that its body was read
        body = scope.pop(BODY, None)
        await super().__call__(scope, receive if body is None else replaying(body, receive), checked(send))

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            raise RuntimeError(f"scope type {scope['type']!r} is not supported")
        if self.root_path:
            scope["root_path"] = self.root_path
        if self._telemetry["auto_configure"] or _EXPORTERS in sys.modules:
            from FasterAPI.telemetry._runtime import lifespan

            await lifespan(config=self._telemetry, app=super().__call__, scope=scope, receive=receive, send=send)
        else:
            await super().__call__(scope, receive, send)

    def _is_plain(self) -> bool:
        """Whether nothing stands between the server and the operations that has to see each request."""
        return (
            not self.user_middleware
            and not self.dependency_overrides
            and self.middleware_stack is self._own_stack
            and self.max_body_size is None
            # Libraries replace either, on the class or on the application.
            and "build_middleware_stack" not in self.__dict__
            and type(self).build_middleware_stack is Faster.build_middleware_stack
            and type(self.router).app is routing.APIRouter.app
        )

    async def _finish(self, outcome: Any, scope: Scope, receive: Receive, send: Send) -> bool:
        """Send a response, or answer an exception, as if it came from the router."""
        if self._answers is None:
            self._answers = self._wrap(outcome_app)
        body = scope.pop(BODY, None)
        scope[OUTCOME] = outcome
        await self._answers(scope, receive if body is None else replaying(body, receive), checked(send))
        return True

    # --- registration

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Unpack[AnyRoute]) -> None:
        self.router.add_api_route(path, endpoint, **options)

    def include_router(
        self,
        router: routing.APIRouter,
        *,
        prefix: str = "",
        tags: list[str | Enum] | None = None,
        dependencies: Sequence[Depends] | None = None,
        default_response_class: Any = Default(OwnJSONResponse),
        responses: dict[int | str, dict[str, Any]] | None = None,
        callbacks: list[BaseRoute] | None = None,
        deprecated: bool | None = None,
        include_in_schema: bool = True,
        generate_unique_id_function: Any = Default(generate_unique_id),
        max_body_size: int | None = None,
        form_limits: Mapping[str, Any] | None = None,
        raises: Sequence[type[Exception]] | None = None,
    ) -> None:
        """Serve the routes of a router, also those that it gets later."""
        self.router.include_router(
            router,
            prefix=prefix,
            tags=tags,
            dependencies=dependencies,
            default_response_class=default_response_class,
            responses=responses,
            callbacks=callbacks,
            deprecated=deprecated,
            include_in_schema=include_in_schema,
            generate_unique_id_function=generate_unique_id_function,
            max_body_size=max_body_size,
            form_limits=form_limits,
            raises=raises,
        )

    def mount(self, path: str, app: ASGIApp, name: str | None = None, *, lifespan: bool = False) -> None:
        """Serve another application under a path; `lifespan`: run its lifespan inside this one's."""
        self.router.mount(path, app, name, lifespan=lifespan)

    def websocket(
        self, path: str, name: str | None = None, *, dependencies: Sequence[Depends] | None = None
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function for WebSockets to a path."""
        return self.router.websocket(path, name, dependencies=dependencies)

    def add_api_websocket_route(
        self, path: str, endpoint: Callable[..., Any], name: str | None = None, *, dependencies: Sequence[Depends] | None = None
    ) -> None:
        """Register a function for WebSockets to a path."""
        self.router.add_api_websocket_route(path, endpoint, name, dependencies=dependencies)

    def route(
        self, path: str, methods: Sequence[str] | None = None, name: str | None = None, include_in_schema: bool = True
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function of a request, without parameters, validation or schema."""
        return self.router.route(path, methods, name, include_in_schema)

    def add_websocket_route(self, path: str, endpoint: Callable[..., Any], name: str | None = None) -> None:
        """Register a function of a WebSocket, without parameters or dependencies."""
        self.router.add_websocket_route(path, endpoint, name)

    def websocket_route(self, path: str, name: str | None = None) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """`add_websocket_route` as a decorator."""
        return self.router.websocket_route(path, name)

    def add_exception_handler(self, exc_class_or_status_code: int | type[Exception], handler: Callable[..., Any]) -> None:
        """Register a function of (request, exception) for an exception class or a status, from now on."""
        super().add_exception_handler(exc_class_or_status_code, handler)
        self._forget_stacks()

    def exception_handler(self, exc_class_or_status_code: int | type[Exception]) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """Register the decorated function of (request, exception) for an exception class or a status."""

        def register(func: DecoratedCallable) -> DecoratedCallable:
            self.add_exception_handler(exc_class_or_status_code, func)
            return func

        return register

    def add_event_handler(self, event_type: str, func: Callable[[], Any]) -> None:
        """Run a function at "startup" or "shutdown"."""
        self.router.add_event_handler(event_type, func)

    def on_event(self, event_type: str) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """`add_event_handler` as a decorator. Deprecated: use `lifespan`."""
        warnings.warn(ON_EVENT, DeprecationWarning, stacklevel=2)

        def register(func: DecoratedCallable) -> DecoratedCallable:
            self.add_event_handler(event_type, func)
            return func

        return register

    @property
    def startup_handlers(self) -> list[Callable[[], Any]]:
        """What runs at start-up, in this order."""
        return self.router.on_startup

    @property
    def shutdown_handlers(self) -> list[Callable[[], Any]]:
        """What runs at shutdown, in this order."""
        return self.router.on_shutdown

    def on_startup(self, func: DecoratedCallable) -> DecoratedCallable:
        """Run the decorated function at start-up."""
        self.add_event_handler("startup", func)
        return func

    def on_shutdown(self, func: DecoratedCallable) -> DecoratedCallable:
        """Run the decorated function at shutdown."""
        self.add_event_handler("shutdown", func)
        return func

    def frontend(
        self,
        path: str,
        *,
        directory: str | os.PathLike[str],
        fallback: Fallback = "auto",
        check_dir: bool | Literal["auto"] = "auto",
    ) -> None:
        """Serve the files of a web application where no route is.

        Args:
            path: begins with a slash.
            directory: of the files.
            fallback: for unknown paths: "index.html" (for navigation), "404.html", "auto" (whichever there is), None.
            check_dir: whether the directory has to be there; "auto": except in development.
        """
        self.router.frontend(path, directory=directory, fallback=fallback, check_dir=check_dir)

    # --- the schema and its pages

    def openapi(self) -> dict[str, Any]:
        """The schema (OpenAPI 3.1), made when it is first asked for, and again after routes were added."""
        from FasterAPI.openapi.utils import get_openapi

        version = (self.router.routes_version, len(self.routes))
        if not self.openapi_schema or self._openapi_routes_version != version:
            self.openapi_schema = get_openapi(
                title=self.title,
                version=self.version,
                openapi_version=self.openapi_version,
                summary=self.summary,
                description=self.description,
                terms_of_service=self.terms_of_service,
                contact=self.contact,
                license_info=self.license_info,
                routes=self.routes,
                webhooks=self.webhooks.routes,
                tags=self.openapi_tags,
                servers=self.servers,
                separate_input_output_schemas=self.separate_input_output_schemas,
                external_docs=self.openapi_external_docs,
            )
            self.openapi_schema["info"].update({name.replace("_", "-"): value for name, value in self.extra.items()})
            if self.problem_details:
                describe_problems(self.openapi_schema)
            self._openapi_routes_version = version
        return self.openapi_schema

    def setup(self) -> None:
        """Register the routes of the schema and its pages."""
        if self.openapi_url:
            from FasterAPI.openapi.pages import Pages

            Pages(self).register()

    def add_route(
        self, path: str, route: Callable[..., Any], methods: Any = None, name: Any = None, include_in_schema: bool = True
    ) -> None:
        """Register a function of a request, without parameters, validation or schema."""
        self.router.add_route(path, route, methods=methods, name=name, include_in_schema=include_in_schema)

    def run(self, host: str = "127.0.0.1", port: int = 8000, workers: int = 1, reload: bool = False, **options: Any) -> None:
        """Serve the application with uvicorn; `options` are those of `uvicorn.run`."""
        from FasterAPI._serve import serve

        serve(self, {"host": host, "port": port, "workers": workers, "reload": reload, **options})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} routes={len(self.routes)}>"


_HANDLERS: dict[Any, Any] = {
    HTTPException: http_exception_handler,
    RequestValidationError: request_validation_exception_handler,
    WebSocketRequestValidationError: websocket_request_validation_exception_handler,
    ClientDisconnect: client_disconnect_handler,
}
# What the constructor hands to its router, and what it keeps as it is.
_OF_ROUTER = (
    "routes",
    "redirect_slashes",
    "on_startup",
    "on_shutdown",
    "lifespan",
    "default_response_class",
    "dependencies",
    "callbacks",
    "deprecated",
    "include_in_schema",
    "responses",
    "generate_unique_id_function",
    "strict_content_type",
    "max_body_size",
    "form_limits",
    "raises",
)
_DESCRIPTION = (
    "title",
    "summary",
    "description",
    "version",
    "terms_of_service",
    "contact",
    "license_info",
    "openapi_url",
    "openapi_tags",
    "docs_url",
    "redoc_url",
    "scalar_url",
    "offline_docs",
    "swagger_ui_oauth2_redirect_url",
    "swagger_ui_init_oauth",
    "swagger_ui_parameters",
    "separate_input_output_schemas",
    "openapi_external_docs",
    "root_path_in_servers",
    "plain_returns",
    "max_buffered_body",
    "json_depth_limit",
    "thread_limit",
    "debug",
    "max_body_size",
    "root_path",
    "problem_details",
)


def _check_extra(kind: type[Faster], given: dict[str, Any]) -> dict[str, Any]:
    """Names for the `info` of the schema. Raises `NotImplementedError` for what is to come, `TypeError` for other names."""
    import inspect

    extra = {}
    for name, value in given.items():
        if not name.startswith("x_"):
            known = {*inspect.signature(kind.__init__).parameters, *inspect.signature(Faster.__init__).parameters}
            close = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"{kind.__name__}() got an unexpected keyword argument {name!r}{hint}")
        extra[name] = value
    return extra


class FastAPI(Faster):
    """`Faster` with the defaults of the framework whose name this is."""

    def __init__(
        self,
        *,
        title: str = "FastAPI",
        version: str = "0.1.0",
        auto_head: bool = False,
        max_buffered_body: int | None = None,
        offline_docs: bool = False,
        **options: Any,
    ) -> None:
        own: dict[str, Any] = {"auto_head": auto_head, "max_buffered_body": max_buffered_body, "offline_docs": offline_docs}
        super().__init__(title=title, version=version, **own, **options)
