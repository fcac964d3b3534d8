"""One request of the declarative layer, from its route to its result. The order of its steps is the order of this file."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from fasthttp._pure.context import names_authorization
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
        flight = _Flight(self, job)
        response = await flight.stream()
        try:
            self.log.route(flight.result())
            yield response
        finally:
            await response.aclose()


class _Flight:
    """One request under way."""

    __slots__ = ("attempts", "error", "job", "pipeline", "plan", "response", "route", "seen", "stage", "started", "url", "value")

    def __init__(self, pipeline: Pipeline, job: Job) -> None:
        self.pipeline = pipeline
        self.job = job
        self.plan: Plan = job.plan
        self.route: Route = job.plan.route  # until user code wants a copy of its own
        self.url = job.plan.url
        self.seen: _Seen | None = None  # what user code has done to its copy of the route
        self.started = monotonic()
        self.response: Response | None = None
        self.value: Any = None
        self.error: BaseException | None = None
        self.stage: str | None = None
        self.attempts = 0

    async def run(self) -> RouteResult:
        try:
            if self.plan.is_plain:
                try:
                    await self._run_plain()
                except Exception as exc:
                    await self._fail(exc)
            else:
                await self._run_watched()
        except asyncio.CancelledError:
            if self.route.kind == "sse" and self.response is not None:  # it was connected: that counts as done
                self.job.so_far = self.result()
            raise
        return self.result()

    def result(self) -> RouteResult:
        """What it has come to by now."""
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
            elapsed=monotonic() - self.started,
            attempts=self.attempts,
            _masks=self.pipeline.log.masks,
        )

    async def stream(self) -> Response:
        """The response after its head; what fails is raised."""
        try:
            view, config = self._prepare()
            await self._request_hooks(view, config)
            self.response = response = await self._through_middleware(view, config, stream=True)
            try:
                await self._response_hooks(response)
            except BaseException:
                await response.aclose()
                raise
            self.stage = None
            return response
        except Exception as exc:
            await self._fail(exc)
            self.pipeline.log.route(self.result())
            raise

    def _prepare(self) -> tuple[Route, dict[str, Any]]:
        """The copy of the route for user code, and the config of the request."""
        pipeline = self.pipeline
        self.route = view = self.job.view()
        self.url = view.url
        self.seen = _Seen(view)
        return view, self.job.config(view, pipeline.headers, pipeline.timeout, pipeline.auth)

    async def _request_hooks(self, view: Route, config: dict[str, Any]) -> None:
        assert self.seen is not None
        self.stage = "hook"
        for hook in self.plan.hooks_of("request"):
            await call(hook, view, config)
            self.seen.apply(config)

    async def _response_hooks(self, response: Response) -> None:
        self.stage = "hook"
        for hook in self.plan.hooks_of("response"):
            await call(hook, response)

    async def _run_plain(self) -> None:
        """A request that nobody wants to see before it is sent."""
        self.stage = "request"
        self.url = self.job.url()
        options = self.job.options()
        if self.pipeline.auth is not None:
            options.setdefault("auth", self.pipeline.auth)
        if self.route.kind == "graphql":
            options["json"] = await self._ask()
        elif self.route.kind == "sse":
            await self._follow(options, None)
            return
        response = await self._send(self.url, options)
        await self._take(response)

    async def _run_watched(self) -> None:
        """A request with dependencies, hooks or middleware."""
        dependencies = Dependencies(self.plan.dependencies, self.pipeline.scope)
        try:
            try:
                await self._run_steps(dependencies)
            except Exception as exc:
                await dependencies.leave("function", exc)
                await self._fail(exc)
            stage, self.stage = self.stage, "dependency"
            await dependencies.leave("request", self.error)
            self.stage = stage
        except Exception as exc:
            await self._fail(exc)
        except BaseException as exc:
            await dependencies.leave("request", exc)
            raise

    async def _run_steps(self, dependencies: Dependencies) -> None:
        self.stage = "request"
        self._check_prerequisites()
        view, config = self._prepare()
        if view.kind == "graphql":
            config["json"] = await self._ask()
        assert self.seen is not None
        self.stage = "dependency"
        config = await dependencies.enter(view, config, self.seen.apply)
        await self._request_hooks(view, config)
        if view.kind == "sse":
            self.stage = "request"
            await self._follow(self._options(config), config)
            return
        if view.skip_request:
            await dependencies.leave("function", None)
            await self._skip()
            return
        self.response = response = await self._through_middleware(view, config)
        self.stage = "dependency"
        await dependencies.leave("function", None)
        await self._take(response)

    async def _ask(self) -> dict[str, Any]:
        """What the handler of a GraphQL operation asks for; it is given a response that has no status yet."""
        route = self.plan.route
        assert route.handler is not None
        self.stage = "handler"
        payload = make_payload(route.name, await _handle(route.handler, route, _placeholder()))
        self.stage = "request"
        return payload

    async def _skip(self) -> None:
        """Nothing is sent, because user code has said so; the handler is given a response that has no status."""
        route = self.plan.route
        self.stage = "handler"
        if route.handler is not None and route.kind != "graphql":
            self.value = await _handle(route.handler, route, _placeholder())
        self.stage = None

    def _check_prerequisites(self) -> None:
        for name, results in self.job.results.items():
            for result in results if isinstance(results, list) else [results]:
                if not result.ok:
                    self.stage = "prerequisite"
                    raise PrerequisiteFailed(f"{name!r}, which has to be done before, failed: {result.error}") from result.error

    # --- to the wire

    async def _through_middleware(self, view: Route, config: dict[str, Any], *, stream: bool = False) -> Response:
        """The response to a request that passes the middleware. What fails in there has its own stage."""
        failed: BaseException | None = None

        async def send(request: RouteRequest) -> Response:
            nonlocal failed
            try:
                response = await self._validated(request, stream)
            except Exception as exc:
                failed = exc
                raise
            self.stage = "middleware"
            return response

        self.stage = "middleware"
        request = RouteRequest(view.method, view, config, jar=self.pipeline.jar)
        try:
            return await self.pipeline.middleware.run(request, send)
        except Exception as exc:
            if exc is not failed:
                self.stage = "middleware"
            raise

    async def _validated(self, request: RouteRequest, stream: bool) -> Response:
        config, route = request.config, self.plan.route
        if self.seen is not None:
            self.seen.apply(config)
        if route.request_model is not None:
            self.stage = "validation"
            is_form = config["json"] is None and isinstance(config["data"], Mapping)
            body = config["data"] if is_form else config["json"]
            validate_request(route.request_model, body, form=is_form, sensitive=self.pipeline.sensitive)
        self.stage = "request"
        options = self._options(config)
        if request.jar is not None:
            options["jar"] = request.jar
        if request.retry is not None:
            options["retry"] = request.retry
        if not stream:
            return await self._send(request.route.url, options)
        options["stream"] = True
        response = await self._send(request.route.url, options)
        if response._body is not None:
            response._body.limit_total(None)  # the reader of a stream takes the time that it needs
        return response

    async def _send(self, url: str, options: dict[str, Any]) -> Response:
        route = self.plan.route
        if any(own is not None and options.get(name) is own for name, own in (("data", route.data), ("files", route.files))):
            route.replay.use()
        if options.get("files") is not None and options.get("json") is not None:
            options = _with_json_parts(options)
        self._settle_auth(options)
        if self.plan.route.is_content and "data" in options:
            options["content"] = options.pop("data")
        try:
            response: Response = await self.pipeline.engine.request(self.route.method, url, options)
        except FastHTTPError as exc:
            self.attempts += exc.sent_attempts
            raise
        self.attempts += response.sent_attempts
        if self.pipeline.log.debug:
            self.pipeline.log.received(response)
        return response

    def _settle_auth(self, options: dict[str, Any]) -> None:
        """The credentials of the app are for requests that have none nearer: neither `auth=` nor an `Authorization` header."""
        auth, headers = self.pipeline.auth, options.get("headers")
        if auth is None or options.get("auth", auth) is not auth:
            return
        options["auth"] = auth
        if names_authorization(headers) and _authorization(headers) != _authorization(self.pipeline.headers):
            del options["auth"]

    def _options(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Keywords of the engine's call; what other user code keeps in the config stays there."""
        options = {name: config[name] for name in _CALL if config.get(name) is not None}
        options["timeout"] = config["timeout"]
        options["follow_redirects"] = config["allow_redirects"]
        kept = {name.lower() for name in options.get("headers", ())}
        removed = {name: None for name in self.pipeline.headers or () if name.lower() not in kept}
        if removed:
            options["headers"] = {**options.get("headers", {}), **removed}
        return options

    # --- from the wire

    async def _take(self, response: Response) -> None:
        """Hooks, status policy, handler, validation of its result."""
        self.response = response
        route = self.plan.route
        if route.kind != "graphql":
            response._describe(route.response_model, route.responses, self.pipeline.sensitive)
        await self._response_hooks(response)
        self.stage = "response"
        status = response.status_code
        refused = status >= 400 and status not in route.responses
        if route.kind == "graphql":
            self._take_graphql(response, refused)
            return
        if refused and self._raises:
            self.stage = "status"
            response.raise_for_status()
        if route.responses.get(status):
            response._check_declared()
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

    @property
    def _raises(self) -> bool:
        return self.plan.route.raise_for_status or self.pipeline.raise_for_status

    async def connect(self, options: dict[str, Any], config: dict[str, Any] | None) -> Response:
        """The response that a stream of events begins with."""
        if config is None:
            response = await self._send(self.url, options)
        else:
            config = {**config, "headers": dict(options["headers"]), "timeout": options["timeout"]}
            response = await self._through_middleware(self.route, config, stream=True)
        self.response = response
        await self._response_hooks(response)
        self.stage = "request"
        return response

    async def _follow(self, options: dict[str, Any], config: dict[str, Any] | None) -> None:
        """A stream of events, each given to the handler; the value is how many there were."""
        from fasthttp._async.sse import AsyncEventStream
        from fasthttp.sse import StopStream

        route: Any = self.plan.route
        log = self.pipeline.log
        self.value = 0
        url = self.url
        log.stream("connecting", url)
        engine: Any = _Handshakes(self, config)
        stream = AsyncEventStream(
            engine, route.method, url, options,
            reconnect=route.reconnect, max_retries=route.max_retries, backoff=route.backoff,
        )  # fmt: skip
        async with stream:
            log.stream("connected", url)
            try:
                async for event in stream:
                    self.stage = "handler"
                    await _handle(route.handler, route, event)
                    self.stage = "request"
                    self.value += 1
            except StopStream:
                self.value += 1
        self.stage = None

    def _take_graphql(self, response: Response, refused: bool) -> None:
        try:
            answer = response.graphql()
        except FastHTTPValidationError:
            if not refused:
                raise
            if self._raises:
                self.stage = "status"
                response.raise_for_status()
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
        stage = self.stage
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


