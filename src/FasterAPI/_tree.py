"""A radix tree over the segments of paths: which entries may fit a path, in one walk.

An edge holds a run of parts, as many as its entries have in common, and compares them with the path in a few calls
into C. A node is reached on one way only, so a walk visits each at most once, whatever the path: no input is exponential,
and there are fewer than twice as many nodes as entries.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Generic, TypeAlias, TypeVar

__all__ = ["ANY", "Part", "Tree"]

T = TypeVar("T")
# One segment: a text, an expression that it has to match as a whole, or ANY: any text but the empty one.
Part: TypeAlias = "str | re.Pattern[str] | None"
ANY = None


class _Node(Generic[T]):
    """What paths have in common that begin alike."""

    __slots__ = ("anything", "checks", "end", "ends", "free", "literals", "others", "parts", "rests", "single", "texts", "values")

    def __init__(self, parts: Sequence[Part], start: int) -> None:
        self.literals: dict[str, _Node[T]] = {}  # what follows, by the first part of it
        self.anything: _Node[T] | None = None
        self.others: dict[re.Pattern[str], _Node[T]] = {}
        self.ends: list[T] = []  # entries whose parts end here
        self.rests: list[T] = []  # entries that may fit whatever follows
        self._run(parts, start)

    def _run(self, parts: Sequence[Part], start: int) -> None:
        self.parts = tuple(parts)
        self.end = start + len(parts)
        self.single = len(parts) == 1
        places = list(enumerate(self.parts, start))
        fixed = [(place, part) for place, part in places if isinstance(part, str)]
        free = [place for place, part in places if part is ANY]
        self.texts: Any = itemgetter(*(place for place, _ in fixed)) if fixed else None
        self.values: Any = fixed[0][1] if len(fixed) == 1 else tuple(text for _, text in fixed)  # as `texts` gives them
        self.free: Any = itemgetter(*free, free[0]) if free else None  # always a tuple
        self.checks = [(place, part.fullmatch) for place, part in places if isinstance(part, re.Pattern)]

    def begin(self, part: Part) -> _Node[T] | None:
        """The node whose run begins with a part."""
        if isinstance(part, str):
            return self.literals.get(part)
        return self.anything if part is ANY else self.others.get(part)

    def follow(self, child: _Node[T]) -> None:
        first = child.parts[0]
        if isinstance(first, str):
            self.literals[first] = child
        elif first is ANY:
            self.anything = child
        else:
            self.others[first] = child

    def child(self, parts: Sequence[Part]) -> _Node[T]:
        """The node at the end of the longest run that this one's child shares with `parts`, or of a new one."""
        child = self.begin(parts[0])
        if child is None:
            child = _Node(parts, self.end)
            self.follow(child)
            return child
        common = 0
        while common < min(len(child.parts), len(parts)) and child.parts[common] == parts[common]:
            common += 1
        if common == len(child.parts):
            return child
        upper: _Node[T] = _Node(child.parts[:common], self.end)
        self.follow(upper)
        child._run(child.parts[common:], upper.end)
        upper.follow(child)
        return upper

    def fits(self, segments: list[str]) -> bool:
        """Whether the run is what stands at its place."""
        return (
            self.end <= len(segments)
            and (self.texts is None or self.texts(segments) == self.values)
            and (self.free is None or all(self.free(segments)))
            and all(check(segments[place]) for place, check in self.checks)
        )


class Tree(Generic[T]):
    """Entries by the parts of their paths."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node((), 0)

    def add(self, parts: Sequence[Part], entry: T, *, rest: bool = False) -> None:
        """Add an entry. `rest`: it may fit whatever follows these parts."""
        node = self._root
        while node.end < len(parts):
            node = node.child(parts[node.end :])
        (node.rests if rest else node.ends).append(entry)

    def find(self, segments: list[str]) -> list[T]:
        """The entries that may fit, in no order."""
        found: list[T] = []
        count = len(segments)
        nodes = [self._root]
        for node in nodes:  # grows meanwhile
            if node.rests:
                found += node.rests
            end = node.end
            if end == count:
                found += node.ends
                continue
            segment = segments[end]
            child = node.literals.get(segment)
            if child is not None and (child.single or child.fits(segments)):
                nodes.append(child)
            child = node.anything
            if child is not None and (segment if child.single else child.fits(segments)):
                nodes.append(child)
            if node.others:
                nodes += [other for other in node.others.values() if other.fits(segments)]
        return found
