"""The quotas that a fetch stores while it runs."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from djpkg.fetch.page_writes import PageWrites
from djpkg.fetch.progress import NoProgress
from djpkg.fetch.recorder import Recorder
from djpkg.fetch.report import Report
from djpkg.mirror import busy, fetch_history
from djpkg.mirror.connection import create_in_memory
from djpkg.source_name import SourceName
from djpkg.sources.http.rate_limit import Quota
from djpkg.sources.source import Spent
from tests.mirrors import NOW

if TYPE_CHECKING:
    import sqlite3

LATER = NOW.replace(microsecond=0) + timedelta(hours=1)


@dataclass
class FakeSource:
    """The part of a source that a recorder uses."""

    quota: Quota = field(default_factory=Quota)
    spent: Spent = field(default_factory=Spent)

    @property
    def quotas(self) -> dict[str, Quota]:
        return {"core": self.quota}


def new_recorder(db: sqlite3.Connection) -> Recorder:
    writes = PageWrites(db, Path("in-memory"), None, limits=busy.FETCH, warn=print)
    return Recorder(Report(started=NOW), progress=NoProgress(), db=db, writes=writes, clock=lambda: NOW)


def test_a_blocked_quota_is_stored_while_the_source_still_runs() -> None:
    async def check(db: sqlite3.Connection) -> None:
        recorder, source = new_recorder(db), FakeSource()
        await recorder.store_blocked(SourceName.GITHUB, source)
        assert fetch_history.get_quotas(db) == []
        source.quota.block(LATER, now=NOW)
        await recorder.store_blocked(SourceName.GITHUB, source)
        (row,) = fetch_history.get_quotas(db)
        assert (row.source, row.pool, row.not_before) == ("github", "core", LATER)
        later_source = FakeSource()
        async with new_recorder(db).recording_usage(SourceName.GITHUB, later_source):
            assert later_source.quota.blocked_until == LATER

    with closing(create_in_memory()) as db:
        asyncio.run(check(db))
