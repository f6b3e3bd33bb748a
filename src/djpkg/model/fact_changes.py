"""What a source says now, laid over what it said before, and the events that this makes.

The closed list of events: added, removed, back, released, yanked, archived, unarchived, moved, gone, blocked, license.
What is learned for the first time is no event.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from djpkg.model.facts import CatalogFacts, ForgeFacts, PypiFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from djpkg.model.facts import ContributorsFacts, Facts


class Event(NamedTuple):
    """Something worth telling about one package; `old` and `new` are what it was and what it is."""

    event: str
    old: str | None
    new: str | None


def combine(before: Facts | None, said: Facts) -> Facts:
    """The facts to keep: parts that were said now replace those from before, what was not said stays.

    A repository or project that is gone or blocked keeps all that was known of it.
    """
    if isinstance(said, ForgeFacts) and isinstance(before, ForgeFacts):
        return ForgeFacts(
            state=said.state,
            repository=said.repository or before.repository,
            weeks=said.weeks or before.weeks,
            contributors=_contributors(before.contributors, said.contributors),
        )
    if isinstance(said, PypiFacts) and isinstance(before, PypiFacts) and said.state == "gone":
        return replace(before, state="gone")
    if isinstance(said, CatalogFacts) and isinstance(before, CatalogFacts) and not said.commits_over_52:
        # The directory has served empty lists for weeks: unknown, not nothing.
        return replace(said, commits_over_52=before.commits_over_52)
    return said


def _contributors(before: ContributorsFacts | None, said: ContributorsFacts | None) -> ContributorsFacts | None:
    """Where a forge has no list and names nobody, those who were known stay, and belong to the newer head."""
    if said is None or before is None:
        return said or before
    if not said.whole and not said.names:
        return replace(before, head=said.head, taken=said.taken)
    return said


def facts_differ(before: Facts | None, after: Facts) -> bool:
    """Whether a source tells of a package something else than before.

    The catalog changes `last_fetched` when nothing was fetched and leaves `modified` when something was: neither
    counts, nor does the order of grids, which is none. When contributors were taken down is no news either.
    """
    return _news(before) != _news(after)


def _news(facts: Facts | None) -> Facts | None:
    if isinstance(facts, CatalogFacts):
        return replace(facts, last_fetched=None, modified=None, grids=tuple(sorted(facts.grids)))
    if isinstance(facts, ForgeFacts) and facts.contributors is not None:
        return replace(facts, contributors=replace(facts.contributors, taken=""))
    return facts


def find_events(before: Facts | None, after: Facts, *, coordinate: str) -> list[Event]:
    """What changed from one statement of a source about one coordinate to its next; nothing for the first statement."""
    if isinstance(before, ForgeFacts) and isinstance(after, ForgeFacts):
        return list(_forge_events(before, after, coordinate))
    if isinstance(before, PypiFacts) and isinstance(after, PypiFacts):
        return list(_pypi_events(before, after, coordinate))
    return []


def _forge_events(before: ForgeFacts, after: ForgeFacts, coordinate: str) -> Iterator[Event]:
    yield from _state_events(before.state, after.state, coordinate)
    old, new = before.repository, after.repository
    if old is None or new is None:
        return
    if old.path.lower() != new.path.lower():
        yield Event("moved", old.path, new.path)
    if (old.archived, new.archived) == (False, True):
        yield Event("archived", None, None)
    if (old.archived, new.archived) == (True, False):
        yield Event("unarchived", None, None)
    if old.license and new.license and old.license != new.license:
        yield Event("license", old.license, new.license)


def _pypi_events(before: PypiFacts, after: PypiFacts, coordinate: str) -> Iterator[Event]:
    yield from _state_events(before.state, after.state, coordinate)
    if before.version is None or after.version is None or after.state == "gone":
        return
    if before.version != after.version:
        yield Event("released", before.version, after.version)
    if after.yanked and not (before.yanked and before.version == after.version):
        yield Event("yanked", None, after.version)
    # A newer release, older than the last one, means that the newest one was withdrawn: `released` says both versions.
    if before.license and after.license and before.license != after.license:
        yield Event("license", before.license, after.license)


def _state_events(before: str, after: str, coordinate: str) -> Iterator[Event]:
    if before == after:
        return
    if after == "ok":
        yield Event("back", before, coordinate)
    else:
        yield Event(after, coordinate, None)
