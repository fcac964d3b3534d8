"""prometheus-fastapi-instrumentator: requests counted by the template of the route, and a page of the figures."""

from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from prometheus_fastapi_instrumentator import Instrumentator

app = FastAPI()
router = APIRouter(prefix="/shop")


@router.get("/items/{number}")
async def item(number: int):
    return {"number": number}


@router.post("/items")
async def add(item: dict):
    return item


app.include_router(router)
Instrumentator(excluded_handlers=["/metrics"]).instrument(app).expose(app)

with TestClient(app) as client:
    for number in range(5):
        assert client.get(f"/shop/items/{number}").status_code == 200
    assert client.get("/shop/items/x").status_code == 422
    assert client.post("/shop/items", json={"a": 1}).json() == {"a": 1}
    page = client.get("/metrics")

assert page.headers["content-type"].startswith("text/plain")
assert 'http_requests_total{handler="/shop/items/{number}",method="GET",status="2xx"} 5.0' in page.text, page.text
assert 'http_requests_total{handler="/shop/items/{number}",method="GET",status="4xx"} 1.0' in page.text
assert 'http_requests_total{handler="/shop/items",method="POST",status="2xx"} 1.0' in page.text
assert 'handler="/metrics"' not in page.text
labels = {"handler": "/shop/items/{number}", "method": "GET"}
assert REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) == 6
