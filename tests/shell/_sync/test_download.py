# Generated from tests/shell/_async/test_download.py by scripts/unasync.py; change that file instead.
"""Downloads against a server that cuts, changes and lies: what is on disk afterwards, and what was asked for."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fasthttp import (
    SyncClient,
    HTTPStatusError,
    IncompleteRead,
    MockTransport,
    RemoteProtocolError,
    ResponseError,
    ResponseTooLarge,
    WSGITransport,
)
from fasthttp.downloads import DownloadResult
from fasthttp.retry import RetryPolicy
from tests.shell.blocking import run_blocking
from tests.shell.server import Peer, answering, response, serve

BODY = bytes(range(256)) * 2000
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()
CUT = len(BODY) * 6 // 10
TAG = '"v1"'


def head(status: str, *fields: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


def cut(body: bytes = BODY, at: int = CUT, *fields: str) -> bytes:
    """A whole response that ends early."""
    return head("200 OK", f"Content-Length: {len(body)}", *(fields or (f"ETag: {TAG}",))) + body[:at]


def part(body: bytes, first: int, *fields: str, size: int | None = None, last: int | None = None, at: int | None = None) -> bytes:
    """The rest of a body from `first` on, maybe cut at `at`."""
    last = len(body) - 1 if last is None else last
    size = len(body) if size is None else size
    lines = (f"Content-Range: bytes {first}-{last}/{size}", f"Content-Length: {last + 1 - first}", *fields)
    return head("206 Partial Content", *lines) + body[first : last + 1 if at is None else at]


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir())}


def patient(attempts: int) -> SyncClient:
    return SyncClient(retry=RetryPolicy(max_attempts=attempts, backoff_factor=0))


def test_a_file_comes_whole(tmp_path: Path) -> None:
    """In its place, with nothing beside it; the caller's fields and parameters are sent, and no coding is asked for."""
    target = tmp_path / "file"
    with serve(answering(response(BODY, f"ETag: {TAG}"))) as server:
        with SyncClient(params={"p": "1"}) as client:
            got = client.download(server.url + "/x", target, headers={"X-A": "1", "Accept-Encoding": "gzip"}, params={"q": "2"})
    assert (got.path, got.size, got.resumed_from, got.digest, got.response.status_code) == (target, len(BODY), 0, None, 200)
    assert target.read_bytes() == BODY
    assert files(tmp_path) == {"file": len(BODY)}
    request = server.requests[0]
    assert (request.target, request.headers["x-a"], request.headers["accept-encoding"]) == ("/x?p=1&q=2", "1", "identity")
    assert "range" not in request.headers


def test_a_cut_download_is_resumed(tmp_path: Path) -> None:
    """Cut at 60 %, what came is kept and the old target untouched; the next call asks for the rest only, and the hash is of all."""
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with serve(answering(cut(), part(BODY, CUT, f"ETag: {TAG}"), close=True)) as server:
        with SyncClient() as client:
            with pytest.raises(IncompleteRead) as caught:
                client.download(server.url + "/file?token=secret", target, checksum=DIGEST)
            assert (caught.value.received, caught.value.expected) == (CUT, len(BODY))
            assert target.read_bytes() == b"old"
            assert (tmp_path / "file.part").read_bytes() == BODY[:CUT]
            notes = (tmp_path / "file.part.json").read_text()
            assert json.loads(notes)["validator"] == TAG
            assert "secret" not in notes
            got = client.download(server.url + "/file?token=other", target, checksum=DIGEST)
    assert (got.size, got.resumed_from, got.digest, got.response.status_code) == (len(BODY), CUT, DIGEST, 206)
    assert target.read_bytes() == BODY
    assert files(tmp_path) == {"file": len(BODY)}
    asked = server.requests[1].headers
    assert (asked["range"], asked["if-range"], asked["accept-encoding"]) == (f"bytes={CUT}-", TAG, "identity")


def test_a_changed_file_starts_over(tmp_path: Path) -> None:
    """The server answers 200 with another tag: no byte of the old version is left."""
    new = BODY[::-1][: CUT - 5]
    with serve(answering(cut(), response(new, 'ETag: "v2"'), close=True)) as server:
        with SyncClient() as client:
            with pytest.raises(IncompleteRead):
                client.download(server.url, tmp_path / "file")
            got = client.download(server.url, tmp_path / "file")
    assert (got.size, got.resumed_from) == (len(new), 0)
    assert (tmp_path / "file").read_bytes() == new


