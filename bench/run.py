"""The macro benchmark: every library in every scenario, each in a process of its own, against a neutral server.

Writes results.json, RESULTS.md and charts/*.svg beside itself. See `--help` for shorter runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench import charts, features, libraries, pool_scale, report, scale, servers
from bench.scenarios import SCENARIOS, Scenario

HERE = Path(__file__).resolve().parent
ROUNDS = 3  # of a scenario that is no headline
HEADLINE_ROUNDS = 5
_IMPORT = """\
import time
begun = time.perf_counter()
import fasthttp
bare = time.perf_counter()
fasthttp.Client
print((bare - begun) * 1e3, (time.perf_counter() - begun) * 1e3)
"""


def measure_import(count: int, core: int | None) -> dict[str, Any]:
    """Milliseconds of `import fasthttp`, and with the client class loaded too, in fresh interpreters."""
    runs = []
    for number in range(count + 1):
        process = servers.start([sys.executable, "-c", _IMPORT], core, stdout=subprocess.PIPE, text=True)
        output, _ = process.communicate(timeout=60)
        if number:  # the first one wrote the bytecode files
            runs.append([float(value) for value in output.split()])
    bare, client = (statistics.median(values) for values in zip(*runs, strict=True))
    return {"import_ms": round(bare, 2), "client_ms": round(client, 2), "runs": count}


def measure_once(library: str, scenario: Scenario, server: servers.Server, options: argparse.Namespace, core: int | None) -> dict[str, Any]:
    """One worker's figures, or what went wrong."""
    url = server.tls_url if scenario.tls else server.url
    command = [sys.executable, str(HERE / "worker.py"), library, scenario.name, "--url", url, "--ca", server.ca]
    command += ["--seconds", str(options.seconds), *([] if core is None else ["--core", str(core)])]
    environment = servers.plain_environment()
    if options.urllib3 is not None and library in ("requests", "urllib3"):
        places = [str(options.urllib3.resolve()), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(place for place in places if place)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60 + 20 * options.seconds, env=environment)
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"error": "took too long"}
    except (IndexError, ValueError):
        return {"error": f"ended with code {done.returncode}: {done.stderr.strip()[-200:]}"}
    if result.get("wrong"):
        return {"error": f"{result['wrong']} of {result['requests']} answers were wrong"}
    return result


