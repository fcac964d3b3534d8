"""The docs page: what it shows, that it can only be read, that nothing is sent for it, and how it is served."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from FasterAPI import Faster, TestClient
from fasthttp import FastHTTP
from fasthttp.openapi.pages import Shown, page
from fasthttp.openapi.serve import is_loopback, listen, url_of
from fasthttp.openapi.site import site
from fasthttp.testing import MockTransport
from tests.contract.docs_pages import SECRET, Page, shop

PAGES = ("/docs", "/redoc")
PLACES = (*PAGES, "/openapi.json", "/docs/page.css", "/docs/page.js", "/docs/icon.svg", "/docs/revision", "/nowhere", "/docs/nowhere", "/")


@pytest.fixture
def client() -> TestClient:
    return TestClient(shop().docs_app(), follow_redirects=False)


# --- what is shown

TEXTS = (
    "Shop <b>1</b>", "2.3", "In shop.py", "<script>alert(1)</script> & more.", "shop.example", "/v1/parts/{id}/picture", "QUERY",
    "one for each item", "after login", "computed: params", "No such part.", "Who pays, see login.", "read write", "≥ 1",
    "https://auth.example/token?secret=*****", "X-Client: demo", "Authorization: Bearer *****", "level=3&secret=*****",
    "GET /v1/parts?view=short&size=50&page=1&exact=true&sort=name&sort=id&token=***** HTTP/1.1", '"user": "kim"',
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_the_page_shows_every_route(client: TestClient, path: str) -> None:
    """Its method, URL, texts, parameters, bodies, answers and models, without a script, and links that lead to them."""
    answer = client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    found = Page(answer.text)
    assert len(found.ids) == len(set(found.ids))
    for route in shop().routes:
        assert re.sub(" ", "-", f"op-{route.name}") in found.ids
    for text in TEXTS:
        assert text in found.text, text
    targets = {link[1:] for link in found.links if link[0] == "#"}
    assert targets - {"main"}
    for target in targets:
        assert http_unquoted(target) in found.ids, target


def http_unquoted(text: str) -> str:
    return re.sub("%([0-9A-F]{2})", lambda code: chr(int(code[1], 16)), text)


def test_the_two_views_differ(client: TestClient) -> None:
    """One is a list to open things in, the other is open."""
    shown = [Page(client.get(path).text).elements["details"] for path in PAGES]
    opened = [sum("open" in one for one in details if one["class"] == "operation") for details in shown]
    assert opened == [0, len(shop().routes)]


def test_the_document_is_served(client: TestClient) -> None:
    """The same that the method gives."""
    answer = client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == shop().openapi()


def test_no_secret_is_on_any_page(client: TestClient) -> None:
    """Whatever is asked for."""
    for path in PLACES:
        answer = client.get(path)
        assert SECRET not in answer.text + str(answer.headers), path


def test_routes_that_come_later_are_shown() -> None:
    """And what an app without routes shows is how to declare one."""
    app = FastHTTP("https://h.example")
    client = TestClient(app.docs_app())
    assert "No routes yet" in client.get("/docs").text
    app.get("/parts", name='a "b"\n<i>')(print)
    text = client.get("/docs").text
    assert "1 route to 1 host" in Page(text).text
    assert 'id="op-a-&quot;b&quot;-&lt;i&gt;"' in text


OWN = """
    html head meta title link script body nav a span button img div aside input section h1 h2 h3 ul li main header p b code details
    summary table thead tbody tr th td pre
