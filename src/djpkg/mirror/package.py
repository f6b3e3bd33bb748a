"""Reading one package with everything that `show` prints: values, upstream values, origins and lookups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.errors import MirrorError
from djpkg.mirror import facts_json
from djpkg.mirror.damage import DamagedRow, damaged_error, find_damaged, find_name, repair_hint, text_or_none
from djpkg.mirror.neighbours import get_dependencies
from djpkg.mirror.overrides import describe_invalid, read_overrides
from djpkg.mirror.read import get_values
from djpkg.mirror.serialization import to_public
from djpkg.model import fields
from djpkg.model.fields import Owner
from djpkg.model.merge import merge
from djpkg.model.package import Package, Provenance
from djpkg.source_name import SourceName
from djpkg.text import is_text, quote_input

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from djpkg.model.merge import FactsRow, Merged


def get_package(
    db: sqlite3.Connection, number: int, *, forges: Mapping[str, SourceName], now: datetime | None = None
) -> Package:
    """Return one package; see `get_values` for `now`. Raises PackageNotFound for an unknown id."""
    values = get_values(db, number, fields.ALL_COLUMNS, now=now)
    merged, facts, problems = get_merged(db, number, forges=forges)
    coordinates = {merged.project, merged.repository.coordinate if merged.repository else None}
    return Package(
        values=values,
        category=_category_title(db, number),
        grids=_grid_titles(db, number),
        upstream={
            field.name: to_public(field, merged.upstream[field.name])
            for field in fields.FIELDS
            if field.name in merged.upstream and field not in fields.PRIVATE
        },
        origins=merged.origins,
        upstream_origins={
            name: origin for name, origin in merged.upstream_origins.items() if fields.get(name) not in fields.PRIVATE
        },
        sources=tuple(
            Provenance(row.source.value, row.coordinate, row.asked, row.answered, row.outcome, row.error, row.via)
            for row in facts
            if row.source is SourceName.CATALOG or row.coordinate in coordinates
        ),
        suggestion=merged.suggestion,
        problems=problems,
        dependencies=get_dependencies(db, number, now=now),
    )


def find_unfetched(
    db: sqlite3.Connection, ids: Iterable[int], *, forges: Mapping[str, SourceName]
) -> dict[str, frozenset[str]]:
    """Return, by slug, the fields of a forge or PyPI whose value comes from the catalog: no fetch has confirmed it.

    Damaged packages are left out.
    """
    found: dict[str, frozenset[str]] = {}
    for number in ids:
        try:
            merged, _, _ = get_merged(db, number, forges=forges)
        except MirrorError:
            continue
        fetched_fields = (field.name for field in fields.FIELDS if field.owner in (Owner.FORGE, Owner.PYPI))
        unfetched = frozenset(name for name in fetched_fields if merged.origins[name].source == SourceName.CATALOG)
        found[str(merged.values["slug"])] = unfetched
    return found


def get_merged(
    db: sqlite3.Connection, number: int, *, forges: Mapping[str, SourceName]
) -> tuple[Merged, list[FactsRow], tuple[str, ...]]:
    """Return a package's merge, the facts behind it, and what in its rows is damaged and was not used.

    Raises MirrorError if the facts of the catalog are damaged.
    """
    name = find_name(db, number)
    facts, problems = _read_facts(db, number, name)
    overrides = read_overrides(db, [number])[number]
    if overrides.invalid:
        problems.append(describe_invalid(name, overrides.invalid))
    (state,) = db.execute("SELECT catalog_state FROM packages WHERE id = ?", (number,)).fetchone()
    try:
        merged = merge(facts, overrides.values, edited=overrides.edited, listed=state != "removed", forges=forges)
    except ValueError as error:
        raise damaged_error(find_damaged(db, number, str(error))) from error
    return merged, facts, tuple(problems)


def _read_facts(db: sqlite3.Connection, number: int, name: str) -> tuple[list[FactsRow], list[str]]:
    facts: list[FactsRow] = []
    problems: list[str] = []
    for via, *columns in db.execute(
        "SELECT via, source, coordinate, asked, answered, outcome, error, facts FROM facts WHERE package_id = ?"
        " ORDER BY source",
        (number,),
    ):
        row = facts_json.parse_facts_row(columns)
        if row is not None:
            facts.append(row._replace(via=text_or_none(via)))
        if row is None or (row.facts is None and columns[-1] is not None):
            hint = repair_hint([DamagedRow(number, name, "")])
            problems.append(f"the stored facts of {quote_input(str(columns[0]))} are damaged; {hint}")
    return facts, problems


def _category_title(db: sqlite3.Connection, number: int) -> str | None:
    row = db.execute(
        "SELECT coalesce(title, CAST(categories.id AS TEXT)) FROM categories"
        " WHERE categories.id = (SELECT category FROM packages WHERE packages.id = ?)",
        (number,),
    ).fetchone()
    return text_or_none(row[0]) if row else None


def _grid_titles(db: sqlite3.Connection, number: int) -> tuple[str, ...]:
    rows = db.execute(
        "SELECT coalesce(title, CAST(grids.id AS TEXT)) FROM package_grids JOIN grids ON grids.id = grid_id"
        " WHERE package_id = ? ORDER BY position",
        (number,),
    )
    return tuple(title for (title,) in rows if is_text(title))
