"""What a run of the declarative client says: its log lines, whose handlers get them, and the progress bar."""

from __future__ import annotations

import io
import logging
import re
import sys
from typing import Any

import pytest

from fasthttp.app import FastHTTP, report
from fasthttp.errors import ConnectError
from fasthttp.middleware import RetryMiddleware
from fasthttp.models import Request
from fasthttp.results import RunResult
from fasthttp.security import SecurityPolicy
from fasthttp.transports import MockTransport
from fasthttp.transports.mock import MockResponse

LINE = re.compile(r"^(DEBUG|INFO|WARNING|ERROR) *│ fasthttp    │ . ")
MS = re.compile(r"\d+\.\d\dms")


class Collector(logging.Handler):
    """A handler of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError("not a real one")


def answer(request: Request) -> Any:
    refused = ConnectError("connection refused: api.test:80")
    answers = {"/fine": 200, "/gone": 404, "/refused": refused, "/odd": OSError("broken"), "/moved": 304}
    return answers[request.target.partition("?")[0]]


def make(*paths: str, **keywords: Any) -> FastHTTP:
    app = FastHTTP("http://api.test", transport=MockTransport(answer), concurrency=1, **keywords)
    for path in paths:
        app.add_route("GET", path, lambda: None, name=path)
    return app


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The colours of the surroundings do not matter."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def run(app: FastHTTP, tags: Any = None) -> RunResult:
    """Run with no handler on the root but the tests' own; pytest puts some of its there."""
    root = logging.getLogger()
    handlers = list(root.handlers)
    root.handlers = [handler for handler in handlers if isinstance(handler, Collector)]
    try:
        return app.run(tags)
    finally:
        root.handlers = handlers


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert not err
    return [re.sub(r"\d+\.\d\ds", "0.00s", MS.sub("0.00ms", line)) for line in out.splitlines()]


def test_a_run_says_exactly_these_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Start, number of requests, a line for each route, and the end; level, name, mark and message."""
    app = make("/fine", "/gone", "/refused", "/odd", "/moved")
    app.add_route("GET", "/fine", lambda resp: 1 / 0, name="handler")
    run(app)
    assert printed(capsys) == [
        "INFO    │ fasthttp    │ ✔ FastHTTP started",
        "INFO    │ fasthttp    │ ✔ Sending 6 requests",
        "INFO    │ fasthttp    │ ✔ ✔ GET http://api.test/fine 200 0.00ms",
        "ERROR   │ fasthttp    │ ✖ ✖ GET http://api.test/gone 404 0.00ms",
        "ERROR   │ fasthttp    │ ✖ ✖ GET http://api.test/refused ERR 0.00ms connection refused: api.test:80: GET http://api.test/refused",
        "ERROR   │ fasthttp    │ ✖ ✖ GET http://api.test/odd ERR 0.00ms OSError: broken",
        "INFO    │ fasthttp    │ ✔ ✔ GET http://api.test/moved 304 0.00ms",
        "ERROR   │ fasthttp    │ ✖ ✖ GET http://api.test/fine 200 0.00ms ZeroDivisionError: division by zero",
        "INFO    │ fasthttp    │ ✔ Done in 0.00s",
    ]


def test_a_message_of_several_lines_is_one_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever reads line by line finds no line that began as part of a message; the report keeps it as it was."""

    def broken(resp: Any) -> None:
        raise LookupError("first\r\n  ERROR   │ second\n")

    app = make()
    app.add_route("GET", "/fine", broken, name="it")
    result = run(app)
    line = printed(capsys)[2]
    assert line == "ERROR   │ fasthttp    │ ✖ ✖ GET http://api.test/fine 200 0.00ms LookupError: first ERROR │ second"
    assert result["it"].to_dict()["error"]["message"] == "first\r\n  ERROR   │ second\n"


def test_a_run_without_routes_warns(capsys: pytest.CaptureFixture[str]) -> None:
    """It starts and ends all the same."""
    assert run(make()).ok
    assert printed(capsys) == [
        "INFO    │ fasthttp    │ ✔ FastHTTP started",
        "WARNING │ fasthttp    │ ⚠ No routes to run",
        "INFO    │ fasthttp    │ ✔ Done in 0.00s",
    ]


