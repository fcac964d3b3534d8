"""fastapi-users: registration, login by token, the routes of the user and of the administrator."""

import uuid
from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, CookieTransport, JWTStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import StaticPool

SECRET = "a secret of more than thirty-two bytes for the test"
engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
session = async_sessionmaker(engine, expire_on_commit=False)
registered = []


class Base(DeclarativeBase):
    pass


class User(SQLAlchemyBaseUserTableUUID, Base):
    pass


class Manager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    reset_password_token_secret = verification_token_secret = SECRET

    async def on_after_register(self, user, request=None):
        registered.append((user.email, str(request.url)))


async def database():
    async with session() as opened:
        yield SQLAlchemyUserDatabase(opened, User)


async def manager(found=Depends(database)):
    yield Manager(found)


def strategy():
    return JWTStrategy(secret=SECRET, lifetime_seconds=3600)


class Read(schemas.BaseUser[uuid.UUID]):
    pass


class Create(schemas.BaseUserCreate):
    pass


class Update(schemas.BaseUserUpdate):
    pass


bearer = AuthenticationBackend(name="jwt", transport=BearerTransport(tokenUrl="auth/jwt/login"), get_strategy=strategy)
cookie = AuthenticationBackend(name="cookie", transport=CookieTransport(cookie_secure=False), get_strategy=strategy)
users = FastAPIUsers[User, uuid.UUID](manager, [bearer, cookie])


@asynccontextmanager
async def lifespan(app):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
app.include_router(users.get_auth_router(bearer), prefix="/auth/jwt", tags=["auth"])
app.include_router(users.get_auth_router(cookie), prefix="/auth/cookie", tags=["auth"])
app.include_router(users.get_register_router(Read, Create), prefix="/auth", tags=["auth"])
app.include_router(users.get_users_router(Read, Update), prefix="/users", tags=["users"])


@app.get("/mine")
async def mine(user: User = Depends(users.current_user(active=True))):
    return {"of": user.email}


with TestClient(app) as client:
    new = {"email": "ann@example.com", "password": "s3cret-s3cret"}
    answer = client.post("/auth/register", json=new)
    assert answer.status_code == 201, answer.text
    assert answer.json()["email"] == "ann@example.com"
    assert "password" not in answer.text
    assert registered == [("ann@example.com", "http://testserver/auth/register")]
    assert client.post("/auth/register", json=new).json() == {"detail": "REGISTER_USER_ALREADY_EXISTS"}
    assert client.post("/auth/register", json={"email": "x"}).status_code == 422

    form = {"username": new["email"], "password": new["password"]}
    assert client.post("/auth/jwt/login", data={**form, "password": "wrong"}).json() == {"detail": "LOGIN_BAD_CREDENTIALS"}
    token = client.post("/auth/jwt/login", data=form).json()["access_token"]
    assert client.get("/mine").status_code == 401
    ann = {"Authorization": f"Bearer {token}"}
    assert client.get("/mine", headers=ann).json() == {"of": "ann@example.com"}
    assert client.patch("/users/me", headers=ann, json={"email": "ann@example.org"}).json()["email"] == "ann@example.org"
    assert client.get(f"/users/{answer.json()['id']}", headers=ann).status_code == 403, "for administrators"

    assert client.post("/auth/cookie/login", data={**form, "username": "ann@example.org"}).status_code == 204
    assert client.get("/mine").json() == {"of": "ann@example.org"}
    assert client.post("/auth/cookie/logout").status_code == 204
    assert client.get("/mine").status_code == 401

    schema = client.get("/openapi.json").json()
    assert {"/auth/jwt/login", "/auth/register", "/users/me", "/users/{id}"} <= set(schema["paths"])
