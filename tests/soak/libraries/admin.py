"""sqladmin: pages that list rows of a table, add one and refuse strangers."""

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqladmin import Admin, ModelView
from sqladmin.authentication import AuthenticationBackend
from sqlalchemy import String, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)


class Base(DeclarativeBase):
    pass


class Lamp(Base):
    __tablename__ = "lamps"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add_all([Lamp(name="Reading lamp"), Lamp(name="Floor lamp")])
    session.commit()


class Keeper(AuthenticationBackend):
    async def login(self, request):
        form = await request.form()
        request.session["name"] = form["username"]
        return form["password"] == "s3cret"

    async def logout(self, request):
        request.session.clear()
        return True

    async def authenticate(self, request):
        return request.session.get("name") == "keeper"


class Lamps(ModelView, model=Lamp):
    column_list = [Lamp.id, Lamp.name]
    column_searchable_list = [Lamp.name]


app = FastAPI()
admin = Admin(app, engine, authentication_backend=Keeper(secret_key="a secret of more than thirty-two bytes"))
admin.add_view(Lamps)


@app.get("/")
async def root():
    return {"shop": "open"}


with TestClient(app) as client:
    assert client.get("/").json() == {"shop": "open"}
    asked = client.get("/admin/lamp/list")
    assert str(asked.url).endswith("/admin/login"), asked.url
    assert client.post("/admin/login", data={"username": "keeper", "password": "wrong"}).status_code == 400
    assert client.post("/admin/login", data={"username": "keeper", "password": "s3cret"}).status_code == 200
    page = client.get("/admin/lamp/list")
    assert page.status_code == 200, page.text
    assert "Reading lamp" in page.text
    assert "Floor lamp" in page.text
    found = client.get("/admin/lamp/list?search=Floor").text
    assert "Floor lamp" in found
    assert "Reading lamp" not in found
    assert client.get("/admin/statics/css/main.css").status_code == 200
    assert client.post("/admin/lamp/create", data={"name": "Desk lamp", "save": "Save"}).status_code == 200
    assert "Desk lamp" in client.get("/admin/lamp/list").text
    assert "Desk lamp" in client.get("/admin/lamp/details/3").text
