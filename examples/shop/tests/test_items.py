"""Items, pages of them, pictures."""

from typing import Any

import pytest

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 20


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


def test_items_are_found(client: Any, items: list[Any]) -> None:
    """By part of their name, by kind, in either order."""
    assert names(client.get("/items")) == ["Floor lamp", "Oak table", "Reading lamp"]
    assert names(client.get("/items", params={"sort": "price"})) == ["Reading lamp", "Floor lamp", "Oak table"]
    assert names(client.get("/items", params={"q": "LAMP"})) == ["Floor lamp", "Reading lamp"]
    assert names(client.get("/items?kind=table&kind=chair")) == ["Oak table"]
    answer = client.get("/items?sort=size&limit=0&kind=sofa")
    assert sorted(fault["loc"][1] for fault in answer.json()["detail"]) == ["kind", "limit", "sort"]


def test_pages(client: Any, items: list[Any]) -> None:
    """Each names the next, the last names none."""
    url: str | None = "/items?limit=2"
    seen = []
    while url:
        answer = client.get(url)
        assert answer.json()["total"] == 3
        seen.append(names(answer))
        link = answer.headers.get("link")
        url = link[1 : link.index(">")] if link else None
    assert seen == [["Floor lamp", "Oak table"], ["Reading lamp"]]


def test_an_item(client: Any, items: list[Any], keeper: dict[str, str]) -> None:
    """Read, changed in part, removed."""
    path = f"/items/{items[0]['id']}"
    assert client.get(path).json() == {"id": 1, "name": "Reading lamp", "kind": "lamp", "price": "49.90", "stock": 5}
    changed = client.patch(path, headers=keeper, json={"price": "39.95"}).json()
    assert (changed["price"], changed["stock"]) == ("39.95", 5)
    assert client.patch(path, headers=keeper, json={}).json() == changed
    answer = client.delete(path, headers=keeper)
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(path).json() == {"detail": "There is no item 1"}


@pytest.mark.parametrize(("change", "fault"), [
    ({"price": "-1"}, "greater_than"), ({"price": "1.234"}, "decimal_max_places"), ({"kind": "sofa"}, "enum"),
    ({"colour": "red"}, "extra_forbidden"), ({"name": None}, "string_type"),
])  # fmt: skip
def test_what_is_wrong_with_an_item(client: Any, keeper: dict[str, str], change: dict[str, Any], fault: str) -> None:
    """One fault, with the field it is in."""
    answer = client.post("/items", headers=keeper, json={"name": "Lamp", "kind": "lamp", "price": "1", **change})
    assert answer.status_code == 422
    assert [(item["loc"], item["type"]) for item in answer.json()["detail"]] == [(["body", *change], fault)]


def test_a_picture(client: Any, items: list[Any], keeper: dict[str, str]) -> None:
    """What was sent up comes down, with the type that it has."""
    path = "/items/1/picture"
    assert client.get(path).status_code == 404
    stored = client.put(path, headers=keeper, files={"picture": ("cat.txt", PNG, "text/plain")})
    assert stored.json()["picture"] == path
    answer = client.get(path)
    assert (answer.headers["content-type"], answer.content) == ("image/png", PNG)
    part = client.get(path, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PNG")


@pytest.mark.parametrize(("data", "status"), [(b"GIF89a", 415), (PNG * 10, 413)], ids=["kind", "size"])
def test_pictures_that_are_refused(client: Any, items: list[Any], keeper: dict[str, str], data: bytes, status: int) -> None:
    """By what they are, and by their size; a form without one is a fault of the request."""
    assert client.put("/items/1/picture", headers=keeper, files={"picture": ("a.png", data, "image/png")}).status_code == status
    assert client.put("/items/1/picture", headers=keeper, files={"image": ("a.png", PNG)}).json()["detail"][0]["loc"] == ["body", "picture"]
    assert client.get("/items/1/picture").status_code == 404
