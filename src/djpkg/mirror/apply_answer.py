"""What one statement of a source does to the row of facts that it is laid over. Touches no file."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror import facts_json
from djpkg.model import weekly_commits
from djpkg.model.fact_changes import Event, combine, facts_differ, find_events
from djpkg.model.facts import ForgeFacts, Outcome
from djpkg.times import instant, stamp

if TYPE_CHECKING:
    from datetime import datetime

    from djpkg.mirror.serialization import SqlValue
    from djpkg.model.facts import Facts, RepositoryFacts
    from djpkg.model.merge import FactsRow

# How long a gone or blocked place is left in peace: 1, 2, 4, … days, at most a month.
MAX_RETRY_DELAY = timedelta(days=30)


class SourceAnswer(NamedTuple):
    """What one source said of one coordinate, to be stored for every package that points there.

    `outcome` is None while more is to come. `said` is None where nothing new was said; what was said before an asking
    FAILED or was DEFERRED is kept all the same. `error` goes with FAILED.
    """

    coordinate: str
    outcome: Outcome | None
    said: Facts | None = None
    error: str | None = None
    etag: str | None = None
    serial: int | None = None


class StoredChange(NamedTuple):
    """What storing did to one package: whether its facts changed, and what is worth telling."""

    package: int
    slug: str
    coordinate: str
    changed: bool
    events: tuple[Event, ...]


class AppliedAnswer(NamedTuple):
    """The columns of the facts row that change, what storing them did, and the facts that the row then holds.

    `still` says that nothing about the package changes but the time of the answer.
    """

    row: dict[str, SqlValue]
    written: StoredChange
    kept: Facts | None
    still: bool = False


def apply_answer(
    before: FactsRow, statement: SourceAnswer, number: int, slug: str, shared: Facts | None, *, now: datetime
) -> AppliedAnswer:
    """Lay a statement over the row that a package has of its coordinate.

    `shared` are the facts that some package has of the coordinate. The source was asked with their validators, so that
    "unchanged" and parts of an answer speak of them: a package that has none yet gets those.
    """
    at = stamp(now)
    row: dict[str, SqlValue] = {
        "package_id": number,
        "source": before.source.value,
        "coordinate": statement.coordinate,
        "asked": at,
    }
    old = before.said
    broke_off = statement.outcome in (Outcome.FAILED, Outcome.DEFERRED)
    if statement.outcome is Outcome.FAILED:
        row |= {"outcome": "failed", "error": statement.error}
    if broke_off and statement.said is None:
        return AppliedAnswer(row, StoredChange(number, slug, statement.coordinate, changed=False, events=()), old)
    kept = combine(old or shared, statement.said) if statement.said is not None else old or shared
    changed, told = False, []
    if kept is not None and (statement.said is not None or old is None):
        changed = old is None or facts_differ(old, kept)
        told = find_events(old, kept, coordinate=statement.coordinate)
        if kept != old:
            row["said"] = facts_json.encode(kept)
    row |= _validators(old, kept, statement) | _patience_with(before, statement, now)
    if not broke_off:  # else it was not answered to its end: it keeps its turn, and what came of it stays
        row |= {"answered": at, "error": None}
        if statement.outcome in (Outcome.UPDATED, Outcome.UNCHANGED):
            row["outcome"] = "updated" if changed else "unchanged"
    written = StoredChange(number, slug, statement.coordinate, changed, tuple(told))
    still = not (changed or told or broke_off) and _is_still(before, kept, statement, now)
    return AppliedAnswer(row, written, kept, still=still)


def _validators(old: Facts | None, kept: Facts | None, statement: SourceAnswer) -> dict[str, SqlValue]:
    """What lets the source say "unchanged" of what is kept now."""
    if statement.outcome is Outcome.GONE:
        # A place that comes back as it was would else answer "unchanged" to the old validator, and stay gone.
        return {"etag": None, "serial": None}
    stated: dict[str, SqlValue] = {}
    if statement.etag is not None:
        stated["etag"] = statement.etag
    elif _page(kept) != _page(old):
        stated["etag"] = None  # it spoke of the page before, which may come back
    if statement.serial is not None:
        stated["serial"] = statement.serial
    return stated


def _patience_with(before: FactsRow, statement: SourceAnswer, now: datetime) -> dict[str, SqlValue]:
    """How often a place was gone or blocked in a row, and until when it is therefore left in peace."""
    if statement.outcome is not Outcome.GONE:
        return {"misses": 0, "retry": None}
    misses = before.misses + 1
    return {"outcome": "gone", "misses": misses, "retry": stamp(now + _patience(misses))}


def _page(facts: Facts | None) -> RepositoryFacts | None:
    return facts.repository if isinstance(facts, ForgeFacts) else None


def _is_still(before: FactsRow, kept: Facts | None, statement: SourceAnswer, now: datetime) -> bool:
    """Whether an answer without news follows a good one, and the weeks stay what they were."""
    if statement.outcome is Outcome.GONE or before.outcome not in ("updated", "unchanged") or before.error:
        return False
    last = instant(before.answered)
    if kept is None or last is None or last > now:
        return False
    days = kept.weeks.days if isinstance(kept, ForgeFacts) and kept.weeks is not None else {}
    return weekly_commits.counts(days, as_of=last) == weekly_commits.counts(days, as_of=now)


def _patience(misses: int) -> timedelta:
    # A minute less than whole days, so that a cron job that comes at the same time of each day finds the day over.
    return min(timedelta(days=2 ** min(misses - 1, 10)), MAX_RETRY_DELAY) - timedelta(minutes=1)
