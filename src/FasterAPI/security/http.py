"""HTTP's own authentication: Basic, Bearer, Digest (RFC 9110 §11)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Any

from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from FasterAPI.openapi.models import HTTPBase as HTTPBaseModel
from FasterAPI.openapi.models import HTTPBearer as HTTPBearerModel
from FasterAPI.security.base import SecurityBase
from FasterAPI.security.utils import get_authorization_scheme_param

__all__ = ["HTTPAuthorizationCredentials", "HTTPBase", "HTTPBasic", "HTTPBasicCredentials", "HTTPBearer", "HTTPDigest"]


class HTTPBasicCredentials(BaseModel):
    """User name and password."""

    username: str
    password: str


class HTTPAuthorizationCredentials(BaseModel):
    """Scheme and credentials, as they were sent."""

    scheme: str
    credentials: str


class HTTPBase(SecurityBase):
    """Any scheme of the `Authorization` field.

    Args:
        scheme: its name.
        scheme_name: in the schema; the name of the class by default.
        description: for the schema.
        auto_error: answer 401 where there are no credentials; else the value is None.
    """

    model: HTTPBaseModel
    _wanted: str | None = None  # the scheme that is taken; None: any

    def __init__(self, *, scheme: str, scheme_name: str | None = None, description: str | None = None, auto_error: bool = True) -> None:
        self._set_up(HTTPBaseModel(scheme=scheme, description=description), scheme_name, auto_error)

    def _set_up(self, model: HTTPBaseModel, scheme_name: str | None, auto_error: bool) -> None:
        self.model = model
        self.scheme_name = scheme_name or type(self).__name__
        self.auto_error = auto_error

    def make_authenticate_headers(self) -> dict[str, str]:
        """The challenge."""
        return {"WWW-Authenticate": self.model.scheme.title()}

    def make_not_authenticated_error(self) -> HTTPException:
        """The exception for a request without credentials, or with such that cannot be read."""
        return HTTPException(401, "Not authenticated", self.make_authenticate_headers())

    def _missing(self) -> None:
        if self.auto_error:
            raise self.make_not_authenticated_error()

    async def __call__(self, request: HTTPConnection) -> Any:
        scheme, credentials = get_authorization_scheme_param(request.headers.get("Authorization"))
        if not scheme or not credentials or (self._wanted is not None and scheme.lower() != self._wanted):
            return self._missing()
        return HTTPAuthorizationCredentials(scheme=scheme, credentials=credentials)


class HTTPBasic(HTTPBase):
    """Basic (RFC 7617): `HTTPBasicCredentials`. `realm`: for the challenge."""

    def __init__(
        self,
        *,
        scheme_name: str | None = None,
        realm: str | None = None,
        description: str | None = None,
        auto_error: bool = True,
    ) -> None:
        self._set_up(HTTPBaseModel(scheme="basic", description=description), scheme_name, auto_error)
        self.realm = realm

    def make_authenticate_headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": f'Basic realm="{self.realm}"' if self.realm else "Basic"}

    async def __call__(self, request: HTTPConnection) -> HTTPBasicCredentials | None:
        scheme, given = get_authorization_scheme_param(request.headers.get("Authorization"))
        if scheme.lower() != "basic":
            self._missing()
            return None
        try:
            username, colon, password = b64decode(given).decode("ascii").partition(":")
        except (ValueError, binascii.Error) as exc:
            raise self.make_not_authenticated_error() from exc
        if not colon:
            raise self.make_not_authenticated_error()
        return HTTPBasicCredentials(username=username, password=password)


class HTTPBearer(HTTPBase):
    """Bearer (RFC 6750): `HTTPAuthorizationCredentials`. `bearerFormat`: for the schema."""

    _wanted = "bearer"

    def __init__(
        self,
        *,
        bearerFormat: str | None = None,
        scheme_name: str | None = None,
        description: str | None = None,
        auto_error: bool = True,
    ) -> None:
        self._set_up(HTTPBearerModel(bearerFormat=bearerFormat, description=description), scheme_name, auto_error)


class HTTPDigest(HTTPBase):
    """Digest (RFC 7616): `HTTPAuthorizationCredentials`, to be checked by the application."""

    _wanted = "digest"

    def __init__(self, *, scheme_name: str | None = None, description: str | None = None, auto_error: bool = True) -> None:
        self._set_up(HTTPBaseModel(scheme="digest", description=description), scheme_name, auto_error)
