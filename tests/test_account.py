"""What a fetch keeps for the next one while it runs."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from djpkg.mirror import ledger
from djpkg.mirror.connection import in_memory
from djpkg.observer import Silent
from djpkg.refresh.account import Account
from djpkg.report import Report
from djpkg.source_name import SourceName
from djpkg.sources import Spent
from djpkg.sources.quota import Quota
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


def account(db: sqlite3.Connection) -> Account:
    return Account(Report(started=NOW), progress=Silent(), db=db, clock=lambda: NOW)


def test_a_refusal_is_kept_while_the_source_is_still_asked() -> None:
    with closing(in_memory()) as db:
        keeping, source = account(db), Metered()
        keeping.keep_refusals(SourceName.GITHUB, source)
        assert ledger.get_quotas(db) == []
        source.quota.close(LATER, now=NOW)
        keeping.keep_refusals(SourceName.GITHUB, source)
        (kept,) = ledger.get_quotas(db)
        assert (kept.source, kept.pool, kept.not_before) == ("github", "core", LATER)
        another = Metered()
        with account(db).spending(SourceName.GITHUB, another):
            assert another.quota.closed_until == LATER
