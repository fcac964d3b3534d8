"""What the commands print: marks and colours on a terminal, plain text in a pipe. Knows nothing of requests."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copymode
from typing import Any, TextIO

import typer

from fasthttp.app.report import _ASCII as PLAIN_MARKS
from fasthttp.app.report import _wants_colour as wants_colour
from httpwire.masking import mask_text

__all__ = ["CommandError", "failure", "one_line", "reported", "save", "say", "show", "wants_colour"]

# Typer has a copy of click inside from 0.26 on and depends on it before that: this is `ClickException` of whichever it is.
CommandError: Any = typer.BadParameter.__mro__[2]

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def one_line(error: BaseException) -> str:
    """The message of an error as one line that cannot steer a terminal."""
    text = " ".join(f"{error}".split()) or type(error).__name__
    return _visible(mask_text(text))


def say(mark: str, text: str, colour: str) -> None:
    """One line on stderr."""
    show([(mark, f"bold {colour}"), (f" {text}\n", "")], sys.stderr)


def failure(text: str, code: int) -> typer.Exit:
    """What ends the command with this code, after its one line, which it has as a note."""
    show([("✖ Error:", "bold red"), (f" {text}\n", "")], sys.stderr)
    ended = typer.Exit(code)
    ended.add_note(text)
    return ended


@contextmanager
def reported(code: int, *, debug: bool = False) -> Iterator[None]:
    """Make one line and an exit code of whatever is raised inside; with `debug`, after its traceback."""
    try:
        yield
    except (typer.Exit, CommandError):
        raise
    except KeyboardInterrupt:
        raise failure("interrupted", 130) from None
    except BrokenPipeError:
        # The reader has seen enough. What is still buffered would be tried again at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except Exception as exc:
        if _is_interrupted(exc):
            raise failure("interrupted", 130) from None
        if debug:
            show([(mask_text("".join(traceback.format_exception(exc))), "dim")], sys.stderr)
        raise failure(one_line(exc), 2 if isinstance(exc, NotImplementedError) else code) from exc


def _is_interrupted(error: BaseException | None) -> bool:
    """Whether an error came up while Ctrl+C was dealt with: uvloop's complaint, for one, about a loop that it broke off."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def show(parts: Iterable[tuple[str, str]], stream: TextIO | None = None) -> None:
    """Write pieces of text to a stream, stdout by default.

    Args:
        parts: texts with the style that each has on a terminal; "json" colours it as such. A text that the stream
            cannot encode is written with plain marks and escapes.
    """
    stream = sys.stdout if stream is None else stream
    if stream is None:
        return  # it was closed before the command began
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if stream.isatty():
        parts = [(_visible(text), style) for text, style in parts]
    parts = [(_encodable(text, style, encoding), style) for text, style in parts]
    if wants_colour(stream):
        _coloured(parts, stream)
    else:
        stream.write("".join(text for text, _ in parts))
    stream.flush()


def save(path: Path, data: bytes) -> None:
    """Put bytes into a file, which at no time has only some of them."""
    path = path.resolve()
    if path.exists() and not path.is_file():
        path.write_bytes(data)  # a device or a pipe; a directory raises
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        if path.exists():
            copymode(path, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _visible(text: str) -> str:
    """Control characters as escapes: what comes from a server must not steer a terminal."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text.replace("\r\n", "\n"))


def _encodable(text: str, style: str, encoding: str) -> str:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        if style == "json":  # anything outside of ASCII stands in a string, which has an escape for it
            return _NOT_ASCII.sub(_json_escape, text)
        return text.translate(PLAIN_MARKS).encode("ascii", "backslashreplace").decode("ascii")
    return text


def _json_escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def _coloured(parts: Iterable[tuple[str, str]], stream: TextIO) -> None:
    from rich.console import Console
    from rich.highlighter import JSONHighlighter
    from rich.text import Text

    whole = Text()
    for text, style in parts:
        whole.append_text(JSONHighlighter()(Text(text)) if style == "json" else Text(text, style))
    Console(file=stream, force_terminal=True, highlight=False, emoji=False).print(whole, soft_wrap=True, end="")
