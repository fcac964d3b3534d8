"""What a run says while it runs: log lines and the progress bar. Changes nobody else's logging."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from time import monotonic
from typing import Any, TextIO

import msgspec

from fasthttp._pure.masks import Masks
from fasthttp.models import Request
from fasthttp.response import Response
from fasthttp.results import RouteResult, describe, to_plain

__all__ = ["PrettyHandler", "RunLog"]

_MARKS = {logging.DEBUG: "·", logging.INFO: "✔", logging.WARNING: "⚠", logging.ERROR: "✖", logging.CRITICAL: "✖"}
_COLOURS = {logging.DEBUG: "2", logging.INFO: "32", logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "31"}
_ASCII = str.maketrans({"│": "|", "✔": "ok", "⚠": "!", "✖": "x", "·": "-", "→": ">", "←": "<", "↳": ">"})
_BAR_ROUTES = 50
_BAR_AFTER = 1.0  # seconds
_REFRESH = 0.1
_SHOWN = 1000  # characters of a body, or a value


class PrettyHandler(logging.Handler):
    """Writes records to the `sys.stdout` of the moment, one line each, coloured on a terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.write(record.levelno, record.getMessage())
        except Exception:  # logging reports its own troubles, and never raises
            self.handleError(record)

    def write(self, level: int, message: str) -> None:
        """One line; the text of a record that need not be made for it."""
        stream = sys.stdout
        stream.write(self.line(level, message, stream) + "\n")
        stream.flush()

    @staticmethod
    def line(level: int, message: str, stream: TextIO) -> str:
        text = f"{logging.getLevelName(level):<8}│ {'fasthttp':<12}│ {_MARKS.get(level, '·')} {message}"
        try:
            text.encode(getattr(stream, "encoding", None) or "utf-8")
        except (UnicodeEncodeError, LookupError):
            text = text.translate(_ASCII)
        if _wants_colour(stream):
            return f"\x1b[{_COLOURS.get(level, '0')}m{text}\x1b[0m"
        return text


