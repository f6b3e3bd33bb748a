"""Reads a snapshot line by line, within limits of size, and checks that its lines belong together.

What is read is valid only once the end of the snapshot is reached: a cut file ends with an error.
"""

from __future__ import annotations

import hashlib
import zlib
from datetime import timedelta
from typing import IO, TYPE_CHECKING

from djpkg.errors import UnexpectedPayload, Unreachable
from djpkg.model import snapshot
from djpkg.model.facts import CatalogFacts, Category, Grid
from djpkg.model.snapshot import FactsLine
from djpkg.source_name import SourceName
from djpkg.sources.http.decompress import CHUNK_SIZE, MIB, Decompressor
from djpkg.sources.snapshot.lines import SNAPSHOT, NotASnapshot, invalid, parse_head, parse_line
from djpkg.sources.snapshot.structs import End
from djpkg.times import format_time

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator
    from datetime import datetime

    from djpkg.model.snapshot import Head, Line

# Clocks differ by seconds.
MAX_CLOCK_DIFFERENCE = timedelta(minutes=5)
_GZIP = b"\x1f\x8b"
_CATALOG, _PYPI = SourceName.CATALOG, SourceName.PYPI


class SnapshotReader:
    """The lines of the snapshot in `file`, which `read` reads from its start, once or more often.

    `on_chunk` is called before each chunk that is read, and may raise. A snapshot later than `now` is refused.
    """

    def __init__(self, file: IO[bytes], *, now: datetime, on_chunk: Callable[[], None] = lambda: None) -> None:
        self._file = file
        self._now = now
        self._on_chunk = on_chunk
        self.head = self._read_head()

    def read(self) -> Iterator[Line]:
        """Yield all lines but the first and the last. Raises UnexpectedPayload, at the latest at the end."""
        lines = _split_lines(self._chunks(snapshot.max_size(self.head.packages)))
        next(lines)
        checks = _Checks(self.head)
        number = 1
        ended = False
        for body in lines:
            number += 1
            if ended:
                raise invalid("there are lines after its last one")
            line = parse_line(body, number, self.head.made)
            if isinstance(line, End):
                if line.lines != number:
                    raise invalid(f"it has {number:,} lines, and its last one states {line.lines:,}")
                ended = True
                continue
            reason = checks.check(line)
            if reason is not None:
                raise invalid(f"line {number}: {reason}")
            yield line
        if not ended:
            raise invalid("it was cut: its last line is missing")
        if reason := checks.finish():
            raise invalid(reason)

    def check(self, sha256: str | None) -> str:
        """Read everything and return the SHA-256 of the file, in hexadecimal digits.

        Raises UnexpectedPayload, also for a file whose digest is not `sha256`; None allows any.
        """
        self._file.seek(0)
        digest = hashlib.sha256()
        while chunk := self._file.read(CHUNK_SIZE):
            self._on_chunk()
            digest.update(chunk)
        found = digest.hexdigest()
        if sha256 not in (None, found):
            raise invalid(f"its SHA-256 is {found}, and not {sha256}")
        for _ in self.read():
            pass
        return found

    def _read_head(self) -> Head:
        self._file.seek(0)
        if not self._file.read(len(_GZIP)).startswith((_GZIP, b"{")):
            raise NotASnapshot
        body = next(_split_lines(self._chunks(snapshot.MAX_SIZE)), b"")
        head = parse_head(body)
        if head.made > self._now + MAX_CLOCK_DIFFERENCE:
            made, now = format_time(head.made), format_time(self._now)
            raise invalid(f"it was made at {made}, which is later than now ({now})", hint="check the clocks")
        return head

    def _chunks(self, max_size: int) -> Iterator[bytes]:
        for chunk in self._decompress(max_size):
            self._on_chunk()
            yield chunk

    def _decompress(self, max_size: int) -> Iterator[bytes]:
        """Yield the content; a web server may have removed the compression."""
        self._file.seek(0)
        chunk = self._file.read(CHUNK_SIZE)
        compressed = chunk.startswith(_GZIP)
        decompressor = Decompressor("gzip" if compressed else "", max_size=max_size, name=f"{SNAPSHOT}: the file")
        try:
            while chunk:
                yield from decompressor.feed(chunk)
                chunk = self._file.read(CHUNK_SIZE)
            yield from decompressor.finish()
        except Unreachable as error:
            raise invalid("it was cut: the compressed data has no end") from error
        except UnexpectedPayload as error:
            if isinstance(error.__cause__, zlib.error):
                raise invalid("its compressed data is invalid") from error
            limit = f"{snapshot.max_size(self.head.packages) // MIB:,} MiB for {self.head.packages:,} packages"
            raise invalid(f"it is larger than the limit of {limit}") from error


