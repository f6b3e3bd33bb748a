"""What comes of a fetch: told to the report and to who looks on; what the next fetch must know is kept."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from djpkg.errors import Refused, SourceError
from djpkg.fetch.report import PackageEvent, QuotaState
from djpkg.mirror import fetch_history
from djpkg.model.facts import Outcome
from djpkg.model.fetch_state import QuotaRow
from djpkg.sources.http.rate_limit import MAX_WAIT

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from djpkg.fetch.progress import Progress
    from djpkg.fetch.report import Report
    from djpkg.mirror.apply_answer import StoredChange
    from djpkg.source_name import SourceName
    from djpkg.sources.http.rate_limit import Quota
    from djpkg.sources.source import Metered


class Recorder:
    """Counts outcomes into `report`, tells `progress`, and keeps in the mirror what sources said of their quotas."""

    def __init__(
        self, report: Report, *, progress: Progress, db: sqlite3.Connection, clock: Callable[[], datetime]
    ) -> None:
        self.report = report
        self.progress = progress
        self._db = db
        self._clock = clock
        self._quotas = fetch_history.get_quotas(db)
        self._kept: set[QuotaRow] = set()

    def take(self, source: SourceName, written: Sequence[StoredChange]) -> None:
        """Packages that were stored, each of them updated or unchanged, and their events."""
        for one in written:
            self.count(source, Outcome.UPDATED if one.changed else Outcome.UNCHANGED, 1)
        self.tell(written)

    def tell(self, written: Sequence[StoredChange]) -> None:
        """Events alone."""
        self.report.events += [PackageEvent(one.slug, *event) for one in written for event in one.events]

    def count(self, source: SourceName, outcome: Outcome, packages: int) -> None:
        """Packages that ended without trouble."""
        self.report.count(source, outcome, packages)
        self.progress.advance(source, packages, outcome)

    def fail(self, source: SourceName, slugs: tuple[str, ...], reason: str, *, refused: bool = False) -> None:
        """Packages about which a source could not tell."""
        self.report.fail(source, slugs, reason, refused=refused)
        self.progress.advance(source, len(slugs), Outcome.FAILED)

    def defer(self, source: SourceName, packages: int, reason: str, until: datetime | None) -> None:
        """Packages that a source's quota put off."""
        self.report.defer(source, packages, reason, until)
        self.progress.advance(source, packages, Outcome.DEFERRED)

    @contextmanager
    def failing(self, source: SourceName) -> Iterator[None]:
        """What goes wrong with a source as a whole is told and ends there."""
        try:
            yield
        except SourceError as error:
            self.report.fail_source(source, error.reason, refused=isinstance(error, Refused))

    @contextmanager
    def spending(self, name: SourceName, source: Metered) -> Iterator[None]:
        """The source knows what it said in earlier runs, and however it ends, what it cost and said now is kept."""
        self._recall(name, source)
        try:
            yield
        finally:
            tally = self.report.sources[name]
            tally.requests, tally.points = source.spent.requests, source.spent.points
            quota = source.quota
            tally.quota = QuotaState(quota.limit, quota.remaining, quota.reset)
            self._keep(self._rows(name, source))

    def keep_refusals(self, name: SourceName, source: Metered) -> None:
        """Keep now, as a kill may follow, the moment before which a source is not to be asked any more."""
        self._keep([row for row in self._rows(name, source) if row.not_before is not None and row not in self._kept])

    def _keep(self, rows: list[QuotaRow]) -> None:
        if rows:
            fetch_history.store_quota(self._db, rows)
            self._kept.update(rows)

    def _rows(self, name: SourceName, source: Metered) -> list[QuotaRow]:
        now = self._clock()
        return [
            _row(name, pool, quota, now)
            for pool, quota in source.quotas.items()
            if quota.remaining is not None or quota.closed_until
        ]

    def _recall(self, name: SourceName, source: Metered) -> None:
        """What a source said of its quota in an earlier run still holds until the moment that it named."""
        now = self._clock()
        for row in self._quotas:
            quota = source.quotas.get(row.pool) if row.source == name.value else None
            if quota is None:
                continue
            # A moment that lies further off was noted by a clock that was ahead.
            if row.not_before is not None and now < row.not_before <= now + MAX_WAIT:
                quota.close(row.not_before, now=now)
            if row.reset is not None and now < row.reset <= now + MAX_WAIT:
                quota.limit, quota.remaining, quota.reset = row.limit, row.remaining, row.reset


def _row(name: SourceName, pool: str, quota: Quota, now: datetime) -> QuotaRow:
    used_up = quota.remaining == 0 and quota.reset is not None and quota.reset > now
    not_before = quota.closed_until if quota.closed_until and quota.closed_until > now else None
    return QuotaRow(
        name.value, pool, quota.limit, quota.remaining, quota.reset, not_before or (quota.reset if used_up else None)
    )
