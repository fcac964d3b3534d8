"""The package does no input and output and knows no time."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import httpwire

SOURCE = sorted(Path(httpwire.__path__[0]).glob("*.py"))
FORBIDDEN = {
    "socket",
    "ssl",
    "select",
    "selectors",
    "asyncio",
    "threading",
    "time",
    "concurrent",
    "multiprocessing",
    "fasthttp",
    "FasterAPI",
}


def imported(tree: ast.AST) -> set[str]:
    """The top-level packages that a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where a name is from"
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", SOURCE, ids=lambda path: path.stem)
def test_no_module_imports_io(path: Path) -> None:
    """No module imports sockets, loops, threads or clocks, not even inside a function."""
    tree = ast.parse(path.read_text())
    assert not imported(tree) & FORBIDDEN
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & {"open", "input", "print"}


def test_the_rule_bites() -> None:
    """The check finds an import in every form it can have."""
    assert imported(ast.parse("def f():\n    import socket.x\n    from ssl import y")) == {"socket", "ssl"}


@pytest.mark.parametrize("module", ["errors", "status", "buffer", "headers", "masking", "mime"])
def test_modules_without_dependencies_load_nothing(module: str) -> None:
    """A module that needs no library brings no socket, loop or thread into a fresh interpreter."""
    code = f"import sys; before = set(sys.modules); import httpwire.{module}; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"socket", "_socket", "ssl", "select", "asyncio", "threading"}


def test_optional_libraries_load_lazily() -> None:
    """Importing the codings loads none of the optional libraries."""
    code = "import sys, httpwire.coding; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"brotli", "backports.zstd", "compression.zstd"}
