"""Which names carry secrets, and how values of such names are shown. Alters nothing that is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from urllib.parse import unquote_plus

__all__ = ["MASK", "is_secret", "mask_body", "mask_fields", "mask_text", "mask_url", "mask_urls"]

MASK = "*****"

_NAMES = frozenset(
    ("authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "x-auth-token", "x-csrf-token", "x-signature")
).union(("api_key", "apikey", "passwd", "sig", "signature", "session"))
_PARTS = re.compile(r"token|secret|password|api[-_]key")
_URL = re.compile(r"(?:https?|wss?)://[^\s'\"<>]+", re.IGNORECASE)
_USERINFO = re.compile(r"(?:(?<=://)|\A/{0,2})[^/?#\s]*@")  # also of a URL whose scheme was forgotten
_QUERY_PAIR = re.compile(r"(?<=[?&])([^=&#]+)=([^&#]*)")
_JSON_PAIR = re.compile(r'("((?:[^"\\]|\\.)*+)"\s*:\s*)("(?:[^"\\]|\\.)*+"|[^\s,{}\[\]"]++)')
_FORM_PAIR = re.compile(r"(?:(?<=^)|(?<=&))([^=&\s{}\"]++)=([^&\s]*+)")


def is_secret(name: str, more: Collection[str] = ()) -> bool:
    """Whether values under this header, query or form field name are never to be shown; `more` names in lower case."""
    name = name.lower()
    return name in _NAMES or name in more or _PARTS.search(name) is not None


def mask_fields(pairs: Iterable[tuple[str, str]], more: Collection[str] = ()) -> list[tuple[str, str]]:
    """Pairs with the values of secret names replaced."""
    return [(name, MASK if is_secret(name, more) else value) for name, value in pairs]


def mask_url(url: str, more: Collection[str] = ()) -> str:
    """A URL without its user info, and with the values of secret query names replaced."""
    if "@" in url:
        url = _USERINFO.sub("", url)
    if "?" in url:
        url = _QUERY_PAIR.sub(lambda pair: f"{pair[1]}={MASK}" if is_secret(unquote_plus(pair[1]), more) else pair[0], url)
    return url


def mask_text(text: str, more: Collection[str] = ()) -> str:
    """Free text, for instance of an exception, with every URL in it masked."""
    return mask_urls(text, lambda url: mask_url(url, more))


def mask_urls(text: str, mask: Callable[[str], str]) -> str:
    """Free text with every URL in it replaced by what `mask` makes of it."""
    return _URL.sub(lambda url: mask(url[0]), text) if "://" in text else text


def mask_body(text: str, more: Collection[str] = ()) -> str:
    """The text of a JSON or form body with the values of secret names replaced."""
    text = _JSON_PAIR.sub(lambda pair: f'{pair[1]}"{MASK}"' if is_secret(pair[2], more) else pair[0], text)
    return _FORM_PAIR.sub(lambda pair: f"{pair[1]}={MASK}" if is_secret(unquote_plus(pair[1]), more) else pair[0], text)
