"""Child processes that share the loaded program, so that hundreds of them can be killed in seconds."""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import traceback
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from djpkg.errors import DjpkgError
from djpkg.mirror import connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOBODY = 65534


def run_in_child(work: Callable[[], Any], *, as_nobody: bool = False) -> Any:
    """Return what `work` returns in a child process, or ``{"error", "code", "hint"}`` for a DjpkgError.

    The result must be JSON. `as_nobody` drops the rights of root if the tests run with them. Any other exception fails
    the test.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if as_nobody and os.getuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            try:
                result = work()
            except DjpkgError as error:
                result = {"error": str(error), "code": error.exit_code, "hint": error.hint}
            except BaseException:  # noqa: BLE001 - reported to the parent
                result = {"traceback": traceback.format_exc()}
            os.write(writer, json.dumps(result).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        result = json.loads(pipe.read() or b"null")
    os.waitpid(child, 0)
    assert not (isinstance(result, dict) and "traceback" in result), result["traceback"]
    return result


def killed(work: Callable[[], Any]) -> bool:
    """Return whether a child that runs `work` died of SIGKILL, as by `die`, or of SIGXFSZ, as by `dying_in_commit`."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGKILL, signal.SIGXFSZ)


def die() -> None:
    """Kill this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


class _DyingConnection(sqlite3.Connection):
    """Kills its process before the n-th statement."""

    left = 0

    def execute(self, *args: Any) -> sqlite3.Cursor:
        _DyingConnection.left -= 1
        if _DyingConnection.left == 0:
            die()
        return super().execute(*args)


def dying_after(statements: int, work: Callable[[], object]) -> None:
    """Run `work` and kill this process before the n-th statement. For children only: it patches sqlite3."""
    _DyingConnection.left = statements
    pytest.MonkeyPatch().setattr(sqlite3, "connect", partial(sqlite3.connect, factory=_DyingConnection))
    work()


class _LimitedConnection(sqlite3.Connection):
    """Limits the size of files while it commits."""

    written = 0

    def execute(self, *args: Any) -> sqlite3.Cursor:
        if args[0] == "COMMIT" and super().execute("PRAGMA database_list").fetchone()[2]:  # a file
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.written, self.written))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        return super().execute(*args)


def dying_in_commit(written: int, work: Callable[[], object]) -> None:
    """Run `work` and kill this process where a COMMIT writes a page after so many bytes of the mirror.

    SQLite writes the pages in their order, so that those before it are in the file. For children only.
    """
    _LimitedConnection.written = written
    pytest.MonkeyPatch().setattr(sqlite3, "connect", partial(sqlite3.connect, factory=_LimitedConnection))
    work()


def use_no_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let mirrors be written without a journal, which would undo what a killed process wrote."""
    original = connection._open

    def without_journal(path: Path, mode: str, busy_seconds: float | None = None) -> sqlite3.Connection:
        db = original(path, mode, busy_seconds)
        if mode == "rw":
            db.execute("PRAGMA journal_mode = OFF")
        return db

    monkeypatch.setattr(connection, "_open", without_journal)
