"""Orders, mail and notices."""

from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from fastapi import WebSocketDisconnect


def order(client: Any, user: dict[str, str], *lines: tuple[int, int]) -> Any:
    return client.post("/orders", headers=user, json={"lines": [{"item": item, "count": count} for item, count in lines]})


def stock(client: Any) -> dict[int, int]:
    return {item["id"]: item["stock"] for item in client.get("/items").json()["items"]}


def test_an_order(client: Any, ann: dict[str, str], items: list[Any], tmp_path: Path) -> None:
    """Takes from the stock, adds up, and is confirmed by mail."""
    answer = order(client, ann, (1, 2), (2, 1))
    assert answer.status_code == 201
    placed = answer.json()
    assert (placed["id"], placed["total"]) == (1, "419.80")
    assert placed["lines"][0] == {"item": 1, "count": 2, "name": "Reading lamp", "price": "49.90"}
    assert stock(client) == {1: 3, 2: 4, 3: 5}
    assert client.get("/orders", headers=ann).json() == {"total": 1, "items": [placed]}
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in (tmp_path / "outbox").iterdir()]
    assert sorted(mail["subject"] for mail in mails) == ["Order 1", "Welcome"]


def test_all_or_nothing(client: Any, ann: dict[str, str], items: list[Any], tmp_path: Path) -> None:
    """Where one line cannot be had, the others are not taken either, and no mail goes out."""
    answer = order(client, ann, (1, 5), (3, 6))
    assert (answer.status_code, answer.json()) == (409, {"detail": "Of item 3 there are 5 left"})
    assert stock(client) == {1: 5, 2: 5, 3: 5}
    assert client.get("/orders", headers=ann).json() == {"total": 0, "items": []}
    assert len(list((tmp_path / "outbox").iterdir())) == 1  # the welcome


def test_a_rule_for_the_whole_order(client: Any, ann: dict[str, str], items: list[Any]) -> None:
    """A fault of the body as such, in the model's words."""
    [fault] = order(client, ann, (1, 1), (1, 2)).json()["detail"]
    assert (fault["loc"], fault["msg"]) == (["body"], "Value error, an item stands in one line only")


def test_an_item_that_was_ordered_stays(client: Any, ann: dict[str, str], keeper: dict[str, str], items: list[Any]) -> None:
    """The database says so, and the answer does."""
    order(client, ann, (1, 1))
    answer = client.delete("/items/1", headers=keeper)
    assert (answer.status_code, answer.json()) == (409, {"detail": "It was ordered already"})


def test_everybody_sees_their_own(client: Any, ann: dict[str, str], keeper: dict[str, str], items: list[Any]) -> None:
    """Orders of others are not listed."""
    order(client, ann, (1, 1))
    assert client.get("/orders", headers=keeper).json()["total"] == 0


def test_export(client: Any, ann: dict[str, str], items: list[Any]) -> None:
    """A file of all lines."""
    order(client, ann, (1, 2), (3, 1))
    answer = client.get("/orders/export.csv", headers=ann)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="orders.csv"'
    assert answer.text.splitlines() == ["order,item,count,price", "1,1,2,49.90", "1,3,1,89.00"]


def test_notices(client: Any, ann: dict[str, str], keeper: dict[str, str], items: list[Any]) -> None:
    """Who listens is told of their orders, in each window, and of nobody else's."""
    url = f"/live?token={ann['Authorization'].removeprefix('Bearer ')}"
    with client.websocket_connect(url) as first, client.websocket_connect(url) as second:
        assert first.receive_json() == second.receive_json() == {"event": "ready", "user": "ann"}
        order(client, keeper, (2, 1))
        order(client, ann, (1, 1))
        assert first.receive_json() == second.receive_json() == {"event": "order", "id": 2, "total": "49.90"}
    with client.websocket_connect(url) as third:
        assert third.receive_json()["event"] == "ready"
        assert [len(listeners) for listeners in client.app.state.notices.listeners.values()] == [1]


def test_listening_needs_a_token(client: Any, log_in: Callable[..., Any]) -> None:
    """A wrong one is refused before the handshake ends."""
    with pytest.raises(WebSocketDisconnect) as caught, client.websocket_connect("/live?token=x.y.z"):
        pass
    assert caught.value.code == 1008


def test_answers_are_numbered(client: Any) -> None:
    """Also those of errors; a number that came with the request stays."""
    assert client.get("/items", headers={"X-Request-ID": "7"}).headers["x-request-id"] == "7"
    assert len(client.get("/nowhere").headers["x-request-id"]) == 32


def test_other_origins(client: Any) -> None:
    """A page of the shop's own may ask, with its token; others may not."""
    ask = {"Origin": "https://shop.example.com", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    answer = client.options("/orders", headers=ask)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://shop.example.com")
    assert client.options("/orders", headers={**ask, "Origin": "https://evil.example.com"}).status_code == 400


def test_the_schema(client: Any) -> None:
    """Names what there is, the scopes, and the errors."""
    schema = client.get("/openapi.json").json()
    assert sorted(schema["paths"]) == [
        "/items", "/items/{number}", "/items/{number}/picture", "/orders", "/orders/export.csv", "/token", "/users", "/users/me",
    ]  # fmt: skip
    assert schema["paths"]["/items"]["post"]["security"] == [{"OAuth2PasswordBearer": ["items:write"]}]
    assert sorted(schema["paths"]["/orders"]["post"]["responses"]) == ["201", "409", "422"]
