"""From results to judgement and text: the targets, and `RESULTS.md`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["judge", "markdown"]

OWN = "fasthttp"


def _cpu(results: dict[str, Any], scenario: str, library: str) -> float | None:
    figures = results.get("scenarios", {}).get(scenario, {}).get("libraries", {}).get(library, {})
    value = figures.get("cpu_us")
    return None if value is None else float(value)


def _ratio(scenario: str, peer: str) -> Callable[[dict[str, Any]], float | None]:
    def figure(results: dict[str, Any]) -> float | None:
        own, other = _cpu(results, scenario, OWN), _cpu(results, scenario, peer)
        return None if own is None or not other else own / other

    return figure


def _unevenness(results: dict[str, Any]) -> float | None:
    values = [_cpu(results, f"get-uvloop-{count}", OWN) for count in (32, 64, 512)]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    mean = sum(known) / len(known)
    return max(abs(value - mean) for value in known) / mean * 100


def _import_ms(name: str) -> Callable[[dict[str, Any]], float | None]:
    def figure(results: dict[str, Any]) -> float | None:
        found = results.get("imports")
        return None if found is None else float(found[name])

    return figure


def _feature(*keys: str) -> Callable[[dict[str, Any]], float | None]:
    def figure(results: dict[str, Any]) -> float | None:
        found: Any = results.get("features", {})
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return None if found is None else float(found) / (1024 if keys[-1] == "rss_growth_kib" else 1)

    return figure


def _scale(*keys: str, unit: float = 1.0) -> Callable[[dict[str, Any]], float | None]:
    def figure(results: dict[str, Any]) -> float | None:
        found: Any = results.get("scale", {})
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return None if found is None else float(found) / unit

    return figure


_DECLARED = {"each": "10,000 routes by `each=`", "separate": "10,000 routes one by one"}
_UNUSED = ("hooks for another event", "a retry policy", "an empty jar", "a proxy for another host")

# What is wanted, where it is read, the bound, the unit.
TARGETS: tuple[tuple[str, Callable[[dict[str, Any]], float | None], float, str], ...] = (
    ("async, uvloop, 64 connections, small JSON: CPU against aiohttp", _ratio("get-uvloop-64", "aiohttp"), 0.40, "×"),
    ("async, uvloop, 64 connections, small JSON: CPU against pyreqwest", _ratio("get-uvloop-64", "pyreqwest"), 0.60, "×"),
    ("async, uvloop, 64 connections, small JSON: CPU against httpx", _ratio("get-uvloop-64", "httpx"), 0.03, "×"),
    ("async, plain asyncio, 64 connections, small JSON: CPU against aiohttp", _ratio("get-asyncio-64", "aiohttp"), 0.60, "×"),
    ("blocking, one after another: CPU against http.client", _ratio("blocking-1", "http.client"), 0.45, "×"),
    ("blocking, one after another: CPU against requests", _ratio("blocking-1", "requests"), 0.10, "×"),
    ("every head another, uvloop, 64 connections: CPU against aiohttp", _ratio("varied-uvloop-64", "aiohttp"), 0.40, "×"),
    ("every head another, uvloop, 64 connections: CPU against pyreqwest", _ratio("varied-uvloop-64", "pyreqwest"), 0.60, "×"),
    ("every head another, uvloop, 64 connections: CPU against httpx", _ratio("varied-uvloop-64", "httpx"), 0.03, "×"),
    ("every head another, plain asyncio, 64 connections: CPU against aiohttp", _ratio("varied-asyncio-64", "aiohttp"), 0.60, "×"),
    ("every head another, blocking: CPU against http.client", _ratio("blocking-varied-1", "http.client"), 0.45, "×"),
    ("every head another, blocking: CPU against requests", _ratio("blocking-varied-1", "requests"), 0.10, "×"),
    ("flat from 32 to 512 connections: largest distance from the mean of 32, 64, 512", _unevenness, 15.0, "%"),
    ("1 connection, uvloop: CPU against the floor of the same run", _ratio("get-uvloop-1", "floor"), 1.3, "×"),
    *((f"{name}, not used: CPU more than without", _feature("costs", name, "more_us"), 1.0, "µs") for name in _UNUSED),
    ("ten cookies and Basic: CPU against the plain request", _feature("costs", "ten cookies and Basic", "ratio"), 1.5, "×"),
    ("1 GiB through `files=`: more memory", _feature("files", "files", "rss_growth_kib"), 40.0, "MiB"),
    ("1 GiB through `download`: more memory", _feature("files", "download", "rss_growth_kib"), 40.0, "MiB"),
    ("a first address that never answers: what it costs", _feature("dead_route", "cost_ms"), 300.0, "ms"),
    *((f"{name}: CPU per route against 500", _scale("cpu", kind, "many_to_few"), 1.5, "×") for kind, name in _DECLARED.items()),
    *((f"{name}: memory per route", _scale("memory", kind, "peak_kib"), 6.0, "KiB") for kind, name in _DECLARED.items()),
    *((f"{name}: CPU of the run against aiohttp", _scale("cpu", kind, "to_aiohttp"), 1.0, "×") for kind, name in _DECLARED.items()),
    ("a generator of routes through `stream()`: more memory", _scale("stream", "rss_growth_kib", unit=1024), 4.0, "MiB"),
    ("`import fasthttp` in a fresh interpreter, median of 15", _import_ms("import_ms"), 60.0, "ms"),
    ("the same with its `Client` loaded, which the bare import leaves for later", _import_ms("client_ms"), 60.0, "ms"),
)


def _amount(value: float, unit: str) -> str:
    return f"{value:.3f} ×" if unit == "×" else f"{value:.1f} {unit}"


def judge(results: dict[str, Any]) -> list[dict[str, Any]]:
    """Each target with its figure and `met`, `missed` or `not measured`."""
    judged = []
    for name, figure, bound, unit in TARGETS:
        value = figure(results)
        verdict = "not measured" if value is None else "met" if value <= bound else "missed"
        judged.append(
            {"target": name, "bound": bound, "figure": None if value is None else round(value, 4), "unit": unit, "verdict": verdict}
        )
    return judged


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    align = [":---", *("---:" for _ in head[1:])]
    return ["| " + " | ".join(row) + " |" for row in (head, align, *rows)]


def _environment(results: dict[str, Any]) -> list[str]:
    meta = results["meta"]
    lines = ["Client and server " + meta["pinning"] + "."] if meta.get("pinning") else []
    if "nginx" not in meta["server"]:
        lines.append(f"**The server was {meta['server']}: requests per second say more of it than of the clients.**")
    if any("urllib3-future" in version for version in results["versions"].values()):
        lines.append("**niquests has put urllib3-future in the place of urllib3: the figures of requests and urllib3 are not their own.")
        lines.append("Install urllib3 into a folder (`pip install --no-deps --target`) and give that as `--urllib3`.**")
    if meta.get("quick"):
        lines.append("**A quick run, for trying: few rounds, headline scenarios only.**")
    names = ("date", "python", "kernel", "cpu", "cores", "server", "rounds")
    rows = [[name, str(meta[name])] for name in names if name in meta]
    rows += [[library, version] for library, version in sorted(results["versions"].items())]
    rows += [[library, f"skipped: {why}"] for library, why in sorted(results.get("skipped", {}).items())]
    return [*lines, "", *_table(["", "of this run"], rows)]


def _targets(results: dict[str, Any]) -> list[str]:
    rows = []
    for item in results["targets"]:
        value, unit = item["figure"], item["unit"]
        figure = "" if value is None else _amount(value, unit)
        verdict = f"**{item['verdict']}**" if item["verdict"] == "missed" else item["verdict"]
        rows.append([item["target"], "≤ " + _amount(item["bound"], unit), figure, verdict])
    return _table(["Target", "Bound", "Figure", "Verdict"], rows)


def _scenario(name: str, scenario: dict[str, Any]) -> list[str]:
    found = scenario["libraries"]
    own = found.get(OWN, {}).get("cpu_us")
    good = sorted((library for library in found if "cpu_us" in found[library]), key=lambda library: float(found[library]["cpu_us"]))
    rows = []
    for library in good:
        figures = found[library]
        ratio = f"{figures['cpu_us'] / own:.2f} ×" if own else ""
        spread = f"{figures['cpu_us_least']:.1f} – {figures['cpu_us_most']:.1f}"
        tail = [f"{figures['rps']:,.0f}", f"{figures['rss_kib'] / 1024:.0f}", f"{figures['gc_per_10k']:.1f}"]
        rows.append([f"**{library}**" if library == OWN else library, ratio, f"{figures['cpu_us']:.1f}", spread, *tail])
    head = ["Library", "CPU, fasthttp = 1", "CPU µs/request", "least – most", "requests/s", "max RSS MiB", "gc per 10k"]
    lines = [f"### {scenario['title']}", "", *_table(head, rows), ""]
    lines += [f"{library} failed: {found[library]['error']}\n" for library in found if "error" in found[library]]
    return [*lines, f"![{scenario['title']}](charts/{name}.svg)", ""] if good else lines


def _pool(pool: dict[str, Any]) -> list[str]:
    if "error" in pool:
        return [f"Failed: {pool['error']}", ""]
    queue, streams = pool["queue"], pool["streams"]
    rows = [
        [f"CPU per request, {waiting} waiting for {queue['limit']} connections", f"{value:.1f} µs"]
        for waiting, value in queue["cpu_us"].items()
    ]
    rows.append(["ratio of the two", f"{queue['ratio']:.2f} ×"])
    rows.append(["connections opened in all", str(queue["connections_opened"])])
    rows.append(["memory after each round, MiB", ", ".join(f"{value / 1024:.1f}" for value in queue["rss_kib_after_each_round"])])
    for way, figures in streams.items():
        grown = f"memory grew by {figures['rss_growth_kib'] / 1024:.1f} MiB"
        text = f"{figures['mb_per_s']:,.0f} MB/s, {figures['cpu_seconds']:.2f} s of CPU, {grown}"
        rows.append([f"{figures['bytes'] / 2**30:.2g} GiB streamed {way}", text])
    return [*_table(["Scale", "Figure"], rows), ""]


def _features(features: dict[str, Any]) -> list[str]:
    if "error" in features:
        return [f"Failed: {features['error']}", ""]
    rows = [
        [
            f"a client with {name}" if name != "plain" else "a plain client",
            f"{found['cpu_us']:.1f}",
            f"{found['more_us']:+.2f}",
            f"{found['ratio']:.2f} ×",
        ]
        for name, found in features["costs"].items()
    ]
    return [*_table(["Small JSON, uvloop, 64 connections", "CPU µs/request", "more than plain", "plain = 1"], rows), ""]


def _scaled(scale: dict[str, Any]) -> list[str]:
    if "error" in scale:
        return [f"Failed: {scale['error']}", ""]
    rows = []
    for kind, found in scale["cpu"].items():
        name = {**_DECLARED, "aiohttp": "the same by aiohttp, with a semaphore"}[kind]
        memory = scale["memory"].get(kind)
        figures = [f"{found['many_us']:.1f}", f"{found['few_us']:.1f}", f"{found['many_to_few']:.2f} ×", f"{found['to_aiohttp']:.2f} ×"]
        rows.append([name, *figures, "" if memory is None else f"{memory['peak_kib']:.1f}"])
    few = scale["few"]
    lines = _table(["A line for each request", "CPU µs/route", f"of {few} routes", "ratio", "aiohttp = 1", "KiB/route"], rows)
    if scale.get("stream"):
        found = scale["stream"]
        tenths = ", ".join(f"{value / 1024:.1f}" for value in found["rss_kib_at_each_tenth"])
        lines += ["", f"{found['routes']:,} routes of a generator through `stream()`: {found['cpu_us']:.0f} µs of CPU each; memory at each"]
        lines += [f"tenth of the way, MiB: {tenths}."]
    return [*lines, ""]


def markdown(results: dict[str, Any]) -> str:
    """The text of RESULTS.md."""
    lines = [
        "# Results",
        "",
        "Written by `bench/run.py`; the figures are in `results.json`. Each client runs in a process of its own, with the same",
        "connections per pool; libraries take turns within a round, and figures are medians of the rounds. CPU is that of the",
        "whole client process (all threads) per request after a warm-up; every answer's status and body is checked.",
        "`floor` is a bare `asyncio.Protocol` (or a bare socket) that sends a constant and counts bytes: what machine and loop cost.",
        "",
        "A server repeats its answer's head byte for byte within a second, and a client may profit from that; most real answers",
        "differ. `every head another` is the same small JSON with a new `X-Request-Id` in each head.",
        "",
        "## Targets",
        "",
        *_targets(results),
        "",
        "## Scenarios",
        "",
    ]
    for name, scenario in results["scenarios"].items():
        lines += _scenario(name, scenario)
    if "imports" in results:
        found = results["imports"]
        lines += ["## Import", "", f"`import fasthttp`: {found['import_ms']:.1f} ms; with its `Client` loaded: {found['client_ms']:.1f} ms"]
        lines += [f"(medians of {found['runs']} fresh interpreters).", ""]
    if "pool" in results:
        lines += ["## Pool and streams", "", *_pool(results["pool"])]
    if "features" in results:
        lines += ["## Features", "", *_features(results["features"])]
    if "scale" in results:
        lines += ["## Scale of the declarative layer", "", *_scaled(results["scale"])]
    return "\n".join([*lines, "## Where", "", *_environment(results)]).rstrip() + "\n"
