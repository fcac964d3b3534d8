"""What a download asks for and what it makes of the answer, given what is on disk. Reads no file and sends nothing."""

from __future__ import annotations

import enum
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from fasthttp.errors import RemoteProtocolError, ResponseError
from httpwire.disposition import parse_disposition
from httpwire.headers import Headers
from httpwire.ranges import format_range, parse_content_range

__all__ = [
    "NOTHING",
    "Kept",
    "Plan",
    "Step",
    "ask",
    "caller_fields",
    "decide",
    "file_name",
    "kept_from",
    "notes_of",
    "parse_checksum",
]

_STRONG_TAG = re.compile(r'"[!#-~]*"')
_DATE = re.compile(r"[A-Z][a-z]{2}, ([0-9]{2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) GMT")
_MONTHS = {name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}
_DIGITS = re.compile(r"[0-9]{1,18}")
_SEPARATOR = re.compile(r"[/\\]")
# Controls, what turns the direction of text round, and halves of characters; then what some file system refuses.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_AWKWARD = re.compile(r'[<>:"|?*]')
_DEVICE = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\..*)?", re.IGNORECASE)
_NAME_SIZE = 200  # bytes; file systems allow 255, and there are endings of ours to come
_SUFFIX_SIZE = 20


class Kept(NamedTuple):
    """What is on disk of a file: bytes, what proves that they are still good, and how many there will be."""

    size: int
    validator: str | None = None
    total: int | None = None

    @property
    def is_usable(self) -> bool:
        """Whether the rest can be asked for, instead of the whole."""
        return self.size > 0 and self.validator is not None


NOTHING = Kept(0)


class Step(enum.Enum):
    """What to do with a response."""

    RECEIVE = enum.auto()
    COMPLETE = enum.auto()  # all bytes are here already
    AGAIN = enum.auto()  # forget what is here and ask without it


class Plan(NamedTuple):
    """What a response gives: bytes from `offset` to `end` of a file of `total` bytes; None where that is not known."""

    step: Step
    offset: int = 0
    end: int | None = None
    total: int | None = None
    validator: str | None = None


def ask(kept: Kept) -> list[tuple[str, str]]:
    """The header fields of a download's request."""
    fields = [("Accept-Encoding", "identity")]  # a position counts bytes of the file, not of a coding of it
    if kept.is_usable:
        fields += [("Range", format_range([(kept.size, None)])), ("If-Range", str(kept.validator))]
    return fields


def caller_fields(headers: Any) -> list[tuple[Any, Any]]:
    """The caller's header fields without those that a download sets. Raises `ValueError` for a `Range` among them."""
    if isinstance(headers, Headers):
        pairs: list[tuple[Any, Any]] = list(headers.multi_items())
    else:
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers or ())
    names = [(name.decode("latin-1") if isinstance(name, bytes) else str(name)).lower() for name, _ in pairs]
    for name in ("range", "if-range"):
        if name in names:
            raise ValueError(f"header {name!r}: a download sets it itself; use request() for a part of a resource")
    return [pair for name, pair in zip(names, pairs, strict=True) if name != "accept-encoding"]


def decide(status: int, headers: Headers, kept: Kept) -> Plan:
    """What the response to the request of `ask(kept)` means.

    The status is below 400, or 416 in answer to a range.

    Raises:
        RemoteProtocolError: a partial response that was not asked for, or of another part.
        ResponseError: a redirect or another status that comes without the file.
    """
    if status == 416:
        content_range = parse_content_range(headers.get("content-range", ""))
        total = kept.total if content_range is None else content_range.size
        return Plan(Step.COMPLETE, kept.size, total, total, kept.validator) if total == kept.size else Plan(Step.AGAIN)
    if status == 206:
        if not kept.is_usable:
            raise RemoteProtocolError("206 Partial Content in answer to a request without Range")
        return _continue(headers, kept)
    if not 200 <= status < 300:
        raise ResponseError(f"HTTP {status} has no file to save", status_code=status)
    if _is_coded(headers):
        return Plan(Step.RECEIVE)  # positions in what is decoded mean nothing to the server
    length = headers.get("content-length", "")
    total = int(length) if _DIGITS.fullmatch(length) and "transfer-encoding" not in headers else None
    return Plan(Step.RECEIVE, 0, total, total, _validator(headers))


