"""What a run brought: values, failures, a table, JSON. Knows nothing of how it was run."""

from __future__ import annotations

import base64
import difflib
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from fasthttp._pure.masks import Masks
from fasthttp.response import Response
from httpwire import jsonio

__all__ = ["RouteResult", "RunResult"]

_MASKS = Masks()


class RouteResult(msgspec.Struct, frozen=True, kw_only=True, weakref=True, eq=False):
    """The outcome of one route.

    `ok` is whether `error` is None; `stage` says where it failed; `elapsed` is seconds from the slot to the end of
    the handler; `attempts` counts requests put on the wire, redirects apart.
    """

    name: str
    method: str
    url: str
    index: int
    kind: Literal["http", "graphql", "ws", "sse"] = "http"
    tags: tuple[str, ...] = ()
    status: int | None = None
    value: Any = None
    response: Response | None = None
    error: BaseException | None = None
    stage: str | None = None
    elapsed: float = 0.0
    attempts: int = 0
    _masks: Masks = _MASKS  # of the app that made it

    def __repr__(self) -> str:
        return f"<RouteResult {self.name} {'-' if self.status is None else self.status} {'ok' if self.ok else f'failed: {self.stage}'}>"

    @property
    def ok(self) -> bool:
        return self.error is None

    def to_dict(self, *, bodies: bool = False) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        error = None
        if self.error is not None:
            error = {"type": type(self.error).__name__, "message": self._masks.text(str(self.error)), "stage": self.stage}
        data: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "method": self.method,
            "url": self._masks.url(self.url),
            "tags": list(self.tags),
            "ok": self.ok,
            "status": self.status,
            "elapsed_ms": round(self.elapsed * 1000, 3),
            "attempts": self.attempts,
            "value": self._masks.value(to_plain(self.value)),
            "error": error,
        }
        if bodies:
            data["body"] = None if self.response is None else self._masks.value(to_plain(self.response)["body"])
        return data


