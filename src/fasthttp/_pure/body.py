"""What a request sends: its source, its length, whether it can be sent again. Reads no file and no clock."""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import AsyncIterable, Iterable, Mapping
from typing import Any

from fasthttp.errors import BodyNotReplayable
from httpwire import jsonio
from httpwire.headers import Headers
from httpwire.query import encode_pairs, flatten

__all__ = ["Body", "content_body", "make_body", "reads_async", "set_content_type"]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


class Body:
    """A request body.

    Attributes: `content` (bytes when they are at hand, else None), `source` (what gives them otherwise), `length` in
    bytes or None, `content_type` that the kind of body implies.
    """

    __slots__ = ("_position", "_started", "content", "content_type", "length", "source")

    def __init__(self, content: bytes | None, source: Any = None, *, length: int | None = None, content_type: str | None = None) -> None:
        self.content = content
        self.source = source
        self.length = len(content) if content is not None else length
        self.content_type = content_type
        self._started = False
        self._position: int | None = None
        if isinstance(source, io.IOBase) or hasattr(source, "seek"):
            self._position = _position(source)

    @property
    def is_replayable(self) -> bool:
        """Whether it can be sent (again)."""
        return not self._started or self.content is not None or isinstance(self.source, os.PathLike) or self._position is not None

    def start(self, asked_by: Any = None) -> Any:
        """The source, ready to be read from its beginning.

        Raises:
            BodyNotReplayable: it is spent; `asked_by`, the response or error that wants it again, is attached.
        """
        if not self.is_replayable:
            error = BodyNotReplayable(f"{self._described()}, was read already and cannot be sent again")
            if isinstance(asked_by, BaseException):
                error.__cause__ = asked_by
            else:
                error.response = asked_by
            raise error
        if self._position is not None:
            self.source.seek(self._position)
        self._started = True
        return self.content if self.content is not None else self.source

    def _described(self) -> str:
        return f"the body, a {type(self.source).__name__}"

    def type_for(self, given: str) -> str:
        """The Content-Type to send where the caller gave one."""
        return given


def reads_async(source: Any) -> bool:
    """Whether it is a stream whose `read` has to be awaited."""
    return inspect.iscoroutinefunction(getattr(source, "read", None))


def _position(file: Any) -> int | None:
    if reads_async(file):
        return None
    try:
        return int(file.tell()) if file.seekable() else None
    except (OSError, ValueError, AttributeError):
        return None


def _remaining(file: Any, position: int | None) -> int | None:
    if position is None or isinstance(file, io.TextIOBase):
        return None
    end = file.seek(0, os.SEEK_END)
    file.seek(position)
    return max(0, int(end) - position)


def make_body(*, content: Any = None, json: Any = None, data: Any = None, files: Any = None) -> Body | None:
    """The body that the keywords of a call describe, None without one. Empty `files` are as good as none.

    Raises:
        ValueError: two of them exclude each other, or JSON cannot hold a value.
        TypeError: a value that cannot be a body.
    """
    if isinstance(files, (Mapping, list, tuple)) and not files:
        files = None
    given = [name for name, value in (("content", content), ("json", json), ("data", data), ("files", files)) if value is not None]
    if not given:
        return None
    if len(given) > 1 and given != ["data", "files"]:
        raise ValueError(f"{given[0]}= and {given[1]}= exclude each other: a request has one body")
    if files is not None:
        from fasthttp.formdata import MultipartEncoder

        return MultipartEncoder(data, files).iter_bytes()
    if json is not None:
        return Body(jsonio.encode(json), content_type=JSON)
    if data is not None:
        return _form(data)
    if hasattr(content, "iter_bytes"):
        from fasthttp.formdata import MultipartEncoder

        if isinstance(content, MultipartEncoder):
            return content.iter_bytes()
    return content_body(content)


def _form(data: Any) -> Body:
    if isinstance(data, str):
        return Body(data.encode(), content_type=FORM)
    if isinstance(data, (bytes, bytearray, memoryview)):
        return Body(bytes(data), content_type=FORM)
    if isinstance(data, (Mapping, list, tuple)):
        return Body(encode_pairs(flatten(data)).encode("ascii"), content_type=FORM)
    if hasattr(data, "iter_bytes") and not isinstance(data, Iterable):
        raise TypeError(f"data= takes no {type(data).__name__}; give it as content=, or its .iter_bytes()")
    return content_body(data, "data= takes a mapping, pairs, bytes, text, a file or an iterable of bytes")


def content_body(content: Any, takes: str = "content= takes bytes, text, a file or an iterable of bytes") -> Body:
    """The body of `content=`, or of a part of a form. Raises `TypeError` for what cannot be one, with what the argument `takes`."""
    if isinstance(content, Body):
        return content
    if isinstance(content, bytes):
        return Body(content)
    if isinstance(content, str):
        return Body(content.encode())
    if isinstance(content, (bytearray, memoryview)):
        return Body(bytes(content))
    if isinstance(content, os.PathLike):
        return Body(None, content, length=os.stat(content).st_size)
    if hasattr(content, "read"):
        return Body(None, content, length=_remaining(content, _position(content)))
    if isinstance(content, Mapping):
        raise TypeError(f"{takes}, not a mapping, which json= or data= would send")
    if isinstance(content, (Iterable, AsyncIterable)):
        return Body(None, content)
    raise TypeError(f"{takes}, not {type(content).__name__}")


def set_content_type(headers: Headers, body: Body | None) -> None:
    """Say in `headers` what the body is, unless the caller did."""
    if body is not None and body.content_type is not None:
        given = headers.get("content-type")
        headers["Content-Type"] = body.content_type if given is None else body.type_for(given)
