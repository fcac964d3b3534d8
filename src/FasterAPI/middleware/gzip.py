"""`GZipMiddleware`: compression by what every client takes, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.gzip import GZipMiddleware as StarletteGZipMiddleware
from starlette.types import ASGIApp

from FasterAPI.middleware.compression import EXCLUDED_CONTENT_TYPES, CompressionMiddleware

__all__ = ["GZipMiddleware"]


class GZipMiddleware(CompressionMiddleware, StarletteGZipMiddleware):
    """`CompressionMiddleware` with gzip (RFC 1952) alone.

    Args:
        app: what comes next.
        minimum_size: bytes below which a body is not worth it.
        compresslevel: from 0 (none) over 1 (fast) to 9 (small); -1 is zlib's own choice.
        thread_minimum_size: bytes from which a piece is compressed in a thread.
        exclude_content_types: of answers that are left alone; `image/*` stands for all images.

    Raises:
        ValueError: for a level that there is not.
    """

    def __init__(
        self,
        app: ASGIApp,
        minimum_size: int = 500,
        compresslevel: int = 9,
        thread_minimum_size: int = 128 * 1024,
        *,
        exclude_content_types: Sequence[str] = EXCLUDED_CONTENT_TYPES,
    ) -> None:
        super().__init__(
            app,
            minimum_size,
            encodings=("gzip",),
            levels={"gzip": compresslevel},
            exclude_content_types=exclude_content_types,
            thread_minimum_size=thread_minimum_size,
        )
        self.compresslevel = compresslevel
