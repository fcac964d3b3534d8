"""Bodies that are declared once and sent often: what has been read is rewound, or refused. Reads nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fasthttp.errors import BodyNotReplayable

__all__ = ["Replay"]


class Replay:
    """The sources of a body that reading uses up: file objects and iterators.

    Args:
        data: as it is given for a request.
        files: likewise.
    """

    def __init__(self, data: Any, files: Any) -> None:
        items = files.items() if isinstance(files, Mapping) else files or ()
        parts = [part[1] if isinstance(part, tuple) else part for _, part in items]
        readable = ("read", "__next__", "__anext__")
        sources = [source for source in (data, *parts) if any(hasattr(source, name) for name in readable)]
        self._places = [(source, _position(source)) for source in sources]
        self._used = False

    def use(self) -> None:
        """Before each use. Raises `BodyNotReplayable` for the second one of what cannot be rewound."""
        if self._used:
            for source, position in self._places:
                if position is None:
                    kind = type(source).__name__
                    raise BodyNotReplayable(f"the body was read from {kind}, which cannot be rewound; give bytes, a path or a sequence")
                source.seek(position)
        self._used = True


def _position(source: Any) -> int | None:
    try:
        return int(source.tell())
    except (AttributeError, OSError):  # a pipe, a socket, a generator
        return None
