"""The verbs of the command line, as processes against a server: what goes to which stream, and with which exit code."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from fasthttp.cli import main

COMMAND = [sys.executable, "-W", "error", "-m", "fasthttp"]
PLACE = "{URL}"  # stands for the server's


class Handler(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str, list[tuple[str, str]], bytes]] = []
    waiting = threading.Event()
    done = threading.Event()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.asked.append((self.command, self.path, list(self.headers.items()), body))
        status, kind, content = 200, "application/json", b'{"name":"caf\xc3\xa9","n":1.10,"big":12345678901234567890123}'
        fields = [("X-One", "1"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
        if self.path == "/404":
            status, kind, content = 404, "text/plain", b"no such thing"
        elif self.path == "/broken":
            content = b'{"name":'
        elif self.path == "/move":
            status, fields = 302, [("Location", "/moved")]
        elif self.path == "/text":
            kind, content = "text/plain; charset=utf-8", "zażółć \x1b[31m✔\n".encode()
        elif self.path == "/errors":
            content = b'{"data":{"a":1},"errors":[{"message":"no rights"}]}'
        elif self.path == "/graphql":
            content = b'{"data":{"a":1}}'
        elif self.path == "/wait":
            self.waiting.set()
            self.done.wait(30)
        self.send_response(status)
        for name, value in (("Content-Type", kind), *fields, ("Content-Length", str(len(content)))):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_OPTIONS = do_DELETE = do_POST = do_PUT = do_PATCH = do_QUERY = answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the server is."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    Handler.done.set()
    server.shutdown()
    thread.join()
    server.server_close()


class Commands:
    """Runs the command: in this process, which is quicker, or in one of its own."""

    def __init__(self, url: str, folder: Path, *, apart: bool) -> None:
        self.url = url
        self.folder = folder
        self.apart = apart
        self.environment = {"FASTHTTP_ALLOW_HOSTS": "127.0.0.1", "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}

    def __call__(self, *arguments: str, given: bytes = b"", traceback: bool = False, **environment: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr; a traceback is in one of them only where it is expected."""
        Handler.asked.clear()
        line = [argument.replace(PLACE, self.url) for argument in arguments]
        code, out, said = (self._apart if self.apart else self._here)(line, given, {**self.environment, **environment})
        assert (b"Traceback" in out + said) is traceback
        return code, out.decode(), said.decode()

    def _apart(self, line: list[str], given: bytes, environment: dict[str, str]) -> tuple[int, bytes, bytes]:
        env = {**os.environ, **environment}
        done = subprocess.run([*COMMAND, *line], cwd=self.folder, env=env, input=given, capture_output=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def _here(self, line: list[str], given: bytes, environment: dict[str, str]) -> tuple[int, bytes, bytes]:
        buffers = io.BytesIO(), io.BytesIO()
        streams = [io.TextIOWrapper(buffer, encoding=environment["PYTHONIOENCODING"]) for buffer in buffers]
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["fasthttp", *line])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            with pytest.raises(SystemExit) as ended:
                main()
        for stream in streams:
            stream.flush()
        code = ended.value.code or 0
        assert isinstance(code, int)
        return code, buffers[0].getvalue(), buffers[1].getvalue()

    def asked(self, *arguments: str, given: bytes = b"") -> tuple[str, str, list[tuple[str, str]], bytes]:
        """What the server was asked by a command that went well."""
        code, _, said = self(*arguments, given=given)
        assert code == 0, said
        return Handler.asked[-1]


@pytest.fixture
def fasthttp(url: str, tmp_path: Path) -> Commands:
    return Commands(url, tmp_path, apart=False)


def test_every_verb_prints_the_status(fasthttp: Commands) -> None:
    """The bare code on stdout, and one line about it on stderr."""
    fasthttp.apart = True
    for verb in ("get", "head", "options", "delete", "post", "put", "patch", "query"):
        code, out, said = fasthttp(verb, "{URL}/x")
        assert (code, out) == (0, "200\n")
        assert said.startswith("✔ HTTP 200 in ")
        assert said.endswith("ms\n")
        assert said.count("\n") == 1
        assert Handler.asked[-1][:2] == (verb.upper(), "/x")


