"""Decisions of a client that follows an event stream: what it asks for, which answers and failures are final."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fasthttp._pure.body import make_body
from fasthttp.errors import (
    CertificateError,
    CircuitOpenError,
    FastHTTPConnectionError,
    FastHTTPError,
    HTTPStatusError,
    RemoteProtocolError,
    RequestTimeout,
)
from httpwire.mime import parse_content_type

if TYPE_CHECKING:
    from fasthttp.response import Response

__all__ = ["ask", "caller_fields", "check_repeatable", "is_transient", "wrong_type"]

_MEDIA_TYPE = "text/event-stream"
_FIELDS = (("Accept", _MEDIA_TYPE), ("Cache-Control", "no-store"))
_LATER = frozenset((408, 429))  # statuses that say nothing about the next try
_TRANSIENT = (FastHTTPConnectionError, RequestTimeout, RemoteProtocolError, CircuitOpenError)


def caller_fields(headers: Any) -> tuple[list[tuple[Any, Any]], str | None]:
    """The fields of a call with ours where it has none of them, and the event id that it begins with.

    A `Last-Event-ID` of the caller's is such an id: as a field it would hide those that come later.
    """
    pairs = list(headers.items() if isinstance(headers, Mapping) else headers or ())
    names = [_text(name).lower() for name, _ in pairs]
    fields: list[tuple[Any, Any]] = [field for field in _FIELDS if field[0].lower() not in names]
    last_event_id = None
    for name, pair in zip(names, pairs, strict=True):
        if name != "last-event-id":
            fields.append(pair)
        elif pair[1] is not None:
            last_event_id = _text(pair[1])
    return fields, last_event_id


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def ask(fields: list[tuple[Any, Any]], last_event_id: str | None) -> list[tuple[Any, Any]]:
    """The fields of a request for the events after the one with this id; None and "" for those from now on."""
    return [*fields, ("Last-Event-ID", last_event_id)] if last_event_id else fields


def check_repeatable(options: Mapping[str, Any]) -> None:
    """Raise `ValueError` where the body of a call could be sent only once."""
    content = options.get("content")
    body = make_body(content=content, data=options.get("data"), files=options.get("files"))
    if body is not None and body.content is None and not isinstance(content, os.PathLike):
        raise ValueError("reconnect= sends the request again: its body must be bytes, text, a path, json= or a form")


def is_transient(error: FastHTTPError) -> bool:
    """Whether the stream may be asked for again after this."""
    if isinstance(error, HTTPStatusError):
        return error.status_code in _LATER
    return isinstance(error, _TRANSIENT) and not isinstance(error, CertificateError)


def wrong_type(response: Response) -> RemoteProtocolError | None:
    """The error for an answer that is no event stream."""
    given = response.content_type
    if given is not None and parse_content_type(given)[0] == _MEDIA_TYPE:
        return None
    kind = "no content type" if given is None else f"content type {given[:200]!r}"
    return RemoteProtocolError(f"expected {_MEDIA_TYPE}, got status {response.status_code} with {kind}")
