"""Which kinds of credentials the routes of an app have: their names and where tokens come from, never what they hold."""

from __future__ import annotations

from typing import Any

from fasthttp._pure.masks import Masks
from fasthttp.auth import BasicAuth, BearerAuth, DigestAuth, OAuth2ClientCredentials

__all__ = ["Schemes"]

_HTTP = ((BasicAuth, "basic"), (DigestAuth, "digest"), (BearerAuth, "bearer"))


class Schemes:
    """The security schemes of a document. `components` has those that were asked for."""

    def __init__(self, masks: Masks) -> None:
        self._masks = masks
        self.components: dict[str, dict[str, Any]] = {}

    def of(self, auth: Any) -> dict[str, Any]:
        """What an operation says of its credentials: a requirement, or, of a class that OpenAPI has no scheme for, its name."""
        if isinstance(auth, tuple):
            return self._require("basicAuth", {"type": "http", "scheme": "basic"})
        for kind, scheme in _HTTP:
            if isinstance(auth, kind):
                return self._require(f"{scheme}Auth", {"type": "http", "scheme": scheme})
        if isinstance(auth, OAuth2ClientCredentials):
            scopes = (auth.scopes or "").split()
            flow = {"tokenUrl": self._masks.url(auth.token_url), "scopes": dict.fromkeys(scopes, "")}
            return self._require("oauth2ClientCredentials", {"type": "oauth2", "flows": {"clientCredentials": flow}}, scopes)
        return {"x-auth": type(auth).__name__.lstrip("_")}

    def _require(self, name: str, scheme: dict[str, Any], scopes: list[str] | None = None) -> dict[str, Any]:
        """A scheme under its name; a further one of the same kind, from another place, has a number behind it."""
        number = 1
        while self.components.setdefault(f"{name}{number}" if number > 1 else name, scheme) != scheme:
            number += 1
        return {"security": [{f"{name}{number}" if number > 1 else name: scopes or []}]}
