"""`WSGITransport`: a WSGI application in this process, with no socket between (PEP 3333). Blocking, and starts no thread."""

from __future__ import annotations

import io
import re
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.util import is_hop_by_hop

from fasthttp.errors import IncompleteRead, RemoteDisconnected, RemoteProtocolError
from fasthttp.models import Request
from fasthttp.response import ClientResponse, Response, from_wire
from fasthttp.transports.base import BaseTransport
from httpwire.headers import check_name, check_value
from httpwire.status import has_no_body

__all__ = ["WSGITransport"]

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_STATUS = re.compile(r"([2-9][0-9][0-9]) ([^\x00-\x08\x0a-\x1f\x7f]*)")
_LENGTH = re.compile(r"[0-9]{1,19}")


class WSGITransport(BaseTransport):
    """Answers requests with an application.

    It reads the request's body as that comes, and its response is read as it is produced; what it gives to `write()`
    waits in memory, since nobody reads before the application has returned. `close()` of its iterable is always called.
    An async client runs every step in a worker thread, and an async request body on the shared loop thread.

    Args:
        app: a WSGI application.
        script_name: where it is mounted; taken off the path where a URL begins with it.
        remote_addr: address that it sees.
        raise_app_exceptions: let its exceptions reach the caller; else they are a 500, or a broken body, and their
            traceback goes to stderr.
    """

    def __init__(self, app: WSGIApp, *, script_name: str = "", remote_addr: str = "127.0.0.1", raise_app_exceptions: bool = True) -> None:
        if script_name and (script_name[0] != "/" or script_name[-1] == "/"):
            raise ValueError(f"script_name={script_name!r} must be empty, or begin with a slash and end without one")
        self.app = app
        self._script_name = script_name.encode().decode("latin-1")
        self._remote_addr = remote_addr
        self._raise = raise_app_exceptions

    def handle(self, request: Request) -> Response:
        exchange = _Exchange(request, raising=self._raise)
        exchange.begin(self.app, self._environ(request, exchange.input))
        response = from_wire(ClientResponse, exchange.status, exchange.fields, exchange.reason, request)
        for name, value in exchange.fields:
            if name == b"content-encoding":
                response._coding = value
        response._source = exchange
        return response

    def _environ(self, request: Request, body: Any) -> dict[str, Any]:
        url = request.parsed_url
        path = unquote_to_bytes(url.path).decode("latin-1")
        mount = self._script_name
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": mount,
            "PATH_INFO": path[len(mount) :] if path == mount or path.startswith(f"{mount}/") else path,
            "QUERY_STRING": url.query or "",
            "SERVER_NAME": url.host,
            "SERVER_PORT": str(url.port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self._remote_addr,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": url.scheme,
            "wsgi.input": body,
            "wsgi.input_terminated": True,  # so that a body without a length is read to its end
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, raw in request.headers.raw:
            if b"_" in name:
                continue  # `X_A` would pass for `X-A`; servers drop it too
            key = name.decode("ascii").upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                key = f"HTTP_{key}"
            value = raw.decode("latin-1")
            if key in environ:
                value = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ', '}{value}"
            environ[key] = value
        return environ


