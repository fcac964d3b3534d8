"""Passwords, tokens (JWT, RFC 7519, signed with HMAC-SHA256), and the user of a request."""

import hashlib
import hmac
import json
import os
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Security, status
from fastapi.security import OAuth2PasswordBearer, SecurityScopes

from .database import Database
from .models import User
from .settings import SettingsDep

WRITE = "items:write"
oauth2 = OAuth2PasswordBearer(tokenUrl="/token", scopes={WRITE: "Add, change and remove items."})


def hash_password(password: str) -> bytes:
    salt = os.urandom(16)
    return salt + hashlib.scrypt(password.encode(), salt=salt, n=1 << 14, r=8, p=1)


def check_password(password: str, stored: bytes) -> bool:
    return hmac.compare_digest(stored[16:], hashlib.scrypt(password.encode(), salt=stored[:16], n=1 << 14, r=8, p=1))


def _encode(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signature(signed: str, secret: str) -> bytes:
    return hmac.digest(secret.encode(), signed.encode(), "sha256")


def make_token(claims: dict[str, Any], secret: str) -> str:
    signed = ".".join(_encode(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{signed}.{_encode(_signature(signed, secret))}"


def read_token(token: str, secret: str) -> dict[str, Any]:
    """The claims. Raises ValueError for a token that is damaged, foreign or out of date."""
    signed, _, signature = token.rpartition(".")
    # Compared as bytes: only one spelling of a signature is right. Its algorithm is ours, whatever the header says.
    if not hmac.compare_digest(signature.encode(), _encode(_signature(signed, secret)).encode()):
        raise ValueError("not signed by this shop")
    header, claims = (json.loads(_decode(part)) for part in signed.split("."))
    if header.get("alg") != "HS256" or claims.get("exp", 0) <= time.time():
        raise ValueError("another algorithm, or out of date")
    return dict(claims)


def user_of(token: str, db: Database, settings: SettingsDep) -> User:
    """Who a token is of, with the scopes of the token. Raises ValueError."""
    claims = read_token(token, settings.secret)
    row = db.execute("SELECT id, name, email FROM users WHERE name = ?", (claims["sub"],)).fetchone()
    if row is None:
        raise ValueError("no such user")
    return User(**dict(row), scopes=claims["scope"].split())


def current_user(needed: SecurityScopes, token: Annotated[str, Depends(oauth2)], db: Database, settings: SettingsDep) -> User:
    challenge = {"WWW-Authenticate": f'Bearer scope="{needed.scope_str}"' if needed.scopes else "Bearer"}
    try:
        user = user_of(token, db, settings)
    except ValueError:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Could not validate credentials", challenge) from None
    if not set(needed.scopes) <= set(user.scopes):
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Not enough permissions", challenge)
    return user


CurrentUser = Annotated[User, Security(current_user)]
Keeper = Annotated[User, Security(current_user, scopes=[WRITE])]
