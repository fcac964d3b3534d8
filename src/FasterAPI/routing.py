"""Path operations: from a function and its options to an ASGI application. Which one a path means is the router's work."""

from __future__ import annotations

import email.message
import inspect
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from enum import Enum, IntEnum
from functools import partial
from types import MethodType
from typing import Any

from starlette import routing
from starlette._exception_handler import wrap_app_handling_exceptions
from starlette._utils import is_async_callable
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse as StarletteJSONResponse
from starlette.responses import Response
from starlette.routing import BaseRoute, Host, Match, Mount, NoMatchFound, Route, WebSocketRoute, compile_path, get_name
from starlette.types import ASGIApp, Receive, Scope, Send

from FasterAPI import _streams
from FasterAPI._annotations import is_kind
from FasterAPI._body_limit import check_form_limits, check_max_body_size, limit_error, with_body_limit
from FasterAPI._body_memory import Request as BoundedRequest
from FasterAPI._contexts import OperationRoute, RouteContext, _IncludedRouter, iter_route_contexts  # noqa: F401 - libraries ask for it
from FasterAPI._depends import Depends
from FasterAPI._raises import check_raises, documented
from FasterAPI._telemetry import TELEMETRY
from FasterAPI.background import with_tasks
from FasterAPI.concurrency import run_in_threadpool
from FasterAPI.datastructures import Default, DefaultPlaceholder
from FasterAPI.dependencies.models import Dependant
from FasterAPI.dependencies.solving import FUNCTION_STACK, REQUEST_STACK
from FasterAPI.dependencies.utils import (
    add_dependencies,
    get_dependant,
    get_stream_item_type,
    get_typed_return_annotation,
    solve_dependencies,
)
from FasterAPI.encoders import jsonable_encoder
from FasterAPI.exceptions import (
    NOT_AWAITED,
    EndpointContext,
    FastAPIError,
    RequestValidationError,
    ResponseValidationError,
    WebSocketRequestValidationError,
)
from FasterAPI.responses import PLAIN, JSONResponse, StreamingResponse, plain_response
from FasterAPI.sse import EventSourceResponse
from FasterAPI.types import IncEx
from FasterAPI.utils import generate_unique_id, is_body_allowed_for_status_code
from FasterAPI.websockets import WebSocket

__all__ = [
    "APIRoute",
    "APIRouter",
    "APIWebSocketRoute",
    "BaseRoute",
    "Host",
    "Match",
    "Mount",
    "NoMatchFound",
    "Route",
    "RouteContext",
    "WebSocketRoute",
    "compile_path",
    "get_name",
    "get_request_handler",
    "get_websocket_app",
    "iter_route_contexts",
    "request_response",
    "run_endpoint_function",
    "serialize_response",
    "websocket_session",
]

FILE_STACK = "fastapi_middleware_astack"  # in the scope: left after everything else
FORM_LIMITS = "FasterAPI.form_limits"
_PING_INTERVAL = 15.0  # seconds without an event until a comment shows that the stream lives


# --- ASGI around a handler


def request_response(func: Callable[[Request], Awaitable[Response] | Response]) -> ASGIApp:
    """A function of a request as an ASGI application, with the exit stacks of its dependencies."""
    blocking: Any = func
    handler: Any = func if is_async_callable(func) else partial(run_in_threadpool, blocking)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = BoundedRequest(scope, receive, send)

        async def respond(scope: Scope, receive: Receive, send: Send) -> None:
            sent = False
            async with AsyncExitStack() as request_stack:
                scope[REQUEST_STACK] = request_stack
                async with AsyncExitStack() as function_stack:
                    scope[FUNCTION_STACK] = function_stack
                    response = await handler(request)
                await response(scope, receive, send)
                sent = True
            if not sent:  # an exit has swallowed an exception
                raise FastAPIError(NOT_AWAITED)

        await wrap_app_handling_exceptions(respond, request)(scope, receive, send)

    return app


