"""`TestClient`: a blocking client whose requests and WebSockets go to an application in this process."""

from __future__ import annotations

import asyncio
import json
import queue
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import unquote, urlencode, urljoin, urlsplit

from starlette.websockets import WebSocketDisconnect

from fasthttp._io.bridge import loop_thread, run_coroutine
from fasthttp.client import SyncClient
from fasthttp.response import ClientResponse
from fasthttp.transports.asgi import ASGIApp, ASGITransport

__all__ = ["TestClient", "WebSocketDenialResponse", "WebSocketTestSession"]

_PATIENCE = 5.0  # seconds that an application has to end after its WebSocket was closed


class _Transport(ASGITransport):
    def _broken(self) -> None:
        """An application that fails in its response is a shorter response, to a test that asked for no exceptions."""


class TestClient(SyncClient):
    """A client of an application, with no server between.

    As a context manager it runs the application's lifespan; without, requests go to an application that never started.

    Args:
        app: the application.
        base_url: what relative URLs are completed with.
        raise_server_exceptions: let the application's exceptions reach the test; else they are a 500.
        root_path: where the application is mounted.
        backend: "asyncio".
        backend_options: none.
        client: address and port that the application sees.
        options: those of `fasthttp.Client`; redirects are followed.
    """

    __test__ = False  # not a test case, whatever its name looks like

    def __init__(
        self,
        app: ASGIApp,
        base_url: str = "http://testserver",
        raise_server_exceptions: bool = True,
        root_path: str = "",
        backend: Literal["asyncio"] = "asyncio",
        backend_options: Mapping[str, Any] | None = None,
        *,
        client: tuple[str, int] = ("testclient", 50000),
        **options: Any,
    ) -> None:
        if backend != "asyncio":
            raise ValueError(f"backend={backend!r}: there is 'asyncio' only")
        if backend_options:
            raise ValueError(f"backend_options={backend_options!r}: there are none")
        self.app = app
        self._root_path = root_path
        self._peer = client
        self._asgi = _Transport(
            app, root_path=root_path, client=client, raise_app_exceptions=raise_server_exceptions, lifespan="manual", wait_for_return=True
        )
        headers = {"connection": "keep-alive", "user-agent": "testclient", **dict(options.pop("headers", None) or {})}
        super().__init__(base_url, transport=self._asgi, headers=headers, **options)
        self._origin = base_url

    @property
    def app_state(self) -> dict[str, Any]:
        """What the lifespan has yielded."""
        return self._asgi.state

    def __enter__(self) -> TestClient:
        run_coroutine(self._asgi.start())
        return self

    def __exit__(self, *exc_info: object) -> None:
        run_coroutine(self._asgi.aclose())  # and no more: the client may be entered again

    def request(self, method: str, url: str, **options: Any) -> ClientResponse:
        """Send a request; the method is upper-cased."""
        return super().request(method.upper(), url, **options)

    def websocket_connect(
        self,
        url: str,
        subprotocols: Sequence[str] | Mapping[str, str] | None = None,
        headers: Mapping[str, str] | str | None = None,
        query_string: str = "",
        *,
        params: Mapping[str, Any] | None = None,
        cookies: Mapping[str, str] | None = None,
    ) -> WebSocketTestSession:
        """A session, open inside its `with` block.

        Args:
            url: relative to the base, or absolute.
            subprotocols: offered ones. A mapping here is the headers, and a text after it the query.
            headers: more fields of the handshake.
            query_string: without the question mark.
            params, cookies: more of them.
        """
        if isinstance(subprotocols, Mapping):
            subprotocols, headers, query_string = None, subprotocols, headers if isinstance(headers, str) else query_string
        assert not isinstance(headers, str)
        parts = urlsplit(urljoin(self._origin, url))
        query = "&".join(part for part in (parts.query, query_string, urlencode(params or {}, doseq=True)) if part)
        fields = [(b"host", parts.netloc.encode()), (b"connection", b"upgrade"), (b"upgrade", b"websocket")]
        fields += [(b"sec-websocket-key", b"testserver=="), (b"sec-websocket-version", b"13")]
        fields += [(name.lower().encode(), value.encode("latin-1")) for name, value in {**dict(self.headers), **(headers or {})}.items()]
        jar = [f"{name}={value}" for name, value in {**dict(self.cookies.items()), **(cookies or {})}.items()]
        if jar:
            fields.append((b"cookie", "; ".join(jar).encode()))
        if subprotocols:
            fields.append((b"sec-websocket-protocol", ", ".join(subprotocols).encode()))
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": scheme,
            "path": unquote(parts.path or "/"),
            "raw_path": (parts.path or "/").encode(),
            "query_string": query.encode(),
            "root_path": self._root_path,
            "headers": fields,
            "client": self._peer,
            "server": (parts.hostname, parts.port or (443 if scheme == "wss" else 80)),
            "subprotocols": list(subprotocols or ()),
            "state": dict(self._asgi.state),
            "extensions": {"websocket.http.response": {}},
        }
        return WebSocketTestSession(self.app, scope)


