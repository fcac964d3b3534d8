"""Answers in content codings: who gets which, what is left alone, and that streams stay streams."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import random
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
from starlette.middleware.gzip import GZipMiddleware as StarletteGZipMiddleware

from FasterAPI import (
    CompressionMiddleware,
    CORSMiddleware,
    FastAPI,
    FileResponse,
    GZipMiddleware,
    PlainTextResponse,
    RequestDecompressionMiddleware,
    StreamingResponse,
    TestClient,
    TrustedHostMiddleware,
)
from FasterAPI.middleware import Middleware
from tests.contract.raw_asgi import body_of, exchange, headers_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"the quick brown fox, " * 100
UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "br": lambda data: bytes(brotli.decompress(data)),
    "zstd": zstd.decompress,
    "deflate": zlib.decompress,
}
LAYERS: list[Any] = [CompressionMiddleware, GZipMiddleware, CORSMiddleware, TrustedHostMiddleware, RequestDecompressionMiddleware]
Lines = list[tuple[bytes, bytes]]
PLAIN: Lines = [(b"content-type", b"text/plain")]


def saying(*pieces: bytes, status: int = 200, lines: Lines = PLAIN, **start: Any) -> Any:
    """An application that sends these pieces."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": lines, **start})
        for number, piece in enumerate(pieces, 1):
            await send({"type": "http.response.body", "body": piece, "more_body": number < len(pieces)})

    return app


def ask(middleware: Any, accepted: str | None = "gzip", method: str = "GET") -> tuple[dict[bytes, bytes], bytes]:
    sent = exchange(middleware, method, headers=[] if accepted is None else [(b"accept-encoding", accepted.encode())])
    return headers_of(sent), body_of(sent)


@pytest.mark.parametrize("coding", UNPACK)
def test_whole_bodies(coding: str) -> None:
    """Are compressed in one piece, whose length is announced; what is read back is what was sent."""
    middleware = CompressionMiddleware(saying(TEXT, lines=[*PLAIN, (b"Content-Length", b"2100")]), encodings=[coding])
    fields, body = ask(middleware, f"{coding};q=0.5")
    assert UNPACK[coding](body) == TEXT
    assert fields == {
        b"content-type": b"text/plain",
        b"content-encoding": coding.encode(),
        b"content-length": b"%d" % len(body),
        b"vary": b"Accept-Encoding",
    }


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br, zstd", b"zstd"),
        ("gzip, br", b"br"),
        ("br;q=0.1, gzip;q=0.2", b"gzip"),
        ("gzip;q=0", None),
        ("*;q=0", None),
        ("*", b"zstd"),
        ("identity, gzip;q=0.9", None),
        ("", None),
        (None, None),
        ("br, " + "x" * 300, b"br"),
    ],
)
def test_negotiation(accepted: str | None, chosen: bytes | None) -> None:
    """By weights; whoever takes none gets the body as it is, marked as one of several."""
    fields, body = ask(CompressionMiddleware(saying(TEXT)), accepted)
    assert fields.get(b"content-encoding") == chosen
    assert (body == TEXT) == (chosen is None)
    assert fields[b"vary"] == b"Accept-Encoding"


def test_several_fields_are_one_list() -> None:
    """Lines of one name are read together."""
    sent = exchange(GZipMiddleware(saying(TEXT)), headers=[(b"accept-encoding", b"br"), (b"accept-encoding", b"gzip")])
    assert headers_of(sent)[b"content-encoding"] == b"gzip"


def test_gzip_offers_gzip_only() -> None:
    """Whatever else the client would take."""
    assert ask(GZipMiddleware(saying(TEXT)), "br, zstd, gzip;q=0.1")[0][b"content-encoding"] == b"gzip"
    assert b"content-encoding" not in ask(GZipMiddleware(saying(TEXT)), "br, zstd, gzip;q=0")[0]


LEFT: dict[str, dict[str, Any]] = {
    "coded": {"lines": [(b"Content-Encoding", b"br"), *PLAIN]},
    "identity": {"lines": [(b"content-encoding", b"identity")]},
    "partial": {"status": 206},
    "no content": {"status": 204},
    "not modified": {"status": 304},
    "no transformation": {"lines": [(b"Cache-Control", b"public, No-Transform")]},
    "events": {"lines": [(b"content-type", b"text/event-stream; charset=utf-8")]},
    "image": {"lines": [(b"content-type", b"IMAGE/PNG")]},
    "video": {"lines": [(b"content-type", b"video/mp4")]},
    "grpc": {"lines": [(b"content-type", b"application/grpc+proto")]},
    "archive": {"lines": [(b"content-type", b"application/zip")]},
}


