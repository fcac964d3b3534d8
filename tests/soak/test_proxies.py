"""Through a proxy that other people wrote: tinyproxy, where it is installed.

Run by `make soak`, which sets FASTHTTP_SOAK=1; skipped otherwise, and where the program is not found.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from fasthttp import AsyncClient, ProxyError, SyncClient
from tests.shell.server import answering, response, serve

TINYPROXY = shutil.which("tinyproxy")
if os.environ.get("FASTHTTP_SOAK") != "1":
    pytest.skip("long campaigns; set FASTHTTP_SOAK=1, as `make soak` does", allow_module_level=True)
if TINYPROXY is None:
    pytest.skip("tinyproxy is not installed", allow_module_level=True)

LARGE = b"z" * 3_000_000


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a proxy that wants a password."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    settings = tmp_path_factory.mktemp("proxy") / "tinyproxy.conf"
    lines = (f"Port {port}", "Listen 127.0.0.1", "Timeout 20", "MaxClients 50", "BasicAuth user hunter2", "LogLevel Critical")
    settings.write_text("\n".join(lines) + "\n")
    assert TINYPROXY is not None
    with subprocess.Popen([TINYPROXY, "-d", "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.02)
            yield port
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(ca: trustme.CA, tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """What a server and a client need for TLS between them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return context, tmp_path / "ca.pem"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_async(proxy: int, secure: tuple[ssl.SSLContext, Path], scheme: str) -> None:
    """Requests large and small come through, and the origin sees nothing of the password."""
    answers = (response(b"small"), response(LARGE), response(b"again"))
    with serve(answering(*answers), secure[0] if scheme == "https" else None) as server:
        async with AsyncClient(proxy=f"http://user:hunter2@127.0.0.1:{proxy}", verify=secure[1]) as client:
            assert (await client.get(f"{server.url}/a?b")).content == b"small"
            assert (await client.post(f"{server.url}/c", content=LARGE)).content == LARGE
            assert (await client.get(server.url)).content == b"again"
    assert [request.target for request in server.requests] == ["/a?b", "/c", "/"]
    assert server.requests[1].body == LARGE
    assert not any("proxy-authorization" in request.headers for request in server.requests)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_blocking(proxy: int, secure: tuple[ssl.SSLContext, Path], scheme: str) -> None:
    """The same with a blocking client."""
    answers = (response(b"small"), response(LARGE), response(b"again"))
    proxied = SyncClient(proxy=f"http://user:hunter2@127.0.0.1:{proxy}", verify=secure[1])
    with serve(answering(*answers), secure[0] if scheme == "https" else None) as server, proxied as client:
        assert client.get(f"{server.url}/a?b").content == b"small"
        assert client.post(f"{server.url}/c", content=LARGE).content == LARGE
        assert client.get(server.url).content == b"again"
    assert [request.target for request in server.requests] == ["/a?b", "/c", "/"]
    assert server.requests[1].body == LARGE
    assert not any("proxy-authorization" in request.headers for request in server.requests)


@pytest.mark.parametrize(("scheme", "user"), [("http", ""), ("https", ""), ("https", "user:wrong@")])
def test_refused(proxy: int, scheme: str, user: str) -> None:
    """Without the password, or with another, it is a ProxyError, also where the proxy spells the refusal its own way."""
    with SyncClient(proxy=f"http://{user}127.0.0.1:{proxy}") as client:
        with pytest.raises(ProxyError) as caught:
            client.get(f"{scheme}://127.0.0.1:9/")
        assert client.pool_stats().open == 0
    assert caught.value.status_code in (401, 407)
    assert "wrong" not in str(caught.value)