def summarise(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians of the rounds; an error if any round had one."""
    for run in runs:
        if "error" in run:
            return {"error": run["error"]}
    figures: dict[str, Any] = {name: statistics.median(run[name] for run in runs) for name in ("cpu_us", "rps", "rss_kib", "gc_per_10k")}
    cpu = [run["cpu_us"] for run in runs]
    return figures | {"cpu_us_least": min(cpu), "cpu_us_most": max(cpu), "runs": runs}


def measure_scenario(
    scenario: Scenario, names: list[str], rounds: int, server: servers.Server, options: argparse.Namespace, core: int | None
) -> dict[str, Any]:
    """All libraries, alternated within each round; each round begins with another one."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            if not any("error" in run for run in runs[name]):
                runs[name].append(measure_once(name, scenario, server, options, core))
    found = {name: summarise(runs[name]) for name in names}
    for name, figures in sorted(found.items(), key=lambda item: float(item[1].get("cpu_us", 1e9))):
        print(f"  {name:12}", figures.get("error") or f"{figures['cpu_us']:9.1f} µs CPU  {figures['rps']:9,.0f} requests/s", flush=True)
    return {"title": scenario.title, "date": _now(), "rounds": rounds, "libraries": found}


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")  # noqa: UP017 - the same on every version


def _cpu_model() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def describe(server: str, options: argparse.Namespace, pinned: tuple[int | None, int | None]) -> dict[str, Any]:
    """Where and how this run was made."""
    client, other = pinned
    how = "could not be pinned to cores" if client is None else "shared the only core" if client == other else "were each pinned to a core"
    return {
        "date": _now(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "kernel": f"{platform.system()} {platform.release()}",
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "server": server,
        "pinning": how,
        "rounds": options.rounds or (2 if options.quick else f"{HEADLINE_ROUNDS} of headline scenarios, {ROUNDS} of others"),
        "quick": options.quick,
    }


def chosen(options: argparse.Namespace) -> list[Scenario]:
    """The scenarios that this run measures."""
    if options.only:
        exact = {scenario.name for scenario in SCENARIOS}.intersection(options.only)
        parts = [name for name in options.only if name not in exact]
        return [scenario for scenario in SCENARIOS if scenario.name in exact or any(part in scenario.name for part in parts)]
    return [scenario for scenario in SCENARIOS if scenario.headline or not options.quick]


def wants(options: argparse.Namespace, part: str) -> bool:
    """Whether `import`, `pool`, `features` or `scale` is to be measured."""
    return part in options.only if options.only else not options.quick or part == "import"


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for."""
    core, server_core = servers.cores()
    skipped = {name: why for name in options.libraries if (why := libraries.missing(name)) is not None}
    for name, why in skipped.items():
        print(f"{name} is skipped: {why}")
    present = [name for name in options.libraries if name not in skipped]
    results: dict[str, Any] = {"meta": {}, "versions": {}, "skipped": skipped, "scenarios": {}}
    with servers.serve(server_core, kind=options.server) as server:
        results["meta"] = describe(server.name, options, (core, server_core))
        print(f"server: {server.name}", flush=True)
        for scenario in chosen(options):
            names = [name for name in present if libraries.LIBRARIES[name].has(scenario.colour)]
            if scenario.loop == "uvloop" and libraries.find_module("uvloop") is None:
                print(f"{scenario.name} is skipped: uvloop is not installed")
                continue
            if scenario.tls and not server.ca:
                print(f"{scenario.name} is skipped: neither trustme nor openssl is there to make a certificate")
                continue
            rounds = options.rounds or (2 if options.quick else HEADLINE_ROUNDS if scenario.headline else ROUNDS)
            print(f"{scenario.name}: {scenario.title}", flush=True)
            results["scenarios"][scenario.name] = found = measure_scenario(scenario, names, rounds, server, options, core)
            versions = {name: figures["runs"][0]["version"] for name, figures in found["libraries"].items() if "runs" in figures}
            results["versions"].update(versions)
        if wants(options, "features"):
            url = f"{server.url}/json"
            results["features"] = features.measure(core, server_core, url=url, rounds=options.rounds or 9, size=1 << 30)
            print(f"features: {json.dumps(results['features'])}", flush=True)
    if wants(options, "import"):
        results["imports"] = measure_import(15, core)
        print(f"import: {results['imports']['import_ms']} ms, with Client {results['imports']['client_ms']} ms", flush=True)
    if wants(options, "pool"):
        results["pool"] = pool_scale.measure(core, server_core, rounds=options.rounds or 5, size=1 << 30)
        print(f"pool: {json.dumps(results['pool'])}", flush=True)
    if wants(options, "scale"):
        results["scale"] = scale.measure(core, server_core, rounds=options.rounds or 5)
        print(f"scale: {json.dumps(results['scale'])}", flush=True)
    return results


def merge(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Results of a run of parts put into earlier ones; each scenario keeps its own date."""
    order = [scenario.name for scenario in SCENARIOS]
    merged = {**old.get("scenarios", {}), **new["scenarios"]}
    both = {**old, **new, "versions": {**old.get("versions", {}), **new["versions"]}}
    both["scenarios"] = {name: merged[name] for name in sorted(merged, key=lambda name: order.index(name) if name in order else len(order))}
    return both


def write(results: dict[str, Any], folder: Path) -> None:
    """results.json, RESULTS.md and the charts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / "RESULTS.md").write_text(report.markdown(results), "utf-8")
    charts.draw_all(results, folder / "charts")


def main() -> None:
    """Measure, judge, write."""
    names = ", ".join([*(scenario.name for scenario in SCENARIOS), "import", "pool", "features", "scale"])
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=f"Names for --only: {names}; a part of a name stands for all that have it."
    )
    parser.add_argument("--quick", action="store_true", help="2 short rounds of the headline scenarios, for trying")
    parser.add_argument("--only", action="append", metavar="NAME", help="measure this alone and keep the other results; repeatable")
    parser.add_argument("--rounds", type=int, default=0, help="instead of the scenario's own number")
    parser.add_argument("--no-write", action="store_true", help="print only")
    parser.add_argument("--seconds", type=float, default=0.0, help="of one measured part, at most (1.2; with --quick 0.4)")
    parser.add_argument("--libraries", nargs="+", default=list(libraries.LIBRARIES), metavar="NAME", help="instead of all")
    parser.add_argument("--server", choices=["nginx", "uvicorn"], help="instead of the first that there is")
    parser.add_argument("--urllib3", type=Path, metavar="FOLDER", help="a genuine urllib3, for when niquests has put another there")
    parser.add_argument("--out", type=Path, default=HERE, metavar="FOLDER", help="where the results are written")
    options = parser.parse_args()
    options.seconds = options.seconds or (0.4 if options.quick else 1.2)
    results = measure(options)
    if options.only:
        with suppress(OSError):
            results = merge(json.loads((options.out / "results.json").read_text("utf-8")), results)
    results["targets"] = report.judge(results)
    for item in results["targets"]:
        print(f"{item['verdict']:12} {item['target']}: {item['figure']} (at most {item['bound']} {item['unit']})")
    if not options.no_write:
        write(results, options.out)


if __name__ == "__main__":
    main()
