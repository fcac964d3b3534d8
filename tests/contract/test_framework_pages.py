"""The schema as it is served, and the pages that show it: without a network, without scripts of others, or from a CDN."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from starlette.responses import JSONResponse

import FasterAPI.openapi.pages
from FasterAPI import FastAPI, Faster
from FasterAPI.openapi.docs import get_redoc_html, get_scalar_html, get_swagger_ui_html
from tests.contract.raw_asgi import body_of, exchange, headers_of, status_of

PAGES = ("/docs", "/redoc", "/scalar", "/docs/oauth2-redirect")
HOSTILE = """/a'b"c\\d</script><script>alert(1)</script>&amp;\n\u2028"""


def ask(app: Any, path: str, *fields: tuple[str, str], **more: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    sent = exchange(app, more.pop("method", "GET"), path, headers=[(name.encode(), value.encode()) for name, value in fields], **more)
    return status_of(sent), headers_of(sent), body_of(sent)


class Page(HTMLParser):
    """What a page loads, which scripts it has within, and its title, by the parser of the standard library."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.scripts: list[str] = []
        self.title = ""
        self._within: str | None = None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.urls += [value for name, value in attrs if value and name in ("src", "href", "spec-url")]
        self._within = tag if tag == "title" or (tag == "script" and "src" not in given) else None
        if self._within == "script":
            self.scripts.append("")
        assert not any(name.startswith("on") for name in given)

    def handle_data(self, data: str) -> None:
        if self._within == "script":
            self.scripts[-1] += data
        elif self._within == "title":
            self.title += data

    def handle_endtag(self, tag: str) -> None:
        self._within = None


def policy_of(headers: dict[bytes, bytes]) -> dict[str, list[str]]:
    """The directives of the Content-Security-Policy."""
    directives = headers[b"content-security-policy"].decode().split(";")
    return {name: sources for name, *sources in map(str.split, directives)}


# --- the schema


def shelf(**options: Any) -> Faster:
    app = Faster(title="Shelf", scalar_url="/scalar", **options)

    @app.get("/books")
    async def books() -> list[str]:
        return []

    return app


def test_the_schema_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it is the same document; what is sent is that document."""
    encoded: list[Any] = []

    class Counting(JSONResponse):
        def render(self, content: Any) -> Any:
            encoded.append(content)
            return super().render(content)

    monkeypatch.setattr(FasterAPI.openapi.pages, "JSONResponse", Counting)
    app = shelf()
    bodies = {ask(app, "/openapi.json")[2] for _ in range(5)}
    assert (len(bodies), json.loads(bodies.pop()), len(encoded)) == (1, app.openapi(), 1)
    app.get("/more")(lambda: None)
    assert "/more" in json.loads(ask(app, "/openapi.json")[2])["paths"]
    app.openapi_schema = {"openapi": "3.1.0", "own": True}
    assert json.loads(ask(app, "/openapi.json")[2])["own"]
    app.openapi = lambda: {"fresh": len(encoded)}  # type: ignore[method-assign]
    assert ask(app, "/openapi.json")[2] != ask(app, "/openapi.json")[2]


def test_the_schema_has_a_tag() -> None:
    """Who has it already gets a 304, until it is another."""
    app = shelf()
    status, headers, body = ask(app, "/openapi.json")
    tag = headers[b"etag"].decode()
    assert (status, headers[b"content-type"], tag[0], tag[-1]) == (200, b"application/json", '"', '"')
    assert ask(app, "/openapi.json", ("if-none-match", f'"x", W/{tag}')) == (304, {b"etag": headers[b"etag"]}, b"")
    assert ask(app, "/openapi.json", method="HEAD")[:2] == (200, headers)
    assert ask(shelf(), "/openapi.json")[1][b"etag"] == headers[b"etag"]
    app.get("/more")(lambda: None)
    assert ask(app, "/openapi.json", ("if-none-match", tag))[0] == 200
    assert body


def test_each_place_has_its_schema() -> None:
    """Where a proxy serves the application stands among the servers, for as many places as there are."""
    app = shelf()
    tags = set()
    for _ in range(2):
        for number in range(40):
            _, headers, body = ask(app, "/openapi.json", root_path=f"/v{number}")
            assert json.loads(body)["servers"] == [{"url": f"/v{number}"}]
            tags.add(headers[b"etag"])
    assert len(tags) == 40


# --- pages without a network


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("root", ["", "/behind/proxy"])
def test_pages_load_nothing_from_elsewhere(path: str, root: str) -> None:
    """All that a page names is served by the application itself, below where it is."""
    app = shelf()
    status, headers, body = ask(app, path, root_path=root)
    page = Page(body.decode())
    assert (status, headers[b"content-type"]) == (200, b"text/html; charset=utf-8")
    assert b"//" not in b"".join(re.findall(rb"(?:src|href)=\"[^\"]*\"", body))
    for url in page.urls:
        if url != "data:,":
            assert urljoin(f"http://shop.test{root}{path}", url).startswith(f"http://shop.test{root}/")
            assert ask(app, urlsplit(url).path.removeprefix(root))[0] == 200
    if path != "/docs/oauth2-redirect":
        assert any(".js" in url for url in page.urls)


@pytest.mark.parametrize("path", PAGES)
def test_pages_run_their_own_scripts_only(path: str) -> None:
    """The policy names the scripts within the page by digest, allows those of the application, and no others."""
    _, headers, body = ask(shelf(), path)
    policy = policy_of(headers)
    digests = {f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in Page(body.decode()).scripts}
    assert set(policy["script-src"]) == {"'self'", *digests}
    assert (policy["default-src"], policy["object-src"], policy["base-uri"]) == (["'self'"], ["'none'"], ["'none'"])
    assert len(digests) == (0 if path == "/redoc" else 1)


def test_parts_may_be_kept() -> None:
    """Their names have a digest of their content, they do not change, and they come compressed to who takes that."""
    app = shelf()
    folder = Path(FasterAPI.openapi.pages.__file__).parent / "assets"
    manifest = json.loads((folder / "manifest.json").read_text())
    served = FasterAPI.openapi.pages.asset_names()
    assert set(served) == set(manifest) == {path.name.removesuffix(".gz") for path in folder.glob("*.gz")}
    for name, entry in manifest.items():
        path = f"/docs/assets/{served[name]}"
        assert entry["sha256"][:16] in path
        assert b"cdn.redoc.ly" not in ask(app, path)[2], "a logo that would be asked for elsewhere"
        for accepted in ("gzip, br", "", "gzip;q=0"):
            status, headers, body = ask(app, path, ("accept-encoding", accepted))
            coded = headers.get(b"content-encoding") == b"gzip"
            assert (status, coded) == (200, accepted == "gzip, br")
            assert hashlib.sha256(gzip.decompress(body) if coded else body).hexdigest() == entry["sha256"]
            assert headers[b"content-type"] == (b"text/css" if name.endswith(".css") else b"text/javascript") + b"; charset=utf-8"
            assert (headers[b"cache-control"], headers[b"vary"]) == (b"public, max-age=31536000, immutable", b"Accept-Encoding")
            tag = headers[b"etag"].decode()
            assert ask(app, path, ("accept-encoding", accepted), ("if-none-match", tag))[0] == 304
    for wrong in ("swagger-ui.css", "manifest.json", "scalar.LICENSE.txt", "..%2fpages.py", "x"):
        assert ask(app, f"/docs/assets/{wrong}")[0] == 404


def test_licences_are_passed_on() -> None:
    """Each of the three has its own beside it, and no part is without the version that it was taken from."""
    folder = Path(FasterAPI.openapi.pages.__file__).parent / "assets"
    for name, words in (("swagger-ui", "Apache License"), ("redoc", "MIT License"), ("scalar", "MIT License")):
        assert words in (folder / f"{name}.LICENSE.txt").read_text()
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", entry["version"]) for entry in json.loads((folder / "manifest.json").read_text()).values())


def test_where_parts_are() -> None:
    """Below the first page that there is, inside what the application is mounted in; without a page or a schema there are none."""
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "/docs/assets/"),
        ({"docs_url": "/"}, "/assets/"),
        ({"docs_url": None}, "/redoc/assets/"),
        ({"docs_url": None, "redoc_url": None}, "/scalar/assets/"),
    ]
    for options, place in cases:
        app = shelf(**options)
        main = Faster()
        main.mount("/sub", app)
        for served, root in ((app, ""), (main, "/sub")):
            text = ask(served, f"{root}/scalar")[2].decode()
            [url] = [url for url in Page(text).urls if url.endswith(".js")]
            assert url.startswith(root + place)
            assert ask(served, url)[0] == 200
    none = shelf(openapi_url=None)
    assert {ask(none, path)[0] for path in (*PAGES, "/openapi.json", "/docs/assets/x")} == {404}
    assert not any("assets" in getattr(route, "path", "") for route in none.routes)


