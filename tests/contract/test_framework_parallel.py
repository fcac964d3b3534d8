"""Functions that compute, in sub-interpreters and in processes: what is sent, what comes back, in which order."""

from __future__ import annotations

import asyncio
import logging
import math
import multiprocessing
import os
import pickle
import random
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from FasterAPI._parallel.pool import close_shared_pool
from FasterAPI.concurrency import RemoteError, SubInterpreterImportError, SubInterpreterPool, run_in_subinterpreter
from tests.contract import parallel_jobs as jobs

HAVE = sys.version_info >= (3, 13)
BACKENDS: list[Any] = ["interpreters", "process"] if HAVE else ["process"]
only_with_interpreters = pytest.mark.skipif(not HAVE, reason="this Python has no interpreters with a lock of their own")


@pytest.fixture(scope="module", params=BACKENDS)
def pool(request: pytest.FixtureRequest) -> Iterator[SubInterpreterPool]:
    """Of two workers, for all tests and loops."""
    made = SubInterpreterPool(2, backend=request.param)
    yield made
    made.shutdown(wait=True)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module that imports at its top what no sub-interpreter can."""
    text = "import os\nimport msgspec\n\n\ndef encode(value):\n    return msgspec.json.encode(value), os.getpid()\n"
    (tmp_path / "needs_msgspec.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    import needs_msgspec  # type: ignore[import-not-found]

    yield needs_msgspec
    del sys.modules["needs_msgspec"]


# --- where calls run


def test_backends_are_what_they_say() -> None:
    """"auto" means interpreters where there are any; who insists on them elsewhere is told."""
    assert SubInterpreterPool().backend == ("interpreters" if HAVE else "process")
    assert SubInterpreterPool(backend="process").backend == "process"
    if HAVE:
        assert SubInterpreterPool(backend="interpreters").backend == "interpreters"
    else:
        with pytest.raises(RuntimeError, match="no sub-interpreters"):
            SubInterpreterPool(backend="interpreters")


async def test_two_calls_at_a_time_have_two_workers(pool: SubInterpreterPool, tmp_path: Path) -> None:
    """Interpreters of this process with numbers of their own, or processes of their own."""
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    (first, one), (second, two) = await asyncio.gather(pool.run(jobs.meet, a, b), pool.run(jobs.meet, b, a))
    if pool.backend == "interpreters":
        assert first == second == os.getpid()
        assert len({0, one, two}) == 3
    else:
        assert len({os.getpid(), first, second}) == 3


@only_with_interpreters
async def test_interpreters_do_not_share_a_lock() -> None:
    """Two calls that wait for each other, neither of which ever lets go of the lock of its interpreter, both finish."""
    flags = bytearray(2)
    async with SubInterpreterPool(2, backend="interpreters") as pool:
        ids = await asyncio.gather(*(pool.run(jobs.spin, memoryview(flags), n, 1 - n) for n in (0, 1)))
    assert len({0, *ids}) == 3


@only_with_interpreters
async def test_the_pool_of_the_process_needs_no_setting_up() -> None:
    """The result is right, and was computed in another interpreter."""
    assert await run_in_subinterpreter(jobs.primes, 100) == 25
    assert await run_in_subinterpreter(jobs.interpreter_id) != 0
    assert await run_in_subinterpreter(jobs.process_id) == os.getpid()
    close_shared_pool()


async def test_workers_are_kept(tmp_path: Path) -> None:
    """One worker makes all the calls of a pool of one, and none is made before the first call."""
    for backend in BACKENDS:
        before = threading.active_count()
        pool = SubInterpreterPool(1, backend=backend)
        assert threading.active_count() == before
        async with pool:
            whose = jobs.interpreter_id if backend == "interpreters" else jobs.process_id
            assert len({await pool.run(whose) for _ in range(5)}) == 1


@only_with_interpreters
async def test_the_framework_can_be_imported_in_an_interpreter(pool: SubInterpreterPool) -> None:
    """The bare name loads nothing that refuses."""
    assert await pool.run(jobs.load, "FasterAPI") == "FasterAPI"


async def test_processes_are_made_by_the_context_that_was_given() -> None:
    """Which also serves for functions that cannot stay in an interpreter."""
    made = []
    spawn = multiprocessing.get_context("spawn")

    class Counting(type(spawn)):  # type: ignore[misc]
        def Process(self, *args: Any, **options: Any) -> Any:
            made.append(options["name"])
            return spawn.Process(*args, **options)

    context: Any = Counting()
    async with SubInterpreterPool(1, backend="process", mp_context=context) as pool:
        assert await pool.run(jobs.echo, 1) == 1
    async with SubInterpreterPool(1, mp_context=context) as pool:
        assert await pool.run(jobs.load, "msgspec") == "msgspec"
    assert made == ["FasterAPI-worker"] * 2
    if HAVE:
        with pytest.raises(ValueError, match="mp_context has no use"):
            SubInterpreterPool(backend="interpreters", mp_context=context)


# --- what does not load in an interpreter


@only_with_interpreters
async def test_a_function_that_an_interpreter_cannot_import_goes_to_a_process(module: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once, and later calls go there at once; other functions stay."""
    caplog.set_level(logging.WARNING)
    caplog.clear()
    async with SubInterpreterPool(2) as pool:
        results = [await pool.run(module.encode, [n]) for n in range(3)]
        assert [body for body, _ in results] == [b"[0]", b"[1]", b"[2]"]
        assert os.getpid() not in {process for _, process in results}
        assert await pool.run(jobs.process_id) == os.getpid()
        assert pool.backend == "interpreters"
    [record] = caplog.records
    assert (record.name, record.levelname) == ("FasterAPI", "WARNING")
    told = "needs_msgspec.encode runs in a process from now on: msgspec._core cannot be imported in a sub-interpreter"
    assert record.getMessage() == told


