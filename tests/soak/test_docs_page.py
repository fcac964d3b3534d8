"""The docs page in a browser: what it asks for, what its script does, and that it comes again by itself.

Run by `make soak`, which sets FASTHTTP_SOAK=1; skipped otherwise, and where there is no Chromium.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.contract.docs_pages import SECRET, shop
from tests.contract.test_cli_dev import APP, Dev
from tests.contract.test_declarative_docs_page import serving
from tests.soak.chromium import Browser, chromium, program

CHROMIUM = program()
if os.environ.get("FASTHTTP_SOAK") != "1":
    pytest.skip("long campaigns; set FASTHTTP_SOAK=1, as `make soak` does", allow_module_level=True)
if CHROMIUM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A new one, with nothing remembered."""
    assert CHROMIUM is not None
    with chromium(CHROMIUM, tmp_path) as found:
        yield found


@pytest.fixture
def url() -> Iterator[str]:
    """Where the pages of an app with something of everything are."""
    with serving(shop().docs_app()) as connection:
        yield f"http://{connection.host}:{connection.port}"


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_page_asks_nobody_else(browser: Browser, url: str, path: str) -> None:
    """It renders, everything that it asks for is on its own server, and its console has nothing to complain of."""
    browser.open(url + path)
    assert browser.ask("document.querySelectorAll('.operation').length") == len(shop().routes)
    assert browser.ask("getComputedStyle(document.querySelector('.operation')).borderRadius") == "12px"
    assert SECRET not in browser.ask("document.documentElement.outerHTML")
    assert {f"{urlsplit(one).scheme}://{urlsplit(one).netloc}" for one in browser.requests} == {url}
    assert browser.complaints == []
    assert browser.ask("document.forms.length") == 0


def test_the_page_can_send_nothing(browser: Browser, url: str) -> None:
    """Not even a script that had got into it: other origins, inline scripts and forms are refused by the browser, unsent."""
    browser.open(f"{url}/docs")
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = f"http://127.0.0.1:{other.getsockname()[1]}/"
        for options in ("{}", "{method: 'POST', mode: 'no-cors', body: document.title}"):
            assert browser.ask(f"fetch('{place}', {options}).then(() => 'sent', () => 'refused')") == "refused"
        browser.ask(f"document.body.insertAdjacentHTML('beforeend', '<img src={place} onerror=window.hacked=1>')")
        browser.ask("{ const s = document.createElement('script'); s.textContent = 'window.hacked = 2'; document.body.append(s); } 0")
        browser.ask(f"document.body.insertAdjacentHTML('beforeend', '<form action={place} method=post></form>')")
        browser.ask("document.forms[0].submit()")
        browser.until("performance.now() > 1500")
        other.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                connection, _ = other.accept()  # Chromium may connect ahead of a form that it then refuses
                with connection, pytest.raises(BlockingIOError):
                    connection.setblocking(False)
                    connection.recv(1)
    assert browser.ask("window.hacked === undefined") is True
    assert browser.ask("location.pathname") == "/docs"
    assert len(browser.complaints) >= 4


def test_the_switch_of_colours_is_remembered(browser: Browser, url: str) -> None:
    """On the other page, too."""
    browser.open(f"{url}/docs")
    colour = "getComputedStyle(document.body).backgroundColor"
    before = browser.ask(colour)
    browser.ask("document.getElementById('theme').click()")
    after = browser.ask(colour)
    assert before != after
    browser.open(f"{url}/redoc")
    assert browser.ask(colour) == after


def test_routes_are_filtered(browser: Browser, url: str) -> None:
    """By every word of what is typed, in the list and beside it; groups without any go too."""
    browser.open(f"{url}/docs")
    browser.ask("{ const f = document.getElementById('filter'); f.value = 'put PICTURE'; f.dispatchEvent(new Event('input')); } 0")
    shown = "[...document.querySelectorAll('{}')].filter((one) => one.checkVisibility()).length"
    assert browser.ask(shown.format(".operation")) == 1
    assert browser.ask(shown.format('.side li a[href^="#op-"]')) == 1
    assert browser.ask(shown.format("main .group > h2")) == 2  # one of routes, and the models
    browser.ask("{ const f = document.getElementById('filter'); f.value = ''; f.dispatchEvent(new Event('input')); } 0")
    assert browser.ask(shown.format(".operation")) == len(shop().routes)


def test_a_link_opens_what_it_leads_to(browser: Browser, url: str) -> None:
    """From the list, and from elsewhere."""
    browser.open(f"{url}/docs#op-again-and-again")
    assert browser.ask("document.getElementById('op-again-and-again').open") is True
    browser.ask("document.querySelector('.side a[href=\"#op-order\"]').click()")
    browser.until("document.getElementById('op-order').open")


@pytest.fixture
def dev(tmp_path: Path) -> Iterator[Callable[[], Dev]]:
    begun: list[Dev] = []
    (tmp_path / "apps").mkdir()

    def begin() -> Dev:
        (tmp_path / "apps" / "helper.py").write_text("PATH = '/parts'\n")
        (tmp_path / "apps" / "shop.py").write_text(APP)
        begun.append(Dev(tmp_path / "apps"))
        return begun[-1]

    yield begin
    for one in begun:
        one.end()


def test_the_page_follows_the_file(browser: Browser, dev: Callable[[], Dev]) -> None:
    """It comes again by itself after a change, with what was open still open, and shows what keeps a file from loading."""
    server = dev()
    browser.open(f"http://127.0.0.1:{server.port}/own/docs")
    browser.until("!document.getElementById('live').hidden")
    browser.ask("document.getElementById('op-parts').open = true")
    server.write("shop.py", APP.replace("List parts.", "List all parts."))
    browser.until("document.body?.textContent.includes('List all parts.')")
    assert browser.ask("document.getElementById('op-parts').open") is True
    server.write("shop.py", "x = (")
    browser.until("document.querySelector('[role=alert]')?.textContent.includes('SyntaxError')")
    server.write("shop.py", APP)
    browser.until("document.body?.textContent.includes('List parts.') && !document.querySelector('[role=alert]')")
