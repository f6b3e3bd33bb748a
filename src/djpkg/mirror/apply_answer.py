"""Apply one source answer to a stored facts row. Pure: reads and writes no file."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror import facts_json
from djpkg.model import weekly_commits
from djpkg.model.fact_changes import Event, combine_facts, facts_differ, find_events
from djpkg.model.facts import PARSER_VERSIONS, ForgeFacts, Outcome
from djpkg.model.node_id import is_same_node
from djpkg.times import format_time, parse_time

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from djpkg.mirror.serialization import SqlValue
    from djpkg.model.facts import Facts, ProjectDetails, RepositoryFacts
    from djpkg.model.merge import FactsRow
    from djpkg.source_name import SourceName

# Gone and blocked repositories and projects are requested again after 1, 2, 4, … days.
MAX_RETRY_DELAY = timedelta(days=30)


class SourceAnswer(NamedTuple):
    """One source's answer about one coordinate, stored for every package that points to it.

    `outcome` is None while more parts follow. `facts` is None when the answer has no new facts; stored facts stay then,
    also when the outcome is FAILED or DEFERRED. `error` is the reason of FAILED. `details` are PyPI's lists.
    """

    coordinate: str
    outcome: Outcome | None
    facts: Facts | None = None
    error: str | None = None
    etag: str | None = None
    serial: int | None = None
    details: ProjectDetails | None = None


class StoredChange(NamedTuple):
    """The effect of an answer on one package: whether its facts changed, and the events."""

    package: int
    slug: str
    coordinate: str
    changed: bool
    events: tuple[Event, ...]


class AppliedAnswer(NamedTuple):
    """The columns to write, the effect on the package, and the facts that the row then holds.

    `only_time`: True if merging again would change only the answer time.
    """

    row: dict[str, SqlValue]
    change: StoredChange
    facts: Facts | None
    only_time: bool = False


def refuse_others(
    source: SourceName,
    page: Iterable[SourceAnswer],
    stored: Mapping[tuple[int, str], FactsRow],
    refused: dict[str, str],
    accepting: Collection[str] = (),
) -> Iterator[SourceAnswer]:
    """Yield the answers of a page; one about another repository than any stored one of its coordinate is a failure.

    `refused` collects the reasons by coordinate; it refuses the later parts of an answer too. `accepting` are the
    coordinates at which another repository replaces the stored one.
    """
    known: dict[str, set[str]] = {}
    for (_, coordinate), row in stored.items():
        repository = _repository(row.facts)
        if repository is not None and repository.node_id is not None:
            known.setdefault(coordinate, set()).add(repository.node_id)
    for answer in page:
        coordinate, repository = answer.coordinate, _repository(answer.facts)
        ids, new = known.get(coordinate, ()), repository.node_id if repository is not None else None
        is_known = not new or not ids or any(is_same_node(new, one) for one in ids)
        if repository and not is_known and coordinate not in accepting:
            refused[coordinate] = (
                f"{source}: {coordinate} is another repository now: the id of {repository.path} is {new},"
                f" and was {' or '.join(sorted(ids))}"
            )
        if coordinate not in refused:
            yield answer
        elif answer.outcome is not None:
            yield SourceAnswer(coordinate, Outcome.FAILED, error=refused[coordinate])


def apply_answer(
    before: FactsRow, answer: SourceAnswer, number: int, slug: str, shared: FactsRow | None, *, now: datetime
) -> AppliedAnswer:
    """Return what an answer changes in a package's facts row of the same coordinate.

    `shared` has the facts that any package has of the coordinate. Their validators were sent, so "unchanged" and
    partial answers refer to them; a package without facts of its own gets them.
    """
    time = format_time(now)
    row: dict[str, SqlValue] = {
        "package_id": number,
        "source": before.source.value,
        "coordinate": answer.coordinate,
        "asked": time,
    }
    old = before.facts
    incomplete = answer.outcome in (Outcome.FAILED, Outcome.DEFERRED)
    if answer.outcome is Outcome.FAILED:
        row |= {"outcome": "failed", "error": answer.error}
    if incomplete and answer.facts is None:
        return AppliedAnswer(row, StoredChange(number, slug, answer.coordinate, changed=False, events=()), old)
    known = before if old is not None or shared is None else shared
    new = known.facts if answer.facts is None else combine_facts(known.facts, answer.facts, outdated=known.outdated)
    changed = False
    events: list[Event] = []
    if new is not None and (answer.facts is not None or old is None):
        if new != old:
            changed = old is None or facts_differ(old, new)
            events = find_events(old, new, coordinate=answer.coordinate)
            row["facts"] = facts_json.encode(new)
        if old is None or answer.outcome is Outcome.UPDATED:
            # Not before the last part: until then, the row contains parts that an older parser read.
            row["parser_version"] = PARSER_VERSIONS[before.source]
    row |= _validators(old, new, answer) | _retry(before, answer, now)
    if not incomplete:  # an incomplete answer keeps the time of the last complete one, so it is repeated first
        row |= {"answered": time, "error": None, "via": None}
        if answer.outcome in (Outcome.UPDATED, Outcome.UNCHANGED):
            row["outcome"] = "updated" if changed else "unchanged"
    change = StoredChange(number, slug, answer.coordinate, changed, tuple(events))
    only_time = not (changed or events or incomplete) and _merges_alike(before, new, answer, now)
    return AppliedAnswer(row, change, new, only_time=only_time)


def _validators(old: Facts | None, new: Facts | None, answer: SourceAnswer) -> dict[str, SqlValue]:
    """Return the ETag and serial to store; None removes one."""
    if answer.outcome is Outcome.GONE:
        # Otherwise a repository that returns unchanged would match its old validator and stay gone.
        return {"etag": None, "serial": None}
    validators: dict[str, SqlValue] = {}
    if answer.etag is not None:
        validators["etag"] = answer.etag
    elif _repository(new) != _repository(old):
        validators["etag"] = None  # it belongs to the former repository facts, which may return
    if answer.serial is not None:
        validators["serial"] = answer.serial
    return validators


def _retry(before: FactsRow, answer: SourceAnswer, now: datetime) -> dict[str, SqlValue]:
    """Return the number of consecutive "gone" answers, and the time before which there is no further request."""
    if answer.outcome is not Outcome.GONE:
        return {"gone_count": 0, "retry_after": None}
    count = before.gone_count + 1
    return {"outcome": "gone", "gone_count": count, "retry_after": format_time(now + retry_delay(count))}


def retry_delay(gone_count: int) -> timedelta:
    """Return how long after so many consecutive "gone" answers there is no further request."""
    # A minute less than whole days, so that a daily cron job does not miss the time by seconds.
    return min(timedelta(days=2 ** min(gone_count - 1, 10)), MAX_RETRY_DELAY) - timedelta(minutes=1)


def _repository(facts: Facts | None) -> RepositoryFacts | None:
    return facts.repository if isinstance(facts, ForgeFacts) else None


def _merges_alike(before: FactsRow, facts: Facts | None, answer: SourceAnswer, now: datetime) -> bool:
    """Return whether unchanged facts merge as before: the last answer was complete, the weekly counts are equal."""
    if answer.outcome is Outcome.GONE or before.outcome not in ("updated", "unchanged") or before.error:
        return False
    last = parse_time(before.answered)
    if facts is None or last is None or last > now:
        return False
    days = facts.weeks.days if isinstance(facts, ForgeFacts) and facts.weeks is not None else {}
    return weekly_commits.weekly_counts(days, as_of=last) == weekly_commits.weekly_counts(days, as_of=now)
