"""The command `fasthttp download`, as a process: its files, its two streams, its exit codes."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shell.server import Peer, answering, response, serve

BODY = bytes(range(256)) * 1000
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()
COMMAND = [sys.executable, "-W", "error", "-m", "fasthttp"]
HERE = {**os.environ, "FASTHTTP_ALLOW_HOSTS": "127.0.0.1"}


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and stderr; nothing is ever on stdout."""
    done = subprocess.run([*COMMAND, "download", *arguments], cwd=folder, env=HERE, capture_output=True, text=True, timeout=60)
    assert done.stdout == ""
    return done.returncode, done.stderr


def once_cut() -> Callable[[Peer], None]:
    """The first answer ends early, what follows is the rest of it or the whole."""

    def handler(peer: Peer) -> None:
        request = peer.read()
        assert request is not None
        size = len(BODY)
        if peer.number == 1:
            peer.send(b'HTTP/1.1 200 OK\r\nETag: "v"\r\nContent-Length: %d\r\n\r\n' % size + BODY[:1000])
        elif "range" in request.headers:
            head = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1000-%d/%d\r\nContent-Length: %d\r\n\r\n"
            peer.send(head % (size - 1, size, size - 1000) + BODY[1000:])
        else:
            peer.send(response(BODY))

    return handler


def test_a_file_is_downloaded(tmp_path: Path) -> None:
    """Under the server's name into the current directory, or to where `-o` says, in silence."""
    with serve(answering(response(BODY, 'Content-Disposition: attachment; filename="../named"'))) as server:
        assert run(tmp_path, server.url + "/url.bin", "--checksum", DIGEST) == (0, "")
        assert run(tmp_path, server.url + "/url.bin", "-o", "other") == (0, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["named", "other"]
    assert (tmp_path / "named").read_bytes() == (tmp_path / "other").read_bytes() == BODY


def test_the_guard_holds(tmp_path: Path) -> None:
    """Not one byte goes to a local address, until an option allows the host or switches the guard off."""
    environment = {**os.environ, "FASTHTTP_ALLOW_HOSTS": ""}
    with serve(answering(response(BODY))) as server:
        for options, code in (([], 1), (["--allow-host", "127.0.0.1"], 0), (["--insecure-ssrf"], 0), (["--allow-host", "a b"], 2)):
            command = [*COMMAND, "download", server.url + "/x", *options]
            done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
            assert done.returncode == code, done.stderr
            assert ("SSRF blocked" in done.stderr) is (code == 1)
        assert len(server.requests) == 2


@pytest.mark.parametrize("resume", [True, False])
def test_the_same_command_goes_on(tmp_path: Path, resume: bool) -> None:
    """After a broken connection, unless it is told not to."""
    with serve(once_cut()) as server:
        code, said = run(tmp_path, server.url + "/file")
        assert code == 1
        assert said.startswith("✖ Error: incomplete body: received 1000 bytes")
        assert said.count("\n") == 1
        assert (tmp_path / "file.part").stat().st_size == 1000
        assert run(tmp_path, server.url + "/file", *([] if resume else ["--no-resume"])) == (0, "")
    assert ("range" in server.requests[1].headers) is resume
    assert (tmp_path / "file").read_bytes() == BODY


def test_failures_exit_with_1_and_one_line(tmp_path: Path) -> None:
    """A status, a checksum, a file that cannot be written, a server that is not there; no secret is in it."""
    with serve(answering(response(b"", status="404 Not Found"))) as server:
        code, said = run(tmp_path, server.url + "/x?token=secret")
    assert (code, said.count("\n"), "404" in said, "secret" in said) == (1, 1, True, False)
    code, said = run(tmp_path, server.url)
    assert (code, said.count("\n")) == (1, 1)
    with serve(answering(response(BODY))) as server:
        code, said = run(tmp_path, server.url + "/x", "--checksum", "md5:" + "0" * 32)
        assert (code, said.count("\n"), "checksum mismatch" in said) == (1, 1, True)
        code, said = run(tmp_path, server.url + "/x", "-o", "no/such/file")
        assert (code, said.count("\n"), "no/such/file" in said) == (1, 1, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("http://127.0.0.1:1/", "--typo"),
        ("ftp://h/x",),
        ("relative",),
        ("http://127.0.0.1:1/", "--checksum", "sha256"),
        ("http://h/\n",),
    ],
)
def test_wrong_usage_exits_with_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """And says what is wrong on stderr."""
    code, said = run(tmp_path, *arguments)
    assert code == 2
    assert said
    assert "Traceback" not in said


def test_the_bar_is_for_terminals_only(tmp_path: Path) -> None:
    """Where stderr is one, it shows the name, the size and the rate; stdout stays empty."""
    import pty

    terminal, theirs = pty.openpty()
    with serve(answering(response(BODY))) as server:
        environment = {**HERE, "COLUMNS": "120", "TERM": "xterm"}
        done = subprocess.run(
            [*COMMAND, "download", server.url + "/file"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, env=environment, timeout=60
        )
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:
        pass  # the other end is closed
    os.close(terminal)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"file" in shown
    assert b"256.0/256.0 kB" in shown
    assert b"B/s" in shown


def test_an_interrupted_command_keeps_what_came(tmp_path: Path) -> None:
    """Ctrl-C has its own code and one line; the next command goes on."""
    process: list[subprocess.Popen[bytes]] = []
    first = once_cut()

    def handler(peer: Peer) -> None:
        if peer.number > 1:
            first(peer)
            return
        peer.read()
        peer.send(b'HTTP/1.1 200 OK\r\nETag: "v"\r\nContent-Length: %d\r\n\r\n' % len(BODY) + BODY[:1000])
        while not (tmp_path / "file.part").exists() and not peer.server.stopping.wait(0.01):
            pass
        process[0].send_signal(signal.SIGINT)
        peer.wait()

    with serve(handler) as server:
        started = [*COMMAND, "download", server.url + "/file"]
        process.append(subprocess.Popen(started, cwd=tmp_path, env=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        out, said = process[0].communicate(timeout=60)
        assert (process[0].returncode, out) == (130, b"")
        assert said.startswith("✖ Error: interrupted".encode())
        assert run(tmp_path, server.url + "/file", "--checksum", DIGEST) == (0, "")


def test_help_names_the_options() -> None:
    """And the root command lists `download`; without a command its help is printed."""
    environment = {**os.environ, "COLUMNS": "120"}
    for arguments, words in (
        ([], ["download"]),
        (["--help"], ["download"]),
        (["download", "--help"], ["--output", "--no-resume", "--checksum"]),
    ):
        done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=60, env=environment)
        assert done.returncode == 0
        for word in words:
            assert word in done.stdout


def test_the_command_is_installed_and_loaded_by_nothing_else() -> None:
    """`fasthttp` is an entry point of the distribution; downloading in a program loads neither typer nor rich."""
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert 'fasthttp = "fasthttp.cli:main"' in project
    program = "import sys, fasthttp.sync, fasthttp._sync.download; print({'typer', 'rich', 'fasthttp.cli'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60).stdout == "set()\n"
