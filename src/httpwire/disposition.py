"""`Content-Disposition`, parsed and written (RFC 6266, RFC 8187). What it says is a wish: the name is not safe to be used."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

from httpwire.mime import parse_content_type

__all__ = ["format_disposition", "parse_disposition"]

_EXTENDED = re.compile(r"([A-Za-z0-9-]{1,20})'[A-Za-z0-9-]*'([!#$&+.^_`|~0-9A-Za-z%-]*)")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_ATTR_CHARS = "!#$&+-.^_`|~"


def parse_disposition(value: str) -> tuple[str, str | None]:
    """The type in lower case, and the file name as given, None without one. `filename*` wins where it can be decoded."""
    kind, parameters = parse_content_type(value)
    name = parameters.get("filename")
    extended = _EXTENDED.fullmatch(parameters.get("filename*", ""))
    if extended is not None and not _BAD_ESCAPE.search(extended[2]):
        charset = extended[1].lower()
        try:
            if charset in ("utf-8", "iso-8859-1"):  # the two that RFC 8187 §3.2.1 has known
                name = unquote_to_bytes(extended[2]).decode(charset)
        except UnicodeDecodeError:
            pass
    return kind, name


def format_disposition(kind: str, filename: str, *, encode_controls: bool = False) -> str:
    """The field for a type (`attachment`, `inline`, `form-data` …) and a file name.

    A name beyond plain ASCII is written twice: for old recipients with underscores in place of what they cannot read, and as
    it is.

    Args:
        kind: a token.
        filename: the name.
        encode_controls: write control characters as such a name, and what is no character (a lone surrogate) as `?`.

    Raises:
        ValueError: the type is no token; the name has control characters, unless they are to be encoded.
    """
    if not _TOKEN.fullmatch(kind):
        raise ValueError(f"content disposition {kind!r} is no token")
    bad = _CONTROL.search(filename)
    if bad is not None and not encode_controls:
        raise ValueError(f"file name: control character U+{ord(bad[0]):04X} at offset {bad.start()}")
    plain = _CONTROL.sub("_", filename).encode("ascii", "replace").decode("ascii").replace("?", "_").replace("%", "_")
    quoted = plain.replace("\\", "\\\\").replace('"', '\\"')
    field = f'{kind}; filename="{quoted}"'
    if plain != filename:
        field += f"; filename*=UTF-8''{quote(filename, safe=_ATTR_CHARS, errors='replace')}"
    return field
