"""Bodies that are declared once and sent often."""

from __future__ import annotations

import io
from typing import Any

import pytest

from fasthttp._pure.replay import Replay
from fasthttp.errors import BodyNotReplayable


class Pipe(io.RawIOBase):
    def read(self, size: int = -1) -> bytes:
        return b""

    def tell(self) -> int:
        raise OSError("not seekable")


@pytest.mark.parametrize(("data", "files"), [(None, None), (b"x", {"f": b"y"}), ({"a": 1}, [("f", ("name", "text"))]), ([b"a"], None)])
def test_values_can_be_used_any_number_of_times(data: Any, files: Any) -> None:
    """Nothing of them is used up."""
    replay = Replay(data, files)
    for _ in range(3):
        replay.use()


def test_file_objects_go_back_to_where_they_were() -> None:
    """Not to their beginning: what was read before they were declared is no part of the body."""
    first, second = io.BytesIO(b"0123"), io.BytesIO(b"4567")
    first.read(1)
    replay = Replay(None, [("a", first), ("b", ("name", second, "text/plain"))])
    for _ in range(3):
        replay.use()
        assert (first.read(), second.read()) == (b"123", b"4567")


@pytest.mark.parametrize("source", [iter([b"x"]), Pipe()])
def test_what_cannot_be_rewound_is_used_once(source: Any) -> None:
    """The second time is refused; the kind of the source is named."""
    replay = Replay(source, None)
    replay.use()
    with pytest.raises(BodyNotReplayable, match=type(source).__name__):
        replay.use()