@only_with_interpreters
async def test_so_does_one_that_imports_it_when_it_runs(caplog: pytest.LogCaptureFixture) -> None:
    """The function is begun again there. One that deals with the refusal itself stays."""
    caplog.set_level(logging.WARNING)
    caplog.clear()
    async with SubInterpreterPool(1) as pool:
        with pytest.raises(KeyError, match="the function has dealt with it"):
            await pool.run(jobs.survive, "msgspec")
        assert caplog.records == []
        assert await pool.run(jobs.load, "msgspec") == "msgspec"
        assert len(caplog.records) == 1


@only_with_interpreters
async def test_who_insists_on_interpreters_is_told_which_module_refuses(module: Any) -> None:
    """And the pool goes on."""
    async with SubInterpreterPool(1, backend="interpreters") as pool:
        for call in (pool.run(module.encode, 1), pool.run(jobs.load, "msgspec")):
            with pytest.raises(SubInterpreterImportError, match=r"msgspec\._core cannot be imported") as caught:
                await call
            assert (caught.value.module, caught.value.name) == ("msgspec._core", "msgspec._core")
        assert await pool.run(jobs.echo, 1) == 1


async def test_a_module_that_there_is_not_is_missed(pool: SubInterpreterPool) -> None:
    """By a function that imports it, as anywhere."""
    with pytest.raises(ModuleNotFoundError, match="nowhere_to_be_found"):
        await pool.run(jobs.load, "nowhere_to_be_found")


# --- what is sent


def test_what_cannot_be_sent_is_refused_before_anything_is_queued() -> None:
    """With the reason: the function has no name to import it by, or a value cannot be pickled."""
    before = threading.active_count()
    cases: list[tuple[Any, tuple[Any, ...], str]] = [
        (lambda: 1, (), r"<lambda> cannot be sent to a worker, which imports functions by module and name"),
        (jobs.nameless, (1,), r"<lambda>"),
        (jobs.outer(), (), r"outer\.<locals>\.inner cannot be sent"),
        (jobs.Machine(threading.Lock()).twice, (1,), r"Machine\.twice cannot be sent .*lock"),
        (jobs.echo, (threading.Lock(),), r"the arguments of tests\.contract\.parallel_jobs\.echo cannot be sent to a worker: .*lock"),
        (jobs.echo, (iter(()), (x for x in "ab")), r"generator"),
    ]
    for backend in BACKENDS:
        pool = SubInterpreterPool(1, backend=backend)
        for func, args, reason in cases:
            with pytest.raises(pickle.PicklingError, match=reason):
                pool.run(func, *args).send(None)
        with pytest.raises(TypeError, match="is asynchronous"):
            pool.run(jobs.asynchronous).send(None)
        with pytest.raises(TypeError, match="5 is not callable"):
            pool.run(5).send(None)  # type: ignore[arg-type]
    assert threading.active_count() == before