def test_outputs(fasthttp: Commands) -> None:
    """JSON with its numbers as they came, headers as an object, the text as it is, and all of it."""
    assert fasthttp("get", "{URL}/", "json")[1] == '{\n  "name": "café",\n  "n": 1.10,\n  "big": 12345678901234567890123\n}\n'
    headers = json.loads(fasthttp("get", "{URL}/", "--format", "headers")[1])
    assert (headers["x-one"], headers["set-cookie"]) == ("1", ["a=1", "b=2"])
    assert fasthttp("get", "{URL}/text", "text", "--format", "text")[1] == "zażółć \x1b[31m✔\n"
    everything = fasthttp("get", "{URL}/404", "all")[1]
    lines = everything.splitlines()
    assert lines[0] == "Status: 404 Not Found"
    assert [line.partition(":")[0] for line in lines if not line.startswith(" ")] == [
        "Status",
        "Elapsed",
        "Headers",
        "Body",
        "no such thing",
    ]
    assert '"name": "café"' in fasthttp("get", "{URL}/", "all")[1]


def test_failures_have_one_line_and_code_1(fasthttp: Commands) -> None:
    """A status from 400 on, a body that is not JSON, a server that is not there, an address that is guarded."""
    code, out, said = fasthttp("get", "{URL}/404")
    assert (code, out) == (1, "404\n")
    assert said.startswith("✖ Error: HTTP 404 in ")
    code, out, said = fasthttp("get", "{URL}/broken", "json")
    assert (code, out, said.count("✖ Error:")) == (1, "", 1)
    code, out, said = fasthttp("get", "http://127.0.0.1:1/?token=secret")
    assert (code, out, said.count("\n"), said[:9], "secret" in said) == (1, "", 1, "✖ Error: ", False)
    code, out, said = fasthttp("get", "{URL}/", "-o", "no/such/folder")
    assert (code, out, "no/such" in said) == (1, "", True)


def test_the_guard_holds(fasthttp: Commands) -> None:
    """Not one byte goes to a local address, until an option or the environment allows the host or the guard is off."""
    for command in (["get", "{URL}/"], ["graphql", "{URL}/graphql", "-q", "{ a }"]):
        code, out, said = fasthttp(*command, FASTHTTP_ALLOW_HOSTS="")
        assert (code, out, said.count("\n"), Handler.asked) == (1, "", 1, [])
        assert said.startswith("✖ Error: SSRF blocked: ")
        for options in (["--allow-host", "10.0.0.0/8", "--allow-host", "127.0.0.0/8"], ["--insecure-ssrf"]):
            assert fasthttp(*command, *options, FASTHTTP_ALLOW_HOSTS="")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("get",),
        ("gte", "{URL}/"),
        ("get", "{URL}/", "--typo"),
        ("get", "{URL}/", "yaml"),
        ("get", "{URL}/", "json", "--format", "text"),
        ("get", "{URL}/", "-p", "page"),
        ("get", "{URL}/", "-H", "no colon"),
        ("get", "{URL}/", "-H", "A: b\nC: d"),
        ("get", "{URL}/", "-a", "user"),
        ("get", "{URL}/", "-t", "soon"),
        ("get", "{URL}/", "-t", "-1"),
        ("get", "{URL}/", "--proxy", "nonsense://"),
        ("get", "{URL}/", "--allow-host", "a b"),
        ("get", "{URL}/", "--http2"),
        ("post", "{URL}/", "-j", '{"a":'),
        ("post", "{URL}/", "-j", "NaN"),
        ("post", "{URL}/", "-j", "1", "-d", "a=1"),
        ("post", "{URL}/", "-j", "@missing.json"),
        ("post", "{URL}/", "-j", "[1]", "-f", "a=b"),
        ("post", "{URL}/", "-f", "a=missing"),
        ("get", "relative"),
        ("get", "ftp://a.test/"),
        ("get", "http://a.test:99999/"),
        ("graphql", "{URL}/"),
        ("graphql", "{URL}/", "-q", "{ a }", "-v", "[1]"),
        ("graphql", "{URL}/", "-q", "{ a }", "-o", "subscription"),
        ("run", "missing.py"),
    ],
)
def test_wrong_usage_has_one_line_and_code_2(fasthttp: Commands, arguments: tuple[str, ...]) -> None:
    """On stderr, with nothing on stdout and nothing sent."""
    code, out, said = fasthttp(*arguments)
    assert (code, out, said.count("\n"), Handler.asked) == (2, "", 1, [])
    assert said.startswith("✖ Error: ")


