"""A server that does what a test tells it, byte for byte. Knows nothing of the code under test.

Each connection gets a thread that runs the test's function with a `Peer`.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

HELLO = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 17\r\n\r\n" + b'{"hello":"world"}'


class Received:
    """One request as it arrived."""

    def __init__(self, head: bytes, body: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.head = head
        self.line = lines[0]
        self.method, self.target, _ = lines[0].split(" ", 2)
        self.fields = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
        self.headers = {name.lower(): value for name, value in self.fields}
        self.body = body


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, number: int, server: Server) -> None:
        self.sock = sock
        self.number = number
        self.server = server
        self._buffer = b""

    def receive(self) -> bytes:
        """Whatever comes next; empty at the end."""
        try:
            data = self.sock.recv(65536)
        except OSError:
            data = b""
        self._buffer += data
        return data

    def read_head(self) -> bytes | None:
        """A request head with its empty line, None at the end of the connection."""
        while b"\r\n\r\n" not in self._buffer:
            if not self.receive():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def read(self) -> Received | None:
        """A whole request, None at the end of the connection."""
        head = self.read_head()
        if head is None:
            return None
        request = Received(head, b"")
        if "content-length" in request.headers:
            size = int(request.headers["content-length"])
            while len(self._buffer) < size and self.receive():
                pass
            request.body, self._buffer = self._buffer[:size], self._buffer[size:]
        elif request.headers.get("transfer-encoding") == "chunked":
            request.body = self._read_chunks()
        self.server.requests.append(request)
        return request

    def _read_chunks(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self._buffer:
                if not self.receive():
                    return body
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            size = int(line, 16)
            while len(self._buffer) < size + 2:
                if not self.receive():
                    return body
            body += self._buffer[:size]
            self._buffer = self._buffer[size + 2 :]
            if not size:
                return body

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError:
            pass

    def drip(self, data: bytes, interval: float) -> None:
        """Send a byte at a time until the client or the server goes."""
        for at in range(len(data)):
            if self.server.stopping.wait(interval):
                return
            try:
                self.sock.sendall(data[at : at + 1])
            except OSError:
                return

    def wait(self) -> None:
        """Say nothing until the client or the server goes."""
        while not self.server.stopping.is_set():
            try:
                self.sock.settimeout(0.05)
                if not self.sock.recv(65536):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def reset(self) -> None:
        """End the connection with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Server:
    """What a test sees of it: where it listens, what it was sent, how many came."""

    def __init__(self, handler: Callable[[Peer], None], context: ssl.SSLContext | None = None, family: int = socket.AF_INET) -> None:
        self._handler = handler
        self._context = context
        self.requests: list[Received] = []
        self.connections = 0
        self.open_now = 0
        self.most_open = 0
        self.stopping = threading.Event()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1" if family == socket.AF_INET else "::1", 0), family=family, backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self.host = "127.0.0.1" if family == socket.AF_INET else "[::1]"
        self.url = f"http{'s' if context else ''}://{self.host}:{self.port}"

    def start(self) -> None:
        self._run(self._accept)

    def _run(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self.connections += 1
                self.open_now += 1
                self.most_open = max(self.most_open, self.open_now)
                self._sockets.append(sock)
            self._run(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, number: int) -> None:
        try:
            if self._context is not None:
                sock = self._context.wrap_socket(sock, server_side=True)
            self._handler(Peer(sock, number, self))
        except OSError:
            pass
        finally:
            try:
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            sock.close()
            with self._changed:
                self.open_now -= 1
                self._changed.notify_all()

    def wait_until_closed(self) -> None:
        """Return when no connection is open on the server's side."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.open_now == 0, 5)

    def stop(self) -> None:
        self.stopping.set()
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(5)


@contextmanager
def serve(handler: Callable[[Peer], None], context: ssl.SSLContext | None = None, family: int = socket.AF_INET) -> Iterator[Server]:
    """Run a scripted server for the length of a block."""
    server = Server(handler, context, family)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def answering(*answers: bytes, close: bool = False) -> Callable[[Peer], None]:
    """A handler that gives these answers in turn, the last one for ever; `close`: one answer a connection."""

    def handler(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            number = len(peer.server.requests) - 1
            peer.send(answers[min(number, len(answers) - 1)])
            if close:
                return
            del request

    return handler


def response(body: bytes = b"", *fields: str, status: str = "200 OK") -> bytes:
    """The bytes of a response with a counted body."""
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def chunked(*chunks: bytes, fields: tuple[str, ...] = (), trailers: tuple[str, ...] = ()) -> bytes:
    """The bytes of a response with a chunked body."""
    head = "\r\n".join(["HTTP/1.1 200 OK", *fields, "Transfer-Encoding: chunked", "", ""]).encode("latin-1")
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + body + b"0\r\n" + "".join(f"{line}\r\n" for line in trailers).encode("latin-1") + b"\r\n"
