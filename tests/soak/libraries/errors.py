"""sentry-sdk: an event for an error and one for each transaction, named by the template of the route, with what was sent."""

import sentry_sdk
from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.testclient import TestClient
from pydantic import BaseModel
from sentry_sdk.transport import Transport

events = []


class Kept(Transport):
    def capture_envelope(self, envelope):
        for item in envelope.items:
            event = item.get_event() or item.get_transaction_event()
            if event is not None:
                events.append(event)


sentry_sdk.init(dsn="https://key@sentry.test/1", transport=Kept, traces_sample_rate=1.0, send_default_pii=True)


class Order(BaseModel):
    lamp: str


app = FastAPI()
router = APIRouter(prefix="/shop")


@router.post("/orders/{number}")
async def order(number: int, order: Order):
    raise RuntimeError("no lamp")


@router.get("/items/{number}")
def item(number: int):
    sentry_sdk.set_tag("item", number)
    return {"number": number}


@router.get("/missing")
async def missing():
    raise HTTPException(404)


app.include_router(router)
client = TestClient(app, raise_server_exceptions=False)


def told(kind):
    sentry_sdk.flush()
    return [event for event in events if event.get("type", "error") == kind]


assert client.post("/shop/orders/7", json={"lamp": "red"}).status_code == 500
[error] = told("error")
assert error["transaction"] == "/shop/orders/{number}", error["transaction"]
assert error["exception"]["values"][-1]["value"] == "no lamp"
assert error["request"]["data"] == {"lamp": "red"}
assert error["request"]["url"].endswith("/shop/orders/7")
[transaction] = told("transaction")
assert transaction["transaction"] == "/shop/orders/{number}"
assert transaction["transaction_info"] == {"source": "route"}
assert transaction["contexts"]["trace"]["trace_id"] == error["contexts"]["trace"]["trace_id"]

events.clear()
assert client.get("/shop/items/3").status_code == 200
[transaction] = told("transaction")
assert transaction["transaction"] == "/shop/items/{number}"
assert str(transaction["tags"]["item"]) == "3"
assert transaction["contexts"]["trace"]["op"] == "http.server"

events.clear()
assert client.get("/shop/missing").status_code == 404
assert not told("error"), "an answer of the application's own is no error"