def _continue(headers: Headers, kept: Kept) -> Plan:
    tag = headers.get("etag")
    if tag is not None and str(kept.validator)[0] == '"' and tag != kept.validator:
        return Plan(Step.AGAIN)  # the server overlooked If-Range: these are bytes of another version
    text = headers.get("content-range", "")
    found = parse_content_range(text)
    if found is None or found.last is None or found.first != kept.size or _is_coded(headers):
        raise RemoteProtocolError(f"206 with Content-Range {text[:80]!r}, asked for bytes from {kept.size} on")
    if kept.total is not None and found.size is not None and found.size != kept.total:
        raise RemoteProtocolError(f"206 with Content-Range {text[:80]!r}, of a file that had {kept.total} bytes")
    total = kept.total if found.size is None else found.size
    return Plan(Step.RECEIVE, kept.size, found.last + 1, total, kept.validator)


def _is_coded(headers: Headers) -> bool:
    return headers.get("content-encoding", "").strip().lower() not in ("", "identity")


def _validator(headers: Headers) -> str | None:
    """A strong validator (RFC 9110 §8.8): a date is one only without any tag, and if the response was made later."""
    tag = headers.get("etag")
    if tag is not None:
        return tag if _STRONG_TAG.fullmatch(tag) else None
    modified: str = headers.get("last-modified", "")
    then, now = _moment(modified), _moment(headers.get("date", ""))
    return modified if then is not None and now is not None and then < now else None


def _moment(text: str) -> tuple[Any, ...] | None:
    """A date as something that can be compared; None unless it is in the form that RFC 9110 §5.6.7 asks for."""
    match = _DATE.fullmatch(text)
    if match is None or match[2] not in _MONTHS:
        return None
    return match[3], _MONTHS[match[2]], match[1], match[4]


def notes_of(url: str, plan: Plan) -> str:
    """What is written beside an unfinished file."""
    return json.dumps({"url": url, "validator": plan.validator, "total": plan.total})


def kept_from(notes: str, url: str, size: int) -> Kept:
    """What is on disk, by the notes beside it; notes that are damaged, or about another URL, say nothing."""
    try:
        found = json.loads(notes)
    except (ValueError, RecursionError):
        return Kept(size)
    if not isinstance(found, dict) or found.get("url") != url:
        return Kept(size)
    validator, total = found.get("validator"), found.get("total")
    if not isinstance(validator, str) or not (_STRONG_TAG.fullmatch(validator) or _DATE.fullmatch(validator)):
        return Kept(size)
    return Kept(size, validator, total if type(total) is int else None)


def parse_checksum(text: str) -> tuple[str, str]:
    """`algorithm:hex` as the name for hashlib and the digest. Raises `ValueError`."""
    name, mark, digest = text.partition(":")
    name, digest = name.strip().lower(), digest.strip().lower()
    if not mark:
        raise ValueError(f"checksum={text[:80]!r} must be 'algorithm:hex', for example 'sha256:9f86…'")
    try:
        size = hashlib.new(name).digest_size
    except ValueError:
        raise ValueError(f"checksum: hash algorithm {name[:40]!r} is not known here") from None
    if not size:
        raise ValueError(f"checksum: {name} has no fixed length and cannot be used")
    if not re.fullmatch(f"[0-9a-f]{{{size * 2}}}", digest):
        raise ValueError(f"checksum: a {name} digest has {size * 2} hexadecimal digits")
    return name, digest


def file_name(disposition: str | None, path: str) -> str:
    """A name for a file, from `Content-Disposition` or else the path of the URL, that is safe in any directory.

    Its last component only, without control characters, and neither hidden nor special on any system.
    """
    wishes = [unquote(path.rpartition("/")[2])]
    if disposition:
        wishes.insert(0, parse_disposition(disposition)[1] or "")
    return next(filter(None, map(_safe, wishes)), "download")


def _safe(name: str) -> str:
    name = _SEPARATOR.split(_INVISIBLE.sub("", name))[-1]
    name = _AWKWARD.sub("_", name).strip(". ")
    if _DEVICE.fullmatch(name):
        name = f"_{name}"
    if len(name.encode()) <= _NAME_SIZE:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > _SUFFIX_SIZE:
        stem, suffix = name, ""
    ending = dot + suffix if suffix else ""
    return stem.encode()[: _NAME_SIZE - len(ending.encode())].decode("utf-8", "ignore").rstrip(". ") + ending
