"""Workers: a sub-interpreter in the thread that calls it, or a process at the other end of a pipe. Each makes one call at a time."""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import signal
import sys
from multiprocessing import connection
from typing import Any, Protocol

from FasterAPI._parallel.errors import WorkerDied
from FasterAPI._parallel.remote import Call, Outcome, execute, main_file

__all__ = ["InterpreterWorker", "ProcessWorker", "Worker", "have_interpreters"]

_GRACE = 5.0  # seconds that a process has for its end, before it is killed
_PUBLIC = "concurrent.interpreters"  # Python 3.14


class Worker(Protocol):
    """Something that makes calls."""

    def call(self, call: Call) -> Outcome:
        """Make one. Raises `WorkerDied`, after which the worker can only be closed."""

    def is_alive(self) -> bool:
        """Whether it can take another."""

    def close(self) -> None:
        """End it, and wait for that."""


# --- interpreters


def have_interpreters() -> bool:
    """Whether this Python has interpreters with a lock of their own that can be made from Python code."""
    names = (_PUBLIC,) if sys.version_info >= (3, 14) else ("_interpreters", "_interpqueues")
    return all(importlib.util.find_spec(name) is not None for name in names)


class _Public:
    """An interpreter by the module of Python 3.14."""

    def __init__(self) -> None:
        self._interpreter = importlib.import_module(_PUBLIC).create()

    def exec(self, code: str) -> None:
        self._interpreter.exec(code)

    def call(self, call: Call) -> Outcome:
        return self._interpreter.call(execute, call.function, call.args)  # type: ignore[no-any-return]

    def close(self) -> None:
        self._interpreter.close()


class _Private:
    """An interpreter by the modules of Python 3.13, which have no call with a result: that comes through a queue."""

    _code = compile(
        "import _interpqueues, FasterAPI._parallel.remote as remote\n"
        "try:\n    _interpqueues.put(queue, remote.execute(function, args), 0, 1)\n"
        "finally:\n    del function, args\n",
        "<call>",
        "exec",
    )

    def __init__(self) -> None:
        self._interpreters = importlib.import_module("_interpreters")
        self._queues = importlib.import_module("_interpqueues")
        self._number = self._interpreters.create("isolated")
        self._queue = self._queues.create(0, 0, 1)  # no bound; shared values; what its maker leaves behind is an error
        self.exec("import _interpreters")  # memory views cannot be shared without it

    def exec(self, code: Any, shared: dict[str, Any] | None = None) -> None:
        failure = self._interpreters.exec(self._number, code, shared or {})
        if failure is not None:
            raise RuntimeError(failure.formatted)

    def call(self, call: Call) -> Outcome:
        self.exec(self._code, {"queue": self._queue, "function": call.function, "args": call.args})
        return self._queues.get(self._queue)[0]  # type: ignore[no-any-return]

    def close(self) -> None:
        self._interpreters.destroy(self._number)
        self._queues.destroy(self._queue)


class InterpreterWorker:
    """A sub-interpreter, with the import path of the main one as it is now."""

    def __init__(self) -> None:
        self._interpreter = _Public() if sys.version_info >= (3, 14) else _Private()
        path = [entry for entry in sys.path if isinstance(entry, str)]
        self._interpreter.exec(
            f"import sys\nsys.path[:] = {path!r}\nimport FasterAPI._parallel.remote as remote\nremote.prepare({main_file()!r})"
        )

    def call(self, call: Call) -> Outcome:
        try:
            return self._interpreter.call(call)
        except Exception as exc:
            raise WorkerDied(f"the sub-interpreter has failed during {call.name}: {exc}") from exc

    def is_alive(self) -> bool:
        return True

    def close(self) -> None:
        self._interpreter.close()


# --- processes


class ProcessWorker:
    """A process of its own. It ends when the pipe to it is closed, so it does not outlive this one."""

    def __init__(self, context: Any) -> None:
        self._pipe, theirs = context.Pipe()
        # A daemon, so that it goes with this process where that is ended before it could close it.
        self._process = context.Process(target=_serve, args=(self._pipe, theirs), name="FasterAPI-worker", daemon=True)
        try:
            self._process.start()
        except BaseException:
            self._pipe.close()
            raise
        finally:
            theirs.close()

    def call(self, call: Call) -> Outcome:
        message = pickle.dumps((call.function, call.args), 5)
        try:
            self._pipe.send_bytes(message)
            if self._pipe in connection.wait([self._pipe, self._process.sentinel]):
                return pickle.loads(self._pipe.recv_bytes())  # type: ignore[no-any-return]
        except (EOFError, OSError):
            pass  # it has gone, before or while it answered
        self._process.join(1.0)
        code = self._process.exitcode
        how = "closed its pipe" if code is None else f"was ended by {_signal_name(-code)}" if code < 0 else f"ended with status {code}"
        raise WorkerDied(f"the worker process {how} during {call.name}")

    def is_alive(self) -> bool:
        return bool(self._process.is_alive())

    def end(self) -> None:
        """End it from another thread, whatever it is doing."""
        self._process.kill()

    def close(self) -> None:
        try:
            self._pipe.send_bytes(b"")
        except OSError:
            pass
        self._pipe.close()
        self._process.join(_GRACE)
        self._process.kill()
        self._process.join()
        self._process.close()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _serve(parents: connection.Connection, pipe: connection.Connection) -> None:
    """The life of a worker process."""
    parents.close()  # else it would never see the other end close
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which a terminal sends to all; the parent decides what it means
    while True:
        try:
            message = pipe.recv_bytes()
            if not message:
                return
            pipe.send_bytes(pickle.dumps(execute(*pickle.loads(message)), 5))
        except (EOFError, OSError):
            return
