"""Combine new facts of a source with the stored ones, and find the events between them.

The first facts about a package produce no event, nor does another spelling of the same license.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, NamedTuple

from djpkg.model.facts import CatalogFacts, ForgeFacts, PypiFacts
from djpkg.model.license_names import is_same_license
from djpkg.model.node_id import is_same_node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from djpkg.model.facts import ContributorsFacts, Facts, RepositoryFacts


# More than any package of the catalog has had.
_MAX_FORMER_ADDRESSES = 20
_RELEASE_FACTS = tuple(one.name for one in fields(PypiFacts) if one.name not in ("state", "name", "version"))


class Event(NamedTuple):
    """One reported change of a package: the kind of event, the old value and the new one."""

    event: str
    old: str | None
    new: str | None


def combine_facts(before: Facts | None, new: Facts, *, outdated: bool = False) -> Facts:
    """Return the facts to store: parts of `new` replace those of `before`, missing parts are kept.

    A repository or project that is gone or blocked keeps all its earlier facts. `outdated` is
    whether an older parser has read `before`.
    """
    if isinstance(new, ForgeFacts) and isinstance(before, ForgeFacts):
        if find_replaced(before, new) is not None:
            return new
        return ForgeFacts(
            state=new.state,
            repository=_combine_repository(before.repository, new.repository),
            weeks=new.weeks or before.weeks,
            contributors=_combine_contributors(before.contributors, new.contributors),
        )
    if isinstance(new, PypiFacts) and isinstance(before, PypiFacts):
        is_gone = new.state == "gone"
        return replace(before, state="gone") if is_gone else _combine_project(before, new, outdated=outdated)
    if isinstance(new, CatalogFacts) and isinstance(before, CatalogFacts):
        return _combine_record(before, new)
    return new


def find_replaced(before: Facts | None, new: Facts | None) -> str | None:
    """Return the id of the stored repository if another one replaced it: then nothing that is stored is about it."""
    if not isinstance(before, ForgeFacts) or not isinstance(new, ForgeFacts):
        return None
    old_id = before.repository.node_id if before.repository is not None else None
    new_id = new.repository.node_id if new.repository is not None else None
    return old_id if old_id and new_id and not is_same_node(old_id, new_id) else None


def _combine_record(before: CatalogFacts, new: CatalogFacts) -> CatalogFacts:
    """Keep former addresses, and what is known of an unchanged repository."""
    replaced = [
        old
        for old, current in ((before.repo_url, new.repo_url), (before.pypi_url, new.pypi_url))
        if old and old != current
    ]
    known = [one for one in before.former_addresses if one not in replaced]
    new = replace(new, former_addresses=(*known, *replaced)[-_MAX_FORMER_ADDRESSES:])
    if new.repo_url == before.repo_url:
        # The catalog has served empty lists: that means unknown, not zero commits or no participants.
        new = replace(new, commits_over_52=new.commits_over_52 or before.commits_over_52)
        if before.participants and not new.participants:
            new = replace(new, participants=before.participants, participants_updated=before.participants_at)
    return new


def _combine_project(before: PypiFacts, new: PypiFacts, *, outdated: bool) -> PypiFacts:
    """Keep what a response without a list of files, releases or requirements does not state."""
    if new.releases is None:
        new = replace(new, releases=before.releases, first_released=before.first_released)
    if new.version != before.version or outdated:  # an older parser may have read what is not there
        return new
    # The metadata of a release never changes, so what is empty now is missing from the response.
    kept = {name: getattr(before, name) for name in _RELEASE_FACTS if getattr(new, name) in (None, ())}
    return replace(new, **kept)


def _combine_repository(before: RepositoryFacts | None, new: RepositoryFacts | None) -> RepositoryFacts | None:
    """Keep the time of archiving, which GitHub states in GraphQL only."""
    if new is None or before is None:
        return new or before
    if new.archived and new.archived_at is None and before.archived:
        return replace(new, archived_at=before.archived_at)
    return new


def _combine_contributors(before: ContributorsFacts | None, new: ContributorsFacts | None) -> ContributorsFacts | None:
    """Keep the known names, now for the newer head, where the forge has no list and found no names."""
    if new is None or before is None:
        return new or before
    if not new.whole and not new.names:
        return replace(before, head=new.head, taken=new.taken)
    return new


def facts_differ(before: Facts | None, after: Facts) -> bool:
    """Return whether the facts changed in substance.

    Not counted: the catalog's `last_fetched` and `modified` (they change without a change of the package), the order of
    grids, and the time at which contributors were read.
    """
    return _without_noise(before) != _without_noise(after)


def _without_noise(facts: Facts | None) -> Facts | None:
    if isinstance(facts, CatalogFacts):
        return replace(facts, last_fetched=None, modified=None, grids=tuple(sorted(facts.grids)))
    if isinstance(facts, ForgeFacts) and facts.contributors is not None:
        return replace(facts, contributors=replace(facts.contributors, taken=""))
    return facts


def find_events(before: Facts | None, after: Facts, *, coordinate: str) -> list[Event]:
    """Return the events between two sets of facts about one coordinate; none when `before` is None."""
    if isinstance(before, ForgeFacts) and isinstance(after, ForgeFacts):
        return list(_forge_events(before, after, coordinate))
    if isinstance(before, PypiFacts) and isinstance(after, PypiFacts):
        return list(_pypi_events(before, after, coordinate))
    return []


def _forge_events(before: ForgeFacts, after: ForgeFacts, coordinate: str) -> Iterator[Event]:
    yield from _state_events(before.state, after.state, coordinate)
    old, new = before.repository, after.repository
    if old is None or new is None or find_replaced(before, after) is not None:
        return
    if old.path.lower() != new.path.lower():
        yield Event("moved", old.path, new.path)
    if (old.archived, new.archived) == (False, True):
        yield Event("archived", None, None)
    if (old.archived, new.archived) == (True, False):
        yield Event("unarchived", None, None)
    if old.license and new.license and not is_same_license(old.license, new.license):
        yield Event("license", old.license, new.license)


def _pypi_events(before: PypiFacts, after: PypiFacts, coordinate: str) -> Iterator[Event]:
    yield from _state_events(before.state, after.state, coordinate)
    if before.version is None or after.version is None or after.state == "gone":
        return
    if before.version != after.version:  # also when the newest release was deleted: the event shows both versions
        yield Event("released", before.version, after.version)
    if after.yanked and not (before.yanked and before.version == after.version):
        yield Event("yanked", None, after.version)
    if before.license and after.license and not is_same_license(before.license, after.license):
        yield Event("license", before.license, after.license)


def _state_events(before: str, after: str, coordinate: str) -> Iterator[Event]:
    if before == after:
        return
    if after == "ok":
        yield Event("back", before, coordinate)
    else:
        yield Event(after, coordinate, None)
