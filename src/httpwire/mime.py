"""Media types: `Content-Type` taken apart (RFC 9110 §8.3). Knows no bodies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

__all__ = ["charset", "is_json", "parse_content_type"]

# A parameter: token "=" ( token | quoted-string ). Possessive, so that no input makes it backtrack.
_PARAMETER = re.compile(r""";[ \t]*+([^\s=;"]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]++|\\.)*+)"|([^\s;"]*+))""")
_ESCAPED = re.compile(r"\\(.)")


@lru_cache(maxsize=256)
def parse_content_type(value: str) -> tuple[str, Mapping[str, str]]:
    """Split a `Content-Type` into the lower-case media type and its parameters (names in lower case, quotes undone).

    The first of several parameters with one name wins; what is malformed is passed over.
    """
    media_type = value.partition(";")[0].strip().lower()
    parameters: dict[str, str] = {}
    for match in _PARAMETER.finditer(value):
        name, quoted, token = match.groups()
        parameters.setdefault(name.lower(), _ESCAPED.sub(r"\1", quoted) if quoted is not None else token)
    return media_type, MappingProxyType(parameters)


def charset(content_type: str | None) -> str | None:
    """The `charset` parameter in lower case, or None."""
    if not content_type:
        return None
    name = parse_content_type(content_type)[1].get("charset", "").strip("'\" ")
    return name.lower() or None


def is_json(content_type: str | None) -> bool:
    """Whether the media type is `application/json` or ends in `+json` (RFC 6839 §3.1)."""
    if not content_type:
        return False
    media_type = parse_content_type(content_type)[0]
    return media_type == "application/json" or media_type.endswith("+json")
