"""Pages of other origins: what they are told they may do, and that answers differ by who asks."""

from __future__ import annotations

import asyncio
import itertools
import warnings
from typing import Any

import pytest
from starlette.middleware.cors import CORSMiddleware as StarletteCORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware as StarletteServerErrorMiddleware

from FasterAPI import CORSMiddleware, FastAPI, PlainTextResponse, Request, TestClient
from FasterAPI.exceptions import InsecureCORSWarning
from FasterAPI.middleware import Middleware
from FasterAPI.middleware.errors import ServerErrorMiddleware
from tests.contract.raw_asgi import body_of, exchange, headers_of, status_of

SITE = "https://shop.test"


def answering(*lines: tuple[bytes, bytes]) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(lines)})
        await send({"type": "http.response.body", "body": b"fine"})

    return app


def ask(middleware: Any, origin: str | None, verb: str = "GET", /, **asked: str) -> dict[str, str]:
    lines = [] if origin is None else [(b"origin", origin.encode())]
    lines += [(b"access-control-request-" + name.replace("_", "-").encode(), value.encode()) for name, value in asked.items()]
    sent = exchange(middleware, verb, headers=lines)
    found = {name.decode(): value.decode() for name, value in headers_of(sent).items()}
    return {"status": str(status_of(sent)), "text": body_of(sent).decode(), **found}


def insecure(app: Any, cls: Any = CORSMiddleware, **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InsecureCORSWarning)
        return cls(app, ["*"], allow_credentials=True, **options)


def test_it_is_closed_by_default() -> None:
    """No origin is told anything, answers do not depend on it, and preflight requests are refused."""
    closed = CORSMiddleware(answering())
    assert ask(closed, SITE) == ask(closed, None) == {"status": "200", "text": "fine"}
    refused = ask(closed, SITE, "OPTIONS", method="GET")
    assert (refused["status"], refused["text"]) == ("400", "Disallowed CORS origin")
    assert "access-control-allow-origin" not in refused


def test_a_listed_origin_is_answered_with_itself() -> None:
    """With `Vary: Origin`, which everybody gets: the others are told nothing else, whether they have an origin or not."""
    listed = CORSMiddleware(answering(), [SITE], allow_credentials=True, expose_headers=["X-A", "X-B"])
    assert ask(listed, SITE) == {
        "status": "200",
        "text": "fine",
        "access-control-allow-origin": SITE,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "X-A, X-B",
        "vary": "Origin",
    }
    assert ask(listed, None) == ask(listed, "https://evil.test") == {"status": "200", "text": "fine", "vary": "Origin"}


def test_everybody_may_without_credentials() -> None:
    """`*` is answered by `*`, to those who have an origin; a cache may not give others' answers to them."""
    everybody = CORSMiddleware(answering(), ["*"])
    for origin in (SITE, "null"):
        assert ask(everybody, origin) == {"status": "200", "text": "fine", "access-control-allow-origin": "*", "vary": "Origin"}
    assert ask(everybody, None) == {"status": "200", "text": "fine", "vary": "Origin"}


def test_everybody_with_credentials_is_warned_about() -> None:
    """The answer names the origin of the request, never `*`; who sets it up is told that this trusts every site."""
    with pytest.warns(InsecureCORSWarning, match="lets every site act as your users"):
        CORSMiddleware(answering(), ["*"], allow_credentials=True)
    middleware = insecure(answering())
    assert ask(middleware, SITE)["access-control-allow-origin"] == SITE
    assert ask(middleware, SITE)["vary"] == "Origin"
    assert ask(middleware, SITE, "OPTIONS", method="GET")["access-control-allow-origin"] == SITE
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CORSMiddleware(answering(), ["*"])
        CORSMiddleware(answering(), [SITE], allow_credentials=True)


def test_scheme_and_host_have_no_case() -> None:
    """Neither in the list nor in the request; the answer repeats the request."""
    middleware = CORSMiddleware(answering(), ["https://Shop.TEST"], allow_origin_regex=r"https://[a-z]+\.Shop\.test")
    for origin in ("https://shop.test", "HTTPS://SHOP.test", "https://www.shop.test", "https://WWW.shop.TEST"):
        assert ask(middleware, origin)["access-control-allow-origin"] == origin


def test_a_pattern_matches_the_whole_origin() -> None:
    """Not its beginning, nor its end."""
    middleware = CORSMiddleware(answering(), allow_origin_regex=r"https://.*\.shop\.test")
    assert "access-control-allow-origin" in ask(middleware, "https://a.shop.test")
    for origin in ("https://a.shop.test.evil.test", "evil https://a.shop.test", "https://shop.test", "http://a.shop.test"):
        assert "access-control-allow-origin" not in ask(middleware, origin)


