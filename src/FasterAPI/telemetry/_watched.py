"""One request or connection that is watched: its steps as spans, its faults as logs, and its data for whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from copy import copy
from functools import partial
from time import time_ns
from typing import Any, cast

from opentelemetry import context as otel_context
from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import Span, StatusCode, Tracer
from starlette.background import BackgroundTasks
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.websockets import WebSocket, WebSocketDisconnect

from FasterAPI import routing
from FasterAPI.background import with_tasks
from FasterAPI.dependencies.solving import REQUEST_STACK
from FasterAPI.exceptions import RequestValidationError, WebSocketRequestValidationError
from FasterAPI.telemetry import TelemetryData

__all__ = ["KEY", "Watched", "current", "is_goodbye", "type_of"]

KEY = otel_context.create_key("FasterAPI.request")
_STEPS: Any = routing  # asked for each step when it is due: libraries replace them there
_ANSWERS = (HTTPException, RequestValidationError, WebSocketException, WebSocketRequestValidationError)


def current(context: Any = None) -> Watched | None:
    """What is watched in a context of OpenTelemetry."""
    return cast("Watched | None", otel_context.get_value(KEY, context))


def type_of(exc: BaseException) -> str:
    """The class of an exception, with its module unless it is Python's own."""
    kind = type(exc)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def is_goodbye(exc: BaseException) -> bool:
    """Whether an exception only says that a client has closed its WebSocket, as it may (RFC 6455 §7.4.1: 1000 and 1001)."""
    return isinstance(exc, WebSocketDisconnect) and exc.code in (1000, 1001)


