"""The classes of authentication, driven by hand as a client drives them. Digest has a file of its own."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from requests.auth import HTTPBasicAuth

import fasthttp
from fasthttp._io import blocking as sync_side
from fasthttp.auth import AuthBase, BasicAuth, BearerAuth, DigestAuth, NetrcAuth, NetrcTable, make_auth
from fasthttp.errors import InvalidHeader
from fasthttp.models import Request
from fasthttp.response import Response
from tests.api.auth_driver import URL, answering, drive, get, sent_with, settle_async, statuses

# The forms of auth=.


def test_forms_of_auth() -> None:
    """An object stays itself, a tuple is Basic, a function gets the request, and None is none."""
    auth = BearerAuth("t")
    assert make_auth(auth) is auth
    assert make_auth(None) is None
    made = make_auth(("user", "pass"))
    assert type(made) is BasicAuth
    assert (made.username, made.password) == ("user", "pass")

    def sign(request: Request) -> None:
        request.headers["X-Signed"] = request.target

    request = get()
    signer = make_auth(sign)
    assert signer is not None
    assert signer.on_request(request) is None
    assert request.headers["x-signed"] == "/x?q=1"


@pytest.mark.parametrize(
    "value", ["user:hunter2", ["user", "hunter2"], ("user",), ("user", "hunter2", 1), 5, b"hunter2", {"user": "hunter2"}, BasicAuth]
)
def test_what_is_no_auth(value: Any) -> None:
    """A type error that says what is wanted and shows nothing; a class is not yet an object."""
    with pytest.raises(TypeError, match="auth must be an AuthBase") as caught:
        make_auth(value)
    assert "hunter2" not in str(caught.value)
    assert ("use ('user', 'pass')" in str(caught.value)) == isinstance(value, (str, bytes, list))


def test_functions_that_return_requests() -> None:
    """The same request, as is usual with requests, or another one, whose headers count; sync and async."""

    def same(request: Request) -> Request:
        request.headers["Authorization"] = "same"
        return request

    def other(request: Request) -> Request:
        return Request("GET", URL, headers={"Authorization": "other"})

    async def later(request: Request) -> Request:
        await asyncio.sleep(0)
        return other(request)

    async def nothing(request: Request) -> None:
        request.headers["Authorization"] = "nothing"

    for function, value in ((same, "same"), (other, "other"), (later, "other"), (nothing, "nothing")):
        assert sent_with(function) == value
        assert sent_with(function, settle=settle_async) == value
    with pytest.raises(TypeError, match="the callable must return None or a Request, got str"):
        sent_with(lambda request: "token")


def test_an_auth_of_requests_works_where_it_is_a_plain_function() -> None:
    """Its Basic class is a callable on a request with headers."""
    assert sent_with(HTTPBasicAuth("user", "pass")) == BasicAuth("user", "pass").fixed_authorization


# AuthBase and its two spellings.


@pytest.mark.parametrize("settle", [sync_side.settle, settle_async])
def test_either_spelling_in_either_colour(settle: Any) -> None:
    """Sync or async methods under a blocking or an async client; the public name wins over the older one."""

    class Public(AuthBase):
        async def on_request(self, request: Request) -> None:
            await asyncio.sleep(0)
            request.headers["Authorization"] = "public"

    class Older(AuthBase):
        def _on_request(self, request: Request) -> None:
            request.headers["Authorization"] = "older"

    class Both(Older):
        def on_request(self, request: Request) -> None:
            request.headers["Authorization"] = "public"

    class OlderBelow(Public):
        def _on_request(self, request: Request) -> None:
            request.headers["Authorization"] = "older"

    for cls, value in ((Public, "public"), (Older, "older"), (Both, "public"), (OlderBelow, "public"), (AuthBase, None)):
        assert sent_with(cls(), settle=settle) == value


def test_answers_of_either_spelling() -> None:
    """`on_response` and `_on_response`, sync and async, name the request to send instead."""

    class Public(AuthBase):
        async def on_response(self, request: Request, response: Response) -> Request | None:
            return request.copy() if response.status_code == 418 else None

    class Older(AuthBase):
        def _on_response(self, request: Request, response: Response) -> Request | None:
            return request.copy() if response.status_code == 418 else None

    for cls in (Public, Older):
        assert statuses(drive(cls(), answering(Response(418), Response(418), Response(200)), get())) == [418, 418, 200]


def test_rounds_begin_at_nought() -> None:
    """However a request is made, also when it is made from one that has gone some rounds."""
    request = get()
    assert request.auth_round == 0
    request.auth_round = 3
    assert request.copy().auth_round == 0
    url = request.parsed_url
    assert Request.bare("GET", url, b"", None, None).auth_round == 0


# Basic and Bearer.


def test_basic() -> None:
    """A header that never changes, the same as that of requests and httpx."""
    auth = BasicAuth("\u00fcser", "p:\u00e4ss")
    assert (auth.username, auth.password) == ("\u00fcser", "p:\u00e4ss")
    assert auth.fixed_authorization == sent_with(auth)
    theirs = requests.Request("GET", URL, auth=("\u00fcser".encode(), "p:\u00e4ss".encode())).prepare().headers["Authorization"]
    assert auth.fixed_authorization == theirs
    request = next(httpx.BasicAuth("\u00fcser", "p:\u00e4ss").auth_flow(httpx.Request("GET", URL)))
    assert auth.fixed_authorization == request.headers["Authorization"]


@pytest.mark.parametrize("cls", [BasicAuth, DigestAuth])
def test_user_names_and_passwords_are_text(cls: Any) -> None:
    """Anything else, None above all, is a type error; text without a UTF-8 form a value error; neither shows it."""
    for arguments, name in (((None, "p"), "username"), (("u", None), "password"), ((b"u", "p"), "username")):
        with pytest.raises(TypeError, match=f"{name} must be str, got "):
            cls(*arguments)
    with pytest.raises(ValueError, match="password cannot be sent, a lone surrogate at offset 6") as caught:
        cls("u", "secret\udc80")
    assert "secret" not in repr(caught.value)
    with pytest.raises(AttributeError):
        cls("u", "p").password = "other"


def test_a_colon_in_a_basic_user_name() -> None:
    """Is refused at once, also in a tuple."""
    makes: list[Callable[[], Any]] = [lambda: BasicAuth("a:b", "p"), lambda: make_auth(("a:b", "p"))]
    for make in makes:
        with pytest.raises(ValueError, match="colon"):
            make()


@pytest.mark.parametrize("name", ["on_request", "on_response", "_on_request", "_on_response"])
@pytest.mark.parametrize(("base", "arguments"), [(BasicAuth, ("user", "pass")), (BearerAuth, ("token",))])
def test_overrides_are_not_cut_short(base: Any, arguments: tuple[str, ...], name: str) -> None:
    """A subclass that has a word in either step gets it; one that has none keeps its fixed header."""
    fixed = base(*arguments).fixed_authorization
    assert fixed == type("Plain", (base,), {})(*arguments).fixed_authorization

    def step(self: Any, request: Request, *response: Response) -> None:
        if not response:
            getattr(base, name)(self, request)
            request.headers["Authorization"] += "!"

    overridden = type("Overridden", (base,), {name: step})(*arguments)
    assert overridden.fixed_authorization is None
    assert sent_with(overridden) == fixed + ("!" if "request" in name else "")


def test_bearer() -> None:
    """A token, or a function that is asked before each send, sync or async, under either colour."""
    auth = BearerAuth("abc")
    assert (auth.token, auth.fixed_authorization, sent_with(auth)) == ("abc", "Bearer abc", "Bearer abc")
    numbers = iter(range(10))

    def token() -> str:
        return f"sync{next(numbers)}"

    async def later() -> str:
        await asyncio.sleep(0)
        return f"async{next(numbers)}"

    assert BearerAuth(token).fixed_authorization is None
    auth = BearerAuth(token)
    assert (sent_with(auth), sent_with(auth, settle=settle_async)) == ("Bearer sync0", "Bearer sync1")
    auth = BearerAuth(later)
    assert (sent_with(auth), sent_with(auth, settle=settle_async)) == ("Bearer async2", "Bearer async3")
    assert auth.token is later


def test_tokens_that_cannot_be_sent() -> None:
    """Refused where they are given, or where the function gives them, without being shown."""
    makes: list[Callable[[], Any]] = [lambda: BearerAuth("hunter2\n"), lambda: sent_with(BearerAuth(lambda: "hunter2\n"))]
    for make in makes:
        with pytest.raises(InvalidHeader, match=r"header 'Authorization': control character U\+000A at offset 14") as caught:
            make()
        assert "hunter2" not in str(caught.value)
    with pytest.raises(TypeError, match="token must be str or a callable, got bytes"):
        BearerAuth(b"hunter2")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="the callable must give a str, got NoneType"):
        sent_with(BearerAuth(lambda: None))  # type: ignore[arg-type, return-value]


def test_reprs_hide_secrets(tmp_path: Path) -> None:
    """User names too: API keys are often sent in their place."""
    file = tmp_path / "netrc"
    file.write_text("machine a.test login hunter1 password hunter2\n")
    shown = [repr(auth) for auth in (BasicAuth("hunter1", "hunter2"), DigestAuth("hunter1", "hunter2"), BearerAuth("hunter2"))]
    shown += [repr(auth) for auth in (BearerAuth(lambda: "hunter2"), NetrcAuth(file), NetrcTable.load(file), AuthBase(), make_auth(print))]
    assert not [text for text in shown if "hunter" in text]
    assert shown[:3] == ["BasicAuth('*****', '*****')", "DigestAuth('*****', '*****')", "BearerAuth('*****')"]


# netrc.

NETRC = """
machine a.test login u password p   # ann
machine B.test login "two words" password p:q
machine c.test login only
machine d.test password only
machine e.test
"""


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    return tmp_path


def test_netrc_by_host(home: Path) -> None:
    """The entry of exactly the host, whatever its case; the `default` entry for all others."""
    file = write(home / "file", NETRC + "default login d password q\n")
    auth = NetrcAuth(file)
    default = BasicAuth("d", "q").fixed_authorization
    expected: list[tuple[str, Any]] = [
        ("a.test", ("u", "p")),
        ("b.test", ("two words", "p:q")),
        ("c.test", ("only", "")),
        ("d.test", ("", "only")),
    ]
    for host, pair in expected:
        assert sent_with(auth, get(f"http://{host}:81/")) == BasicAuth(*pair).fixed_authorization
    for host in ("e.test", "x.a.test", "test", "default"):
        assert sent_with(auth, get(f"http://{host}/")) == default
    assert sent_with(NetrcAuth(write(file, NETRC)), get("http://x.a.test/")) is None
    assert auth.fixed_authorization is None


def test_the_file_is_read_once(home: Path) -> None:
    """At construction: what happens to it later makes no difference."""
    file = write(home / ".netrc", NETRC)
    auth, table = NetrcAuth(), NetrcTable.load_default()
    file.unlink()
    assert sent_with(auth) == BasicAuth("u", "p").fixed_authorization
    assert table is not None
    found = table.get("A.test")
    assert found is not None
    assert found.fixed_authorization == BasicAuth("u", "p").fixed_authorization


def test_the_default_table_has_no_default_entry(home: Path) -> None:
    """What nobody asked for is only sent to hosts that are named."""
    write(home / ".netrc", NETRC + "default login d password q\n")
    table = NetrcTable.load_default()
    assert table is not None
    assert table.get("x.test") is None
    assert table.get("default") is None
    assert table.get("a.test") is not None


def test_the_environment_names_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`NETRC` goes before the home directory, and such a file may be readable for others; empty means not set."""
    write(home / ".netrc", "machine a.test login home password p")
    monkeypatch.setenv("NETRC", str(write(home / "other", "machine a.test login other password p", 0o644)))
    assert sent_with(NetrcAuth()) == BasicAuth("other", "p").fixed_authorization
    monkeypatch.setenv("NETRC", "")
    assert sent_with(NetrcAuth()) == BasicAuth("home", "p").fixed_authorization