class RunResult(Mapping[str, RouteResult]):
    """The outcomes of one run, by name in the order of registration; `result[0]` works too."""

    def __init__(self, results: list[RouteResult], *, elapsed: float, interrupted: bool = False) -> None:
        self._results = sorted(results, key=lambda result: result.index)
        self._by_name = {result.name: result for result in self._results}
        self.elapsed = elapsed
        self.interrupted = interrupted

    def __getitem__(self, key: str | int) -> RouteResult:
        if isinstance(key, int):
            return self._results[key]
        try:
            return self._by_name[key]
        except KeyError:
            close = difflib.get_close_matches(str(key), self._by_name, n=3)
            hint = f"; did you mean {', '.join(close)}?" if close else ""
            raise KeyError(f"no route named {key!r}{hint}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._results)

    @property
    def ok(self) -> bool:
        """Whether nothing failed and nothing was left out."""
        return not self.interrupted and not self.failed

    @property
    def failed(self) -> list[RouteResult]:
        return [result for result in self._results if not result.ok]

    @property
    def succeeded(self) -> list[RouteResult]:
        return [result for result in self._results if result.ok]

    @property
    def exit_code(self) -> int:
        """0, 1, or 130 when interrupted: for `sys.exit`."""
        if self.interrupted:
            return 130
        return 1 if self.failed else 0

    def raise_for_errors(self) -> RunResult:
        """Return self when all is well; raise the one error, or a group of them in the order of registration."""
        errors = [result.error for result in self.failed if result.error is not None]
        if len(errors) == 1:
            raise errors[0]
        if errors:
            message = f"{len(errors)} of {len(self)} routes failed"
            if all(isinstance(error, Exception) for error in errors):
                raise ExceptionGroup(message, [error for error in errors if isinstance(error, Exception)])
            raise BaseExceptionGroup(message, errors)
        return self

    def group(self, name: str) -> list[RouteResult]:
        """The results of a route that was declared with `each=`."""
        return [result for result in self._results if result.name.startswith(f"{name}[")]

    def to_dict(self, *, bodies: bool = False) -> dict[str, Any]:
        """Plain data, ready for JSON; URLs and messages are masked."""
        return {
            "ok": self.ok,
            "elapsed": self.elapsed,
            "interrupted": self.interrupted,
            "total": len(self),
            "failed": len(self.failed),
            "routes": [result.to_dict(bodies=bodies) for result in self._results],
        }

    def to_json(self, *, indent: int | None = None, bodies: bool = False) -> str:
        """The same as JSON text."""
        data = msgspec.json.encode(self.to_dict(bodies=bodies))
        return (msgspec.json.format(data, indent=indent) if indent is not None else data).decode()

    def summary(self) -> str:
        """A table of all routes with a row of totals, without colour."""
        rows = [_row(result) for result in self._results]
        names = max([4, *(len(row[1]) for row in rows)])
        methods = max([6, *(len(row[2]) for row in rows)])
        width = shutil.get_terminal_size((100, 24)).columns
        lines = [f"  {'name':<{names}}  {'method':<{methods}}  {'status':>6}  {'ms':>10}  {'tries':>5}  error"]
        for mark, name, method, status, ms, attempts, error in rows:
            line = f"{mark} {name:<{names}}  {method:<{methods}}  {status:>6}  {ms:>10}  {attempts:>5}  {error}"
            lines.append(line.rstrip() if len(line) <= width else line[: max(width, 40) - 1] + "…")
        failed = len(self.failed)
        state = ", interrupted" if self.interrupted else ""
        lines.append(f"{len(self)} routes, {len(self) - failed} ok, {failed} failed{state}, {self.elapsed:.2f}s")
        return "\n".join(lines)

    __str__ = summary

    def __repr__(self) -> str:
        return f"<RunResult {len(self)} routes, {len(self.failed)} failed>"

    def __rich__(self) -> Any:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        failed = len(self.failed)
        state = ", interrupted" if self.interrupted else ""
        totals = f"{len(self)} routes, {len(self) - failed} ok, {failed} failed{state}, {self.elapsed:.2f}s"
        table = Table(box=SIMPLE_HEAD, caption=Text(totals, "red" if failed else "green"), caption_justify="left")
        for title in ("", "name", "method", "status", "ms", "tries", "error"):
            table.add_column(title, justify="right" if title in ("status", "ms", "tries") else "left", overflow="fold")
        for result in self._results:
            table.add_row(*(Text(str(cell)) for cell in _row(result)), style=None if result.ok else "red")
        return table

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in _row(result)) + "</tr>" for result in self._results)
        head = "".join(f"<th>{name}</th>" for name in ("", "name", "method", "status", "ms", "tries", "error"))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(result: RouteResult) -> tuple[str, str, str, str, str, int, str]:
    error = "" if result.error is None else describe(result.error, result._masks)
    status = "-" if result.status is None else str(result.status)
    return ("✔" if result.ok else "✖", result.name, result.method, status, f"{result.elapsed * 1000:.2f}", result.attempts, error)


def describe(error: BaseException, masks: Masks = _MASKS) -> str:
    """One line for an error; a foreign one is named."""
    from fasthttp.errors import FastHTTPError

    text = " ".join(masks.text(str(error)).split())
    return text if isinstance(error, FastHTTPError) else f"{type(error).__name__}: {text}"


def to_plain(value: Any) -> Any:
    """A value as JSON data; what has no JSON form becomes its repr."""
    if isinstance(value, Response):
        return {"status": value.status_code, "body": _body(value)}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode("ascii")
    try:
        return msgspec.json.decode(jsonio.encode(value))
    except (TypeError, ValueError, RecursionError):
        return {"repr": repr(value)}


def _body(response: Response) -> Any:
    try:
        return response.json()
    except Exception:  # whatever stands in the body, a report can be made of it
        return response.text if response.is_buffered else None
