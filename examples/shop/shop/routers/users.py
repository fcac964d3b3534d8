"""Accounts and tokens."""

import sqlite3
import time
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, HTTPException, status
from fastapi.security import OAuth2PasswordRequestForm

from .. import mail
from ..database import Database
from ..models import NewUser, Problem, Token, User
from ..security import CurrentUser, check_password, hash_password, make_token
from ..settings import SettingsDep

router = APIRouter(tags=["users"])
UNKNOWN = hash_password("nobody's")  # checked where there is no such user, so that both take as long


@router.post("/users", status_code=201, response_model=User, responses={403: {"model": Problem}, 409: {"model": Problem}})
def register(new: NewUser, db: Database, settings: SettingsDep, tasks: BackgroundTasks) -> Any:
    """Open an account; a mail says welcome."""
    if not settings.registration_open:
        raise HTTPException(status.HTTP_403_FORBIDDEN, "Registration is closed")
    row = (new.name, new.email, hash_password(new.password))
    try:
        cursor = db.execute("INSERT INTO users (name, email, password) VALUES (?, ?, ?)", row)
    except sqlite3.IntegrityError:
        raise HTTPException(status.HTTP_409_CONFLICT, "This name is taken") from None
    tasks.add_task(mail.send, settings.outbox, new.email, "Welcome", f"Welcome, {new.name}!")
    return {**new.model_dump(), "id": cursor.lastrowid}  # the response model keeps the password back


@router.post("/token", responses={400: {"model": Problem}})
def log_in(form: Annotated[OAuth2PasswordRequestForm, Depends()], db: Database, settings: SettingsDep) -> Token:
    """A token for name and password, with those of the scopes asked for that the user has."""
    row = db.execute("SELECT password, scopes FROM users WHERE name = ?", (form.username,)).fetchone()
    if not check_password(form.password, row["password"] if row else UNKNOWN) or row is None:
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "Incorrect username or password")
    scope = " ".join(sorted(set(form.scopes) & set(row["scopes"].split())))
    claims = {"sub": form.username, "exp": int(time.time()) + settings.token_minutes * 60, "scope": scope}
    return Token(access_token=make_token(claims, settings.secret), scope=scope)


@router.get("/users/me")
async def me(user: CurrentUser) -> User:
    """Who the token is of."""
    return user
