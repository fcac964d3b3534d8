"""Calling the dependencies of an operation, for one request: the way that every kind of them can go."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import anyio
from starlette.background import BackgroundTasks as StarletteBackgroundTasks
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from FasterAPI.background import BackgroundTasks
from FasterAPI.concurrency import ShieldedExit, contextmanager_in_threadpool, limited, run_in_threadpool
from FasterAPI.dependencies.models import Dependant
from FasterAPI.security.base import SecurityScopes

__all__ = ["SolvedDependency", "entered", "solve_dependencies"]

REQUEST_STACK = "fastapi_inner_astack"  # in the scope: left after the response
FUNCTION_STACK = "fastapi_function_astack"  # left before it
_SHIELDS = "fastapi_async_cleanup_scopes"


@dataclass
class SolvedDependency:
    """The arguments of an operation, or what is wrong with the request; what dependencies left for the response."""

    values: dict[str, Any]
    errors: list[Any]
    background_tasks: StarletteBackgroundTasks | None
    response: Response
    dependency_cache: dict[Any, Any]


def blank_response() -> Response:
    """The response that dependencies and operations may be given: only status, headers and cookies of it count."""
    response = Response()
    del response.headers["content-length"]
    response.status_code = None  # type: ignore[assignment]
    return response


async def solve_dependencies(
    *,
    request: Request | WebSocket,
    dependant: Dependant,
    body: Any = None,
    background_tasks: StarletteBackgroundTasks | None = None,
    response: Response | None = None,
    dependency_overrides_provider: Any = None,
    dependency_cache: dict[Any, Any] | None = None,
    async_exit_stack: AsyncExitStack | None = None,
    embed_body_fields: bool = False,
) -> SolvedDependency:
    """Call what `dependant` depends on, and collect its arguments.

    Args:
        request: HTTP request or WebSocket.
        body: parsed body, form, bytes, or pydantic's undefined for none.
        dependency_overrides_provider: whose `dependency_overrides` replace callables.
        embed_body_fields: whether body fields are members of one object.
    """
    solver = _Solver(request, body, embed_body_fields, getattr(dependency_overrides_provider, "dependency_overrides", {}))
    solver.app = dependency_overrides_provider
    solver.background_tasks = background_tasks
    solver.response = response or blank_response()
    solver.cache = {} if dependency_cache is None else dependency_cache
    values, errors = await solver.arguments(dependant)
    return SolvedDependency(values, errors, solver.background_tasks, solver.response, solver.cache)


def overridden(dependant: Dependant, overrides: dict[Any, Any]) -> Dependant:
    """What stands in for a dependency that is overridden; else the same."""
    call: Any = overrides.get(dependant.call, dependant.call)
    if call is dependant.call:
        return dependant
    found = dependant.replaced.get(call)
    if found is None:
        from FasterAPI.dependencies.utils import get_dependant

        found = dependant.replaced[call] = get_dependant(
            path=dependant.path,
            call=call,
            name=dependant.name,
            parent_oauth_scopes=dependant.oauth_scopes,
            scope=dependant.scope,
            limit=dependant.limit,
        )
    return found


class _Solver:
    """One request under way through its dependencies."""

    app: Any = None
    background_tasks: StarletteBackgroundTasks | None = None
    response: Response
    cache: dict[Any, Any]

    def __init__(self, request: Request | WebSocket, body: Any, embedded: bool, overrides: dict[Any, Any]) -> None:
        self.request = request
        self.body = body
        self.embedded = embedded
        self.overrides = overrides

    async def arguments(self, dependant: Dependant) -> tuple[dict[str, Any], list[Any]]:
        """The arguments of one callable, and all that is wrong with them."""
        values: dict[str, Any] = {}
        errors: list[Any] = []
        for below in dependant.dependencies:
            if below.scope == "lifespan":
                from FasterAPI._lifespan_values import lifespan_value

                value = await lifespan_value(self.app, below, self._effective)
                if below.name is not None:
                    values[below.name] = value
                continue
            effective = self._effective(below) if self.overrides else below
            arguments, faults = await self.arguments(effective)
            if faults:
                errors.extend(faults)
                continue
            value = await self._value(below, effective, arguments)
            if below.name is not None:
                values[below.name] = value
        self._parameters(dependant, values, errors)
        if dependant.body_params:
            from FasterAPI.dependencies.values import body_values

            found, faults = await body_values(dependant.body_params, self.body, self.embedded)
            values.update(found)
            errors.extend(faults)
        self._inject(dependant, values)
        return values, errors

    def _parameters(self, dependant: Dependant, values: dict[str, Any], errors: list[Any]) -> None:
        request = self.request
        for fields, place in (
            (dependant.path_params, "path_params"),
            (dependant.query_params, "query_params"),
            (dependant.header_params, "headers"),
            (dependant.cookie_params, "cookies"),
        ):
            if fields:
                from FasterAPI.dependencies.values import parameter_values

                found, faults = parameter_values(fields, getattr(request, place))
                values.update(found)
                errors.extend(faults)

    def _inject(self, dependant: Dependant, values: dict[str, Any]) -> None:
        request = self.request
        if dependant.http_connection_param_name:
            values[dependant.http_connection_param_name] = request
        if dependant.request_param_name and isinstance(request, Request):
            values[dependant.request_param_name] = request
        elif dependant.websocket_param_name and isinstance(request, WebSocket):
            values[dependant.websocket_param_name] = request
        if dependant.background_tasks_param_name:
            if self.background_tasks is None:
                self.background_tasks = BackgroundTasks()
            values[dependant.background_tasks_param_name] = self.background_tasks
        if dependant.response_param_name:
            values[dependant.response_param_name] = self.response
        if dependant.security_scopes_param_name:
            values[dependant.security_scopes_param_name] = SecurityScopes(scopes=list(dependant.oauth_scopes))

    def _effective(self, dependant: Dependant) -> Dependant:
        return overridden(dependant, self.overrides)

    async def _value(self, declared: Dependant, effective: Dependant, arguments: dict[str, Any]) -> Any:
        key = declared.cache_key
        if declared.use_cache and key in self.cache:
            return self.cache[key]
        call = effective.call
        assert call is not None
        if effective.is_generator:
            scope = self.request.scope
            stack = scope[FUNCTION_STACK if declared.scope == "function" else REQUEST_STACK]
            value = await entered(effective, scope, stack, arguments)
        elif effective.limit is None:
            value = await _called(call, effective.kind, arguments)
        else:
            async with effective.limit.get_semaphore():
                value = await _called(call, effective.kind, arguments)
        self.cache.setdefault(key, value)
        return value


async def entered(dependant: Dependant, scope: Any, stack: AsyncExitStack, arguments: dict[str, Any]) -> Any:
    """The value of a dependency with `yield`, which is left with `stack`."""
    request_stack: AsyncExitStack = scope[REQUEST_STACK]
    manager: Any
    if dependant.kind == "async generator":
        shields: dict[AsyncExitStack, anyio.CancelScope] = scope.setdefault(_SHIELDS, {})
        shield = shields.get(request_stack)
        if shield is None:
            shield = shields[request_stack] = request_stack.enter_context(anyio.CancelScope())
            request_stack.callback(shields.pop, request_stack)
        manager = ShieldedExit(dependant.manager(**arguments), shield)
    else:
        manager = contextmanager_in_threadpool(dependant.manager(**arguments))
    if dependant.limit is not None:
        manager = limited(manager, dependant.limit.get_semaphore())
    return await stack.enter_async_context(manager)


async def _called(call: Callable[..., Any], kind: str, arguments: dict[str, Any]) -> Any:
    return await call(**arguments) if kind == "coroutine" else await run_in_threadpool(call, **arguments)
