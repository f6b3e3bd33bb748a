from __future__ import annotations

import pytest

from djpkg.render import known_figures

FIGURES = ["repo_watchers", "repo_forks", "participant_count", "commits_last_year"]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("state", [None, "ok", "none", "gone"])
def test_more_than_nothing_is_known_whoever_stated_it(name: str, state: str | None) -> None:
    assert known_figures.known_figure({name: 5, "repo_state": state}, name) == 5
    assert known_figures.known_value({name: 5, "repo_state": state}, name) == 5


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("state", ["none", "unsupported"])
def test_nothing_is_counted_where_there_is_no_repository_to_ask(name: str, state: str) -> None:
    assert known_figures.known_figure({name: 0, "repo_state": state}, name) is None
    assert known_figures.known_value({name: 0, "repo_state": state}, name) is None


@pytest.mark.parametrize("name", ["repo_watchers", "repo_forks"])
def test_a_zero_of_the_directory_is_known_once_the_forge_states_it(name: str) -> None:
    assert [
        known_figures.known_figure({name: 0, "repo_state": state}, name) for state in (None, "gone", "blocked")
    ] == [None] * 3
    assert [known_figures.known_figure({name: 0, "repo_state": state}, name) for state in ("ok", "moved", "empty")] == [
        0
    ] * 3


def test_a_list_of_nobody_was_never_filled_but_in_an_empty_repository() -> None:
    states = ("ok", None, "gone", "empty")
    said = [
        known_figures.known_figure({"participant_count": 0, "repo_state": state}, "participant_count")
        for state in states
    ]
    assert said == [None, None, None, 0]


def test_a_year_without_commits_is_known_where_there_is_a_repository() -> None:
    idle = {"commits_over_52": [0] * 52, "commits_last_year": 0}
    for state in ("ok", "gone", None):
        assert known_figures.known_weeks({**idle, "repo_state": state}) == [0] * 52
        assert known_figures.known_figure({**idle, "repo_state": state}, "commits_last_year") == 0
    assert known_figures.known_weeks({**idle, "repo_state": "none"}) == []
    assert known_figures.known_value({**idle, "repo_state": "none"}, "commits_over_52") is None
    assert known_figures.known_weeks({"commits_over_52": [], "repo_state": "ok"}) == []


def test_a_zero_that_you_state_is_known() -> None:
    yours = {
        "repo_watchers": 0,
        "participant_count": 0,
        "repo_state": "none",
        "edited": ["participants", "repo_watchers"],
    }
    assert (
        known_figures.known_figure(yours, "repo_watchers"),
        known_figures.known_figure(yours, "participant_count"),
    ) == (0, 0)


def test_what_is_no_figure_is_as_it_is() -> None:
    assert (
        known_figures.known_value({"id": 0}, "id"),
        known_figures.known_value({"title": ""}, "title"),
        known_figures.known_value({}, "id"),
    ) == (0, "", None)
    assert known_figures.known_figure({"repo_watchers": "many"}, "repo_watchers") is None
