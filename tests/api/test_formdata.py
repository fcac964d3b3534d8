"""`MultipartEncoder` and `files=`: shapes, exact bytes, lengths, replay, and whose handles are closed."""

from __future__ import annotations

import asyncio
import email
import email.policy
import io
import re
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from fasthttp import AsyncClient, BodyLengthError, BodyNotReplayable, Client, MultipartEncoder, Request
from fasthttp.transports import MockTransport

EXPECTED = (
    "--B\r\n"
    'Content-Disposition: form-data; name="a"\r\n'
    "\r\n"
    "1\r\n"
    "--B\r\n"
    'Content-Disposition: form-data; name="a"\r\n'
    "\r\n"
    "é\r\n"
    "--B\r\n"
    'Content-Disposition: form-data; name="ok"\r\n'
    "\r\n"
    "true\r\n"
    "--B\r\n"
    'Content-Disposition: form-data; name="f"; filename="x.txt"\r\n'
    "Content-Type: text/plain\r\n"
    "\r\n"
    "text\r\n"
    "--B\r\n"
    'Content-Disposition: form-data; name="g"; filename="y"\r\n'
    "Content-Type: a/b\r\n"
    "X-A: 1\r\n"
    "\r\n"
    "\r\n"
    "--B--\r\n"
).encode()


def gen(*pieces: Any) -> Iterator[Any]:
    yield from pieces


async def agen(*pieces: Any) -> AsyncIterator[Any]:
    for piece in pieces:
        yield piece


class AsyncFile:
    """An async stream, as libraries of async files give it."""

    name = "/data/async.bin"

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    async def read(self, size: int = -1, /) -> bytes:
        await asyncio.sleep(0)
        return self._file.read(size)


async def _collect(encoder: MultipartEncoder) -> list[bytes]:
    return [piece async for piece in encoder.iter_bytes()]


def collect(encoder: MultipartEncoder, colour: str) -> list[bytes]:
    """The pieces in one colour."""
    return list(encoder.iter_bytes()) if colour == "sync" else asyncio.run(_collect(encoder))


colours = pytest.mark.parametrize("colour", ["sync", "async"])


def parsed(encoder: MultipartEncoder) -> list[tuple[str, str | None, str, bytes]]:
    """Name, file name, type and content of each part, as the standard library reads them."""
    head = f"Content-Type: {encoder.content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + b"".join(encoder.iter_bytes()), policy=email.policy.HTTP)
    assert not message.defects
    found: list[Any] = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        found.append((name, part.get_filename(), part.get_content_type(), part.get_payload(decode=True)))
    return found


@colours
def test_the_bytes_are_exact(colour: str) -> None:
    """Fields first, then files, in order; a form without a length has the same bytes."""
    fields = {"a": [1, "é"], "none": None, "ok": True}
    contents: list[Any] = [
        "text",
        gen("te", b"", "xt"),
        agen(b"te", "xt"),
        AsyncFile(b"text"),
        io.StringIO("text"),
        io.BytesIO(b"text"),
        ["te", b"xt"],
    ]
    for text in contents:
        encoder = MultipartEncoder(fields, {"f": ("x.txt", text), "g": ("y", b"", "a/b", {"X-A": "1"})}, boundary="B")
        assert (encoder.boundary, encoder.content_type) == ("B", "multipart/form-data; boundary=B")
        assert encoder.content_length == (len(EXPECTED) if isinstance(text, (str, io.BytesIO, list)) else None)
        assert b"".join(collect(encoder, colour)) == EXPECTED


