"""Content codings, undone and applied as streams."""

from __future__ import annotations

import gzip
import importlib
import random
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterable
from types import ModuleType

import brotli
import pytest

from httpwire.coding import MAX_LAYERS, MAX_STEP, Decoder, Encoder, available_codings, choose_coding, split_codings
from httpwire.errors import CodingError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

TEXT = b"".join(b"%d: the quick brown fox\n" % number for number in range(400))


def raw_deflate(data: bytes) -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return machine.compress(data) + machine.flush()


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "x-gzip": lambda data: gzip.compress(data, mtime=0),
    "deflate": zlib.compress,
    "raw deflate": raw_deflate,
    "br": lambda data: bytes(brotli.compress(data, quality=4)),
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
}
CODINGS = list(PACK)


def decode(codings: list[str], *pieces: bytes, max_ratio: float | None = None) -> bytes:
    decoder = Decoder([name.removeprefix("raw ") for name in codings], max_ratio=max_ratio)
    out = b"".join(b"".join(decoder.feed(piece)) for piece in pieces)
    decoder.flush()
    return out


def single(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("data", [b"", b"a", TEXT], ids=["empty", "one", "text"])
def test_whole_and_in_single_bytes(coding: str, data: bytes) -> None:
    """Every coding is undone, whole and byte by byte."""
    packed = PACK[coding](data)
    assert decode([coding], packed) == data
    assert decode([coding], *single(packed)) == data
    assert decode([coding], b"", packed, b"") == data


def test_no_coding() -> None:
    """Without codings the bytes pass."""
    assert decode([], b"a", b"", b"b") == b"ab"


@pytest.mark.parametrize(
    "chain", [["gzip", "br"], ["br", "gzip"], ["deflate", "zstd", "gzip"], ["gzip", "br", "zstd", "deflate"], ["gzip"] * 4, ["br"] * 4]
)
def test_chains(chain: list[str]) -> None:
    """Up to four codings are undone in the reverse of the order in which they were applied."""
    packed = TEXT
    for name in chain:
        packed = PACK[name](packed)
    assert decode(chain, packed) == TEXT
    assert decode(chain, *single(packed)) == TEXT


@pytest.mark.parametrize("coding", CODINGS)
def test_every_truncation_is_noticed(coding: str) -> None:
    """A body cut short after any byte gives what it can and an error that names the coding at the end."""
    packed = PACK[coding](TEXT[:300])
    for cut in range(1, len(packed)):
        decoder = Decoder([coding.removeprefix("raw ")])
        out = b"".join(decoder.feed(packed[:cut]))
        assert TEXT.startswith(out)
        with pytest.raises(CodingError, match="cut short") as caught:
            decoder.flush()
        assert caught.value.coding == coding.removeprefix("raw ")


@pytest.mark.parametrize("chain", [["gzip", "br"], ["zstd", "gzip"]])
def test_truncations_inside_a_chain(chain: list[str]) -> None:
    """A coding cut short inside another that is whole is noticed and named."""
    inner = PACK[chain[0]](TEXT)[:-1]
    with pytest.raises(CodingError) as caught:
        decode(chain, PACK[chain[1]](inner))
    assert caught.value.coding == chain[0]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_empty_bodies(coding: str) -> None:
    """A body of no bytes is fine, whatever coding was announced for it."""
    assert decode([coding]) == b""
    assert decode([coding, coding], b"", b"") == b""


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_corrupt_data(coding: str) -> None:
    """Data that is not in the coding at all is an error that names it."""
    with pytest.raises(CodingError, match=coding) as caught:
        decode([coding], b"\xff<html>this is no compressed data at all</html>")
    assert caught.value.coding == coding


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd"])
def test_checksums(coding: str) -> None:
    """A wrong checksum is an error, after all of the data."""
    packed = bytearray(PACK[coding](TEXT))
    packed[-5 if coding == "gzip" else -1] ^= 1
    with pytest.raises(CodingError, match=coding):
        decode([coding], bytes(packed))


def test_the_fault_names_the_layer() -> None:
    """In a chain the error names the layer that failed, not its neighbours."""
    for chain, bad in ((["gzip", "br"], "gzip"), (["br", "gzip"], "br")):
        with pytest.raises(CodingError) as caught:
            decode(chain, PACK[chain[1]](b"\xffnot compressed"))
        assert caught.value.coding == bad


def test_several_gzip_members() -> None:
    """gzip members one after the other are one body, wherever the bytes are cut."""
    packed = gzip.compress(b"a" * 100, mtime=0) + gzip.compress(b"", mtime=0) + gzip.compress(TEXT, mtime=0)
    assert decode(["gzip"], packed) == decode(["gzip"], *single(packed)) == b"a" * 100 + TEXT
    with pytest.raises(CodingError, match="cut short"):
        decode(["gzip"], packed[:-1])
    with pytest.raises(CodingError, match="cut short"):
        decode(["gzip"], gzip.compress(b"a", mtime=0) + b"\x1f")


def test_several_zstd_frames() -> None:
    """zstd frames one after the other are one body."""
    packed = PACK["zstd"](b"a") + PACK["zstd"](TEXT)
    assert decode(["zstd"], packed) == decode(["zstd"], *single(packed)) == b"a" + TEXT
    half = len(PACK["zstd"](b"a"))
    assert decode(["zstd"], packed[:half], b"", packed[half:]) == b"a" + TEXT


@pytest.mark.parametrize("coding", ["gzip", "deflate", "raw deflate"])
@pytest.mark.parametrize("padding", [b"\0", b"\0" * 1000])
def test_zero_padding(coding: str, padding: bytes) -> None:
    """Zeros after the end are passed over: servers pad with them."""
    packed = PACK[coding](TEXT) + padding
    assert decode([coding], packed) == decode([coding], *single(packed)) == TEXT


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("garbage", [b"x", b"\x1fx", b"<html>", b"\0x", b"\xff\xff\xff\xff\xff"])
def test_garbage_after_the_end(coding: str, garbage: bytes) -> None:
    """Other bytes after the end are an error that names the coding, in the same piece and in one of their own."""
    name = coding.removeprefix("raw ")
    packed = PACK[coding](TEXT)
    for pieces in ([packed + garbage], [packed, garbage], single(packed + garbage)):
        with pytest.raises(CodingError) as caught:
            decode([coding], *pieces)
        assert caught.value.coding == name


@pytest.mark.parametrize("coding", ["deflate", "raw deflate", "gzip"])
def test_output_that_ends_at_a_step(coding: str) -> None:
    """Output just above the size of a step is complete: the library may hold the rest after all input is gone."""
    for excess in [*range(-2, 3), *range(30, 300, 9)]:
        size = MAX_STEP + excess
        assert len(decode([coding], PACK[coding](bytes(size)))) == size


def bomb(coding: str, megabytes: int) -> bytes:
    encoder = Encoder(coding)
    zeros = bytes(1 << 20)
    return b"".join([*(encoder.feed(zeros) for _ in range(megabytes)), encoder.flush()])


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "br"])
def test_steps_are_bounded(coding: str) -> None:
    """No piece is larger than a step, however much a few bytes inflate to."""
    sizes = [len(piece) for piece in Decoder([coding], max_ratio=None).feed(bomb(coding, 20))]
    assert sum(sizes) == 20 << 20
    assert max(sizes) <= MAX_STEP


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
def test_ratio(coding: str) -> None:
    """Beyond 8 MiB a body may be a hundred times what was received; the fault tells both numbers and the coding."""
    assert len(decode([coding], bomb(coding, 7), max_ratio=100)) == 7 << 20
    decoder = Decoder([coding])
    produced = 0
    with pytest.raises(CodingError, match="ratio above 100") as caught:
        for piece in decoder.feed(bomb(coding, 20)):
            produced += len(piece)
    assert produced <= 8 << 20
    assert caught.value.coding == coding
    assert len(decode([coding], bomb(coding, 20), max_ratio=None)) == 20 << 20


