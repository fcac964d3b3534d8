"""Which route a request means, without asking each: an index over the first characters that a path must have.

An index only leaves routes out that cannot match; which of the rest it is, and in which order they are asked, is as
if all had been asked one after another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from starlette._utils import get_route_path
from starlette.datastructures import URL
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import Message, Receive, Scope, Send

from FasterAPI._frontend import best
from FasterAPI._outcome import BODY, ENDS, GAVE_UP, answer_inside, replaying

__all__ = ["RouteIndex"]

_PLAIN_SEGMENT = re.compile(r"[^{}]*")
_TEXT_PARAMETER = re.compile(r"\{[^{}:]+(?::str)?\}")
_WHOLE_PARAMETER = re.compile(r"\{[^{}:]+(?::(?:str|int|float|uuid))?\}")


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
        elif not message.get("more_body", False):
            await send({"type": "http.response.body", "body": b""})

    return send_head


class _Node:
    __slots__ = ("children", "open", "other", "routes")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.other: _Node | None = None  # a segment that is a parameter
        self.routes: list[int] = []  # those whose path ends here
        self.open: list[int] = []  # those that may fit anything from here on


class RouteIndex:
    """Candidates by path, as positions in the list of routes."""

    def __init__(self, routes: list[Any]) -> None:
        self.source = routes
        self._routes = list(routes)
        self.size = len(self._routes)
        self._short: dict[int, Any] = {}  # by position: the short way of a route, None where it has none
        self._root = _Node()
        self._static: dict[str, list[int]] = {}
        self._known: dict[str, list[int]] = {}
        for number, route in enumerate(self._routes):
            self._add(number, route)

    def _add(self, number: int, route: BaseRoute) -> None:
        path = getattr(route, "path", None)
        regex = getattr(route, "path_regex", None)
        if type(route) is Mount and "{" not in route.path:  # takes whatever is below its path
            node = self._root
            for segment in route.path.split("/") if route.path else ():
                node = node.children.setdefault(segment, _Node())
            node.open.append(number)
            return
        if not isinstance(path, str) or regex is None or not hasattr(route, "path_format") or type(route).__name__ in ("Mount", "Host"):
            self._root.open.append(number)
            return
        if "{" not in path:
            self._static.setdefault(path, []).append(number)
            return
        node = self._root
        for segment in path.split("/"):
            if _PLAIN_SEGMENT.fullmatch(segment):
                node = node.children.setdefault(segment, _Node())
            elif _WHOLE_PARAMETER.fullmatch(segment):
                node.other = node.other or _Node()
                node = node.other
            else:  # a part of a segment, or a convertor that may take slashes
                node.open.append(number)
                return
        node.routes.append(number)

    def candidates(self, path: str) -> Iterator[Any]:
        """The routes that may fit, in the order of registration."""
        return (self._routes[number] for number in self._numbers(path, path.split("/")))

    def short_way(self, method: str, path: str, segments: list[str]) -> tuple[Any, Any]:
        """(route, its short way) for a request, or (None, None) where the routes have to be asked."""
        if path[-1:] == "\n":
            return None, None
        for number in self._numbers(path, segments):
            plan = self._short.get(number, self)
            if plan is self:
                plan = self._short[number] = self._plan(self._routes[number], number)
            if plan is None:
                return None, None
            if method in self._routes[number].methods:
                return self._routes[number], plan
        return None, None

    def _plan(self, route: Any, number: int) -> Any:
        from FasterAPI._plan import make_plan
        from FasterAPI.routing import APIRoute

        parts = route.path.split("/") if isinstance(route, APIRoute) else ["{:}"]
        if not all(_PLAIN_SEGMENT.fullmatch(part) or _TEXT_PARAMETER.fullmatch(part) for part in parts):
            return None
        route.forget = partial(self._short.pop, number, None)  # when another application is put there
        places = {part[1:-1].removesuffix(":str"): at for at, part in enumerate(parts) if part.startswith("{")}
        return make_plan(route, places)

    def _numbers(self, path: str, segments: list[str]) -> list[int]:
        """The positions of the routes that may fit, in order. What is found for a path without parameters is kept."""
        known = self._known.get(path)
        if known is not None:
            return known
        if path in self._static:
            known = self._known[path] = self._search(path, segments)
            return known
        node = self._root
        for segment in segments:  # most paths lead to one place, past nothing that may fit too
            if node.open or (node.other is not None and segment in node.children):
                return self._search(path, segments)
            following = node.children.get(segment) or (node.other if segment else None)
            if following is None:
                break
            node = following
        else:
            if not node.open and path[-1:] != "\n":
                return node.routes
        return self._search(path, segments)

    def _search(self, path: str, segments: list[str]) -> list[int]:
        found = list(self._static.get(path, ()))
        if path[-1:] == "\n":  # the `$` at the end of a route's expression lets one line feed be
            found += self._numbers(path[:-1], path[:-1].split("/"))
        level = [self._root]
        for segment in segments:
            following: list[_Node] = []
            for node in level:
                found += node.open
                child = node.children.get(segment)
                if child is not None:
                    following.append(child)
                if node.other is not None and segment:
                    following.append(node.other)
            level = following
            if not level:
                break
        for node in level:
            found += node.routes
            found += node.open
        if len(found) > 1:
            found = sorted(set(found))
        return found

    def _allowed(self, scope: Scope, path: str) -> set[str]:
        """The methods that any route has for a path."""
        fitting = (route for route in self.candidates(path) if route.matches(scope)[0] is not Match.NONE)
        return {method for route in fitting for method in getattr(route, "methods", None) or ()}

    async def _head(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        """Answer HEAD by the operation for GET, without the body."""
        for route in self.candidates(path):
            match, child_scope = route.matches(scope)
            if match is not Match.NONE and "GET" in (getattr(route, "methods", None) or ()):
                scope["route"] = route
                scope.update(child_scope)
                await route.app(scope, receive, _without_body(send))
                return

    async def dispatch(self, router: Any, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request or WebSocket to its route: the first that fits path and method, else the first that fits the path."""
        partial: tuple[Any, Scope] | None = None
        path = get_route_path(scope)
        watched = scope.pop(GAVE_UP, None)
        if watched is True:
            watched = None
        elif watched is not None:
            scope[GAVE_UP] = watched  # for the routes of what is mounted
        elif scope["type"] == "http" and not scope.get("path_params") and not router.overridden:
            segments = path.split("/")
            route, plan = self.short_way(scope["method"], path, segments)
            if plan is not None:
                scope["route"], scope["endpoint"] = route, route.endpoint
                scope[ENDS] = True
                if await plan(scope, receive, send, segments, answer_inside):
                    return
                scope.pop(ENDS, None)
                body = scope.pop(BODY, None)
                receive = receive if body is None else replaying(body, receive)
        for route in self.candidates(path):
            match, child_scope = route.matches(scope)
            if match is Match.FULL:
                if watched is not None:
                    watched.select(route)
                scope["route"] = route
                scope.update(child_scope)
                await route.handle(scope, receive, send)
                return
            if match is Match.PARTIAL and partial is None:
                partial = (route, child_scope)
        if partial is not None:
            route, child_scope = partial
            if watched is not None:
                watched.select(route)
            if scope["type"] == "http" and (router.native_methods or router.answers_options):
                allowed = self._allowed(scope, path)
                if scope["method"] == "HEAD" and "GET" in allowed and router.native_methods:
                    await self._head(scope, receive, send, path)
                    return
                if scope["method"] == "OPTIONS" and router.answers_options and "OPTIONS" not in allowed:
                    await Response(status_code=204, headers={"Allow": ", ".join(sorted(allowed))})(scope, receive, send)
                    return
                if router.native_methods and scope["method"] not in allowed and isinstance(getattr(route, "methods", None), set):
                    raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
            scope["route"] = route
            scope.update(child_scope)
            await route.handle(scope, receive, send)
            return
        if scope["type"] == "http" and router.redirect_slashes and path != "/" and not scope["path"].startswith("//"):
            other = dict(scope)
            other["path"] = other["path"].rstrip("/") if path.endswith("/") else other["path"] + "/"
            found = (route for route in self.candidates(get_route_path(other)) if route.matches(other)[0] is not Match.NONE)
            route = next(found, None)
            if route is not None:
                if watched is not None:
                    watched.select(route)
                await RedirectResponse(str(URL(scope=other)))(scope, receive, send)
                return
        frontend = best(router.frontends, scope) if router.frontends else None
        if frontend is not None and watched is not None:
            watched.select(frontend)
        await (router.default if frontend is None else frontend.handle)(scope, receive, send)
