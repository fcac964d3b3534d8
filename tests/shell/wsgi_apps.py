"""WSGI applications for the tests of both colours."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Environ = dict[str, Any]
Start = Callable[..., Callable[[bytes], Any]]
OK = "200 OK"
TEXT = ("Content-Type", "text/plain")


class Echo:
    """Tells what it was sent; knows a few paths that do something else. `closed` counts the iterables that were closed."""

    def __init__(self) -> None:
        self.closed = 0
        self.environ: Environ = {}

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        self.environ = environ
        path = environ["PATH_INFO"]
        if path == "/mirror":
            return Closing(self, mirror(environ, start))
        if path == "/endless":
            return Closing(self, endless(start))
        if path == "/redirect":
            start("302 Found", [TEXT, ("Location", "/landed"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
            return [b""]
        if path == "/gzip":
            start(OK, [TEXT, ("Content-Encoding", "gzip")])
            return [gzip.compress(b"zipped " * 1000)]
        if path.startswith("/status/"):
            start(f"{path[8:]} Chosen", [] if path[8:] in ("204", "304") else [TEXT])
            return [] if path[8:] in ("204", "304") else [b"body"]
        seen = {name: value for name, value in environ.items() if isinstance(value, str)}
        seen["body"] = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        body = json.dumps(seen).encode()
        start(OK, [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("X-App", "echo")])
        return Closing(self, iter([body]))


class Closing:
    """An iterable that tells when it is closed."""

    def __init__(self, app: Echo, items: Iterator[bytes]) -> None:
        self._app = app
        self._items = items

    def __iter__(self) -> Iterator[bytes]:
        return self._items

    def __next__(self) -> bytes:
        return next(self._items)

    def close(self) -> None:
        self._app.closed += 1


def mirror(environ: Environ, start: Start) -> Iterator[bytes]:
    """Each line of the body as soon as it is here; the head comes with the first."""
    start(OK, [TEXT])
    while line := environ["wsgi.input"].readline(100):
        yield line


def endless(start: Start) -> Iterator[bytes]:
    start(OK, [TEXT])
    while True:
        yield b"again"


def serving(*pieces: Any, status: str = OK, fields: Iterable[tuple[str, str]] = (TEXT,)) -> Any:
    """An application that answers with these pieces; one that is an exception is raised."""

    def app(environ: Environ, start: Start) -> Iterator[Any]:
        start(status, list(fields))
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    return app


def reading(read: Callable[[Any], Any]) -> Any:
    """An application that answers with what `read` makes of its input."""

    def app(environ: Environ, start: Start) -> list[bytes]:
        result = read(environ["wsgi.input"])
        start(OK, [TEXT])
        return [repr(result).encode()]

    return app


def writing(environ: Environ, start: Start) -> list[bytes]:
    """Uses `write()` before its iterable."""
    write = start(OK, [TEXT])
    write(b"written ")
    write(b"")
    write(b"first, ")
    return [b"then ", b"given"]


def recovering(environ: Environ, start: Start) -> list[bytes]:
    """Begins a response, fails, and replaces it while that is still possible."""
    start(OK, [TEXT, ("Content-Length", "99")])
    try:
        raise KeyError("inner")
    except KeyError:
        start("503 Busy", [TEXT], sys.exc_info())
        return [b"sorry"]


def too_late(environ: Environ, start: Start) -> Iterator[bytes]:
    """Wants to replace a response whose first bytes are out."""
    start(OK, [TEXT])
    yield b"out"
    try:
        raise KeyError("inner")
    except KeyError:
        start("500 No", [TEXT], sys.exc_info())
    yield b"never"


def too_late_after_write(environ: Environ, start: Start) -> list[bytes]:
    """The same, its bytes given to `write()`."""
    start(OK, [TEXT])(b"out")
    try:
        raise KeyError("inner")
    except KeyError:
        start("500 No", [TEXT], sys.exc_info())
    return []


def twice(environ: Environ, start: Start) -> list[bytes]:
    start(OK, [TEXT])
    start(OK, [TEXT])
    return []


def silent(environ: Environ, start: Start) -> list[bytes]:
    """Never calls `start_response`."""
    return [b"body"]
