# Generated from tests/shell/_async/test_tls.py by scripts/unasync.py; change that file instead.
"""TLS: who is trusted, what is shown, what failures say, and which connections may be shared."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme

from fasthttp import SyncClient, CertificateError, ConnectError, ReadError, RemoteProtocolError, TLSError, WriteError
from tests.shell.server import HELLO, Peer, answering, response, serve


def test_trusted(server_context: ssl.SSLContext, ca_file: Path) -> None:
    """With the right CA the answer comes, large and small, and the connection is reused and tells its TLS version."""
    large = response(b"x" * 500_000)
    with serve(answering(HELLO, large, HELLO), server_context) as server:
        with SyncClient(verify=str(ca_file)) as client:
            r = client.get(server.url)
            assert r.connection.tls_version in ("TLSv1.2", "TLSv1.3")
            assert (client.post(server.url, content=b"y" * 300_000)).content == b"x" * 500_000
            assert (client.get(server.url)).json() == {"hello": "world"}
    assert server.connections == 1
    assert server.requests[1].body == b"y" * 300_000


def test_untrusted(server_context: ssl.SSLContext) -> None:
    """An unknown CA is a CertificateError with reason and host, for verify=True of the call also after verify=False."""
    with serve(answering(HELLO), server_context) as server:
        with SyncClient(verify=False) as client:
            assert (client.get(server.url)).status_code == 200
            with pytest.raises(CertificateError, match=r"certificate of 127\.0\.0\.1 is not accepted") as caught:
                client.get(server.url, verify=True)
            assert (client.get(server.url)).connection.reused
    assert isinstance(caught.value, (TLSError, ConnectError))
    assert isinstance(caught.value.__cause__, ssl.SSLError)


def test_wrong_host(ca: trustme.CA, ca_file: Path) -> None:
    """A certificate for another host is a CertificateError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("other.test").configure_cert(context)
    with serve(answering(HELLO), context) as server:
        with SyncClient(verify=ca_file) as client:
            with pytest.raises(CertificateError):
                client.get(server.url)
            assert client.pool_stats().open == 0


def test_the_name_of_the_url_is_checked(server_context: ssl.SSLContext, ca_file: Path) -> None:
    """With a resolver of one's own, the name that is sent and checked stays the URL's."""
    names: list[str | None] = []
    server_context.sni_callback = lambda sock, name, context: names.append(name)
    with serve(answering(HELLO), server_context) as server:
        with SyncClient(verify=ca_file, resolver=lambda host, port: ["127.0.0.1"]) as client:
            client.get(f"https://localhost:{server.port}/")
            with pytest.raises(CertificateError):
                client.get(f"https://evil.test:{server.port}/")
            client.get(server.url)
    assert names == ["localhost", "evil.test", None]


def test_client_certificates(server_context: ssl.SSLContext, ca_file: Path, client_cert: tuple[Path, Path]) -> None:
    """A server that requires a certificate answers with one and refuses without."""
    with serve(answering(HELLO), server_context) as server:
        with SyncClient(verify=ca_file, cert=client_cert) as client:
            assert (client.get(server.url)).status_code == 200
        with SyncClient(verify=ca_file) as client:
            # In TLS 1.3 the refusal comes after the handshake, and the close behind it may overtake it.
            with pytest.raises((TLSError, ReadError, WriteError)):
                client.get(server.url)


def test_plain_server_on_https() -> None:
    """A server that speaks plain HTTP on https: TLSError with the hint."""

    def handler(peer: Peer) -> None:
        peer.receive()
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serve(handler) as server:
        with SyncClient() as client:
            with pytest.raises(TLSError, match="plain HTTP"):
                client.get(server.url.replace("http:", "https:"))


def test_tls_server_on_http(server_context: ssl.SSLContext) -> None:
    """A TLS server on http: RemoteProtocolError with the hint, or the end of the connection."""
    with serve(answering(HELLO), server_context) as server:
        with SyncClient() as client:
            with pytest.raises((RemoteProtocolError, ConnectionError)):
                client.get(server.url.replace("https:", "http:"))


def test_environment_names_the_trust_store(server_context: ssl.SSLContext, ca_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSL_CERT_FILE replaces the system's store, unless trust_env is off."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with serve(answering(HELLO), server_context) as server:
        with SyncClient() as client:
            assert (client.get(server.url)).status_code == 200


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    """Missing files and settings that exclude each other are refused by the constructor."""
    with pytest.raises(ValueError, match=r"nowhere\.pem"):
        SyncClient(verify=str(tmp_path / "nowhere.pem"))
    with pytest.raises(ValueError, match=r"nowhere\.pem"):
        SyncClient(cert=str(tmp_path / "nowhere.pem"))
    with pytest.raises(ValueError, match="verify= and ssl_context="):
        SyncClient(verify=False, ssl_context=ssl.create_default_context())
    with pytest.raises(ValueError, match="cert= and ssl_context="):
        SyncClient(cert=__file__, ssl_context=ssl.create_default_context())


def test_a_context_of_the_callers(server_context: ssl.SSLContext, ca_file: Path) -> None:
    """A context of one's own is used as it is."""
    context = ssl.create_default_context(cafile=str(ca_file))
    with serve(answering(HELLO), server_context) as server:
        with SyncClient(ssl_context=context) as client:
            assert (client.get(server.url)).status_code == 200
        with SyncClient(verify=context) as client:
            assert (client.get(server.url)).connection.reused is False


def test_idle_tls_connections_that_were_closed(server_context: ssl.SSLContext, ca_file: Path) -> None:
    """A TLS connection that the server closed while idle is not used, also for POST."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(HELLO)

    with serve(handler, server_context) as server:
        with SyncClient(verify=ca_file) as client:
            for _ in range(3):
                assert (client.post(server.url)).status_code == 200
                server.wait_until_closed()
    assert server.connections == 3