@pytest.mark.parametrize(("mode", "messages"), [
    ("failures", ["FastHTTP started", "Sending 2 requests", "✖ GET http://api.test/gone 404 0.00ms", "Done in 0.00s"]),
    ("summary", ["FastHTTP started", "Sending 2 requests", "Done in 0.00s: 1 ok, 1 failed"]),
    ("off", []),
])  # fmt: skip
def test_modes_leave_lines_out(capsys: pytest.CaptureFixture[str], mode: Any, messages: list[str]) -> None:
    """Those of successes, those of routes, or all; an unknown mode is refused."""
    run(make("/fine", "/gone", log=mode))
    assert [LINE.sub("", line) for line in printed(capsys)] == messages
    with pytest.raises(ValueError, match="log='loud'; there are 'routes', 'failures', 'summary' and 'off'"):
        make(log="loud")


def test_secrets_in_urls_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    """In the line and in the message of the error."""
    run(make("/fine?api_key=hidden", "/refused?token=hidden"))
    text = capsys.readouterr().out
    assert "hidden" not in text
    assert "/fine?api_key=*****" in text


def test_tracebacks_are_for_debugging_only(capsys: pytest.CaptureFixture[str]) -> None:
    """Two apps with different settings do not influence each other."""
    quiet, loud = make("/odd"), make("/odd", debug=True)
    for app in (loud, quiet, loud):
        run(app)
        text = capsys.readouterr().out
        assert ("Traceback (most recent call last)" in text) == (app is loud)
    assert any(line.startswith("DEBUG   │ fasthttp    │ · ") for line in text.splitlines())
    run(make("/odd", debug=True, log="off"))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("tty", "variables", "coloured"), [
    (True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False), (True, {"NO_COLOR": ""}, True),
    (False, {"FORCE_COLOR": "1"}, True), (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
])  # fmt: skip
def test_colour_is_for_terminals(monkeypatch: pytest.MonkeyPatch, tty: bool, variables: dict[str, str], coloured: bool) -> None:
    """Unless the environment says otherwise."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Terminal() if tty else io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    run(make("/fine"))
    assert ("\x1b[32mINFO" in stream.getvalue()) is coloured
    assert ("\x1b" in stream.getvalue()) is coloured


def test_streams_that_cannot_show_the_marks_get_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line, with nothing lost."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    app = make("/fine", "/gone")
    run(app)
    run(app, [])
    text = MS.sub("0.00ms", raw.getvalue().decode("ascii"))
    assert "INFO    | fasthttp    | ok ok GET http://api.test/fine 200 0.00ms\n" in text
    assert "ERROR   | fasthttp    | x x GET http://api.test/gone 404 0.00ms\n" in text
    assert "WARNING | fasthttp    | ! No routes to run\n" in text


@pytest.mark.parametrize("name", ["fasthttp", ""])
def test_handlers_of_the_user_get_the_records_instead(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """On the logger or on the root; nothing is printed then, and the records carry the facts of the route."""
    logger, own = logging.getLogger("fasthttp"), Collector()
    place = logging.getLogger(name)
    place.addHandler(own)
    logger.setLevel(logging.INFO)
    try:
        run(make("/fine", "/gone", "/refused"))
    finally:
        logger.setLevel(logging.NOTSET)
        place.removeHandler(own)
    assert printed(capsys) == []
    assert {record.name for record in own.records} == {"fasthttp"}
    routes = [record for record in own.records if hasattr(record, "route")]
    facts = [[getattr(record, name) for name in ("route", "method", "url", "status", "attempts")] for record in routes]
    assert facts[:2] == [["/fine", "GET", "http://api.test/fine", 200, 1], ["/gone", "GET", "http://api.test/gone", 404, 1]]
    assert facts[2][:4] == ["/refused", "GET", "http://api.test/refused", None]
    assert all(0 < getattr(record, "elapsed_ms", 0) < 5000 for record in routes)
    assert [record.levelname for record in routes] == ["INFO", "ERROR", "ERROR"]


def test_nobody_s_logging_is_changed(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither levels nor `propagate`, and after a run the logger has the handlers that it had, or ours beside them."""
    logger, root = logging.getLogger("fasthttp"), logging.getLogger()
    before = (logger.level, logger.propagate, root.level, root.propagate, list(root.handlers), logger.disabled)
    run(make("/fine", debug=True))
    run(make("/fine"))
    assert (logger.level, logger.propagate, root.level, root.propagate, list(root.handlers), logger.disabled) == before
    assert all(isinstance(handler, (logging.NullHandler, report.PrettyHandler)) for handler in logger.handlers)
    assert capsys.readouterr().out.count("FastHTTP started") == 2


