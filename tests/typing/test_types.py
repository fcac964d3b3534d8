"""What a type checker makes of the public names."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from mypy import api

SNIPPET = """\
import asyncio
from dataclasses import dataclass

from fasthttp.client import AsyncClient, Client, SyncClient
from fasthttp.timeouts import Timeout

with Client() as c:
    reveal_type(c)  #: fasthttp.client.SyncClient
    r = c.get("http://a.test/", headers={"X": "1", "Y": None}, params={"a": [1]}, timeout=Timeout(read=1))
    reveal_type(r)  #: fasthttp.response.ClientResponse
    reveal_type(r.text)  #: fasthttp.response.CallableText
    reveal_type(r.text())  #: str
    reveal_type(r.content)  #: bytes
    reveal_type(r.raise_for_status())  #: fasthttp.response.ClientResponse
    reveal_type(r.status_code)  #: int
    reveal_type(r.headers["x"])  #: str
    for piece in r.iter_bytes():
        reveal_type(piece)  #: bytes
    for line in r.iter_lines():
        reveal_type(line)  #: str
    reveal_type(c.post("http://a.test/", json={"a": 1}))  #: fasthttp.response.ClientResponse
    reveal_type(c.request("GET", "http://a.test/"))  #: fasthttp.response.ClientResponse
    with c.stream("GET", "http://a.test/") as s:
        reveal_type(s)  #: fasthttp.response.ClientResponse
    reveal_type(c.base_url)  #: str | None
    reveal_type(c.download("http://a.test/", "f"))  #: fasthttp.downloads.DownloadResult
    c.download("http://a.test/", "f", chunksize=1)  #! chunksize
    with c.sse("http://a.test/", reconnect=True) as events:
        reveal_type(events.response)  #: fasthttp.response.ClientResponse
        for event in events:
            reveal_type(event.id)  #: str | None
    c.sse("http://a.test/", max_retry=1)  #! max_retry
    c.get("http://a.test/", timout=1)  #! timout
    c.get("http://a.test/", timeout="soon")  #! timeout
    c.post("http://a.test/", content=5)  #! content
    c.get(5)  #! "int"


async def main() -> None:
    async with Client() as a:
        reveal_type(a)  #: fasthttp.client.AsyncClient
        r = await a.get("http://a.test/")
        reveal_type(r)  #: fasthttp.response.ClientResponse
        async for piece in r.aiter_bytes():
            reveal_type(piece)  #: bytes
        async with a.stream("GET", "http://a.test/") as s:
            reveal_type(s)  #: fasthttp.response.ClientResponse
        async with a.sse("http://a.test/") as events:
            reveal_type(events.last_event_id)  #: str | None
            async for event in events:
                reveal_type(event.data)  #: str
        reveal_type(await a.put("http://a.test/", b"x"))  #: fasthttp.response.ClientResponse
        await a.get("http://a.test/", follow_redirect=True)  #! follow_redirect
        await a.get("http://a.test/", max_redirects="5")  #! max_redirects
        a.get("http://a.test/").status_code  #! status_code

    with SyncClient() as d:
        reveal_type(d)  #: fasthttp.client.SyncClient
    async with AsyncClient() as e:
        reveal_type(e)  #: fasthttp.client.AsyncClient

asyncio.run(main())
Client(baseurl="http://a.test/")  #! baseurl
Client(timeout=[1])  #! timeout
reveal_type(Client().get("http://a.test/"))  #: Any
"""


def check(tmp_path: Path, snippet: str) -> list[tuple[int, str, str]]:
    """(line, kind, message) of everything that mypy says."""
    file = tmp_path / "snippet.py"
    file.write_text(snippet)
    options = ["--strict", "--no-incremental", "--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent", "--hide-error-context"]
    out, err, _ = api.run([*options, "--config-file", "", "--no-error-summary", str(file)])
    assert not err
    found = re.findall(r"snippet\.py:(\d+): (\w+): (.*)", out)
    return [(int(line), kind, message) for line, kind, message in found]


def test_types_are_exact_and_mistakes_are_seen(tmp_path: Path) -> None:
    """The entered client has its colour, results have their class, and a wrong keyword or type is an error."""
    said: dict[int, list[str]] = {}
    for line, kind, message in check(tmp_path, SNIPPET):
        said.setdefault(line, []).append(f"{kind}: {message}")
    for number, text in enumerate(SNIPPET.splitlines(), 1):
        messages = said.pop(number, [])
        revealed = text.partition("#: ")[2]
        mistake = text.partition("#! ")[2]
        if revealed:
            shown = [message.partition('Revealed type is "')[2].rstrip('"').replace("builtins.", "") for message in messages]
            assert shown == [revealed], text
        elif mistake:
            assert any(message.startswith("error: ") and mistake in message for message in messages), (text, messages)
        else:
            assert not messages, (text, messages)
    assert not said


@pytest.mark.parametrize("package", [
    "fasthttp",
    "FasterAPI",
])  # fmt: skip
def test_names_of_a_root_are_known_to_type_checkers(tmp_path: Path, package: str) -> None:
    """`from fasthttp import Client` is no error, also where names have to be exported explicitly."""
    names = sorted(set(importlib.import_module(package).__all__) - {"__version__"})
    assert [message for _, kind, message in check(tmp_path, f"from {package} import {', '.join(names)}\n") if kind == "error"] == []