def _name_of(function: Any) -> str:
    while isinstance(function, partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


class Watched:
    """A request or connection under way.

    Args:
        is_websocket: or a request.
        span: of the whole; None where it has none.
        method: as it begins the name of the span.
        tracer: of the spans of steps; None for no such spans.
        logger: of OpenTelemetry; None for no logs.
        prefix: of the path, which stands before those of routes.
    """

    def __init__(self, *, is_websocket: bool, span: Span | None, method: str, tracer: Tracer | None, logger: Any, prefix: str) -> None:
        self.is_websocket = is_websocket
        self.data: TelemetryData | None = TelemetryData()
        self.route: str | None = None
        self.failures: list[BaseException] = []
        self._span = span
        self._method = method
        self._tracer = tracer
        self._logger = logger
        self._prefix = prefix

    def select(self, route: Any) -> None:
        """Note the route that was chosen; inside of a mounted application there will be another."""
        path = getattr(route, "path_format", None)
        if path is None:  # a host has none
            return
        self.route = self._prefix + path
        if isinstance(route, Mount):
            self._prefix += path.removesuffix("/{path}")
        if self._span is not None:
            self._span.set_attribute("http.route", self.route)
            self._span.update_name(f"{self._method} {self.route}")

    def forget(self) -> None:
        """Let go of everything: whoever keeps the context does not keep the request."""
        self.data = None
        self.failures.clear()

    # --- faults

    def _log(self, event: str, severity: SeverityNumber, body: str, attributes: dict[str, Any], **more: Any) -> None:
        if self._logger is None:
            return
        if self.route is not None:
            attributes["http.route"] = self.route
        self._logger.emit(
            event_name=event,
            timestamp=time_ns(),
            severity_number=severity,
            severity_text=severity.name,
            body=body,
            attributes=attributes,
            **more,
        )

    def fail(self, exc: BaseException) -> None:
        """Note an exception that nobody has answered, once."""
        if (self.is_websocket and is_goodbye(exc)) or any(exc is known for known in self.failures):
            return
        self.failures.append(exc)
        if isinstance(exc, Exception):
            event, what = "http.server.request.exception", "request"
            if self.is_websocket:
                event, what = "fastapi.websocket.exception", "WebSocket connection"
            self._log(event, SeverityNumber.ERROR, f"Unhandled exception in FastAPI {what}", {}, exception=exc)

    @contextmanager
    def _validating(self) -> Generator[None]:
        """Tell of what is wrong with the request, or the connection."""
        try:
            yield
        except (RequestValidationError, WebSocketRequestValidationError) as exc:
            errors = exc.errors()
            if self.data is not None:
                self.data.errors = errors
                self.data.body = getattr(exc, "body", None)
            count = {"fastapi.validation.error_count": len(errors)}
            self._log("fastapi.validation.failed", SeverityNumber.WARN, "Request validation failed", count)
            raise

    # --- steps

    @contextmanager
    def _step(self, name: str, function: Any, answers: tuple[type[Exception], ...] = _ANSWERS) -> Generator[None]:
        """A span around a step. `answers`: exceptions that are no fault."""
        if self._tracer is None:
            yield
            return
        with self._tracer.start_as_current_span(
            f"fastapi.{name}",
            attributes={"code.function.name": _name_of(function)},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Exception as exc:
                if not isinstance(exc, answers) and not (answers and is_goodbye(exc)):
                    span.set_attribute("error.type", type_of(exc))
                    span.set_status(StatusCode.ERROR)
                raise

    async def _solve(self, connection: Request | WebSocket, dependant: Any, overrides: Any, embedded: bool, body: Any = None) -> Any:
        with self._step("dependencies", dependant.call):
            solved = await _STEPS.solve_dependencies(
                request=connection,
                dependant=dependant,
                body=body,
                dependency_overrides_provider=overrides,
                async_exit_stack=connection.scope[REQUEST_STACK],
                embed_body_fields=embedded,
            )
        assert self.data is not None
        self.data.values = solved.values
        self.data.errors = solved.errors
        return solved

    async def _call(self, operation: Any, values: dict[str, Any]) -> Any:
        dependant = operation.dependant
        if operation.is_coroutine:
            with self._step("endpoint", dependant.call):
                return await _STEPS.run_endpoint_function(dependant=dependant, values=values, is_coroutine=True)

        def call(**arguments: Any) -> Any:  # in the thread, so that it is there that the span begins
            with self._step("endpoint", operation.call):
                return operation.call(**arguments)

        dependant = copy(dependant)
        dependant.call = call
        return await _STEPS.run_endpoint_function(dependant=dependant, values=values, is_coroutine=False)

    async def handle(self, operation: Any, request: Request) -> Response:
        """The way of a request through an operation, as the operation itself has it."""
        assert self.data is not None
        self.data.request = request
        with self._validating():
            body = await operation._body(request)
            self.data.body = routing._told(body)
            solved = await self._solve(request, operation.dependant, operation.overrides_provider, operation.embedded, body)
            if solved.errors:
                raise RequestValidationError(solved.errors, body=self.data.body, endpoint_ctx=operation._context(request))
        if operation.dependant.is_generator:
            response = await operation._stream(request, solved, request.scope[REQUEST_STACK])
        else:
            result = await self._call(operation, solved.values)
            if isinstance(result, Response):
                return self._with_tasks(with_tasks(result, solved.background_tasks))
            with self._step("serialization", operation.call):
                response = await operation._respond(request, solved, result)
        response.headers.raw.extend(solved.response.headers.raw)
        return self._with_tasks(response)

    async def serve(self, websocket: WebSocket, dependant: Any, overrides: Any, embedded: bool) -> None:
        """The same for a WebSocket. `overrides`: whose `dependency_overrides` replace dependencies."""
        assert self.data is not None
        self.data.websocket = websocket
        with self._validating():
            solved = await self._solve(websocket, dependant, overrides, embedded)
            if solved.errors:
                context = routing._context_of(dependant.call, dependant.path, "WS", websocket.scope)
                raise WebSocketRequestValidationError(solved.errors, endpoint_ctx=context)
        with self._step("endpoint", dependant.call):
            await dependant.call(**solved.values)

    # --- background tasks

    def _with_tasks(self, response: Response) -> Response:
        if response.background is None:
            return response
        response = copy(response)  # the one that was returned may be returned again
        response.background = self.task(response.background)
        return response

    def task(self, task: Any) -> Any:
        """A background task in a span of its own; of several, each."""
        if not isinstance(task, BackgroundTasks):
            return _Task(task, lambda: self._step("background_task", getattr(task, "func", task), answers=()))
        tasks = copy(task)
        tasks.tasks = cast("Any", _Tasks(self, task.tasks))
        return tasks


class _Task:
    def __init__(self, task: Any, step: Callable[[], Any]) -> None:
        self.func = getattr(task, "func", task)  # by which it is called in logs
        self._task = task
        self._step = step

    async def __call__(self) -> None:
        with self._step():
            await self._task()


class _Tasks(Sequence[Any]):
    """The tasks of a list, also those that it gets while they run."""

    def __init__(self, watched: Watched, tasks: list[Any]) -> None:
        self._watched = watched
        self._tasks = tasks

    def __len__(self) -> int:
        return len(self._tasks)

    def __getitem__(self, index: Any) -> Any:
        return self._watched.task(self._tasks[index])
