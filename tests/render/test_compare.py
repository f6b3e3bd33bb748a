from __future__ import annotations

from typing import TYPE_CHECKING

from djpkg.model.fields import parse_columns
from djpkg.render.compare import best, comparison_markdown, comparison_rows

if TYPE_CHECKING:
    from djpkg.model.package import Values

ROWS: list[Values] = [
    {"slug": "pots", "repo_watchers": 5, "last_updated": "2026-01-01T00:00:00Z", "title": "a|b*"},
    {"slug": "pans", "repo_watchers": 9, "last_updated": "2026-01-01T02:00:00+02:00", "title": None},
    {"slug": "lids", "repo_watchers": 9, "last_updated": None, "title": "\x1b[31m"},
]


def test_the_most_is_best_and_ties_are_all_best() -> None:
    assert best(ROWS, "repo_watchers") == {1, 2}


def test_the_newest_is_best_whatever_its_offset() -> None:
    assert best(ROWS, "last_updated") == {0, 1}


def test_a_field_of_which_more_is_not_better_has_no_best() -> None:
    assert best([{"id": 1}, {"id": 2}], "id") == frozenset()


def test_neither_nothing_nor_a_package_alone_is_best() -> None:
    assert best([{"repo_forks": 0}, {"repo_forks": None}, {}], "repo_forks") == frozenset()
    assert best(ROWS[:1], "repo_watchers") == frozenset()
    assert best(ROWS[1:], "repo_watchers") == frozenset()  # all alike


def test_the_ends_of_the_calendar_can_be_compared() -> None:
    assert best([{"released": "0001-01-01T00:00:00+14:00"}, {"released": "9999-12-31"}], "released") == {1}


def test_the_markdown_has_a_column_a_package_dates_and_no_foreign_markup() -> None:
    assert comparison_markdown(ROWS, parse_columns("stars,updated,title")) == (
        "|  | pots | pans | lids |\n"
        "| --- | --- | --- | --- |\n"
        "| stars | 5 | **9** | **9** |\n"
        "| updated | **2026-01-01** | **2026-01-01** |  |\n"
        r"| title | a\|b\* |  | ^\[\[31m |" + "\n"
    )


def test_the_markdown_says_undeclared_of_what_pypi_was_asked_about() -> None:
    rows: list[Values] = [
        {"slug": "pots", "django_versions": [], "released": "2026-01-01T00:00:00Z"},
        {"slug": "pans", "django_versions": []},
    ]
    assert comparison_markdown(rows, parse_columns("django")).splitlines()[2] == "| django | undeclared |  |"


def test_the_rows_for_csv_are_a_head_and_a_package_each() -> None:
    assert list(comparison_rows(ROWS[:1], parse_columns("stars,title"))) == [
        ["slug", "stars", "title"],
        ["pots", 5, "a|b*"],
    ]
