"""One request of the declarative layer, from its route to its result. The order of its steps is the order of this file."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from fasthttp._pure.routes import merge_headers, merge_params
from fasthttp._pure.validation import convert_result, is_validation_error, response_error, validate_request
from fasthttp.app.depend import Dependencies, RunScope, call
from fasthttp.app.plan import Job, Plan
from fasthttp.errors import (
    FastHTTPBadStatusError,
    FastHTTPError,
    FastHTTPValidationError,
    GraphQLError,
    PrerequisiteFailed,
    RequestError,
    SecurityError,
    TotalTimeout,
)
from fasthttp.graphql import graphql_error, make_payload, typed_data
from fasthttp.middleware.base import MiddlewareManager, RouteRequest
from fasthttp.response import Response
from fasthttp.results import RouteResult
from fasthttp.timeouts import Timeout
from fasthttp.transports.mock import UnmatchedRequestError

if TYPE_CHECKING:
    from fasthttp._async.engine import AsyncEngine
    from fasthttp.app.report import RunLog
    from fasthttp.routing import Route

__all__ = ["Pipeline"]

_CALL = ("headers", "params", "json", "data", "files", "auth")


class Pipeline:
    """What all requests of a run, or of a session, have in common.

    Args:
        engine: sends them.
        headers, timeout, jar, raise_for_status: of the app.
        middleware: of the app.
        scope: the dependencies that are evaluated once for all.
        log: told of details where somebody wants them.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        log: RunLog,
        *,
        headers: Mapping[str, Any] | None,
        timeout: Timeout,
        jar: Any,
        auth: Any,
        raise_for_status: bool,
        middleware: MiddlewareManager,
    ) -> None:
        self.engine = engine
        self.log = log
        self.headers = headers
        self.timeout = timeout
        self.jar = jar
        self.auth = auth
        self.raise_for_status = raise_for_status
        self.middleware = middleware
        self.sensitive = engine.config.sensitive
        self.scope = RunScope()

    async def run(self, job: Job) -> RouteResult:
        """The result of a job. Raises nothing but cancellation, `KeyboardInterrupt` and `SystemExit`."""
        return await _Flight(self, job).run()

    @asynccontextmanager
    async def streaming(self, job: Job) -> AsyncIterator[Response]:
        """The response to a job after its head; failures are raised. The total limit holds until the head is there."""
        response = await _Flight(self, job).stream()
        try:
            yield response
        finally:
            await response.aclose()