def shapes(tmp_path: Path) -> list[tuple[Any, tuple[str, str | None, str, bytes]]]:
    path = tmp_path / "p.png"
    path.write_bytes(b"png")
    (tmp_path / "q").write_bytes(b"q")
    octets = "application/octet-stream"
    return [
        ({"f": b"x"}, ("f", "f", octets, b"x")),
        ({"f": "x"}, ("f", "f", octets, b"x")),
        ({"f": bytearray(b"x")}, ("f", "f", octets, b"x")),
        ({"f": path}, ("f", "p.png", "image/png", b"png")),
        ({"f": ("n.txt", path)}, ("f", "n.txt", "text/plain", b"png")),
        ({"f": ("n.txt", path, "a/b")}, ("f", "n.txt", "a/b", b"png")),
        ({"f": ("n.txt", b"x", None, [("Content-Type", "c/d")])}, ("f", "n.txt", "c/d", b"x")),
        ({"f": (None, b"x")}, ("f", None, "text/plain", b"x")),
        ({"f": (None, b"{}", "application/json")}, ("f", None, "application/json", b"{}")),
        ({"f": (Path("/etc/n.html"), b"x")}, ("f", "n.html", "text/html", b"x")),
        ({"f": ("data:text/html,x", b"x")}, ("f", "data:text/html,x", octets, b"x")),
        ([("f", b"x")], ("f", "f", octets, b"x")),
        ([("f", path)], ("f", "p.png", "image/png", b"png")),
        ([("f", ("n", b"x"))], ("f", "n", octets, b"x")),
        ([("f", ("n", b"x", "a/b", {}))], ("f", "n", "a/b", b"x")),
        ([("n.gif", b"x", "a/b")], ("file", "n.gif", "a/b", b"x")),
        ((("f", b"x"),), ("f", "f", octets, b"x")),
        ({"f": gen(b"x")}, ("f", "f", octets, b"x")),
        ({"f": AsyncFile(b"x")}, ("f", "async.bin", octets, b"x")),
        ({"f": (tmp_path / "q").open("rb")}, ("f", "q", octets, b"q")),
        ({"f": tempfile.TemporaryFile()}, ("f", "f", octets, b"")),
    ]  # fmt: skip


def test_shapes_of_files(tmp_path: Path) -> None:
    """Each shape gives the part it describes, as another parser sees it; several are sent in order."""
    every = shapes(tmp_path)
    for files, part in every:
        assert parsed(MultipartEncoder(None, files)) == [part]
    for files, _ in every:
        for content in files.values() if isinstance(files, dict) else ():
            if isinstance(content, io.IOBase) or hasattr(content, "file"):
                assert not content.closed
                content.close()
    two: list[Any] = [("f", ("1", b"a")), ("f", ("2", b"b")), ("none", None)]
    assert [part[:2] for part in parsed(MultipartEncoder([("x", "y")], two))] == [("x", None), ("f", "1"), ("f", "2")]


@pytest.mark.parametrize(("files", "text"), [
    (b"x", "mapping or a list"), ("x", "mapping or a list"), (5, "mapping or a list"),
    (["f"], "an item of files="), ([b"ab"], "an item of files="), ([("f",)], "an item of files="),
    ([("f", b"", "", "")], "an item of files="),
    ({"f": ("n",)}, "not 1 items"), ({"f": ("n", b"", "t", {}, 5)}, "not 5 items"),
    ({"f": [io.BytesIO(), io.BytesIO()]}, "several files under one name"),
    ({"f": 5}, r"^files\['f'\] takes .*, not int"), ({"f": {"a": 1}}, r"^files\['f'\] takes .*mapping"),
    ({5: b"x"}, "name must be str"), ({"f": (5, b"x")}, "file name must be str"),
])  # fmt: skip
def test_shapes_that_are_none(files: Any, text: str) -> None:
    """A TypeError that says what was expected."""
    with pytest.raises(TypeError, match=text):
        MultipartEncoder(None, files)


@pytest.mark.parametrize(("arguments", "keywords"), [
    ((None, {"f\0": b""}), {}), ((None, {"f": ("n\0", b"")}), {}), ((None, {"f": ("n", b"", "a/b\r\nX: y")}), {}),
    ((None, {"f": ("n", b"", "a/b", {"X": "1\n"})}), {}), (({"a\0": 1},), {}), ((), {"boundary": "a b "}), ((), {"boundary": "x" * 71}),
    ((), {"chunk_size": 0}),
])  # fmt: skip
def test_values_that_cannot_be_sent(arguments: Any, keywords: Any) -> None:
    """A ValueError when the encoder is made, before any I/O."""
    with pytest.raises(ValueError):
        MultipartEncoder(*arguments, **keywords)


