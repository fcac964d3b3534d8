"""The command `fasthttp`. Loaded by nothing but the command itself."""

from __future__ import annotations

import typer

from fasthttp.cli.download import download

__all__ = ["main"]

app = typer.Typer(name="fasthttp", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.callback()
def _commands() -> None:
    """HTTP from the command line."""


app.command()(download)


def main() -> None:
    """Run the command of this process's arguments, and exit with its code."""
    app()