@pytest.mark.parametrize(("func", "args", "result"), [
    (math.comb, (5, 2), 10), (jobs.add_to_five, (3,), 8), (jobs.Machine().twice, (4,), 8), (jobs.Machine([1]), (4,), 12),
    ("ab".upper, (), "AB"), (dict, ((("a", 1),),), {"a": 1}),
])  # fmt: skip
async def test_whatever_pickles_can_be_called(pool: SubInterpreterPool, func: Any, args: tuple[Any, ...], result: Any) -> None:
    """Built-in functions, classes, partials, and methods of objects that can be sent."""
    assert await pool.run(func, *args) == result


async def test_values_arrive_as_they_were_sent(pool: SubInterpreterPool) -> None:
    """Those that interpreters share and those that are pickled, alone and together."""
    values = [
        None, True, 0, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63, -(2**63) - 1, 10**400, 1.5, float("inf"), "",
        "é\ud800\U0001f600",
        b"", b"\0" * 100_000, "x" * 3_000_000, (1, ("a", [b"b"])), {"a": {1, 2}}, [None], range(3), bytearray(b"ab"), 1 + 2j,
    ]  # fmt: skip
    for value in values:
        got = await pool.run(jobs.echo, value)
        assert (type(got), got) == (type(value), value)
    assert await pool.run(jobs.echo, values) == values
    assert math.isnan(await pool.run(jobs.echo, math.nan))


@only_with_interpreters
async def test_a_view_of_memory_is_the_memory_itself() -> None:
    """An interpreter writes to it where it is, and lets go of it; a process could not."""
    data = bytearray(1000)
    async with SubInterpreterPool(1, backend="interpreters") as pool:
        assert await pool.run(jobs.fill, memoryview(data)[10:20], 7) == 10
        data.append(1)  # nobody holds it any longer
    assert data == bytes(10) + b"\7" * 10 + bytes(980) + b"\1"
    with pytest.raises(pickle.PicklingError, match="memoryview"):
        SubInterpreterPool(backend="process").run(jobs.fill, memoryview(data), 7).send(None)


# --- what comes back


async def test_exceptions_arrive_with_their_type(pool: SubInterpreterPool) -> None:
    """With attributes, and with the worker's traceback in a note."""
    with pytest.raises(jobs.Own) as caught:
        await pool.run(jobs.fail, "own")
    assert (caught.value.code, caught.value.args) == (3, (3, "no room"))
    [note] = caught.value.__notes__
    assert note.startswith("raised in a worker:\nTraceback")
    assert "parallel_jobs.py" in note
    assert "in fail" in note
    with pytest.raises(RecursionError):
        await pool.run(jobs.deep, 1)
    with pytest.raises(MemoryError):
        await pool.run(jobs.fail, "memory")


@pytest.mark.parametrize(("kind", "name", "text"), [
    ("stays", "tests.contract.parallel_jobs.Stays", "no room"), ("lock", "builtins.ValueError", "<unlocked _thread.lock"),
    ("mute", "tests.contract.parallel_jobs.Mute", "(no text: its __str__ has failed)"),
    ("exit", "builtins.SystemExit", "3"), ("interrupt", "builtins.KeyboardInterrupt", ""), ("stop", "builtins.StopIteration", "3"),
])  # fmt: skip
async def test_exceptions_that_cannot_travel_are_described(pool: SubInterpreterPool, kind: str, name: str, text: str) -> None:
    """Those that do not pickle there and back, and those that would end the caller's loop or generator."""
    with pytest.raises(RemoteError) as caught:
        await pool.run(jobs.fail, kind)
    assert caught.value.type_name == name
    assert caught.value.text.startswith(text)
    assert str(caught.value) == f"{name}: {caught.value.text}"
    assert "in fail" in caught.value.__notes__[0]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("kind", ["lock", "lambda", "generator", "view"])
async def test_a_result_that_cannot_be_sent_back_is_an_error(pool: SubInterpreterPool, kind: str) -> None:
    """For the caller; the worker goes on."""
    with pytest.raises(pickle.PicklingError, match="the result cannot be sent back"):
        await pool.run(jobs.result, kind)
    assert await pool.run(jobs.echo, 1) == 1


# --- order and cancellation


