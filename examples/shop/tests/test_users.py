"""Accounts and tokens."""

import time
from pathlib import Path
from typing import Any

import pytest
from shop.security import make_token, read_token
from shop.settings import Settings, get_settings


def test_registration(client: Any, tmp_path: Path) -> None:
    """The answer keeps the password back, and a mail is written after it."""
    new = {"name": "ann", "email": "ann@example.com", "password": "s3cret-s3cret"}
    answer = client.post("/users", json=new)
    assert answer.status_code == 201
    assert answer.json() == {"id": 2, "name": "ann", "email": "ann@example.com", "scopes": []}
    [mail] = (tmp_path / "outbox").glob("*.eml")
    assert "To: ann@example.com" in mail.read_text()
    assert client.post("/users", json=new).json() == {"detail": "This name is taken"}


def test_registration_says_what_is_wrong(client: Any, tmp_path: Path) -> None:
    """Every fault, with its place; and nothing is stored or sent."""
    answer = client.post("/users", json={"name": "Ann Smith", "email": "nowhere", "password": "short"})
    assert answer.status_code == 422
    faults = {fault["loc"][-1]: fault["type"] for fault in answer.json()["detail"]}
    assert faults == {"name": "string_pattern_mismatch", "email": "string_pattern_mismatch", "password": "string_too_short"}
    assert not list((tmp_path / "outbox").iterdir())


def test_registration_may_be_closed(client: Any) -> None:
    """A setting, here in place of those of the process."""
    client.app.dependency_overrides[get_settings] = lambda: Settings(data=get_settings().data, registration_open=False)
    answer = client.post("/users", json={"name": "ann", "email": "ann@example.com", "password": "s3cret-s3cret"})
    assert (answer.status_code, answer.json()) == (403, {"detail": "Registration is closed"})


def test_who_am_i(client: Any, ann: dict[str, str]) -> None:
    """A token is of its user."""
    assert client.get("/users/me", headers=ann).json() == {"id": 2, "name": "ann", "email": "ann@example.com", "scopes": []}


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("nobody", "s3cret-s3cret")])
def test_wrong_password(client: Any, ann: dict[str, str], name: str, password: str) -> None:
    """A wrong password and an unknown name are told alike."""
    answer = client.post("/token", data={"username": name, "password": password})
    assert (answer.status_code, answer.json()) == (400, {"detail": "Incorrect username or password"})


def test_no_token(client: Any) -> None:
    """Who has none is told which one is missing."""
    answer = client.get("/users/me")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})
    assert answer.headers["www-authenticate"] == "Bearer"


def test_scopes(client: Any, ann: dict[str, str]) -> None:
    """A scope that the user does not have is not in the token, and what needs it is refused."""
    answer = client.post("/token", data={"username": "ann", "password": "s3cret-s3cret", "scope": "items:write"})
    assert answer.json()["scope"] == ""
    answer = client.post("/items", headers=ann, json={"name": "Lamp", "kind": "lamp", "price": 1})
    assert (answer.status_code, answer.json()) == (403, {"detail": "Not enough permissions"})
    assert answer.headers["www-authenticate"] == 'Bearer scope="items:write"'


@pytest.mark.parametrize("damage", ["out of date", "another key", "changed", "no algorithm", "short"])
def test_bad_tokens(client: Any, ann: dict[str, str], damage: str) -> None:
    """None of these is let in."""
    secret = get_settings().secret
    claims = {"sub": "ann", "exp": time.time() + 60, "scope": ""}
    good = make_token(claims, secret)
    head, body, signature = good.split(".")
    bad = {
        "out of date": make_token({**claims, "exp": time.time() - 1}, secret),
        "another key": make_token(claims, secret + "x"),
        "changed": ".".join((head, make_token({**claims, "sub": "keeper"}, "x").split(".")[1], signature)),
        "no algorithm": f"eyJhbGciOiJub25lIn0.{body}.",
        "short": "x",
    }[damage]
    assert client.get("/users/me", headers={"Authorization": f"Bearer {good}"}).status_code == 200
    answer = client.get("/users/me", headers={"Authorization": f"Bearer {bad}"})
    assert (answer.status_code, answer.json()) == (401, {"detail": "Could not validate credentials"})


def test_a_token_of_another_program() -> None:
    """The example of RFC 7515, appendix A.1, is well signed, and long out of date."""
    from base64 import urlsafe_b64decode

    from shop import security

    key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    signed = (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )

    class Key(str):
        def encode(self, *_: Any) -> bytes:
            return urlsafe_b64decode(key + "==")

    assert security._encode(security._signature(signed, Key())) == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    with pytest.raises(ValueError, match="out of date"):
        read_token(f"{signed}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", Key())
