"""Takes a snapshot into the mirror, in place of asking the sources.

The whole snapshot is read and checked first, from a temporary copy, and then stored in one transaction. So whatever
fails changes nothing.
"""

from __future__ import annotations

import asyncio
import os
import re
import select
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from djpkg.errors import MirrorError, MirrorMissing, UsageError
from djpkg.fetch.report import CarriedEdits, Failure, PackageEvent, Report, SnapshotResult
from djpkg.fetch.report_text import history_json
from djpkg.fetch.signals import StopSignals
from djpkg.mirror import busy, fetch_history, lock, resolve
from djpkg.mirror.connection import open_read, open_write, transaction
from djpkg.mirror.files import check_unmoved, file_id, irregular_kind, is_open_stream
from djpkg.mirror.removed_edits import find_removed_edits
from djpkg.mirror.snapshot_store import SnapshotOrigin, SnapshotWriter
from djpkg.model import forge_servers
from djpkg.sources.http.decompress import MIB
from djpkg.sources.http.retry import Limits
from djpkg.sources.identity import ACCEPTING
from djpkg.sources.snapshot.download import MAX_DOWNLOAD, Download, Validators, check_address, download
from djpkg.sources.snapshot.lines import SNAPSHOT, NotASnapshot, invalid
from djpkg.sources.snapshot.reader import SnapshotReader
from djpkg.text import describe_os_error, quote_input
from djpkg.times import utc_now

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from djpkg.fetch.progress import Progress
    from djpkg.mirror.busy import BusyLimits
    from djpkg.mirror.files import FileId
    from djpkg.mirror.snapshot_store import TakenIn

_WITH_FRAGMENT = re.compile(r"(?P<place>.*)#(?P<fragment>[^#]*)", re.DOTALL)
_DIGEST = re.compile(r"sha256=([0-9a-fA-F]{64})")
_MAX_STORED = 1000
_CHUNK = 2**20
# In seconds, between two looks for a signal while the writer of a pipe is silent.
_PAUSE = 0.1
# Packages whose changes are kept in memory until they are written at once.
_IN_MEMORY = 20_000


class SnapshotPlace(NamedTuple):
    """Where a snapshot is: an address or a file, and the digest that it must have, if one was given."""

    address: str | None
    file: Path | None
    sha256: str | None

    @property
    def shown(self) -> str:
        """The place without what may be a secret: the query of an address may contain a signature."""
        if self.address is None:
            return str(self.file).encode("utf-8", "replace").decode()[:_MAX_STORED]
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"[:_MAX_STORED]


class _Stopped(Exception):
    """Ends the transaction after a signal."""


def parse_place(text: str) -> SnapshotPlace:
    """Parse ``URL``, ``FILE``, each with or without ``#sha256=…``. Raises UsageError."""
    place, digest = text, None
    is_address = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None
    match = _WITH_FRAGMENT.fullmatch(text)
    if match and (is_address or match["fragment"].lower().startswith("sha256=")):
        found = _DIGEST.fullmatch(match["fragment"])
        if found is None:
            raise UsageError(f"invalid digest {quote_input(match['fragment'])}", hint="use #sha256= and 64 hex digits")
        place, digest = match["place"], found[1].lower()
    if not place:
        raise UsageError("--from requires an address or a file", hint="for example: djpkg fetch --from FILE.jsonl.gz")
    if not is_address:
        return SnapshotPlace(None, Path(place), digest)
    check_address(place)
    return SnapshotPlace(place, None, digest)


def take_snapshot(
    place: SnapshotPlace,
    path: Path,
    environment: Mapping[str, str],
    *,
    progress: Progress,
    clock: Callable[[], datetime] = utc_now,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    busy_limits: BusyLimits = busy.FETCH,
) -> Report:
    """Take the snapshot into the mirror at `path`, which is created if missing, and return the report.

    Raises SourceError for a snapshot that cannot be taken in, UsageError for a file that cannot be read or is not a
    snapshot, FetchRunning, ConfigError and MirrorError. Nothing was changed then.
    """
    with StopSignals() as signals, lock.fetch_lock(path):
        taking = _Taking(
            place,
            path,
            environment,
            progress=progress,
            clock=clock,
            limits=limits,
            busy_limits=busy_limits,
            signals=signals,
        )
        try:
            taking.run()
        finally:
            progress.stop()
        return taking.report


