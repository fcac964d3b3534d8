"""Names of keywords: which are for the client and which for the call, and what an unknown one may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["split_keywords", "unknown_keyword"]

_SETTINGS = frozenset(
    "base_url pool logger user_agent limits proxies trust_env transport uds local_address resolver default_encoding"
    " max_decompress_ratio max_header_bytes max_header_count sensitive_headers".split()
)
# What other libraries call it, where no spelling leads from one to the other.
_HERE = {
    "allow_redirects": "follow_redirects",
    "redirect": "follow_redirects",
    "body": "content",
    "fields": "data",
    "form": "data",
    "multipart": "files",
    "query": "params",
    "query_params": "params",
    "proxies": "proxy",
    "ssl": "verify",
    "ca_certs": "verify",
    "client_cert": "cert",
    "preload_content": "stream",
    "read_timeout": "timeout",
    "connect_timeout": "timeout",
    "event_hooks": "hooks",
    "trace_configs": "trace",
    "max_retries": "retry",
    "retries": "retry",
    "cookie_jar": "cookies",
    "app": "transport",
    "mounts": "proxies",
    "connector": "limits",
    "prefix_url": "base_url",
}


def split_keywords(keywords: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(settings of a client, options of its one call). A name that both know belongs to the call."""
    settings = {name: value for name, value in keywords.items() if name in _SETTINGS}
    return settings, {name: value for name, value in keywords.items() if name not in _SETTINGS}


def unknown_keyword(name: str, known: Iterable[str], caller: str = "") -> TypeError:
    """The error for a keyword that is none of the `known`: with the one that was probably meant, where there is one."""
    import difflib

    known = set(known)
    meant = [_HERE[name]] if _HERE.get(name) in known else difflib.get_close_matches(name, sorted(known), n=1)
    hint = f"; did you mean {meant[0]!r}?" if meant else ""
    if not hint and not caller and name in _SETTINGS:
        hint = "; it is one of the client's"
    return TypeError(f"{caller}{' got an ' if caller else ''}unexpected keyword argument {name!r}{hint}")
