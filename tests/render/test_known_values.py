from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from djpkg.render import known_values

if TYPE_CHECKING:
    from djpkg.model.package import Values

FIGURES = ["repo_watchers", "repo_forks", "participant_count", "commits_last_year"]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("state", [None, "ok", "none", "gone"])
def test_numbers_above_zero_are_known_in_any_state(name: str, state: str | None) -> None:
    assert known_values.figure({name: 5, "repo_state": state}, name) == 5
    assert known_values.value({name: 5, "repo_state": state}, name) == 5


@pytest.mark.parametrize("name", ["repo_watchers", "repo_forks"])
@pytest.mark.parametrize("state", ["none", "unsupported"])
def test_a_zero_of_the_catalog_without_a_repository_is_unknown(name: str, state: str) -> None:
    assert known_values.figure({name: 0, "repo_state": state}, name) is None
    assert known_values.value({name: 0, "repo_state": state}, name) is None


@pytest.mark.parametrize("name", ["participant_count", "commits_last_year"])
@pytest.mark.parametrize("number", [0, None])
def test_counts_of_the_mirror_are_null_where_they_are_unknown(name: str, number: int | None) -> None:
    assert known_values.figure({name: number, "repo_state": "none"}, name) == number
    assert known_values.value({name: number, "repo_state": "ok"}, name) == number


@pytest.mark.parametrize("name", ["repo_watchers", "repo_forks"])
def test_a_zero_is_known_only_if_the_forge_reported_it(name: str) -> None:
    assert [known_values.figure({name: 0, "repo_state": state}, name) for state in (None, "gone", "blocked")] == [
        None
    ] * 3
    assert [known_values.figure({name: 0, "repo_state": state}, name) for state in ("ok", "moved", "empty")] == [0] * 3


def test_weeks_without_commits_are_known_if_they_were_counted() -> None:
    idle: Values = {"commits_over_52": [0] * 52, "commits_last_year": 0}
    assert known_values.weeks(idle) == [0] * 52
    assert known_values.weeks({**idle, "commits_last_year": None}) == []
    assert known_values.value({**idle, "commits_last_year": None}, "commits_over_52") is None
    assert known_values.weeks({"commits_over_52": [], "repo_state": "ok"}) == []


def test_a_zero_set_by_the_user_is_known() -> None:
    edited: Values = {
        "repo_watchers": 0,
        "participant_count": 0,
        "repo_state": "none",
        "edited": ["participants", "repo_watchers"],
    }
    assert (
        known_values.figure(edited, "repo_watchers"),
        known_values.figure(edited, "participant_count"),
    ) == (0, 0)


def test_other_values_are_returned_unchanged() -> None:
    assert (
        known_values.value({"id": 0}, "id"),
        known_values.value({"title": ""}, "title"),
        known_values.value({}, "id"),
    ) == (0, "", None)
    assert known_values.figure({"repo_watchers": "many"}, "repo_watchers") is None
