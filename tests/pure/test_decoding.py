"""From received bytes to the body that a caller sees."""

from __future__ import annotations

import gzip
import logging
import zlib

import pytest

from fasthttp._pure.decoding import Pipeline, check_announced
from fasthttp.errors import DecodeError, ResponseTooLarge, SecurityError

LOGGER = logging.getLogger("test.decoding")
RAW = b"a line of text\n" * 50
GZIP = gzip.compress(RAW, mtime=0)


def pipeline(coding: bytes | None = None, max_size: int | None = None, max_ratio: float | None = 100.0) -> Pipeline:
    return Pipeline(coding, max_size, max_ratio, LOGGER)


@pytest.mark.parametrize("coding", [None, b"", b"identity", b" , "])
def test_without_a_coding_bytes_pass_unchanged(coding: bytes | None) -> None:
    """No copy is made of a body that needs none."""
    line = pipeline(coding)
    assert line.decode(RAW) is RAW or line.decode(RAW) == RAW
    assert list(line.feed(RAW)) == [RAW]
    line.flush()


@pytest.mark.parametrize(("coding", "wire"), [
    (b"gzip", GZIP), (b"X-GZIP", GZIP), (b"deflate", zlib.compress(RAW)), (b"deflate, gzip", gzip.compress(zlib.compress(RAW), mtime=0)),
    (b"gzip", gzip.compress(RAW[:70], mtime=0) + gzip.compress(RAW[70:], mtime=0)),
])  # fmt: skip
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_codings_are_undone_however_the_bytes_arrive(coding: bytes, wire: bytes, size: int) -> None:
    """Byte by byte or all at once, several codings in the reverse order of their application."""
    line = pipeline(coding)
    pieces = [piece for at in range(0, len(wire), size) for piece in line.feed(wire[at : at + size])]
    line.flush()
    assert b"".join(pieces) == RAW
    assert pipeline(coding).decode(wire) == RAW


def test_an_unknown_coding_is_left_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """The body stays as it is; the log has the name, cut short."""
    name = b"snappy-" + b"x" * 200
    with caplog.at_level(logging.WARNING, "test.decoding"):
        assert pipeline(name).decode(b"\x01\x02") == b"\x01\x02"
    (record,) = caplog.records
    assert "unknown content coding 'snappy-" in record.getMessage()
    assert len(record.getMessage()) < 150


def test_more_codings_than_anyone_needs_are_refused() -> None:
    """A chain of five is an attack, not a service."""
    with pytest.raises(DecodeError, match="more than 4 content codings"):
        pipeline(b"gzip, gzip, gzip, gzip, gzip")


def test_corrupt_data_is_a_decode_error() -> None:
    """It names the coding; the library's error is behind it."""
    with pytest.raises(DecodeError, match="gzip data is corrupt") as caught:
        pipeline(b"gzip").decode(b"this is no gzip data")
    assert caught.value.__cause__ is not None


def test_data_cut_short_is_a_decode_error_at_the_end() -> None:
    """What came before the end can be read; the end cannot pass for one."""
    line = pipeline(b"gzip")
    assert RAW.startswith(b"".join(line.feed(GZIP[:-9])))
    with pytest.raises(DecodeError, match="cut short"):
        line.flush()
    with pytest.raises(DecodeError, match="cut short"):
        pipeline(b"gzip").decode(GZIP[:-1])


def test_an_announced_coding_of_an_empty_body_is_no_fault() -> None:
    """Servers announce codings for bodies that turn out empty."""
    assert pipeline(b"gzip").decode(b"") == b""


def test_a_bomb_is_stopped_by_its_ratio() -> None:
    """Zeros by the megabyte out of a few bytes; with no ratio set they are all decoded."""
    bomb = zlib.compress(b"\0" * (20 << 20), 9)
    with pytest.raises(DecodeError, match="decompression ratio above 100"):
        pipeline(b"deflate").decode(bomb)
    assert len(pipeline(b"deflate", None, None).decode(bomb)) == 20 << 20


def test_a_body_may_be_exactly_as_large_as_allowed() -> None:
    """One byte more is too much, and what is counted are decoded bytes."""
    assert pipeline(None, len(RAW)).decode(RAW) == RAW
    assert pipeline(b"gzip", len(RAW)).decode(GZIP) == RAW
    for coding, wire in ((None, RAW), (b"gzip", GZIP)):
        with pytest.raises(ResponseTooLarge, match=f"larger than {len(RAW) - 1} bytes: {len(RAW)} bytes so far"):
            pipeline(coding, len(RAW) - 1).decode(wire)


def test_a_stream_is_stopped_at_the_piece_that_is_too_much() -> None:
    """Everything before it was given out."""
    line = pipeline(None, 10)
    assert list(line.feed(b"12345")) == [b"12345"]
    with pytest.raises(SecurityError):
        list(line.feed(b"678901"))


@pytest.mark.parametrize(("length", "limit"), [(None, 5), (5, 5), (6, None), (None, None), (0, 0)])
def test_an_announced_length_within_the_limit_passes(length: int | None, limit: int | None) -> None:
    """An unknown length is judged while it is read."""
    check_announced(length, limit)


def test_an_announced_length_beyond_the_limit_is_refused_unread() -> None:
    """Both numbers are told."""
    with pytest.raises(ResponseTooLarge, match="body of 6 bytes is larger than 5 bytes"):
        check_announced(6, 5)
