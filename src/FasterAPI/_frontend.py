"""`frontend()`: the files of a web application, served where nothing else is, with its index for navigation."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Sequence
from typing import Any, Literal

from starlette._utils import get_route_path
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from FasterAPI._body_limit import with_body_limit
from FasterAPI._depends import Depends
from FasterAPI.concurrency import run_in_threadpool
from FasterAPI.staticfiles import StaticFiles

__all__ = ["Fallback", "Frontend", "best"]

Fallback = Literal["auto", "index.html", "404.html"] | None
_FALLBACKS = ("auto", "index.html", "404.html", None)


def _resolved(directory: str | os.PathLike[str]) -> str:
    return os.path.realpath(os.fspath(directory))


def _shall_check(directory: str | os.PathLike[str], check_dir: bool | Literal["auto"]) -> bool:
    """Whether the directory has to be there by now: in development it may come with the first build."""
    if check_dir != "auto":
        return check_dir
    if "development" not in (os.environ.get("FASTAPI_ENV"), os.environ.get("FASTERAPI_ENV")):
        return True
    if not os.path.isdir(directory):
        text = f"Frontend directory '{directory}' does not exist. Resolved absolute path: '{_resolved(directory)}'"
        warnings.warn(text, stacklevel=5)
    return False


class _Files(StaticFiles):
    """The files of a directory, looked up by paths that the front end has cut to size."""

    def __init__(self, directory: str | os.PathLike[str], fallback: Fallback, check_dir: bool) -> None:
        self._fallback = fallback
        if check_dir and not os.path.isdir(directory):
            raise RuntimeError(f"Frontend directory '{directory}' does not exist. Resolved absolute path: '{_resolved(directory)}'")
        super().__init__(directory=directory, html=True, check_dir=check_dir, follow_symlink=False)
        if check_dir and fallback in ("index.html", "404.html"):
            _, found = self.lookup_path(fallback)
            if found is None or not stat.S_ISREG(found.st_mode):
                raise self._no_fallback(fallback)

    def _no_fallback(self, name: str) -> RuntimeError:
        assert self.directory is not None
        where = f"'{self.directory}'. Resolved absolute directory: '{_resolved(self.directory)}'"
        return RuntimeError(f"Frontend fallback file '{name}' does not exist in directory {where}")

    async def respond(self, path: str, scope: Scope) -> Response:
        """The answer for a path below the front end's."""
        if not self.config_checked:
            await self.check_config()
            self.config_checked = True
        found = await self._file(_normalised(path))
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405 if found is not None else 404)
        if found is not None:
            full_path, status, is_index = found
            if is_index and not scope["path"].endswith("/"):
                url = URL(scope=scope)
                return RedirectResponse(url.replace(path=url.path + "/"))
            return self.file_response(full_path, status, scope)
        for name, code in (("404.html", 404), ("index.html", 200)):
            if self._fallback == name or (self._fallback == "auto" and await self._exists(name)):
                if name == "index.html" and not _navigates(scope):
                    continue
                where, there = await run_in_threadpool(self.lookup_path, name)
                if there is None or not stat.S_ISREG(there.st_mode):
                    raise self._no_fallback(name)
                return self.file_response(where, there, scope, status_code=code)
        raise HTTPException(404)

    async def _look(self, path: str) -> tuple[str, os.stat_result | None]:
        try:
            return await run_in_threadpool(self.lookup_path, path)
        except PermissionError:
            raise HTTPException(401) from None

    async def _file(self, path: str) -> tuple[str, os.stat_result, bool] | None:
        """A file, or the index of a directory: (path, status, whether it is an index)."""
        full_path, status = await self._look(path)
        if status is not None and stat.S_ISREG(status.st_mode):
            return full_path, status, False
        if status is not None and stat.S_ISDIR(status.st_mode):
            full_path, status = await self._look(os.path.join(path, "index.html"))
            if status is not None and stat.S_ISREG(status.st_mode):
                return full_path, status, True
        return None

    async def _exists(self, name: str) -> bool:
        _, status = await run_in_threadpool(self.lookup_path, name)
        return status is not None and stat.S_ISREG(status.st_mode)


def _normalised(path: str) -> str:
    return os.path.normpath(os.path.join(*path.split("/")))


