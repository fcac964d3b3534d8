"""Decisions of a download: what is asked, what an answer means, what a file is called."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fasthttp._pure.downloads import NOTHING, Kept, Plan, Step, ask, caller_fields, decide, file_name, kept_from, notes_of, parse_checksum
from fasthttp.errors import RemoteProtocolError, ResponseError
from httpwire.headers import Headers

TAG = '"v1"'
DATE = "Tue, 15 Nov 1994 12:45:26 GMT"
HALF = Kept(50, TAG, 100)


def test_what_is_asked() -> None:
    """The rest, if there is something and it can be told whether it is still good; the whole otherwise."""
    identity = ("Accept-Encoding", "identity")
    assert ask(HALF) == [identity, ("Range", "bytes=50-"), ("If-Range", TAG)]
    assert ask(Kept(50, DATE)) == [identity, ("Range", "bytes=50-"), ("If-Range", DATE)]
    for kept in (NOTHING, Kept(50), Kept(0, TAG, 100)):
        assert ask(kept) == [identity]


def test_fields_of_the_caller() -> None:
    """They go along, but for the coding, which is ours, and ranges, which are refused; None still removes a default."""
    pairs = [("X-A", "1"), ("Accept-Encoding", "gzip"), (b"accept-encoding", b"br"), ("User-Agent", None)]
    assert caller_fields(pairs) == [("X-A", "1"), ("User-Agent", None)]
    assert caller_fields({"X-A": "1", "ACCEPT-ENCODING": "gzip"}) == [("X-A", "1")]
    assert caller_fields(Headers([("A", "1"), ("A", "2")])) == [("a", "1"), ("a", "2")]
    assert caller_fields(None) == []
    for name in ("Range", b"If-Range"):
        with pytest.raises(ValueError, match="a download sets it itself"):
            caller_fields([(name, "bytes=0-")])


def plan_of(status: int, kept: Kept = NOTHING, **fields: str) -> Plan:
    return decide(status, Headers({name.replace("_", "-"): value for name, value in fields.items()}), kept)


@pytest.mark.parametrize(
    ("fields", "total", "validator"),
    [
        ({}, None, None),
        ({"content_length": "100", "etag": TAG}, 100, TAG),
        ({"content_length": "100", "transfer_encoding": "chunked"}, None, None),
        ({"content_length": "many"}, None, None),
        ({"etag": 'W/"v1"', "last_modified": DATE, "date": DATE.replace(":26", ":27")}, None, None),
        ({"etag": '"é"'}, None, None),
        ({"last_modified": DATE, "date": DATE.replace(":26", ":27")}, None, DATE),
        ({"last_modified": DATE, "date": "Thu, 01 Dec 1994 00:00:00 GMT"}, None, DATE),
        ({"last_modified": DATE, "date": DATE}, None, None),
        ({"last_modified": DATE}, None, None),
        ({"last_modified": "Tuesday", "date": DATE}, None, None),
        ({"last_modified": DATE.replace("Nov", "Nul"), "date": DATE}, None, None),
        ({"content_length": "100", "etag": TAG, "content_encoding": "gzip"}, None, None),
        ({"content_length": "100", "etag": TAG, "content_encoding": "Identity"}, 100, TAG),
    ],
)
@pytest.mark.parametrize("kept", [NOTHING, HALF])
def test_a_whole_file(fields: dict[str, str], total: int | None, validator: str | None, kept: Kept) -> None:
    """200 starts at zero, whatever is here; only a strong validator is worth keeping, and none of a coded body."""
    assert plan_of(200, kept, **fields) == Plan(Step.RECEIVE, 0, total, total, validator)


def test_a_rest() -> None:
    """206 goes on where the bytes on disk end, to where it says."""
    assert plan_of(206, HALF, content_range="bytes 50-99/100", etag=TAG) == Plan(Step.RECEIVE, 50, 100, 100, TAG)
    assert plan_of(206, HALF, content_range="bytes 50-59/100") == Plan(Step.RECEIVE, 50, 60, 100, TAG)
    assert plan_of(206, HALF, content_range="bytes 50-99/*") == Plan(Step.RECEIVE, 50, 100, 100, TAG)
    assert plan_of(206, Kept(50, DATE), content_range="bytes 50-99/200", etag=TAG) == Plan(Step.RECEIVE, 50, 100, 200, DATE)


def test_a_rest_of_another_version() -> None:
    """A server that overlooks If-Range is asked for the whole."""
    assert plan_of(206, HALF, content_range="bytes 50-99/100", etag='"v2"').step is Step.AGAIN


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"content_range": "bytes 49-99/100"},
        {"content_range": "bytes 51-99/100"},
        {"content_range": "bytes 0-99/100"},
        {"content_range": "bytes */100"},
        {"content_range": "bytes 50-99/101"},
        {"content_range": "nonsense"},
        {"content_range": "bytes 50-99/100", "content_encoding": "gzip"},
        {"content_type": "multipart/byteranges; boundary=x"},
    ],
)
def test_a_part_that_was_not_asked_for(fields: dict[str, str]) -> None:
    """Is an error that says what was."""
    with pytest.raises(RemoteProtocolError, match="206 with Content-Range"):
        plan_of(206, HALF, **fields)


def test_a_part_where_the_whole_was_asked_for() -> None:
    """Is an error too."""
    for kept in (NOTHING, Kept(50)):
        with pytest.raises(RemoteProtocolError, match="without Range"):
            plan_of(206, kept, content_range="bytes 0-99/100")


def test_a_range_that_cannot_be_satisfied() -> None:
    """416 is the end if all is here, and a new beginning otherwise."""
    full = Kept(100, TAG, 100)
    assert plan_of(416, full, content_range="bytes */100") == Plan(Step.COMPLETE, 100, 100, 100, TAG)
    assert plan_of(416, full).step is Step.COMPLETE
    assert plan_of(416, Kept(100, TAG), content_range="bytes */100").step is Step.COMPLETE
    assert plan_of(416, full, content_range="bytes */99").step is Step.AGAIN
    assert plan_of(416, HALF).step is Step.AGAIN
    assert plan_of(416, Kept(100, TAG)).step is Step.AGAIN


def test_a_status_without_a_file() -> None:
    """A redirect that was not followed, or 304, has nothing that could be saved."""
    for status in (302, 304):
        with pytest.raises(ResponseError, match=f"HTTP {status}"):
            plan_of(status)


def test_notes_are_read_back() -> None:
    """For the same URL, with a validator; damaged ones say nothing, and nothing of them reaches a header."""
    notes = notes_of("http://h/a", Plan(Step.RECEIVE, 0, 100, 100, TAG))
    assert kept_from(notes, "http://h/a", 50) == HALF
    assert kept_from(notes, "http://h/b", 50) == Kept(50)
    assert kept_from(notes_of("u", Plan(Step.RECEIVE, validator=DATE)), "u", 5) == Kept(5, DATE)
    base: dict[str, Any] = {"url": "u", "validator": TAG, "total": 9}
    for change in ({"validator": None}, {"validator": 1}, {"validator": "v"}, {"validator": '"a\r\nX: y"'}, {"validator": 'W/"a"'}):
        assert kept_from(json.dumps(base | change), "u", 5) == Kept(5)
    for total in ("9", True, 9.5, None):
        assert kept_from(json.dumps(base | {"total": total}), "u", 5) == Kept(5, TAG)
    for text in ("", "{", "[]", "null", "[" * 100_000, notes[:-1]):
        assert kept_from(text, "u", 5) == Kept(5)


@given(st.text(max_size=100), st.text(max_size=20))
def test_any_text_may_be_notes(text: str, url: str) -> None:
    """Nothing raises."""
    assert kept_from(text, url, 1).size == 1


def test_checksums() -> None:
    """Any algorithm of fixed length; the length of the digest is checked at once."""
    digest = hashlib.sha256(b"x").hexdigest()
    assert parse_checksum(f"SHA256: {digest.upper()}") == ("sha256", digest)
    assert parse_checksum("md5:" + "0" * 32) == ("md5", "0" * 32)
    for text, words in (
        ("", "must be 'algorithm:hex'"),
        (digest, "must be 'algorithm:hex'"),
        ("crc99:00", "'crc99' is not known"),
        ("shake_128:00", "no fixed length"),
        ("sha256:00", "has 64 hexadecimal digits"),
        ("sha256:" + "g" * 64, "has 64 hexadecimal digits"),
    ):
        with pytest.raises(ValueError, match=words):
            parse_checksum(text)


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("plain.txt", "plain.txt"),
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("C:\\\\windows\\\\x", "x"),
        ("C:x", "C_x"),
        ("..", "url.bin"),
        (". . .", "url.bin"),
        ("dir/", "url.bin"),
        ("", "url.bin"),
        ("\\0", "0"),
        ("a\0b", "ab"),
        (".bashrc", "bashrc"),
        (" x . ", "x"),
        ("CON", "_CON"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("console", "console"),
        ("gpj.\u202eexe", "gpj.exe"),
        ('a<b>|"?*', "a_b_____"),
        ("é" * 200 + ".tar", "é" * 98 + ".tar"),
        ("x" * 300, "x" * 200),
        ("x" * 198 + " . " + "y" * 30, "x" * 198),
        ("x" * 300 + "." + "y" * 30, "x" * 200),
        ("x." + "y" * 300, "x." + "y" * 198),
    ],
)
def test_names_that_a_server_wishes(wish: str, name: str) -> None:
    """Are reduced to what is safe; where nothing is left the URL names the file."""
    quoted = wish.replace('"', '\\"')
    assert file_name(f'attachment; filename="{quoted}"', "/a/url.bin") == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "download"),
        ("/a/b%20c.txt", "b c.txt"),
        ("/%2e%2e", "download"),
        ("/x%2F..%2Fy", "y"),
        ("/%00", "download"),
        ("/a/", "download"),
    ],
)
def test_names_from_the_url(path: str, name: str) -> None:
    """The last part of its path, decoded and made safe."""
    assert file_name(None, path) == file_name("attachment", path) == name


@given(st.text(max_size=300), st.text(max_size=50))
def test_any_name_is_safe(wish: str, path: str) -> None:
    """One component, not hidden, without control characters, short enough."""
    for name in (file_name(f"attachment; filename*=UTF-8''{wish}", path), file_name(f'x; filename="{wish}"', path), file_name(None, wish)):
        assert name
        assert not set(name) & set('/\\:\0\n\r"<>|?*')
        assert not name.startswith(".")
        assert not name.endswith((".", " "))
        assert len(name.encode()) <= 201
