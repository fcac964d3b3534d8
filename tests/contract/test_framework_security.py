"""Security: schemes that take credentials from requests, their challenges, their place in the schema."""

from __future__ import annotations

import base64
from typing import Annotated, Any

import pytest

from FasterAPI import (
    APIKeyCookie,
    APIKeyHeader,
    APIKeyQuery,
    Depends,
    Faster,
    HTTPBasic,
    HTTPException,
    OAuth2PasswordBearer,
    OAuth2PasswordRequestForm,
    Security,
    TestClient,
)
from FasterAPI.security import (
    HTTPDigest,
    OAuth2,
    OAuth2AuthorizationCodeBearer,
    OAuth2PasswordRequestFormStrict,
    OpenIdConnect,
    compare,
)
from FasterAPI.security.http import HTTPBase, HTTPBearer


def asking(scheme: Any) -> Faster:
    app = Faster()

    @app.get("/x")
    async def operation(found: Annotated[Any, Security(scheme)]) -> Any:
        return found

    return app


def basic(text: bytes) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text).decode()}


@pytest.mark.parametrize(("scheme", "headers", "query", "found"), [
    (APIKeyHeader(name="x-key"), {"X-Key": "k"}, "", "k"), (APIKeyQuery(name="key"), {}, "?key=k", "k"),
    (APIKeyCookie(name="key"), {"cookie": "key=k"}, "", "k"), (HTTPBasic(), basic(b"a:b:c"), "", {"username": "a", "password": "b:c"}),
    (HTTPBearer(), {"authorization": "bEaReR tok"}, "", {"scheme": "bEaReR", "credentials": "tok"}),
    (HTTPDigest(), {"authorization": "Digest d"}, "", {"scheme": "Digest", "credentials": "d"}),
    (HTTPBase(scheme="Other"), {"authorization": "Other o"}, "", {"scheme": "Other", "credentials": "o"}),
    (OAuth2PasswordBearer("/token"), {"authorization": "bearer tok"}, "", "tok"),
    (OAuth2AuthorizationCodeBearer("/auth", "/token"), {"authorization": "Bearer tok"}, "", "tok"),
    (OAuth2(), {"authorization": "Anything goes"}, "", "Anything goes"),
    (OpenIdConnect(openIdConnectUrl="/id"), {"authorization": "Bearer tok"}, "", "Bearer tok"),
])  # fmt: skip
def test_credentials_are_taken_from_their_place(scheme: Any, headers: Any, query: str, found: Any) -> None:
    """Names of schemes are compared without case; without credentials it is 401, with a challenge."""
    with TestClient(asking(scheme)) as client:
        assert client.get("/x" + query, headers=headers).json() == found
        refused = client.get("/x")
        assert (refused.status_code, refused.json()) == (401, {"detail": "Not authenticated"})
        assert refused.headers["www-authenticate"].split()[0] in ("APIKey", "Basic", "Bearer", "Digest", "Other")


@pytest.mark.parametrize(("scheme", "headers"), [
    (HTTPBasic(), {"authorization": "Basic !!!"}), (HTTPBasic(), basic(b"nocolon")), (HTTPBasic(), basic(b"\xff:\xff")),
    (HTTPBasic(), {"authorization": "Bearer x"}), (HTTPBearer(), {"authorization": "Bearer"}), (HTTPBearer(), basic(b"a:b")),
    (HTTPDigest(), {"authorization": "Basic x"}), (OAuth2PasswordBearer("/t"), {"authorization": "Basic x"}),
    (APIKeyHeader(name="k"), {"k": ""}),
])  # fmt: skip
def test_malformed_credentials_are_none(scheme: Any, headers: dict[str, str]) -> None:
    """They are refused like absent ones."""
    with TestClient(asking(scheme)) as client:
        assert client.get("/x", headers=headers).status_code == 401


