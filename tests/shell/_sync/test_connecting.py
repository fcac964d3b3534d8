# Generated from tests/shell/_async/test_connecting.py by scripts/unasync.py; change that file instead.
"""Connecting: addresses that are raced, sockets in the file system, and what is said when nobody answers."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from fasthttp import SyncClient, ConnectError, ConnectTimeout, DNSError, HTTPTransport, Timeout, TotalTimeout, UnsupportedScheme
from tests.shell.deaf import deaf_port
from tests.shell.server import HELLO, Peer, Server, answering, response, serve


def resolving(*addresses: Any) -> Any:
    """A resolver that knows only these."""
    return lambda host, port: list(addresses)


def open_sockets() -> list[str]:
    """The sockets of this process, where the system tells."""
    found = []
    for name in os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else ():
        try:
            found.append(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue  # the one that the listing needed
    return sorted(text for text in found if text.startswith("socket:"))


# --- the race


def test_a_black_hole_costs_one_stagger() -> None:
    """An address that answers nothing is overtaken by the next after 250 ms, and nothing of it stays open."""
    with serve(answering(HELLO)) as server, deaf_port("127.0.0.2", server.port):
        with SyncClient(resolver=resolving("127.0.0.2", "127.0.0.1")) as client:
            before = len(open_sockets())
            started = monotonic()
            r = client.get(f"http://origin.test:{server.port}/")
            assert 0.2 < monotonic() - started < 1.25
            assert r.connection.peer[0] == "127.0.0.1"
            assert (r.timings.connect or 0) > 0.2
            assert (client.get(f"http://origin.test:{server.port}/")).connection.reused
            assert len(open_sockets()) <= before + 2  # the connection, and the server's end of it
            assert client.pool_stats().open == 1


def test_a_dead_route_of_the_other_family() -> None:
    """The same with an IPv6 address before an IPv4 one."""
    with serve(answering(HELLO)) as server, deaf_port("::1", server.port):
        with SyncClient(resolver=resolving("::1", "127.0.0.1")) as client:
            started = monotonic()
            assert (client.get(f"http://origin.test:{server.port}/")).status_code == 200
            assert monotonic() - started < 1.25


def test_a_refusal_moves_on_at_once() -> None:
    """Nothing is waited for where an address refuses."""
    with serve(answering(HELLO)) as server:
        with SyncClient(resolver=resolving(*(f"127.0.0.{last}" for last in range(2, 8)), "127.0.0.1")) as client:
            started = monotonic()
            assert (client.get(f"http://origin.test:{server.port}/")).status_code == 200
            assert monotonic() - started < 0.2


def test_a_slow_address_may_still_win() -> None:
    """The first goes on while others are tried: a refusal of the last does not end the race."""
    with deaf_port("127.0.0.2") as port:
        with SyncClient(resolver=resolving("127.0.0.2", "127.0.0.1"), timeout=Timeout(connect=0.4)) as client:
            with pytest.raises(ConnectTimeout, match=rf"to origin\.test:{port} \(127\.0\.0\.2:{port}, 127\.0\.0\.1:{port}\)"):
                client.get(f"http://origin.test:{port}/")
            assert client.pool_stats().open == 0


def test_families_take_turns() -> None:
    """Addresses of both families alternate, beginning with the resolver's first; each is tried once and named once."""
    with serve(answering(HELLO)) as gone:
        port = gone.port
    given = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.1", "::1", "::ffff:127.0.0.9"]
    with SyncClient(resolver=resolving(*given)) as client:
        before = open_sockets()
        with pytest.raises(ConnectError) as caught:
            client.get(f"http://origin.test:{port}/")
        assert open_sockets() == before
    assert type(caught.value) is ConnectError
    assert isinstance(caught.value.__cause__, OSError)
    message = str(caught.value)
    assert message.startswith(f"cannot connect to origin.test:{port}: 127.0.0.1:{port} (Connection refused), ::1:{port} (")
    order = [message.index(f"{address}:{port} (") for address in ("127.0.0.1", "::1", "127.0.0.2", "::ffff:127.0.0.9", "127.0.0.3")]
    assert order == sorted(order)
    assert message.count(f" {given[0]}:{port} (") == 1


def test_time_is_kept_during_the_race() -> None:
    """Connect and total limits end it, the error names the addresses tried so far, and no socket stays."""
    with deaf_port("127.0.0.2") as port:
        with SyncClient(resolver=resolving("127.0.0.2", "127.0.0.3")) as client:
            before = open_sockets()
            started = monotonic()
            with pytest.raises(ConnectTimeout, match=rf"connect timeout after 0\.1 s to origin\.test:{port} \(127\.0\.0\.2:{port}\)"):
                client.get(f"http://origin.test:{port}/", timeout=Timeout(connect=0.1))
            with pytest.raises(TotalTimeout, match=r"total timeout after 0\.1 s"):
                client.get(f"http://origin.test:{port}/", timeout=Timeout(connect=5, total=0.1))
            assert monotonic() - started < 1
            assert open_sockets() == before
            assert client.pool_stats().open == 0


