"""Files as answers: what they say of themselves, parts of them, conditions, names, files that change. Judged on bytes."""

from __future__ import annotations

import email.policy
import hashlib
import http.client
import inspect
import os
import random
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import uvicorn
from starlette.responses import FileResponse as StarletteFileResponse

from FasterAPI import BackgroundTask, Faster, FileResponse, JSONResponse, RedirectResponse, Request, Response, StreamingResponse
from FasterAPI.responses import conditional
from tests.contract.raw_asgi import body_of, exchange, headers_of, status_of

CONTENT = bytes(range(256)) * 1000
CHANGED = 1_700_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make(tmp_path / "data.bin", CONTENT)


def make(path: Path, content: bytes, changed: float = CHANGED) -> Path:
    path.write_bytes(content)
    os.utime(path, (changed, changed))
    return path


def ask(response: Any, method: str = "GET", *fields: tuple[str, str], **more: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, fields and body that a response sends to a request."""
    sent = exchange(response, method, headers=[(name.encode(), value.encode("latin-1")) for name, value in fields], **more)
    return status_of(sent), headers_of(sent), body_of(sent)


def parts_of(headers: dict[bytes, bytes], body: bytes) -> list[tuple[str, str, bytes]]:
    """Type, range and content of the parts of a multipart body, by the parser of the standard library."""
    text = b"Content-Type: " + headers[b"content-type"] + b"\r\n\r\n" + body
    message = BytesParser(EmailMessage, policy=email.policy.HTTP).parsebytes(text)
    assert not message.defects
    return [(str(part["content-type"]), str(part["content-range"]), part.get_payload(decode=True)) for part in message.iter_parts()]  # type: ignore[misc]


# --- the whole


def test_a_file_says_its_length_its_age_and_its_tag(path: Path) -> None:
    """Length, time, a strong tag that changes with the file, and that it takes ranges; HEAD says the same without content."""
    status, headers, body = ask(FileResponse(path))
    assert (status, body, headers[b"content-length"], headers[b"accept-ranges"]) == (200, CONTENT, b"256000", b"bytes")
    assert headers[b"last-modified"].decode() == formatdate(CHANGED, usegmt=True)
    assert re.fullmatch(rb'"[!#-~]+"', headers[b"etag"])
    assert b"content-disposition" not in headers
    assert ask(FileResponse(path), "HEAD") == (200, headers, b"")
    make(path, CONTENT, CHANGED + 1)
    assert ask(FileResponse(path))[1][b"etag"] != headers[b"etag"]


def test_it_is_read_in_pieces(path: Path) -> None:
    """No message holds more than 64 KiB, and fields of the caller's own stay."""
    sent = exchange(FileResponse(path, headers={"ETag": '"mine"', "x-a": "1"}, media_type="image/png"))
    sizes = [len(message["body"]) for message in sent[1:]]
    assert (max(sizes), sum(sizes)) == (65536, len(CONTENT))
    assert {**headers_of(sent), b"etag": b'"mine"', b"x-a": b"1", b"content-type": b"image/png"} == headers_of(sent)


def test_one_response_is_sent_many_times(path: Path) -> None:
    """Each time with what the file is by then, also where its status was given at first."""
    for response in (FileResponse(path), FileResponse(path, stat_result=path.stat())):
        make(path, CONTENT)
        first = ask(response)
        assert ask(response) == first
        make(path, b"other", CHANGED + 5)
        status, headers, body = ask(response)
        assert (status, headers[b"content-length"], body) == (200, b"5", b"other")
        assert headers[b"etag"] != first[1][b"etag"]


def test_a_server_may_read_the_file_itself(path: Path) -> None:
    """One that offers it gets the path of a whole file, and the bytes of parts."""
    offer: dict[str, Any] = {"extensions": {"http.response.pathsend": {}}}
    sent = exchange(FileResponse(path), **offer)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.pathsend"]
    assert sent[1]["path"] == str(path)
    assert ask(FileResponse(path), "GET", ("range", "bytes=0-1"), **offer)[2] == CONTENT[:2]


# --- parts


@pytest.mark.parametrize(("asked", "first", "last"), [
    ("bytes=5-9", 5, 9), ("bytes=-3", 255_997, 255_999), ("bytes=255990-", 255_990, 255_999), ("bytes=0-999999", 0, 255_999),
    ("bytes=-999999", 0, 255_999), ("BYTES=0-0", 0, 0), ("bytes=0-9,5-20", 0, 20), ("bytes=0-9, 10-19", 0, 19), ("bytes=7-8,999999-", 7, 8),
])  # fmt: skip
def test_one_part(path: Path, asked: str, first: int, last: int) -> None:
    """A range, its last bytes, one that ends beyond the file, and several that are one: 206 with exactly these bytes."""
    status, headers, body = ask(FileResponse(path), "GET", ("range", asked))
    assert (status, body) == (206, CONTENT[first : last + 1])
    assert headers[b"content-range"].decode() == f"bytes {first}-{last}/256000"
    assert headers[b"content-length"].decode() == str(len(body))
    assert ask(FileResponse(path), "HEAD", ("range", asked)) == (206, headers, b"")


def test_many_parts(path: Path) -> None:
    """Several ranges are parts of a multipart body, each with its place, in the order that was asked for."""
    status, headers, body = ask(FileResponse(path, media_type="image/png"), "GET", ("range", "bytes=1000-1009,0-0,-70000"))
    assert (status, headers[b"content-length"].decode()) == (206, str(len(body)))
    assert b"content-range" not in headers
    assert parts_of(headers, body) == [
        ("image/png", "bytes 1000-1009/256000", CONTENT[1000:1010]),
        ("image/png", "bytes 0-0/256000", CONTENT[:1]),
        ("image/png", "bytes 186000-255999/256000", CONTENT[-70000:]),
    ]


@pytest.mark.parametrize(("ranges", "status"), [(16, 206), (17, 200), (1000, 200)])
def test_greedy_ranges_give_the_whole(path: Path, ranges: int, status: int) -> None:
    """At most sixteen parts are sent; who asks for more gets the file, also by a thousand ranges that are one."""
    asked = ",".join(f"{10 * number}-{10 * number}" for number in range(ranges))
    assert ask(FileResponse(path), "GET", ("range", "bytes=" + asked))[0] == status
    near = ",".join(f"{number}-{number}" for number in range(ranges))
    assert ask(FileResponse(path), "GET", ("range", "bytes=" + near))[0] == (200 if ranges == 1000 else 206)


@pytest.mark.parametrize("asked", ["bytes=256000-", "bytes=999999-9999999", "bytes=-0", "bytes=300000-,400000-"])
def test_parts_beyond_the_file(path: Path, asked: str) -> None:
    """Nothing of what is asked for is there: 416, which says how much there is."""
    status, headers, body = ask(FileResponse(path), "GET", ("range", asked))
    assert (status, headers[b"content-range"], body) == (416, b"bytes */256000", b"")


def test_an_empty_file_has_no_parts(tmp_path: Path) -> None:
    """Nothing can be a part of nothing."""
    empty = make(tmp_path / "empty", b"")
    assert ask(FileResponse(empty))[::2] == (200, b"")
    assert ask(FileResponse(empty), "GET", ("range", "bytes=0-"))[0] == 416


@pytest.mark.parametrize(
    "asked", ["bytes", "bytes=", "bytes=-", "items=0-5", "bytes=9-5", "bytes=a-b", "bytes=0x1-2", "bytes=1-2;3", "bytes=٣-٤"]
)
def test_a_malformed_range_is_ignored(path: Path, asked: str) -> None:
    """As RFC 9110 §14.2 has it."""
    given = [(b"range", asked.encode())]
    assert status_of(exchange(FileResponse(path), headers=given)) == 200
    assert status_of(exchange(FileResponse(path), headers=[(b"range", b"bytes=0-1"), (b"range", b"bytes=4-5")])) == 200


def test_ranges_are_for_whole_answers_to_reads(path: Path) -> None:
    """Another status and another method have neither parts nor conditions."""
    fields = (("range", "bytes=0-1"), ("if-none-match", "*"))
    assert ask(FileResponse(path, 404), "GET", *fields)[::2] == (404, CONTENT)
    assert ask(FileResponse(path), "POST", *fields)[::2] == (200, CONTENT)


def test_parts_as_starlette_has_them(path: Path) -> None:
    """For a thousand ranges that both take, status, place and content are those of Starlette's class."""
    chance = random.Random(1)
    compared = 0
    for _ in range(1000):
        first = chance.randrange(0, 256_000)
        last = chance.randrange(first, 300_000)
        asked = chance.choice([f"{first}-", f"{first}-{last}", f"-{last + 1}", f"{first}-{last},{max(0, first - 9)}-{last}", "999999-"])
        ours, theirs = (ask(kind(path), "GET", ("range", "bytes=" + asked)) for kind in (FileResponse, StarletteFileResponse))
        assert (ours[0], ours[1].get(b"content-range"), ours[2]) == (theirs[0], theirs[1].get(b"content-range"), theirs[2])
        compared += ours[0] == 206
    assert compared > 500


# --- conditions


def tag_of(path: Path) -> str:
    return ask(FileResponse(path))[1][b"etag"].decode()


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_has_it_gets_no_content(path: Path, method: str) -> None:
    """A tag among several, compared weakly, or any, or a date that is not before the file's: 304, with the tag and no content."""
    tag, date = tag_of(path), formatdate(CHANGED, usegmt=True)
    for field, value in [
        ("if-none-match", tag), ("if-none-match", f'"a,b", W/{tag}'), ("if-none-match", f'"x",{tag},"y"'), ("if-none-match", " * "),
        ("if-modified-since", date), ("if-modified-since", formatdate(CHANGED + 9, usegmt=True)),
        ("if-modified-since", "Tuesday, 14-Nov-23 22:13:20 GMT"), ("if-modified-since", "Tue Nov 14 22:13:20 2023"),
    ]:  # fmt: skip
        status, headers, body = ask(FileResponse(path, headers={"cache-control": "no-cache", "set-cookie": "a=1"}), method, (field, value))
        assert (status, body, headers[b"etag"].decode()) == (304, b"", tag), value
        assert set(headers) == {b"etag", b"cache-control", b"set-cookie"}


@pytest.mark.parametrize("fields", [
    [("if-none-match", '"other"')], [("if-none-match", "")], [("if-none-match", "no tag")], [("if-none-match", '"a", *')],
    [("if-modified-since", formatdate(CHANGED - 1, usegmt=True))], [("if-modified-since", "yesterday")],
    [("if-modified-since", "1" * 9000)],
    [("if-modified-since", "Tue, 14 Nov 2023 22:13:20 +9999999999")], [("if-modified-since", "Tue, 99 Nov 99999999999 22:13:20 GMT")],
    [("if-modified-since", formatdate(CHANGED + 9, usegmt=True)), ("if-none-match", '"other"')],
])  # fmt: skip
def test_who_has_something_else_gets_all(path: Path, fields: list[tuple[str, str]]) -> None:
    """Another tag, an earlier date, what is neither; and the tag wins over the date."""
    assert ask(FileResponse(path), "GET", *fields)[::2] == (200, CONTENT)


def test_a_condition_comes_before_a_range(path: Path) -> None:
    """Who has the whole is not sent a part of it."""
    assert ask(FileResponse(path), "GET", ("if-none-match", tag_of(path)), ("range", "bytes=0-1"))[0] == 304


def test_parts_only_of_what_the_client_has(path: Path) -> None:
    """If-Range: the same strong tag or the very date, or else the whole."""
    tag, date = tag_of(path), formatdate(CHANGED, usegmt=True)
    later = formatdate(CHANGED + 1, usegmt=True)
    for value, status in [(tag, 206), (date, 206), ('"other"', 200), (f"W/{tag}", 200), (later, 200), ("nonsense", 200), ("", 200)]:
        assert ask(FileResponse(path), "GET", ("range", "bytes=0-1"), ("if-range", value))[0] == status, value
    weak = FileResponse(path, headers={"etag": 'W/"1"'})
    assert ask(weak, "GET", ("range", "bytes=0-1"), ("if-range", 'W/"1"'))[0] == 200


def test_a_date_of_this_second_identifies_nothing(path: Path) -> None:
    """The file may change once more within it, so that a part would be of another content."""
    soon = time.time() + 60
    os.utime(path, (soon, soon))
    fields = (("range", "bytes=0-1"), ("if-range", formatdate(soon, usegmt=True)))
    assert ask(FileResponse(path), "GET", *fields)[0] == 200
    os.utime(path, (soon - 120, soon - 120))
    assert ask(FileResponse(path), "GET", fields[0], ("if-range", formatdate(soon - 120, usegmt=True)))[0] == 206


def test_conditions_for_answers_of_ones_own() -> None:
    """`conditional` tags content that is held in memory, and leaves a stream with its own tag unread; tasks run all the same."""
    ran: list[str] = []
    app = Faster()

    @app.get("/report")
    async def report(request: Request) -> Response:
        return conditional(request, JSONResponse({"a": 1}, background=BackgroundTask(ran.append, "report")))

    @app.get("/rows")
    async def rows(request: Request) -> Response:
        def items() -> Iterator[str]:
            ran.append("read")
            yield "row"

        return conditional(request, StreamingResponse(items(), headers={"etag": 'W/"rows-1"'}))

    @app.get("/refused")
    async def refused(request: Request) -> Response:
        return conditional(request, JSONResponse({}, 403))

    def asked(path: str, *fields: tuple[str, str]) -> tuple[int, dict[bytes, bytes], bytes]:
        return ask(app, "GET", *fields, path=path)

    status, headers, body = asked("/report")
    expected = hashlib.blake2b(b'{"a":1}', digest_size=16).hexdigest()
    assert (status, headers[b"etag"].decode(), body) == (200, f'"{expected}"', b'{"a":1}')
    assert asked("/report", ("if-none-match", f'"{expected}"')) == (304, {b"etag": headers[b"etag"]}, b"")
    assert asked("/rows", ("if-none-match", '"rows-1"'))[0] == 304
    assert ran == ["report", "report"]
    assert asked("/rows")[2] == b"row"
    assert asked("/refused", ("if-none-match", "*"))[0] == 403


# --- what goes wrong


def test_what_cannot_be_sent_is_an_error_with_a_status(tmp_path: Path) -> None:
    """No file, a directory, a pipe, something below a file: an exception before the first byte, which a handler answers."""
    os.mkfifo(tmp_path / "pipe")
    make(tmp_path / "file", b"")
    app = Faster()

    @app.get("/{name:path}")
    async def get(name: str) -> Response:
        return FileResponse(tmp_path / name)

    @app.exception_handler(RuntimeError)
    async def handler(request: Request, exc: Exception) -> Response:
        return JSONResponse(str(exc), 503)

    for name, words in [("missing", b"does not exist"), ("", b"is not a file"), ("pipe", b"is not a file"), ("file/x", b"does not exist")]:
        status, _, body = ask(app, path="/" + name)
        assert status == 503
        assert words in body


@contextmanager
def served(app: Any) -> Iterator[tuple[str, int]]:
    """The address of an application under a server that is not ours."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    yield listener.getsockname()
    server.should_exit = True
    thread.join(10)
    listener.close()


class Changing(FileResponse):
    """A file that is cut or grows after its first piece was read."""

    change: Any = None

    async def _read(self, file: Any, parts: Any) -> Any:
        async for number, chunk in _numbered(super()._read(file, parts)):
            if number == 0:
                self.change()
            yield chunk


async def _numbered(items: Any) -> Any:
    number = 0
    async for item in items:
        yield number, item
        number += 1


def test_a_file_that_shrinks_ends_the_connection(tmp_path: Path) -> None:
    """Neither padding nor an end that looks whole: what was announced does not come, and the client can see it."""
    path = make(tmp_path / "big", b"x" * 10_000_000)
    app = Faster()

    @app.get("/")
    async def get() -> Response:
        response = Changing(path)
        response.change = lambda: os.truncate(path, 100_000)
        return response

    with served(app) as address:
        connection = http.client.HTTPConnection(*address, timeout=10)
        connection.request("GET", "/")
        with pytest.raises(http.client.IncompleteRead) as caught:
            connection.getresponse().read()
        assert 0 < len(caught.value.partial) <= 100_000
        connection.close()


def test_a_file_that_grows_is_cut(tmp_path: Path) -> None:
    """What was announced is sent, and not a byte more."""
    path = make(tmp_path / "log", b"x" * 100_000)
    response = Changing(path)
    response.change = lambda: path.write_bytes(b"x" * 100_000 + b"y" * 100_000)
    status, headers, body = ask(response)
    assert (status, headers[b"content-length"], body) == (200, b"100000", b"x" * 100_000)


def test_tasks_run_whatever_it_came_to(path: Path) -> None:
    """After the whole, a part, nothing new and nothing there; the file is closed by then."""
    part, known, beyond = ("range", "bytes=0-1"), ("if-none-match", "*"), ("range", "bytes=999999-")
    for fields, status in [([], 200), ([part], 206), ([known], 304), ([beyond], 416)]:
        ran: list[int] = []
        response = FileResponse(path, background=BackgroundTask(count_open, path, ran))
        assert ask(response, "GET", *fields)[0] == status
        assert ran == [0]


def count_open(path: Path, counts: list[int]) -> None:
    """How often the file is open in this process, where that can be known."""
    descriptors = Path("/proc/self/fd")
    names = os.listdir(descriptors) if descriptors.exists() else []
    counts.append(sum(os.path.realpath(descriptors / name) == str(path) for name in names))


# --- names


@pytest.mark.parametrize("name", [
    "plain.txt", "two words.txt", 'a"; filename="b.exe', "back\\slash", "Отчёт за март.pdf", "naïve.txt", "a\r\nSet-Cookie: x=1",
    "tab\t\x00\x7f", "50%41.txt", "a'b''c", "€ rates", "😀.png",
])  # fmt: skip
def test_names_cannot_break_out(path: Path, name: str) -> None:
    """One line of printable ASCII, whose name is the one that was given; the plain one is there for old recipients."""
    line = ask(FileResponse(path, filename=name))[1][b"content-disposition"].decode("ascii")
    assert line.isprintable()
    found = re.fullmatch(r'attachment; filename="((?:[^"\\]|\\.)*)"(?:; filename\*=UTF-8\'\'([!#$&+.^_`|~0-9A-Za-z%-]+))?', line)
    assert found is not None, line
    plain = re.sub(r"\\(.)", r"\1", found[1])
    assert (unquote(found[2]) if found[2] else plain) == name
    assert (found[2] is None) == (name.isascii() and name.isprintable() and "%" not in name)


def test_a_name_that_is_no_text(path: Path) -> None:
    """File names of the system may hold bytes that are no characters; they do not stop the answer."""
    line = ask(FileResponse(path, filename="a\udcff.txt"))[1][b"content-disposition"]
    assert line == b"attachment; filename=\"a_.txt\"; filename*=UTF-8''a%3F.txt"


def test_a_location_cannot_break_out() -> None:
    """Nor can the address of a redirect."""
    sent = exchange(RedirectResponse('/Ж?a="b"\r\nSet-Cookie: x=1'))
    assert headers_of(sent)[b"location"].decode() == "/%D0%96?a=%22b%22%0D%0ASet-Cookie:%20x=1"


def test_the_disposition_is_the_callers(path: Path) -> None:
    """Its type, or the whole field; a type that is no token is refused."""
    assert ask(FileResponse(path, filename="a", content_disposition_type="inline"))[1][b"content-disposition"] == b'inline; filename="a"'
    own = FileResponse(path, filename="a", headers={"Content-Disposition": "form-data"})
    assert ask(own)[1][b"content-disposition"] == b"form-data"
    with pytest.raises(ValueError, match="no token"):
        FileResponse(path, filename="a", content_disposition_type="inline\r\nx: y")


def test_a_text_in_second_place_is_the_name(path: Path) -> None:
    """Then type, fields and status follow, or stand by their names; a number there is the status, as the target has it."""
    for made in (
        FileResponse(path, "a.csv", "text/plain", {"x-a": "1"}, 201),
        FileResponse(path, "a.csv", "text/plain", status_code=201, headers={"x-a": "1"}),
        FileResponse(path, 201, {"x-a": "1"}, "text/plain", None, "a.csv"),
        FileResponse(path=path, status_code=201, headers={"x-a": "1"}, media_type="text/plain", filename="a.csv"),
    ):
        status, headers, _ = ask(made)
        assert (status, headers[b"x-a"], headers[b"content-type"]) == (201, b"1", b"text/plain; charset=utf-8")
        assert (headers[b"content-disposition"], made.filename) == (b'attachment; filename="a.csv"', "a.csv")
    assert ask(FileResponse(path, "a.csv"))[1][b"content-type"] == b"text/csv; charset=utf-8"
    with pytest.raises(TypeError, match="filename"):
        FileResponse(path, "a", filename="b")  # type: ignore[call-overload]
    assert list(inspect.signature(FileResponse).parameters) == list(inspect.signature(StarletteFileResponse).parameters)
