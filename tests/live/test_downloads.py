"""Downloads that are cancelled, killed or run side by side: what they leave, and that the next one succeeds."""

from __future__ import annotations

import asyncio
import hashlib
import random
from pathlib import Path
from typing import Any

import pytest

from fasthttp import AsyncClient
from fasthttp._io import partfile
from fasthttp._pure.downloads import NOTHING
from tests.shell.server import Peer, answering, response, serve

BODY = random.Random(1).randbytes(600_000)
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()


def ranged(peer: Peer) -> None:
    """Serves the body, or the rest that is asked for, in pieces."""
    while (request := peer.read()) is not None:
        first = int(request.headers.get("range", "bytes=0-")[6:-1])
        if first >= len(BODY):
            peer.send(response(b"", f"Content-Range: bytes */{len(BODY)}", status="416 Range Not Satisfiable"))
            continue
        head = f'HTTP/1.1 {"206 Partial Content" if first else "200 OK"}\r\nETag: "v"\r\n'
        head += f"Content-Length: {len(BODY) - first}\r\n"
        if first:
            head += f"Content-Range: bytes {first}-{len(BODY) - 1}/{len(BODY)}\r\n"
        peer.send(head.encode() + b"\r\n")
        for at in range(first, len(BODY), 60_000):
            peer.send(BODY[at : at + 60_000])
            if peer.server.stopping.wait(0.001):
                return


async def test_cancelled_at_any_point(tmp_path: Path) -> None:
    """What is on disk is always a beginning of the file; nothing stays claimed, and a last call completes it."""
    with serve(ranged) as server:
        async with AsyncClient() as client:
            for number in range(40):
                task = asyncio.ensure_future(client.download(server.url, tmp_path / "file", checksum=DIGEST, chunk_size=10_000))
                await asyncio.sleep(number % 20 * 0.001)
                task.cancel()
                try:
                    await task
                    (tmp_path / "file").unlink()
                except asyncio.CancelledError:
                    pass
                assert partfile._claimed == set()
                if (tmp_path / "file.part").exists():
                    assert BODY.startswith((tmp_path / "file.part").read_bytes())
            got = await client.download(server.url, tmp_path / "file", checksum=DIGEST)
            assert client.pool_stats().in_use == 0
    assert got.digest == DIGEST
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


async def test_one_of_many_at_once_wins(tmp_path: Path) -> None:
    """Of ten downloads to one path all but one are refused, and to ten paths all succeed."""
    with serve(ranged) as server:
        async with AsyncClient() as client:

            async def one(name: str) -> Any:
                return await client.download(server.url, tmp_path / name, checksum=DIGEST)

            results = await asyncio.gather(*(one("same") for _ in range(10)), return_exceptions=True)
            assert sorted(type(result).__name__ for result in results) == ["DownloadResult"] + ["RuntimeError"] * 9
            await asyncio.gather(*(one(f"file{number}") for number in range(10)))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([f"file{number}" for number in range(10)] + ["same"])


async def test_a_loop_is_not_held_up_by_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes its time leaves the loop to others."""
    import time

    write = partfile.PartFile.write

    def slow(self: Any, pieces: Any) -> None:
        time.sleep(0.2)
        write(self, pieces)

    monkeypatch.setattr(partfile.PartFile, "write", slow)
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0)
            longest = max(longest, time.monotonic() - before)

    with serve(answering(response(BODY))) as server:
        async with AsyncClient() as client:
            task = asyncio.ensure_future(watch())
            await client.download(server.url, tmp_path / "file")
            task.cancel()
    assert longest < 0.15


def test_an_unfinished_file_that_somebody_else_has_changed(tmp_path: Path) -> None:
    """Bytes are put behind those that were looked at, or not at all."""
    part = partfile.PartFile(tmp_path / "file", "key", None)
    try:
        assert part.recall("u") == NOTHING
        (tmp_path / "file.part").write_bytes(b"four")
        for offset in (3, 5):
            with pytest.raises(OSError, match="somebody else writes to it"):
                part.begin(offset, "{}")
            part._shut()
        part.begin(4, "{}")
        part.write([b"and", b"more"])
        assert (part.size, part.digest()) == (11, None)
    finally:
        part.close()
    assert (tmp_path / "file.part").read_bytes() == b"fourandmore"


def test_a_step_that_comes_too_late(tmp_path: Path) -> None:
    """A thread that nobody waits for any more touches nothing."""
    part = partfile.PartFile(tmp_path / "file", "key", "sha256")
    part.begin(0, "{}")
    part.close()
    part.close()
    part.write([b"x"])
    part.begin(0, "changed")
    assert (tmp_path / "file.part").read_bytes() == b""
    assert (tmp_path / "file.part.json").read_text() == "{}"
