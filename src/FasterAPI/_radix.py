"""Which route a path means. A tree by segments that gives candidates in the order of registration. Knows no HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["Match", "Tree", "parse_path"]

_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


class Match(NamedTuple):
    """A route that fits a path, with the text of its parameters."""

    order: int
    route: Any
    params: dict[str, str]


def parse_path(path: str) -> tuple[list[str | None], list[str]]:
    """The segments of a template (None for a parameter) and the names of its parameters.

    Raises:
        ValueError: it does not begin with a slash, a brace is out of place, or a name occurs twice.
    """
    if not path.startswith("/"):
        raise ValueError(f"path {path!r} must begin with '/'")
    segments: list[str | None] = []
    names: list[str] = []
    for part in path[1:].split("/"):
        match = _PARAMETER.fullmatch(part)
        if match is not None:
            if match[1] in names:
                raise ValueError(f"path {path!r} names the parameter {match[1]!r} twice")
            names.append(match[1])
            segments.append(None)
        elif "{" in part or "}" in part:
            raise ValueError(f"path {path!r}: a parameter must be a whole segment")
        else:
            segments.append(part)
    return segments, names


class _Node:
    __slots__ = ("children", "parameter", "routes")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.routes: list[tuple[int, Any, tuple[str, ...]]] = []


class Tree:
    """Routes by the segments of their paths. Static paths are one look-up; the rest walk the tree."""

    def __init__(self) -> None:
        self._root = _Node()
        self._count = 0
        self._static: dict[str, list[tuple[int, Any]]] = {}
        self._has_parameters = False

    def add(self, path: str, route: Any) -> None:
        """Register a route."""
        segments, names = parse_path(path)
        order = self._count
        self._count += 1
        if not names:
            self._static.setdefault(path, []).append((order, route))
            return
        self._has_parameters = True
        node = self._root
        for segment in segments:
            if segment is None:
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.children.setdefault(segment, _Node())
        node.routes.append((order, route, tuple(names)))

    def find(self, path: str) -> list[Match]:
        """All routes that fit, in the order of registration."""
        matches = [Match(order, route, {}) for order, route in self._static.get(path, ())]
        if self._has_parameters:
            found = list(self._walk(path[1:].split("/")))
            matches = sorted(matches + found) if len(found) + len(matches) > 1 else matches + found
        return matches

    def _walk(self, segments: list[str]) -> Iterator[Match]:
        """Breadth first over the nodes that fit so far: never more of them than the tree has at that depth."""
        level: list[tuple[_Node, tuple[str, ...]]] = [(self._root, ())]
        for segment in segments:
            following: list[tuple[_Node, tuple[str, ...]]] = []
            for node, values in level:
                child = node.children.get(segment)
                if child is not None:
                    following.append((child, values))
                if node.parameter is not None and segment:
                    following.append((node.parameter, (*values, segment)))
            if not following:
                return
            level = following
        for node, values in level:
            for order, route, names in node.routes:
                yield Match(order, route, dict(zip(names, values, strict=True)))
