# Generated from src/fasthttp/_async/download.py by scripts/unasync.py; change that file instead.
"""One download: ask, receive, go on after a broken connection, check, move. The bytes on disk are `_io.partfile`'s."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fasthttp._io.blocking import pause, run_blocking, settle
from fasthttp._io.partfile import PartFile, check_target, find_unfinished
from fasthttp._pure.downloads import (
    NOTHING,
    Kept,
    Plan,
    Step,
    ask,
    caller_fields,
    decide,
    file_name,
    notes_of,
    parse_checksum,
)
from fasthttp._pure.faults import annotate
from fasthttp.downloads import DownloadResult
from fasthttp.errors import FastHTTPError, IncompleteRead, RemoteProtocolError, ResponseError
from fasthttp.models import add_params
from fasthttp.response import ClientResponse
from fasthttp.timeouts import UNSET
from httpwire.masking import mask_url

if TYPE_CHECKING:
    from fasthttp._sync.engine import SyncEngine

__all__ = ["download"]

_REPORT_SIZE = 65536  # bytes between two reports of progress


def download(
    engine: SyncEngine,
    url: str,
    path: str | PathLike[str],
    options: Mapping[str, Any],
    *,
    resume: bool = True,
    progress: Callable[[int, int | None], Any] | None = None,
    checksum: str | None = None,
    overwrite: bool = True,
    chunk_size: int = 1 << 20,
) -> DownloadResult:
    """Download to a file; the arguments are those of `AsyncVerbs.download`."""
    if isinstance(chunk_size, bool) or not isinstance(chunk_size, int) or chunk_size < 1:
        raise ValueError(f"chunk_size={chunk_size!r} must be an integer of at least 1")
    if "stream" in options:
        raise TypeError("unexpected keyword argument 'stream': a download is always streamed")
    wanted = None if checksum is None else parse_checksum(checksum)
    transfer = _Transfer(engine, url, Path(path), options, wanted)
    transfer.resume, transfer.progress, transfer.overwrite, transfer.chunk_size = resume, progress, overwrite, chunk_size
    try:
        transfer.prepare()
        return transfer.run()
    finally:
        if transfer.part is not None:
            run_blocking(transfer.part.close)


class _Transfer:
    """The state of one download."""

    resume: bool
    progress: Callable[[int, int | None], Any] | None
    overwrite: bool
    chunk_size: int

    def __init__(self, engine: SyncEngine, url: str, path: Path, options: Mapping[str, Any], wanted: tuple[str, str] | None) -> None:
        config = engine.config
        self._engine = engine
        self._url = url
        self._path = path
        self._fields = caller_fields(options.get("headers"))
        self._options = options
        self._wanted = wanted
        # What the notes on disk know it by; signatures and tokens in it are nobody's business, and change.
        self._known_as = mask_url(add_params(config.resolve(url), config.params, options.get("params")).href, config.sensitive)
        self.part: PartFile | None = None
        self._kept = NOTHING
        self._resumed_from: int | None = None
        self._reported: tuple[int, int | None] | None = None

    def prepare(self) -> None:
        """Look at the disk, before anything is sent."""
        path: Path | None = self._path
        if run_blocking(self._path.is_dir):
            # The response will tell the name, unless it has done so before.
            path = run_blocking(find_unfinished, self._path, self._known_as) if self.resume else None
        if path is not None:
            part = self._take(path)
            if self.resume:
                self._kept = run_blocking(part.recall, self._known_as)

    def _take(self, path: Path) -> PartFile:
        key = run_blocking(check_target, path, self.overwrite)
        self.part = PartFile(path, key, self._wanted and self._wanted[0])
        return self.part

    def run(self) -> DownloadResult:
        """The file in its place."""
        policy = self._options.get("retry", UNSET)
        if policy is UNSET:
            policy = self._engine.config.defaults.retry
        delays: Iterator[float] = iter(() if policy is None else policy.iter_delays())
        while True:
            fields = [*self._fields, *ask(self._kept)]
            response = self._engine.request("GET", self._url, {**self._options, "headers": fields, "stream": True})
            try:
                plan = self._understand(response)
                if plan.step is Step.AGAIN:
                    self._kept = NOTHING
                    continue
                part = self.part or self._take(self._path / _name(response))
                if self._resumed_from is None or plan.offset == 0:
                    self._resumed_from = plan.offset
                run_blocking(part.begin, plan.offset, notes_of(self._known_as, plan))
                fault = self._receive(response, part, plan) if plan.step is Step.RECEIVE else None
                if fault is not None:
                    delay = next(delays, None) if policy is not None and policy.should_retry_error(fault) else None
                    if delay is None:
                        raise fault
                    pause(delay)
                elif plan.total is None or part.size >= plan.total:
                    return self._finish(response, part)
            except FastHTTPError as exc:
                annotate(exc, response.request)
                raise
            finally:
                response.close()

    def _understand(self, response: ClientResponse) -> Plan:
        if response.status_code >= 400 and not (response.status_code == 416 and self._kept.is_usable):
            response.raise_for_status()
        return decide(response.status_code, response.headers, self._kept)

    def _receive(self, response: ClientResponse, part: PartFile, plan: Plan) -> FastHTTPError | None:
        """Write what a response brings; returns what went wrong with it."""
        pending: list[bytes] = []
        size = reported = plan.offset
        try:
            for piece in response.iter_bytes():
                size += len(piece)
                if plan.end is not None and size > plan.end:
                    return RemoteProtocolError(f"the body is longer than announced: {size} bytes or more instead of {plan.end}")
                pending.append(piece)
                if size - part.size >= self.chunk_size:
                    ready, pending = pending, []
                    run_blocking(part.write, ready)
                if size - reported >= _REPORT_SIZE:
                    reported = size
                    self._report(size, plan.total)
        except FastHTTPError as exc:
            return exc
        finally:
            if pending:
                run_blocking(part.write, pending)
            # Without a validator the next request asks for all of it again.
            self._kept = Kept(part.size, plan.validator if self.resume else None, plan.total)
        if plan.end is not None and size < plan.end:
            return IncompleteRead(size - plan.offset, plan.end - plan.offset)
        return None

    def _report(self, size: int, total: int | None) -> None:
        self._reported = (size, total)
        if self.progress is not None:
            settle(self.progress(size, total))

    def _finish(self, response: ClientResponse, part: PartFile) -> DownloadResult:
        digest = part.digest()
        if self._wanted is not None and digest != self._wanted[1]:
            run_blocking(part.discard)
            error = ResponseError(f"checksum mismatch: {self._wanted[0]} is {digest}, not {self._wanted[1]}")
            error.response = response
            raise error
        if self._reported != (part.size, part.size):
            self._report(part.size, part.size)
        run_blocking(part.commit, self.overwrite)
        assert self._resumed_from is not None
        return DownloadResult(part.path, part.size, self._resumed_from, response, self._wanted and ":".join(self._wanted))


def _name(response: ClientResponse) -> str:
    return file_name(response.headers.get("content-disposition"), response.request.parsed_url.path)
