"""What the options of a route come to: its URL, its defaults by level, its template. Sends nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from fasthttp.errors import UnsupportedScheme
from fasthttp.models import http_target, refuse_controls
from httpwire.query import flatten, parse_query

__all__ = [
    "SETTINGS",
    "VERBS",
    "RelativeURL",
    "check_url",
    "complete_url",
    "fill_path",
    "join_prefix",
    "merge_headers",
    "merge_params",
    "merge_settings",
    "split_url",
    "template_names",
]

VERBS = ("get", "query", "post", "put", "patch", "delete", "head", "options")
SETTINGS = ("headers", "timeout", "allow_redirects", "params", "json", "data", "files", "auth")  # what `config` always has

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_BARE_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?![0-9])")
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^/?#:@\s]+):[0-9]+(?=[/?#]|$)")
_LOOPBACK = re.compile(r"(?:(?:[^/?#:@]+\.)?localhost\.?|127(?:\.[0-9]+){0,3}|\[::1\])(?=[:/?#]|$)", re.IGNORECASE)
_FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


class RelativeURL(ValueError):
    """A URL that needs a base, and has none."""


def check_url(url: str, schemes: Sequence[str] = ("http", "https")) -> None:
    """What can be said of a route's URL when it is declared, before any base is known.

    Raises:
        InvalidURL, UnsupportedScheme: it can never be sent, whatever the base.
    """
    if not isinstance(url, str):
        raise TypeError(f"url must be str, got {type(url).__name__}")
    refuse_controls(url)
    scheme = _SCHEME.match(url)
    if scheme is not None:
        name = scheme[1].lower()
        if name not in schemes:
            raise UnsupportedScheme(f"Invalid URL: scheme {name!r} is not for this kind of route; use {' or '.join(schemes)}")
        before, path, _ = split_url(url)
        http_target(re.sub(r"^ws", "http", before + _FIELD.sub("x", path), flags=re.IGNORECASE))
    elif (bare := _BARE_SCHEME.match(url)) is not None and "." not in bare[1]:
        raise UnsupportedScheme(f"Invalid URL: scheme {bare[1].lower()!r} is not for this kind of route; use {' or '.join(schemes)}")


def complete_url(url: str, base: str | None, *, secure: str = "https", plain: str = "http") -> str:
    """The URL with its scheme and host.

    Args:
        url: absolute; or relative to `base`; or, without a base, one that begins with a host.
        base: prefix of relative URLs; its path is kept.
        secure, plain: the schemes that a host without one gets: the second for loopback.

    Raises:
        RelativeURL: it is relative, and there is no base.
    """
    if _SCHEME.match(url):
        return url
    if base:
        prefix = complete_url(base, None, secure=secure, plain=plain).rstrip("/")
        return prefix + url if not url or url.startswith("?") else f"{prefix}/{url.lstrip('/')}"
    if _LOOPBACK.match(url):
        return f"{plain}://{url}"
    first = re.split(r"[/?#]", url, maxsplit=1)[0]
    if _HOST_PORT.match(url) or ("." in first and not url.startswith((".", "/", "?"))):
        return f"{secure}://{url}"
    raise RelativeURL(f"Relative URL requires base_url: {url!r}")


def join_prefix(prefix: str, url: str) -> str:
    """A router's prefix before a URL, with one slash between; an absolute URL stays as it is."""
    if not prefix.strip("/") or _SCHEME.match(url):
        return url
    joined = "/" + prefix.strip("/")
    return joined + url if not url or url.startswith("?") else f"{joined}/{url.lstrip('/')}"


def split_url(url: str) -> tuple[str, str, str]:
    """Scheme and authority, path, and what follows it."""
    scheme = _SCHEME.match(url)
    start = re.compile(r"[/?#]|$").search(url, scheme.end()).start() if scheme else 0  # type: ignore[union-attr]
    end = re.compile(r"[?#]|$").search(url, start).start()  # type: ignore[union-attr]
    return url[:start], url[start:end], url[end:]


def template_names(url: str) -> tuple[str, ...]:
    """The names of the template fields in the path of a URL, in order."""
    return _names_in(url) if "{" in url else ()


@lru_cache(maxsize=256)  # with `each=`, the same template is asked for again and again
def _names_in(url: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_FIELD.findall(split_url(url)[1])))


def fill_path(url: str, values: Mapping[str, Any]) -> str:
    """The URL with its fields filled, each value as one segment. Raises `ValueError` for missing or surplus names."""
    before, path, rest = split_url(url)
    names = _FIELD.findall(path)
    missing = [name for name in names if name not in values]
    surplus = [name for name in values if name not in names]
    if missing:
        raise ValueError(f"path_params lacks {missing[0]!r}, which {url!r} needs")
    if surplus:
        raise ValueError(f"path_params has {surplus[0]!r}, which {url!r} does not name")
    return before + _FIELD.sub(lambda field: _segment(field[1], values[field[1]]), path) + rest


def _segment(name: str, value: Any) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if value is None or isinstance(value, (Mapping, list, tuple, set)):
        raise ValueError(f"path_params[{name!r}] is {value!r}; it takes text or a number")
    text = quote(str(value), safe="")
    if text in ("", ".", ".."):
        raise ValueError(f"path_params[{name!r}] is {value!r}, which cannot be a segment of a path")
    return text


def merge_headers(*levels: Mapping[str, Any] | None) -> dict[str, Any]:
    """Headers of several levels, the later ones winning by name whatever the case; None as a value removes one."""
    merged: dict[str, tuple[str, Any]] = {}
    for level in levels:
        for name, value in (level or {}).items():
            merged[name.lower()] = (name, value)
    return dict(merged.values())


def merge_params(*levels: Any) -> Any:
    """Parameters of several levels, merged by name where both are mappings; else the later ones stand behind the earlier."""
    merged: Any = None
    for level in levels:
        if level is None:
            continue
        if merged is None:
            merged = dict(level) if isinstance(level, Mapping) else level
        elif isinstance(merged, Mapping) and isinstance(level, Mapping):
            merged = {**merged, **level}
        else:
            merged = [*flatten(_pairs(merged)), *flatten(_pairs(level))]
    return merged


def _pairs(params: Any) -> Any:
    if isinstance(params, (str, bytes)):
        return parse_query(params if isinstance(params, str) else params.decode())
    return params


def merge_settings(*levels: Mapping[str, Any]) -> dict[str, Any]:
    """`headers`, `params`, `timeout` and `allow_redirects` of several levels, weakest first."""
    merged: dict[str, Any] = {}
    for level in levels:
        for name, value in level.items():
            merge: Callable[..., Any] | None = {"headers": merge_headers, "params": merge_params}.get(name)
            merged[name] = value if merge is None else merge(merged.get(name), value)
    return merged