def test_ratio_of_honest_data() -> None:
    """Data that is only large is never refused."""
    data = random.Random(1).randbytes(9 << 20)
    assert decode(["gzip"], gzip.compress(data, 1, mtime=0), max_ratio=1.5) == data


def test_ratio_of_a_chain_names_all_layers() -> None:
    """The ratio is that of the whole chain, which the fault names in the order it was applied."""
    with pytest.raises(CodingError) as caught:
        decode(["gzip", "br"], PACK["br"](bomb("gzip", 20)), max_ratio=100)
    assert caught.value.coding == "gzip, br"


def peak(work: Callable[[], Iterable[bytes]]) -> tuple[int, int]:
    tracemalloc.start()
    try:
        total = sum(len(piece) for piece in work())
        return total, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("chain", [["gzip"], ["gzip", "gzip"]])
def test_a_bomb_costs_little(chain: list[str]) -> None:
    """300 KB that become 300 MB are read in less than 32 MiB of memory."""
    data = bomb("gzip", 300)
    assert len(data) < 320_000
    for _ in chain[1:]:
        data = gzip.compress(data, mtime=0)
    total, used = peak(lambda: Decoder(chain, max_ratio=None).feed(data))
    assert (total, used < 32 << 20) == (300 << 20, True)


MEASURE = """
import resource, sys
from httpwire.coding import Decoder
data = sys.stdin.buffer.read()
decoder = Decoder([sys.argv[1]], max_ratio=None)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
total = sum(map(len, decoder.feed(data)))
print(total >> 20, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of the peak differs")
@pytest.mark.parametrize("coding", ["br", "zstd"])
def test_a_bomb_costs_the_process_little(coding: str) -> None:
    """The same holds for libraries whose memory Python does not see."""
    data = bomb(coding, 300)
    done = subprocess.run([sys.executable, "-c", MEASURE, coding], input=data, capture_output=True, check=True)
    total, used = map(int, done.stdout.split())
    assert (total, used < 32 << 10) == (300, True)


def test_nothing_is_decoded_that_is_not_wanted() -> None:
    """Who stops iterating has paid for the steps taken only."""
    pieces = Decoder(["gzip"], max_ratio=None).feed(bomb("gzip", 50))
    total, used = peak(lambda: [next(pieces)])
    assert (total, used < 8 << 20) == (MAX_STEP, True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("gzip", ["gzip"]),
        ("GZIP , Br", ["gzip", "br"]),
        ("identity", []),
        ("", []),
        (" , identity,deflate,", ["deflate"]),
        ("x-gzip", ["x-gzip"]),
        ("gzip, br, zstd, deflate", ["gzip", "br", "zstd", "deflate"]),
        ("compress", None),
        ("gzip, foo", None),
        ("x-br", None),
        ("x-deflate", None),
        ("x-x-gzip", None),
        ("gzip;q=1", None),
    ],
)
def test_split_codings(value: str, expected: list[str] | None) -> None:
    """The codings of a field in order, without identity; None if one of them is unknown."""
    assert split_codings(value) == expected
    if expected is not None:
        Decoder(expected)


def test_too_many_layers() -> None:
    """More than four codings are refused before one of them is looked at."""
    assert MAX_LAYERS == 4
    for value in (", ".join(["gzip"] * 5), ", ".join(["foo"] * 5)):
        with pytest.raises(CodingError, match="more than 4"):
            split_codings(value)


def fresh(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as a process sees it that imports it now."""
    monkeypatch.delitem(sys.modules, "httpwire.coding")
    module = importlib.import_module("httpwire.coding")
    monkeypatch.setattr(sys.modules["httpwire"], "coding", sys.modules["httpwire.coding"])
    return module


