"""Authentication of a client: its forms, its rounds, and what a class of the user's may do. Digest has a file of its own."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from fasthttp import AsyncClient, BodyNotReplayable, Request, Response, RetryPolicy
from fasthttp.auth import AuthBase, BasicAuth, BearerAuth
from tests.shell.credentials import BothNames, LateStamp, OlderNames, stamp, token
from tests.shell.scripts import leads, script, sent, sets
from tests.shell.server import HELLO, answering, response, serve

REFUSAL = response(b"no", status="401 Unauthorized")
BODY_TOO_LONG_TO_DRAIN = b"x" * 200_000


def basic(username: str, password: str) -> str:
    """Basic credentials, reckoned here."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def write(request: Request) -> None:
    """A function as `auth=` that edits."""
    request.headers["Authorization"] = "Mine 1"


def replace(request: Request) -> Request:
    """A function as `auth=` that returns a request."""
    other = request.copy()
    other.headers["Authorization"] = "Mine 2"
    return other


FORMS: dict[str, tuple[Callable[[], Any], str]] = {
    "tuple": (lambda: ("ann", "p:w"), basic("ann", "p:w")),
    "basic": (lambda: BasicAuth("änn", "пароль"), basic("änn", "пароль")),
    "bearer": (lambda: BearerAuth("abc.def"), "Bearer abc.def"),
    "bearer with a function": (lambda: BearerAuth(lambda: "now"), "Bearer now"),
    "bearer with an async function": (lambda: BearerAuth(token), "Bearer later"),
    "a function that edits": (lambda: write, "Mine 1"),
    "a function that returns": (lambda: replace, "Mine 2"),
}


@pytest.mark.parametrize("name", FORMS)
async def test_forms(name: str) -> None:
    """Every form works at the client and at the call, with and without headers and a body, on every request."""
    make, expected = FORMS[name]
    with serve(answering(HELLO)) as server:
        async with AsyncClient(auth=make()) as client:
            await client.get(server.url)
            await client.post(server.url, json={"a": 1}, headers={"X": "1"})
        async with AsyncClient() as client:
            await client.get(server.url, auth=make())
            async with client.stream("GET", server.url, auth=make()) as r:
                await r.aread()
            await client.get(server.url)
    assert [request.headers.get("authorization") for request in server.requests] == [expected] * 4 + [None]
    assert server.connections == 2


@pytest.mark.parametrize("wrong", ["ann:hush", ["ann", "hush"], ("ann",), 7, BasicAuth])
async def test_what_is_no_authentication(wrong: Any) -> None:
    """Anything else is a TypeError, in the constructor, at the call and when assigned, and nothing is sent."""
    transport = script(sets())
    with pytest.raises(TypeError, match="auth must be"):
        AsyncClient(auth=wrong)
    async with AsyncClient(transport=transport) as client:
        with pytest.raises(TypeError, match="auth must be") as caught:
            await client.get("https://a.test/", auth=wrong)
        assert "hush" not in str(caught.value)
        with pytest.raises(TypeError, match="auth must be"):
            client.auth = wrong
        await client.get("https://a.test/")
    assert len(transport.calls) == 1


async def test_auth_can_be_assigned() -> None:
    """`client.auth` can be read and assigned between calls."""
    transport = script(sets())
    async with AsyncClient(auth=("ann", "1"), transport=transport) as client:
        await client.get("https://a.test/")
        client.auth = ("bob", "2")
        assert isinstance(client.auth, BasicAuth)
        await client.get("https://a.test/")
        client.auth = None
        await client.get("https://a.test/")
        client.headers["Authorization"] = "Bearer x"
        await client.get("https://a.test/")
    assert sent(transport, "Authorization") == [basic("ann", "1"), basic("bob", "2"), None, "Bearer x"]


class Stamp(AuthBase):
    """What `LateStamp` does, in the colour of this file."""

    async def on_request(self, request: Request) -> None:
        request.headers.setdefault("X-Stamp", "first")

    async def on_response(self, request: Request, response: Response) -> Request | None:
        if response.status_code != 401 or request.headers["x-stamp"] != "first":
            return None
        request.headers["X-Stamp"] = "second"
        return request


