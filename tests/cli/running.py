"""Running djpkg as a person, a pipe or a script would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from typer.testing import CliRunner

from djpkg.cli import app

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = Path(__file__).parents[2] / "src"
RECORD = Path(__file__).parents[1] / "data" / "django-todo.json"
_STYLES = re.compile(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\")


class Ended(NamedTuple):
    """How a run ended, and what it said where."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def run(*arguments: str, stdin: str | bytes | None = None, env: Mapping[str, str] | None = None) -> Ended:
    """The command line in this process, with its output going into a pipe."""
    result = CliRunner().invoke(app, list(arguments), input=stdin, env=env, prog_name="djpkg")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(result.exit_code, result.stdout, result.stderr)


def look(*arguments: str, width: int = 100) -> Ended:
    """The same on a terminal of that width; what is drawn comes without styles."""
    ended = run(*arguments, env={"FORCE_COLOR": "1", "COLUMNS": str(width), "TERM": "xterm"})
    return ended._replace(out=_STYLES.sub("", ended.out))


def start(
    *arguments: str, env: Mapping[str, str] | None = None, stdin: bytes = b"", stdout: int = subprocess.PIPE
) -> Ended:
    """The program as a process of its own; `env` is added to the variables of this one."""
    ended = subprocess.run(
        [sys.executable, "-m", "djpkg", *arguments],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **(env or {})},
        check=False,
        timeout=30,
    )
    return Ended(ended.returncode, (ended.stdout or b"").decode(), ended.stderr.decode())
