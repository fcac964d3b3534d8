"""What can be imported, from where, and what an import does not do."""

from __future__ import annotations

import importlib
import json
import random
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

import FasterAPI
import fasthttp as _fasthttp

fasthttp: Any = _fasthttp  # its names load lazily, and are looked up as such here
LOW = "client models response headers timeouts limits retry cookies auth errors exceptions formdata websocket sse transports"
LOW += " pool telemetry downloads types sync status"
HIGH = "app routing session dependencies middleware events results security graphql testing"
MODULES = [f"fasthttp.{name}" for name in f"{LOW} {HIGH}".split()]
NAMES = """
    Client SyncClient AsyncClient Request Response Headers Cookie CookieJar Timeout Limits RetryPolicy CircuitBreaker AuthBase
    BasicAuth BearerAuth DigestAuth NetrcAuth MultipartEncoder ConnectionPool WebSocket WebSocketMessage HTTPTransport
    MockTransport ASGITransport WSGITransport SSEEvent get post put patch delete head options query trace request stream
    download sync __version__
""".split()
HOMES = {
    "timeouts": "Timeout",
    "limits": "Limits",
    "retry": "RetryPolicy CircuitBreaker",
    "cookies": "Cookie CookieJar",
    "auth": "AuthBase BasicAuth BearerAuth DigestAuth NetrcAuth",
    "formdata": "MultipartEncoder",
    "websocket": "WebSocket WebSocketMessage TextMessage BinaryMessage",
    "sse": "SSEEvent",
    "models": "Request",
    "pool": "ConnectionPool",
    "transports": "BaseTransport HTTPTransport MockTransport ASGITransport WSGITransport",
}
ALIASES = "HeaderTypes ParamTypes BodyTypes FileTypes CertTypes AuthTypes CookieTypes Hook TraceHook Resolver".split()
SOURCE = Path(fasthttp.__file__).parents[1]


def fresh(program: str) -> Any:
    """Run a program in a new interpreter where warnings are errors; what it prints is JSON."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_submodule_can_be_imported_in_any_order_and_stays_one(seed: int) -> None:
    """`fasthttp.request` is the function whatever came first, and no submodule is shadowed."""
    order = [*MODULES, "fasthttp.request", "fasthttp.get", "fasthttp.stream", "fasthttp.Response"]
    random.Random(seed).shuffle(order)
    program = f"""
import importlib, json, types
import fasthttp
for name in {order!r}:
    if name in {MODULES!r}:
        importlib.import_module(name)
    else:
        getattr(fasthttp, name.partition('.')[2])
    assert isinstance(fasthttp.request, types.FunctionType), name
modules = {MODULES!r}
print(json.dumps([isinstance(getattr(fasthttp, name.partition('.')[2]), types.ModuleType) for name in modules]))
"""
    assert fresh(program) == [True] * len(MODULES)


@pytest.mark.parametrize("name", [name.partition(".")[2] for name in MODULES])
def test_a_submodule_is_reached_as_an_attribute_without_its_import(name: str) -> None:
    """The root loads it on first use."""
    assert isinstance(getattr(fasthttp, name), types.ModuleType)
    assert getattr(fasthttp, name) is importlib.import_module(f"fasthttp.{name}")


def test_no_submodule_has_the_name_of_a_function_of_the_root() -> None:
    """So neither can ever stand for the other."""
    functions = {name for name in fasthttp.__all__ if isinstance(getattr(fasthttp, name), types.FunctionType)}
    files = {path.stem for path in (SOURCE / "fasthttp").iterdir()}
    assert functions >= {"request", "get", "stream", "download", "options"}
    assert functions & files == set()


def test_all_is_complete_sorted_and_true() -> None:
    """Every name of the contract and every exception is there, and every name that is there exists."""
    assert set(fasthttp.__all__) >= {*NAMES, *fasthttp.errors.__all__}
    assert list(fasthttp.__all__) == sorted(set(fasthttp.__all__))
    for name in fasthttp.__all__:
        assert getattr(fasthttp, name) is not None
    assert list(FasterAPI.__all__) == sorted(set(FasterAPI.__all__))
    for name in FasterAPI.__all__:
        assert getattr(FasterAPI, name) is not None


@pytest.mark.parametrize("package", ["fasthttp", "FasterAPI"])
def test_dir_is_complete_before_anything_was_used(package: str) -> None:
    """Names that load lazily are listed too."""
    listed, names = fresh(f"import json, {package} as p; print(json.dumps([dir(p), list(p.__all__)]))")
    assert set(names) <= set(listed)
    if package == "fasthttp":
        assert {name.partition(".")[2] for name in MODULES} <= set(listed)


@pytest.mark.parametrize("package", [fasthttp, FasterAPI])
def test_an_unknown_name_is_an_attribute_error(package: types.ModuleType) -> None:
    """The package is named."""
    with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute 'nonsense'"):
        package.nonsense


@pytest.mark.parametrize(("home", "names"), HOMES.items())
def test_names_live_in_their_homes(home: str, names: str) -> None:
    """The root gives the same objects."""
    module = importlib.import_module(f"fasthttp.{home}")
    for name in names.split():
        if name in fasthttp.__all__:
            assert getattr(module, name) is getattr(fasthttp, name)
        assert name in module.__all__


def test_second_addresses_give_the_same_objects() -> None:
    """Errors under `exceptions`, `security` and `websocket`, the mock under `testing`, the blocking client under `sync`."""
    from fasthttp import errors, exceptions, security, sync, testing, websocket

    for name in errors.__all__:
        assert getattr(exceptions, name) is getattr(errors, name)
    assert security.SSRFBlockedError is errors.SSRFBlockedError
    assert websocket.WebSocketClosed is errors.WebSocketClosed
    assert testing.MockTransport is fasthttp.MockTransport
    assert sync.Client is fasthttp.SyncClient
    assert fasthttp.status.HTTP_404_NOT_FOUND == 404


def test_the_two_response_classes_are_told_apart() -> None:
    """The root and the client give the one whose text can be called."""
    from fasthttp import client, response

    assert fasthttp.Response is client.Response is response.ClientResponse
    assert issubclass(response.ClientResponse, response.Response)
    assert response.ClientResponse is not response.Response


def test_the_aliases_of_signatures_are_public() -> None:
    """In `fasthttp.types`."""
    from fasthttp import types as aliases

    for name in ALIASES:
        assert name in aliases.__all__
        assert hasattr(aliases, name)


HEAVY = """
    FasterAPI pydantic typer asyncio ssl brotli zstandard backports.zstd compression.zstd publicsuffixlist mimetypes h2 jh2
    truststore idna rich starlette uvicorn uvloop fasthttp.cli fasthttp._async fasthttp._sync fasthttp._io