def test_usage_errors_help(fasthttp: Commands) -> None:
    """They say where JSON is wrong, what was meant, and what comes later; a password is not repeated."""
    assert "line 1 column 6 (char 5)" in fasthttp("post", "{URL}/", "-j", '{"a":')[2]
    assert "Did you mean 'get'?" in fasthttp("gte", "{URL}/")[2]
    assert "not implemented yet" in fasthttp("get", "{URL}/", "--http2")[2]
    assert "s3cret" not in fasthttp("get", "{URL}/", "-a", "s3cret")[2]
    assert "s3cret" not in fasthttp("get", "{URL}/", "-H", "Cookie: s3cret\n")[2]


def test_headers_and_parameters(fasthttp: Commands) -> None:
    """Each option is one of them, commas and equals signs included; several of a name add up."""
    _, path, headers, _ = fasthttp.asked(
        "get", "{URL}/x?z=0", "-H", "Accept: text/html,application/json", "-H", "X-A: 1", "-H", "X-A: 2", "-H", "X-E:",
        "-p", "page=1", "-p", "page=2", "-p", "q=a=b&c", "-a", "me:p:w",
    )  # fmt: skip
    assert path == "/x?z=0&page=1&page=2&q=a%3Db%26c"
    assert ("Accept", "text/html,application/json") in headers
    assert [value for name, value in headers if name == "X-A"] == ["1", "2"]
    assert dict(headers)["X-E"] == ""
    assert dict(headers)["Authorization"] == "Basic bWU6cDp3"


def test_bodies(fasthttp: Commands) -> None:
    """JSON byte for byte, forms, files, from the line, a file or stdin; a content type that is given stays."""
    (fasthttp.folder / "in.json").write_bytes(b'{"n": 1.10}\n')
    for argument, given in (('{"n": 1.10}\n', b""), ("@in.json", b""), ("@-", b'{"n": 1.10}\n')):
        _, _, headers, body = fasthttp.asked("post", "{URL}/", "-j", argument, given=given)
        assert (dict(headers)["Content-Type"], body) == ("application/json", b'{"n": 1.10}\n')
    _, _, headers, body = fasthttp.asked("put", "{URL}/", "-d", "@-", given=b"a=1&b=%20")
    assert (dict(headers)["Content-Type"], body) == ("application/x-www-form-urlencoded", b"a=1&b=%20")
    _, _, headers, body = fasthttp.asked("post", "{URL}/", "-d", "<a/>", "-H", "content-type: text/xml")
    assert ([value for name, value in headers if name.lower() == "content-type"], body) == (["text/xml"], b"<a/>")
    for options, parts in (
        (["-d", "t=x&u="], [b'name="t"\r\n\r\nx\r\n', b'name="u"\r\n\r\n\r\n']),
        (["-j", '{"t":"x","n":[1]}'], [b"[1]"]),
    ):
        _, _, headers, body = fasthttp.asked("post", "{URL}/", "-f", "up=in.json", *options)
        assert dict(headers)["Content-Type"].startswith("multipart/form-data")
        for part in (*parts, b'name="up"; filename="in.json"', b'{"n": 1.10}\n'):
            assert part in body