# --- pages from a CDN


def test_the_subclass_has_the_pages_of_the_target() -> None:
    """`FastAPI` loads what the functions name, without a policy; either class does it the other way on request."""
    script = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui-bundle.js"
    for app in (FastAPI(), Faster(offline_docs=False)):
        _, headers, body = ask(app, "/docs")
        assert script in Page(body.decode()).urls
        assert b"content-security-policy" not in headers
        assert not any("assets" in getattr(route, "path", "") for route in app.routes)
    _, headers, body = ask(FastAPI(offline_docs=True), "/docs")
    assert b"https://" not in body
    assert "script-src" in policy_of(headers)
    assert (FastAPI().scalar_url, ask(FastAPI(), "/scalar")[0], ask(FastAPI(scalar_url="/s"), "/s")[0]) == (None, 404, 200)


def test_functions_that_make_pages_name_a_cdn() -> None:
    """Called directly they know no application, so that their parts come from elsewhere, or from where the caller says."""
    for page, part in [
        (get_swagger_ui_html(openapi_url="/o", title="T"), "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/swagger-ui.css"),
        (get_redoc_html(openapi_url="/o", title="T"), "https://cdn.jsdelivr.net/npm/redoc@2/bundles/redoc.standalone.js"),
        (get_scalar_html(openapi_url="/o", title="T"), "https://cdn.jsdelivr.net/npm/@scalar/api-reference@1"),
        (get_scalar_html(openapi_url="/o", title="T", scalar_js_url="/own.js"), "/own.js"),
    ]:
        assert part in Page(bytes(page.body).decode()).urls
    settings = bytes(get_scalar_html(openapi_url="/o", title="T", scalar_parameters={"theme": "moon", "telemetry": True}).body).decode()
    found = json.loads(re.findall(r"createApiReference\('#scalar', (.*)\)\n", settings)[0])
    assert (found["url"], found["theme"], found["telemetry"], found["withDefaultFonts"]) == ("/o", "moon", True, False)


