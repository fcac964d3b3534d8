"""How a call is written for a worker, how it is made there, and how its outcome is read here.

A function travels as the names of its module and of itself. Workers import this module, so it must not need what does
not load in a sub-interpreter.
"""

from __future__ import annotations

import functools
import io
import pickle
import re
import runpy
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from FasterAPI._parallel.errors import RemoteError

__all__ = ["Call", "Outcome", "execute", "main_file", "pack", "pickled", "prepare", "refused_module", "unpack"]

Outcome: TypeAlias = tuple[Any, ...]  # of values that every interpreter can share: a kind, and what belongs to it

_PROTOCOL = 5
_SHARED = frozenset((type(None), bool, float, str, bytes))
_SHARED_INTEGERS = range(-(2**31), 2**31)  # larger ones bring down some releases of CPython 3.13
_REFUSAL = re.compile(r"module (\S+) does not support loading in subinterpreters")
_MAIN = ("__main__", "__mp_main__")  # the second is its name in workers, where it is not the program that runs

# Where the functions of `__main__` are found: ("module", name) or ("path", file). Set in sub-interpreters only.
_main_source: tuple[str, str] | None = None


class Call(NamedTuple):
    """A function with its arguments, ready for a worker."""

    name: str  # of the function, with its module
    function: bytes
    args: bytes | tuple[Any, ...]  # as they are, where all can be shared


# --- here: before


def main_file() -> tuple[str, str] | None:
    """Where a worker finds the functions of `__main__`; None: nowhere, as it is no file."""
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name != "__main__" and not spec.name.endswith(".__main__"):
        return "module", spec.name
    path = getattr(main, "__file__", None)
    return None if path is None or spec is not None else ("path", path)


def pack(func: Callable[..., Any], args: tuple[Any, ...], *, shareable: bool) -> Call:
    """A call for a worker; `shareable`: it is an interpreter, which may be given some values as they are.

    Raises:
        pickle.PicklingError: for a function that cannot be imported by its name, or a value that cannot be written.
    """
    if not callable(func):
        raise TypeError(f"{func!r} is not callable")
    whose = func.func if isinstance(func, functools.partial) else func
    whose = whose if hasattr(whose, "__qualname__") else type(whose)
    module = getattr(whose, "__module__", None) or "builtins"
    name = f"{module}.{whose.__qualname__}"
    if module == "__main__" and main_file() is None:
        raise pickle.PicklingError(f"{name} cannot be sent to a worker: it is in no file that could be imported there")
    function = pickled(func, f"{name} cannot be sent to a worker, which imports functions by module and name")
    if shareable and all(_is_shareable(value) for value in args):
        return Call(name, function, args)
    return Call(name, function, pickled(args, f"the arguments of {name} cannot be sent to a worker"))


def pickled(value: Any, otherwise: str) -> bytes:
    """A value as bytes. Raises `pickle.PicklingError` that begins as said."""
    try:
        return pickle.dumps(value, _PROTOCOL)
    except Exception as exc:
        raise pickle.PicklingError(f"{otherwise}: {exc}") from exc


def _is_shareable(value: Any) -> bool:
    if isinstance(value, memoryview):
        return value.c_contiguous
    return type(value) in _SHARED or (type(value) is int and value in _SHARED_INTEGERS)


# --- there


def prepare(main_source: tuple[str, str] | None) -> None:
    """Say where `__main__` is, in a sub-interpreter."""
    global _main_source
    _main_source = main_source


def _main_module() -> str:
    """The name of the module that has what the program's `__main__` has."""
    if _main_source is None or _MAIN[1] in sys.modules:
        return _MAIN[0] if _main_source is None else _MAIN[1]
    kind, where = _main_source
    run = runpy.run_module if kind == "module" else runpy.run_path
    module = types.ModuleType(_MAIN[1])
    module.__dict__.update(run(where, run_name=_MAIN[1]))
    sys.modules[_MAIN[1]] = module
    return _MAIN[1]


class _Loader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return super().find_class(_main_module() if module in _MAIN else module, name)


def _loads(data: bytes) -> Any:
    return _Loader(io.BytesIO(data)).load()


def execute(function: bytes, args: bytes | tuple[Any, ...]) -> Outcome:
    """Make a call. Whatever happens is the outcome."""
    try:
        func = _loads(function)
        values = args if isinstance(args, tuple) else _loads(args)
    except BaseException as exc:
        return _failure(exc, loading=True)
    try:
        value = func(*values)
    except BaseException as exc:
        return _failure(exc, loading=False)
    if _is_shareable(value) and not isinstance(value, memoryview):  # whose memory goes with the worker
        return "value", value
    try:
        return "pickled", pickle.dumps(value, _PROTOCOL)
    except Exception as exc:
        return "unpicklable", f"{type(value).__qualname__}: {exc}"


def _failure(exc: BaseException, *, loading: bool) -> Outcome:
    kind = type(exc)
    try:
        text = str(exc)
    except Exception:
        text = "(no text: its __str__ has failed)"
    data = None
    if isinstance(exc, Exception) and not isinstance(exc, (StopIteration, StopAsyncIteration)):  # others mean more to the caller
        try:
            data = pickle.dumps(exc, _PROTOCOL)
            data = data if type(_loads(data)) is kind else None
        except Exception:
            data = None
    where = traceback.format_exception(kind, exc, exc.__traceback__ and exc.__traceback__.tb_next)
    return "failed", _refused(exc, loading), data, f"{kind.__module__}.{kind.__qualname__}", text, "".join(where)


def _refused(exc: BaseException | None, loading: bool) -> str | None:
    """The module that did not load here: the one that an interpreter refused, else the one that was not found while loading."""
    first, seen = exc, set()
    if not loading and not isinstance(first, ImportError):
        return None
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        if isinstance(exc, ImportError):
            refusal = _REFUSAL.search(str(exc))
            if refusal or "subinterpreter" in str(exc):
                return _full_name(refusal[1], exc) if refusal else exc.name or str(exc)
        exc = exc.__cause__ or exc.__context__
    return (first.name or str(first)) if loading and isinstance(first, ImportError) else None


def _full_name(module: str, exc: ImportError) -> str:
    """The name of a module with that of its package, which interpreters leave out of some refusals."""
    frames = [frame for frame, _ in traceback.walk_tb(exc.__traceback__)]
    importer = frames[-1].f_globals if frames else {}
    return f"{importer['__name__']}.{module}" if "__path__" in importer and "." not in module else module


# --- here: after


def refused_module(outcome: Outcome) -> str | None:
    """The module that the worker could not import, if that is the outcome."""
    return outcome[1] if outcome[0] == "failed" else None


def unpack(outcome: Outcome) -> Any:
    """The result of a call.

    Raises:
        pickle.PicklingError: a result that could not be written there or read here.
        RemoteError: an exception that could not.
        Exception: any that the function raised.
    """
    kind = outcome[0]
    if kind == "value":
        return outcome[1]
    if kind == "pickled":
        try:
            return _loads(outcome[1])
        except Exception as exc:
            raise pickle.PicklingError(f"the result cannot be read here: {exc}") from exc
    if kind == "unpicklable":
        raise pickle.PicklingError(f"the result cannot be sent back: {outcome[1]}")
    _, _, data, name, text, where = outcome
    try:
        error = None if data is None else _loads(data)
    except Exception:
        error = None
    if not isinstance(error, Exception):
        error = RemoteError(name, text)
    error.add_note(f"raised in a worker:\n{where}")
    raise error
