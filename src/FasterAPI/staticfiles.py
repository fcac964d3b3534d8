"""`StaticFiles`: Starlette's, with our conditions and ranges, compressed siblings, and fewer ways to fail."""

from __future__ import annotations

import errno
import ntpath
import os
import re
import stat
import sys
from collections.abc import Sequence
from mimetypes import guess_type
from pathlib import PureWindowsPath

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse as StarletteFileResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles as StarletteStaticFiles
from starlette.types import Scope

from FasterAPI._conditional import is_not_modified, not_modified
from FasterAPI._files import FileResponse
from httpwire.coding import choose_coding

__all__ = ["StaticFiles"]

PathLike = str | os.PathLike[str]

_SUFFIXES = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}  # by content coding, the one that is usually smallest first
_NO_SUCH_NAME = (errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)
_EFFECTIVE = os.access in os.supports_effective_ids
_ON_WINDOWS = os.name == "nt"


class _Served(FileResponse):
    """A file whose conditions were looked at when it was chosen, where a subclass of `StaticFiles` may do it otherwise."""

    def is_not_modified(self, response_headers: Headers, request_headers: Headers) -> bool:
        return False


class _Found(str):
    """The path of a file, and its compressed siblings by coding."""

    siblings: dict[str, tuple[str, os.stat_result]]


class StaticFiles(StarletteStaticFiles):
    """The files of directories, by GET and HEAD, with conditions and ranges as of a `FileResponse`.

    What is no file within the directories is 404: paths that lead out of them, by links too, that no file can have, and
    devices of Windows. A file that may not be read is 401, another method 405.

    Args:
        directory: of the files.
        packages: more directories: that called `statics` of a package, or by (package, directory).
        html: serve `index.html` for directories, and `404.html` for what is not there.
        check_dir: raise `RuntimeError` now where the directory is missing.
        follow_symlink: also serve what links within the directories lead to outside.
        precompressed: serve `app.js.br`, `app.js.zst` or `app.js.gz` in the place of `app.js` to who takes that coding, by the
            weights in `Accept-Encoding`. They have to be made anew when the file changes.
    """

    def __init__(
        self,
        *,
        directory: PathLike | None = None,
        packages: Sequence[str | tuple[str, str]] | None = None,
        html: bool = False,
        check_dir: bool = True,
        follow_symlink: bool = False,
        precompressed: bool = False,
    ) -> None:
        chosen = None if packages is None else list(packages)
        super().__init__(directory=directory, packages=chosen, html=html, check_dir=check_dir, follow_symlink=follow_symlink)
        self.precompressed = precompressed

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """The full path and the status of what a path leads to; ("", None) for nothing. Called in a thread.

        Raises:
            PermissionError: it is there and may not be read.
        """
        if _ON_WINDOWS and _is_no_file_of_windows(path):
            return "", None
        try:
            full_path, found = super().lookup_path(path)
        except ValueError:  # a NUL, or what is no character
            return "", None
        except OSError as exc:
            if exc.errno in _NO_SUCH_NAME:
                return "", None
            raise
        if found is None or not stat.S_ISREG(found.st_mode):
            return full_path, found
        if not os.access(full_path, os.R_OK, effective_ids=_EFFECTIVE):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), full_path)
        if self.precompressed:
            full_path = self._with_siblings(full_path)
        return full_path, found

    def _with_siblings(self, full_path: str) -> _Found:
        known = _Found(full_path)
        known.siblings = {}
        for coding, suffix in _SUFFIXES.items():
            try:
                # The directory is real already; only the sibling itself could be a link that leads out of it.
                found = (os.stat if self.follow_symlink else os.lstat)(full_path + suffix)
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode) and os.access(full_path + suffix, os.R_OK, effective_ids=_EFFECTIVE):
                known.siblings[coding] = full_path + suffix, found
        return known

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The response for a path, as `get_path` makes it."""
        try:
            response = await super().get_response(path, scope)
        except PermissionError:  # of an index, too
            raise HTTPException(401) from None
        if isinstance(response, StarletteFileResponse) and not isinstance(response, FileResponse) and response.stat_result is not None:
            return self.file_response(response.path, response.stat_result, scope, response.status_code)  # the page for 404
        return response

    def file_response(self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200) -> Response:
        """The response with a file, or a compressed sibling of it, or 304."""
        request = Headers(scope=scope)
        siblings = full_path.siblings if isinstance(full_path, _Found) else {}
        coding = choose_coding(",".join(request.getlist("accept-encoding")), list(siblings))
        path, status = (full_path, stat_result) if coding is None else siblings[coding]
        media_type = guess_type(full_path)[0] or "application/octet-stream"
        response = _Served(path, status_code, media_type=media_type, stat_result=status)
        if coding is not None:
            response.headers["content-encoding"] = coding
            response.headers["etag"] = f'{response.headers["etag"][:-1]}-{coding}"'  # each form is another content
        if siblings:
            response.headers.add_vary_header("Accept-Encoding")
        if status_code == 200 and self.is_not_modified(response.headers, request):
            return not_modified(response.headers)
        return response

    def is_not_modified(self, response_headers: Headers, request_headers: Headers) -> bool:
        """Whether the client has the response with these fields already."""
        return is_not_modified(request_headers, response_headers)


def _is_no_file_of_windows(path: str) -> bool:
    """Whether a path names a device, a drive or a stream of a file, or what Windows takes for another name."""
    if ":" in path:
        return True
    if sys.version_info >= (3, 13):
        return ntpath.isreserved(path)
    trailing = (part for part in re.split(r"[/\\]", path) if part not in (".", "..") and part.endswith((".", " ")))
    return PureWindowsPath(path).is_reserved() or any(trailing)
