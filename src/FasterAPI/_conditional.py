"""Conditional requests (RFC 9110 §13): whether a client has already what it asks for. Knows header fields and no files."""

from __future__ import annotations

import hashlib
import re
import time
from datetime import UTC
from email.utils import parsedate_to_datetime

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response

__all__ = ["conditional", "is_not_modified", "not_modified", "ranges_apply", "strong_tag"]

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')  # group 1 is what the weak comparison compares (RFC 9110 §8.8.3)
# What describes the content, which is not sent (§15.4.5). The rest stays: cookies, policies, what a cache has to know.
_OF_CONTENT = frozenset(
    ("accept-ranges", "content-disposition", "content-encoding", "content-language", "content-length", "content-range", "content-type")
)


def _date(text: str | None) -> float | None:
    """A date of HTTP in seconds; None for one that is missing or is none, which counts as not sent."""
    if text is None:
        return None
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def is_not_modified(request: Headers, response: Headers) -> bool:
    """Whether `If-None-Match`, or without one `If-Modified-Since`, says that the client has this response already.

    Args:
        request: the fields of a GET or HEAD.
        response: those of a 200, with its `ETag` and `Last-Modified`. Tags are compared weakly (§13.1.2).
    """
    given = request.getlist("if-none-match")
    if given:
        if [text.strip() for text in given] == ["*"]:
            return True
        tag = _TAG.fullmatch(response.get("etag", ""))
        return tag is not None and any(tag[1] == found for text in given for found in _TAG.findall(text))
    dates = request.getlist("if-modified-since")
    since, changed = _date(dates[0] if len(dates) == 1 else None), _date(response.get("last-modified"))
    return since is not None and changed is not None and changed <= since


def ranges_apply(request: Headers, response: Headers) -> bool:
    """Whether `If-Range`, if there is one, lets the `Range` count: what the client has is a part of this response (§13.1.5).

    A weak tag never does, nor does a date that is so fresh that the content may change once more within its second.
    """
    given = request.getlist("if-range")
    if len(given) != 1:
        return not given
    if given[0].startswith(('"', "W/")):
        return given[0] == response.get("etag") and not given[0].startswith("W/")
    changed = _date(response.get("last-modified"))
    return changed is not None and given[0] == response.get("last-modified") and changed + 1 <= time.time()


def not_modified(headers: Headers) -> Response:
    """The 304 in the place of a response with these fields: without those that describe its content."""
    response = Response(status_code=304)
    left_out = _OF_CONTENT | {"last-modified"} if "etag" in headers else _OF_CONTENT
    response.raw_headers = [(name, value) for name, value in headers.raw if name.decode("latin-1").lower() not in left_out]
    return response


def strong_tag(content: bytes | memoryview) -> str:
    """An `ETag` that says which bytes these are."""
    return f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'


def conditional(request: HTTPConnection, response: Response) -> Response:
    """The response, or a 304 without content where the client that asks has it already (RFC 9110 §13).

    A response that is held in memory and has no `ETag` gets a strong one, made of its content; one that is a stream counts
    by the `ETag` and `Last-Modified` that it was given. Answers other than 200 and to methods other than GET and HEAD stay
    as they are. A `FileResponse` needs no help: it does the same by itself.

    Args:
        request: whose `If-None-Match` and `If-Modified-Since` count; the former wins.
        response: what to answer where the client has something else, or nothing.
    """
    if response.status_code != 200 or request.scope.get("method") not in ("GET", "HEAD"):
        return response
    body = getattr(response, "body", None)
    if body is not None and "etag" not in response.headers:
        response.headers["etag"] = strong_tag(body)
    if not is_not_modified(request.headers, response.headers):
        return response
    answer = not_modified(response.headers)
    answer.background = response.background
    return answer
