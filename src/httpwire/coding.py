"""Content codings, undone and applied as streams (RFC 9110 §8.4), and chosen: gzip, deflate, br, zstd.

Output comes in bounded steps, so that what a few bytes inflate to never has to fit in memory. Knows no messages.
"""

from __future__ import annotations

import importlib
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any, Protocol

from httpwire.errors import CodingError

__all__ = ["MAX_LAYERS", "MAX_STEP", "Decoder", "Encoder", "available_codings", "choose_coding", "split_codings"]

MAX_STEP = 1 << 20  # bytes that one step of a decoder may produce
MAX_LAYERS = 4
_RATIO_FREE = 8 << 20  # bytes that may be produced before the ratio counts
_ZSTD_MAX_WINDOW_LOG = 23  # RFC 9659: 8 MiB is what a decoder of this coding has to offer
_WEIGHT = re.compile(r"[qQ]=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")  # RFC 9110 §12.4.2


class _Layer(Protocol):
    """One coding. `step` takes input (perhaps none) and produces at most `MAX_STEP` bytes."""

    def step(self, data: bytes) -> bytes: ...

    @property
    def hungry(self) -> bool:
        """Whether only more input gives more output."""

    @property
    def ended(self) -> bool:
        """Whether the coded data is complete."""


class _Inflate:
    """gzip with any number of members, or zlib data, or raw deflate."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._machine = zlib.decompressobj(wbits)
        self._input = b""
        self._full = False  # the last step filled its allowance: zlib may hold more output though its input is used up
        self.ended = False

    @property
    def hungry(self) -> bool:
        return not self._input and not self._full

    def step(self, data: bytes) -> bytes:
        data = self._input + data if self._input else data
        if self.ended:
            # Servers pad with zeros; a further gzip member goes on; all else is not what was announced.
            data = data.lstrip(b"\0")
            if not data:
                self._input = b""
                self._full = False
                return b""
            if self._wbits != 31 or not b"\x1f\x8b".startswith(data[:2]):
                raise CodingError("data after the end of the compressed stream")
            self._machine = zlib.decompressobj(self._wbits)
            self.ended = False
        out = self._machine.decompress(data, MAX_STEP)
        self.ended = self._machine.eof
        self._full = len(out) == MAX_STEP and not self.ended
        self._input = self._machine.unused_data if self.ended else self._machine.unconsumed_tail
        return out


class _Deflate:
    """`deflate` is zlib by definition and raw deflate by habit; the first two bytes tell (RFC 1950 §2.2)."""

    def __init__(self) -> None:
        self._head = b""
        self._inner: _Inflate | None = None

    @property
    def hungry(self) -> bool:
        return self._inner is None or self._inner.hungry

    @property
    def ended(self) -> bool:
        return self._inner is not None and self._inner.ended

    def step(self, data: bytes) -> bytes:
        if self._inner is None:
            self._head += data
            if len(self._head) < 2:
                return b""
            is_zlib = self._head[0] & 0x0F == 8 and int.from_bytes(self._head[:2], "big") % 31 == 0
            self._inner = _Inflate(zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)
            data = self._head
        return self._inner.step(data)


class _Brotli:
    def __init__(self) -> None:
        self._machine = _brotli().Decompressor()
        self.hungry = True

    @property
    def ended(self) -> bool:
        return bool(self._machine.is_finished())

    def step(self, data: bytes) -> bytes:
        if self.ended:
            self.hungry = True
            if data:
                raise CodingError("data after the end of the compressed stream")
            return b""
        # The limit is approximate, by up to a factor of four. A call that gives nothing shows that no output waits.
        out: bytes = self._machine.process(data, output_buffer_limit=MAX_STEP >> 2)
        self.hungry = not out
        return out


class _Zstd:
    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        module = _zstd()
        self._machine = module.ZstdDecompressor(options={module.DecompressionParameter.window_log_max: _ZSTD_MAX_WINDOW_LOG})
        self._input = b""

    @property
    def hungry(self) -> bool:
        return not self._input and (self._machine.eof or self._machine.needs_input)

    @property
    def ended(self) -> bool:
        return bool(self._machine.eof)

    def step(self, data: bytes) -> bytes:
        data = self._input + data
        self._input = b""
        if self._machine.eof:
            if not data:
                return b""
            self._start()  # a further frame (RFC 8878 §3)
        out = self._machine.decompress(data, MAX_STEP)
        if self._machine.eof:
            self._input = self._machine.unused_data
        return bytes(out)


@lru_cache(maxsize=1)
def _brotli() -> Any:
    module = importlib.import_module("brotli")
    if not hasattr(module.Decompressor, "can_accept_more_data"):
        raise ImportError("brotli is older than 1.2 and cannot bound its output")
    return module


@lru_cache(maxsize=1)
def _zstd() -> Any:
    return importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


_LAYERS: dict[str, Callable[[], _Layer]] = {
    "gzip": lambda: _Inflate(31),
    "x-gzip": lambda: _Inflate(31),
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstd,
}


@lru_cache(maxsize=1)
def available_codings() -> tuple[str, ...]:
    """The codings that can be undone here, most common first; an optional library that is missing shortens the list."""
    names = ["gzip", "deflate"]
    for name, load in (("br", _brotli), ("zstd", _zstd)):
        try:
            load()
        except ImportError:
            continue
        names.append(name)
    return tuple(names)


def split_codings(value: str) -> list[str] | None:
    """The codings of a `Content-Encoding` field in the order applied, or None if one of them is unknown here.

    Raises:
        CodingError: more than `MAX_LAYERS` of them.
    """
    names = [name.strip().lower() for name in value.split(",")]
    names = [name for name in names if name and name != "identity"]
    if len(names) > MAX_LAYERS:
        raise CodingError(f"more than {MAX_LAYERS} content codings", coding=value[:40])
    known = available_codings()
    if any(name not in known and name != "x-gzip" for name in names):
        return None
    return names


def choose_coding(accepted: str, offers: Sequence[str]) -> str | None:
    """The coding that an `Accept-Encoding` field likes best (RFC 9110 §12.5.3), or None for none at all.

    Args:
        accepted: the value of the field. An empty one accepts nothing; members that break the syntax count for nothing.
        offers: what there is, the best first; it decides between equal weights.

    A coding is preferred to none unless `identity` is named with more weight.
    """
    weights: dict[str, float] = {}
    for member in accepted.split(","):
        name, _, parameter = member.partition(";")
        parameter = parameter.strip(" \t")
        weight = _WEIGHT.fullmatch(parameter) if parameter else None
        if weight is not None or not parameter:
            name = name.strip(" \t").lower()
            weights["gzip" if name == "x-gzip" else name] = float(weight[1]) if weight is not None else 1.0
    others = weights.get("*", 0.0)
    best, most = None, 0.0
    for name in offers:
        weight_of = weights.get(name, others)
        if weight_of > most:
            best, most = name, weight_of
    return best if most >= weights.get("identity", 0.0) else None


class Decoder:
    """Undoes a chain of codings.

    Args:
        codings: in the order in which they were applied, as `split_codings` returns them.
        max_ratio: how many bytes one received byte may become, once 8 MiB have been produced. None: any number.

    `feed` and `flush` yield pieces of at most `MAX_STEP` bytes; stop iterating and nothing more is decoded.
    """

    def __init__(self, codings: list[str], *, max_ratio: float | None = 100.0) -> None:
        self._names = list(reversed(codings))
        self._layers = [_LAYERS[name]() for name in self._names]
        self._max_ratio = max_ratio
        self._received = 0
        self._produced = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Decode the next bytes. Raises `CodingError` for corrupt data or a ratio beyond the cap."""
        self._received += len(data)
        for piece in self._run(0, data):
            self._produced += len(piece)
            if self._max_ratio is not None and self._produced > max(_RATIO_FREE, self._received * self._max_ratio):
                raise CodingError(
                    f"decompression ratio above {self._max_ratio:g}: {self._received} bytes became {self._produced}",
                    coding=", ".join(reversed(self._names)),
                )
            yield piece

    def flush(self) -> None:
        """The input has ended. Raises `CodingError` if the coded data has not."""
        if not self._received:
            return  # servers announce a coding for bodies that turn out empty
        for name, layer in zip(self._names, self._layers, strict=True):
            if not layer.ended:
                raise CodingError(f"{name} data is cut short", coding=name)

    def _run(self, depth: int, data: bytes) -> Iterator[bytes]:
        if depth == len(self._layers):
            if data:
                yield data
            return
        layer, name = self._layers[depth], self._names[depth]
        while True:
            try:
                piece = layer.step(data)
            except CodingError as exc:
                raise CodingError(f"{name}: {exc}", coding=name) from exc.__cause__
            except MemoryError:
                raise
            except Exception as exc:  # each library has an error class of its own
                raise CodingError(f"{name} data is corrupt: {exc}", coding=name) from exc
            data = b""
            if piece:
                yield from self._run(depth + 1, piece)
            if layer.hungry:
                return


