"""Damaged input from a fixed seed: the package answers with its own errors only, and the cut of the bytes never matters."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable

import brotli
import pytest

from httpwire import jsonio
from httpwire.coding import Decoder
from httpwire.errors import CodingError, InvalidURL, ProtocolError
from httpwire.h1 import Limits, RequestParser, ResponseParser
from httpwire.masking import mask_text
from httpwire.mime import parse_content_type
from httpwire.query import parse_query
from httpwire.url import parse_url

RESPONSES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: v\r\n\r\nrest",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.0 200 OK\nX: a\n b\nContent-Length: 2\nContent-Length: 2\n\nhi",
    b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n\x00\x01",
]
REQUESTS = [
    b"GET /a?b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\r\nPOST http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: v\r\n\r\n",
    b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nContent-Length: 0\r\n\r\n\x16\x03",
    b"OPTIONS * HTTP/1.0\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]
PIECES = [
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"0",
    b"\x00",
    b"\x7f",
    b"\xff",
    b"+",
    b"HTTP/",
    b"chunked",
    b"9" * 20,
]


def damage(chance: random.Random, data: bytes) -> bytes:
    """Insert, remove, change and repeat a few stretches of `data`."""
    for _ in range(chance.randint(0, 4)):
        at, end = sorted((chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)))
        end = min(end, at + 12)
        data = chance.choice(
            [
                data[:at] + chance.choice(PIECES) + data[at:],
                data[:at] + data[end:],
                data[:at] + chance.randbytes(end - at) + data[end:],
                data[:end] + data[at:],
                data[:at] + chance.choice(PIECES) + data[end:],
            ]
        )
    return data


def cut_up(chance: random.Random, data: bytes) -> list[bytes]:
    pieces = []
    while data:
        size = chance.choice([1, 1, 2, 3, 7, 20, 1000])
        pieces.append(data[:size])
        data = data[size:]
    return pieces


def outcome(parser: RequestParser | ResponseParser, pieces: list[bytes]) -> tuple[object, ...]:
    """All there is to see of a message, or the fault with the status that answers it."""
    body = b""
    try:
        for piece in pieces:
            parser.feed(piece)
            body += parser.take()
        parser.feed_eof()
    except ProtocolError as exc:
        return (type(exc), exc.status)
    if isinstance(parser, ResponseParser):
        start: tuple[object, ...] = (parser.status, bytes(parser.reason), list(parser.informational), parser.upgraded)
    else:
        start = (parser.method, parser.target, parser.upgrade, parser.expects_continue)
    common = (parser.version, parser.keep_alive, parser.complete, parser.leftover, body)
    return (*start, parser.fields, parser.trailers, *common)


LIMITS = Limits(head=120, line=60, count=4, chunk_line=20)


@pytest.mark.parametrize("limits", [Limits(), LIMITS])
def test_responses(limits: Limits) -> None:
    """Damaged responses are read or refused, and equally so whole and in pieces, by a new parser and by one in use."""
    chance = random.Random(1)
    used = ResponseParser(limits)
    for _ in range(4000):
        data = damage(chance, chance.choice(RESPONSES))
        method, upgrade = chance.choice(["GET", "HEAD", "CONNECT"]), chance.random() < 0.5
        fresh = ResponseParser(limits)
        fresh.expect(method, upgrade=upgrade)
        whole = outcome(fresh, [data])
        fresh.expect(method, upgrade=upgrade)
        assert outcome(fresh, cut_up(chance, data)) == whole
        used.expect(method, upgrade=upgrade)
        assert outcome(used, [data]) == whole


@pytest.mark.parametrize("limits", [Limits(), LIMITS])
def test_requests(limits: Limits) -> None:
    """Damaged requests are read or refused, and equally so whole and in pieces."""
    chance = random.Random(2)
    for _ in range(5000):
        data = damage(chance, chance.choice(REQUESTS))
        whole = outcome(RequestParser(limits), [data])
        assert outcome(RequestParser(limits), cut_up(chance, data)) == whole


def test_pipelines() -> None:
    """A damaged pipeline gives the same requests whole and in pieces, up to the first fault."""
    chance = random.Random(3)

    def requests(pieces: list[bytes]) -> list[tuple[object, ...]]:
        parser, seen = RequestParser(), list[tuple[object, ...]]()
        try:
            for piece in pieces:
                parser.feed(piece)
                while parser.complete:
                    seen.append((parser.method, parser.target, parser.fields, parser.take()))
                    parser.next_message()
        except ProtocolError as exc:
            seen.append((exc.status,))
        return seen

    for _ in range(2000):
        data = damage(chance, b"".join(chance.choices(REQUESTS[:3], k=3)))
        assert requests([data]) == requests(cut_up(chance, data))


PACKED = b"".join(b"%d," % number for number in range(300))
CODED = {"gzip": gzip.compress(PACKED, mtime=0), "deflate": zlib.compress(PACKED), "br": bytes(brotli.compress(PACKED))}


@pytest.mark.parametrize("coding", CODED)
def test_codings(coding: str) -> None:
    """Damaged codings give data or the error of the package, and equally so whole and in pieces."""
    chance = random.Random(4)

    def decoded(pieces: list[bytes]) -> bytes | None:
        decoder = Decoder([coding])
        try:
            out = b"".join(part for piece in pieces for part in decoder.feed(piece))
            decoder.flush()
        except CodingError:
            return None
        return out

    for _ in range(1500):
        data = damage(chance, CODED[coding])
        assert decoded([data]) == decoded(cut_up(chance, data))


TEXTS: list[tuple[bytes, Callable[[str], object], type[Exception] | tuple[type[Exception], ...]]] = [
    (b"https://user:pass@example.com:8443/a/../b%2e?c=d#e", parse_url, InvalidURL),
    (b"http://[2001:db8::1.2.3.4]:80//%2e%2e/x", lambda text: parse_url(text, True), InvalidURL),
    (b"http://b\xfccher.xn--a-ecp.ru/", parse_url, InvalidURL),
    (b"../a?b=c&d#//e:f@g", parse_url("http://h/i/j").join, InvalidURL),
    (b'{"a": [1, 2.5e3, true, null, "\\u00e9"]}', jsonio.decode, ValueError),
    (b'text/html; charset="utf-8"; a=b', parse_content_type, ()),
    (b"a=b&c=%C3%A9&d+e", parse_query, ()),
    (b"see http://u:p@h/?token=x&a=b and wss://i", mask_text, ()),
]


@pytest.mark.parametrize(("seed", "read", "error"), TEXTS)
def test_texts(seed: bytes, read: Callable[[str], object], error: type[Exception] | tuple[type[Exception], ...]) -> None:
    """Damaged texts are read, or refused with the one error that is promised for them."""
    chance = random.Random(5)
    for _ in range(3000):
        try:
            read(damage(chance, seed).decode("latin-1"))
        except error:
            continue


def test_json_bytes() -> None:
    """Damaged JSON in any encoding is read or a ValueError."""
    chance = random.Random(6)
    for encoding in ("utf-8", "utf-16", "utf-32-be"):
        for _ in range(1500):
            try:
                jsonio.decode(damage(chance, '{"a": [1, "é"]}'.encode(encoding)))
            except ValueError:
                continue
