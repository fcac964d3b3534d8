"""Authentications with async parts, and a server that checks Digest by its own reading of RFC 7616.

This file is not generated, so what is async here stays async for the blocking client too.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Any

from fasthttp import Request, Response
from fasthttp.auth import AuthBase
from tests.shell.server import HELLO, Peer, Received, response


async def token() -> str:
    """A token that takes its time."""
    await asyncio.sleep(0)
    return "later"


async def stamp(request: Request) -> None:
    """A function as `auth=`."""
    await asyncio.sleep(0)
    request.headers["X-Stamp"] = "function"


class LateStamp(AuthBase):
    """Stamps each request, and answers a 401 once with a better stamp."""

    async def on_request(self, request: Request) -> None:
        await asyncio.sleep(0)
        request.headers.setdefault("X-Stamp", "first")

    async def on_response(self, request: Request, response: Response) -> Request | None:
        await asyncio.sleep(0)
        if response.status_code != 401 or request.headers["x-stamp"] != "first":
            return None
        request.headers["X-Stamp"] = "second"
        return request


class OlderNames(AuthBase):
    """The same with the older names, one async and one not."""

    async def _on_request(self, request: Request) -> None:
        await LateStamp().on_request(request)

    def _on_response(self, request: Request, response: Response) -> Request | None:
        if response.status_code != 401 or request.headers["x-stamp"] != "first":
            return None
        request.headers["X-Stamp"] = "second"
        return request


class BothNames(LateStamp):
    """The public names win over the older ones."""

    def _on_request(self, request: Request) -> None:
        raise AssertionError("the public name wins")

    def _on_response(self, request: Request, response: Response) -> None:
        raise AssertionError("the public name wins")


HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
_FIELD = re.compile(r'([a-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",\s]+))')


class DigestGate:
    """A handler that lets Ann in, and gives a fresh nonce with each 401.

    Args:
        algorithm: one of `HASHES`, also with -sess.
        qop: auth or auth-int.
        password: the right one.
        uses: how often a nonce is good; it is stale then.
        close: end the connection after each 401.
        answers: by target, instead of a plain 200.
    """

    def __init__(
        self, algorithm: str = "MD5", qop: str = "auth", password: str = "pw", uses: int = 100, close: bool = False, **answers: bytes
    ) -> None:
        self.algorithm = algorithm
        self.qop = qop
        self.password = password
        self.uses = uses
        self.close = close
        self.answers = {f"/{name}": answer for name, answer in answers.items()}
        self.seen: list[dict[str, str]] = []  # the credentials of each request
        self._nonces: dict[str, int] = {}  # and how often each was used

    def __call__(self, peer: Peer) -> None:
        while (request := peer.read()) is not None:
            value = request.headers.get("authorization", "")
            given = {name: quoted or plain for name, quoted, plain in _FIELD.findall(value)} if value.startswith("Digest ") else {}
            self.seen.append(given)
            stale = given.get("nonce") in self._nonces and self._nonces[given["nonce"]] >= self.uses
            if given and not stale and self._is_right(given, request):
                peer.send(self.answers.get(request.target, HELLO))
                continue
            nonce = f"nonce-{len(self._nonces)}"
            self._nonces[nonce] = 0
            fields = [f'WWW-Authenticate: Digest realm="vault", nonce="{nonce}", qop="{self.qop}", algorithm={self.algorithm}']
            fields[0] += ", stale=true" if stale else ""
            fields += ["Connection: close"] if self.close else []
            peer.send(response(b"no", *fields, status="401 Unauthorized"))
            if self.close:
                return

    def _is_right(self, given: dict[str, str], request: Received) -> bool:
        def digest(text: str | bytes) -> str:
            data = text.encode() if isinstance(text, str) else text
            return hashlib.new(HASHES[self.algorithm.removesuffix("-sess")], data).hexdigest()

        nonce = given["nonce"]
        if nonce not in self._nonces or int(given["nc"], 16) != self._nonces[nonce] + 1:
            return False
        first = digest(f"ann:vault:{self.password}")
        if self.algorithm.endswith("-sess"):
            first = digest(f"{first}:{nonce}:{given['cnonce']}")
        second = f"{request.method}:{request.target}"
        if self.qop == "auth-int":
            second += f":{digest(request.body)}"
        wanted = digest(":".join([first, nonce, given["nc"], given["cnonce"], self.qop, digest(second)]))
        right = (given["username"], given["realm"], given["uri"], given["qop"], given["response"]) == (
            "ann",
            "vault",
            request.target,
            self.qop,
            wanted,
        )
        self._nonces[nonce] += right
        return right


def counts(gate: DigestGate) -> list[Any]:
    """The `nc` of each request, None for one without credentials."""
    return [given.get("nc") for given in gate.seen]
