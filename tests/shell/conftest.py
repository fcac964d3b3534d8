"""A certificate authority of the tests' own, and servers and clients that trust it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme


@pytest.fixture(scope="session")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def server_context(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1", "localhost", "origin.test").configure_cert(context)
    return context


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def client_cert(ca: trustme.CA, server_context: ssl.SSLContext, tmp_path: Path) -> tuple[Path, Path]:
    """Certificate and key of a client; with this fixture the server requires one."""
    server_context.verify_mode = ssl.CERT_REQUIRED
    ca.configure_trust(server_context)
    cert = ca.issue_cert("client.test")
    paths = tmp_path / "c.pem", tmp_path / "k.pem"
    cert.cert_chain_pems[0].write_to_path(str(paths[0]))
    cert.private_key_pem.write_to_path(str(paths[1]))
    return paths
