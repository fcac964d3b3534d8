# Generated from tests/shell/_async/test_wsgi.py by scripts/unasync.py; change that file instead.
"""WSGI applications in place of the network: what they are given, what may go wrong with them, and when they are closed."""

from __future__ import annotations

import gc
import threading
import time
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import pytest

from fasthttp import SyncClient, IncompleteRead, RemoteDisconnected, RemoteProtocolError, Request, RequestTimeout, WSGITransport
from fasthttp.errors import BodyNotReplayable, ResponseTooLarge
from tests.shell import wsgi_apps as apps
from tests.shell.blocking import run_blocking


def checked(app: Any, **options: Any) -> WSGITransport:
    """A transport to an application, with the referee of the standard library between them."""
    return WSGITransport(validator(app), **options)


def client_of(app: Any, **options: Any) -> SyncClient:
    return SyncClient("http://app.test", transport=WSGITransport(app, **options))


def test_verbs_and_bodies() -> None:
    """An application sees method, path, query, headers and body, and its answer comes back whole."""
    with SyncClient("http://app.test", transport=checked(apps.Echo())) as client:
        r = client.post("/a%20b?x=1", json={"k": "v"}, headers={"X-A": "1"})
        seen = r.json()
        assert (seen["REQUEST_METHOD"], seen["PATH_INFO"], seen["QUERY_STRING"], seen["body"]) == ("POST", "/a b", "x=1", '{"k":"v"}')
        assert (seen["HTTP_X_A"], seen["HTTP_HOST"], r.headers["x-app"], r.reason) == ("1", "app.test", "echo", "OK")
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
            assert (client.request(method, "/")).json()["REQUEST_METHOD"] == method
        assert (client.head("/")).content == b""


def test_the_environment_is_complete_and_exact() -> None:
    """The keys of PEP 3333, and no others but those of the headers; text is the latin-1 reading of the bytes."""
    app = apps.Echo()
    transport = checked(app, script_name="/mount", remote_addr="10.0.0.1")
    with SyncClient(transport=transport, headers={"Accept": None, "Accept-Encoding": None, "User-Agent": None}) as client:
        fields = [("X-Many", "1"), ("X-Many", "é"), ("Cookie", "a=1"), ("Cookie", "b=2"), ("X_Many", "spoof"), ("Content-Type", "a/b")]
        client.post("https://[::1]:8443/mount/%C3%A9%2F?q=%20", content=b"12", headers=fields)
        environ = {name: value for name, value in app.environ.items() if not name.startswith("wsgi.")}
        assert environ == {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "/mount",
            "PATH_INFO": "/é/".encode().decode("latin-1"),
            "QUERY_STRING": "q=%20",
            "SERVER_NAME": "[::1]",
            "SERVER_PORT": "8443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "10.0.0.1",
            "CONTENT_TYPE": "a/b",
            "CONTENT_LENGTH": "2",
            "HTTP_HOST": "[::1]:8443",
            "HTTP_X_MANY": "1, " + "é".encode().decode("latin-1"),
            "HTTP_COOKIE": "a=1; b=2",
        }
        assert app.environ["wsgi.url_scheme"] == "https"
        assert app.environ["wsgi.version"] == (1, 0)
        for url, path in (("/mount", ""), ("/mountain", "/mountain"), ("/other", "/other")):
            assert (client.get("http://app.test" + url)).json()["PATH_INFO"] == path
    for name in ("mount", "/mount/", "/"):
        with pytest.raises(ValueError, match="script_name="):
            WSGITransport(app, script_name=name)


def test_streams_both_ways() -> None:
    """Pieces of a body are read as the application asks for them, and its pieces come before it has ended."""
    asked: list[int] = []

    def source() -> Any:
        for number in range(3):
            asked.append(number)
            yield b"line %d\n" % number * 2000

    app = apps.Echo()
    with SyncClient("http://app.test", transport=checked(app)) as client, client.stream("POST", "/mirror", content=source()) as r:
        assert asked == [0]
        assert b"".join([piece for piece in r.iter_bytes()]) == b"".join(b"line %d\n" % number * 2000 for number in range(3))
    assert (asked, app.closed) == ([0, 1, 2], 1)


@pytest.mark.parametrize(
    ("read", "result"),
    [
        (lambda body: body.read(), b"one\ntwo\n\nthree"),
        (lambda body: body.read(-1), b"one\ntwo\n\nthree"),
        (lambda body: [body.read(2), body.read(0), body.read(9), body.read(99), body.read(1)], [b"on", b"", b"e\ntwo\n\nth", b"ree", b""]),
        (lambda body: [body.readline(), body.readline(2), body.readline(), body.readline()], [b"one\n", b"tw", b"o\n", b"\n"]),
        (lambda body: body.readlines(), [b"one\n", b"two\n", b"\n", b"three"]),
        (lambda body: body.readlines(5), [b"one\n", b"two\n"]),
        (lambda body: list(body), [b"one\n", b"two\n", b"\n", b"three"]),
    ],
)
def test_the_input_is_a_file(read: Any, result: Any) -> None:
    """Every way of reading gives the same bytes, however they come in."""
    with client_of(apps.reading(read)) as client:
        for content in (b"one\ntwo\n\nthree", iter([b"one", b"", b"\n", b"two\n\nth", b"ree"])):
            assert (client.post("/", content=content)).text == repr(result)


