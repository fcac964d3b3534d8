"""`fasthttp run`: the routes of the app in a file; and which app of a file is meant."""

from __future__ import annotations

import sys
import traceback
from contextlib import nullcontext, redirect_stdout
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from fasthttp.app import FastHTTP
from fasthttp.app.loading import loading
from fasthttp.cli.terminal import CommandError, failure, one_line, reported, show, wants_colour
from httpwire.masking import mask_text

__all__ = ["File", "load_app", "run"]

MODULE = "__fasthttp_app__"  # not `__main__`, and no name that the file could hide by bearing it

File = Annotated[str, typer.Argument(metavar="FILE[:NAME]", help="File, and the name of the app in it.", show_default=False)]


def run(
    target: File,
    tags: Annotated[
        list[str] | None, typer.Option("--tags", "-t", metavar="A,B", help="Only routes with one of these.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON; log lines go to stderr.")] = False,
    summary: Annotated[bool, typer.Option("--summary", help="Print a table of the results; log lines go to stderr.")] = False,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 when routes failed.")] = False,
    debug: Annotated[bool, typer.Option("--debug", "-d", help="Log details and tracebacks.")] = False,
) -> None:
    """Run the routes of an app."""
    if as_json and summary:
        raise typer.BadParameter("--json and --summary exclude each other: stdout has one of them")
    chosen = [tag.strip() for one in tags or () for tag in one.split(",") if tag.strip()] or None
    # What handlers print is not what was asked for either, so all of it goes where the log lines go.
    with redirect_stdout(sys.stderr) if as_json or summary else nullcontext():
        with reported(2, debug=debug):
            app = load_app(target, debug=debug)
        app.debug = app.debug or debug
        with reported(2, debug=debug):
            app._select(chosen)
        with reported(1, debug=debug):
            result = app.run(chosen)
    if as_json:
        show([(result.to_json(indent=2) + "\n", "json")])
    elif summary and wants_colour(sys.stdout):
        from rich.console import Console

        Console(file=sys.stdout, force_terminal=True, highlight=False, emoji=False).print(result)
    elif summary:
        show([(result.summary() + "\n", "")])
    if result.interrupted or not exit_zero:
        raise typer.Exit(result.exit_code)


def load_app(target: str, *, debug: bool = False) -> FastHTTP:
    """The app that `FILE[:NAME]` means. Ends the command with code 2 when there is none, or no telling which."""
    path, name = Path(target), ""
    if not path.is_file():
        file, _, name = target.rpartition(":")
        path = Path(file)
        if not file or not path.is_file():
            raise failure(f"there is no file {file or target}", 2)
    found = _apps(_load(path, debug))
    if name:
        if name in found:
            return found[name]
        raise failure(f"{path} has no app {name!r}; {_candidates(found)}", 2)
    if "app" in found:
        return found["app"]
    if len({id(app) for app in found.values()}) == 1:
        return next(iter(found.values()))
    choice = f"; name one as {path}:NAME" if found else ""
    raise failure(f"{path} has {'several apps' if found else 'no app'} to run; {_candidates(found)}{choice}", 2)


def _apps(module: ModuleType) -> dict[str, FastHTTP]:
    return {name: value for name, value in vars(module).items() if isinstance(value, FastHTTP)}


def _candidates(found: dict[str, Any]) -> str:
    return f"there are {', '.join(found)}" if found else "there is no FastHTTP in it"


def _load(path: Path, debug: bool) -> ModuleType:
    """Execute a file as a module, without its `__main__` block and without what it would run."""
    path = path.resolve()
    sys.path.insert(0, str(path.parent))
    from importlib.machinery import SourceFileLoader

    spec = spec_from_file_location(MODULE, path, loader=SourceFileLoader(MODULE, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[MODULE] = module  # dataclasses and annotations look their module up
    try:
        with loading():
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as exc:
        if isinstance(exc, CommandError):
            raise
        if debug:
            show([(mask_text("".join(traceback.format_exception(exc))), "dim")], sys.stderr)
        lines = [frame.lineno for frame in traceback.extract_tb(exc.__traceback__) if frame.filename == str(path)]
        where = f"{path.name}:{lines[-1]}" if lines else path.name
        raise failure(f"{where}: {type(exc).__name__}: {one_line(exc)}", 2) from exc
    return module
