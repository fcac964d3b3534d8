"""An unfinished download on disk: `<path>.part`, the notes beside it, and the move to its place. Blocking; knows no network."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fasthttp._pure.downloads import NOTHING, Kept, kept_from

__all__ = ["PartFile", "check_target", "find_unfinished"]

_NOTES_SIZE = 65536
_BLOCK = 1 << 20
_NOTES = ".part.json"

_claimed: set[str] = set()
_claims = threading.Lock()


def check_target(path: Path, overwrite: bool) -> str:
    """Raise what would make the move to `path` fail in the end: `FileExistsError`, `FileNotFoundError`, `NotADirectoryError`.

    Returns the real path of the place, links in it resolved.
    """
    if path.exists():
        if not overwrite:
            raise FileExistsError(errno.EEXIST, "the target exists, and overwrite=False", str(path))
        if not path.is_file():
            raise FileExistsError(errno.EEXIST, "the target exists and is not a regular file", str(path))
    elif not path.parent.is_dir():
        code = errno.ENOTDIR if path.parent.exists() else errno.ENOENT
        raise OSError(code, "the target's parent is not a directory", str(path))
    return os.path.normcase(os.path.join(os.path.realpath(path.parent), path.name))


def find_unfinished(folder: Path, url: str) -> Path | None:
    """The path whose unfinished download from `url` lies in this directory."""
    for notes in sorted(folder.glob(f"*{_NOTES}")):
        path = notes.with_name(notes.name.removesuffix(_NOTES))
        if _recall(path, url).validator is not None:
            return path
    return None


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _recall(path: Path, url: str) -> Kept:
    try:
        size = _beside(path, ".part").lstat().st_size
        with open(_beside(path, _NOTES), encoding="utf-8", errors="replace", opener=_open) as file:
            return kept_from(file.read(_NOTES_SIZE), url, size)
    except OSError:
        return NOTHING


def _open(name: str, flags: int) -> int:
    # A link that somebody else put there must not lead our writing elsewhere.
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


class PartFile:
    """One unfinished file, which only one download of this process may have at a time.

    Its steps may run in worker threads, also when whoever waited for one is gone: each waits for the one before.

    Args:
        path: where the file will be in the end.
        key: what every name of that place has in common, from `check_target`.
        algorithm: name of the hash that `digest` gives.

    Raises `RuntimeError` when another download is writing to the same place.
    """

    def __init__(self, path: Path, key: str, algorithm: str | None) -> None:
        self.path = path
        self.size = 0
        self._algorithm = algorithm
        self._hash: Any = None
        self._part = _beside(path, ".part")
        self._notes = _beside(path, _NOTES)
        self._file: Any = None
        self._busy = threading.Lock()
        self._closed = False
        self._key = key
        with _claims:
            if key in _claimed:
                raise RuntimeError(f"another download to {path} is running in this process")
            _claimed.add(key)

    def recall(self, url: str) -> Kept:
        """What is here from an earlier download of `url`."""
        return _recall(self.path, url)

    def begin(self, offset: int, notes: str) -> None:
        """Be ready to write at `offset`, the end of what is here, or at 0, which forgets it."""
        with self._busy:
            if self._closed:
                return  # nobody waits for this thread any more
            if offset and self._file is None:
                self._file = open(self._part, "r+b", buffering=0, opener=_open)  # noqa: SIM115
                self._hash = self._hash_of_file()
                if self.size != offset:
                    raise OSError(errno.EBUSY, f"has {self.size} bytes and had {offset}: somebody else writes to it", str(self._part))
            elif not offset:
                self._notes.unlink(missing_ok=True)  # first: notes without their bytes must never be seen
                if self._file is None:
                    self._file = open(self._part, "w+b", buffering=0, opener=_open)  # noqa: SIM115
                self._file.seek(0)
                self._file.truncate()
                self.size = 0
                self._hash = hashlib.new(self._algorithm) if self._algorithm else None
            with open(self._notes, "w", encoding="utf-8", opener=_open) as file:
                file.write(notes)

    def _hash_of_file(self) -> Any:
        hasher = hashlib.new(self._algorithm) if self._algorithm else None
        if hasher is None:
            self.size = self._file.seek(0, os.SEEK_END)
        else:
            self.size = 0
            while block := self._file.read(_BLOCK):
                hasher.update(block)
                self.size += len(block)
        return hasher

    def write(self, pieces: Sequence[bytes]) -> None:
        """Append these bytes."""
        with self._busy:
            if self._closed:
                return
            for piece in pieces:  # one by one: joining them would copy all there is
                if self._hash is not None:
                    self._hash.update(piece)
                data = memoryview(piece)
                while data:
                    written = self._file.write(data)
                    self.size += written
                    data = data[written:]

    def digest(self) -> str | None:
        """The digest of all bytes, None without an algorithm."""
        return self._hash.hexdigest() if self._hash is not None else None

    def commit(self, overwrite: bool) -> None:
        """Move the file to its place, at once and as a whole."""
        self._shut()
        check_target(self.path, overwrite)
        os.replace(self._part, self.path)
        self._notes.unlink(missing_ok=True)

    def discard(self) -> None:
        """Delete what is here."""
        self._shut()
        self._notes.unlink(missing_ok=True)
        self._part.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file; what has been written stays."""
        with self._busy:
            closed, self._closed = self._closed, True
        self._shut()
        if not closed:
            with _claims:
                _claimed.remove(self._key)

    def _shut(self) -> None:
        with self._busy:
            file, self._file = self._file, None
            if file is not None:
                file.close()