def test_a_body_that_fails_ends_the_call(tmp_path: Path) -> None:
    """What the source of a request's body raises goes through the application to the caller; a file of it is closed."""

    def source() -> Any:
        yield b"one"
        raise ZeroDivisionError("mine")

    file = tmp_path / "body"
    file.write_bytes(b"content")
    spent = iter([b"once"])
    request = Request("POST", "http://app.test/", content=spent)
    with client_of(apps.reading(lambda body: body.read())) as client:
        with pytest.raises(ZeroDivisionError, match="mine"):
            client.post("/", content=source())
        assert (client.post("/", content=file)).text == "b'content'"
        assert (client.send(request)).text == "b'once'"
        with pytest.raises(BodyNotReplayable):
            client.send(request)
    with client_of(apps.reading(lambda body: body.read(2))) as client:
        assert (client.post("/", content=file)).text == "b'co'"


def test_redirects_and_decoding() -> None:
    """Redirects are followed, codings undone, and lines of one name kept apart."""
    with SyncClient("http://app.test", transport=checked(apps.Echo())) as client:
        r = client.get("/redirect")
        assert (r.url, len(r.history)) == ("http://app.test/landed", 1)
        assert r.history[0].headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert (client.get("/gzip")).content == b"zipped " * 1000
        assert (client.head("/gzip")).content == b""


def test_responses_without_a_body() -> None:
    """HEAD, 204 and 304 have none, whatever the application gives, and its iterable is closed all the same."""
    app = apps.Echo()
    with SyncClient("http://app.test", transport=checked(app)) as client:
        for status in (204, 304, 404):
            r = client.get(f"/status/{status}")
            assert (r.status_code, r.reason, r.content) == (status, "Chosen", b"body" if status == 404 else b"")
        r = client.head("/")
        assert (r.status_code, r.content, int(r.headers["content-length"]) > 100, app.closed) == (200, b"", True, 1)
        assert (client.head("/endless")).content == b""
    with client_of(apps.serving(b"must not be", status="204 None", fields=[("Content-Length", "99")])) as client:
        assert (client.get("/")).content == b""


def test_write() -> None:
    """What is given to `write()` comes before what the iterable gives."""
    with SyncClient("http://app.test", transport=checked(apps.writing)) as client:
        assert (client.get("/")).content == b"written first, then given"
        assert (client.head("/")).content == b""
    for data in ("text", 1):
        with client_of(lambda environ, start, data=data: start(apps.OK, [])(data) or []) as client:
            with pytest.raises(TypeError, match=r"write\(\) takes bytes"):
                client.get("/")


def test_a_response_can_be_replaced_until_its_first_byte() -> None:
    """With `exc_info`; after that the exception is raised again, and a second call without it is an error."""
    with SyncClient("http://app.test", transport=checked(apps.recovering)) as client:
        r = client.get("/")
        assert (r.status_code, r.content, "content-length" in r.headers) == (503, b"sorry", False)
    with client_of(apps.too_late) as client, client.stream("GET", "/") as r:
        with pytest.raises(KeyError, match="inner"):
            r.read()
    for app, error in ((apps.too_late_after_write, KeyError), (apps.twice, RuntimeError)):
        with client_of(app) as client:
            with pytest.raises(error):
                client.get("/")


@pytest.mark.parametrize("app", [apps.silent, lambda environ, start: []], ids=["too early", "never"])
def test_an_application_without_a_response(app: Any) -> None:
    """Bytes before a head, or no head at all, is what a closed connection is."""
    with client_of(app) as client:
        with pytest.raises(RemoteDisconnected, match="start_response was not called"):
            client.get("/")


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        ("200", []),
        ("OK", []),
        ("20 OK", []),
        ("100 Continue", []),
        ("200 O\nK", []),
        ("200 OK", [("Bad Name", "x")]),
        ("200 OK", [("X-A", "b\r\nX-B: c")]),
        ("200 OK", [("X-A", "\u20ac")]),
        ("200 OK", [("Transfer-Encoding", "chunked")]),
        ("200 OK", [("Connection", "close")]),
        ("200 OK", [("Content-Length", "-1")]),
        ("200 OK", [("Content-Length", "1" * 20)]),
        ("200 OK", [("Content-Length", "1"), ("Content-Length", "1")]),
    ],
)
def test_a_head_that_no_server_would_send(status: str, fields: Any) -> None:
    """It is refused where the application gives it."""
    with client_of(apps.serving(b"x", status=status, fields=fields)) as client:
        with pytest.raises(ValueError):
            client.get("/")


@pytest.mark.parametrize("piece", ["text", 7, None, bytearray(b"x")])
def test_pieces_that_are_not_bytes(piece: Any) -> None:
    """The type is named, in the first piece and later."""
    for pieces in ((piece,), (b"first", piece)):
        with client_of(apps.serving(*pieces)) as client:
            with pytest.raises(TypeError, match=f"gave {type(piece).__name__}"):
                client.get("/")