def test_names_that_try_to_break_out() -> None:
    """A quote and line ends in a file name leave one part and no header that was not there."""
    encoder = MultipartEncoder(None, {"f": ('a"\r\nX-Evil: 1\r\n\r\nb', b"x")})
    assert parsed(encoder) == [("f", "a%22%0D%0AX-Evil: 1%0D%0A%0D%0Ab", "application/octet-stream", b"x")]


def test_other_parsers_agree() -> None:
    """The parsers of Starlette and aiohttp read the same names, types and bytes."""
    from aiohttp.multipart import BodyPartReader, MultipartReader
    from aiohttp.streams import StreamReader
    from starlette.datastructures import Headers, UploadFile
    from starlette.formparsers import MultiPartParser

    data = bytes(range(256)) * 1000
    encoder = MultipartEncoder({"a": "é", "b": ["1", "2"]}, {"f": ("日本.txt", data), "g": ("x", b"\r\n--")})

    async def starlette() -> list[tuple[Any, ...]]:
        form = await MultiPartParser(Headers({"content-type": encoder.content_type or ""}), encoder.iter_bytes().__aiter__()).parse()
        found = [(n, v.filename, await v.read()) if isinstance(v, UploadFile) else (n, None, v.encode()) for n, v in form.multi_items()]
        await form.close()
        return found

    async def aiohttp() -> list[tuple[Any, ...]]:
        class Protocol:
            _reading_paused = False

            def pause_reading(self) -> None: ...

            def resume_reading(self, resume_parser: bool = True) -> None: ...

        protocol: Any = Protocol()
        stream = StreamReader(protocol, 1 << 20, loop=asyncio.get_running_loop())
        stream.feed_data(b"".join(encoder.iter_bytes()))
        stream.feed_eof()
        found = []
        async for part in MultipartReader({"Content-Type": encoder.content_type or ""}, stream):
            assert isinstance(part, BodyPartReader)
            found.append((part.name, part.filename, bytes(await part.read())))
        return found

    expected = [("a", None, "é".encode()), ("b", None, b"1"), ("b", None, b"2"), ("f", "日本.txt", data), ("g", "x", b"\r\n--")]
    assert asyncio.run(starlette()) == expected
    assert asyncio.run(aiohttp()) == expected


