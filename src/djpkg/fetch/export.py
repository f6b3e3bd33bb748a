"""Writes a snapshot of a mirror to a file.

The mirror is copied first, which takes a moment: so the snapshot is of one point in time, and a fetch goes on. What a
reader would refuse is left out.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from collections import deque
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, NamedTuple

from djpkg.errors import MirrorError, UnexpectedPayload
from djpkg.mirror.connection import open_copy
from djpkg.mirror.files import check_replaceable, real_path
from djpkg.mirror.snapshot_export import Content, SnapshotLines
from djpkg.model import snapshot
from djpkg.sources.http.decompress import MIB
from djpkg.sources.snapshot.lines import parse_line
from djpkg.text import describe_os_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

_LEVEL = 9
_GZIP = zlib.MAX_WBITS | 16
_MODE = 0o666  # less the umask: a snapshot is there to be read by others


class Exported(NamedTuple):
    """A written snapshot: its packages and its size in bytes.

    `damaged` are the names of the packages that were left out, `incomplete` those of packages without some of their
    facts.
    """

    packages: int
    size: int
    damaged: list[str]
    incomplete: list[str]


def export_snapshot(mirror: Path, target: Path, *, history: bool, participants: bool, now: datetime) -> Exported:
    """Write the snapshot to `target`, which has either its old content or the whole new one.

    Raises MirrorMissing, and MirrorError also where there is no package to write.
    """

    def check(line: bytes) -> None:
        try:
            parse_line(line, 0, made)
        except UnexpectedPayload as error:
            raise ValueError(str(error)) from error
        if len(line) > snapshot.MAX_LINE:
            raise ValueError("too long")

    made = now.replace(microsecond=0)
    with open_copy(mirror) as db:
        lines = SnapshotLines(db, Content(history, participants), now=made, check=check)
        packages, events, head = _Part(), _Part(), _Part()
        # The first line has the number of packages, which is known last.
        packages.add(lines.packages())
        events.add(deque(lines.events(), maxlen=snapshot.MAX_EVENTS))
        head.add(lines.head())
    if not lines.count:
        reason = "all packages have damaged rows" if lines.damaged else "nothing fetched yet"
        raise MirrorError(f"no snapshot was written: {reason}", hint="run djpkg fetch --all first")
    parts = [head, packages, events]
    end = _Part()
    end.add([lines.end(sum(part.lines for part in parts))])
    parts.append(end)
    size = sum(part.size for part in parts)
    if size > snapshot.max_size(lines.count):
        limit = f"{snapshot.max_size(lines.count) // MIB:,} MiB for {lines.count:,} packages"
        hint = "make it without --history" if history else None
        raise MirrorError(f"the snapshot would be larger than the limit of {limit}", hint=hint)
    with _replacing(target) as file:
        for part in parts:
            file.write(part.compressed)
    return Exported(lines.count, sum(len(part.compressed) for part in parts), lines.damaged, lines.incomplete)


class _Part:
    """A part of the lines, compressed: the parts of a gzip file may follow one another (RFC 1952, section 2.2)."""

    def __init__(self) -> None:
        self.compressed = bytearray()
        self.lines = 0
        self.size = 0

    def add(self, lines: Iterable[bytes]) -> None:
        """Compress the lines, once."""
        compressor = zlib.compressobj(_LEVEL, wbits=_GZIP)
        for line in lines:
            self.lines += 1
            self.size += len(line)
            self.compressed += compressor.compress(line)
        self.compressed += compressor.flush()


@contextmanager
def _replacing(target: Path) -> Iterator[IO[bytes]]:
    """Open a file beside `target` that replaces it at the end of the block; after an error `target` is unchanged.

    A killed process leaves the file, which the next one uses. Two at once would mix their content, so it is locked.
    """
    check_replaceable(target, target)
    target = real_path(target)
    part = target.with_name(f"{target.name}.part")
    check_replaceable(part, part)
    try:
        with suppress(FileNotFoundError):
            target.stat()  # fails for a loop of symbolic links, which would be replaced
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _MODE), "r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_mine = os.fstat(file.fileno()).st_ino == part.stat().st_ino
            except (BlockingIOError, FileNotFoundError):
                is_mine = False
            if not is_mine:
                raise MirrorError(f"another djpkg snapshot writes {target}", hint="wait until it has finished")
            try:
                file.truncate()
                yield file
                file.flush()
                os.fsync(file.fileno())
                part.replace(target)
            except BaseException:
                with suppress(OSError):
                    part.unlink()
                raise
    except OSError as error:
        reason = describe_os_error(target, error)
        raise MirrorError(f"cannot write the snapshot {target}: {reason}", hint="name another file") from error
