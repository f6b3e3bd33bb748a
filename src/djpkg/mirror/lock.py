"""One fetch at a time, by a file lock that dies with its holder; and the making of a mirror under it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from djpkg.errors import FetchRunning, MirrorError
from djpkg.mirror import connection, schema
from djpkg.mirror.seed import store_seed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def fetch_lock(path: Path) -> Iterator[None]:
    """Hold the lock of the mirror at `path`. FetchRunning at once where another has it; MirrorError without permission,
    or where something else is at that place.

    The lock is a file of its own beside the mirror: whoever opened and closed the mirror's own file in the process that
    writes to it would give SQLite's locks away (sqlite.org/howtocorrupt.html, section 2.2).
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - 25 ms, for those that write

    connection.check_place(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{path}.lock", timeout=0, mode=0o600)
        lock.acquire()
    except Timeout as error:
        raise FetchRunning(f"another fetch of {path} is running") from error
    except (OSError, NotImplementedError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its file system has no locks"
        raise MirrorError(
            f"the mirror {path} cannot be written: {reason}", hint="name another file with --db or DJPKG_DB"
        ) from error
    try:
        yield
    finally:
        lock.release()


def ensure(path: Path) -> None:
    """Make the mirror where there is none, with the starter record, and bring an older one up to date.

    Takes the fetch lock only if there is something to do. Raises FetchRunning and MirrorError.
    """
    if connection.find_version(path) == schema.VERSION:
        return
    with fetch_lock(path):
        ensure_locked(path)


def ensure_locked(path: Path) -> None:
    """The same for a caller that holds the fetch lock."""
    version = connection.find_version(path)
    if version is None:
        connection.create(path, fill=store_seed)
    elif version < schema.VERSION:
        connection.upgrade(path)