def websocket_session(func: Callable[[WebSocket], Awaitable[None]]) -> ASGIApp:
    """A function of a WebSocket as an ASGI application, with the exit stacks of its dependencies."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        session = WebSocket(scope, receive=receive, send=send)

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            async with AsyncExitStack() as request_stack:
                scope[REQUEST_STACK] = request_stack
                async with AsyncExitStack() as function_stack:
                    scope[FUNCTION_STACK] = function_stack
                    await func(session)
                await session.close()  # where the operation has not; a handshake that nobody accepted is refused

        await wrap_app_handling_exceptions(serve, session)(scope, receive, send)

    return app


def _context_of(call: Any, path: str, method: str, scope: Scope) -> EndpointContext:
    """Where an operation is, for the message of an error."""
    context = EndpointContext()
    try:
        file = inspect.getsourcefile(call)
        context = EndpointContext(line=inspect.getsourcelines(call)[1], function=call.__name__)
        if file is not None:
            context["file"] = file
    except Exception:  # of an object without source; the message does without
        pass
    if path:
        context["path"] = f"{method} {scope.get('root_path', '').rstrip('/')}{path}"
    return context


# --- one operation


async def serialize_response(
    *,
    field: Any = None,
    response_content: Any,
    include: IncEx | None = None,
    exclude: IncEx | None = None,
    by_alias: bool = True,
    exclude_unset: bool = False,
    exclude_defaults: bool = False,
    exclude_none: bool = False,
    is_coroutine: bool = True,
    endpoint_ctx: EndpointContext | None = None,
    dump_json: bool = False,
) -> Any:
    """What an operation returned, validated and filtered by its response model, as JSON's values or bytes.

    Raises:
        ResponseValidationError: where it does not fit.
    """
    if field is None:
        return jsonable_encoder(response_content)
    if is_coroutine:
        value, errors = field.validate(response_content, loc=("response",))
    else:  # validators may block, and the function was made for a thread
        value, errors = await run_in_threadpool(field.validate, response_content, loc=("response",))
    if errors:
        raise ResponseValidationError(errors, body=response_content, endpoint_ctx=endpoint_ctx)
    write = field.serialize_json if dump_json else field.serialize
    return write(
        value,
        include=include,
        exclude=exclude,
        by_alias=by_alias,
        exclude_unset=exclude_unset,
        exclude_defaults=exclude_defaults,
        exclude_none=exclude_none,
    )


async def run_endpoint_function(*, dependant: Dependant, values: dict[str, Any], is_coroutine: bool) -> Any:
    """Call an operation, in a thread unless it is a coroutine function."""
    assert dependant.call is not None, "dependant.call must be a function"
    return await dependant.call(**values) if is_coroutine else await run_in_threadpool(dependant.call, **values)


def get_request_handler(
    dependant: Dependant,
    body_field: Any = None,
    status_code: int | None = None,
    response_class: Any = Default(StarletteJSONResponse),
    response_field: Any = None,
    response_model_include: IncEx | None = None,
    response_model_exclude: IncEx | None = None,
    response_model_by_alias: bool = True,
    response_model_exclude_unset: bool = False,
    response_model_exclude_defaults: bool = False,
    response_model_exclude_none: bool = False,
    dependency_overrides_provider: Any = None,
    embed_body_fields: bool = False,
    strict_content_type: Any = Default(True),
    stream_item_field: Any = None,
    is_json_stream: bool = False,
    form_limits: Mapping[str, Any] | None = None,
) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    """The function from request to response for an operation; for the arguments see `APIRoute`."""
    assert dependant.call is not None, "dependant.call must be a function"
    dump = {
        "include": response_model_include,
        "exclude": response_model_exclude,
        "by_alias": response_model_by_alias,
        "exclude_unset": response_model_exclude_unset,
        "exclude_defaults": response_model_exclude_defaults,
        "exclude_none": response_model_exclude_none,
    }
    operation = _Operation(dependant, response_class, status_code, dump)
    operation.body_field = body_field
    operation.response_field = response_field
    operation.item_field = stream_item_field
    operation.is_json_stream = is_json_stream
    operation.overrides_provider = dependency_overrides_provider
    operation.embedded = embed_body_fields
    operation.form_limits = form_limits or {}
    operation.strict_content_type = getattr(strict_content_type, "value", strict_content_type)
    return operation.handle


class _Operation:
    """The way of a request through an operation, step by step."""

    body_field: Any
    response_field: Any
    item_field: Any
    is_json_stream: bool
    overrides_provider: Any
    embedded: bool
    form_limits: Mapping[str, Any]
    strict_content_type: bool

    def __init__(self, dependant: Dependant, response_class: Any, status_code: int | None, dump: dict[str, Any]) -> None:
        self.dependant = dependant
        self.call: Any = dependant.call
        self.is_coroutine = dependant.kind == "coroutine"
        self.is_default_class = isinstance(response_class, DefaultPlaceholder)
        self.response_class: Any = response_class.value if self.is_default_class else response_class
        self.is_event_stream = is_kind(self.response_class, EventSourceResponse)
        self.status_code = status_code
        self.dump = dump

    async def handle(self, request: Request) -> Response:
        scope = request.scope
        if TELEMETRY in scope:
            return await scope[TELEMETRY].handle(self, request)  # type: ignore[no-any-return]
        body = await self._body(request)
        stack = scope[REQUEST_STACK]
        solved = await solve_dependencies(
            request=request,
            dependant=self.dependant,
            body=body,
            dependency_overrides_provider=self.overrides_provider,
            async_exit_stack=stack,
            embed_body_fields=self.embedded,
        )
        if solved.errors:
            raise RequestValidationError(solved.errors, body=_told(body), endpoint_ctx=self._context(request))
        if self.dependant.is_generator:
            response = await self._stream(request, solved, stack)
        else:
            result = await run_endpoint_function(dependant=self.dependant, values=solved.values, is_coroutine=self.is_coroutine)
            if isinstance(result, Response):
                return with_tasks(result, solved.background_tasks)
            response = await self._respond(request, solved, result)
        response.headers.raw.extend(solved.response.headers.raw)
        return response

    def _context(self, request: Request) -> EndpointContext:
        return _context_of(self.call, self.dependant.path, request.method, request.scope)

    async def respond_with(self, request: Request, result: Any, errors: list[Any] | None = None) -> Response:
        """The response for a result that is there already, of an operation without dependencies; `errors`: what is wrong with it."""
        from FasterAPI.dependencies.solving import SolvedDependency, blank_response

        if errors is not None:
            raise ResponseValidationError(errors, body=result, endpoint_ctx=self._context(request))
        return await self._respond(request, SolvedDependency({}, [], None, blank_response(), {}), result)

    # --- the body of the request

    async def _body(self, request: Request) -> Any:
        from FasterAPI._fields import Undefined

        if self.body_field is None:
            return Undefined
        try:
            if self.body_field.kind in ("form", "file"):
                limits = {**request.scope.get(FORM_LIMITS, {}), **self.form_limits}
                form = await request.form(**limits)
                request.scope[FILE_STACK].push_async_callback(form.close)
                return form
            content = await request.body()
            if not content:
                return Undefined
            return await request.json() if self._is_json(request.headers.get("content-type")) else content
        except json.JSONDecodeError as exc:
            error = {"type": "json_invalid", "loc": ("body", exc.pos), "msg": "JSON decode error", "input": {}, "ctx": {"error": exc.msg}}
            raise RequestValidationError([error], body=exc.doc, endpoint_ctx=self._context(request)) from exc
        except (HTTPException, ClientDisconnect):
            raise
        except Exception as exc:
            error_of_limit = limit_error(exc) if MAX_BODY_SIZE_SCOPE_KEY in request.scope else None
            if error_of_limit is not None:
                raise error_of_limit from exc
            raise HTTPException(400, "There was an error parsing the body") from exc

    def _is_json(self, content_type: str | None) -> bool:
        if not content_type:
            return not self.strict_content_type
        if content_type == "application/json":
            return True
        message = email.message.Message()
        message["content-type"] = content_type
        subtype = message.get_content_subtype()
        return message.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))

    # --- the response

    def _arguments(self, solved: Any) -> dict[str, Any]:
        arguments: dict[str, Any] = {"background": solved.background_tasks}
        status = solved.response.status_code or self.status_code
        return {**arguments, "status_code": status} if status else arguments

    async def _respond(self, request: Request, solved: Any, result: Any) -> Response:
        field = self.response_field
        is_plain = isinstance(result, PLAIN) and self.is_default_class and (field is None or field.field_info.annotation is type(result))
        if is_plain and getattr(self.overrides_provider, "plain_returns", False):
            return plain_response(result, **self._arguments(solved))
        as_bytes = self.response_field is not None and self.is_default_class
        content = await serialize_response(
            field=self.response_field,
            response_content=result,
            is_coroutine=self.is_coroutine,
            endpoint_ctx=self._context(request) if self.response_field is not None else None,
            dump_json=as_bytes,
            **self.dump,
        )
        response: Response
        if as_bytes:
            response = Response(content=content, media_type="application/json", **self._arguments(solved))
        else:
            response = self.response_class(content, **self._arguments(solved))
        if not is_body_allowed_for_status_code(response.status_code):
            response.body = b""
            del response.headers["content-type"], response.headers["content-length"]
        return response

    async def _stream(self, request: Request, solved: Any, stack: AsyncExitStack) -> Response:
        items = self.call(**solved.values)
        arguments = self._arguments(solved)
        encode = partial(self._encode_item, request)
        if self.is_event_stream:
            stream = await _streams.events(items, encode, stack, _PING_INTERVAL)
            response = StreamingResponse(stream, media_type="text/event-stream", **arguments)
            response.headers["Cache-Control"] = "no-cache"
            response.headers["X-Accel-Buffering"] = "no"
            return response
        if self.is_json_stream:
            return StreamingResponse(_streams.json_lines(items, encode), media_type="application/jsonl", **arguments)
        made: Response = self.response_class(content=_streams.raw(items) if hasattr(items, "__aiter__") else items, **arguments)
        return made

    def _encode_item(self, request: Request, item: Any) -> bytes:
        if self.item_field is None:
            return _streams.encoded_json(item)
        value, errors = self.item_field.validate(item, loc=("response",))
        if errors:
            raise ResponseValidationError(errors, body=item, endpoint_ctx=self._context(request))
        written: bytes = self.item_field.serialize_json(value, **self.dump)
        return written


def _told(body: Any) -> Any:
    from FasterAPI._fields import Undefined

    return None if body is Undefined else body


def get_websocket_app(
    dependant: Dependant, dependency_overrides_provider: Any = None, embed_body_fields: bool = False
) -> Callable[[WebSocket], Coroutine[Any, Any, Any]]:
    """The function that serves a WebSocket for an operation."""

    async def app(websocket: WebSocket) -> None:
        scope = websocket.scope
        if TELEMETRY in scope:
            await scope[TELEMETRY].serve(websocket, dependant, dependency_overrides_provider, embed_body_fields)
            return
        solved = await solve_dependencies(
            request=websocket,
            dependant=dependant,
            dependency_overrides_provider=dependency_overrides_provider,
            async_exit_stack=scope[REQUEST_STACK],
            embed_body_fields=embed_body_fields,
        )
        if solved.errors:
            context = _context_of(dependant.call, dependant.path, "WS", scope)
            raise WebSocketRequestValidationError(solved.errors, endpoint_ctx=context)
        assert dependant.call is not None, "dependant.call must be a function"
        await dependant.call(**solved.values)

    return app


# --- routes


class APIWebSocketRoute(OperationRoute, routing.WebSocketRoute):
    """A WebSocket operation."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        name: str | None = None,
        dependencies: Sequence[Depends] | None = None,
        dependency_overrides_provider: Any = None,
    ) -> None:
        self.path = path
        self.endpoint = endpoint
        self.name = get_name(endpoint) if name is None else name
        self.dependencies = list(dependencies or [])
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self.dependant, _, self.embedded = _analysed(self.path_format, endpoint, self.dependencies)
        self.app = websocket_session(get_websocket_app(self.dependant, dependency_overrides_provider, self.embedded))