class _Flight:
    """One request under way."""

    __slots__ = ("attempts", "error", "job", "pipeline", "plan", "response", "route", "stage", "url", "value")

    def __init__(self, pipeline: Pipeline, job: Job) -> None:
        self.pipeline = pipeline
        self.job = job
        self.plan: Plan = job.plan
        self.route: Route = job.plan.route  # until user code wants a copy of its own
        self.url = job.plan.url
        self.response: Response | None = None
        self.value: Any = None
        self.error: BaseException | None = None
        self.stage: str | None = None
        self.attempts = 0

    async def run(self) -> RouteResult:
        started = monotonic()
        try:
            if self.plan.is_plain:
                await self._run_plain()
            else:
                await self._run_watched()
        except Exception as exc:
            await self._fail(exc)
        job, response = self.job, self.response
        return RouteResult(
            name=job.name,
            method=self.route.method,
            url=self.url,
            index=job.index,
            kind=self.route.kind,  # type: ignore[arg-type]
            tags=self.plan.tags,
            status=None if response is None else response.status_code,
            value=self.value,
            response=response,
            error=self.error,
            stage=self.stage,
            elapsed=monotonic() - started,
            attempts=self.attempts,
        )

    async def stream(self) -> Response:
        """The response after its head, with hooks on the way in."""
        view = self.job.view()
        self.route, self.url = view, view.url
        pipeline = self.pipeline
        config = self.job.config(view, pipeline.headers, pipeline.timeout, pipeline.jar)
        seen = _Seen(view)
        for hook in self.plan.hooks_of("request"):
            await call(hook, view, config)
            seen.apply(config)
        options = _options(config)
        timeout = Timeout.from_value(options["timeout"])
        try:
            async with asyncio.timeout(timeout.total):
                return await self._send(view.url, {**options, "timeout": timeout.with_total(None), "stream": True})
        except TimeoutError as exc:
            if isinstance(exc, FastHTTPError):
                raise
            total = timeout.total
            raise TotalTimeout(f"total timeout after {total:g} s", phase="total", limit=total, url=view.url, method=view.method) from exc

    async def _run_plain(self) -> None:
        """A request that nobody wants to see before it is sent."""
        self.stage = "request"
        self.url = self.job.url()
        options = self.job.options()
        if self.route.kind == "graphql":
            options["json"] = await self._ask()
        elif self.route.kind == "sse":
            await self._follow(self.url, options)
            return
        response = await self._send(self.url, options)
        await self._take(response)

    async def _run_watched(self) -> None:
        """A request with dependencies, hooks or middleware."""
        self._check_prerequisites()
        self.stage = "request"
        self.route = view = self.job.view()
        self.url = view.url
        pipeline = self.pipeline
        config = self.job.config(view, pipeline.headers, pipeline.timeout, pipeline.jar)
        if view.kind == "graphql":
            config["json"] = await self._ask()
            self.stage = "request"
        dependencies = Dependencies(self.plan.dependencies, pipeline.scope)
        try:
            seen = _Seen(view)
            self.stage = "dependency"
            config = await dependencies.enter(view, config, seen.apply)
            self.stage = "hook"
            for hook in self.plan.hooks_of("request"):
                await call(hook, view, config)
                seen.apply(config)
            if view.kind == "sse":
                self.stage = "request"
                await self._follow(view.url, _options(config))
                await dependencies.leave("function", None)
            else:
                self.stage = "middleware"
                response = await self._through_middleware(view, config)
                self.response = response
                self.stage = "dependency"
                await dependencies.leave("function", None)
                await self._take(response)
        except BaseException as exc:
            await dependencies.leave("request", exc)
            raise
        self.stage, stage = "dependency", self.stage
        await dependencies.leave("request", self.error)
        self.stage = stage

    async def _ask(self) -> dict[str, Any]:
        """What the handler of a GraphQL operation asks for; it is given a response that has no status yet."""
        route = self.plan.route
        assert route.handler is not None
        self.stage = "handler"
        placeholder = Response.__new__(Response)
        placeholder.status_code, placeholder._content = 0, b""
        payload = make_payload(route.name, await _handle(route.handler, route, placeholder))
        self.stage = "request"
        return payload

    def _check_prerequisites(self) -> None:
        for name, results in self.job.results.items():
            for result in results if isinstance(results, list) else [results]:
                if not result.ok:
                    self.stage = "prerequisite"
                    raise PrerequisiteFailed(f"{name!r}, which has to be done before, failed: {result.error}") from result.error

    # --- to the wire

    async def _through_middleware(self, view: Route, config: dict[str, Any]) -> Response:
        reached = False

        async def send(request: RouteRequest) -> Response:
            nonlocal reached
            reached = True
            return await self._validated(request)

        if not len(self.pipeline.middleware):
            return await send(RouteRequest(view.method, view, config))
        try:
            return await self.pipeline.middleware.run(RouteRequest(view.method, view, config), send)
        except Exception:
            self.stage = self.stage if reached and self.stage != "sent" else "middleware"
            raise

    async def _validated(self, request: RouteRequest) -> Response:
        config, route = request.config, self.plan.route
        if route.request_model is not None:
            self.stage = "validation"
            is_form = config["json"] is None and isinstance(config["data"], Mapping)
            body = config["data"] if is_form else config["json"]
            validate_request(route.request_model, body, form=is_form, sensitive=self.pipeline.sensitive)
        self.stage = "request"
        response = await self._send(request.route.url, _options(config))
        self.stage = "sent"
        return response

    async def _send(self, url: str, options: dict[str, Any]) -> Response:
        if options.get("files") is not None and options.get("json") is not None:
            options = _with_json_parts(options)
        if self.pipeline.auth is not None and options.get("auth") is None:
            options["auth"] = self.pipeline.auth
        if self.plan.route.is_content and "data" in options:
            options["content"] = options.pop("data")
        log = self.pipeline.log
        if log.debug:
            log.sending(self.route.method, url, options)
        try:
            response: Response = await self.pipeline.engine.request(self.route.method, url, options)
        except FastHTTPError as exc:
            self.attempts += exc.sent_attempts
            raise
        self.attempts += response.sent_attempts
        if log.debug:
            log.received(response)
        return response

    # --- from the wire

    async def _take(self, response: Response) -> None:
        """Hooks, status policy, handler, validation of its result."""
        self.response = response
        route, plan = self.plan.route, self.plan
        response._describe(route.response_model, route.responses)
        self.stage = "hook"
        for hook in plan.hooks_of("response"):
            await call(hook, response)
        self.stage = "response"
        status = response.status_code
        refused = status >= 400 and status not in route.responses
        if refused and (route.raise_for_status or self.pipeline.raise_for_status):
            self.stage = "status"
            response.raise_for_status()
        if route.responses.get(status):
            response._check_declared()
        if route.kind == "graphql":
            self._take_graphql(response, refused)
            return
        self.stage = "handler"
        if route.handler is not None:
            self.value = await _handle(route.handler, route, response)
            if route.result_model is not None:
                self.value = convert_result(route.result_model, self.value, sensitive=self.pipeline.sensitive)
        self.stage = "response"
        response._check_model()
        self.stage = None
        if refused:
            self.error, self.stage = _status_error(response), "status"

    async def _follow(self, url: str, options: dict[str, Any]) -> None:
        """A stream of events, each given to the handler; the value is how many there were."""
        from fasthttp._async.sse import AsyncEventStream
        from fasthttp.sse import StopStream

        route: Any = self.plan.route
        log = self.pipeline.log
        self.value = 0
        options.pop("follow_redirects", None)
        log.stream("connecting", url)
        stream = AsyncEventStream(
            self.pipeline.engine, route.method, url, options,
            reconnect=route.reconnect, max_retries=route.max_retries, backoff=route.backoff,
        )  # fmt: skip
        async with stream:
            self.attempts = 1
            self.response = stream.response
            log.stream("connected", url)
            try:
                async for event in stream:
                    self.response = stream.response
                    self.stage = "handler"
                    await _handle(route.handler, route, event)
                    self.stage = "request"
                    self.value += 1
            except StopStream:
                self.value += 1
        self.stage = None

    def _take_graphql(self, response: Response, refused: bool) -> None:
        response._model = None
        try:
            answer = response.graphql()
        except FastHTTPValidationError:
            if not refused:
                raise
            self.error, self.stage = _status_error(response), "status"
            return
        if answer.has_errors:
            self.value = answer.data
            raise graphql_error(answer, response)
        model = self.plan.route.response_model
        try:
            self.value = answer.data if model is None else typed_data(answer.data, model)
        except Exception as exc:
            raise (self._unfit(exc) if is_validation_error(exc) else exc) from exc
        self.stage = None
        if refused:
            self.error, self.stage = _status_error(response), "status"

    # --- when something fails

    async def _fail(self, error: Exception) -> None:
        """What a failure comes to: hooks are told, a handler may turn it into a value."""
        stage = self.stage if self.stage != "sent" else "middleware"
        if stage == "handler" and is_validation_error(error):
            error, stage = self._unfit(error), "response"
        if stage == "request":
            self.response = self.response or getattr(error, "response", None)
            stage = _stage_of(error)
        if not isinstance(error, GraphQLError):
            self.value = None
        self.error, self.stage = error, stage
        self.pipeline.log.traceback(error)
        for hook in self.plan.hooks_of("error"):
            try:
                await call(hook, error, self.route)
            except Exception as exc:
                self.pipeline.log.hook_failed(exc)
        handler = self.plan.handler_for(error)
        if handler is None or isinstance(error, UnmatchedRequestError):  # a mistake of the test is nobody's to put right
            return
        try:
            self.value = await call(handler, self.route, error)
            self.error = self.stage = None
            self.pipeline.log.recovered(self.job.name, error)
        except Exception as exc:
            self.error, self.stage = exc, "handler"

    def _unfit(self, error: BaseException) -> FastHTTPValidationError:
        """The error of a response that does not fit its model, made of the library's."""
        value = None if self.response is None or self.response._json is msgspec.UNSET else self.response._json
        return response_error(error, value, sensitive=self.pipeline.sensitive)


