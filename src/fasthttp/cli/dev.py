"""`fasthttp dev`: the docs page of the app in a file, again after each change of the file and of what it imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from fasthttp.cli.run import File
from fasthttp.cli.terminal import failure, reported, say, show

__all__ = ["dev"]

_TICK = 0.25  # seconds between two looks at the files
Stamps = dict[str, tuple[int, int]]


def dev(
    target: File,
    host: Annotated[str, typer.Option("--host", "-h", help="Address to serve on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", min=0, max=65535, help="Port to serve on; 0 for any free one.")] = 8000,
    base_url: Annotated[str, typer.Option("--base-url", "-b", help="Path before those of the pages.")] = "",
    debug: Annotated[bool, typer.Option("--debug", "-d", help="Show requests and tracebacks, on stderr.")] = False,
) -> None:
    """Serve the docs page of an app, which follows every change."""
    from fasthttp.openapi.serve import REACHABLE, is_loopback, listen, serve, url_of
    from fasthttp.openapi.site import path_prefix, site

    app = _Follower(target, debug)
    loaded = app.load()
    if loaded is None or loaded.problem:
        raise typer.Exit(2)  # which was said by whoever loaded it
    with reported(2, debug=debug):
        prefix = path_prefix(base_url or loaded.base)
    with reported(1, debug=debug):
        listener = listen(host, port)
    with listener:
        url = url_of(listener)
        if not is_loopback(listener):
            say("⚠", REACHABLE.format(url), "yellow")
        _banner(target, url, prefix)
        app.start()
        try:
            serve(site(app.shown, prefix), listener, host, debug=debug)
        finally:
            app.stop()


def _banner(target: str, url: str, prefix: str) -> None:
    lines: list[tuple[str, str]] = [("\n  fasthttp dev", "bold"), (f"  {target}\n\n", "")]
    for name, place in (("Server", ""), ("Docs", "/docs"), ("Reading", "/redoc"), ("OpenAPI", "/openapi.json")):
        lines += [(f"  → {name:<9}", "dim"), (f"{url}{prefix}{place}\n", "cyan")]
    show([*lines, ("\n  Reloads when the file or a module beside it changes. Ctrl+C ends it.\n\n", "dim")])


class _Loaded(NamedTuple):
    document: Any
    base: str
    problem: str
    files: list[str]


class _Follower(threading.Thread):
    """Loads the app anew when a file of its has changed. What loaded last is shown until something does again."""

    def __init__(self, target: str, debug: bool) -> None:
        super().__init__(daemon=True, name="fasthttp dev")
        self._command = [sys.executable, "-P", "-m", "fasthttp.cli.describe", target, *(["--debug"] if debug else [])]
        self._files: set[str] = set()
        self._stamps: Stamps = {}
        self._broken = False
        self._ended = threading.Event()
        self._shown: Any = None

    def shown(self) -> Any:
        """What the page shows at this moment."""
        return self._shown

    def stop(self) -> None:
        """Load nothing more, and wait until nothing is being loaded."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        while not self._ended.wait(_TICK):
            stamps = self._look()
            if stamps == self._stamps:
                continue
            while not self._ended.wait(_TICK) and (now := self._look()) != stamps:
                stamps = now  # somebody is still writing
            loaded = self.load()
            if loaded is not None and not loaded.problem:
                count = sum(len(item) for item in loaded.document["paths"].values())
                say("✔", f"reloaded: {count} route{'' if count == 1 else 's'}", "green")

    def load(self) -> _Loaded | None:
        """Load the app and show it, or what kept it from being loaded; None when it came to an end or another change first."""
        from fasthttp.openapi.pages import Shown

        before = self._stamps = self._look()
        # The folders that modules are found in here, and no others, are those over there.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "utf-8:backslashreplace"}
        with subprocess.Popen(
            self._command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
        ) as process:
            try:
                out = self._wait(process, before)
            finally:
                process.kill()
        if out is None:
            return None
        try:
            report = json.loads(out)
        except ValueError:
            report = {"problem": f"the file ended the process that loaded it, with code {process.returncode}"}
            failure(report["problem"], 2)
        loaded = _Loaded(report.get("document"), report.get("base", ""), report.get("problem", ""), report.get("files", []))
        self._broken = bool(loaded.problem)
        self._files = self._files.union(loaded.files) if self._broken else set(loaded.files)
        self._stamps = {file: before.get(file, stamp) for file, stamp in self._look().items()}
        revision = 1 if self._shown is None else self._shown.revision + 1
        self._shown = Shown(self._shown and self._shown.document if self._broken else loaded.document, loaded.problem, revision)
        return loaded

    def _wait(self, process: subprocess.Popen[bytes], before: Stamps) -> bytes | None:
        while True:
            try:
                return process.communicate(timeout=_TICK)[0]
            except subprocess.TimeoutExpired:
                if self._ended.is_set() or self._look() != before:
                    return None

    def _look(self) -> Stamps:
        """When the files were changed, and their sizes. After a failure those beside them count too: one of them may be at fault."""
        files: Iterable[str | Path] = self._files
        if self._broken:
            files = {*self._files, *(str(path) for folder in {Path(file).parent for file in self._files} for path in folder.glob("*.py"))}
        stamps: Stamps = {}
        for file in files:
            try:
                found = os.stat(file)
            except OSError:
                continue  # an editor may be about to put it back
            stamps[str(file)] = (found.st_mtime_ns, found.st_size)
        return stamps
