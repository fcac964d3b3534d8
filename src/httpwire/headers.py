"""Header fields as people use them: a dict without regard to case that still knows every line and its order.

Knows no meaning of any field, except that `Set-Cookie` lines cannot be joined (RFC 9110 §5.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from httpwire.errors import InvalidHeader

__all__ = ["HeaderTypes", "Headers", "check_name", "check_value"]


HeaderTypes = Mapping[str, str] | Mapping[str, bytes] | Mapping[bytes, bytes] | Iterable[tuple[str | bytes, str | bytes]]

_NOT_TOKEN = re.compile(r"[^!#$%&'*+\-.^_`|~0-9A-Za-z]")
_UNSENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")  # a lone surrogate has no UTF-8 form
_MISSING: Any = object()
_first = itemgetter(0)


def check_name(name: str | bytes) -> str:
    """The field name as text. Raises `InvalidHeader` unless it is a token (RFC 9110 §5.1)."""
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    elif not isinstance(name, str):
        raise TypeError(f"header name must be str or bytes, got {type(name).__name__}")
    bad = _NOT_TOKEN.search(name)
    if bad is not None:
        raise InvalidHeader(f"header name: character U+{ord(bad[0]):04X} at offset {bad.start()} is not allowed")
    if not name:
        raise InvalidHeader("header name is empty")
    return name


def check_value(name: str, value: str | bytes) -> str:
    """The field value as text. Raises `InvalidHeader` for control characters other than a tab (RFC 9110 §5.5).

    Lone surrogates, which cannot be encoded, count as control characters.
    """
    if isinstance(value, bytes):
        value = _decode(value)
    elif not isinstance(value, str):
        raise TypeError(f"header {name!r}: value must be str or bytes, got {type(value).__name__}")
    bad = _UNSENDABLE.search(value)
    if bad is not None:
        raise InvalidHeader(f"header {name!r}: control character U+{ord(bad[0]):04X} at offset {bad.start()}")
    return value


def _decode(value: bytes) -> str:
    """UTF-8 where it is, Latin-1 where it is not: both are on the wire, and neither is announced."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _pairs(source: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(source, Headers):
        return source._lines
    if isinstance(source, Mapping) or hasattr(source, "keys"):
        names = source.keys()
        return [(name, source[name]) for name in names]
    if isinstance(source, (str, bytes)):
        raise TypeError("headers must be a mapping or (name, value) pairs")
    return list(source)