def test_files_get_the_output(fasthttp: Commands) -> None:
    """The raw body, or formatted JSON or headers; whole or not at all, with nothing on stdout."""
    target = fasthttp.folder / "out"
    target.write_text("before")
    for shown, begin in (
        ([], b'{"name":"caf\xc3\xa9"'),
        (["all"], b'{"name"'),
        (["json"], b'{\n  "name"'),
        (["headers"], b'{\n  "server"'),
    ):
        code, out, _ = fasthttp("get", "{URL}/", *shown, "-o", "out")
        assert (code, out) == (0, "")
        assert target.read_bytes().startswith(begin)
    before = target.read_bytes()
    assert fasthttp("get", "{URL}/broken", "json", "-o", "out")[0] == 1
    assert target.read_bytes() == before
    assert [path.name for path in fasthttp.folder.iterdir()] == ["out"]
    assert fasthttp("get", "{URL}/", "-o", "/dev/null")[0] == 0


def test_redirects(fasthttp: Commands) -> None:
    """They are followed unless that is not wanted."""
    assert fasthttp("get", "{URL}/move")[1] == "200\n"
    assert fasthttp("get", "{URL}/move", "--no-follow")[:2] == (0, "302\n")


def test_graphql(fasthttp: Commands) -> None:
    """A query with variables is posted; errors of an answer are printed, and a failure."""
    code, out, _ = fasthttp("graphql", "{URL}/graphql", "-q", "query($x: Int) { a }", "-v", '{"x": 1}', "-H", "X-K: k")
    assert (code, json.loads(out)) == (0, {"data": {"a": 1}})
    method, _, headers, body = Handler.asked[-1]
    assert (method, dict(headers)["X-K"]) == ("POST", "k")
    assert json.loads(body) == {"query": "query($x: Int) { a }", "variables": {"x": 1}}
    assert json.loads(fasthttp.asked("graphql", "{URL}/graphql", "status", "-q", "{ add }", "-o", "mutation")[3]) == {
        "query": "mutation { add }"
    }
    code, out, said = fasthttp("graphql", "{URL}/errors", "-q", "{ a }")
    assert (code, json.loads(out)["data"]) == (1, {"a": 1})
    assert "✖ Error: GraphQL: no rights" in said


def test_details_go_to_stderr_without_secrets(fasthttp: Commands) -> None:
    """`--debug` shows both sides of the exchange, and stdout has the output alone."""
    fasthttp.apart = True
    code, out, said = fasthttp("get", "{URL}/?token=s3cret", "-H", "Authorization: s3cret", "--debug")
    assert (code, out) == (0, "200\n")
    assert "→ GET http" in said
    assert "← 200" in said
    assert "s3cret" not in said


def test_streams_that_cannot_say_it_all(fasthttp: Commands) -> None:
    """ASCII marks, escapes in text, and JSON that is still the same JSON."""
    fasthttp.apart = True
    code, out, said = fasthttp("get", "{URL}/", "json", PYTHONIOENCODING="ascii")
    assert (code, json.loads(out)["name"], said[:12]) == (0, "café", "ok HTTP 200 ")
    assert '"caf\\u00e9"' in out
    assert fasthttp("get", "{URL}/text", "text", PYTHONIOENCODING="ascii")[1].startswith("za\\u017c\\xf3\\u0142\\u0107")
    assert fasthttp("get", "{URL}/404", PYTHONIOENCODING="latin-1")[2].startswith("x Error: HTTP 404")


def test_a_reader_that_has_gone_is_no_news(fasthttp: Commands) -> None:
    """`| head` ends the command without a word about it."""
    command = f'"{sys.executable}" -W error -m fasthttp get {fasthttp.url}/ text | true'
    env = {**os.environ, **fasthttp.environment}
    done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout == ""
    assert done.stderr.startswith("✔ HTTP 200 in ")
    assert done.stderr.count("\n") == 1


