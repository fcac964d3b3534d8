"""The neutral server: nginx where it is installed, otherwise a bare ASGI function on uvicorn. Also that fallback's program.

Both serve `/json` (17 bytes), `/varied` (the same with a request number in the head, so that no two heads are alike),
`/1k`, `/100k` to any method, and `/post`, which answers after it has read the body; all again under TLS on a second port.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SMALL = b'{"hello":"world"}'
FILES = {"1k": b"0123456789abcdef" * 64, "100k": b"0123456789abcdef" * 6400}

_NGINX = """\
daemon off;
worker_processes 1;
{user}
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 8192; multi_accept on; }}
http {{
    access_log off;
    default_type application/octet-stream;
    keepalive_requests 100000000;
    keepalive_timeout 600s;
    tcp_nodelay on;
    sendfile on;
    client_max_body_size 0;
    client_body_buffer_size 1m;
    open_file_cache max=16;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} reuseport backlog=4096;
        {tls}
        server_name localhost;
        root {folder}/files;
        location = /json {{ default_type application/json; return 200 '{small}'; }}
        location = /varied {{ add_header X-Request-Id $request_id; default_type application/json; return 200 '{small}'; }}
        location = /answered {{ internal; default_type application/json; return 200 '{small}'; }}
        # nginx reads a body for somebody it passes it to: the mirror is that, and drops it. The file handler then
        # refuses any method but GET and HEAD (405), which is made the constant answer.
        location = /post {{ default_type application/json; mirror /dropped; mirror_request_body on; error_page 405 =200 /answered; }}
        location = /dropped {{ internal; return 204; }}
    }}
}}
"""

_NGINX_TLS = """\
listen 127.0.0.1:{port} ssl reuseport backlog=4096;
        ssl_certificate {folder}/cert.pem;
        ssl_certificate_key {folder}/key.pem;"""


@dataclass(frozen=True)
class Server:
    """A running server: what it is, where it listens, and the CA file of its TLS side (empty without one)."""

    name: str
    url: str
    tls_url: str
    ca: str


def cores() -> tuple[int | None, int | None]:
    """A core for the client and another for the server; None where cores cannot be chosen, twice the same on one core."""
    if not hasattr(os, "sched_getaffinity"):
        return None, None
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def pin(core: int | None) -> None:
    """Keep the calling process, and what it starts, on one core."""
    if core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})


def plain_environment() -> dict[str, str]:
    """The environment without what would send some libraries, and not others, through a proxy or to other certificates."""
    foreign = {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    return {name: value for name, value in os.environ.items() if name not in foreign and not name.lower().endswith("_proxy")}


def free_port() -> int:
    """A port of the loopback that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def make_certificate(folder: Path) -> bool:
    """Write cert.pem, key.pem and ca.pem; False if there is neither trustme nor openssl."""
    try:
        import trustme
    except ImportError:
        return _openssl_certificate(folder)
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(folder / "cert.pem", append=number > 0)
    return True


def _openssl_certificate(folder: Path) -> bool:
    if shutil.which("openssl") is None:
        return False
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    shutil.copyfile(folder / "cert.pem", folder / "ca.pem")
    return True


def start(command: list[str], core: int | None, **options: Any) -> subprocess.Popen[Any]:
    """Start a process on a core; it is there from its first instruction, so its children are as well."""
    before: Callable[[], None] | None = None
    if core is not None:
        before = lambda: pin(core)  # noqa: E731
    return subprocess.Popen(command, preexec_fn=before, **options)


def stop(process: subprocess.Popen[Any]) -> None:
    """End a process that `start` made."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(port: int, process: subprocess.Popen[Any], seconds: float = 15.0) -> None:
    """Return once something listens on the port. Raises `RuntimeError` if the process ends first or takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with code {process.returncode}")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.02)
    raise RuntimeError(f"the server did not listen on port {port} within {seconds:g} s")


@contextmanager
def serve(core: int | None = None, *, kind: str | None = None, tls: bool = True) -> Iterator[Server]:
    """Run the neutral server.

    Args:
        core: what it is pinned to.
        kind: `nginx` or `uvicorn`; None for the first that there is.
        tls: whether the TLS side is wanted; without it no certificate is made.
    """
    nginx = shutil.which("nginx") if kind in (None, "nginx") else None
    if kind == "nginx" and nginx is None:
        raise RuntimeError("nginx is not on PATH")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        secure = tls and make_certificate(folder)
        port, tls_port = free_port(), free_port()
        if nginx is not None:
            process = _start_nginx(nginx, folder, port, tls_port if secure else None, core)
            stack.callback(stop, process)
            wait_for(port, process)
            name = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True).stderr.rpartition(" ")[2].strip()
        else:
            for number in (port, tls_port)[: 1 + secure]:
                command = [sys.executable, str(Path(__file__).resolve()), str(number)]
                process = start(command + ([str(folder)] if number == tls_port else []), core)
                stack.callback(stop, process)
                wait_for(number, process)
            name = "uvicorn (a Python server: nginx is not on PATH)" if kind is None else "uvicorn (a Python server)"
        yield Server(name, f"http://127.0.0.1:{port}", f"https://127.0.0.1:{tls_port}", str(folder / "ca.pem") if secure else "")


def _start_nginx(nginx: str, folder: Path, port: int, tls_port: int | None, core: int | None) -> subprocess.Popen[Any]:
    files = folder / "files"
    files.mkdir()
    for name, content in (*FILES.items(), ("post", SMALL)):
        (files / name).write_bytes(content)
    user = "user root;" if hasattr(os, "getuid") and os.getuid() == 0 else ""  # the temporary folder is nobody else's
    config = folder / "nginx.conf"
    secure = "" if tls_port is None else _NGINX_TLS.format(folder=folder, port=tls_port)
    config.write_text(_NGINX.format(folder=folder, user=user, port=port, tls=secure, small=SMALL.decode()), "utf-8")
    return start([nginx, "-p", str(folder), "-c", str(config)], core)


# --- the fallback's program: servers.py PORT [FOLDER_OF_CERTIFICATE]


def _fields(kind: bytes, content: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"content-type", kind), (b"content-length", str(len(content)).encode())]


_ANSWERS = {f"/{name}": (content, _fields(b"application/octet-stream", content)) for name, content in FILES.items()}
_numbers = itertools.count()
_SMALL = SMALL, _fields(b"application/json", SMALL)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """A bare ASGI function: reads the body, sends a constant."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    content, headers = _ANSWERS.get(scope["path"], _SMALL)
    if scope["path"] == "/varied":
        headers = [*headers, (b"x-request-id", b"%032x" % next(_numbers))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def main() -> None:
    """Serve `application` until told to stop."""
    import uvicorn

    options: dict[str, Any] = {}
    if len(sys.argv) > 2:
        folder = Path(sys.argv[2])
        options = {"ssl_certfile": str(folder / "cert.pem"), "ssl_keyfile": str(folder / "key.pem")}
    config = uvicorn.Config(
        application, port=int(sys.argv[1]), lifespan="off", log_level="error", access_log=False, timeout_keep_alive=600, **options
    )
    server = uvicorn.Server(config)
    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        server.run()


if __name__ == "__main__":
    main()