class Headers(dict[str, str]):
    """Header fields: `headers["Content-Type"]`, whatever the case.

    A look-up joins repeated lines with a comma; `set-cookie` gives the first. `get_list` gives each line, `raw` the
    byte pairs in order and with their case, `multi_items` all pairs with lower-case names. Values that are set are
    checked: `InvalidHeader` names the field, the character and its place.
    """

    __slots__ = ("_block", "_lines")

    def __init__(self, source: HeaderTypes | None = None, /, **named: str) -> None:
        super().__init__()
        self._lines: list[tuple[str, str]] = []
        self._block: bytes | None = None
        if source is not None:
            for name, value in _pairs(source):
                self.add(name, value)
        for name, value in named.items():
            self.add(name, value)

    @classmethod
    def from_wire(cls, fields: Iterable[tuple[bytes, bytes]]) -> Headers:
        """From fields that a parser has checked; white space behind a value is no part of it (RFC 9112 §5)."""
        headers = cls()
        lines = headers._lines
        for name, value in fields:
            lines.append((name.decode("latin-1"), _decode(value.rstrip(b" \t"))))
            headers._join(*lines[-1])
        return headers

    def _join(self, name: str, value: str) -> None:
        key = name.lower()
        earlier = dict.get(self, key)
        if earlier is None:
            super().__setitem__(key, value)
        elif key != "set-cookie":
            super().__setitem__(key, f"{earlier}, {value}")

    def add(self, name: str | bytes, value: str | bytes) -> None:
        """Append a line; earlier ones with this name stay."""
        name = check_name(name)
        value = check_value(name, value)
        self._lines.append((name, value))
        self._block = None
        self._join(name, value)

    def prepend(self, name: str, value: str) -> None:
        """Put a field before all others; it must not be there yet."""
        self._lines.insert(0, (name, check_value(check_name(name), value)))
        self._block = None
        self._join(name, value)

    def get_list(self, name: str) -> list[str]:
        """The value of each line with this name, in order."""
        key = name.lower()
        return [value for line, value in self._lines if line.lower() == key]

    def multi_items(self) -> list[tuple[str, str]]:
        """All lines in order, names in lower case."""
        return [(name.lower(), value) for name, value in self._lines]

    @property
    def raw(self) -> list[tuple[bytes, bytes]]:
        """All lines in order as bytes, names as they were given or received."""
        return [(name.encode("latin-1"), value.encode()) for name, value in self._lines]

    def encode(self) -> bytes:
        """All lines as they go on the wire, each ended by CRLF. Kept until the next change."""
        if self._block is None:
            self._block = b"".join([b"%b: %b\r\n" % line for line in self.raw])
        return self._block

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def __setitem__(self, name: str, value: str) -> None:
        name = check_name(name)
        value = check_value(name, value)
        key = name.lower()
        self._block = None
        if super().__contains__(key):
            at = next(index for index, line in enumerate(self._lines) if line[0].lower() == key)
            later = [line for line in self._lines[at + 1 :] if line[0].lower() != key]
            self._lines[at:] = [(name, value), *later]
        else:
            self._lines.append((name, value))
        super().__setitem__(key, value)

    def __delitem__(self, name: str) -> None:
        key = name.lower()
        super().__delitem__(key)
        self._block = None
        self._lines = [line for line in self._lines if line[0].lower() != key]

    def pop(self, name: str, default: Any = _MISSING) -> Any:
        if name not in self:
            if default is _MISSING:
                raise KeyError(name)
            return default
        value = self[name]
        del self[name]
        return value

    def popitem(self) -> tuple[str, str]:
        if not self._lines:
            raise KeyError("headers are empty")
        key = self._lines[-1][0].lower()
        return key, self.pop(key)

    def setdefault(self, name: str, default: str = "") -> str:
        if name not in self:
            self[name] = default
        return self[name]

    def update(self, source: Any = (), /, **named: str) -> None:
        """Replace the fields that `source` names; several lines of one name in it all stay."""
        incoming = Headers(source, **named)
        for name in incoming:
            self.pop(name, None)
        for name, value in incoming._lines:
            self.add(name, value)

    def clear(self) -> None:
        super().clear()
        self._lines = []
        self._block = None

    def copy(self) -> Headers:
        copied = Headers()
        dict.update(copied, self)
        copied._lines = list(self._lines)
        copied._block = self._block
        return copied

    __copy__ = copy

    def __deepcopy__(self, memo: object) -> Headers:
        return self.copy()

    @classmethod
    def fromkeys(cls, names: Iterable[str], value: Any = "", /) -> Headers:  # type: ignore[override]
        return cls([(name, value) for name in names])

    def __or__(self, other: Any) -> Headers:  # type: ignore[override]
        merged = self.copy()
        merged.update(other)
        return merged

    def __ror__(self, other: Any) -> Headers:  # type: ignore[override]
        merged = Headers(other)
        merged.update(self)
        return merged

    def __ior__(self, other: Any) -> Headers:  # type: ignore[override]
        self.update(other)
        return self

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Headers):
            # Lines of one name keep their order: that is part of their meaning, the order of names is not.
            return sorted(self.multi_items(), key=_first) == sorted(other.multi_items(), key=_first)
        if isinstance(other, Mapping):
            return dict(self) == {str(key).lower(): value for key, value in other.items()}
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        # dict has a comparison of its own for this, which would look at the joined values only.
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    __hash__ = None

    def __reduce__(self) -> tuple[Any, ...]:
        return (Headers, (list(self._lines),))

    def __repr__(self) -> str:
        from httpwire.masking import mask_fields

        return f"Headers({mask_fields(self._lines)!r})"