def _split_lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines without their ends; UnexpectedPayload for a line that is too long or without an end."""
    rest = bytearray()  # grows without being copied each time: chunks may be of one byte
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        rest += first
        if len(rest) > snapshot.MAX_LINE:
            raise invalid(f"it has a line of more than {snapshot.MAX_LINE // MIB} MiB")
        for other in others:
            yield bytes(rest)
            rest = bytearray(other)
    if rest:
        raise invalid("it was cut: its last line has no end")


class _Checks:
    """Checks the order of the lines, and that each is about something that the snapshot contains, once."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._packages: set[int] = set()
        self._listed = 0
        self._last_package = 0
        self._seen: set[Hashable] = set()  # of the lists at the beginning
        self._catalog: CatalogFacts | None = None
        self._coordinates: dict[SourceName, str] = {}
        self._of_package: set[type] = set()
        self._events = 0
        self._sweep: snapshot.SweepLine | None = None

    def check(self, line: Line) -> str | None:
        """Return why a line is refused, None if it is valid."""
        if isinstance(line, snapshot.EventLine):
            self._events += 1
            if self._events > snapshot.MAX_EVENTS:
                return f"there are more than {snapshot.MAX_EVENTS:,} events"
            return None if line.package in self._packages else f"an event of package {line.package}, which is missing"
        if self._events:
            return "lines after the events, which come last"
        if isinstance(line, (snapshot.SweepLine, Category, Grid, snapshot.ProjectLine)):
            return self._check_list(line)
        if isinstance(line, FactsLine) and isinstance(line.facts, CatalogFacts):
            return self._begin_package(line)
        return self._check_part(line)

    def finish(self) -> str | None:
        """Return why the whole is refused, None if it is valid."""
        if len(self._packages) != self._head.packages:
            return f"it announces {self._head.packages:,} packages, and has {len(self._packages):,}"
        sweep = self._sweep.sweep if self._sweep else None
        if sweep is not None and sweep.packages != self._listed:
            return f"the sweep of the catalog has {sweep.packages:,} packages, and the snapshot lists {self._listed:,}"
        if sweep is not None and (sweep.newest_id or 0) > self._last_package:
            return "the sweep of the catalog has newer packages than the snapshot"
        return None

    def _check_list(self, line: snapshot.SweepLine | Category | Grid | snapshot.ProjectLine) -> str | None:
        if self._packages:
            return "a list after the first package"
        key: Hashable
        match line:
            case snapshot.SweepLine():
                key = line.source
                self._sweep = line if line.source is _CATALOG else self._sweep
            case snapshot.ProjectLine():
                key = line.answer.coordinate
            case _:
                key = line.id
        if (type(line), key) in self._seen:
            return f"duplicate line about {key}"
        self._seen.add((type(line), key))
        return None

    def _begin_package(self, line: FactsLine) -> str | None:
        if line.package <= self._last_package:
            return f"package {line.package} is a duplicate, or not in the order of ids"
        if len(self._packages) >= self._head.packages:
            return f"there are more than the announced {self._head.packages:,} packages"
        self._last_package = line.package
        self._packages.add(line.package)
        self._listed += not line.removed
        self._catalog = line.facts if isinstance(line.facts, CatalogFacts) else None
        self._coordinates = {}
        self._of_package = set()
        return None

    def _check_part(self, line: Line) -> str | None:
        """Check a line about the package whose record was the last one."""
        number = getattr(line, "package", 0)
        if self._catalog is None or number != self._catalog.id:
            return f"package {number} has no record of the catalog before this line"
        match line:
            case FactsLine():
                if line.source in self._coordinates or (line.source is not _PYPI and self._forge_coordinate):
                    return f"duplicate facts of package {number}"
                if not snapshot.belongs_to(self._catalog, line.source, line.coordinate):
                    return f"facts of {line.source} about something else than package {number}"
                self._coordinates[line.source] = line.coordinate
                return None
            case snapshot.ReleasesLine() | snapshot.RequirementsLine():
                wanted = self._coordinates.get(_PYPI)
                found = line.project
            case snapshot.HistoryLine():
                wanted, found = self._forge_coordinate, line.coordinate
            case _:
                return "a line of an unknown kind"
        if wanted != found:
            return f"values of something else than package {number}"
        if type(line) in self._of_package:
            return f"duplicate values of package {number}"
        self._of_package.add(type(line))
        return None

    @property
    def _forge_coordinate(self) -> str | None:
        return next((found for source, found in self._coordinates.items() if source is not _PYPI), None)
