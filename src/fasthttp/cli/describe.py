"""What `fasthttp dev` has a process of its own do after each change: load a file, write what its app is as JSON, and end.

A process, because nothing less forgets every module that a file has imported.
"""

from __future__ import annotations

import json
import os
import site
import sys
import sysconfig
from collections.abc import Iterator

import typer

from fasthttp.cli.run import load_app
from fasthttp.cli.terminal import reported

__all__ = ["main"]


def main(target: str, debug: bool) -> None:
    """Load `FILE[:NAME]` and write the report on stdout: `document` and `base`, or `problem`; and the `files` that were read.

    Whatever else is printed meanwhile goes to stderr, also by programs that the file starts.
    """
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    before = set(sys.modules)
    report: dict[str, object] = {}
    try:
        with reported(2, debug=debug):
            app = load_app(target, debug=debug)
            report = {"document": app.openapi(), "base": app.docs_base_url}
    except typer.Exit as exc:
        report = {"problem": "".join(exc.__notes__)}
    report["files"] = sorted(_sources(before))
    with out:
        json.dump(report, out)


def _sources(before: set[str]) -> Iterator[str]:
    """The files of the modules that were loaded since, those of installed packages and of Python left out."""
    installed = (*site.getsitepackages(), site.getusersitepackages(), *map(sysconfig.get_path, ("stdlib", "platstdlib")))
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name not in before and file and not file.startswith(installed):
            yield os.path.abspath(file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:] == ["--debug"])
