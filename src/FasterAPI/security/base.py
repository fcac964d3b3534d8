"""What all security schemes are, and the scopes that a dependency learns."""

from __future__ import annotations

from typing import Any

__all__ = ["SecurityBase", "SecurityScopes"]


class SecurityBase:
    """A scheme: a dependency that takes credentials from a request, with a model of it for the schema of the API."""

    model: Any
    scheme_name: str


class SecurityScopes:
    """The OAuth2 scopes that whoever depends on this asks for, in order. `scope_str`: joined by blanks."""

    def __init__(self, scopes: list[str] | None = None) -> None:
        self.scopes: list[str] = scopes or []
        self.scope_str: str = " ".join(self.scopes)
