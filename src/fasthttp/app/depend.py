"""Dependencies evaluated: before a request, after it, and once for a whole run."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fasthttp._pure.routes import SETTINGS, merge_headers, merge_params
from fasthttp.dependencies import Depends

__all__ = ["Dependencies", "RunScope", "call"]


async def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function of the user's returns, sync or async."""
    result = function(*arguments)
    return await result if inspect.isawaitable(result) else result


class _Generator:
    """A generator that has yielded once, to be finished later."""

    def __init__(self, depends: Depends, generator: Any) -> None:
        self.depends = depends
        self._generator = generator

    async def first(self) -> Any:
        if hasattr(self._generator, "__anext__"):
            return await anext(self._generator, None)
        return next(self._generator, None)

    async def finish(self, error: BaseException | None) -> None:
        """Run what stands behind the `yield`, with the error thrown in there if there was one."""
        generator = self._generator
        is_async = hasattr(generator, "__anext__")
        try:
            if error is None:
                await anext(generator) if is_async else next(generator)
            else:
                await generator.athrow(error) if is_async else generator.throw(error)
        except (StopIteration, StopAsyncIteration):
            return
        except BaseException as exc:
            if exc is error:
                return  # it went through
            raise
        raise RuntimeError(f"dependency {self.depends.name!r} yielded more than once")


class RunScope:
    """Dependencies with scope "run": each evaluated once, whoever asks first; the others wait for it."""

    def __init__(self) -> None:
        self._futures: dict[Callable[..., Any], asyncio.Future[Any]] = {}
        self._open: list[_Generator] = []

    async def value(self, depends: Depends) -> Any:
        """What it gave. A failure is shared by those who wait for it; the next one tries again."""
        future = self._futures.get(depends.func)
        if future is not None:
            return await asyncio.shield(future)
        future = self._futures[depends.func] = asyncio.get_running_loop().create_future()
        try:
            value = await self._evaluate(depends)
        except BaseException as exc:
            del self._futures[depends.func]
            if isinstance(exc, asyncio.CancelledError):
                future.cancel()
            else:
                future.set_exception(exc)
                future.exception()  # nobody else may be waiting
            raise
        future.set_result(value)
        return value

    async def _evaluate(self, depends: Depends) -> Any:
        config: dict[str, Any] = dict.fromkeys(SETTINGS)
        config["headers"] = {}
        arguments = (config,) if depends.wants else ()
        if depends.is_generator:
            generator = _Generator(depends, depends.func(*arguments))
            value = await generator.first()
            self._open.append(generator)
        else:
            value = await call(depends.func, *arguments)
        if value is None:
            value = {name: item for name, item in config.items() if item != {}}
        if not isinstance(value, Mapping):
            raise _wrong_value(depends, value)
        return {name: item for name, item in value.items() if item is not None}

    async def close(self) -> dict[Depends, Exception]:
        """The run has ended: finish the generators, the last one first. What their teardown raised is returned."""
        errors: dict[Depends, Exception] = {}
        while self._open:
            generator = self._open.pop()
            try:
                await generator.finish(None)
            except Exception as exc:
                errors[generator.depends] = exc
        return errors


class Dependencies:
    """The dependencies of one request."""

    def __init__(self, listed: Sequence[Depends], scope: RunScope) -> None:
        self._listed = listed
        self._scope = scope
        self._open: list[_Generator] = []

    async def enter(self, route: Any, config: dict[str, Any], after_each: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """The config after all of them; `after_each` is told of it after every one."""
        done: set[Callable[..., Any]] = set()
        for depends in self._listed:
            if depends.use_cache and depends.func in done:
                continue
            done.add(depends.func)
            if depends.scope == "run":
                value = await self._scope.value(depends)
            else:
                value = await self._evaluate(depends, route, config)
            config = _merged(depends, config, value)
            after_each(config)
        return config

    async def _evaluate(self, depends: Depends, route: Any, config: dict[str, Any]) -> Any:
        given = {"route": route, "config": config}
        arguments = [given[name] for name in depends.wants]
        if not depends.is_generator:
            return await call(depends.func, *arguments)
        generator = _Generator(depends, depends.func(*arguments))
        value = await generator.first()
        self._open.append(generator)
        return value

    async def leave(self, scope: str, error: BaseException | None) -> None:
        """Finish generators, the last one first: those of scope "function", or all that are left."""
        wanted = [one for one in self._open if scope == "request" or one.depends.scope == "function"]
        self._open = [one for one in self._open if one not in wanted]
        failure: BaseException | None = None
        for generator in reversed(wanted):
            try:
                await generator.finish(error)
            except Exception as exc:
                failure = failure or exc
        if failure is not None and error is None:
            raise failure


def _merged(depends: Depends, config: dict[str, Any], value: Any) -> dict[str, Any]:
    """The config after a dependency: edited in place, replaced, or with a smaller mapping merged in."""
    if value is None or value is config:
        return config
    if not isinstance(value, Mapping):
        raise _wrong_value(depends, value)
    if all(name in value for name in SETTINGS):
        return {**{name: item for name, item in config.items() if name not in SETTINGS}, **value}
    for name, item in value.items():
        if name == "headers":
            config[name] = merge_headers(config[name], item)
        elif name == "params":
            config[name] = merge_params(config[name], item)
        else:
            config[name] = item
    return config


def _wrong_value(depends: Depends, value: Any) -> TypeError:
    return TypeError(f"dependency {depends.name!r} gave {type(value).__name__}; it must give a mapping or None")
