"""Generate the blocking twins of the async sources, word by word. `--check` compares instead of writing.

Tokens, not lines, are replaced, so that the twins stay as readable as their originals.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREES = (("src/fasthttp/_async", "src/fasthttp/_sync"), ("tests/shell/_async", "tests/shell/_sync"))

NAMES = {
    "asynccontextmanager": "contextmanager",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "StopAsyncIteration": "StopIteration",
    "AsyncIterator": "Iterator",
    "AsyncIterable": "Iterable",
    "AsyncGenerator": "Generator",
    "AsyncBaseTransport": "BaseTransport",
    "_async": "_sync",
    "aclose": "close",
    "aread": "read",
    "ahandle": "handle",
    "aiter_bytes": "iter_bytes",
    "aiter_lines": "iter_lines",
    "aiter_raw": "iter_raw",
    "aiter_text": "iter_text",
    "anext": "next",
    "asyncio_connect": "blocking_connect",
}
HEADER = "# Generated from {source} by scripts/unasync.py; change that file instead.\n"
_PREFIX = re.compile(r"\bAsync(?=[A-Z])")
_WORDS = {'"async"': '"sync"'}


def convert(text: str, source: str) -> str:
    """The blocking text of an async source."""
    out: list[str] = []
    position = (1, 0)
    lines = text.splitlines(keepends=True)
    previous = ""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.ENDMARKER:
            break
        out.append(_between(lines, position, token.start))
        position = token.end
        word = token.string
        if token.type == tokenize.NAME and word in ("async", "await"):
            # The word and the space behind it go.
            row, column = token.end
            if lines[row - 1][column : column + 1] == " ":
                position = (row, column + 1)
            word = ""
        elif token.type == tokenize.NAME:
            if word == "asyncio" and previous == ".":
                word = "blocking"
            word = _PREFIX.sub("Sync", NAMES.get(word, word))
        elif token.type == tokenize.STRING and word in _WORDS:
            word = _WORDS[word]
        out.append(word)
        previous = token.string
    return HEADER.format(source=source) + "".join(out)


def _between(lines: list[str], start: tuple[int, int], end: tuple[int, int]) -> str:
    if start[0] == end[0]:
        return lines[start[0] - 1][start[1] : end[1]] if start[0] <= len(lines) else ""
    parts = [lines[start[0] - 1][start[1] :]]
    parts += lines[start[0] : end[0] - 1]
    parts.append(lines[end[0] - 1][: end[1]] if end[0] <= len(lines) else "")
    return "".join(parts)


def generated() -> dict[Path, str]:
    """Every twin with its text."""
    twins: dict[Path, str] = {}
    for source, target in TREES:
        for path in sorted((ROOT / source).rglob("*.py")):
            twin = ROOT / target / path.relative_to(ROOT / source)
            twins[twin] = convert(path.read_text(), str(path.relative_to(ROOT)))
    return twins


def present() -> set[Path]:
    """Every file that stands in the place of a twin."""
    return {path for _, target in TREES for path in (ROOT / target).rglob("*") if path.is_file() and "__pycache__" not in path.parts}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, write nothing, exit 1 on any difference")
    check = parser.parse_args(arguments).check
    twins = generated()
    faults = [f"{path.relative_to(ROOT)}: has no async original" for path in sorted(present() - set(twins))]
    for path, text in twins.items():
        if path.exists() and path.read_text() == text:
            continue
        if check:
            faults.append(f"{path.relative_to(ROOT)}: differs from what scripts/unasync.py makes")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
