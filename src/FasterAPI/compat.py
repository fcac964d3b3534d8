"""Run applications that say `import fastapi`: the name, and every module below it, becomes ours.

`install()` before anything else imports the framework; `python -m FasterAPI.compat run module:app` does it from outside.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

__all__ = ["TARGET_VERSION", "install", "installed", "uninstall"]

TARGET_VERSION = "0.165.0"
_NAME = "fastapi"
_OWN = "FasterAPI"


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds `fastapi.x.y` as `FasterAPI.x.y`: the very same module under a second name."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> Any:
        if fullname != _NAME and not fullname.startswith(_NAME + "."):
            return None
        own = _OWN + fullname[len(_NAME) :]
        try:
            found = importlib.util.find_spec(own)
        except ModuleNotFoundError:
            found = None
        if found is None:
            # Not the real package's either: half of one and half of the other would be worse than nothing.
            raise ModuleNotFoundError(f"No module named {fullname!r} (there is no {own})", name=fullname)
        return importlib.machinery.ModuleSpec(fullname, self, is_package=found.submodule_search_locations is not None)

    def create_module(self, spec: Any) -> ModuleType:
        if spec.name != _NAME:
            return importlib.import_module(_OWN + spec.name[len(_NAME) :])
        return _Package()

    def exec_module(self, module: ModuleType) -> None:
        # The module has run under its own name; the import system has just given it another spec.
        own = sys.modules.get(_OWN + (module.__name__[len(_NAME) :] if module.__name__.startswith(_NAME) else ""))
        if own is module:
            module.__spec__ = importlib.util.find_spec(module.__name__)


class _Package(ModuleType):
    """`fastapi` itself: our root with the target's version."""

    def __init__(self) -> None:
        super().__init__(_NAME)
        self.__path__: list[str] = []
        self.__version__ = TARGET_VERSION
        self.__file__ = importlib.import_module(_OWN).__file__

    def __getattr__(self, name: str) -> Any:
        value = getattr(importlib.import_module(_OWN), name)
        if not isinstance(value, ModuleType):
            setattr(self, name, value)
        return value

    def __dir__(self) -> list[str]:
        return dir(importlib.import_module(_OWN))


_finder = _Finder()
_replaced: dict[str, ModuleType] = {}


def install(*, force: bool = False) -> None:
    """Make `import fastapi` mean this framework, whether or not the real one is installed.

    Args:
        force: also where the real one was imported already; whoever holds its names keeps them.

    Raises:
        RuntimeError: the real one was imported already.
    """
    if installed():
        return
    present = {name: module for name, module in sys.modules.items() if name == _NAME or name.startswith(_NAME + ".")}
    if present and not force:
        users = [name for name, module in list(sys.modules.items()) if name not in present and _uses(module, present)]
        who = f" by {', '.join(sorted(users))}" if users else ""
        raise RuntimeError(f"fastapi was imported already{who}: call FasterAPI.compat.install() before, or with force=True")
    for name in present:
        _replaced[name] = sys.modules.pop(name)
    sys.meta_path.insert(0, _finder)


def _uses(module: ModuleType, present: dict[str, ModuleType]) -> bool:
    values = list(vars(module).values()) if isinstance(module, ModuleType) else []
    return any(getattr(value, "__module__", None) in present or any(value is found for found in present.values()) for value in values)


def uninstall() -> None:
    """Give the name back."""
    if not installed():
        return
    sys.meta_path.remove(_finder)
    for name in [name for name in sys.modules if name == _NAME or name.startswith(_NAME + ".")]:
        del sys.modules[name]
    sys.modules.update(_replaced)
    _replaced.clear()


def installed() -> bool:
    """Whether `import fastapi` means this framework."""
    return _finder in sys.meta_path


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `python -m FasterAPI.compat`."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m FasterAPI.compat", description="Run an application that imports fastapi.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in (("run", "serve an application"), ("dev", "serve it, and again after each change")):
        command = commands.add_parser(name, help=words)
        command.add_argument("target", metavar="module:app")
        command.add_argument("--host", default="0.0.0.0" if name == "run" else "127.0.0.1")
        command.add_argument("--port", type=int, default=8000)
        command.add_argument("--root-path", default="")
        command.add_argument("--workers", type=int, default=1)
    check = commands.add_parser("check", help="print what files use that is not here; their code is not run")
    check.add_argument("paths", metavar="PATH", nargs="+")
    options = parser.parse_args(arguments)
    return _check(options.paths) if options.command == "check" else _serve(options)


def _check(paths: Sequence[str]) -> int:
    from FasterAPI._compat_check import check_paths

    count = 0
    for missing in check_paths(paths):
        count += 1
        print(missing)
    return 1 if count else 0


def _serve(options: Any) -> int:
    import os

    import uvicorn

    os.environ.setdefault("FASTAPI_ENV", "development" if options.command == "dev" else "production")
    install()
    sys.path.insert(0, os.getcwd())
    settings = {"host": options.host, "port": options.port, "root_path": options.root_path, "workers": options.workers}
    os.environ[_TARGET] = options.target
    uvicorn.run("FasterAPI.compat:load", factory=True, reload=options.command == "dev", **settings)
    return 0


_TARGET = "FASTERAPI_COMPAT_TARGET"


def load() -> Any:
    """The application that the command names; called in the process that serves it."""
    import os

    install()
    module, _, name = os.environ[_TARGET].partition(":")
    return getattr(importlib.import_module(module), name or "app")


if __name__ == "__main__":
    # As the module under its real name: the one that runs here is called `__main__`.
    raise SystemExit(importlib.import_module("FasterAPI.compat").main())