def test_null_has_to_be_listed() -> None:
    """Sandboxed pages of anybody's have it: neither a pattern nor everybody with credentials includes it."""
    assert "access-control-allow-origin" not in ask(CORSMiddleware(answering(), allow_origin_regex=".*"), "null")
    assert "access-control-allow-origin" not in ask(insecure(answering()), "null")
    assert ask(insecure(answering()), "null", "OPTIONS", method="GET")["text"] == "Disallowed CORS origin"
    assert ask(CORSMiddleware(answering(), ["null"]), "null")["access-control-allow-origin"] == "null"


def test_a_text_is_one_origin() -> None:
    """Not a list of characters, of which any part would match; what is no text at all is refused."""
    middleware = CORSMiddleware(answering(), SITE)
    assert ask(middleware, SITE)["access-control-allow-origin"] == SITE
    assert "access-control-allow-origin" not in ask(middleware, "https://shop.te")
    with pytest.raises(TypeError, match="allow_origins holds texts, and 7 is none"):
        CORSMiddleware(answering(), [7])  # type: ignore[list-item]


def test_preflight_requests_are_told_what_they_may() -> None:
    """Methods, headers, for how long, and what the answer depends on."""
    middleware = CORSMiddleware(answering(), [SITE], ["GET", "PUT"], ["X-A"], max_age=30)
    assert ask(middleware, SITE, "OPTIONS", method="PUT", headers="content-type, x-a,") == {
        "status": "200",
        "text": "OK",
        "access-control-allow-origin": SITE,
        "access-control-allow-methods": "GET, PUT",
        "access-control-allow-headers": "Accept, Accept-Language, Content-Language, Content-Type, X-A",
        "access-control-max-age": "30",
        "content-length": "2",
        "content-type": "text/plain; charset=utf-8",
        "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
    }


def test_refused_preflight_requests_are_told_why() -> None:
    """Each reason once, with 400."""
    middleware = CORSMiddleware(answering(), [SITE])
    found = ask(middleware, "https://evil.test", "OPTIONS", method="PUT", headers="x-a, x-b")
    assert (found["status"], found["text"]) == ("400", "Disallowed CORS origin, method, headers")
    assert "access-control-allow-origin" not in found


def test_private_networks_have_to_be_allowed() -> None:
    """A page that asks for one is refused, or told that it may."""
    refused = ask(CORSMiddleware(answering(), [SITE]), SITE, "OPTIONS", method="GET", private_network="true")
    assert (refused["status"], refused["text"]) == ("400", "Disallowed CORS private-network")
    allowed = CORSMiddleware(answering(), [SITE], allow_private_network=True)
    assert ask(allowed, SITE, "OPTIONS", method="GET", private_network="true")["access-control-allow-private-network"] == "true"
    assert "access-control-allow-private-network" not in ask(allowed, SITE, "OPTIONS", method="GET")


@pytest.mark.parametrize(
    ("there", "then"),
    [
        ([], b"Origin"),
        ([b"Accept"], b"Accept, Origin"),
        ([b"Accept", b"Cookie"], b"Accept, Cookie, Origin"),
        ([b"accept, origin"], b"accept, origin"),
        ([b"Accept, *"], b"*"),
        ([b""], b"Origin"),
    ],
)
def test_vary_is_merged(there: list[bytes], then: bytes) -> None:
    """What the application says stays, in one line, and nothing is said twice."""
    sent = exchange(CORSMiddleware(answering(*[(b"Vary", value) for value in there]), [SITE]))
    assert headers_of(sent) == {b"vary": then}


def test_lists_of_headers_are_left_as_they_are() -> None:
    """Answers may share one list; a field that the application has set itself is replaced in the answer only."""
    shared = [(b"Access-Control-Allow-Origin", b"http://old.test"), (b"x-a", b"1")]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": shared})
        await send({"type": "http.response.body"})

    sent = exchange(CORSMiddleware(app, [SITE]), headers=[(b"origin", SITE.encode())])
    assert headers_of(sent) == {b"x-a": b"1", b"access-control-allow-origin": SITE.encode(), b"vary": b"Origin"}
    assert shared == [(b"Access-Control-Allow-Origin", b"http://old.test"), (b"x-a", b"1")]


def application(**options: Any) -> FastAPI:
    app = FastAPI(**options)

    @app.get("/bug")
    async def bug() -> None:
        raise LookupError("a bug")

    @app.post("/body")
    async def body(request: Request) -> int:
        return len(await request.body())

    @app.middleware("http")
    async def passing(request: Request, call_next: Any) -> Any:
        return await call_next(request)

    app.add_middleware(CORSMiddleware, allow_origins=[SITE])
    app.middleware("http")(passing)
    return app


