from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from djpkg.model.fields import parse_columns
from djpkg.render.compare import best_indexes, comparison_table
from djpkg.render.markdown import Strong
from tests.render.samples import NOW

if TYPE_CHECKING:
    from djpkg.model.package import Values

ROWS: list[Values] = [
    {"slug": "pots", "repo_watchers": 5, "last_updated": "2026-01-01T00:00:00Z", "title": "a|b*"},
    {"slug": "pans", "repo_watchers": 9, "last_updated": "2026-01-01T02:00:00+02:00", "title": None},
    {"slug": "lids", "repo_watchers": 9, "last_updated": None, "title": "\x1b[31m"},
]


def test_the_highest_value_is_best_and_all_of_a_tie_are() -> None:
    assert best_indexes(ROWS, "repo_watchers", now=NOW) == {1, 2}


def test_the_newest_time_is_best_whatever_its_offset() -> None:
    assert best_indexes(ROWS, "last_updated", now=NOW) == {0, 1}


def test_other_fields_have_no_best_value() -> None:
    assert best_indexes([{"id": 1}, {"id": 2}], "id", now=NOW) == frozenset()


def test_missing_equal_and_single_values_are_not_best() -> None:
    assert best_indexes([{"repo_forks": 0}, {"repo_forks": None}, {}], "repo_forks", now=NOW) == frozenset()
    assert best_indexes(ROWS[:1], "repo_watchers", now=NOW) == frozenset()
    assert best_indexes(ROWS[1:], "repo_watchers", now=NOW) == frozenset()  # all equal


def test_the_first_year_can_be_compared() -> None:
    rows: list[Values] = [{"released": "0001-01-01T00:00:00+14:00"}, {"released": "2025-12-31"}]
    assert best_indexes(rows, "released", now=NOW) == {1}


@pytest.mark.parametrize("state", ["removed", "gone", "blocked", "archived", "empty", "stale", "unknown"])
@pytest.mark.parametrize("name", ["repo_watchers", "last_updated"])
def test_a_dead_package_is_never_the_best(state: str, name: str) -> None:
    figures: Values = {"repo_watchers": 9, "last_updated": "2026-03-01"}
    less: Values = {"repo_watchers": 5, "last_updated": "2026-02-01"}
    dead, living = {**figures, "state": state}, {**less, "state": "active"}
    assert best_indexes([dead, living], name, now=NOW) == {1}
    assert best_indexes([dead, {**less, "state": state}], name, now=NOW) == frozenset()


@pytest.mark.parametrize("state", ["active", "moved", "yanked"])
def test_a_package_that_lives_elsewhere_can_be_the_best(state: str) -> None:
    rows: list[Values] = [{"repo_watchers": 9, "state": state}, {"repo_watchers": 5, "state": "active"}]
    assert best_indexes(rows, "repo_watchers", now=NOW) == {0}


@pytest.mark.parametrize("future", ["2026-11-24T12:00:01Z", "2036-01-01", "9999-12-31"])
def test_a_time_in_the_future_is_never_the_newest(future: str) -> None:
    rows: list[Values] = [{"last_updated": future}, {"last_updated": "2020-01-01"}, {"last_updated": "2019-01-01"}]
    assert best_indexes(rows, "last_updated", now=NOW) == {1}
    assert best_indexes([{"last_updated": "2026-11-24T12:00:00Z"}, *rows], "last_updated", now=NOW) == {0}


def test_the_table_has_a_column_per_package_with_dates_and_strong_best_values() -> None:
    table = comparison_table(ROWS, parse_columns("stars,updated,title"), now=NOW)
    assert table.keys == ["", "pots", "pans", "lids"]
    assert table.rows == [
        ["stars", "5", "9", "9"],
        ["updated", "2026-01-01", "2026-01-01", ""],
        ["title", "a|b*", "", "^[[31m"],
    ]
    strong = [[isinstance(cell, Strong) for cell in row[1:]] for row in table.rows]
    assert strong == [[False, True, True], [True, True, False], [False, False, False]]


def test_values_of_the_catalog_are_marked() -> None:
    table = comparison_table(
        ROWS, parse_columns("stars,updated,title"), now=NOW, unfetched={"pots": {"repo_watchers", "title"}}
    )
    assert [row[1:3] for row in table.rows] == [
        ["5 (catalog)", "9"],
        ["2026-01-01", "2026-01-01"],
        ["a|b*", ""],
    ]


def test_undeclared_django_versions_are_named_only_with_a_release_on_pypi() -> None:
    rows: list[Values] = [
        {"slug": "pots", "django_versions": [], "released": "2026-01-01T00:00:00Z"},
        {"slug": "pans", "django_versions": []},
    ]
    assert comparison_table(rows, parse_columns("django"), now=NOW).rows == [["django", "undeclared", ""]]


def test_a_tie_of_all_living_packages_marks_none() -> None:
    gone: Values = {"repo_watchers": 7, "state": "gone"}
    living: list[Values] = [{"repo_watchers": 1, "state": "active"} for _ in range(2)]
    assert best_indexes([*living, gone], "repo_watchers", now=NOW) == frozenset()
    assert best_indexes([gone, *living, {"repo_watchers": 0, "state": "active"}], "repo_watchers", now=NOW) == {1, 2}
    assert best_indexes([gone, gone], "repo_watchers", now=NOW) == frozenset()