class _Handshakes:
    """What a stream of events takes for its engine: each of its requests goes the way of any other."""

    def __init__(self, flight: _Flight, config: dict[str, Any] | None) -> None:
        engine = flight.pipeline.engine
        self.config = engine.config
        self.pause = engine.pause
        self._drain = engine._drain
        self._flight = flight
        self._sent = config

    async def request(self, method: str, url: str, options: dict[str, Any]) -> Response:
        return await self._flight.connect(options, self._sent)


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
            if name not in ("headers", "params") or not isinstance(value, Mapping) or not isinstance(config[name] or {}, Mapping):
                config[name] = value
                continue
            kept = {key: item for key, item in (config[name] or {}).items() if key not in (before[name] or ()) or key in value}
            config[name] = merge_headers(kept, value) if name == "headers" else merge_params(kept, value)
        self._before = now


def _placeholder() -> Response:
    """What a handler is given where there is no response."""
    response = Response.__new__(Response)
    response.status_code, response._content, response.extensions = 0, b"", {}
    return response


def _authorization(headers: Any) -> Any:
    return next((value for name, value in (headers or {}).items() if name.lower() == "authorization"), None)


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
    return await asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, _called, handler, *arguments)


def _called(handler: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return handler(*arguments)
    except StopIteration as exc:  # a future cannot hold it, and would never be done
        raise RuntimeError("the handler raised StopIteration") from exc


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
