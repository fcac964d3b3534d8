"""`multipart/form-data` (RFC 7578), written and read: heads of parts to bytes, bytes to events. Knows no files and no
requests, and makes up no boundary."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from httpwire.errors import ProtocolError
from httpwire.headers import Headers, check_name, check_value
from httpwire.mime import parse_content_type

__all__ = [
    "MultipartDecoder",
    "PartBegin",
    "PartData",
    "PartEnd",
    "check_boundary",
    "closing_line",
    "content_type_value",
    "opening_line",
    "parse_boundary",
    "part_head",
]

_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")  # RFC 2046 §5.1.1
_QUOTED = re.compile(r"[^0-9A-Za-z'+_\-.]")  # what a token must not hold (RFC 9110 §5.6.2), of that alphabet
_READABLE = re.compile(r"[\x20-\x7e]{1,70}")
_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})  # the form encoding of the HTML standard
# A parameter of Content-Disposition. In quotes only `\"` and `\\` are escapes, and the quote that ends the field never
# is one: browsers send a backslash, the separator of some file systems, as it is.
_PARAMETER = re.compile(
    r"""[ \t]*+(?:;[ \t]*+(?:([^\s=;"]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]++|\\\\|\\"(?![ \t]*+\Z)|\\)*+)"|([^;"]*+)))?+)[ \t]*+""", re.DOTALL
)
_ESCAPED = re.compile(r'\\(["\\])')
_CHARSETS = {"utf-8": "utf-8", "iso-8859-1": "latin-1"}  # of RFC 8187

# Another's parser logs each fault of a peer as a warning; here the exception says it.
_silent = logging.Logger("httpwire.multipart", logging.CRITICAL + 1)


# --- written


def check_boundary(boundary: str) -> bytes:
    """The boundary as bytes. Raises `ValueError` unless it is 1 to 70 characters of RFC 2046 §5.1.1."""
    if not _BOUNDARY.fullmatch(boundary):
        raise ValueError(f"multipart boundary {boundary[:80]!r} is not 1 to 70 letters, digits or '()+_,-./:=? with no space at the end")
    return boundary.encode("ascii")


def content_type_value(boundary: str, media_type: str = "multipart/form-data") -> str:
    """The `Content-Type` of a body with this boundary, in quotes where it has to be."""
    return f'{media_type}; boundary="{boundary}"' if _QUOTED.search(boundary) else f"{media_type}; boundary={boundary}"


def opening_line(boundary: bytes) -> bytes:
    """What stands before the head of a part. Behind its content stands CRLF."""
    return b"--%b\r\n" % boundary


def closing_line(boundary: bytes) -> bytes:
    """What ends the body."""
    return b"--%b--\r\n" % boundary


def part_head(
    name: str,
    filename: str | None = None,
    content_type: str | None = None,
    headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
) -> bytes:
    """The header lines of a part and the empty line: `Content-Disposition`, `Content-Type`, then `headers`.

    In names `"` becomes `%22`, CR `%0D`, LF `%0A`; other text is UTF-8. A Content-Type among `headers` replaces
    `content_type`.

    Raises:
        ValueError: NUL or a lone surrogate in a name, a control character in the type or in a field, or a
            Content-Disposition among `headers`.
    """
    lines = [f'Content-Disposition: form-data; name="{_escaped("field name", name)}"']
    if filename is not None:
        lines[0] += f'; filename="{_escaped("file name", filename)}"'
    fields = [(check_name(field), check_value(field, value)) for field, value in _pairs(headers)]
    given = {field.lower() for field, _ in fields}
    if "content-disposition" in given:
        raise ValueError(f"part {name!r}: Content-Disposition is made from the names and cannot be given")
    if content_type is not None and "content-type" not in given:
        fields.insert(0, ("Content-Type", check_value("Content-Type", content_type)))
    lines += [f"{field}: {value}" for field, value in fields]
    return "\r\n".join([*lines, "", ""]).encode()


def _pairs(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    return headers.items() if isinstance(headers, Mapping) else headers


def _escaped(what: str, name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"{what} must be str, got {type(name).__name__}")
    if "\0" in name:
        raise ValueError(f"{what} {name!r}: NUL is not allowed")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{what} {name!r} has no UTF-8 form; give another name") from None
    return name.translate(_ESCAPES)


# --- read


def parse_boundary(content_type: str | None) -> bytes:
    """The boundary that a `Content-Type` names. Raises `ProtocolError` when it is not multipart or names none."""
    media_type, parameters = parse_content_type(content_type or "")
    if not media_type.startswith("multipart/"):
        raise ProtocolError(f"Content-Type {media_type[:100]!r} is not multipart")
    boundary = parameters.get("boundary", "")
    if not boundary:
        raise ProtocolError("Missing boundary in multipart.")
    if not _READABLE.fullmatch(boundary):
        raise ProtocolError("the boundary of a multipart body is longer than 70 characters, or not ASCII text")
    return boundary.encode("ascii")


class PartBegin(NamedTuple):
    """A part begins. `filename` is None for a field that is no file; both names are as sent, never a safe path."""

    name: str
    filename: str | None
    content_type: str | None
    headers: Headers


class PartData(NamedTuple):
    """Bytes of the part that began last."""

    data: bytes


class PartEnd(NamedTuple):
    """The part is complete, of `size` bytes."""

    size: int


class MultipartDecoder:
    """The events of a body, however it is cut: each part is a `PartBegin`, any number of `PartData`, a `PartEnd`.

    Linear in its input; keeps no more than the header lines of one part.

    Args:
        boundary: see `parse_boundary`.
        max_fields, max_files: parts without and with a file name.
        max_part_size: bytes of one part that is no file.
        max_fields_size: bytes of all of them together.
        max_headers, max_header_size: header lines of a part, and their bytes together.
        max_name_size: bytes of a field name.

    Any limit may be None. Attributes: `complete`, whether the closing boundary was read; what follows it is ignored.

    Raises `ProtocolError`: status 413 for a limit, 400 for anything that is malformed; no event follows it.
    """

    def __init__(
        self,
        boundary: bytes,
        *,
        max_fields: int | None = 1000,
        max_files: int | None = 1000,
        max_part_size: int | None = 1 << 20,
        max_fields_size: int | None = None,
        max_headers: int | None = 32,
        max_header_size: int | None = 16384,
        max_name_size: int | None = 4096,
    ) -> None:
        from python_multipart.multipart import MultipartParser  # only servers need it

        self.complete = False
        self._max_fields = max_fields
        self._max_files = max_files
        self._max_part_size = max_part_size
        self._max_fields_size = max_fields_size
        self._max_header_size = max_header_size
        self._max_name_size = max_name_size
        self._begun = False
        self._error: ProtocolError | None = None
        self._events: list[PartBegin | PartData | PartEnd] = []
        self._name = bytearray()
        self._value = bytearray()
        self._lines: list[tuple[bytes, bytes]] = []
        self._header_size = 0
        self._is_file = False
        self._size = 0
        self._fields = 0
        self._files = 0
        self._fields_size = 0
        unlimited = 1 << 62
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part_begin,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
            max_header_count=unlimited if max_headers is None else max_headers,
            max_header_size=unlimited if max_header_size is None else max_header_size,
        )
        self._parser.logger = _silent

    def feed(self, data: bytes) -> list[PartBegin | PartData | PartEnd]:
        """The events that these bytes complete."""
        from python_multipart.exceptions import FormParserError

        if self._error is not None:
            raise self._error
        if not self._begun:
            # Empty lines before the first boundary. The parser skips more than those, and not the same however it is cut.
            data = data.lstrip(b"\r\n")
            self._begun = bool(data)
        try:
            self._parser.write(data)
        except ProtocolError as exc:
            self._error = exc
            raise
        except FormParserError as exc:
            limit = str(exc).startswith("Maximum header")
            self._error = ProtocolError(f"multipart body: {exc}", status=413 if limit else 400)
            raise self._error from None
        events, self._events = self._events, []
        return events

    def finish(self) -> None:
        """Say that no more comes. Raises `ProtocolError` unless the closing boundary was read."""
        if self._error is not None:
            raise self._error
        if not self.complete:
            raise ProtocolError("multipart body: ended before its closing boundary")

    # --- called by the parser

    def _on_part_begin(self) -> None:
        self._lines = []
        self._header_size = 0
        self._size = 0

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        self._count_header(4)  # the colon, the space and the line's end
        if b"\n" in self._value:
            raise ProtocolError("multipart body: bare LF in a header line of a part")
        self._lines.append((bytes(self._name), bytes(self._value).strip(b" \t")))
        self._name.clear()
        self._value.clear()

    def _count_header(self, size: int) -> None:
        self._header_size += size
        if self._max_header_size is not None and self._header_size > self._max_header_size:
            raise ProtocolError(f"multipart body: the headers of a part exceed {self._max_header_size} bytes", status=413)

    def _on_headers_finished(self) -> None:
        name, filename = _disposition(self._lines)
        if self._max_name_size is not None and len(name) > self._max_name_size:
            raise ProtocolError(f"multipart body: a field name exceeds {self._max_name_size} bytes", status=413)
        self._is_file = filename is not None
        if self._is_file:
            self._files += 1
            _check_count("files", self._files, self._max_files)
        else:
            self._fields += 1
            _check_count("fields", self._fields, self._max_fields)
        headers = Headers.from_wire(self._lines)
        text = None if filename is None else _decoded("file name", filename)
        self._events.append(PartBegin(_decoded("field name", name), text, headers.get("content-type"), headers))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if not self._is_file:
            self._fields_size += end - start
            if self._max_part_size is not None and self._size > self._max_part_size:
                raise ProtocolError(f"Part exceeded maximum size of {self._max_part_size // 1024}KB.", status=413)
            if self._max_fields_size is not None and self._fields_size > self._max_fields_size:
                raise ProtocolError(f"multipart body: all fields exceed {self._max_fields_size} bytes", status=413)
        self._events.append(PartData(data[start:end]))

    def _on_part_end(self) -> None:
        self._events.append(PartEnd(self._size))

    def _on_end(self) -> None:
        self.complete = True


def _check_count(what: str, count: int, limit: int | None) -> None:
    if limit is not None and count > limit:
        raise ProtocolError(f"Too many {what}. Maximum number of {what} is {limit}.", status=413)


def _decoded(what: str, name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise ProtocolError(f"multipart body: a {what} is not UTF-8") from None


def _disposition(lines: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes | None]:
    """Field name and file name of a part.

    `filename*` has no place in a form (RFC 7578 §4.2), but there are clients that send nothing else; beside a plain
    `filename` it is passed over, so that nobody before us can have seen another name.
    """
    found = [value for name, value in lines if name.lower() == b"content-disposition"]
    if len(found) != 1:
        raise ProtocolError(f"multipart body: a part has {len(found)} Content-Disposition lines, not one")
    _, semicolon, rest = found[0].decode("latin-1").partition(";")
    rest = semicolon + rest
    parameters: dict[str, str] = {}
    at = 0
    while at < len(rest):
        match = _PARAMETER.match(rest, at)
        if match is None:
            raise ProtocolError("multipart body: malformed Content-Disposition of a part")
        at = match.end()
        name, quoted, token = match.groups()
        if name is not None:
            if name.lower() in parameters:
                raise ProtocolError("multipart body: a Content-Disposition has a parameter twice")
            parameters[name.lower()] = _ESCAPED.sub(r"\1", quoted) if quoted is not None else token.strip()
    if "name" not in parameters:
        raise ProtocolError('The Content-Disposition header field "name" must be provided.')
    filename = parameters.get("filename")
    if filename is None and "filename*" in parameters:
        return parameters["name"].encode("latin-1"), _extended(parameters["filename*"])
    return parameters["name"].encode("latin-1"), None if filename is None else filename.encode("latin-1")


def _extended(value: str) -> bytes:
    """The value of a `name*` parameter (RFC 8187 §3.2) in UTF-8."""
    charset, _, rest = value.partition("'")
    encoding = _CHARSETS.get(charset.lower())
    if encoding is None:
        raise ProtocolError("multipart body: the character set of a filename* is neither UTF-8 nor ISO-8859-1")
    raw = unquote_to_bytes(rest.partition("'")[2].encode("latin-1"))
    return raw if encoding == "utf-8" else raw.decode(encoding).encode()
