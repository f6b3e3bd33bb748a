"""What a fetch keeps for the next one while it runs."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg.fetch.progress import NoProgress
from djpkg.fetch.recorder import Recorder
from djpkg.fetch.report import Report
from djpkg.mirror import fetch_history
from djpkg.mirror.connection import in_memory
from djpkg.source_name import SourceName
from djpkg.sources.http.rate_limit import Quota
from djpkg.sources.source import Spent
from tests.mirrors import NOW

if TYPE_CHECKING:
    import sqlite3

LATER = NOW.replace(microsecond=0) + timedelta(hours=1)


@dataclass
class Metered:
    """A source as far as an account looks at it."""

    quota: Quota = field(default_factory=Quota)
    spent: Spent = field(default_factory=Spent)

    @property
    def quotas(self) -> dict[str, Quota]:
        return {"core": self.quota}


def account(db: sqlite3.Connection) -> Recorder:
    return Recorder(Report(started=NOW), progress=NoProgress(), db=db, clock=lambda: NOW)


def test_a_refusal_is_kept_while_the_source_is_still_asked() -> None:
    with closing(in_memory()) as db:
        keeping, source = account(db), Metered()
        keeping.keep_refusals(SourceName.GITHUB, source)
        assert fetch_history.get_quotas(db) == []
        source.quota.close(LATER, now=NOW)
        keeping.keep_refusals(SourceName.GITHUB, source)
        (kept,) = fetch_history.get_quotas(db)
        assert (kept.source, kept.pool, kept.not_before) == ("github", "core", LATER)
        another = Metered()
        with account(db).spending(SourceName.GITHUB, another):
            assert another.quota.closed_until == LATER
