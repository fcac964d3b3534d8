"""fastapi-pagination: a page of what an operation returns, and its parameters in the schema."""

from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from fastapi_pagination import LimitOffsetPage, Page, add_pagination, paginate
from pydantic import BaseModel


class Lamp(BaseModel):
    id: int


app = FastAPI()
router = APIRouter(prefix="/shop")


@router.get("/lamps", response_model=Page[Lamp])
async def all_lamps():
    return paginate([Lamp(id=number) for number in range(25)])


@router.get("/some")
def some_lamps() -> LimitOffsetPage[Lamp]:
    return paginate([Lamp(id=number) for number in range(25)])


app.include_router(router)
add_pagination(app)

with TestClient(app) as client:
    page = client.get("/shop/lamps?page=3&size=10").json()
    assert page == {"items": [{"id": number} for number in range(20, 25)], "total": 25, "page": 3, "size": 10, "pages": 3}, page
    assert client.get("/shop/some?limit=2&offset=4").json()["items"] == [{"id": 4}, {"id": 5}]
    assert client.get("/shop/lamps?size=0").status_code == 422
    parameters = client.get("/openapi.json").json()["paths"]["/shop/lamps"]["get"]["parameters"]
    assert {parameter["name"] for parameter in parameters} == {"page", "size"}
