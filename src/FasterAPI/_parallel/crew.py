"""The threads behind a pool: one queue, first come first served, and as many threads as there may be calls at a time.

Each thread has a worker of each kind that it has needed, and keeps it. A crew knows nothing of event loops.
"""

from __future__ import annotations

import atexit
import itertools
import os
import signal
import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import Any, Literal

from FasterAPI._parallel.errors import SubInterpreterImportError, WorkerDied
from FasterAPI._parallel.remote import Call, Outcome, pickled, refused_module
from FasterAPI._parallel.workers import InterpreterWorker, ProcessWorker, Worker
from FasterAPI.logger import logger

__all__ = ["Backend", "Crew"]

Backend = Literal["interpreters", "process"]

_numbers = itertools.count(1)


class Crew:
    """Up to `size` threads that make calls.

    Args:
        size: how many calls run at a time.
        backend: where.
        may_move: whether a function that a sub-interpreter cannot import goes to a process.
        context: what makes processes, from `multiprocessing`.
    """

    def __init__(self, size: int, backend: Backend, may_move: bool, context: Any) -> None:
        self.size = size
        self.backend: Backend = backend
        self.process_id = os.getpid()
        self.closed = False
        self._may_move = may_move
        self._context = context
        self._moved: set[str] = set()  # names of functions
        self._changed = threading.Condition()
        self._waiting: OrderedDict[Future[Outcome], Call] = OrderedDict()
        self._idle = 0
        self._threads: set[threading.Thread] = set()
        self._processes: set[ProcessWorker] = set()

    # --- from outside

    def submit(self, call: Call) -> Future[Outcome]:
        """Queue a call; a future that is cancelled before the call begins leaves the queue.

        Raises:
            RuntimeError: after `stop`.
        """
        if self.process_id != os.getpid():
            raise RuntimeError("this pool belongs to the process that this one was forked from; make one here")
        future: Future[Outcome] = Future()
        with self._changed:
            if self.closed:
                raise RuntimeError("the pool was shut down")
            if self._idle <= len(self._waiting) and len(self._threads) < self.size:
                self._add_thread()
            self._waiting[future] = call
            self._changed.notify()
        future.add_done_callback(self._forget)
        return future

    def stop(self, *, cancel_pending: bool = True, end_processes: bool = False) -> None:
        """Take no more calls, and end the threads when they have done theirs. Does not wait for that.

        Args:
            cancel_pending: fail the calls that have not begun.
            end_processes: do not let processes finish either.
        """
        if self.process_id != os.getpid():  # in a fork there is nothing to end, and the lock may be held for ever
            return
        with self._changed:
            self.closed = True
            dropped = list(self._waiting) if cancel_pending else []
            for future in dropped:
                del self._waiting[future]
            processes = list(self._processes) if end_processes else []
            self._changed.notify_all()
            for process in processes:  # while the lock keeps them from being closed
                process.end()
        for future in dropped:
            if future.set_running_or_notify_cancel():
                future.set_exception(RuntimeError("the pool was shut down before this call began"))

    def join(self) -> None:
        """Wait until all threads have ended. Only after `stop`."""
        if self.process_id != os.getpid():
            return
        with self._changed:
            threads = list(self._threads)
        for thread in threads:
            thread.join()

    # --- the queue

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"FasterAPI-parallel-{next(_numbers)}", daemon=True)
        self._threads.add(thread)
        _living.add(self)
        try:
            thread.start()
        except RuntimeError:  # the system has no more; those that there are will do
            self._threads.discard(thread)
            if not self._threads:
                raise

    def _forget(self, future: Future[Outcome]) -> None:
        if future.cancelled():
            with self._changed:
                self._waiting.pop(future, None)

    def _next(self) -> tuple[Future[Outcome], Call] | None:
        with self._changed:
            while True:
                while self._waiting:
                    future, call = self._waiting.popitem(last=False)
                    if future.set_running_or_notify_cancel():
                        return future, call
                if self.closed:
                    return None
                self._idle += 1
                self._changed.wait()
                self._idle -= 1

    # --- in a thread

    def _work(self) -> None:
        workers: dict[Backend, Worker] = {}
        try:
            while self._settle_next(workers):
                pass
        finally:
            for kind in list(workers):
                self._dismiss(kind, workers)
            with self._changed:
                self._threads.discard(threading.current_thread())
                if not self._threads:
                    _living.discard(self)

    def _settle_next(self, workers: dict[Backend, Worker]) -> bool:
        """Make the next call and tell its outcome; False: there will be none."""
        found = self._next()
        if found is None:
            return False
        future, call = found
        try:
            outcome = self._outcome(call, workers)
        except BaseException as exc:
            future.set_exception(exc)
        else:
            del found, call  # whoever hears of the end may count on nobody holding the arguments any longer
            future.set_result(outcome)
        finally:
            del future  # else it and the traceback of its exception would hold each other
        return True

    def _outcome(self, call: Call, workers: dict[Backend, Worker]) -> Outcome:
        if self.backend == "process" or call.name in self._moved:
            return self._make("process", call, workers)
        outcome = self._make("interpreters", call, workers)
        module = refused_module(outcome)
        if module is None:
            return outcome
        if not self._may_move:
            raise SubInterpreterImportError(module)
        self._move(call.name, module)
        return self._make("process", call, workers)

    def _move(self, name: str, module: str) -> None:
        with self._changed:
            known = name in self._moved
            self._moved.add(name)
        if not known:
            logger.warning("%s runs in a process from now on: %s cannot be imported in a sub-interpreter", name, module)

    def _make(self, kind: Backend, call: Call, workers: dict[Backend, Worker]) -> Outcome:
        if kind in workers and not workers[kind].is_alive():
            self._dismiss(kind, workers)
        if kind == "process" and isinstance(call.args, tuple):  # a view of memory cannot leave this process
            call = call._replace(args=pickled(call.args, f"the arguments of {call.name} cannot be sent to a process"))
        if kind not in workers:
            workers[kind] = self._hire(kind)
        try:
            return workers[kind].call(call)
        except WorkerDied:
            self._dismiss(kind, workers)
            raise

    def _hire(self, kind: Backend) -> Worker:
        if kind == "interpreters":
            return InterpreterWorker()
        worker = ProcessWorker(self._context)
        with self._changed:
            self._processes.add(worker)
        return worker

    def _dismiss(self, kind: Backend, workers: dict[Backend, Worker]) -> None:
        worker = workers.pop(kind)
        if isinstance(worker, ProcessWorker):
            with self._changed:
                self._processes.discard(worker)
        try:
            worker.close()
        except Exception:
            logger.exception("a worker could not be ended")


_living: set[Crew] = set()  # those with threads


@atexit.register
def _end_all() -> None:
    """Interpreters have to be gone before the main one ends, and calls in them cannot be broken off; processes can."""
    crews = tuple(_living)
    for crew in crews:
        crew.stop(end_processes=True)
    try:
        for crew in crews:
            crew.join()
    except KeyboardInterrupt:
        # Python would wait for the interpreter of the call that still runs, deaf to signals.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
