"""Multipart forms: from fields and files to segments of known or unknown length. Opens and reads no file."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator, Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from fasthttp._pure.body import Body, content_body
from fasthttp.errors import BodyLengthError
from httpwire.mime import parse_content_type
from httpwire.multipart import check_boundary, closing_line, content_type_value, opening_line, part_head
from httpwire.query import flatten

if TYPE_CHECKING:
    from fasthttp.types import DataTypes, FileTypes

__all__ = ["FormBody", "MultipartEncoder", "Part"]

_JOIN = 65536  # contents up to this size are sent in one piece with what stands around them


class MultipartEncoder:
    """A `multipart/form-data` body (RFC 7578): the fields first, then the files, in order. Send it as `content=`.

    Args:
        fields: mapping or pairs, as in `data=`: sequences repeat the name, None is dropped, booleans are true/false.
        files: as in `files=`: a mapping of field to content, `(filename, content)`, `(filename, content, type)` or
            `(filename, content, type, headers)`; or a list of `(field, any of these)` and of flat
            `(filename, content, type)`, whose field is `file`. A file name of None makes a part that is no file.
            Content is bytes, text, a path, a file or an async stream, or a sync or async iterable of bytes.
        boundary: 1 to 70 characters of RFC 2046; a random one where not given.
        chunk_size: bytes that are read from a file at once.

    Raises:
        ValueError: a boundary, a name, a type or a header that cannot be sent.
        TypeError: a shape or a content that is none of the above.

    Attributes: `boundary`, `content_type` for the header, `content_length` in bytes, None when a part has no known
    length. It can be used again unless `is_replayable` is false. Files that it opens it closes, others it does not.
    """

    def __init__(
        self, fields: DataTypes | None = None, files: FileTypes | None = None, *, boundary: str | None = None, chunk_size: int = 65536
    ) -> None:
        if chunk_size < 1:
            raise ValueError(f"chunk_size={chunk_size} must be at least 1")
        self.boundary = os.urandom(16).hex() if boundary is None else boundary
        self._chunk_size = chunk_size
        self._parts = [*_fields(fields), *_files(files)]
        body = self.iter_bytes()
        self.content_type = body.content_type
        self.content_length = body.length

    @property
    def is_replayable(self) -> bool:
        """Whether it can be sent (again)."""
        return all(part.body.is_replayable for part in self._parts)

    def iter_bytes(self) -> FormBody:
        """The body in pieces, for `for` and `async for`, or as a `content=`."""
        return FormBody(self._parts, self.boundary, self._chunk_size)

    def __repr__(self) -> str:
        return f"<MultipartEncoder {len(self._parts)} parts, {self.content_length} bytes>"


class Part:
    """A field or a file: its head and its content."""

    __slots__ = ("body", "head", "name")

    def __init__(self, name: str, content: Any, filename: str | None = None, content_type: str | None = None, headers: Any = ()) -> None:
        self.name = name
        self.head = part_head(name, filename, content_type, headers)
        self.body = content_body(content, f"files[{name!r}] takes bytes, text, a path, a file or an iterable of bytes")

    def check(self, given: int, *, ended: bool = False) -> None:
        """Raise `BodyLengthError` if the `given` bytes are more than announced, or are all and fewer."""
        length = self.body.length
        if length is not None and (given > length or (ended and given < length)):
            so_far = "" if ended else " so far"
            raise BodyLengthError(f"part {self.name!r} of the form gave {given} bytes{so_far}, announced were {length}")


class FormBody(Body):
    """A multipart form as the body of a request, and as an iterable of its bytes in both colours.

    Attributes: `length` in bytes or None, `content_type`.
    """

    __slots__ = ("_parts", "chunk_size", "segments")

    def __init__(self, parts: list[Part], boundary: str, chunk_size: int) -> None:
        super().__init__(None)
        self._parts = parts
        self.chunk_size = chunk_size
        self._lay_out(boundary)
        self.content_type = content_type_value(boundary)

    def _lay_out(self, boundary: str) -> None:
        """Bytes that stand together in one piece, files and large contents between them."""
        line = check_boundary(boundary)
        self.segments: list[bytes | Part] = []
        run = bytearray()
        for part in self._parts:
            run += opening_line(line) + part.head
            content = part.body.content
            if content is not None and len(content) <= _JOIN:
                run += content
            else:
                self.segments += [bytes(run), part if content is None else content]
                run.clear()
            run += b"\r\n"
        self.segments.append(bytes(run) + closing_line(line))
        lengths = [len(segment) if isinstance(segment, bytes) else segment.body.length for segment in self.segments]
        known = [length for length in lengths if length is not None]
        self.length = sum(known) if len(known) == len(lengths) else None
        first = self.segments[0]
        self.content = first if len(self.segments) == 1 and isinstance(first, bytes) else None

    @property
    def is_replayable(self) -> bool:
        """Whether it can be sent (again)."""
        return all(part.body.is_replayable for part in self._parts)

    def start(self, asked_by: Any = None) -> Any:
        """The bytes, or the form itself, to be iterated by a runtime. Raises `BodyNotReplayable`."""
        started = super().start(asked_by)
        return self if started is None else started

    def _described(self) -> str:
        part = next(part for part in self._parts if not part.body.is_replayable)
        return f"part {part.name!r} of the form, a {type(part.body.source).__name__}"

    def type_for(self, given: str) -> str:
        """The caller's type; of multipart types the boundary is taken over, or added."""
        media_type, parameters = parse_content_type(given)
        if not media_type.startswith("multipart/"):
            return given
        boundary = parameters.get("boundary")
        if boundary is None:
            assert self.content_type is not None
            return f"{given.rstrip('; ')};{self.content_type.partition(';')[2]}"
        self._lay_out(boundary)
        return given

    def __iter__(self) -> Generator[bytes]:
        from fasthttp._io.sources import iterate

        return iterate(self.start())

    def __aiter__(self) -> AsyncGenerator[bytes]:
        from fasthttp._io.sources import aiterate

        return aiterate(self.start())


