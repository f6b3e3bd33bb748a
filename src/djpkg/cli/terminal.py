"""The two ways out: the answer on stdout, the talk on stderr; and how either can be closed or full."""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, TextIO

from djpkg.errors import TERMINATED, MirrorError
from djpkg.render.escape import escape

if TYPE_CHECKING:
    from types import FrameType

    from djpkg.errors import DjpkgError


class OutputClosed(Exception):
    """Whoever read our output has had enough."""


def prepare() -> None:
    """Make both streams take any character, and SIGTERM end the program as an exception does, with its clean-up."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, _terminate)


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether the answer goes to a person: stdout is a terminal, or FORCE_COLOR says to treat it as one."""
    out = sys.stdout if stream is None else stream
    if stream is None and os.environ.get("FORCE_COLOR", "").lower() not in ("", "0", "false"):
        return True
    return out is not None and out.isatty()


def write_stdout(text: str) -> None:
    """Write to stdout. OutputClosed when nobody reads it any more, MirrorError (74) when it cannot be written."""
    if sys.stdout is None or not text:
        return
    try:
        sys.stdout.write(text)
    except OSError as error:
        raise output_error(error) from error


def flush() -> None:
    """Hand over what is buffered, while an error can still be told."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        raise output_error(error) from error


def write_stderr(text: str) -> None:
    """One line of talk on stderr; a stderr that is closed or full loses it."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"{escape(text)}\n")
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)


def print_error(error: DjpkgError) -> None:
    """An error as one line, and the next step as another."""
    write_stderr(f"djpkg: {error}")
    if error.hint:
        write_stderr(f"       {error.hint}")


def exit_now(code: int) -> NoReturn:
    """End now: the interpreter would wait for threads, and one may look up a name at a server that is silent."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):
            stream.flush()
    os._exit(code)


def discard(stream: TextIO | None = None) -> None:
    """Let the interpreter's own flush at exit find nothing to complain about: on stdout, or on another stream."""
    out = sys.stdout if stream is None else stream
    if out is not None:
        with suppress(OSError):  # one that has no file
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def width() -> int:
    """Columns of the terminal, COLUMNS first."""
    import shutil  # noqa: PLC0415 - for terminals only

    return shutil.get_terminal_size((80, 24)).columns


def encoding() -> str:
    """What stdout can show."""
    return getattr(sys.stdout, "encoding", None) or "ascii"


def output_error(error: OSError) -> Exception:
    """What becomes of an error of stdout: OutputClosed where nobody reads it, else MirrorError."""
    if error.errno in (errno.EPIPE, errno.ESHUTDOWN):
        return OutputClosed()
    discard()
    return MirrorError(f"the output cannot be written: {error.strerror}")


def _terminate(number: int, frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)
