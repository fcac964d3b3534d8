"""The command `fasterapi`: serve an application, show its routes and schema, begin a project, change imports."""

from __future__ import annotations

import ast
import difflib
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from FasterAPI._cores import usable_cores

__all__ = ["app", "find_target", "load_target", "main", "rewritten"]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Applications of FasterAPI.", pretty_exceptions_enable=False)

_FILES = ("main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py")
_NAMES = ("app", "api", "application")
Target = Annotated[str | None, typer.Argument(metavar="[TARGET]", help="module:app, a file or a directory.")]
Name = Annotated[str | None, typer.Option("--app", help="The variable that holds the application.")]


# --- what is to be served


def _from_pyproject() -> str | None:
    import tomllib

    path = Path("pyproject.toml")
    tools: dict[str, Any] = tomllib.loads(path.read_text("utf-8")).get("tool", {}) if path.is_file() else {}
    for tool in ("fasterapi", "fastapi"):
        entry = tools.get(tool, {}).get("entrypoint")
        if entry:
            return str(entry)
    return None


def _module_of(file: Path) -> str:
    """The dotted name of a file, and the folder above its outermost package on the import path."""
    parts = [] if file.name == "__init__.py" else [file.stem]
    folder = file.resolve().parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    sys.path.insert(0, str(folder))
    return ".".join(parts)


def find_target(target: str | None, name: str | None = None) -> str:
    """`module:variable` for what the command line names, or for what is found where nothing is named. Exits with 2 otherwise."""
    if target is None:
        target = _from_pyproject()
    if target is not None and (":" in target or not (target.endswith(".py") or Path(target).exists())):
        sys.path.insert(0, str(Path.cwd()))
        module, _, variable = target.partition(":")
        return f"{module}:{name or variable or _variable_of(module)}"
    folder = Path(target or ".")
    tried = [folder] if folder.is_file() else [folder / file for file in _FILES]
    for file in tried:
        if file.is_file():
            module = _module_of(file)
            return f"{module}:{name or _variable_of(module)}"
    typer.echo(f"no application found; tried {', '.join(str(file) for file in tried)}. Name one: fasterapi run module:app", err=True)
    raise typer.Exit(2)


def _variable_of(module: str) -> str:
    from starlette.applications import Starlette

    found = vars(_imported(module))
    names = [*_NAMES, *found]
    chosen = next((name for name in names if isinstance(found.get(name), Starlette)), None)
    if chosen is None:
        typer.echo(f"{module} has no application; name its variable: {module}:NAME", err=True)
        raise typer.Exit(2)
    return str(chosen)


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as exc:
        typer.echo(f"cannot import {module}: {exc}", err=True)
        raise typer.Exit(2) from exc


def load_target(target: str | None, name: str | None = None) -> Any:
    """The application itself."""
    module, _, variable = find_target(target, name).partition(":")
    found = _imported(module)
    for part in variable.split("."):
        if not hasattr(found, part):
            typer.echo(f"{module} has no {variable!r}", err=True)
            raise typer.Exit(2)
        found = getattr(found, part)
    return found


# --- commands


def _serve(target: str, *, reload: bool, **options: Any) -> None:
    import uvicorn

    uvicorn.run(target, reload=reload, **{name: value for name, value in options.items() if value is not None})


def _workers(value: str) -> int:
    if value == "auto":
        return usable_cores()
    if not value.isdigit() or int(value) < 1:
        raise typer.BadParameter("a number of processes, or auto")
    return int(value)


@app.command()
def run(
    target: Target = None,
    name: Name = None,
    host: str = "127.0.0.1",
    port: Annotated[int, typer.Option(envvar="PORT")] = 8000,
    workers: Annotated[str, typer.Option(envvar="WEB_CONCURRENCY", help="Processes; auto: one for each core.")] = "1",
    reload: bool = False,
    root_path: str = "",
    proxy_headers: bool = True,
    forwarded_allow_ips: str | None = None,
    uds: str | None = None,
    factory: bool = False,
    log_level: str = "info",
    access_log: bool = True,
    server: Annotated[Literal["uvicorn", "fasterapi"], typer.Option(help="fasterapi: our own, which is not there yet.")] = "uvicorn",
) -> None:
    """Serve an application."""
    if server != "uvicorn":
        raise typer.BadParameter("--server fasterapi is not there yet: uvicorn serves")
    os.environ.setdefault("FASTERAPI_ENV", "production")
    options = {"host": host, "port": port, "workers": _workers(workers), "root_path": root_path, "uds": uds, "factory": factory}
    options |= {"proxy_headers": proxy_headers, "forwarded_allow_ips": forwarded_allow_ips}
    _serve(find_target(target, name), reload=reload, log_level=log_level, access_log=access_log, **options)