@pytest.mark.parametrize(
    "options", [{}, {"debug": True}, {"exception_handlers": {500: lambda request, exc: PlainTextResponse("sorry", 500)}}]
)
def test_errors_carry_them_too(options: dict[str, Any]) -> None:
    """Also those that are answered further out than this middleware stands: of any exception, by any handler."""
    with TestClient(application(**options), raise_server_exceptions=False) as client:
        for path, status in (("/bug", 500), ("/nowhere", 404)):
            answer = client.get(path, headers={"Origin": SITE})
            assert (answer.status_code, answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (status, SITE, "Origin")
            assert "access-control-allow-origin" not in client.get(path, headers={"Origin": "https://evil.test"}).headers
        assert client.get("/bug").headers["vary"] == "Origin"


def test_a_refused_body_carries_them_too() -> None:
    """413 comes from outside of all middleware."""
    with TestClient(application(max_body_size=3)) as client:
        answer = client.post("/body", content=b"four", headers={"Origin": SITE})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (413, SITE)


def test_an_error_is_raised_on_to_the_server() -> None:
    """Once, after it was answered; one in the middle of an answer starts no other."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError("a bug")

    app = FastAPI(routes=[], middleware=[Middleware(CORSMiddleware, allow_origins=[SITE])])
    app.mount("/", broken)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"origin", SITE.encode())]}
    with pytest.raises(LookupError, match="a bug"):
        asyncio.run(app(scope, send, send))  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["http.response.start"]


def test_errors_are_answered_as_starlette_does() -> None:
    """By nobody's handler, a sync one, an async one, or with the traceback; and raised again."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("a bug")

    async def later(request: Any, exc: Exception) -> Any:
        return PlainTextResponse(f"later {exc}", 500)

    def found(cls: Any, **options: Any) -> list[Any]:
        middleware, sent = cls(broken, **options), []

        async def send(message: Any) -> None:
            sent.append(message)

        async def call() -> None:
            with pytest.raises(LookupError, match="a bug"):
                await middleware({"type": "http", "headers": []}, send, send)

        asyncio.run(call())
        return sent

    options: list[dict[str, Any]] = [{}, {"handler": lambda request, exc: PlainTextResponse(f"now {exc}", 500)}, {"handler": later}]
    for one in options:
        assert found(ServerErrorMiddleware, **one) == found(StarletteServerErrorMiddleware, **one)
    shown = found(ServerErrorMiddleware, debug=True)[1]["body"]
    assert b"Traceback" in shown
    assert b"LookupError: a bug" in shown


def test_websockets_pass() -> None:
    """Browsers ask nobody before they open one: the application has to look at its origin."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    exchange(CORSMiddleware(app, [SITE]), type="websocket")
    assert seen == ["websocket"]


def test_subclasses_decide_for_themselves() -> None:
    """By the methods of Starlette's class, from which ours derives."""

    class Database(CORSMiddleware):
        def is_allowed_origin(self, origin: str) -> bool:
            return origin.endswith(".customer.test")

    assert issubclass(CORSMiddleware, StarletteCORSMiddleware)
    assert ask(Database(answering()), "https://a.customer.test")["access-control-allow-origin"] == "https://a.customer.test"


def test_it_answers_as_starlette_s_does() -> None:
    """Preflight requests always; others where an origin is allowed, or there is none."""
    settings: list[dict[str, Any]] = [
        {"allow_origins": [SITE]},
        {"allow_origins": ["*"]},
        {"allow_origins": ["*"], "allow_credentials": True, "allow_methods": ["*"], "allow_headers": ["*"]},
        {"allow_origin_regex": r"https://.*", "expose_headers": ["X-A"], "allow_headers": ["X-A", "x-b"], "allow_private_network": True},
        {"allow_origins": [SITE, "http://b.test"], "allow_credentials": True, "allow_methods": ("PUT", "GET"), "max_age": 1},
    ]
    origins = [None, SITE, "http://b.test", "http://evil.test"]
    asked: list[dict[str, str]] = [{}, {"method": "GET"}, {"method": "PUT", "headers": "X-A"}, {"method": "X", "private_network": "true"}]
    count = 0
    for options, origin, request, verb in itertools.product(settings, origins, asked, ("GET", "OPTIONS")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", InsecureCORSWarning)
            own, original = (cls(answering((b"vary", b"Cookie")), **options) for cls in (CORSMiddleware, StarletteCORSMiddleware))
        found, expected = ask(own, origin, verb, **request), ask(original, origin, verb, **request)
        if "status" in expected and expected["text"] == "fine" and "access-control-allow-origin" not in expected:
            # A denied origin is told nothing here, where the original goes on about credentials.
            expected = {name: value for name, value in expected.items() if not name.startswith("access-control-")}
        assert found == expected, (options, origin, request, verb)
        count += 1
    assert count == 160
