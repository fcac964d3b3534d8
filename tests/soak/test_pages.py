"""The pages of the framework in a browser: `/docs` and `/redoc` of the shop, and the dashboard.

Run by `make soak`, which sets FASTHTTP_SOAK=1; skipped otherwise, and where there is no Chromium. What the two pages of the
documentation load from a content delivery network comes from a package that has the same files, so that no network is needed
but the package index, once.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from fasthttp import SyncClient
from tests.contract.test_examples import DASHBOARD, SHOP, Wire, serving
from tests.soak.chromium import Browser, chromium, program

CHROMIUM = program()
if os.environ.get("FASTHTTP_SOAK") != "1":
    pytest.skip("long campaigns; set FASTHTTP_SOAK=1, as `make soak` does", allow_module_level=True)
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)


class Supplied(Browser):
    """A browser whose pages get what they ask of other servers from a folder, by the name of the file, or an empty answer."""

    def __init__(self, bare: Browser, parts: Path) -> None:
        self._parts = parts
        self._answers = 1_000_000  # ids of our own, beside those of the calls
        self.supplied: list[str] = []
        super().__init__(bare._socket)
        self.call("Fetch.enable", patterns=[{"urlPattern": "https://*"}])

    def _next(self, timeout: float) -> dict[str, Any]:
        message = super()._next(timeout)
        if message.get("method") == "Fetch.requestPaused":
            given = message["params"]
            part = self._parts / urlsplit(given["request"]["url"]).path.rpartition("/")[2]
            body = part.read_bytes() if part.is_file() else b""
            if body:
                self.supplied.append(part.name)
            self._answers += 1
            answer = {"requestId": given["requestId"], "responseCode": 200, "body": b64encode(body).decode()}
            self._socket.send(json.dumps({"id": self._answers, "method": "Fetch.fulfillRequest", "params": answer}))
        return message


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A new one, with nothing remembered."""
    assert CHROMIUM is not None
    with chromium(CHROMIUM, tmp_path) as found:
        yield found


@pytest.fixture
def supplied(browser: Browser) -> Browser:
    """The same, which finds the parts of Swagger UI and of ReDoc."""
    from tests.soak.test_libraries import environment

    [parts] = environment("offline").parents[1].glob("lib/python*/site-packages/fastapi_offline/static")
    return Supplied(browser, parts)


@contextmanager
def shop(folder: Path) -> Iterator[str]:
    """Where the shop is served."""
    command = ["FasterAPI.compat", "run", "shop.main:app"]
    with serving(command, SHOP, "/items", SHOP_DATA=str(folder / "data")) as address:
        yield f"http://{address}"


def operations(url: str) -> int:
    with SyncClient(url) as client:
        return sum(len(methods) for methods in client.get("/openapi.json").json()["paths"].values())


def test_docs_are_shown_and_ask(supplied: Supplied, tmp_path: Path) -> None:
    """Every operation of the schema has its block; one is opened, tried out, and its answer shown."""
    with shop(tmp_path) as url:
        supplied.open(f"{url}/docs")
        supplied.until(f"document.querySelectorAll('.opblock').length == {operations(url)}")
        assert supplied.ask("document.querySelector('.info .title').textContent").startswith("Shop")
        block = "document.querySelector('#operations-items-list_items_items_get')"
        supplied.ask(f"{block}.querySelector('.opblock-summary-control').click()")
        supplied.until(f"{block}.querySelector('.try-out__btn') !== null")
        supplied.ask(f"{block}.querySelector('.try-out__btn').click()")
        supplied.until(f"{block}.querySelector('.execute') !== null")
        supplied.ask(f"{block}.querySelector('.execute').click()")
        answer = f"{block}.querySelector('.live-responses-table tbody')"
        supplied.until(f"{answer} !== null && {answer}.querySelector('.response-col_status').textContent.startsWith('200')")
        assert '"total": 0' in supplied.ask(f"{answer}.innerText")
    assert set(supplied.supplied) == {"swagger-ui.css", "swagger-ui-bundle.js", "favicon.png"}
    assert supplied.complaints == []


def test_redoc_is_shown(supplied: Supplied, tmp_path: Path) -> None:
    """With the title of the schema and every operation."""
    with shop(tmp_path) as url:
        supplied.open(f"{url}/redoc")
        supplied.until(f"document.querySelectorAll('[data-section-id*=\\'/operation/\\']').length == {operations(url)}")
        text = supplied.ask("document.body.innerText")
    assert "Shop (1.0)" in text
    assert "Buy: all of it or nothing." in text
    assert set(supplied.supplied) == {"redoc.standalone.js", "favicon.png"}
    assert supplied.complaints == []


def test_the_dashboard_is_alive(browser: Browser) -> None:
    """Figures come; when the connection is cut the page says so, comes back, and misses no sample."""
    command = ["uvicorn", "server:app", "--timeout-graceful-shutdown", "1", "--log-level", "warning"]
    with serving(command, DASHBOARD, "/", DASHBOARD_EVERY="0.1") as address:
        wire = Wire(f"http://{address}")
        try:
            browser.open(f"{wire.url}/")
            browser.until("state.textContent == 'live' && /^[1-9]/.test(document.querySelector('#served').value)")
            browser.ask("var seen = []; source.addEventListener('sample', event => seen.push(event.lastEventId)); 0")
            browser.until("seen.length > 3")
            assert len(browser.ask("document.querySelector('polyline').getAttribute('points')").split()) > 3
            connections = wire.connections
            wire.cut()
            browser.until("state.textContent != 'live'")
            browser.until("state.textContent == 'live' && seen.length > 20")
            assert wire.connections > connections
            seen = [one.split("-") for one in browser.ask("seen")]
        finally:
            wire.close()
    assert len({run for run, _ in seen}) == 1
    numbers = [int(number) for _, number in seen]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert {urlsplit(one).netloc for one in browser.requests if not one.startswith("data:")} == {urlsplit(wire.url).netloc}
    assert [one for one in browser.complaints if "net::ERR" not in one] == []  # Chromium notes the cut itself