@colours
def test_lengths_come_without_reading(colour: str, tmp_path: Path) -> None:
    """Of a path by its size, of a seekable file from where it stands; nothing is opened or read for it."""

    class Watched(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.reads += 1
            return super().read(size)

    path = tmp_path / "f"
    path.write_bytes(b"x" * 100_000)
    file = Watched(b"0123456789")
    file.seek(4)
    encoder = MultipartEncoder({"a": "b"}, {"p": path, "q": file, "r": b"y" * 200_000}, chunk_size=1000)
    assert (file.reads, file.tell()) == (0, 4)
    pieces = collect(encoder, colour)
    assert sum(map(len, pieces)) == encoder.content_length == encoder.iter_bytes().length
    assert max(map(len, pieces)) <= 1000
    assert b"\r\n\r\n456789\r\n" in b"".join(pieces)
    assert not file.closed


@colours
def test_a_form_can_be_sent_again(colour: str, tmp_path: Path) -> None:
    """Text, paths and seekable files: the second time gives the same bytes, also when the first was given up."""
    path = tmp_path / "f"
    path.write_bytes(b"path")
    file = io.BytesIO(b"0123456789")
    file.seek(2)
    encoder = MultipartEncoder({"a": 1}, [("f", path), ("g", file), ("h", file), ("i", io.StringIO("text"))], boundary="B")
    first = collect(encoder, colour)
    assert b"".join(first).count(b"23456789") == 2
    assert encoder.is_replayable
    next(iter(encoder.iter_bytes()))
    assert collect(encoder, colour) == first


@colours
@pytest.mark.parametrize("source", [lambda: gen(b"x"), lambda: agen(b"x"), lambda: AsyncFile(b"x")])
def test_a_one_shot_part_is_sent_once(colour: str, source: Any) -> None:
    """Before it is read the form counts as replayable; afterwards the error names the part and what it is."""
    encoder = MultipartEncoder(None, {"a": b"x", "f": source()})
    assert encoder.is_replayable
    collect(encoder, colour)
    assert not encoder.is_replayable
    with pytest.raises(BodyNotReplayable, match=rf"part 'f' of the form, a {type(source()).__name__}, was read already"):
        collect(encoder, colour)


class Changing(io.BytesIO):
    """A file that has another length when it is read."""

    def __init__(self, data: bytes, later: bytes) -> None:
        super().__init__(data)
        self._later = later

    def read(self, size: int | None = -1, /) -> bytes:
        if self._later is not None:
            at, later, self._later = self.tell(), self._later, None  # type: ignore[assignment]
            self.seek(0)
            self.truncate()
            self.write(later)
            self.seek(at)
        return super().read(size)


@colours
@pytest.mark.parametrize(("later", "numbers"), [
    (b"x" * 90, "90 bytes, announced were 100"), (b"x" * 110, "110 bytes so far, announced were 100"), (b"", "0 bytes, announced were 100"),
])  # fmt: skip
@pytest.mark.parametrize("others", [{}, {"z": True}])
def test_a_file_that_changes_while_it_is_sent(colour: str, later: bytes, numbers: str, others: Any) -> None:
    """BodyLengthError with the field and both numbers, no byte beyond the length, and no closing boundary."""
    files: dict[str, Any] = {"f": Changing(b"x" * 100, later), **({"z": gen(b"y")} if others else {})}
    encoder = MultipartEncoder(None, files, boundary="B")
    seen: list[bytes] = []

    async def run() -> None:
        async for piece in encoder.iter_bytes():
            seen.append(piece)  # noqa: PERF401 -- what came before the error counts

    with pytest.raises(BodyLengthError, match=rf"part 'f' of the form gave {numbers}"):
        if colour == "async":
            asyncio.run(run())
        seen.extend(encoder.iter_bytes())
    assert b"".join(seen).count(b"x") <= 100
    assert b"--B--" not in b"".join(seen)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The files that are opened for sources."""
    files: list[Any] = []

    def watching(*arguments: Any) -> Any:
        files.append(open(*arguments))  # noqa: SIM115
        return files[-1]

    monkeypatch.setattr("fasthttp._io.sources.open", watching, raising=False)
    return files


def test_own_handles_are_closed(tmp_path: Path, opened: list[Any]) -> None:
    """At the end, after an error behind them, and when the iteration is given up; in both colours."""
    path = tmp_path / "f"
    path.write_bytes(b"x" * 200_000)
    encoder = MultipartEncoder(None, {"p": path})
    list(encoder.iter_bytes())
    pieces = iter(encoder.iter_bytes())
    next(pieces)
    next(pieces)
    pieces.close()

    async def run() -> None:
        await _collect(encoder)
        pieces: Any = encoder.iter_bytes().__aiter__()
        await anext(pieces)
        await anext(pieces)
        assert not opened[-1].closed
        await pieces.aclose()

    asyncio.run(run())
    path.write_bytes(b"x" * 300_000)
    with pytest.raises(BodyLengthError):
        list(encoder.iter_bytes())
    with pytest.raises(BodyLengthError):
        asyncio.run(_collect(encoder))
    assert len(opened) == 6
    assert all(file.closed for file in opened)


@colours
def test_pieces_that_are_not_bytes(colour: str) -> None:
    """A number is not so many zeros."""
    encoder = MultipartEncoder(None, {"f": gen(5)})
    with pytest.raises(TypeError, match="a body source gave int, not bytes or text"):
        collect(encoder, colour)
    assert b"\r\n\r\nab\r\n" in b"".join(collect(MultipartEncoder(None, {"f": gen(bytearray(b"a"), memoryview(b"b"))}), colour))


@colours
def test_memory_stays_flat(colour: str, tmp_path: Path) -> None:
    """A file of 300 MB takes no more than the chunk and a megabyte."""
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(300_000_000)
    encoder = MultipartEncoder(None, {"f": path}, chunk_size=1 << 18)

    async def run() -> int:
        return sum([len(piece) async for piece in encoder.iter_bytes() if tracemalloc.get_traced_memory()[0] >= 0])

    tracemalloc.start()
    try:
        total = asyncio.run(run()) if colour == "async" else sum(map(len, encoder.iter_bytes()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == encoder.content_length
    assert peak < (1 << 18) * 2 + (1 << 20)


def sent(**keywords: Any) -> tuple[Request, Any]:
    mock = MockTransport(lambda request: 200)
    with Client(transport=mock, **keywords.pop("client", {})) as client:
        client.post("http://a.test/", **keywords)
    return mock.calls[0].request, mock.calls[0]


def test_files_and_an_encoder_are_framed_alike() -> None:
    """Length and type of `files=`, of `content=encoder.iter_bytes()` and of a Request are the same."""
    encoder = MultipartEncoder({"a": 1}, {"f": b"x"}, boundary="B")
    for keywords in (
        {"content": encoder.iter_bytes()},
        {"data": {"a": 1}, "files": {"f": b"x"}, "headers": {"Content-Type": encoder.content_type}},
    ):
        request, call = sent(**keywords)
        assert request.headers["content-type"] == "multipart/form-data; boundary=B"
        assert request.headers["content-length"] == str(encoder.content_length) == str(len(call.body))
        assert call.body == b"".join(encoder.iter_bytes())
    unknown, call = sent(files={"f": gen(b"x")})
    assert unknown.headers["transfer-encoding"] == "chunked"
    assert b"\r\n\r\nx\r\n" in call.body
    built = Request("POST", "http://a.test/", files={"f": b"x"})
    assert built.headers["content-type"].startswith("multipart/form-data; boundary=")


@pytest.mark.parametrize("client", [{}, {"headers": {"X-A": "1"}}])
@pytest.mark.parametrize(("given", "found"), [
    ("multipart/form-data", r"multipart/form-data; boundary=([0-9a-f]{32})"),
    ("multipart/form-data;", r"multipart/form-data; boundary=([0-9a-f]{32})"),
    ("multipart/form-data; charset=utf-8", r"multipart/form-data; charset=utf-8; boundary=([0-9a-f]{32})"),
    ("multipart/form-data; boundary=mine", "multipart/form-data; boundary=(mine)"),
    ("Multipart/Mixed; Boundary=\"m n\"", "Multipart/Mixed; Boundary=\"(m n)\""),
    (None, r"multipart/form-data; boundary=([0-9a-f]{32})"),
])  # fmt: skip
def test_a_type_of_the_caller_and_the_boundary(client: Any, given: str | None, found: str) -> None:
    """A multipart type without a boundary gets one, one with a boundary decides it; the body always agrees."""
    for made in ("call", "request"):
        headers = {"Content-Type": given} if given else None
        if made == "call":
            request, _ = sent(files={"f": b"x"}, headers=headers, client=client)
        else:
            request = Request("POST", "http://a.test/", headers, files={"f": b"x"})
        match = re.fullmatch(found, request.headers["content-type"])
        assert match is not None
        assert b"".join(request.iter_body()).endswith(f"--{match[1]}--\r\n".encode())


def test_another_type_of_the_caller_is_sent_as_it_is() -> None:
    """It is his to say; a boundary that cannot be used is a ValueError."""
    assert sent(files={"f": b"x"}, headers={"Content-Type": "application/x-mine"})[0].headers["content-type"] == "application/x-mine"
    with pytest.raises(ValueError, match="multipart boundary"):
        sent(files={"f": b"x"}, headers={"Content-Type": 'multipart/form-data; boundary="a;b"'})


def test_boundaries_are_random() -> None:
    """Two forms have different ones; the repr tells size, not content."""
    first, second = MultipartEncoder({"secret": "value"}), MultipartEncoder()
    assert first.boundary != second.boundary
    assert repr(first) == f"<MultipartEncoder 1 parts, {first.content_length} bytes>"
    assert b"".join(second.iter_bytes()) == f"--{second.boundary}--\r\n".encode()


def test_async_content_of_any_kind_is_a_body_too() -> None:
    """An async stream as `content=`, in both colours."""

    async def run() -> None:
        mock = MockTransport(lambda request: 200)
        async with AsyncClient(transport=mock) as client:
            await client.post("http://a.test/", content=AsyncFile(b"abc"))
        assert mock.calls[0].body == b"abc"

    asyncio.run(run())
    assert sent(content=AsyncFile(b"abc"))[1].body == b"abc"
