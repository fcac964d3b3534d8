"""The life of workers: how they end, what replaces them, and that nothing of them stays."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import types
from pathlib import Path
from typing import Any

import pytest

from FasterAPI import Faster, TestClient
from FasterAPI._parallel import workers
from FasterAPI._parallel.remote import pack, unpack
from FasterAPI.concurrency import SubInterpreterPool, WorkerDied, run_in_subinterpreter
from tests.contract import parallel_jobs as jobs

HAVE = sys.version_info >= (3, 13)
BACKENDS: list[Any] = ["interpreters", "process"] if HAVE else ["process"]
ROOT = Path(__file__).resolve().parents[2]


def interpreters() -> int:
    if not HAVE:
        return 0
    import _interpreters  # type: ignore[import-not-found]

    return len(_interpreters.list_all())


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("FasterAPI-parallel")]


def is_there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def script(folder: Path, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What a program does, to its very end."""
    file = folder / "program.py"
    file.write_text(textwrap.dedent(text))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]), "TMPDIR": str(folder)}
    return subprocess.run(
        [sys.executable, *options, str(file)], env=environment, capture_output=True, text=True, timeout=60, check=False, cwd=folder
    )


def one_liner(code: str) -> str:
    """What a program without a file prints."""
    command = [sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout


# --- processes that die


@pytest.mark.parametrize(("how", "told"), [("exit", "ended with status 7"), ("kill", "was ended by SIGKILL")])
async def test_a_worker_that_dies_fails_its_call_only(how: str, told: str, tmp_path: Path) -> None:
    """Another call that runs meanwhile is not touched, and the next ones have a new worker."""
    go = tmp_path / "go"
    async with SubInterpreterPool(2, backend="process") as pool:
        other = asyncio.ensure_future(pool.run(jobs.wait_for, str(go), "unharmed"))
        with pytest.raises(WorkerDied, match=rf"the worker process {told} during tests\.contract\.parallel_jobs\.die"):
            await pool.run(jobs.die, how)
        assert await pool.run(jobs.echo, "next") == "next"
        go.touch()
        assert await other == "unharmed"


async def test_a_worker_that_died_while_idle_is_replaced_unnoticed() -> None:
    """No call was in it."""
    async with SubInterpreterPool(1, backend="process") as pool:
        first = await pool.run(jobs.process_id)
        os.kill(first, 9)
        deadline = time.monotonic() + 10
        while Path(f"/proc/{first}/stat").exists() and " Z " not in Path(f"/proc/{first}/stat").read_text():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        second = await pool.run(jobs.process_id)
        assert second != first
        assert not is_there(first)


# --- shutdown


async def test_after_the_end_of_a_pool_nothing_of_it_is_left() -> None:
    """No thread, no interpreter, no process; calls are refused."""
    before = interpreters()
    for backend in BACKENDS:
        async with SubInterpreterPool(2, backend=backend) as pool:
            processes = set(await asyncio.gather(*(pool.run(jobs.process_id) for _ in range(4)))) - {os.getpid()}
        assert len(processes) == (0 if backend == "interpreters" else len(processes)) <= 2
        assert [process for process in processes if is_there(process)] == []
        assert (threads(), interpreters()) == ([], before)
        with pytest.raises(RuntimeError, match="the pool was shut down"):
            await pool.run(jobs.echo, 1)


async def test_shutdown_fails_what_has_not_begun_and_waits_if_asked(tmp_path: Path) -> None:
    """What runs is let be; without `wait` the caller goes on at once."""
    for backend in BACKENDS:
        path, go = tmp_path / f"{backend}.txt", tmp_path / f"{backend}.go"
        pool = SubInterpreterPool(1, backend=backend)
        running = asyncio.ensure_future(pool.run(jobs.note_then_wait, str(path), "first", str(go)))
        waiting = asyncio.ensure_future(pool.run(jobs.note, str(path), "second"))
        await asyncio.to_thread(jobs.wait_for, str(path))
        pool.shutdown()
        assert not running.done()
        with pytest.raises(RuntimeError, match="before this call began"):
            await waiting
        go.touch()
        pool.shutdown(wait=True)
        assert threads() == []
        assert await running == "first"
        assert path.read_text() == "first"


async def test_shutdown_may_let_what_waits_be_done(tmp_path: Path) -> None:
    """All that was queued, and nothing more."""
    for backend in BACKENDS:
        path = tmp_path / f"{backend}.txt"
        pool = SubInterpreterPool(1, backend=backend)
        calls = [asyncio.ensure_future(pool.run(jobs.note, str(path), str(n))) for n in range(5)]
        await asyncio.sleep(0)
        pool.shutdown(cancel_pending=False)
        await asyncio.gather(*calls)
        assert path.read_text() == "01234"
        pool.shutdown(wait=True)


async def test_a_pool_that_nobody_holds_ends() -> None:
    """By itself, with its thread and its worker; not while a call of it is awaited."""
    before = interpreters()
    assert await SubInterpreterPool(1).run(jobs.echo, 1) == 1
    gc.collect()
    for thread in threads():
        thread.join(10)
    assert (threads(), interpreters()) == ([], before)


def test_the_pool_of_the_process_ends_with_the_application() -> None:
    """At the end of the lifespan; the next application has a new one."""
    app = Faster()

    @app.get("/primes/{n}")
    async def count(n: int) -> dict[str, int]:
        return {"count": await run_in_subinterpreter(jobs.primes, n)}

    for _ in range(2):
        with TestClient(app) as client:
            assert client.get("/primes/100").json() == {"count": 25}
            assert len(threads()) >= 1
        for thread in threads():
            thread.join(10)
        assert threads() == []


# --- whole programs


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_program_may_end_without_a_shutdown(backend: str, tmp_path: Path) -> None:
    """It ends in silence, with its own status, and leaves neither a process nor a file."""
    done = script(tmp_path, f"""
        import asyncio, os, time
        from FasterAPI.concurrency import SubInterpreterPool, run_in_subinterpreter
        from tests.contract import parallel_jobs as jobs

        kept = []

        async def main():
            pool = SubInterpreterPool(2, backend={backend!r})
            kept.append(pool)
            print(await pool.run(jobs.primes, 100), await run_in_subinterpreter(jobs.primes, 10))
            print(await pool.run(jobs.process_id))

        if __name__ == "__main__":
            asyncio.run(main())
            raise SystemExit(5)
    """, "-W", "error", "-X", "dev")  # fmt: skip
    assert (done.returncode, done.stderr) == (5, "")
    first, process = done.stdout.split("\n")[:2]
    assert first == "25 4"
    assert not is_there(int(process))
    assert [entry.name for entry in tmp_path.iterdir() if entry.name != "program.py"] == []


def test_processes_that_still_compute_are_ended_with_the_program(tmp_path: Path) -> None:
    """A call that was given up would never end by itself."""
    done = script(tmp_path, """
        import asyncio, os
        from FasterAPI.concurrency import SubInterpreterPool

        def forever():
            with open("process", "w") as file:
                file.write(str(os.getpid()))
            os.rename("process", "begun")
            while True:
                pass

        async def main():
            global pool
            pool = SubInterpreterPool(1, backend="process")
            call = asyncio.ensure_future(pool.run(forever))
            while not os.path.exists("begun"):
                await asyncio.sleep(0.01)
            call.cancel()

        if __name__ == "__main__":
            asyncio.run(main())
    """, "-W", "error")  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not is_there(int((tmp_path / "begun").read_text()))


@pytest.mark.skipif(not HAVE or sys.platform == "win32", reason="no interpreters, or no such signals")
def test_a_program_that_waits_for_an_interpreter_can_be_interrupted(tmp_path: Path) -> None:
    """A call that never ends keeps it, until whoever runs it has had enough."""
    text = """
        import asyncio, atexit
        from FasterAPI.concurrency import SubInterpreterPool
        from tests.contract import parallel_jobs as jobs

        async def main():
            global pool
            pool = SubInterpreterPool(1, backend="interpreters")
            call = asyncio.ensure_future(pool.run(jobs.forever, "begun"))
            await asyncio.to_thread(jobs.wait_for, "begun")
            call.cancel()

        if __name__ == "__main__":
            asyncio.run(main())
            atexit.register(print, "ending", flush=True)
    """
    file = tmp_path / "program.py"
    file.write_text(textwrap.dedent(text))
    command = [sys.executable, str(file)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ending\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT


@pytest.mark.parametrize("backend", BACKENDS)
def test_functions_of_the_program_itself_can_be_called(backend: str, tmp_path: Path) -> None:
    """With classes that stand beside them, both ways; the program is loaded under another name and not run again."""
    done = script(tmp_path, f"""
        import asyncio, dataclasses
        from FasterAPI.concurrency import SubInterpreterPool

        print("loaded as", __name__)

        @dataclasses.dataclass
        class Point:
            x: "int"

        class Own(Exception):
            pass

        def move(point):
            if point.x > 5:
                raise Own(point)
            return Point(point.x + 1)

        async def main():
            async with SubInterpreterPool(1, backend={backend!r}) as pool:
                print(await pool.run(move, Point(1)), type(await pool.run(move, Point(1))) is Point)
                try:
                    await pool.run(move, Point(6))
                except Own as exc:
                    print(exc.args)

        if __name__ == "__main__":
            asyncio.run(main())
    """)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert sorted(said) == sorted(["loaded as __main__", "loaded as __mp_main__", "Point(x=2) True", "(Point(x=6),)"])


def test_a_program_without_a_file_is_told() -> None:
    """A worker could not import it."""
    code = (
        "from FasterAPI.concurrency import SubInterpreterPool\ndef f(): pass\n"
        "try: SubInterpreterPool().run(f).send(None)\nexcept Exception as exc: print(repr(exc))"
    )
    assert one_liner(code).startswith("PicklingError('__main__.f cannot be sent to a worker: it is in no file")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_fork_has_no_part_in_the_pool(tmp_path: Path) -> None:
    """It is told so, and neither waits for threads that it does not have nor ends processes that are not its own."""
    done = script(tmp_path, """
        import asyncio, os, sys
        from FasterAPI._parallel.crew import _end_all
        from FasterAPI.concurrency import SubInterpreterPool
        from tests.contract import parallel_jobs as jobs

        if __name__ == "__main__":
            pool = SubInterpreterPool(1, backend="process")
            process = asyncio.run(pool.run(jobs.process_id))
            child = os.fork()
            if child == 0:
                try:
                    asyncio.run(pool.run(jobs.echo, 1))
                except RuntimeError as exc:
                    print(exc)
                pool.shutdown(wait=True)
                _end_all()  # as at the end of a program
                sys.stdout.flush()
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
            assert asyncio.run(pool.run(jobs.process_id)) == process
    """, "-W", "ignore")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "this pool belongs to the process that this one was forked from; make one here\n"


def test_importing_makes_and_loads_nothing() -> None:
    """Neither the framework nor its module of such helpers loads what makes processes."""
    code = (
        "import sys, FasterAPI.concurrency, FasterAPI.applications\n"
        "print([name for name in ('multiprocessing', '_interpreters', 'FasterAPI._parallel.pool') if name in sys.modules])"
    )
    assert one_liner(code) == "[]\n"


# --- the module of Python 3.14


@pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason="the stand-in is made from the modules of Python 3.13")
def test_the_public_module_of_interpreters_is_used_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what that module documents: `create`, and of an interpreter `exec`, `call` and `close`. Played by a stand-in."""
    used = []

    class Interpreter:
        def __init__(self) -> None:
            self._inner = workers._Private()

        def exec(self, code: str, /) -> None:
            used.append("exec")
            self._inner.exec(code)

        def call(self, func: Any, /, *args: Any) -> Any:
            used.append(func.__name__)
            return self._inner.call(jobs_call._replace(function=args[0], args=args[1]))

        def close(self) -> None:
            used.append("close")
            self._inner.close()

    before = interpreters()
    jobs_call = pack(jobs.interpreter_id, (), shareable=True)
    monkeypatch.setitem(sys.modules, "concurrent.interpreters", types.SimpleNamespace(create=Interpreter))
    monkeypatch.setattr(sys, "version_info", (3, 14))
    worker = workers.InterpreterWorker()
    assert unpack(worker.call(jobs_call)) != 0
    assert unpack(worker.call(pack(jobs.echo, ([1],), shareable=True))) == [1]
    worker.close()
    assert used == ["exec", "execute", "execute", "close"]
    assert interpreters() == before
