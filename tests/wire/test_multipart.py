"""`multipart/form-data`: heads of parts to the byte, bodies to events, and everything that is refused."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from httpwire.errors import ProtocolError
from httpwire.multipart import (
    MultipartDecoder,
    PartBegin,
    PartData,
    PartEnd,
    check_boundary,
    closing_line,
    content_type_value,
    opening_line,
    parse_boundary,
    part_head,
)

DISPOSITION = b'Content-Disposition: form-data; name="a"'


def merged(events: list[Any]) -> list[Any]:
    """The events with neighbouring data joined."""
    out: list[Any] = []
    for event in events:
        if isinstance(event, PartData) and out and isinstance(out[-1], PartData):
            out[-1] = PartData(out[-1].data + event.data)
        else:
            out.append(event)
    return out


def decode(body: bytes, size: int | None = None, boundary: bytes = b"B", **limits: Any) -> list[Any]:
    """All events of a body that is fed in pieces of `size`."""
    decoder = MultipartDecoder(boundary, **limits)
    events: list[Any] = []
    for at in range(0, len(body), size or len(body) or 1):
        events += decoder.feed(body[at : at + (size or len(body))])
    decoder.finish()
    return merged(events)


def part(*lines: bytes, content: bytes = b"") -> bytes:
    return b"--B\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + content + b"\r\n"


def parts(*lines: bytes) -> list[tuple[str, str | None]]:
    """Names and file names of a part with these header lines."""
    return [(event.name, event.filename) for event in decode(part(*lines) + b"--B--\r\n") if isinstance(event, PartBegin)]


# --- written


@pytest.mark.parametrize(("arguments", "head"), [
    (("a",), 'Content-Disposition: form-data; name="a"\r\n\r\n'),
    (("a", "b.txt", "text/plain"), 'Content-Disposition: form-data; name="a"; filename="b.txt"\r\nContent-Type: text/plain\r\n\r\n'),
    (("é", "日本 .txt"), 'Content-Disposition: form-data; name="é"; filename="日本 .txt"\r\n\r\n'),
    (('q"\r\n%', 'x"\r\nSet-Cookie: a'), 'Content-Disposition: form-data; name="q%22%0D%0A%"; filename="x%22%0D%0ASet-Cookie: a"\r\n\r\n'),
    (("a", "", None, {"X-A": "1"}), 'Content-Disposition: form-data; name="a"; filename=""\r\nX-A: 1\r\n\r\n'),
    (("a", "C:\\d\\f", "t/x", [("content-type", "t/y")]),
     'Content-Disposition: form-data; name="a"; filename="C:\\d\\f"\r\ncontent-type: t/y\r\n\r\n'),
])  # fmt: skip
def test_the_head_of_a_part_to_the_byte(arguments: Any, head: str) -> None:
    """Names escaped as browsers do, other text as UTF-8, a type among the headers in place of the other."""
    assert part_head(*arguments) == head.encode()


@pytest.mark.parametrize(("arguments", "text"), [
    (("a\0",), "NUL"), (("a", "b\0"), "NUL"), (("a", "\udcff"), "UTF-8"),
    (("a", "b", "t/x\r\nX: 1"), "U\\+000D"), (("a", "b", "t\n"), "U\\+000A"), (("a", "b", "t\0"), "U\\+0000"),
    (("a", None, None, {"X": "1\r\n"}), "U\\+000D"), (("a", None, None, {"X\n": "1"}), "U\\+000A"),
    (("a", None, None, {"content-Disposition": "x"}), "cannot be given"),
])  # fmt: skip
def test_what_would_break_out_of_a_head_is_refused(arguments: Any, text: str) -> None:
    """A ValueError that names the character or the rule."""
    with pytest.raises(ValueError, match=text):
        part_head(*arguments)


@pytest.mark.parametrize("arguments", [(5,), ("a", 5)])
def test_names_are_text(arguments: Any) -> None:
    """Neither numbers nor bytes."""
    with pytest.raises(TypeError, match="name must be str, got int"):
        part_head(*arguments)


def test_lines_around_parts() -> None:
    """The opening and the closing boundary, with their line ends."""
    assert (opening_line(b"x"), closing_line(b"x")) == (b"--x\r\n", b"--x--\r\n")


@pytest.mark.parametrize("boundary", ["a", "a" * 70, "0 '()+_,-./:=?"])
def test_boundaries_that_are_valid(boundary: str) -> None:
    """1 to 70 characters; the type puts them in quotes where it must, and they are read back."""
    assert check_boundary(boundary) == boundary.encode()
    assert parse_boundary(content_type_value(boundary)) == boundary.encode()


@pytest.mark.parametrize("boundary", ["", "a" * 71, "a ", "a\r\n", "a\n", "é", 'a"', "a;"])
def test_boundaries_that_are_not(boundary: str) -> None:
    """Empty, too long, a space at the end, or a character outside the alphabet."""
    with pytest.raises(ValueError, match="multipart boundary"):
        check_boundary(boundary)


def test_a_plain_boundary_stands_without_quotes() -> None:
    """Which some servers cannot read."""
    assert content_type_value("abc") == "multipart/form-data; boundary=abc"
    assert content_type_value("a b", "multipart/mixed") == 'multipart/mixed; boundary="a b"'


# --- read


@pytest.mark.parametrize(("value", "text"), [
    (None, "is not multipart"), ("text/plain; boundary=x", "is not multipart"),
    ("multipart/form-data", "Missing boundary"), ("multipart/form-data; boundary=", "Missing boundary"),
    ("multipart/form-data; boundary=" + "a" * 71, "longer than 70"), ('multipart/form-data; boundary="a\rb"', "not ASCII text"),
])  # fmt: skip
def test_types_without_a_usable_boundary(value: str | None, text: str) -> None:
    """A 400 that says what is missing."""
    with pytest.raises(ProtocolError, match=text) as caught:
        parse_boundary(value)
    assert caught.value.status == 400


BODY = (
    part(DISPOSITION, content=b"1")
    + part(
        b'content-disposition:form-data;name="f"; filename="x.bin"',
        b"Content-Type: image/png ",
        b"X-A: \t1",
        content=b"\r\n--B-\r\n--\r\n\r",
    )
    + part(b"Content-Disposition: form-data; name=f; filename=")
    + b"--B--\r\nepilogue\r\n--B\r\n"
)
EVENTS = [
    ("a", None, None), b"1", 1,
    ("f", "x.bin", "image/png"), b"\r\n--B-\r\n--\r\n\r", 13,
    ("f", "", None), 0,
]  # fmt: skip


def short(events: list[Any]) -> list[Any]:
    return [tuple(event)[:3] if isinstance(event, PartBegin) else event[0] for event in events]


def test_a_body_in_events() -> None:
    """A field, a file whose content looks like a boundary, a file without a name; what follows the end is ignored."""
    events = decode(BODY)
    assert short(events) == EVENTS
    assert events[3].headers.multi_items() == [
        ("content-disposition", 'form-data;name="f"; filename="x.bin"'), ("content-type", "image/png"), ("x-a", "1"),
    ]  # fmt: skip
    assert isinstance(events[-1], PartEnd)


@pytest.mark.parametrize("size", [*range(1, 40), 100])
def test_the_cut_does_not_matter(size: int) -> None:
    """Byte by byte and in pieces of every size the events are the same, empty lines at the front included."""
    assert short(decode(BODY, size)) == EVENTS
    assert short(decode(b"\r\n\r\n" + BODY, size)) == EVENTS


def test_a_body_that_ends_too_soon() -> None:
    """Cut at every point before the end of the closing boundary, finish() refuses it."""
    end = BODY.index(b"--B--") + 5
    for at in range(len(BODY)):
        if at < end:
            with pytest.raises(ProtocolError, match="ended before its closing boundary"):
                decode(BODY[:at])
        else:
            assert short(decode(BODY[:at])) == EVENTS


def test_an_empty_form() -> None:
    """A closing boundary alone is a form without parts, as browsers send it."""
    assert decode(b"--B--\r\n") == []


def test_a_boundary_may_be_padded() -> None:
    """White space between a boundary and its line end is transport padding (RFC 2046 §5.1.1)."""
    body = part(DISPOSITION, content=b"1") + part(DISPOSITION, content=b"2").replace(b"--B", b"--B \t") + b"--B--"
    assert [event.data for event in decode(body) if isinstance(event, PartData)] == [b"1", b"2"]


@pytest.mark.parametrize(("line", "names"), [
    (b'form-data; name="a"; filename="b"', ("a", "b")),
    (b'FORM-DATA;NAME="a" ; FileName=b.txt ;', ("a", "b.txt")),
    (b'form-data; name="a"; filename="C:\\dir\\f.txt"', ("a", "C:\\dir\\f.txt")),
    (b'form-data; name="a"; filename="ends\\"', ("a", "ends\\")),
    (b'form-data; name="a"; filename="ends\\\\"', ("a", "ends\\")),
    (b'form-data; name="a\\"b"; filename="c"', ('a"b', "c")),
    ('form-data; name="é"; filename="日本"'.encode(), ("é", "日本")),
    (b'form-data; name="a;b=c"; filename="d; name=x"', ("a;b=c", "d; name=x")),
    (b'form-data; name="a"; filename=my file.txt; x="y"', ("a", "my file.txt")),
    (b'form-data; name=""', ("", None)),
    (b'attachment; name="a"', ("a", None)),
    (b'form-data; name="a"; filename="%22"', ("a", "%22")),
    (b"form-data; name=\"a\"; filename*=UTF-8''%e2%82%ac.txt", ("a", "€.txt")),
    (b"form-data; name=\"a\"; filename*=iso-8859-1'en'%A3", ("a", "£")),
    (b"form-data; name=\"a\"; filename=\"b\"; filename*=UTF-8''c", ("a", "b")),
])  # fmt: skip
def test_names(line: bytes, names: tuple[str, str | None]) -> None:
    """As sent: quoted or not, a backslash as it is, `filename*` only where there is no plain one."""
    assert parts(b"Content-Disposition: " + line) == [names]


@pytest.mark.parametrize(("line", "text"), [
    (b"form-data", '"name" must be provided'),
    (b'form-data; filename="x"', '"name" must be provided'),
    (b'form-data; name="a', "malformed"),
    (b'form-data; name="a"x', "malformed"),
    (b'form-data; name="a"; filename', "malformed"),
    (b'form-data; name="a"; Name="b"', "twice"),
    (b'form-data; name="\xff"', "a field name is not UTF-8"),
    (b'form-data; name="a"; filename="\xe9"', "a file name is not UTF-8"),
    (b"form-data; name=\"a\"; filename*=koi8-r''x", "character set"),
    (b"form-data; name=\"a\"; filename*=utf-8''%ff", "a file name is not UTF-8"),
    (b'form-data; name="a\nb"', "bare LF"),
])  # fmt: skip
def test_dispositions_that_are_refused(line: bytes, text: str) -> None:
    """Without a name, malformed, ambiguous or undecodable: a 400."""
    with pytest.raises(ProtocolError, match=text) as caught:
        parts(b"Content-Disposition: " + line)
    assert caught.value.status == 400


@pytest.mark.parametrize("lines", [(), (b"Content-Type: a/b",), (DISPOSITION, DISPOSITION)])
def test_a_part_has_one_disposition(lines: tuple[bytes, ...]) -> None:
    """None says nothing, two may say different things."""
    with pytest.raises(ProtocolError, match=f"{sum(b'Disp' in line for line in lines)} Content-Disposition lines"):
        parts(*lines)


@pytest.mark.parametrize("body", [
    b"preamble\r\n--B--", b"--C\r\n", b"--BX", b"--B\rX", b"--B-X", b"--B\r\nna me: x\r\n\r\n", b"--B\r\n: x\r\n\r\n",
    b"--B\r\n folded\r\n\r\n", b"--B\r\na: b\rc\r\n", b"--B\r\na: b\r\n\rc", part(DISPOSITION) + b"--B x\r\n",
])  # fmt: skip
@pytest.mark.parametrize("size", [None, 1])
def test_malformed_bodies(body: bytes, size: int | None, caplog: pytest.LogCaptureFixture) -> None:
    """A 400, the same one for whatever follows, and not a line in the log for it."""
    decoder = MultipartDecoder(b"B")
    with caplog.at_level(logging.DEBUG), pytest.raises(ProtocolError, match="multipart body: ") as caught:
        for at in range(0, len(body), size or len(body)):
            decoder.feed(body[at : at + (size or len(body))])
    assert caught.value.status == 400
    for again in (lambda: decoder.feed(b"--B--"), decoder.finish):
        with pytest.raises(ProtocolError) as repeated:
            again()
        assert repeated.value is caught.value
    assert caplog.records == []


FILE = b'Content-Disposition: form-data; name="f"; filename="x"'
LIMITS: list[tuple[dict[str, Any], bytes, bytes, str]] = [
    ({"max_fields": 2}, part(DISPOSITION) * 2 + part(FILE), part(DISPOSITION) * 3, r"Too many fields. Maximum number of fields is 2\."),
    ({"max_fields": 0}, part(FILE), part(DISPOSITION), r"fields is 0\."),
    ({"max_files": 2}, part(FILE) * 2 + part(DISPOSITION), part(FILE) * 3, r"Too many files. Maximum number of files is 2\."),
    ({"max_part_size": 2048}, part(DISPOSITION, content=b"x" * 2048) * 2 + part(FILE, content=b"x" * 4096),
     part(DISPOSITION, content=b"x" * 2049), r"Part exceeded maximum size of 2KB\."),
    ({"max_fields_size": 10}, part(DISPOSITION, content=b"12345") * 2 + part(FILE, content=b"x" * 99),
     part(DISPOSITION, content=b"12345") * 2 + part(DISPOSITION, content=b"1"), "all fields exceed 10 bytes"),
    ({"max_headers": 3}, part(DISPOSITION, b"A: 1", b"B: 2") * 2, part(DISPOSITION, b"A: 1", b"B: 2", b"C: 3"), "header count"),
    ({"max_header_size": 60}, part(DISPOSITION, b"A: " + b"x" * 13) * 2, part(DISPOSITION, b"A: " + b"x" * 17),
     "headers of a part exceed 60"),
    ({"max_header_size": 60}, part(DISPOSITION), part(DISPOSITION, b"A: " + b"x" * 100_000), "header"),
    ({"max_header_size": 60}, part(DISPOSITION), part(DISPOSITION, b"A" * 100_000 + b": x"), "header"),
    ({"max_header_size": 60}, part(DISPOSITION), part(DISPOSITION, b"A:" + b" " * 100_000 + b"x"), "header"),
    ({"max_name_size": 1}, part(DISPOSITION), part(b'Content-Disposition: form-data; name="aa"'), "a field name exceeds 1 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("limits", "fits", "exceeds", "text"), LIMITS)
@pytest.mark.parametrize("size", [None, 7])
def test_limits(limits: dict[str, Any], fits: bytes, exceeds: bytes, text: str, size: int | None) -> None:
    """What is within a limit passes, one more is a 413 that names it, and None lifts it."""
    decode(fits + b"--B--", size, **limits)
    with pytest.raises(ProtocolError, match=text) as caught:
        decode(exceeds + b"--B--", size, **limits)
    assert caught.value.status == 413
    lifted: dict[str, Any] = dict.fromkeys(limits)
    decode(exceeds + b"--B--", size, **lifted)


def test_a_limit_is_noticed_before_the_rest_arrives() -> None:
    """An endless header line or field does not have to end for that."""
    for start, piece in ((b"--B\r\nA: ", b"x" * 1000), (b"--B\r\n", b"x" * 1000), (part(DISPOSITION)[:-2], b"x" * 10_000)):
        decoder = MultipartDecoder(b"B", max_part_size=20_000)
        decoder.feed(start)
        with pytest.raises(ProtocolError):
            for _ in range(100):
                decoder.feed(piece)
