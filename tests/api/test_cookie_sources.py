"""Where a jar's cookies come from besides responses: mappings, other jars, files."""

from __future__ import annotations

import email.message
import http.cookiejar
import json
import os
import urllib.request
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests

from fasthttp.cookies import Cookie, CookieJar, DummyCookieJar, make_jar
from httpwire.url import parse_url


class Clock:
    """Time that passes when it is told to."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def jar_of(*lines: str, url: str = "https://www.shop.test/a/b", unsafe: bool = False) -> CookieJar:
    """A jar with a clock of its own that has received lines from a URL."""
    jar = CookieJar(unsafe=unsafe)
    jar._clock = Clock()
    jar.store(lines, parse_url(url))
    return jar


def sent(jar: CookieJar, *urls: str) -> list[str | None]:
    return [jar.get_cookie_header(url) for url in urls]


def test_jars_are_made_of_mappings_and_jars() -> None:
    """For an argument a jar is taken as it is, even an empty one; for a new jar it is copied."""
    jar = CookieJar({"a": "1"})
    empty = CookieJar()
    assert make_jar(jar) is jar
    assert make_jar(empty) is empty
    assert make_jar(None).cookies() == []
    assert make_jar({"a": "1"}).items() == [("a", "1")]
    session = jar_of("a=1", "b=2; Domain=shop.test; Secure; SameSite=Lax")
    copied = CookieJar(session)
    assert copied.cookies() == session.cookies()
    copied.set("c", "3")
    copied.remove("a")
    assert list(session) == ["a", "b"]
    for wrong in (5, "a=b", [("a", "b")], b""):
        with pytest.raises(TypeError, match="mapping, a CookieJar or an"):
            make_jar(wrong)
    with pytest.raises(TypeError, match="must be str"):
        CookieJar({"a": 1})


def of_the_standard_library(name: str, value: str | None, domain: str, rest: dict[str, str]) -> http.cookiejar.Cookie:
    """A host-only cookie as that library makes it from a response."""
    return http.cookiejar.Cookie(0, name, value, None, False, domain, False, False, "/", True, False, None, True, None, None, rest)


def test_jars_of_the_standard_library_and_of_other_clients_are_copied() -> None:
    """With domains, paths, Secure and age; host-only stays so, and what has no domain is bound to none."""
    theirs = requests.Session().cookies
    theirs.set("free", "0")
    theirs.set("wide", "1", domain="shop.test", path="/x", secure=True, expires=4_000_000_000)
    theirs.set("dot", "2", domain=".shop.test", rest={"HttpOnly": None, "SameSite": "Lax"})
    theirs.set("over", "3", domain="shop.test", expires=5)
    theirs.set_cookie(of_the_standard_library("bare", None, "www.shop.test", {}))
    theirs.set_cookie(of_the_standard_library("local", "4", "localhost.local", {"SameSite": "x"}))
    ours = CookieJar(theirs)
    expected = {
        Cookie("free", "0", httponly=True),
        Cookie("wide", "1", "shop.test", "/x", 4_000_000_000, True, True),
        Cookie("dot", "2", "shop.test", httponly=True, samesite="Lax"),
        Cookie("", "bare", "www.shop.test", host_only=True),
        Cookie("local", "4", "localhost", host_only=True),
    }
    assert set(ours.cookies()) == expected
    wrapped = httpx.Cookies({"a": "1"})
    wrapped.set("b", "2", domain="shop.test")
    assert sorted(sent(CookieJar(wrapped), "https://shop.test/", "https://x.test/"), key=str) == ["a=1", "a=1; b=2"]
    theirs.set("late", "5")
    assert "late" not in ours


def test_a_response_read_by_the_standard_library_stays_host_only() -> None:
    """Its own jar says so with a flag, not with a dot."""
    request = urllib.request.Request("https://www.shop.test/a/b")
    message = email.message.Message()
    message["Set-Cookie"] = "a=1"
    message["Set-Cookie"] = "b=2; Domain=shop.test; Path=/"

    class Answer:
        def info(self) -> Any:
            return message

    theirs = http.cookiejar.CookieJar()
    theirs.extract_cookies(Answer(), request)  # type: ignore[arg-type]
    ours = CookieJar(theirs)
    assert sent(ours, "https://www.shop.test/a/", "https://shop.test/a/", "https://x.www.shop.test/a/") == ["a=1; b=2", "b=2", "b=2"]


def test_a_dummy_jar_keeps_and_sends_nothing(tmp_path: Path) -> None:
    """Whatever puts cookies in; what is wrong is still an error."""
    (tmp_path / "full").write_text("")
    CookieJar({"a": "1"}).save(tmp_path / "full")
    jar = DummyCookieJar({"a": "1"})
    assert isinstance(jar, CookieJar)
    jar.set("a", "1")
    jar["b"] = "2"
    jar.store(["c=3"], parse_url("https://shop.test/"))
    jar.load(tmp_path / "full")
    assert (len(jar), jar.items(), sent(jar, "https://shop.test/")) == (0, [], [None])
    with pytest.raises(ValueError, match="offset"):
        jar.set("a", "\n")
    assert make_jar(jar) is jar


def test_a_jar_comes_back_from_its_file(tmp_path: Path) -> None:
    """All of it, in order, session cookies too, in a file for its owner alone; no draft is left behind."""
    path = tmp_path / "jar.json"
    jar = CookieJar({"free": "é\u20ac"})
    jar.store(
        ["a=1; Max-Age=500; HttpOnly; Path=/a", "b=2; Domain=shop.test; Secure; SameSite=None", "bare"], parse_url("https://www.shop.test/")
    )
    path.write_text("old")
    path.chmod(0o644)
    jar.save(path)
    loaded = CookieJar()
    loaded.load(str(path))
    assert loaded.cookies() == jar.cookies()
    assert sent(loaded, "https://www.shop.test/a") == sent(jar, "https://www.shop.test/a") != [None]
    assert sorted(os.listdir(tmp_path)) == ["jar.json"]
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600


def test_loading_adds_and_leaves_out_what_is_over(tmp_path: Path) -> None:
    """Cookies of the same name, domain and path are replaced."""
    jar = jar_of("a=1; Max-Age=5", "b=2")
    jar.save(tmp_path / "jar")
    later = jar_of("b=0", "c=3")
    assert isinstance(later._clock, Clock)
    later._clock.now += 6
    later.load(tmp_path / "jar")
    assert later.items() == [("b", "2"), ("c", "3")]


RECORD = {
    "name": "a", "value": "secret", "domain": None, "path": "/", "expires": None, "secure": False, "httponly": False,
    "samesite": None, "host_only": False,
}  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"5",
        b"[" * 100_000,
        b'{"version": 2, "cookies": []}',
        b'{"version": 1}',
        b'{"version": 1, "cookies": 5}',
        b'{"version": 1, "cookies": [5]}',
        *(
            json.dumps({"version": 1, "cookies": [RECORD, {**RECORD, **change}]}).encode()
            for change in (
                {"name": 5}, {"value": "secret;"}, {"path": "x"}, {"path": None}, {"domain": 5}, {"domain": "a b"}, {"secure": 1},
                {"expires": "x"}, {"expires": float("inf")}, {"samesite": 5}, {"samesite": "x"}, {"host_only": True}, {"more": 1},
            )
        ),
        json.dumps({"version": 1, "cookies": [{}]}).encode(),
    ],
)  # fmt: skip
def test_a_file_that_is_not_one_of_ours_is_named(tmp_path: Path, content: bytes) -> None:
    """Nothing is taken from it, and no value is in the message."""
    path = tmp_path / "jar.json"
    path.write_bytes(content)
    jar = CookieJar({"b": "1"})
    with pytest.raises(ValueError, match=r"jar\.json: not a file of cookies") as caught:
        jar.load(path)
    assert "secret" not in str(caught.value)
    assert jar.items() == [("b", "1")]


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    """At every byte."""
    path = tmp_path / "jar"
    CookieJar({"a": "1"}).save(path)
    content = path.read_bytes().rstrip()
    for end in range(len(content)):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match="not a file of cookies"):
            CookieJar().load(path)


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no draft."""
    path = tmp_path / "jar"
    path.write_text("old")

    def fail(source: str, target: str) -> None:
        raise OSError("disk")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk"):
        CookieJar({"a": "1"}).save(path)
    assert (path.read_text(), os.listdir(tmp_path)) == ("old", ["jar"])
    with pytest.raises(FileNotFoundError):
        CookieJar().load(tmp_path / "none")
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    CookieJar({"a": "1"}).save("here")
    assert (tmp_path / "here").exists()
