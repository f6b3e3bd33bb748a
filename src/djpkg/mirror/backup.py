"""A complete copy of the mirror in another file, with everything private in it.

The copy is made by SQLite's backup API in one step, so it is consistent while other programs write. It is written to a
temporary file and renamed: the file has either its former content or the whole copy.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import stat
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING

from djpkg.errors import FetchRunning, MirrorError, UsageError
from djpkg.mirror import files, schema
from djpkg.mirror.connection import fail_if_locked, open_as_stored
from djpkg.mirror.lock import lock_file
from djpkg.text import describe_os_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The offsets are those of sqlite.org/fileformat.html: of the application id, and of the versions for writing and
# reading, which are 1 for a rollback journal and 2 for WAL.
_APPLICATION_ID_AT, _HEADER_BYTES = 68, 100
_VERSIONS_AT, _ROLLBACK_JOURNAL = 18, b"\x01\x01"
# Files beside a mirror that belong to it.
_OWN_SUFFIXES = ("-journal", "-wal", "-shm", ".lock")
_JOURNALS = ("-journal", "-wal")
_OTHER_FILE = "name another file"


def backup(path: Path, file: Path, *, busy_seconds: float | None = None) -> None:
    """Copy the mirror at `path` to `file`, with the same permissions.

    A symbolic link is followed. The copy has a rollback journal, also that of a mirror in WAL mode, so that it is one
    file. Raises UsageError for the mirror itself, whatever name it has, and MirrorError for an existing file that is
    not a mirror or cannot be written; `busy.retry` waits for other programs.
    """
    target = files.real_path(file)
    _check_not_own(path, target, file)
    with ExitStack() as stack:
        db = stack.enter_context(open_as_stored(path, busy_seconds=busy_seconds))
        try:
            if _check_replaceable(target, file) and files.real_path(target, ".lock").exists():
                stack.enter_context(lock_file(target))  # a fetch into an older copy
            temporary, descriptor = stack.enter_context(_temporary_file(target))
            _copy(db, temporary)
            os.pwrite(descriptor, _ROLLBACK_JOURNAL, _VERSIONS_AT)
            os.fchmod(descriptor, stat.S_IMODE(path.stat().st_mode))
            os.fsync(descriptor)
            _check_no_journal(target, file)
            temporary.replace(target)
            with suppress(OSError):  # the copy is in place, and some file systems cannot do it
                _sync_folder(target.parent)
        except OSError as error:
            is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise _write_error(file, describe_os_error(target, error), is_full=is_full) from error
        except sqlite3.OperationalError as error:
            if (reason := _write_failure(error)) is None:
                raise
            raise _write_error(file, reason, is_full=True) from error


def _check_not_own(path: Path, target: Path, file: Path) -> None:
    """Raise UsageError if `target` is the mirror itself, or a file that belongs to it."""
    mirror = files.real_path(path)
    if target == mirror or (files.file_id(target) is not None and files.file_id(target) == files.file_id(mirror)):
        raise UsageError(f"{file} is the mirror itself", hint=_OTHER_FILE)
    if target in [files.real_path(path, suffix) for suffix in _OWN_SUFFIXES]:
        raise UsageError(f"{file} belongs to the mirror", hint=_OTHER_FILE)


def _check_replaceable(target: Path, file: Path) -> bool:
    """Return whether `target` is a file with a mirror, which is replaced. Raises MirrorError for any other content."""
    _check_no_journal(target, file)
    files.check_replaceable(target, file)
    try:
        status = target.stat()
    except FileNotFoundError:
        return False
    if status.st_size == 0:  # mktemp may have made it
        return False
    with target.open("rb") as opened:
        header = opened.read(_HEADER_BYTES)
    application_id = int.from_bytes(header[_APPLICATION_ID_AT : _APPLICATION_ID_AT + 4])
    if not header.startswith(files.SQLITE_HEADER) or application_id != schema.APPLICATION_ID:
        raise MirrorError(
            f"{file} exists and is not a mirror of djpkg; it was not replaced", hint=f"{_OTHER_FILE}, or move it away"
        )
    files.check_single_name(target)
    return True


def _check_no_journal(target: Path, file: Path) -> None:
    """Raise MirrorError if there is a journal beside `target`, which SQLite would apply to the new file."""
    for suffix in _JOURNALS:
        journal = files.real_path(target, suffix)
        if os.path.lexists(journal):
            raise MirrorError(
                f"{journal} exists: another program uses {file}, or was killed while it wrote to it",
                hint=f"djpkg status --db {file} completes an unfinished write; or {_OTHER_FILE}",
            )


@contextmanager
def _temporary_file(target: Path) -> Iterator[tuple[Path, int]]:
    """Create an empty file beside `target` for the owner alone; what is left of it in the end is deleted.

    The name is always the same, so that a copy which was killed leaves at most one file, which the next one uses.
    """
    temporary = target.with_name(f".{target.name}.djpkg.tmp")
    files.check_replaceable(temporary, temporary)
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FetchRunning(f"another backup to {target} is running") from None
        created = os.fstat(descriptor)
        if files.file_id(temporary) != (created.st_dev, created.st_ino):  # the other backup has just renamed it
            raise FetchRunning(f"another backup to {target} is running")
        try:
            os.ftruncate(descriptor, 0)
            os.fchmod(descriptor, 0o600)
            yield temporary, descriptor
        finally:
            if files.file_id(temporary) == (created.st_dev, created.st_ino):
                temporary.unlink()
    finally:
        os.close(descriptor)


def _copy(db: sqlite3.Connection, temporary: Path) -> None:
    with closing(sqlite3.connect(files.file_uri(temporary, "rw"), uri=True, isolation_level=None)) as copy:
        # The file is nothing until it is renamed, and synchronized before.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        db.backup(copy, progress=fail_if_locked)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_failure(error: sqlite3.OperationalError) -> str | None:
    """Return why SQLite could not write the copy; None for an error of the mirror."""
    match getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return "the disk is full"
        case sqlite3.SQLITE_IOERR:
            return f"disk error ({error.sqlite_errorname})"
    return None


def _write_error(file: Path, reason: str, *, is_full: bool) -> MirrorError:
    hint = f"free some space, or {_OTHER_FILE}" if is_full else _OTHER_FILE
    return MirrorError(f"cannot write {file}: {reason}; it is unchanged", hint=hint)
