"""URLs, headers, codings, queries and JSON on generated input."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from httpwire import jsonio
from httpwire.coding import Decoder, Encoder
from httpwire.errors import CodingError, InvalidURL
from httpwire.headers import Headers
from httpwire.mime import parse_content_type
from httpwire.query import encode_pairs, flatten, parse_query
from httpwire.url import URL, parse_url

# Text in which the characters that a URL is made of are frequent.
soup = st.lists(
    st.sampled_from(
        [
            "/",
            "//",
            ":",
            "@",
            "?",
            "#",
            "[",
            "]",
            "\\",
            ".",
            "..",
            "%2e",
            "%",
            "a",
            "b.c",
            "1",
            "80",
            "0x",
            "xn--",
            "é",
            "\u200d",
            " ",
            "\t",
            "http:",
        ]
    )
    | st.characters(),
    max_size=12,
).map("".join)
bases = st.sampled_from(["http://h", "https://u:p@h:81/a/b?c#d", "ws://[::1]/x/", "http://127.0.0.1/a//b"])


@given(st.sampled_from(["", "http:", "http://", "https://h", "http://h:"]), soup, st.booleans())
def test_urls_are_read_or_refused(start: str, text: str, strict: bool) -> None:
    """Any text is a URL, whose own text is read back as the same, or an error for bad URLs; there is nothing else."""
    try:
        url = parse_url(start + text, strict)
    except InvalidURL:
        return
    assert parse_url(url.href) == url or strict
    assert parse_url(url.href, strict).href == url.href
    assert url.href.isascii()
    assert url.path.startswith("/")
    assert url.target.decode() == url.path + ("" if url.query is None else f"?{url.query}")


@given(bases, soup)
def test_references_are_read_or_refused(base: str, text: str) -> None:
    """Any text resolves to a URL that is read back as the same, or is an error for bad URLs."""
    start = parse_url(base)
    try:
        url = start.join(text)
    except InvalidURL:
        return
    assert parse_url(url.href) == url
    assert start.join(url.href) == url


plain = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._~/:@!$&()*+,;=%?", max_size=20)


@given(st.sampled_from(["http", "wss"]), plain, plain, st.booleans())
@example("http", "a.b", "/%2E./x", False)
@example("http", "a", ":99999/", False)
@example("http", "xn--a", "/", False)
@example("http", "a.1", "/", False)
@example("wss", "a:443", "/a/.../b.", True)
def test_the_short_way_gives_the_same(scheme: str, host: str, rest: str, strict: bool) -> None:
    """Simple URLs, which are read in a shorter way, come out as by the longer way, which an upper-case scheme takes."""
    outcomes: list[URL | None] = []
    for spelling in (scheme, scheme.upper()):
        try:
            outcomes.append(parse_url(f"{spelling}://{host}/{rest}", strict))
        except InvalidURL:
            outcomes.append(None)
    assert outcomes[0] == outcomes[1]


names = st.sampled_from(["A", "a", "B", "b", "Set-Cookie", "set-cookie", "C"])
values = st.text("xyz ,", max_size=3)
steps = st.lists(st.tuples(st.sampled_from(["set", "add", "delete", "pop", "setdefault", "update", "prepend"]), names, values), max_size=15)


@given(steps)
def test_headers_are_like_a_list_of_lines(script: list[tuple[str, str, str]]) -> None:
    """After any sequence of changes the fields are those of a plain list of lines that was changed likewise."""
    headers, lines = Headers(), list[tuple[str, str]]()
    for step, name, value in script:
        key = name.lower()
        there = [index for index, line in enumerate(lines) if line[0].lower() == key]
        if step == "add":
            headers.add(name, value)
            lines.append((name, value))
        elif step == "prepend":
            if not there:
                headers.prepend(name, value)
                lines.insert(0, (name, value))
        elif step == "setdefault":
            headers.setdefault(name, value)
            lines += [] if there else [(name, value)]
        elif step in ("delete", "pop"):
            if there:
                headers.pop(name) if step == "pop" else headers.__delitem__(name)
            lines = [line for line in lines if line[0].lower() != key]
        elif step == "update":
            headers.update({name: value})
            lines = [line for line in lines if line[0].lower() != key] + [(name, value)]
        else:
            headers[name] = value
            rest = [line for index, line in enumerate(lines) if index not in there[1:]]
            lines = [(name, value) if line[0].lower() == key else line for line in rest] if there else [*lines, (name, value)]
        assert headers.raw == [(left.encode(), right.encode()) for left, right in lines]
        assert headers.encode() == "".join(f"{left}: {right}\r\n" for left, right in lines).encode()
        for looked_up in {left.lower() for left, _ in lines}:
            found = [right for left, right in lines if left.lower() == looked_up]
            assert headers[looked_up] == (found[0] if looked_up == "set-cookie" else ", ".join(found))
        assert set(headers) == {left.lower() for left, _ in lines}


chains = st.lists(st.sampled_from(["gzip", "deflate", "br", "zstd"]), min_size=1, max_size=4)


@given(chains, st.binary(max_size=300), st.integers(1, 40))
def test_codings_are_undone(chain: list[str], data: bytes, size: int) -> None:
    """Whatever chain of codings is applied, its decoder gives the data back, fed in pieces of any size."""
    packed = data
    for coding in chain:
        encoder = Encoder(coding)
        packed = encoder.feed(packed) + encoder.flush()
    decoder = Decoder(chain)
    out = b"".join(piece for at in range(0, len(packed), size) for piece in decoder.feed(packed[at : at + size]))
    decoder.flush()
    assert out == data


@given(st.sampled_from(["gzip", "deflate", "br", "zstd"]), st.binary(max_size=100), st.integers(1, 20))
def test_anything_else_is_a_coding_error(coding: str, data: bytes, size: int) -> None:
    """Arbitrary bytes decode or are an error for bad codings; the cut does not matter."""

    def outcome(pieces: list[bytes]) -> bytes | None:
        decoder = Decoder([coding])
        try:
            out = b"".join(part for piece in pieces for part in decoder.feed(piece))
            decoder.flush()
        except CodingError as exc:
            faults.append(exc.coding)
            return None
        return out

    faults: list[str] = []
    assert outcome([data]) == outcome([data[at : at + size] for at in range(0, len(data), size)])
    assert set(faults) <= {coding}


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate"]), st.integers(0, 400), st.integers(1, 255))
def test_damage_is_noticed(data: bytes, coding: str, place: int, change: int) -> None:
    """A changed byte in the compressed data never passes for other data: the checksum is looked at."""
    packed = bytearray(gzip.compress(data) if coding == "gzip" else zlib.compress(data))
    packed[place % len(packed)] ^= change
    decoder = Decoder([coding])
    try:
        out = b"".join(decoder.feed(bytes(packed)))
        decoder.flush()
    except CodingError:
        return
    assert out == data


pairs = st.lists(
    st.tuples(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), st.text(st.characters(exclude_categories=["Cs"]), max_size=5)),
    max_size=5,
)


@given(pairs)
def test_queries(items: list[tuple[str, str]]) -> None:
    """What is written as a query is read back, and is what the standard library writes and reads."""
    text = encode_pairs(flatten(items))
    assert parse_query(text) == items
    assert text == urlencode(items)


@given(st.text("ab=&+%20é;", max_size=20))
def test_queries_are_always_read(text: str) -> None:
    """Any text is a query, read as by the standard library."""
    assert parse_query(text) == parse_qsl(text, keep_blank_values=True)


documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=10,
)


@given(documents, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32-le"]))
def test_json(value: Any, encoding: str) -> None:
    """What is written as JSON is read back, here and by the standard library, in every encoding."""
    data = jsonio.encode(value)
    assert jsonio.decode(data) == json.loads(data) == value
    assert jsonio.decode(data.decode().encode(encoding)) == value


@given(documents, st.sampled_from([float("nan"), float("inf")]), st.lists(st.sampled_from([list, tuple, dict]), max_size=4))
def test_json_has_no_infinities(value: Any, bad: float, shells: list[type]) -> None:
    """A number that JSON does not have is refused at any depth, beside anything else."""
    for shell in shells:
        bad = {"k": bad, "other": value} if shell is dict else shell([value, bad])  # type: ignore[assignment]
    with pytest.raises(ValueError, match="not valid in JSON"):
        jsonio.encode(bad)


@given(st.binary(max_size=30) | st.text(max_size=30))
def test_json_is_read_or_refused(data: bytes | str) -> None:
    """Anything is JSON or a ValueError."""
    try:
        jsonio.decode(data)
    except ValueError:
        return


@given(st.text("aB/;= \"\\'\t,é", max_size=30))
def test_content_types_are_always_read(text: str) -> None:
    """Any text has a media type in lower case and parameters with names in lower case."""
    media_type, parameters = parse_content_type(text)
    assert media_type == media_type.lower().strip()
    assert all(name == name.lower() != "" for name in parameters)
