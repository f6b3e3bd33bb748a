"""Fifty-two weekly commit counts that slide with the calendar.

The rule is that of GitHub's `participation` as it behaves: every commit reachable from the head of the default branch,
merge commits included, by author date in UTC, in 52 windows of seven days that end at the last midnight. Author days
are kept instead of the counts, so that the counts move on from day to day without a request.
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
    """The moment (aware, UTC, a midnight) from which on author dates count at `now` (aware)."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - WINDOW


def author_days(dates: Iterable[datetime], *, now: datetime) -> dict[str, int]:
    """How many of `dates` (aware) each day of UTC has, as ``{"2026-01-05": 3}``, earliest day first.

    Days before the window are left out. Today and later days stay: they do not count yet, but will when their time
    comes.
    """
    start = window_start(now)
    days: Counter[str] = Counter()
    for moment in dates:
        if moment < start:
            continue
        try:
            day = moment.astimezone(UTC).date()
        except OverflowError:  # in UTC it is past the year 9999; no window will ever reach it
            continue
        days[day.isoformat()] += 1
    return dict(sorted(days.items()))


def add_days(days: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """The author days of two pages of commits together, earliest day first."""
    return {day: days.get(day, 0) + more.get(day, 0) for day in sorted({*days, *more})}


def counts(days: Mapping[str, int], *, as_of: datetime) -> list[int]:
    """Commits in each of the 52 weeks before the midnight (UTC) of the day of `as_of` (aware), oldest week first."""
    weeks = [0] * WEEKS
    if not days:
        return weeks
    start = window_start(as_of).toordinal()
    for day, commits in days.items():
        week = (date.fromisoformat(day).toordinal() - start) // 7
        if 0 <= week < WEEKS:
            weeks[week] += commits
    return weeks