@pytest.mark.parametrize("kind", LEFT)
@pytest.mark.parametrize("pieces", [(TEXT,), (TEXT, TEXT)])
def test_what_is_left_alone(kind: str, pieces: tuple[bytes, ...]) -> None:
    """Goes out message by message as it came, with no field more."""
    app = saying(*pieces, **LEFT[kind])
    for middleware in (GZipMiddleware(app), CompressionMiddleware(app)):
        for accepted in (b"gzip", b"gzip;q=0"):
            assert exchange(middleware, headers=[(b"accept-encoding", accepted)]) == exchange(app)


def test_what_is_left_alone_can_be_chosen() -> None:
    """By type or by family, with whatever parameters."""
    middleware = CompressionMiddleware(saying(TEXT), exclude_content_types=["Text/*; charset=utf-8"])
    assert ask(middleware) == (dict(PLAIN), TEXT)
    events = saying(TEXT, lines=[(b"content-type", b"text/event-stream")])
    assert ask(CompressionMiddleware(events, exclude_content_types=()))[0][b"content-encoding"] == b"gzip"
    drawing = saying(TEXT, lines=[(b"content-type", b"image/svg+xml")])
    assert ask(CompressionMiddleware(drawing))[0][b"content-encoding"] == b"gzip"


def test_small_bodies_are_left_alone() -> None:
    """Also those that come in pieces and were announced; there is one variant only, and so no `Vary`."""
    for pieces in ((b"x" * 499,), (b"x" * 400, b"x" * 99), (b"", b"x" * 499, b"")):
        app = saying(*pieces, lines=[(b"content-length", b"499")])
        assert exchange(GZipMiddleware(app), headers=[(b"accept-encoding", b"gzip")]) == exchange(app)
    assert ask(GZipMiddleware(saying(b"x" * 500)))[0][b"content-encoding"] == b"gzip"
    assert ask(GZipMiddleware(saying(b"x"), minimum_size=1))[0][b"content-encoding"] == b"gzip"
    assert ask(GZipMiddleware(saying(b""), minimum_size=0)) == (dict(PLAIN), b"")


def test_head_has_no_body_to_compress() -> None:
    """Its fields stay, and say that the answer to GET depends on what the client takes."""
    lines = [*PLAIN, (b"content-length", b"2100"), (b"etag", b'"a"')]
    assert ask(GZipMiddleware(saying(b"", lines=lines)), method="HEAD") == ({**dict(lines), b"vary": b"Accept-Encoding"}, b"")
    small = [*PLAIN, (b"content-length", b"21")]
    assert ask(GZipMiddleware(saying(b"", lines=small)), method="HEAD") == (dict(small), b"")


@pytest.mark.parametrize(("before", "after"), [(b'"a"', b'W/"a"'), (b'W/"a"', b'W/"a"'), (b"broken", b"broken")])
def test_a_strong_validator_is_weakened(before: bytes, after: bytes) -> None:
    """The bytes are others now; ranges of them are not served, and `Vary` is merged."""
    lines = [(b"ETag", before), (b"Accept-Ranges", b"bytes"), (b"Vary", b"Cookie")]
    fields, body = ask(GZipMiddleware(saying(TEXT, lines=lines)))
    length = b"%d" % len(body)
    assert fields == {b"ETag": after, b"vary": b"Cookie, Accept-Encoding", b"content-encoding": b"gzip", b"content-length": length}
    fields, _ = ask(GZipMiddleware(saying(TEXT, lines=lines)), None)
    assert fields == {b"ETag": before, b"Accept-Ranges": b"bytes", b"vary": b"Cookie, Accept-Encoding"}


def test_trailers_mean_no_length() -> None:
    """A body before trailers is chunked."""
    assert b"content-length" not in ask(GZipMiddleware(saying(TEXT, lines=[(b"content-length", b"2100")], trailers=True)))[0]