@app.command()
def dev(target: Target = None, name: Name = None, host: str = "127.0.0.1", port: int = 8000, reload: bool = True) -> None:
    """Serve an application for whoever writes it: again after each change."""
    os.environ.setdefault("FASTERAPI_ENV", "development")
    _serve(find_target(target, name), reload=reload, host=host, port=port)


@app.command()
def routes(target: Target = None, name: Name = None) -> None:
    """Show the routes of an application."""
    from rich.console import Console
    from rich.table import Table

    table = Table("Methods", "Path", "Name", "Function", box=None, header_style="bold")
    for route in load_target(target, name).routes:
        methods = ", ".join(sorted(getattr(route, "methods", None) or ())) or type(route).__name__
        endpoint = getattr(route, "endpoint", None)
        where = f"{getattr(endpoint, '__module__', '')}.{getattr(endpoint, '__qualname__', '')}".strip(".")
        table.add_row(methods, getattr(route, "path", ""), getattr(route, "name", "") or "", where)
    Console(width=None if sys.stdout.isatty() else 240).print(table)  # whole lines for programs that read them


@app.command()
def openapi(
    target: Target = None, name: Name = None, output: Annotated[Path | None, typer.Option("-o", "--output", help="A file.")] = None
) -> None:
    """Write the schema of an application."""
    text = json.dumps(load_target(target, name).openapi(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, "utf-8")


_MAIN = """\
from FasterAPI import Faster, HTTPException
from msgspec import Struct


class Item(Struct):
    name: str
    price: float


app = Faster(title="{title}")
items: dict[int, Item] = {{1: Item("pencil", 0.5)}}


@app.get("/items/{{number}}")
async def read(number: int) -> Item:
    if number not in items:
        raise HTTPException(404, "no such item")
    return items[number]


@app.post("/items", status_code=201)
async def add(item: Item) -> dict[str, int]:
    items[len(items) + 1] = item
    return {{"number": len(items)}}
"""
_TEST = """\
from FasterAPI import TestClient
from main import app


def test_items() -> None:
    with TestClient(app) as client:
        assert client.get("/items/1").json() == {"name": "pencil", "price": 0.5}
        assert client.get("/items/99").status_code == 404
        number = client.post("/items", json={"name": "pen", "price": 2}).json()["number"]
        assert client.get(f"/items/{number}").json()["name"] == "pen"
"""
_PYPROJECT = """\
[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["fasthttp"]

[tool.fasterapi]
entrypoint = "main:app"

[tool.pytest.ini_options]
pythonpath = ["."]
"""


@app.command()
def new(name: str) -> None:
    """Begin a project, in a new folder."""
    folder = Path(name)
    if folder.exists():
        typer.echo(f"{folder} is there already", err=True)
        raise typer.Exit(2)
    folder.mkdir(parents=True)
    for file, text in (("main.py", _MAIN.format(title=folder.name)), ("test_main.py", _TEST), ("pyproject.toml", _PYPROJECT)):
        (folder / file).write_text(text.replace("{name}", folder.name), "utf-8")
    typer.echo(f"made {folder}: cd {folder} && fasterapi dev")


def rewritten(source: str) -> str:
    """The text of a module with its imports of fastapi as imports of ours; everything else is left as it is."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0 and node.module.partition(".")[0] == "fastapi":
            line = lines[node.lineno - 1]
            at = line.index("fastapi", node.col_offset)
            lines[node.lineno - 1] = f"{line[:at]}FasterAPI{line[at + 7 :]}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == "fastapi":
                    line = lines[alias.lineno - 1]
                    rest = line[alias.col_offset + 7 :]
                    plain = alias.name == "fastapi" and alias.asname is None
                    lines[alias.lineno - 1] = f"{line[: alias.col_offset]}FasterAPI{' as fastapi' if plain else ''}{rest}"
    return "".join(lines)


@app.command("migrate-from-fastapi")
def migrate(paths: list[Path], dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change.")] = False) -> None:
    """Change the imports of fastapi in files and folders, and nothing else."""
    for file in sorted(found for path in paths for found in ([path] if path.is_file() else path.rglob("*.py"))):
        before = file.read_text("utf-8")
        after = rewritten(before)
        if after == before:
            continue
        if dry_run:
            pair = (before.splitlines(keepends=True), after.splitlines(keepends=True))
            typer.echo("".join(difflib.unified_diff(*pair, str(file), str(file))), nl=False)
        else:
            file.write_text(after, "utf-8")
            typer.echo(f"changed {file}")


@app.command()
def version() -> None:
    """Show the version."""
    from FasterAPI import __version__

    typer.echo(__version__)


def main() -> None:
    """The entry point of the command."""
    app()
