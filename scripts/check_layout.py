"""The shape of the tree: sizes of files and functions, where `await` may stand, tests without a claim."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_FILE = 650
MAX_FUNCTION = 80
SOURCES = ("src", "tests", "scripts", "bench", "examples")
# Where waiting is written: the shell, the runtimes, the declarative layer and the transports, which are async by nature.
AWAIT_IN_CLIENT = ("_async", "_io/asyncio", "_io/bridge.py", "_io/sources.py", "app", "middleware", "session.py", "transports")


def files() -> Iterator[Path]:
    for source in SOURCES:
        for path in sorted((ROOT / source).rglob("*.py")):
            if "_sync" not in path.parts:
                yield path


def faults(path: Path) -> Iterator[str]:
    """What is wrong with one file."""
    name = path.relative_to(ROOT)
    text = path.read_text()
    lines = text.count("\n")
    if lines > MAX_FILE:
        yield f"{name}: {lines} lines, more than {MAX_FILE}"
    tree = ast.parse(text)
    if not ast.get_docstring(tree) and text.strip() and path.parent.name != "docs_src":
        yield f"{name}: no docstring that says what the file is about"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > MAX_FUNCTION:
                yield f"{name}:{node.lineno}: {node.name} has {size} lines, more than {MAX_FUNCTION}"
            if node.name.startswith("test_") and not ast.get_docstring(node):
                yield f"{name}:{node.lineno}: {node.name} does not say what it claims"
        if isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)) and not may_await(path):
            yield f"{name}:{node.lineno}: waits outside the async shell"


def may_await(path: Path) -> bool:
    parts = path.relative_to(ROOT).as_posix()
    if parts.startswith("src/httpwire/"):
        return False
    if parts.startswith("src/fasthttp/"):
        return parts.removeprefix("src/fasthttp/").startswith(AWAIT_IN_CLIENT)
    return True


def main() -> int:
    found = [fault for path in files() for fault in faults(path)]
    print("\n".join(found), file=sys.stderr) if found else None
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