def _navigates(scope: Scope) -> bool:
    """Whether a browser asks for a page, and not a script for data."""
    for part in Request(scope).headers.get("accept", "").split(","):
        media, _, options = part.strip().partition(";")
        if media.strip().lower() in ("text/html", "application/xhtml+xml"):
            values = [value.strip() for name, _, value in (option.partition("=") for option in options.split(";")) if name.strip() == "q"]
            try:
                return not values or float(values[-1]) != 0
            except ValueError:
                return True
    return False


class Frontend:
    """A directory under a path. The most specific one that fits a path is asked, after all routes.

    Args:
        path: begins with a slash.
        directory: of the files.
        fallback: what unknown paths get: a page of its own for 404, the index for navigation, or either by what there is.
        check_dir: whether the directory has to be there; "auto": except in development.
        dependencies: called before.
        overrides_provider: whose `dependency_overrides` replace them.
    """

    methods = ("GET", "HEAD")
    layers: tuple[Any, ...] = ()  # of the routers that it belongs to, the outermost first

    def __init__(
        self,
        path: str,
        *,
        directory: str | os.PathLike[str],
        fallback: Fallback = "auto",
        check_dir: bool | Literal["auto"] = "auto",
        dependencies: Sequence[Depends] = (),
        overrides_provider: Any = None,
        max_body_size: int | None = None,
        files: Any = None,
    ) -> None:
        if not path:
            raise AssertionError("A frontend path cannot be empty")
        if not path.startswith("/"):
            raise AssertionError("A frontend path must start with '/'")
        if fallback not in _FALLBACKS:
            raise AssertionError("fallback must be 'auto', 'index.html', '404.html', or None")
        self.path = path if path == "/" else path.rstrip("/")
        self.path_format = self.path.rstrip("/") + "/{path}"
        self.dependencies = list(dependencies)
        self._options: dict[str, Any] = {"directory": directory, "fallback": fallback, "check_dir": check_dir}
        self._files: _Files = files or _Files(directory, fallback, _shall_check(directory, check_dir))
        self._overrides_provider = overrides_provider
        from FasterAPI.dependencies.utils import add_dependencies, get_dependant
        from FasterAPI.routing import request_response

        self._dependant = get_dependant(path="", call=_nothing)
        add_dependencies(self._dependant, self.dependencies)
        self.app = with_body_limit(request_response(self._respond), max_body_size)

    def below(self, prefix: str, dependencies: Sequence[Depends], overrides_provider: Any, max_body_size: int | None) -> Frontend:
        """The same files in a router that includes this one's."""
        path = self.path if not prefix else prefix if self.path == "/" else prefix + self.path
        return Frontend(
            path,
            **self._options,
            dependencies=[*dependencies, *self.dependencies],
            overrides_provider=overrides_provider,
            max_body_size=max_body_size,
            files=self._files,
        )

    def rest_of(self, path: str) -> str | None:
        """What of a path is below this one; None for a path that is not."""
        if self.path == "/":
            return path.lstrip("/")
        if path == self.path:
            return ""
        return path[len(self.path) + 1 :] if path.startswith(self.path + "/") else None

    @property
    def specificity(self) -> int:
        return 0 if self.path == "/" else len(self.path)

    def matches(self, scope: Scope) -> Match:
        """Whether a request is this one's: fully, or but for its method."""
        if scope["type"] != "http" or self.rest_of(get_route_path(scope)) is None:
            return Match.NONE
        return Match.FULL if scope["method"] in self.methods else Match.PARTIAL

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        path = self.rest_of(get_route_path(request.scope)) or ""
        if not self._dependant.dependencies or request.method not in self.methods:
            return await self._files.respond(path, request.scope)
        from FasterAPI.dependencies.solving import solve_dependencies
        from FasterAPI.exceptions import RequestValidationError

        solved = await solve_dependencies(
            request=request, dependant=self._dependant, dependency_overrides_provider=self._overrides_provider
        )
        if solved.errors:
            raise RequestValidationError(solved.errors)
        response = await self._files.respond(path, request.scope)
        if response.background is None:
            response.background = solved.background_tasks
        response.headers.raw.extend(solved.response.headers.raw)
        return response


def _nothing() -> None:
    """What the dependencies of a front end stand before."""


def best(frontends: Sequence[Frontend], scope: Scope) -> Frontend | None:
    """The front end for a request: the most specific that fits it, before those that fit but for the method."""
    for wanted in (Match.FULL, Match.PARTIAL):
        found = [frontend for frontend in frontends if frontend.matches(scope) is wanted]
        if found:
            return max(found, key=lambda frontend: frontend.specificity)
    return None
