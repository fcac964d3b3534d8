"""Security schemes: dependencies that take credentials from requests, and stand in the schema. Loaded when first used."""

from __future__ import annotations

import hmac
import importlib
from typing import Any

_HOME_OF = {
    **dict.fromkeys(("APIKeyCookie", "APIKeyHeader", "APIKeyQuery"), "api_key"),
    **dict.fromkeys(("HTTPAuthorizationCredentials", "HTTPBasic", "HTTPBasicCredentials", "HTTPBearer", "HTTPDigest"), "http"),
    **dict.fromkeys(("OAuth2", "OAuth2AuthorizationCodeBearer", "OAuth2PasswordBearer"), "oauth2"),
    **dict.fromkeys(("OAuth2PasswordRequestForm", "OAuth2PasswordRequestFormStrict"), "oauth2"),
    "OpenIdConnect": "open_id_connect_url",
    "SecurityScopes": "base",
}

__all__ = [*_HOME_OF, "compare"]


def compare(a: str | bytes, b: str | bytes) -> bool:
    """Whether two secrets are equal, in a time that does not tell how much of them is."""
    first, second = (value.encode() if isinstance(value, str) else value for value in (a, b))
    return hmac.compare_digest(first, second)


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    return value
