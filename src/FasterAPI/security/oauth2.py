"""OAuth2 (RFC 6749): the form of a password login, and bearers of tokens."""

from __future__ import annotations

from typing import Annotated, Any

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from FasterAPI.openapi.models import OAuth2 as OAuth2Model
from FasterAPI.openapi.models import OAuthFlows
from FasterAPI.params import Form
from FasterAPI.security.base import SecurityBase, SecurityScopes
from FasterAPI.security.utils import get_authorization_scheme_param

__all__ = [
    "OAuth2",
    "OAuth2AuthorizationCodeBearer",
    "OAuth2PasswordBearer",
    "OAuth2PasswordRequestForm",
    "OAuth2PasswordRequestFormStrict",
    "SecurityScopes",
]

_SECRET = {"format": "password"}


class OAuth2PasswordRequestForm:
    """A dependency: what a password login sends (RFC 6749 §4.3.2). `scopes`: a list, out of the form's `scope`."""

    def __init__(
        self,
        *,
        grant_type: Annotated[str | None, Form(pattern="^password$")] = None,
        username: Annotated[str, Form()],
        password: Annotated[str, Form(json_schema_extra=_SECRET)],
        scope: Annotated[str, Form()] = "",
        client_id: Annotated[str | None, Form()] = None,
        client_secret: Annotated[str | None, Form(json_schema_extra=_SECRET)] = None,
    ) -> None:
        self.grant_type = grant_type
        self.username = username
        self.password = password
        self.scopes = scope.split()
        self.client_id = client_id
        self.client_secret = client_secret


class OAuth2PasswordRequestFormStrict(OAuth2PasswordRequestForm):
    """The same, where the form has to say `grant_type=password`, as the specification wants."""

    def __init__(
        self,
        grant_type: Annotated[str, Form(pattern="^password$")],
        username: Annotated[str, Form()],
        password: Annotated[str, Form()],
        scope: Annotated[str, Form()] = "",
        client_id: Annotated[str | None, Form()] = None,
        client_secret: Annotated[str | None, Form()] = None,
    ) -> None:
        super().__init__(
            grant_type=grant_type, username=username, password=password, scope=scope, client_id=client_id, client_secret=client_secret
        )


class OAuth2(SecurityBase):
    """Any flows; the value is the `Authorization` field as it was sent.

    Args:
        flows: for the schema.
        scheme_name: in the schema; the name of the class by default.
        description: for the schema.
        auto_error: answer 401 where there is no token; else the value is None.
    """

    def __init__(
        self,
        *,
        flows: OAuthFlows | dict[str, dict[str, Any]] | None = None,
        scheme_name: str | None = None,
        description: str | None = None,
        auto_error: bool = True,
    ) -> None:
        self.model = OAuth2Model(flows=flows or OAuthFlows(), description=description)  # type: ignore[arg-type]
        self.scheme_name = scheme_name or type(self).__name__
        self.auto_error = auto_error

    def make_not_authenticated_error(self) -> HTTPException:
        """The exception for a request without a token."""
        return HTTPException(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})

    def _missing(self) -> Any:
        if self.auto_error:
            raise self.make_not_authenticated_error()

    async def __call__(self, request: HTTPConnection) -> str | None:
        return request.headers.get("Authorization") or self._missing()


class _Bearer(OAuth2):
    async def __call__(self, request: HTTPConnection) -> str | None:
        scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
        return token if scheme.lower() == "bearer" else self._missing()


class OAuth2PasswordBearer(_Bearer):
    """The token of a password login. `tokenUrl`: where that is done; `scopes`: by name, what each allows."""

    def __init__(
        self,
        tokenUrl: str,
        scheme_name: str | None = None,
        scopes: dict[str, str] | None = None,
        description: str | None = None,
        auto_error: bool = True,
        refreshUrl: str | None = None,
    ) -> None:
        flow = {"tokenUrl": tokenUrl, "refreshUrl": refreshUrl, "scopes": scopes or {}}
        super().__init__(flows={"password": flow}, scheme_name=scheme_name, description=description, auto_error=auto_error)


class OAuth2AuthorizationCodeBearer(_Bearer):
    """The token of a login by authorization code."""

    def __init__(
        self,
        authorizationUrl: str,
        tokenUrl: str,
        refreshUrl: str | None = None,
        scheme_name: str | None = None,
        scopes: dict[str, str] | None = None,
        description: str | None = None,
        auto_error: bool = True,
    ) -> None:
        flow = {"authorizationUrl": authorizationUrl, "tokenUrl": tokenUrl, "refreshUrl": refreshUrl, "scopes": scopes or {}}
        super().__init__(flows={"authorizationCode": flow}, scheme_name=scheme_name, description=description, auto_error=auto_error)
