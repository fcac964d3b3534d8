"""Header fields that cannot split a response: what has a line break in it is never sent (RFC 9110 §5.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from starlette.types import Message, Send

__all__ = ["check_fields", "checked"]

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_BREAKS = re.compile(rb"[\r\n\0]").search
_WITH_FIELDS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


def check_fields(fields: Iterable[Any]) -> None:
    """Raise `ValueError` for a name that is no token, and for a value with CR, LF or NUL."""
    for name, value in fields:
        if _TOKEN(name) is None:
            raise ValueError(f"a header name must be a token (RFC 9110 §5.1), not {bytes(name)[:80]!r}")
        if _BREAKS(value) is not None:
            raise ValueError(f"the header {name.decode()!r} must not have a line break or NUL in its value: {bytes(value)[:80]!r}")


def checked(send: Send) -> Send:
    """A `send` that refuses such fields, whoever has made them."""

    async def sending(message: Message) -> None:
        if message["type"] in _WITH_FIELDS:
            check_fields(message.get("headers") or ())
        await send(message)

    return sending