""".split()
HOSTILE = """</script><script>hacked()</script> <img src=x onerror=hacked()> ` `<b>` &amp; "' https://u:hunter2@h.example/?token=hunter2"""


def test_hostile_texts_are_texts() -> None:
    """Of titles, descriptions, names, tags, parameters, headers, bodies, URLs and models."""
    app = FastHTTP("https://h.example", title=HOSTILE, version=HOSTILE, description=HOSTILE)

    def handler(resp: Any) -> None: ...

    handler.__doc__ = f"{HOSTILE}\n\n{HOSTILE}"
    options: Any = {"params": {HOSTILE: "<i>"}, "headers": {"X-A": "<img src=x>"}, "tags": ["<script>"], "name": "<script>\"'"}
    options["responses"] = {404: {"description": HOSTILE}}
    app.post("/<script>{id}\"'", path_params={"id": "<i>"}, json={HOSTILE: "<script>"}, **options)(handler)
    for path in PAGES:
        text = TestClient(app.docs_app()).get(path).text
        found = Page(text)
        assert found.elements.keys() <= set(OWN)
        assert len(found.elements["script"]) == 1
        assert [image["src"] for image in found.elements["img"]] == ["/docs/icon.svg"]


# --- read-only, offline


def test_every_answer_has_a_strict_policy(client: TestClient) -> None:
    """Scripts and styles are files from here, no other origin is talked to, nothing is framed, guessed or sent by forms."""
    for path in PLACES:
        headers = client.get(path).headers
        policy = dict(part.strip().partition(" ")[::2] for part in headers["content-security-policy"].split(";"))
        assert policy == {
            "default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'", "connect-src": "'self'",
            "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
        }, path  # fmt: skip
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_everything_comes_from_the_package(client: TestClient) -> None:
    """What a page names is on this server and is there; style and script name nothing else."""
    for path in (*PAGES, "/nowhere"):
        found = Page(client.get(path).text)
        for link in found.links:
            assert link.startswith(("/", "#")), link
            assert not link.startswith("//")
            assert link[0] == "#" or client.get(link).status_code == 200, link
        assert "form" not in found.elements
    assert "url(" not in client.get("/docs/page.css").text
    assert "@import" not in client.get("/docs/page.css").text
    assert "://" not in client.get("/docs/page.js").text


def test_there_is_a_switch_for_dark_and_light(client: TestClient) -> None:
    """On both pages, with colours of both kinds."""
    for path in PAGES:
        assert any(button.get("id") == "theme" for button in Page(client.get(path).text).elements["button"])
    assert "light-dark(" in client.get("/docs/page.css").text


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"])
def test_the_page_can_only_be_read(client: TestClient, method: str) -> None:
    """Any other method is refused, and the answer says so on a page."""
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/page.js"):
        answer = client.request(method, path, content=b"{}")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
        assert "These pages can only be read" in Page(answer.text).text


def test_nothing_is_sent_for_it() -> None:
    """Whatever is read, no request of the app goes out, and no name is looked up."""
    mock = MockTransport()
    client = TestClient(shop(mock).docs_app())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a name was looked up"))
        patch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was made"))
        for path in PLACES:
            client.get(path)
    assert mock.calls == []


def test_what_is_not_there_has_a_page(client: TestClient) -> None:
    """A styled one that leads back; the root leads to the docs."""
    for path in ("/nowhere", "/docs/nowhere", "/docs/..%2fsite.py", "/openapi.yaml"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        found = Page(answer.text)
        assert "There is nothing here" in found.text
        assert {"/docs", "/redoc", "/docs/page.css"} <= set(found.links)
    assert (client.get("/").status_code, client.get("/").headers["location"]) == (307, "/docs")


# --- where


@pytest.mark.parametrize(("own", "given", "prefix"), [
    ("", None, ""), ("/api", None, "/api"), ("api/v1/", None, "/api/v1"), ("/api", "/other", "/other"), ("/api", "", ""), ("/", None, ""),
])  # fmt: skip
def test_the_path_before_the_pages(own: str, given: str | None, prefix: str) -> None:
    """That of the call beats that of the app, an empty one too; links have it."""
    client = TestClient(shop(docs_base_url=own).docs_app(given), follow_redirects=False)
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/page.css"):
        assert client.get(prefix + path).status_code == 200
        assert not prefix or client.get(path).status_code == 404
    links = [link for link in Page(client.get(f"{prefix}/docs").text).links if link[0] != "#"]
    assert all(link.startswith(f"{prefix}/") for link in links)
    assert client.get(prefix or "/").headers["location"] == f"{prefix}/docs"


@pytest.mark.parametrize("wrong", ["https://h.example", "/a b", "/{a}", "/a?b", "/../a", "/a/..", "/a//b", '/"><script>'])
def test_a_path_that_is_none_is_refused(wrong: str) -> None:
    """By name and at once."""
    app, other = shop(), shop(docs_base_url=wrong)
    for make in (lambda: app.docs_app(wrong), other.docs_app, lambda: app.web_run(port=0, base_url=wrong)):
        with pytest.raises(ValueError, match=re.escape(f"base_url={wrong!r} is no path for the docs page")):
            make()


def test_it_can_be_mounted() -> None:
    """In an application of the user's, under any path; its links lead to itself."""
    whole = Faster()
    whole.mount("/inside", shop().docs_app("/api"))
    client = TestClient(whole)
    for path in ("/inside/api/docs", "/inside/api/redoc"):
        for link in Page(client.get(path).text).links:
            assert link[0] == "#" or (link.startswith("/inside/api/") and client.get(link).status_code == 200), link
    assert "/inside/api/docs" in Page(client.get("/inside/nowhere").text).links


# --- over a server


@contextmanager
def serving(app: Any) -> Iterator[http.client.HTTPConnection]:
    """A connection to a uvicorn that serves the application in a thread."""
    with listen("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none", loop="asyncio", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=10)
        try:
            yield connection
        finally:
            connection.close()
            server.should_exit = True
            thread.join()


def ask(connection: http.client.HTTPConnection, path: str, method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    return answer, answer.read()


def test_it_is_served_by_uvicorn() -> None:
    """Read by the client of the standard library, on one connection."""
    with serving(shop().docs_app()) as connection:
        for path in PAGES:
            answer, body = ask(connection, path)
            assert answer.status == 200
            assert answer.getheader("Cache-Control") == "no-cache"
            assert len(Page(body.decode()).elements["summary"]) >= len(shop().routes)
            answer, body = ask(connection, path, "HEAD")
            assert (answer.status, body) == (200, b"")
        assert json.loads(ask(connection, "/openapi.json")[1]) == shop().openapi()
        for path, kind in (("/docs/page.css", "text/css"), ("/docs/page.js", "text/javascript"), ("/docs/icon.svg", "image/svg+xml")):
            answer, body = ask(connection, path)
            assert (answer.getheader("Content-Type") or "").startswith(kind)
            assert body
        assert ask(connection, "/docs", "POST")[0].status == 405
        assert ask(connection, "/%00%ff/../docs/x")[0].status == 404


PROGRAM = """
import sys
from fasthttp import FastHTTP
app = FastHTTP("https://h.example", title="Served", docs_base_url="/own")
@app.get("/parts")
def parts(resp): ...
app.web_run(host=sys.argv[1], port=int(sys.argv[2]), **eval(sys.argv[3]))
print("went on", flush=True)
"""


@contextmanager
def running(tmp_path: Path, host: str = "127.0.0.1", options: str = "{}") -> Iterator[tuple[subprocess.Popen[str], list[str], int]]:
    """`web_run` in a process of its own: the process, the lines up to the one with the address, and the port."""
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-W", "error", "program.py", host, "0", options]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=pipe, stderr=pipe, encoding="utf-8", env={**os.environ, "PYTHONIOENCODING": "utf-8"}
    ) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline()]
            while "Docs page: " not in lines[-1]:
                assert lines[-1], process.communicate()
                lines.append(process.stdout.readline())
            yield process, lines, int(re.findall(r":(\d+)/", lines[-1])[0])
        finally:
            process.kill()


def test_web_run_serves_until_interrupted(tmp_path: Path) -> None:
    """Then the program goes on; nothing else is said."""
    with running(tmp_path) as (process, lines, port):
        assert lines == [f"INFO    │ fasthttp    │ ✔ Docs page: http://127.0.0.1:{port}/own/docs\n"]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        assert b"Served" in ask(connection, "/own/docs")[1]
        connection.close()
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=30)
    assert (process.returncode, out, said) == (0, "went on\n", "")


def test_web_run_takes_a_path(tmp_path: Path) -> None:
    """In place of the app's."""
    with running(tmp_path, options="{'base_url': '/given'}") as (_, _, port):
        connection = http.client.HTTPConnection("localhost", port, timeout=10)
        assert ask(connection, "/given/docs")[0].status == 200
        connection.close()


@pytest.mark.parametrize(("host", "status"), [
    ("localhost", 200), ("127.0.0.1:80", 200), ("docs.localhost:1", 200), ("evil.example", 400), ("127.0.0.1.evil.example", 400),
])  # fmt: skip
def test_no_other_name_leads_to_this_machine(tmp_path: Path, host: str, status: int) -> None:
    """A web page whose name was made to lead here cannot read what is served for this machine alone."""
    with running(tmp_path) as (_, _, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        assert ask(connection, "/own/openapi.json", Host=host)[0].status == status
        connection.close()


def test_an_address_that_others_reach_is_warned_of(tmp_path: Path) -> None:
    """Once, before the address is told; by any name, as there is no telling what others call it."""
    with running(tmp_path, "0.0.0.0") as (_, lines, port):
        assert lines[0].startswith("WARNING │ fasthttp    │ ⚠ other machines can reach the docs page")
        assert len(lines) == 2
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        assert ask(connection, "/own/docs", Host="builder.example")[0].status == 200
        connection.close()


def test_a_port_in_use_is_named() -> None:
    """As are an address that is not of this machine, and a port that is none."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"cannot be served on 127\.0\.0\.1:{port}: the port is in use"):
            shop().web_run(port=port)
    with pytest.raises(OSError, match=r"cannot be served on 192\.0\.2\.1:8000: "):
        shop().web_run(host="192.0.2.1")
    with pytest.raises(ValueError, match="port=70000"):
        shop().web_run(port=70000)


def test_web_run_inside_a_running_loop_says_what_to_do() -> None:
    """And leaves nothing that was not awaited."""

    async def run() -> None:
        with pytest.raises(RuntimeError, match=r"serve app\.docs_app\(\) there"):
            shop().web_run(port=0)

    asyncio.run(run())


def test_addresses_are_told_as_a_browser_takes_them() -> None:
    """The wildcard is this machine; IPv6 stands in brackets."""
    for host, start, local in (("127.0.0.1", "http://127.0.0.1:", True), ("0.0.0.0", "http://127.0.0.1:", False)):
        with listen(host, 0) as listener:
            assert url_of(listener).startswith(start)
            assert is_loopback(listener) is local
    if socket.has_ipv6:
        try:
            with listen("::1", 0) as listener:
                assert url_of(listener).startswith("http://[::1]:")
                assert is_loopback(listener)
        except OSError:
            pass  # there is none on this machine


def test_the_log_of_an_app_that_logs_nothing() -> None:
    """Stays empty; nobody else's logger is touched."""
    before = [(logger.level, list(logger.handlers)) for logger in (logging.getLogger(), logging.getLogger("fasthttp"))]
    shop().docs_app()
    shop().openapi()
    assert before == [(logger.level, list(logger.handlers)) for logger in (logging.getLogger(), logging.getLogger("fasthttp"))]


# --- following


def test_a_page_that_follows_tells_what_it_shows() -> None:
    """Its number, where the newest is told, and what keeps it from being the newest; other pages have none of it."""
    state = [Shown(shop().openapi(), "shop.py:3: NameError: <x>", 7)]
    client = TestClient(site(lambda: state[0], "/b"))
    found = Page(client.get("/b/docs").text)
    assert [one["data-state"] for one in found.elements["div"] if one.get("data-revision") == "7"] == ["/b/docs/revision"]
    assert "This is not the newest version: shop.py:3: NameError: <x>" in found.text
    assert client.get("/b/docs/revision").json() == {"revision": 7}
    plain = page(Shown(shop().openapi()), "", reading=False)
    assert "data-revision" not in plain
    assert "not the newest" not in plain
