"""The pages of the framework in a browser: those of the schema, of the dashboard and of the shop, and the dashboard itself.

Run by `make soak`, which sets FASTHTTP_SOAK=1; skipped otherwise, and where there is no Chromium. The shop is an application
as FastAPI has them, whose pages load their parts from a content delivery network; the browser gets them from our package then,
so that no network is needed.
"""

from __future__ import annotations

import gzip
import json
import os
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import FasterAPI.openapi
from fasthttp import SyncClient
from tests.contract.test_examples import DASHBOARD, SHOP, Wire, serving
from tests.soak.chromium import Browser, chromium, program

CHROMIUM = program()
if os.environ.get("FASTHTTP_SOAK") != "1":
    pytest.skip("long campaigns; set FASTHTTP_SOAK=1, as `make soak` does", allow_module_level=True)
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)


PARTS = Path(FasterAPI.openapi.__path__[0]) / "assets"


class Supplied(Browser):
    """A browser whose pages get what they ask of other servers from our package, by the name of the file, or an empty answer."""

    def __init__(self, bare: Browser) -> None:
        self._answers = 1_000_000  # ids of our own, beside those of the calls
        self.supplied: list[str] = []
        super().__init__(bare._socket)
        self.call("Fetch.enable", patterns=[{"urlPattern": "https://*"}])

    def _next(self, timeout: float) -> dict[str, Any]:
        message = super()._next(timeout)
        if message.get("method") == "Fetch.requestPaused":
            given = message["params"]
            name = urlsplit(given["request"]["url"]).path.rpartition("/")[2]
            part = PARTS / f"{name}.gz"
            body = gzip.decompress(part.read_bytes()) if part.is_file() else b""
            if body:
                self.supplied.append(name)
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


@contextmanager
def shop(folder: Path) -> Iterator[str]:
    """Where the shop is served."""
    command = ["FasterAPI.compat", "run", "shop.main:app"]
    with serving(command, SHOP, "/items", SHOP_DATA=str(folder / "data")) as address:
        yield f"http://{address}"


@contextmanager
def dashboard(every: float = 0.1) -> Iterator[str]:
    """Where the dashboard is served."""
    command = ["uvicorn", "server:app", "--timeout-graceful-shutdown", "1", "--log-level", "warning"]
    with serving(command, DASHBOARD, "/", DASHBOARD_EVERY=str(every)) as address:
        yield f"http://{address}"


def operations(url: str) -> int:
    with SyncClient(url) as client:
        return sum(len(methods) for methods in client.get("/openapi.json").json()["paths"].values())


def swagger_tries(browser: Browser, url: str, operation: str) -> str:
    """Every operation of the schema has its block on the page; one is opened and tried out: what is shown of its answer."""
    browser.open(f"{url}/docs")
    browser.until(f"document.querySelectorAll('.opblock').length == {operations(url)}")
    block = f"document.querySelector('#operations-{operation}')"
    for button in (".opblock-summary-control", ".try-out__btn", ".execute"):
        browser.until(f"{block}.querySelector('{button}') !== null")
        browser.ask(f"{block}.querySelector('{button}').click()")
    answer = f"{block}.querySelector('.live-responses-table tbody')"
    browser.until(f"{answer} !== null && {answer}.querySelector('.response-col_status').textContent.startsWith('200')")
    return str(browser.ask(f"{answer}.innerText"))


def redoc_text(browser: Browser, url: str) -> str:
    """What ReDoc shows, once every operation of the schema has its section."""
    browser.open(f"{url}/redoc")
    browser.until(f"document.querySelectorAll('[data-section-id^=\\'operation/\\']').length == {operations(url)}")
    return str(browser.ask("document.body.innerText"))


def origins(browser: Browser) -> set[str]:
    return {f"{urlsplit(one).scheme}://{urlsplit(one).netloc}" for one in browser.requests if urlsplit(one).netloc}


def test_swagger_ui_of_the_target(browser: Browser, tmp_path: Path) -> None:
    """As on FastAPI: parts from elsewhere, every operation, an answer to what is tried out."""
    supplied = Supplied(browser)
    with shop(tmp_path) as url:
        assert '"total": 0' in swagger_tries(supplied, url, "items-list_items_items_get")
        assert supplied.ask("document.querySelector('.info .title').textContent").startswith("Shop")
    assert set(supplied.supplied) == {"swagger-ui.css", "swagger-ui-bundle.js"}
    assert supplied.complaints == []


def test_redoc_of_the_target(browser: Browser, tmp_path: Path) -> None:
    """With the title of the schema and every operation."""
    supplied = Supplied(browser)
    with shop(tmp_path) as url:
        text = redoc_text(supplied, url)
    assert "Shop (1.0)" in text
    assert "Buy: all of it or nothing." in text
    assert set(supplied.supplied) == {"redoc.standalone.js"}
    assert supplied.complaints == []


def test_swagger_ui_of_our_own(browser: Browser) -> None:
    """It asks nobody else, and its policy for scripts is in nobody's way."""
    with dashboard() as url:
        assert '"rounds": ' in swagger_tries(browser, url, "default-work_work_get")
        assert origins(browser) == {url}
    assert browser.complaints == []


def test_redoc_of_our_own(browser: Browser) -> None:
    """The same of ReDoc."""
    with dashboard() as url:
        assert "Something to be seen on the page" in redoc_text(browser, url)
        assert origins(browser) == {url}
    assert browser.complaints == []


def test_scalar_of_our_own(browser: Browser) -> None:
    """The same of Scalar."""
    with dashboard() as url:
        browser.open(f"{url}/scalar")
        browser.until("document.body.innerText.includes('/work') && document.body.innerText.includes('Every sample that is kept')")
        assert origins(browser) == {url}
    assert [one for one in browser.complaints if '"type": "info"' not in one] == []  # it says its version


def test_the_dashboard_is_alive(browser: Browser) -> None:
    """Figures come; when the connection is cut the page says so, comes back, and misses no sample."""
    with dashboard() as url:
        wire = Wire(url)
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
