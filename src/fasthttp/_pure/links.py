"""`Link` fields read (RFC 8288 §3)."""

from __future__ import annotations

import re

__all__ = ["parse_links"]

_LINK = re.compile(r"""<([^<>]*+)>((?:[^,<"]|"(?:[^"\\]|\\.)*+")*+)""")
_LINK_PARAMETER = re.compile(r""";[ \t]*+([^\s=;,"]++)[ \t]*+(?:=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^\s;,"]*+)))?""")
_ESCAPED = re.compile(r"\\(.)")


def parse_links(text: str) -> dict[str, dict[str, str]]:
    """The links of a field by their relation, or by their target where they have none."""
    links: dict[str, dict[str, str]] = {}
    for target, rest in _LINK.findall(text):
        link = {"url": target}
        for name, quoted, token in _LINK_PARAMETER.findall(rest):
            link.setdefault(name.lower(), _ESCAPED.sub(r"\1", quoted) or token)
        for key in link.get("rel", target).split() or [target]:
            links.setdefault(key, link)
    return links