class _RequestBody(io.RawIOBase):
    """The pieces of a request's body as a file, each read when the application asks for it."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._rest or next(self._pieces, b"")
        size = min(len(data), len(buffer))
        buffer[:size] = data[:size]
        self._rest = data[size:]
        return size

    def close(self) -> None:
        if not self.closed and hasattr(self._pieces, "close"):
            self._pieces.close()
        super().close()


class _Exchange:
    """One request and its response: `start_response` of the application, and the body source of the client.

    The client may let go in one thread while another is inside the application: whoever is last closes the iterable.
    """

    trailers: Iterable[tuple[bytes, bytes]] = ()
    _ended = True

    def __init__(self, request: Request, *, raising: bool) -> None:
        self.input = io.BufferedReader(_RequestBody(iter(request.iter_body())))
        self.status = 0
        self.reason = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.content_length: int | None = None
        self._head_only = request.method == "HEAD"
        self._raising = raising
        self._iterable: Any = ()
        self._items: Iterator[bytes] = iter(())
        self._ready: list[bytes] = []  # pieces that nobody has taken yet
        self._head_sent = False
        self._received = 0
        self._ended = False
        self._gone = False
        self._busy = threading.Lock()

    # --- the application's side

    def begin(self, app: WSGIApp, environ: dict[str, Any]) -> None:
        """Run the application to its first byte, which is when its head is final."""
        try:
            self._iterable = app(environ, self._start_response)
            self._items = iter(self._iterable)
            self._fill()
            if self._head_only or has_no_body(self.status):
                self._ready.clear()
                self._end()
        except BaseException as exc:
            self.abandon()
            if self._raising or not isinstance(exc, Exception):
                raise
            traceback.print_exc()
            self.status, self.reason = 500, b"Internal Server Error"
            self.fields = [(b"content-type", b"text/plain; charset=utf-8")]
            self.content_length = None
            self._ready = [] if self._head_only else [self.reason]
        if not self.status:
            self.abandon()
            raise RemoteDisconnected("the application gave no response: start_response was not called before the first bytes")
        self._head_sent = True

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info:
            try:
                if self._head_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # its traceback holds this frame
        elif self.status:
            raise RuntimeError("start_response was called already; only with exc_info can it be called again")
        match = _STATUS.fullmatch(status)
        if match is None:
            raise ValueError(f"status {status!r} is not three digits from 200 on, a space and a phrase")
        fields: list[tuple[bytes, bytes]] = []
        length: int | None = None
        for name, value in headers:
            check_name(name)
            if is_hop_by_hop(name):
                raise ValueError(f"header {name!r} is for the connection, which is not the application's (PEP 3333)")
            fields.append((name.lower().encode("ascii"), check_value(name, value).encode("latin-1")))
            if fields[-1][0] == b"content-length":
                if not _LENGTH.fullmatch(value) or length is not None:
                    raise ValueError(f"Content-Length {value!r} is not one number")
                length = int(value)
        self.status, self.reason, self.fields = int(match[1]), match[2].encode("latin-1"), fields
        self.content_length = None if self._head_only or has_no_body(self.status) else length
        return self._write

    def _write(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError(f"write() takes bytes, not {type(data).__name__}")
        if data:
            self._ready.append(data)
            self._head_sent = True

    def _fill(self) -> None:
        """Let the application go on until there are bytes, or it has ended."""
        while not self._ready and not self._ended:
            for item in self._items:
                if not isinstance(item, bytes):
                    raise TypeError(f"the application's iterable gave {type(item).__name__}; it must give bytes")
                if item:
                    self._ready.append(item)
                    break
            else:
                self._end()

    def _end(self) -> None:
        """Nothing more is wanted of the application."""
        iterable, self._iterable = self._iterable, ()
        self._items = iter(())
        self._ended = True
        try:
            if hasattr(iterable, "close"):
                iterable.close()
        finally:
            self.input.close()

    # --- the client's side

    def next(self) -> bytes:
        """The next bytes, empty at the end."""
        with self._busy:
            try:
                self._fill()
            except Exception as exc:
                if self._raising:
                    raise
                traceback.print_exc()
                raise RemoteProtocolError("the application failed inside its response") from exc
            data = b"".join(self._ready)
            self._ready.clear()
        if self._gone:
            self.abandon()
        self._received += len(data)
        expected = self.content_length
        if expected is not None and self._received > expected:
            raise RemoteProtocolError(f"the application sent more than the {expected} bytes that its Content-Length announced")
        if expected is not None and not data and self._received < expected:
            raise IncompleteRead(self._received, expected)
        return data

    def close(self) -> None:
        """Let go before the end."""
        self.abandon()

    def release(self) -> None:
        """Nothing is shared that could be given back."""

    def abandon(self) -> None:
        """Let go; a step that is still running in another thread does the rest when it is done."""
        self._gone = True
        if self._busy.acquire(blocking=False):
            try:
                self._end()
            except Exception:
                traceback.print_exc()  # the reader is gone: nobody else could be told
            finally:
                self._busy.release()

    def __del__(self) -> None:
        # A call that timed out leaves the response of its worker thread to nobody.
        if not self._ended:
            self.abandon()