def test_a_server_that_overlooks_if_range(tmp_path: Path) -> None:
    """A part of another version is not put behind the first: the whole is asked for."""
    with serve(answering(cut(), part(BODY, CUT, 'ETag: "v2"'), response(BODY[::-1], 'ETag: "v2"'), close=True)) as server:
        with SyncClient() as client:
            with pytest.raises(IncompleteRead):
                client.download(server.url, tmp_path / "file")
            client.download(server.url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY[::-1]
    assert "range" not in server.requests[2].headers


@pytest.mark.parametrize("fields", [("X-A: 1",), ('ETag: W/"v1"',), ("Last-Modified: Tue, 15 Nov 1994 12:45:26 GMT",)])
def test_without_a_strong_validator_it_starts_over(tmp_path: Path, fields: tuple[str, ...]) -> None:
    """Bytes whose version cannot be proved are not continued."""
    with serve(answering(cut(BODY, CUT, *fields), response(BODY), close=True)) as server:
        with SyncClient() as client:
            with pytest.raises(IncompleteRead):
                client.download(server.url, tmp_path / "file")
            assert files(tmp_path)["file.part"] == CUT
            got = client.download(server.url, tmp_path / "file")
    assert got.resumed_from == 0
    assert "range" not in server.requests[1].headers
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_date_is_a_validator(tmp_path: Path) -> None:
    """If there is no tag, and the response was made later than the file."""
    date = "Tue, 15 Nov 1994 12:45:26 GMT"
    fields = (f"Last-Modified: {date}", "Date: Tue, 15 Nov 1994 13:00:00 GMT")
    with serve(answering(cut(BODY, CUT, *fields), part(BODY, CUT), close=True)) as server:
        with SyncClient() as client:
            with pytest.raises(IncompleteRead):
                client.download(server.url, tmp_path / "file")
            client.download(server.url, tmp_path / "file")
    assert server.requests[1].headers["if-range"] == date
    assert (tmp_path / "file").read_bytes() == BODY


def test_what_is_here_can_be_left_alone(tmp_path: Path) -> None:
    """`resume=False` asks for the whole, and so does another URL."""
    with serve(answering(cut(), cut(), response(BODY), close=True)) as server:
        with SyncClient() as client:
            with pytest.raises(IncompleteRead):
                client.download(server.url + "/a", tmp_path / "file")
            with pytest.raises(IncompleteRead):
                client.download(server.url + "/b", tmp_path / "file")
            assert (client.download(server.url + "/b", tmp_path / "file", resume=False)).resumed_from == 0
    assert [request.headers.get("range") for request in server.requests] == [None, None, None]
    assert (tmp_path / "file").read_bytes() == BODY


@pytest.mark.parametrize(
    "answer",
    [
        part(BODY, CUT - 1),
        part(BODY, CUT + 1),
        part(BODY, 0),
        part(BODY, CUT, size=len(BODY) + 1),
        head("206 Partial Content", "Content-Length: 1") + b"x",
        head("206 Partial Content", "Content-Type: multipart/byteranges; boundary=b", "Content-Length: 1") + b"x",
        part(BODY, CUT, "Content-Encoding: gzip"),
    ],
)
def test_a_wrong_part(tmp_path: Path, answer: bytes) -> None:
    """It is refused before a byte of it is written."""
    with serve(answering(cut(), answer, close=True)) as server:
        with SyncClient() as client:
            with pytest.raises(IncompleteRead):
                client.download(server.url, tmp_path / "file")
            before = files(tmp_path)
            with pytest.raises(RemoteProtocolError, match="206 with Content-Range") as caught:
                client.download(server.url, tmp_path / "file")
            assert caught.value.url == server.url + "/"
    assert files(tmp_path) == before


def test_a_part_that_is_longer_or_shorter_than_it_says(tmp_path: Path) -> None:
    """Over chunks no length holds it to that: more is an error, less is an incomplete read."""
    length = len(BODY)
    longer = head("206 Partial Content", f"Content-Range: bytes {CUT}-{length - 1}/{length}", "Transfer-Encoding: chunked")
    longer += b"%x\r\n" % (length - CUT + 1) + BODY[CUT:] + b"x\r\n0\r\n\r\n"
    shorter = longer.replace(b"%x\r\n" % (length - CUT + 1) + BODY[CUT:] + b"x", b"1\r\n" + BODY[CUT : CUT + 1])
    for answer, error in ((longer, RemoteProtocolError), (shorter, IncompleteRead)):
        with serve(answering(cut(), answer, close=True)) as server:
            with SyncClient() as client:
                with pytest.raises(IncompleteRead):
                    client.download(server.url, tmp_path / "file")
                with pytest.raises(RemoteProtocolError) as caught:
                    client.download(server.url, tmp_path / "file")
                assert type(caught.value) is error
        assert not (tmp_path / "file").exists()
        (tmp_path / "file.part").unlink()


def test_nothing_is_missing_any_more(tmp_path: Path) -> None:
    """416 with the size that is here completes the file, checked as any other."""
    (tmp_path / "file.part").write_bytes(BODY)
    full = head("416 Range Not Satisfiable", f"Content-Range: bytes */{len(BODY)}", "Content-Length: 0")
    with serve(answering(full)) as server:
        notes = json.dumps({"url": server.url + "/", "validator": TAG, "total": len(BODY)})
        (tmp_path / "file.part.json").write_text(notes)
        with SyncClient() as client:
            got = client.download(server.url, tmp_path / "file", checksum=DIGEST)
            assert (got.size, got.resumed_from, got.response.status_code) == (len(BODY), len(BODY), 416)
            assert files(tmp_path) == {"file": len(BODY)}
            (tmp_path / "file.part").write_bytes(BODY[::-1])
            (tmp_path / "file.part.json").write_text(notes)
            with pytest.raises(ResponseError, match="checksum mismatch"):
                client.download(server.url, tmp_path / "file", checksum=DIGEST)
    assert files(tmp_path) == {"file": len(BODY)}


def test_more_is_here_than_there_is(tmp_path: Path) -> None:
    """416 with another size starts over; asked for the whole, it is an error like any other."""
    (tmp_path / "file.part").write_bytes(BODY + b"more")
    empty = head("416 Range Not Satisfiable", f"Content-Range: bytes */{len(BODY)}", "Content-Length: 0")
    with serve(answering(empty, response(BODY), empty)) as server:
        (tmp_path / "file.part.json").write_text(json.dumps({"url": server.url + "/", "validator": TAG, "total": 3}))
        with SyncClient() as client:
            got = client.download(server.url, tmp_path / "file")
            assert (got.resumed_from, (tmp_path / "file").read_bytes()) == (0, BODY)
            with pytest.raises(HTTPStatusError):
                client.download(server.url, tmp_path / "file")
    assert ["range" in request.headers for request in server.requests] == [True, False, False]


def test_a_disconnect_is_resumed_in_the_same_call(tmp_path: Path) -> None:
    """Within the attempts of the policy, each time from where it broke; the hash goes on."""
    answers = (cut(BODY, 100_000), part(BODY, 100_000, at=300_000), part(BODY, 300_000))
    seen: list[tuple[int, int | None]] = []
    with serve(answering(*answers, close=True)) as server:
        with patient(3) as client:
            progress = lambda *numbers: seen.append(numbers)  # noqa: E731
            got = client.download(server.url, tmp_path / "file", checksum=DIGEST, chunk_size=1000, progress=progress)
    assert (got.resumed_from, got.digest) == (0, DIGEST)
    assert [request.headers.get("range") for request in server.requests] == [None, "bytes=100000-", "bytes=300000-"]
    assert [size for size, _ in seen] == sorted({size for size, _ in seen})
    assert seen[-1] == (len(BODY), len(BODY))


def test_attempts_end(tmp_path: Path) -> None:
    """The error of the last one is raised, and what came is kept for another call."""
    with serve(answering(cut(BODY, 100_000), part(BODY, 100_000, at=300_000), part(BODY, 300_000), close=True)) as server:
        with patient(2) as client:
            with pytest.raises(IncompleteRead):
                client.download(server.url, tmp_path / "file")
            assert files(tmp_path)["file.part"] == 300_000
            got = client.download(server.url, tmp_path / "file", checksum=DIGEST, retry=None)
    assert got.resumed_from == 300_000


def test_a_disconnect_without_validator_starts_over_in_the_same_call(tmp_path: Path) -> None:
    """And so does one where resuming is switched off; the hash starts over too."""
    for resume, fields in ((False, (f"ETag: {TAG}",)), (True, ("X-A: 1",))):
        with serve(answering(cut(BODY, CUT, *fields), response(BODY), close=True)) as server:
            with patient(2) as client:
                got = client.download(server.url, tmp_path / "file", checksum=DIGEST, resume=resume)
        assert (got.resumed_from, got.size) == (0, len(BODY))
        assert "range" not in server.requests[1].headers


def test_a_server_that_gives_less_than_asked(tmp_path: Path) -> None:
    """Parts that are shorter than the rest are put together without counting as failures."""
    answers = (cut(), part(BODY, CUT, last=CUT + 9), part(BODY, CUT + 10))
    with serve(answering(*answers, close=True)) as server:
        with patient(2) as client:
            client.download(server.url, tmp_path / "file", checksum=DIGEST)
    assert len(server.requests) == 3


def test_an_error_status_changes_nothing(tmp_path: Path) -> None:
    """Neither the target nor what is left of an earlier try."""
    (tmp_path / "file").write_bytes(b"old")
    with serve(answering(cut(), response(b"gone", status="404 Not Found"), close=True)) as server:
        with SyncClient() as client:
            with pytest.raises(IncompleteRead):
                client.download(server.url, tmp_path / "file")
            before = files(tmp_path)
            with pytest.raises(HTTPStatusError, match="404"):
                client.download(server.url, tmp_path / "file")
            with pytest.raises(HTTPStatusError, match="404"):
                client.download(server.url, tmp_path / "new")
            assert client.pool_stats().in_use == 0
    assert files(tmp_path) == before


def test_a_redirect_is_followed_or_refused(tmp_path: Path) -> None:
    """Redirects lead to the file; one that is not followed is none."""
    answers = (response(b"", "Location: /there", status="302 Found"), response(BODY))
    with serve(answering(*answers)) as server:
        with SyncClient() as client:
            got = client.download(server.url + "/here", tmp_path)
            assert (got.path.name, got.response.url) == ("there", server.url + "/there")
    with serve(answering(*answers)) as server:
        with SyncClient() as client:
            with pytest.raises(ResponseError, match="HTTP 302"):
                client.download(server.url + "/here", tmp_path / "x", follow_redirects=False)
    assert files(tmp_path) == {"there": len(BODY)}


def test_a_wrong_checksum(tmp_path: Path) -> None:
    """The bytes are deleted, and the old target stays."""
    (tmp_path / "file").write_bytes(b"old")
    with serve(answering(response(BODY, f"ETag: {TAG}"))) as server:
        with SyncClient() as client:
            with pytest.raises(ResponseError, match="checksum mismatch: md5 is ") as caught:
                client.download(server.url, tmp_path / "file", checksum="md5:" + "0" * 32)
    assert caught.value.response is not None
    assert caught.value.url == server.url + "/"
    assert files(tmp_path) == {"file": 3}


def test_wrong_arguments(tmp_path: Path) -> None:
    """They are refused before anything is sent, and leave nothing behind."""
    wrong: list[tuple[type[Exception], dict[str, Any]]] = [
        (ValueError, {"checksum": "sha256"}),
        (ValueError, {"checksum": "none:00"}),
        (ValueError, {"checksum": "sha256:00"}),
        (ValueError, {"chunk_size": 0}),
        (ValueError, {"chunk_size": 1.5}),
        (ValueError, {"headers": {"range": "bytes=0-1"}}),
        (TypeError, {"stream": True}),
        (TypeError, {"typo": 1}),
    ]
    with serve(answering(response(BODY))) as server:
        with SyncClient() as client:
            for error, options in wrong:
                with pytest.raises(error):
                    client.download(server.url, tmp_path / "file", **options)
            with pytest.raises(FileNotFoundError):
                client.download(server.url, tmp_path / "no" / "file")
            (tmp_path / "plain").write_bytes(b"")
            with pytest.raises(NotADirectoryError):
                client.download(server.url, tmp_path / "plain" / "file")
            with pytest.raises(FileExistsError, match="not a regular file"):
                client.download(server.url, os.devnull)
    assert server.requests == []
    assert files(tmp_path) == {"plain": 0}


def test_a_target_that_is_there(tmp_path: Path) -> None:
    """`overwrite=False` refuses it before anything is sent, in a directory as soon as the name is known, and at the end."""
    (tmp_path / "file").write_bytes(b"old")

    def appear(size: int, total: int | None) -> None:
        (tmp_path / "late").write_bytes(b"old")

    with serve(answering(response(BODY))) as server:
        with SyncClient() as client:
            with pytest.raises(FileExistsError):
                client.download(server.url + "/file", tmp_path / "file", overwrite=False)
            assert server.requests == []
            with pytest.raises(FileExistsError):
                client.download(server.url + "/file", tmp_path, overwrite=False)
            with pytest.raises(FileExistsError):
                client.download(server.url, tmp_path / "late", overwrite=False, progress=appear)
            assert files(tmp_path)["late.part"] == len(BODY)
            client.download(server.url, tmp_path / "fresh", overwrite=False)
    assert ((tmp_path / "file").read_bytes(), (tmp_path / "late").read_bytes()) == (b"old", b"old")


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ('filename="../../etc/passwd"', "passwd"),
        ('filename=".."', "url.bin"),
        ('filename=""', "url.bin"),
        ("filename*=UTF-8''%00%2e%2e%2f", "url.bin"),
        ("filename*=UTF-8''a%00b", "ab"),
        ('filename="C:\\\\x"', "x"),
        ('filename="/abs/olute"', "olute"),
        ("filename*=UTF-8''%E2%82%AC.txt", "€.txt"),
        ("nothing", "url.bin"),
    ],
)
def test_a_directory_gets_a_file_with_a_safe_name(tmp_path: Path, field: str, name: str) -> None:
    """Whatever the server wishes, it is one component inside the directory."""
    folder = tmp_path / "in" / "here"
    folder.mkdir(parents=True)
    with serve(answering(response(BODY, f"Content-Disposition: attachment; {field}"))) as server:
        with SyncClient() as client:
            got = client.download(server.url + "/a/url.bin?x=/y", folder)
    assert got.path == folder / name
    assert files(folder) == {name: len(BODY)}
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_download_to_a_directory_is_resumed(tmp_path: Path) -> None:
    """Its notes tell which file it was."""
    fields = ("Content-Disposition: attachment; filename=named", f"ETag: {TAG}")
    (tmp_path / "other.part.json").write_text("{}")
    with serve(answering(cut(BODY, CUT, *fields), part(BODY, CUT), close=True)) as server:
        with SyncClient() as client:
            with pytest.raises(IncompleteRead):
                client.download(server.url + "/url.bin", tmp_path)
            got = client.download(server.url + "/url.bin", tmp_path, checksum=DIGEST)
    assert (got.path.name, got.resumed_from) == ("named", CUT)


