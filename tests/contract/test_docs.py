"""Every code block of the documentation runs as it is printed, against a small application in a server that is not ours.

Blocks find URL (the server), PROXY (the same server, which also answers as a proxy) and SOCKET (the same application
behind a unix socket); the working directory is empty. What a block prints is what the comments behind its `print` calls
say. Blocks of a shell are run by one, as whole scripts, and their output is compared.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import socketserver
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import parse_http_list, parse_keqv_list

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PYTHON = re.compile(r"```python\n(.*?)```", re.S)
CONSOLE = re.compile(r"```console\n(.*?)```", re.S)
PROMISED = re.compile(r"^ *print\(.*\) +# .*$(?:\n *# .*$)*", re.M)  # more lines stand under the comment
IMAGE = b"disk" * 50_000
PAIR = ("ann", "s3cret")


def blocks(pattern: re.Pattern[str]) -> list[Any]:
    return [
        pytest.param(block, id=f"{page.stem}-{number}")
        for page in sorted(DOCS.glob("*.md"))
        for number, block in enumerate(pattern.findall(page.read_text("utf-8")))
    ]


class Handler(BaseHTTPRequestHandler):
    """Tells what it was sent; some paths are special. Asked as a proxy, it answers itself, and opens no tunnel."""

    protocol_version = "HTTP/1.1"
    stopping = threading.Event()
    asked = 0  # requests for /flaky since the block began

    def do_GET(self) -> None:
        body = self.sent = self.read_body()
        path = urlsplit(self.path).path
        special = getattr(self, "do_" + path[1:].replace(".", "_"), None)
        if special is not None:
            special()
        else:
            self.echo(body)

    do_POST = do_PUT = do_GET

    def read_body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def echo(self, body: bytes) -> None:
        seen: dict[str, Any] = {"method": self.command, "target": self.path, "query": urlsplit(self.path).query}
        seen["headers"] = {name.lower(): value for name, value in self.headers.items()}
        seen["size"] = len(body)
        kind = self.headers.get("content-type", "")
        if kind.startswith("multipart/"):
            form: Any = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
            seen["parts"] = [
                [
                    part.get_param("name", header="content-disposition"),
                    part.get_filename(),
                    part["content-type"],
                    len(part.get_payload(decode=True)),
                ]
                for part in form.get_payload()
            ]
        self.answer(200, seen)

    def answer(self, status: int, value: Any, *headers: tuple[str, str]) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in (("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    # --- paths that do not tell what they were sent

    def do_prices(self) -> None:
        """Two events of a feed of six, from the one behind the caller's last, and then the connection drops."""
        last = int(self.headers.get("last-event-id", 0))
        self.close_connection = True
        self.send_response(204 if last >= 6 else 200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        if last < 6:
            for number in (last + 1, last + 2):
                self.wfile.write(f'retry: 10\nid: {number}\nevent: price\ndata: {{"lamp": {number * 10}}}\n\n'.encode())

    def do_lines(self) -> None:
        self.answer(200, "".join(f"line {number}\n" for number in range(100)).encode())

    def do_missing(self) -> None:
        self.answer(404, {"detail": "Not Found"})

    def do_slow(self) -> None:
        self.stopping.wait(2)
        self.answer(200, {})

    def do_old(self) -> None:
        self.answer(302, {}, ("Location", "/items"))

    def do_down(self) -> None:
        self.answer(503, {})

    def do_flaky(self) -> None:
        Handler.asked += 1
        self.answer(200 if Handler.asked % 3 == 0 else 503, {"asked": Handler.asked})

    def do_login(self) -> None:
        lines = ("sid=a1b2; HttpOnly", "theme=dark; Max-Age=3600", "evil=1; Domain=bank.test")
        self.answer(200, {}, *(("Set-Cookie", line) for line in lines))

    def do_graphql(self) -> None:
        """Knows one book, and says so of others."""
        variables = json.loads(self.sent).get("variables", {})
        if variables.get("id", 1) == 1:
            self.answer(200, {"data": {"book": {"title": "The Wire", "pages": 240}}})
        else:
            self.answer(200, {"data": {"book": None}, "errors": [{"message": "no such book"}]})

    # --- authentication

    def do_token(self) -> None:
        self.answer(200, {"access_token": "fresh", "token_type": "Bearer", "expires_in": 3600})

    def do_basic(self) -> None:
        self.admit(self.headers.get("authorization") == "Basic " + b64encode(":".join(PAIR).encode()).decode(), 'Basic realm="docs"')

    def do_bearer(self) -> None:
        self.admit(self.headers.get("authorization") == "Bearer fresh", "Bearer")

    def do_digest(self) -> None:
        given = parse_keqv_list(parse_http_list(self.headers.get("authorization", "").removeprefix("Digest ")))

        def digest(*parts: str) -> str:
            return hashlib.sha256(":".join(parts).encode()).hexdigest()

        right = given and digest(
            digest(PAIR[0], "docs", PAIR[1]), "n0nce", given["nc"], given["cnonce"], "auth", digest(self.command, self.path)
        )
        self.admit(bool(given) and given["response"] == right, 'Digest realm="docs", nonce="n0nce", algorithm=SHA-256, qop="auth"')

    def admit(self, right: bool, challenge: str) -> None:
        self.answer(200, {}) if right else self.answer(401, {}, ("WWW-Authenticate", challenge))

    # --- files and uploads

    def do_disk_img(self) -> None:
        """A file; who asks for all of it under another name loses the connection on the way."""
        asked = self.headers.get("range")
        start = int(asked[len("bytes=") :].split("-")[0]) if asked else 0
        headers = [("ETag", '"v1"')]
        if asked:
            headers.append(("Content-Range", f"bytes {start}-{len(IMAGE) - 1}/{len(IMAGE)}"))
        if not asked and self.path == "/cut.img":
            self.close_connection = True
            self.send_response(200)
            self.send_header("ETag", '"v1"')
            self.send_header("Content-Length", str(len(IMAGE)))
            self.end_headers()
            self.wfile.write(IMAGE[:120_000])
        else:
            self.answer(206 if asked else 200, IMAGE[start:], *headers)

    do_cut_img = do_disk_img

    def handle_expect_100(self) -> bool:
        if self.path != "/full":
            return super().handle_expect_100()
        self.close_connection = True
        self.answer(413, {"detail": "no room"})
        return False

    # --- as a proxy

    def do_CONNECT(self) -> None:
        self.answer(403, b"<h1>The proxy's own page</h1>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextlib.contextmanager
def serving(server: Any) -> Iterator[Any]:
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    Handler.stopping.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def fresh_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests have imported of the framework whose name ours can take: a block begins as a program does."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "fastapi"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the blocks know beforehand."""
    path = str(tmp_path_factory.mktemp("docs") / "app.sock")
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server, serving(UnixServer(path, Handler)):
        url = f"http://127.0.0.1:{server.server_address[1]}"
        yield {"URL": url, "PROXY": url, "SOCKET": path}


def agree(printed: str, said: list[str]) -> None:
    """Each line that was printed is the one that was promised, in which `…` stands for anything."""
    lines = printed.splitlines()
    assert len(lines) == len(said), f"printed {lines}, the page says {said}"
    for line, promise in zip(lines, said, strict=True):
        pattern = ".*".join(re.escape(piece) for piece in promise.split("…"))
        assert re.fullmatch(pattern, line), f"printed {line!r}, the page says {promise!r}"


@pytest.mark.parametrize("block", blocks(PYTHON))
def test_block(block: str, names: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The block runs as it is printed, and prints what its comments say."""
    if "import opentelemetry" in block or "from opentelemetry" in block:
        pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.lower().endswith("_proxy") or name == "NETRC"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FASTHTTP_ALLOW_HOSTS", "localhost")  # what the pages tell their readers
    Handler.asked = 0
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(block, "docs", "exec"), {**names, "__name__": "__main__"})
    agree(out.getvalue(), [line.partition("# ")[2] for found in PROMISED.findall(block) for line in found.splitlines()])


@pytest.mark.parametrize("block", blocks(CONSOLE))
def test_console(block: str, names: dict[str, str], tmp_path: Path) -> None:
    """The commands behind the prompts, run as one script, print the lines between them."""
    lines = block.splitlines()
    commands = [line[2:] for line in lines if line.startswith("$ ")]
    script = "\n".join([f'fasthttp() {{ "{sys.executable}" -m fasthttp "$@"; }}', *commands])
    environment = {**os.environ, **names, "PYTHONWARNINGS": "error", "FASTHTTP_ALLOW_HOSTS": "127.0.0.1"}
    command = ["sh", "-c", script]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=False
    )
    agree(done.stdout, [line for line in lines if not line.startswith("$ ")])


def test_every_page_is_in_the_index() -> None:
    """The index links every page, and every link between pages leads somewhere."""
    pages = {page.name for page in DOCS.glob("*.md")}
    linked = set(re.findall(r"\]\(([a-z-]+\.md)", (DOCS / "README.md").read_text("utf-8")))
    assert linked == pages - {"README.md"}
    for page in DOCS.glob("*.md"):
        for link in re.findall(r"\]\((?!http)([^)#]+)", page.read_text("utf-8")):
            assert (DOCS / link).exists(), f"{page.name} links {link}"