@pytest.mark.parametrize("make", [Stamp, LateStamp, OlderNames, BothNames])
async def test_classes_of_the_user(make: Callable[[], AuthBase]) -> None:
    """Methods of either colour and either name serve both clients; the Request that `on_response` returns is sent."""
    with serve(answering(REFUSAL, HELLO)) as server:
        async with AsyncClient(auth=make()) as client:
            r = await client.post(server.url, content=b"x")
    assert [(request.headers["x-stamp"], request.body) for request in server.requests] == [("first", b"x"), ("second", b"x")]
    assert (r.status_code, [step.status_code for step in r.history]) == (200, [401])
    assert r.history[0].content == b"no"
    assert server.connections == 1


async def test_async_functions() -> None:
    """An async function as `auth=` serves both colours."""
    with serve(answering(HELLO)) as server:
        async with AsyncClient(auth=stamp) as client:
            await client.get(server.url)
    assert server.requests[0].headers["x-stamp"] == "function"


class Insistent(AuthBase):
    """Never content."""

    def __init__(self) -> None:
        self.rounds: list[int] = []

    def on_request(self, request: Request) -> None:
        self.rounds.append(request.auth_round)

    def on_response(self, request: Request, response: Response) -> Request:
        return request


@pytest.mark.parametrize("stream", [False, True])
async def test_five_rounds_at_most(stream: bool) -> None:
    """The last response is returned after five requests that an authentication asked for."""
    auth = Insistent()
    with serve(answering(REFUSAL)) as server:
        async with AsyncClient() as client:
            r = await client.get(server.url, auth=auth, stream=stream)
            assert await r.aread() == b"no"
            assert len(r.history) == 5
            assert client.pool_stats().in_use == 0
    assert len(server.requests) == 6
    assert auth.rounds == [0, 1, 2, 3, 4, 5]


async def test_each_send_passes_by() -> None:
    """Redirects and retries pass `on_request` too, on headers that begin anew each time."""
    seen: list[str] = []

    def note(request: Request) -> None:
        assert "x-note" not in request.headers
        request.headers["X-Note"] = str(len(seen))
        seen.append(request.target)

    transport = script((503, []), leads("/b"), sets())
    transport.fast = True
    async with AsyncClient(auth=note, retry=RetryPolicy(max_attempts=2), transport=transport) as client:
        await client.get("https://a.test/a")
    assert seen == ["/a", "/a", "/b"]
    assert sent(transport, "X-Note") == ["0", "1", "2"]


class Signer(AuthBase):
    """Signs the body."""

    requires_request_body = True

    def on_request(self, request: Request) -> None:
        assert request.content is not None
        request.headers["X-Sum"] = str(sum(request.content))


async def test_the_body_of_the_request() -> None:
    """`requires_request_body` reads a source into memory first; what is sent is the same, with its length."""
    with serve(answering(response(b"", "Location: /b", status="307 Again"), HELLO)) as server:
        async with AsyncClient(auth=Signer()) as client:
            assert (await client.post(server.url, content=(piece for piece in (b"ab", b"c")))).status_code == 200
    for request in server.requests:
        assert (request.body, request.headers["x-sum"], request.headers["content-length"]) == (b"abc", "294", "3")
        assert "transfer-encoding" not in request.headers


class Reader(AuthBase):
    """Looks at the answer."""

    def __init__(self, wanted: bool) -> None:
        self.requires_response_body = wanted
        self.seen: list[bool] = []

    def on_response(self, request: Request, response: Response) -> None:
        self.seen.append(response.is_buffered)
        assert not response.is_buffered or response.content == BODY_TOO_LONG_TO_DRAIN


@pytest.mark.parametrize("wanted", [False, True])
async def test_the_body_of_the_response(wanted: bool) -> None:
    """`requires_response_body` reads a streamed response before `on_response` sees it."""
    auth = Reader(wanted)
    with serve(answering(response(BODY_TOO_LONG_TO_DRAIN))) as server:
        async with AsyncClient(auth=auth) as client, client.stream("GET", server.url) as r:
            assert b"".join([piece async for piece in r.aiter_bytes()]) == BODY_TOO_LONG_TO_DRAIN
    assert auth.seen == [wanted]


class Broken(AuthBase):
    """Does what it is told."""

    def __init__(self, for_request: Callable[[], Any], for_response: Callable[[], Any]) -> None:
        self._for_request = for_request
        self._for_response = for_response

    def on_request(self, request: Request) -> Any:
        return self._for_request()

    def on_response(self, request: Request, response: Response) -> Any:
        return self._for_response()


def nothing() -> None:
    return None


def fail() -> None:
    raise KeyError("mine")


