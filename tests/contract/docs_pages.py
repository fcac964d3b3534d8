"""An app with something of everything, every secret in it `hunter2`; and its pages, read by the parser of the standard library."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import msgspec
from pydantic import BaseModel, Field

from fasthttp import BearerAuth, DigestAuth, FastHTTP, OAuth2ClientCredentials, Router
from fasthttp.testing import MockTransport

__all__ = ["SECRET", "Page", "shop"]

SECRET = "hunter2"


class Part(msgspec.Struct):
    """A part of the catalogue."""

    id: int
    name: str
    price: float | None = None
    api_key: str = SECRET


class Line(BaseModel):
    part: int = Field(ge=1)
    count: int = 1


class Order(BaseModel):
    """What is bought, and by whom."""

    customer: str = Field(description="Who pays, see `login`.", examples=["kim"])
    lines: list[Line]
    password: str = Field(SECRET, examples=[SECRET])


class Problem(msgspec.Struct):
    detail: str


def shop(transport: MockTransport | None = None, **options: Any) -> FastHTTP:
    """The app; `transport` is there to see that nothing is sent."""
    given: dict[str, Any] = {"title": "Shop <b>1</b>", "version": "2.3", "description": "All of it.\n\nIn `shop.py`.", **options}
    headers = {"X-Api-Key": SECRET, "X-Client": "demo", "Accept": "text/plain"}
    app = FastHTTP("https://shop.example/v1/", headers=headers, transport=transport or MockTransport(), **given)
    stock = Router(base_url=f"https://kim:{SECRET}@stock.example:8443/api", prefix="/warehouse", tags=["stock"])

    @app.post("/session", json={"user": "kim", "password": SECRET}, tags=["account"])
    def login(resp: Any) -> None:
        """Open a session.

        Its answer is what `order` is asked with; see https://kim:hunter2@wiki.example/?token=hunter2 for more.
        """

    @app.get("/parts?view=short", params={"page": 1, "exact": True, "sort": ["name", "id"], "token": SECRET, "none": None},
             tags=["catalogue"], response_model=list[Part], get_request={"params": {"size": 50}})  # fmt: skip
    def parts(resp: Any) -> None:
        """<script>alert(1)</script> & more."""

    @app.get("/parts/{id}", each=range(1, 10), tags=["catalogue", "one"], response_model=Part,
             responses={404: {"model": Problem, "description": "No such part."}, 410: {}})  # fmt: skip
    def part(resp: Any) -> None: ...

    @app.post("/orders", request_model=Order, response_model=Order, auth=BearerAuth(SECRET), after=[login],
              headers={"x-client": None, "X-Signature": SECRET}, json={"customer": "kim", "lines": [{"part": 7}]})  # fmt: skip
    def order(resp: Any) -> None: ...

    @app.put("/parts/{id}/picture", path_params={"id": 7}, files={"picture": b"..."}, data={"title": "Nut"}, auth=DigestAuth("kim", SECRET))
    def picture(resp: Any) -> None: ...

    @app.query("/search", json=["nut", 1], auth=("kim", SECRET))
    def search(resp: Any) -> None: ...

    @stock.patch("/levels", data={"level": 3, "secret": SECRET}, auth=OAuth2ClientCredentials(
        f"https://auth.example/token?secret={SECRET}", "id", SECRET, scopes="read write"))  # fmt: skip
    def level(resp: Any) -> None: ...

    app.include_router(stock)

    @app.graphql("https://gql.example/graphql", response_model=Part)
    def me() -> str:
        return "{me{name}}"

    @app.sse("https://ticker.example/prices", params={"session": SECRET})
    def price(event: Any) -> None:
        """Prices as they change."""

    @app.get("/parts?view=short", params=lambda route: {"at": "run"}, name="again and again")
    def again(resp: Any) -> None: ...

    return app


class Page(HTMLParser):
    """A page that was read: `text`, `links` (whatever leads anywhere), `elements` by name; raises for one that is not well made."""

    _VOID = ("img", "input", "link", "meta")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.elements: dict[str, list[dict[str, str | None]]] = {}
        self.ids: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        assert len(given) == len(attrs)
        assert not any(name == "style" or name.startswith("on") for name in given), (tag, attrs)
        self.elements.setdefault(tag, []).append(given)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "data-state")]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self._VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert not self._open or self._open[-1] not in ("script", "style"), "a script within the page"
        self.text += data