class _Taking:
    """One snapshot on its way into the mirror."""

    def __init__(
        self,
        place: SnapshotPlace,
        path: Path,
        environment: Mapping[str, str],
        *,
        progress: Progress,
        clock: Callable[[], datetime],
        limits: Limits,
        busy_limits: BusyLimits,
        signals: StopSignals,
    ) -> None:
        self._place = place
        self._path = path
        self._environment = environment
        self._progress = progress
        self._clock = clock
        self._limits = limits
        self._busy_limits = busy_limits
        self._signals = signals
        self._found_sha256 = ""
        self.report = Report(started=clock())

    def run(self) -> None:
        """Get, check and store the snapshot."""
        try:
            with tempfile.TemporaryFile(prefix="djpkg-") as file:
                loaded = self._load(file)
                reader = None
                if loaded is not None and loaded.validators is not None:
                    reader = SnapshotReader(file, now=self._clock(), on_chunk=self._check_stopped)
                    self._found_sha256 = reader.check(self._place.sha256)
                if loaded is not None:
                    self._store(reader, loaded)
        except _Stopped:
            pass
        except NotASnapshot as error:
            if self._place.file is None:
                raise
            raise UsageError(
                f"{quote_input(self._place.file.name)} is not a snapshot of djpkg; nothing was changed"
            ) from error
        except OSError as error:
            folder = f" in {tempfile.tempdir}" if tempfile.tempdir else ""  # None: no folder is usable
            raise MirrorError(
                f"cannot write a temporary file{folder}: {error.strerror or error}",
                hint="free some space, or set TMPDIR; nothing was changed",
            ) from error
        if self._signals.code is not None:
            self.report.stop_code = self._signals.code
        self.report.finished = self._clock()

    def _check_stopped(self) -> None:
        if self._signals.code is not None:
            raise _Stopped

    def _load(self, file: IO[bytes]) -> Download | None:
        """Copy the snapshot to `file`; None after a signal."""
        self._progress.start(SNAPSHOT, None)
        if self._place.address is None:
            _copy(self._place.file or Path(), file, self._check_stopped)
            return Download(Validators(), 0)
        validators = self._stored_validators()
        loaded: list[Download] = []

        async def run() -> None:
            address = self._place.address or ""
            loaded.append(await download(address, file, validators=validators, limits=self._limits))

        with asyncio.Runner() as runner:
            runner.run(self._signals.run_until_signal(run()))
        return loaded[0] if loaded else None

    def _stored_validators(self) -> Validators:
        """Return the validators of the last snapshot of the address. A query makes each address another one.

        There are none if the required digest is not that of the last snapshot: "unchanged" would not verify it.
        """
        address = self._place.address or ""
        if urlsplit(address).query:
            return Validators()
        with suppress(MirrorMissing), open_read(self._path) as db:
            etag, modified, sha256 = fetch_history.find_snapshot(db, self._place.shown) or (None, None, None)
            if self._place.sha256 in (None, sha256):
                return Validators(etag, modified)
        return Validators()

    def _store(self, reader: SnapshotReader | None, loaded: Download) -> None:
        """Store the snapshot, None for an unchanged one, and the run."""
        self._write(lambda: lock.ensure_locked(self._path))
        if reader is None:
            self._write(partial(self._store_unchanged, loaded))
        else:
            self._write(partial(self._take_in, reader, loaded))

    def _write(self, work: Callable[[], None]) -> None:
        """Run `work` until no other program blocks it."""
        busy.retry(
            work,
            self._busy_limits,
            notify=lambda: self._progress.warn(busy.waiting_message(self._path, self._busy_limits)),
            is_stopped=lambda: self._signals.code is not None,
        )

    def _store_unchanged(self, loaded: Download) -> None:
        self.report.snapshot = SnapshotResult(self._place.shown, None, 0, loaded.requests)
        with open_write(self._path, busy_seconds=busy.ATTEMPT) as db:
            run = fetch_history.start_run(db, self._asked, now=self.report.started)
            self._finish(db, run)

    def _take_in(self, reader: SnapshotReader, loaded: Download) -> None:
        head = reader.head
        self.report = report = Report(started=self.report.started)
        report.snapshot = SnapshotResult(self._place.shown, head.made, head.packages, loaded.requests)
        self._progress.start(SNAPSHOT, head.packages)

        def advance(packages: int) -> None:
            self._check_stopped()
            self._progress.advance(SNAPSHOT, packages)

        with open_write(self._path, busy_seconds=busy.ATTEMPT) as db:
            opened = file_id(self._path)
            if head.packages <= _IN_MEMORY:
                # Pages that are written to the file before the end would keep readers out until then.
                db.execute("PRAGMA cache_spill = OFF")
            earlier = {edits[:3] for edits in find_removed_edits(db)}
            self._take_in_once(db, reader, loaded, earlier=earlier, advance=advance, opened=opened)

    def _take_in_once(
        self,
        db: sqlite3.Connection,
        reader: SnapshotReader,
        loaded: Download,
        *,
        earlier: set[tuple[int, str, int]],
        advance: Callable[[int], None],
        opened: FileId | None,
    ) -> None:
        """Store everything in one transaction: a kill before its end leaves no trace of the run either."""
        with transaction(db):
            run = fetch_history.insert_run(db, self._asked, now=self.report.started)
            writer = SnapshotWriter(db, forges=forge_servers.forge_servers(self._environment), run=run)
            taken = writer.take_in(
                reader.head, reader.read, origin=self._origin(loaded), now=self._clock(), advance=advance
            )
            self._record(db, writer, taken, earlier)
            self._finish(db, run)
            check_unmoved(self._path, opened)

    @property
    def _asked(self) -> str:
        return f"--from {self._place.shown}"

    def _origin(self, loaded: Download) -> SnapshotOrigin | None:
        if self._place.address is None or urlsplit(self._place.address).query or loaded.validators is None:
            return None
        return SnapshotOrigin(self._place.shown, *loaded.validators, self._found_sha256)

    def _record(
        self, db: sqlite3.Connection, writer: SnapshotWriter, taken: TakenIn, earlier: set[tuple[int, str, int]]
    ) -> None:
        report = self.report
        for (source, outcome), packages in taken.outcomes.items():
            report.count(source, outcome, packages)
        for failed in taken.failed:
            report.fail(failed.source, (failed.slug,), failed.reason, hint=ACCEPTING)
        report.events = [PackageEvent(change.slug, *event) for change in taken.events for event in change.events]
        report.failures += [Failure(row.name, None, row.reason) for row in writer.damaged.values()]
        report.carried_over = [
            CarriedEdits(resolve.find_slug(db, new) or str(new), new, old) for old, new in writer.carried_over
        ]
        report.removed_edits = [edits for edits in find_removed_edits(db) if edits[:3] not in earlier]

    def _finish(self, db: sqlite3.Connection, run: int) -> None:
        self.report.finished = now = self._clock()
        fetch_history.finish_run(db, run, code=self.report.exit_code, report=history_json(self.report), now=now)