def test_errors_can_be_left_to_the_operation() -> None:
    """Then the value is None."""
    schemes = [APIKeyHeader(name="k", auto_error=False), APIKeyQuery(name="k", auto_error=False), HTTPBasic(auto_error=False),
               HTTPBearer(auto_error=False), OAuth2PasswordBearer("/t", auto_error=False), OAuth2(auto_error=False),
               OpenIdConnect(openIdConnectUrl="/x", auto_error=False), APIKeyCookie(name="k", auto_error=False)]  # fmt: skip
    for scheme in schemes:
        with TestClient(asking(scheme)) as client:
            assert (client.get("/x").status_code, client.get("/x").json()) == (200, None)


def test_a_challenge_names_its_realm() -> None:
    """Of Basic; a subclass may raise something else altogether."""

    class Hidden(HTTPBearer):
        def make_not_authenticated_error(self) -> HTTPException:
            return HTTPException(404, "nothing here")

    with TestClient(asking(HTTPBasic(realm="shop"))) as client:
        assert client.get("/x").headers["www-authenticate"] == 'Basic realm="shop"'
    with TestClient(asking(Hidden())) as client:
        assert client.get("/x").json() == {"detail": "nothing here"}


def test_a_password_login_is_a_form() -> None:
    """Its scopes are a list; the strict one wants to be told what it is."""
    app = Faster()

    @app.post("/token")
    async def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]) -> Any:
        return [form.username, form.password, form.scopes, form.grant_type, form.client_id]

    @app.post("/strict")
    async def strict(form: Annotated[OAuth2PasswordRequestFormStrict, Depends()]) -> str:
        return form.grant_type or ""

    login = {"username": "u", "password": "p", "scope": "a b"}
    with TestClient(app) as client:
        assert client.post("/token", data=login).json() == ["u", "p", ["a", "b"], None, None]
        assert client.post("/strict", data={**login, "grant_type": "password"}).json() == "password"
        for sent, kind in ((login, "missing"), ({**login, "grant_type": "other"}, "string_pattern_mismatch")):
            [fault] = client.post("/strict", data=sent).json()["detail"]
            assert (fault["type"], fault["loc"]) == (kind, ["body", "grant_type"])
        assert [fault["loc"][1] for fault in client.post("/token").json()["detail"]] == ["username", "password"]


def test_schemes_stand_in_the_schema_once() -> None:
    """With the scopes that each operation asks for."""
    oauth = OAuth2PasswordBearer("/token", scopes={"me": "About me", "items": "Things"})
    key = APIKeyHeader(name="x-key", scheme_name="Key", description="A key")
    app = Faster()

    def user(token: Annotated[str, Depends(oauth)]) -> str:
        return token

    @app.get("/a", dependencies=[Depends(key)])
    async def a(u: Annotated[str, Security(user, scopes=["me", "items"])]) -> None: ...

    @app.get("/b")
    async def b(u: Annotated[str, Security(user, scopes=["me"])]) -> None: ...

    schema = app.openapi()
    schemes = schema["components"]["securitySchemes"]
    assert sorted(schemes) == ["Key", "OAuth2PasswordBearer"]
    assert schemes["Key"] == {"type": "apiKey", "in": "header", "name": "x-key", "description": "A key"}
    assert schemes["OAuth2PasswordBearer"]["flows"]["password"]["scopes"] == {"me": "About me", "items": "Things"}
    assert schema["paths"]["/b"]["get"]["security"] == [{"OAuth2PasswordBearer": ["me"]}]
    found = {name: scopes for entry in schema["paths"]["/a"]["get"]["security"] for name, scopes in entry.items()}
    assert found == {"Key": [], "OAuth2PasswordBearer": ["me", "items"]}


def test_secrets_are_compared_in_constant_time() -> None:
    """Texts and bytes, of any length and alphabet."""
    assert compare("é", "é")
    assert compare(b"a", "a")
    assert not compare("a", "b")
    assert not compare("a", "ab")
