"""`fasthttp download`: a file, with a progress bar where somebody looks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fasthttp._pure.downloads import parse_checksum
from fasthttp.cli.access import AllowHost, Debug, InsecureSSRF, Proxy, make_client, whole_url
from fasthttp.cli.terminal import failure, reported
from fasthttp.client import SyncClient
from fasthttp.models import http_target
from fasthttp.timeouts import DEFAULT_TIMEOUT

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["download"]

_NO_LIMIT = 1 << 62  # bytes; a file is not held in memory


def download(
    url: Annotated[str, typer.Argument(metavar="URL", help="What to download.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="PATH", help="File, or directory that gets a file with the server's name for it.")
    ] = Path(),
    resume: Annotated[bool, typer.Option("--resume/--no-resume", help="Go on with what an earlier try has left.")] = True,
    checksum: Annotated[
        str | None, typer.Option(metavar="ALGORITHM:HEX", help="What the file must have, for example sha256:…", show_default=False)
    ] = None,
    proxy: Proxy = None,
    allow_host: AllowHost = None,
    insecure_ssrf: InsecureSSRF = False,
    debug: Debug = False,
) -> None:
    """Download a file."""
    with reported(2, debug=debug):
        url = whole_url(url)
        http_target(url)
        if checksum is not None:
            parse_checksum(checksum)
        client = make_client(allow_host, insecure_ssrf, timeout=DEFAULT_TIMEOUT, proxy=proxy, max_response_size=_NO_LIMIT)
    bar = _progress_bar() if sys.stderr.isatty() else None
    with reported(1, debug=debug), client:
        try:
            if bar is None:
                client.download(url, output, resume=resume, checksum=checksum)
            else:
                _shown(bar, client, url, output, resume=resume, checksum=checksum)
        except KeyboardInterrupt:
            raise failure("interrupted; what is here is kept, and the same command goes on with it", 130) from None


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
