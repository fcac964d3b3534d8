"""The values that requests are made of: Starlette's, with an upload of our own and the mark of a default."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, TypeVar, cast

from starlette.datastructures import (
    URL,
    Address,
    CommaSeparatedStrings,
    FormData,
    Headers,
    MutableHeaders,
    QueryParams,
    Secret,
    State,
    URLPath,
)
from starlette.datastructures import UploadFile as StarletteUploadFile

__all__ = [
    "URL",
    "Address",
    "CommaSeparatedStrings",
    "Default",
    "DefaultPlaceholder",
    "FormData",
    "Headers",
    "MutableHeaders",
    "QueryParams",
    "Secret",
    "State",
    "URLPath",
    "UploadFile",
]

T = TypeVar("T")

_SPOOL = 1 << 20  # bytes of an upload that stay in memory
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")


class UploadFile(StarletteUploadFile):
    """An uploaded file. Its bytes are in `file`; the async methods never block the loop on a file that is on disk.

    Args:
        file: what to read from; by default an empty spool. A `str` here is the file name.
        size: of the content in bytes, where known.
        filename: as the client sent it; see `safe_filename`.
        headers: of the part.
        content_type: instead of the one in `headers`. A second positional `str` is this.
    """

    def __init__(
        self,
        file: BinaryIO | str | None = None,
        content_type: str | None = None,
        file_: BinaryIO | None = None,
        *,
        size: int | None = None,
        filename: str | None = None,
        headers: Headers | Mapping[str, str] | None = None,
    ) -> None:
        if isinstance(file, str):
            filename, file = file, file_
            content_type = content_type or "application/octet-stream"
        if file is None:
            file = cast("BinaryIO", tempfile.SpooledTemporaryFile(max_size=_SPOOL))  # noqa: SIM115
            size = size or 0
        fields = dict(headers or {})
        if content_type is not None:
            fields["content-type"] = content_type
        super().__init__(file, size=size, filename=filename, headers=Headers(fields))

    @property
    def safe_filename(self) -> str:
        """A base name without separators, controls or leading dots; "upload" where nothing is left."""
        name = _UNSAFE.sub("", (self.filename or "").replace("\\", "/")).rpartition("/")[2]
        return name.lstrip(". ").rstrip(" .") or "upload"

    async def write(self, data: bytes) -> int:  # type: ignore[override]
        """Write at the present position; returns the number of bytes."""
        await super().write(data)
        return len(data)

    @classmethod
    def _validate(cls, value: Any, _: Any) -> Any:
        if not isinstance(value, StarletteUploadFile):
            raise ValueError(f"Expected UploadFile, received: {type(value)}")
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "contentMediaType": "application/octet-stream"}

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        from pydantic_core.core_schema import with_info_plain_validator_function

        return with_info_plain_validator_function(cls._validate)


class DefaultPlaceholder:
    """A value that nobody asked for: the next level up may have another."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __bool__(self) -> bool:
        return bool(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DefaultPlaceholder) and other.value == self.value

    def __hash__(self) -> int:
        return hash(("default", id(self.value)))

    def __repr__(self) -> str:
        return f"Default({self.value!r})"


def Default(value: T) -> T:
    """Mark `value` as a default."""
    return DefaultPlaceholder(value)  # type: ignore[return-value]


_Unset: Any = Default(None)
