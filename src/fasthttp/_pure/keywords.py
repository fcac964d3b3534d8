"""Which keywords of a module-level verb are for the client and which for the call."""

from __future__ import annotations

from typing import Any

__all__ = ["split_keywords"]

_SETTINGS = frozenset(
    "base_url pool logger user_agent limits proxies trust_env transport uds local_address resolver default_encoding"
    " max_decompress_ratio max_header_bytes max_header_count sensitive_headers".split()
)


def split_keywords(keywords: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(settings of a client, options of its one call). A name that both know belongs to the call."""
    settings = {name: value for name, value in keywords.items() if name in _SETTINGS}
    return settings, {name: value for name, value in keywords.items() if name not in _SETTINGS}