async def test_calls_begin_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    """In a pool of one, they also end so."""
    for backend in BACKENDS:
        path, go = str(tmp_path / f"{backend}.txt"), tmp_path / f"{backend}.go"
        async with SubInterpreterPool(1, backend=backend) as pool:
            calls = [asyncio.ensure_future(pool.run(jobs.note_then_wait, path, f"{n} ", str(go))) for n in range(20)]
            await asyncio.sleep(0)
            go.touch()
            assert await asyncio.gather(*calls) == [f"{n} " for n in range(20)]
        assert Path(path).read_text() == "".join(f"{n} " for n in range(20))


async def test_no_more_calls_run_at_a_time_than_there_are_workers(pool: SubInterpreterPool, tmp_path: Path) -> None:
    """Whatever number is asked for at once."""
    path = str(tmp_path / "log")
    await asyncio.gather(*(pool.run(jobs.enter_and_leave, path) for _ in range(30)))
    depth = [0]
    for sign in Path(path).read_text():
        depth.append(depth[-1] + (1 if sign == "+" else -1))
    assert (max(depth), depth[-1], len(depth)) == (2, 0, 61)


async def test_a_cancelled_call_that_waits_never_begins(tmp_path: Path) -> None:
    """And the next has its own result."""
    for backend in BACKENDS:
        path, go = str(tmp_path / f"{backend}.txt"), tmp_path / f"{backend}.go"
        async with SubInterpreterPool(1, backend=backend) as pool:
            names = ["first", "second", "third"]
            first, second, third = [asyncio.ensure_future(pool.run(jobs.note_then_wait, path, name, str(go))) for name in names]
            await asyncio.sleep(0)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            assert len(pool._crew._waiting) <= 2  # it holds no place
            go.touch()
            assert (await first, await third) == ("first", "third")
        assert Path(path).read_text() == "firstthird"


async def test_the_result_of_a_cancelled_call_that_runs_reaches_nobody(tmp_path: Path) -> None:
    """Its worker is busy until it ends, and then answers the next call with that one's result."""
    for backend in BACKENDS:
        path, go = tmp_path / f"{backend}.txt", tmp_path / f"{backend}.go"
        async with SubInterpreterPool(1, backend=backend) as pool:
            running = asyncio.ensure_future(pool.run(jobs.note_then_wait, str(path), "first", str(go)))
            await asyncio.to_thread(jobs.wait_for, str(path))
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            following = asyncio.ensure_future(pool.run(jobs.echo, "second"))
            await asyncio.sleep(0)
            assert not following.done()
            go.touch()
            assert await following == "second"


async def test_no_result_goes_astray(pool: SubInterpreterPool) -> None:
    """Among hundreds of calls of which every third is cancelled at some moment, each gets its own."""
    chance = random.Random(5)
    calls = [asyncio.ensure_future(pool.run(jobs.echo, number if number % 2 else [number])) for number in range(300)]
    doomed = [call for call in calls if chance.random() < 0.3]
    while doomed:
        await asyncio.sleep(0.0005)
        doomed.pop(chance.randrange(len(doomed))).cancel()
    results = await asyncio.gather(*calls, return_exceptions=True)
    for number, result in enumerate(results):
        assert isinstance(result, asyncio.CancelledError) or result == (number if number % 2 else [number])
    assert sum(not isinstance(result, BaseException) for result in results) >= 200
    assert await pool.run(jobs.echo, "after") == "after"


def test_a_pool_serves_any_loop(pool: SubInterpreterPool) -> None:
    """Also several at once, in threads of their own."""
    results: list[list[int]] = []

    async def several(first: int) -> list[int]:
        return list(await asyncio.gather(*(pool.run(jobs.primes, first + n) for n in range(20))))

    threads = [threading.Thread(target=lambda first=first: results.append(asyncio.run(several(first)))) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [[jobs.primes(first + n) for n in range(20)] for first in (0, 100, 200)]


# --- what the constructor takes


def test_wrong_settings_are_refused() -> None:
    """At once, with what would be right."""
    for workers in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="max_workers"):
            SubInterpreterPool(workers)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'auto', 'interpreters' or 'process'"):
        SubInterpreterPool(backend="threads")  # type: ignore[arg-type]


def test_what_is_not_there_yet_says_so() -> None:
    """By its name."""
    for name, value in (("max_pending", 5), ("initializer", print)):
        with pytest.raises(NotImplementedError, match=name):
            SubInterpreterPool(**{name: value})  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="map"):
        SubInterpreterPool().map(jobs.echo, [1])
    with pytest.raises(NotImplementedError, match="stats"):
        SubInterpreterPool().stats