def test_the_name_of_the_file_on_windows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`_netrc`, where there is no `.netrc`."""
    import fasthttp.auth as module

    monkeypatch.setattr(module, "sys", type("Windows", (), {"platform": "win32"}))
    write(home / "_netrc", NETRC)
    assert sent_with(NetrcAuth()) == BasicAuth("u", "p").fixed_authorization
    write(home / ".netrc", NETRC.replace("login u", "login v"))
    assert sent_with(NetrcAuth()) == BasicAuth("v", "p").fixed_authorization


BROKEN: list[tuple[bytes, int, str]] = [
    (b"machine a.test login u password hunter2 nonsense hunter2\n", 0o600, "malformed in line "),
    (b"hunter2", 0o600, "malformed in line "),
    (b"machine", 0o600, "malformed in line "),
    (b"machine a.test login u:v password hunter2", 0o600, "it is not UTF-8, or a login in it holds a colon"),
]


@pytest.mark.parametrize(("text", "mode", "problem"), BROKEN)
def test_files_that_cannot_be_used(home: Path, text: bytes, mode: int, problem: str, caplog: pytest.LogCaptureFixture) -> None:
    """Named by the error of an explicit `NetrcAuth`, which shows nothing of them; passed over where nobody asked."""
    path = home / ".netrc"
    path.write_bytes(text)
    path.chmod(mode)
    makes: list[Callable[[], Any]] = [NetrcAuth, lambda: NetrcAuth(path), lambda: NetrcAuth(str(path))]
    for make in makes:
        with pytest.raises(ValueError, match=f"{path}.*{problem}") as caught:
            make()
        assert "hunter2" not in str(caught.value)
        assert caught.value.__context__ is None
    with caplog.at_level(logging.DEBUG, "fasthttp.client"):
        assert NetrcTable.load_default() is None
    (record,) = caplog.records
    assert "hunter2" not in record.getMessage()
    assert str(path) in record.getMessage()


def test_files_that_are_not_there(home: Path) -> None:
    """Missing, or a directory."""
    for path in (home / "missing", home):
        with pytest.raises(ValueError, match=str(path)):
            NetrcAuth(path)
    with pytest.raises(ValueError, match=r"\.netrc.*No such file"):
        NetrcAuth()
    assert NetrcTable.load_default() is None


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_file_that_others_may_read(home: Path) -> None:
    """The one of the home directory is refused, with advice; one that was named is the caller's choice."""
    path = write(home / ".netrc", NETRC, 0o644)
    with pytest.raises(ValueError, match="chmod 600"):
        NetrcAuth()
    assert NetrcTable.load_default() is None
    assert sent_with(NetrcAuth(path)) is not None


def test_public_names() -> None:
    """At the root and in the namespace file."""
    for cls in (AuthBase, BasicAuth, BearerAuth, DigestAuth, NetrcAuth):
        assert getattr(fasthttp, cls.__name__) is cls
        assert issubclass(cls, AuthBase)
