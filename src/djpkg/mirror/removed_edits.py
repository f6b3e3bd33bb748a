"""Edits of packages that the catalog removed and listed again under the same slug with another id.

With the same repository it is the same package, and its edits move to the new id. Otherwise the user decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror.overrides import move_overrides, read_overrides
from djpkg.mirror.resolve import NORMALIZED_SLUG
from djpkg.mirror.serialization import from_sql, to_json, to_public
from djpkg.model import fields
from djpkg.model.overrides import is_same_value
from djpkg.text import is_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

    from djpkg.mirror.serialization import SqlValue
    from djpkg.model.fields import Field
    from djpkg.model.merge import StoredValue
    from djpkg.source_name import SourceName

_OLD_SLUG, _NEW_SLUG = (NORMALIZED_SLUG.replace("slug", f"{name}.slug") for name in ("old", "new"))
_SAME_SLUG = f"{_NEW_SLUG} = {_OLD_SLUG} AND new.catalog_state = 'listed'"
# Removed packages with values of the user, each with the listed package of its slug. CROSS JOIN keeps SQLite from
# reading all packages first, which takes 17 ms of 5,800, for each page of a fetch.
_PAIRS = (
    "SELECT new.id, new.slug, old.id, new.slug = old.slug AS exact FROM"
    " (SELECT package_id FROM overrides UNION SELECT package_id FROM notes UNION SELECT package_id FROM tags) AS edits"
    " CROSS JOIN packages AS old ON old.id = edits.package_id AND old.catalog_state = 'removed'"
    f" CROSS JOIN packages AS new ON {_SAME_SLUG}"
)
_PAIRS_OF_ONE = (
    "SELECT new.id, new.slug, old.id, new.slug = old.slug AS exact"
    f" FROM packages AS new CROSS JOIN packages AS old ON {_SAME_SLUG}"
    " WHERE new.id = ? AND old.catalog_state = 'removed'"
)


class RemovedEdits(NamedTuple):
    """Values that a user set on a removed package, and the listed package that has its slug now."""

    id: int
    slug: str
    removed_id: int
    values: dict[str, StoredValue]

    @property
    def assignments(self) -> list[str]:
        """The arguments of ``djpkg edit`` that set these values on the listed package."""
        public = {name: to_public(fields.get(name), value) for name, value in self.values.items()}
        return [
            f"{name}={value}"
            if isinstance(value, str) and value.strip() == value != ""
            else f"{name}:={to_json(value)}"
            for name, value in public.items()
        ]


class CarriedOver(NamedTuple):
    """The fields whose edits were moved from a removed package to a listed one."""

    removed_id: int
    id: int
    fields: set[str]


def find_removed_edits(db: sqlite3.Connection, package: int | None = None) -> list[RemovedEdits]:
    """Return the edits of removed packages that the listed one of the same slug lacks: of one package, or of all."""
    sql, selected = (_PAIRS, ()) if package is None else (_PAIRS_OF_ONE, (package,))
    pairs = db.execute(f"{sql} ORDER BY new.slug, new.id, old.id", selected).fetchall()
    found: list[RemovedEdits] = []
    for number, slug, removed, _ in pairs:
        overrides = read_overrides(db, [number, removed])
        mine = overrides[number]
        values = {
            name: value
            for name, value in sorted(overrides[removed].values.items())
            if name not in mine.values and name not in mine.invalid
        }
        # A value that the new package has anyway needs no edit.
        row = db.execute(f"SELECT {', '.join(['id', *values])} FROM packages WHERE id = ?", (number,)).fetchone()
        shown = dict(zip(values, row[1:], strict=True))
        values = {name: value for name, value in values.items() if not _is_same(fields.get(name), value, shown[name])}
        if values and is_text(slug):
            found.append(RemovedEdits(number, slug, removed, values))
    return found


def _is_same(field: Field, value: StoredValue, stored: SqlValue) -> bool:
    try:
        shown = from_sql(field, stored)
    except ValueError:  # damaged
        return False
    return is_same_value(field, to_public(field, value), shown)


def carry_over(
    db: sqlite3.Connection, *, forges: Mapping[str, SourceName], added: Collection[int]
) -> list[CarriedOver]:
    """Move edits, notes and tags from removed packages to the listed ones with the same slug and repository.

    A slug in another spelling may belong to another package, unless this fetch `added` it. A field that is edited in
    both keeps the newer package's value.
    """
    moved: list[CarriedOver] = []
    for new, _, old, exact in db.execute(f"{_PAIRS} ORDER BY old.id, exact DESC, new.id").fetchall():
        edited, mine = _edited_fields(db, old), _edited_fields(db, new)
        is_candidate = not edited <= mine and (exact or new in added)
        if is_candidate and _repositories(db, old, forges) & _repositories(db, new, forges):
            move_overrides(db, old, new, kept=mine)
            moved.append(CarriedOver(old, new, _edited_fields(db, new) - mine))
    return moved


def _edited_fields(db: sqlite3.Connection, package: int) -> set[str]:
    overrides = read_overrides(db, [package])[package]
    return {*overrides.values, *overrides.invalid}


def _repositories(db: sqlite3.Connection, package: int, forges: Mapping[str, SourceName]) -> set[str]:
    """Return the repositories of a package: by its address upstream, as edited, and after a move."""
    from djpkg.model import repository_url  # noqa: PLC0415 - only for packages that were removed

    rows = db.execute(
        "SELECT repo_url FROM packages WHERE id = :id UNION SELECT moved_to FROM packages WHERE id = :id"
        " UNION SELECT json_extract(facts, '$.repo_url') FROM facts"
        " WHERE package_id = :id AND source = 'catalog' AND json_valid(facts)",
        {"id": package},
    )
    parsed = [repository_url.parse_repository_url(url, forges) for (url,) in rows if is_text(url)]
    return {one.coordinate for one in parsed if isinstance(one, repository_url.Repository)}
