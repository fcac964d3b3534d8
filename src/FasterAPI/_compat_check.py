"""What files use of the target and of Starlette that is not here; found by reading them, without running anything of theirs."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Missing", "check_paths", "missing_in"]

_OWN = {"fastapi": "FasterAPI", "starlette": "starlette"}


class Missing(NamedTuple):
    """A name that has no counterpart, and where it stands; `line` 0 is a file that cannot be read."""

    file: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.name}"


def _own_name(name: str) -> str | None:
    """The module here that answers to a module's name there; None for modules of others."""
    root, _, rest = name.partition(".")
    own = _OWN.get(root)
    return None if own is None else f"{own}.{rest}" if rest else own


def _has_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _has(module: str, attribute: str) -> bool:
    if _has_module(f"{module}.{attribute}"):
        return True
    try:
        return hasattr(importlib.import_module(module), attribute)
    except ImportError:  # of an optional library, which the application has to have then
        return True


class _Reader(ast.NodeVisitor):
    """Follows the names by which a file knows modules, and asks for each attribute of theirs."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Missing] = []
        self._modules: dict[str, str] = {}  # local name: the module's, as the file says it

    def _miss(self, node: ast.AST, name: str) -> None:
        self.found.append(Missing(self.file, getattr(node, "lineno", 0), name))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            own = _own_name(alias.name)
            if own is None:
                continue
            if not _has_module(own):
                self._miss(node, alias.name)
            elif alias.asname is None:
                root = alias.name.partition(".")[0]
                self._modules[root] = root
            else:
                self._modules[alias.asname] = alias.name

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        own = None if node.module is None or node.level else _own_name(node.module)
        if own is None:
            return
        if not _has_module(own):
            self._miss(node, str(node.module))
            return
        for alias in node.names:
            if alias.name == "*":
                continue
            if not _has(own, alias.name):
                self._miss(node, f"{node.module}.{alias.name}")
            elif _has_module(f"{own}.{alias.name}"):
                self._modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def visit_Attribute(self, node: ast.Attribute) -> None:
        names: list[str] = []
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            names.append(inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name) or inner.id not in self._modules:
            self.visit(inner)
            return
        module = self._modules[inner.id]
        for name in reversed(names):
            own = _own_name(module)
            assert own is not None
            if not _has(own, name):
                self._miss(node, f"{module}.{name}")
                return
            if not _has_module(f"{own}.{name}"):
                return  # a class or function: what it has is its own matter
            module = f"{module}.{name}"


def missing_in(source: str, file: str) -> list[Missing]:
    """The names in a file's text that have no counterpart. Raises `SyntaxError`."""
    reader = _Reader(file)
    reader.visit(ast.parse(source, file))
    return sorted(set(reader.found), key=lambda missing: (missing.line, missing.name))


def _files(paths: Iterable[str]) -> Iterator[Path]:
    for text in paths:
        path = Path(text)
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def check_paths(paths: Iterable[str]) -> Iterator[Missing]:
    """The same of files, and of all Python files below folders; one that cannot be read is told as well."""
    for path in _files(paths):
        try:
            with tokenize.open(path) as file:
                source = file.read()
            yield from missing_in(source, str(path))
        except (OSError, SyntaxError, ValueError) as exc:
            yield Missing(str(path), getattr(exc, "lineno", None) or 0, f"cannot be read: {exc}")
