"""A shop in an empty folder, with its keeper and a customer."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from shop.main import create_app
from shop.settings import get_settings


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("SHOP_DATA", str(tmp_path))
    monkeypatch.setenv("SHOP_KEEPER_PASSWORD", "the keeper's own")
    monkeypatch.setenv("SHOP_PICTURE_LIMIT", "1000")
    get_settings.cache_clear()
    with TestClient(create_app()) as client:
        yield client
    get_settings.cache_clear()


@pytest.fixture
def log_in(client: Any) -> Callable[..., dict[str, str]]:
    """The fields of requests of a user."""

    def log_in(name: str, password: str, scope: str = "") -> dict[str, str]:
        answer = client.post("/token", data={"username": name, "password": password, "scope": scope})
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    return log_in


@pytest.fixture
def keeper(log_in: Callable[..., dict[str, str]]) -> dict[str, str]:
    return log_in("keeper", "the keeper's own", "items:write")


@pytest.fixture
def ann(client: Any, log_in: Callable[..., dict[str, str]]) -> dict[str, str]:
    new = {"name": "ann", "email": "ann@example.com", "password": "s3cret-s3cret"}
    assert client.post("/users", json=new).status_code == 201
    return log_in("ann", "s3cret-s3cret")


@pytest.fixture
def items(client: Any, keeper: dict[str, str]) -> list[dict[str, Any]]:
    """Three items; there are five of each."""
    wanted = [("Reading lamp", "lamp", "49.90"), ("Oak table", "table", "320.00"), ("Floor lamp", "lamp", "89.00")]
    answers = [client.post("/items", headers=keeper, json={"name": n, "kind": k, "price": p, "stock": 5}) for n, k, p in wanted]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    return [answer.json() for answer in answers]