def _copy(source: Path, file: IO[bytes], check_stopped: Callable[[], None]) -> None:
    """Copy a file, or a stream that the shell opened. Raises UsageError if it cannot be read.

    `check_stopped` may raise. Neither opening a pipe nor reading it waits for another program.
    """
    try:
        kind = irregular_kind(source.stat().st_mode)
        if kind is not None and not is_open_stream(str(source)):
            raise _read_error(source, f"it is {kind}")
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = describe_os_error(source, error) if isinstance(error, OSError) else "invalid name"
        raise _read_error(source, reason) from error
    try:
        size = 0
        while chunk := _read(descriptor, source, check_stopped):
            size += len(chunk)
            if size > MAX_DOWNLOAD:
                raise invalid(f"it is larger than {MAX_DOWNLOAD // MIB} MiB")
            file.write(chunk)
    finally:
        os.close(descriptor)
    file.flush()


def _read(descriptor: int, source: Path, check_stopped: Callable[[], None]) -> bytes:
    """Return the next bytes, empty at the end."""
    while True:
        check_stopped()
        try:
            if select.select([descriptor], [], [], _PAUSE)[0]:
                return os.read(descriptor, _CHUNK)
        except BlockingIOError:
            continue
        except OSError as error:
            raise _read_error(source, describe_os_error(source, error)) from error


def _read_error(source: Path, reason: str) -> UsageError:
    return UsageError(
        f"cannot read the snapshot {quote_input(str(source))}: {reason}",
        hint="for example: djpkg fetch --from FILE.jsonl.gz",
    )
