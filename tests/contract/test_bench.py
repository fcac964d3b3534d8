"""The benchmarks themselves: what they print, what they send, what they draw."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ["Library", "Requests", "Success", "Req/s", "Avg Lat (ms)", "P95", "P99", "Mbps", "CPU s/10k"]
FLAGS = (
    "--url --method --duration --concurrency --timeout --body-size --libraries --header --warmup --insecure --latency-samples"
    " --latency-seed --serve --open-loop --rounds --json"
)


def run(*arguments: str, code: int = 0) -> str:
    """What a script of the tree prints; fails the test if it ends with another code, or warns of anything."""
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")} | {"PYTHONWARNINGS": "error"}
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Warning" not in done.stderr, done.stderr
    return done.stdout + done.stderr


def rows(text: str) -> dict[str, list[str]]:
    """The lines of the printed table by their first column."""
    lines = [[cell.strip() for cell in line.split(" | ")] for line in text.splitlines() if " | " in line]
    return {line[0]: line for line in lines}


class Recorder(socketserver.ThreadingTCPServer):
    """Notes each request's method, fields and body, and answers `ok`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.seen: list[tuple[str, dict[str, str], bytes]] = []


class Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Recorder)
        while start := self.rfile.readline().decode("latin-1"):
            fields: dict[str, str] = {}
            while line := self.rfile.readline().decode("latin-1").strip():
                name, _, value = line.partition(":")
                fields[name.lower()] = value.strip()
            server.seen.append((start.split(" ")[0], fields, self.rfile.read(int(fields.get("content-length", "0")))))
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url_of(server: Recorder) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/any"


def test_help_names_every_flag() -> None:
    """`--help` works and names the flags that are promised."""
    text = run("benchmark.py", "--help")
    assert [flag for flag in FLAGS.split() if flag not in text] == []


def test_help_loads_no_library() -> None:
    """Neither the command line nor the check of what is installed imports any of the rivals, or fasthttp itself."""
    names = "fasthttp aiohttp httpx httpx2 pyreqwest wreq niquests requests urllib3 uvloop uvicorn"
    code = (
        "import sys, benchmark; benchmark.parser().format_help(); benchmark.usable(benchmark.parser().parse_args([]).libraries);"
        f"print([name for name in {names.split()!r} if name in sys.modules])"
    )
    assert run("-c", code).strip() == "[]"


def test_table_against_the_built_in_server(tmp_path: Path) -> None:
    """Half a second against the built-in server: the named columns, every answer right, the same figures as JSON."""
    output = tmp_path / "figures.json"
    text = run("benchmark.py", "--duration", "0.5", "--concurrency", "4", "--libraries", "fasthttp", "http.client", "--json", str(output))
    table = rows(text)
    assert table["Library"] == COLUMNS
    for name in ("fasthttp", "http.client"):
        assert table[name][2] == "100%"
        assert int(table[name][1].replace(",", "")) > 100
    assert text.index("Configuration") < text.index("Library")
    figures = json.loads(output.read_text("utf-8"))
    assert [found["library"] for found in figures["rows"]] == ["fasthttp", "http.client"]
    assert all(found["success"] == 100 and found["latency_ms"]["p95"] <= found["latency_ms"]["p99"] for found in figures["rows"])


def test_missing_library_is_named_and_skipped(recorder: Recorder) -> None:
    """A library that is not there is named with the reason, and the others are measured."""
    text = run("benchmark.py", "--url", url_of(recorder), "--duration", "0.05", "--libraries", "no-such-thing", "http.client")
    assert "no-such-thing is skipped: unknown" in text
    assert set(rows(text)) == {"Library", "http.client"}