def on_terminal(fasthttp: Commands, *arguments: str, **environment: str) -> bytes:
    """What a terminal is shown."""
    import pty

    terminal, theirs = pty.openpty()
    env = {**os.environ, **fasthttp.environment, "TERM": "xterm-256color", **environment}
    for name in ("NO_COLOR", "FORCE_COLOR"):
        if name not in environment:
            env.pop(name, None)
    process = subprocess.Popen([*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:
        pass  # the other end is closed
    process.wait(60)
    os.close(terminal)
    return shown


def test_terminals_have_colours_and_are_not_steered(fasthttp: Commands) -> None:
    """Unless NO_COLOR says otherwise; escapes of a server are shown as such."""
    shown = on_terminal(fasthttp, "get", fasthttp.url + "/text", "text")
    assert b"\x1b[1;32m" in shown
    assert b"\x1b[31m" not in shown
    assert b"\\x1b[31m" in shown
    assert b"\x1b" not in on_terminal(fasthttp, "get", fasthttp.url + "/", "all", NO_COLOR="1")
    assert b"\x1b[" in on_terminal(fasthttp, "get", fasthttp.url + "/", "json")


def test_ctrl_c_has_its_own_code(fasthttp: Commands) -> None:
    """And one line."""
    command = [*COMMAND, "get", fasthttp.url + "/wait"]
    with subprocess.Popen(command, env={**os.environ, **fasthttp.environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert Handler.waiting.wait(30)
        process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    assert (process.returncode, out, said.decode()) == (130, b"", "✖ Error: interrupted\n")


def test_help_version_and_completion(fasthttp: Commands) -> None:
    """Without arguments the help is printed, plain in a pipe; shells are served."""
    fasthttp.apart = True
    code, out, said = fasthttp()
    assert (code, said) == (0, "")
    assert out == fasthttp("--help")[1]
    assert "\x1b" not in out
    assert "│" not in out
    for word in ("get", "head", "options", "delete", "post", "put", "patch", "query", "graphql", "download", "run", "dev", "version"):
        assert f"\n  {word} " in out
    import fasthttp as package

    assert fasthttp("version")[:2] == (0, f"fasthttp {package.__version__}\n")
    done = fasthttp(_FASTHTTP_COMPLETE="complete_bash", COMP_WORDS="fasthttp gr", COMP_CWORD="1")
    assert done[:2] == (0, "graphql\n")


@pytest.mark.parametrize(("shell", "begins", "question"), [
    ("bash", "_fasthttp_completion() {", {"COMP_WORDS": "fasthttp ru", "COMP_CWORD": "1"}),
    ("zsh", "#compdef fasthttp", {"_TYPER_COMPLETE_ARGS": "fasthttp ru"}),
    ("fish", "complete --command fasthttp", {"_TYPER_COMPLETE_ARGS": "fasthttp ru", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
])  # fmt: skip
def test_completion_for_each_shell(fasthttp: Commands, tmp_path: Path, shell: str, begins: str, question: dict[str, Any]) -> None:
    """The shell that the command is called from gets a script in its own language, and by that script's question the answer."""
    fasthttp.apart = True
    bash = shutil.which("bash")
    assert bash is not None
    link = tmp_path / shell  # a shell is known by the name of its process
    link.symlink_to(bash)
    line = [str(link), "-c", '"$@"; exit $?', shell, *COMMAND, "--show-completion"]
    shown = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.strip().startswith(begins)
    assert f"_FASTHTTP_COMPLETE=complete_{shell}" in shown.stdout
    code, out, said = fasthttp(_FASTHTTP_COMPLETE=f"complete_{shell}", **question)
    assert (code, said) == (0, "")
    assert "run" in out
    assert "version" not in out


def test_completion_in_bash(tmp_path: Path) -> None:
    """The script does in the shell what it is for: verbs, options of a verb."""
    (tmp_path / "fasthttp").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fasthttp "$@"\n')
    (tmp_path / "fasthttp").chmod(0o755)
    script = """
        eval "$(fasthttp --show-completion)"
        for words in "fasthttp gra" "fasthttp run --exit"; do
            COMP_WORDS=($words) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _fasthttp_completion fasthttp
            echo "${COMPREPLY[@]}"
        done
    """
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("graphql\n--exit-zero\n", "")
