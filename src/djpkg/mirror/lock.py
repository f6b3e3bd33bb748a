"""The fetch lock, a file lock that ends with its process, and creating and upgrading the mirror under it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from djpkg.errors import FetchRunning, MirrorBusy, MirrorError
from djpkg.mirror import busy, connection, files, schema
from djpkg.mirror.seed import store_seed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def fetch_lock(path: Path) -> Iterator[None]:
    """Hold the fetch lock of the mirror at `path`, which may be missing. Raises what `lock_file` raises.

    For a file that is not a mirror it raises MirrorError, and makes no lock beside it.
    """
    with suppress(MirrorBusy):  # the caller waits for the other program while it holds the lock
        connection.find_version(path, busy_seconds=busy.ATTEMPT)
    with lock_file(path):
        yield


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold the fetch lock of `path`, whatever it contains. Raises FetchRunning at once if it is taken, and MirrorError.

    All symbolic links to one file share its lock. The lock is a separate file: closing the mirror's own file would drop
    SQLite's locks of the whole process (sqlite.org/howtocorrupt.html, section 2.2). It stays, but not if it was made
    for a block that fails or leaves no file at `path`: then it is deleted, with the folders that were made for it.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - 25 ms, only for writing

    files.check_path(path)
    files.check_single_name(path)
    files.check_companion(path, ".lock")
    file = files.real_path(path, ".lock")
    is_new, new_folders = not file.exists(), [folder for folder in file.parents if not folder.exists()]
    lock = FileLock(file, timeout=0, mode=0o600)
    try:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except (Timeout, FileNotFoundError):
            if file.exists():
                raise
            # Its holder may have deleted the file meanwhile.
            file.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
    except (Timeout, FileNotFoundError) as error:
        if not file.exists():  # filelock takes a failed creation for a race with a process that deletes the file
            folder = next(parent for parent in file.parents if parent.exists())
            reason = f"no file can be created in {folder}"
            raise MirrorError(f"cannot write the mirror {path}: {reason}", hint=files.OTHER_FILE) from error
        raise FetchRunning(f"another fetch of {path} is running", hint="wait until it has finished") from error
    except (OSError, NotImplementedError) as error:
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else "its file system has no locks"
        raise MirrorError(f"cannot write the mirror {path}: {reason}", hint=files.OTHER_FILE) from error
    is_used = False
    try:
        yield
        is_used = path.exists()
    finally:
        if is_new and not is_used:
            with suppress(OSError):
                file.unlink()  # while it is locked; a process that has opened it finds it deleted and fails
        lock.release()
        if is_new and not is_used:
            with suppress(OSError):  # another process uses the folder
                for folder in new_folders:
                    folder.rmdir()


def ensure(path: Path) -> None:
    """Create the mirror with the seed record if it is missing, or upgrade an older one.

    Takes the fetch lock only if there is something to do. Raises FetchRunning if another process has it, and
    MirrorError; `busy.retry` waits for other programs.
    """
    if connection.find_version(path, busy_seconds=busy.ATTEMPT) == schema.VERSION:
        return
    with fetch_lock(path):
        ensure_locked(path)


def ensure_locked(path: Path) -> None:
    """Do the same for a caller that holds the fetch lock."""
    version = connection.find_version(path, busy_seconds=busy.ATTEMPT)
    if version is None:
        connection.create(path, fill=store_seed)
    elif version < schema.VERSION:
        connection.upgrade(path)