def test_an_unexpected_coding_is_undone_and_not_resumed(tmp_path: Path) -> None:
    """The file is what was coded; positions in it say nothing to the server."""
    packed = gzip.compress(BODY)
    fields = ("Content-Encoding: gzip", f"ETag: {TAG}")
    with serve(answering(cut(packed, len(packed) - 9, *fields), response(packed, *fields), close=True)) as server:
        with SyncClient() as client:
            with pytest.raises(IncompleteRead):
                client.download(server.url, tmp_path / "file")
            assert json.loads((tmp_path / "file.part.json").read_text()) == {"url": server.url + "/", "validator": None, "total": None}
            client.download(server.url, tmp_path / "file", checksum=DIGEST)
    assert "range" not in server.requests[1].headers


def test_progress(tmp_path: Path) -> None:
    """Told at most each 64 KiB and at the end, of a known and an unknown total, of a rest from where it begins."""
    seen: list[tuple[int, int | None]] = []

    def asynchronous(size: int, total: int | None) -> None:
        seen.append((size, total))

    def synchronous(size: int, total: int | None) -> None:
        seen.append((size, total))

    chunked = head("200 OK", "Transfer-Encoding: chunked") + b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"
    reporters: list[Callable[[int, int | None], Any]] = [synchronous, asynchronous]
    for progress in reporters:
        for answer, total in ((response(BODY), len(BODY)), (chunked, None), (response(b""), 0)):
            seen.clear()
            with serve(answering(answer)) as server:
                with SyncClient() as client:
                    got = client.download(server.url, tmp_path / "file", progress=progress)
            sizes = [size for size, _ in seen]
            assert len(seen) == len(set(seen))
            assert all(later - earlier >= 65536 for earlier, later in pairwise(sizes[:-1]))
            assert seen[-1] == (got.size, got.size)
            assert {known for _, known in seen[:-1]} <= {total}


