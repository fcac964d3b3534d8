"""`fasthttp download`: a file, with a progress bar where somebody looks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fasthttp._pure.downloads import parse_checksum
from fasthttp.client import SyncClient
from fasthttp.errors import FastHTTPError
from fasthttp.models import http_target

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["download"]


def download(
    url: Annotated[str, typer.Argument(help="What to download.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PATH", help="File, or directory that gets a file with the server's name for it.")
    ] = Path(),
    resume: Annotated[bool, typer.Option("--resume/--no-resume", help="Go on with what an earlier try has left.")] = True,
    checksum: Annotated[
        str | None, typer.Option(metavar="ALGORITHM:HEX", help="What the file must have, for example sha256:…", show_default=False)
    ] = None,
) -> None:
    """Download a file."""
    try:
        http_target(url)
        if checksum is not None:
            parse_checksum(checksum)
    except (ValueError, NotImplementedError) as exc:
        raise _failed(_line(exc), 2) from exc
    bar = _progress_bar() if sys.stderr.isatty() else None
    try:
        with SyncClient() as client:
            if bar is None:
                client.download(url, output, resume=resume, checksum=checksum)
            else:
                _shown(bar, client, url, output, resume=resume, checksum=checksum)
    except (FastHTTPError, OSError, RuntimeError, NotImplementedError) as exc:
        raise _failed(_line(exc), 1) from exc
    except KeyboardInterrupt:
        raise _failed("interrupted; what is here is kept, and the same command goes on with it", 1) from None


def _failed(reason: str, code: int) -> typer.Exit:
    typer.echo(f"fasthttp: {reason}", err=True)
    return typer.Exit(code)


def _line(exc: Exception) -> str:
    return " ".join(f"{exc}".split()) or type(exc).__name__


def _progress_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


def _shown(bar: Progress, client: SyncClient, url: str, output: Path, **options: Any) -> None:
    with bar:
        task = bar.add_task("", total=None)

        def show(received: int, total: int | None) -> None:
            bar.update(task, completed=received, total=total)

        result = client.download(url, output, progress=show, **options)
        bar.update(task, description=result.path.name)
