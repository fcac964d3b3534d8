"""From received bytes to the body that a caller sees: content codings undone, sizes bounded. Receives nothing itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from fasthttp.errors import DecodeError, ResponseTooLarge
from httpwire.coding import Decoder, split_codings
from httpwire.errors import CodingError

__all__ = ["Pipeline", "check_announced"]


class Pipeline:
    """Decodes one body.

    Args:
        coding: the `Content-Encoding` field, None without one.
        max_size: decoded bytes allowed, None for any number.
        max_ratio: see `httpwire.coding.Decoder`.
        logger: told of a coding that is unknown here.
    """

    __slots__ = ("_decoder", "_max_size", "_size")

    def __init__(self, coding: bytes | None, max_size: int | None, max_ratio: float | None, logger: logging.Logger) -> None:
        self._max_size = max_size
        self._size = 0
        self._decoder = _decoder(coding, max_ratio, logger) if coding else None

    @property
    def is_plain(self) -> bool:
        """Whether bytes pass as they are, in any number."""
        return self._decoder is None and self._max_size is None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decoded pieces of at most 1 MiB. Raises `DecodeError` or `ResponseTooLarge`."""
        try:
            for piece in (data,) if self._decoder is None else self._decoder.feed(data):
                self._size += len(piece)
                if self._max_size is not None and self._size > self._max_size:
                    raise ResponseTooLarge(f"response body is larger than {self._max_size} bytes: {self._size} bytes so far")
                yield piece
        except CodingError as exc:
            raise DecodeError(str(exc)) from exc

    def flush(self) -> None:
        """The body has ended. Raises `DecodeError` if it is cut short."""
        if self._decoder is not None:
            try:
                self._decoder.flush()
            except CodingError as exc:
                raise DecodeError(str(exc)) from exc

    def decode(self, data: bytes) -> bytes:
        """A whole body at once."""
        if self.is_plain:
            return data
        decoded = b"".join(self.feed(data))
        self.flush()
        return decoded


def _decoder(coding: bytes, max_ratio: float | None, logger: logging.Logger) -> Decoder | None:
    text = coding.decode("latin-1")
    try:
        names = split_codings(text)
    except CodingError as exc:
        raise DecodeError(str(exc)) from exc
    if names is None:
        logger.warning("unknown content coding %r: the body is left as it is", text[:80])
    return Decoder(names, max_ratio=max_ratio) if names else None


def check_announced(length: int | None, max_size: int | None) -> None:
    """Raise `ResponseTooLarge` for a body that announces itself as too large, before any of it is read."""
    if max_size is not None and length is not None and length > max_size:
        raise ResponseTooLarge(f"response body of {length} bytes is larger than {max_size} bytes")
