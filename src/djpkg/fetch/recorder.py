"""Records outcomes in the report and the progress display, and stores the quotas that the next fetch needs."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from djpkg.errors import Refused, SourceError
from djpkg.fetch.report import CarriedEdits, Failure, PackageEvent, QuotaState
from djpkg.mirror import fetch_history, resolve
from djpkg.mirror.removed_edits import find_removed_edits
from djpkg.model.facts import Outcome
from djpkg.model.fetch_state import QuotaRow
from djpkg.sources.http.rate_limit import MAX_RESET, MAX_WAIT

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from djpkg.fetch.page_writes import PageWrites
    from djpkg.fetch.progress import Progress
    from djpkg.fetch.report import Report
    from djpkg.mirror.apply_answer import StoredChange
    from djpkg.mirror.damage import DamagedRow
    from djpkg.source_name import SourceName
    from djpkg.sources.http.rate_limit import Quota
    from djpkg.sources.source import Metered


class Recorder:
    """Counts outcomes in `report`, updates `progress`, and stores quotas in the mirror."""

    def __init__(
        self,
        report: Report,
        *,
        progress: Progress,
        db: sqlite3.Connection,
        writes: PageWrites,
        clock: Callable[[], datetime],
    ) -> None:
        self.report = report
        self.progress = progress
        self._db = db
        self._writes = writes
        self._clock = clock
        self._earlier_quotas = fetch_history.get_quotas(db)
        self._stored: set[QuotaRow] = set()
        self._earlier_edits = {edits[:3] for edits in find_removed_edits(db)}

    def start(self, source: SourceName, packages: int) -> None:
        """Record how many packages a source is to be asked for; called again, it corrects the number."""
        self.report.sources[source].queued = packages
        self.progress.start(source, packages)

    def record_stored(self, source: SourceName, changes: Sequence[StoredChange]) -> None:
        """Count stored packages as updated or unchanged, and record their events."""
        for change in changes:
            self.count(source, Outcome.UPDATED if change.changed else Outcome.UNCHANGED, 1)
        self.record_events(changes)

    def record_events(self, changes: Sequence[StoredChange]) -> None:
        """Record the events of stored packages without counting the packages."""
        self.report.events += [PackageEvent(change.slug, *event) for change in changes for event in change.events]

    def count(self, source: SourceName, outcome: Outcome, packages: int) -> None:
        """Count packages with an outcome that needs no reason."""
        self.report.count(source, outcome, packages)
        self.progress.advance(source, packages, outcome)

    def fail(
        self,
        source: SourceName,
        slugs: tuple[str, ...],
        reason: str,
        *,
        refused: bool = False,
        hint: str | None = None,
    ) -> None:
        """Count packages as failed; `refused` means that the source rejected the credentials."""
        self.report.fail(source, slugs, reason, refused=refused, hint=hint)
        self.progress.advance(source, len(slugs), Outcome.FAILED)

    def defer(self, source: SourceName, packages: int, reason: str, until: datetime | None) -> None:
        """Count packages as deferred by the source's rate limit."""
        self.report.defer(source, packages, reason, until)
        self.progress.advance(source, packages, Outcome.DEFERRED)

    def record_damaged(self, rows: Iterable[DamagedRow]) -> None:
        """Record the packages of which not everything stored could be used."""
        self.report.failures += [Failure(row.name, None, row.reason) for row in rows]

    def record_edits(self, carried_over: Sequence[tuple[int, int]]) -> None:
        """Record the edits that moved from removed packages, and those that could not follow their package."""
        self.report.carried_over = [
            CarriedEdits(resolve.find_slug(self._db, new) or str(new), new, old) for old, new in carried_over
        ]
        self.report.removed_edits = [
            edits for edits in find_removed_edits(self._db) if edits[:3] not in self._earlier_edits
        ]

    @contextmanager
    def recording_errors(self, source: SourceName) -> Iterator[None]:
        """Record a SourceError as a failure of the whole source, and suppress it."""
        try:
            yield
        except SourceError as error:
            self.report.fail_source(source, str(error), refused=isinstance(error, Refused), hint=error.hint)

    @asynccontextmanager
    async def recording_usage(self, name: SourceName, source: Metered) -> AsyncIterator[None]:
        """Restore the source's stored quotas; finally, even after an error, record its usage and store its quotas."""
        self._restore_quotas(name, source)
        try:
            yield
        finally:
            tally = self.report.sources[name]
            tally.requests, tally.points = source.spent.requests, source.spent.points
            quota = source.quota
            tally.quota = QuotaState(quota.limit, quota.remaining, quota.reset)
            await self._store(self._quota_rows(name, source))

    async def store_blocked(self, name: SourceName, source: Metered) -> None:
        """Store rate-limit blocks at once, in case the process is killed."""
        rows = self._quota_rows(name, source)
        await self._store([row for row in rows if row.not_before is not None and row not in self._stored])

    async def _store(self, rows: list[QuotaRow]) -> None:
        if rows:
            await self._writes.run(fetch_history.store_quotas, self._db, rows)
            self._stored.update(rows)

    def _quota_rows(self, name: SourceName, source: Metered) -> list[QuotaRow]:
        now = self._clock()
        return [
            _quota_row(name, pool, quota, now)
            for pool, quota in source.quotas.items()
            if quota.remaining is not None or quota.blocked_until
        ]

    def _restore_quotas(self, name: SourceName, source: Metered) -> None:
        """Apply the quotas of earlier fetches that have not been reset yet."""
        now = self._clock()
        for row in self._earlier_quotas:
            quota = source.quotas.get(row.pool) if row.source == name.value else None
            if quota is None:
                continue
            # A later time than these was stored while the clock was wrong.
            max_wait = MAX_RESET if row.not_before == row.reset else MAX_WAIT
            if row.not_before is not None and now < row.not_before <= now + max_wait:
                quota.block(row.not_before, now=now)
            if row.reset is not None and now < row.reset <= now + MAX_RESET:
                quota.limit, quota.remaining, quota.reset = row.limit, row.remaining, row.reset


def _quota_row(name: SourceName, pool: str, quota: Quota, now: datetime) -> QuotaRow:
    used_up = quota.remaining == 0 and quota.reset is not None and quota.reset > now
    not_before = quota.blocked_until if quota.blocked_until and quota.blocked_until > now else None
    return QuotaRow(
        name.value, pool, quota.limit, quota.remaining, quota.reset, not_before or (quota.reset if used_up else None)
    )
