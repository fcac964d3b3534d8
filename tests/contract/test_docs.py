"""Every code block of the documentation runs, against a small application in a server that is not ours."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted(DOCS.glob("*.md"))
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.S))
]


class Handler(BaseHTTPRequestHandler):
    """Tells what it was sent; has a slow page, a page of lines, a stream of events, and a page that is missing."""

    protocol_version = "HTTP/1.1"
    stopping = threading.Event()

    def do_GET(self) -> None:
        size = int(self.headers.get("content-length", 0))
        self.rfile.read(size)
        path, _, query = self.path.partition("?")
        if path == "/slow":
            self.stopping.wait(2)
        if path == "/prices":
            self.send_prices()
            return
        if path == "/lines":
            body = "".join(f"line {number}\n" for number in range(100)).encode()
        elif path == "/missing":
            body = b'{"detail": "Not Found"}'
        else:
            body = json.dumps({"query": query, "headers": {name.lower(): value for name, value in self.headers.items()}}).encode()
        self.send_response(404 if path == "/missing" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def send_prices(self) -> None:
        """Two events of a feed of six, from the one behind the caller's last, and then the connection drops."""
        last = int(self.headers.get("last-event-id", 0))
        self.close_connection = True
        self.send_response(204 if last >= 6 else 200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        if last < 6:
            for number in (last + 1, last + 2):
                self.wfile.write(f'retry: 10\nid: {number}\nevent: price\ndata: {{"lamp": {number * 10}}}\n\n'.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the server listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    Handler.stopping.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("block", BLOCKS)
def test_block(block: str, url: str) -> None:
    """The block runs as it is printed, with URL as the server's address."""
    exec(compile(block, "docs", "exec"), {"URL": url, "__name__": "__main__"})
