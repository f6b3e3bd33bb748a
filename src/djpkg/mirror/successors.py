"""Find packages that may replace a dead one.

They are what the user, its repository or its description names, and what those require now that stopped requiring it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.check.instead import MOVED, NOTED, successor_names
from djpkg.mirror import resolve
from djpkg.mirror.departures import find_departures

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from djpkg.check.facts import PackageFacts
    from djpkg.source_name import SourceName


def find_successors(
    db: sqlite3.Connection, dead: Sequence[PackageFacts], *, catalog: str, forges: Mapping[str, SourceName]
) -> dict[int, list[tuple[int, str]]]:
    """Return the ids of possible successors of each package with the reason, the best first; some may be dead too."""
    found: dict[int, list[tuple[int, str]]] = {facts.id: [] for facts in dead}
    departures = find_departures(db, [facts.project for facts in dead if facts.project is not None])
    for facts in dead:
        found[facts.id] += _named(db, facts, catalog=catalog, forges=forges)
        left = departures.get(facts.project or "")
        if left is None:
            continue
        for project, count in left.successors:
            reason = f"{count} of {left.packages} packages that stopped requiring it now require this one"
            found[facts.id] += [
                (number, reason) for number in resolve.find_by_project(db, project, None, catalog=catalog)
            ]
    return found


def find_coordinate(url: str, forges: Mapping[str, SourceName]) -> str | None:
    """Return the key under which the mirror stores the repository at a URL, None if it is no repository."""
    from djpkg.model.repository_url import Repository, parse_repository_url  # noqa: PLC0415 - few packages are dead

    repository = parse_repository_url(url, forges)
    return repository.coordinate if isinstance(repository, Repository) else None


def _named(
    db: sqlite3.Connection, facts: PackageFacts, *, catalog: str, forges: Mapping[str, SourceName]
) -> Iterator[tuple[int, str]]:
    """Yield the packages that the user, the repository or the description names."""
    texts = [(facts.replaced_by, NOTED)]
    texts += [(address, MOVED) for address in (facts.moved_to, facts.suggestion)]
    texts += [(name, "its description names it") for name in successor_names(facts.description)]
    for text, reason in texts:
        if text is not None:
            for number in _find(db, text, catalog=catalog, forges=forges):
                yield number, reason


def _find(db: sqlite3.Connection, text: str, *, catalog: str, forges: Mapping[str, SourceName]) -> list[int]:
    """Return the packages that a text names: a slug, a project, ``owner/name`` on GitHub, or the address of one."""
    if "/" not in text:
        return resolve.find_ids(db, text, catalog=catalog, forges=forges)
    coordinate = find_coordinate(text if "://" in text else f"https://github.com/{text}", forges)
    if coordinate is None:
        return resolve.find_ids(db, text, catalog=catalog, forges=forges)
    rows = db.execute("SELECT id FROM packages WHERE repository_key = ? ORDER BY id", (coordinate,))
    return [number for (number,) in rows]