# --- names that would break out


def test_titles_and_urls_cannot_break_out() -> None:
    """Not out of an attribute, of text, of a string of a script, nor of the script: what is read is what was given."""
    pages = [
        get_swagger_ui_html(
            openapi_url=HOSTILE, title=HOSTILE, swagger_js_url=HOSTILE, swagger_css_url=HOSTILE, swagger_favicon_url=HOSTILE,
            oauth2_redirect_url=HOSTILE, init_oauth={"appName": HOSTILE}, swagger_ui_parameters={HOSTILE: HOSTILE},
        ),
        get_redoc_html(openapi_url=HOSTILE, title=HOSTILE, redoc_js_url=HOSTILE, redoc_favicon_url=HOSTILE),
        get_scalar_html(
            openapi_url=HOSTILE, title=HOSTILE, scalar_js_url=HOSTILE, scalar_favicon_url=HOSTILE, scalar_parameters={"x": HOSTILE}
        ),
    ]  # fmt: skip
    for page, urls, scripts in zip(pages, (3, 3, 2), (1, 0, 1), strict=True):
        text = bytes(page.body).decode()
        found = Page(text)
        own = [url for url in found.urls if url == HOSTILE]
        assert (found.title, len(own), len(found.scripts)) == (HOSTILE, urls, scripts)
        assert "<script>alert" not in text
    script = Page(bytes(pages[0].body).decode()).scripts[0]
    texts = re.findall(r"(?:url: |origin \+ )'((?:[^'\\\n\u2028]|\\[^\n])*)',\n", script)
    assert [json.loads(f'"{text}"') for text in texts] == [HOSTILE, HOSTILE]
    plain = bytes(get_swagger_ui_html(openapi_url="/api/openapi.json?a=1", title="T").body).decode()
    assert "url: '/api/openapi.json?a=1'," in plain
