"""The quotas that a fetch stores while it runs."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg.fetch.progress import NoProgress
from djpkg.fetch.recorder import Recorder
from djpkg.fetch.report import Report
from djpkg.mirror import fetch_history
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
    return Recorder(Report(started=NOW), progress=NoProgress(), db=db, clock=lambda: NOW)


def test_a_blocked_quota_is_stored_while_the_source_still_runs() -> None:
    with closing(create_in_memory()) as db:
        recorder, source = new_recorder(db), FakeSource()
        recorder.store_blocked(SourceName.GITHUB, source)
        assert fetch_history.get_quotas(db) == []
        source.quota.block(LATER, now=NOW)
        recorder.store_blocked(SourceName.GITHUB, source)
        (row,) = fetch_history.get_quotas(db)
        assert (row.source, row.pool, row.not_before) == ("github", "core", LATER)
        later_source = FakeSource()
        with new_recorder(db).recording_usage(SourceName.GITHUB, later_source):
            assert later_source.quota.blocked_until == LATER
