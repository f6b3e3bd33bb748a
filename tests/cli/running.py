"""Run djpkg in this process, as a process, and on a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from typer.main import get_command
from typer.testing import CliRunner

from djpkg.cli import terminal
from djpkg.cli.app import app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SOURCE = Path(__file__).parents[2] / "src"
RECORD = Path(__file__).parents[1] / "data" / "django-todo.json"
_COMMAND = get_command(app)
_STYLES = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


class Result(NamedTuple):
    """Exit code and output of a run."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def run(*arguments: str, stdin: str | bytes | None = None, env: Mapping[str, str] | None = None) -> Result:
    """Run the command line in this process, with its output in a pipe."""
    code: object = None
    terminal.mirror_option.set(None)
    with CliRunner().isolation(input=stdin, env=env) as (out, err, _):
        try:
            _COMMAND.main(list(arguments), prog_name="djpkg")
        except SystemExit as ending:
            code = ending.code or 0
        sys.stdout.flush()
        sys.stderr.flush()
        texts = [stream.getvalue().decode(errors="replace").replace("\r\n", "\n") for stream in (out, err)]
    assert isinstance(code, int)
    return Result(code, *texts)


def run_on_terminal(*arguments: str, width: int = 100) -> Result:
    """Run it as if stdout were a terminal of that width; the output has no styles."""
    completed = run(*arguments, env={"FORCE_COLOR": "1", "COLUMNS": str(width), "TERM": "xterm"})
    return completed._replace(out=_STYLES.sub("", completed.out))


def run_process(
    *arguments: str, env: Mapping[str, str] | None = None, stdin: bytes = b"", stdout: int = subprocess.PIPE
) -> Result:
    """Run the program as a process, with the variables of this process and `env`."""
    completed = subprocess.run(
        [sys.executable, "-m", "djpkg", *arguments],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **(env or {})},
        check=False,
        timeout=120,
    )
    return Result(completed.returncode, (completed.stdout or b"").decode(), completed.stderr.decode())


def run_on_pty(
    *arguments: str, width: int = 100, env: Mapping[str, str] | None = None, messages_too: bool = False
) -> Result:
    """Run the program as a process on a pseudo-terminal of that width; the output has no styles.

    stderr is a pipe, or with `messages_too` the terminal as well: then `out` contains both.
    """
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        program = subprocess.Popen(
            [sys.executable, "-m", "djpkg", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs if messages_too else subprocess.PIPE,
            env={**kept, "PYTHONPATH": str(SOURCE), "TERM": "xterm", **(env or {})},
        )
        os.close(theirs)
        theirs = -1
        output = b"".join(read_terminal(ours))
        err = ""
        if program.stderr is not None:
            with program.stderr as stream:
                err = stream.read().decode()
        return Result(program.wait(timeout=120), _STYLES.sub("", output.decode()).replace("\r\n", "\n"), err)
    finally:
        os.close(ours)
        if theirs >= 0:
            os.close(theirs)


def read_terminal(terminal: int) -> Iterator[bytes]:
    """Yield what is written to a pseudo-terminal until its other end is closed."""
    with contextlib.suppress(OSError):  # Linux: the other end is closed
        while piece := os.read(terminal, 1 << 16):
            yield piece
