"""The file of the mirror on disk: what it is, its names, and the files beside it. Nothing here opens one.

Opening a named pipe blocks, so each file is checked before SQLite or the lock opens it. Files that a command
replaces are checked too.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from djpkg.errors import MirrorError, MirrorMissing
from djpkg.text import describe_os_error

if TYPE_CHECKING:
    from typing import TypeAlias

    FileId: TypeAlias = tuple[int, int]

CREATING = "djpkg fetch --all creates it, or djpkg fetch --from URL from a snapshot"
OTHER_FILE = "name another file with --db or DJPKG_DB"
SQLITE_HEADER = b"SQLite format 3\0"
# Names of streams that the shell opened: `<(pip freeze)`. The name does not show the kind of file.
_OPEN_STREAM = re.compile(r"/dev/(?:stdin|fd/[0-9]+)|/proc/(?:self|[0-9]+)/fd/[0-9]+")
# Files that SQLite makes and reads beside the mirror.
_COMPANIONS = ("-journal", "-wal", "-shm")


def check_file(path: Path) -> None:
    """Raise MirrorMissing without a mirror at `path`, and MirrorError for something that cannot be one."""
    try:
        status = path.stat()
    except FileNotFoundError:
        for suffix in _COMPANIONS:
            check_companion(path, suffix)
        raise missing_error(path) from None
    except OSError as error:
        reason = describe_os_error(path, error)
        raise MirrorError(f"cannot read the mirror {path}: {reason}", hint=OTHER_FILE) from error
    if (kind := irregular_kind(status.st_mode)) is not None:
        raise MirrorError(f"{path} is {kind}, not a mirror", hint=OTHER_FILE)
    for suffix in _COMPANIONS:
        check_companion(path, suffix)
    # mktemp or touch may have made an empty file for djpkg to fill.
    if status.st_size == 0 and not os.path.lexists(real_path(path, "-journal")):
        raise missing_error(path)


def check_path(path: Path) -> None:
    """Raise MirrorError if something at `path` cannot be a mirror: a folder, a device."""
    try:
        check_file(path)
    except MirrorMissing:
        return


def check_companion(path: Path, suffix: str) -> None:
    """Raise MirrorError unless the file beside the mirror is missing or a regular file."""
    companion = real_path(path, suffix)
    try:
        kind = irregular_kind(companion.lstat().st_mode)
    except OSError:  # missing, or the mirror cannot be opened either
        return
    if kind is not None:
        raise MirrorError(f"cannot use the mirror {path}: {companion} is {kind}", hint="move it away, or " + OTHER_FILE)


def real_path(path: Path, suffix: str = "") -> Path:
    """Return the mirror's own path without symbolic links, or that of a file beside it."""
    return Path(f"{os.path.realpath(path)}{suffix}")


def file_id(path: Path) -> FileId | None:
    """Return what identifies the file at `path` for the system; None without a file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def check_unmoved(path: Path, opened: FileId | None) -> None:
    """Raise MirrorError if the file at `path` is no longer the one with this `file_id`."""
    if file_id(path) != opened:
        raise moved_error(path)


def irregular_kind(mode: int) -> str | None:
    """Return the kind of a file for a message; None for a regular file."""
    kinds = {
        stat.S_IFREG: None,
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFLNK: "a symbolic link",
    }
    return kinds.get(stat.S_IFMT(mode), "a device")


def check_replaceable(target: Path, file: Path) -> None:
    """Raise MirrorError unless `target`, which a command replaces, is missing or a regular file; `file` is its name."""
    try:
        kind = irregular_kind(target.stat().st_mode)
    except OSError:  # missing, or writing it reports the reason
        return
    if kind is not None:
        raise MirrorError(f"{file} is {kind}; nothing was written", hint="name another file")


def is_open_stream(name: str) -> bool:
    """Return whether the name is that of a stream that the shell opened, such as standard input."""
    return _OPEN_STREAM.fullmatch(name) is not None


def check_single_name(path: Path) -> None:
    """Raise MirrorError for a file with hard links, which must not be written.

    Locks and journals are found by name, so that two programs with two names for one file damage it
    (sqlite.org/howtocorrupt.html, section 2.5).
    """
    try:
        names = path.stat().st_nlink
    except OSError:
        return
    if names > 1:
        raise MirrorError(
            f"cannot write the mirror {path}: the file has {names} names (hard links)",
            hint="copy it to a file of its own; symbolic links are fine",
        )


def file_uri(path: Path, mode: str) -> str:
    """Return the URI with which SQLite opens a file; its name may be any bytes."""
    return f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}"


def missing_error(path: Path) -> MirrorMissing:
    """Return the error for a mirror that does not exist yet."""
    return MirrorMissing(f"there is no mirror at {path} yet", hint=CREATING)


def moved_error(path: Path) -> MirrorError:
    """Return the error for a file that was moved, deleted or replaced while it was open."""
    what = "replaced by another file" if os.path.lexists(path) else "moved or deleted"
    return MirrorError(
        f"the mirror {path} was {what} while djpkg wrote to it", hint="what was stored before went with the old file"
    )
