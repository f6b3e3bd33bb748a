from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from djpkg.mirror import listing
from djpkg.model import fields
from djpkg.query import order_clause, parser, where_clause
from djpkg.query.columns import column_sql, comparable_sql
from djpkg.render import known_values
from tests.query.mirror import ALL_SLUGS, NOW, ROWS, Row, find_slugs, find_slugs_in, memory_mirror

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def db() -> Iterator[sqlite3.Connection]:
    with closing(memory_mirror(ROWS)) as connection:
        yield connection


@pytest.mark.parametrize("name", sorted(order_clause.LOOKUP_FIELDS))
def test_the_lookup_index_covers_its_fields(db: sqlite3.Connection, name: str) -> None:
    query = parser.parse_query([f"{name}:any"], now=NOW)
    assert order_clause.uses_lookup_index(query)
    names = listing.get_grid_names(db)
    (condition, values), (order, more) = (
        where_clause.where_clause(query, names),
        order_clause.order_clause((), query, names),
    )
    plan = db.execute(
        f"EXPLAIN QUERY PLAN SELECT packages.id FROM packages WHERE {condition} ORDER BY {order}", (*values, *more)
    ).fetchall()
    assert any("SCAN packages USING COVERING INDEX packages_lookup" in row[3] for row in plan)
    assert not any("TEMP B-TREE" in row[3] for row in plan)


def test_every_column_of_the_lookup_index_belongs_to_one_of_its_fields(db: sqlite3.Connection) -> None:
    columns = {row[2] for row in db.execute("PRAGMA index_info(packages_lookup)")}
    lookup_fields = [fields.get(name) for name in order_clause.LOOKUP_FIELDS]
    known = {
        expression.removeprefix("packages.")
        for field in lookup_fields
        for expression in (column_sql(field), comparable_sql(field).split()[0])
    }
    assert columns <= known


def test_matches_are_ordered_by_where_the_word_is_found() -> None:
    rows: list[Row] = [
        {"slug": "text", "title": "x", "repo_description": "about forms", "repo_watchers": 900},
        {"slug": "grid", "title": "x", "grids": "[53]", "repo_watchers": 800},
        {"slug": "title", "title": "Reforms", "repo_watchers": 700},
        {"slug": "superforms-b", "title": "x", "repo_watchers": 5},
        {"slug": "superforms-c", "title": "x", "repo_watchers": 600},
        {"slug": "superforms-a", "title": "x", "repo_watchers": None},
        {"slug": "django-forms", "title": "x", "repo_watchers": 1},
        {"slug": "forms", "title": "x", "repo_watchers": 0},
        {"slug": "none", "title": "x", "repo_watchers": 9_999},
    ]
    found = find_slugs_in(rows, "forms")
    assert found == [
        *("forms", "django-forms", "superforms-c", "superforms-b", "superforms-a"),
        *("title", "grid", "text"),
    ]


def test_with_several_words_the_worst_placed_one_decides() -> None:
    rows: list[Row] = [
        {"slug": "todo-x", "title": "x", "repo_description": "app", "repo_watchers": 900},
        {"slug": "x-todo", "title": "an app", "repo_watchers": 500},
        {"slug": "app-todo", "title": "x", "repo_watchers": 1},
        {"slug": "todo-app", "title": "x", "repo_watchers": 0},
    ]
    assert find_slugs_in(rows, "todo", "app") == ["todo-app", "app-todo", "x-todo", "todo-x"]


def test_the_beginning_of_a_word_is_ranked_like_the_word() -> None:
    rows: list[Row] = [
        {"slug": "text", "title": "x", "repo_description": "tickets", "repo_watchers": 900},
        {"slug": "ticket-x", "title": "x", "repo_watchers": 5},
        {"slug": "ticket", "title": "x"},
    ]
    assert find_slugs_in(rows, "ticket*") == ["ticket", "ticket-x", "text"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", ["django-allauth", "django-todo", "old", "bare_thing"]),
        ("stars", ["django-allauth", "django-todo", "old", "bare_thing"]),
        ("-stars", ["django-allauth", "django-todo", "old", "bare_thing"]),
        ("+stars", ["old", "django-todo", "django-allauth", "bare_thing"]),
        ("updated", ["django-allauth", "old", "django-todo", "bare_thing"]),
        ("+updated", ["django-todo", "old", "django-allauth", "bare_thing"]),
        ("slug", ["bare_thing", "django-allauth", "django-todo", "old"]),
        ("-slug", ["old", "django-todo", "django-allauth", "bare_thing"]),
        ("title", ["bare_thing", "django-todo", "django-allauth", "old"]),
        ("category,-slug", ["django-todo", "django-allauth", "old", "bare_thing"]),
        ("license", ["django-todo", "old", "django-allauth", "bare_thing"]),
        ("-license", ["django-allauth", "old", "django-todo", "bare_thing"]),
        ("repo_url", ["django-todo", "bare_thing", "django-allauth", "old"]),
        ("grids", ["django-todo", "django-allauth", "bare_thing", "old"]),
        ("+grids", ["django-allauth", "django-todo", "bare_thing", "old"]),
        ("archived", ["old", "django-allauth", "django-todo", "bare_thing"]),
        ("commits_over_52", ["django-allauth", "django-todo", "bare_thing", "old"]),
    ],
)
def test_unknown_values_come_last_in_both_directions(db: sqlite3.Connection, sort: str, expected: list[str]) -> None:
    assert find_slugs(db, sort=sort) == expected


