"""The command `fasthttp`. Loaded by nothing but the command itself."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import Any

import typer

from fasthttp.cli import request
from fasthttp.cli.dev import dev
from fasthttp.cli.download import download
from fasthttp.cli.run import run
from fasthttp.cli.terminal import CommandError, failure, one_line, show, wants_colour
from fasthttp.version import __version__

__all__ = ["main"]


def _markup() -> Any:
    """Panels and colours in the help where somebody looks at it, plain text elsewhere."""
    return "rich" if sys.stdout is not None and wants_colour(sys.stdout) and os.environ.get("TERM") != "dumb" else None


app = typer.Typer(name="fasthttp", pretty_exceptions_enable=False, rich_markup_mode=_markup())


@app.callback(invoke_without_command=True)
def _commands(context: typer.Context) -> None:
    """HTTP from the command line."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for _method in request.VERBS:
    app.command(_method, rich_help_panel="Requests")(request.verb(_method.upper()))
app.command(rich_help_panel="Requests")(request.graphql)
app.command(rich_help_panel="Requests")(download)
app.command(rich_help_panel="Apps")(run)
app.command(rich_help_panel="Apps")(dev)


@app.command(rich_help_panel="Apps")
def version() -> None:
    """Print the version."""
    show([(f"fasthttp {__version__}\n", "")])


def main() -> None:
    """Run the command of this process's arguments, and exit with its code: 0, 1 (failure), 2 (usage), 130 (interrupted)."""
    code: Any
    try:
        code = app(prog_name="fasthttp", standalone_mode=False)
    except CommandError as exc:
        context = getattr(exc, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context is not None else ""
        code = failure(one_line_of(exc) + hint, 2).exit_code
    except (typer.Abort, KeyboardInterrupt):
        code = 130
    if code == 130 and threading.active_count() > 1:
        # A handler in a thread cannot be stopped, and who has asked twice for the end will not wait for it.
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # nobody reads it any more, or it was closed
                stream.flush()
        os._exit(code)
    sys.exit(code)


def one_line_of(error: Any) -> str:
    """The message of a usage error."""
    return one_line(ValueError(error.format_message()))
