"""Edits of packages that the catalog removed and listed again under the same slug with another id.

With the same repository it is the same package, and its edits move to the new id. Otherwise the user decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from djpkg.mirror.overrides import parse_value
from djpkg.mirror.resolve import NORMALIZED_SLUG
from djpkg.mirror.serialization import from_sql, to_json, to_public
from djpkg.model import fields
from djpkg.model.overrides import is_same_value, is_valid_override
from djpkg.text import is_text

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

    from djpkg.mirror.serialization import SqlValue
    from djpkg.model.fields import Field
    from djpkg.model.merge import StoredValue
    from djpkg.source_name import SourceName

_OLD_SLUG, _NEW_SLUG = (NORMALIZED_SLUG.replace("slug", f"{name}.slug") for name in ("old", "new"))
# Overrides of removed packages, each with the listed package of that slug and its own override of the field.
_PAIRS = (
    " FROM overrides"
    " JOIN packages AS old ON old.id = overrides.package_id AND old.catalog_state = 'removed'"
    f" JOIN packages AS new ON {_NEW_SLUG} = {_OLD_SLUG} AND new.catalog_state = 'listed'"
    " LEFT JOIN overrides AS mine ON mine.package_id = new.id AND mine.field = overrides.field"
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
    only, values = ("", ()) if package is None else (" AND new.id = ?", (package,))
    found: dict[tuple[int, int], RemovedEdits] = {}
    for number, slug, removed, field, stored in db.execute(
        f"SELECT new.id, new.slug, old.id, overrides.field, overrides.value{_PAIRS}"
        f" WHERE mine.field IS NULL{only} ORDER BY new.slug, new.id, old.id, overrides.field",
        values,
    ):
        value = parse_value(stored)
        if is_text(slug) and is_text(field) and is_valid_override(field, value):
            edits = found.setdefault((number, removed), RemovedEdits(number, slug, removed, {}))
            edits.values[field] = value  # type: ignore[assignment] # just checked
    # A value that the new package has anyway needs no edit.
    for edits in found.values():
        names = list(edits.values)
        row = db.execute(f"SELECT {', '.join(names)} FROM packages WHERE id = ?", (edits.id,)).fetchone()
        for name, stored in zip(names, row, strict=True):
            if _is_same(fields.get(name), edits.values[name], stored):
                del edits.values[name]
    return [edits for edits in found.values() if edits.values]


def _is_same(field: Field, value: StoredValue, stored: SqlValue) -> bool:
    try:
        shown = from_sql(field, stored)
    except ValueError:  # damaged
        return False
    return is_same_value(field, to_public(field, value), shown)


def carry_over(
    db: sqlite3.Connection, *, forges: Mapping[str, SourceName], added: Collection[int]
) -> list[CarriedOver]:
    """Move edits from removed packages to the listed ones with the same slug and repository.

    A slug in another spelling may belong to another package, unless this fetch `added` it. A field that is edited in
    both keeps the newer package's value.
    """
    pairs = db.execute(
        f"SELECT DISTINCT old.id, new.id, new.slug = old.slug AS exact{_PAIRS}"
        " WHERE mine.field IS NULL ORDER BY old.id, exact DESC, new.id"
    ).fetchall()
    moved: list[CarriedOver] = []
    for old, new, exact in pairs:
        if (exact or new in added) and _repositories(db, old, forges) & _repositories(db, new, forges):
            before = _edited_fields(db, new)
            db.execute("UPDATE OR IGNORE overrides SET package_id = ? WHERE package_id = ?", (new, old))
            moved.append(CarriedOver(old, new, _edited_fields(db, new) - before))
    return moved


def _edited_fields(db: sqlite3.Connection, package: int) -> set[str]:
    return {name for (name,) in db.execute("SELECT field FROM overrides WHERE package_id = ?", (package,))}


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
