"""`WSGIMiddleware`: an application of WSGI's (PEP 3333) in a thread, its bodies as streams in both directions."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import Any

import anyio.from_thread
import anyio.to_thread
from starlette.types import Receive, Scope, Send

__all__ = ["WSGIMiddleware"]


class WSGIMiddleware:
    """Serves an application of WSGI's, usually under `app.mount(...)`.

    It runs in the thread pool. Its input is received as it reads, and each of its items has been sent before it goes on,
    so that neither body has to fit in memory.

    Args:
        app: a function of (environ, start_response).
    """

    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"WSGI applications speak HTTP only, not {scope['type']}")
        await anyio.to_thread.run_sync(_Call(self.app, scope, receive, send).run)


class _Input(io.RawIOBase):
    """The body of a request, read from a thread."""

    def __init__(self, receive: Receive) -> None:
        self._receive: Any = receive
        self._rest = b""
        self._more = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while self._more and not self._rest:
            message = anyio.from_thread.run(self._receive)
            if message["type"] != "http.request":
                raise ConnectionResetError("the client has left before the end of its body")
            self._rest = message.get("body", b"")
            self._more = message.get("more_body", False)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


class _Call:
    """One request, in its thread."""

    def __init__(self, app: Callable[..., Any], scope: Scope, receive: Receive, send: Send) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive
        self._send: Any = send
        self._start: dict[str, Any] | None = None
        self._started = False

    def run(self) -> None:
        items = self._app(_environ(self._scope, io.BufferedReader(_Input(self._receive))), self._start_response)
        try:
            for item in items:
                if item:
                    self._write(item)
            self._write(b"", more=False)
        finally:
            if hasattr(items, "close"):
                items.close()

    def _start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        if self._start is not None and exc_info is None:
            raise RuntimeError("start_response was called twice without exc_info (PEP 3333)")
        if self._started:
            raise exc_info[1].with_traceback(exc_info[2])
        lines = [(name.strip().lower().encode("latin-1"), value.strip().encode("latin-1")) for name, value in headers]
        self._start = {"type": "http.response.start", "status": int(status[:3]), "headers": lines}
        return self._write

    def _write(self, body: bytes, more: bool = True) -> None:
        if not self._started:
            if self._start is None:
                raise RuntimeError("the WSGI application has not called start_response")
            self._started = True
            anyio.from_thread.run(self._send, self._start)
        anyio.from_thread.run(self._send, {"type": "http.response.body", "body": body, "more_body": more})


def _environ(scope: Scope, body: io.BufferedReader) -> dict[str, Any]:
    """The environment that PEP 3333 asks for. Its texts hold bytes: Latin-1, one character each."""
    root: str = scope.get("root_path", "")
    path: str = scope["path"]
    if path == root or path.startswith(root.rstrip("/") + "/"):
        path = path[len(root.rstrip("/")) :]
    server = scope.get("server") or ("localhost", 80)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root.encode().decode("latin-1"),
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": scope.get("query_string", b"").decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": "" if server[1] is None else str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scope.get("client"):
        environ["REMOTE_ADDR"] = scope["client"][0]
    for name, value in scope["headers"]:
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}" if key in environ else text
    return environ
