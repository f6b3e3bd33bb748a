"""Fifty-two weekly commit counts that move with the calendar.

The rule is the observed one of GitHub's `participation`: every commit reachable from the head of the default branch,
merge commits included, by author date in UTC, in 52 windows of seven days that end at the last midnight. Commits
per day are stored instead of the counts, so that the counts stay correct from day to day without a request.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WEEKS = 52
WINDOW = timedelta(weeks=WEEKS)


def window_start(now: datetime) -> datetime:
    """Return the midnight (UTC) at which the window starts at `now` (aware)."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - WINDOW


def commits_by_day(dates: Iterable[datetime], *, now: datetime) -> dict[str, int]:
    """Count author dates (aware) per day of UTC, as ``{"2026-01-05": 3}``, earliest day first.

    Days before the window are dropped. Today and future days are kept: they count later.
    """
    start = window_start(now)
    days: Counter[str] = Counter()
    for moment in dates:
        if moment < start:
            continue
        try:
            day = moment.astimezone(UTC).date()
        except OverflowError:  # past the year 9999 in UTC: never inside a window
            continue
        days[day.isoformat()] += 1
    return dict(sorted(days.items()))


def add_commits_by_day(days: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Add up the commits per day of two pages, earliest day first."""
    return {day: days.get(day, 0) + more.get(day, 0) for day in sorted({*days, *more})}


def weekly_counts(days: Mapping[str, int], *, as_of: datetime) -> list[int]:
    """Return the commits in each of the 52 weeks before the midnight (UTC) of `as_of` (aware), oldest week first."""
    weeks = [0] * WEEKS
    if not days:
        return weeks
    start = window_start(as_of).toordinal()
    for day, commits in days.items():
        week = (date.fromisoformat(day).toordinal() - start) // 7
        if 0 <= week < WEEKS:
            weeks[week] += commits
    return weeks