def spent() -> Request:
    """A request whose body was read."""
    request = Request("POST", "/again", content=iter([b"x"]))
    list(request.iter_body())
    return request


@pytest.mark.parametrize(
    ("auth", "error", "message"),
    [
        (Broken(lambda: "text", nothing), TypeError, "Broken returned str for a request"),
        (Broken(nothing, lambda: 7), TypeError, "Broken returned int for a response"),
        (Broken(fail, nothing), KeyError, "mine"),
        (Broken(nothing, fail), KeyError, "mine"),
        (Broken(nothing, spent), BodyNotReplayable, "cannot be sent again"),
        (BearerAuth(lambda: 7), TypeError, "must give a str"),  # type: ignore[arg-type, return-value]
        (lambda request: "text", TypeError, "must return None or a Request"),
    ],
)
async def test_failures(auth: Any, error: type[Exception], message: str) -> None:
    """Wrong returns are named, exceptions pass as they are, and a response that was waiting gives its connection back."""
    with serve(answering(response(BODY_TOO_LONG_TO_DRAIN))) as server:
        async with AsyncClient(server.url) as client:
            for stream in (False, True):
                with pytest.raises(error, match=message):
                    await client.get(server.url, auth=auth, stream=stream)
                assert client.pool_stats().in_use == 0


async def test_requests_of_ones_own() -> None:
    """A Request that an authentication makes gets the defaults of the client, its base URL too; cookies go along."""

    class Detour(AuthBase):
        def on_request(self, request: Request) -> Request | None:
            return Request("GET", "/detour", headers={"X-From": "request"}) if request.target == "/a" else None

        def on_response(self, request: Request, response: Response) -> Request | None:
            return Request("POST", "/other/", content=b"x") if response.status_code == 401 else None

    transport = script((401, []), leads("landed"), sets())
    async with AsyncClient("https://a.test/", cookies={"c": "1"}, auth=Detour(), transport=transport) as client:
        await client.get("/a", headers={"X-Secret": "of this call"})
    assert [call.url for call in transport.calls] == ["https://a.test/detour", "https://a.test/other/", "https://a.test/other/landed"]
    assert [call.method for call in transport.calls] == ["GET", "POST", "GET"]
    assert sent(transport) == ["c=1"] * 3
    assert sent(transport, "X-From") == ["request", None, None]
    assert sent(transport, "X-Secret") == [None] * 3
    assert all(sent(transport, "User-Agent"))


async def test_redirects_go_on_from_where_an_authentication_led() -> None:
    """After a request to another origin, that one counts: what redirects from there take along is what it was sent."""

    class Handover(AuthBase):
        def on_response(self, request: Request, response: Response) -> Request | None:
            return Request("GET", "https://b.test/x/") if response.status_code == 401 else None

    transport = script((401, []), leads("y"), leads("https://a.test/"), sets())
    async with AsyncClient(auth=Handover(), transport=transport) as client:
        await client.get("https://a.test/", headers={"X-API-Key": "of a", "Cookie": "of=a"})
    assert [call.url for call in transport.calls] == ["https://a.test/", "https://b.test/x/", "https://b.test/x/y", "https://a.test/"]
    assert sent(transport, "X-API-Key") == ["of a", None, None, None]
    assert sent(transport) == ["of=a", None, None, None]


async def test_the_callers_request_stays_as_it_was() -> None:
    """An authentication edits a copy of its own; the Request can be sent again, and headers may be an iterator."""
    with serve(answering(REFUSAL, HELLO)) as server:
        async with AsyncClient(server.url, auth=LateStamp()) as client:
            request = Request("POST", "/", content=b"x", headers={"X": "1"})
            assert (await client.send(request)).status_code == 200
            await client.send(request)
            await client.get("/", headers=iter([("X", "2")]))
            built = client.build_request("GET", "/")
            await client.send(built, auth=("ann", "pw"))
            await client.send(built, auth=None)
            await client.send(built, cookies={"a": "1"})
    assert dict(request.headers) == {"x": "1"}
    assert "x-stamp" not in built.headers
    assert [entry.headers.get("x") for entry in server.requests[:4]] == ["1", "1", "1", "2"]
    assert [entry.headers.get("authorization") for entry in server.requests[4:]] == [basic("ann", "pw"), None, None]
    assert [entry.headers.get("x-stamp") for entry in server.requests[4:]] == [None, None, "first"]
