"""Telling a failure: which request it belongs to, and how long it took."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from fasthttp.errors import FastHTTPError, RequestTimeout
from httpwire.masking import mask_url

if TYPE_CHECKING:
    from fasthttp.models import Request

__all__ = ["annotate"]


def annotate(error: FastHTTPError, request: Request, elapsed: float | None = None, sensitive: Collection[str] = ()) -> None:
    """Complete an error with its request, once: the innermost one that knows it wins."""
    if error.request is None:
        error.request = request
    if error.url is None:
        error.url = mask_url(request.url, sensitive)
    if error.method is None:
        error.method = request.method
    if isinstance(error, RequestTimeout) and error.elapsed is None:
        error.elapsed = elapsed
