"""An HTTP proxy that does what a test tells it. Knows nothing of the code under test.

Every host it is asked for is on this machine, so that names need not exist.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable

from tests.shell.server import Peer, response

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


def proxying(*answers: bytes, authorization: str | None = None) -> Callable[[Peer], None]:
    """A handler that makes tunnels, and gives these answers in turn to all other requests, the last one for ever.

    Args:
        authorization: what `Proxy-Authorization` must be, else the answer is a 407.
    """
    given: list[bytes] = []

    def handler(peer: Peer) -> None:
        while (request := peer.read()) is not None:
            if authorization is not None and request.headers.get("proxy-authorization") != authorization:
                peer.send(response(b"a page about passwords", "Proxy-Authenticate: Basic", status="407 Authentication Required"))
            elif request.method == "CONNECT":
                tunnel(peer, int(request.target.rpartition(":")[2]))
                return
            else:
                given.append(answers[min(len(given), len(answers) - 1)])
                peer.send(given[-1])

    return handler


def tunnel(peer: Peer, port: int, established: bytes = ESTABLISHED) -> None:
    """Say that it is made, then carry bytes both ways until one side ends."""
    with socket.create_connection(("127.0.0.1", port), 5) as origin:
        peer.send(established)
        ways = {peer.sock: origin, origin: peer.sock}
        while not peer.server.stopping.is_set():
            for source in select.select(list(ways), [], [], 0.05)[0]:
                try:
                    data = source.recv(65536)
                    ways[source].sendall(data)
                except OSError:
                    return
                if not data:
                    return