""".split()


def test_importing_the_client_loads_nothing_heavy() -> None:
    """Neither the framework nor the command line, no event loop, no TLS, no codec, no tables."""
    loaded = fresh("import json, sys, fasthttp; print(json.dumps(sorted(sys.modules)))")
    assert [name for name in HEAVY if any(module == name or module.startswith(f"{name}.") for module in loaded)] == []
    assert sorted(name for name in loaded if name.startswith(("fasthttp", "httpwire"))) == ["fasthttp", "fasthttp.version"]


def test_making_a_client_loads_neither_framework_nor_optional_libraries() -> None:
    """Not even entering one needs pydantic, the mime tables or HTTP/2."""
    program = "import json, sys, fasthttp\nwith fasthttp.Client(): pass\nprint(json.dumps(sorted(sys.modules)))"
    loaded = fresh(program)
    for name in ("FasterAPI", "pydantic", "typer", "publicsuffixlist", "mimetypes", "h2", "starlette", "rich", "uvloop"):
        assert name not in loaded


def test_a_blocking_client_does_not_need_asyncio_to_be_made() -> None:
    """`import fasthttp` and the types of its settings come without an event loop."""
    program = "import json, sys, fasthttp\nfasthttp.Timeout(1), fasthttp.Limits(), fasthttp.Request('GET', 'http://h/')\n"
    assert "asyncio" not in fresh(program + "print(json.dumps(sorted(sys.modules)))")


def test_an_import_leaves_no_trace_in_the_process() -> None:
    """No thread, no loop, no signal handler, and of logging one handler that does nothing."""
    program = """
import json, logging, signal, sys, threading
before = [signal.getsignal(number) for number in signal.valid_signals()]
import fasthttp
for name in fasthttp.__all__:
    getattr(fasthttp, name)
same = before == [signal.getsignal(number) for number in signal.valid_signals()]
handlers = {name: [type(h).__name__ for h in logging.getLogger(name).handlers] for name in ('fasthttp', 'fasthttp.client', '')}
import asyncio
try:
    asyncio.get_running_loop()
    running = True
except RuntimeError:
    running = False
local = asyncio.events._get_event_loop_policy() if hasattr(asyncio.events, '_get_event_loop_policy') else asyncio.get_event_loop_policy()
made = getattr(getattr(local, '_local', None), '_loop', None) is not None
root = logging.getLogger('fasthttp')
print(json.dumps([same, handlers, threading.active_count(), running, made, root.level, root.propagate]))
"""
    same, handlers, threads, running, made, level, propagate = fresh(program)
    assert same
    assert handlers == {"fasthttp": ["NullHandler"], "fasthttp.client": [], "": []}
    assert (threads, running, made) == (1, False, False)
    assert (level, propagate) == (0, True)


def test_an_import_inside_a_running_loop_does_not_bind_to_it() -> None:
    """A client can be used on another loop afterwards."""
    program = """
import asyncio, json
async def load():
    import fasthttp
    for name in fasthttp.__all__:
        getattr(fasthttp, name)
asyncio.run(load())
import fasthttp
async def use():
    async with fasthttp.Client(transport=fasthttp.MockTransport(lambda request: 204)) as client:
        return (await client.get('http://a.test/')).status_code
print(json.dumps(asyncio.run(use())))
"""
    assert fresh(program) == 204


def test_the_types_of_every_package_are_shipped() -> None:
    """`py.typed` lies in each of the three."""
    for package in ("httpwire", "fasthttp", "FasterAPI"):
        assert (SOURCE / package / "py.typed").is_file()


def test_the_version_is_the_one_of_the_distribution() -> None:
    """One number in all places."""
    from importlib.metadata import version

    assert fasthttp.__version__ == version("fasthttp") == FasterAPI.__version__


def test_the_framework_is_imported_lazily_too() -> None:
    """`import FasterAPI` loads neither the client nor starlette."""
    loaded = fresh("import json, sys, FasterAPI; print(json.dumps(sorted(sys.modules)))")
    assert [name for name in ("fasthttp", "starlette", "pydantic", "uvicorn", "asyncio") if name in loaded] == []