# --- the progress bar


class Clock:
    """Time that passes only by being read."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 100.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def run_on_terminal(
    monkeypatch: pytest.MonkeyPatch, count: int, *, step: float = 1.0, stdout: Any = None, stderr: Any = None, **keywords: Any
) -> tuple[str, str]:
    """What is written to both streams by a run of `count` routes, the last of which fails."""
    out, err = stdout or Terminal(), stderr or Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(report, "monotonic", Clock(step))
    run(make(*[f"/fine?{index}" for index in range(count - 1)], "/gone", **keywords))
    return out.getvalue(), err.getvalue()


def test_a_long_run_shows_a_bar_on_a_terminal_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Done of total, failed, and the rate; only failures are printed while it is there, and its line is erased at the end."""
    out, err = run_on_terminal(monkeypatch, 60)
    assert "60/60" in err
    assert "1 failed" in err
    assert err.rstrip().endswith(("\x1b[2K", "\x1b[?25h"))
    assert "fine?50" not in out + err
    assert "http://api.test/gone 404" in out + err
    assert "Done in" in out


def test_the_bar_never_takes_what_goes_to_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """With standard output redirected, lines go there and not to the terminal, and what handlers print does too."""
    pipe = io.StringIO()
    out, err = run_on_terminal(monkeypatch, 60, stdout=pipe)
    assert "60/60" in err
    assert "http://api.test/gone 404" in out
    assert "http://api.test/gone" not in err
    assert "\x1b" not in out
    assert sys.stdout is pipe


@pytest.mark.parametrize(("count", "keywords", "surroundings"), [
    (49, {}, {}),
    (60, {}, {"step": 0.0}),
    (60, {"progress": False}, {}),
    (60, {"progress": True}, {"stderr": io.StringIO()}),
    (60, {}, {"stderr": io.StringIO()}),
])  # fmt: skip
def test_there_is_no_bar_for_short_runs_or_other_streams(
    monkeypatch: pytest.MonkeyPatch, count: int, keywords: dict[str, Any], surroundings: dict[str, Any]
) -> None:
    """Fewer than 50 routes, less than a second, switched off, or standard error is not a terminal."""
    _, err = run_on_terminal(monkeypatch, count, **surroundings, **keywords)
    assert err == ""