def test_library_that_is_not_installed_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter whose module cannot be found is `not installed`; found without an import."""
    monkeypatch.syspath_prepend(str(ROOT))
    import bench.libraries as libraries

    absent = libraries.Library("absent", "no_such_module_anywhere", "absent", "libraries:Aiohttp")
    monkeypatch.setitem(libraries.LIBRARIES, "absent", absent)
    assert libraries.missing("absent") == "not installed"
    assert libraries.missing("fasthttp") is None


def test_no_library_at_all_is_an_error() -> None:
    """With nothing to measure the command says so and ends with code 2."""
    assert "none of the libraries can be used" in run("benchmark.py", "--libraries", "no-such-thing", code=2)


@pytest.mark.parametrize("library", ["fasthttp", "fasthttp-sync", "aiohttp", "httpx", "requests", "http.client"])
def test_body_is_sent_with_get(recorder: Recorder, library: str) -> None:
    """`--body-size` sends that many bytes even with GET, and `--header` its field, in each request of each library."""
    text = run(
        *("benchmark.py", "--url", url_of(recorder), "--duration", "0.05", "--concurrency", "1", "--warmup", "1"),
        *("--body-size", "1234", "--header", "X-Mark=here", "--libraries", library),
    )
    assert rows(text)[library][2] == "100%"
    assert len(recorder.seen) > 2
    assert {(method, fields.get("x-mark"), body) for method, fields, body in recorder.seen} == {("GET", "here", b"x" * 1234)}


def test_wrong_answers_are_not_successes(recorder: Recorder) -> None:
    """Answers that differ from the first one lower the success, and one of them is described."""
    bodies = iter([b"ok"])

    def handle(self: Any) -> None:
        while self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + next(bodies, b"no"))

    recorder.RequestHandlerClass = type("Fickle", (socketserver.StreamRequestHandler,), {"handle": handle})
    text = run("benchmark.py", "--url", url_of(recorder), "--duration", "0.05", "--concurrency", "1", "--libraries", "http.client")
    assert rows(text)["http.client"][2] == "0.00%"
    assert "not the first answer's" in text


def test_macro_benchmark_writes_results(tmp_path: Path) -> None:
    """run.py measures a scenario, judges the targets, and writes JSON, a report and a chart."""
    names = ("--libraries", "fasthttp", "floor", "no-such-thing")
    text = run("bench/run.py", "--only", "get-asyncio-1", "--rounds", "1", "--seconds", "0.1", "--out", str(tmp_path), *names)
    assert "no-such-thing is skipped" in text
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    found = results["scenarios"]["get-asyncio-1"]["libraries"]
    assert set(found) == {"fasthttp", "floor"}
    assert all(figures["cpu_us"] > 0 and figures["rps"] > 0 for figures in found.values())
    assert {item["verdict"] for item in results["targets"]} == {"not measured"}
    assert "## Targets" in (tmp_path / "RESULTS.md").read_text("utf-8")
    assert [path.name for path in (tmp_path / "charts").iterdir()] == ["get-asyncio-1.svg"]


def test_charts_are_well_formed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chart is XML with title and unit, one bar a row in proportion, fasthttp apart, and colours for a dark theme."""
    monkeypatch.syspath_prepend(str(ROOT))
    import bench.charts as charts

    text = charts.bars("GET <small> & quick", "µs; shorter is better", [("fasthttp", 10.0), ("a<b", 40.0), ("zero", 0.0)])
    tree = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    bars = tree.findall(f"{space}rect")
    assert [bar.get("class") for bar in bars] == ["own", "bar", "bar"]
    assert float(bars[1].get("width", "0")) == pytest.approx(4 * float(bars[0].get("width", "0")), rel=0.01)
    words = [label.text for label in tree.findall(f"{space}text")]
    assert words[:2] == ["GET <small> & quick", "µs; shorter is better"]
    assert "a<b" in words
    style = tree.find(f"{space}style")
    assert style is not None
    assert "prefers-color-scheme: dark" in (style.text or "")


def test_chart_breaks_bars_that_dwarf_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar of far more than fasthttp's is drawn in two pieces, the unit says so, and its figure stays."""
    monkeypatch.syspath_prepend(str(ROOT))
    import bench.charts as charts

    text = charts.bars("title", "µs", [("fasthttp", 10.0), ("slow", 1000.0)])
    assert len(ElementTree.fromstring(text).findall("{http://www.w3.org/2000/svg}rect")) == 3
    assert "broken bars are longer than drawn" in text
    assert ">1,000<" in text


def test_targets_are_judged_by_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A figure at its bound is met, one above is missed, one that is not there is not measured."""
    monkeypatch.syspath_prepend(str(ROOT))
    import bench.report as report

    cpu = {"get-uvloop-64": {"fasthttp": 40.0, "aiohttp": 100.0, "pyreqwest": 60.0}, "get-uvloop-1": {"fasthttp": 13.1, "floor": 10.0}}
    found = {name: {"libraries": {library: {"cpu_us": value} for library, value in values.items()}} for name, values in cpu.items()}
    verdicts = [item["verdict"] for item in report.judge({"scenarios": found})]
    assert verdicts[:3] == ["met", "missed", "not measured"]
    assert verdicts.count("missed") == 2


def test_percentiles_weigh_samples_by_what_they_stand_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample that stands for nine times as many values counts nine times as much; the reservoir is fair and repeatable."""
    monkeypatch.syspath_prepend(str(ROOT))
    from bench.load import Reservoir, percentile

    assert percentile([(90, [1.0]), (10, [5.0])], 0.5) == 1.0
    assert percentile([(90, [1.0]), (10, [5.0])], 0.95) == 5.0
    assert percentile([], 0.95) == 0.0
    first, second = Reservoir(50, 42), Reservoir(50, 42)
    for value in range(10_000):
        first.add(float(value))
        second.add(float(value))
    assert first.kept == second.kept
    assert len(first.kept) == 50
    assert 3000 < sum(first.kept) / 50 < 7000
