"""Draws the charts: horizontal bars as SVG, from the results. `charts.py [RESULTS.json [FOLDER]]` draws them anew."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

__all__ = ["bars", "draw_all"]

# Neutral on transparent ground; each theme has its own greys, and the highlight is legible on both.
_STYLE = """\
text { font: 13px -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #57606a; }
.title { font-size: 15px; font-weight: 600; fill: #24292f; }
.bar { fill: #afb8c1; }
.own { fill: #0969da; }
.name-own { font-weight: 600; fill: #0969da; }
.axis { stroke: #d0d7de; stroke-width: 1; }
@media (prefers-color-scheme: dark) {
  text { fill: #8b949e; }
  .title { fill: #e6edf3; }
  .bar { fill: #484f58; }
  .own { fill: #2f81f7; }
  .name-own { fill: #58a6ff; }
  .axis { stroke: #30363d; }
}"""
_BREAK = 25
_WIDTH, _LEFT, _RIGHT, _TOP, _ROW, _BAR = 720, 110, 90, 62, 26, 16


def _number(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def bars(title: str, unit: str, rows: Sequence[tuple[str, float]], own: str = "fasthttp") -> str:
    """An SVG of one bar for each row, in the order given; the row named `own` stands out.

    Bars of more than 25 times its length would leave nothing to see of the others: they are drawn broken, and the unit says so.
    """
    height = _TOP + _ROW * len(rows) + 12
    span = _WIDTH - _LEFT - _RIGHT
    longest = max((value for _, value in rows), default=0.0) or 1.0
    scale = min(longest, _BREAK * dict(rows).get(own, longest)) or longest
    if longest > scale:
        unit += "; broken bars are longer than drawn"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{escape(_STYLE)}</style>",
        f'<text class="title" x="8" y="22">{escape(title)}</text>',
        f'<text x="8" y="44">{escape(unit)}</text>',
        f'<line class="axis" x1="{_LEFT}" y1="{_TOP - 4}" x2="{_LEFT}" y2="{height - 8}"/>',
    ]
    for number, (name, value) in enumerate(rows):
        top = _TOP + number * _ROW
        middle = top + _BAR / 2 + 4.5
        width = max(min(value / scale, 1.0) * span, 1.0)
        mark, bar = (' class="name-own"', "own") if name == own else ("", "bar")
        parts.append(f'<text{mark} x="{_LEFT - 8}" y="{middle:g}" text-anchor="end">{escape(name)}</text>')
        if value > scale:  # two pieces with a gap
            parts.append(f'<rect class="{bar}" x="{_LEFT}" y="{top}" width="{width - 24:.1f}" height="{_BAR}" rx="2"/>')
            parts.append(f'<rect class="{bar}" x="{_LEFT + width - 18:.1f}" y="{top}" width="18" height="{_BAR}" rx="2"/>')
        else:
            parts.append(f'<rect class="{bar}" x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_BAR}" rx="2"/>')
        parts.append(f'<text{mark} x="{_LEFT + width + 6:.1f}" y="{middle:g}">{_number(value)}</text>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def draw_all(results: dict[str, Any], folder: Path) -> list[Path]:
    """A chart for each scenario that has figures; returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, scenario in results["scenarios"].items():
        found = scenario["libraries"]
        rows = sorted(((library, figures["cpu_us"]) for library, figures in found.items() if "cpu_us" in figures), key=lambda row: row[1])
        if rows:
            path = folder / f"{name}.svg"
            path.write_text(bars(scenario["title"], "CPU of the client per request, in microseconds; shorter is better", rows), "utf-8")
            written.append(path)
    return written


def main() -> None:
    """Draw the charts of a file of results."""
    here = Path(__file__).resolve().parent
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else here / "results.json"
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else here / "charts"
    for path in draw_all(json.loads(source.read_text("utf-8")), folder):
        print(path)


if __name__ == "__main__":
    main()
