"""Which credentials a request has: the nearest ones, never those of another origin, and never where they can be read."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from typing import Any

import pytest

from fasthttp import AsyncClient, ConnectError, InvalidURL, Request
from fasthttp.auth import BearerAuth, DigestAuth, NetrcAuth
from tests.shell.scripts import leads, loopback, on_port, script, sent, sets
from tests.shell.server import HELLO, answering, response, serve


def basic(username: str, password: str) -> str:
    """Basic credentials, reckoned here."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A netrc file that the environment names."""
    path = tmp_path / "netrc"
    path.write_text("machine a.test login nan password 1\nmachine b.test login nob password 2\ndefault login all password 3\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))
    return path


# User info of URLs.


async def test_user_info() -> None:
    """It becomes Basic credentials, percent-decoded, and is in neither Host, target nor URL."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient() as client:
            r = await client.get(f"http://%C3%A4nn:p%40ss%3A@127.0.0.1:{server.port}/x")
            request = Request("GET", f"http://ann:@127.0.0.1:{server.port}/y")
            await client.send(request)
            await client.get(f"http://:pw@127.0.0.1:{server.port}/z")
        async with AsyncClient(f"http://ann:pw@127.0.0.1:{server.port}/base") as client:
            await client.get("x")
            await client.get(f"{server.url}/other")
    assert [entry.headers.get("authorization") for entry in server.requests] == [
        basic("änn", "p@ss:"),
        basic("ann", ""),
        basic("", "pw"),
        basic("ann", "pw"),
        None,
    ]
    assert {entry.headers["host"] for entry in server.requests} == {f"127.0.0.1:{server.port}"}
    assert [entry.target for entry in server.requests] == ["/x", "/y", "/z", "/base/x", "/other"]
    assert (r.url, request.url) == (f"{server.url}/x", f"{server.url}/y")


async def test_credentials_of_a_url_go_with_it() -> None:
    """A hook that changes the URL takes away what its user info gave, and may give other; other credentials stay."""

    def move(request: Request) -> None:
        request.url = "https://b.test/"

    def move_named(request: Request) -> None:
        request.url = "https://bob:2@b.test/"

    transport = script(sets())
    async with AsyncClient(transport=transport) as client:
        await client.get("https://ann:1@a.test/", hooks={"request": move})
        await client.get("https://ann:1@a.test/", hooks={"request": move_named})
        await client.get("https://ann:1@a.test/", hooks={"request": move}, auth=BearerAuth("mine"))
    assert sent(transport, "Authorization") == [None, basic("bob", "2"), "Bearer mine"]
    assert [call.url for call in transport.calls] == ["https://b.test/"] * 3


# Which level wins.

LEVELS = ["call auth", "call header", "client auth", "client header", "user info", "netrc"]


@pytest.mark.parametrize("highest", range(len(LEVELS) + 1), ids=[*LEVELS, "none"])
@pytest.mark.parametrize("fixed", [True, False])
async def test_the_nearest_level_wins(highest: int, fixed: bool, netrc: Path) -> None:
    """Call before client before URL before netrc, and on one level `auth=` before the header; by `send` as well."""
    given = set(LEVELS[highest:])

    def auth(value: str) -> Any:
        return BearerAuth(value if fixed else lambda: value)

    def header(level: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {level}"} if level in given else {}

    options: dict[str, Any] = {"auth": auth("call auth")} if "call auth" in given else {}
    if "call header" in given:
        options["headers"] = header("call header")
    url = "https://user:info@a.test/" if "user info" in given else "https://a.test/"
    transport = script(sets())
    async with AsyncClient(
        auth=auth("client auth") if "client auth" in given else None,
        headers=header("client header"),
        trust_env="netrc" in given,
        transport=transport,
    ) as client:
        await client.get(url, **options)
        await client.send(Request("GET", url, headers=options.pop("headers", None)), **options)
    expected = None if highest == len(LEVELS) else f"Bearer {LEVELS[highest]}"
    expected = {"user info": basic("user", "info"), "netrc": basic("nan", "1")}.get((expected or "")[7:], expected)
    assert sent(transport, "Authorization") == [expected, expected]


async def test_auth_none(netrc: Path) -> None:
    """`auth=None` at the call switches off the client's and that of netrc; headers and user info stay, the former first."""
    transport = script(sets())
    async with AsyncClient(auth=("ann", "pw"), transport=transport) as client:
        await client.get("https://a.test/", auth=None)
        await client.get("https://a.test/", auth=None, headers={"Authorization": "Bearer x"})
        await client.get("https://bob:1@a.test/", auth=None)
        await client.get("https://bob:1@a.test/", auth=None, headers={"Authorization": "Bearer x"})
        await client.send(Request("GET", "https://bob:1@a.test/", headers={"authorization": "Bearer x"}), auth=None)
        client.headers["Authorization"] = "Bearer client"
        await client.get("https://bob:1@a.test/", auth=None)
    assert sent(transport, "Authorization") == [None, "Bearer x", basic("bob", "1"), "Bearer x", "Bearer x", "Bearer client"]


# netrc.


async def test_netrc(netrc: Path) -> None:
    """The entry of exactly the host is used, the default entry is not; `trust_env=False` leaves the file alone."""
    transport = script(sets())
    async with AsyncClient(transport=transport) as client:
        for host in ("a.test", "A.test", "sub.a.test", "c.test"):
            await client.get(f"https://{host}/")
    async with AsyncClient(transport=transport, trust_env=False) as client:
        await client.get("https://a.test/")
        await client.get("https://c.test/", auth=NetrcAuth(netrc))
    mine = basic("nan", "1")
    assert sent(transport, "Authorization") == [mine, mine, None, None, None, basic("all", "3")]


async def test_netrc_after_a_redirect(netrc: Path) -> None:
    """It is looked up afresh for the new host, whatever the credentials were, and again on the way back."""
    transport = script(leads("https://b.test/"), leads("https://a.test/"), leads("https://c.test/"), sets())
    async with AsyncClient(transport=transport) as client:
        await client.get("https://a.test/", auth=("ann", "pw"))
    assert sent(transport, "Authorization") == [basic("ann", "pw"), basic("nob", "2"), basic("nan", "1"), None]


@pytest.mark.parametrize("content", [b"machine a.test login nan hush", b"hush", b"machine a.test login \xff password hush", None])
async def test_netrc_that_cannot_be_used(content: bytes | None, netrc: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A malformed or missing file is passed over when nobody asked for it, and a ValueError for NetrcAuth."""
    if content is None:
        netrc.unlink(missing_ok=True)
    else:
        netrc.write_bytes(content)
    transport = script(sets())
    with caplog.at_level(logging.DEBUG, "fasthttp"):
        async with AsyncClient(transport=transport) as client:
            await client.get("https://a.test/")
    with pytest.raises(ValueError, match="netrc file") as caught:
        NetrcAuth()
    assert sent(transport, "Authorization") == [None]
    assert "hush" not in caplog.text + str(caught.value)


# Another origin.

HEADERS = {"Authorization": "Bearer h", "Cookie": "head=1", "X-API-Key": "k", "X-Mine": "m", "X-Plain": "p"}
SECRET = ("authorization", "cookie", "x-api-key", "x-mine")


OPTIONS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "headers": ({"headers": HEADERS}, SECRET),
    "basic": ({"auth": ("ann", "pw")}, ("authorization",)),
    "digest": ({"auth": DigestAuth("ann", "pw")}, ()),
    "bearer": ({"auth": BearerAuth(lambda: "t")}, ("authorization",)),
    "cookies": ({"cookies": {"call": "1"}}, ("cookie",)),
    "all": ({"headers": HEADERS, "auth": ("ann", "pw"), "cookies": {"call": "1"}}, SECRET),
}


PLACES = [(place, name) for name in OPTIONS for place in ("call", "client") if (place, name) != ("client", "cookies")]


@pytest.mark.parametrize(("place", "name"), PLACES)
async def test_nothing_leaves_its_origin(place: str, name: str) -> None:
    """To another host or port go no credentials of any form; they are not restored when the chain comes back."""

    def redirect(location: str) -> bytes:
        return response(b"", f"Location: {location}", status="307 Again")

    options, carried = OPTIONS[name]
    with serve(answering()) as other, serve(answering()) as server:
        back = on_port("http://a.test/c", server.port)
        server._handler = answering(redirect("/b"), redirect(on_port("http://b.test/1", other.port)), HELLO)
        other._handler = answering(redirect(on_port("http://a.test/2", other.port)), redirect(back))
        of_client = options if place == "client" else {}
        async with AsyncClient(resolver=loopback, sensitive_headers=["X-Mine"], **of_client) as client:
            r = await client.get(on_port("http://a.test/a", server.port), **(options if place == "call" else {}))
    assert (r.status_code, r.url) == (200, back)
    assert [request.target for request in server.requests] == ["/a", "/b", "/c"]
    for request in server.requests[:2]:
        assert tuple(field for field in SECRET if field in request.headers) == carried
    for request in (*other.requests, server.requests[2]):
        assert not [field for field in SECRET if field in request.headers]
    for request in (*server.requests, *other.requests):
        assert request.headers.get("x-plain") == options.get("headers", {}).get("X-Plain")
    assert [request.headers["host"] for request in other.requests] == [f"b.test:{other.port}", f"a.test:{other.port}"]


async def test_user_info_does_not_leave_its_origin() -> None:
    """What a URL named goes along within its origin only."""
    transport = script(leads("/b"), leads("https://b.test/"), leads("https://a.test/"), sets())
    async with AsyncClient("https://ann:pw@a.test", transport=transport) as client:
        await client.get("/a")
    assert sent(transport, "Authorization") == [basic("ann", "pw"), basic("ann", "pw"), None, None]


async def test_from_http_to_https() -> None:
    """From http to https of one host on the default ports everything goes along; on the way back nothing does."""
    transport = script(leads("https://a.test/"), leads("http://a.test/"), sets())
    async with AsyncClient(transport=transport) as client:
        await client.get("http://a.test/", auth=("ann", "pw"), headers={"X-API-Key": "k"})
    assert sent(transport, "Authorization") == [basic("ann", "pw"), basic("ann", "pw"), None]
    assert sent(transport, "X-API-Key") == ["k", "k", None]


# What is shown.


async def test_secrets_are_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """No repr, error or log record holds a password, of whatever form, nor user info of a URL."""
    with caplog.at_level(logging.DEBUG):
        async with AsyncClient("http://ann:hush@127.0.0.1:1/", auth=("bob", "hush"), headers={"Authorization": "hush"}) as client:
            shown = [repr(client), repr(client.auth), repr(client.headers)]
            for options in ({}, {"auth": ("ann", "hush")}, {"auth": DigestAuth("ann", "hush")}, {"auth": BearerAuth("hush")}):
                with pytest.raises(ConnectError) as caught:
                    await client.get("http://cid:hush@127.0.0.1:1/", headers={"X-API-Key": "hush"}, cookies={"a": "hush"}, **options)
                error = caught.value
                shown += [str(error), repr(error), repr(error.request), str(error.url), *getattr(error, "__notes__", [])]
            for url in ("http://ann:hush@h.test:99999/", "ftp://ann:hush@h.test/", "http://ann:hush@/", "http://ann:hush@h .test/"):
                with pytest.raises((InvalidURL, ValueError)) as bad:
                    await client.get(url)
                shown.append(str(bad.value))
        async with AsyncClient() as client:
            for url in ("ann:hush@h.test/x", "//ann:hush@h.test/x", "ann:hush@h.test"):
                with pytest.raises(InvalidURL, match="relative") as relative:
                    await client.get(url)
                shown += [str(relative.value), repr(Request("GET", url))]
                with pytest.raises(InvalidURL) as based:
                    AsyncClient(url)
                shown.append(str(based.value))
    assert "hush" not in "\n".join(shown)
    assert "hush" not in caplog.text


async def test_secrets_of_answers_are_not_shown() -> None:
    """Nor does the repr of a response, of its request and of their headers."""
    transport = script(sets("a=hush"))
    async with AsyncClient(transport=transport) as client:
        r = await client.get("https://ann:hush@a.test/?token=hush", headers={"X-API-Key": "hush"}, cookies={"b": "hush"})
    assert r.request is not None
    assert "hush" not in repr([r, r.request, r.request.headers, r.headers, transport.calls])
