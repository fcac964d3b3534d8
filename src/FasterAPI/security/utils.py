"""Reading credentials."""

from __future__ import annotations

__all__ = ["get_authorization_scheme_param"]


def get_authorization_scheme_param(authorization_header_value: str | None) -> tuple[str, str]:
    """The scheme and the rest of an `Authorization` field; two empty texts where there is none."""
    scheme, _, rest = (authorization_header_value or "").partition(" ")
    return scheme, rest.strip()