def test_every_sortable_field_sorts_and_every_field_accepts_its_example(db: sqlite3.Connection) -> None:
    for field in fields.FIELDS:
        if field.sortable:
            assert len(find_slugs(db, sort=field.name)) == len(find_slugs(db, sort=f"-{field.name}")) == 4
            assert len(find_slugs(db, sort=f"+{field.name}")) == 4
        present, absent = find_slugs(db, f"{field.name}:any"), find_slugs(db, f"{field.name}:none")
        assert sorted([*present, *absent]) == sorted(ALL_SLUGS), field.name
        assert set(find_slugs(db, field.example)) <= ALL_SLUGS


UNKNOWN_STARS: list[Row] = [
    {"slug": "a-unfetched", "title": "x", "repo_watchers": 0, "repo_forks": 0},
    {"slug": "b-counted", "title": "x", "repo_watchers": 0, "repo_forks": 0, "repo_state": "ok"},
    {"slug": "c-none", "title": "x", "repo_watchers": 0, "repo_forks": 0, "repo_state": "none"},
    {"slug": "d-empty", "title": "x", "repo_watchers": 0, "repo_forks": 0, "repo_state": "empty"},
    {"slug": "e-gone", "title": "x", "repo_watchers": 7, "repo_forks": 7, "repo_state": "gone"},
]


@pytest.mark.parametrize("sort", ["", "stars", "forks", "-stars"])
def test_numbers_that_tables_leave_out_come_last(sort: str) -> None:
    expected = ["e-gone", "b-counted", "d-empty", "a-unfetched", "c-none"]
    assert find_slugs_in(UNKNOWN_STARS, sort=sort) == expected
    with closing(memory_mirror(UNKNOWN_STARS)) as db:
        ids = listing.find_ids(db, parser.Query(), parser.parse_sort([sort] if sort else []))
        for limit in range(1, 6):
            sorts = parser.parse_sort([sort] if sort else [])
            assert listing.find_ids(db, parser.Query(), sorts, limit=limit) == ids[:limit]
    rows = {str(row["slug"]): row for row in UNKNOWN_STARS}
    shown = [known_values.figure({"repo_state": None, **rows[slug]}, "repo_watchers") for slug in expected]  # type: ignore[dict-item]
    assert shown == [7, 0, 0, None, None]


def test_an_ascending_order_has_unknown_numbers_last_too() -> None:
    expected = ["b-counted", "d-empty", "e-gone", "a-unfetched", "c-none"]
    assert find_slugs_in(UNKNOWN_STARS, sort="+stars") == expected


@pytest.mark.parametrize("name", ["stars", "forks"])
def test_filters_treat_a_number_that_tables_leave_out_as_unknown(name: str) -> None:
    def found(term: str) -> str:
        return "".join(slug[0] for slug in sorted(find_slugs_in(UNKNOWN_STARS, f"{term}")))

    assert found(f"{name}:none") == "ac"
    assert found(f"{name}:any") == found(f"{name}:0..") == found(f"{name}:..9") == "bde"
    assert found(f"{name}:0") == "bd"
    assert found(f"-{name}:0") == "ace"
    assert found(f"{name}:1..") == "e"


def test_a_zero_of_the_user_is_known() -> None:
    with closing(memory_mirror(UNKNOWN_STARS)) as db:
        db.execute("INSERT INTO overrides VALUES (3, 'repo_watchers', '0', '2026-01-01T00:00:00Z')")
        assert find_slugs(db, "stars:none") == ["a-unfetched"]


@pytest.mark.parametrize("term", [[], ["is:active"], ["^todo"]])
def test_the_parts_of_the_default_order_need_no_sort(db: sqlite3.Connection, term: list[str]) -> None:
    query, names = parser.parse_query(term, now=NOW), listing.get_grid_names(db)
    condition, values = where_clause.where_clause(query, names)
    order, more = order_clause.order_clause((), query, names)
    parts = order_clause.parts_in_order((), query)
    assert len(parts) == 2
    for part in parts:
        sql = f"SELECT packages.id FROM packages WHERE {condition} AND {part} ORDER BY {order}"
        plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", (*values, *more))]
        assert any("packages USING COVERING INDEX packages_lookup" in line for line in plan)
        assert not any("TEMP B-TREE" in line for line in plan)