@pytest.mark.parametrize("coding", UNPACK)
@pytest.mark.parametrize("cls", [CompressionMiddleware, GZipMiddleware])
async def test_streams_flow(coding: str, cls: Any) -> None:
    """When an item was sent, all of it can be read, before the next one is made; an empty one sends nothing."""
    if cls is GZipMiddleware and coding != "gzip":
        pytest.skip("gzip only")
    machine = {
        "gzip": lambda: zlib.decompressobj(31),
        "deflate": zlib.decompressobj,
        "br": brotli.Decompressor,
        "zstd": zstd.ZstdDecompressor,
    }
    undo: Any = machine[coding]()
    read = undo.process if coding == "br" else undo.decompress
    arrived: list[bytes] = []
    starts: list[Any] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            starts.append(dict(message["headers"]))
        else:
            arrived.append(read(message["body"]) if message["body"] else b"")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"777")]})
        for number in range(4):
            item = b"item %d" % number
            await send({"type": "http.response.body", "body": item, "more_body": True})
            assert arrived[-1] == item
            await send({"type": "http.response.body", "body": b"", "more_body": True})
            assert arrived[-1] == b""
        await send({"type": "http.response.body", "body": b"end"})

    middleware = cls(app) if cls is GZipMiddleware else cls(app, encodings=[coding])
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"accept-encoding", coding.encode())]}
    nobody: Any = None  # receives anything
    await middleware(scope, nobody, send)
    assert (b"".join(arrived), len(starts)) == (b"item 0item 1item 2item 3end", 1)
    assert starts[0] == {b"content-encoding": coding.encode(), b"vary": b"Accept-Encoding"}
    assert undo.is_finished() if coding == "br" else undo.eof


@pytest.mark.parametrize("kind", ["text/event-stream", "application/jsonl", "text/plain"])
@pytest.mark.parametrize("accepted", [b"br", b"gzip;q=0"])
async def test_no_item_is_delayed(kind: str, accepted: bytes) -> None:
    """Each is on its way before the next is made, whichever middleware it passes; events are not even compressed."""
    order: list[str] = []

    async def items() -> Any:
        for number in range(3):
            order.append(f"made {number}")
            yield b"data: %d\n\n" % number

    app = FastAPI(middleware=[Middleware(cls) for cls in LAYERS])
    app.add_route("/", lambda request: StreamingResponse(items(), media_type=kind))
    fields: dict[bytes, bytes] = {}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            fields.update(message["headers"])
        order.append("sent" if message.get("body") else message["type"])

    async def receive() -> Any:
        await asyncio.Event().wait()

    lines = [(b"accept-encoding", accepted), (b"host", b"shop.test"), (b"origin", b"https://shop.test")]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": lines, "asgi": {"spec_version": "2.4"}}
    await app(scope, receive, send)
    made = [entry for entry in order if not entry.startswith("http.")]
    assert made[:6] == ["made 0", "sent", "made 1", "sent", "made 2", "sent"]
    assert (b"content-encoding" in fields) == (accepted == b"br" and kind != "text/event-stream")


def test_lists_of_fields_are_left_as_they_are() -> None:
    """Answers may share one."""
    lines = [(b"content-length", b"2100"), (b"vary", b"Cookie")]
    kept = list(lines)
    for accepted in ("gzip", None):
        ask(GZipMiddleware(saying(TEXT, lines=lines)), accepted)
    assert lines == kept


def test_large_pieces_are_compressed_in_threads() -> None:
    """Whole or of a stream, and small ones where they are."""
    threads: list[str] = []

    class Watched(bytes):
        def __bytes__(self) -> bytes:
            threads.append(threading.current_thread().name)
            return bytes.__getitem__(self, slice(None))

    noise = random.Random(1).randbytes(70_000)
    for piece in (Watched(noise), Watched(b"x" * 600)):
        for app in (saying(piece), saying(piece, piece)):
            threads.clear()
            _, body = ask(CompressionMiddleware(app, thread_minimum_size=65_536))
            assert set(gzip.decompress(body)) == set(piece)
            assert {name == threading.main_thread().name for name in threads} == {len(piece) < 65_536}


def test_files_that_the_server_sends() -> None:
    """Are not touched: their bytes never pass here."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": PLAIN})
        await send({"type": "http.response.pathsend", "path": "/etc/hosts"})

    assert exchange(GZipMiddleware(app), headers=[(b"accept-encoding", b"gzip")]) == exchange(app)


def test_other_messages_pass() -> None:
    """In their place, those before the start too."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.early_hint", "links": []})
        await saying(TEXT, trailers=True)(scope, receive, send)
        await send({"type": "http.response.trailers", "headers": []})

    sent = exchange(GZipMiddleware(app), headers=[(b"accept-encoding", b"gzip")])
    kinds = [message["type"].rpartition(".")[2] for message in sent]
    assert kinds == ["early_hint", "start", "body", "trailers"]


