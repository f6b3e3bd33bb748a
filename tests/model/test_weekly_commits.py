"""The 52 weekly counts, compared with observed answers of GitHub and with the calendar."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from djpkg.model.weekly_commits import WINDOW, add_commits_by_day, commits_by_day, weekly_counts, window_start

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
DAY = timedelta(days=1)
PARTICIPATION = json.loads((Path(__file__).parents[1] / "data/github/participation.json").read_text())

OBSERVATIONS = [
    pytest.param(history["authored"], seen["asked_at"], seen["all"], id=f"{history['repository']} {seen['asked_at']}")
    for history in PARTICIPATION["histories"]
    for seen in history["observations"]
]

seconds = st.integers(
    min_value=int(datetime(2024, 6, 1, tzinfo=UTC).timestamp()),
    max_value=int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()),
)
moments = st.builds(datetime.fromtimestamp, seconds, tz=st.just(UTC))
histories = st.lists(moments, max_size=40)
deterministic = settings(derandomize=True, deadline=None, max_examples=100)


def test_there_are_15_observed_answers() -> None:
    assert len(OBSERVATIONS) == 15


@pytest.mark.parametrize(("authored", "asked_at", "answered"), OBSERVATIONS)
def test_the_counts_equal_the_observed_answers_of_github(
    authored: list[int], asked_at: str, answered: list[int]
) -> None:
    asked = datetime.fromisoformat(asked_at)
    days = commits_by_day((datetime.fromtimestamp(second, tz=UTC) for second in authored), now=asked)
    assert weekly_counts(days, as_of=asked) == answered


def test_the_window_starts_364_days_before_the_last_utc_midnight() -> None:
    assert window_start(NOW) == datetime(2025, 3, 11, tzinfo=UTC)
    assert window_start(MIDNIGHT) == datetime(2025, 3, 11, tzinfo=UTC)
    late_in_new_york = datetime(2026, 3, 9, 23, 0, tzinfo=timezone(-timedelta(hours=5)))
    assert window_start(late_in_new_york) == datetime(2025, 3, 11, tzinfo=UTC)
    assert timedelta(days=364) == WINDOW


@pytest.mark.parametrize(
    ("moment", "week"),
    [
        (MIDNIGHT - WINDOW, 0),
        (MIDNIGHT - WINDOW + timedelta(days=7, microseconds=-1), 0),
        (MIDNIGHT - WINDOW + timedelta(days=7), 1),
        (MIDNIGHT - timedelta(days=7, microseconds=1), 50),
        (MIDNIGHT - timedelta(days=7), 51),
        (MIDNIGHT - timedelta(microseconds=1), 51),
        (MIDNIGHT - WINDOW - timedelta(microseconds=1), None),
        (MIDNIGHT, None),
        (NOW, None),
        (NOW + 3 * DAY, None),
    ],
)
def test_a_commit_counts_in_the_week_of_its_day(moment: datetime, week: int | None) -> None:
    weeks = weekly_counts(commits_by_day([moment], now=NOW), as_of=NOW)
    assert weeks == [int(number == week) for number in range(52)]


def test_days_are_in_utc() -> None:
    east = datetime(2026, 3, 2, 3, 0, tzinfo=timezone(timedelta(hours=9)))
    west = datetime(2026, 3, 2, 22, 0, tzinfo=timezone(-timedelta(hours=8)))
    assert commits_by_day([east, west], now=NOW) == {"2026-03-01": 1, "2026-03-03": 1}


def test_days_are_counted_earliest_first() -> None:
    dates = [NOW - 3 * DAY, NOW - 9 * DAY, NOW - 3 * DAY]
    assert list(commits_by_day(dates, now=NOW).items()) == [("2026-03-01", 1), ("2026-03-07", 2)]


def test_days_before_the_window_are_dropped_and_future_days_kept() -> None:
    dates = [MIDNIGHT - WINDOW - DAY, MIDNIGHT - WINDOW, NOW, NOW + 400 * DAY]
    assert list(commits_by_day(dates, now=NOW)) == ["2025-03-11", "2026-03-10", "2027-04-14"]


def test_dates_at_the_limits_of_the_calendar_are_ignored_or_kept() -> None:
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    last = datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=12)))
    future = datetime(9999, 12, 31, 23, tzinfo=UTC)
    days = commits_by_day([first, last, future], now=NOW)
    assert days == {"9999-12-31": 1}
    assert weekly_counts(days, as_of=NOW) == [0] * 52


def test_no_commits_are_a_new_list_of_52_zeros() -> None:
    first = weekly_counts({}, as_of=NOW)
    assert first == [0] * 52
    first[0] = 7
    assert weekly_counts({}, as_of=NOW) == [0] * 52


def test_a_commit_of_today_counts_tomorrow() -> None:
    days = commits_by_day([NOW], now=NOW)
    assert weekly_counts(days, as_of=NOW)[-1] == 0
    assert weekly_counts(days, as_of=NOW + DAY)[-1] == 1


@deterministic
@given(histories)
def test_counts_move_by_one_week_after_a_week(dates: list[datetime]) -> None:
    days = commits_by_day(dates, now=NOW)
    assert weekly_counts(days, as_of=NOW + 7 * DAY)[:-1] == weekly_counts(days, as_of=NOW)[1:]


@deterministic
@given(histories, st.integers(min_value=0, max_value=500))
def test_stored_days_give_the_same_counts_as_the_dates(dates: list[datetime], later: int) -> None:
    then = NOW + later * DAY
    stored = commits_by_day(dates, now=NOW)
    assert weekly_counts(stored, as_of=then) == weekly_counts(commits_by_day(dates, now=then), as_of=then)


@deterministic
@given(st.dates(min_value=MIDNIGHT.date(), max_value=(MIDNIGHT + 300 * DAY).date()))
def test_a_future_day_counts_from_the_day_after_it(day: object) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    days = commits_by_day([noon], now=NOW)
    assert sum(weekly_counts(days, as_of=noon)) == 0
    assert weekly_counts(days, as_of=noon + DAY) == [0] * 51 + [1]
    assert weekly_counts(days, as_of=noon + WINDOW) == [1] + [0] * 51
    assert sum(weekly_counts(days, as_of=noon + WINDOW + DAY)) == 0


@deterministic
@given(histories)
def test_every_commit_of_the_window_is_counted_once(dates: list[datetime]) -> None:
    weeks = weekly_counts(commits_by_day(dates, now=NOW), as_of=NOW)
    assert len(weeks) == 52
    assert sum(weeks) == sum(MIDNIGHT - WINDOW <= moment < MIDNIGHT for moment in dates)


@deterministic
@given(histories, st.integers(min_value=0, max_value=60))
def test_commits_of_pages_add_up(dates: list[datetime], cut: int) -> None:
    pages = add_commits_by_day(commits_by_day(dates[:cut], now=NOW), commits_by_day(dates[cut:], now=NOW))
    assert list(pages.items()) == list(commits_by_day(dates, now=NOW).items())
