"""What is not shown of URLs, texts and values, by the rules of one app. Alters nothing that is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from httpwire.masking import MASK, is_secret, mask_body, mask_fields, mask_url, mask_urls

__all__ = ["Masks"]

_PLACES = frozenset(("location", "content-location", "referer"))


class Masks:
    """Hides secrets.

    Args:
        names: of headers and fields, beside the built-in ones, that hold secrets.
        everything: False leaves it at headers and the user info of URLs.
    """

    __slots__ = ("_everything", "_names")

    def __init__(self, names: Iterable[str] = (), *, everything: bool = True) -> None:
        self._names = frozenset(name.lower() for name in names)
        self._everything = everything

    def url(self, url: str) -> str:
        """A URL, ready to be shown."""
        if self._everything:
            return mask_url(url, self._names)
        path, mark, query = url.partition("?")
        return mask_url(path) + mark + query

    def text(self, text: str) -> str:
        """A text with URLs in it."""
        return mask_urls(text, self.url)

    def fields(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Headers. Those that lead to other places may have secrets in their URLs, which need not be whole ones."""
        shown = mask_fields(pairs, self._names)
        return [(name, self.url(value) if name.lower() in _PLACES else self.text(value)) for name, value in shown]

    def body(self, text: str) -> str:
        """The text of a body that is no JSON."""
        return self.text(mask_body(text, self._names) if self._everything else text)

    def value(self, data: Any) -> Any:
        """Plain data: what stands under secret names is left out."""
        if isinstance(data, str):
            return self.text(data)
        if isinstance(data, list):
            return [self.value(item) for item in data]
        if not isinstance(data, Mapping):
            return data
        return {name: MASK if self.hides(name) else self.value(item) for name, item in data.items()}

    def hides(self, name: str) -> bool:
        """Whether a value under this name, of a field or a parameter, is not shown."""
        return self._everything and is_secret(name, self._names)