def test_an_error_in_progress(tmp_path: Path) -> None:
    """It ends the download as it is; what came is kept and can be resumed."""

    def failing(size: int, total: int | None) -> None:
        raise ZeroDivisionError("mine")

    with serve(answering(response(BODY, f"ETag: {TAG}"))) as server:
        with SyncClient() as client:
            with pytest.raises(ZeroDivisionError, match="mine"):
                client.download(server.url, tmp_path / "file", progress=failing)
            assert client.pool_stats().in_use == 0
    assert files(tmp_path)["file.part"] >= 65536


def test_two_downloads_to_one_path(tmp_path: Path) -> None:
    """The second is refused while the first runs, by whatever name it calls the place; afterwards it may."""
    target = tmp_path / "file"
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    refused: list[str] = []

    with serve(answering(response(BODY))) as server:
        with SyncClient() as client:

            def second(size: int, total: int | None) -> None:
                for name in (target, tmp_path / "link" / "file"):
                    with pytest.raises(RuntimeError, match="another download to"):
                        other.download(server.url, name)
                    refused.append(str(name))

            with SyncClient() as other:
                client.download(server.url, target, progress=second)
                other.download(server.url, target)
    assert refused
    assert target.read_bytes() == BODY


def test_links_are_not_written_through(tmp_path: Path) -> None:
    """A link in the place of the unfinished file leads nowhere."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    for name in ("file.part", "other.part.json"):
        (tmp_path / name).symlink_to(victim)
    with serve(answering(response(BODY))) as server:
        with SyncClient() as client:
            for name in ("file", "other"):
                if name == "file":
                    with pytest.raises(OSError, match=r"file\.part"):
                        client.download(server.url, tmp_path / name)
                else:
                    client.download(server.url, tmp_path / name)
    assert victim.read_bytes() == b"mine"


def test_damaged_notes_and_a_size_limit(tmp_path: Path) -> None:
    """Notes that cannot be read start over; a limit on bodies holds."""
    (tmp_path / "file.part").write_bytes(b"rest")
    (tmp_path / "file.part.json").write_bytes(b"\xff{")
    with serve(answering(response(BODY))) as server:
        with SyncClient() as client:
            with pytest.raises(ResponseTooLarge):
                client.download(server.url, tmp_path / "file", max_response_size=10)
            client.download(server.url, tmp_path / "file", checksum=DIGEST)
    assert "range" not in server.requests[0].headers


def test_a_server_that_stalls(tmp_path: Path) -> None:
    """A time limit ends it; what came before is on disk."""

    def handler(peer: Peer) -> None:
        peer.read()
        peer.send(cut())
        peer.wait()

    with serve(handler) as server:
        with SyncClient(timeout=0.2) as client:
            with pytest.raises(TimeoutError):
                client.download(server.url, tmp_path / "file", chunk_size=7)
    assert (tmp_path / "file.part").read_bytes() == BODY[:CUT]


def test_an_unentered_client_and_the_module_download_too(tmp_path: Path) -> None:
    """With the colour of their surroundings."""
    import fasthttp

    with serve(answering(response(BODY))) as server:
        client = fasthttp.Client()
        got = [client.download(server.url, tmp_path / "a"), fasthttp.download(server.url, tmp_path / "b", user_agent="me")]
        client.close()
        run_blocking(lambda: got.append(fasthttp.sync.download(server.url, str(tmp_path / "c"))))
    assert [type(result) for result in got] == [DownloadResult] * 3
    assert files(tmp_path) == dict.fromkeys("abc", len(BODY))
    assert server.requests[1].headers["user-agent"] == "me"


def test_over_a_transport(tmp_path: Path) -> None:
    """An application or a script of answers is as good as the network, broken off or not."""
    ends = iter([CUT, len(BODY)])

    def app(environ: Any, start: Any) -> Any:
        first = int(environ.get("HTTP_RANGE", "bytes=0-")[6:-1])
        fields = [("ETag", TAG), ("Content-Length", str(len(BODY) - first))]
        if first:
            fields.append(("Content-Range", f"bytes {first}-{len(BODY) - 1}/{len(BODY)}"))
        start("206 Part" if first else "200 OK", fields)
        return [BODY[first : next(ends)]]

    with SyncClient("http://app.test", transport=WSGITransport(app)) as client:
        with pytest.raises(IncompleteRead):
            client.download("/file", tmp_path)
        got = client.download("/file", tmp_path, checksum=DIGEST)
    assert (got.path.name, got.resumed_from) == ("file", CUT)
    with SyncClient("http://mock.test", transport=MockTransport({"/small": b"small"})) as client:
        assert (client.download("/small", tmp_path)).path.read_bytes() == b"small"