def _analysed(path: str, endpoint: Callable[..., Any], dependencies: Sequence[Depends]) -> tuple[Dependant, list[Any], bool]:
    """The dependant of an operation, its body fields, and whether they are members of one object."""
    dependant = get_dependant(path=path, call=endpoint, scope="function")
    add_dependencies(dependant, dependencies)
    fields = [field for below in dependant.walk() for field in below.body_params]
    if not fields:
        return dependant, [], False
    from FasterAPI.dependencies.values import is_embedded

    return dependant, fields, is_embedded(fields)


class APIRoute(OperationRoute, routing.Route):
    """A path operation.

    Args:
        path: a template; `{name}` and `{name:convertor}` are parameters.
        endpoint: the function.
        response_model: what its result is validated and filtered by; the return annotation by default, None for nothing.
        status_code: of the answer; that of the response class by default.
        responses: more answers for the schema, by status.
        response_class: what makes the answer out of the result.
        methods: GET by default.
        raises: classes of exceptions with a `status_code`, to stand among the answers in the schema.

    The other options are described with `FasterRouter`; all are attributes of the same name.
    """

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        response_model: Any = Default(None),
        status_code: int | None = None,
        tags: list[str | Enum] | None = None,
        dependencies: Sequence[Depends] | None = None,
        summary: str | None = None,
        description: str | None = None,
        response_description: str = "Successful Response",
        responses: dict[int | str, dict[str, Any]] | None = None,
        deprecated: bool | None = None,
        name: str | None = None,
        methods: set[str] | list[str] | None = None,
        operation_id: str | None = None,
        response_model_include: IncEx | None = None,
        response_model_exclude: IncEx | None = None,
        response_model_by_alias: bool = True,
        response_model_exclude_unset: bool = False,
        response_model_exclude_defaults: bool = False,
        response_model_exclude_none: bool = False,
        include_in_schema: bool = True,
        response_class: Any = Default(JSONResponse),
        dependency_overrides_provider: Any = None,
        callbacks: list[BaseRoute] | None = None,
        openapi_extra: dict[str, Any] | None = None,
        generate_unique_id_function: Any = Default(generate_unique_id),
        strict_content_type: Any = Default(True),
        stream_item_type: Any = None,
        max_body_size: int | None = None,
        form_limits: Mapping[str, Any] | None = None,
        raises: Sequence[type[Exception]] | None = None,
    ) -> None:
        given = dict(locals())
        for option in ("self", "__class__", "name", "methods", "description", "status_code"):
            given.pop(option, None)
        self.__dict__.update(given)
        check_max_body_size(max_body_size)
        self.form_limits = check_form_limits(form_limits)
        self.tags = list(tags or [])
        self.raises = check_raises(raises)
        self.responses = documented(self.raises, responses or {})
        self.dependencies = list(dependencies or [])
        self.name = get_name(endpoint) if name is None else name
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self.methods = {method.upper() for method in methods or ["GET"]}
        make_id = getattr(generate_unique_id_function, "value", generate_unique_id_function)
        self.unique_id: str = operation_id or make_id(self)
        self.status_code = int(status_code) if isinstance(status_code, IntEnum) else status_code
        self.description = (description or inspect.cleandoc(endpoint.__doc__ or "")).split("\f")[0].strip()
        assert callable(endpoint), "An endpoint must be a callable"
        self._describe_responses()
        self.dependant, fields, self.embedded = _analysed(self.path_format, endpoint, self.dependencies)
        self.body_field: Any = None
        if len(fields) == 1 and not self.embedded and fields[0].kind == "body":
            self.body_field = fields[0]
        elif fields:
            from FasterAPI.dependencies.forms import body_field

            self.body_field = body_field(fields, self.unique_id, self.embedded)
        self._choose_response_model()
        handler: Any = self.get_route_handler()
        self.app = with_body_limit(request_response(handler), max_body_size)
        is_own = type(handler) is MethodType and type(handler.__self__) is _Operation  # `isinstance` is true of proxies as well
        self.operation: Any = handler.__self__ if is_own else None
        self._own_app = self.app if is_own and self._takes_own_steps() else None

    def _describe_responses(self) -> None:
        self.response_fields: dict[int | str, Any] = {}
        for status, response in self.responses.items():
            assert isinstance(response, dict), "An additional response must be a dict"
            if response.get("model"):
                assert is_body_allowed_for_status_code(status), f"Status code {status} must not have a response body"
                self.response_fields[status] = _result_field(f"Response_{status}_{self.unique_id}", response["model"])

    def _choose_response_model(self) -> None:
        is_default_class = isinstance(self.response_class, DefaultPlaceholder)
        is_generator = self.dependant.is_generator
        is_events = is_kind(self.response_class, EventSourceResponse)
        self.is_sse_stream = is_generator and is_events
        self.is_json_stream = is_generator and is_default_class
        model = self.response_model
        if isinstance(model, DefaultPlaceholder):
            model = get_typed_return_annotation(self.endpoint)
            item = get_stream_item_type(model) if is_generator else None
            if is_kind(model, Response):
                model = None
            elif item is not None:
                model = None
                if (is_default_class or is_events) and getattr(item, "__qualname__", "") != "ServerSentEvent":
                    self.stream_item_type = item
        self.response_model = model
        if model:
            assert is_body_allowed_for_status_code(self.status_code), f"Status code {self.status_code} must not have a response body"
        self.response_field = _result_field(f"Response_{self.unique_id}", model) if model else None
        item_type = self.stream_item_type
        self.stream_item_field = _result_field(f"StreamItem_{self.unique_id}", item_type) if item_type else None

    def _takes_own_steps(self) -> bool:
        return all(globals()[name] is step for name, step in _STEPS.items()) and all(
            getattr(type(self), name) is method and not hasattr(method, "__wrapped__") for name, method in _METHODS.items()
        )

    def is_original(self) -> bool:
        """Whether nobody has put anything between this route and its function, when it was registered or since."""
        return self.app is self._own_app and self._takes_own_steps()

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function from request to response; a subclass may put its own around it."""
        return get_request_handler(
            dependant=self.dependant,
            body_field=self.body_field,
            status_code=self.status_code,
            response_class=self.response_class,
            response_field=self.response_field,
            response_model_include=self.response_model_include,
            response_model_exclude=self.response_model_exclude,
            response_model_by_alias=self.response_model_by_alias,
            response_model_exclude_unset=self.response_model_exclude_unset,
            response_model_exclude_defaults=self.response_model_exclude_defaults,
            response_model_exclude_none=self.response_model_exclude_none,
            dependency_overrides_provider=self.dependency_overrides_provider,
            embed_body_fields=self.embedded,
            strict_content_type=self.strict_content_type,
            stream_item_field=self.stream_item_field,
            is_json_stream=self.is_json_stream,
            form_limits=self.form_limits,
        )

    layers: tuple[Any, ...] = ()  # of the routers that it belongs to, the outermost first
    # Taken over by `__init__` as they are:
    response_model: Any
    summary: str | None
    response_description: str
    deprecated: bool | None
    operation_id: str | None
    response_model_include: IncEx | None
    response_model_exclude: IncEx | None
    response_model_by_alias: bool
    response_model_exclude_unset: bool
    response_model_exclude_defaults: bool
    response_model_exclude_none: bool
    include_in_schema: bool
    response_class: Any
    dependency_overrides_provider: Any
    callbacks: list[BaseRoute] | None
    openapi_extra: dict[str, Any] | None
    generate_unique_id_function: Any
    strict_content_type: Any
    stream_item_type: Any
    max_body_size: int | None


def _result_field(name: str, annotation: Any) -> Any:
    from FasterAPI._fields import result_field

    return result_field(name, annotation)


# What libraries replace, and subclasses override, to see or change what happens: then every one of these is taken.
_STEPS = {
    step.__name__: step for step in (get_request_handler, serialize_response, run_endpoint_function, request_response, solve_dependencies)
}
_METHODS = {"matches": APIRoute.matches, "handle": APIRoute.handle}

from FasterAPI._router import APIRouter  # noqa: E402 - the router makes routes of the classes above
