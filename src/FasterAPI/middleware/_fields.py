"""Header fields of an answer on its way out. A list is never changed in place: answers may share one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from starlette.types import Scope, Send

__all__ = ["THROUGH", "Lines", "amended", "merged_vary", "through"]

Lines = Sequence[tuple[bytes, bytes]]
THROUGH = "FasterAPI.through"  # in the scope: functions of (message, send) by which middleware sees answers made outside of it


def through(scope: Scope, send: Send) -> Send:
    """How to send an answer from outside in place of the application's: past the middleware that it would have passed."""
    for layer in scope.get(THROUGH, ()):
        send = partial(layer, send=send)
    return send


def merged_vary(values: Iterable[bytes], name: bytes) -> bytes:
    """The value of a `Vary` field that names one more, unless the lines there were name it already (RFC 9110 §12.5.5)."""
    known = b", ".join(values)
    listed = [member.strip().lower() for member in known.split(b",")]
    if b"*" in listed:
        return b"*"
    if name.lower() in listed:
        return known
    return known + b", " + name if known.strip() else name


def amended(lines: Iterable[tuple[bytes, bytes]] | None, fields: Lines, vary: bytes, without: frozenset[bytes] = frozenset()) -> Lines:
    """A new list: lines, some fields set in place of those of the same name, others left out, and one more name in `Vary`."""
    gone = without.union(name for name, _ in fields) if fields else without
    kept: list[tuple[bytes, bytes]] = []
    varies: list[bytes] = []
    for name, value in lines or ():
        lower = name.lower()
        if lower == b"vary":
            varies.append(value)
        elif lower not in gone:
            kept.append((name, value))
    kept.extend(fields)
    kept.append((b"vary", merged_vary(varies, vary) if varies else vary))
    return kept
