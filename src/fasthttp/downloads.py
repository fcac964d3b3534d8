"""Downloads to files: what one has brought. The work is done by `Client.download`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fasthttp.response import ClientResponse

__all__ = ["DownloadResult"]


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """A finished download.

    Attributes:
        path: where the file is.
        size: its bytes.
        resumed_from: how many of them were there from an earlier download; 0 for one from the start.
        response: the last response, its body spent; status 416 where nothing was missing any more.
        digest: `algorithm:hex` of the file where a checksum was asked for, else None.
    """

    path: Path
    size: int
    resumed_from: int
    response: ClientResponse
    digest: str | None = None