def test_a_local_address_of_the_other_family() -> None:
    """An address that cannot be used from here is one that failed, and the next is tried."""
    with serve(answering(HELLO)) as server:
        with SyncClient(resolver=resolving("::1", "127.0.0.1"), local_address="127.0.0.1") as client:
            assert (client.get(f"http://origin.test:{server.port}/")).connection.local[0] == "127.0.0.1"


# --- resolvers


@pytest.mark.parametrize("found", [["127.0.0.1"], [(socket.AF_INET, "127.0.0.1")], [(2, "127.0.0.1")], {"127.0.0.1": None}])
def test_what_a_resolver_may_return(found: Any) -> None:
    """Addresses, or pairs of family and address, in anything that can be iterated; the port is the URL's."""
    with serve(answering(HELLO)) as server:
        with SyncClient(resolver=resolving(*found)) as client:
            r = client.get(f"http://origin.test:{server.port}/")
    assert r.connection.peer[:2] == ("127.0.0.1", server.port)
    assert server.requests[0].headers["host"] == f"origin.test:{server.port}"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (OSError("no such zone"), "no such zone"),
        (TimeoutError("no answer from 9.9.9.9"), r"no answer from 9\.9\.9\.9"),
        (UnicodeError("bad label"), "bad label"),
        (DNSError("my own words"), "my own words"),
    ],
)
@pytest.mark.parametrize("limit", [None, 5.0])
def test_a_resolver_that_fails(fault: Exception, words: str, limit: float | None) -> None:
    """A DNSError with the host's name, whatever kind of fault, with and without a limit."""

    def resolver(host: str, port: int) -> list[str]:
        raise fault

    with SyncClient(resolver=resolver, timeout=Timeout(connect=limit)) as client:
        with pytest.raises(DNSError, match=words):
            client.get("http://origin.test/")
        assert client.pool_stats().open == 0


NO_ADDRESSES: list[tuple[list[Any], str]] = [([], "no address"), (["a.test"], "is no address"), ([(2, "x")], "is no address")]


@pytest.mark.parametrize(("found", "words"), NO_ADDRESSES)
def test_a_resolver_that_gives_no_address(found: list[Any], words: str) -> None:
    """Nothing, or a name that would have to be looked up again: DNSError, and the check is not asked."""
    checked: list[str] = []
    transport = HTTPTransport(resolver=resolving(*found), check_address=lambda host, address, port: checked.append(address))
    with SyncClient(transport=transport) as client:
        with pytest.raises(DNSError, match=rf"origin\.test: .*{words}"):
            client.get("http://origin.test/")
    transport.close()
    assert checked == []


def test_one_refused_address_ends_the_call() -> None:
    """Every address is checked before any is tried."""
    checked: list[str] = []

    def check(host: str, address: str, port: int) -> None:
        checked.append(address)
        if address == "127.0.0.2":
            raise PermissionError(address)

    with serve(answering(HELLO)) as server:
        transport = HTTPTransport(resolver=resolving("127.0.0.1", "127.0.0.2"), check_address=check)
        with SyncClient(transport=transport) as client:
            with pytest.raises(PermissionError):
                client.get(f"http://origin.test:{server.port}/")
        transport.close()
    assert checked == ["127.0.0.1", "127.0.0.2"]
    assert server.connections == 0


def test_a_check_that_times_out_is_not_our_limit() -> None:
    """What the check raises reaches the caller as it is, also an error that looks like a limit of ours."""

    def check(host: str, address: str, port: int) -> None:
        raise TimeoutError("the policy server is away")

    transport = HTTPTransport(check_address=check)
    with SyncClient(transport=transport, timeout=Timeout(total=5)) as client:
        with pytest.raises(TimeoutError, match="policy server") as caught:
            client.get("http://127.0.0.1:9/")
        assert type(caught.value) is TimeoutError
    transport.close()


# --- unix sockets


@contextmanager
def serve_unix(path: Path, *answers: bytes) -> Iterator[Server]:
    """A server on a socket in the file system."""
    server = Server(answering(*answers))
    server._listener.close()
    server._listener = socket.socket(socket.AF_UNIX)
    server._listener.bind(str(path))
    server._listener.listen(16)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        path.unlink()


def unix_url(path: Path, rest: str) -> str:
    return "http+unix://" + str(path).replace("/", "%2F") + rest


def test_uds_of_a_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uds= sends everything there, whatever host and proxies; Host is the URL's, no name is looked up, origins are kept apart."""
    monkeypatch.setenv("ALL_PROXY", "socks5://proxy.test:1080")
    path = tmp_path / "s"
    with serve_unix(path, HELLO) as server:
        with SyncClient(uds=path, resolver=resolving()) as client:
            assert (client.get("http://docker.test/a?b")).json() == {"hello": "world"}
            client.post("http://docker.test/b", content=b"x")
            client.get("http://other.test:81/c")
    assert [(request.target, request.headers["host"]) for request in server.requests] == [
        ("/a?b", "docker.test"),
        ("/b", "docker.test"),
        ("/c", "other.test:81"),
    ]
    assert server.connections == 2


