"""Bodies of requests that come in a content coding: undone where that was asked for, within limits."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest

from FasterAPI import FastAPI, Form, Request, RequestDecompressionMiddleware, TestClient
from tests.contract.raw_asgi import body_of, exchange, headers_of, status_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": lambda data: bytes(brotli.compress(data)),
    "zstd": zstd.compress,
}
TEXT = b'{"name": "lamp"}'


def application(**options: Any) -> FastAPI:
    app = FastAPI()

    @app.post("/json")
    async def of_json(request: Request, item: dict[str, Any]) -> Any:
        return [item, sorted({"content-encoding", "content-length"} & set(request.headers))]

    @app.post("/form")
    async def of_form(name: str = Form()) -> str:
        return name

    @app.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    @app.post("/unread")
    async def unread() -> str:
        return "unread"

    app.add_middleware(RequestDecompressionMiddleware, **options)
    return app


async def counting(scope: Any, receive: Any, send: Any) -> None:
    """A plain application that answers with the sizes of what it has received."""
    sizes = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionResetError
        sizes.append(len(message["body"]))
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": repr(sizes).encode()})


def post(app: Any, body: bytes, coding: str = "gzip", path: str = "/length", *, step: int = 0) -> tuple[int, bytes]:
    pieces = [body[at : at + step] for at in range(0, len(body), step)] if step else [body]
    messages = [{"type": "http.request", "body": piece, "more_body": number < len(pieces)} for number, piece in enumerate(pieces, 1)]
    lines = [(b"content-encoding", coding.encode()), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    sent = exchange(app, "POST", path, headers=lines, messages=messages)
    return status_of(sent), body_of(sent)


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("step", [0, 1])
def test_bodies_are_undone(coding: str, step: int) -> None:
    """Whatever the coding, whole and byte by byte; the application sees no trace of it."""
    assert post(application(), PACK[coding](TEXT), coding.upper(), "/json", step=step) == (200, b'[{"name":"lamp"},[]]')


def test_forms_too() -> None:
    """Everything that reads a body reads the plain one."""
    with TestClient(application()) as client:
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}
        assert client.post("/form", content=gzip.compress(b"name=lamp"), headers=headers).json() == "lamp"


def test_nothing_is_undone_unasked() -> None:
    """Without the middleware, without a coding, and with `identity`, the bytes are what was sent."""
    app, packed = FastAPI(), gzip.compress(TEXT)

    @app.post("/length")
    async def length(request: Request) -> int:
        return len(await request.body())

    assert post(app, packed) == (200, b"%d" % len(packed))
    assert post(application(), TEXT, "identity") == (200, b"16")
    with TestClient(application()) as client:
        assert client.post("/length", content=packed).json() == len(packed)


@pytest.mark.parametrize("coding", PACK)
def test_bombs_are_refused(coding: str) -> None:
    """With 413, by ratio and by size, in an application and without one."""
    bomb = PACK[coding](bytes(10_000_000))
    assert post(application(), bomb, coding) == (413, b'{"detail":"Content Too Large"}')
    assert post(RequestDecompressionMiddleware(counting), bomb, coding) == (413, b"Content Too Large")
    large = PACK[coding](bytes(range(256)) * 5000)
    assert post(application(max_ratio=1e9, max_size=1_000_000), large, coding)[0] == 413
    assert post(application(max_ratio=1e9, max_size=1_280_000), large, coding) == (200, b"1280000")
    assert post(application(max_ratio=1e9, max_size=None), bomb, coding) == (200, b"10000000")


def test_short_bodies_may_repeat_themselves() -> None:
    """The ratio counts beyond 64 KiB."""
    assert post(application(max_ratio=1), gzip.compress(bytes(65_536))) == (200, b"65536")
    assert post(application(max_ratio=1), gzip.compress(bytes(65_537)))[0] == 413


def test_pieces_are_bounded() -> None:
    """However much a few bytes become, an application that streams holds a MiB of it at a time."""
    status, sizes = post(RequestDecompressionMiddleware(counting, max_ratio=2000), gzip.compress(bytes(20 << 20)))
    assert status == 200
    found = [int(size) for size in sizes.decode().strip("[]").split(",")]
    assert (sum(found), max(found)) == (20 << 20, 1 << 20)


@pytest.mark.parametrize(
    "broken", [b"not gzip at all", gzip.compress(TEXT)[:-4], gzip.compress(TEXT) + b"more"], ids=["corrupt", "cut", "followed"]
)
def test_broken_bodies_are_refused(broken: bytes) -> None:
    """Corrupt, cut short, followed by something else: 400, and the operation does not run."""
    for step in (0, 1):
        status, text = post(application(), broken, "gzip", "/json", step=step)
        assert (status, b"Content-Encoding" in text) == (400, True)
        assert post(RequestDecompressionMiddleware(counting), broken, step=step)[0] == 400


@pytest.mark.parametrize("coding", ["compress", "gzip, compress", "gzip, gzip", "gzip,gzip,gzip,gzip,gzip"])
def test_other_codings_are_refused(coding: str) -> None:
    """With 415, and what would be taken; so is what is packed twice, of which a little is work without end."""
    sent = exchange(application(), "POST", "/length", headers=[(b"content-encoding", coding.encode())])
    assert status_of(sent) == 415
    assert headers_of(sent)[b"accept-encoding"] == b"gzip, deflate, br, zstd"


def test_a_body_that_nobody_reads_is_not_undone() -> None:
    """A bomb that is left alone does no harm."""
    assert post(application(), b"not gzip", path="/unread") == (200, b'"unread"')


async def test_a_client_that_leaves() -> None:
    """Is not the end of a body; and what was refused once stays refused."""
    messages = [{"type": "http.request", "body": gzip.compress(TEXT)[:5], "more_body": True}, *[{"type": "http.disconnect"}] * 2]
    seen: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            try:
                seen.append((await receive())["type"])
            except Exception as exc:
                seen.append(getattr(exc, "status_code", exc))

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-encoding", b"gzip")]}
    await RequestDecompressionMiddleware(app)(dict(scope), receive, seen.append)  # type: ignore[arg-type]
    messages = [{"type": "http.request", "body": b"x" * 20, "more_body": True}]
    await RequestDecompressionMiddleware(app)(dict(scope), receive, seen.append)  # type: ignore[arg-type]
    assert seen == ["http.disconnect", "http.disconnect", 400, 400]


def test_limits_are_positive() -> None:
    """Others are refused when it is made."""
    for options in ({"max_ratio": 0}, {"max_size": 0}, {"max_size": -1}):
        with pytest.raises(ValueError, match="limits are positive numbers"):
            RequestDecompressionMiddleware(counting, **options)
