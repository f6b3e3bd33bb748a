from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model.fields import parse_columns
from djpkg.render.compare import best_indexes, comparison_table
from djpkg.render.markdown import Strong

if TYPE_CHECKING:
    from djpkg.model.package import Values

ROWS: list[Values] = [
    {"slug": "pots", "repo_watchers": 5, "last_updated": "2026-01-01T00:00:00Z", "title": "a|b*"},
    {"slug": "pans", "repo_watchers": 9, "last_updated": "2026-01-01T02:00:00+02:00", "title": None},
    {"slug": "lids", "repo_watchers": 9, "last_updated": None, "title": "\x1b[31m"},
]


def test_the_highest_value_is_best_and_all_of_a_tie_are() -> None:
    assert best_indexes(ROWS, "repo_watchers") == {1, 2}


def test_the_newest_time_is_best_whatever_its_offset() -> None:
    assert best_indexes(ROWS, "last_updated") == {0, 1}


def test_other_fields_have_no_best_value() -> None:
    assert best_indexes([{"id": 1}, {"id": 2}], "id") == frozenset()


def test_missing_equal_and_single_values_are_not_best() -> None:
    assert best_indexes([{"repo_forks": 0}, {"repo_forks": None}, {}], "repo_forks") == frozenset()
    assert best_indexes(ROWS[:1], "repo_watchers") == frozenset()
    assert best_indexes(ROWS[1:], "repo_watchers") == frozenset()  # all equal


def test_the_first_and_last_year_can_be_compared() -> None:
    assert best_indexes([{"released": "0001-01-01T00:00:00+14:00"}, {"released": "9999-12-31"}], "released") == {1}


def test_the_table_has_a_column_per_package_with_dates_and_strong_best_values() -> None:
    table = comparison_table(ROWS, parse_columns("stars,updated,title"))
    assert table.keys == ["", "pots", "pans", "lids"]
    assert table.rows == [
        ["stars", "5", "9", "9"],
        ["updated", "2026-01-01", "2026-01-01", ""],
        ["title", "a|b*", "", "^[[31m"],
    ]
    strong = [[isinstance(cell, Strong) for cell in row[1:]] for row in table.rows]
    assert strong == [[False, True, True], [True, True, False], [False, False, False]]


def test_undeclared_django_versions_are_named_only_with_a_release_on_pypi() -> None:
    rows: list[Values] = [
        {"slug": "pots", "django_versions": [], "released": "2026-01-01T00:00:00Z"},
        {"slug": "pans", "django_versions": []},
    ]
    assert comparison_table(rows, parse_columns("django")).rows == [["django", "undeclared", ""]]
