"""What the tests of pools have run in their workers, which import this module. It needs nothing but the standard library."""

from __future__ import annotations

import functools
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

Touched = dict[str, int]


def primes(n: int) -> int:
    return sum(all(k % d for d in range(2, int(k**0.5) + 1)) for k in range(2, n))


def interpreter_id() -> int:
    """The number of the interpreter that runs this; 0 is the main one."""
    return int(importlib.import_module("_interpreters").get_current()[0])


def process_id() -> int:
    return os.getpid()


def echo(value: Any) -> Any:
    return value


def meet(mine: str, other: str) -> tuple[int, int]:
    """Waits until another call is here as well; where it runs."""
    Path(mine).touch()
    wait_for(other)
    return os.getpid(), interpreter_id() if sys.version_info >= (3, 13) else 0


def wait_for(path: str, said: str = "") -> str:
    """Runs until a file is there."""
    end = time.monotonic() + 20
    while not os.path.exists(path):
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.005)
    return said


def forever(path: str) -> NoReturn:
    Path(path).touch()
    while True:
        pass


def note(path: str, text: str) -> None:
    with open(path, "a") as file:
        file.write(text)


def note_then_wait(path: str, text: str, go_on: str) -> str:
    note(path, text)
    return wait_for(go_on, text)


def fill(view: memoryview, byte: int) -> int:
    view[:] = bytes([byte]) * len(view)
    return len(view)


def die(how: str) -> NoReturn:
    if how == "exit":
        os._exit(7)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def load(module: str) -> str:
    """The imports of a function are made when it runs."""
    return importlib.import_module(module).__name__


def survive(module: str) -> NoReturn:
    try:
        importlib.import_module(module)
    except ImportError:
        raise KeyError("the function has dealt with it")
    raise KeyError("it was there")


class Own(Exception):
    """Travels."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(code, why)
        self.code = code


class Stays(Exception):
    """Cannot be made again from what it was pickled as."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError


def fail(kind: str) -> NoReturn:
    errors: dict[str, BaseException] = {
        "own": Own(3, "no room"), "stays": Stays(3, "no room"), "mute": Mute(threading.Lock()), "lock": ValueError(threading.Lock()),
        "exit": SystemExit(3), "interrupt": KeyboardInterrupt(), "stop": StopIteration(3), "memory": MemoryError(),
    }  # fmt: skip
    raise errors[kind]


def deep(n: int) -> int:
    return deep(n + 1)


def result(kind: str) -> Any:
    values: dict[str, Callable[[], Any]] = {
        "lock": threading.Lock, "lambda": lambda: (lambda: 1), "generator": lambda: (x for x in "ab"), "view": lambda: memoryview(b"x"),
    }  # fmt: skip
    return values[kind]()


async def asynchronous() -> None:
    """No pool runs this."""


class Machine:
    def __init__(self, held: Any = None) -> None:
        self.held = held

    def twice(self, n: int) -> int:
        return 2 * n

    def __call__(self, n: int) -> int:
        return 3 * n


add_to_five = functools.partial(int.__add__, 5)
nameless = lambda n: n  # noqa: E731


def outer() -> Callable[[], int]:
    found = 3

    def inner() -> int:
        return found

    return inner


def enter_and_leave(path: str) -> None:
    note(path, "+")
    time.sleep(0.01)
    note(path, "-")


def spin(view: memoryview, mine: int, other: int) -> int:
    """Sets a byte, and runs until another is set, without ever letting go of the lock of its interpreter."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        view[mine] = 1
        end = time.monotonic() + 20
        while not view[other]:
            assert time.monotonic() < end, "nobody else could run"
        return interpreter_id()
    finally:
        sys.setswitchinterval(interval)
