"""The tables and indexes of a new mirror."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from djpkg.errors import UsageError
from djpkg.mirror import schema
from djpkg.mirror.connection import create_in_memory
from djpkg.mirror.overrides import OWN_TABLES
from djpkg.mirror.resolve import NORMALIZED_SLUG
from djpkg.model import fields
from djpkg.query import parser
from djpkg.query.grid_names import GridNames
from djpkg.query.order_clause import LOOKUP_FIELDS
from djpkg.query.where_clause import where_clause
from tests.mirrors import NOW

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

VALUES = ("none", "1", "true", "ok", "2026")


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(create_in_memory()) as db:
        yield db


def query_plan(db: sqlite3.Connection, sql: str, values: tuple[object, ...] = ()) -> str:
    return "\n".join(detail for *_, detail in db.execute(f"EXPLAIN QUERY PLAN {sql}", values))


def filter_plans(db: sqlite3.Connection, field: str) -> list[str]:
    """Return the plans of all filters of a field, each forced to use the lookup index."""
    plans = []
    for value in VALUES:
        try:
            query = parser.parse_query([f"{field}:{value}"], now=NOW)
        except UsageError:
            continue
        condition, values = where_clause(query, GridNames((), ()))
        sql = f"SELECT packages.id FROM packages INDEXED BY packages_lookup WHERE {condition}"
        plans.append(query_plan(db, sql, values))
    return plans


@pytest.mark.parametrize("field", [field.name for field in fields.FIELDS if field.name not in OWN_TABLES])
def test_the_lookup_index_covers_exactly_the_filters_of_the_lookup_fields(db: sqlite3.Connection, field: str) -> None:
    covered = {"COVERING INDEX packages_lookup" in plan for plan in filter_plans(db, field)}
    assert covered == {field in LOOKUP_FIELDS}


@pytest.mark.parametrize(("field", "table"), [("note", "notes"), ("tags", "tags")])
def test_what_has_no_note_or_tag_is_found_in_their_own_tables(db: sqlite3.Connection, field: str, table: str) -> None:
    none, *_ = filter_plans(db, field)
    assert "COVERING INDEX packages_lookup" in none
    assert table in none


def test_lookup_fields_are_fields() -> None:
    assert {field.name for field in fields.FIELDS} >= LOOKUP_FIELDS


def test_a_slug_is_found_by_its_index(db: sqlite3.Connection) -> None:
    assert "INDEX packages_slug" in query_plan(db, f"SELECT id FROM packages WHERE {NORMALIZED_SLUG} = 'a'")


@pytest.mark.parametrize("table", ["facts", "sources", "sweeps"])
def test_no_table_limits_the_names_of_sources(db: sqlite3.Connection, table: str) -> None:
    row = {
        "facts": "(package_id, source, coordinate) VALUES (1, 'sourcehut', 'git.sr.ht/~mara/pots')",
        "sources": "(source) VALUES ('sourcehut')",
        "sweeps": "(source, completed, packages) VALUES ('sourcehut', '', 0)",
    }[table]
    db.execute(f"INSERT INTO {table} {row}")
    assert db.execute(f"SELECT source FROM {table}").fetchall() == [("sourcehut",)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", []),
        (" ;\n; ", []),
        ("SELECT 1", ["SELECT 1;"]),
        ("SELECT ';'; SELECT 2;", ["SELECT ';';", "SELECT 2;"]),
        (
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END; SELECT 1;",
            ["CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM b; END;", "SELECT 1;"],
        ),
    ],
)
def test_a_script_is_split_into_statements(script: str, expected: list[str]) -> None:
    assert schema.split_statements(script) == expected
