"""The packages that a command works on: named ones and those of project files, narrowed by terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror import listing, resolve
from djpkg.query.parser import Query

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from djpkg.requirements.requirement import Requirement
    from djpkg.source_name import SourceName


class Selection(NamedTuple):
    """Named packages and the requirements of project files, added up; terms narrow them, or select from all packages.

    `requirements` is None without a file.
    """

    packages: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] | None = None
    query: Query = Query()

    @property
    def is_given(self) -> bool:
        """Whether anything was selected, even if it turns out to be no package."""
        return bool(self.packages) or self.requirements is not None or self.query.has_terms

    @property
    def is_named(self) -> bool:
        """Whether every package is named, so that the selection does not depend on what else the mirror has."""
        return bool(self.packages) and self.requirements is None


class Addresses(NamedTuple):
    """The configured catalog and forges, by which addresses of packages are recognized."""

    catalog: str
    forges: Mapping[str, SourceName]


def find_selected(db: sqlite3.Connection, selection: Selection, addresses: Addresses, *, now: datetime) -> list[int]:
    """Return the ids of the selected packages: in the order of their names and files, else most stars first.

    Raises PackageNotFound for an unknown name, and UsageError for an unknown category or grid.
    """
    named = [
        resolve.get_id(db, name, catalog=addresses.catalog, forges=addresses.forges) for name in selection.packages
    ]
    required, _ = find_required(db, selection.requirements or (), addresses)
    ids = list(dict.fromkeys([*named, *required]))
    return narrow(db, ids, selection, now=now)


def narrow(db: sqlite3.Connection, ids: Iterable[int], selection: Selection, *, now: datetime) -> list[int]:
    """Return the ids that match the terms; from all packages if neither names nor files were given.

    Raises UsageError for an unknown category or grid.
    """
    if not selection.query.has_terms:
        return list(ids)
    listing.check_names(db, selection.query)
    matching = listing.find_ids(db, selection.query, (), now=now)
    if not selection.packages and selection.requirements is None:
        return matching
    allowed = frozenset(matching)
    return [number for number in ids if number in allowed]


def find_required(
    db: sqlite3.Connection, requirements: Iterable[Requirement], addresses: Addresses
) -> tuple[list[int], list[str]]:
    """Return the ids of the packages that the requirements name, and the names of those that match no package."""
    found = {
        required.name: resolve.find_by_project(
            db, required.name, required.url, catalog=addresses.catalog, forges=addresses.forges
        )
        for required in requirements
    }
    ids = list(dict.fromkeys(number for numbers in found.values() for number in numbers))
    return ids, [name for name, numbers in found.items() if not numbers]
