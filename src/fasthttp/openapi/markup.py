"""HTML as a value: whatever is text is escaped, once, when it is put into an element. Knows nothing of what is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from typing import Any

__all__ = ["Markup", "code", "coloured_json", "element", "prose"]

Child = Any  # text, Markup, None, or several of these

_VOID = frozenset(("img", "input", "link", "meta"))
_CODE = re.compile(r"`+([^`]+)`+")
_JSON = re.compile(r'(?P<key>"(?:[^"\\]|\\.)*+")(?=:)|(?P<text>"(?:[^"\\]|\\.)*+")|(?P<number>-?\d[\d.eE+-]*+)|(?P<word>true|false|null)')


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, /, *children: Child, **attributes: Any) -> Markup:
    """An element. `class_` is the attribute `class`, `data_x` is `data-x`; True is an attribute without a value, None is none."""
    written = "".join(_attribute(key, value) for key, value in attributes.items() if value not in (None, False))
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{''.join(_inside(children))}</{name}>")


def _attribute(name: str, value: Any) -> str:
    name = name.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'


def _inside(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if child is None:
            continue
        if isinstance(child, (list, tuple)):
            yield from _inside(child)
        else:
            yield child if isinstance(child, Markup) else escape(str(child))


def prose(text: str, **attributes: Any) -> list[Markup]:
    """The paragraphs of a text, with what stands in backticks as code."""
    blocks = (block for block in re.split(r"\n\s*\n", text.strip()) if block.strip())
    return [element("p", code(block), **attributes) for block in blocks]


def code(text: str) -> list[Child]:
    """A line of text, with what stands in backticks as code."""
    pieces = _CODE.split(text)
    return [element("code", piece) if at % 2 else piece for at, piece in enumerate(pieces)]


def coloured_json(value: Any) -> list[Child]:
    """A value as indented JSON, its tokens marked by what they are."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    found: list[Child] = []
    end = 0
    for token in _JSON.finditer(text):
        found += [text[end : token.start()], element("span", token[0], class_=f"j-{token.lastgroup}")]
        end = token.end()
    return [*found, text[end:]]
