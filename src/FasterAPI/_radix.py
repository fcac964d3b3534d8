"""`RadixRouter`: from method and path to whatever was registered for them, without an application."""

from __future__ import annotations

import re
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from starlette.convertors import CONVERTOR_TYPES, Convertor

from FasterAPI._tree import ANY, Part, Tree

__all__ = ["RadixRouter"]

_PARAMETER = re.compile(r"\{([a-zA-Z_][a-zA-Z0-9_]*)(?::([a-zA-Z_][a-zA-Z0-9_]*))?\}")
_IN_SEGMENT = ("str", "int", "float", "uuid")  # convertors that take no slash; others may
_STATIC, _PARAMETRIC, _REST = range(3)


class _Taken(NamedTuple):
    """Where parameters stand in a path."""

    at: int  # the number of a segment
    match: Any  # of its text
    parameters: list[tuple[str, Convertor[Any], int]]  # with the numbers of their groups
    rest: bool  # it is the text of this segment and of all that follow
    least: int  # how many segments the path must have


class _Route(NamedTuple):
    method: str
    handler: Any
    metadata: Any
    order: tuple[Any, ...]  # the least comes first
    taken: list[_Taken]

    def params(self, segments: list[str]) -> dict[str, Any] | None:
        """The parameters of a path; None: it does not fit after all."""
        params: dict[str, Any] = {}
        for at, match, parameters, rest, least in self.taken:
            found = None if len(segments) < least else match("/".join(segments[at:]) if rest else segments[at])
            if found is None:
                return None
            try:
                for name, convertor, group in parameters:
                    params[name] = convertor.convert(found[group])
            except ValueError:  # more digits than an integer may have
                return None
        return params


class RadixRouter:
    """Finds what is registered for a method and a path.

    A path may hold parameters, `{name}` or `{name:convertor}`, as segments or parts of them. Their names belong to their route.
    A look-up takes time by the length of the path, hardly by the number of routes, and no path makes it try combinations.

    Args:
        order: "static": what has a text where others have a parameter goes first, from left to right, and a parameter before one that takes
            slashes; empty segments do not count, so that `/users/` and `//users` are `/users`. "declared": as applications
            have it: what was registered first goes first, and every character counts.
    """

    def __init__(self, order: Literal["static", "declared"] = "static") -> None:
        if order not in ("static", "declared"):
            raise ValueError(f"order={order!r}: it is 'static' or 'declared'")
        self._static_first = order == "static"
        self._tree: Tree[_Route] = Tree()
        self._count = 0

    def _segments(self, path: str) -> list[str]:
        return [segment for segment in path.split("/") if segment] if self._static_first else path.split("/")

    def add_route(self, method: str, path: str, handler: Any, metadata: Any = None) -> None:
        """Register a handler; where method and path are registered already, that stays.

        Args:
            method: in any case.
            path: begins with a slash.
            handler, metadata: what `resolve` gives back.

        Raises:
            ValueError: for a path without a slash, braces that are no parameter, a name that stands twice in it, an unknown convertor.
        """
        if not path.startswith("/"):
            raise ValueError(f"{path!r} does not begin with a slash")
        parts: list[Part] = []
        ranks: list[int] = []
        taken: list[_Taken] = []
        segments = self._segments(path)
        for at, segment in enumerate(segments):
            parameters = _parameters(segment, path)
            if not parameters:
                parts.append(segment)
                ranks.append(_STATIC)
                continue
            rest = any(kind not in _IN_SEGMENT for _, kind in parameters)
            text = "/".join(segments[at:]) if rest else segment
            parameters = _parameters(text, path)
            expression, groups = _expression(text)
            least = at if rest and self._static_first else at + 1  # `/files/` is `/files`, so that has an empty rest
            taken.append(_Taken(at, expression.fullmatch, groups, rest, least))
            ranks.append(_REST if rest else _PARAMETRIC)
            if rest:
                break
            parts.append(ANY if len(parameters) == 1 and _PARAMETER.fullmatch(text) and parameters[0][1] == "str" else expression)
        names = [name for place in taken for name, *_ in place.parameters]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"{path!r} has more than one parameter {', '.join(sorted(twice))}")
        order = (ranks, self._count) if self._static_first else (self._count,)
        self._count += 1
        self._tree.add(parts, _Route(method.upper(), handler, metadata, order, taken), rest=bool(taken) and taken[-1].rest)

    def resolve(self, method: str, path: str) -> tuple[Any, dict[str, Any], Any] | None:
        """(handler, parameters, metadata) of the first route that fits method and path; None: there is none.

        Parameters are texts, or what their convertors make of them.
        """
        method, segments = method.upper(), self._segments(path)
        fitting = [route for route in self._tree.find(segments) if route.method == method]
        if len(fitting) > 1:
            fitting.sort(key=attrgetter("order"))
        for route in fitting:
            params = route.params(segments)
            if params is not None:
                return route.handler, params, route.metadata
        return None

    def allowed_methods(self, path: str) -> list[str]:
        """The methods that a path is registered for, sorted."""
        segments = self._segments(path)
        return sorted({route.method for route in self._tree.find(segments) if route.params(segments) is not None})


def _parameters(text: str, path: str) -> list[tuple[str, str]]:
    """(name, convertor) of each parameter in a text of a path."""
    literal = _PARAMETER.sub("", text)
    if "{" in literal or "}" in literal:
        raise ValueError(f"{path!r}: braces stand for parameters, {{name}} or {{name:convertor}}")
    parameters = [(name, kind or "str") for name, kind in _PARAMETER.findall(text)]
    for _, kind in parameters:
        if kind not in CONVERTOR_TYPES:
            raise ValueError(f"{path!r}: there is no convertor {kind!r}; there are {', '.join(sorted(CONVERTOR_TYPES))}")
    return parameters


def _expression(text: str) -> tuple[re.Pattern[str], list[tuple[str, Convertor[Any], int]]]:
    """A text with parameters as a regular expression; (name, convertor, number of its group) of each parameter."""
    pieces: list[str] = []
    groups: list[tuple[str, Convertor[Any], int]] = []
    at, group = 0, 1
    for found in _PARAMETER.finditer(text):
        convertor = CONVERTOR_TYPES[found[2] or "str"]
        pieces += [re.escape(text[at : found.start()]), f"({convertor.regex})"]
        groups.append((found[1], convertor, group))
        group += 1 + re.compile(convertor.regex).groups
        at = found.end()
    return re.compile("".join([*pieces, re.escape(text[at:])])), groups