def test_lengths() -> None:
    """Fewer or more bytes than announced are what they would be over a connection; a limit holds before the body is read."""
    for pieces, error in (((b"12",), IncompleteRead), ((), IncompleteRead), ((b"12", b"34"), RemoteProtocolError)):
        with client_of(apps.serving(*pieces, fields=[("Content-Length", "3")])) as client:
            with pytest.raises(error) as caught:
                client.get("/")
            assert type(caught.value) is error
            assert caught.value.url == "http://app.test/"
    app = apps.Echo()
    with SyncClient("http://app.test", transport=checked(app)) as client:
        with pytest.raises(ResponseTooLarge):
            client.get("/", max_response_size=10)
        with pytest.raises(ResponseTooLarge):
            client.get("/endless", max_response_size=10_000)
        assert app.closed == 2


def test_a_reader_that_leaves() -> None:
    """The iterable is closed, once, however the response is left."""
    app = apps.Echo()
    with SyncClient("http://app.test", transport=checked(app)) as client:
        with client.stream("GET", "/endless") as r:
            for _ in r.iter_bytes():
                break
        assert app.closed == 1
        with client.stream("GET", "/endless"):
            pass
        assert app.closed == 2
        with client.stream("GET", "/") as r:
            r.read()
        assert app.closed == 3


def test_exceptions_reach_the_caller() -> None:
    """As they are, before the head and in the body."""
    for pieces in ((KeyError("mine"),), (b"out", KeyError("mine"))):
        with client_of(apps.serving(*pieces)) as client:
            with pytest.raises(KeyError, match="mine"):
                client.get("/")


def test_exceptions_that_stay_inside(capsys: pytest.CaptureFixture[str]) -> None:
    """With `raise_app_exceptions=False` they are a 500 or a broken body, and told on stderr."""
    with client_of(apps.serving(KeyError("mine")), raise_app_exceptions=False) as client:
        r = client.get("/")
        assert (r.status_code, r.reason, r.content) == (500, "Internal Server Error", b"Internal Server Error")
        assert (client.head("/")).status_code == 500
    with client_of(apps.serving(b"out", KeyError("later")), raise_app_exceptions=False) as client:
        with pytest.raises(RemoteProtocolError, match="failed inside its response"):
            client.get("/")
    told = capsys.readouterr().err
    assert (told.count("KeyError: 'mine'"), told.count("KeyError: 'later'")) == (2, 1)


class Failing(apps.Closing):
    """Fails when it is closed."""

    def close(self) -> None:
        raise KeyError("closing")


def test_an_iterable_that_cannot_be_closed(capsys: pytest.CaptureFixture[str]) -> None:
    """Its error is the caller's at the end of the body, and told on stderr where the caller has gone."""

    def app(environ: Any, start: Any) -> Any:
        start(apps.OK, [])
        return Failing(apps.Echo(), iter([b"one", b"two"]))

    with client_of(app) as client:
        with pytest.raises(KeyError, match="closing"):
            client.get("/")
        assert capsys.readouterr().err == ""
        with client.stream("GET", "/"):
            pass
    assert "KeyError: 'closing'" in capsys.readouterr().err


def test_a_call_that_is_gone_before_the_application_answers() -> None:
    """A time limit ends the call of an async client; the application's iterable is closed when it comes. A blocking
    client cannot be stopped inside the application, and gets its answer."""
    go = threading.Event()
    app = apps.Echo()

    def slow(environ: Any, start: Any) -> Any:
        go.wait(5)
        return app(environ, start)

    with client_of(slow, raise_app_exceptions=False) as client:
        try:
            if client.__class__.__name__ == "SyncClient":
                go.set()
            with client.stream("GET", "/endless", timeout=0.05):
                pass
        except RequestTimeout:
            assert app.closed == 0
        go.set()
        run_blocking(lambda: wait_until(lambda: app.closed == 1))


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert condition()


def test_a_response_that_nobody_closes() -> None:
    """Letting go of it closes the iterable."""
    app = apps.Echo()
    response = WSGITransport(app).handle(Request("GET", "http://app.test/endless"))
    assert (response.status_code, app.closed) == (200, 0)
    del response
    gc.collect()
    assert app.closed == 1


def test_a_reader_that_leaves_during_a_step() -> None:
    """The thread that is inside the application closes the iterable when it comes out."""
    entered, go = threading.Event(), threading.Event()
    app = apps.Echo()

    def items() -> Any:
        yield b"first"
        entered.set()
        go.wait(5)
        yield b"second"

    def slow(environ: Any, start: Any) -> Any:
        start(apps.OK, [])
        return apps.Closing(app, items())

    source = WSGITransport(slow).handle(Request("GET", "http://app.test/"))._source
    assert source.next() == b"first"
    thread = threading.Thread(target=source.next)
    thread.start()
    run_blocking(lambda: wait_until(entered.is_set))
    source.abandon()
    assert app.closed == 0
    go.set()
    run_blocking(thread.join)
    assert app.closed == 1
    assert source.next() == b""
