"""Output: results on stdout, messages on stderr, and errors when either is closed or full."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, NoReturn, TextIO

from djpkg.errors import MirrorError
from djpkg.render.escape import ENCODE_ERRORS, escape, use_encoding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rich.console import RenderableType

    from djpkg.errors import DjpkgError


mirror_option: ContextVar[Path | None] = ContextVar("mirror_option", default=None)
"""The value of --db, for the commands that messages suggest."""


# Whether a status line is shown now: a message begins with its removal.
_status_shown: ContextVar[bool] = ContextVar("status_shown", default=False)
_CLEAR_LINE = "\r\x1b[K"


class OutputClosed(Exception):
    """The reader closed the pipe."""


def prepare() -> None:
    """Let both streams accept any character: those that an encoding lacks become marks, as in `escape`."""
    use_encoding(getattr(sys.stdout, "encoding", None))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=ENCODE_ERRORS)


def is_terminal(stream: TextIO | None = None) -> bool:
    """Whether a stream, by default stdout, is a terminal. FORCE_COLOR makes stdout count as one."""
    out = sys.stdout if stream is None else stream
    if stream is None and os.environ.get("FORCE_COLOR", "").lower() not in ("", "0", "false"):
        return True
    return out is not None and out.isatty()


def stderr_is_terminal() -> bool:
    """Whether a person reads the messages."""
    return sys.stderr is not None and sys.stderr.isatty()


def write_stdout(text: str) -> None:
    """Write to stdout. OutputClosed if the reader closed the pipe, MirrorError (74) for other errors."""
    if sys.stdout is None or not text:
        return
    try:
        sys.stdout.write(text)
    except OSError as error:
        raise output_error(error) from error


def flush() -> None:
    """Flush stdout, so that an error is still reported."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        raise output_error(error) from error


def write_stderr(text: str) -> None:
    """Write one line to stderr, with --db in the commands that it suggests; it is lost if stderr is closed or full."""
    _write_to_stderr(f"{escape(with_db(text))}\n")


@contextmanager
def status_line() -> Iterator[Callable[[str], None]]:
    """Yield a function that shows a short text on the last line of a terminal's stderr until the next one or the end.

    It does nothing in a pipe and on a terminal without control sequences.
    """
    if not stderr_is_terminal() or os.environ.get("TERM", "dumb") == "dumb":
        yield lambda _: None
        return

    def show(text: str) -> None:
        _write_to_stderr(escape(text)[: width() - 1])
        _status_shown.set(True)

    try:
        yield show
    finally:
        _write_to_stderr("")


def _write_to_stderr(text: str) -> None:
    """Write to stderr in place of the status line, if one is shown."""
    if sys.stderr is None:
        return
    if _status_shown.get():
        text = _CLEAR_LINE + text
        _status_shown.set(False)
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)


def with_db(text: str) -> str:
    """Return a message with the value of --db, if it was given, in the commands that it suggests."""
    if (db := mirror_option.get()) is None:
        return text
    from djpkg.cli.suggested_command import add_db_option  # noqa: PLC0415 - only with --db

    return add_db_option(text, db)


def write_note(text: str) -> None:
    """Write a note to stderr, on a terminal wrapped at its words."""
    if not stderr_is_terminal():
        write_stderr(text)
        return
    from djpkg.render import plain_lines  # noqa: PLC0415 - for terminals only

    for line in plain_lines.fill(escape(with_db(text)).split(" "), width=width()):
        _write_to_stderr(f"{line}\n")


def write_warning(text: str) -> None:
    """Write a line about trouble that does not end the command."""
    write_stderr(f"djpkg: {text}")


def print_error(error: DjpkgError) -> None:
    """Write an error on one line, and its hint on another."""
    write_stderr(f"djpkg: {error}")
    if error.hint:
        write_stderr(f"       {error.hint}")


def exit_now(code: int) -> NoReturn:
    """Exit without waiting for threads: one may be in a DNS lookup without a timeout."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, AttributeError):
            stream.flush()
    os._exit(code)


def discard(stream: TextIO | None = None) -> None:
    """Redirect a stream, by default stdout, to the null device, so that the flush at exit does not fail."""
    out = sys.stdout if stream is None else stream
    if out is not None:
        with suppress(OSError):  # a stream without a file descriptor
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def print_renderable(renderable: RenderableType) -> None:
    """Write a Rich renderable to stdout at the width of the terminal."""
    from rich.console import Console

    console = Console(
        width=width(),
        height=25,  # without a height Rich assumes 80 columns on a dumb terminal
        force_terminal=True,
        force_interactive=False,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    with console.capture() as captured:
        console.print(renderable)
    write_stdout(captured.get())


def width() -> int:
    """Return the width of the terminal in columns; COLUMNS overrides it."""
    import shutil  # noqa: PLC0415 - for terminals only

    return shutil.get_terminal_size((80, 24)).columns


def ascii_only() -> bool:
    """Whether the encoding of stdout lacks the symbols that tables use."""
    try:
        "★✎·▁█…".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return True
    return False


def supports_links() -> bool:
    """Whether the terminal supports links."""
    return os.environ.get("TERM", "dumb") != "dumb"


def output_error(error: OSError) -> Exception:
    """Return the exception for an error of stdout: OutputClosed for a closed pipe, else MirrorError."""
    if error.errno in (errno.EPIPE, errno.ESHUTDOWN):
        return OutputClosed()
    discard()
    return MirrorError(f"the output cannot be written: {error.strerror}")