def test_uds_of_a_url(tmp_path: Path) -> None:
    """http+unix:// names the socket; Host is localhost; two sockets and localhost itself never share a connection."""
    with serve_unix(tmp_path / "a b", HELLO) as first, serve_unix(tmp_path / "c", HELLO) as second:
        with SyncClient(resolver=resolving("127.0.0.1")) as client:
            for _ in range(2):
                client.get(unix_url(tmp_path / "a%20b", "/x?y=1"))
                client.get(unix_url(tmp_path / "c", ""))
            with pytest.raises(ConnectError):
                client.get("http://localhost/", timeout=2)
    assert [request.line for request in first.requests] == ["GET /x?y=1 HTTP/1.1"] * 2
    assert [request.headers["host"] for request in first.requests + second.requests] == ["localhost"] * 4
    assert (first.connections, second.connections) == (1, 1)


def test_uds_as_base(tmp_path: Path) -> None:
    """A base URL may name a socket, with a path to put in front."""
    with serve_unix(tmp_path / "s", HELLO) as server:
        with SyncClient(base_url=unix_url(tmp_path / "s", "/v1"), params={"k": 1}) as client:
            client.get("containers")
            client.post("/containers", json=[])
    assert [request.line for request in server.requests] == ["GET /v1/containers?k=1 HTTP/1.1", "POST /v1/containers?k=1 HTTP/1.1"]


def test_relative_redirects_stay_on_the_socket(tmp_path: Path) -> None:
    """A redirect of a unix socket stays there as long as it stays with the host, and leaves with it."""
    with serve(answering(HELLO)) as outside:
        answers = [response(b"", f"Location: {place}", status="302 Found") for place in ("/b", f"{outside.url}/c")]
        with serve_unix(tmp_path / "s", *answers) as server:
            with SyncClient() as client:
                r = client.get(unix_url(tmp_path / "s", "/a"))
    assert [request.target for request in server.requests] == ["/a", "/b"]
    assert [request.target for request in outside.requests] == ["/c"]
    assert r.url == f"{outside.url}/c"


def test_redirects_never_lead_to_a_socket(tmp_path: Path) -> None:
    """Neither from the network nor from another socket."""
    with serve_unix(tmp_path / "s", HELLO) as inside:
        moved = response(b"", "Location: " + unix_url(tmp_path / "s", "/"), status="302 Found")
        with serve(answering(moved)) as server, serve_unix(tmp_path / "t", moved):
            with SyncClient() as client:
                for url in (server.url, unix_url(tmp_path / "t", "/")):
                    with pytest.raises(UnsupportedScheme, match=r"http\+unix"):
                        client.get(url)
    assert inside.connections == 0


def test_a_redirect_to_localhost_from_outside_is_not_for_a_socket(tmp_path: Path) -> None:
    """Having used a socket before leads no later request for localhost there."""
    with serve_unix(tmp_path / "s", HELLO) as inside, serve(answering(HELLO)) as server:
        with SyncClient() as client:
            client.get(unix_url(tmp_path / "s", "/"))
            server._handler = answering(response(b"", "Location: http://localhost:1/", status="302 Found"))
            with pytest.raises(ConnectError):
                client.get(server.url)
    assert len(inside.requests) == 1


def test_sockets_that_are_not_there(tmp_path: Path) -> None:
    """ConnectError with the path; a path that no socket can have is an error too."""
    with SyncClient() as client:
        with pytest.raises(ConnectError, match=rf"{tmp_path}/none \(No such file"):
            client.get(unix_url(tmp_path / "none", "/"))
        with pytest.raises(ConnectError, match="too long"):
            client.get(unix_url(tmp_path / ("x" * 200), "/"))
        for url in ("http+unix:///x", "http+unix://%00/x"):
            with pytest.raises(ValueError, match=r"http\+unix:// takes"):
                client.get(url)


def test_no_unix_sockets_on_this_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """ConnectError that says so."""
    with monkeypatch.context() as patch:
        patch.delattr(socket, "AF_UNIX")
        with SyncClient(uds="/run/x.sock") as client:
            with pytest.raises(ConnectError, match="not supported on this platform"):
                client.get("http://a.test/")


def test_a_socket_that_is_silent(tmp_path: Path) -> None:
    """Limits hold on unix sockets as on others."""
    with serve_unix(tmp_path / "s", HELLO) as server:
        server._handler = _silent
        with SyncClient(uds=tmp_path / "s") as client:
            with pytest.raises(TimeoutError):
                client.get("http://a.test/", timeout=Timeout(read=0.1))


def _silent(peer: Peer) -> None:
    peer.wait()