class WebSocketDenialResponse(WebSocketDisconnect):
    """The application answered the handshake with a response: `status_code`, `headers`, `content`."""

    def __init__(self, status_code: int, headers: Any, content: bytes) -> None:
        super().__init__(code=1006)
        self.response = ClientResponse(status_code, {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}, content)

    def __getattr__(self, name: str) -> Any:
        if name == "response":
            raise AttributeError(name)
        return getattr(self.response, name)


def _denial(status_code: int, headers: Any, content: bytes) -> Exception:
    known = sys.modules.get("starlette.testclient")
    if known is None:
        return WebSocketDenialResponse(status_code, headers, content)
    # Who has imported Starlette's test client waits for its exception.
    made: Exception = known.WebSocketDenialResponse(status_code=status_code, headers=list(headers), content=content)
    return made


class WebSocketTestSession:
    """The client's end of a WebSocket. Receiving waits until a message comes."""

    __test__ = False

    def __init__(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        self.app = app
        self.scope = scope
        self.accepted_subprotocol: str | None = None
        self.extra_headers: Any = None
        self._sent: queue.Queue[Any] = queue.Queue()  # by the application
        self._closed = False

    def __enter__(self) -> WebSocketTestSession:
        self._loop = loop_thread()
        run_coroutine(self._start())
        self.send({"type": "websocket.connect"})
        try:
            message = self.receive()
            self._raise_on_close(message)
        except BaseException:
            self._end()
            raise
        self.accepted_subprotocol = message.get("subprotocol")
        self.extra_headers = message.get("headers")
        return self

    async def _start(self) -> None:
        self._inbox: asyncio.Queue[Any] = asyncio.Queue()
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        async def send(message: Any) -> None:
            self._sent.put(message)

        try:
            await self.app(self.scope, self._inbox.get, send)
        except BaseException as exc:
            self._sent.put(exc)
            if not isinstance(exc, Exception):
                raise
        else:
            self._sent.put(None)

    def __exit__(self, *exc_info: object) -> None:
        if not self._closed:
            self.close()
        self._end()
        while not self._sent.empty():
            message = self._sent.get_nowait()
            if isinstance(message, BaseException):
                raise message

    def _end(self) -> None:
        """See the application out; one that does not go by itself is cancelled."""
        run_coroutine(self._leave())

    async def _leave(self) -> None:
        done, _ = await asyncio.wait((self._task,), timeout=_PATIENCE)
        if not done:
            self._task.cancel()
            await asyncio.wait((self._task,))

    def _raise_on_close(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            raise WebSocketDisconnect(code=message.get("code", 1000), reason=message.get("reason", ""))
        if message["type"] == "websocket.http.response.start":
            body = b""
            while True:
                part = self.receive()
                body += part.get("body", b"")
                if not part.get("more_body", False):
                    break
            raise _denial(message["status"], message.get("headers", ()), body)

    # --- messages

    def send(self, message: Mapping[str, Any]) -> None:
        """Give the application a message of ASGI's."""
        self._loop.call_soon_threadsafe(self._inbox.put_nowait, message)

    def receive(self) -> Any:
        """The next message of the application's. Raises what the application raised."""
        message = self._sent.get()
        if isinstance(message, BaseException):
            raise message
        if message is None:
            self._sent.put(None)
            raise WebSocketDisconnect(code=1000, reason="the application has returned")
        return message

    def send_text(self, data: str) -> None:
        self.send({"type": "websocket.receive", "text": data})

    def send_bytes(self, data: bytes) -> None:
        self.send({"type": "websocket.receive", "bytes": data})

    def send_json(self, data: Any, mode: Literal["text", "binary"] = "text") -> None:
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        self.send_text(text) if mode == "text" else self.send_bytes(text.encode())

    def close(self, code: int = 1000, reason: str | None = None) -> None:
        """Close from the client's side."""
        self._closed = True
        self.send({"type": "websocket.disconnect", "code": code, "reason": reason})

    def receive_text(self) -> str:
        message = self.receive()
        self._raise_on_close(message)
        return str(message["text"])

    def receive_bytes(self) -> bytes:
        message = self.receive()
        self._raise_on_close(message)
        return bytes(message["bytes"])

    def receive_json(self, mode: Literal["text", "binary"] = "text") -> Any:
        message = self.receive()
        self._raise_on_close(message)
        return json.loads(message["text"] if mode == "text" else message["bytes"])
