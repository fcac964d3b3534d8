"""Keys in the query, a header or a cookie."""

from __future__ import annotations

from typing import Any, ClassVar

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from FasterAPI.openapi.models import APIKey, APIKeyIn
from FasterAPI.security.base import SecurityBase

__all__ = ["APIKeyBase", "APIKeyCookie", "APIKeyHeader", "APIKeyQuery"]


class APIKeyBase(SecurityBase):
    """A key under a name.

    Args:
        name: of the parameter, field or cookie.
        scheme_name: in the schema; the name of the class by default.
        description: for the schema.
        auto_error: answer 401 where there is no key; else the value is None.
    """

    _place: ClassVar[APIKeyIn]
    model: APIKey

    def __init__(self, name: str, *, scheme_name: str | None = None, description: str | None = None, auto_error: bool = True) -> None:
        place: Any = {"in": self._place}
        self.model = APIKey(**place, name=name, description=description)
        self.scheme_name = scheme_name or type(self).__name__
        self.auto_error = auto_error

    def make_not_authenticated_error(self) -> HTTPException:
        """The exception for a request without a key."""
        return HTTPException(401, "Not authenticated", {"WWW-Authenticate": "APIKey"})

    def check_api_key(self, api_key: str | None) -> str | None:
        """The key, or what `auto_error` says for none."""
        if api_key:
            return api_key
        if self.auto_error:
            raise self.make_not_authenticated_error()
        return None


class APIKeyQuery(APIKeyBase):
    """A key in the query."""

    _place = APIKeyIn.query

    async def __call__(self, request: HTTPConnection) -> str | None:
        return self.check_api_key(request.query_params.get(self.model.name))


class APIKeyHeader(APIKeyBase):
    """A key in a header field."""

    _place = APIKeyIn.header

    async def __call__(self, request: HTTPConnection) -> str | None:
        return self.check_api_key(request.headers.get(self.model.name))


class APIKeyCookie(APIKeyBase):
    """A key in a cookie."""

    _place = APIKeyIn.cookie

    async def __call__(self, request: HTTPConnection) -> str | None:
        return self.check_api_key(request.cookies.get(self.model.name))