def test_one_inside_of_the_other() -> None:
    """Compress once."""
    fields, body = ask(CompressionMiddleware(GZipMiddleware(saying(TEXT))), "gzip, br")
    assert (fields[b"content-encoding"], gzip.decompress(body), fields[b"vary"]) == (b"gzip", TEXT, b"Accept-Encoding")


def test_what_cannot_be_is_refused_when_it_is_made() -> None:
    """Codings that nobody knows, and levels that a coding does not have."""
    with pytest.raises(ValueError, match="there is no 'lzma'"):
        CompressionMiddleware(saying(), encodings=["lzma"])
    with pytest.raises(ValueError, match="there is no 'gz'"):
        CompressionMiddleware(saying(), levels={"gz": 1})
    for coding in ("gzip", "br", "zstd"):
        with pytest.raises(ValueError, match=f"{coding} has no level 999"):
            CompressionMiddleware(saying(), levels={coding: 999})
    with pytest.raises(ValueError, match="gzip has no level 10"):
        GZipMiddleware(saying(), compresslevel=10)


def test_levels() -> None:
    """Are those of each coding."""
    text = b" ".join(b"%d" % (number * number) for number in range(3000))
    for coding, low, high in (("gzip", 1, 9), ("br", 0, 11), ("zstd", 1, 19)):
        small, large = (len(ask(CompressionMiddleware(saying(text), levels={coding: level}), coding)[1]) for level in (high, low))
        assert small < large
    assert len(ask(GZipMiddleware(saying(text)))[1]) < len(ask(GZipMiddleware(saying(text), compresslevel=1))[1])


def test_a_missing_library_shortens_the_offer() -> None:
    """Nothing fails: the client gets the next best."""
    code = """
import sys
sys.modules["brotli"] = sys.modules["backports.zstd"] = sys.modules["compression.zstd"] = None
from FasterAPI import CompressionMiddleware
print(CompressionMiddleware(None, levels={'br': 5}).encodings)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "('gzip',)"


def test_in_an_application() -> None:
    """With files, streams and errors of the framework's own."""
    app = FastAPI(middleware=[Middleware(CompressionMiddleware, minimum_size=100)])

    @app.get("/text")
    def text() -> PlainTextResponse:
        return PlainTextResponse(TEXT)

    @app.get("/stream")
    def stream() -> StreamingResponse:
        return StreamingResponse([TEXT, TEXT], media_type="text/plain")

    @app.get("/file")
    def file() -> FileResponse:
        return FileResponse(__file__)

    with TestClient(app) as client:
        for path, length in (("/text", 2100), ("/stream", 4200), ("/file", None)):
            answer = client.get(path, headers={"Accept-Encoding": "br"})
            assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("br", "Accept-Encoding")
            assert length is None or len(answer.content) == length
        assert client.get("/file", headers={"Accept-Encoding": "br", "Range": "bytes=0-199"}).headers.get("content-encoding") is None
        assert client.get("/nowhere", headers={"Accept-Encoding": "br"}).headers.get("content-encoding") is None


def test_it_answers_as_starlette_s_does() -> None:
    """Same fields and same text, whether the client takes gzip or not; but for what is left alone here only."""

    def read(fields: dict[bytes, bytes], body: bytes) -> bytes:
        return gzip.decompress(body) if fields.get(b"content-encoding") == b"gzip" else body

    bodies = ((TEXT,), (b"small",), (TEXT, TEXT), (b"", b"late"))
    fieldsets: list[Lines] = [PLAIN, [(b"content-type", b"image/png")], [(b"content-encoding", b"br")], [(b"vary", b"Cookie")], []]
    for pieces, status, lines in itertools.product(bodies, (200, 206, 404), fieldsets):
        for accepted in ("gzip", None, "br"):
            fields, body = ask(GZipMiddleware(saying(*pieces, status=status, lines=list(lines))), accepted)
            expected, original = ask(StarletteGZipMiddleware(saying(*pieces, status=status, lines=list(lines))), accepted)
            assert fields == expected
            assert read(fields, body) == read(expected, original)