def test_a_bar_can_be_forced_for_a_short_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first route on."""
    _, err = run_on_terminal(monkeypatch, 2, progress=True)
    assert "2/2" in err


@pytest.mark.parametrize("forced", [True, None])
def test_a_dumb_terminal_or_a_missing_rich_has_no_bar(monkeypatch: pytest.MonkeyPatch, forced: bool | None) -> None:
    """Also when it is forced."""
    monkeypatch.setenv("TERM", "dumb")
    assert run_on_terminal(monkeypatch, 60, progress=forced)[1] == ""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    assert run_on_terminal(monkeypatch, 60, progress=forced)[1] == ""


# --- details and secrets


def talk(debug: bool = True, **keywords: Any) -> FastHTTP:
    """An app whose requests and answers are full of secrets."""

    def reply(request: Request) -> Any:
        if request.target.startswith("/again"):
            return MockResponse(503 if not request.headers.get("x-seen") and next(times) == 0 else 200, json={"n": 1})
        if request.target.startswith("/moved"):
            return MockResponse(302, headers={"Location": "/fine?token=hidden6"})
        body = {"password": "hidden1", "list": [{"api_key": ["hidden2"]}], "open": "shown"}
        return MockResponse(200, json=body, headers={"Set-Cookie": "s=hidden3", "X-Open": "shown"})

    times = iter(range(9))
    transport = MockTransport(reply)
    transport.fast = True
    return FastHTTP("http://api.test", transport=transport, concurrency=1, debug=debug, **keywords)


def test_details_show_what_goes_over_the_wire(capsys: pytest.CaptureFixture[str]) -> None:
    """Requests with all of their headers, answers, redirects, retries, values; the line of the route has the URL as sent."""
    app = talk(middleware=RetryMiddleware(1, jitter=False))
    app.add_route(
        "POST", "/fine", lambda resp: resp.json(), params={"page": 1}, json={"k": 1, "secret": "hidden4"}, headers={"X-Mine": "m"}
    )
    app.add_route("GET", "/moved", lambda resp: None)
    app.add_route("GET", "/again", lambda resp: "said")
    app.add_route("POST", "/fine", lambda resp: None, data=b"\xff\xfe")
    app.add_route("POST", "/fine", lambda resp: None, data=b"x" * 3000)
    run(app)
    text = capsys.readouterr().out
    lines = [line.partition("· ")[2] for line in text.splitlines() if line.startswith("DEBUG")]
    assert lines[0].startswith("→ POST http://api.test/fine?page=1 | headers={")
    assert "'x-mine': 'm'" in lines[0]
    assert "'user-agent'" in lines[0]
    assert lines[0].endswith('| body={"k":1,"secret":"*****"}')
    assert lines[1].startswith("← 200 | headers={")
    assert lines[1].endswith('| body={"password":"*****","list":[{"api_key":"*****"}],"open":"shown"}')
    assert lines[2] == '↳ {"password":"*****","list":[{"api_key":"*****"}],"open":"shown"}'
    starts = ["→ GET http://api.test/moved |", "← 302 |", "→ GET http://api.test/fine?token=***** |", "← 200 |"]
    assert [line.startswith(start) for line, start in zip(lines[3:7], starts, strict=True)] == [True] * 4
    assert "retry in 0.50s" in lines
    assert '↳ "said"' in lines
    assert any(line.endswith("| body=<2 bytes>") for line in lines)
    assert any(line.endswith(f"| body={'x' * 1000}") for line in lines)
    assert "✔ ✔ POST http://api.test/fine?page=1 200" in text
    assert "hidden" not in text


def test_nothing_secret_is_in_any_line_or_report(capsys: pytest.CaptureFixture[str]) -> None:
    """URLs, headers, bodies, values, errors; names of the policy count everywhere."""
    app = talk(security=SecurityPolicy(mask_names=["open", "X-Open"]), auth=("user", "hidden5"))
    app.add_route("GET", "/fine?api_key=hidden7&open=hidden8", lambda resp: resp.json(), headers={"Cookie": "c=hidden9"})

    def fails(resp: Any) -> None:
        raise ValueError("at http://u:hidden10@api.test/?token=hidden11&open=hidden12")

    app.add_route("GET", "/fine", fails, name="fails")
    result = run(app)
    text = capsys.readouterr().out + result.to_json(bodies=True) + result.summary() + repr(result[0]) + result._repr_html_()
    assert "hidden" not in text
    assert "shown" not in text
    assert "open=*****" in text


def test_masking_can_be_left_at_headers_and_user_info(capsys: pytest.CaptureFixture[str]) -> None:
    """Where the policy says so: bodies and parameters are shown then."""
    app = talk(security=SecurityPolicy(mask_secrets=False), auth=("user", "never"))
    app.add_route("GET", "/fine?api_key=hidden7", lambda resp: resp.json())
    result = run(app)
    text = capsys.readouterr().out
    assert "api_key=hidden7" in text
    assert '"password":"hidden1"' in text
    assert "hidden1" in result.to_json()
    assert "hidden3" not in text
    assert "Basic" not in text