class _Seen:
    """What user code has assigned to the copy of a route, carried over to the config."""

    __slots__ = ("_before", "_view")

    def __init__(self, view: Route) -> None:
        self._view = view
        self._before = self._snapshot()

    def _snapshot(self) -> dict[str, Any]:
        view = self._view
        values = {name: getattr(view, name) for name in ("json", "data", "files", "auth", "timeout")}
        for name in ("params", "headers"):
            value = getattr(view, name)
            values[name] = value.copy() if isinstance(value, (dict, list)) else value
        return values

    def apply(self, config: dict[str, Any]) -> None:
        """Bring the config up to date with what was assigned since the last time."""
        now, before = self._snapshot(), self._before
        for name, value in now.items():
            if value is before[name] or value == before[name]:
                continue
            if name == "headers":
                config[name] = merge_headers(config[name], value)
            elif name == "params":
                removed = [key for key in (before[name] or {}) if isinstance(value, Mapping) and key not in value]
                kept = {key: item for key, item in (config[name] or {}).items() if key not in removed} if removed else config[name]
                config[name] = merge_params(kept, value) if isinstance(value, Mapping) else value
            else:
                config[name] = value
        self._before = now


def _options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of the engine's call; what other user code keeps in the config stays there."""
    options = {name: config[name] for name in _CALL if config.get(name) is not None}
    options["timeout"] = config["timeout"]
    options["follow_redirects"] = config["allow_redirects"]
    for name in ("retry", "jar"):
        if name in config:
            options[name] = config[name]
    return options


def _with_json_parts(options: dict[str, Any]) -> dict[str, Any]:
    """Members of a JSON object as parts before the files: text as it is, anything else as JSON."""
    from httpwire import jsonio

    parts: list[Any] = []
    for name, value in options["json"].items():
        if isinstance(value, str):
            parts.append((name, (None, value)))
        else:
            parts.append((name, (None, jsonio.encode(value), "application/json")))
    files = options["files"]
    parts += list(files.items() if isinstance(files, Mapping) else files)
    return {**options, "json": None, "files": parts}


async def _handle(handler: Callable[..., Any], route: Route, argument: Any) -> Any:
    arguments = (argument,) if route.takes_response else ()
    if route.is_async:
        return await handler(*arguments)
    return await asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, handler, *arguments)


def _stage_of(error: BaseException) -> str:
    if isinstance(error, SecurityError):
        return "security"
    if isinstance(error, FastHTTPValidationError):
        return "validation"
    if isinstance(error, RequestError):
        return "request"
    return "response" if getattr(error, "response", None) is not None else "request"


def _status_error(response: Response) -> BaseException:
    try:
        response.raise_for_status()
    except FastHTTPBadStatusError as exc:
        return exc
    raise AssertionError("a status below 400 is no error")