class Encoder:
    """Applies one coding as a stream. `feed`, `sync` and `flush` return what is ready; `level` is the library's own scale.

    Raises:
        ValueError: for a coding that is unknown here.
        ImportError: for one whose library is missing.
    """

    def __init__(self, coding: str, *, level: int | None = None) -> None:
        self._compress: Callable[[bytes], bytes]
        self._sync: Callable[[], bytes]
        self._finish: Callable[[], bytes]
        if coding in ("gzip", "x-gzip", "deflate"):
            machine = zlib.compressobj(6 if level is None else level, zlib.DEFLATED, 15 if coding == "deflate" else 31)
            self._compress, self._finish = machine.compress, machine.flush
            self._sync = partial(machine.flush, zlib.Z_SYNC_FLUSH)
        elif coding == "br":
            brotli = _brotli().Compressor(quality=4 if level is None else level)
            self._compress, self._sync, self._finish = brotli.process, brotli.flush, brotli.finish
        elif coding == "zstd":
            zstd = _zstd().ZstdCompressor(level=3 if level is None else level)
            self._compress, self._finish = zstd.compress, zstd.flush
            self._sync = partial(zstd.flush, zstd.FLUSH_BLOCK)
        else:
            raise ValueError(f"unknown content coding {coding!r}")

    def feed(self, data: bytes) -> bytes:
        """Compress more bytes."""
        return self._compress(data)

    def sync(self) -> bytes:
        """What is still held back, so that all that was fed can be decoded now; the stream goes on."""
        return self._sync()

    def flush(self) -> bytes:
        """End the stream."""
        return self._finish()
