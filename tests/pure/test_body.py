"""What a request sends: its source, its length, and whether it can be sent again."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fasthttp._pure.body import Body, make_body, set_content_type
from fasthttp.errors import BodyNotReplayable
from fasthttp.formdata import MultipartEncoder
from httpwire.headers import Headers

FORM = "application/x-www-form-urlencoded"


def body(**keywords: Any) -> Body:
    made = make_body(**keywords)
    assert made is not None
    return made


def test_without_any_source_there_is_no_body() -> None:
    """None means absent, for each of the four."""
    assert make_body() is None
    assert make_body(content=None, json=None, data=None, files=None) is None


@pytest.mark.parametrize(("content", "sent"), [
    (b"raw", b"raw"), (bytearray(b"raw"), b"raw"), (memoryview(b"raw"), b"raw"), ("é", b"\xc3\xa9"), (b"", b""), ("", b""),
])  # fmt: skip
def test_content_at_hand_is_sent_as_it_is(content: Any, sent: bytes) -> None:
    """Bytes-like and text (UTF-8) have a length, no type of their own, and can be sent any number of times."""
    made = body(content=content)
    assert (made.content, made.length, made.content_type, made.source) == (sent, len(sent), None, None)
    assert [made.start(), made.start()] == [sent, sent]
    assert made.is_replayable


@pytest.mark.parametrize(("value", "sent"), [
    ({"a": [1, "é", None]}, '{"a":[1,"é",null]}'.encode()), ([], b"[]"), (0, b"0"), (False, b"false"), ("", b'""'),
])  # fmt: skip
def test_json_is_compact_utf8(value: Any, sent: bytes) -> None:
    """Values that are merely false are bodies too."""
    made = body(json=value)
    assert (made.content, made.content_type) == (sent, "application/json")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_numbers_that_json_cannot_hold_are_refused(value: Any) -> None:
    """They would be sent as null."""
    with pytest.raises(ValueError, match="not valid in JSON"):
        make_body(json=value)


def test_a_value_without_a_json_form_is_refused_with_the_path_to_it() -> None:
    """The message tells where it stands and of what type it is."""
    with pytest.raises(TypeError, match=re.escape("$.a[1].b") + ".*object"):
        make_body(json={"a": [0, {"b": object()}]})


@pytest.mark.parametrize(("data", "sent"), [
    ({"a": 1, "b": ["x", "y"], "c": None, "d": True, "e f": "é&"}, b"a=1&b=x&b=y&d=true&e+f=%C3%A9%26"),
    ([("a", "1"), ("a", "2")], b"a=1&a=2"),
    ((("a", 1.5),), b"a=1.5"),
    ("already=encoded&%41", b"already=encoded&%41"),
    (b"\xff=1", b"\xff=1"),
    (bytearray(b"x"), b"x"),
    ({}, b""),
])  # fmt: skip
def test_data_is_a_form(data: Any, sent: bytes) -> None:
    """Pairs are encoded, text and bytes go out unchanged, all under the type of forms."""
    made = body(data=data)
    assert (made.content, made.content_type) == (sent, FORM)


def test_data_of_another_kind_is_content() -> None:
    """A stream given as data is sent as it comes, and claims no type."""
    source = iter([b"a"])
    made = body(data=source)
    assert (made.content, made.source, made.content_type) == (None, source, None)


@pytest.mark.parametrize(("first", "second"), [
    ("content", "json"), ("content", "data"), ("content", "files"), ("json", "data"), ("json", "files"),
])  # fmt: skip
def test_two_bodies_exclude_each_other(first: str, second: str) -> None:
    """The message names both arguments."""
    with pytest.raises(ValueError, match=f"^{first}= and {second}= exclude each other"):
        make_body(**{first: b"x", second: b"y"})


def test_files_are_a_multipart_form_with_data_before_them() -> None:
    """Small contents make one piece of bytes, under a type that names the boundary."""
    made = body(data={"a": 1}, files={"f": b"x"})
    assert made.content is not None
    assert made.content_type is not None
    boundary = made.content_type.removeprefix("multipart/form-data; boundary=").encode()
    assert made.content.startswith(b'--%b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--%b\r\n' % (boundary, boundary))
    assert made.content.endswith(b"\r\n\r\nx\r\n--%b--\r\n" % boundary)
    assert body(content=made) is made


@pytest.mark.parametrize("files", [{}, [], ()])
def test_empty_files_are_as_good_as_none(files: Any) -> None:
    """What the other keywords describe is sent."""
    assert make_body(files=files) is None
    assert body(files=files, data={"a": 1}).content == b"a=1"
    assert body(files=files, json=1).content == b"1"


@pytest.mark.parametrize("data", ["a=1", b"a=1", iter([b"a"])])
def test_text_beside_files_is_refused(data: Any) -> None:
    """It could be no part of the form."""
    with pytest.raises(TypeError, match=r"data= takes a mapping or pairs when it goes with files="):
        make_body(data=data, files={"f": b"x"})


@pytest.mark.parametrize(("given", "sent"), [
    (None, "application/json"), ("application/problem+json", "application/problem+json"),
])  # fmt: skip
def test_the_type_of_the_caller_wins(given: str | None, sent: str) -> None:
    """The body says what it is only where nobody did."""
    headers = Headers({} if given is None else {"Content-Type": given})
    set_content_type(headers, body(json=1))
    assert headers["content-type"] == sent
    empty = Headers()
    set_content_type(empty, None)
    set_content_type(empty, body(content=b"x"))
    assert empty == {}


class AsyncFile:
    """A stream whose methods have to be awaited."""

    async def read(self, size: int = -1) -> bytes:
        return b""

    async def seek(self, at: int) -> None: ...


def test_an_async_stream_has_no_length_and_is_sent_once() -> None:
    """It is not asked for its position, which would need a loop."""
    made = body(content=AsyncFile())
    assert made.length is None
    made.start()
    assert not made.is_replayable


def test_a_file_that_was_moved_is_sent_from_where_it_stood() -> None:
    """The length was measured there."""
    file = io.BytesIO(b"0123456789")
    made = body(content=file)
    file.seek(5)
    assert len(made.start().read()) == made.length == 10


@pytest.mark.parametrize("content", [{"a": 1}, 5, 1.5, object()])
def test_content_of_a_wrong_type_is_refused(content: Any) -> None:
    """The message names the argument and says what it may be."""
    with pytest.raises(TypeError, match=r"^content= takes bytes, text, a file or an iterable of bytes, not"):
        make_body(content=content)


@pytest.mark.parametrize("data", [5, object()])
def test_data_of_a_wrong_type_is_refused(data: Any) -> None:
    """The message names `data=`, not another argument."""
    with pytest.raises(TypeError, match=r"^data= takes a mapping, pairs, bytes, text, a file or an iterable of bytes, not"):
        make_body(data=data)


def test_an_encoder_is_content() -> None:
    """As its bytes are; as a form it is refused with what to do."""
    encoder = MultipartEncoder({"a": "1"}, boundary="b")
    made = make_body(content=encoder)
    assert made is not None
    assert (made.length, made.content_type) == (encoder.content_length, encoder.content_type)
    with pytest.raises(TypeError, match=r"data= takes no MultipartEncoder; give it as content=, or its \.iter_bytes\(\)"):
        make_body(data=encoder)
    with pytest.raises(TypeError, match="content= takes"):
        make_body(content=SimpleNamespace(iter_bytes=print))


def test_a_path_has_a_length_and_can_be_sent_again(tmp_path: Path) -> None:
    """It is not opened here."""
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    made = body(content=path)
    assert (made.length, made.content) == (5, None)
    assert [made.start(), made.start()] == [path, path]


def test_a_seekable_file_is_sent_from_where_it_stands_each_time() -> None:
    """The length is what is left of it, and it is rewound to the position of the first time."""
    file = io.BytesIO(b"0123456789")
    file.seek(4)
    made = body(content=file)
    assert made.length == 6
    assert made.start().read() == b"456789"
    assert made.start().read() == b"456789"
    file.seek(99)
    assert body(content=file).length == 0


def test_a_text_file_has_no_known_length() -> None:
    """Its positions are not bytes; it can be sent again nevertheless."""
    made = body(content=io.StringIO("é"))
    assert made.length is None
    made.start().read()
    assert made.start().read() == "é"


class OneWay(io.RawIOBase):
    """A pipe: readable, not seekable."""

    def readable(self) -> bool:
        return True


class OddFile:
    """A file in all but `tell`."""

    def seek(self, at: int) -> None: ...

    def read(self, size: int = -1) -> bytes:
        return b""


def test_a_file_that_cannot_seek_is_sent_once() -> None:
    """No length, no second time; and so is one that only looks as if it could."""
    for file in (OneWay(), OddFile()):
        made = body(content=file)
        assert made.length is None
        made.start()
        with pytest.raises(BodyNotReplayable, match=type(file).__name__):
            made.start()


def test_a_closed_file_is_no_position() -> None:
    """That it is closed shows when it is read, not here."""
    file = io.BytesIO(b"x")
    file.close()
    assert body(content=file).length is None


async def _pieces() -> AsyncIterator[bytes]:
    yield b"a"


def _generator() -> Iterator[bytes]:
    yield b"a"


@pytest.mark.parametrize("source", [iter([b"a"]), _generator(), [b"a", b"b"], _pieces()])
def test_an_iterable_is_sent_once_and_has_no_length(source: Any) -> None:
    """Before its start it counts as replayable; afterwards the error names the kind of source."""
    made = body(content=source)
    assert (made.length, made.content, made.is_replayable) == (None, None, True)
    assert made.start() is source
    assert not made.is_replayable
    with pytest.raises(BodyNotReplayable, match=f"a {type(source).__name__}, was read already"):
        made.start()


def test_a_spent_body_names_the_error_that_asked_for_it_again() -> None:
    """An exception becomes the cause, a response the `response`."""
    made = body(content=iter([b"a"]))
    made.start()
    asked = OSError("reset")
    with pytest.raises(BodyNotReplayable) as caught:
        made.start(asked_by=asked)
    assert caught.value.__cause__ is asked
    assert caught.value.response is None


def test_a_given_length_is_kept_for_a_source() -> None:
    """Bytes at hand know better than what is announced."""
    assert Body(None, iter([b"a"]), length=7).length == 7
    assert Body(b"ab", length=7).length == 2
