"""Small public values: `Timeout`, `Limits`, status codes; and the signatures of the clients."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
from typing import Any

import pytest

from fasthttp import status
from fasthttp.client import AsyncClient, Client, SyncClient
from fasthttp.limits import Limits
from fasthttp.models import Request
from fasthttp.pool import ConnectionPool
from fasthttp.timeouts import DEFAULT_TIMEOUT, UNSET, Timeout
from fasthttp.transports import MockTransport

PHASES = ("total", "connect", "read", "write", "pool")


def test_a_timeout_without_numbers_has_no_limits() -> None:
    """None is what each phase has by default."""
    assert [getattr(Timeout(), phase) for phase in PHASES] == [None] * 5
    assert Timeout.from_value(None) == Timeout()


def test_a_number_is_the_limit_of_every_phase_and_of_the_whole() -> None:
    """A `Timeout` is taken as it is."""
    assert Timeout.from_value(2.5) == Timeout(2.5, 2.5, 2.5, 2.5, 2.5)
    given = Timeout(read=1)
    assert Timeout.from_value(given) is given


def test_a_client_has_limits_by_default_and_none_switches_them_off() -> None:
    """No call hangs for ever because nobody thought of it."""
    assert Timeout(connect=10, read=60, write=60, pool=60) == DEFAULT_TIMEOUT
    with Client() as client, Client(timeout=None) as endless, Client(timeout=3) as short:
        assert client.timeout == DEFAULT_TIMEOUT
        assert endless.timeout == Timeout()
        assert short.timeout == Timeout.from_value(3)


@pytest.mark.parametrize("value", [0, -1, 0.0, -0.5, float("nan"), float("-inf")])
@pytest.mark.parametrize("phase", PHASES)
def test_a_limit_that_is_no_time_is_refused(phase: str, value: float) -> None:
    """The message names the phase and says what to use for no limit."""
    with pytest.raises(ValueError, match=rf"{phase}=.*use None for no limit"):
        Timeout(**{phase: value})
    with pytest.raises(ValueError, match="use None for no limit"):
        Timeout.from_value(value)


@pytest.mark.parametrize("value", ["5", True, [1]])
def test_a_limit_of_a_wrong_type_is_refused(value: Any) -> None:
    """Also a bool, which is a number only to Python."""
    with pytest.raises(TypeError, match="number of seconds or None"):
        Timeout(read=value)


def test_timeouts_are_values() -> None:
    """Comparable, hashable, immutable, shown by what they set, and the same after a copy or a pickle."""
    timeout = Timeout(total=3, read=1.5)
    assert timeout == Timeout(3, read=1.5)
    assert timeout != Timeout(3)
    assert timeout != 3
    assert hash(timeout) == hash(Timeout(3, read=1.5))
    assert repr(timeout) == "Timeout(total=3, read=1.5)"
    for again in (copy.copy(timeout), copy.deepcopy(timeout), pickle.loads(pickle.dumps(timeout))):
        assert again == timeout
    with pytest.raises(AttributeError, match="immutable"):
        timeout.read = 2
    with pytest.raises(AttributeError, match="immutable"):
        del timeout.read
    with pytest.raises(AttributeError):
        timeout.other = 1


def test_merging_fills_what_is_not_set_and_leaves_the_rest() -> None:
    """Both stay as they are."""
    one, two = Timeout(read=1), Timeout(total=9, read=5, pool=2)
    assert one.merge(two) == Timeout(total=9, read=1, pool=2)
    assert one.with_total(7) == Timeout(total=7, read=1)
    assert two.with_total(None) == Timeout(read=5, pool=2)
    assert (one, two) == (Timeout(read=1), Timeout(total=9, read=5, pool=2))


def test_unset_is_a_value_of_its_own() -> None:
    """It is false and says its name."""
    assert not UNSET
    assert repr(UNSET) == "UNSET"


def test_limits_have_the_documented_defaults() -> None:
    """And `max_waiting` by keyword only."""
    limits = Limits()
    assert (limits.max_connections, limits.max_per_host, limits.keepalive_expiry, limits.max_waiting) == (1000, 100, 30.0, None)
    assert (Limits(1, 2, 3.0, max_waiting=4)._values()) == (1, 2, 3.0, 4)
    with pytest.raises(TypeError):
        Limits(1, 2, 3.0, 4)  # type: ignore[call-arg]
    assert ConnectionPool().limits == limits


def test_limits_are_values() -> None:
    """As timeouts are."""
    limits = Limits(5, None, None, max_waiting=0)
    for again in (copy.copy(limits), copy.deepcopy(limits), pickle.loads(pickle.dumps(limits))):
        assert again == limits
        assert hash(again) == hash(limits)
    assert limits != Limits(5, None, None)
    assert limits != 5
    assert repr(limits) == "Limits(max_connections=5, max_per_host=None, keepalive_expiry=None, max_waiting=0)"
    with pytest.raises(AttributeError, match="immutable"):
        limits.max_connections = 2


@pytest.mark.parametrize(("name", "value"), [
    ("max_connections", 0), ("max_per_host", 0), ("max_per_host", -1), ("keepalive_expiry", -1), ("keepalive_expiry", float("nan")),
    ("max_waiting", -1),
])  # fmt: skip
def test_limits_below_their_least_are_refused(name: str, value: Any) -> None:
    """The argument is named."""
    with pytest.raises(ValueError, match=f"{name}="):
        Limits(**{name: value})


@pytest.mark.parametrize("name", ["max_connections", "max_per_host", "keepalive_expiry", "max_waiting"])
def test_limits_of_a_wrong_type_are_refused(name: str) -> None:
    """A bool is no number."""
    for value in ("5", True):
        with pytest.raises(TypeError, match=f"^{name} must be (a number|an integer) or None, got"):
            Limits(**{name: value})  # type: ignore[arg-type]


VERBS = ("request", "get", "head", "options", "delete", "trace", "post", "put", "patch", "query", "send")


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_are_coroutine_functions_on_the_async_client_only(verb: str) -> None:
    """Tools that look at functions see what they will get."""
    assert inspect.iscoroutinefunction(getattr(AsyncClient, verb))
    assert not inspect.iscoroutinefunction(getattr(SyncClient, verb))
    assert not inspect.iscoroutinefunction(getattr(Client, verb))


@pytest.mark.parametrize("cls", [Client, SyncClient, AsyncClient])
def test_every_public_method_has_a_docstring(cls: type) -> None:
    """On each of the three classes."""
    methods = [name for name in dir(cls) if not name.startswith("_") and callable(getattr(cls, name))]
    missing = [name for name in methods if not inspect.getdoc(getattr(cls, name))]
    assert missing == []


@pytest.mark.parametrize("verb", VERBS[:-1])
def test_a_misspelt_keyword_is_a_type_error(verb: str) -> None:
    """In both colours, before anything is sent."""
    mock = MockTransport(lambda request: 200)
    first = ("GET",) if verb == "request" else ()
    with Client(transport=mock) as client, pytest.raises(TypeError, match="'timout'"):
        getattr(client, verb)(*first, "http://a.test/", timout=1)

    async def run() -> None:
        async with Client(transport=mock) as client:
            with pytest.raises(TypeError, match="'timout'"):
                await getattr(client, verb)(*first, "http://a.test/", timout=1)

    asyncio.run(run())
    assert mock.calls == []


def test_a_misspelt_argument_of_a_client_is_a_type_error() -> None:
    """As with any function."""
    with pytest.raises(TypeError, match="baseurl"):
        Client(baseurl="http://a.test/")  # type: ignore[arg-type]


def test_the_entered_object_has_the_colour_of_the_block() -> None:
    """A `SyncClient` from `with`, an `AsyncClient` from `async with`; both are clients, and both see one state."""
    outer = Client(headers={"X": "1"})
    with outer as client:
        assert type(client) is SyncClient
        client.headers["X"] = "2"
        assert outer.headers["x"] == "2"

    async def run() -> None:
        async with Client() as client:
            assert type(client) is AsyncClient

    asyncio.run(run())
    assert issubclass(SyncClient, Client)
    assert issubclass(AsyncClient, Client)


def test_the_wrong_kind_of_block_names_the_right_class() -> None:
    """Blocks and ways of closing alike."""
    with pytest.raises(TypeError, match="async with"):
        AsyncClient().__enter__()
    with pytest.raises(TypeError, match="aclose"):
        AsyncClient().close()
    with pytest.raises(TypeError, match=r"close\(\)"):
        _ = SyncClient().aclose()

    async def run() -> None:
        with pytest.raises(TypeError, match="'with'"):
            await SyncClient().__aenter__()

    asyncio.run(run())


@pytest.mark.parametrize(("name", "code"), [
    ("HTTP_100_CONTINUE", 100), ("HTTP_200_OK", 200), ("HTTP_301_MOVED_PERMANENTLY", 301), ("HTTP_404_NOT_FOUND", 404),
    ("HTTP_418_IM_A_TEAPOT", 418), ("HTTP_422_UNPROCESSABLE_CONTENT", 422), ("HTTP_511_NETWORK_AUTHENTICATION_REQUIRED", 511),
])  # fmt: skip
def test_status_codes_have_names(name: str, code: int) -> None:
    """Plain integers."""
    assert getattr(status, name) == code


def test_every_status_name_holds_its_number() -> None:
    """No constant contradicts itself."""
    names = [name for name in dir(status) if name.startswith("HTTP_")]
    assert len(names) > 60
    assert all(getattr(status, name) == int(name.split("_")[1]) for name in names)


def test_a_superseded_status_name_resolves_with_a_warning() -> None:
    """The warning names the current spelling; an unknown name is an attribute error."""
    with pytest.warns(DeprecationWarning, match="superseded by HTTP_422_UNPROCESSABLE_CONTENT"):
        assert status.HTTP_422_UNPROCESSABLE_ENTITY == 422
    with pytest.raises(AttributeError, match="HTTP_999"):
        status.HTTP_999_NOTHING


def test_arguments_that_exclude_each_other_are_refused() -> None:
    """Both are named."""
    pool = ConnectionPool()
    with pytest.raises(ValueError, match=r"pool.*limits"):
        Client(pool=pool, limits=Limits())
    with pytest.raises(ValueError, match="transport= and pool="):
        Client(transport=MockTransport(), pool=pool)
    with pytest.raises(ValueError, match="transport= and verify="):
        Client(transport=MockTransport(), verify=False)
    with Client() as client, pytest.raises(ValueError, match="content= and json="):
        client.post("http://a.test/", b"x", json=1)
    with pytest.raises(ValueError, match="json= and data="):
        Request("POST", "http://a.test/", json=1, data={"a": 1})


def test_an_infinite_timeout_is_no_limit() -> None:
    """Infinity says the same as None."""
    assert Timeout(read=float("inf"), total=5) == Timeout(total=5)


@pytest.mark.parametrize(("make", "value", "words"), [
    (MockTransport, 5, "a function of the request or a mapping of routes, not int"),
    (lambda value: Client(proxies=value), "http://proxy.test:3128", "proxies= takes a mapping, not str; for one proxy use proxy="),
    (lambda value: Client().cookies.set("sid", "s3cret", max_age=value), "60", "max_age of cookie 'sid' must be seconds or None, got str"),
])  # fmt: skip
def test_arguments_of_the_wrong_kind_are_refused(make: Any, value: Any, words: str) -> None:
    """The message names the argument and what it takes."""
    with pytest.raises(TypeError) as caught:
        make(value)
    assert words in str(caught.value)
