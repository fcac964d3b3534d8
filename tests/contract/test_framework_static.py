"""Directories of files: what is found, what is not, conditions, and siblings that are compressed already."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import starlette.staticfiles
from starlette.responses import Response

import FasterAPI.staticfiles
from FasterAPI import Faster, StaticFiles
from tests.contract.raw_asgi import body_of, exchange, headers_of, status_of

PAGE = b"<p>page</p>" * 300


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files, beside a secret."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (root / "app.js").write_text("let a = 1;" * 50)
    (root / "sub" / "index.html").write_bytes(PAGE)
    (root / "404.html").write_text("lost")
    return root


def mounted(files: Any) -> Faster:
    app = Faster()
    app.mount("/s", files)
    return app


def ask(app: Any, path: str, *fields: tuple[str, str], method: str = "GET") -> tuple[int, dict[bytes, bytes], bytes]:
    sent = exchange(app, method, path, headers=[(name.encode(), value.encode()) for name, value in fields])
    return status_of(sent), headers_of(sent), body_of(sent)


def test_files_have_conditions_and_ranges(tree: Path) -> None:
    """As a single file has them; only GET and HEAD read them."""
    app = mounted(StaticFiles(directory=tree))
    status, headers, body = ask(app, "/s/app.js")
    assert (status, headers[b"content-type"], body) == (200, b"text/javascript; charset=utf-8", b"let a = 1;" * 50)
    tag, date = headers[b"etag"].decode(), headers[b"last-modified"].decode()
    assert ask(app, "/s/app.js", method="HEAD") == (200, headers, b"")
    assert ask(app, "/s/app.js", ("if-none-match", f'"a,b", W/{tag}')) == (304, {b"etag": headers[b"etag"]}, b"")
    assert ask(app, "/s/app.js", ("if-modified-since", date))[0] == 304
    assert ask(app, "/s/app.js", ("if-modified-since", date), ("if-none-match", '"x"'))[0] == 200
    assert ask(app, "/s/app.js", ("range", "bytes=-3"))[::2] == (206, b" 1;")
    assert ask(app, "/s/app.js", ("range", "bytes=9999-"))[0] == 416
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status, headers, _ = ask(app, "/s/app.js", method=method)
        assert (status, headers[b"allow"]) == (405, b"GET, HEAD")


def test_what_is_not_there(tree: Path) -> None:
    """Ways out, by dots, absolute paths and links; a NUL, what is no character, names too long, links in a circle: 404."""
    os.symlink(tree.parent / "secret", tree / "link")
    os.symlink(tree.parent, tree / "up")
    os.symlink(tree / "circle", tree / "circle")
    paths = [
        "../secret", "sub/../../secret", "..\\secret", "/etc/passwd", "//etc/passwd", "link", "up/secret", "circle",
        "a\0b", "\udcff", "\ud800", "a" * 300, "a/" * 3000, "missing", "app.js/x", "sub", ".", "..",
    ]  # fmt: skip
    for files in (StaticFiles(directory=tree), StaticFiles(directory=tree, precompressed=True)):
        app = mounted(files)
        assert [ask(app, f"/s/{path}")[0] for path in paths] == [404] * len(paths)
    app = mounted(StaticFiles(directory=tree, html=True))
    assert {ask(app, f"/s/{path}")[::2] for path in paths if path not in ("sub", ".")} == {(404, b"lost")}
    app = mounted(StaticFiles(directory=tree, follow_symlink=True))
    assert ask(app, "/s/link")[::2] == (200, b"secret")
    assert ask(app, "/s/../secret")[0] == 404


def test_devices_of_windows_are_not_there(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There, names that lead to a device, a drive, a stream of a file or the same file once more; elsewhere they are names."""
    for name in ("aux.js", "app.js."):
        (tree / name).write_text("a")
    app = mounted(StaticFiles(directory=tree))
    assert [ask(app, f"/s/{name}")[0] for name in ("aux.js", "app.js.")] == [200, 200]
    monkeypatch.setattr(FasterAPI.staticfiles, "_ON_WINDOWS", True)
    names = ["aux.js", "NUL", "con.txt", "sub/COM1", "app.js.", "app.js::$DATA", "C:/secret", "lpt9.tar.gz"]
    assert [ask(app, f"/s/{name}")[0] for name in names] == [404] * len(names)
    assert ask(app, "/s/app.js")[0] == 200
    assert ask(mounted(StaticFiles(directory=tree / "sub", html=True)), "/s/")[::2] == (200, PAGE)


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A directory for files, by somebody who may not read everything."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    yield root
    if os.getuid() == 0:
        os.seteuid(0)
    shutil.rmtree(root)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_what_may_not_be_read(unprivileged: Path) -> None:
    """A file, an index, what is in a closed directory: 401, before a byte was sent. A sibling is as if it were not there."""
    root = unprivileged
    for name in ("a.txt", "open.txt", "open.txt.gz", "dir/index.html", "closed/b.txt"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("text")
    for name in ("a.txt", "open.txt.gz", "dir/index.html", "closed"):
        (root / name).chmod(0)
    if os.getuid() == 0:
        os.seteuid(65534)
    app = mounted(StaticFiles(directory=root, html=True, precompressed=True))
    assert [ask(app, f"/s/{name}")[0] for name in ("a.txt", "dir/", "closed/b.txt")] == [401] * 3
    assert ask(app, "/s/a.txt", method="HEAD")[0] == 401
    status, headers, body = ask(app, "/s/open.txt", ("accept-encoding", "gzip"))
    assert (status, headers.get(b"content-encoding"), body) == (200, None, b"text")
    if os.getuid() == 0:
        os.seteuid(0)
    (root / "closed").chmod(0o755)


def test_pages(tree: Path) -> None:
    """With `html`, directories have an index and what is not there a page, with the rules of files but no conditions."""
    app = mounted(StaticFiles(directory=tree, html=True))
    assert ask(app, "/s/sub/")[::2] == (200, PAGE)
    assert (ask(app, "/s/sub")[0], ask(app, "/s/sub")[1][b"location"]) == (307, b"http://shop.test/s/sub/")
    status, headers, body = ask(app, "/s/x", ("if-none-match", "*"), ("range", "bytes=0-1"))
    assert (status, headers[b"content-type"], body) == (404, b"text/html; charset=utf-8", b"lost")


# --- compressed siblings


@pytest.fixture
def packed(tree: Path) -> Path:
    (tree / "app.js.br").write_bytes(b"brotli")
    (tree / "app.js.zst").write_bytes(b"zstandard")
    (tree / "app.js.gz").write_bytes(gzip.compress(b"let a = 1;" * 50))
    (tree / "sub" / "index.html.gz").write_bytes(gzip.compress(PAGE))
    (tree / "404.html.gz").write_bytes(gzip.compress(b"lost"))
    return tree


@pytest.mark.parametrize(("accepted", "coding"), [
    ("br, zstd, gzip", "br"), ("gzip, zstd", "zstd"), ("gzip", "gzip"), ("gzip;q=1, br;q=0.5", "gzip"), ("br;q=0, gzip;q=0.1", "gzip"),
    ("*", "br"), ("*, br;q=0", "zstd"), ("GZIP", "gzip"), ("deflate", None), ("", None), ("identity", None), ("gzip;q=0", None),
    ("identity, gzip;q=0.5", None), ("*;q=0", None), ("gzip;q=nonsense", None),
])  # fmt: skip
def test_who_takes_a_coding_gets_it(packed: Path, accepted: str, coding: str | None) -> None:
    """The coding with the most weight, the type of the file itself, and the news that it could have been another."""
    files = {"br": ".br", "zstd": ".zst", "gzip": ".gz", None: ""}
    app = mounted(StaticFiles(directory=packed, precompressed=True))
    status, headers, body = ask(app, "/s/app.js", ("accept-encoding", accepted))
    assert (status, body) == (200, (packed / f"app.js{files[coding]}").read_bytes())
    assert headers.get(b"content-encoding") == (coding.encode() if coding else None)
    assert (headers[b"content-type"], headers[b"vary"]) == (b"text/javascript; charset=utf-8", b"Accept-Encoding")
    assert headers[b"content-length"].decode() == str(len(body))


def test_each_form_has_a_tag_of_its_own(packed: Path) -> None:
    """Even where size and age are the same; conditions and ranges count for the form that is chosen."""
    for suffix in ("", ".br", ".gz"):
        (packed / f"app.js{suffix}").write_bytes(suffix.encode().ljust(9))
        os.utime(packed / f"app.js{suffix}", (1_700_000_000, 1_700_000_000))
    app = mounted(StaticFiles(directory=packed, precompressed=True))
    found = {}
    for accepted, beginning in (("", b"   "), ("br", b".br"), ("gzip", b".gz")):
        field = ("accept-encoding", accepted)
        tag = found[accepted] = ask(app, "/s/app.js", field)[1][b"etag"].decode()
        status, headers, body = ask(app, "/s/app.js", field, ("if-none-match", tag))
        assert (status, headers, body) == (304, {b"etag": tag.encode(), b"vary": b"Accept-Encoding"}, b"")
        assert ask(app, "/s/app.js", field, ("range", "bytes=0-2"), ("if-range", tag))[::2] == (206, beginning)
    assert len(set(found.values())) == 3
    assert ask(app, "/s/app.js", ("accept-encoding", "br"), ("if-none-match", found["gzip"]))[0] == 200


def test_siblings_are_of_the_file(packed: Path) -> None:
    """An index and the page for 404 have theirs; a link out of the tree is none, nor is one for who did not ask for them."""
    field = ("accept-encoding", "gzip")
    app = mounted(StaticFiles(directory=packed, html=True, precompressed=True))
    for path, status, content in (("/s/sub/", 200, PAGE), ("/s/none", 404, b"lost")):
        found, headers, body = ask(app, path, field)
        assert (found, headers[b"content-type"], headers[b"content-encoding"]) == (status, b"text/html; charset=utf-8", b"gzip")
        assert gzip.decompress(body) == content
    (packed / "lone.txt").write_text("lone")
    os.symlink(packed.parent / "secret", packed / "lone.txt.gz")
    assert ask(app, "/s/lone.txt", field)[::2] == (200, b"lone")
    assert b"vary" not in ask(app, "/s/lone.txt", field)[1]
    plain = mounted(StaticFiles(directory=packed))
    assert {b"vary", b"content-encoding"}.isdisjoint(ask(plain, "/s/app.js", field)[1])


def test_looking_and_reading_happen_in_threads(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop waits for no disk."""
    threads: set[str] = set()
    for name in ("stat", "lstat", "access"):
        original = getattr(os, name)

        def noting(*args: Any, original: Any = original, **options: Any) -> Any:
            threads.add(threading.current_thread().name)
            return original(*args, **options)

        monkeypatch.setattr(os, name, noting)
    monkeypatch.setattr(FasterAPI.staticfiles, "_EFFECTIVE", False)
    app = mounted(StaticFiles(directory=packed, precompressed=True, check_dir=False))
    assert ask(app, "/s/app.js", ("accept-encoding", "br"))[::2] == (200, b"brotli")
    assert threads
    assert threading.main_thread().name not in threads


def test_subclasses_decide(tree: Path) -> None:
    """What a subclass makes of conditions and of single files counts, as with Starlette's class, which it derives from."""

    class Fresh(StaticFiles):
        def is_not_modified(self, response_headers: Any, request_headers: Any) -> bool:
            return False

    class Marked(StaticFiles):
        def file_response(self, *args: Any, **options: Any) -> Response:
            response = super().file_response(*args, **options)
            response.headers["x-marked"] = "1"
            return response

    assert issubclass(StaticFiles, starlette.staticfiles.StaticFiles)
    assert ask(mounted(Fresh(directory=tree)), "/s/app.js", ("if-none-match", "*"))[0] == 200
    assert ask(mounted(Marked(directory=tree)), "/s/app.js")[1][b"x-marked"] == b"1"


def test_found_as_starlette_finds(tree: Path) -> None:
    """For what both serve, status, fields and content are those of Starlette's class."""
    shutil.copy(tree / "app.js", tree / "sub" / "Ж 1.js")
    for html in (False, True):
        ours, theirs = StaticFiles(directory=tree, html=html), starlette.staticfiles.StaticFiles(directory=tree, html=html)
        for path in ("app.js", "sub/Ж 1.js", "sub", "sub/", "", "none", "sub/../app.js", "./app.js", "sub//index.html"):
            for method in ("GET", "HEAD"):
                assert ask(mounted(ours), f"/s/{path}", method=method) == ask(mounted(theirs), f"/s/{path}", method=method)
    with pytest.raises(RuntimeError, match="does not exist"):
        StaticFiles(directory=tree / "none")