def _fields(fields: Any) -> Iterable[Part]:
    if fields is None:
        return []
    if not isinstance(fields, (Mapping, list, tuple)):
        raise TypeError(f"data= takes a mapping or pairs when it goes with files=, not {type(fields).__name__}")
    return [Part(name, value) for name, value in flatten(fields)]


def _files(files: Any) -> Iterator[Part]:
    if files is None:
        return
    if isinstance(files, Mapping):
        files = files.items()
    elif not isinstance(files, (list, tuple)):
        raise TypeError(f"files= takes a mapping or a list, not {type(files).__name__}")
    for item in files:
        if isinstance(item, tuple) and len(item) == 3:
            item = ("file", item)
        if not isinstance(item, tuple) or len(item) != 2:
            raise TypeError("an item of files= is (field, content), (field, (filename, content, ...)) or (filename, content, type)")
        part = _file(*item)
        if part is not None:
            yield part


def _file(name: Any, value: Any) -> Part | None:
    if not isinstance(value, tuple):
        filename, content, content_type, headers = _base_name(value) or name, value, None, None
    elif 2 <= len(value) <= 4:
        filename, content, content_type, headers = (*value, None, None)[:4]
    else:
        raise TypeError(f"files[{name!r}] is (filename, content), with a type and headers behind them, not {len(value)} items")
    if content is None:
        return None
    if isinstance(content, list):
        if not all(isinstance(piece, (bytes, str)) for piece in content):
            raise TypeError(f"files[{name!r}]: for several files under one name give pairs: files=[({name!r}, a), ({name!r}, b)]")
        content = b"".join(piece.encode() if isinstance(piece, str) else piece for piece in content)
    if isinstance(filename, os.PathLike):
        filename = PurePath(filename).name
    if content_type is None and filename is not None:
        content_type = _guess(filename)
    return Part(name, content, filename, content_type, headers or ())


def _base_name(content: Any) -> str | None:
    """What a file is called, None for what has no name, like a pipe."""
    name = content if isinstance(content, os.PathLike) else getattr(content, "name", None)
    if not isinstance(name, (str, os.PathLike)):
        return None
    base = PurePath(name).name
    return None if base.startswith("<") else base


def _guess(filename: Any) -> str:
    import mimetypes  # reads files of the system when it is first used

    # Only the extension: of a whole name it would see a URL where there is none.
    return mimetypes.guess_type("x" + os.path.splitext(str(filename))[1])[0] or "application/octet-stream"