def test_available_codings() -> None:
    """With both optional libraries there are four codings."""
    assert available_codings() == ("gzip", "deflate", "br", "zstd")


@pytest.mark.parametrize(
    ("missing", "names"),
    [("brotli", ("gzip", "deflate", "zstd")), (zstd.__name__, ("gzip", "deflate", "br"))],
)
def test_missing_libraries(monkeypatch: pytest.MonkeyPatch, missing: str, names: tuple[str, ...]) -> None:
    """An optional library that is missing shortens the list, and its coding is then unknown."""
    monkeypatch.setitem(sys.modules, missing, None)
    module = fresh(monkeypatch)
    assert module.available_codings() == names
    assert module.split_codings("br, zstd") is None
    assert module.split_codings("gzip") == ["gzip"]


def test_old_brotli(monkeypatch: pytest.MonkeyPatch) -> None:
    """A brotli that cannot bound its output counts as missing."""
    old = ModuleType("brotli")
    old.Decompressor = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "brotli", old)
    assert fresh(monkeypatch).available_codings() == ("gzip", "deflate", "zstd")


def test_memory_errors_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Want of memory is no fault of the data."""

    class Machine:
        def decompress(self, data: bytes, limit: int) -> bytes:
            raise MemoryError

    monkeypatch.setattr(zlib, "decompressobj", lambda wbits: Machine())
    with pytest.raises(MemoryError):
        decode(["gzip"], b"x")


UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "x-gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": lambda data: bytes(brotli.decompress(data)),
    "zstd": zstd.decompress,
}


@pytest.mark.parametrize("coding", UNPACK)
@pytest.mark.parametrize("level", [None, 1, 9])
def test_encoder(coding: str, level: int | None) -> None:
    """What an encoder writes in pieces is read by the library of the coding, and by the decoder."""
    encoder = Encoder(coding, level=level)
    packed = b"".join([encoder.feed(TEXT[:1000]), encoder.feed(b""), encoder.feed(TEXT[1000:]), encoder.flush()])
    assert len(packed) < len(TEXT)
    assert UNPACK[coding](packed) == decode([coding], packed) == TEXT


@pytest.mark.parametrize("coding", UNPACK)
def test_encoder_of_nothing(coding: str) -> None:
    """An encoder that was fed nothing still writes a whole body."""
    assert UNPACK[coding](Encoder(coding).flush()) == b""


def test_unknown_encoder() -> None:
    """An encoder for an unknown coding cannot be made."""
    with pytest.raises(ValueError, match="compress"):
        Encoder("compress")


@pytest.mark.parametrize("coding", UNPACK)
def test_sync_lets_everything_out(coding: str) -> None:
    """What was fed before can be decoded at once, and the stream goes on."""
    encoder, decoder = Encoder(coding), Decoder([coding])
    for number in range(5):
        piece = b"item %d, " % number * 7
        assert b"".join(decoder.feed(encoder.feed(piece) + encoder.sync())) == piece
    assert b"".join(decoder.feed(encoder.flush())) == b""
    decoder.flush()


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, br", "br"),
        ("gzip", "gzip"),
        ("GZip;Q=1", "gzip"),
        ("x-gzip", "gzip"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br ; q=0.001", "br"),
        ("gzip;q=0", None),
        ("gzip;q=0.0, *", "br"),
        ("gzip;q=0.000, br;q=0", None),
        ("*", "br"),
        ("*;q=0", None),
        ("identity", None),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.5, gzip;q=0.5", "gzip"),
        ("identity;q=0, gzip;q=0.1", "gzip"),
        ("identity;q=0", None),
        ("", None),
        (" , ,", None),
        ("compress, zstd", None),
        ("gzip;q=2, br;q=x", None),
        ("gzip;q=-1", None),
        ("gzip;level=9", None),
        ("gzipped", None),
        ("," * 5000 + "gzip", "gzip"),
    ],
)
def test_choosing(accepted: str, chosen: str | None) -> None:
    """By weight, then by what is offered first; a weight of zero refuses, and broken members count for nothing."""
    assert choose_coding(accepted, ("br", "gzip")) == chosen
