"""Host names beyond ASCII: UTS-46 §4, non-transitional, as the WHATWG URL Standard asks for it with beStrict false."""

from __future__ import annotations

import unicodedata

import idna

from httpwire.errors import InvalidURL

__all__ = ["to_ascii"]

_MAX_UNICODE_HOST = 512  # Punycode takes the square of it in time; no name in DNS has more than 253 characters


def to_ascii(domain: str) -> str:
    """The ASCII form of a domain name. Raises `InvalidURL`."""
    try:
        mapped = idna.uts46_remap(domain, std3_rules=False, transitional=False)
    except idna.IDNAError as exc:
        raise InvalidURL(f"host is not a valid domain name: {exc}") from exc
    if len(mapped) > _MAX_UNICODE_HOST:
        raise InvalidURL(f"internationalized host is longer than {_MAX_UNICODE_HOST} characters")
    labels = mapped.split(".")
    decoded = [_decode_label(label) if label.startswith("xn--") else label for label in labels]
    bidi = any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for label in decoded for char in label)
    for label in decoded:
        _check_label(label, bidi)
    return ".".join(label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii") for label in labels)


def _decode_label(label: str) -> str:
    """The Unicode form of an `xn--` label, which must be what the label's own encoding gives back."""
    try:
        plain = label[4:].encode("ascii").decode("punycode")
        canonical = idna.uts46_remap(plain, std3_rules=False, transitional=False)
    except (UnicodeError, OverflowError, idna.IDNAError) as exc:  # the codec overflows on digits that never end
        raise InvalidURL("host has an invalid xn-- label") from exc
    if not plain or plain.isascii() or canonical != plain:
        raise InvalidURL("host has an invalid xn-- label")
    if plain.encode("punycode").decode("ascii") != label[4:]:
        raise InvalidURL("host has an invalid xn-- label")
    return plain


def _check_label(label: str, bidi: bool) -> None:
    if label.isascii() and not bidi:
        return
    try:
        if label and unicodedata.category(label[0])[0] == "M":
            raise InvalidURL("host label begins with a combining mark")
        for at, char in enumerate(label):
            if char in "\u200c\u200d" and not idna.valid_contextj(label, at):
                raise InvalidURL("joiner in a host label outside its context")
        if bidi and label:
            idna.check_bidi(label, check_ltr=True)
    except (idna.IDNAError, ValueError) as exc:
        raise InvalidURL(f"host is not a valid domain name: {exc}") from exc