def _wants_colour(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()


_handler = PrettyHandler()


class RunLog:
    """The lines of one run.

    Records go to whatever handlers the user has put on the logger `fasthttp` or on the root; without any, to the
    pretty handler, of which neither logger is told.
    """

    def __init__(self, mode: str, debug: bool, masks: Masks) -> None:
        self.masks = masks
        self._logger = logging.getLogger("fasthttp")
        self._mode = mode
        self._debug = debug
        self._foreign = any(
            not isinstance(handler, logging.NullHandler) for handler in (*self._logger.handlers, *logging.getLogger().handlers)
        )
        self.bar: Bar | None = None
        self.progress: bool | None = False
        self._recovered: dict[str, BaseException] = {}

    @property
    def debug(self) -> bool:
        """Whether details are wanted."""
        return self._debug and self._mode != "off"

    def line(self, level: int, message: str, **fields: Any) -> None:
        """Write one record, unless the mode or the bar keeps it back."""
        if self._mode == "off" or (level < logging.INFO and not self._debug):
            return
        if level < logging.ERROR and self.bar is not None and self.bar.visible:
            return
        if self._foreign:
            self._logger.log(level, message, extra=fields)
            return
        try:
            _handler.write(level, message)
        except Exception:
            _handler.handleError(self._logger.makeRecord("fasthttp", level, __file__, 0, message, (), None, extra=fields))

    def begin(self, count: int | None, streams: int = 0) -> None:
        """The run begins, `streams` of its `count` routes with streams; None: with nobody knows how many."""
        self.line(logging.INFO, "FastHTTP started")
        if count:
            self.line(logging.INFO, f"{'Running' if streams else 'Sending'} {count} {'routes' if streams else 'requests'}")
        elif count == 0:
            self.line(logging.WARNING, "No routes to run")
        if streams:
            self.line(logging.INFO, f"SSE streams: {streams}")
        if count is not None and Bar.wanted(self.progress, count):
            self.bar = Bar(count, forced=self.progress is True)

    def end(self) -> None:
        """Nothing more is under way."""
        if self.bar is not None:
            self.bar.close()

    def stream(self, state: str, url: str) -> None:
        """A stream of events is being connected, or is."""
        self.line(logging.INFO, f"SSE {state}: {self.masks.url(url)}")

    def sending(self, request: Request) -> None:
        """What is about to be sent."""
        body = "<stream>" if request.body is not None and request.content is None else self._body(request.content)
        self.line(
            logging.DEBUG, f"→ {request.method} {self.masks.url(request.url)} | headers={self._headers(request.headers)} | body={body}"
        )

    def received(self, response: Response) -> None:
        """What has come back."""
        body = self._body(response.content) if response.is_buffered else "<stream>"
        self.line(logging.DEBUG, f"← {response.status_code} | headers={self._headers(response.headers)} | body={body}")

    def pausing(self, seconds: float) -> None:
        """Another attempt is going to be made."""
        self.line(logging.DEBUG, f"retry in {seconds:.2f}s")

    def _headers(self, headers: Any) -> dict[str, str]:
        return dict(self.masks.fields(list(headers.items())))

    def _body(self, content: bytes | None) -> str:
        """A body, at most 1,000 characters of it."""
        if not content:
            return "-"
        try:
            return self._value(msgspec.json.decode(content))
        except (ValueError, RecursionError):
            pass
        try:
            return self.masks.body(content.decode())[:_SHOWN]
        except UnicodeDecodeError:
            return f"<{len(content)} bytes>"

    def _value(self, plain: Any) -> str:
        """Plain data as JSON, at most 1,000 characters of it."""
        return msgspec.json.encode(self.masks.value(plain)).decode()[:_SHOWN]

    def traceback(self, error: BaseException) -> None:
        """Where a failure came from."""
        if self.debug:
            self.line(logging.DEBUG, self.masks.text("".join(traceback.format_exception(error))))

    def hook_failed(self, error: BaseException) -> None:
        """An `on_error` hook raised; the failure that it was told of stays what it is."""
        self.line(logging.ERROR, f"an on_error hook failed: {describe(error, self.masks)}")

    def recovered(self, name: str, error: BaseException) -> None:
        """An exception handler has made a value of a failure: the line of the route tells of it all the same."""
        self._recovered[name] = error

    def route(self, result: RouteResult) -> None:
        """The one line of a finished route."""
        if self.bar is not None:
            self.bar.advance(result.ok)
        recovered = self._recovered.pop(result.name, None)
        error = result.error if recovered is None else recovered
        if self._mode == "summary" or (self._mode == "failures" and error is None):
            return
        failed = error is not None
        shown = (result.status is not None and result.status >= 400) or failed
        mark = "✖" if shown else "✔"
        status = str(result.status) if result.status is not None else "ERR" if failed else "-"
        url = self.masks.url(_sent_url(result) if self.debug else result.url)
        message = f"{mark} {result.method} {url} {status} {result.elapsed * 1000:.2f}ms"
        if error is not None and result.stage != "status":
            message += f" {describe(error, self.masks)}"
        if self.debug and result.value is not None:
            self.line(logging.DEBUG, f"↳ {self._value(to_plain(result.value))}")
        self.line(
            logging.ERROR if shown else logging.INFO,
            message,
            route=result.name,
            method=result.method,
            url=url,
            status=result.status,
            elapsed_ms=result.elapsed * 1000,
            attempts=result.attempts,
        )

    def done(self, elapsed: float, ok: int, failed: int) -> None:
        counts = f": {ok} ok, {failed} failed" if self._mode == "summary" else ""
        self.line(logging.INFO, f"Done in {elapsed:.2f}s{counts}")


def _sent_url(result: RouteResult) -> str:
    """The URL as it was sent, parameters included, as far as it is known."""
    if result.response is not None and result.response.requested_url:
        return result.response.requested_url
    return str(getattr(getattr(result.error, "request", None), "url", None) or result.url)


class Bar:
    """A progress bar on stderr that appears when a run takes long, and leaves nothing behind."""

    def __init__(self, total: int, *, forced: bool) -> None:
        self._total = total
        self._begin = monotonic() + (0.0 if forced else _BAR_AFTER)
        self._next = self._begin
        self._progress: Any = None
        self._task: Any = None
        self.finished = 0
        self.failed = 0

    @staticmethod
    def wanted(progress: bool | None, count: int) -> bool:
        """Whether a run of so many routes may show one here."""
        if progress is False or os.environ.get("TERM") == "dumb" or not sys.stderr.isatty():
            return False
        if progress is None and count < _BAR_ROUTES:
            return False
        try:
            import rich.progress  # noqa: F401
        except ImportError:
            return False
        return True

    @property
    def visible(self) -> bool:
        return self._progress is not None

    def advance(self, ok: bool) -> None:
        """One more route has finished."""
        self.finished += 1
        self.failed += not ok
        now = monotonic()
        if now >= self._next:
            self._next = now + _REFRESH
            self._show()

    def _show(self) -> None:
        if self._progress is None:
            self._progress = _make_progress()
            self._progress.start()
            self._task = self._progress.add_task("", total=self._total, failed=0)
        self._progress.update(self._task, completed=self.finished, failed=self.failed)
        self._progress.refresh()

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _make_progress() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("[red]{task.fields[failed]} failed"),
        _rate_column(),
        TimeRemainingColumn(compact=True),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
        # Lines for the same terminal go above the bar; what is piped elsewhere must not end up on stderr.
        redirect_stdout=sys.stdout.isatty(),
    )


def _rate_column() -> Any:
    from rich.progress import ProgressColumn
    from rich.text import Text

    class RateColumn(ProgressColumn):
        def render(self, task: Any) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{speed:,.0f}/s", style="cyan")

    return RateColumn()
