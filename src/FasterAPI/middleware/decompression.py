"""`RequestDecompressionMiddleware`: bodies of requests that come in a content coding (RFC 9110 §8.4)."""

from __future__ import annotations

from collections.abc import Iterator

from anyio.lowlevel import checkpoint
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from httpwire.coding import Decoder, available_codings, split_codings
from httpwire.errors import CodingError

__all__ = ["RequestDecompressionMiddleware"]

_FREE = 64 * 1024  # bytes that any body may become: short ones that repeat themselves are no bombs
_CODED = (b"content-encoding", b"content-length")


class RequestDecompressionMiddleware:
    """Undoes the `Content-Encoding` of requests as their bodies are read; the application sees plain ones.

    Args:
        app: what comes next.
        max_ratio: how many bytes one received byte may become, beyond 64 KiB.
        max_size: bytes that a body may become; None for any number.

    A body beyond either is refused with 413, a corrupt one or one that is cut short with 400, a coding that cannot
    be undone here, and several at once, with 415, which says what can (§15.5.16).

    Raises:
        ValueError: for limits that are not positive.
    """

    def __init__(self, app: ASGIApp, max_ratio: float = 100.0, max_size: int | None = 32 * 1024 * 1024) -> None:
        if max_ratio <= 0 or (max_size is not None and max_size <= 0):
            raise ValueError(f"max_ratio={max_ratio!r}, max_size={max_size!r}: limits are positive numbers")
        self.app = app
        self.max_ratio = max_ratio
        self.max_size = max_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        values = [value for name, value in scope["headers"] if name == b"content-encoding"] if scope["type"] == "http" else ()
        if not values:
            await self.app(scope, receive, send)
            return
        try:
            codings = split_codings(b",".join(values).decode("latin-1"))
        except CodingError:
            codings = None
        if codings is None or len(codings) > 1:  # what is packed twice is a bomb, or a mistake
            refusal = PlainTextResponse("Unsupported Media Type", 415, {"Accept-Encoding": ", ".join(available_codings())})
            await refusal(scope, receive, send)
            return
        if not codings:  # identity
            await self.app(scope, receive, send)
            return
        # The same scope goes on: who stands around reads there what the application has put in.
        scope["headers"] = [line for line in scope["headers"] if line[0] not in _CODED]
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, _Body(codings, self.max_ratio, self.max_size, receive).receive, watched)
        except _Refused as exc:
            if started:
                raise
            await PlainTextResponse(exc.detail, exc.status_code)(scope, receive, send)


class _Refused(HTTPException):
    """A body that is not taken. Applications answer it as any other; where they do not, the middleware does."""


class _Body:
    """The body of one request, undone one bounded piece at a time."""

    def __init__(self, codings: list[str], max_ratio: float, max_size: int | None, receive: Receive) -> None:
        self._decoder = Decoder(codings, max_ratio=None)
        self._max_ratio = max_ratio
        self._max_size = max_size
        self._receive = receive
        self._pieces: Iterator[bytes] = iter(())  # of the last message
        self._more = True  # whether another message comes
        self._received = 0
        self._produced = 0
        self._refused: _Refused | None = None

    async def receive(self) -> Message:
        if self._refused is not None:
            raise self._refused
        try:
            return await self._next()
        except _Refused as exc:
            self._refused = exc
            raise
        except CodingError as exc:
            self._refused = _Refused(400, f"The body breaks its Content-Encoding: {exc}")
            raise self._refused from exc

    async def _next(self) -> Message:
        first = False
        while True:
            piece = next(self._pieces, None)
            if piece is not None:
                self._count(len(piece))
                if not first:
                    await checkpoint()  # a few bytes make many pieces: others get their turn in between
                return {"type": "http.request", "body": piece, "more_body": True}
            if not self._more:
                self._decoder.flush()
                self._more = True  # what comes now is no body
                return {"type": "http.request", "body": b"", "more_body": False}
            message = await self._receive()
            if message["type"] != "http.request":
                return message
            body = message.get("body", b"")
            self._received += len(body)
            self._more = message.get("more_body", False)
            self._pieces = self._decoder.feed(body)
            first = True

    def _count(self, size: int) -> None:
        self._produced += size
        if self._produced > max(_FREE, self._received * self._max_ratio) or (
            self._max_size is not None and self._produced > self._max_size
        ):
            raise _Refused(413, "Content Too Large")
